//! The two messages that come before a user-to-user AP-REQ
//! (draft-swift-win2k-krb-user2user 2, which MS-KILE cites): the client asks
//! for the server's own TGT, and gets it. They have no application tag.

use super::Decoded;
use super::der::{self, Cursor, Message};
use super::encode::{Encode, encode, encode_sequence};
use super::parts::{PrincipalName, some_realm};
use super::wire::{Number, Text};

/// KERB-TGT-REQUEST.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TgtRequest<'a> {
    pub(crate) pvno: Number<5>,
    pub(crate) msg_type: Number<16>,
    /// Whose TGT, if the client knows.
    pub(crate) server_name: Option<PrincipalName<'a>>,
    /// Of which realm, if the client knows.
    pub(crate) realm: Option<Text<'a>>,
}

encode_sequence!(TgtRequest<'_>, { 0 => pvno, 1 => msg_type, 2 => server_name, 3 => realm });

impl<'a> Message<'a> for TgtRequest<'a> {
    const PART: &'static str = "KERB-TGT-REQUEST";

    fn whole<C: Cursor<'a>>(mut cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.sequence()?;
        cursor.finish()?;
        let request = Self {
            pvno: Number::component(&mut fields, 0, "pvno")?,
            msg_type: Number::component(&mut fields, 1, "msg-type")?,
            server_name: fields.maybe(2)?,
            realm: some_realm(&mut fields, 3)?,
        };
        fields.skip_extensions(3)?;
        Ok(request)
    }
}

impl<'a> TgtRequest<'a> {
    /// Reads a KERB-TGT-REQUEST.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The message in DER.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("KERB-TGT-REQUEST", self)
    }
}

/// KERB-TGT-REPLY.
pub(crate) struct TgtReply<'a> {
    pvno: Number<5>,
    msg_type: Number<17>,
    /// Byte for byte as the KDC encoded it: the client brings it back there.
    ticket: Encoded<'a>,
}

encode_sequence!(TgtReply<'_>, { 0 => pvno, 1 => msg_type, 2 => ticket });

/// An element that is in DER already.
struct Encoded<'a>(&'a [u8]);

impl Encode for Encoded<'_> {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

impl<'a> TgtReply<'a> {
    /// The reply that carries a ticket, given in DER.
    pub(crate) fn new(ticket: &'a [u8]) -> Self {
        Self {
            pvno: Number,
            msg_type: Number,
            ticket: Encoded(ticket),
        }
    }

    /// The message in DER.
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("KERB-TGT-REPLY", self)
    }
}

#[cfg(test)]
mod tests {
    use super::{TgtReply, TgtRequest};
    use crate::backends::rust::kerberos::codec::Problem;

    /// Written out by hand from the ASN.1 of the draft's section 2 and X.690:
    /// pvno 5, msg-type 16, HTTP/web of type 2, realm R.
    const REQUEST: &[u8] = &[
        0x30, 0x27, // SEQUENCE
        0xA0, 0x03, 0x02, 0x01, 0x05, // pvno
        0xA1, 0x03, 0x02, 0x01, 0x10, // msg-type
        0xA2, 0x16, 0x30, 0x14, // server-name
        0xA0, 0x03, 0x02, 0x01, 0x02, 0xA1, 0x0D, 0x30, 0x0B, 0x1B, 0x04, b'H', b'T', b'T', b'P',
        0x1B, 0x03, b'w', b'e', b'b', //
        0xA3, 0x03, 0x1B, 0x01, b'R', // realm
    ];

    #[test]
    fn a_request_is_read() {
        let request = TgtRequest::decode(REQUEST).unwrap();
        let name = request.server_name.unwrap();
        assert_eq!(name.name_type, 2);
        assert!(name.components().eq([b"HTTP".as_slice(), b"web"]));
        assert_eq!(request.realm.unwrap().0, b"R");
        assert_eq!(request.encode().unwrap(), REQUEST);
    }

    /// Both names are optional.
    #[test]
    fn a_request_may_name_nobody() {
        let bare = [
            0x30, 0x0A, 0xA0, 0x03, 0x02, 0x01, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x10,
        ];
        let request = TgtRequest::decode(&bare).unwrap();
        assert!(request.server_name.is_none() && request.realm.is_none());
        assert_eq!(request.encode().unwrap(), bare);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let mut other = REQUEST.to_vec();
        other[11] = 17;
        let error = TgtRequest::decode(&other).unwrap_err();
        assert_eq!(error.problem, Problem::BadValue { field: "msg-type" });
        let mut other = REQUEST.to_vec();
        other[6] = 4;
        let error = TgtRequest::decode(&other).unwrap_err();
        assert_eq!(error.problem, Problem::BadValue { field: "pvno" });
        let mut longer = REQUEST.to_vec();
        longer.push(0);
        let error = TgtRequest::decode(&longer).unwrap_err();
        assert_eq!(error.problem, Problem::TrailingBytes);
        for length in 0..REQUEST.len() {
            assert!(TgtRequest::decode(&REQUEST[..length]).is_err(), "{length}");
        }
    }

    /// The ticket comes through as it is, even with lengths that DER would
    /// write shorter.
    #[test]
    fn a_reply_repeats_the_ticket() {
        let ticket = [0x61, 0x81, 0x03, 0x30, 0x81, 0x00];
        let expected = [
            [0x30, 0x12].as_slice(),
            &[0xA0, 0x03, 0x02, 0x01, 0x05],
            &[0xA1, 0x03, 0x02, 0x01, 0x11],
            &[0xA2, 0x06],
            &ticket,
        ]
        .concat();
        assert_eq!(TgtReply::new(&ticket).encode().unwrap(), expected);
    }
}
