//! # The contract between the acceptor and its backends
//!
//! A backend is where the cryptography and the keys are: the rust backend in
//! this crate, the platform's security package, or one that an application
//! brings. It answers to three traits, in the order of a server's life:
//!
//! 1. [`Backend`]: credentials and options, before anything is checked.
//! 2. [`PreparedBackend`]: what [`Backend::prepare`] makes of it for one
//!    configuration. One for the life of the server, shared by all threads.
//! 3. [`Exchange`]: one handshake. Each step consumes it and gives the next
//!    state, or a [`SecurityContext`], or an error; so nothing of a failed
//!    handshake can be used again.
//!
//! ## What every backend MUST do
//!
//! * Report what it found out as [`Facts`], flags as they were really
//!   granted, and say what its library does not disclose.
//! * Call [`Judge::check`] as soon as the facts are known, before it makes a
//!   reply, spends a replay slot or hands out anything, where it is able to.
//! * Ask the configured replay store after everything else has passed, where
//!   its capabilities say that it does.
//! * Bound what it allocates by [`Limits::max_token`](crate::Limits) and
//!   never panic on a token.
//! * Refuse in [`Backend::prepare`] what it cannot honour.
//!
//! ## What no backend MUST do
//!
//! * Decide who is let in: that is the policy's, and it is the same for all.
//! * Read a token after a failure, retry a token, or fall back to another
//!   mechanism or backend.
//! * Open a file or take a lock that all handshakes share in
//!   [`Exchange::step`].
//! * Put a secret, or the client's raw bytes, into an error or a log line.

use core::any::Any;
use core::fmt;
use core::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::authorization::Authorization;
use crate::channel_bindings::ChannelBindingPolicy;
use crate::credentials::{CredentialPrompt, Credentials};
use crate::delegation::Delegated;
use crate::error::{AuthorizationProblem, Error, Misuse};
use crate::etype::EncryptionType;
use crate::facts::{Ability, Capabilities, Facts};
use crate::mechanism::Mechanism;
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::name::ServiceName;
use crate::realms::Capaths;
use crate::replay::ReplayStore;
use crate::reply::Reply;
use crate::requirements::{DataRepresentation, Requirements};
use crate::secret::Secret;
use crate::time::Clock;
use crate::token::{CredentialHandle, StepInput};

#[cfg(all(feature = "broker", target_os = "linux"))]
pub(crate) mod broker;
mod description;
#[cfg(all(feature = "gssapi", unix))]
pub(crate) mod gssapi;
#[cfg(any(all(feature = "gssapi", unix), windows, test))]
mod in_place;
mod judge;
#[cfg(feature = "rust")]
pub(crate) mod rust;
#[cfg(any(windows, test))]
pub(crate) mod windows;

#[cfg(all(any(fuzzing, test), feature = "broker", target_os = "linux"))]
#[doc(hidden)]
pub use self::broker::fuzzing as broker_fuzzing;
/// What the two sides of a broker say to each other.
#[cfg(all(feature = "broker-daemon", target_os = "linux"))]
pub(crate) use self::broker::wire as broker_wire;
#[cfg(all(feature = "broker", target_os = "linux"))]
pub use self::broker::{BrokerBackend, BrokerOptions, broker};
pub use self::description::{BackendDescription, PrincipalDescription, TgtDescription};
#[cfg(any(all(feature = "gssapi", unix), windows, test))]
pub(crate) use self::in_place::InPlace;
pub use self::judge::Judge;

#[cfg(all(feature = "gssapi", unix))]
pub use self::gssapi::{
    GssapiBackend, GssapiContext, GssapiImporter, GssapiLibrary, NameAttribute, gssapi,
};

#[cfg(feature = "rust")]
pub use self::rust::{RustBackend, RustImporter, rust, rust_importer};
#[cfg(windows)]
pub use self::windows::*;

/// The importers of those backends of this build that need no library.
#[cfg(all(feature = "broker", target_os = "linux"))]
fn importers() -> Vec<Box<dyn ContextImporter>> {
    vec![
        #[cfg(feature = "rust")]
        Box::new(rust_importer()),
    ]
}

/// The parsers, for `fuzz/` alone.
#[cfg(all(any(fuzzing, test), feature = "rust"))]
#[doc(hidden)]
pub use self::rust::fuzzing;

/// Credentials and options of a backend, not yet bound to a configuration.
pub trait Backend: Send + Sync {
    /// The backend's name, for messages.
    fn name(&self) -> &'static str;

    /// What it can do. `build()` refuses what is required and not in here.
    fn capabilities(&self) -> Capabilities;

    /// Whether it can tell, of clients that come with this mechanism, account
    /// and groups ([`SecurityContext::authorization`]). `build()` refuses to
    /// require what no mechanism can.
    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        let _ = mechanism;
        Ability::Cannot
    }

    /// Reads the credentials and derives what can be derived, once.
    ///
    /// # Errors
    ///
    /// Whatever makes the configuration unusable.
    fn prepare(self: Box<Self>, settings: Arc<Settings>)
    -> Result<Box<dyn PreparedBackend>, Error>;
}

