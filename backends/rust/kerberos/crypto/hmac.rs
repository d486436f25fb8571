//! HMAC (RFC 2104) of the SHA family, from saved states: a key is the two
//! states that its pads leave behind, and nothing else is copied for a
//! message. The hash functions are the crates', but for what goes along with a
//! cipher (`sha512`).

use sha1::block_api::compress as compress_sha1;
use sha2::block_api::{compress256, compress512};
use zeroize::Zeroize;

use super::mac::{Keyed, Sum};

/// A hash function as what it does to blocks (FIPS 180-4 6).
pub(super) trait Hash {
    /// What it carries from one block to the next.
    type State: Copy + Zeroize;
    /// A block of the message.
    type Block: Copy + AsRef<[u8]> + AsMut<[u8]>;

    /// The state before the first block.
    const START: Self::State;
    /// A block of zeros.
    const ZEROS: Self::Block;
    /// The length of the digest, in bytes.
    const DIGEST: usize;
    /// The length of the message's length in the padding, in bytes.
    const COUNT: usize;

    fn compress(state: &mut Self::State, blocks: &[Self::Block]);

    /// The state, if it is SHA-512's and the `sha512` module is of use here.
    #[inline]
    fn sha512(state: &mut Self::State) -> Option<&mut [u64; 8]> {
        let _ = state;
        None
    }

    /// The whole blocks in front, and what is left.
    fn split(bytes: &[u8]) -> (&[Self::Block], &[u8]);

    /// Writes the first bytes of the state, as many as `out` has.
    fn put(state: &Self::State, out: &mut [u8]);
}

pub(super) struct Sha1;

impl Hash for Sha1 {
    type State = [u32; 5];
    type Block = [u8; 64];

    const START: [u32; 5] = [
        0x6745_2301,
        0xEFCD_AB89,
        0x98BA_DCFE,
        0x1032_5476,
        0xC3D2_E1F0,
    ];
    const ZEROS: [u8; 64] = [0; 64];
    const DIGEST: usize = 20;
    const COUNT: usize = 8;

    #[inline]
    fn compress(state: &mut [u32; 5], blocks: &[[u8; 64]]) {
        compress_sha1(state, blocks);
    }

    #[inline]
    fn split(bytes: &[u8]) -> (&[[u8; 64]], &[u8]) {
        bytes.as_chunks()
    }

    fn put(state: &[u32; 5], out: &mut [u8]) {
        put_words(state.iter().map(|word| word.to_be_bytes()), out);
    }
}

pub(super) struct Sha256;

impl Hash for Sha256 {
    type State = [u32; 8];
    type Block = [u8; 64];

    const START: [u32; 8] = [
        0x6A09_E667,
        0xBB67_AE85,
        0x3C6E_F372,
        0xA54F_F53A,
        0x510E_527F,
        0x9B05_688C,
        0x1F83_D9AB,
        0x5BE0_CD19,
    ];
    const ZEROS: [u8; 64] = [0; 64];
    const DIGEST: usize = 32;
    const COUNT: usize = 8;

    #[inline]
    fn compress(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
        compress256(state, blocks);
    }

    #[inline]
    fn split(bytes: &[u8]) -> (&[[u8; 64]], &[u8]) {
        bytes.as_chunks()
    }

    fn put(state: &[u32; 8], out: &mut [u8]) {
        put_words(state.iter().map(|word| word.to_be_bytes()), out);
    }
}

pub(super) struct Sha384;

impl Hash for Sha384 {
    type State = [u64; 8];
    type Block = [u8; 128];

    const START: [u64; 8] = [
        0xCBBB_9D5D_C105_9ED8,
        0x629A_292A_367C_D507,
        0x9159_015A_3070_DD17,
        0x152F_ECD8_F70E_5939,
        0x6733_2667_FFC0_0B31,
        0x8EB4_4A87_6858_1511,
        0xDB0C_2E0D_64F9_8FA7,
        0x47B5_481D_BEFA_4FA4,
    ];
    const ZEROS: [u8; 128] = [0; 128];
    const DIGEST: usize = 48;
    const COUNT: usize = 16;

    #[inline]
    fn compress(state: &mut [u64; 8], blocks: &[[u8; 128]]) {
        compress512(state, blocks);
    }

    // ARM's processors may have instructions for it, and the crate uses them;
    // for others nothing was measured.
    #[inline]
    fn sha512(state: &mut [u64; 8]) -> Option<&mut [u64; 8]> {
        cfg!(target_arch = "x86_64").then_some(state)
    }

    #[inline]
    fn split(bytes: &[u8]) -> (&[[u8; 128]], &[u8]) {
        bytes.as_chunks()
    }

