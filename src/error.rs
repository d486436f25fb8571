//! Errors, sorted by whose fault they are.

mod authorization;
mod ccache;
mod delegation;
mod elsewhere;
mod krb5_conf;
pub(crate) mod krb_error;
mod misuse;
mod ntlm;
mod rejection;
mod sasl;
mod sealed;
mod status;
mod unavailability;

pub use authorization::AuthorizationProblem;
pub use ccache::CcacheProblem;
pub use delegation::DelegationProblem;
pub use elsewhere::Elsewhere;
pub use krb5_conf::Krb5ConfProblem;
pub use misuse::Misuse;
pub use ntlm::{LogonProblem, NtlmRejection};
pub use rejection::{EtypeUse, KeyTried, Rejection};
pub use sasl::SaslRejection;
pub use sealed::{Sealed, SealedProblem};
pub use status::{GssMajor, PlatformStatus, WindowsStatus};
pub use unavailability::{AccountFileProblem, KeytabProblem, Unavailability};

/// Why a step, a message or a configuration failed, by fault.
///
/// The text says what was wrong and what to do about it. It holds no secret
/// and may be logged; it is not meant for the client, to whom
/// [`Failure::token`](crate::Failure::token) says what it may know.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer, or the policy on it, is at fault: it is not let in.
    #[error("rejected: {reason}")]
    #[non_exhaustive]
    Rejected {
        /// Why.
        reason: Box<Rejection>,
        /// What the platform said, on a backend that asks one.
        #[source]
        platform: Option<Box<PlatformStatus>>,
    },
    /// The peer broke the protocol.
    #[error("malformed {part}: {problem}{}", display_offset(*.offset))]
    #[non_exhaustive]
    Malformed {
        /// Which part of which token.
        part: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// Where in the part, in bytes from its start, where that is known.
        offset: Option<usize>,
        /// What the platform said, on a backend that asks one.
        #[source]
        platform: Option<Box<PlatformStatus>>,
    },
    /// The server's side is at fault: its keytab, its operating system, its
    /// clock. The client may be who it says, but that cannot be found out.
    #[error("unavailable: {cause}")]
    #[non_exhaustive]
    Unavailable {
        /// What is.
        cause: Box<Unavailability>,
        /// What the platform said, on a backend that asks one.
        #[source]
        platform: Option<Box<PlatformStatus>>,
    },
    /// The calling code is at fault.
    #[error("misuse: {cause}")]
    #[non_exhaustive]
    Misuse {
        /// How.
        cause: Box<Misuse>,
    },
}

fn display_offset(offset: Option<usize>) -> String {
    offset.map_or_else(String::new, |offset| format!(" (at byte {offset})"))
}

impl Error {
    /// A malformed part of a token.
    #[must_use]
    pub fn malformed(part: &'static str, problem: &'static str, offset: Option<usize>) -> Self {
        Self::Malformed {
            part,
            problem,
            offset,
            platform: None,
        }
    }

