//! What a client asks for, and its first token.

use core::fmt;
use std::time::{Duration, SystemTime};

use bitflags::bitflags;

use super::ap::{ApExchange, Plan};
use super::delegation::krb_cred;
use super::error::{ClientError, ConnectError};
use super::handshake::{ClientStep, TestClient, TestClientContext};
use super::realm::Service;
use super::spnego::Negotiation;
use super::ticket::TicketOptions;
use crate::{
    Acceptor, AcceptorConfig, ChannelBindings, Context, EncryptionType, Failure, Framing, Step,
    StepInput,
};

bitflags! {
    /// What a client asks of its context: the flags of RFC 4121 4.1.1.1 and
    /// those that Windows adds (RFC 4757 7.1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ClientFlags: u32 {
        /// The server is to prove itself too.
        const MUTUAL_AUTH = 0x02;
        /// Replayed messages are detected.
        const REPLAY_DETECT = 0x04;
        /// Messages out of order are detected.
        const SEQUENCE_DETECT = 0x08;
        /// Messages can be sealed.
        const CONFIDENTIALITY = 0x10;
        /// Messages can be protected against alteration.
        const INTEGRITY = 0x20;
        /// Three legs, as DCE RPC has it.
        const DCE_STYLE = 0x1000;
        /// The client lets itself be identified, not impersonated.
        const IDENTIFY = 0x2000;
        /// The client wants errors in detail.
        const EXTENDED_ERROR = 0x4000;
    }
}

impl ClientFlags {
    /// What a browser ends up with: Chromium and Firefox ask for nothing,
    /// and MIT krb5 adds these two by itself.
    pub const BROWSER: Self = Self::CONFIDENTIALITY.union(Self::INTEGRITY);
    /// What `curl --negotiate` on MIT krb5 ends up with.
    pub const CURL: Self = Self::BROWSER
        .union(Self::MUTUAL_AUTH)
        .union(Self::REPLAY_DETECT);

    /// The names of the flags, for messages.
    #[must_use]
    pub fn names(self) -> String {
        let names: Vec<&str> = self.iter_names().map(|(name, _)| name).collect();
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    }
}

impl Default for ClientFlags {
    /// Mutual authentication, detection of replay and disorder, and both
    /// kinds of protection: what applications that exchange messages ask
    /// for.
    fn default() -> Self {
        Self::CURL | Self::SEQUENCE_DETECT
    }
}

/// What a client offers in SPNEGO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offer {
    /// Kerberos alone, with its first token: MIT krb5 without other
    /// mechanisms.
    #[default]
    Kerberos,
    /// Kerberos under both of its identifiers, NegoEx and NTLM, with
    /// Kerberos' first token under the older identifier: Windows.
    Windows,
    /// NTLM with its first token, then Kerberos: a server that takes
    /// Kerberos must ask for it, and for a MIC over the offer (RFC 4178 5).
    NtlmFirst,
}

/// Makes a client of a [`Service`]. Unless told otherwise it asks for
/// [`ClientFlags::default`] inside SPNEGO, with a good ticket, a good clock
/// and no channel bindings.
///
/// [`initiate`](Self::initiate) may be called any number of times: each
/// client has a ticket, an authenticator and keys of its own.
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    service: Service,
    name: String,
    flags: ClientFlags,
    framing: Framing,
    offer: Offer,
    clock: ClockError,
    ticket: TicketOptions,
    bindings: Option<[u8; 16]>,
    promise: BindingPromise,
    etypes: Vec<EncryptionType>,
    target: Option<String>,
    delegates: Option<TicketOptions>,
}

/// How far a client's clock is from the realm's.
#[derive(Clone, Copy, Debug)]
enum ClockError {
    Ahead(Duration),
    Behind(Duration),
}

/// Whether a client says that it binds to its channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BindingPromise {
    Made,
    NotMade,
}

impl ClientBuilder {
    pub(super) fn new(service: &Service, name: &str) -> Self {
        Self {
            service: service.clone(),
            name: name.to_owned(),
            flags: ClientFlags::default(),
            framing: Framing::Spnego,
            offer: Offer::default(),
            clock: ClockError::Ahead(Duration::ZERO),
            ticket: TicketOptions::new(),
            bindings: None,
            promise: BindingPromise::NotMade,
            etypes: Vec::new(),
            target: None,
            delegates: None,
        }
    }

    /// Asks for exactly this.
    pub fn flags(mut self, flags: ClientFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Asks for this too.
    pub fn with(mut self, flags: ClientFlags) -> Self {
        self.flags |= flags;
        self
    }

    /// Does not ask for this.
    pub fn without(mut self, flags: ClientFlags) -> Self {
        self.flags -= flags;
        self
    }

    /// Sends Kerberos' own tokens, without SPNEGO.
    pub fn raw(mut self) -> Self {
        self.framing = Framing::Raw;
        self
    }

    /// Sends its tokens inside SPNEGO with this offer.
    pub fn spnego(mut self, offer: Offer) -> Self {
        self.framing = Framing::Spnego;
        self.offer = offer;
        self
    }

    /// Binds to this channel.
    pub fn channel_bindings(mut self, bindings: &ChannelBindings) -> Self {
        self.bindings = Some(bindings.gss_hash());
        self
    }

    /// Says that it binds to its channel (`KERB_AP_OPTIONS_CBT`, MS-KILE
    /// 3.2.5.8), as Windows clients and those of MIT krb5 with
    /// `client_aware_channel_bindings` do; also when it does not.
    pub fn promise_channel_bindings(mut self) -> Self {
        self.promise = BindingPromise::Made;
        self
    }

    /// Its clock is ahead of the realm's.
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.clock = ClockError::Ahead(by);
        self
    }

