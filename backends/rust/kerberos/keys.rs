//! The server's long-term keys and its TGT: read once, derived then or when
//! first used, and exchanged as a whole when a file changes (rules 4, 6, 13, 42).

mod pac;
mod tgt;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

pub(crate) use self::pac::{PacKey, krbtgt_keys};
pub(crate) use self::tgt::OwnTgt;
use self::watch::WatchedFile;
use super::crypto::{self, CryptoError, Key, UsageKey};
use super::key_table::KeyTable;
use crate::apart::Apart;
use crate::backends::{BackendDescription, PrincipalDescription, Settings};
use crate::credentials::{Credentials, Keytab, ServicePassword, UserToUser};
use crate::error::{Error, Misuse, Unavailability};
use crate::etype::EncryptionType;
use crate::files;
use crate::files::watched::Watch;
use crate::keytab::{self, Entry, KvnoWidth};
use crate::mechanism::Mechanism;
use crate::name::{Principal, ServiceName};
use crate::requirements::Requirements;

/// Key usage of a ticket (RFC 4120 7.5.1).
const USAGE_TICKET: u32 = 2;
/// How many principals an error names.
const NAMED: usize = 4;
/// Up to this many keys are all derived when they are read in, which takes
/// microseconds and a kilobyte each.
const FEW: usize = 64;

/// A long-term key, ready to open tickets from its first use on.
pub(crate) struct ServiceKey {
    /// `None` for a type that is not implemented: known, to be named in an
    /// error, and of no other use.
    key: Option<Key>,
    /// These are read by all threads, and derived by the one that reads the
    /// keys in or, of many keys, by the first that needs them.
    ticket: OnceLock<Box<Apart<UsageKey>>>,
    pac: OnceLock<Box<Apart<PacKey>>>,
}

impl ServiceKey {
    fn new(entry: &Entry) -> Self {
        Self {
            key: Key::new(entry.etype, entry.key.clone()).ok(),
            ticket: OnceLock::new(),
            pac: OnceLock::new(),
        }
    }

    /// The same, ready for use: derived here and not among what a handshake's
    /// thread allocates and writes, which would be in the way of the others
    /// that read it, as processors fetch more than what they are asked for.
    fn ready(entry: &Entry) -> Self {
        let key = Self::new(entry);
        key.ticket_key();
        if let Some(pac) = key.pac_key() {
            pac.checksum();
        }
        key
    }

    /// The key that opens tickets, if the type is implemented.
    pub(super) fn ticket_key(&self) -> Option<&UsageKey> {
        let key = self.key.as_ref()?;
        Some(
            self.ticket
                .get_or_init(|| Box::new(Apart(key.usage_key(USAGE_TICKET)))),
        )
    }
}

impl ServiceKey {
    /// The same key for the PACs of those tickets.
    pub(super) fn pac_key(&self) -> Option<&PacKey> {
        let key = self.key.as_ref()?;
        let pac = || Box::new(Apart(PacKey::new(key.clone())));
        Some(self.pac.get_or_init(pac))
    }
}

pub(crate) type Table = KeyTable<ServiceKey>;

/// The keys of a configuration, or of one set of supplied credentials.
pub(crate) struct KeySource {
    state: Arc<State>,
    /// Kept for its end: dropping it ends the watching.
    _watch: Option<Watch>,
}

/// What the watching thread and the handshakes share.
struct State {
    table: ArcSwap<Table>,
    tgt: ArcSwapOption<OwnTgt>,
    /// Whether there is a TGT: files change, and what they hold does not.
    has_tgt: bool,
    /// What is wrong with a file that has changed, for `describe()`.
    trouble: Mutex<Vec<String>>,
    warnings: Vec<String>,
    accepts: Accepts,
}

/// Which keys a configuration can use.
struct Accepts {
    services: Vec<ServiceName>,
    etypes: Vec<EncryptionType>,
}

impl Accepts {
    fn service(&self, principal: &Principal) -> bool {
        self.services.is_empty() || self.services.iter().any(|own| own.covers(principal))
    }
}

