//! Sealed data is for one use.

use crate::error::{Error, Rejection, Sealed, SealedProblem, Unavailability};
use crate::replay::ReplayVerdict;
use crate::time::Utc;

/// What a replay store's answer means for a piece of sealed data. Whatever
/// does not say that this is the first use refuses it.
pub(crate) fn judge(what: Sealed, verdict: ReplayVerdict) -> Result<(), Error> {
    match verdict {
        ReplayVerdict::Fresh => Ok(()),
        ReplayVerdict::Replayed => {
            let problem = SealedProblem::Used;
            Err(Rejection::Sealed { what, problem }.into())
        }
        ReplayVerdict::Full => Err(Unavailability::ReplayStoreFull.into()),
        ReplayVerdict::TooOld { forgotten } => {
            let since = Utc(forgotten);
            unavailable(format!(
                "it has forgotten what was used until {since}; was the clock set back?"
            ))
        }
        ReplayVerdict::Unavailable { source } => unavailable(source.to_string()),
    }
}

fn unavailable(text: String) -> Result<(), Error> {
    Err(Unavailability::ReplayStore { text }.into())
}
