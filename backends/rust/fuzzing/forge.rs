//! A client made of fuzz input: what it sends is well-formed except where
//! the input says otherwise, at every layer, with the encryption done after
//! the damage.

use super::super::kerberos::codec::authdata::AuthElement;
use super::super::kerberos::codec::checksum::{GSS_CHECKSUM, GssChecksum, flags};
use super::super::kerberos::codec::gss;
use super::super::kerberos::codec::messages::{ApReq, Authenticator, EncTicketPart, Ticket};
use super::super::kerberos::codec::parts::{
    Checksum, EncryptedData, EncryptionKey, HostAddress, PrincipalName, TransitedEncoding,
};
use super::super::kerberos::codec::wire::{Flags, KerberosTime, List, Number, Octets, Text};
use super::super::kerberos::crypto::Key;
use super::super::spnego::codec::{NEGOEX, NTLMSSP, NegTokenResp, Oid, encode_init};
use crate::channel_bindings::ChannelBindings;
use crate::etype::EncryptionType;
use crate::secret::Secret;

/// The moment at which everything happens: 2026-01-01 00:00:00 UTC.
pub(super) const NOW: i64 = 1_767_225_600;
pub(super) const REALM: &[u8] = b"R.TEST";
pub(super) const SERVICE: [&[u8]; 2] = [b"HTTP", b"web"];
pub(super) const CLIENT: &[u8] = b"alice";
pub(super) const KVNO: u32 = 3;

/// The layers that an edit can be made on.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Layer {
    TicketPart,
    Checksum,
    Authenticator,
    ApReq,
    Token,
    Spnego,
    Later,
    /// The inside of the client's AP-REP.
    ThirdLeg,
}

/// Fuzz input, from a place on. What is not there is zero.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn i16(&mut self) -> i64 {
        i64::from(i16::from_be_bytes([self.u8(), self.u8()]))
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes([self.u8(), self.u8(), self.u8(), self.u8()])
    }

    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn counted(&mut self) -> &'a [u8] {
        let length = self.u8();
        self.take(usize::from(length))
    }
}

/// The key that everybody here has of a type.
pub(super) fn key(etype: EncryptionType, label: u8) -> Key {
    let length = etype.key_length().expect("a known type");
    Key::new(etype, Secret::from(vec![label; length])).expect("an implemented type")
}

fn etype(number: u8) -> EncryptionType {
    EncryptionType::DEFAULT[usize::from(number & 3)]
}

