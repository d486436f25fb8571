//! Tokens captured from MIT krb5 1.20.1, whose keys were read out with
//! `gss_krb5_export_lucid_sec_context`; both ends against each other; and what
//! must not get past.

use core::cell::Cell;
use core::sync::atomic::Ordering;

use super::super::super::crypto::Key;
use super::super::tests::{agreed, hex};
use super::super::{Agreed, Detection, KeyOrigin, MessageError, Role, frame};
use super::{MessageKeys, MessageSum, NUMBERS, Rc4Messages};
use crate::etype::EncryptionType;
use crate::message::{MessagePart, Protection, SequenceState};
use crate::secret::Secret;
use Protection::{Confidentiality, Integrity};
use SequenceState::{Duplicate, Gap, InOrder, Unsequenced};

const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog";
const ROLES: [Role; 2] = [Role::Initiator, Role::Acceptor];
const SEALS: [Protection; 2] = [Confidentiality, Integrity];
const KEY: &str = "2314bba893cf91899f9112f3e0e50582";
/// Where the parts of a token with a short frame are.
const ALGORITHMS: usize = 15;
const NUMBER: usize = 21;
const CONTENT: usize = 37;

thread_local! {
    static CONFOUNDER: Cell<[u8; 8]> = const { Cell::new([0x5a; 8]) };
}

fn end(role: Role, key: &str, (sent, received): (u32, u32)) -> Rc4Messages {
    let agreed = Agreed {
        key: Key::new(EncryptionType::RC4_HMAC, Secret::from(hex(key))).unwrap(),
        origin: KeyOrigin::Other,
        first_sent: sent,
        first_received: received,
        random: |out| out.copy_from_slice(&CONFOUNDER.get()),
        ..agreed(18, role)
    };
    Rc4Messages::new(&agreed).unwrap()
}

/// Sender and receiver.
fn pair(sender: Role) -> (Rc4Messages, Rc4Messages) {
    let (own, other) = (1000, 2_000_000);
    (
        end(sender, KEY, (own, other)),
        end(sender.peer(), KEY, (other, own)),
    )
}

