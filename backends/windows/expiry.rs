//! `TimeStamp`: local time, in 100 ns since 1601 (AcceptSecurityContext,
//! `ptsExpiry`).

use std::time::Duration;

use super::system::System;
use crate::time::{Expiry, from_unix_seconds};

/// Seconds from 1601 to 1970.
const TO_UNIX: u64 = 11_644_473_600;
const TICKS: u64 = 10_000_000;
/// From here on it means "never": the packages write the greatest time there
/// is (0x7FFF_FFFF_FFFF_FFFF) or one near it, which is local time too. This
/// one is in the year 30 828, the last that FILETIME's functions take.
const NEVER: i64 = 0x7FFF_0000_0000_0000;

/// When a context ends. `None` for what is no time.
pub(super) fn read(local: i64, system: &dyn System) -> Option<Expiry> {
    if local < 0 {
        return None;
    }
    if local >= NEVER {
        return Some(Expiry::Never);
    }
    let ticks = u64::try_from(system.to_utc(local)?).ok()?;
    let seconds = i64::try_from(ticks / TICKS).ok()?;
    let start = from_unix_seconds(seconds.checked_sub(i64::try_from(TO_UNIX).ok()?)?);
    let rest = Duration::from_nanos(ticks % TICKS * 100);
    start.checked_add(rest).map(Expiry::At)
}
