//! SMB2 and SMB3 logins (MS-SMB2): NEGOTIATE, the SESSION_SETUP loop, signing
//! with the context's key, `IPC$`, LOGOFF.
//!
//! ```text
//! cargo run --example smb_session
//! smbclient -p 8445 //127.0.0.1/IPC$ -U 'alice%correct horse' -c logoff
//! ```
//!
//! `session.rs` is where the acceptor is; `signing.rs` is what its session key
//! is for. The rest is as much of the protocol as clients need to come and go.

mod args;
mod client;
mod connection;
mod credits;
mod header;
#[path = "../shared/listen.rs"]
mod listen;
mod negotiate;
#[path = "../shared/program.rs"]
mod program;
mod session;
mod signing;
#[cfg(test)]
mod tests;
mod transport;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use gss_acceptor::accounts::{AccountFile, MemoryAccounts, NtHash};
use gss_acceptor::testing::{Realm, Service};
use gss_acceptor::{
    AcceptorConfig, Credentials, Error, Keytab, Mechanism, Ntlm, Requirements, backends,
};

use crate::args::{Command, Serve};
use crate::connection::Server;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "cifs/localhost";
const PASSWORD: &str = "correct horse";

fn main() -> ExitCode {
    let command = args::parse(lexopt::Parser::from_env());
    program::run("smb_session", command, |command| match command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Command::SelfTest => start_embedded("127.0.0.1:0").map(|_| println!("All is well.")),
        Command::Serve(serve) => run(&serve),
    })
}

/// Kerberos, NTLM, or both.
fn configure(
    keytab: Option<Keytab>,
    ntlm: Option<Ntlm>,
) -> Result<AcceptorConfig, Box<dyn std::error::Error>> {
    let mut mechanisms = Vec::new();
    let mut credentials: Vec<Credentials> = Vec::new();
    if let Some(keytab) = keytab {
        mechanisms.push(Mechanism::Kerberos);
        credentials.push(keytab.into());
    }
    if let Some(ntlm) = ntlm {
        mechanisms.push(Mechanism::Ntlm);
        credentials.push(ntlm.into());
    }
    let mut credentials = credentials.into_iter();
    let first = credentials.next().ok_or("--keytab, --ntlm, or both")?;
    let mut backend = backends::rust(first);
    for more in credentials {
        backend = backend.and(more);
    }
    let config = AcceptorConfig::builder(backend)
        .mechanisms(&mechanisms)
        // The server proves itself where the client asks and Kerberos can.
        .request(Requirements::MUTUAL_AUTH | Requirements::EXTENDED_ERROR)
        .build()?;
    println!("{}", config.describe());
    Ok(config)
}

fn run(serve: &Serve) -> Result<(), String> {
    let listen = serve.listen.as_deref().unwrap_or("127.0.0.1:8445");
    if serve.keytab.is_none() && serve.accounts.is_none() {
        let (local, thread) = start_embedded(listen)?;
        println!("Serving on {local} until Ctrl-C. To log in:\n");
        println!(
            "  smbclient -p {} //{}/IPC$ -U 'alice%{PASSWORD}' -c logoff",
            local.port(),
            local.ip()
        );
        return thread
            .join()
            .map_err(|_| "the server has panicked".to_owned());
    }
    let read = || {
        let keytab = serve.keytab.as_ref().map(Keytab::open).transpose()?;
        let accounts = serve.accounts.as_ref().map(AccountFile::open).transpose()?;
        Ok::<_, Error>((keytab, accounts))
    };
    let (keytab, accounts) = read().map_err(|error| error.to_string())?;
    let computer = serve.computer.as_deref().unwrap_or("SERVER");
    let ntlm = accounts.map(|accounts| Ntlm::new(accounts).computer(computer));
    let config = configure(keytab, ntlm).map_err(|error| error.to_string())?;
    let (listener, local) = listen::bind(listen)?;
    println!("Serving on {local} until Ctrl-C.");
    serve_all(config, &listener)
}

/// A realm in memory, one account, a server in a thread, and one login.
fn start_embedded(listen: &str) -> Result<(SocketAddr, thread::JoinHandle<()>), String> {
    let service: Service = Realm::new(REALM)
        .service(SERVICE)
        .map_err(|error| error.to_string())?;
    let accounts = MemoryAccounts::new().user("alice", NtHash::from_password(PASSWORD));
    let config = configure(Some(service.keytab()), Some(Ntlm::new(accounts)))
        .map_err(|error| error.to_string())?;
    let (listener, local) = listen::bind(listen)?;
    let thread = thread::spawn(move || serve_all(config, &listener));
    client::talk(&service, local)?;
    Ok((local, thread))
}

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 64;

fn serve_all(config: AcceptorConfig, listener: &TcpListener) -> ! {
    let server = Arc::new(Server::new(config));
    let busy = |_| eprintln!("{MAX_CONNECTIONS} clients are being served already");
    listen::serve(listener, MAX_CONNECTIONS, busy, move |stream| {
        listen::log_end(stream, |stream, _| transport::serve(&server, stream));
    })
}
