//! Where there is no secur32: unit tests bring a table of their own.

use std::sync::Arc;

use super::super::sys::Sspi;
use crate::error::Unavailability;

/// There is none.
pub(in super::super) fn open() -> Result<Arc<Sspi>, Unavailability> {
    Err(Unavailability::Platform {
        what: "secur32",
        text: "this is not Windows".into(),
    })
}
