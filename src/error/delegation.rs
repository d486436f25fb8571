//! Why a client's delegated credentials are of no use.

use std::time::SystemTime;

use crate::error::Printable;
use crate::etype::EncryptionType;
use crate::name::Principal;
use crate::time::Utc;

/// Why there are no delegated credentials to be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationProblem {
    /// The client sent none. GSS-API clients whose ticket-granting ticket
    /// cannot be forwarded leave delegation out without a word; the service
    /// ticket tells (RFC 4120 2.6, 2.8).
    #[error("the client delegated nothing; {}", absent(*.forwardable, *.ok_as_delegate))]
    Absent {
        /// Whether the service ticket is forwardable; if not, the
        /// ticket-granting ticket that it was got with hardly is.
        forwardable: bool,
        /// Whether the KDC trusts this service with delegation.
        ok_as_delegate: bool,
    },
    /// The client says that it delegates, and sent nothing.
    #[error("the client says that it delegates, and sent no credentials")]
    NotSent,
    /// What it sent cannot be read.
    #[error("the delegated credentials are malformed: {part}: {problem}{}",
        .offset.map_or_else(String::new, |offset| format!(" (at byte {offset})")))]
    Malformed {
        /// Which part of them.
        part: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// Where, in bytes from the start of the part that is encoded.
        offset: Option<usize>,
    },
    /// They are encrypted, and neither in the client's subkey nor in the
    /// ticket's session key.
    #[error(
        "the delegated credentials are encrypted ({etype}), but neither in the client's subkey nor \
         in the ticket's session key"
    )]
    Undecipherable {
        /// With this type.
        etype: EncryptionType,
    },
    /// They are somebody else's.
    #[error("the client is {client}, the delegated credentials are {found}'s")]
    ForeignClient {
        /// Whose they are.
        found: Principal,
        /// Who sent them.
        client: Principal,
    },
    /// There is no ticket-granting ticket among them.
    #[error("the delegated credentials hold no ticket-granting ticket")]
    NoTicketGrantingTicket,
    /// A ticket has ended.
    #[error("the delegated ticket for {server} ended at {}, it is {}", Utc(*.end), Utc(*.now))]
    Expired {
        /// Whom it is for.
        server: Principal,
        /// When it ended.
        end: SystemTime,
        /// The time here.
        now: SystemTime,
    },
    /// A ticket is not valid yet: it begins later, or the KDC has not
    /// validated it.
    #[error("the delegated ticket for {server} is not valid before {}", Utc(*.start))]
    NotYetValid {
        /// Whom it is for.
        server: Principal,
        /// When it begins.
        start: SystemTime,
    },
    /// What the process said that accepted the client, where the context was
    /// imported from one.
    #[error("{}", Printable(.text))]
    Reported {
        /// Its words.
        text: String,
    },
    /// The context was imported without the credentials that the client
    /// delegated: they were not asked for (`Context::export_with_delegated`).
    #[error(
        "the client delegated credentials, and the process that accepted it kept them \
         (Context::export_with_delegated, ConfigBuilder::map_delegated)"
    )]
    LeftBehind,
    /// The client's own ticket was not kept
    /// ([`Context::client_ticket`](crate::Context::client_ticket)).
    #[error(
        "the client's ticket is not here: Kerberos tickets are kept by the rust backend where it is \
         told to (RustBackend::keep_client_tickets), but for user-to-user, and stay in the process \
         that accepted the client"
    )]
    TicketNotKept,
    /// The client's own ticket is no evidence for the services that the
    /// directory lists for this one (S4U2Proxy, MS-SFU 3.2.5.2.3).
    #[error(
        "the client's ticket for {service} is not forwardable, so a KDC takes it as evidence for \
         resource-based delegation alone: the client needs a forwardable ticket-granting ticket \
         (kinit -f), and an account that may be delegated (not marked NOT_DELEGATED, not in \
         Protected Users); a service that says itself who the client is (S4U2self) needs \
         TRUSTED_TO_AUTH_FOR_DELEGATION"
    )]
    NotForwardable {
        /// Whom the ticket is for.
        service: Principal,
    },
    /// A session key has not the length of its type.
    #[error("the session key ({etype}) of the delegated ticket for {server} has a wrong length")]
    SessionKey {
        /// Whom the ticket is for.
        server: Principal,
        /// The key's type.
        etype: EncryptionType,
    },
}

fn absent(forwardable: bool, ok_as_delegate: bool) -> &'static str {
    match (forwardable, ok_as_delegate) {
        (false, _) => {
            "its ticket is not forwardable: it needs a forwardable ticket-granting ticket (kinit \
             -f), and an account that may be delegated"
        }
        (true, false) => {
            "its ticket is forwardable, so it was not told to delegate (curl --delegation always, \
             GSS_C_DELEG_FLAG), or delegates only where the KDC says ok-as-delegate, which it does \
             not say of this service"
        }
        (true, true) => {
            "its ticket is forwardable and the KDC says ok-as-delegate, so it was not told to \
             delegate (curl --delegation policy, GSS_C_DELEG_POLICY_FLAG)"
        }
    }
}
