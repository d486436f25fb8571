//! Tags made into numbers that nobody can aim with.

use std::hash::{BuildHasher, RandomState};

use super::super::ReplayPurpose;

/// What identifies an entry within its shard: uniformly distributed.
pub(super) type Fingerprint = [u32; 3];

/// The random keys of one store.
///
/// The hash is multilinear: `key[4] + key[0] * word[0] + .. + key[3] * word[3]`
/// modulo 2^128 with 64-bit words, of which the upper 64 bits count. That is
/// strongly universal (Lemire and Kaser, "Strongly universal string hashing is
/// fast"): whatever tags clients choose, any two share a hash
/// with a chance of 2^-64 over the keys, which they do not know and which
/// nothing that leaves the store depends on. Of more than two it promises
/// nothing: tags that are numbers in a row would, under one pair of keys in
/// some dozens, crowd into few shards and find them full early. Tags are MACs
/// or random, so that none are. The standard library's hasher
/// would do as well; it takes 50 ns where this takes 5.
pub(super) struct Keys {
    place: [u128; WORDS + 1],
    identity: [u128; WORDS + 1],
    /// Shortens the tags that are too long for words.
    long: RandomState,
}

const WORDS: usize = 4;

impl Keys {
    pub(super) fn random() -> Self {
        let long = RandomState::new();
        let half = |number: u64| u128::from(long.hash_one(number));
        let mut number = 0;
        let mut key = |_| {
            number += 2;
            half(number) << 64 | half(number + 1)
        };
        let place = core::array::from_fn(&mut key);
        let identity = core::array::from_fn(&mut key);
        Self {
            place,
            identity,
            long,
        }
    }

    /// 128 bits: 32 that choose the shard, 96 to keep.
    ///
    /// Two tags in one shard that agree in those 96 are taken for one: a
    /// client is refused that should not be, never the reverse. With 10^7
    /// live entries and 10^5 handshakes a second that happens once in 2^96 /
    /// (10^7 x 10^5) s, two thousand million years, even if all were in one
    /// shard. Tags of the commonest encryption types have no more than 96
    /// bits themselves.
    pub(super) fn fingerprint(&self, purpose: ReplayPurpose, tag: &[u8]) -> (u32, Fingerprint) {
        let words = self.words(purpose, tag);
        let (shard, home) = halves(hash(&self.place, words));
        let (first, second) = halves(hash(&self.identity, words));
        (shard, [home, first, second])
    }

    /// The first of these alone.
    #[inline]
    pub(super) fn shard(&self, purpose: ReplayPurpose, tag: &[u8]) -> u32 {
        halves(hash(&self.place, self.words(purpose, tag))).0
    }

    /// A tag of 8 to 24 bytes as it is, in words that may overlap: with its
    /// length they determine it. Any other by two hashes of it.
    fn words(&self, purpose: ReplayPurpose, tag: &[u8]) -> [u64; WORDS] {
        let purpose = match purpose {
            ReplayPurpose::Authenticator => 0,
            ReplayPurpose::Handshake => 1 << 63,
            ReplayPurpose::Context => 1 << 62,
        };
        if let (8..=24, Some(&first), Some(&last)) =
            (tag.len(), tag.first_chunk(), tag.last_chunk())
        {
            let middle = match tag[8..].first_chunk() {
                Some(&middle) => u64::from_le_bytes(middle),
                None => 0,
            };
            let (first, last) = (u64::from_le_bytes(first), u64::from_le_bytes(last));
            return [purpose | tag.len() as u64, first, middle, last];
        }
        [
            purpose,
            self.long.hash_one((0_u8, tag)),
            0,
            self.long.hash_one((1_u8, tag)),
        ]
    }
}

fn hash(keys: &[u128; WORDS + 1], words: [u64; WORDS]) -> u64 {
    let products = keys
        .iter()
        .zip(words)
        .map(|(key, word)| key.wrapping_mul(u128::from(word)));
    (products.fold(keys[WORDS], u128::wrapping_add) >> 64) as u64
}

/// The upper and lower half.
#[allow(clippy::cast_possible_truncation)] // which is what is wanted
fn halves(hash: u64) -> (u32, u32) {
    ((hash >> 32) as u32, hash as u32)
}
