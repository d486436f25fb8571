//! What a token is, as far as it can be read without a key: which mechanisms
//! it is for, and what to remember it by (rule 12). Whatever is not understood
//! in full is refused, or a token that the library takes could be remembered
//! as another.

use super::oid;
use crate::etype::EncryptionType;
use crate::name::Principal;

/// What the first token of a handshake is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum First<'a> {
    /// Nothing: the client wants to hear what there is.
    Empty,
    /// An AP-REQ in the frame of RFC 2743 3.1.
    Kerberos,
    /// That frame with another token inside than an AP-REQ.
    NoApReq,
    /// User-to-user.
    UserToUser,
    /// An AP-REQ without a frame: DCE style.
    Bare,
    /// NTLMSSP.
    Ntlm,
    /// An offer of these mechanisms.
    Offer(Vec<&'a [u8]>),
    /// Framed for a mechanism that is none of these.
    Other(&'a [u8]),
    /// A NegTokenInit that cannot be read.
    BadOffer,
    /// A frame whose length is not exact.
    BadFrame,
    /// Anything else.
    Unknown,
}

/// What an AP-REQ shows to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApReq {
    /// The end of the authenticator's ciphertext: 12 octets that its
    /// integrity tag covers or is, whichever encryption type is claimed.
    pub(super) tag: [u8; 12],
    /// The integrity tag as the claimed encryption type has it, where that is
    /// longer.
    pub(super) long_tag: Option<Vec<u8>>,
    /// Whether it came without a frame.
    pub(super) bare: bool,
    /// The service that the ticket is for.
    pub(super) service: Principal,
    /// Which of its keys it is encrypted in (kvno modulo 2^32).
    pub(super) kvno: Option<u32>,
    /// By which type.
    pub(super) etype: EncryptionType,
    /// The type that the authenticator says it is encrypted by: the session
    /// key's.
    pub(super) session_etype: EncryptionType,
    /// USE-SESSION-KEY of ap-options: user-to-user (RFC 4120 5.5.1).
    pub(super) user_to_user: bool,
    /// MUTUAL-REQUIRED of ap-options: the client awaits an answer.
    pub(super) mutual_required: bool,
}

/// Whether a further token can be read in full, as far as its frame and the
/// negotiation go: of one that cannot, nobody knows what it holds.
pub(super) fn well_formed(token: &[u8]) -> bool {
    let negotiation = |token: &[u8]| {
        let tag = *token.first().filter(|tag| [0xA0, RESPONSE].contains(tag))?;
        let mut fields = Fields::of(sequence(whole(tag, token)?)?);
        let mut mechanism = Some(());
        while let Some((tag, contents)) = fields.next() {
            if tag == 0xA2 {
                mechanism = whole(OCTETS, contents).map(|_| ());
            }
        }
        mechanism.and_then(|()| fields.ends())
    };
    let framed = |token| match frame(token)? {
        (oid::SPNEGO, inner) => negotiation(inner),
        _ => Some(()),
    };
    match token.first() {
        Some(&tag @ (AP_REQ | AP_REP)) => whole(tag, token).is_some(),
        Some(&FRAME) => framed(token).is_some(),
        Some(&RESPONSE) => negotiation(token).is_some(),
        _ => token.starts_with(b"NTLMSSP\0"),
    }
}

/// Looks at the first token.
pub(super) fn first(token: &[u8]) -> First<'_> {
    if token.is_empty() {
        return First::Empty;
    }
    if token.starts_with(b"NTLMSSP\0") {
        return First::Ntlm;
    }
    if token.first() == Some(&AP_REQ) {
        return First::Bare;
    }
    if token.first() != Some(&FRAME) {
        return First::Unknown;
    }
    match frame(token) {
        Some((oid::KRB5_U2U, [4, 0, ..])) => First::UserToUser,
        None | Some((oid::KRB5_U2U, _)) => First::BadFrame,
        Some((oid::SPNEGO, inner)) => offer(inner).map_or(First::BadOffer, First::Offer),
        Some((oid::KRB5 | oid::MS_KRB5 | oid::OLD_KRB5, inner)) => match inner {
            [1, 0, ..] => First::Kerberos,
            [] | [_] => First::BadFrame,
            _ => First::NoApReq,
        },
        Some((other, _)) => First::Other(other),
    }
}

