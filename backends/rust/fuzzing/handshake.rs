//! Whole handshakes, with fixed keys and a fixed clock.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::super::kerberos::codec::gss;
use super::super::kerberos::codec::messages::{ApRep, EncApRepPart, EncTicketPart, KrbError};
use super::super::kerberos::codec::parts::EncryptedData;
use super::super::kerberos::codec::wire::{KerberosTime, Octets};
use super::super::kerberos::crypto::Key;
use super::super::kerberos::per_message::{Agreed, Detection, KeyOrigin, Layout, PerMessage, Role};
use super::super::spnego::codec::{NegState, NegTokenResp, encode_mech_types};
use super::forge::{
    Bytes, KVNO, Layer, NOW, Plan, REALM, SERVICE, bindings, key, option, tgt_session,
};
use crate::acceptor::{Acceptor, Step};
use crate::backends;
use crate::ccache::{CredentialCache, KerberosCredential};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::config::AcceptorConfig;
use crate::context::Context;
use crate::credentials::{Keytab, UserToUser};
use crate::delegation::Delegated;
use crate::etype::EncryptionType;
use crate::keytab::{self, Entry, KvnoWidth};
use crate::message::Protection;
use crate::name::{Name, Principal, ServiceName};
use crate::replay::{ReplayEntry, ReplayStore, ReplayVerdict};
use crate::reply::Reply;
use crate::requirements::{Granted, Requirements};
use crate::secret::Secret;
use crate::time::{Clock, from_unix_seconds};
use crate::token::StepInput;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> SystemTime {
        from_unix_seconds(NOW)
    }
}

/// Remembers nothing, so that a run depends on its input alone.
struct Forgetful;

impl ReplayStore for Forgetful {
    fn check(&self, _: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        Reply::Now(ReplayVerdict::Fresh)
    }

    fn describe(&self) -> String {
        "none".into()
    }

    fn may_block(&self) -> bool {
        false
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Plain,
    Strict,
}

/// A keytab with a key of each type.
pub(super) fn keytab_file() -> Vec<u8> {
    let entries = EncryptionType::DEFAULT.map(|etype| Entry {
        principal: Principal::new(REALM, &SERVICE, Principal::NT_SRV_HST),
        kvno: KVNO,
        kvno_width: KvnoWidth::Full32,
        etype,
        key: key(etype, 1).to_secret(),
        timestamp: 0,
    });
    keytab::write(&entries).expect("a keytab of four keys")
}

/// The server's own TGT: what a client gets of it.
const TGT: &[u8] = b"\x61\x02\x30\x00";

/// A cache with that TGT.
fn own_tgt() -> UserToUser {
    let client = Principal::new(REALM, &SERVICE, Principal::NT_SRV_HST);
    let server = Principal::new(REALM, &[b"krbtgt", REALM], 2);
    let session = tgt_session();
    let key = (session.etype(), session.to_secret());
    let times = (from_unix_seconds(NOW - 60), from_unix_seconds(NOW + 3600));
    let tgt = KerberosCredential::new(client.clone(), server, key, times, TGT.to_vec());
    let cache = CredentialCache::new(client, vec![tgt]).to_bytes();
    UserToUser::from_bytes(cache.expect("a cache")).expect("a TGT in it")
}

fn build(mode: Mode) -> AcceptorConfig {
    let keytab = Keytab::from_bytes(keytab_file()).expect("a keytab");
    let builder = AcceptorConfig::builder(backends::rust(keytab).and(own_tgt()))
        .request(Requirements::EXTENDED_ERROR | Requirements::MUTUAL_AUTH)
        .clock(Arc::new(Fixed))
        .replay_store(Arc::new(Forgetful));
    match mode {
        Mode::Plain => builder.request(Requirements::DELEGATE),
        Mode::Strict => builder
            .require(Requirements::SEQUENCE_DETECT | Requirements::MUTUAL_AUTH)
            .channel_bindings(ChannelBindingPolicy::Require)
            .accept_service(ServiceName::Service(b"HTTP".to_vec())),
    }
    .build()
    .expect("a configuration")
}

fn config(mode: Mode) -> &'static AcceptorConfig {
    static PLAIN: OnceLock<AcceptorConfig> = OnceLock::new();
    static STRICT: OnceLock<AcceptorConfig> = OnceLock::new();
    match mode {
        Mode::Plain => PLAIN.get_or_init(|| build(mode)),
        Mode::Strict => STRICT.get_or_init(|| build(mode)),
    }
}

