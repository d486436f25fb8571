//! An established Kerberos context.

mod export;

pub(crate) use export::{read_key, write_key};

use core::any::Any;
use core::ops::Range;

use super::codec::authdata::{self, AuthorizationData, Found};
use super::crypto::Key;
use super::per_message::{MessageError, Messages};
use crate::authorization::{Authorization, Evidence, PacSignatures};
use crate::backends::SecurityContext;
use crate::backends::rust::{NAME, importer};
use crate::ccache::KerberosCredential;
use crate::delegation::Delegated;
use crate::error::{AuthorizationProblem, Error, Misuse, Rejection};
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::secret::Secret;

/// The longest output of the pseudo-random function that is given: what
/// protocols take is below 100 bytes.
const MAX_PRF: usize = 1 << 16;

/// Keys and sequence states of an established context, and the ticket's
/// authorization data as it was.
pub(crate) struct KerberosContext {
    /// With the key that protects them (rule 25).
    messages: Messages,
    /// The client's subkey, else the ticket's session key: where that is another.
    partial: Option<Key>,
    /// The elements of the ticket's AuthorizationData in DER.
    authorization_data: Box<[u8]>,
    max_token: usize,
    kept: Kept,
}

/// What a context keeps of how it came about.
pub(crate) struct Kept {
    /// What the client delegated, which is seldom anything.
    pub(crate) delegated: Option<Box<Delegated>>,
    /// The client's own ticket, if it is kept.
    pub(crate) ticket: Option<Box<KerberosCredential>>,
    /// What was verified of the ticket's only PAC.
    pub(crate) pac: Result<PacSignatures, AuthorizationProblem>,
}

impl Kept {
    /// Of a client's end, and of a server's where the ticket has no PAC.
    pub(crate) fn nothing() -> Self {
        Self {
            delegated: None,
            ticket: None,
            pac: Err(AuthorizationProblem::Absent),
        }
    }

    /// Boxed, if it is anything: for as long as nobody has the context.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        match self {
            Self {
                delegated: None,
                ticket: None,
                pac: Err(AuthorizationProblem::Absent),
            } => None,
            something => Some(Box::new(something)),
        }
    }
}

impl KerberosContext {
    #[inline]
    pub(crate) fn new(
        messages: Messages,
        partial: Option<Key>,
        authorization_data: Box<[u8]>,
        max_token: usize,
        kept: Kept,
    ) -> Self {
        Self {
            messages,
            partial,
            authorization_data,
            max_token,
            kept,
        }
    }

    /// With what the client delegated.
    pub(crate) fn with_delegated(self, delegated: Option<Delegated>) -> Self {
        let kept = Kept {
            delegated: delegated.map(Box::new),
            ..self.kept
        };
        Self { kept, ..self }
    }
}

impl KerberosContext {
    /// All elements of the ticket's authorization data.
    fn walk<'a>(&'a self, each: impl FnMut(Found<'a>)) {
        if self.authorization_data.is_empty() {
            return;
        }
        let contents = &self.authorization_data;
        if let Ok(list) = AuthorizationData::from_contents("AuthorizationData", contents) {
            authdata::walk(&list).map_while(Result::ok).for_each(each);
        }
    }
}

