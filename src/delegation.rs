//! What a client gives a server to act in its name.

use core::fmt;

use crate::ccache::{CredentialCache, TicketFlags};
use crate::time::Utc;

/// Credentials that the client delegated: with them the server is the client
/// for every service that the client may use. Keep them no longer than they
/// are needed; keys are wiped when they are dropped.
///
/// What form they have depends on the platform.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Delegated {
    /// Kerberos tickets with their session keys.
    ///
    /// The names in them are the client's word; what a ticket is worth its
    /// KDC says when it is used.
    Kerberos(CredentialCache),
}

impl Delegated {
    /// The credentials, where they are Kerberos'.
    #[must_use]
    pub fn kerberos(&self) -> Option<&CredentialCache> {
        match self {
            Self::Kerberos(cache) => Some(cache),
        }
    }
}

impl fmt::Display for Delegated {
    /// What an operator wants to know of each ticket: whose, for what, until
    /// when, and whether it can be delegated once more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Kerberos(cache) = self;
        write!(f, "credentials of {}", cache.client())?;
        for (index, ticket) in cache.credentials().iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            let further = if ticket.flags.contains(TicketFlags::FORWARDABLE) {
                "forwardable"
            } else {
                "not forwardable: of no use to delegate further"
            };
            let (server, end) = (&ticket.server, Utc(ticket.end_time));
            write!(f, "{separator}{server} until {end} ({further})")?;
        }
        Ok(())
    }
}
