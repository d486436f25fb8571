//! The ticket's PAC: whether it was written by who has the server's key, and
//! is this client's (rules 15, 26). What it says is read later, if at all.

mod kdc;

use crate::authorization::PacSignatures;
use crate::backends::rust::kerberos::codec::messages::EncTicketPart;
use crate::backends::rust::kerberos::crypto::ChecksumKey;
use crate::backends::rust::kerberos::keys::PacKey;
use crate::error::AuthorizationProblem;
use crate::pac::{Pac, kind};
use crate::time::from_unix_seconds;

/// What was verified of a ticket's PAC; why there is none to be believed.
pub(super) type Verified = Result<PacSignatures, AuthorizationProblem>;

/// The elements of a ticket's authorization data that are PACs.
#[derive(Clone, Copy, Default)]
pub(super) enum Found<'a> {
    #[default]
    None,
    One(&'a [u8]),
    /// A KDC writes one; a client may have had another copied in.
    Several,
}

impl<'a> Found<'a> {
    pub(super) fn add(&mut self, data: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(data),
            _ => Self::Several,
        };
    }
}

/// Verifies the signature with the server's key, that the PAC is the ticket's
/// client's, and with krbtgt's keys, if there are any, the KDC's signatures.
pub(super) fn verify(
    found: Found<'_>,
    ticket: &EncTicketPart<'_>,
    key: &PacKey,
    krbtgt: &[PacKey],
) -> Verified {
    let data = match found {
        Found::None => return Err(AuthorizationProblem::Absent),
        Found::Several => return Err(AuthorizationProblem::Several),
        Found::One(data) => data,
    };
    let pac = Pac::parse(data)?;
    check_server(&pac, key.checksum())?;
    check_client(&pac, ticket)?;
    let verified = kdc::verify(&pac, ticket, krbtgt)?;
    // A name alone is no account: who requires one must not let it pass.
    pac.logon_info().map(|_| verified)
}

/// PAC_SIGNATURE_DATA (MS-PAC 2.8) of one kind.
#[derive(Clone)]
struct Signature<'a> {
    name: &'static str,
    sum_type: i32,
    value: &'a [u8],
    /// Where the value begins in the PAC.
    start: usize,
    /// RODCIdentifier, if it is there: which read-only domain controller's
    /// krbtgt made it.
    rodc: &'a [u8],
}

impl<'a> Signature<'a> {
    /// The signature of a kind. Checksums without a key are none.
    fn read(pac: &Pac<'a>, kind: u32, name: &'static str) -> Result<Self, AuthorizationProblem> {
        let malformed = |problem| AuthorizationProblem::Malformed {
            part: "PAC_SIGNATURE_DATA",
            problem,
            offset: None,
        };
        let place = pac
            .place(kind)
            .ok_or(AuthorizationProblem::Incomplete { part: name })?;
        let buffer = pac.bytes().get(place.clone()).unwrap_or_default();
        let (sum_type, rest) = buffer
            .split_first_chunk::<4>()
            .ok_or_else(|| malformed("it is cut off"))?;
        let sum_type = i32::from_le_bytes(*sum_type);
        // RFC 3962 7, RFC 8009 6, RFC 4757 4.
        let length = match sum_type {
            15 | 16 => 12,
            19 | -138 => 16,
            20 => 24,
            _ => return Err(malformed("its type is none of a keyed checksum")),
        };
        let (value, rodc) = rest
            .split_at_checked(length)
            .ok_or_else(|| malformed("it is cut off"))?;
        if !matches!(rodc.len(), 0 | 2) {
            return Err(malformed("it is too long"));
        }
        Ok(Self {
            name,
            sum_type,
            value,
            start: place.start + 4,
            rodc,
        })
    }

    /// Whether `key` made this of the concatenation of `parts`.
    fn check(&self, key: &ChecksumKey, parts: &[&[u8]]) -> Result<(), AuthorizationProblem> {
        let (signature, found) = (self.name, self.sum_type);
        let expected = key.checksum_type();
        if found != expected {
            return Err(AuthorizationProblem::SignatureType {
                signature,
                found,
                expected,
            });
        }
        key.verify(parts, self.value)
            .map_err(|_| AuthorizationProblem::Signature { signature })
    }
}

/// So many zeros: as many as the longest signature with a read-only domain
/// controller's number has, at the most.
fn zeroed(length: usize) -> &'static [u8] {
    const ZEROS: [u8; 26] = [0; 26];
    ZEROS.get(..length).unwrap_or_default()
}

/// MS-PAC 2.8.1: over all of the PAC, where server's and KDC's signatures are
/// zeros. Nothing is copied.
fn check_server(pac: &Pac<'_>, key: &ChecksumKey) -> Result<(), AuthorizationProblem> {
    let server = Signature::read(pac, kind::SERVER_SIGNATURE, "server")?;
    let kdc = Signature::read(pac, kind::KDC_SIGNATURE, "KDC")?;
    let (first, second) = if server.start < kdc.start {
        (&server, &kdc)
    } else {
        (&kdc, &server)
    };
    let sum = |length: fn(&Signature<'_>) -> usize| {
        let (one, two) = (length(first), length(second));
        let part = |from: usize, to: usize| pac.bytes().get(from..to).unwrap_or_default();
        let parts = [
            part(0, first.start),
            zeroed(one),
            part(first.start + one, second.start),
            zeroed(two),
            part(second.start + two, pac.bytes().len()),
        ];
        server.check(key, &parts)
    };
    let value = sum(|signature| signature.value.len());
    if value.is_ok() || (first.rodc.is_empty() && second.rodc.is_empty()) {
        return value;
    }
    // MS-PAC zeroes the value and leaves the number; MIT krb5 and Heimdal
    // zero both. Either way it is the whole PAC, and the key.
    sum(|signature| signature.value.len() + signature.rodc.len())
}

/// MS-PAC 2.7: the ticket's name, unescaped and without its realm, and its
/// authtime.
fn check_client(pac: &Pac<'_>, part: &EncTicketPart<'_>) -> Result<(), AuthorizationProblem> {
    let info = pac.client_info()?;
    if !info.is_named(part.cname.components()) {
        return Err(AuthorizationProblem::ClientName {
            pac: info.name()?,
            ticket: part.cname.in_realm(part.crealm),
        });
    }
    if info.authenticated != Some(from_unix_seconds(part.authtime.0)) {
        return Err(AuthorizationProblem::LogonTime);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
