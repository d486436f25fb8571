//! The door through which `fuzz/` reaches the parsers: with `--cfg fuzzing`,
//! and in this crate's own tests. No other build has it.
//!
//! Each function takes any bytes, must not panic, and checks what holds for
//! all input: what was read can be written, and reads the same again.

mod forge;
mod handshake;
mod moved;
mod ntlm;
mod parts;
mod rc4;
mod seeds;

pub use handshake::{forged_handshake, handshake, messages, seeds};
pub use moved::{context_data, suspended};
pub use ntlm::{ntlm_handshake, ntlm_messages};
pub use parts::parts;
pub use rc4::rc4_messages;

use core::fmt::Debug;

use super::kerberos::codec::authdata::{self, AuthorizationData};
use super::kerberos::codec::checksum::GssChecksum;
use super::kerberos::codec::cred::{EncKrbCredPart, KrbCred};
use super::kerberos::codec::der::{Glance, Message, Reader};
use super::kerberos::codec::messages::{
    ApRep, ApReq, Authenticator, EncApRepPart, EncTicketPart, KrbError, Ticket,
};
use super::kerberos::codec::tgt::{TgtReply, TgtRequest};
use super::kerberos::codec::{Decoded, gss};
use super::kerberos::key_table::KeyTable;
use super::kerberos::transited;
use super::spnego::codec::{self as spnego_codec, NegTokenInit, NegTokenResp, Oid, Sniffed};
use crate::authorization::{Authorization, Evidence, PacSignatures};
use crate::keytab::{self, Entry, KvnoWidth};
use crate::pac::Pac;
use crate::realms::Capaths;

/// What a glance takes, a reader takes for the same.
fn glance<'a, T: Message<'a> + Debug>(input: &'a [u8]) {
    let Ok(glanced) = T::whole(Glance::new(input)) else {
        return;
    };
    let read = T::whole(Reader::new(T::PART, input)).expect("it was taken at a glance");
    assert_eq!(
        format!("{glanced:?}"),
        format!("{read:?}"),
        "another message"
    );
}

/// What `decode` reads, `encode` writes, and `decode` reads as the same.
fn round_trip<'a, T: Debug>(
    input: &'a [u8],
    decode: impl Fn(&'a [u8]) -> Decoded<T>,
    encode: impl Fn(&T) -> Decoded<Vec<u8>>,
    again: impl Fn(&[u8]) -> String,
) -> Option<T> {
    let read = decode(input).ok()?;
    let written = encode(&read).expect("what was read can be written");
    assert_eq!(again(&written), format!("{read:?}"), "another message");
    Some(read)
}

macro_rules! round_trip {
    ($type:ident, $input:expr) => {
        round_trip($input, $type::decode, $type::encode, |written| {
            let read = $type::decode(written).expect("what was written can be read");
            format!("{read:?}")
        })
    };
}

/// Keytab files: reading, writing, and finding what is in them.
pub fn keytab(input: &[u8]) {
    let Ok(entries) = keytab::parse(input) else {
        return;
    };
    // What version 1 alone can hold, no file of version 2 needs to.
    if let Some(written) = keytab::write(&entries) {
        let again = keytab::parse(&written).expect("what was written can be read");
        let facts = |entry: &Entry| {
            let key = entry.key.expose().to_vec();
            let kvno = (entry.kvno, entry.kvno_width);
            (entry.principal.clone(), kvno, entry.etype, key)
        };
        assert!(again.iter().map(facts).eq(entries.iter().map(facts)));
    }
    let table = KeyTable::build(&entries, |_| ());
    for entry in &entries {
        let name = &entry.principal;
        let own = table
            .principal(name.realm(), name.components())
            .expect("its name is found");
        assert_eq!(own.principal(), Some(name));
        assert!(own.exact(entry.etype, entry.kvno).next().is_some());
        if entry.kvno_width == KvnoWidth::Low8 {
            assert!(entry.kvno <= 0xFF, "more than eight bits");
        }
    }
}

