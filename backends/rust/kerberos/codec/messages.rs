//! The messages of RFC 4120 5 that an acceptor reads and writes. Each is
//! defined once: `encode_sequence` is the encoding, `read` the decoding.

// As in `der`: what a glance is made of is in one place.
#![allow(clippy::inline_always)]

use super::Decoded;
use super::authdata::{self, AuthElement, AuthorizationData, ad_type};
use super::der::{self, Cursor, Element, Message, Tag, Usual};
use super::encode::{encode, encode_sequence};
use super::parts::{
    Checksum, EncryptedData, EncryptionKey, HostAddress, PrincipalName, TransitedEncoding, realm,
    some_realm,
};
use super::wire::{
    Flags, KerberosTime, List, Number, Octets, Text, microseconds, some_microseconds,
};

/// Ticket (RFC 4120 5.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket<'a> {
    pub(crate) tkt_vno: Number<5>,
    pub(crate) realm: Text<'a>,
    pub(crate) sname: PrincipalName<'a>,
    pub(crate) enc_part: EncryptedData<'a>,
}

encode_sequence!(Ticket<'_>, { 0 => tkt_vno, 1 => realm, 2 => sname, 3 => enc_part }, Tag::application(1));

#[cfg(any(test, fuzzing))]
impl<'a> Ticket<'a> {
    /// Reads a ticket on its own.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        let mut reader = der::Reader::new("Ticket", input);
        let ticket = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(ticket)
    }
}

impl Ticket<'_> {
    /// The ticket in DER.
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("Ticket", self)
    }
}

impl<'a> Element<'a> for Ticket<'a> {
    #[inline(always)]
    fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error> {
        Self::within(cursor.constructed(Tag::application(1))?)
    }

    #[inline(always)]
    fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error> {
        let outer = Tag::context(number);
        Self::within(cursor.inside(outer, Tag::application(1), Usual::Long)?)
    }
}

impl<'a> Ticket<'a> {
    /// What is under its tag.
    #[inline(always)]
    fn within<C: Cursor<'a>>(contents: C) -> Result<Self, C::Error> {
        let mut contents = contents.named("Ticket");
        let fields = contents.sequence()?;
        contents.finish()?;
        Self::of(fields)
    }

    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let ticket = Self {
            tkt_vno: Number::component(&mut fields, 0, "tkt-vno")?,
            realm: realm(&mut fields, 1)?,
            sname: fields.get(2)?,
            enc_part: fields.get(3)?,
        };
        fields.skip_extensions(3)?;
        Ok(ticket)
    }
}

/// AP-REQ (RFC 4120 5.5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApReq<'a> {
    pub(crate) pvno: Number<5>,
    pub(crate) msg_type: Number<14>,
    pub(crate) ap_options: Flags,
    pub(crate) ticket: Ticket<'a>,
    pub(crate) authenticator: EncryptedData<'a>,
}

encode_sequence!(ApReq<'_>, {
    0 => pvno,
    1 => msg_type,
    2 => ap_options,
    3 => ticket,
    4 => authenticator,
}, Tag::application(14));

impl<'a> Message<'a> for ApReq<'a> {
    const PART: &'static str = "AP-REQ";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(14))?;
        let pvno = Number::component(&mut fields, 0, "pvno")?;
        let msg_type = Number::component(&mut fields, 1, "msg-type")?;
        let ap_options = fields.get(2)?;
        let ticket = fields.get(3)?;
        let authenticator = fields.get(4)?;
        fields.skip_extensions(4)?;
        Ok(Self {
            pvno,
            msg_type,
            ap_options,
            ticket,
            authenticator,
        })
    }
}

impl<'a> ApReq<'a> {
    /// `ap_options`: the ticket is in a TGT's session key (RFC 4120 3.7).
    pub(crate) const USE_SESSION_KEY: u32 = 0x4000_0000;
    /// `ap_options`: the client wants an AP-REP.
    pub(crate) const MUTUAL_REQUIRED: u32 = 0x2000_0000;

    /// Reads an AP-REQ and the clear part of its ticket.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode(input)
    }

    /// The message in DER.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("AP-REQ", self)
    }
}

/// AP-REP (RFC 4120 5.5.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApRep<'a> {
    pub(crate) pvno: Number<5>,
    pub(crate) msg_type: Number<15>,
    pub(crate) enc_part: EncryptedData<'a>,
}

encode_sequence!(ApRep<'_>, { 0 => pvno, 1 => msg_type, 2 => enc_part }, Tag::application(15));

impl<'a> Message<'a> for ApRep<'a> {
    const PART: &'static str = "AP-REP";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(15))?;
        let pvno = Number::component(&mut fields, 0, "pvno")?;
        let msg_type = Number::component(&mut fields, 1, "msg-type")?;
        let enc_part = fields.get(2)?;
        fields.skip_extensions(2)?;
        Ok(Self {
            pvno,
            msg_type,
            enc_part,
        })
    }
}

