//! Files of MIT's ktutil, and broken ones.

use super::{Entry, KvnoWidth, parse, write};
use crate::error::KeytabProblem;
use crate::etype::EncryptionType;
use crate::hex::hex;
use crate::name::Principal;
use crate::secret::Secret;

/// Written by `ktutil` of MIT krb5 1.20.1 (`addent -password`, the password
/// is "pw"): HTTP/web.example.com with kvno 3 (etype 18) and 65539 (etype
/// 17), Müller with kvno 2 (etype 20).
const KTUTIL: &str = "\
    0502000000570002000b4558414d504c452e434f4d000448545450000f7765622e657861\
    6d706c652e636f6d000000016b033ce50300120020\
    33fa869874cb539d6592945877270e8bbc3e627929294d4c3af698589782974100000003\
    000000470002000b4558414d504c452e434f4d000448545450000f7765622e6578616d70\
    6c652e636f6d000000016b033ce50300110010ff165d1b26e718fc3e660662640edc84\
    00010003\
    000000490001000b4558414d504c452e434f4d00074dc3bc6c6c6572000000016b033ce5\
    0200140020b396648ac571cfc2f7d784ecead49bb33a2fbda8f47c9ab9b929466d594274\
    0f00000002";

const AES256: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;

fn entry(name: &str, kvno: u32, width: KvnoWidth, etype: EncryptionType, timestamp: u32) -> Entry {
    Entry {
        principal: name.parse().unwrap(),
        kvno,
        kvno_width: width,
        etype,
        key: Secret::from(vec![7; 16]),
        timestamp,
    }
}

#[test]
fn a_file_of_ktutil_is_read_and_written_again() {
    let file = hex(KTUTIL);
    let entries = parse(&file).unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| {
            (
                e.principal.to_string(),
                e.kvno,
                e.etype.0,
                e.key.len(),
                e.kvno_width,
            )
        })
        .collect();
    let web = "HTTP/web.example.com@EXAMPLE.COM".to_owned();
    assert_eq!(
        seen,
        [
            (web.clone(), 3, 18, 32, KvnoWidth::Full32),
            (web, 65_539, 17, 16, KvnoWidth::Full32),
            (
                "Müller@EXAMPLE.COM".to_owned(),
                2,
                20,
                32,
                KvnoWidth::Full32
            ),
        ]
    );
    assert_eq!(entries[0].principal.name_type(), Principal::NT_PRINCIPAL);
    assert_eq!(entries[0].timestamp, 0x6B03_3CE5);
    assert_eq!(
        entries[1].key.expose(),
        hex("ff165d1b26e718fc3e660662640edc84")
    );
    assert_eq!(write(&entries).unwrap(), file);
    assert_eq!(write(&entries).unwrap().capacity(), file.len());
}

/// Rule 42: a half-written file is never taken for a whole one.
#[test]
fn every_truncation_is_told() {
    let file = hex(KTUTIL);
    let boundaries = [2 + 4 + 0x57, 2 + 4 + 0x57 + 4 + 0x47];
    for end in 0..file.len() {
        let result = parse(&file[..end]).map(|entries| entries.len());
        let expected = match end {
            0 | 2 => Err(KeytabProblem::Empty),
            1 => Err(KeytabProblem::Truncated(1)),
            _ if boundaries.contains(&end) => {
                Ok(1 + boundaries.iter().position(|at| *at == end).unwrap())
            }
            _ => {
                let before = boundaries.iter().rev().find(|at| **at < end);
                Err(KeytabProblem::Truncated(before.copied().unwrap_or(2)))
            }
        };
        assert_eq!(result, expected, "{end}");
    }
}

#[test]
fn what_is_no_keytab_is_told_apart() {
    assert_eq!(parse(b"").unwrap_err(), KeytabProblem::Empty);
    assert_eq!(parse(b"\x05\x02").unwrap_err(), KeytabProblem::Empty);
    for text in [&b"-----BEGIN"[..], b"\x7fELF", b"\x04"] {
        assert_eq!(parse(text).unwrap_err(), KeytabProblem::NotAKeytab);
    }
    assert_eq!(
        parse(b"\x05\x04\x00").unwrap_err(),
        KeytabProblem::Version(4)
    );
}

#[test]
fn no_flipped_bit_panics() {
    let file = hex(KTUTIL);
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        drop(parse(&flipped));
    }
}

