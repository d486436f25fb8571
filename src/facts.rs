//! What a backend can do, and what it found out. Backends report; only
//! the facade's policy decides.

use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::{AuthorizationProblem, DelegationProblem};
use crate::mechanism::{Framing, Mechanism};
use crate::name::{Name, Principal};
use crate::requirements::{Granted, Requirements};
use crate::time::Expiry;

/// What one mechanism can do on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MechanismCapabilities {
    /// Which mechanism.
    pub mechanism: Mechanism,
    /// The requirements it can honour.
    pub flags: Requirements,
    /// The channel-binding policies whose facts it can report.
    pub binding_policies: Vec<ChannelBindingPolicy>,
    /// Whether an established context can leave the process.
    pub export: Ability,
    /// Whether a half-done handshake can leave the process.
    pub suspend: Ability,
}

/// What a backend can do with the configuration it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Per mechanism; one that is not listed cannot be enabled.
    pub mechanisms: Vec<MechanismCapabilities>,
    /// Whether a step may wait for something outside the process (a
    /// directory, a file, another process).
    pub may_block: bool,
    /// Whether the configuration's [`Clock`](crate::time::Clock) is what
    /// decides, or the system's clock is whatever is configured.
    pub injected_clock: Ability,
    /// Whether the configuration's replay store is asked.
    pub replay_store: Ability,
    /// Whether accepted services can be restricted.
    pub restrict_services: Ability,
    /// Whether permitted encryption types can be chosen.
    pub choose_etypes: Ability,
    /// Whether the clock skew can be chosen.
    pub choose_skew: Ability,
}

/// Whether a backend can do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// It can.
    Can,
    /// It cannot, and `build()` refuses a configuration that asks for it.
    Cannot,
}

impl Ability {
    /// Whether it can.
    #[must_use]
    pub fn can(self) -> bool {
        self == Self::Can
    }
}

/// What became of channel bindings, as far as the backend can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindingFact {
    /// The client's are those of this step.
    Bound,
    /// The client sent none.
    Absent,
    /// The client sent none although it says that it binds
    /// (KERB_AP_OPTIONS_CBT, MS-KILE 3.2.5.8).
    AbsentThoughPromised,
    /// The client's are not those of this step.
    Mismatch {
        /// They are the same channel's with address type 255, as Java hashes
        /// null addresses.
        null_address_type: bool,
    },
    /// The client sent some; the step had none to compare.
    PresentNotCompared,
    /// The step had none to compare, and the backend's library does not tell
    /// whether the client sent any.
    NotCompared,
    /// The step gave some, the library has not found them wrong, and does not
    /// tell whether the client sent any.
    Undisclosed,
}

/// What became of credentials that the client may have delegated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegationFact {
    /// The configuration does not ask for any, or the backend knows of none.
    /// What the client may have sent was dropped unread.
    #[default]
    NotAsked,
    /// They are there and of use: [`Granted::DELEGATE`].
    Usable,
    /// They are not.
    Unusable(Box<DelegationProblem>),
}

/// Whether it is known what the client may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizationFact {
    /// The backend does not say.
    #[default]
    Unknown,
    /// There is an [`Authorization`](crate::Authorization), and it has been
    /// verified.
    Verified,
    /// There is none to be believed.
    Unusable(Box<AuthorizationProblem>),
}

impl AuthorizationFact {
    /// What a verification came to.
    #[must_use]
    pub fn of<T>(verified: &Result<T, AuthorizationProblem>) -> Self {
        match verified {
            Ok(_) => Self::Verified,
            Err(problem) => Self::Unusable(Box::new(problem.clone())),
        }
    }
}

/// The service that the client believes it talks to, as its own software
/// says (MS-KILE 3.2.5.8, MsvAvTargetName of MS-NLMP 2.2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTarget {
    /// The service principal name as text: the client's own words, control
    /// characters and all. Escape it before it goes into a log.
    pub name: String,
    /// Where it got the name from. A name from a source that it does not
    /// trust itself (KERB_AP_OPTIONS_UNVERIFIED_TARGET_NAME) proves nothing.
    pub source: TargetSource,
}

/// Where the client got the target's name from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetSource {
    /// From its user or its configuration.
    Trusted,
    /// From the network.
    Untrusted,
}

/// Which facts a backend's library keeps to itself. Undisclosed is not enough
/// where something was required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undisclosed {
    /// Requirements of which the backend cannot say whether they are met.
    pub flags: Requirements,
}

/// What a backend found out about one handshake.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// The mechanism that authenticated the client.
    pub mechanism: Mechanism,
    /// Raw or negotiated.
    pub framing: Framing,
    /// Who the client is.
    pub peer: Name,
    /// Which of the server's principals it authenticated to: the name that
    /// the credentials have, not the one that the client wrote.
    pub target: Option<Principal>,
    /// What the client says it wanted to reach.
    pub client_target: Option<ClientTarget>,
    /// What the context has.
    pub granted: Granted,
    /// When it ends.
    pub expiry: Expiry,
    /// Whether [`expiry`](Self::expiry) is exact or an upper bound.
    pub expiry_precision: ExpiryPrecision,
    /// What became of channel bindings.
    pub bindings: BindingFact,
    /// What became of delegated credentials.
    pub delegation: DelegationFact,
    /// Whether account and groups are known.
    pub authorization: AuthorizationFact,
    /// What the backend cannot tell.
    pub undisclosed: Undisclosed,
}

/// How exactly a backend knows the end of a context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiryPrecision {
    /// It is the ticket's own.
    #[default]
    Exact,
    /// It ends then at the latest: the library adds an amount of its own.
    UpperBound,
}

impl Facts {
    /// Facts with nothing granted and nothing bound: a backend fills in what
    /// it has established, and what it forgets is refused.
    #[inline]
    #[must_use]
    pub fn new(mechanism: Mechanism, peer: Name, expiry: Expiry) -> Self {
        Self {
            mechanism,
            framing: Framing::Raw,
            peer,
            target: None,
            client_target: None,
            granted: Granted::empty(),
            expiry,
            expiry_precision: ExpiryPrecision::Exact,
            bindings: BindingFact::Absent,
            delegation: DelegationFact::default(),
            authorization: AuthorizationFact::default(),
            undisclosed: Undisclosed::default(),
        }
    }
}