impl<'a> ApRep<'a> {
    /// The reply that carries `enc_part`.
    pub(crate) fn new(enc_part: EncryptedData<'a>) -> Self {
        Self {
            pvno: Number,
            msg_type: Number,
            enc_part,
        }
    }

    /// Reads an AP-REP: the client's, and the third leg of DCE style.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The message in DER.
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("AP-REP", self)
    }
}

/// KRB-ERROR (RFC 4120 5.9.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbError<'a> {
    pub(crate) pvno: Number<5>,
    pub(crate) msg_type: Number<30>,
    pub(crate) ctime: Option<KerberosTime>,
    pub(crate) cusec: Option<u32>,
    pub(crate) stime: KerberosTime,
    pub(crate) susec: u32,
    pub(crate) error_code: i32,
    pub(crate) crealm: Option<Text<'a>>,
    pub(crate) cname: Option<PrincipalName<'a>>,
    pub(crate) realm: Text<'a>,
    pub(crate) sname: PrincipalName<'a>,
    pub(crate) e_text: Option<Text<'a>>,
    pub(crate) e_data: Option<Octets<'a>>,
}

encode_sequence!(KrbError<'_>, {
    0 => pvno,
    1 => msg_type,
    2 => ctime,
    3 => cusec,
    4 => stime,
    5 => susec,
    6 => error_code,
    7 => crealm,
    8 => cname,
    9 => realm,
    10 => sname,
    11 => e_text,
    12 => e_data,
}, Tag::application(30));

impl<'a> Message<'a> for KrbError<'a> {
    const PART: &'static str = "KRB-ERROR";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(30))?;
        let error = Self {
            pvno: Number::component(&mut fields, 0, "pvno")?,
            msg_type: Number::component(&mut fields, 1, "msg-type")?,
            ctime: fields.maybe(2)?,
            cusec: some_microseconds(&mut fields, 3)?,
            stime: fields.get(4)?,
            susec: microseconds(&mut fields, 5)?,
            error_code: fields.get(6)?,
            crealm: some_realm(&mut fields, 7)?,
            cname: fields.maybe(8)?,
            realm: realm(&mut fields, 9)?,
            sname: fields.get(10)?,
            e_text: fields.maybe(11)?,
            e_data: fields.maybe(12)?,
        };
        fields.skip_extensions(12)?;
        Ok(error)
    }
}

impl<'a> KrbError<'a> {
    /// Reads a KRB-ERROR.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The message in DER.
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("KRB-ERROR", self)
    }
}

/// EncTicketPart (RFC 4120 5.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncTicketPart<'a> {
    pub(crate) flags: Flags,
    pub(crate) key: EncryptionKey<'a>,
    pub(crate) crealm: Text<'a>,
    pub(crate) cname: PrincipalName<'a>,
    pub(crate) transited: TransitedEncoding<'a>,
    pub(crate) authtime: KerberosTime,
    pub(crate) starttime: Option<KerberosTime>,
    pub(crate) endtime: KerberosTime,
    pub(crate) renew_till: Option<KerberosTime>,
    pub(crate) caddr: Option<List<'a, HostAddress<'a>>>,
    pub(crate) authorization_data: Option<AuthorizationData<'a>>,
}

encode_sequence!(EncTicketPart<'_>, {
    0 => flags,
    1 => key,
    2 => crealm,
    3 => cname,
    4 => transited,
    5 => authtime,
    6 => starttime,
    7 => endtime,
    8 => renew_till,
    9 => caddr,
    10 => authorization_data,
}, Tag::application(3));

impl<'a> Message<'a> for EncTicketPart<'a> {
    const PART: &'static str = "EncTicketPart";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(3))?;
        let part = Self {
            flags: fields.get(0)?,
            key: fields.get(1)?,
            crealm: realm(&mut fields, 2)?,
            cname: fields.get(3)?,
            transited: fields.get(4)?,
            authtime: fields.get(5)?,
            starttime: fields.maybe(6)?,
            endtime: fields.get(7)?,
            renew_till: fields.maybe(8)?,
            caddr: fields.maybe(9)?,
            authorization_data: fields.maybe(10)?,
        };
        fields.skip_extensions(10)?;
        Ok(part)
    }
}

