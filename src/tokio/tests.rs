use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{AsyncAcceptor, Handshakes, StepLimits};
use crate::accounts::{self, AccountAnswer};
use crate::error::{LogonProblem, Misuse, Unavailability};
use crate::testing::Realm;
use crate::{AcceptorConfig, Limits, Mechanism, Ntlm, Reply, Step, backends};

/// NEGOTIATE_MESSAGE of MS-NLMP 2.2.1.1: UNICODE, NTLM, extended session security, REQUEST_TARGET.
const NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x05\x02\x08\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn kerberos() -> (crate::testing::Service, AcceptorConfig) {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .unwrap();
    let config = AcceptorConfig::builder(backends::rust(service.keytab()));
    (service, config.build().unwrap())
}

/// Accounts that are looked up for as long as `hold` says, on whatever thread asks.
fn slow(hold: &Arc<AtomicBool>, asked: &Arc<AtomicUsize>, limits: Limits) -> AcceptorConfig {
    let (hold, asked) = (Arc::clone(hold), Arc::clone(asked));
    let source = accounts::from_fn("slow", move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        while hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
        }
        Reply::Now(AccountAnswer::Refused(LogonProblem::UnknownUser))
    });
    AcceptorConfig::builder(backends::rust(Ntlm::new(source)))
        .mechanisms(&[Mechanism::Ntlm])
        .limits(limits)
        .build()
        .unwrap()
}

/// An AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3) of user `u` that echoes the challenge's target
/// information: enough for the account source to be asked.
fn authenticate(challenge: &[u8]) -> Vec<u8> {
    let field = |at: usize| {
        let length = usize::from(u16::from_le_bytes([challenge[at], challenge[at + 1]]));
        let offset = u32::from_le_bytes(challenge[at + 4..at + 8].try_into().unwrap());
        &challenge[offset as usize..offset as usize + length]
    };
    // TargetInfo without its end, MsvAvFlags left out, then the end.
    let mut response = vec![0; 16];
    response.extend_from_slice(&[1, 1, 0, 0, 0, 0, 0, 0]);
    response.extend_from_slice(&[0; 8]);
    response.extend_from_slice(&[7; 8]);
    response.extend_from_slice(&[0; 4]);
    response.extend_from_slice(field(40));
    response.extend_from_slice(&[0; 4]);
    let parts: [&[u8]; 6] = [&[0; 24], &response, b"", b"u\0", b"", b""];
    let mut head = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let (mut payload, mut offset) = (Vec::new(), 64_u32);
    for part in parts {
        let length = u16::try_from(part.len()).unwrap().to_le_bytes();
        head.extend_from_slice(&length);
        head.extend_from_slice(&length);
        head.extend_from_slice(&offset.to_le_bytes());
        offset += u32::try_from(part.len()).unwrap();
        payload.extend_from_slice(part);
    }
    head.extend_from_slice(&challenge[20..24]);
    head.extend_from_slice(&payload);
    head
}

async fn challenged(handshakes: &Handshakes) -> (AsyncAcceptor, Vec<u8>) {
    let mut acceptor = AsyncAcceptor::new(handshakes);
    let Ok(Step::Continue { token }) = acceptor.step(NEGOTIATE).await else {
        panic!("no CHALLENGE");
    };
    let answer = authenticate(&token);
    (acceptor, answer)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if what() {
            return;
        }
        ::tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to that");
}

#[::tokio::test]
async fn what_never_blocks_runs_inline() {
    let (service, config) = kerberos();
    let handshakes = Handshakes::new(&config);
    let mut acceptor = AsyncAcceptor::new(&handshakes);
    let token = service.client("alice").token().unwrap();
    // Polled once: nothing was waited for.
    let mut step = std::pin::pin!(acceptor.step(&token));
    let waker = std::task::Waker::noop();
    let polled = step
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(Ok(Step::Established { context, .. })) = polled else {
        panic!("{polled:?}");
    };
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
}

#[::tokio::test]
async fn a_step_after_the_end_is_misuse() {
    let (service, config) = kerberos();
    let handshakes = Handshakes::new(&config);
    let mut acceptor = AsyncAcceptor::new(&handshakes);
    acceptor.step(b"nonsense").await.unwrap_err();
    let token = service.client("alice").token().unwrap();
    let error = acceptor.step(&token).await.unwrap_err().into_error();
    assert_eq!(error.misuse(), Some(&Misuse::StepAfterEnd));
}

