//! Messages in parts: as MIT krb5 and Heimdal make them, and everything that a
//! changed part must not get past.

use core::cell::Cell;

use super::super::{Agreed, Layout, MessageError, PerMessage, Protection, Role};
use super::parts_captures::{CAPTURES, Capture, PARTS};
use super::{ETYPES, InOrder, ROLES, SEALS, agreed, hex};
use crate::backends::rust::kerberos::crypto::Key;
use crate::etype::EncryptionType;
use crate::message::{MessagePart, PartsUsed};
use crate::secret::Secret;

const LAYOUTS: [Layout; 2] = [Layout::Plain, Layout::Dce];

thread_local! {
    static CONFOUNDER: Cell<[u8; 16]> = const { Cell::new([0x5a; 16]) };
}

fn end(etype: i32, role: Role, layout: Layout) -> PerMessage {
    PerMessage::new(Agreed {
        layout,
        ..agreed(etype, role)
    })
}

impl Capture {
    fn end(&self, role: Role, number: u32) -> PerMessage {
        let key = Secret::from(hex(self.key));
        PerMessage::new(Agreed {
            key: Key::new(EncryptionType(self.etype), key).unwrap(),
            first_sent: number,
            first_received: number,
            layout: self.layout,
            random: |out| out.copy_from_slice(&CONFOUNDER.get()),
            ..agreed(self.etype, role)
        })
    }
}

/// The captured five parts and the header, with these octets of data.
fn five<'a>(
    first: &'a mut [u8],
    second: &'a mut [u8],
    header: &'a mut [u8],
) -> [MessagePart<'a>; 6] {
    use MessagePart::{Data, Header, SignOnly};
    [
        SignOnly(PARTS[0]),
        Data(first),
        SignOnly(PARTS[2]),
        Data(second),
        SignOnly(PARTS[4]),
        Header(header),
    ]
}

/// Independent of our own reading: what the libraries made, and made again
/// from the confounder that is in it.
#[test]
fn parts_of_mit_and_heimdal_are_read_and_made_again_byte_for_byte() {
    for capture in CAPTURES {
        let who = format!("{}, {}, {:?}", capture.by, capture.etype, capture.layout);
        let [first, second, header] = capture.sealed.map(hex);
        let number = u32::from_be_bytes(header[12..16].try_into().unwrap());
        let receiver = capture.end(Role::Initiator, number);
        let sender = capture.end(Role::Acceptor, number);
        let (mut one, mut two, mut token) = (first.clone(), second.clone(), header.clone());
        let got = receiver.unwrap_parts(&mut five(&mut one, &mut two, &mut token));
        assert_eq!(got, Ok((Protection::Confidentiality, InOrder)), "{who}");
        assert_eq!((&one[..], &two[..]), (PARTS[1], PARTS[3]), "{who}");
        CONFOUNDER.set(*token.last_chunk().unwrap());
        let mut room = vec![0; header.len() + 3];
        let used = sender.wrap_parts(
            Protection::Confidentiality,
            &mut five(&mut one, &mut two, &mut room),
        );
        assert_eq!(used, Ok(PartsUsed::new(header.len(), 0)), "{who}");
        assert_eq!((one, two), (first, second), "{who}");
        assert_eq!(room[..header.len()], header, "{who}");

        let Some(signed) = capture.signed.map(hex) else {
            continue;
        };
        let (mut one, mut two, mut token) = (PARTS[1].to_vec(), PARTS[3].to_vec(), signed.clone());
        let got = receiver.unwrap_parts(&mut five(&mut one, &mut two, &mut token));
        assert_eq!(got, Ok((Protection::Integrity, InOrder)), "{who}");
        assert_eq!(token, signed, "a signed message is not changed");
        token.fill(0);
        let used = sender.wrap_parts(
            Protection::Integrity,
            &mut five(&mut one, &mut two, &mut token),
        );
        assert_eq!(used, Ok(PartsUsed::new(signed.len(), 0)), "{who}");
        assert_eq!(token, signed, "{who}");
        assert_eq!((&one[..], &two[..]), (PARTS[1], PARTS[3]));
    }
}

