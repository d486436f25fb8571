//! Contexts that go to another process before they are used: exported, sealed, opened, imported.
//! Handshakes that go to another after every leg: suspended, resumed.

use crate::bench::{NOW, TurnClock};
use gss_acceptor::backends::{
    Backend, BackendDescription, Exchange, Outcome, PreparedBackend, Settings, rust_importer,
};
use gss_acceptor::{
    Ability, Capabilities, Clock, Context, ContextImporter, CredentialHandle, Credentials, Error,
    Mechanism, Reply, SealingKey, Secret, StepInput,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

thread_local! {
    /// The clock of the test that runs on this thread, if its contexts are to be moved.
    static MOVING: RefCell<Option<Arc<TurnClock>>> = const { RefCell::new(None) };
}

/// Moves every context that this thread's test establishes from now on.
pub fn move_contexts() {
    clock_is(&Arc::new(TurnClock::at(NOW)));
}

/// Tells which clock the other process has.
pub(crate) fn clock_is(clock: &Arc<TurnClock>) {
    MOVING.with(|moving| moving.replace(Some(Arc::clone(clock))));
}

/// Whether contexts are moved.
pub(crate) fn is_moving() -> bool {
    MOVING.with(|moving| moving.borrow().is_some())
}

/// The key that both processes have.
pub fn key() -> SealingKey {
    let bytes: Vec<u8> = (0..32).collect();
    SealingKey::from_bytes(&bytes).expect("a key")
}

/// What the other process has instead of credentials.
pub fn importer(key: SealingKey) -> ContextImporter {
    ContextImporter::new(key, "suite").with(rust_importer())
}

/// The context as it is used: in the other process, where contexts are moved.
pub fn used(context: Context) -> Context {
    let Some(clock) = MOVING.with(|moving| moving.borrow().clone()) else {
        return context;
    };
    let before = format!("{context:?}");
    let data = context.export_with_delegated().expect("exports");
    let not_after = clock.now() + Duration::from_secs(60);
    let sealed = data.seal(&key(), "suite", not_after).expect("seals");
    let importer = importer(key()).clock(clock as Arc<dyn Clock>);
    let context = importer.import(&sealed).expect("imports");
    assert_eq!(format!("{context:?}"), before);
    context
}

/// A backend whose handshakes go to another process after every leg.
pub struct Moving<B>(pub B);

impl<B: Backend> Backend for Moving<B> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        self.0.authorizes(mechanism)
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        let inner = Box::new(self.0).prepare(settings)?;
        Ok(Box::new(MovingPrepared(Arc::from(inner))))
    }
}

struct MovingPrepared(Arc<dyn PreparedBackend>);

impl PreparedBackend for MovingPrepared {
    fn describe(&self) -> BackendDescription {
        self.0.describe()
    }

    fn begin(&self) -> Box<dyn Exchange> {
        MovingExchange::around(self.0.begin(), &self.0)
    }

    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        self.0.acquire(credentials)
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.0.fingerprint()
    }

    fn resume(&self, state: &[u8]) -> Result<Box<dyn Exchange>, Error> {
        Ok(MovingExchange::around(self.0.resume(state)?, &self.0))
    }
}

struct MovingExchange {
    inner: Box<dyn Exchange>,
    backend: Arc<dyn PreparedBackend>,
}

impl MovingExchange {
    fn around(inner: Box<dyn Exchange>, backend: &Arc<dyn PreparedBackend>) -> Box<dyn Exchange> {
        let backend = Arc::clone(backend);
        Box::new(Self { inner, backend })
    }
}

impl Exchange for MovingExchange {
    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let Self { inner, backend } = *self;
        inner.step(input).map(move |outcome| match outcome {
            Outcome::Continue { token, next, retry } => {
                let resumed = next.suspend().and_then(|state| {
                    let cut = &state.expose()[..state.len() - 1];
                    assert!(backend.resume(cut).is_err(), "cut off");
                    let longer = [state.expose(), &[0]].concat();
                    assert!(backend.resume(&longer).is_err(), "longer");
                    backend.resume(state.expose())
                });
                match resumed {
                    Ok(next) => Outcome::Continue {
                        token,
                        next: MovingExchange::around(next, &backend),
                        retry,
                    },
                    Err(error) => Outcome::fail(error),
                }
            }
            other => other,
        })
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        self.inner.abandon()
    }

    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.inner.suspend()
    }
}
