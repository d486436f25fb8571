//! What a handshake costs through a broker, beside the same in one process.
//!
//! ```text
//! cargo bench --bench broker
//! ```
//!
//! At its end: how many times a handshake in one process a handshake through
//! the broker takes, one after the other and eight at once, and how large
//! what travels is.

use std::os::unix::net::UnixListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use divan::{Bencher, black_box};
use gss_acceptor::broker::{Broker, RunningBroker};
use gss_acceptor::testing::{ClientFlags, Realm, Service};
use gss_acceptor::{Acceptor, AcceptorConfig, SealingKey, Step, backends};

fn main() {
    divan::main();
    if std::env::args().all(|argument| argument != "--test" && argument != "--list") {
        ratios();
        sizes();
    }
}

/// Seconds that a handshake takes, of `ROUNDS` on each of so many threads: of
/// all threads together, so that it says what a machine gets done.
fn seconds(config: &AcceptorConfig, threads: usize) -> f64 {
    const ROUNDS: usize = 4000;
    let client = BENCH
        .service
        .client("alice")
        .raw()
        .flags(ClientFlags::BROWSER);
    let token = || client.token().expect("a token");
    let each = ROUNDS / threads;
    let tokens: Vec<Vec<Vec<u8>>> = (0..threads)
        .map(|_| (0..each).map(|_| token()).collect())
        .collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for tokens in &tokens {
            scope.spawn(move || {
                for token in tokens {
                    let step = Acceptor::new(config).step(black_box(token));
                    assert!(matches!(step, Ok(Step::Established { .. })));
                }
            });
        }
    });
    began.elapsed().as_secs_f64() / (each * threads) as f64
}

fn ratios() {
    for threads in [1, 8] {
        let alone = seconds(&BENCH.alone, threads);
        let brokered = seconds(&BENCH.brokered, threads);
        println!(
            "RATIO broker / in one process, {threads} at once: {:.1} ({:.1} us / {:.1} us a handshake)",
            brokered / alone,
            brokered * 1e6,
            alone * 1e6
        );
    }
}

/// Of a context and of a handshake in DCE style, without a PAC.
fn sizes() {
    let key = SealingKey::generate().expect("a key");
    let client = BENCH.service.client("alice").initiate().expect("a client");
    let Ok(Step::Established { context, .. }) =
        Acceptor::new(&BENCH.alone).step(client.first_token())
    else {
        panic!("not established");
    };
    let data = context.export().expect("exports");
    let soon = SystemTime::now() + Duration::from_secs(30);
    let sealed = data.seal(&key, "web", soon).expect("seals");
    println!(
        "SIZE an established context, sealed: {} bytes",
        sealed.len()
    );
    let builder = AcceptorConfig::builder(backends::rust(BENCH.service.keytab()));
    let config = builder.suspendable().build().expect("builds");
    let client = BENCH.service.client("alice").with(ClientFlags::DCE_STYLE);
    let client = client.initiate().expect("a client");
    let mut acceptor = Acceptor::new(&config);
    let Ok(Step::Continue { .. }) = acceptor.step(client.first_token()) else {
        panic!("not in DCE style");
    };
    let sealed = acceptor.suspend(&key).expect("suspends");
    println!(
        "SIZE a handshake in DCE style, suspended: {} bytes",
        sealed.len()
    );
}

struct Bench {
    service: Service,
    alone: AcceptorConfig,
    brokered: AcceptorConfig,
    _running: RunningBroker,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .expect("a service");
    let keytab = service.keytab();
    let alone = AcceptorConfig::builder(backends::rust(keytab.clone())).build();
    let socket = std::env::temp_dir().join(format!("gss-bench-{}", std::process::id()));
    let own = std::fs::metadata("/proc/self").expect("/proc");
    let running = Broker::new(move || AcceptorConfig::builder(backends::rust(keytab.clone())))
        .allow(std::os::unix::fs::MetadataExt::uid(&own), &[])
        .build()
        .expect("a broker")
        .serve(UnixListener::bind(&socket).expect("a socket"))
        .expect("serves");
    let brokered = backends::broker(&socket).expect("a broker");
    let brokered = AcceptorConfig::builder(brokered).build().expect("builds");
    std::fs::remove_file(&socket).expect("removes");
    Bench {
        service,
        alone: alone.expect("builds"),
        brokered,
        _running: running,
    }
});

fn accept(bencher: Bencher<'_, '_>, config: &AcceptorConfig) {
    let client = BENCH
        .service
        .client("alice")
        .raw()
        .flags(ClientFlags::BROWSER);
    bencher
        .with_inputs(|| client.token().expect("a token"))
        .bench_refs(|token| match Acceptor::new(config).step(black_box(token)) {
            Ok(step @ Step::Established { .. }) => step,
            other => panic!("not established: {other:?}"),
        });
}

#[divan::bench]
fn in_this_process(bencher: Bencher<'_, '_>) {
    accept(bencher, &BENCH.alone);
}

#[divan::bench]
fn through_the_broker(bencher: Bencher<'_, '_>) {
    accept(bencher, &BENCH.brokered);
}

/// What the broker is for: many at once.
#[divan::bench(threads = 4)]
fn through_the_broker_four_at_once(bencher: Bencher<'_, '_>) {
    accept(bencher, &BENCH.brokered);
}
