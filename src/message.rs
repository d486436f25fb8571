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
    /// What sealing adds to a message (`cbSecurityTrailer`): header and trailer
    /// together, or [`sealed_parts_header`](Self::sealed_parts_header) where
    /// that is longer, as in DCE style.
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
    /// The length of [`MessagePart::Header`] for a sealed message in parts;
    /// 0 where the mechanism has no messages in parts.
    pub sealed_parts_header: usize,
    /// The same for a message in parts that is not sealed.
    pub integrity_parts_header: usize,
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
            sealed_parts_header: 0,
            integrity_parts_header: 0,
        }
    }

    /// With the lengths of header parts, sealed and not.
    #[must_use]
    pub fn with_parts(mut self, sealed: usize, integrity: usize) -> Self {
        self.sealed_parts_header = sealed;
        self.integrity_parts_header = integrity;
        self.security_trailer = self.security_trailer.max(sealed);
        self
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

/// One part of a message that is protected where it lies (the SECBUFFER_*
/// types of `sspi.h`, the GSS_IOV_BUFFER_TYPE_* of `gssapi_ext.h`; MS-KILE
/// 3.4.5.4): for DCE RPC, whose headers are signed and not sealed.
///
/// There is exactly one header; the other parts may be any number, also of
/// length 0. Both sides must name data and sign-only parts in the same order;
/// it does not matter where among them the header is, nor whether two
/// neighbours of one kind are one part.
#[derive(Debug)]
#[non_exhaustive]
pub enum MessagePart<'a> {
    /// Room for, or the bytes of, the token's header (SECBUFFER_TOKEN):
    /// [`Sizes::sealed_parts_header`] bytes, or
    /// [`Sizes::integrity_parts_header`]. It holds everything that the
    /// protection adds.
    Header(&'a mut [u8]),
    /// The data, sealed where sealing is asked for (SECBUFFER_DATA). It keeps
    /// its place and its length.
    Data(&'a mut [u8]),
    /// Data that is signed and stays readable
    /// (SECBUFFER_READONLY_WITH_CHECKSUM, GSS_IOV_BUFFER_TYPE_SIGN_ONLY).
    SignOnly(&'a [u8]),
    /// Room for padding (SECBUFFER_PADDING), of which
    /// [`PartsUsed::padding`] bytes are used and belong to the message. In a
    /// message received, exactly those.
    Padding(&'a mut [u8]),
}

/// How much of their room the parts of a wrapped message use, in bytes from
/// the start of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartsUsed {
    /// Of the header part.
    pub header: usize,
    /// Of the padding part: 0 where the mechanism has no padding, as AES in
    /// Kerberos.
    pub padding: usize,
}

impl PartsUsed {
    /// So many bytes of the header, and of the padding.
    #[must_use]
    pub fn new(header: usize, padding: usize) -> Self {
        Self { header, padding }
    }
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
