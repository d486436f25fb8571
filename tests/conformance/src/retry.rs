//! Rule 21: what the client is told of a failure, and its one retry when its clock is off.

use crate::Mount;
use crate::bench::{
    Bench, NOW, REJECT, SKEW_RECOVERY, ap_rep, done, fails, goes_on, krb_error, rejected,
    rejection, resp,
};
use gss_acceptor::{Acceptor, Error, Rejection, Step};
use kit::ap_req::{ApReqSpec, Checksum, Frame, gss, oid, option};
use kit::spnego::{InitSpec, Resp, state};
use kit::ticket::flag;

fn late(bench: &Bench) -> ApReqSpec {
    bench.ap_req(|a| a.ctime -= 3600)
}

fn is_skew(error: &Error) -> bool {
    matches!(error.rejection(), Some(Rejection::ClockSkew { .. }))
}

pub fn rule_21_raw_retry_once_and_no_more<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let mut acceptor = Acceptor::new(&config);
    let spec = late(&bench);
    let told = krb_error(&spec.initiator(), &goes_on(acceptor.step(&spec.token())));
    assert_eq!((told.code, told.server_time.0), (37, NOW));
    assert_eq!(told.data.as_deref(), Some(&SKEW_RECOVERY[..]));
    assert_eq!(told.realm, b"EXAMPLE.TEST");
    assert_eq!(told.sname, [b"HTTP".to_vec(), b"localhost".to_vec()]);
    assert!(is_skew(acceptor.retry_reason().expect("a reason")));
    assert_eq!(config.half_open(), 1);
    // The client takes the server's time from the message, and is let in.
    let again = bench.ap_req(|a| a.ctime = told.server_time.0);
    let end = done(acceptor.step(&again.token()));
    assert!(acceptor.retry_reason().is_none());
    assert_eq!(config.half_open(), 0);
    ap_rep(&mut again.initiator(), &end.token.expect("an AP-REP"));
    // Another one whose clock is still off is out.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&late(&bench).token()));
    let failure = fails(acceptor.step(&late(&bench).token()));
    assert!(is_skew(failure.error()), "{failure}");
    let told = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!((told.code, told.data), (37, None));
    assert_eq!(config.half_open(), 0);
}

pub fn rule_21_retry_whatever_the_mutual_flag<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    for (options, flags) in [
        (0, gss::USUAL & !gss::MUTUAL),
        (0, gss::USUAL),
        (option::MUTUAL_REQUIRED, gss::USUAL & !gss::MUTUAL),
        (option::MUTUAL_REQUIRED, gss::USUAL),
        (0, 0),
    ] {
        let asked = |ctime: i64| {
            bench.ap_req(|a| {
                a.options = options;
                a.gss().flags = flags;
                a.ctime = ctime;
            })
        };
        for ctime in [NOW - 301, NOW + 301, NOW - 86_400 * 365] {
            let mut acceptor = Acceptor::new(&config);
            let spec = asked(ctime);
            let told = krb_error(&spec.initiator(), &goes_on(acceptor.step(&spec.token())));
            assert_eq!((told.code, told.server_time.0), (37, NOW));
            assert_eq!(told.data.as_deref(), Some(&SKEW_RECOVERY[..]));
            let again = asked(told.server_time.0);
            let end = done(acceptor.step(&again.token()));
            // The AP-REP is another matter (rule 13).
            assert_eq!(end.token.is_some(), flags & gss::MUTUAL != 0);
        }
    }
    // Without a checksum, too.
    let mut acceptor = Acceptor::new(&config);
    let spec = bench.ap_req(|a| {
        a.checksum = Checksum::None;
        a.options = 0;
        a.ctime -= 3600;
    });
    let told = krb_error(&spec.initiator(), &goes_on(acceptor.step(&spec.token())));
    assert_eq!(told.data.as_deref(), Some(&SKEW_RECOVERY[..]));
    done(acceptor.step(&bench.world.ap_req().token()));
}

pub fn rule_21_a_ticket_not_yet_valid_may_be_another<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let early = || {
        bench.ap_req(|a| {
            a.ticket.authtime = NOW + 600;
            a.ticket.starttime = Some(NOW + 600);
        })
    };
    let begun = || {
        let mut acceptor = Acceptor::new(&config);
        let told = krb_error(
            &early().initiator(),
            &goes_on(acceptor.step(&early().token())),
        );
        assert_eq!(told.code, 33);
        assert_eq!(told.data.as_deref(), Some(&SKEW_RECOVERY[..]));
        acceptor
    };
    done(begun().step(&bench.world.ap_req().token()));
    // Once for both reasons together.
    for spec in [early(), late(&bench)] {
        let failure = fails(begun().step(&spec.token()));
        let told = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
        assert_eq!(told.data, None);
    }
    // One that the KDC has not validated is not a matter of time.
    let spec = bench.ap_req(|a| a.ticket.flags |= flag::INVALID);
    let failure = fails(Acceptor::new(&config).step(&spec.token()));
    let told = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!((told.code, told.data), (33, None));
}

