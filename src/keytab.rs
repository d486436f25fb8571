//! Keytab files, in the format that MIT krb5 documents (Formats, Keytab file
//! format).

// A build without a backend that reads keytabs has no use for it.
#![allow(dead_code)]

#[cfg(test)]
mod tests;

use crate::error::KeytabProblem;
use crate::etype::EncryptionType;
use crate::name::Principal;
use crate::secret::Secret;

/// How much of a key version number an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KvnoWidth {
    /// Its low 8 bits: the entry has no 32-bit trailer, or one that is 0.
    Low8,
    /// All 32 bits.
    Full32,
}

/// A key of a keytab.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Whose key it is.
    pub(crate) principal: Principal,
    /// The key's version number, as far as the entry holds it.
    pub(crate) kvno: u32,
    /// How far that is.
    pub(crate) kvno_width: KvnoWidth,
    /// What the key is for.
    pub(crate) etype: EncryptionType,
    /// The key.
    pub(crate) key: Secret,
    /// When it was written, seconds since 1970 modulo 2^32.
    pub(crate) timestamp: u32,
}

impl core::fmt::Display for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} kvno {} {}", self.principal, self.kvno, self.etype)
    }
}

/// The major version, in the first byte of every keytab.
const MAJOR: u8 = 5;

/// The order of bytes in numbers, and whether there is a name type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    V1Little,
    V1Big,
    V2,
}

/// Whether a file begins as a keytab does.
pub(crate) fn check_magic(file: &[u8]) -> Result<(), KeytabProblem> {
    match *file {
        [] => Err(KeytabProblem::Empty),
        [MAJOR, 1 | 2, ..] => Ok(()),
        [MAJOR, version, ..] => Err(KeytabProblem::Version(version)),
        [MAJOR] => Err(KeytabProblem::Truncated(1)),
        _ => Err(KeytabProblem::NotAKeytab),
    }
}

/// Reads a whole keytab.
///
/// Version 0x0501 has the byte order of the machine that wrote it, which the
/// file does not tell: the order of this machine is tried first, then the
/// other one.
///
/// # Errors
///
/// See [`KeytabProblem`].
pub(crate) fn parse(file: &[u8]) -> Result<Vec<Entry>, KeytabProblem> {
    check_magic(file)?;
    if let [_, 2, ..] = file {
        return parse_as(file, Format::V2);
    }
    let (own, other) = if cfg!(target_endian = "big") {
        (Format::V1Big, Format::V1Little)
    } else {
        (Format::V1Little, Format::V1Big)
    };
    parse_as(file, own).or_else(|error| parse_as(file, other).map_err(|_| error))
}

fn parse_as(file: &[u8], format: Format) -> Result<Vec<Entry>, KeytabProblem> {
    let mut entries = Vec::new();
    let mut cursor = Cursor {
        rest: file.get(2..).unwrap_or_default(),
        format,
    };
    while !cursor.rest.is_empty() {
        let offset = file.len() - cursor.rest.len();
        let truncated = || KeytabProblem::Truncated(offset);
        let size = cursor.u32().ok_or_else(truncated)?.cast_signed();
        if size == 0 {
            // MIT krb5 takes it for the end.
            break;
        }
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| truncated())?;
        let body = cursor.take(length).ok_or_else(truncated)?;
        // A negative size is a hole where an entry was deleted.
        if size > 0 {
            let body = Cursor { rest: body, format };
            entries.push(entry(body).ok_or(KeytabProblem::BadEntry(offset))?);
        }
    }
    if entries.is_empty() {
        Err(KeytabProblem::Empty)
    } else {
        Ok(entries)
    }
}

fn entry(mut body: Cursor<'_>) -> Option<Entry> {
    let counted = usize::from(body.u16()?);
    // Version 1 counts the realm as a component.
    let count = if body.format == Format::V2 {
        counted
    } else {
        counted.checked_sub(1)?
    };
    // A component takes two bytes at least: the count cannot exceed that.
    if count == 0 || count > body.rest.len() / 2 {
        return None;
    }
    let realm = body.counted()?;
    let components = (0..count)
        .map(|_| body.counted())
        .collect::<Option<Vec<_>>>()?;
    let name_type = if body.format == Format::V2 {
        body.u32()?.cast_signed()
    } else {
        Principal::NT_PRINCIPAL
    };
    let principal = Principal::new(realm, &components, name_type);
    let timestamp = body.u32()?;
    let low8 = body.take(1)?.first().copied()?;
    // Private types are negative (RFC 3961 4).
    let etype = EncryptionType(i32::from(body.u16()?.cast_signed()));
    let key = Secret::copy_from(body.counted()?);
    // Written since MIT krb5 1.14; flags that may follow are not for us.
    let (kvno, kvno_width) = match body.u32() {
        None | Some(0) => (u32::from(low8), KvnoWidth::Low8),
        Some(all) => (all, KvnoWidth::Full32),
    };
    Some(Entry {
        principal,
        kvno,
        kvno_width,
        etype,
        key,
        timestamp,
    })
}

/// Bytes from a place on. It moves only when all that was asked for is there.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    format: Format,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.array()?;
        Some(match self.format {
            Format::V1Little => u16::from_le_bytes(bytes),
            Format::V1Big | Format::V2 => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.array()?;
        Some(match self.format {
            Format::V1Little => u32::from_le_bytes(bytes),
            Format::V1Big | Format::V2 => u32::from_be_bytes(bytes),
        })
    }

    /// Bytes after their 16-bit length.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

/// A keytab file of version 0x0502 with these entries. `None` when a name, a
/// key or an encryption type is beyond what the format can hold.
///
/// The bytes hold the keys in clear: the caller's to wipe.
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) fn write(entries: &[Entry]) -> Option<Vec<u8>> {
    // Reserved in full, so that no growth leaves keys behind.
    let size = entries
        .iter()
        .map(|entry| 4 + entry_size(entry))
        .sum::<usize>();
    let mut file = Vec::with_capacity(2 + size);
    file.extend_from_slice(&[MAJOR, 2]);
    for entry in entries {
        let size = i32::try_from(entry_size(entry)).ok()?;
        file.extend_from_slice(&size.to_be_bytes());
        let count = u16::try_from(entry.principal.components().len()).ok()?;
        file.extend_from_slice(&count.to_be_bytes());
        push_counted(&mut file, entry.principal.realm())?;
        for component in entry.principal.components() {
            push_counted(&mut file, component)?;
        }
        file.extend_from_slice(&entry.principal.name_type().to_be_bytes());
        file.extend_from_slice(&entry.timestamp.to_be_bytes());
        file.push(entry.kvno.to_le_bytes()[0]);
        file.extend_from_slice(&i16::try_from(entry.etype.0).ok()?.to_be_bytes());
        push_counted(&mut file, entry.key.expose())?;
        if entry.kvno_width == KvnoWidth::Full32 {
            file.extend_from_slice(&entry.kvno.to_be_bytes());
        }
    }
    Some(file)
}

#[cfg(any(test, fuzzing, feature = "testing"))]
fn entry_size(entry: &Entry) -> usize {
    let names = entry
        .principal
        .components()
        .map(|component| 2 + component.len())
        .sum::<usize>();
    let trailer = if entry.kvno_width == KvnoWidth::Full32 {
        4
    } else {
        0
    };
    2 + 2 + entry.principal.realm().len() + names + 4 + 4 + 1 + 2 + 2 + entry.key.len() + trailer
}

#[cfg(any(test, fuzzing, feature = "testing"))]
fn push_counted(file: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    file.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
    file.extend_from_slice(bytes);
    Some(())
}
