//! Messages on an established context.

mod parts;
pub(super) mod sys;

pub(super) use self::parts::{unwrap_parts, wrap_parts};
use self::sys::{Iov, Part};
use super::context::sys::Ctx;
use super::sys::Flavour;
use super::{NAME, status};
use crate::error::{Error, Misuse, Rejection};
use crate::message::{Protection, SequenceState, Sizes, Unwrapped};

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
        parts::header(ctx, Protection::Confidentiality),
        parts::header(ctx, Protection::Integrity),
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
    (added(ctx, protection).unwrap_or(1 << 16), 0)
}

/// How much longer a token is than its data. What the library says of a token
/// of 64 KiB holds of all.
fn added(ctx: &Ctx, protection: Protection) -> Option<usize> {
    let limit = ctx.size_limit(seals(protection), 1 << 16)?;
    (1_usize << 16).checked_sub(usize::try_from(limit).ok()?)
}
