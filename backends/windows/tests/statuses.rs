//! Every code that the functions document, by fault.

use std::time::{Duration, UNIX_EPOCH};

use crate::WindowsStatus;
use crate::backends::windows::status::{Circumstances, Status, of_call, of_message, of_step};
use crate::error::{Error, Rejection};

/// Whose fault a code is.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// The client sent nonsense.
    Malformed,
    /// It is not let in.
    Rejected,
    /// Our side.
    Unavailable,
}
use Due::{Malformed, Rejected, Unavailable};

/// `AcceptSecurityContext` (General), (Kerberos), (NTLM), (Negotiate) and the
/// message functions, "Return value", with the values of winerror.h; statuses
/// of a logon from "LsaLogonUser" and ntstatus.h.
const DOCUMENTED: &[(u32, Due)] = &[
    (0x8009_0300, Unavailable), // SEC_E_INSUFFICIENT_MEMORY
    (0x8009_0301, Unavailable), // SEC_E_INVALID_HANDLE
    (0x8009_0302, Unavailable), // SEC_E_UNSUPPORTED_FUNCTION
    (0x8009_0303, Rejected),    // SEC_E_TARGET_UNKNOWN
    (0x8009_0304, Unavailable), // SEC_E_INTERNAL_ERROR
    (0x8009_0305, Unavailable), // SEC_E_SECPKG_NOT_FOUND
    (0x8009_0306, Unavailable), // SEC_E_NOT_OWNER
    (0x8009_0307, Unavailable), // SEC_E_CANNOT_INSTALL
    (0x8009_0308, Malformed),   // SEC_E_INVALID_TOKEN
    (0x8009_0309, Unavailable), // SEC_E_CANNOT_PACK
    (0x8009_030A, Unavailable), // SEC_E_QOP_NOT_SUPPORTED
    (0x8009_030B, Unavailable), // SEC_E_NO_IMPERSONATION
    (0x8009_030C, Rejected),    // SEC_E_LOGON_DENIED
    (0x8009_030D, Unavailable), // SEC_E_UNKNOWN_CREDENTIALS
    (0x8009_030E, Unavailable), // SEC_E_NO_CREDENTIALS
    (0x8009_030F, Rejected),    // SEC_E_MESSAGE_ALTERED
    (0x8009_0310, Rejected),    // SEC_E_OUT_OF_SEQUENCE
    (0x8009_0311, Unavailable), // SEC_E_NO_AUTHENTICATING_AUTHORITY
    (0x8009_0316, Unavailable), // SEC_E_BAD_PKGID
    (0x8009_0317, Rejected),    // SEC_E_CONTEXT_EXPIRED
    (0x8009_0318, Malformed),   // SEC_E_INCOMPLETE_MESSAGE
    (0x8009_0320, Unavailable), // SEC_E_INCOMPLETE_CREDENTIALS
    (0x8009_0321, Unavailable), // SEC_E_BUFFER_TOO_SMALL
    (0x8009_0322, Rejected),    // SEC_E_WRONG_PRINCIPAL
    (0x8009_0324, Rejected),    // SEC_E_TIME_SKEW
    (0x8009_0326, Malformed),   // SEC_E_ILLEGAL_MESSAGE
    (0x8009_0329, Unavailable), // SEC_E_ENCRYPT_FAILURE
    (0x8009_0330, Rejected),    // SEC_E_DECRYPT_FAILURE
    (0x8009_0331, Rejected),    // SEC_E_ALGORITHM_MISMATCH
    (0x8009_0332, Rejected),    // SEC_E_SECURITY_QOS_FAILED
    (0x8009_0333, Unavailable), // SEC_E_UNFINISHED_CONTEXT_DELETED
    (0x8009_0334, Rejected),    // SEC_E_NO_TGT_REPLY
    (0x8009_0336, Unavailable), // SEC_E_WRONG_CREDENTIAL_HANDLE
    (0x8009_0337, Rejected),    // SEC_E_CRYPTO_SYSTEM_INVALID
    (0x8009_033A, Rejected),    // SEC_E_STRONG_CRYPTO_NOT_SUPPORTED
    (0x8009_033F, Unavailable), // SEC_E_SHUTDOWN_IN_PROGRESS
    (0x8009_0342, Rejected),    // SEC_E_KDC_UNKNOWN_ETYPE
    (0x8009_0345, Rejected),    // SEC_E_DELEGATION_REQUIRED
    (0x8009_0346, Rejected),    // SEC_E_BAD_BINDINGS
    (0x8009_0347, Rejected),    // SEC_E_MULTIPLE_ACCOUNTS
    (0x8009_0348, Unavailable), // SEC_E_NO_KERB_KEY
    (0x8009_0350, Rejected),    // SEC_E_DOWNGRADE_DETECTED
    (0x8009_035D, Malformed),   // SEC_E_INVALID_PARAMETER
    (0x8009_035E, Rejected),    // SEC_E_DELEGATION_POLICY
    (0x8009_035F, Rejected),    // SEC_E_POLICY_NLTM_ONLY
    (0x8009_0361, Unavailable), // SEC_E_NO_CONTEXT
    (0x8009_0363, Rejected),    // SEC_E_MUTUAL_AUTH_FAILED
    (0x8009_036A, Unavailable), // SEC_E_EXT_BUFFER_TOO_SMALL
    (0x8009_036B, Unavailable), // SEC_E_INSUFFICIENT_BUFFERS
    (0xC000_000D, Malformed),   // STATUS_INVALID_PARAMETER
    (0xC000_0017, Unavailable), // STATUS_NO_MEMORY
    (0xC000_0023, Unavailable), // STATUS_BUFFER_TOO_SMALL
    (0xC000_005E, Unavailable), // STATUS_NO_LOGON_SERVERS
    (0xC000_0064, Rejected),    // STATUS_NO_SUCH_USER
    (0xC000_006A, Rejected),    // STATUS_WRONG_PASSWORD
    (0xC000_006D, Rejected),    // STATUS_LOGON_FAILURE
    (0xC000_006E, Rejected),    // STATUS_ACCOUNT_RESTRICTION
    (0xC000_006F, Rejected),    // STATUS_INVALID_LOGON_HOURS
    (0xC000_0070, Rejected),    // STATUS_INVALID_WORKSTATION
    (0xC000_0071, Rejected),    // STATUS_PASSWORD_EXPIRED
    (0xC000_0072, Rejected),    // STATUS_ACCOUNT_DISABLED
    (0xC000_009A, Unavailable), // STATUS_INSUFFICIENT_RESOURCES
    (0xC000_00BB, Unavailable), // STATUS_NOT_SUPPORTED
    (0xC000_0133, Rejected),    // STATUS_TIME_DIFFERENCE_AT_DC
    (0xC000_015B, Rejected),    // STATUS_LOGON_TYPE_NOT_GRANTED
    (0xC000_0193, Rejected),    // STATUS_ACCOUNT_EXPIRED
    (0xC000_0224, Rejected),    // STATUS_PASSWORD_MUST_CHANGE
    (0xC000_0234, Rejected),    // STATUS_ACCOUNT_LOCKED_OUT
    (0xC000_035B, Rejected),    // STATUS_BAD_BINDINGS
];

