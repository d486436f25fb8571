//! Requests per second with a fresh Kerberos token in each: the layer in axum's server and the
//! example `http_server`, beside Apache with mod_auth_gssapi; and what a login adds to a request,
//! beside the accept itself.
//!
//! ```text
//! cargo run --release -p load
//! ```
//!
//! Debian's wrk has one processor, the server the other; rounds in turn, medians. Tokens are of
//! MIT's client, each used once. Every answer must be 200. Times on the processor are the
//! system's accounts of the server's threads, so what else runs on the machine counts less.
//! What a login adds is the layer's request less the same request where nobody reads its token; the
//! accept beside it is one by hand in the same server (in place), and one of thousands in a row.

mod apache;
mod process;
mod server;
mod wrk;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use interop::Kdc;
use interop::process::{packages, root, run};
use interop::python::PYTHON;

use crate::apache::{Apache, ReplayCache};
use crate::process::Process;
use crate::wrk::{Load, Result};

const ROUNDS: usize = 3;
/// Tokens of each round; every server takes the same, once.
const TOKENS: usize = 12_000;
/// As many again, for the accept by hand: its server has seen the others.
const ALL: usize = 2 * ROUNDS * TOKENS;
/// Apache takes part of them: it would be minutes.
const TOKENS_APACHE: usize = 3_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", keytab, address] => {
            server::serve(Path::new(keytab), address.parse().expect("an address"))
        }
        ["--accept", keytab, tokens] => server::accept(Path::new(keytab), Path::new(tokens)),
        [] => return bench(),
        _ => {
            eprintln!("usage: load");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What is measured.
struct Row {
    name: &'static str,
    results: Vec<Result>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        let results = Vec::new();
        Self { name, results }
    }

    fn median(&self, of: impl Fn(&Result) -> f64) -> f64 {
        median(self.results.iter().map(of).collect())
    }

    fn rate(&self) -> f64 {
        self.median(|result| result.rate)
    }

    /// Microseconds of processor for each request.
    fn cost(&self) -> f64 {
        self.median(|result| result.cpu)
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The servers, each on the first processor.
struct Servers {
    axum: Process,
    example: Process,
    apache: Apache,
    apache_forgetful: Apache,
}

impl Servers {
    fn start(kdc: &Kdc) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let keytab = kdc.keytab("HTTP");
        let example = me.with_file_name("examples").join("http_server");
        let axum = |command: &mut Command, address: SocketAddr| {
            command.arg("--serve").arg(&keytab).arg(address.to_string());
        };
        let http_server = |command: &mut Command, address: SocketAddr| {
            command.arg("--keytab").arg(&keytab);
            command.args(["--listen", &address.to_string()]);
        };
        Self {
            axum: Process::start(&me, kdc.fresh("axum.log"), axum),
            example: Process::start(&example, kdc.fresh("example.log"), http_server),
            apache: Apache::start(kdc, ReplayCache::On),
            apache_forgetful: Apache::start(kdc, ReplayCache::Off),
        }
    }
}

fn tokens(kdc: &Kdc) -> PathBuf {
    let user = kdc.alice();
    kdc.kvno(&user, "HTTP/localhost");
    let file = kdc.fresh("tokens");
    let count = ALL.to_string();
    eprintln!("making {count} tokens ...");
    run(Command::new(PYTHON)
        .arg(root().join("benches/http/tokens.py"))
        .args(["HTTP@localhost", &count])
        .arg(&file)
        .envs(user.environment(kdc)));
    file
}

fn bench() -> ExitCode {
    packages(&[
        "krb5-kdc",
        "krb5-admin-server",
        "krb5-user",
        "python3-gssapi",
        "wrk",
        "apache2",
        "libapache2-mod-auth-gssapi",
    ]);
    let kdc = Kdc::shared();
    eprintln!("building the example http_server ...");
    run(Command::new(env!("CARGO"))
        .args(["build", "-q", "--release", "--example", "http_server"])
        .current_dir(root()));
    let tokens = tokens(kdc);
    let servers = Servers::start(kdc);
    let load = |path, tokens, count| Load {
        path,
        tokens,
        from: 0,
        count,
    };
    let with_token = load("/", Some(tokens.as_path()), TOKENS);
    let few = load("/", Some(tokens.as_path()), TOKENS_APACHE);
    let open = load("/open", None, 4 * TOKENS);
    let ignored = load("/open", Some(tokens.as_path()), TOKENS);
    let mut bare = load("/bare", Some(tokens.as_path()), TOKENS);
    bare.from = ROUNDS * TOKENS;
    let mut rows = [
        (Row::new("axum, a token each"), &servers.axum, with_token),
        (Row::new("axum, no login"), &servers.axum, open),
        (
            Row::new("axum, a token nobody reads"),
            &servers.axum,
            ignored,
        ),
        (Row::new("axum, an accept by hand"), &servers.axum, bare),
        (
            Row::new("http_server, a token each"),
            &servers.example,
            with_token,
        ),
        (Row::new("Apache, a token each"), &servers.apache.0, few),
        (
            Row::new("Apache, its replay cache off"),
            &servers.apache_forgetful.0,
            few,
        ),
        (
            Row::new("Apache, no login"),
            &servers.apache.0,
            load("/open", None, TOKENS),
        ),
    ];
    for _ in 0..ROUNDS {
        for (row, server, load) in &mut rows {
            row.results.push(wrk::run(server, load));
            load.from += TOKENS;
        }
    }
    let rows = rows.map(|(row, ..)| row);
    report(
        &rows,
        server::accept_elsewhere(&kdc.keytab("HTTP"), &tokens),
    )
}

fn report(rows: &[Row; 8], accept: f64) -> ExitCode {
    println!(
        "\n{:30} {:>12} {:>16} {:>10}",
        "", "requests/s", "us of processor", "99 %, ms"
    );
    for row in rows {
        let (rate, cost) = (row.rate(), row.cost());
        let late = row.median(|result| result.late);
        println!("{:30} {rate:12.0} {cost:16.1} {late:10.1}", row.name);
    }
    println!("{:30} {:>12} {accept:16.1}", "the accept in a loop", "");
    println!();
    let [axum, _, ignored, bare, example, apache, forgetful, _] = rows;
    let login = axum.cost() - ignored.cost();
    let in_place = login / (bare.cost() - ignored.cost());
    let in_a_loop = login / accept;
    let mut met = true;
    for (name, value) in [
        ("http_server-to-apache", example.rate() / apache.rate()),
        ("axum-to-apache", axum.rate() / apache.rate()),
        (
            "axum-to-apache-without-replay-cache",
            axum.rate() / forgetful.rate(),
        ),
        ("axum-to-apache-processor", apache.cost() / axum.cost()),
    ] {
        met &= line(name, value, ">=5", value >= 5.0);
    }
    for (name, value) in [
        ("login-to-accept-in-place", in_place),
        ("login-to-accept-in-a-loop", in_a_loop),
    ] {
        met &= line(name, value, "<=1.5", value <= 1.5);
    }
    match met {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn line(name: &str, value: f64, goal: &str, met: bool) -> bool {
    let verdict = if met { "ok" } else { "short" };
    println!("RATIO {name} {value:.2} {goal} {verdict}");
    met
}
