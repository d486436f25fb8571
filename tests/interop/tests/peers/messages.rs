//! Messages both ways with every client: in order, replayed, reordered, truncated, bit-flipped,
//! of all sizes.

use gss_acceptor::{Context, Error, Protection, Rejection, SequenceState};
use interop::handshake::config;
use interop::krb5_crate::Krb5Peer;
use interop::libraries::GssPeer;
use interop::peer::Lacks;
use interop::process::judge_program;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Kdc, Peer, flags, heimdal, shake};
use kit::judge::{Judge, Outcome};

/// Every client, mutual, raw and SPNEGO.
fn everybody() -> Vec<(Context, Box<dyn Peer>)> {
    let kdc = Kdc::shared();
    let mut all = Vec::new();
    for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
        let peers: [Box<dyn Peer>; 4] = [
            Box::new(GssPeer::mit(kdc, &kdc.alice(), ask.clone())),
            Box::new(GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask.clone())),
            Box::new(Krb5Peer::new(kdc, "alice", "alice-pw", &ask)),
            Box::new(SspiPeer::new(kdc, "alice", "alice-pw", ask.clone())),
        ];
        for mut peer in peers {
            let context = shake(&config(kdc, "HTTP"), &mut *peer).context;
            all.push((context, peer));
        }
    }
    // Without mutual authentication the base key is the client's subkey and there is no reply.
    // Heimdal: see without_mutual_authentication_we_number_as_mit_does.
    for ask in [Ask::http(), Ask::http().spnego()] {
        let peers: [Box<dyn Peer>; 2] = [
            Box::new(GssPeer::mit(kdc, &kdc.alice(), ask.clone())),
            Box::new(Krb5Peer::new(kdc, "alice", "alice-pw", &ask)),
        ];
        for mut peer in peers {
            let context = shake(&config(kdc, "HTTP"), &mut *peer).context;
            all.push((context, peer));
        }
    }
    all
}

const BOTH: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];

fn seals(protection: Protection) -> bool {
    protection == Protection::Confidentiality
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn messages_of_all_sizes_go_both_ways() {
    for (context, mut peer) in everybody() {
        let who = peer.name();
        for length in [1, 15, 16, 17, 1000, 4096, 65_535, 65_536, 1 << 20] {
            let data = pattern(length);
            for protection in BOTH {
                let seal = seals(protection);
                let token = context.wrap(protection, &data).expect("wrap");
                let received = peer
                    .unwrap(&token)
                    .unwrap_or_else(|e| panic!("{who} {length}: {e}"));
                assert!(received.data == data, "{who} {length}");
                assert_eq!(received.sealed, seal, "{who} {length}");
                assert!(matches!(
                    received.sequence,
                    None | Some(SequenceState::InOrder)
                ));
                if !seal && peer.lacks().contains(&Lacks::UnsealedWrap) {
                    continue;
                }
                let token = peer.wrap(&data, seal).expect("wrap");
                let received = context
                    .unwrap(&token)
                    .unwrap_or_else(|e| panic!("{who} {length}: {e}"));
                assert!(received.data == data, "{who} {length}");
                assert_eq!(received.protection, protection, "{who} {length}");
                assert_eq!(received.sequence, SequenceState::InOrder, "{who} {length}");
            }
        }
    }
}

#[test]
fn an_empty_message_is_a_message() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        for protection in BOTH {
            let token = context.wrap(protection, b"").unwrap();
            assert_eq!(peer.unwrap(&token).unwrap().data, b"");
            let token = peer.wrap(b"", seals(protection)).unwrap();
            assert_eq!(context.unwrap(&token).unwrap().data, b"");
        }
    }
}

