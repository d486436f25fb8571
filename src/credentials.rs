//! What a server has to prove who it is, and to read what clients send it.

mod prompt;
mod source;
mod user_to_user;

pub use prompt::{CredentialPrompt, PromptAnswer, WantedCredentials};
pub use user_to_user::UserToUser;

use core::fmt;
use std::path::Path;
use std::time::Duration;

use self::source::{Source, follows_its_file};

use crate::error::{Error, Unavailability};
use crate::etype::EncryptionType;
use crate::files;
use crate::keytab;
use crate::name::Principal;
use crate::ntlm::Ntlm;
use crate::secret::Secret;

/// The credentials of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// The keys of a keytab.
    Keytab(Keytab),
    /// The keys that a password gives.
    Password(ServicePassword),
    /// The server's own TGT.
    UserToUser(UserToUser),
    /// The accounts of NTLM, and the server's names.
    Ntlm(Ntlm),
    /// Whatever the platform keeps for this process: on Windows, the identity
    /// that it runs under. The rust backend has no such thing and refuses it.
    SystemDefault,
}

impl From<Keytab> for Credentials {
    fn from(keytab: Keytab) -> Self {
        Self::Keytab(keytab)
    }
}

impl From<Ntlm> for Credentials {
    fn from(ntlm: Ntlm) -> Self {
        Self::Ntlm(ntlm)
    }
}

impl From<ServicePassword> for Credentials {
    fn from(password: ServicePassword) -> Self {
        Self::Password(password)
    }
}

/// A keytab: a file of long-term keys, as `ktadd`, `ktutil`, `ktpass`,
/// `samba-tool` and `msktutil` write it.
#[derive(Clone)]
pub struct Keytab(Source);

follows_its_file!(Keytab);

impl Keytab {
    /// Reads the keytab at `path`. Once a configuration is built on it, a
    /// changed file is noticed within [`DEFAULT_RELOAD`](Self::DEFAULT_RELOAD)
    /// without a restart; a file that has become unreadable or is half
    /// written does not replace the keys that are in use.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Keytab`] when the file is missing, cannot be read,
    /// or does not begin as a keytab does. What is inside is checked when
    /// the configuration is built.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (bytes, stamp) = files::read_keytab(path)
            .and_then(|read| keytab::check_magic(read.0.expose()).map(|()| read))
            .map_err(|problem| Unavailability::Keytab {
                origin: Some(path.into()),
                problem,
            })?;
        Ok(Self(Source::file(path, bytes, stamp)))
    }

    /// A keytab in memory.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Keytab`] when the bytes do not begin as a keytab
    /// does.
    pub fn from_bytes(bytes: impl Into<Secret>) -> Result<Self, Error> {
        let bytes = bytes.into();
        keytab::check_magic(bytes.expose()).map_err(|problem| Unavailability::Keytab {
            origin: None,
            problem,
        })?;
        Ok(Self(Source::memory(bytes)))
    }
}

impl fmt::Debug for Keytab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Keytab", f)
    }
}

/// How the salt of a password's keys is made (RFC 4120 4, MS-KILE 3.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Salt {
    /// Realm and components one after the other: MIT krb5, Heimdal.
    Default,
    /// A user account of Active Directory: realm, then the account's name
    /// (`sAMAccountName`).
    ActiveDirectoryUser {
        /// The account's name, in the case that it was created with.
        account: String,
    },
    /// A computer account of Active Directory: realm, `host`, the computer's
    /// name in lower case without `$`, `.`, the realm in lower case.
    ActiveDirectoryComputer {
        /// The account's name, with or without `$`.
        account: String,
    },
    /// These bytes.
    Explicit(Vec<u8>),
}

/// A service's password, from which its keys are derived once, when the
/// configuration is built.
#[derive(Clone)]
pub struct ServicePassword {
    principals: Vec<Principal>,
    password: Secret,
    salt: Salt,
    /// All that are permitted, where none are named.
    etypes: Option<Vec<EncryptionType>>,
}

impl ServicePassword {
    /// The password of `principal`, salted as MIT krb5 and Heimdal do.
    #[must_use]
    pub fn new(principal: Principal, password: impl AsRef<[u8]>) -> Self {
        Self {
            principals: vec![principal],
            password: Secret::copy_from(password.as_ref()),
            salt: Salt::Default,
            etypes: None,
        }
    }

    /// Salted in another way.
    #[must_use]
    pub fn salt(mut self, salt: Salt) -> Self {
        self.salt = salt;
        self
    }

