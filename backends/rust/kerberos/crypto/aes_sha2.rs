//! Etypes 19 and 20: AES with HMAC-SHA2 (RFC 8009). The tag covers the
//! ciphertext, so nothing is decrypted that was not written by a holder of the
//! key.

use aes::cipher::KeyInit;
use aes::{Aes128, Aes256};
use zeroize::{Zeroize, Zeroizing};

use super::aes_sha1::Purpose;
use super::hmac::{Hash, Hmac, Sha256, Sha384};
use super::mac::{Keyed, Sum};
use super::{BLOCK, CryptoError, MAX_KEY, Scattered, cts, mac};

/// What RFC 8009 5 fixes for one of its two encryption types.
pub(super) trait Suite {
    /// The cipher.
    type Aes: cts::Aes + KeyInit;
    /// The MAC, which is also the core of the key derivation.
    type Hash: Hash;
    /// The length of a protocol key and of Ke, in bytes.
    const KEY: usize;
    /// The length of Kc and Ki, in bytes: the tag's.
    const MAC_KEY: usize;
    /// The length of the PRF's output, in bytes: the hash's.
    const PRF: usize;
}

/// Etype 19.
pub(super) struct Aes128Sha256;

impl Suite for Aes128Sha256 {
    type Aes = Aes128;
    type Hash = Sha256;
    const KEY: usize = 16;
    const MAC_KEY: usize = 16;
    const PRF: usize = 32;
}

/// Etype 20.
pub(super) struct Aes256Sha384;

impl Suite for Aes256Sha384 {
    type Aes = Aes256;
    type Hash = Sha384;
    const KEY: usize = 32;
    const MAC_KEY: usize = 24;
    const PRF: usize = 48;
}

/// Ke and Ki of one usage, ready.
pub(super) struct Cipher<S: Suite> {
    aes: S::Aes,
    tag: Hmac<S::Hash>,
}

impl<S: Suite> Cipher<S> {
    pub(super) fn derive(key: &[u8], usage: u32) -> Self {
        let base = Hmac::<S::Hash>::new(key);
        let mut bytes = Zeroizing::new([0; MAX_KEY]);
        derive(&base, usage, Purpose::Encryption, &mut bytes[..S::KEY]);
        let aes = schedule(&bytes[..S::KEY]);
        derive(&base, usage, Purpose::Integrity, &mut bytes[..S::MAC_KEY]);
        Self {
            aes,
            tag: Hmac::new(&bytes[..S::MAC_KEY]),
        }
    }

    /// Encrypts confounder and plaintext in `body`, and writes the tag over
    /// the initial cipher state (zeros) and the ciphertext.
    pub(super) fn seal(&self, body: &mut [u8], tag: &mut [u8]) {
        let feed = |sum: &mut _| {
            Sum::update(sum, &[0; BLOCK]);
            cts::encrypt_and_sign(&self.aes, sum, body);
        };
        mac::sign_fed(&self.tag, feed, tag);
    }

    /// Decrypts `body` in place; wiped, undecrypted, when the tag does not
    /// fit, so that failure looks the same for every encryption type.
    pub(super) fn open(&self, body: &mut [u8], tag: &[u8]) -> Result<(), CryptoError> {
        mac::verify(&self.tag, &[&[0; BLOCK], body], tag).inspect_err(|_| body.zeroize())?;
        cts::decrypt(&self.aes, body);
        Ok(())
    }

    /// As [`seal`](Self::seal), over a message in pieces. RFC 8009 says
    /// nothing of parts that are signed alone: MIT krb5 signs them where they
    /// lie, between the pieces of ciphertext.
    pub(super) fn seal_scattered(&self, message: &mut Scattered<'_, '_>, tag: &mut [u8]) {
        message.encrypt(&self.aes);
        mac::sign_fed(&self.tag, |sum| feed(message, sum), tag);
    }

    /// As [`open`](Self::open), over a message in pieces.
    pub(super) fn open_scattered(
        &self,
        message: &mut Scattered<'_, '_>,
        tag: &[u8],
    ) -> Result<(), CryptoError> {
        mac::verify_fed(&self.tag, |sum| feed(message, sum), tag)
            .inspect_err(|_| message.wipe())?;
        message.decrypt(&self.aes);
        Ok(())
    }
}

/// The initial cipher state and the message, as they are signed.
fn feed(message: &Scattered<'_, '_>, sum: &mut impl Sum) {
    sum.update(&[0; BLOCK]);
    message.feed(sum);
}

/// Kc of one usage.
pub(super) fn checksum_key<S: Suite>(key: &[u8], usage: u32) -> Hmac<S::Hash> {
    let mut bytes = Zeroizing::new([0; MAX_KEY]);
    let derived = &mut bytes[..S::MAC_KEY];
    derive(
        &Hmac::<S::Hash>::new(key),
        usage,
        Purpose::Checksum,
        derived,
    );
    Hmac::new(derived)
}

/// The pseudo-random function of RFC 8009 5. `out` has `S::PRF` bytes.
pub(super) fn prf<S: Suite>(key: &[u8], input: &[&[u8]], out: &mut [u8]) {
    kdf(&Hmac::<S::Hash>::new(key), b"prf", input, out);
}

/// A key for a label that is not a key usage, such as "kerberos" in
/// string-to-key.
pub(super) fn derive_named<S: Suite>(key: &[u8], label: &[u8], out: &mut [u8]) {
    kdf(&Hmac::<S::Hash>::new(key), label, &[], out);
}

fn derive<K: Keyed>(base: &K, usage: u32, purpose: Purpose, out: &mut [u8]) {
    let [a, b, c, d] = usage.to_be_bytes();
    kdf(base, &[a, b, c, d, purpose as u8], &[], out);
}

/// KDF-HMAC-SHA2 (RFC 8009 3): one round of SP 800-108 in counter mode, which
/// is all that these lengths ever need.
fn kdf<K: Keyed>(base: &K, label: &[u8], context: &[&[u8]], out: &mut [u8]) {
    let bits = u32::try_from(out.len() * 8).expect("a key's length");
    let mut sum = base.sum();
    sum.update(&1_u32.to_be_bytes());
    sum.update(label);
    sum.update(&[0]);
    for part in context {
        sum.update(part);
    }
    sum.update(&bits.to_be_bytes());
    base.finish(sum, out);
}

/// A key schedule. Every caller passes the cipher's own key length, which
/// `Key::new` and `Suite::KEY` see to.
#[inline]
fn schedule<K: KeyInit>(key: &[u8]) -> K {
    K::new(key.try_into().expect("a key of the right length"))
}
