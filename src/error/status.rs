//! The codes of the two interfaces whose meaning this crate carries.

use core::fmt;

/// A status of `winerror.h`, as `AcceptSecurityContext` returns it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowsStatus(pub u32);

macro_rules! windows_statuses {
    ($($name:ident = $value:literal, $meaning:literal;)*) => {
        impl WindowsStatus {
            $(#[doc = $meaning] pub const $name: Self = Self($value);)*

            /// The name in `winerror.h`, where this crate knows it.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

windows_statuses! {
    SEC_E_INSUFFICIENT_MEMORY = 0x8009_0300, "Not enough memory.";
    SEC_E_INVALID_HANDLE = 0x8009_0301, "The handle (here: a finished handshake) is not valid.";
    SEC_E_UNSUPPORTED_FUNCTION = 0x8009_0302, "The function is not supported.";
    SEC_E_INTERNAL_ERROR = 0x8009_0304, "The package failed inside.";
    SEC_E_SECPKG_NOT_FOUND = 0x8009_0305, "The package does not exist.";
    SEC_E_INVALID_TOKEN = 0x8009_0308, "The token is malformed or of another mechanism.";
    SEC_E_LOGON_DENIED = 0x8009_030C, "The logon was denied.";
    SEC_E_UNKNOWN_CREDENTIALS = 0x8009_030D, "The credentials were not recognised.";
    SEC_E_NO_CREDENTIALS = 0x8009_030E, "There are no credentials.";
    SEC_E_MESSAGE_ALTERED = 0x8009_030F, "The message was altered.";
    SEC_E_OUT_OF_SEQUENCE = 0x8009_0310, "The message is out of sequence.";
    SEC_E_NO_AUTHENTICATING_AUTHORITY = 0x8009_0311, "No authority could be contacted.";
    SEC_E_CONTEXT_EXPIRED = 0x8009_0317, "The context has expired.";
    SEC_E_INCOMPLETE_MESSAGE = 0x8009_0318, "The message is incomplete.";
    SEC_E_BUFFER_TOO_SMALL = 0x8009_0321, "The buffer is too small.";
    SEC_E_WRONG_PRINCIPAL = 0x8009_0322, "The target principal is not the server.";
    SEC_E_TIME_SKEW = 0x8009_0324, "The clocks are too far apart.";
    SEC_E_DECRYPT_FAILURE = 0x8009_0330, "The message could not be decrypted.";
    SEC_E_CRYPTO_SYSTEM_INVALID = 0x8009_0337, "The cryptosystem is not acceptable.";
    SEC_E_KDC_UNKNOWN_ETYPE = 0x8009_0342, "The encryption type is not supported.";
    SEC_E_DELEGATION_REQUIRED = 0x8009_0345, "Delegation is required.";
    SEC_E_BAD_BINDINGS = 0x8009_0346, "The channel bindings do not match.";
    SEC_E_INVALID_PARAMETER = 0x8009_035D, "A parameter is not valid.";
    SEC_E_NO_CONTEXT = 0x8009_0361, "There is no context.";
    SEC_E_MUTUAL_AUTH_FAILED = 0x8009_0363, "Mutual authentication was not reached.";
}

impl fmt::Display for WindowsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} (0x{:08X})", self.0),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

impl fmt::Debug for WindowsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A GSS-API major status (RFC 2744 3.9.1): routine error in bits 16 to 23,
/// supplementary bits below.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GssMajor(pub u32);

macro_rules! gss_majors {
    ($($name:ident = $value:expr, $gss:literal, $meaning:literal;)*) => {
        impl GssMajor {
            $(#[doc = $meaning] pub const $name: Self = Self($value);)*

            /// The name in RFC 2744, where it is a single condition.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                $(if self == Self::$name { return Some($gss); })*
                None
            }
        }
    };
}

gss_majors! {
    BAD_MECH = 1 << 16, "GSS_S_BAD_MECH", "The mechanism is not supported.";
    BAD_NAME = 2 << 16, "GSS_S_BAD_NAME", "The name is not valid.";
    BAD_BINDINGS = 4 << 16, "GSS_S_BAD_BINDINGS", "The channel bindings do not match.";
    BAD_SIG = 6 << 16, "GSS_S_BAD_SIG", "A checksum does not match.";
    NO_CRED = 7 << 16, "GSS_S_NO_CRED", "There are no credentials.";
    NO_CONTEXT = 8 << 16, "GSS_S_NO_CONTEXT", "There is no context.";
    DEFECTIVE_TOKEN = 9 << 16, "GSS_S_DEFECTIVE_TOKEN", "The token is malformed.";
    DEFECTIVE_CREDENTIAL = 10 << 16, "GSS_S_DEFECTIVE_CREDENTIAL", "The credentials are malformed.";
    CREDENTIALS_EXPIRED = 11 << 16, "GSS_S_CREDENTIALS_EXPIRED", "The credentials have expired.";
    CONTEXT_EXPIRED = 12 << 16, "GSS_S_CONTEXT_EXPIRED", "The context has expired.";
    FAILURE = 13 << 16, "GSS_S_FAILURE", "A failure told by the minor status.";
    UNAUTHORIZED = 15 << 16, "GSS_S_UNAUTHORIZED", "The operation is not authorised.";
    UNAVAILABLE = 16 << 16, "GSS_S_UNAVAILABLE", "The operation is not available.";
    DUPLICATE_TOKEN = 2, "GSS_S_DUPLICATE_TOKEN", "The token was seen before.";
    OLD_TOKEN = 4, "GSS_S_OLD_TOKEN", "The token is too old to tell.";
}

impl fmt::Display for GssMajor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "GSS major 0x{:08x}", self.0),
        }
    }
}

impl fmt::Debug for GssMajor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the platform's own security package said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformStatus {
    origin: &'static str,
    text: String,
    windows: Option<WindowsStatus>,
    gss_major: Option<GssMajor>,
    minor: Option<i64>,
}

impl PlatformStatus {
    /// What `origin` (`sspi`, `gssapi`) said, in its words.
    #[must_use]
    pub fn new(origin: &'static str, text: impl Into<String>) -> Self {
        Self {
            origin,
            text: text.into(),
            windows: None,
            gss_major: None,
            minor: None,
        }
    }

    /// With the Windows status it gave.
    #[must_use]
    pub fn with_windows(mut self, status: WindowsStatus) -> Self {
        self.windows = Some(status);
        self
    }

    /// With the GSS-API statuses it gave.
    #[must_use]
    pub fn with_gss(mut self, major: GssMajor, minor: i64) -> Self {
        self.gss_major = Some(major);
        self.minor = Some(minor);
        self
    }

    /// Who said it.
    #[must_use]
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// What it said, in its words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The Windows status, where it is one.
    #[must_use]
    pub fn windows(&self) -> Option<WindowsStatus> {
        self.windows
    }

    /// The GSS-API major status, where it is one.
    #[must_use]
    pub fn gss_major(&self) -> Option<GssMajor> {
        self.gss_major
    }

    /// The mechanism's minor status, where there is one.
    #[must_use]
    pub fn minor(&self) -> Option<i64> {
        self.minor
    }
}

impl fmt::Display for PlatformStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)?;
        if let Some(status) = self.windows {
            write!(f, " [{status}]")?;
        }
        if let (Some(major), Some(minor)) = (self.gss_major, self.minor) {
            write!(f, " [{major}, minor {minor}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for PlatformStatus {}
