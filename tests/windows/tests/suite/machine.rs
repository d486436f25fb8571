//! The machine that Wine's Kerberos sees: its clock, its keytab and its replay cache, which the
//! tests change. `tests/support/wine_suite.sh` sets it up.
//!
//! Windows' packages have the system's clock and the system's keys, and so has Wine; here they are
//! files that Wine's Kerberos reads whenever it is asked something.

use gss_acceptor::backends::{
    Backend, BackendDescription, Exchange, Outcome, PreparedBackend, Settings, WindowsBackend,
};
use gss_acceptor::{
    Ability, Capabilities, Clock, CredentialHandle, Credentials, Error, Keytab, Mechanism, Reply,
    StepInput,
};
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

/// A file of the machine's.
fn file(name: &str) -> PathBuf {
    let dir = std::env::var_os("SUITE_DIR");
    let dir = dir.expect("SUITE_DIR: start this program with tests/support/wine_suite.sh");
    PathBuf::from(dir).join(name)
}

/// The machine; one test at a time has it.
pub struct Machine {
    clock: File,
    keytab: Vec<u8>,
}

impl Machine {
    fn take() -> MutexGuard<'static, Self> {
        static MACHINE: LazyLock<Mutex<Machine>> = LazyLock::new(|| {
            let clock = OpenOptions::new().write(true).open(file("clock"));
            Mutex::new(Machine {
                clock: clock.expect("a clock"),
                keytab: Vec::new(),
            })
        });
        MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns the clock to where the test's stands, and puts the test's keys where the system's are.
    fn set(&mut self, clock: &dyn Clock, keytab: &Keytab) {
        let since = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).expect("not so late");
        self.clock.seek(SeekFrom::Start(0)).expect("seeks");
        self.clock
            .write_all(&seconds.to_ne_bytes())
            .expect("writes");
        let keys = keytab.bytes().expose();
        if self.keytab != keys {
            fs::write(file("keytab"), keys).expect("writes");
            self.keytab = keys.to_vec();
        }
    }

    /// Nothing has been seen yet.
    fn forget(&self) {
        let _ = fs::remove_file(file("rcache"));
    }
}

/// The backend on a machine with these keys.
pub struct OnMachine {
    pub keytab: Keytab,
    pub inner: WindowsBackend,
}

impl Backend for OnMachine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut all = self.inner.capabilities();
        // The backend has no clock of its own; it is the machine's that is turned.
        assert_eq!(all.injected_clock, Ability::Cannot);
        all.injected_clock = Ability::Can;
        all
    }

    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        self.inner.authorizes(mechanism)
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        let mut machine = Machine::take();
        machine.set(&*settings.clock, &self.keytab);
        machine.forget();
        let clock = Arc::clone(&settings.clock);
        let inner = Box::new(self.inner).prepare(settings)?;
        Ok(Box::new(Prepared {
            inner,
            around: Around {
                clock,
                keytab: self.keytab,
            },
        }))
    }
}

/// What the machine is to be set to.
#[derive(Clone)]
struct Around {
    clock: Arc<dyn Clock>,
    keytab: Keytab,
}

impl Around {
    fn exchange(&self, inner: Box<dyn Exchange>) -> Box<dyn Exchange> {
        Box::new(OnMachineExchange {
            inner,
            around: self.clone(),
        })
    }
}

struct Prepared {
    inner: Box<dyn PreparedBackend>,
    around: Around,
}

impl PreparedBackend for Prepared {
    fn describe(&self) -> BackendDescription {
        self.inner.describe()
    }

    fn begin(&self) -> Box<dyn Exchange> {
        self.around.exchange(self.inner.begin())
    }

    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        self.inner.acquire(credentials)
    }
}

struct OnMachineExchange {
    inner: Box<dyn Exchange>,
    around: Around,
}

impl Exchange for OnMachineExchange {
    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let Self { inner, around } = *self;
        let mut machine = Machine::take();
        machine.set(&*around.clock, &around.keytab);
        inner.step(input).map(move |outcome| match outcome {
            Outcome::Continue { token, next, retry } => Outcome::Continue {
                token,
                next: around.exchange(next),
                retry,
            },
            other => other,
        })
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        self.inner.abandon()
    }
}
