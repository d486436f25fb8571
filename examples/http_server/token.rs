//! What a token looks like, for people. To a server tokens are opaque; this
//! guesses from their first bytes.

use std::fmt;

/// A token that went one way.
#[derive(Clone)]
pub struct Leg {
    pub way: Way,
    /// Its length in bytes; `None` for a message without a token.
    pub bytes: Option<usize>,
    pub what: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

impl Leg {
    pub fn token(way: Way, token: &[u8]) -> Self {
        Self {
            way,
            bytes: Some(token.len()),
            what: describe(token),
        }
    }

    pub fn message(way: Way, what: impl Into<String>) -> Self {
        Self {
            way,
            bytes: None,
            what: what.into(),
        }
    }

    pub fn size(&self) -> String {
        match self.bytes {
            Some(bytes) => format!("{bytes} bytes"),
            None => "no token".into(),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "client -> server",
            Self::ToClient => "server -> client",
        })
    }
}

/// 1.3.6.1.5.5.2, as it stands in a token.
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.2.840.113554.1.2.2, likewise.
const KERBEROS: &[u8] = &[
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02,
];

fn describe(token: &[u8]) -> String {
    let inside = inner(token);
    let outside = match token {
        [] => return "empty".into(),
        [0x60, ..] if find(&token[..token.len().min(16)], SPNEGO).is_some() => "SPNEGO offer",
        [0xA1, ..] => match find(token, &[0xA0, 0x03, 0x0A, 0x01]).and_then(|at| token.get(at + 4))
        {
            Some(0) => "SPNEGO accept-completed",
            Some(1) => "SPNEGO accept-incomplete",
            Some(2) => "SPNEGO reject",
            Some(3) => "SPNEGO request-mic",
            _ => "SPNEGO answer",
        },
        _ => return inside.unwrap_or("of an unknown kind").into(),
    };
    match inside {
        Some(inside) => format!("{outside}, with a {inside}"),
        None => outside.into(),
    }
}

/// The Kerberos or NTLM message that is, or is inside of, a token.
fn inner(token: &[u8]) -> Option<&'static str> {
    if find(token, b"NTLMSSP\0").is_some() {
        return Some("NTLM message");
    }
    // In an offer the identifier is also in the list of mechanisms, without
    // a token id behind it.
    let mut rest = token;
    while let Some(at) = find(rest, KERBEROS) {
        rest = &rest[at + KERBEROS.len()..];
        match rest {
            [1, 0, ..] => return Some("Kerberos AP-REQ"),
            [2, 0, ..] => return Some("Kerberos AP-REP"),
            [3, 0, ..] => return Some("Kerberos KRB-ERROR"),
            _ => {}
        }
    }
    None
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
