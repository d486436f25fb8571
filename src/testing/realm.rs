//! A realm and its services: who has which key.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::client::ClientBuilder;
use super::clock::TestClock;
use crate::backends::rust::kerberos::crypto::{self, Key};
use crate::keytab::{self, Entry, KvnoWidth};
use crate::time::unix_seconds;
use crate::{Clock, EncryptionType, Error, Keytab, Misuse, Principal, ServiceName, random};

/// A Kerberos realm in memory: what a KDC knows, without a KDC.
///
/// It mints keytabs for servers and tickets for clients. Cheap to clone; a
/// clone is the same realm.
#[derive(Clone)]
pub struct Realm(Arc<Inner>);

struct Inner {
    name: String,
    clock: Arc<TestClock>,
    /// By the displayed name, which is unambiguous.
    services: Mutex<BTreeMap<String, Service>>,
}

impl Realm {
    /// A realm whose clock goes with the system's. A server under test may
    /// use its own clock; one that is to follow when the realm's is turned
    /// takes [`clock`](Self::clock).
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_clock(name, TestClock::going())
    }

    /// A realm whose clock stands at `now`. A server under test must take
    /// [`clock`](Self::clock).
    #[must_use]
    pub fn at(name: impl Into<String>, now: SystemTime) -> Self {
        Self::with_clock(name, TestClock::standing(now))
    }

    fn with_clock(name: impl Into<String>, clock: TestClock) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            clock: Arc::new(clock),
            services: Mutex::default(),
        }))
    }

    /// The realm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The realm's clock, which its clients go by, and a server under test
    /// if given to [`ConfigBuilder::clock`](crate::ConfigBuilder::clock).
    #[must_use]
    pub fn clock(&self) -> Arc<TestClock> {
        Arc::clone(&self.0.clock)
    }

    /// The service of this name, such as `HTTP/localhost`; made, with keys
    /// of every default encryption type and kvno 1, if there is none yet.
    ///
    /// # Errors
    ///
    /// [`Misuse::Name`] when it is no name of a service.
    pub fn service(&self, name: &str) -> Result<Service, Error> {
        let principal = self.principal(name)?;
        let key = principal.to_string();
        let mut services = self.services();
        if let Some(known) = services.get(&key) {
            return Ok(known.clone());
        }
        let service = Service::new(self, principal, 1, &EncryptionType::DEFAULT)?;
        services.insert(key, service.clone());
        Ok(service)
    }

    /// The service of this name with fresh keys of these types and this
    /// kvno, in place of any that there was. Its tickets are encrypted with
    /// the first of the types unless a client asks for another.
    ///
    /// # Errors
    ///
    /// [`Misuse::Name`] when it is no name of a service, [`Misuse::Etypes`]
    /// for types that are not implemented, or none.
    pub fn service_with_keys(
        &self,
        name: &str,
        kvno: u32,
        etypes: &[EncryptionType],
    ) -> Result<Service, Error> {
        let principal = self.principal(name)?;
        let key = principal.to_string();
        let service = Service::new(self, principal, kvno, etypes)?;
        self.services().insert(key, service.clone());
        Ok(service)
    }

    /// A keytab with the keys of all services of the realm.
    #[must_use]
    pub fn keytab(&self) -> Keytab {
        in_memory(self.keytab_bytes())
    }

    /// The same as the bytes of a keytab file.
    #[must_use]
    pub fn keytab_bytes(&self) -> Vec<u8> {
        let services: Vec<Service> = self.services().values().cloned().collect();
        let entries: Vec<Entry> = services
            .iter()
            .flat_map(|service| service.keyring().entries.clone())
            .collect();
        file(&entries)
    }

    /// A name in this realm, unless it says another.
    pub(super) fn principal(&self, name: &str) -> Result<Principal, Error> {
        let components = match name.parse()? {
            ServiceName::Service(one) => vec![one],
            ServiceName::Host { service, host } => vec![service, host],
            ServiceName::Principal(whole) => return Ok(whole),
        };
        let name_type = match components.len() {
            1 => Principal::NT_PRINCIPAL,
            _ => Principal::NT_SRV_HST,
        };
        Ok(Principal::new(self.name(), &components, name_type))
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<String, Service>> {
        self.0
            .services
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm")
            .field("name", &self.0.name)
            .field("clock", &self.0.clock)
            .field("services", &self.services().keys())
            .finish()
    }
}

/// A service of a [`Realm`]: its keys, and the clients that come to it.
/// Cheap to clone; a clone is the same service.
#[derive(Clone)]
pub struct Service(Arc<ServiceInner>);

struct ServiceInner {
    realm: RealmOf,
    principal: Principal,
    keyring: Mutex<Keyring>,
}

/// What a service needs of its realm; not the realm, which owns it.
struct RealmOf {
    name: String,
    clock: Arc<TestClock>,
}

