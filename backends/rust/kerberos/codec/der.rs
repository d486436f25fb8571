//! Reading DER without copying.
//!
//! `rasn`'s `Decode` trait returns owned values only, so messages are read
//! here by driving its DER decoder element by element: tags, lengths and
//! integers are `rasn`'s, and what a message holds is a slice of the input.
//! That decoder refuses indefinite lengths and lengths beyond the element,
//! and lets non-minimal lengths pass, as MIT krb5 does.

use rasn::Decoder as _;
use rasn::der::de::{
    BerDecodeErrorKind, CodecDecodeError, DecodeError, DecodeErrorKind, Decoder, DecoderOptions,
    DerDecodeErrorKind,
};
use rasn::types::fields::{Field, Fields};
use rasn::types::{Class, Constraints, Constructed, Tag, TagTree};

use super::{CodecError, Decoded, Problem};

/// Class and form of an EXPLICIT context tag below 31 (X.690 8.1.2).
const CONTEXT_CONSTRUCTED: u8 = 0xA0;
/// The tag number's bits of an identifier octet (X.690 8.1.2.2).
const NUMBER: u8 = 0x1F;
/// The identifier octet of an INTEGER, which is primitive (X.690 8.3.1).
const INTEGER: u8 = 0x02;

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

    /// An error at this place.
    #[cold]
    pub(crate) fn error(&self, problem: Problem) -> CodecError {
        let offset = self.end.saturating_sub(self.rest.len());
        CodecError {
            part: self.part,
            problem,
            offset: Some(offset),
        }
    }

    /// An error of value in `field`, whose last octet was just read.
    #[cold]
    pub(crate) fn bad_value(&self, field: &'static str) -> CodecError {
        self.error(Problem::BadValue { field })
    }

    /// The contents of a constructed element.
    pub(crate) fn constructed(&mut self, tag: Tag) -> Decoded<Reader<'a>> {
        let (taken, rest) = constructed(self.rest, tag);
        match taken {
            Ok(Contents(contents)) => {
                self.rest = rest;
                Ok(Reader {
                    rest: contents,
                    end: self.end - rest.len(),
                    part: self.part,
                })
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The contents of a SEQUENCE.
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
    pub(crate) fn octets(&mut self, tag: Tag) -> Decoded<&'a [u8]> {
        let mut decoder = decoder(self.rest);
        match decoder.decode_octet_string::<Length>(tag, &Constraints::NONE) {
            Ok(Length(length)) => {
                // Definite lengths only: the contents are the last octets
                // that were consumed.
                let consumed = decoder.decoded_len();
                self.rest
                    .get(consumed.wrapping_sub(length)..consumed)
                    .inspect(|_| self.rest = decoder.remaining())
                    .ok_or_else(|| self.error(Problem::BadLength))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// An INTEGER of at most 64 bits.
    pub(crate) fn integer(&mut self) -> Decoded<i64> {
        // The decoder looks at the tag's number and class alone.
        if !self.rest.is_empty() && !self.starts_with(INTEGER) {
            return Err(self.error(Problem::BadTag));
        }
        let mut decoder = decoder(self.rest);
        match decoder.decode_integer::<i64>(Tag::INTEGER, &Constraints::NONE) {
            Ok(value) => {
                self.rest = decoder.remaining();
                Ok(value)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// A component of a SEQUENCE under the EXPLICIT context tag `number`.
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<T> {
        let mut inner = self.constructed(Tag::new(Class::Context, u32::from(number)))?;
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(value)
    }

    /// An OPTIONAL component, absent when another one is next.
    pub(crate) fn optional<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<Option<T>> {
        if self.starts_with(CONTEXT_CONSTRUCTED | number) {
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
    pub(crate) fn skip_extensions(mut self, mut last: u8) -> Decoded<()> {
        while let Some(&identifier) = self.rest.first() {
            let number = identifier & NUMBER;
            // All ones announce a number of 31 or more (X.690 8.1.2.4).
            if identifier != CONTEXT_CONSTRUCTED | number || number <= last || number == NUMBER {
                return Err(self.error(Problem::BadTag));
            }
            last = number;
            let mut decoder = decoder(self.rest);
            match decoder.decode_any(Tag::EOC) {
                Ok(_) => self.rest = decoder.remaining(),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    /// Out of line, so that the way without errors stays small.
    #[cold]
    #[inline(never)]
    fn failed(&self, error: &DecodeError) -> CodecError {
        self.error(problem_of(error))
    }
}

fn decoder(input: &[u8]) -> Decoder<'_> {
    Decoder::new(input, DecoderOptions::der())
}

/// The contents of the constructed element that `input` starts with, and
/// what comes after it.
fn constructed<'a>(input: &'a [u8], tag: Tag) -> (Result<Contents<'a>, DecodeError>, &'a [u8]) {
    let mut outer = decoder(input);
    let taken = outer.decode_sequence::<1, 0, _, fn() -> Contents<'a>, _>(tag, None, |inner| {
        let contents = inner.remaining();
        // Read later: the decoder wants nothing left over.
        *inner = decoder(&[]);
        Ok(Contents(contents))
    });
    (taken, outer.remaining())
}

/// What a decoder's error means for the peer. Its text may quote the input
/// and is dropped.
fn problem_of(error: &DecodeError) -> Problem {
    match &*error.kind {
        DecodeErrorKind::Incomplete { .. } | DecodeErrorKind::UnexpectedEmptyInput => {
            Problem::Truncated
        }
        DecodeErrorKind::UnexpectedExtraData { .. } => Problem::TrailingBytes,
        DecodeErrorKind::LengthExceedsPlatformWidth { .. } => Problem::BadLength,
        DecodeErrorKind::CodecSpecific { inner } => match inner {
            CodecDecodeError::Ber(
                BerDecodeErrorKind::IndefiniteLengthNotAllowed
                | BerDecodeErrorKind::ReservedLengthOctet,
            ) => Problem::BadLength,
            CodecDecodeError::Ber(
                BerDecodeErrorKind::MismatchedTag { .. }
                | BerDecodeErrorKind::InvalidConstructedIdentifier
                | BerDecodeErrorKind::UnsupportedTagNumber
                | BerDecodeErrorKind::UnexpectedEndOfContents,
            )
            | CodecDecodeError::Der(DerDecodeErrorKind::ConstructedEncodingNotAllowed) => {
                Problem::BadTag
            }
            _ => Problem::BadEncoding,
        },
        _ => Problem::BadEncoding,
    }
}

/// What [`Reader::constructed`] takes out of the decoder.
struct Contents<'a>(&'a [u8]);

impl Constructed<1, 0> for Contents<'_> {
    /// One required component, so that the decoder always asks for it.
    const FIELDS: Fields<1> = Fields::from_static([Field::new_required(
        0,
        Tag::EOC,
        TagTree::Leaf(Tag::EOC),
        "contents",
    )]);
}

/// The length of an octet string, whose octets stay where they are.
struct Length(usize);

impl From<&[u8]> for Length {
    fn from(octets: &[u8]) -> Self {
        Self(octets.len())
    }
}

impl From<Vec<u8>> for Length {
    /// Only BER's constructed strings come as a vector, and DER has none.
    fn from(_: Vec<u8>) -> Self {
        Self(usize::MAX)
    }
}

/// What can be read where a reader stands.
pub(crate) trait Element<'a>: Sized {
    /// Reads one, and leaves the reader after it.
    fn read(reader: &mut Reader<'a>) -> Decoded<Self>;
}
