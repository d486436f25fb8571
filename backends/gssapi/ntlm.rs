//! NTLM's messages (MS-NLMP 2.2.1), which are in the clear: what the library
//! or its mechanism would take, or not look at, is refused before they see
//! it. The proof of the password and the checks over the messages are theirs.

use core::ops::Range;

use crate::channel_bindings::ChannelBindings;
use crate::error::{Error, LogonProblem, NtlmRejection, Rejection};
use crate::facts::{BindingFact, ClientTarget, TargetSource};

/// What each message begins with.
const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// NegotiateFlags (2.2.2.5).
mod flag {
    pub(super) const UNICODE: u32 = 1;
    pub(super) const DATAGRAM: u32 = 0x40;
    pub(super) const EXTENDED_SECURITY: u32 = 0x8_0000;
    pub(super) const KEY_128: u32 = 0x2000_0000;
    pub(super) const KEY_EXCH: u32 = 0x4000_0000;
}
/// AvId (2.2.2.1).
mod av {
    pub(super) const END: u16 = 0;
    pub(super) const FLAGS: u16 = 6;
    pub(super) const TARGET_NAME: u16 = 9;
    pub(super) const BINDINGS: u16 = 10;
}
const AUTHENTICATE: &str = "AUTHENTICATE";
/// Before the payload: up to NegotiateFlags, and with Version and MIC.
const HEADER: usize = 64;
const HEADER_WITH_MIC: usize = 88;
/// Before the pairs of an NTLMv2 response: the proof, and 28 octets.
const RESPONSE_HEADER: usize = 44;
/// The longest NTLMv1 response.
const VERSION_1: usize = 24;
const MAX_PAIRS: usize = 32;
/// The longest name, in octets.
const MAX_NAME: usize = 512;

/// A message of the client's.
pub(super) enum Message<'a> {
    Negotiate,
    Authenticate(Authenticate<'a>),
}

/// What an AUTHENTICATE says.
pub(super) struct Authenticate<'a> {
    user: String,
    domain: String,
    pairs: Pairs<'a>,
    session_key: &'a [u8],
}

/// The pairs of a target information, each once; of targets, the last counts.
struct Pairs<'a>(Vec<(u16, &'a [u8])>);

/// What the CHALLENGE holds the client to.
pub(super) struct Challenge {
    flags: u32,
    pairs: Vec<(u16, Vec<u8>)>,
}

/// What is kept of a client's AUTHENTICATE.
pub(super) struct Logon {
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) target: Option<ClientTarget>,
    /// MsvAvChannelBindings, unless it is missing or zero.
    bindings: Option<[u8; 16]>,
    protects: bool,
}

/// Reads a client's message in full, or refuses it.
pub(super) fn read(token: &[u8]) -> Result<Message<'_>, Error> {
    let kind = token
        .strip_prefix(SIGNATURE)
        .and_then(|rest| u32_at(rest, 0));
    match kind {
        Some(1) => negotiate(token).map(|()| Message::Negotiate),
        Some(3) => authenticate(token).map(Message::Authenticate),
        _ => Err(bad("NTLM message", "neither NEGOTIATE nor AUTHENTICATE")),
    }
}

fn negotiate(token: &[u8]) -> Result<(), Error> {
    const PART: &str = "NEGOTIATE";
    let flags = u32_at(token, 12).ok_or_else(|| bad(PART, "it is too short"))?;
    if flags & flag::DATAGRAM != 0 {
        return Err(rejected(NtlmRejection::Connectionless));
    }
    // DomainName and Workstation, where there is room for them.
    for at in [16, 24] {
        if token.len() >= at + 8 && place(token, at, 16).is_none() {
            return Err(bad(PART, "a name outside of it"));
        }
    }
    Ok(())
}

