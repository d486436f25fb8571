//! Contexts that another process has exported, taken up in this one.

use core::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::backends;
use crate::context::Context;
use crate::context_data::{ContextData, Ticket};
use crate::error::{Error, Rejection, Sealed, SealedProblem};
use crate::once;
use crate::replay::{MemoryReplayStore, ReplayEntry, ReplayStore};
use crate::reply::Reply;
use crate::sealing::SealingKey;
use crate::time::{Clock, SystemClock};

/// Takes up established contexts in a process that holds no credentials: the
/// one that talks to the network, while another has the keytab.
///
/// ```no_run
/// # fn serve(context: gss_acceptor::Context, key: gss_acceptor::SealingKey)
/// #     -> Result<(), gss_acceptor::Error> {
/// use std::time::{Duration, SystemTime};
/// use gss_acceptor::{ContextImporter, backends};
///
/// // The process with the keytab, when the client is in:
/// let not_after = SystemTime::now() + Duration::from_secs(30);
/// let sealed = context.export()?.seal(&key, "web", not_after)?;
///
/// // The other one:
/// let importer = ContextImporter::new(key, "web").with(backends::rust_importer());
/// let context = importer.import(&sealed)?;
/// println!("{}", context.peer());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct ContextImporter {
    key: SealingKey,
    audience: String,
    importers: Vec<Box<dyn backends::ContextImporter>>,
    clock: Option<Arc<dyn Clock>>,
    replay: Option<Arc<dyn ReplayStore>>,
    /// Asked unless there is another.
    own: Arc<dyn ReplayStore>,
}

impl ContextImporter {
    /// Opens what was sealed with `key` for `audience`. Without backends yet
    /// ([`with`](Self::with)).
    pub fn new(key: SealingKey, audience: impl Into<String>) -> Self {
        Self {
            key,
            audience: audience.into(),
            importers: Vec::new(),
            clock: None,
            replay: None,
            own: MemoryReplayStore::of_process(),
        }
    }

    /// Takes up contexts of this backend.
    pub fn with(mut self, importer: impl backends::ContextImporter + 'static) -> Self {
        self.importers.push(Box::new(importer));
        self
    }

    /// The clock, for what was sealed and for the contexts: the system's unless
    /// set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        // Its times would be none to the others of the process.
        self.own = Arc::new(MemoryReplayStore::new());
        self
    }

    /// Where it is remembered what was imported: a context that goes on in two
    /// places would use its sequence numbers twice. Unless set, in this
    /// process's memory; processes that share key and audience need a store
    /// that they share.
    pub fn replay_store(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Takes up a context that was [sealed](ContextData::seal). Waits where the
    /// replay store does.
    ///
    /// # Errors
    ///
    /// [`Rejection::Sealed`] with what is wrong; the replay store's.
    pub fn import(&self, sealed: &[u8]) -> Result<Context, Error> {
        let (context, checked) = self.start(sealed)?;
        checked.wait().map(|()| context)
    }

    /// As [`import`](Self::import), without blocking, on any runtime.
    ///
    /// # Errors
    ///
    /// See [`import`](Self::import).
    pub async fn import_async(&self, sealed: &[u8]) -> Result<Context, Error> {
        let (context, checked) = self.start(sealed)?;
        match checked {
            Reply::Now(checked) => checked,
            Reply::Later(future) => future.await,
        }?;
        Ok(context)
    }

    /// Takes up a context that came by a way that nobody else can read or
    /// write, as often as it is given.
    ///
    /// # Errors
    ///
    /// [`SealedProblem::OtherBackend`]; the backend's, for a state that is not
    /// its own.
    pub fn import_data(&self, data: ContextData) -> Result<Context, Error> {
        let mut importers = self.importers.iter();
        let importer = importers.find(|one| one.backend() == data.backend());
        let importer = importer.ok_or_else(|| {
            let backend = data.backend().into();
            refused(SealedProblem::OtherBackend { backend })
        })?;
        let clock = self.clock.clone();
        let expired = data.expired_contexts();
        let (facts, delegated, state) = data.into_parts();
        let inner = importer.import(state.expose())?;
        Ok(Context::imported(inner, facts, delegated, clock, expired))
    }

    /// Everything but the question whether it was here before, which comes
    /// last: what is refused for another reason is not used up.
    fn start(&self, sealed: &[u8]) -> Result<(Context, Reply<Result<(), Error>>), Error> {
        let now = self.now();
        let (data, ticket) = ContextData::open(&self.key, &self.audience, now, sealed)?;
        let context = self.import_data(data)?;
        Ok((context, self.check_first(&ticket, now)))
    }

    fn check_first(&self, ticket: &Ticket, now: SystemTime) -> Reply<Result<(), Error>> {
        let entry = ReplayEntry::context(&ticket.number, ticket.end, now);
        let verdict = self.replay.as_ref().unwrap_or(&self.own).check(entry);
        verdict.map(|verdict| once::judge(Sealed::Context, verdict))
    }

    fn now(&self) -> SystemTime {
        self.clock
            .as_ref()
            .map_or_else(|| SystemClock.now(), |clock| clock.now())
    }
}

fn refused(problem: SealedProblem) -> Error {
    let what = Sealed::Context;
    Rejection::Sealed { what, problem }.into()
}

impl fmt::Debug for ContextImporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backends: Vec<&str> = self.importers.iter().map(|one| one.backend()).collect();
        f.debug_struct("ContextImporter")
            .field("audience", &self.audience)
            .field("backends", &backends)
            .finish_non_exhaustive()
    }
}
