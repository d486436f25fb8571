//! `Basic` (RFC 7617), for clients that have nothing better.

#[cfg(feature = "basic-kerberos")]
mod kerberos;

#[cfg(feature = "basic-kerberos")]
pub use kerberos::KerberosPasswords;

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::accounts::{AccountAnswer, AccountSource, Logon, NtHash};
use crate::error::{Error, Misuse};
use crate::name::Name;
use crate::reply::Reply;
use crate::secret::Secret;

/// Says whether a password is a user's.
///
/// [`AccountPasswords`] asks a source of NTLM accounts, `KerberosPasswords`
/// (feature `basic-kerberos`) a KDC.
pub trait PasswordCheck: Send + Sync {
    /// Whether it is. The user's name is as the client wrote it. What is not
    /// known takes as long as what is wrong.
    fn check(&self, user: &str, password: &Secret) -> Reply<PasswordAnswer>;

    /// Whether an answer may take its time. It then runs on a blocking thread,
    /// within the limits of [`Handshakes`](crate::tokio::Handshakes).
    fn may_block(&self) -> bool {
        true
    }
}

/// What became of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordAnswer {
    /// It is right, and this is whose it is.
    Right(Name),
    /// It is not, or nobody has that name.
    Wrong,
    /// That cannot be found out.
    Unavailable {
        /// Why, for the log.
        text: String,
    },
}

/// Passwords by the hashes of a source of NTLM accounts
/// ([`MemoryAccounts`](crate::accounts::MemoryAccounts),
/// [`AccountFile`](crate::accounts::AccountFile)). A source that compares
/// responses itself (winbind) cannot be asked for passwords.
pub struct AccountPasswords(Arc<dyn AccountSource>);

impl AccountPasswords {
    /// Those of this source.
    pub fn new(source: impl AccountSource + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl PasswordCheck for AccountPasswords {
    fn check(&self, user: &str, password: &Secret) -> Reply<PasswordAnswer> {
        let (domain, user) = user.split_once('\\').unwrap_or(("", user));
        let fits = !user.is_empty()
            && ![domain, user]
                .iter()
                .any(|it| it.contains(char::is_control));
        let given = core::str::from_utf8(password.expose()).map(NtHash::from_password);
        let (Ok(given), true) = (given, fits) else {
            return Reply::Now(PasswordAnswer::Wrong);
        };
        let answer = self.0.look_up(&Logon::new(user, domain, ""));
        answer.map(move |answer| match answer {
            AccountAnswer::Account { name, hash } if hash == given => {
                PasswordAnswer::Right(Name::Ntlm {
                    user: name.user,
                    domain: name.domain,
                })
            }
            AccountAnswer::Account { .. } | AccountAnswer::Refused(_) => PasswordAnswer::Wrong,
            AccountAnswer::Unavailable { text } => PasswordAnswer::Unavailable { text },
            AccountAnswer::Verified { .. } => PasswordAnswer::Unavailable {
                text: "this source of accounts compares NTLM responses, and no passwords".into(),
            },
        })
    }

    fn may_block(&self) -> bool {
        self.0.may_block()
    }
}

impl core::fmt::Debug for AccountPasswords {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("AccountPasswords")
            .field(&self.0.describe())
            .finish()
    }
}

/// The challenge (RFC 7617 section 2, 2.1).
pub(super) fn challenge(realm: &str) -> Result<String, Error> {
    let fits = |c: u8| (b' '..=b'~').contains(&c) && c != b'"' && c != b'\\';
    if !realm.bytes().all(fits) {
        return Err(Misuse::OutOfRange {
            setting: "password_fallback",
            problem: "a realm is printable ASCII without quotes and backslashes",
        }
        .into());
    }
    Ok(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
}

/// User and password of the one header of that name, if it has some.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<(String, Secret)> {
    /// Longer than any that somebody would remember.
    const MAX: usize = 4 << 10;
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let text = value.as_bytes().trim_ascii();
    let (scheme, text) = text.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") || text.len() > MAX {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
    let at = bytes.iter().position(|byte| *byte == b':')?;
    let (user, password) = bytes.split_at_checked(at)?;
    let user = core::str::from_utf8(user).ok()?.to_owned();
    Some((user, Secret::copy_from(password.get(1..)?)))
}
