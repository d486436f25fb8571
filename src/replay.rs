//! What has been used once and must not be used again.

mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(test)]
mod tests;

use core::fmt;
use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

pub use memory::MemoryReplayStore;
#[cfg(feature = "redis")]
pub use redis::{RedisReplayOptions, RedisReplayStore};

use crate::reply::Reply;

/// Remembers what has been used: authenticators (RFC 4120 section 3.2.3),
/// suspended handshakes and exported contexts.
///
/// All servers that share a key must share the store, or an authenticator
/// replayed to the other one passes. [`MemoryReplayStore`] is for a key that
/// one process alone holds; a fleet behind one name needs an implementation
/// over a database that they share.
///
/// # What an implementation must do
///
/// * Look and insert in **one atomic step**: of any number of checks of the
///   same tag and purpose, on any thread or server, one alone is
///   [`Fresh`](ReplayVerdict::Fresh).
/// * Keep an entry until its `expires` has passed, that moment included; never
///   forget it earlier. Without room for it, say
///   [`Full`](ReplayVerdict::Full) or
///   [`Unavailable`](ReplayVerdict::Unavailable): anything but `Fresh` refuses
///   the client.
/// * Take the time from the entry, not from a clock. A database goes by a
///   clock of its own: keep entries longer there, by what clocks may differ.
/// * Not wait inside [`check`](Self::check): answer with
///   [`Reply::Later`], whose future owns what it needs (the entry is
///   borrowed; copy its tag). In a database one conditional insert with an
///   expiry does all of this, such as Redis' `SET key 1 NX PXAT time`.
///
/// Panicking is not an answer; neither is `Fresh` after an error.
pub trait ReplayStore: Send + Sync {
    /// Whether this is the first use, which from then on it no longer is.
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict>;

    /// A [`check`](Self::check) of this tag is likely to follow within
    /// microseconds. What it needs may be brought near by then; nothing is to
    /// be remembered, and nothing said.
    ///
    /// The tag is whatever the client sent: it has shown a ticket, and has
    /// proved nothing yet. Does nothing unless an implementation has a use
    /// for it, and is not called by every backend.
    fn prepare(&self, purpose: ReplayPurpose, tag: &[u8]) {
        let _ = (purpose, tag);
    }

    /// What an operator should know at start-up: where entries are kept, how
    /// many, who shares them. One line.
    fn describe(&self) -> String;

    /// Whether [`check`](Self::check) may answer later, so that a blocking
    /// caller may block. `true` unless an implementation knows better.
    fn may_block(&self) -> bool {
        true
    }
}

impl<S: ReplayStore + ?Sized> ReplayStore for Arc<S> {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        (**self).check(entry)
    }

    fn prepare(&self, purpose: ReplayPurpose, tag: &[u8]) {
        (**self).prepare(purpose, tag);
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn may_block(&self) -> bool {
        (**self).may_block()
    }
}

/// One use of something that may be used once.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ReplayEntry<'a> {
    /// What is used. Tags of different purposes are apart.
    pub purpose: ReplayPurpose,
    /// Which one: the integrity tag of the authenticator's ciphertext (12 to
    /// 24 bytes by encryption type), or the number of a suspended handshake.
    /// Two things that are not the same have different tags, up to the
    /// chance that a MAC leaves.
    pub tag: &'a [u8],
    /// Until when it must be remembered, this moment included: the last at
    /// which it would pass every other check. For an authenticator that is
    /// its ctime + cusec + skew, with the **longest** skew among all who
    /// share the store.
    pub expires: SystemTime,
    /// The time now, by the clock that the other checks went by.
    pub now: SystemTime,
    /// From when on it could have been used, where that is known: for an
    /// authenticator its ctime - skew, with the longest skew among all who
    /// share the store. A store whose memory begins later cannot know that
    /// it is fresh.
    pub since: Option<SystemTime>,
}

impl<'a> ReplayEntry<'a> {
    /// The use of the authenticator whose ciphertext has this integrity tag.
    #[must_use]
    pub fn authenticator(tag: &'a [u8], expires: SystemTime, now: SystemTime) -> Self {
        Self {
            purpose: ReplayPurpose::Authenticator,
            tag,
            expires,
            now,
            since: None,
        }
    }

    /// The resumption of the suspended handshake of this number.
    #[must_use]
    pub fn handshake(tag: &'a [u8], expires: SystemTime, now: SystemTime) -> Self {
        Self {
            purpose: ReplayPurpose::Handshake,
            tag,
            expires,
            now,
            since: None,
        }
    }

    /// With the time before which it was not of use to anybody.
    #[must_use]
    pub fn usable_since(mut self, since: SystemTime) -> Self {
        self.since = Some(since);
        self
    }

    /// The import of the sealed context of this number.
    #[must_use]
    pub fn context(tag: &'a [u8], expires: SystemTime, now: SystemTime) -> Self {
        Self {
            purpose: ReplayPurpose::Context,
            tag,
            expires,
            now,
            since: None,
        }
    }
}

impl fmt::Debug for ReplayEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayEntry")
            .field("purpose", &self.purpose)
            .field("expires", &self.expires)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What a [`ReplayEntry`] is the use of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplayPurpose {
    /// An authenticator, in an AP-REQ.
    Authenticator,
    /// A handshake that was suspended, and is resumed.
    Handshake,
    /// An established context that was sealed, and is imported.
    Context,
}

impl ReplayPurpose {
    /// A name that does not change between versions, for a database's keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticator => "authenticator",
            Self::Handshake => "handshake",
            Self::Context => "context",
        }
    }
}

/// A [`ReplayStore`]'s answer. All but [`Fresh`](Self::Fresh) refuse the
/// client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayVerdict {
    /// The first use. It is remembered.
    Fresh,
    /// It has been used before.
    Replayed,
    /// The store holds as many live entries as it may. Not remembered: a
    /// retry may pass once others have expired.
    Full,
    /// It expires no later than entries that the store has dropped as past,
    /// so it may be one of them. Seen when the clock was set back (until it
    /// is past `forgotten` again, or the store is made anew), and for an
    /// entry that had expired before it was checked.
    TooOld {
        /// Entries that expire until this moment may have been dropped.
        forgotten: SystemTime,
    },
    /// The store could not be asked.
    Unavailable {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}
