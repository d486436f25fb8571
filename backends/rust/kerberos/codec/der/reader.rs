//! Reading with all of X.690's generality, and with errors that name the place.
// Seldom needed, so that no line here is about speed.

use super::super::{CodecError, Decoded, Problem};
use super::{Cursor, NUMBER, Tag, Usual};

/// A place in a message, and the elements from there on.
pub(crate) struct Reader<'a> {
    /// What has not been read.
    rest: &'a [u8],
    /// Where the elements being read end in the message.
    end: usize,
    /// What is being read, for errors.
    part: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader of `input`, which errors call `part`.
    pub(crate) fn new(part: &'static str, input: &'a [u8]) -> Self {
        Self {
            rest: input,
            end: input.len(),
            part,
        }
    }

    /// The contents of a whole message: one element, and nothing after it.
    pub(crate) fn message(mut self, tag: Tag) -> Decoded<Reader<'a>> {
        let contents = self.constructed(tag)?;
        self.finish()?;
        Ok(contents)
    }

    /// A component of a SEQUENCE under the EXPLICIT context tag `number`.
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<T> {
        let mut inner = self.constructed(Tag::context(number))?;
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(value)
    }
}

impl<'a> Cursor<'a> for Reader<'a> {
    type Error = Box<CodecError>;

    fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn named(mut self, part: &'static str) -> Self {
        self.part = part;
        self
    }

    #[cold]
    fn error(&self, problem: Problem) -> Box<CodecError> {
        let offset = self.end.saturating_sub(self.rest.len());
        CodecError::at(self.part, problem, Some(offset))
    }

    fn contents(&mut self, tag: Tag) -> Decoded<&'a [u8]> {
        let (contents, rest) =
            any_contents(tag, self.rest).map_err(|problem| self.error(problem))?;
        self.rest = rest;
        Ok(contents)
    }

    fn constructed(&mut self, tag: Tag) -> Decoded<Self> {
        let contents = self.contents(tag)?;
        Ok(Reader {
            rest: contents,
            end: self.end - self.rest.len(),
            part: self.part,
        })
    }

    fn inside(&mut self, outer: Tag, inner: Tag, _usual: Usual) -> Decoded<Self> {
        self.constructed(outer)?.message(inner)
    }

    fn primitive<T>(
        &mut self,
        number: u8,
        tag: Tag,
        _usual: Usual,
        value: impl Fn(&'a [u8]) -> Result<T, Problem>,
    ) -> Decoded<T> {
        self.field(number, |inner| {
            let octets = inner.contents(tag)?;
            value(octets).map_err(|problem| inner.error(problem))
        })
    }

    fn finish(self) -> Decoded<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(Problem::TrailingBytes))
        }
    }

    fn skip_extensions(mut self, mut last: u8) -> Decoded<()> {
        while let Some(&identifier) = self.rest.first() {
            let number = identifier & NUMBER;
            // All ones announce a number of 31 or more (X.690 8.1.2.4).
            if number == NUMBER || number <= last || Tag::context(number).0 != identifier {
                return Err(self.error(Problem::BadTag));
            }
            last = number;
            self.contents(Tag::context(number))?;
        }
        Ok(())
    }
}

/// The contents of an element, and what comes after it.
fn any_contents(tag: Tag, input: &[u8]) -> Result<(&[u8], &[u8]), Problem> {
    let [identifier, rest @ ..] = input else {
        return Err(Problem::Truncated);
    };
    if *identifier != tag.0 {
        return Err(Problem::BadTag);
    }
    let (length, rest) = match rest {
        [length @ ..0x80, rest @ ..] => (usize::from(*length), rest),
        [length, rest @ ..] => long_length(*length, rest)?,
        [] => return Err(Problem::Truncated),
    };
    rest.split_at_checked(length).ok_or(Problem::Truncated)
}

/// A length in the long form (X.690 8.1.3.5), and what comes after it.
/// Leading zeros may come before it, as many as the form has room for.
fn long_length(first: u8, rest: &[u8]) -> Result<(usize, &[u8]), Problem> {
    // Indefinite, or reserved.
    if matches!(first, 0x80 | 0xFF) {
        return Err(Problem::BadLength);
    }
    let (octets, rest) = rest
        .split_at_checked(usize::from(first & 0x7F))
        .ok_or(Problem::Truncated)?;
    let length = octets.iter().try_fold(0_usize, |length, octet| {
        Some(length.checked_mul(256)? | usize::from(*octet))
    });
    Ok((length.ok_or(Problem::BadLength)?, rest))
}
