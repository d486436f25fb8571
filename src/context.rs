//! An established context: who the client is, and messages to and from it.

mod authorization;
mod client_ticket;
mod export;

use core::any::Any;
use core::fmt;
use core::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::authorization::Authorization;
use crate::backends::SecurityContext;
use crate::config::Handle;
use crate::delegation::Delegated;
use crate::error::{AuthorizationProblem, DelegationProblem, Error, Misuse, Rejection};
use crate::facts::{BindingFact, ClientTarget, DelegationFact, ExpiryPrecision, Facts};
use crate::mechanism::{Framing, Mechanism};
use crate::message::{
    MessagePart, PartsUsed, PrfKey, Protection, SequenceState, SessionKey, Sizes, Unwrapped,
    UnwrappedInPlace,
};
use crate::name::{Name, Principal};
use crate::requirements::{Granted, Requirements};
use crate::secret::Secret;
use crate::time::{Clock, ExpiredContexts, Expiry, SystemClock};

/// Whether a context is bound to the channel that it was established over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindingStatus {
    /// It is.
    Bound,
    /// It is not: none were sent, none were compared, or the policy ignores
    /// that they differ.
    NotBound,
    /// The backend's library does not tell.
    Unknown,
}

/// An established context: holding one is the proof that the client is who
/// [`peer`](Self::peer) says, and that everything required was met.
///
/// `Send + Sync` and full duplex: one thread may wrap while another unwraps.
/// Dropping it wipes its keys.
pub struct Context {
    inner: Box<dyn SecurityContext>,
    facts: Box<Facts>,
    /// None but the system's, unless one was configured: a handle on a shared
    /// one would be counted by all threads in one place.
    clock: Option<Arc<dyn Clock>>,
    expired: ExpiredContexts,
    /// Read when it is first asked for.
    authorization: OnceLock<Result<Box<Authorization>, AuthorizationProblem>>,
    /// What came along when the context was imported.
    delegated: Option<Box<Delegated>>,
}

impl Context {
    pub(crate) fn new(config: &Handle, inner: Box<dyn SecurityContext>, facts: Box<Facts>) -> Self {
        Self {
            inner,
            facts,
            clock: config.own_clock().cloned(),
            expired: config.expired_contexts(),
            authorization: OnceLock::new(),
            delegated: None,
        }
    }

    /// Who the client is.
    #[must_use]
    pub fn peer(&self) -> &Name {
        &self.facts.peer
    }

