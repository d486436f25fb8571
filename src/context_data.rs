//! An established context on its way to another process.
//!
//! # Format, version 1
//!
//! All numbers are big-endian; a list has its length in front. `encoding.rs`
//! says how lengths and times are written, `facts.rs` how facts are.
//!
//! | what | |
//! |---|---|
//! | version | 1 byte |
//! | backend | its name |
//! | after its end | 1 byte: [`ExpiredContexts`] |
//! | facts | who the client is, what was granted, until when |
//! | delegated | may be missing: a credential cache in MIT's FILE format |
//! | state | the backend's own, with a version of its own |

mod facts;

use core::fmt;

use crate::ccache::CredentialCache;
use crate::delegation::Delegated;
use crate::encoding::{Reader, Writer};
use crate::error::{Error, Misuse, Rejection, Sealed, SealedProblem};
use crate::facts::Facts;
use crate::sealing::{Opened, SealingKey};
use crate::secret::Secret;
use crate::time::ExpiredContexts;
use std::time::SystemTime;

pub(crate) use facts::{read_facts, write_facts};
// For backends that verify a PAC: a build without one has no use for them.
#[allow(unused_imports)]
pub(crate) use facts::{read_problem, write_problem};

/// The version of the format.
const VERSION: u8 = 1;
/// The longest name of a backend or of an audience that is read, in bytes.
const MAX_NAME: usize = 1024;

/// An established context outside of any process (`ContextData` of
/// `SpAcceptLsaModeContext`): what [`Context::export`](crate::Context::export)
/// leaves, and what a [`ContextImporter`](crate::ContextImporter) makes a
/// context of again, in a process that holds no credentials.
///
/// It holds the keys of the session, and nothing of the server's own. It is
/// wiped when dropped and prints nothing secret; it travels
/// [sealed](Self::seal).
pub struct ContextData {
    backend: String,
    facts: Box<Facts>,
    expired: ExpiredContexts,
    delegated: Option<Delegated>,
    state: Secret,
}

impl ContextData {
    /// For backends: a context's state as
    /// [`SecurityContext::export`](crate::backends::SecurityContext::export)
    /// gives it, and the facts that go with it. Without delegated credentials.
    #[must_use]
    pub fn new(backend: impl Into<String>, facts: Box<Facts>, state: Secret) -> Self {
        Self {
            backend: backend.into(),
            facts,
            expired: ExpiredContexts::Refuse,
            delegated: None,
            state,
        }
    }

    pub(crate) fn after_its_end(self, expired: ExpiredContexts) -> Self {
        Self { expired, ..self }
    }

    pub(crate) fn with_delegated(self, delegated: Option<Delegated>) -> Self {
        Self { delegated, ..self }
    }

    /// The backend that the context is of, by its name.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// What is known of the context: who the client is, what was granted.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The credentials that the client delegated, if they were asked for.
    #[must_use]
    pub fn delegated(&self) -> Option<&Delegated> {
        self.delegated.as_ref()
    }

    /// For backends: the state and the facts, to go on with. What of a context
    /// whose ticket has ended is for the facade.
    #[must_use]
    pub fn into_parts(self) -> (Box<Facts>, Option<Delegated>, Secret) {
        (self.facts, self.delegated, self.state)
    }

    pub(crate) fn expired_contexts(&self) -> ExpiredContexts {
        self.expired
    }

