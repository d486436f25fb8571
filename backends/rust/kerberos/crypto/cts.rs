//! AES in CBC mode with ciphertext stealing and an all-zero initial vector, in
//! place (RFC 3962 5; RFC 8009 3 uses the same). The last two blocks are
//! always swapped, also when the length is a multiple of the block; a single
//! block is plain CBC.

// The cipher's instructions are used directly only in what is inlined into the
// cipher's own function, which has them (`SignAndEncrypt`).
#![allow(clippy::inline_always)]

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecBackend, BlockModeDecClosure,
    BlockModeDecrypt, BlockModeEncBackend, BlockModeEncClosure, BlockModeEncrypt, BlockSizeUser,
    InnerIvInit,
};

use super::BLOCK;
use super::mac::{Keyed, Sum};

/// What encrypts blocks of AES.
pub(super) trait Encrypt: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt {}

impl<C> Encrypt for C where C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt {}

/// What decrypts them.
pub(super) trait Decrypt: BlockSizeUser<BlockSize = U16> + BlockCipherDecrypt {}

impl<C> Decrypt for C where C: BlockSizeUser<BlockSize = U16> + BlockCipherDecrypt {}

/// A cipher whose block is that of AES.
pub(super) trait Aes:
    BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt
{
}

impl<C> Aes for C where C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt {}

/// How many bytes come before the last block, which is whole or partial but
/// never empty.
const fn before_last(len: usize) -> usize {
    (len - 1) / BLOCK * BLOCK
}

/// How many bytes are worked on at a time where a MAC goes along. CBC is a
/// chain in which each block waits for the one before, and so is a hash; a
/// processor fills the wait of one with the work of the other if that is
/// within its sight of a few hundred instructions. A step is a block of SHA-1
/// and SHA-256: nothing is copied into the MAC's buffer.
const STEP: usize = 64;

/// Encrypts `buf`, which has at least one block (a confounder is one), and
/// writes the MAC of its plaintext: as many bytes as `tag` has.
pub(super) fn sign_and_encrypt<C: Encrypt, K: Keyed>(
    aes: &C,
    keyed: &K,
    buf: &mut [u8],
    tag: &mut [u8],
) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    let work = SignAndEncrypt { keyed, buf, tag };
    cbc::Encryptor::inner_iv_init(aes, &Array::default()).encrypt_with_backend(work);
}

/// Encrypts `buf`, which has at least one block, and gives `sum` the
/// ciphertext. `sum` has taken one block before, so that steps which end a
/// block short of the MAC's own need no copy in it.
pub(super) fn encrypt_and_sign<C: Encrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    cbc::Encryptor::inner_iv_init(aes, &Array::default())
        .encrypt_with_backend(EncryptAndSign { sum, buf });
}

/// What is done with the cipher's instructions and its keys at hand: getting
/// there anew for each step takes longer than a block does.
struct SignAndEncrypt<'a, K> {
    keyed: &'a K,
    buf: &'a mut [u8],
    tag: &'a mut [u8],
}

impl<K> BlockSizeUser for SignAndEncrypt<'_, K> {
    type BlockSize = U16;
}

impl<K: Keyed> BlockModeEncClosure for SignAndEncrypt<'_, K> {
    #[inline(always)]
    fn call<B: BlockModeEncBackend<BlockSize = U16>>(self, chain: &mut B) {
        let (whole, last) = self.buf.split_at_mut(whole_len(self.buf.len()));
        // All but the last whole step, or what there is of it.
        let steps = whole.len().saturating_sub(STEP) / STEP * STEP;
        let mut sum = self.keyed.sum();
        for step in whole[..steps].chunks_mut(STEP) {
            sum.update(step);
            encrypt_blocks(chain, step);
        }
        // The MAC ends with three blocks of its own, one after the other, a
        // third of the work for a short message: each in the wait of a third
        // of what is left to encrypt.
        let rest = &mut whole[steps..];
        sum.update(rest);
        sum.update(last);
        let third = (rest.len() / BLOCK + 1) / 3 * BLOCK;
        let (first, rest) = rest.split_at_mut(third);
        let (second, rest) = rest.split_at_mut(third);
        encrypt_blocks(chain, first);
        self.keyed
            .finish_while(sum, self.tag, || encrypt_blocks(chain, second));
        encrypt_blocks(chain, rest);
        steal(chain, whole, last);
    }
}

/// As above, the other way round.
struct EncryptAndSign<'a, S> {
    sum: &'a mut S,
    buf: &'a mut [u8],
}

impl<S> BlockSizeUser for EncryptAndSign<'_, S> {
    type BlockSize = U16;
}

