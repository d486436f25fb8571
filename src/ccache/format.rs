//! MIT's FILE format, versions 3 and 4, as MIT krb5 documents it (Formats,
//! Credential cache file format).

use crate::ccache::{CredentialCache, KerberosCredential, TicketFlags};
use crate::error::CcacheProblem;
use crate::etype::EncryptionType;
use crate::name::Principal;
use crate::secret::Secret;
use crate::time::{from_unix_seconds, unix_seconds};
use std::time::SystemTime;

/// The first byte of every cache.
const MAJOR: u8 = 5;

/// What the two versions differ in: 4 has a header, 3 says each key's type
/// twice. Both are big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Three,
    Four,
}

/// Reads a whole cache.
///
/// # Errors
///
/// See [`CcacheProblem`].
pub(crate) fn parse(file: &[u8]) -> Result<CredentialCache, CcacheProblem> {
    let version = match *file {
        [] => return Err(CcacheProblem::Empty),
        [MAJOR, 3, ..] => Version::Three,
        [MAJOR, 4, ..] => Version::Four,
        [MAJOR, other, ..] => return Err(CcacheProblem::Version(other)),
        [MAJOR] => return Err(CcacheProblem::Truncated(1)),
        _ => return Err(CcacheProblem::NotACcache),
    };
    let rest = file.get(2..).unwrap_or_default();
    let mut cursor = Cursor { rest, version };
    if version == Version::Four {
        skip_header(&mut cursor, file.len())?;
    }
    let start = file.len() - cursor.rest.len();
    let client = cursor.principal().ok_or(CcacheProblem::Truncated(start))?;
    let mut credentials = Vec::new();
    while !cursor.rest.is_empty() {
        let offset = file.len() - cursor.rest.len();
        let credential = cursor
            .credential()
            .ok_or(CcacheProblem::Truncated(offset))?;
        if !is_left_out(&credential) {
            credentials.push(credential);
        }
    }
    Ok(CredentialCache::new(client, credentials))
}

/// Steps over the tags of version 4: the one that is defined says how far
/// this host's clock was off the KDC's.
fn skip_header(cursor: &mut Cursor<'_>, length: usize) -> Result<(), CcacheProblem> {
    let tags = cursor.u16().and_then(|size| cursor.take(size.into()));
    let mut tags = Cursor {
        rest: tags.ok_or(CcacheProblem::Truncated(2))?,
        version: cursor.version,
    };
    let end = length - cursor.rest.len();
    while !tags.rest.is_empty() {
        let offset = end - tags.rest.len();
        tags.u16()
            .and_then(|_| tags.u16())
            .and_then(|size| tags.take(size.into()))
            .ok_or(CcacheProblem::BadEntry(offset))?;
    }
    Ok(())
}

/// Configuration, and what MIT and Heimdal leave where they removed an
/// entry: one that ended in 1970 and began at another time.
fn is_left_out(credential: &KerberosCredential) -> bool {
    let epoch = SystemTime::UNIX_EPOCH;
    credential.server.realm() == CredentialCache::CONFIGURATION
        || (credential.end_time == epoch && credential.auth_time != epoch)
}

/// Zero says that there is no such time.
fn if_any(time: SystemTime) -> Option<SystemTime> {
    (time != SystemTime::UNIX_EPOCH).then_some(time)
}

