//! The frame of RFC 2743 3.1: around all per-message tokens of RFC 1964, and
//! understood around those of RFC 4121.

use super::MessageError;

/// Kerberos, as a whole DER element: the frame that we make.
const KRB5: [u8; 11] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02,
];

/// The mechanisms whose frame is understood besides: Microsoft's wrong spelling
/// of Kerberos, and the one of the first drafts.
const OTHERS: [&[u8]; 2] = [
    &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02,
    ],
    &[0x06, 0x05, 0x2b, 0x05, 0x01, 0x05, 0x02],
];

/// The first byte of a frame. No token id begins with it.
const TAG: u8 = 0x60;

/// The longest frame, in front of four gigabytes.
pub(super) const MAX_LENGTH: usize = 1 + 5 + KRB5.len();

/// Whether there is a frame around a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// The token itself begins here.
    Yes {
        /// The frame's length.
        at: usize,
    },
    /// The token begins with its id.
    No,
}

/// Reads the frame of a token, if there is one. Its length must be exact, that
/// of the bytes included which are `elsewhere`.
pub(super) fn parse(token: &[u8], elsewhere: usize) -> Result<Framed, MessageError> {
    let Some((&TAG, rest)) = token.split_first() else {
        return Ok(Framed::No);
    };
    let (&first, rest) = rest.split_first().ok_or(MessageError::Frame)?;
    let (length, inner) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, inner) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .ok_or(MessageError::Frame)?;
            let length = bytes
                .iter()
                .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
            (
                usize::try_from(length).map_err(|_| MessageError::Frame)?,
                inner,
            )
        }
        _ => return Err(MessageError::Frame),
    };
    if Some(length) != inner.len().checked_add(elsewhere) {
        return Err(MessageError::Frame);
    }
    core::iter::once(&KRB5[..])
        .chain(OTHERS)
        .find_map(|mechanism| inner.strip_prefix(mechanism))
        .map(|inner| Framed::Yes {
            at: token.len() - inner.len(),
        })
        .ok_or(MessageError::Frame)
}

/// The length of the frame in front of a token of this length.
pub(super) const fn length(token: usize) -> usize {
    let inner = token.saturating_add(KRB5.len());
    2 + long_form(inner) + KRB5.len()
}

/// Writes the frame of a token of this length into room of [`length`]. A
/// token has less than four gigabytes.
pub(super) fn write(room: &mut [u8], token: usize) {
    let inner = token.saturating_add(KRB5.len());
    let long = long_form(inner);
    let bytes = u32::try_from(inner).unwrap_or(u32::MAX).to_be_bytes();
    let [tag, first, rest @ ..] = room else {
        return;
    };
    *tag = TAG;
    let [.., low] = bytes;
    *first = match long {
        1 => 0x81,
        2 => 0x82,
        3 => 0x83,
        4.. => 0x84,
        0 => low,
    };
    let (length, oid) = rest.split_at_mut(long);
    length.copy_from_slice(&bytes[bytes.len() - long..]);
    oid.copy_from_slice(&KRB5);
}

/// How many bytes of length follow the first one (X.690 8.1.3.5).
const fn long_form(length: usize) -> usize {
    match length {
        0..0x80 => 0,
        0x80..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x100_0000 => 3,
        _ => 4,
    }
}
