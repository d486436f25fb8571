//! The server's long-term keys: read once, derived when first used, and
//! exchanged as a whole when a keytab changes (rules 4, 6, 42).

mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwap, Guard};

use self::watch::Watch;
use super::crypto::{self, Key, UsageKey};
use super::keytab::table::KeyTable;
use super::keytab::{self, Entry, KeytabError, KvnoWidth};
use crate::backends::{PrincipalDescription, Settings};
use crate::credentials::{Credentials, Keytab, ServicePassword};
use crate::error::{Error, KeytabProblem, Misuse, Unavailability};
use crate::etype::EncryptionType;
use crate::files;
use crate::name::ServiceName;
use crate::secret::Secret;

/// Key usage of a ticket (RFC 4120 7.5.1).
const USAGE_TICKET: u32 = 2;
/// How many principals an error names.
const NAMED: usize = 4;

/// A long-term key, ready to open tickets from its first use on.
pub(crate) struct ServiceKey {
    /// `None` for a type that is not implemented: known, to be named in an
    /// error, and of no other use.
    key: Option<Key>,
    ticket: OnceLock<Box<UsageKey>>,
}

impl ServiceKey {
    fn new(entry: &Entry) -> Self {
        Self {
            key: Key::new(entry.etype, entry.key.clone()).ok(),
            ticket: OnceLock::new(),
        }
    }

    /// The key that opens tickets, if the type is implemented.
    pub(super) fn ticket_key(&self) -> Option<&UsageKey> {
        let key = self.key.as_ref()?;
        Some(
            self.ticket
                .get_or_init(|| Box::new(key.usage_key(USAGE_TICKET))),
        )
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
    /// What is wrong with a keytab that has changed, for `describe()`.
    trouble: Mutex<Vec<String>>,
    warnings: Vec<String>,
    accepts: Accepts,
}

/// Which keys a configuration can use.
struct Accepts {
    services: Vec<ServiceName>,
    etypes: Vec<EncryptionType>,
}

impl KeySource {
    /// Reads credentials, and begins to watch those that are files.
    ///
    /// # Errors
    ///
    /// Unusable credentials, or none that the settings accept.
    pub(crate) fn new(credentials: &[Credentials], settings: &Settings) -> Result<Self, Error> {
        let mut sources = Vec::with_capacity(credentials.len());
        let mut warnings = Vec::new();
        for one in credentials {
            sources.push(match one {
                Credentials::Keytab(keytab) => Source::from_keytab(keytab, &mut warnings)?,
                Credentials::Password(password) => Source::from_password(password)?,
                Credentials::SystemDefault => {
                    return Err(Misuse::Unsupported {
                        backend: "rust",
                        what: "the system's default credentials",
                    }
                    .into());
                }
            });
        }
        let table = table_of(&sources);
        let accepts = Accepts {
            services: settings.services.clone(),
            etypes: settings.etypes.clone(),
        };
        check_usable(&table, &accepts, &mut warnings)?;
        let state = Arc::new(State {
            table: ArcSwap::from_pointee(table),
            trouble: Mutex::new(Vec::new()),
            warnings,
            accepts,
        });
        let watch = Watch::start(sources, &state)?;
        Ok(Self {
            state,
            _watch: watch,
        })
    }

    /// The keys as they are now; a handshake holds on to what it got.
    pub(super) fn table(&self) -> Guard<Arc<Table>> {
        self.state.table.load()
    }

    /// Principals and keys, and what should be looked at.
    pub(crate) fn describe(&self) -> (Vec<PrincipalDescription>, Vec<String>) {
        let mut warnings = self.state.warnings.clone();
        let trouble = self
            .state
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        warnings.extend(trouble.iter().cloned());
        let table = self.table();
        let principals = table
            .principals()
            .filter_map(|keys| {
                Some(PrincipalDescription {
                    principal: keys.principal()?.clone(),
                    keys: keys.all().map(|key| (key.kvno, key.etype)).collect(),
                })
            })
            .collect();
        (principals, warnings)
    }
}

/// Some of the principals of a table, for an error.
pub(super) fn some_principals(table: &Table) -> Vec<crate::name::Principal> {
    table
        .principals()
        .filter_map(|keys| keys.principal().cloned())
        .take(NAMED)
        .collect()
}

/// Where keys come from, and what they were when last read.
struct Source {
    entries: Vec<Entry>,
    file: Option<watch::WatchedFile>,
}

impl Source {
    fn from_keytab(keytab: &Keytab, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let entries = parse(keytab.bytes()).map_err(|problem| Unavailability::Keytab {
            origin: keytab.path().map(Path::to_path_buf),
            problem,
        })?;
        if let Some(path) = keytab.path().filter(|path| files::world_readable(path)) {
            warnings.push(format!(
                "keytab '{}' can be read by every user of this machine; chmod 0640 it",
                path.display()
            ));
        }
        let file = watch::WatchedFile::new(keytab);
        Ok(Self { entries, file })
    }

    /// Every principal of the account has the same keys: one derivation for
    /// each encryption type.
    fn from_password(password: &ServicePassword) -> Result<Self, Error> {
        let salt = password.salt_bytes();
        let mut entries = Vec::new();
        for &etype in password.key_types() {
            let key = crypto::string_to_key(etype, password.password().expose(), &salt, None)
                .map_err(|_| Misuse::Etypes {
                    etypes: vec![etype],
                })?;
            for principal in password.principals() {
                entries.push(Entry {
                    principal: principal.clone(),
                    // A password has no version: any ticket's will do.
                    kvno: 0,
                    kvno_width: KvnoWidth::Full32,
                    etype,
                    key: key.secret().clone(),
                    timestamp: 0,
                });
            }
        }
        Ok(Self {
            entries,
            file: None,
        })
    }
}

fn parse(bytes: &Secret) -> Result<Vec<Entry>, KeytabProblem> {
    keytab::parse(bytes.expose()).map_err(|error| match error {
        KeytabError::NotAKeytab { .. } => KeytabProblem::NotAKeytab,
        KeytabError::UnsupportedVersion { version } => {
            KeytabProblem::Version(version.to_be_bytes()[1])
        }
        KeytabError::Truncated { offset } => KeytabProblem::Truncated(offset),
        KeytabError::BadEntry { offset } => KeytabProblem::BadEntry(offset),
        KeytabError::Empty => KeytabProblem::Empty,
    })
}

fn table_of(sources: &[Source]) -> Table {
    let entries: Vec<Entry> = sources
        .iter()
        .flat_map(|source| source.entries.iter().cloned())
        .collect();
    KeyTable::build(&entries, ServiceKey::new)
}

/// A configuration that can let nobody in is refused, and told why.
fn check_usable(table: &Table, accepts: &Accepts, warnings: &mut Vec<String>) -> Result<(), Error> {
    let mut usable = 0_usize;
    let mut unusable = Vec::new();
    for keys in table.principals() {
        let Some(principal) = keys.principal() else {
            continue;
        };
        let accepted =
            accepts.services.is_empty() || accepts.services.iter().any(|own| own.covers(principal));
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
