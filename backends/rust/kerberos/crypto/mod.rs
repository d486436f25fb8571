//! Kerberos cryptography: the RFC 3961 framework with the AES profiles of
//! RFC 3962 (etypes 17, 18) and RFC 8009 (19, 20), and RC4-HMAC of RFC 4757
//! (23), which no configuration has unless it names it.
//!
//! This module knows neither messages nor time nor where randomness comes
//! from: keys, bytes and a source of random bytes go in, bytes come out. So
//! every published vector can be replayed through the same functions that
//! serve a handshake.
//!
//! The unit of work is a [`UsageKey`]: one key for one key usage, derived,
//! scheduled and keyed. Deriving costs more than opening a ticket with it, so
//! whoever opens many tickets with one key keeps its usage key.
//!
//! Another encryption type is a variant of [`profile::Profile`] and of the two
//! enums in [`usage`]; nothing outside this directory changes.

mod aes_sha1;
mod aes_sha2;
mod cts;
mod hmac;
mod key;
mod mac;
mod nfold;
mod profile;
mod rc4_hmac;
mod scatter;
mod sha512;
mod string_to_key;
mod usage;

#[cfg(test)]
mod tests;

pub(crate) use key::{Key, KeyRef};
pub(crate) use rc4_hmac::{MessageKeys, MessageSum};
pub(crate) use scatter::Scattered;
pub(crate) use string_to_key::string_to_key;
pub(crate) use usage::{ChecksumKey, UsageKey};

use crate::etype::EncryptionType;

/// Whether keys of this type can be used.
pub(crate) fn is_implemented(etype: EncryptionType) -> bool {
    profile::Profile::try_from(etype).is_ok()
}

/// Where random bytes come from: fills the slice, every byte of it.
pub(crate) type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// The AES block, which is also the confounder (RFC 3962 6, RFC 8009 5).
const BLOCK: usize = 16;

/// The longest key, in bytes.
const MAX_KEY: usize = 32;

/// The longest output of one PRF call, in bytes (RFC 8009 5, etype 20).
const MAX_PRF: usize = 48;

/// Why a cryptographic operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CryptoError {
    /// The encryption type is not one of those implemented here.
    #[error("encryption type {0} is not supported")]
    UnsupportedEtype(EncryptionType),
    /// The key's length is not the one its encryption type has.
    #[error("a key of {etype} has {expected} bytes, this one has {found}")]
    KeyLength {
        /// The encryption type the key was said to have.
        etype: EncryptionType,
        /// The length such a key has, in bytes.
        expected: usize,
        /// The length that was given, in bytes.
        found: usize,
    },
    /// The ciphertext, or the room for one, is shorter than confounder and
    /// integrity tag together.
    #[error("a ciphertext has at least {needed} bytes, this one has {found}")]
    TooShort {
        /// The shortest length possible, in bytes.
        needed: usize,
        /// The length that was given, in bytes.
        found: usize,
    },
    /// A checksum is to be written into room of another length.
    #[error("a checksum has {expected} bytes, the room for it has {found}")]
    ChecksumRoom {
        /// The checksum's length, in bytes.
        expected: usize,
        /// The room's length, in bytes.
        found: usize,
    },
    /// The integrity tag does not fit: another key, another key usage, or
    /// bytes that were changed.
    #[error("the integrity check failed: wrong key, or the data was changed")]
    Integrity,
    /// A password would be stretched more often than the limit allows.
    #[error("{found} iterations of string-to-key are more than the limit of {limit}")]
    Iterations {
        /// The most that is accepted.
        limit: u32,
        /// What was asked for.
        found: u32,
    },
    /// The key of a password is made of its characters, and these bytes are
    /// none.
    #[error("a password for rc4-hmac is text in UTF-8")]
    PasswordEncoding,
}
