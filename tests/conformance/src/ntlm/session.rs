//! Session security (rule 38).

use super::{
    NtlmMount, PLAIN, SEALING, attempt, begin, begin_with, builder, config, enters, refused, server,
};
use crate::bench::{Bench, done, fails, goes_on, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Error, Granted, Mechanism, Misuse, NtlmRejection, Protection,
    Rejection, Requirements, SequenceState,
};
use kit::ntlm::{Authenticate, Mic, flags, negotiate, negotiate_with_names};

const SIGNED: Granted = Granted::INTEGRITY
    .union(Granted::REPLAY_DETECT)
    .union(Granted::SEQUENCE_DETECT);

fn established(
    config: &AcceptorConfig,
    asked: u32,
) -> (gss_acceptor::Context, kit::ntlm::Messages) {
    let half = begin(config, asked);
    let answer = half.answer("alice", "");
    let messages = answer.messages();
    (done(half.send(&answer)).context, messages)
}

pub fn rule_38_sealed_both_ways<M: NtlmMount>() {
    let (context, mut client) = established(&config::<M>(), SEALING);
    assert_eq!(context.granted(), SIGNED | Granted::CONFIDENTIALITY);
    for length in [0, 1, 15, 16, 17, 1024, 70_000] {
        let data = vec![0x5a; length];
        let token = context
            .wrap(Protection::Confidentiality, &data)
            .expect("seals");
        assert_eq!(token.len(), length + 16);
        assert_eq!(client.unseal(&token), Some(data.clone()));
        let got = context.unwrap(&client.seal(&data)).expect("opens");
        assert_eq!(
            (got.data, got.sequence),
            (data.clone(), SequenceState::InOrder)
        );
        assert_eq!(got.protection, Protection::Confidentiality);
        // MICs and messages share numbers and cipher.
        let mic = context.mic(&data).expect("signs");
        assert!(client.verify(&data, &mic));
        let mic = client.mic(&data);
        assert_eq!(
            context.verify(&data, &mic).expect("verifies"),
            SequenceState::InOrder
        );
    }
    // Where sealing was negotiated everything is sealed: the peer unseals whatever comes.
    let token = context.wrap(Protection::Integrity, b"data").expect("seals");
    assert_eq!(client.unseal(&token).as_deref(), Some(&b"data"[..]));
    // In place.
    let mut buffer = [&[0; 16][..], b"in place"].concat();
    let place = context
        .wrap_in_place(Protection::Confidentiality, &mut buffer, 16..24)
        .expect("seals");
    assert_eq!(
        client.unseal(&buffer[place]).as_deref(),
        Some(&b"in place"[..])
    );
    let mut token = client.seal(b"stream");
    let (data, ..) = context.unwrap_stream(&mut token).expect("opens");
    assert_eq!(data, b"stream");
    let sizes = context.sizes();
    assert_eq!(
        (sizes.max_signature, sizes.block, sizes.security_trailer),
        (16, 1, 16)
    );
}

pub fn rule_38_signed_both_ways<M: NtlmMount>() {
    let (context, mut client) = established(&config::<M>(), SEALING & !flags::SEAL);
    assert_eq!(context.granted(), SIGNED);
    let refused = context.wrap(Protection::Confidentiality, b"x");
    assert!(matches!(
        refused.expect_err("not granted").misuse(),
        Some(Misuse::NotGranted { .. })
    ));
    let token = context
        .wrap(Protection::Integrity, b"readable")
        .expect("signs");
    assert_eq!(&token[16..], b"readable");
    assert!(client.verify(b"readable", &token[..16]));
    let got = context.unwrap(&client.sign(b"readable")).expect("verifies");
    assert_eq!(
        (&got.data[..], got.protection),
        (&b"readable"[..], Protection::Integrity)
    );
    // Sealing alone signs too.
    let (context, _) = established(&config::<M>(), SEALING & !flags::SIGN);
    assert_eq!(context.granted(), SIGNED | Granted::CONFIDENTIALITY);
}

pub fn rule_38_a_client_that_wants_neither<M: NtlmMount>() {
    let config = config::<M>();
    for (asked, encrypted) in [
        (PLAIN, None),
        (PLAIN | flags::KEY_EXCH | flags::KEY_128, None),
        // pyspnego sends one byte, others anything at all.
        (PLAIN | flags::KEY_EXCH, Some(vec![0])),
        (PLAIN, Some(vec![1; 16])),
        (PLAIN | flags::KEY_EXCH, Some(vec![1; 16])),
        (PLAIN, Some(vec![1; 300])),
    ] {
        let mut exported = [0; 16];
        let end = enters(&config, asked, |a| {
            a.encrypted_key = encrypted;
            exported = a.exported();
        });
        assert_eq!(end.context.granted(), Granted::empty());
        let key = end.context.session_key().expect("a key");
        assert_eq!(key.key.expose(), exported);
        let mic = end.context.mic(b"x").expect_err("not granted");
        assert!(matches!(mic.misuse(), Some(Misuse::NotGranted { .. })));
    }
    let builder = builder::<M>(server()).0;
    let strict = builder
        .require(Requirements::INTEGRITY)
        .build()
        .expect("builds");
    let why = rejection(attempt(&strict, PLAIN, |_| {}));
    assert!(matches!(why, Rejection::Requirement { .. }), "{why}");
    enters(&strict, SEALING, |_| {});
}

