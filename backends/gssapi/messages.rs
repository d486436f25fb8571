//! Messages on an established context.

pub(super) mod sys;

use zeroize::Zeroize as _;

use self::sys::{Iov, Part};
use super::context::sys::Ctx;
use super::sys::Flavour;
use super::{NAME, status};
use crate::error::{Error, Misuse, Rejection};
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState, Sizes, Unwrapped};

/// Whether the order of messages is anybody's business.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Watched,
    Ignored,
}

pub(super) fn wrap(ctx: &mut Ctx, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
    let seal = protection == Protection::Confidentiality;
    let (token, sealed) = ctx
        .wrap(seal, data)
        .map_err(|status| status::of_call("wrap", &status))?;
    // RFC 2743 2.3.3: conf_state may be less than was asked for.
    if seal && !sealed {
        return Err(Misuse::Unsupported {
            backend: NAME,
            what: "sealed messages on this context",
        }
        .into());
    }
    Ok(token)
}

pub(super) fn unwrap(ctx: &mut Ctx, order: Order, token: &[u8]) -> Result<Unwrapped, Error> {
    let said = ctx
        .unwrap(token)
        .map_err(|status| status::of_call("wrap token", &status))?;
    let (data, sealed) = said.value;
    Ok(Unwrapped {
        data,
        protection: protection(sealed),
        sequence: sequence(ctx, said.supplementary, order)?,
    })
}

pub(super) fn verify(
    ctx: &mut Ctx,
    order: Order,
    data: &[u8],
    mic: &[u8],
) -> Result<SequenceState, Error> {
    let said = ctx
        .verify(data, mic)
        .map_err(|status| status::of_call("MIC token", &status))?;
    sequence(ctx, said.supplementary, order)
}

pub(super) fn protection(sealed: bool) -> Protection {
    if sealed {
        Protection::Confidentiality
    } else {
        Protection::Integrity
    }
}

/// RFC 2744 3.9.1, the supplementary bits; the graver one where there are two.
///
/// Heimdal looks at the sequence number before anything else and stops there:
/// what it says is not of an authentic message.
fn sequence(ctx: &Ctx, supplementary: u32, order: Order) -> Result<SequenceState, Error> {
    let has = |bit: u32| supplementary & bit != 0;
    if supplementary != 0 && ctx.gss().flavour == Flavour::Heimdal {
        return Err(Rejection::MessageAltered {
            problem: "it is not the next one, and the library checks no others",
        }
        .into());
    }
    Ok(match order {
        _ if has(2) => SequenceState::Duplicate,
        _ if has(4) => SequenceState::Old,
        Order::Watched if has(8) => SequenceState::Unsequenced,
        Order::Watched if has(16) => SequenceState::Gap,
        _ => SequenceState::InOrder,
    })
}

/// Measured on the context, without sending anything.
pub(super) fn sizes(ctx: &Ctx, max_token: usize) -> Sizes {
    let sealed = around(ctx, Protection::Confidentiality);
    let integrity = around(ctx, Protection::Integrity);
    // A MIC is the header of an integrity-only message and its checksum.
    let signature = integrity.0 + integrity.1;
    Sizes::new(max_token, signature, 1, sealed, integrity).with_parts(
        header_part(ctx, Protection::Confidentiality),
        header_part(ctx, Protection::Integrity),
    )
}

fn seals(protection: Protection) -> bool {
    protection == Protection::Confidentiality
}

/// What a token has before and behind its data.
fn around(ctx: &Ctx, protection: Protection) -> (usize, usize) {
    let (mut header, mut data, mut padding, mut trailer) = ([], [], [], []);
    let mut parts = [
        Iov::of(Part::Header, &mut header),
        Iov::of(Part::Data, &mut data),
        Iov::of(Part::Padding, &mut padding),
        Iov::of(Part::Trailer, &mut trailer),
    ];
    if let Some(Ok(())) = ctx.iov_length(seals(protection), &mut parts) {
        let [header, _, padding, trailer] = parts.map(|part| part.length());
        return (header, padding + trailer);
    }
    // What the library says of a token of 64 KiB holds of all.
    let limit = ctx.size_limit(seals(protection), 1 << 16).unwrap_or(0);
    ((1 << 16) - usize::try_from(limit).unwrap_or(0), 0)
}

/// How long the header is where it holds all that is added; 0 where there
/// are no messages in parts.
fn header_part(ctx: &Ctx, protection: Protection) -> usize {
    let (mut header, mut data) = ([], []);
    let mut parts = [
        Iov::of(Part::Header, &mut header),
        Iov::of(Part::Data, &mut data),
    ];
    match ctx.iov_length(seals(protection), &mut parts) {
        Some(Ok(())) => parts.first().map_or(0, Iov::length),
        _ => 0,
    }
}

/// Protects parts where they lie.
pub(super) fn wrap_parts(
    ctx: &mut Ctx,
    protection: Protection,
    parts: &mut [MessagePart<'_>],
) -> Result<PartsUsed, Error> {
    let needed = header_part(ctx, protection);
    let has = header_room(parts)?;
    if needed == 0 {
        return Err(no_parts());
    }
    if has < needed {
        return Err(Misuse::BufferTooSmall { needed, has }.into());
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

/// Reverses it.
pub(super) fn unwrap_parts(
    ctx: &mut Ctx,
    order: Order,
    parts: &mut [MessagePart<'_>],
) -> Result<(Protection, SequenceState), Error> {
    let length = header_room(parts)?;
    let (mut iov, ..) = described(parts, length);
    let said = ctx.unwrap_iov(&mut iov).ok_or_else(no_parts)?;
    let result = said
        .map_err(|status| status::of_call("wrap token", &status))
        .and_then(|said| Ok((said.value, sequence(ctx, said.supplementary, order)?)));
    drop(iov);
    match result {
        Ok((sealed, sequence)) => Ok((protection(sealed), sequence)),
        Err(error) => {
            // What was decrypted before the check failed is nobody's.
            for part in parts {
                if let MessagePart::Data(bytes) = part {
                    bytes.zeroize();
                }
            }
            Err(error)
        }
    }
}

/// The length of the header part, of which there must be one.
fn header_room(parts: &[MessagePart<'_>]) -> Result<usize, Error> {
    let mut headers = parts.iter().filter_map(|part| match part {
        MessagePart::Header(bytes) => Some(bytes.len()),
        _ => None,
    });
    match (headers.next(), headers.next()) {
        (Some(length), None) => Ok(length),
        _ => Err(Misuse::Parts {
            problem: "one of them, and no more, must be the header",
        }
        .into()),
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
