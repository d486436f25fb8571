//! Rules 14, 19 and 22 to 25: what comes of an established context.

use crate::Mount;
use crate::bench::{Bench, NOW, done, established};
use crate::runner::ticket_end;
use SequenceState::{Duplicate, Gap, InOrder, Old, Unsequenced};
use gss_acceptor::{
    Acceptor, Context, Error, ExpiredContexts, Expiry, ExpiryPrecision, Misuse, PrfKey, Protection,
    Rejection, Requirements, SequenceState,
};
use kit::ap_req::{ad_etype_negotiation, gss};
use kit::client::Initiator;
use kit::crypto::AES_ETYPES;
use kit::message::{MicSpec, WrapSpec, flag};
use kit::ticket::if_relevant;

const BOTH: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];

fn sealed(protection: Protection) -> bool {
    protection == Protection::Confidentiality
}

fn pair<M: Mount>(etype: i32) -> (Context, Initiator) {
    let bench = Bench::new();
    established(
        &bench.config::<M>(),
        &bench.world.with_etype(etype).ap_req(),
    )
}

fn wrap(client: &Initiator, ahead: u64, protection: Protection) -> Vec<u8> {
    let spec = WrapSpec::new(u64::from(client.seq) + ahead, sealed(protection));
    client.messages().wrap(b"from the client", &spec)
}

pub fn rule_14_pac_is_kept_from_the_ticket_alone<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let pac: Vec<u8> = (0..=255).collect();
    let spec = bench.ap_req(|a| {
        a.ticket.authdata = vec![
            if_relevant(&[(128, pac.clone()), (4242, vec![1])]),
            if_relevant(&[if_relevant(&[(4243, vec![2])])]),
        ];
        a.authdata = vec![if_relevant(&[(128, b"forged".to_vec())])];
    });
    let (context, _) = established(&config, &spec);
    assert_eq!(
        context.authorization_data(),
        [(128, pac), (4242, vec![1]), (4243, vec![2])]
    );
    let (context, _) = established(&config, &bench.world.ap_req());
    assert_eq!(context.authorization_data(), []);
}

pub fn rule_19_fresh_each_time<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (mut subkeys, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..32 {
        let (_, client) = established(&config, &bench.world.ap_req());
        subkeys.push(client.acceptor_subkey().expect("a subkey").bytes.clone());
        let number = client.acceptor_seq();
        assert!((1..1 << 30).contains(&number), "{number:x}");
        numbers.push(number);
    }
    for list in [numbers.len(), subkeys.len()] {
        assert_eq!(list, 32);
    }
    subkeys.sort();
    subkeys.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(subkeys.len(), 32);
    // Two of 32 out of 2^30 are the same once in two million runs.
    assert_eq!(numbers.len(), 32);
}

pub fn rule_19_send_sequence_without_reply<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for (sent, start) in [(Some(77), 77), (Some(-5), 0xffff_fffb), (None, 0)] {
        let mut spec = bench.one_way();
        spec.seq = sent;
        let (context, client) = established(&config, &spec);
        let token = context.wrap(Protection::Integrity, b"x").expect("wraps");
        assert_eq!(
            client.messages().unwrap(&token).expect("unwraps").seq,
            start
        );
        // No AP-REP, no subkey of ours.
        assert_eq!(token[2] & flag::SUBKEY, 0);
    }
}

pub fn rule_22_expiry_is_the_tickets_end<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (context, _) = established(&config, &bench.world.ap_req());
    assert_eq!(context.expiry(), Expiry::At(ticket_end()));
    assert_eq!(context.expiry_precision(), ExpiryPrecision::Exact);
    // Renewable till is no expiry.
    let spec = bench.ap_req(|a| a.ticket.renew_till = Some(NOW + 86_400 * 7));
    let (context, _) = established(&config, &spec);
    assert_eq!(context.expiry(), Expiry::At(ticket_end()));
}