/// Header and data behind each other are a Wrap token of RFC 4121 (in DCE
/// style, one that is rotated by EC too), however the data is cut.
#[test]
fn header_and_data_are_one_token_however_the_data_is_cut() {
    for layout in LAYOUTS {
        for etype in ETYPES {
            for seal in SEALS {
                let (client, server) = (
                    end(etype, Role::Initiator, layout),
                    end(etype, Role::Acceptor, layout),
                );
                for len in (0..100).chain([4095, 4096, 4097]) {
                    let plain: Vec<u8> = (0..len).map(|n| n as u8).collect();
                    let mut data = plain.clone();
                    let mut header = vec![0; server.sizes(seal).parts_header];
                    let cut = len * 2 / 3;
                    let (a, rest) = data.split_at_mut(cut / 2);
                    let (b, c) = rest.split_at_mut(cut - cut / 2);
                    server
                        .wrap_parts(
                            seal,
                            &mut [
                                MessagePart::Data(a),
                                MessagePart::Data(b),
                                MessagePart::Header(&mut header),
                                MessagePart::SignOnly(b""),
                                MessagePart::Data(c),
                            ],
                        )
                        .unwrap();
                    let token = [header.clone(), data.clone()].concat();
                    let whole = client.unwrap(&token).unwrap();
                    assert_eq!((whole.data, whole.protection), (plain.clone(), seal));
                    let got = client.unwrap_parts(&mut [
                        MessagePart::Header(&mut header),
                        MessagePart::Data(&mut data),
                    ]);
                    let duplicate = super::Duplicate;
                    assert_eq!(got, Ok((seal, duplicate)), "{etype} {len}");
                    assert_eq!(data, plain);
                }
            }
        }
    }
}

/// MS-KILE 3.4.5.4.1: 76 bytes for AES with SHA-1 in DCE style, EC 16, RRC 28;
/// a checksum of 12, EC and RRC 12.
#[test]
fn headers_have_the_lengths_and_counts_of_ms_kile() {
    for (etype, mac) in [(17, 12), (18, 12), (19, 16), (20, 24)] {
        for (layout, seal, length, extra, rotation) in [
            (Layout::Dce, SEALS[0], 64 + mac, 16, 16 + mac),
            (Layout::Dce, SEALS[1], 16 + mac, mac, mac),
            (Layout::Plain, SEALS[0], 48 + mac, 0, 16 + mac),
            (Layout::Plain, SEALS[1], 16 + mac, mac, mac),
        ] {
            let sender = end(etype, Role::Acceptor, layout);
            assert_eq!(sender.sizes(seal).parts_header, length);
            let (mut header, mut data) = (vec![0; length], *b"data");
            let mut parts = [
                MessagePart::Header(&mut header),
                MessagePart::Data(&mut data),
            ];
            sender.wrap_parts(seal, &mut parts).unwrap();
            let counts = [header[4], header[5], header[6], header[7]];
            let due = [0, extra as u8, 0, rotation as u8];
            assert_eq!(counts, due, "{etype} {layout:?} {seal:?}");
        }
    }
}

fn sample(etype: i32, layout: Layout, seal: Protection) -> (Vec<u8>, Vec<u8>) {
    let client = end(etype, Role::Initiator, layout);
    let mut header = vec![0; client.sizes(seal).parts_header];
    let mut data = b"attack at dawn, not later".to_vec();
    let mut parts = [
        MessagePart::SignOnly(b"to all"),
        MessagePart::Data(&mut data),
        MessagePart::Header(&mut header),
    ];
    client.wrap_parts(seal, &mut parts).unwrap();
    (header, data)
}

