//! Rules 1, 40 and 41: what a handshake may cost, and that it ends.

use crate::Mount;
use crate::bench::{Bench, REJECT, done, fails, goes_on, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, ChannelBindingPolicy, Limits, Misuse, Rejection, Step, StepInput,
    Unavailability,
};
use kit::ap_req::oid;
use kit::spnego::{InitSpec, Resp};
use std::time::Duration;

fn limited<M: Mount>(bench: &Bench, change: impl FnOnce(&mut Limits)) -> AcceptorConfig {
    let mut limits = Limits::default();
    change(&mut limits);
    bench.builder::<M>().limits(limits).build().expect("builds")
}

fn offer() -> Vec<u8> {
    InitSpec::new(&[oid::KRB5], None).token()
}

fn exceeded(step: Result<Step, gss_acceptor::Failure>) -> (&'static str, u64) {
    match rejection(step) {
        Rejection::LimitExceeded { what, limit } => (what, limit),
        other => panic!("{other}"),
    }
}

pub fn rule_01_token_limit_is_settable<M: Mount>() {
    let bench = Bench::new();
    let token = bench.world.ap_req().token();
    let exact = limited::<M>(&bench, |l| l.max_token = token.len());
    done(Acceptor::new(&exact).step(&token));
    let short = limited::<M>(&bench, |l| l.max_token = token.len() - 1);
    let fresh = bench.world.ap_req().token();
    let (what, limit) = exceeded(Acceptor::new(&short).step(&fresh));
    assert_eq!((what, limit), ("bytes a token", token.len() as u64 - 1));
    // Larger than the default, too.
    let heavy = bench.ap_req(|a| {
        a.ticket.authdata = vec![kit::ticket::if_relevant(&[(-17, vec![7; 100 << 10])])];
    });
    let wide = limited::<M>(&bench, |l| l.max_token = 128 << 10);
    done(Acceptor::new(&wide).step(&heavy.token()));
}

pub fn rule_40_legs<M: Mount>() {
    let bench = Bench::new();
    let config = limited::<M>(&bench, |l| l.max_legs = 2);
    let answer = |bench: &Bench| {
        Resp {
            token: Some(bench.world.ap_req().token()),
            ..Resp::default()
        }
        .encode()
    };
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer()));
    done(acceptor.step(&answer(&bench)));
    // Hints cost a leg.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(b""));
    goes_on(acceptor.step(&offer()));
    assert_eq!(exceeded(acceptor.step(&answer(&bench))), ("legs", 2));
    assert_eq!(config.half_open(), 0);
}

pub fn rule_40_bytes<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer()));
    assert_eq!(
        exceeded(acceptor.step(&[0; 65537])),
        ("bytes a token", 65536)
    );
    assert!(fails(acceptor.step(&offer())).error().misuse().is_some());
    assert_eq!(config.half_open(), 0);
}

pub fn rule_40_age<M: Mount>() {
    let bench = Bench::new();
    let config = limited::<M>(&bench, |l| l.max_age = Duration::from_secs(30));
    let finish = |turn: i64| {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&offer()));
        bench.clock.turn(turn);
        let token = Some(bench.world.ap_req().token());
        let answer = Resp {
            token,
            ..Resp::default()
        };
        acceptor.step(&answer.encode())
    };
    done(finish(30));
    assert_eq!(exceeded(finish(31)), ("seconds", 30));
    assert_eq!(config.half_open(), 0);
    // The age counts from the first leg, not from the last.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(b""));
    bench.clock.turn(20);
    goes_on(acceptor.step(&offer()));
    bench.clock.turn(20);
    assert_eq!(exceeded(acceptor.step(&offer())), ("seconds", 30));
}

