//! The keys of a keytab, and the keytab in the library's memory that has the
//! same: the library opens tickets, and here it is known what a ticket lacks
//! and whose key opened it. A file is watched, and both are exchanged together
//! (rule 42).

use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::krb5::sys::{Key, Krb5, MemoryKeytab};
use super::names;
use super::sys::Gss;
use crate::backends::Settings;
use crate::credentials::Keytab;
use crate::error::{Error, Unavailability};
use crate::etype::EncryptionType;
use crate::files;
use crate::files::watched::{Watch, WatchedFile, Words};
use crate::keytab::{self, Entry};
use crate::name::{Principal, ServiceName};
use crate::secret::Secret;

/// The keys of one keytab.
#[derive(Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
    /// The encryption types of which all principals have the same keys.
    alike: Vec<EncryptionType>,
    memory: Option<InMemory>,
}

/// A keytab in the library's memory, there for as long as this.
struct InMemory {
    name: CString,
    _keytab: MemoryKeytab,
}

impl Keys {
    fn new(entries: Vec<Entry>, memory: Option<InMemory>) -> Self {
        Self {
            alike: alike(&entries),
            entries,
            memory,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// The library's name for a keytab that has these and no others.
    pub(super) fn library_name(&self) -> Option<&CStr> {
        self.memory.as_ref().map(|memory| &*memory.name)
    }

    /// A principal's.
    pub(super) fn of<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a Entry> {
        let own = move |key: &&Entry| key.principal == *principal;
        self.entries.iter().filter(own)
    }

    /// Whether a principal has any.
    pub(super) fn has(&self, principal: &Principal) -> bool {
        self.of(principal).next().is_some()
    }

    /// Whether two names share a key of this type, as all service names of
    /// one account do.
    pub(super) fn same_key(
        &self,
        one: &Principal,
        other: &Principal,
        etype: EncryptionType,
    ) -> bool {
        let keys = |name| self.of(name).filter(move |key| key.etype == etype);
        keys(one).any(|own| keys(other).any(|key| key.key == own.key))
    }

    /// Whether a key of this type that has opened a ticket for this service
    /// is the service's own, whichever it was.
    pub(super) fn opens_as(&self, service: &Principal, etype: EncryptionType) -> bool {
        let own = |key: &Entry| key.etype == etype;
        self.alike.contains(&etype) && self.of(service).any(own)
    }

    fn usable(&self, accepts: &Accepts) -> Result<(), Error> {
        let usable = |key: &Entry| {
            let mut services = accepts.services.iter();
            accepts.etypes.contains(&key.etype)
                && (accepts.services.is_empty()
                    || services.any(|service| service.covers(&key.principal)))
        };
        if self.entries.is_empty() || self.entries.iter().any(usable) {
            return Ok(());
        }
        let named = self.entries.iter().take(16);
        let has: Vec<String> = named.map(Entry::to_string).collect();
        Err(Unavailability::NoUsableKey {
            has: has.join(", "),
        }
        .into())
    }
}

/// Of each encryption type the sets of keys that the principals have; those
/// with one set.
fn alike(entries: &[Entry]) -> Vec<EncryptionType> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    let by_octets = |one: &&Entry, other: &&Entry| one.key.expose().cmp(other.key.expose());
    sorted.sort_by(|one, other| {
        let name = |key: &Entry| (key.etype.0, names::unparse(&key.principal));
        name(one)
            .cmp(&name(other))
            .then_with(|| by_octets(one, other))
    });
    let same_owner =
        |one: &&Entry, other: &&Entry| one.etype == other.etype && one.principal == other.principal;
    let mut found: Vec<(EncryptionType, Vec<&Secret>, bool)> = Vec::new();
    for own in sorted.chunk_by(same_owner) {
        let mut keys: Vec<&Secret> = own.iter().map(|entry| &entry.key).collect();
        keys.dedup();
        let Some(etype) = own.first().map(|entry| entry.etype) else {
            continue;
        };
        match found.last_mut().filter(|(of, ..)| *of == etype) {
            Some((_, first, same)) => *same &= *first == keys,
            None => found.push((etype, keys, true)),
        }
    }
    let one_set = found.into_iter().filter(|(.., same)| *same);
    one_set.map(|(etype, ..)| etype).collect()
}

/// Which keys a configuration can use.
struct Accepts {
    services: Vec<ServiceName>,
    etypes: Vec<EncryptionType>,
}

/// Keys, and the file that they are from.
pub(super) struct KnownKeys {
    file: Option<PathBuf>,
    state: Arc<State>,
    /// Kept for its end: dropping it ends the watching.
    _watch: Option<Watch>,
}

/// What the watching thread and the handshakes share.
struct State {
    now: RwLock<Arc<Keys>>,
    /// What is wrong with a file that has changed.
    trouble: Mutex<Vec<String>>,
    accepts: Accepts,
}

impl KnownKeys {
    /// None: the library has them from elsewhere.
    pub(super) fn none() -> Self {
        let accepts = Accepts {
            services: Vec::new(),
            etypes: Vec::new(),
        };
        Self {
            file: None,
            state: Arc::new(State::new(Keys::default(), accepts)),
            _watch: None,
        }
    }

    /// Those of a keytab, put where the library finds them.
    ///
    /// # Errors
    ///
    /// A keytab that cannot be read, and a library that does not take it.
    pub(super) fn of_keytab(
        gss: &Arc<Gss>,
        keytab: &Keytab,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let path = keytab.path();
        let unusable = |problem| Unavailability::Keytab {
            origin: path.map(Into::into),
            problem,
        };
        let entries = keytab::parse(keytab.bytes().expose()).map_err(unusable)?;
        let accepts = Accepts {
            services: settings.services.clone(),
            etypes: settings.etypes.clone(),
        };
        let state = Arc::new(State::new(loaded(gss, entries)?, accepts));
        let watch = match (path, keytab.reload_interval()) {
            (Some(path), Some(interval)) => {
                let file = WatchedFile::new(Words::KEYTAB, path, interval, keytab.stamp());
                Some(watch(file, gss, &state)?)
            }
            _ => None,
        };
        Ok(Self {
            file: path.map(Into::into),
            state,
            _watch: watch,
        })
    }

