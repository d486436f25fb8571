//! The server's own TGT.

use core::fmt;
use std::path::Path;
use std::time::Duration;

use super::Credentials;
use super::source::{Source, follows_its_file};
use crate::ccache::CredentialCache;
use crate::error::{CcacheProblem, Error, Unavailability};
use crate::files;
use crate::secret::Secret;

/// The server's own ticket-granting ticket, in a FILE credential cache as
/// `kinit`, `k5start` or `sssd` keep it: for a server without a long-term key
/// (a user's own program), or for clients that insist on user-to-user
/// authentication (RFC 4120 3.7), as Remote Desktop's do.
///
/// A client that asks is given the ticket, has the KDC make one for itself
/// that is encrypted in its session key, and comes with that. Handing the
/// ticket out is part of the protocol and gives nothing away: without its
/// session key, which stays here, it is of no use.
///
/// The client must have asked the KDC for the ticket's owner by the name in
/// it. Active Directory also knows an account by its service principal names;
/// [`ConfigBuilder::accept_any_name`](crate::ConfigBuilder::accept_any_name)
/// takes those. With
/// [`ConfigBuilder::accept_service`](crate::ConfigBuilder::accept_service),
/// the owner's name must be among those that are accepted.
#[derive(Clone)]
pub struct UserToUser(Source);

follows_its_file!(UserToUser);

impl UserToUser {
    /// Reads the FILE cache at `path`. Once a configuration is built on it, a
    /// renewed ticket is noticed within
    /// [`DEFAULT_RELOAD`](Self::DEFAULT_RELOAD) without a restart; a file
    /// that has become unreadable does not replace the ticket that is in use
    /// until that ends.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Ccache`] when the file is missing, cannot be read,
    /// is not a cache, or has no ticket-granting ticket of its owner's realm.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (bytes, stamp) = files::read_ccache(path)
            .and_then(|read| check(&read.0).map(|()| read))
            .map_err(|problem| Unavailability::Ccache {
                origin: Some(path.into()),
                problem,
            })?;
        Ok(Self(Source::file(path, bytes, stamp)))
    }

    /// The bytes of such a cache.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Ccache`] when they are not one, or have no
    /// ticket-granting ticket of its owner's realm.
    pub fn from_bytes(bytes: impl Into<Secret>) -> Result<Self, Error> {
        let bytes = bytes.into();
        check(&bytes).map_err(|problem| Unavailability::Ccache {
            origin: None,
            problem,
        })?;
        Ok(Self(Source::memory(bytes)))
    }
}

fn check(bytes: &Secret) -> Result<(), CcacheProblem> {
    let cache = CredentialCache::parse(bytes.expose())?;
    match cache.ticket_granting_ticket() {
        Some(_) => Ok(()),
        None => Err(CcacheProblem::NoTgt),
    }
}

impl From<UserToUser> for Credentials {
    fn from(own: UserToUser) -> Self {
        Self::UserToUser(own)
    }
}

impl fmt::Debug for UserToUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("UserToUser", f)
    }
}
