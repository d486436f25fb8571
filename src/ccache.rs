//! Kerberos credentials as a client has them: tickets with their session
//! keys. What a client delegates, what `kinit` puts into a file, and what a
//! server needs to be called user to user.

mod format;

#[cfg(test)]
mod tests;

use core::fmt;
use std::path::Path;
use std::time::SystemTime;

use bitflags::bitflags;

use crate::error::{CcacheProblem, DelegationProblem, Error, Unavailability};
use crate::etype::EncryptionType;
use crate::files;
use crate::name::Principal;
use crate::secret::Secret;
use crate::time::Utc;

bitflags! {
    /// What a KDC says of a ticket (RFC 4120 2, 5.3), as MIT's `klist -f`
    /// shows it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct TicketFlags: u32 {
        /// A ticket-granting ticket that may be forwarded (RFC 4120 2.6).
        const FORWARDABLE = 0x4000_0000;
        /// It was forwarded, or comes of one that was.
        const FORWARDED = 0x2000_0000;
        /// Tickets with other addresses may be had for it (RFC 4120 2.5).
        const PROXIABLE = 0x1000_0000;
        /// It is such a ticket.
        const PROXY = 0x0800_0000;
        /// It may be postdated (RFC 4120 2.4).
        const MAY_POSTDATE = 0x0400_0000;
        /// It is postdated.
        const POSTDATED = 0x0200_0000;
        /// Not valid before the KDC has validated it (RFC 4120 2.2).
        const INVALID = 0x0100_0000;
        /// It can be renewed (RFC 4120 2.3).
        const RENEWABLE = 0x0080_0000;
        /// It comes of the client's own key, not of another ticket.
        const INITIAL = 0x0040_0000;
        /// The client was authenticated before it was issued.
        const PRE_AUTHENT = 0x0020_0000;
        /// The same, with hardware.
        const HW_AUTHENT = 0x0010_0000;
        /// The KDC has checked the transited realms (RFC 4120 2.7).
        const TRANSITED_POLICY_CHECKED = 0x0008_0000;
        /// The server may be trusted with delegated credentials (RFC 4120
        /// 2.8).
        const OK_AS_DELEGATE = 0x0004_0000;
        /// The KDC takes part in FAST for it (RFC 6806 11).
        const ENC_PA_REP = 0x0001_0000;
        /// Its client is anonymous (RFC 8062 3).
        const ANONYMOUS = 0x0000_8000;
        /// What else a KDC may set.
        const _ = !0;
    }
}

/// A client's ticket for a server, and the session key without which it is
/// of no use.
///
/// The key is wiped when this is dropped, and is not printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct KerberosCredential {
    /// Whose it is.
    pub client: Principal,
    /// For which server: `krbtgt/REALM@REALM` for a ticket-granting ticket.
    pub server: Principal,
    key_type: EncryptionType,
    key: Secret,
    /// When the client proved who it is.
    pub auth_time: SystemTime,
    /// From when on it may be used, if not from `auth_time`.
    pub start_time: Option<SystemTime>,
    /// Until when.
    pub end_time: SystemTime,
    /// Until when it may be renewed, if at all.
    pub renew_till: Option<SystemTime>,
    /// What the KDC says of it.
    pub flags: TicketFlags,
    /// Whether the ticket is in another ticket's session key (user-to-user, RFC 4120 3.7).
    pub is_session_key: bool,
    /// The hosts that may use it, address type (RFC 4120 7.5.3) and bytes;
    /// any host, if there are none.
    pub addresses: Vec<(u16, Vec<u8>)>,
    /// Authorization data that was asked for with it, ad-type and bytes.
    pub authorization_data: Vec<(u16, Vec<u8>)>,
    /// The ticket in DER (RFC 4120 5.3): opaque to its client.
    pub ticket: Vec<u8>,
    /// The ticket in whose session key this one is, if it is in one.
    pub second_ticket: Vec<u8>,
}

impl KerberosCredential {
    /// A ticket with its session key, valid until `end_time`; everything
    /// else empty.
    #[must_use]
    pub fn new(
        client: Principal,
        server: Principal,
        (key_type, key): (EncryptionType, Secret),
        (auth_time, end_time): (SystemTime, SystemTime),
        ticket: Vec<u8>,
    ) -> Self {
        Self {
            client,
            server,
            key_type,
            key,
            auth_time,
            start_time: None,
            end_time,
            renew_till: None,
            flags: TicketFlags::empty(),
            is_session_key: false,
            addresses: Vec::new(),
            authorization_data: Vec::new(),
            ticket,
            second_ticket: Vec::new(),
        }
    }

    /// The type of the session key.
    #[must_use]
    pub fn key_type(&self) -> EncryptionType {
        self.key_type
    }

    /// The session key: whoever has it can use the ticket as the client.
    #[must_use]
    pub fn session_key(&self) -> &Secret {
        &self.key
    }