pub fn rule_38_nothing_weak<M: NtlmMount>() {
    let config = config::<M>();
    for missing in [flags::ESS, flags::KEY_128, flags::KEY_EXCH] {
        // Not offered, and not granted to a client that asks all the same.
        let half = begin(&config, SEALING & !missing);
        let offered = half.challenge.flags;
        assert_eq!(
            offered & (flags::SIGN | flags::SEAL | missing),
            0,
            "{missing:x}"
        );
        for forced in [false, true] {
            let end = enters(&config, SEALING & !missing, |a| {
                if forced {
                    a.flags |= flags::SIGN | flags::SEAL;
                }
            });
            assert_eq!(end.context.granted(), Granted::empty(), "{missing:x}");
        }
    }
    // Offered, and then left out by the client itself.
    for missing in [flags::ESS, flags::KEY_128, flags::KEY_EXCH] {
        let end = enters(&config, SEALING, |a| {
            a.flags &= !missing;
            if missing == flags::KEY_EXCH {
                a.random_key = None;
            }
        });
        assert_eq!(end.context.granted(), Granted::empty(), "{missing:x}");
    }
    // Nor is anything granted that was not offered: the client cannot add it later.
    let end = enters(&config, PLAIN, |a| a.flags = SEALING);
    assert_eq!(end.context.granted(), Granted::empty());
    let weak = SEALING | flags::LM_KEY;
    assert_eq!(begin(&config, weak).challenge.flags & flags::LM_KEY, 0);
}

pub fn rule_38_key_exchange<M: NtlmMount>() {
    let config = config::<M>();
    for key in [[0x55; 16], [0; 16], [0xff; 16]] {
        let half = begin(&config, SEALING);
        let mut answer = half.answer("alice", "");
        answer.random_key = Some(key);
        let mut client = answer.messages();
        let context = done(half.send(&answer)).context;
        assert_eq!(context.session_key().expect("a key").key.expose(), key);
        let got = context.unwrap(&client.seal(b"data")).expect("opens");
        assert_eq!(got.data, b"data");
    }
}

pub fn rule_38_a_key_that_is_no_key<M: NtlmMount>() {
    let config = config::<M>();
    for length in [0, 1, 15, 17, 32] {
        for asked in [SEALING, SEALING & !flags::SEAL, SEALING & !flags::SIGN] {
            let failure = fails(attempt(&config, asked, |a| {
                a.encrypted_key = Some(vec![3; length]);
            }));
            assert!(
                matches!(failure.error(), Error::Malformed { .. }),
                "{failure}"
            );
        }
    }
}

pub fn rule_38_a_mic_under_the_exchanged_key<M: NtlmMount>() {
    // macOS exchanges a key although it protects nothing, and makes its MIC with it.
    let config = config::<M>();
    let asked = PLAIN | flags::KEY_EXCH | flags::KEY_128;
    let end = enters(&config, asked, |a| a.random_key = Some([7; 16]));
    assert_eq!(
        end.context.session_key().expect("a key").key.expose(),
        [7; 16]
    );
    let why = refused(&config, asked, |a| {
        a.random_key = Some([7; 16]);
        a.mic = Mic::Zero;
    });
    assert!(matches!(why, NtlmRejection::Mic { .. }), "{why}");
    // Without the flag there is no such key.
    let why = refused(&config, PLAIN, |a| a.random_key = Some([7; 16]));
    assert!(matches!(why, NtlmRejection::Mic { .. }), "{why}");
}

pub fn rule_38_character_sets<M: NtlmMount>() {
    let config = config::<M>();
    // Unicode wins.
    let both = begin(&config, SEALING | flags::OEM).challenge.flags;
    assert_eq!(both & (flags::UNICODE | flags::OEM), flags::UNICODE);
    // OEM alone is accepted; the target's name is in it.
    let oem = SEALING & !flags::UNICODE | flags::OEM;
    let half = begin(&config, oem);
    assert_eq!(half.challenge.target, b"CORP");
    assert_eq!(half.challenge.flags & flags::UNICODE, 0);
    let answer = half.answer("alice", "");
    done(half.send(&answer));
    // What is not ASCII could be anybody, in one code page or another.
    let half = begin(&config, oem);
    let answer = half.answer("alicé", "");
    assert!(matches!(
        fails(half.send(&answer)).error(),
        Error::Malformed { .. }
    ));
    let neither = negotiate(SEALING & !flags::UNICODE);
    let failure = fails(Acceptor::new(&config).step(&neither));
    assert!(
        matches!(failure.error(), Error::Malformed { .. }),
        "{failure}"
    );
}

