//! NDR (C706 chapter 14) with the headers of MS-RPCE 2.2.6: as much of it as
//! the structures of a PAC need, in little-endian order, which is the only one
//! that KDCs write.

use super::{PacError, utf16};
use crate::sid::Sid;

/// Common and private header of type serialization version 1.
const HEADERS: usize = 16;

/// Reads NDR. Counts are held against what is left before anything is
/// allocated for them.
pub(super) struct Ndr<'a> {
    part: &'static str,
    data: &'a [u8],
    at: usize,
}

/// A pointer, as it stands in its structure: what it points to comes later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pointer {
    Null,
    To,
}

/// RPC_UNICODE_STRING (MS-DTYP 2.3.10) without its text, which comes later.
#[derive(Clone, Copy)]
pub(super) struct Text {
    bytes: u16,
    pointer: Pointer,
}

impl<'a> Ndr<'a> {
    /// The one object in a buffer (MS-RPCE 2.2.6.1, 2.2.6.2), whose first
    /// word is the pointer to it.
    pub(super) fn object(part: &'static str, buffer: &'a [u8]) -> Result<Self, PacError> {
        let fail = |problem| PacError::new(part, problem);
        let (headers, object) = buffer
            .split_at_checked(HEADERS)
            .ok_or_else(|| fail("it is too short"))?;
        let ([version, endianness, length @ ..], rest) = headers
            .split_first_chunk::<4>()
            .ok_or_else(|| fail("it is too short"))?;
        if *version != 1 || *endianness != 0x10 || u16::from_le_bytes(*length) != 8 {
            return Err(fail("not NDR of version 1 in little-endian order"));
        }
        // A filler, the object's length, another filler.
        let (_, size) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| fail("it is too short"))?;
        let size = size
            .first_chunk::<4>()
            .map_or(0, |size| u32::from_le_bytes(*size));
        let data = usize::try_from(size)
            .ok()
            .and_then(|size| object.get(..size))
            .ok_or_else(|| fail("its length is longer than what there is"))?;
        let mut ndr = Self { part, data, at: 0 };
        if ndr.pointer()? == Pointer::Null {
            return Err(ndr.fail("there is no object"));
        }
        Ok(ndr)
    }

    pub(super) fn fail(&self, problem: &'static str) -> PacError {
        PacError {
            part: self.part,
            problem,
            offset: Some(HEADERS + self.at),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PacError> {
        let end = self.at.checked_add(length);
        let bytes = end.and_then(|end| self.data.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.fail("it is cut off"))?;
        self.at += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PacError> {
        self.align(N.min(8))?;
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.fail("it is cut off"))
    }

    /// Steps to the next multiple of 2, 4 or 8.
    pub(super) fn align(&mut self, to: usize) -> Result<(), PacError> {
        let padding = self.at.wrapping_neg() % to;
        self.take(padding).map(drop)
    }

    pub(super) fn skip(&mut self, length: usize) -> Result<(), PacError> {
        self.take(length).map(drop)
    }

    pub(super) fn u16(&mut self) -> Result<u16, PacError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, PacError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, PacError> {
        self.array().map(u64::from_le_bytes)
    }

    /// FILETIME (MS-DTYP 2.3.3): two words.
    pub(super) fn file_time(&mut self) -> Result<u64, PacError> {
        let (low, high) = (self.u32()?, self.u32()?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    pub(super) fn pointer(&mut self) -> Result<Pointer, PacError> {
        Ok(match self.u32()? {
            0 => Pointer::Null,
            _ => Pointer::To,
        })
    }

    /// How many elements an array has, each at least `size` bytes long; it
    /// must be `expected` where a field has said so before.
    pub(super) fn count(&mut self, expected: u32, size: usize) -> Result<usize, PacError> {
        if self.u32()? != expected {
            return Err(self.fail("an array has another length than its count"));
        }
        self.fits(expected, size)
    }

    fn fits(&self, count: u32, size: usize) -> Result<usize, PacError> {
        let left = self.data.len().saturating_sub(self.at);
        usize::try_from(count)
            .ok()
            .filter(|count| count.checked_mul(size).is_some_and(|bytes| bytes <= left))
            .ok_or_else(|| self.fail("an array is longer than what there is"))
    }

    /// An array of which a field has said whether it is there, and how long.
    pub(super) fn array_of<T>(
        &mut self,
        (count, pointer): (u32, Pointer),
        size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, PacError>,
    ) -> Result<Vec<T>, PacError> {
        match (count, pointer) {
            (0, Pointer::Null) => Ok(Vec::new()),
            (_, Pointer::Null) => Err(self.fail("an array is missing")),
            (count, Pointer::To) => {
                let count = self.count(count, size)?;
                (0..count).map(|_| read(self)).collect()
            }
        }
    }

    /// Pairs of words of which a field has said how many: hundreds, read in
    /// one go.
    pub(super) fn pairs(
        &mut self,
        (count, pointer): (u32, Pointer),
    ) -> Result<impl Iterator<Item = (u32, u32)> + use<'a>, PacError> {
        let bytes = match (count, pointer) {
            (0, Pointer::Null) => &[],
            (_, Pointer::Null) => return Err(self.fail("an array is missing")),
            (count, Pointer::To) => {
                let count = self.count(count, 8)?;
                self.take(8 * count)?
            }
        };
        let word = |[a, b, c, d]: [u8; 4]| u32::from_le_bytes([a, b, c, d]);
        let (pairs, _) = bytes.as_chunks::<8>();
        Ok(pairs
            .iter()
            .map(move |&[a, b, c, d, e, f, g, h]| (word([a, b, c, d]), word([e, f, g, h]))))
    }

    /// Bytes of which a field has said how many.
    pub(super) fn bytes(&mut self, size: u32, pointer: Pointer) -> Result<&'a [u8], PacError> {
        match (size, pointer) {
            (0, Pointer::Null) => Ok(&[]),
            (_, Pointer::Null) => Err(self.fail("an array is missing")),
            (size, Pointer::To) => {
                let size = self.count(size, 1)?;
                self.take(size)
            }
        }
    }

    /// RPC_UNICODE_STRING without its text.
    pub(super) fn text(&mut self) -> Result<Text, PacError> {
        self.align(4)?;
        let (bytes, room) = (self.u16()?, self.u16()?);
        let pointer = self.pointer()?;
        if bytes > room || bytes % 2 != 0 || (bytes != 0 && pointer == Pointer::Null) {
            return Err(self.fail("a text's length does not fit"));
        }
        Ok(Text { bytes, pointer })
    }

    /// Its text: a conformant varying array.
    pub(super) fn text_of(&mut self, text: Text) -> Result<String, PacError> {
        if text.pointer == Pointer::Null {
            return Ok(String::new());
        }
        let (units, _) = self.varying()?;
        if units != u32::from(text.bytes / 2) {
            return Err(self.fail("a text has another length than its count"));
        }
        let bytes = self.take(usize::from(text.bytes))?;
        utf16(self.part, bytes)
    }

    /// `[string] wchar_t *`: with its final zero.
    pub(super) fn terminated(&mut self) -> Result<String, PacError> {
        let (units, _) = self.varying()?;
        let units = self.fits(units, 2)?;
        let bytes = self.take(2 * units)?;
        let text = utf16(self.part, bytes)?;
        match text.strip_suffix('\0') {
            Some(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(self.fail("a text does not end where it should")),
        }
    }

    /// Actual and maximal number of units of a varying array.
    fn varying(&mut self) -> Result<(u32, u32), PacError> {
        let (most, offset, units) = (self.u32()?, self.u32()?, self.u32()?);
        if offset != 0 || units > most {
            return Err(self.fail("a text's length does not fit"));
        }
        Ok((units, most))
    }

    /// RPC_SID (MS-DTYP 2.4.2.3): its size, then itself.
    pub(super) fn sid(&mut self) -> Result<Sid, PacError> {
        let parts = self.u32()?;
        let parts = self.fits(parts, 4)?;
        let bytes = self.take(8 + 4 * parts)?;
        Sid::from_bytes(bytes).map_err(|_| self.fail("not a SID"))
    }

    /// A SID that a pointer may lead to.
    pub(super) fn sid_at(&mut self, pointer: Pointer) -> Result<Option<Sid>, PacError> {
        match pointer {
            Pointer::Null => Ok(None),
            Pointer::To => self.sid().map(Some),
        }
    }
}
