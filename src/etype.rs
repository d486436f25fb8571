//! Kerberos encryption types (RFC 3961, RFC 8009, RFC 4757; the IANA registry
//! "Kerberos Encryption Type Numbers").

use core::fmt;

/// An encryption type by its registered number. Any number can be held, so
/// that an error can name one that this crate does not implement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EncryptionType(pub i32);

impl EncryptionType {
    /// des-cbc-crc (RFC 3961 6.2.3). Never accepted; named for messages.
    pub const DES_CBC_CRC: Self = Self(1);
    /// des-cbc-md5 (RFC 3961 6.2.1). Never accepted; named for messages.
    pub const DES_CBC_MD5: Self = Self(3);
    /// des3-cbc-sha1-kd (RFC 3961 6.3). Never accepted; named for messages.
    pub const DES3_CBC_SHA1: Self = Self(16);
    /// aes128-cts-hmac-sha1-96 (RFC 3962).
    pub const AES128_CTS_HMAC_SHA1_96: Self = Self(17);
    /// aes256-cts-hmac-sha1-96 (RFC 3962).
    pub const AES256_CTS_HMAC_SHA1_96: Self = Self(18);
    /// aes128-cts-hmac-sha256-128 (RFC 8009).
    pub const AES128_CTS_HMAC_SHA256_128: Self = Self(19);
    /// aes256-cts-hmac-sha384-192 (RFC 8009).
    pub const AES256_CTS_HMAC_SHA384_192: Self = Self(20);
    /// rc4-hmac (RFC 4757).
    pub const RC4_HMAC: Self = Self(23);

    /// What is accepted unless the configuration says otherwise, the
    /// preferred first.
    pub const DEFAULT: [Self; 4] = [
        Self::AES256_CTS_HMAC_SHA1_96,
        Self::AES128_CTS_HMAC_SHA1_96,
        Self::AES256_CTS_HMAC_SHA384_192,
        Self::AES128_CTS_HMAC_SHA256_128,
    ];

    /// The length of a key in bytes, where the type is one this crate knows.
    #[must_use]
    pub const fn key_length(self) -> Option<usize> {
        match self {
            Self::AES256_CTS_HMAC_SHA1_96 | Self::AES256_CTS_HMAC_SHA384_192 => Some(32),
            Self::AES128_CTS_HMAC_SHA1_96 | Self::AES128_CTS_HMAC_SHA256_128 | Self::RC4_HMAC => {
                Some(16)
            }
            _ => None,
        }
    }

    /// The registered name, where the type is one this crate can name.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::DES_CBC_CRC => "des-cbc-crc",
            Self::DES_CBC_MD5 => "des-cbc-md5",
            Self::DES3_CBC_SHA1 => "des3-cbc-sha1",
            Self::AES128_CTS_HMAC_SHA1_96 => "aes128-cts-hmac-sha1-96",
            Self::AES256_CTS_HMAC_SHA1_96 => "aes256-cts-hmac-sha1-96",
            Self::AES128_CTS_HMAC_SHA256_128 => "aes128-cts-hmac-sha256-128",
            Self::AES256_CTS_HMAC_SHA384_192 => "aes256-cts-hmac-sha384-192",
            Self::RC4_HMAC => "rc4-hmac",
            _ => return None,
        })
    }
}

impl fmt::Display for EncryptionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "etype {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EncryptionType;

    #[test]
    fn known_types_print_their_registered_name_and_others_their_number() {
        assert_eq!(EncryptionType(18).to_string(), "aes256-cts-hmac-sha1-96");
        assert_eq!(EncryptionType(-133).to_string(), "etype -133");
    }

    #[test]
    fn neither_des_nor_rc4_is_a_default() {
        for weak in [1, 3, 16, 23] {
            assert!(!EncryptionType::DEFAULT.contains(&EncryptionType(weak)));
        }
    }
}
