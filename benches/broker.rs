//! What a handshake costs through a broker, beside the same in one process.
//!
//! ```text
//! cargo bench --bench broker
//! ```

use std::os::unix::net::UnixListener;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use gss_acceptor::broker::{Broker, RunningBroker};
use gss_acceptor::testing::{ClientFlags, Realm, Service};
use gss_acceptor::{Acceptor, AcceptorConfig, Step, backends};

fn main() {
    divan::main();
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
