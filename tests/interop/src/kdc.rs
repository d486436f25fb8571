//! The KDC: MIT's, started through `tests/support/kdc.sh` once for the test process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::process::{run, support};

/// The realm's name.
pub const REALM: &str = "EXAMPLE.TEST";

/// A running KDC.
pub struct Kdc {
    dir: PathBuf,
    env: HashMap<String, String>,
    port: u16,
    /// Stops the KDC when its input ends: however this process ends, that happens.
    _guard: (ChildStdin, Child),
}

/// A client principal with its credential cache.
#[derive(Clone, Debug)]
pub struct User {
    ccache: PathBuf,
    config: Option<PathBuf>,
}

impl Kdc {
    /// The KDC of this process; the first caller starts it.
    ///
    /// # Panics
    /// It does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kdc> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("gss-interop-{}", std::process::id()));
        // What is there by that name is of a process of the past: another realm, with other keys.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).expect("a temporary folder");
        let kdc_sh = support("kdc.sh");
        let guard = guard(&kdc_sh, &dir);
        // Its standard output would be held open by the KDC.
        run(Command::new(&kdc_sh)
            .arg("start")
            .arg(&dir)
            .stdin(Stdio::null())
            .env_remove("KDC_PORT"));
        let env = read_env(&dir.join("env"));
        let port = env["KDC_PORT"].parse().expect("a port");
        Self {
            dir,
            env,
            port,
            _guard: guard,
        }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its port on 127.0.0.1, UDP and TCP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `KEYTAB_HTTP` and the like: see `kdc.sh`.
    pub fn keytab(&self, which: &str) -> PathBuf {
        self.env[&format!("KEYTAB_{which}")].clone().into()
    }

    /// krb5.conf of MIT's clients.
    pub fn config(&self) -> PathBuf {
        self.env["KRB5_CONFIG"].clone().into()
    }

    /// The variables that MIT's programs need.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let own = |(name, value): (&String, &String)| (name.clone(), value.into());
        self.env.iter().map(own).collect()
    }

    /// A name in the KDC's folder that nobody else has.
    pub fn fresh(&self, stem: &str) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!("{stem}-{n}"))
    }

    /// A user that MIT's kinit has logged in, with a cache of its own.
    ///
    /// # Panics
    /// kinit fails.
    pub fn kinit(&self, principal: &str, password: &str) -> User {
        self.kinit_with(&[], principal, password)
    }

    /// The same with options of kinit's.
    ///
    /// # Panics
    /// kinit fails.
    pub fn kinit_with(&self, options: &[&str], principal: &str, password: &str) -> User {
        let user = User {
            ccache: self.fresh("ccache"),
            config: None,
        };
        let mut kinit = Command::new("kinit");
        kinit
            .args(options)
            .arg(principal)
            .envs(user.environment(self))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = kinit.spawn().expect("kinit of krb5-user");
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{password}").expect("kinit reads its input");
        drop(input);
        let output = child.wait_with_output().expect("kinit ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kinit {principal}: {errors}");
        user
    }

    /// A service that MIT's kinit has logged in with its key.
    ///
    /// # Panics
    /// kinit fails.
    pub fn kinit_keytab(&self, keytab: &Path, principal: &str) -> User {
        let user = User {
            ccache: self.fresh("ccache"),
            config: None,
        };
        run(Command::new("kinit")
            .arg("-k")
            .arg("-t")
            .arg(keytab)
            .arg(principal)
            .envs(user.environment(self)));
        user
    }

    /// alice, logged in once for all tests.
    pub fn alice(&self) -> User {
        static ALICE: OnceLock<User> = OnceLock::new();
        ALICE
            .get_or_init(|| self.kinit("alice", "alice-pw"))
            .clone()
    }

    /// Gets a service ticket into the cache.
    ///
    /// # Panics
    /// kvno fails.
    pub fn kvno(&self, user: &User, service: &str) {
        run(Command::new("kvno")
            .arg(service)
            .envs(user.environment(self)));
    }

    /// One query of kadmin.local's. They are made one after the other: the database has one writer.
    ///
    /// # Panics
    /// It fails.
    pub fn kadmin(&self, query: &str) -> String {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock();
        let output = run(Command::new("kadmin.local")
            .args(["-r", REALM, "-q", query])
            .envs(self.environment())
            .env("PATH", path_with_sbin()));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        // kadmin.local ends with 0 whatever happens.
        assert!(!errors.contains("while "), "{query}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned() + &errors
    }
}

impl User {
    /// A user with a cache that is elsewhere.
    pub fn with_cache(ccache: PathBuf, config: Option<PathBuf>) -> Self {
        Self { ccache, config }
    }

    /// The cache's file.
    pub fn ccache(&self) -> &Path {
        &self.ccache
    }

    /// The same tickets in the hands of software that reads another krb5.conf.
    #[must_use]
    pub fn configured(&self, config: PathBuf) -> Self {
        Self {
            config: Some(config),
            ..self.clone()
        }
    }

    /// A copy of the cache as it is now, for a test that changes it.
    ///
    /// # Panics
    /// It cannot be copied.
    #[must_use]
    pub fn copy(&self, kdc: &Kdc) -> Self {
        let ccache = kdc.fresh("ccache");
        std::fs::copy(&self.ccache, &ccache).expect("the cache is there");
        let config = self.config.clone();
        Self { ccache, config }
    }

    /// What a program that acts for the user needs in its environment.
    pub fn environment(&self, kdc: &Kdc) -> Vec<(String, OsString)> {
        let mut all = kdc.environment();
        all.retain(|(name, _)| name != "KRB5CCNAME" && name != "KRB5_CONFIG");
        let mut ccache = OsString::from("FILE:");
        ccache.push(&self.ccache);
        all.push(("KRB5CCNAME".to_owned(), ccache));
        let config = self.config.clone().unwrap_or_else(|| kdc.config());
        all.push(("KRB5_CONFIG".to_owned(), config.into()));
        all
    }
}

fn path_with_sbin() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    path
}

fn guard(kdc_sh: &Path, dir: &Path) -> (ChildStdin, Child) {
    let script = r#"trap '' INT TERM HUP; cat >/dev/null; "$0" stop "$1"; rm -rf "$1""#;
    let mut child = Command::new("bash")
        .args(["-c", script])
        .arg(kdc_sh)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash");
    (child.stdin.take().expect("piped"), child)
}

/// Lines of `export NAME='value'` or `export NAME=value`.
pub fn read_env(path: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}
