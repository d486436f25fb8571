//! What the client is told: AP-REP or KRB-ERROR; and the context that comes
//! of it.

use std::time::{Duration, SystemTime};

use super::authenticator::{Asked, ReadClient};
use super::dce::ThirdLeg;
use super::ticket::ReadTicket;
use super::{SentService, Style};
use crate::backends::rust::kerberos::codec::encode::Encode as _;
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::messages::{ApRep, EncApRepPart, KrbError};
use crate::backends::rust::kerberos::codec::parts::{EncryptedData, EncryptionKey, PrincipalName};
use crate::backends::rust::kerberos::codec::wire::{KerberosTime, List, Number, Octets, Text};
use crate::backends::rust::kerberos::context::{Kept, KerberosContext};
use crate::backends::rust::kerberos::crypto::{Key, KeyRef};
use crate::backends::rust::kerberos::per_message::{
    Agreed, Detection, KeyOrigin, Layout, Messages, Role,
};
use crate::backends::{SecurityContext, Settings};
use crate::error::{Error, Unavailability};
use crate::etype::EncryptionType;
use crate::facts::Facts;
use crate::random;
use crate::requirements::Granted;
use crate::time::unix_seconds;

/// Key usage of the encrypted part of an AP-REP (RFC 4120 7.5.1).
pub(super) const USAGE_AP_REP: u32 = 12;

/// KERB-ERROR-DATA with KERB_AP_ERR_TYPE_SKEW_RECOVERY (MS-KILE 2.2.2,
/// 3.4.5): the client should try again with the time of this message.
pub(super) const SKEW_RECOVERY: &[u8] = &[0x30, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x02];

/// What an answer comes to.
pub(super) enum Answered {
    /// The context, and a token for a client that wants one.
    Done {
        token: Option<Vec<u8>>,
        context: Box<dyn SecurityContext>,
    },
    /// DCE style: the context is nobody's before the client has answered the
    /// token (rule 20).
    AwaitsClient { token: Vec<u8>, next: Box<ThirdLeg> },
}

