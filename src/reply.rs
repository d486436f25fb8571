//! An answer that may take its time, without a runtime.

mod promise;

use core::future::Future;
use core::pin::Pin;

// For what asks other processes: a build without has no use for it.
#[allow(unused_imports)]
pub(crate) use promise::{Promise, promise};

/// What an account source, a replay store or a backend answers: at once, or
/// later. The same code then serves a caller that blocks and one that awaits,
/// and the usual case, an answer at hand, costs neither an allocation nor a
/// poll.
#[non_exhaustive]
pub enum Reply<T> {
    /// The answer.
    Now(T),
    /// A future that gives it. It needs no particular runtime.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T: Send + 'static> Reply<T> {
    /// A reply that `future` will give.
    pub fn later(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }

    /// Goes on with the answer, now or when it is there.
    #[must_use]
    pub fn map<U: Send + 'static>(self, then: impl FnOnce(T) -> U + Send + 'static) -> Reply<U> {
        match self {
            Self::Now(value) => Reply::Now(then(value)),
            Self::Later(future) => Reply::later(async move { then(future.await) }),
        }
    }

    /// Goes on with the answer to something that may itself take its time.
    #[must_use]
    pub fn and_then<U: Send + 'static>(
        self,
        then: impl FnOnce(T) -> Reply<U> + Send + 'static,
    ) -> Reply<U> {
        match self {
            Self::Now(value) => then(value),
            Self::Later(future) => {
                Reply::later(async move { then(future.await).into_future().await })
            }
        }
    }

    /// Waits for the answer on this thread.
    ///
    /// The future is polled here and woken by unparking the thread, so one
    /// that relies on a runtime's reactor must have been given a handle to
    /// it by whoever made it.
    #[must_use]
    pub fn wait(self) -> T {
        match self {
            Self::Now(value) => value,
            Self::Later(future) => block_on(future),
        }
    }
}

impl<T> core::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Reply::Now(..)",
            Self::Later(_) => "Reply::Later(..)",
        })
    }
}

impl<T: Send + 'static> IntoFuture for Reply<T> {
    type Output = T;
    type IntoFuture = Pin<Box<dyn Future<Output = T> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        match self {
            Self::Now(value) => Box::pin(core::future::ready(value)),
            Self::Later(future) => future,
        }
    }
}

fn block_on<T>(mut future: Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            // A spurious unpark costs a poll; a missed one cannot happen,
            // since an unpark before the park makes the park return.
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use std::sync::mpsc;
    use std::task::Poll;

    fn from_another_thread(value: u32) -> Reply<u32> {
        let (sender, receiver) = mpsc::channel();
        let mut started = false;
        Reply::later(std::future::poll_fn(move |context| {
            if !started {
                started = true;
                let (waker, sender) = (context.waker().clone(), sender.clone());
                std::thread::spawn(move || {
                    sender.send(value).unwrap();
                    waker.wake();
                });
            }
            receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
        }))
    }

    #[test]
    fn an_answer_at_hand_stays_at_hand() {
        let reply = Reply::Now(1).map(|n| n + 1).and_then(|n| Reply::Now(n * 2));
        assert!(matches!(reply, Reply::Now(4)));
    }

    #[test]
    fn a_late_answer_is_waited_for_and_gone_on_with() {
        let reply = from_another_thread(20)
            .map(|n| n + 1)
            .and_then(|n| from_another_thread(n * 2));
        assert_eq!(reply.wait(), 42);
    }
}