#[test]
fn mics_go_both_ways() {
    for (context, mut peer) in everybody() {
        let who = peer.name();
        if peer.lacks().contains(&Lacks::Mic) {
            // Stated by the adapter, and true: so that a version that can is noticed.
            assert!(
                peer.mic(b"x").is_err(),
                "{who} can make MICs now: test them"
            );
            continue;
        }
        for length in [0, 1, 1000, 100_000] {
            let data = pattern(length);
            let mic = context.mic(&data).expect("mic");
            let state = peer
                .verify(&data, &mic)
                .unwrap_or_else(|e| panic!("{who}: {e}"));
            assert!(
                matches!(state, None | Some(SequenceState::InOrder)),
                "{who}: {state:?}"
            );
            let mic = peer.mic(&data).expect("mic");
            let state = context
                .verify(&data, &mic)
                .unwrap_or_else(|e| panic!("{who}: {e}"));
            assert_eq!(state, SequenceState::InOrder, "{who}");
        }
        let mic = peer.mic(b"one thing").unwrap();
        let error = context.verify(b"another", &mic).unwrap_err();
        assert!(is_altered(&error), "{who}: {error}");
        let mic = context.mic(b"one thing").unwrap();
        assert!(peer.verify(b"another", &mic).is_err(), "{who}");
    }
}

/// In place, in parts of the buffer that `sizes` names: the same tokens.
#[test]
fn messages_in_place_are_the_same_messages() {
    for (context, mut peer) in everybody() {
        let who = peer.name();
        let sizes = context.sizes();
        for (protection, header, trailer) in [
            (
                Protection::Integrity,
                sizes.integrity_header,
                sizes.integrity_trailer,
            ),
            (
                Protection::Confidentiality,
                sizes.sealed_header,
                sizes.sealed_trailer,
            ),
        ] {
            let data = pattern(10_000);
            let mut buffer = vec![0; header + data.len() + trailer];
            let place = header..header + data.len();
            buffer[place.clone()].copy_from_slice(&data);
            let token = context
                .wrap_in_place(protection, &mut buffer, place)
                .expect("room");
            let received = peer
                .unwrap(&buffer[token])
                .unwrap_or_else(|e| panic!("{who}: {e}"));
            assert!(
                received.data == data && received.sealed == seals(protection),
                "{who}"
            );
            if !received.sealed && peer.lacks().contains(&Lacks::UnsealedWrap) {
                continue;
            }
            let mut token = peer.wrap(&data, seals(protection)).expect("wrap");
            let (message, found, state) = context.unwrap_stream(&mut token).expect("unwrap");
            assert!(message == data, "{who}");
            assert_eq!(
                (found, state),
                (protection, SequenceState::InOrder),
                "{who}"
            );
        }
    }
}

/// Rule 23: duplicate, gap, out of order; the data is given all the same.
#[test]
fn replayed_and_reordered_messages_are_told_apart() {
    use SequenceState as S;
    for (context, mut peer) in everybody() {
        let who = peer.name();
        let tokens: Vec<_> = (0..5_u8).map(|n| peer.wrap(&[n], true).unwrap()).collect();
        for (n, expected) in [
            (0, S::InOrder),
            (0, S::Duplicate),
            (1, S::InOrder),
            (3, S::Gap),
            (2, S::Unsequenced),
            (2, S::Duplicate),
            (4, S::InOrder),
        ] {
            let message = context.unwrap(&tokens[n]).unwrap();
            assert_eq!(message.data, [n as u8], "{who}");
            assert_eq!(message.sequence, expected, "{who}, message {n}");
        }
    }
}

/// The window is of 64 messages (rule 23). What lies before it is out of sequence where order was
/// asked for, else old: as MIT has it.
#[test]
fn what_lies_before_the_window_is_late() {
    use SequenceState as S;
    let kdc = Kdc::shared();
    let base = flags::MUTUAL | flags::CONF | flags::INTEG | flags::REPLAY;
    for (asked, expected) in [(base, S::Old), (base | flags::SEQUENCE, S::Unsequenced)] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().flags(asked));
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        let tokens: Vec<_> = (0..66_u8).map(|n| peer.wrap(&[n], true).unwrap()).collect();
        for (n, token) in tokens.iter().enumerate().skip(1) {
            assert_eq!(context.unwrap(token).unwrap().data, [n as u8]);
        }
        assert_eq!(context.unwrap(&tokens[0]).unwrap().sequence, expected);
        assert_eq!(context.unwrap(&tokens[64]).unwrap().sequence, S::Duplicate);
    }
}

