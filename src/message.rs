//! The vocabulary of protected messages (RFC 2743 2.3, RFC 4121 4.2).

use core::ops::Range;

use crate::secret::Secret;

/// How a message is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Readable by anybody, alterable by nobody.
    Integrity,
    /// Readable by the peer alone.
    Confidentiality,
}

/// Where a message stands in the sequence of its sender's (RFC 2743 1.2.3).
/// The data of a message whose state is not [`InOrder`](Self::InOrder) is
/// authentic all the same; whether it is of use is the application's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SequenceState {
    /// It is the next one, or the context does not watch the sequence.
    InOrder,
    /// It was seen before (GSS_S_DUPLICATE_TOKEN).
    Duplicate,
    /// It is too old to tell whether it was seen (GSS_S_OLD_TOKEN).
    Old,
    /// It comes after a later one (GSS_S_UNSEQ_TOKEN).
    Unsequenced,
    /// Messages before it have not arrived (GSS_S_GAP_TOKEN).
    Gap,
}

/// A message taken out of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the sequence state says whether the message is a replay"]
pub struct Unwrapped {
    /// What the peer sent.
    pub data: Vec<u8>,
    /// How it was protected.
    pub protection: Protection,
    /// Where it stands in the peer's sequence.
    pub sequence: SequenceState,
}

/// A message taken out of its token, in the buffer that held it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the sequence state says whether the message is a replay"]
pub struct UnwrappedInPlace {
    /// Where in the buffer the data is.
    pub data: Range<usize>,
    /// How it was protected.
    pub protection: Protection,
    /// Where it stands in the peer's sequence.
    pub sequence: SequenceState,
}

/// The sizes of the tokens of a context, in bytes: SECPKG_ATTR_SIZES and
/// SECPKG_ATTR_STREAM_SIZES of `sspi.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// The longest token of a handshake (`cbMaxToken`).
    pub max_token: usize,
    /// The longest token of `mic` (`cbMaxSignature`).
    pub max_signature: usize,
    /// What messages are padded to; 1 if they are not (`cbBlockSize`).
    pub block: usize,
    /// What sealing adds to a message, header and trailer together
    /// (`cbSecurityTrailer`).
    pub security_trailer: usize,
    /// What `wrap_in_place` needs before the data of a sealed message.
    pub sealed_header: usize,
    /// What it needs behind it.
    pub sealed_trailer: usize,
    /// What `wrap_in_place` needs before the data of a message that is not
    /// sealed.
    pub integrity_header: usize,
    /// What it needs behind it.
    pub integrity_trailer: usize,
}

impl Sizes {
    /// All of them, in the order of the fields.
    #[must_use]
    pub fn new(
        max_token: usize,
        max_signature: usize,
        block: usize,
        sealed: (usize, usize),
        integrity: (usize, usize),
    ) -> Self {
        Self {
            max_token,
            max_signature,
            block,
            security_trailer: sealed.0 + sealed.1,
            sealed_header: sealed.0,
            sealed_trailer: sealed.1,
            integrity_header: integrity.0,
            integrity_trailer: integrity.1,
        }
    }

    /// The longest data whose token fits into `token` bytes
    /// (`gss_wrap_size_limit`, RFC 2743 2.2.7).
    #[must_use]
    pub fn max_data(&self, protection: Protection, token: usize) -> usize {
        let (header, trailer) = match protection {
            Protection::Confidentiality => (self.sealed_header, self.sealed_trailer),
            Protection::Integrity => (self.integrity_header, self.integrity_trailer),
        };
        token.saturating_sub(header + trailer)
    }
}

/// One part of a message that is protected where it lies (SECBUFFER_*,
/// MS-KILE 3.4.5.4): for DCE RPC, whose headers are signed and not sealed.
#[derive(Debug)]
#[non_exhaustive]
pub enum MessagePart<'a> {
    /// Room for, or the bytes of, the token's header (SECBUFFER_TOKEN).
    Header(&'a mut [u8]),
    /// The data, sealed where sealing is asked for (SECBUFFER_DATA).
    Data(&'a mut [u8]),
    /// Data that is signed and stays readable (SECBUFFER_READONLY_WITH_CHECKSUM).
    SignOnly(&'a [u8]),
    /// Room for padding (SECBUFFER_PADDING).
    Padding(&'a mut [u8]),
}

/// Which key the pseudo-random function of a context uses (RFC 4401 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrfKey {
    /// GSS_C_PRF_KEY_FULL: the key that both sides contributed to.
    Full,
    /// GSS_C_PRF_KEY_PARTIAL: the client's key (its subkey, else the
    /// ticket's session key).
    Partial,
}

/// The key that both sides share: SECPKG_ATTR_SESSION_KEY,
/// GSS_C_INQ_SSPI_SESSION_KEY; what SMB signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// The Kerberos encryption type, where it is a Kerberos key.
    pub etype: Option<crate::etype::EncryptionType>,
    /// The key.
    pub key: Secret,
}
