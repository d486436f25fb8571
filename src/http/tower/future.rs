//! The response of a guarded service, awaited.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use ::http::Response;

/// What [`NegotiateService`](super::NegotiateService) answers with. Dropped
/// early, it leaves nothing of the request behind.
pub struct NegotiateFuture<B, E>(Inner<B, E>);

type Inner<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

impl<B, E> NegotiateFuture<B, E> {
    pub(super) fn new(
        future: impl Future<Output = Result<Response<B>, E>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl<B, E> Future for NegotiateFuture<B, E> {
    type Output = Result<Response<B>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<B, E> core::fmt::Debug for NegotiateFuture<B, E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NegotiateFuture(..)")
    }
}