pub fn rule_22_after_expiry<M: Mount>() {
    let bench = Bench::new();
    let (context, client) = established(&bench.config::<M>(), &bench.world.ap_req());
    let last = wrap(&client, 0, Protection::Integrity);
    bench.clock.turn(8 * 3600 - 1);
    assert!(context.wrap(Protection::Integrity, b"x").is_ok());
    bench.clock.turn(1);
    let end = ticket_end();
    let expired = |error: Error| {
        assert_eq!(
            error.rejection(),
            Some(&Rejection::ContextExpired { end }),
            "{error}"
        );
    };
    for protection in BOTH {
        expired(context.wrap(protection, b"x").expect_err("expired"));
        let mut room = [0; 128];
        expired(
            context
                .wrap_in_place(protection, &mut room, 64..65)
                .expect_err("expired"),
        );
    }
    expired(context.unwrap(&last).expect_err("expired"));
    expired(
        context
            .unwrap_in_place(&mut last.clone())
            .expect_err("expired"),
    );
    expired(
        context
            .unwrap_stream(&mut last.clone())
            .map(drop)
            .expect_err("expired"),
    );
    expired(context.mic(b"x").expect_err("expired"));
    expired(context.verify(b"x", &last).expect_err("expired"));
    expired(context.prf(PrfKey::Full, b"x", 16).expect_err("expired"));
    // Who it was is still known.
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
    bench.clock.turn(-1);
    assert!(context.unwrap(&last).is_ok());
}

pub fn rule_22_expired_contexts_may_go_on<M: Mount>() {
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .expired_contexts(ExpiredContexts::GoOn)
        .build()
        .expect("builds");
    let (context, client) = established(&config, &bench.world.ap_req());
    bench.clock.turn(9 * 3600);
    assert!(
        context
            .unwrap(&wrap(&client, 0, Protection::Confidentiality))
            .is_ok()
    );
    let token = context
        .wrap(Protection::Confidentiality, b"x")
        .expect("wraps");
    assert!(client.messages().unwrap(&token).is_ok());
}

pub fn rule_23_every_etype_both_ways<M: Mount>() {
    for etype in AES_ETYPES {
        let (context, client) = pair::<M>(etype);
        let messages = client.messages();
        let mut next = u64::from(client.seq);
        let mut from_us = client.acceptor_seq();
        for length in [0, 1, 15, 16, 17, 1000, 70_000] {
            let data: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            for protection in BOTH {
                let token = messages.wrap(&data, &WrapSpec::new(next, sealed(protection)));
                let got = context.unwrap(&token).expect("unwraps");
                assert_eq!((&got.data, got.protection), (&data, protection));
                assert_eq!(got.sequence, InOrder);
                let token = context.wrap(protection, &data).expect("wraps");
                let got = messages.unwrap(&token).expect("the client unwraps");
                assert_eq!((&got.message, got.sealed), (&data, sealed(protection)));
                assert_eq!(got.seq, from_us);
                (next, from_us) = (next + 1, from_us + 1);
            }
            let mic = messages.mic(&data, &MicSpec::new(next));
            assert_eq!(context.verify(&data, &mic).expect("verifies"), InOrder);
            let mic = context.mic(&data).expect("signs");
            assert_eq!(messages.verify(&mic, &data), Ok(from_us));
            (next, from_us) = (next + 1, from_us + 1);
        }
    }
}

pub fn rule_23_wrap_oddities_are_understood<M: Mount>() {
    let (context, client) = pair::<M>(18);
    let mut next = u64::from(client.seq);
    for (sealed, ec, rrc) in [
        (true, 0, 28),
        (true, 0, 12),
        (true, 16, 0),
        (true, 7, 44),
        (true, 0, 65_535),
        (false, 0, 12),
        (false, 0, 1),
        (false, 0, 9999),
    ] {
        let spec = WrapSpec {
            ec,
            rrc,
            ..WrapSpec::new(next, sealed)
        };
        next += 1;
        let token = client.messages().wrap(b"message", &spec);
        let got = context.unwrap(&token).expect("unwraps");
        assert_eq!((&got.data[..], got.sequence), (&b"message"[..], InOrder));
        // In the frame of RFC 2743 3.1 too.
        let spec = WrapSpec { seq: next, ..spec };
        next += 1;
        let token = client.messages().wrap(b"framed", &spec);
        let mut frame = kit::ap_req::Frame::gss(kit::ap_req::oid::KRB5);
        frame.token_id = None;
        let got = context.unwrap(&frame.wrap(&token)).expect("unwraps");
        assert_eq!((&got.data[..], got.sequence), (&b"framed"[..], InOrder));
    }
}

