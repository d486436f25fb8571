//! A Kerberos realm in memory, so that an application can test its own
//! server: no KDC, no `krb5.conf`, no keytab file, no network. No other
//! library of this field offers that.
//!
//! [`Realm`] has services with keys, and clients with tickets, both made on
//! the spot. A server under test is configured with a [`Service`]'s keytab
//! and is otherwise the real one; a [`TestClient`] sends it real tokens,
//! checks the server's proof, and then exchanges protected messages. What
//! goes wrong in the field can be made to go wrong here: expired tickets,
//! rotated keys, clocks apart, replays, other channels.
//!
//! Add the feature to the dependencies of tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! gss-acceptor = { version = "0.1", features = ["testing"] }
//! ```
//!
//! ```
//! use gss_acceptor::testing::{Realm, TicketOptions};
//! use gss_acceptor::{Acceptor, AcceptorConfig, Protection, Rejection, Step, backends};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let realm = Realm::new("EXAMPLE.TEST");
//! let service = realm.service("HTTP/localhost")?;
//! let config = AcceptorConfig::builder(backends::rust(service.keytab())).build()?;
//!
//! // A client comes in, and both sides talk.
//! let client = service.client("alice").initiate()?;
//! let Step::Established { token, context } = Acceptor::new(&config).step(client.first_token())?
//! else { panic!("a token of Kerberos' takes one leg") };
//! assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
//! let client = client.finish(token.as_deref())?;
//! let sealed = client.wrap(Protection::Confidentiality, b"hello")?;
//! assert_eq!(context.unwrap(&sealed)?.data, b"hello");
//!
//! // Another one has an old ticket, and does not.
//! let stale = service.client("bob").ticket(TicketOptions::new().expired()).token()?;
//! let failure = Acceptor::new(&config).step(&stale).unwrap_err();
//! assert!(matches!(failure.error().rejection(), Some(Rejection::TicketExpired { .. })));
//! # Ok(()) }
//! ```
//!
//! A server behind a socket is tested in the same way: send
//! [`first_token`](TestClient::first_token), give what comes back to
//! [`step`](TestClient::step). Without a socket,
//! [`connect`](ClientBuilder::connect) runs a whole handshake in one call.
//!
//! Time is [`Realm::clock`]'s. It goes with the system's clock, so that a
//! server with its own needs nothing; a server that is given it
//! (`.clock(realm.clock())`) follows when the test turns it.
//!
//! The keys are random and known to this process alone, so nothing made here
//! lets anybody into a real realm; and a server that runs on a test's keytab
//! lets in whoever holds the [`Realm`].

mod ap;
mod client;
mod clock;
mod delegation;
mod error;
mod handshake;
mod realm;
mod spnego;
#[cfg(test)]
mod tests;
mod ticket;

pub use client::{ClientBuilder, ClientFlags, Offer};
pub use clock::TestClock;
pub use error::{ClientError, ConnectError, KrbErrorReply, SkewRetry};
pub use handshake::{ClientStep, TestClient, TestClientContext};
pub use realm::{Realm, Service};
pub use ticket::TicketOptions;
