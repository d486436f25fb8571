//! Rule 12: a token counts once.

use crate::Mount;
use crate::bench::{Bench, NOW, done, fails, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, MemoryReplayStore, Rejection, ReplayStore, Requirements, Step,
    StepInput, Unavailability,
};
use kit::cases::Expect;
use std::sync::{Arc, Barrier};
use std::thread;

fn feed(config: &AcceptorConfig, token: &[u8]) -> Result<Step, gss_acceptor::Failure> {
    Acceptor::new(config).step(token)
}

fn with_store<M: Mount>(bench: &Bench, store: &Arc<MemoryReplayStore>) -> AcceptorConfig {
    bench
        .builder::<M>()
        .replay_store(Arc::clone(store) as Arc<dyn ReplayStore>)
        .build()
        .expect("builds")
}

pub fn rule_12_the_same_token_twice<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let token = bench.world.ap_req().token();
    done(feed(&config, &token));
    for _ in 0..3 {
        let failure = fails(feed(&config, &token));
        assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
        assert_eq!(failure.token(), None);
    }
    // Under another frame it is the same authenticator.
    let mut spec = bench.world.ap_req();
    spec.over.whole = Some(spec.message());
    done(feed(&config, &spec.token()));
    spec.frame = kit::ap_req::Frame::gss(kit::ap_req::oid::MS_KRB5);
    assert_eq!(rejection(feed(&config, &spec.token())), Rejection::Replay);
    let init = kit::spnego::InitSpec::new(&[kit::ap_req::oid::KRB5], Some(spec.token()));
    assert_eq!(rejection(feed(&config, &init.token())), Rejection::Replay);
}

pub fn rule_12_two_threads_race_one_wins<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for round in 0..50 {
        let token = bench.world.ap_req().token();
        let barrier = Barrier::new(2);
        let won = thread::scope(|scope| {
            let race = || {
                barrier.wait();
                feed(&config, &token).is_ok()
            };
            let other = scope.spawn(race);
            usize::from(race()) + usize::from(other.join().expect("no panic"))
        });
        assert_eq!(won, 1, "round {round}");
    }
}

pub fn rule_12_kept_until_ctime_and_skew_have_passed<M: Mount>() {
    let bench = Bench::new();
    let store = Arc::new(MemoryReplayStore::with_capacity(100));
    let config = with_store::<M>(&bench, &store);
    // From the future, so that it passes for nearly twice the skew.
    let token = bench
        .ap_req(|a| (a.ctime, a.cusec) = (NOW + 299, 999_999))
        .token();
    done(feed(&config, &token));
    for (turned, replay) in [(300, true), (299, true), (0, true), (1, false)] {
        bench.clock.turn(turned);
        let reason = rejection(feed(&config, &token));
        let skew = matches!(reason, Rejection::ClockSkew { .. });
        assert_eq!(
            (reason == Rejection::Replay, skew),
            (replay, !replay),
            "+{turned}: {reason}"
        );
        // Others come in between and make the store look for room.
        let now = NOW + 300 + 299;
        done(feed(
            &config,
            &bench.ap_req(|a| a.ctime = now.min(NOW + 400)).token(),
        ));
    }
}

pub fn rule_12_a_full_store_refuses<M: Mount>() {
    let bench = Bench::new();
    let store = Arc::new(MemoryReplayStore::with_capacity(3));
    let config = with_store::<M>(&bench, &store);
    let tokens: Vec<_> = (0..3).map(|_| bench.world.ap_req().token()).collect();
    for token in &tokens {
        done(feed(&config, token));
    }
    let failure = fails(feed(&config, &bench.world.ap_req().token()));
    let cause = failure.error().unavailability();
    assert_eq!(cause, Some(&Unavailability::ReplayStoreFull), "{failure}");
    // It has forgotten none of them.
    for token in &tokens {
        assert_eq!(rejection(feed(&config, token)), Rejection::Replay);
    }
    // And has room again once they can no longer pass.
    bench.clock.turn(302);
    done(feed(
        &config,
        &bench.ap_req(|a| a.ctime = NOW + 302).token(),
    ));
}

