//! The text of a krb5.conf: sections, relations, subsections (krb5.conf(5),
//! "STRUCTURE"). What MIT krb5 passes over in silence and an administrator
//! cannot have meant is an error here.

use super::include::Reader;
use crate::error::Krb5ConfProblem as Problem;

/// How deep sections may lie in each other.
const MAX_DEPTH: usize = 16;

/// Where something was written: which file, which line of it, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) line: usize,
}

/// What is wrong, and where.
pub(super) type Located = (Place, Problem);

/// Whether later files may add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finality {
    Open,
    Final,
}

#[derive(Debug)]
enum Value {
    Relation(String),
    Section(Vec<Node>),
}

#[derive(Debug)]
struct Node {
    name: String,
    place: Place,
    value: Value,
    finality: Finality,
}

/// A relation's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relation<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) place: Place,
}

/// What one file says, and those that it includes.
#[derive(Debug, Default)]
pub(super) struct Profile {
    root: Vec<Node>,
}

/// The files of a configuration, in order: for a relation that is to have one
/// value, the first one's counts.
#[derive(Debug, Default)]
pub(super) struct Profiles(pub(super) Vec<Profile>);

impl Profiles {
    /// The relations of a section, those of all files, until one that is
    /// final: `section` itself, a section around it, or the name asked for.
    fn walk<'a>(&'a self, section: &[&str], name: Option<&str>) -> Vec<&'a Node> {
        let mut found = Vec::new();
        for profile in &self.0 {
            let mut nodes = &profile.root;
            let mut last = Finality::Open;
            let mut there = true;
            for step in section {
                let inner = nodes.iter().find_map(|node| match &node.value {
                    Value::Section(inner) if node.name == *step => Some((inner, node.finality)),
                    _ => None,
                });
                let Some((inner, finality)) = inner else {
                    there = false;
                    break;
                };
                nodes = inner;
                if finality == Finality::Final {
                    last = Finality::Final;
                }
            }
            if there {
                let named = |node: &&Node| name.is_none_or(|name| node.name == name);
                for node in nodes.iter().filter(named) {
                    if node.finality == Finality::Final && name.is_some() {
                        last = Finality::Final;
                    }
                    found.push(node);
                }
            }
            if last == Finality::Final {
                break;
            }
        }
        found
    }

    /// The values of a relation, in order.
    pub(super) fn values<'a>(&'a self, section: &[&str], name: &str) -> Vec<Relation<'a>> {
        relations(self.walk(section, Some(name)))
    }

    /// The first of them, which is the one that counts.
    pub(super) fn value<'a>(&'a self, section: &[&str], name: &str) -> Option<Relation<'a>> {
        self.values(section, name).into_iter().next()
    }

    /// All relations of a section.
    pub(super) fn relations<'a>(&'a self, section: &[&str]) -> Vec<Relation<'a>> {
        relations(self.walk(section, None))
    }

    /// The names of a section's subsections, each once, and where they begin.
    pub(super) fn subsections<'a>(&'a self, section: &[&str]) -> Vec<(&'a str, Place)> {
        let mut names: Vec<(&str, Place)> = Vec::new();
        for node in self.walk(section, None) {
            if matches!(node.value, Value::Section(_))
                && names.iter().all(|(name, _)| *name != node.name)
            {
                names.push((&node.name, node.place));
            }
        }
        names
    }
}

fn relations(nodes: Vec<&Node>) -> Vec<Relation<'_>> {
    nodes
        .into_iter()
        .filter_map(|node| match &node.value {
            Value::Relation(value) => Some(Relation {
                name: &node.name,
                value,
                place: node.place,
            }),
            Value::Section(_) => None,
        })
        .collect()
}

impl Profile {
    /// Reads the text of one file into the profile; `include` lines are
    /// followed by `reader`.
    ///
    /// # Errors
    ///
    /// The first line that makes no sense.
    pub(super) fn read(
        &mut self,
        text: &str,
        file: usize,
        reader: &mut Reader,
    ) -> Result<(), Located> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut state = State {
            open: Vec::new(),
            awaits_brace: false,
        };
        let mut place = Place { file, line: 0 };
        for line in text.lines() {
            place.line += 1;
            let at = |problem| (place, problem);
            if let Some(directive) = Directive::of(line) {
                reader.follow(directive, place, self)?;
                continue;
            }
            state.line(self, line.trim(), place).map_err(at)?;
        }
        if state.awaits_brace || state.open.len() > 1 {
            return Err((place, Problem::Unclosed));
        }
        Ok(())
    }
}

/// A line that names another file. It begins at the line's first column.
#[derive(Clone, Copy)]
pub(super) enum Directive<'a> {
    File(&'a str),
    Directory(&'a str),
    /// A library that would answer in the file's place.
    Module,
}

impl<'a> Directive<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (word, rest) = line.split_once(|c: char| c.is_ascii_whitespace())?;
        let rest = rest.trim();
        match word {
            "include" => Some(Self::File(rest)),
            "includedir" => Some(Self::Directory(rest)),
            "module" => Some(Self::Module),
            _ => None,
        }
    }
}

