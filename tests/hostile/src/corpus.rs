//! Tokens of real clients, as they were captured: one text file, so that a run is the same
//! everywhere and needs no KDC.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A token as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Which client, and what it was asked for.
    pub name: String,
    /// The application data of the channel bindings that it was given.
    pub bindings: Option<Vec<u8>>,
    /// The token.
    pub token: Vec<u8>,
}

/// What was captured at one time from one KDC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// When, in unix seconds: the acceptor's clock must stand there.
    pub at: i64,
    /// The services' keytab.
    pub keytab: Vec<u8>,
    /// The tokens.
    pub tokens: Vec<Captured>,
}

impl Corpus {
    /// The file in the project.
    pub fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus.txt")
    }

    /// The corpus in the project.
    ///
    /// # Panics
    /// The file cannot be read: the run cannot be made.
    pub fn kept() -> Self {
        let path = Self::path();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        Self::parse(&text).unwrap_or_else(|line| panic!("{path:?}, line {line}"))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// The number of the line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut corpus = Self::default();
        for (n, line) in text.lines().enumerate() {
            corpus.take(line).ok_or(n + 1)?;
        }
        Ok(corpus)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        match words.next()? {
            "at" => self.at = words.next()?.parse().ok()?,
            "keytab" => self.keytab = from_hex(words.next()?)?,
            "token" => self.tokens.push(Captured {
                name: words.next()?.to_owned(),
                bindings: match words.next()? {
                    "-" => None,
                    data => Some(from_hex(data)?),
                },
                token: from_hex(words.next()?)?,
            }),
            "" | "#" => {}
            _ => return None,
        }
        Some(())
    }

    /// As the file's text.
    pub fn text(&self) -> String {
        let mut out = String::from(
            "# Tokens of real clients and the keys that they are for: made by `cargo run -p hostile --bin capture`\n\
             # from the clients of tests/interop against a KDC that lived as long as the capture.\n",
        );
        let _ = writeln!(out, "at {}\nkeytab {}", self.at, hex(&self.keytab));
        for token in &self.tokens {
            let bindings = token.bindings.as_deref().map_or("-".to_owned(), hex);
            let _ = writeln!(out, "token {} {bindings} {}", token.name, hex(&token.token));
        }
        out
    }
}

/// Octets in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octet = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(octet).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let token = |name: &str, bindings: Option<&[u8]>| Captured {
            name: name.to_owned(),
            bindings: bindings.map(<[u8]>::to_vec),
            token: vec![0x60, 0, 0xff],
        };
        let corpus = Corpus {
            at: 1_750_000_000,
            keytab: vec![5, 2],
            tokens: vec![token("one", None), token("two", Some(b"tls"))],
        };
        assert_eq!(Corpus::parse(&corpus.text()), Ok(corpus));
        assert_eq!(Corpus::parse("at 1\ntoken x - 6"), Err(2));
    }
}
