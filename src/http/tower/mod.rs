//! A tower layer that authenticates HTTP clients.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use gss_acceptor::http::tower::{Authenticated, Connection, NegotiateLayer};
//! use gss_acceptor::{AcceptorConfig, Keytab, backends};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let keytab = Keytab::open("/etc/http.keytab")?;
//!     let config = AcceptorConfig::builder(backends::rust(keytab)).build()?;
//!     let app = Router::new()
//!         .route("/", get(|client: Authenticated| async move { format!("You are {}", client.peer()) }))
//!         .layer(NegotiateLayer::new(&config))
//!         .into_make_service_with_connect_info::<Connection>();
//!     axum::serve(tokio::net::TcpListener::bind("0.0.0.0:80").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! # What the layer holds to
//!
//! * **State belongs to a [`Connection`]**, which the server makes when it
//!   accepts one. Without it, and over HTTP/2 and HTTP/3, only logins of one
//!   leg work (Kerberos, nearly always); whatever takes more is answered with
//!   a challenge, and [`Verdict::NeedsConnection`]. With the feature `h2`,
//!   `Http11Required` tells hyper's HTTP/2 clients to use HTTP/1.1.
//! * **A request that came through a proxy is on its own**: what has been
//!   authenticated on a connection ends when a request on it has a header
//!   that proxies add. A proxy that adds none cannot be seen: where one may be
//!   in the way, set [`Validity::Request`] for NTLM too.
//! * A request without a token, or with other credentials, in the middle of a
//!   handshake ends it. A new token on an authenticated connection starts
//!   anew. A failure clears the connection.
//! * A token is fed once, and taken out of the request.
//! * The server's proof goes with a response that is no error, and with no
//!   other.
//! * The body of a refused request is read, up to a limit.
//!
//! # Cross-site requests
//!
//! A browser sends tokens, like cookies, with whatever request a page makes it
//! send: who is authenticated has not therefore meant it. A server that
//! changes anything needs protection of its own against forged requests
//! (check `Origin` or `Sec-Fetch-Site`, or use tokens in forms).
//!
//! # With hyper
//!
//! [`Connection::attach`] gives a connection's service its [`Connection`]:
//!
//! ```no_run
//! # use gss_acceptor::http::tower::{Connection, NegotiateLayer};
//! # async fn f(listener: tokio::net::TcpListener, app: axum::Router, layer: NegotiateLayer)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use hyper_util::rt::{TokioExecutor, TokioIo};
//! use hyper_util::{server::conn::auto, service::TowerToHyperService};
//! use tower_layer::Layer as _;
//!
//! let app = layer.layer(app);
//! loop {
//!     let (stream, peer) = listener.accept().await?;
//!     let connection = Connection::plain(Some(peer.ip()));
//!     let service = TowerToHyperService::new(connection.attach(app.clone()));
//!     tokio::spawn(async move {
//!         auto::Builder::new(TokioExecutor::new())
//!             .serve_connection(TokioIo::new(stream), service)
//!             .await
//!     });
//! }
//! # }
//! ```

#[cfg(feature = "axum")]
mod axum;
mod connection;
mod future;
mod gate;
#[cfg(feature = "h2")]
mod http11;
mod layer;
mod login;
mod observer;
mod password;
mod proxy;
mod service;
mod session;
#[cfg(test)]
mod tests;
#[cfg(feature = "tokio-rustls")]
mod tls;

#[cfg(all(feature = "axum", feature = "tokio-rustls"))]
pub use axum::{TlsListener, TlsPeer};
pub use connection::{Connection, Transport, WithConnection};
pub use future::NegotiateFuture;
#[cfg(feature = "h2")]
pub use http11::Http11Required;
pub use layer::{NegotiateLayer, Validity};
pub use login::{Authenticated, Via};
pub use observer::{Event, Observer, Verdict, Way};
#[cfg(feature = "basic-kerberos")]
pub use password::KerberosPasswords;
pub use password::{AccountPasswords, PasswordAnswer, PasswordCheck};
pub use service::{NegotiateService, Refused};
pub use session::LoginSession;
#[cfg(feature = "tokio-rustls")]
pub use tls::ServerTls;
