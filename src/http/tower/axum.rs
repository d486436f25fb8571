//! axum: the extractor, and the connections of its server.

#[cfg(feature = "tokio-rustls")]
mod tls;

#[cfg(feature = "tokio-rustls")]
pub use tls::{TlsListener, TlsPeer};

use core::convert::Infallible;

use ::axum::extract::connect_info::Connected;
use ::axum::extract::{FromRequestParts, OptionalFromRequestParts};
use ::axum::response::{IntoResponse, Response};
use ::axum::serve::IncomingStream;
use ::http::StatusCode;
use ::http::request::Parts;
use ::tokio::net::TcpListener;

use crate::http::tower::connection::Connection;
use crate::http::tower::gate::Asked;
use crate::http::tower::login::Authenticated;

/// Who the request is from. A request that nobody has authenticated is
/// answered with what the layer asks for; without any layer, with 500.
impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = NotAuthenticated;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotAuthenticated> {
        let asked = parts.extensions.get::<Asked>();
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| NotAuthenticated(asked.cloned()))
    }
}

/// For services that also serve nameless requests
/// ([`optional`](super::NegotiateLayer::optional)).
impl<S: Send + Sync> OptionalFromRequestParts<S> for Authenticated {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// A handler wants to know its client, and the request has no name.
#[derive(Clone, Debug)]
pub struct NotAuthenticated(Option<Asked>);

impl IntoResponse for NotAuthenticated {
    fn into_response(self) -> Response {
        if let Some(asked) = self.0 {
            return asked.response();
        }
        ::tracing::error!(
            "a handler extracts `Authenticated`, and no `NegotiateLayer` is in front of it"
        );
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// For `into_make_service_with_connect_info::<Connection>()`, over plain TCP.
impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::plain(Some(stream.remote_addr().ip()))
    }
}
