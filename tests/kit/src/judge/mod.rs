//! Other acceptors, asked what they make of a token.
//!
//! Each library runs in a child process (the `judge` binary): it is configured by the environment,
//! and two libraries that export the same symbols cannot share a process. Judges use the real
//! clock, so tokens for them are forged at the real time.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

mod initiator;
pub mod iov;
pub mod serve;
mod sys;
pub mod wire;

pub use initiator::{Ask, Initiator};
use iov::Part;

/// Which library judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// MIT krb5's libgssapi_krb5.so.2.
    Mit,
    /// Heimdal's libgssapi.so.3.
    Heimdal,
}

impl Library {
    /// The shared object's name.
    pub fn soname(self) -> &'static str {
        match self {
            Self::Mit => "libgssapi_krb5.so.2",
            Self::Heimdal => "libgssapi.so.3",
        }
    }

    /// The Debian package that has it.
    pub fn package(self) -> &'static str {
        match self {
            Self::Mit => "libgssapi-krb5-2",
            Self::Heimdal => "libgssapi3-heimdal",
        }
    }
}

/// What a verdict comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// GSS_S_COMPLETE.
    Accept,
    /// GSS_S_CONTINUE_NEEDED.
    Continue,
    /// An error.
    Reject,
}

/// What a library answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Major status.
    pub major: u32,
    /// Minor status.
    pub minor: u32,
    /// Both as text; empty after success.
    pub text: String,
    /// The token (or, from `unwrap`, the message) that came out.
    pub output_token: Option<Vec<u8>>,
    /// ret_flags; from `wrap` and `unwrap` conf_state.
    pub ret_flags: u32,
    /// The client, as gss_display_name has it.
    pub src_name: Option<Vec<u8>>,
    /// The mechanism's OID, content octets.
    pub mech: Option<Vec<u8>>,
    /// time_rec, seconds.
    pub time: u32,
    /// The context, for what comes next. 0: there is none.
    pub handle: u32,
}

impl Verdict {
    /// Accepted, rejected, or not finished.
    pub fn outcome(&self) -> Outcome {
        match self.major {
            m if m & 0xffff_0000 != 0 => Outcome::Reject,
            m if m & 1 != 0 => Outcome::Continue,
            _ => Outcome::Accept,
        }
    }
}

/// The krb5.conf of every judge.
const CONF: &str = "[libdefaults]\n default_realm = EXAMPLE.TEST\n dns_lookup_kdc = false\n \
                    dns_lookup_realm = false\n dns_canonicalize_hostname = false\n rdns = false\n";

struct Running {
    keytab: PathBuf,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// One library, ready to be asked.
pub struct Judge {
    library: Library,
    dir: PathBuf,
    running: Option<Running>,
}

impl Judge {
    /// MIT krb5.
    pub fn mit() -> io::Result<Self> {
        Self::new(Library::Mit)
    }

    /// Heimdal.
    pub fn heimdal() -> io::Result<Self> {
        Self::new(Library::Heimdal)
    }

    /// A judge with a directory of its own for configuration, keytabs and the replay cache.
    pub fn new(library: Library) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kit-judge-{}-{n}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        // Of a process of the past that had this one's number, and was killed: its replay cache.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir)?;
        std::fs::write(dir.join("krb5.conf"), CONF)?;
        let running = None;
        Ok(Self {
            library,
            dir,
            running,
        })
    }

    /// Which library this is.
    pub fn library(&self) -> Library {
        self.library
    }

    /// Adds to the library's krb5.conf, in place of what was added before: relations of
    /// `[libdefaults]`, then sections. The file is given back.
    pub fn configure(&mut self, more: &str) -> io::Result<PathBuf> {
        self.stop();
        let path = self.dir.join("krb5.conf");
        std::fs::write(&path, format!("{CONF}{more}"))?;
        Ok(path)
    }

    /// Writes a keytab into this judge's directory.
    pub fn keytab(&self, name: &str, file: &[u8]) -> io::Result<PathBuf> {
        let path = self.dir.join(name);
        std::fs::write(&path, file)?;
        Ok(path)
    }

