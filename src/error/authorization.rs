//! Why nothing is known of what a client may do.

use crate::error::Printable;
use crate::name::Principal;

/// Why there is no [`Authorization`](crate::Authorization) of a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationProblem {
    /// The backend, or the mechanism that the client came with, has none.
    #[error("this backend or mechanism tells nothing of accounts and groups")]
    Unsupported,
    /// The ticket has no PAC.
    #[error(
        "the ticket has no PAC: the KDC makes none, the client asked for none (KERB-PA-PAC-REQUEST), \
         or the service's account is marked NO_AUTH_DATA_REQUIRED"
    )]
    Absent,
    /// The ticket has more than one PAC, of which the client may have written
    /// one.
    #[error("the ticket has several PACs, and which one counts nobody can tell")]
    Several,
    /// The client has no name, so there is no account.
    #[error("the client is anonymous")]
    Anonymous,
    /// The PAC lacks what every one must have (MS-PAC 2.4).
    #[error("the PAC has no {part}")]
    Incomplete {
        /// What is missing.
        part: &'static str,
    },
    /// A signature is wrong: the PAC, or the ticket, was not written by who
    /// has the key, or it was changed.
    #[error(
        "the {signature} signature of the PAC is wrong: another key made it, or it was changed"
    )]
    Signature {
        /// Which one.
        signature: &'static str,
    },
    /// A signature is of another type than the key that must have made it
    /// (MS-PAC 2.8).
    #[error(
        "the {signature} signature of the PAC is of type {found}, the key makes those of type \
         {expected}"
    )]
    SignatureType {
        /// Which one.
        signature: &'static str,
        /// Its type.
        found: i32,
        /// The key's type of checksum.
        expected: i32,
    },
    /// The PAC is another client's (MS-PAC 2.7).
    #[error("the PAC is {}'s, the ticket {ticket}'s", Printable(.pac))]
    ClientName {
        /// The name in the PAC.
        pac: String,
        /// The ticket's client.
        ticket: Principal,
    },
    /// The PAC is of another logon than the ticket (MS-PAC 2.7).
    #[error("the PAC was made for a logon at another time than the ticket's")]
    LogonTime,
    /// The PAC cannot be read.
    #[error("the PAC is malformed: {part}: {problem}{}",
        .offset.map_or_else(String::new, |offset| format!(" (at byte {offset})")))]
    Malformed {
        /// Which part of it.
        part: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// Where, in bytes from the start of that part.
        offset: Option<usize>,
    },
    /// The platform, or the source of accounts, did not tell.
    #[error("{}", Printable(.text))]
    Platform {
        /// What it said.
        text: String,
    },
}
