//! n-fold (RFC 3961 5.1): stretches or shrinks a string to a given length.

/// `n`-fold of `input`, where `n` is `8 * N` bits.
///
/// The input is repeated up to the least common multiple of both lengths, each
/// copy rotated right by 13 bits more than the one before; the result is cut
/// into pieces of `N` bytes, which are added up with end-around carry.
///
/// It is `const`, so that the constants of the usual key usages cost nothing
/// at run time.
///
/// # Panics
/// If `input` or the output is empty: n-fold is not defined there. Every
/// caller in this crate passes a constant or five bytes.
pub(super) const fn n_fold<const N: usize>(input: &[u8]) -> [u8; N] {
    assert!(!input.is_empty() && N > 0, "n-fold of or to nothing");
    let bits = input.len() * 8;
    let mut out = [0_u8; N];
    let mut carry = 0_u16;
    let mut position = lcm(input.len(), N);
    // From the last byte to the first, so that the carry of one piece's first
    // byte runs into the next piece's last one: that is the end-around carry.
    while position > 0 {
        position -= 1;
        let rotation = 13 * (position / input.len()) % bits;
        let bit = (8 * (position % input.len()) + bits - rotation) % bits;
        let pair = [input[bit / 8], input[(bit / 8 + 1) % input.len()]];
        let byte = (u16::from_be_bytes(pair) >> (8 - bit % 8)) & 0xff;
        carry = add(&mut out, position % N, byte + carry);
    }
    while carry > 0 {
        let mut index = N;
        while index > 0 && carry > 0 {
            index -= 1;
            carry = add(&mut out, index, carry);
        }
    }
    out
}

/// Adds to one byte and returns the carry.
const fn add<const N: usize>(out: &mut [u8; N], index: usize, value: u16) -> u16 {
    let sum = value + out[index] as u16;
    out[index] = sum.to_be_bytes()[1];
    sum >> 8
}

const fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