pub fn rule_38_short_forms<M: NtlmMount>() {
    let config = config::<M>();
    // Names or none, in the clear and believed by nobody.
    for first in [
        negotiate(SEALING),
        negotiate_with_names(SEALING, "EVIL", "SERVER"),
        [negotiate(SEALING), vec![0xff; 24]].concat(),
    ] {
        let half = begin_with(&config, first);
        let answer = half.answer("alice", "");
        done(half.send(&answer));
    }
    for short in 0..16 {
        let token = &negotiate(SEALING)[..short];
        let mut acceptor = Acceptor::new(&config);
        if short == 0 {
            // The client wants to hear what there is.
            goes_on(acceptor.step(token));
            continue;
        }
        let failure = fails(acceptor.step(token));
        assert!(
            matches!(failure.error(), Error::Malformed { .. }),
            "{short}: {failure}"
        );
    }
    for lm in [vec![], vec![0; 24], vec![0xaa; 24]] {
        enters(&config, SEALING, |a: &mut Authenticate| a.lm_response = lm);
    }
}

pub fn rule_38_numbers_are_strict<M: NtlmMount>() {
    let altered = |result: Result<gss_acceptor::Unwrapped, Error>| {
        let error = result.expect_err("refused");
        let altered = matches!(error.rejection(), Some(Rejection::MessageAltered { .. }));
        assert!(altered, "{error}");
    };
    let (context, mut client) = established(&config::<M>(), SEALING);
    let (first, second) = (client.seal(b"1"), client.seal(b"2"));
    altered(context.unwrap(&second));
    assert_eq!(context.unwrap(&first).expect("opens").data, b"1");
    altered(context.unwrap(&first));
    assert_eq!(context.unwrap(&second).expect("opens").data, b"2");
    // Our own words back.
    let own = context
        .wrap(Protection::Confidentiality, b"x")
        .expect("seals");
    altered(context.unwrap(&own));
    // One bit of a sealed message: what comes after it cannot be read either.
    let (context, mut client) = established(&config::<M>(), SEALING);
    let mut token = client.seal(b"data");
    token[17] ^= 1;
    altered(context.unwrap(&token));
    altered(context.unwrap(&client.seal(b"more")));
    for length in 0..16 {
        let error = context.unwrap(&token[..length]).expect_err("too short");
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

pub fn rule_25_the_session_key<M: NtlmMount>() {
    let (context, _) = established(&config::<M>(), SEALING);
    let key = context.session_key().expect("a key");
    assert_eq!((key.key.expose(), key.etype), (&[0x55; 16][..], None));
    let error = context.prf(gss_acceptor::PrfKey::Full, b"x", 16);
    assert!(error.is_err(), "NTLM has no pseudo-random function");
}

pub fn rule_38_connectionless_is_refused<M: NtlmMount>() {
    let config = config::<M>();
    let token = negotiate(SEALING | flags::DATAGRAM);
    let why = rejection(Acceptor::new(&config).step(&token));
    assert!(
        matches!(why, Rejection::Ntlm(NtlmRejection::Connectionless)),
        "{why}"
    );
    let refused = builder::<M>(server())
        .0
        .require(Requirements::DATAGRAM)
        .build();
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("DATAGRAM"), "{error}");
}

pub fn ntlm_cannot_and_says_so<M: NtlmMount>() {
    // What NTLM cannot meet leaves it out where something else can, and fails the build where
    // nothing can.
    for flag in [
        Requirements::MUTUAL_AUTH,
        Requirements::DELEGATE,
        Requirements::USE_SESSION_KEY,
        Requirements::USE_DCE_STYLE,
        Requirements::EXTENDED_ERROR,
        Requirements::WINDOWS_ONLY,
    ] {
        let refused = builder::<M>(server()).0.require(flag).build();
        let error = refused.expect_err("refused");
        assert!(
            matches!(error.misuse(), Some(Misuse::CannotHonour { .. })),
            "{flag:?}: {error}"
        );
    }
    let bench = Bench::new();
    let config = AcceptorConfig::builder(M::both(bench.keytab(), server()))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .require(Requirements::MUTUAL_AUTH)
        .build()
        .expect("builds");
    let description = config.describe();
    assert_eq!(description.mechanisms, [Mechanism::Kerberos]);
    assert_eq!(description.left_out, [Mechanism::Ntlm]);
    let why = rejection(Acceptor::new(&config).step(&negotiate(SEALING)));
    assert!(matches!(why, Rejection::NoCommonMechanism { .. }), "{why}");
}
