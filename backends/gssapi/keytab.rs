//! Keytab files as MIT krb5 documents them (Formats, Keytab file format),
//! read for keytabs that are handed over as bytes.

use crate::error::KeytabProblem;
use crate::etype::EncryptionType;
use crate::name::Principal;
use crate::secret::Secret;

/// A key of a keytab.
pub(super) struct Entry {
    pub(super) principal: Principal,
    pub(super) kvno: u32,
    pub(super) etype: EncryptionType,
    pub(super) key: Secret,
    pub(super) timestamp: u32,
}

impl core::fmt::Display for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} kvno {} {}", self.principal, self.kvno, self.etype)
    }
}

/// The order of bytes in numbers, and the version that goes with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V1Little,
    V1Big,
    V2,
}

/// Reads a keytab. One of version 0x0501 has the byte order of the machine
/// that wrote it, which it does not tell.
pub(super) fn parse(file: &[u8]) -> Result<Vec<Entry>, KeytabProblem> {
    match file {
        [5, 2, ..] => parse_as(file, Format::V2),
        [5, 1, ..] => parse_as(file, Format::V1Little).or_else(|_| parse_as(file, Format::V1Big)),
        [5, version, ..] => Err(KeytabProblem::Version(*version)),
        [] => Err(KeytabProblem::Empty),
        _ => Err(KeytabProblem::NotAKeytab),
    }
}

fn parse_as(file: &[u8], format: Format) -> Result<Vec<Entry>, KeytabProblem> {
    let mut rest = file.get(2..).unwrap_or_default();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let at = file.len() - rest.len();
        let cut = || KeytabProblem::Truncated(at);
        let mut cursor = Cursor { rest, format };
        let size = cursor.u32().ok_or_else(cut)?.cast_signed();
        // A hole's length is negative; 0 ends the file.
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| cut())?;
        if length == 0 {
            break;
        }
        let body = cursor.take(length).ok_or_else(cut)?;
        rest = cursor.rest;
        if size > 0 {
            let body = Cursor { rest: body, format };
            entries.push(entry(body).ok_or(KeytabProblem::BadEntry(at))?);
        }
    }
    if entries.is_empty() {
        return Err(KeytabProblem::Empty);
    }
    Ok(entries)
}

fn entry(mut body: Cursor<'_>) -> Option<Entry> {
    // Version 1 counts the realm too, and has no type of name.
    let counted = usize::from(body.u16()?);
    let count = match body.format {
        Format::V2 => counted,
        _ => counted.checked_sub(1)?,
    };
    if count == 0 || count > body.rest.len() / 2 {
        return None;
    }
    let realm = body.counted()?;
    let components: Option<Vec<_>> = (0..count).map(|_| body.counted()).collect();
    let name_type = match body.format {
        Format::V2 => body.u32()?.cast_signed(),
        _ => Principal::NT_PRINCIPAL,
    };
    let timestamp = body.u32()?;
    let low = *body.take(1)?.first()?;
    let etype = i32::from(body.u16()?.cast_signed());
    let key = Secret::copy_from(body.counted()?);
    // 32 bits follow since MIT krb5 1.14; 0 is none.
    let kvno = match body.u32() {
        None | Some(0) => u32::from(low),
        Some(kvno) => kvno,
    };
    Some(Entry {
        principal: Principal::new(realm, &components?, name_type),
        kvno,
        etype: EncryptionType(etype),
        key,
        timestamp,
    })
}

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
        self.take(N)?.try_into().ok()
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

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::error::KeytabProblem;

    /// An entry by the document's layout: HTTP/web@R, kvno 1 and 259, etype
    /// 18, a key of four octets.
    fn file() -> Vec<u8> {
        let mut body = b"\0\x02\0\x01R\0\x04HTTP\0\x03web\0\0\0\x03".to_vec();
        body.extend(b"\0\0\0\x07\x03\0\x12\0\x04abcd\0\0\x01\x03");
        let mut file = b"\x05\x02\xff\xff\xff\xfe..".to_vec();
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        file.extend(body);
        file
    }

    #[test]
    fn an_entry_behind_a_hole() {
        let entries = parse(&file()).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].principal.to_string(), "HTTP/web@R");
        assert_eq!((entries[0].kvno, entries[0].etype.0), (259, 18));
        assert_eq!(
            (entries[0].key.expose(), entries[0].timestamp),
            (&b"abcd"[..], 7)
        );
    }

    #[test]
    fn what_is_cut_off_is_no_keytab() {
        let file = file();
        for cut in 3..file.len() {
            assert!(parse(&file[..cut]).is_err(), "cut at {cut}");
        }
        assert!(matches!(
            parse(b"\x05\x03\0\0"),
            Err(KeytabProblem::Version(3))
        ));
        assert!(matches!(parse(b"\x05\x02"), Err(KeytabProblem::Empty)));
    }
}
