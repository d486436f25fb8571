//! RC4 where `insecure_rc4` was said: tickets and keys (rule 7), subkeys (rule 14), per-message
//! tokens (rule 23).

use crate::Mount;
use crate::bench::{Bench, done, established, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, EncryptionType, Protection, Rejection, SequenceState,
};
use kit::ap_req::{ApReqSpec, gss};
use kit::client::Initiator;
use kit::crypto::{AES256_SHA1, KitKey, RC4};
use kit::rc4_message::Rc4Spec;

const BOTH: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];

fn sealed(protection: Protection) -> bool {
    protection == Protection::Confidentiality
}

fn config<M: Mount>(bench: &Bench) -> AcceptorConfig {
    bench.builder::<M>().insecure_rc4().build().expect("builds")
}

/// An AP-REQ with keys of these types: ticket, session, subkey.
fn spec(bench: &Bench, [ticket, session, subkey]: [i32; 3]) -> ApReqSpec {
    bench.ap_req(|a| {
        a.ticket.service_key = bench.world.service_key(ticket);
        a.ticket.session = bench.world.key("session", session);
        a.subkey = Some(bench.world.key("subkey", subkey));
    })
}

/// A context whose every key is RC4.
fn pair<M: Mount>() -> (Context, Initiator) {
    let bench = Bench::new();
    established(&config::<M>(&bench), &spec(&bench, [RC4; 3]))
}

/// Each of the keys by itself, with the switch and without.
pub fn rule_07_rc4_by_name_alone<M: Mount>() {
    let bench = Bench::new();
    let (with, without) = (config::<M>(&bench), bench.config::<M>());
    for ticket in [AES256_SHA1, RC4] {
        for session in [AES256_SHA1, RC4] {
            for subkey in [AES256_SHA1, RC4] {
                let keys = [ticket, session, subkey];
                let (context, _) = established(&with, &spec(&bench, keys));
                assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{keys:?}");
                let step = Acceptor::new(&without).step(&spec(&bench, keys).token());
                if keys.contains(&RC4) {
                    let why = rejection(step);
                    assert!(matches!(why, Rejection::EtypeNotPermitted { .. }), "{why}");
                } else {
                    done(step);
                }
            }
        }
    }
    // The other old types are not let in by it.
    for other in [1, 3, 16, 24] {
        for keys in [[other, RC4, RC4], [RC4, other, RC4], [RC4, RC4, other]] {
            let why = rejection(Acceptor::new(&with).step(&spec(&bench, keys).token()));
            assert!(matches!(why, Rejection::EtypeNotPermitted { .. }), "{why}");
        }
    }
}

/// Base key RC4: no subkey of ours, unless it raises the session to AES. Base key AES: always.
pub fn rule_14_rc4_subkeys<M: Mount>() {
    let bench = Bench::new();
    let config = config::<M>(&bench);
    for (keys, expected) in [
        ([RC4, RC4, RC4], None),
        ([AES256_SHA1, RC4, RC4], None),
        ([RC4, AES256_SHA1, RC4], Some(AES256_SHA1)),
        ([RC4, RC4, AES256_SHA1], Some(AES256_SHA1)),
        ([RC4, AES256_SHA1, AES256_SHA1], Some(AES256_SHA1)),
    ] {
        let (context, client) = established(&config, &spec(&bench, keys));
        let asserted = client.acceptor_subkey().map(|key| key.etype);
        assert_eq!(asserted, expected, "{keys:?}");
        // Rule 25: and without one it is the client's.
        let key = context.session_key().expect("a key");
        assert_eq!(key.key.expose(), client.message_key().bytes, "{keys:?}");
        assert_ne!(client.acceptor_subkey(), client.subkey.as_ref());
    }
    // Neither subkey: the ticket's.
    let mut without = spec(&bench, [RC4; 3]);
    without.subkey = None;
    let (context, client) = established(&config, &without);
    let key = context.session_key().expect("a key");
    assert_eq!(key.etype, Some(EncryptionType::RC4_HMAC));
    assert_eq!(key.key.expose(), client.session.bytes);
}

