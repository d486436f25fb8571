//! One shard: an open-addressing table with linear probing.
//!
//! Why not a `HashMap`: it needs two distant cache lines a look-up where one
//! will do, drops expired entries only in a pass over all of them, and after
//! such a pass may double its memory rather than clear its tombstones. Here
//! removal moves later entries back instead of leaving a tombstone, so a table
//! that is always full of short-lived entries stays as good as new, and any
//! few slots can be swept on their own.

use super::fingerprint::Fingerprint;

/// The most entries of one shard. Its table then has 2048 slots, 32 KiB: it
/// is moved or swept whole within microseconds.
pub(super) const MAX_LIVE: u32 = 1536;

/// Two cache lines: the unit in which processors fetch ahead.
const NEIGHBOURS: usize = 8;
const FIRST_SLOTS: usize = NEIGHBOURS;

pub(super) enum Seen {
    First,
    Before,
    NoRoom,
    Forgotten { until: u32 },
}

enum Place {
    Taken(usize),
    Free(usize),
}

/// 16 bytes, four to a cache line.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Slot {
    fingerprint: Fingerprint,
    /// In seconds; 0 in an empty slot.
    expires: u32,
}

const EMPTY: Slot = Slot {
    fingerprint: [0; 3],
    expires: 0,
};

#[derive(Default)]
pub(super) struct Table {
    /// Empty, or a power of two of slots, at most three quarters of them used.
    slots: Box<[Slot]>,
    used: u32,
    /// No entry expires before this.
    soonest: u32,
    /// The latest expiry of an entry that was dropped. Whatever expires no
    /// later may be one of those, if the clock has gone back.
    forgotten: u32,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            soonest: u32::MAX,
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.used as usize
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Looks for it and inserts it. `expires` is not 0 and not before `now`.
    pub(super) fn insert(
        &mut self,
        fingerprint: Fingerprint,
        expires: u32,
        now: u32,
        limit: u32,
    ) -> Seen {
        let mut place = match self.find(fingerprint, now) {
            Place::Taken(place) => {
                // Expired but not dropped counts too: it is known to have been
                // used. It can come with a later expiry, when the skew was
                // raised in between; the later one holds.
                let slot = &mut self.slots[place];
                slot.expires = slot.expires.max(expires);
                return Seen::Before;
            }
            Place::Free(place) => place,
        };
        if expires <= self.forgotten {
            return Seen::Forgotten {
                until: self.forgotten,
            };
        }
        let dropped = self.slots.get(place).map_or(0, |slot| slot.expires);
        if dropped != 0 {
            self.forgotten = self.forgotten.max(dropped);
        } else {
            if !self.has_room(limit) {
                if !self.make_room(place, now, limit) {
                    return Seen::NoRoom;
                }
                place = self.empty_place(fingerprint);
            }
            self.used += 1;
        }
        self.slots[place] = Slot {
            fingerprint,
            expires,
        };
        self.soonest = self.soonest.min(expires);
        // Short of three quarters, where room would have to be made.
        if self.len() > self.slots.len() / 8 * 5 {
            self.sweep_around(place, now);
        }
        Seen::First
    }

    /// Where it is, or where it would go: the place of an entry on the way
    /// that has expired, which thus makes room without being removed, or else
    /// the first empty one (in a table without slots, of no meaning).
    fn find(&self, fingerprint: Fingerprint, now: u32) -> Place {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = home(fingerprint) & mask;
        let mut expired = None;
        while let Some(slot) = self.slots.get(place) {
            if slot.expires == 0 {
                break;
            }
            if slot.fingerprint == fingerprint {
                return Place::Taken(place);
            }
            if slot.expires < now && expired.is_none() {
                expired = Some(place);
            }
            place = (place + 1) & mask;
        }
        Place::Free(expired.unwrap_or(place))
    }

