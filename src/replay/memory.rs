//! The replay store in this process's memory.

mod fingerprint;
mod table;

use core::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{ReplayEntry, ReplayPurpose, ReplayStore, ReplayVerdict};
use crate::reply::Reply;
use crate::time::{from_unix_seconds, unix_seconds};
use fingerprint::Keys;
use table::{MAX_LIVE, Seen, Table};

/// A [`ReplayStore`] in the memory of this process, bounded, without a lock
/// that all share.
///
/// # Size
///
/// It holds what arrives while one authenticator is valid: **rate x twice the
/// skew**. At 300 s of skew the default of 1 000 000 entries is good for 1600
/// handshakes a second. When it is full it refuses (`Full`): it never forgets
/// a live entry.
///
/// It starts at 64 bytes for every 1300 entries of its capacity (48 KB by
/// default) and grows as entries come, by 21 to 43 bytes an entry; filled to
/// its capacity it takes 25. Memory once used is kept for the next burst.
///
/// # Time
///
/// Times count in whole seconds, rounded so that an entry is kept rather too
/// long. Expired entries make room a few at a time as others come in; the
/// time is that of the entries, no clock is read. If it goes back, what was
/// not expired is still there, and what may have been dropped is
/// [`TooOld`](ReplayVerdict::TooOld).
///
/// # Not for
///
/// Several processes that share a key (RFC 4120 section 3.2.3). A restart
/// forgets too: for that there is the option to refuse, after a start, what
/// was made before it.
pub struct MemoryReplayStore {
    shards: Box<[Shard]>,
    shard_limit: u32,
    keys: Keys,
}

/// On a cache line of its own, so that neighbours do not slow each other.
#[repr(align(64))]
struct Shard {
    table: Mutex<Table>,
    /// Of no meaning. To take a lock is to wait for its cache line, which the
    /// thread that had it last may have; to write beside it is to send for
    /// that line and wait for nothing.
    called_for: AtomicBool,
}

/// One line: what is beside the lock comes with it.
const _: () = assert!(size_of::<Shard>() == 64);

impl MemoryReplayStore {
    /// The capacity of [`new`](Self::new).
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// A store of [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY).
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// The store that configurations of this process share unless they are
    /// told otherwise: of [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY).
    ///
    /// The one thing in this crate that is the process's: a token for a key
    /// that two configurations hold (two listeners, a configuration built
    /// anew) must not pass at each of them.
    #[must_use]
    pub fn of_process() -> Arc<Self> {
        static STORE: LazyLock<Arc<MemoryReplayStore>> = LazyLock::new(Arc::default);
        Arc::clone(&STORE)
    }

    /// A store with room for this many live entries (1 to 2^30: anything else
    /// counts as the nearer of these). Beyond 1536 it consists of parts that
    /// do not fill evenly, and has a sixth more room so that none is full
    /// before its time; [`capacity`](Self::capacity) is the bound.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        let entries = entries.clamp(1, 1 << 30);
        let most = MAX_LIVE as usize;
        let (shards, limit) = if entries <= most {
            (1, entries)
        } else {
            // Filled to `entries`, a shard holds 1317 on average with a
            // deviation of 36: the limit of 1536 lies six deviations above.
            ((entries + entries / 6).div_ceil(most), most)
        };
        Self {
            shards: (0..shards).map(|_| Shard::new()).collect(),
            shard_limit: u32::try_from(limit).unwrap_or(MAX_LIVE),
            keys: Keys::random(),
        }
    }

    /// The number of live entries that it never exceeds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shards.len().saturating_mul(self.shard_limit as usize)
    }

    /// How many entries it holds, among them expired ones that have not made
    /// room yet. Visits every part: for metrics, not for each handshake.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().len() == 0)
    }

    /// How many bytes it takes, itself included.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables: usize = self.shards.iter().map(|shard| shard.lock().memory()).sum();
        size_of::<Self>() + size_of_val(&*self.shards) + tables
    }

    fn shard(&self, hash: u32) -> &Shard {
        // Scales the hash to the number of shards, which need not be a power
        // of two, without a division.
        let index = (u128::from(hash) * self.shards.len() as u128) >> 32;
        &self.shards[index as usize]
    }
}

impl Default for MemoryReplayStore {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayStore for MemoryReplayStore {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let (now, expires) = (seconds(entry.now), seconds_up(entry.expires));
        if expires < now {
            return Reply::Now(ReplayVerdict::TooOld {
                forgotten: entry.now,
            });
        }
        let (hash, fingerprint) = self.keys.fingerprint(entry.purpose, entry.tag);
        let seen = self
            .shard(hash)
            .lock()
            .insert(fingerprint, expires, now, self.shard_limit);
        Reply::Now(match seen {
            Seen::First => ReplayVerdict::Fresh,
            Seen::Before => ReplayVerdict::Replayed,
            Seen::NoRoom => ReplayVerdict::Full,
            Seen::Forgotten { until } => ReplayVerdict::TooOld {
                forgotten: from_unix_seconds(i64::from(until)),
            },
        })
    }

    fn prepare(&self, purpose: ReplayPurpose, tag: &[u8]) {
        let shard = self.shard(self.keys.shard(purpose, tag));
        shard.called_for.store(true, Ordering::Relaxed);
    }

    fn describe(&self) -> String {
        format!(
            "in this process's memory, at most {} entries; shared with no other process",
            self.capacity()
        )
    }

    fn may_block(&self) -> bool {
        false
    }
}

impl fmt::Debug for MemoryReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryReplayStore(at most {} entries)", self.capacity())
    }
}

impl Shard {
    fn new() -> Self {
        Self {
            table: Mutex::new(Table::new()),
            called_for: AtomicBool::new(false),
        }
    }

    /// A panic elsewhere on a thread that held it cannot have left the table
    /// half changed: nothing in the table panics.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole seconds since 1970, rounded down. Clamped to 32 bits: from the year
/// 2106 on entries would be kept for ever, and the store says `Full`.
fn seconds(time: SystemTime) -> u32 {
    u32::try_from(unix_seconds(time).max(0)).unwrap_or(u32::MAX)
}

/// Rounded up, and never 0, which marks an empty slot of the table.
fn seconds_up(time: SystemTime) -> u32 {
    let Ok(since) = time.duration_since(SystemTime::UNIX_EPOCH) else {
        return 1;
    };
    let part = u64::from(since.subsec_nanos() > 0);
    u32::try_from(since.as_secs().saturating_add(part)).map_or(u32::MAX, |seconds| seconds.max(1))
}