fn authenticate(token: &[u8]) -> Result<Authenticate<'_>, Error> {
    let places: Option<Vec<Range<usize>>> = [12, 20, 28, 36, 44, 52]
        .iter()
        .map(|&at| place(token, at, HEADER))
        .collect();
    let (Some(places), Some(flags)) = (places, u32_at(token, 60)) else {
        return Err(bad(AUTHENTICATE, "a part outside of it"));
    };
    if !are_disjoint(&places) {
        return Err(bad(AUTHENTICATE, "parts overlap"));
    }
    if flags & flag::UNICODE == 0 {
        return Err(bad(AUTHENTICATE, "its names are not in Unicode"));
    }
    let payload = places.iter().filter(|place| !place.is_empty());
    let payload = payload.map(|place| place.start).min();
    let [lm, nt, domain, user, _, session_key] = &places[..] else {
        return Err(bad(AUTHENTICATE, "a part is missing"));
    };
    let octets = |place: &Range<usize>| token.get(place.clone()).unwrap_or_default();
    let (user, domain) = (name(octets(user))?, name(octets(domain))?);
    let (lm, nt) = (octets(lm), octets(nt));
    if user.is_empty() {
        return Err(Rejection::Anonymous.into());
    }
    // Rule 33. An LMv2 response is taken by the mechanism where the NTLMv2
    // one is wrong, and covers neither bindings nor target.
    if nt.len() <= VERSION_1 {
        return Err(rejected(NtlmRejection::Version1 { user, domain }));
    }
    if lm.iter().any(|&octet| octet != 0) {
        return Err(bad(AUTHENTICATE, "an LM response beside the NTLMv2 one"));
    }
    let blob = nt.get(16..).filter(|blob| blob.starts_with(&[1, 1]));
    let pairs = blob.and_then(|_| Pairs::read(nt.get(RESPONSE_HEADER..)?));
    let pairs = pairs.ok_or_else(|| bad(AUTHENTICATE, "its NTLMv2 response cannot be read"))?;
    // Where the mechanism looks for it, whether or not it is there.
    if pairs.flags() & 2 != 0 && payload.is_some_and(|start| start < HEADER_WITH_MIC) {
        return Err(rejected(NtlmRejection::Mic { missing: true }));
    }
    Ok(Authenticate {
        user,
        domain,
        pairs,
        session_key: octets(session_key),
    })
}

impl Challenge {
    /// Reads ours (2.2.1.2), to hold the client's answer to it.
    pub(super) fn read(token: &[u8]) -> Option<Self> {
        let rest = token.strip_prefix(SIGNATURE)?;
        if u32_at(rest, 0)? != 2 {
            return None;
        }
        let info = token.get(place(token, 40, 32)?)?;
        let pairs = Pairs::read(info)?.0.into_iter();
        Some(Self {
            flags: u32_at(token, 20)?,
            pairs: pairs.map(|(id, value)| (id, value.to_vec())).collect(),
        })
    }

    /// Rules 35 and 38: all that was sent comes back, and a key that is
    /// needed is there.
    pub(super) fn check(&self, message: &Authenticate<'_>) -> Result<Logon, Error> {
        for (id, value) in &self.pairs {
            // A client puts its own in the place of these.
            let replaced = matches!(*id, av::FLAGS | av::TARGET_NAME | av::BINDINGS);
            if !replaced && message.pairs.get(*id) != Some(value) {
                return Err(rejected(NtlmRejection::TargetInfo {
                    what: "target information",
                }));
            }
        }
        if self.flags & flag::UNICODE == 0 {
            return Err(bad("NEGOTIATE", "its names are not in Unicode"));
        }
        if self.flags & flag::KEY_EXCH != 0 && message.session_key.len() != 16 {
            return Err(bad(AUTHENTICATE, "a session key of another length"));
        }
        let protects = flag::EXTENDED_SECURITY | flag::KEY_128 | flag::KEY_EXCH;
        Ok(Logon {
            user: message.user.clone(),
            domain: message.domain.clone(),
            target: message.pairs.target()?,
            bindings: message.pairs.bindings()?,
            protects: self.flags & protects == protects,
        })
    }
}

impl Logon {
    /// What became of channel bindings, by what the proof covers.
    pub(super) fn bindings(&self, own: Option<&ChannelBindings>) -> BindingFact {
        match (own, self.bindings) {
            (_, None) => BindingFact::Absent,
            (None, Some(_)) => BindingFact::PresentNotCompared,
            (Some(own), Some(found)) if own.gss_hash() == found => BindingFact::Bound,
            (Some(own), Some(found)) => BindingFact::Mismatch {
                null_address_type: own.gss_hash_null_addresses_255() == found,
            },
        }
    }

