//! An established context.

pub(super) mod sys;

use core::any::Any;
use core::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::impersonation::Impersonation;
use super::messages::{Channel, Seals, Style};
use super::sys::{Ctx, Sspi};
use super::token::AccessToken;
use super::{NAME, WindowsPackage, status};
use crate::authorization::Authorization;
use crate::backends::{ContextImporter, InPlace, SecurityContext};
use crate::error::{AuthorizationProblem, Error, Misuse};
use crate::facts::Facts;
use crate::mechanism::Mechanism;
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::requirements::Granted;
use crate::secret::Secret;
use crate::time::Expiry;

/// An established context of the system's, with what only Windows has. Got
/// from [`Context::as_any`](crate::Context::as_any).
///
/// Where the system does not have something (an old one, or Wine), the
/// function says so with [`Misuse::Unsupported`], and all others go on.
pub struct WindowsContext {
    ctx: Ctx,
    mechanism: Mechanism,
    seals: Seals,
    style: Style,
    max_token: usize,
    // One thread at a time may seal, and one open; both at once may.
    sending: Mutex<()>,
    receiving: Mutex<()>,
}

/// Sizes of stream tokens (SECPKG_ATTR_STREAM_SIZES), in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSizes {
    /// Before the data (`cbHeader`).
    pub header: usize,
    /// Behind it (`cbTrailer`).
    pub trailer: usize,
    /// The longest message (`cbMaximumMessage`).
    pub max_message: usize,
    /// How many buffers one takes (`cBuffers`).
    pub buffers: usize,
    /// What data is padded to (`cbBlockSize`).
    pub block: usize,
}

impl WindowsContext {
    pub(super) fn new(ctx: Ctx, facts: &Facts, max_token: usize) -> Self {
        let seals = if facts.granted.contains(Granted::CONFIDENTIALITY) {
            Seals::Yes
        } else {
            Seals::No
        };
        let style = if facts.granted.contains(Granted::USED_DCE_STYLE) {
            Style::Dce
        } else {
            Style::Ordinary
        };
        Self {
            ctx,
            mechanism: facts.mechanism,
            seals,
            style,
            max_token,
            sending: Mutex::new(()),
            receiving: Mutex::new(()),
        }
    }

    fn channel(&self) -> Channel<'_> {
        Channel {
            ctx: &self.ctx,
            mechanism: self.mechanism,
            seals: self.seals,
            style: self.style,
            max_token: self.max_token,
        }
    }

    /// The account, as Windows names it: `DOMAIN\user` (SECPKG_ATTR_NAMES).
    ///
    /// # Errors
    ///
    /// A package that does not tell.
    pub fn account_name(&self) -> Result<String, Error> {
        let account = self.ctx.account();
        let account = account.map_err(|status| status::of_call("the client's name", status))?;
        account.ok_or_else(|| unsupported("the client's name"))
    }

    /// Client and service, as the mechanism names them
    /// (SECPKG_ATTR_NATIVE_NAMES): Kerberos principals.
    ///
    /// # Errors
    ///
    /// A package that does not tell.
    pub fn native_names(&self) -> Result<(String, String), Error> {
        let names = self.ctx.native_names();
        let names = names.map_err(|status| status::of_call("native names", status))?;
        Ok((
            names.client.unwrap_or_default(),
            names.server.unwrap_or_default(),
        ))
    }

    /// The package that was negotiated, by its own name
    /// (SECPKG_ATTR_NEGOTIATION_INFO).
    ///
    /// # Errors
    ///
    /// A package that does not tell.
    pub fn package_name(&self) -> Result<String, Error> {
        let package = self.ctx.package();
        let package = package.map_err(|status| status::of_call("the package", status))?;
        Ok(package.name)
    }

    /// When the context began and when it ends (SECPKG_ATTR_LIFESPAN), in
    /// UTC.
    ///
    /// # Errors
    ///
    /// A package that does not tell.
    pub fn lifespan(&self) -> Result<(Expiry, Expiry), Error> {
        let lifespan = self.ctx.lifespan();
        let (start, end) = lifespan.map_err(|status| status::of_call("the lifespan", status))?;
        let read = |local| super::expiry::read(local, &*self.ctx.sspi.system);
        let both = read(start).zip(read(end));
        both.ok_or_else(|| unsupported("the lifespan"))
    }

    /// Sizes of stream tokens (SECPKG_ATTR_STREAM_SIZES).
    ///
    /// # Errors
    ///
    /// A package that has none.
    pub fn stream_sizes(&self) -> Result<StreamSizes, Error> {
        let sizes = self.ctx.stream_sizes();
        let sizes = sizes.map_err(|status| status::of_call("stream sizes", status))?;
        let of = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
        Ok(StreamSizes {
            header: of(sizes.cbHeader),
            trailer: of(sizes.cbTrailer),
            max_message: of(sizes.cbMaximumMessage),
            buffers: of(sizes.cBuffers),
            block: of(sizes.cbBlockSize),
        })
    }

    /// The application data of the bindings that the context itself gives to
    /// an inner authentication (SECPKG_ATTR_UNIQUE_BINDINGS).
    ///
    /// # Errors
    ///
    /// A package that has none.
    pub fn unique_bindings(&self) -> Result<Vec<u8>, Error> {
        let bindings = self.ctx.unique_bindings();
        bindings.map_err(|status| status::of_call("unique bindings", status))
    }

    /// The client's access token (`QuerySecurityContextToken`): a handle of
    /// its own, closed when dropped.
    ///
    /// # Errors
    ///
    /// A package that makes none.
    pub fn access_token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::query(&self.ctx);
        token.map_err(|status| status::of_call("the access token", status))
    }

    /// Runs `work` as the client: every access of this thread is checked
    /// against the client's rights, until `work` returns or panics.
    ///
    /// # Errors
    ///
    /// A context or process that may not impersonate; `work` has not run then.
    pub fn impersonate<R>(&self, work: impl FnOnce() -> R) -> Result<R, Error> {
        let guard = self.start_impersonation()?;
        let result = work();
        drop(guard);
        Ok(result)
    }

    /// Makes this thread the client until the guard is dropped, also by a
    /// panic. The guard cannot leave the thread, nor the context end before
    /// it. If the thread cannot become itself again, the process is ended: it
    /// would go on with rights that are not its own.
    ///
    /// # Errors
    ///
    /// A context or process that may not impersonate.
    pub fn start_impersonation(&self) -> Result<Impersonation<'_>, Error> {
        let guard = Impersonation::start(&self.ctx);
        guard.map_err(|status| status::of_call("impersonation", status))
    }
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unsupported(what: &'static str) -> Error {
    Misuse::Unsupported {
        backend: NAME,
        what,
    }
    .into()
}

