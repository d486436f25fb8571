//! Rule 21's one retry with tokens of MIT's: its client under `faketime` makes the late ones. MIT
//! itself gives up when it is told; what it would send after that, a second context of it makes.
//! Heimdal's client follows the invitation by itself. (Neither the `sspi` crate nor `krb5` does,
//! nor python3-gssapi, which is MIT's.)

use std::time::Duration;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, Rejection, Requirements, Step};
use interop::handshake::builder;
use interop::krb5_crate::{self, Krb5Peer};
use interop::libraries::GssPeer;
use interop::process::packages;
use interop::{Ask, Kdc, Peer, flags, heimdal, shake};
use kit::client::{KrbError, unframe};
use kit::judge::Library;
use kit::spnego::{Resp, state};

use crate::errors::{at, faketime_library};
use crate::handshakes::{one_message_each, ways};

/// KERB-ERROR-DATA, KERB_AP_ERR_TYPE_SKEW_RECOVERY (MS-KILE 2.2.2).
const SKEW_RECOVERY: [u8; 7] = [0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02];

fn telling(kdc: &Kdc) -> AcceptorConfig {
    builder(kdc, "HTTP")
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("ordinary")
}

/// MIT's client with a clock that is off, and tickets that it got in time.
fn late(kdc: &Kdc, by: &str, ask: &Ask) -> GssPeer {
    packages(&["faketime"]);
    let alice = kdc.alice().copy(kdc);
    kdc.kvno(&alice, "HTTP/localhost");
    let mut environment = alice.environment(kdc);
    environment.push(("FAKETIME".to_owned(), by.into()));
    environment.push(("LD_PRELOAD".to_owned(), faketime_library().into()));
    GssPeer::new(Library::Mit, environment, ask.clone())
}

fn first(peer: &mut GssPeer) -> Vec<u8> {
    let sent = peer.init(None).expect("a token");
    sent.token.expect("a first token")
}

/// A further leg with MIT's AP-REQ: as it is, or in a NegTokenResp.
fn again(spnego: bool, peer: &mut GssPeer) -> Vec<u8> {
    let token = first(peer);
    assert_eq!(unframe(&token).expect("framed").1, [1, 0]);
    if !spnego {
        return token;
    }
    Resp {
        token: Some(token),
        ..Resp::default()
    }
    .encode()
}

/// The KRB-ERROR in a reply, which inside SPNEGO has this state.
fn told(reply: &[u8], spnego: Option<i64>) -> KrbError {
    let token = match spnego {
        None => reply.to_vec(),
        due => {
            let reply = Resp::read(reply).expect("a NegTokenResp");
            assert_eq!(reply.state, due);
            reply.token.expect("a KRB-ERROR")
        }
    };
    let (_, id, message) = unframe(&token).expect("framed");
    assert_eq!(id, [3, 0]);
    KrbError::read(message).expect("a KRB-ERROR")
}

fn done(step: Result<Step, gss_acceptor::Failure>) -> Context {
    match step {
        Ok(Step::Established { context, .. }) => context,
        other => panic!("{other:?}"),
    }
}

