//! Programs: run to the end, built by cargo, or served from.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of `tests/support`.
pub fn support(name: &str) -> PathBuf {
    root().join("tests/support").join(name)
}

/// Runs a program to its end.
///
/// # Panics
/// It does not start, or does not end with 0: its output says why.
pub fn run(command: &mut Command) -> Output {
    let shown = format!("{command:?}");
    let output = command.output().unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert!(
        output.status.success(),
        "{shown}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Installs Debian packages that are not there yet.
///
/// # Panics
/// They cannot be installed: a test that needs them cannot run.
pub fn packages(names: &[&str]) {
    run(Command::new(support("apt.sh")).args(names));
}

/// Where cargo puts this build's programs: this test is in `DIR/deps`.
pub fn target_dir() -> PathBuf {
    let me = std::env::current_exe().expect("this program has a path");
    let deps = me.parent().expect("in a folder");
    deps.parent()
        .expect("in the profile's folder")
        .to_path_buf()
}

/// Builds with the cargo that built this test, into the same folder. With `INTEROP_BUILT` the
/// caller has built everything just before (`tests/run`).
///
/// # Panics
/// It does not build.
pub fn cargo_build(arguments: &[&str]) {
    if std::env::var_os("INTEROP_BUILT").is_some() {
        return;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = target_dir();
    let target = target.parent().expect("the target folder");
    run(Command::new(cargo)
        .arg("build")
        .args(arguments)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target));
}

/// The kit's `judge`, built once for this process.
pub fn judge_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            cargo_build(&["-q", "-p", "kit", "--bin", "judge"]);
            target_dir().join("judge")
        })
        .clone()
}

/// An example of the package, built once for this process.
pub fn example(name: &'static str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        cargo_build(&["-q", "--workspace", "--all-features", "--examples"]);
    });
    target_dir().join("examples").join(name)
}

/// A temporary folder, gone when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// One that nobody else has. What is there by that name is of a process of the past that had
    /// this one's number, and was killed.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new(stem: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gss-{stem}-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a temporary folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it with this text.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Programs that have been told to end may still write to it.
        within(Duration::from_secs(5), || {
            let _ = std::fs::remove_dir_all(&self.0);
            !self.0.exists()
        });
    }
}

/// A server program, ended when this is dropped.
pub struct Server {
    child: std::process::Child,
    /// Where it listens.
    pub address: SocketAddr,
    log: PathBuf,
    /// How many threads it has when nobody is there.
    idle: usize,
}

impl Server {
    /// Starts an example with `--keytab FILE` and more on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// It does not listen within a minute.
    pub fn example(name: &'static str, keytab: &Path, more: &[&str], log: PathBuf) -> Self {
        let keytab = keytab.to_str().expect("a path in UTF-8");
        Self::start(name, &[&["--keytab", keytab], more].concat(), log)
    }

    /// Starts an example with these arguments on a port of 127.0.0.1 that the system chooses: it
    /// says which, and nobody can take it before.
    ///
    /// # Panics
    /// It does not listen within a minute.
    pub fn start(name: &'static str, arguments: &[&str], log: PathBuf) -> Self {
        let program = example(name);
        let output = std::fs::File::create(&log).expect("a log");
        let child = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut server = Self {
            child,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            log,
            idle: 0,
        };
        let mut ended = None;
        let listens = within(PATIENCE, || {
            if let Some(address) = serves_on(&server.log()) {
                server.address = address;
                return true;
            }
            ended = server.child.try_wait().expect("a child");
            ended.is_some()
        });
        assert!(
            listens && ended.is_none(),
            "{name} does not listen: {ended:?}: {}",
            server.log()
        );
        server.idle = server.holds().0;
        server
    }

    /// Tells it to stop (SIGTERM), and waits for its end.
    ///
    /// # Panics
    /// It does not end within a minute.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        run(Command::new("kill").arg(self.child.id().to_string()));
        let mut status = None;
        within(PATIENCE, || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("it does not stop: {}", self.log()))
    }

    /// How many threads and open files it has.
    ///
    /// # Panics
    /// It has gone.
    pub fn holds(&self) -> (usize, usize) {
        let count = |what: &str| {
            let path = format!("/proc/{}/{what}", self.child.id());
            std::fs::read_dir(path).expect("it runs").count()
        };
        (count("task"), count("fd"))
    }

    /// What it has said so far. It may be about to say more of a client that has gone already:
    /// for what must be there, [`Server::says`]; for what must not, [`Server::visit`].
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    /// It does not say it within a minute.
    pub fn says(&self, text: &str) {
        let said = within(PATIENCE, || self.log().contains(text));
        assert!(said, "it does not say '{text}': {}", self.log());
    }

    /// What a visit comes to, and all that the server says of it, to the end of its connections.
    /// Of servers that have a thread for each connection, and no others: once they are gone,
    /// nothing more is said.
    ///
    /// # Panics
    /// Connections do not end within a minute.
    pub fn visit<T>(&self, visit: impl FnOnce() -> T) -> (T, String) {
        self.is_left();
        let before = self.log().len();
        let came = visit();
        self.is_left();
        (came, self.log().split_off(before))
    }

    fn is_left(&self) {
        let left = within(PATIENCE, || self.holds().0 == self.idle);
        assert!(left, "{:?} threads, files: {}", self.holds(), self.log());
    }
}

/// How long is waited for what must happen. No claim about speed: a machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether it is so before the time is over. It is asked again and again, and at least once after
/// the time: this program may have slept as well.
pub fn within(time: Duration, mut so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        let late = began.elapsed() > time;
        if so() {
            return true;
        }
        if late {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The address in `Serving on ADDRESS until` or `Serving on SCHEME://ADDRESS/ until`.
fn serves_on(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("Serving on ")?;
    let (place, _) = rest.split_once(" until")?;
    let address = place.rsplit('/').find(|part| !part.is_empty())?;
    address.parse().ok()
}

/// A port of 127.0.0.1 that nobody has, for a server that cannot be asked which one it got. Not of
/// those that the system gives to clients (from 32768 on): one of them may be anybody's in the next
/// moment, and who connects to such a port while nobody listens may meet himself.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let random = |n: u32| 10_000 + (RandomState::new().hash_one(n) % 10_000) as u16;
    (0..100).map(random).find(free).expect("a free port")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
