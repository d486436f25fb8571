//! Reading DER without copying (X.690 8.1, 10.1).
//!
//! What a message holds is a slice of the input, and each element is looked
//! at once: identifier, length, contents. An identifier has to be the one
//! octet that belongs there, which also settles whether an element is
//! primitive. Indefinite lengths and lengths beyond the element are refused;
//! lengths and integers of more octets than needed pass, as in MIT krb5.
//!
//! A message is defined once and read by two: by a [`Glance`], which knows the
//! forms that everybody sends and gives up at anything else, and then, from
//! the start, by a [`Reader`], which decides, and says what is wrong and where.

mod glance;
mod reader;

pub(crate) use self::glance::{Glance, Unusual};
pub(crate) use self::reader::Reader;
use super::{Decoded, Problem};

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
// All is inlined: a place that is in memory is waited for at each element.
#[allow(clippy::inline_always)]
pub(crate) trait Cursor<'a>: Sized {
    type Error;

    /// What has not been read.
    fn rest(&self) -> &'a [u8];

    /// The same place, which errors call `part` from here on.
    fn named(self, part: &'static str) -> Self;

    /// An error at this place.
    fn error(&self, problem: Problem) -> Self::Error;

    /// The contents of the element that is next, which must have this tag.
    fn contents(&mut self, tag: Tag) -> Result<&'a [u8], Self::Error>;

    /// The same as a place to read on from.
    fn constructed(&mut self, tag: Tag) -> Result<Self, Self::Error>;

    /// The contents of an element with the tag `inner` which is all that the
    /// element with the tag `outer` holds, as a place to read on from.
    fn inside(&mut self, outer: Tag, inner: Tag, usual: Usual) -> Result<Self, Self::Error>;

    /// A component of a SEQUENCE under the EXPLICIT context tag `number`: a
    /// primitive element of which `value` makes what it means.
    fn primitive<T>(
        &mut self,
        number: u8,
        tag: Tag,
        usual: Usual,
        value: impl Fn(&'a [u8]) -> Result<T, Problem>,
    ) -> Result<T, Self::Error>;

    /// That everything has been read.
    fn finish(self) -> Result<(), Self::Error>;

    /// Steps over what a later version may have added behind the SEQUENCE's
    /// field `last`: RFC 4120 1.5.1 forbids to decline a message because of
    /// it, and MIT krb5 ignores it too. It must be well-formed all the same,
    /// and new: a known field that comes twice, or late, would otherwise be
    /// ignored as if it had not been sent.
    fn skip_extensions(self, last: u8) -> Result<(), Self::Error>;

    /// Whether everything has been read.
    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether the next element starts with this identifier octet.
    #[inline(always)]
    fn starts_with(&self, identifier: u8) -> bool {
        self.rest().first() == Some(&identifier)
    }

    /// The contents of a SEQUENCE.
    #[inline(always)]
    fn sequence(&mut self) -> Result<Self, Self::Error> {
        self.constructed(Tag::SEQUENCE)
    }

    /// The fields of a whole message, which is a SEQUENCE under this tag and
    /// nothing after it.
    #[inline(always)]
    fn message_fields(mut self, tag: Tag) -> Result<Self, Self::Error> {
        let fields = self.inside(tag, Tag::SEQUENCE, Usual::Long)?;
        self.finish()?;
        Ok(fields)
    }

    /// The fields of a component that is a SEQUENCE.
    #[inline(always)]
    fn fields(&mut self, number: u8, usual: Usual) -> Result<Self, Self::Error> {
        self.inside(Tag::context(number), Tag::SEQUENCE, usual)
    }

    /// A component as its type reads it.
    #[inline(always)]
    fn get<T: Element<'a>>(&mut self, number: u8) -> Result<T, Self::Error> {
        T::component(self, number)
    }

    /// An OPTIONAL component as its type reads it, absent when another one is
    /// next.
    #[inline(always)]
    fn maybe<T: Element<'a>>(&mut self, number: u8) -> Result<Option<T>, Self::Error> {
        self.optional(number, |cursor| cursor.get(number))
    }

    /// An OPTIONAL component as `read` reads it.
    #[inline(always)]
    fn optional<T>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Self) -> Result<T, Self::Error>,
    ) -> Result<Option<T>, Self::Error> {
        if self.starts_with(Tag::context(number).0) {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// How long nearly all elements of a kind are, in contents octets. Any other
/// length is as good; it takes longer.
#[derive(Clone, Copy)]
pub(crate) enum Usual {
    /// All alike.
    Length(u8),
    /// Up to 125.
    Short,
    /// More than 127.
    Long,
}

/// What can be read at a place.
pub(crate) trait Element<'a>: Sized {
    /// Reads one, and leaves the cursor after it.
    fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error>;

    /// Reads the component `number` of a SEQUENCE, which is one.
    fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error>;
}

/// A type of primitive elements, given as its tag, how long they usually are,
/// and what they mean.
macro_rules! primitive {
    ($name:ty, $tag:expr, $usual:expr, $value:expr) => {
        impl<'a> $crate::backends::rust::kerberos::codec::der::Element<'a> for $name {
            #[inline(always)]
            fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error> {
                let octets = cursor.contents($tag)?;
                ($value)(octets).map_err(|problem| cursor.error(problem))
            }

            #[inline(always)]
            fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error> {
                cursor.primitive(number, $tag, $usual, $value)
            }
        }
    };
}
pub(crate) use primitive;

/// A SEQUENCE, of whose fields its function `of` is made.
macro_rules! sequence {
    ($name:ty, $usual:expr) => {
        impl<'a> $crate::backends::rust::kerberos::codec::der::Element<'a> for $name {
            #[inline(always)]
            fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error> {
                Self::of(cursor.sequence()?)
            }

            #[inline(always)]
            fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error> {
                Self::of(cursor.fields(number, $usual)?)
            }
        }
    };
}
pub(super) use sequence;

/// A whole message, and nothing after it.
pub(crate) trait Message<'a>: Sized {
    /// What errors call it.
    const PART: &'static str;

    /// Reads all that a cursor has.
    fn whole<C: Cursor<'a>>(cursor: C) -> Result<Self, C::Error>;
}

