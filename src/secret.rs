//! Bytes that must not outlive their use, be printed, or be compared in
//! variable time.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: a long-term key, a session key, an exported context.
///
/// They are wiped when dropped, print as their length alone, and compare in
/// constant time (the length is not a secret). There is no `Deref`: whoever
/// wants the bytes says so with [`expose`](Secret::expose).
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Copies `bytes` into storage that is wiped on drop. The caller's copy
    /// is the caller's to wipe.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Secret {
    /// Takes the bytes over. A vector with spare capacity is copied and
    /// wiped, since shrinking it in place could leave a copy behind.
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into_boxed_slice());
        }
        let copy = Self::copy_from(&bytes);
        bytes.zeroize();
        copy
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn prints_its_length_and_nothing_else() {
        let secret = Secret::copy_from(&[0xAB; 16]);
        assert_eq!(format!("{secret:?}"), "Secret(16 bytes)");
    }

    #[test]
    fn compares_by_content_and_length() {
        let secret = Secret::copy_from(b"key");
        assert_eq!(secret, Secret::from(b"key".to_vec()));
        assert_ne!(secret, Secret::copy_from(b"kez"));
        assert_ne!(secret, Secret::copy_from(b"keys"));
    }

    #[test]
    fn a_vector_with_spare_capacity_keeps_its_content() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"secret");
        assert_eq!(Secret::from(bytes).expose(), b"secret");
    }
}
