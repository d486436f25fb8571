//! The numbers of each encryption type, in one table.

use super::{BLOCK, CryptoError};
use crate::etype::EncryptionType;

/// An encryption type that is implemented here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Etype 17.
    Aes128Sha1,
    /// Etype 18.
    Aes256Sha1,
    /// Etype 19.
    Aes128Sha256,
    /// Etype 20.
    Aes256Sha384,
}

impl Profile {
    pub(super) const fn etype(self) -> EncryptionType {
        match self {
            Self::Aes128Sha1 => EncryptionType::AES128_CTS_HMAC_SHA1_96,
            Self::Aes256Sha1 => EncryptionType::AES256_CTS_HMAC_SHA1_96,
            Self::Aes128Sha256 => EncryptionType::AES128_CTS_HMAC_SHA256_128,
            Self::Aes256Sha384 => EncryptionType::AES256_CTS_HMAC_SHA384_192,
        }
    }

    /// The length of a protocol key, in bytes.
    pub(super) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha256 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha384 => 32,
        }
    }

    /// The length of the truncated integrity tag, in bytes (RFC 3962 7,
    /// RFC 8009 5).
    pub(super) const fn mac_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha256 => 16,
            Self::Aes256Sha384 => 24,
        }
    }

    /// The length of the random bytes in front of each plaintext.
    pub(super) const fn confounder_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 | Self::Aes128Sha256 | Self::Aes256Sha384 => BLOCK,
        }
    }

    /// The checksum type that goes with it (RFC 3962 7, RFC 8009 6).
    pub(super) const fn checksum_type(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 15,
            Self::Aes256Sha1 => 16,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
        }
    }
}

impl TryFrom<EncryptionType> for Profile {
    type Error = CryptoError;

    fn try_from(etype: EncryptionType) -> Result<Self, CryptoError> {
        Ok(match etype {
            EncryptionType::AES128_CTS_HMAC_SHA1_96 => Self::Aes128Sha1,
            EncryptionType::AES256_CTS_HMAC_SHA1_96 => Self::Aes256Sha1,
            EncryptionType::AES128_CTS_HMAC_SHA256_128 => Self::Aes128Sha256,
            EncryptionType::AES256_CTS_HMAC_SHA384_192 => Self::Aes256Sha384,
            other => return Err(CryptoError::UnsupportedEtype(other)),
        })
    }
}
