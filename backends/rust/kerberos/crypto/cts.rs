//! AES in CBC mode with ciphertext stealing and an all-zero initial vector, in
//! place (RFC 3962 5; RFC 8009 3 uses the same). The last two blocks are
//! always swapped, also when the length is a multiple of the block; a single
//! block is plain CBC.

// The cipher's instructions are used directly only in what is inlined into the
// cipher's own function, which has them (`SignAndEncrypt`).
#![allow(clippy::inline_always)]

use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned as _;
use aes::cipher::{
    Array, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
};

use super::BLOCK;
use super::mac::{Keyed, Sum};
use super::sha512::{PART, Room};

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
/// and SHA-256: nothing is copied into the MAC's buffer. (Of what is long and
/// decrypted, several steps are: `DecryptAndSign`; and what is signed as it was
/// encrypted goes by the MAC's own blocks or many of them: `EncryptAndSign`.)
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
    aes.encrypt_with_backend(SignAndEncrypt { keyed, buf, tag });
}

/// Encrypts `buf`, which has at least one block, and gives `sum` the
/// ciphertext. `sum` has taken one block before: steps end a block short of the
/// MAC's own, and then need no copy in it and can be taken many together.
pub(super) fn encrypt_and_sign<C: Encrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    aes.encrypt_with_backend(EncryptAndSign { sum, buf });
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

impl<K: Keyed> BlockCipherEncClosure for SignAndEncrypt<'_, K> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, aes: &B) {
        let (whole, last) = self.buf.split_at_mut(whole_len(self.buf.len()));
        let mut chain = Chain::default();
        // All but the last whole step, or what there is of it.
        let steps = whole.len().saturating_sub(STEP) / STEP * STEP;
        let mut sum = self.keyed.sum();
        for step in whole[..steps].chunks_mut(STEP) {
            sum.update(step);
            encrypt_blocks(aes, &mut chain, step);
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
        encrypt_blocks(aes, &mut chain, first);
        self.keyed.finish_while(sum, self.tag, || {
            encrypt_blocks(aes, &mut chain, second);
        });
        encrypt_blocks(aes, &mut chain, rest);
        steal(aes, whole, last);
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

impl<S: Sum> BlockCipherEncClosure for EncryptAndSign<'_, S> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, aes: &B) {
        let split = whole_len(self.buf.len());
        let (whole, last) = self.buf.split_at_mut(split);
        let mut chain = Chain::default();
        let mut at = split.min(S::BLOCK - BLOCK);
        encrypt_blocks(aes, &mut chain, &mut whole[..at]);
        let mut signed = 0;
        let along = hashed_along(split - at);
        if along > 0 {
            self.sum.update(&whole[..at]);
            signed = at;
            if let Some(state) = self.sum.sha512(along) {
                encrypt_while_hashed(aes, chain, state, &mut whole[at..]);
                (signed, at) = (at + along, split);
            }
        }
        // The MAC is a step behind: what it takes is ready, and it never waits.
        while at < split {
            let end = split.min(at + S::BLOCK);
            encrypt_blocks(aes, &mut chain, &mut whole[at..end]);
            self.sum.update(&whole[signed..at]);
            (signed, at) = (at, end);
        }
        steal(aes, whole, last);
        self.sum.update(&self.buf[signed..]);
    }
}

/// The ciphertext block before, or the initial vector.
pub(super) type Chain = Array<u8, U16>;

/// CBC (RFC 3962 5), in registers from block to block.
#[inline(always)]
fn encrypt_blocks<B>(aes: &B, chain: &mut Chain, whole: &mut [u8])
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let mut before = *chain;
    for block in blocks(whole) {
        xor(&mut before, block);
        aes.encrypt_block((&mut before).into());
        *block = before;
    }
    *chain = before;
}

/// How many bytes of these [`encrypt_while_hashed`] hashes: all whole parts but
/// the last, if there are two at least.
const fn hashed_along(len: usize) -> usize {
    match (len / PART).saturating_sub(1) {
        0 | 1 => 0,
        parts => parts * PART,
    }
}

