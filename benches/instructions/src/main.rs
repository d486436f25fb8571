//! How many instructions an accept and a message take, without noise.
//!
//! ```text
//! tests/support/instructions.sh            compares with benches/instructions/baseline.txt
//! tests/support/instructions.sh --commit   writes the new numbers there
//! ```
//!
//! The program does one thing a given number of times: `instructions accept-raw 300`. Callgrind
//! counts a run with few and one with many; the difference is what the work itself takes.

use std::hint::black_box;
use std::process::ExitCode;

use gss_acceptor::testing::{ClientFlags, Realm, Service};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, EncryptionType, MemoryReplayStore, Protection, Requirements,
    Step, backends,
};

/// The most that is ever asked for: as many tokens are made each time, so that a run with more
/// work has not more to prepare.
const MOST: usize = 300;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(what), Some(count)) = (arguments.first(), arguments.get(1)) else {
        // `cargo bench` runs it without.
        println!("usage: instructions WORK COUNT; see tests/support/instructions.sh");
        return ExitCode::SUCCESS;
    };
    let count: usize = count.parse().expect("a number");
    assert!(count <= MOST, "at most {MOST}");
    match what.as_str() {
        "accept-raw" => accept(count, true, ClientFlags::BROWSER),
        "accept-spnego-mutual" => accept(
            count,
            false,
            ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH | ClientFlags::INTEGRITY,
        ),
        "wrap-64" => message(count, 64),
        "wrap-16384" => message(count, 16 << 10),
        other => panic!("no work {other}"),
    }
    ExitCode::SUCCESS
}

fn server() -> (Service, AcceptorConfig) {
    let realm = Realm::new("EXAMPLE.TEST");
    let etype = EncryptionType::AES256_CTS_HMAC_SHA1_96;
    let service = realm
        .service_with_keys("HTTP/web.example.test", 1, &[etype])
        .expect("a service");
    let config = AcceptorConfig::builder(backends::rust(realm.keytab()))
        .request(Requirements::MUTUAL_AUTH)
        .replay_store(std::sync::Arc::new(MemoryReplayStore::with_capacity(
            1 << 12,
        )))
        .build()
        .expect("a configuration");
    (service, config)
}

fn accept(count: usize, raw: bool, flags: ClientFlags) {
    let (service, config) = server();
    let mut client = service.client("alice").flags(flags);
    if raw {
        client = client.raw();
    }
    let tokens: Vec<Vec<u8>> = (0..MOST)
        .map(|_| client.token().expect("a token"))
        .collect();
    for token in &tokens[..count] {
        match Acceptor::new(&config).step(black_box(token)) {
            Ok(step @ Step::Established { .. }) => drop(black_box(step)),
            other => panic!("not established: {other:?}"),
        }
    }
}

/// Sealed in place by one end and opened in place by the other.
fn message(count: usize, size: usize) {
    let (service, config) = server();
    let (client, server): (_, Context) = service
        .client("alice")
        .flags(ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH)
        .connect(&config)
        .expect("a context");
    let token = client
        .wrap(Protection::Confidentiality, &vec![0x5A; size])
        .expect("wrapped");
    let sizes = server.sizes();
    let data = sizes.sealed_header..sizes.sealed_header + size;
    let mut sealed = vec![0x5A; data.end + sizes.sealed_trailer];
    let mut opened = token.clone();
    for _ in 0..count {
        opened.copy_from_slice(&token);
        let _ = black_box(server.unwrap_in_place(&mut opened).expect("unwrapped"));
        let range = server.wrap_in_place(Protection::Confidentiality, &mut sealed, data.clone());
        black_box(range.expect("wrapped"));
    }
}
