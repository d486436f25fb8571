//! Messages in parts: as MIT krb5 1.20.1 makes them with `gss_wrap_iov`, and
//! what must not get past.

use core::cell::Cell;

use super::super::super::super::crypto::Key;
use super::super::super::tests::{agreed, hex};
use super::super::super::{Agreed, KeyOrigin, Layout, MessageError, Role};
use super::super::Rc4Messages;
use crate::etype::EncryptionType;
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState};
use crate::secret::Secret;
use MessagePart::{Data, Header, Padding, SignOnly};
use Protection::{Confidentiality, Integrity};
use SequenceState::InOrder;

const LAYOUTS: [Layout; 2] = [Layout::Dce, Layout::Plain];
const SEALS: [Protection; 2] = [Confidentiality, Integrity];
const PARTS: [&[u8]; 5] = [
    b"header of the PDU",
    b"first part",
    b"between",
    b"second part, longer than a block of AES",
    b"trailer",
];

thread_local! {
    static CONFOUNDER: Cell<[u8; 8]> = const { Cell::new([0x5a; 8]) };
}

fn end(role: Role, key: &str, layout: Layout, (sent, received): (u32, u32)) -> Rc4Messages {
    Rc4Messages::new(&Agreed {
        key: Key::new(EncryptionType::RC4_HMAC, Secret::from(hex(key))).unwrap(),
        origin: KeyOrigin::AcceptorSubkey,
        first_sent: sent,
        first_received: received,
        layout,
        random: |out| out.copy_from_slice(&CONFOUNDER.get()),
        ..agreed(18, role)
    })
    .unwrap()
}

fn pair(layout: Layout) -> (Rc4Messages, Rc4Messages) {
    let key = "80d8a31b07d378ff96530c5855808aaa";
    (
        end(Role::Initiator, key, layout, (1, 1 << 29)),
        end(Role::Acceptor, key, layout, (1 << 29, 1)),
    )
}

