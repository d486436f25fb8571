//! From a password to a key (RFC 3962 4, RFC 8009 4, RFC 4757 2).

use core::num::NonZeroU32;

use aes::{Aes128, Aes256};
use ring::pbkdf2;
use zeroize::Zeroizing;

use super::aes_sha2::{Aes128Sha256, Aes256Sha384};
use super::profile::Profile;
use super::{CryptoError, Key, MAX_KEY, aes_sha1, aes_sha2, rc4_hmac};
use crate::etype::EncryptionType;
use crate::secret::Secret;

/// RFC 3962 4: the default where the KDC names no other.
const SHA1_ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// RFC 8009 4: the default where the KDC names no other.
const SHA2_ITERATIONS: NonZeroU32 = NonZeroU32::new(32768).unwrap();

/// The most iterations that are done, MIT's limit too: whoever names the
/// number (RFC 3962 4 allows 2^32) could otherwise stop the process for hours.
const MAX_ITERATIONS: u32 = 1 << 24;

/// The key of a password. `iterations` is the type's default where absent.
///
/// # Errors
/// [`CryptoError::UnsupportedEtype`]; [`CryptoError::Iterations`] above 2^24;
/// [`CryptoError::PasswordEncoding`] of rc4-hmac, which has neither salt nor
/// iterations.
pub(crate) fn string_to_key(
    etype: EncryptionType,
    password: &[u8],
    salt: &[u8],
    iterations: Option<NonZeroU32>,
) -> Result<Key, CryptoError> {
    let profile = Profile::try_from(etype)?;
    let (algorithm, default) = match profile {
        Profile::Aes128Sha1 | Profile::Aes256Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, SHA1_ITERATIONS),
        Profile::Aes128Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, SHA2_ITERATIONS),
        Profile::Aes256Sha384 => (pbkdf2::PBKDF2_HMAC_SHA384, SHA2_ITERATIONS),
        Profile::Rc4 => {
            let key = rc4_hmac::string_to_key(password)?;
            return Key::new(etype, Secret::copy_from(&*key));
        }
    };
    let iterations = iterations.unwrap_or(default);
    if iterations.get() > MAX_ITERATIONS {
        return Err(CryptoError::Iterations {
            limit: MAX_ITERATIONS,
            found: iterations.get(),
        });
    }
    // RFC 8009 4 puts the type's name in front of the salt, so that one
    // password gives unrelated keys.
    let named;
    let salt = match profile {
        Profile::Aes128Sha1 | Profile::Aes256Sha1 | Profile::Rc4 => salt,
        Profile::Aes128Sha256 | Profile::Aes256Sha384 => {
            named = [etype.name().unwrap_or_default().as_bytes(), &[0], salt].concat();
            &named
        }
    };
    let (mut stretched, mut derived) = (Zeroizing::new([0; MAX_KEY]), Zeroizing::new([0; MAX_KEY]));
    let stretched = &mut stretched[..profile.key_len()];
    let derived = &mut derived[..profile.key_len()];
    pbkdf2::derive(algorithm, iterations, salt, password, stretched);
    match profile {
        Profile::Aes128Sha1 => aes_sha1::derive_named::<Aes128>(stretched, LABEL, derived),
        Profile::Aes256Sha1 => aes_sha1::derive_named::<Aes256>(stretched, LABEL, derived),
        Profile::Aes128Sha256 => aes_sha2::derive_named::<Aes128Sha256>(stretched, LABEL, derived),
        Profile::Aes256Sha384 => aes_sha2::derive_named::<Aes256Sha384>(stretched, LABEL, derived),
        Profile::Rc4 => {}
    }
    Key::new(etype, Secret::copy_from(derived))
}

/// The constant of the last step in both RFCs.
const LABEL: &[u8] = b"kerberos";
