//! The ticket: which key opens it, and whether it holds now and here.

use std::net::IpAddr;
use std::time::SystemTime;

use super::{malformed, pac};
use crate::backends::Settings;
use crate::backends::rust::kerberos::codec::authdata::{self, Place, ad_type};
use crate::backends::rust::kerberos::codec::messages::{ApReq, EncTicketPart, Ticket};
use crate::backends::rust::kerberos::crypto::KeyRef;
use crate::backends::rust::kerberos::key_table;
use crate::backends::rust::kerberos::keys::{OwnTgt, PacKey, ServiceKey, Table, some_principals};
use crate::backends::rust::kerberos::transited;
use crate::error::{Error, EtypeUse, KeyTried, Rejection};
use crate::name::Principal;
use crate::secret::SecretBuffer;
use crate::time::from_unix_seconds;

/// How many versions of a principal's key are tried when the ticket's is not
/// there: more than any rotation keeps.
const MAX_VERSIONS: usize = 8;

/// Address types of RFC 4120 7.5.3.
const ADDRESS_IPV4: i32 = 2;
const ADDRESS_NETBIOS: i32 = 20;
const ADDRESS_IPV6: i32 = 24;

/// Where ticket and authenticator are decrypted, one behind the other: wiped
/// together.
#[derive(Default)]
pub(super) struct Room(SecretBuffer);

impl Room {
    /// Copies both ciphertexts in, and gives the place of each.
    fn fill(&mut self, request: &ApReq<'_>) -> (&mut [u8], &mut [u8]) {
        let ticket = request.ticket.enc_part.cipher.0;
        let authenticator = request.authenticator.cipher.0;
        self.0 = SecretBuffer::with_capacity(ticket.len() + authenticator.len());
        self.0.extend_from_slice(ticket);
        self.0.extend_from_slice(authenticator);
        self.0.split_at_mut(ticket.len())
    }
}

/// A decrypted ticket.
pub(super) struct OpenTicket<'k> {
    target: &'k Principal,
    sealed_in: SealedIn,
    pac_key: &'k PacKey,
    plain: &'k [u8],
}

/// Which of the server's keys opened a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedIn {
    LongTermKey,
    /// User-to-user.
    TgtSessionKey,
}

impl<'k> OpenTicket<'k> {
    /// Finds the key and opens the ticket (rules 4 to 7). Gives the place of
    /// the authenticator besides.
    pub(super) fn open(
        request: &ApReq<'_>,
        settings: &Settings,
        table: &'k Table,
        room: &'k mut Room,
    ) -> Result<(Self, &'k mut [u8]), Error> {
        let ticket = &request.ticket;
        let etype = ticket.enc_part.etype;
        if !settings.etypes.contains(&etype) {
            return Err(Rejection::EtypeNotPermitted {
                used_as: EtypeUse::Ticket,
                etype,
                permitted: settings.etypes.clone(),
            }
            .into());
        }
        let candidates = Candidates::find(ticket, table, settings)?;
        let (room, beside) = room.fill(request);
        for key in candidates.keys() {
            let Some(cipher) = key.payload.ticket_key() else {
                continue;
            };
            let opened = cipher.decrypt_in_place(room).map(|part| part.len());
            let owner = table.owner(key).zip(key.payload.pac_key());
            let (Ok(length), Some((target, pac_key))) = (opened, owner) else {
                // For the next key. What cannot be one is as it was.
                room.copy_from_slice(ticket.enc_part.cipher.0);
                continue;
            };
            let start = cipher.plaintext_at();
            let opened = Self {
                target,
                sealed_in: SealedIn::LongTermKey,
                pac_key,
                plain: room.get(start..start + length).unwrap_or_default(),
            };
            return Ok((opened, beside));
        }
        Err(candidates.failure(ticket, table).into())
    }

    /// Opens the ticket with the session key of the server's TGT, if that fits
    /// (rule 13).
    pub(super) fn unseal(
        tgt: &'k OwnTgt,
        request: &ApReq<'_>,
        room: &'k mut Room,
    ) -> Option<(Self, &'k mut [u8])> {
        let (room, beside) = room.fill(request);
        let opened = Self {
            target: tgt.client(),
            sealed_in: SealedIn::TgtSessionKey,
            pac_key: tgt.pac_key(),
            plain: tgt.opener().decrypt_in_place(room).ok()?,
        };
        Some((opened, beside))
    }

