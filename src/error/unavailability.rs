//! What failed on the server's own side.

use core::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::error::{CcacheProblem, GssMajor, Krb5ConfProblem, Printable, WindowsStatus};
use crate::name::Principal;
use crate::time::Utc;

/// What is missing or broken on the server's side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailability {
    /// The keytab cannot be used.
    #[error("keytab {}: {problem}", .origin.as_deref().map_or_else(|| "in memory".into(), |path| format!("'{}'", path.display())))]
    #[non_exhaustive]
    Keytab {
        /// The file, or `None` for one given as bytes.
        origin: Option<PathBuf>,
        /// What is wrong.
        problem: KeytabProblem,
    },
    /// A credential cache cannot be read or written.
    #[error("credential cache {}: {problem}", .origin.as_deref().map_or_else(|| "in memory".into(), |path| format!("'{}'", path.display())))]
    #[non_exhaustive]
    Ccache {
        /// The file, or `None` for one given as bytes.
        origin: Option<PathBuf>,
        /// What is wrong.
        problem: CcacheProblem,
    },
    /// The keytab has no entry that this configuration can use.
    #[error(
        "the keytab has no key that this configuration accepts: it has {has}; \
         check the accepted services and encryption types"
    )]
    NoUsableKey {
        /// The principals that it has, with kvno and encryption type.
        has: String,
    },
    /// A krb5.conf cannot be used.
    #[error("krb5.conf{}{}: {problem}", .origin.as_deref().map_or_else(String::new, |path| format!(" '{}'", path.display())), .line.map_or_else(String::new, |line| format!(", line {line}")))]
    #[non_exhaustive]
    Krb5Conf {
        /// The file, or `None` for a text.
        origin: Option<PathBuf>,
        /// The line, from 1, where it is one's fault.
        line: Option<usize>,
        /// What is wrong.
        problem: Krb5ConfProblem,
    },
    /// The server's own TGT does not hold now, so nobody can come in user to
    /// user.
    #[error(
        "the server's own TGT ({client}) is valid from {} to {}, it is {}; renew it (kinit, \
         k5start) for user-to-user authentication",
        Utc(*.start), Utc(*.end), Utc(*.now)
    )]
    OwnTgt {
        /// Whose it is.
        client: Principal,
        /// From when on it holds; its end, if the KDC has not validated it.
        start: SystemTime,
        /// Until when it holds.
        end: SystemTime,
        /// The server's time.
        now: SystemTime,
    },
    /// The replay store is full.
    #[error("the replay store is full; size it for the rate of logins times twice the clock skew")]
    ReplayStoreFull,
    /// The replay store does not answer.
    #[error("the replay store cannot be asked: {text}")]
    ReplayStore {
        /// What it said.
        text: String,
    },
    /// The application's prompt for credentials could not answer.
    #[error("the prompt for credentials cannot answer: {text}")]
    CredentialPrompt {
        /// What it said.
        text: String,
    },
    /// Too many half-done handshakes.
    #[error("{limit} handshakes are under way already; raise `max_half_open` or drop stale ones")]
    TooManyHandshakes {
        /// How many are allowed.
        limit: usize,
    },
    /// Too many steps wait for a thread that may block.
    #[error(
        "{limit} steps wait for a blocking thread already; raise `waiting` or `blocking_threads`, \
         or find out what the backend or account source waits for"
    )]
    Overloaded {
        /// How many may wait.
        limit: usize,
    },
    /// A step took too long.
    #[error(
        "the step has not ended within {} s; find out what the backend or account source waits \
         for, or raise `deadline`", .after.as_secs_f32()
    )]
    Late {
        /// How long it may take.
        after: Duration,
    },
    /// The server is too young to know what was replayed before it started.
    #[error(
        "the client's time is not after this server's start plus the clock skew; it can log in \
         {seconds} s from now (`reject_before_start`)"
    )]
    StartingUp {
        /// How long that lasts, in seconds.
        seconds: u64,
    },
    /// The platform's library or service is not there.
    #[error("{what} is not available on this system: {text}")]
    Platform {
        /// Which.
        what: &'static str,
        /// What the system said.
        text: String,
    },
    /// The account file cannot be used.
    #[error("account file '{}': {problem}", .path.display())]
    #[non_exhaustive]
    AccountFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: AccountFileProblem,
    },
    /// The source of accounts cannot tell.
    #[error("the source of accounts cannot be asked: {}", Printable(.text))]
    Accounts {
        /// What it said.
        text: String,
    },
    /// The broker that holds the keys.
    #[error("the broker cannot be asked: {}", Printable(.text))]
    Broker {
        /// What is wrong.
        text: String,
    },
    /// A cryptographic operation failed that cannot fail on good input.
    #[error("{operation} failed")]
    Internal {
        /// Which operation.
        operation: &'static str,
    },
}