/// The AP-REQ in a token of any leg, if there is one that can be read in full.
pub(super) fn ap_req(token: &[u8]) -> Option<ApReq> {
    match *token.first()? {
        AP_REQ => read_ap_req(token),
        FRAME => match frame(token)? {
            (oid::SPNEGO, inner) => mechanism_token(inner).and_then(raw_ap_req),
            (_, inner) => framed_ap_req(inner),
        },
        RESPONSE => mechanism_token(token).and_then(raw_ap_req),
        _ => None,
    }
}

/// A message of NTLM's in a token of any leg, raw or negotiated.
pub(super) fn ntlm(token: &[u8]) -> Option<&[u8]> {
    let inner = match *token.first()? {
        FRAME => match frame(token)? {
            (oid::SPNEGO, inner) => mechanism_token(inner)?,
            _ => return None,
        },
        RESPONSE => mechanism_token(token)?,
        _ => token,
    };
    inner.starts_with(b"NTLMSSP\0").then_some(inner)
}

/// Behind the token id (RFC 4121 4.1).
fn framed_ap_req(inner: &[u8]) -> Option<ApReq> {
    let found = read_ap_req(inner.strip_prefix(&[1, 0])?)?;
    Some(ApReq {
        bare: false,
        ..found
    })
}

/// Inside of a negotiation, there is no second one.
fn raw_ap_req(token: &[u8]) -> Option<ApReq> {
    match *token.first()? {
        AP_REQ => read_ap_req(token),
        FRAME => match frame(token)? {
            (oid::SPNEGO, _) => None,
            (_, inner) => framed_ap_req(inner),
        },
        _ => None,
    }
}

/// The mechanism that a NegTokenResp of ours names, if it does.
pub(super) fn chosen(reply: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::of(sequence(whole(RESPONSE, reply)?)?);
    let mech = fields.find(0xA1)?;
    whole(OID, mech)
}

/// Whether a NegTokenResp of ours holds nothing for the client's mechanism to
/// go on with, and no mechListMIC.
pub(super) fn says_nothing(reply: &[u8]) -> bool {
    let Some(fields) = whole(RESPONSE, reply).and_then(sequence) else {
        return false;
    };
    let has = |tag| Fields::of(fields).find(tag).is_some();
    !has(0xA2) && !has(0xA3)
}

/// The code of a KRB-ERROR in a reply, raw or inside SPNEGO (RFC 4120 5.9.1).
pub(super) fn krb_error(reply: &[u8]) -> Option<i32> {
    let reply = match *reply.first()? {
        RESPONSE => mechanism_token(reply)?,
        _ => reply,
    };
    let (_, inner) = frame(reply)?;
    let error = sequence(whole(0x7E, inner.strip_prefix(&[3, 0])?)?)?;
    number(Fields::of(error).find(0xA6)?)
}

const FRAME: u8 = 0x60;
const AP_REQ: u8 = 0x6E;
const AP_REP: u8 = 0x6F;
const RESPONSE: u8 = 0xA1;
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
const STRING: u8 = 0x1B;
/// More mechanisms than any client has.
const MAX_OFFER: usize = 256;

/// One element: its contents, and what follows it. Lengths may have more
/// octets than they need, as the libraries have it; they say the same.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[own, first], rest) = bytes.split_first_chunk::<2>()?;
    if own != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            let add = |length: usize, &octet: &u8| (length << 8) | usize::from(octet);
            (octets.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// One element and nothing else.
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    element(tag, bytes)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(contents, _)| contents)
}

fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    whole(SEQUENCE, bytes)
}

/// The fields of a SEQUENCE, in the order of their context tags. Two of one
/// tag, or out of order, would be read by each implementation in its own way.
struct Fields<'a> {
    rest: &'a [u8],
    last: u8,
}

