//! Who holds a configuration. A count of holders that all threads write to
//! makes each of them wait for the others, twice a handshake: on processors
//! whose cores are far apart that is a tenth of it, and more the more threads
//! there are. So there are several, and a thread keeps to one.

use core::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::Inner;
use crate::apart::Apart;
use crate::error::{Error, Unavailability};

/// A configuration as handshakes hold it, apart from the others with the count
/// of its holders.
pub(crate) struct Handle(Apart<Arc<Inner>>);

impl Handle {
    /// Counts a handshake that goes on after its first step, until the slot
    /// is dropped.
    pub(crate) fn take_slot(self: &Arc<Self>) -> Result<HalfOpenSlot, Error> {
        let limit = self.limits.max_half_open;
        self.half_open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .map_err(|_| Unavailability::TooManyHandshakes { limit })?;
        Ok(HalfOpenSlot(Arc::clone(self)))
    }
}

impl Deref for Handle {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// A half-done handshake, counted.
pub(crate) struct HalfOpenSlot(Arc<Handle>);

impl Drop for HalfOpenSlot {
    fn drop(&mut self) {
        self.0.half_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The handles of one configuration: room for a power of two of them. A thread
/// makes its own when it first needs one, among what else is the thread's:
/// beside what all of them read it would be in their way, as processors fetch
/// more than what they are asked for.
#[repr(align(128))] // As `Apart` is, and for the same reason.
pub(super) struct Handles {
    inner: Arc<Inner>,
    made: Box<[OnceLock<Arc<Handle>>]>,
}

impl Handles {
    pub(super) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
            made: (0..how_many()).map(|_| OnceLock::new()).collect(),
        }
    }

    /// What is configured, to be looked at.
    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// That of this thread.
    pub(super) fn own(&self) -> &Arc<Handle> {
        self.of(thread_number())
    }

    /// Threads whose numbers are a multiple of the handles apart share one.
    fn of(&self, thread: usize) -> &Arc<Handle> {
        let made = &self.made[thread & (self.made.len() - 1)];
        match made.get() {
            Some(handle) => handle,
            None => self.make(made),
        }
    }

    #[cold]
    fn make<'h>(&self, own: &'h OnceLock<Arc<Handle>>) -> &'h Arc<Handle> {
        own.get_or_init(|| Arc::new(Handle(Apart(Arc::clone(&self.inner)))))
    }
}

/// As many as threads run at a time, within reason.
fn how_many() -> usize {
    const MOST: usize = 64;
    /// The system says it by reading files.
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        threads.clamp(1, MOST).next_power_of_two()
    })
}

/// The number of this thread among those that have used a configuration.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::thread;

    use super::{Handle, how_many, thread_number};
    use crate::accounts::{MemoryAccounts, NtHash};
    use crate::backends::rust;
    use crate::config::{AcceptorConfig, Limits};
    use crate::{Acceptor, Mechanism, Ntlm};

    fn config(limits: Limits) -> AcceptorConfig {
        let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("Password"));
        AcceptorConfig::builder(rust(Ntlm::new(accounts)))
            .mechanisms(&[Mechanism::Ntlm])
            .limits(limits)
            .build()
            .unwrap()
    }

    /// Consecutive threads count in different places, each always in one.
    #[test]
    fn a_thread_counts_in_a_place_of_its_own() {
        let own = |_| thread::spawn(|| [thread_number(), thread_number()]);
        let threads: Vec<_> = (0..5).map(own).collect();
        let mut numbers: Vec<usize> = threads
            .into_iter()
            .map(|it| it.join().unwrap())
            .inspect(|[first, second]| assert_eq!(first, second))
            .map(|[number, _]| number)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 5);

        let config = config(Limits::default());
        let handles = &config.0;
        // None is there before a thread needs it, which makes its own.
        let made = || {
            handles
                .made
                .iter()
                .filter(|one| one.get().is_some())
                .count()
        };
        assert_eq!(made(), 0);
        for number in 1..=how_many() {
            let thread = || Arc::as_ptr(&config.handle()) as usize;
            let places = thread::scope(|scope| scope.spawn(|| [thread(), thread()]).join());
            let [first, second] = places.unwrap();
            assert_eq!(first, second);
            assert!((1..=number).contains(&made()));
        }
        for first in [0, 1, 77] {
            let places = (first..first + how_many()).map(|number| Arc::as_ptr(handles.of(number)));
            let different: HashSet<_> = places.map(|place| place as usize).collect();
            assert_eq!(different.len(), how_many());
        }
        // The pointers are as far apart as processors fetch.
        assert_eq!(align_of::<Handle>(), 128);
        let acceptor = Acceptor::new(&config);
        assert_eq!(Arc::strong_count(handles.own()), 2);
        drop(acceptor);
        assert_eq!(Arc::strong_count(handles.own()), 1);
    }

    /// A handshake keeps the configuration that it began with, and the last
    /// one takes it away.
    #[test]
    fn a_handshake_outlives_the_configuration_that_began_it() {
        let config = config(Limits::default());
        let inner = Arc::downgrade(&config.0.own().0);
        let acceptor = Acceptor::new(&config);
        drop(config);
        assert!(inner.upgrade().is_some());
        drop(acceptor);
        assert!(inner.upgrade().is_none());
    }

    /// Rule 40: the limit is that of the configuration, whoever counts.
    #[test]
    fn threads_share_the_limit_of_half_open_handshakes() {
        let most = 2 * how_many();
        let config = config(Limits {
            max_half_open: most,
            ..Limits::default()
        });
        let taken = thread::scope(|scope| {
            let threads: Vec<_> = (0..most + 3)
                .map(|_| scope.spawn(|| config.handle().take_slot()))
                .collect();
            let joined = threads.into_iter().map(|it| it.join().unwrap());
            joined.collect::<Vec<_>>()
        });
        assert_eq!(config.half_open(), most);
        let refused = taken.iter().filter(|slot| {
            slot.as_ref()
                .is_err_and(|error| error.to_string().contains("max_half_open"))
        });
        assert_eq!(refused.count(), 3);
        drop(taken);
        assert_eq!(config.half_open(), 0);
    }
}
