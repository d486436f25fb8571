//! Feature `unix`: what the system knows of an account.

use std::path::PathBuf;

use super::LocalName;
use crate::error::{Error, Unavailability};

/// An account of this machine (`passwd(5)`), from wherever the system has it:
/// files, LDAP, winbind, sssd.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixAccount {
    /// Its name as the system has it, which may be spelt otherwise than what
    /// was asked for.
    pub name: LocalName,
    /// Its user id. 0 is root: a server that is given that name by a directory
    /// should think twice.
    pub uid: u32,
    /// The id of its primary group.
    pub gid: u32,
    /// Its home directory.
    pub home: PathBuf,
    /// Its shell.
    pub shell: PathBuf,
}

impl LocalName {
    /// The account of this name; `None` where there is none (`getpwnam_r`).
    /// May wait for a directory: not for a thread that serves others.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Accounts`] where the system could not find out: which
    /// is not the same as that there is none.
    pub fn unix_account(&self) -> Result<Option<UnixAccount>, Error> {
        let found = nix::unistd::User::from_name(self.as_str());
        let found = found.map_err(|error| Unavailability::Accounts {
            text: format!("looking up '{self}': {error}"),
        })?;
        Ok(found.and_then(|user| {
            let name = Self::new(&user.name)?;
            Some(UnixAccount {
                name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                home: user.dir,
                shell: user.shell,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::local_names::LocalName;

    /// What `getent passwd` says of root and of a name that nobody has.
    #[test]
    fn accounts_are_the_systems() {
        let output = Command::new("getent").args(["passwd", "root"]).output();
        let line = String::from_utf8(output.expect("getent").stdout).unwrap();
        let fields: Vec<&str> = line.trim_end().split(':').collect();
        let root = LocalName::new("root").unwrap().unix_account().unwrap();
        let root = root.expect("every system has root");
        assert_eq!(root.name.as_str(), fields[0]);
        assert_eq!(root.uid.to_string(), fields[2]);
        assert_eq!(root.gid.to_string(), fields[3]);
        assert_eq!(root.home.to_str(), Some(fields[5]));
        assert_eq!(root.shell.to_str(), Some(fields[6]));
        let nobody = LocalName::new("no-such-account-here").unwrap();
        assert_eq!(nobody.unix_account().unwrap(), None);
    }
}
