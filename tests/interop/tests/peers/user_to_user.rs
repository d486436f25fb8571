//! User-to-user with the tickets of a real KDC: the server has a TGT that MIT's kinit got, the
//! client a ticket in its session key from MIT's kvno, from the `krb5` crate's KDC client, or by
//! itself, as the `sspi` crate does it all.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use gss_acceptor::{
    Acceptor, AcceptorConfig, Framing, Granted, Rejection, Requirements, Step, UserToUser, backends,
};
use interop::handshake::builder;
use interop::kdc::REALM;
use interop::krb5_crate::{Krb5Peer, tgt};
use interop::process::run;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Kdc, Peer, User, flags, shake};
use kit::client::unframe;
use kit::ticket::{NT_PRINCIPAL, Name};
use kit::user_to_user::{TgtRequest, tgt_reply};
use krb5::{CCache, Principal};

use crate::handshakes::one_message_each;

fn own(server: &User) -> UserToUser {
    UserToUser::open(server.ccache()).expect("kinit's cache")
}

/// A server that runs as this user, and requires user-to-user.
fn config(server: &User) -> AcceptorConfig {
    AcceptorConfig::builder(backends::rust(own(server)))
        .require(Requirements::USE_SESSION_KEY)
        .build()
        .expect("a TGT")
}

fn bob(kdc: &Kdc) -> User {
    kdc.kinit("bob", "bob-pw")
}

fn check(config: &AcceptorConfig, peer: &mut dyn Peer, framing: Framing, target: &str) -> usize {
    let done = shake(config, peer);
    let who = peer.name();
    let context = &done.context;
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{who}");
    assert_eq!(context.framing(), framing, "{who}");
    assert!(
        context.granted().contains(Granted::USE_SESSION_KEY),
        "{who}"
    );
    let found = context.target().expect("a target").to_string();
    assert_eq!(found, target, "{who}");
    one_message_each(context, peer);
    done.legs
}

fn ways() -> [Ask; 4] {
    crate::handshakes::ways("bob")
}

