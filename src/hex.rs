//! Bytes written as hexadecimal digits, for tests.

/// The bytes. Whitespace between the digits is for the eye.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits = text.chars().filter(|c| !c.is_ascii_whitespace());
    let digits: Vec<u32> = digits.map(|c| c.to_digit(16).unwrap()).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte: {text}");
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}
