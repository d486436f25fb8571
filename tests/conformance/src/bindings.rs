//! Rules 17 and 18 beyond what kit's cases say.

use crate::Mount;
use crate::bench::{Bench, bindings, done, fails, goes_on, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings,
    ChannelBindingsError, Misuse, Rejection, Requirements, StepInput,
};
use kit::ap_req::{AP_OPTIONS_CBT, ad_ap_options, oid};
use kit::bindings::{hash, hash_jgss};
use kit::cases::BINDINGS;
use kit::spnego::{InitSpec, Resp};
use kit::ticket::if_relevant;

fn with<M: Mount>(bench: &Bench, policy: ChannelBindingPolicy) -> AcceptorConfig {
    bench
        .builder::<M>()
        .channel_bindings(policy)
        .build()
        .expect("builds")
}

pub fn rule_17_outcomes<M: Mount>() {
    use ChannelBindingPolicy as P;
    let bench = Bench::new();
    let own = bindings();
    let mismatch = Some(Rejection::BindingMismatch {
        null_address_type: false,
    });
    let missing = |promised| Some(Rejection::BindingMissing { promised });
    // Policy; what the client sends; whether it says that it binds; what comes of it.
    let rows = [
        (P::Ignore, [0; 16], false, None),
        (P::Ignore, hash(b"x"), true, None),
        (P::Ignore, [0; 16], true, None),
        (P::WhenSent, [0; 16], false, None),
        (P::WhenSent, [0; 16], true, missing(true)),
        (P::WhenSent, hash(BINDINGS), true, None),
        (P::WhenSent, hash(b"x"), false, mismatch.clone()),
        (P::Require, [0; 16], false, missing(false)),
        (P::Require, [0; 16], true, missing(true)),
        (P::Require, hash(BINDINGS), false, None),
        (P::Require, hash(b"x"), false, mismatch),
        (P::AnyPresent, [0; 16], false, missing(false)),
        (P::AnyPresent, [0; 16], true, missing(true)),
        (P::AnyPresent, hash(b"x"), false, None),
        (P::AnyPresent, hash(BINDINGS), false, None),
    ];
    for (policy, sent, promised, due) in rows {
        let row = format!("{policy:?}, {sent:02x?}, promised: {promised}");
        let token = bench
            .ap_req(|a| {
                a.gss().bindings = sent;
                if promised {
                    a.authdata = vec![if_relevant(&[ad_ap_options(AP_OPTIONS_CBT)])];
                }
            })
            .token();
        let config = with::<M>(&bench, policy);
        let step = Acceptor::new(&config).step_with(StepInput::new(&token).channel_bindings(&own));
        match due {
            Some(due) => assert_eq!(rejection(step), due, "{row}"),
            None => {
                let bound = sent == hash(BINDINGS);
                let due = if bound {
                    BindingStatus::Bound
                } else {
                    BindingStatus::NotBound
                };
                assert_eq!(done(step).context.bound(), due, "{row}");
            }
        }
    }
}

pub fn rule_17_step_without_bindings<M: Mount>() {
    use ChannelBindingPolicy as P;
    let bench = Bench::new();
    for policy in [P::WhenSent, P::Require] {
        let config = with::<M>(&bench, policy);
        let failure = fails(Acceptor::new(&config).step(&bench.world.ap_req().token()));
        assert_eq!(
            failure.error().misuse(),
            Some(&Misuse::BindingsNotGiven { policy })
        );
    }
    // A proxy's bindings are not the server's to know.
    let config = with::<M>(&bench, P::AnyPresent);
    let token = bench.ap_req(|a| a.gss().bindings = hash(b"x")).token();
    let context = done(Acceptor::new(&config).step(&token)).context;
    assert_eq!(context.bound(), BindingStatus::NotBound);
    assert!(config.describe().to_string().contains("proxy"));
    // Absent and promised says nothing where the step has none to compare.
    let promised = bench.ap_req(|a| {
        a.authdata = vec![if_relevant(&[ad_ap_options(AP_OPTIONS_CBT)])];
    });
    done(Acceptor::new(&bench.config::<M>()).step(&promised.token()));
}

pub fn rule_17_bindings_may_not_change<M: Mount>() {
    let bench = Bench::new();
    let config = with::<M>(&bench, ChannelBindingPolicy::WhenSent);
    let (own, other) = (
        bindings(),
        ChannelBindings::tls_exporter(&[7; 32]).expect("32"),
    );
    let offer = InitSpec::new(&[oid::KRB5], None).token();
    let answer = || {
        let token = bench.ap_req(|a| a.gss().bindings = hash(BINDINGS)).token();
        Resp {
            token: Some(token),
            ..Resp::default()
        }
        .encode()
    };
    for (second, same) in [(bindings(), true), (other, false)] {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step_with(StepInput::new(&offer).channel_bindings(&own)));
        let token = answer();
        let step = acceptor.step_with(StepInput::new(&token).channel_bindings(&second));
        if same {
            assert_eq!(done(step).context.bound(), BindingStatus::Bound);
        } else {
            assert_eq!(fails(step).error().misuse(), Some(&Misuse::BindingsChanged));
        }
    }
    assert_eq!(config.half_open(), 0);
}

