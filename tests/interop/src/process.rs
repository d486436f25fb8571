//! Programs: run to the end, built by cargo, or served from.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

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

/// A server program, ended when this is dropped.
pub struct Server {
    child: std::process::Child,
    /// Where it listens.
    pub address: std::net::SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts an example with `--keytab FILE` and more on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// It does not listen within 20 s.
    pub fn example(name: &'static str, keytab: &Path, more: &[&str], log: PathBuf) -> Self {
        let keytab = keytab.to_str().expect("a path in UTF-8");
        Self::start(name, &[&["--keytab", keytab], more].concat(), log)
    }

    /// Starts an example with these arguments on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// It does not listen within 20 s.
    pub fn start(name: &'static str, arguments: &[&str], log: PathBuf) -> Self {
        let program = example(name);
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let output = std::fs::File::create(&log).expect("a log");
        let child = Command::new(program)
            .args(["--listen", &address.to_string()])
            .args(arguments)
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut server = Self {
            child,
            address,
            log,
        };
        for _ in 0..200 {
            if std::net::TcpStream::connect(address).is_ok() {
                return server;
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                panic!("{name}: {status}: {}", server.log());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{name} does not listen: {}", server.log());
    }

    /// Tells it to stop (SIGTERM), and waits for its end.
    ///
    /// # Panics
    /// It does not end within 15 s.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        run(Command::new("kill").arg(self.child.id().to_string()));
        for _ in 0..150 {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("it does not stop: {}", self.log());
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

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
