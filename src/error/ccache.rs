//! What can be wrong with a credential cache.

use core::fmt;

use crate::etype::EncryptionType;

/// What is wrong with a credential cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CcacheProblem {
    /// There is no such file.
    Missing,
    /// The file cannot be read; with the system's words.
    Unreadable(String),
    /// The file cannot be written; with the system's words.
    Unwritable(String),
    /// It is a directory.
    Directory,
    /// It is longer than any cache may be, in bytes.
    TooLarge(u64),
    /// It is not a cache: the first byte is not 5.
    NotACcache,
    /// It is a cache of a version that is not read.
    Version(u8),
    /// It ends inside the entry that starts at this byte, or that entry says
    /// that it is longer than the file.
    Truncated(usize),
    /// The header's tag at this byte makes no sense.
    BadEntry(usize),
    /// It has no bytes at all.
    Empty,
    /// A name, a key or an encryption type is beyond what the format holds.
    Unrepresentable,
    /// It has no ticket-granting ticket of its owner's realm.
    NoTgt,
    /// The session key of its ticket-granting ticket is of this type, which
    /// is not permitted.
    Etype(EncryptionType),
}

impl fmt::Display for CcacheProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such file; kinit makes one"),
            Self::Unreadable(text) => write!(
                f,
                "cannot be read ({text}); the server's user needs read permission"
            ),
            Self::Unwritable(text) => write!(f, "cannot be written ({text})"),
            Self::Directory => f.write_str("a directory; name the cache in it"),
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes is no credential cache"),
            Self::NotACcache => f.write_str("not a FILE cache (its first byte is not 5)"),
            Self::Version(version) => {
                write!(f, "version {version} is not read (3 and 4 are)")
            }
            Self::Truncated(offset) => {
                write!(f, "cut off inside the entry at byte {offset}")
            }
            Self::BadEntry(offset) => write!(f, "the tag at byte {offset} is corrupt"),
            Self::Empty => f.write_str("empty; kinit fills it"),
            Self::NoTgt => {
                f.write_str("has no ticket-granting ticket of its owner; kinit gets one")
            }
            Self::Etype(etype) => write!(
                f,
                "the ticket-granting ticket has a session key of {etype}, which is not permitted"
            ),
            Self::Unrepresentable => f.write_str("the format cannot hold what is to be written"),
        }
    }
}
