//! The primitive types of RFC 4120 5.2, and the lists made of them.

// As in `der`: where a component is read in one look, it is a few instructions.
#![allow(clippy::inline_always)]

use core::fmt;
use core::marker::PhantomData;

use super::der::{Cursor, Element, Glance, Reader, Tag, Usual, integer, primitive};
use super::encode::{Encode, element_size, encode_integer, encode_octets, integer_size};
use super::encode::{put_header, put_integer};
use super::{Decoded, Problem};
use crate::calendar::{date_of, days_in, days_of};
use crate::etype::EncryptionType;

/// KerberosString and Realm: any bytes (rule 2), whatever RFC 4120 5.2.1
/// says of IA5. Active Directory sends UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

encode_octets!(Text<'_>, Tag::GENERAL_STRING, |value| value.0);

primitive!(
    Text<'a>,
    Tag::GENERAL_STRING,
    Usual::Short,
    |octets: &'a [u8]| Ok(Text(octets))
);

/// An OCTET STRING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

encode_octets!(Octets<'_>, Tag::OCTET_STRING, |value| value.0);

primitive!(
    Octets<'a>,
    Tag::OCTET_STRING,
    Usual::Short,
    |octets: &'a [u8]| Ok(Octets(octets))
);

/// KerberosFlags (RFC 4120 5.2.8) as a number: bit 0 of the RFC, the first
/// one sent, is `0x8000_0000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u32);

encode_octets!(Flags, Tag::BIT_STRING, |value| {
    let [a, b, c, d] = value.0.to_be_bytes();
    [0, a, b, c, d]
});

primitive!(
    Flags,
    Tag::BIT_STRING,
    Usual::Length(5),
    |octets: &'a [u8]| match *octets {
        [0, a, b, c, d] => Ok(Flags(u32::from_be_bytes([a, b, c, d]))),
        _ => Flags::of_any(octets),
    }
);

impl Flags {
    /// Fewer than 32 bits are filled up with zeros and those beyond 32 are
    /// dropped, as in MIT krb5: old implementations send the short form.
    fn of_any(octets: &[u8]) -> Result<Self, Problem> {
        let (&unused, bits) = octets.split_first().ok_or(Problem::BadLength)?;
        if unused > 7 || (unused > 0 && bits.is_empty()) {
            return Err(Problem::BadEncoding);
        }
        let mut first = [0; 4];
        for (to, from) in first.iter_mut().zip(bits) {
            *to = *from;
        }
        let in_use = u32::try_from(bits.len() * 8 - usize::from(unused)).unwrap_or(32);
        let mask = u32::MAX
            .checked_shl(32_u32.saturating_sub(in_use))
            .unwrap_or(0);
        Ok(Self(u32::from_be_bytes(first) & mask))
    }
}

/// What the INTEGER `value` makes of a number means, which errors call `field`.
#[inline(always)]
fn number<T>(
    octets: &[u8],
    field: &'static str,
    value: impl FnOnce(i64) -> Option<T>,
) -> Result<T, Problem> {
    value(integer(octets)?).ok_or(Problem::BadValue { field })
}

/// Microseconds, 0 to 999999 (RFC 4120 5.2.4).
#[inline(always)]
pub(crate) fn microseconds<'a, C: Cursor<'a>>(cursor: &mut C, at: u8) -> Result<u32, C::Error> {
    let value = |value| u32::try_from(value).ok().filter(|value| *value < 1_000_000);
    // All but few take three octets.
    cursor.primitive(at, Tag::INTEGER, Usual::Length(3), |octets| {
        number(octets, "Microseconds", value)
    })
}

/// An OPTIONAL count of them.
#[inline(always)]
pub(crate) fn some_microseconds<'a, C: Cursor<'a>>(
    cursor: &mut C,
    at: u8,
) -> Result<Option<u32>, C::Error> {
    cursor.optional(at, |cursor| microseconds(cursor, at))
}

// A Kerberos Int32 (RFC 4120 5.2.4).
primitive!(i32, Tag::INTEGER, Usual::Length(1), int32);

#[inline(always)]
fn int32(octets: &[u8]) -> Result<i32, Problem> {
    number(octets, "Int32", |value| i32::try_from(value).ok())
}

// A UInt32 that some peers send as a negative Int32 (rule 3).
primitive!(u32, Tag::INTEGER, Usual::Length(1), |octets: &'a [u8]| {
    number(octets, "UInt32", |value| {
        let negative = || i32::try_from(value).ok().map(i32::cast_unsigned);
        u32::try_from(value).ok().or_else(negative)
    })
});

