//! The replay store that several servers share, on Redis.

mod link;
mod pool;
mod script;

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ReplayEntry, ReplayStore, ReplayVerdict};
use crate::error::{Error, Unavailability};
use crate::reply::Reply;
use link::Link;
use pool::Pool;
use script::{Question, Told};

/// A [`ReplayStore`] on a Redis server (5 or later) or Valkey, for servers
/// that share a key: a token that one of them has taken is refused by all.
///
/// ```no_run
/// # fn main() -> Result<(), gss_acceptor::Error> {
/// use std::sync::Arc;
/// use gss_acceptor::{AcceptorConfig, Keytab, RedisReplayStore, backends};
///
/// let store = RedisReplayStore::open("redis://:password@10.0.0.7:6379/0")?;
/// let config = AcceptorConfig::builder(backends::rust(Keytab::open("/etc/http.keytab")?))
///     .replay_store(Arc::new(store))
///     .build()?;
/// # Ok(()) }
/// ```
///
/// # One atomic step
///
/// A check is one script, which Redis runs as a whole: of any number of
/// checks of one token, on whatever server, one alone finds it unused. Each
/// entry carries the number of the check that made it, so a check whose
/// answer was lost with the connection is repeated and finds its own.
///
/// # When Redis forgets
///
/// A store that has forgotten what was used lets it in again. So Redis also
/// remembers **since when** it does, under a key that is looked at in the
/// same script, with the server's `run_id`: a first use, a restart, a
/// `FLUSHALL` or a promoted replica begins a new memory. Tokens that may have
/// been used before it began are refused, which is everybody for the clock
/// skew's time (and [`clock_difference`](RedisReplayOptions::clock_difference)),
/// and the error says so. Persistence does not shorten that: a snapshot or a
/// log that is written each second lacks the last entries, and nothing tells
/// which. Eviction would be as bad and cannot be seen: a server whose
/// `maxmemory-policy` is not `noeviction` is refused, and one that is full
/// answers [`Full`](ReplayVerdict::Full). Redis expires by its own clock:
/// that must not leap forward.
///
/// **One server at a time.** Redis replicates later than it answers, and two
/// halves of a torn network can each have a primary: let Sentinel promote a
/// replica only where the servers here all see the same one.
///
/// # Who can do what
///
/// Redis sees no token and no name: a key is the purpose and 128 bits of the
/// SHA-256 of the tag, and the tag is part of what went over the wire. Who can
/// read it learns how many log in, and when, and can recognise a token that
/// they have seen. Who can write to it can make any token usable again while
/// it is valid, or refuse one that they have seen: give it a password, an ACL
/// (`+eval +info +time +hget +hset +set +get`, keys `{gss-acceptor}*`) and a
/// network of its own. Nobody gets in by it without a valid token.
///
/// # Waiting
///
/// It keeps a few connections, each with a thread, and reconnects by itself.
/// Connecting and each answer have a time limit; a check that fails fails all
/// that wait behind it. Where Redis cannot be asked, **nobody is let in**
/// ([`Unavailable`](ReplayVerdict::Unavailable)), unless the options name
/// another store to fall back to.
pub struct RedisReplayStore {
    pool: Pool,
    options: RedisReplayOptions,
    place: String,
}

/// Settings of a [`RedisReplayStore`].
#[derive(Clone)]
#[must_use]
pub struct RedisReplayOptions {
    prefix: String,
    connections: usize,
    queue: usize,
    timeout: Duration,
    clock_difference: Duration,
    window: Duration,
    fallback: Option<Arc<dyn ReplayStore>>,
}

impl Default for RedisReplayOptions {
    fn default() -> Self {
        Self {
            prefix: "gss-acceptor".into(),
            connections: 4,
            queue: 1024,
            timeout: Duration::from_secs(2),
            clock_difference: Duration::from_secs(60),
            // Four times the usual skew: what the `gssapi` backend may take
            // when it cannot read the time in a token.
            window: Duration::from_secs(1201),
            fallback: None,
        }
    }
}

