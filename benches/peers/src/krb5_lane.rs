//! The `krb5` crate as a server that has let in some: its replay cache is on and in use, as ours is.

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use krb5::acceptor::{AcceptOptions, KerberosError};
use krb5::rcache::{ReplayCache, ReplayStore as _};
use krb5::{KerberosContext, Keytab};

use crate::scale;

pub struct Server {
    keytab: Keytab,
    options: AcceptOptions,
}

impl Server {
    /// With a keytab, and a replay cache that is handed in: the one that it has by itself is off
    /// where the environment switches MIT krb5's off.
    pub fn new(keytab: &str) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
        let now = i64::try_from(now.as_secs()).expect("in this era");
        let cache = ReplayCache::new();
        for entry in 0..scale::IN_USE {
            let fresh = cache.insert(&scale::tag(entry), now, now + 600);
            assert!(fresh.expect("it is in memory"), "entry {entry}");
        }
        let mut options = AcceptOptions::default();
        options.replay_cache = Some(Arc::new(cache));
        Self {
            keytab: Keytab::load(keytab).expect("a keytab"),
            options,
        }
    }

    pub fn serve(&self, token: &[u8]) {
        let accepted = KerberosContext::accept_token_with(&self.keytab, token, &self.options);
        black_box(accepted.expect("krb5 accepts"));
    }

    /// Whether it refuses a token because it has accepted it before.
    pub fn remembers(&self, token: &[u8]) -> bool {
        let again = KerberosContext::accept_token_with(&self.keytab, token, &self.options);
        matches!(again, Err(KerberosError::Replay(_)))
    }
}
