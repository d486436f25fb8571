//! The configuration of a server: made once, shared by all handshakes.

mod builder;
mod checks;
mod defaults;
mod description;
mod etypes;
mod fingerprint;
mod handle;
mod mapping;

pub use builder::ConfigBuilder;
pub use description::Description;
pub(crate) use handle::{HalfOpenSlot, Handle};

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::apart::Apart;
use crate::backends::{Backend, BackendDescription, PreparedBackend, Settings};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::facts::Capabilities;
use crate::mechanism::Mechanism;
use crate::policy::Policy;
use crate::replay::ReplayStore;
use crate::time::{Clock, ExpiredContexts};
use crate::token::CredentialHandle;
use handle::Handles;

/// What one handshake, and all of a server's together, may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest token, in bytes. Active Directory's tickets grow with the
    /// groups of the user; 64 KiB holds some thousand groups.
    pub max_token: usize,
    /// The most tokens that a handshake may take.
    pub max_legs: u32,
    /// How long a handshake may take, first token to last. It is looked at
    /// when a token comes: a client that sends no more keeps its place among
    /// the half-open ones until the server drops the `Acceptor`.
    pub max_age: Duration,
    /// How many handshakes may be half done at once: between two tokens, or
    /// waiting for an answer (of a prompt, a replay store).
    pub max_half_open: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_token: 64 << 10,
            max_legs: 8,
            max_age: Duration::from_secs(120),
            max_half_open: 10_000,
        }
    }
}

/// Whether contexts are mapped, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapping {
    No,
    /// Without what clients delegate.
    Yes,
    /// With it.
    WithDelegated,
}

/// The configuration of a server. Cheap to clone; one for the life of the
/// server, shared by all its threads.
#[derive(Clone)]
pub struct AcceptorConfig(Arc<Handles>);

/// What is configured.
#[repr(align(128))] // As `Apart` is, and for the same reason.
pub(crate) struct Inner {
    backend: Box<dyn PreparedBackend>,
    settings: Arc<Settings>,
    policy: Arc<Policy>,
    limits: Limits,
    capabilities: Capabilities,
    expired: ExpiredContexts,
    /// Of a configuration whose handshakes may be suspended.
    fingerprint: Option<[u8; 32]>,
    /// Whether contexts may be mapped.
    mapped: Mapping,
    left_out: Vec<Mechanism>,
    notes: Vec<String>,
    /// The clock, if it is not the system's.
    own_clock: Option<Arc<dyn Clock>>,
    /// How many handshakes are half done. All threads write it, and read what
    /// is beside it.
    half_open: Apart<AtomicUsize>,
}

impl Inner {
    pub(crate) fn backend(&self) -> &dyn PreparedBackend {
        &*self.backend
    }

    pub(crate) fn fingerprint(&self) -> Option<[u8; 32]> {
        self.fingerprint
    }

    pub(crate) fn replay_store(&self) -> &dyn ReplayStore {
        &*self.settings.replay
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings.clock
    }

    /// The same, if it is not the system's.
    pub(crate) fn own_clock(&self) -> Option<&Arc<dyn Clock>> {
        self.own_clock.as_ref()
    }

    pub(crate) fn expired_contexts(&self) -> ExpiredContexts {
        self.expired
    }
}

impl AcceptorConfig {
    fn new(inner: Inner) -> Self {
        Self(Arc::new(Handles::new(inner)))
    }

    /// Begins a configuration on a backend.
    pub fn builder(backend: impl Backend + 'static) -> ConfigBuilder {
        ConfigBuilder::new(Box::new(backend))
    }

    /// Reads credentials for
    /// [`StepInput::credentials`](crate::StepInput::credentials): parsed and
    /// derived once, for any number of handshakes.
    ///
    /// # Errors
    ///
    /// Unusable credentials, or a backend that takes none.
    pub fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        self.inner().backend.acquire(credentials)
    }

    /// What an operator should know when the server starts: who it is, what
    /// it accepts, and what looks wrong.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description::new(
            self.inner().backend.describe(),
            &self.inner().settings,
            &self.inner().left_out,
            &self.inner().notes,
        )
    }

    /// Whether a step may wait for something outside of this process. If so,
    /// an asynchronous server calls
    /// [`step_async`](crate::Acceptor::step_async), or keeps `step` off its
    /// event loop.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.inner().capabilities.may_block
            || self.inner().settings.replay.may_block()
            || self.inner().settings.prompt.is_some()
    }

    /// How many handshakes are half done.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.inner().half_open.load(Ordering::Relaxed)
    }

    /// For one handshake, begun by this thread.
    pub(crate) fn handle(&self) -> Arc<Handle> {
        Arc::clone(self.0.own())
    }

    /// For looking at.
    fn inner(&self) -> &Inner {
        self.0.inner()
    }

    /// The backend's own words.
    // For a broker, which is a feature.
    #[allow(dead_code)]
    pub(crate) fn backend_description(&self) -> BackendDescription {
        self.inner().backend.describe()
    }

    pub(crate) fn mapping(&self) -> Mapping {
        self.inner().mapped
    }

    /// What a handshake may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner().limits
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner().settings.clock
    }
}

impl fmt::Debug for AcceptorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AcceptorConfig")
            .field(&self.inner().settings)
            .finish()
    }
}
