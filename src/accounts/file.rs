//! Accounts in a file.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use super::table::Enabled;
use super::{AccountAnswer, AccountSource, Logon, MemoryAccounts, NtHash};
use crate::error::{AccountFileProblem, Error, Unavailability};
use crate::files::{self, Stamp};
use crate::reply::Reply;

/// Accounts in a file, one a line, in UTF-8:
///
/// ```text
/// # user:NT hash in hexadecimal[:disabled]
/// alice:a4f49c406510bdcab6824ee7c30fd852
/// CORP\bob:31d6cfe0d16ae931b73c59d7e0c089c0
/// CORP\carol:31d6cfe0d16ae931b73c59d7e0c089c0:disabled
/// ```
///
/// Each line ends with a newline, the last one too: without it the file counts
/// as half written. Empty lines and lines that begin with `#` are passed over. The hash is
/// MD4 of the password in UTF-16: `printf %s 'password' | iconv -t utf-16le |
/// openssl md4 -provider legacy` prints it, and [`NtHash::from_password`]
/// makes it. Whoever reads the file can log in as anybody in it: `chmod 0640`.
/// What names mean is told at [`MemoryAccounts`].
///
/// A changed file is noticed within [`DEFAULT_RELOAD`](Self::DEFAULT_RELOAD),
/// without a restart; one that is missing, half written or has a mistake in it
/// does not replace the accounts that are in use.
pub struct AccountFile {
    shared: Arc<Shared>,
    _end: Option<mpsc::Sender<()>>,
}

struct Shared {
    path: PathBuf,
    accounts: RwLock<Arc<MemoryAccounts>>,
    /// What is wrong with a file that has changed.
    trouble: Mutex<Option<String>>,
}

impl Shared {
    fn replace(&self, accounts: MemoryAccounts) {
        let mut current = self
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = core::mem::replace(&mut *current, Arc::new(accounts));
        drop(current);
        // Wiped when no handshake waits for the lock.
        drop(old);
    }
}

impl AccountFile {
    /// How often the file is looked at, unless [`open_reloading`](Self::open_reloading)
    /// says otherwise.
    pub const DEFAULT_RELOAD: Duration = Duration::from_secs(5);

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`Unavailability::AccountFile`] when it cannot be read, or has a
    /// mistake in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_reloading(path, Self::DEFAULT_RELOAD)
    }

    /// Reads the file, and looks at it this often.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_reloading(path: impl AsRef<Path>, interval: Duration) -> Result<Self, Error> {
        let path = path.as_ref();
        let (accounts, stamp) = read(path).map_err(|problem| Unavailability::AccountFile {
            path: path.into(),
            problem,
        })?;
        let shared = Arc::new(Shared {
            path: path.into(),
            accounts: RwLock::new(Arc::new(accounts)),
            trouble: Mutex::new(None),
        });
        let (end, ended) = mpsc::channel::<()>();
        let watched = Arc::clone(&shared);
        // A change takes two looks to be believed.
        let interval = (interval / 2).max(Duration::from_millis(10));
        thread::Builder::new()
            .name("account-watch".into())
            .spawn(move || {
                let mut watch = Watch {
                    settled: stamp,
                    changing: None,
                };
                while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    watch.look(&watched);
                }
            })
            .map_err(|error| Unavailability::Platform {
                what: "a thread that watches the account file",
                text: error.to_string(),
            })?;
        Ok(Self {
            shared,
            _end: Some(end),
        })
    }
}

