//! A source file as the rules see it: without comments, with and without the
//! contents of its strings, and with its test code marked.

use std::path::Path;

/// A file, its path relative to the package.
pub struct Source {
    pub path: String,
    /// Comments blanked out, line for line.
    pub text: Vec<String>,
    /// Comments and what is in literals blanked out.
    pub code: Vec<String>,
    /// Whether a line belongs to test code.
    pub test: Vec<bool>,
}

/// A function's name, its first line (from 1), and how many lines it has.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Source {
    pub fn new(path: &str, content: &str) -> Self {
        let (text, code) = blank(content);
        let split = |all: &str| all.lines().map(str::to_owned).collect::<Vec<_>>();
        let (text, code) = (split(&text), split(&code));
        let test = mark_tests(&code);
        Self {
            path: path.to_owned(),
            text,
            code,
            test,
        }
    }

    /// All Rust files under `directories`, with whole test modules marked.
    pub fn read_all(root: &Path, directories: &[&str]) -> Vec<Self> {
        let mut sources = Vec::new();
        for directory in directories {
            read_into(root, &root.join(directory), &mut sources);
        }
        let tests: Vec<String> = sources.iter().flat_map(Self::test_modules).collect();
        for source in &mut sources {
            if tests.iter().any(|test| source.is_module(test)) {
                source.test.fill(true);
            }
        }
        sources
    }

    /// Whether this file is the module at `path` (without `.rs`) or below it.
    fn is_module(&self, path: &str) -> bool {
        self.path
            .strip_prefix(path)
            .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    /// The modules in files of their own that only a test build has.
    fn test_modules(&self) -> Vec<String> {
        let directory = self
            .path
            .trim_end_matches("/mod.rs")
            .trim_end_matches(".rs");
        let declared = self.code.windows(2).filter_map(|lines| {
            let [attribute, module] = lines else {
                return None;
            };
            if attribute.trim() != "#[cfg(test)]" {
                return None;
            }
            module.trim().strip_prefix("mod ")?.strip_suffix(';')
        });
        declared.map(|name| format!("{directory}/{name}")).collect()
    }

    /// The module path of this file, from `crate` on.
    pub fn module(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let path = path.strip_prefix("src/").unwrap_or(path);
        let mut module = vec!["crate".to_owned()];
        module.extend(
            path.split('/')
                .filter(|part| *part != "lib")
                .map(Into::into),
        );
        module
    }

    /// Lines of code that are not test code.
    pub fn length(&self) -> usize {
        self.test.iter().filter(|test| !**test).count()
    }

    /// Every path of the crate that is named outside of test code: its line
    /// and its parts from `crate` on.
    pub fn imports(&self) -> Vec<(usize, Vec<String>)> {
        let module = self.module();
        let mut found = Vec::new();
        let mut lines = self.code.iter().zip(&self.test).enumerate();
        while let Some((index, (line, test))) = lines.next() {
            if *test {
                continue;
            }
            let trimmed = line.trim_start();
            let is_use = ["use ", "pub use "]
                .iter()
                .any(|start| trimmed.starts_with(start))
                || (trimmed.starts_with("pub(") && trimmed.contains(") use "));
            if !is_use {
                found.extend(inline_paths(line, &module).map(|path| (index + 1, path)));
                continue;
            }
            let mut statement = line.clone();
            while !statement.contains(';') {
                let Some((_, (next, _))) = lines.next() else {
                    break;
                };
                statement.push_str(next);
            }
            let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
            let tree = tree.trim_end().trim_end_matches(';');
            let mut paths = Vec::new();
            flatten("", tree, &mut paths);
            found.extend(
                paths
                    .iter()
                    .filter_map(|path| resolve(path, &module))
                    .map(|path| (index + 1, path)),
            );
        }
        found
    }

    /// The functions that are not test code.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (index, line) in self.code.iter().enumerate() {
            let Some(name) = function_name(line).filter(|_| !self.test[index]) else {
                continue;
            };
            if let Some(end) = block_end(&self.code, index) {
                functions.push(Function {
                    name: name.to_owned(),
                    line: index + 1,
                    lines: end - index + 1,
                });
            }
        }
        functions
    }

    /// The lines on which `word` stands as a word of its own.
    pub fn lines_with(&self, word: &str) -> impl Iterator<Item = usize> {
        let has = |line: &str| {
            line.match_indices(word).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + word.len()..].chars().next();
                let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !part(before) && (!part(after) || !word.ends_with(char::is_alphanumeric))
            })
        };
        let hits = self.code.iter().enumerate().filter(|(_, line)| has(line));
        hits.map(|(index, _)| index + 1)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

