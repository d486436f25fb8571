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
