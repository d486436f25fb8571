//! HTTP Negotiate (RFC 4559), and NTLM in the same way: one handshake at a
//! time on a connection.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, Context, Delegated, Mechanism, Step, StepInput,
};

use crate::token::{Leg, Way};

/// A connection's handshake, while it takes more than one request.
#[derive(Default)]
pub struct Negotiate {
    running: Option<(Scheme, Acceptor)>,
    legs: Vec<Leg>,
}

/// How the client says that it sends a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// SPNEGO, or a mechanism's own token (RFC 4559).
    Negotiate,
    /// NTLM's own tokens.
    Ntlm,
}

/// Who came in, and how.
pub struct Login {
    pub peer: String,
    /// Name and value, in the order to be shown.
    pub facts: Vec<(String, String)>,
    pub legs: Vec<Leg>,
    /// What the client delegated, if it was asked to.
    pub delegated: Option<Delegated>,
}

/// What to answer. The texts are values of `WWW-Authenticate`.
pub enum Answer {
    /// There was no token: ask for one.
    Ask,
    /// The handshake goes on with the client's next request.
    GoOn {
        authenticate: String,
        /// Why the client was asked to try again, for the log.
        retry: Option<String>,
    },
    /// The client is who it says.
    In {
        authenticate: Option<String>,
        login: Box<Login>,
    },
    /// It is not let in.
    Refused {
        authenticate: String,
        /// Why, for the log: the client is told what the protocol tells it.
        why: String,
    },
    /// The header is not what RFC 4559 says.
    Malformed,
}

impl Negotiate {
    /// Takes a request's `Authorization`.
    pub fn step(
        &mut self,
        config: &AcceptorConfig,
        peer: Option<IpAddr>,
        authorization: Option<&str>,
    ) -> Answer {
        let Some((scheme, text)) = authorization.and_then(scheme) else {
            // Whoever stops in the middle starts from the beginning.
            *self = Self::default();
            return Answer::Ask;
        };
        let Ok(token) = STANDARD.decode(text) else {
            *self = Self::default();
            return Answer::Malformed;
        };
        // The acceptor is put back only if the handshake goes on, so that
        // nothing of one that failed is left.
        let Self { running, mut legs } = core::mem::take(self);
        // Every leg of a handshake is in the scheme of the first.
        let mut acceptor = match running {
            Some((running, acceptor)) if running == scheme => acceptor,
            _ => Acceptor::new(config),
        };
        legs.push(Leg::token(Way::ToServer, &token));
        let mut input = StepInput::new(&token);
        input.peer_address = peer;
        match acceptor.step_with(input) {
            Ok(Step::Continue { token }) => {
                legs.push(Leg::token(Way::ToClient, &token));
                let retry = acceptor.retry_reason().map(ToString::to_string);
                let running = Some((scheme, acceptor));
                *self = Self { running, legs };
                let authenticate = header(scheme, Some(&token));
                Answer::GoOn {
                    authenticate,
                    retry,
                }
            }
            Ok(Step::Established { token, context }) => {
                legs.extend(token.iter().map(|token| Leg::token(Way::ToClient, token)));
                Answer::In {
                    authenticate: token.map(|token| header(scheme, Some(&token))),
                    login: Box::new(Login {
                        peer: context.peer().to_string(),
                        facts: facts(&context),
                        legs,
                        delegated: context.delegated().cloned(),
                    }),
                }
            }
            Err(failure) => Answer::Refused {
                authenticate: header(scheme, failure.token()),
                why: failure.error().to_string(),
            },
        }
    }
}

impl Scheme {
    const ALL: [Self; 2] = [Self::Negotiate, Self::Ntlm];

    fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }
}

/// The value of `WWW-Authenticate`.
pub fn header(scheme: Scheme, token: Option<&[u8]>) -> String {
    match token {
        Some(token) => format!("{} {}", scheme.name(), STANDARD.encode(token)),
        None => scheme.name().into(),
    }
}

/// What a client without a token is asked for, the preferred first.
pub fn offers(config: &AcceptorConfig) -> Vec<String> {
    let ntlm = config.describe().mechanisms.contains(&Mechanism::Ntlm);
    Scheme::ALL
        .into_iter()
        .filter(|scheme| ntlm || *scheme == Scheme::Negotiate)
        .map(|scheme| header(scheme, None))
        .collect()
}

/// Scheme and token of a value of `Authorization`, if there is one.
fn scheme(authorization: &str) -> Option<(Scheme, &str)> {
    let (name, token) = authorization.split_once(' ')?;
    let scheme = Scheme::ALL
        .into_iter()
        .find(|scheme| name.eq_ignore_ascii_case(scheme.name()))?;
    Some((scheme, token.trim()))
}

/// What there is to say of a client, for people.
fn facts(context: &Context) -> Vec<(String, String)> {
    let target = context.target().map_or("-".into(), ToString::to_string);
    let bound = match context.bound() {
        BindingStatus::Bound => "yes",
        BindingStatus::NotBound => "no (this server speaks plain HTTP: there is no TLS channel)",
        _ => "not known",
    };
    let key = match context.session_key() {
        Ok(key) => key.etype.map_or("-".into(), |etype| etype.to_string()),
        Err(error) => error.to_string(),
    };
    let delegated = match (context.delegated(), context.delegation_problem()) {
        (Some(delegated), _) => delegated.to_string(),
        (None, Some(problem)) => format!("no: {problem}"),
        (None, None) => "not asked for".into(),
    };
    [
        ("peer", context.peer().to_string()),
        ("mechanism", context.mechanism().to_string()),
        ("framing", context.framing().to_string()),
        ("target", target),
        ("granted", context.granted().names()),
        ("bound", bound.into()),
        ("session key", key),
        ("delegated", delegated),
        ("expires", context.expiry().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
