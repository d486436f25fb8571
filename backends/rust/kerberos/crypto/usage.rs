//! A key made ready for one key usage (RFC 4120 7.5.1): to encrypt and
//! decrypt, or to make checksums.

use aes::{Aes128, Aes256};
use zeroize::Zeroize;

use super::aes_sha2::{Aes128Sha256, Aes256Sha384};
use super::hmac::{Hmac, Sha1, Sha256, Sha384};
use super::mac::Sum;
use super::profile::{Profile, TagPlace};
use super::{
    CryptoError, Key, KeyRef, Random, Scattered, aes_sha1, aes_sha2, mac, rc4_hmac, scatter,
};
use crate::message::MessagePart;

/// Encrypts and decrypts under one key for one usage: both AES schedules and
/// the keyed HMAC are there, so a call does nothing but work on the data.
///
/// It is close to a kilobyte large; keep it behind a pointer. It is wiped on drop and
/// has no `Debug`.
pub(crate) struct UsageKey {
    profile: Profile,
    cipher: Cipher,
}

enum Cipher {
    Aes128Sha1(aes_sha1::Cipher<Aes128>),
    Aes256Sha1(aes_sha1::Cipher<Aes256>),
    Aes128Sha256(aes_sha2::Cipher<Aes128Sha256>),
    Aes256Sha384(aes_sha2::Cipher<Aes256Sha384>),
    Rc4(rc4_hmac::Cipher),
}

impl UsageKey {
    pub(super) fn derive(profile: Profile, key: &[u8], usage: u32) -> Self {
        let cipher = match profile {
            Profile::Aes128Sha1 => Cipher::Aes128Sha1(aes_sha1::Cipher::derive(key, usage)),
            Profile::Aes256Sha1 => Cipher::Aes256Sha1(aes_sha1::Cipher::derive(key, usage)),
            Profile::Aes128Sha256 => Cipher::Aes128Sha256(aes_sha2::Cipher::derive(key, usage)),
            Profile::Aes256Sha384 => Cipher::Aes256Sha384(aes_sha2::Cipher::derive(key, usage)),
            Profile::Rc4 => Cipher::Rc4(rc4_hmac::Cipher::derive(key, usage)),
        };
        Self { profile, cipher }
    }

    /// The length of the confounder in front of the plaintext, in bytes.
    fn confounder_len(&self) -> usize {
        self.profile.confounder_len()
    }

    /// The length of the integrity tag of a ciphertext, in bytes.
    pub(crate) fn mac_len(&self) -> usize {
        self.profile.mac_len()
    }

    /// Where in a ciphertext the plaintext begins.
    pub(crate) fn plaintext_at(&self) -> usize {
        match self.profile.tag_place() {
            TagPlace::Front => self.mac_len() + self.confounder_len(),
            TagPlace::End => self.confounder_len(),
        }
    }

