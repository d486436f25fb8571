//! What a server needs to take part in NTLM.

use core::fmt;
use std::sync::Arc;

use crate::accounts::AccountSource;
use crate::error::{Error, Misuse};

/// NTLM's side of a server: where its accounts are, and what it calls itself
/// in the CHALLENGE (MS-NLMP 2.2.1.2).
///
/// It goes to the backend like other credentials, and the mechanism must be
/// enabled besides:
///
/// ```
/// use gss_acceptor::accounts::{MemoryAccounts, NtHash};
/// use gss_acceptor::{AcceptorConfig, Mechanism, Ntlm, backends};
///
/// let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("correct horse"));
/// let config = AcceptorConfig::builder(backends::rust(Ntlm::new(accounts).computer("WEB")))
///     .mechanisms(&[Mechanism::Ntlm])
///     .build()?;
/// println!("{}", config.describe());
/// # Ok::<(), gss_acceptor::Error>(())
/// ```
///
/// With Kerberos: `backends::rust(keytab).and(ntlm)`, and both mechanisms.
///
/// NTLM proves who the client is, never who the server is, and an attacker
/// who sees a handshake can search for the password. Prefer Kerberos; over
/// TLS, have [`ChannelBindingPolicy::Require`](crate::ChannelBindingPolicy::Require),
/// without which a login can be relayed.
#[derive(Clone)]
pub struct Ntlm {
    accounts: Arc<dyn AccountSource>,
    names: NtlmNames,
    mic: MicDemand,
}

/// What the server calls itself. For backends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NtlmNames {
    /// The NetBIOS name of the computer.
    pub computer: String,
    /// The NetBIOS name of its domain.
    pub domain: String,
    /// Its host name in DNS.
    pub dns_computer: Option<String>,
    /// The DNS name of its domain.
    pub dns_domain: Option<String>,
    /// The DNS name of its forest.
    pub dns_tree: Option<String>,
}

/// Of whom a MIC is demanded. For backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicDemand {
    /// Of a client that says it computes one.
    WhenAnnounced,
    /// Of every client.
    Always,
}

/// NetBIOS names have 16 bytes, the last of which is the service's (RFC 1001
/// 14).
const MAX_NETBIOS: usize = 15;
/// RFC 1035 2.3.4.
const MAX_DNS: usize = 255;

impl Ntlm {
    /// With these accounts, on a server called `SERVER` in no domain but its
    /// own.
    #[must_use]
    pub fn new(accounts: impl AccountSource + 'static) -> Self {
        Self {
            accounts: Arc::new(accounts),
            names: NtlmNames {
                computer: "SERVER".into(),
                domain: String::new(),
                dns_computer: None,
                dns_domain: None,
                dns_tree: None,
            },
            mic: MicDemand::WhenAnnounced,
        }
    }

    /// The computer's NetBIOS name, at most 15 characters. Where Active
    /// Directory compares passwords it must be the name of the joined
    /// account, or every logon fails.
    #[must_use]
    pub fn computer(mut self, name: &str) -> Self {
        self.names.computer = name.into();
        self
    }

    /// The domain's NetBIOS name, at most 15 characters; the computer's
    /// unless set.
    #[must_use]
    pub fn domain(mut self, name: &str) -> Self {
        self.names.domain = name.into();
        self
    }

    /// The computer's name in DNS.
    #[must_use]
    pub fn dns_computer(mut self, name: &str) -> Self {
        self.names.dns_computer = Some(name.into());
        self
    }

    /// The domain's name in DNS.
    #[must_use]
    pub fn dns_domain(mut self, name: &str) -> Self {
        self.names.dns_domain = Some(name.into());
        self
    }

    /// The forest's name in DNS.
    #[must_use]
    pub fn dns_tree(mut self, name: &str) -> Self {
        self.names.dns_tree = Some(name.into());
        self
    }

    /// Lets nobody in whose messages are not protected by a MIC: without one,
    /// flags and names of the handshake can be altered on the way. Windows,
    /// Samba, macOS and most libraries send it; curl's own NTLM and Java's do
    /// not, and are refused then.
    #[must_use]
    pub fn require_mic(mut self) -> Self {
        self.mic = MicDemand::Always;
        self
    }

    /// For backends: the accounts.
    #[must_use]
    pub fn accounts(&self) -> &Arc<dyn AccountSource> {
        &self.accounts
    }

    /// For backends: of whom a MIC is demanded.
    #[must_use]
    pub fn mic(&self) -> MicDemand {
        self.mic
    }

    /// For backends: the names, complete.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] for names that are empty or too long.
    pub fn names(&self) -> Result<NtlmNames, Error> {
        let mut names = self.names.clone();
        if names.domain.is_empty() {
            names.domain.clone_from(&names.computer);
        }
        for (setting, name) in [("computer", &names.computer), ("domain", &names.domain)] {
            check(setting, name, MAX_NETBIOS, "1 to 15 characters")?;
        }
        for (setting, name) in [
            ("dns_computer", &names.dns_computer),
            ("dns_domain", &names.dns_domain),
            ("dns_tree", &names.dns_tree),
        ] {
            if let Some(name) = name {
                check(setting, name, MAX_DNS, "1 to 255 characters")?;
            }
        }
        Ok(names)
    }
}

fn check(
    setting: &'static str,
    name: &str,
    max: usize,
    problem: &'static str,
) -> Result<(), Misuse> {
    let length = name.encode_utf16().count();
    if length == 0 || length > max || name.chars().any(char::is_control) {
        return Err(Misuse::OutOfRange { setting, problem });
    }
    Ok(())
}

impl fmt::Debug for Ntlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ntlm")
            .field("accounts", &self.accounts.describe())
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Ntlm;
    use crate::accounts::MemoryAccounts;

    #[test]
    fn names_are_completed_and_held_to_their_lengths() {
        let ntlm = Ntlm::new(MemoryAccounts::new());
        assert_eq!(ntlm.clone().computer("WEB").names().unwrap().domain, "WEB");
        for (bad, setting) in [
            (ntlm.clone().computer(""), "computer"),
            (ntlm.clone().computer("SIXTEEN-LETTERS-"), "computer"),
            (ntlm.clone().domain("a\nb"), "domain"),
            (ntlm.clone().dns_tree(&"a".repeat(256)), "dns_tree"),
        ] {
            let error = bad.names().unwrap_err().to_string();
            assert!(error.contains(setting), "{error}");
        }
    }
}
