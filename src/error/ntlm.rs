//! Why a client that speaks NTLM is not let in.

use core::fmt;

use crate::error::{GssMajor, Printable, WindowsStatus};

/// Why an NTLM client was rejected (MS-NLMP). The texts are for the server's
/// log: to the client all of them look alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NtlmRejection {
    /// The response proves nothing, or there is nobody to prove it for.
    #[error("NTLM logon of {}: {problem}", Account(.user, .domain))]
    #[non_exhaustive]
    Logon {
        /// The user name as the client sent it.
        user: String,
        /// The domain as the client sent it.
        domain: String,
        /// What is wrong. The client cannot tell which it is.
        problem: LogonProblem,
    },
    /// An NTLMv1 or LM response (MS-NLMP 3.3.1).
    #[error(
        "{} answers with NTLMv1 or LM, which can be cracked in hours and are never accepted; have \
         it send NTLMv2 (LmCompatibilityLevel 3 or more)",
        Account(.user, .domain)
    )]
    #[non_exhaustive]
    Version1 {
        /// The user name as the client sent it.
        user: String,
        /// The domain as the client sent it.
        domain: String,
    },
    /// The integrity check over the three messages (MS-NLMP 3.1.5.1.2).
    #[error("the check over NTLM's three messages (MIC) is {}: somebody changed one of them on the way",
        if *.missing { "missing, and was owed" } else { "wrong" })]
    Mic {
        /// There was none.
        missing: bool,
    },
    /// The response was computed for another challenge than ours (MS-NLMP
    /// 2.2.2.7): it may have been relayed.
    #[error(
        "the client's NTLM response is not for our challenge ({what} is not what we sent): it may \
         have been relayed"
    )]
    TargetInfo {
        /// Which of the values that we sent.
        what: &'static str,
    },
    /// Connectionless NTLM, in which the server speaks first (MS-NLMP
    /// 1.3.1.2).
    #[error("the client asks for connectionless (datagram) NTLM, which is not accepted")]
    Connectionless,
}

/// What is wrong with a logon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogonProblem {
    /// No such account.
    UnknownUser,
    /// The account is there, and the password is another.
    WrongPassword,
    /// The account is disabled.
    Disabled,
    /// The directory refuses it; with its own words.
    Directory(String),
}

impl fmt::Display for LogonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser => f.write_str("no such account"),
            Self::WrongPassword => f.write_str("wrong password"),
            Self::Disabled => f.write_str("the account is disabled"),
            Self::Directory(text) => write!(f, "the directory says {}", Printable(text)),
        }
    }
}

/// `DOMAIN\user`, printable.
struct Account<'a>(&'a str, &'a str);

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.1.is_empty() {
            write!(f, "{}\\", Printable(self.1))?;
        }
        write!(f, "'{}'", Printable(self.0))
    }
}

impl NtlmRejection {
    pub(in crate::error) fn status(&self) -> WindowsStatus {
        match self {
            Self::Mic { .. } => WindowsStatus::SEC_E_MESSAGE_ALTERED,
            Self::TargetInfo { .. } => WindowsStatus::SEC_E_INVALID_TOKEN,
            Self::Connectionless => WindowsStatus::SEC_E_UNSUPPORTED_FUNCTION,
            Self::Logon { .. } | Self::Version1 { .. } => WindowsStatus::SEC_E_LOGON_DENIED,
        }
    }

    pub(in crate::error) fn gss_major(&self) -> GssMajor {
        match self {
            Self::Mic { .. } => GssMajor::BAD_SIG,
            Self::TargetInfo { .. } => GssMajor::DEFECTIVE_TOKEN,
            Self::Connectionless => GssMajor::UNAVAILABLE,
            Self::Logon { .. } | Self::Version1 { .. } => GssMajor::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogonProblem, NtlmRejection};
    use crate::error::{Error, Rejection, WindowsStatus};

    #[test]
    fn the_log_tells_them_apart_and_cannot_be_forged() {
        let logon = |problem| {
            Error::from(Rejection::Ntlm(NtlmRejection::Logon {
                user: "al\nice".into(),
                domain: "CORP".into(),
                problem,
            }))
        };
        let unknown = logon(LogonProblem::UnknownUser);
        assert_eq!(
            unknown.to_string(),
            "rejected: NTLM logon of CORP\\'al\\nice': no such account"
        );
        let wrong = logon(LogonProblem::WrongPassword);
        assert_ne!(unknown.to_string(), wrong.to_string());
        assert_eq!(unknown.status(), wrong.status());
        assert_eq!(wrong.status(), WindowsStatus::SEC_E_LOGON_DENIED);
        assert_eq!(unknown.gss_major(), wrong.gss_major());
    }
}
