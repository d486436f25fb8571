//! What real tokens that must not pass get: the class of the error, its text, and what the client
//! is told.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gss_acceptor::{
    Acceptor, AcceptorConfig, Clock, EncryptionType, Error, Failure, Keytab, Mechanism,
    MemoryReplayStore, Rejection, Requirements, Step, backends,
};
use interop::handshake::{builder, config};
use interop::krb5_crate::{self, Krb5Peer};
use interop::libraries::GssPeer;
use interop::process::packages;
use interop::{Ask, Kdc, Peer, accept, flags, shake};
use kit::der;
use kit::judge::Library;

/// The real time, moved.
struct Moved(i64);

impl Clock for Moved {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 {
            SystemTime::now() - by
        } else {
            SystemTime::now() + by
        }
    }
}

pub fn at(kdc: &Kdc, seconds: i64) -> AcceptorConfig {
    let clock = Arc::new(Moved(seconds));
    builder(kdc, "HTTP")
        .request(Requirements::EXTENDED_ERROR)
        .clock(clock)
        .build()
        .expect("a clock")
}

fn refused(config: &AcceptorConfig, ask: Ask) -> Failure {
    let kdc = Kdc::shared();
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
    accept(config, &mut peer).expect_err("must be refused")
}

fn rejection(failure: &Failure) -> &Rejection {
    let reason = failure.error().rejection();
    reason.unwrap_or_else(|| panic!("{failure}"))
}

/// A service of its own, whose keys a test may change. Gives the keytab as it is at first.
fn service(kdc: &Kdc, host: &str, keys: &str) -> Keytab {
    let name = format!("HTTP/{host}.localhost");
    kdc.kadmin(&format!("addprinc -randkey {keys} {name}"));
    let path = kdc.fresh("keytab");
    kdc.kadmin(&format!("ktadd -k {} -norandkey {name}", path.display()));
    Keytab::open(path).expect("ktadd's keytab")
}

fn on(keytab: Keytab) -> AcceptorConfig {
    AcceptorConfig::builder(backends::rust(keytab))
        .build()
        .expect("a keytab")
}