impl SecurityContext for WindowsContext {
    fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        let _one = lock(&self.sending);
        self.channel().wrap(protection, data)
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        let _one = lock(&self.receiving);
        self.channel().unwrap(token)
    }

    fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        // NTLM seals what is only signed, too.
        let sizes = self.sizes();
        let room = InPlace {
            header: sizes.sealed_header,
            trailer: sizes.sealed_trailer,
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
        let _one = lock(&self.sending);
        self.channel().wrap_parts(protection, parts)
    }

    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        let _one = lock(&self.receiving);
        self.channel().unwrap_parts(parts)
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let _one = lock(&self.sending);
        self.channel().mic(data)
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        let _one = lock(&self.receiving);
        self.channel().verify(data, mic)
    }

    fn sizes(&self) -> Sizes {
        self.channel().sizes()
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        let key = self.ctx.session_key();
        let key = key.map_err(|status| status::of_call("the session key", status))?;
        if key.is_empty() {
            return Err(unsupported("the session key"));
        }
        Ok(SessionKey { etype: None, key })
    }

    fn prf(&self, _: PrfKey, _: &[u8], _: usize) -> Result<Secret, Error> {
        Err(unsupported("the pseudo-random function"))
    }

    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        super::identity::authorization(&self.ctx)
    }

    fn backend(&self) -> &'static str {
        NAME
    }

    fn export(self: Box<Self>) -> Result<Secret, Error> {
        // Which mechanism it is of, whether it seals, and in which style.
        let mut all = zeroize::Zeroizing::new(vec![
            VERSION,
            u8::from(self.mechanism == Mechanism::Ntlm),
            u8::from(self.seals == Seals::Yes),
            u8::from(self.style == Style::Dce),
        ]);
        let state = self.ctx.export();
        let state = state.map_err(|status| status::of_call("exported contexts", status))?;
        all.extend_from_slice(&state);
        Ok(Secret::copy_from(&all))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Of what an exported context begins with.
const VERSION: u8 = 1;

/// Takes up contexts that another process has exported.
pub struct WindowsImporter {
    sspi: Arc<Sspi>,
    max_token: usize,
}

impl WindowsImporter {
    pub(super) fn new(sspi: Arc<Sspi>, max_token: usize) -> Self {
        Self { sspi, max_token }
    }
}

impl ContextImporter for WindowsImporter {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn import(&self, state: &[u8]) -> Result<Box<dyn SecurityContext>, Error> {
        let foreign = || Error::malformed("exported context", "not of this backend", None);
        let ([VERSION, ntlm @ 0..=1, seals @ 0..=1, dce @ 0..=1], state) =
            state.split_first_chunk::<4>().ok_or_else(foreign)?
        else {
            return Err(foreign());
        };
        let (mechanism, package) = match ntlm {
            1 => (Mechanism::Ntlm, WindowsPackage::Ntlm),
            _ => (Mechanism::Kerberos, WindowsPackage::Kerberos),
        };
        let seals = match seals {
            1 => Seals::Yes,
            _ => Seals::No,
        };
        let ctx = Ctx::import(&self.sspi, package.name(), state);
        let ctx = ctx.map_err(|status| status::of_call("exported context", status))?;
        let style = match dce {
            1 => Style::Dce,
            _ => Style::Ordinary,
        };
        Ok(Box::new(WindowsContext {
            ctx,
            mechanism,
            seals,
            style,
            max_token: self.max_token,
            sending: Mutex::new(()),
            receiving: Mutex::new(()),
        }))
    }
}
