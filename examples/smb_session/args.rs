//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, ValueExt as _};

pub const HELP: &str = "\
Enough of an SMB2 and SMB3 server that clients log in to \\\\SERVER\\IPC$, by
Kerberos or by NTLM, and that every message is signed. It has no files.

    cargo run --example smb_session [-- OPTIONS]

Without options it has one account, alice, and a realm in memory for its
built-in client, which logs in once; then it serves on 127.0.0.1:8445.

    --listen ADDR    listen on this address, 127.0.0.1:8445 unless set
    --keytab FILE    Kerberos, with the keys of this file, such as those of
                     cifs/server.example.com
    --ntlm FILE      NTLM, with the accounts of this file, one a line:
                     user:NT hash, or DOMAIN\\user:NT hash
    --computer NAME  what it calls itself in NTLM, SERVER unless set
    --self-test      let the built-in client log in once, on a free port, and
                     exit: 0 if all went well, else 1 and the reason
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
    pub keytab: Option<PathBuf>,
    pub accounts: Option<PathBuf>,
    pub computer: Option<String>,
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let text = |error: lexopt::Error| error.to_string();
    let (mut serve, mut self_test) = (Serve::default(), false);
    let string = |parser: &mut lexopt::Parser| {
        let value = parser.value().and_then(|v| v.string());
        value.map_err(text)
    };
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("listen") => serve.listen = Some(string(&mut parser)?),
            Arg::Long("computer") => serve.computer = Some(string(&mut parser)?),
            Arg::Long("keytab") => serve.keytab = Some(parser.value().map_err(text)?.into()),
            Arg::Long("ntlm") => serve.accounts = Some(parser.value().map_err(text)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if !self_test {
        return Ok(Command::Serve(serve));
    }
    if serve != Serve::default() {
        return Err("--self-test takes no other option: it uses its own realm and port".into());
    }
    Ok(Command::SelfTest)
}
