//! The messages of MS-NLMP 4.2.4.3, and what is no message.

use super::Flags;
use super::authenticate::{Authenticate, Ntlm2Response};
use super::av_pairs::{AvPairs, AvPairsBuilder, id};
use super::challenge::Challenge;
use super::negotiate::Negotiate;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// AUTHENTICATE_MESSAGE of MS-NLMP 4.2.4.3.
fn published() -> Vec<u8> {
    hex(
        "4e544c4d53535000 03000000 18001800 6c000000 54005400 84000000 0c000c00
         48000000 08000800 54000000 10001000 5c000000 10001000 d8000000 358288e2
         0501280a0000000f 44006f006d00610069006e00 5500730065007200
         43004f004d0050005500540045005200
         86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa
         68cd0ab851e51c96aabc927bebef6a1c
         0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000
         02000c0044006f006d00610069006e00 01000c00530065007200760065007200
         0000000000000000 c5dad2544fc9799094ce1ce90bc9d03e",
    )
}

#[test]
fn the_published_authenticate() {
    let bytes = published();
    let message = Authenticate::decode(&bytes).unwrap();
    assert_eq!(message.user.text, "User");
    assert_eq!(message.domain.text, "Domain");
    assert_eq!(message.workstation.text, "COMPUTER");
    assert_eq!(message.flags.bits(), 0xe288_8235);
    assert_eq!(message.session_key, &bytes[0xd8..]);
    assert_eq!(message.lm_response.len(), 24);
    // Its payload begins right behind Version.
    assert_eq!(message.mic, None);
    assert!(!message.is_anonymous());
    let response = Ntlm2Response::decode(message.nt_response).unwrap().unwrap();
    assert_eq!(response.proof[..], bytes[0x84..0x94]);
    let utf16 = |text: &str| super::text::utf16(text);
    assert_eq!(
        response.pairs.name(id::NB_DOMAIN),
        Some(&utf16("Domain")[..])
    );
    assert_eq!(
        response.pairs.name(id::NB_COMPUTER),
        Some(&utf16("Server")[..])
    );
    assert_eq!(response.pairs.timestamp, None);
}

/// CHALLENGE_MESSAGE of MS-NLMP 4.2.4.3, but for its Version.
#[test]
fn the_published_challenge() {
    let utf16 = |text: &str| super::text::utf16(text);
    let pairs = AvPairsBuilder::default()
        .pair(id::NB_DOMAIN, &utf16("Domain"))
        .pair(id::NB_COMPUTER, &utf16("Server"));
    let challenge = Challenge {
        flags: Flags::from_bits_retain(0xe28a_8233),
        nonce: hex("0123456789abcdef").try_into().unwrap(),
        target_name: &utf16("Server"),
        target_info: &pairs.finish(),
    };
    let mut expected = hex(
        "4e544c4d53535000 02000000 0c000c00 38000000 33828ae2 0123456789abcdef
         0000000000000000 24002400 44000000 0600701700 00000f
         530065007200760065007200
         02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000",
    );
    expected[48..56].copy_from_slice(&[10, 0, 0, 0, 0, 0, 0, 15]);
    assert_eq!(challenge.encode(), expected);
}

#[test]
fn sixteen_bytes_are_a_negotiate() {
    let short = hex("4e544c4d53535000 01000000 07820800");
    let message = Negotiate::decode(&short).unwrap();
    assert_eq!(message.flags.bits(), 0x0008_8207);
    for length in 0..16 {
        assert!(Negotiate::decode(&short[..length]).is_err(), "{length}");
    }
    let mut wrong = short.clone();
    wrong[8] = 3;
    assert!(Negotiate::decode(&wrong).is_err());
    assert!(Authenticate::decode(&short).is_err());
}

/// Lengths and offsets of parts: (the field's place, the part's own).
const FIELDS: [usize; 6] = [12, 20, 28, 36, 44, 52];

#[test]
fn parts_are_held_to_their_places() {
    let good = published();
    for field in FIELDS {
        for offset in [0_u32, 12, 63, 0xe8, 0x1_0000, u32::MAX - 3, u32::MAX] {
            let mut bytes = good.clone();
            bytes[field + 4..field + 8].copy_from_slice(&offset.to_le_bytes());
            assert!(Authenticate::decode(&bytes).is_err(), "{field} at {offset}");
        }
        let mut bytes = good.clone();
        bytes[field..field + 2].copy_from_slice(&[0xff, 0xff]);
        assert!(Authenticate::decode(&bytes).is_err(), "{field}");
        // An empty part may point anywhere.
        let mut bytes = good.clone();
        bytes[field..field + 8].copy_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert!(Authenticate::decode(&bytes).is_ok(), "{field}");
    }
    for length in 0..good.len() {
        assert!(Authenticate::decode(&good[..length]).is_err(), "{length}");
    }
}