    fn put(state: &[u64; 8], out: &mut [u8]) {
        put_words(state.iter().map(|word| word.to_be_bytes()), out);
    }
}

#[inline]
fn put_words<const N: usize>(mut words: impl Iterator<Item = [u8; N]>, out: &mut [u8]) {
    let (places, rest) = out.as_chunks_mut();
    for (place, word) in places.iter_mut().zip(&mut words) {
        *place = word;
    }
    if !rest.is_empty()
        && let Some(word) = words.next()
    {
        rest.copy_from_slice(&word[..rest.len()]);
    }
}

/// A key, ready: the states after the inner and the outer pad.
pub(super) struct Hmac<H: Hash> {
    inner: H::State,
    outer: H::State,
}

impl<H: Hash> Hmac<H> {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut pad = H::ZEROS;
        let block = pad.as_mut();
        if key.len() <= block.len() {
            block[..key.len()].copy_from_slice(key);
        } else {
            let mut hash = Running::<H>::from(H::START, 0);
            hash.update(key);
            hash.digest();
            H::put(&hash.state, &mut block[..H::DIGEST]);
        }
        let mut after = |mask: u8| {
            for byte in block.iter_mut() {
                *byte ^= mask;
            }
            let mut state = H::START;
            let (whole, _) = H::split(block);
            H::compress(&mut state, whole);
            state
        };
        let hmac = Self {
            inner: after(0x36),
            outer: after(0x36 ^ 0x5C),
        };
        block.zeroize();
        hmac
    }
}

impl<H: Hash> Drop for Hmac<H> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl<H: Hash> Keyed for Hmac<H> {
    type Sum = Running<H>;
    const LENGTH: usize = H::DIGEST;

    #[inline]
    fn sum(&self) -> Running<H> {
        Running::from(self.inner, H::ZEROS.as_ref().len())
    }

    #[inline]
    fn finish_while(&self, mut sum: Running<H>, out: &mut [u8], other: impl FnOnce()) {
        sum.digest();
        other();
        // The digest under the outer pad, which is one block more.
        sum.block = H::ZEROS;
        let block = sum.block.as_mut();
        let size = block.len();
        let (digest, padding) = block.split_at_mut(H::DIGEST);
        H::put(&sum.state, digest);
        padding[0] = 0x80;
        put_count(block, size + H::DIGEST);
        sum.state = self.outer;
        H::compress(&mut sum.state, core::slice::from_ref(&sum.block));
        H::put(&sum.state, out);
    }
}

/// A hash in the middle of a message.
pub(super) struct Running<H: Hash> {
    state: H::State,
    /// What does not make a whole block yet is in front; zeros are behind it,
    /// for the end: so many of them that nobody has to count.
    block: H::Block,
    filled: usize,
    /// All that was hashed, in bytes.
    length: usize,
}

impl<H: Hash> Running<H> {
    #[inline]
    fn from(state: H::State, length: usize) -> Self {
        Self {
            state,
            block: H::ZEROS,
            filled: 0,
            length,
        }
    }

    /// Ends the message: the state is the digest.
    #[inline]
    fn digest(&mut self) {
        let length = self.length;
        let (_, free) = self.block.as_mut().split_at_mut(self.filled);
        // There is room for one byte, or the block would have been hashed.
        free[0] = 0x80;
        if free.len() <= H::COUNT {
            H::compress(&mut self.state, core::slice::from_ref(&self.block));
            self.block = H::ZEROS;
        }
        put_count(self.block.as_mut(), length);
        H::compress(&mut self.state, core::slice::from_ref(&self.block));
    }
}

/// The number of bits at the end of the last block. Nothing in memory has
/// more than 64 bits of it.
#[inline]
fn put_count(block: &mut [u8], bytes: usize) {
    let bits = (bytes as u64).wrapping_mul(8).to_be_bytes();
    if let Some(end) = block.last_chunk_mut() {
        *end = bits;
    }
}

impl<H: Hash> Sum for Running<H> {
    const BLOCK: usize = size_of::<H::Block>();

    #[inline]
    fn sha512(&mut self, bytes: usize) -> Option<&mut [u64; 8]> {
        if self.filled > 0 {
            return None;
        }
        let state = H::sha512(&mut self.state)?;
        self.length += bytes;
        Some(state)
    }

    #[inline]
    fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        if self.filled > 0 {
            let (_, free) = self.block.as_mut().split_at_mut(self.filled);
            let taken = free.len().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            free[..taken].copy_from_slice(now);
            if taken < free.len() {
                self.filled += taken;
                return;
            }
            H::compress(&mut self.state, core::slice::from_ref(&self.block));
            self.block = H::ZEROS;
            self.filled = 0;
            bytes = later;
        }
        let (whole, rest) = H::split(bytes);
        if !whole.is_empty() {
            H::compress(&mut self.state, whole);
        }
        self.filled = rest.len();
        // Most steps end where a block does.
        if !rest.is_empty() {
            self.block.as_mut()[..rest.len()].copy_from_slice(rest);
        }
    }
}

