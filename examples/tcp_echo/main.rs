//! Sealed messages over TCP: a handshake, then every message comes back.
//!
//! ```text
//! cargo run --example tcp_echo -- --self-test
//! ```
//!
//! A frame is its length (32 bits, big-endian) and that many bytes. First
//! each frame is a token of the handshake, until it is done; then each is a
//! wrapped message, which the server unwraps, wraps in the same way and
//! sends back. The client ends it by closing the connection.

mod args;
mod client;
mod frame;
#[path = "../shared/listen.rs"]
mod listen;
mod server;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::thread;

#[cfg(windows)]
use gss_acceptor::Credentials;
use gss_acceptor::backends::{self, Backend};
use gss_acceptor::testing::{Realm, Service};
use gss_acceptor::{AcceptorConfig, Keytab, Requirements};

use crate::args::{Command, Keys};
use crate::server::Addresses;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "echo/localhost";

fn main() -> ExitCode {
    let command = match args::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("tcp_echo: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Command::SelfTest => start_embedded("127.0.0.1:0").and_then(|(service, local, _)| {
            client::talk(&service, local)?;
            println!("All is well.");
            Ok(())
        }),
        Command::Serve { listen, keys } => match keys {
            Keys::Embedded => serve_embedded(&listen),
            Keys::Keytab(path) => Keytab::open(path)
                .map_err(|error| plain(&error))
                .and_then(|keytab| serve_on(&listen, backends::rust(keytab), Addresses::Compared)),
            Keys::System => serve_system(&listen),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tcp_echo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Messages must be protected, in order and once each; the server proves
/// itself where a client asks for that.
fn configure(backend: impl Backend + 'static) -> Result<AcceptorConfig, String> {
    let config = AcceptorConfig::builder(backend)
        .require(Requirements::REPLAY_DETECT | Requirements::SEQUENCE_DETECT)
        .request(Requirements::MUTUAL_AUTH | Requirements::CONFIDENTIALITY)
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .map_err(|error| plain(&error))?;
    println!("{}", config.describe());
    Ok(config)
}

/// What an error says, without the word for whose fault it is.
fn plain(error: &gss_acceptor::Error) -> String {
    match error.unavailability() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

type Running = (Service, SocketAddr, thread::JoinHandle<()>);

/// A realm in memory, and a server of it in a thread.
fn start_embedded(listen: &str) -> Result<Running, String> {
    let service = Realm::new(REALM).service(SERVICE);
    let service = service.map_err(|error| error.to_string())?;
    let (listener, local) = listen::bind(listen)?;
    let config = configure(backends::rust(service.keytab()))?;
    let thread = thread::spawn(move || serve(config, Addresses::Compared, &listener));
    Ok((service, local, thread))
}

fn serve_embedded(listen: &str) -> Result<(), String> {
    let (service, local, thread) = start_embedded(listen)?;
    client::talk(&service, local)?;
    println!("Serving on {local} until Ctrl-C. Its realm is in memory, so that nobody else has");
    println!("a ticket: --keytab FILE serves yours.");
    thread
        .join()
        .map_err(|_| "the server has panicked".to_owned())
}

/// With the identity that this process runs under, by Windows' own packages.
#[cfg(windows)]
fn serve_system(listen: &str) -> Result<(), String> {
    let backend = backends::windows(Credentials::SystemDefault);
    serve_on(listen, backend, Addresses::NotCompared)
}

#[cfg(not(windows))]
fn serve_system(_: &str) -> Result<(), String> {
    Err("--backend windows: this is not Windows; --keytab FILE serves your realm".into())
}

fn serve_on(
    listen: &str,
    backend: impl Backend + 'static,
    addresses: Addresses,
) -> Result<(), String> {
    let (listener, local) = listen::bind(listen)?;
    let config = configure(backend)?;
    println!("Serving on {local} until Ctrl-C.");
    serve(config, addresses, &listener)
}

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 64;

fn serve(config: AcceptorConfig, addresses: Addresses, listener: &TcpListener) -> ! {
    let busy = |_| eprintln!("{MAX_CONNECTIONS} clients are being served already");
    listen::serve(listener, MAX_CONNECTIONS, busy, move |stream| {
        let peer = match stream.peer_addr() {
            Ok(address) => address.to_string(),
            Err(_) => "a client".into(),
        };
        match server::echo(&config, addresses, stream, &peer) {
            Ok(count) => eprintln!("{peer}: gone after {count} messages"),
            Err(error) => eprintln!("{peer}: ended: {error}"),
        }
    })
}
