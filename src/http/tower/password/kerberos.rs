//! `Basic` by an exchange with a KDC (RFC 4120 section 3.1).

use core::fmt;
use std::time::Duration;

use krb5::client::{ClientError, NT_PRINCIPAL, NT_SRV_HST};
use krb5::initiator::InitiatorContext;
use krb5::{KdcClient, Key};

use super::{PasswordAnswer, PasswordCheck};
use crate::credentials::Keytab;
use crate::error::{Error, Misuse};
use crate::name::{Name, ServiceName};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::{Acceptor, AcceptorConfig, ChannelBindingPolicy, Step, backends};

/// Passwords of a Kerberos realm: the KDC is asked for a ticket for the user,
/// with that for one for this server's own service, and the keytab must open
/// it. Whoever answers in the KDC's place does not have that key, so nobody
/// comes in by being believed.
///
/// ```no_run
/// # use gss_acceptor::{AcceptorConfig, Error, Keytab};
/// use gss_acceptor::http::tower::{KerberosPasswords, NegotiateLayer};
///
/// # fn f(config: &AcceptorConfig) -> Result<(), Error> {
/// let keytab = Keytab::open("/etc/http.keytab")?;
/// let kdcs = ["kdc1.example.com", "kdc2.example.com:88"];
/// let passwords = KerberosPasswords::new("EXAMPLE.COM", kdcs, "HTTP/web.example.com", keytab)?;
/// let layer = NegotiateLayer::new(config).password_fallback("EXAMPLE.COM", passwords)?;
/// # Ok(()) }
/// ```
///
/// Users are of the one realm, as `alice` or `alice@EXAMPLE.COM`; names with
/// instances (`host/web`) have no passwords here. AES is spoken with the KDC,
/// and nothing else. Each password costs two or three exchanges on a blocking
/// thread; a KDC counts wrong ones, and may lock the account: limit how often.
pub struct KerberosPasswords {
    kdc: KdcClient,
    service: krb5::Principal,
    /// What opens our own service's ticket.
    config: AcceptorConfig,
}

/// For one try at one KDC. The layer has a deadline for all of them.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest name of a user.
const MAX_USER: usize = 256;

