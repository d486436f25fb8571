//! What a client is told, and what it makes of it.

use core::fmt;
use std::time::SystemTime;

use crate::backends::rust::kerberos::codec::messages;
use crate::time::from_unix_seconds;
use crate::{EncryptionType, Error, Failure, Utc};

/// Why a client of a test could not go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A name, an encryption type or a message that cannot be used.
    #[error(transparent)]
    Unusable(#[from] Error),
    /// A ticket was asked for that the service has no key for.
    #[error("the service has no key of {etype}; make it with service_with_keys")]
    NoKey {
        /// The type that was asked for.
        etype: EncryptionType,
    },
    /// The server answered with a KRB-ERROR.
    #[error("the server answered {0}")]
    KrbError(KrbErrorReply),
    /// The server ended the negotiation (SPNEGO reject), perhaps with the
    /// mechanism's own reason.
    #[error("the server rejected the negotiation{}", .0.as_ref().map_or_else(String::new, |error| format!(": {error}")))]
    Rejected(Option<KrbErrorReply>),
    /// An answer was awaited, and there was none.
    #[error("the server sent no token, and {awaited} was awaited")]
    NoReply {
        /// What was awaited.
        awaited: &'static str,
    },
    /// There was an answer where none belongs.
    #[error("the server sent a token after the handshake was over")]
    UnexpectedReply,
    /// The answer is not what the protocol says.
    #[error("the server's {part} is not right: {problem}")]
    BadReply {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// [`finish`](super::TestClient::finish), and the server is not done.
    #[error("the handshake takes a further token from the client; use step instead of finish")]
    NotFinished,
    /// A message could not be encoded.
    #[error("the {part} cannot be encoded")]
    Encoding {
        /// Which one.
        part: &'static str,
    },
}

impl ClientError {
    /// What the server said, where it sent a KRB-ERROR.
    #[must_use]
    pub fn krb_error(&self) -> Option<&KrbErrorReply> {
        match self {
            Self::KrbError(reply) | Self::Rejected(Some(reply)) => Some(reply),
            _ => None,
        }
    }

    pub(super) fn encoding(part: &'static str) -> Self {
        Self::Encoding { part }
    }
}

/// Why [`connect`](super::ClientBuilder::connect) did not come to a context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server did not let the client in.
    #[error("server: {failure}")]
    Server {
        /// Its error, and the token that it sends.
        #[source]
        failure: Failure,
        /// What the client makes of that token.
        client: Option<Box<ClientError>>,
    },
    /// The client did not go on.
    #[error("client: {0}")]
    Client(#[from] ClientError),
}

/// A KRB-ERROR as a client reads it (RFC 4120 5.9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KrbErrorReply {
    /// The error code (RFC 4120 7.5.9).
    pub code: i32,
    /// The server's time.
    pub server_time: SystemTime,
    /// What the server says besides.
    pub text: Option<String>,
    /// Whether the client is invited to try once more by the server's clock
    /// (MS-KILE 3.4.5).
    pub retry: SkewRetry,
}

/// Whether a KRB-ERROR invites the client to try by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkewRetry {
    /// It does.
    Invited,
    /// It does not.
    NotInvited,
}

/// KERB-ERROR-DATA of KERB_AP_ERR_TYPE_SKEW_RECOVERY (MS-KILE 2.2.2).
const SKEW_RECOVERY: &[u8] = &[0x30, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x02];

impl KrbErrorReply {
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let error = messages::KrbError::decode(body).ok()?;
        let micros = std::time::Duration::from_micros(error.susec.into());
        let data = error.e_data.map(|data| data.0);
        Some(Self {
            code: error.error_code,
            server_time: from_unix_seconds(error.stime.0) + micros,
            text: error
                .e_text
                .map(|text| String::from_utf8_lossy(text.0).into_owned()),
            retry: if data == Some(SKEW_RECOVERY) {
                SkewRetry::Invited
            } else {
                SkewRetry::NotInvited
            },
        })
    }

    /// The code's name in RFC 4120 7.5.9, where it has one that a server
    /// sends.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.code {
            14 => "KDC_ERR_ETYPE_NOSUPP",
            31 => "KRB_AP_ERR_BAD_INTEGRITY",
            32 => "KRB_AP_ERR_TKT_EXPIRED",
            33 => "KRB_AP_ERR_TKT_NYV",
            34 => "KRB_AP_ERR_REPEAT",
            35 => "KRB_AP_ERR_NOT_US",
            36 => "KRB_AP_ERR_BADMATCH",
            37 => "KRB_AP_ERR_SKEW",
            38 => "KRB_AP_ERR_BADADDR",
            39 => "KRB_AP_ERR_BADVERSION",
            40 => "KRB_AP_ERR_MSG_TYPE",
            41 => "KRB_AP_ERR_MODIFIED",
            42 => "KRB_AP_ERR_BADORDER",
            44 => "KRB_AP_ERR_BADKEYVER",
            45 => "KRB_AP_ERR_NOKEY",
            46 => "KRB_AP_ERR_MUT_FAIL",
            50 => "KRB_AP_ERR_INAPP_CKSUM",
            51 => "KRB_AP_PATH_NOT_ACCEPTED",
            60 => "KRB_ERR_GENERIC",
            67 => "KRB_AP_ERR_NO_TGT",
            69 => "KRB_AP_ERR_USER_TO_USER_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for KrbErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kerberos error {}", self.code)?;
        if let Some(name) = self.name() {
            write!(f, " ({name})")?;
        }
        if let Some(text) = &self.text {
            write!(f, ", {text:?}")?;
        }
        write!(f, "; its clock says {}", Utc(self.server_time))?;
        match self.retry {
            SkewRetry::Invited => f.write_str("; a client may try again by it"),
            SkewRetry::NotInvited => Ok(()),
        }
    }
}
