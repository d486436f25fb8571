//! Accounts in memory.

use std::collections::HashMap;

use super::{AccountAnswer, AccountName, AccountSource, Logon, NtHash, upcase};
use crate::authorization::Authorization;
use crate::error::{AuthorizationProblem, LogonProblem};
use crate::facts::Ability;
use crate::reply::Reply;
use crate::sid::Sid;

/// Accounts in memory.
///
/// Names compare as on Windows, without regard to case; the context's
/// [`peer`](crate::Context::peer) is the name as it was added here.
///
/// An account without a domain is this server's own: it is meant whatever
/// domain a client sends (clients put their own machine's name there), unless
/// there is one of that very domain. An account of a domain is meant when the
/// client sends that domain, when it sends `user@domain` and no domain, and
/// when it sends no domain while there is but one account of the name.
#[derive(Clone, Default)]
pub struct MemoryAccounts {
    accounts: HashMap<Vec<u16>, Vec<Account>>,
    count: usize,
}

#[derive(Clone)]
struct Account {
    /// In upper case.
    domain: Vec<u16>,
    name: AccountName,
    hash: NtHash,
    enabled: Enabled,
    /// SID and groups, if they were said.
    authorization: Option<Box<Authorization>>,
}

/// Whether an account may log in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Enabled {
    Yes,
    No,
}

impl MemoryAccounts {
    /// No accounts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this account of this server's own.
    #[must_use]
    pub fn user(self, user: &str, hash: NtHash) -> Self {
        self.domain_user("", user, hash)
    }

    /// With this account of a domain.
    #[must_use]
    pub fn domain_user(mut self, domain: &str, user: &str, hash: NtHash) -> Self {
        self.insert(domain, user, hash, Enabled::Yes);
        self
    }

    /// With an account that may not log in, so that the log says so.
    #[must_use]
    pub fn disabled(mut self, domain: &str, user: &str) -> Self {
        // Its hash is never compared with success.
        self.insert(domain, user, NtHash::from_bytes([0; 16]), Enabled::No);
        self
    }

    /// Adds an account, or replaces the one of that name. A client without a
    /// name is anonymous and never has an account, so an empty name is
    /// nobody's.
    pub(super) fn insert(&mut self, domain: &str, user: &str, hash: NtHash, enabled: Enabled) {
        if user.is_empty() {
            return;
        }
        let upper = upcase_text(domain);
        let same_name = self.accounts.entry(upcase_text(user)).or_default();
        let before = same_name.len();
        same_name.retain(|account| account.domain != upper);
        self.count = self.count + 1 - (before - same_name.len());
        same_name.push(Account {
            domain: upper,
            name: AccountName {
                user: user.into(),
                domain: domain.into(),
            },
            hash,
            enabled,
            authorization: None,
        });
    }

    /// Says the SID of an account that was added before, and of all groups
    /// that it is in: what [`Context::authorization`](crate::Context::authorization)
    /// gives for it. An account that is not there has none.
    #[must_use]
    pub fn memberships(
        mut self,
        domain: &str,
        user: &str,
        sid: Sid,
        groups: impl IntoIterator<Item = Sid>,
    ) -> Self {
        let upper = upcase_text(domain);
        let same_name = self.accounts.get_mut(&upcase_text(user));
        let account = same_name.and_then(|all| all.iter_mut().find(|one| one.domain == upper));
        if let Some(account) = account {
            let name = account.name.clone();
            let all = Authorization::of_account(name, sid, groups);
            account.authorization = Some(Box::new(all));
        }
        self
    }