impl RedisReplayOptions {
    /// What keys begin with: `gss-acceptor` unless set, in braces, so that a
    /// cluster keeps them together. All who share keys of Kerberos must have
    /// the same.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections there are at the most: 4 unless set.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.clamp(1, 256);
        self
    }

    /// How many checks may wait for a connection before more are refused:
    /// 1024 unless set.
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// How long connecting may take, and an answer: 2 s each unless set. The
    /// name of a host is looked up besides.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// How far the clocks of the servers that share the store may be apart:
    /// 60 s unless set. Entries are kept that much longer.
    pub fn clock_difference(mut self, difference: Duration) -> Self {
        self.clock_difference = difference;
        self
    }

    /// For how long a token is of use, where the backend cannot tell from
    /// when on ([`ReplayEntry::since`]): four times the longest clock skew,
    /// 1201 s unless set.
    pub fn longest_use(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Asks this store where Redis cannot be asked, instead of refusing.
    /// **Whoever can cut this server off from Redis can then replay to it
    /// what another server has taken.**
    pub fn insecure_fall_back_to(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.fallback = Some(store);
        self
    }

    /// Connects: `redis://user:password@host:port/db`, or
    /// `redis+unix:///path`. TLS (`rediss://`) needs a feature of the crate
    /// `redis`.
    ///
    /// # Errors
    ///
    /// [`Unavailability::ReplayStore`]: an address that cannot be read, a
    /// server that does not answer, or one that forgets (eviction).
    pub fn open(self, url: &str) -> Result<RedisReplayStore, Error> {
        let link = Link::new(url, self.timeout).map_err(unavailable)?;
        let place = link.place();
        let pool = Pool::start(&link, self.connections, self.queue);
        let store = RedisReplayStore {
            pool,
            place,
            options: self,
        };
        // The memory begins when the server starts, not at the first login.
        store.ask(Question::begin(&store.options.prefix))?;
        Ok(store)
    }
}

impl fmt::Debug for RedisReplayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayOptions")
            .field("prefix", &self.prefix)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl RedisReplayStore {
    /// Connects with the usual options.
    ///
    /// # Errors
    ///
    /// See [`RedisReplayOptions::open`].
    pub fn open(url: &str) -> Result<Self, Error> {
        RedisReplayOptions::default().open(url)
    }

    /// Options to change.
    pub fn options() -> RedisReplayOptions {
        RedisReplayOptions::default()
    }

    /// Declares that no token which is valid now has been used yet, and so
    /// ends the waiting time: for the first start of a new service. **If it
    /// is not so, they can be used again.** Holds until Redis forgets.
    ///
    /// # Errors
    ///
    /// [`Unavailability::ReplayStore`]: the server does not answer.
    pub fn insecure_assume_unused(&self) -> Result<(), Error> {
        self.ask(Question::assume_unused(&self.options.prefix))
    }

    fn ask(&self, question: Question) -> Result<(), Error> {
        self.pool
            .ask(question)
            .wait()
            .map(|_| ())
            .map_err(unavailable)
    }
}

fn unavailable(text: String) -> Error {
    Unavailability::ReplayStore { text }.into()
}

impl ReplayStore for RedisReplayStore {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let Ok(left) = entry.expires.duration_since(entry.now) else {
            return Reply::Now(ReplayVerdict::TooOld {
                forgotten: entry.now,
            });
        };
        let options = &self.options;
        let age = entry.since.map_or(options.window, |since| {
            entry.now.duration_since(since).unwrap_or_default()
        });
        let margin = options.clock_difference;
        let question = Question::check(&options.prefix, &entry, age + margin, left + margin);
        let answer = match question {
            Some(question) => self.pool.ask(question),
            None => Reply::Now(Err("the system gives no random number".into())),
        };
        let Some(local) = options.fallback.clone() else {
            return answer.map(verdict);
        };
        // Asked in any case, so that it knows what was taken while Redis was
        // there.
        let own = local.check(entry);
        answer.and_then(move |told| match told {
            Err(_) => own,
            Ok(told) => own.map(move |own| match own {
                ReplayVerdict::Replayed => ReplayVerdict::Replayed,
                _ => verdict(Ok(told)),
            }),
        })
    }

    fn describe(&self) -> String {
        let otherwise = match &self.options.fallback {
            None => "nobody is let in without it".into(),
            Some(store) => format!(
                "WITHOUT IT, replays to other servers pass: {}",
                store.describe()
            ),
        };
        format!(
            "in Redis at {}, under '{{{}}}', shared with all who use that; {otherwise}",
            self.place, self.options.prefix
        )
    }
}

fn verdict(told: Result<Told, String>) -> ReplayVerdict {
    match told {
        Ok(Told::Fresh) => ReplayVerdict::Fresh,
        Ok(Told::Replayed) => ReplayVerdict::Replayed,
        Ok(Told::Full) => ReplayVerdict::Full,
        Ok(Told::Young { age, needed }) => ReplayVerdict::Unavailable {
            source: format!(
                "Redis remembers since {} s ago (its first use, a restart or a flush), and this \
                 token may have been used before; logins are refused for another {} s",
                age.as_secs(),
                needed.saturating_sub(age).as_secs() + 1
            )
            .into(),
        },
        Err(text) => ReplayVerdict::Unavailable {
            source: text.into(),
        },
    }
}

impl fmt::Debug for RedisReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisReplayStore({})", self.place)
    }
}
