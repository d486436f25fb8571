//! Keys in one process, the network in another: a broker that runs as root and
//! has a keytab that nobody else can read, and a web server that runs as
//! `nobody` and lets clients in all the same.
//!
//! ```text
//! privsep broker SOCKET KEYTAB UID     holds the keytab, for the service HTTP of this user
//! privsep serve SOCKET ADDRESS         a web server without a key
//! privsep --self-test                  both, and a client (as root, to become nobody)
//! ```
//!
//! ```text
//! # mkdir -p /run/privsep && chmod 711 /run/privsep
//! # privsep broker /run/privsep/socket /etc/http.keytab 65534 &
//! # setpriv --reuid 65534 --regid 65534 --clear-groups privsep serve /run/privsep/socket 127.0.0.1:8080 &
//! $ curl --negotiate -u : http://localhost:8080/
//! ```
//!
//! In earnest the broker is the program `gss-acceptor-broker`.

mod http;
mod self_test;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::thread;

use gss_acceptor::broker::Broker;
use gss_acceptor::{Acceptor, AcceptorConfig, Keytab, Step, backends};

type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["broker", socket, keytab, uid] => broker(socket, keytab, uid),
        ["serve", socket, address] => serve(socket, address),
        ["--self-test"] => self_test::run(),
        _ => Err("privsep broker SOCKET KEYTAB UID | serve SOCKET ADDRESS | --self-test".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("privsep: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The process with the keys. It never sees a client's request.
fn broker(socket: &str, keytab: &str, uid: &str) -> Result<(), Failed> {
    let keytab = Keytab::open(keytab)?;
    let broker = Broker::new(move || AcceptorConfig::builder(backends::rust(keytab.clone())))
        .allow(uid.parse()?, &["HTTP".parse()?])
        .build()?;
    eprint!("{}", broker.describe());
    let listener = UnixListener::bind(socket)?;
    // Who may connect is here a matter of the directory; the broker asks the
    // kernel who it is.
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666))?;
    let running = broker.serve(listener)?;
    println!("listening");
    running.wait();
    Ok(())
}

/// The process with the network. It never sees a key.
fn serve(socket: &str, address: &str) -> Result<(), Failed> {
    let config = AcceptorConfig::builder(backends::broker(socket)?).build()?;
    let listener = TcpListener::bind(address)?;
    println!("listening");
    for stream in listener.incoming() {
        let (config, stream) = (config.clone(), stream?);
        thread::spawn(move || {
            if let Err(error) = answer(&config, &stream) {
                eprintln!("a client: {error}");
            }
        });
    }
    Ok(())
}

/// One connection: tokens back and forth until the client is in or is not.
fn answer(config: &AcceptorConfig, stream: &TcpStream) -> Result<(), Failed> {
    let mut acceptor = Acceptor::new(config);
    let mut requests = http::Requests::new(stream)?;
    while let Some(token) = requests.next()? {
        let Some(token) = token else {
            requests.reply(401, Some(&[]), "Who are you?\n")?;
            continue;
        };
        match acceptor.step(&token) {
            Ok(Step::Continue { token }) => requests.reply(401, Some(&token), "Go on.\n")?,
            Ok(Step::Established { token, context }) => {
                let text = format!("Hello, {}.\n", context.peer());
                requests.reply(200, token.as_deref(), &text)?;
                // The context is this process's own, and needs no broker.
                acceptor = Acceptor::new(config);
            }
            Err(failure) => {
                eprintln!("a client: {failure}");
                requests.reply(401, failure.token(), "You are not let in.\n")?;
                return Ok(());
            }
        }
    }
    Ok(())
}
