//! `auth_to_local`: how principals become names of local accounts
//! (krb5.conf(5), "[realms]"). Read and checked here, applied in `local_names`.

use core::str::FromStr;

/// What a realm's section says of local names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RealmNames {
    pub(super) rules: Vec<LocalNameRule>,
    pub(super) explicit: Vec<(String, String)>,
}

/// One value of `auth_to_local`. The first that applies to a principal gives
/// its local name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalNameRule {
    /// `DEFAULT`: the principal's only component, if its realm is the default
    /// one.
    Default,
    /// `RULE:`: a text made of the principal, tested and edited.
    Template(LocalNameTemplate),
    /// Another kind (`DB:` of older libraries, or one of a plugin), which
    /// this crate does not know: as it is written.
    Other {
        /// What is before the colon, or all of it.
        kind: String,
        /// What is behind it.
        text: String,
    },
}

/// `RULE:[n:string](regexp)s/pattern/replacement/g`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalNameTemplate {
    /// `n` and `string`: the rule is for principals of so many components,
    /// and makes `string` of them, where `$0` is the realm and `$1` the first
    /// component. `None`: for all of them, and the text is the principal
    /// without its realm, whichever that is.
    pub selection: Option<(u32, String)>,
    /// `regexp`: what the text must match, all of it; any text if `None`. A
    /// POSIX extended regular expression.
    pub pattern: Option<String>,
    /// The edits, in order.
    pub substitutions: Vec<Substitution>,
}

/// `s/pattern/replacement/`, with `g` at its end for all places.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Substitution {
    /// What is replaced: a POSIX extended regular expression.
    pub pattern: String,
    /// By what: text as it is, without references to the pattern's parts.
    pub replacement: String,
    /// Whether every place is, or the first alone.
    pub everywhere: bool,
}

const EXPECTED: &str = "DEFAULT or RULE:[n:string](regexp)s/pattern/replacement/g";

impl FromStr for LocalNameRule {
    type Err = &'static str;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value.split_once(':') {
            None if value == "DEFAULT" => Ok(Self::Default),
            Some(("RULE", rule)) => LocalNameTemplate::parse(rule)
                .map(Self::Template)
                .ok_or(EXPECTED),
            Some((kind, text)) => Ok(Self::Other {
                kind: kind.to_owned(),
                text: text.to_owned(),
            }),
            None => Ok(Self::Other {
                kind: value.to_owned(),
                text: String::new(),
            }),
        }
    }
}

impl LocalNameTemplate {
    fn parse(rule: &str) -> Option<Self> {
        let mut template = Self::default();
        let mut rest = rule;
        if let Some(inner) = rest.strip_prefix('[') {
            let (selection, behind) = inner.split_once(']')?;
            let (count, text) = selection.split_once(':')?;
            let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
            let count = count.parse().ok().filter(|_| digits)?;
            // A component that the principal does not have makes no name.
            if !references(text).all(|part| part.is_some_and(|part| part <= count)) {
                return None;
            }
            template.selection = Some((count, text.to_owned()));
            rest = behind;
        }
        if let Some(inner) = rest.strip_prefix('(') {
            // The first parenthesis ends it: MIT krb5 knows no nested ones.
            let (pattern, behind) = inner.split_once(')')?;
            template.pattern = Some(pattern.to_owned());
            rest = behind;
        }
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return Some(template);
            }
            let inner = rest.strip_prefix("s/")?;
            let (pattern, behind) = inner.split_once('/')?;
            let (replacement, behind) = behind.split_once('/')?;
            let everywhere = behind.starts_with('g');
            template.substitutions.push(Substitution {
                pattern: pattern.to_owned(),
                replacement: replacement.to_owned(),
                everywhere,
            });
            rest = behind.strip_prefix('g').unwrap_or(behind);
        }
    }
}

/// The numbers behind each `$` of a selection's string; `None` for one that
/// is no number.
fn references(text: &str) -> impl Iterator<Item = Option<u32>> {
    text.split('$').skip(1).map(|part| {
        let end = part.bytes().take_while(u8::is_ascii_digit).count();
        part.get(..end)?.parse().ok()
    })
}
