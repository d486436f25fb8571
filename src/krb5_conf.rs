//! krb5.conf, for those who want its settings as defaults (krb5.conf(5) of
//! MIT krb5). Nothing reads one unless the application names it: no
//! environment variable and no default path does.

mod include;
mod local_names;
mod profile;
mod settings;

pub use local_names::{LocalNameRule, LocalNameTemplate, Substitution};

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::include::Reader;
use self::local_names::RealmNames;
use self::profile::{Located, Profiles};
use crate::credentials::Keytab;
use crate::error::{Error, Unavailability};
use crate::etype::EncryptionType;
use crate::realms::Capaths;

/// What an acceptor can take from a krb5.conf, read and checked.
///
/// ```
/// use gss_acceptor::Krb5Conf;
/// # let path = std::env::temp_dir().join(format!("doc-krb5-{}.conf", std::process::id()));
/// # std::fs::write(&path, "[libdefaults]\n clockskew = 120\n")?;
/// let conf = Krb5Conf::open(&path)?; // such as /etc/krb5.conf
/// assert_eq!(conf.clock_skew(), Some(std::time::Duration::from_secs(120)));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`ConfigBuilder::krb5_conf`](crate::ConfigBuilder::krb5_conf) takes
/// `clockskew`, `permitted_enctypes` and `[capaths]`;
/// [`default_keytab`](Self::default_keytab) opens `default_keytab_name`;
/// [`LocalNames::from_krb5_conf`](crate::LocalNames::from_krb5_conf) applies
/// `auth_to_local`. What bears on who is let in and is not taken is said in
/// [`notes`](Self::notes), which `describe()` repeats.
///
/// A file that makes no sense is refused with the line, also where MIT krb5
/// would go on: an acceptor that has misread its configuration should not
/// start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Krb5Conf {
    files: Vec<PathBuf>,
    clock_skew: Option<Duration>,
    etypes: Option<Vec<EncryptionType>>,
    default_realm: Option<String>,
    default_keytab: Option<PathBuf>,
    capaths: Option<Capaths>,
    names: Vec<(String, RealmNames)>,
    notes: Vec<String>,
}

impl Krb5Conf {
    /// Reads the file at `path`, and those that it includes.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Krb5Conf`], with file and line.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_all(&[path])
    }

    /// Reads several files as one configuration, as MIT krb5 does those of
    /// `KRB5_CONFIG`: the first value counts, and what a file marks as final
    /// (`*`) is not looked for in later ones.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_all<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Error> {
        let mut reader = Reader::default();
        let profiles = paths.iter().map(|path| reader.file(path.as_ref()));
        let read = profiles
            .collect::<Result<Vec<_>, _>>()
            .and_then(|profiles| settings::read(&Profiles(profiles)));
        let mut conf = read.map_err(|located| error(&reader, located))?;
        conf.files = reader.files();
        Ok(conf)
    }

    /// Reads the text of a krb5.conf. It cannot include files.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = Reader::default();
        reader
            .text(text)
            .and_then(|profile| settings::read(&Profiles(vec![profile])))
            .map_err(|located| error(&reader, located))
    }

    /// Every file that was read, in order.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// `[libdefaults] clockskew`: how far clocks may be apart.
    #[must_use]
    pub fn clock_skew(&self) -> Option<Duration> {
        self.clock_skew
    }

    /// `[libdefaults] permitted_enctypes`, as far as this crate accepts them
    /// by default, in the file's order. RC4 is not among them: a file does not
    /// enable it.
    #[must_use]
    pub fn permitted_enctypes(&self) -> Option<&[EncryptionType]> {
        self.etypes.as_deref()
    }

    /// `[libdefaults] default_realm`.
    #[must_use]
    pub fn default_realm(&self) -> Option<&str> {
        self.default_realm.as_deref()
    }

    /// `[libdefaults] default_keytab_name`: the file that it names.
    #[must_use]
    pub fn default_keytab_path(&self) -> Option<&Path> {
        self.default_keytab.as_deref()
    }

    /// Opens the keytab that `default_keytab_name` names; `None` if it names
    /// none. No default takes its place.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Keytab`], as [`Keytab::open`].
    pub fn default_keytab(&self) -> Result<Option<Keytab>, Error> {
        self.default_keytab.as_ref().map(Keytab::open).transpose()
    }

    /// `[capaths]`: trusted paths between realms.
    #[must_use]
    pub fn capaths(&self) -> Option<&Capaths> {
        self.capaths.as_ref()
    }

    /// `[realms]` `realm` `auth_to_local`, in order: how principals become
    /// names of local accounts where `realm` is the server's default realm.
    /// [`LocalNames::from_krb5_conf`](crate::LocalNames::from_krb5_conf) applies
    /// them.
    #[must_use]
    pub fn auth_to_local(&self, realm: &str) -> &[LocalNameRule] {
        self.realm(realm).map_or(&[], |names| &names.rules)
    }

    /// `[realms]` `realm` `auth_to_local_names`: the principals (without
    /// realm, or with another one than `realm`) that have a local name by
    /// themselves, before any rule.
    #[must_use]
    pub fn auth_to_local_names(&self, realm: &str) -> &[(String, String)] {
        self.realm(realm).map_or(&[], |names| &names.explicit)
    }

    /// What bears on who is let in and is not taken from the file.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn realm(&self, realm: &str) -> Option<&RealmNames> {
        let mut names = self.names.iter();
        names.find(|(own, _)| own == realm).map(|(_, names)| names)
    }
}

fn error(reader: &Reader, (place, problem): Located) -> Error {
    Unavailability::Krb5Conf {
        origin: reader.name(place.file).map(Path::to_path_buf),
        line: Some(place.line).filter(|&line| line > 0),
        problem,
    }
    .into()
}

#[cfg(test)]
mod tests;
