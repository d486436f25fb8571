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

/// Encrypts `buf`, which has at least one block (a confounder is one).
pub(super) fn encrypt<C: Aes>(aes: &C, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    if buf.len() == BLOCK {
        return cbc_encrypt(aes, buf);
    }
    let (whole, last) = buf.split_at_mut(before_last(buf.len()));
    cbc_encrypt(aes, whole);
    let Some(previous) = whole.last_chunk_mut::<BLOCK>() else {
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

/// Decrypts `buf`, which has at least one block.
pub(super) fn decrypt<C: Aes>(aes: &C, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    if buf.len() == BLOCK {
        return cbc_decrypt(aes, buf);
    }
    let (whole, last) = buf.split_at_mut(before_last(buf.len()));
    let Some(swapped) = whole.last_chunk_mut::<BLOCK>() else {
        return;
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
    cbc_decrypt(aes, whole);
}

fn cbc_encrypt<C: Aes>(aes: &C, whole: &mut [u8]) {
    let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(whole);
    cbc::Encryptor::inner_iv_init(aes, &Array::default()).encrypt_blocks(blocks);
}

fn cbc_decrypt<C: Aes>(aes: &C, whole: &mut [u8]) {
    let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(whole);
    cbc::Decryptor::inner_iv_init(aes, &Array::default()).decrypt_blocks(blocks);
}