    /// Refuses a keytab that no ticket can be opened with.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.now().usable(&self.state.accepts)
    }

    /// The keys as they are now; a handshake holds on to what it got.
    pub(super) fn now(&self) -> Arc<Keys> {
        self.state.now()
    }

    /// What an operator should look at.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(path) = self
            .file
            .as_deref()
            .filter(|path| files::world_readable(path))
        {
            let path = path.display();
            warnings.push(format!(
                "keytab '{path}' can be read by every user of this system: chmod 0640"
            ));
        }
        let trouble = &self.state.trouble;
        let trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.extend(trouble.iter().cloned());
        warnings
    }
}

impl State {
    fn new(keys: Keys, accepts: Accepts) -> Self {
        Self {
            now: RwLock::new(Arc::new(keys)),
            trouble: Mutex::new(Vec::new()),
            accepts,
        }
    }

    fn now(&self) -> Arc<Keys> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now)
    }
}

fn watch(mut file: WatchedFile, gss: &Arc<Gss>, state: &Arc<State>) -> Result<Watch, Error> {
    let (gss, state) = (Arc::clone(gss), Arc::clone(state));
    Watch::start(file.interval(), move || look(&mut file, &gss, &state))
}

/// Looks at the file once. What cannot be read leaves the keys as they are; a
/// key that is taken out of the file is not to open tickets any longer, so
/// the others hold even if nobody gets in with them.
fn look(file: &mut WatchedFile, gss: &Arc<Gss>, state: &State) {
    let renewed = file.renewed(files::read_keytab, |bytes| keytab::parse(bytes.expose()));
    let mut trouble = Vec::new();
    match renewed.map(|entries| loaded(gss, entries)) {
        Some(Ok(keys)) => {
            *state.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Some(Err(error)) => trouble.push(error.to_string()),
        None => {}
    }
    trouble.extend(file.trouble().cloned());
    if let Err(error) = state.now().usable(&state.accepts) {
        trouble.push(format!("nobody can log in: {error}"));
    }
    *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

/// The same keys here and there.
fn loaded(gss: &Arc<Gss>, entries: Vec<Entry>) -> Result<Keys, Error> {
    let memory = in_memory(gss, &entries).map_err(|text| Unavailability::Platform {
        what: "the Kerberos library's keytab in memory",
        text,
    })?;
    Ok(Keys::new(entries, Some(memory)))
}

/// Names of keytabs in memory are the process'.
fn in_memory(gss: &Arc<Gss>, entries: &[Entry]) -> Result<InMemory, String> {
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
    Ok(InMemory {
        name,
        _keytab: keytab,
    })
}

#[cfg(test)]
mod tests {
    use super::{Entry, Keys};
    use crate::etype::EncryptionType;
    use crate::keytab::KvnoWidth;
    use crate::name::Principal;
    use crate::secret::Secret;

    const AES: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;
    const OTHER: EncryptionType = EncryptionType::AES128_CTS_HMAC_SHA1_96;

    fn name(service: &str) -> Principal {
        Principal::new("R", &[service, "h"], Principal::NT_SRV_HST)
    }

    fn keys(entries: &[(&str, u32, EncryptionType, u8)]) -> Keys {
        let entry = |&(service, kvno, etype, octet): &(&str, u32, EncryptionType, u8)| Entry {
            principal: name(service),
            kvno,
            kvno_width: KvnoWidth::Full32,
            etype,
            key: Secret::from(vec![octet; 32]),
            timestamp: 0,
        };
        Keys::new(entries.iter().map(entry).collect(), None)
    }

    /// Rule 4: where the keys differ, it takes the library to say which one
    /// it was.
    #[test]
    fn a_key_is_the_services_own_only_where_all_are() {
        let one = keys(&[("HTTP", 1, AES, 1), ("HTTP", 2, AES, 2)]);
        assert!(one.opens_as(&name("HTTP"), AES));
        assert!(!one.opens_as(&name("cifs"), AES), "no entry");
        assert!(!one.opens_as(&name("HTTP"), OTHER), "none of the type");

        // An account with two names, rotated once.
        let account = [
            ("HTTP", 1, AES, 1),
            ("cifs", 1, AES, 1),
            ("HTTP", 2, AES, 2),
            ("cifs", 2, AES, 2),
        ];
        let both = keys(&account);
        assert!(both.opens_as(&name("HTTP"), AES) && both.opens_as(&name("cifs"), AES));

        // One of them lacks a key, has another, or a third is somebody else.
        for odd in [
            &account[..3],
            &[("HTTP", 1, AES, 1), ("cifs", 1, AES, 2)],
            &[("HTTP", 1, AES, 1), ("a", 1, AES, 2), ("cifs", 1, AES, 1)],
        ] {
            let keys = keys(odd);
            assert!(!keys.opens_as(&name("HTTP"), AES), "{odd:?}");
            assert!(!keys.opens_as(&name("cifs"), AES), "{odd:?}");
        }

        // Types are apart.
        let types = keys(&[
            ("HTTP", 1, AES, 1),
            ("HTTP", 1, OTHER, 2),
            ("cifs", 1, OTHER, 3),
        ]);
        assert!(types.opens_as(&name("HTTP"), AES));
        assert!(!types.opens_as(&name("HTTP"), OTHER));
    }
}