    /// Whether the keys of messages are what rule 38 asks for.
    pub(super) fn protects(&self) -> bool {
        self.protects
    }

    /// Why it failed, in the library's words.
    pub(super) fn failed(&self, words: &str) -> Error {
        rejected(NtlmRejection::Logon {
            user: self.user.clone(),
            domain: self.domain.clone(),
            problem: LogonProblem::Directory(words.to_owned()),
        })
    }
}

impl<'a> Pairs<'a> {
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut all: Vec<(u16, &[u8])> = Vec::new();
        loop {
            let (id, rest) = bytes.split_first_chunk::<2>()?;
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (id, length) = (u16::from_le_bytes(*id), u16::from_le_bytes(*length));
            if id == av::END {
                return (length == 0).then_some(Self(all));
            }
            let (value, rest) = rest.split_at_checked(usize::from(length))?;
            // Samba's client adds its own target behind that of the CHALLENGE.
            let again = id != av::TARGET_NAME && all.iter().any(|(own, _)| *own == id);
            if all.len() == MAX_PAIRS || again {
                return None;
            }
            all.push((id, value));
            bytes = rest;
        }
    }

    fn get(&self, id: u16) -> Option<&'a [u8]> {
        let mut pairs = self.0.iter().rev();
        pairs.find(|(own, _)| *own == id).map(|(_, value)| *value)
    }

    fn flags(&self) -> u32 {
        self.get(av::FLAGS)
            .and_then(|value| u32_at(value, 0))
            .unwrap_or(0)
    }

    fn target(&self) -> Result<Option<ClientTarget>, Error> {
        let Some(value) = self.get(av::TARGET_NAME).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let source = match self.flags() & 4 {
            0 => TargetSource::Trusted,
            _ => TargetSource::Untrusted,
        };
        let name = text(value).ok_or_else(|| bad(AUTHENTICATE, "its target is no text"))?;
        Ok(Some(ClientTarget { name, source }))
    }

    fn bindings(&self) -> Result<Option<[u8; 16]>, Error> {
        let Some(value) = self.get(av::BINDINGS).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let hash = <[u8; 16]>::try_from(value)
            .map_err(|_| bad(AUTHENTICATE, "channel bindings of another length"))?;
        Ok(Some(hash).filter(|hash| *hash != [0; 16]))
    }
}

/// A name that a library can carry as text: between its parts it writes a
/// backslash.
fn name(octets: &[u8]) -> Result<String, Error> {
    let name = text(octets).filter(|_| octets.len() <= MAX_NAME);
    name.filter(|name| !name.contains(|c: char| c == '\\' || c.is_control()))
        .ok_or_else(|| bad(AUTHENTICATE, "a name that no account has"))
}

fn text(octets: &[u8]) -> Option<String> {
    let (units, []) = octets.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    String::from_utf16(&units).ok()
}

/// A part of the payload, which begins at `header` at the earliest.
fn place(token: &[u8], at: usize, header: usize) -> Option<Range<usize>> {
    let length = token.get(at..at.checked_add(2)?)?;
    let length = usize::from(u16::from_le_bytes(length.try_into().ok()?));
    let start = usize::try_from(u32_at(token, at.checked_add(4)?)?).ok()?;
    if length == 0 {
        return Some(0..0);
    }
    let end = start.checked_add(length)?;
    (start >= header && end <= token.len()).then_some(start..end)
}

fn are_disjoint(places: &[Range<usize>]) -> bool {
    let overlap = |one: &Range<usize>, other: &Range<usize>| {
        one.start.max(other.start) < one.end.min(other.end)
    };
    places.iter().enumerate().all(|(index, one)| {
        let mut others = places.iter().skip(index + 1);
        !others.any(|other| overlap(one, other))
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let octets = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(octets.try_into().ok()?))
}

fn bad(part: &'static str, problem: &'static str) -> Error {
    Error::malformed(part, problem, None)
}

fn rejected(reason: NtlmRejection) -> Error {
    Rejection::Ntlm(reason).into()
}
