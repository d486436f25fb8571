//! The program gss-acceptor-broker.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::process::{Folder, PATIENCE, cargo_build, target_dir, within};
use crate::stopped::until_stopped;

/// A broker of one test's, ended with it.
pub struct Daemon {
    child: Option<Child>,
    dir: Folder,
    uid: Option<u32>,
}

impl Daemon {
    /// Starts one with this keytab, and these lines of configuration besides.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(keytab: &[u8], lines: &str) -> Self {
        Self::start_as(keytab, lines, None)
    }

    /// The same as this user.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_as(keytab: &[u8], lines: &str, uid: Option<u32>) -> Self {
        let folder = Folder::new("broker");
        let dir = folder.path();
        let mode = |path: &Path, mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, mode).expect("permissions");
        };
        mode(dir, 0o755);
        let file = dir.join("keytab");
        std::fs::write(&file, keytab).expect("a keytab");
        mode(&file, 0o600);
        if let Some(uid) = uid {
            std::os::unix::fs::chown(&file, Some(uid), None).expect("root");
            std::os::unix::fs::chown(dir, Some(uid), None).expect("root");
        }
        let text = format!(
            "socket {dir}/socket\nmode 0666\nkeytab {dir}/keytab\n{lines}",
            dir = dir.display()
        );
        std::fs::write(dir.join("config"), text).expect("a configuration");
        let mut own = Self {
            child: None,
            dir: folder,
            uid,
        };
        own.restart();
        own
    }

    /// Starts it again.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        cargo_build(&[
            "-q",
            "-p",
            "gss-acceptor",
            "-p",
            "processes",
            "--bin",
            "gss-acceptor-broker",
        ]);
        let log = std::fs::File::create(self.dir.path().join("log")).expect("a log");
        let mut command = Command::new(target_dir().join("gss-acceptor-broker"));
        command
            .arg(self.dir.path().join("config"))
            .stderr(log)
            .stdin(Stdio::null());
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().expect("gss-acceptor-broker");
        let (mut listens, mut ended) = (false, None);
        within(PATIENCE, || {
            ended = child.try_wait().expect("a child");
            listens = self.log().contains("listening");
            listens || ended.is_some()
        });
        self.child = Some(child);
        let log = self.log();
        assert!(listens, "the broker does not listen: {ended:?}: {log}");
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Panics
    /// It is not there.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a broker");
        child.kill().expect("ends");
        child.wait().expect("ended");
    }

    /// Sends its process a signal by name.
    ///
    /// # Panics
    /// It is not there.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        assert!(done.expect("kill").success());
        if name == "STOP" {
            until_stopped(self.id());
        }
    }

    /// Its process.
    ///
    /// # Panics
    /// It is not there.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("a broker").id()
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// A connection to it.
    ///
    /// # Panics
    /// It is not there.
    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).expect("a broker");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// How many descriptors it has open.
    ///
    /// # Panics
    /// It is not there.
    pub fn descriptors(&self) -> usize {
        let dir = format!("/proc/{}/fd", self.id());
        std::fs::read_dir(dir).expect("a process").count()
    }

    /// How much of it is in memory, in bytes.
    ///
    /// # Panics
    /// It is not there.
    pub fn resident(&self) -> usize {
        let line = self.status("VmRSS:");
        let kilobytes = line.split_whitespace().nth(1).expect("a number");
        kilobytes.parse::<usize>().expect("a number") << 10
    }

    /// A line of its status in /proc.
    ///
    /// # Panics
    /// It is not there.
    pub fn status(&self, field: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("a process");
        let line = status.lines().find(|line| line.starts_with(field));
        line.expect("the field").to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether the memory of a process holds these bytes. Whoever asks must be root.
///
/// # Panics
/// It cannot be read.
pub fn memory_holds(process: u32, bytes: &[u8]) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("a process");
    let memory = std::fs::File::open(format!("/proc/{process}/mem")).expect("root");
    let mut read = 0;
    for line in maps
        .lines()
        .filter(|line| line.contains(" r") && !line.contains("[v"))
    {
        let (range, _) = line.split_once(' ').expect("a map");
        let (start, end) = range.split_once('-').expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("a number");
        let (start, end) = (number(start), number(end));
        let mut part = vec![0; usize::try_from(end - start).expect("it fits")];
        if memory.read_exact_at(&mut part, start).is_err() {
            continue;
        }
        read += part.len();
        if memchr::memmem::find(&part, bytes).is_some() {
            return true;
        }
    }
    assert!(read > 1 << 20, "only {read} bytes could be read");
    false
}
