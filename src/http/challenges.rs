//! What a server asks its clients for.

use crate::AcceptorConfig;
use crate::error::{Error, Unavailability};
use crate::http::decision::{Answer, Decision};
use crate::http::header::{self, Authorization, BadHeader, Scheme, header_value};
use crate::mechanism::Mechanism;
use crate::{Failure, Step};

/// Who asks: the server itself, or a proxy on the way (RFC 9110 11.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The server: `Authorization`, `WWW-Authenticate`, 401.
    #[default]
    Origin,
    /// A proxy: `Proxy-Authorization`, `Proxy-Authenticate`, 407.
    Proxy,
}

impl Role {
    /// The request's header, in lower case.
    #[must_use]
    pub fn request_header(self) -> &'static str {
        match self {
            Self::Origin => "authorization",
            Self::Proxy => "proxy-authorization",
        }
    }

    /// The response's header.
    #[must_use]
    pub fn response_header(self) -> &'static str {
        match self {
            Self::Origin => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    /// The status of a response that asks for a token.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Origin => 401,
            Self::Proxy => 407,
        }
    }
}

/// What a server asks its clients for: which schemes, in which order, as
/// server or as proxy. Made once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenges {
    role: Role,
    schemes: Vec<Scheme>,
    /// Whole values besides, such as `Basic`'s.
    others: Vec<String>,
    max_token: usize,
}

impl Challenges {
    /// What fits a configuration: Negotiate, and NTLM where it is enabled.
    #[must_use]
    pub fn of(config: &AcceptorConfig) -> Self {
        let mechanisms = config.describe().mechanisms;
        let mut schemes = vec![Scheme::Negotiate];
        if mechanisms.contains(&Mechanism::Ntlm) {
            schemes.push(Scheme::Ntlm);
        }
        Self {
            role: Role::Origin,
            schemes,
            others: Vec::new(),
            max_token: config.limits().max_token,
        }
    }

    /// As another role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// These schemes, the preferred first; a token under another one is no
    /// token.
    #[must_use]
    pub fn schemes(mut self, schemes: &[Scheme]) -> Self {
        self.schemes = schemes.to_vec();
        self
    }

    /// A challenge that the server answers itself, such as
    /// `Basic realm="staff"`. It comes after ours.
    #[must_use]
    pub fn and(mut self, value: impl Into<String>) -> Self {
        self.others.push(value.into());
        self
    }

    /// Who asks.
    #[must_use]
    pub fn asks_as(&self) -> Role {
        self.role
    }

    /// Reads the values of [`Role::request_header`].
    ///
    /// # Errors
    ///
    /// What makes no sense; answer with [`bad`](Self::bad).
    pub fn read<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<Authorization, BadHeader> {
        let read = header::read(values, self.max_token)?;
        Ok(match read {
            Authorization::Token { scheme, .. } if !self.schemes.contains(&scheme) => {
                Authorization::Foreign
            }
            read => read,
        })
    }

    /// The answer to a request without a token: what is asked for.
    #[must_use]
    pub fn ask(&self) -> Answer {
        let schemes = self.schemes.iter().map(|it| header_value(*it, None));
        self.asking(schemes.chain(self.others.iter().cloned()))
    }

    /// The answer to a header that cannot be read.
    #[must_use]
    pub fn bad(&self, header: &BadHeader) -> Answer {
        let _ = header;
        Answer::new(400).closing()
    }

    /// What a step of the acceptor means, for a token under this scheme.
    pub fn decide(&self, scheme: Scheme, result: Result<Step, Failure>) -> Decision {
        match result {
            Ok(Step::Continue { token }) => {
                Decision::GoOn(self.asking([header_value(scheme, Some(&token))]))
            }
            Ok(Step::Established { token, context }) => {
                let value = token.map(|token| header_value(scheme, Some(&token)));
                Decision::Authenticated {
                    context: Box::new(context),
                    headers: self.headers(value).collect(),
                }
            }
            Err(failure) => Decision::Refused {
                answer: self.refusal(scheme, &failure),
                error: failure.into_error(),
            },
        }
    }

    /// By fault: who may be somebody else may try as such (401); who does not
    /// speak the protocol is told so (400); what is ours is no matter of the
    /// client's (500, or 503 where trying again may help).
    fn refusal(&self, scheme: Scheme, failure: &Failure) -> Answer {
        match failure.error() {
            Error::Rejected { .. } => {
                let own = header_value(scheme, failure.token());
                let rest = self.schemes.iter().filter(|other| **other != scheme);
                let rest = rest.map(|other| header_value(*other, None));
                let others = self.others.iter().cloned();
                self.asking([own].into_iter().chain(rest).chain(others))
            }
            Error::Malformed { .. } => {
                let token = failure.token();
                let value = token.map(|token| header_value(scheme, Some(token)));
                let headers = self.headers(value).collect();
                Answer {
                    headers,
                    ..Answer::new(400)
                }
            }
            Error::Unavailable { cause, .. } if is_passing(cause) => Answer::new(503),
            _ => Answer::new(500),
        }
        .closing()
    }

    fn asking(&self, values: impl IntoIterator<Item = String>) -> Answer {
        Answer {
            headers: self.headers(values).collect(),
            ..Answer::new(self.role.status())
        }
    }

    fn headers(
        &self,
        values: impl IntoIterator<Item = String>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let name = self.role.response_header();
        values.into_iter().map(move |value| (name, value))
    }
}

/// Whether it may be otherwise in a moment.
fn is_passing(cause: &Unavailability) -> bool {
    matches!(
        cause,
        Unavailability::TooManyHandshakes { .. }
            | Unavailability::Overloaded { .. }
            | Unavailability::Late { .. }
            | Unavailability::ReplayStoreFull
            | Unavailability::StartingUp { .. }
    )
}
