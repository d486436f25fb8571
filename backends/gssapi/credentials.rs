//! The credential of a configuration, in as many handles as threads use it at
//! once: MIT's shared one lets one accept at a time pass, and separate ones
//! do not wait for each other.

pub(super) mod sys;

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::sys::Credential;
use super::keys::{Keys, KnownKeys};
use super::keytab::{self, Entry};
use super::krb5::sys::{Key, Krb5, MemoryKeytab};
use super::sys::{Flavour, Gss, Oid, Status};
use super::{NAME, names, oid, status};
use crate::backends::Settings;
use crate::credentials::{Credentials, Keytab};
use crate::error::{Error, Misuse, Unavailability};
use crate::mechanism::Mechanism;

/// Handles that are kept. A thread beyond acquires one for its step.
const KEPT: usize = 64;

/// Where credentials come from.
pub(super) struct Source {
    gss: Arc<Gss>,
    origin: Origin,
    mechs: Vec<&'static Oid>,
    negotiated: Vec<&'static Oid>,
    etypes: Option<Vec<i32>>,
    kept: Box<[Mutex<Option<Credential>>]>,
    keys: KnownKeys,
}

enum Origin {
    /// What the library has by default, with its own replay cache.
    System,
    /// A keytab by the library's name for it.
    Keytab {
        name: CString,
        /// Keeps it there.
        _memory: Option<MemoryKeytab>,
    },
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

    /// Acquires the credential once, so that a configuration that cannot
    /// work is not built.
    pub(super) fn new(
        gss: &Arc<Gss>,
        credentials: &Credentials,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let (origin, keys) = origin(gss, credentials)?;
        keys.check(settings)?;
        let mut source = Self {
            gss: Arc::clone(gss),
            origin,
            mechs: vec![oid::SPNEGO],
            negotiated: Vec::new(),
            etypes: None,
            kept: (0..KEPT).map(|_| Mutex::new(None)).collect(),
            keys,
        };
        for mechanism in &settings.mechanisms {
            let (raw, negotiated) = oids(*mechanism, gss.flavour);
            source.mechs.extend(raw);
            source.negotiated.extend(negotiated);
        }
        if gss.flavour == Flavour::Mit {
            source.etypes = Some(settings.etypes.iter().map(|etype| etype.0).collect());
        }
        let first = source.acquire()?;
        if let Some(Ok(mut slot)) = source.kept.first().map(Mutex::try_lock) {
            *slot = Some(first);
        }
        Ok(source)
    }

    /// Lends a handle that nobody else uses meanwhile. Never waits for one.
    pub(super) fn lend<T>(&self, using: impl FnOnce(&Credential) -> T) -> Result<T, Error> {
        let start = own_slot();
        for offset in 0..self.kept.len() {
            let index = start.wrapping_add(offset) % self.kept.len();
            let Some(Ok(mut slot)) = self.kept.get(index).map(Mutex::try_lock) else {
                continue;
            };
            if slot.is_none() {
                *slot = Some(self.acquire()?);
            }
            if let Some(credential) = slot.as_ref() {
                return Ok(using(credential));
            }
        }
        Ok(using(&self.acquire()?))
    }

    fn acquire(&self) -> Result<Credential, Error> {
        let unusable = |status: Status| {
            Error::from(Unavailability::NoUsableKey {
                has: describe(&self.keys()),
            })
            .with_platform(status::platform(&status))
        };
        let credential = match (&self.origin, self.gss.flavour) {
            (Origin::System, _) => self.with_store(&[]),
            (Origin::Keytab { name, .. }, Flavour::Mit) => {
                // The configuration's replay store sees every token; the
                // library's cache would open and lock a file for each.
                self.with_store(&[(c"keytab", name), (c"rcache", c"none:")])
            }
            (Origin::Keytab { name, .. }, Flavour::Heimdal) => {
                registered(&self.gss, name, || self.with_store(&[]))
            }
        }
        .map_err(unusable)?;
        if let Some(result) = credential.set_neg_mechs(&self.negotiated) {
            result.map_err(unusable)?;
        }
        if let Some(etypes) = &self.etypes {
            let result = credential.set_etypes(etypes);
            result.unwrap_or(Ok(())).map_err(unusable)?;
        }
        Ok(credential)
    }

    fn with_store(&self, store: &[(&CStr, &CStr)]) -> Result<Credential, Status> {
        self.gss.acquire(&self.mechs, store)
    }
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

fn origin(gss: &Arc<Gss>, credentials: &Credentials) -> Result<(Origin, KnownKeys), Error> {
    match credentials {
        Credentials::SystemDefault => Ok((Origin::System, KnownKeys::none())),
        Credentials::Keytab(keytab) => of_keytab(gss, keytab),
        _ => Err(Misuse::Unsupported {
            backend: NAME,
            what: "service passwords (write a keytab with ktutil)",
        }
        .into()),
    }
}

/// A file is the library's to read, each time anew; bytes, and a file that is
/// not to be looked at again, are put where the library finds them.
fn of_keytab(gss: &Arc<Gss>, keytab: &Keytab) -> Result<(Origin, KnownKeys), Error> {
    let path = keytab.path();
    let unusable = |problem| Unavailability::Keytab {
        origin: path.map(Into::into),
        problem,
    };
    let entries = keytab::parse(keytab.bytes().expose()).map_err(unusable)?;
    if let Some(path) = path.filter(|_| keytab.reload_interval().is_some()) {
        let mut name = b"FILE:".to_vec();
        name.extend_from_slice(path_bytes(path));
        let origin = Origin::Keytab {
            name: CString::new(name).map_err(|_| no_path())?,
            _memory: None,
        };
        return Ok((origin, KnownKeys::of_file(path, keytab.stamp(), entries)));
    }
    let memory = in_memory(gss, &entries).map_err(|text| Unavailability::Platform {
        what: "the Kerberos library's keytab in memory",
        text,
    })?;
    let origin = Origin::Keytab {
        name: memory.0,
        _memory: Some(memory.1),
    };
    Ok((origin, KnownKeys::of_bytes(path, entries)))
}

/// Names of keytabs in memory are the process'.
fn in_memory(gss: &Arc<Gss>, entries: &[Entry]) -> Result<(CString, MemoryKeytab), String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name =
        CString::new(format!("MEMORY:gss-acceptor-{number}")).map_err(|error| error.to_string())?;
    let principals: Result<Vec<CString>, _> = entries
        .iter()
        .map(|entry| CString::new(names::unparse(&entry.principal)))
        .collect();
    let principals = principals.map_err(|error| error.to_string())?;
    let keys: Vec<Key<'_>> = entries
        .iter()
        .zip(&principals)
        .map(|(entry, principal)| Key {
            principal,
            kvno: entry.kvno,
            etype: entry.etype.0,
            octets: entry.key.expose(),
            timestamp: entry.timestamp,
        })
        .collect();
    let keytab = Krb5::new(gss)?.memory_keytab(&name, &keys)?;
    Ok((name, keytab))
}

fn describe(keys: &Keys) -> String {
    let all: Vec<String> = keys.all().iter().take(16).map(Entry::to_string).collect();
    if all.is_empty() {
        "what the library finds by itself".into()
    } else {
        all.join(", ")
    }
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
