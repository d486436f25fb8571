//! Steps that fail and steps that do not, at constant memory.

use crate::clock;
use conformance::bench::Bench;
use gss_acceptor::backends::{GssapiLibrary, gssapi};
use gss_acceptor::{Acceptor, AcceptorConfig, Framing, MemoryReplayStore, ReplayStore};
use kit::spnego::InitSpec;
use std::sync::Arc;

/// Handshakes of each kind, in each of two rounds, unless `GSS_ACCEPTOR_MEMORY_ROUND` says
/// otherwise: 166 667 makes a million steps in each row.
const ROUND: usize = 3_000;

fn round() -> usize {
    match std::env::var("GSS_ACCEPTOR_MEMORY_ROUND") {
        Ok(round) => round.parse().expect("a number"),
        Err(_) => ROUND,
    }
}

/// Resident memory of this process in KiB (proc(5)), without what is in files: that comes and goes
/// with what else the machine needs its memory for.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).expect("RssAnon")
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
    let count = round();
    let bench = Bench::new();
    clock::set(&bench.clock);
    for (library, framing) in [
        (GssapiLibrary::Mit, Framing::Spnego),
        (GssapiLibrary::Heimdal, Framing::Raw),
        (GssapiLibrary::Heimdal, Framing::Spnego),
    ] {
        let backend = gssapi(bench.keytab()).library(library.clone());
        let store = Arc::new(MemoryReplayStore::new());
        let config = AcceptorConfig::builder(backend)
            .replay_store(Arc::clone(&store) as Arc<dyn ReplayStore>)
            .build()
            .expect("builds");
        let round = || {
            for number in 0..count {
                let token = bench.world.ap_req().token();
                let token = match framing {
                    Framing::Raw => token,
                    _ => InitSpec::new(&[kit::ap_req::oid::KRB5], Some(token)).token(),
                };
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
        let kept = || i64::try_from(store.memory() / 1024).expect("small");
        let before = resident() - kept();
        round();
        let grown = resident() - kept() - before;
        println!("{library:?}, {framing}: {grown} KiB in {} steps", 3 * count);
        // What the store remembers is all that may stay. Heimdal 7.8 keeps the object identifier
        // that was chosen (gss_duplicate_oid) of each handshake in SPNEGO that fails later.
        let lost = match (&library, framing) {
            (GssapiLibrary::Heimdal, Framing::Spnego) => i64::try_from(count * 64 / 1024),
            _ => Ok(0),
        };
        let most = 1024 + lost.expect("small");
        assert!(grown < most, "{library:?}, {framing}: grew by {grown} KiB");
    }
}