    /// Its clock is behind the realm's.
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.clock = ClockError::Behind(by);
        self
    }

    /// Uses one encryption type for ticket, session key and subkey.
    pub fn etype(mut self, etype: EncryptionType) -> Self {
        self.ticket = self.ticket.etype(etype).session_etype(etype);
        self
    }

    /// Lists encryption types for the server to choose its subkey's from
    /// (RFC 4537).
    pub fn negotiate_etypes(mut self, etypes: &[EncryptionType]) -> Self {
        self.etypes = etypes.to_vec();
        self
    }

    /// Says that its user meant this target (MS-KILE 3.2.5.8), as Windows
    /// does.
    pub fn claims_target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Has a ticket like this. What [`etype`](Self::etype) said before is
    /// replaced.
    pub fn ticket(mut self, ticket: TicketOptions) -> Self {
        self.ticket = ticket;
        self
    }

    /// Delegates: sends a forwarded ticket-granting ticket like this along,
    /// for a server that requests
    /// [`DELEGATE`](crate::Requirements::DELEGATE). No KDC knows the ticket.
    pub fn delegate(mut self, ticket: TicketOptions) -> Self {
        self.delegates = Some(ticket);
        self
    }

    /// Gets a ticket and makes the first token.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unusable`] for a name or an encryption type that is
    /// none, [`ClientError::NoKey`], [`ClientError::Encoding`].
    pub fn initiate(&self) -> Result<TestClient, ClientError> {
        let ticket = self.ticket.mint(&self.service, &self.name)?;
        let delegated = match &self.delegates {
            Some(options) => Some(krb_cred(options, &ticket.client, self.service.now())?),
            None => None,
        };
        let plan = Plan {
            ticket,
            delegated,
            flags: self.flags,
            bindings: self.bindings.unwrap_or_default(),
            promise: self.promise,
            etypes: self.etypes.clone(),
            target: self.target.clone(),
        };
        let (exchange, ap_req) = ApExchange::begin(plan, self.now())?;
        match self.framing {
            Framing::Raw => Ok(TestClient::raw(ap_req, Box::new(exchange))),
            Framing::Spnego => {
                let (negotiation, token) = Negotiation::begin(self.offer, ap_req, exchange)?;
                Ok(TestClient::negotiating(token, negotiation))
            }
        }
    }

    /// The first token alone, for a client that does not care for the
    /// answer.
    ///
    /// # Errors
    ///
    /// As for [`initiate`](Self::initiate).
    pub fn token(&self) -> Result<Vec<u8>, ClientError> {
        Ok(self.initiate()?.into_first_token())
    }

    /// Goes through a whole handshake with a server of this configuration,
    /// without a network: the client's context, and the server's.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: what the server refused and what the client made of
    /// it, or what the client refused.
    pub fn connect(
        &self,
        config: &AcceptorConfig,
    ) -> Result<(TestClientContext, Context), ConnectError> {
        self.run(config, None)
    }

    /// As [`connect`](Self::connect), through this channel on the server's
    /// side.
    ///
    /// # Errors
    ///
    /// As for `connect`.
    pub fn connect_through(
        &self,
        config: &AcceptorConfig,
        channel: &ChannelBindings,
    ) -> Result<(TestClientContext, Context), ConnectError> {
        self.run(config, Some(channel))
    }

    fn run(
        &self,
        config: &AcceptorConfig,
        channel: Option<&ChannelBindings>,
    ) -> Result<(TestClientContext, Context), ConnectError> {
        let mut acceptor = Acceptor::new(config);
        let client = self.initiate()?;
        let mut step = ClientStep::Continue {
            token: client.first_token().to_vec(),
            client,
        };
        loop {
            // A client that is done may have a last token to send.
            let (token, rest) = match step {
                ClientStep::Continue { token, client } => (token, Rest::Waiting(client)),
                ClientStep::Done { token, context } => {
                    (token.unwrap_or_default(), Rest::Done(context))
                }
            };
            let mut input = StepInput::new(&token);
            input.channel_bindings = channel;
            let (reply, server) = match acceptor.step_with(input) {
                Ok(Step::Continue { token }) => (Some(token), None),
                Ok(Step::Established { token, context }) => (token, Some(context)),
                Err(failure) => return Err(rest.refused(failure)),
            };
            step = rest.answer(reply.as_deref())?;
            match (step, server) {
                (
                    ClientStep::Done {
                        token: None,
                        context,
                    },
                    Some(server),
                ) => return Ok((context, server)),
                (_, Some(_)) => {
                    return Err(ClientError::NoReply {
                        awaited: "an answer to the client's next token",
                    }
                    .into());
                }
                (next, None) => step = next,
            }
        }
    }

    /// The client's time.
    fn now(&self) -> SystemTime {
        let now = self.service.now();
        match self.clock {
            ClockError::Ahead(by) => now + by,
            ClockError::Behind(by) => now - by,
        }
    }
}

/// The client, while the server has its token.
enum Rest {
    Waiting(TestClient),
    Done(TestClientContext),
}

impl Rest {
    fn answer(self, reply: Option<&[u8]>) -> Result<ClientStep, ClientError> {
        match (self, reply) {
            (Self::Waiting(client), reply) => client.step(reply),
            (Self::Done(_), Some(_)) => Err(ClientError::UnexpectedReply),
            (Self::Done(context), None) => Ok(ClientStep::Done {
                token: None,
                context,
            }),
        }
    }

    fn refused(self, failure: Failure) -> ConnectError {
        let client = match (self, failure.token()) {
            (Self::Waiting(client), Some(token)) => client.step(Some(token)).err().map(Box::new),
            _ => None,
        };
        ConnectError::Server { failure, client }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("name", &self.name)
            .field("service", &self.service)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}
