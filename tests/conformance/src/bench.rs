//! The place where cases play: kit's realm, a clock to turn, and short ways through a handshake.

use crate::{Mount, moved};
use gss_acceptor::{
    Acceptor, AcceptorConfig, ChannelBindingPolicy, ChannelBindings, Clock, ConfigBuilder, Context,
    Error, Failure, Keytab, Rejection, Requirements, Step,
};
use kit::ap_req::{ApReqSpec, gss};
use kit::cases::{Names, Policy, Setting};
use kit::client::{Answer, Initiator, KrbError};
use kit::spnego::Resp;
use kit::world::World;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The moment at which everything happens: 2025-06-15 15:06:40 UTC.
pub const NOW: i64 = 1_750_000_000;
/// The same, as `date -u` writes it.
pub const NOW_TEXT: &str = "2025-06-15 15:06:40 UTC";
/// The reject of RFC 4178 4.2.2, in exactly these octets (rule 29).
pub const REJECT: [u8; 9] = [0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x02];
/// KERB-ERROR-DATA that asks the client to try again (rule 21).
pub const SKEW_RECOVERY: [u8; 7] = [0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02];

/// A moment, by unix seconds.
pub fn at(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().expect("after 1970"))
}

/// A clock that stands still until it is turned.
#[derive(Debug)]
pub struct TurnClock(AtomicI64);

impl TurnClock {
    /// One that stands here.
    pub fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds))
    }

    /// Turns it on, or back.
    pub fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TurnClock {
    fn now(&self) -> SystemTime {
        at(self.0.load(Ordering::SeqCst))
    }
}

/// A realm, and its clock.
pub struct Bench {
    /// The realm.
    pub world: World,
    /// The acceptor's clock.
    pub clock: Arc<TurnClock>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// The realm at [`NOW`].
    pub fn new() -> Self {
        let clock = Arc::new(TurnClock::at(NOW));
        if moved::is_moving() {
            moved::clock_is(&clock);
        }
        Self {
            world: World::new(NOW, 1),
            clock,
        }
    }

    /// The realm's keytab, in memory.
    pub fn keytab(&self) -> Keytab {
        Keytab::from_bytes(self.world.keytab()).expect("a keytab")
    }

    /// A configuration with the realm's keys and clock.
    pub fn builder<M: Mount>(&self) -> ConfigBuilder {
        self.builder_with::<M>(self.keytab())
    }

    /// The same with other keys.
    pub fn builder_with<M: Mount>(&self, keytab: Keytab) -> ConfigBuilder {
        M::clock(AcceptorConfig::builder(M::backend(keytab)), &self.clock)
    }

    /// The plain configuration.
    pub fn config<M: Mount>(&self) -> AcceptorConfig {
        self.builder::<M>().build().expect("builds")
    }

    /// The configuration that tells clients why.
    pub fn telling<M: Mount>(&self) -> AcceptorConfig {
        self.builder::<M>()
            .request(Requirements::EXTENDED_ERROR)
            .build()
            .expect("builds")
    }

    /// The configuration of a case.
    pub fn set<M: Mount>(&self, setting: &Setting) -> ConfigBuilder {
        let mut builder = self.builder::<M>().channel_bindings(policy(setting.policy));
        builder = match setting.names {
            Names::Keytab => builder,
            Names::Any => builder.accept_any_name(),
            Names::Only(name) => builder.accept_service(name.parse().expect("a service name")),
        };
        for (set, flag) in [
            (setting.null_session, Requirements::ALLOW_NULL_SESSION),
            (setting.extended_error, Requirements::EXTENDED_ERROR),
        ] {
            if set {
                builder = builder.request(flag);
            }
        }
        if setting.delegate {
            builder = builder.require(Requirements::DELEGATE);
        }
        builder
    }

    /// An ordinary AP-REQ with something changed.
    pub fn ap_req(&self, change: impl FnOnce(&mut ApReqSpec)) -> ApReqSpec {
        let mut spec = self.world.ap_req();
        change(&mut spec);
        spec
    }

    /// One that wants no AP-REP.
    pub fn one_way(&self) -> ApReqSpec {
        self.ap_req(|a| {
            a.options = 0;
            a.gss().flags &= !gss::MUTUAL;
        })
    }
}

/// The policy of a case.
pub fn policy(policy: Policy) -> ChannelBindingPolicy {
    match policy {
        Policy::Ignore => ChannelBindingPolicy::Ignore,
        Policy::WhenSent => ChannelBindingPolicy::WhenSent,
        Policy::Require => ChannelBindingPolicy::Require,
        Policy::AnyPresent => ChannelBindingPolicy::AnyPresent,
    }
}

/// The bindings that kit calls `BINDINGS`.
pub fn bindings() -> ChannelBindings {
    let hash = kit::cases::BINDINGS
        .strip_prefix(b"tls-server-end-point:")
        .expect("an end-point binding");
    ChannelBindings::tls_server_end_point_hash(hash).expect("32 octets")
}

/// What a server holds after the step that ends a handshake.
pub struct Done {
    /// The reply.
    pub token: Option<Vec<u8>>,
    /// The context.
    pub context: Context,
}

/// The end of a handshake, which must have come.
pub fn done(step: Result<Step, Failure>) -> Done {
    match step {
        Ok(Step::Established { token, context }) => Done {
            token,
            context: moved::used(context),
        },
        Ok(Step::Continue { token }) => panic!("goes on with {token:02x?}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// The reply of a handshake that must go on.
pub fn goes_on(step: Result<Step, Failure>) -> Vec<u8> {
    match step {
        Ok(Step::Continue { token }) => token,
        Ok(Step::Established { context, .. }) => panic!("established {context:?}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// The failure that must have come.
pub fn fails(step: Result<Step, Failure>) -> Failure {
    match step {
        Ok(step) => panic!("{step:?}"),
        Err(failure) => failure,
    }
}

/// Why the client was rejected, which it must have been.
pub fn rejection(step: Result<Step, Failure>) -> Rejection {
    rejected(fails(step).error())
}

/// The same of an error.
pub fn rejected(error: &Error) -> Rejection {
    match error.rejection() {
        Some(rejection) => rejection.clone(),
        None => panic!("no rejection: {error}"),
    }
}

/// A whole raw handshake that takes one leg; the client has read the reply.
pub fn established(config: &AcceptorConfig, spec: &ApReqSpec) -> (Context, Initiator) {
    let done = done(Acceptor::new(config).step(&spec.token()));
    let mut client = spec.initiator();
    if let Some(token) = &done.token {
        ap_rep(&mut client, token);
    }
    (done.context, client)
}

/// Lets the client read an AP-REP.
pub fn ap_rep(client: &mut Initiator, token: &[u8]) {
    match client.read(token) {
        Ok(Answer::ApRep(_)) => {}
        other => panic!("no AP-REP: {other:?}"),
    }
}

/// Lets the client read a KRB-ERROR.
pub fn krb_error(client: &Initiator, token: &[u8]) -> KrbError {
    match client.clone().read(token) {
        Ok(Answer::Error(error)) => error,
        other => panic!("no KRB-ERROR: {other:?}"),
    }
}

/// Reads a NegTokenResp.
pub fn resp(token: &[u8]) -> Resp {
    Resp::read(token).unwrap_or_else(|error| panic!("{error}: {token:02x?}"))
}
