//! Which mechanism the system chose in a negotiation, as its answer says
//! (RFC 4178 4.2.2): before the mechanism has begun, and whoever chose it.

use crate::mechanism::{Mechanism, dotted};

/// Kerberos' others: Microsoft's (MS-SPNG 1.9), and user-to-user (MS-KILE 1.9).
const KERBEROS: [&str; 2] = ["1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2.3"];

/// What a NegTokenResp says that it chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// A mechanism that there is.
    Known(Mechanism),
    /// Another.
    Unknown,
}

/// The supportedMech of an answer, if it has one.
pub(super) fn chosen(answer: &[u8]) -> Option<Chosen> {
    let (response, _) = element(0xA1, answer)?;
    let (fields, _) = element(0x30, response)?;
    // negState is optional, and comes first.
    let fields = element(0xA0, fields).map_or(fields, |(_, rest)| rest);
    let (mechanism, _) = element(0xA1, fields)?;
    let (mechanism, _) = element(6, mechanism)?;
    let name = dotted(mechanism);
    if KERBEROS.contains(&name.as_str()) {
        return Some(Chosen::Known(Mechanism::Kerberos));
    }
    let mut known = Mechanism::ALL.into_iter();
    let known = known.find(|mechanism| mechanism.oid() == name);
    Some(known.map_or(Chosen::Unknown, Chosen::Known))
}

/// The content of a DER element, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&own, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7F => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    (own == tag).then(|| rest.split_at_checked(length))?
}