fn framing(ask: &Ask) -> Framing {
    if ask.spnego {
        Framing::Spnego
    } else {
        Framing::Raw
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("a time")
}

/// MIT's `kvno --u2u` asks the KDC for a ticket in the session key of bob's TGT; with that the
/// `krb5` crate makes the AP-REQ.
#[test]
fn a_ticket_of_kvno_u2u_comes_in() {
    let kdc = Kdc::shared();
    let (alice, server) = (kdc.alice().copy(kdc), bob(kdc));
    run(Command::new("kvno")
        .arg("--u2u")
        .arg(server.ccache())
        .arg("bob")
        .envs(alice.environment(kdc)));
    let tgt = CCache::read(server.ccache())
        .expect("bob's cache")
        .tgt(now());
    let tickets = CCache::read(alice.ccache()).expect("alice's cache");
    let name = Principal::parse(&format!("bob@{REALM}")).expect("a name");
    let ticket = tickets.find_user_to_user(&name, &tgt.expect("a TGT").ticket, now());
    let ticket = ticket.expect("kvno got it");
    let config = config(&server);
    for ask in ways() {
        let mut peer = Krb5Peer::user_to_user(&ticket, &ask);
        check(&config, &mut peer, framing(&ask), "bob@EXAMPLE.TEST");
    }
    // To a server that runs as bob with another TGT it is of no use.
    let other = bob(kdc);
    let ask = Ask::of("bob").mutual();
    let mut peer = Krb5Peer::user_to_user(&ticket, &ask);
    let failure = interop::accept(&self::config(&other), &mut peer).expect_err("another TGT");
    match failure.error().rejection() {
        Some(Rejection::OtherTgtKey { service, .. }) => {
            assert_eq!(service.to_string(), "bob@EXAMPLE.TEST");
        }
        _ => panic!("{failure}"),
    }
}

/// The whole exchange: the client asks for the TGT, brings it to the KDC, and comes back with the
/// ticket, in the frame of user-to-user.
#[test]
fn the_tgt_that_is_given_is_good_at_the_kdc() {
    let kdc = Kdc::shared();
    let server = bob(kdc);
    let config = config(&server);
    let request = TgtRequest::of(&Name::new(NT_PRINCIPAL, &["bob"]), REALM.as_bytes());
    let mut acceptor = Acceptor::new(&config);
    let Ok(Step::Continue { token }) = acceptor.step(&request.token()) else {
        panic!("{acceptor:?}")
    };
    let (client, alices) = tgt(kdc, "alice", "alice-pw");
    let name = Principal::parse(&format!("bob@{REALM}")).expect("a name");
    let theirs = tgt_reply(&token).expect("a TGT");
    let ticket = client
        .user_to_user(&alices, &name, &theirs)
        .expect("a ticket");
    let mut peer = Krb5Peer::user_to_user(&ticket, &Ask::of("bob").mutual());
    let token = peer.init(None).expect("a token").token.expect("an AP-REQ");
    // As the draft has it: the crate frames it under Kerberos' own OID.
    let (_, id, message) = unframe(&token).expect("framed");
    let mut frame = TgtRequest::default().frame;
    frame.token_id = Some(id);
    match acceptor.step(&frame.wrap(message)) {
        Ok(Step::Established { context, .. }) => {
            assert!(context.granted().contains(Granted::USE_SESSION_KEY));
            assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
        }
        other => panic!("{other:?}"),
    }
}

/// The `sspi` crate does what Windows does for Remote Desktop: KERB-TGT-REQUEST, the ticket, and
/// inside SPNEGO a mechListMIC both ways. Its names are services', so the server is one.
#[test]
fn the_sspi_crate_comes_in_user_to_user() {
    let kdc = Kdc::shared();
    let server = kdc.kinit_keytab(&kdc.keytab("HTTP"), "HTTP/localhost");
    let config = config(&server);
    for (ask, legs) in [
        (Ask::http().mutual(), 2),
        (Ask::http().mutual().spnego(), 3),
    ] {
        let mut peer = SspiPeer::new(kdc, "alice", "alice-pw", ask.clone()).user_to_user();
        let taken = check(
            &config,
            &mut peer,
            framing(&ask),
            "HTTP/localhost@EXAMPLE.TEST",
        );
        assert_eq!(taken, legs, "{ask:?}");
    }
}

/// A server with keytab and TGT takes both; one that requires user-to-user says so to the others.
#[test]
fn ordinary_clients_beside_it() {
    let kdc = Kdc::shared();
    let server = bob(kdc);
    let keytab = gss_acceptor::Keytab::open(kdc.keytab("HTTP")).expect("the KDC's keytab");
    let both = || AcceptorConfig::builder(backends::rust(keytab.clone()).and(own(&server)));
    let config = both().build().expect("both");
    let mut mit = interop::libraries::GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    let done = shake(&config, &mut mit);
    assert!(!done.context.granted().contains(Granted::USE_SESSION_KEY));
    let strict = both()
        .require(Requirements::USE_SESSION_KEY)
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("both");
    let mut mit = interop::libraries::GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    let failure = interop::accept(&strict, &mut mit).expect_err("in a long-term key");
    assert_eq!(
        failure.error().rejection(),
        Some(&Rejection::UserToUserRequired)
    );
    // KRB_AP_ERR_USER_TO_USER_REQUIRED, in MIT's words.
    let said = mit.init(failure.token()).expect_err("MIT gives up");
    assert!(said.contains("User to user required"), "{said}");
    // A client that comes user to user where there is no TGT is told that.
    let plain = builder(kdc, "HTTP")
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("ordinary");
    let ask = Ask::http().flags(flags::USUAL | flags::MUTUAL);
    let mut peer = SspiPeer::new(kdc, "alice", "alice-pw", ask).user_to_user();
    let failure = interop::accept(&plain, &mut peer).expect_err("no TGT");
    assert_eq!(failure.error().rejection(), Some(&Rejection::NoTgt));
}