/// Credential caches: what was read, written, and read again.
pub fn ccache(input: &[u8]) {
    let Ok(cache) = crate::ccache::parse(input) else {
        return;
    };
    let written = crate::ccache::write(&cache).expect("what was read can be written");
    let again = crate::ccache::parse(written.expose()).expect("and read");
    assert_eq!(format!("{again:?}"), format!("{cache:?}"));
    // What is not printed is there too: the second file is the first.
    let twice = crate::ccache::write(&again).expect("written before");
    assert_eq!(twice, written);
}

/// The frame of GSS tokens, and the AP-REQ in it.
pub fn gss_token(input: &[u8]) {
    let framed = gss::parse(input);
    let body = match &framed {
        Ok(framed) => {
            let (oid, rest) = gss::unframe(input).expect("the frame alone can be read too");
            assert_eq!((oid, rest.get(2..)), (framed.oid, Some(framed.body)));
            let again = gss::frame_message(framed.oid, framed.token_id, framed.body);
            assert_eq!(gss::parse(&again).as_ref(), Ok(framed));
            framed.body
        }
        Err(_) => input,
    };
    glance::<ApReq<'_>>(body);
    if let Some(request) = round_trip!(ApReq, body) {
        let name = &request.ticket.sname;
        let principal = name.in_realm(request.ticket.realm);
        assert!(name.is(request.ticket.realm, &principal));
        assert!(!principal.to_string().chars().any(char::is_control));
    }
    round_trip!(Ticket, body);
}

/// The inside of tickets.
pub fn enc_ticket_part(input: &[u8]) {
    glance::<EncTicketPart<'_>>(input);
    let Some(part) = round_trip!(EncTicketPart, input) else {
        return;
    };
    if let Some(list) = &part.authorization_data {
        walk(list);
        let again = AuthorizationData::from_contents("list", list.contents());
        assert!(again.is_ok_and(|again| again.iter().eq(list.iter())));
    }
    let written = part.encode().expect("written before");
    let again = EncTicketPart::decode(&written).expect("read before");
    assert!(part.key.keyvalue == again.key.keyvalue, "another key");
}

/// Authenticators, and everything that a client can put into one.
pub fn authenticator(input: &[u8]) {
    glance::<Authenticator<'_>>(input);
    let Some(part) = round_trip!(Authenticator, input) else {
        return;
    };
    if let Some(checksum) = part.cksum {
        gss_checksum(checksum.checksum.0);
    }
    if let Some(list) = &part.authorization_data {
        walk(list);
    }
}

/// The body of the 0x8003 checksum.
pub fn gss_checksum(input: &[u8]) {
    let Ok(body) = GssChecksum::parse(input) else {
        return;
    };
    let extensions: Vec<_> = body.extensions().collect();
    let written = GssChecksum::build(body.bindings, body.flags, body.delegation, &extensions)
        .expect("what was read can be written");
    assert_eq!(written, input, "another body");
    if let Some(message) = body.delegation {
        cred(message);
    }
}

/// What a client delegates.
pub fn cred(input: &[u8]) {
    glance::<KrbCred<'_>>(input);
    glance::<EncKrbCredPart<'_>>(input);
    if let Some(message) = round_trip!(KrbCred, input) {
        let tickets = message.ticket_bytes().expect("read before");
        assert!(tickets.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= input.len());
        for (ticket, bytes) in tickets {
            let again = Ticket::decode(bytes).expect("read before");
            assert_eq!(format!("{again:?}"), format!("{ticket:?}"));
        }
        round_trip!(EncKrbCredPart, message.enc_part.cipher.0);
    }
    round_trip!(EncKrbCredPart, input);
}

/// A PAC, all of its buffers, and claims on their own.
pub fn pac(input: &[u8]) {
    let Ok(pac) = Pac::parse(input) else {
        return;
    };
    for kind in pac.kinds() {
        let place = pac.place(kind).expect("it is in the table");
        assert!(place.end <= input.len());
    }
    let _ = pac.client_info().map(|info| info.name());
    let evidence = Evidence::Pac(PacSignatures::server());
    if let Ok(all) = Authorization::from_verified_pac(input, evidence) {
        // 4 bytes are the least that a group takes.
        assert!(all.groups.len() <= input.len() / 4);
        for group in &all.groups {
            assert!(all.groups.contains(&group.sid));
        }
        let _ = (all.claims(), all.device_claims(), all.to_string());
    }
}

