//! The layer and its settings.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::http::HeaderName;
use ::http::request::Parts;
use tower_layer::Layer;

use crate::AcceptorConfig;
use crate::error::Error;
use crate::http::Challenges;
use crate::http::tower::login::Authenticated;
use crate::http::tower::observer::Observer;
use crate::http::tower::password::{PasswordCheck, challenge};
use crate::http::tower::service::NegotiateService;
use crate::http::tower::session::LoginSession;
use crate::tokio::Handshakes;

/// Lets requests through to a service when it is known whose they are.
///
/// Behind it, [`Authenticated`] is in the extensions of every request, and the
/// request's `Authorization` is gone if it was a token. See
/// [the module](super) for what the layer holds to.
///
/// Cheap to clone. Clones are one layer; two layers made by
/// [`new`](Self::new) keep apart what they know of a connection.
#[derive(Clone)]
pub struct NegotiateLayer(Arc<Settings>);

/// For how long a login holds, where a client does not show it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// For the request with the (last) token.
    Request,
    /// For all requests that come over the same connection.
    Connection,
}

impl Validity {
    pub(super) fn is_connection(self) -> bool {
        self == Self::Connection
    }
}

/// Whether nameless requests go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Required,
    Optional,
}

pub(super) type Authorize = dyn Fn(&Authenticated, &Parts) -> bool + Send + Sync;

#[derive(Clone)]
pub(super) struct Settings {
    /// Which layer this is.
    pub(super) id: u64,
    pub(super) handshakes: Handshakes,
    pub(super) challenges: Challenges,
    pub(super) scope: Scope,
    pub(super) kerberos: Validity,
    pub(super) ntlm: Validity,
    pub(super) connection_lifetime: Duration,
    pub(super) trust_proxied_connections: bool,
    pub(super) check_address: bool,
    pub(super) bindings_header: Option<HeaderName>,
    pub(super) authorize: Option<Arc<Authorize>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) drain: u64,
    pub(super) session: Option<LoginSession>,
    pub(super) passwords: Option<Passwords>,
}

/// Who is asked for passwords, and what is asked for then.
#[derive(Clone)]
pub(super) struct Passwords {
    pub(super) check: Arc<dyn PasswordCheck>,
    pub(super) challenges: Challenges,
    basic: String,
}

impl NegotiateLayer {
    /// A layer for a configuration: every request must be somebody's.
    #[must_use]
    pub fn new(config: &AcceptorConfig) -> Self {
        Self::with_handshakes(Handshakes::new(config))
    }

