//! Who a request is from.

use std::sync::Arc;
use std::time::SystemTime;

use crate::BindingStatus;
use crate::Context;
use crate::mechanism::Mechanism;
use crate::name::Name;
use crate::time::Expiry;

/// Who a request is from: in the request's extensions behind the layer, and
/// an extractor of axum's.
///
/// Holding one is the proof. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Authenticated {
    login: Arc<Login>,
    via: Via,
}

/// What a login is known by.
#[derive(Debug)]
pub(super) enum Login {
    /// A context: it says everything.
    Context(Box<Context>),
    /// A cookie or a password, and what that says.
    Other {
        peer: Name,
        mechanism: Option<Mechanism>,
        expiry: Expiry,
    },
}

/// How a request shows whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Via {
    /// With a token of its own.
    Token,
    /// It comes over a connection that was authenticated before.
    Connection,
    /// With the cookie of a login session.
    Session,
    /// With a password (`Basic`).
    Password,
}

impl Via {
    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Connection => "connection",
            Self::Session => "session",
            Self::Password => "password",
        }
    }
}

impl Authenticated {
    pub(super) fn new(login: Arc<Login>, via: Via) -> Self {
        Self { login, via }
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// Who it is.
    #[must_use]
    pub fn peer(&self) -> &Name {
        self.login.peer()
    }

    /// The mechanism that said so; none for a password.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.login.mechanism()
    }

    /// The Kerberos realm or NTLM domain, if there is one.
    #[must_use]
    pub fn realm(&self) -> Option<&[u8]> {
        match self.peer() {
            Name::Kerberos(principal) => Some(principal.realm()),
            Name::Ntlm { domain, .. } if !domain.is_empty() => Some(domain.as_bytes()),
            _ => None,
        }
    }

    /// How the request shows it.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// When that ends: the ticket's end, or the session's if that is sooner.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.login.expiry()
    }

    /// Whether the login was bound to the TLS channel.
    #[must_use]
    pub fn bound(&self) -> BindingStatus {
        match &*self.login {
            Login::Context(context) => context.bound(),
            Login::Other { .. } => BindingStatus::NotBound,
        }
    }

    /// The established context; none where the request came in by cookie or
    /// password.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        match &*self.login {
            Login::Context(context) => Some(context),
            Login::Other { .. } => None,
        }
    }
}

impl Login {
    pub(super) fn peer(&self) -> &Name {
        match self {
            Self::Context(context) => context.peer(),
            Self::Other { peer, .. } => peer,
        }
    }

    pub(super) fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::Context(context) => Some(context.mechanism()),
            Self::Other { mechanism, .. } => *mechanism,
        }
    }

    pub(super) fn expiry(&self) -> Expiry {
        match self {
            Self::Context(context) => context.expiry(),
            Self::Other { expiry, .. } => *expiry,
        }
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.expiry().is_past(now)
    }
}
