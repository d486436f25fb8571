//! Handshakes on tokio.
//!
//! With the rust backend and what it needs in memory, a step never waits, and
//! runs where it is awaited. What may block (a system's library, a directory
//! of accounts, a replay store elsewhere:
//! [`AcceptorConfig::may_block`]) runs on tokio's blocking threads: so many at
//! once, so many waiting for one, and each within a deadline.
//!
//! ```
//! use gss_acceptor::tokio::{AsyncAcceptor, Handshakes};
//! # use gss_acceptor::{AcceptorConfig, Step, backends, testing::Realm};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Realm::new("EXAMPLE.TEST").service("HTTP/localhost")?;
//! # let config = AcceptorConfig::builder(backends::rust(service.keytab())).build()?;
//! # let token = service.client("alice").token()?;
//! let handshakes = Handshakes::new(&config); // one for the server
//!
//! let mut acceptor = AsyncAcceptor::new(&handshakes); // one for each client
//! let Step::Established { context, .. } = acceptor.step(&token).await? else { panic!() };
//! assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
//! # Ok(()) }
//! ```
//!
//! A future that is dropped leaves nothing behind: the handshake has ended,
//! and what a blocking thread still does for it is thrown away when it is
//! done. That thread counts until then.

mod parked;
#[cfg(test)]
mod tests;

pub use parked::Parked;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tokio::sync::Semaphore;
use ::tokio::task::AbortHandle;

use crate::error::{Error, Misuse, Unavailability};
use crate::token::StepInput;
use crate::{Acceptor, AcceptorConfig, Failure, Step};
use parked::Table;

/// The handshakes of a server: a configuration, the threads that its steps
/// may block, and the half-open handshakes that are kept between requests.
/// Cheap to clone; one for the life of the server.
#[derive(Clone)]
pub struct Handshakes(Arc<Shared>);

struct Shared {
    config: AcceptorConfig,
    threads: Arc<Semaphore>,
    /// Those that wait for one of the threads, and those that have one.
    steps: AtomicUsize,
    limits: StepLimits,
    parked: Mutex<Table>,
}

/// What steps that block may cost a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepLimits {
    /// How many run at once. A step that outlives its deadline counts until
    /// it ends.
    pub blocking_threads: usize,
    /// How many more may wait for their turn; the next one is refused.
    pub waiting: usize,
    /// How long a step may take, its wait included.
    pub deadline: Duration,
}

impl Default for StepLimits {
    fn default() -> Self {
        Self {
            blocking_threads: 64,
            waiting: 1024,
            deadline: Duration::from_secs(10),
        }
    }
}

impl StepLimits {
    /// With so many blocking threads.
    #[must_use]
    pub fn blocking_threads(mut self, count: usize) -> Self {
        self.blocking_threads = count;
        self
    }

    /// With so many waiting.
    #[must_use]
    pub fn waiting(mut self, count: usize) -> Self {
        self.waiting = count;
        self
    }

    /// With this deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl Handshakes {
    /// The handshakes of a configuration, with the usual limits.
    #[must_use]
    pub fn new(config: &AcceptorConfig) -> Self {
        Self::with_limits(config, StepLimits::default())
    }