impl<'a> Fields<'a> {
    fn of(rest: &'a [u8]) -> Self {
        Self { rest, last: 0 }
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let &tag = self.rest.first()?;
        if tag & 0xE0 != 0xA0 || tag <= self.last {
            return None;
        }
        let (contents, rest) = element(tag, self.rest)?;
        (self.rest, self.last) = (rest, tag);
        Some((tag, contents))
    }

    /// The field of this tag, stepping over those before it.
    fn find(&mut self, tag: u8) -> Option<&'a [u8]> {
        loop {
            match self.next()? {
                (own, contents) if own == tag => return Some(contents),
                (own, _) if own > tag => return None,
                _ => {}
            }
        }
    }

    /// Whether the rest is well-formed fields.
    fn ends(mut self) -> Option<()> {
        while !self.rest.is_empty() {
            self.next()?;
        }
        Some(())
    }
}

/// The frame of RFC 2743 3.1: its mechanism and what is inside.
fn frame(token: &[u8]) -> Option<(&[u8], &[u8])> {
    element(OID, whole(FRAME, token)?).filter(|(oid, _)| !oid.is_empty())
}

/// The mechanisms of a NegTokenInit (RFC 4178 4.2.1), or of a NegTokenInit2.
fn offer(inner: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Fields::of(sequence(whole(0xA0, inner)?)?);
    let mut list = sequence(fields.find(0xA0)?)?;
    fields.ends()?;
    let mut mechs = Vec::new();
    while !list.is_empty() {
        let (mech, rest) = element(OID, list)?;
        if mechs.len() == MAX_OFFER {
            return None;
        }
        mechs.push(mech);
        list = rest;
    }
    Some(mechs)
}

/// mechToken of a NegTokenInit or responseToken of a NegTokenResp: both are
/// field 2.
fn mechanism_token(token: &[u8]) -> Option<&[u8]> {
    let tag = *token.first().filter(|tag| [0xA0, RESPONSE].contains(tag))?;
    let mut fields = Fields::of(sequence(whole(tag, token)?)?);
    let contents = fields.find(0xA2)?;
    fields.ends()?;
    whole(OCTETS, contents)
}

/// RFC 4120 5.5.1.
fn read_ap_req(token: &[u8]) -> Option<ApReq> {
    let mut fields = Fields::of(sequence(whole(AP_REQ, token)?)?);
    let options = whole(BITS, fields.find(0xA2)?)?;
    let ticket = fields.find(0xA3)?;
    let authenticator = fields.find(0xA4)?;
    fields.ends()?;
    let mut encrypted = Fields::of(sequence(authenticator)?);
    let claimed = number(encrypted.find(0xA0)?)?;
    let cipher = whole(OCTETS, encrypted.find(0xA2)?)?;
    encrypted.ends()?;
    let long = match claimed {
        19 => cipher.last_chunk::<16>().map(|tag| tag.to_vec()),
        // RFC 4757 5: it comes first.
        23 => cipher.first_chunk::<16>().map(|tag| tag.to_vec()),
        20 => cipher.last_chunk::<24>().map(|tag| tag.to_vec()),
        _ => None,
    };
    let (service, kvno, etype) = read_ticket(ticket)?;
    Some(ApReq {
        tag: *cipher.last_chunk()?,
        bare: true,
        long_tag: long,
        service,
        kvno,
        etype,
        session_etype: EncryptionType(claimed),
        // The first octet counts unused bits; bit 0 is the next one's highest.
        user_to_user: options.get(1).is_some_and(|bits| bits & 0x40 != 0),
        mutual_required: options.get(1).is_some_and(|bits| bits & 0x20 != 0),
    })
}

