//! The table of requirement flags in architecture.md: each is refused by `build()`, or makes a
//! difference.

use crate::Mount;
use crate::bench::{Bench, done, established, fails, goes_on, rejected};
use crate::credentials::{entry, key, keytab, to};
use gss_acceptor::{
    Acceptor, ChannelBindingPolicy, ConfigBuilder, EncryptionType, Granted, Limits, Mechanism,
    Misuse, PromptAnswer, Protection, Rejection, Reply, Requirements, StepInput,
};
use kit::ap_req::gss;
use std::time::Duration;

/// Shows that a flag that `build()` takes makes a difference.
fn makes_a_difference<M: Mount>(flag: Requirements) {
    if flag == Requirements::USE_SESSION_KEY {
        // It needs a TGT.
        return crate::user_to_user::rule_13_required::<M>();
    }
    let bench = Bench::new();
    let mut with = bench.builder::<M>().require(flag);
    if flag == Requirements::PROMPT_FOR_CREDS {
        with = with.prompt_for_credentials(|_| {
            let tenant = keytab(&[entry("HTTP", "tenant", 1, key("tenant"))]);
            Reply::Now(PromptAnswer::Credentials(tenant.into()))
        });
    }
    let with = with.build().expect("builds");
    let without = bench.config::<M>();
    let granted = |config, flags| {
        let spec = bench.ap_req(|a| a.gss().flags = flags);
        established(config, &spec).0.granted()
    };
    // What the client decides: it is let in with the flag, and not without.
    for (ours, theirs) in [
        (Requirements::MUTUAL_AUTH, gss::MUTUAL),
        (Requirements::REPLAY_DETECT, gss::REPLAY),
        (Requirements::SEQUENCE_DETECT, gss::SEQUENCE),
        (Requirements::CONFIDENTIALITY, gss::CONF),
        (Requirements::INTEGRITY, gss::INTEG),
        (Requirements::IDENTIFY, gss::IDENTIFY),
    ] {
        if flag == ours {
            let all = gss::USUAL | gss::IDENTIFY;
            granted(&with, all);
            granted(&without, all & !theirs);
            let token = bench.ap_req(|a| a.gss().flags = all & !theirs).token();
            match rejected(fails(Acceptor::new(&with).step(&token)).error()) {
                Rejection::Requirement { missing, .. } => assert_eq!(missing, ours),
                other => panic!("{other}"),
            }
            return;
        }
    }
    if flag == Requirements::DELEGATE {
        let token = |name| {
            let mut all = kit::cases::all().into_iter();
            let case = all.find(|case| case.name == name).expect("a case");
            (case.build)(&bench.world).token
        };
        let context = done(Acceptor::new(&with).step(&token("delegation_under_subkey"))).context;
        assert!(context.granted().contains(Granted::DELEGATE));
        let bare = bench.world.ap_req().token();
        match rejected(fails(Acceptor::new(&with).step(&bare)).error()) {
            Rejection::Delegation { .. } => {}
            other => panic!("{other}"),
        }
        done(Acceptor::new(&without).step(&bare));
        return;
    }
    // What the server decides: it shows in what was granted.
    for (ours, shown) in [
        (Requirements::ALLOCATE_MEMORY, Granted::ALLOCATED_MEMORY),
        (Requirements::DATAGRAM, Granted::DATAGRAM),
        (Requirements::CONNECTION, Granted::CONNECTION),
        (Requirements::STREAM, Granted::STREAM),
    ] {
        if flag == ours {
            let (with, without) = (granted(&with, gss::USUAL), granted(&without, gss::USUAL));
            assert!(
                with.contains(shown) && !without.contains(shown),
                "{shown:?}"
            );
            let datagram = ours == Requirements::DATAGRAM;
            assert_eq!(with.contains(Granted::SEQUENCE_DETECT), !datagram);
            return;
        }
    }
    let first = |config, token: &[u8]| Acceptor::new(config).step(token);
    match flag {
        Requirements::EXTENDED_ERROR => {
            let token = bench.ap_req(|a| a.ticket.kvno = Some(1 << 20)).token();
            done(first(&with, &token));
            let stale = || {
                let key = bench.world.key("HTTP.new", 18);
                bench.ap_req(|a| a.ticket.service_key = key).token()
            };
            assert!(fails(first(&with, &stale())).token().is_some());
            assert!(fails(first(&without, &stale())).token().is_none());
        }
        Requirements::ALLOW_NULL_SESSION => {
            let nobody = || {
                bench
                    .ap_req(|a| a.ticket.flags |= kit::ticket::flag::ANONYMOUS)
                    .token()
            };
            let context = done(first(&with, &nobody())).context;
            assert!(context.granted().contains(Granted::NULL_SESSION));
            let reason = rejected(fails(first(&without, &nobody())).error());
            assert_eq!(reason, Rejection::Anonymous);
        }
        Requirements::PROXY_BINDINGS => {
            let bare = || bench.world.ap_req().token();
            let reason = rejected(fails(first(&with, &bare())).error());
            assert!(
                matches!(reason, Rejection::BindingMissing { .. }),
                "{reason}"
            );
            done(first(&without, &bare()));
        }
        Requirements::ALLOW_MISSING_BINDINGS => {
            let own = crate::bench::bindings();
            let token = bench.world.ap_req().token();
            assert!(fails(first(&with, &token)).error().misuse().is_some());
            done(Acceptor::new(&with).step_with(StepInput::new(&token).channel_bindings(&own)));
        }
        Requirements::USE_DCE_STYLE => {
            let ordinary = bench.world.ap_req().token();
            match rejected(fails(first(&with, &ordinary)).error()) {
                Rejection::Requirement { missing, .. } => assert_eq!(missing, flag),
                other => panic!("{other}"),
            }
            done(first(&without, &ordinary));
            goes_on(first(&with, &kit::dce::ap_req(&bench.world).token()));
        }
        Requirements::USE_SUPPLIED_CREDS => {
            let token = bench.world.ap_req().token();
            let failure = fails(first(&with, &token));
            assert_eq!(failure.error().misuse(), Some(&Misuse::CredentialsNotGiven));
            done(first(&without, &token));
        }
        Requirements::PROMPT_FOR_CREDS => {
            let token = to(&bench, "HTTP", "tenant", 1, key("tenant")).token();
            done(first(&with, &token));
            let reason = rejected(fails(first(&without, &token)).error());
            assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
        }
        other => panic!(
            "{} is taken by build() and makes no difference",
            other.names()
        ),
    }
}

