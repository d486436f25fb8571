//! Steps that fail and steps that do not, at constant memory.

use crate::clock;
use conformance::bench::Bench;
use gss_acceptor::backends::{GssapiLibrary, gssapi};
use gss_acceptor::{Acceptor, AcceptorConfig, MemoryReplayStore};
use std::sync::Arc;

/// Handshakes of each kind, in each of two rounds.
const ROUND: usize = 3_000;

/// Resident memory of this process in KiB (proc(5)).
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).expect("VmRSS")
}

/// A program of its own, so that no other test's memory is counted: the test starts itself.
#[test]
fn memory_stays_constant() {
    const NAME: &str = "GSS_ACCEPTOR_MEMORY";
    if std::env::var_os(NAME).is_some() {
        return measure();
    }
    let me = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(me)
        .args(["memory::memory_stays_constant", "--nocapture"])
        .env(NAME, "1")
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    assert!(output.status.success(), "{text}");
}

fn measure() {
    let bench = Bench::new();
    clock::set(&bench.clock);
    for library in [GssapiLibrary::Mit, GssapiLibrary::Heimdal] {
        let backend = gssapi(bench.keytab()).library(library.clone());
        let config = AcceptorConfig::builder(backend)
            .replay_store(Arc::new(MemoryReplayStore::new()))
            .build()
            .expect("builds");
        let round = || {
            for number in 0..ROUND {
                let token = bench.world.ap_req().token();
                let offer = kit::spnego::InitSpec::new(&[kit::ap_req::oid::KRB5], Some(token));
                let token = offer.token();
                assert!(Acceptor::new(&config).step(&token).is_ok());
                // The same once more is a replay; one octet off does not decrypt, or parse.
                assert!(Acceptor::new(&config).step(&token).is_err());
                let mut altered = token;
                let at = number % altered.len();
                altered[at] ^= 0x10;
                drop(Acceptor::new(&config).step(&altered));
                // Heimdal 7.8 keeps some 2 KiB of each credential for SPNEGO that is released,
                // whoever acquired it.
                if library == GssapiLibrary::Mit {
                    drop(config.acquire(&bench.keytab().into()).expect("acquires"));
                }
            }
        };
        // The first round fills caches and the replay store's first entries.
        round();
        let before = resident();
        round();
        let grown = resident() - before;
        println!("{library:?}: {grown} KiB in {} steps", 3 * ROUND);
        // Entries of the replay store are all that may stay: below 100 bytes each.
        let stay = i64::try_from(ROUND * 100 / 1024).expect("small");
        assert!(grown < stay + 512, "{library:?} grew by {grown} KiB");
    }
}
