//! POSIX extended regular expressions (IEEE 1003.1, 9.4), without
//! back-references: what a krb5.conf may hold. All matches are found in step,
//! so that none takes longer than text times expression, and the longest of
//! the leftmost is the one that counts, as POSIX has it.

use core::iter::Peekable;
use core::ops::Range;
use core::str::Chars;

/// The longest program: repetitions are spelt out.
const MAX_STEPS: usize = 2048;
/// Parentheses in parentheses.
const MAX_DEPTH: usize = 32;

/// An expression, made ready.
pub(super) struct Regex {
    program: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    /// One character of the set, then the next step.
    One(Set),
    /// Both are ways to go on.
    Split(usize, usize),
    Jump(usize),
    Begin,
    End,
    Done,
}

#[derive(Clone)]
enum Set {
    Any,
    Is(char),
    Of {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Set {
    fn has(&self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::Is(own) => *own == character,
            Self::Of { ranges, negated } => {
                let within = |(from, to): &(char, char)| (*from..=*to).contains(&character);
                ranges.iter().any(within) != *negated
            }
        }
    }
}

type Parsed<T> = Result<T, &'static str>;

impl Regex {
    /// Reads an expression; what POSIX leaves undefined is refused.
    pub(super) fn new(pattern: &str) -> Parsed<Self> {
        let mut parser = Parser {
            rest: pattern.chars().peekable(),
            depth: 0,
        };
        let mut program = parser.alternatives()?;
        if parser.rest.peek().is_some() {
            return Err("it has a parenthesis too many");
        }
        program.push(Step::Done);
        Ok(Self { program })
    }

    /// Whether all of the text is a match.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.longest(text, 0) == Some(text.len())
    }

    /// The longest of the leftmost matches.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let starts = text.char_indices().map(|(start, _)| start);
        starts
            .chain([text.len()])
            .find_map(|start| Some(start..self.longest(text, start)?))
    }

    /// Where the longest match that begins here ends.
    fn longest(&self, text: &str, start: usize) -> Option<usize> {
        let mut longest = None;
        let mut at = start;
        let mut states = States::new(self.program.len());
        self.enter(&mut states, 0, at, text);
        loop {
            if states.done {
                longest = Some(at);
            }
            let next = text.get(at..).and_then(|rest| rest.chars().next());
            let Some(character) = next.filter(|_| !states.list.is_empty()) else {
                return longest;
            };
            at += character.len_utf8();
            let mut following = States::new(self.program.len());
            for index in states.list {
                if let Some(Step::One(set)) = self.program.get(index)
                    && set.has(character)
                {
                    self.enter(&mut following, index + 1, at, text);
                }
            }
            states = following;
        }
    }

    /// Adds a step and all that come after it without a character.
    fn enter(&self, states: &mut States, first: usize, at: usize, text: &str) {
        let mut open = vec![first];
        while let Some(index) = open.pop() {
            match states.seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.program.get(index) {
                Some(Step::One(_)) => states.list.push(index),
                Some(Step::Split(one, other)) => open.extend([*other, *one]),
                Some(Step::Jump(to)) => open.push(*to),
                Some(Step::Begin) if at == 0 => open.push(index + 1),
                Some(Step::End) if at == text.len() => open.push(index + 1),
                Some(Step::Done) => states.done = true,
                Some(Step::Begin | Step::End) | None => {}
            }
        }
    }
}

/// The steps that a match may be at.
struct States {
    list: Vec<usize>,
    seen: Vec<bool>,
    done: bool,
}

impl States {
    fn new(steps: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![false; steps],
            done: false,
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

/// Steps whose jumps count from their own beginning.
type Program = Vec<Step>;

impl Parser<'_> {
    /// Branches, divided by `|`.
    fn alternatives(&mut self) -> Parsed<Program> {
        let mut program = self.branch()?;
        while self.rest.next_if_eq(&'|').is_some() {
            let other = self.branch()?;
            let mut both = vec![Step::Split(1, program.len() + 2)];
            append(&mut both, &program)?;
            both.push(Step::Jump(both.len() + 1 + other.len()));
            append(&mut both, &other)?;
            program = both;
        }
        Ok(program)
    }

    fn branch(&mut self) -> Parsed<Program> {
        let mut program = Vec::new();
        while !matches!(self.rest.peek(), None | Some('|' | ')')) {
            let piece = self.piece()?;
            append(&mut program, &piece)?;
        }
        Ok(program)
    }

    /// Something, perhaps repeated.
    fn piece(&mut self) -> Parsed<Program> {
        let mut piece = self.atom()?;
        loop {
            let (least, most) = match self.rest.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => {
                    self.rest.next();
                    let bounds = self.bounds()?;
                    piece = repeat(&piece, bounds)?;
                    continue;
                }
                _ => return Ok(piece),
            };
            self.rest.next();
            piece = repeat(&piece, (least, most))?;
        }
    }

