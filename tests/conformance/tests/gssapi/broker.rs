//! The broker, in this process, over the rust backend and over MIT krb5's library. Its clock is the
//! test's; this side's is the system's, as the test turns that.

use crate::{broker_tests, clock, mit_tests, mit_tokens, table};
use conformance::bench::{NOW, TurnClock, at};
use conformance::{Exception, Mount, mount};
use gss_acceptor::backends::{
    Backend, BackendDescription, BrokerBackend, BrokerOptions, Exchange, GssapiBackend,
    GssapiLibrary, Outcome, PreparedBackend, Settings, broker, gssapi, rust,
};
use gss_acceptor::broker::{Broker, BrokerLimits, RunningBroker};
use gss_acceptor::{
    AcceptorConfig, Capabilities, Clock, ConfigBuilder, Error, Keytab, MemoryReplayStore, Reply,
    Requirements, StepInput, UserToUser,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::SystemTime;

/// A clock that is told later which one it is.
#[derive(Default)]
pub struct Told(OnceLock<Arc<TurnClock>>);

impl Clock for Told {
    fn now(&self) -> SystemTime {
        self.0.get().map_or_else(|| at(NOW), |clock| clock.now())
    }
}

struct Serving {
    clock: Arc<Told>,
    socket: PathBuf,
    _running: RunningBroker,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

thread_local! {
    /// Those of this thread's last configurations.
    static SERVING: RefCell<VecDeque<Serving>> = const { RefCell::new(VecDeque::new()) };
}

/// A broker over such backends, and the way to it.
fn serve<B: Backend + 'static>(
    make: impl Fn(&Arc<Told>) -> B + Send + Sync + 'static,
    has_clock: bool,
) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let socket = std::env::temp_dir().join(format!("gss-suite-{}-{n}", std::process::id()));
    // Of a process of the past that had this one's number, and was killed.
    let _ = std::fs::remove_file(&socket);
    let (clock, replay) = (
        Arc::new(Told::default()),
        Arc::new(MemoryReplayStore::new()),
    );
    let told = Arc::clone(&clock);
    let make = move || {
        let builder = AcceptorConfig::builder(make(&told)).replay_store(replay.clone());
        if has_clock {
            builder.clock(Arc::clone(&told) as Arc<dyn Clock>)
        } else {
            builder
        }
    };
    let mut limits = BrokerLimits::default();
    (limits.threads, limits.alias_limit) = (1, usize::MAX);
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc"));
    let running = Broker::new(make)
        .limits(limits)
        .allow(own, &[])
        .build()
        .map(|broker| {
            let listener = UnixListener::bind(&socket).expect("a socket");
            broker.serve(listener).expect("serves")
        });
    // What is wrong with the keys is the broker's to say when it starts: a test of that fails.
    let running = running.unwrap_or_else(|error| panic!("the broker does not start: {error}"));
    SERVING.with(|serving| {
        let mut serving = serving.borrow_mut();
        serving.push_back(Serving {
            clock,
            socket: socket.clone(),
            _running: running,
        });
        if serving.len() > 8 {
            serving.pop_front();
        }
    });
    socket
}

/// Tells the last broker which clock is meant.
pub fn tell(own: &Arc<TurnClock>) {
    SERVING.with(|serving| {
        if let Some(last) = serving.borrow().back() {
            let _ = last.clock.0.set(Arc::clone(own));
        }
    });
    clock::set(own);
}

struct Brokered;

impl Mount for Brokered {
    type Backend = BrokerBackend;
    const NAME: &'static str = "broker";

    fn backend(keytab: Keytab) -> BrokerBackend {
        broker(serve(move |_| rust(keytab.clone()), true)).expect("a broker")
    }

    fn user_to_user(own: UserToUser, keytab: Option<Keytab>) -> BrokerBackend {
        let make = move |_: &Arc<Told>| match keytab.clone() {
            None => rust(own.clone()),
            Some(keytab) => rust(keytab).and(own.clone()),
        };
        broker(serve(make, true)).expect("a broker")
    }

