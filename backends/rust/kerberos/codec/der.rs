//! Reading DER without copying (X.690 8.1, 10.1).
//!
//! What a message holds is a slice of the input, and each element is looked
//! at once: identifier, length, contents. An identifier has to be the one
//! octet that belongs there, which also settles whether an element is
//! primitive. Indefinite lengths and lengths beyond the element are refused;
//! lengths and integers of more octets than needed pass, as in MIT krb5.

// A reader lives in registers where all of its methods are in one place, and
// these are a few instructions each: a third of an accept is reading.
#![allow(clippy::inline_always)]

use super::{CodecError, Decoded, Problem};

/// The tag number's bits of an identifier octet (X.690 8.1.2.2).
const NUMBER: u8 = 0x1F;

/// An identifier octet: class, form and a tag number below 31 (X.690 8.1.2).
/// No message here has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u8);

impl Tag {
    pub(crate) const INTEGER: Self = Self(0x02);
    pub(crate) const BIT_STRING: Self = Self(0x03);
    pub(crate) const OCTET_STRING: Self = Self(0x04);
    pub(crate) const OBJECT_IDENTIFIER: Self = Self(0x06);
    pub(crate) const ENUMERATED: Self = Self(0x0A);
    pub(crate) const GENERALIZED_TIME: Self = Self(0x18);
    pub(crate) const GENERAL_STRING: Self = Self(0x1B);
    pub(crate) const SEQUENCE: Self = Self(0x30);

    /// An EXPLICIT tag of class APPLICATION, which is constructed.
    pub(crate) const fn application(number: u8) -> Self {
        assert!(number < NUMBER, "needs a longer identifier");
        Self(0x60 | number)
    }

