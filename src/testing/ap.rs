//! The client's side of the AP exchange (RFC 4120 3.2, RFC 4121 4.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::client::{BindingPromise, ClientFlags};
use super::error::{ClientError, KrbErrorReply, SkewRetry};
use super::handshake::TestClientContext;
use super::ticket::{Minted, element, encode_list, fresh_key};
use crate::backends::rust::kerberos::codec::authdata::{self, ad_type};
use crate::backends::rust::kerberos::codec::checksum::{self, GSS_CHECKSUM, GssChecksum};
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::messages::{
    ApRep, ApReq, Authenticator, EncApRepPart, Ticket,
};
use crate::backends::rust::kerberos::codec::parts::{
    Checksum, EncryptedData, EncryptionKey, PrincipalName, texts,
};
use crate::backends::rust::kerberos::codec::wire::{
    Flags, KerberosTime, List, Number, Octets, Text,
};
use crate::backends::rust::kerberos::context::{Kept, KerberosContext};
use crate::backends::rust::kerberos::crypto::Key;
use crate::backends::rust::kerberos::per_message::{
    Agreed, Detection, KeyOrigin, Layout, Messages, Role,
};
use crate::time::unix_seconds;
use crate::{EncryptionType, Secret, random};

/// Key usages (RFC 4120 7.5.1).
const USAGE_AUTHENTICATOR: u32 = 11;
const USAGE_AP_REP: u32 = 12;

/// What the context of a client says of the longest token.
const MAX_TOKEN: usize = 64 << 10;

/// What a client wants, and its ticket.
pub(super) struct Plan {
    pub(super) ticket: Minted,
    pub(super) flags: ClientFlags,
    pub(super) bindings: [u8; 16],
    pub(super) promise: BindingPromise,
    pub(super) etypes: Vec<EncryptionType>,
    pub(super) target: Option<String>,
    /// A KRB-CRED.
    pub(super) delegated: Option<Zeroizing<Vec<u8>>>,
}

/// An AP-REQ that was sent, and what its answer is held to.
pub(super) struct ApExchange {
    plan: Plan,
    subkey: Key,
    ctime: KerberosTime,
    cusec: u32,
    number: u32,
    tried: Tried,
}

/// How often the client has tried (MS-KILE 3.4.5: twice at the most).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    Once,
    Twice,
}

/// What came of an answer.
pub(super) enum Answered {
    /// The server proved itself. In DCE style it awaits the client's own
    /// AP-REP before it lets it in.
    Established(TestClientContext, Option<Vec<u8>>),
    /// A further AP-REQ, by the server's clock.
    Again(Vec<u8>, Box<ApExchange>),
}

impl ApExchange {
    /// Makes the AP-REQ: framed, but for DCE style.
    pub(super) fn begin(plan: Plan, now: SystemTime) -> Result<(Self, Vec<u8>), ClientError> {
        Self::send(plan, now, Tried::Once)
    }

    fn send(plan: Plan, now: SystemTime, tried: Tried) -> Result<(Self, Vec<u8>), ClientError> {
        let subkey = fresh_key(plan.ticket.session.etype())?;
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut number = [0; 4];
        random::fill(&mut number);
        let exchange = Self {
            plan,
            subkey,
            ctime: KerberosTime(unix_seconds(now)),
            cusec: since.subsec_micros(),
            // Below 2^30, as clients have it that fear for signed numbers.
            number: u32::from_be_bytes(number) & 0x3FFF_FFFF,
            tried,
        };
        let authenticator = Zeroizing::new(exchange.authenticator()?);
        let message = exchange.ap_req(&authenticator)?;
        let token = match exchange.layout() {
            Layout::Plain => gss::frame_message(gss::KRB5, gss::token_id::AP_REQ, &message),
            Layout::Dce => message,
        };
        Ok((exchange, token))
    }

