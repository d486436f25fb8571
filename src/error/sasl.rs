//! Why a client that comes through SASL is not let in, or no longer heard.

use crate::error::{GssMajor, Printable, WindowsStatus};
use crate::mechanism::{Framing, Mechanism};
use crate::message::SequenceState;

/// What SASL's GSSAPI and GSS-SPNEGO know besides (RFC 4752, MS-ADTS).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslRejection {
    /// SASL's GSSAPI is Kerberos, without SPNEGO around it (RFC 4752 3).
    #[error(
        "the client comes by {mechanism} ({framing}) under the name of GSSAPI, which is Kerberos \
         alone; have it use GSS-SPNEGO"
    )]
    NotKerberos {
        /// What it came by.
        mechanism: Mechanism,
        /// What was around it.
        framing: Framing,
    },
    /// The client can have none of the security layers that the server
    /// accepts.
    #[error(
        "the handshake gives {granted}, which is enough for no security layer that is accepted \
         here ({accepted}); the client must ask for what the layer needs (ldapsearch: \
         -O minssf=..)"
    )]
    NoLayer {
        /// The flags that were granted.
        granted: String,
        /// The layers that the server accepts.
        accepted: String,
    },
    /// The client chose no layer, several, or one that was not offered (RFC
    /// 4752 3.2).
    #[error(
        "the client chose security layers {chosen:#04x}, and {offered:#04x} were offered, one of them to be chosen"
    )]
    Layer {
        /// Its bit mask.
        chosen: u8,
        /// Ours.
        offered: u8,
    },
    /// The client takes no message that is long enough to hold anything.
    #[error("the client takes at most {size} bytes a message, which is too few for its protection")]
    MaxSize {
        /// What it says.
        size: usize,
    },
    /// The client would act in another's name.
    #[error(
        "{} may not act as '{}': no authorisation allows it (`SaslServer::authorize`)",
        Printable(.peer), Printable(.authorization_id)
    )]
    NotAuthorized {
        /// Who the client is.
        peer: String,
        /// Whom it would act as.
        authorization_id: String,
    },
    /// A message that is longer than agreed.
    #[error("a protected message of {length} bytes, and at most {limit} are agreed")]
    TooLong {
        /// Its length.
        length: usize,
        /// What the server said that it takes.
        limit: usize,
    },
    /// A message that is not the next one.
    #[error(
        "a protected message out of sequence ({state:?}): one was sent again, left out or moved on the way"
    )]
    OutOfSequence {
        /// Where it stands.
        state: SequenceState,
    },
    /// A message that is not sealed, where sealing was agreed.
    #[error("a message that is not encrypted, and encryption is agreed")]
    NotEncrypted,
}

impl SaslRejection {
    pub(in crate::error) fn status(&self) -> WindowsStatus {
        match self {
            Self::TooLong { .. } | Self::NotEncrypted => WindowsStatus::SEC_E_MESSAGE_ALTERED,
            Self::OutOfSequence { .. } => WindowsStatus::SEC_E_OUT_OF_SEQUENCE,
            Self::Layer { .. } | Self::MaxSize { .. } => WindowsStatus::SEC_E_INVALID_TOKEN,
            _ => WindowsStatus::SEC_E_LOGON_DENIED,
        }
    }

    pub(in crate::error) fn gss_major(&self) -> GssMajor {
        match self {
            Self::NotKerberos { .. } => GssMajor::BAD_MECH,
            Self::NoLayer { .. } | Self::NotAuthorized { .. } => GssMajor::UNAUTHORIZED,
            Self::NotEncrypted => GssMajor::BAD_SIG,
            _ => GssMajor::DEFECTIVE_TOKEN,
        }
    }
}
