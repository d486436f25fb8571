//! The configuration of a server: made once, shared by all handshakes.

mod description;

pub use description::Description;

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::backends::{Backend, Judge, PreparedBackend, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::context::ExpiredContexts;
use crate::credentials::Credentials;
use crate::error::{Error, Misuse, Unavailability};
use crate::etype::EncryptionType;
use crate::facts::Capabilities;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::policy::{self, Policy};
use crate::realms::Capaths;
use crate::replay::{MemoryReplayStore, ReplayStore};
use crate::requirements::{DataRepresentation, Requirements};
use crate::time::{Clock, SystemClock};
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
    /// How long a handshake may take, first token to last.
    pub max_age: Duration,
    /// How many handshakes may be half done at once.
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

/// The configuration of a server. Cheap to clone; one for the life of the
/// server, shared by all its threads.
#[derive(Clone)]
pub struct AcceptorConfig(Arc<Inner>);

struct Inner {
    backend: Box<dyn PreparedBackend>,
    settings: Arc<Settings>,
    policy: Arc<Policy>,
    limits: Limits,
    capabilities: Capabilities,
    expired: ExpiredContexts,
    left_out: Vec<Mechanism>,
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
        )
    }

    /// Whether a step may wait for something outside of this process. If so,
    /// an asynchronous server calls
    /// [`step_async`](crate::Acceptor::step_async), or keeps `step` off its
    /// event loop.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.0.capabilities.may_block || self.0.settings.replay.may_block()
    }

    /// How many handshakes are half done.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.0.half_open.load(Ordering::Relaxed)
    }

    pub(crate) fn backend(&self) -> &dyn PreparedBackend {
        &*self.0.backend
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.settings.clock
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

/// Makes an [`AcceptorConfig`]. Nothing is lenient unless it is said here.
#[must_use]
pub struct ConfigBuilder {
    backend: Box<dyn Backend>,
    required: Requirements,
    requested: Requirements,
    bindings: Option<ChannelBindingPolicy>,
    mechanisms: Vec<Mechanism>,
    services: Vec<ServiceName>,
    alias_limit: usize,
    etypes: Option<Vec<EncryptionType>>,
    clock_skew: Option<Duration>,
    capaths: Capaths,
    data_representation: DataRepresentation,
    limits: Limits,
    clock: Option<Arc<dyn Clock>>,
    replay: Option<Arc<dyn ReplayStore>>,
    reject_before_start: bool,
    expired: ExpiredContexts,
}

impl ConfigBuilder {
    /// How far clocks may be apart unless configured otherwise (RFC 4120
    /// 1.6, MIT krb5, Windows).
    pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(300);

    fn new(backend: Box<dyn Backend>) -> Self {
        Self {
            backend,
            required: Requirements::empty(),
            requested: Requirements::empty(),
            bindings: None,
            mechanisms: vec![Mechanism::Kerberos],
            services: Vec::new(),
            alias_limit: 0,
            etypes: None,
            clock_skew: None,
            capaths: Capaths::new(),
            data_representation: DataRepresentation::default(),
            limits: Limits::default(),
            clock: None,
            replay: None,
            reject_before_start: false,
            expired: ExpiredContexts::Refuse,
        }
    }

    /// Conditions: a handshake that does not meet them all is rejected.
    /// Adds to what was required before.
    pub fn require(mut self, flags: Requirements) -> Self {
        self.required |= flags;
        self
    }

    /// Wishes: taken if they can be had. Adds to what was requested before.
    pub fn request(mut self, flags: Requirements) -> Self {
        self.requested |= flags;
        self
    }

    /// What channel bindings must be. Unless the policy is `Ignore` (the
    /// default) or `AnyPresent`, every step must give the channel's.
    pub fn channel_bindings(mut self, policy: ChannelBindingPolicy) -> Self {
        self.bindings = Some(policy);
        self
    }

    /// The mechanisms to accept, raw and inside SPNEGO. Kerberos alone
    /// unless set.
    pub fn mechanisms(mut self, mechanisms: &[Mechanism]) -> Self {
        self.mechanisms = mechanisms.to_vec();
        self
    }

    /// Accepts tickets for this service; may be called for several. Without,
    /// every principal of the credentials is accepted. See [`ServiceName`]
    /// for what names can keep apart and what they cannot.
    pub fn accept_service(mut self, service: ServiceName) -> Self {
        self.services.push(service);
        self
    }

    /// Lets a ticket whose service name is in no entry be opened by up to
    /// eight keys of other principals: for clients that reach the server by
    /// an alias of which the keytab does not know. Whether a ticket is
    /// accepted is then a matter of the key alone.
    pub fn accept_any_name(self) -> Self {
        self.alias_limit(8)
    }

    /// As [`accept_any_name`](Self::accept_any_name), with another bound on
    /// how many keys are tried. Each costs a decryption of whatever ticket a
    /// stranger sends.
    pub fn alias_limit(mut self, keys: usize) -> Self {
        self.alias_limit = keys;
        self
    }

    /// Permits these encryption types only, the preferred first:
    /// [`EncryptionType::DEFAULT`] unless set. They hold for the ticket, its
    /// session key and the client's subkey.
    pub fn encryption_types(mut self, etypes: &[EncryptionType]) -> Self {
        self.etypes = Some(etypes.to_vec());
        self
    }

    /// How far the client's clock may be from the server's: 300 s unless set.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = Some(skew);
        self
    }

    /// Trusted paths of realms, for tickets that the KDC has not checked.
    pub fn capaths(mut self, capaths: Capaths) -> Self {
        self.capaths = capaths;
        self
    }

    /// The representation of tokens (`TargetDataRep`).
    pub fn data_representation(mut self, representation: DataRepresentation) -> Self {
        self.data_representation = representation;
        self
    }

    /// What handshakes may cost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock: the system's unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where tokens are remembered, so that none counts twice: this process'
    /// memory unless set. All servers that share a key must share the store
    /// (RFC 4120 3.2.3).
    pub fn replay_store(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Refuses tokens that may have been used before this configuration was
    /// built, which a store in memory cannot know: for the length of the
    /// clock skew after the start nobody gets in.
    pub fn reject_before_start(mut self) -> Self {
        self.reject_before_start = true;
        self
    }

    /// What becomes of a context whose ticket has ended.
    pub fn expired_contexts(mut self, expired: ExpiredContexts) -> Self {
        self.expired = expired;
        self
    }

    /// Checks everything, reads the credentials, and makes the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for what contradicts itself or what the backend
    /// cannot honour, [`Error::Unavailable`] for credentials that cannot be
    /// used.
    pub fn build(mut self) -> Result<AcceptorConfig, Error> {
        self.required = self.required.with_implied();
        self.check_sense()?;
        let capabilities = self.backend.capabilities();
        let bindings = self.binding_policy()?;
        self.check_settings(&capabilities)?;
        let (mechanisms, left_out) = self.usable_mechanisms(&capabilities, bindings)?;
        let policy = Arc::new(Policy {
            required: self.required,
            permitted: self.requested,
            bindings,
            services: self.services.clone(),
        });
        let settings = Arc::new(self.settings(mechanisms, bindings, &policy));
        let backend = self.backend.prepare(Arc::clone(&settings))?;
        Ok(AcceptorConfig(Arc::new(Inner {
            backend,
            settings,
            policy,
            limits: self.limits,
            capabilities,
            expired: self.expired,
            left_out,
            half_open: AtomicUsize::new(0),
        })))
    }

    fn settings(
        &self,
        mechanisms: Vec<Mechanism>,
        channel_bindings: ChannelBindingPolicy,
        policy: &Arc<Policy>,
    ) -> Settings {
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let replay = self
            .replay
            .clone()
            .unwrap_or_else(|| Arc::new(MemoryReplayStore::new()));
        let judged = Arc::clone(policy);
        Settings {
            mechanisms,
            required: self.required,
            requested: self.requested,
            channel_bindings,
            services: self.services.clone(),
            alias_limit: self.alias_limit,
            etypes: self
                .etypes
                .clone()
                .unwrap_or_else(|| EncryptionType::DEFAULT.to_vec()),
            clock_skew: self.clock_skew.unwrap_or(Self::DEFAULT_CLOCK_SKEW),
            capaths: self.capaths.clone(),
            data_representation: self.data_representation,
            max_token: self.limits.max_token,
            refuse_before: self.reject_before_start.then(|| clock.now()),
            clock,
            replay,
            judge: Judge::new(move |facts| policy::check(&judged, facts).map_err(Error::from)),
        }
    }

    /// What no backend could make sense of.
    fn check_sense(&self) -> Result<(), Misuse> {
        let all = self.required | self.requested;
        if all.contains(Requirements::DATAGRAM | Requirements::CONNECTION) {
            return Err(conflict("DATAGRAM", "CONNECTION"));
        }
        if self
            .required
            .contains(Requirements::DATAGRAM | Requirements::SEQUENCE_DETECT)
        {
            return Err(conflict("DATAGRAM", "SEQUENCE_DETECT"));
        }
        if self.mechanisms.is_empty() {
            return Err(out_of_range("mechanisms", "at least one is needed"));
        }
        if self.etypes.as_ref().is_some_and(Vec::is_empty) {
            return Err(Misuse::Etypes { etypes: Vec::new() });
        }
        if self.limits.max_token < 256 || self.limits.max_legs == 0 {
            return Err(out_of_range("limits", "no handshake fits into it"));
        }
        if self
            .clock_skew
            .is_some_and(|skew| skew > Duration::from_secs(24 * 3600))
        {
            return Err(out_of_range("clock_skew", "a day at the most"));
        }
        Ok(())
    }

    /// The policy, from the builder's own function or from the flags of
    /// `sspi.h` that say the same.
    fn binding_policy(&self) -> Result<ChannelBindingPolicy, Misuse> {
        use ChannelBindingPolicy as P;
        let all = self.required | self.requested;
        let mut policy = self.bindings;
        for (flag, name, means) in [
            (
                Requirements::PROXY_BINDINGS,
                "PROXY_BINDINGS",
                P::AnyPresent,
            ),
            (
                Requirements::ALLOW_MISSING_BINDINGS,
                "ALLOW_MISSING_BINDINGS",
                P::WhenSent,
            ),
        ] {
            if !all.contains(flag) {
                continue;
            }
            match policy {
                None => policy = Some(means),
                Some(set) if set == means => {}
                Some(_) => return Err(conflict(name, "another channel-binding policy")),
            }
        }
        Ok(policy.unwrap_or_default())
    }

    /// Settings that are not flags, against what the backend can do.
    fn check_settings(&self, capabilities: &Capabilities) -> Result<(), Misuse> {
        for (asked, ability, setting) in [
            (self.clock.is_some(), capabilities.injected_clock, "clock"),
            (
                self.replay.is_some(),
                capabilities.replay_store,
                "replay_store",
            ),
            (
                self.reject_before_start,
                capabilities.replay_store,
                "reject_before_start",
            ),
            (
                !self.services.is_empty(),
                capabilities.restrict_services,
                "accept_service",
            ),
            (
                self.etypes.is_some(),
                capabilities.choose_etypes,
                "encryption_types",
            ),
            (
                self.clock_skew.is_some(),
                capabilities.choose_skew,
                "clock_skew",
            ),
        ] {
            if asked && !ability.can() {
                let backend = self.backend.name();
                return Err(Misuse::CannotSet { backend, setting });
            }
        }
        Ok(())
    }

    /// The mechanisms that can meet what is required, and those that were
    /// asked for and cannot. If none can, the first one's shortcoming is the
    /// error.
    fn usable_mechanisms(
        &self,
        capabilities: &Capabilities,
        bindings: ChannelBindingPolicy,
    ) -> Result<(Vec<Mechanism>, Vec<Mechanism>), Misuse> {
        let backend = self.backend.name();
        let (mut usable, mut left_out, mut first) = (Vec::new(), Vec::new(), None);
        for &mechanism in &self.mechanisms {
            if usable.contains(&mechanism) || left_out.contains(&mechanism) {
                continue;
            }
            let own = capabilities
                .mechanisms
                .iter()
                .find(|own| own.mechanism == mechanism)
                .ok_or(Misuse::NoMechanism { backend, mechanism })?;
            let flags = self.required - own.flags;
            let problem = if !flags.is_empty() {
                Some(Misuse::CannotHonour { backend, flags })
            } else if !own.binding_policies.contains(&bindings) {
                Some(Misuse::CannotBind {
                    backend,
                    policy: bindings,
                })
            } else {
                None
            };
            match problem {
                None => usable.push(mechanism),
                Some(problem) => {
                    left_out.push(mechanism);
                    first.get_or_insert(problem);
                }
            }
        }
        match first {
            Some(problem) if usable.is_empty() => Err(problem),
            _ => Ok((usable, left_out)),
        }
    }
}

impl fmt::Debug for ConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("backend", &self.backend.name())
            .field("required", &self.required)
            .field("requested", &self.requested)
            .finish_non_exhaustive()
    }
}

fn conflict(first: &'static str, second: &'static str) -> Misuse {
    Misuse::Conflict { first, second }
}

fn out_of_range(setting: &'static str, problem: &'static str) -> Misuse {
    Misuse::OutOfRange { setting, problem }
}
