use super::{Key, MessageError, PerMessage, Sender};
use crate::message::{MessagePart, Protection};

const EXPORTED: [u8; 16] = [0x55; 16];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap())
        .collect()
}

fn ends(protection: Protection) -> (PerMessage, PerMessage) {
    let key = Key::new(EXPORTED);
    let client = PerMessage::new(&key, Sender::Client, Sender::Server, protection);
    let server = PerMessage::acceptor(&key, protection);
    (client.unwrap(), server.unwrap())
}

/// MS-NLMP 4.2.4.4: "Plaintext" in UTF-16, sealed by the client, number 0.
#[test]
fn the_published_message() {
    let (client, server) = ends(Protection::Confidentiality);
    let plain = hex("50006c00610069006e007400650078007400");
    let token = client.wrap(&plain).unwrap();
    let expected = "010000007fb38ec5c55d497600000000" // signature
        .to_owned()
        + "54e50165bf1936dc996020c1811b0f06fb5f";
    assert_eq!(token, hex(&expected));
    let mut buffer = hex(&expected);
    let data = server.unwrap_in_place(&mut buffer).unwrap();
    assert_eq!(buffer[data], plain);
}

#[test]
fn numbers_are_strict() {
    let (client, server) = ends(Protection::Confidentiality);
    let (mut first, mut second) = (client.wrap(b"1").unwrap(), client.wrap(b"2").unwrap());
    // Out of order: refused, and nothing has moved.
    let early = server.unwrap_in_place(&mut second.clone());
    assert_eq!(early, Err(MessageError::Sequence));
    let replay = first.clone();
    assert!(server.unwrap_in_place(&mut first).is_ok());
    assert_eq!(
        server.unwrap_in_place(&mut replay.clone()),
        Err(MessageError::Sequence)
    );
    assert!(server.unwrap_in_place(&mut second).is_ok());
}

#[test]
fn every_altered_bit_is_noticed_and_ends_the_direction() {
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        for bit in 0..8 * 20 {
            let (client, server) = ends(protection);
            let mut token = client.wrap(b"data").unwrap();
            token[bit / 8] ^= 1 << (bit % 8);
            let opened = server.unwrap_in_place(&mut token);
            let in_clear = bit / 8 < 4 || (12..16).contains(&(bit / 8));
            if in_clear {
                assert_eq!(opened, Err(MessageError::Sequence), "bit {bit}");
            } else {
                assert_eq!(opened, Err(MessageError::Integrity), "bit {bit}");
                let mut good = client.wrap(b"more").unwrap();
                assert_eq!(server.unwrap_in_place(&mut good), Err(MessageError::Ended));
            }
            // The other direction goes on.
            assert!(
                client
                    .unwrap_in_place(&mut server.wrap(b"x").unwrap())
                    .is_ok()
            );
        }
    }
}

#[test]
fn reflected_and_short_tokens_are_refused() {
    let (_, server) = ends(Protection::Integrity);
    let mut own = server.wrap(b"data").unwrap();
    assert_eq!(
        server.unwrap_in_place(&mut own),
        Err(MessageError::Integrity)
    );
    let (client, server) = ends(Protection::Integrity);
    let token = client.wrap(b"").unwrap();
    for length in 0..16 {
        let mut short = token[..length].to_vec();
        assert_eq!(
            server.unwrap_in_place(&mut short),
            Err(MessageError::TooShort)
        );
        assert_eq!(server.verify(b"", &short), Err(MessageError::TooShort));
    }
    assert!(server.verify(b"", &[&token[..], &[0]].concat()).is_err());
    assert!(server.unwrap_in_place(&mut token.clone()).is_ok());
}

/// Parts are one message: what one end wraps in one piece, the other opens in
/// several.
#[test]
fn parts_are_the_message() {
    let (client, server) = ends(Protection::Confidentiality);
    let whole = client.wrap(b"headdatatail").unwrap();
    let (mut header, mut data) = (whole[..16].to_vec(), whole[16..].to_vec());
    let (one, two) = data.split_at_mut(5);
    let mut parts = [
        MessagePart::Header(&mut header),
        MessagePart::Data(one),
        MessagePart::Data(two),
    ];
    server.unwrap_parts(&mut parts).unwrap();
    assert_eq!(data, b"headdatatail");
    // What is signed only stays as it is, and counts.
    for (tail, good) in [(b"tail", true), (b"tale", false)] {
        let (client, server) = ends(Protection::Confidentiality);
        let (mut header, mut data) = (vec![0; 16], b"data".to_vec());
        let used = client.wrap_parts(
            Protection::Confidentiality,
            &mut [
                MessagePart::SignOnly(b"head"),
                MessagePart::Data(&mut data),
                MessagePart::SignOnly(b"tail"),
                MessagePart::Header(&mut header),
            ],
        );
        assert_eq!(used, Ok(()));
        assert_ne!(data, b"data");
        let opened = server.unwrap_parts(&mut [
            MessagePart::Header(&mut header),
            MessagePart::SignOnly(b"head"),
            MessagePart::Data(&mut data),
            MessagePart::SignOnly(tail),
        ]);
        assert_eq!(opened.is_ok(), good);
        assert_eq!(data, if good { b"data" } else { &[0; 4] });
    }
    let (client, _) = ends(Protection::Integrity);
    let mut short = [0; 15];
    let parts = &mut [MessagePart::Header(&mut short)];
    assert_eq!(
        client.wrap_parts(Protection::Integrity, parts),
        Err(MessageError::NoRoom)
    );
    assert_eq!(
        client.wrap_parts(Protection::Integrity, &mut []),
        Err(MessageError::Parts)
    );
}

#[test]
fn in_place_needs_room_and_gives_the_same() {
    let (client, server) = ends(Protection::Confidentiality);
    let mut buffer = [&[0; 20][..], b"message"].concat();
    let token = client.wrap_in_place(&mut buffer, 20..27).unwrap();
    assert_eq!(token, 4..27);
    let data = server.unwrap_in_place(&mut buffer[token]).unwrap();
    assert_eq!(data, 16..23);
    for range in [15..20, 20..40] {
        let result = client.wrap_in_place(&mut buffer, range);
        assert_eq!(result, Err(MessageError::NoRoom));
    }
}
