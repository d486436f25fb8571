//! The clock, in one place, so that a test can set it.

use core::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::calendar::date_of;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> SystemTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    // The one place that reads it (clippy.toml forbids it elsewhere).
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that nobody turns, for how long something takes.
// For what waits for other processes: a build without has no use for it.
#[allow(dead_code, clippy::disallowed_methods)]
pub(crate) fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// When a context ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Expiry {
    /// At this time, in UTC.
    At(SystemTime),
    /// Not at any time of its own (NTLM).
    Never,
}

impl Expiry {
    /// Whether `now` is at or past the end.
    #[must_use]
    pub fn is_past(self, now: SystemTime) -> bool {
        match self {
            Self::At(end) => now >= end,
            Self::Never => false,
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => Utc(*time).fmt(f),
            Self::Never => f.write_str("never"),
        }
    }
}

/// What becomes of a context whose ticket has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiredContexts {
    /// Its messages fail with
    /// [`Rejection::ContextExpired`](crate::Rejection::ContextExpired) from the
    /// ticket's end on, to the second. A ticket is accepted until the clock
    /// skew after its end (RFC 4120 3.2.3), so a context may be born ended: it
    /// says who the client is, and protects no message.
    #[default]
    Refuse,
    /// It goes on. For protocols whose sessions outlive the ticket by
    /// agreement, and end by other means.
    GoOn,
}

/// Displays a time as `2026-01-31 12:00:00 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc(pub SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = unix_seconds(self.0);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

/// Seconds since 1970, negative before.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            if before.subsec_nanos() > 0 {
                -whole - 1
            } else {
                -whole
            }
        }
    }
}

/// The time that lies `seconds` after 1970 (before it, if negative). What no
/// [`SystemTime`] can hold becomes 1970.
#[must_use]
pub fn from_unix_seconds(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(UNIX_EPOCH)
}

/// The time of a FILETIME (MS-DTYP 2.3.3): tenths of microseconds since 1601.
/// `None` for zero and for what stands for "never".
#[must_use]
pub(crate) fn from_file_time(ticks: u64) -> Option<SystemTime> {
    const NEVER: u64 = i64::MAX as u64;
    const TICKS: u64 = 10_000_000;
    /// Seconds from 1601 to 1970.
    const TO_UNIX: u64 = 11_644_473_600;
    if ticks == 0 || ticks >= NEVER {
        return None;
    }
    let nanos = u32::try_from(ticks % TICKS).ok()? * 100;
    let since_1601 = Duration::new(ticks / TICKS, nanos);
    let epoch = Duration::from_secs(TO_UNIX);
    match since_1601.checked_sub(epoch) {
        Some(after) => UNIX_EPOCH.checked_add(after),
        None => UNIX_EPOCH.checked_sub(epoch.saturating_sub(since_1601)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Expiry, Utc, from_file_time, from_unix_seconds, unix_seconds};

    /// MS-DTYP 2.3.3, and the distance of the epochs that Windows' own
    /// documentation of FILETIME has: 116444736000000000 ticks.
    #[test]
    fn file_times_count_from_1601() {
        let unix = |ticks| from_file_time(ticks).map(unix_seconds);
        assert_eq!(unix(116_444_736_000_000_000), Some(0));
        assert_eq!(unix(116_444_736_010_000_000), Some(1));
        assert_eq!(unix(1), Some(-11_644_473_600));
        for never in [0, i64::MAX as u64, u64::MAX] {
            assert_eq!(unix(never), None);
        }
    }

    /// Expected texts from `date -u -d @N`.
    #[test]
    fn times_print_as_date_prints_them() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(Utc(from_unix_seconds(seconds)).to_string(), text);
            assert_eq!(unix_seconds(from_unix_seconds(seconds)), seconds);
        }
    }

    #[test]
    fn the_end_itself_is_past() {
        let end = from_unix_seconds(100);
        assert!(Expiry::At(end).is_past(end));
        assert!(!Expiry::At(end).is_past(from_unix_seconds(99)));
        assert!(!Expiry::Never.is_past(end));
    }
}