    /// `m}`, `m,}` or `m,n}`.
    fn bounds(&mut self) -> Parsed<(usize, Option<usize>)> {
        let least = self.number()?.ok_or("a repetition without a number")?;
        let mut most = Some(least);
        if self.rest.next_if_eq(&',').is_some() {
            most = self.number()?;
        }
        match self.rest.next() {
            Some('}') if most.is_none_or(|most| least <= most) => Ok((least, most)),
            _ => Err("a repetition that is none"),
        }
    }

    fn number(&mut self) -> Parsed<Option<usize>> {
        let mut number = None;
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            let digit = digit.to_digit(10).unwrap_or_default();
            let digit = usize::try_from(digit).unwrap_or_default();
            // RE_DUP_MAX of POSIX.
            let next = number.unwrap_or(0) * 10 + digit;
            number = Some(next);
            if next > 255 {
                return Err("a repetition of more than 255");
            }
        }
        Ok(number)
    }

    fn atom(&mut self) -> Parsed<Program> {
        let one = |set| Ok(vec![Step::One(set)]);
        match self.rest.next() {
            Some('(') => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err("too many parentheses in each other");
                }
                let inner = self.alternatives()?;
                self.depth -= 1;
                match self.rest.next() {
                    Some(')') => Ok(inner),
                    _ => Err("a parenthesis is not closed"),
                }
            }
            Some('[') => one(self.bracket()?),
            Some('.') => one(Set::Any),
            Some('^') => Ok(vec![Step::Begin]),
            Some('$') => Ok(vec![Step::End]),
            Some('\\') => match self.rest.next() {
                // Letters, digits and these four mean other things in other
                // libraries.
                Some(escaped) if escaped.is_ascii_punctuation() && !"<>`'".contains(escaped) => {
                    one(Set::Is(escaped))
                }
                _ => Err("a backslash before something that needs none"),
            },
            Some('*' | '+' | '?' | '{') => Err("a repetition of nothing"),
            Some(other) => one(Set::Is(other)),
            None => Err("it ends too early"),
        }
    }

    /// What is in brackets, behind the first of them (IEEE 1003.1, 9.3.5).
    fn bracket(&mut self) -> Parsed<Set> {
        const OPEN: &str = "a bracket is not closed";
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let from = self.rest.next().ok_or(OPEN)?;
            match (from, self.rest.peek()) {
                (']', _) if !ranges.is_empty() => return Ok(Set::Of { ranges, negated }),
                ('[', Some(':')) => {
                    self.class(&mut ranges)?;
                    continue;
                }
                ('[', Some('.' | '=')) => return Err("a bracket with a collating symbol"),
                _ => {}
            }
            let mut to = from;
            if self.rest.peek() == Some(&'-') {
                let mut ahead = self.rest.clone();
                ahead.next();
                match ahead.next() {
                    // A hyphen at the end stands for itself.
                    Some(']') => {}
                    Some('[') | None => return Err("a range without an end"),
                    Some(end) => {
                        self.rest = ahead;
                        to = end;
                    }
                }
            }
            if from > to {
                return Err("a range that goes backwards");
            }
            ranges.push((from, to));
        }
    }

    /// `[:alpha:]` and the like, as the C locale has them.
    fn class(&mut self, ranges: &mut Vec<(char, char)>) -> Parsed<()> {
        self.rest.next();
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(char::is_ascii_lowercase) {
            name.push(letter);
        }
        if (self.rest.next(), self.rest.next()) != (Some(':'), Some(']')) {
            return Err("a class of characters is not closed");
        }
        ranges.extend_from_slice(match name.as_str() {
            "alpha" => &[('a', 'z'), ('A', 'Z')],
            "digit" => &[('0', '9')],
            "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
            "lower" => &[('a', 'z')],
            "upper" => &[('A', 'Z')],
            "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
            "space" => &[('\t', '\r'), (' ', ' ')],
            "blank" => &[('\t', '\t'), (' ', ' ')],
            "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "print" => &[(' ', '~')],
            "graph" => &[('!', '~')],
            "cntrl" => &[('\0', '\x1F'), ('\x7F', '\x7F')],
            _ => return Err("a class of characters that there is not"),
        });
        Ok(())
    }
}

