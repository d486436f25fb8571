//! NTLM's suite on the rust backend.

use conformance::mount_ntlm;
use conformance::ntlm::NtlmMount;
use gss_acceptor::backends::{RustBackend, rust};
use gss_acceptor::{Keytab, Ntlm};

struct Rust;

impl NtlmMount for Rust {
    type Backend = RustBackend;

    fn ntlm(ntlm: Ntlm) -> RustBackend {
        rust(ntlm)
    }

    fn both(keytab: Keytab, ntlm: Ntlm) -> RustBackend {
        rust(keytab).and(ntlm)
    }
}

mount_ntlm!(Rust);

/// The suite once more, each handshake in another process after every leg, and each context
/// before it is used.
mod moved {
    use super::*;
    use conformance::moved::Moving;

    struct Moved;

    impl NtlmMount for Moved {
        type Backend = Moving<RustBackend>;
        const MOVED: bool = true;

        fn ntlm(ntlm: Ntlm) -> Moving<RustBackend> {
            Moving(Rust::ntlm(ntlm))
        }

        fn both(keytab: Keytab, ntlm: Ntlm) -> Moving<RustBackend> {
            Moving(Rust::both(keytab, ntlm))
        }
    }

    mount_ntlm!(Moved);
}

/// Handshakes and contexts that are sealed, and everything that must not be opened.
mod sealed {
    use conformance::bench::{TurnClock, at, done, goes_on};
    use conformance::moved::key;
    use conformance::ntlm::{SEALING, builder, named, server};
    use gss_acceptor::accounts::MemoryAccounts;
    use gss_acceptor::backends::rust_importer;
    use gss_acceptor::{
        Acceptor, AcceptorConfig, ChannelBindings, Clock, ConfigBuilder, ContextData,
        ContextImporter, Error, Mapped, MappedAcceptor, MappedStep, MemoryReplayStore, Misuse,
        Ntlm, Protection, Rejection, ReplayEntry, ReplayStore, ReplayVerdict, Reply, Requirements,
        SealedProblem, SealingKey, StepInput,
    };
    use kit::ntlm::{Authenticate, Challenge, negotiate};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};

    fn build(
        change: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    ) -> (AcceptorConfig, Arc<TurnClock>) {
        let (builder, clock) = builder::<super::Rust>(server());
        (
            change(builder.suspendable()).build().expect("builds"),
            clock,
        )
    }

    /// A handshake after CHALLENGE, sealed, and the client's answer.
    fn suspended(config: &AcceptorConfig, key: &SealingKey) -> (Vec<u8>, Vec<u8>) {
        let negotiate = negotiate(SEALING);
        let mut acceptor = Acceptor::new(config);
        let token = goes_on(acceptor.step(&negotiate));
        let challenge = Challenge::read(&token).expect("a CHALLENGE");
        let answer = Authenticate::answer(&negotiate, &challenge, "alice", "").token();
        assert_eq!(config.half_open(), 1);
        let sealed = acceptor.suspend(key).expect("suspends");
        assert_eq!(config.half_open(), 0);
        (sealed, answer)
    }

    fn problem<T>(result: Result<T, Error>) -> SealedProblem {
        match result {
            Ok(_) => panic!("taken up"),
            Err(error) => match error.rejection() {
                Some(Rejection::Sealed { problem, .. }) => problem.clone(),
                _ => panic!("{error}"),
            },
        }
    }

    #[test]
    fn a_handshake_ends_on_another_node() {
        let store: Arc<dyn ReplayStore> = Arc::new(MemoryReplayStore::new());
        let [one, two] =
            [(); 2].map(|()| build(|builder| builder.replay_store(Arc::clone(&store))).0);
        let (sealed, answer) = suspended(&one, &key());
        assert!(sealed.len() < 512, "{} bytes", sealed.len());
        let mut acceptor = Acceptor::resume(&two, &key(), &sealed).expect("resumes");
        assert_eq!((one.half_open(), two.half_open()), (0, 1));
        let done = done(acceptor.step(&answer));
        assert_eq!(done.context.peer().to_string(), "Alice");
        assert_eq!(two.half_open(), 0);
        // Neither node takes it twice, since they share the store.
        for config in [&one, &two] {
            let again = Acceptor::resume(config, &key(), &sealed);
            assert_eq!(problem(again), SealedProblem::Used);
        }
        assert_eq!((one.half_open(), two.half_open()), (0, 0));
    }

    #[test]
    fn each_refusal_has_its_own_error() {
        let (config, clock) = build(|builder| builder);
        let (sealed, answer) = suspended(&config, &key());
        let other = SealingKey::generate().expect("a key");
        let resume = |config: &AcceptorConfig, key: &SealingKey, sealed: &[u8]| {
            problem(Acceptor::resume(config, key, sealed))
        };
        assert_eq!(resume(&config, &other, &sealed), SealedProblem::OtherKey);
        let mut changed = sealed.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(resume(&config, &key(), &changed), SealedProblem::Tampered);
        changed = sealed.clone();
        changed[4] = 2;
        let (found, known) = (2, 1);
        let version = SealedProblem::Version { found, known };
        assert_eq!(resume(&config, &key(), &changed), version);
        assert_eq!(
            resume(&config, &key(), b"anything"),
            SealedProblem::NotSealed
        );
        clock.turn(121);
        let expired = resume(&config, &key(), &sealed);
        assert!(
            matches!(expired, SealedProblem::Expired { .. }),
            "{expired}"
        );
        clock.turn(-121);
        // None of them has used it up.
        assert_eq!(config.half_open(), 0);
        let mut acceptor = Acceptor::resume(&config, &key(), &sealed).expect("resumes");
        done(acceptor.step(&answer));
        assert_eq!(resume(&config, &key(), &sealed), SealedProblem::Used);
    }

    /// Forgets at the very moment at which it may.
    #[derive(Default)]
    struct Exact(Mutex<Vec<(Vec<u8>, SystemTime)>>);

    impl ReplayStore for Exact {
        fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
            let mut all = self.0.lock().expect("whole");
            all.retain(|(_, expires)| *expires >= entry.now);
            let verdict = if all.iter().any(|(tag, _)| tag == entry.tag) {
                ReplayVerdict::Replayed
            } else {
                all.push((entry.tag.to_vec(), entry.expires));
                ReplayVerdict::Fresh
            };
            Reply::Now(verdict)
        }

        fn describe(&self) -> String {
            "exact".into()
        }
    }

    /// Nodes that do not agree on how old a handshake may grow: the strict one refuses sooner, and
    /// what it has used is used for the patient one too.
    #[test]
    fn a_node_that_is_less_patient_forgets_nothing() {
        let store: Arc<dyn ReplayStore> = Arc::new(Exact::default());
        let node = |seconds| {
            let mut limits = gss_acceptor::Limits::default();
            limits.max_age = Duration::from_secs(seconds);
            build(|builder| builder.limits(limits).replay_store(Arc::clone(&store)))
        };
        let ((patient, clock), (strict, strict_clock)) = (node(120), node(10));
        let (sealed, _) = suspended(&patient, &key());
        let (late, _) = suspended(&patient, &key());
        Acceptor::resume(&strict, &key(), &sealed).expect("resumes");
        for clock in [&clock, &strict_clock] {
            clock.turn(60);
        }
        let again = Acceptor::resume(&patient, &key(), &sealed);
        assert_eq!(problem(again), SealedProblem::Used);
        let again = problem(Acceptor::resume(&strict, &key(), &late));
        assert!(matches!(again, SealedProblem::Expired { .. }), "{again}");
        // What the strict one has begun is over for the patient one at its own end.
        let (sealed, _) = suspended(&strict, &key());
        clock.turn(11);
        let again = problem(Acceptor::resume(&patient, &key(), &sealed));
        assert!(matches!(again, SealedProblem::Expired { .. }), "{again}");
    }

    /// Requirements, policy, names: whatever decides otherwise is another configuration.
    #[test]
    fn another_configuration_is_refused() {
        let (config, _) = build(|builder| builder);
        let (sealed, _) = suspended(&config, &key());
        let service = || "HTTP/web".parse().expect("a name");
        let others = [
            build(|builder| builder.require(Requirements::INTEGRITY)).0,
            build(|builder| builder.request(Requirements::ALLOW_NULL_SESSION)).0,
            build(|builder| builder.accept_service(service())).0,
            build(|builder| builder.channel_bindings(gss_acceptor::ChannelBindingPolicy::Ignore)).0,
        ];
        for other in &others {
            let resumed = Acceptor::resume(other, &key(), &sealed);
            assert_eq!(problem(resumed), SealedProblem::OtherConfig);
        }
        let renamed = named(Ntlm::new(MemoryAccounts::new())).computer("OTHER");
        let (builder, _) = builder::<super::Rust>(renamed);
        let other = builder.suspendable().build().expect("builds");
        let resumed = Acceptor::resume(&other, &key(), &sealed);
        assert_eq!(problem(resumed), SealedProblem::OtherConfig);
        // What decides nothing may differ.
        let (same, _) = build(|builder| builder.limits(gss_acceptor::Limits::default()));
        assert!(Acceptor::resume(&same, &key(), &sealed).is_ok());
    }

    #[test]
    fn limits_and_bindings_go_along() {
        let mut limits = gss_acceptor::Limits::default();
        limits.max_half_open = 1;
        limits.max_legs = 1;
        let (config, _) = build(|builder| builder.limits(limits));
        let (sealed, answer) = suspended(&config, &key());
        let mut busy = Acceptor::new(&config);
        goes_on(busy.step(&negotiate(SEALING)));
        let full = Acceptor::resume(&config, &key(), &sealed).expect_err("no room");
        assert!(full.unavailability().is_some(), "{full}");
        drop(busy);
        let mut acceptor = Acceptor::resume(&config, &key(), &sealed).expect("room");
        let failure = acceptor.step(&answer).expect_err("a leg too many");
        let reason = failure.error().rejection();
        assert!(matches!(reason, Some(Rejection::LimitExceeded { .. })));

        let (config, _) = build(|builder| builder);
        let bindings = |hash| ChannelBindings::tls_server_end_point_hash(&[hash; 32]).expect("32");
        let negotiate = negotiate(SEALING);
        let seal = || {
            let mut acceptor = Acceptor::new(&config);
            let first = bindings(1);
            let input = StepInput::new(&negotiate).channel_bindings(&first);
            goes_on(acceptor.step_with(input));
            acceptor.suspend(&key()).expect("suspends")
        };
        for (given, changed) in [
            (Some(bindings(2)), true),
            (None, true),
            (Some(bindings(1)), false),
        ] {
            let mut acceptor = Acceptor::resume(&config, &key(), &seal()).expect("resumes");
            let mut input = StepInput::new(b"no token");
            if let Some(given) = &given {
                input = input.channel_bindings(given);
            }
            let failure = acceptor.step_with(input).expect_err("no token");
            let misuse = failure.error().misuse();
            assert_eq!(misuse == Some(&Misuse::BindingsChanged), changed);
        }
    }

    #[test]
    fn what_cannot_be_suspended_says_so() {
        let (config, _) = build(|builder| builder);
        let fresh = Acceptor::new(&config).suspend(&key());
        assert!(matches!(
            fresh.expect_err("fresh").misuse(),
            Some(Misuse::NotSuspended { .. })
        ));
        let mut ended = Acceptor::new(&config);
        ended.step(b"no token").expect_err("no token");
        let ended = ended.suspend(&key()).expect_err("ended");
        assert_eq!(ended.misuse(), Some(&Misuse::StepAfterEnd));
        let (plain, _) = builder::<super::Rust>(server());
        let plain = plain.build().expect("builds");
        let mut acceptor = Acceptor::new(&plain);
        goes_on(acceptor.step(&negotiate(SEALING)));
        let error = acceptor.suspend(&key()).expect_err("not said");
        assert!(
            matches!(error.misuse(), Some(Misuse::NotConfigured { .. })),
            "{error}"
        );
    }

    /// A context, from the process with the accounts to one that has none.
    fn mapped() -> (ContextData, Arc<TurnClock>) {
        let (builder, clock) = builder::<super::Rust>(server());
        let config = builder.mapped().build().expect("builds");
        let mut acceptor = MappedAcceptor::new(&config).expect("mapped");
        let negotiate = negotiate(SEALING);
        let token = match acceptor.step(&negotiate) {
            Ok(MappedStep::Continue { token }) => token,
            other => panic!("{other:?}"),
        };
        let challenge = Challenge::read(&token).expect("a CHALLENGE");
        let answer = Authenticate::answer(&negotiate, &challenge, "alice", "").token();
        match acceptor.step(&answer) {
            Ok(MappedStep::Established { data, mapped, .. }) => {
                assert_eq!(mapped, Mapped::Whole);
                (data, clock)
            }
            other => panic!("{other:?}"),
        }
    }

    fn importer(clock: &Arc<TurnClock>, audience: &str) -> ContextImporter {
        ContextImporter::new(key(), audience)
            .with(rust_importer())
            .clock(Arc::clone(clock) as Arc<dyn Clock>)
    }

    #[test]
    fn a_context_is_for_one_audience_once_and_soon() {
        let (data, clock) = mapped();
        let end = at(conformance::bench::NOW) + Duration::from_secs(30);
        let sealed = data.seal(&key(), "web", end).expect("seals");
        assert!(sealed.len() < 512, "{} bytes", sealed.len());
        let web = importer(&clock, "web");
        let meant = "web".into();
        let other = problem(importer(&clock, "mail").import(&sealed));
        assert_eq!(other, SealedProblem::OtherAudience { meant });
        let unknown =
            ContextImporter::new(key(), "web").clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let backend = "rust".into();
        assert_eq!(
            problem(unknown.import(&sealed)),
            SealedProblem::OtherBackend { backend }
        );
        let stranger = SealingKey::generate().expect("a key");
        let stranger = ContextImporter::new(stranger, "web").with(rust_importer());
        assert_eq!(problem(stranger.import(&sealed)), SealedProblem::OtherKey);
        clock.turn(31);
        let late = problem(web.import(&sealed));
        assert!(matches!(late, SealedProblem::Expired { .. }), "{late}");
        clock.turn(-31);
        let context = web.import(&sealed).expect("imports");
        assert_eq!(context.peer().to_string(), "Alice");
        assert!(context.wrap(Protection::Confidentiality, b"x").is_ok());
        assert_eq!(problem(web.import(&sealed)), SealedProblem::Used);
    }

    /// Whatever the bytes are, they are refused or make a context; none of them panics.
    #[test]
    fn data_in_the_clear_is_read_totally() {
        let (data, clock) = mapped();
        let bytes = data.insecure_to_bytes().expect("bytes");
        let importer = importer(&clock, "web");
        for length in 0..bytes.len() {
            let cut = ContextData::insecure_from_bytes(&bytes.expose()[..length]);
            assert_eq!(problem(cut), SealedProblem::Content);
        }
        let mut refused = 0;
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut changed = bytes.expose().to_vec();
                changed[at] = value;
                let read = ContextData::insecure_from_bytes(&changed);
                refused += usize::from(read.and_then(|data| importer.import_data(data)).is_err());
            }
        }
        assert!(refused > 20, "{refused}");
        assert!(!format!("{data:?}").contains("state"));
    }

    #[test]
    fn mapping_is_said_in_the_configuration() {
        let (plain, _) = builder::<super::Rust>(server());
        let error = MappedAcceptor::new(&plain.build().expect("builds")).expect_err("not said");
        assert!(
            matches!(error.misuse(), Some(Misuse::NotConfigured { .. })),
            "{error}"
        );
    }
}
