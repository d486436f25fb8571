//! What a login and a message cost, through the public interface alone.
//!
//! ```text
//! cargo bench --bench accept
//! cargo bench --bench accept -- --max-time 0.2    (a quick look)
//! ```
//!
//! Every accept takes a token of its own, minted before the clock starts: the
//! replay store is on, as in a server.

use std::sync::OnceLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use gss_acceptor::testing::{ClientBuilder, ClientFlags, Realm, Service, TestClientContext};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, EncryptionType, Protection, Requirements, Step, backends,
};

fn main() {
    divan::main();
}

/// A server whose keytab has this many entries, and the service in the
/// middle of it.
struct Server {
    config: AcceptorConfig,
    service: Service,
}

impl Server {
    fn new(entries: usize) -> Self {
        let realm = Realm::new("EXAMPLE.TEST");
        let etype = EncryptionType::AES256_CTS_HMAC_SHA1_96;
        let services: Vec<Service> = (0..entries)
            .map(|number| {
                let name = format!("HTTP/host{number}.example.test");
                realm
                    .service_with_keys(&name, 1, &[etype])
                    .expect("a service")
            })
            .collect();
        let config = AcceptorConfig::builder(backends::rust(realm.keytab()))
            .request(Requirements::MUTUAL_AUTH)
            .build()
            .expect("a configuration");
        let service = services[entries / 2].clone();
        Self { config, service }
    }

    /// The server with a keytab of this size, made once.
    fn with(entries: usize) -> &'static Self {
        static SMALL: OnceLock<Server> = OnceLock::new();
        static LARGE: OnceLock<Server> = OnceLock::new();
        let place = if entries == 1 { &SMALL } else { &LARGE };
        place.get_or_init(|| Self::new(entries))
    }
}

fn accept(bencher: Bencher<'_, '_>, entries: usize, client: fn(&Service) -> ClientBuilder) {
    let server = Server::with(entries);
    let client = client(&server.service);
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| client.token().expect("a token"))
        .bench_local_refs(
            |token| match Acceptor::new(&server.config).step(black_box(token)) {
                Ok(step @ Step::Established { .. }) => step,
                other => panic!("not established: {other:?}"),
            },
        );
}

const KEYTABS: [usize; 2] = [1, 10_000];

#[divan::bench(args = KEYTABS)]
fn accept_raw(bencher: Bencher<'_, '_>, keytab: usize) {
    accept(bencher, keytab, |service| {
        service.client("alice").raw().flags(ClientFlags::BROWSER)
    });
}

#[divan::bench(args = KEYTABS)]
fn accept_raw_mutual(bencher: Bencher<'_, '_>, keytab: usize) {
    accept(bencher, keytab, |service| service.client("alice").raw());
}

#[divan::bench(args = KEYTABS)]
fn accept_spnego(bencher: Bencher<'_, '_>, keytab: usize) {
    accept(bencher, keytab, |service| {
        service.client("alice").flags(ClientFlags::BROWSER)
    });
}

#[divan::bench(args = KEYTABS)]
fn accept_spnego_mutual(bencher: Bencher<'_, '_>, keytab: usize) {
    accept(bencher, keytab, |service| service.client("alice"));
}

/// Two ends of a context that detect no replay: the same token may be opened
/// again and again.
fn context() -> (TestClientContext, Context) {
    let server = Server::with(1);
    server
        .service
        .client("alice")
        .flags(ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH)
        .connect(&server.config)
        .expect("a context")
}

const SIZES: [usize; 4] = [64, 1 << 10, 16 << 10, 64 << 10];

#[divan::bench(args = SIZES)]
fn wrap_sealed(bencher: Bencher<'_, '_>, size: usize) {
    wrap(bencher, size, Protection::Confidentiality);
}

#[divan::bench(args = SIZES)]
fn wrap_signed(bencher: Bencher<'_, '_>, size: usize) {
    wrap(bencher, size, Protection::Integrity);
}

fn wrap(bencher: Bencher<'_, '_>, size: usize, protection: Protection) {
    let (_, server) = context();
    let data = vec![0x5A; size];
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| server.wrap(protection, black_box(&data)).expect("wrapped"));
}

#[divan::bench(args = SIZES)]
fn wrap_sealed_in_place(bencher: Bencher<'_, '_>, size: usize) {
    let (_, server) = context();
    let sizes = server.sizes();
    let (before, after) = (sizes.sealed_header, sizes.sealed_trailer);
    let mut buffer = vec![0x5A; before + size + after];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        let data = before..before + size;
        server
            .wrap_in_place(Protection::Confidentiality, black_box(&mut buffer), data)
            .expect("wrapped")
    });
}

#[divan::bench(args = SIZES)]
fn unwrap_sealed(bencher: Bencher<'_, '_>, size: usize) {
    unwrap(bencher, size, Protection::Confidentiality);
}

#[divan::bench(args = SIZES)]
fn unwrap_signed(bencher: Bencher<'_, '_>, size: usize) {
    unwrap(bencher, size, Protection::Integrity);
}

fn unwrap(bencher: Bencher<'_, '_>, size: usize, protection: Protection) {
    let (client, server) = context();
    let token = client.wrap(protection, &vec![0x5A; size]).expect("wrapped");
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| server.unwrap(black_box(&token)).expect("unwrapped"));
}

#[divan::bench(args = SIZES)]
fn mic(bencher: Bencher<'_, '_>, size: usize) {
    let (_, server) = context();
    let data = vec![0x5A; size];
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| server.mic(black_box(&data)).expect("a MIC"));
}

#[divan::bench(args = SIZES)]
fn verify(bencher: Bencher<'_, '_>, size: usize) {
    let (client, server) = context();
    let data = vec![0x5A; size];
    let mic = client.mic(&data).expect("a MIC");
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| server.verify(black_box(&data), &mic).expect("verified"));
}
