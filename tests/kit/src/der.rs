//! A DER writer that can also write what DER forbids, and a reader for the replies.
//!
//! The writer never validates: a case that needs a wrong tag, length or order simply writes it.

/// How the length octets of one element are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// The minimal definite form, the only one DER allows (X.690 10.1).
    #[default]
    Exact,
    /// Definite long form with this many superfluous zero octets.
    Padded(usize),
    /// Claims this many octets more (or, negative, fewer) than follow.
    Off(isize),
    /// Indefinite length (`80`), ended by `00 00`: BER, not DER.
    Indefinite,
    /// Long form with `n` length octets, all `FF`.
    Absurd(usize),
}

fn length_octets(len: usize, out: &mut Vec<u8>) {
    if len < 0x80 {
        out.push(len as u8);
        return;
    }
    let bytes = len.to_be_bytes();
    let skip = bytes.iter().take_while(|b| **b == 0).count();
    out.push(0x80 | (bytes.len() - skip) as u8);
    out.extend_from_slice(&bytes[skip..]);
}

/// One element with a one-octet tag.
pub fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    tlv_as(tag, body, Length::Exact)
}

/// One element whose length octets are written as asked.
pub fn tlv_as(tag: u8, body: &[u8], length: Length) -> Vec<u8> {
    let mut out = vec![tag];
    match length {
        Length::Exact => length_octets(body.len(), &mut out),
        Length::Off(by) => length_octets(body.len().saturating_add_signed(by), &mut out),
        Length::Padded(zeros) => {
            let bytes = body.len().to_be_bytes();
            let skip = bytes.iter().take_while(|b| **b == 0).count().min(7);
            out.push(0x80 | (bytes.len() - skip + zeros) as u8);
            out.extend(std::iter::repeat_n(0, zeros));
            out.extend_from_slice(&bytes[skip..]);
        }
        Length::Indefinite => out.push(0x80),
        Length::Absurd(n) => {
            out.push(0x80 | n as u8);
            out.extend(std::iter::repeat_n(0xff, n));
        }
    }
    out.extend_from_slice(body);
    if length == Length::Indefinite {
        out.extend_from_slice(&[0, 0]);
    }
    out
}

/// SEQUENCE (or SEQUENCE OF) with the given elements in the given order.
pub fn seq<I: IntoIterator<Item = Vec<u8>>>(parts: I) -> Vec<u8> {
    tlv(0x30, &parts.into_iter().flatten().collect::<Vec<u8>>())
}

/// `[n] EXPLICIT`.
pub fn ctx(n: u8, inner: Vec<u8>) -> Vec<u8> {
    tlv(0xa0 | n, &inner)
}

/// `[n] EXPLICIT ... OPTIONAL`: nothing when absent.
pub fn opt(n: u8, inner: Option<Vec<u8>>) -> Vec<u8> {
    inner.map(|i| ctx(n, i)).unwrap_or_default()
}

/// `[APPLICATION n]`, constructed.
pub fn app(n: u8, inner: Vec<u8>) -> Vec<u8> {
    tlv(0x60 | n, &inner)
}

/// INTEGER, minimal two's complement. Negative values are written as such (rule 3).
pub fn int(value: i64) -> Vec<u8> {
    tlv(0x02, minimal(&value.to_be_bytes()))
}

/// ENUMERATED.
pub fn enumerated(value: i64) -> Vec<u8> {
    tlv(0x0a, minimal(&value.to_be_bytes()))
}

fn minimal(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while at + 1 < bytes.len()
        && ((bytes[at] == 0 && bytes[at + 1] < 0x80)
            || (bytes[at] == 0xff && bytes[at + 1] >= 0x80))
    {
        at += 1;
    }
    &bytes[at..]
}

/// OCTET STRING.
pub fn octets(value: &[u8]) -> Vec<u8> {
    tlv(0x04, value)
}

/// GeneralString holding any bytes (rule 2).
pub fn general_string(value: &[u8]) -> Vec<u8> {
    tlv(0x1b, value)
}

/// BIT STRING of exactly 32 bits, as KerberosFlags (RFC 4120 5.2.8); bit 0 is the highest.
pub fn flags32(value: u32) -> Vec<u8> {
    let mut body = vec![0];
    body.extend_from_slice(&value.to_be_bytes());
    tlv(0x03, &body)
}

/// OBJECT IDENTIFIER from its content octets.
pub fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

/// KerberosTime (`YYYYMMDDHHMMSSZ`) from unix seconds.
pub fn time(unix: i64) -> Vec<u8> {
    let (days, secs) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let (y, m, d) = civil(days);
    let (hh, mm, ss) = (secs / 3600, secs / 60 % 60, secs % 60);
    let text = format!("{y:04}{m:02}{d:02}{hh:02}{mm:02}{ss:02}Z");
    tlv(0x18, text.as_bytes())
}

