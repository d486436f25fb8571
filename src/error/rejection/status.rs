//! Rejections as the status of Windows and of GSS-API.

use super::Rejection;
use crate::error::{GssMajor, WindowsStatus};
use crate::requirements::Requirements;

impl Rejection {
    pub(in crate::error) fn status(&self) -> WindowsStatus {
        match self {
            Self::NoKey { .. }
            | Self::OtherTgt { .. }
            | Self::OtherTgtService { .. }
            | Self::ServiceNotAccepted { .. }
            | Self::ClientTarget { .. } => WindowsStatus::SEC_E_WRONG_PRINCIPAL,
            Self::NoTgt => WindowsStatus::SEC_E_NO_CREDENTIALS,
            Self::KeyVersion { .. } | Self::KeyEtype { .. } | Self::KeyMismatch { .. } => {
                WindowsStatus::SEC_E_LOGON_DENIED
            }
            Self::EtypeNotPermitted { .. } => WindowsStatus::SEC_E_KDC_UNKNOWN_ETYPE,
            Self::ClockSkew { .. } | Self::TicketNotYetValid { .. } => {
                WindowsStatus::SEC_E_TIME_SKEW
            }
            Self::TicketExpired { .. } | Self::ContextExpired { .. } => {
                WindowsStatus::SEC_E_CONTEXT_EXPIRED
            }
            Self::Authenticator | Self::Checksum { .. } | Self::MessageAltered { .. } => {
                WindowsStatus::SEC_E_MESSAGE_ALTERED
            }
            Self::Ntlm(reason) => reason.status(),
            Self::Sasl(reason) => reason.status(),
            Self::Elsewhere(found) => found.status,
            Self::Sealed { problem, .. } => problem.status(),
            Self::MechListMic { .. } => WindowsStatus::SEC_E_MESSAGE_ALTERED,
            Self::BindingMismatch { .. }
            | Self::BindingMissing { .. }
            | Self::BindingUndisclosed => WindowsStatus::SEC_E_BAD_BINDINGS,
            Self::Requirement { missing, .. } if missing.contains(Requirements::MUTUAL_AUTH) => {
                WindowsStatus::SEC_E_MUTUAL_AUTH_FAILED
            }
            Self::Requirement { missing, .. } if missing.contains(Requirements::DELEGATE) => {
                WindowsStatus::SEC_E_DELEGATION_REQUIRED
            }
            Self::Delegation { .. } => WindowsStatus::SEC_E_DELEGATION_REQUIRED,
            Self::NoCommonMechanism { .. } | Self::PeerFailed { .. } => {
                WindowsStatus::SEC_E_INVALID_TOKEN
            }
            _ => WindowsStatus::SEC_E_LOGON_DENIED,
        }
    }

    pub(in crate::error) fn gss_major(&self) -> GssMajor {
        match self {
            Self::Ntlm(reason) => reason.gss_major(),
            Self::Sasl(reason) => reason.gss_major(),
            Self::Elsewhere(found) => found.gss_major,
            Self::Sealed { problem, .. } => problem.gss_major(),
            Self::Replay => GssMajor::DUPLICATE_TOKEN,
            Self::BindingMismatch { .. }
            | Self::BindingMissing { .. }
            | Self::BindingUndisclosed => GssMajor::BAD_BINDINGS,
            Self::TicketExpired { .. } => GssMajor::CREDENTIALS_EXPIRED,
            Self::ContextExpired { .. } => GssMajor::CONTEXT_EXPIRED,
            Self::NoCommonMechanism { .. } => GssMajor::BAD_MECH,
            Self::NoTgt => GssMajor::NO_CRED,
            Self::MechListMic { .. } | Self::MessageAltered { .. } | Self::Checksum { .. } => {
                GssMajor::BAD_SIG
            }
            Self::Anonymous
            | Self::Requirement { .. }
            | Self::Delegation { .. }
            | Self::Authorization { .. }
            | Self::ClientTarget { .. } => GssMajor::UNAUTHORIZED,
            Self::LimitExceeded { .. } => GssMajor::DEFECTIVE_TOKEN,
            _ => GssMajor::FAILURE,
        }
    }
}