/// Reads a message of a kind that comes with every handshake.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(crate) fn decode<'a, T: Message<'a>>(input: &'a [u8]) -> Decoded<T> {
    match T::whole(Glance::new(input)) {
        Ok(message) => Ok(message),
        Err(Unusual) => decode_closely(input),
    }
}

/// Reads a message.
#[cold]
#[inline(never)]
pub(crate) fn decode_closely<'a, T: Message<'a>>(input: &'a [u8]) -> Decoded<T> {
    T::whole(Reader::new(T::PART, input))
}

/// The number that these contents of an INTEGER are, of at most 64 bits (X.690
/// 8.3), whatever the number of octets that repeat its sign.
#[inline(always)]
#[allow(clippy::inline_always)]
pub(super) fn integer(octets: &[u8]) -> Result<i64, Problem> {
    match octets {
        [one] => Ok(i64::from(one.cast_signed())),
        [] => Err(Problem::Truncated),
        _ => long_integer(octets).ok_or(Problem::BadEncoding),
    }
}

#[inline(never)]
fn long_integer(octets: &[u8]) -> Option<i64> {
    let first = *octets.first()?;
    let sign: i64 = if first & 0x80 == 0 { 0 } else { -1 };
    if let Some((repeated, _)) = octets.split_last_chunk::<8>() {
        // As the octets in front of the last eight, so their first bit.
        let [fill, ..] = sign.to_be_bytes();
        let kept = octets.get(repeated.len()).copied().unwrap_or_default();
        if repeated.iter().any(|octet| *octet != fill) || (kept ^ fill) & 0x80 != 0 {
            return None;
        }
    }
    let number = |value, octet: &u8| value << 8 | i64::from(*octet);
    Some(octets.iter().fold(sign, number))
}
