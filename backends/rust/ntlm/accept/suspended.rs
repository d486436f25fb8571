//! NTLM handshakes that go on in another process: what went into the
//! CHALLENGE, and the NEGOTIATE as it came.

use std::sync::Arc;

use super::offer::Offer;
use super::{AwaitAuthenticate, AwaitNegotiate, MAX_NEGOTIATE};
use crate::backends::rust::Shared;
use crate::backends::rust::ntlm::codec::Flags;
use crate::backends::rust::suspended::{self, Awaits, read_framing, write_framing};
use crate::encoding::Reader;
use crate::error::Error;
use crate::secret::Secret;

impl AwaitNegotiate {
    pub(super) fn save(self) -> Result<Secret, Error> {
        suspended::save(Awaits::Negotiate, |writer| {
            write_framing(writer, self.framing);
            Ok(())
        })
    }
}

impl AwaitAuthenticate {
    pub(super) fn save(self) -> Result<Secret, Error> {
        let Self {
            shared: _,
            framing,
            negotiate,
            offer:
                Offer {
                    flags,
                    challenge,
                    timestamp,
                },
        } = self;
        suspended::save(Awaits::Authenticate, |writer| {
            write_framing(writer, framing);
            writer.bytes(&negotiate);
            writer.u32(flags.bits());
            writer.raw(&challenge);
            writer.raw(&timestamp);
            Ok(())
        })
    }

    pub(in crate::backends::rust) fn restore(
        reader: &mut Reader<'_>,
        shared: &Arc<Shared>,
    ) -> Option<Self> {
        let framing = read_framing(reader)?;
        let negotiate = reader.bytes()?;
        if negotiate.len() > MAX_NEGOTIATE {
            return None;
        }
        let offer = Offer {
            flags: Flags::from_bits_retain(reader.u32()?),
            challenge: reader.array()?,
            timestamp: reader.array()?,
        };
        Some(Self {
            shared: Arc::clone(shared),
            framing,
            negotiate: negotiate.into(),
            offer,
        })
    }
}
