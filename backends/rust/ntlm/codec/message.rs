//! What all three messages have in common: signature, type, and parts that
//! are told by length and place (MS-NLMP 2.2.1, 2.2.2).

use core::ops::Range;

use super::{CodecError, Decoded, Problem, bad, truncated};

/// What every message begins with.
pub(crate) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// A message whose signature and type are right.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    part: &'static str,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// A message of this type, at least `header` bytes long.
    pub(super) fn new(
        part: &'static str,
        bytes: &'a [u8],
        message_type: u32,
        header: usize,
    ) -> Decoded<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(bad(part, "Signature", 0));
        }
        let message = Self { part, bytes };
        if message.u32(8)? != message_type {
            return Err(bad(part, "MessageType", 8));
        }
        if bytes.len() < header {
            return Err(truncated(part, bytes.len()));
        }
        Ok(message)
    }

    pub(super) fn u32(&self, offset: usize) -> Decoded<u32> {
        let bytes = self.bytes.get(offset..).and_then(<[u8]>::first_chunk);
        let bytes = bytes.ok_or_else(|| truncated(self.part, offset))?;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// Where the part is whose length and offset are told at `offset`. An
    /// empty part has no place: clients put anything there.
    pub(super) fn place(&self, offset: usize, header: usize) -> Decoded<Range<usize>> {
        let length = usize::from(self.u16(offset)?);
        if length == 0 {
            return Ok(0..0);
        }
        let start = usize::try_from(self.u32(offset + 4)?).unwrap_or(usize::MAX);
        let end = start.saturating_add(length);
        if start < header || end > self.bytes.len() {
            let problem = Problem::BadLength;
            return Err(CodecError::at(self.part, problem, Some(offset)));
        }
        Ok(start..end)
    }

    fn u16(&self, offset: usize) -> Decoded<u16> {
        let bytes = self.bytes.get(offset..).and_then(<[u8]>::first_chunk);
        let bytes = bytes.ok_or_else(|| truncated(self.part, offset))?;
        Ok(u16::from_le_bytes(*bytes))
    }

    pub(super) fn slice(&self, place: &Range<usize>) -> &'a [u8] {
        self.bytes.get(place.clone()).unwrap_or_default()
    }
}

/// Whether no two of these places share a byte. A client has no reason to
/// give one byte two meanings.
pub(super) fn are_disjoint(places: &[Range<usize>]) -> bool {
    places.iter().enumerate().all(|(index, one)| {
        let others = places.get(index + 1..).unwrap_or_default();
        one.is_empty()
            || others
                .iter()
                .all(|two| two.is_empty() || one.end <= two.start || two.end <= one.start)
    })
}