pub fn rule_23_altered_tokens_fail<M: Mount>() {
    for etype in AES_ETYPES {
        let (context, client) = pair::<M>(etype);
        for protection in BOTH {
            let token = wrap(&client, 0, protection);
            // Every bit of the header, and some of the rest.
            let bits = (0..16 * 8).chain((16 * 8..token.len() * 8).step_by(13));
            for bit in bits {
                let mut altered = token.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                // RRC is no part of what is signed: what it does is move octets.
                let same = (48..64).contains(&bit);
                let got = context.unwrap(&altered);
                assert!(
                    got.is_err() || same,
                    "etype {etype}, {protection:?}, bit {bit}"
                );
                assert!(got.is_err_and(|error| is_bad(&error)) || same);
            }
            for length in 0..token.len() {
                let got = context.unwrap(&token[..length]);
                assert!(got.is_err_and(|error| is_bad(&error)), "{length} octets");
            }
            let longer = [&token[..], &[0]].concat();
            assert!(context.unwrap(&longer).is_err());
            // Our own, sent back.
            let own = context.wrap(protection, b"x").expect("wraps");
            assert!(context.unwrap(&own).is_err_and(|error| is_bad(&error)));
        }
        let mic = client
            .messages()
            .mic(b"data", &MicSpec::new(client.seq.into()));
        for bit in 0..mic.len() * 8 {
            let mut altered = mic.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(context.verify(b"data", &altered).is_err(), "MIC bit {bit}");
        }
        assert!(context.verify(b"date", &mic).is_err());
        assert!(context.verify(b"data", &mic[..mic.len() - 1]).is_err());
        let own = context.mic(b"data").expect("signs");
        assert!(context.verify(b"data", &own).is_err());
        // None of it has moved the window.
        let got = context
            .unwrap(&wrap(&client, 0, Protection::Integrity))
            .expect("unwraps");
        assert_eq!(got.sequence, InOrder);
    }
    forged_headers::<M>();
}

fn is_bad(error: &Error) -> bool {
    matches!(
        (error, error.rejection()),
        (Error::Malformed { .. }, _) | (_, Some(Rejection::MessageAltered { .. }))
    )
}

/// Headers that are signed as they stand, and are wrong.
fn forged_headers<M: Mount>() {
    let (context, client) = pair::<M>(18);
    let seq = client.seq.into();
    let base = |sealed| WrapSpec::new(seq, sealed);
    let messages = client.messages();
    for (what, spec) in [
        (
            "id",
            WrapSpec {
                id: [5, 5],
                ..base(true)
            },
        ),
        (
            "filler",
            WrapSpec {
                filler: 0,
                ..base(true)
            },
        ),
        (
            "filler, not sealed",
            WrapSpec {
                filler: 0xfe,
                ..base(false)
            },
        ),
        (
            "direction",
            WrapSpec {
                flags: Some(flag::ACCEPTOR | flag::SEALED | flag::SUBKEY),
                ..base(true)
            },
        ),
        (
            "no subkey",
            WrapSpec {
                flags: Some(flag::SEALED),
                ..base(true)
            },
        ),
        (
            "EC in the clear",
            WrapSpec {
                clear_ec: Some(1),
                ..base(true)
            },
        ),
        (
            "EC inside",
            WrapSpec {
                inner_ec: Some(3),
                ..base(true)
            },
        ),
        (
            "EC beyond the data",
            WrapSpec {
                clear_ec: Some(9999),
                inner_ec: Some(9999),
                ..base(true)
            },
        ),
        (
            "usage 22",
            WrapSpec {
                usage: Some(22),
                ..base(true)
            },
        ),
        (
            "usage 22, not sealed",
            WrapSpec {
                usage: Some(22),
                ..base(false)
            },
        ),
        (
            "usage of a MIC",
            WrapSpec {
                usage: Some(25),
                ..base(false)
            },
        ),
    ] {
        let token = messages.wrap(b"message", &spec);
        let got = context.unwrap(&token);
        assert!(got.is_err_and(|error| is_bad(&error)), "{what}");
    }
    // Under the client's subkey, with and without the flag that says so.
    let mut before = client.clone();
    before.ap_rep = None;
    for flags in [None, Some(flag::SEALED | flag::SUBKEY)] {
        let spec = WrapSpec {
            flags,
            ..base(true)
        };
        let token = before.messages().wrap(b"message", &spec);
        assert!(
            context.unwrap(&token).is_err_and(|error| is_bad(&error)),
            "{flags:?}"
        );
    }
    for (what, spec) in [
        (
            "id",
            MicSpec {
                id: [4, 5],
                ..MicSpec::new(seq)
            },
        ),
        (
            "filler",
            MicSpec {
                filler: [0xff, 0xff, 0, 0xff, 0xff],
                ..MicSpec::new(seq)
            },
        ),
        (
            "direction",
            MicSpec {
                flags: Some(flag::ACCEPTOR | flag::SUBKEY),
                ..MicSpec::new(seq)
            },
        ),
        (
            "no subkey",
            MicSpec {
                flags: Some(0),
                ..MicSpec::new(seq)
            },
        ),
        (
            "usage of a wrap",
            MicSpec {
                usage: Some(24),
                ..MicSpec::new(seq)
            },
        ),
    ] {
        let token = messages.mic(b"message", &spec);
        assert!(
            context
                .verify(b"message", &token)
                .is_err_and(|error| is_bad(&error)),
            "{what}"
        );
    }
}