struct Keyring {
    kvno: u32,
    etypes: Vec<EncryptionType>,
    /// The keytab's entries, the newest version last.
    entries: Vec<Entry>,
}

/// The longest part of a name: the format's own limit is 65535 bytes.
const MAX_PART: usize = 1024;

impl Service {
    fn new(
        realm: &Realm,
        principal: Principal,
        kvno: u32,
        etypes: &[EncryptionType],
    ) -> Result<Self, Error> {
        let too_long = |part: &[u8]| part.len() > MAX_PART;
        if too_long(principal.realm()) || principal.components().any(too_long) {
            let text = principal.to_string();
            return Err(Misuse::Name { text }.into());
        }
        let unusable = |etype: &EncryptionType| !crypto::is_implemented(*etype);
        if etypes.is_empty() || etypes.iter().any(unusable) {
            let etypes = etypes.to_vec();
            return Err(Misuse::Etypes { etypes }.into());
        }
        let service = Self(Arc::new(ServiceInner {
            realm: RealmOf {
                name: realm.name().to_owned(),
                clock: realm.clock(),
            },
            principal,
            keyring: Mutex::new(Keyring {
                kvno,
                etypes: etypes.to_vec(),
                entries: Vec::new(),
            }),
        }));
        service.add_keys(&mut service.keyring());
        Ok(service)
    }

    /// Its name.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The version of its newest key.
    #[must_use]
    pub fn kvno(&self) -> u32 {
        self.keyring().kvno
    }

    /// A keytab with its keys as they are now, all versions.
    #[must_use]
    pub fn keytab(&self) -> Keytab {
        in_memory(self.keytab_bytes())
    }

    /// The same as the bytes of a keytab file.
    #[must_use]
    pub fn keytab_bytes(&self) -> Vec<u8> {
        file(&self.keyring().entries)
    }

    /// Gives it new keys under the next kvno. The older ones stay in keytabs
    /// made from now on; tickets are encrypted with the newest.
    pub fn rotate_key(&self) {
        let mut keyring = self.keyring();
        keyring.kvno += 1;
        self.add_keys(&mut keyring);
    }

    /// Gives it new keys under the same kvno, as a password that is set
    /// again without counting: keytabs made before no longer open its
    /// tickets, and nothing but the attempt shows it.
    pub fn replace_key(&self) {
        let mut keyring = self.keyring();
        let kvno = keyring.kvno;
        keyring.entries.retain(|entry| entry.kvno != kvno);
        self.add_keys(&mut keyring);
    }

    /// Leaves the older versions out of keytabs made from now on.
    pub fn forget_old_keys(&self) {
        let mut keyring = self.keyring();
        let kvno = keyring.kvno;
        keyring.entries.retain(|entry| entry.kvno == kvno);
    }

    /// A client of this service, such as `alice` (of this realm) or
    /// `bob@OTHER.TEST`.
    pub fn client(&self, name: &str) -> ClientBuilder {
        ClientBuilder::new(self, name)
    }

    pub(super) fn realm_name(&self) -> &str {
        &self.0.realm.name
    }

    pub(super) fn now(&self) -> SystemTime {
        self.0.realm.clock.now()
    }

    /// The newest key of a type, of its first type unless one is given; and
    /// its version.
    pub(super) fn key(&self, etype: Option<EncryptionType>) -> Option<(Key, u32)> {
        let keyring = self.keyring();
        let etype = etype.or_else(|| keyring.etypes.first().copied())?;
        let newest = |entry: &&Entry| entry.etype == etype && entry.kvno == keyring.kvno;
        let entry = keyring.entries.iter().find(newest)?;
        Some((Key::new(etype, entry.key.clone()).ok()?, entry.kvno))
    }

    fn add_keys(&self, keyring: &mut Keyring) {
        let now = unix_seconds(self.now());
        for etype in &keyring.etypes {
            // Every type was checked when the service was made.
            let Ok(key) = Key::generate(*etype, &mut random::fill) else {
                continue;
            };
            keyring.entries.push(Entry {
                principal: self.0.principal.clone(),
                kvno: keyring.kvno,
                kvno_width: KvnoWidth::Full32,
                etype: *etype,
                key: key.to_secret(),
                timestamp: u32::try_from(now).unwrap_or(0),
            });
        }
    }

    fn keyring(&self) -> MutexGuard<'_, Keyring> {
        self.0
            .keyring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("principal", &self.0.principal)
            .field("kvno", &self.kvno())
            .finish_non_exhaustive()
    }
}

fn file(entries: &[Entry]) -> Vec<u8> {
    keytab::write(entries).expect("names and types were checked when the service was made")
}

fn in_memory(bytes: Vec<u8>) -> Keytab {
    Keytab::from_bytes(bytes).expect("it begins as a keytab does")
}