#[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blocks_is_bounded_and_ends_in_time() {
    let (hold, asked) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let config = slow(&hold, &asked, Limits::default());
    let limits = StepLimits::default()
        .blocking_threads(2)
        .waiting(1)
        .deadline(Duration::from_secs(4));
    let handshakes = Handshakes::with_limits(&config, limits);
    let mut tasks = Vec::new();
    let begun = [
        challenged(&handshakes).await,
        challenged(&handshakes).await,
        challenged(&handshakes).await,
    ];
    for (mut acceptor, answer) in begun {
        let task = async move { acceptor.step(&answer).await.unwrap_err().into_error() };
        tasks.push(::tokio::spawn(task));
    }
    until(|| handshakes.blocking_steps() == 3).await;
    // Two run and one waits: no room for a fourth.
    let mut fourth = AsyncAcceptor::new(&handshakes);
    let error = fourth.step(NEGOTIATE).await.unwrap_err().into_error();
    let overloaded = matches!(
        error.unavailability(),
        Some(Unavailability::Overloaded { limit: 1 })
    );
    assert!(overloaded, "{error}");
    for task in tasks {
        let error = task.await.unwrap();
        let late = matches!(error.unavailability(), Some(Unavailability::Late { .. }));
        assert!(late, "{error}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // The two threads are still held: a deadline makes no new ones.
    assert_eq!(handshakes.blocking_steps(), 2);
    hold.store(false, Ordering::SeqCst);
    until(|| handshakes.blocking_steps() == 0).await;
    assert_eq!(config.half_open(), 0);
    // The one that waited in vain never ran.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_step_leaves_nothing_behind() {
    let (hold, asked) = (
        Arc::new(AtomicBool::new(true)),
        Arc::<AtomicUsize>::default(),
    );
    let config = slow(&hold, &asked, Limits::default());
    let handshakes = Handshakes::new(&config);
    let (mut acceptor, answer) = challenged(&handshakes).await;
    assert_eq!(config.half_open(), 1);
    let gone = ::tokio::time::timeout(Duration::from_millis(50), acceptor.step(&answer)).await;
    gone.unwrap_err();
    let error = acceptor.step(&answer).await.unwrap_err().into_error();
    assert_eq!(error.misuse(), Some(&Misuse::StepAfterEnd));
    hold.store(false, Ordering::SeqCst);
    until(|| handshakes.blocking_steps() == 0 && config.half_open() == 0).await;
}

/// Rule 40: clients that begin and vanish push each other out, not the one that answers.
#[::tokio::test]
async fn rule_40_the_oldest_half_open_handshake_makes_room() {
    let (hold, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let limits = Limits {
        max_half_open: 4,
        ..Limits::default()
    };
    let config = slow(&hold, &asked, limits);
    let handshakes = Handshakes::new(&config);
    let mut kept = Vec::new();
    for _ in 0..50 {
        let (acceptor, answer) = challenged(&handshakes).await;
        kept.push((handshakes.park(acceptor), answer));
        assert!(config.half_open() <= 4 && handshakes.parked() <= 4);
    }
    let (last, answer) = kept.pop().unwrap();
    let mut last = last.take().expect("the youngest is kept");
    let error = last.step(&answer).await.unwrap_err().into_error();
    assert!(error.rejection().is_some(), "{error}");
    assert!(kept.remove(0).0.take().is_none(), "the oldest made room");
    drop(kept);
    assert_eq!((config.half_open(), handshakes.parked()), (0, 0));
}

#[::tokio::test(start_paused = true)]
async fn rule_40_a_parked_handshake_dies_with_age() {
    let (hold, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let limits = Limits {
        max_age: Duration::from_secs(60),
        ..Limits::default()
    };
    let config = slow(&hold, &asked, limits);
    let handshakes = Handshakes::new(&config);
    let old = handshakes.park(challenged(&handshakes).await.0);
    let older = handshakes.park(challenged(&handshakes).await.0);
    ::tokio::time::advance(Duration::from_secs(61)).await;
    assert!(old.take().is_none());
    // Whoever comes next sweeps.
    let _next = challenged(&handshakes).await;
    assert_eq!((config.half_open(), handshakes.parked()), (1, 0));
    drop(older);
}
