//! The credential of a configuration, in as many handles as threads use it at
//! once: MIT's shared one lets one accept at a time pass. With separate ones
//! its threads wait for its `krb5.conf` alone, which no caller can avoid.

pub(super) mod sys;

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::sys::Credential;
use super::keys::{Keys, KnownKeys};
use super::names::sys::NameHandle;
use super::sys::{Flavour, Gss, Oid, Status};
use super::{NAME, oid, status};
use crate::backends::Settings;
use crate::credentials::Credentials;
use crate::error::{Error, Misuse, Unavailability};
use crate::keytab::Entry;
use crate::mechanism::Mechanism;

/// Handles that are kept. A thread beyond acquires one for its step.
const KEPT: usize = 64;

/// Where credentials come from.
pub(super) struct Source {
    gss: Arc<Gss>,
    etypes: Option<Vec<i32>>,
    /// Of the mechanisms that are enabled, each alone: a name or a store that
    /// one of them needs must not bind another.
    pools: Vec<Pool>,
    keys: KnownKeys,
}

/// Handles of one kind.
struct Pool {
    purpose: Purpose,
    mechs: Vec<&'static Oid>,
    negotiated: Vec<&'static Oid>,
    /// NTLM's accounts.
    users: Option<CString>,
    kept: Box<[Mutex<Option<Held>>]>,
}

/// What a handle is for: by what the client comes with, raw or as the first
/// of its offer that is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Kerberos,
    Ntlm,
    /// To tell a client what there is, and no more.
    Hints,
}

/// A handle, and the keys that it was acquired for. In this order: the keytab
/// is there for as long as the handle.
struct Held {
    credential: Credential,
    keys: Arc<Keys>,
}

impl Pool {
    fn new(mechanisms: &[Mechanism], flavour: Flavour, users: Option<&CString>) -> Self {
        let mut pool = Self {
            purpose: match mechanisms {
                [Mechanism::Kerberos] => Purpose::Kerberos,
                [Mechanism::Ntlm] => Purpose::Ntlm,
                _ => Purpose::Hints,
            },
            mechs: vec![oid::SPNEGO],
            negotiated: Vec::new(),
            users: None,
            kept: (0..KEPT).map(|_| Mutex::new(None)).collect(),
        };
        for mechanism in mechanisms {
            let (raw, negotiated) = oids(*mechanism, flavour);
            pool.mechs.extend(raw);
            pool.negotiated.extend(negotiated);
        }
        if pool.purpose == Purpose::Ntlm {
            pool.users = users.cloned();
        }
        pool
    }
}

impl Source {
    /// The keys, as far as they are known here.
    pub(super) fn keys(&self) -> Arc<Keys> {
        self.keys.now()
    }

