//! The per-message tokens that go with a context's key: those of RFC 1964 for
//! rc4-hmac, those of RFC 4121 for all newer types (RFC 4121 1).

use core::ops::Range;

use super::super::crypto::Key;
use super::rc4::Rc4Messages;
use super::{Agreed, MessageError, PerMessage, Sizes};
use crate::message::{
    MessagePart, PartsUsed, Protection, SequenceState, Unwrapped, UnwrappedInPlace,
};

/// One end's messages.
pub(crate) enum Messages {
    /// Under AES.
    Rfc4121(PerMessage),
    /// Under RC4.
    Rfc1964(Rc4Messages),
}

impl Messages {
    /// The key that was agreed on decides: an upgrade to AES by RFC 4537 is
    /// one of the messages too.
    #[inline]
    pub(crate) fn new(agreed: Agreed) -> Self {
        match Rc4Messages::new(&agreed) {
            Some(messages) => Self::Rfc1964(messages),
            None => Self::Rfc4121(PerMessage::new(agreed)),
        }
    }

    /// The key that protects them.
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Rfc4121(messages) => messages.keys.key(),
            Self::Rfc1964(messages) => messages.key(),
        }
    }

    pub(crate) fn wrap(&self, seal: Protection, data: &[u8]) -> Result<Vec<u8>, MessageError> {
        match self {
            Self::Rfc4121(messages) => Ok(messages.wrap(seal, data)),
            Self::Rfc1964(messages) => messages.wrap(seal, data),
        }
    }

    pub(crate) fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.unwrap(token),
            Self::Rfc1964(messages) => messages.unwrap(token),
        }
    }

    pub(crate) fn wrap_in_place(
        &self,
        seal: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.wrap_in_place(seal, buffer, data),
            Self::Rfc1964(messages) => messages.wrap_in_place(seal, buffer, data),
        }
    }

    pub(crate) fn unwrap_in_place(
        &self,
        buffer: &mut [u8],
    ) -> Result<UnwrappedInPlace, MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.unwrap_in_place(buffer),
            Self::Rfc1964(messages) => messages.unwrap_in_place(buffer),
        }
    }

    pub(crate) fn wrap_parts(
        &self,
        seal: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.wrap_parts(seal, parts),
            Self::Rfc1964(messages) => messages.wrap_parts(seal, parts),
        }
    }

    pub(crate) fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.unwrap_parts(parts),
            Self::Rfc1964(messages) => messages.unwrap_parts(parts),
        }
    }

    pub(crate) fn mic(&self, data: &[u8]) -> Result<Vec<u8>, MessageError> {
        match self {
            Self::Rfc4121(messages) => Ok(messages.mic(data)),
            Self::Rfc1964(messages) => messages.mic(data),
        }
    }

    pub(crate) fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, MessageError> {
        match self {
            Self::Rfc4121(messages) => messages.verify(data, mic),
            Self::Rfc1964(messages) => messages.verify(data, mic),
        }
    }

    pub(crate) fn sizes(&self, seal: Protection) -> Sizes {
        match self {
            Self::Rfc4121(messages) => messages.sizes(seal),
            Self::Rfc1964(messages) => messages.sizes(),
        }
    }
}