fn states(context: &Context, client: &Initiator, numbers: &[(u64, SequenceState)]) {
    for (step, (ahead, due)) in numbers.iter().enumerate() {
        let seq = u64::from(client.seq).wrapping_add(*ahead);
        let messages = client.messages();
        // Wraps and MICs share one sequence.
        let state = if step % 2 == 0 {
            let token = messages.wrap(b"data", &WrapSpec::new(seq, step % 4 == 0));
            let got = context.unwrap(&token).expect("unwraps");
            assert_eq!(got.data, b"data", "the data is given whatever the state");
            got.sequence
        } else {
            let token = messages.mic(b"data", &MicSpec::new(seq));
            context.verify(b"data", &token).expect("verifies")
        };
        assert_eq!(state, *due, "number +{ahead} at step {step}");
    }
}

pub fn rule_23_sequence_states<M: Mount>() {
    // The states of MIT krb5's g_seqstate_check for these numbers.
    let (context, client) = pair::<M>(18);
    states(
        &context,
        &client,
        &[
            (0, InOrder),
            (0, Duplicate),
            (1, InOrder),
            (4, Gap),
            (2, Unsequenced),
            (2, Duplicate),
            (4, Duplicate),
            (5, InOrder),
            (100, Gap),
            (37, Unsequenced),
            (37, Duplicate),
            (36, Unsequenced),
            (3, Unsequenced),
            (101, InOrder),
        ],
    );
    // Across 2^32: the numbers have 64 bits, whatever the handshake's has.
    let bench = Bench::new();
    let mut spec = bench.world.ap_req();
    spec.seq = Some(0xffff_ffff);
    let (context, client) = established(&bench.config::<M>(), &spec);
    states(
        &context,
        &client,
        &[(0, InOrder), (1, InOrder), (2, InOrder), (1, Duplicate)],
    );
}

fn with_flags<M: Mount>(flags: u32) -> (Context, Initiator) {
    let bench = Bench::new();
    let spec = bench.ap_req(|a| a.gss().flags = flags);
    established(&bench.config::<M>(), &spec)
}

pub fn rule_23_no_flags_no_states<M: Mount>() {
    let (context, client) = with_flags::<M>(gss::MUTUAL | gss::INTEG | gss::CONF);
    let all = [0, 0, 7, 3, 1000, 0].map(|ahead| (ahead, InOrder));
    states(&context, &client, &all);
}

pub fn rule_23_replay_flag_alone<M: Mount>() {
    let usual = gss::MUTUAL | gss::INTEG | gss::CONF;
    let (context, client) = with_flags::<M>(usual | gss::REPLAY);
    states(
        &context,
        &client,
        &[
            (0, InOrder),
            (0, Duplicate),
            (7, InOrder),
            (3, InOrder),
            (3, Duplicate),
            (100, InOrder),
            (1, Old),
        ],
    );
    let (context, client) = with_flags::<M>(usual | gss::SEQUENCE);
    states(
        &context,
        &client,
        &[
            (0, InOrder),
            (0, Unsequenced),
            (2, Gap),
            (1, Unsequenced),
            (3, InOrder),
        ],
    );
}

