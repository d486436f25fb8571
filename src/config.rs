//! The configuration of a server: made once, shared by all handshakes.

mod builder;
mod checks;
mod defaults;
mod description;
mod etypes;
mod fingerprint;
mod mapping;

pub use builder::ConfigBuilder;
pub use description::Description;

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::backends::{Backend, BackendDescription, PreparedBackend, Settings};
use crate::credentials::Credentials;
use crate::error::{Error, Unavailability};
use crate::facts::Capabilities;
use crate::mechanism::Mechanism;
use crate::policy::Policy;
use crate::replay::ReplayStore;
use crate::time::{Clock, ExpiredContexts};
use crate::token::CredentialHandle;

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
pub struct AcceptorConfig(Arc<Inner>);

/// On cache lines of its own: the count of handles beside it is written by
/// every thread that begins a handshake, and this only read.
#[repr(align(64))]
struct Inner {
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
    half_open: AtomicUsize,
}

impl AcceptorConfig {
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
        self.0.backend.acquire(credentials)
    }

    /// What an operator should know when the server starts: who it is, what
    /// it accepts, and what looks wrong.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description::new(
            self.0.backend.describe(),
            &self.0.settings,
            &self.0.left_out,
            &self.0.notes,
        )
    }

    /// Whether a step may wait for something outside of this process. If so,
    /// an asynchronous server calls
    /// [`step_async`](crate::Acceptor::step_async), or keeps `step` off its
    /// event loop.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.0.capabilities.may_block
            || self.0.settings.replay.may_block()
            || self.0.settings.prompt.is_some()
    }

    /// How many handshakes are half done.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.0.half_open.load(Ordering::Relaxed)
    }

    pub(crate) fn backend(&self) -> &dyn PreparedBackend {
        &*self.0.backend
    }

    /// The backend's own words.
    // For a broker, which is a feature.
    #[allow(dead_code)]
    pub(crate) fn backend_description(&self) -> BackendDescription {
        self.0.backend.describe()
    }

    pub(crate) fn fingerprint(&self) -> Option<[u8; 32]> {
        self.0.fingerprint
    }

    pub(crate) fn mapping(&self) -> Mapping {
        self.0.mapped
    }

    pub(crate) fn replay_store(&self) -> &dyn ReplayStore {
        &*self.0.settings.replay
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// What a handshake may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.settings.clock
    }

    /// The same, if it is not the system's.
    pub(crate) fn own_clock(&self) -> Option<&Arc<dyn Clock>> {
        self.0.own_clock.as_ref()
    }

    pub(crate) fn expired_contexts(&self) -> ExpiredContexts {
        self.0.expired
    }

    /// Counts a handshake that goes on after its first step, until the slot
    /// is dropped.
    pub(crate) fn take_slot(&self) -> Result<HalfOpenSlot, Error> {
        let limit = self.0.limits.max_half_open;
        self.0
            .half_open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .map_err(|_| Unavailability::TooManyHandshakes { limit })?;
        Ok(HalfOpenSlot(Arc::clone(&self.0)))
    }
}

impl fmt::Debug for AcceptorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AcceptorConfig")
            .field(&self.0.settings)
            .finish()
    }
}

/// A half-done handshake, counted.
pub(crate) struct HalfOpenSlot(Arc<Inner>);

impl Drop for HalfOpenSlot {
    fn drop(&mut self) {
        self.0.half_open.fetch_sub(1, Ordering::Relaxed);
    }
}
