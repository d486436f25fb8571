//! A context that the broker established: from here on it is this process's.

use core::any::Any;
use core::ops::Range;

use crate::authorization::Authorization;
use crate::backends::SecurityContext;
use crate::delegation::Delegated;
use crate::error::{AuthorizationProblem, Error};
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::secret::Secret;

/// Another backend's context, with what the client delegated beside it.
pub(super) struct BrokerContext {
    backend: &'static str,
    inner: Box<dyn SecurityContext>,
    delegated: Option<Delegated>,
}

impl BrokerContext {
    pub(super) fn new(
        backend: &'static str,
        inner: Box<dyn SecurityContext>,
        delegated: Option<Delegated>,
    ) -> Self {
        Self {
            backend,
            inner,
            delegated,
        }
    }
}

impl SecurityContext for BrokerContext {
    fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.wrap(protection, data)
    }

    fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        self.inner.unwrap(token)
    }

    fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        self.inner.wrap_in_place(protection, buffer, data)
    }

    fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        self.inner.unwrap_in_place(buffer)
    }

    fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        self.inner.wrap_parts(protection, parts)
    }

    fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        self.inner.unwrap_parts(parts)
    }

    fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.mic(data)
    }

    fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        self.inner.verify(data, mic)
    }

    fn sizes(&self) -> Sizes {
        self.inner.sizes()
    }

    fn session_key(&self) -> Result<SessionKey, Error> {
        self.inner.session_key()
    }

    fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error> {
        self.inner.prf(key, input, length)
    }

    fn authorization_data(&self) -> Vec<(i32, Vec<u8>)> {
        self.inner.authorization_data()
    }

    fn authorization(&self) -> Result<Authorization, AuthorizationProblem> {
        self.inner.authorization()
    }

    fn delegated(&self) -> Option<&Delegated> {
        self.delegated.as_ref()
    }

    fn backend(&self) -> &'static str {
        self.backend
    }

    fn export(self: Box<Self>) -> Result<Secret, Error> {
        self.inner.export()
    }

    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }
}