/// Raw and in SPNEGO, mutual or not: told once, and let in with the right time.
#[test]
fn a_late_token_is_told_the_time_once() {
    let kdc = Kdc::shared();
    let config = telling(kdc);
    for ask in ways("HTTP@localhost") {
        let mutual = ask.flags & flags::MUTUAL != 0;
        let raw = Ask {
            spnego: false,
            ..ask.clone()
        };
        let begin = || {
            let mut acceptor = Acceptor::new(&config);
            let token = first(&mut late(kdc, "+20m", &ask));
            let Ok(Step::Continue { token }) = acceptor.step(&token) else {
                panic!("{ask:?}: {acceptor:?}")
            };
            let error = told(&token, ask.spnego.then_some(state::INCOMPLETE));
            assert_eq!(error.code, 37, "{ask:?}");
            assert_eq!(error.data.as_deref(), Some(&SKEW_RECOVERY[..]), "{ask:?}");
            let reason = acceptor.retry_reason().expect("a reason");
            let skew = reason.rejection();
            assert!(
                matches!(skew, Some(Rejection::ClockSkew { .. })),
                "{reason}"
            );
            acceptor
        };
        let mut acceptor = begin();
        let mut good = GssPeer::mit(kdc, &kdc.alice(), raw.clone());
        let token = again(ask.spnego, &mut good);
        let context = done(acceptor.step(&token));
        assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
        // Still off: that was all.
        let mut acceptor = begin();
        let token = again(ask.spnego, &mut late(kdc, "+20m", &raw));
        let failure = acceptor.step(&token).expect_err("once and no more");
        let reason = failure.error().rejection();
        assert!(
            matches!(reason, Some(Rejection::ClockSkew { .. })),
            "{failure}"
        );
        let rejected = ask.spnego.then_some(state::REJECT);
        if mutual {
            let error = told(failure.token().expect("told"), rejected);
            assert_eq!((error.code, error.data), (37, None), "{ask:?}");
        }
        assert_eq!(config.half_open(), 0);
    }
}

/// What is wrong otherwise ends it, at the first token and at the second.
#[test]
fn nothing_but_the_clock_is_retried() {
    let kdc = Kdc::shared();
    let config = telling(kdc);
    let stranger = || {
        first(&mut GssPeer::mit(
            kdc,
            &kdc.alice(),
            Ask::of("host@localhost").mutual(),
        ))
    };
    let failure = Acceptor::new(&config)
        .step(&stranger())
        .expect_err("no key");
    let reason = failure.error().rejection();
    assert!(matches!(reason, Some(Rejection::NoKey { .. })), "{failure}");
    let error = told(failure.token().expect("told"), None);
    assert_eq!((error.code, error.data), (45, None));
    let mut acceptor = Acceptor::new(&config);
    let token = first(&mut late(kdc, "+20m", &Ask::http().mutual()));
    assert!(matches!(acceptor.step(&token), Ok(Step::Continue { .. })));
    let failure = acceptor.step(&stranger()).expect_err("no key");
    let reason = failure.error().rejection();
    assert!(matches!(reason, Some(Rejection::NoKey { .. })), "{failure}");
    // A ticket that has ended is not the clock's fault.
    let short = builder(kdc, "HTTP")
        .request(Requirements::EXTENDED_ERROR)
        .clock_skew(Duration::from_secs(1))
        .build()
        .expect("a short skew");
    // Long enough for the KDC's two answers on a slow machine.
    let lifetime = Duration::from_secs(5);
    let ticket = krb5_crate::ticket(kdc, "alice", "alice-pw", "HTTP/localhost", Some(lifetime));
    std::thread::sleep(Duration::from_secs(8));
    let late = || {
        let mut peer = Krb5Peer::with_ticket(&ticket, &Ask::http().mutual());
        let token = peer.init(None).expect("a token").token.expect("an AP-REQ");
        match Acceptor::new(&short).step(&token) {
            Err(failure) => Some(failure),
            // A second and more between the two: a machine that stands still, and an invitation.
            Ok(Step::Continue { .. }) => None,
            Ok(step) => panic!("too late: {step:?}"),
        }
    };
    let failure = (0..5).find_map(|_| late()).expect("a token in time");
    let reason = failure.error().rejection();
    assert!(
        matches!(reason, Some(Rejection::TicketExpired { .. })),
        "{failure}"
    );
    let error = told(failure.token().expect("told"), None);
    assert_eq!((error.code, error.data), (32, None));
}

/// Heimdal's client takes our time and comes in with the second token, inside SPNEGO too.
#[test]
fn heimdal_follows_the_invitation() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
        for seconds in [600, 3600] {
            // It writes what it learns of our clock into its cache.
            let alice = heimdal::alice(kdc).copy(kdc);
            let mut peer = GssPeer::heimdal(kdc, &alice, ask.clone());
            let done = shake(&at(kdc, seconds), &mut peer);
            assert_eq!(done.legs, 2, "{ask:?}");
            assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
            one_message_each(&done.context, &mut peer);
        }
    }
}
