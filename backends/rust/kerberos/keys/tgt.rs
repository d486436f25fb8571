//! The server's own TGT, whose session key opens the tickets of user-to-user
//! (RFC 4120 3.7).

use std::sync::OnceLock;
use std::time::SystemTime;

use super::{PacKey, USAGE_TICKET};
use crate::apart::Apart;
use crate::backends::TgtDescription;
use crate::backends::rust::kerberos::crypto::{Key, UsageKey};
use crate::ccache::{CredentialCache, TicketFlags};
use crate::error::{CcacheProblem, Error, Unavailability};
use crate::etype::EncryptionType;
use crate::name::Principal;

/// A TGT of the server's, and the key that tickets are encrypted in which
/// clients got for it.
pub(crate) struct OwnTgt {
    client: Principal,
    ticket: Box<[u8]>,
    session: Key,
    opener: OnceLock<Box<Apart<UsageKey>>>,
    pac: OnceLock<Box<Apart<PacKey>>>,
    start: SystemTime,
    end: SystemTime,
}

impl OwnTgt {
    /// The TGT of a credential cache.
    pub(super) fn parse(bytes: &[u8], permitted: &[EncryptionType]) -> Result<Self, CcacheProblem> {
        let cache = CredentialCache::parse(bytes)?;
        let tgt = cache.ticket_granting_ticket().ok_or(CcacheProblem::NoTgt)?;
        // Rule 7: it is what every ticket will be encrypted in.
        let etype = tgt.key_type();
        if !permitted.contains(&etype) {
            return Err(CcacheProblem::Etype(etype));
        }
        let session =
            Key::new(etype, tgt.session_key().clone()).map_err(|_| CcacheProblem::Etype(etype))?;
        // One that the KDC has not validated never begins.
        let invalid = tgt.flags.contains(TicketFlags::INVALID);
        let start = tgt.start_time.unwrap_or(tgt.auth_time);
        Ok(Self {
            client: tgt.client.clone(),
            ticket: tgt.ticket.clone().into(),
            session,
            opener: OnceLock::new(),
            pac: OnceLock::new(),
            start: if invalid { tgt.end_time } else { start },
            end: tgt.end_time,
        })
    }

    /// Whose it is: what clients ask for, and what a ticket must be for.
    pub(crate) fn client(&self) -> &Principal {
        &self.client
    }

    /// The ticket as the KDC encoded it.
    pub(crate) fn ticket(&self) -> &[u8] {
        &self.ticket
    }

    /// The type of its session key.
    pub(crate) fn etype(&self) -> EncryptionType {
        self.session.etype()
    }

    /// The key that opens tickets for it.
    pub(crate) fn opener(&self) -> &UsageKey {
        self.opener
            .get_or_init(|| Box::new(Apart(self.session.usage_key(USAGE_TICKET))))
    }

    /// The same key for the PACs of those tickets.
    pub(crate) fn pac_key(&self) -> &PacKey {
        self.pac
            .get_or_init(|| Box::new(Apart(PacKey::new(self.session.clone()))))
    }

    /// That it holds now. Without clock skew: the clock is the one that the
    /// KDC would look at, and there is nobody whose clock may be off.
    pub(crate) fn check(&self, now: SystemTime) -> Result<(), Error> {
        if self.start <= now && now < self.end {
            return Ok(());
        }
        Err(Unavailability::OwnTgt {
            client: self.client.clone(),
            start: self.start,
            end: self.end,
            now,
        }
        .into())
    }

    pub(super) fn describe(&self) -> TgtDescription {
        TgtDescription {
            client: self.client.clone(),
            etype: self.etype(),
            end: self.end,
        }
    }
}
