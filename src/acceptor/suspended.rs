//! Handshakes that go on in another process. What is sealed, version 1:
//!
//! | what | |
//! |---|---|
//! | version | 1 byte |
//! | fingerprint | 32 bytes: of the configuration |
//! | began | a time: from here the handshake's age counts |
//! | end | a time: nobody goes on with it later, and until then it is remembered that somebody has |
//! | legs | 4 bytes: how many tokens it has taken |
//! | bindings | may be missing: 32 bytes, SHA-256 of the channel's |
//! | state | the backend's own, with a version of its own |

use std::time::SystemTime;

use super::{Acceptor, KnownBindings, Progress, State};
use crate::backends::Exchange;
use crate::config::{AcceptorConfig, HalfOpenSlot, Handle};
use crate::encoding::{Reader, Writer};
use crate::error::{Error, Misuse, Rejection, Sealed, SealedProblem};
use crate::once;
use crate::replay::ReplayEntry;
use crate::reply::Reply;
use crate::sealing::SealingKey;

const VERSION: u8 = 1;

impl Acceptor {
    /// Takes a handshake that is half done out of this process, so that any
    /// node of a cluster can go on with it ([`resume`](Self::resume)): the
    /// legs of one handshake then need not come to one node. Call it after a
    /// [`Step::Continue`](super::Step::Continue). It is no longer half open
    /// here.
    ///
    /// What is given is sealed, and may be left with the client or in a cache.
    /// It is good for one resumption, under a configuration that decides
    /// alike, until the handshake is too old
    /// ([`Limits::max_age`](crate::Limits::max_age)).
    ///
    /// # Errors
    ///
    /// [`Misuse::NotConfigured`] without
    /// [`suspendable`](crate::ConfigBuilder::suspendable),
    /// [`Misuse::NotSuspended`] for a handshake that has not begun, or that
    /// goes by credentials which came with a step or from the prompt.
    pub fn suspend(self, key: &SealingKey) -> Result<Vec<u8>, Error> {
        let fingerprint = fingerprint(&self.config)?;
        let exchange = match self.state {
            State::Awaiting { exchange, slot } => {
                drop(slot);
                exchange
            }
            State::Fresh => return Err(not_suspended("it has not begun; make a new Acceptor")),
            State::Ended => return Err(Misuse::StepAfterEnd.into()),
        };
        let Progress {
            legs,
            began,
            bindings,
            credentials,
            retry: _,
        } = self.progress;
        if credentials.is_some() {
            return Err(not_suspended(
                "it goes by credentials that came with a step",
            ));
        }
        let mut writer = Writer::new();
        writer.u8(VERSION);
        writer.raw(&fingerprint);
        let began = began.unwrap_or_else(|| self.config.clock().now());
        writer.time(began);
        writer.time(end_of(&self.config, began).ok_or_else(too_old)?);
        writer.u32(legs);
        writer.option(bindings.digest(), |writer, digest| writer.raw(&digest));
        writer.bytes(exchange.suspend()?.expose());
        key.seal(Sealed::Handshake, &writer.finish())
    }

    /// Takes up a handshake where [`suspend`](Self::suspend) left it, in this
    /// process or another. Every step is then held to the limits of one
    /// handshake: age and legs go on, channel bindings are the same as before.
    /// Waits where the configuration's replay store does.
    ///
    /// # Errors
    ///
    /// [`Rejection::Sealed`], with a [`SealedProblem`] for each reason;
    /// [`Unavailability::TooManyHandshakes`](crate::Unavailability::TooManyHandshakes);
    /// the replay store's.
    pub fn resume(config: &AcceptorConfig, key: &SealingKey, sealed: &[u8]) -> Result<Self, Error> {
        let (acceptor, checked) = take_up(config, key, sealed)?;
        checked.wait().map(|()| acceptor)
    }

    /// As [`resume`](Self::resume), without blocking, on any runtime.
    ///
    /// # Errors
    ///
    /// See [`resume`](Self::resume).
    pub async fn resume_async(
        config: &AcceptorConfig,
        key: &SealingKey,
        sealed: &[u8],
    ) -> Result<Self, Error> {
        let (acceptor, checked) = take_up(config, key, sealed)?;
        match checked {
            Reply::Now(checked) => checked,
            Reply::Later(future) => future.await,
        }?;
        Ok(acceptor)
    }
}

/// Everything but whether it was resumed before, which comes last: what is
/// refused for another reason is not used up.
fn take_up(
    config: &AcceptorConfig,
    key: &SealingKey,
    sealed: &[u8],
) -> Result<(Acceptor, Reply<Result<(), Error>>), Error> {
    let config = config.handle();
    let own = fingerprint(&config)?;
    let opened = key.open(Sealed::Handshake, sealed)?;
    let Content {
        fingerprint,
        progress,
        began,
        end,
        state,
    } = Content::read(opened.content.expose()).ok_or_else(|| refused(SealedProblem::Content))?;
    let now = config.clock().now();
    // Nodes may differ in how old a handshake may grow. Each holds it to its
    // own limit, but all remember it until the one end that is sealed: else
    // one that forgets sooner would let another take it up again.
    let own_end = end_of(&config, began).ok_or_else(|| refused(SealedProblem::Content))?;
    if now > end.min(own_end) {
        let end = end.min(own_end);
        return Err(refused(SealedProblem::Expired { end, now }));
    }
    if fingerprint != own {
        return Err(refused(SealedProblem::OtherConfig));
    }
    let exchange: Box<dyn Exchange> = config.backend().resume(state)?;
    let slot: HalfOpenSlot = config.take_slot()?;
    let entry = ReplayEntry::handshake(&opened.number, end, now).usable_since(began);
    let checked = config
        .replay_store()
        .check(entry)
        .map(|verdict| once::judge(Sealed::Handshake, verdict));
    let acceptor = Acceptor {
        config,
        state: State::Awaiting { exchange, slot },
        progress,
    };
    Ok((acceptor, checked))
}

/// What was sealed.
struct Content<'a> {
    fingerprint: [u8; 32],
    progress: Progress,
    began: SystemTime,
    end: SystemTime,
    state: &'a [u8],
}

impl<'a> Content<'a> {
    fn read(content: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        if reader.u8()? != VERSION {
            return None;
        }
        let fingerprint = reader.array()?;
        let began = reader.time()?;
        let end = reader.time()?;
        let legs = reader.u32()?;
        let bindings = match reader.option(Reader::array)? {
            None => KnownBindings::None,
            Some(digest) => KnownBindings::Digest(digest),
        };
        let state = reader.bytes()?;
        reader.finish()?;
        let progress = Progress {
            legs,
            began: Some(began),
            bindings,
            ..Progress::default()
        };
        Some(Self {
            fingerprint,
            progress,
            began,
            end,
            state,
        })
    }
}

fn fingerprint(config: &Handle) -> Result<[u8; 32], Error> {
    let setting = "suspendable";
    let own = config.fingerprint();
    own.ok_or_else(|| Misuse::NotConfigured { setting }.into())
}

/// The last moment of a handshake that began then.
fn end_of(config: &Handle, began: SystemTime) -> Option<SystemTime> {
    began.checked_add(config.limits().max_age)
}

fn too_old() -> Error {
    not_suspended("its age has no limit (`Limits::max_age`)")
}

fn not_suspended(problem: &'static str) -> Error {
    Misuse::NotSuspended { problem }.into()
}

fn refused(problem: SealedProblem) -> Error {
    let what = Sealed::Handshake;
    Rejection::Sealed { what, problem }.into()
}
