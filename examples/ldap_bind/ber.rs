//! As much of BER (X.690 8) as three of LDAP's messages need. It goes through
//! a message once, from the outside in, and never calls itself: no depth of
//! nesting costs more than its bytes.

/// Not BER, or not what LDAP says should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

pub const INTEGER: u8 = 0x02;
pub const OCTET_STRING: u8 = 0x04;
pub const ENUMERATED: u8 = 0x0A;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// Length of the header of an element, and of its contents; `None` if the
/// header has not come whole. LDAP has definite lengths alone (RFC 4511 5.1),
/// in any form: OpenLDAP writes short ones, Windows four bytes each time.
pub fn header(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let Some(&first) = bytes.get(1) else {
        return Ok(None);
    };
    match first {
        0..=0x7F => Ok(Some((2, first.into()))),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let length = bytes.get(2..2 + count).map(|digits| {
                let value = digits
                    .iter()
                    .fold(0, |sum, digit| sum << 8 | u64::from(*digit));
                (2 + count, usize::try_from(value).unwrap_or(usize::MAX))
            });
            Ok(length)
        }
        _ => Err(Malformed),
    }
}

/// Elements, one after the other.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The tag of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag, and what is in it.
    pub fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (tag, (head, length)) = self.peek().zip(header(self.0)?).ok_or(Malformed)?;
        let end = head.checked_add(length).ok_or(Malformed)?;
        let contents = self.0.get(head..end).ok_or(Malformed)?;
        self.0 = &self.0[end..];
        Ok((tag, contents))
    }

    /// The next element, which has this tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.any()? {
            (found, contents) if found == tag => Ok(contents),
            _ => Err(Malformed),
        }
    }

    /// A number that is not negative, as all of LDAP's are (RFC 4511 4.1.1).
    pub fn number(&mut self, tag: u8) -> Result<u32, Malformed> {
        let contents = self.expect(tag)?;
        if contents.is_empty() || contents.len() > 5 || contents[0] & 0x80 != 0 {
            return Err(Malformed);
        }
        let value = contents
            .iter()
            .fold(0, |sum, digit| sum << 8 | u64::from(*digit));
        u32::try_from(value).map_err(|_| Malformed)
    }
}

/// An element with these contents.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let length = u32::try_from(contents.len()).unwrap_or(u32::MAX);
            bytes.push(0x84);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(contents);
    bytes
}

/// A number that is not negative.
pub fn number(tag: u8, value: u32) -> Vec<u8> {
    let digits = value.to_be_bytes();
    // A zero before a first bit of 1, so that it is not negative.
    let skip = digits
        .iter()
        .take(3)
        .take_while(|digit| **digit == 0)
        .count();
    let sign = digits[skip] & 0x80 != 0;
    let contents: Vec<u8> = sign
        .then_some(0)
        .into_iter()
        .chain(digits[skip..].iter().copied())
        .collect();
    element(tag, &contents)
}

#[cfg(test)]
mod tests {
    use super::{INTEGER, Malformed, OCTET_STRING, Reader, element, header, number};

    #[test]
    fn lengths_in_every_form() {
        // X.690 8.1.3: 3 in one byte, in two, in five.
        for bytes in [
            &b"\x04\x03abc"[..],
            b"\x04\x81\x03abc",
            b"\x04\x84\0\0\0\x03abc",
        ] {
            assert_eq!(Reader(bytes).expect(OCTET_STRING), Ok(&b"abc"[..]));
            assert_eq!(Reader(&bytes[..bytes.len() - 1]).any(), Err(Malformed));
        }
        assert_eq!(header(b"\x30\x84\0\0"), Ok(None));
        assert_eq!(
            header(b"\x30\x84\xFF\xFF\xFF\xFF"),
            Ok(Some((6, 0xFFFF_FFFF)))
        );
        assert_eq!(header(b"\x30\x80"), Err(Malformed), "indefinite");
        assert_eq!(header(b"\x30\x85\0\0\0\0\0"), Err(Malformed));
        assert_eq!(
            element(OCTET_STRING, &[7; 200])[..6],
            *b"\x04\x84\0\0\0\xC8"
        );
    }

    #[test]
    fn numbers() {
        for (value, bytes) in [
            (0, &b"\x02\x01\0"[..]),
            (127, b"\x02\x01\x7F"),
            (128, b"\x02\x02\0\x80"),
            (0x7FFF_FFFF, b"\x02\x04\x7F\xFF\xFF\xFF"),
            (u32::MAX, b"\x02\x05\0\xFF\xFF\xFF\xFF"),
        ] {
            assert_eq!(number(INTEGER, value), bytes);
            assert_eq!(Reader(bytes).number(INTEGER), Ok(value));
        }
        for bad in [
            &b"\x02\0"[..],
            b"\x02\x01\x80",
            b"\x02\x05\x01\0\0\0\0",
            b"\x04\x01\0",
        ] {
            assert_eq!(Reader(bad).number(INTEGER), Err(Malformed));
        }
    }
}
