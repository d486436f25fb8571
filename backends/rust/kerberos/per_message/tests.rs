//! The layouts of RFC 4121, built by hand; both ends against each other; and
//! everything that a changed, cut or misplaced token must not get past.

mod parts;
mod parts_captures;

use super::frame;
use super::window::SequenceWindow;
use super::{
    Agreed, Detection, KeyOrigin, Layout, MessageError, PerMessage, Protection, Role, SequenceState,
};
use crate::backends::rust::kerberos::crypto::Key;
use crate::etype::EncryptionType;
pub(super) use crate::hex::hex;
use SequenceState::{Duplicate, Gap, InOrder, Old, Unsequenced};

const ETYPES: [i32; 4] = [17, 18, 19, 20];
const ROLES: [Role; 2] = [Role::Initiator, Role::Acceptor];
const SEALS: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];
const BOTH: Detection = Detection {
    replay: true,
    sequence: true,
};
/// A length for which no flipped bit of RRC is a rotation by nothing.
const TEXT: &[u8] = b"attack at dawn";

fn key(etype: i32) -> Key {
    Key::generate(EncryptionType(etype), &mut |out| out.fill(0x42)).unwrap()
}

/// The same agreement for both ends, seen from one.
pub(super) fn agreed(etype: i32, role: Role) -> Agreed {
    let (first_sent, first_received) = match role {
        Role::Initiator => (0x1111, 0x2222),
        Role::Acceptor => (0x2222, 0x1111),
    };
    Agreed {
        role,
        key: key(etype),
        origin: KeyOrigin::AcceptorSubkey,
        first_sent,
        first_received,
        detection: BOTH,
        layout: Layout::Plain,
        random: |out| out.fill(0x5a),
    }
}

fn end(etype: i32, role: Role) -> PerMessage {
    PerMessage::new(agreed(etype, role))
}

/// Sender and receiver.
fn pair(etype: i32, sender: Role) -> (PerMessage, PerMessage) {
    (end(etype, sender), end(etype, sender.peer()))
}

/// A sealed token as RFC 4121 4.2.4 describes it, from parts.
fn sealed_by_hand(etype: i32, usage: u32, header: &str, data: &[u8], copy: &str) -> Vec<u8> {
    let plaintext = [data, &hex(copy)].concat();
    let usage_key = key(etype).usage_key(usage);
    let ciphertext = usage_key.encrypt(&plaintext, &mut |out| out.fill(0x5a));
    [hex(header), ciphertext].concat()
}

/// A token that carries its checksum at the end (RFC 4121 4.2.4, 4.2.6.1).
fn signed_by_hand(usage: u32, header: &str, carried: &[u8], covered: &[&[u8]]) -> Vec<u8> {
    let checksum_key = key(18).checksum_key(usage);
    let mut checksum = vec![0; checksum_key.len()];
    checksum_key.sign(covered, &mut checksum).unwrap();
    [&hex(header), carried, &checksum].concat()
}

/// RFC 4121 4.2.6.2 and 4.2.4; usages 22 and 24 of section 2.
#[test]
fn sealed_tokens_have_the_layout_of_the_rfc() {
    let rows = [
        (Role::Initiator, 24, "0504 06 ff 0000 0000 0000000000001111"),
        (Role::Acceptor, 22, "0504 07 ff 0000 0000 0000000000002222"),
    ];
    for etype in ETYPES {
        for (sender, usage, header) in rows {
            let (sender, receiver) = pair(etype, sender);
            let token = sender.wrap(Protection::Confidentiality, TEXT);
            assert_eq!(token, sealed_by_hand(etype, usage, header, TEXT, header));
            assert_eq!(receiver.unwrap(&token).unwrap().data, TEXT);
        }
    }
}

