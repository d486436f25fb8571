//! What an application may want to see go by.

use ::tracing::{info, warn};

use crate::http::tower::connection::Connection;
use crate::http::tower::login::{Authenticated, Via};
use crate::mechanism::Mechanism;
use crate::name::Name;

/// Sees what a layer does: for an audit log of one's own, metrics, or a page
/// that shows it. Every decision is an event of `tracing` too, under the
/// target `gss_acceptor::audit`.
///
/// It is called in the middle of a request and should be quick.
pub trait Observer: Send + Sync {
    /// A token has come in or is about to go out. A client's token lets its
    /// bearer in until the acceptor has seen it: not for logs.
    fn leg(&self, connection: Option<&Connection>, way: Way, token: &[u8]) {
        let _ = (connection, way, token);
    }

    /// A request has been decided on.
    fn decided(&self, event: &Event<'_>) {
        let _ = event;
    }
}

/// Which way a token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// A decision on a request. Holds no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What was decided.
    pub verdict: Verdict,
    /// Over which connection it came, where the server says.
    pub connection: Option<&'a Connection>,
    /// Who the client is, if that is known.
    pub client: Option<&'a Authenticated>,
    /// Why, where it needs a reason. For the server's log alone.
    pub reason: Option<String>,
}

/// What was decided on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on to the service, with its client's name.
    Authenticated,
    /// It goes on to the service, without a name ([`optional`](super::NegotiateLayer::optional)).
    Anonymous,
    /// It had no token; one is asked for.
    Asked,
    /// The handshake goes on with the next request.
    Continued,
    /// The handshake needs a connection of its own, which this is not
    /// (HTTP/2, HTTP/3, a proxy's).
    NeedsConnection,
    /// The client was not let in.
    Rejected,
    /// The client does not speak the protocol.
    Malformed,
    /// The client is known, and may not do this.
    Forbidden,
    /// The server could not tell.
    Unavailable,
}

impl Verdict {
    /// In one word, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Anonymous => "anonymous",
            Self::Asked => "asked",
            Self::Continued => "continued",
            Self::NeedsConnection => "needs-connection",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The event of `tracing`. What it says is made only where somebody listens: the values stand in the
/// macros, which evaluate them then.
pub(super) fn audit(event: &Event<'_>) {
    let connection = event.connection.map(Connection::id);
    let verdict = event.verdict.name();
    let reason = event.reason.as_deref();
    let client = event.client;
    if matches!(event.verdict, Verdict::Unavailable) {
        warn!(target: "gss_acceptor::audit", verdict, connection, reason);
    } else {
        info!(
            target: "gss_acceptor::audit",
            verdict,
            connection,
            peer = client.map(|client| client.peer().to_string()).as_deref(),
            anonymous = client.map(|client| matches!(client.peer(), Name::Anonymous)),
            mechanism = client.and_then(Authenticated::mechanism).map(mechanism_name),
            via = client.map(Authenticated::via).map(Via::name),
            reason
        );
    }
}

fn mechanism_name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Kerberos => "Kerberos",
        Mechanism::Ntlm => "NTLM",
    }
}
