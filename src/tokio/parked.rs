//! Handshakes between two tokens: bounded in number and age.

use std::collections::BTreeMap;

use ::tokio::time::Instant;

use crate::tokio::{AsyncAcceptor, Handshakes};

/// A handshake that [`Handshakes::park`] keeps. Dropped, it is over.
#[derive(Debug)]
#[must_use]
pub struct Parked {
    handshakes: Handshakes,
    number: u64,
}

/// In the order of their numbers, which is that of their age.
#[derive(Default)]
pub(super) struct Table {
    kept: BTreeMap<u64, (Instant, AsyncAcceptor)>,
    next: u64,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

impl Parked {
    pub(super) fn new(handshakes: &Handshakes, acceptor: AsyncAcceptor) -> Self {
        let mut table = handshakes.table();
        let number = table.next;
        // 2^64 handshakes take longer than any server runs.
        table.next = number.wrapping_add(1);
        table.kept.insert(number, (Instant::now(), acceptor));
        drop(table);
        let handshakes = handshakes.clone();
        Self { handshakes, number }
    }

    /// Goes on with it, unless it has become too old or had to make room.
    #[must_use]
    pub fn take(self) -> Option<AsyncAcceptor> {
        let max_age = self.handshakes.config().limits().max_age;
        let (since, acceptor) = self.handshakes.table().kept.remove(&self.number)?;
        (since.elapsed() <= max_age).then_some(acceptor)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // What is removed is dropped after the lock.
        let removed = self.handshakes.table().kept.remove(&self.number);
        drop(removed);
    }
}

impl Handshakes {
    /// Ends the handshakes that are too old, and the oldest if there is no
    /// room for one more.
    pub(super) fn make_room(&self) {
        let limits = *self.config().limits();
        let mut ended = Vec::new();
        let mut table = self.table();
        while let Some(oldest) = table.kept.first_entry() {
            if oldest.get().0.elapsed() <= limits.max_age {
                break;
            }
            ended.push(oldest.remove());
        }
        // Counted where all of them are: also those that somebody else keeps.
        let open = self.config().half_open().saturating_sub(ended.len());
        if open >= limits.max_half_open
            && let Some((_, oldest)) = table.kept.pop_first()
        {
            ended.push(oldest);
        }
        drop(table);
        drop(ended);
    }
}
