//! Making a configuration, setting by setting.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::defaults::Defaults;
use super::etypes::Rc4;
use super::{AcceptorConfig, Inner, Limits, Mapping, fingerprint};
use crate::apart::Apart;
use crate::backends::{Backend, Judge, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::credentials::{CredentialPrompt, PromptAnswer, WantedCredentials};
use crate::error::Error;
use crate::etype::EncryptionType;
use crate::facts::{Ability, Capabilities};
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::policy::{self, Authorizing, Policy};
use crate::realms::Capaths;
use crate::replay::{MemoryReplayStore, ReplayStore};
use crate::reply::Reply;
use crate::requirements::{DataRepresentation, Requirements};
use crate::time::{Clock, ExpiredContexts, SystemClock};

/// Makes an [`AcceptorConfig`]. Nothing is lenient unless it is said here.
#[must_use]
pub struct ConfigBuilder {
    pub(super) backend: Box<dyn Backend>,
    pub(super) required: Requirements,
    pub(super) requested: Requirements,
    pub(super) bindings: Option<ChannelBindingPolicy>,
    pub(super) mechanisms: Vec<Mechanism>,
    pub(super) services: Vec<ServiceName>,
    pub(super) alias_limit: usize,
    pub(super) etypes: Option<Vec<EncryptionType>>,
    pub(super) rc4: Rc4,
    pub(super) clock_skew: Option<Duration>,
    pub(super) capaths: Option<Capaths>,
    pub(super) data_representation: DataRepresentation,
    pub(super) limits: Limits,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) replay: Option<Arc<dyn ReplayStore>>,
    pub(super) replay_skew: Option<Duration>,
    pub(super) reject_before_start: bool,
    pub(super) expired: ExpiredContexts,
    pub(super) prompt: Option<CredentialPrompt>,
    pub(super) suspendable: bool,
    pub(super) mapping: Mapping,
    pub(super) authorization: Authorizing,
    pub(super) defaults: Defaults,
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
            rc4: Rc4::Refused,
            clock_skew: None,
            capaths: None,
            data_representation: DataRepresentation::default(),
            limits: Limits::default(),
            clock: None,
            replay: None,
            replay_skew: None,
            reject_before_start: false,
            expired: ExpiredContexts::Refuse,
            prompt: None,
            suspendable: false,
            mapping: Mapping::No,
            authorization: Authorizing::default(),
            defaults: Defaults::default(),
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
    /// session key and the client's subkey. RC4 needs
    /// [`insecure_rc4`](Self::insecure_rc4) besides; the DES types are never
    /// accepted.
    pub fn encryption_types(mut self, etypes: &[EncryptionType]) -> Self {
        self.etypes = Some(etypes.to_vec());
        self
    }

    /// Permits rc4-hmac (RFC 4757) besides, after all others: for the ticket,
    /// its session key, the client's subkey, and with them its per-message
    /// tokens (RFC 1964). **Do not**, unless some peer has nothing else.
    ///
    /// What it risks:
    ///
    /// * The key of a service is the unsalted MD4 of its password, and each
    ///   ticket lets everybody who can get one guess that password at billions
    ///   of tries a second ("Kerberoasting"). Whoever finds it can mint
    ///   tickets for any user. The same hash opens NTLM.
    /// * A session key of this type is what an attacker in the realm will ask
    ///   for, also where service and client could do better.
    /// * The direction of a message is under no checksum, nor is the number
    ///   of one that is not sealed: somebody on the wire can send our own
    ///   messages back to us as the client's, and repeat those that are not
    ///   sealed under other numbers.
    /// * The stream that seals a message comes of key and number alone. Both
    ///   directions begin at the same number unless the client asks for mutual
    ///   authentication, and two messages with one number disclose each
    ///   other: with RC4, require [`Requirements::MUTUAL_AUTH`].
    ///
    /// A client that lists AES (RFC 4537) and asks for mutual authentication
    /// gets a subkey of AES in the answer, whatever the ticket's session key
    /// is; its messages have none of these problems.
    pub fn insecure_rc4(mut self) -> Self {
        self.rc4 = Rc4::Permitted;
        self
    }

    /// How far the client's clock may be from the server's: 300 s unless set.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = Some(skew);
        self
    }

    /// Trusted paths of realms, for tickets that the KDC has not checked.
    pub fn capaths(mut self, capaths: Capaths) -> Self {
        self.capaths = Some(capaths);
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

    /// Rejects a client of whom it is not known, and verified, which account
    /// and groups it is ([`Context::authorization`](crate::Context::authorization)):
    /// whose ticket has no PAC, or one that is not genuine. A mechanism that
    /// tells nothing of groups is left out.
    pub fn require_authorization(mut self) -> Self {
        self.authorization = Authorizing::Required;
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
    /// Keep what was found and what was not. Questions that are answered later
    /// count as half-open handshakes ([`Limits::max_half_open`]); where fewer
    /// are to be under way, answer [`PromptAnswer::None`] beyond that.
    pub fn prompt_for_credentials(
        mut self,
        ask: impl Fn(WantedCredentials) -> Reply<PromptAnswer> + Send + Sync + 'static,
    ) -> Self {
        self.prompt = Some(CredentialPrompt::new(ask));
        self.requested |= Requirements::PROMPT_FOR_CREDS;
        self
    }

    /// What the backend can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    /// Whether the backend can tell account and groups of clients that come
    /// with this mechanism ([`require_authorization`](Self::require_authorization)).
    #[must_use]
    pub fn authorizes(&self, mechanism: Mechanism) -> Ability {
        self.backend.authorizes(mechanism)
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
        let mut notes = self.take_defaults();
        self.note_suspension(&mut notes);
        self.check_sense()?;
        let capabilities = self.backend.capabilities();
        let bindings = self.binding_policy()?;
        self.check_settings(&capabilities)?;
        let (mechanisms, left_out) = self.usable_mechanisms(&capabilities, bindings)?;
        self.check_prompt(&capabilities)?;
        self.check_mapping(&capabilities, &mechanisms)?;
        let policy = Arc::new(Policy {
            required: self.required,
            permitted: self.requested,
            bindings,
            services: self.services.clone(),
            authorization: self.authorization,
        });
        let settings = Arc::new(self.settings(mechanisms, bindings, &policy));
        let name = self.backend.name();
        let backend = self.backend.prepare(Arc::clone(&settings))?;
        let fingerprint = self
            .suspendable
            .then(|| fingerprint::of(name, &*backend, &settings, &policy));
        Ok(AcceptorConfig::new(Inner {
            backend,
            settings,
            policy,
            limits: self.limits,
            capabilities,
            expired: self.expired,
            fingerprint,
            mapped: self.mapping,
            left_out,
            notes,
            half_open: Apart::default(),
            own_clock: self.clock,
        }))
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
            etypes: self.permitted_etypes(),
            clock_skew,
            replay_skew: self.replay_skew.unwrap_or_default().max(clock_skew),
            capaths: self.capaths.clone().unwrap_or_default(),
            data_representation: self.data_representation,
            max_token: self.limits.max_token,
            refuse_before: self.reject_before_start.then(|| clock.now()),
            clock,
            replay,
            prompt: self.prompt.clone(),
            judge: Judge::new(move |facts| policy::check(&judged, facts).map_err(Error::from)),
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
