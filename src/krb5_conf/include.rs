//! The files of a configuration, and those that they include.

use std::path::{Path, PathBuf};

use super::profile::{Directive, Located, Place, Profile};
use crate::error::Krb5ConfProblem as Problem;
use crate::files::{self, TextProblem};

/// How deep files may include each other; a circle ends here.
const MAX_DEPTH: usize = 10;
/// How many files a configuration may have.
const MAX_FILES: usize = 256;

/// Reads files, and remembers their names.
#[derive(Default)]
pub(super) struct Reader {
    names: Vec<Option<PathBuf>>,
    depth: usize,
}

impl Reader {
    /// A file that the caller named.
    pub(super) fn file(&mut self, path: &Path) -> Result<Profile, Located> {
        let mut profile = Profile::default();
        // Errors in reading the file itself are at its line 0.
        let place = Place {
            file: self.names.len(),
            line: 0,
        };
        self.names.push(Some(path.to_path_buf()));
        let text = files::read_text(path).map_err(|problem| (place, problem.into()))?;
        profile.read(&text, place.file, self)?;
        Ok(profile)
    }

    /// A text that the caller has: it includes no file.
    pub(super) fn text(&mut self, text: &str) -> Result<Profile, Located> {
        let mut profile = Profile::default();
        let file = self.names.len();
        self.names.push(None);
        profile.read(text, file, self)?;
        Ok(profile)
    }

    /// The name of a file, if it has one.
    pub(super) fn name(&self, file: usize) -> Option<&Path> {
        self.names.get(file)?.as_deref()
    }

    /// The names of all files, in the order of reading.
    pub(super) fn files(self) -> Vec<PathBuf> {
        self.names.into_iter().flatten().collect()
    }

    /// An `include` line.
    pub(super) fn follow(
        &mut self,
        directive: Directive<'_>,
        place: Place,
        profile: &mut Profile,
    ) -> Result<(), Located> {
        let from_text = self.name(place.file).is_none();
        let (path, paths) = match directive {
            Directive::Module => return Err((place, Problem::Module)),
            Directive::File(_) | Directive::Directory(_) if from_text => {
                return Err((place, Problem::IncludeInText));
            }
            Directive::File(path) => (path, vec![PathBuf::from(path)]),
            Directive::Directory(path) => (path, directory(Path::new(path), place)?),
        };
        // A path that depends on where the server was started is nobody's
        // intention.
        if !Path::new(path).is_absolute() {
            return Err((place, Problem::RelativeInclude));
        }
        if self.depth >= MAX_DEPTH || self.names.len() + paths.len() > MAX_FILES {
            return Err((place, Problem::TooManyIncludes));
        }
        self.depth += 1;
        for path in paths {
            let file = self.names.len();
            let text = files::read_text(&path).map_err(|problem| {
                let problem = Box::new(Problem::from(problem));
                let path = path.clone();
                (place, Problem::Include { path, problem })
            })?;
            self.names.push(Some(path));
            profile.read(&text, file, self)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

impl From<TextProblem> for Problem {
    fn from(problem: TextProblem) -> Self {
        match problem {
            TextProblem::Missing => Self::Missing,
            TextProblem::Unreadable(text) => Self::Unreadable(text),
            TextProblem::TooLarge => Self::TooLarge,
            TextProblem::NotText => Self::NotText,
        }
    }
}

/// The files of a directory that count (krb5.conf(5)): of letters, digits,
/// hyphens and underscores alone, or with a name that ends in `.conf`; none
/// that begins with a dot.
fn directory(path: &Path, place: Place) -> Result<Vec<PathBuf>, Located> {
    let names = files::names_in(path).map_err(|problem| {
        let problem = Box::new(Problem::from(problem));
        let path = path.to_path_buf();
        (place, Problem::Include { path, problem })
    })?;
    let mut names: Vec<String> = names.into_iter().filter(|name| counts(name)).collect();
    names.sort_unstable();
    Ok(names.into_iter().map(|name| path.join(name)).collect())
}

fn counts(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    // The documented ending is this one, in lower case.
    #[allow(clippy::case_sensitive_file_extension_comparisons)]
    let conf = name.ends_with(".conf");
    !name.starts_with('.') && (conf || name.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::counts;

    /// krb5.conf(5), "includedir".
    #[test]
    fn which_files_of_a_directory_count() {
        for name in ["krb5", "10-realm", "a_b", "kdc.conf", "x.y.conf"] {
            assert!(counts(name), "{name}");
        }
        for name in [
            ".conf",
            ".hidden",
            "krb5.conf~",
            "krb5.conf.bak",
            "a b",
            "x.rpmsave",
        ] {
            assert!(!counts(name), "{name}");
        }
    }
}
