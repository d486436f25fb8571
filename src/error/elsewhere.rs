//! Errors that another process found.

use crate::error::{GssMajor, WindowsStatus};

/// Why a broker rejected a client, where the reason has no form of its own on
/// the way from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
#[non_exhaustive]
pub struct Elsewhere {
    /// The broker's words.
    pub text: String,
    /// Its Windows status.
    pub status: WindowsStatus,
    /// Its GSS-API major status.
    pub gss_major: GssMajor,
}

impl Elsewhere {
    /// A reason in words, with its codes.
    #[must_use]
    pub fn new(text: impl Into<String>, status: WindowsStatus, gss_major: GssMajor) -> Self {
        Self {
            text: text.into(),
            status,
            gss_major,
        }
    }
}
