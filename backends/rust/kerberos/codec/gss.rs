//! The framing of GSS-API tokens (RFC 2743 3.1) and the token ids of
//! Kerberos' (RFC 4121 4.1).

use super::der::{self, Cursor, Message, Tag};
use super::encode::{Encode, element_size, put_header, put_octets};
use super::{CodecError, Decoded, Problem};

/// Kerberos V5, 1.2.840.113554.1.2.2 (RFC 4121 1), as contents octets.
pub(crate) const KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// What Windows 2000 called it, 1.2.840.48018.1.2.2 (MS-SPNG 1.9).
pub(crate) const MS_KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
/// Before it had a number of its own, 1.3.5.1.5.2.
pub(crate) const OLD_KRB5: &[u8] = &[0x2B, 0x05, 0x01, 0x05, 0x02];
/// User-to-user, 1.2.840.113554.1.2.2.3.
pub(crate) const KRB5_U2U: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03];

/// The token ids that start the body of a Kerberos token.
pub(crate) mod token_id {
    /// KRB_AP_REQ.
    pub(crate) const AP_REQ: [u8; 2] = [0x01, 0x00];
    /// KRB_AP_REP.
    pub(crate) const AP_REP: [u8; 2] = [0x02, 0x00];
    /// KRB_ERROR.
    pub(crate) const KRB_ERROR: [u8; 2] = [0x03, 0x00];
    /// KERB-TGT-REQUEST, under user-to-user's OID alone
    /// (draft-swift-win2k-krb-user2user 2).
    pub(crate) const TGT_REQUEST: [u8; 2] = [0x04, 0x00];
    /// KERB-TGT-REPLY.
    pub(crate) const TGT_REPLY: [u8; 2] = [0x04, 0x01];
}

/// `60`, the tag that starts a framed token.
pub(crate) const FRAME: Tag = Tag::application(0);

/// A framed Kerberos token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    /// The mechanism's OID, as contents octets.
    pub(crate) oid: &'a [u8],
    /// What the body is.
    pub(crate) token_id: [u8; 2],
    /// What comes after the token id.
    pub(crate) body: &'a [u8],
}

/// Takes the frame off a token of any mechanism: its OID, and what follows.
pub(crate) fn unframe(token: &[u8]) -> Decoded<(&[u8], &[u8])> {
    let frame: Frame<'_> = der::decode(token)?;
    Ok((frame.oid, frame.inner))
}

/// Takes the frame and the token id off a Kerberos token.
pub(crate) fn parse(token: &[u8]) -> Decoded<Framed<'_>> {
    let (oid, inner) = unframe(token)?;
    match inner.split_first_chunk::<2>() {
        Some((&token_id, body)) => Ok(Framed {
            oid,
            token_id,
            body,
        }),
        None => Err(CodecError::at(
            Frame::PART,
            Problem::Truncated,
            Some(token.len() - inner.len()),
        )),
    }
}

/// What is around a token.
struct Frame<'a> {
    oid: &'a [u8],
    inner: &'a [u8],
}

impl<'a> Message<'a> for Frame<'a> {
    const PART: &'static str = "GSS token";

    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn whole<C: Cursor<'a>>(mut cursor: C) -> Result<Self, C::Error> {
        let mut contents = cursor.constructed(FRAME)?;
        cursor.finish()?;
        let oid = contents.contents(Tag::OBJECT_IDENTIFIER)?;
        let inner = contents.rest();
        Ok(Self { oid, inner })
    }
}

/// Frames the body of a token of any mechanism.
pub(crate) fn frame(oid: &[u8], body: &[u8]) -> Vec<u8> {
    frame_parts(oid, &[], body)
}

/// Frames a Kerberos message: token id and body under the mechanism's OID.
pub(crate) fn frame_message(oid: &[u8], token_id: [u8; 2], body: &[u8]) -> Vec<u8> {
    frame_parts(oid, &token_id, body)
}

/// Frames a Kerberos message as it is written.
pub(crate) fn frame_encoded(oid: &[u8], token_id: [u8; 2], message: &impl Encode) -> Vec<u8> {
    let inner = element_size(oid.len()) + token_id.len() + message.size();
    let mut token = Vec::with_capacity(element_size(inner));
    put_header(FRAME, inner, &mut token);
    put_octets(Tag::OBJECT_IDENTIFIER, oid, &mut token);
    token.extend_from_slice(&token_id);
    message.put(&mut token);
    token
}

fn frame_parts(oid: &[u8], token_id: &[u8], body: &[u8]) -> Vec<u8> {
    let inner = element_size(oid.len()) + token_id.len() + body.len();
    let mut token = Vec::with_capacity(element_size(inner));
    put_header(FRAME, inner, &mut token);
    put_octets(Tag::OBJECT_IDENTIFIER, oid, &mut token);
    token.extend_from_slice(token_id);
    token.extend_from_slice(body);
    token
}