/// RFC 4121 4.2.4: EC is the checksum's length, but zero where it is covered;
/// the usage is that of sealing.
#[test]
fn signed_tokens_have_the_layout_of_the_rfc() {
    let rows = [
        (
            Role::Initiator,
            24,
            "0504 04 ff 000c 0000 0000000000001111",
            "0504 04 ff 0000 0000 0000000000001111",
        ),
        (
            Role::Acceptor,
            22,
            "0504 05 ff 000c 0000 0000000000002222",
            "0504 05 ff 0000 0000 0000000000002222",
        ),
    ];
    for (sender, usage, header, covered) in rows {
        let token = end(18, sender).wrap(Protection::Integrity, TEXT);
        assert_eq!(
            token,
            signed_by_hand(usage, header, TEXT, &[TEXT, &hex(covered)])
        );
    }
}

/// RFC 4121 4.2.6.1; usages 23 and 25 of section 2.
#[test]
fn mic_tokens_have_the_layout_of_the_rfc() {
    let rows = [
        (Role::Initiator, 25, "0404 04 ffffffffff 0000000000001111"),
        (Role::Acceptor, 23, "0404 05 ffffffffff 0000000000002222"),
    ];
    for (sender, usage, header) in rows {
        let token = end(18, sender).mic(TEXT);
        assert_eq!(
            token,
            signed_by_hand(usage, header, &[], &[TEXT, &hex(header)])
        );
    }
}

#[test]
fn both_ends_understand_each_other() {
    for etype in ETYPES {
        for role in ROLES {
            let (sender, receiver) = pair(etype, role);
            for len in [0, 1, 15, 16, 17, 1000, 70_000] {
                let text: Vec<u8> = (0..=255).cycle().take(len).collect();
                for seal in SEALS {
                    let message = receiver.unwrap(&sender.wrap(seal, &text)).unwrap();
                    assert_eq!(message.data, text);
                    assert_eq!(message.protection, seal);
                    assert_eq!(message.sequence, InOrder);
                }
                assert_eq!(receiver.verify(&text, &sender.mic(&text)), Ok(InOrder));
            }
        }
    }
}

#[test]
fn in_place_is_the_same_as_into_a_vector() {
    for etype in ETYPES {
        for seal in SEALS {
            let (in_place, in_vector) = (end(etype, Role::Initiator), end(etype, Role::Initiator));
            let receiver = end(etype, Role::Acceptor);
            let sizes = in_place.sizes(seal);
            for len in [0, 1, 16, 300] {
                // Three bytes of something else on each side stay untouched.
                let start = 3 + sizes.header;
                let mut buf = vec![0xee; start + len + sizes.trailer + 3];
                buf[start..start + len].fill(7);
                let token = in_place
                    .wrap_in_place(seal, &mut buf, start..start + len)
                    .unwrap();
                assert_eq!(token, 3..buf.len() - 3);
                assert_eq!(buf[token.clone()], in_vector.wrap(seal, &vec![7; len]));
                let outside = [&buf[..3], &buf[token.end..]].concat();
                assert_eq!(outside, [0xee; 6]);

                let message = receiver.unwrap_in_place(&mut buf[token.clone()]).unwrap();
                assert_eq!(message.protection, seal);
                assert_eq!(message.sequence, InOrder);
                assert_eq!(message.data.len(), len);
                assert!(buf[token][message.data].iter().all(|&byte| byte == 7));
            }
        }
    }
}

#[test]
fn without_room_nothing_is_done() {
    for seal in SEALS {
        let sender = end(20, Role::Acceptor);
        let (header, trailer) = (sender.sizes(seal).header, sender.sizes(seal).trailer);
        let refused = Err(MessageError::NoRoom { header, trailer });
        let mut buf = vec![0; header + 10 + trailer];
        let data = header..header + 10;
        for bad in [
            data.start - 1..data.end,
            data.start..data.end + 1,
            data.start..usize::MAX,
            usize::MAX..usize::MAX,
            // The end before the start.
            header + 5..header,
        ] {
            assert_eq!(sender.wrap_in_place(seal, &mut buf, bad), refused);
        }
        assert!(buf.iter().all(|&byte| byte == 0));
        // No number was spent either.
        sender.wrap_in_place(seal, &mut buf, data).unwrap();
        assert_eq!(buf[8..16], 0x2222_u64.to_be_bytes());
    }
}

