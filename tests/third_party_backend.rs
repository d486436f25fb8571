//! A backend written outside of this crate, against its public interface
//! alone: the contract is complete, and the facade holds every backend to the
//! policy, whatever the backend does.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gss_acceptor::backends::{
    Backend, BackendDescription, Exchange, Outcome, PreparedBackend, SecurityContext, Settings,
};
use gss_acceptor::{
    Ability, Acceptor, AcceptorConfig, BindingFact, Capabilities, ChannelBindingPolicy,
    ChannelBindings, Clock, ConfigBuilder, CredentialHandle, Credentials, Error, ExpiredContexts,
    Expiry, Facts, Granted, Limits, Mechanism, MechanismCapabilities, Misuse, Name, PrfKey,
    Protection, Rejection, Reply, Requirements, Secret, SequenceState, SessionKey, Sizes, Step,
    StepInput, Unavailability, Unwrapped, UnwrappedInPlace,
};

/// Says yes to a client that says its name, after as many more tokens as it
/// is told to wait for; it never asks the judge.
#[derive(Clone)]
struct Trusting {
    legs: u32,
    later: bool,
    stuck: bool,
    facts: Facts,
    abilities: Ability,
    flags: Requirements,
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn trusting() -> Trusting {
    let peer = Name::Kerberos("alice@EXAMPLE.TEST".parse().unwrap());
    let mut facts = Facts::new(Mechanism::Kerberos, peer, Expiry::At(at(1000)));
    facts.granted = Granted::INTEGRITY | Granted::CONFIDENTIALITY;
    facts.target = Some("HTTP/web@EXAMPLE.TEST".parse().unwrap());
    Trusting {
        legs: 0,
        later: false,
        stuck: false,
        facts,
        abilities: Ability::Can,
        flags: Requirements::all(),
    }
}

impl Backend for Trusting {
    fn name(&self) -> &'static str {
        "trusting"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            mechanisms: vec![MechanismCapabilities {
                mechanism: Mechanism::Kerberos,
                flags: self.flags,
                binding_policies: vec![
                    ChannelBindingPolicy::WhenGiven,
                    ChannelBindingPolicy::Ignore,
                    ChannelBindingPolicy::Require,
                ],
                export: Ability::Cannot,
                suspend: Ability::Cannot,
            }],
            may_block: self.later,
            injected_clock: self.abilities,
            replay_store: self.abilities,
            restrict_services: self.abilities,
            choose_etypes: self.abilities,
            choose_skew: self.abilities,
        }
    }

    fn prepare(self: Box<Self>, _: Arc<Settings>) -> Result<Box<dyn PreparedBackend>, Error> {
        Ok(self)
    }
}

impl PreparedBackend for Trusting {
    fn describe(&self) -> BackendDescription {
        BackendDescription::new("trusting")
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(self.clone())
    }

    fn acquire(&self, _: &Credentials) -> Result<CredentialHandle, Error> {
        Ok(CredentialHandle::new(Arc::new(())))
    }
}

impl Exchange for Trusting {
    fn step(mut self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        if input.token == b"bad" {
            let error = Error::malformed("name", "not one", None);
            return Reply::Now(Outcome::Failed {
                error,
                token: Some(b"no".to_vec()),
            });
        }
        let outcome = if self.legs > 0 {
            self.legs -= 1;
            let token = b"more".to_vec();
            Outcome::go_on(token, self.clone())
        } else {
            Outcome::Established {
                token: Some(b"welcome".to_vec()),
                context: Box::new(Reverse),
                facts: Box::new(self.facts.clone()),
            }
        };
        if self.stuck {
            return Reply::later(std::future::pending());
        }
        if self.later {
            Reply::later(async move { outcome })
        } else {
            Reply::Now(outcome)
        }
    }
}

/// Protects a message by reversing it.
struct Reverse;

fn reversed(data: &[u8]) -> Vec<u8> {
    data.iter().rev().copied().collect()
}

