//! One handshake: the loop that a server runs.

mod suspended;

use core::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::backends::{Exchange, Outcome};
use crate::channel_bindings::{ChannelBindingPolicy, ChannelBindings};
use crate::config::{AcceptorConfig, HalfOpenSlot, Handle};
use crate::context::Context;
use crate::error::{Error, Misuse, Rejection};
use crate::policy;
use crate::reply::Reply;
use crate::requirements::Requirements;
use crate::token::{CredentialHandle, StepInput};

/// One handshake with one client (`AcceptSecurityContext`,
/// `gss_accept_sec_context`).
///
/// Feed it the client's tokens with [`step`](Self::step) until it gives a
/// [`Context`] or an error. After either it is finished; the next handshake
/// needs another one. There is no way to ask it whether the client is
/// authenticated: holding a [`Context`] is the proof.
pub struct Acceptor {
    config: Arc<Handle>,
    state: State,
    progress: Progress,
}

enum State {
    Fresh,
    Awaiting {
        exchange: Box<dyn Exchange>,
        slot: HalfOpenSlot,
    },
    /// Ended, or in the middle of a step that was given up.
    Ended,
}

/// What a handshake has used of its limits, and what must not change in it.
#[derive(Default)]
struct Progress {
    legs: u32,
    began: Option<SystemTime>,
    bindings: KnownBindings,
    /// Those that came with the first step: they hold for the handshake, so
    /// a later leg must not fall back to the configuration's.
    credentials: Option<CredentialHandle>,
    retry: Option<Error>,
}

/// The channel that the handshake goes over.
#[derive(Default)]
enum KnownBindings {
    #[default]
    None,
    These(ChannelBindings),
    /// Of a handshake that began elsewhere.
    Digest([u8; 32]),
}

impl KnownBindings {
    fn are(&self, given: Option<&ChannelBindings>) -> bool {
        match (self, given) {
            (Self::None, None) => true,
            (Self::These(known), Some(given)) => known == given,
            (Self::Digest(known), Some(given)) => *known == given.digest(),
            _ => false,
        }
    }

    fn digest(&self) -> Option<[u8; 32]> {
        match self {
            Self::None => None,
            Self::These(known) => Some(known.digest()),
            Self::Digest(known) => Some(*known),
        }
    }
}

/// What a step came to, if nothing failed.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send the token; the client's answer goes into the next step.
    Continue {
        /// What to send.
        token: Vec<u8>,
    },
    /// The client is who it says. Send the token, if there is one.
    Established {
        /// What to send, if anything.
        token: Option<Vec<u8>>,
        /// The established context.
        context: Context,
    },
}

/// A step that failed. The handshake is over.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    #[source]
    error: Error,
    token: Option<Vec<u8>>,
}

impl Failure {
    fn new(error: impl Into<Error>, token: Option<Vec<u8>>) -> Self {
        Self {
            error: error.into(),
            token,
        }
    }

    /// Why it failed: for the server's log, not for the client.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What to send to the client before the connection is closed, if
    /// anything.
    #[must_use]
    pub fn token(&self) -> Option<&[u8]> {
        self.token.as_deref()
    }

    /// The error alone.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }
}

