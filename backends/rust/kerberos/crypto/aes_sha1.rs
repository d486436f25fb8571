//! Etypes 17 and 18: the simplified profile of RFC 3961 5.3 with AES and
//! HMAC-SHA1-96 (RFC 3962). The tag covers the plaintext, so a ciphertext is
//! decrypted before it can be judged.

// As in `cts`: what is inlined into the cipher's own function.
#![allow(clippy::inline_always)]

use aes::cipher::KeyInit;
use aes::cipher::consts::U16;
use aes::cipher::{
    Block, BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt,
    BlockSizeUser,
};
use aes::{Aes128, Aes128Dec, Aes128Enc, Aes256, Aes256Dec, Aes256Enc};
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

use super::cts::Chain;
use super::hmac::{self, Hmac};
use super::nfold::n_fold;
use super::{BLOCK, CryptoError, MAX_KEY, Scattered, cts, mac};

/// HMAC-SHA1, keyed.
pub(super) type Tag = Hmac<hmac::Sha1>;

/// What a derived key is for: the last byte of its constant (RFC 3961 5.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Kc.
    Checksum = 0x99,
    /// Ke.
    Encryption = 0xAA,
    /// Ki.
    Integrity = 0x55,
}

/// A cipher that is used at its full key size with one of these tags.
pub(super) trait Size: cts::Aes + KeyInit {
    /// The encrypting half alone: derivation never decrypts.
    type Encryptor: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>;
    /// The other half alone.
    type Decryptor: KeyInit + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>;
    /// The key length, in bytes.
    const KEY: usize;
}

impl Size for Aes128 {
    type Encryptor = Aes128Enc;
    type Decryptor = Aes128Dec;
    const KEY: usize = 16;
}

impl Size for Aes256 {
    type Encryptor = Aes256Enc;
    type Decryptor = Aes256Dec;
    const KEY: usize = 32;
}

/// Ke and Ki of one usage, ready.
pub(super) struct Cipher<C> {
    aes: C,
    tag: Tag,
}

impl<C: Size> Cipher<C> {
    pub(super) fn derive(key: &[u8], usage: u32) -> Self {
        let base = schedule(key);
        let [encryption, integrity] =
            [Purpose::Encryption, Purpose::Integrity].map(|it| folded(usage, it));
        let mut bytes = Zeroizing::new([0; MAX_KEY]);
        let derived = &mut bytes[..C::KEY];
        dk::<C::Encryptor>(&base, encryption, derived);
        let aes = schedule(derived);
        dk(&base, integrity, derived);
        let tag = Tag::new(derived);
        Self { aes, tag }
    }

    /// Encrypts confounder and plaintext in `body`, and writes their tag.
    pub(super) fn seal(&self, body: &mut [u8], tag: &mut [u8]) {
        cts::sign_and_encrypt(&self.aes, &self.tag, body, tag);
    }

    /// Decrypts `body` in place; wiped when the tag does not fit.
    pub(super) fn open(&self, body: &mut [u8], tag: &[u8]) -> Result<(), CryptoError> {
        let feed = |sum: &mut _| cts::decrypt_and_sign(&self.aes, sum, body);
        mac::verify_fed(&self.tag, feed, tag).inspect_err(|_| body.zeroize())
    }

    /// As [`seal`](Self::seal), over a message in pieces.
    pub(super) fn seal_scattered(&self, message: &mut Scattered<'_, '_>, tag: &mut [u8]) {
        mac::sign_fed(&self.tag, |sum| message.feed(sum), tag);
        message.encrypt(&self.aes);
    }

    /// As [`open`](Self::open), over a message in pieces.
    pub(super) fn open_scattered(
        &self,
        message: &mut Scattered<'_, '_>,
        tag: &[u8],
    ) -> Result<(), CryptoError> {
        message.decrypt(&self.aes);
        mac::verify_fed(&self.tag, |sum| message.feed(sum), tag).inspect_err(|_| message.wipe())
    }
}

/// Derives Ke, as whichever half of the cipher is needed, and Ki of one usage,
/// and hands them to `work`. They stay where they are made: a schedule that was
/// just written is waited for when it is moved.
#[inline]
fn with_keys<C: Size, A: KeyInit, T>(
    key: &[u8],
    usage: u32,
    work: impl FnOnce(&A, &Tag) -> T,
) -> T {
    let constants = [Purpose::Encryption, Purpose::Integrity].map(|it| folded(usage, it));
    let mut bytes = [[[0; BLOCK]; MAX_KEY / BLOCK]; 2];
    schedule::<C::Encryptor>(key).encrypt_with_backend(Derive {
        constants: &constants.map(Chain::from),
        out: &mut bytes,
        key: C::KEY,
    });
    let [encryption, integrity] = bytes.each_ref().map(|key| &key.as_flattened()[..C::KEY]);
    let aes: A = schedule(encryption);
    let tag = Tag::new(integrity);
    // As a slice, which is wiped at once.
    bytes.as_flattened_mut().as_flattened_mut().zeroize();
    work(&aes, &tag)
}

