//! The client's own ticket, for a server that acts in its name.

use super::Context;
use crate::ccache::KerberosCredential;
use crate::error::DelegationProblem;

impl Context {
    /// The ticket that the client came in with: the evidence of constrained
    /// delegation (S4U2Proxy, MS-SFU). With it and its own ticket-granting
    /// ticket the server asks the KDC for tickets to other services in the
    /// client's name: those that the directory lets it delegate to, and no
    /// others. Nothing of the client's but this ticket is needed.
    ///
    /// It is kept only where the rust backend is told to
    /// ([`RustBackend::keep_client_tickets`](crate::backends::RustBackend::keep_client_tickets)),
    /// and stays behind when the context is exported. With its session key,
    /// whoever has it is the client for this server. The `krb5` crate's
    /// `KdcClient::s4u2proxy` takes the ticket's bytes;
    /// [`KerberosCredential::check_evidence`] says what a KDC will not do with
    /// it.
    ///
    /// # Errors
    ///
    /// [`DelegationProblem::TicketNotKept`].
    pub fn client_ticket(&self) -> Result<&KerberosCredential, DelegationProblem> {
        self.inner
            .client_ticket()
            .ok_or(DelegationProblem::TicketNotKept)
    }
}
