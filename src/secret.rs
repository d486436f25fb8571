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
#[derive(Clone, Default)]
pub struct Secret(Box<[u8]>);

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        wipe(&mut self.0);
    }
}

/// Wipes a slice, at once: a box or a vector goes octet by octet. One without
/// octets is left alone, since some processors take long for a `memset` of
/// nothing at an address that nothing is at.
fn wipe(bytes: &mut [u8]) {
    if !bytes.is_empty() {
        bytes.zeroize();
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

/// A buffer of secret bytes, wiped on drop: all that was ever in it, unless
/// it has grown. As `Zeroizing<Vec<u8>>`, which goes octet by octet and takes
/// as long for a ticket as decrypting it.
#[derive(Default)]
pub(crate) struct SecretBuffer(Vec<u8>);

// For backends: a build without one has no use for it.
#[allow(dead_code)]
impl SecretBuffer {
    /// An empty one with room for this many bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// A copy of these bytes.
    pub(crate) fn copy_from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl core::ops::Deref for SecretBuffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl core::ops::DerefMut for SecretBuffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        // What is behind the end was in use once.
        self.0.resize(self.0.capacity(), 0);
        wipe(&mut self.0);
    }
}

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
    use super::{Secret, SecretBuffer};
    use zeroize::Zeroize as _;

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

    /// Wiped, it has its length and nothing else.
    #[test]
    fn wiping_leaves_zeros() {
        let mut secret = Secret::copy_from(&[0xAB; 33]);
        secret.zeroize();
        assert_eq!(secret.expose(), [0; 33]);
    }

    #[test]
    fn a_buffer_holds_what_is_put_there() {
        let mut buffer = SecretBuffer::with_capacity(8);
        buffer.extend_from_slice(b"secret");
        assert_eq!(buffer.as_slice(), b"secret");
        assert_eq!(SecretBuffer::copy_from(b"other").as_slice(), b"other");
    }

    #[test]
    fn a_vector_with_spare_capacity_keeps_its_content() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"secret");
        assert_eq!(Secret::from(bytes).expose(), b"secret");
    }
}