impl KerberosPasswords {
    /// Asks these KDCs of `realm`, each `host` or `host:port` (port 88 unless
    /// said), in turn until one answers. `service` is this server's principal
    /// (`HTTP/web.example.com`), whose key is in `keytab`.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] without a KDC, and for a service that is not one
    /// of `realm` with a host; [`Error::Unavailable`] if the keytab does not
    /// have its key.
    pub fn new<I, S>(realm: &str, kdcs: I, service: &str, keytab: Keytab) -> Result<Self, Error>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let wrong = |problem| Misuse::OutOfRange {
            setting: "KerberosPasswords::new",
            problem,
        };
        let kdcs: Vec<String> = kdcs.into_iter().map(Into::into).collect();
        if kdcs.is_empty() || realm.is_empty() {
            return Err(wrong("name a realm and at least one KDC of it").into());
        }
        let parts: Vec<&str> = service.split('/').collect();
        if parts.len() < 2 || parts.iter().any(|part| part.is_empty()) || service.contains('@') {
            return Err(
                wrong("a service is a name and a host, such as HTTP/web.example.com").into(),
            );
        }
        let name: ServiceName = service.parse()?;
        let config = AcceptorConfig::builder(backends::rust(keytab))
            .accept_service(name)
            // The token that it gets is made here, and crosses no channel.
            .channel_bindings(ChannelBindingPolicy::Ignore)
            .build()?;
        Ok(Self {
            kdc: KdcClient::new(realm, kdcs).with_timeout(TIMEOUT),
            service: krb5::Principal::new(NT_SRV_HST, parts, realm),
            config,
        })
    }

    /// The principal that a client means, if it may be one.
    fn principal(&self, user: &str) -> Option<krb5::Principal> {
        let realm = self.kdc.realm();
        let name = match user.rsplit_once('@') {
            Some((name, given)) if given == realm => name,
            Some(_) => return None,
            None => user,
        };
        let odd = |c: char| c.is_control() || "/\\@".contains(c);
        if name.is_empty() || name.len() > MAX_USER || name.contains(odd) {
            return None;
        }
        Some(krb5::Principal::new(NT_PRINCIPAL, [name], realm))
    }

    fn ask(&self, user: &krb5::Principal, password: &str) -> PasswordAnswer {
        let tgt = match self.kdc.login_with_password(user, password) {
            Ok(tgt) => tgt,
            Err(error) => return self.refused(user, password, &error),
        };
        let unavailable = |text: String| PasswordAnswer::Unavailable { text };
        // Whoever has answered so far may have made the password up as well.
        let ticket = match self.kdc.service_ticket(&tgt, &self.service) {
            Ok(ticket) => ticket,
            Err(error) => return unavailable(format!("no ticket for {}: {error}", self.service)),
        };
        let token = match InitiatorContext::new(&ticket, 0) {
            Ok((_, token)) => token,
            Err(error) => return unavailable(format!("no token for {}: {error}", self.service)),
        };
        match Acceptor::new(&self.config).step(&token) {
            Ok(Step::Established { context, .. }) => {
                let peer = context.peer();
                if is(peer, user) {
                    return PasswordAnswer::Right(peer.clone());
                }
                unavailable(format!("the KDC took {user} for {peer}"))
            }
            Ok(Step::Continue { .. }) => unavailable("the KDC's ticket is not of use yet".into()),
            Err(failure) => unavailable(format!(
                "the KDC's ticket for {} is not for this keytab, so it is not believed: {}",
                self.service,
                failure.error()
            )),
        }
    }

    /// The KDC, or whoever it is, does not give a ticket.
    fn refused(
        &self,
        user: &krb5::Principal,
        password: &str,
        error: &ClientError,
    ) -> PasswordAnswer {
        /// `KDC_ERR_C_PRINCIPAL_UNKNOWN`.
        const UNKNOWN: i32 = 6;
        /// RFC 4120 section 7.5.9: expired, unknown, never valid, policy, no
        /// key of a type that is spoken, revoked, not yet valid, password
        /// expired, password wrong, more asked for than a password, not
        /// decrypted. What is wrong with an account is not the client's to know.
        const ITS_OWN: [i32; 11] = [1, UNKNOWN, 9, 12, 14, 18, 21, 23, 24, 25, 31];
        match error {
            ClientError::Kdc { code, .. } if ITS_OWN.contains(code) => {
                if *code == UNKNOWN {
                    // A known user costs a second exchange and a key: by the
                    // time that it takes, nobody shall tell who is known.
                    let _ = self.kdc.login_with_password(user, password);
                    let _ = Key::from_password(18, password, &user.default_salt(), None);
                }
            }
            // Without pre-authentication the answer itself does not decrypt.
            ClientError::Crypto(_) | ClientError::NoKey(_) => {}
            error => {
                let text = error.to_string();
                return PasswordAnswer::Unavailable { text };
            }
        }
        ::tracing::debug!(target: "gss_acceptor::audit", %error, "the KDC refuses a password");
        PasswordAnswer::Wrong
    }
}

/// Whether the ticket is the user's that was asked for. Active Directory
/// does not tell cases apart, and writes names as it has them.
fn is(peer: &Name, user: &krb5::Principal) -> bool {
    peer.principal().is_some_and(|peer| {
        let mut components = peer.components();
        let same = |(one, other): (&[u8], &String)| one.eq_ignore_ascii_case(other.as_bytes());
        peer.realm() == user.realm.as_bytes()
            && components.len() == user.components.len()
            && components.by_ref().zip(&user.components).all(same)
    })
}

impl PasswordCheck for KerberosPasswords {
    fn check(&self, user: &str, password: &Secret) -> Reply<PasswordAnswer> {
        let password = core::str::from_utf8(password.expose());
        let password = password.ok().filter(|password| !password.is_empty());
        let (Some(user), Some(password)) = (self.principal(user), password) else {
            return Reply::Now(PasswordAnswer::Wrong);
        };
        Reply::Now(self.ask(&user, password))
    }
}

impl fmt::Debug for KerberosPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosPasswords")
            .field("realm", &self.kdc.realm())
            .field("kdcs", &self.kdc.kdcs())
            .field("service", &self.service.to_string())
            .finish_non_exhaustive()
    }
}