    /// What an operator should look at.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.keys.warnings()
    }

    /// Acquires each credential once, so that a configuration that cannot
    /// work is not built.
    pub(super) fn new(
        gss: &Arc<Gss>,
        credentials: &Credentials,
        users: Option<&CString>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let keys = match credentials {
            Credentials::SystemDefault => KnownKeys::none(),
            Credentials::Keytab(keytab) => KnownKeys::of_keytab(gss, keytab, settings)?,
            _ => return Err(no_passwords()),
        };
        let enabled = &settings.mechanisms[..];
        if enabled.contains(&Mechanism::Kerberos) {
            keys.check()?;
        }
        let each = enabled.iter().map(core::slice::from_ref);
        let all = Some(enabled).filter(|all| all.len() > 1);
        let pool = |mechanisms: &[Mechanism]| Pool::new(mechanisms, gss.flavour, users);
        let mut source = Self {
            gss: Arc::clone(gss),
            etypes: None,
            pools: each.chain(all).map(pool).collect(),
            keys,
        };
        if gss.flavour == Flavour::Mit {
            source.etypes = Some(settings.etypes.iter().map(|etype| etype.0).collect());
        }
        for pool in &source.pools {
            let first = source.acquire(pool, &source.keys())?;
            if let Some(Ok(mut slot)) = pool.kept.first().map(Mutex::try_lock) {
                *slot = Some(first);
            }
        }
        Ok(source)
    }

    /// Lends a handle that nobody else uses meanwhile. Never waits for one.
    pub(super) fn lend<T>(
        &self,
        purpose: Purpose,
        using: impl FnOnce(&Credential, &Arc<Keys>) -> T,
    ) -> Result<T, Error> {
        let mut pools = self.pools.iter();
        let pool = match pools.find(|pool| pool.purpose == purpose) {
            Some(pool) => pool,
            // One mechanism, which is all that there is to tell of.
            None => self.pools.first().ok_or_else(nothing_enabled)?,
        };
        let keys = self.keys.now();
        let start = own_slot();
        for offset in 0..pool.kept.len() {
            let index = start.wrapping_add(offset) % pool.kept.len();
            let Some(Ok(mut slot)) = pool.kept.get(index).map(Mutex::try_lock) else {
                continue;
            };
            // One for keys that have been replaced since is of no use.
            if let Some(held) = slot.take_if(|held| !Arc::ptr_eq(&held.keys, &keys)) {
                drop(held);
            }
            let held = match &mut *slot {
                Some(held) => held,
                empty => empty.insert(self.acquire(pool, &keys)?),
            };
            return Ok(using(&held.credential, &keys));
        }
        Ok(using(&self.acquire(pool, &keys)?.credential, &keys))
    }

    fn acquire(&self, pool: &Pool, keys: &Arc<Keys>) -> Result<Held, Error> {
        let unusable = |status: Status| {
            Error::from(Unavailability::NoUsableKey {
                has: describe(keys),
            })
            .with_platform(status::platform(&status))
        };
        let credential = self.acquire_of(pool, keys).map_err(unusable)?;
        if let Some(result) = credential.set_neg_mechs(&pool.negotiated) {
            result.map_err(unusable)?;
        }
        let etypes = self.etypes.as_ref();
        if let Some(etypes) = etypes.filter(|_| pool.purpose == Purpose::Kerberos) {
            let result = credential.set_etypes(etypes);
            result.unwrap_or(Ok(())).map_err(unusable)?;
        }
        Ok(Held {
            credential,
            keys: Arc::clone(keys),
        })
    }

    fn acquire_of(&self, pool: &Pool, keys: &Keys) -> Result<Credential, Status> {
        let any = NameHandle::none(&self.gss);
        let with = |store: &[(&CStr, &CStr)]| self.gss.acquire(&any, &pool.mechs, store);
        match (pool.purpose, keys.library_name(), self.gss.flavour) {
            (Purpose::Ntlm, ..) => match &pool.users {
                None => with(&[]),
                Some(users) => {
                    // gss-ntlmssp reads its store for a server that has a
                    // name.
                    let own = NameHandle::host_based(&self.gss, OWN_NAME)?;
                    let store = [(c"ntlmssp_keyfile", users.as_c_str())];
                    self.gss.acquire(&own, &pool.mechs, &store)
                }
            },
            // The library's default, with its own replay cache.
            (_, None, _) => with(&[]),
            (_, Some(name), Flavour::Mit) => {
                // The configuration's replay store sees every token; the
                // library's cache would open and lock a file for each.
                with(&[(c"keytab", name), (c"rcache", c"none:")])
            }
            (_, Some(name), Flavour::Heimdal) => registered(&self.gss, name, || with(&[])),
        }
    }
}

/// This host, of no service: one that is named goes into the CHALLENGE, and
/// some clients leave if it is not the one that they want.
const OWN_NAME: &str = "@";

fn nothing_enabled() -> Error {
    Misuse::OutOfRange {
        setting: "mechanisms",
        problem: "at least one is needed",
    }
    .into()
}

/// Heimdal 7.8 has no call that takes a keytab and gives a credential for
/// SPNEGO too: the keytab is registered for the process, for as long as the
/// credential is being acquired, which then keeps it. No other acquisition of
/// this crate can fall in between.
fn registered(
    gss: &Gss,
    keytab: &CStr,
    acquire: impl FnOnce() -> Result<Credential, Status>,
) -> Result<Credential, Status> {
    static REGISTERED: Mutex<()> = Mutex::new(());
    let _guard = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if !gss.register_identity(keytab) {
        return Err(gss.status(13 << 16, 0));
    }
    let credential = acquire();
    // Back to the default keytab.
    gss.register_identity(c"");
    credential
}

/// The mechanism's identifiers outside of SPNEGO and inside.
fn oids(
    mechanism: Mechanism,
    flavour: Flavour,
) -> (&'static [&'static Oid], &'static [&'static Oid]) {
    match (mechanism, flavour) {
        (Mechanism::Kerberos, Flavour::Mit) => {
            (&[oid::KRB5, oid::MS_KRB5, oid::OLD_KRB5], &[oid::KRB5])
        }
        (Mechanism::Kerberos, Flavour::Heimdal) => (&[oid::KRB5], &[oid::KRB5]),
        _ => (&[oid::NTLM], &[oid::NTLM]),
    }
}

fn no_passwords() -> Error {
    Misuse::Unsupported {
        backend: NAME,
        what: "service passwords (write a keytab with ktutil)",
    }
    .into()
}

fn describe(keys: &Keys) -> String {
    let all: Vec<String> = keys.all().iter().take(16).map(Entry::to_string).collect();
    if all.is_empty() {
        "what the library finds by itself".into()
    } else {
        all.join(", ")
    }
}

/// A file's name, for the library.
pub(super) fn file_name(path: &std::path::Path) -> Result<CString, Error> {
    CString::new(path_bytes(path)).map_err(|_| no_path())
}

fn path_bytes(path: &std::path::Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn no_path() -> Error {
    Misuse::OutOfRange {
        setting: "path",
        problem: "a file's name holds no NUL",
    }
    .into()
}

/// Where this thread looks first.
fn own_slot() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| *own)
}
