//! Files of keys that are read again when they have changed, without a
//! restart and off the path of handshakes (rule 42).

use core::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::{Stamp, Unread, stamp};
use crate::error::{Error, Unavailability};
use crate::secret::Secret;

/// The shortest time between two looks at a file.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// What a file is called when something is wrong with it.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// What it is.
    pub(crate) what: &'static str,
    /// What stays in use meanwhile.
    pub(crate) stays: &'static str,
}

impl Words {
    pub(crate) const KEYTAB: Self = Self {
        what: "keytab",
        stays: "the keys read before stay in use",
    };
}

/// A file, and how it looked.
pub(crate) struct WatchedFile {
    words: Words,
    path: PathBuf,
    interval: Duration,
    /// How it looked when its keys were taken over, or refused for good.
    settled: Option<Stamp>,
    /// How it looked the last time, if it has changed since: it is read when
    /// it looks the same twice, so not while it is being written.
    changing: Option<Stamp>,
    /// Whether what it held when it was settled could not be used.
    refused: bool,
    /// What is wrong with it now, for `describe()`.
    trouble: Option<String>,
}

/// What a look at a file came to.
enum Look {
    /// As it was.
    Same,
    /// It has changed, and now keeps still.
    Changed(Stamp),
    /// It has changed, and may do so again.
    Changing,
    /// It is not there, or cannot be looked at.
    Gone(Unread),
}

impl WatchedFile {
    /// The file at `path`, which looked like `settled` when it was read; a
    /// change is to be noticed within `interval`.
    pub(crate) fn new(
        words: Words,
        path: &Path,
        interval: Duration,
        settled: Option<Stamp>,
    ) -> Self {
        Self {
            words,
            path: path.into(),
            // A change takes two looks to be believed.
            interval: (interval / 2).max(MIN_INTERVAL),
            settled,
            changing: None,
            refused: false,
            trouble: None,
        }
    }

    /// How often to call [`renewed`](Self::renewed).
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// What is wrong with it now.
    pub(crate) fn trouble(&self) -> Option<&String> {
        self.trouble.as_ref()
    }

    /// What it holds, if it has changed for good since the last call; notes
    /// what is wrong.
    pub(crate) fn renewed<T, P: Display + From<Unread>>(
        &mut self,
        read: impl FnOnce(&Path) -> Result<(Secret, Stamp), P>,
        parse: impl FnOnce(&Secret) -> Result<T, P>,
    ) -> Option<T> {
        let stamp = match self.look() {
            Look::Changed(stamp) => stamp,
            Look::Changing => return None,
            Look::Gone(unread) => {
                self.note(&P::from(unread));
                return None;
            }
            Look::Same => {
                // It may have been away, and is back as it was.
                if !self.refused {
                    self.trouble = None;
                }
                return None;
            }
        };
        let parsed = match read(&self.path) {
            // It changed once more in between: next time.
            Ok((_, now)) if now != stamp => return None,
            Ok((bytes, _)) => parse(&bytes),
            Err(problem) => Err(problem),
        };
        match &parsed {
            Ok(_) => self.trouble = None,
            Err(problem) => self.note(problem),
        }
        self.refused = parsed.is_err();
        self.settled = Some(stamp);
        self.changing = None;
        parsed.ok()
    }

    fn look(&mut self) -> Look {
        let stamp = match stamp(&self.path) {
            Ok(stamp) => stamp,
            Err(unread) => return Look::Gone(unread),
        };
        if Some(stamp) == self.settled {
            self.changing = None;
            return Look::Same;
        }
        if self.changing.replace(stamp) == Some(stamp) {
            return Look::Changed(stamp);
        }
        Look::Changing
    }

    fn note(&mut self, problem: &dyn Display) {
        let Words { what, stays } = self.words;
        self.trouble = Some(format!(
            "{what} '{}' has changed and is not used: {problem}; {stays}",
            self.path.display()
        ));
    }
}

/// A thread that looks at files. Dropping this ends it.
pub(crate) struct Watch {
    _end: mpsc::Sender<()>,
}

impl Watch {
    /// Begins to call `look`, this often.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Platform`] where there can be no thread.
    pub(crate) fn start(
        interval: Duration,
        mut look: impl FnMut() + Send + 'static,
    ) -> Result<Self, Error> {
        let (end, ended) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("keytab-watch".into())
            .spawn(move || {
                while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    look();
                }
            })
            .map_err(|error| Unavailability::Platform {
                what: "a thread that watches the keytab",
                text: error.to_string(),
            })?;
        Ok(Self { _end: end })
    }
}
