//! HMAC over parts, truncated, compared in constant time.

use hmac::Mac;
use hmac::digest::Output;
use subtle::ConstantTimeEq;

use super::CryptoError;

/// The full tag over what `feed` gives the MAC, from a keyed state that stays
/// as it is.
fn tag<M: Mac + Clone>(keyed: &M, feed: impl FnOnce(&mut M)) -> Output<M> {
    let mut mac = keyed.clone();
    feed(&mut mac);
    mac.finalize().into_bytes()
}

fn all<'a, M: Mac>(parts: &'a [&'a [u8]]) -> impl FnOnce(&mut M) + 'a {
    move |mac| parts.iter().for_each(|part| mac.update(part))
}

/// Writes the leftmost bytes of the tag over the concatenation of `parts`: as
/// many as `out` has.
pub(super) fn sign<M: Mac + Clone>(keyed: &M, parts: &[&[u8]], out: &mut [u8]) {
    sign_fed(keyed, all(parts), out);
}

/// The same over what `feed` gives the MAC.
pub(super) fn sign_fed<M: Mac + Clone>(keyed: &M, feed: impl FnOnce(&mut M), out: &mut [u8]) {
    out.copy_from_slice(&tag(keyed, feed)[..out.len()]);
}

/// Compares the leftmost bytes of the tag over the concatenation of `parts`
/// with `expected`, whose length the caller has checked.
pub(super) fn verify<M: Mac + Clone>(
    keyed: &M,
    parts: &[&[u8]],
    expected: &[u8],
) -> Result<(), CryptoError> {
    verify_fed(keyed, all(parts), expected)
}

/// The same over what `feed` gives the MAC.
pub(super) fn verify_fed<M: Mac + Clone>(
    keyed: &M,
    feed: impl FnOnce(&mut M),
    expected: &[u8],
) -> Result<(), CryptoError> {
    let tag = tag(keyed, feed);
    match tag.get(..expected.len()) {
        Some(tag) if bool::from(tag.ct_eq(expected)) => Ok(()),
        _ => Err(CryptoError::Integrity),
    }
}
