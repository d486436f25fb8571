//! A server in a process of its own. A token a line, in hexadecimal; answers `in` and who, or why
//! not.
//!
//! `node redis URL KEYTAB SKEW`: one of several that share a key and a replay store.
//! `node broker SOCKET`: one that has no key.
//! `node keys ..`, `node app ..`: those of `moved.rs`.

mod moved;

use gss_acceptor::{Acceptor, AcceptorConfig, Error, Keytab, RedisReplayStore, Step, backends};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

fn shared(url: &str, keytab: &str, skew: &str) -> Result<AcceptorConfig, Error> {
    let skew = Duration::from_secs(skew.parse().expect("seconds"));
    let store = RedisReplayStore::options()
        .clock_difference(Duration::ZERO)
        // What is slow here is the machine: a Redis that has ended says so at once.
        .timeout(Duration::from_secs(30))
        .open(url)?;
    AcceptorConfig::builder(backends::rust(Keytab::open(keytab)?))
        .clock_skew(skew)
        .replay_store(Arc::new(store))
        .build()
}

fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", text.replace('\n', " ")).expect("a reader");
    output.flush().expect("a reader");
}

fn move_about(arguments: &[&str]) {
    let mut moved = match moved::Moved::new(arguments) {
        Ok(moved) => moved,
        Err(error) => return say(&error.to_string()),
    };
    say("ready");
    for line in std::io::stdin().lock().lines() {
        say(&moved.answer(&line.expect("text")));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let config = match arguments.as_slice() {
        ["redis", url, keytab, skew] => shared(url, keytab, skew),
        ["broker", socket] => {
            backends::broker(*socket).and_then(|backend| AcceptorConfig::builder(backend).build())
        }
        ["keys" | "app", ..] => return move_about(&arguments),
        _ => panic!("node redis URL KEYTAB SKEW | node broker SOCKET | node keys .. | node app .."),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return say(&error.to_string()),
    };
    say("ready");
    // Established contexts stay, as a server's do.
    let mut contexts = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let byte = |at| u8::from_str_radix(&line[at..at + 2], 16).expect("digits");
        let token: Vec<u8> = (0..line.len()).step_by(2).map(byte).collect();
        match Acceptor::new(&config).step(&token) {
            Ok(Step::Established { context, .. }) => {
                say("in");
                contexts.push(context);
            }
            Ok(Step::Continue { .. }) => say("go on"),
            Err(failure) => say(&failure.to_string()),
        }
    }
}