    /// How much longer than its plaintext a ciphertext is, in bytes.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn overhead(&self) -> usize {
        self.confounder_len() + self.mac_len()
    }

    /// Encrypts in the caller's buffer, which holds the plaintext at
    /// [`plaintext_at`](Self::plaintext_at), and room for confounder and tag
    /// around it.
    ///
    /// # Errors
    /// [`CryptoError::TooShort`] when there is not even room for those two.
    pub(crate) fn encrypt_in_place(
        &self,
        buf: &mut [u8],
        random: Random<'_>,
    ) -> Result<(), CryptoError> {
        let (body, tag) = self.split(buf)?;
        random(&mut body[..self.confounder_len()]);
        match &self.cipher {
            Cipher::Aes128Sha1(cipher) => cipher.seal(body, tag),
            Cipher::Aes256Sha1(cipher) => cipher.seal(body, tag),
            Cipher::Aes128Sha256(cipher) => cipher.seal(body, tag),
            Cipher::Aes256Sha384(cipher) => cipher.seal(body, tag),
            Cipher::Rc4(cipher) => cipher.seal(body, tag),
        }
        Ok(())
    }

    /// Encrypts into a new vector.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encrypt(&self, plaintext: &[u8], random: Random<'_>) -> Vec<u8> {
        let total = plaintext.len() + self.overhead();
        let mut buf = Vec::with_capacity(total);
        buf.resize(self.plaintext_at(), 0);
        buf.extend_from_slice(plaintext);
        buf.resize(total, 0);
        self.encrypt_in_place(&mut buf, random)
            .expect("room was made for confounder and tag");
        buf
    }

    /// Decrypts in the caller's buffer and returns the plaintext in it,
    /// without confounder and tag.
    ///
    /// # Errors
    /// [`CryptoError::TooShort`], with the buffer unchanged, and
    /// [`CryptoError::Integrity`], with everything but the tag wiped.
    pub(crate) fn decrypt_in_place<'a>(
        &self,
        buf: &'a mut [u8],
    ) -> Result<&'a mut [u8], CryptoError> {
        let (body, tag) = self.split(buf)?;
        match &self.cipher {
            Cipher::Aes128Sha1(cipher) => cipher.open(body, tag),
            Cipher::Aes256Sha1(cipher) => cipher.open(body, tag),
            Cipher::Aes128Sha256(cipher) => cipher.open(body, tag),
            Cipher::Aes256Sha384(cipher) => cipher.open(body, tag),
            Cipher::Rc4(cipher) => cipher.open(body, tag),
        }?;
        Ok(&mut body[self.profile.confounder_len()..])
    }

    /// Decrypts a ciphertext that must stay as it is (because another key may
    /// have to be tried) into `scratch`, and returns the plaintext there.
    /// What `scratch` held before is wiped; what it holds after is the
    /// caller's to wipe.
    ///
    /// # Errors
    /// As [`decrypt_in_place`](Self::decrypt_in_place).
    pub(crate) fn decrypt_into<'a>(
        &self,
        ciphertext: &[u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a mut [u8], CryptoError> {
        // Before it may grow: growing would leave the old content behind.
        scratch.as_mut_slice().zeroize();
        scratch.clear();
        scratch.extend_from_slice(ciphertext);
        self.decrypt_in_place(scratch)
    }

    /// Encrypts a message that lies in several places; the confounder is made
    /// here.
    ///
    /// # Errors
    /// [`CryptoError::ChecksumRoom`] when `tag` has another length than
    /// [`mac_len`](Self::mac_len).
    pub(crate) fn encrypt_scattered(
        &self,
        mut message: Scattered<'_, '_>,
        tag: &mut [u8],
        random: Random<'_>,
    ) -> Result<(), CryptoError> {
        self.check_tag(tag)?;
        random(message.confounder());
        match &self.cipher {
            Cipher::Aes128Sha1(cipher) => cipher.seal_scattered(&mut message, tag),
            Cipher::Aes256Sha1(cipher) => cipher.seal_scattered(&mut message, tag),
            Cipher::Aes128Sha256(cipher) => cipher.seal_scattered(&mut message, tag),
            Cipher::Aes256Sha384(cipher) => cipher.seal_scattered(&mut message, tag),
            Cipher::Rc4(_) => return Err(self.no_scattered()),
        }
        Ok(())
    }

    /// Decrypts a message that lies in several places.
    ///
    /// # Errors
    /// [`CryptoError::ChecksumRoom`] when `tag` has another length than
    /// [`mac_len`](Self::mac_len), and [`CryptoError::Integrity`], with
    /// everything wiped that is encrypted.
    pub(crate) fn decrypt_scattered(
        &self,
        mut message: Scattered<'_, '_>,
        tag: &[u8],
    ) -> Result<(), CryptoError> {
        self.check_tag(tag)?;
        match &self.cipher {
            Cipher::Aes128Sha1(cipher) => cipher.open_scattered(&mut message, tag),
            Cipher::Aes256Sha1(cipher) => cipher.open_scattered(&mut message, tag),
            Cipher::Aes128Sha256(cipher) => cipher.open_scattered(&mut message, tag),
            Cipher::Aes256Sha384(cipher) => cipher.open_scattered(&mut message, tag),
            Cipher::Rc4(_) => Err(self.no_scattered()),
        }
    }

    /// The messages of RC4 are not made with its ciphertexts (RFC 4757 7), so
    /// that these are never in several places.
    fn no_scattered(&self) -> CryptoError {
        CryptoError::UnsupportedEtype(self.profile.etype())
    }

    fn check_tag(&self, tag: &[u8]) -> Result<(), CryptoError> {
        let (expected, found) = (self.mac_len(), tag.len());
        if expected != found {
            return Err(CryptoError::ChecksumRoom { expected, found });
        }
        Ok(())
    }

    fn split<'a>(&self, buf: &'a mut [u8]) -> Result<(&'a mut [u8], &'a mut [u8]), CryptoError> {
        split(self.profile, buf)
    }
}

