//! System calls: what `strace` counts of many accepts, less what it counts of few.

use std::process::{Command, Stdio};

use gss_acceptor::testing::ClientFlags;
use gss_acceptor::{Acceptor, Step};

use crate::scale;
use crate::timing::{Goal, ratio};

const FEW: usize = 500;
const MANY: usize = 6500;

/// Accepts as many as the environment says, of tokens that are as many in any case.
pub fn child() {
    let count: usize = std::env::var("ACCEPTS")
        .expect("the parent says how many")
        .parse()
        .expect("a number");
    let (realm, service) = scale::services(1);
    let config = scale::config(&realm, scale::empty());
    let client = service
        .client("alice")
        .flags(ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH);
    let tokens: Vec<_> = (0..MANY)
        .map(|_| client.token().expect("a token"))
        .collect();
    for token in &tokens[..count] {
        match Acceptor::new(&config).step(token) {
            Ok(Step::Established { .. }) => {}
            other => panic!("not established: {other:?}"),
        }
    }
}

/// How many system calls a process makes with this many accepts.
fn calls(count: usize) -> f64 {
    let me = std::env::current_exe().expect("this program has a path");
    let summary = std::env::temp_dir().join(format!("gss-acceptor-strace-{}", std::process::id()));
    let status = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(&summary)
        .arg(me)
        .args(["--child", "accepts"])
        .env("ACCEPTS", count.to_string())
        .stdout(Stdio::null())
        .status()
        .expect("strace starts");
    assert!(status.success(), "strace: {status}");
    let text = std::fs::read_to_string(&summary).expect("strace's summary");
    let _ = std::fs::remove_file(&summary);
    // "100.00    0.001000           1       999         3 total"
    let total = text.lines().find(|line| line.ends_with("total"));
    let total = total.unwrap_or_else(|| panic!("no total in {text}"));
    let number = total.split_whitespace().nth(3).and_then(|n| n.parse().ok());
    number.unwrap_or_else(|| panic!("no number of calls in {total}"))
}

/// The table of one line. What remains is the memory that the replay store grows by, and the
/// generator of random numbers, which takes a new seed every 64 KiB.
pub fn run() {
    let (few, many) = (calls(FEW), calls(MANY));
    let each = (many - few) / (MANY - FEW) as f64;
    println!("system calls: {few} with {FEW} accepts, {many} with {MANY}");
    ratio("system-calls-an-accept", each, Goal::AtMost(0.01));
}
