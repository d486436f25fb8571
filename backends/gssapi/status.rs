//! What the library says, as errors by fault: the minor status tells what the
//! major status calls a failure.

use std::time::{Duration, SystemTime};

use super::accept::Bindings;
use super::keys::Keys;
use super::sys::Status;
use super::token::ApReq;
use crate::error::{
    Error, EtypeUse, GssMajor, KeyTried, Misuse, PlatformStatus, Rejection, Unavailability,
};
use crate::etype::EncryptionType;
use crate::mechanism::Framing;
use crate::name::Principal;
use crate::time::from_unix_seconds;

/// What is known beside the status.
pub(super) struct Circumstances<'a> {
    /// The last AP-REQ of the handshake.
    pub(super) ap_req: Option<&'a ApReq>,
    /// The keys of the configuration, as far as they are known here.
    pub(super) keys: &'a Keys,
    /// Encryption types of the configuration.
    pub(super) etypes: &'a [EncryptionType],
    /// What there is to say where no mechanism is acceptable.
    pub(super) no_common: Rejection,
    /// Whether there were bindings to compare.
    pub(super) bound: Bindings,
    /// Raw or negotiated.
    pub(super) framing: Framing,
    /// The time now.
    pub(super) now: SystemTime,
    /// The library's clock skew.
    pub(super) skew: Duration,
}

/// The error of a failed step.
pub(super) fn of_step(status: &Status, known: &Circumstances<'_>) -> Error {
    let error = match protocol_code(status) {
        Some(code) => of_code(code, status, known),
        None => of_major(status, known),
    };
    error.with_platform(platform(status))
}

/// The error of a code that the library has put into a KRB-ERROR.
pub(super) fn of_krb_error(code: i32, known: &Circumstances<'_>) -> Error {
    let status = Status {
        major: FAILURE,
        minor: 0,
        major_text: String::new(),
        minor_text: String::new(),
    };
    of_code(code, &status, known)
}

/// The error of anything but a step.
pub(super) fn of_call(what: &'static str, status: &Status) -> Error {
    let error = match status.major & ROUTINE {
        CONTEXT_EXPIRED => Rejection::ContextExpired {
            end: from_unix_seconds(0),
        }
        .into(),
        BAD_SIG => Rejection::MessageAltered {
            problem: "the integrity check failed",
        }
        .into(),
        DEFECTIVE_TOKEN => Error::malformed(what, "the library cannot read it", None),
        // An empty one is a wrong call to them; of some, MIT says no more
        // than that it failed.
        0 | FAILURE if what.ends_with("token") => {
            Error::malformed(what, "the library does not accept it", None)
        }
        UNAVAILABLE => Misuse::Unsupported {
            backend: super::NAME,
            what,
        }
        .into(),
        _ => Unavailability::Internal { operation: what }.into(),
    };
    error.with_platform(platform(status))
}

/// The library's own words.
pub(super) fn platform(status: &Status) -> PlatformStatus {
    let text = match (status.major_text.as_str(), status.minor_text.as_str()) {
        (major, "") => major.to_owned(),
        (major, minor) => format!("{major}: {minor}"),
    };
    PlatformStatus::new(super::NAME, printable(&text)).with_gss(
        GssMajor(status.major),
        i64::from(status.minor.cast_signed()),
    )
}

/// Names out of a token are in these texts, so nothing that could forge a line
/// of a log may pass.
fn printable(text: &str) -> String {
    text.chars().flat_map(escaped).collect()
}

fn escaped(character: char) -> Box<dyn Iterator<Item = char>> {
    if crate::error::is_unprintable(character) {
        Box::new(character.escape_default())
    } else {
        Box::new(core::iter::once(character))
    }
}

const ROUTINE: u32 = 0x00FF_0000;
const BAD_MECH: u32 = 1 << 16;
const BAD_BINDINGS: u32 = 4 << 16;
const BAD_SIG: u32 = 6 << 16;
const NO_CRED: u32 = 7 << 16;
const DEFECTIVE_TOKEN: u32 = 9 << 16;
const CREDENTIALS_EXPIRED: u32 = 11 << 16;
const CONTEXT_EXPIRED: u32 = 12 << 16;
const FAILURE: u32 = 13 << 16;
const UNAVAILABLE: u32 = 16 << 16;

/// com_err's `krb5` table: protocol codes are added to it in both libraries.
const KRB5_TABLE: i32 = -1_765_328_384;
/// Its codes that no KRB-ERROR carries, after the same base.
const WRONG_PRINCIPAL: i32 = 144;
const KT_NOT_FOUND: i32 = 181;
/// Heimdal says this one instead.
const KT_END: i32 = 182;
/// KDC_ERR_TRTYPE_NOSUPP (RFC 4120 7.5.9).
const TRANSITED_TYPE: i32 = 17;
const BAD_ENCTYPE: i32 = 188;
const KT_KVNO_NOT_FOUND: i32 = 230;
const NO_PERMITTED_ETYPE: i32 = 236;
const TICKET_INVALID: i32 = 145;
const NO_PATH: i32 = 185;
const BAD_SIZE: i32 = 190;