/// Days since 1970-01-01 to (year, month, day), proleptic Gregorian.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

fn days_from_civil(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// One element as read.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub body: &'a [u8],
    /// The whole element.
    pub raw: &'a [u8],
}

/// Reads elements one after the other; what was read is strictly DER in its lengths.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

/// What is wrong with what was read.
pub type Bad = String;

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Fails unless everything has been read.
    pub fn end(&self) -> Result<(), Bad> {
        match self.0.len() {
            0 => Ok(()),
            n => Err(format!("{n} octets after the end")),
        }
    }

    /// The tag of the next element.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Tlv<'a>, Bad> {
        let [tag, first, ..] = *self.0 else {
            return Err("truncated header".into());
        };
        let (header, len) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81..=0x84 => {
                let n = usize::from(first & 0x7f);
                let bytes = self.0.get(2..2 + n).ok_or("truncated length")?;
                let len = bytes.iter().fold(0, |l, b| l << 8 | usize::from(*b));
                if bytes[0] == 0 || len < 0x80 {
                    return Err("length is not minimal".into());
                }
                (2 + n, len)
            }
            _ => return Err(format!("length octet {first:02x}")),
        };
        let raw = self.0.get(..header + len).ok_or("truncated element")?;
        self.0 = &self.0[raw.len()..];
        Ok(Tlv {
            tag,
            body: &raw[header..],
            raw,
        })
    }

    /// The content of the next element, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Bad> {
        match self.any()? {
            t if t.tag == tag => Ok(t.body),
            t => Err(format!("tag {:02x} where {tag:02x} is due", t.tag)),
        }
    }

    /// The content of `[n]` if it comes next.
    pub fn field(&mut self, n: u8) -> Result<Option<Reader<'a>>, Bad> {
        if self.peek() == Some(0xa0 | n) {
            return Ok(Some(Reader(self.any()?.body)));
        }
        Ok(None)
    }

    /// The content of `[n]`, which must come next.
    pub fn must(&mut self, n: u8) -> Result<Reader<'a>, Bad> {
        self.field(n)?.ok_or(format!("field [{n}] is missing"))
    }

    /// An INTEGER or ENUMERATED of up to eight octets.
    pub fn int(&mut self) -> Result<i64, Bad> {
        let t = self.any()?;
        if !matches!(t.tag, 0x02 | 0x0a) || t.body.is_empty() || t.body.len() > 8 {
            return Err(format!("tag {:02x} is no integer", t.tag));
        }
        let start = if t.body[0] >= 0x80 { -1 } else { 0 };
        Ok(t.body
            .iter()
            .fold(start, |v: i64, b| v << 8 | i64::from(*b)))
    }

    /// A KerberosTime as unix seconds.
    pub fn time(&mut self) -> Result<i64, Bad> {
        let body = self.expect(0x18)?;
        let text = std::str::from_utf8(body).map_err(|e| e.to_string())?;
        if body.len() != 15 || !text.ends_with('Z') {
            return Err(format!("time {text}"));
        }
        let n = |r: std::ops::Range<usize>| text[r].parse::<i64>().map_err(|e| e.to_string());
        let days = days_from_civil(n(0..4)?, n(4..6)?, n(6..8)?);
        Ok(days * 86_400 + n(8..10)? * 3600 + n(10..12)? * 60 + n(12..14)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(tlv(4, &[1]), [4, 1, 1]);
        assert_eq!(tlv(4, &[0; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv_as(4, &[7], Length::Padded(1)), [4, 0x82, 0, 1, 7]);
        assert_eq!(tlv_as(4, &[7], Length::Off(2)), [4, 3, 7]);
        assert_eq!(tlv_as(4, &[7], Length::Absurd(2)), [4, 0x82, 255, 255, 7]);
        assert_eq!(tlv_as(4, &[7], Length::Indefinite), [4, 0x80, 7, 0, 0]);
    }

    #[test]
    fn integers_and_times_read_back() {
        for v in [
            0,
            1,
            127,
            128,
            255,
            256,
            -1,
            -128,
            -129,
            1 << 31,
            -(1 << 31),
        ] {
            assert_eq!(Reader::new(&int(v)).int(), Ok(v));
        }
        assert_eq!(int(128), [2, 2, 0, 128]);
        for t in [0, 951_782_400, 1_735_689_599, 4_102_444_800] {
            assert_eq!(Reader::new(&time(t)).time(), Ok(t));
        }
        assert_eq!(&time(1_000_000_000)[2..], b"20010909014640Z");
    }

    #[test]
    fn reader_refuses_what_is_not_der() {
        assert!(
            Reader::new(&tlv_as(4, &[7], Length::Padded(0)))
                .any()
                .is_err()
        );
        assert!(Reader::new(&tlv_as(4, &[7], Length::Off(1))).any().is_err());
    }
}
