//! What a backend tells an operator at start-up.

use std::time::{Duration, SystemTime};

use crate::etype::EncryptionType;
use crate::name::Principal;

/// What a backend tells an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendDescription {
    /// The backend's name.
    pub backend: &'static str,
    /// The platform's library that it calls, where it calls one.
    pub library: Option<String>,
    /// How far that library lets clocks be apart, where it decides and not
    /// the configuration.
    pub clock_skew: Option<Duration>,
    /// The server's principals and their keys.
    pub principals: Vec<PrincipalDescription>,
    /// The server's own TGT, for user-to-user.
    pub tgt: Option<TgtDescription>,
    /// What should be looked at: a keytab that the world can read, keys that
    /// cannot be used, a TGT that has ended.
    pub warnings: Vec<String>,
}

impl BackendDescription {
    /// A description without principals or warnings.
    #[must_use]
    pub fn new(backend: &'static str) -> Self {
        Self {
            backend,
            ..Self::default()
        }
    }
}

/// A principal of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalDescription {
    /// Its name.
    pub principal: Principal,
    /// Version and type of each of its keys, the newest first.
    pub keys: Vec<(u32, EncryptionType)>,
}

/// The server's own TGT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TgtDescription {
    /// Whose it is.
    pub client: Principal,
    /// The type of its session key.
    pub etype: EncryptionType,
    /// Until when it holds.
    pub end: SystemTime,
}
