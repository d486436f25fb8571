//! AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3) and the NTLMv2 response in it
//! (2.2.2.7, 2.2.2.8).

use core::ops::Range;

use super::av_pairs::AvPairs;
use super::message::{Message, are_disjoint};
use super::text::Text;
use super::{Decoded, Flags, bad, truncated};

/// The client's second message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authenticate<'a> {
    pub(crate) flags: Flags,
    pub(crate) user: Text,
    pub(crate) domain: Text,
    pub(crate) workstation: Text,
    pub(crate) lm_response: &'a [u8],
    pub(crate) nt_response: &'a [u8],
    /// EncryptedRandomSessionKey.
    pub(crate) session_key: &'a [u8],
    /// Where the MIC is, if the message has room for one.
    pub(crate) mic: Option<Range<usize>>,
}

const PART: &str = "AUTHENTICATE";
/// Up to and with NegotiateFlags; Version and MIC may be missing.
const HEADER: usize = 64;
const VERSION: usize = 8;
const MIC: usize = 16;

impl<'a> Authenticate<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Decoded<Self> {
        let message = Message::new(PART, bytes, 3, HEADER)?;
        let place = |offset| message.place(offset, HEADER);
        let places = [
            place(12)?,
            place(20)?,
            place(28)?,
            place(36)?,
            place(44)?,
            place(52)?,
        ];
        if !are_disjoint(&places) {
            return Err(bad(PART, "payload (parts overlap)", HEADER));
        }
        let payload = places.iter().filter(|place| !place.is_empty());
        let payload = payload.map(|place| place.start).min();
        let flags = Flags::from_bits_retain(message.u32(60)?);
        let [lm, nt, domain, user, workstation, session_key] = &places;
        let text = |place, field| Text::decode(message.slice(place), flags, field);
        Ok(Self {
            flags,
            user: text(user, "UserName")?,
            domain: text(domain, "DomainName")?,
            workstation: text(workstation, "Workstation")?,
            lm_response: message.slice(lm),
            nt_response: message.slice(nt),
            session_key: message.slice(session_key),
            mic: mic_place(payload.unwrap_or(bytes.len())),
        })
    }

    /// Whether the client has no name (MS-NLMP 3.2.5.1.2).
    pub(crate) fn is_anonymous(&self) -> bool {
        self.user.units.is_empty()
            && self.nt_response.is_empty()
            && matches!(self.lm_response, [] | [0])
    }
}

/// The MIC is the last thing before the payload, behind a Version that some
/// clients leave out (rule 34): its flag does not tell, the room does.
fn mic_place(payload: usize) -> Option<Range<usize>> {
    let start = if payload >= HEADER + VERSION + MIC {
        HEADER + VERSION
    } else if payload >= HEADER + MIC {
        HEADER
    } else {
        return None;
    };
    Some(start..start + MIC)
}

/// An NTLMv2 response: the proof, and what it is a proof of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ntlm2Response<'a> {
    /// NTProofStr.
    pub(crate) proof: &'a [u8; 16],
    /// NTLMv2_CLIENT_CHALLENGE, as it came.
    pub(crate) client_challenge: &'a [u8],
    pub(crate) pairs: AvPairs<'a>,
}

/// The length of an NTLMv1 response.
const VERSION_1: usize = 24;
/// NTLMv2_CLIENT_CHALLENGE before the AV_PAIRs.
const BLOB_HEADER: usize = 28;

impl<'a> Ntlm2Response<'a> {
    /// Reads it; `None` for what is no NTLMv2 response but an older one.
    pub(crate) fn decode(bytes: &'a [u8]) -> Decoded<Option<Self>> {
        const PART: &str = "NTLMv2 response";
        if bytes.len() <= VERSION_1 {
            return Ok(None);
        }
        let (proof, blob) = bytes
            .split_first_chunk()
            .ok_or_else(|| truncated(PART, 0))?;
        // RespType and HiRespType, of which there is one version.
        if !blob.starts_with(&[1, 1]) {
            return Err(bad(PART, "RespType", MIC));
        }
        let pairs = blob
            .get(BLOB_HEADER..)
            .ok_or_else(|| truncated(PART, bytes.len()))?;
        Ok(Some(Self {
            proof,
            client_challenge: blob,
            pairs: AvPairs::decode(pairs)?,
        }))
    }
}
