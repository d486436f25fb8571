//! A file of secrets that is read when it is named, and again when it has
//! changed.

use core::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files;
use crate::secret::Secret;

/// The bytes of such a file, or bytes that came without one.
#[derive(Clone)]
pub(super) struct Source {
    origin: Option<PathBuf>,
    bytes: Secret,
    reload: Option<Duration>,
    stamp: Option<files::Stamp>,
}

impl Source {
    /// How often a file is looked at unless somebody says otherwise.
    pub(super) const DEFAULT_RELOAD: Duration = Duration::from_secs(5);

    /// The bytes of the file at `path`, which looked like `stamp`.
    pub(super) fn file(path: &Path, bytes: Secret, stamp: files::Stamp) -> Self {
        Self {
            origin: Some(path.into()),
            bytes,
            reload: Some(Self::DEFAULT_RELOAD),
            stamp: Some(stamp),
        }
    }

    /// Bytes without a file.
    pub(super) fn memory(bytes: Secret) -> Self {
        Self {
            origin: None,
            bytes,
            reload: None,
            stamp: None,
        }
    }

    /// Looks at the file this often; bytes without one stay as they are.
    pub(super) fn reload_every(&mut self, interval: Duration) {
        if self.origin.is_some() {
            self.reload = Some(interval);
        }
    }

    /// Never looks at the file again.
    pub(super) fn never_reload(&mut self) {
        self.reload = None;
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.origin.as_deref()
    }

    pub(super) fn bytes(&self) -> &Secret {
        &self.bytes
    }

    #[allow(dead_code)] // as in files.rs
    pub(super) fn stamp(&self) -> Option<files::Stamp> {
        self.stamp
    }

    pub(super) fn reload_interval(&self) -> Option<Duration> {
        self.reload
    }

    /// For `Debug`, under the name of what it is: no secret in it.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("origin", &self.origin)
            .field("reload", &self.reload)
            .finish_non_exhaustive()
    }
}

/// What keytabs and credential caches have in common as builders: how their
/// file is followed.
macro_rules! follows_its_file {
    ($name:ident) => {
        impl $name {
            /// How often the file is looked at unless
            /// [`reload_every`](Self::reload_every) says otherwise.
            pub const DEFAULT_RELOAD: Duration = Source::DEFAULT_RELOAD;

            /// Looks at the file this often instead. No effect on bytes that
            /// came without one.
            #[must_use]
            pub fn reload_every(mut self, interval: Duration) -> Self {
                self.0.reload_every(interval);
                self
            }

            /// Never looks at the file again.
            #[must_use]
            pub fn without_reload(mut self) -> Self {
                self.0.never_reload();
                self
            }

            /// The file it came from.
            #[must_use]
            pub fn path(&self) -> Option<&Path> {
                self.0.path()
            }

            /// For backends: the bytes, as they were when it was opened.
            #[must_use]
            pub fn bytes(&self) -> &Secret {
                self.0.bytes()
            }

            /// What the file looked like when it was read.
            #[allow(dead_code)] // as in files.rs
            pub(crate) fn stamp(&self) -> Option<files::Stamp> {
                self.0.stamp()
            }

            /// For backends: how often to look at the file, if at all.
            #[must_use]
            pub fn reload_interval(&self) -> Option<Duration> {
                self.0.reload_interval()
            }
        }
    };
}
pub(super) use follows_its_file;