encode_integer!(EncryptionType, Tag::INTEGER, |value| i64::from(value.0));

primitive!(
    EncryptionType,
    Tag::INTEGER,
    Usual::Length(1),
    |octets: &'a [u8]| int32(octets).map(EncryptionType)
);

/// An INTEGER that is always `N`: a version, a message type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Number<const N: u8>;

impl<const N: u8> Encode for Number<N> {
    fn size(&self) -> usize {
        integer_size(i64::from(N))
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_integer(Tag::INTEGER, i64::from(N), out);
    }
}

impl<const N: u8> Number<N> {
    /// Reads the number as a component, which errors call `field`.
    #[inline(always)]
    pub(crate) fn component<'a, C: Cursor<'a>>(
        cursor: &mut C,
        at: u8,
        field: &'static str,
    ) -> Result<Self, C::Error> {
        let value = |value| (value == i64::from(N)).then_some(Self);
        cursor.primitive(at, Tag::INTEGER, Usual::Length(1), |octets| {
            number(octets, field, value)
        })
    }
}

/// KerberosTime (RFC 4120 5.2.3) in seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KerberosTime(pub(crate) i64);

impl KerberosTime {
    /// 9999-12-31 23:59:59, the last one with four digits of year.
    pub(crate) const LAST: Self = Self(253_402_300_799);
    /// 0000-01-01 00:00:00, the first one.
    pub(crate) const FIRST: Self = Self(-62_167_219_200);

    /// `YYYYMMDDHHMMSSZ` and nothing else. What no text can say becomes the
    /// first or the last time that one can.
    pub(crate) fn to_text(self) -> [u8; 15] {
        let seconds = self.clamp(Self::FIRST, Self::LAST).0;
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        let mut text = *b"00000000000000Z";
        let [year, month, day, rest] =
            [year, month, day, rest].map(|number| u32::try_from(number).unwrap_or(0));
        let pairs = [
            year / 100,
            year % 100,
            month,
            day,
            rest / 3600,
            rest / 60 % 60,
            rest % 60,
        ];
        let (places, _) = text.as_chunks_mut::<2>();
        for (place, pair) in places.iter_mut().zip(pairs) {
            let [tens, ones] = [pair / 10 % 10, pair % 10].map(|digit| digit.to_le_bytes()[0]);
            *place = [b'0' + tens, b'0' + ones];
        }
        text
    }

    /// The time that a text says, if it is one.
    #[inline]
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        let text: &[u8; 15] = text.try_into().ok()?;
        // The day is in both.
        let (date, time) = (text.first_chunk()?, text.get(6..)?.first_chunk()?);
        let [century, year, month, day] = pairs(*date)?;
        let [_, hour, minute, second] = pairs(*time)?;
        let valid = text.last() == Some(&b'Z')
            && (1..=12).contains(&month)
            && day >= 1
            && (day <= 28
                || i64::from(day) <= days_in((century * 100 + year).into(), month.into()))
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds = hour * 3600 + minute * 60 + second;
        let days = days_of(century, year, month, day);
        valid.then(|| Self(days * 86_400 + i64::from(seconds)))
    }
}

/// The four numbers of two digits each that a text says, if it says any.
#[inline]
fn pairs(text: [u8; 8]) -> Option<[u32; 4]> {
    const ALL: u64 = u64::MAX / 0xFF;
    // All eight at once: an octet above `9` gets its high bit from 70 more, one
    // below `0` from 48 less. What it then does to its neighbour is no matter.
    let octets = u64::from_le_bytes(text);
    let above = octets.wrapping_add(ALL * u64::from(0x7F - b'9'));
    let below = octets.wrapping_sub(ALL * u64::from(b'0'));
    if (octets | above | below) & (ALL * 0x80) != 0 {
        return None;
    }
    let tens = below & (u64::MAX / 0xFFFF * 0xFF);
    let pairs = tens * 10 + (below >> 8 & (u64::MAX / 0xFFFF * 0xFF));
    let [a, _, b, _, c, _, d, _] = pairs.to_le_bytes();
    Some([a, b, c, d].map(u32::from))
}