#[test]
fn parts_may_not_overlap() {
    let good = published();
    for (one, two) in [(28, 36), (12, 20), (20, 52), (44, 28)] {
        let mut bytes = good.clone();
        let place: Vec<u8> = bytes[two + 4..two + 8].to_vec();
        bytes[one + 4..one + 8].copy_from_slice(&place);
        assert!(Authenticate::decode(&bytes).is_err(), "{one} on {two}");
    }
}

#[test]
fn names_are_text_or_refused() {
    let good = published();
    // Half a surrogate pair in the user's name.
    let mut bytes = good.clone();
    bytes[0x54..0x56].copy_from_slice(&[0x00, 0xd8]);
    assert!(Authenticate::decode(&bytes).is_err());
    // An odd number of bytes.
    let mut bytes = good.clone();
    bytes[36] = 7;
    assert!(Authenticate::decode(&bytes).is_err());
    // OEM characters: ASCII is what it is, anything else could be anybody.
    let mut bytes = good.clone();
    bytes[60] = bytes[60] & !1 | 2;
    assert_eq!(
        Authenticate::decode(&bytes).unwrap().user.text,
        "U\0s\0e\0r\0"
    );
    bytes[0x54] = 0x81;
    assert!(Authenticate::decode(&bytes).is_err());
}

/// Rule 34: where the MIC is depends on the room before the payload.
#[test]
fn the_mic_is_where_there_is_room() {
    for (version, room, expected) in [
        (true, 0, None),
        (true, 16, Some(72..88)),
        (false, 0, None),
        (false, 16, Some(64..80)),
        (true, 15, Some(64..80)),
    ] {
        let good = published();
        let header = if version { 72 } else { 64 };
        let mut bytes = good[..header].to_vec();
        bytes.extend(std::iter::repeat_n(0xEE, room));
        bytes.extend(&good[72..]);
        for field in FIELDS {
            let old = u32::from_le_bytes(good[field + 4..field + 8].try_into().unwrap());
            let new = old - 72 + u32::try_from(header + room).unwrap();
            bytes[field + 4..field + 8].copy_from_slice(&new.to_le_bytes());
        }
        let message = Authenticate::decode(&bytes).unwrap();
        assert_eq!(message.mic, expected, "version {version}, room {room}");
    }
}

#[test]
fn pairs_are_bounded_and_come_once() {
    let eol = [0, 0, 0, 0];
    let pairs = |bytes: &[u8]| AvPairs::decode(&[bytes, &eol].concat()).is_ok();
    assert!(pairs(b""));
    assert!(pairs(&hex("0100 0200 4100")));
    for bad in [
        "0100 0200 4100 0100 0200 4100", // twice
        "0a00 0f00 000102030405060708090a0b0c0d0e",
        "0600 0300 020000",
        "0700 0700 00000000000000",
        "0100 ffff 4100",
    ] {
        assert!(!pairs(&hex(bad)), "{bad}");
    }
    // Unknown ones may repeat, up to a bound.
    let unknown = |count| hex(&"63000000".repeat(count));
    assert!(pairs(&unknown(63)));
    assert!(!pairs(&unknown(64)));
    // The list must end.
    assert!(AvPairs::decode(&hex("0100 0200 4100")).is_err());
    assert!(AvPairs::decode(&[]).is_err());
    // What is behind its end does not count.
    assert!(
        AvPairs::decode(&hex("00000000 0600 0400 02000000"))
            .unwrap()
            .flags
            == 0
    );
}

#[test]
fn older_responses_are_told_apart() {
    for length in 0..=24 {
        assert_eq!(
            Ntlm2Response::decode(&vec![1; length]),
            Ok(None),
            "{length}"
        );
    }
    assert!(Ntlm2Response::decode(&[2; 60]).is_err());
    let mut short = vec![0; 16];
    short.extend([1, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert!(Ntlm2Response::decode(&short).is_err());
}

#[test]
fn nobody_is_nobody_only_without_any_response() {
    let good = published();
    let empty = |fields: &[usize]| {
        let mut bytes = good.clone();
        for field in fields {
            bytes[*field] = 0;
        }
        Authenticate::decode(&bytes).unwrap().is_anonymous()
    };
    assert!(empty(&[36, 20, 12]));
    assert!(!empty(&[36]));
    assert!(!empty(&[20, 12]));
    assert!(!empty(&[36, 20]));
}