pub fn rule_40_the_negotiation_is_rejected<M: Mount>() {
    // Whatever ends a negotiation that is under way, the client is told (rule 29); one that has
    // not begun is not.
    let bench = Bench::new();
    let own = crate::bench::bindings();
    let config = limited::<M>(&bench, |l| {
        l.max_legs = 2;
        l.max_half_open = 1;
        l.max_age = Duration::from_secs(30);
    });
    let open = |legs: usize| {
        let mut acceptor = Acceptor::new(&config);
        for _ in 1..legs {
            goes_on(acceptor.step(b""));
        }
        goes_on(acceptor.step(&offer()));
        acceptor
    };
    let told = |step: Result<Step, gss_acceptor::Failure>| {
        let failure = fails(step);
        assert_eq!(failure.token(), Some(&REJECT[..]), "{failure}");
    };
    told(open(2).step(&offer()));
    told(open(1).step(&[0; 65537]));
    told(open(1).step_with(StepInput::new(&offer()).channel_bindings(&own)));
    let mut late = open(1);
    bench.clock.turn(31);
    told(late.step(&offer()));
    let held = open(1);
    told(Acceptor::new(&config).step(&offer()));
    for first in [&[0; 65537][..], &[0x60; 65537]] {
        assert_eq!(fails(Acceptor::new(&config).step(first)).token(), None);
    }
    // With the MIC awaited alone, too.
    drop(held);
    let mut acceptor = Acceptor::new(&config);
    let offer = InitSpec::new(&[oid::NTLM, oid::KRB5], None).token();
    goes_on(acceptor.step(&offer));
    let answer = Resp {
        token: Some(bench.world.ap_req().token()),
        ..Resp::default()
    };
    goes_on(acceptor.step(&answer.encode()));
    told(acceptor.step(&answer.encode()));
}

pub fn rule_40_a_clock_set_back<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer()));
    bench.clock.turn(-60);
    let token = Some(bench.world.ap_req().token());
    let answer = Resp {
        token,
        ..Resp::default()
    };
    done(acceptor.step(&answer.encode()));
}

pub fn rule_40_half_open<M: Mount>() {
    let bench = Bench::new();
    let config = limited::<M>(&bench, |l| l.max_half_open = 2);
    let open = || {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&offer()));
        acceptor
    };
    let (one, mut two) = (open(), open());
    assert_eq!(config.half_open(), 2);
    let failure = fails(Acceptor::new(&config).step(&offer()));
    assert_eq!(
        failure.error().unavailability(),
        Some(&Unavailability::TooManyHandshakes { limit: 2 })
    );
    // One that needs no second leg takes no place.
    done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    drop(one);
    assert_eq!(config.half_open(), 1);
    // Nor does one that has failed or ended.
    fails(two.step(b"garbage"));
    assert_eq!(config.half_open(), 0);
    let mut three = open();
    let token = Some(bench.world.ap_req().token());
    let answer = Resp {
        token,
        ..Resp::default()
    };
    done(three.step(&answer.encode()));
    assert_eq!(config.half_open(), 0);
    drop(three);
    assert_eq!(config.half_open(), 0);
}

fn ended(acceptor: &mut Acceptor, token: &[u8]) {
    for input in [token, b"", &[0; 1 << 17]] {
        let failure = fails(acceptor.step(input));
        assert_eq!(failure.error().misuse(), Some(&Misuse::StepAfterEnd));
        assert_eq!(failure.token(), None);
    }
}

pub fn rule_41_step_after_end<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    done(acceptor.step(&bench.world.ap_req().token()));
    ended(&mut acceptor, &bench.world.ap_req().token());
    // However often: no limit hides it.
    for _ in 0..20 {
        ended(&mut acceptor, b"x");
    }
}

pub fn rule_41_after_any_failure<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for first in [
        b"garbage".to_vec(),
        bench.ap_req(|a| a.ctime = 0).token(),
        InitSpec::new(&[oid::NTLM], None).token(),
        vec![0; 1 << 17],
    ] {
        let mut acceptor = Acceptor::new(&config);
        fails(acceptor.step(&first));
        ended(&mut acceptor, &bench.world.ap_req().token());
    }
}

pub fn rule_41_misuse_ends_it<M: Mount>() {
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .channel_bindings(ChannelBindingPolicy::WhenSent)
        .build()
        .expect("builds");
    let mut acceptor = Acceptor::new(&config);
    let failure = fails(acceptor.step(&bench.world.ap_req().token()));
    assert!(
        matches!(
            failure.error().misuse(),
            Some(Misuse::BindingsNotGiven { .. })
        ),
        "{failure}"
    );
    let own = crate::bench::bindings();
    let token = bench.world.ap_req().token();
    let failure = fails(acceptor.step_with(StepInput::new(&token).channel_bindings(&own)));
    assert_eq!(failure.error().misuse(), Some(&Misuse::StepAfterEnd));
}
