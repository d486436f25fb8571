//! Messages in parts: where they lie, or by way of a copy where the library
//! cannot.

use super::super::context::sys::Ctx;
use super::super::{NAME, status};
use super::sys::{Iov, Part};
use super::{Order, added, protection, seals, sequence};
use crate::backends::InPlace;
use crate::error::{Error, Misuse};
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState};
use crate::secret::Secret;

/// How long the header is, which holds all that is added; 0 where there are no
/// messages in parts.
pub(super) fn header(ctx: &Ctx, protection: Protection) -> usize {
    let header = own_header(ctx, protection).or_else(|| added(ctx, protection));
    header.unwrap_or(0)
}

/// The same, where the library does it in place.
fn own_header(ctx: &Ctx, protection: Protection) -> Option<usize> {
    let (mut header, mut data) = ([], []);
    let mut parts = [
        Iov::of(Part::Header, &mut header),
        Iov::of(Part::Data, &mut data),
    ];
    match ctx.iov_length(seals(protection), &mut parts) {
        Some(Ok(())) => parts.first().map(Iov::length).filter(|length| *length > 0),
        _ => None,
    }
}

/// Protects parts where they lie.
pub(in super::super) fn wrap_parts(
    ctx: &mut Ctx,
    protection: Protection,
    parts: &mut [MessagePart<'_>],
) -> Result<PartsUsed, Error> {
    let has = InPlace::header_room(parts)?;
    let own = own_header(ctx, protection);
    let needed = own.or_else(|| added(ctx, protection));
    let needed = needed.ok_or_else(no_parts)?;
    if has < needed {
        return Err(Misuse::BufferTooSmall { needed, has }.into());
    }
    if own.is_none() {
        return copied_out(ctx, protection, parts);
    }
    let (mut iov, header, padding) = described(parts, needed);
    let wrapped = ctx.wrap_iov(seals(protection), &mut iov);
    let sealed = wrapped
        .ok_or_else(no_parts)?
        .map_err(|status| status::of_call("wrap", &status))?;
    if seals(protection) && !sealed {
        return Err(no_parts());
    }
    let used = |index: Option<usize>| {
        let part = index.and_then(|index| iov.get(index));
        part.map_or(0, Iov::length)
    };
    Ok(PartsUsed::new(used(header), used(padding)))
}

/// GSS_S_UNAVAILABLE: the mechanism has no such call.
const UNAVAILABLE: u32 = 16 << 16;

/// Reverses it.
pub(in super::super) fn unwrap_parts(
    ctx: &mut Ctx,
    order: Order,
    parts: &mut [MessagePart<'_>],
) -> Result<(Protection, SequenceState), Error> {
    let length = InPlace::header_room(parts)?;
    let (mut iov, ..) = described(parts, length);
    let said = ctx.unwrap_iov(&mut iov);
    drop(iov);
    let result = match said {
        None => copied_in(ctx, order, parts),
        Some(Err(status)) if status.major == UNAVAILABLE => copied_in(ctx, order, parts),
        Some(Err(status)) => Err(status::of_call("wrap token", &status)),
        Some(Ok(said)) => sequence(ctx, said.supplementary, order)
            .map(|sequence| (protection(said.value), sequence)),
    };
    if result.is_err() {
        InPlace::wipe(parts);
    }
    result
}

/// The same by `gss_wrap`, for a library or mechanism that has no such call:
/// gss-ntlmssp, and macOS.
fn copied_out(
    ctx: &mut Ctx,
    protection: Protection,
    parts: &mut [MessagePart<'_>],
) -> Result<PartsUsed, Error> {
    let plain = gathered(parts, &Secret::default())?;
    let token = super::wrap(ctx, protection, plain.expose())?;
    let token = header_first(token, plain.len()).ok_or_else(no_parts)?;
    let (header, sealed) = token.split_at(token.len() - plain.len());
    let room = || Misuse::BufferTooSmall {
        needed: header.len(),
        has: 0,
    };
    for part in parts.iter_mut() {
        if let MessagePart::Header(bytes) = part {
            let place = bytes.get_mut(..header.len()).ok_or_else(room)?;
            place.copy_from_slice(header);
        }
    }
    scatter(parts, sealed);
    Ok(PartsUsed::new(header.len(), 0))
}

/// And by `gss_unwrap`.
fn copied_in(
    ctx: &mut Ctx,
    order: Order,
    parts: &mut [MessagePart<'_>],
) -> Result<(Protection, SequenceState), Error> {
    let header = parts.iter().find_map(|part| match part {
        MessagePart::Header(bytes) => Some(Secret::copy_from(bytes)),
        _ => None,
    });
    let header = header.unwrap_or_default();
    let length = header.len();
    let token = gathered(parts, &header)?;
    let message = super::unwrap(ctx, order, token.expose())?;
    let plain = Secret::from(message.data);
    if plain.len() != token.len() - length {
        return Err(Error::malformed("wrap token", "it has padding", None));
    }
    scatter(parts, plain.expose());
    Ok((message.protection, message.sequence))
}

/// All data behind what there is. Nothing that is only signed: `gss_wrap` has
/// no place for it.
fn gathered(parts: &[MessagePart<'_>], before: &Secret) -> Result<Secret, Error> {
    let mut all = vec![before.expose()];
    for part in parts {
        match part {
            MessagePart::Data(bytes) => all.push(bytes),
            MessagePart::SignOnly(bytes) if !bytes.is_empty() => return Err(no_parts()),
            _ => {}
        }
    }
    Ok(Secret::from(all.concat()))
}

fn scatter(parts: &mut [MessagePart<'_>], mut from: &[u8]) {
    for place in parts.iter_mut().filter_map(data) {
        let (own, rest) = from.split_at(place.len().min(from.len()));
        if let Some(place) = place.get_mut(..own.len()) {
            place.copy_from_slice(own);
        }
        from = rest;
    }
}

fn data<'p>(part: &'p mut MessagePart<'_>) -> Option<&'p mut [u8]> {
    match part {
        MessagePart::Data(bytes) => Some(bytes),
        _ => None,
    }
}

/// The same token with its data at the end. NTLM's has it there (MS-NLMP
/// 2.2.2.9); of RFC 4121's the part behind the header is rotated until it is
/// (4.2.5), which any receiver undoes. `None`: another token, or another
/// length.
fn header_first(mut token: Vec<u8>, data: usize) -> Option<Vec<u8>> {
    /// The header, and the confounder of an AES type (RFC 3962, RFC 8009).
    const HEADER: usize = 16;
    const CONFOUNDER: usize = 16;
    match token.get(..HEADER)? {
        [1, 0, 0, 0, ..] => (token.len() == HEADER + data).then_some(token),
        &[5, 4, flags, 0xFF, _, _, high, low, ..] => {
            let sealed = flags & 2 != 0;
            let before = if sealed { CONFOUNDER } else { 0 };
            let behind = token.len().checked_sub(HEADER + before + data)?;
            let count = u16::try_from(behind).ok()?.to_be_bytes();
            let rest = token.get_mut(HEADER..).filter(|rest| !rest.is_empty())?;
            let rotated = usize::from(u16::from_be_bytes([high, low])) % rest.len();
            rest.rotate_left(rotated);
            rest.rotate_right(behind);
            token.get_mut(6..8)?.copy_from_slice(&count);
            Some(token)
        }
        _ => None,
    }
}

/// The parts as the library takes them, and where header and padding are.
fn described<'p>(
    parts: &'p mut [MessagePart<'_>],
    header: usize,
) -> (Vec<Iov<'p>>, Option<usize>, Option<usize>) {
    let place = |wanted: fn(&MessagePart<'_>) -> bool| parts.iter().position(wanted);
    let at_header = place(|part| matches!(part, MessagePart::Header(_)));
    let at_padding = place(|part| matches!(part, MessagePart::Padding(_)));
    let describe = |part: &'p mut MessagePart<'_>| match part {
        MessagePart::Header(bytes) => {
            let used = header.min(bytes.len());
            Iov::of(Part::Header, bytes.split_at_mut(used).0)
        }
        MessagePart::Data(bytes) => Iov::of(Part::Data, bytes),
        MessagePart::SignOnly(bytes) => Iov::sign_only(bytes),
        MessagePart::Padding(bytes) => Iov::of(Part::Padding, bytes),
    };
    let iov = parts.iter_mut().map(describe).collect();
    (iov, at_header, at_padding)
}

fn no_parts() -> Error {
    Misuse::Unsupported {
        backend: NAME,
        what: "messages in parts, by this library or context",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::header_first;

    /// RFC 4121 4.2.4: header, then by RRC the checksum, which is 12 octets
    /// long and belongs behind the data.
    #[test]
    fn a_checksum_comes_before_the_data() {
        let header = |rrc: u8| [5, 4, 1, 0xFF, 0, 12, 0, rrc, 0, 0, 0, 0, 0, 0, 0, 9];
        let (data, sum) = (b"message".as_slice(), [7; 12].as_slice());
        let due = [&header(12), sum, data].concat();
        let plain = [&header(0), data, sum].concat();
        assert_eq!(header_first(plain, 7), Some(due.clone()));
        assert_eq!(header_first(due.clone(), 7), Some(due.clone()));
        // Rotated by more than there is.
        let twice = [&header(12 + 19), sum, data].concat();
        assert_eq!(header_first(twice, 7), Some(due));
    }

    /// Behind sealed data: the copy of the header, and 12 octets of the tag.
    #[test]
    fn sealed_data_comes_last() {
        let header = |rrc: u8| [5, 4, 3, 0xFF, 0, 0, 0, rrc, 0, 0, 0, 0, 0, 0, 0, 9];
        let confounder = [1; 16].as_slice();
        let (data, copy, tag) = (b"sealed".as_slice(), [2; 16].as_slice(), [3; 12].as_slice());
        let plain = [&header(0), confounder, data, copy, tag].concat();
        let due = [&header(28), copy, tag, confounder, data].concat();
        assert_eq!(header_first(plain, 6), Some(due));
    }

    /// MS-NLMP 2.2.2.9: sixteen octets of signature; anything else is not
    /// understood.
    #[test]
    fn other_tokens() {
        let signed = [&[1, 0, 0, 0][..], &[8; 12], b"data"].concat();
        assert_eq!(header_first(signed.clone(), 4), Some(signed.clone()));
        assert_eq!(header_first(signed, 5), None);
        for odd in [&b""[..], &[5; 40], &[0x60; 40], &[5, 4, 1, 0xFF]] {
            assert_eq!(header_first(odd.to_vec(), 4), None);
        }
        let short = [&[5, 4, 3, 0xFF][..], &[0; 20]].concat();
        assert_eq!(header_first(short, 20), None);
    }
}