    /// Decodes what was decrypted.
    #[inline]
    pub(super) fn decode(&self) -> Result<EncTicketPart<'k>, Error> {
        EncTicketPart::decode(self.plain).map_err(malformed)
    }

    /// The ticket, of which `part` was decoded; the session key is held to the permitted
    /// types (rule 7).
    #[inline]
    pub(super) fn read(
        self,
        part: &'k EncTicketPart<'k>,
        settings: &Settings,
    ) -> Result<ReadTicket<'k>, Error> {
        if !settings.etypes.contains(&part.key.keytype) {
            return Err(Rejection::EtypeNotPermitted {
                used_as: EtypeUse::SessionKey,
                etype: part.key.keytype,
                permitted: settings.etypes.clone(),
            }
            .into());
        }
        let session = KeyRef::new(part.key.keytype, part.key.keyvalue.0).map_err(|_| {
            Error::malformed("EncTicketPart", "a session key of the wrong length", None)
        })?;
        Ok(ReadTicket {
            target: self.target,
            sealed_in: self.sealed_in,
            pac_key: self.pac_key,
            part,
            session,
        })
    }
}

/// The keys that may open a ticket, the likeliest first, and why these.
struct Candidates<'t> {
    /// Of nearly every ticket there is one, and no list to be made.
    first: Option<&'t key_table::Key<ServiceKey>>,
    others: Vec<&'t key_table::Key<ServiceKey>>,
    why: Why,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The ticket's own version, or the ticket gives none.
    Exact,
    /// Other versions: the keytab lacks the ticket's.
    OtherVersions,
    /// Other principals: the keytab lacks the ticket's name.
    Aliases,
}

impl<'t> Candidates<'t> {
    fn find(ticket: &Ticket<'_>, table: &'t Table, settings: &Settings) -> Result<Self, Error> {
        let etype = ticket.enc_part.etype;
        let Some(own) = table.principal(ticket.realm.0, ticket.sname.components()) else {
            return Ok(Self::aliases(ticket, table, settings));
        };
        if let Some(principal) = own.principal() {
            check_accepted(principal, settings)?;
        }
        let found = match ticket.enc_part.kvno {
            Some(kvno) => {
                let exact = own.exact(etype, kvno).take(MAX_VERSIONS);
                let exact = Self::of(exact, Why::Exact);
                if exact.first.is_some() {
                    exact
                } else {
                    Self::of(own.of_etype(etype).take(MAX_VERSIONS), Why::OtherVersions)
                }
            }
            None => Self::of(own.of_etype(etype).take(MAX_VERSIONS), Why::Exact),
        };
        if found.first.is_none() {
            let mut has: Vec<_> = own.all().map(|key| key.etype).collect();
            has.sort_unstable();
            has.dedup();
            return Err(Rejection::KeyEtype {
                service: ticket.sname.in_realm(ticket.realm),
                etype,
                has,
            }
            .into());
        }
        Ok(found)
    }

    fn of(mut keys: impl Iterator<Item = &'t key_table::Key<ServiceKey>>, why: Why) -> Self {
        Self {
            first: keys.next(),
            others: keys.collect(),
            why,
        }
    }

    fn keys(&self) -> impl Iterator<Item = &'t key_table::Key<ServiceKey>> {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// Rule 4: bounded, and only if the configuration says that any name
    /// will do. None of them is the same as none that opens it.
    fn aliases(ticket: &Ticket<'_>, table: &'t Table, settings: &Settings) -> Self {
        let etype = ticket.enc_part.etype;
        let accepted = |key: &&key_table::Key<ServiceKey>| {
            table
                .owner(key)
                .is_some_and(|owner| check_accepted(owner, settings).is_ok())
        };
        let keys = table.of_etype(etype, settings.alias_limit);
        Self::of(keys.filter(accepted), Why::Aliases)
    }

    /// None of them opened it: which of the four cases of rule 4 it is.
    fn failure(&self, ticket: &Ticket<'_>, table: &Table) -> Rejection {
        let service = ticket.sname.in_realm(ticket.realm);
        let etype = ticket.enc_part.etype;
        match (self.why, ticket.enc_part.kvno) {
            // A password's keys have no version, so none can be missing.
            (Why::OtherVersions, Some(kvno)) if self.keys().any(|key| key.kvno != 0) => {
                Rejection::KeyVersion {
                    service,
                    kvno,
                    etype,
                    has: self.keys().map(|key| key.kvno).collect(),
                }
            }
            (Why::Aliases, _) => Rejection::NoKey {
                service,
                available: some_principals(table),
            },
            (_, kvno) => Rejection::KeyMismatch {
                service,
                kvno,
                etype,
                tried: match self.keys().count() {
                    1 => KeyTried::Exact,
                    count => KeyTried::Versions(count),
                },
            },
        }
    }
}

