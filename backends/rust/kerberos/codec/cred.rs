//! KRB-CRED: credentials on their way to another host (RFC 4120 5.8).

use super::Decoded;
use super::der::{self, Cursor, Element, Message, Reader, Tag, Usual};
#[cfg(any(test, fuzzing, feature = "testing"))]
use super::encode::encode;
use super::encode::encode_sequence;
use super::messages::Ticket;
use super::parts::{EncryptedData, EncryptionKey, HostAddress, PrincipalName, some_realm};
use super::wire::{Flags, KerberosTime, List, Number, Text, some_microseconds};

/// KRB-CRED (RFC 4120 5.8.1). Its encrypted part may be in the clear, as
/// encryption type 0 (RFC 6448).
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbCred<'a> {
    pub(crate) pvno: Number<5>,
    pub(crate) msg_type: Number<22>,
    pub(crate) tickets: List<'a, Ticket<'a>>,
    pub(crate) enc_part: EncryptedData<'a>,
}

encode_sequence!(KrbCred<'_>, { 0 => pvno, 1 => msg_type, 2 => tickets, 3 => enc_part }, Tag::application(22));

impl<'a> Message<'a> for KrbCred<'a> {
    const PART: &'static str = "KRB-CRED";

    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(22))?;
        let cred = Self {
            pvno: Number::component(&mut fields, 0, "pvno")?,
            msg_type: Number::component(&mut fields, 1, "msg-type")?,
            tickets: fields.get(2)?,
            enc_part: fields.get(3)?,
        };
        fields.skip_extensions(3)?;
        Ok(cred)
    }
}

impl<'a> KrbCred<'a> {
    /// Reads a KRB-CRED and the clear parts of its tickets.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The message in DER.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("KRB-CRED", self)
    }

    /// The tickets, each as the bytes that it was sent in: what a client
    /// hands to a server is exactly what the KDC made.
    pub(crate) fn ticket_bytes(&self) -> Decoded<Vec<(Ticket<'a>, &'a [u8])>> {
        let mut reader = Reader::new("Ticket", self.tickets.contents());
        let mut tickets = Vec::new();
        while !reader.is_empty() {
            let from = reader.rest();
            let ticket = Ticket::read(&mut reader)?;
            let length = from.len() - reader.rest().len();
            tickets.push((ticket, from.get(..length).unwrap_or_default()));
        }
        Ok(tickets)
    }
}

/// EncKrbCredPart (RFC 4120 5.8.1): what belongs to the tickets, in their
/// order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncKrbCredPart<'a> {
    pub(crate) ticket_info: List<'a, KrbCredInfo<'a>>,
    pub(crate) nonce: Option<u32>,
    pub(crate) timestamp: Option<KerberosTime>,
    pub(crate) usec: Option<u32>,
    pub(crate) s_address: Option<HostAddress<'a>>,
    pub(crate) r_address: Option<HostAddress<'a>>,
}

encode_sequence!(EncKrbCredPart<'_>, {
    0 => ticket_info,
    1 => nonce,
    2 => timestamp,
    3 => usec,
    4 => s_address,
    5 => r_address,
}, Tag::application(29));

impl<'a> Message<'a> for EncKrbCredPart<'a> {
    const PART: &'static str = "EncKrbCredPart";

    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error> {
        let mut fields = cursor.message_fields(Tag::application(29))?;
        let part = Self {
            ticket_info: fields.get(0)?,
            nonce: fields.maybe(1)?,
            timestamp: fields.maybe(2)?,
            usec: some_microseconds(&mut fields, 3)?,
            s_address: fields.maybe(4)?,
            r_address: fields.maybe(5)?,
        };
        fields.skip_extensions(5)?;
        Ok(part)
    }
}

impl<'a> EncKrbCredPart<'a> {
    /// Reads the decrypted part.
    pub(crate) fn decode(input: &'a [u8]) -> Decoded<Self> {
        der::decode_closely(input)
    }

    /// The part in DER: secret until it is encrypted.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn encode(&self) -> Decoded<Vec<u8>> {
        encode("EncKrbCredPart", self)
    }
}

/// KrbCredInfo (RFC 4120 5.8.1): a ticket's session key, and what its client
/// knows of it. All but the key is optional.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbCredInfo<'a> {
    pub(crate) key: EncryptionKey<'a>,
    pub(crate) prealm: Option<Text<'a>>,
    pub(crate) pname: Option<PrincipalName<'a>>,
    pub(crate) flags: Option<Flags>,
    pub(crate) authtime: Option<KerberosTime>,
    pub(crate) starttime: Option<KerberosTime>,
    pub(crate) endtime: Option<KerberosTime>,
    pub(crate) renew_till: Option<KerberosTime>,
    pub(crate) srealm: Option<Text<'a>>,
    pub(crate) sname: Option<PrincipalName<'a>>,
    pub(crate) caddr: Option<List<'a, HostAddress<'a>>>,
}

encode_sequence!(KrbCredInfo<'_>, {
    0 => key,
    1 => prealm,
    2 => pname,
    3 => flags,
    4 => authtime,
    5 => starttime,
    6 => endtime,
    7 => renew_till,
    8 => srealm,
    9 => sname,
    10 => caddr,
});

impl<'a> Element<'a> for KrbCredInfo<'a> {
    fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error> {
        Self::of(cursor.sequence()?)
    }

    fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error> {
        Self::of(cursor.fields(number, Usual::Long)?)
    }
}

impl<'a> KrbCredInfo<'a> {
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let info = Self {
            key: fields.get(0)?,
            prealm: some_realm(&mut fields, 1)?,
            pname: fields.maybe(2)?,
            flags: fields.maybe(3)?,
            authtime: fields.maybe(4)?,
            starttime: fields.maybe(5)?,
            endtime: fields.maybe(6)?,
            renew_till: fields.maybe(7)?,
            srealm: some_realm(&mut fields, 8)?,
            sname: fields.maybe(9)?,
            caddr: fields.maybe(10)?,
        };
        fields.skip_extensions(10)?;
        Ok(info)
    }
}
