//! Files, in one place: nothing else opens one, and nothing on the path of a
//! handshake does.

// For backends: a build without one that needs them has no use for some.
#![allow(dead_code)]

pub(crate) mod watched;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use crate::error::{CcacheProblem, KeytabProblem};
use crate::secret::Secret;

/// The longest keytab that is read: some 400 000 keys.
const MAX_KEYTAB: u64 = 64 << 20;
/// The longest credential cache: hundreds of tickets of the longest kind.
const MAX_CCACHE: u64 = 16 << 20;

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
pub(crate) fn stamp(path: &Path) -> Result<Stamp, Unread> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(stamp_of(&metadata)),
        Err(error) => Err(Unread::Failed(error)),
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
pub(crate) fn read_keytab(path: &Path) -> Result<(Secret, Stamp), KeytabProblem> {
    Ok(read(path, MAX_KEYTAB)?)
}

/// Reads a credential cache whole, with the stamp it had when it was opened.
pub(crate) fn read_ccache(path: &Path) -> Result<(Secret, Stamp), CcacheProblem> {
    Ok(read(path, MAX_CCACHE)?)
}

/// Why a file of secrets was not read.
pub(crate) enum Unread {
    Failed(io::Error),
    Directory,
    TooLarge(u64),
}

impl From<Unread> for KeytabProblem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Unread::Failed(error) => Self::Unreadable(error.to_string()),
            Unread::Directory => Self::Directory,
            Unread::TooLarge(length) => Self::TooLarge(length),
        }
    }
}

impl From<Unread> for CcacheProblem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Unread::Failed(error) => Self::Unreadable(error.to_string()),
            Unread::Directory => Self::Directory,
            Unread::TooLarge(length) => Self::TooLarge(length),
        }
    }
}

// The one place that opens files (clippy.toml forbids it elsewhere).
#[allow(clippy::disallowed_methods)]
fn read(path: &Path, most: u64) -> Result<(Secret, Stamp), Unread> {
    let file = fs::File::open(path).map_err(Unread::Failed)?;
    let metadata = file.metadata().map_err(Unread::Failed)?;
    if metadata.is_dir() {
        return Err(Unread::Directory);
    }
    if metadata.len() > most {
        return Err(Unread::TooLarge(metadata.len()));
    }
    // Sized beforehand, so that no reallocation leaves keys behind.
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(Unread::Failed)?;
    Ok((Secret::from(bytes), stamp_of(&metadata)))
}

/// Writes a file that its owner alone may read: under another name beside
/// `path`, which nobody can have made before, then renamed. It is not forced
/// to the disk: credentials need not outlive a crash.
pub(crate) fn write_private(path: &Path, bytes: &Secret) -> Result<(), CcacheProblem> {
    let unwritable = |error: io::Error| CcacheProblem::Unwritable(error.to_string());
    if path.is_dir() {
        return Err(CcacheProblem::Directory);
    }
    let Some(name) = path.file_name() else {
        return Err(CcacheProblem::Directory);
    };
    let mut random = [0; 8];
    crate::random::fill(&mut random);
    let mut beside = name.to_os_string();
    beside.push(format!(".{:016x}", u64::from_be_bytes(random)));
    let beside = path.with_file_name(beside);
    let written = create_private(&beside)
        .and_then(|mut file| file.write_all(bytes.expose()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // Whatever of it is there holds keys. If it cannot be removed either,
        // the first error says why.
        let _ = fs::remove_file(&beside);
        unwritable(error)
    })
}

/// A new file of mode 0600, whatever the process's mask says.
#[cfg(unix)]
#[allow(clippy::disallowed_methods)]
fn create_private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // A mask may have taken the owner's own permission away.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The access list is the directory's.
#[cfg(not(unix))]
#[allow(clippy::disallowed_methods)]
fn create_private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
}

/// The longest configuration file that is read.
const MAX_TEXT: u64 = 1 << 20;
/// The most names of a directory that are looked at.
const MAX_NAMES: usize = 4096;

/// Why a text file or directory cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextProblem {
    Missing,
    Unreadable(String),
    TooLarge,
    NotText,
}

fn text_problem(error: &io::Error) -> TextProblem {
    match error.kind() {
        io::ErrorKind::NotFound => TextProblem::Missing,
        _ => TextProblem::Unreadable(error.to_string()),
    }
}

/// Reads a configuration file whole.
#[allow(clippy::disallowed_methods)]
pub(crate) fn read_text(path: &Path) -> Result<String, TextProblem> {
    let file = fs::File::open(path).map_err(|error| text_problem(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| text_problem(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(TextProblem::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| TextProblem::NotText)
}

/// The names in a directory that are text, in no order.
#[allow(clippy::disallowed_methods)]
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>, TextProblem> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| text_problem(&error))? {
        let entry = entry.map_err(|error| text_problem(&error))?;
        if names.len() >= MAX_NAMES {
            return Err(TextProblem::TooLarge);
        }
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

/// The longest account file that is read: some hundred thousand accounts.
const MAX_ACCOUNTS: u64 = 16 << 20;

/// As [`stamp`], for account files.
#[allow(clippy::disallowed_methods)]
pub(crate) fn stamp_of_path(path: &Path) -> io::Result<Stamp> {
    Ok(stamp_of(&fs::metadata(path)?))
}

/// Reads an account file whole, with the stamp it had when it was opened; or
/// why it cannot be read.
pub(crate) fn read_accounts(path: &Path) -> Result<(Secret, Stamp), String> {
    read(path, MAX_ACCOUNTS).map_err(|unread| match unread {
        Unread::Failed(error) => error.to_string(),
        Unread::Directory => "a directory".into(),
        Unread::TooLarge(length) => format!("{length} bytes is no account file"),
    })
}

/// Whether users other than the owner and the group may read the file.
#[cfg(unix)]
#[allow(clippy::disallowed_methods)]
pub(crate) fn world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Whether users other than the owner and the group may write to the file.
#[cfg(unix)]
#[allow(clippy::disallowed_methods)]
pub(crate) fn world_writable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}

/// As [`world_readable`].
#[cfg(not(unix))]
pub(crate) fn world_writable(_: &Path) -> bool {
    false
}

/// Access lists are not read; nothing is claimed.
#[cfg(not(unix))]
pub(crate) fn world_readable(_: &Path) -> bool {
    false
}
