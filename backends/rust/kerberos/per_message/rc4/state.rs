//! Messages under RC4 that go on in another process.

use core::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use super::super::state::{restore_manner, save_manner};
use super::super::window::SequenceWindow;
use super::{Key, MessageKeys, NUMBERS, Rc4Messages};
use crate::encoding::{Reader, Writer};

impl Rc4Messages {
    pub(in super::super) fn save(self, writer: &mut Writer) {
        save_manner(writer, self.role, self.layout);
        writer.u32(self.first_sent);
        writer.u32(self.first_received);
        writer.u64(self.sent.into_inner());
        let window = self.window.into_inner();
        window.unwrap_or_else(PoisonError::into_inner).save(writer);
    }

    pub(in super::super) fn restore(
        reader: &mut Reader<'_>,
        (key, keys): (Key, MessageKeys),
        random: fn(&mut [u8]),
    ) -> Option<Self> {
        let (role, layout) = restore_manner(reader)?;
        Some(Self {
            role,
            key,
            keys: Box::new(keys),
            first_sent: reader.u32()?,
            first_received: reader.u32()?,
            // At the end of its numbers a context has none left.
            sent: AtomicU64::new(reader.u64().filter(|sent| *sent <= NUMBERS)?),
            window: Mutex::new(SequenceWindow::restore(reader)?),
            layout,
            random,
        })
    }
}