pub fn rule_12_a_refused_token_spends_no_slot<M: Mount>() {
    let bench = Bench::new();
    let store = Arc::new(MemoryReplayStore::with_capacity(100));
    let config = with_store::<M>(&bench, &store);
    let own = crate::bench::bindings();
    for case in kit::cases::all() {
        // Rule 30's MIC is looked at when the mechanism is done.
        let refused = matches!(case.expect, Expect::Reject(_)) && ![12, 30].contains(&case.rule);
        let builder = bench
            .set::<M>(&case.setting)
            .replay_store(Arc::clone(&store) as Arc<dyn ReplayStore>);
        // A setting that the backend refuses spends nothing either.
        let (true, Ok(config)) = (refused, builder.build()) else {
            continue;
        };
        let forged = (case.build)(&bench.world);
        let mut input = StepInput::new(&forged.token).channel_bindings(&own);
        if let Some(address) = case.setting.peer_address {
            input = input.peer_address(address.into());
        }
        assert!(
            Acceptor::new(&config).step_with(input).is_err(),
            "{}",
            case.name
        );
        assert!(store.is_empty(), "{}", case.name);
    }
    // A future-dated token is refused, and let in when its time has come.
    let token = bench.ap_req(|a| a.ctime = NOW + 400).token();
    let reason = rejection(feed(&config, &token));
    assert!(matches!(reason, Rejection::ClockSkew { .. }), "{reason}");
    bench.clock.turn(400);
    done(feed(&config, &token));
    // So is one whose ticket has not begun.
    let begins = NOW + 400 + 350;
    let token = bench
        .ap_req(|a| (a.ctime, a.ticket.starttime) = (NOW + 600, Some(begins)))
        .token();
    let reason = rejection(feed(&config, &token));
    assert!(
        matches!(reason, Rejection::TicketNotYetValid { .. }),
        "{reason}"
    );
    bench.clock.turn(100);
    done(feed(&config, &token));
}

pub fn rule_12_the_policy_spends_no_slot<M: Mount>() {
    let bench = Bench::new();
    let store = Arc::new(MemoryReplayStore::with_capacity(100));
    let strict = bench
        .builder::<M>()
        .replay_store(Arc::clone(&store) as Arc<dyn ReplayStore>)
        .require(Requirements::MUTUAL_AUTH)
        .build()
        .expect("builds");
    let token = bench.one_way().token();
    let failure = fails(feed(&strict, &token));
    assert!(
        matches!(
            failure.error().rejection(),
            Some(Rejection::Requirement { .. })
        ),
        "{failure}"
    );
    assert_eq!(failure.token(), None);
    assert!(store.is_empty());
    done(feed(&with_store::<M>(&bench, &store), &token));
    assert_eq!(store.len(), 1);
}

pub fn rule_12_identified_by_the_ciphertext_alone<M: Mount>() {
    // Two clients at the same microsecond are two, whatever their tokens say.
    let bench = Bench::new();
    let config = bench.config::<M>();
    done(feed(&config, &bench.world.ap_req().token()));
    done(feed(&config, &bench.world.ap_req().token()));
    // The same authenticator beside a ticket that was encrypted anew is one.
    let spec = bench.world.ap_req();
    let cipher = spec.ticket.session.encrypt(11, &spec.authenticator());
    let renewed = || {
        bench
            .ap_req(|a| a.over.cipher = Some(cipher.clone()))
            .token()
    };
    done(feed(&config, &renewed()));
    assert_eq!(rejection(feed(&config, &renewed())), Rejection::Replay);
}

pub fn rule_12_reject_before_start<M: Mount>() {
    let bench = Bench::new();
    let config = bench
        .builder::<M>()
        .reject_before_start()
        .build()
        .expect("builds");
    let starting = |ctime| {
        let failure = fails(feed(&config, &bench.ap_req(|a| a.ctime = ctime).token()));
        match failure.error().unavailability() {
            Some(Unavailability::StartingUp { seconds }) => *seconds,
            _ => panic!("{failure}"),
        }
    };
    // What was used before the start may have been dated up to start + skew.
    assert_eq!(starting(NOW), 300);
    assert_eq!(starting(NOW + 299), 1);
    bench.clock.turn(290);
    assert_eq!(starting(NOW), 300);
    done(feed(
        &config,
        &bench.ap_req(|a| a.ctime = NOW + 301).token(),
    ));
    // Without the option there is no such time.
    let bench = Bench::new();
    done(feed(&bench.config::<M>(), &bench.world.ap_req().token()));
}

pub fn rule_12_other_handshakes_share_the_store<M: Mount>() {
    // Two servers with one store are one; two with a store each are two.
    let bench = Bench::new();
    let store = Arc::new(MemoryReplayStore::with_capacity(100));
    let [one, two] = [(); 2].map(|()| with_store::<M>(&bench, &store));
    let token = bench.world.ap_req().token();
    done(feed(&one, &token));
    assert_eq!(rejection(feed(&two, &token)), Rejection::Replay);
    done(feed(&bench.config::<M>(), &token));
    bench.clock.turn(60);
    assert_eq!(rejection(feed(&two, &token)), Rejection::Replay);
}
