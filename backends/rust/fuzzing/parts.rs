//! Messages in parts: any cut, any change.

use super::super::kerberos::per_message::{Layout, Role};
use super::forge::{Bytes, key};
use super::handshake::engine;
use crate::etype::EncryptionType;
use crate::message::{MessagePart, Protection};

/// A byte of settings, then parts (kind and length), the changes of the
/// header and those of the other parts. What opens is what was sent.
pub fn parts(input: &[u8]) {
    let mut bytes = Bytes(input);
    let settings = bytes.u8();
    let etype = EncryptionType::DEFAULT[usize::from(settings & 3)];
    let protection = match settings & 4 {
        0 => Protection::Integrity,
        _ => Protection::Confidentiality,
    };
    let layout = match settings & 8 {
        0 => Layout::Plain,
        _ => Layout::Dce,
    };
    let side = |role| engine(role, key(etype, 4), layout, 0);
    let (server, client) = (side(Role::Acceptor), side(Role::Initiator));
    let count = bytes.u8() % 8;
    let sent: Vec<(u8, Vec<u8>)> = (0..count)
        .map(|n| (bytes.u8(), vec![0xA0 + n; usize::from(bytes.u8())]))
        .collect();
    let mut header = vec![0; client.sizes(protection).parts_header];
    let mut wrapped = sent.clone();
    let used = client.wrap_parts(protection, &mut lay_out(&mut wrapped, &mut header));
    assert_eq!(used.expect("a message").header, header.len());
    let (good, whole) = (header.clone(), wrapped.clone());
    match settings & 0x30 {
        // Any bytes at all.
        0x30 => header = bytes.0.to_vec(),
        0x20 => {
            let length = usize::from(bytes.u8());
            header.resize(length, 0);
        }
        _ => {}
    }
    let parts = wrapped.iter_mut().flat_map(|(_, part)| part);
    for (to, from) in header.iter_mut().chain(parts).zip(bytes.0) {
        *to ^= from;
    }
    let changed = header != good || wrapped != whole;
    let got = server.unwrap_parts(&mut lay_out(&mut wrapped, &mut header));
    match got {
        Ok((own, _)) => {
            assert!(!changed, "a message that nobody sent");
            assert_eq!(own, protection, "protected otherwise");
            assert_eq!(wrapped, sent, "another message");
        }
        Err(error) => assert!(changed, "what was sent does not open: {error}"),
    }
}

/// Even kinds are data, odd ones signed alone; the header is behind the first.
fn lay_out<'a>(parts: &'a mut [(u8, Vec<u8>)], header: &'a mut [u8]) -> Vec<MessagePart<'a>> {
    let mut all: Vec<_> = parts
        .iter_mut()
        .map(|(kind, bytes)| match *kind % 2 {
            0 => MessagePart::Data(bytes),
            _ => MessagePart::SignOnly(bytes),
        })
        .collect();
    all.insert(all.len().min(1), MessagePart::Header(header));
    all
}