impl<S: Sum> BlockModeEncClosure for EncryptAndSign<'_, S> {
    #[inline(always)]
    fn call<B: BlockModeEncBackend<BlockSize = U16>>(self, chain: &mut B) {
        let split = whole_len(self.buf.len());
        let (whole, last) = self.buf.split_at_mut(split);
        // The MAC is a step behind: what it takes is ready, and it never waits.
        let (mut signed, mut at) = (0, 0);
        while at < split {
            let end = split.min(if at == 0 { STEP - BLOCK } else { at + STEP });
            encrypt_blocks(chain, &mut whole[at..end]);
            self.sum.update(&whole[signed..at]);
            (signed, at) = (at, end);
        }
        steal(chain, whole, last);
        self.sum.update(&self.buf[signed..]);
    }
}

#[inline(always)]
fn encrypt_blocks<B: BlockModeEncBackend<BlockSize = U16>>(chain: &mut B, whole: &mut [u8]) {
    for block in blocks(whole) {
        chain.encrypt_block(block.into());
    }
}

/// Encrypts the last block, of which `whole` holds the ones before, encrypted
/// (RFC 3962 5). Nothing is left to do where there is only one.
#[inline(always)]
fn steal<B>(chain: &mut B, whole: &mut [u8], last: &mut [u8])
where
    B: BlockModeEncBackend<BlockSize = U16>,
{
    let Some(previous) = whole.last_chunk_mut::<BLOCK>().filter(|_| !last.is_empty()) else {
        return;
    };
    // The last block, padded with zeros and chained; its ciphertext goes in
    // front, and what the last block needs is cut from the one before.
    let mut block = Array::<u8, U16>::default();
    block[..last.len()].copy_from_slice(last);
    chain.encrypt_block((&mut block).into());
    last.copy_from_slice(&previous[..last.len()]);
    *previous = block.into();
}

/// How much is encrypted by CBC alone: a single block, or all but the last.
const fn whole_len(len: usize) -> usize {
    if len == BLOCK { len } else { before_last(len) }
}

fn blocks(whole: &mut [u8]) -> &mut [Array<u8, U16>] {
    Array::slice_as_chunks_mut(whole).0
}

/// Decrypts `buf`, which has at least one block.
pub(super) fn decrypt<C: Decrypt>(aes: &C, buf: &mut [u8]) {
    let (whole, _) = unsteal(aes, buf);
    cbc::Decryptor::inner_iv_init(aes, &Array::default()).decrypt_blocks(blocks(whole));
}

/// Decrypts `buf`, which has at least one block, and gives `sum` the
/// plaintext.
pub(super) fn decrypt_and_sign<C: Decrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    let (whole, last) = unsteal(aes, buf);
    let step = DecryptAndSign {
        sum: &mut *sum,
        whole,
    };
    cbc::Decryptor::inner_iv_init(aes, &Array::default()).decrypt_with_backend(step);
    sum.update(last);
}

/// As above. What is decrypted does not wait for what was before, and the
/// blocks of a step go side by side.
struct DecryptAndSign<'a, S> {
    sum: &'a mut S,
    whole: &'a mut [u8],
}

impl<S> BlockSizeUser for DecryptAndSign<'_, S> {
    type BlockSize = U16;
}

impl<S: Sum> BlockModeDecClosure for DecryptAndSign<'_, S> {
    #[inline(always)]
    fn call<B: BlockModeDecBackend<BlockSize = U16>>(self, chain: &mut B) {
        let Self { sum, whole } = self;
        // The MAC is a step behind, as above.
        let (mut signed, mut at) = (0, 0);
        while at < whole.len() {
            let end = whole.len().min(at + STEP);
            for block in blocks(&mut whole[at..end]) {
                chain.decrypt_block(block.into());
            }
            sum.update(&whole[signed..at]);
            (signed, at) = (at, end);
        }
        sum.update(&whole[signed..]);
    }
}

/// Undoes [`steal`]: `last` is decrypted, and `whole` is as CBC left it. A
/// single block is `whole` by itself.
fn unsteal<'a, C: Decrypt>(aes: &C, buf: &'a mut [u8]) -> (&'a mut [u8], &'a mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    let (whole, last) = buf.split_at_mut(whole_len(buf.len()));
    let Some(swapped) = whole.last_chunk_mut::<BLOCK>().filter(|_| !last.is_empty()) else {
        return (whole, last);
    };
    // What decrypts to the padded last block also holds, where the padding
    // was, the stolen end of the ciphertext block before.
    let mut block = Block::<C>::from(*swapped);
    aes.decrypt_block(&mut block);
    for (byte, stolen) in block.iter_mut().zip(last.iter_mut()) {
        let plain = *byte ^ *stolen;
        *byte = *stolen;
        *stolen = plain;
    }
    swapped.copy_from_slice(&block);
    (whole, last)
}