/// Makes the AP-REP, if one is wanted, and the context (rules 14, 19, 20).
/// `oid`, the client's, is for the reply's frame.
pub(super) fn answer(
    (client, ticket, asked): (&ReadClient<'_>, &ReadTicket<'_>, &Asked<'_>),
    settings: &Settings,
    facts: &Facts,
    oid: &[u8],
    kept: Kept,
) -> Result<Answered, Error> {
    let received = client.part.seq_number.unwrap_or(0);
    let mut agreement = Agreement {
        partial: client.subkey()?.unwrap_or_else(|| ticket.session.to_key()),
        acceptor: None,
        // Without an AP-REP our numbers begin where the client's do, as with
        // MIT and Windows.
        first_sent: received,
        received,
        detection: Detection {
            replay: facts.granted.contains(Granted::REPLAY_DETECT),
            sequence: facts.granted.contains(Granted::SEQUENCE_DETECT),
        },
        layout: Layout::Plain,
        max_token: settings.max_token,
        authorization_data: ticket.authorization_data(),
    };
    let mut token = None;
    if asked.mutual() {
        agreement.acceptor = acceptor_etype(client, ticket, asked, settings)
            .map(|etype| Key::generate(etype, &mut random::fill))
            .transpose()
            .map_err(|_| internal("making a subkey"))?;
        agreement.first_sent = sequence_number(received);
        let message = ap_rep((oid, asked.style()), client, ticket.session, &agreement)?;
        if asked.style() == Style::Bare {
            agreement.layout = Layout::Dce;
            let next = ThirdLeg::new(ticket.session.to_key(), agreement, kept);
            return Ok(Answered::AwaitsClient {
                token: message,
                next: Box::new(next),
            });
        }
        token = Some(message);
    }
    let context = agreement.context(kept);
    Ok(Answered::Done { token, context })
}

/// What a context is made of. A handshake that waits for its client keeps
/// this: anybody may have any number of those wait, and a context is several
/// times as large.
pub(super) struct Agreement {
    /// The client's subkey, else the ticket's session key.
    partial: Key,
    acceptor: Option<Key>,
    first_sent: u32,
    received: u32,
    detection: Detection,
    layout: Layout,
    max_token: usize,
    authorization_data: Box<[u8]>,
}

impl Agreement {
    /// Our own first sequence number.
    pub(super) fn first_sent(&self) -> u32 {
        self.first_sent
    }

    /// The context.
    #[inline]
    pub(super) fn context(self, kept: Kept) -> Box<dyn SecurityContext> {
        let (key, origin, partial) = match self.acceptor {
            Some(key) => (key, KeyOrigin::AcceptorSubkey, Some(self.partial)),
            None => (self.partial, KeyOrigin::Other, None),
        };
        let messages = Messages::new(Agreed {
            role: Role::Acceptor,
            key,
            origin,
            first_sent: self.first_sent,
            first_received: self.received,
            detection: self.detection,
            layout: self.layout,
            random: random::fill,
        });
        Box::new(KerberosContext::new(
            messages,
            partial,
            self.authorization_data,
            self.max_token,
            kept,
        ))
    }
}

/// Rule 14: the type of our subkey. The tokens of RC4 do not say whose key
/// they are under, so that there, DCE style apart, one is asserted only where
/// it brings the tokens of AES, which do (RFC 4121 2, RFC 4537 3).
fn acceptor_etype(
    client: &ReadClient<'_>,
    ticket: &ReadTicket<'_>,
    asked: &Asked,
    settings: &Settings,
) -> Option<EncryptionType> {
    const RC4: EncryptionType = EncryptionType::RC4_HMAC;
    let session = ticket.session.etype();
    let base = client.part.subkey.map_or(session, |subkey| subkey.keytype);
    let chosen = client.negotiate_etype(session, &settings.etypes);
    (base != RC4 || chosen != RC4 || asked.style() == Style::Bare).then_some(chosen)
}

/// Random, below 2^30 and not 0 (rule 19): some clients take it for signed,
/// and some add to it. And far from the client's: under RC4 two messages that
/// have key and number in common disclose each other, whoever sent them, and
/// one sent back to us must not pass for the client's next.
fn sequence_number(received: u32) -> u32 {
    const FAR: u32 = 1 << 28;
    loop {
        let mut bytes = [0; 4];
        random::fill(&mut bytes);
        let number = u32::from_be_bytes(bytes) & 0x3FFF_FFFF;
        let ahead = number.wrapping_sub(received);
        if number != 0 && ahead.min(ahead.wrapping_neg()) >= FAR {
            return number;
        }
    }
}

/// An AP-REP under the session key (RFC 4120 3.2.4), in the frame that its
/// style has.
fn ap_rep(
    (oid, style): (&[u8], Style),
    client: &ReadClient<'_>,
    session: KeyRef<'_>,
    agreement: &Agreement,
) -> Result<Vec<u8>, Error> {
    let part = EncApRepPart {
        ctime: client.part.ctime,
        cusec: client.part.cusec,
        subkey: agreement.acceptor.as_ref().map(|subkey| EncryptionKey {
            keytype: subkey.etype(),
            keyvalue: Octets(subkey.expose()),
        }),
        seq_number: Some(agreement.first_sent),
    };
    let (before, behind) = session.room();
    // Written where it is encrypted, so that nothing has to be wiped.
    let mut cipher = Vec::with_capacity(before + part.size() + behind);
    cipher.resize(before, 0);
    part.put(&mut cipher);
    cipher.resize(cipher.len() + behind, 0);
    session
        .encrypt_once(USAGE_AP_REP, &mut cipher, &mut random::fill)
        .map_err(|_| internal("encrypting an AP-REP"))?;
    let message = ApRep::new(EncryptedData {
        etype: session.etype(),
        kvno: None,
        cipher: Octets(&cipher),
    });
    match style {
        Style::Framed => Ok(gss::frame_encoded(oid, gss::token_id::AP_REP, &message)),
        Style::Bare => message.encode().map_err(|_| internal("encoding an AP-REP")),
    }
}

/// A KRB-ERROR token (RFC 4120 5.9.1, RFC 4121 4.1), or nothing if it cannot
/// be encoded.
pub(super) fn krb_error(
    oid: &[u8],
    code: i32,
    service: Option<&SentService>,
    now: SystemTime,
    data: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let (realm, name_type, components) = match service {
        Some((realm, name_type, components)) => {
            (realm.as_slice(), *name_type, components.as_slice())
        }
        None => ([].as_slice(), 0, [].as_slice()),
    };
    let texts: Vec<Text<'_>> = components.iter().map(|part| Text(part)).collect();
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let message = KrbError {
        pvno: Number,
        msg_type: Number,
        ctime: None,
        cusec: None,
        stime: KerberosTime(unix_seconds(now)),
        susec: since.subsec_micros(),
        error_code: code,
        crealm: None,
        cname: None,
        realm: Text(realm),
        sname: PrincipalName {
            name_type,
            name_string: List::of(&texts),
        },
        e_text: None,
        e_data: data.map(Octets),
    }
    .encode()
    .ok()?;
    Some(gss::frame_message(oid, gss::token_id::KRB_ERROR, &message))
}

fn internal(operation: &'static str) -> Error {
    Unavailability::Internal { operation }.into()
}
