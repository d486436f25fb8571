//! A message that lies in several places, encrypted and signed where it lies:
//! CBC with ciphertext stealing over pieces, without copying them together.

use aes::cipher::consts::U16;
use aes::cipher::{Array, Block, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use zeroize::{Zeroize, Zeroizing};

use super::BLOCK;
use super::cts::Aes;
use super::mac::Sum;
use crate::message::MessagePart;

/// Confounder, the application's parts, and what ends the plaintext, in the
/// order of the plaintext. Only data among the parts is encrypted; sign-only
/// parts are signed in their place between them.
pub(crate) struct Scattered<'a, 'p> {
    confounder: &'a mut [u8; BLOCK],
    parts: &'a mut [MessagePart<'p>],
    /// At least one block: so whatever the parts are, the whole is longer than
    /// a block, and its last blocks are always swapped.
    end: &'a mut [u8],
}

/// Where in the pieces the next byte is.
#[derive(Clone, Copy)]
struct Place {
    piece: usize,
    offset: usize,
}

const START: Place = Place {
    piece: 0,
    offset: 0,
};

impl<'a, 'p> Scattered<'a, 'p> {
    /// `None` where `end` is shorter than a block.
    pub(crate) fn new(
        confounder: &'a mut [u8; BLOCK],
        parts: &'a mut [MessagePart<'p>],
        end: &'a mut [u8],
    ) -> Option<Self> {
        (end.len() >= BLOCK).then_some(Self {
            confounder,
            parts,
            end,
        })
    }

    pub(super) fn confounder(&mut self) -> &mut [u8] {
        self.confounder
    }

    /// Gives a MAC everything that is signed, in order.
    pub(super) fn feed(&self, sum: &mut impl Sum) {
        sum.update(self.confounder);
        feed_parts(self.parts, sum);
        sum.update(self.end);
    }

    /// Wipes what was decrypted and must not be seen.
    pub(super) fn wipe(&mut self) {
        for piece in 0..self.pieces() {
            self.piece_mut(piece).zeroize();
        }
    }

    fn pieces(&self) -> usize {
        self.parts.len() + 2
    }

    /// One piece of what is encrypted; empty for a part that is not.
    fn piece(&self, piece: usize) -> &[u8] {
        match piece.checked_sub(1) {
            None => self.confounder,
            Some(index) => match self.parts.get(index) {
                Some(MessagePart::Data(data)) => data,
                Some(_) => &[],
                None => self.end,
            },
        }
    }

    fn piece_mut(&mut self, piece: usize) -> &mut [u8] {
        match piece.checked_sub(1) {
            None => self.confounder,
            Some(index) => match self.parts.get_mut(index) {
                Some(MessagePart::Data(data)) => data,
                Some(_) => &mut [],
                None => self.end,
            },
        }
    }

    fn len(&self) -> usize {
        (0..self.pieces())
            .map(|piece| self.piece(piece).len())
            .sum()
    }

    /// Copies the bytes at `place` out, and gives the place behind them.
    fn read(&self, mut place: Place, out: &mut [u8]) -> Place {
        let mut done = 0;
        while done < out.len() && place.piece < self.pieces() {
            let left = &self.piece(place.piece)[place.offset..];
            let count = left.len().min(out.len() - done);
            out[done..done + count].copy_from_slice(&left[..count]);
            done += count;
            place = self.behind(place, count);
        }
        place
    }

    /// Copies bytes to where they belong, and gives the place behind them.
    fn write(&mut self, mut place: Place, from: &[u8]) -> Place {
        let mut done = 0;
        while done < from.len() && place.piece < self.pieces() {
            let left = &mut self.piece_mut(place.piece)[place.offset..];
            let count = left.len().min(from.len() - done);
            left[..count].copy_from_slice(&from[done..done + count]);
            done += count;
            place = self.behind(place, count);
        }
        place
    }

    /// The place `count` bytes on, in the same piece or at the start of the
    /// next.
    fn behind(&self, place: Place, count: usize) -> Place {
        let offset = place.offset + count;
        if offset < self.piece(place.piece).len() {
            Place { offset, ..place }
        } else {
            Place {
                piece: place.piece + 1,
                offset: 0,
            }
        }
    }

    /// Visits the first `len` bytes, whole blocks: runs that lie in one piece
    /// together, and a block that lies in several by way of the stack.
    fn each_run(&mut self, len: usize, mut work: impl FnMut(&mut [u8])) {
        let (mut place, mut left) = (START, len);
        let mut block = Zeroizing::new([0; BLOCK]);
        while left > 0 && place.piece < self.pieces() {
            let run = &mut self.piece_mut(place.piece)[place.offset..];
            let whole = run.len().min(left) / BLOCK * BLOCK;
            if whole > 0 {
                work(&mut run[..whole]);
                place = self.behind(place, whole);
                left -= whole;
            } else {
                self.read(place, &mut *block);
                work(&mut *block);
                place = self.write(place, &*block);
                left -= BLOCK;
            }
        }
    }

    /// The place of the byte at this offset from the start.
    fn place(&self, mut offset: usize) -> Place {
        let mut place = START;
        while place.piece < self.pieces() {
            let len = self.piece(place.piece).len();
            if offset < len {
                return Place { offset, ..place };
            }
            offset -= len;
            place.piece += 1;
        }
        place
    }

    /// Encrypts all of it as [`cts::encrypt`](super::cts::encrypt) would.
    pub(super) fn encrypt<C: Aes>(&mut self, aes: &C) {
        let len = self.len();
        let whole = (len - 1) / BLOCK * BLOCK;
        let mut chain = Array::<u8, U16>::default();
        self.each_run(whole, |run| {
            let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(run);
            cbc::Encryptor::inner_iv_init(aes, &chain).encrypt_blocks(blocks);
            if let Some(last) = blocks.last() {
                chain = *last;
            }
        });
        let (swap, last) = (self.place(whole - BLOCK), self.place(whole));
        let mut plain = Zeroizing::new([0; BLOCK]);
        let plain = &mut plain[..len - whole];
        self.read(last, plain);
        let mut block = Block::<C>::from(chain);
        for (byte, plain) in block.iter_mut().zip(&*plain) {
            *byte ^= plain;
        }
        aes.encrypt_block(&mut block);
        self.write(swap, &block);
        self.write(last, &chain[..len - whole]);
    }

    /// Decrypts all of it as [`cts::decrypt`](super::cts::decrypt) would.
    pub(super) fn decrypt<C: Aes>(&mut self, aes: &C) {
        let len = self.len();
        let whole = (len - 1) / BLOCK * BLOCK;
        let (swap, last) = (self.place(whole - BLOCK), self.place(whole));
        let mut block = Block::<C>::default();
        self.read(swap, &mut block);
        aes.decrypt_block(&mut block);
        let mut stolen = Zeroizing::new([0; BLOCK]);
        let stolen = &mut stolen[..len - whole];
        self.read(last, stolen);
        for (byte, stolen) in block.iter_mut().zip(&mut *stolen) {
            let plain = *byte ^ *stolen;
            *byte = *stolen;
            *stolen = plain;
        }
        self.write(swap, &block);
        self.write(last, stolen);
        let mut chain = Array::<u8, U16>::default();
        self.each_run(whole, |run| {
            let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(run);
            let next = blocks.last().copied();
            cbc::Decryptor::inner_iv_init(aes, &chain).decrypt_blocks(blocks);
            chain = next.unwrap_or(chain);
        });
    }
}

/// Gives a MAC data and sign-only parts in their order; neither the header nor
/// padding, of which AES has none.
pub(super) fn feed_parts(parts: &[MessagePart<'_>], sum: &mut impl Sum) {
    for part in parts {
        match part {
            MessagePart::Data(data) => sum.update(data),
            MessagePart::SignOnly(data) => sum.update(data),
            MessagePart::Header(_) | MessagePart::Padding(_) => {}
        }
    }
}
