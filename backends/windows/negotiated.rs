//! Which mechanism the system chose in a negotiation, as its answer says
//! (RFC 4178 4.2.2): before the mechanism has begun, and whoever chose it.

use crate::mechanism::Mechanism;

const KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2];
/// The first of Microsoft's two (MS-SPNG 1.9).
const MS_KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 1, 2, 2];
const NTLM: &[u8] = &[0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10];

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
    Some(match mechanism {
        KRB5 | MS_KRB5 => Chosen::Known(Mechanism::Kerberos),
        NTLM => Chosen::Known(Mechanism::Ntlm),
        _ => Chosen::Unknown,
    })
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
