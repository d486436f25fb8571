//! An answer that another thread will give.

// For what asks other processes: a build without has no use for it.
#![allow(dead_code)]

use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Reply;

/// The half that gives the answer. Dropped without having given one, it gives
/// what it was made with, so that nobody waits for ever.
pub(crate) struct Promise<T: Send + 'static> {
    state: Arc<Mutex<State<T>>>,
    broken: fn() -> T,
}

struct State<T> {
    answer: Option<T>,
    waker: Option<Waker>,
    answered: bool,
}

/// A promise, and the reply that waits for it. `broken` is the answer if the
/// promise is dropped.
pub(crate) fn promise<T: Send + 'static>(broken: fn() -> T) -> (Promise<T>, Reply<T>) {
    let state = Arc::new(Mutex::new(State {
        answer: None,
        waker: None,
        answered: false,
    }));
    let waiting = Arc::clone(&state);
    let reply = Reply::later(poll_fn(move |context| {
        let mut state = lock(&waiting);
        if let Some(answer) = state.answer.take() {
            return Poll::Ready(answer);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }));
    (Promise { state, broken }, reply)
}

impl<T: Send + 'static> Promise<T> {
    /// Gives the answer.
    pub(crate) fn fulfil(self, answer: T) {
        self.give(answer);
    }

    fn give(&self, answer: T) {
        let mut state = lock(&self.state);
        state.answered = true;
        state.answer = Some(answer);
        let waker = state.waker.take();
        // Whoever is woken takes the lock at once.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        if !lock(&self.state).answered {
            self.give((self.broken)());
        }
    }
}

/// Nothing here panics while it holds the lock, but a waker might.
fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::promise;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn the_answer_of_another_thread_is_waited_for() {
        let (promise, reply) = promise(|| 0);
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            promise.fulfil(7);
        });
        assert_eq!(reply.wait(), 7);
        other.join().unwrap();
    }

    #[test]
    fn a_promise_that_is_dropped_answers_too() {
        let (promise, reply) = promise(|| 3);
        drop(promise);
        assert_eq!(reply.wait(), 3);
    }
}