impl<H: Hash> Drop for Running<H> {
    fn drop(&mut self) {
        self.state.zeroize();
        // As a slice, which is wiped at once.
        self.block.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::super::mac;
    use super::{Hash, Hmac, Keyed as _, Sha1, Sha256, Sha384, Sum as _};
    use crate::hex::hex;

    fn tag<H: Hash>(key: &[u8], data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; H::DIGEST];
        mac::sign(&Hmac::<H>::new(key), &[data], &mut out);
        out
    }

    /// RFC 2202 3, test cases 1, 2, 6 and 7: keys shorter and longer than a
    /// block.
    #[test]
    fn hmac_sha1_is_that_of_rfc_2202() {
        for (key, data, digest) in [
            (
                &[0x0B; 20][..],
                &b"Hi There"[..],
                "b617318655057264e28bc0b6fb378c8ef146be00",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                &[0xAA; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
            (
                &[0xAA; 80],
                b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
                "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ),
        ] {
            assert_eq!(tag::<Sha1>(key, data), hex(digest));
        }
    }

    /// RFC 4231 4.2, 4.3 and 4.7.
    #[test]
    fn hmac_sha2_is_that_of_rfc_4231() {
        for (key, data, sha256, sha384) in [
            (
                &[0x0B; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c\
                 faea9ea9076ede7f4af152e8b2fa9cb6",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                &[0xAA; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
                 0c2ef6ab4030fe8296248df163f44952",
            ),
        ] {
            assert_eq!(tag::<Sha256>(key, data), hex(sha256));
            assert_eq!(tag::<Sha384>(key, data), hex(sha384));
        }
    }

    /// Tags of 12, 16 and 24 bytes, and not those that are longer than the hash.
    #[test]
    fn a_tag_of_any_other_length_is_refused() {
        fn check<H: Hash>(whole: &[u8], passes: &[usize]) {
            let keyed = Hmac::<H>::new(b"a key");
            let padded = [whole, &[0; 40]].concat();
            for length in 0..=40 {
                let verified = mac::verify(&keyed, &[b"a message"], &padded[..length]);
                assert_eq!(verified.is_ok(), passes.contains(&length), "{length}");
                if let Some(last) = length.checked_sub(1) {
                    let mut other = padded[..length].to_vec();
                    other[last] ^= 1;
                    assert!(mac::verify(&keyed, &[b"a message"], &other).is_err());
                }
            }
        }
        fn reference<D: hmac::Mac + hmac::KeyInit>() -> Vec<u8> {
            let keyed = <D as hmac::KeyInit>::new_from_slice(b"a key").unwrap();
            let whole = keyed.chain_update(b"a message").finalize();
            whole.into_bytes().to_vec()
        }
        check::<Sha1>(&reference::<hmac::Hmac<sha1::Sha1>>(), &[12, 16]);
        check::<Sha256>(&reference::<hmac::Hmac<sha2::Sha256>>(), &[12, 16, 24]);
        check::<Sha384>(&reference::<hmac::Hmac<sha2::Sha384>>(), &[12, 16, 24]);
    }

    /// Every length around a block's end, in pieces of every length, against
    /// the `hmac` crate.
    #[test]
    fn pieces_of_any_length_are_one_message() {
        fn check<H: Hash, D>(reference: &D)
        where
            D: hmac::Mac + Clone,
        {
            let data: Vec<u8> = (0..=255).cycle().take(300).collect();
            let keyed = Hmac::<H>::new(b"a key");
            for length in 0..data.len() {
                let data = &data[..length];
                let whole = reference.clone().chain_update(data).finalize();
                let expected = &whole.into_bytes()[..H::DIGEST];
                for piece in [1, 7, 16, 63, 64, 65, 127, 128, 129, 300] {
                    let mut sum = keyed.sum();
                    data.chunks(piece).for_each(|piece| sum.update(piece));
                    let mut out = vec![0; H::DIGEST];
                    keyed.finish(sum, &mut out);
                    assert_eq!(out, expected, "{length} in pieces of {piece}");
                }
            }
        }
        use hmac::KeyInit as _;
        check::<Sha1, _>(&hmac::Hmac::<sha1::Sha1>::new_from_slice(b"a key").unwrap());
        check::<Sha256, _>(&hmac::Hmac::<sha2::Sha256>::new_from_slice(b"a key").unwrap());
        check::<Sha384, _>(&hmac::Hmac::<sha2::Sha384>::new_from_slice(b"a key").unwrap());
    }
}
