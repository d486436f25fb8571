//! Why sealed data is not opened.

use core::fmt;
use std::time::SystemTime;

use crate::error::{GssMajor, Printable, WindowsStatus};
use crate::time::Utc;

/// What was sealed. One never passes for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sealed {
    /// An established context.
    Context,
    /// A handshake that is half done.
    Handshake,
    /// Who a login session's cookie is for.
    Session,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Context => "context",
            Self::Handshake => "handshake",
            Self::Session => "login session",
        })
    }
}

/// Why sealed data is refused. The first four are found before it is
/// decrypted, and everything from
/// [`OtherAudience`](Self::OtherAudience) on is said by who has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedProblem {
    /// It is nothing that this crate sealed.
    NotSealed,
    /// It is of another version of the format.
    Version {
        /// Its version.
        found: u8,
        /// The one that is read.
        known: u8,
    },
    /// It is the other of the two things that are sealed.
    OtherKind,
    /// It was sealed with a key that is not among these.
    OtherKey,
    /// It was changed, or the key that it names is not the key that it was
    /// sealed with.
    Tampered,
    /// It is meant for somebody else.
    OtherAudience {
        /// For whom.
        meant: String,
    },
    /// It was sealed under a configuration that decides otherwise.
    OtherConfig,
    /// Its time is over.
    Expired {
        /// Since when.
        end: SystemTime,
        /// The time here.
        now: SystemTime,
    },
    /// It has been used before.
    Used,
    /// It is authentic, and does not say what this version of the crate
    /// reads.
    Content,
    /// It is a context of a backend that is not among these.
    OtherBackend {
        /// Which.
        backend: String,
    },
}

impl fmt::Display for SealedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed => f.write_str("nothing that was sealed here looks like it"),
            Self::Version { found, known } => write!(
                f,
                "its format has version {found}, this crate reads {known}; use one version of \
                 gss-acceptor on both sides"
            ),
            Self::OtherKind => f.write_str("it is the other of context and handshake"),
            Self::OtherKey => f.write_str(
                "it was sealed with another key; give all processes the same SealingKey, and the \
                 older one with `and_accept` while it is exchanged",
            ),
            Self::Tampered => f.write_str("it was changed on its way"),
            Self::OtherAudience { meant } => {
                write!(f, "it is meant for '{}'", Printable(meant))
            }
            Self::OtherConfig => f.write_str(
                "it was suspended under another configuration; all nodes need the same backend, \
                 mechanisms, requirements, policy and services",
            ),
            Self::Expired { end, now } => {
                write!(f, "its time was over at {}, it is {}", Utc(*end), Utc(*now))
            }
            Self::Used => f.write_str("it has been used before"),
            Self::Content => f.write_str(
                "it is authentic, and this version of gss-acceptor cannot read it; use one \
                 version on both sides",
            ),
            Self::OtherBackend { backend } => write!(
                f,
                "it is of the backend '{}', and no importer for that was given",
                Printable(backend)
            ),
        }
    }
}

impl SealedProblem {
    pub(in crate::error) fn status(&self) -> WindowsStatus {
        match self {
            Self::Tampered => WindowsStatus::SEC_E_MESSAGE_ALTERED,
            Self::Expired { .. } => WindowsStatus::SEC_E_CONTEXT_EXPIRED,
            Self::Used => WindowsStatus::SEC_E_OUT_OF_SEQUENCE,
            _ => WindowsStatus::SEC_E_INVALID_TOKEN,
        }
    }

    pub(in crate::error) fn gss_major(&self) -> GssMajor {
        match self {
            Self::Tampered => GssMajor::BAD_SIG,
            Self::Expired { .. } => GssMajor::CONTEXT_EXPIRED,
            Self::Used => GssMajor::DUPLICATE_TOKEN,
            _ => GssMajor::DEFECTIVE_TOKEN,
        }
    }
}