/// What MIT and Heimdal say to our messages, replayed and reordered.
#[test]
fn the_libraries_see_our_sequence() {
    use SequenceState as S;
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
        let peers = [
            GssPeer::mit(kdc, &kdc.alice(), ask.clone()),
            GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask.clone()),
        ];
        for mut peer in peers {
            let context = shake(&config(kdc, "HTTP"), &mut peer).context;
            let sealed = Protection::Confidentiality;
            let tokens: Vec<_> = (0..4_u8)
                .map(|n| context.wrap(sealed, &[n]).unwrap())
                .collect();
            assert_eq!(peer.unwrap(&tokens[0]).unwrap().sequence, Some(S::InOrder));
            match peer.name().as_str() {
                "Mit" => {
                    let seen = |peer: &mut GssPeer, n: usize| peer.unwrap(&tokens[n]).unwrap();
                    assert_eq!(seen(&mut peer, 0).sequence, Some(S::Duplicate));
                    assert_eq!(seen(&mut peer, 2).sequence, Some(S::Gap));
                    assert_eq!(seen(&mut peer, 1).sequence, Some(S::Unsequenced));
                    assert_eq!(seen(&mut peer, 3).sequence, Some(S::InOrder));
                }
                // Heimdal checks the order before it opens the message, and gives none.
                _ => {
                    assert!(peer.unwrap(&tokens[1]).is_ok());
                }
            }
        }
    }
}

/// Rule 19: without an AP-REP our numbers begin at the client's own, as MIT's acceptor's and
/// Windows' do. Heimdal's initiator expects 0 then, and finds a gap in MIT's messages as in ours.
#[test]
fn without_mutual_authentication_we_number_as_mit_does() {
    let kdc = Kdc::shared();
    judge_program();
    let mut judge = Judge::mit().expect("a judge");
    for mit in [true, false] {
        let peer = || match mit {
            true => GssPeer::mit(kdc, &kdc.alice(), Ask::http()),
            false => GssPeer::heimdal(kdc, &heimdal::alice(kdc), Ask::http()),
        };
        let mut ours = peer();
        let context = shake(&config(kdc, "HTTP"), &mut ours).context;
        let token = context.wrap(Protection::Confidentiality, b"x").unwrap();
        let with_us = ours.unwrap(&token).unwrap().sequence;
        let mut theirs = peer();
        let token = theirs.init(None).unwrap().token.unwrap();
        let verdict = judge
            .accept(&kdc.keytab("HTTP"), &token, None, None)
            .unwrap();
        assert_eq!(verdict.outcome(), Outcome::Accept, "{verdict:?}");
        let token = judge.wrap(verdict.handle, b"x", true).unwrap().output_token;
        let with_mit = theirs.unwrap(&token.unwrap()).unwrap().sequence;
        assert_eq!(with_us, with_mit, "MIT's client: {mit}");
        let expected = if mit {
            SequenceState::InOrder
        } else {
            SequenceState::Gap
        };
        assert_eq!(with_us, Some(expected));
    }
}

/// A client that asked for no sequence detection gets none, but replays are still told.
#[test]
fn sequence_detection_follows_the_flags() {
    use SequenceState as S;
    let kdc = Kdc::shared();
    let base = flags::MUTUAL | flags::CONF | flags::INTEG;
    for (asked, expected) in [
        (base, [S::InOrder, S::InOrder, S::InOrder]),
        (base | flags::REPLAY, [S::InOrder, S::InOrder, S::Duplicate]),
        (
            base | flags::SEQUENCE,
            [S::Gap, S::Unsequenced, S::Unsequenced],
        ),
        (
            base | flags::REPLAY | flags::SEQUENCE,
            [S::Gap, S::Unsequenced, S::Duplicate],
        ),
    ] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().flags(asked));
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        let tokens: Vec<_> = (0..3_u8).map(|n| peer.wrap(&[n], true).unwrap()).collect();
        for (n, expected) in [2, 0, 0].into_iter().zip(expected) {
            let state = context.unwrap(&tokens[n]).unwrap().sequence;
            assert_eq!(state, expected, "flags {asked:#x}, message {n}");
        }
    }
}

