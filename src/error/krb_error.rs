//! What a client is told of a failure: the error codes of RFC 4120 7.5.9.

// For backends that speak Kerberos.
#![allow(dead_code)]

use super::{Error, Rejection, Unavailability};

/// KRB_AP_ERR_MSG_TYPE: an unknown token id (RFC 4121 4.1).
pub(crate) const MSG_TYPE: i32 = 40;
/// KRB_AP_ERR_NO_TGT: there is none to be user-to-user with (rule 13).
const NO_TGT: i32 = 67;
/// KRB_ERR_GENERIC: what has no code of its own (rule 21).
pub(crate) const GENERIC: i32 = 60;

/// The code for an error, if the peer may be told one: a peer that broke the
/// protocol is told nothing, nor is one whose server's code is at fault.
pub(crate) fn code_of(error: &Error) -> Option<i32> {
    match error {
        Error::Rejected { reason, .. } => Some(code(reason)),
        Error::Unavailable { cause, .. } => match **cause {
            Unavailability::OwnTgt { .. } => Some(NO_TGT),
            _ => Some(GENERIC),
        },
        Error::Malformed { .. } | Error::Misuse { .. } => None,
    }
}

fn code(reason: &Rejection) -> i32 {
    match reason {
        Rejection::EtypeNotPermitted { .. } => 14,
        Rejection::KeyMismatch { .. }
        | Rejection::OtherTgtKey { .. }
        | Rejection::Authenticator => 31,
        Rejection::TicketExpired { .. } => 32,
        Rejection::TicketNotYetValid { .. } | Rejection::TicketInvalid => 33,
        Rejection::Replay => 34,
        Rejection::ServiceNotAccepted { .. }
        | Rejection::OtherTgtService { .. }
        | Rejection::ClientTarget { .. } => 35,
        Rejection::ClientMismatch { .. } => 36,
        Rejection::ClockSkew { .. } => 37,
        Rejection::Address { .. } => 38,
        // RFC 4120 3.3.3: a wrong one, or one of an inappropriate type.
        Rejection::Checksum { kind, expected } if kind == expected => 41,
        Rejection::Checksum { .. } => 50,
        Rejection::KeyVersion { .. } => 44,
        Rejection::NoKey { .. } | Rejection::KeyEtype { .. } => 45,
        Rejection::Transited { .. } => 51,
        Rejection::NoTgt | Rejection::OtherTgt { .. } => NO_TGT,
        Rejection::UserToUserRequired => 69,
        _ => GENERIC,
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERIC, code_of};
    use crate::error::{Error, Misuse, Rejection, Unavailability};

    /// RFC 4120 7.5.9.
    #[test]
    fn codes_are_those_of_rfc_4120() {
        assert_eq!(code_of(&Rejection::Replay.into()), Some(34));
        assert_eq!(code_of(&Rejection::TicketInvalid.into()), Some(33));
        assert_eq!(code_of(&Rejection::Authenticator.into()), Some(31));
        let checksum = |kind, expected| Rejection::Checksum { kind, expected };
        assert_eq!(code_of(&checksum(16, 16).into()), Some(41));
        assert_eq!(code_of(&checksum(7, 16).into()), Some(50));
    }

    /// Rule 21: other codes become 60; a malformed token gets none.
    #[test]
    fn the_rest_is_generic_or_silent() {
        let missing = Rejection::BindingMissing { promised: false };
        assert_eq!(code_of(&missing.into()), Some(GENERIC));
        assert_eq!(
            code_of(&Unavailability::ReplayStoreFull.into()),
            Some(GENERIC)
        );
        assert_eq!(code_of(&Error::malformed("AP-REQ", "x", None)), None);
        assert_eq!(code_of(&Misuse::StepAfterEnd.into()), None);
    }
}
