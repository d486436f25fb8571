//! SESSION_SETUP (MS-SMB2 3.3.5.5): the loop around `acceptor.step(token)`.

use std::time::SystemTime;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, Error, Failure, Step, WindowsStatus};

use crate::header::Status;
use crate::negotiate::{D300, D311, Negotiated};
use crate::signing::{Derivation, Preauth, SigningKey};

/// A session, by what it waits for.
pub enum Session {
    /// For the client's next token.
    Handshake(Box<Handshake>),
    /// For requests, each of them signed.
    Established(Established),
}

/// Who is it?
pub struct Handshake {
    acceptor: Acceptor,
    preauth: Preauth,
    /// The session that goes on if this succeeds: its client proves itself
    /// once more, since its ticket has ended or will.
    renews: Option<Established>,
}

/// Somebody's session. The context is the proof of whose.
pub struct Established {
    pub context: Context,
    pub key: SigningKey,
    /// The share that it is connected to: there is one.
    pub tree: bool,
}

/// What comes of a token.
pub enum Next {
    /// The client's turn.
    Continue {
        token: Vec<u8>,
        handshake: Box<Handshake>,
    },
    Done {
        token: Vec<u8>,
        session: Established,
    },
    Failed {
        status: Status,
        error: Box<Error>,
    },
}

impl Handshake {
    pub fn new(config: &AcceptorConfig, negotiated: &Negotiated) -> Box<Self> {
        Box::new(Self {
            acceptor: Acceptor::new(config),
            preauth: negotiated.preauth,
            renews: None,
        })
    }

    /// With a client that is known already.
    pub fn renew(
        config: &AcceptorConfig,
        negotiated: &Negotiated,
        session: Established,
    ) -> Box<Self> {
        let mut handshake = Self::new(config, negotiated);
        handshake.renews = Some(session);
        handshake
    }

    /// The session as it is while this goes on.
    pub fn established(&self) -> Option<&Established> {
        self.renews.as_ref()
    }

    /// An answer that is not the last counts for the key, too.
    pub fn answered(&mut self, message: &[u8]) {
        self.preauth.update(message);
    }

    /// Takes the client's token: `message` is all of the request.
    pub fn step(
        mut self: Box<Self>,
        negotiated: &Negotiated,
        message: &[u8],
        token: &[u8],
    ) -> Next {
        self.preauth.update(message);
        match self.acceptor.step(token) {
            Ok(Step::Continue { token }) => Next::Continue {
                token,
                handshake: self,
            },
            Ok(Step::Established { token, context }) => {
                let token = token.unwrap_or_default();
                match self.establish(negotiated, context) {
                    Ok(session) => Next::Done { token, session },
                    Err(error) => Next::Failed {
                        status: Status::ACCESS_DENIED,
                        error,
                    },
                }
            }
            Err(failure) => refused(failure),
        }
    }

    /// The context becomes a session with a key.
    fn establish(
        self: Box<Self>,
        negotiated: &Negotiated,
        context: Context,
    ) -> Result<Established, Box<Error>> {
        if let Some(session) = self.renews {
            // Keys stay what they are (3.3.5.5.3), and so does the client.
            if context.peer() != session.context.peer() {
                let other = Error::malformed("SESSION_SETUP", "of another user than before", None);
                return Err(Box::new(other));
            }
            return Ok(Established { context, ..session });
        }
        let derivation = match negotiated.dialect {
            D311.. => Derivation::Preauth(self.preauth),
            D300.. => Derivation::Fixed,
            _ => Derivation::None,
        };
        let session_key = context.session_key().map_err(Box::new)?;
        let key = SigningKey::new(&session_key, negotiated.algorithm, &derivation);
        Ok(Established {
            context,
            key,
            tree: false,
        })
    }
}

/// What a client is told. Why it is not let in is for the log: a wrong
/// password and an unknown user are the same to it.
fn refused(failure: Failure) -> Next {
    let error = failure.into_error();
    let status = match &error {
        _ if error.status() == WindowsStatus::SEC_E_TIME_SKEW => Status::TIME_DIFFERENCE_AT_DC,
        Error::Rejected { .. } => Status::LOGON_FAILURE,
        Error::Malformed { .. } => Status::INVALID_PARAMETER,
        _ => Status::NO_LOGON_SERVERS,
    };
    Next::Failed {
        status,
        error: Box::new(error),
    }
}

impl Session {
    /// What signs its messages, once there is something.
    pub fn established(&self) -> Option<&Established> {
        match self {
            Self::Established(session) => Some(session),
            Self::Handshake(handshake) => handshake.established(),
        }
    }
}

impl Established {
    /// Its client must prove itself once more (3.3.5.2.9).
    pub fn expired(&self) -> bool {
        self.context.expiry().is_past(SystemTime::now())
    }
}