    fn clock(builder: ConfigBuilder, own: &Arc<TurnClock>) -> ConfigBuilder {
        tell(own);
        builder
    }

    fn exceptions() -> &'static [Exception] {
        static ALL: LazyLock<Vec<Exception>> =
            LazyLock::new(|| table::exceptions(broker_tests::TOKENS));
        &ALL
    }

    fn cannot() -> &'static [(&'static str, &'static str)] {
        static ALL: LazyLock<Vec<(&str, &str)>> =
            LazyLock::new(|| table::tests(broker_tests::GROUPS));
        &ALL
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY
            | Requirements::USE_SUPPLIED_CREDS
            | Requirements::PROMPT_FOR_CREDS
    }
}

mount!(Brokered);

/// A library reads the system's clock, and a thread of the broker's has none of a test's until it
/// is told: before each step.
struct Clocked {
    inner: GssapiBackend,
    clock: Arc<Told>,
}

impl Backend for Clocked {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        let inner = Box::new(self.inner).prepare(settings)?;
        let clock = self.clock;
        Ok(Box::new(ClockedPrepared { inner, clock }))
    }
}

struct ClockedPrepared {
    inner: Box<dyn PreparedBackend>,
    clock: Arc<Told>,
}

impl PreparedBackend for ClockedPrepared {
    fn describe(&self) -> BackendDescription {
        self.inner.describe()
    }

    fn begin(&self) -> Box<dyn Exchange> {
        let inner = self.inner.begin();
        let clock = Arc::clone(&self.clock);
        Box::new(ClockedExchange { inner, clock })
    }
}

struct ClockedExchange {
    inner: Box<dyn Exchange>,
    clock: Arc<Told>,
}

impl Exchange for ClockedExchange {
    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let Self { inner, clock } = *self;
        if let Some(own) = clock.0.get() {
            clock::set(own);
        }
        inner.step(input).map(move |outcome| match outcome {
            Outcome::Continue { token, next, retry } => Outcome::Continue {
                token,
                next: Box::new(ClockedExchange { inner: next, clock }),
                retry,
            },
            other => other,
        })
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        self.inner.abandon()
    }
}

/// MIT's library in the broker: what it cannot and what the broker cannot, together.
mod mit {
    use super::*;

    struct BrokeredMit;

    impl Mount for BrokeredMit {
        type Backend = BrokerBackend;
        const NAME: &'static str = "broker";
        const OWN_WORDS: bool = false;

        fn backend(keytab: Keytab) -> BrokerBackend {
            let make = move |clock: &Arc<Told>| Clocked {
                inner: gssapi(keytab.clone()).library(GssapiLibrary::Mit),
                clock: Arc::clone(clock),
            };
            let importer = GssapiLibrary::Mit.importer().expect("the library");
            let options = BrokerOptions::new(serve(make, false)).importer(importer);
            options.open().expect("a broker")
        }

        fn clock(builder: ConfigBuilder, own: &Arc<TurnClock>) -> ConfigBuilder {
            tell(own);
            builder
        }

        fn exceptions() -> &'static [Exception] {
            static ALL: LazyLock<Vec<Exception>> = LazyLock::new(|| {
                let mut all = table::exceptions(mit_tokens::GROUPS);
                let own = table::exceptions(broker_tests::MIT_TOKENS);
                all.retain(|one| own.iter().all(|other| other.case != one.case));
                all.extend(own);
                all
            });
            &ALL
        }

        fn cannot() -> &'static [(&'static str, &'static str)] {
            static ALL: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
                let own = table::tests(mit_tests::GROUPS).into_iter();
                own.chain(table::tests(broker_tests::GROUPS)).collect()
            });
            &ALL
        }

        fn refused() -> Requirements {
            Requirements::WINDOWS_ONLY
                | Requirements::USE_SESSION_KEY
                | Requirements::USE_SUPPLIED_CREDS
                | Requirements::PROMPT_FOR_CREDS
        }
    }

    mount!(BrokeredMit);
}
