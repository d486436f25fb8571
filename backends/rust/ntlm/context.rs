//! An established NTLM context.

mod export;

use core::any::Any;
use core::ops::Range;

use super::crypto::Key;
use super::per_message::{MessageError, PerMessage, SIGNATURE};
use crate::authorization::Authorization;
use crate::backends::SecurityContext;
use crate::backends::rust::{NAME, importer};
use crate::error::{AuthorizationProblem, Error, Misuse, Rejection};
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::secret::Secret;

/// Keys and message states, as far as the client negotiated any.
pub(crate) struct NtlmContext {
    /// `None` where neither signing nor sealing was negotiated.
    messages: Option<PerMessage>,
    /// ExportedSessionKey; `None` for a client without a name.
    exported: Option<Key>,
    announced: MicAnnounced,
    max_token: usize,
    /// What the source of accounts says of the client.
    authorization: Result<Box<Authorization>, AuthorizationProblem>,
}

/// Whether the client computes a MIC over NTLM's messages: such a client
/// computes SPNEGO's too (rule 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MicAnnounced {
    Yes,
    No,
}

impl NtlmContext {
    pub(crate) fn new(
        messages: Option<PerMessage>,
        exported: Option<Key>,
        announced: MicAnnounced,
        max_token: usize,
    ) -> Self {
        Self {
            messages,
            exported,
            announced,
            max_token,
            authorization: Err(AuthorizationProblem::Unsupported),
        }
    }

    /// With what the source of accounts says of the client.
    pub(crate) fn with_authorization(
        self,
        authorization: Result<Box<Authorization>, AuthorizationProblem>,
    ) -> Self {
        Self {
            authorization,
            ..self
        }
    }

    pub(crate) fn announced(&self) -> MicAnnounced {
        self.announced
    }

    /// The facade lets nobody here without the grant.
    fn messages(&self) -> Result<&PerMessage, Error> {
        self.messages.as_ref().ok_or(
            Misuse::Unsupported {
                backend: "rust",
                what: "messages of an NTLM context without session security",
            }
            .into(),
        )
    }

    /// A MIC over SPNEGO's offer, and the cipher as if there had been none
    /// (MS-SPNG 3.3.5.1).
    pub(crate) fn spnego_mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        if self.messages.is_none() {
            return Ok(DUMMY.to_vec());
        }
        let mic = self.mic(data)?;
        self.messages()?.reset_send();
        Ok(mic)
    }

    /// The same for the client's.
    pub(crate) fn verify_spnego_mic(&self, data: &[u8], mic: &[u8]) -> Result<(), Error> {
        if self.messages.is_none() && mic == DUMMY {
            return Ok(());
        }
        self.verify(data, mic)?;
        self.messages()?.reset_receive();
        Ok(())
    }
}

/// The signature of a client that has no integrity and signs all the same
/// (MS-NLMP 2.2.2.5, NTLMSSP_NEGOTIATE_ALWAYS_SIGN). It proves nothing, which
/// is as good as none: where a MIC is owed there is integrity.
const DUMMY: [u8; SIGNATURE] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const TOKEN: &str = "NTLM message";

impl SecurityContext for NtlmContext {
    // Where sealing was negotiated, the peer unseals whatever comes: a
    // message is then sealed even if less was asked for.
    fn wrap(&self, _: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.messages()?.wrap(data).map_err(failure)
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        let mut buffer = token.to_vec();
        let opened = self.unwrap_in_place(&mut buffer)?;
        buffer.drain(..opened.data.start);
        Ok(Unwrapped {
            data: buffer,
            protection: opened.protection,
            sequence: opened.sequence,
        })
    }

    fn wrap_in_place(
        &self,
        _: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        let has = buffer.len();
        let needed = data.len().saturating_add(SIGNATURE);
        self.messages()?
            .wrap_in_place(buffer, data)
            .map_err(|error| match error {
                MessageError::NoRoom => Misuse::BufferTooSmall { needed, has }.into(),
                other => failure(other),
            })
    }

    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        let messages = self.messages()?;
        let data = messages.unwrap_in_place(buffer).map_err(failure)?;
        Ok(UnwrappedInPlace {
            data,
            protection: messages.protection(),
            sequence: SequenceState::InOrder,
        })
    }

    fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        let messages = self.messages()?;
        messages.wrap_parts(protection, parts).map_err(failure)?;
        Ok(PartsUsed::new(SIGNATURE, 0))
    }

    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        let messages = self.messages()?;
        messages.unwrap_parts(parts).map_err(failure)?;
        Ok((messages.protection(), SequenceState::InOrder))
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let mic = self.messages()?.mic(data).map_err(failure)?;
        Ok(mic.to_vec())
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        self.messages()?.verify(data, mic).map_err(failure)?;
        Ok(SequenceState::InOrder)
    }

    fn sizes(&self) -> Sizes {
        let around = (SIGNATURE, 0);
        Sizes::new(self.max_token, SIGNATURE, 1, around, around)
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        // A null session's is known to everybody.
        let key = self.exported.as_ref().ok_or(Misuse::Unsupported {
            backend: "rust",
            what: "the session key of an anonymous client",
        })?;
        Ok(SessionKey {
            etype: None,
            key: Secret::copy_from(key.expose()),
        })
    }

    fn prf(&self, _: PrfKey, _: &[u8], _: usize) -> Result<Secret, Error> {
        Err(Misuse::Unsupported {
            backend: "rust",
            what: "a pseudo-random function of NTLM, which has none",
        }
        .into())
    }

    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        self.authorization.clone().map(|known| *known)
    }

    fn backend(&self) -> &'static str {
        NAME
    }

    fn export(self: Box<Self>) -> Result<Secret, Error> {
        importer::ntlm(*self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn failure(error: MessageError) -> Error {
    let altered = |problem| Rejection::MessageAltered { problem }.into();
    match error {
        MessageError::TooShort => Error::malformed(TOKEN, "its signature is not 16 bytes", None),
        MessageError::Sequence => altered("it is not the next message of its sender's"),
        MessageError::Integrity => altered("the integrity check failed"),
        MessageError::Ended => altered("a message before it was altered, and NTLM cannot go on"),
        MessageError::Parts | MessageError::NoRoom => Misuse::Unsupported {
            backend: "rust",
            what: "NTLM messages in other parts than one header of 16 bytes, and data",
        }
        .into(),
    }
}