/// The lenient one.
pub(super) fn plain() -> &'static AcceptorConfig {
    config(Mode::Plain)
}

/// Any bytes as a client's tokens: a byte of settings, then each leg after
/// its 16-bit length.
pub fn handshake(input: &[u8]) {
    let mut bytes = Bytes(input);
    let settings = bytes.u8();
    let mode = if settings & 1 == 0 {
        Mode::Plain
    } else {
        Mode::Strict
    };
    let mut acceptor = Acceptor::new(config(mode));
    for _ in 0..10 {
        let length = usize::from(u16::from_be_bytes([bytes.u8(), bytes.u8()]));
        let token = bytes.take(length);
        let Some(progress) = one_step(&mut acceptor, token, mode) else {
            break;
        };
        // Nobody without a key gets in. Seeds hold tokens under the fixed
        // keys, so somebody may, as the one client that has a ticket.
        if let Progress::Done(context) = progress {
            return check_peer(&context, &alice());
        }
    }
    assert!(acceptor.step(b"x").is_err(), "a step after the end");
}

/// What a step came to, if it did not fail.
enum Progress {
    Done(Box<Context>),
    Reply(Vec<u8>),
}

/// One step, with everything that it sends checked.
fn one_step(acceptor: &mut Acceptor, token: &[u8], mode: Mode) -> Option<Progress> {
    let own = bindings();
    let input = StepInput::new(token).peer_address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let input = match mode {
        Mode::Plain => input,
        Mode::Strict => input.channel_bindings(&own),
    };
    match acceptor.step_with(input) {
        Ok(Step::Continue { token }) => {
            check_reply(&token);
            Some(Progress::Reply(token))
        }
        Ok(Step::Established { token, context }) => {
            if let Some(token) = token {
                check_reply(&token);
            }
            Some(Progress::Done(Box::new(context)))
        }
        Err(failure) => {
            if let Some(token) = failure.token() {
                check_reply(token);
            }
            let text = failure.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
            assert!(acceptor.step(token).is_err(), "a step after the end");
            None
        }
    }
}

/// Everything that is sent can be read.
fn check_reply(token: &[u8]) {
    if token.first() == Some(&0xA1) {
        let reply = NegTokenResp::decode(token).expect("a NegTokenResp");
        assert!(reply.neg_state.is_some(), "a reply without a state");
        if let Some(inner) = reply.response_token {
            check_reply(inner.0);
        }
        return;
    }
    // DCE style's AP-REP.
    if token.first() == Some(&0x6F) {
        assert!(ApRep::decode(token).is_ok(), "no AP-REP");
        return;
    }
    let Ok(framed) = gss::parse(token) else {
        panic!("a reply that is neither SPNEGO nor framed");
    };
    match framed.token_id {
        gss::token_id::AP_REP => drop(ApRep::decode(framed.body).expect("an AP-REP")),
        gss::token_id::KRB_ERROR => drop(KrbError::decode(framed.body).expect("a KRB-ERROR")),
        gss::token_id::TGT_REPLY if framed.oid == gss::KRB5_U2U => {
            assert!(framed.body.ends_with(TGT), "another TGT");
        }
        // NegTokenInit2: our hints.
        _ => assert!(framed.oid == super::super::spnego::codec::SPNEGO),
    }
}

fn alice() -> Name {
    Name::Kerberos(Principal::new(REALM, &[super::forge::CLIENT], 1))
}

fn check_peer(context: &Context, expected: &Name) {
    assert_eq!(context.peer(), expected, "somebody else than the ticket's");
    assert_eq!(
        context.target(),
        Some(&Principal::new(REALM, &SERVICE, 1)),
        "another service"
    );
    let _ = context.authorization_data();
    let granted = context.granted().contains(Granted::DELEGATE);
    assert_eq!(context.delegated().is_some(), granted);
    if let Some(cache) = context.delegated().and_then(Delegated::kerberos) {
        assert_eq!(Some(cache.client()), expected.principal());
        assert!(!cache.credentials().is_empty());
        for credential in cache.credentials() {
            assert!(credential.end_time > Fixed.now(), "a ticket of no use");
        }
        let written = cache.to_bytes().expect("a cache of what was sent");
        assert!(CredentialCache::from_bytes(written.expose()).is_ok());
    }
}

