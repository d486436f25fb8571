//! Debian's wrk, on the second processor.

use std::path::Path;
use std::process::{Command, Stdio};

use interop::process::root;

use crate::process::Process;

const CONNECTIONS: usize = 32;

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    pub path: &'static str,
    /// The file of tokens, and the first line to take.
    pub tokens: Option<&'a Path>,
    pub from: usize,
    pub count: usize,
}

/// What came of it.
pub struct Result {
    /// Requests per second.
    pub rate: f64,
    /// Microseconds of the server's processor for each.
    pub cpu: f64,
    /// How much of their processors the server and wrk have used, of 1.
    pub busy: [f64; 2],
    /// The 99th percentile of the time to an answer, in milliseconds.
    pub late: f64,
}

/// # Panics
/// An answer is not 200, or not all requests have been answered.
pub fn run(server: &Process, load: &Load<'_>) -> Result {
    let before = server.cpu();
    let mut wrk = Command::new("taskset");
    wrk.args([
        "-c",
        "1",
        "wrk",
        "-t",
        "1",
        "-d",
        "600",
        "--timeout",
        "30",
        "-c",
    ])
    .arg(CONNECTIONS.to_string())
    .args(["-H", "Accept: text/plain", "-s"])
    .arg(root().join("benches/http/wrk.lua"))
    .arg(format!("http://{}/", server.address))
    .args(["--", load.path])
    .arg(load.tokens.unwrap_or(Path::new("-")))
    .args([load.from.to_string(), load.count.to_string()])
    .stderr(Stdio::inherit());
    let output = wrk.output().expect("wrk");
    let used = server.cpu() - before;
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.unwrap_or_else(|| panic!("wrk: {said}\n{}", server.log()));
    let numbers: Vec<f64> = line
        .split(' ')
        .map(|n| n.parse().expect("numbers"))
        .collect();
    let [answered, seconds, client, ref errors @ .., late] = numbers[..] else {
        panic!("wrk: {line}");
    };
    // wrk keeps the first one to itself; what is under way at the end is not waited for.
    let missing = load.count as f64 - answered;
    assert!(
        errors.iter().all(|count| *count == 0.0) && missing <= 2.0 + CONNECTIONS as f64,
        "{}: {errors:?} (no success; broken at connect, read, write; late), {missing} are missing\n{}",
        load.path,
        server.log()
    );
    Result {
        rate: answered / seconds,
        cpu: used / answered * 1e6,
        busy: [used / seconds, client / seconds],
        late: late / 1e3,
    }
}
