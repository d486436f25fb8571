//! SECURITY_STATUS and NTSTATUS as errors by fault. The code itself goes
//! along ([`Error::status`](crate::Error::status)).

use std::time::{Duration, SystemTime};

use super::NAME;
use crate::error::{Error, Misuse, PlatformStatus, Rejection, Unavailability, WindowsStatus};

/// What a function of secur32 returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) i32);

impl Status {
    pub(super) const OK: Self = Self(0);
    pub(super) const CONTINUE_NEEDED: Self = Self(0x0009_0312);
    pub(super) const COMPLETE_NEEDED: Self = Self(0x0009_0313);
    pub(super) const COMPLETE_AND_CONTINUE: Self = Self(0x0009_0314);
    pub(super) const INVALID_HANDLE: Self = Self::of(WindowsStatus::SEC_E_INVALID_HANDLE);
    pub(super) const INVALID_TOKEN: Self = Self::of(WindowsStatus::SEC_E_INVALID_TOKEN);
    pub(super) const INTERNAL_ERROR: Self = Self::of(WindowsStatus::SEC_E_INTERNAL_ERROR);
    pub(super) const BUFFER_TOO_SMALL: Self = Self::of(WindowsStatus::SEC_E_BUFFER_TOO_SMALL);
    pub(super) const UNSUPPORTED_FUNCTION: Self =
        Self::of(WindowsStatus::SEC_E_UNSUPPORTED_FUNCTION);

    const fn of(status: WindowsStatus) -> Self {
        Self(status.0.cast_signed())
    }

    pub(super) fn code(self) -> WindowsStatus {
        WindowsStatus(self.0.cast_unsigned())
    }

    /// Negative, as HRESULT and NTSTATUS have it.
    pub(super) fn is_error(self) -> bool {
        self.0 < 0
    }

    /// Success, and nothing else that is to be done.
    pub(super) fn ok(self) -> Result<(), Self> {
        if self == Self::OK { Ok(()) } else { Err(self) }
    }
}

/// What is known when a step fails.
pub(super) struct Circumstances {
    pub(super) now: SystemTime,
    pub(super) skew: Duration,
}

