//! A web server that lets its clients in by Kerberos (HTTP Negotiate, RFC
//! 4559). Try it without anything else:
//!
//! ```text
//! cargo run --example http_server
//! ```
//!
//! `negotiate.rs` is what a server of your own needs; the rest is HTTP, pages
//! and a client to try it with.

mod args;
mod client;
mod http;
#[path = "../shared/listen.rs"]
mod listen;
mod negotiate;
mod page;
mod server;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use gss_acceptor::accounts::{AccountFile, NtHash};
use gss_acceptor::testing::Realm;
use gss_acceptor::{
    AcceptorConfig, Credentials, Keytab, Mechanism, Ntlm, Requirements, ServiceName, backends,
};

use crate::args::Command;
use crate::client::Run;
use crate::page::Site;
use crate::server::Server;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "HTTP/localhost";

fn main() -> ExitCode {
    let command = match args::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("http_server: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Command::SelfTest => self_test(),
        Command::NtHash => nt_hash(),
        Command::Serve {
            listen,
            realm,
            accounts,
        } => serve(&listen, realm, accounts),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(listen: &str, realm: args::Realm, accounts: Option<PathBuf>) -> Result<(), String> {
    let plain = |error| args::plain(&error);
    let ntlm = accounts.map(AccountFile::open).transpose().map_err(plain)?;
    let ntlm = ntlm.map(Ntlm::new);
    match realm {
        args::Realm::Embedded => serve_embedded(listen, ntlm),
        args::Realm::Keytab {
            path,
            service,
            ccache,
        } => {
            let keytab = Keytab::open(path).map_err(plain)?;
            serve_keytab(listen, keytab, service, ccache, ntlm)
        }
    }
}

/// What goes into a file of accounts.
fn nt_hash() -> Result<(), String> {
    let mut password = String::new();
    let read = std::io::stdin().read_line(&mut password);
    read.map_err(|error| format!("no password: {error}"))?;
    let hash = NtHash::from_password(password.trim_end_matches(['\r', '\n']));
    let digits = hash.expose().iter().map(|byte| format!("{byte:02x}"));
    println!("{}", digits.collect::<String>());
    Ok(())
}

/// What every mode asks of its clients: integrity of whatever is exchanged
/// later is required of nobody here, since HTTP exchanges nothing more.
fn configure(
    credentials: impl Into<Credentials>,
    service: Option<ServiceName>,
    delegation: Requirements,
    ntlm: Option<Ntlm>,
) -> Result<AcceptorConfig, String> {
    let mut backend = backends::rust(credentials);
    let mut mechanisms = vec![Mechanism::Kerberos];
    if let Some(ntlm) = ntlm {
        backend = backend.and(ntlm);
        mechanisms.push(Mechanism::Ntlm);
    }
    let mut builder = AcceptorConfig::builder(backend)
        .mechanisms(&mechanisms)
        // Proves the server to clients that ask, as curl does.
        .request(Requirements::MUTUAL_AUTH)
        // Tells a client why it is not let in, as far as the protocol does.
        .request(Requirements::EXTENDED_ERROR)
        // DELEGATE or nothing: secrets that nobody asks for are not kept.
        .request(delegation);
    if let Some(service) = service {
        builder = builder.accept_service(service);
    }
    builder.build().map_err(|error| args::plain(&error))
}

/// A realm in memory, a server of it in a thread, and one login.
fn start_embedded(
    listen: &str,
    ntlm: Option<Ntlm>,
) -> Result<(Arc<Server>, thread::JoinHandle<()>), String> {
    let realm = Realm::new(REALM);
    let service = realm.service(SERVICE).map_err(|error| error.to_string())?;
    let config = configure(service.keytab(), None, Requirements::empty(), ntlm)?;
    let description = config.describe().to_string();
    let (listener, local) = listen::bind(listen)?;
    println!("{description}");
    let server = Arc::new(Server {
        config,
        site: Site::Embedded { description },
        local,
        embedded: Some(service),
        ccache: None,
    });
    let running = Arc::clone(&server);
    let thread = thread::spawn(move || running.run(&listener));
    Ok((server, thread))
}

/// Logs the built-in client in and prints how it went.
fn show_login(server: &Server) -> Result<(), String> {
    let service = server.embedded.as_ref().ok_or("no realm in memory")?;
    println!(
        "The built-in client logs in over TCP, at {} (realm {REALM}, in memory):\n",
        server.local
    );
    let run = client::log_in(service, server.local)
        .map_err(|error| format!("the built-in client did not get in: {error}"))?;
    check(&run)?;
    println!("{}", page::text_run(&run));
    Ok(())
}

/// What must have come of it.
fn check(run: &Run) -> Result<(), String> {
    let peer = format!("{}@{REALM}", client::USER);
    let target = format!("{SERVICE}@{REALM}");
    for (name, expected) in [
        ("peer", peer.as_str()),
        ("mechanism", "Kerberos"),
        ("framing", "SPNEGO"),
        ("target", &target),
    ] {
        let found = run.facts.iter().find(|fact| fact.0 == name);
        let found = found.map_or("nothing", |fact| &fact.1);
        if found != expected {
            return Err(format!(
                "the server says {found:?} of {name}, not {expected:?}"
            ));
        }
    }
    let granted = run.facts.iter().find(|fact| fact.0 == "granted");
    if !granted.is_some_and(|fact| fact.1.contains("MUTUAL_AUTH")) {
        return Err("mutual authentication was asked for and is not granted".into());
    }
    Ok(())
}

fn self_test() -> Result<(), String> {
    let (server, _) = start_embedded("127.0.0.1:0", None)?;
    show_login(&server)?;
    println!("All is well.");
    Ok(())
}

fn serve_embedded(listen: &str, ntlm: Option<Ntlm>) -> Result<(), String> {
    let (server, thread) = start_embedded(listen, ntlm)?;
    show_login(&server)?;
    let local = server.local;
    println!("Serving on http://{local}/ until Ctrl-C. To see more:");
    println!("  in a browser   http://{local}/");
    println!(
        "  with curl      {}",
        page::token_command(&local.to_string())
    );
    println!("  your realm     cargo run --example http_server -- --keytab FILE");
    thread
        .join()
        .map_err(|_| "the server has panicked".to_owned())
}

fn serve_keytab(
    listen: &str,
    keytab: Keytab,
    service: Option<ServiceName>,
    ccache: Option<PathBuf>,
    ntlm: Option<Ntlm>,
) -> Result<(), String> {
    let delegation = match ccache {
        Some(_) => Requirements::DELEGATE,
        None => Requirements::empty(),
    };
    let config = configure(keytab, service.clone(), delegation, ntlm)?;
    let described = config.describe();
    let (listener, local) = listen::bind(listen)?;
    print!("{described}");
    // Whom to name on the page: the accepted service, else the first one of
    // HTTP that the keytab has.
    let shown = described
        .principals
        .iter()
        .map(|known| &known.principal)
        .find(|principal| match &service {
            Some(service) => service.covers(principal),
            None => principal.components().next() == Some(b"HTTP"),
        });
    let shown = match (shown, described.principals.first()) {
        (Some(shown), _) => shown,
        (None, Some(first)) => {
            println!(
                "WARNING           browsers and curl want a ticket for HTTP/host, and the keytab has none"
            );
            &first.principal
        }
        (None, None) => return Err("the keytab has no key that is accepted".into()),
    };
    let realm = String::from_utf8_lossy(shown.realm()).into_owned();
    let host = shown.components().nth(1).unwrap_or(b"HOST");
    let address = format!("{}:{}", String::from_utf8_lossy(host), local.port());
    println!("\nServing on http://{local}/ until Ctrl-C. To come in with a ticket for {shown}:");
    for line in page::kinit_command(&address, &realm).lines() {
        println!("  {line}");
    }
    let site = Site::Real {
        realm,
        service: shown.to_string(),
        address,
    };
    let server = Server {
        config,
        site,
        local,
        embedded: None,
        ccache,
    };
    Arc::new(server).run(&listener)
}