fn is_altered(error: &Error) -> bool {
    matches!(error, Error::Malformed { .. })
        || matches!(error.rejection(), Some(Rejection::MessageAltered { .. }))
}

/// Every bit of a token of MIT's, sealed, not sealed, and MIC; and every length below its own.
/// None of them may pass, move the sequence, or be told as anything but altered or malformed.
#[test]
fn every_flipped_bit_and_every_missing_byte_is_seen() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        for protection in BOTH {
            let token = peer
                .wrap(b"every bit of this counts", seals(protection))
                .unwrap();
            for bit in 0..token.len() * 8 {
                let mut flipped = token.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                match context.unwrap(&flipped) {
                    Err(error) => assert!(is_altered(&error), "bit {bit}: {error}"),
                    // RRC is not protected (RFC 4121 4.2.5): a rotation that is a multiple of
                    // the length away gives the same message. A flip of one bit is no multiple.
                    Ok(message) => panic!("{protection:?}, bit {bit} passes: {message:?}"),
                }
            }
            for length in 0..token.len() {
                let error = context.unwrap(&token[..length]).unwrap_err();
                assert!(is_altered(&error), "length {length}: {error}");
            }
            let longer = [&token[..], &[0]].concat();
            assert!(is_altered(&context.unwrap(&longer).unwrap_err()));
            let message = context.unwrap(&token).unwrap();
            assert_eq!(message.sequence, SequenceState::InOrder);
        }
        let mic = peer.mic(b"message").unwrap();
        for bit in 0..mic.len() * 8 {
            let mut flipped = mic.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = context.verify(b"message", &flipped).unwrap_err();
            assert!(is_altered(&error), "bit {bit}: {error}");
        }
        for length in 0..mic.len() {
            assert!(is_altered(
                &context.verify(b"message", &mic[..length]).unwrap_err()
            ));
        }
        let state = context.verify(b"message", &mic).unwrap();
        assert_eq!(state, SequenceState::InOrder);
    }
}

/// The same the other way: no flipped bit of ours passes MIT's client, and none moves its sequence.
#[test]
fn mits_client_sees_every_flipped_bit_of_ours() {
    let kdc = Kdc::shared();
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    let context = shake(&config(kdc, "HTTP"), &mut peer).context;
    for protection in BOTH {
        // A length that no rotation of one flipped bit of RRC, which is not protected (RFC 4121
        // 4.2.5), is a multiple of.
        let token = context
            .wrap(protection, b"every bit of this counts")
            .unwrap();
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(message) = peer.unwrap(&flipped) {
                panic!("{protection:?}, bit {bit}: {message:?}");
            }
        }
        let received = peer.unwrap(&token).unwrap();
        assert_eq!(received.sequence, Some(SequenceState::InOrder));
    }
    let mic = context.mic(b"message").unwrap();
    for bit in 0..mic.len() * 8 {
        let mut flipped = mic.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        peer.verify(b"message", &flipped).unwrap_err();
    }
    peer.verify(b"message", &mic).unwrap();
}

/// Our own message, sent back to us, is none of the client's.
#[test]
fn a_reflected_message_is_refused() {
    for (context, peer) in everybody() {
        for protection in BOTH {
            let token = context.wrap(protection, b"ours").unwrap();
            let error = context.unwrap(&token).unwrap_err();
            assert!(is_altered(&error), "{}: {error}", peer.name());
        }
        let mic = context.mic(b"ours").unwrap();
        assert!(is_altered(&context.verify(b"ours", &mic).unwrap_err()));
    }
}

/// A message of one context is none of another's.
#[test]
fn a_message_of_another_context_is_refused() {
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    let mut one = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    let mut other = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    shake(&config, &mut one);
    let context = shake(&config, &mut other).context;
    let token = one.wrap(b"for somebody else", true).unwrap();
    let error = context.unwrap(&token).unwrap_err();
    assert!(is_altered(&error), "{error}");
}