impl<'a> EncTicketPart<'a> {
    /// `flags`: tickets for other hosts may be had for it (RFC 4120 2.6).
    pub(crate) const FORWARDABLE: u32 = 0x4000_0000;
    /// `flags`: not valid before the KDC says so (RFC 4120 2.2).
    pub(crate) const INVALID: u32 = 0x0100_0000;
    /// `flags`: the KDC has checked the transited realms (RFC 4120 2.7).
    pub(crate) const TRANSITED_POLICY_CHECKED: u32 = 0x0008_0000;
    /// `flags`: the KDC says that the server may be trusted with delegation.
    pub(crate) const OK_AS_DELEGATE: u32 = 0x0004_0000;
    /// `flags`: an anonymous ticket, bit 16 (RFC 8062 3).
    pub(crate) const ANONYMOUS: u32 = 0x0000_8000;

    /// Reads the decrypted part of a ticket.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode(input)
    }

    /// The part in DER, with one zero in the PAC's place: what a KDC signs
    /// (MS-PAC 2.8.3). Secret.
    pub(crate) fn encode_without_pac(&self) -> Decoded<Vec<u8>> {
        let replaced = |element: AuthElement<'a>| match element.ad_type {
            ad_type::WIN2K_PAC => AuthElement {
                ad_data: Octets(&[0]),
                ..element
            },
            _ => element,
        };
        let outer = self.authorization_data.unwrap_or(List::of(&[]));
        let mut lists = Vec::new();
        for element in outer.iter() {
            let mut inner = None;
            if element.ad_type == ad_type::IF_RELEVANT {
                let list = authdata::inner(element.ad_data.0)?;
                let items: Vec<_> = list.iter().map(replaced).collect();
                inner = Some(authdata::encode_list(&items)?);
            }
            lists.push((replaced(element), inner));
        }
        let items: Vec<AuthElement<'_>> = lists
            .iter()
            .map(|(element, inner)| AuthElement {
                ad_type: element.ad_type,
                ad_data: inner.as_deref().map_or(element.ad_data, Octets),
            })
            .collect();
        EncTicketPart {
            authorization_data: self.authorization_data.map(|_| List::of(&items)),
            ..*self
        }
        .encode()
    }

    /// The part in DER: secret until it is encrypted.
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("EncTicketPart", self)
    }
}

/// Authenticator (RFC 4120 5.5.1).
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names)]
pub(crate) struct Authenticator<'a> {
    pub(crate) authenticator_vno: Number<5>,
    pub(crate) crealm: Text<'a>,
    pub(crate) cname: PrincipalName<'a>,
    pub(crate) cksum: Option<Checksum<'a>>,
    pub(crate) cusec: u32,
    pub(crate) ctime: KerberosTime,
    pub(crate) subkey: Option<EncryptionKey<'a>>,
    pub(crate) seq_number: Option<u32>,
    pub(crate) authorization_data: Option<AuthorizationData<'a>>,
}

encode_sequence!(Authenticator<'_>, {
    0 => authenticator_vno,
    1 => crealm,
    2 => cname,
    3 => cksum,
    4 => cusec,
    5 => ctime,
    6 => subkey,
    7 => seq_number,
    8 => authorization_data,
}, Tag::application(2));

impl<'a> Message<'a> for Authenticator<'a> {
    const PART: &'static str = "Authenticator";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(2))?;
        let authenticator = Self {
            authenticator_vno: Number::component(&mut fields, 0, "authenticator-vno")?,
            crealm: realm(&mut fields, 1)?,
            cname: fields.get(2)?,
            cksum: fields.maybe(3)?,
            cusec: microseconds(&mut fields, 4)?,
            ctime: fields.get(5)?,
            subkey: fields.maybe(6)?,
            seq_number: fields.maybe(7)?,
            authorization_data: fields.maybe(8)?,
        };
        fields.skip_extensions(8)?;
        Ok(authenticator)
    }
}

impl<'a> Authenticator<'a> {
    /// Reads a decrypted authenticator.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode(input)
    }

    /// The authenticator in DER: secret until it is encrypted.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("Authenticator", self)
    }
}

/// EncAPRepPart (RFC 4120 5.5.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncApRepPart<'a> {
    pub(crate) ctime: KerberosTime,
    pub(crate) cusec: u32,
    pub(crate) subkey: Option<EncryptionKey<'a>>,
    pub(crate) seq_number: Option<u32>,
}

encode_sequence!(EncApRepPart<'_>, { 0 => ctime, 1 => cusec, 2 => subkey, 3 => seq_number }, Tag::application(27));

impl<'a> Message<'a> for EncApRepPart<'a> {
    const PART: &'static str = "EncAPRepPart";

    #[inline(always)]
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(27))?;
        let part = Self {
            ctime: fields.get(0)?,
            cusec: microseconds(&mut fields, 1)?,
            subkey: fields.maybe(2)?,
            seq_number: fields.maybe(3)?,
        };
        fields.skip_extensions(3)?;
        Ok(part)
    }
}

impl<'a> EncApRepPart<'a> {
    /// Reads the decrypted part of an AP-REP.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The part in DER: secret until it is encrypted.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("EncAPRepPart", self)
    }
}
