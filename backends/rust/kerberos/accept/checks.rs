//! What needs no key: the address, the clock, the channel.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use subtle::ConstantTimeEq as _;

use super::ticket::ReadTicket;
use crate::channel_bindings::ChannelBindings;
use crate::error::{Error, Rejection, Unavailability};
use crate::facts::BindingFact as Fact;

/// Rule 9: a ticket that is limited to addresses, where the peer's is known.
pub(super) fn check_address(ticket: &ReadTicket<'_>, peer: Option<IpAddr>) -> Result<(), Error> {
    match peer {
        Some(peer) if !ticket.admits(peer) => Err(Rejection::Address { peer }.into()),
        _ => Ok(()),
    }
}

/// Rule 10.
pub(super) fn check_skew(
    client: SystemTime,
    server: SystemTime,
    skew: Duration,
) -> Result<(), Error> {
    let apart = match client.duration_since(server) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    };
    if apart <= skew {
        return Ok(());
    }
    Err(Rejection::ClockSkew {
        client: Some(client),
        server,
        skew,
    }
    .into())
}

/// Rule 12: what may have been used before this server could remember it.
pub(super) fn check_start(client: SystemTime, until: SystemTime) -> Result<(), Error> {
    match until.duration_since(client) {
        Ok(left) => Err(Unavailability::StartingUp {
            seconds: left.as_secs() + 1,
        }
        .into()),
        Err(_) => Ok(()),
    }
}

/// The client's channel bindings against the step's (rule 17).
pub(super) fn compare_bindings(
    sent: [u8; 16],
    promised: bool,
    own: Option<&ChannelBindings>,
) -> Fact {
    let absent = sent == [0; 16];
    match own {
        Some(_) if absent && promised => Fact::AbsentThoughPromised,
        _ if absent => Fact::Absent,
        None => Fact::PresentNotCompared,
        Some(own) if bool::from(own.gss_hash().ct_eq(&sent)) => Fact::Bound,
        Some(own) => Fact::Mismatch {
            null_address_type: own.gss_hash_null_addresses_255() == sent,
        },
    }
}