impl SecurityContext for Reverse {
    fn wrap(&self, _: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(reversed(data))
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        Ok(Unwrapped {
            data: reversed(token),
            protection: Protection::Integrity,
            sequence: SequenceState::InOrder,
        })
    }

    fn wrap_in_place(
        &self,
        _: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        buffer[data.clone()].reverse();
        Ok(data)
    }

    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        buffer.reverse();
        Ok(UnwrappedInPlace {
            data: 0..buffer.len(),
            protection: Protection::Integrity,
            sequence: SequenceState::Gap,
        })
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(reversed(data))
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        if reversed(data) == mic {
            return Ok(SequenceState::InOrder);
        }
        Err(Rejection::MessageAltered {
            problem: "not reversed",
        }
        .into())
    }

    fn sizes(&self) -> Sizes {
        Sizes::new(100, 10, 1, (1, 2), (3, 4))
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        Ok(SessionKey {
            etype: None,
            key: Secret::copy_from(b"key"),
        })
    }

    fn prf(&self, _: PrfKey, _: &[u8], length: usize) -> Result<Secret, Error> {
        Ok(Secret::from(vec![7; length]))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Stopped(SystemTime);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }
}

fn config(backend: Trusting) -> ConfigBuilder {
    AcceptorConfig::builder(backend).clock(Arc::new(Stopped(at(500))))
}