fn known() -> Circumstances {
    Circumstances {
        now: UNIX_EPOCH,
        skew: Duration::from_secs(300),
    }
}

fn step(code: u32) -> Error {
    of_step(Status(code.cast_signed()), &known())
}

fn due(error: &Error) -> Due {
    match error {
        Error::Malformed { .. } => Malformed,
        Error::Rejected { .. } => Rejected,
        Error::Unavailable { .. } => Unavailable,
        Error::Misuse { .. } => panic!("misuse: {error}"),
    }
}

#[test]
fn every_documented_status_keeps_its_code() {
    for (code, fault) in DOCUMENTED {
        let error = step(*code);
        assert_eq!(due(&error), *fault, "{code:#x}: {error}");
        assert_eq!(error.status(), WindowsStatus(*code), "{error}");
        let source = std::error::Error::source(&error).expect("the system's words");
        assert!(
            source.to_string().contains(&format!("0x{code:08X}")),
            "{source}"
        );
        let message = of_message("wrap token", Status(code.cast_signed()));
        assert_eq!(message.status(), WindowsStatus(*code), "{message}");
        let call = of_call("the names", Status(code.cast_signed()));
        assert_eq!(call.status(), WindowsStatus(*code), "{call}");
    }
}

/// winerror.h's SEC_E_* and a thousand others of both kinds: nobody is let in,
/// and the code is kept.
#[test]
fn no_status_lets_anybody_in() {
    let codes = (0x8009_0300..0x8009_0380).chain(0xC000_0000..0xC000_0400);
    for code in codes.chain([0x8000_0000, u32::MAX]) {
        assert_eq!(step(code).status(), WindowsStatus(code));
    }
    // SEC_I_LOCAL_LOGON and other successes that ask for something else.
    for code in [0x0009_0315, 0x0009_0317, 0x0009_0320, 0x0009_0321, 1] {
        let error = step(code);
        assert_eq!(due(&error), Unavailable, "{error}");
        assert_eq!(error.status(), WindowsStatus(code));
    }
}

/// Codes that say what policy and logs want to know.
#[test]
fn some_codes_have_rejections_of_their_own() {
    let reason = |code| step(code).rejection().cloned().expect("a rejection");
    assert!(matches!(reason(0x8009_0324), Rejection::ClockSkew { .. }));
    assert!(matches!(
        reason(0x8009_0317),
        Rejection::TicketExpired { .. }
    ));
    assert!(matches!(
        reason(0x8009_0346),
        Rejection::BindingMismatch { .. }
    ));
    assert!(matches!(reason(0x8009_0334), Rejection::NoTgt));
}