pub fn each_flag_is_refused_or_makes_a_difference<M: Mount>() {
    let bench = Bench::new();
    for flag in Requirements::all().iter() {
        if !M::refused().contains(flag) {
            makes_a_difference::<M>(flag);
            continue;
        }
        let error = bench
            .builder::<M>()
            .require(flag)
            .build()
            .expect_err(&flag.names());
        match error.misuse() {
            Some(Misuse::CannotHonour { backend, flags }) => {
                assert_eq!((*backend, *flags), (M::NAME, flag));
            }
            _ => panic!("{error}"),
        }
        assert!(error.to_string().contains(&flag.names()), "{error}");
    }
}

pub fn what_cannot_be_had_is_left_out<M: Mount>() {
    // A wish is not a condition.
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .request(M::refused())
        .build()
        .expect("builds");
    let (context, _) = established(&config, &bench.world.ap_req());
    let usual = Granted::MUTUAL_AUTH
        | Granted::REPLAY_DETECT
        | Granted::SEQUENCE_DETECT
        | Granted::CONFIDENTIALITY
        | Granted::INTEGRITY;
    assert_eq!(context.granted(), usual);
}

/// Every backend's contexts can leave the process; half-done handshakes can where no library has
/// them (design, "What the other backends cannot meet").
pub fn build_refuses_what_cannot_leave_the_process<M: Mount>() {
    let bench = Bench::new();
    for mapped in [ConfigBuilder::mapped, ConfigBuilder::map_delegated] {
        mapped(bench.builder::<M>()).build().expect("builds");
    }
    let built = bench.builder::<M>().suspendable().build();
    if M::NAME == "rust" {
        built.expect("builds");
        return;
    }
    let (backend, setting) = (M::NAME, "suspendable");
    let error = built.expect_err("a library has the handshake, or the broker");
    assert_eq!(
        error.misuse(),
        Some(&Misuse::CannotSet { backend, setting })
    );
}

