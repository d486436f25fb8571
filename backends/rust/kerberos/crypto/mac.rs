//! MACs over parts, truncated, compared in constant time.

use hmac::{EagerHash, Hmac, Mac};
use subtle::ConstantTimeEq;

use super::CryptoError;

/// A key that makes MACs; it stays as it is.
pub(super) trait Keyed {
    /// One in the making.
    type Sum: Sum;

    /// Begins one.
    fn sum(&self) -> Self::Sum;

    /// Ends it, and writes its leftmost bytes: as many as `out` has, which is
    /// no more than there are.
    fn finish(&self, sum: Self::Sum, out: &mut [u8]) {
        self.finish_while(sum, out, || {});
    }

    /// The same; half-way through it, something else is begun that takes its
    /// time.
    fn finish_while(&self, sum: Self::Sum, out: &mut [u8], other: impl FnOnce());
}

/// A MAC in the making.
pub(super) trait Sum {
    /// Takes the next bytes of the message.
    fn update(&mut self, bytes: &[u8]);
}

/// What no message needs to be fast for: RC4's HMAC-MD5.
impl<D: EagerHash> Keyed for Hmac<D> {
    type Sum = Self;

    fn sum(&self) -> Self {
        self.clone()
    }

    fn finish_while(&self, sum: Self, out: &mut [u8], other: impl FnOnce()) {
        other();
        out.copy_from_slice(&sum.finalize().into_bytes()[..out.len()]);
    }
}

impl<D: EagerHash> Sum for Hmac<D> {
    fn update(&mut self, bytes: &[u8]) {
        Mac::update(self, bytes);
    }
}

/// The longest tag that is compared, in bytes.
const MAX_TAG: usize = 24;

fn all<'a, S: Sum>(parts: &'a [&'a [u8]]) -> impl FnOnce(&mut S) + 'a {
    move |sum| parts.iter().for_each(|part| sum.update(part))
}

/// Writes the leftmost bytes of the tag over the concatenation of `parts`: as
/// many as `out` has.
pub(super) fn sign<K: Keyed>(keyed: &K, parts: &[&[u8]], out: &mut [u8]) {
    sign_fed(keyed, all(parts), out);
}

/// The same over what `feed` gives the MAC.
#[inline]
pub(super) fn sign_fed<K: Keyed>(keyed: &K, feed: impl FnOnce(&mut K::Sum), out: &mut [u8]) {
    let mut sum = keyed.sum();
    feed(&mut sum);
    keyed.finish(sum, out);
}

/// Compares the leftmost bytes of the tag over the concatenation of `parts`
/// with `expected`, whose length the caller has checked.
pub(super) fn verify<K: Keyed>(
    keyed: &K,
    parts: &[&[u8]],
    expected: &[u8],
) -> Result<(), CryptoError> {
    verify_fed(keyed, all(parts), expected)
}

/// The same over what `feed` gives the MAC.
#[inline]
pub(super) fn verify_fed<K: Keyed>(
    keyed: &K,
    feed: impl FnOnce(&mut K::Sum),
    expected: &[u8],
) -> Result<(), CryptoError> {
    let (mut own, mut sent) = ([0; MAX_TAG], [0; MAX_TAG]);
    let (Some(tag), Some(room)) = (
        own.get_mut(..expected.len()),
        sent.get_mut(..expected.len()),
    ) else {
        return Err(CryptoError::Integrity);
    };
    sign_fed(keyed, feed, tag);
    room.copy_from_slice(expected);
    // Eight octets at a time: octet by octet it takes as long as a block of
    // the cipher.
    let words = |tag: &[u8; MAX_TAG]| {
        let (words, _) = tag.as_chunks::<8>();
        [words[0], words[1], words[2]].map(u64::from_ne_bytes)
    };
    if !expected.is_empty() && bool::from(words(&own).ct_eq(&words(&sent))) {
        Ok(())
    } else {
        Err(CryptoError::Integrity)
    }
}
