//! A web server that lets its clients in by Kerberos (HTTP Negotiate, RFC
//! 4559). Try it without anything else:
//!
//! ```text
//! cargo run --example http_server
//! ```
//!
//! What a server of your own needs is the layer and the connection in
//! `server.rs`, and for HTTPS `tls.rs`; the rest is pages and a client to try it with.

mod args;
mod client;
mod facts;
mod legs;
#[path = "../shared/listen.rs"]
#[allow(dead_code)] // Its server is for the examples that have a thread for each client.
mod listen;
mod page;
#[path = "../shared/program.rs"]
mod program;
mod server;
mod tls;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use gss_acceptor::accounts::{AccountFile, NtHash};
use gss_acceptor::backends::{self, Backend};
use gss_acceptor::http::tower::NegotiateLayer;
use gss_acceptor::testing::Realm;
use gss_acceptor::{
    AcceptorConfig, ChannelBindingPolicy, ConfigBuilder, Credentials, Keytab, Mechanism, Ntlm,
    Requirements, ServiceName,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::args::{Binding, Command, Security};
use crate::client::Run;
use crate::page::Site;
use crate::server::Server;
use crate::tls::Tls;

const REALM: &str = "EXAMPLE.TEST";
const SERVICE: &str = "HTTP/localhost";

fn main() -> ExitCode {
    let command = args::parse(lexopt::Parser::from_env());
    program::run("http_server", command, |command| match command {
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
            security,
        } => serve(&listen, *realm, accounts, &security),
    })
}

fn serve(
    listen: &str,
    realm: args::Realm,
    accounts: Option<PathBuf>,
    security: &Security,
) -> Result<(), String> {
    let plain = |error| args::plain(&error);
    let ntlm = accounts.map(AccountFile::open).transpose().map_err(plain)?;
    let ntlm = ntlm.map(Ntlm::new);
    match realm {
        args::Realm::Embedded => serve_embedded(listen, ntlm, security),
        args::Realm::Keytab {
            path,
            service,
            ccache,
            kdc,
        } => {
            let keytab = Keytab::open(path).map_err(plain)?;
            let real = Real {
                keytab,
                service,
                ccache,
                kdc,
            };
            serve_keytab(listen, real, ntlm, security)
        }
        args::Realm::System => serve_system(listen, security),
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
    security: &Security,
) -> Result<AcceptorConfig, String> {
    let mut backend = backends::rust(credentials);
    let mut mechanisms = vec![Mechanism::Kerberos];
    if let Some(ntlm) = ntlm {
        backend = backend.and(ntlm);
        mechanisms.push(Mechanism::Ntlm);
    }
    let mut builder = ask(backend)
        .mechanisms(&mechanisms)
        // DELEGATE or nothing: secrets that nobody asks for are not kept.
        .request(delegation);
    if let Some(service) = service {
        builder = builder.accept_service(service);
    }
    builder = match security {
        Security::Plain => builder,
        Security::Tls {
            binding: Binding::Optional,
            ..
        } => builder.channel_bindings(ChannelBindingPolicy::WhenSent),
        Security::Tls {
            binding: Binding::Required,
            ..
        } => builder.channel_bindings(ChannelBindingPolicy::Require),
    };
    builder.build().map_err(|error| args::plain(&error))
}

/// What every backend is asked for.
fn ask(backend: impl Backend + 'static) -> ConfigBuilder {
    AcceptorConfig::builder(backend)
        // Proves the server to clients that ask, as curl does.
        .request(Requirements::MUTUAL_AUTH)
        // Tells a client why it is not let in, as far as the protocol does.
        .request(Requirements::EXTENDED_ERROR)
}

/// TLS, if there is any, for these names and this machine's.
fn secure(security: &Security, mut names: Vec<String>) -> Result<Option<Tls>, String> {
    let Security::Tls { pem, .. } = security else {
        return Ok(None);
    };
    names.extend(["localhost", "127.0.0.1", "::1"].map(String::from));
    names.sort();
    names.dedup();
    let tls = Tls::new(names)?;
    if let Some(pem) = pem {
        tls.write_pem(pem)?;
    }
    Ok(Some(tls))
}

/// Ctrl-C or a polite kill. They are heard from the call on: one that comes early must not end the
/// process in the middle of a request.
fn told_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        )
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Runs a server, and beside it what `meanwhile` does.
fn run(
    server: Server,
    listener: std::net::TcpListener,
    meanwhile: impl FnOnce(&Server) -> Result<After, String> + Send + 'static,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let runtime = Runtime::new().map_err(text)?;
    listener.set_nonblocking(true).map_err(text)?;
    runtime.block_on(async move {
        let told = told_to_stop();
        let listener = TcpListener::from_std(listener).map_err(text)?;
        let server = Arc::new(server);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(Arc::clone(&server).run(listener, async {
            let _ = stopped.await;
        }));
        let after = tokio::task::spawn_blocking(move || meanwhile(&server)).await;
        let after = after.map_err(|_| "the server has panicked".to_owned())?;
        if matches!(after, Ok(After::Serve)) {
            told.await;
        }
        let _ = stop.send(());
        running
            .await
            .map_err(|_| "the server has panicked".to_owned())?;
        after.map(drop)
    })
}

