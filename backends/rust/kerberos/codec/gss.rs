//! The framing of GSS-API tokens (RFC 2743 3.1) and the token ids of
//! Kerberos' (RFC 4121 4.1).

use rasn::types::{Class, Tag};

use super::der::Reader;
use super::{Decoded, Problem};

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
pub(crate) const FRAME: Tag = Tag::new(Class::Application, 0);

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
    let mut contents = Reader::new("GSS token", token).message(FRAME)?;
    let oid = contents.octets(Tag::OBJECT_IDENTIFIER)?;
    Ok((oid, contents.rest()))
}

/// Takes the frame and the token id off a Kerberos token.
pub(crate) fn parse(token: &[u8]) -> Decoded<Framed<'_>> {
    let mut contents = Reader::new("GSS token", token).message(FRAME)?;
    let oid = contents.octets(Tag::OBJECT_IDENTIFIER)?;
    match contents.rest().split_first_chunk::<2>() {
        Some((&token_id, body)) => Ok(Framed {
            oid,
            token_id,
            body,
        }),
        None => Err(contents.error(Problem::Truncated)),
    }
}

/// Frames the body of a token of any mechanism.
pub(crate) fn frame(oid: &[u8], body: &[u8]) -> Vec<u8> {
    let inner = 1 + length_octets(oid.len()) + oid.len() + body.len();
    let mut token = Vec::with_capacity(1 + length_octets(inner) + inner);
    token.push(0x60);
    push_length(&mut token, inner);
    token.push(0x06);
    push_length(&mut token, oid.len());
    token.extend_from_slice(oid);
    token.extend_from_slice(body);
    token
}

/// Frames a Kerberos message: token id and body under the mechanism's OID.
pub(crate) fn frame_message(oid: &[u8], token_id: [u8; 2], body: &[u8]) -> Vec<u8> {
    let inner = 1 + length_octets(oid.len()) + oid.len() + 2 + body.len();
    let mut token = Vec::with_capacity(1 + length_octets(inner) + inner);
    token.push(0x60);
    push_length(&mut token, inner);
    token.push(0x06);
    push_length(&mut token, oid.len());
    token.extend_from_slice(oid);
    token.extend_from_slice(&token_id);
    token.extend_from_slice(body);
    token
}

/// How many octets a definite length takes (X.690 8.1.3).
fn length_octets(length: usize) -> usize {
    if length < 0x80 {
        1
    } else {
        1 + significant(length)
    }
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let count = significant(length);
    out.push(0x80 | u8::try_from(count).unwrap_or(0));
    let octets = length.to_be_bytes();
    out.extend(octets.iter().skip(octets.len() - count));
}

/// How many octets of a number are not leading zeros.
fn significant(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8) as usize
}
