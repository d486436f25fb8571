//! The PAC: what an Active Directory's KDC says of a client in each ticket
//! (MS-PAC). Bytes alone: no key, no clock, nothing verified. Every decoder is
//! total, and allocates no more than what it is given is long.

pub(crate) mod claims;
mod client;
mod compression;
mod delegation;
mod device;
mod huffman;
mod logon;
mod ndr;
mod upn;

pub use self::client::ClientInfo;

use core::ops::Range;

use crate::authorization::{Authorization, EncodedClaims, Evidence};
use crate::error::AuthorizationProblem;
use crate::sid::Sid;

/// Numbers of the buffers (MS-PAC 2.4).
pub mod kind {
    /// KERB_VALIDATION_INFO: account, SIDs, groups.
    pub const LOGON_INFO: u32 = 1;
    /// Credentials, encrypted for who logs on with a certificate. Not read.
    pub const CREDENTIALS: u32 = 2;
    /// The signature with the server's key.
    pub const SERVER_SIGNATURE: u32 = 6;
    /// The signature with the key of krbtgt.
    pub const KDC_SIGNATURE: u32 = 7;
    /// Whose PAC it is, and of which logon.
    pub const CLIENT_INFO: u32 = 10;
    /// Which services it was delegated through.
    pub const DELEGATION_INFO: u32 = 11;
    /// User principal name, DNS name of the domain, SID.
    pub const UPN_DNS_INFO: u32 = 12;
    /// Claims about the client.
    pub const CLIENT_CLAIMS: u32 = 13;
    /// SIDs of the client's device.
    pub const DEVICE_INFO: u32 = 14;
    /// Claims about the client's device.
    pub const DEVICE_CLAIMS: u32 = 15;
    /// The KDC's signature of the ticket.
    pub const TICKET_SIGNATURE: u32 = 16;
    /// Whether a PAC was asked for.
    pub const ATTRIBUTES: u32 = 17;
    /// The SID of who asked for the ticket-granting ticket.
    pub const REQUESTOR: u32 = 18;
    /// The KDC's signature of all of the PAC.
    pub const FULL_SIGNATURE: u32 = 19;
}

/// More buffers than any KDC writes.
const MAX_BUFFERS: usize = 64;
/// Count and version.
const HEADER: usize = 8;

/// What is wrong with a PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PacError {
    pub(crate) part: &'static str,
    pub(crate) problem: &'static str,
    pub(crate) offset: Option<usize>,
}

impl PacError {
    fn new(part: &'static str, problem: &'static str) -> Self {
        Self {
            part,
            problem,
            offset: None,
        }
    }
}

impl From<PacError> for AuthorizationProblem {
    fn from(error: PacError) -> Self {
        Self::Malformed {
            part: error.part,
            problem: error.problem,
            offset: error.offset,
        }
    }
}

/// The buffers of a PAC (MS-PAC 2.3), as they came. **Nothing of it is
/// verified**: for backends, which see to that, and for looking at a PAC.
/// Applications ask [`Context::authorization`](crate::Context::authorization).
///
/// Borrows; parsing it does not allocate.
#[derive(Clone, Copy, Debug)]
pub struct Pac<'a> {
    data: &'a [u8],
    /// PAC_INFO_BUFFER, one after the other.
    table: &'a [[u8; 16]],
}

impl<'a> Pac<'a> {
    /// Reads the table of buffers.
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Malformed`] for another version, buffers that
    /// lie outside, over each other or not on 8 bytes, and two of one kind.
    pub fn parse(data: &'a [u8]) -> Result<Self, AuthorizationProblem> {
        let fail = |problem| AuthorizationProblem::from(PacError::new("PACTYPE", problem));
        let (head, rest) = data
            .split_first_chunk::<HEADER>()
            .ok_or_else(|| fail("it is too short"))?;
        let [c0, c1, c2, c3, version @ ..] = *head;
        if version != [0; 4] {
            return Err(fail("its version is not 0"));
        }
        let count = u32::from_le_bytes([c0, c1, c2, c3]);
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= MAX_BUFFERS)
            .ok_or_else(|| fail("it has more buffers than there are kinds"))?;
        let (table, _) = rest.as_chunks::<16>();
        let table = table
            .get(..count)
            .ok_or_else(|| fail("its table is cut off"))?;
        let pac = Self { data, table };
        pac.check().map_err(fail)?;
        Ok(pac)
    }

    /// Every buffer lies inside, on its own, and is the only one of its kind.
    /// What a signature does not cover (its own field) can so be part of no
    /// other buffer.
    fn check(&self) -> Result<(), &'static str> {
        let start = HEADER + 16 * self.table.len();
        for (index, entry) in self.table.iter().enumerate() {
            let (own, range) = read_entry(entry).ok_or("a buffer is out of reach")?;
            if range.start < start || range.end > self.data.len() {
                return Err("a buffer lies outside of it");
            }
            if range.start % 8 != 0 {
                return Err("a buffer does not begin on 8 bytes");
            }
            for before in self.table.iter().take(index) {
                let (other, place) = read_entry(before).ok_or("a buffer is out of reach")?;
                if own == other {
                    return Err("it has two buffers of one kind");
                }
                if range.start < place.end && place.start < range.end {
                    return Err("two of its buffers overlap");
                }
            }
        }
        Ok(())
    }

    /// All of its bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// The kinds of buffers that it has, in order.
    pub fn kinds(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.table
            .iter()
            .filter_map(|entry| read_entry(entry).map(|(kind, _)| kind))
    }

    /// Where the buffer of a kind is in [`bytes`](Self::bytes).
    #[must_use]
    pub fn place(&self, kind: u32) -> Option<Range<usize>> {
        let mut entries = self.table.iter().filter_map(read_entry);
        entries
            .find(|(own, _)| *own == kind)
            .map(|(_, place)| place)
    }

    /// The buffer of a kind.
    #[must_use]
    pub fn buffer(&self, kind: u32) -> Option<&'a [u8]> {
        self.data.get(self.place(kind)?)
    }

    /// Whose PAC it is (MS-PAC 2.7).
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Incomplete`] and
    /// [`AuthorizationProblem::Malformed`].
    pub fn client_info(&self) -> Result<ClientInfo<'a>, AuthorizationProblem> {
        let buffer = self
            .buffer(kind::CLIENT_INFO)
            .ok_or(AuthorizationProblem::Incomplete {
                part: "client info",
            })?;
        Ok(ClientInfo::decode(buffer)?)
    }
}

