//! Handshakes that go on in another process, version 1: 1 byte of version, 1
//! of what is awaited, and that state's own fields in the order in which it
//! writes them.
//!
//! No key of the server's is in them. In DCE style, and where a MIC is
//! awaited, there is the context that is about to be established, with what
//! the client delegated.

use std::sync::Arc;

use super::first::AwaitFirst;
use super::importer;
use super::kerberos::accept::{AwaitApReq, AwaitClientApRep};
use super::ntlm::accept::{AwaitAuthenticate, AwaitNegotiate};
use super::spnego::accept::{AwaitMechListMic, AwaitToken};
use super::{Held, Shared};
use crate::backends::{Exchange, SecurityContext};
use crate::ccache::CredentialCache;
use crate::context_data::{read_facts, write_facts};
use crate::delegation::Delegated;
use crate::encoding::{Reader, Writer};
use crate::error::{Error, Misuse, Rejection, Sealed, SealedProblem};
use crate::facts::Facts;
use crate::mechanism::Framing;
use crate::secret::Secret;

const VERSION: u8 = 1;

/// What a handshake awaits, by number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    First,
    ApReq,
    ClientApRep,
    Negotiate,
    Authenticate,
    Token,
    MechListMic,
}

const NUMBERS: [(u8, Awaits); 7] = [
    (1, Awaits::First),
    (2, Awaits::ApReq),
    (3, Awaits::ClientApRep),
    (4, Awaits::Negotiate),
    (5, Awaits::Authenticate),
    (6, Awaits::Token),
    (7, Awaits::MechListMic),
];

/// Writes a state that awaits this.
pub(super) fn save(
    awaits: Awaits,
    write: impl FnOnce(&mut Writer) -> Result<(), Error>,
) -> Result<Secret, Error> {
    let mut writer = Writer::new();
    writer.u8(VERSION);
    let number = NUMBERS.iter().find(|(_, one)| *one == awaits);
    writer.u8(number.map_or(0, |(number, _)| *number));
    write(&mut writer)?;
    Ok(writer.finish())
}

/// Whose state it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Anybody's: it is the whole handshake's.
    Any,
    /// A mechanism's, inside of a negotiation: never another negotiation's.
    Mechanism,
}

/// Takes a handshake up.
pub(super) fn resume(
    shared: &Arc<Shared>,
    state: &[u8],
    whose: Whose,
) -> Result<Box<dyn Exchange>, Error> {
    let mut reader = Reader::new(state);
    let exchange = restore(shared, &mut reader, whose).ok_or_else(unreadable)??;
    reader.finish().ok_or_else(unreadable)?;
    Ok(exchange)
}

/// `None` for what cannot be read.
type Restored<T> = Option<Result<T, Error>>;

fn restore(
    shared: &Arc<Shared>,
    reader: &mut Reader<'_>,
    whose: Whose,
) -> Restored<Box<dyn Exchange>> {
    if reader.u8()? != VERSION {
        return None;
    }
    let number = reader.u8()?;
    let (_, awaits) = NUMBERS.iter().find(|(one, _)| *one == number)?;
    let mechanism = !matches!(awaits, Awaits::First | Awaits::Token | Awaits::MechListMic);
    if whose == Whose::Mechanism && !mechanism {
        return None;
    }
    let exchange: Box<dyn Exchange> = match awaits {
        Awaits::First => Box::new(AwaitFirst::after_hints(Held::Own(Arc::clone(shared)))),
        Awaits::ApReq => match AwaitApReq::restore(reader, shared)? {
            Ok(state) => Box::new(state),
            Err(error) => return Some(Err(error)),
        },
        Awaits::ClientApRep => Box::new(AwaitClientApRep::restore(reader)?),
        Awaits::Negotiate => Box::new(AwaitNegotiate::new(
            Arc::clone(shared),
            read_framing(reader)?,
        )),
        Awaits::Authenticate => Box::new(AwaitAuthenticate::restore(reader, shared)?),
        Awaits::Token => match AwaitToken::restore(reader, shared)? {
            Ok(state) => Box::new(state),
            Err(error) => return Some(Err(error)),
        },
        Awaits::MechListMic => Box::new(AwaitMechListMic::restore(reader, shared)?),
    };
    Some(Ok(exchange))
}

pub(super) fn write_framing(writer: &mut Writer, framing: Framing) {
    writer.flag(framing == Framing::Spnego);
}

pub(super) fn read_framing(reader: &mut Reader<'_>) -> Option<Framing> {
    Some(if reader.flag()? {
        Framing::Spnego
    } else {
        Framing::Raw
    })
}

/// A context that nobody may use yet, with everything that belongs to it.
pub(super) fn write_context(
    writer: &mut Writer,
    context: Box<dyn SecurityContext>,
    facts: &Facts,
) -> Result<(), Error> {
    let cache = match context.delegated() {
        None => None,
        Some(Delegated::Kerberos(cache)) => Some(cache.to_bytes()?),
    };
    write_facts(writer, facts);
    writer.option(cache, |writer, cache| writer.bytes(cache.expose()));
    writer.bytes(context.export()?.expose());
    Ok(())
}

pub(super) fn read_context(
    reader: &mut Reader<'_>,
) -> Option<(Box<dyn SecurityContext>, Box<Facts>)> {
    let facts = Box::new(read_facts(reader)?);
    let delegated = match reader.option(Reader::bytes)? {
        None => None,
        Some(cache) => Some(Delegated::Kerberos(CredentialCache::parse(cache).ok()?)),
    };
    let context = importer::restore(reader.bytes()?, delegated)?;
    Some((context, facts))
}

fn unreadable() -> Error {
    refused(SealedProblem::Content)
}

/// This process is not one that could go on.
pub(super) fn other_config() -> Error {
    refused(SealedProblem::OtherConfig)
}

fn refused(problem: SealedProblem) -> Error {
    let what = Sealed::Handshake;
    Rejection::Sealed { what, problem }.into()
}

pub(super) fn cannot(problem: &'static str) -> Error {
    Misuse::NotSuspended { problem }.into()
}
