//! Which local account a client's name means. The answer is a type of its own,
//! so that nobody takes `alice` of one realm for `alice` of another by
//! comparing texts.

#[cfg(feature = "krb5-conf")]
mod regex;
#[cfg(feature = "krb5-conf")]
mod rules;
#[cfg(all(feature = "unix", unix))]
mod unix;

#[cfg(all(feature = "unix", unix))]
pub use self::unix::UnixAccount;

use core::fmt;

use crate::context::Context;
use crate::name::{Name, Principal};

/// The name of an account on this machine. Made by [`LocalNames`]; nothing
/// says that there is such an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalName(String);

/// Longer than any system's: `LOGIN_NAME_MAX` is 256.
const MAX_NAME: usize = 255;

impl LocalName {
    /// A name as a system may have it. `None` for an empty or overlong text, for
    /// one that begins with a hyphen or a dot, and for one with control
    /// characters, white space, a slash, a backslash, a colon or a comma: what
    /// separates fields and paths where account names are used.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=MAX_NAME).contains(&name.len()) && !name.starts_with(['-', '.']);
        let breaks = |c: char| c.is_control() || c.is_whitespace() || "/\\:,".contains(c);
        (fits && !name.contains(breaks)).then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for LocalName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Maps clients to local accounts. The first way that has a name for a client
/// gives it; a client that none has a name for has none.
///
/// ```
/// use gss_acceptor::{LocalNames, Name};
///
/// // alice@EXAMPLE.COM is the local alice; whoever is from elsewhere is nobody.
/// let names = LocalNames::strip_realm("EXAMPLE.COM");
/// let alice = Name::Kerberos("alice@EXAMPLE.COM".parse()?);
/// assert_eq!(names.map(&alice).expect("of this realm").as_str(), "alice");
/// assert_eq!(names.map(&Name::Kerberos("alice@OTHER.COM".parse()?)), None);
/// # Ok::<(), gss_acceptor::Error>(())
/// ```
#[derive(Default)]
pub struct LocalNames {
    ways: Vec<Box<Way>>,
}

/// One way to a name. `Decided(None)`: the client has none, and no later way is
/// asked.
type Way = dyn Fn(&Name) -> Mapped + Send + Sync;

/// What a way says.
enum Mapped {
    /// Ask the next one.
    NotMine,
    Decided(Option<LocalName>),
}

impl LocalNames {
    /// The only component of a principal of this realm is the account's name.
    /// Principals with several components (`alice/admin`) have none.
    #[must_use]
    pub fn strip_realm(realm: &str) -> Self {
        Self::default().or_strip_realm(realm)
    }

    /// As [`strip_realm`](Self::strip_realm), where the ways so far have no
    /// name. Mind that accounts of one name in two realms become one account.
    #[must_use]
    pub fn or_strip_realm(self, realm: &str) -> Self {
        let realm = realm.to_owned();
        self.or_way(move |name| match kerberos(name) {
            Some(principal) if principal.realm() == realm.as_bytes() => only_component(principal)
                .map_or(Mapped::NotMine, |name| Mapped::Decided(Some(name))),
            _ => Mapped::NotMine,
        })
    }

    /// Asks a closure: a table, a directory that has been read.
    #[must_use]
    pub fn from_fn(ask: impl Fn(&Name) -> Option<LocalName> + Send + Sync + 'static) -> Self {
        Self::default().or_fn(ask)
    }

    /// As [`from_fn`](Self::from_fn), where the ways so far have no name.
    #[must_use]
    pub fn or_fn(self, ask: impl Fn(&Name) -> Option<LocalName> + Send + Sync + 'static) -> Self {
        self.or_way(move |name| match ask(name) {
            None => Mapped::NotMine,
            found => Mapped::Decided(found),
        })
    }

    fn or_way(mut self, way: impl Fn(&Name) -> Mapped + Send + Sync + 'static) -> Self {
        self.ways.push(Box::new(way));
        self
    }

    /// The local account of a client. Anonymous clients have none.
    #[must_use]
    pub fn map(&self, name: &Name) -> Option<LocalName> {
        if matches!(name, Name::Anonymous) || kerberos(name).is_some_and(Principal::is_anonymous) {
            return None;
        }
        self.ways.iter().find_map(|way| match way(name) {
            Mapped::NotMine => None,
            Mapped::Decided(found) => Some(found),
        })?
    }
}

impl fmt::Debug for LocalNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalNames({} ways)", self.ways.len())
    }
}

impl Context {
    /// The local account of the client, if these names have one.
    #[must_use]
    pub fn local_name(&self, names: &LocalNames) -> Option<LocalName> {
        names.map(self.peer())
    }
}

fn kerberos(name: &Name) -> Option<&Principal> {
    match name {
        Name::Kerberos(principal) => Some(principal),
        _ => None,
    }
}

/// The principal's only component, as text.
fn only_component(principal: &Principal) -> Option<LocalName> {
    let mut components = principal.components();
    let (only, None) = (components.next()?, components.next()) else {
        return None;
    };
    LocalName::new(core::str::from_utf8(only).ok()?)
}

#[cfg(test)]
mod tests;