/// Where the parser is: the way to the section that is open.
struct State {
    open: Vec<String>,
    awaits_brace: bool,
}

impl State {
    fn line(&mut self, profile: &mut Profile, line: &str, place: Place) -> Result<(), Problem> {
        if self.awaits_brace {
            self.awaits_brace = false;
            return match line {
                "{" => Ok(()),
                _ => Err(Problem::MissingBrace),
            };
        }
        match line.chars().next() {
            None | Some('#' | ';') => Ok(()),
            Some('[') => self.section(profile, line, place),
            Some('}') => self.close(profile, line),
            Some(_) => self.relation(profile, line, place),
        }
    }

    fn section(&mut self, profile: &mut Profile, line: &str, place: Place) -> Result<(), Problem> {
        if self.open.len() > 1 {
            return Err(Problem::Unclosed);
        }
        let (name, rest) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once(']'))
            .ok_or(Problem::Section)?;
        let finality = match rest.trim() {
            "" => Finality::Open,
            "*" if rest.starts_with('*') => Finality::Final,
            _ => return Err(Problem::Section),
        };
        if name.is_empty() {
            return Err(Problem::Section);
        }
        self.open = vec![name.to_owned()];
        add_section(&mut profile.root, name, place, finality);
        Ok(())
    }

    /// Whatever follows the brace is passed over, as MIT krb5 does; a `*`
    /// makes the subsection final.
    fn close(&mut self, profile: &mut Profile, line: &str) -> Result<(), Problem> {
        if self.open.len() < 2 {
            return Err(Problem::ExtraBrace);
        }
        if line.starts_with("}*") {
            let inner = self.open.pop();
            let outer = find(&mut profile.root, &self.open);
            let section = outer.and_then(|nodes| {
                nodes.iter_mut().find(|node| {
                    Some(&node.name) == inner.as_ref() && matches!(node.value, Value::Section(_))
                })
            });
            if let Some(section) = section {
                section.finality = Finality::Final;
            }
            return Ok(());
        }
        self.open.pop();
        Ok(())
    }

    fn relation(&mut self, profile: &mut Profile, line: &str, place: Place) -> Result<(), Problem> {
        if self.open.is_empty() {
            return Err(Problem::BeforeSection);
        }
        let (tag, value) = line.split_once('=').ok_or(Problem::Relation)?;
        let tag = tag.trim_end();
        let (name, finality) = match tag.split_once('*') {
            Some((name, "")) => (name, Finality::Final),
            Some(_) => return Err(Problem::Relation),
            None => (tag, Finality::Open),
        };
        if name.is_empty() || name.contains(|c: char| c.is_ascii_whitespace()) {
            return Err(Problem::Relation);
        }
        let value = value.trim();
        let nodes = find(&mut profile.root, &self.open).ok_or(Problem::Relation)?;
        if value.is_empty() || value == "{" {
            if self.open.len() >= MAX_DEPTH {
                return Err(Problem::TooDeep);
            }
            self.awaits_brace = value.is_empty();
            add_section(nodes, name, place, finality);
            self.open.push(name.to_owned());
            return Ok(());
        }
        if value.starts_with('{') {
            return Err(Problem::InlineBrace);
        }
        nodes.push(Node {
            name: name.to_owned(),
            place,
            value: Value::Relation(unquote(value)?),
            finality,
        });
        Ok(())
    }
}

/// Sections of one name are one section.
fn add_section(nodes: &mut Vec<Node>, name: &str, place: Place, finality: Finality) {
    let same = |node: &&mut Node| node.name == name && matches!(node.value, Value::Section(_));
    match nodes.iter_mut().find(same) {
        Some(node) if finality == Finality::Final => node.finality = finality,
        Some(_) => {}
        None => nodes.push(Node {
            name: name.to_owned(),
            place,
            value: Value::Section(Vec::new()),
            finality,
        }),
    }
}

fn find<'a>(root: &'a mut Vec<Node>, path: &[String]) -> Option<&'a mut Vec<Node>> {
    let mut nodes = root;
    for step in path {
        nodes = nodes.iter_mut().find_map(|node| match &mut node.value {
            Value::Section(inner) if node.name == *step => Some(inner),
            _ => None,
        })?;
    }
    Some(nodes)
}

/// A value in quotation marks keeps its blanks, and `\n`, `\t`, `\b` are what
/// they are in C.
fn unquote(value: &str) -> Result<String, Problem> {
    let Some(quoted) = value.strip_prefix('"') else {
        return Ok(value.to_owned());
    };
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().trim().is_empty() => return Ok(text),
            '"' => return Err(Problem::Quotes),
            '\\' => match characters.next().ok_or(Problem::Quotes)? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'b' => text.push('\u{8}'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    Err(Problem::Quotes)
}
