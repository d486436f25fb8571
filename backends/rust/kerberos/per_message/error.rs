//! What can be wrong with a token.

use super::super::crypto::CryptoError;
use super::header::HEADER;

/// Why a token was refused, or not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    /// Shorter than its parts.
    #[error("the token has {found} bytes, at least {needed} are needed")]
    TooShort {
        /// The shortest length possible.
        needed: usize,
        /// The token's length.
        found: usize,
    },
    /// Framed as in RFC 2743 3.1, but not exactly, or for another mechanism.
    #[error("the frame around the token is not a Kerberos one of the right length")]
    Frame,
    /// Neither a Wrap nor a MIC token, or the other of the two.
    #[error("the token id is {found:02x?}, expected {expected:02x?}")]
    TokenId {
        /// The id of the token that was expected.
        expected: [u8; 2],
        /// What is there.
        found: [u8; 2],
    },
    /// A filler octet that is not FF.
    #[error("a filler octet of the token header is not FF")]
    Filler,
    /// Algorithms that are not those of the context's key.
    #[error("the token's algorithms are not HMAC-MD5 and RC4")]
    Algorithm,
    /// A MIC token that claims to be encrypted.
    #[error("the MIC token has the flag of an encrypted one")]
    SealedMic,
    /// Our own token sent back to us.
    #[error("the token was made by this end of the context, not by the peer")]
    Direction,
    /// The token's key is not the one agreed on.
    #[error("the token's AcceptorSubkey flag does not match the key that was agreed on")]
    AcceptorSubkey,
    /// EC is not the checksum's length, or not what the encrypted header says,
    /// or more than there is.
    #[error("the token's extra count ({found}) is not right")]
    ExtraCount {
        /// What it says.
        found: u16,
    },
    /// RRC is not the one that fits a message in parts.
    #[error("the token's rotation count ({found}) is not right")]
    Rotation {
        /// What it says.
        found: u16,
    },
    /// The parts are not those of a message.
    #[error("the parts are no message: {0}")]
    Parts(&'static str),
    /// The header inside the encryption is not the one in front of it.
    #[error("the encrypted copy of the token header differs from the header")]
    HeaderCopy,
    /// The integrity check failed.
    #[error("the integrity check failed: wrong key, or the token was changed")]
    Integrity,
    /// No number is left for another message.
    #[error("this context has sent as many messages as it has numbers for")]
    Exhausted,
    /// A message that is longer than a token can say.
    #[error("the message is longer than a token can be")]
    TooLong,
    /// The caller's buffer has no room for header and trailer around the data.
    #[error("the buffer needs {header} bytes before and {trailer} after the data")]
    NoRoom {
        /// Bytes needed in front.
        header: usize,
        /// Bytes needed behind.
        trailer: usize,
    },
}

impl From<CryptoError> for MessageError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::TooShort { needed, found } => Self::TooShort {
                needed: needed + HEADER,
                found: found + HEADER,
            },
            _ => Self::Integrity,
        }
    }
}