/// Derives the keys, and does with them what [`Cipher::open`] does: of the
/// cipher's two schedules one is enough for that.
pub(super) fn open_once<C: Size>(
    key: &[u8],
    usage: u32,
    body: &mut [u8],
    tag: &[u8],
) -> Result<(), CryptoError> {
    with_keys::<C, C::Decryptor, _>(key, usage, |aes, own| {
        let feed = |sum: &mut _| cts::decrypt_and_sign(aes, sum, body);
        mac::verify_fed(own, feed, tag).inspect_err(|_| body.zeroize())
    })
}

/// The same for [`Cipher::seal`].
pub(super) fn seal_once<C: Size>(key: &[u8], usage: u32, body: &mut [u8], tag: &mut [u8]) {
    with_keys::<C, C::Encryptor, _>(key, usage, |aes, own| {
        cts::sign_and_encrypt(aes, own, body, tag);
    });
}

/// Kc of one usage.
pub(super) fn checksum_key<C: Size>(key: &[u8], usage: u32) -> Tag {
    let base = schedule::<C::Encryptor>(key);
    let mut bytes = Zeroizing::new([0; MAX_KEY]);
    let derived = &mut bytes[..C::KEY];
    dk(&base, folded(usage, Purpose::Checksum), derived);
    Tag::new(derived)
}

/// The pseudo-random function of RFC 3962 6: one block, the SHA-1 of the
/// input cut to it and encrypted under DK(key, "prf").
pub(super) fn prf<C: Size>(key: &[u8], input: &[&[u8]], out: &mut [u8; BLOCK]) {
    const PRF: [u8; BLOCK] = n_fold(b"prf");
    let mut bytes = Zeroizing::new([0; MAX_KEY]);
    let derived = &mut bytes[..C::KEY];
    dk(&schedule::<C::Encryptor>(key), PRF, derived);
    let mut hash = Sha1::new();
    for part in input {
        hash.update(part);
    }
    let mut block = Block::<C::Encryptor>::default();
    block.copy_from_slice(&hash.finalize()[..BLOCK]);
    schedule::<C::Encryptor>(derived).encrypt_block(&mut block);
    out.copy_from_slice(&block);
}

/// DK(key, constant) for a constant that is not a key usage, such as
/// "kerberos" in string-to-key. `out` has the key's length.
pub(super) fn derive_named<C: Size>(key: &[u8], constant: &[u8], out: &mut [u8]) {
    dk(&schedule::<C::Encryptor>(key), n_fold(constant), out);
}

/// DR of RFC 3961 5.1; for AES random-to-key is the identity, so it is DK
/// too. `out` is a multiple of the block.
fn dk<E>(base: &E, constant: [u8; BLOCK], out: &mut [u8])
where
    E: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let mut key = [[[0; BLOCK]; MAX_KEY / BLOCK]];
    base.encrypt_with_backend(Derive {
        constants: &[constant.into()],
        out: &mut key,
        key: out.len(),
    });
    let key = key.as_flattened_mut().as_flattened_mut();
    out.copy_from_slice(&key[..out.len()]);
    key.zeroize();
}

/// As many derivations as there are constants, which are each a chain of
/// blocks that wait for the one before: side by side they take as long as one.
/// And all is one visit to the cipher, which takes as long as a block.
struct Derive<'a, const N: usize> {
    constants: &'a [Chain; N],
    out: &'a mut [[[u8; BLOCK]; MAX_KEY / BLOCK]; N],
    /// The length of a key, in bytes, each in front of its part of `out`.
    key: usize,
}

impl<const N: usize> BlockSizeUser for Derive<'_, N> {
    type BlockSize = U16;
}

impl<const N: usize> BlockCipherEncClosure for Derive<'_, N> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, aes: &B) {
        let mut chains = *self.constants;
        for piece in 0..MAX_KEY / BLOCK {
            if piece * BLOCK < self.key {
                for (block, out) in chains.iter_mut().zip(&mut *self.out) {
                    aes.encrypt_block(block.into());
                    out[piece] = (*block).into();
                }
            }
        }
        // As a slice, which is wiped at once.
        let chains = Chain::cast_slice_to_core_mut(&mut chains);
        chains.as_flattened_mut().zeroize();
    }
}

/// The n-folded constant of a key usage.
const fn folded(usage: u32, purpose: Purpose) -> [u8; BLOCK] {
    /// Usages 0 to 31: all that this crate's messages have.
    const TABLE: [[[u8; BLOCK]; 3]; 32] = {
        let mut table = [[[0; BLOCK]; 3]; 32];
        let mut usage = 0;
        while usage < 32_u8 {
            let at = usage as usize;
            table[at][0] = n_fold(&[0, 0, 0, usage, Purpose::Checksum as u8]);
            table[at][1] = n_fold(&[0, 0, 0, usage, Purpose::Encryption as u8]);
            table[at][2] = n_fold(&[0, 0, 0, usage, Purpose::Integrity as u8]);
            usage += 1;
        }
        table
    };
    if usage < 32 {
        let row = &TABLE[usage as usize];
        return match purpose {
            Purpose::Checksum => row[0],
            Purpose::Encryption => row[1],
            Purpose::Integrity => row[2],
        };
    }
    let [a, b, c, d] = usage.to_be_bytes();
    n_fold(&[a, b, c, d, purpose as u8])
}

/// A key schedule. Every caller passes the cipher's own key length, which
/// `Key::new` and `Size::KEY` see to.
#[inline]
fn schedule<C: KeyInit>(key: &[u8]) -> C {
    C::new(key.try_into().expect("a key of the cipher's length"))
}
