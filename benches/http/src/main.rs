//! Requests per second with a fresh Kerberos token in each: the layer in axum's server and the
//! example `http_server`, beside Apache with mod_auth_gssapi; and what a login adds to a request,
//! beside the accept itself.
//!
//! ```text
//! cargo run --release -p load                     all of it; minutes, on a machine that does nothing else
//! cargo run --release -p load -- --rounds 1       less of it
//! cargo run --release -p load -- --axum           without the others, without a goal for them
//! ```
//!
//! Debian's wrk has one processor, the server the other; rounds in turn, medians. Tokens are of
//! MIT's client, each used once. Every answer must be 200. Beside each rate stands how busy the two
//! processors were: requests per second are a server's where its own is the one that had no rest, and
//! wrk's where it was wrk. Times on the processor are the system's accounts of the server's threads, so
//! what else runs on the machine counts less.
//! What a login adds is the layer's request less the same request where nobody reads its token; the
//! accept beside it is one by hand in the same server (in place), and one of thousands in a row.

mod apache;
mod calls;
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

/// Unless `--rounds` says otherwise.
const ROUNDS: usize = 3;
/// Tokens of each round; every server takes the same, once.
const TOKENS: usize = 12_000;
/// Apache takes part of them: it would be minutes.
const TOKENS_APACHE: usize = 3_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve", keytab, address] => {
            server::serve(Path::new(keytab), address.parse().expect("an address"))
        }
        ["--calls", what, count] => calls::call(what, count.parse().expect("a number")),
        ["--accept", keytab, tokens] => server::accept(Path::new(keytab), Path::new(tokens)),
        ref options => return options_of(options).map_or_else(usage, bench),
    }
    ExitCode::SUCCESS
}

#[derive(Clone, Copy)]
struct Options {
    rounds: usize,
    servers: Which,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Axum,
}

