//! HTTP/2 clients that need a connection of their own are told so.

use core::error::Error;
use core::task::{Context, Poll};

use ::http::{Request, Response, Version};
use h2::Reason;
use tower_service::Service;

use crate::http::tower::future::NegotiateFuture;
use crate::http::tower::observer::Verdict;
use crate::http::tower::service::Refused;

/// For hyper's HTTP/2: a login that needs a connection of its own (NTLM) ends
/// its stream with `HTTP_1_1_REQUIRED` (RFC 9113 section 7), and clients come
/// again over HTTP/1.1 by themselves. Without it they are asked for something
/// that works in one leg, and one that has nothing else is at a loss.
///
/// It goes around everything else:
///
/// ```no_run
/// # fn f(connection: gss_acceptor::http::tower::Connection, app: axum::Router) {
/// use gss_acceptor::http::tower::Http11Required;
/// use hyper_util::service::TowerToHyperService;
///
/// let service = TowerToHyperService::new(Http11Required::new(connection.attach(app)));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Http11Required<S>(S);

impl<S> Http11Required<S> {
    /// Around this service.
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S, B, R> Service<Request<B>> for Http11Required<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>> + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = NegotiateFuture<R, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let multiplexed = request.version() == Version::HTTP_2;
        let answered = self.0.call(request);
        NegotiateFuture::new(async move {
            let response = answered.await.map_err(Into::into)?;
            let refused = response.extensions().get::<Refused>();
            if multiplexed && refused == Some(&Refused(Verdict::NeedsConnection)) {
                // hyper looks for this error, and resets the stream with it.
                return Err(h2::Error::from(Reason::HTTP_1_1_REQUIRED).into());
            }
            Ok(response)
        })
    }
}