    /// The first empty slot on the way of one that is known not to be here.
    fn empty_place(&self, fingerprint: Fingerprint) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = home(fingerprint) & mask;
        while self.slots[place].expires != 0 {
            place = (place + 1) & mask;
        }
        place
    }

    fn has_room(&self, limit: u32) -> bool {
        self.used < limit && self.len() < self.slots.len() / 4 * 3
    }

    /// Drops what has expired, and grows if that does not give much. At the
    /// limit a sweep that freed nothing is not repeated before an entry can
    /// have expired, so that a full table refuses cheaply.
    fn make_room(&mut self, place: usize, now: u32, limit: u32) -> bool {
        self.sweep_around(place, now);
        if self.has_room(limit) {
            return true;
        }
        if self.soonest < now {
            self.sweep_all(now);
        }
        if self.used >= limit {
            return false;
        }
        let may_grow = self.slots.len() / 4 * 3 < limit as usize;
        // Still half full of live entries: the next sweep would come soon.
        if may_grow && self.len() * 2 >= self.slots.len() {
            self.grow();
        }
        true
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots].into());
        for slot in old.iter().filter(|slot| slot.expires != 0) {
            let place = self.empty_place(slot.fingerprint);
            self.slots[place] = *slot;
        }
    }

    /// Sweeps the slots next to one in use, whose cache lines are at hand:
    /// other slots would each cost a trip to memory. Places are random, so
    /// that at the latest with an eighth of the slots expired as many are
    /// dropped as come in, and a sweep of the whole table is seldom needed.
    fn sweep_around(&mut self, place: usize, now: u32) {
        if self.soonest >= now || self.slots.is_empty() {
            return;
        }
        let mut place = place & !(NEIGHBOURS - 1);
        let end = place + NEIGHBOURS;
        for _ in 0..NEIGHBOURS {
            place = self.sweep_at(place, now);
            if place == end {
                break;
            }
        }
    }

    fn sweep_all(&mut self, now: u32) {
        let mut place = 0;
        while place < self.slots.len() {
            place = self.sweep_at(place, now);
        }
        let expiries = self.slots.iter().map(|slot| slot.expires);
        self.soonest = expiries
            .filter(|&expires| expires != 0)
            .min()
            .unwrap_or(u32::MAX);
    }

    /// Drops what has expired in one slot, and gives the slot to go on with:
    /// the same one when something else moved in.
    fn sweep_at(&mut self, place: usize, now: u32) -> usize {
        let expires = self.slots[place].expires;
        if expires == 0 || expires >= now {
            return place + 1;
        }
        self.forgotten = self.forgotten.max(expires);
        self.remove(place);
        place
    }

    /// Empties a slot and moves back what probing would no longer reach.
    fn remove(&mut self, place: usize) {
        let mask = self.slots.len() - 1;
        let mut hole = place;
        let mut next = (hole + 1) & mask;
        // Ends at an empty slot; a quarter of them are.
        while self.slots[next].expires != 0 {
            let detour = next.wrapping_sub(home(self.slots[next].fingerprint)) & mask;
            if detour >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[hole] = EMPTY;
        self.used -= 1;
    }
}

/// Where a fingerprint goes if there is room, before the table's mask.
fn home(fingerprint: Fingerprint) -> usize {
    fingerprint[0] as usize
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Place, Seen, Table};
    use std::collections::HashMap;

    /// Random numbers that are the same each time (Knuth's MMIX generator).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: u64) -> u32 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((self.0 >> 33) % bound).unwrap()
        }
    }

    fn check_invariants(table: &Table, limit: u32) {
        let entries = table.slots.iter().filter(|slot| slot.expires != 0);
        assert_eq!(entries.clone().count(), table.len());
        assert!(table.used <= limit && table.len() <= table.slots.len() / 4 * 3);
        for slot in entries {
            let Place::Taken(place) = table.find(slot.fingerprint, 0) else {
                panic!("lost")
            };
            assert_eq!(table.slots[place].fingerprint, slot.fingerprint);
            assert!(slot.expires >= table.soonest);
        }
    }

    /// Against a map that forgets nothing, with homes crowded into few places
    /// (the wrap around the end among them), a clock that mostly goes on, and
    /// sometimes back.
    #[test]
    fn it_never_takes_for_new_what_a_map_remembers() {
        for (seed, limit, spread) in [(1, 5, 8), (2, 40, 16), (3, 200, 4096), (4, 1536, 4096)] {
            let mut numbers = Numbers(seed);
            let mut table = Table::new();
            let mut model: HashMap<Fingerprint, u32> = HashMap::new();
            let mut now = 1000;
            for step in 0..20_000 {
                match numbers.below(100) {
                    0 => now += numbers.below(40),
                    1 => now -= numbers.below(20).min(now - 1000),
                    2..=30 => now += u32::from(numbers.below(u64::from(limit)) < 8),
                    _ => {}
                }
                let home = numbers.below(spread).wrapping_sub(4);
                let fingerprint = [home, numbers.below(4), 7];
                let expires = now + numbers.below(60);
                // Dropped, it may be live again by a clock that went back.
                let from = now.max(table.forgotten + 1);
                let live = model.values().filter(|&&expires| expires >= from).count();
                match table.insert(fingerprint, expires, now, limit) {
                    Seen::First => {
                        let before = model.insert(fingerprint, expires);
                        assert!(before.is_none_or(|before| before < expires), "seed {seed}");
                        assert!(live < limit as usize);
                    }
                    Seen::Before => {
                        let known = model.get_mut(&fingerprint).expect("never inserted");
                        *known = expires.max(*known);
                    }
                    Seen::NoRoom => {
                        assert_eq!(table.used, limit);
                        let mut used = table.slots.iter().filter(|slot| slot.expires != 0);
                        assert!(
                            used.all(|slot| slot.expires >= now),
                            "an expired one in the way"
                        );
                    }
                    Seen::Forgotten { until } => assert!(expires <= until),
                }
                if step % 64 == 0 {
                    check_invariants(&table, limit);
                }
            }
            check_invariants(&table, limit);
        }
    }

    #[test]
    fn a_steady_stream_does_not_make_it_grow() {
        let mut table = Table::new();
        // 10 a second that live for 30 s: 300 at a time.
        for number in 0..100_000_u32 {
            let fingerprint = [number.wrapping_mul(0x9E37_79B9) >> 7, number, 0];
            let now = 1000 + number / 10;
            assert!(matches!(
                table.insert(fingerprint, now + 30, now, 1536),
                Seen::First
            ));
        }
        assert!(table.slots.len() <= 1024, "{} slots", table.slots.len());
    }
}