pub(super) fn check_accepted(principal: &Principal, settings: &Settings) -> Result<(), Rejection> {
    let services = &settings.services;
    if services.is_empty() || services.iter().any(|own| own.covers(principal)) {
        return Ok(());
    }
    Err(Rejection::ServiceNotAccepted {
        service: principal.clone(),
        accepted: services.clone(),
    })
}

/// A ticket whose inside has been read.
pub(super) struct ReadTicket<'a> {
    /// The server's name of the key that opened it (rule 5).
    pub(super) target: &'a Principal,
    pub(super) sealed_in: SealedIn,
    pac_key: &'a PacKey,
    pub(super) part: &'a EncTicketPart<'a>,
    pub(super) session: KeyRef<'a>,
}

impl<'a> ReadTicket<'a> {
    /// Rule 9: not before its start, not after its end, not INVALID.
    pub(super) fn check_times(&self, now: SystemTime, settings: &Settings) -> Result<(), Error> {
        let skew = settings.clock_skew;
        if self.part.flags.0 & EncTicketPart::INVALID != 0 {
            return Err(Rejection::TicketInvalid.into());
        }
        let start = from_unix_seconds(self.part.starttime.unwrap_or(self.part.authtime).0);
        if start > now + skew {
            return Err(Rejection::TicketNotYetValid {
                start: Some(start),
                now,
            }
            .into());
        }
        let end = from_unix_seconds(self.part.endtime.0);
        if now > end + skew {
            return Err(Rejection::TicketExpired {
                end: Some(end),
                now,
            }
            .into());
        }
        Ok(())
    }

    /// Rule 11, unless the KDC has done it.
    pub(super) fn check_path(&self, settings: &Settings) -> Result<(), Error> {
        let part = &self.part;
        let server = self.target.realm();
        if part.flags.0 & EncTicketPart::TRANSITED_POLICY_CHECKED != 0 {
            return Ok(());
        }
        transited::check(
            part.crealm.0,
            server,
            part.transited.tr_type,
            part.transited.contents.0,
            &settings.capaths,
        )
        .map_err(|transited| {
            Rejection::Transited {
                client: part.cname.in_realm(part.crealm),
                server_realm: String::from_utf8_lossy(server).into_owned(),
                transited,
            }
            .into()
        })
    }

    /// Rule 9: what is not known and must not be ignored (RFC 4120 5.2.6).
    /// Gives the PAC, if there is one, whatever it is worth.
    pub(super) fn check_authorization_data(&self) -> Result<pac::Found<'a>, Error> {
        let mut pacs = pac::Found::default();
        let Some(list) = &self.part.authorization_data else {
            return Ok(pacs);
        };
        for found in authdata::walk(list) {
            let found = found.map_err(malformed)?;
            let known = matches!(
                found.ad_type,
                ad_type::WIN2K_PAC | ad_type::MANDATORY_FOR_KDC
            );
            if found.place == Place::Critical && !known {
                return Err(Rejection::AuthorizationData {
                    ad_type: found.ad_type,
                }
                .into());
            }
            if found.ad_type == ad_type::WIN2K_PAC {
                pacs.add(found.data);
            }
        }
        Ok(pacs)
    }

    /// What the ticket's PAC is signed with.
    pub(super) fn pac_key(&self) -> &PacKey {
        self.pac_key
    }

    /// The authorization data as the KDC wrote it.
    pub(super) fn authorization_data(&self) -> Box<[u8]> {
        match &self.part.authorization_data {
            Some(list) => list.contents().into(),
            None => Box::default(),
        }
    }

    /// Rule 9: whether the ticket may be used from this address.
    pub(super) fn admits(&self, peer: IpAddr) -> bool {
        let Some(list) = &self.part.caddr else {
            return true;
        };
        let mut addresses = list.iter().peekable();
        if addresses.peek().is_none() {
            return true;
        }
        let all: Vec<_> = addresses.take(MAX_ADDRESSES).collect();
        // Windows clients ask for tickets that name their NetBIOS name alone.
        if let [only] = all.as_slice()
            && only.addr_type == ADDRESS_NETBIOS
        {
            return true;
        }
        let peer = peer.to_canonical();
        all.iter().any(|address| match (address.addr_type, peer) {
            (ADDRESS_IPV4, IpAddr::V4(own)) => address.address.0 == own.octets(),
            (ADDRESS_IPV6, IpAddr::V6(own)) => address.address.0 == own.octets(),
            _ => false,
        })
    }
}

/// More addresses than any host has; the rest admits nobody.
const MAX_ADDRESSES: usize = 256;
