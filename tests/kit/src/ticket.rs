//! Tickets (RFC 4120 5.3), every part of them under the caller's control.

use crate::crypto::KitKey;
use crate::der;

/// Ticket flag bits, bit 0 of RFC 4120 5.3 being the highest.
pub mod flag {
    /// INVALID (7).
    pub const INVALID: u32 = 1 << (31 - 7);
    /// TRANSITED-POLICY-CHECKED (12).
    pub const TRANSITED_POLICY_CHECKED: u32 = 1 << (31 - 12);
    /// ANONYMOUS (16; RFC 6112 3).
    pub const ANONYMOUS: u32 = 1 << (31 - 16);
    /// PRE-AUTHENT (10).
    pub const PRE_AUTHENT: u32 = 1 << (31 - 10);
    /// FORWARDABLE (1).
    pub const FORWARDABLE: u32 = 1 << (31 - 1);
    /// FORWARDED (2).
    pub const FORWARDED: u32 = 1 << (31 - 2);
    /// OK-AS-DELEGATE (13).
    pub const OK_AS_DELEGATE: u32 = 1 << (31 - 13);
}

/// NT-PRINCIPAL.
pub const NT_PRINCIPAL: i64 = 1;
/// NT-SRV-INST.
pub const NT_SRV_INST: i64 = 2;
/// NT-SRV-HST.
pub const NT_SRV_HST: i64 = 3;
/// NT-ENTERPRISE.
pub const NT_ENTERPRISE: i64 = 10;
/// NT-WELLKNOWN (RFC 6111).
pub const NT_WELLKNOWN: i64 = 11;

/// A PrincipalName: any bytes in any number of components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// name-type.
    pub kind: i64,
    /// name-string.
    pub parts: Vec<Vec<u8>>,
}

impl Name {
    /// A name of components given as anything that is bytes.
    pub fn new<B: AsRef<[u8]>>(kind: i64, parts: &[B]) -> Self {
        let parts = parts.iter().map(|p| p.as_ref().to_vec()).collect();
        Self { kind, parts }
    }

    /// `PrincipalName` in DER.
    pub fn der(&self) -> Vec<u8> {
        let parts = self.parts.iter().map(|p| der::general_string(p));
        der::seq([
            der::ctx(0, der::int(self.kind)),
            der::ctx(1, der::seq(parts)),
        ])
    }
}

/// One element of AuthorizationData: type and data.
pub type AuthData = (i64, Vec<u8>);

/// `AuthorizationData` in DER.
pub fn auth_data(elements: &[AuthData]) -> Vec<u8> {
    der::seq(elements.iter().map(|(kind, data)| {
        der::seq([der::ctx(0, der::int(*kind)), der::ctx(1, der::octets(data))])
    }))
}

/// The elements inside one AD-IF-RELEVANT (type 1).
pub fn if_relevant(elements: &[AuthData]) -> AuthData {
    (1, auth_data(elements))
}

/// `EncryptionKey` in DER; the etype may be another one than the key's.
pub fn encryption_key(etype: i64, bytes: &[u8]) -> Vec<u8> {
    der::seq([
        der::ctx(0, der::int(etype)),
        der::ctx(1, der::octets(bytes)),
    ])
}

/// `EncryptedData` in DER.
pub fn encrypted_data(etype: i64, kvno: Option<i64>, cipher: &[u8]) -> Vec<u8> {
    der::seq([
        der::ctx(0, der::int(etype)),
        der::opt(1, kvno.map(der::int)),
        der::ctx(2, der::octets(cipher)),
    ])
}

/// Replacements for parts of a ticket that the fields of [`TicketSpec`] cannot make wrong.
#[derive(Clone, Debug, Default)]
pub struct TicketOver {
    /// tkt-vno (5).
    pub vno: Option<i64>,
    /// etype named in enc-part (the service key's).
    pub etype: Option<i64>,
    /// Key usage of the encryption (2).
    pub usage: Option<u32>,
    /// etype named beside the session key (its own).
    pub session_etype: Option<i64>,
    /// The plaintext of enc-part.
    pub enc_part: Option<Vec<u8>>,
    /// Octets after the plaintext of enc-part.
    pub enc_part_trailing: Vec<u8>,
    /// The ciphertext of enc-part.
    pub cipher: Option<Vec<u8>>,
    /// The whole ticket.
    pub whole: Option<Vec<u8>>,
}

