//! AES in CBC mode with ciphertext stealing and an all-zero initial vector, in
//! place (RFC 3962 5; RFC 8009 3 uses the same). The last two blocks are
//! always swapped, also when the length is a multiple of the block; a single
//! block is plain CBC.

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt,
    BlockSizeUser, InnerIvInit,
};

use super::BLOCK;
use super::mac::Sum;

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
/// gives `sum` its plaintext.
pub(super) fn sign_and_encrypt<C: Encrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    let (whole, last) = buf.split_at_mut(whole_len(buf.len()));
    let mut chain = cbc::Encryptor::inner_iv_init(aes, &Array::default());
    for step in whole.chunks_mut(STEP) {
        sum.update(step);
        chain.encrypt_blocks(blocks(step));
    }
    sum.update(last);
    steal(aes, whole, last);
}

/// Encrypts `buf`, which has at least one block, and gives `sum` the
/// ciphertext. `sum` has taken one block before, so that steps which end a
/// block short of the MAC's own need no copy in it.
pub(super) fn encrypt_and_sign<C: Encrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    let split = whole_len(buf.len());
    let (whole, last) = buf.split_at_mut(split);
    let mut chain = cbc::Encryptor::inner_iv_init(aes, &Array::default());
    // The MAC is a step behind: what it takes is ready, and it never waits.
    let (mut signed, mut at) = (0, 0);
    while at < split {
        let end = split.min(if at == 0 { STEP - BLOCK } else { at + STEP });
        chain.encrypt_blocks(blocks(&mut whole[at..end]));
        sum.update(&whole[signed..at]);
        (signed, at) = (at, end);
    }
    steal(aes, whole, last);
    sum.update(&buf[signed..]);
}

/// Encrypts the last block, of which `whole` holds the ones before, encrypted
/// (RFC 3962 5). Nothing is left to do where there is only one.
fn steal<C: Encrypt>(aes: &C, whole: &mut [u8], last: &mut [u8]) {
    let Some(previous) = whole.last_chunk_mut::<BLOCK>().filter(|_| !last.is_empty()) else {
        return;
    };
    // The last block, padded with zeros and chained; its ciphertext goes in
    // front, and what the last block needs is cut from the one before.
    let mut block = Block::<C>::from(*previous);
    for (byte, plain) in block.iter_mut().zip(&*last) {
        *byte ^= plain;
    }
    aes.encrypt_block(&mut block);
    last.copy_from_slice(&previous[..last.len()]);
    previous.copy_from_slice(&block);
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
    let mut chain = cbc::Decryptor::inner_iv_init(aes, &Array::default());
    // The MAC is a step behind, as above.
    let (mut signed, mut at) = (0, 0);
    while at < whole.len() {
        let end = whole.len().min(at + STEP);
        chain.decrypt_blocks(blocks(&mut whole[at..end]));
        sum.update(&whole[signed..at]);
        (signed, at) = (at, end);
    }
    sum.update(&whole[signed..]);
    sum.update(last);
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
