//! What is asked of the system, and what it says was granted.

use super::bindings;
use crate::backends::Settings;
use crate::requirements::{Granted, Requirements};

/// `ASC_REQ_*`: all that is required or requested, and what the
/// channel-binding policy comes to.
pub(super) fn asked(settings: &Settings) -> u32 {
    let all = settings.required | settings.requested;
    (all | bindings::flags(settings.channel_bindings)).asc_req()
}

/// `ASC_RET_*`, and nothing that was merely asked for. Unknown bits mean
/// nothing to us.
pub(super) fn granted(attributes: u32, settings: &Settings) -> Granted {
    // DELEGATE would promise credentials; there is a token to impersonate with.
    let mut granted = Granted::from_bits_truncate(attributes) - Granted::DELEGATE;
    // The client's name says it, or its absence.
    if settings.wants(Requirements::DATAGRAM) {
        granted.remove(Granted::SEQUENCE_DETECT);
    }
    granted
}
