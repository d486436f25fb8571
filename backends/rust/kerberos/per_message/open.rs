//! What follows the header of a Wrap token, opened in place and held to the
//! header (RFC 4121 4.2.4).

use core::ops::Range;

use zeroize::Zeroize;

use super::super::crypto::{ChecksumKey, UsageKey};
use super::MessageError;
use super::header::{HEADER, Header};

/// Decrypts confounder, message, filler and header copy (RFC 4121 4.2.4).
pub(super) fn open_sealed(
    key: &UsageKey,
    header: &Header,
    bytes: &[u8; HEADER],
    body: &mut [u8],
) -> Result<Range<usize>, MessageError> {
    let plaintext = key.decrypt_in_place(body)?;
    let message = check_copy(header, bytes, plaintext).inspect_err(|_| plaintext.zeroize())?;
    let start = key.plaintext_at();
    Ok(start..start + message)
}

/// Compares the encrypted header copy with the header in front, and returns
/// the message's length.
fn check_copy(
    header: &Header,
    bytes: &[u8; HEADER],
    plaintext: &[u8],
) -> Result<usize, MessageError> {
    let (rest, copy) = plaintext
        .split_last_chunk::<HEADER>()
        .ok_or(MessageError::HeaderCopy)?;
    copied_header(header, bytes, copy)?;
    let found = header.extra_count;
    rest.len()
        .checked_sub(usize::from(found))
        .ok_or(MessageError::ExtraCount { found })
}

/// Holds the header in front to its encrypted copy. The copy's RRC is not
/// looked at: the one in front is outside the protection, since it may be
/// changed on the way.
pub(super) fn copied_header(
    header: &Header,
    bytes: &[u8; HEADER],
    copy: &[u8; HEADER],
) -> Result<(), MessageError> {
    if copy[4..6] != bytes[4..6] {
        let found = header.extra_count;
        return Err(MessageError::ExtraCount { found });
    }
    if copy[..4] != bytes[..4] || copy[8..] != bytes[8..] {
        return Err(MessageError::HeaderCopy);
    }
    Ok(())
}

/// Checks a message in the clear: the checksum covers it and the header with
/// EC and RRC zero (RFC 4121 4.2.4).
pub(super) fn open_signed(
    key: &ChecksumKey,
    header: &Header,
    bytes: &[u8; HEADER],
    body: &[u8],
) -> Result<Range<usize>, MessageError> {
    let found = header.extra_count;
    if found != checksum_count(key.len()) {
        return Err(MessageError::ExtraCount { found });
    }
    let (needed, length) = (HEADER + key.len(), HEADER + body.len());
    let end = body
        .len()
        .checked_sub(key.len())
        .ok_or(MessageError::TooShort {
            needed,
            found: length,
        })?;
    let (message, checksum) = body.split_at(end);
    // From the bytes received, since reserved flags are covered too.
    let mut signed = *bytes;
    signed[4..8].fill(0);
    key.verify(&[message, &signed], checksum)?;
    Ok(0..end)
}

/// EC of a message in the clear: the checksum's length.
pub(super) fn checksum_count(len: usize) -> u16 {
    u16::try_from(len).expect("a checksum of at most 24 bytes")
}