struct Capture {
    key: &'static str,
    first: [u32; 2],
    /// Sealed, signed, MIC.
    initiator: [&'static str; 3],
    acceptor: [&'static str; 3],
}

/// The first with mutual authentication, the second without: there the numbers
/// of both directions are the same, and so is what seals their messages.
const CAPTURES: [Capture; 2] = [
    Capture {
        key: KEY,
        first: [106_686_044, 1_041_458_563],
        initiator: [
            "605706092a864886f712010202020111001000ffffcaf241555e33a95afb420b9b9992d853
             c8edb32eac662a41c0a49dfc84ada7bc5fd3758ca5066982fb46f4816fcc8bf4a661babef0
             5d652b2b22b1e13067abc35e7165f2",
            "605706092a864886f71201020202011100ffffffffa345e44aafb75a5a44e5b04c9be4a0a5
             ec455e5c7469a88654686520717569636b2062726f776e20666f78206a756d7073206f7665
             7220746865206c617a7920646f6701",
            "602306092a864886f71201020201011100ffffffff0ca9fdba58af244e8f2e7d24c27699cc",
        ],
        acceptor: [
            "605706092a864886f712010202020111001000ffff66e4fa84776dfe7f4f972454c4b32720
             3578569f06120d407619cebd5c28d7f0628e810e744a0fd2be1061f7ef5db41f0c5fae5c41
             b866df9454c1f118e8f44d16c2e249",
            "605706092a864886f71201020202011100ffffffff9739c761620c19464908b419a12918ca
             18992aebb31e3d0754686520717569636b2062726f776e20666f78206a756d7073206f7665
             7220746865206c617a7920646f6701",
            "602306092a864886f71201020201011100ffffffff34e17e61a750dbb18f2e7d24c27699cc",
        ],
    },
    Capture {
        key: "98f4d8c12cd6c39b2e1c5ed53c8da19a",
        first: [480_858_925, 480_858_925],
        initiator: [
            "605706092a864886f712010202020111001000ffff983167a871b6fda6f4992ddddd94ab23
             71154d648d72e6cfe71c95094a75f2031f0597c4841dd39bec2a452b92d62a333c76d81cb6
             f07d6ace365b388d8b6368612729fd",
            "605706092a864886f71201020202011100ffffffff6e522a6995aa5504a4f680710d67b4cc
             9b2e09de1b5ed69454686520717569636b2062726f776e20666f78206a756d7073206f7665
             7220746865206c617a7920646f6701",
            "602306092a864886f71201020201011100ffffffff4e7141ff87ff6ac019c25501802ad5d6",
        ],
        acceptor: [
            "605706092a864886f712010202020111001000ffffab80a99958b58260e98c490991b540a7
             b0d63464c70b4d3fe71c95094a75f2031f0597c4841dd39bec2a452b92d62a333c76d81cb6
             f07d6ace365b388d8b6368612729fd",
            "605706092a864886f71201020202011100ffffffffce6f26d11ab43dd6149019dce2e6b59f
             c895ee545ea7b06d54686520717569636b2062726f776e20666f78206a756d7073206f7665
             7220746865206c617a7920646f6701",
            "602306092a864886f71201020201011100ffffffff4e7141ff7800953f19c25501802ad5d6",
        ],
    },
];

#[test]
fn tokens_of_mit_are_read_and_made_again_byte_for_byte() {
    for capture in CAPTURES {
        let [initiator, acceptor] = capture.first;
        let directions = [
            (Role::Initiator, (initiator, acceptor), capture.initiator),
            (Role::Acceptor, (acceptor, initiator), capture.acceptor),
        ];
        for (role, numbers, tokens) in directions {
            let [sealed, signed, mic] = tokens.map(hex);
            let sender = end(role, capture.key, numbers);
            let receiver = end(role.peer(), capture.key, (numbers.1, numbers.0));
            for (token, seal) in [(&sealed, Confidentiality), (&signed, Integrity)] {
                let message = receiver.unwrap(token).unwrap();
                assert_eq!(message.data, TEXT);
                assert_eq!(message.protection, seal);
                assert_eq!(message.sequence, InOrder);

                // Once more with the confounder that is in it.
                let mut open = token.clone();
                let reader = end(role.peer(), capture.key, (numbers.1, numbers.0));
                let found = reader.unwrap_in_place(&mut open).unwrap();
                assert_eq!(&open[found.data.clone()], TEXT);
                let confounder = &open[found.data.start - 8..found.data.start];
                CONFOUNDER.set(confounder.try_into().unwrap());
                assert_eq!(&sender.wrap(seal, TEXT).unwrap(), token);
            }
            assert_eq!(receiver.verify(TEXT, &mic), Ok(InOrder));
            assert_eq!(sender.mic(TEXT).unwrap(), mic);
        }
    }
}

/// From the same context, 300 bytes that count modulo 251: the frame's length
/// has two bytes.
#[test]
fn a_longer_token_of_mit_is_read_too() {
    const LONG: &str = "
        6082015806092a864886f712010202020111001000ffffbe7fd9957f1b845b8b37a2bf47d239ebfd181a
        211c0a70f7648769d6dce7497615da1bbaf8fd7849f9373d7e113ac44e23dc156fe5759445d2247428ae
        401931b779e9ebc6d6b8d2bc2a3c83f801f359c54b3e57495bba16b3d111c6614881d5c317548c4a9a63
        db8c2d2ea41731c8b13b91e4dfc3ea6f718e1584cd6c200d2a8071dd4b234bca4a685affde427347381e
        5496a1734531a982478f8c36d53ee19ceab1070f1651815483d72adf563711d7aa0db5f524650aeea323
        3cc0c968a1382fbca2206ff8c384afcb3877212a49effd1bea8a9cc8d727860143373225951afd336a95
        fa3ada0db3181325ce53c3c1754686c6e6ee8ace4c3bad4a20bbf98f626d710e81d5cfc79c0d6918a5c1
        11b89d38e24f3fa9cedd058c1ee98e0a7b48479432e1c0215845e593b2aedf6b26bfda165c067e1fc572
        53b42a19b499d26e4499b9d0";
    let receiver = end(Role::Acceptor, KEY, (0, 106_686_047));
    let message = receiver.unwrap(&hex(LONG)).unwrap();
    let expected: Vec<u8> = (0..300_u16).map(|at| (at % 251) as u8).collect();
    assert_eq!(message.data, expected);
    assert_eq!(message.sequence, InOrder);
}

#[test]
fn both_ends_understand_each_other_at_every_length() {
    for sender in ROLES {
        let (sender, receiver) = pair(sender);
        for seal in SEALS {
            // Around the lengths at which the frame's length grows.
            let lengths = [
                0, 1, 7, 82, 83, 84, 210, 211, 212, 1000, 65_490, 65_491, 65_492,
            ];
            for length in lengths {
                let data: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
                let token = sender.wrap(seal, &data).unwrap();
                let message = receiver.unwrap(&token).unwrap();
                assert_eq!(message.data, data);
                assert_eq!((message.protection, message.sequence), (seal, InOrder));
                let overhead = token.len() - length;
                let sizes = sender.sizes();
                assert!(overhead <= sizes.security_trailer);
                // Where the protection is integrity alone, all can be read.
                let clear = token.ends_with(&[&data[..], &[1]].concat());
                assert_eq!(
                    clear,
                    seal == Integrity && length > 0 || clear && length == 0
                );
            }
        }
        let mic = sender.mic(TEXT).unwrap();
        assert_eq!(mic.len(), sender.sizes().max_signature);
        assert_eq!(receiver.verify(TEXT, &mic), Ok(InOrder));
        assert_eq!(
            receiver.verify(b"another", &mic),
            Err(MessageError::Integrity)
        );
    }
}

/// X.690 10.1: the shortest form of the length there is.
#[test]
fn frames_have_the_shortest_form_of_their_length() {
    for (data, expected) in [
        (0, "602c06092a864886f712010202"),
        (83, "607f06092a864886f712010202"),
        (84, "60818006092a864886f712010202"),
        (211, "6081ff06092a864886f712010202"),
        (212, "6082010006092a864886f712010202"),
        (65_491, "6082ffff06092a864886f712010202"),
        (65_492, "608301000006092a864886f712010202"),
    ] {
        let (sender, _) = pair(Role::Initiator);
        let token = sender.wrap(Integrity, &vec![0; data]).unwrap();
        let front = hex(expected);
        assert_eq!(token[..front.len()], front, "{data}");
        assert_eq!(token[front.len()..front.len() + 2], [2, 1]);
    }
    // Too long for a test's memory, but not for a frame.
    let mut room = vec![0; frame::length(0x0100_0000)];
    frame::write(&mut room, 0x0100_0000);
    assert_eq!(room, hex("60840100000b06092a864886f712010202"));
    assert_eq!(room.len(), frame::MAX_LENGTH);
}

#[test]
fn in_place_it_needs_the_room_and_no_more() {
    for seal in SEALS {
        let (sender, receiver) = pair(Role::Acceptor);
        let header = CONTENT + 8;
        for (before, after) in [(header - 1, 1), (header, 0), (0, 0)] {
            let mut buffer = vec![7; before + TEXT.len() + after];
            let error = sender.wrap_in_place(seal, &mut buffer, before..before + TEXT.len());
            assert_eq!(error, Err(MessageError::NoRoom { header, trailer: 1 }));
            assert!(buffer.iter().all(|&byte| byte == 7));
        }
        let mut buffer = vec![7; 3 + header + TEXT.len() + 1 + 2];
        let data = 3 + header..3 + header + TEXT.len();
        buffer[data.clone()].copy_from_slice(TEXT);
        let token = sender
            .wrap_in_place(seal, &mut buffer, data.clone())
            .unwrap();
        assert_eq!(token, 3..data.end + 1);
        assert_eq!(
            (&buffer[..3], &buffer[data.end + 1..]),
            (&[7; 3][..], &[7; 2][..])
        );
        // No number was spent on the failures.
        let opened = receiver.unwrap_in_place(&mut buffer[token]).unwrap();
        assert_eq!(opened.sequence, InOrder);
        assert_eq!(&buffer[3..][opened.data], TEXT);
    }
    // Ends that are before the start, or not in the buffer.
    let (sender, _) = pair(Role::Acceptor);
    let backwards = core::ops::Range { start: 70, end: 60 };
    for data in [backwards, 60..usize::MAX] {
        let error = sender.wrap_in_place(Integrity, &mut [0; 200], data);
        assert!(error.is_err());
    }
}

/// RFC 4757 7: the number is outside the checksum. It is part of what seals a
/// message, so that there no bit of it may change; of a message that is not
/// sealed anybody can change it, and all that can be said is that it is
/// another.
#[test]
fn no_changed_bit_gets_past_but_the_number_of_what_is_not_sealed() {
    /// In the frame, and the only difference of the two OIDs of Kerberos.
    const MS_KRB5: usize = 7 * 8 + 2;
    for seal in SEALS {
        let (sender, _) = pair(Role::Initiator);
        let token = sender.wrap(seal, TEXT).unwrap();
        for bit in 0..token.len() * 8 {
            let (_, receiver) = pair(Role::Initiator);
            let mut damaged = token.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let malleable = (NUMBER..NUMBER + 4).contains(&(bit / 8)) && seal == Integrity;
            let result = receiver.unwrap(&damaged).map(|message| message.sequence);
            if bit == MS_KRB5 {
                assert_eq!(result, Ok(InOrder));
            } else if malleable {
                assert_eq!(result, Ok(Gap), "bit {bit}");
            } else {
                assert!(result.is_err(), "bit {bit} of {seal:?}: {result:?}");
                let untouched = receiver.unwrap(&token).unwrap();
                assert_eq!(untouched.sequence, InOrder, "bit {bit} moved the window");
            }
        }
    }
    let (sender, receiver) = pair(Role::Initiator);
    let mic = sender.mic(TEXT).unwrap();
    let number = NUMBER * 8..(NUMBER + 4) * 8;
    for bit in (0..mic.len() * 8).filter(|bit| *bit != MS_KRB5 && !number.contains(bit)) {
        let mut damaged = mic.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(receiver.verify(TEXT, &damaged).is_err(), "bit {bit}");
    }
    assert_eq!(receiver.verify(TEXT, &mic), Ok(InOrder));
}

#[test]
fn cut_and_lengthened_tokens_fail() {
    for seal in SEALS {
        let (sender, receiver) = pair(Role::Acceptor);
        let token = sender.wrap(seal, b"").unwrap();
        for length in 0..token.len() {
            let mut cut = token[..length].to_vec();
            assert!(receiver.unwrap(&cut).is_err());
            // The same with a frame that fits.
            if length >= 13 {
                cut[1] = u8::try_from(length - 2).unwrap();
                assert!(receiver.unwrap(&cut).is_err(), "{length}");
                assert!(receiver.unwrap_in_place(&mut cut).is_err());
                assert!(receiver.verify(b"", &cut).is_err());
            }
        }
        assert!(receiver.unwrap(&[&token[..], &[0]].concat()).is_err());
        assert!(receiver.unwrap(&token).is_ok());
    }
    // A MIC token carries nothing.
    let (sender, receiver) = pair(Role::Acceptor);
    let mut mic = sender.mic(TEXT).unwrap();
    mic.push(0);
    mic[1] += 1;
    assert_eq!(receiver.verify(TEXT, &mic), Err(MessageError::Frame));
}

/// RFC 1964 1.2: each byte of the header is given.
#[test]
fn each_byte_of_the_header_is_held_to() {
    let (sender, receiver) = pair(Role::Initiator);
    let token = sender.wrap(Confidentiality, TEXT).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = token.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        receiver.unwrap(&changed).map(|_| ())
    };
    // SGN_ALG: DES MAC MD5, MD2.5, DES MAC, HMAC SHA1 DES3-KD.
    for algorithm in [[0, 0], [1, 0], [2, 0], [4, 0], [0, 0x11]] {
        assert_eq!(with(ALGORITHMS, &algorithm), Err(MessageError::Algorithm));
    }
    // SEAL_ALG: DES, DES3-KD.
    for algorithm in [[0, 0], [2, 0], [0, 0x10], [0xff, 0]] {
        assert_eq!(
            with(ALGORITHMS + 2, &algorithm),
            Err(MessageError::Algorithm)
        );
    }
    assert_eq!(with(ALGORITHMS + 4, &[0xff, 0]), Err(MessageError::Filler));
    // Sealed, and said not to be: the checksum is of other bytes.
    assert_eq!(
        with(ALGORITHMS + 2, &[0xff, 0xff]),
        Err(MessageError::Integrity)
    );
    // The tokens of RFC 4121, and of MICs.
    for id in [[5, 4], [4, 4], [1, 1], [1, 2]] {
        let (expected, found) = ([2, 1], id);
        assert_eq!(
            with(13, &id),
            Err(MessageError::TokenId { expected, found })
        );
    }
    let mut mic = sender.mic(TEXT).unwrap();
    mic[ALGORITHMS + 2..ALGORITHMS + 4].copy_from_slice(&[0x10, 0]);
    assert_eq!(receiver.verify(TEXT, &mic), Err(MessageError::SealedMic));
    // RFC 1964 1.2: no token goes without its frame.
    assert_eq!(receiver.unwrap(&token[13..]), Err(MessageError::Frame));
}

#[test]
fn a_token_sent_back_is_not_the_peers() {
    for role in ROLES {
        let (sender, _) = pair(role);
        for seal in SEALS {
            let token = sender.wrap(seal, TEXT).unwrap();
            assert_eq!(sender.unwrap(&token), Err(MessageError::Direction));
            let mut buffer = token.clone();
            assert!(sender.unwrap_in_place(&mut buffer).is_err());
            assert!(buffer[CONTENT..].iter().all(|&byte| byte == 0), "not wiped");
        }
        let mic = sender.mic(TEXT).unwrap();
        assert_eq!(sender.verify(TEXT, &mic), Err(MessageError::Direction));
    }
}

/// Rule 23: one error for both, so that nobody learns which it was.
#[test]
fn bad_padding_is_a_bad_checksum() {
    let keys: MessageKeys = Key::new(EncryptionType::RC4_HMAC, Secret::from(hex(KEY)))
        .unwrap()
        .rc4_message_keys()
        .unwrap();
    for (seal, padding) in SEALS
        .map(|seal| [(seal, 0), (seal, 1), (seal, 2), (seal, 8)])
        .as_flattened()
    {
        let (sender, receiver) = pair(Role::Initiator);
        let template = sender.wrap(*seal, TEXT).unwrap();
        let mut token = template.clone();
        let header = &template[13..21];
        let mut content = [&[0x5a; 8][..], TEXT, &[*padding]].concat();
        let mut sum = MessageSum::new(13);
        sum.update(header);
        sum.update(&content);
        let checksum = keys.finish(sum);
        let mut number = [0, 0, 0x03, 0xe8, 0, 0, 0, 0];
        keys.sequence(checksum, &mut number);
        if *seal == Confidentiality {
            keys.seal(1000).apply(&mut content);
        }
        token[NUMBER..NUMBER + 8].copy_from_slice(&number);
        token[NUMBER + 8..CONTENT].copy_from_slice(&checksum);
        token[CONTENT..].copy_from_slice(&content);
        let mut parts = token.clone();
        let (header, rest) = parts.split_at_mut(CONTENT + 8);
        let (data, end) = rest.split_at_mut(TEXT.len());
        let mut parts = [
            MessagePart::Header(header),
            MessagePart::Data(data),
            MessagePart::Padding(end),
        ];
        let in_parts = pair(Role::Initiator).1.unwrap_parts(&mut parts).map(|_| ());
        let due = match *padding {
            1 => Ok(()),
            _ => Err(MessageError::Integrity),
        };
        assert_eq!(in_parts, due, "in parts, {padding}");
        let result = receiver.unwrap(&token).map(|message| message.data);
        if *padding == 1 {
            // What is built here is what the sender built.
            assert_eq!(token, template);
            assert_eq!(result.unwrap(), TEXT);
        } else {
            assert_eq!(result, Err(MessageError::Integrity));
        }
    }
}

/// RFC 2743 1.2.3; the numbers have 32 bits and go on at 0.
#[test]
fn the_sequence_is_watched_across_the_end_of_the_numbers() {
    let sender = end(Role::Initiator, KEY, (u32::MAX - 1, 0));
    let receiver = end(Role::Acceptor, KEY, (0, u32::MAX - 1));
    let tokens: Vec<_> = (0..6)
        .map(|_| sender.wrap(Confidentiality, TEXT).unwrap())
        .collect();
    let order = [
        (0, InOrder),
        (1, InOrder),
        (2, InOrder),
        (1, Duplicate),
        (4, Gap),
        (3, Unsequenced),
        (3, Duplicate),
        (5, InOrder),
    ];
    for (at, expected) in order {
        let message = receiver.unwrap(&tokens[at]).unwrap();
        assert_eq!(
            (message.sequence, &message.data[..]),
            (expected, TEXT),
            "{at}"
        );
    }
}

#[test]
fn without_the_flags_no_sequence_is_watched() {
    let receiver = Rc4Messages::new(&Agreed {
        key: Key::new(EncryptionType::RC4_HMAC, Secret::from(hex(KEY))).unwrap(),
        first_received: 1000,
        detection: Detection {
            replay: false,
            sequence: false,
        },
        ..agreed(18, Role::Acceptor)
    })
    .unwrap();
    let (sender, _) = pair(Role::Initiator);
    let token = sender.wrap(Confidentiality, TEXT).unwrap();
    for _ in 0..2 {
        assert_eq!(receiver.unwrap(&token).unwrap().sequence, InOrder);
    }
}

/// No number seals two messages.
#[test]
fn the_last_number_is_the_last() {
    let (sender, _) = pair(Role::Acceptor);
    sender.sent.store(NUMBERS - 2, Ordering::Relaxed);
    assert!(sender.wrap(Confidentiality, TEXT).is_ok());
    assert!(sender.mic(TEXT).is_ok());
    for _ in 0..3 {
        for seal in SEALS {
            assert_eq!(sender.wrap(seal, TEXT), Err(MessageError::Exhausted));
        }
        assert_eq!(sender.mic(TEXT), Err(MessageError::Exhausted));
    }
}

/// RFC 4121 1: its tokens are for all newer types, these for RC4 alone.
#[test]
fn only_rc4_has_these_tokens() {
    for etype in [17, 18, 19, 20] {
        assert!(Rc4Messages::new(&agreed(etype, Role::Acceptor)).is_none());
    }
}
