//! What to answer.

use std::net::IpAddr;

use crate::channel_bindings::ChannelBindings;
use crate::error::Error;
use crate::http::challenges::Challenges;
use crate::http::header::{Authorization, BadHeader, Scheme, begins};
use crate::token::StepInput;
use crate::{Acceptor, AcceptorConfig, Context};

/// A response in place of the page: its status, its headers, and what
/// becomes of the connection. The body is the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// 400, 401, 403, 407, 500 or 503.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the connection is better closed after it (HTTP/1.1): a
    /// handshake on it has failed, and what the client still has of it must
    /// not be taken for the next one's.
    pub close: bool,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            close: false,
        }
    }

    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// What a request comes to.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum Decision {
    /// There was no token: ask for one.
    Ask(Answer),
    /// The handshake goes on with the next request of this connection. Not to
    /// be sent over HTTP/2 or HTTP/3, whose connections belong to nobody:
    /// [`Challenges::ask`] is the answer there.
    GoOn(Answer),
    /// The client is who it says.
    Authenticated {
        /// Who it is.
        context: Box<Context>,
        /// What goes with the response if that is a success: the server's
        /// proof.
        headers: Vec<(&'static str, String)>,
    },
    /// It is not let in.
    Refused {
        /// What to tell it.
        answer: Answer,
        /// Why, for the log.
        error: Error,
    },
    /// The header makes no sense.
    Malformed {
        /// What to tell it.
        answer: Answer,
        /// What is wrong, for the log.
        problem: BadHeader,
    },
}

impl Decision {
    /// The answer, unless the client is authenticated.
    #[must_use]
    pub fn into_answer(self) -> Option<Answer> {
        match self {
            Self::Ask(answer)
            | Self::GoOn(answer)
            | Self::Refused { answer, .. }
            | Self::Malformed { answer, .. } => Some(answer),
            Self::Authenticated { .. } => None,
        }
    }
}

/// What is known of a connection besides what comes over it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Channel<'a> {
    /// Its TLS channel.
    pub bindings: Option<&'a ChannelBindings>,
    /// The client's address.
    pub peer_address: Option<IpAddr>,
}

impl<'a> Channel<'a> {
    /// With the TLS channel.
    #[must_use]
    pub fn bindings(mut self, bindings: &'a ChannelBindings) -> Self {
        self.bindings = Some(bindings);
        self
    }

    /// With the client's address.
    #[must_use]
    pub fn peer_address(mut self, address: IpAddr) -> Self {
        self.peer_address = Some(address);
        self
    }

    pub(super) fn input<'t>(self, token: &'t [u8]) -> StepInput<'t>
    where
        'a: 't,
    {
        let mut input = StepInput::new(token);
        input.channel_bindings = self.bindings;
        input.peer_address = self.peer_address;
        input
    }
}

/// The handshake of one connection, while it takes more than one request.
/// Show it every request of the connection, in their order.
#[derive(Debug, Default)]
pub struct Handshake {
    running: Option<(Scheme, Acceptor)>,
}

impl Handshake {
    /// Takes a request's values of `Authorization`. Where the configuration
    /// [may block](AcceptorConfig::may_block), this waits.
    pub fn step<'v>(
        &mut self,
        config: &AcceptorConfig,
        challenges: &Challenges,
        authorization: impl IntoIterator<Item = &'v [u8]>,
        channel: Channel<'_>,
    ) -> Decision {
        // Put back only if the handshake goes on: nothing of one that failed,
        // or that the client walked away from, is left.
        let running = self.running.take();
        let (scheme, token) = match challenges.read(authorization) {
            Ok(Authorization::Token { scheme, token }) => (scheme, token),
            Ok(Authorization::Absent | Authorization::Foreign) => {
                return Decision::Ask(challenges.ask());
            }
            Err(problem) => {
                let answer = challenges.bad(&problem);
                return Decision::Malformed { answer, problem };
            }
        };
        let mut acceptor = match running {
            // Every leg is in the scheme of the first.
            Some((running, acceptor)) if running == scheme && !begins(&token) => acceptor,
            _ => Acceptor::new(config),
        };
        let result = acceptor.step_with(channel.input(&token));
        let decision = challenges.decide(scheme, result);
        if matches!(decision, Decision::GoOn(_)) {
            self.running = Some((scheme, acceptor));
        }
        decision
    }
}
