//! Writing DER (X.690 8.1, 10.1).
//!
//! Sizes are computed first, so that a message is written from front to back
//! into room that it fits exactly: nothing is moved, and nothing secret is
//! left behind where a buffer had to grow.

use super::der::Tag;
use super::{CodecError, Decoded, Problem};

/// What can be written as one element.
pub(crate) trait Encode {
    /// How many octets that takes, identifier and length included.
    fn size(&self) -> usize;

    /// Writes them.
    fn put(&self, out: &mut Vec<u8>);
}

/// A component of a SEQUENCE: what is OPTIONAL may be absent.
pub(crate) trait Component {
    /// What it is, where it is present.
    type Of: Encode;

    /// It, if it is present.
    fn present(&self) -> Option<&Self::Of>;
}

impl<T: Encode> Component for T {
    type Of = T;

    fn present(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T: Encode> Component for Option<T> {
    type Of = T;

    fn present(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// Encodes a message in DER.
///
/// # Errors
///
/// [`Problem::BadLength`] when it is of a size that nobody would send: 2 GiB.
pub(crate) fn encode(part: &'static str, message: &impl Encode) -> Decoded<Vec<u8>> {
    let size = message.size();
    if i32::try_from(size).is_err() {
        return Err(CodecError::new(part, Problem::BadLength));
    }
    let mut out = Vec::with_capacity(size);
    message.put(&mut out);
    debug_assert_eq!(out.len(), size, "{part} has the size that was computed");
    Ok(out)
}

/// The size of an element with contents of `length` octets.
pub(crate) fn element_size(length: usize) -> usize {
    1 + length_octets(length) + length
}

/// Writes identifier and length.
pub(crate) fn put_header(tag: Tag, length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.extend_from_slice(&[tag.0, short]),
        Ok(long) => out.extend_from_slice(&[tag.0, 0x81, long]),
        Err(_) => {
            out.push(tag.0);
            put_length(length, out);
        }
    }
}

/// Writes a primitive element.
pub(crate) fn put_octets(tag: Tag, octets: &[u8], out: &mut Vec<u8>) {
    put_header(tag, octets.len(), out);
    out.extend_from_slice(octets);
}

/// How many octets a definite length takes (X.690 8.1.3, 10.1).
fn length_octets(length: usize) -> usize {
    if length < 0x80 {
        1
    } else {
        1 + significant(length)
    }
}

/// A length that takes more than one octet.
fn put_length(length: usize, out: &mut Vec<u8>) {
    let count = significant(length);
    out.push(0x80 | u8::try_from(count).unwrap_or(0));
    let octets = length.to_be_bytes();
    out.extend(octets.iter().skip(octets.len() - count));
}

/// How many octets of a number are not leading zeros.
fn significant(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8) as usize
}

/// The fewest octets that are this INTEGER, at the end of the array (X.690
/// 8.3.2): those in front of them only repeat the sign.
fn integer_octets(value: i64) -> ([u8; 8], usize) {
    let magnitude = if value < 0 { !value } else { value };
    let bits = i64::BITS - magnitude.leading_zeros() + 1;
    (value.to_be_bytes(), bits.div_ceil(8) as usize)
}

/// The size of an INTEGER.
pub(crate) fn integer_size(value: i64) -> usize {
    element_size(integer_octets(value).1)
}

/// Writes an INTEGER, or an ENUMERATED by its tag.
pub(crate) fn put_integer(tag: Tag, value: i64, out: &mut Vec<u8>) {
    let (octets, count) = integer_octets(value);
    put_octets(tag, octets.split_at(octets.len() - count).1, out);
}

/// An `Encode` that is one INTEGER.
macro_rules! encode_integer {
    ($type:ty, $tag:expr, |$value:ident| $integer:expr) => {
        impl $crate::backends::rust::kerberos::codec::encode::Encode for $type {
            fn size(&self) -> usize {
                let $value = self;
                $crate::backends::rust::kerberos::codec::encode::integer_size($integer)
            }

            fn put(&self, out: &mut Vec<u8>) {
                let $value = self;
                $crate::backends::rust::kerberos::codec::encode::put_integer($tag, $integer, out);
            }
        }
    };
}

encode_integer!(i32, Tag::INTEGER, |value| i64::from(*value));
encode_integer!(u32, Tag::INTEGER, |value| i64::from(*value));

/// An `Encode` that is one primitive element; the contents are a slice or an
/// array.
macro_rules! encode_octets {
    ($type:ty, $tag:expr, |$value:ident| $octets:expr) => {
        impl $crate::backends::rust::kerberos::codec::encode::Encode for $type {
            fn size(&self) -> usize {
                let $value = self;
                $crate::backends::rust::kerberos::codec::encode::element_size($octets.len())
            }

            fn put(&self, out: &mut Vec<u8>) {
                let $value = self;
                $crate::backends::rust::kerberos::codec::encode::put_octets($tag, &$octets, out);
            }
        }
    };
}

/// The size of the component under context tag `number`.
pub(crate) fn component_size(component: &impl Component) -> usize {
    component
        .present()
        .map_or(0, |value| element_size(value.size()))
}

/// Writes the component under its EXPLICIT context tag.
pub(crate) fn put_component(number: u8, component: &impl Component, out: &mut Vec<u8>) {
    if let Some(value) = component.present() {
        put_header(Tag::context(number), value.size(), out);
        value.put(out);
    }
}

/// `Encode` of a SEQUENCE whose components are under EXPLICIT context tags,
/// as all of Kerberos' and SPNEGO's are; with a third argument under an
/// EXPLICIT tag of its own.
macro_rules! encode_sequence {
    ($type:ty, { $($number:literal => $field:ident),* $(,)? } $(, $explicit:expr)?) => {
        impl $crate::backends::rust::kerberos::codec::encode::Encode for $type {
            fn size(&self) -> usize {
                use $crate::backends::rust::kerberos::codec::encode;
                let size = encode::element_size(0 $(+ encode::component_size(&self.$field))*);
                $(
                    let _: $crate::backends::rust::kerberos::codec::der::Tag = $explicit;
                    let size = encode::element_size(size);
                )?
                size
            }

            fn put(&self, out: &mut Vec<u8>) {
                use $crate::backends::rust::kerberos::codec::{der::Tag, encode};
                let length = 0 $(+ encode::component_size(&self.$field))*;
                $(encode::put_header($explicit, encode::element_size(length), out);)?
                encode::put_header(Tag::SEQUENCE, length, out);
                $(encode::put_component($number, &self.$field, out);)*
            }
        }
    };
}

pub(crate) use {encode_integer, encode_octets, encode_sequence};

#[cfg(test)]
mod tests {
    use super::{Encode as _, element_size, encode};
    use crate::backends::rust::kerberos::codec::Problem;
    use crate::backends::rust::kerberos::codec::der::Tag;
    use crate::backends::rust::kerberos::codec::wire::Octets;

    /// X.690 8.3.2 and 8.3.3: the fewest octets in two's complement. The
    /// values are at the edges where another octet is needed.
    #[test]
    fn an_integer_has_the_fewest_octets() {
        let cases: [(i32, &[u8]); 12] = [
            (0, &[2, 1, 0x00]),
            (5, &[2, 1, 0x05]),
            (127, &[2, 1, 0x7F]),
            (128, &[2, 2, 0x00, 0x80]),
            (255, &[2, 2, 0x00, 0xFF]),
            (256, &[2, 2, 0x01, 0x00]),
            (0x7FFF_FFFF, &[2, 4, 0x7F, 0xFF, 0xFF, 0xFF]),
            (-1, &[2, 1, 0xFF]),
            (-128, &[2, 1, 0x80]),
            (-129, &[2, 2, 0xFF, 0x7F]),
            (-138, &[2, 2, 0xFF, 0x76]),
            (i32::MIN, &[2, 4, 0x80, 0x00, 0x00, 0x00]),
        ];
        for (value, expected) in cases {
            assert_eq!(encode("", &value).unwrap(), expected, "{value}");
        }
        assert_eq!(
            encode("", &0xFFFF_FFFF_u32).unwrap(),
            [2, 5, 0x00, 0xFF, 0xFF, 0xFF, 0xFF]
        );
    }

    /// X.690 8.1.3 and 10.1: short below 128, then as few octets as will do.
    #[test]
    fn a_length_has_the_fewest_octets() {
        for (length, expected) in [
            (0, vec![4, 0x00]),
            (127, vec![4, 0x7F]),
            (128, vec![4, 0x81, 0x80]),
            (255, vec![4, 0x81, 0xFF]),
            (256, vec![4, 0x82, 0x01, 0x00]),
            (65_535, vec![4, 0x82, 0xFF, 0xFF]),
            (65_536, vec![4, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let contents = vec![0x5A; length];
            let element = encode("", &Octets(&contents)).unwrap();
            assert!(element.starts_with(&expected), "{length}");
            assert_eq!(element.len(), expected.len() + length);
            assert_eq!(element_size(length), element.len());
        }
    }

    struct Huge;

    impl super::Encode for Huge {
        fn size(&self) -> usize {
            0x8000_0000
        }

        fn put(&self, _: &mut Vec<u8>) {
            panic!("nobody makes room for it");
        }
    }

    #[test]
    fn what_nobody_would_send_is_not_written() {
        let error = encode("huge", &Huge).unwrap_err();
        assert_eq!((error.part, error.problem), ("huge", Problem::BadLength));
    }

    struct Pair {
        first: Option<u32>,
        second: i32,
    }

    encode_sequence!(Pair, { 1 => first, 3 => second }, Tag::application(30));

    #[test]
    fn an_absent_component_leaves_nothing() {
        let both = Pair {
            first: Some(7),
            second: -1,
        };
        let expected = [
            0x7E, 0x0C, 0x30, 0x0A, 0xA1, 3, 2, 1, 7, 0xA3, 3, 2, 1, 0xFF,
        ];
        assert_eq!(encode("", &both).unwrap(), expected);
        assert_eq!(both.size(), expected.len());
        let one = Pair {
            first: None,
            ..both
        };
        let expected = [0x7E, 0x07, 0x30, 0x05, 0xA3, 3, 2, 1, 0xFF];
        assert_eq!(encode("", &one).unwrap(), expected);
    }
}
