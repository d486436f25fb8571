//! The files among the sources of keys: exchanged when they have changed
//! (rule 42).

use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::{Accepts, Contents, OwnTgt, Source, State, check_usable, table_of, tgt_of};
use crate::credentials::{Keytab, UserToUser};
use crate::error::{CcacheProblem, Error, KeytabProblem};
use crate::files;
use crate::files::watched::{self, Watch, Words};
use crate::keytab;

/// A file of keys.
pub(super) struct WatchedFile {
    kind: Kind,
    file: watched::WatchedFile,
}

/// What a file holds.
#[derive(Clone, Copy)]
enum Kind {
    Keytab,
    Ccache,
}

impl Kind {
    fn words(self) -> Words {
        match self {
            Self::Keytab => Words::KEYTAB,
            Self::Ccache => Words {
                what: "credential cache",
                stays: "the TGT read before stays in use",
            },
        }
    }
}

impl WatchedFile {
    pub(super) fn keytab(keytab: &Keytab) -> Option<Self> {
        let interval = keytab.reload_interval()?;
        Some(Self::new(
            Kind::Keytab,
            keytab.path()?,
            interval,
            keytab.stamp(),
        ))
    }

    pub(super) fn ccache(own: &UserToUser) -> Option<Self> {
        let interval = own.reload_interval()?;
        Some(Self::new(Kind::Ccache, own.path()?, interval, own.stamp()))
    }

    fn new(
        kind: Kind,
        path: &Path,
        interval: core::time::Duration,
        stamp: Option<files::Stamp>,
    ) -> Self {
        Self {
            kind,
            file: watched::WatchedFile::new(kind.words(), path, interval, stamp),
        }
    }

    /// What the file holds, if it has changed for good.
    fn renewed(&mut self, accepts: &Accepts) -> Option<Contents> {
        match self.kind {
            Kind::Keytab => self
                .file
                .renewed::<_, KeytabProblem>(files::read_keytab, |bytes| {
                    keytab::parse(bytes.expose()).map(Contents::Keys)
                }),
            Kind::Ccache => self
                .file
                .renewed::<_, CcacheProblem>(files::read_ccache, |bytes| {
                    let tgt = OwnTgt::parse(bytes.expose(), &accepts.etypes)?;
                    Ok(Contents::Tgt(Arc::new(tgt)))
                }),
        }
    }
}

/// Begins to watch, if there is a file among the sources.
pub(super) fn start(mut sources: Vec<Source>, state: &Arc<State>) -> Result<Option<Watch>, Error> {
    let files = sources.iter().filter_map(|source| source.file.as_ref());
    let Some(interval) = files.map(|file| file.file.interval()).min() else {
        return Ok(None);
    };
    let state = Arc::clone(state);
    Watch::start(interval, move || look(&mut sources, &state)).map(Some)
}

/// Looks at every file once, and exchanges the table if one has changed for
/// good. What cannot be read leaves the keys in use as they are.
fn look(sources: &mut [Source], state: &State) {
    let mut exchange = false;
    for source in sources.iter_mut() {
        let file = source.file.as_mut();
        if let Some(contents) = file.and_then(|file| file.renewed(&state.accepts)) {
            source.contents = contents;
            exchange = true;
        }
    }
    if exchange {
        state.table.store(Arc::new(table_of(sources)));
        // As many as there were, so at most one.
        state.tgt.store(tgt_of(sources).unwrap_or_default());
    }
    let files = sources.iter().filter_map(|source| source.file.as_ref());
    let mut trouble: Vec<String> = files
        .filter_map(|file| file.file.trouble().cloned())
        .collect();
    // A key that is taken out of the file is not to open tickets any longer,
    // so the new table holds even if nobody gets in with it.
    let (table, tgt) = (state.table.load(), state.tgt.load());
    if let Err(error) = check_usable(&table, tgt.as_deref(), &state.accepts, &mut Vec::new()) {
        trouble.push(format!("nobody can log in: {error}"));
    }
    *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}