/// Texts of com_err's table: MIT's mechanism glue gives a code another number
/// when two mechanisms of the process have used the same one.
const TEXTS: [(&str, i32); 20] = [
    ("cannot decrypt ticket", 31),
    ("not found in keytab", 44),
    ("Ticket has invalid flag set", TICKET_INVALID),
    (" not permitted", NO_PERMITTED_ETYPE),
    ("Clock skew too great", 37),
    ("Ticket expired", 32),
    ("Ticket not yet valid", 33),
    ("Ticket is not yet valid", 33),
    ("Request is a replay", 34),
    ("Wrong principal in request", WRONG_PRINCIPAL),
    ("The ticket isn't for us", 35),
    ("Ticket/authenticator don't match", 36),
    ("Incorrect net address", 38),
    ("Illegal cross-realm ticket", 43),
    ("Key version is not available", 44),
    ("Key version number for principal", KT_KVNO_NOT_FOUND),
    ("Service key not available", 45),
    ("Inappropriate type of checksum", 50),
    ("Decrypt integrity check failed", 31),
    ("Encryption type not permitted", NO_PERMITTED_ETYPE),
];

/// The code after the base of the table, if it is one of Kerberos'.
fn protocol_code(status: &Status) -> Option<i32> {
    let code = status.minor.cast_signed().wrapping_sub(KRB5_TABLE);
    if (1..256).contains(&code) {
        return Some(code);
    }
    let text = &status.minor_text;
    let by_text = TEXTS.iter().find(|(words, _)| text.contains(words));
    by_text.map(|(_, code)| *code)
}

fn of_code(code: i32, status: &Status, known: &Circumstances<'_>) -> Error {
    let Circumstances { now, skew, .. } = *known;
    let reason = match code {
        32 => Rejection::TicketExpired { end: None, now },
        33 => Rejection::TicketNotYetValid { start: None, now },
        34 => Rejection::Replay,
        37 => Rejection::ClockSkew {
            client: None,
            server: now,
            skew,
        },
        TICKET_INVALID => Rejection::TicketInvalid,
        67 | 69 => Rejection::NoTgt,
        NO_PERMITTED_ETYPE | 14 => return etype_not_permitted(status, known),
        39 => return Error::malformed("AP-REQ", "of another protocol version", None),
        40 => return Error::malformed("AP-REQ", "of another message type", None),
        BAD_ENCTYPE | BAD_SIZE if status.major & ROUTINE != BAD_SIG => Rejection::Authenticator,
        41 | 50 => unknown_checksum(),
        31 if status.major & ROUTINE == BAD_SIG => unknown_checksum(),
        31 | 35 | 36 | 43 | 44 | 45 | 51 | WRONG_PRINCIPAL | KT_NOT_FOUND | KT_END
        | KT_KVNO_NOT_FOUND | TRANSITED_TYPE | NO_PATH => return of_ticket(code, status, known),
        _ => return of_major(status, known),
    };
    reason.into()
}

/// What has to do with the ticket, which says for whom it is.
fn of_ticket(code: i32, status: &Status, known: &Circumstances<'_>) -> Error {
    let Some(ap_req) = known.ap_req else {
        return of_major(status, known);
    };
    let (service, etype) = (ap_req.service.clone(), ap_req.etype);
    let reason = match code {
        // Heimdal says the same of both, and its KRB-ERROR has no text.
        31 if status.minor_text.is_empty()
            || status.minor_text.contains("ticket")
            || status.minor_text.contains("checksum type") =>
        {
            mismatch(ap_req)
        }
        31 => Rejection::Authenticator,
        36 => Rejection::ClientMismatch {
            ticket: nobody(),
            authenticator: nobody(),
        },
        43 | 51 | NO_PATH | TRANSITED_TYPE => Rejection::Transited {
            client: nobody(),
            server_realm: String::from_utf8_lossy(service.realm()).into_owned(),
            transited: vec!["realms that the library does not name".into()],
        },
        _ => {
            let mut has: Vec<u32> = known
                .keys
                .of(&service)
                .filter(|key| key.etype == etype)
                .map(|key| key.kvno)
                .collect();
            has.sort_unstable_by(|one, other| other.cmp(one));
            match ap_req.kvno {
                _ if !known.keys.has(&service) => no_key(service, known),
                _ if has.is_empty() => Rejection::KeyEtype {
                    has: known.keys.of(&service).map(|key| key.etype).collect(),
                    service,
                    etype,
                },
                Some(kvno) if !has.contains(&kvno) => Rejection::KeyVersion {
                    service,
                    kvno,
                    etype,
                    has,
                },
                _ => mismatch(ap_req),
            }
        }
    };
    reason.into()
}

/// Neither library says which type it was.
fn unknown_checksum() -> Rejection {
    Rejection::Checksum {
        kind: 0,
        expected: 0,
    }
}

