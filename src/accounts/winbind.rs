//! The accounts of Active Directory, through Samba's winbind.

mod groups;
mod helper;
mod pool;
mod protocol;

use core::fmt;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use self::groups::Wbinfo;
use self::pool::Pool;
use super::upcase::{downcase, upcase};
use super::{AccountAnswer, AccountName, AccountSource, Logon};
use crate::authorization::Authorization;
use crate::error::{AuthorizationProblem, Error, LogonProblem, Misuse};
use crate::facts::Ability;
use crate::reply::Reply;

/// The accounts of the Active Directory domain that this machine has joined,
/// through winbind: a few processes of Samba's `ntlm_auth`, which are asked
/// in its protocol `ntlm-server-1`, and started anew when they die.
///
/// The domain controller compares the response; everything else (the MIC,
/// channel bindings, target names) is checked here as for other accounts.
/// [`Ntlm::computer`](crate::Ntlm::computer) must be the NetBIOS name of the
/// joined machine account, or the domain refuses every logon. `ntlm_auth`
/// must be run by root or by a member of winbind's group (`winbindd_priv`).
///
/// The directory does not say how it writes a name, so a user comes out in
/// lower case and a domain in upper case; a client that sends no domain has
/// the one of [`domain`](WinbindOptions::domain).
/// `AD.TEST\alice` and `alice@ad.test` are let in besides `AD\alice` and stay
/// what they are: permit by name what is known, and do not forbid by name.
pub struct Winbind {
    pool: Pool,
    options: WinbindOptions,
}

/// How to reach winbind.
#[derive(Clone, Debug)]
#[must_use]
pub struct WinbindOptions {
    program: OsString,
    arguments: Vec<OsString>,
    domain: String,
    helpers: usize,
    queue: usize,
    timeout: Duration,
    groups: Option<Wbinfo>,
}

impl Default for WinbindOptions {
    fn default() -> Self {
        Self {
            program: "/usr/bin/ntlm_auth".into(),
            arguments: Vec::new(),
            domain: String::new(),
            helpers: 4,
            queue: 256,
            timeout: Duration::from_secs(10),
            groups: None,
        }
    }
}

impl WinbindOptions {
    /// The program, by an absolute path: `/usr/bin/ntlm_auth` unless set. It
    /// decides who comes in, so no search path says which one it is.
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// An argument before those that are always given.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The NetBIOS name of the joined domain: whom a client means that sends
    /// no domain.
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = domain.into();
        self
    }

    /// How many logons are asked for at once: 4 unless set.
    pub fn helpers(mut self, helpers: usize) -> Self {
        self.helpers = helpers;
        self
    }

    /// How many more may wait: 256 unless set. The next one is
    /// [`Unavailability::Accounts`](crate::Unavailability::Accounts).
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// How long the domain may take for an answer: 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks for SID and groups of every client that has logged on, by this
    /// `wbinfo` (an absolute path) with these arguments before its own:
    /// `ntlm_auth` tells nothing of them. They are the directory's, nested
    /// groups included, as winbind knows them from the logon.
    ///
    /// Two processes are run for each logon, by the threads of
    /// [`helpers`](Self::helpers): some ten milliseconds in which another
    /// logon waits. A client that came as `alice@example.com` has none: whom
    /// that means, only the domain controller knows.
    pub fn groups_by<A: Into<OsString>>(
        mut self,
        wbinfo: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.groups = Some(Wbinfo {
            program: wbinfo.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Starts the processes.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] for no helpers, no time or a program that is no
    /// absolute path;
    /// [`Unavailability::Platform`](crate::Unavailability::Platform) when the
    /// program cannot be started.
    pub fn start(self) -> Result<Winbind, Error> {
        let bad = |setting, problem| Misuse::OutOfRange { setting, problem };
        if !(1..=64).contains(&self.helpers) {
            return Err(bad("helpers", "1 to 64").into());
        }
        if self.timeout.is_zero() {
            return Err(bad("timeout", "no answer takes no time").into());
        }
        if !Path::new(&self.program).is_absolute() {
            return Err(bad("program", "an absolute path, such as /usr/bin/ntlm_auth").into());
        }
        let wbinfo = self.groups.as_ref().map(|wbinfo| &wbinfo.program);
        if wbinfo.is_some_and(|program| !Path::new(program).is_absolute()) {
            return Err(bad("groups_by", "an absolute path, such as /usr/bin/wbinfo").into());
        }
        let pool = Pool::start(&self)?;
        Ok(Winbind {
            pool,
            options: self,
        })
    }
}

impl Winbind {
    /// How to reach it; [`start`](WinbindOptions::start) gives the source.
    pub fn options() -> WinbindOptions {
        WinbindOptions::default()
    }

    fn name(&self, logon: &Logon) -> AccountName {
        let domain = match logon.domain() {
            "" => self.options.domain.as_str(),
            sent => sent,
        };
        // As names compare: no letter may become that of another name.
        AccountName {
            user: units(logon.user(), downcase),
            domain: units(domain, upcase),
        }
    }
}

fn units(text: &str, change: fn(&[u16]) -> Vec<u16>) -> String {
    String::from_utf16_lossy(&change(&text.encode_utf16().collect::<Vec<u16>>()))
}

impl AccountSource for Winbind {
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer> {
        // What no account has in its name; some of it ends strings in C, and
        // the directory passes over spaces that a list of users does not.
        let bad = |text: &str| {
            text.chars().any(char::is_control) || text.trim() != text || text.contains("  ")
        };
        // Aliases of every machine, and nobody's accounts (MS-DTYP 2.4.2.4,
        // S-1-5-32): winbind has no directory to ask for them, and would say
        // that it cannot answer, where the client has only named nobody.
        let nobodys = units(logon.domain(), upcase) == "BUILTIN";
        if logon.user().is_empty() || bad(logon.user()) || bad(logon.domain()) || nobodys {
            return Reply::Now(AccountAnswer::Refused(LogonProblem::UnknownUser));
        }
        let request = protocol::request(logon, &self.options.domain);
        let name = self.name(logon);
        self.pool.ask(request).map(move |answer| match answer {
            Ok(answer) => protocol::read(&answer, name),
            Err(text) => AccountAnswer::Unavailable { text },
        })
    }

    fn authorization(
        &self,
        account: &AccountName,
    ) -> Reply<Result<Authorization, AuthorizationProblem>> {
        if self.options.groups.is_none() {
            return Reply::Now(Err(AuthorizationProblem::Unsupported));
        }
        let found = self.pool.groups(account.clone());
        found.map(|found| found.map_err(|text| AuthorizationProblem::Platform { text }))
    }

    fn authorizes(&self) -> Ability {
        match self.options.groups {
            Some(_) => Ability::Can,
            None => Ability::Cannot,
        }
    }

    fn may_block(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!(
            "winbind, through {} helpers '{}'",
            self.options.helpers,
            self.options.program.to_string_lossy()
        )
    }
}

impl fmt::Debug for Winbind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Winbind").field(&self.options).finish()
    }
}

#[cfg(test)]
mod tests;