/// What becomes of the server when everything has been shown.
enum After {
    Serve,
    Stop,
}

/// A server of a realm in memory.
fn embedded(
    listen: &str,
    ntlm: Option<Ntlm>,
    security: &Security,
) -> Result<(Server, std::net::TcpListener), String> {
    let realm = Realm::new(REALM);
    let service = realm.service(SERVICE).map_err(|error| error.to_string())?;
    let none = Requirements::empty();
    let config = configure(service.keytab(), None, none, ntlm, security)?;
    let description = config.describe().to_string();
    let (listener, local) = listen::bind(listen)?;
    println!("{description}");
    let server = Server {
        layer: NegotiateLayer::new(&config),
        asks: facts::asks(&config),
        config,
        site: Site::Embedded { description },
        local,
        tls: secure(security, Vec::new())?,
        embedded: Some(service),
        ccache: None,
        legs: Arc::default(),
    };
    Ok((server, listener))
}

/// Logs the built-in client in and prints how it went.
fn show_login(server: &Server) -> Result<(), String> {
    println!(
        "The built-in client logs in over {}, at {} (realm {REALM}, in memory):\n",
        if server.tls.is_some() { "TLS" } else { "TCP" },
        server.local
    );
    let run = client::log_in(server)
        .map_err(|error| format!("the built-in client did not get in: {error}"))?;
    check(&run, server)?;
    println!("{}", page::text_run(&run));
    Ok(())
}

/// What must have come of it.
fn check(run: &Run, server: &Server) -> Result<(), String> {
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
    let bound = run.facts.iter().find(|fact| fact.0 == "bound");
    if server.tls.is_some() && !bound.is_some_and(|fact| fact.1.starts_with("yes")) {
        return Err(format!(
            "the login is not bound to the TLS channel: {bound:?}"
        ));
    }
    let granted = run.facts.iter().find(|fact| fact.0 == "granted");
    if !granted.is_some_and(|fact| fact.1.contains("MUTUAL_AUTH")) {
        return Err("mutual authentication was asked for and is not granted".into());
    }
    Ok(())
}

fn self_test() -> Result<(), String> {
    let tls = Security::Tls {
        pem: None,
        binding: Binding::Required,
    };
    for security in [Security::Plain, tls] {
        let (server, listener) = embedded("127.0.0.1:0", None, &security)?;
        run(server, listener, |server| {
            show_login(server).map(|()| After::Stop)
        })?;
    }
    println!("All is well.");
    Ok(())
}

fn serve_embedded(listen: &str, ntlm: Option<Ntlm>, security: &Security) -> Result<(), String> {
    let (server, listener) = embedded(listen, ntlm, security)?;
    run(server, listener, |server| {
        show_login(server)?;
        let scheme = if server.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let url = format!("{scheme}://{}", server.local);
        println!("Serving on {url}/ until Ctrl-C. To see more:");
        println!("  in a browser   {url}/");
        println!("  with curl      {}", page::token_command(&url));
        println!("  your realm     cargo run --example http_server -- --keytab FILE");
        Ok(After::Serve)
    })
}

