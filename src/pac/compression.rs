//! MS-XCA: the three ways in which claims are compressed. What comes out has
//! exactly the length that was announced, or nothing does.

use super::huffman::{Bits, Code};

/// Output that grows to a length that was announced, and copies of itself.
pub(super) struct Output {
    bytes: Vec<u8>,
    whole: usize,
}

impl Output {
    pub(super) fn new(whole: usize) -> Self {
        let bytes = Vec::with_capacity(whole.min(1 << 12));
        Self { bytes, whole }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == self.whole
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        (self.bytes.len() < self.whole).then(|| self.bytes.push(byte))
    }

    /// Repeats what was written `distance` bytes ago; the copy may run into
    /// itself.
    pub(super) fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        let room = self.whole.checked_sub(self.bytes.len())?;
        let from = self.bytes.len().checked_sub(distance)?;
        if distance == 0 || length > room {
            return None;
        }
        for at in from..from + length {
            let byte = *self.bytes.get(at)?;
            self.bytes.push(byte);
        }
        Some(())
    }

    pub(super) fn finish(self) -> Option<Vec<u8>> {
        self.is_whole().then_some(self.bytes)
    }
}

/// Input, read from the front.
#[derive(Clone, Copy)]
pub(super) struct Input<'a>(&'a [u8]);

impl Input<'_> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*word))
    }

    fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }

    /// A length in two bytes, or in four where those are zero, that must be at
    /// least `least`.
    fn long(&mut self, least: usize) -> Option<usize> {
        let length = match self.u16()? {
            0 => usize::try_from(self.u32()?).ok()?,
            length => usize::from(length),
        };
        (length >= least).then_some(length)
    }
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// LZNT1 (MS-XCA 2.5).
pub(super) fn lznt1(input: &[u8], whole: usize) -> Option<Vec<u8>> {
    let (mut input, mut output) = (Input(input), Output::new(whole));
    while !output.is_whole() {
        let header = input.u16()?;
        if header >> 12 & 7 != 3 {
            return None;
        }
        let chunk = input.take(usize::from(header & 0xFFF) + 1)?;
        if header >> 15 == 0 {
            chunk.iter().try_for_each(|byte| output.push(*byte))?;
        } else {
            lznt1_chunk(Input(chunk), &mut output)?;
        }
    }
    output.finish()
}

fn lznt1_chunk(mut chunk: Input<'_>, output: &mut Output) -> Option<()> {
    let start = output.len();
    while let Some(flags) = chunk.byte() {
        for bit in 0..8 {
            if chunk.0.is_empty() {
                return Some(());
            }
            if flags >> bit & 1 == 0 {
                output.push(chunk.byte()?)?;
                continue;
            }
            let word = chunk.u16()?;
            let written = output.len() - start;
            // As many bits as the distance may need, four at least.
            let mut length_bits = 12;
            while length_bits > 4 && written > 1 << (16 - length_bits) {
                length_bits -= 1;
            }
            let distance = usize::from(word >> length_bits) + 1;
            let length = usize::from(word & ((1 << length_bits) - 1)) + 3;
            // Chunks stand alone.
            if distance > written {
                return None;
            }
            output.repeat(distance, length)?;
        }
    }
    Some(())
}

/// Plain LZ77 (MS-XCA 2.4).
pub(super) fn xpress(input: &[u8], whole: usize) -> Option<Vec<u8>> {
    let (mut input, mut output) = (Input(input), Output::new(whole));
    let (mut flags, mut left) = (0_u32, 0_u32);
    // The upper half of a byte whose lower half has been a length.
    let mut half = None;
    while !output.is_whole() {
        if left == 0 {
            (flags, left) = (input.u32()?, 32);
        }
        left -= 1;
        if flags >> left & 1 == 0 {
            output.push(input.byte()?)?;
            continue;
        }
        let word = input.u16()?;
        let length = match usize::from(word % 8) {
            7 => 7 + xpress_length(&mut input, &mut half)?,
            short => short,
        };
        output.repeat(usize::from(word / 8) + 1, length + 3)?;
    }
    output.finish()
}

/// What a length is beyond 7.
fn xpress_length(input: &mut Input<'_>, half: &mut Option<u8>) -> Option<usize> {
    let nibble = if let Some(upper) = half.take() {
        upper
    } else {
        let byte = input.byte()?;
        *half = Some(byte / 16);
        byte % 16
    };
    if nibble < 15 {
        return Some(nibble.into());
    }
    match input.byte()? {
        255 => Some(input.long(15 + 7)? - 7),
        byte => Some(usize::from(byte) + 15),
    }
}

/// LZ77 with Huffman's code (MS-XCA 2.2), block by block.
pub(super) fn xpress_huffman(input: &[u8], whole: usize) -> Option<Vec<u8>> {
    const BLOCK: usize = 1 << 16;
    let (mut input, mut output) = (Input(input), Output::new(whole));
    while !output.is_whole() {
        let end = output.len() + BLOCK;
        let code = Code::read(input.take(256)?)?;
        let mut bits = Bits::new(&mut input)?;
        while output.len() < end && !output.is_whole() {
            let symbol = code.symbol(&mut bits)?;
            let Some(matched) = symbol.checked_sub(256) else {
                output.push(u8::try_from(symbol).ok()?)?;
                continue;
            };
            let length = match usize::from(matched % 16) {
                15 => match bits.input.byte()? {
                    255 => bits.input.long(15)?,
                    byte => usize::from(byte) + 15,
                },
                short => short,
            };
            let width = u32::from(matched / 16);
            let distance = (1 << width) + bits.take(width)?;
            output.repeat(distance, length + 3)?;
        }
    }
    output.finish()
}