/// The clear part of a ticket (RFC 4120 5.3).
fn read_ticket(ticket: &[u8]) -> Option<(Principal, Option<u32>, EncryptionType)> {
    let mut fields = Fields::of(sequence(whole(0x61, ticket)?)?);
    let realm = whole(STRING, fields.find(0xA1)?)?;
    let mut name = Fields::of(sequence(fields.find(0xA2)?)?);
    let mut encrypted = Fields::of(sequence(fields.find(0xA3)?)?);
    fields.ends()?;
    let (etype, mut kvno) = (number(encrypted.find(0xA0)?)?, None);
    while let Some((tag, contents)) = encrypted.next() {
        if tag == 0xA1 {
            kvno = Some(number(contents)?.cast_unsigned());
        }
    }
    encrypted.ends()?;
    let mut list = sequence(name.find(0xA1)?)?;
    let mut components = Vec::new();
    while !list.is_empty() {
        let (component, rest) = element(STRING, list)?;
        components.push(component);
        list = rest;
        if components.len() > 32 {
            return None;
        }
    }
    let service = Principal::new(realm, &components, Principal::NT_SRV_HST);
    Some((service, kvno, EncryptionType(etype)))
}

/// The service that a ticket is for.
pub(super) fn ticket_service(ticket: &[u8]) -> Option<Principal> {
    read_ticket(ticket).map(|(service, ..)| service)
}