impl AccountSource for AccountFile {
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer> {
        let accounts = Arc::clone(
            &self
                .shared
                .accounts
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        Reply::Now(accounts.answer(logon))
    }

    fn describe(&self) -> String {
        let accounts = self.shared.accounts.read();
        let count = accounts.unwrap_or_else(PoisonError::into_inner).len();
        format!("{count} accounts in '{}'", self.shared.path.display())
    }

    fn warnings(&self) -> Vec<String> {
        let path = &self.shared.path;
        let trouble = self.shared.trouble.lock();
        let mut warnings: Vec<String> = trouble
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect();
        if files::world_writable(path) {
            warnings.push(format!(
                "account file '{}' can be changed by every user of this machine, and whoever \
                 changes it lets in whom they like; chmod 0640 it",
                path.display()
            ));
        }
        if files::world_readable(path) {
            warnings.push(format!(
                "account file '{}' can be read by every user of this machine, and whoever reads \
                 it can log in as anybody in it; chmod 0640 it",
                path.display()
            ));
        }
        warnings
    }
}

/// How the file looked.
struct Watch {
    /// When its accounts were taken over, or refused for good.
    settled: Stamp,
    /// The last time, if it has changed since: it is read when it looks the
    /// same twice, so not while it is being written.
    changing: Option<Stamp>,
}

impl Watch {
    fn look(&mut self, shared: &Shared) {
        let trouble = match files::stamp_of_path(&shared.path) {
            Err(error) => Some(AccountFileProblem::Unreadable(error.to_string())),
            Ok(stamp) if stamp == self.settled => {
                // It may have been away, and is back as it was.
                self.changing = None;
                None
            }
            Ok(stamp) if self.changing.replace(stamp) != Some(stamp) => return,
            Ok(before) => match read(&shared.path) {
                // Written to while it was read, or since it was looked at:
                // the next look sees that it has changed.
                Ok((_, stamp))
                    if stamp != before
                        || files::stamp_of_path(&shared.path).ok() != Some(stamp) =>
                {
                    return;
                }
                Ok((accounts, stamp)) => {
                    self.settled = stamp;
                    shared.replace(accounts);
                    None
                }
                Err(problem) => Some(problem),
            },
        };
        let text = trouble.map(|problem| {
            format!(
                "account file '{}' has changed and is not used: {problem}; the accounts read \
                 before stay in use",
                shared.path.display()
            )
        });
        *shared
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = text;
    }
}

fn read(path: &Path) -> Result<(MemoryAccounts, Stamp), AccountFileProblem> {
    let (bytes, stamp) = files::read_accounts(path).map_err(AccountFileProblem::Unreadable)?;
    Ok((parse(bytes.expose())?, stamp))
}

/// The accounts of a file. A line that cannot be read refuses the whole of
/// it: somebody meant something else by it.
fn parse(bytes: &[u8]) -> Result<MemoryAccounts, AccountFileProblem> {
    let mut accounts = MemoryAccounts::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        let bad = |problem| AccountFileProblem::Line { number, problem };
        let line = core::str::from_utf8(line).map_err(|_| bad("it is not UTF-8"))?;
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default();
        let hash = fields.next().ok_or(bad("user:hash is needed"))?;
        let hash =
            NtHash::from_hex(hash).map_err(|_| bad("the NT hash is 32 hexadecimal digits"))?;
        let enabled = match (fields.next(), fields.next()) {
            (None, None) => Enabled::Yes,
            (Some("disabled"), None) => Enabled::No,
            _ => return Err(bad("after the hash may come `disabled` and nothing else")),
        };
        let (domain, user) = name.split_once('\\').unwrap_or(("", name));
        if user.is_empty() || user.contains('\\') || name.trim() != name {
            return Err(bad("the name is user or DOMAIN\\user"));
        }
        if accounts.contains(domain, user) {
            return Err(bad("the account is there twice"));
        }
        accounts.insert(domain, user, hash, enabled);
    }
    // Or the rest of its last line is still to come: `:disabled`, say.
    if bytes.last().is_some_and(|&last| last != b'\n') {
        return Err(AccountFileProblem::Line {
            number: bytes.split(|&byte| byte == b'\n').count(),
            problem: "it does not end with a newline, so the file may be half written",
        });
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::{AccountAnswer, AccountFile, AccountSource, Logon, parse};
    use crate::error::{AccountFileProblem, LogonProblem};
    use std::fs;
    use std::time::{Duration, Instant};

    const HASH: &str = "a4f49c406510bdcab6824ee7c30fd852";

    #[test]
    fn lines_are_read_and_mistakes_named() {
        let upper = HASH.to_uppercase();
        let text =
            format!("# accounts\r\n\n  \nalice\u{e9}:{HASH}\nCORP\\bob:{upper}:disabled\r\n");
        let accounts = parse(text.as_bytes()).unwrap();
        assert_eq!(accounts.len(), 2);
        assert!(accounts.contains("", "ALICE\u{c9}") && accounts.contains("corp", "bob"));
        for (line, problem) in [
            ("alice".to_owned(), "user:hash"),
            ("alice:1234".to_owned(), "32 hexadecimal"),
            (format!("alice:{HASH}:enabled"), "disabled"),
            (format!("alice:{HASH}:disabled:x"), "disabled"),
            (format!(":{HASH}"), "the name"),
            (format!("CORP\\:{HASH}"), "the name"),
            (format!("A\\B\\c:{HASH}"), "the name"),
            (format!("alice :{HASH}"), "the name"),
            (format!("bob:{HASH}\nBOB:{HASH}"), "twice"),
        ] {
            let text = format!("# first\n{line}\n");
            let Err(error) = parse(text.as_bytes()) else {
                panic!("{line} is read");
            };
            assert!(error.to_string().contains(problem), "{line}: {error}");
            let AccountFileProblem::Line { number, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(number, 1 + line.lines().count());
        }
        assert!(parse(b"\xff:\n").is_err());
    }

    /// The first part of a file is no file: its last account might be
    /// disabled, or another's.
    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        let whole = format!("alice:{HASH}\nmallory:{HASH}:disabled\n");
        assert_eq!(parse(whole.as_bytes()).unwrap().len(), 2);
        let first = whole.find('\n').unwrap() + 1;
        for length in (1..first).chain(first + 1..whole.len()) {
            let error = parse(&whole.as_bytes()[..length]).err();
            assert!(error.is_some(), "{:?} is read", &whole[..length]);
        }
        let error = parse(whole.trim_end().as_bytes()).err().unwrap();
        let text = error.to_string();
        assert!(
            text.starts_with("line 2: ") && text.contains("half written"),
            "{text}"
        );
    }

    /// A file's name, free again when this is dropped.
    struct Temporary(std::path::PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let name = format!("gss-accounts-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        /// As an editor does: nobody sees half of it, or nothing.
        fn replace(&self, text: &str) {
            let fresh = self.0.with_extension("new");
            fs::write(&fresh, text).unwrap();
            fs::rename(fresh, &self.0).unwrap();
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Who can write to the file can let anybody in.
    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let own = Temporary::new("w");
        let path = &own.0;
        fs::write(path, format!("alice:{HASH}\n")).unwrap();
        let warned = |mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let all = AccountFile::open(path).unwrap().warnings().join("; ");
            (
                all.contains("can be read by"),
                all.contains("can be changed by"),
            )
        };
        assert_eq!(warned(0o640), (false, false));
        assert_eq!(warned(0o644), (true, false));
        assert_eq!(warned(0o622), (false, true));
        assert_eq!(warned(0o666), (true, true));
    }

    fn find(file: &AccountFile, user: &str) -> bool {
        match file.look_up(&Logon::new(user, "", "")).wait() {
            AccountAnswer::Account { .. } => true,
            AccountAnswer::Refused(LogonProblem::UnknownUser) => false,
            other => panic!("{other:?}"),
        }
    }

    fn until(what: &str, check: impl Fn() -> bool) {
        let start = Instant::now();
        while !check() {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// As rule 42 has it for keytabs.
    #[test]
    fn a_changed_file_is_noticed_and_a_bad_one_is_not_used() {
        let own = Temporary::new("changed");
        let path = &own.0;
        own.replace(&format!("alice:{HASH}\n"));
        let file = AccountFile::open_reloading(path, Duration::from_millis(40)).unwrap();
        assert!(find(&file, "alice") && !find(&file, "bob"));
        own.replace(&format!("alice:{HASH}\nbob:{HASH}\n"));
        until("bob is not noticed", || find(&file, "bob"));
        own.replace("alice:12");
        let told = |text: &str| file.warnings().iter().any(|own| own.contains(text));
        until("the mistake is not told", || told("line 1"));
        assert!(find(&file, "alice") && find(&file, "bob"));
        fs::remove_file(path).unwrap();
        until("the loss is not told", || told("cannot be read"));
        assert!(find(&file, "alice"));
        own.replace(&format!("carol:{HASH}\n"));
        until("carol is not noticed", || find(&file, "carol"));
        assert!(!find(&file, "alice"), "what the file lost is gone");
        assert!(!told("not used"));
        fs::remove_file(path).unwrap();
        assert!(AccountFile::open(path).is_err());
    }
}