/// Puts `more` behind `program`, its jumps moved along.
fn append(program: &mut Program, more: &[Step]) -> Parsed<()> {
    let by = program.len();
    if by + more.len() > MAX_STEPS {
        return Err("it is too long");
    }
    program.extend(more.iter().map(|step| match step {
        Step::Split(one, other) => Step::Split(one + by, other + by),
        Step::Jump(to) => Step::Jump(to + by),
        other => other.clone(),
    }));
    Ok(())
}

/// `piece` so many times.
fn repeat(piece: &[Step], (least, most): (usize, Option<usize>)) -> Parsed<Program> {
    let mut program = Vec::new();
    for _ in 0..least {
        append(&mut program, piece)?;
    }
    match most {
        None => {
            // Here, or once more and here again.
            let again = program.len();
            append(&mut program, &[Step::Split(1, piece.len() + 2)])?;
            append(&mut program, piece)?;
            program.push(Step::Jump(again));
        }
        Some(most) => {
            for _ in least..most {
                append(&mut program, &[Step::Split(1, piece.len() + 1)])?;
                append(&mut program, piece)?;
            }
        }
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::Regex;

    fn find(pattern: &str, text: &str) -> Option<(usize, usize)> {
        let regex = Regex::new(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}"));
        regex.find(text).map(|found| (found.start, found.end))
    }

    /// IEEE 1003.1 9.1: the longest of the leftmost matches. The rows are of
    /// the kind that AT&T's testregex has in basic.dat.
    #[test]
    fn the_longest_of_the_leftmost_matches() {
        for (pattern, text, due) in [
            ("a|ab", "xabc", Some((1, 3))),
            ("(a|ab)(c|bcd)(d*)", "abcd", Some((0, 4))),
            ("ab|abab", "abababab", Some((0, 4))),
            ("a*", "aaa", Some((0, 3))),
            ("a*", "baaa", Some((0, 0))),
            ("x*|b", "ab", Some((0, 0))),
            ("(a*)(ab)*(b)*", "abc", Some((0, 2))),
            ("a+b+c", "aabbabc", Some((4, 7))),
            ("a{2,3}", "baaaa", Some((1, 4))),
            ("a{2}", "aaaa", Some((0, 2))),
            ("a{2,}", "baaaa", Some((1, 5))),
            ("(ab?){2}", "aab", Some((0, 3))),
            ("^b", "ab", None),
            ("b$", "ab", Some((1, 2))),
            ("^$", "", Some((0, 0))),
            ("a^b", "a^b", None),
            ("\\^\\.\\$\\\\", "x^.$\\", Some((1, 5))),
            ("[]a]+", "x]a]", Some((1, 4))),
            ("[^]a]+", "]xa", Some((1, 2))),
            ("[a-c-]+", "xb-a", Some((1, 4))),
            ("[[:digit:]_]+", "ab1_2c", Some((2, 5))),
            ("(|a)b", "ab", Some((0, 2))),
            ("()", "x", Some((0, 0))),
            (".", "ü", Some((0, 2))),
            ("(((a)))*", "aa", Some((0, 2))),
        ] {
            assert_eq!(find(pattern, text), due, "{pattern} in {text}");
        }
    }

    #[test]
    fn what_posix_leaves_open_is_refused() {
        for pattern in [
            "*a",
            "a|*b",
            "(",
            ")",
            "a)",
            "(a",
            "[",
            "[a",
            "[]",
            "[b-a]",
            "[a-",
            "a{",
            "a{1",
            "a{x}",
            "a{2,1}",
            "a{256}",
            "{1}",
            "\\",
            "\\1",
            "\\w",
            "\\<a",
            "[[.a.]]",
            "[[=a=]]",
            "[[:word:]]",
            "[[:alpha]",
            "((a{200}){200})",
        ] {
            assert!(Regex::new(pattern).is_err(), "{pattern}");
        }
        assert!(Regex::new(&"(".repeat(100_000)).is_err());
    }

    /// Expressions that take others' engines exponential time.
    #[test]
    fn nothing_takes_long() {
        let text = "a".repeat(256);
        for pattern in ["(a*)*b", "(a|a)*b", "(a?){100}a{100}b", "((a+)+)+b"] {
            let regex = Regex::new(pattern).unwrap();
            assert!(!regex.matches(&text), "{pattern}");
            assert_eq!(regex.find(&text), None);
        }
    }
}