fn established(acceptor: &mut Acceptor) -> gss_acceptor::Context {
    match acceptor.step(b"alice") {
        Ok(Step::Established { token, context }) => {
            assert_eq!(token.as_deref(), Some(b"welcome".as_slice()));
            context
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_third_party_backend_lets_a_client_in() {
    let config = config(trusting())
        .require(Requirements::INTEGRITY)
        .build()
        .unwrap();
    let context = established(&mut Acceptor::new(&config));
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
    assert_eq!(context.mechanism(), Mechanism::Kerberos);
    assert_eq!(
        context.wrap(Protection::Confidentiality, b"abc").unwrap(),
        b"cba"
    );
    let mut stream = *b"cba";
    let (data, _, sequence) = context.unwrap_stream(&mut stream).unwrap();
    assert_eq!((&*data, sequence), (b"abc".as_slice(), SequenceState::Gap));
    assert!(context.as_any().is::<Reverse>());
    let text = config.describe().to_string();
    assert!(text.contains("backend           trusting"), "{text}");
}

/// The facade checks again: a backend that never asks the judge lets nobody
/// in who lacks what is required.
#[test]
fn the_policy_holds_for_a_backend_that_does_not_ask() {
    let with = |change: fn(&mut Facts)| {
        let mut backend = trusting();
        change(&mut backend.facts);
        backend
    };
    let cases: [(Trusting, Requirements, &str); 3] = [
        (trusting(), Requirements::MUTUAL_AUTH, "MUTUAL_AUTH"),
        (
            with(|facts| facts.granted = Granted::empty()),
            Requirements::INTEGRITY,
            "INTEGRITY",
        ),
        (
            with(|facts| facts.peer = Name::Anonymous),
            Requirements::empty(),
            "anonymous",
        ),
    ];
    for (backend, required, names) in cases {
        let config = config(backend).require(required).build().unwrap();
        let failure = Acceptor::new(&config).step(b"alice").unwrap_err();
        assert!(failure.error().rejection().is_some());
        assert!(failure.to_string().contains(names), "{failure}");
        assert_eq!(failure.token(), None, "what the backend said is not sent");
    }
    let mut mismatch = trusting();
    mismatch.facts.bindings = BindingFact::Undisclosed;
    let config = config(mismatch)
        .channel_bindings(ChannelBindingPolicy::Require)
        .build()
        .unwrap();
    let own = ChannelBindings::tls_exporter(&[1; 32]).unwrap();
    let input = StepInput::new(b"alice").channel_bindings(&own);
    let failure = Acceptor::new(&config).step_with(input).unwrap_err();
    assert_eq!(
        failure.error().rejection(),
        Some(&Rejection::BindingUndisclosed)
    );
}

#[test]
fn what_the_backend_cannot_honour_is_refused_at_build() {
    let mut backend = trusting();
    backend.flags = Requirements::INTEGRITY;
    let error = config(backend.clone())
        .require(Requirements::DELEGATE)
        .build()
        .unwrap_err();
    let flags = Requirements::DELEGATE;
    assert_eq!(
        error.misuse(),
        Some(&Misuse::CannotHonour {
            backend: "trusting",
            flags
        })
    );
    assert!(error.to_string().contains("DELEGATE") && error.to_string().contains("trusting"));
    // A wish is not a condition.
    config(backend.clone())
        .request(Requirements::DELEGATE)
        .build()
        .unwrap();

    let policy = ChannelBindingPolicy::WhenSent;
    let error = config(backend.clone())
        .channel_bindings(policy)
        .build()
        .unwrap_err();
    assert_eq!(
        error.misuse(),
        Some(&Misuse::CannotBind {
            backend: "trusting",
            policy
        })
    );
    let error = config(backend.clone())
        .mechanisms(&[Mechanism::Ntlm])
        .build()
        .unwrap_err();
    assert!(matches!(error.misuse(), Some(Misuse::NoMechanism { .. })));

    backend.abilities = Ability::Cannot;
    let bare = || AcceptorConfig::builder(backend.clone());
    bare().build().unwrap();
    let service = || "HTTP".parse().unwrap();
    for (builder, named) in [
        (bare().clock(Arc::new(Stopped(at(0)))), "clock"),
        (bare().accept_service(service()), "accept_service"),
        (bare().clock_skew(Duration::from_secs(1)), "clock_skew"),
        (bare().reject_before_start(), "reject_before_start"),
        (
            bare().encryption_types(&[gss_acceptor::EncryptionType(18)]),
            "encryption_types",
        ),
        (bare().insecure_rc4(), "insecure_rc4"),
        (bare().suspendable(), "suspendable"),
        (bare().mapped(), "mapped"),
        (bare().map_delegated(), "mapped"),
    ] {
        match builder.build().unwrap_err().misuse() {
            Some(Misuse::CannotSet { setting, .. }) => assert_eq!(*setting, named),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn contradictions_are_refused_at_build() {
    let both = Requirements::DATAGRAM | Requirements::CONNECTION;
    let sequence = Requirements::DATAGRAM | Requirements::SEQUENCE_DETECT;
    for builder in [
        config(trusting()).request(both),
        config(trusting()).require(sequence),
        config(trusting())
            .require(Requirements::PROXY_BINDINGS)
            .channel_bindings(ChannelBindingPolicy::Require),
    ] {
        let error = builder.build().unwrap_err();
        assert!(
            matches!(error.misuse(), Some(Misuse::Conflict { .. })),
            "{error}"
        );
    }
    assert!(config(trusting()).mechanisms(&[]).build().is_err());
    assert!(config(trusting()).encryption_types(&[]).build().is_err());
}

/// Rule 41: after an error nothing of the exchange can be used, and a step
/// after the end is misuse.
#[test]
fn an_acceptor_ends_with_its_first_error_or_context() {
    let config = config(trusting()).build().unwrap();
    let mut acceptor = Acceptor::new(&config);
    let failure = acceptor.step(b"bad").unwrap_err();
    assert_eq!(failure.token(), Some(b"no".as_slice()));
    for _ in 0..2 {
        let again = acceptor.step(b"alice").unwrap_err();
        assert_eq!(again.error().misuse(), Some(&Misuse::StepAfterEnd));
    }
    let mut acceptor = Acceptor::new(&config);
    drop(established(&mut acceptor));
    assert!(acceptor.step(b"alice").is_err());
}

/// Rule 40: legs, bytes, and how many handshakes are half done.
#[test]
fn handshakes_are_limited_and_counted() {
    let mut limits = Limits::default();
    limits.max_legs = 3;
    limits.max_token = 256;
    limits.max_half_open = 2;
    let endless = Trusting {
        legs: 99,
        ..trusting()
    };
    let config = config(endless).limits(limits).build().unwrap();

    let mut long = Acceptor::new(&config);
    for _ in 0..3 {
        assert!(matches!(long.step(b"alice"), Ok(Step::Continue { .. })));
    }
    assert_eq!(config.half_open(), 1);
    let failure = long.step(b"alice").unwrap_err();
    let legs = Rejection::LimitExceeded {
        what: "legs",
        limit: 3,
    };
    assert_eq!(failure.error().rejection(), Some(&legs));
    assert_eq!(config.half_open(), 0, "a failed handshake is not half done");

    let failure = Acceptor::new(&config).step(&[0; 257]).unwrap_err();
    assert!(matches!(
        failure.error().rejection(),
        Some(Rejection::LimitExceeded { .. })
    ));

    let mut open: Vec<_> = (0..2).map(|_| Acceptor::new(&config)).collect();
    for acceptor in &mut open {
        let _ = acceptor.step(b"alice").unwrap();
    }
    let mut third = Acceptor::new(&config);
    let failure = third.step(b"alice").unwrap_err();
    let full = Unavailability::TooManyHandshakes { limit: 2 };
    assert_eq!(failure.error().unavailability(), Some(&full));
    open.pop();
    assert_eq!(
        config.half_open(),
        1,
        "a dropped handshake is not half done"
    );
    let _ = Acceptor::new(&config).step(b"alice").unwrap();
}

/// A handshake may not be slow for ever.
#[test]
fn handshakes_have_an_age() {
    struct Ticking(AtomicUsize);
    impl Clock for Ticking {
        fn now(&self) -> SystemTime {
            at(1000 + 50 * self.0.fetch_add(1, Ordering::Relaxed) as u64)
        }
    }
    let mut limits = Limits::default();
    limits.max_age = Duration::from_secs(120);
    let endless = Trusting {
        legs: 99,
        ..trusting()
    };
    let config = AcceptorConfig::builder(endless)
        .limits(limits)
        .clock(Arc::new(Ticking(AtomicUsize::new(0))))
        .build()
        .unwrap();
    let mut acceptor = Acceptor::new(&config);
    let failure = (0..8)
        .find_map(|_| acceptor.step(b"alice").err())
        .expect("too old");
    let age = Rejection::LimitExceeded {
        what: "seconds",
        limit: 120,
    };
    assert_eq!(failure.error().rejection(), Some(&age));
}

/// A policy that compares bindings is never left without any, and a
/// handshake keeps to one channel.
#[test]
fn channel_bindings_are_given_and_stay_the_same() {
    let mut backend = Trusting {
        legs: 1,
        ..trusting()
    };
    backend.facts.bindings = BindingFact::Bound;
    let policy = ChannelBindingPolicy::Require;
    let config = config(backend).channel_bindings(policy).build().unwrap();
    let failure = Acceptor::new(&config).step(b"alice").unwrap_err();
    assert_eq!(
        failure.error().misuse(),
        Some(&Misuse::BindingsNotGiven { policy })
    );

    let one = ChannelBindings::tls_exporter(&[1; 32]).unwrap();
    let other = ChannelBindings::tls_exporter(&[2; 32]).unwrap();
    let mut acceptor = Acceptor::new(&config);
    let _ = acceptor
        .step_with(StepInput::new(b"alice").channel_bindings(&one))
        .unwrap();
    let failure = acceptor
        .step_with(StepInput::new(b"alice").channel_bindings(&other))
        .unwrap_err();
    assert_eq!(failure.error().misuse(), Some(&Misuse::BindingsChanged));

    let mut acceptor = Acceptor::new(&config);
    let _ = acceptor
        .step_with(StepInput::new(b"alice").channel_bindings(&one))
        .unwrap();
    let last = acceptor.step_with(StepInput::new(b"alice").channel_bindings(&one));
    assert!(matches!(last, Ok(Step::Established { .. })));
}

/// USE_SUPPLIED_CREDS: expected where it is asked for, and nowhere else.
#[test]
fn supplied_credentials_come_where_they_are_expected() {
    let supplied = Requirements::USE_SUPPLIED_CREDS;
    let with = config(trusting()).require(supplied).build().unwrap();
    let without = config(trusting()).build().unwrap();
    let handle = with.acquire(&Credentials::SystemDefault).unwrap();
    let input = || StepInput::new(b"alice").credentials(&handle);
    let _ = Acceptor::new(&with).step_with(input()).unwrap();
    let failure = Acceptor::new(&with).step(b"alice").unwrap_err();
    assert_eq!(failure.error().misuse(), Some(&Misuse::CredentialsNotGiven));
    let failure = Acceptor::new(&without).step_with(input()).unwrap_err();
    assert_eq!(
        failure.error().misuse(),
        Some(&Misuse::CredentialsNotExpected)
    );
}

/// The same backend serves a caller that blocks and one that awaits; a step
/// that is given up ends the handshake.
#[test]
fn a_late_answer_serves_both_kinds_of_caller() {
    let late = Trusting {
        later: true,
        ..trusting()
    };
    let config = config(late).build().unwrap();
    assert!(config.may_block());
    drop(established(&mut Acceptor::new(&config)));
    let mut acceptor = Acceptor::new(&config);
    {
        let mut step = std::pin::pin!(acceptor.step_async(StepInput::new(b"alice")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let ready = step.as_mut().poll(&mut context);
        assert!(matches!(
            ready,
            std::task::Poll::Ready(Ok(Step::Established { .. }))
        ));
    }
}

/// A step that is given up in the middle ends the handshake.
#[test]
fn a_cancelled_step_leaves_nothing_to_go_on_with() {
    let stuck = Trusting {
        stuck: true,
        ..trusting()
    };
    let config = config(stuck).build().unwrap();
    let mut acceptor = Acceptor::new(&config);
    {
        let mut step = std::pin::pin!(acceptor.step_async(StepInput::new(b"alice")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(step.as_mut().poll(&mut context).is_pending());
    }
    let failure = acceptor.step(b"alice").unwrap_err();
    assert_eq!(failure.error().misuse(), Some(&Misuse::StepAfterEnd));
    assert_eq!(config.half_open(), 0);
}

/// After its end a context refuses messages, unless told to go on; and a
/// protection that was not granted is refused on every backend.
#[test]
fn contexts_end_and_lack_what_was_not_granted() {
    let late = || Arc::new(Stopped(at(1000)));
    let ended = AcceptorConfig::builder(trusting())
        .clock(late())
        .build()
        .unwrap();
    let context = established(&mut Acceptor::new(&ended));
    let end = Rejection::ContextExpired { end: at(1000) };
    for error in [
        context.wrap(Protection::Integrity, b"x").unwrap_err(),
        context.unwrap(b"x").unwrap_err(),
        context.mic(b"x").unwrap_err(),
        context.verify(b"x", b"x").unwrap_err(),
    ] {
        assert_eq!(error.rejection(), Some(&end));
    }
    let going_on = AcceptorConfig::builder(trusting())
        .clock(late())
        .expired_contexts(ExpiredContexts::GoOn)
        .build()
        .unwrap();
    let context = established(&mut Acceptor::new(&going_on));
    context.wrap(Protection::Integrity, b"x").unwrap();

    let mut integrity = trusting();
    integrity.facts.granted = Granted::INTEGRITY;
    let config = config(integrity).build().unwrap();
    let context = established(&mut Acceptor::new(&config));
    context.wrap(Protection::Integrity, b"x").unwrap();
    let error = context.wrap(Protection::Confidentiality, b"x").unwrap_err();
    assert!(matches!(error.misuse(), Some(Misuse::NotGranted { .. })));
    assert!(error.to_string().contains("CONFIDENTIALITY"), "{error}");
}
