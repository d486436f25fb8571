//! One handshake of a client, and the context that comes of it.

use core::fmt;

use super::ap::{Answered, ApExchange};
use super::client::ClientFlags;
use super::error::ClientError;
use super::spnego::Negotiation;
use crate::backends::SecurityContext as _;
use crate::backends::rust::kerberos::context::KerberosContext;
use crate::{
    Error, MessagePart, PartsUsed, PrfKey, Principal, Protection, Secret, SequenceState,
    SessionKey, Sizes, Unwrapped,
};

/// A client that has made a token and awaits the server's answer.
#[must_use]
pub struct TestClient {
    token: Vec<u8>,
    state: State,
}

enum State {
    Raw(Box<ApExchange>),
    Negotiating(Box<Negotiation>),
}

/// What a client made of an answer.
#[derive(Debug)]
#[must_use]
pub enum ClientStep {
    /// Send the token; the server's answer goes into the client's next step.
    Continue {
        /// What to send.
        token: Vec<u8>,
        /// The client that awaits the answer.
        client: TestClient,
    },
    /// The client is done. Send the token, if there is one.
    Done {
        /// What to send, if anything.
        token: Option<Vec<u8>>,
        /// The client's end of the context.
        context: TestClientContext,
    },
}

impl TestClient {
    pub(super) fn raw(token: Vec<u8>, exchange: Box<ApExchange>) -> Self {
        let state = State::Raw(exchange);
        Self { token, state }
    }

    pub(super) fn negotiating(token: Vec<u8>, negotiation: Negotiation) -> Self {
        let state = State::Negotiating(Box::new(negotiation));
        Self { token, state }
    }

    /// The token to send: the first one, or after a
    /// [`Continue`](ClientStep::Continue) the one given there.
    #[must_use]
    pub fn first_token(&self) -> &[u8] {
        &self.token
    }

    pub(super) fn into_first_token(self) -> Vec<u8> {
        self.token
    }

    /// What the client asks for.
    #[must_use]
    pub fn asked(&self) -> ClientFlags {
        match &self.state {
            State::Raw(exchange) => exchange.flags(),
            State::Negotiating(negotiation) => negotiation.flags(),
        }
    }

    /// Takes the server's answer, or `None` if it sent none. A KRB-ERROR
    /// that invites the client to try again by the server's clock gives
    /// [`Continue`](ClientStep::Continue), once (MS-KILE 3.4.5).
    ///
    /// # Errors
    ///
    /// [`ClientError::KrbError`] and [`ClientError::Rejected`] when the
    /// server refused, [`ClientError::NoReply`],
    /// [`ClientError::UnexpectedReply`] and [`ClientError::BadReply`] when
    /// it did not keep to the protocol.
    pub fn step(self, reply: Option<&[u8]>) -> Result<ClientStep, ClientError> {
        match (self.state, reply) {
            (State::Raw(exchange), None) if exchange.mutual() => Err(ClientError::NoReply {
                awaited: "an AP-REP",
            }),
            (State::Raw(exchange), None) => Ok(ClientStep::Done {
                token: None,
                context: exchange.complete(),
            }),
            (State::Raw(exchange), Some(reply)) => Ok(match exchange.read(reply)? {
                Answered::Established(context, token) => ClientStep::Done { token, context },
                Answered::Again(token, exchange) => ClientStep::Continue {
                    client: Self::raw(token.clone(), exchange),
                    token,
                },
            }),
            // The first reply is always sent (rule 31).
            (State::Negotiating(_), None) => Err(ClientError::NoReply {
                awaited: "an answer to the negotiation",
            }),
            (State::Negotiating(negotiation), Some(reply)) => negotiation.step(reply),
        }
    }

    /// Takes the server's only answer, for a handshake of one leg each: the
    /// short form of [`step`](Self::step).
    ///
    /// # Errors
    ///
    /// As for `step`, and [`ClientError::NotFinished`].
    pub fn finish(self, reply: Option<&[u8]>) -> Result<TestClientContext, ClientError> {
        match self.step(reply)? {
            ClientStep::Done {
                token: None,
                context,
            } => Ok(context),
            _ => Err(ClientError::NotFinished),
        }
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("token", &format_args!("{} bytes", self.token.len()))
            .field("asked", &self.asked())
            .finish_non_exhaustive()
    }
}

/// A client's end of an established context.
pub struct TestClientContext {
    inner: Box<KerberosContext>,
    flags: ClientFlags,
    service: Principal,
}

impl TestClientContext {
    pub(super) fn new(inner: KerberosContext, flags: ClientFlags, service: Principal) -> Self {
        Self {
            inner: Box::new(inner),
            flags,
            service,
        }
    }

    /// What the client asked for.
    #[must_use]
    pub fn flags(&self) -> ClientFlags {
        self.flags
    }

    /// The service that it has a ticket for.
    #[must_use]
    pub fn service(&self) -> &Principal {
        &self.service
    }

    /// Protects a message for the server.
    ///
    /// # Errors
    ///
    /// As [`Context::wrap`](crate::Context::wrap); what was not asked for
    /// and the end of the ticket do not keep a test's client from it.
    pub fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.wrap(protection, data)
    }

    /// Takes a message of the server's out of its token.
    ///
    /// # Errors
    ///
    /// As [`Context::unwrap`](crate::Context::unwrap).
    pub fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        self.inner.unwrap(token)
    }

    /// Protects a message part by part, where the parts lie.
    ///
    /// # Errors
    ///
    /// As [`Context::wrap_parts`](crate::Context::wrap_parts).
    pub fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        self.inner.wrap_parts(protection, parts)
    }

    /// Reverses it on a message of the server's.
    ///
    /// # Errors
    ///
    /// As [`Context::unwrap_parts`](crate::Context::unwrap_parts).
    pub fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        self.inner.unwrap_parts(parts)
    }

    /// The sizes of its tokens.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.inner.sizes()
    }

    /// A token that proves a message which travels beside it.
    ///
    /// # Errors
    ///
    /// As [`Context::mic`](crate::Context::mic).
    pub fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.mic(data)
    }

    /// Checks such a token of the server's.
    ///
    /// # Errors
    ///
    /// As [`Context::verify`](crate::Context::verify).
    pub fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        self.inner.verify(data, mic)
    }

    /// The key that both sides share.
    ///
    /// # Errors
    ///
    /// None; the server's end has the same signature.
    pub fn session_key(&self) -> Result<SessionKey, Error> {
        self.inner.session_key()
    }

    /// The pseudo-random function of the context (RFC 4401).
    ///
    /// # Errors
    ///
    /// As [`Context::prf`](crate::Context::prf).
    pub fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error> {
        self.inner.prf(key, input, length)
    }
}

impl fmt::Debug for TestClientContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClientContext")
            .field("service", &self.service)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}
