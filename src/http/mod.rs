//! HTTP's authentication headers (RFC 9110 section 11, RFC 4559, MS-NTHT),
//! and what to answer, without a connection: for any HTTP stack.
//!
//! [`Challenges`] is what a server asks its clients for. It reads
//! `Authorization` and makes, of what a step of the acceptor came to, a
//! [`Decision`]: what to answer, or that the client is authenticated.
//! [`Handshake`] does both for one connection, in a server that may block:
//!
//! ```
//! use gss_acceptor::AcceptorConfig;
//! use gss_acceptor::http::{Challenges, Channel, Decision, Handshake};
//!
//! /// Status, headers, body of the answer to a request with these values of `Authorization`.
//! fn answer(
//!     config: &AcceptorConfig,
//!     connection: &mut Handshake, // one for each connection
//!     authorization: &[&[u8]],
//! ) -> (u16, Vec<(&'static str, String)>, String) {
//!     let challenges = Challenges::of(config);
//!     let values = authorization.iter().copied();
//!     match connection.step(config, &challenges, values, Channel::default()) {
//!         Decision::Authenticated { context, headers } => {
//!             (200, headers, format!("You are {}", context.peer()))
//!         }
//!         refused => {
//!             let answer = refused.into_answer().expect("everything else is an answer");
//!             (answer.status, answer.headers, String::new())
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use gss_acceptor::{backends, http::header_value, http::Scheme, testing::Realm};
//! let service = Realm::new("EXAMPLE.TEST").service("HTTP/localhost")?;
//! let config = AcceptorConfig::builder(backends::rust(service.keytab())).build()?;
//! let mut connection = Handshake::default();
//!
//! let (status, headers, _) = answer(&config, &mut connection, &[]);
//! assert_eq!((status, headers), (401, vec![("WWW-Authenticate", "Negotiate".into())]));
//!
//! let token = header_value(Scheme::Negotiate, Some(&service.client("alice").token()?));
//! let (status, _, page) = answer(&config, &mut connection, &[token.as_bytes()]);
//! assert_eq!((status, page.as_str()), (200, "You are alice@EXAMPLE.TEST"));
//! # Ok(()) }
//! ```
//!
//! What such a server must not get wrong:
//!
//! * A handshake of several legs belongs to one **connection**: not to an
//!   address, not to a cookie. A proxy in front that puts several clients'
//!   requests on one connection breaks NTLM, and would mix its users up.
//! * A request without a token in the middle of a handshake ends it.
//!   [`Handshake`] sees to that, if every request of the connection is shown
//!   to it.
//! * The headers of [`Decision::Authenticated`] go with a response that is a
//!   success, and with no other (RFC 4559 section 5).
//! * HTTP/2 and HTTP/3 have no connection that belongs to one user, so nothing
//!   of several legs works there: [`Answer`]s of [`Decision::GoOn`] must not
//!   be sent over them.
//!
//! With the feature `tower` all of this is done by a layer, `http::tower`.

mod challenges;
mod decision;
mod header;
#[cfg(test)]
mod tests;
#[cfg(feature = "tower")]
pub mod tower;

pub use challenges::{Challenges, Role};
pub use decision::{Answer, Channel, Decision, Handshake};
pub use header::{Authorization, BadHeader, Challenge, Scheme, header_value};
