//! Etype 23: RC4 with HMAC-MD5 (RFC 4757). Here because some peers have
//! nothing else; `ConfigBuilder::insecure_rc4` says what it is worth.

#[cfg(test)]
mod tests;

use hmac::{Hmac, KeyInit};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::Rc4;
use rc4::cipher::StreamCipher;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::hmac::Sha1;
use super::{CryptoError, mac};

/// HMAC-MD5, keyed.
type Keyed = Hmac<Md5>;

/// The length of a key and of every value derived from one, in bytes.
pub(super) const KEY: usize = 16;

/// The random bytes in front of each plaintext (RFC 4757 5).
pub(super) const CONFOUNDER: usize = 8;

/// The length of one output of the pseudo-random function, in bytes.
pub(super) const PRF: usize = 20;

/// The key of one usage, ready: K1 of RFC 4757 5, which is K2 too in a type
/// that is not weakened for export.
pub(super) struct Cipher(Keyed);

impl Cipher {
    pub(super) fn derive(key: &[u8], usage: u32) -> Self {
        Self(keyed(&*derived(&keyed(key), &message_type(usage))))
    }

    /// Encrypts confounder and plaintext in `body`, and writes their tag,
    /// which is what makes the key of the stream.
    pub(super) fn seal(&self, body: &mut [u8], tag: &mut [u8]) {
        mac::sign(&self.0, &[body], tag);
        stream(&*derived(&self.0, tag)).apply(body);
    }

    /// Decrypts `body` in place; wiped when the tag does not fit.
    pub(super) fn open(&self, body: &mut [u8], tag: &[u8]) -> Result<(), CryptoError> {
        stream(&*derived(&self.0, tag)).apply(body);
        mac::verify(&self.0, &[body], tag).inspect_err(|_| body.zeroize())
    }
}

/// Checksums of type -138 for one usage (RFC 4757 4).
pub(super) struct Signer {
    key: Keyed,
    usage: [u8; 4],
}

impl Signer {
    pub(super) fn derive(key: &[u8], usage: u32) -> Self {
        Self {
            key: keyed(&*derived(&keyed(key), b"signaturekey\0")),
            usage: message_type(usage),
        }
    }

    pub(super) fn sign(&self, parts: &[&[u8]], out: &mut [u8]) {
        mac::sign(&self.key, &[&*self.digest(parts)], out);
    }

    pub(super) fn verify(&self, parts: &[&[u8]], checksum: &[u8]) -> Result<(), CryptoError> {
        mac::verify(&self.key, &[&*self.digest(parts)], checksum)
    }

    fn digest(&self, parts: &[&[u8]]) -> Zeroizing<[u8; KEY]> {
        let mut hash = Md5::new_with_prefix(self.usage);
        for part in parts {
            hash.update(part);
        }
        Zeroizing::new(hash.finalize().into())
    }
}

/// MD4 of the password in UTF-16, little-endian; no salt (RFC 4757 2).
///
/// # Errors
/// [`CryptoError::PasswordEncoding`]: what is not UTF-8 has no UTF-16.
pub(super) fn string_to_key(password: &[u8]) -> Result<Zeroizing<[u8; KEY]>, CryptoError> {
    let text = core::str::from_utf8(password).map_err(|_| CryptoError::PasswordEncoding)?;
    // Room for all: UTF-16 has no more units than UTF-8 has bytes, and a
    // vector that grew would leave the password behind.
    let mut units = Zeroizing::new(Vec::with_capacity(password.len() * 2));
    for unit in text.encode_utf16() {
        units.extend_from_slice(&unit.to_le_bytes());
    }
    Ok(Zeroizing::new(Md4::digest(&*units).into()))
}

/// The pseudo-random function. RFC 4757 has none; this is what MIT krb5 and
/// Heimdal agree on: HMAC-SHA1 of the input under the key.
pub(super) fn prf(key: &[u8], input: &[&[u8]], out: &mut [u8]) {
    mac::sign(&super::hmac::Hmac::<Sha1>::new(key), input, out);
}

