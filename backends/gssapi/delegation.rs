//! Credentials that the client delegates (rule 15). The library decrypts
//! them; whether they are of use is looked at here, as the rust backend does.
//!
//! A library keeps whatever decodes. Here the names must be the client's own,
//! every ticket valid now, and one of them a ticket-granting one. What nobody
//! asked for is not asked of the library, which then drops it.

pub(super) mod sys;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use self::sys::Ticket;
use super::credentials::sys::Credential;
use super::sys::Gss;
use super::token;
use crate::ccache::{CredentialCache, KerberosCredential, TicketFlags};
use crate::delegation::Delegated;
use crate::error::DelegationProblem;
use crate::etype::EncryptionType;
use crate::facts::{DelegationFact, Facts};
use crate::name::Principal;
use crate::requirements::Granted;
use crate::time::from_unix_seconds;

/// Whether delegated credentials are asked of the library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

/// Clients send one. A bound on what is kept for a stranger.
const MAX_TICKETS: usize = 8;
/// What is read of a cache: one ticket too many, and the cache's settings.
const MAX_ENTRIES: usize = 16;
/// First component of a ticket-granting service (RFC 4120 7.3).
const KRBTGT: &[u8] = b"krbtgt";

/// What is known of the client that may have delegated.
pub(super) struct Client<'a> {
    pub(super) principal: Option<&'a Principal>,
    /// Of the service ticket, in the order of RFC 4120.
    pub(super) ticket_flags: TicketFlags,
    /// Whether the library says that it delegates.
    pub(super) says_so: bool,
    pub(super) now: SystemTime,
    pub(super) skew: Duration,
}

/// What became of delegated credentials, said in the facts too.
pub(super) fn read(
    gss: &Arc<Gss>,
    credential: Option<&Credential>,
    client: &Client<'_>,
    facts: &mut Facts,
) -> Option<Delegated> {
    let found = match (credential, client.principal) {
        (Some(credential), Some(principal)) => match sys::tickets(gss, credential, MAX_ENTRIES) {
            Ok(tickets) => client.cache(principal, tickets),
            Err(_) => Err(bad("KRB-CRED", "the library does not give it out")),
        },
        _ if client.says_so => Err(DelegationProblem::NotSent),
        _ => Err(DelegationProblem::Absent {
            forwardable: client.ticket_flags.contains(TicketFlags::FORWARDABLE),
            ok_as_delegate: client.ticket_flags.contains(TicketFlags::OK_AS_DELEGATE),
        }),
    };
    let usable = found.is_ok();
    facts.granted.set(Granted::DELEGATE, usable);
    match found {
        Ok(cache) => {
            facts.delegation = DelegationFact::Usable;
            Some(Delegated::Kerberos(cache))
        }
        Err(problem) => {
            facts.delegation = DelegationFact::Unusable(Box::new(problem));
            None
        }
    }
}

impl Client<'_> {
    fn cache(
        &self,
        principal: &Principal,
        mut tickets: Vec<Ticket>,
    ) -> Result<CredentialCache, DelegationProblem> {
        tickets.retain(|ticket| !is_setting(ticket));
        if tickets.is_empty() || tickets.len() > MAX_TICKETS {
            return Err(bad(
                "KRB-CRED",
                "not one to eight tickets, each with its key",
            ));
        }
        let credentials = tickets
            .into_iter()
            .map(|ticket| self.credential(principal, ticket))
            .collect::<Result<Vec<_>, _>>()?;
        let gives_tickets = |credential: &KerberosCredential| {
            let mut name = credential.server.components();
            name.len() == 2 && name.next() == Some(KRBTGT)
        };
        if !credentials.iter().any(gives_tickets) {
            return Err(DelegationProblem::NoTicketGrantingTicket);
        }
        Ok(CredentialCache::new(principal.clone(), credentials))
    }

    fn credential(
        &self,
        client: &Principal,
        ticket: Ticket,
    ) -> Result<KerberosCredential, DelegationProblem> {
        if let Some(found) = ticket.client.filter(|found| found != client) {
            let client = client.clone();
            return Err(DelegationProblem::ForeignClient { found, client });
        }
        // The ticket's own name, which is what a KDC goes by.
        let server = token::ticket_service(&ticket.octets)
            .ok_or_else(|| bad("Ticket", "it cannot be read"))?;
        if server.realm() == CredentialCache::CONFIGURATION {
            return Err(bad("Ticket", "in the realm of a cache's own settings"));
        }
        let etype = EncryptionType(ticket.etype);
        let expected = etype.key_length().unwrap_or(ticket.key.len());
        if ticket.key.is_empty() || ticket.key.len() != expected {
            return Err(DelegationProblem::SessionKey { server, etype });
        }
        let at = |seconds: i64| (seconds != 0).then(|| from_unix_seconds(seconds));
        let [auth, start, end, renew] = ticket.times.map(at);
        let end = end.ok_or_else(|| bad("KrbCredInfo", "no end of the ticket"))?;
        let auth = auth.or(start).unwrap_or(self.now);
        let (key, times) = ((etype, ticket.key), (auth, end));
        let mut credential =
            KerberosCredential::new(client.clone(), server, key, times, ticket.octets);
        credential.start_time = start;
        credential.renew_till = renew;
        credential.flags = TicketFlags::from_bits_retain(ticket.flags);
        for (kind, address) in ticket.addresses {
            let kind = u16::try_from(kind)
                .map_err(|_| bad("KrbCredInfo", "an address of no type that there is"))?;
            credential.addresses.push((kind, address));
        }
        self.check_times(credential)
    }

    /// A KDC forgives a clock that is behind, and takes no ticket that has
    /// ended (RFC 4120 3.3.3.1).
    fn check_times(
        &self,
        credential: KerberosCredential,
    ) -> Result<KerberosCredential, DelegationProblem> {
        let (now, server) = (self.now, &credential.server);
        let start = credential.start_time.unwrap_or(credential.auth_time);
        if credential.end_time <= now {
            return Err(DelegationProblem::Expired {
                server: server.clone(),
                end: credential.end_time,
                now,
            });
        }
        let invalid = credential.flags.contains(TicketFlags::INVALID);
        if invalid || start > now + self.skew {
            let server = server.clone();
            return Err(DelegationProblem::NotYetValid { server, start });
        }
        Ok(credential)
    }
}

/// An entry that Heimdal has made itself, to remember the client's realm.
fn is_setting(entry: &Ticket) -> bool {
    let realm = entry.server.as_ref().map(Principal::realm);
    realm == Some(CredentialCache::CONFIGURATION) && token::ticket_service(&entry.octets).is_none()
}

fn bad(part: &'static str, problem: &'static str) -> DelegationProblem {
    DelegationProblem::Malformed {
        part,
        problem,
        offset: None,
    }
}
