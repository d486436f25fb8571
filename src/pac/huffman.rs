//! The canonical Huffman code of MS-XCA 2.2, and the bits that it is read from.

use super::compression::Input;

/// Literals, and matches by their length and the width of their distance.
const SYMBOLS: usize = 512;
/// The longest codeword, in bits.
const LONGEST: usize = 15;

/// A code: the symbols in the order of their words.
pub(super) struct Code {
    symbols: Vec<u16>,
    /// How many words of each length there are.
    counts: [u16; LONGEST + 1],
}

impl Code {
    /// From the lengths of all words, two in each byte, the lower half first.
    /// A code that is incomplete or ambiguous is none.
    pub(super) fn read(table: &[u8]) -> Option<Self> {
        let mut counts = [0_u16; LONGEST + 1];
        let lengths = || {
            let halves = table.iter().flat_map(|byte| [byte & 15, byte >> 4]);
            halves.take(SYMBOLS).map(usize::from)
        };
        for length in lengths() {
            *counts.get_mut(length)? += 1;
        }
        let used = |length: &usize| *length != 0;
        let space: usize = lengths()
            .filter(used)
            .map(|length| 1 << (LONGEST - length))
            .sum();
        if space != 1 << LONGEST {
            return None;
        }
        let mut symbols = Vec::with_capacity(SYMBOLS);
        for length in 1..=LONGEST {
            let own = (0_u16..).zip(lengths());
            symbols.extend(own.filter(|(_, l)| *l == length).map(|(symbol, _)| symbol));
        }
        Some(Self { symbols, counts })
    }

    /// The next symbol.
    pub(super) fn symbol(&self, bits: &mut Bits<'_, '_>) -> Option<u16> {
        // Words of one length follow each other, and the first of them comes
        // after the last of the length before.
        let (mut word, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for count in self.counts.iter().skip(1) {
            word = word << 1 | bits.take(1)?;
            let count = usize::from(*count);
            if word - first < count {
                return self.symbols.get(index + word - first).copied();
            }
            index += count;
            first = (first + count) << 1;
        }
        None
    }
}

/// Bits, the uppermost first, of words that are read ahead. Bytes that stand
/// alone come after the words that have been read.
pub(super) struct Bits<'i, 'a> {
    pub(super) input: &'i mut Input<'a>,
    buffer: u32,
    /// How many there are beyond 16.
    ahead: u32,
}

impl<'i, 'a> Bits<'i, 'a> {
    pub(super) fn new(input: &'i mut Input<'a>) -> Option<Self> {
        let (first, second) = (input.u16()?, input.u16()?);
        Some(Self {
            input,
            buffer: u32::from(first) << 16 | u32::from(second),
            ahead: 16,
        })
    }

    /// The next bits, 15 at the most.
    pub(super) fn take(&mut self, count: u32) -> Option<usize> {
        let taken = self.buffer.checked_shr(32 - count).unwrap_or(0);
        self.buffer <<= count;
        if let Some(ahead) = self.ahead.checked_sub(count) {
            self.ahead = ahead;
        } else {
            // At the end of the input there are words that nothing needs.
            let missing = count - self.ahead;
            let word = self.input.u16().unwrap_or(0);
            self.buffer |= u32::from(word) << missing;
            self.ahead = 16 - missing;
        }
        usize::try_from(taken).ok()
    }
}
