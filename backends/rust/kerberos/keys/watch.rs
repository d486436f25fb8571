//! Noticing that a keytab has changed, without a restart and off the path of
//! handshakes (rule 42).

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Entry, Source, State, check_usable, parse, table_of};
use crate::credentials::Keytab;
use crate::error::{Error, KeytabProblem, Unavailability};
use crate::files::{self, Stamp};

/// The shortest time between two looks at a file.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// A keytab file, and how it looked.
pub(super) struct WatchedFile {
    path: PathBuf,
    interval: Duration,
    /// How it looked when its keys were taken over, or refused for good.
    settled: Option<Stamp>,
    /// How it looked the last time, if it has changed since: it is read when
    /// it looks the same twice, so not while it is being written.
    changing: Option<Stamp>,
    /// Whether what it held when it was settled was no keytab.
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
    Gone(KeytabProblem),
}

impl WatchedFile {
    pub(super) fn new(keytab: &Keytab) -> Option<Self> {
        Some(Self {
            path: keytab.path()?.to_path_buf(),
            // A change takes two looks to be believed.
            interval: (keytab.reload_interval()? / 2).max(MIN_INTERVAL),
            settled: keytab.stamp(),
            changing: None,
            refused: false,
            trouble: None,
        })
    }

    fn look(&mut self) -> Look {
        let stamp = match files::stamp(&self.path) {
            Ok(stamp) => stamp,
            Err(problem) => return Look::Gone(problem),
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

    /// Its keys; `None` if it has changed since it looked like this.
    fn read(&self, stamp: Stamp) -> Result<Option<Vec<Entry>>, KeytabProblem> {
        let (bytes, read) = files::read_keytab(&self.path)?;
        if read == stamp {
            parse(&bytes).map(Some)
        } else {
            Ok(None)
        }
    }

    fn note(&mut self, problem: &KeytabProblem) {
        self.trouble = Some(format!(
            "keytab '{}' has changed and is not used: {problem}; the keys read before stay in use",
            self.path.display()
        ));
    }
}

/// A thread that looks at the files. Dropping this ends it.
pub(super) struct Watch {
    _end: mpsc::Sender<()>,
}

impl Watch {
    /// Begins to watch, if there is a file among the sources.
    pub(super) fn start(
        mut sources: Vec<Source>,
        state: &Arc<State>,
    ) -> Result<Option<Self>, Error> {
        let Some(interval) = sources
            .iter()
            .filter_map(|source| source.file.as_ref().map(|file| file.interval))
            .min()
        else {
            return Ok(None);
        };
        let (end, ended) = mpsc::channel::<()>();
        let state = Arc::clone(state);
        thread::Builder::new()
            .name("keytab-watch".into())
            .spawn(move || {
                while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    look(&mut sources, &state);
                }
            })
            .map_err(|error| Unavailability::Platform {
                what: "a thread that watches the keytab",
                text: error.to_string(),
            })?;
        Ok(Some(Self { _end: end }))
    }
}

/// Looks at every file once, and exchanges the table if one has changed for
/// good. What cannot be read leaves the keys in use as they are.
fn look(sources: &mut [Source], state: &State) {
    let mut exchange = false;
    for source in sources.iter_mut() {
        if let Some(entries) = source.file.as_mut().and_then(renewed) {
            source.entries = entries;
            exchange = true;
        }
    }
    if exchange {
        state.table.store(Arc::new(table_of(sources)));
    }
    let mut trouble: Vec<String> = sources
        .iter()
        .filter_map(|source| source.file.as_ref()?.trouble.clone())
        .collect();
    // A key that is taken out of the file is not to open tickets any longer,
    // so the new table holds even if nobody gets in with it.
    if let Err(error) = check_usable(&state.table.load(), &state.accepts, &mut Vec::new()) {
        trouble.push(format!("nobody can log in: {error}"));
    }
    *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

/// The keys of a file that has changed for good, and notes what is wrong.
fn renewed(file: &mut WatchedFile) -> Option<Vec<Entry>> {
    let stamp = match file.look() {
        Look::Changed(stamp) => stamp,
        Look::Changing => return None,
        Look::Gone(problem) => {
            file.note(&problem);
            return None;
        }
        Look::Same => {
            // It may have been away, and is back as it was.
            if !file.refused {
                file.trouble = None;
            }
            return None;
        }
    };
    let entries = match file.read(stamp) {
        // It changed once more in between: next time.
        Ok(None) => return None,
        Ok(Some(entries)) => {
            file.trouble = None;
            Some(entries)
        }
        Err(problem) => {
            file.note(&problem);
            None
        }
    };
    file.refused = entries.is_none();
    file.settled = Some(stamp);
    file.changing = None;
    entries
}