pub fn build_refuses_contradictions<M: Mount>() {
    let bench = Bench::new();
    let refused = |change: fn(ConfigBuilder) -> ConfigBuilder| {
        let error = change(bench.builder::<M>()).build().expect_err("refused");
        error.misuse().expect("misuse").clone()
    };
    use Requirements as R;
    for (misuse, first, second) in [
        (
            refused(|b| b.require(R::DATAGRAM | R::CONNECTION)),
            "DATAGRAM",
            "CONNECTION",
        ),
        (
            refused(|b| b.require(R::DATAGRAM).request(R::CONNECTION)),
            "DATAGRAM",
            "CONNECTION",
        ),
        (
            refused(|b| b.require(R::DATAGRAM | R::SEQUENCE_DETECT)),
            "DATAGRAM",
            "SEQUENCE_DETECT",
        ),
        (
            refused(|b| b.request(R::DATAGRAM).require(R::SEQUENCE_DETECT)),
            "DATAGRAM",
            "SEQUENCE_DETECT",
        ),
    ] {
        assert_eq!(misuse, Misuse::Conflict { first, second });
    }
    let both = refused(|b| b.require(R::PROXY_BINDINGS | R::ALLOW_MISSING_BINDINGS));
    assert!(matches!(both, Misuse::Conflict { .. }), "{both}");
    let ntlm = refused(|b| b.mechanisms(&[Mechanism::Ntlm]));
    let mechanism = Mechanism::Ntlm;
    // Either the backend has none, or it was given nothing to accept it with.
    let backend = M::NAME;
    let none = [
        Misuse::NoMechanism { backend, mechanism },
        Misuse::NoCredentials { mechanism },
    ];
    assert!(none.contains(&ntlm), "{ntlm}");
    for misuse in [
        refused(|b| b.mechanisms(&[])),
        refused(|b| b.clock_skew(Duration::from_secs(86_401))),
        refused(|b| {
            let mut limits = Limits::default();
            limits.max_legs = 0;
            b.limits(limits)
        }),
    ] {
        assert!(matches!(misuse, Misuse::OutOfRange { .. }), "{misuse}");
    }
    for etypes in [
        &[][..],
        &[EncryptionType::DES3_CBC_SHA1],
        &[EncryptionType(24)],
        &[EncryptionType(99)],
    ] {
        let error = bench
            .builder::<M>()
            .encryption_types(etypes)
            .build()
            .expect_err("refused");
        match error.misuse() {
            Some(Misuse::Etypes { etypes: named }) => assert_eq!(named, etypes),
            _ => panic!("{error}"),
        }
    }
}

pub fn required_and_absent_is_rejected<M: Mount>() {
    // All at once, named all at once; the peer of a rejection is told by KRB-ERROR 60.
    let bench = Bench::new();
    let required = Requirements::MUTUAL_AUTH | Requirements::SEQUENCE_DETECT;
    let config = bench
        .builder::<M>()
        .require(required)
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("builds");
    let spec = bench.ap_req(|a| a.gss().flags = gss::CONF);
    let failure = fails(Acceptor::new(&config).step(&spec.token()));
    match rejected(failure.error()) {
        // Sequence detection implies integrity.
        Rejection::Requirement {
            missing,
            undisclosed,
        } => {
            assert_eq!(missing, required | Requirements::INTEGRITY);
            assert!(undisclosed.is_empty());
        }
        other => panic!("{other}"),
    }
    let told = crate::bench::krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!(told.code, 60);
    // A client that does not know the requirement is let in where it is a wish.
    let wish = bench
        .builder::<M>()
        .request(required)
        .build()
        .expect("builds");
    done(Acceptor::new(&wish).step(&spec.token()));
}

pub fn describe_tells_the_configuration<M: Mount>() {
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .require(Requirements::INTEGRITY)
        .request(Requirements::MUTUAL_AUTH)
        .channel_bindings(ChannelBindingPolicy::WhenSent)
        .accept_service("HTTP".parse().expect("a name"))
        .build()
        .expect("builds");
    let text = config.describe().to_string();
    for part in [
        M::NAME,
        "Kerberos",
        "HTTP/localhost@EXAMPLE.TEST",
        "kvno 259",
        "aes256-cts-hmac-sha1-96",
        "INTEGRITY",
        "MUTUAL_AUTH",
        "WhenSent",
        "300 s",
        "rc4-hmac",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let (context, _) = established(&bench.config::<M>(), &bench.world.ap_req());
    assert!(context.wrap(Protection::Integrity, b"x").is_ok());
    // No key is in it, nor in what a context says of itself.
    let secret = format!("{:?}", bench.world.service_key(18).bytes);
    for text in [
        format!("{:?}", config.describe()),
        format!("{config:?}"),
        format!("{context:?}"),
    ] {
        assert!(!text.contains(secret.trim_matches(['[', ']'])));
    }
}
