//! What a PAC is signed with (MS-PAC 2.8).

use std::sync::OnceLock;

use crate::backends::rust::kerberos::crypto::{ChecksumKey, Key};

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
