//! Files, in one place: nothing else opens one, and nothing on the path of a
//! handshake does.

// For backends: a build without one that needs them has no use for some.
#![allow(dead_code)]

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use crate::error::KeytabProblem;
use crate::secret::Secret;

/// The longest keytab that is read: some 400 000 keys.
const MAX_KEYTAB: u64 = 64 << 20;

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: Identity,
}

/// Inode and time of change: they change also when a copy keeps the time of
/// modification.
type Identity = (u64, i64, i64);

/// The stamp of a file, without opening it.
#[allow(clippy::disallowed_methods)]
pub(crate) fn stamp(path: &Path) -> Result<Stamp, KeytabProblem> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(stamp_of(&metadata)),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &io::Error) -> KeytabProblem {
    match error.kind() {
        io::ErrorKind::NotFound => KeytabProblem::Missing,
        _ => KeytabProblem::Unreadable(error.to_string()),
    }
}

fn stamp_of(metadata: &fs::Metadata) -> Stamp {
    Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        identity: identity(metadata),
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    (0, 0, 0)
}

/// Reads a keytab whole, with the stamp it had when it was opened.
// The one place that looks at files (clippy.toml forbids it elsewhere).
#[allow(clippy::disallowed_methods)]
pub(crate) fn read_keytab(path: &Path) -> Result<(Secret, Stamp), KeytabProblem> {
    let unreadable = |error: io::Error| unreadable(&error);
    let file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(KeytabProblem::Directory);
    }
    if metadata.len() > MAX_KEYTAB {
        return Err(KeytabProblem::TooLarge(metadata.len()));
    }
    // Sized beforehand, so that no reallocation leaves keys behind.
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(MAX_KEYTAB)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok((Secret::from(bytes), stamp_of(&metadata)))
}

/// Whether users other than the owner and the group may read the file.
#[cfg(unix)]
#[allow(clippy::disallowed_methods)]
pub(crate) fn world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Access lists are not read; nothing is claimed.
#[cfg(not(unix))]
pub(crate) fn world_readable(_: &Path) -> bool {
    false
}