/// Whose fault a code is, and what it means.
enum Fault {
    Malformed(&'static str),
    Rejected(&'static str),
    Skew,
    Expired,
    Bindings,
    NoTgt,
    Altered(&'static str),
    /// What of the system is not there, and what to do.
    Unavailable(&'static str, &'static str),
}

/// The codes of winerror.h and ntstatus.h that the functions of sspi.h
/// document, by fault. Whatever else there is: nobody is let in for it.
fn fault(code: u32) -> Fault {
    let known = of_protocol(code)
        .or_else(|| of_account(code))
        .or_else(|| of_system(code));
    known.unwrap_or(Fault::Rejected("for a reason that only its status tells"))
}

/// What the client sent.
fn of_protocol(code: u32) -> Option<Fault> {
    use Fault::{Altered, Malformed};
    Some(match code {
        // SEC_E_INVALID_TOKEN, SEC_E_INCOMPLETE_MESSAGE, SEC_E_ILLEGAL_MESSAGE
        0x8009_0308 => Malformed("the system cannot read it"),
        0x8009_0318 => Malformed("it is not complete"),
        0x8009_0326 => Malformed("the system does not expect it here"),
        // STATUS_INVALID_PARAMETER, SEC_E_INVALID_PARAMETER
        0xC000_000D | 0x8009_035D => Malformed("the system does not take it"),
        // SEC_E_TIME_SKEW, STATUS_TIME_DIFFERENCE_AT_DC
        0x8009_0324 | 0xC000_0133 => Fault::Skew,
        // SEC_E_CONTEXT_EXPIRED
        0x8009_0317 => Fault::Expired,
        // SEC_E_BAD_BINDINGS, STATUS_BAD_BINDINGS
        0x8009_0346 | 0xC000_035B => Fault::Bindings,
        // SEC_E_NO_TGT_REPLY
        0x8009_0334 => Fault::NoTgt,
        // SEC_E_MESSAGE_ALTERED, SEC_E_OUT_OF_SEQUENCE, SEC_E_DECRYPT_FAILURE
        0x8009_030F => Altered("its signature is wrong"),
        0x8009_0310 => Altered("it is out of sequence: a duplicate, too old, or one is missing"),
        0x8009_0330 => Altered("it cannot be decrypted"),
        _ => return None,
    })
}

/// Who the client is, and what it may do.
fn of_account(code: u32) -> Option<Fault> {
    use Fault::Rejected;
    Some(match code {
        // SEC_E_LOGON_DENIED, STATUS_LOGON_FAILURE, _NO_SUCH_USER, _WRONG_PASSWORD
        0x8009_030C | 0xC000_006D | 0xC000_0064 | 0xC000_006A => {
            Rejected("its proof is wrong, or there is no such account")
        }
        // STATUS_ACCOUNT_RESTRICTION, _INVALID_LOGON_HOURS, _INVALID_WORKSTATION,
        // _LOGON_TYPE_NOT_GRANTED, SEC_E_MULTIPLE_ACCOUNTS
        0xC000_006E..=0xC000_0070 | 0xC000_015B => {
            Rejected("its account may not log on here or now")
        }
        // STATUS_PASSWORD_EXPIRED, _PASSWORD_MUST_CHANGE
        0xC000_0071 | 0xC000_0224 => Rejected("its password has expired"),
        // STATUS_ACCOUNT_DISABLED, _ACCOUNT_EXPIRED, _ACCOUNT_LOCKED_OUT
        0xC000_0072 | 0xC000_0193 | 0xC000_0234 => {
            Rejected("its account is disabled, expired or locked")
        }
        // SEC_E_WRONG_PRINCIPAL, SEC_E_TARGET_UNKNOWN, SEC_E_MULTIPLE_ACCOUNTS
        0x8009_0322 | 0x8009_0303 | 0x8009_0347 => Rejected(
            "its token is for another service than those of this account; check which service \
             principal names the account has",
        ),
        // SEC_E_KDC_UNKNOWN_ETYPE, SEC_E_CRYPTO_SYSTEM_INVALID, SEC_E_ALGORITHM_MISMATCH,
        // SEC_E_STRONG_CRYPTO_NOT_SUPPORTED
        0x8009_0342 | 0x8009_0337 | 0x8009_0331 | 0x8009_033A => {
            Rejected("its encryption type is not one that the system accepts")
        }
        // SEC_E_POLICY_NLTM_ONLY, SEC_E_DOWNGRADE_DETECTED, SEC_E_SECURITY_QOS_FAILED,
        // SEC_E_DELEGATION_REQUIRED, SEC_E_DELEGATION_POLICY, SEC_E_MUTUAL_AUTH_FAILED
        0x8009_035F | 0x8009_0350 | 0x8009_0332 | 0x8009_0345 | 0x8009_035E | 0x8009_0363 => {
            Rejected("the system's policy does not allow it")
        }
        _ => return None,
    })
}

/// What is wrong on the server's side.
fn of_system(code: u32) -> Option<Fault> {
    use Fault::Unavailable;
    const PACKAGE: &str = "the security package";
    Some(match code {
        // SEC_E_INSUFFICIENT_MEMORY, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY
        0x8009_0300 | 0xC000_009A | 0xC000_0017 => Unavailable(PACKAGE, "it has no memory left"),
        // SEC_E_NO_CREDENTIALS, SEC_E_UNKNOWN_CREDENTIALS, SEC_E_NOT_OWNER,
        // SEC_E_INCOMPLETE_CREDENTIALS, SEC_E_WRONG_CREDENTIAL_HANDLE, SEC_E_NO_KERB_KEY
        0x8009_030E | 0x8009_030D | 0x8009_0306 | 0x8009_0320 | 0x8009_0336 | 0x8009_0348 => {
            Unavailable(
                "a credential of the server's",
                "run the service under an account of the domain, or give it an account and its \
                 password",
            )
        }
        // SEC_E_NO_AUTHENTICATING_AUTHORITY, STATUS_NO_LOGON_SERVERS
        0x8009_0311 | 0xC000_005E => {
            Unavailable("a domain controller", "the system cannot reach any")
        }
        // SEC_E_SECPKG_NOT_FOUND, SEC_E_BAD_PKGID, SEC_E_CANNOT_INSTALL
        0x8009_0305 | 0x8009_0316 | 0x8009_0307 => {
            Unavailable(PACKAGE, "it is not installed, or not enabled")
        }
        // SEC_E_BUFFER_TOO_SMALL, SEC_E_EXT_BUFFER_TOO_SMALL, SEC_E_INSUFFICIENT_BUFFERS,
        // STATUS_BUFFER_TOO_SMALL
        0x8009_0321 | 0x8009_036A | 0x8009_036B | 0xC000_0023 => Unavailable(
            "room for the package's token",
            "it is longer than the package says it can be; request ALLOCATE_MEMORY",
        ),
        // SEC_E_UNSUPPORTED_FUNCTION, SEC_E_QOP_NOT_SUPPORTED, SEC_E_NO_IMPERSONATION
        0x8009_0302 | 0x8009_030A | 0x8009_030B | 0xC000_00BB => Unavailable(
            "the function",
            "the package does not have it for this context",
        ),
        // SEC_E_INTERNAL_ERROR, SEC_E_INVALID_HANDLE, SEC_E_NO_CONTEXT,
        // SEC_E_UNFINISHED_CONTEXT_DELETED, SEC_E_SHUTDOWN_IN_PROGRESS
        0x8009_0304 | 0x8009_0301 | 0x8009_0361 | 0x8009_0333 | 0x8009_033F => {
            Unavailable(PACKAGE, "it failed inside")
        }
        // SEC_E_CANNOT_PACK, SEC_E_ENCRYPT_FAILURE
        0x8009_0309 | 0x8009_0329 => Unavailable(PACKAGE, "it cannot make the message"),
        _ => return None,
    })
}

fn said(status: Status) -> PlatformStatus {
    let code = status.code();
    PlatformStatus::new("sspi", code.to_string()).with_windows(code)
}

fn unavailable(what: &'static str, text: &str) -> Error {
    let text = text.to_owned();
    Unavailability::Platform { what, text }.into()
}

/// Why a step failed.
pub(super) fn of_step(status: Status, known: &Circumstances) -> Error {
    let Circumstances { now, skew } = *known;
    if !status.is_error() {
        let text = "it asks for something that acceptors do not do";
        return unavailable("the security package", text).with_platform(said(status));
    }
    let error: Error = match fault(status.code().0) {
        Fault::Malformed(problem) => Error::malformed("token", problem, None),
        Fault::Skew => Rejection::ClockSkew {
            client: None,
            server: now,
            skew,
        }
        .into(),
        Fault::Expired => Rejection::TicketExpired { end: None, now }.into(),
        Fault::Bindings => Rejection::BindingMismatch {
            null_address_type: false,
        }
        .into(),
        Fault::NoTgt => Rejection::NoTgt.into(),
        Fault::Altered(problem) | Fault::Rejected(problem) => {
            Rejection::Platform { problem }.into()
        }
        Fault::Unavailable(what, text) => unavailable(what, text),
    };
    error.with_platform(said(status))
}

/// Why a message could not be protected or taken.
pub(super) fn of_message(part: &'static str, status: Status) -> Error {
    let error: Error = match fault(status.code().0) {
        Fault::Malformed(problem) => Error::malformed(part, problem, None),
        Fault::Altered(problem) => Rejection::MessageAltered { problem }.into(),
        Fault::Unavailable(what, text) => unavailable(what, text),
        Fault::Rejected(problem) => Rejection::Platform { problem }.into(),
        _ => Rejection::MessageAltered {
            problem: "the system does not take it",
        }
        .into(),
    };
    error.with_platform(said(status))
}

/// Why a function failed that has nothing to do with what a client sent.
pub(super) fn of_call(what: &'static str, status: Status) -> Error {
    match fault(status.code().0) {
        _ if status == Status::UNSUPPORTED_FUNCTION => Misuse::Unsupported {
            backend: NAME,
            what,
        }
        .into(),
        Fault::Unavailable(missing, text) => unavailable(missing, text).with_platform(said(status)),
        _ => unavailable(what, "the security package refuses it").with_platform(said(status)),
    }
}