/// Claims, compressed or not (MS-ADTS 2.2.18, MS-XCA).
pub fn claims(input: &[u8]) {
    let _ = crate::pac::claims::decode(input);
}

/// Authorization data as a list on its own.
pub fn authorization_data(input: &[u8]) {
    if let Ok(list) = AuthorizationData::from_contents("list", input) {
        walk(&list);
    }
    if let Ok(list) = authdata::etype_list(input) {
        let etypes: Vec<_> = list.iter().collect();
        let written = authdata::encode_etype_list(&etypes).expect("a list can be written");
        let again = authdata::etype_list(&written).expect("and read");
        assert!(again.iter().eq(etypes));
    }
    let _ = authdata::client_target(input);
    assert_eq!(authdata::ap_options(input).is_ok(), input.len() == 4);
}

/// Bounded, and over after an error.
fn walk(list: &AuthorizationData<'_>) {
    let mut failed = false;
    let mut count = 0_usize;
    for found in authdata::walk(list) {
        assert!(!failed, "an element after an error");
        count += 1;
        assert!(count <= 257, "a walk without bound");
        match found {
            Ok(found) => {
                let _ = authdata::ap_options(found.data);
                let _ = authdata::client_target(found.data);
                let _ = authdata::etype_list(found.data).map(|list| list.iter().count());
            }
            Err(_) => failed = true,
        }
    }
}

/// The messages that answer: AP-REP, its inside, KRB-ERROR.
pub fn replies(input: &[u8]) {
    round_trip!(ApRep, input);
    round_trip!(EncApRepPart, input);
    round_trip!(KrbError, input);
}

/// KERB-TGT-REQUEST; and any bytes as the ticket of a KERB-TGT-REPLY.
pub fn tgt_request(input: &[u8]) {
    if let Some(request) = round_trip!(TgtRequest, input)
        && let (Some(name), Some(realm)) = (request.server_name, request.realm)
    {
        let principal = name.in_realm(realm);
        assert!(name.is(realm, &principal));
        assert!(!principal.to_string().chars().any(char::is_control));
    }
    let reply = TgtReply::new(input).encode().expect("any ticket is sent");
    assert!(reply.ends_with(input), "another ticket");
}

/// SPNEGO's tokens, and telling a first token by its first bytes.
pub fn spnego(input: &[u8]) {
    match spnego_codec::sniff(input) {
        Sniffed::GssFramed(oid, inner) => assert_eq!(gss::unframe(input), Ok((oid, inner))),
        Sniffed::BadFrame(_) => assert!(gss::unframe(input).is_err()),
        _ => {}
    }
    glance::<NegTokenInit<'_>>(input);
    if let Ok(init) = NegTokenInit::decode(input) {
        let oids: Vec<Oid<'_>> = init.mech_types.iter().collect();
        let written = spnego_codec::encode_init(&oids, init.mech_token, init.mech_list_mic)
            .expect("an offer can be written");
        let again = NegTokenInit::decode(&written).expect("and read");
        assert!(again.mech_types.iter().eq(oids));
        assert_eq!(again.mech_token, init.mech_token);
        assert_eq!(again.mech_list_mic, init.mech_list_mic);
    }
    round_trip!(NegTokenResp, input);
}

/// The compressed list of realms: kind, two realms up to a zero byte each,
/// the list.
pub fn transited(input: &[u8]) {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    let mut parts = rest.splitn(3, |&byte| byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (client, server, contents) = (part(), part(), part());
    let hub = Capaths::new().path(client, server, &[b"HUB".as_slice()]);
    for capaths in [Capaths::new(), hub] {
        let checked = transited::check(client, server, i32::from(kind), contents, &capaths);
        match checked {
            Ok(()) => assert!(contents.is_empty() || kind == 1),
            Err(realms) => assert!(realms.len() <= 64, "a list without bound"),
        }
    }
}