encode_octets!(KerberosTime, Tag::GENERALIZED_TIME, |value| value.to_text());

primitive!(
    KerberosTime,
    Tag::GENERALIZED_TIME,
    Usual::Length(15),
    |octets: &'a [u8]| {
        let field = "KerberosTime";
        KerberosTime::from_text(octets).ok_or(Problem::BadValue { field })
    }
);

/// A SEQUENCE OF: either given, to be encoded, or read from a message. One
/// that was read stays in the input and is read again by whoever walks it,
/// so that no list allocates; all its elements were checked when it was met.
pub(crate) struct List<'a, T> {
    source: Source<'a, T>,
}

enum Source<'a, T> {
    Read(&'a [u8], PhantomData<T>),
    Given(&'a [T]),
}

impl<'a, T: Element<'a> + Copy> List<'a, T> {
    /// The list of `items`.
    pub(crate) fn of(items: &'a [T]) -> Self {
        Self {
            source: Source::Given(items),
        }
    }

    /// The elements' bytes one after the other, where the list was read.
    pub(crate) fn contents(&self) -> &'a [u8] {
        match self.source {
            Source::Read(contents, _) => contents,
            Source::Given(_) => &[],
        }
    }

    /// The list whose elements have these bytes.
    pub(crate) fn from_contents(part: &'static str, contents: &'a [u8]) -> Decoded<Self> {
        Self::all(Reader::new(part, contents))
    }

    /// The elements, in order.
    pub(crate) fn iter(&self) -> Items<'a, T> {
        match self.source {
            Source::Read(contents, _) => Items {
                read: contents,
                given: [].iter(),
            },
            Source::Given(items) => Items {
                read: &[],
                given: items.iter(),
            },
        }
    }
}

impl<'a, T: Element<'a>> List<'a, T> {
    /// The list of all elements that a cursor has.
    #[inline(always)]
    fn all<C: Cursor<'a>>(mut elements: C) -> Result<Self, C::Error> {
        let source = Source::Read(elements.rest(), PhantomData);
        while !elements.is_empty() {
            T::read(&mut elements)?;
        }
        Ok(Self { source })
    }
}

impl<'a, T: Element<'a>> Element<'a> for List<'a, T> {
    #[inline(always)]
    fn read<C: Cursor<'a>>(cursor: &mut C) -> Result<Self, C::Error> {
        Self::all(cursor.sequence()?)
    }

    #[inline(always)]
    fn component<C: Cursor<'a>>(cursor: &mut C, number: u8) -> Result<Self, C::Error> {
        Self::all(cursor.fields(number, Usual::Short)?)
    }
}

impl<'a, T: Element<'a> + Encode + Copy> List<'a, T> {
    fn length(&self) -> usize {
        self.iter().map(|item| item.size()).sum()
    }
}

impl<'a, T: Element<'a> + Encode + Copy> Encode for List<'a, T> {
    fn size(&self) -> usize {
        element_size(self.length())
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_header(Tag::SEQUENCE, self.length(), out);
        self.iter().for_each(|item| item.put(out));
    }
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<'a, T: Element<'a> + Copy + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The elements of a [`List`].
pub(crate) struct Items<'a, T> {
    read: &'a [u8],
    given: core::slice::Iter<'a, T>,
}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        Self {
            read: self.read,
            given: self.given.clone(),
        }
    }
}

impl<'a, T: Element<'a> + Copy> Iterator for Items<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.read.is_empty() {
            return self.given.next().copied();
        }
        let mut glance = Glance::new(self.read);
        if let Ok(item) = T::read(&mut glance) {
            self.read = glance.rest();
            return Some(item);
        }
        self.next_closely()
    }
}

impl<'a, T: Element<'a>> Items<'a, T> {
    #[cold]
    fn next_closely(&mut self) -> Option<T> {
        let mut reader = Reader::new("list", self.read);
        let item = T::read(&mut reader).ok();
        self.read = if item.is_some() { reader.rest() } else { &[] };
        item
    }
}
