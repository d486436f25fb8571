//! Making a configuration, and refusing what contradicts itself or what the
//! backend cannot honour.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::{AcceptorConfig, Inner, Limits};
use crate::backends::{Backend, Judge, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::context::ExpiredContexts;
use crate::credentials::{CredentialPrompt, PromptAnswer, WantedCredentials};
use crate::error::{Error, Misuse};
use crate::etype::EncryptionType;
use crate::facts::Capabilities;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::policy::{self, Policy};
use crate::realms::Capaths;
use crate::replay::{MemoryReplayStore, ReplayStore};
use crate::reply::Reply;
use crate::requirements::{DataRepresentation, Requirements};
use crate::time::{Clock, SystemClock};

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
    replay_skew: Option<Duration>,
    reject_before_start: bool,
    expired: ExpiredContexts,
    prompt: Option<CredentialPrompt>,
}

impl ConfigBuilder {
    /// How far clocks may be apart unless configured otherwise (RFC 4120
    /// 1.6, MIT krb5, Windows).
    pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(300);

    pub(super) fn new(backend: Box<dyn Backend>) -> Self {
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
            replay_skew: None,
            reject_before_start: false,
            expired: ExpiredContexts::Refuse,
            prompt: None,
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

    /// What channel bindings must be: right, where a step gives the channel's
    /// (`WhenGiven`), unless set. Under `WhenSent` and `Require` every step
    /// must give the channel's.
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

    /// Where tokens are remembered, so that none counts twice. Unless set, it
    /// is one store in memory for all configurations of this process; with
    /// a [`clock`](Self::clock) of its own, a configuration has a store of its
    /// own. All servers that share a key must share the store (RFC 4120
    /// 3.2.3).
    pub fn replay_store(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// The longest clock skew among all that share the replay store, where it
    /// is longer than this configuration's: a token must be remembered for as
    /// long as any of them would take it.
    pub fn replay_skew(mut self, skew: Duration) -> Self {
        self.replay_skew = Some(skew);
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

    /// Asks `ask` for credentials when the configured ones have no key for a
    /// ticket: none for its service, or not of its version or encryption
    /// type. Sets [`PROMPT_FOR_CREDS`](Requirements::PROMPT_FOR_CREDS), which
    /// cannot be required without it.
    ///
    /// It is asked at most once in a handshake, only for a ticket that parses
    /// and is for an accepted service, and never when credentials came with
    /// the step. What it answers serves this handshake alone. It may answer
    /// later: [`step`](crate::Acceptor::step) then blocks, and
    /// [`step_async`](crate::Acceptor::step_async) awaits.
    ///
    /// **Anybody can have it asked**: nothing of the ticket has been verified.
    /// Keep what was found and what was not, bound how many questions are
    /// under way, and answer [`PromptAnswer::None`] beyond that.
    pub fn prompt_for_credentials(
        mut self,
        ask: impl Fn(WantedCredentials) -> Reply<PromptAnswer> + Send + Sync + 'static,
    ) -> Self {
        self.prompt = Some(CredentialPrompt::new(ask));
        self.requested |= Requirements::PROMPT_FOR_CREDS;
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
        self.check_prompt(&capabilities)?;
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
        let replay = self.replay.clone().unwrap_or_else(|| match self.clock {
            // Its times would be none to the others.
            Some(_) => Arc::new(MemoryReplayStore::new()),
            None => MemoryReplayStore::of_process(),
        });
        let clock_skew = self.clock_skew.unwrap_or(Self::DEFAULT_CLOCK_SKEW);
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
            clock_skew,
            replay_skew: self.replay_skew.unwrap_or_default().max(clock_skew),
            capaths: self.capaths.clone(),
            data_representation: self.data_representation,
            max_token: self.limits.max_token,
            refuse_before: self.reject_before_start.then(|| clock.now()),
            clock,
            replay,
            prompt: self.prompt.clone(),
            judge: Judge::new(move |facts| policy::check(&judged, facts).map_err(Error::from)),
        }
    }

    /// What no backend could make sense of.
    fn check_sense(&self) -> Result<(), Misuse> {
        let all = self.required | self.requested;
        if all.contains(Requirements::DATAGRAM | Requirements::CONNECTION) {
            return Err(conflict("DATAGRAM", "CONNECTION"));
        }
        if all.contains(Requirements::DATAGRAM | Requirements::SEQUENCE_DETECT) {
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
        for (skew, setting) in [
            (self.clock_skew, "clock_skew"),
            (self.replay_skew, "replay_skew"),
        ] {
            if skew.is_some_and(|skew| skew > Duration::from_secs(24 * 3600)) {
                return Err(out_of_range(setting, "a day at the most"));
            }
        }
        Ok(())
    }

    /// PROMPT_FOR_CREDS and its callback belong together, and a backend must
    /// know what to do with them.
    fn check_prompt(&self, capabilities: &Capabilities) -> Result<(), Misuse> {
        let flags = Requirements::PROMPT_FOR_CREDS;
        let setting = "prompt_for_credentials";
        if self.prompt.is_none() {
            return if self.required.contains(flags) {
                Err(Misuse::NeedsSetting { flags, setting })
            } else {
                Ok(())
            };
        }
        let mut mechanisms = capabilities.mechanisms.iter();
        if !mechanisms.any(|own| own.flags.contains(flags)) {
            let backend = self.backend.name();
            return Err(Misuse::CannotSet { backend, setting });
        }
        // Credentials that come with each handshake leave nobody to ask.
        if self.required.contains(Requirements::USE_SUPPLIED_CREDS) {
            return Err(conflict("USE_SUPPLIED_CREDS", "PROMPT_FOR_CREDS"));
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
                self.replay_skew.is_some(),
                capabilities.replay_store,
                "replay_skew",
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