struct Capture {
    layout: Layout,
    key: &'static str,
    first: [u32; 2],
    /// Header, both data parts, and padding, sealed; by initiator and
    /// acceptor.
    sealed: [[&'static str; 4]; 2],
    /// The header of the next message, signed alone.
    signed: [&'static str; 2],
}

const CAPTURES: [Capture; 2] = [
    Capture {
        layout: Layout::Dce,
        key: "80d8a31b07d378ff96530c5855808aaa",
        first: [24_010_729, 89_791_470],
        sealed: [
            [
                "602b06092a864886f712010202020111001000ffffeae7fd1901ed190676a6faada6992138
                 7f1092dc016c79ff",
                "98b23ea4dc9a800e4a69",
                "97fe7e3e1f82cca687340a6168b8d4b5af8e185d44d3024171d47c971deb8876a7e92e0887
                 183a",
                "",
            ],
            [
                "602b06092a864886f712010202020111001000ffff93f61dcb0f5144e307715ce0c23028ce
                 f404175d60831913",
                "86c32595ab2f47f684d5",
                "a39dc57803fcbfd9664adad639a7bbd6cbf8a6256e543848aaaeb01d35ae667be8c34b0351
                 7c2f",
                "",
            ],
        ],
        signed: [
            "602b06092a864886f71201020202011100ffffffff8335d65ebb5fb43bae8f3869dede00a2d4e1
             74245effbda2",
            "602b06092a864886f71201020202011100ffffffffe8f2abc80fc49bc0ade334cf6932ab914d4a
             9ed517456830",
        ],
    },
    Capture {
        layout: Layout::Plain,
        key: "531a32d8565ed6ea8b8ca0d962614bc8",
        first: [548_559_546, 55_324_002],
        sealed: [
            [
                "605d06092a864886f712010202020111001000ffff9a3fe7a3ff6456d162d49b3f6129965c
                 42246ab8f49ce6e5",
                "0708330f1126fe244ed6",
                "d7076f15ef37c4d8dde0def8723b0b1eaf825c3bebbf4c8162ec23e63079b49febb5cac4e9
                 c1bd",
                "71",
            ],
            [
                "605d06092a864886f712010202020111001000fffff2b36ca3613a2d9110e41b36194b6ce2
                 d1fa9b970497ebfb",
                "7d2c31638cf84c912a69",
                "263586e7aac3a4bf23c4df4f16eee5809e7b66c99cb1ea36ac5f81d9f5e7b67b17ca2b3714
                 ed86",
                "b5",
            ],
        ],
        signed: [
            "605d06092a864886f71201020202011100ffffffff373a33505f142d61da415b571d229b23e5d0
             52a796e990fa",
            "605d06092a864886f71201020202011100ffffffff46fb13f91c0f46d0bc2bd850cbb0c1259b4e
             467619aadee0",
        ],
    },
];

/// The captured five parts, header and padding, with these octets.
fn seven(octets: &mut [Vec<u8>; 4]) -> [MessagePart<'_>; 7] {
    let [header, first, second, padding] = octets;
    [
        Header(header),
        SignOnly(PARTS[0]),
        Data(first),
        SignOnly(PARTS[2]),
        Data(second),
        SignOnly(PARTS[4]),
        Padding(padding),
    ]
}

#[test]
fn parts_of_mit_are_read_and_made_again_byte_for_byte() {
    for capture in CAPTURES {
        for (index, role) in [Role::Initiator, Role::Acceptor].into_iter().enumerate() {
            let numbers = (capture.first[index], capture.first[1 - index]);
            let sender = end(role, capture.key, capture.layout, numbers);
            let flipped = (numbers.1, numbers.0);
            let receiver = end(role.peer(), capture.key, capture.layout, flipped);
            let sealed = capture.sealed[index].map(hex);
            let padding = sealed[3].len();

            let mut octets = sealed.clone();
            let got = receiver.unwrap_parts(&mut seven(&mut octets));
            assert_eq!(got, Ok((Confidentiality, InOrder)));
            assert_eq!((&octets[1][..], &octets[2][..]), (PARTS[1], PARTS[3]));
            CONFOUNDER.set(*octets[0].last_chunk().unwrap());
            // More room than is needed.
            octets[0] = vec![0; sealed[0].len() + 3];
            octets[3] = vec![9; 4];
            let used = sender.wrap_parts(Confidentiality, &mut seven(&mut octets));
            assert_eq!(used, Ok(PartsUsed::new(sealed[0].len(), padding)));
            octets[0].truncate(sealed[0].len());
            assert_eq!(octets[3][padding..], vec![9; 4 - padding]);
            octets[3].truncate(padding);
            assert_eq!(octets, sealed);

            let mut octets = [
                hex(capture.signed[index]),
                PARTS[1].to_vec(),
                PARTS[3].to_vec(),
                vec![1; padding],
            ];
            let signed = octets.clone();
            let got = receiver.unwrap_parts(&mut seven(&mut octets));
            assert_eq!(got, Ok((Integrity, InOrder)));
            assert_eq!(octets, signed, "a signed message is not changed");
            CONFOUNDER.set(*octets[0].last_chunk().unwrap());
            octets[0].fill(0);
            let used = sender.wrap_parts(Integrity, &mut seven(&mut octets));
            assert_eq!(used, Ok(PartsUsed::new(signed[0].len(), padding)));
            assert_eq!(octets, signed);
        }
    }
}

/// Header, data and padding behind each other are an ordinary token, where no
/// DCE style has it otherwise.
#[test]
fn parts_are_a_whole_token_and_it_is_parts() {
    let (client, server) = pair(Layout::Plain);
    for seal in SEALS {
        for length in [0, 1, 83, 84, 5000] {
            let plain = vec![3; length];
            let mut data = plain.clone();
            let (one, two) = data.split_at_mut(length / 3);
            let (mut header, mut padding) = (vec![0; server.sizes().parts_header], [0]);
            let mut parts = [
                Data(one),
                Header(&mut header),
                Data(two),
                Padding(&mut padding),
            ];
            let used = server.wrap_parts(seal, &mut parts).unwrap();
            let token = [&header[..used.header], &data, &padding].concat();
            assert_eq!(client.unwrap(&token).unwrap().data, plain);

            let mut token = server.wrap(seal, &plain).unwrap();
            let (header, rest) = token.split_at_mut(used.header);
            let (data, padding) = rest.split_at_mut(length);
            let mut parts = [Header(header), Data(data), Padding(padding)];
            assert_eq!(client.unwrap_parts(&mut parts), Ok((seal, InOrder)));
            assert_eq!(data, plain);
        }
    }
}

#[test]
fn a_changed_part_fails_and_what_was_sealed_is_wiped() {
    for layout in LAYOUTS {
        for seal in SEALS {
            let (client, server) = pair(layout);
            let make = |change: &dyn Fn(&mut [Vec<u8>; 4])| {
                let padding = usize::from(layout == Layout::Plain);
                let mut octets = [
                    vec![0; 45],
                    PARTS[1].to_vec(),
                    PARTS[3].to_vec(),
                    vec![0; padding],
                ];
                server.wrap_parts(seal, &mut seven(&mut octets)).unwrap();
                change(&mut octets);
                let got = client.unwrap_parts(&mut seven(&mut octets));
                (got.map(|_| ()), octets)
            };
            assert_eq!(make(&|_| ()).0, Ok(()));
            let lengths = [45, 10, 39, usize::from(layout == Layout::Plain)];
            for (part, length) in lengths.into_iter().enumerate() {
                for at in 0..length {
                    let (got, octets) = make(&|octets| octets[part][at] ^= 1);
                    if part == 0 && (21..25).contains(&at) && seal == Integrity {
                        // RFC 4757 7: its number is under no checksum.
                        assert_eq!(got, Ok(()));
                        continue;
                    }
                    assert!(got.is_err(), "{layout:?} {seal:?} {part} {at}");
                    // Errors of the form come before anything is decrypted.
                    let formal = part == 0 && at < 21;
                    if seal == Confidentiality && !formal {
                        assert!(octets[1].iter().chain(&octets[2]).all(|&byte| byte == 0));
                    }
                }
            }
            // The sign-only parts, and the order of the parts.
            let (mut data, mut header, mut padding) = (b"data".to_vec(), vec![0; 49], vec![0; 1]);
            for received in [&b"sign-only"[..], b"sign-onlx", b"sign-onl", b""] {
                let mut parts = vec![Header(&mut header), SignOnly(b"sign-only"), Data(&mut data)];
                if layout == Layout::Plain {
                    parts.push(Padding(&mut padding));
                }
                let used = server.wrap_parts(seal, &mut parts).unwrap();
                let mut parts = vec![
                    Header(&mut header[..used.header]),
                    SignOnly(received),
                    Data(&mut data),
                ];
                if received.is_empty() {
                    parts[1] = SignOnly(b"sign-only");
                    parts.swap(1, 2);
                }
                if layout == Layout::Plain {
                    parts.push(Padding(&mut padding));
                }
                let got = client.unwrap_parts(&mut parts).map(|_| ());
                if received == b"sign-only" {
                    assert_eq!(got, Ok(()));
                } else {
                    assert_eq!(got, Err(MessageError::Integrity));
                }
            }
        }
    }
}

#[test]
fn parts_that_do_not_fit_cost_no_number() {
    for layout in LAYOUTS {
        let (client, server) = pair(layout);
        let (mut data, mut small, mut header) = (b"data".to_vec(), vec![0; 44], vec![0; 49]);
        let (mut one, mut other) = ([0], [0]);
        let errors = [
            server.wrap_parts(Integrity, &mut [Data(&mut data)]),
            server.wrap_parts(
                Integrity,
                &mut [Header(&mut small), Data(&mut data), Padding(&mut one)],
            ),
            server.wrap_parts(
                Integrity,
                &mut [
                    Header(&mut header),
                    Padding(&mut one),
                    Data(&mut data),
                    Padding(&mut other),
                ],
            ),
        ];
        for error in errors {
            let error = error.unwrap_err();
            let expected = matches!(error, MessageError::Parts(_) | MessageError::NoRoom { .. });
            assert!(expected, "{error}");
        }
        let alone = server.wrap_parts(Integrity, &mut [Header(&mut header), Data(&mut data)]);
        assert_eq!(alone.is_ok(), layout == Layout::Dce);
        if layout == Layout::Plain {
            let mut parts = [Header(&mut header), Data(&mut data), Padding(&mut one)];
            server.wrap_parts(Integrity, &mut parts).unwrap();
        }
        let padding = &mut one[..usize::from(layout == Layout::Plain)];
        let mut parts = [Header(&mut header[..45]), Data(&mut data), Padding(padding)];
        assert_eq!(client.unwrap_parts(&mut parts), Ok((Integrity, InOrder)));
    }
}