    /// With limits of their own. No thread at all is one.
    #[must_use]
    pub fn with_limits(config: &AcceptorConfig, limits: StepLimits) -> Self {
        let threads = limits.blocking_threads.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            config: config.clone(),
            threads: Arc::new(Semaphore::new(threads)),
            steps: AtomicUsize::new(0),
            limits,
            parked: Mutex::new(Table::default()),
        }))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &AcceptorConfig {
        &self.0.config
    }

    /// Keeps a handshake until its next token arrives, for protocols that have
    /// no task for it meanwhile, such as HTTP.
    ///
    /// At most [`Limits::max_half_open`](crate::Limits) are kept, each for
    /// [`Limits::max_age`](crate::Limits) (rule 40). When there are too many
    /// the **oldest** goes: clients that begin handshakes and vanish then push
    /// each other out, while one that answers within moments comes in.
    pub fn park(&self, acceptor: AsyncAcceptor) -> Parked {
        Parked::new(self, acceptor)
    }

    /// How many are kept.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.table().len()
    }

    /// How many steps hold a blocking thread or wait for one.
    #[must_use]
    pub fn blocking_steps(&self) -> usize {
        self.0.steps.load(Ordering::Acquire)
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        // Nothing in there panics half-way; a poisoned table is a whole one.
        self.0
            .parked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// On a blocking thread, in its turn and in time.
    async fn step_elsewhere(
        &self,
        mut acceptor: Acceptor,
        input: StepInput<'_>,
    ) -> Result<(Result<Step, Failure>, Acceptor), Error> {
        let input = OwnedInput::of(input);
        self.blocking(move || {
            let result = acceptor.step_with(input.borrow());
            (result, acceptor)
        })
        .await
    }

    /// Runs something else that may block, such as looking up a password, as
    /// steps that may block are run: in its turn, and in time. If the future
    /// is dropped, what `work` gives is thrown away.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Overloaded`], [`Unavailability::Late`], and
    /// [`Unavailability::Internal`] if `work` panics.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let counted = self.count()?;
        let shared = &self.0;
        let work = async {
            let threads = Arc::clone(&shared.threads);
            let permit = threads.acquire_owned().await;
            let task = ::tokio::task::spawn_blocking(move || {
                // Both are given back when the work has ended, whoever still
                // waits for it.
                let _held = (permit, counted);
                work()
            });
            // What waits in tokio's queue need not begin any more.
            let _abort = AbortOnDrop(task.abort_handle());
            task.await
        };
        let after = shared.limits.deadline;
        match ::tokio::time::timeout(after, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(Unavailability::Internal {
                operation: "a step on a blocking thread",
            }
            .into()),
            Err(_) => Err(Unavailability::Late { after }.into()),
        }
    }

    /// Counts a step, until the guard is dropped.
    fn count(&self) -> Result<Counted, Error> {
        let limits = &self.0.limits;
        let most = limits
            .blocking_threads
            .max(1)
            .saturating_add(limits.waiting);
        let counted = self
            .0
            .steps
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                (count < most).then_some(count + 1)
            });
        match counted {
            Ok(_) => Ok(Counted(Arc::clone(&self.0))),
            Err(_) => Err(Unavailability::Overloaded {
                limit: limits.waiting,
            }
            .into()),
        }
    }
}

impl core::fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handshakes")
            .field("config", &self.0.config)
            .field("limits", &self.0.limits)
            .field("parked", &self.parked())
            .finish_non_exhaustive()
    }
}

struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.steps.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One handshake with one client, as [`Acceptor`], whose steps are awaited.
#[derive(Debug)]
pub struct AsyncAcceptor {
    handshakes: Handshakes,
    /// Gone while a step is under way, and after one that was given up.
    acceptor: Option<Acceptor>,
}

impl AsyncAcceptor {
    /// A handshake that awaits its first token.
    #[must_use]
    pub fn new(handshakes: &Handshakes) -> Self {
        Self {
            handshakes: handshakes.clone(),
            acceptor: Some(Acceptor::new(handshakes.config())),
        }
    }

    /// Takes the client's token; the short form of
    /// [`step_with`](Self::step_with).
    ///
    /// # Errors
    ///
    /// See [`step_with`](Self::step_with).
    pub async fn step(&mut self, token: &[u8]) -> Result<Step, Failure> {
        self.step_with(StepInput::new(token)).await
    }

    /// Takes the client's token and what the server knows besides. If the
    /// future is dropped before it is done, the handshake is over.
    ///
    /// # Errors
    ///
    /// As [`Acceptor::step_with`]; besides, where steps may block,
    /// [`Unavailability::Overloaded`] and [`Unavailability::Late`].
    pub async fn step_with(&mut self, input: StepInput<'_>) -> Result<Step, Failure> {
        let Some(mut acceptor) = self.acceptor.take() else {
            return Err(Error::from(Misuse::StepAfterEnd).into());
        };
        self.handshakes.make_room();
        let (result, acceptor) = if self.handshakes.config().may_block() {
            // In a place of its own: steps that never wait would carry its room.
            Box::pin(self.handshakes.step_elsewhere(acceptor, input)).await?
        } else {
            (acceptor.step_async(input).await, acceptor)
        };
        self.acceptor = Some(acceptor);
        result
    }

    /// After a [`Step::Continue`] that asks the client to try once more: what
    /// was wrong with its token. See [`Acceptor::retry_reason`].
    #[must_use]
    pub fn retry_reason(&self) -> Option<&Error> {
        self.acceptor.as_ref().and_then(Acceptor::retry_reason)
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The input of a step, for another thread.
struct OwnedInput {
    token: Vec<u8>,
    bindings: Option<crate::ChannelBindings>,
    credentials: Option<crate::CredentialHandle>,
    peer_address: Option<std::net::IpAddr>,
}

impl OwnedInput {
    fn of(input: StepInput<'_>) -> Self {
        Self {
            token: input.token.to_vec(),
            bindings: input.channel_bindings.cloned(),
            credentials: input.credentials.cloned(),
            peer_address: input.peer_address,
        }
    }

    fn borrow(&self) -> StepInput<'_> {
        let mut input = StepInput::new(&self.token);
        input.channel_bindings = self.bindings.as_ref();
        input.credentials = self.credentials.as_ref();
        input.peer_address = self.peer_address;
        input
    }
}
