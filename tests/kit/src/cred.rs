//! KRB-CRED (RFC 4120 5.8), for the delegation field of the checksum.

use crate::crypto::KitKey;
use crate::der;
use crate::ticket::{NT_SRV_INST, Name, TicketSpec, encrypted_data, encryption_key};

/// A KRB-CRED with one ticket; `key` encrypts it (usage 14), `None` leaves it in the clear
/// (etype 0), as MIT's clients do inside the authenticator (rule 15).
pub fn krb_cred(ticket: &TicketSpec, key: Option<&KitKey>) -> Vec<u8> {
    let info = der::seq([
        der::ctx(
            0,
            encryption_key(ticket.session.etype.into(), &ticket.session.bytes),
        ),
        der::ctx(1, der::general_string(&ticket.crealm)),
        der::ctx(2, ticket.cname.der()),
        der::ctx(3, der::flags32(ticket.flags)),
        der::ctx(4, der::time(ticket.authtime)),
        der::opt(5, ticket.starttime.map(der::time)),
        der::ctx(6, der::time(ticket.endtime)),
        der::ctx(8, der::general_string(&ticket.realm)),
        der::ctx(9, ticket.sname.der()),
    ]);
    let part = der::app(29, der::seq([der::ctx(0, der::seq([info]))]));
    let enc = match key {
        Some(key) => encrypted_data(key.etype.into(), None, &key.encrypt(14, &part)),
        None => encrypted_data(0, None, &part),
    };
    der::app(
        22,
        der::seq([
            der::ctx(0, der::int(5)),
            der::ctx(1, der::int(22)),
            der::ctx(2, der::seq([ticket.encode()])),
            der::ctx(3, enc),
        ]),
    )
}

/// The client's forwarded TGT, as delegation carries it.
pub fn forwarded_tgt(of: &TicketSpec, tgs_key: KitKey, session: KitKey) -> TicketSpec {
    let realm = of.crealm.clone();
    TicketSpec {
        sname: Name::new(NT_SRV_INST, &[&b"krbtgt"[..], &realm]),
        realm,
        service_key: tgs_key,
        session,
        flags: of.flags | 1 << (31 - 2),
        ..of.clone()
    }
}
