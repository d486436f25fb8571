//! KRB-CRED (RFC 4120 5.8), for the delegation field of the checksum.

use crate::crypto::KitKey;
use crate::der;
use crate::ticket::{NT_SRV_INST, Name, TicketSpec, encrypted_data, encryption_key, flag};

/// A KRB-CRED to forge. [`CredSpec::new`] fills in an ordinary one.
#[derive(Clone, Debug)]
pub struct CredSpec {
    /// The tickets in it; what is said of each comes from its own fields.
    pub tickets: Vec<TicketSpec>,
    /// What encrypts it (usage 14); `None` leaves it in the clear (etype 0), as MIT's clients do
    /// inside the authenticator (rule 15).
    pub key: Option<KitKey>,
    /// What else to get wrong.
    pub over: CredOver,
}

/// Replacements for parts that the fields of [`CredSpec`] cannot make wrong.
#[derive(Clone, Debug, Default)]
pub struct CredOver {
    /// pvno (5).
    pub pvno: Option<i64>,
    /// msg-type (22).
    pub msg_type: Option<i64>,
    /// Key usage (14).
    pub usage: Option<u32>,
    /// etype named for the encrypted part.
    pub etype: Option<i64>,
    /// Client realm and name beside the keys; `Some(None)` leaves both out.
    pub client: Option<Option<(Vec<u8>, Name)>>,
    /// Whether what is optional is left out: all but key, end and name.
    pub sparse: bool,
    /// Whether the end is left out.
    pub endless: bool,
    /// Session key, where it is to differ.
    pub session: Option<Vec<u8>>,
    /// How many tickets are described, where it is to differ.
    pub described: Option<usize>,
    /// Octets after the plaintext.
    pub trailing: Vec<u8>,
    /// Octets after the whole message.
    pub after: Vec<u8>,
    /// Octets cut from the end of the encrypted part.
    pub cut: usize,
}

impl CredSpec {
    /// One ticket.
    pub fn new(ticket: TicketSpec, key: Option<KitKey>) -> Self {
        Self {
            tickets: vec![ticket],
            key,
            over: CredOver::default(),
        }
    }

    fn info(&self, ticket: &TicketSpec) -> Vec<u8> {
        let over = &self.over;
        let own = Some((ticket.crealm.clone(), ticket.cname.clone()));
        let client = over.client.clone().unwrap_or(own);
        let session = over.session.as_ref().unwrap_or(&ticket.session.bytes);
        let some = |value: Vec<u8>| (!over.sparse).then_some(value);
        let addresses = ticket.caddr.as_ref().map(|list| {
            der::seq(list.iter().map(|(kind, octets)| {
                der::seq([
                    der::ctx(0, der::int(*kind)),
                    der::ctx(1, der::octets(octets)),
                ])
            }))
        });
        der::seq([
            der::ctx(0, encryption_key(ticket.session.etype.into(), session)),
            der::opt(
                1,
                client.as_ref().map(|(realm, _)| der::general_string(realm)),
            ),
            der::opt(2, client.as_ref().map(|(_, name)| name.der())),
            der::opt(3, some(der::flags32(ticket.flags))),
            der::opt(4, some(der::time(ticket.authtime))),
            der::opt(5, ticket.starttime.map(der::time).and_then(some)),
            der::opt(6, (!over.endless).then(|| der::time(ticket.endtime))),
            der::opt(7, ticket.renew_till.map(der::time).and_then(some)),
            der::opt(8, some(der::general_string(&ticket.realm))),
            der::opt(9, some(ticket.sname.der())),
            der::opt(10, addresses),
        ])
    }

    /// EncKrbCredPart.
    pub fn enc_part(&self) -> Vec<u8> {
        let described = self.over.described.unwrap_or(self.tickets.len());
        let infos = self.tickets.iter().cycle().take(described);
        let infos = der::seq(infos.map(|ticket| self.info(ticket)));
        let mut part = der::app(29, der::seq([der::ctx(0, infos)]));
        part.extend_from_slice(&self.over.trailing);
        part
    }

    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let over = &self.over;
        let part = self.enc_part();
        let (etype, mut cipher) = match &self.key {
            Some(key) => (
                key.etype.into(),
                key.encrypt(over.usage.unwrap_or(14), &part),
            ),
            None => (0, part),
        };
        cipher.truncate(cipher.len().saturating_sub(over.cut));
        let mut message = der::app(
            22,
            der::seq([
                der::ctx(0, der::int(over.pvno.unwrap_or(5))),
                der::ctx(1, der::int(over.msg_type.unwrap_or(22))),
                der::ctx(2, der::seq(self.tickets.iter().map(TicketSpec::encode))),
                der::ctx(
                    3,
                    encrypted_data(over.etype.unwrap_or(etype), None, &cipher),
                ),
            ]),
        );
        message.extend_from_slice(&over.after);
        message
    }
}

/// A KRB-CRED with one ticket; `key` encrypts it, `None` leaves it in the clear.
pub fn krb_cred(ticket: &TicketSpec, key: Option<&KitKey>) -> Vec<u8> {
    CredSpec::new(ticket.clone(), key.cloned()).encode()
}

/// The client's forwarded TGT, as delegation carries it.
pub fn forwarded_tgt(of: &TicketSpec, tgs_key: KitKey, session: KitKey) -> TicketSpec {
    let realm = of.crealm.clone();
    TicketSpec {
        sname: Name::new(NT_SRV_INST, &[&b"krbtgt"[..], &realm]),
        realm,
        service_key: tgs_key,
        session,
        flags: of.flags | flag::FORWARDABLE | flag::FORWARDED,
        ..of.clone()
    }
}
