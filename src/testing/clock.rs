//! A clock that a test turns.

use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::{Clock, SystemClock, Utc};

/// A clock that a test turns, for
/// [`ConfigBuilder::clock`](crate::ConfigBuilder::clock).
///
/// It goes with the system's clock, turned by what [`advance`](Self::advance)
/// and [`turn_back`](Self::turn_back) say; or it stands still, once
/// [`set`](Self::set) or [`standing`](Self::standing) has given it a time.
pub struct TestClock(Mutex<Hands>);

#[derive(Clone, Copy)]
enum Hands {
    Going { ahead: Duration, behind: Duration },
    Standing(SystemTime),
}

impl TestClock {
    /// A clock that goes with the system's.
    #[must_use]
    pub fn going() -> Self {
        Self(Mutex::new(Hands::Going {
            ahead: Duration::ZERO,
            behind: Duration::ZERO,
        }))
    }

    /// A clock that stands at `time` until it is turned.
    #[must_use]
    pub fn standing(time: SystemTime) -> Self {
        Self(Mutex::new(Hands::Standing(time)))
    }

    /// Sets it to `time`, where it stands.
    pub fn set(&self, time: SystemTime) {
        *self.hands() = Hands::Standing(time);
    }

    /// Turns it forward.
    pub fn advance(&self, by: Duration) {
        match &mut *self.hands() {
            Hands::Going { ahead, .. } => *ahead += by,
            Hands::Standing(time) => *time += by,
        }
    }

    /// Turns it back.
    pub fn turn_back(&self, by: Duration) {
        match &mut *self.hands() {
            Hands::Going { behind, .. } => *behind += by,
            Hands::Standing(time) => *time -= by,
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::going()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        match *self.hands() {
            Hands::Going { ahead, behind } => SystemClock.now() + ahead - behind,
            Hands::Standing(time) => time,
        }
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestClock({})", Utc(self.now()))
    }
}