    /// What was said of the account of exactly this name.
    fn known(&self, account: &AccountName) -> Result<Authorization, AuthorizationProblem> {
        let (user, domain) = (upcase_text(&account.user), upcase_text(&account.domain));
        let found = self.exactly(&user, &domain);
        let known = found.and_then(|found| found.authorization.as_deref());
        known.cloned().ok_or(AuthorizationProblem::Unsupported)
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is an account of exactly these names.
    pub(super) fn contains(&self, domain: &str, user: &str) -> bool {
        self.exactly(&upcase_text(user), &upcase_text(domain))
            .is_some()
    }

    fn find(&self, user: &str, domain: &str) -> Option<&Account> {
        let (upper, upper_domain) = (upcase_text(user), upcase_text(domain));
        let own = |user| self.exactly(user, &[]);
        if !domain.is_empty() {
            return self.exactly(&upper, &upper_domain).or_else(|| own(&upper));
        }
        own(&upper)
            .or_else(|| match self.accounts.get(&upper)?.as_slice() {
                [only] => Some(only),
                _ => None,
            })
            .or_else(|| {
                let (name, domain) = user.rsplit_once('@')?;
                self.exactly(&upcase_text(name), &upcase_text(domain))
            })
    }

    fn exactly(&self, user: &[u16], domain: &[u16]) -> Option<&Account> {
        let same_name = self.accounts.get(user)?;
        same_name.iter().find(|account| account.domain == domain)
    }

    pub(super) fn answer(&self, logon: &Logon) -> AccountAnswer {
        match self.find(logon.user(), logon.domain()) {
            None => AccountAnswer::Refused(LogonProblem::UnknownUser),
            Some(account) if account.enabled == Enabled::No => {
                AccountAnswer::Refused(LogonProblem::Disabled)
            }
            Some(account) => AccountAnswer::Account {
                name: account.name.clone(),
                hash: account.hash.clone(),
            },
        }
    }
}

fn upcase_text(text: &str) -> Vec<u16> {
    upcase(&text.encode_utf16().collect::<Vec<u16>>())
}

impl AccountSource for MemoryAccounts {
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer> {
        Reply::Now(self.answer(logon))
    }

    fn authorization(
        &self,
        account: &AccountName,
    ) -> Reply<Result<Authorization, AuthorizationProblem>> {
        Reply::Now(self.known(account))
    }

    fn authorizes(&self) -> Ability {
        let known = |account: &Account| account.authorization.is_some();
        if self.accounts.values().flatten().any(known) {
            Ability::Can
        } else {
            Ability::Cannot
        }
    }

    fn describe(&self) -> String {
        format!("{} accounts in memory", self.count)
    }
}

impl core::fmt::Debug for MemoryAccounts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MemoryAccounts({} accounts)", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountAnswer, Logon, MemoryAccounts, NtHash};
    use crate::error::LogonProblem;

    fn found(accounts: &MemoryAccounts, user: &str, domain: &str) -> Option<String> {
        match accounts.answer(&Logon::new(user, domain, "")) {
            AccountAnswer::Account { name, .. } => Some(format!("{}\\{}", name.domain, name.user)),
            AccountAnswer::Refused(LogonProblem::UnknownUser) => None,
            other => panic!("{other:?}"),
        }
    }

    fn hash() -> NtHash {
        NtHash::from_password("x")
    }

    #[test]
    fn names_and_domains_mean_what_is_documented() {
        let accounts = MemoryAccounts::new()
            .user("Alice", hash())
            .domain_user("CORP", "alice", hash())
            .domain_user("ad.test", "bob", hash())
            .domain_user("CORP", "carol", hash())
            .domain_user("LAB", "carol", hash())
            .user("dan@ad.test", hash());
        assert_eq!(accounts.len(), 6);
        for (user, domain, expected) in [
            ("alice", "", Some("\\Alice")),
            ("ALICE", "corp", Some("CORP\\alice")),
            ("alice", "LAPTOP7", Some("\\Alice")),
            ("bob", "AD.TEST", Some("ad.test\\bob")),
            ("bob@AD.test", "", Some("ad.test\\bob")),
            ("bob", "", Some("ad.test\\bob")),
            ("bob", "LAPTOP7", None),
            ("bob@ad.test", "LAPTOP7", None),
            // Two of the name: nobody is meant.
            ("carol", "", None),
            ("carol", "lab", Some("LAB\\carol")),
            ("dan@ad.test", "", Some("\\dan@ad.test")),
            ("", "", None),
            ("mallory", "CORP", None),
        ] {
            let got = found(&accounts, user, domain);
            assert_eq!(got.as_deref(), expected, "{domain}\\{user}");
        }
    }

    #[test]
    fn the_last_one_of_a_name_counts() {
        let accounts = MemoryAccounts::new()
            .user("alice", hash())
            .disabled("", "ALICE");
        assert_eq!(accounts.len(), 1);
        let answer = accounts.answer(&Logon::new("alice", "", ""));
        assert!(matches!(
            answer,
            AccountAnswer::Refused(LogonProblem::Disabled)
        ));
        assert!(MemoryAccounts::new().user("", hash()).is_empty());
    }

    /// Letters that look alike, and letters whose capitals are two, are
    /// nobody else's.
    #[test]
    fn unicode_makes_nobody_somebody_else() {
        let accounts = MemoryAccounts::new()
            .user("strasse", hash())
            .user("sam", hash());
        for trick in [
            "straße",
            "ſam",
            "sаm",
            "sam\u{200B}",
            "ｓａｍ",
            "sa\u{300}m",
            "sam ",
        ] {
            assert_eq!(found(&accounts, trick, ""), None, "{trick}");
        }
    }
}