/// What is wrong with a file of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountFileProblem {
    /// It cannot be read; with the system's words.
    Unreadable(String),
    /// A line cannot be read.
    Line {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for AccountFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(text) => {
                write!(
                    f,
                    "cannot be read ({text}); the server's user needs read permission"
                )
            }
            Self::Line { number, problem } => write!(f, "line {number}: {problem}"),
        }
    }
}

/// What is wrong with a keytab.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeytabProblem {
    /// There is no such file.
    Missing,
    /// The file cannot be read; with the system's words.
    Unreadable(String),
    /// It is a directory.
    Directory,
    /// The file is longer than any keytab may be, in bytes.
    TooLarge(u64),
    /// It is not a keytab: the first byte is not 5.
    NotAKeytab,
    /// It is a keytab of a version that is not known.
    Version(u8),
    /// It ends inside an entry, at this byte.
    Truncated(usize),
    /// The entry at this byte makes no sense.
    BadEntry(usize),
    /// It has no entries.
    Empty,
    /// It was given for the keys of krbtgt, and has none.
    NoKrbtgt,
}

impl fmt::Display for KeytabProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("no such file; name the keytab that the KDC's administrator exported")
            }
            Self::Unreadable(text) => {
                write!(
                    f,
                    "cannot be read ({text}); the server's user needs read permission"
                )
            }
            Self::Directory => f.write_str("a directory; name the keytab in it"),
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes is no keytab"),
            Self::NotAKeytab => f.write_str("not a keytab (its first byte is not 5)"),
            Self::Version(version) => {
                write!(f, "keytab version {version} is not known (1 and 2 are)")
            }
            Self::Truncated(offset) => {
                write!(f, "cut off at byte {offset}; copy the file again")
            }
            Self::BadEntry(offset) => write!(f, "the entry at byte {offset} is corrupt"),
            Self::Empty => f.write_str("has no entries; add keys with ktutil, ktadd or ktpass"),
            Self::NoKrbtgt => f.write_str("has no key of krbtgt of a type that is supported"),
        }
    }
}

impl Unavailability {
    pub(super) fn status(&self) -> WindowsStatus {
        match self {
            Self::Keytab { .. }
            | Self::Ccache { .. }
            | Self::NoUsableKey { .. }
            | Self::OwnTgt { .. }
            | Self::AccountFile { .. } => WindowsStatus::SEC_E_NO_CREDENTIALS,
            Self::Accounts { .. } | Self::Broker { .. } | Self::Late { .. } => {
                WindowsStatus::SEC_E_NO_AUTHENTICATING_AUTHORITY
            }
            Self::ReplayStoreFull | Self::TooManyHandshakes { .. } | Self::Overloaded { .. } => {
                WindowsStatus::SEC_E_INSUFFICIENT_MEMORY
            }
            Self::StartingUp { .. } => WindowsStatus::SEC_E_LOGON_DENIED,
            Self::Krb5Conf { .. } => WindowsStatus::SEC_E_INVALID_PARAMETER,
            Self::Platform { .. } => WindowsStatus::SEC_E_UNSUPPORTED_FUNCTION,
            Self::ReplayStore { .. } | Self::CredentialPrompt { .. } | Self::Internal { .. } => {
                WindowsStatus::SEC_E_INTERNAL_ERROR
            }
        }
    }

    pub(super) fn gss_major(&self) -> GssMajor {
        match self {
            Self::Keytab {
                problem: KeytabProblem::Missing | KeytabProblem::Empty,
                ..
            }
            | Self::Ccache {
                problem: CcacheProblem::Missing | CcacheProblem::Empty,
                ..
            }
            | Self::NoUsableKey { .. } => GssMajor::NO_CRED,
            Self::Keytab { .. } | Self::Ccache { .. } | Self::AccountFile { .. } => {
                GssMajor::DEFECTIVE_CREDENTIAL
            }
            Self::OwnTgt { .. } => GssMajor::CREDENTIALS_EXPIRED,
            Self::Platform { .. } => GssMajor::UNAVAILABLE,
            _ => GssMajor::FAILURE,
        }
    }
}