/// A backend bound to a configuration; lives as long as the server.
pub trait PreparedBackend: Send + Sync {
    /// What an operator should know of it.
    fn describe(&self) -> BackendDescription;

    /// Begins a handshake. Cheap: the first token has not arrived.
    fn begin(&self) -> Box<dyn Exchange>;

    /// Begins a handshake and takes its first token: what
    /// [`begin`](Self::begin) and [`Exchange::step`] do, for a backend that
    /// needs no state of its own where one token is all.
    fn first(&self, input: StepInput<'_>) -> Reply<Outcome> {
        self.begin().step(input)
    }

    /// Reads credentials for [`StepInput::credentials`].
    ///
    /// # Errors
    ///
    /// Unusable credentials, or a backend that takes none.
    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        let _ = credentials;
        Err(unsupported(self.describe().backend, "supplied credentials"))
    }

    /// What of its own configuration a handshake depends on that goes on in
    /// another process, beside what [`Settings`] say: a suspended handshake is
    /// taken up only where this is the same. No keys, and nothing that follows
    /// from keys.
    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up a handshake where [`Exchange::suspend`] left it.
    ///
    /// # Errors
    ///
    /// State that is not this backend's, or a backend that cannot.
    fn resume(&self, state: &[u8]) -> Result<Box<dyn Exchange>, Error> {
        let _ = state;
        Err(unsupported(self.describe().backend, "suspended handshakes"))
    }
}

/// Takes up established contexts in a process that holds no credentials.
pub trait ContextImporter: Send + Sync {
    /// The backend whose contexts these are, by its name.
    fn backend(&self) -> &'static str;

    /// Takes up a context where [`SecurityContext::export`] left it. Facts
    /// travel beside the state; the facade sees to them.
    ///
    /// # Errors
    ///
    /// State that is not this backend's.
    fn import(&self, state: &[u8]) -> Result<Box<dyn SecurityContext>, Error>;
}

/// A handshake that awaits a token.
pub trait Exchange: Send {
    /// Takes the client's token. An answer that comes later owns what it
    /// needs of the input.
    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome>;

    /// The facade ends the handshake: a limit, or a mistake of the caller's.
    /// Gives what the client is to be told, where the protocol has a word for
    /// that whoever it is (a SPNEGO reject).
    #[must_use]
    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        None
    }

    /// The state of the handshake, to be taken up by
    /// [`PreparedBackend::resume`]. Secret.
    ///
    /// # Errors
    ///
    /// A backend or state that cannot.
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        Err(unsupported("this", "suspended handshakes"))
    }
}

/// What a step came to.
#[non_exhaustive]
pub enum Outcome {
    /// The client's turn.
    Continue {
        /// What to send it.
        token: Vec<u8>,
        /// What awaits its answer.
        next: Box<dyn Exchange>,
        /// Why the client is asked to try once more, if it is.
        retry: Option<Error>,
    },
    /// Done.
    Established {
        /// What to send the client, if anything.
        token: Option<Vec<u8>>,
        /// The context.
        context: Box<dyn SecurityContext>,
        /// What was found out.
        facts: Box<Facts>,
    },
    /// Over.
    Failed {
        /// Why.
        error: Error,
        /// What to tell the client, if anything.
        token: Option<Vec<u8>>,
    },
}

impl Outcome {
    /// The client's turn, in the ordinary course of a handshake.
    #[must_use]
    pub fn go_on(token: Vec<u8>, next: Box<dyn Exchange>) -> Self {
        Self::Continue {
            token,
            next,
            retry: None,
        }
    }

    /// A failure that the client is told nothing of.
    #[must_use]
    pub fn fail(error: impl Into<Error>) -> Self {
        Self::Failed {
            error: error.into(),
            token: None,
        }
    }
}

/// An established context. Full duplex: every method takes `&self`, and what
/// is sent does not wait for what is received.
pub trait SecurityContext: Send + Sync {
    /// Protects a message (RFC 2743 2.3.3).
    ///
    /// # Errors
    ///
    /// A protection that the mechanism does not have.
    fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error>;

    /// Takes a message out of its token (RFC 2743 2.3.4).
    ///
    /// # Errors
    ///
    /// A token that is malformed or altered.
    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error>;

    /// As [`wrap`](Self::wrap), in a buffer that has room around the data
    /// ([`Sizes`]); gives the token's place.
    ///
    /// # Errors
    ///
    /// As for `wrap`, and a buffer without room.
    fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error>;

    /// As [`unwrap`](Self::unwrap), in the buffer that holds the token and
    /// nothing else. This is also the stream form (SECBUFFER_STREAM).
    ///
    /// # Errors
    ///
    /// As for `unwrap`.
    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error>;

