//! The keys of a keytab, as far as they are known here: the library opens
//! tickets with its own. They tell what a ticket lacks, and whose key it was.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::keytab::{self, Entry};
use crate::backends::Settings;
use crate::error::{Error, KeytabProblem, Unavailability};
use crate::etype::EncryptionType;
use crate::files::{self, Stamp};
use crate::name::Principal;

/// The keys of one keytab.
#[derive(Default)]
pub(super) struct Keys(Vec<Entry>);

impl Keys {
    /// All of them.
    pub(super) fn all(&self) -> &[Entry] {
        &self.0
    }

    /// A principal's.
    pub(super) fn of<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(move |key| key.principal == *principal)
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
}

/// Keys, and the file that they are from. The file is looked at again when
/// somebody asks for them: after a failure, for a ticket whose name is not
/// that of the key, or to describe the configuration. No handshake that goes
/// well does.
pub(super) struct KnownKeys {
    file: Option<PathBuf>,
    /// Whether the library follows the file.
    followed: bool,
    now: Mutex<(Option<Stamp>, Arc<Keys>)>,
}

impl KnownKeys {
    /// None: the library has them from elsewhere.
    pub(super) fn none() -> Self {
        Self::of_bytes(None, Vec::new())
    }

    /// As they were, whatever becomes of the file.
    pub(super) fn of_bytes(file: Option<&Path>, entries: Vec<Entry>) -> Self {
        Self {
            file: file.map(Into::into),
            followed: false,
            now: Mutex::new((None, Arc::new(Keys(entries)))),
        }
    }

    /// As the file has them.
    pub(super) fn of_file(file: &Path, stamp: Option<Stamp>, entries: Vec<Entry>) -> Self {
        Self {
            file: Some(file.into()),
            followed: true,
            now: Mutex::new((stamp, Arc::new(Keys(entries)))),
        }
    }

    /// Refuses a keytab that no ticket can be opened with.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Error> {
        let keys = self.now();
        let usable = |key: &Entry| {
            let mut services = settings.services.iter();
            settings.etypes.contains(&key.etype)
                && (settings.services.is_empty()
                    || services.any(|service| service.covers(&key.principal)))
        };
        if keys.all().is_empty() || keys.all().iter().any(usable) {
            return Ok(());
        }
        let has: Vec<String> = keys.all().iter().take(16).map(Entry::to_string).collect();
        Err(Unavailability::NoUsableKey {
            has: has.join(", "),
        }
        .into())
    }

    /// The keys now; those from before, if the file cannot be read.
    pub(super) fn now(&self) -> Arc<Keys> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = self.file.as_deref().filter(|_| self.followed) else {
            return Arc::clone(&now.1);
        };
        if files::stamp(file).ok() != now.0
            && let Ok((bytes, stamp)) = files::read_keytab(file)
            && let Ok(entries) = keytab::parse(bytes.expose())
        {
            *now = (Some(stamp), Arc::new(Keys(entries)));
        }
        Arc::clone(&now.1)
    }

    /// What an operator should look at.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(file) = self.file.as_deref() else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        let path = file.display();
        if files::world_readable(file) {
            warnings.push(format!(
                "keytab '{path}' can be read by every user of this system: chmod 0640"
            ));
        }
        if let Err(problem) = files::stamp(file) {
            let problem = KeytabProblem::from(problem);
            warnings.push(format!("keytab '{path}': {problem}"));
        }
        warnings
    }
}