#[test]
fn whatever_is_changed_is_refused_and_nothing_sealed_is_shown() {
    for layout in LAYOUTS {
        for etype in ETYPES {
            for seal in SEALS {
                let (header, data) = sample(etype, layout, seal);
                let server = end(etype, Role::Acceptor, layout);
                let try_open = |header: &mut [u8], data: &mut [u8], signed: &[u8]| {
                    server.unwrap_parts(&mut [
                        MessagePart::SignOnly(signed),
                        MessagePart::Data(data),
                        MessagePart::Header(header),
                    ])
                };
                for bit in 0..(header.len() + data.len()) * 8 {
                    let (mut header, mut data) = (header.clone(), data.clone());
                    match bit / 8 {
                        at if at < header.len() => header[at] ^= 1 << (bit % 8),
                        at => data[at - header.len()] ^= 1 << (bit % 8),
                    }
                    let got = try_open(&mut header, &mut data, b"to all");
                    assert!(got.is_err(), "{etype} {layout:?} {seal:?} bit {bit}");
                    if seal == Protection::Confidentiality {
                        assert!(!data.windows(4).any(|part| part == b"dawn"));
                    }
                }
                for length in 0..header.len() {
                    let mut data = data.clone();
                    let got = try_open(&mut header.clone()[..length], &mut data, b"to all");
                    assert!(got.is_err(), "length {length}");
                }
                let mut longer = [&header[..], &[0]].concat();
                assert!(try_open(&mut longer, &mut data.clone(), b"to all").is_err());
                for signed in [&b"to al"[..], b"to alL", b"to all "] {
                    let got = try_open(&mut header.clone(), &mut data.clone(), signed);
                    assert_eq!(got, Err(MessageError::Integrity));
                }
                // Nothing of this has moved the sequence.
                let got = try_open(&mut header.clone(), &mut data.clone(), b"to all");
                assert_eq!(got, Ok((seal, InOrder)));
            }
        }
    }
}

/// A DCE token is none outside of DCE style, nor is one of the own side. (One
/// without filler, EC 0, is the same in both layouts.)
#[test]
fn the_layout_and_the_side_are_those_agreed() {
    for seal in SEALS {
        for layout in LAYOUTS {
            let (header, data) = sample(18, layout, seal);
            for other in LAYOUTS {
                for role in ROLES {
                    let receiver = end(18, role, other);
                    let got = receiver.unwrap_parts(&mut [
                        MessagePart::SignOnly(b"to all"),
                        MessagePart::Data(&mut data.clone()),
                        MessagePart::Header(&mut header.clone()),
                    ]);
                    let filler = layout == Layout::Dce && seal == SEALS[0];
                    let right = role == Role::Acceptor && (other == Layout::Dce || !filler);
                    assert_eq!(got.is_ok(), right, "{layout:?} {other:?} {seal:?} {role:?}");
                }
            }
        }
    }
}

#[test]
fn parts_that_are_no_message_cost_no_number() {
    let (client, server) = (
        end(18, Role::Initiator, Layout::Dce),
        end(18, Role::Acceptor, Layout::Dce),
    );
    let seal = Protection::Confidentiality;
    let (mut one, mut two, mut data) = ([0; 76], [0; 76], *b"data");
    let none = server.wrap_parts(seal, &mut [MessagePart::Data(&mut data)]);
    assert!(matches!(none, Err(MessageError::Parts(_))), "{none:?}");
    let mut twice = [
        MessagePart::Header(&mut one),
        MessagePart::Header(&mut two),
        MessagePart::Data(&mut data),
    ];
    let got = server.wrap_parts(seal, &mut twice);
    assert!(matches!(got, Err(MessageError::Parts(_))), "{got:?}");
    let short = server.wrap_parts(
        seal,
        &mut [
            MessagePart::Header(&mut one[..75]),
            MessagePart::Data(&mut data),
        ],
    );
    let (header, trailer) = (76, 0);
    assert_eq!(short, Err(MessageError::NoRoom { header, trailer }));
    assert_eq!(data, *b"data");
    // Padding is room that is not used; the header is still the caller's.
    let mut parts = [
        MessagePart::Padding(&mut two[..16]),
        MessagePart::Header(&mut one),
        MessagePart::Data(&mut data),
    ];
    let used = server.wrap_parts(seal, &mut parts);
    assert_eq!(used, Ok(PartsUsed::new(76, 0)));
    assert!(matches!(&parts[1], MessagePart::Header(header) if header.len() == 76));
    let padded = client.unwrap_parts(&mut parts);
    assert!(matches!(padded, Err(MessageError::Parts(_))), "{padded:?}");
    parts[0] = MessagePart::Padding(&mut []);
    // The first number, for nothing before it was sent.
    assert_eq!(client.unwrap_parts(&mut parts), Ok((seal, InOrder)));
    assert_eq!(data, *b"data");
}