fn options_of(mut arguments: &[&str]) -> Option<Options> {
    let mut options = Options {
        rounds: ROUNDS,
        servers: Which::All,
    };
    loop {
        (arguments, options) = match arguments {
            [] => return Some(options),
            ["--axum", rest @ ..] => {
                let servers = Which::Axum;
                (rest, Options { servers, ..options })
            }
            ["--rounds", count, rest @ ..] => {
                let rounds = count.parse().ok().filter(|count| *count > 0)?;
                (rest, Options { rounds, ..options })
            }
            _ => return None,
        };
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: load [--rounds COUNT] [--axum]");
    ExitCode::from(2)
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

/// The servers beside axum's, each on the first processor.
struct Others {
    example: Process,
    apache: Apache,
    apache_forgetful: Apache,
}

fn start_axum(kdc: &Kdc) -> Process {
    let me = std::env::current_exe().expect("this program has a path");
    let keytab = kdc.keytab("HTTP");
    Process::start(&me, kdc.fresh("axum.log"), |command, address| {
        command.arg("--serve").arg(keytab).arg(address.to_string());
    })
}

impl Others {
    fn start(kdc: &Kdc) -> Self {
        packages(&["apache2", "libapache2-mod-auth-gssapi"]);
        eprintln!("building the example http_server ...");
        run(Command::new(env!("CARGO"))
            .args(["build", "-q", "--release", "--example", "http_server"])
            .current_dir(root()));
        let me = std::env::current_exe().expect("this program has a path");
        let example = me.with_file_name("examples").join("http_server");
        let http_server = |command: &mut Command, address: SocketAddr| {
            command.arg("--keytab").arg(kdc.keytab("HTTP"));
            command.args(["--listen", &address.to_string()]);
        };
        Self {
            example: Process::start(&example, kdc.fresh("example.log"), http_server),
            apache: Apache::start(kdc, ReplayCache::On),
            apache_forgetful: Apache::start(kdc, ReplayCache::Off),
        }
    }
}

fn tokens(kdc: &Kdc, count: usize) -> PathBuf {
    let user = kdc.alice();
    kdc.kvno(&user, "HTTP/localhost");
    let file = kdc.fresh("tokens");
    let count = count.to_string();
    eprintln!("making {count} tokens ...");
    run(Command::new(PYTHON)
        .arg(root().join("benches/http/tokens.py"))
        .args(["HTTP@localhost", &count])
        .arg(&file)
        .envs(user.environment(kdc)));
    file
}

/// A server, and what it is asked for.
type Lane<'a> = (Row, &'a Process, Load<'a>);

fn bench(options: Options) -> ExitCode {
    packages(&[
        "krb5-kdc",
        "krb5-admin-server",
        "krb5-user",
        "python3-gssapi",
        "wrk",
    ]);
    let kdc = Kdc::shared();
    let beside = (options.servers == Which::All).then(|| Others::start(kdc));
    let each = options.rounds * TOKENS;
    // As many again, for the accept by hand: its server has seen the others.
    let tokens = tokens(kdc, 2 * each);
    let server = start_axum(kdc);
    let mut lanes = axum(&server, &tokens, each);
    if let Some(beside) = &beside {
        lanes.extend(others(beside, &tokens));
    }
    for _ in 0..options.rounds {
        for (row, server, load) in &mut lanes {
            row.results.push(wrk::run(server, load));
            load.from += TOKENS;
        }
    }
    let rows: Vec<Row> = lanes.into_iter().map(|(row, ..)| row).collect();
    let accept = server::accept_elsewhere(&kdc.keytab("HTTP"), &tokens);
    table(&rows, accept);
    let [login, _, ignored, bare, rest @ ..] = &rows[..] else {
        panic!("there are more rows");
    };
    let mut met = login_ratios(login, ignored, bare, accept);
    if let [example, apache, forgetful, _] = rest {
        met &= apache_ratios(login, example, apache, forgetful);
    }
    match met {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn load<'a>(path: &'static str, tokens: Option<&'a Path>, count: usize) -> Load<'a> {
    Load {
        path,
        tokens,
        from: 0,
        count,
    }
}

/// With the layer, and without.
fn axum<'a>(server: &'a Process, tokens: &'a Path, each: usize) -> Vec<Lane<'a>> {
    let tokens = Some(tokens);
    let mut bare = load("/bare", tokens, TOKENS);
    bare.from = each;
    [
        ("axum, a token each", load("/", tokens, TOKENS)),
        ("axum, no login", load("/open", None, 4 * TOKENS)),
        ("axum, a token nobody reads", load("/open", tokens, TOKENS)),
        ("axum, an accept by hand", bare),
    ]
    .map(|(name, load)| (Row::new(name), server, load))
    .into()
}

fn others<'a>(servers: &'a Others, tokens: &'a Path) -> [Lane<'a>; 4] {
    let (apache, forgetful) = (&servers.apache.0, &servers.apache_forgetful.0);
    let few = load("/", Some(tokens), TOKENS_APACHE);
    [
        (
            "http_server, a token each",
            &servers.example,
            load("/", Some(tokens), TOKENS),
        ),
        ("Apache, a token each", apache, few),
        ("Apache, its replay cache off", forgetful, few),
        ("Apache, no login", apache, load("/open", None, TOKENS)),
    ]
    .map(|(name, server, load)| (Row::new(name), server, load))
}

fn table(rows: &[Row], accept: f64) {
    println!(
        "\n{:30} {:>12} {:>16} {:>10} {:>10} {:>10}",
        "", "requests/s", "us of processor", "99 %, ms", "busy, %", "wrk, %"
    );
    for row in rows {
        let (rate, cost) = (row.rate(), row.cost());
        let late = row.median(|result| result.late);
        let [server, client] = [0, 1].map(|at| 100.0 * row.median(|result| result.busy[at]));
        println!(
            "{:30} {rate:12.0} {cost:16.1} {late:10.1} {server:10.0} {client:10.0}",
            row.name
        );
    }
    println!("{:30} {:>12} {accept:16.1}\n", "the accept in a loop", "");
}

fn login_ratios(login: &Row, ignored: &Row, bare: &Row, accept: f64) -> bool {
    let added = login.cost() - ignored.cost();
    let in_place = added / (bare.cost() - ignored.cost());
    // No goal: a loop has the processor's caches to itself, which no server's request has.
    println!("login-to-accept-in-a-loop {:.2}", added / accept);
    let met = in_place <= 1.5;
    line("login-to-accept-in-place", in_place, "<=1.5", met)
}

fn apache_ratios(axum: &Row, example: &Row, apache: &Row, forgetful: &Row) -> bool {
    let mut met = true;
    for (name, value) in [
        ("axum-to-apache", axum.rate() / apache.rate()),
        (
            "axum-to-apache-without-replay-cache",
            axum.rate() / forgetful.rate(),
        ),
        ("axum-to-apache-processor", apache.cost() / axum.cost()),
        ("http_server-to-apache", example.rate() / apache.rate()),
    ] {
        met &= line(name, value, ">=5", value >= 5.0);
    }
    met
}

fn line(name: &str, value: f64, goal: &str, met: bool) -> bool {
    let verdict = if met { "ok" } else { "short" };
    println!("RATIO {name} {value:.2} {goal} {verdict}");
    met
}
