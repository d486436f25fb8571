//! The primitive types of RFC 4120 5.2, and the lists made of them.

use core::fmt;
use core::marker::PhantomData;

use super::der::{Element, Reader, Tag};
use super::encode::{Encode, element_size, encode_integer, encode_octets, integer_size};
use super::encode::{put_header, put_integer};
use super::{Decoded, Problem};
use crate::calendar::{date_of, days_in, days_to};
use crate::etype::EncryptionType;

/// KerberosString and Realm: any bytes (rule 2), whatever RFC 4120 5.2.1
/// says of IA5. Active Directory sends UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

encode_octets!(Text<'_>, Tag::GENERAL_STRING, |value| value.0);

impl<'a> Element<'a> for Text<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Decoded<Self> {
        reader.octets(Tag::GENERAL_STRING).map(Self)
    }
}

/// An OCTET STRING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

encode_octets!(Octets<'_>, Tag::OCTET_STRING, |value| value.0);

impl<'a> Element<'a> for Octets<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Decoded<Self> {
        reader.octets(Tag::OCTET_STRING).map(Self)
    }
}

/// KerberosFlags (RFC 4120 5.2.8) as a number: bit 0 of the RFC, the first
/// one sent, is `0x8000_0000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u32);

encode_octets!(Flags, Tag::BIT_STRING, |value| {
    let [a, b, c, d] = value.0.to_be_bytes();
    [0, a, b, c, d]
});

impl Element<'_> for Flags {
    /// Fewer than 32 bits are filled up with zeros and those beyond 32 are
    /// dropped, as in MIT krb5: old implementations send the short form.
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
        let octets = reader.octets(Tag::BIT_STRING)?;
        let (&unused, bits) = octets
            .split_first()
            .ok_or_else(|| reader.error(Problem::BadLength))?;
        if unused > 7 || (unused > 0 && bits.is_empty()) {
            return Err(reader.error(Problem::BadEncoding));
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

/// A Kerberos Int32 (RFC 4120 5.2.4).
#[inline]
pub(crate) fn int32(reader: &mut Reader<'_>) -> Decoded<i32> {
    let value = reader.integer()?;
    i32::try_from(value).map_err(|_| reader.bad_value("Int32"))
}

/// A UInt32 that some peers send as a negative Int32 (rule 3).
#[inline]
pub(crate) fn uint32(reader: &mut Reader<'_>) -> Decoded<u32> {
    let value = reader.integer()?;
    let negative = || i32::try_from(value).ok().map(i32::cast_unsigned);
    u32::try_from(value)
        .ok()
        .or_else(negative)
        .ok_or_else(|| reader.bad_value("UInt32"))
}

/// Microseconds, 0 to 999999 (RFC 4120 5.2.4).
#[inline]
pub(crate) fn microseconds(reader: &mut Reader<'_>) -> Decoded<u32> {
    let value = reader.integer()?;
    match u32::try_from(value) {
        Ok(value @ 0..=999_999) => Ok(value),
        _ => Err(reader.bad_value("Microseconds")),
    }
}

impl Element<'_> for i32 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
        int32(reader)
    }
}

encode_integer!(EncryptionType, Tag::INTEGER, |value| i64::from(value.0));

impl Element<'_> for EncryptionType {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
        int32(reader).map(Self)
    }
}

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
    /// Reads the number, which errors call `field`.
    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Decoded<Self> {
        if reader.integer()? == i64::from(N) {
            Ok(Self)
        } else {
            Err(reader.bad_value(field))
        }
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
        let parts = [
            (0, 4, year),
            (4, 2, month),
            (6, 2, day),
            (8, 2, rest / 3600),
            (10, 2, rest / 60 % 60),
            (12, 2, rest % 60),
        ];
        for (start, digits, mut value) in parts {
            for place in text.iter_mut().skip(start).take(digits).rev() {
                *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        }
        text
    }

    /// The time that a text says, if it is one.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        let [digits @ .., b'Z'] = text else {
            return None;
        };
        let digits: &[u8; 14] = digits.try_into().ok()?;
        let digits = digits.map(|digit| digit.wrapping_sub(b'0'));
        if digits.iter().any(|digit| *digit > 9) {
            return None;
        }
        let [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2] = digits;
        let two = |tens: u8, ones: u8| i64::from(tens * 10 + ones);
        let (year, month, day) = (two(y1, y2) * 100 + two(y3, y4), two(m1, m2), two(d1, d2));
        let (hour, minute, second) = (two(h1, h2), two(n1, n2), two(s1, s2));
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then(|| Self(days_to(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second))
    }
}

encode_octets!(KerberosTime, Tag::GENERALIZED_TIME, |value| value.to_text());

impl Element<'_> for KerberosTime {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
        let text = reader.octets(Tag::GENERALIZED_TIME)?;
        Self::from_text(text).ok_or_else(|| reader.bad_value("KerberosTime"))
    }
}

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
        let mut elements = Reader::new(part, contents);
        while !elements.is_empty() {
            T::read(&mut elements)?;
        }
        let source = Source::Read(contents, PhantomData);
        Ok(Self { source })
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

impl<'a, T: Element<'a>> Element<'a> for List<'a, T> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Decoded<Self> {
        let mut elements = reader.sequence()?;
        let contents = elements.rest();
        while !elements.is_empty() {
            T::read(&mut elements)?;
        }
        Ok(Self {
            source: Source::Read(contents, PhantomData),
        })
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
        let mut reader = Reader::new("list", self.read);
        let item = T::read(&mut reader).ok();
        self.read = if item.is_some() { reader.rest() } else { &[] };
        item
    }
}