    /// Why the peer was rejected, where it was.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// What was unavailable, where something was.
    #[must_use]
    pub fn unavailability(&self) -> Option<&Unavailability> {
        match self {
            Self::Unavailable { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// How the caller erred, where it did.
    #[must_use]
    pub fn misuse(&self) -> Option<&Misuse> {
        match self {
            Self::Misuse { cause } => Some(cause),
            _ => None,
        }
    }

    /// What the platform said, on a backend that asks one.
    #[must_use]
    pub fn platform(&self) -> Option<&PlatformStatus> {
        match self {
            Self::Rejected { platform, .. }
            | Self::Malformed { platform, .. }
            | Self::Unavailable { platform, .. } => platform.as_deref(),
            Self::Misuse { .. } => None,
        }
    }

    /// This error with what the platform said as its source.
    #[must_use]
    pub fn with_platform(mut self, status: PlatformStatus) -> Self {
        match &mut self {
            Self::Rejected { platform, .. }
            | Self::Malformed { platform, .. }
            | Self::Unavailable { platform, .. } => *platform = Some(Box::new(status)),
            Self::Misuse { .. } => {}
        }
        self
    }

    /// The status that `AcceptSecurityContext` gives in this case: the
    /// platform's own where there is one, else the code of `winerror.h` that
    /// fits.
    #[must_use]
    pub fn status(&self) -> WindowsStatus {
        if let Some(own) = self.platform().and_then(PlatformStatus::windows) {
            return own;
        }
        match self {
            Self::Rejected { reason, .. } => reason.status(),
            Self::Malformed { .. } => WindowsStatus::SEC_E_INVALID_TOKEN,
            Self::Unavailable { cause, .. } => cause.status(),
            Self::Misuse { cause } => cause.status(),
        }
    }

    /// The GSS-API major status (RFC 2743 1.2.1.1, RFC 2744 3.9.1) of this
    /// case: the platform's own where there is one.
    #[must_use]
    pub fn gss_major(&self) -> GssMajor {
        if let Some(own) = self.platform().and_then(PlatformStatus::gss_major) {
            return own;
        }
        match self {
            Self::Rejected { reason, .. } => reason.gss_major(),
            Self::Malformed { .. } => GssMajor::DEFECTIVE_TOKEN,
            Self::Unavailable { cause, .. } => cause.gss_major(),
            Self::Misuse { cause } => cause.gss_major(),
        }
    }
}

impl From<Rejection> for Error {
    fn from(reason: Rejection) -> Self {
        Self::Rejected {
            reason: Box::new(reason),
            platform: None,
        }
    }
}

impl From<Unavailability> for Error {
    fn from(cause: Unavailability) -> Self {
        Self::Unavailable {
            cause: Box::new(cause),
            platform: None,
        }
    }
}

impl From<Misuse> for Error {
    fn from(cause: Misuse) -> Self {
        Self::Misuse {
            cause: Box::new(cause),
        }
    }
}

/// Text that somebody else wrote, with its control characters escaped, so that
/// it cannot forge a line of a log.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl core::fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use core::fmt::Write as _;
        self.0.chars().try_for_each(|character| {
            if is_unprintable(character) {
                write!(f, "{}", character.escape_default())
            } else {
                f.write_char(character)
            }
        })
    }
}

/// Whether a character could make a line of a log look like something else:
/// control characters, Unicode's line separators, and what changes the
/// direction of text or cannot be seen.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}' | '\u{00AD}')
}

/// The names of a list, or a word for none.
pub(crate) fn list<T: core::fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".into();
    }
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Error, GssMajor, Misuse, PlatformStatus, Rejection, WindowsStatus};
    use std::error::Error as _;

    #[test]
    fn the_platforms_own_status_wins_and_is_the_source() {
        let error = Error::from(Rejection::Replay).with_platform(
            PlatformStatus::new("sspi", "the logon attempt failed")
                .with_windows(WindowsStatus::SEC_E_LOGON_DENIED),
        );
        assert_eq!(error.status(), WindowsStatus::SEC_E_LOGON_DENIED);
        assert_eq!(error.gss_major(), GssMajor::DUPLICATE_TOKEN);
        let source = error.source().expect("a source");
        assert!(source.to_string().contains("the logon attempt failed"));
    }

    #[test]
    fn a_malformed_token_says_where() {
        let error = Error::malformed("AP-REQ", "trailing bytes", Some(12));
        assert_eq!(
            error.to_string(),
            "malformed AP-REQ: trailing bytes (at byte 12)"
        );
        assert_eq!(error.status(), WindowsStatus::SEC_E_INVALID_TOKEN);
        assert_eq!(error.gss_major(), GssMajor::DEFECTIVE_TOKEN);
        assert!(error.source().is_none());
    }

    #[test]
    fn misuse_is_told_apart() {
        let error = Error::from(Misuse::StepAfterEnd);
        assert!(error.misuse().is_some() && error.rejection().is_none());
        assert!(error.to_string().starts_with("misuse: "));
    }

    #[test]
    fn an_error_is_small_enough_to_return() {
        assert!(size_of::<Error>() <= 64);
    }
}
