//! Rule 12 with stores of an application's own: late, broken, curious.

use crate::Mount;
use crate::bench::{Bench, NOW, REJECT, at, done, fails, krb_error};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Misuse, Rejection, ReplayEntry, ReplayPurpose, ReplayStore,
    ReplayVerdict, Reply, Step, StepInput, Unavailability,
};
use kit::ap_req::oid;
use kit::spnego::InitSpec;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, SystemTime};

/// A store that is asked from another thread, as a database's would be.
#[derive(Default)]
struct Late(Arc<Mutex<Vec<Vec<u8>>>>);

impl ReplayStore for Late {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let (seen, tag) = (Arc::clone(&self.0), entry.tag.to_vec());
        let (sender, receiver) = mpsc::channel();
        let mut asked = false;
        Reply::later(std::future::poll_fn(move |context| {
            if !asked {
                asked = true;
                let (seen, tag) = (Arc::clone(&seen), tag.clone());
                let (waker, sender) = (context.waker().clone(), sender.clone());
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(5));
                    let mut seen = seen.lock().expect("no panic");
                    let fresh = !seen.contains(&tag);
                    seen.push(tag);
                    let _ = sender.send(fresh);
                    waker.wake();
                });
            }
            match receiver.try_recv() {
                Ok(true) => Poll::Ready(ReplayVerdict::Fresh),
                Ok(false) => Poll::Ready(ReplayVerdict::Replayed),
                Err(_) => Poll::Pending,
            }
        }))
    }

    fn describe(&self) -> String {
        "on another thread".into()
    }
}

fn with<M: Mount>(bench: &Bench, store: impl ReplayStore + 'static) -> AcceptorConfig {
    bench
        .builder::<M>()
        .replay_store(Arc::new(store))
        .build()
        .expect("builds")
}

/// Runs a future on this thread.
fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    Reply::later(future).wait()
}

pub fn rule_12_a_store_that_answers_later<M: Mount>() {
    let bench = Bench::new();
    let config = with::<M>(&bench, Late::default());
    assert!(config.may_block());
    assert!(config.describe().replay.contains("on another thread"));
    let token = bench.world.ap_req().token();
    // The blocking caller blocks.
    done(Acceptor::new(&config).step(&token));
    let failure = fails(Acceptor::new(&config).step(&token));
    assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
    // The asynchronous one awaits.
    let fresh = bench.world.ap_req().token();
    let (first, second) = wait(async move {
        let first = Acceptor::new(&config)
            .step_async(StepInput::new(&fresh))
            .await;
        let second = Acceptor::new(&config)
            .step_async(StepInput::new(&fresh))
            .await;
        (first, second)
    });
    assert!(matches!(first, Ok(Step::Established { .. })));
    assert_eq!(fails(second).error().rejection(), Some(&Rejection::Replay));
    // The store in memory answers at once, and nobody blocks.
    assert!(!bench.config::<M>().may_block());
}

/// Says one thing.
struct Says(fn() -> ReplayVerdict);

impl ReplayStore for Says {
    fn check(&self, _: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        Reply::Now((self.0)())
    }

    fn describe(&self) -> String {
        "one answer".into()
    }
}

