//! Randomness, in one place.

// For backends: a build without one that needs them has no use for some.
#![allow(dead_code)]

use rand::RngExt as _;

/// Fills `bytes` from the thread's generator: a ChaCha stream seeded by the
/// system and reseeded as it goes. A system call for every confounder would
/// cost a tenth of a handshake.
// The one place that draws (clippy.toml forbids it elsewhere).
#[allow(clippy::disallowed_methods)]
pub(crate) fn fill(bytes: &mut [u8]) {
    rand::rng().fill(bytes);
}

/// Fills `bytes` from the system's generator, for keys that live long. `false`
/// if it gives nothing.
#[allow(clippy::disallowed_methods)]
pub(crate) fn of_system(bytes: &mut [u8]) -> bool {
    use ring::rand::SecureRandom as _;
    ring::rand::SystemRandom::new().fill(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_fills_differ() {
        let (mut a, mut b) = ([0_u8; 32], [0_u8; 32]);
        super::fill(&mut a);
        super::fill(&mut b);
        assert_ne!(a, b);
    }
}
