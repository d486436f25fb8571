//! A protocol key: an encryption type and the bytes that go with it.

use aes::{Aes128, Aes256};
#[cfg(any(test, feature = "testing"))]
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::aes_sha2::{Aes128Sha256, Aes256Sha384, Suite};
use super::profile::Profile;
use super::{BLOCK, CryptoError, MAX_KEY, MAX_PRF, MessageKeys, Random};
use super::{aes_sha1, aes_sha2, rc4_hmac};
use crate::etype::EncryptionType;
use crate::secret::Secret;

/// A long-term key, a session key or a subkey, of an implemented type and of
/// the right length. Wiped when dropped; no `Debug`.
pub(crate) struct Key {
    profile: Profile,
    /// Not moved when it is: that would leave a copy. And nobody's but its own:
    /// a count of owners costs more than the few clones that are made.
    bytes: Box<Bytes>,
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self::filled(self.profile, |own| own.copy_from_slice(self.expose()))
    }
}

/// Those of a shorter key are in front.
struct Bytes([u8; MAX_KEY]);

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// A key whose bytes lie elsewhere, in what is wiped with whoever owns it: the
/// session key in a decrypted ticket, of which most handshakes need nothing
/// but to open the authenticator.
#[derive(Clone, Copy)]
pub(crate) struct KeyRef<'a> {
    profile: Profile,
    bytes: &'a [u8],
}

impl<'a> KeyRef<'a> {
    /// A key where it lies.
    ///
    /// # Errors
    /// As for [`Key::new`].
    pub(crate) fn new(etype: EncryptionType, bytes: &'a [u8]) -> Result<Self, CryptoError> {
        let profile = Profile::try_from(etype)?;
        let (expected, found) = (profile.key_len(), bytes.len());
        if expected != found {
            return Err(CryptoError::KeyLength {
                etype,
                expected,
                found,
            });
        }
        Ok(Self { profile, bytes })
    }

    /// Its encryption type.
    pub(crate) fn etype(self) -> EncryptionType {
        self.profile.etype()
    }

    /// The same key in bytes of its own.
    pub(crate) fn to_key(self) -> Key {
        Key::filled(self.profile, |own| own.copy_from_slice(self.bytes))
    }

    pub(super) fn profile(self) -> Profile {
        self.profile
    }

    pub(super) fn expose(self) -> &'a [u8] {
        self.bytes
    }
}

impl Key {
    /// The same key, where it lies.
    #[cfg(test)]
    pub(crate) fn borrowed(&self) -> KeyRef<'_> {
        KeyRef {
            profile: self.profile,
            bytes: self.expose(),
        }
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEtype`] and [`CryptoError::KeyLength`].
    #[allow(clippy::needless_pass_by_value)] // as the caller has it, and wiped
    pub(crate) fn new(etype: EncryptionType, secret: Secret) -> Result<Self, CryptoError> {
        Self::copy_from(etype, secret.expose())
    }

    /// A key from a copy of its bytes.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(crate) fn copy_from(etype: EncryptionType, bytes: &[u8]) -> Result<Self, CryptoError> {
        KeyRef::new(etype, bytes).map(KeyRef::to_key)
    }

    /// The bytes are written where they stay: a move would leave a copy.
    fn filled(profile: Profile, fill: impl FnOnce(&mut [u8])) -> Self {
        // Not zeros: an allocator that is asked for those takes longer.
        let mut bytes = Box::new(Bytes([0xFF; MAX_KEY]));
        fill(&mut bytes.0[..profile.key_len()]);
        Self { profile, bytes }
    }

    /// A fresh key. For AES and RC4 any bytes are a key (RFC 3962 6).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEtype`].
    pub(crate) fn generate(etype: EncryptionType, random: Random<'_>) -> Result<Self, CryptoError> {
        let profile = Profile::try_from(etype)?;
        Ok(Self::filled(profile, random))
    }

    /// Its encryption type.
    pub(crate) fn etype(&self) -> EncryptionType {
        self.profile.etype()
    }

    /// Its bytes.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.bytes.0[..self.profile.key_len()]
    }

    /// A copy of its bytes.
    pub(crate) fn to_secret(&self) -> Secret {
        Secret::copy_from(self.expose())
    }

    /// Whether it is the same key, in constant time.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.profile == other.profile && bool::from(self.expose().ct_eq(other.expose()))
    }

    /// The length of the integrity tag that ends each ciphertext and of a
    /// checksum under this key, in bytes.
    pub(crate) fn mac_len(&self) -> usize {
        self.profile.mac_len()
    }

    /// The length of the confounder in front of each plaintext, in bytes.
    pub(crate) fn confounder_len(&self) -> usize {
        self.profile.confounder_len()
    }

    /// The registered type of the checksums made with this key.
    #[cfg(test)]
    pub(crate) fn checksum_type(&self) -> i32 {
        self.profile.checksum_type()
    }

    /// What the older per-message tokens are made with, if this is a key of
    /// theirs: rc4-hmac. All newer types have those of RFC 4121 (its section
    /// 1 says which are newer).
    pub(crate) fn rc4_message_keys(&self) -> Option<MessageKeys> {
        (self.profile == Profile::Rc4).then(|| MessageKeys::derive(self.expose()))
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// The pseudo-random function of the key's type (RFC 3961 5.3, RFC 3962 6,
    /// RFC 8009 5).
    #[cfg(test)]
    pub(crate) fn prf(&self, input: &[u8]) -> Secret {
        let mut out = Zeroizing::new([0; MAX_PRF]);
        Secret::copy_from(self.prf_into(&[input], &mut out))
    }

    /// `GSS_Pseudo_random` for Kerberos (RFC 4401; RFC 7802 2, which corrects
    /// RFC 4402's counter to begin at 0): `len` bytes from this key. The
    /// caller chooses the key by `GSS_C_PRF_KEY_FULL` or `_PARTIAL`.
    pub(crate) fn gss_prf(&self, input: &[u8], len: usize) -> Secret {
        let mut bytes = Vec::with_capacity(len);
        let mut out = Zeroizing::new([0; MAX_PRF]);
        let mut counter = 0_u32;
        while bytes.len() < len {
            let block = self.prf_into(&[&counter.to_be_bytes(), input], &mut out);
            bytes.extend_from_slice(&block[..block.len().min(len - bytes.len())]);
            counter = counter.wrapping_add(1);
        }
        Secret::from(bytes)
    }

    fn prf_into<'a>(&self, input: &[&[u8]], out: &'a mut [u8; MAX_PRF]) -> &'a [u8] {
        let key = self.expose();
        let mut block = Zeroizing::new([0; BLOCK]);
        match self.profile {
            Profile::Aes128Sha1 => aes_sha1::prf::<Aes128>(key, input, &mut block),
            Profile::Aes256Sha1 => aes_sha1::prf::<Aes256>(key, input, &mut block),
            Profile::Aes128Sha256 => return sha2_prf::<Aes128Sha256>(key, input, out),
            Profile::Aes256Sha384 => return sha2_prf::<Aes256Sha384>(key, input, out),
            Profile::Rc4 => {
                let out = &mut out[..rc4_hmac::PRF];
                rc4_hmac::prf(key, input, out);
                return out;
            }
        }
        out[..BLOCK].copy_from_slice(&*block);
        &out[..BLOCK]
    }
}

fn sha2_prf<'a, S: Suite>(key: &[u8], input: &[&[u8]], out: &'a mut [u8; MAX_PRF]) -> &'a [u8] {
    let out = &mut out[..S::PRF];
    aes_sha2::prf::<S>(key, input, out);
    out
}