    fn authenticator(&self) -> Result<Vec<u8>, ClientError> {
        let encoding = |_| ClientError::encoding("authenticator");
        let Plan { ticket, flags, .. } = &self.plan;
        let delegated = self
            .plan
            .delegated
            .as_ref()
            .map(|message| message.as_slice());
        let flags = match delegated {
            Some(_) => flags.bits() | checksum::flags::DELEG,
            None => flags.bits(),
        };
        let checksum = GssChecksum::build(self.plan.bindings, flags, delegated, &[]);
        let checksum = checksum.map_err(encoding)?;
        let names = texts(&ticket.client);
        let extras = self.plan.extras()?;
        let container = encode_list(&extras)?;
        let container = [element(ad_type::IF_RELEVANT, &container)];
        Authenticator {
            authenticator_vno: Number,
            crealm: Text(ticket.client.realm()),
            cname: PrincipalName {
                name_type: ticket.client.name_type(),
                name_string: List::of(&names),
            },
            cksum: Some(Checksum {
                cksumtype: GSS_CHECKSUM,
                checksum: Octets(&checksum),
            }),
            cusec: self.cusec,
            ctime: self.ctime,
            subkey: Some(EncryptionKey {
                keytype: self.subkey.etype(),
                keyvalue: Octets(self.subkey.expose()),
            }),
            seq_number: Some(self.number),
            authorization_data: (!extras.is_empty()).then(|| List::of(&container)),
        }
        .encode()
        .map_err(encoding)
    }

    fn ap_req(&self, authenticator: &[u8]) -> Result<Vec<u8>, ClientError> {
        let ticket = &self.plan.ticket;
        let cipher = ticket
            .session
            .usage_key(USAGE_AUTHENTICATOR)
            .encrypt(authenticator, &mut random::fill);
        let names = texts(&ticket.service);
        ApReq {
            pvno: Number,
            msg_type: Number,
            ap_options: Flags(if self.mutual() {
                ApReq::MUTUAL_REQUIRED
            } else {
                0
            }),
            ticket: Ticket {
                tkt_vno: Number,
                realm: Text(ticket.service.realm()),
                sname: PrincipalName {
                    name_type: ticket.service.name_type(),
                    name_string: List::of(&names),
                },
                enc_part: EncryptedData {
                    etype: ticket.etype,
                    kvno: ticket.kvno,
                    cipher: Octets(&ticket.cipher),
                },
            },
            authenticator: EncryptedData {
                etype: ticket.session.etype(),
                kvno: None,
                cipher: Octets(&cipher),
            },
        }
        .encode()
        .map_err(|_| ClientError::encoding("AP-REQ"))
    }

    /// What the client asks for.
    pub(super) fn flags(&self) -> ClientFlags {
        self.plan.flags
    }

    /// Whether the client awaits an AP-REP, as in DCE style it always does.
    pub(super) fn mutual(&self) -> bool {
        let either = ClientFlags::MUTUAL_AUTH | ClientFlags::DCE_STYLE;
        self.plan.flags.intersects(either)
    }

    fn layout(&self) -> Layout {
        if self.plan.flags.contains(ClientFlags::DCE_STYLE) {
            Layout::Dce
        } else {
            Layout::Plain
        }
    }

    /// The context of a client that awaits no AP-REP: both sides go on in
    /// its subkey, and from its number (RFC 4121 2).
    pub(super) fn complete(self) -> TestClientContext {
        let (key, number) = (self.subkey.clone(), self.number);
        self.context(key, KeyOrigin::Other, number)
    }

    /// Takes the server's answer: framed, but for an AP-REP of DCE style.
    pub(super) fn read(self, reply: &[u8]) -> Result<Answered, ClientError> {
        // 6F is the tag of an AP-REP, APPLICATION 15.
        if self.layout() == Layout::Dce && reply.first() == Some(&0x6F) {
            return self.read_ap_rep(reply);
        }
        let framed = gss::parse(reply).map_err(|error| bad("token", error.problem.text()))?;
        if framed.oid != gss::KRB5 {
            return Err(bad("token", "it is another mechanism's"));
        }
        match framed.token_id {
            gss::token_id::AP_REP if self.layout() == Layout::Dce => {
                Err(bad("AP-REP", "it is framed, in DCE style"))
            }
            gss::token_id::AP_REP if self.mutual() => self.read_ap_rep(framed.body),
            gss::token_id::AP_REP => Err(bad("AP-REP", "none was asked for")),
            gss::token_id::KRB_ERROR => self.read_krb_error(framed.body),
            _ => Err(bad("token", "neither an AP-REP nor a KRB-ERROR")),
        }
    }

