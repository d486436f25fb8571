//! SASL in an LDAP server: GSSAPI (RFC 4752) and GSS-SPNEGO (MS-ADTS), with
//! their security layers.
//!
//! ```text
//! cargo run --example ldap_bind -- --keytab /etc/ldap.keytab
//! ldapsearch -H ldap://server.example.com:8389 -Y GSSAPI -b cn=me -s base
//! ```
//!
//! `connection.rs` is where the crate's `sasl` module is; the rest is as much
//! of LDAP as a bind and a search need.

mod args;
mod ber;
mod client;
mod connection;
mod ldap;
#[path = "../shared/listen.rs"]
mod listen;
#[path = "../shared/program.rs"]
mod program;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use gss_acceptor::accounts::AccountFile;
use gss_acceptor::sasl::{SaslServer, SecurityLayer};
use gss_acceptor::testing::{Realm, Service};
use gss_acceptor::{AcceptorConfig, Error, Keytab, Mechanism, Ntlm, Requirements, backends};

use crate::args::{Command, Layer, Serve};
use crate::connection::Connection;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "ldap/localhost";

fn main() -> ExitCode {
    let command = args::parse(lexopt::Parser::from_env());
    program::run("ldap_bind", command, |command| match command {
        Command::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Command::SelfTest => start_embedded("127.0.0.1:0").map(|_| println!("All is well.")),
        Command::Serve(serve) => run(&serve),
    })
}

fn configure(keytab: Keytab, ntlm: Option<Ntlm>, layer: Layer) -> Result<SaslServer, Error> {
    let mut backend = backends::rust(keytab);
    let mut mechanisms = vec![Mechanism::Kerberos];
    if let Some(ntlm) = ntlm {
        backend = backend.and(ntlm);
        mechanisms.push(Mechanism::Ntlm);
    }
    let config = AcceptorConfig::builder(backend)
        .mechanisms(&mechanisms)
        .request(Requirements::MUTUAL_AUTH)
        .build()?;
    println!("{}", config.describe());
    let server = SaslServer::new(&config)
        // Its own name, as RFC 4513 5.2.1.8 writes it, and nobody else's.
        .authorize(|context, name| name.strip_prefix("u:") == Some(&context.peer().to_string()));
    Ok(match layer {
        Layer::Any => server,
        Layer::Required => {
            server.layers(&[SecurityLayer::Integrity, SecurityLayer::Confidentiality])
        }
    })
}

fn run(serve: &Serve) -> Result<(), String> {
    let listen = serve.listen.as_deref().unwrap_or("127.0.0.1:8389");
    let Some(keytab) = &serve.keytab else {
        let (local, thread) = start_embedded(listen)?;
        println!("Serving on {local} until Ctrl-C. Its realm is in memory, so that nobody else");
        println!("has a ticket: --keytab FILE serves yours.");
        return thread
            .join()
            .map_err(|_| "the server has panicked".to_owned());
    };
    let server = || {
        let ntlm = serve.accounts.as_ref().map(AccountFile::open).transpose()?;
        configure(Keytab::open(keytab)?, ntlm.map(Ntlm::new), serve.layer)
    };
    let server = server().map_err(|error| error.to_string())?;
    let (listener, local) = listen::bind(listen)?;
    println!("Serving on {local} until Ctrl-C. To bind, with a ticket:\n");
    println!(
        "  ldapsearch -H ldap://HOST:{} -Y GSSAPI -b cn=me -s base",
        local.port()
    );
    serve_all(server, &listener)
}

/// A realm in memory, a server in a thread, and one bind.
fn start_embedded(listen: &str) -> Result<(SocketAddr, thread::JoinHandle<()>), String> {
    let text = |error: Error| error.to_string();
    let service: Service = Realm::new(REALM).service(SERVICE).map_err(text)?;
    let server = configure(service.keytab(), None, Layer::Any).map_err(text)?;
    let (listener, local) = listen::bind(listen)?;
    let thread = thread::spawn(move || serve_all(server, &listener));
    client::talk(&service, local)?;
    Ok((local, thread))
}

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

fn serve_all(server: SaslServer, listener: &TcpListener) -> ! {
    let busy = |_| eprintln!("{MAX_CONNECTIONS} clients are being served already");
    listen::serve(listener, MAX_CONNECTIONS, busy, move |stream| {
        listen::log_end(stream, |stream, peer| serve_one(&server, stream, peer));
    })
}

fn serve_one(
    server: &SaslServer,
    mut stream: TcpStream,
    peer: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let log = |text: &str| eprintln!("{peer}: {text}");
    let mut connection = Connection::new(server, &log);
    let mut buffer = [0; 0x4000];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        match connection.take(&buffer[..count]) {
            Ok(answer) => stream.write_all(&answer)?,
            Err(close) => return Err(close.0.into()),
        }
    }
}
