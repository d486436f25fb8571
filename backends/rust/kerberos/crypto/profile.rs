//! The numbers of each encryption type, in one table.

use super::{BLOCK, CryptoError, rc4_hmac};
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
    /// Etype 23.
    Rc4,
}

impl Profile {
    pub(super) const fn etype(self) -> EncryptionType {
        match self {
            Self::Aes128Sha1 => EncryptionType::AES128_CTS_HMAC_SHA1_96,
            Self::Aes256Sha1 => EncryptionType::AES256_CTS_HMAC_SHA1_96,
            Self::Aes128Sha256 => EncryptionType::AES128_CTS_HMAC_SHA256_128,
            Self::Aes256Sha384 => EncryptionType::AES256_CTS_HMAC_SHA384_192,
            Self::Rc4 => EncryptionType::RC4_HMAC,
        }
    }

    /// The length of a protocol key, in bytes.
    pub(super) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha256 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha384 => 32,
            Self::Rc4 => rc4_hmac::KEY,
        }
    }

    /// The length of the integrity tag, truncated where the type truncates
    /// it, in bytes (RFC 3962 7, RFC 8009 5, RFC 4757 5).
    pub(super) const fn mac_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 => 12,
            Self::Aes128Sha256 | Self::Rc4 => 16,
            Self::Aes256Sha384 => 24,
        }
    }

    /// The length of the random bytes in front of each plaintext.
    pub(super) const fn confounder_len(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes256Sha1 | Self::Aes128Sha256 | Self::Aes256Sha384 => BLOCK,
            Self::Rc4 => rc4_hmac::CONFOUNDER,
        }
    }

    /// Where in a ciphertext the integrity tag is: RFC 4757 5 has it in front.
    pub(super) const fn tag_place(self) -> TagPlace {
        match self {
            Self::Rc4 => TagPlace::Front,
            _ => TagPlace::End,
        }
    }

    /// The checksum type that goes with it (RFC 3962 7, RFC 8009 6, RFC 4757
    /// 4).
    pub(super) const fn checksum_type(self) -> i32 {
        match self {
            Self::Aes128Sha1 => 15,
            Self::Aes256Sha1 => 16,
            Self::Aes128Sha256 => 19,
            Self::Aes256Sha384 => 20,
            Self::Rc4 => -138,
        }
    }
}

/// Where in a ciphertext the integrity tag is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TagPlace {
    /// Before the confounder.
    Front,
    /// After the data.
    End,
}

impl TryFrom<EncryptionType> for Profile {
    type Error = CryptoError;

    fn try_from(etype: EncryptionType) -> Result<Self, CryptoError> {
        Ok(match etype {
            EncryptionType::AES128_CTS_HMAC_SHA1_96 => Self::Aes128Sha1,
            EncryptionType::AES256_CTS_HMAC_SHA1_96 => Self::Aes256Sha1,
            EncryptionType::AES128_CTS_HMAC_SHA256_128 => Self::Aes128Sha256,
            EncryptionType::AES256_CTS_HMAC_SHA384_192 => Self::Aes256Sha384,
            EncryptionType::RC4_HMAC => Self::Rc4,
            other => return Err(CryptoError::UnsupportedEtype(other)),
        })
    }
}