impl KeySource {
    /// Reads credentials, and begins to watch those that are files.
    ///
    /// # Errors
    ///
    /// Unusable credentials, or none that the settings accept.
    pub(crate) fn new(credentials: &[Credentials], settings: &Settings) -> Result<Self, Error> {
        let accepts = Accepts {
            services: settings.services.clone(),
            etypes: settings.etypes.clone(),
        };
        let mut sources = Vec::with_capacity(credentials.len());
        let mut warnings = Vec::new();
        for one in credentials {
            sources.push(match one {
                Credentials::Keytab(keytab) => Source::from_keytab(keytab, &mut warnings)?,
                Credentials::Password(password) => {
                    Source::from_password(password, &settings.etypes)?
                }
                Credentials::UserToUser(own) => Source::from_tgt(own, &accepts, &mut warnings)?,
                // Another mechanism's.
                Credentials::Ntlm(_) => continue,
                Credentials::SystemDefault => {
                    return Err(Misuse::Unsupported {
                        backend: "rust",
                        what: "the system's default credentials",
                    }
                    .into());
                }
            });
        }
        let (table, tgt) = (table_of(&sources), tgt_of(&sources)?);
        // Rule 13: without a TGT nobody could meet it.
        if tgt.is_none() && settings.required.contains(Requirements::USE_SESSION_KEY) {
            return Err(Misuse::TgtNotGiven.into());
        }
        if settings.mechanisms.contains(&Mechanism::Kerberos) {
            if sources.is_empty() {
                return Err(Misuse::NoCredentials {
                    mechanism: Mechanism::Kerberos,
                }
                .into());
            }
            check_usable(&table, tgt.as_deref(), &accepts, &mut warnings)?;
        }
        let state = Arc::new(State {
            table: ArcSwap::from_pointee(table),
            has_tgt: tgt.is_some(),
            tgt: ArcSwapOption::new(tgt),
            trouble: Mutex::new(Vec::new()),
            warnings,
            accepts,
        });
        let watch = watch::start(sources, &state)?;
        Ok(Self {
            state,
            _watch: watch,
        })
    }

    /// The keys as they are now; a handshake holds on to what it got.
    pub(super) fn table(&self) -> Guard<Arc<Table>> {
        self.state.table.load()
    }

    /// The server's own TGT as it is now, if there is one.
    pub(super) fn tgt(&self) -> Option<Arc<OwnTgt>> {
        self.state.tgt.load_full()
    }

    /// Whether there is one.
    pub(crate) fn has_tgt(&self) -> bool {
        self.state.has_tgt
    }

    /// Whether there is one, and no long-term key beside it.
    pub(super) fn has_tgt_alone(&self) -> bool {
        self.has_tgt() && self.table().principals().next().is_none()
    }

    /// Principals, keys and TGT, and what should be looked at.
    pub(crate) fn describe(&self, now: SystemTime, description: &mut BackendDescription) {
        let mut warnings = self.state.warnings.clone();
        let trouble = self
            .state
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        warnings.extend(trouble.iter().cloned());
        if let Some(tgt) = self.tgt() {
            description.tgt = Some(tgt.describe());
            if let Err(error) = tgt.check(now) {
                warnings.push(error.to_string());
            }
        }
        description.warnings = warnings;
        let table = self.table();
        description.principals = table
            .principals()
            .filter_map(|keys| {
                Some(PrincipalDescription {
                    principal: keys.principal()?.clone(),
                    keys: keys.all().map(|key| (key.kvno, key.etype)).collect(),
                })
            })
            .collect();
    }
}

/// Some of the principals of a table, for an error.
pub(super) fn some_principals(table: &Table) -> Vec<Principal> {
    table
        .principals()
        .filter_map(|keys| keys.principal().cloned())
        .take(NAMED)
        .collect()
}

/// Where keys come from, and what they were when last read.
struct Source {
    contents: Contents,
    file: Option<WatchedFile>,
}

enum Contents {
    Keys(Vec<Entry>),
    Tgt(Arc<OwnTgt>),
}

impl Source {
    fn from_keytab(keytab: &Keytab, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let entries =
            keytab::parse(keytab.bytes().expose()).map_err(|problem| Unavailability::Keytab {
                origin: keytab.path().map(Path::to_path_buf),
                problem,
            })?;
        if let Some(path) = keytab.path().filter(|path| files::world_readable(path)) {
            warnings.push(format!(
                "keytab '{}' can be read by every user of this machine; chmod 0640 it",
                path.display()
            ));
        }
        Ok(Self {
            contents: Contents::Keys(entries),
            file: WatchedFile::keytab(keytab),
        })
    }

    fn from_tgt(
        own: &UserToUser,
        accepts: &Accepts,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let tgt = OwnTgt::parse(own.bytes().expose(), &accepts.etypes).map_err(|problem| {
            Unavailability::Ccache {
                origin: own.path().map(Path::to_path_buf),
                problem,
            }
        })?;
        if let Some(path) = own.path().filter(|path| files::world_readable(path)) {
            warnings.push(format!(
                "credential cache '{}' can be read by every user of this machine; chmod 0600 it",
                path.display()
            ));
        }
        Ok(Self {
            contents: Contents::Tgt(Arc::new(tgt)),
            file: WatchedFile::ccache(own),
        })
    }