/// Where an entry was deleted, a hole is left; a size of 0 ends the file.
#[test]
fn holes_are_passed_over() {
    let file = hex(KTUTIL);
    let first = 4 + 0x57;
    let mut deleted = file.clone();
    deleted[2..6].copy_from_slice(&(-0x57_i32).to_be_bytes());
    deleted[6..2 + first].fill(0);
    assert_eq!(parse(&deleted).unwrap().len(), 2);
    let hole = [&file[..2], &(-2_i32).to_be_bytes(), &[9, 9], &file[2..]].concat();
    assert_eq!(parse(&hole).unwrap().len(), 3);
    let ended = [&file[..2 + first], &[0; 4], &file[2 + first..]].concat();
    assert_eq!(parse(&ended).unwrap().len(), 1);
    for size in [i32::MIN, -1, 1, i32::MAX] {
        let wild = [&file[..2], &size.to_be_bytes()].concat();
        assert_eq!(parse(&wild).unwrap_err(), KeytabProblem::Truncated(2));
    }
}

#[test]
fn a_malformed_entry_is_told() {
    let good = hex(KTUTIL);
    // No component; more components than bytes; a component beyond the entry.
    for (at, bytes) in [(6, [0, 0]), (6, [0xFF, 0xFF]), (8, [0xFF, 0xFF])] {
        let mut bad = good.clone();
        bad[at..at + 2].copy_from_slice(&bytes);
        assert_eq!(parse(&bad).unwrap_err(), KeytabProblem::BadEntry(2));
    }
}

/// The trailer wins when it is there and not 0; what follows it is ignored.
#[test]
fn the_32_bit_kvno_wins_when_not_0() {
    let entries = [entry("a@R", 0x1FE, KvnoWidth::Full32, AES256, 1)];
    let file = write(&entries).unwrap();
    assert_eq!(parse(&file).unwrap()[0].kvno, 0x1FE);
    let body = &file[6..];
    let with = |trailer: &[u8]| {
        let body = [&body[..body.len() - 4], trailer].concat();
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        let entry = parse(&[&[5, 2], &size[..], &body].concat())
            .unwrap()
            .remove(0);
        (entry.kvno, entry.kvno_width)
    };
    assert_eq!(with(&[0, 0, 1, 0xFE]), (0x1FE, KvnoWidth::Full32));
    assert_eq!(
        with(&[0, 0, 1, 0xFE, 0, 0, 0, 1]),
        (0x1FE, KvnoWidth::Full32)
    );
    assert_eq!(with(&[0; 4]), (0xFE, KvnoWidth::Low8));
    assert_eq!(with(&[]), (0xFE, KvnoWidth::Low8));
    assert_eq!(with(&[0, 0, 1]), (0xFE, KvnoWidth::Low8));
    let short = [entry("a@R", 5, KvnoWidth::Low8, EncryptionType(-128), 1)];
    let read = parse(&write(&short).unwrap()).unwrap();
    assert_eq!(
        (read[0].kvno_width, read[0].etype.0),
        (KvnoWidth::Low8, -128)
    );
}

/// Version 1: the realm counts as a component, there is no name type, and
/// numbers are in the order of the machine that wrote the file.
#[test]
fn version_1_is_read_in_both_byte_orders() {
    let build = |number16: fn(u16) -> [u8; 2], number32: fn(u32) -> [u8; 4]| {
        let counted = |bytes: &[u8]| [&number16(bytes.len() as u16)[..], bytes].concat();
        let body = [
            &number16(3)[..],
            &counted(b"R"),
            &counted(b"HTTP"),
            &counted(b"web"),
            &number32(77),
            &[9],
            &number16(18),
            &counted(&[1; 32]),
        ]
        .concat();
        [&[5, 1], &number32(body.len() as u32)[..], &body].concat()
    };
    for file in [
        build(u16::to_le_bytes, u32::to_le_bytes),
        build(u16::to_be_bytes, u32::to_be_bytes),
    ] {
        let entries = parse(&file).unwrap();
        assert_eq!(entries[0].principal.to_string(), "HTTP/web@R");
        assert_eq!((entries[0].kvno, entries[0].timestamp), (9, 77));
        assert_eq!(
            (entries[0].etype.0, entries[0].key.expose()),
            (18, [1; 32].as_slice())
        );
        let cut = parse(&file[..file.len() - 1]).unwrap_err();
        assert_eq!(cut, KeytabProblem::Truncated(2));
    }
}

#[test]
fn what_the_format_cannot_hold_is_not_written() {
    let long = "x".repeat(65_536);
    assert!(write(&[entry(&long, 1, KvnoWidth::Low8, AES256, 0)]).is_none());
    assert!(write(&[entry("a@R", 1, KvnoWidth::Low8, EncryptionType(40_000), 0)]).is_none());
}