    /// With handshakes that the application has limited, or watches.
    #[must_use]
    pub fn with_handshakes(handshakes: Handshakes) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(Arc::new(Settings {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            challenges: Challenges::of(handshakes.config()),
            handshakes,
            scope: Scope::Required,
            kerberos: Validity::Request,
            ntlm: Validity::Connection,
            connection_lifetime: Duration::from_secs(3600),
            trust_proxied_connections: false,
            check_address: false,
            bindings_header: None,
            authorize: None,
            observer: None,
            drain: 256 << 10,
            session: None,
            passwords: None,
        }))
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.0));
        self
    }

    /// What is asked for, where it is not what fits the configuration:
    /// other schemes, or as a proxy.
    #[must_use]
    pub fn challenges(self, challenges: Challenges) -> Self {
        self.set(|settings| {
            if let Some(passwords) = &mut settings.passwords {
                passwords.challenges = challenges.clone().and(&*passwords.basic);
            }
            settings.challenges = challenges;
        })
    }

    /// Gives a cookie to who comes in with a token, and lets in who has one.
    /// Over TLS alone; see [`LoginSession`] for what that costs.
    #[must_use]
    pub fn session(self, session: LoginSession) -> Self {
        self.set(|settings| settings.session = Some(session))
    }

    /// Takes passwords (`Basic`) besides, over TLS alone: for clients without
    /// a ticket and without NTLM. `realm` is what they show to their users.
    ///
    /// The server then sees passwords, and whoever it asks can be made to try
    /// many: limit how often, in [`PasswordCheck`] or in front of it.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`](crate::Misuse::OutOfRange) for a realm that no
    /// header can hold.
    pub fn password_fallback(
        self,
        realm: &str,
        check: impl PasswordCheck + 'static,
    ) -> Result<Self, Error> {
        let basic = challenge(realm)?;
        Ok(self.set(|settings| {
            settings.passwords = Some(Passwords {
                check: Arc::new(check),
                challenges: settings.challenges.clone().and(&*basic),
                basic,
            });
        }))
    }

    /// Requests without a token go on without a name. Who sends a token and
    /// is not let in is refused all the same.
    #[must_use]
    pub fn optional(self) -> Self {
        self.set(|settings| settings.scope = Scope::Optional)
    }

    /// For how long a Kerberos login holds; [`Validity::Request`] unless set.
    #[must_use]
    pub fn kerberos(self, validity: Validity) -> Self {
        self.set(|settings| settings.kerberos = validity)
    }

    /// For how long an NTLM login holds; [`Validity::Connection`] unless set,
    /// which is what its clients expect (MS-NTHT). `Request` makes them log
    /// in for every request, which some do not.
    #[must_use]
    pub fn ntlm(self, validity: Validity) -> Self {
        self.set(|settings| settings.ntlm = validity)
    }

    /// For how long at most a login holds for its connection; an hour unless
    /// set. A ticket's end is sooner, if it is.
    #[must_use]
    pub fn connection_lifetime(self, lifetime: Duration) -> Self {
        self.set(|settings| settings.connection_lifetime = lifetime)
    }

    /// Keeps handshakes and logins on connections whose requests came through
    /// a proxy, too (`Via`, `Forwarded`, `X-Forwarded-For`, `X-Real-IP`).
    ///
    /// **A proxy that puts several clients' requests on one connection then
    /// lets one of them in as another.** Only for one that is known to keep a
    /// connection for each client (nginx and Apache do not, unless told).
    #[must_use]
    pub fn insecure_trust_proxied_connections(self) -> Self {
        self.set(|settings| settings.trust_proxied_connections = true)
    }

    /// Holds tickets that are limited to addresses to the connection's
    /// ([`StepInput::peer_address`](crate::StepInput)). Off unless set:
    /// there is address translation on the way of many clients, and a proxy's
    /// address is not theirs.
    #[must_use]
    pub fn check_address(self) -> Self {
        self.set(|settings| settings.check_address = true)
    }

    /// TLS ends in a trusted proxy in front, which sends the hash of its
    /// certificate in this header of every request: base64 or hexadecimal, as
    /// RFC 5929 section 4.1 hashes it (SHA-256, nearly always). It is what
    /// clients bind to.
    ///
    /// The proxy must remove what a client sends under this name, and nobody
    /// else may reach this server: who writes the header chooses the channel.
    #[must_use]
    pub fn bindings_from_proxy(self, header: HeaderName) -> Self {
        self.set(|settings| settings.bindings_header = Some(header))
    }

    /// Who may come in, of those who are known: by name, realm, mechanism, or
    /// the request. Asked for every request; the others get 403.
    ///
    /// ```no_run
    /// # use gss_acceptor::{AcceptorConfig, http::tower::NegotiateLayer};
    /// # fn f(config: &AcceptorConfig) {
    /// let staff = NegotiateLayer::new(config)
    ///     .authorize(|client, _request| client.realm() == Some(b"STAFF.EXAMPLE.COM"));
    /// # }
    /// ```
    ///
    /// By group, where the client's directory has vouched for its groups; a
    /// request that came by cookie or password has none, and stays out:
    ///
    /// ```no_run
    /// # use gss_acceptor::{AcceptorConfig, Sid, http::tower::NegotiateLayer};
    /// # fn f(config: &AcceptorConfig) -> Result<(), Box<dyn std::error::Error>> {
    /// let editors: Sid = "S-1-5-21-1004336348-1177238915-682003330-1120".parse()?;
    /// let layer = NegotiateLayer::new(config).authorize(move |client, _request| {
    ///     let known = client.context().and_then(|context| context.authorization().ok());
    ///     known.is_some_and(|who| who.is_member(&editors))
    /// });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn authorize(
        self,
        may: impl Fn(&Authenticated, &Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|settings| settings.authorize = Some(Arc::new(may)))
    }

    /// Who sees what the layer does.
    #[must_use]
    pub fn observe(self, observer: impl Observer + 'static) -> Self {
        self.set(|settings| settings.observer = Some(Arc::new(observer)))
    }

    /// How much of the body of a refused request is read, so that the
    /// connection can go on and the client sees the answer; 256 KiB unless
    /// set. With a longer one the connection is closed.
    #[must_use]
    pub fn drain(self, bytes: u64) -> Self {
        self.set(|settings| settings.drain = bytes)
    }

    /// The handshakes of this layer.
    #[must_use]
    pub fn handshakes(&self) -> &Handshakes {
        &self.0.handshakes
    }
}

impl<S> Layer<S> for NegotiateLayer {
    type Service = NegotiateService<S>;

    fn layer(&self, inner: S) -> NegotiateService<S> {
        NegotiateService::new(Arc::clone(&self.0), inner)
    }
}

impl fmt::Debug for NegotiateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateLayer")
            .field("handshakes", &self.0.handshakes)
            .field("challenges", &self.0.challenges)
            .finish_non_exhaustive()
    }
}