/// Besides, passwords that a KDC checks.
#[cfg(feature = "basic-kerberos")]
fn with_passwords(
    layer: NegotiateLayer,
    realm: &str,
    kdc: &str,
    service: &str,
    keytab: Keytab,
) -> Result<NegotiateLayer, String> {
    use gss_acceptor::http::tower::KerberosPasswords;
    let passwords = KerberosPasswords::new(realm, [kdc], service, keytab);
    let passwords = passwords.map_err(|error| args::plain(&error))?;
    let layer = layer.password_fallback(realm, passwords);
    layer.map_err(|error| args::plain(&error))
}

#[cfg(not(feature = "basic-kerberos"))]
fn with_passwords(
    _: NegotiateLayer,
    _: &str,
    _: &str,
    _: &str,
    _: Keytab,
) -> Result<NegotiateLayer, String> {
    Err("--basic is in builds with --features basic-kerberos alone".into())
}

/// A realm with a KDC.
struct Real {
    keytab: Keytab,
    service: Option<ServiceName>,
    ccache: Option<PathBuf>,
    kdc: Option<String>,
}

fn serve_keytab(
    listen: &str,
    real: Real,
    ntlm: Option<Ntlm>,
    security: &Security,
) -> Result<(), String> {
    let Real {
        keytab,
        service,
        ccache,
        kdc,
    } = real;
    let delegation = match ccache {
        Some(_) => Requirements::DELEGATE,
        None => Requirements::empty(),
    };
    let config = configure(keytab.clone(), service.clone(), delegation, ntlm, security)?;
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
    let host = String::from_utf8_lossy(host).into_owned();
    let tls = secure(security, vec![host.clone()])?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{host}:{}", local.port());
    println!(
        "\nServing on {scheme}://{local}/ until Ctrl-C. To come in with a ticket for {shown}:"
    );
    for line in page::kinit_command(&url, &realm).lines() {
        println!("  {line}");
    }
    let mut layer = NegotiateLayer::new(&config);
    if let Some(kdc) = kdc {
        let service = format!(
            "{}/{host}",
            String::from_utf8_lossy(shown.components().next().unwrap_or(b"HTTP"))
        );
        layer = with_passwords(layer, &realm, &kdc, &service, keytab)?;
    }
    let site = Site::Real {
        realm,
        service: shown.to_string(),
        url,
    };
    let server = Server {
        layer,
        asks: facts::asks(&config),
        config,
        site,
        local,
        tls,
        embedded: None,
        ccache,
        legs: Arc::default(),
    };
    run(server, listener, |_| Ok(After::Serve))
}

/// With the identity that this process runs under, by Windows' own packages. Which names that has
/// is the directory's to know; only the newest systems tell what became of channel bindings, so
/// they are compared where a client sends them, and `--require-binding` needs such a system.
#[cfg(windows)]
fn serve_system(listen: &str, security: &Security) -> Result<(), String> {
    let policy = match security {
        Security::Tls {
            binding: Binding::Required,
            ..
        } => ChannelBindingPolicy::Require,
        _ => ChannelBindingPolicy::WhenGiven,
    };
    let config = ask(backends::windows(Credentials::SystemDefault))
        .mechanisms(&[Mechanism::Kerberos])
        .channel_bindings(policy)
        .build()
        .map_err(|error| args::plain(&error))?;
    let (listener, local) = listen::bind(listen)?;
    print!("{}", config.describe());
    let tls = secure(security, Vec::new())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    println!("\nServing on {scheme}://{local}/ until Ctrl-C, with the identity of this process.");
    let site = Site::Real {
        realm: "YOUR.REALM".into(),
        service: "HTTP/HOST".into(),
        url: format!("{scheme}://HOST:{}", local.port()),
    };
    let server = Server {
        layer: NegotiateLayer::new(&config),
        asks: facts::asks(&config),
        config,
        site,
        local,
        tls,
        embedded: None,
        ccache: None,
        legs: Arc::default(),
    };
    run(server, listener, |_| Ok(After::Serve))
}

#[cfg(not(windows))]
fn serve_system(_: &str, _: &Security) -> Result<(), String> {
    Err("--backend windows: this is not Windows; --keytab FILE serves your realm".into())
}
