//! Messages that go on in another process: what is not a key of theirs, in
//! the order written here.

use core::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use super::super::crypto::Key;
use super::rc4::Rc4Messages;
use super::{Detection, KeyOrigin, Keys, Layout, Messages, PerMessage, Role, SequenceWindow};
use crate::encoding::{Reader, Writer};

impl Messages {
    /// Writes where both directions stand.
    pub(crate) fn save(self, writer: &mut Writer) {
        match self {
            Self::Rfc4121(messages) => messages.save(writer),
            Self::Rfc1964(messages) => messages.save(writer),
        }
    }

    /// Goes on from there. The key says which tokens go with it, as when it
    /// was agreed on.
    pub(crate) fn restore(
        reader: &mut Reader<'_>,
        key: Key,
        random: fn(&mut [u8]),
    ) -> Option<Self> {
        match key.rc4_message_keys() {
            Some(keys) => Rc4Messages::restore(reader, (key, keys), random).map(Self::Rfc1964),
            None => PerMessage::restore(reader, key, random).map(Self::Rfc4121),
        }
    }
}

impl PerMessage {
    fn save(self, writer: &mut Writer) {
        save_manner(writer, self.role, self.layout);
        writer.flag(self.origin == KeyOrigin::AcceptorSubkey);
        writer.u64(self.next_sent.into_inner());
        let window = self.window.into_inner();
        window.unwrap_or_else(PoisonError::into_inner).save(writer);
    }

    fn restore(reader: &mut Reader<'_>, key: Key, random: fn(&mut [u8])) -> Option<Self> {
        let (role, layout) = restore_manner(reader)?;
        let origin = if reader.flag()? {
            KeyOrigin::AcceptorSubkey
        } else {
            KeyOrigin::Other
        };
        let next_sent = reader.u64()?;
        let window = SequenceWindow::restore(reader)?;
        Some(Self {
            role,
            origin,
            keys: Keys::new(key, role),
            next_sent: AtomicU64::new(next_sent),
            window: Mutex::new(window),
            layout,
            random,
        })
    }
}

pub(super) fn save_manner(writer: &mut Writer, role: Role, layout: Layout) {
    writer.flag(role == Role::Acceptor);
    writer.flag(layout == Layout::Dce);
}

pub(super) fn restore_manner(reader: &mut Reader<'_>) -> Option<(Role, Layout)> {
    let role = if reader.flag()? {
        Role::Acceptor
    } else {
        Role::Initiator
    };
    let layout = if reader.flag()? {
        Layout::Dce
    } else {
        Layout::Plain
    };
    Some((role, layout))
}

impl Detection {
    pub(super) fn save(self, writer: &mut Writer) {
        writer.flag(self.replay);
        writer.flag(self.sequence);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            replay: reader.flag()?,
            sequence: reader.flag()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Agreed, Detection, KeyOrigin, Layout, Messages, Role};
    use crate::backends::rust::kerberos::crypto::Key;
    use crate::encoding::{Reader, Writer};
    use crate::etype::EncryptionType;
    use crate::message::{Protection, SequenceState};
    use crate::secret::Secret;

    const BOTH: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];

    fn random(bytes: &mut [u8]) {
        bytes.fill(0x5A);
    }

    fn key(etype: EncryptionType) -> Key {
        let length = etype.key_length().unwrap();
        Key::new(etype, Secret::copy_from(&vec![0x42; length])).unwrap()
    }

    fn end(etype: EncryptionType, role: Role, layout: Layout) -> Messages {
        let own = u32::from(role == Role::Acceptor) * 0x1234_5678;
        let peer = u32::from(role == Role::Initiator) * 0x1234_5678;
        Messages::new(Agreed {
            role,
            key: key(etype),
            origin: KeyOrigin::AcceptorSubkey,
            first_sent: own,
            first_received: peer,
            detection: Detection {
                replay: true,
                sequence: true,
            },
            layout,
            random,
        })
    }

    fn moved(messages: Messages, etype: EncryptionType) -> Messages {
        let mut writer = Writer::new();
        messages.save(&mut writer);
        let bytes = writer.finish();
        for length in 0..bytes.len() {
            let mut reader = Reader::new(&bytes.expose()[..length]);
            assert!(Messages::restore(&mut reader, key(etype), random).is_none());
        }
        let mut reader = Reader::new(bytes.expose());
        let messages = Messages::restore(&mut reader, key(etype), random).expect("restores");
        assert!(reader.finish().is_some());
        messages
    }

    const ETYPES: [EncryptionType; 5] = [
        EncryptionType::AES128_CTS_HMAC_SHA1_96,
        EncryptionType::AES256_CTS_HMAC_SHA1_96,
        EncryptionType::AES128_CTS_HMAC_SHA256_128,
        EncryptionType::AES256_CTS_HMAC_SHA384_192,
        EncryptionType::RC4_HMAC,
    ];

    /// RFC 2743 1.2.3 and 1.2.12: sequence state goes along, and the peer
    /// notices nothing.
    #[test]
    fn the_peer_notices_nothing() {
        for etype in ETYPES {
            for layout in [Layout::Plain, Layout::Dce] {
                let client = end(etype, Role::Initiator, layout);
                let mut server = end(etype, Role::Acceptor, layout);
                for protection in BOTH {
                    let token = client.wrap(protection, b"to the server").unwrap();
                    let got = server.unwrap(&token).unwrap();
                    assert_eq!(got.sequence, SequenceState::InOrder);
                    server = moved(server, etype);
                    // What was seen before the move has been seen.
                    let again = server.unwrap(&token).unwrap();
                    assert_eq!(again.sequence, SequenceState::Duplicate);
                    let token = server.wrap(protection, b"to the client").unwrap();
                    let got = client.unwrap(&token).unwrap();
                    assert_eq!(got.data, b"to the client");
                    assert_eq!(got.sequence, SequenceState::InOrder);
                    let mic = server.mic(b"signed").unwrap();
                    let state = client.verify(b"signed", &mic).unwrap();
                    assert_eq!(state, SequenceState::InOrder);
                }
            }
        }
    }

    /// Numbers that are missing at the move may still come, once.
    #[test]
    fn what_is_missing_may_come_later() {
        for etype in ETYPES {
            let client = end(etype, Role::Initiator, Layout::Plain);
            let mut server = end(etype, Role::Acceptor, Layout::Plain);
            let late = client.wrap(Protection::Integrity, b"1").unwrap();
            let next = client.wrap(Protection::Integrity, b"2").unwrap();
            assert_eq!(server.unwrap(&next).unwrap().sequence, SequenceState::Gap);
            server = moved(server, etype);
            let found = server.unwrap(&late).unwrap().sequence;
            assert_eq!(found, SequenceState::Unsequenced);
            server = moved(server, etype);
            let found = server.unwrap(&late).unwrap().sequence;
            assert_eq!(found, SequenceState::Duplicate);
        }
    }
}
