//! Contexts that go to another process before they are used: exported, sealed, opened, imported.

use crate::bench::{NOW, TurnClock};
use gss_acceptor::backends::rust_importer;
use gss_acceptor::{Clock, Context, ContextImporter, SealingKey};
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
