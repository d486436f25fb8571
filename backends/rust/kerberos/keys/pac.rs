//! What a PAC is signed with (MS-PAC 2.8).

use std::path::Path;
use std::sync::OnceLock;

use crate::backends::rust::kerberos::crypto::{ChecksumKey, Key};
use crate::credentials::Keytab;
use crate::error::{Error, KeytabProblem, Unavailability};
use crate::keytab;

/// Key usage of all signatures in a PAC (KERB_NON_KERB_CKSUM_SALT).
const USAGE_PAC: u32 = 17;

/// A key for PACs, derived when the first one comes.
pub(crate) struct PacKey {
    key: Key,
    derived: OnceLock<ChecksumKey>,
}

impl PacKey {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            derived: OnceLock::new(),
        }
    }

    /// Makes and checks the signatures.
    pub(crate) fn checksum(&self) -> &ChecksumKey {
        self.derived
            .get_or_init(|| self.key.checksum_key(USAGE_PAC))
    }
}

/// The keys of krbtgt in a keytab. More than a few would be work for whoever
/// sends a PAC.
pub(crate) fn krbtgt_keys(keytab: &Keytab) -> Result<Vec<PacKey>, Error> {
    const MOST: usize = 16;
    let unusable = |problem| Unavailability::Keytab {
        origin: keytab.path().map(Path::to_path_buf),
        problem,
    };
    let entries = keytab::parse(keytab.bytes().expose()).map_err(unusable)?;
    let keys: Vec<PacKey> = entries
        .into_iter()
        .filter(|entry| entry.principal.components().next() == Some(b"krbtgt"))
        .filter_map(|entry| Key::new(entry.etype, entry.key).ok())
        .take(MOST)
        .map(PacKey::new)
        .collect();
    if keys.is_empty() {
        return Err(unusable(KeytabProblem::NoKrbtgt).into());
    }
    Ok(keys)
}