    /// Whether this is a ticket-granting ticket of the client's own realm:
    /// one that gives tickets for other servers (RFC 4120 7.3).
    #[must_use]
    pub fn is_ticket_granting(&self) -> bool {
        let realm = self.client.realm();
        self.server.realm() == realm && self.server.components().eq([KRBTGT, realm])
    }

    /// Whether a KDC takes this ticket as evidence that its client is with
    /// this service, for every service that the directory lets it delegate
    /// to. Where it does not, another way remains: a service behind that
    /// itself lists this one (resource-based delegation).
    ///
    /// # Errors
    ///
    /// [`DelegationProblem::NotForwardable`], with what to do.
    pub fn check_evidence(&self) -> Result<(), DelegationProblem> {
        if self.flags.contains(TicketFlags::FORWARDABLE) {
            return Ok(());
        }
        let service = self.server.clone();
        Err(DelegationProblem::NotForwardable { service })
    }

    /// Whether it may be used at this time.
    #[must_use]
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.start_time.unwrap_or(self.auth_time) <= now
            && now < self.end_time
            && !self.flags.contains(TicketFlags::INVALID)
    }
}

/// First component of a ticket-granting service (RFC 4120 7.3).
const KRBTGT: &[u8] = b"krbtgt";

impl fmt::Debug for KerberosCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosCredential")
            .field("client", &self.client)
            .field("server", &self.server)
            .field("key_type", &self.key_type)
            .field("end_time", &format_args!("{}", Utc(self.end_time)))
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// Credentials of one client, as a credential cache holds them (MIT's FILE
/// format, which Heimdal and Java read too).
///
/// Session keys are wiped when this is dropped.
#[derive(Clone, Debug)]
pub struct CredentialCache {
    client: Principal,
    credentials: Vec<KerberosCredential>,
}

impl CredentialCache {
    /// The realm of a file's entries that hold settings, not credentials.
    pub(crate) const CONFIGURATION: &[u8] = b"X-CACHECONF:";

    /// The credentials of `client`.
    #[must_use]
    pub fn new(client: Principal, credentials: Vec<KerberosCredential>) -> Self {
        Self {
            client,
            credentials,
        }
    }

    /// Reads the FILE cache at `path`, of version 3 or 4. Entries that hold
    /// configuration, or were removed, are left out.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Ccache`] when the file is missing, cannot be read,
    /// or is not such a cache.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        files::read_ccache(path)
            .and_then(|(bytes, _)| format::parse(bytes.expose()))
            .map_err(|problem| failure(Some(path), problem))
    }

    /// Reads the bytes of such a file. They are the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Ccache`] when they are not a cache of version 3 or
    /// 4.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        format::parse(bytes).map_err(|problem| failure(None, problem))
    }

    /// As [`from_bytes`](Self::from_bytes), for whoever knows the file.
    #[allow(dead_code)] // as in files.rs
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CcacheProblem> {
        format::parse(bytes)
    }

    /// Whose credentials these are.
    #[must_use]
    pub fn client(&self) -> &Principal {
        &self.client
    }

    /// The credentials, in the order of the file.
    #[must_use]
    pub fn credentials(&self) -> &[KerberosCredential] {
        &self.credentials
    }

    /// The client's own ticket-granting ticket; of several, the one that
    /// lasts longest.
    #[must_use]
    pub fn ticket_granting_ticket(&self) -> Option<&KerberosCredential> {
        self.credentials
            .iter()
            .filter(|credential| {
                credential.is_ticket_granting() && credential.client == self.client
            })
            .max_by_key(|credential| credential.end_time)
    }

    /// A FILE cache of version 4 with these credentials, for `klist`, `kvno`
    /// and everything else that uses a cache. It holds the session keys.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Ccache`] when a name, a key or an encryption type
    /// is beyond what the format can hold.
    pub fn to_bytes(&self) -> Result<Secret, Error> {
        format::write(self).ok_or_else(|| failure(None, CcacheProblem::Unrepresentable))
    }

    /// Writes the cache to a file that its owner alone may read and write
    /// (mode 0600; where a system has no modes, what the directory gives).
    ///
    /// The file appears whole or not at all, and replaces one of the same
    /// name: it is written under another name beside it, and renamed. A
    /// symbolic link at `path` is replaced, not followed.
    ///
    /// # Errors
    ///
    /// As for [`to_bytes`](Self::to_bytes), and when the file cannot be
    /// written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        files::write_private(path, &self.to_bytes()?)
            .map_err(|problem| failure(Some(path), problem))
    }
}

fn failure(origin: Option<&Path>, problem: CcacheProblem) -> Error {
    Unavailability::Ccache {
        origin: origin.map(Into::into),
        problem,
    }
    .into()
}

/// For `fuzz/`.
#[cfg(any(fuzzing, test))]
#[allow(dead_code)] // without the rust backend nothing fuzzes
pub(crate) use format::{parse, write};