/// The same while SHA-512 takes what is two parts behind: one is hashed while
/// the next is prepared for that and the next but one encrypted. There are as
/// many as `hashed_along` wants.
#[inline(always)]
fn encrypt_while_hashed<B>(aes: &B, mut chain: Chain, state: &mut [u64; 8], whole: &mut [u8])
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let end = hashed_along(whole.len());
    let (first, _) = whole.split_at_mut(2 * PART);
    encrypt_blocks(aes, &mut chain, first);
    let mut room = Room::default();
    room.prepare(part_of(first));
    for hashed in (0..end).step_by(PART) {
        let (done, next) = whole.split_at_mut(hashed + 2 * PART);
        let length = next.len().min(PART);
        let mut blocks = blocks(&mut next[..length]).iter_mut();
        room.compress_while(state, part_of(&done[hashed + PART..]), || {
            if let Some(block) = blocks.next() {
                xor(&mut chain, block);
                aes.encrypt_block((&mut chain).into());
                *block = chain;
            }
        });
    }
}

#[inline(always)]
fn part_of(bytes: &[u8]) -> &[u8; PART] {
    bytes.first_chunk().expect("a whole part")
}

#[inline(always)]
fn xor(block: &mut Chain, other: &Chain) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}

/// Encrypts the last block, of which `whole` holds the ones before, encrypted
/// (RFC 3962 5). Nothing is left to do where there is only one.
#[inline(always)]
fn steal<B>(aes: &B, whole: &mut [u8], last: &mut [u8])
where
    B: BlockCipherEncBackend<BlockSize = U16>,
{
    let Some(previous) = whole.last_chunk_mut::<BLOCK>().filter(|_| !last.is_empty()) else {
        return;
    };
    // The last block, padded with zeros and chained; its ciphertext goes in
    // front, and what the last block needs is cut from the one before.
    let mut block = Chain::default();
    block[..last.len()].copy_from_slice(last);
    xor(&mut block, &Chain::from(*previous));
    aes.encrypt_block((&mut block).into());
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
    let (whole, _) = unsteal(buf, |block| aes.decrypt_block(block));
    let blocks = blocks(whole);
    aes.decrypt_with_backend(DecryptBlocks { blocks });
}

/// CBC where nothing goes along.
struct DecryptBlocks<'a> {
    blocks: &'a mut [Chain],
}

impl BlockSizeUser for DecryptBlocks<'_> {
    type BlockSize = U16;
}

impl BlockCipherDecClosure for DecryptBlocks<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, aes: &B) {
        decrypt_together(aes, &mut Chain::default(), self.blocks);
    }
}

/// Decrypts `buf`, which has at least one block, and gives `sum` the
/// plaintext.
pub(super) fn decrypt_and_sign<C: Decrypt, S: Sum>(aes: &C, sum: &mut S, buf: &mut [u8]) {
    if buf.len() < LONG {
        aes.decrypt_with_backend(DecryptAndSign::<S, false> { sum, buf });
    } else {
        aes.decrypt_with_backend(DecryptAndSign::<S, true> { sum, buf });
    }
}

/// From where on the cipher's widest instructions pay, in bytes: they need
/// copies of the round keys, and whoever can use them gets those made.
const LONG: usize = 1024;

/// [`SignAndEncrypt`] the other way round. What is decrypted does not wait for
/// what was before, and goes side by side: the blocks of a step, in the wait of
/// the MAC, or as many as the cipher does at once, in the time that two of the
/// MAC's blocks take.
struct DecryptAndSign<'a, S, const WIDE: bool> {
    sum: &'a mut S,
    buf: &'a mut [u8],
}

impl<S, const WIDE: bool> BlockSizeUser for DecryptAndSign<'_, S, WIDE> {
    type BlockSize = U16;
}