pub fn rule_23_datagrams_have_no_order<M: Mount>() {
    // Lost and reordered by their nature: replays alone are told (architecture.md 2, DATAGRAM).
    let steps = [(0, InOrder), (7, InOrder), (3, InOrder), (3, Duplicate)];
    let ordered = [(0, InOrder), (7, Gap), (3, Unsequenced), (3, Duplicate)];
    for (flag, due) in [
        (Requirements::DATAGRAM, steps),
        (Requirements::CONNECTION, ordered),
        (Requirements::empty(), ordered),
    ] {
        let bench = Bench::new();
        let config = bench.builder::<M>().request(flag).build().expect("builds");
        let (context, client) = established(&config, &bench.world.ap_req());
        states(&context, &client, &due);
    }
}

pub fn rule_23_a_forged_number_moves_nothing<M: Mount>() {
    let (context, client) = pair::<M>(18);
    for protection in BOTH {
        let mut token = wrap(&client, 1_000_000, protection);
        *token.last_mut().expect("octets") ^= 1;
        assert!(context.unwrap(&token).is_err());
    }
    let mut mic = client.messages().mic(b"x", &MicSpec::new(u64::MAX));
    *mic.last_mut().expect("octets") ^= 1;
    assert!(context.verify(b"x", &mic).is_err());
    states(&context, &client, &[(0, InOrder), (1, InOrder)]);
}

pub fn rule_23_what_was_not_granted<M: Mount>() {
    let lacks = |error: Error| match error.misuse() {
        Some(Misuse::NotGranted { lacks, .. }) => *lacks,
        _ => panic!("{error}"),
    };
    let (context, client) = with_flags::<M>(gss::MUTUAL | gss::INTEG);
    assert!(context.wrap(Protection::Integrity, b"x").is_ok());
    let sealing = context
        .wrap(Protection::Confidentiality, b"x")
        .expect_err("not granted");
    assert_eq!(lacks(sealing), Requirements::CONFIDENTIALITY);
    drop(client);
    let (context, client) = with_flags::<M>(gss::MUTUAL);
    let token = wrap(&client, 0, Protection::Integrity);
    for error in [
        context
            .wrap(Protection::Integrity, b"x")
            .expect_err("not granted"),
        context.unwrap(&token).expect_err("not granted"),
        context.mic(b"x").expect_err("not granted"),
        context.verify(b"x", &token).expect_err("not granted"),
    ] {
        assert_eq!(lacks(error), Requirements::INTEGRITY);
    }
}

pub fn rule_24_in_place_equals_copying<M: Mount>() {
    for etype in AES_ETYPES {
        let (context, client) = pair::<M>(etype);
        let (messages, sizes) = (client.messages(), context.sizes());
        let mut next = u64::from(client.seq);
        for length in [0, 1, 16, 1000] {
            for protection in BOTH {
                let (header, trailer) = match protection {
                    Protection::Confidentiality => (sizes.sealed_header, sizes.sealed_trailer),
                    Protection::Integrity => (sizes.integrity_header, sizes.integrity_trailer),
                };
                let data = vec![0x5a; length];
                let mut buffer = vec![0; header + length + trailer];
                buffer[header..][..length].copy_from_slice(&data);
                let place = context
                    .wrap_in_place(protection, &mut buffer, header..header + length)
                    .expect("wraps");
                let got = messages.unwrap(&buffer[place]).expect("the client unwraps");
                assert_eq!((&got.message, got.sealed), (&data, sealed(protection)));
                let mut small = vec![0; (header + length + trailer) - 1];
                let error = context
                    .wrap_in_place(protection, &mut small, header..header + length)
                    .expect_err("no room");
                assert!(
                    matches!(error.misuse(), Some(Misuse::BufferTooSmall { .. })),
                    "{error}"
                );

                for rrc in [0, 28, 5] {
                    let token = |seq| {
                        let spec = WrapSpec {
                            rrc,
                            ..WrapSpec::new(seq, sealed(protection))
                        };
                        messages.wrap(&data, &spec)
                    };
                    let copied = context.unwrap(&token(next)).expect("unwraps");
                    let mut buffer = token(next + 1);
                    let inside = context.unwrap_in_place(&mut buffer).expect("unwraps");
                    assert_eq!(buffer[inside.data], copied.data);
                    assert_eq!((inside.protection, inside.sequence), (protection, InOrder));
                    let mut buffer = token(next + 2);
                    let stream = context.unwrap_stream(&mut buffer).expect("unwraps");
                    assert_eq!(stream, (&mut data.clone()[..], protection, InOrder));
                    // They share one sequence.
                    let again = context.unwrap_in_place(&mut token(next)).expect("unwraps");
                    assert_eq!(again.sequence, Duplicate);
                    next += 3;
                }
            }
        }
    }
}

