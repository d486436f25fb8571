//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, ValueExt as _};

pub const HELP: &str = "\
An LDAP server that lets its clients in by SASL, GSSAPI or GSS-SPNEGO, and
tells them who they are: the entry cn=me is all it has.

    cargo run --example ldap_bind [-- OPTIONS]

Without options it makes a realm in memory, lets its built-in client in, shows
how that went, and serves on 127.0.0.1:8389.

    --listen ADDR    listen on this address, 127.0.0.1:8389 unless set
    --keytab FILE    serve a real realm, with the keys of this file, such as
                     those of ldap/server.example.com
    --ntlm FILE      take NTLM besides, inside GSS-SPNEGO, from the accounts of
                     this file, one a line: user:NT hash
    --require-layer  let nobody in whose messages are not protected
    --self-test      let the built-in client in once, on a free port, and exit:
                     0 if all went well, else 1 and the reason
    --help           this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    SelfTest,
    Serve(Serve),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Serve {
    pub listen: Option<String>,
    /// Without one, a realm in memory.
    pub keytab: Option<PathBuf>,
    pub accounts: Option<PathBuf>,
    pub layer: Layer,
}

/// Whether messages must be protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layer {
    #[default]
    Any,
    Required,
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let text = |error: lexopt::Error| error.to_string();
    let (mut serve, mut self_test) = (Serve::default(), false);
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("require-layer") => serve.layer = Layer::Required,
            Arg::Long("listen") => {
                serve.listen = Some(parser.value().and_then(|v| v.string()).map_err(text)?);
            }
            Arg::Long("keytab") => serve.keytab = Some(parser.value().map_err(text)?.into()),
            Arg::Long("ntlm") => serve.accounts = Some(parser.value().map_err(text)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if serve.accounts.is_some() && serve.keytab.is_none() {
        return Err("--ntlm needs --keytab".into());
    }
    match (self_test, serve == Serve::default()) {
        (true, true) => Ok(Command::SelfTest),
        (true, false) => {
            Err("--self-test takes no other option: it uses its own realm and port".into())
        }
        (false, _) => Ok(Command::Serve(serve)),
    }
}