/// Bytes from a place on. It moves only when all that was asked for is there.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    version: Version,
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
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes after their 32-bit length.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// How many elements follow, of at least `size` bytes each: more than
    /// fit are not there.
    fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count <= self.rest.len() / size).then_some(count)
    }

    fn principal(&mut self) -> Option<Principal> {
        let name_type = self.u32()?.cast_signed();
        let count = self.count(4)?;
        let realm = self.counted()?;
        let components = (0..count)
            .map(|_| self.counted())
            .collect::<Option<Vec<_>>>()?;
        Some(Principal::new(realm, &components, name_type))
    }

    /// Addresses and authorization data alike.
    fn typed_list(&mut self) -> Option<Vec<(u16, Vec<u8>)>> {
        let count = self.count(6)?;
        (0..count)
            .map(|_| Some((self.u16()?, self.counted()?.to_vec())))
            .collect()
    }

    fn key(&mut self) -> Option<(EncryptionType, Secret)> {
        let etype = self.u16()?;
        if self.version == Version::Three {
            self.u16()?;
        }
        // Private types are negative (RFC 3961 4).
        let etype = EncryptionType(i32::from(etype.cast_signed()));
        Some((etype, Secret::copy_from(self.counted()?)))
    }

    /// Seconds since 1970, up to 2106.
    fn time(&mut self) -> Option<SystemTime> {
        self.u32()
            .map(|seconds| from_unix_seconds(i64::from(seconds)))
    }

    fn credential(&mut self) -> Option<KerberosCredential> {
        let client = self.principal()?;
        let server = self.principal()?;
        let (key_type, key) = self.key()?;
        Some(KerberosCredential {
            client,
            server,
            key_type,
            key,
            auth_time: self.time()?,
            start_time: if_any(self.time()?),
            end_time: self.time()?,
            renew_till: if_any(self.time()?),
            is_session_key: self.array()? != [0],
            flags: TicketFlags::from_bits_retain(self.u32()?),
            addresses: self.typed_list()?,
            authorization_data: self.typed_list()?,
            ticket: self.counted()?.to_vec(),
            second_ticket: self.counted()?.to_vec(),
        })
    }
}

/// A cache of version 4. `None` when a part is beyond what the format can
/// hold: an encryption type above 16 bits, 4 GiB.
pub(crate) fn write(cache: &CredentialCache) -> Option<Secret> {
    // Measured first, so that no growth leaves keys behind.
    let mut size = 0_usize;
    put_cache(&mut |bytes| size += bytes.len(), cache)?;
    let mut file = zeroize::Zeroizing::new(Vec::with_capacity(size));
    put_cache(&mut |bytes| file.extend_from_slice(bytes), cache)?;
    Some(Secret::from(core::mem::take(&mut *file)))
}

fn put_cache(out: &mut impl FnMut(&[u8]), cache: &CredentialCache) -> Option<()> {
    // Version 4, with a header of no tags.
    out(&[MAJOR, 4, 0, 0]);
    put_principal(out, cache.client())?;
    for credential in cache.credentials() {
        put_credential(out, credential)?;
    }
    Some(())
}

fn put_credential(out: &mut impl FnMut(&[u8]), credential: &KerberosCredential) -> Option<()> {
    put_principal(out, &credential.client)?;
    put_principal(out, &credential.server)?;
    let etype = i16::try_from(credential.key_type.0).ok()?;
    out(&etype.to_be_bytes());
    put_counted(out, credential.key.expose())?;
    for time in [
        Some(credential.auth_time),
        credential.start_time,
        Some(credential.end_time),
        credential.renew_till,
    ] {
        out(&seconds(time).to_be_bytes());
    }
    out(&[u8::from(credential.is_session_key)]);
    out(&credential.flags.bits().to_be_bytes());
    for list in [&credential.addresses, &credential.authorization_data] {
        put_count(out, list.len())?;
        for (kind, data) in list {
            out(&kind.to_be_bytes());
            put_counted(out, data)?;
        }
    }
    put_counted(out, &credential.ticket)?;
    put_counted(out, &credential.second_ticket)
}

fn put_principal(out: &mut impl FnMut(&[u8]), principal: &Principal) -> Option<()> {
    out(&principal.name_type().to_be_bytes());
    put_count(out, principal.components().len())?;
    put_counted(out, principal.realm())?;
    principal
        .components()
        .try_for_each(|component| put_counted(out, component))
}

fn put_counted(out: &mut impl FnMut(&[u8]), bytes: &[u8]) -> Option<()> {
    put_count(out, bytes.len())?;
    out(bytes);
    Some(())
}

fn put_count(out: &mut impl FnMut(&[u8]), count: usize) -> Option<()> {
    out(&u32::try_from(count).ok()?.to_be_bytes());
    Some(())
}

/// What the format cannot say becomes the first or the last time that it
/// can.
fn seconds(time: Option<SystemTime>) -> u32 {
    let seconds = time.map_or(0, unix_seconds).max(0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