/// Kind and place of a buffer; `None` for a place that no memory has.
fn read_entry(entry: &[u8; 16]) -> Option<(u32, Range<usize>)> {
    let ([kind, size, low, high], []) = entry.as_chunks::<4>() else {
        return None;
    };
    let number = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    if number(high) != 0 {
        return None;
    }
    let start = usize::try_from(number(low)).ok()?;
    let end = start.checked_add(usize::try_from(number(size)).ok()?)?;
    Some((number(kind), start..end))
}

impl<'a> Pac<'a> {
    /// Who the client is (MS-PAC 2.5), not decoded: what makes a PAC one of a
    /// directory's. MIT krb5's KDC alone writes PACs without.
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Incomplete`].
    pub fn logon_info(&self) -> Result<&'a [u8], AuthorizationProblem> {
        self.buffer(kind::LOGON_INFO)
            .ok_or(AuthorizationProblem::Incomplete { part: "logon info" })
    }
}

impl Authorization {
    /// For backends: what a PAC says, which **the caller has verified** and
    /// says by what: its signatures, or a library that calls it authentic.
    /// That it is this client's must have been checked too (MS-PAC 2.7,
    /// [`Pac::client_info`]).
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Incomplete`] and
    /// [`AuthorizationProblem::Malformed`].
    pub fn from_verified_pac(pac: &[u8], evidence: Evidence) -> Result<Self, AuthorizationProblem> {
        let pac = Pac::parse(pac)?;
        let mut all = logon::decode(pac.logon_info()?, evidence)?;
        if let Some(buffer) = pac.buffer(kind::UPN_DNS_INFO) {
            upn::decode(buffer, &mut all)?;
        }
        if let Some(buffer) = pac.buffer(kind::DELEGATION_INFO) {
            all.delegation = Some(delegation::decode(buffer)?);
        }
        if let Some(buffer) = pac.buffer(kind::DEVICE_INFO) {
            all.device = Some(Box::new(device::decode(buffer)?));
        }
        if let Some(buffer) = pac.buffer(kind::REQUESTOR) {
            all.requestor = Some(requestor(buffer)?);
        }
        let attributes = pac.buffer(kind::ATTRIBUTES);
        all.pac_request = attributes.map(client::attributes).transpose()?;
        let claims = |kind| pac.buffer(kind).map(EncodedClaims::new);
        all.encoded_claims = claims(kind::CLIENT_CLAIMS);
        all.encoded_device_claims = claims(kind::DEVICE_CLAIMS);
        Ok(all)
    }
}

/// PAC_REQUESTOR (MS-PAC 2.15): a SID, perhaps with padding.
fn requestor(buffer: &[u8]) -> Result<Sid, PacError> {
    let fail = |_| PacError::new("PAC_REQUESTOR", "not a SID");
    let length = buffer.get(1).map_or(0, |count| 8 + 4 * usize::from(*count));
    Sid::from_bytes(buffer.get(..length).unwrap_or_default()).map_err(fail)
}

/// UTF-16 in little-endian order. Text that is none is an error: replaced
/// characters would make different names the same.
fn utf16(part: &'static str, bytes: &[u8]) -> Result<String, PacError> {
    let fail = || PacError::new(part, "a text is not UTF-16");
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(fail());
    };
    let mut text = String::with_capacity(units.len());
    for character in char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))) {
        text.push(character.map_err(|_| fail())?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
