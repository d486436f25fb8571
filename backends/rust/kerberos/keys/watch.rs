//! Noticing that a keytab has changed, without a restart and off the path of
//! handshakes (rule 42).

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Source, State, parse, table_of};
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
}

impl WatchedFile {
    pub(super) fn new(keytab: &Keytab) -> Option<Self> {
        Some(Self {
            path: keytab.path()?.to_path_buf(),
            // A change takes two looks to be believed.
            interval: (keytab.reload_interval()? / 2).max(MIN_INTERVAL),
            settled: keytab.stamp(),
            changing: None,
        })
    }

    /// The stamp of a file that has changed and now keeps still.
    fn changed(&mut self) -> Option<Stamp> {
        let stamp = files::stamp(&self.path).ok()?;
        if Some(stamp) == self.settled {
            self.changing = None;
            return None;
        }
        if self.changing.replace(stamp) == Some(stamp) {
            return Some(stamp);
        }
        None
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
        let Some(file) = &mut source.file else {
            continue;
        };
        let Some(stamp) = file.changed() else {
            continue;
        };
        let read = files::read_keytab(&file.path).and_then(|(bytes, read)| {
            if read == stamp {
                parse(&bytes).map(Some)
            } else {
                // It changed once more in between: next time.
                Ok(None)
            }
        });
        match read {
            Ok(None) => continue,
            Ok(Some(entries)) => {
                source.entries = entries;
                exchange = true;
                note(state, None);
            }
            Err(problem) => note(state, Some((file, &problem))),
        }
        file.settled = Some(stamp);
        file.changing = None;
    }
    if exchange {
        state.table.store(Arc::new(table_of(sources)));
    }
}

fn note(state: &State, trouble: Option<(&WatchedFile, &KeytabProblem)>) {
    let text = trouble.map(|(file, problem)| {
        format!(
            "keytab '{}' has changed and is not used: {problem}; the keys read before stay in use",
            file.path.display()
        )
    });
    *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = text;
}