    /// Another name of the same account (a further service principal name).
    #[must_use]
    pub fn also(mut self, principal: Principal) -> Self {
        self.principals.push(principal);
        self
    }

    /// Derives keys of these types only, out of those that the configuration
    /// permits. Unless set, it is all of those.
    #[must_use]
    pub fn etypes(mut self, etypes: &[EncryptionType]) -> Self {
        self.etypes = Some(etypes.to_vec());
        self
    }

    /// For backends: the principals that have the password.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        &self.principals
    }

    /// For backends: the password.
    #[must_use]
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// For backends: which keys to derive under a configuration that permits
    /// these types. What it does not permit is never derived: the RC4 key of a
    /// password is its NT hash, which is better not there at all.
    #[must_use]
    pub fn key_types(&self, permitted: &[EncryptionType]) -> Vec<EncryptionType> {
        let wanted = |etype: &&EncryptionType| match &self.etypes {
            Some(named) => named.contains(*etype),
            None => true,
        };
        permitted.iter().filter(wanted).copied().collect()
    }

    /// For backends: the salt's bytes.
    #[must_use]
    pub fn salt_bytes(&self) -> Vec<u8> {
        let Some(principal) = self.principals.first() else {
            return Vec::new();
        };
        let realm = principal.realm();
        let mut salt = realm.to_vec();
        match &self.salt {
            Salt::Default => principal
                .components()
                .for_each(|component| salt.extend_from_slice(component)),
            Salt::ActiveDirectoryUser { account } => salt.extend_from_slice(account.as_bytes()),
            Salt::ActiveDirectoryComputer { account } => {
                salt.extend_from_slice(b"host");
                let name = account.strip_suffix('$').unwrap_or(account);
                salt.extend_from_slice(name.to_lowercase().as_bytes());
                salt.push(b'.');
                let realm = String::from_utf8_lossy(realm).to_lowercase();
                salt.extend_from_slice(realm.as_bytes());
            }
            Salt::Explicit(bytes) => salt.clone_from(bytes),
        }
        salt
    }
}

impl fmt::Debug for ServicePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServicePassword")
            .field("principals", &self.principals)
            .field("etypes", &self.etypes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Keytab, Salt, ServicePassword};
    use crate::error::{Error, KeytabProblem, Unavailability};

    fn problem(error: &Error) -> &KeytabProblem {
        match error.unavailability() {
            Some(Unavailability::Keytab { problem, .. }) => problem,
            _ => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_no_keytab_is_told_apart() {
        for (bytes, expected) in [
            (b"".to_vec(), KeytabProblem::Empty),
            (b"\x05".to_vec(), KeytabProblem::Truncated(1)),
            (b"\x05\x03".to_vec(), KeytabProblem::Version(3)),
            (b"BEGIN KEY".to_vec(), KeytabProblem::NotAKeytab),
        ] {
            let error = Keytab::from_bytes(bytes).unwrap_err();
            assert_eq!(problem(&error), &expected);
        }
        let missing = Keytab::open("/nonexistent/keytab").unwrap_err();
        assert_eq!(problem(&missing), &KeytabProblem::Missing);
        assert!(missing.to_string().contains("/nonexistent/keytab"));
        let directory = Keytab::open(std::env::temp_dir()).unwrap_err();
        assert_eq!(problem(&directory), &KeytabProblem::Directory);
    }

    /// RFC 4120 4 and MS-KILE 3.1.1.2.
    #[test]
    fn salts_are_those_of_the_documents() {
        let of = |salt| {
            let principal = "host/web.ad.test@AD.TEST".parse().unwrap();
            ServicePassword::new(principal, "x").salt(salt).salt_bytes()
        };
        assert_eq!(of(Salt::Default), b"AD.TESThostweb.ad.test");
        let account = "Web1$".to_owned();
        assert_eq!(
            of(Salt::ActiveDirectoryComputer { account }),
            b"AD.TESThostweb1.ad.test"
        );
        let account = "svc-Web".to_owned();
        assert_eq!(of(Salt::ActiveDirectoryUser { account }), b"AD.TESTsvc-Web");
    }

    #[test]
    fn credentials_print_no_secret() {
        let password = ServicePassword::new("HTTP/web@R".parse().unwrap(), "hunter2");
        let keytab = Keytab::from_bytes(b"\x05\x02hunter2".to_vec()).unwrap();
        let text = format!("{password:?} {keytab:?}");
        assert!(
            !text.contains("hunter2") && !text.contains("104, 117"),
            "{text}"
        );
    }
}
