//! Credentials that the client delegates (RFC 4121 4.1.1, RFC 4120 5.8; rule
//! 15). Nothing of it rejects a client: whether it must have delegated is the
//! policy's question.
//!
//! Stricter than MIT krb5 and Heimdal, which keep whatever decodes: the names
//! must be the client's own, every ticket valid now, and one of them a
//! ticket-granting one. No addresses, times or sequence numbers of the
//! KRB-CRED itself are looked at: it lies inside the authenticator, which is
//! bound to its moment and passes only once (rule 12).

use std::time::SystemTime;

use zeroize::Zeroizing;

use super::authenticator::{Asked, ReadClient};
use super::malformed;
use super::ticket::ReadTicket;
use crate::backends::Settings;
use crate::backends::rust::kerberos::codec::CodecError;
use crate::backends::rust::kerberos::codec::cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
use crate::backends::rust::kerberos::codec::messages::{EncTicketPart, Ticket};
use crate::backends::rust::kerberos::codec::parts::EncryptedData;
use crate::backends::rust::kerberos::codec::wire::{KerberosTime, List};
use crate::backends::rust::kerberos::crypto::Key;
use crate::ccache::{CredentialCache, KerberosCredential, TicketFlags};
use crate::delegation::Delegated;
use crate::error::{DelegationProblem, Error};
use crate::etype::EncryptionType;
use crate::facts::{DelegationFact, Facts};
use crate::name::Principal;
use crate::requirements::{Granted, Requirements};
use crate::secret::Secret;
use crate::time::from_unix_seconds;

/// Key usage of a KRB-CRED's encrypted part (RFC 4120 7.5.1).
const USAGE_KRB_CRED: u32 = 14;

/// The encrypted part is in the clear (RFC 6448): MIT krb5's clients rely on
/// the authenticator's own encryption.
const NOT_ENCRYPTED: EncryptionType = EncryptionType(0);

/// Clients send one. A bound on what is kept for a stranger.
const MAX_TICKETS: usize = 8;

/// First component of a ticket-granting service (RFC 4120 7.3).
const KRBTGT: &[u8] = b"krbtgt";

/// What the checksum says of delegation.
#[derive(Clone, Copy)]
pub(super) enum Sent<'a> {
    Nothing,
    /// The flag without credentials.
    FlagAlone,
    /// A KRB-CRED.
    Credentials(&'a [u8]),
}

/// What came of it.
pub(super) struct Delegation {
    fact: DelegationFact,
    credentials: Option<Delegated>,
}

impl Delegation {
    /// Reads what the client sent, if the configuration asks for it. Secrets
    /// that nobody asked for are dropped unread, with the authenticator.
    pub(super) fn read(
        asked: &Asked<'_>,
        client: &ReadClient<'_>,
        ticket: &ReadTicket<'_>,
        now: SystemTime,
        settings: &Settings,
    ) -> Result<Self, Error> {
        if !settings.wants(Requirements::DELEGATE) {
            return Ok(Self {
                fact: DelegationFact::NotAsked,
                credentials: None,
            });
        }
        let read = match asked.delegation() {
            Sent::Nothing => Err(absent(ticket)),
            Sent::FlagAlone => Err(DelegationProblem::NotSent),
            Sent::Credentials(message) => {
                let keys = [client.subkey()?, Some(ticket.session.clone())];
                let known = Known {
                    client: ticket.part.cname.in_realm(ticket.part.crealm),
                    authtime: ticket.part.authtime,
                    now,
                    settings,
                };
                known.read(message, keys.iter().flatten())
            }
        };
        Ok(match read {
            Ok(cache) => Self {
                fact: DelegationFact::Usable,
                credentials: Some(Delegated::Kerberos(cache)),
            },
            Err(problem) => Self {
                fact: DelegationFact::Unusable(Box::new(problem)),
                credentials: None,
            },
        })
    }

    /// Says it in the facts.
    pub(super) fn report(&self, facts: &mut Facts) {
        facts.delegation = self.fact.clone();
        facts
            .granted
            .set(Granted::DELEGATE, self.credentials.is_some());
    }

    /// The credentials, if they are usable.
    pub(super) fn into_credentials(self) -> Option<Delegated> {
        self.credentials
    }
}

/// The service ticket tells why a client that would like to delegate cannot.
fn absent(ticket: &ReadTicket<'_>) -> DelegationProblem {
    let has = |flag| ticket.part.flags.0 & flag != 0;
    DelegationProblem::Absent {
        forwardable: has(EncTicketPart::FORWARDABLE),
        ok_as_delegate: has(EncTicketPart::OK_AS_DELEGATE),
    }
}

/// What delegated credentials are held to.
struct Known<'s> {
    client: Principal,
    authtime: KerberosTime,
    now: SystemTime,
    settings: &'s Settings,
}

