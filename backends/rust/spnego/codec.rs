//! SPNEGO's tokens (RFC 4178 4.2, MS-SPNG 2.2.1), and telling by its first
//! bytes what a client sent (rule 28).

// The names are RFC 4178's; what is derived from them needs it here.
#![allow(clippy::struct_field_names)]

use crate::backends::rust::kerberos::codec::der::{
    self, Cursor, Element as _, Message, Reader, Tag, Usual, primitive,
};
use crate::backends::rust::kerberos::codec::encode::{
    encode, encode_integer, encode_octets, encode_sequence,
};
use crate::backends::rust::kerberos::codec::wire::{Flags, List, Octets, Text};
use crate::backends::rust::kerberos::codec::{CodecError, Decoded, Problem, gss};

/// SPNEGO itself, 1.3.6.1.5.5.2, as contents octets.
pub(crate) const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// NTLM, 1.3.6.1.4.1.311.2.2.10 (MS-NLMP 1.9).
pub(crate) const NTLMSSP: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];
/// NegoEx, 1.3.6.1.4.1.311.2.2.30.
pub(crate) const NEGOEX: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E];

/// A NegTokenResp with negState reject and nothing else (rule 29).
pub(crate) const REJECT: [u8; 9] = [0xA1, 0x07, 0x30, 0x05, 0xA0, 0x03, 0x0A, 0x01, 0x02];

/// What Windows says in place of a principal name (MS-SPNG 3.2.5.2).
pub(crate) const HINT_NAME: &[u8] = b"not_defined_in_RFC4178@please_ignore";

/// The first octet of a NegTokenInit as a NegotiationToken.
const INIT: u8 = 0xA0;
/// The first octet of a NegTokenResp as a NegotiationToken.
const RESP: u8 = 0xA1;
const SEQUENCE: u8 = 0x30;

/// What the first bytes of a token say it is (rule 28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sniffed<'a> {
    /// Nothing: the client waits for our hints.
    Empty,
    /// An NTLM message without SPNEGO.
    RawNtlm,
    /// A token in the frame of RFC 2743 3.1, under this OID, and what comes
    /// after that.
    GssFramed(&'a [u8], &'a [u8]),
    /// Framed, and the frame is broken.
    BadFrame(Box<CodecError>),
    /// A Kerberos AP-REQ without frame: DCE style.
    BareApReq,
    /// A NegTokenInit without frame.
    BareNegTokenInit,
    /// A NegTokenResp.
    BareNegTokenResp,
    /// Nothing that is known here.
    Unknown,
}

/// Tells by its first bytes what a token is.
pub(crate) fn sniff(token: &[u8]) -> Sniffed<'_> {
    match token.first() {
        None => Sniffed::Empty,
        Some(0x60) => match gss::unframe(token) {
            Ok((oid, inner)) => Sniffed::GssFramed(oid, inner),
            Err(error) => Sniffed::BadFrame(error),
        },
        Some(0x6E) => Sniffed::BareApReq,
        Some(&INIT) => Sniffed::BareNegTokenInit,
        Some(&RESP) => Sniffed::BareNegTokenResp,
        Some(_) if token.starts_with(b"NTLMSSP\0") => Sniffed::RawNtlm,
        Some(_) => Sniffed::Unknown,
    }
}

/// An object identifier as its contents octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oid<'a>(pub(crate) &'a [u8]);

encode_octets!(Oid<'_>, Tag::OBJECT_IDENTIFIER, |value| value.0);

primitive!(
    Oid<'a>,
    Tag::OBJECT_IDENTIFIER,
    Usual::Short,
    |octets: &'a [u8]| Ok(Oid(octets))
);

/// NegState (RFC 4178 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NegState {
    AcceptCompleted,
    AcceptIncomplete,
    Reject,
    RequestMic,
}

encode_integer!(NegState, Tag::ENUMERATED, |value| match value {
    NegState::AcceptCompleted => 0,
    NegState::AcceptIncomplete => 1,
    NegState::Reject => 2,
    NegState::RequestMic => 3,
});