/// A key for this name is not there.
pub(super) fn no_key(service: Principal, known: &Circumstances<'_>) -> Rejection {
    let mut available: Vec<Principal> = Vec::new();
    for key in known.keys.all() {
        if available.len() < 8 && !available.contains(&key.principal) {
            available.push(key.principal.clone());
        }
    }
    Rejection::NoKey { service, available }
}

fn mismatch(ap_req: &ApReq) -> Rejection {
    Rejection::KeyMismatch {
        service: ap_req.service.clone(),
        kvno: ap_req.kvno,
        etype: ap_req.etype,
        tried: KeyTried::Exact,
    }
}

/// Those of ticket and session key have been looked at before.
fn etype_not_permitted(status: &Status, known: &Circumstances<'_>) -> Error {
    let named = |(name, _): &&(&str, i32)| status.minor_text.contains(name);
    let etype = WEAK.iter().find(named).map_or(0, |(_, etype)| *etype);
    Rejection::EtypeNotPermitted {
        used_as: EtypeUse::Subkey,
        etype: EncryptionType(etype),
        permitted: known.etypes.to_vec(),
    }
    .into()
}

/// MIT's names of what nobody permits by default.
const WEAK: [(&str, i32); 5] = [
    ("arcfour-hmac", 23),
    ("des3-cbc-sha1", 16),
    ("des-cbc-crc", 1),
    ("des-cbc-md4", 2),
    ("des-cbc-md5", 3),
];

/// A name that the library keeps to itself.
fn nobody() -> Principal {
    Principal::new("", &[] as &[&str], Principal::NT_PRINCIPAL)
}

fn of_major(status: &Status, known: &Circumstances<'_>) -> Error {
    let reason = match status.major & ROUTINE {
        // Heimdal says so of any checksum that it cannot read.
        BAD_BINDINGS if known.bound == Bindings::NotGiven => {
            return Error::malformed("GSS checksum", "the library cannot read it", None);
        }
        BAD_BINDINGS => Rejection::BindingMismatch {
            null_address_type: false,
        },
        // A mechanism that the credential is not for.
        BAD_MECH | NO_CRED => known.no_common.clone(),
        BAD_SIG if known.framing == Framing::Spnego => Rejection::MechListMic { missing: false },
        BAD_SIG => unknown_checksum(),
        // MIT says so too of a ticket that is good for more than 2^31 s.
        CREDENTIALS_EXPIRED | CONTEXT_EXPIRED => Rejection::TicketExpired {
            end: None,
            now: known.now,
        },
        _ => return Error::malformed("token", "the library does not accept it", None),
    };
    reason.into()
}

#[cfg(test)]
mod tests {
    use super::{Circumstances, of_step};
    use crate::backends::gssapi::accept::Bindings;
    use crate::backends::gssapi::keys::Keys;
    use crate::backends::gssapi::sys::Status;
    use crate::error::{Error, PlatformStatus, Rejection};
    use crate::mechanism::Framing;
    use crate::time::from_unix_seconds;
    use std::sync::LazyLock;
    use std::time::Duration;

    static NO_KEYS: LazyLock<Keys> = LazyLock::new(Keys::default);

    fn known() -> Circumstances<'static> {
        Circumstances {
            ap_req: None,
            keys: &NO_KEYS,
            etypes: &[],
            no_common: Rejection::Replay,
            bound: Bindings::NotGiven,
            framing: Framing::Raw,
            now: from_unix_seconds(0),
            skew: Duration::from_secs(300),
        }
    }

    fn status(minor: u32, minor_text: &str) -> Status {
        Status {
            major: super::FAILURE,
            minor,
            major_text: "Unspecified GSS failure".into(),
            minor_text: minor_text.into(),
        }
    }

    /// RFC 4120 7.5.9 numbers after com_err's base, which is what
    /// `KRB5KRB_AP_ERR_SKEW` is in both libraries' headers.
    #[test]
    fn the_minor_status_tells_what_the_major_does_not() {
        let skew = of_step(&status((-1_765_328_347_i32).cast_unsigned(), ""), &known());
        assert!(matches!(
            skew.rejection(),
            Some(Rejection::ClockSkew { .. })
        ));
        let mapped = of_step(&status(100_003, "Clock skew too great"), &known());
        assert!(matches!(
            mapped.rejection(),
            Some(Rejection::ClockSkew { .. })
        ));
        assert_eq!(
            mapped.platform().and_then(PlatformStatus::minor),
            Some(100_003)
        );
    }

    #[test]
    fn a_name_in_the_librarys_words_cannot_forge_a_line() {
        let error = of_step(&status(1, "no key for a\nb\u{202E}"), &known());
        let text = error.platform().expect("its words").to_string();
        assert!(!text.contains('\n') && !text.contains('\u{202E}'), "{text}");
        assert!(matches!(error, Error::Malformed { .. }));
    }
}
