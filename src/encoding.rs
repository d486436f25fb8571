//! What leaves a process: plain values, big-endian, each list with its length
//! in front. Reading is total and bounded by what is there: a length that is
//! longer than the rest is an end, and nothing is allocated for one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// Writes values one after the other. What it holds may be secret: it is
/// wiped when it grows and when it is dropped.
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// Room for a context or a handshake without a PAC.
    const ROOM: usize = 512;

    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(Self::ROOM)))
    }

    /// All that was written.
    pub(crate) fn finish(self) -> Secret {
        Secret::copy_from(&self.0)
    }

    /// Bytes as they are, without a length.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            // A vector that grows by itself leaves its old bytes behind.
            let mut larger = Vec::with_capacity(needed.saturating_mul(2));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            *self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Bytes with their length in 32 bits. Longer ones are cut off, which no
    /// reader takes for whole: what follows is not what it expects.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.u32(length);
        self.raw(bytes);
    }

    /// Bytes that are short in all but strange cases: their length in one
    /// octet below 255, else 255 and 32 bits.
    pub(crate) fn short(&mut self, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(length) if length < u8::MAX => {
                self.u8(length);
                self.raw(bytes);
            }
            _ => {
                self.u8(u8::MAX);
                self.bytes(bytes);
            }
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.short(text.as_bytes());
    }

    /// Seconds since 1970, signed, and nanoseconds.
    pub(crate) fn time(&mut self, time: SystemTime) {
        let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (
                i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                after.subsec_nanos(),
            ),
            // Rounded down to a whole second: nobody's ticket is that old.
            Err(_) => (crate::time::unix_seconds(time), 0),
        };
        self.raw(&seconds.to_be_bytes());
        self.u32(nanos);
    }

    /// What may be there or not.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// The years 1 to 9999, in seconds since 1970: what can be shown as a date.
const YEARS: core::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Reads them again. `None` is what no writer has written.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// That nothing is left.
    pub(crate) fn finish(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// So many bytes.
    pub(crate) fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// As many as the array has.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// 0 or 1, and nothing else.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.raw(length)
    }

    pub(crate) fn short(&mut self) -> Option<&'a [u8]> {
        match self.u8()? {
            u8::MAX => self.bytes(),
            length => self.raw(length.into()),
        }
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.short()?).ok()
    }

    pub(crate) fn time(&mut self) -> Option<SystemTime> {
        let seconds = i64::from_be_bytes(self.array()?);
        if !YEARS.contains(&seconds) {
            return None;
        }
        let nanos = self.u32().filter(|nanos| *nanos < 1_000_000_000)?;
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let whole = if seconds < 0 {
            UNIX_EPOCH.checked_sub(distance)?
        } else {
            UNIX_EPOCH.checked_add(distance)?
        };
        whole.checked_add(Duration::from_nanos(nanos.into()))
    }

    /// What may be there or not: `Some(None)` if it is not.
    // Not there, and not readable, are two things.
    #[allow(clippy::option_option)]
    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? {
            read(self).map(Some)
        } else {
            Some(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn what_was_written_is_read() {
        let time = UNIX_EPOCH + Duration::new(1_750_000_000, 123_456_789);
        let long = vec![7; 255];
        let mut writer = Writer::new();
        writer.u8(1);
        writer.raw(&[2, 3]);
        writer.u32(0x0405_0607);
        writer.i32(-2);
        writer.u64(u64::MAX);
        writer.short(b"short");
        writer.short(&long);
        writer.bytes(&vec![9; 1000]);
        writer.text("t\u{e4}xt");
        writer.time(time);
        writer.time(UNIX_EPOCH - Duration::from_secs(5));
        writer.option(Some(3), Writer::u8);
        writer.option(None, Writer::u8);
        let all = writer.finish();
        // Big-endian, as the module says.
        assert!(all.expose().starts_with(&[1, 2, 3, 4, 5, 6, 7, 0xFF]));
        let mut reader = Reader::new(all.expose());
        assert_eq!(reader.u8(), Some(1));
        assert_eq!(reader.array(), Some([2, 3]));
        assert_eq!(reader.u32(), Some(0x0405_0607));
        assert_eq!(reader.i32(), Some(-2));
        assert_eq!(reader.u64(), Some(u64::MAX));
        assert_eq!(reader.short(), Some(&b"short"[..]));
        assert_eq!(reader.short(), Some(&long[..]));
        assert_eq!(reader.bytes(), Some(&[9; 1000][..]));
        assert_eq!(reader.text(), Some("t\u{e4}xt"));
        assert_eq!(reader.time(), Some(time));
        assert_eq!(reader.time(), Some(UNIX_EPOCH - Duration::from_secs(5)));
        assert_eq!(reader.option(Reader::u8), Some(Some(3)));
        assert_eq!(reader.option(Reader::u8), Some(None));
        assert!(reader.finish().is_some());
    }

    #[test]
    fn what_nobody_wrote_is_refused() {
        assert!(Reader::new(&[2]).flag().is_none());
        assert!(Reader::new(&[2]).option(Reader::u8).is_none());
        assert!(Reader::new(&[3, 1, 2]).short().is_none());
        assert!(Reader::new(&[0xFF; 16]).bytes().is_none());
        assert!(Reader::new(&[1, 0xFF]).text().is_none());
        // A second has no more nanoseconds than that.
        let mut time = [0; 12];
        time[8..].copy_from_slice(&1_000_000_000_u32.to_be_bytes());
        assert!(Reader::new(&time).time().is_none());
        // No moment of any clock.
        let never = [[0x7F; 8].as_slice(), &[0; 4]].concat();
        assert!(Reader::new(&never).time().is_none());
        assert!(Reader::new(&[0]).finish().is_none());
    }
}
