//! Per-message tokens under RC4 (RFC 1964, RFC 4757 7).

use super::super::kerberos::crypto::Key;
use super::super::kerberos::per_message::{
    Agreed, Detection, KeyOrigin, Layout, MessageError, Messages, Role,
};
use crate::etype::EncryptionType;
use crate::message::{MessagePart, Protection};
use crate::secret::Secret;

const SENT: &[u8] = b"the quick brown fox jumps over the lazy dog";

fn end(role: Role, layout: Layout) -> Messages {
    let key = Secret::from(vec![0x23; 16]);
    Messages::new(Agreed {
        role,
        key: Key::new(EncryptionType::RC4_HMAC, key).expect("sixteen bytes"),
        origin: KeyOrigin::Other,
        first_sent: 0,
        first_received: 0,
        detection: Detection {
            replay: true,
            sequence: true,
        },
        layout,
        random: |out| out.fill(0x5a),
    })
}

/// Any bytes, and the peer's own tokens with the input's changes, whole and in
/// parts. What opens is what was sent. The first byte is the settings.
pub fn rc4_messages(input: &[u8]) {
    let (&settings, edits) = input.split_first().unwrap_or((&0, &[]));
    let layout = match settings & 1 {
        0 => Layout::Plain,
        _ => Layout::Dce,
    };
    let protection = match settings & 2 {
        0 => Protection::Integrity,
        _ => Protection::Confidentiality,
    };
    let (server, client) = (end(Role::Acceptor, layout), end(Role::Initiator, layout));
    let change = |token: &mut Vec<u8>| {
        for (to, from) in token.iter_mut().zip(edits) {
            *to ^= from;
        }
        if settings & 4 != 0 {
            token.truncate(edits.len());
        }
    };
    let mut token = client.wrap(protection, SENT).expect("a number is left");
    change(&mut token);
    let mut mic = client.mic(SENT).expect("a number is left");
    change(&mut mic);
    for token in [token.as_slice(), edits] {
        let copied = server.unwrap(token);
        let mut buffer = token.to_vec();
        match (&copied, server.unwrap_in_place(&mut buffer)) {
            (Ok(copied), Ok(placed)) => {
                assert_eq!(copied.data, SENT, "a message that nobody sent");
                assert_eq!(buffer[placed.data], *SENT, "not the same in place");
            }
            (Err(copied), Err(placed)) => assert_eq!(*copied, placed),
            (copied, placed) => panic!("{copied:?} and {placed:?}"),
        }
    }
    for mic in [mic.as_slice(), edits] {
        assert!(server.verify(b"another message", mic).is_err());
        if server.verify(SENT, mic).is_ok() {
            assert_eq!(mic.len(), 37, "a MIC with something behind it");
        }
    }
    parts(&server, &client, protection, &change, settings & 8 != 0);
}

fn parts(
    server: &Messages,
    client: &Messages,
    protection: Protection,
    change: &dyn Fn(&mut Vec<u8>),
    dce_padding: bool,
) {
    let room = client.sizes(protection).parts_header;
    let (mut header, mut data, mut padding) = (vec![0; room], SENT.to_vec(), vec![0]);
    let mut sent = [
        MessagePart::Header(&mut header),
        MessagePart::SignOnly(b"signed"),
        MessagePart::Data(&mut data),
        MessagePart::Padding(&mut padding),
    ];
    let used = client.wrap_parts(protection, &mut sent).expect("room");
    header.truncate(used.header);
    if !dce_padding {
        padding.truncate(used.padding);
    }
    change(&mut header);
    let mut received = [
        MessagePart::Header(&mut header),
        MessagePart::SignOnly(b"signed"),
        MessagePart::Data(&mut data),
        MessagePart::Padding(&mut padding),
    ];
    match server.unwrap_parts(&mut received) {
        Ok((found, _)) => assert_eq!((found, &data[..]), (protection, SENT)),
        Err(error) => assert_ne!(error, MessageError::Exhausted),
    }
}

#[cfg(test)]
mod tests {
    use super::rc4_messages;

    #[test]
    fn tokens_as_sent_and_damaged_are_no_trouble() {
        for settings in 0..16 {
            rc4_messages(&[settings]);
            for at in 0..100 {
                let mut input = vec![settings];
                input.resize(at + 1, 0);
                input.push(1);
                rc4_messages(&input);
            }
        }
    }
}
