//! python3-gssapi as client: `py/client.py`, driven over pipes.

use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gss_acceptor::SequenceState;

use crate::kdc::{Kdc, User};
use crate::peer::{Ask, Lacks, Peer, Received, Sent};
use crate::process::{packages, root};

/// Debian's Python, which has Debian's python3-gssapi.
pub const PYTHON: &str = "/usr/bin/python3";

/// A script of `py`.
pub fn script(name: &str) -> PathBuf {
    packages(&["python3", "python3-gssapi"]);
    root().join("tests/interop/py").join(name)
}

/// A context of python3-gssapi's.
pub struct PythonPeer {
    name: String,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl PythonPeer {
    /// Starts the script with the tickets of `user`.
    ///
    /// # Panics
    /// It does not start.
    pub fn new(kdc: &Kdc, user: &User, ask: &Ask) -> Self {
        let bindings = ask.bindings.iter().flatten();
        let bindings: String = bindings.map(|byte| format!("{byte:02x}")).collect();
        let mut command = Command::new(PYTHON);
        command
            .arg(script("client.py"))
            .arg(&ask.target)
            .arg(if ask.spnego { "spnego" } else { "krb5" })
            .arg(ask.flags.to_string())
            .arg(bindings)
            .envs(user.environment(kdc));
        Self::start("python3-gssapi".to_owned(), &mut command)
    }

    /// Starts a script that speaks the same protocol.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(name: String, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let from = BufReader::new(from.expect("piped"));
        Self {
            name,
            child,
            to,
            from,
        }
    }

    fn ask(&mut self, op: u8, one: &[u8], two: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
        let mut request = vec![op];
        for field in [one, two] {
            request.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
            request.extend(field);
        }
        let to = self.to.as_mut().expect("not yet dropped");
        to.write_all(&request).expect("the script reads");
        let mut status = [0];
        self.from
            .read_exact(&mut status)
            .expect("the script answers");
        let (one, two) = (self.field(), self.field());
        match status[0] {
            0 => Ok((one, two)),
            _ => Err(String::from_utf8_lossy(&one).into_owned()),
        }
    }

    fn field(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).expect("a length");
        let mut field = vec![0; u32::from_be_bytes(length) as usize];
        self.from.read_exact(&mut field).expect("a field");
        field
    }
}

impl Drop for PythonPeer {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

impl Peer for PythonPeer {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let (token, done) = self.ask(b'i', token.unwrap_or_default(), b"")?;
        Ok(Sent {
            token: (!token.is_empty()).then_some(token),
            done: done == b"done",
        })
    }

    fn wrap(&mut self, data: &[u8], seal: bool) -> Result<Vec<u8>, String> {
        let op = if seal { b'W' } else { b'w' };
        Ok(self.ask(op, data, b"")?.0)
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let (data, sealed) = self.ask(b'u', token, b"")?;
        Ok(Received {
            data,
            sealed: sealed == b"sealed",
            sequence: None,
        })
    }

    fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        Ok(self.ask(b'm', data, b"")?.0)
    }

    fn verify(&mut self, data: &[u8], mic: &[u8]) -> Result<Option<SequenceState>, String> {
        self.ask(b'v', data, mic).map(|_| None)
    }

    fn lacks(&self) -> &'static [Lacks] {
        &[Lacks::Sequence]
    }
}
