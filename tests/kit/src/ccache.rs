//! Writes credential caches in the FILE format, version 4 (MIT krb5, Credential cache file format).

use crate::ticket::{Name, TicketSpec};

/// A cache of `client`'s with these tickets, each as its client got it.
pub fn file(client: (&[u8], &Name), tickets: &[TicketSpec]) -> Vec<u8> {
    let mut out = vec![5, 4];
    // A header of one tag: DeltaTime, of 8 octets.
    out.extend([0, 12, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    principal(&mut out, client.0, client.1);
    for ticket in tickets {
        principal(&mut out, &ticket.crealm, &ticket.cname);
        principal(&mut out, &ticket.realm, &ticket.sname);
        out.extend((ticket.session.etype as u16).to_be_bytes());
        counted(&mut out, &ticket.session.bytes);
        for time in [
            ticket.authtime,
            ticket.starttime.unwrap_or(0),
            ticket.endtime,
            ticket.renew_till.unwrap_or(0),
        ] {
            out.extend((time as u32).to_be_bytes());
        }
        // Not in a session key; flags; no addresses; no authorization data.
        out.push(0);
        out.extend(ticket.flags.to_be_bytes());
        out.extend([0; 8]);
        counted(&mut out, &ticket.encode());
        counted(&mut out, &[]);
    }
    out
}

fn principal(out: &mut Vec<u8>, realm: &[u8], name: &Name) {
    out.extend((name.kind as u32).to_be_bytes());
    out.extend((name.parts.len() as u32).to_be_bytes());
    counted(out, realm);
    for part in &name.parts {
        counted(out, part);
    }
}

fn counted(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend((octets.len() as u32).to_be_bytes());
    out.extend_from_slice(octets);
}