pub fn rule_24_sizes<M: Mount>() {
    // RFC 4121 4.2.4 and 4.2.6.2: the sealed token is header, confounder, data, header copy and
    // tag; the other one header, data and checksum.
    for (etype, tag) in [(17, 12), (18, 12), (19, 16), (20, 24)] {
        let (context, _) = pair::<M>(etype);
        let sizes = context.sizes();
        let sealed = context
            .wrap(Protection::Confidentiality, &[0; 100])
            .expect("wraps");
        assert_eq!(sealed.len(), 16 + 16 + 100 + 16 + tag);
        assert_eq!(sizes.security_trailer + 100, sealed.len());
        let signed = context
            .wrap(Protection::Integrity, &[0; 100])
            .expect("wraps");
        assert_eq!(signed.len(), 16 + 100 + tag);
        assert_eq!(
            sizes.integrity_header + 100 + sizes.integrity_trailer,
            signed.len()
        );
        assert_eq!(sizes.max_signature, context.mic(b"x").expect("signs").len());
        assert_eq!(
            sizes.max_data(Protection::Confidentiality, sealed.len()),
            100
        );
        assert_eq!(sizes.max_token, 65536);
    }
}

pub fn rule_25_session_key<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let of = |context: &Context| {
        let key = context.session_key().expect("a key");
        (key.etype.expect("of Kerberos").0, key.key.expose().to_vec())
    };
    let kit = |key: &kit::crypto::KitKey| (key.etype, key.bytes.clone());
    // The acceptor's subkey, here of another type than the client's (RFC 4537).
    let spec = bench.world.with_etype(17).ap_req();
    let mut spec = spec.clone();
    spec.authdata = vec![if_relevant(&[ad_etype_negotiation(&[18])])];
    let (context, client) = established(&config, &spec);
    assert_eq!(
        of(&context),
        kit(client.acceptor_subkey().expect("a subkey"))
    );
    assert_eq!(of(&context).0, 18);
    // Without one the client's, without that the ticket's.
    let mut spec = bench.one_way();
    let (context, _) = established(&config, &spec);
    assert_eq!(of(&context), kit(spec.subkey.as_ref().expect("a subkey")));
    spec.subkey = None;
    let (context, _) = established(&config, &spec);
    assert_eq!(of(&context), kit(&spec.ticket.session));
}

/// RFC 4402 2 with the counter of RFC 7802, over another implementation's prf.
fn prf(key: &kit::crypto::KitKey, input: &[u8], length: usize) -> Vec<u8> {
    let key = krb5::Key::new(key.etype, key.bytes.clone()).expect("a key");
    let mut out = Vec::new();
    for counter in 0_u32.. {
        if out.len() >= length {
            break;
        }
        let seed = [&counter.to_be_bytes()[..], input].concat();
        out.extend(key.prf(&seed).expect("a prf"));
    }
    out.truncate(length);
    out
}

pub fn rule_25_prf_is_rfc_4402s<M: Mount>() {
    for etype in AES_ETYPES {
        let (context, client) = pair::<M>(etype);
        let full = client.acceptor_subkey().expect("a subkey");
        let partial = client.subkey.as_ref().expect("a subkey");
        for (input, length) in [
            (&b""[..], 16),
            (b"label", 0),
            (b"label", 7),
            (&[7; 300], 200),
        ] {
            for (which, key) in [(PrfKey::Full, full), (PrfKey::Partial, partial)] {
                let got = context.prf(which, input, length).expect("a prf");
                assert_eq!(
                    got.expose(),
                    prf(key, input, length),
                    "etype {etype}, {which:?}"
                );
            }
        }
    }
    // Without a subkey of ours both are the client's, or the ticket's.
    let bench = Bench::new();
    let mut spec = bench.one_way();
    spec.subkey = None;
    let context = done(Acceptor::new(&bench.config::<M>()).step(&spec.token())).context;
    let [full, partial] =
        [PrfKey::Full, PrfKey::Partial].map(|key| context.prf(key, b"x", 40).expect("a prf"));
    assert_eq!(full, partial);
    assert_eq!(full.expose(), prf(&spec.ticket.session, b"x", 40));
    let error = context
        .prf(PrfKey::Full, b"x", 1 << 20)
        .expect_err("too much");
    assert!(error.misuse().is_some(), "{error}");
}
