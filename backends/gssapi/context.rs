//! An established context.

pub(super) mod sys;

use core::any::Any;
use core::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use self::sys::Ctx;
use super::authorization::{self, PAC, PAC_ATTRIBUTE, Vouching};
use super::messages;
pub(super) use super::messages::Order;
use super::sys::Flavour;
use super::{NAME, importer, oid, status};
use crate::authorization::Authorization;
use crate::backends::{InPlace, SecurityContext};
use crate::delegation::Delegated;
use crate::error::{AuthorizationProblem, Error, Misuse};
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::secret::Secret;

/// The longest output of the pseudo-random function that is given.
const MAX_PRF: usize = 1 << 16;

/// An attribute of a name (RFC 6680 7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameAttribute {
    /// Its first value.
    pub value: Vec<u8>,
    /// Whether the library vouches for it: of a PAC, that its signature of
    /// the server's key is right. Decide on nothing that it does not vouch
    /// for.
    pub authenticated: bool,
}

/// An established context of the library's. It is used by one thread at a
/// time: what is sent waits for what is being received, for as long as that
/// takes to decrypt.
pub struct GssapiContext {
    ctx: Mutex<Ctx>,
    mechanism: Mechanism,
    order: Order,
    max_token: usize,
    sizes: OnceLock<Sizes>,
    delegated: Option<Delegated>,
    pac: TicketPac,
}

/// Where the ticket's PAC is.
pub(super) enum TicketPac {
    /// In the library, which vouches for it so.
    Library(Vouching),
    /// Here: it came with the context from the process that accepted it.
    Brought(Result<Vec<u8>, AuthorizationProblem>),
}

impl GssapiContext {
    pub(super) fn new(ctx: Ctx, mechanism: Mechanism, order: Order, max_token: usize) -> Self {
        Self {
            ctx: Mutex::new(ctx),
            mechanism,
            order,
            max_token,
            sizes: OnceLock::new(),
            delegated: None,
            pac: TicketPac::Library(Vouching::Never),
        }
    }

    /// With what is known of the ticket's PAC.
    pub(super) fn pac(self, pac: TicketPac) -> Self {
        Self { pac, ..self }
    }

    /// The PAC, if it is genuine.
    fn verified_pac(&self) -> Result<Vec<u8>, AuthorizationProblem> {
        match &self.pac {
            TicketPac::Library(vouching) => {
                authorization::pac(&self.lock(), self.mechanism, *vouching)
            }
            TicketPac::Brought(pac) => pac.clone(),
        }
    }

    /// With what the client delegated.
    pub(super) fn delegated(self, delegated: Option<Delegated>) -> Self {
        Self { delegated, ..self }
    }

    /// The local account of the client's, by the mapping that the operator of
    /// the system has configured (`gss_localname`, `auth_to_local`). `None`
    /// where there is none; Heimdal 7.8 has none of a negotiated context.
    #[must_use]
    pub fn local_name(&self) -> Option<String> {
        let name = self.lock().local_name()?;
        String::from_utf8(name).ok()
    }

