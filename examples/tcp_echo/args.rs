//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, ValueExt as _};

pub const HELP: &str = "\
A server that authenticates its clients by Kerberos and echoes their messages,
each sealed or signed as it came.

    cargo run --example tcp_echo [-- OPTIONS]

Without options it makes a realm in memory, lets its built-in client talk to
it, shows how that went, and serves on 127.0.0.1:8081.

    --listen ADDR    listen on this address, 127.0.0.1:8081 unless set
    --keytab FILE    serve a real realm, with the keys of this file
    --backend NAME   rust, unless set; or windows: the system's own security
                     packages, with the identity that this process runs under
    --self-test      let the built-in client talk to it once, on a free port,
                     and exit: 0 if all went well, else 1 and the reason
    --help           this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    SelfTest,
    Serve { listen: String, keys: Keys },
}

/// What the server proves itself with.
#[derive(Debug, PartialEq, Eq)]
pub enum Keys {
    /// Those of a realm in memory.
    Embedded,
    /// A keytab's.
    Keytab(PathBuf),
    /// Whatever the operating system has for this process.
    System,
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let (mut listen, mut keytab, mut self_test) = (None, None, false);
    let mut backend = None;
    let text = |error: lexopt::Error| error.to_string();
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("listen") => {
                listen = Some(parser.value().and_then(|v| v.string()).map_err(text)?);
            }
            Arg::Long("backend") => {
                backend = Some(parser.value().and_then(|v| v.string()).map_err(text)?);
            }
            Arg::Long("keytab") => keytab = Some(parser.value().map_err(text)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if self_test && (listen.is_some() || keytab.is_some() || backend.is_some()) {
        return Err("--self-test takes no other option: it uses its own realm and port".into());
    }
    if self_test {
        return Ok(Command::SelfTest);
    }
    let keys = match (backend.as_deref(), keytab) {
        (None | Some("rust"), None) => Keys::Embedded,
        (None | Some("rust"), Some(path)) => Keys::Keytab(path),
        (Some("windows"), None) => Keys::System,
        (Some("windows"), Some(_)) => {
            return Err("--backend windows takes no --keytab: the system keeps its keys".into());
        }
        (Some(other), _) => return Err(format!("--backend {other}: it is rust or windows")),
    };
    let listen = listen.unwrap_or_else(|| "127.0.0.1:8081".into());
    Ok(Command::Serve { listen, keys })
}