pub fn rule_21_spnego_retry_once_and_no_more<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let offer = |spec: &ApReqSpec| InitSpec::new(&[oid::KRB5], Some(spec.token())).token();
    let answer = |spec: &ApReqSpec| {
        Resp {
            token: Some(spec.token()),
            ..Resp::default()
        }
        .encode()
    };
    for rest_is_good in [true, false] {
        let mut acceptor = Acceptor::new(&config);
        let spec = bench.ap_req(|a| {
            a.ctime += 3600;
            a.options = 0;
            a.gss().flags &= !gss::MUTUAL;
        });
        let reply = resp(&goes_on(acceptor.step(&offer(&spec))));
        assert_eq!(reply.state, Some(state::INCOMPLETE));
        assert_eq!(reply.mech.as_deref(), Some(oid::KRB5));
        let told = krb_error(&spec.initiator(), &reply.token.expect("a KRB-ERROR"));
        assert_eq!(
            (told.code, told.data.as_deref()),
            (37, Some(&SKEW_RECOVERY[..]))
        );
        assert!(is_skew(acceptor.retry_reason().expect("a reason")));
        if rest_is_good {
            let again = bench.world.ap_req();
            let end = done(acceptor.step(&answer(&again)));
            let reply = resp(&end.token.expect("a reply"));
            assert_eq!((reply.state, &reply.mech), (Some(state::COMPLETED), &None));
            ap_rep(&mut again.initiator(), &reply.token.expect("an AP-REP"));
        } else {
            let failure = fails(acceptor.step(&answer(&late(&bench))));
            assert!(is_skew(failure.error()), "{failure}");
            let reply = resp(failure.token().expect("a reject"));
            assert_eq!(reply.state, Some(state::REJECT));
            let told = krb_error(&spec.initiator(), &reply.token.expect("a KRB-ERROR"));
            assert_eq!((told.code, told.data), (37, None));
        }
    }
}

pub fn rule_21_not_without_extended_error<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let failure = fails(Acceptor::new(&config).step(&late(&bench).token()));
    assert!(is_skew(failure.error()));
    assert_eq!(failure.token(), None);
    let init = InitSpec::new(&[oid::KRB5], Some(late(&bench).token())).token();
    let failure = fails(Acceptor::new(&config).step(&init));
    assert!(is_skew(failure.error()));
    assert_eq!(failure.token(), Some(&REJECT[..]));
}

pub fn rule_21_a_failed_retry_is_final<M: Mount>() {
    // The retry is for the clock alone: what else fails, fails.
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&late(&bench).token()));
    let stale = bench.ap_req(|a| a.ticket.service_key = bench.world.key("HTTP.new", 18));
    let failure = fails(acceptor.step(&stale.token()));
    let reason = rejected(failure.error());
    assert!(matches!(reason, Rejection::KeyMismatch { .. }), "{reason}");
    let told = krb_error(&stale.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!(told.code, 31);
    // The token that was refused for its time has not been spent.
    let spec = bench.ap_req(|a| {
        a.ctime -= 3600;
        a.ticket.authtime = NOW - 7200;
        a.ticket.starttime = Some(NOW - 7200);
    });
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&spec.token()));
    bench.clock.turn(-3600);
    done(acceptor.step(&spec.token()));
}

pub fn rule_21_no_error_for_who_does_not_wait<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let expired = |change: fn(&mut ApReqSpec)| {
        let spec = bench.ap_req(|a| {
            a.ticket.authtime = NOW - 7200;
            a.ticket.starttime = Some(NOW - 7200);
            a.ticket.endtime = NOW - 600;
            change(a);
        });
        let failure = fails(Acceptor::new(&config).step(&spec.token()));
        let reason = rejected(failure.error());
        assert!(
            matches!(reason, Rejection::TicketExpired { .. }),
            "{reason}"
        );
        let told = failure
            .token()
            .map(|token| krb_error(&spec.initiator(), token));
        told.map(|told| told.code)
    };
    assert_eq!(expired(|_| ()), Some(32));
    assert_eq!(expired(|a| a.options = 0), Some(32));
    assert_eq!(expired(|a| a.gss().flags &= !gss::MUTUAL), Some(32));
    assert_eq!(
        expired(|a| {
            a.options = 0;
            a.gss().flags &= !gss::MUTUAL;
        }),
        None
    );
    // A malformed token is answered by nothing, an unknown token id by 40 (RFC 4121 4.1).
    let mut spec = bench.world.ap_req();
    spec.frame.inside = vec![0];
    let failure = fails(Acceptor::new(&config).step(&spec.token()));
    assert!(matches!(failure.error(), Error::Malformed { .. }));
    assert_eq!(failure.token(), None);
    spec.frame = Frame::gss(oid::KRB5);
    spec.frame.token_id = Some([7, 7]);
    let failure = fails(Acceptor::new(&config).step(&spec.token()));
    let told = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!(told.code, 40);
}

pub fn rule_21_clients_error_ends_it<M: Mount>() {
    // A client that gets a KRB-ERROR may answer with its own.
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let mut acceptor = Acceptor::new(&config);
    let reply = goes_on(acceptor.step(&late(&bench).token()));
    assert_eq!(
        rejection(acceptor.step(&reply)),
        Rejection::PeerFailed { code: Some(37) }
    );
    assert!(acceptor.step(&bench.world.ap_req().token()).is_err());
    match Acceptor::new(&config).step(&bench.world.ap_req().token()) {
        Ok(Step::Established { .. }) => {}
        other => panic!("{other:?}"),
    }
}
