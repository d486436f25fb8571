//! One of several servers that share a key and a replay store: `replay_node URL KEYTAB SKEW`.
//! A token a line, in hexadecimal; answers `in`, or why not.

use gss_acceptor::{Acceptor, AcceptorConfig, Keytab, RedisReplayStore, Step, backends};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, keytab, skew] = arguments.as_slice() else {
        panic!("replay_node URL KEYTAB SKEW");
    };
    let skew = Duration::from_secs(skew.parse().expect("seconds"));
    let store = RedisReplayStore::options()
        .clock_difference(Duration::ZERO)
        .timeout(Duration::from_millis(500))
        .open(url)
        .expect("a store");
    let config = AcceptorConfig::builder(backends::rust(Keytab::open(keytab).expect("a keytab")))
        .clock_skew(skew)
        .replay_store(Arc::new(store))
        .build()
        .expect("a configuration");
    let mut output = std::io::stdout().lock();
    let mut say = |text: &str| {
        writeln!(output, "{}", text.replace('\n', " ")).expect("a reader");
        output.flush().expect("a reader");
    };
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let byte = |at| u8::from_str_radix(&line[at..at + 2], 16).expect("digits");
        let token: Vec<u8> = (0..line.len()).step_by(2).map(byte).collect();
        match Acceptor::new(&config).step(&token) {
            Ok(Step::Established { .. }) => say("in"),
            Ok(Step::Continue { .. }) => say("go on"),
            Err(failure) => say(&failure.to_string()),
        }
    }
}
