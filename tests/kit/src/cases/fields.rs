//! Rule 1: the fields of a SEQUENCE come in their order, each once; what is new comes after them
//! (RFC 4120 1.5.1).

use super::{Case, Forged, accept, ap, reject};
use crate::der::{self, Reader};
use crate::ticket::if_relevant;
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    vec![
        reject(1, "ticket_addresses_after_authdata", "Malformed", |w| {
            ticket(w, |fields| fields.swap(8, 9))
        }),
        reject(1, "ticket_authdata_twice", "Malformed", |w| {
            ticket(w, |fields| fields.push(fields[9].clone()))
        }),
        accept(1, "ticket_extension_at_the_end", |w| {
            ticket(w, |fields| fields.push(der::ctx(11, der::int(1))))
        }),
        reject(1, "client_subkey_after_sequence", "Malformed", |w| {
            authenticator(w, |fields| fields.swap(6, 7))
        }),
        reject(1, "client_sequence_twice", "Malformed", |w| {
            authenticator(w, |fields| fields.push(der::ctx(7, der::int(1))))
        }),
        accept(1, "client_extension_at_the_end", |w| {
            authenticator(w, |fields| fields.push(der::ctx(9, der::int(1))))
        }),
        reject(1, "ap_req_authenticator_twice", "Malformed", |w| {
            ap(w, |a| a.over.inside = der::ctx(4, der::seq([])))
        }),
        accept(1, "ap_req_extension_at_the_end", |w| {
            ap(w, |a| a.over.inside = der::ctx(5, der::int(1)))
        }),
    ]
}

/// A message's fields, changed.
fn fields(tag: u8, message: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let body = Reader::new(message).expect(tag).expect("kit's own message");
    let mut reader = Reader::new(Reader::new(body).expect(0x30).expect("a SEQUENCE"));
    let mut fields = Vec::new();
    while reader.peek().is_some() {
        fields.push(reader.any().expect("a field").raw.to_vec());
    }
    change(&mut fields);
    der::tlv(tag, &der::seq(fields))
}

/// The ticket has the fields 0 to 7, 9 and 10.
fn ticket(world: &World, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Forged {
    ap(world, |a| {
        a.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 1])]);
        a.ticket.authdata = vec![if_relevant(&[(4242, vec![1])])];
        a.ticket.over.enc_part = Some(fields(0x63, &a.ticket.enc_part(), change));
    })
}

/// The authenticator has the fields 0 to 7.
fn authenticator(world: &World, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Forged {
    ap(world, |a| {
        a.over.authenticator = Some(fields(0x62, &a.authenticator(), change));
    })
}
