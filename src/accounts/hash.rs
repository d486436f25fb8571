//! NT hashes (MS-NLMP 3.3.1, NTOWFv1).

use core::fmt;

use md4::{Digest as _, Md4};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Misuse};

/// The NT hash of a password: MD4 of its UTF-16. Whoever has it can log in
/// with it, so it is as secret as the password.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

impl NtHash {
    /// The hash of a password.
    #[must_use]
    pub fn from_password(password: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(password.len() * 2));
        for unit in password.encode_utf16() {
            utf16.extend_from_slice(&unit.to_le_bytes());
        }
        Self(Md4::digest(&*utf16).into())
    }

    /// The hash from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The hash from 32 hexadecimal digits, as `pdbedit -Lw` and
    /// `secretsdump` print it.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let error = || Misuse::OutOfRange {
            setting: "NtHash::from_hex",
            problem: "32 hexadecimal digits are needed",
        };
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(error().into());
        }
        let mut hash = Self([0; 16]);
        for (byte, digits) in hash.0.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = core::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(hash)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for NtHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for NtHash {}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::NtHash;

    /// MS-NLMP 4.2.2.1.2: NTOWFv1 of "Password"; and the hash of the empty
    /// password, which every table of NT hashes begins with.
    #[test]
    fn published_hashes() {
        for (password, hash) in [
            ("Password", "a4f49c406510bdcab6824ee7c30fd852"),
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ] {
            let known = NtHash::from_hex(hash).unwrap();
            assert_eq!(NtHash::from_password(password), known, "{password}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_and_none_is_printed() {
        for bad in [
            "",
            "a4f49c",
            &"g".repeat(32),
            &"+f".repeat(16),
            &"é".repeat(16),
        ] {
            assert!(NtHash::from_hex(bad).is_err(), "{bad}");
        }
        let hash = NtHash::from_password("Password");
        assert_eq!(format!("{hash:?}"), "NtHash(..)");
        assert_ne!(hash, NtHash::from_password("password"));
    }
}
