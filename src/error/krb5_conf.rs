//! What is wrong with a krb5.conf.

use core::fmt;
use std::path::PathBuf;

use crate::error::Printable;

/// What is wrong with a krb5.conf, or a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Krb5ConfProblem {
    /// There is no such file.
    Missing,
    /// The file cannot be read; with the system's words.
    Unreadable(String),
    /// It is longer than any krb5.conf may be.
    TooLarge,
    /// It is not UTF-8.
    NotText,
    /// A relation before the first `[section]`.
    BeforeSection,
    /// A section's name that is none.
    Section,
    /// A line that is no relation.
    Relation,
    /// A `{` that does not end its line.
    InlineBrace,
    /// An empty value that no `{` follows.
    MissingBrace,
    /// A `}` that closes nothing.
    ExtraBrace,
    /// A subsection that is not closed.
    Unclosed,
    /// A value in quotation marks that does not end with one.
    Quotes,
    /// Sections that lie too deep in each other.
    TooDeep,
    /// A `module` line: a library that would answer in the file's place.
    Module,
    /// An `include` in a text that is no file.
    IncludeInText,
    /// An `include` of a path that is not absolute.
    RelativeInclude,
    /// Files that include each other too deep, or too many of them.
    TooManyIncludes,
    /// A file or directory that is included and cannot be read.
    Include {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: Box<Krb5ConfProblem>,
    },
    /// A value that is not what its relation takes.
    Value {
        /// The relation.
        relation: &'static str,
        /// Its value.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
}

impl fmt::Display for Krb5ConfProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no such file",
            Self::Unreadable(text) => return write!(f, "cannot be read ({text})"),
            Self::TooLarge => "too large for a krb5.conf",
            Self::NotText => "not UTF-8",
            Self::BeforeSection => {
                "a relation before any [section], where libraries pass over it in silence; begin \
                 the first section in the first column"
            }
            Self::Section => "not a section's name; write [name]",
            Self::Relation => "not a relation; write name = value",
            Self::InlineBrace => "a { must end its line; write the subsection in lines of its own",
            Self::MissingBrace => "the relation above has no value, so this line must be {",
            Self::ExtraBrace => "this } closes nothing",
            Self::Unclosed => "a subsection is not closed; write its } in a line of its own",
            Self::Quotes => "a value in quotation marks must end with one, and nothing behind it",
            Self::TooDeep => "sections lie too deep in each other",
            Self::Module => "a library is not loaded; write the settings into the file",
            Self::IncludeInText => "a text that is no file includes none; use Krb5Conf::open",
            Self::RelativeInclude => "an included path must be absolute",
            Self::TooManyIncludes => "too many files, or files that include each other",
            Self::Include { path, problem } => {
                return write!(f, "the included '{}': {problem}", path.display());
            }
            Self::Value {
                relation,
                value,
                expected,
            } => {
                let value = Printable(value);
                return write!(f, "{relation} = {value}: it takes {expected}");
            }
        })
    }
}
