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
pub(super) struct Login {
    pub(super) peer: Name,
    pub(super) mechanism: Option<Mechanism>,
    pub(super) expiry: Expiry,
    pub(super) bound: BindingStatus,
    pub(super) context: Option<Box<Context>>,
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
        &self.login.peer
    }

    /// The mechanism that said so; none for a password.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.login.mechanism
    }

    /// The Kerberos realm or NTLM domain, if there is one.
    #[must_use]
    pub fn realm(&self) -> Option<&[u8]> {
        match &self.login.peer {
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
        self.login.expiry
    }

    /// Whether the login was bound to the TLS channel.
    #[must_use]
    pub fn bound(&self) -> BindingStatus {
        self.login.bound
    }

    /// The established context; none where the request came in by cookie or
    /// password.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        self.login.context.as_deref()
    }
}

impl Login {
    pub(super) fn of(context: Box<Context>) -> Arc<Self> {
        Arc::new(Self {
            peer: context.peer().clone(),
            mechanism: Some(context.mechanism()),
            expiry: context.expiry(),
            bound: context.bound(),
            context: Some(context),
        })
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.expiry.is_past(now)
    }
}