    /// RFC 4120 3.2.5, and rule 19: under the session key, our time echoed.
    fn read_ap_rep(self, body: &[u8]) -> Result<Answered, ClientError> {
        let malformed = |_| bad("AP-REP", "it cannot be decoded");
        let reply = ApRep::decode(body).map_err(malformed)?;
        let session = &self.plan.ticket.session;
        if reply.enc_part.etype != session.etype() {
            return Err(bad(
                "AP-REP",
                "its encryption type is not the session key's",
            ));
        }
        let mut plain = Zeroizing::new(reply.enc_part.cipher.0.to_vec());
        let plain = session
            .usage_key(USAGE_AP_REP)
            .decrypt_in_place(&mut plain)
            .map_err(|_| bad("AP-REP", "it is not encrypted in the session key"))?;
        let part = EncApRepPart::decode(plain).map_err(malformed)?;
        if (part.ctime, part.cusec) != (self.ctime, self.cusec) {
            return Err(bad("AP-REP", "it echoes another time than was sent"));
        }
        let number = part
            .seq_number
            .ok_or_else(|| bad("AP-REP", "it has no sequence number"))?;
        let (key, origin) = match part.subkey {
            None if self.layout() == Layout::Dce => {
                return Err(bad("AP-REP", "it has no subkey, in DCE style"));
            }
            None => (self.subkey.clone(), KeyOrigin::Other),
            Some(subkey) => {
                let secret = Secret::copy_from(subkey.keyvalue.0);
                let key = Key::new(subkey.keytype, secret)
                    .map_err(|_| bad("AP-REP", "its subkey cannot be used"))?;
                (key, KeyOrigin::AcceptorSubkey)
            }
        };
        let token = match self.layout() {
            Layout::Plain => None,
            Layout::Dce => Some(self.third_leg(number)?),
        };
        let context = self.context(key, origin, number);
        Ok(Answered::Established(context, token))
    }

    /// MS-KILE 3.4.5.1: the client's own AP-REP, with the server's number and
    /// no subkey.
    fn third_leg(&self, number: u32) -> Result<Vec<u8>, ClientError> {
        let encoding = |_| ClientError::encoding("AP-REP");
        let part = EncApRepPart {
            ctime: self.ctime,
            cusec: self.cusec,
            subkey: None,
            seq_number: Some(number),
        };
        let plain = Zeroizing::new(part.encode().map_err(encoding)?);
        let session = &self.plan.ticket.session;
        let cipher = session
            .usage_key(USAGE_AP_REP)
            .encrypt(&plain, &mut random::fill);
        ApRep::new(EncryptedData {
            etype: session.etype(),
            kvno: None,
            cipher: Octets(&cipher),
        })
        .encode()
        .map_err(encoding)
    }

    /// MS-KILE 3.4.5: once, and by the server's clock.
    fn read_krb_error(self, body: &[u8]) -> Result<Answered, ClientError> {
        let error =
            KrbErrorReply::decode(body).ok_or_else(|| bad("KRB-ERROR", "it cannot be decoded"))?;
        if error.retry == SkewRetry::NotInvited || self.tried == Tried::Twice {
            return Err(ClientError::KrbError(error));
        }
        let (exchange, token) = Self::send(self.plan, error.server_time, Tried::Twice)?;
        Ok(Answered::Again(token, Box::new(exchange)))
    }

    fn context(self, key: Key, origin: KeyOrigin, first_received: u32) -> TestClientContext {
        let flags = self.plan.flags;
        let other = Some(self.subkey.clone()).filter(|subkey| !subkey.is(&key));
        let messages = Messages::new(Agreed {
            role: Role::Initiator,
            key,
            origin,
            first_sent: self.number,
            first_received,
            detection: Detection {
                replay: flags.contains(ClientFlags::REPLAY_DETECT),
                sequence: flags.contains(ClientFlags::SEQUENCE_DETECT),
            },
            layout: self.layout(),
            random: random::fill,
        });
        let no_data = Box::default();
        let context = KerberosContext::new(messages, other, no_data, MAX_TOKEN, Kept::nothing());
        TestClientContext::new(context, flags, self.plan.ticket.service)
    }
}

impl Plan {
    /// What goes into the authenticator's AD-IF-RELEVANT.
    fn extras(&self) -> Result<Vec<(i32, Vec<u8>)>, ClientError> {
        let mut extras = Vec::new();
        if !self.etypes.is_empty() {
            let list = authdata::encode_etype_list(&self.etypes);
            let list = list.map_err(|_| ClientError::encoding("list of encryption types"))?;
            extras.push((ad_type::ETYPE_NEGOTIATION, list));
        }
        if self.promise == BindingPromise::Made {
            let options = authdata::AP_OPTIONS_CBT.to_le_bytes().to_vec();
            extras.push((ad_type::AP_OPTIONS, options));
        }
        if let Some(target) = &self.target {
            let name = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
            extras.push((ad_type::CLIENT_TARGET, name));
        }
        Ok(extras)
    }
}

fn bad(part: &'static str, problem: &'static str) -> ClientError {
    ClientError::BadReply { part, problem }
}
