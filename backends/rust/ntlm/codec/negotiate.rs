//! NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1).

use super::message::Message;
use super::{Decoded, Flags};

/// The client's first message. The names in it are the client's guess at its
/// own, prove nothing, and are not read; some clients leave them out
/// altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiate {
    pub(crate) flags: Flags,
}

impl Negotiate {
    pub(crate) fn decode(bytes: &[u8]) -> Decoded<Self> {
        let message = Message::new("NEGOTIATE", bytes, 1, 16)?;
        Ok(Self {
            flags: Flags::from_bits_retain(message.u32(12)?),
        })
    }
}
