//! The command line.

use std::path::PathBuf;

use gss_acceptor::{Error, ServiceName};
use lexopt::{Arg, ValueExt as _};

pub const HELP: &str = "\
A web server that lets its clients in by Kerberos (HTTP Negotiate, RFC 4559),
and by NTLM if it is told to.

    cargo run --example http_server [-- OPTIONS]

Without options it needs no Kerberos realm: it makes one in memory, logs its
built-in client in, shows how that went, and serves on http://127.0.0.1:8080/.

    --listen ADDR    listen on this address, 127.0.0.1:8080 unless set
    --keytab FILE    serve a real realm, with the keys of this file
    --backend NAME   rust, unless set; or windows: the system's own security
                     packages, with the identity that this process runs under
    --service NAME   with --keytab: accept tickets for this service alone,
                     such as HTTP/web.example.com
    --delegation FILE  with --keytab: ask clients for delegated credentials,
                     and keep those of the last one in this credential cache
    --ntlm FILE      take NTLM besides, from the accounts of this file, one a line:
                     user:NT hash, or DOMAIN\\user:NT hash
    --basic KDC      with --keytab and --tls: take passwords besides, which this KDC of
                     the keytab's realm (host or host:port) checks; for this, build
                     with --features basic-kerberos
    --tls            speak HTTPS (HTTP/1.1 and HTTP/2), with a certificate made for
                     this run, and bind logins to the channel
    --tls-pem FILE   with --tls: write that certificate here, for clients to trust
    --require-binding  with --tls: let nobody in who is not bound to the channel
    --nt-hash        print the NT hash of a password that is typed in, and exit
    --self-test      log the built-in client in once, on a free port, and exit:
                     0 if all went well, else 1 and the reason
    --help           this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    SelfTest,
    NtHash,
    Serve {
        listen: String,
        realm: Box<Realm>,
        /// Accounts of NTLM.
        accounts: Option<PathBuf>,
        security: Security,
    },
}

/// What is under HTTP.
#[derive(Debug, PartialEq, Eq)]
pub enum Security {
    Plain,
    Tls {
        /// Where to write the certificate.
        pem: Option<PathBuf>,
        binding: Binding,
    },
}

/// Whether a login must be bound to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Optional,
    Required,
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
        /// Where to keep delegated credentials.
        ccache: Option<PathBuf>,
        /// Who checks passwords.
        kdc: Option<String>,
    },
    /// The operating system's, with what it has for this process.
    System,
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let (mut listen, mut keytab, mut service, mut self_test) = (None, None, None, false);
    let (mut tls, mut pem, mut binding) = (false, None, Binding::Optional);
    let (mut ccache, mut kdc) = (None, None);
    let (mut accounts, mut backend) = (None, None);
    let text = |error: lexopt::Error| error.to_string();
    let string = |parser: &mut lexopt::Parser| {
        let value = parser.value().and_then(|v| v.string());
        value.map_err(text)
    };
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("listen") => listen = Some(string(&mut parser)?),
            Arg::Long("basic") => kdc = Some(string(&mut parser)?),
            Arg::Long("nt-hash") => return Ok(Command::NtHash),
            Arg::Long("ntlm") => accounts = Some(parser.value().map_err(text)?.into()),
            Arg::Long("tls") => tls = true,
            Arg::Long("tls-pem") => pem = Some(parser.value().map_err(text)?.into()),
            Arg::Long("require-binding") => binding = Binding::Required,
            Arg::Long("backend") => backend = Some(string(&mut parser)?),
            Arg::Long("keytab") => keytab = Some(parser.value().map_err(text)?.into()),
            Arg::Long("delegation") => ccache = Some(parser.value().map_err(text)?.into()),
            Arg::Long("service") => {
                let parsed = string(&mut parser)?.parse::<ServiceName>();
                service = Some(parsed.map_err(|error| plain(&error))?);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    let other = [listen.is_some(), keytab.is_some(), service.is_some()];
    let other =
        other.contains(&true) || kdc.is_some() || ccache.is_some() || accounts.is_some() || tls;
    let other = other || backend.is_some();
    if self_test && other {
        return Err("--self-test takes no other option: it uses its own realm and port".into());
    }
    if self_test {
        return Ok(Command::SelfTest);
    }
    if kdc.is_some() && !(tls && keytab.is_some()) {
        return Err("--basic needs --keytab and --tls".into());
    }
    let system = match backend.as_deref() {
        None | Some("rust") => false,
        Some("windows") => true,
        Some(other) => return Err(format!("--backend {other}: it is rust or windows")),
    };
    let realm = match (keytab, service, ccache) {
        (None, None, None) if system && accounts.is_none() => Realm::System,
        _ if system => {
            let text = "--backend windows: the system keeps its keys and accounts; --keytab, \
                        --service, --delegation and --ntlm are not for it";
            return Err(text.into());
        }
        (None, Some(_), _) => return Err("--service needs --keytab".into()),
        (None, _, Some(_)) => return Err("--delegation needs --keytab".into()),
        (None, None, None) => Realm::Embedded,
        (Some(path), service, ccache) => Realm::Keytab {
            path,
            service,
            ccache,
            kdc,
        },
    };
    let security = match (tls, pem, binding) {
        (true, pem, binding) => Security::Tls { pem, binding },
        (false, None, Binding::Optional) => Security::Plain,
        (false, Some(_), _) => return Err("--tls-pem needs --tls".into()),
        (false, None, Binding::Required) => return Err("--require-binding needs --tls".into()),
    };
    let listen = listen.unwrap_or_else(|| "127.0.0.1:8080".into());
    Ok(Command::Serve {
        listen,
        realm: Box::new(realm),
        accounts,
        security,
    })
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
