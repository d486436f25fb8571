//! The server's side of SASL's two mechanisms over the GSS-API: `GSSAPI` (RFC
//! 4752) and `GSS-SPNEGO` (MS-ADTS 3.1.1.3.4.5.2), for LDAP, IMAP, SMTP, XMPP
//! and whatever else speaks SASL.
//!
//! Nothing here reads or writes a socket: the client's responses go into
//! [`SaslExchange::step`], challenges come out, and at the end there is a
//! [`SaslSession`], which protects what is said afterwards if that was agreed.
//!
//! ```no_run
//! use gss_acceptor::sasl::{SaslMechanism, SaslServer, SaslSession, SaslStep};
//! use gss_acceptor::{AcceptorConfig, Keytab, StepInput, backends};
//!
//! # fn read() -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
//! # fn send(challenge: &[u8]) -> std::io::Result<()> { Ok(()) }
//! # fn serve(name: &str) -> Result<SaslSession, Box<dyn std::error::Error>> {
//! let config = AcceptorConfig::builder(backends::rust(Keytab::open("/etc/ldap.keytab")?)).build()?;
//! let server = SaslServer::new(&config);
//!
//! let mechanism = SaslMechanism::from_name(name).ok_or("no such mechanism")?;
//! let mut exchange = server.begin(mechanism);
//! loop {
//!     match exchange.step(StepInput::new(&read()?))? {
//!         SaslStep::Challenge { token } => send(&token)?,
//!         // With the protocol's word for success, where it takes data along.
//!         SaslStep::Done { token, session } => {
//!             send(&token.unwrap_or_default())?;
//!             return Ok(session);
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! What fails closed: a client that would act in another's name is refused
//! unless [`SaslServer::authorize`] allows it; a security layer is only had in
//! a context that detects messages out of sequence; every message must be the
//! next one, and no longer than agreed.

mod choice;
mod exchange;
mod server;
mod session;

pub use exchange::{SaslExchange, SaslFailure, SaslStep};
pub use server::SaslServer;
pub use session::SaslSession;

use core::fmt;

/// A mechanism of SASL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// Kerberos, with a message of its own that negotiates a security layer
    /// (RFC 4752).
    Gssapi,
    /// SPNEGO, or what clients of Windows send in its place; which layer
    /// there is follows from the context's flags.
    GssSpnego,
}

impl SaslMechanism {
    /// The name that it is registered under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gssapi => "GSSAPI",
            Self::GssSpnego => "GSS-SPNEGO",
        }
    }

    /// The mechanism of that name. Case counts (RFC 4422 3.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Gssapi, Self::GssSpnego]
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What protects the connection once the client is known (RFC 4752 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecurityLayer {
    /// Nothing of SASL's: TLS, or nothing.
    None,
    /// Nobody alters, repeats or drops a message unnoticed.
    Integrity,
    /// Nobody reads one, besides.
    Confidentiality,
}

impl SecurityLayer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Integrity, Self::Confidentiality];

    /// Its bit (RFC 4752 3.3).
    const fn bit(self) -> u8 {
        match self {
            Self::None => 1,
            Self::Integrity => 2,
            Self::Confidentiality => 4,
        }
    }
}

impl fmt::Display for SecurityLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Integrity => "integrity",
            Self::Confidentiality => "confidentiality",
        })
    }
}
