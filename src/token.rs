//! What goes into a step. Tokens themselves are plain bytes: what they mean
//! is the peer's secret from everybody but the mechanism.

use std::net::IpAddr;
use std::sync::Arc;

use core::any::Any;
use core::fmt;

use crate::channel_bindings::ChannelBindings;

/// The input of one step: the client's token, and what the server knows
/// besides.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StepInput<'a> {
    /// The client's token.
    pub token: &'a [u8],
    /// The channel that the token came through.
    pub channel_bindings: Option<&'a ChannelBindings>,
    /// Credentials for this handshake alone (USE_SUPPLIED_CREDS). The caller
    /// gives them with the first step; a backend gets them with every one.
    pub credentials: Option<&'a CredentialHandle>,
    /// The address that the client has on this connection. With it, a ticket
    /// that is limited to addresses is held to them (RFC 4120 5.3, caddr).
    pub peer_address: Option<IpAddr>,
}

impl<'a> StepInput<'a> {
    /// Just the token.
    #[must_use]
    pub fn new(token: &'a [u8]) -> Self {
        Self {
            token,
            channel_bindings: None,
            credentials: None,
            peer_address: None,
        }
    }

    /// With the channel that the token came through; the same in every step
    /// of a handshake.
    #[must_use]
    pub fn channel_bindings(mut self, bindings: &'a ChannelBindings) -> Self {
        self.channel_bindings = Some(bindings);
        self
    }

    /// With credentials for this handshake alone.
    #[must_use]
    pub fn credentials(mut self, credentials: &'a CredentialHandle) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// With the client's address.
    #[must_use]
    pub fn peer_address(mut self, address: IpAddr) -> Self {
        self.peer_address = Some(address);
        self
    }
}

impl<'a> From<&'a [u8]> for StepInput<'a> {
    fn from(token: &'a [u8]) -> Self {
        Self::new(token)
    }
}

/// Credentials that a backend has read and derived once, for
/// [`StepInput::credentials`] (`CredentialHandle` of `AcceptSecurityContext`).
/// Cheap to clone.
#[derive(Clone)]
pub struct CredentialHandle(Arc<dyn Any + Send + Sync>);

impl CredentialHandle {
    /// For backends: holds what the backend made of the credentials.
    #[must_use]
    pub fn new(inner: Arc<dyn Any + Send + Sync>) -> Self {
        Self(inner)
    }

    /// For backends: what [`new`](Self::new) was given, if it is a `T`.
    #[must_use]
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0).downcast().ok()
    }
}

impl fmt::Debug for CredentialHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialHandle(..)")
    }
}
