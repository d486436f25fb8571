//! What a user waits for and ships: the default features built from clean, and a server's size.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::timing::{Goal, ratio};

/// This program built as Cargo does it by itself for release: without optimisation across crates.
///
/// # Panics
/// It cannot be built.
pub fn plain() -> PathBuf {
    let target = interop::process::root().join("target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "-q", "--profile", "plain", "-p", "peers"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(interop::process::root())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo: {status}");
    target.join("plain/peers")
}

/// Runs cargo in a target directory of its own; gives the seconds that it took.
fn cargo(target: &Path, arguments: &[&str]) -> f64 {
    let began = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["build", "-q", "--release"])
        .args(arguments)
        .arg("--target-dir")
        .arg(target)
        .current_dir(interop::process::root())
        // As a user has it, not as whoever runs this.
        .env_remove("CARGO_PROFILE_RELEASE_DEBUG")
        .env_remove("CARGO_BUILD_JOBS")
        .env_remove("CARGO_INCREMENTAL")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo: {status}");
    began.elapsed().as_secs_f64()
}

pub fn run() {
    let target = std::env::temp_dir().join(format!("gss-acceptor-clean-{}", std::process::id()));
    let seconds = cargo(&target, &["--package", "gss-acceptor", "--lib"]);
    println!("cargo build --release, default features, from clean: {seconds:.1} s");
    cargo(&target, &["--example", "http_server"]);
    let server = target.join("release/examples/http_server");
    let stripped = Command::new("strip").arg(&server).status();
    assert!(stripped.expect("strip starts").success(), "strip");
    let bytes = std::fs::metadata(&server).expect("the server").len();
    let _ = std::fs::remove_dir_all(&target);
    println!("http_server, stripped: {bytes} bytes");
    ratio("build-seconds", seconds, Goal::AtMost(30.0));
    ratio("http-server-MB", bytes as f64 / 1e6, Goal::AtMost(5.0));
}
