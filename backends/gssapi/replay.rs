//! Rule 12, in front of a library that remembers nothing, or not enough.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::token::ApReq;
use crate::backends::Settings;
use crate::error::{Error, Rejection, Unavailability};
use crate::replay::{ReplayEntry, ReplayVerdict};
use crate::reply::Reply;

/// Whether none of these has been used before. When they were made is
/// encrypted: each is remembered for as long as the latest that the library
/// may take.
pub(super) fn check(
    settings: &Arc<Settings>,
    seen: &[ApReq],
    skew: Duration,
    now: SystemTime,
) -> Reply<Result<(), Error>> {
    if seen.is_empty() {
        let problem = "its authenticator cannot be told apart from others";
        return Reply::Now(Err(Error::malformed("AP-REQ", problem, None)));
    }
    let expires = now + 2 * skew.max(settings.replay_skew) + Duration::from_secs(1);
    let tags = seen.iter().flat_map(|ap_req| {
        let long = ap_req.long_tag.clone();
        core::iter::once(ap_req.tag.to_vec()).chain(long)
    });
    let mut verdict = Reply::Now(Ok(()));
    for tag in tags {
        let settings = Arc::clone(settings);
        verdict = verdict.and_then(move |so_far: Result<(), Error>| match so_far {
            Ok(()) => {
                let entry = ReplayEntry::authenticator(&tag, expires, now);
                settings.replay.check(entry).map(judge)
            }
            Err(error) => Reply::Now(Err(error)),
        });
    }
    verdict
}

fn judge(verdict: ReplayVerdict) -> Result<(), Error> {
    match verdict {
        ReplayVerdict::Fresh => Ok(()),
        ReplayVerdict::Replayed => Err(Rejection::Replay.into()),
        ReplayVerdict::Full => Err(Unavailability::ReplayStoreFull.into()),
        ReplayVerdict::TooOld { .. } => Err(Unavailability::ReplayStore {
            text: "it may have forgotten this token".into(),
        }
        .into()),
        ReplayVerdict::Unavailable { source } => Err(Unavailability::ReplayStore {
            text: source.to_string(),
        }
        .into()),
    }
}
