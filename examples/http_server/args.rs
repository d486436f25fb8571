//! The command line.

use std::path::PathBuf;

use gss_acceptor::{Error, ServiceName};
use lexopt::{Arg, ValueExt as _};

pub const HELP: &str = "\
A web server that lets its clients in by Kerberos (HTTP Negotiate, RFC 4559).

    cargo run --example http_server [-- OPTIONS]

Without options it needs no Kerberos realm: it makes one in memory, logs its
built-in client in, shows how that went, and serves on http://127.0.0.1:8080/.

    --listen ADDR    listen on this address, 127.0.0.1:8080 unless set
    --keytab FILE    serve a real realm, with the keys of this file
    --service NAME   with --keytab: accept tickets for this service alone,
                     such as HTTP/web.example.com
    --self-test      log the built-in client in once, on a free port, and exit:
                     0 if all went well, else 1 and the reason
    --help           this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    SelfTest,
    Serve { listen: String, realm: Realm },
}

/// Whose clients to serve.
#[derive(Debug, PartialEq, Eq)]
pub enum Realm {
    /// A realm in memory, with the built-in client.
    Embedded,
    /// That of a keytab.
    Keytab {
        path: PathBuf,
        service: Option<ServiceName>,
    },
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let (mut listen, mut keytab, mut service, mut self_test) = (None, None, None, false);
    let text = |error: lexopt::Error| error.to_string();
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("listen") => {
                listen = Some(parser.value().and_then(|v| v.string()).map_err(text)?);
            }
            Arg::Long("keytab") => keytab = Some(parser.value().map_err(text)?.into()),
            Arg::Long("service") => {
                let name = parser.value().and_then(|v| v.string()).map_err(text)?;
                let parsed = name.parse::<ServiceName>();
                service = Some(parsed.map_err(|error| plain(&error))?);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if self_test && (listen.is_some() || keytab.is_some() || service.is_some()) {
        return Err("--self-test takes no other option: it uses its own realm and port".into());
    }
    if self_test {
        return Ok(Command::SelfTest);
    }
    let realm = match (keytab, service) {
        (None, Some(_)) => return Err("--service needs --keytab".into()),
        (None, None) => Realm::Embedded,
        (Some(path), service) => Realm::Keytab { path, service },
    };
    let listen = listen.unwrap_or_else(|| "127.0.0.1:8080".into());
    Ok(Command::Serve { listen, realm })
}

/// What an error says, without the word for whose fault it is: on a command
/// line that is clear.
pub fn plain(error: &Error) -> String {
    match (error.unavailability(), error.misuse()) {
        (Some(cause), _) => cause.to_string(),
        (_, Some(cause)) => cause.to_string(),
        _ => error.to_string(),
    }
}
