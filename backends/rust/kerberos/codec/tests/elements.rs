//! Single elements: what X.690 8.1 and 8.3 say of identifiers, lengths and
//! integers, and where MIT krb5's decoder takes more than DER.

use super::super::Problem;
use super::super::der::{self, Cursor as _, Reader, Tag};

fn octets(input: &[u8]) -> Result<&[u8], Problem> {
    let mut reader = Reader::new("element", input);
    reader
        .contents(Tag::OCTET_STRING)
        .map_err(|error| error.problem)
}

fn integer(contents: &[u8]) -> Result<i64, Problem> {
    let length = u8::try_from(contents.len()).unwrap();
    let element = [&[0x02, length][..], contents].concat();
    let mut reader = Reader::new("element", &element);
    let octets = reader
        .contents(Tag::INTEGER)
        .map_err(|error| error.problem)?;
    assert!(reader.is_empty());
    der::integer(octets)
}

/// X.690 8.3.3: two's complement; more octets than needed pass (rule 3 and
/// MIT krb5), more than 64 bits do not.
#[test]
fn integers_are_twos_complement_of_any_length() {
    let long = |fill: u8, end: &[u8]| [&[fill; 20][..], end].concat();
    for (contents, expected) in [
        (vec![0x00], 0),
        (vec![0x7F], 127),
        (vec![0x80], -128),
        (vec![0xFF, 0x76], -138),
        (vec![0x00, 0xFF, 0xFF, 0xFF, 0xFF], 0xFFFF_FFFF),
        (vec![0x00, 0x00, 0x05], 5),
        (vec![0xFF, 0xFF, 0xFB], -5),
        (i64::MAX.to_be_bytes().to_vec(), i64::MAX),
        (i64::MIN.to_be_bytes().to_vec(), i64::MIN),
        (long(0x00, &[0x05]), 5),
        (long(0xFF, &[0xFB]), -5),
        (long(0x00, &i64::MAX.to_be_bytes()), i64::MAX),
        (long(0xFF, &i64::MIN.to_be_bytes()), i64::MIN),
    ] {
        assert_eq!(integer(&contents), Ok(expected), "{contents:02x?}");
    }
    assert_eq!(integer(&[]), Err(Problem::Truncated));
    for contents in [
        vec![0x00, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0],
        vec![0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        long(0x00, &i64::MIN.to_be_bytes()),
        long(0xFF, &i64::MAX.to_be_bytes()),
        [&[0x01][..], &[0; 20]].concat(),
    ] {
        assert_eq!(
            integer(&contents),
            Err(Problem::BadEncoding),
            "{contents:02x?}"
        );
    }
}

/// X.690 8.1.3: any number of octets of length up to 126, whatever leading
/// zeros they have; never the indefinite or the reserved form.
#[test]
fn lengths_are_definite() {
    let zeros = [&[0x04, 0xFE][..], &[0; 125], &[1, 0x5A]].concat();
    for good in [
        &[0x04, 0x01, 0x5A][..],
        &[0x04, 0x81, 0x01, 0x5A],
        &[0x04, 0x84, 0, 0, 0, 0x01, 0x5A],
        &zeros,
    ] {
        assert_eq!(octets(good), Ok(&[0x5A][..]), "{good:02x?}");
    }
    let beyond_a_word = [&[0x04, 0x89, 0x01][..], &[0; 9]].concat();
    let all_ones = [&[0x04, 0x88][..], &[0xFF; 8], &[0x5A]].concat();
    for (bad, problem) in [
        (&[0x04, 0x80, 0x5A, 0, 0][..], Problem::BadLength),
        (&[0x04, 0xFF, 0x5A], Problem::BadLength),
        (&beyond_a_word, Problem::BadLength),
        (&all_ones, Problem::Truncated),
        (&[0x04], Problem::Truncated),
        (&[0x04, 0x82, 0x01], Problem::Truncated),
        (&[0x04, 0x02, 0x5A], Problem::Truncated),
        (&[], Problem::Truncated),
    ] {
        assert_eq!(octets(bad), Err(problem), "{bad:02x?}");
    }
}

/// X.690 8.1.2.2: a number below 31 has one octet, and an octet string in
/// DER is primitive (10.2).
#[test]
fn an_identifier_is_the_one_octet_that_belongs_there() {
    for bad in [
        &[0x1F, 0x04, 0x01, 0x5A][..],
        &[0x24, 0x03, 0x04, 0x01, 0x5A],
        &[0x84, 0x01, 0x5A],
        &[0x05, 0x00],
        &[0x00, 0x00],
    ] {
        assert_eq!(octets(bad), Err(Problem::BadTag), "{bad:02x?}");
    }
    // AP-REQ's tag, APPLICATION 14, in the form for longer numbers.
    let mut reader = Reader::new("element", &[0x7F, 0x0E, 0x00]);
    assert!(reader.constructed(Tag::application(14)).is_err());
}
