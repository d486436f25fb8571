//! The mechanisms a client may authenticate with.

use core::fmt;

/// An authentication mechanism. SPNEGO (RFC 4178) is not one of them: it
/// negotiates which one is used, and [`Context::mechanism`](crate::Context::mechanism)
/// tells that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mechanism {
    /// Kerberos 5 (RFC 4121, MS-KILE).
    Kerberos,
    /// NTLM (MS-NLMP).
    Ntlm,
}

impl Mechanism {
    /// Every mechanism there is.
    pub const ALL: [Self; 2] = [Self::Kerberos, Self::Ntlm];

    /// The object identifier in dotted form.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Kerberos => "1.2.840.113554.1.2.2",
            Self::Ntlm => "1.3.6.1.4.1.311.2.2.10",
        }
    }
}

/// An object identifier's contents octets (X.690 8.19) in dotted form, for an
/// error's text; what is not well formed or too long for it, in hexadecimal.
pub(crate) fn dotted(oid: &[u8]) -> String {
    const LONGEST: usize = 64;
    let hex = || {
        let bytes = oid.iter().take(LONGEST);
        bytes.fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let (Some(last), true) = (oid.last(), oid.len() <= LONGEST) else {
        return hex();
    };
    if last & 0x80 != 0 {
        return hex();
    }
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: u64 = 0;
    for &byte in oid {
        if arc >> 57 != 0 {
            return hex();
        }
        arc = (arc << 7) | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= first * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs.iter()
        .map(u64::to_string)
        .collect::<Vec<_>>()
        .join(".")
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
        })
    }
}

/// How the client's tokens were framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// The mechanism's own tokens.
    Raw,
    /// Negotiated with SPNEGO (RFC 4178).
    Spnego,
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Spnego => "SPNEGO",
        })
    }
}