impl<S: Sum, const WIDE: bool> BlockCipherDecClosure for DecryptAndSign<'_, S, WIDE> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, aes: &B) {
        let Self { sum, buf } = self;
        let (whole, last) = unsteal(buf, |block| aes.decrypt_block(block.into()));
        let mut chain = Chain::default();
        // The MAC is a step behind, as above.
        let (mut signed, mut at) = (0, 0);
        let at_once = at_once(B::ParBlocksSize::USIZE);
        while WIDE && at_once > STEP && whole.len() - at >= at_once {
            let end = at + at_once;
            decrypt_together(aes, &mut chain, blocks(&mut whole[at..end]));
            sum.update(&whole[signed..at]);
            (signed, at) = (at, end);
        }
        while at < whole.len() {
            let end = whole.len().min(at + STEP);
            let step = blocks(&mut whole[at..end]);
            // Without instructions of its own a cipher takes as long for one
            // block as for all that it can do at once.
            if at_once <= STEP {
                decrypt_together(aes, &mut chain, step);
            } else {
                decrypt_each(aes, &mut chain, step);
            }
            sum.update(&whole[signed..at]);
            (signed, at) = (at, end);
        }
        sum.update(&whole[signed..]);
        sum.update(last);
    }
}

/// What a cipher that does this many blocks at once takes of a message, in
/// bytes: whole steps.
const fn at_once(blocks: usize) -> usize {
    let mut bytes = blocks * BLOCK;
    while !bytes.is_multiple_of(STEP) {
        bytes += blocks * BLOCK;
    }
    bytes
}

/// CBC, as many blocks side by side as the cipher can do, and what is left one
/// by one.
#[inline(always)]
fn decrypt_together<B>(aes: &B, chain: &mut Chain, all: &mut [Chain])
where
    B: BlockCipherDecBackend<BlockSize = U16>,
{
    let (many, few) = Array::<Chain, B::ParBlocksSize>::slice_as_chunks_mut(all);
    for side_by_side in many {
        // Each next block needs the ciphertext.
        let sent = side_by_side.clone();
        aes.decrypt_par_blocks(side_by_side.into());
        let (first, others) = bytes_of(side_by_side).split_at_mut(BLOCK);
        let sent = Chain::cast_slice_to_core(&sent).as_flattened();
        for (byte, before) in first.iter_mut().zip(&*chain) {
            *byte ^= before;
        }
        for (byte, before) in others.iter_mut().zip(sent) {
            *byte ^= before;
        }
        if let Some(last) = sent.last_chunk() {
            *chain = Chain::from(*last);
        }
    }
    decrypt_each(aes, chain, few);
}

#[inline(always)]
fn decrypt_each<B>(aes: &B, chain: &mut Chain, blocks: &mut [Chain])
where
    B: BlockCipherDecBackend<BlockSize = U16>,
{
    let mut before = *chain;
    for block in blocks {
        let cipher = *block;
        aes.decrypt_block(block.into());
        xor(block, &before);
        before = cipher;
    }
    *chain = before;
}

#[inline(always)]
fn bytes_of(blocks: &mut [Chain]) -> &mut [u8] {
    Chain::cast_slice_to_core_mut(blocks).as_flattened_mut()
}

/// Undoes [`steal`]: `last` is decrypted, and `whole` is as CBC left it. A
/// single block is `whole` by itself.
#[inline(always)]
fn unsteal(buf: &mut [u8], decrypt: impl FnOnce(&mut Chain)) -> (&mut [u8], &mut [u8]) {
    debug_assert!(buf.len() >= BLOCK, "CTS needs one whole block");
    let (whole, last) = buf.split_at_mut(whole_len(buf.len()));
    let Some(swapped) = whole.last_chunk_mut::<BLOCK>().filter(|_| !last.is_empty()) else {
        return (whole, last);
    };
    // What decrypts to the padded last block also holds, where the padding
    // was, the stolen end of the ciphertext block before.
    let mut block = Chain::from(*swapped);
    decrypt(&mut block);
    for (byte, stolen) in block.iter_mut().zip(last.iter_mut()) {
        let plain = *byte ^ *stolen;
        *byte = *stolen;
        *stolen = plain;
    }
    *swapped = block.into();
    (whole, last)
}
