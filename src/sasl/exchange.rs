//! One handshake: challenges out, responses in.

use core::fmt;

use super::choice::{self, Choice};
use super::{SaslMechanism, SaslServer, SaslSession, SecurityLayer};
use crate::{
    Acceptor, Context, Error, Failure, Framing, Mechanism, Misuse, Rejection, SaslRejection, Step,
    StepInput,
};

/// One handshake with one client. After it is done, or has failed, it is
/// finished: a client that tries again needs another one.
pub struct SaslExchange {
    server: SaslServer,
    mechanism: SaslMechanism,
    state: State,
}

enum State {
    AwaitToken(Box<AwaitToken>),
    AwaitEmpty(AwaitEmpty),
    AwaitChoice(AwaitChoice),
    /// Ended, or in the middle of a step that was given up.
    Ended,
}

/// For a token of the mechanism's.
struct AwaitToken {
    acceptor: Acceptor,
    /// Whether the client has sent one, or was asked to.
    begun: bool,
}

/// For an empty response: the client has our last token, and waits for the
/// offer of layers (RFC 4752 3.1).
struct AwaitEmpty {
    context: Context,
    offered: Vec<SecurityLayer>,
}

/// For what the client chooses.
struct AwaitChoice {
    context: Context,
    offered: Vec<SecurityLayer>,
}

/// What a step came to, if nothing failed.
#[derive(Debug)]
#[must_use]
pub enum SaslStep {
    /// Send the token, which may be empty; the client's response goes into
    /// the next step.
    Challenge {
        /// What to send.
        token: Vec<u8>,
    },
    /// The client is who it says, and may act as it asks.
    Done {
        /// What to send with the protocol's word for success ("additional
        /// data", RFC 4422 3.6), if anything. It goes out before the security
        /// layer is there.
        token: Option<Vec<u8>>,
        /// The client, and the layer.
        session: SaslSession,
    },
}

/// A step that failed. The handshake is over.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SaslFailure {
    #[source]
    error: Error,
    token: Option<Vec<u8>>,
}

impl SaslFailure {
    /// Why it failed: for the server's log, not for the client.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What the mechanism would tell the client. SASL has no place for it
    /// (RFC 4422 3.6); LDAP's `serverSaslCreds` is one.
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

impl<E: Into<Error>> From<E> for SaslFailure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            token: None,
        }
    }
}

fn told(failure: Failure) -> SaslFailure {
    SaslFailure {
        token: failure.token().map(Into::into),
        error: failure.into_error(),
    }
}

/// The rest of a step whose beginning depends on nothing but the state.
enum Begun {
    /// The acceptor is to be asked.
    Ask(Box<AwaitToken>),
    /// It is done.
    Done(Box<SaslStep>),
}

impl Begun {
    fn done(step: SaslStep) -> Self {
        Self::Done(Box::new(step))
    }
}

impl SaslExchange {
    pub(super) fn new(server: SaslServer, mechanism: SaslMechanism) -> Self {
        let acceptor = Acceptor::new(server.config());
        Self {
            server,
            mechanism,
            state: State::AwaitToken(Box::new(AwaitToken {
                acceptor,
                begun: false,
            })),
        }
    }

    /// The mechanism.
    #[must_use]
    pub fn mechanism(&self) -> SaslMechanism {
        self.mechanism
    }

    /// Takes the client's response; an empty one at first, where the client
    /// sent no initial response. Where the configuration
    /// [may block](crate::AcceptorConfig::may_block), this waits.
    ///
    /// # Errors
    ///
    /// [`SaslFailure`]; the handshake is over, and the client is told no more
    /// than that it failed.
    pub fn step(&mut self, input: StepInput<'_>) -> Result<SaslStep, SaslFailure> {
        match self.begin(input.token)? {
            Begun::Done(step) => Ok(*step),
            Begun::Ask(mut state) => {
                let step = state.acceptor.step_with(input);
                self.finish(state, step)
            }
        }
    }

    /// As [`step`](Self::step), without blocking, on any runtime. If the
    /// future is dropped before it is done, the handshake is over.
    ///
    /// # Errors
    ///
    /// See [`step`](Self::step).
    pub async fn step_async(&mut self, input: StepInput<'_>) -> Result<SaslStep, SaslFailure> {
        match self.begin(input.token)? {
            Begun::Done(step) => Ok(*step),
            Begun::Ask(mut state) => {
                let step = state.acceptor.step_async(input).await;
                self.finish(state, step)
            }
        }
    }

