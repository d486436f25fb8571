//! Noticing that a keytab or a credential cache has changed, without a
//! restart and off the path of handshakes (rule 42).

use core::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Accepts, Contents, OwnTgt, Source, State, check_usable, parse, table_of, tgt_of};
use crate::credentials::{Keytab, UserToUser};
use crate::error::{CcacheProblem, Error, KeytabProblem, Unavailability};
use crate::files::{self, Stamp, Unread};

/// The shortest time between two looks at a file.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// A file of keys, and how it looked.
pub(super) struct WatchedFile {
    kind: Kind,
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

/// What a file holds.
#[derive(Clone, Copy)]
enum Kind {
    Keytab,
    Ccache,
}

/// What is wrong with a file.
enum Problem {
    Keytab(KeytabProblem),
    Ccache(CcacheProblem),
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
    Gone(Problem),
}

impl WatchedFile {
    pub(super) fn keytab(keytab: &Keytab) -> Option<Self> {
        let path = keytab.path()?.to_path_buf();
        let interval = keytab.reload_interval()?;
        Some(Self::new(Kind::Keytab, path, interval, keytab.stamp()))
    }

    pub(super) fn ccache(own: &UserToUser) -> Option<Self> {
        let path = own.path()?.to_path_buf();
        let interval = own.reload_interval()?;
        Some(Self::new(Kind::Ccache, path, interval, own.stamp()))
    }

    fn new(kind: Kind, path: PathBuf, interval: Duration, settled: Option<Stamp>) -> Self {
        Self {
            kind,
            path,
            // A change takes two looks to be believed.
            interval: (interval / 2).max(MIN_INTERVAL),
            settled,
            changing: None,
            refused: false,
            trouble: None,
        }
    }

    fn look(&mut self) -> Look {
        let stamp = match files::stamp(&self.path) {
            Ok(stamp) => stamp,
            Err(unread) => return Look::Gone(self.kind.unread(unread)),
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

    /// What it holds; `None` if it has changed since it looked like this.
    fn read(&self, stamp: Stamp, accepts: &Accepts) -> Result<Option<Contents>, Problem> {
        let (contents, read) = match self.kind {
            Kind::Keytab => {
                let (bytes, read) = files::read_keytab(&self.path).map_err(Problem::Keytab)?;
                (
                    parse(&bytes).map(Contents::Keys).map_err(Problem::Keytab),
                    read,
                )
            }
            Kind::Ccache => {
                let (bytes, read) = files::read_ccache(&self.path).map_err(Problem::Ccache)?;
                let tgt = OwnTgt::parse(bytes.expose(), &accepts.etypes);
                let tgt = tgt.map(|tgt| Contents::Tgt(Arc::new(tgt)));
                (tgt.map_err(Problem::Ccache), read)
            }
        };
        if read == stamp {
            contents.map(Some)
        } else {
            Ok(None)
        }
    }

    fn note(&mut self, problem: &Problem) {
        let (what, stays) = match self.kind {
            Kind::Keytab => ("keytab", "the keys read before stay in use"),
            Kind::Ccache => ("credential cache", "the TGT read before stays in use"),
        };
        let problem: &dyn fmt::Display = match problem {
            Problem::Keytab(problem) => problem,
            Problem::Ccache(problem) => problem,
        };
        self.trouble = Some(format!(
            "{what} '{}' has changed and is not used: {problem}; {stays}",
            self.path.display()
        ));
    }
}

impl Kind {
    fn unread(self, unread: Unread) -> Problem {
        match self {
            Self::Keytab => Problem::Keytab(unread.into()),
            Self::Ccache => Problem::Ccache(unread.into()),
        }
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
        let file = source.file.as_mut();
        if let Some(contents) = file.and_then(|file| renewed(file, &state.accepts)) {
            source.contents = contents;
            exchange = true;
        }
    }
    if exchange {
        state.table.store(Arc::new(table_of(sources)));
        // As many as there were, so at most one.
        state.tgt.store(tgt_of(sources).unwrap_or_default());
    }
    let mut trouble: Vec<String> = sources
        .iter()
        .filter_map(|source| source.file.as_ref()?.trouble.clone())
        .collect();
    // A key that is taken out of the file is not to open tickets any longer,
    // so the new table holds even if nobody gets in with it.
    let (table, tgt) = (state.table.load(), state.tgt.load());
    if let Err(error) = check_usable(&table, tgt.as_deref(), &state.accepts, &mut Vec::new()) {
        trouble.push(format!("nobody can log in: {error}"));
    }
    *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

/// What a file that has changed for good holds; notes what is wrong.
fn renewed(file: &mut WatchedFile, accepts: &Accepts) -> Option<Contents> {
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
    let contents = match file.read(stamp, accepts) {
        // It changed once more in between: next time.
        Ok(None) => return None,
        Ok(Some(contents)) => {
            file.trouble = None;
            Some(contents)
        }
        Err(problem) => {
            file.note(&problem);
            None
        }
    };
    file.refused = contents.is_none();
    file.settled = Some(stamp);
    file.changing = None;
    contents
}