/// A ticket to forge. All fields are public; [`TicketSpec::new`] fills in an ordinary one.
#[derive(Clone, Debug)]
pub struct TicketSpec {
    /// The service's realm, in the clear.
    pub realm: Vec<u8>,
    /// The service's name, in the clear.
    pub sname: Name,
    /// kvno of the service key; negative as some KDCs encode it (rule 3).
    pub kvno: Option<i64>,
    /// The key that the ticket is encrypted in.
    pub service_key: KitKey,
    /// The session key inside.
    pub session: KitKey,
    /// The client's realm.
    pub crealm: Vec<u8>,
    /// The client's name.
    pub cname: Name,
    /// TicketFlags.
    pub flags: u32,
    /// tr-type and contents of the transited field.
    pub transited: (i64, Vec<u8>),
    /// When the client authenticated.
    pub authtime: i64,
    /// Not valid before; absent means authtime.
    pub starttime: Option<i64>,
    /// Not valid after.
    pub endtime: i64,
    /// Renewable until.
    pub renew_till: Option<i64>,
    /// Host addresses: type and octets. `None` leaves the field out.
    pub caddr: Option<Vec<(i64, Vec<u8>)>>,
    /// authorization-data; empty leaves the field out.
    pub authdata: Vec<AuthData>,
    /// What else to get wrong.
    pub over: TicketOver,
}

impl TicketSpec {
    /// alice@EXAMPLE.TEST's ticket for HTTP/localhost, got a minute ago, good for eight hours.
    pub fn new(service_key: KitKey, kvno: u32, session: KitKey, now: i64) -> Self {
        Self {
            realm: b"EXAMPLE.TEST".to_vec(),
            sname: Name::new(NT_SRV_INST, &["HTTP", "localhost"]),
            kvno: Some(i64::from(kvno)),
            service_key,
            session,
            crealm: b"EXAMPLE.TEST".to_vec(),
            cname: Name::new(NT_PRINCIPAL, &["alice"]),
            flags: flag::PRE_AUTHENT | flag::TRANSITED_POLICY_CHECKED,
            transited: (1, Vec::new()),
            authtime: now - 60,
            starttime: Some(now - 60),
            endtime: now + 8 * 3600,
            renew_till: None,
            caddr: None,
            authdata: Vec::new(),
            over: TicketOver::default(),
        }
    }

    /// The plaintext of enc-part.
    pub fn enc_part(&self) -> Vec<u8> {
        if let Some(raw) = &self.over.enc_part {
            return raw.clone();
        }
        let session_etype = self.over.session_etype.unwrap_or(self.session.etype.into());
        let (tr_type, contents) = &self.transited;
        let transited = der::seq([
            der::ctx(0, der::int(*tr_type)),
            der::ctx(1, der::octets(contents)),
        ]);
        let addresses = self.caddr.as_ref().map(|list| {
            der::seq(list.iter().map(|(kind, octets)| {
                der::seq([
                    der::ctx(0, der::int(*kind)),
                    der::ctx(1, der::octets(octets)),
                ])
            }))
        });
        let authdata = (!self.authdata.is_empty()).then(|| auth_data(&self.authdata));
        let body = der::seq([
            der::ctx(0, der::flags32(self.flags)),
            der::ctx(1, encryption_key(session_etype, &self.session.bytes)),
            der::ctx(2, der::general_string(&self.crealm)),
            der::ctx(3, self.cname.der()),
            der::ctx(4, transited),
            der::ctx(5, der::time(self.authtime)),
            der::opt(6, self.starttime.map(der::time)),
            der::ctx(7, der::time(self.endtime)),
            der::opt(8, self.renew_till.map(der::time)),
            der::opt(9, addresses),
            der::opt(10, authdata),
        ]);
        let mut out = der::app(3, body);
        out.extend_from_slice(&self.over.enc_part_trailing);
        out
    }

    /// The ticket in DER.
    pub fn encode(&self) -> Vec<u8> {
        if let Some(raw) = &self.over.whole {
            return raw.clone();
        }
        let cipher = self.over.cipher.clone().unwrap_or_else(|| {
            let usage = self.over.usage.unwrap_or(2);
            self.service_key.encrypt(usage, &self.enc_part())
        });
        let etype = self.over.etype.unwrap_or(self.service_key.etype.into());
        der::app(
            1,
            der::seq([
                der::ctx(0, der::int(self.over.vno.unwrap_or(5))),
                der::ctx(1, der::general_string(&self.realm)),
                der::ctx(2, self.sname.der()),
                der::ctx(3, encrypted_data(etype, self.kvno, &cipher)),
            ]),
        )
    }
}
