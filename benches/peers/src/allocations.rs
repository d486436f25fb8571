//! What is allocated, as the tests of `instructions` count it: those have an allocator of their own,
//! which nobody else here should be slowed down by.

use std::process::Command;

pub fn run() {
    let out = Command::new(env!("CARGO"))
        .args(["test", "-q", "--release", "--package", "instructions"])
        .args(["--test", "allocations", "--", "--nocapture"])
        .current_dir(interop::process::root())
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&out.stdout);
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.find("RATIO ").map(|at| &line[at..]))
        .collect();
    for line in &lines {
        println!("{line}");
    }
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}{errors}");
    assert!(!lines.is_empty(), "no line in {text}{errors}");
}