pub fn rule_17_java_is_named<M: Mount>() {
    let bench = Bench::new();
    let config = with::<M>(&bench, ChannelBindingPolicy::WhenSent);
    let own = bindings();
    let token = bench
        .ap_req(|a| a.gss().bindings = hash_jgss(BINDINGS))
        .token();
    let failure =
        fails(Acceptor::new(&config).step_with(StepInput::new(&token).channel_bindings(&own)));
    assert!(failure.error().to_string().contains("Java"), "{failure}");
}

pub fn rule_17_flags_of_sspi_set_the_policy<M: Mount>() {
    let bench = Bench::new();
    for (flag, policy) in [
        (
            Requirements::PROXY_BINDINGS,
            ChannelBindingPolicy::AnyPresent,
        ),
        (
            Requirements::ALLOW_MISSING_BINDINGS,
            ChannelBindingPolicy::WhenSent,
        ),
    ] {
        let config = bench.builder::<M>().require(flag).build().expect("builds");
        assert_eq!(config.describe().channel_bindings, policy);
        let contradicts = bench
            .builder::<M>()
            .require(flag)
            .channel_bindings(ChannelBindingPolicy::Require)
            .build();
        let error = contradicts.expect_err("contradicts");
        assert!(
            matches!(error.misuse(), Some(Misuse::Conflict { .. })),
            "{error}"
        );
    }
}

/// What `openssl dgst` says of a certificate, by the file beside them.
fn openssl_hash(name: &str) -> Vec<u8> {
    let hashes = include_str!("../../data/certs/hashes.txt");
    let line = hashes
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    let hex = line
        .and_then(|line| line.split(' ').nth(2))
        .expect("a hash");
    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(octet).collect()
}

pub fn rule_18_certificates<M: Mount>() {
    assert_eq!(
        ChannelBindings::tls_server_end_point(b"-----BEGIN CERTIFICATE-----\n"),
        Err(ChannelBindingsError::CertificateIsPem)
    );
    assert!(matches!(
        ChannelBindings::tls_server_end_point(include_bytes!("../../data/certs/ed25519.der")),
        Err(ChannelBindingsError::NoHash { .. })
    ));
    // What a server makes of its certificate is what a client makes of openssl's hash of it.
    let certificates: [(&str, &[u8]); 6] = [
        (
            "rsa-md5.der",
            include_bytes!("../../data/certs/rsa-md5.der"),
        ),
        (
            "rsa-sha1.der",
            include_bytes!("../../data/certs/rsa-sha1.der"),
        ),
        (
            "rsa-sha256.der",
            include_bytes!("../../data/certs/rsa-sha256.der"),
        ),
        (
            "rsa-sha512.der",
            include_bytes!("../../data/certs/rsa-sha512.der"),
        ),
        (
            "rsa-pss-default.der",
            include_bytes!("../../data/certs/rsa-pss-default.der"),
        ),
        (
            "ecdsa-sha384.der",
            include_bytes!("../../data/certs/ecdsa-sha384.der"),
        ),
    ];
    for (name, der) in certificates {
        let bench = Bench::new();
        let config = with::<M>(&bench, ChannelBindingPolicy::Require);
        let own = ChannelBindings::tls_server_end_point(der).expect(name);
        let data = [b"tls-server-end-point:", &openssl_hash(name)[..]].concat();
        let token = bench.ap_req(|a| a.gss().bindings = hash(&data)).token();
        let input = StepInput::new(&token).channel_bindings(&own);
        let context = done(Acceptor::new(&config).step_with(input)).context;
        assert_eq!(context.bound(), BindingStatus::Bound, "{name}");
    }
    let bench = Bench::new();
    let config = with::<M>(&bench, ChannelBindingPolicy::Require);
    let made: [(ChannelBindings, Vec<u8>); 3] = [
        (
            ChannelBindings::tls_server_end_point_hash(&[3; 48]).expect("48"),
            [&b"tls-server-end-point:"[..], &[3; 48]].concat(),
        ),
        (
            ChannelBindings::tls_exporter(&[4; 32]).expect("32"),
            [&b"tls-exporter:"[..], &[4; 32]].concat(),
        ),
        (
            ChannelBindings::tls_unique(&[5; 12]).expect("12"),
            [&b"tls-unique:"[..], &[5; 12]].concat(),
        ),
    ];
    for (own, data) in made {
        let token = bench.ap_req(|a| a.gss().bindings = hash(&data)).token();
        let input = StepInput::new(&token).channel_bindings(&own);
        let context = done(Acceptor::new(&config).step_with(input)).context;
        assert_eq!(context.bound(), BindingStatus::Bound);
    }
}