/// A client that owns its keys and speaks Kerberos, except where the input
/// says otherwise. Says whether it was let in.
#[must_use]
pub fn forged_handshake(input: &[u8]) -> bool {
    let plan = Plan::read(input);
    let mode = if plan.has(option::STRICT) {
        Mode::Strict
    } else {
        Mode::Plain
    };
    let mut acceptor = Acceptor::new(config(mode));
    let mut leg = plan.first();
    let mut proof = None;
    let mut retried = plan.clone();
    retried.ctime = 0;
    for _ in 0..6 {
        let Some(reply) = one_step(&mut acceptor, &leg, mode) else {
            return false;
        };
        let token = match reply {
            Progress::Done(context) => {
                check_peer(&context, &named(&plan));
                let dce = context.granted().contains(Granted::USED_DCE_STYLE);
                assert_eq!(proof, dce.then_some(Proof::Given), "the third leg");
                use_context(&context);
                return true;
            }
            Progress::Reply(token) => token,
        };
        if let Some((third, given)) = third_leg(&plan, &token) {
            leg = third;
            proof = Some(given);
        } else {
            leg = next_leg(&plan, &retried, &token);
        }
    }
    panic!("a handshake without end");
}

/// Whom the ticket names, as far as it can be read.
fn named(plan: &Plan<'_>) -> Name {
    let part = plan.ticket_part();
    let part = EncTicketPart::decode(&part).expect("a ticket that was accepted");
    let client = part.cname.in_realm(part.crealm);
    if part.flags.0 & EncTicketPart::ANONYMOUS != 0 || client.is_anonymous() {
        return Name::Anonymous;
    }
    Name::Kerberos(client)
}

/// What the client answers: its token once more with the right time, its
/// token at last, or the MIC over its offer.
fn next_leg(plan: &Plan<'_>, retried: &Plan<'_>, reply: &[u8]) -> Vec<u8> {
    if !plan.has(option::SPNEGO) {
        return retried.token();
    }
    let Ok(response) = NegTokenResp::decode(reply) else {
        return retried.first();
    };
    assert!(response.neg_state != Some(NegState::Reject), "a reject");
    let Some(inner) = response.response_token else {
        return plan.later(Some(&plan.token()), None);
    };
    match client_side(plan, inner.0) {
        Some(messages) => {
            let offer = encode_mech_types(&plan.offer()).expect("an offer");
            plan.later(None, Some(&messages.mic(&offer)))
        }
        None => plan.later(Some(&retried.token()), None),
    }
}

/// Whether a third leg proves that the client has read our AP-REP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Given,
    Missing,
}

/// DCE style: the answer to a bare AP-REP, inside SPNEGO or not, and whether
/// the input's changes left it what it must be.
fn third_leg(plan: &Plan<'_>, reply: &[u8]) -> Option<(Vec<u8>, Proof)> {
    let response = NegTokenResp::decode(reply).ok();
    let token = match &response {
        Some(response) => response.response_token?.0,
        None => reply,
    };
    let (key, number) = read_ap_rep(plan, token)?;
    let part = EncApRepPart {
        ctime: KerberosTime(NOW),
        cusec: 1,
        subkey: None,
        seq_number: Some(number),
    };
    let mut part = part.encode().expect("an AP-REP's inside");
    plan.edit(Layer::ThirdLeg, &mut part);
    let proof = match EncApRepPart::decode(&part) {
        Ok(part) if part.subkey.is_none() && part.seq_number == Some(number) => Proof::Given,
        _ => Proof::Missing,
    };
    let session = plan.session();
    let cipher = session
        .usage_key(12)
        .encrypt(&part, &mut |bytes| bytes.fill(0));
    let sealed = EncryptedData {
        etype: session.etype(),
        kvno: None,
        cipher: Octets(&cipher),
    };
    let third = ApRep::new(sealed).encode().expect("an AP-REP");
    let offer = encode_mech_types(&plan.offer()).expect("an offer");
    let mic = plan
        .has(option::OTHER_FIRST)
        .then(|| engine(Role::Initiator, key, Layout::Dce, number).mic(&offer));
    Some((plan.later(Some(&third), mic.as_deref()), proof))
}