    /// An EXPLICIT context tag, which is constructed.
    pub(crate) const fn context(number: u8) -> Self {
        assert!(number < NUMBER, "needs a longer identifier");
        Self(0xA0 | number)
    }
}

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

    /// The same place, which errors call `part` from here on.
    pub(crate) fn named(mut self, part: &'static str) -> Self {
        self.part = part;
        self
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next element starts with this identifier octet.
    pub(crate) fn starts_with(&self, identifier: u8) -> bool {
        self.rest.first() == Some(&identifier)
    }

    /// That everything has been read.
    pub(crate) fn finish(self) -> Decoded<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(Problem::TrailingBytes))
        }
    }

    /// An error at this place. By values, so that no reader has to be in
    /// memory for it.
    #[inline(always)]
    pub(crate) fn error(&self, problem: Problem) -> Box<CodecError> {
        error_at(self.part, self.end, self.rest.len(), problem)
    }

    /// An error of value in `field`, whose last octet was just read.
    #[inline(always)]
    pub(crate) fn bad_value(&self, field: &'static str) -> Box<CodecError> {
        self.error(Problem::BadValue { field })
    }

    /// The contents of the element that is next, which must have this tag.
    #[inline(always)]
    fn contents(&mut self, tag: Tag) -> Decoded<&'a [u8]> {
        // Nine of ten: the right identifier, and the short form.
        if let [identifier, length @ ..0x80, rest @ ..] = self.rest
            && *identifier == tag.0
            && let Some((contents, rest)) = rest.split_at_checked(usize::from(*length))
        {
            self.rest = rest;
            return Ok(contents);
        }
        let (contents, rest) =
            any_contents(tag, self.rest).map_err(|problem| self.error(problem))?;
        self.rest = rest;
        Ok(contents)
    }

    /// The contents of a constructed element.
    #[inline(always)]
    pub(crate) fn constructed(&mut self, tag: Tag) -> Decoded<Reader<'a>> {
        let contents = self.contents(tag)?;
        Ok(Reader {
            rest: contents,
            end: self.end - self.rest.len(),
            part: self.part,
        })
    }

    /// The contents of a SEQUENCE.
    #[inline(always)]
    pub(crate) fn sequence(&mut self) -> Decoded<Reader<'a>> {
        self.constructed(Tag::SEQUENCE)
    }

    /// The contents of a whole message: one element, and nothing after it.
    pub(crate) fn message(mut self, tag: Tag) -> Decoded<Reader<'a>> {
        let contents = self.constructed(tag)?;
        self.finish()?;
        Ok(contents)
    }

    /// The octets of a primitive element, whatever they mean.
    #[inline(always)]
    pub(crate) fn octets(&mut self, tag: Tag) -> Decoded<&'a [u8]> {
        self.contents(tag)
    }

    /// An INTEGER of at most 64 bits (X.690 8.3), whatever the number of
    /// octets that repeat its sign.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Decoded<i64> {
        let before = self.rest;
        let octets = self.contents(Tag::INTEGER)?;
        integer(octets).map_err(|problem| {
            self.rest = before;
            self.error(problem)
        })
    }

    /// A component of a SEQUENCE under the EXPLICIT context tag `number`.
    #[inline(always)]
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

    /// A component as its type reads it.
    #[inline(always)]
    pub(crate) fn get<T: Element<'a>>(&mut self, number: u8) -> Decoded<T> {
        T::component(self, number)
    }

    /// An OPTIONAL component as its type reads it, absent when another one is
    /// next.
    #[inline(always)]
    pub(crate) fn maybe<T: Element<'a>>(&mut self, number: u8) -> Decoded<Option<T>> {
        if self.starts_with(Tag::context(number).0) {
            self.get(number).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The contents of an element with the tag `inner` which is all that the
    /// element with the tag `outer` holds, and what comes after them; in the
    /// forms that nearly everything has, settled with one look. `None`, and
    /// nothing read, for what has to be looked at more closely.
    #[inline(always)]
    fn peek(&self, outer: Tag, inner: Tag) -> Option<(&'a [u8], &'a [u8])> {
        let ([first, around, second, length], rest) = self.rest.split_first_chunk()?;
        let tags = *first == outer.0 && *second == inner.0;
        if tags && *length < 0x80 - 2 && *around == *length + 2 {
            return rest.split_at_checked(usize::from(*length));
        }
        // Of a known kind is what starts with it: the rest can wait for that.
        let long = matches!(around, 0x81 | 0x82) && *first == outer.0;
        if long {
            peek_long(self.rest, inner)
        } else {
            None
        }
    }

    /// The same as a place to read on from, which the reader is left behind.
    #[inline(always)]
    pub(crate) fn nested(&mut self, outer: Tag, inner: Tag) -> Option<Reader<'a>> {
        let (contents, rest) = self.peek(outer, inner)?;
        self.rest = rest;
        Some(Reader {
            rest: contents,
            end: self.end - rest.len(),
            part: self.part,
        })
    }

    /// The fields of a whole message, which is a SEQUENCE under this tag and
    /// nothing after it.
    #[inline(always)]
    pub(crate) fn message_fields(mut self, tag: Tag) -> Decoded<Reader<'a>> {
        if let Some((_, [])) = self.peek(tag, Tag::SEQUENCE)
            && let Some(fields) = self.nested(tag, Tag::SEQUENCE)
        {
            return Ok(fields);
        }
        self.message(tag)?.message(Tag::SEQUENCE)
    }

    /// A primitive component. What is not in the usual form, or not a value
    /// as it should be, is read again one element after the other, by `read`:
    /// that decides, and names the place.
    #[inline(always)]
    pub(crate) fn primitive<T>(
        &mut self,
        number: u8,
        tag: Tag,
        value: impl FnOnce(&'a [u8]) -> Option<T>,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<T> {
        if let Some((contents, rest)) = self.peek(Tag::context(number), tag)
            && let Some(value) = value(contents)
        {
            self.rest = rest;
            return Ok(value);
        }
        self.field_again(number, read)
    }

    /// A component that is a SEQUENCE, given to `read` as a reader of what is
    /// in it.
    #[inline(always)]
    pub(crate) fn fields<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(Reader<'a>) -> Decoded<T>,
    ) -> Decoded<T> {
        match self.nested(Tag::context(number), Tag::SEQUENCE) {
            Some(contents) => read(contents),
            None => read(self.field_again(number, Self::sequence)?),
        }
    }

    #[inline(never)]
    fn field_again<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<T> {
        self.field(number, read)
    }

    /// An OPTIONAL component, absent when another one is next.
    #[inline(always)]
    pub(crate) fn optional<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<Option<T>> {
        if self.starts_with(Tag::context(number).0) {
            self.field(number, read).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Steps over what a later version may have added behind the SEQUENCE's
    /// field `last`: RFC 4120 1.5.1 forbids to decline a message because of
    /// it, and MIT krb5 ignores it too. It must be well-formed all the same,
    /// and new: a known field that comes twice, or late, would otherwise be
    /// ignored as if it had not been sent.
    #[inline(always)]
    pub(crate) fn skip_extensions(self, last: u8) -> Decoded<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.skip_some(last)
    }

    #[cold]
    fn skip_some(mut self, mut last: u8) -> Decoded<()> {
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

#[cold]
#[inline(never)]
fn error_at(part: &'static str, end: usize, left: usize, problem: Problem) -> Box<CodecError> {
    CodecError::at(part, problem, Some(end.saturating_sub(left)))
}

/// [`Reader::peek`] for lengths of one octet or two after the first, each the
/// other's exactly: tickets, and what is around them. The outer tag is right.
#[inline(never)]
fn peek_long(input: &[u8], inner: Tag) -> Option<(&[u8], &[u8])> {
    let (around, rest) = two_octets(input)?;
    let [second, ..] = rest else {
        return None;
    };
    let (length, contents) = two_octets(rest)?;
    let header = rest.len() - contents.len();
    if *second != inner.0 || around != length + header {
        return None;
    }
    contents.split_at_checked(length)
}

/// The length of an element, where it takes one octet or two after the first,
/// and what comes after it.
#[inline(always)]
fn two_octets(input: &[u8]) -> Option<(usize, &[u8])> {
    match input {
        [_, 0x82, high, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        [_, 0x81, length, rest @ ..] | [_, length @ ..=0x7F, rest @ ..] => {
            Some((usize::from(*length), rest))
        }
        _ => None,
    }
}

/// The contents of an element, and what comes after it.
#[inline(never)]
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

/// The number that these contents are.
#[inline(always)]
pub(super) fn integer(octets: &[u8]) -> Result<i64, Problem> {
    match octets {
        [one] => Ok(i64::from(one.cast_signed())),
        _ => long_integer(octets),
    }
}

#[inline(never)]
fn long_integer(octets: &[u8]) -> Result<i64, Problem> {
    let first = *octets.first().ok_or(Problem::Truncated)?;
    let sign: i64 = if first & 0x80 == 0 { 0 } else { -1 };
    if let Some((repeated, _)) = octets.split_last_chunk::<8>() {
        // As the octets in front of the last eight, so their first bit.
        let [fill, ..] = sign.to_be_bytes();
        let kept = octets.get(repeated.len()).copied().unwrap_or_default();
        if repeated.iter().any(|octet| *octet != fill) || (kept ^ fill) & 0x80 != 0 {
            return Err(Problem::BadEncoding);
        }
    }
    Ok(octets
        .iter()
        .fold(sign, |value, octet| value << 8 | i64::from(*octet)))
}

/// [`Element`] for a SEQUENCE, of whose fields its function `of` is made.
macro_rules! sequence {
    ($name:ident) => {
        impl<'a> $crate::backends::rust::kerberos::codec::der::Element<'a> for $name<'a> {
            #[inline]
            fn read(reader: &mut Reader<'a>) -> Decoded<Self> {
                Self::of(reader.sequence()?)
            }

            #[inline]
            fn component(reader: &mut Reader<'a>, number: u8) -> Decoded<Self> {
                reader.fields(number, Self::of)
            }
        }
    };
}
pub(super) use sequence;

/// What can be read where a reader stands.
pub(crate) trait Element<'a>: Sized {
    /// Reads one, and leaves the reader after it.
    fn read(reader: &mut Reader<'a>) -> Decoded<Self>;

    /// Reads the component `number` of a SEQUENCE, which is one.
    #[inline(always)]
    fn component(reader: &mut Reader<'a>, number: u8) -> Decoded<Self> {
        reader.field(number, Self::read)
    }
}