#[test]
fn every_changed_bit_is_refused() {
    for etype in ETYPES {
        for role in ROLES {
            let (sender, receiver) = pair(etype, role);
            let tokens = SEALS.map(|seal| sender.wrap(seal, TEXT));
            let mic = sender.mic(TEXT);
            for token in &tokens {
                for bit in 0..token.len() * 8 {
                    let mut bad = token.clone();
                    bad[bit / 8] ^= 1 << (bit % 8);
                    assert!(receiver.unwrap(&bad).is_err(), "etype {etype}, bit {bit}");
                    assert!(receiver.unwrap_in_place(&mut bad).is_err());
                }
            }
            for bit in 0..mic.len() * 8 {
                let mut bad = mic.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    receiver.verify(TEXT, &bad).is_err(),
                    "etype {etype}, bit {bit}"
                );
            }
            assert_eq!(
                receiver.verify(b"attack at dusk", &mic),
                Err(MessageError::Integrity)
            );
            // None of that moved the window.
            for token in &tokens {
                assert_eq!(receiver.unwrap(token).unwrap().sequence, InOrder);
            }
            assert_eq!(receiver.verify(TEXT, &mic), Ok(InOrder));
        }
    }
}

#[test]
fn every_cut_and_every_longer_token_is_refused() {
    for etype in ETYPES {
        let (sender, receiver) = pair(etype, Role::Initiator);
        for seal in SEALS {
            let token = sender.wrap(seal, TEXT);
            for len in 0..token.len() {
                assert!(receiver.unwrap(&token[..len]).is_err());
                assert!(
                    receiver
                        .unwrap_in_place(&mut token[..len].to_vec())
                        .is_err()
                );
            }
            assert!(receiver.unwrap(&[&token[..], &[0]].concat()).is_err());
        }
        let mic = sender.mic(TEXT);
        for len in 0..mic.len() {
            assert!(receiver.verify(TEXT, &mic[..len]).is_err());
        }
        assert!(receiver.verify(TEXT, &[&mic[..], &[0]].concat()).is_err());
    }
}

/// RFC 4121 4.2.5: the sender may have rotated by any number.
#[test]
fn any_rotation_is_undone() {
    for etype in ETYPES {
        for seal in SEALS {
            let (sender, receiver) = pair(etype, Role::Initiator);
            let token = sender.wrap(seal, TEXT);
            let body = token.len() - 16;
            for rotation in (0..=2 * body).chain([0xff, 0x7fff, 0xffff]) {
                let mut rotated = token.clone();
                let rrc = u16::try_from(rotation).unwrap();
                rotated[6..8].copy_from_slice(&rrc.to_be_bytes());
                rotated[16..].rotate_right(rotation % body);
                assert_eq!(
                    receiver.unwrap(&rotated).unwrap().data,
                    TEXT,
                    "by {rotation}"
                );
                let message = receiver.unwrap_in_place(&mut rotated).unwrap();
                assert_eq!(rotated[message.data], *TEXT);
            }
        }
    }
}

/// RFC 4121 4.2.4: a sealed message may have EC bytes of filler behind it.
#[test]
fn filler_behind_a_sealed_message_is_taken_off() {
    let header = "0504 06 ff 0005 0000 0000000000001111";
    let unwrap = |header: &str, data: &[u8], copy: &str| {
        end(18, Role::Acceptor).unwrap(&sealed_by_hand(18, 24, header, data, copy))
    };
    assert_eq!(unwrap(header, b"datafifth", header).unwrap().data, b"data");
    assert_eq!(unwrap(header, b"fifth", header).unwrap().data, b"");
    assert_eq!(
        unwrap(header, b"four", header),
        Err(MessageError::ExtraCount { found: 5 }),
        "more filler than there is data"
    );
}