    /// Protects a message part by part, where the parts lie, without moving
    /// or copying any; says how much of their room they use.
    ///
    /// # Errors
    ///
    /// As for `wrap`, and parts that do not fit the mechanism.
    fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        let _ = (protection, parts);
        Err(unsupported("this", "messages in parts"))
    }

    /// Reverses [`wrap_parts`](Self::wrap_parts). On an error no data that was
    /// sealed is left readable.
    ///
    /// # Errors
    ///
    /// As for `unwrap`, and parts that do not fit the mechanism.
    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        let _ = parts;
        Err(unsupported("this", "messages in parts"))
    }

    /// A token that proves a message which travels beside it (RFC 2743 2.3.1).
    ///
    /// # Errors
    ///
    /// A mechanism without integrity.
    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error>;

    /// Checks such a token (RFC 2743 2.3.2).
    ///
    /// # Errors
    ///
    /// A token that is malformed or not of this message.
    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error>;

    /// The sizes of tokens.
    fn sizes(&self) -> Sizes;

    /// The key that both sides share.
    ///
    /// # Errors
    ///
    /// A backend whose library does not give it.
    fn session_key(&self) -> Result<SessionKey, Error>;

    /// The pseudo-random function of the context (RFC 4401).
    ///
    /// # Errors
    ///
    /// A mechanism without one.
    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error>;

    /// The authorization data of the ticket as `(ad-type, bytes)`, outside
    /// and inside of AD-IF-RELEVANT. The client may have had a part in it.
    fn authorization_data(&self) -> Vec<(i32, Vec<u8>)> {
        Vec::new()
    }

    /// What the client's directory says of it: account, SIDs, groups. Only
    /// what has been verified, with what proves it. Asked for at most once in
    /// a context's life, and only by who wants it; must not wait for anything
    /// outside of the process.
    ///
    /// # Errors
    ///
    /// Why there is none that could be trusted.
    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        Err(AuthorizationProblem::Unsupported)
    }

    /// What the client delegated, if it is usable: if and only if the facts
    /// grant DELEGATE. Wiped when dropped.
    fn delegated(&self) -> Option<&Delegated> {
        None
    }

    /// The client's own ticket, if the backend was told to keep it; not exported.
    fn client_ticket(&self) -> Option<&crate::ccache::KerberosCredential> {
        None
    }

    /// The backend whose [importer](ContextImporter::backend) takes the
    /// exported state up: not always the one that was configured, which may
    /// hand out another's contexts. Empty where nothing can be exported.
    fn backend(&self) -> &'static str {
        ""
    }

    /// The state of the context, to be taken up by
    /// [`ContextImporter::import`], without what was delegated. Secret.
    ///
    /// # Errors
    ///
    /// A backend that cannot.
    fn export(self: Box<Self>) -> Result<Secret, Error> {
        Err(unsupported("this", "exported contexts"))
    }

    /// The platform's own context, for what is not wrapped here.
    fn as_any(&self) -> &dyn Any;
}

fn unsupported(backend: &'static str, what: &'static str) -> Error {
    Misuse::Unsupported { backend, what }.into()
}

/// The configuration as a backend sees it.
#[derive(Clone)]
#[non_exhaustive]
#[repr(align(128))] // As `Apart` is, and for the same reason.
pub struct Settings {
    /// The enabled mechanisms, each able to meet what is required.
    pub mechanisms: Vec<Mechanism>,
    /// What is required, implied flags included.
    pub required: Requirements,
    /// What is wanted besides.
    pub requested: Requirements,
    /// The channel-binding policy: which facts will be needed.
    pub channel_bindings: ChannelBindingPolicy,
    /// Which services are accepted; all of the credentials' if empty.
    pub services: Vec<ServiceName>,
    /// How many keys of other principals may be tried when no entry has the
    /// ticket's service name.
    pub alias_limit: usize,
    /// Permitted encryption types, the preferred first.
    pub etypes: Vec<EncryptionType>,
    /// How far the clocks may be apart.
    pub clock_skew: Duration,
    /// How long after its time a token must be remembered: not less than
    /// [`clock_skew`](Self::clock_skew).
    pub replay_skew: Duration,
    /// Trusted paths of realms.
    pub capaths: Capaths,
    /// The representation of tokens, for a package that has a choice.
    pub data_representation: DataRepresentation,
    /// The longest token, in bytes.
    pub max_token: usize,
    /// When the configuration was built, if clients that may have been there
    /// before are to be refused.
    pub refuse_before: Option<SystemTime>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The replay store.
    pub replay: Arc<dyn ReplayStore>,
    /// Whom to ask for credentials that the backend does not have: only where
    /// a mechanism of it can (PROMPT_FOR_CREDS), never when credentials came
    /// with the step, and once in a handshake.
    pub prompt: Option<CredentialPrompt>,
    /// The policy, as far as a backend may know it.
    pub judge: Judge,
}

impl Settings {
    /// Whether a flag is required or requested.
    #[must_use]
    pub fn wants(&self, flag: Requirements) -> bool {
        (self.required | self.requested).contains(flag)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("mechanisms", &self.mechanisms)
            .field("required", &self.required)
            .field("requested", &self.requested)
            .finish_non_exhaustive()
    }
}