/// Tokens that an independent engine makes and reads.
pub fn rule_23_rc4_both_ways<M: Mount>() {
    let bench = Bench::new();
    let one_way = |mut spec: ApReqSpec| {
        spec.options = 0;
        spec.gss().flags &= !gss::MUTUAL;
        established(&config::<M>(&bench), &spec)
    };
    let without_mutual = one_way(spec(&bench, [RC4; 3]));
    for (context, client) in [pair::<M>(), without_mutual] {
        let messages = client.messages();
        let mut next = client.seq;
        let mut from_us = u32::try_from(client.acceptor_seq()).expect("32 bits");
        for length in [0, 1, 15, 83, 84, 211, 212, 1000, 70_000] {
            let data: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            for protection in BOTH {
                let token = messages.rc4_wrap(&data, &Rc4Spec::new(next, sealed(protection)));
                let got = context.unwrap(&token).expect("unwraps");
                assert_eq!((&got.data, got.protection), (&data, protection));
                assert_eq!(got.sequence, SequenceState::InOrder);
                let token = context.wrap(protection, &data).expect("wraps");
                let got = messages.rc4_unwrap(&token).expect("the client unwraps");
                assert_eq!(got, (data.clone(), sealed(protection), from_us));
                (next, from_us) = (next + 1, from_us + 1);
            }
            let mic = messages.rc4_mic(&data, &Rc4Spec::new(next, false));
            let state = context.verify(&data, &mic).expect("verifies");
            assert_eq!(state, SequenceState::InOrder);
            let mic = context.mic(&data).expect("signs");
            assert_eq!(messages.rc4_verify(&mic, &data), Ok(from_us));
            (next, from_us) = (next + 1, from_us + 1);
        }
    }
}

/// Everything that a token must be, and is not.
pub fn rule_23_rc4_forged_tokens_fail<M: Mount>() {
    let (context, client) = pair::<M>();
    let good = |sealed| Rc4Spec::new(client.seq, sealed);
    let messages = client.messages();
    let mut forged = Vec::new();
    for sealed in [true, false] {
        let mut add = |what: &'static str, change: &dyn Fn(&mut Rc4Spec)| {
            let mut spec = good(sealed);
            change(&mut spec);
            forged.push((what, sealed, messages.rc4_wrap(b"message", &spec)));
        };
        add("padding 0", &|s| s.padding = vec![0]);
        add("padding 2", &|s| s.padding = vec![2]);
        add("padding 8", &|s| s.padding = vec![8; 8]);
        add("no padding", &|s| s.padding = vec![]);
        add("type of a MIC", &|s| s.message_type = Some(15));
        add("type of RFC 4121's MIC", &|s| s.message_type = Some(23));
        add("our direction", &|s| s.direction = Some([0xff; 4]));
        add("no direction", &|s| s.direction = Some([0, 0, 0, 1]));
        add("DES MAC MD5", &|s| s.sign = [0, 0]);
        add("DES3", &|s| s.sign = [4, 0]);
        add("sealed by DES", &|s| s.seal = Some([0, 0]));
        add("filler", &|s| s.filler = [0, 0]);
        add("no frame", &|s| s.framed = false);
    }
    let mut other = messages.clone();
    other.key = KitKey::seeded(9, "other", RC4);
    forged.push(("another key", true, other.rc4_wrap(b"message", &good(true))));
    let mut aes = messages.clone();
    aes.key = KitKey::seeded(9, "other", AES256_SHA1);
    let spec = kit::message::WrapSpec::new(client.seq.into(), true);
    forged.push(("RFC 4121's", true, aes.wrap(b"message", &spec)));
    for (what, sealed, token) in forged {
        let error = context.unwrap(&token).expect_err(what);
        let bad = error.rejection().is_some() || error.misuse().is_none();
        assert!(bad, "{what}, sealed {sealed}: {error}");
        let mut buffer = token.clone();
        assert!(context.unwrap_in_place(&mut buffer).is_err(), "{what}");
    }
    let spec = Rc4Spec {
        message_type: Some(13),
        ..good(false)
    };
    let mic = messages.rc4_mic(b"message", &spec);
    assert!(context.verify(b"message", &mic).is_err());
    let spec = Rc4Spec {
        seal: Some([0x10, 0]),
        ..good(false)
    };
    let mic = messages.rc4_mic(b"message", &spec);
    assert!(context.verify(b"message", &mic).is_err());
    // None of them has moved the window.
    let token = messages.rc4_wrap(b"message", &good(true));
    let got = context.unwrap(&token).expect("unwraps");
    assert_eq!(got.sequence, SequenceState::InOrder);
    let again = context.unwrap(&token).expect("unwraps");
    assert_eq!(again.sequence, SequenceState::Duplicate);
}