/// Rule 23: EC in the clear is that of the encrypted copy, and the rest of the
/// copy is the header too; only RRC may differ.
#[test]
fn the_encrypted_header_must_be_the_clear_one() {
    let header = "0504 06 ff 0000 0000 0000000000001111";
    let unwrap = |copy: &str| {
        end(18, Role::Acceptor)
            .unwrap(&sealed_by_hand(18, 24, header, TEXT, copy))
            .map(|message| message.data)
    };
    assert_eq!(unwrap(header).unwrap(), TEXT);
    assert_eq!(
        unwrap("0504 06 ff 0000 001c 0000000000001111").unwrap(),
        TEXT
    );
    for (copy, error) in [
        (
            "0504 06 ff 0001 0000 0000000000001111",
            MessageError::ExtraCount { found: 0 },
        ),
        (
            "0504 06 ff 0000 0000 0000000000001112",
            MessageError::HeaderCopy,
        ),
        (
            "0504 07 ff 0000 0000 0000000000001111",
            MessageError::HeaderCopy,
        ),
        (
            "0504 02 ff 0000 0000 0000000000001111",
            MessageError::HeaderCopy,
        ),
        (
            "0404 06 ff 0000 0000 0000000000001111",
            MessageError::HeaderCopy,
        ),
        (
            "0504 06 fe 0000 0000 0000000000001111",
            MessageError::HeaderCopy,
        ),
    ] {
        assert_eq!(unwrap(copy), Err(error), "{copy}");
    }
    // Sealed, but with less inside than a header.
    let short = sealed_by_hand(18, 24, header, b"", "0504 06 ff 0000 0000 00000000001111");
    assert_eq!(
        end(18, Role::Acceptor).unwrap(&short),
        Err(MessageError::HeaderCopy)
    );
}

/// RFC 4121 4.2.2: what is reserved is ignored, but protected.
#[test]
fn reserved_flags_are_ignored() {
    let receiver = end(18, Role::Acceptor);
    let header = "0504 f6 ff 0000 0000 0000000000001111";
    let token = sealed_by_hand(18, 24, header, TEXT, header);
    assert_eq!(receiver.unwrap(&token).unwrap().data, TEXT);
    let header = "0504 f4 ff 000c 0000 0000000000001112";
    let covered = hex("0504 f4 ff 0000 0000 0000000000001112");
    let token = signed_by_hand(24, header, TEXT, &[TEXT, &covered]);
    assert_eq!(receiver.unwrap(&token).unwrap().data, TEXT);
}

#[test]
fn a_header_that_does_not_fit_says_why() {
    let receiver = end(18, Role::Acceptor);
    let body = [0; 64];
    let unwrap = |header: &str| receiver.unwrap(&[&hex(header)[..], &body].concat()).err();
    let verify = |header: &str| {
        receiver
            .verify(TEXT, &[&hex(header)[..], &body].concat())
            .err()
    };
    let id = |expected, found| Some(MessageError::TokenId { expected, found });

    let mic = "0404 04 ffffffffff 0000000000001111";
    let wrap = "0504 06 ff 0000 0000 0000000000001111";
    assert_eq!(unwrap(mic), id([5, 4], [4, 4]));
    assert_eq!(verify(wrap), id([4, 4], [5, 4]));
    // RFC 1964's token ids.
    assert_eq!(
        unwrap("0201 06 ff 0000 0000 0000000000001111"),
        id([5, 4], [2, 1])
    );

    let header = "0504 06 00 0000 0000 0000000000001111";
    assert_eq!(unwrap(header), Some(MessageError::Filler));
    for header in [
        "0404 04 feffffffff 0000000000001111",
        "0404 04 fffeffffff 0000000000001111",
        "0404 04 fffffffffe 0000000000001111",
    ] {
        assert_eq!(verify(header), Some(MessageError::Filler));
    }
    let header = "0404 06 ffffffffff 0000000000001111";
    assert_eq!(verify(header), Some(MessageError::SealedMic));

    let header = "0504 07 ff 0000 0000 0000000000001111";
    assert_eq!(unwrap(header), Some(MessageError::Direction));
    let header = "0404 05 ffffffffff 0000000000001111";
    assert_eq!(verify(header), Some(MessageError::Direction));
    let header = "0504 02 ff 0000 0000 0000000000001111";
    assert_eq!(unwrap(header), Some(MessageError::AcceptorSubkey));
    let header = "0404 00 ffffffffff 0000000000001111";
    assert_eq!(verify(header), Some(MessageError::AcceptorSubkey));

    // EC of a message in the clear is the checksum's length and nothing else.
    for ec in [0, 11, 13, 0xffff] {
        let header = format!("0504 04 ff {ec:04x} 0000 0000000000001111");
        assert_eq!(
            unwrap(&header),
            Some(MessageError::ExtraCount { found: ec })
        );
    }
    assert_eq!(
        receiver.unwrap(&[]).err(),
        Some(MessageError::TooShort {
            needed: 16,
            found: 0
        })
    );
}