/// What the client does, from the first bytes of the input; the edits are
/// the rest of it.
#[derive(Clone)]
pub(super) struct Plan<'a> {
    options: u16,
    etypes: u8,
    ticket_flags: u32,
    pub(super) ctime: i64,
    start: i64,
    end: i64,
    gss_flags: u32,
    sequence: u32,
    transited: (u8, &'a [u8]),
    ticket_data: (u8, &'a [u8]),
    client_data: (u8, &'a [u8]),
    edits: &'a [u8],
}

/// Options of a plan.
pub(super) mod option {
    pub(in super::super) const SPNEGO: u16 = 0x01;
    pub(in super::super) const STRICT: u16 = 0x02;
    pub(super) const USER_TO_USER: u16 = 0x04;
    pub(super) const MUTUAL_REQUIRED: u16 = 0x08;
    pub(super) const SUBKEY: u16 = 0x10;
    pub(super) const NO_CHECKSUM: u16 = 0x20;
    pub(super) const KEYED_CHECKSUM: u16 = 0x40;
    pub(super) const BINDS: u16 = 0x80;
    pub(super) const TICKET_DATA: u16 = 0x100;
    pub(super) const CLIENT_DATA: u16 = 0x200;
    pub(super) const ADDRESSES: u16 = 0x400;
    pub(super) const LATE_TOKEN: u16 = 0x800;
    pub(in super::super) const OTHER_FIRST: u16 = 0x1000;
    pub(super) const TRANSITED: u16 = 0x2000;
    pub(super) const NO_KVNO: u16 = 0x4000;
    pub(super) const BARE: u16 = 0x8000;
}

const AD_TYPES: [i32; 8] = [1, 8, 128, 129, 143, 144, 4, -1];

impl<'a> Plan<'a> {
    pub(super) fn read(input: &'a [u8]) -> Self {
        let mut bytes = Bytes(input);
        Self {
            options: u16::from_be_bytes([bytes.u8(), bytes.u8()]),
            etypes: bytes.u8(),
            ticket_flags: bytes.u32(),
            ctime: bytes.i16(),
            start: bytes.i16(),
            end: bytes.i16(),
            gss_flags: bytes.u32(),
            sequence: bytes.u32(),
            transited: (bytes.u8(), bytes.counted()),
            ticket_data: (bytes.u8(), bytes.counted()),
            client_data: (bytes.u8(), bytes.counted()),
            edits: bytes.0,
        }
    }

    pub(super) fn has(&self, option: u16) -> bool {
        self.options & option != 0
    }

    /// Makes the input's edits of one layer: each has a layer, a place, a
    /// kind and bytes. Says whether there was any.
    pub(super) fn edit(&self, layer: Layer, target: &mut Vec<u8>) -> bool {
        let mut edits = Bytes(self.edits);
        let mut any = false;
        while !edits.0.is_empty() {
            let (own, place) = (edits.u8(), edits.i16());
            let (kind, bytes) = (edits.u8(), edits.counted());
            if own % 8 != layer as u8 || target.is_empty() {
                continue;
            }
            any = true;
            let length = i64::try_from(target.len()).expect("small");
            let at = usize::try_from(place.rem_euclid(length)).expect("not negative");
            match kind % 4 {
                0 => {
                    for (to, from) in target[at..].iter_mut().zip(bytes) {
                        *to ^= from;
                    }
                }
                1 => drop(target.splice(at..at, bytes.iter().copied())),
                2 => drop(target.drain(at..(at + bytes.len()).min(target.len()))),
                _ => target.truncate(at),
            }
        }
        any
    }

    pub(super) fn session(&self) -> Key {
        key(etype(self.etypes >> 2), 2)
    }

    pub(super) fn subkey(&self) -> Option<Key> {
        self.has(option::SUBKEY)
            .then(|| key(etype(self.etypes >> 4), 3))
    }

    /// The ticket's inside, damaged or not.
    pub(super) fn ticket_part(&self) -> Vec<u8> {
        let session = self.session();
        let data = [AuthElement {
            ad_type: AD_TYPES[usize::from(self.ticket_data.0 & 7)],
            ad_data: Octets(self.ticket_data.1),
        }];
        let addresses = [HostAddress {
            addr_type: 2,
            address: Octets(&[192, 0, 2, 1]),
        }];
        let transited = self.has(option::TRANSITED);
        let part = EncTicketPart {
            flags: Flags(self.ticket_flags),
            key: encryption_key(&session),
            crealm: Text(REALM),
            cname: PrincipalName {
                name_type: 1,
                name_string: List::of(&[Text(CLIENT)]),
            },
            transited: TransitedEncoding {
                tr_type: i32::from(self.transited.0),
                contents: Octets(if transited { self.transited.1 } else { b"" }),
            },
            authtime: KerberosTime(NOW),
            starttime: Some(KerberosTime(NOW + self.start)),
            endtime: KerberosTime(NOW + 3600 + self.end),
            renew_till: None,
            caddr: self.has(option::ADDRESSES).then(|| List::of(&addresses)),
            authorization_data: self.has(option::TICKET_DATA).then(|| List::of(&data)),
        };
        let mut plain = part.encode().expect("a ticket's inside");
        self.edit(Layer::TicketPart, &mut plain);
        plain
    }

    /// The checksum's type and body.
    fn checksum(&self) -> Option<(i32, Vec<u8>)> {
        if self.has(option::NO_CHECKSUM) {
            return None;
        }
        if self.has(option::KEYED_CHECKSUM) {
            let key = self.session().checksum_key(10);
            let mut body = vec![0; key.len()];
            key.sign(&[], &mut body).expect("room for a checksum");
            self.edit(Layer::Checksum, &mut body);
            return Some((key.checksum_type(), body));
        }
        let bindings = if self.has(option::BINDS) {
            bindings().gss_hash()
        } else {
            [0; 16]
        };
        let delegation = (self.gss_flags & flags::DELEG != 0).then(super::seeds::krb_cred);
        let mut body = GssChecksum::build(bindings, self.gss_flags, delegation.as_deref(), &[])
            .expect("a body of a few bytes");
        self.edit(Layer::Checksum, &mut body);
        Some((GSS_CHECKSUM, body))
    }

    /// The authenticator, damaged or not.
    pub(super) fn authenticator(&self) -> Vec<u8> {
        let checksum = self.checksum();
        let subkey = self.subkey();
        let data = [AuthElement {
            ad_type: AD_TYPES[usize::from(self.client_data.0 & 7)],
            ad_data: Octets(self.client_data.1),
        }];
        let part = Authenticator {
            authenticator_vno: Number,
            crealm: Text(REALM),
            cname: PrincipalName {
                name_type: 1,
                name_string: List::of(&[Text(CLIENT)]),
            },
            cksum: checksum.as_ref().map(|(cksumtype, body)| Checksum {
                cksumtype: *cksumtype,
                checksum: Octets(body),
            }),
            cusec: 1,
            ctime: KerberosTime(NOW + self.ctime),
            subkey: subkey.as_ref().map(encryption_key),
            seq_number: Some(self.sequence),
            authorization_data: self.has(option::CLIENT_DATA).then(|| List::of(&data)),
        };
        let mut plain = part.encode().expect("an authenticator");
        self.edit(Layer::Authenticator, &mut plain);
        plain
    }

    /// The mechanism's token.
    pub(super) fn token(&self) -> Vec<u8> {
        let user_to_user = self.has(option::USER_TO_USER);
        let opener = if user_to_user {
            tgt_session()
        } else {
            key(etype(self.etypes), 1)
        };
        let session = self.session();
        let ticket = opener.usage_key(2).encrypt(&self.ticket_part(), &mut zeros);
        let authenticator = session
            .usage_key(11)
            .encrypt(&self.authenticator(), &mut zeros);
        let mut options = 0;
        for (option, flag) in [
            (option::MUTUAL_REQUIRED, ApReq::MUTUAL_REQUIRED),
            (option::USER_TO_USER, ApReq::USE_SESSION_KEY),
        ] {
            options |= if self.has(option) { flag } else { 0 };
        }
        let name = SERVICE.map(Text);
        let request = ApReq {
            pvno: Number,
            msg_type: Number,
            ap_options: Flags(options),
            ticket: Ticket {
                tkt_vno: Number,
                realm: Text(REALM),
                sname: PrincipalName {
                    name_type: 2,
                    name_string: List::of(&name),
                },
                enc_part: EncryptedData {
                    etype: opener.etype(),
                    kvno: (!user_to_user && !self.has(option::NO_KVNO)).then_some(KVNO),
                    cipher: Octets(&ticket),
                },
            },
            authenticator: EncryptedData {
                etype: session.etype(),
                kvno: None,
                cipher: Octets(&authenticator),
            },
        };
        let mut message = request.encode().expect("an AP-REQ");
        self.edit(Layer::ApReq, &mut message);
        if self.has(option::BARE) {
            return message;
        }
        let oid = if user_to_user {
            gss::KRB5_U2U
        } else {
            gss::KRB5
        };
        let mut token = gss::frame_message(oid, gss::token_id::AP_REQ, &message);
        self.edit(Layer::Token, &mut token);
        token
    }

    /// The mechanisms that the client offers.
    pub(super) fn offer(&self) -> Vec<Oid<'static>> {
        if self.has(option::OTHER_FIRST) {
            vec![Oid(NEGOEX), Oid(NTLMSSP), Oid(gss::MS_KRB5)]
        } else {
            vec![Oid(gss::MS_KRB5), Oid(gss::KRB5), Oid(NTLMSSP)]
        }
    }

    /// The first leg.
    pub(super) fn first(&self) -> Vec<u8> {
        let token = self.token();
        if !self.has(option::SPNEGO) {
            return token;
        }
        let token = (!self.has(option::LATE_TOKEN)).then_some(token.as_slice());
        let mut init = encode_init(&self.offer(), token, None).expect("an offer");
        self.edit(Layer::Spnego, &mut init);
        init
    }

    /// A later leg.
    pub(super) fn later(&self, token: Option<&[u8]>, mic: Option<&[u8]>) -> Vec<u8> {
        let mut leg = if self.has(option::SPNEGO) {
            NegTokenResp {
                response_token: token.map(Octets),
                mech_list_mic: mic.map(Octets),
                ..NegTokenResp::default()
            }
            .encode()
            .expect("a response")
        } else {
            token.unwrap_or_default().to_vec()
        };
        self.edit(Layer::Later, &mut leg);
        leg
    }
}

/// The session key of the server's own TGT.
pub(super) fn tgt_session() -> Key {
    key(EncryptionType::DEFAULT[0], 5)
}

fn encryption_key(key: &Key) -> EncryptionKey<'_> {
    EncryptionKey {
        keytype: key.etype(),
        keyvalue: Octets(key.expose()),
    }
}

/// Confounders that are the same in every run.
fn zeros(bytes: &mut [u8]) {
    bytes.fill(0);
}

/// The channel that steps and clients are bound to.
pub(super) fn bindings() -> ChannelBindings {
    ChannelBindings::tls_server_end_point_hash(&[7; 32]).expect("32 bytes are a hash")
}
