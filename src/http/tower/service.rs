//! The guarded service.

use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{
    CACHE_CONTROL, CONNECTION, PROXY_AUTHENTICATE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use ::http::request::Parts;
use ::http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use ::tracing::Instrument as _;
use bytes::Buf;
use http_body::Body;
use tower_service::Service;

use crate::http::Answer;
use crate::http::tower::future::NegotiateFuture;
use crate::http::tower::gate::{Admission, Tail, admit};
use crate::http::tower::layer::Settings;
use crate::http::tower::observer::Verdict;

/// A service behind a [`NegotiateLayer`](super::NegotiateLayer).
#[derive(Clone)]
pub struct NegotiateService<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S> NegotiateService<S> {
    pub(super) fn new(settings: Arc<Settings>, inner: S) -> Self {
        Self { settings, inner }
    }
}

/// In the extensions of a response that the layer made itself, so that a
/// server can give it a page: the body is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub Verdict);

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for NegotiateService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Body + Send + 'static,
    ResponseBody: Default + Send,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = NegotiateFuture<ResponseBody, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The clone is not ready; the one that is goes with the request.
        let clone = self.inner.clone();
        let mut inner = core::mem::replace(&mut self.inner, clone);
        let settings = Arc::clone(&self.settings);
        NegotiateFuture::new(async move {
            let (mut parts, body) = request.into_parts();
            let span = ::tracing::debug_span!("negotiate");
            let admitted = admit(&settings, &mut parts).instrument(span).await;
            match admitted {
                Admission::Pass(tail) => {
                    let request = Request::from_parts(parts, body);
                    let mut response = inner.call(request).await?;
                    tail.finish(&mut response);
                    Ok(response)
                }
                Admission::Answer(answer, verdict) => {
                    // In a place of its own: requests that go on would carry its room.
                    let response = answered(&settings, &parts, body, answer, verdict);
                    Ok(Box::pin(response).await)
                }
            }
        })
    }
}

/// The answer, once what the client is still sending has been read: left
/// unread it would be taken for the next request, or the connection would be
/// closed in the middle of a handshake.
async fn answered<B: Body, R: Default>(
    settings: &Settings,
    parts: &Parts,
    body: B,
    answer: Answer,
    verdict: Verdict,
) -> Response<R> {
    let own_connection = parts.version <= Version::HTTP_11;
    let drained = !own_connection || drain(body, settings.drain).await;
    let close = own_connection && (answer.close || !drained);
    let mut response = respond(answer, verdict);
    if close {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// An answer as a response.
pub(super) fn respond<R: Default>(answer: Answer, verdict: Verdict) -> Response<R> {
    let mut response = Response::new(R::default());
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    append(headers, answer.headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if answer.status == 503 {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response.extensions_mut().insert(Refused(verdict));
    response
}

/// Reads a body to its end, in moderation.
async fn drain<B: Body>(body: B, most: u64) -> bool {
    const TIME: Duration = Duration::from_secs(5);
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > most {
        return false;
    }
    let reading = async move {
        let mut body = pin!(body);
        let mut read = 0_u64;
        loop {
            let frame = core::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
            match frame {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, bytes_left);
                    read = read.saturating_add(length);
                    if read > most {
                        return false;
                    }
                }
            }
        }
    };
    ::tokio::time::timeout(TIME, reading).await.unwrap_or(false)
}

fn bytes_left(data: &impl Buf) -> u64 {
    data.remaining() as u64
}

fn append(headers: &mut ::http::HeaderMap, all: Vec<(&'static str, String)>) {
    for (name, value) in all {
        // Base64 and what the application has written itself. What no header
        // can hold is left out; the status says enough.
        let name = match name {
            "WWW-Authenticate" => Ok(WWW_AUTHENTICATE),
            "Proxy-Authenticate" => Ok(PROXY_AUTHENTICATE),
            other => HeaderName::from_bytes(other.as_bytes()),
        };
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
}

impl Tail {
    fn finish<B>(self, response: &mut Response<B>) {
        // RFC 4559 section 5: the proof belongs to a success. On a 401 it
        // would look like a handshake that goes on; an error may have been
        // made before the request was looked at.
        let good = response.status().as_u16() < 400;
        let headers = response.headers_mut();
        if good {
            append(headers, self.proof);
            if let Some(persistent) = self.persistent {
                let value = if persistent { "true" } else { "false" };
                let name = HeaderName::from_static("persistent-auth");
                headers.insert(name, HeaderValue::from_static(value));
            }
            headers.extend(self.cookie.map(|cookie| (SET_COOKIE, cookie)));
        }
        // Caches keep responses to requests without Authorization (RFC 9111
        // section 3.5), and this one has none.
        if self.private && !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    }
}

impl<S: core::fmt::Debug> core::fmt::Debug for NegotiateService<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NegotiateService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