/// An INTEGER modulo 2^32 (rule 3).
fn number(contents: &[u8]) -> Option<i32> {
    let octets = whole(INTEGER, contents)?;
    let first = octets.first().filter(|_| octets.len() <= 5)?;
    let start = if first & 0x80 == 0 { 0 } else { u32::MAX };
    let all = octets
        .iter()
        .fold(start, |all, &octet| (all << 8) | u32::from(octet));
    Some(all.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{First, ap_req, chosen, first, krb_error, well_formed};
    use crate::backends::gssapi::oid;

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let contents = parts.concat();
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], &contents[..]].concat()
    }

    fn int(value: u8) -> Vec<u8> {
        der(2, &[&[value]])
    }

    fn encrypted(etype: u8, cipher: &[u8]) -> Vec<u8> {
        let fields = [der(0xA0, &[&int(etype)]), der(0xA2, &[&der(4, &[cipher])])];
        der(0x30, &[&fields[0], &fields[1]])
    }

    /// RFC 4120 5.5.1, 5.3: for HTTP/web@R, the authenticator's ciphertext
    /// 0 to 31.
    fn message(etype: u8, more: &[&[u8]]) -> Vec<u8> {
        let names = der(0x30, &[&der(0x1B, &[b"HTTP"]), &der(0x1B, &[b"web"])]);
        let name = der(0x30, &[&der(0xA0, &[&int(2)]), &der(0xA1, &[&names])]);
        let ticket = [
            der(0xA0, &[&int(5)]),
            der(0xA1, &[&der(0x1B, &[b"R"])]),
            der(0xA2, &[&name]),
            der(0xA3, &[&encrypted(18, &[7; 40])]),
        ];
        let ticket = der(0x61, &[&der(0x30, &[&ticket.concat()])]);
        let cipher: Vec<u8> = (0..32).collect();
        let fields = [
            der(0xA0, &[&int(5)]),
            der(0xA1, &[&int(14)]),
            der(0xA2, &[&der(3, &[&[0, 0x20, 0, 0, 0]])]),
            der(0xA3, &[&ticket]),
            der(0xA4, &[&encrypted(etype, &cipher)]),
            more.concat(),
        ];
        der(0x6E, &[&der(0x30, &[&fields.concat()])])
    }

    fn framed(mech: &[u8], inner: &[&[u8]]) -> Vec<u8> {
        der(0x60, &[&der(6, &[mech]), &inner.concat()])
    }

    fn offer(token: &[u8]) -> Vec<u8> {
        let list = der(0xA0, &[&der(0x30, &[&der(6, &[oid::KRB5])])]);
        let token = der(0xA2, &[&der(4, &[token])]);
        framed(oid::SPNEGO, &[&der(0xA0, &[&der(0x30, &[&list, &token])])])
    }

    /// Rule 12: whatever is around it, and whichever type is claimed, it is
    /// the same authenticator.
    #[test]
    fn an_authenticator_is_remembered_by_its_last_octets() {
        let due: Vec<u8> = (20..32).collect();
        let raw = framed(oid::KRB5, &[&[1, 0], &message(18, &[])]);
        let bare = message(18, &[]);
        for (token, is_bare) in [(&raw, false), (&bare, true), (&offer(&raw), false)] {
            let found = ap_req(token).expect("an AP-REQ");
            assert_eq!((&found.tag[..], found.bare), (&due[..], is_bare));
            assert_eq!(found.service.to_string(), "HTTP/web@R");
            assert_eq!((found.kvno, found.etype.0), (None, 18));
        }
        for (etype, long) in [(17, None), (19, Some(16)), (20, Some(24)), (23, Some(16))] {
            let found = ap_req(&message(etype, &[])).expect("an AP-REQ");
            assert_eq!(&found.tag[..], &due[..]);
            assert_eq!(found.long_tag.map(|tag| tag.len()), long, "etype {etype}");
        }
    }

    /// What two readers could read in two ways is read in none.
    #[test]
    fn what_is_ambiguous_is_not_read() {
        let second = der(0xA4, &[&encrypted(18, &[9; 32])]);
        assert!(ap_req(&message(18, &[&second])).is_none());
        let later = der(0xA5, &[b"later"]);
        assert!(ap_req(&message(18, &[&later])).is_some());
        let good = message(18, &[]);
        assert!(ap_req(&[&good[..], &[0]].concat()).is_none());
        for cut in 0..good.len() {
            assert!(ap_req(&good[..cut]).is_none(), "cut at {cut}");
        }
        // A negotiation inside of one.
        assert!(ap_req(&offer(&offer(&good))).is_none());
    }

    #[test]
    fn first_tokens_are_told_apart() {
        let raw = framed(oid::KRB5, &[&[1, 0], &message(18, &[])]);
        assert_eq!(first(b""), First::Empty);
        assert_eq!(first(&raw), First::Kerberos);
        assert_eq!(first(&message(18, &[])), First::Bare);
        assert_eq!(first(b"NTLMSSP\0\x01"), First::Ntlm);
        assert_eq!(first(&offer(&raw)), First::Offer(vec![oid::KRB5]));
        assert_eq!(first(&framed(oid::KRB5, &[&[3, 0]])), First::NoApReq);
        assert_eq!(first(&framed(oid::KRB5_U2U, &[&[4, 0]])), First::UserToUser);
        assert_eq!(first(&[&raw[..], &[0]].concat()), First::BadFrame);
        assert_eq!(first(&framed(oid::SPNEGO, &[&[5]])), First::BadOffer);
        assert_eq!(first(b"GET / HTTP/1.1"), First::Unknown);
    }

    #[test]
    fn a_further_token_is_read_in_full_or_refused() {
        let response = |fields: &[&[u8]]| der(0xA1, &[&der(0x30, fields)]);
        let token = der(0xA2, &[&der(4, &[b"token"])]);
        let mic = der(0xA3, &[&der(4, &[b"mic"])]);
        assert!(well_formed(&response(&[&token, &mic])));
        assert!(!well_formed(&response(&[&mic, &token])));
        assert!(!well_formed(&response(&[&token, &token])));
        assert!(!well_formed(&der(0xA1, &[&token])));
        assert!(!well_formed(b""));
    }

    #[test]
    fn replies_say_what_was_chosen_and_what_failed() {
        let mech = der(0xA1, &[&der(6, &[oid::NTLM])]);
        let state = der(0xA0, &[&der(0x0A, &[&[1]])]);
        let reply = der(0xA1, &[&der(0x30, &[&state, &mech])]);
        assert_eq!(chosen(&reply), Some(oid::NTLM));
        // RFC 4120 5.9.1: error-code is field 6.
        let error = der(0x7E, &[&der(0x30, &[&der(0xA6, &[&int(37)])])]);
        let told = framed(oid::KRB5, &[&[3, 0], &error]);
        assert_eq!(krb_error(&told), Some(37));
        assert_eq!(krb_error(&reply), None);
    }
}