impl Known<'_> {
    fn read<'k>(
        &self,
        message: &[u8],
        keys: impl Iterator<Item = &'k Key>,
    ) -> Result<CredentialCache, DelegationProblem> {
        let cred = KrbCred::decode(message).map_err(unreadable)?;
        let plain = open(&cred.enc_part, keys)?;
        let part = EncKrbCredPart::decode(&plain).map_err(unreadable)?;
        let tickets = cred.ticket_bytes().map_err(unreadable)?;
        let count = part.ticket_info.iter().take(MAX_TICKETS + 1).count();
        if tickets.len() != count || count == 0 || count > MAX_TICKETS {
            return Err(bad(
                "KRB-CRED",
                "not one to eight tickets, each with its key",
            ));
        }
        let credentials = tickets
            .into_iter()
            .zip(part.ticket_info.iter())
            .map(|((ticket, bytes), info)| self.credential(&ticket, bytes, &info))
            .collect::<Result<Vec<_>, _>>()?;
        let gives_tickets = |credential: &KerberosCredential| {
            let mut name = credential.server.components();
            name.len() == 2 && name.next() == Some(KRBTGT)
        };
        if !credentials.iter().any(gives_tickets) {
            return Err(DelegationProblem::NoTicketGrantingTicket);
        }
        Ok(CredentialCache::new(self.client.clone(), credentials))
    }

    /// One ticket with what its client says of it.
    fn credential(
        &self,
        ticket: &Ticket<'_>,
        bytes: &[u8],
        info: &KrbCredInfo<'_>,
    ) -> Result<KerberosCredential, DelegationProblem> {
        self.check_client(info)?;
        // The ticket's own name, which is what a KDC goes by.
        let server = ticket.sname.in_realm(ticket.realm);
        let end = info
            .endtime
            .ok_or_else(|| bad("KrbCredInfo", "no end of the ticket"))?;
        let time = |time: KerberosTime| from_unix_seconds(time.0);
        let authtime = info.authtime.or(info.starttime).unwrap_or(self.authtime);
        let etype = info.key.keytype;
        let key = Secret::copy_from(info.key.keyvalue.0);
        let expected = etype.key_length().unwrap_or(key.len());
        if key.is_empty() || key.len() != expected {
            return Err(DelegationProblem::SessionKey { server, etype });
        }
        let times = (time(authtime), time(end));
        let client = self.client.clone();
        let mut credential =
            KerberosCredential::new(client, server, (etype, key), times, bytes.to_vec());
        credential.start_time = info.starttime.map(time);
        credential.renew_till = info.renew_till.map(time);
        credential.flags = TicketFlags::from_bits_retain(info.flags.unwrap_or_default().0);
        for address in info.caddr.iter().flat_map(List::iter) {
            let kind = u16::try_from(address.addr_type)
                .map_err(|_| bad("KrbCredInfo", "an address of no type that there is"))?;
            credential
                .addresses
                .push((kind, address.address.0.to_vec()));
        }
        self.check_times(credential)
    }

    /// A name that is missing is the client's: RFC 4120 5.8.1 makes it
    /// optional. One that is there must not be another's.
    fn check_client(&self, info: &KrbCredInfo<'_>) -> Result<(), DelegationProblem> {
        let realm = info.prealm.map_or(self.client.realm(), |realm| realm.0);
        let same = info
            .pname
            .is_none_or(|name| name.components().eq(self.client.components()));
        if same && realm == self.client.realm() {
            return Ok(());
        }
        let components: Vec<&[u8]> = match &info.pname {
            Some(name) => name.components().collect(),
            None => self.client.components().collect(),
        };
        Err(DelegationProblem::ForeignClient {
            found: Principal::new(realm, &components, Principal::NT_PRINCIPAL),
            client: self.client.clone(),
        })
    }

    /// A KDC forgives a clock that is behind, and takes no ticket that has
    /// ended (RFC 4120 3.3.3.1).
    fn check_times(
        &self,
        credential: KerberosCredential,
    ) -> Result<KerberosCredential, DelegationProblem> {
        let now = self.now;
        let start = credential.start_time.unwrap_or(credential.auth_time);
        let server = &credential.server;
        if credential.end_time <= now {
            return Err(DelegationProblem::Expired {
                server: server.clone(),
                end: credential.end_time,
                now,
            });
        }
        let invalid = credential.flags.contains(TicketFlags::INVALID);
        if invalid || start > now + self.settings.clock_skew {
            let server = server.clone();
            return Err(DelegationProblem::NotYetValid { server, start });
        }
        Ok(credential)
    }
}

/// Opens the encrypted part with the first key of its type that fits.
fn open<'k>(
    sealed: &EncryptedData<'_>,
    keys: impl Iterator<Item = &'k Key>,
) -> Result<Zeroizing<Vec<u8>>, DelegationProblem> {
    let etype = sealed.etype;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.cipher.0.len()));
    if etype == NOT_ENCRYPTED {
        plain.extend_from_slice(sealed.cipher.0);
        return Ok(plain);
    }
    for key in keys.filter(|key| key.etype() == etype) {
        let cipher = key.usage_key(USAGE_KRB_CRED);
        let opened = cipher.decrypt_into(sealed.cipher.0, &mut plain);
        if let Ok(length) = opened.map(|part| part.len()) {
            let start = cipher.confounder_len();
            plain.copy_within(start..start + length, 0);
            plain.truncate(length);
            return Ok(plain);
        }
    }
    Err(DelegationProblem::Undecipherable { etype })
}

fn bad(part: &'static str, problem: &'static str) -> DelegationProblem {
    DelegationProblem::Malformed {
        part,
        problem,
        offset: None,
    }
}

fn unreadable(error: CodecError) -> DelegationProblem {
    match malformed(error) {
        Error::Malformed {
            part,
            problem,
            offset,
            ..
        } => DelegationProblem::Malformed {
            part,
            problem,
            offset,
        },
        // `malformed` gives nothing else.
        _ => bad("KRB-CRED", "it cannot be read"),
    }
}