    fn start(&mut self, keytab: &Path) -> io::Result<()> {
        if self.running.as_ref().is_some_and(|r| r.keytab == keytab) {
            return Ok(());
        }
        self.stop();
        let rcache = format!("file2:{}", self.dir.join("rcache").display());
        let mut child = Command::new(program()?)
            .arg(self.library.soname())
            .env("KRB5_CONFIG", self.dir.join("krb5.conf"))
            .env("KRB5_KTNAME", format!("FILE:{}", keytab.display()))
            .env(
                "KRB5CCNAME",
                format!("FILE:{}", self.dir.join("ccache").display()),
            )
            .env("KRB5RCACHENAME", rcache)
            .env("GSS_MECH_CONFIG", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        self.running = Some(Running {
            keytab: keytab.to_path_buf(),
            to: to.expect("stdin is piped"),
            from: BufReader::new(from.expect("stdout is piped")),
            child,
        });
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(Running { mut child, to, .. }) = self.running.take() {
            drop(to); // The child ends at the end of its input.
            let _ = child.wait();
        }
    }

    fn ask(&mut self, request: &wire::Request) -> io::Result<Verdict> {
        let running = self.running.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        match exchange(&mut running.to, &mut running.from, request) {
            Ok(verdict) => Ok(verdict),
            Err(e) => {
                self.stop();
                let package = self.library.package();
                let why = format!("{e}: is {package} installed? Did the library crash?");
                Err(io::Error::new(e.kind(), why))
            }
        }
    }

    /// The first token of a handshake.
    pub fn accept(
        &mut self,
        keytab: &Path,
        token: &[u8],
        bindings: Option<&[u8]>,
        acceptor_name: Option<&str>,
    ) -> io::Result<Verdict> {
        self.start(keytab)?;
        self.ask(&wire::Request {
            op: wire::ACCEPT,
            data: Some(token.to_vec()),
            second: bindings.map(<[u8]>::to_vec),
            name: acceptor_name.map(|n| n.as_bytes().to_vec()),
            ..wire::Request::default()
        })
    }

    /// A further token of a handshake.
    pub fn resume(&mut self, handle: u32, token: &[u8]) -> io::Result<Verdict> {
        self.message(wire::ACCEPT, handle, token, None, false)
    }

    fn message(
        &mut self,
        op: u8,
        handle: u32,
        data: &[u8],
        second: Option<&[u8]>,
        seal: bool,
    ) -> io::Result<Verdict> {
        self.ask(&wire::Request {
            op,
            handle,
            seal,
            data: Some(data.to_vec()),
            second: second.map(<[u8]>::to_vec),
            ..wire::Request::default()
        })
    }

    /// gss_wrap.
    pub fn wrap(&mut self, handle: u32, message: &[u8], seal: bool) -> io::Result<Verdict> {
        self.message(wire::WRAP, handle, message, None, seal)
    }

    /// gss_unwrap.
    pub fn unwrap(&mut self, handle: u32, token: &[u8]) -> io::Result<Verdict> {
        self.message(wire::UNWRAP, handle, token, None, false)
    }

    /// gss_get_mic.
    pub fn mic(&mut self, handle: u32, message: &[u8]) -> io::Result<Verdict> {
        self.message(wire::MIC, handle, message, None, false)
    }

    /// gss_verify_mic.
    pub fn verify(&mut self, handle: u32, token: &[u8], message: &[u8]) -> io::Result<Verdict> {
        self.message(wire::VERIFY, handle, token, Some(message), false)
    }

    /// gss_wrap_iov: the parts as they are afterwards.
    pub fn wrap_iov(
        &mut self,
        handle: u32,
        parts: &[Part],
        seal: bool,
    ) -> io::Result<(Verdict, Vec<Part>)> {
        let verdict = self.message(wire::WRAP_IOV, handle, &iov::write(parts), None, seal)?;
        Ok(with_parts(verdict))
    }

    /// gss_unwrap_iov.
    pub fn unwrap_iov(&mut self, handle: u32, parts: &[Part]) -> io::Result<(Verdict, Vec<Part>)> {
        let verdict = self.message(wire::UNWRAP_IOV, handle, &iov::write(parts), None, false)?;
        Ok(with_parts(verdict))
    }

    /// gss_delete_sec_context.
    pub fn forget(&mut self, handle: u32) -> io::Result<Verdict> {
        self.message(wire::FORGET, handle, b"", None, false)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The parts that came with a verdict.
fn with_parts(mut verdict: Verdict) -> (Verdict, Vec<Part>) {
    let parts = iov::read(&verdict.output_token.take().unwrap_or_default());
    (verdict, parts)
}

/// One request and its answer.
fn exchange(
    to: &mut ChildStdin,
    from: &mut BufReader<ChildStdout>,
    request: &wire::Request,
) -> io::Result<Verdict> {
    wire::write(to, &request.fields())?;
    let answer = wire::read(from)?;
    wire::verdict(answer.ok_or(io::ErrorKind::UnexpectedEof)?)
}

/// The `judge` binary: `$KIT_JUDGE`, or beside the running program or in a folder above it.
fn program() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("KIT_JUDGE") {
        return Ok(path.into());
    }
    let me = std::env::current_exe()?;
    let found = me
        .ancestors()
        .skip(1)
        .take(3)
        .map(|d| d.join("judge"))
        .find(|p| p.is_file());
    found.ok_or_else(|| {
        let text =
            "no `judge` beside this program: run `cargo build -p kit --bins`, or set KIT_JUDGE";
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}
