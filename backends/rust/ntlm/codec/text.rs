//! Names in messages (MS-NLMP 2.2.2.6): UTF-16, or the client's code page.

use super::{Decoded, Flags, bad};

/// The longest name, in bytes: a user principal name has up to 1024
/// characters in Active Directory's schema.
const MAX_NAME: usize = 2048;

/// A name: as the units that cryptography wants, and as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) units: Vec<u16>,
    pub(crate) text: String,
}

impl Text {
    pub(super) fn decode(bytes: &[u8], flags: Flags, field: &'static str) -> Decoded<Self> {
        const PART: &str = "AUTHENTICATE";
        if bytes.len() > MAX_NAME {
            return Err(bad(PART, field, 0));
        }
        let units: Vec<u16> = if flags.contains(Flags::UNICODE) {
            let pairs = bytes.chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return Err(bad(PART, field, 0));
            }
            pairs
                .map(|pair| {
                    pair.iter()
                        .rev()
                        .fold(0, |all, &b| (all << 8) | u16::from(b))
                })
                .collect()
        } else if bytes.is_ascii() {
            bytes.iter().copied().map(u16::from).collect()
        } else {
            // Which code page it is, nothing says; a guess could name
            // somebody else.
            return Err(bad(PART, field, 0));
        };
        // Half a surrogate pair has no text of its own, so two such names
        // would display as one.
        let text = String::from_utf16(&units).map_err(|_| bad(PART, field, 0))?;
        Ok(Self { units, text })
    }
}

/// UTF-16, little-endian.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