/// A failure that the client is told nothing of.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error, None)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Acceptor {
    /// A handshake that awaits its first token.
    #[must_use]
    pub fn new(config: &AcceptorConfig) -> Self {
        Self {
            config: config.handle(),
            state: State::Fresh,
            progress: Progress::default(),
        }
    }

    /// Takes the client's token.
    ///
    /// The short form of [`step_with`](Self::step_with), for a configuration
    /// under which a step may give no channel bindings (the default).
    ///
    /// # Errors
    ///
    /// See [`step_with`](Self::step_with).
    pub fn step(&mut self, token: &[u8]) -> Result<Step, Failure> {
        self.step_with(StepInput::new(token))
    }

    /// Takes the client's token and what the server knows besides. Where the
    /// configuration [may block](AcceptorConfig::may_block), this waits.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the error, by whose fault it is, and what to tell
    /// the client. The handshake is then over; a further step is
    /// [`Misuse::StepAfterEnd`].
    pub fn step_with(&mut self, input: StepInput<'_>) -> Result<Step, Failure> {
        let (reply, slot) = self.start(input)?;
        self.finish(reply.wait(), slot)
    }

    /// As [`step_with`](Self::step_with), without blocking, on any runtime.
    /// If the future is dropped before it is done, the handshake is over.
    ///
    /// # Errors
    ///
    /// See [`step_with`](Self::step_with).
    pub async fn step_async(&mut self, input: StepInput<'_>) -> Result<Step, Failure> {
        let (reply, slot) = self.start(input)?;
        let outcome = match reply {
            Reply::Now(outcome) => outcome,
            Reply::Later(future) => future.await,
        };
        self.finish(outcome, slot)
    }

    /// Gives the handshake up between two steps; gives what the client is to
    /// be told, where the protocol has a word for that (a SPNEGO reject). A
    /// further step is [`Misuse::StepAfterEnd`].
    pub fn abandon(&mut self) -> Option<Vec<u8>> {
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Awaiting { exchange, .. } => exchange.abandon(),
            State::Fresh | State::Ended => None,
        }
    }

    /// After a [`Step::Continue`] that asks the client to try once more: what
    /// was wrong with its token, such as a clock that is off (MS-KILE 3.4.5).
    /// `None` after any other step. For the log: a client that does not know
    /// this retry goes away without a word.
    #[must_use]
    pub fn retry_reason(&self) -> Option<&Error> {
        self.progress.retry.as_ref()
    }

    /// Checks what needs no backend, and hands the token to it. The state is
    /// `Ended` from here until `finish` says otherwise.
    fn start(
        &mut self,
        input: StepInput<'_>,
    ) -> Result<(Reply<Outcome>, Option<HalfOpenSlot>), Failure> {
        let state = core::mem::replace(&mut self.state, State::Ended);
        // Before anything else, so that it is the answer whatever is given.
        if matches!(state, State::Ended) {
            return Err(Failure::new(Misuse::StepAfterEnd, None));
        }
        self.progress.retry = None;
        let first = matches!(state, State::Fresh);
        let checked = self
            .check_limits(input.token.len())
            .and_then(|()| self.check_input(&input, first));
        if let Err(error) = checked {
            // A negotiation that is under way is not left without a word
            // (rule 29).
            let token = match state {
                State::Awaiting { exchange, .. } => exchange.abandon(),
                State::Fresh | State::Ended => None,
            };
            return Err(Failure::new(error, token));
        }
        let credentials = self.progress.credentials.as_ref();
        let input = StepInput {
            credentials,
            ..input
        };
        let (reply, slot) = match state {
            State::Fresh => (self.config.backend().first(input), None),
            State::Awaiting { exchange, slot } => (exchange.step(input), Some(slot)),
            State::Ended => return Err(Failure::new(Misuse::StepAfterEnd, None)),
        };
        let slot = match (&reply, slot) {
            // Who waits for a prompt or a store is half done, too: a stranger
            // must not be able to make any number of them wait.
            (Reply::Later(_), None) => {
                let slot = self.config.take_slot();
                Some(slot.map_err(|error| Failure::new(error, None))?)
            }
            (_, slot) => slot,
        };
        Ok((reply, slot))
    }

    /// Rule 40: legs, bytes and age.
    fn check_limits(&mut self, token: usize) -> Result<(), Error> {
        let limits = self.config.limits();
        let exceeded = |what, limit| Rejection::LimitExceeded { what, limit }.into();
        self.progress.legs = self.progress.legs.saturating_add(1);
        if self.progress.legs > limits.max_legs {
            return Err(exceeded("legs", limits.max_legs.into()));
        }
        if token > limits.max_token {
            return Err(exceeded("bytes a token", limits.max_token as u64));
        }
        // The first leg needs no clock here; the mechanism reads it anyway.
        if self.progress.legs > 1 {
            let now = self.config.clock().now();
            let began = *self.progress.began.get_or_insert(now);
            // A clock that was set back is no reason to end a handshake.
            if now
                .duration_since(began)
                .is_ok_and(|age| age > limits.max_age)
            {
                return Err(exceeded("seconds", limits.max_age.as_secs()));
            }
        }
        Ok(())
    }

    /// What the caller must and must not give.
    fn check_input(&mut self, input: &StepInput<'_>, first: bool) -> Result<(), Error> {
        let policy = self.config.policy();
        let compares = matches!(
            policy.bindings,
            ChannelBindingPolicy::WhenSent | ChannelBindingPolicy::Require
        );
        if compares && input.channel_bindings.is_none() {
            let policy = policy.bindings;
            return Err(Misuse::BindingsNotGiven { policy }.into());
        }
        if !first && !self.progress.bindings.are(input.channel_bindings) {
            return Err(Misuse::BindingsChanged.into());
        }
        let supplied = Requirements::USE_SUPPLIED_CREDS;
        let expected = first && (policy.required | policy.permitted).contains(supplied);
        if input.credentials.is_some() && !expected {
            return Err(Misuse::CredentialsNotExpected.into());
        }
        if first && policy.required.contains(supplied) && input.credentials.is_none() {
            return Err(Misuse::CredentialsNotGiven.into());
        }
        if first {
            if let Some(given) = input.channel_bindings {
                self.progress.bindings = KnownBindings::These(given.clone());
            }
            self.progress.credentials = input.credentials.cloned();
        }
        Ok(())
    }

    fn finish(&mut self, outcome: Outcome, slot: Option<HalfOpenSlot>) -> Result<Step, Failure> {
        match outcome {
            Outcome::Continue { token, next, retry } => {
                self.progress.retry = retry;
                let slot = match slot.map_or_else(|| self.config.take_slot(), Ok) {
                    Ok(slot) => slot,
                    Err(error) => return Err(Failure::new(error, next.abandon())),
                };
                self.progress
                    .began
                    .get_or_insert_with(|| self.config.clock().now());
                self.state = State::Awaiting {
                    exchange: next,
                    slot,
                };
                Ok(Step::Continue { token })
            }
            Outcome::Established {
                token,
                context,
                facts,
            } => {
                // Whatever the backend has asked or not asked: nobody comes
                // in but through here.
                policy::check(self.config.policy(), &facts)
                    .map_err(|rejection| Failure::new(rejection, None))?;
                let context = Context::new(&self.config, context, facts);
                Ok(Step::Established { token, context })
            }
            Outcome::Failed { error, token } => Err(Failure::new(error, token)),
        }
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fresh => "fresh",
            State::Awaiting { .. } => "awaiting a token",
            State::Ended => "ended",
        };
        f.debug_struct("Acceptor")
            .field("state", &state)
            .field("legs", &self.progress.legs)
            .finish_non_exhaustive()
    }
}
