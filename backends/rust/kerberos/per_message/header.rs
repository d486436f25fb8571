//! The token header of RFC 4121 4.2.6. No keys here.

use super::{MessageError, Role};
use crate::message::Protection;

/// The length of a header, in bytes.
pub(super) const HEADER: usize = 16;

/// Which of the two tokens it is: `TOK_ID` (RFC 4121 4.2.6, RFC 1964 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `GSS_GetMIC`, `04 04`; under RC4 `01 01`.
    Mic,
    /// `GSS_Wrap`, `05 04`; under RC4 `02 01`.
    Wrap,
}

impl TokenKind {
    const fn id(self) -> [u8; 2] {
        match self {
            Self::Mic => [0x04, 0x04],
            Self::Wrap => [0x05, 0x04],
        }
    }
}

/// The flags octet (RFC 4121 4.2.2): who sent it.
const SENT_BY_ACCEPTOR: u8 = 0x01;
/// The flags octet: encrypted. Never in a MIC token.
const SEALED: u8 = 0x02;
/// The flags octet: the key is the acceptor's subkey.
const ACCEPTOR_SUBKEY: u8 = 0x04;

/// What a header says besides its token id.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: TokenKind,
    pub(super) sender: Role,
    pub(super) seal: Protection,
    pub(super) acceptor_subkey: bool,
    /// EC and RRC; both FFFF in a MIC token, where they are filler.
    pub(super) extra_count: u16,
    pub(super) rotation: u16,
    pub(super) sequence: u64,
}

impl Header {
    /// The bytes of a header we send.
    pub(super) fn to_bytes(self) -> [u8; HEADER] {
        let mut flags = 0;
        if self.sender == Role::Acceptor {
            flags |= SENT_BY_ACCEPTOR;
        }
        if self.seal == Protection::Confidentiality {
            flags |= SEALED;
        }
        if self.acceptor_subkey {
            flags |= ACCEPTOR_SUBKEY;
        }
        let mut bytes = [0xff; HEADER];
        bytes[..2].copy_from_slice(&self.kind.id());
        bytes[2] = flags;
        bytes[4..6].copy_from_slice(&self.extra_count.to_be_bytes());
        bytes[6..8].copy_from_slice(&self.rotation.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// Reads a header. Reserved flag bits are ignored (RFC 4121 4.2.2); the
    /// integrity check covers them.
    pub(super) fn parse(bytes: &[u8; HEADER], expected: TokenKind) -> Result<Self, MessageError> {
        let [a, b, flags, filler, ec0, ec1, rrc0, rrc1, sequence @ ..] = *bytes;
        let found = [a, b];
        if found != expected.id() {
            return Err(MessageError::TokenId {
                expected: expected.id(),
                found,
            });
        }
        let header = Self {
            kind: expected,
            sender: match flags & SENT_BY_ACCEPTOR {
                0 => Role::Initiator,
                _ => Role::Acceptor,
            },
            seal: match flags & SEALED {
                0 => Protection::Integrity,
                _ => Protection::Confidentiality,
            },
            acceptor_subkey: flags & ACCEPTOR_SUBKEY != 0,
            extra_count: u16::from_be_bytes([ec0, ec1]),
            rotation: u16::from_be_bytes([rrc0, rrc1]),
            sequence: u64::from_be_bytes(sequence),
        };
        // RFC 4121 4.2.6.1: five octets of filler, and no encrypted MIC.
        let is_mic = expected == TokenKind::Mic;
        let all_filler = [header.extra_count, header.rotation] == [0xffff; 2];
        if filler != 0xff || (is_mic && !all_filler) {
            return Err(MessageError::Filler);
        }
        if is_mic && header.seal == Protection::Confidentiality {
            return Err(MessageError::SealedMic);
        }
        Ok(header)
    }
}
