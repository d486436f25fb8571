//! MACs over parts, truncated, compared in constant time.

use aes::cipher::BlockSizeUser;
use aes::cipher::typenum::Unsigned as _;
use hmac::{EagerHash, Hmac, Mac};
use subtle::ConstantTimeEq;

use super::CryptoError;

/// A key that makes MACs; it stays as it is.
pub(super) trait Keyed {
    /// One in the making.
    type Sum: Sum;
    /// How many bytes a whole one has.
    const LENGTH: usize;

    /// Begins one.
    fn sum(&self) -> Self::Sum;

    /// Ends it, and writes its leftmost bytes: as many as `out` has, if there
    /// are so many.
    #[inline]
    fn finish(&self, sum: Self::Sum, out: &mut [u8]) {
        self.finish_while(sum, out, || {});
    }

    /// The same; half-way through it, something else is begun that takes its
    /// time.
    fn finish_while(&self, sum: Self::Sum, out: &mut [u8], other: impl FnOnce());
}

/// A MAC in the making.
pub(super) trait Sum {
    /// The length of the hash's block: parts that end where blocks do are not
    /// copied.
    const BLOCK: usize;

    /// The state of SHA-512, if that is what it is and it stands between two
    /// blocks, for the caller to take as many bytes of whole blocks by.
    #[inline]
    fn sha512(&mut self, bytes: usize) -> Option<&mut [u64; 8]> {
        let _ = bytes;
        None
    }

    /// Takes the next bytes of the message.
    fn update(&mut self, bytes: &[u8]);
}

/// What no message needs to be fast for: RC4's HMAC-MD5.
impl<D: EagerHash> Keyed for Hmac<D> {
    type Sum = Self;
    const LENGTH: usize = D::OutputSize::USIZE;

    fn sum(&self) -> Self {
        self.clone()
    }

    fn finish_while(&self, sum: Self, out: &mut [u8], other: impl FnOnce()) {
        other();
        for (to, from) in out.iter_mut().zip(sum.finalize().into_bytes()) {
            *to = from;
        }
    }
}

impl<D: EagerHash> Sum for Hmac<D> {
    const BLOCK: usize = <Self as BlockSizeUser>::BlockSize::USIZE;

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
    let whole = words(expected).filter(|_| expected.len() <= K::LENGTH);
    let sent = whole.ok_or(CryptoError::Integrity)?;
    let mut own = [0; MAX_TAG];
    sign_fed(keyed, feed, &mut own);
    match own.get(..expected.len()).and_then(words) {
        Some(own) if bool::from(own.ct_eq(&sent)) => Ok(()),
        _ => Err(CryptoError::Integrity),
    }
}

/// A tag of one of the lengths that there are (12, 16 and 24 octets) as words:
/// octet by octet a comparison takes as long as a block of the cipher.
#[inline]
fn words(tag: &[u8]) -> Option<[u64; 3]> {
    let (whole, rest) = tag.as_chunks::<8>();
    let words = match (whole, rest) {
        (&[first, second, third], []) => [first, second, third],
        (&[first, second], []) => [first, second, [0; 8]],
        (&[first], [_, _, _, _]) => {
            let mut second = [0; 8];
            second[..4].copy_from_slice(rest);
            [first, second, [0; 8]]
        }
        _ => return None,
    };
    Some(words.map(u64::from_ne_bytes))
}