#[test]
fn a_keytab_older_than_the_ticket_is_said() {
    let kdc = Kdc::shared();
    let keytab = service(kdc, "older", "");
    kdc.kadmin("cpw -randkey HTTP/older.localhost");
    let failure = refused(&on(keytab), Ask::of("HTTP@older.localhost"));
    match rejection(&failure) {
        Rejection::KeyVersion {
            service, kvno, has, ..
        } => {
            assert_eq!(service.to_string(), "HTTP/older.localhost@EXAMPLE.TEST");
            assert_eq!((*kvno, &has[..]), (2, &[1][..]));
        }
        _ => panic!("{failure}"),
    }
    let text = failure.to_string();
    for word in [
        "needs kvno 2",
        "the keytab has kvno 1",
        "older than the ticket",
    ] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_password_changed_without_a_kvno_is_said() {
    let kdc = Kdc::shared();
    let keytab = service(kdc, "changed", "");
    kdc.kadmin("cpw -randkey HTTP/changed.localhost");
    kdc.kadmin("modprinc -kvno 1 HTTP/changed.localhost");
    let failure = refused(&on(keytab), Ask::of("HTTP@changed.localhost"));
    assert!(
        matches!(
            rejection(&failure),
            Rejection::KeyMismatch { kvno: Some(1), .. }
        ),
        "{failure}"
    );
    assert!(
        failure.to_string().contains("password was changed"),
        "{failure}"
    );
}

#[test]
fn a_keytab_without_the_etype_is_said() {
    let kdc = Kdc::shared();
    let keytab = service(kdc, "etype", "-e aes128-cts:normal");
    kdc.kadmin("cpw -randkey -e aes256-cts:normal HTTP/etype.localhost");
    kdc.kadmin("modprinc -kvno 1 HTTP/etype.localhost");
    let failure = refused(&on(keytab), Ask::of("HTTP@etype.localhost"));
    match rejection(&failure) {
        Rejection::KeyEtype { etype, has, .. } => {
            assert_eq!(*etype, EncryptionType::AES256_CTS_HMAC_SHA1_96);
            assert_eq!(has[..], [EncryptionType::AES128_CTS_HMAC_SHA1_96]);
        }
        _ => panic!("{failure}"),
    }
}

#[test]
fn a_ticket_for_another_service_is_said() {
    let kdc = Kdc::shared();
    let failure = refused(&config(kdc, "HTTP"), Ask::of("host@localhost"));
    match rejection(&failure) {
        Rejection::NoKey { service, available } => {
            assert_eq!(service.to_string(), "host/localhost@EXAMPLE.TEST");
            let available: Vec<_> = available.iter().map(ToString::to_string).collect();
            assert_eq!(available, ["HTTP/localhost@EXAMPLE.TEST"]);
        }
        _ => panic!("{failure}"),
    }
    let only = "HTTP".parse().expect("a service");
    let restricted = builder(kdc, "ALL")
        .accept_service(only)
        .build()
        .expect("ordinary");
    let failure = refused(&restricted, Ask::of("host@localhost"));
    assert!(
        matches!(rejection(&failure), Rejection::ServiceNotAccepted { .. }),
        "{failure}"
    );
    assert!(failure.to_string().contains("host/localhost"), "{failure}");
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
    shake(&restricted, &mut peer);
}

#[test]
fn a_token_counts_once() {
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    for ask in [Ask::http().mutual(), Ask::http().spnego()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let token = peer.init(None).unwrap().token.unwrap();
        assert!(matches!(
            Acceptor::new(&config).step(&token),
            Ok(Step::Established { .. })
        ));
        let failure = Acceptor::new(&config).step(&token).expect_err("a replay");
        assert!(
            matches!(rejection(&failure), Rejection::Replay),
            "{failure}"
        );
    }
}

/// Rules 10 and 21: the server's clock is off. The client is told, once, and may come again; MIT's
/// client says what was wrong instead.
#[test]
fn clocks_that_are_apart_are_told_to_both_sides() {
    let kdc = Kdc::shared();
    for seconds in [600, -600] {
        for ask in [
            Ask::http().mutual(),
            Ask::http().mutual().spnego(),
            Ask::http(),
        ] {
            let config = at(kdc, seconds);
            let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
            let token = peer.init(None).unwrap().token.unwrap();
            let mut acceptor = Acceptor::new(&config);
            let Ok(Step::Continue { token }) = acceptor.step(&token) else {
                panic!("{acceptor:?}")
            };
            let reason = acceptor.retry_reason().expect("a reason");
            let text = reason.to_string();
            match reason.rejection() {
                Some(Rejection::ClockSkew {
                    client: Some(client),
                    server,
                    skew,
                }) => {
                    assert_eq!(*skew, Duration::from_secs(300));
                    let apart = server
                        .duration_since(*client)
                        .unwrap_or_else(|e| e.duration());
                    assert!(apart.abs_diff(Duration::from_secs(600)) < Duration::from_secs(60));
                    assert_eq!(text.matches("UTC").count(), 2, "both clocks: {text}");
                }
                // Ten minutes ago the ticket was not valid yet.
                Some(Rejection::TicketNotYetValid { .. }) => assert_eq!(seconds, -600),
                _ => panic!("{text}"),
            }
            if ask.flags & flags::MUTUAL != 0 {
                let said = peer.init(Some(&token)).expect_err("MIT gives up");
                assert!(
                    said.contains("skew") || said.contains("not yet valid"),
                    "{said}"
                );
            }
        }
    }
}

/// The client's clock is off: it runs under `faketime`, with tickets that it got in time. What it
/// may do then is in retry.rs.
#[test]
fn a_client_whose_clock_is_off_is_refused() {
    packages(&["faketime"]);
    let kdc = Kdc::shared();
    let alice = kdc.alice().copy(kdc);
    kdc.kvno(&alice, "HTTP/localhost");
    let mut environment = alice.environment(kdc);
    environment.push(("FAKETIME".to_owned(), "+20m".into()));
    environment.push(("LD_PRELOAD".to_owned(), faketime_library().into()));
    let mut peer = GssPeer::new(Library::Mit, environment, Ask::http().mutual());
    let token = peer.init(None).unwrap().token.unwrap();
    let mut acceptor = Acceptor::new(&at(kdc, 0));
    let step = acceptor.step(&token);
    assert!(matches!(step, Ok(Step::Continue { .. })), "{step:?}");
    match acceptor.retry_reason().and_then(Error::rejection) {
        Some(Rejection::ClockSkew {
            client: Some(client),
            server,
            ..
        }) => {
            let ahead = client.duration_since(*server).expect("the client is ahead");
            assert!(ahead > Duration::from_secs(1100) && ahead < Duration::from_secs(1300));
        }
        other => panic!("{other:?}"),
    }
}

pub fn faketime_library() -> String {
    let output = Command::new("faketime")
        .args(["-f", "+0", "printenv", "LD_PRELOAD"])
        .output();
    let text = String::from_utf8(output.expect("faketime").stdout).expect("a path");
    text.trim()
        .split(':')
        .next_back()
        .expect("a path")
        .to_owned()
}

/// The authenticator is fresh and the ticket is not: the `krb5` crate does not look before it uses
/// one. (A token of MIT's is never younger than its ticket's end.)
#[test]
fn a_ticket_past_its_end_is_said() {
    let kdc = Kdc::shared();
    let config = builder(kdc, "HTTP")
        .clock_skew(Duration::from_secs(1))
        .build();
    let config = config.expect("a short skew");
    // Long enough for the KDC's two answers on a slow machine.
    let lifetime = Duration::from_secs(5);
    let ticket = krb5_crate::ticket(kdc, "alice", "alice-pw", "HTTP/localhost", Some(lifetime));
    std::thread::sleep(Duration::from_secs(8));
    let late = || {
        let mut peer = Krb5Peer::with_ticket(&ticket, &Ask::http().mutual());
        let token = peer.init(None).expect("a token").token.expect("an AP-REQ");
        match Acceptor::new(&config).step(&token) {
            Err(failure) => Some(failure),
            // A second and more between the two: a machine that stands still, and an invitation.
            Ok(Step::Continue { .. }) => None,
            Ok(step) => panic!("too late: {step:?}"),
        }
    };
    let failure = (0..5).find_map(|_| late()).expect("a token in time");
    match rejection(&failure) {
        Rejection::TicketExpired {
            end: Some(end),
            now,
        } => assert!(end < now),
        _ => panic!("{failure}"),
    }
    let text = failure.to_string();
    assert!(text.contains("the client must get a new one"), "{text}");
}

/// A token of MIT's, hours old: RFC 4120 3.2.3 looks at the authenticator's time first.
#[test]
fn a_token_that_lay_about_is_refused_for_its_time() {
    let kdc = Kdc::shared();
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    let token = peer.init(None).unwrap().token.unwrap();
    let clock = Arc::new(Moved(11 * 3600));
    let config = builder(kdc, "HTTP").clock(clock).build().expect("a clock");
    let failure = Acceptor::new(&config)
        .step(&token)
        .expect_err("eleven hours");
    assert!(
        matches!(rejection(&failure), Rejection::ClockSkew { .. }),
        "{failure}"
    );
    assert_eq!(failure.token(), None);
}

/// Without EXTENDED_ERROR a Kerberos failure sends nothing; with it MIT's client learns the code.
#[test]
fn the_client_is_told_with_extended_error_alone() {
    let kdc = Kdc::shared();
    let ask = Ask::of("host@localhost").mutual();
    assert_eq!(refused(&config(kdc, "HTTP"), ask.clone()).token(), None);
    let told = builder(kdc, "HTTP")
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("ordinary");
    for ask in [ask.clone(), ask.spnego()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
        let failure = accept(&told, &mut peer).expect_err("no key");
        let token = failure
            .token()
            .unwrap_or_else(|| panic!("{ask:?}: nothing to send"));
        let said = peer.init(Some(token)).expect_err("an error");
        assert!(!said.is_empty());
        if !ask.spnego {
            // KRB_AP_ERR_NOKEY or KRB_AP_ERR_NOT_US, in MIT's words.
            assert!(
                said.contains("Service key not available") || said.contains("isn't for us"),
                "{said}"
            );
        }
    }
}

/// A client that speaks NTLM is told apart from one that speaks nonsense.
#[test]
fn ntlm_is_said() {
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    // MS-NLMP 2.2.1.1: signature, type 1, flags.
    let raw = b"NTLMSSP\0\x01\0\0\0\x05\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let failure = Acceptor::new(&config).step(raw).expect_err("NTLM");
    assert!(failure.to_string().contains("NTLM"), "{failure}");
    // RFC 4178: NegTokenInit that offers NTLMSSP, 1.3.6.1.4.1.311.2.2.10, alone.
    let inner = der::seq([der::oid(b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")]);
    let init = der::ctx(0, der::seq([der::ctx(0, inner)]));
    let token = der::tlv(
        0x60,
        &[der::oid(b"\x2b\x06\x01\x05\x05\x02"), init].concat(),
    );
    let failure = Acceptor::new(&config).step(&token).expect_err("NTLM alone");
    match rejection(&failure) {
        Rejection::NoCommonMechanism { enabled, .. } => {
            assert_eq!(enabled[..], [Mechanism::Kerberos]);
        }
        _ => panic!("{failure}"),
    }
    assert!(failure.to_string().contains("NTLM"), "{failure}");
    // Rule 29: the reject, always sent.
    let reject = b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02";
    assert_eq!(failure.token(), Some(&reject[..]));
}

/// With a replay store that nobody else has: tokens of one authenticator are tried again and again.
fn alone(kdc: &Kdc) -> AcceptorConfig {
    let store = Arc::new(MemoryReplayStore::new());
    builder(kdc, "HTTP")
        .replay_store(store)
        .build()
        .expect("a store")
}

/// Every bit of MIT's first tokens, and every length. What is outside of the encrypted parts may
/// change without harm (a name type, a kvno); the client's identity may not.
#[test]
fn no_flipped_bit_makes_another_client() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http().spnego()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let token = peer.init(None).unwrap().token.unwrap();
        let mut passed = 0;
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let config = alone(kdc);
            if let Ok(Step::Established { context, .. }) = Acceptor::new(&config).step(&flipped) {
                assert_eq!(
                    context.peer().to_string(),
                    "alice@EXAMPLE.TEST",
                    "bit {bit}"
                );
                passed += 1;
            }
        }
        // Far fewer than there are: the ticket and the authenticator are encrypted.
        assert!(
            passed < token.len() * 8 / 10,
            "{passed} of {} bits",
            token.len() * 8
        );
        let config = alone(kdc);
        for length in 0..token.len() {
            let step = Acceptor::new(&config).step(&token[..length]);
            // No token at all asks for our hints (rule 28).
            let hints = length == 0 && matches!(step, Ok(Step::Continue { .. }));
            assert!(hints || step.is_err(), "length {length}: {step:?}");
        }
        let step = Acceptor::new(&config).step(&token);
        assert!(step.is_ok(), "{step:?}");
    }
}