/// Confounder and data on one side, the tag on the other.
fn split(profile: Profile, buf: &mut [u8]) -> Result<(&mut [u8], &mut [u8]), CryptoError> {
    let (needed, found) = (profile.confounder_len() + profile.mac_len(), buf.len());
    if found < needed {
        return Err(CryptoError::TooShort { needed, found });
    }
    Ok(match profile.tag_place() {
        TagPlace::End => buf.split_at_mut(found - profile.mac_len()),
        TagPlace::Front => {
            let (tag, body) = buf.split_at_mut(profile.mac_len());
            (body, tag)
        }
    })
}

/// A key that is needed for one message of a usage: nothing is made ready for
/// a second one.
impl KeyRef<'_> {
    /// The integrity tag of a ciphertext, which tells it from another.
    /// `None` for what is too short to be one.
    pub(crate) fn tag(self, ciphertext: &[u8]) -> Option<&[u8]> {
        let length = self.profile().mac_len();
        match self.profile().tag_place() {
            TagPlace::Front => ciphertext.get(..length),
            TagPlace::End => ciphertext.get(ciphertext.len().checked_sub(length)?..),
        }
    }

    /// As [`UsageKey::decrypt_in_place`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn decrypt_once(self, usage: u32, buf: &mut [u8]) -> Result<&mut [u8], CryptoError> {
        let (profile, key) = (self.profile(), self.expose());
        let (body, tag) = split(profile, buf)?;
        match profile {
            Profile::Aes128Sha1 => aes_sha1::open_once::<Aes128>(key, usage, body, tag),
            Profile::Aes256Sha1 => aes_sha1::open_once::<Aes256>(key, usage, body, tag),
            Profile::Aes128Sha256 => {
                aes_sha2::Cipher::<Aes128Sha256>::derive(key, usage).open(body, tag)
            }
            Profile::Aes256Sha384 => {
                aes_sha2::Cipher::<Aes256Sha384>::derive(key, usage).open(body, tag)
            }
            Profile::Rc4 => rc4_hmac::Cipher::derive(key, usage).open(body, tag),
        }?;
        Ok(&mut body[profile.confounder_len()..])
    }

    /// What [`encrypt_once`](Self::encrypt_once) needs before the plaintext and
    /// behind it, in bytes.
    pub(crate) fn room(self) -> (usize, usize) {
        let (confounder, mac) = (self.profile().confounder_len(), self.profile().mac_len());
        match self.profile().tag_place() {
            TagPlace::Front => (mac + confounder, 0),
            TagPlace::End => (confounder, mac),
        }
    }

    /// As [`UsageKey::encrypt_in_place`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn encrypt_once(
        self,
        usage: u32,
        buf: &mut [u8],
        random: Random<'_>,
    ) -> Result<(), CryptoError> {
        let (profile, key) = (self.profile(), self.expose());
        let (body, tag) = split(profile, buf)?;
        random(&mut body[..profile.confounder_len()]);
        match profile {
            Profile::Aes128Sha1 => aes_sha1::seal_once::<Aes128>(key, usage, body, tag),
            Profile::Aes256Sha1 => aes_sha1::seal_once::<Aes256>(key, usage, body, tag),
            Profile::Aes128Sha256 => {
                aes_sha2::Cipher::<Aes128Sha256>::derive(key, usage).seal(body, tag);
            }
            Profile::Aes256Sha384 => {
                aes_sha2::Cipher::<Aes256Sha384>::derive(key, usage).seal(body, tag);
            }
            Profile::Rc4 => rc4_hmac::Cipher::derive(key, usage).seal(body, tag),
        }
        Ok(())
    }

    /// Kc for one key usage, made ready.
    pub(crate) fn checksum_key(self, usage: u32) -> ChecksumKey {
        ChecksumKey::derive(self.profile(), self.expose(), usage)
    }
}

/// Makes and checks checksums under one key for one usage (Kc of RFC 3961
/// 5.4). Wiped on drop, no `Debug`.
pub(crate) struct ChecksumKey {
    profile: Profile,
    tag: Tag,
}

enum Tag {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Rc4(rc4_hmac::Signer),
}

impl ChecksumKey {
    pub(super) fn derive(profile: Profile, key: &[u8], usage: u32) -> Self {
        let tag = match profile {
            Profile::Aes128Sha1 => Tag::Sha1(aes_sha1::checksum_key::<Aes128>(key, usage)),
            Profile::Aes256Sha1 => Tag::Sha1(aes_sha1::checksum_key::<Aes256>(key, usage)),
            Profile::Aes128Sha256 => {
                Tag::Sha256(aes_sha2::checksum_key::<Aes128Sha256>(key, usage))
            }
            Profile::Aes256Sha384 => {
                Tag::Sha384(aes_sha2::checksum_key::<Aes256Sha384>(key, usage))
            }
            Profile::Rc4 => Tag::Rc4(rc4_hmac::Signer::derive(key, usage)),
        };
        Self { profile, tag }
    }

