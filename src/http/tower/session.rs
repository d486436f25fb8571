//! A login that outlives its request, in a cookie.

use std::time::{Duration, SystemTime};

use ::http::header::COOKIE;
use ::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::encoding::{Reader, Writer};
use crate::error::{Error, Misuse, Sealed};
use crate::http::tower::login::Login;
use crate::mechanism::Mechanism;
use crate::name::{Name, Principal};
use crate::sealing::SealingKey;
use crate::secret::Secret;
use crate::time::Expiry;

/// Login sessions: who has come in with a token is given a cookie, and comes
/// in with that until it expires, so that not every request costs a token.
///
/// The cookie holds who it is, sealed by a [`SealingKey`], and nothing is
/// kept on the server. It goes over TLS alone (`Secure`, `__Host-`), is out of
/// reach of scripts (`HttpOnly`), and is not sent with requests that other
/// sites cause (`SameSite=Strict`).
///
/// ```no_run
/// # use gss_acceptor::{AcceptorConfig, SealingKey};
/// use gss_acceptor::http::tower::{LoginSession, NegotiateLayer};
///
/// # fn f(config: &AcceptorConfig) -> Result<(), gss_acceptor::Error> {
/// let session = LoginSession::new(SealingKey::generate()?, "staff")?;
/// let layer = NegotiateLayer::new(config).session(session);
/// # Ok(()) }
/// ```
///
/// What it costs:
///
/// * It lets in whoever has it, until it expires; nothing takes it back but a
///   new key. Keep [`lifetime`](Self::lifetime) short: a client that has a
///   ticket gets the next one without noticing.
/// * It is not bound to the TLS channel, whatever the login was.
/// * It does not protect against forged requests (CSRF), for all its
///   `SameSite`: a browser that is asked for a token sends one, whoever
///   caused the request.
/// * It has no [`Context`](crate::Context): no keys, no delegated
///   credentials, no groups.
#[derive(Clone, Debug)]
pub struct LoginSession {
    key: SealingKey,
    cookie: String,
    site: String,
    lifetime: Duration,
}

/// The longest cookie that is looked at. Names have at most 4 KiB.
const MAX_COOKIE: usize = 8 << 10;

impl LoginSession {
    /// Sessions of a site: a name of letters, digits and `-`, which is part of
    /// the cookie's name, and sealed into it. A cookie of another site's is
    /// none of this one's, though the key be the same.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] for another name.
    pub fn new(key: SealingKey, site: &str) -> Result<Self, Error> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if site.is_empty() || site.len() > 64 || !site.bytes().all(fits) {
            return Err(Misuse::OutOfRange {
                setting: "LoginSession::new",
                problem: "a site's name has 1 to 64 letters, digits and hyphens",
            }
            .into());
        }
        Ok(Self {
            key,
            cookie: format!("__Host-login-{site}"),
            site: site.into(),
            lifetime: Duration::from_secs(15 * 60),
        })
    }

    /// How long a cookie is good for; 15 minutes unless set. The ticket's end
    /// is sooner, if it is.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The value of a `Set-Cookie` with which a client forgets its cookie, for
    /// a page that logs out.
    #[must_use]
    pub fn forget(&self) -> HeaderValue {
        let text = format!("{}=; {ATTRIBUTES}; Max-Age=0", self.cookie);
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// A cookie for who has come in. None where it cannot be sealed, or would
    /// be over at once: the client then sends tokens.
    pub(super) fn issue(&self, login: &Login, now: SystemTime) -> Option<HeaderValue> {
        let latest = now.checked_add(self.lifetime)?;
        let end = match login.expiry() {
            Expiry::At(end) => end.min(latest),
            Expiry::Never => latest,
        };
        let seconds = end.duration_since(now).ok()?.as_secs();
        let content = self.write(login, end)?;
        let sealed = self.key.seal(Sealed::Session, &content).ok()?;
        let value = URL_SAFE_NO_PAD.encode(sealed);
        let text = format!("{}={value}; {ATTRIBUTES}; Max-Age={seconds}", self.cookie);
        let fits = seconds > 0 && value.len() <= MAX_COOKIE;
        HeaderValue::from_str(&text).ok().filter(|_| fits)
    }

    /// Whose cookie a request has, if it has a good one.
    pub(super) fn open(&self, headers: &HeaderMap, now: SystemTime) -> Option<Login> {
        let text = self.find(headers)?;
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let opened = self.key.open(Sealed::Session, &sealed).ok()?;
        let login = self.read(opened.content.expose())?;
        (!login.is_over(now)).then_some(login)
    }

    /// The one cookie of our name. Of two, nobody knows who wrote the other.
    fn find<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let values = headers.get_all(COOKIE).iter();
        let mut found = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value);
        let only = found.next()?;
        (found.next().is_none() && only.len() <= MAX_COOKIE).then_some(only)
    }

    fn write(&self, login: &Login, end: SystemTime) -> Option<Secret> {
        let mut writer = Writer::new();
        writer.text(&self.site);
        writer.time(end);
        writer.u8(match login.mechanism() {
            None => 0,
            Some(Mechanism::Kerberos) => 1,
            Some(Mechanism::Ntlm) => 2,
        });
        match login.peer() {
            Name::Kerberos(principal) => {
                writer.u8(1);
                writer.i32(principal.name_type());
                writer.bytes(principal.realm());
                let components = principal.components();
                writer.u32(u32::try_from(components.len()).ok()?);
                components.for_each(|component| writer.bytes(component));
            }
            Name::Ntlm { user, domain } => {
                writer.u8(2);
                writer.text(user);
                writer.text(domain);
            }
            // Nobody in particular is nobody to remember.
            Name::Anonymous | Name::Undisclosed => return None,
            Name::Native(text) => {
                writer.u8(3);
                writer.text(text);
            }
        }
        Some(writer.finish())
    }

    fn read(&self, content: &[u8]) -> Option<Login> {
        let mut reader = Reader::new(content);
        let site = reader.text()?;
        let end = reader.time()?;
        let mechanism = match reader.u8()? {
            0 => None,
            1 => Some(Mechanism::Kerberos),
            2 => Some(Mechanism::Ntlm),
            _ => return None,
        };
        let peer = match reader.u8()? {
            1 => {
                let name_type = reader.i32()?;
                let realm = reader.bytes()?;
                let count = reader.u32()?;
                let components: Option<Vec<_>> = (0..count).map(|_| reader.bytes()).collect();
                Name::Kerberos(Principal::new(realm, &components?, name_type))
            }
            2 => Name::Ntlm {
                user: reader.text()?.into(),
                domain: reader.text()?.into(),
            },
            3 => Name::Native(reader.text()?.into()),
            _ => return None,
        };
        reader.finish()?;
        (site == self.site).then_some(Login::Other {
            peer,
            mechanism,
            expiry: Expiry::At(end),
        })
    }
}

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";