    /// The state is `Ended` from here until a step has succeeded.
    fn begin(&mut self, response: &[u8]) -> Result<Begun, SaslFailure> {
        match core::mem::replace(&mut self.state, State::Ended) {
            State::AwaitToken(state) if response.is_empty() => {
                if state.begun {
                    // An acceptor would take it for a wish to hear our hints.
                    return Err(Error::malformed("SASL response", "empty", None).into());
                }
                self.state = State::AwaitToken(Box::new(AwaitToken {
                    begun: true,
                    ..*state
                }));
                Ok(Begun::done(SaslStep::Challenge { token: Vec::new() }))
            }
            State::AwaitToken(state) => Ok(Begun::Ask(Box::new(AwaitToken {
                begun: true,
                ..*state
            }))),
            State::AwaitEmpty(state) => {
                if !response.is_empty() {
                    return Err(Error::malformed("SASL response", "not empty", None).into());
                }
                self.offer(state.context, state.offered).map(Begun::done)
            }
            State::AwaitChoice(state) => state.step(&self.server, response).map(Begun::done),
            State::Ended => Err(Misuse::StepAfterEnd.into()),
        }
    }

    fn finish(
        &mut self,
        state: Box<AwaitToken>,
        step: Result<Step, Failure>,
    ) -> Result<SaslStep, SaslFailure> {
        match step.map_err(told)? {
            Step::Continue { token } => {
                self.state = State::AwaitToken(state);
                Ok(SaslStep::Challenge { token })
            }
            Step::Established { token, context } => match self.mechanism {
                SaslMechanism::Gssapi => self.kerberos(token, context),
                SaslMechanism::GssSpnego => {
                    let layer = self.server.implied(&context)?;
                    let session = SaslSession::new(context, layer, self.server.max());
                    Ok(SaslStep::Done { token, session })
                }
            },
        }
    }

    /// RFC 4752 3.2, from GSS_S_COMPLETE on.
    fn kerberos(
        &mut self,
        token: Option<Vec<u8>>,
        context: Context,
    ) -> Result<SaslStep, SaslFailure> {
        let (mechanism, framing) = (context.mechanism(), context.framing());
        if (mechanism, framing) != (Mechanism::Kerberos, Framing::Raw) {
            return Err(Rejection::Sasl(SaslRejection::NotKerberos { mechanism, framing }).into());
        }
        let offered = self.server.possible(&context)?;
        match token {
            Some(token) => {
                self.state = State::AwaitEmpty(AwaitEmpty { context, offered });
                Ok(SaslStep::Challenge { token })
            }
            None => self.offer(context, offered),
        }
    }

    fn offer(
        &mut self,
        context: Context,
        offered: Vec<SecurityLayer>,
    ) -> Result<SaslStep, SaslFailure> {
        let offer = choice::offer(&offered, self.server.max());
        let token = context.wrap_negotiation(&offer)?;
        self.state = State::AwaitChoice(AwaitChoice { context, offered });
        Ok(SaslStep::Challenge { token })
    }
}

impl AwaitChoice {
    fn step(self, server: &SaslServer, response: &[u8]) -> Result<SaslStep, SaslFailure> {
        let message = self.context.unwrap_negotiation(response)?;
        let chosen = Choice::read(&message.data, &self.offered)?;
        if let Some(name) = &chosen.authorization_id {
            server.check_authorization(&self.context, name)?;
        }
        let session = SaslSession::new(self.context, chosen.layer, server.max())
            .negotiated(chosen.max_send, chosen.authorization_id)?;
        Ok(SaslStep::Done {
            token: None,
            session,
        })
    }
}

impl fmt::Debug for SaslExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::AwaitToken(_) => "awaiting a token",
            State::AwaitEmpty(_) => "awaiting an empty response",
            State::AwaitChoice(_) => "awaiting the choice of a layer",
            State::Ended => "ended",
        };
        f.debug_struct("SaslExchange")
            .field("mechanism", &self.mechanism)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