    /// The length of a checksum, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.profile.mac_len()
    }

    /// The checksum's registered type.
    pub(crate) fn checksum_type(&self) -> i32 {
        self.profile.checksum_type()
    }

    /// Writes the checksum over the concatenation of `parts` into `out`.
    ///
    /// # Errors
    /// [`CryptoError::ChecksumRoom`] when `out` has another length than
    /// [`len`](Self::len).
    pub(crate) fn sign(&self, parts: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        let (expected, found) = (self.len(), out.len());
        if expected != found {
            return Err(CryptoError::ChecksumRoom { expected, found });
        }
        match &self.tag {
            Tag::Sha1(tag) => mac::sign(tag, parts, out),
            Tag::Sha256(tag) => mac::sign(tag, parts, out),
            Tag::Sha384(tag) => mac::sign(tag, parts, out),
            Tag::Rc4(tag) => tag.sign(parts, out),
        }
        Ok(())
    }

    /// As [`sign`](Self::sign), over the data and sign-only parts of a
    /// message and what comes after them.
    ///
    /// # Errors
    /// [`CryptoError::ChecksumRoom`], as there.
    pub(crate) fn sign_parts(
        &self,
        parts: &[MessagePart<'_>],
        end: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (expected, found) = (self.len(), out.len());
        if expected != found {
            return Err(CryptoError::ChecksumRoom { expected, found });
        }
        match &self.tag {
            Tag::Sha1(tag) => mac::sign_fed(tag, feed(parts, end), out),
            Tag::Sha256(tag) => mac::sign_fed(tag, feed(parts, end), out),
            Tag::Sha384(tag) => mac::sign_fed(tag, feed(parts, end), out),
            // Of messages alone, and those of RC4 have another checksum.
            Tag::Rc4(_) => return Err(CryptoError::UnsupportedEtype(self.profile.etype())),
        }
        Ok(())
    }

    /// Reverses [`sign_parts`](Self::sign_parts), in constant time.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`], as for [`verify`](Self::verify).
    pub(crate) fn verify_parts(
        &self,
        parts: &[MessagePart<'_>],
        end: &[u8],
        checksum: &[u8],
    ) -> Result<(), CryptoError> {
        if checksum.len() != self.len() {
            return Err(CryptoError::Integrity);
        }
        match &self.tag {
            Tag::Sha1(tag) => mac::verify_fed(tag, feed(parts, end), checksum),
            Tag::Sha256(tag) => mac::verify_fed(tag, feed(parts, end), checksum),
            Tag::Sha384(tag) => mac::verify_fed(tag, feed(parts, end), checksum),
            Tag::Rc4(_) => Err(CryptoError::UnsupportedEtype(self.profile.etype())),
        }
    }

    /// Compares the checksum over the concatenation of `parts` with the one
    /// that was received, in constant time.
    ///
    /// # Errors
    /// [`CryptoError::Integrity`] when it is another one or has another
    /// length.
    pub(crate) fn verify(&self, parts: &[&[u8]], checksum: &[u8]) -> Result<(), CryptoError> {
        if checksum.len() != self.len() {
            return Err(CryptoError::Integrity);
        }
        match &self.tag {
            Tag::Sha1(tag) => mac::verify(tag, parts, checksum),
            Tag::Sha256(tag) => mac::verify(tag, parts, checksum),
            Tag::Sha384(tag) => mac::verify(tag, parts, checksum),
            Tag::Rc4(tag) => tag.verify(parts, checksum),
        }
    }
}

/// The parts of a message, and what comes after them.
fn feed<'a, S: Sum>(parts: &'a [MessagePart<'a>], end: &'a [u8]) -> impl FnOnce(&mut S) + 'a {
    move |sum| {
        scatter::feed_parts(parts, sum);
        sum.update(end);
    }
}

impl Key {
    /// Ke and Ki for one key usage, made ready.
    pub(crate) fn usage_key(&self, usage: u32) -> UsageKey {
        UsageKey::derive(self.profile(), self.expose(), usage)
    }

    /// Kc for one key usage, made ready.
    pub(crate) fn checksum_key(&self, usage: u32) -> ChecksumKey {
        ChecksumKey::derive(self.profile(), self.expose(), usage)
    }
}
