//! Credentials that the application is asked for while a handshake is under
//! way (PROMPT_FOR_CREDS).

use core::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::Credentials;
use crate::etype::EncryptionType;
use crate::name::Principal;
use crate::reply::Reply;
use crate::token::CredentialHandle;

/// What a ticket needs that the configured credentials do not have.
///
/// All of it is the clear text of a ticket (RFC 4120 5.3) that nobody has
/// opened: a stranger can write anything here. It says what to look for, and
/// proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WantedCredentials {
    /// The service that the ticket is for. Where accepted services are
    /// restricted, it is one of them.
    pub service: Principal,
    /// The version of the key, where the ticket gives one.
    pub kvno: Option<u32>,
    /// The type of the key; one that the configuration permits.
    pub etype: EncryptionType,
    /// The address that the step gave for the client, to count by.
    pub peer_address: Option<IpAddr>,
}

impl WantedCredentials {
    /// For backends: the key that a ticket needs.
    #[must_use]
    pub fn new(service: Principal, kvno: Option<u32>, etype: EncryptionType) -> Self {
        Self {
            service,
            kvno,
            etype,
            peer_address: None,
        }
    }

    /// With the client's address.
    #[must_use]
    pub fn peer_address(mut self, address: Option<IpAddr>) -> Self {
        self.peer_address = address;
        self
    }
}

/// What the application answers. Whatever it is, it serves this handshake
/// and no other.
#[derive(Debug)]
#[non_exhaustive]
pub enum PromptAnswer {
    /// Credentials that were read and derived once
    /// ([`AcceptorConfig::acquire`](crate::AcceptorConfig::acquire)): the
    /// answer to prefer, since it costs the handshake nothing.
    Handle(CredentialHandle),
    /// Credentials that are read and derived now, for this handshake alone. A
    /// keytab costs its parsing; a password costs what its encryption type
    /// makes of it (4096 iterations of PBKDF2 by RFC 3962, 32 768 by RFC
    /// 8009), on the thread of the handshake. A keytab file is not watched.
    Credentials(Credentials),
    /// There are none: the client is refused as if nobody had been asked.
    None,
    /// Whether there are any cannot be said: the client is refused, and the
    /// fault is the server's.
    Unavailable {
        /// Why; for the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

type Ask = dyn Fn(WantedCredentials) -> Reply<PromptAnswer> + Send + Sync;

/// The application's answer to "whose key is that?"
/// ([`prompt_for_credentials`](crate::ConfigBuilder::prompt_for_credentials)).
/// Cheap to clone.
#[derive(Clone)]
pub struct CredentialPrompt(Arc<Ask>);

impl CredentialPrompt {
    /// A prompt from the callback itself.
    #[must_use]
    pub fn new(
        ask: impl Fn(WantedCredentials) -> Reply<PromptAnswer> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// For backends: asks it.
    #[must_use]
    pub fn ask(&self, wanted: WantedCredentials) -> Reply<PromptAnswer> {
        (self.0)(wanted)
    }
}

impl fmt::Debug for CredentialPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialPrompt(..)")
    }
}