primitive!(
    NegState,
    Tag::ENUMERATED,
    Usual::Length(1),
    |octets: &'a [u8]| match octets {
        [0] => Ok(NegState::AcceptCompleted),
        [1] => Ok(NegState::AcceptIncomplete),
        [2] => Ok(NegState::Reject),
        [3] => Ok(NegState::RequestMic),
        _ => Err(Problem::BadValue { field: "negState" }),
    }
);

/// A client's first token (RFC 4178 4.2.1), or a server's hints (MS-SPNG
/// 2.2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NegTokenInit<'a> {
    /// The mechanisms on offer, the favourite first.
    pub(crate) mech_types: List<'a, Oid<'a>>,
    /// The same as the DER that was received, over which the mechListMIC is
    /// made (rule 30).
    pub(crate) mech_types_der: &'a [u8],
    /// reqFlags, which Java sends and RFC 4178 says to ignore.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "a server ignores it")
    )]
    pub(crate) req_flags: Option<Flags>,
    /// The first token of the first mechanism.
    pub(crate) mech_token: Option<&'a [u8]>,
    /// NegHints.hintName, in NegTokenInit2 alone.
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "a server ignores it")
    )]
    pub(crate) hint_name: Option<&'a [u8]>,
    /// The MIC over the mechanisms.
    pub(crate) mech_list_mic: Option<&'a [u8]>,
}

impl<'a> NegTokenInit<'a> {
    /// Reads a first token, framed or not.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn decode(token: &'a [u8]) -> Decoded<Self> {
        Self::decode_unframed(unframe(token)?)
    }

    /// Reads a first token without its frame.
    pub(crate) fn decode_unframed(token: &'a [u8]) -> Decoded<Self> {
        der::decode(token)
    }
}

impl<'a> Message<'a> for NegTokenInit<'a> {
    const PART: &'static str = "NegTokenInit";

    #[inline]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::context(0))?;
        let mut types = fields.constructed(Tag::context(0))?;
        let mech_types_der = types.rest();
        let mech_types = List::read(&mut types)?;
        types.finish()?;
        let req_flags = fields.maybe(1)?;
        let mech_token = fields.optional(2, |fields| {
            fields.primitive(2, Tag::OCTET_STRING, Usual::Long, Ok)
        })?;
        // [3] is the MIC of RFC 4178, or the hints of MS-SPNG, after which
        // the MIC is [4].
        let (mut hint_name, mut mic) = (None, None);
        if fields.starts_with(Tag::context(3).0) {
            let mut third = fields.constructed(Tag::context(3))?;
            if third.starts_with(SEQUENCE) {
                hint_name = hints(third.sequence()?)?;
            } else {
                mic = Some(Octets::read(&mut third)?.0);
            }
            third.finish()?;
        }
        let late_mic: Option<Octets<'a>> = fields.maybe(4)?;
        fields.skip_extensions(4)?;
        Ok(Self {
            mech_types,
            mech_types_der,
            req_flags,
            mech_token,
            hint_name,
            mech_list_mic: mic.or(late_mic.map(|mic| mic.0)),
        })
    }
}

/// The name in NegHints (MS-SPNG 2.2.1).
fn hints<'a, C: Cursor<'a>>(mut hints: C) -> Result<Option<&'a [u8]>, C::Error> {
    let name: Option<Text<'a>> = hints.maybe(0)?;
    let _address: Option<Octets<'a>> = hints.maybe(1)?;
    hints.skip_extensions(1)?;
    Ok(name.map(|name| name.0))
}

/// Takes SPNEGO's frame off, where there is one.
fn unframe(token: &[u8]) -> Decoded<&[u8]> {
    if token.first() != Some(&0x60) {
        return Ok(token);
    }
    match gss::unframe(token)? {
        (SPNEGO, inner) => Ok(inner),
        _ => Err(CodecError::new(
            "GSS token",
            Problem::BadValue { field: "thisMech" },
        )),
    }
}

