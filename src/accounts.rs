//! Who may log in with NTLM, and how the acceptor finds out.

mod file;
mod hash;
mod table;
mod upcase;
mod winbind;

pub use self::file::AccountFile;
pub use self::hash::NtHash;
pub use self::table::MemoryAccounts;
pub(crate) use self::upcase::upcase;
pub use self::winbind::{Winbind, WinbindOptions};

use core::fmt;

use crate::authorization::Authorization;
use crate::error::{AuthorizationProblem, LogonProblem};
use crate::facts::Ability;
use crate::reply::Reply;
use crate::secret::Secret;

/// Where accounts are: in memory ([`MemoryAccounts`]), in a file
/// ([`AccountFile`]), in Active Directory ([`Winbind`]), or wherever a closure
/// looks ([`from_fn`]).
///
/// A source does not decide who is let in. It says what it knows; the
/// acceptor compares the response, in constant time and whether or not there
/// is such an account, and goes on with everything else that is owed.
pub trait AccountSource: Send + Sync {
    /// Looks up whom a logon is for. What is not known is
    /// [`AccountAnswer::Refused`], never an account of another name.
    ///
    /// Names are the client's own, of any characters but control characters;
    /// the user's is never empty. A source is not asked for others.
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer>;

    /// What the source knows of an account that a client has just proven to
    /// be: its SID and groups ([`Authorization::of_account`]). Asked once in a
    /// logon, after the proof and before the client comes in, with the name
    /// that [`look_up`](Self::look_up) gave; an answer of another name is not
    /// believed.
    ///
    /// # Errors
    ///
    /// Why there is nothing. The client comes in all the same, unless the
    /// configuration has
    /// [`require_authorization`](crate::ConfigBuilder::require_authorization).
    fn authorization(
        &self,
        account: &AccountName,
    ) -> Reply<Result<Authorization, AuthorizationProblem>> {
        let _ = account;
        Reply::Now(Err(AuthorizationProblem::Unsupported))
    }

    /// Whether it knows SIDs and groups of any account.
    fn authorizes(&self) -> Ability {
        Ability::Cannot
    }

    /// Whether an answer may take its time: a directory, another process.
    fn may_block(&self) -> bool {
        false
    }

    /// What it is, for an operator.
    fn describe(&self) -> String;

    /// What an operator should look at.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A logon to be judged: what the client said, and our challenge to it.
#[derive(Clone)]
pub struct Logon {
    user: String,
    domain: String,
    workstation: String,
    challenge: [u8; 8],
    nt_response: Box<[u8]>,
}

impl Logon {
    /// For backends: what an AUTHENTICATE message says (MS-NLMP 2.2.1.3).
    #[must_use]
    pub fn new(user: &str, domain: &str, workstation: &str) -> Self {
        Self {
            user: user.into(),
            domain: domain.into(),
            workstation: workstation.into(),
            challenge: [0; 8],
            nt_response: Box::default(),
        }
    }

    /// For backends: with our challenge and the NTLMv2 response to it.
    #[must_use]
    pub fn response(mut self, challenge: [u8; 8], nt: &[u8]) -> Self {
        self.challenge = challenge;
        self.nt_response = nt.into();
        self
    }

    /// The user name as the client sent it: `alice`, or `alice@ad.test` with
    /// an empty domain.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The domain as the client sent it; may be empty.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What the client calls its machine. Proves nothing.
    #[must_use]
    pub fn workstation(&self) -> &str {
        &self.workstation
    }

    /// Our challenge.
    #[must_use]
    pub fn challenge(&self) -> [u8; 8] {
        self.challenge
    }

    /// The NTLMv2 response (MS-NLMP 2.2.2.8), for a directory that compares
    /// itself.
    ///
    /// The client's LM response is given to nobody. It may be an LMv2 response
    /// (2.2.2.4), which covers none of the target information: directories
    /// that find the NTLMv2 response wrong take that one instead, and whoever
    /// relays it could then write channel bindings, target name and flags as
    /// they please.
    #[must_use]
    pub fn nt_response(&self) -> &[u8] {
        &self.nt_response
    }
}

/// Names alone: a response can be cracked.
impl fmt::Debug for Logon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logon")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// The name that an account has where it is kept: what the context's
/// [`peer`](crate::Context::peer) will be, however the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountName {
    /// The user.
    pub user: String,
    /// The domain; empty for an account of this server alone.
    pub domain: String,
}

/// What a source knows of a logon.
#[non_exhaustive]
pub enum AccountAnswer {
    /// There is such an account; the acceptor compares the response.
    Account {
        /// Its name.
        name: AccountName,
        /// The hash of its password.
        hash: NtHash,
    },
    /// The source has compared the response itself, and it is right.
    Verified {
        /// The account's name.
        name: AccountName,
        /// SessionBaseKey (MS-NLMP 3.3.2), 16 bytes: proof that this was the
        /// user's password, and what everything else hangs from. A directory
        /// that gives none has let in a guest, who is refused.
        session_base_key: Secret,
    },
    /// There is no such account, or it may not log in.
    Refused(LogonProblem),
    /// The source cannot tell.
    Unavailable {
        /// Why.
        text: String,
    },
}

impl fmt::Debug for AccountAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { name, .. } => write!(f, "Account({name:?})"),
            Self::Verified { name, .. } => write!(f, "Verified({name:?})"),
            Self::Refused(problem) => write!(f, "Refused({problem:?})"),
            Self::Unavailable { text } => write!(f, "Unavailable({text:?})"),
        }
    }
}

/// A source that asks a closure. It answers at once, or with
/// [`Reply::later`] what takes its time.
///
/// ```
/// use gss_acceptor::accounts::{self, AccountAnswer, AccountName, NtHash};
/// use gss_acceptor::{LogonProblem, Reply};
///
/// let source = accounts::from_fn("the staff table", |logon| {
///     Reply::Now(if logon.user().eq_ignore_ascii_case("alice") {
///         AccountAnswer::Account {
///             name: AccountName { user: "alice".into(), domain: String::new() },
///             hash: NtHash::from_password("correct horse"),
///         }
///     } else {
///         AccountAnswer::Refused(LogonProblem::UnknownUser)
///     })
/// });
/// # let _ = source;
/// ```
pub fn from_fn<F>(description: &str, look_up: F) -> impl AccountSource + use<F>
where
    F: Fn(&Logon) -> Reply<AccountAnswer> + Send + Sync + 'static,
{
    Callback {
        description: description.into(),
        look_up,
    }
}

struct Callback<F> {
    description: String,
    look_up: F,
}

impl<F> AccountSource for Callback<F>
where
    F: Fn(&Logon) -> Reply<AccountAnswer> + Send + Sync,
{
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer> {
        (self.look_up)(logon)
    }

    // What a closure does cannot be known.
    fn may_block(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