/// Rule 23: the flag must match what was agreed on, whichever that is.
#[test]
fn the_subkey_flag_is_that_of_the_agreed_key() {
    let other = |role| {
        PerMessage::new(Agreed {
            origin: KeyOrigin::Other,
            ..agreed(18, role)
        })
    };
    let (plain, subkey) = (other(Role::Acceptor), end(18, Role::Acceptor));
    for seal in SEALS {
        let token = other(Role::Initiator).wrap(seal, TEXT);
        assert_eq!(token[2] & 4, 0);
        assert!(plain.unwrap(&token).is_ok());
        assert_eq!(subkey.unwrap(&token), Err(MessageError::AcceptorSubkey));
        let token = end(18, Role::Initiator).wrap(seal, TEXT);
        assert_eq!(plain.unwrap(&token), Err(MessageError::AcceptorSubkey));
    }
}

#[test]
fn a_token_sent_back_is_refused() {
    for role in ROLES {
        let end = end(18, role);
        for seal in SEALS {
            assert_eq!(
                end.unwrap(&end.wrap(seal, TEXT)),
                Err(MessageError::Direction)
            );
        }
        assert_eq!(
            end.verify(TEXT, &end.mic(TEXT)),
            Err(MessageError::Direction)
        );
    }
}

const KRB5: &str = "0609 2a864886f712010202";

