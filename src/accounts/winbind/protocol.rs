//! The words of `ntlm_auth --helper-protocol=ntlm-server-1` (ntlm_auth(1)):
//! lines of `name: value`, ended by a line with a full stop.

use core::fmt::Write as _;

use zeroize::Zeroizing;

use crate::accounts::{AccountAnswer, AccountName, Logon};
use crate::error::LogonProblem;
use crate::secret::Secret;

/// The question. Names go in base64 (`name:: value`), so that nothing in them
/// is a line. There is no LM response: [`Logon`] has none.
pub(super) fn request(logon: &Logon, default_domain: &str) -> String {
    let domain = match logon.domain() {
        "" => default_domain,
        sent => sent,
    };
    let mut text = format!("Username:: {}\n", base64(logon.user().as_bytes()));
    if !domain.is_empty() {
        let _ = writeln!(text, "NT-Domain:: {}", base64(domain.as_bytes()));
    }
    let _ = writeln!(text, "LANMAN-Challenge: {}", hex(&logon.challenge()));
    let _ = writeln!(text, "NT-Response: {}", hex(logon.nt_response()));
    text.push_str("Request-User-Session-Key: Yes\n.\n");
    text
}

/// What the answer's lines say.
pub(super) fn read(lines: &[Zeroizing<String>], name: AccountName) -> AccountAnswer {
    let value = |wanted: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            (name == wanted).then_some(value)
        })
    };
    let error = value("Authentication-Error").or(value("Error"));
    match (value("Authenticated"), error) {
        (Some("Yes"), None) => AccountAnswer::Verified {
            name,
            session_base_key: value("User-Session-Key")
                .and_then(from_hex)
                .unwrap_or_default(),
        },
        (Some("No"), Some(text)) => refusal(text),
        (_, Some(text)) => AccountAnswer::Unavailable { text: text.into() },
        _ => AccountAnswer::Unavailable {
            text: "ntlm_auth gives no answer that can be read".into(),
        },
    }
}

/// A refusal by the account's fault, or a domain that cannot be reached.
fn refusal(text: &str) -> AccountAnswer {
    const OURS: [&str; 8] = [
        "NO_LOGON_SERVERS",
        "No logon servers",
        "CANT_ACCESS_DOMAIN_INFO",
        "domain controller",
        "winbind",
        "IO_TIMEOUT",
        "INVALID_HANDLE",
        "Access denied",
    ];
    if OURS.iter().any(|part| text.contains(part)) {
        return AccountAnswer::Unavailable { text: text.into() };
    }
    let said = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    AccountAnswer::Refused(
        if said(&["NO_SUCH_USER", "specified account does not exist"]) {
            LogonProblem::UnknownUser
        } else if said(&["WRONG_PASSWORD", "password is not correct"]) {
            LogonProblem::WrongPassword
        } else if said(&["ACCOUNT_DISABLED", "account is currently disabled"]) {
            LogonProblem::Disabled
        } else {
            LogonProblem::Directory(text.into())
        },
    )
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

fn from_hex(text: &str) -> Option<Secret> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        let pair = core::str::from_utf8(pair).ok()?;
        bytes.push(u8::from_str_radix(pair, 16).ok()?);
    }
    Some(Secret::from(bytes))
}

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for index in 0..3 {
            bits = (bits << 8) | u32::from(group.get(index).copied().unwrap_or(0));
        }
        for index in 0..4_usize {
            let digit = (bits >> (18 - 6 * index)) & 0x3F;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(char::from(if index > group.len() { b'=' } else { digit }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{base64, read, request};
    use crate::accounts::{AccountAnswer, AccountName, Logon};
    use crate::error::LogonProblem;
    use zeroize::Zeroizing;

    /// RFC 4648 10.
    #[test]
    fn base64_is_rfc_4648s() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_name_cannot_be_a_line() {
        let logon = Logon::new("a\n.\nUsername: root", "D\n.", "").response([1; 8], b"\xab\xcd");
        let text = request(&logon, "");
        assert_eq!(text.lines().count(), 6, "{text}");
        assert_eq!(text.lines().filter(|line| *line == ".").count(), 1);
        assert!(text.contains("LANMAN-Challenge: 0101010101010101\n"));
        assert!(text.contains("NT-Response: ABCD\n"));
        assert!(!text.contains("LANMAN-Response"));
    }

    fn answer(lines: &[&str]) -> AccountAnswer {
        let lines: Vec<_> = lines
            .iter()
            .map(|l| Zeroizing::new((*l).to_owned()))
            .collect();
        let name = AccountName {
            user: "alice".into(),
            domain: "AD".into(),
        };
        read(&lines, name)
    }

    #[test]
    fn answers_are_read_and_never_taken_for_better() {
        let key = "User-Session-Key: 00112233445566778899AABBCCDDEEFF";
        match answer(&["Authenticated: Yes", key]) {
            AccountAnswer::Verified {
                session_base_key, ..
            } => assert_eq!(session_base_key.expose()[15], 0xff),
            other => panic!("{other:?}"),
        }
        // Without a key, or with one that is none, it is empty: nobody.
        for lines in [
            &["Authenticated: Yes"][..],
            &["Authenticated: Yes", "User-Session-Key: 0011zz"],
            &["Authenticated: Yes", "User-Session-Key: 001"],
        ] {
            match answer(lines) {
                AccountAnswer::Verified {
                    session_base_key, ..
                } => assert!(session_base_key.is_empty()),
                other => panic!("{other:?}"),
            }
        }
        for lines in [
            &[][..],
            &[key],
            &["Authenticated: yes", key],
            &["Authenticated:Yes", key],
            &["Authenticated: No"],
            &["Authenticated: Yes", "Authentication-Error: but"],
            &["Error: no"],
        ] {
            let got = answer(lines);
            assert!(matches!(got, AccountAnswer::Unavailable { .. }), "{got:?}");
        }
        let refused = |text: &str| {
            let line = format!("Authentication-Error: {text}");
            match answer(&["Authenticated: No", &line]) {
                AccountAnswer::Refused(problem) => Some(problem),
                AccountAnswer::Unavailable { .. } => None,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            refused("NT_STATUS_WRONG_PASSWORD"),
            Some(LogonProblem::WrongPassword)
        );
        assert_eq!(refused("NT_STATUS_NO_LOGON_SERVERS"), None);
        assert_eq!(
            refused("Account locked"),
            Some(LogonProblem::Directory("Account locked".into()))
        );
    }
}
