//! `auth_to_local` and `auth_to_local_names` of a krb5.conf, applied
//! (krb5.conf(5), "[realms]").

use super::regex::Regex;
use super::{LocalName, LocalNames, Mapped, kerberos, only_component};
use crate::error::{Error, Misuse};
use crate::krb5_conf::{Krb5Conf, LocalNameRule, LocalNameTemplate};
use crate::name::Principal;

/// Names that are longer are nobody's: no expression is tried on them.
const MAX_TEXT: usize = 256;

/// A rule with its expressions compiled.
enum Rule {
    /// The only component of a principal of this realm.
    Default(String),
    Template(Template),
}

struct Template {
    selection: Option<(usize, String)>,
    pattern: Option<Regex>,
    substitutions: Vec<Edit>,
}

struct Edit {
    pattern: Regex,
    replacement: String,
    everywhere: bool,
}

impl LocalNames {
    /// As MIT krb5 maps names where `realm` is the default realm: by
    /// `auth_to_local_names` of its section, else by the first `auth_to_local`
    /// that applies, else by `DEFAULT` if there are none.
    ///
    /// ```
    /// use gss_acceptor::{Krb5Conf, LocalNames, Name};
    ///
    /// let conf = Krb5Conf::parse(
    ///     "[realms]
    ///      EXAMPLE.COM = {
    ///        auth_to_local = RULE:[2:$1;$2](^.*;admin$)s/;admin$/-admin/
    ///        auth_to_local = DEFAULT
    ///      }",
    /// )?;
    /// let names = LocalNames::from_krb5_conf(&conf, "EXAMPLE.COM")?;
    /// let admin = Name::Kerberos("alice/admin@EXAMPLE.COM".parse()?);
    /// assert_eq!(names.map(&admin).expect("by the rule").as_str(), "alice-admin");
    /// # Ok::<(), gss_acceptor::Error>(())
    /// ```
    ///
    /// Expressions are POSIX' extended ones without back-references. A result
    /// that is no [`LocalName`] is none, and so is one for a client whose name
    /// is not UTF-8 or longer than 256 bytes.
    ///
    /// # Errors
    ///
    /// [`Misuse::LocalNameRule`] for a rule of another kind, or an expression
    /// that is not one.
    pub fn from_krb5_conf(conf: &Krb5Conf, realm: &str) -> Result<Self, Error> {
        let explicit = conf.auth_to_local_names(realm).to_vec();
        let default = realm.to_owned();
        let names = Self::default().or_way(move |name| {
            let own = kerberos(name).filter(|it| it.realm() == default.as_bytes());
            let text = own.map(without_realm);
            let found = explicit
                .iter()
                .find(|(from, _)| Some(from) == text.as_ref());
            found.map_or(Mapped::NotMine, |(_, to)| {
                Mapped::Decided(LocalName::new(to))
            })
        });
        let rules = conf.auth_to_local(realm);
        let mut compiled = Vec::with_capacity(rules.len().max(1));
        for rule in rules {
            compiled.push(match rule {
                LocalNameRule::Default => Rule::Default(realm.to_owned()),
                LocalNameRule::Template(template) => Rule::Template(Template::compile(template)?),
                LocalNameRule::Other { kind, .. } => {
                    return Err(unusable(kind, "of a kind that is not supported"));
                }
            });
        }
        if compiled.is_empty() {
            compiled.push(Rule::Default(realm.to_owned()));
        }
        Ok(names.or_way(move |name| {
            let Some(principal) = kerberos(name) else {
                return Mapped::NotMine;
            };
            // The first rule that applies decides, also where what it makes is
            // no name.
            let mut found = compiled.iter().map(|rule| rule.apply(principal));
            found
                .find(|found| matches!(found, Mapped::Decided(_)))
                .unwrap_or(Mapped::NotMine)
        }))
    }
}

fn unusable(rule: &str, problem: &'static str) -> Error {
    Misuse::LocalNameRule {
        rule: rule.to_owned(),
        problem,
    }
    .into()
}

/// The name as `krb5_unparse_name` writes it, without the realm.
fn without_realm(principal: &Principal) -> String {
    let components: Vec<&[u8]> = principal.components().collect();
    Principal::new("", &components, principal.name_type()).to_string()
}

impl Rule {
    fn apply(&self, principal: &Principal) -> Mapped {
        match self {
            Self::Default(realm) if principal.realm() == realm.as_bytes() => {
                match only_component(principal) {
                    None => Mapped::NotMine,
                    found => Mapped::Decided(found),
                }
            }
            Self::Default(_) => Mapped::NotMine,
            Self::Template(template) => template.apply(principal),
        }
    }
}

impl Template {
    fn compile(rule: &LocalNameTemplate) -> Result<Self, Error> {
        let regex =
            |pattern: &String| Regex::new(pattern).map_err(|problem| unusable(pattern, problem));
        let selection = match &rule.selection {
            None => None,
            Some((count, text)) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                Some((count, text.clone()))
            }
        };
        let substitutions = rule.substitutions.iter().map(|edit| {
            Ok(Edit {
                pattern: regex(&edit.pattern)?,
                replacement: edit.replacement.clone(),
                everywhere: edit.everywhere,
            })
        });
        Ok(Self {
            selection,
            pattern: rule.pattern.as_ref().map(regex).transpose()?,
            substitutions: substitutions.collect::<Result<_, Error>>()?,
        })
    }

    fn apply(&self, principal: &Principal) -> Mapped {
        let text = match &self.selection {
            None => without_realm(principal),
            Some((count, _)) if principal.components().len() != *count => return Mapped::NotMine,
            Some((_, format)) => match select(format, principal) {
                Some(text) => text,
                None => return Mapped::Decided(None),
            },
        };
        if text.len() > MAX_TEXT {
            return Mapped::Decided(None);
        }
        let pattern = self.pattern.as_ref();
        if pattern.is_some_and(|pattern| !pattern.matches(&text)) {
            return Mapped::NotMine;
        }
        let mut text = text;
        for edit in &self.substitutions {
            text = edit.apply(&text);
            if text.len() > MAX_TEXT {
                return Mapped::Decided(None);
            }
        }
        Mapped::Decided(LocalName::new(&text))
    }
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        let mut edited = String::with_capacity(text.len() + self.replacement.len());
        let mut rest = text;
        loop {
            // An empty match would be one again and again.
            let found = self.pattern.find(rest);
            let Some(found) = found.filter(|found| !found.is_empty() || !self.everywhere) else {
                edited.push_str(rest);
                return edited;
            };
            edited.push_str(rest.get(..found.start).unwrap_or_default());
            edited.push_str(&self.replacement);
            rest = rest.get(found.end..).unwrap_or_default();
            if !self.everywhere || rest.is_empty() {
                edited.push_str(rest);
                return edited;
            }
        }
    }
}

/// The text of a selection: `$0` is the realm, `$1` the first component.
/// `None` for a name that is not UTF-8.
fn select(format: &str, principal: &Principal) -> Option<String> {
    let mut parts = format.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at_checked(digits)?;
        let bytes = match number.parse::<usize>().ok()?.checked_sub(1) {
            None => principal.realm(),
            Some(index) => principal.components().nth(index)?,
        };
        text.push_str(core::str::from_utf8(bytes).ok()?);
        text.push_str(rest);
    }
    Some(text)
}