    /// Seals it for a process that has the same key and calls itself
    /// `audience`, until `not_after` by its clock: seconds, if it is sent at
    /// once. A piece of sealed data is for one import
    /// ([`ContextImporter`](crate::ContextImporter)).
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] for an audience of more than 1024 bytes or data
    /// of more than a megabyte; what [`insecure_to_bytes`] fails with.
    ///
    /// [`insecure_to_bytes`]: Self::insecure_to_bytes
    pub fn seal(
        &self,
        key: &SealingKey,
        audience: &str,
        not_after: SystemTime,
    ) -> Result<Vec<u8>, Error> {
        if audience.len() > MAX_NAME {
            let setting = "audience";
            let problem = "1024 bytes at the most";
            return Err(Misuse::OutOfRange { setting, problem }.into());
        }
        let mut writer = Writer::new();
        writer.time(not_after);
        writer.text(audience);
        self.write(&mut writer)?;
        key.seal(Sealed::Context, &writer.finish())
    }

    /// Opens what [`seal`](Self::seal) made: authenticated first, then held to
    /// audience and time. Whether it was opened before, the caller asks.
    pub(crate) fn open(
        key: &SealingKey,
        audience: &str,
        now: SystemTime,
        sealed: &[u8],
    ) -> Result<(Self, Ticket), Error> {
        let Opened { content, number } = key.open(Sealed::Context, sealed)?;
        let mut reader = Reader::new(content.expose());
        let end = reader.time().ok_or_else(unreadable)?;
        let meant = reader.text().ok_or_else(unreadable)?;
        if meant != audience {
            let meant = meant.into();
            return Err(refused(SealedProblem::OtherAudience { meant }));
        }
        if now > end {
            return Err(refused(SealedProblem::Expired { end, now }));
        }
        let data = Self::read(reader).ok_or_else(unreadable)?;
        Ok((data, Ticket { number, end }))
    }

    /// The context in the clear, for a way that nobody else can read or write:
    /// whoever reads the bytes has the session's keys, and whoever writes them
    /// says who the client is. Wiped when dropped.
    ///
    /// # Errors
    ///
    /// [`Misuse::Unsupported`] for delegated credentials that cannot leave the
    /// process; [`Unavailability::Ccache`](crate::Unavailability::Ccache) for
    /// ones that no credential cache can hold.
    pub fn insecure_to_bytes(&self) -> Result<Secret, Error> {
        let mut writer = Writer::new();
        self.write(&mut writer)?;
        Ok(writer.finish())
    }

    /// What [`insecure_to_bytes`](Self::insecure_to_bytes) gave. Nothing
    /// proves who wrote it, nor that it is read once.
    ///
    /// # Errors
    ///
    /// [`Rejection::Sealed`] with [`SealedProblem::Content`].
    pub fn insecure_from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(Reader::new(bytes)).ok_or_else(unreadable)
    }

    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let Self {
            backend,
            facts,
            expired,
            delegated,
            state,
        } = self;
        let cache = delegated.as_ref().map(cache_of).transpose()?;
        writer.u8(VERSION);
        writer.text(backend);
        writer.u8(match expired {
            ExpiredContexts::Refuse => 0,
            ExpiredContexts::GoOn => 1,
        });
        write_facts(writer, facts);
        writer.option(cache, |writer, cache| writer.bytes(cache.expose()));
        writer.bytes(state.expose());
        Ok(())
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        if reader.u8()? != VERSION {
            return None;
        }
        let backend = reader.text().filter(|name| name.len() <= MAX_NAME)?;
        let expired = match reader.u8()? {
            0 => ExpiredContexts::Refuse,
            1 => ExpiredContexts::GoOn,
            _ => return None,
        };
        let facts = read_facts(&mut reader)?;
        let cache = reader.option(Reader::bytes)?;
        let delegated = match cache {
            None => None,
            Some(bytes) => Some(Delegated::Kerberos(CredentialCache::parse(bytes).ok()?)),
        };
        let state = Secret::copy_from(reader.bytes()?);
        reader.finish()?;
        Some(Self {
            backend: backend.into(),
            facts: Box::new(facts),
            expired,
            delegated,
            state,
        })
    }
}

/// What makes a piece of sealed data the one that it is.
pub(crate) struct Ticket {
    pub(crate) number: [u8; 24],
    pub(crate) end: SystemTime,
}

/// What of delegated credentials can leave a process.
fn cache_of(delegated: &Delegated) -> Result<Secret, Error> {
    match delegated {
        Delegated::Kerberos(cache) => cache.to_bytes(),
    }
}

fn refused(problem: SealedProblem) -> Error {
    let what = Sealed::Context;
    Rejection::Sealed { what, problem }.into()
}

fn unreadable() -> Error {
    refused(SealedProblem::Content)
}

impl fmt::Debug for ContextData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextData")
            .field("backend", &self.backend)
            .field("peer", &self.facts.peer)
            .finish_non_exhaustive()
    }
}