impl SecurityContext for KerberosContext {
    fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.messages
            .wrap(protection, data)
            .map_err(|error| failure("message", error))
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        self.messages
            .unwrap(token)
            .map_err(|error| failure("wrap token", error))
    }

    fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        let has = buffer.len();
        self.messages
            .wrap_in_place(protection, buffer, data.clone())
            .map_err(|error| match error {
                MessageError::NoRoom { header, trailer } => Misuse::BufferTooSmall {
                    needed: data.len().saturating_add(header).saturating_add(trailer),
                    has,
                }
                .into(),
                other => failure("wrap token", other),
            })
    }

    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        self.messages
            .unwrap_in_place(buffer)
            .map_err(|error| failure("wrap token", error))
    }

    fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        self.messages
            .wrap_parts(protection, parts)
            .map_err(|error| parts_failure(error, parts))
    }

    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        self.messages
            .unwrap_parts(parts)
            .map_err(|error| parts_failure(error, parts))
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.messages
            .mic(data)
            .map_err(|error| failure("message", error))
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        self.messages
            .verify(data, mic)
            .map_err(|error| failure("MIC token", error))
    }

    fn sizes(&self) -> Sizes {
        let sealed = self.messages.sizes(Protection::Confidentiality);
        let integrity = self.messages.sizes(Protection::Integrity);
        Sizes::new(
            self.max_token,
            sealed.max_signature,
            sealed.block_size,
            (sealed.header, sealed.trailer),
            (integrity.header, integrity.trailer),
        )
        .with_parts(sealed.parts_header, integrity.parts_header)
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        Ok(SessionKey {
            etype: Some(self.messages.key().etype()),
            key: self.messages.key().to_secret(),
        })
    }

    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error> {
        if length > MAX_PRF {
            return Err(Misuse::OutOfRange {
                setting: "length",
                problem: "65536 bytes at the most",
            }
            .into());
        }
        let key = match key {
            PrfKey::Full => self.messages.key(),
            PrfKey::Partial => self.partial.as_ref().unwrap_or(self.messages.key()),
        };
        Ok(key.gss_prf(input, length))
    }

    fn authorization_data(&self) -> Vec<(i32, Vec<u8>)> {
        let mut all = Vec::new();
        self.walk(|found| all.push((found.ad_type, found.data.to_vec())));
        all
    }

    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        let signatures = self.kept.pac.clone()?;
        let mut pac = None;
        self.walk(|found| {
            if found.ad_type == authdata::ad_type::WIN2K_PAC {
                pac = Some(found.data);
            }
        });
        let pac = pac.ok_or(AuthorizationProblem::Absent)?;
        Authorization::from_verified_pac(pac, Evidence::Pac(signatures))
    }

    fn delegated(&self) -> Option<&Delegated> {
        self.kept.delegated.as_deref()
    }

    fn client_ticket(&self) -> Option<&KerberosCredential> {
        self.kept.ticket.as_deref()
    }

    fn backend(&self) -> &'static str {
        NAME
    }

    fn export(self: Box<Self>) -> Result<Secret, Error> {
        Ok(importer::kerberos(*self))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A token that cannot be one is malformed; one that could, and does not
/// verify, was altered.
fn failure(part: &'static str, error: MessageError) -> Error {
    let problem = match error {
        MessageError::TooShort { .. } => "it is too short",
        MessageError::Frame => "its frame is not exact, or not Kerberos'",
        MessageError::TokenId { .. } => "its token id is another",
        MessageError::Filler => "a filler byte is not FF",
        MessageError::Algorithm => "its algorithms are not those of the key",
        MessageError::Exhausted => return Misuse::SequenceExhausted.into(),
        MessageError::TooLong => {
            return Misuse::OutOfRange {
                setting: "data",
                problem: "less than four gigabytes",
            }
            .into();
        }
        MessageError::SealedMic => "a MIC cannot be sealed",
        MessageError::ExtraCount { .. } => return altered("its extra count does not fit"),
        MessageError::Direction => return altered("it was sent by this side"),
        MessageError::AcceptorSubkey => return altered("it is under another key than was agreed"),
        MessageError::HeaderCopy => return altered("its header was changed"),
        MessageError::Integrity => return altered("the integrity check failed"),
        MessageError::Rotation { .. } => return altered("its rotation count does not fit"),
        MessageError::NoRoom { .. } => "it has no room",
        MessageError::Parts(problem) => problem,
    };
    Error::malformed(part, problem, None)
}

/// What is wrong with parts that the application laid out is its own doing.
fn parts_failure(error: MessageError, parts: &[MessagePart<'_>]) -> Error {
    match error {
        MessageError::Parts(problem) => Misuse::Parts { problem }.into(),
        MessageError::NoRoom { header, .. } => {
            let has = parts.iter().find_map(|part| match part {
                MessagePart::Header(room) => Some(room.len()),
                _ => None,
            });
            Misuse::BufferTooSmall {
                needed: header,
                has: has.unwrap_or(0),
            }
            .into()
        }
        other => failure("wrap token", other),
    }
}

fn altered(problem: &'static str) -> Error {
    Rejection::MessageAltered { problem }.into()
}