/// NegTokenResp (RFC 4178 4.2.2): all our replies, and a client's further
/// tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NegTokenResp<'a> {
    pub(crate) neg_state: Option<NegState>,
    pub(crate) supported_mech: Option<Oid<'a>>,
    pub(crate) response_token: Option<Octets<'a>>,
    pub(crate) mech_list_mic: Option<Octets<'a>>,
}

encode_sequence!(NegTokenResp<'_>, {
    0 => neg_state,
    1 => supported_mech,
    2 => response_token,
    3 => mech_list_mic,
}, Tag::context(1));

impl<'a> NegTokenResp<'a> {
    /// Reads a further token, also one in a frame or without the SEQUENCE
    /// tag (rule 28).
    pub(crate) fn decode(token: &'a [u8]) -> Decoded<Self> {
        let mut reader = Reader::new("NegTokenResp", unframe(token)?).message(Tag::context(1))?;
        let mut fields = if reader.starts_with(SEQUENCE) {
            let fields = reader.sequence()?;
            reader.finish()?;
            fields
        } else {
            reader
        };
        let response = Self {
            neg_state: fields.maybe(0)?,
            supported_mech: fields.maybe(1)?,
            response_token: fields.maybe(2)?,
            mech_list_mic: fields.maybe(3)?,
        };
        fields.skip_extensions(3)?;
        Ok(response)
    }

    /// The token in DER. A reply carries no frame (RFC 4178 4.2).
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("NegTokenResp", self)
    }
}

/// NegTokenInit as a client sends it.
#[cfg(any(test, fuzzing, feature = "testing"))]
struct InitToken<'a> {
    mech_types: List<'a, Oid<'a>>,
    mech_token: Option<Octets<'a>>,
    mech_list_mic: Option<Octets<'a>>,
}

#[cfg(any(test, fuzzing, feature = "testing"))]
encode_sequence!(InitToken<'_>, { 0 => mech_types, 2 => mech_token, 3 => mech_list_mic }, Tag::context(0));

/// NegTokenInit2 (MS-SPNG 2.2.1) as a server sends it.
struct InitToken2<'a> {
    mech_types: List<'a, Oid<'a>>,
    neg_hints: NegHints<'a>,
}

encode_sequence!(InitToken2<'_>, { 0 => mech_types, 3 => neg_hints }, Tag::context(0));

struct NegHints<'a> {
    hint_name: Text<'a>,
}

encode_sequence!(NegHints<'_>, { 0 => hint_name });

/// A client's first token, framed.
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) fn encode_init(
    mechanisms: &[Oid<'_>],
    mech_token: Option<&[u8]>,
    mech_list_mic: Option<&[u8]>,
) -> Decoded<Vec<u8>> {
    let mech_types = List::of(mechanisms);
    let mech_token = mech_token.map(Octets);
    let mech_list_mic = mech_list_mic.map(Octets);
    let init = InitToken {
        mech_types,
        mech_token,
        mech_list_mic,
    };
    Ok(gss::frame(SPNEGO, &encode("NegTokenInit", &init)?))
}

/// A server's hints to a client that sent nothing, framed (rule 28).
pub(crate) fn encode_hints(mechanisms: &[Oid<'_>]) -> Decoded<Vec<u8>> {
    let neg_hints = NegHints {
        hint_name: Text(HINT_NAME),
    };
    let hints = InitToken2 {
        mech_types: List::of(mechanisms),
        neg_hints,
    };
    Ok(gss::frame(SPNEGO, &encode("NegTokenInit2", &hints)?))
}

/// The DER of mechTypes, as a client makes its mechListMIC over it.
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) fn encode_mech_types(mechanisms: &[Oid<'_>]) -> Decoded<Vec<u8>> {
    encode("MechTypeList", &List::of(mechanisms))
}

#[cfg(test)]
mod tests;