/// The client's context, once it has an AP-REP.
fn client_side(plan: &Plan<'_>, reply: &[u8]) -> Option<PerMessage> {
    let framed = gss::parse(reply).ok()?;
    let (key, number) = read_ap_rep(plan, framed.body)?;
    Some(engine(Role::Initiator, key, Layout::Plain, number))
}

/// What an AP-REP holds: the acceptor's subkey and its number.
fn read_ap_rep(plan: &Plan<'_>, message: &[u8]) -> Option<(Key, u32)> {
    let reply = ApRep::decode(message).ok()?;
    let mut inside = reply.enc_part.cipher.0.to_vec();
    let session = plan.session();
    let usage = session.usage_key(12);
    let opened = usage.decrypt_in_place(&mut inside).ok()?.len();
    let start = usage.plaintext_at();
    let part =
        EncApRepPart::decode(inside.get(start..start + opened)?).expect("an AP-REP's inside");
    let subkey = part.subkey.expect("a subkey");
    let key = Key::new(subkey.keytype, Secret::copy_from(subkey.keyvalue.0)).expect("a key");
    Some((key, part.seq_number.unwrap_or(0)))
}

/// One end of a context in the acceptor's subkey.
pub(super) fn engine(role: Role, key: Key, layout: Layout, first_received: u32) -> PerMessage {
    PerMessage::new(Agreed {
        role,
        key,
        origin: KeyOrigin::AcceptorSubkey,
        first_sent: 0,
        first_received,
        detection: Detection {
            replay: true,
            sequence: true,
        },
        layout,
        random: |bytes| bytes.fill(0),
    })
}

/// What a context has can be used, and nothing of it panics.
fn use_context(context: &Context) {
    let _ = context.wrap(Protection::Confidentiality, b"x");
    let _ = context.mic(b"x");
    let _ = context.unwrap(b"x");
    assert!(!context.session_key().expect("a key").key.is_empty());
}

/// Per-message tokens under a fixed key: any bytes, and the peer's own with
/// the input's changes. What opens is what was sent.
pub fn messages(input: &[u8]) {
    const SENT: &[u8] = b"the quick brown fox jumps over the lazy dog";
    let mut bytes = Bytes(input);
    let settings = bytes.u8();
    let etype = EncryptionType::DEFAULT[usize::from(settings & 3)];
    let side = |role| engine(role, key(etype, 4), Layout::Plain, 0);
    let (server, client) = (side(Role::Acceptor), side(Role::Initiator));
    let protection = if settings & 4 == 0 {
        Protection::Integrity
    } else {
        Protection::Confidentiality
    };
    let change = |token: &mut Vec<u8>| {
        for (to, from) in token.iter_mut().zip(bytes.0) {
            *to ^= from;
        }
        if settings & 8 != 0 {
            token.truncate(bytes.0.len());
        }
    };
    let mut token = client.wrap(protection, SENT);
    change(&mut token);
    let mut mic = client.mic(SENT);
    change(&mut mic);
    for token in [token.as_slice(), bytes.0] {
        let copied = server.unwrap(token);
        let mut buffer = token.to_vec();
        match (&copied, server.unwrap_in_place(&mut buffer)) {
            (Ok(copied), Ok(placed)) => {
                assert_eq!(copied.data, SENT, "a message that nobody sent");
                assert_eq!(copied.data, buffer[placed.data], "not the same in place");
                assert_eq!(copied.protection, protection, "protected otherwise");
            }
            (Err(copied), Err(placed)) => assert_eq!(*copied, placed, "not the same in place"),
            _ => panic!("copied and in place disagree"),
        }
    }
    if server.verify(SENT, &mic).is_ok() {
        assert_eq!(mic, client_mic(etype), "a MIC that nobody made");
    }
    let _ = server.verify(b"", bytes.0);
}

fn client_mic(etype: EncryptionType) -> Vec<u8> {
    let client = engine(Role::Initiator, key(etype, 4), Layout::Plain, 0);
    // The wrap token has the first number.
    drop(client.wrap(Protection::Integrity, b""));
    client.mic(b"the quick brown fox jumps over the lazy dog")
}

/// Good input for each target: target, name, bytes.
#[must_use]
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    super::seeds::all()
}
