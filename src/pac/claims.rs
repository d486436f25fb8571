//! CLAIMS_SET_METADATA and what is in it (MS-ADTS 2.2.18): NDR, compressed,
//! in NDR.

use super::ndr::{Ndr, Pointer};
use super::{PacError, compression};
use crate::authorization::{Claim, ClaimSource, ClaimValues};

const PART: &str = "CLAIMS_SET";
/// What claims may become when they are decompressed: more than any directory
/// has, and what a token may hold without compression.
const MAX_DECOMPRESSED: usize = 1 << 18;

pub(crate) fn decode(buffer: &[u8]) -> Result<Vec<Claim>, PacError> {
    const META: &str = "CLAIMS_SET_METADATA";
    if buffer.is_empty() {
        return Ok(Vec::new());
    }
    let mut ndr = Ndr::object(META, buffer)?;
    let (size, pointer) = (ndr.u32()?, ndr.pointer()?);
    let format = ndr.u16()?;
    let whole = ndr.u32()?;
    // Reserved: a type, and bytes that come after the set's.
    ndr.u16()?;
    ndr.skip(0)?;
    ndr.align(4)?;
    ndr.skip(8)?;
    let set = ndr.bytes(size, pointer)?;
    if set.is_empty() {
        return Ok(Vec::new());
    }
    let whole = usize::try_from(whole)
        .ok()
        .filter(|whole| *whole <= MAX_DECOMPRESSED)
        .ok_or(PacError::new(META, "it would become too long"))?;
    let unpack = match format {
        0 => return claims_set(set),
        2 => compression::lznt1,
        3 => compression::xpress,
        4 => compression::xpress_huffman,
        _ => return Err(PacError::new(META, "compressed in an unknown way")),
    };
    let set = unpack(set, whole).ok_or(PacError::new(META, "it cannot be decompressed"))?;
    claims_set(&set)
}

/// CLAIMS_SET (MS-ADTS 2.2.18.6).
fn claims_set(buffer: &[u8]) -> Result<Vec<Claim>, PacError> {
    let mut ndr = Ndr::object(PART, buffer)?;
    let arrays = (ndr.u32()?, ndr.pointer()?);
    ndr.u16()?;
    ndr.align(4)?;
    ndr.skip(8)?;
    // CLAIMS_ARRAY.
    let arrays = ndr.array_of(arrays, 12, |ndr| {
        ndr.align(4)?;
        let source = match ndr.u16()? {
            1 => ClaimSource::Attribute,
            2 => ClaimSource::Certificate,
            other => ClaimSource::Other(other),
        };
        Ok((source, (ndr.u32()?, ndr.pointer()?)))
    })?;
    let mut claims = Vec::new();
    for (source, entries) in arrays {
        let entries = ndr.array_of(entries, 16, Entry::read)?;
        for entry in entries {
            claims.push(entry.finish(&mut ndr, source)?);
        }
    }
    Ok(claims)
}

/// CLAIM_ENTRY without what its pointers lead to.
struct Entry {
    id: Pointer,
    kind: u16,
    values: (u32, Pointer),
}

impl Entry {
    fn read(ndr: &mut Ndr<'_>) -> Result<Self, PacError> {
        let id = ndr.pointer()?;
        // The type, and once more as what the union goes by.
        let (kind, arm) = (ndr.u16()?, ndr.u16()?);
        if kind != arm {
            return Err(ndr.fail("a claim of two types"));
        }
        let values = (ndr.u32()?, ndr.pointer()?);
        Ok(Self { id, kind, values })
    }

    fn finish(self, ndr: &mut Ndr<'_>, source: ClaimSource) -> Result<Claim, PacError> {
        if self.id == Pointer::Null {
            return Err(ndr.fail("a claim without an identifier"));
        }
        let id = ndr.terminated()?;
        let values = match self.kind {
            1 => {
                let values = ndr.array_of(self.values, 8, Ndr::u64)?;
                ClaimValues::Signed(values.into_iter().map(u64::cast_signed).collect())
            }
            2 => ClaimValues::Unsigned(ndr.array_of(self.values, 8, Ndr::u64)?),
            3 => ClaimValues::Text(texts(ndr, self.values)?),
            6 => {
                let values = ndr.array_of(self.values, 8, Ndr::u64)?;
                ClaimValues::Boolean(values.into_iter().map(|value| value != 0).collect())
            }
            _ => return Err(ndr.fail("a claim of an unknown type")),
        };
        Ok(Claim::new(id, source, values))
    }
}

fn texts(ndr: &mut Ndr<'_>, list: (u32, Pointer)) -> Result<Vec<String>, PacError> {
    let pointers = ndr.array_of(list, 4, Ndr::pointer)?;
    pointers
        .into_iter()
        .map(|pointer| match pointer {
            Pointer::Null => Err(ndr.fail("a text is missing")),
            Pointer::To => ndr.terminated(),
        })
        .collect()
}
