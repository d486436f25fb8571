//! Tickets, good and bad.

use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::error::ClientError;
use super::realm::Service;
use crate::backends::rust::kerberos::codec::authdata::{self, AuthElement, ad_type};
use crate::backends::rust::kerberos::codec::messages::EncTicketPart;
use crate::backends::rust::kerberos::codec::parts::{
    EncryptionKey, PrincipalName, TransitedEncoding, texts,
};
use crate::backends::rust::kerberos::codec::wire::{Flags, KerberosTime, List, Octets, Text};
use crate::backends::rust::kerberos::crypto::Key;
use crate::time::unix_seconds;
use crate::{EncryptionType, Error, Misuse, Principal, random};

/// Key usage of a ticket's encrypted part (RFC 4120 7.5.1).
const USAGE_TICKET: u32 = 2;
/// INITIAL and PRE-AUTHENT (RFC 4120 5.3), as after `kinit`.
const ORDINARY_FLAGS: u32 = 0x0060_0000;

/// How a ticket differs from an ordinary one, which has begun now, lasts for
/// ten hours and is encrypted in the service's newest key.
///
/// Some failures are a matter of the service instead: for a kvno that the
/// server's keytab lacks, [`rotate_key`](Service::rotate_key) after the
/// keytab is made; for a key that does not open the ticket,
/// [`replace_key`](Service::replace_key); for another service's ticket, a
/// client of another service.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TicketOptions {
    kvno: Kvno,
    begin: Option<Time>,
    end: Option<Time>,
    flags: u32,
    naming: Naming,
    etype: Option<EncryptionType>,
    session_etype: Option<EncryptionType>,
    /// On the outermost level, and inside AD-IF-RELEVANT.
    critical: Vec<(i32, Vec<u8>)>,
    if_relevant: Vec<(i32, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Kvno {
    #[default]
    OfKey,
    Is(u32),
    Missing,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    At(SystemTime),
    In(Duration),
    Ago(Duration),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Naming {
    #[default]
    Named,
    Anonymous,
}

const HOUR: Duration = Duration::from_secs(3600);
const LIFETIME: Duration = Duration::from_secs(10 * 3600);

impl TicketOptions {
    /// An ordinary ticket.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says this kvno, whatever the key's is.
    pub fn kvno(mut self, kvno: u32) -> Self {
        self.kvno = Kvno::Is(kvno);
        self
    }

    /// Says no kvno, as some KDCs do.
    pub fn without_kvno(mut self) -> Self {
        self.kvno = Kvno::Missing;
        self
    }

    /// Encrypts it in the service's key of this type.
    pub fn etype(mut self, etype: EncryptionType) -> Self {
        self.etype = Some(etype);
        self
    }

    /// Gives it a session key of this type: that of the ticket unless set.
    pub fn session_etype(mut self, etype: EncryptionType) -> Self {
        self.session_etype = Some(etype);
        self
    }

    /// Begins at this time.
    pub fn begins(mut self, time: SystemTime) -> Self {
        self.begin = Some(Time::At(time));
        self
    }

    /// Ends at this time.
    pub fn ends(mut self, time: SystemTime) -> Self {
        self.end = Some(Time::At(time));
        self
    }

    /// Has ended an hour ago, by the realm's clock.
    pub fn expired(mut self) -> Self {
        self.begin = Some(Time::Ago(11 * HOUR));
        self.end = Some(Time::Ago(HOUR));
        self
    }

    /// Begins in an hour, by the realm's clock.
    pub fn not_yet_valid(mut self) -> Self {
        self.begin = Some(Time::In(HOUR));
        self
    }

    /// Flagged INVALID: postdated, and not validated (RFC 4120 2.2).
    pub fn invalid(mut self) -> Self {
        self.flags |= EncTicketPart::INVALID;
        self
    }

    /// For WELLKNOWN/ANONYMOUS, whatever the client's name (RFC 6112 3).
    pub fn anonymous(mut self) -> Self {
        self.flags |= EncTicketPart::ANONYMOUS;
        self.naming = Naming::Anonymous;
        self
    }

    /// With authorization data that may be ignored, such as a PAC (128):
    /// inside AD-IF-RELEVANT (RFC 4120 5.2.6.1).
    pub fn authorization_data(mut self, ad_type: i32, data: impl Into<Vec<u8>>) -> Self {
        self.if_relevant.push((ad_type, data.into()));
        self
    }

    /// With authorization data that a server must understand (RFC 4120
    /// 5.2.6).
    pub fn critical_authorization_data(mut self, ad_type: i32, data: impl Into<Vec<u8>>) -> Self {
        self.critical.push((ad_type, data.into()));
        self
    }

    /// Flagged FORWARDABLE (RFC 4120 2.6), as a service ticket is that was
    /// got with a ticket-granting ticket that can be delegated.
    pub fn forwardable(mut self) -> Self {
        self.flags |= EncTicketPart::FORWARDABLE;
        self
    }

    /// When it begins and ends.
    pub(super) fn times(&self, now: SystemTime) -> (SystemTime, SystemTime) {
        let begin = self.begin.map_or(now, |time| time.from(now));
        let end = self.end.map_or(begin + LIFETIME, |time| time.from(now));
        (begin, end)
    }

    /// The flags that were asked for.
    pub(super) fn flags(&self) -> u32 {
        self.flags
    }

    /// The type of its session key, where no service's key says one.
    pub(super) fn session_type(&self) -> EncryptionType {
        let [preferred, ..] = EncryptionType::DEFAULT;
        self.session_etype.or(self.etype).unwrap_or(preferred)
    }

    /// The ticket of `client` for `service`.
    pub(super) fn mint(&self, service: &Service, client: &str) -> Result<Minted, ClientError> {
        let client = match self.naming {
            Naming::Anonymous => anonymous(service),
            Naming::Named => user(client, service)?,
        };
        let Some((key, kvno)) = service.key(self.etype) else {
            let etype = self.etype.unwrap_or(EncryptionType(0));
            return Err(ClientError::NoKey { etype });
        };
        let session_etype = self.session_etype.unwrap_or(key.etype());
        let session = fresh_key(session_etype)?;
        let plain = Zeroizing::new(self.part(service, &client, &session)?);
        Ok(Minted {
            client,
            service: service.principal().clone(),
            kvno: match self.kvno {
                Kvno::OfKey => Some(kvno),
                Kvno::Is(kvno) => Some(kvno),
                Kvno::Missing => None,
            },
            etype: key.etype(),
            cipher: key
                .usage_key(USAGE_TICKET)
                .encrypt(&plain, &mut random::fill),
            session,
        })
    }

    fn part(
        &self,
        service: &Service,
        client: &Principal,
        session: &Key,
    ) -> Result<Vec<u8>, ClientError> {
        let (begin, end) = self.times(service.now());
        let begin = KerberosTime(unix_seconds(begin));
        let elements = self.elements()?;
        let names = texts(client);
        EncTicketPart {
            flags: Flags(ORDINARY_FLAGS | self.flags),
            key: EncryptionKey {
                keytype: session.etype(),
                keyvalue: Octets(session.expose()),
            },
            crealm: Text(client.realm()),
            cname: PrincipalName {
                name_type: client.name_type(),
                name_string: List::of(&names),
            },
            transited: TransitedEncoding {
                tr_type: 1,
                contents: Octets(&[]),
            },
            authtime: begin,
            starttime: Some(begin),
            endtime: KerberosTime(unix_seconds(end)),
            renew_till: None,
            caddr: None,
            authorization_data: (!elements.is_empty())
                .then(|| {
                    elements
                        .iter()
                        .map(|(ad_type, data)| element(*ad_type, data))
                        .collect::<Vec<_>>()
                })
                .as_deref()
                .map(List::of),
        }
        .encode()
        .map_err(|_| ClientError::encoding("ticket"))
    }

    /// The outermost authorization data.
    fn elements(&self) -> Result<Vec<(i32, Vec<u8>)>, ClientError> {
        let mut outer = self.critical.clone();
        if !self.if_relevant.is_empty() {
            outer.push((ad_type::IF_RELEVANT, encode_list(&self.if_relevant)?));
        }
        Ok(outer)
    }
}

impl Time {
    fn from(self, now: SystemTime) -> SystemTime {
        match self {
            Self::At(time) => time,
            Self::In(distance) => now + distance,
            Self::Ago(distance) => now - distance,
        }
    }
}

/// A ticket, as a client has it: what it shows, and the key it shares.
#[derive(Clone)]
pub(super) struct Minted {
    pub(super) client: Principal,
    pub(super) service: Principal,
    pub(super) kvno: Option<u32>,
    pub(super) etype: EncryptionType,
    pub(super) cipher: Vec<u8>,
    pub(super) session: Key,
}

/// A fresh key of a type.
pub(super) fn fresh_key(etype: EncryptionType) -> Result<Key, ClientError> {
    Key::generate(etype, &mut random::fill).map_err(|_| {
        let etypes = vec![etype];
        ClientError::Unusable(Misuse::Etypes { etypes }.into())
    })
}

pub(super) fn element(ad_type: i32, data: &[u8]) -> AuthElement<'_> {
    AuthElement {
        ad_type,
        ad_data: Octets(data),
    }
}

/// A list of authorization data in DER.
pub(super) fn encode_list(items: &[(i32, Vec<u8>)]) -> Result<Vec<u8>, ClientError> {
    let items: Vec<_> = items
        .iter()
        .map(|(ad_type, data)| element(*ad_type, data))
        .collect();
    authdata::encode_list(&items).map_err(|_| ClientError::encoding("authorization data"))
}

/// The anonymous principal of the service's realm (RFC 6112 3).
fn anonymous(service: &Service) -> Principal {
    Principal::new(
        service.realm_name(),
        &["WELLKNOWN", "ANONYMOUS"],
        Principal::NT_WELLKNOWN,
    )
}

/// A client's name, of the service's realm unless it says another.
fn user(name: &str, service: &Service) -> Result<Principal, Error> {
    let parsed: Principal = name.parse()?;
    if !parsed.realm().is_empty() {
        return Ok(parsed);
    }
    let components: Vec<&[u8]> = parsed.components().collect();
    Ok(Principal::new(
        service.realm_name(),
        &components,
        parsed.name_type(),
    ))
}
