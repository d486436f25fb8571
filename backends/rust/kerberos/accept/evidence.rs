//! The client's own ticket, kept for a server that acts in its name: the
//! evidence of constrained delegation (MS-SFU 3.1.5.2.1).

use super::ticket::{ReadTicket, SealedIn};
use crate::backends::rust::ClientTickets;
use crate::backends::rust::kerberos::codec::messages::ApReq;
use crate::backends::rust::kerberos::codec::wire::List;
use crate::ccache::{KerberosCredential, TicketFlags};
use crate::time::from_unix_seconds;

/// The ticket as the client has it. One in the session key of the server's
/// TGT is none that a KDC could open (user-to-user).
pub(super) fn of(
    wish: ClientTickets,
    request: &ApReq<'_>,
    read: &ReadTicket<'_>,
) -> Option<Box<KerberosCredential>> {
    if wish == ClientTickets::Dropped || read.sealed_in == SealedIn::TgtSessionKey {
        return None;
    }
    let part = &read.part;
    let ticket = request.ticket.encode().ok()?;
    let [auth, end] = [part.authtime, part.endtime].map(|time| from_unix_seconds(time.0));
    let mut credential = KerberosCredential::new(
        part.cname.in_realm(part.crealm),
        // The ticket's own name, which is what a KDC goes by.
        request.ticket.sname.in_realm(request.ticket.realm),
        (read.session.etype(), read.session.to_key().to_secret()),
        (auth, end),
        ticket,
    );
    credential.start_time = part.starttime.map(|time| from_unix_seconds(time.0));
    credential.renew_till = part.renew_till.map(|time| from_unix_seconds(time.0));
    credential.flags = TicketFlags::from_bits_retain(part.flags.0);
    for address in part.caddr.iter().flat_map(List::iter) {
        let kind = u16::try_from(address.addr_type).ok()?;
        let octets = address.address.0.to_vec();
        credential.addresses.push((kind, octets));
    }
    Some(Box::new(credential))
}