/// RFC 2743 3.1 around a token, with a length of `extra` more than it is.
fn framed(mechanism: &str, token: &[u8], extra: usize) -> Vec<u8> {
    let inner = [&hex(mechanism)[..], token].concat();
    let length = inner.len() + extra;
    let mut frame = vec![0x60];
    match u8::try_from(length) {
        Ok(short @ ..0x80) => frame.push(short),
        Ok(long) => frame.extend([0x81, long]),
        Err(_) => {
            frame.push(0x82);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    [frame, inner].concat()
}

#[test]
fn a_framed_token_is_understood_if_the_frame_is_exact() {
    for (mechanism, len) in [
        (KRB5, 10),
        (KRB5, 100),
        (KRB5, 1000),
        ("0609 2a864882f712010202", 10),
        ("0605 2b05010502", 10),
    ] {
        for seal in SEALS {
            let (sender, receiver) = pair(18, Role::Initiator);
            let text = vec![9; len];
            let mut frame = framed(mechanism, &sender.wrap(seal, &text), 0);
            assert_eq!(receiver.unwrap(&frame).unwrap().data, text);
            let message = receiver.unwrap_in_place(&mut frame).unwrap();
            assert_eq!(frame[message.data], text);
            assert_eq!(message.sequence, Duplicate);
            let mic = framed(mechanism, &sender.mic(&text), 0);
            assert_eq!(receiver.verify(&text, &mic), Ok(InOrder));
        }
    }
}

#[test]
fn an_inexact_frame_is_refused() {
    let token = end(18, Role::Initiator).wrap(Protection::Confidentiality, TEXT);
    let receiver = end(18, Role::Acceptor);
    let good = framed(KRB5, &token, 0);
    let spnego = framed("0606 2b0601050502", &token, 0);
    let longer = framed(KRB5, &token, 1);
    let trailing = [&good[..], &[0]].concat();
    for bad in [&spnego, &longer, &trailing] {
        assert_eq!(receiver.unwrap(bad), Err(MessageError::Frame));
    }
    for len in 1..good.len() {
        assert_eq!(receiver.unwrap(&good[..len]), Err(MessageError::Frame));
    }
    for bad in [
        "60",
        "6080",
        "6085 0000000001 00",
        "60ff",
        "6084 ffffffff",
        "6084 000000",
    ] {
        assert_eq!(
            frame::parse(&hex(bad), 0),
            Err(MessageError::Frame),
            "{bad}"
        );
    }
    // A frame in a frame is not a token.
    let twice = framed(KRB5, &good, 0);
    assert!(matches!(
        receiver.unwrap(&twice),
        Err(MessageError::TokenId { .. })
    ));
}

#[test]
fn sizes_are_those_of_the_tokens() {
    for (etype, mac) in [(17, 12), (18, 12), (19, 16), (20, 24)] {
        let end = end(etype, Role::Acceptor);
        for seal in SEALS {
            let sizes = end.sizes(seal);
            let token = end.wrap(seal, TEXT);
            assert_eq!(token.len(), sizes.header + TEXT.len() + sizes.trailer);
            assert_eq!(sizes.max_signature, 16 + mac);
            assert_eq!(sizes.max_signature, end.mic(TEXT).len());
            assert_eq!(sizes.security_trailer, 48 + mac);
            assert_eq!(sizes.block_size, 1);

            let overhead = sizes.header + sizes.trailer;
            for limit in [0, overhead - 1, overhead, overhead + 1, 1500, usize::MAX] {
                let most = end.max_message_size(seal, limit);
                assert_eq!(most, limit.saturating_sub(overhead));
                if (overhead..2000).contains(&limit) {
                    assert_eq!(end.wrap(seal, &vec![0; most]).len(), limit);
                }
            }
        }
    }
}

/// What is received, and what is to be said of it with replay and sequence
/// detection, replay alone, sequence alone. From RFC 2743 1.2.3; where that
/// leaves a choice (a number before the window, a repetition without replay
/// detection), the answer is MIT krb5's.
const ARRIVALS: [(u64, [SequenceState; 3]); 15] = [
    (100, [InOrder, InOrder, InOrder]),
    (101, [InOrder, InOrder, InOrder]),
    (101, [Duplicate, Duplicate, Unsequenced]),
    (105, [Gap, InOrder, Gap]),
    (103, [Unsequenced, InOrder, Unsequenced]),
    (103, [Duplicate, Duplicate, Unsequenced]),
    (105, [Duplicate, Duplicate, Unsequenced]),
    (106, [InOrder, InOrder, InOrder]),
    (200, [Gap, InOrder, Gap]),
    // 64 back: the last that is in the window. 65 back: no more.
    (137, [Unsequenced, InOrder, Unsequenced]),
    (137, [Duplicate, Duplicate, Unsequenced]),
    (136, [Unsequenced, Old, Unsequenced]),
    (100, [Unsequenced, Old, Unsequenced]),
    (200, [Duplicate, Duplicate, Unsequenced]),
    (201, [InOrder, InOrder, InOrder]),
];

#[test]
fn the_window_tells_the_five_states_apart() {
    let modes = [(true, true), (true, false), (false, true)];
    for (mode, (replay, sequence)) in modes.into_iter().enumerate() {
        let mut window = SequenceWindow::new(Detection { replay, sequence }, 100);
        for (step, (number, expected)) in ARRIVALS.into_iter().enumerate() {
            assert_eq!(
                window.check(number),
                expected[mode],
                "mode {mode}, step {step}"
            );
        }
    }
    let mut window = SequenceWindow::new(
        Detection {
            replay: false,
            sequence: false,
        },
        100,
    );
    for (number, _) in ARRIVALS {
        assert_eq!(window.check(number), InOrder);
    }
}

#[test]
fn a_jump_of_the_whole_window_forgets_and_keeps_what_it_should() {
    for (jump, first, second) in [
        // The first number is still 64 back.
        (63, Duplicate, Unsequenced),
        // It is 65 back, and the second one exactly 64.
        (64, Unsequenced, Unsequenced),
        (65, Unsequenced, Unsequenced),
        (u64::MAX - 1, Unsequenced, Unsequenced),
    ] {
        let mut window = SequenceWindow::new(BOTH, 0);
        assert_eq!(window.check(0), InOrder);
        assert_eq!(window.check(jump), Gap);
        assert_eq!(window.check(0), first, "after {jump}");
        assert_eq!(window.check(1), second, "after {jump}");
        // Nothing that was skipped counts as received.
        assert_eq!(window.check(jump - 1), Unsequenced, "after {jump}");
        assert_eq!(window.check(jump), Duplicate);
        assert_eq!(window.check(jump + 1), InOrder);
    }
}

/// The numbers start with 32 bits and go on with 64 (RFC 4121 4.2.6).
#[test]
fn numbers_pass_32_bits_and_wrap_at_64() {
    for first in [u64::from(u32::MAX), u64::MAX - 1] {
        let mut window = SequenceWindow::new(BOTH, first);
        for step in 0..5 {
            assert_eq!(window.check(first.wrapping_add(step)), InOrder);
        }
        assert_eq!(window.check(first.wrapping_add(1)), Duplicate);
        assert_eq!(window.check(first.wrapping_add(9)), Gap);
    }
    let sender = PerMessage::new(Agreed {
        first_sent: u32::MAX,
        ..agreed(18, Role::Initiator)
    });
    let receiver = PerMessage::new(Agreed {
        first_received: u32::MAX,
        ..agreed(18, Role::Acceptor)
    });
    for number in [0xffff_ffff_u64, 0x1_0000_0000] {
        let token = sender.wrap(Protection::Confidentiality, TEXT);
        assert_eq!(token[8..16], number.to_be_bytes());
        assert_eq!(receiver.unwrap(&token).unwrap().sequence, InOrder);
    }
}

#[test]
fn messages_out_of_place_are_given_out_with_their_state() {
    let (sender, receiver) = pair(18, Role::Initiator);
    let tokens: Vec<_> = (0..4)
        .map(|n| sender.wrap(Protection::Confidentiality, &[n]))
        .collect();
    let mic = sender.mic(TEXT);
    for (index, expected) in [(0, InOrder), (0, Duplicate), (2, Gap), (1, Unsequenced)] {
        let message = receiver.unwrap(&tokens[index]).unwrap();
        assert_eq!(message.data, [u8::try_from(index).unwrap()]);
        assert_eq!(message.sequence, expected);
    }
    // Wrap and MIC tokens share one sequence.
    assert_eq!(receiver.verify(TEXT, &mic), Ok(Gap));
    assert_eq!(receiver.unwrap(&tokens[3]).unwrap().sequence, Unsequenced);
    assert_eq!(receiver.verify(TEXT, &mic), Ok(Duplicate));
    // The other direction has its own.
    let reply = receiver.wrap(Protection::Integrity, TEXT);
    assert_eq!(sender.unwrap(&reply).unwrap().sequence, InOrder);
}

#[test]
fn one_context_serves_many_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<PerMessage>();

    let (sender, receiver) = pair(18, Role::Initiator);
    let tokens: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let wrap = || {
            (0..50)
                .map(|_| sender.wrap(Protection::Confidentiality, TEXT))
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(wrap)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut numbers: Vec<_> = tokens.iter().map(|token| token[8..16].to_vec()).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 200);
    for token in &tokens {
        let state = receiver.unwrap(token).unwrap().sequence;
        assert_ne!(state, Duplicate);
    }
}