fn read_into(root: &Path, directory: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("target") {
            read_into(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let content = std::fs::read_to_string(&path).unwrap();
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            sources.push(Source::new(&relative.replace('\\', "/"), &content));
        }
    }
}

/// The text without comments, and the same without what is in literals; both
/// with every line where it was.
fn blank(content: &str) -> (String, String) {
    let (mut text, mut code) = (String::new(), String::new());
    let mut rest = content;
    while !rest.is_empty() {
        let (kind, length) = token(rest);
        let (taken, after) = rest.split_at(length);
        let blanked: String = taken
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        match kind {
            Kind::Code => {
                text.push_str(taken);
                code.push_str(taken);
            }
            Kind::Comment => {
                text.push_str(&blanked);
                code.push_str(&blanked);
            }
            Kind::Literal => {
                text.push_str(taken);
                code.push_str(&blanked);
            }
        }
        rest = after;
    }
    (text, code)
}

enum Kind {
    Code,
    Comment,
    Literal,
}

/// What the text begins with, and how long that is.
fn token(rest: &str) -> (Kind, usize) {
    let until = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, until("*/"));
    }
    for (open, close) in [("r\"", "\""), ("r#\"", "\"#"), ("r##\"", "\"##")] {
        for prefix in ["", "b"] {
            if let Some(inside) = rest.strip_prefix(prefix).and_then(|r| r.strip_prefix(open)) {
                let start = prefix.len() + open.len();
                let end = inside
                    .find(close)
                    .map_or(rest.len(), |at| start + at + close.len());
                return (Kind::Literal, end);
            }
        }
    }
    if rest.starts_with('"') {
        return (Kind::Literal, quoted(rest, '"').unwrap_or(rest.len()));
    }
    if rest.starts_with('\'')
        && let Some(length) = quoted(rest, '\'')
        && (rest[1..].starts_with('\\') || rest[1..length - 1].chars().count() == 1)
    {
        return (Kind::Literal, length);
    }
    // A whole word at once, so that the `r` of a name starts no string.
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|at| *at > 0);
    let one = rest.chars().next().map_or(1, char::len_utf8);
    (Kind::Code, word.unwrap_or(one))
}

/// The length of a literal between quotes, escapes heeded.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn mark_tests(code: &[String]) -> Vec<bool> {
    let mut test = vec![false; code.len()];
    for (index, line) in code.iter().enumerate() {
        let attribute = line.trim();
        if attribute == "#[cfg(test)]" || attribute == "#[test]" {
            let end = block_end(code, index).unwrap_or(index);
            test[index..=end].fill(true);
        }
    }
    test
}

/// The line of the brace that closes the first block from `start` on; none if
/// the item ends without one.
fn block_end(code: &[String], start: usize) -> Option<usize> {
    let (mut depth, mut inner) = (0_usize, 0_usize);
    for (index, line) in code.iter().enumerate().skip(start) {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(index);
                    }
                }
                '(' | '[' => inner += 1,
                ')' | ']' => inner = inner.saturating_sub(1),
                ';' if depth == 0 && inner == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

/// The name of the function that a line begins.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let start = before.trim_end();
    let modifier = ["", "pub", "const", "async", "extern", "unsafe"];
    if !modifier
        .iter()
        .any(|word| start.ends_with(word) && (!word.is_empty() || start.is_empty()))
        && !start.ends_with(')')
    {
        return None;
    }
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    (end > 0).then(|| &after[..end])
}

/// The single paths of a `use` tree.
fn flatten(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim();
        paths.push(format!("{prefix}{path}"));
        return;
    };
    let group = group.trim().strip_suffix('}').unwrap_or(group);
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    flatten(&prefix, &group[start..at], paths);
                }
                start = (at + 1).min(group.len());
            }
            _ => {}
        }
    }
}

/// A path from `crate` on, if it is one of this crate's.
fn resolve(path: &str, module: &[String]) -> Option<Vec<String>> {
    let mut parts = path.split("::").map(str::trim).peekable();
    let mut base: Vec<String> = match *parts.peek()? {
        "crate" => {
            parts.next();
            vec!["crate".to_owned()]
        }
        "self" => {
            parts.next();
            module.to_vec()
        }
        "super" => module.to_vec(),
        _ => return None,
    };
    while parts.next_if(|part| *part == "super").is_some() {
        base.pop();
    }
    base.extend(parts.filter(|part| *part != "self").map(Into::into));
    Some(base)
}

/// Paths that start with `crate::` or `super::` in the middle of code.
fn inline_paths<'a>(line: &'a str, module: &'a [String]) -> impl Iterator<Item = Vec<String>> + 'a {
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    words
        .filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
        .filter_map(move |word| resolve(word.trim_end_matches(':'), module))
}
