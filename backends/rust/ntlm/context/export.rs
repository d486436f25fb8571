//! An established NTLM context on its way to another process. Version 1:
//!
//! | what | |
//! |---|---|
//! | version | 1 byte |
//! | ExportedSessionKey | 16 bytes; missing for a client without a name |
//! | protection | missing without session security; 1 byte: 1 if it seals |
//! | directions | with a protection: what is sent, what is received (`per_message/state.rs`) |
//! | MIC announced | 1 byte |
//! | longest token | 4 bytes |

use super::{MicAnnounced, NtlmContext};
use crate::backends::rust::ntlm::crypto::Key;
use crate::backends::rust::ntlm::per_message::{MAX_MOVED, PerMessage};
use crate::encoding::{Reader, Writer};
use crate::error::{Error, Misuse};

const VERSION: u8 = 1;

impl NtlmContext {
    pub(crate) fn save(self, writer: &mut Writer) -> Result<(), Error> {
        let Self {
            messages,
            exported,
            announced,
            max_token,
        } = self;
        if messages.as_ref().is_some_and(|one| !one.can_move()) {
            return Err(too_far());
        }
        writer.u8(VERSION);
        writer.option(exported.as_ref(), |writer, key| writer.raw(key.expose()));
        writer.option(messages, |writer, messages| messages.save(writer));
        writer.flag(announced == MicAnnounced::Yes);
        writer.u32(u32::try_from(max_token).unwrap_or(u32::MAX));
        Ok(())
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.u8()? != VERSION {
            return None;
        }
        let exported = reader.option(|reader| reader.array().map(Key::new))?;
        let messages = reader.option(|reader| {
            // There are none without a key.
            PerMessage::restore(reader, exported.as_ref()?)
        })?;
        let announced = if reader.flag()? {
            MicAnnounced::Yes
        } else {
            MicAnnounced::No
        };
        let max_token = usize::try_from(reader.u32()?).ok()?;
        Some(Self::new(messages, exported, announced, max_token))
    }
}

fn too_far() -> Error {
    const { assert!(cfg!(any(fuzzing, test)) || MAX_MOVED == 1 << 30) };
    Misuse::Unsupported {
        backend: "rust",
        what: "exporting an NTLM context that has sealed more than a gigabyte",
    }
    .into()
}
