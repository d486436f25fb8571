//! HMAC over parts, truncated, compared in constant time.

use hmac::Mac;
use hmac::digest::Output;
use subtle::ConstantTimeEq;

use super::CryptoError;

/// The full tag over the concatenation of `parts`, from a keyed state that
/// stays as it is.
pub(super) fn tag<M: Mac + Clone>(keyed: &M, parts: &[&[u8]]) -> Output<M> {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes()
}

/// Writes the leftmost bytes of the tag: as many as `out` has.
pub(super) fn sign<M: Mac + Clone>(keyed: &M, parts: &[&[u8]], out: &mut [u8]) {
    out.copy_from_slice(&tag(keyed, parts)[..out.len()]);
}

/// Compares the leftmost bytes of the tag with `expected`, whose length the
/// caller has checked.
pub(super) fn verify<M: Mac + Clone>(
    keyed: &M,
    parts: &[&[u8]],
    expected: &[u8],
) -> Result<(), CryptoError> {
    let tag = tag(keyed, parts);
    match tag.get(..expected.len()) {
        Some(tag) if bool::from(tag.ct_eq(expected)) => Ok(()),
        _ => Err(CryptoError::Integrity),
    }
}