pub fn rule_12_a_store_that_is_unavailable<M: Mount>() {
    let bench = Bench::new();
    let config = with::<M>(
        &bench,
        Says(|| ReplayVerdict::Unavailable {
            source: "connection refused".into(),
        }),
    );
    let mut acceptor = Acceptor::new(&config);
    let failure = fails(acceptor.step(&bench.world.ap_req().token()));
    match failure.error().unavailability() {
        Some(Unavailability::ReplayStore { text }) => assert_eq!(text, "connection refused"),
        _ => panic!("{failure}"),
    }
    let again = fails(acceptor.step(&bench.world.ap_req().token()));
    assert_eq!(again.error().misuse(), Some(&Misuse::StepAfterEnd));
    let config = with::<M>(
        &bench,
        Says(|| ReplayVerdict::TooOld { forgotten: at(NOW) }),
    );
    let failure = fails(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    assert!(
        matches!(
            failure.error().unavailability(),
            Some(Unavailability::ReplayStore { .. })
        ),
        "{failure}"
    );
    let config = with::<M>(&bench, Says(|| ReplayVerdict::Full));
    let failure = fails(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    assert_eq!(
        failure.error().unavailability(),
        Some(&Unavailability::ReplayStoreFull)
    );
}

/// The answer is made before the store is asked, and is nobody's if the store
/// refuses: no AP-REP, however the token came.
pub fn rule_12_who_is_refused_is_not_answered<M: Mount>() {
    let verdicts: [fn() -> ReplayVerdict; 4] = [
        || ReplayVerdict::Replayed,
        || ReplayVerdict::Full,
        || ReplayVerdict::TooOld { forgotten: at(NOW) },
        || ReplayVerdict::Unavailable { source: "".into() },
    ];
    for verdict in verdicts {
        let bench = Bench::new();
        let config = with::<M>(&bench, Says(verdict));
        let token = || bench.world.ap_req().token();
        assert_eq!(fails(Acceptor::new(&config).step(&token())).token(), None);
        let init = InitSpec::new(&[oid::KRB5], Some(token()));
        let failure = fails(Acceptor::new(&config).step(&init.token()));
        assert_eq!(failure.token(), Some(&REJECT[..]));
    }
    // Who is to hear why hears that, and nothing else.
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let spec = bench.world.ap_req();
    let token = spec.token();
    done(Acceptor::new(&config).step(&token));
    let failure = fails(Acceptor::new(&config).step(&token));
    let told = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    // KRB_AP_ERR_REPEAT (RFC 4120 7.5.9).
    assert_eq!(told.code, 34);
}

pub fn rule_12_a_dropped_future_ends_the_handshake<M: Mount>() {
    let bench = Bench::new();
    let config = with::<M>(&bench, Late::default());
    let token = bench.world.ap_req().token();
    let mut acceptor = Acceptor::new(&config);
    {
        let mut step = pin!(acceptor.step_async(StepInput::new(&token)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(step.as_mut().poll(&mut context).is_pending());
    }
    let failure = fails(acceptor.step(&bench.world.ap_req().token()));
    assert_eq!(failure.error().misuse(), Some(&Misuse::StepAfterEnd));
    assert_eq!(config.half_open(), 0);
}

type Told = (ReplayPurpose, Vec<u8>, SystemTime, SystemTime);

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Told>>>);

impl ReplayStore for Notes {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let told = (entry.purpose, entry.tag.to_vec(), entry.expires, entry.now);
        self.0.lock().expect("no panic").push(told);
        Reply::Now(ReplayVerdict::Fresh)
    }

    fn describe(&self) -> String {
        "notes".into()
    }
}

pub fn rule_12_what_the_store_is_told<M: Mount>() {
    let bench = Bench::new();
    // The length of the integrity tag: RFC 3962 6, RFC 8009 5.
    for (etype, length) in [(17, 12), (18, 12), (19, 16), (20, 24)] {
        let notes = Notes::default();
        let config = with::<M>(&bench, notes.clone());
        let mut spec = bench.world.with_etype(etype).ap_req();
        (spec.ctime, spec.cusec) = (NOW - 100, 250_000);
        let cipher = spec.ticket.session.encrypt(11, &spec.authenticator());
        spec.over.cipher = Some(cipher.clone());
        done(Acceptor::new(&config).step(&spec.token()));
        let told = notes.0.lock().expect("no panic").clone();
        let expires = at(NOW - 100 + 300) + Duration::from_micros(250_000);
        let tag = cipher[cipher.len() - length..].to_vec();
        let due: Told = (ReplayPurpose::Authenticator, tag, expires, at(NOW));
        assert_eq!(told, [due], "etype {etype}");
    }
}