    /// The mechanism that authenticated it.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.facts.mechanism
    }

    /// Whether the mechanism was negotiated with SPNEGO.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.facts.framing
    }

    /// What the context has (`ContextAttributes`, `ret_flags`).
    #[must_use]
    pub fn granted(&self) -> Granted {
        self.facts.granted
    }

    /// When it ends, in UTC.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.facts.expiry
    }

    /// Whether [`expiry`](Self::expiry) is exact.
    #[must_use]
    pub fn expiry_precision(&self) -> ExpiryPrecision {
        self.facts.expiry_precision
    }

    /// Which of the server's principals the client authenticated to: the
    /// name in the server's credentials, not the one that the client wrote.
    #[must_use]
    pub fn target(&self) -> Option<&Principal> {
        self.facts.target.as_ref()
    }

    /// What the client's software says that it wanted to reach.
    #[must_use]
    pub fn client_target(&self) -> Option<&ClientTarget> {
        self.facts.client_target.as_ref()
    }

    /// Whether the context is bound to the channel.
    #[must_use]
    pub fn bound(&self) -> BindingStatus {
        match self.facts.bindings {
            BindingFact::Bound => BindingStatus::Bound,
            BindingFact::Undisclosed => BindingStatus::Unknown,
            _ => BindingStatus::NotBound,
        }
    }

    /// Credentials with which the server can act in the client's name, if
    /// the client delegated any ([`Granted::DELEGATE`]).
    ///
    /// There are some only where the configuration requires or requests
    /// [`DELEGATE`](Requirements::DELEGATE); otherwise what a client sends is
    /// dropped unread, so that no server holds secrets that it did not ask
    /// for. They live as long as this context; clone them to keep them
    /// longer.
    ///
    /// ```no_run
    /// # fn serve(context: gss_acceptor::Context) -> Result<(), gss_acceptor::Error> {
    /// if let Some(cache) = context.delegated().and_then(|it| it.kerberos()) {
    ///     // For programs that take a cache: KRB5CCNAME=FILE:/run/app/cc.alice
    ///     cache.write("/run/app/cc.alice")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn delegated(&self) -> Option<&Delegated> {
        let granted = self.facts.granted.contains(Granted::DELEGATE);
        let delegated = self.delegated.as_deref().or_else(|| self.inner.delegated());
        delegated.filter(|_| granted)
    }

    /// Why there are no [`delegated`](Self::delegated) credentials, where the
    /// configuration requests some.
    #[must_use]
    pub fn delegation_problem(&self) -> Option<&DelegationProblem> {
        match &self.facts.delegation {
            DelegationFact::Unusable(problem) => Some(problem),
            _ => None,
        }
    }

    /// The key that both sides share: the acceptor's subkey, else the
    /// initiator's, else the ticket's session key; what SMB signs with
    /// (SECPKG_ATTR_SESSION_KEY).
    ///
    /// # Errors
    ///
    /// A backend whose library does not give it.
    pub fn session_key(&self) -> Result<SessionKey, Error> {
        self.inner.session_key()
    }

    /// Protects a message for the client (RFC 2743 2.3.3, `EncryptMessage`).
    ///
    /// # Errors
    ///
    /// [`Misuse::NotGranted`] for a protection that the context does not
    /// have, [`Rejection::ContextExpired`] after its end.
    pub fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.check_use(needed(protection))?;
        self.inner.wrap(protection, data)
    }

    /// Takes a message of the client's out of its token (RFC 2743 2.3.4,
    /// `DecryptMessage`). Look at the sequence state: a replayed message is
    /// authentic too.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Rejection::MessageAltered`],
    /// [`Rejection::ContextExpired`].
    pub fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        self.check_use(Requirements::INTEGRITY)?;
        self.inner.unwrap(token)
    }

    /// Protects the message with which a server offers security layers in SASL
    /// (RFC 4752 3.2), against alteration alone. A Kerberos client that wants
    /// no layer asks for no integrity, and is sent it all the same: its
    /// context has the keys whatever was asked. Other mechanisms' messages are
    /// as for [`wrap`](Self::wrap).
    ///
    /// # Errors
    ///
    /// As for `wrap`.
    pub fn wrap_negotiation(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.check_use(self.needed_to_negotiate())?;
        self.inner.wrap(Protection::Integrity, data)
    }

    /// Takes out the client's answer to it.
    ///
    /// # Errors
    ///
    /// As for [`unwrap`](Self::unwrap).
    pub fn unwrap_negotiation(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        self.check_use(self.needed_to_negotiate())?;
        self.inner.unwrap(token)
    }

    fn needed_to_negotiate(&self) -> Requirements {
        match self.facts.mechanism {
            Mechanism::Kerberos => Requirements::empty(),
            Mechanism::Ntlm => Requirements::INTEGRITY,
        }
    }

    /// As [`wrap`](Self::wrap), without copying: `data` says where in
    /// `buffer` the message is; [`sizes`](Self::sizes) says how much room
    /// the token needs before and behind it. Gives the token's place.
    ///
    /// # Errors
    ///
    /// As for `wrap`, and [`Misuse::BufferTooSmall`].
    pub fn wrap_in_place(
        &self,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        self.check_use(needed(protection))?;
        self.inner.wrap_in_place(protection, buffer, data)
    }

    /// As [`unwrap`](Self::unwrap), without copying: `buffer` holds the token
    /// and nothing else, and holds the message afterwards, at the place that
    /// is given. On an error its content is undefined.
    ///
    /// # Errors
    ///
    /// As for `unwrap`.
    pub fn unwrap_in_place(&self, buffer: &mut [u8]) -> Result<UnwrappedInPlace, Error> {
        self.check_use(Requirements::INTEGRITY)?;
        self.inner.unwrap_in_place(buffer)
    }

    /// Takes a message out of one contiguous buffer with header, data and
    /// trailer together (SECBUFFER_STREAM). The tokens carry no length:
    /// framing is the application's.
    ///
    /// # Errors
    ///
    /// As for `unwrap`.
    pub fn unwrap_stream<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> Result<(&'b mut [u8], Protection, SequenceState), Error> {
        let message = self.unwrap_in_place(buffer)?;
        let data = buffer.get_mut(message.data).unwrap_or_default();
        Ok((data, message.protection, message.sequence))
    }

    /// Protects a message part by part, where the parts lie
    /// (`EncryptMessage` with several SECBUFFERs, `gss_wrap_iov`): data keeps
    /// its place and length, sign-only parts are covered and stay readable,
    /// and what the protection adds goes into the header part. Nothing is
    /// allocated.
    ///
    /// This is how DCE RPC protects its PDUs (MS-RPCE 2.2.2.11, 3.3.1.5.2.2):
    /// with header signing, the PDU's header and its security trailer are
    /// sign-only, and the auth value is the header part. The layout depends on
    /// whether the handshake was DCE style ([`Granted::USED_DCE_STYLE`]), so
    /// ask [`sizes`](Self::sizes) for the header's length.
    ///
    /// ```
    /// use gss_acceptor::{Context, Error, MessagePart, Protection};
    ///
    /// /// Seals an RPC response in place. The PDU is laid out already, its
    /// /// lengths filled in: 24 bytes of header, the stub, 8 bytes of security
    /// /// trailer, and room for the auth value.
    /// fn seal(context: &Context, pdu: &mut [u8]) -> Result<(), Error> {
    ///     let auth_length = context.sizes().sealed_parts_header;
    ///     let (header, rest) = pdu.split_at_mut(24);
    ///     let (rest, auth_value) = rest.split_at_mut(rest.len() - auth_length);
    ///     let (stub, trailer) = rest.split_at_mut(rest.len() - 8);
    ///     let used = context.wrap_parts(
    ///         Protection::Confidentiality,
    ///         &mut [
    ///             MessagePart::SignOnly(header),
    ///             MessagePart::Data(stub),
    ///             MessagePart::SignOnly(trailer),
    ///             MessagePart::Header(auth_value),
    ///         ],
    ///     )?;
    ///     assert_eq!(used.header, auth_length);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As for `wrap`; [`Misuse::Parts`] for parts that make no message,
    /// [`Misuse::BufferTooSmall`] for a header part without room, and
    /// [`Misuse::Unsupported`] for a mechanism without messages in parts.
    /// Nothing has been changed then.
    pub fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        self.check_use(needed(protection))?;
        self.inner.wrap_parts(protection, parts)
    }

    /// Reverses [`wrap_parts`](Self::wrap_parts) on a message of the
    /// client's. The parts are those that the client named, in its order; the
    /// header part is exactly the token. Data is readable afterwards, at its
    /// place. An empty list of data is a message too.
    ///
    /// Look at both results: the client chooses whether it seals, so where
    /// sealing was agreed (`RPC_C_AUTHN_LEVEL_PKT_PRIVACY`) a message with
    /// [`Protection::Integrity`] is to be refused; and a replayed message is
    /// authentic too.
    ///
    /// # Errors
    ///
    /// As for `unwrap`; [`Misuse::Parts`] for parts that make no message.
    /// After an error, data that was sealed is wiped or still sealed.
    pub fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        self.check_use(Requirements::INTEGRITY)?;
        self.inner.unwrap_parts(parts)
    }

    /// A token that proves a message which travels beside it (RFC 2743
    /// 2.3.1, `MakeSignature`).
    ///
    /// # Errors
    ///
    /// As for `wrap`.
    pub fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.check_use(Requirements::INTEGRITY)?;
        self.inner.mic(data)
    }

    /// Checks such a token of the client's (RFC 2743 2.3.2,
    /// `VerifySignature`).
    ///
    /// # Errors
    ///
    /// As for `unwrap`.
    pub fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        self.check_use(Requirements::INTEGRITY)?;
        self.inner.verify(data, mic)
    }

    /// The pseudo-random function of the context (RFC 4401; Kerberos': RFC 7802):
    /// `length` bytes that only the two sides can compute.
    ///
    /// # Errors
    ///
    /// A mechanism without one; [`Rejection::ContextExpired`].
    pub fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret, Error> {
        self.check_use(Requirements::empty())?;
        self.inner.prf(key, input, length)
    }

    /// The sizes of tokens (SECPKG_ATTR_SIZES, SECPKG_ATTR_STREAM_SIZES).
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.inner.sizes()
    }

    /// The authorization data of the ticket as `(ad-type, bytes)`, such as
    /// the PAC (128).
    ///
    /// **Not to be trusted as it is.** A KDC may copy into the ticket what the
    /// client asked it to (RFC 4120 5.4.1, enc-authorization-data), a false
    /// PAC among it. Only a signature inside proves who wrote an element, and
    /// none is checked here: for what the
    /// PAC says, ask [`authorization`](Self::authorization).
    #[must_use]
    pub fn authorization_data(&self) -> Vec<(i32, Vec<u8>)> {
        self.inner.authorization_data()
    }

    /// The backend's own context, for what is not wrapped here.
    #[must_use]
    pub fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }

    fn now(&self) -> SystemTime {
        match &self.clock {
            Some(clock) => clock.now(),
            None => SystemClock.now(),
        }
    }

    /// A message service that was not granted, or a context that has ended,
    /// is refused for every backend alike.
    fn check_use(&self, needs: Requirements) -> Result<(), Error> {
        let lacks = needs - self.facts.granted.meets();
        if !lacks.is_empty() {
            return Err(Misuse::NotGranted {
                lacks,
                has: self.facts.granted.names(),
            }
            .into());
        }
        match self.facts.expiry {
            Expiry::At(end)
                if self.expired == ExpiredContexts::Refuse
                    && self.facts.expiry.is_past(self.now()) =>
            {
                Err(Rejection::ContextExpired { end }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Sealing is integrity too.
fn needed(protection: Protection) -> Requirements {
    match protection {
        Protection::Integrity => Requirements::INTEGRITY,
        Protection::Confidentiality => Requirements::CONFIDENTIALITY,
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("peer", &self.facts.peer)
            .field("mechanism", &self.facts.mechanism)
            .field("granted", &self.facts.granted)
            .field("expiry", &self.facts.expiry)
            .finish_non_exhaustive()
    }
}
