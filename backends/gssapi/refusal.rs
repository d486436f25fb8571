//! What a client is told whom this side refuses, and not the library
//! (rule 21): KRB-ERROR, as the library would have framed it.

use std::time::{Duration, SystemTime};

use super::oid;
use crate::calendar::date_of;
use crate::mechanism::Framing;
use crate::name::Principal;
use crate::time::unix_seconds;

/// NegTokenResp with negState reject (RFC 4178 4.2.2).
pub(super) const REJECT: [u8; 9] = [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2];

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
/// KRB-ERROR's token id (RFC 4121 4.1).
const TOKEN_ID: [u8; 2] = [3, 0];

/// A KRB-ERROR (RFC 4120 5.9.1), framed; in a negotiation inside of a reject.
pub(super) fn token(code: i32, service: &Principal, now: SystemTime, framing: Framing) -> Vec<u8> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.unwrap_or(Duration::ZERO).subsec_micros();
    let names: Vec<Vec<u8>> = service.components().map(string).collect();
    let name = [
        field(0, &integer(i64::from(service.name_type()))),
        field(1, &der(SEQUENCE, &names.concat())),
    ];
    let fields = [
        field(0, &integer(5)),
        field(1, &integer(30)),
        field(4, &der(0x18, time(now).as_bytes())),
        field(5, &integer(i64::from(micros))),
        field(6, &integer(i64::from(code))),
        field(9, &string(service.realm())),
        field(10, &der(SEQUENCE, &name.concat())),
    ];
    let error = der(0x7E, &der(SEQUENCE, &fields.concat()));
    // RFC 2743 3.1.
    let framed = [&der(0x06, oid::KRB5), &TOKEN_ID[..], &error].concat();
    let framed = der(0x60, &framed);
    match framing {
        Framing::Raw => framed,
        Framing::Spnego => {
            let fields = [field(0, &der(0x0A, &[2])), field(2, &der(OCTETS, &framed))];
            field(1, &der(SEQUENCE, &fields.concat()))
        }
    }
}

/// One element, its length in as few octets as it takes (X.690 10.1).
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut out = vec![tag];
    match length {
        [] => out.push(0),
        [short @ 0..=0x7F] => out.push(*short),
        // Eight octets at the most.
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend(long);
        }
    }
    out.extend(contents);
    out
}

fn field(number: u8, contents: &[u8]) -> Vec<u8> {
    der(0xA0 | number, contents)
}

/// GeneralString.
fn string(text: &[u8]) -> Vec<u8> {
    der(0x1B, text)
}

/// An INTEGER in as few octets as it takes (X.690 8.3.2).
fn integer(number: i64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let mut rest = &octets[..];
    while let [first, after @ ..] = rest {
        let sign = after.first().map(|next| next & 0x80);
        match (first, sign) {
            (0, Some(0)) | (0xFF, Some(0x80)) => rest = after,
            _ => break,
        }
    }
    der(0x02, rest)
}

/// KerberosTime (RFC 4120 5.2.3).
fn time(now: SystemTime) -> String {
    let seconds = unix_seconds(now);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{der, integer, time, token};
    use crate::mechanism::Framing;
    use crate::name::Principal;

    /// X.690 8.1.3, 8.3.
    #[test]
    fn lengths_and_numbers_take_as_few_octets_as_they_can() {
        assert_eq!(der(4, &[]), [4, 0]);
        assert_eq!(der(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(der(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(der(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
        for (number, octets) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[0xFF]),
            (-128, &[0x80]),
            (-129, &[0xFF, 0x7F]),
            (999_999, &[0x0F, 0x42, 0x3F]),
        ] {
            assert_eq!(integer(number)[2..], *octets, "{number}");
        }
    }

    /// Expected from `date -u -d @SECONDS +%Y%m%d%H%M%SZ`.
    #[test]
    fn times_are_those_of_date() {
        for (seconds, text) in [
            (0, "19700101000000Z"),
            (951_827_696, "20000229123456Z"),
            (4_102_444_799, "20991231235959Z"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(time(at), text);
        }
    }

    /// As the reader of replies in this backend has it.
    #[test]
    fn a_token_has_its_code() {
        let service = Principal::new("R", &["HTTP", "web"], 2);
        for framing in [Framing::Raw, Framing::Spnego] {
            let token = token(34, &service, SystemTime::UNIX_EPOCH, framing);
            assert_eq!(super::super::token::krb_error(&token), Some(34));
        }
    }
}
