//! Messages that go on in another process: 1 byte of protection (1 if it
//! seals), and for each direction, what we send first, 4 bytes of sequence
//! number, 8 bytes with how much of the cipher's stream is used, and 1 byte
//! that is 1 if the direction has ended. Keys follow from ExportedSessionKey,
//! and the cipher's state from how much of it is used: shorter than the state
//! itself, and nothing that could contradict the key.

use std::sync::{Mutex, PoisonError};

use rc4::StreamCipher as _;

use super::{Direction, PerMessage, State};
use crate::backends::rust::ntlm::crypto::{Key, Sender};
use crate::encoding::{Reader, Writer};
use crate::message::Protection;

/// How much of a cipher's stream may have been used when a context is moved,
/// in bytes: the other process goes through all of it, some seconds a
/// gigabyte.
///
/// A fuzzer would go through them all the time.
pub(crate) const MAX_MOVED: u64 = if cfg!(any(fuzzing, test)) {
    1 << 20
} else {
    1 << 30
};

impl PerMessage {
    /// Whether the other process could get to where this one is.
    pub(crate) fn can_move(&self) -> bool {
        [&self.send, &self.receive]
            .into_iter()
            .all(|direction| super::lock(direction).used <= MAX_MOVED)
    }

    pub(crate) fn save(self, writer: &mut Writer) {
        writer.flag(self.protection == Protection::Confidentiality);
        for direction in [self.send, self.receive] {
            let direction = direction.into_inner();
            direction
                .unwrap_or_else(PoisonError::into_inner)
                .save(writer);
        }
    }

    pub(crate) fn restore(reader: &mut Reader<'_>, exported: &Key) -> Option<Self> {
        let protection = if reader.flag()? {
            Protection::Confidentiality
        } else {
            Protection::Integrity
        };
        let [send, receive] = [Sender::Server, Sender::Client]
            .map(|sender| Direction::restore(reader, exported, sender).map(Mutex::new));
        Some(Self {
            send: send?,
            receive: receive?,
            protection,
        })
    }
}

impl Direction {
    fn save(&self, writer: &mut Writer) {
        writer.u32(self.sequence);
        writer.u64(self.used);
        writer.flag(self.state == State::Ended);
    }

    fn restore(reader: &mut Reader<'_>, exported: &Key, sender: Sender) -> Option<Self> {
        let mut direction = Self::new(exported, sender)?;
        direction.sequence = reader.u32()?;
        let used = reader.u64().filter(|used| *used <= MAX_MOVED)?;
        direction.state = if reader.flag()? {
            State::Ended
        } else {
            State::Good
        };
        let mut passed = [0; 1024];
        let mut left = used;
        while left > 0 {
            let length = left.min(passed.len() as u64);
            let part = passed.get_mut(..usize::try_from(length).ok()?)?;
            direction.cipher.apply_keystream(part);
            left -= length;
        }
        direction.used = used;
        Some(direction)
    }
}