/// A key's three sides in the messages of a context (RFC 4757 7): what signs,
/// what hides sequence numbers, and what seals.
///
/// Neither direction nor, unless sealed, the sequence number is under the
/// checksum, and the stream depends on the number alone. That is the
/// protocol's, and can only be stated, not mended.
pub(crate) struct MessageKeys {
    sign: Keyed,
    sequence: Keyed,
    seal: Keyed,
}

impl MessageKeys {
    /// From the bytes of an rc4-hmac key.
    pub(super) fn derive(key: &[u8]) -> Self {
        const ZERO: [u8; 4] = [0; 4];
        let mut local = Zeroizing::new([0; KEY]);
        for (to, from) in local.iter_mut().zip(key) {
            *to = from ^ 0xF0;
        }
        let base = keyed(key);
        Self {
            sign: keyed(&*derived(&base, b"signaturekey\0")),
            sequence: keyed(&*derived(&base, &ZERO)),
            seal: keyed(&*derived(&keyed(&*local), &ZERO)),
        }
    }

    /// Ends a checksum.
    pub(crate) fn finish(&self, sum: MessageSum) -> [u8; 8] {
        let digest = Zeroizing::new(<[u8; KEY]>::from(sum.0.finalize()));
        let mut checksum = [0; 8];
        mac::sign(&self.sign, &[&*digest], &mut checksum);
        checksum
    }

    /// Compares a checksum with the one received, in constant time, and with
    /// it whatever else has to hold, so that nobody learns which it was.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`].
    pub(crate) fn verify(
        &self,
        sum: MessageSum,
        received: [u8; 8],
        besides: subtle::Choice,
    ) -> Result<(), CryptoError> {
        if bool::from(self.finish(sum).ct_eq(&received) & besides) {
            Ok(())
        } else {
            Err(CryptoError::Integrity)
        }
    }

    /// Hides or shows a sequence number and its direction, whose key comes of
    /// the message's checksum.
    pub(crate) fn sequence(&self, checksum: [u8; 8], bytes: &mut [u8; 8]) {
        stream(&*derived(&self.sequence, &checksum)).apply(bytes);
    }

    /// The stream that seals the message with this number.
    pub(crate) fn seal(&self, number: u32) -> SealStream {
        stream(&*derived(&self.seal, &number.to_be_bytes()))
    }
}

/// A message's checksum, part by part.
pub(crate) struct MessageSum(Md5);

impl MessageSum {
    /// Begins that of a message of this type (RFC 4757 7.2: 15 for MIC
    /// tokens, 13 for Wrap).
    pub(crate) fn new(message_type: u32) -> Self {
        Self(Md5::new_with_prefix(message_type.to_le_bytes()))
    }

    /// With the next part.
    pub(crate) fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }
}

/// A stream of RC4: encrypts and decrypts, part by part.
pub(crate) struct SealStream(Rc4);

impl SealStream {
    /// Encrypts or decrypts the next part.
    pub(crate) fn apply(&mut self, part: &mut [u8]) {
        self.0.apply_keystream(part);
    }
}

/// T of RFC 4757 3: the key usage, which Windows numbers otherwise for AS
/// replies and for MICs. The RFC's text changes 9 as well; its erratum takes
/// that back, and neither Windows nor MIT krb5 does it.
const fn message_type(usage: u32) -> [u8; 4] {
    match usage {
        3 => 8,
        23 => 13,
        other => other,
    }
    .to_le_bytes()
}

fn stream(key: &[u8]) -> SealStream {
    SealStream(Rc4::new_from_slice(key).expect("RC4 takes 1 to 256 bytes"))
}

fn derived(keyed: &Keyed, constant: &[u8]) -> Zeroizing<[u8; KEY]> {
    let mut out = Zeroizing::new([0; KEY]);
    mac::sign(keyed, &[constant], &mut *out);
    out
}

fn keyed(key: &[u8]) -> Keyed {
    Keyed::new_from_slice(key).expect("HMAC takes any length")
}
