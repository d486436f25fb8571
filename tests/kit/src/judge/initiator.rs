//! The other side of a library: its initiator.

use super::iov::{self, Part};
use super::{Library, Verdict, exchange, program, wire, with_parts};
use std::ffi::OsStr;
use std::io::{self, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What the initiator asks for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The service, `service@host`.
    pub target: String,
    /// Whether to negotiate with SPNEGO.
    pub spnego: bool,
    /// req_flags.
    pub flags: u32,
    /// The channel bindings' application data.
    pub bindings: Option<Vec<u8>>,
}

/// One context of a library's initiator, in a process of its own.
pub struct Initiator {
    ask: Ask,
    handle: u32,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Initiator {
    /// Starts the library with `environment` added to this process's: `KRB5_CONFIG` and
    /// `KRB5CCNAME` say whose tickets it has.
    pub fn new<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        library: Library,
        environment: impl IntoIterator<Item = (K, V)>,
        ask: Ask,
    ) -> io::Result<Self> {
        let mut child = Command::new(program()?)
            .arg(library.soname())
            .env("GSS_MECH_CONFIG", "/dev/null")
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            ask,
            handle: 0,
            child,
            to,
            from: BufReader::new(from.expect("stdout is piped")),
        })
    }

    fn send(&mut self, request: &wire::Request) -> io::Result<Verdict> {
        let to = self.to.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        exchange(to, &mut self.from, request)
    }

    /// gss_init_sec_context: `None` on the first leg, then what the acceptor answered.
    pub fn init(&mut self, token: Option<&[u8]>) -> io::Result<Verdict> {
        let verdict = self.send(&wire::Request {
            op: wire::INIT,
            handle: self.handle,
            seal: self.ask.spnego,
            flags: self.ask.flags,
            data: token.map(<[u8]>::to_vec),
            second: self.ask.bindings.clone(),
            name: Some(self.ask.target.clone().into_bytes()),
        })?;
        self.handle = verdict.handle;
        Ok(verdict)
    }

    fn message(&mut self, op: u8, data: &[u8], second: &[u8], seal: bool) -> io::Result<Verdict> {
        self.send(&wire::Request {
            op,
            handle: self.handle,
            seal,
            data: Some(data.to_vec()),
            second: Some(second.to_vec()),
            ..wire::Request::default()
        })
    }

    /// gss_wrap.
    pub fn wrap(&mut self, message: &[u8], seal: bool) -> io::Result<Verdict> {
        self.message(wire::WRAP, message, b"", seal)
    }

    /// gss_unwrap.
    pub fn unwrap(&mut self, token: &[u8]) -> io::Result<Verdict> {
        self.message(wire::UNWRAP, token, b"", false)
    }

    /// gss_get_mic.
    pub fn mic(&mut self, message: &[u8]) -> io::Result<Verdict> {
        self.message(wire::MIC, message, b"", false)
    }

    /// gss_wrap_iov: the parts as they are afterwards.
    pub fn wrap_iov(&mut self, parts: &[Part], seal: bool) -> io::Result<(Verdict, Vec<Part>)> {
        let verdict = self.message(wire::WRAP_IOV, &iov::write(parts), b"", seal)?;
        Ok(with_parts(verdict))
    }

    /// gss_unwrap_iov.
    pub fn unwrap_iov(&mut self, parts: &[Part]) -> io::Result<(Verdict, Vec<Part>)> {
        let verdict = self.message(wire::UNWRAP_IOV, &iov::write(parts), b"", false)?;
        Ok(with_parts(verdict))
    }

    /// gss_verify_mic.
    pub fn verify(&mut self, token: &[u8], message: &[u8]) -> io::Result<Verdict> {
        self.message(wire::VERIFY, token, message, false)
    }
}

impl Drop for Initiator {
    fn drop(&mut self) {
        drop(self.to.take()); // The child ends at the end of its input.
        let _ = self.child.wait();
    }
}