    /// An attribute of the client's name (RFC 6680), such as `urn:mspac:` for
    /// the PAC, as the library and its plug-ins have it. `None` where there
    /// is none of this name; Heimdal 7.8 has none of Kerberos'.
    #[must_use]
    pub fn name_attribute(&self, name: &str) -> Option<NameAttribute> {
        self.lock().name_attribute(name.as_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Ctx> {
        self.ctx.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecurityContext for GssapiContext {
    fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        messages::wrap(&mut self.lock(), protection, data)
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        messages::unwrap(&mut self.lock(), self.order, token)
    }

    fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        let sizes = self.sizes();
        let room = match protection {
            Protection::Integrity => InPlace {
                header: sizes.integrity_header,
                trailer: sizes.integrity_trailer,
            },
            Protection::Confidentiality => InPlace {
                header: sizes.sealed_header,
                trailer: sizes.sealed_trailer,
            },
        };
        room.wrap(self, protection, buffer, data)
    }

    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        InPlace::unwrap(self, buffer)
    }

    fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        messages::wrap_parts(&mut self.lock(), protection, parts)
    }

    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        messages::unwrap_parts(&mut self.lock(), self.order, parts)
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let mic = self.lock().mic(data);
        mic.map_err(|status| status::of_call("MIC", &status))
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        messages::verify(&mut self.lock(), self.order, data, mic)
    }

    fn sizes(&self) -> Sizes {
        *self
            .sizes
            .get_or_init(|| messages::sizes(&self.lock(), self.max_token))
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        let ctx = self.lock();
        if ctx.gss().flavour == Flavour::Heimdal {
            return heimdal_session_key(&ctx);
        }
        // What SSPI calls the session key.
        let values = ctx.inquire_oid(oid::SESSION_KEY);
        let values = values.map_err(|status| status::of_call("session key", &status))?;
        let mut values = values.into_iter();
        let key = values.next().ok_or_else(no_key)?;
        let etype = values
            .next()
            .filter(|_| self.mechanism == Mechanism::Kerberos)
            .and_then(|name| etype(name.expose()));
        Ok(SessionKey { etype, key })
    }

    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error> {
        if length > MAX_PRF {
            return Err(Misuse::OutOfRange {
                setting: "length",
                problem: "65536 bytes at the most",
            }
            .into());
        }
        // GSS_C_PRF_KEY_FULL and GSS_C_PRF_KEY_PARTIAL (RFC 4401 2).
        let key = match key {
            PrfKey::Full => 0,
            PrfKey::Partial => 1,
        };
        let bytes = self.lock().prf(key, input, length);
        let bytes = bytes.map_err(|status| status::of_call("pseudo-random function", &status))?;
        Ok(Secret::from(bytes))
    }

    fn authorization_data(&self) -> Vec<(i32, Vec<u8>)> {
        let ctx = self.lock();
        // MIT gives it out as an attribute where it has verified it.
        let pac = ctx.authorization_data(PAC).or_else(|| {
            let attribute = ctx.name_attribute(PAC_ATTRIBUTE)?;
            Some(attribute.value)
        });
        pac.map(|data| (PAC, data)).into_iter().collect()
    }

    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        let pac = self.verified_pac()?;
        authorization::read(&pac, self.lock().gss())
    }

    fn delegated(&self) -> Option<&Delegated> {
        self.delegated.as_ref()
    }

    fn backend(&self) -> &'static str {
        NAME
    }

    fn export(self: Box<Self>) -> Result<Secret, Error> {
        let pac = self.verified_pac();
        importer::export(&mut self.lock(), self.mechanism, self.order, &pac)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn no_key() -> Error {
    Misuse::Unsupported {
        backend: NAME,
        what: "the session key, by this library",
    }
    .into()
}

/// The encryption type at the end of an identifier.
fn etype(oid: &[u8]) -> Option<EncryptionType> {
    let arc = oid.strip_prefix(oid::SESSION_KEY_ETYPE)?;
    let number = arc
        .iter()
        .take(4)
        .fold(0, |all, &octet| (all << 7) | i32::from(octet & 0x7F));
    (!arc.is_empty()).then_some(EncryptionType(number))
}

fn heimdal_session_key(ctx: &Ctx) -> Result<SessionKey, Error> {
    let values = ctx
        .inquire_oid(oid::HEIMDAL_SUBKEY)
        .map_err(|status| status::of_call("session key", &status))?;
    let stored = values.first().ok_or_else(no_key)?;
    let (etype, key) = keyblock(stored.expose()).ok_or_else(no_key)?;
    Ok(SessionKey {
        etype: Some(etype),
        key: Secret::copy_from(key),
    })
}

/// Type and length of the client's subkey, where Heimdal tells.
pub(super) fn subkey(ctx: &Ctx) -> Option<(EncryptionType, usize)> {
    let values = ctx.inquire_oid(oid::HEIMDAL_INITIATOR_SUBKEY).ok()?;
    let (etype, key) = keyblock(values.first()?.expose())?;
    Some((etype, key.len()))
}

/// A keyblock as Heimdal stores one: type, length, octets, big-endian.
fn keyblock(stored: &[u8]) -> Option<(EncryptionType, &[u8])> {
    let (etype, rest) = stored.split_first_chunk::<2>()?;
    let (length, key) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let etype = EncryptionType(i32::from(i16::from_be_bytes(*etype)));
    (length == key.len()).then_some((etype, key))
}
