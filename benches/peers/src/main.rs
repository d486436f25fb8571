//! What an accept and a message cost: here, in MIT krb5, Heimdal and the `krb5` crate, and in the
//! primitives alone.
//!
//! ```text
//! cargo run --release -p peers -- accept|accept-plain|facade|wrap|ntlm|scale|syscalls|allocations|build|all
//! ```
//!
//! `peers -- all | peers -- readme` writes the tables of README.md.
//!
//! Everything runs in one thread of one process per table, round by round in turn; the medians
//! are printed, and a line `RATIO name value goal ok|short` for each goal. Tokens are MIT's
//! client's, fresh, with tickets of a KDC that is started here. Nothing is switched off in what
//! is measured: the conformance suite runs on the same build.

mod accept;
mod allocations;
mod clean;
mod facade;
mod floor;
mod gss;
mod krb5_lane;
mod ntlm;
mod pac;
mod readme;
mod scale;
mod sspi_lane;
mod syscalls;
mod timing;
mod wrap;

use std::process::{Command, ExitCode};

use interop::Kdc;

/// The packages of Debian that the others are in.
const PACKAGES: [&str; 8] = [
    "krb5-kdc",
    "krb5-admin-server",
    "krb5-user",
    "libgssapi-krb5-2",
    "libgssapi3-heimdal",
    "gss-ntlmssp",
    "strace",
    "binutils",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--child", table] => {
            run(table);
            match timing::short() {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        ["readme"] => {
            readme::run();
            ExitCode::SUCCESS
        }
        ["accept"] => tables(&[
            "accept-raw",
            "accept-spnego",
            "accept-ad",
            "accept-pac",
            "accept-plain",
        ]),
        ["facade"] => tables(&["facade", "facade-threads"]),
        ["wrap"] => tables(&["wrap"]),
        [table @ ("ntlm" | "scale" | "syscalls" | "allocations" | "build")] => tables(&[table]),
        ["all"] => tables(&[
            "accept-raw",
            "accept-spnego",
            "accept-ad",
            "accept-pac",
            "accept-plain",
            "facade",
            "facade-threads",
            "wrap",
            "ntlm",
            "scale",
            "syscalls",
            "allocations",
            "build",
        ]),
        [
            table @ ("accept-raw" | "accept-spnego" | "accept-ad" | "accept-pac" | "accept-plain"
            | "facade-threads" | "threads" | "profile"),
        ] => tables(&[table]),
        _ => {
            eprintln!(
                "usage: peers accept|accept-plain|facade|wrap|ntlm|scale|syscalls|allocations|build|all|readme"
            );
            ExitCode::from(2)
        }
    }
}

fn run(table: &str) {
    match table {
        "accept-raw" => accept::raw("raw", ""),
        "accept-plain" => accept::raw("plain", " as Cargo builds by itself,"),
        "accept-ad" => pac::spnego(),
        "accept-pac" => pac::run(),
        "accept-spnego" => accept::spnego(),
        "profile" => accept::profile(),
        "facade" => facade::run(),
        "facade-threads" => facade::threads(),
        "wrap" => wrap::run(),
        "ntlm" => ntlm::run(),
        "scale" => scale::run(),
        "threads" => scale::threads(),
        "syscalls" => syscalls::run(),
        "accepts" => syscalls::child(),
        "allocations" => allocations::run(),
        "build" => clean::run(),
        other => panic!("no table {other}"),
    }
}

/// Each table in a process of its own, whose environment the C libraries read.
fn tables(names: &[&str]) -> ExitCode {
    interop::process::packages(&PACKAGES);
    let kdc = Kdc::shared();
    let alice = kdc.alice();
    kdc.kvno(&alice, "HTTP/localhost");
    // Of a domain whose KDC is not here.
    let domain = kdc.fresh("domain.keytab");
    std::fs::write(&domain, pac::keytab()).expect("a keytab");
    let mut all_met = true;
    for name in names {
        let me = match *name {
            "accept-plain" => clean::plain(),
            _ => std::env::current_exe().expect("this program has a path"),
        };
        // One processor for all of it, unless there are threads to compare.
        let mut command = match *name {
            "scale" | "threads" | "facade-threads" | "syscalls" | "allocations" | "build" => {
                Command::new(me)
            }
            "profile" if std::env::var_os("PROFILER").is_some() => {
                let mut profiled = Command::new("perf");
                profiled.args(["record", "-o", "/tmp/peers.perf"]).arg(me);
                profiled
            }
            _ => {
                let mut pinned = Command::new("taskset");
                pinned.args(["-c", "1"]).arg(me);
                pinned
            }
        };
        command
            .args(["--child", name])
            .envs(alice.environment(kdc))
            .env("KRB5_KTNAME", kdc.keytab("HTTP"));
        if *name == "ntlm" {
            command.envs(interop::ntlm::gss_ntlmssp());
        }
        if matches!(*name, "accept-ad" | "accept-pac") {
            command.env("KRB5_KTNAME", &domain);
        }
        if matches!(*name, "accept-raw" | "accept-plain" | "accept-pac") {
            // As it is fastest: with its replay cache off. Ours is on.
            command.env("KRB5RCACHENAME", "none:");
        } else {
            let mut cache = std::ffi::OsString::from("file2:");
            cache.push(kdc.fresh("rcache"));
            command.env("KRB5RCACHENAME", cache);
        }
        all_met &= command.status().expect("this program starts").success();
    }
    match all_met {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