    /// Every principal of the account has the same keys: one derivation for
    /// each encryption type.
    fn from_password(
        password: &ServicePassword,
        permitted: &[EncryptionType],
    ) -> Result<Self, Error> {
        let salt = password.salt_bytes();
        let mut entries = Vec::new();
        for etype in password.key_types(permitted) {
            let key = crypto::string_to_key(etype, password.password().expose(), &salt, None)
                .map_err(|error| match error {
                    CryptoError::PasswordEncoding => Misuse::PasswordEncoding { etype },
                    _ => Misuse::Etypes {
                        etypes: vec![etype],
                    },
                })?;
            for principal in password.principals() {
                entries.push(Entry {
                    principal: principal.clone(),
                    // A password has no version: any ticket's will do.
                    kvno: 0,
                    kvno_width: KvnoWidth::Full32,
                    etype,
                    key: key.to_secret(),
                    timestamp: 0,
                });
            }
        }
        Ok(Self {
            contents: Contents::Keys(entries),
            file: None,
        })
    }
}

fn table_of(sources: &[Source]) -> Table {
    let entries: Vec<Entry> = sources
        .iter()
        .flat_map(|source| match &source.contents {
            Contents::Keys(entries) => entries.as_slice(),
            Contents::Tgt(_) => &[],
        })
        .cloned()
        .collect();
    let derive = match entries.len() {
        ..=FEW => ServiceKey::ready,
        _ => ServiceKey::new,
    };
    KeyTable::build(&entries, derive)
}

/// The TGT among the sources. A second one would never be handed out to a
/// client that names nobody.
fn tgt_of(sources: &[Source]) -> Result<Option<Arc<OwnTgt>>, Misuse> {
    let mut found = None;
    for source in sources {
        if let Contents::Tgt(tgt) = &source.contents
            && found.replace(Arc::clone(tgt)).is_some()
        {
            return Err(Misuse::Conflict {
                first: "a UserToUser",
                second: "another UserToUser",
            });
        }
    }
    Ok(found)
}

/// A configuration that can let nobody in is refused, and told why.
fn check_usable(
    table: &Table,
    tgt: Option<&OwnTgt>,
    accepts: &Accepts,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let mut usable = usize::from(tgt.is_some_and(|tgt| accepts.service(tgt.client())));
    let mut unusable = Vec::new();
    for keys in table.principals() {
        let Some(principal) = keys.principal() else {
            continue;
        };
        let accepted = accepts.service(principal);
        for key in keys.all() {
            let permitted = accepts.etypes.contains(&key.etype) && key.payload.key.is_some();
            if accepted && permitted {
                usable += 1;
            } else if !permitted && unusable.len() < NAMED {
                unusable.push(format!("{principal} kvno {} {}", key.kvno, key.etype));
            }
        }
    }
    if usable == 0 {
        let has: Vec<String> = some_principals(table)
            .iter()
            .map(ToString::to_string)
            .chain(tgt.map(|tgt| format!("the TGT of {}", tgt.client())))
            .chain(unusable)
            .collect();
        return Err(Unavailability::NoUsableKey {
            has: crate::error::list(&has),
        }
        .into());
    }
    if !unusable.is_empty() {
        warnings.push(format!(
            "keys of types that are not permitted are not used: {}",
            unusable.join(", ")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{EncryptionType, FEW, Source, Table, table_of};
    use crate::credentials::Keytab;
    use crate::testing::Realm;

    fn table(keys: usize) -> Table {
        let realm = Realm::new("EXAMPLE.TEST");
        for number in 0..keys {
            let name = format!("HTTP/host{number}.example.test");
            realm
                .service_with_keys(&name, 1, &[EncryptionType::AES256_CTS_HMAC_SHA1_96])
                .unwrap();
        }
        let keytab: Keytab = realm.keytab();
        table_of(&[Source::from_keytab(&keytab, &mut Vec::new()).unwrap()])
    }

    fn derived(table: &Table) -> usize {
        let keys = table.principals().flat_map(|keys| keys.all());
        keys.filter(|key| key.payload.ticket.get().is_some() && key.payload.pac.get().is_some())
            .count()
    }

    /// What all threads read is not made among what one of them writes.
    #[test]
    fn few_keys_are_ready_when_they_are_read_in() {
        assert_eq!(derived(&table(1)), 1);
        assert_eq!(derived(&table(FEW)), FEW);
        // Of many, those that tickets come for.
        let many = table(FEW + 1);
        assert_eq!(derived(&many), 0);
        let key = many.principals().next().and_then(|keys| keys.all().next());
        let key = &key.unwrap().payload;
        assert!(key.ticket_key().is_some() && key.pac_key().is_some());
        assert_eq!(derived(&many), 1);
    }
}
