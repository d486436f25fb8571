//! Expected values: RFC 4757; MIT krb5's test tables (`t_decrypt.c`,
//! `t_cksums.c` in `src/lib/crypto/crypto_tests`); where those have none, what
//! MIT krb5 1.20.1's `libk5crypto` computes (`krb5_c_prf`,
//! `krb5_c_make_checksum`, `krb5_c_encrypt`, `krb5_c_string_to_key`).

use super::super::{CryptoError, Key, is_implemented, string_to_key};
use crate::etype::EncryptionType;
use crate::secret::Secret;

const RC4: EncryptionType = EncryptionType::RC4_HMAC;
/// The key of MIT's checksum table.
const KEY: &str = "f7d3a155af5e238a0b7a871a96ba2ab2";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn key(bytes: &str) -> Key {
    Key::new(RC4, Secret::from(hex(bytes))).unwrap()
}

/// MIT's `t_decrypt.c`. Usage 3 of the fourth row is 8 on the wire (RFC 4757
/// 3).
const SEALED: [(&str, u32, &str, &str); 5] = [
    (
        "",
        0,
        "f81fec39255f5784e850c4377c88bd85",
        "02c1eb15586144122ec717763dd348bf00434ddc6585954c",
    ),
    (
        "1",
        1,
        "67d1300d281223867f9647ff48721273",
        "6156e0cc04e0a0874f9fda008f498a7adbbc80b70b14dddbc0",
    ),
    (
        "9 bytesss",
        2,
        "3e40ab6093695281b3ac1a9304224d98",
        "0f9ad121d99d4a09448e4f1f718c4f5cbe6096262c66f29df232a87c9f98755d55",
    ),
    (
        "13 bytes byte",
        3,
        "4ba2fbf0379faed87a254d3b353d5a7e",
        "612c57568b17a70352bae8cf26fb9459a6f3353cd35fd439db3107cbec765d326dfc04c1dd",
    ),
    (
        "30 bytes bytes bytes bytes byt",
        4,
        "68f263db3fce15d031c9eab02d67107a",
        "95f9047c3ad75891c2e9b04b16566dc8b6eb9ce4231afb2542ef87a7b5a0f260\
         a99f0460508de0cecc632d07c354124e46c5d2234eb8",
    ),
];

#[test]
fn ciphertexts_of_mit_are_read_and_made_again() {
    for (plain, usage, bytes, sealed) in SEALED {
        let key = key(bytes);
        let usage_key = key.usage_key(usage);
        let sealed = hex(sealed);
        let mut scratch = Vec::new();
        let opened = usage_key.decrypt_into(&sealed, &mut scratch).unwrap();
        assert_eq!(opened, plain.as_bytes());
        let (length, at) = (opened.len(), usage_key.plaintext_at());
        assert_eq!(&scratch[at..at + length], plain.as_bytes());

        // Once more with the confounder that is in it.
        let confounder: [u8; 8] = scratch[16..24].try_into().unwrap();
        let again = usage_key.encrypt(plain.as_bytes(), &mut |out| {
            out.copy_from_slice(&confounder);
        });
        assert_eq!(again, sealed);
        assert_eq!(key.borrowed().tag(&sealed), Some(&sealed[..16]));
        let mut buf = sealed.clone();
        let opened = key.borrowed().decrypt_once(usage, &mut buf).unwrap();
        assert_eq!(opened, plain.as_bytes());
    }
}

/// `krb5_c_encrypt` of MIT: usage 23 is 13 (RFC 4757 3), and 9 stays (its
/// erratum).
#[test]
fn translated_usages_are_those_of_mit() {
    for (usage, sealed) in [
        (
            9,
            "899abc7c88d66a040151abbd04cb713295d2ff66112efa376606f63972d6bc60\
             ad70b94b08bf920f53e3c140135ec7eacefc8cc03177",
        ),
        (
            23,
            "a68f95109bd279cda1ec24c904e35eb272841d5948bcf064f1691ff94f458ef1\
             b59e134f8d7c2af426b529f17fc734df102682c78e38",
        ),
        (
            11,
            "dbb5dd63706391e8a78eed1abbc89434c94ab1d96171ea88eef898813eba339f\
             7514cae8cf7108814ee2a5931b1f103ffcebf6163f83",
        ),
    ] {
        let mut sealed = hex(sealed);
        let opened = key(KEY).usage_key(usage).decrypt_in_place(&mut sealed);
        assert_eq!(opened.unwrap(), b"30 bytes bytes bytes bytes byt");
    }
}

/// MIT's `t_cksums.c` for usage 6; `krb5_c_make_checksum` for the others.
#[test]
fn checksums_are_those_of_mit() {
    for (usage, expected) in [
        (3, "cff31ac419045ba6342addd54813ab7d"),
        (6, "eb38cc97e2230f59da4117dc5859d7ec"),
        (8, "cff31ac419045ba6342addd54813ab7d"),
        (9, "fc239da406c08ab6afa8041c111603fe"),
        (10, "3296ca7b1a454da5c2a457217850019c"),
        (13, "5e161f4b1f72be7cd4240cd814380e99"),
        (15, "d7885f6eb718d89ba2aca579578fc6ef"),
        (17, "4e049ab6606ea9e41d298215458ab697"),
        (23, "5e161f4b1f72be7cd4240cd814380e99"),
    ] {
        let checksum_key = key(KEY).checksum_key(usage);
        let parts: [&[u8]; 2] = [b"seventeen eighteen ", b"nineteen twenty"];
        let mut out = [0; 16];
        checksum_key.sign(&parts, &mut out).unwrap();
        assert_eq!(out.to_vec(), hex(expected), "usage {usage}");
        assert_eq!(checksum_key.verify(&parts, &out), Ok(()));
        assert_eq!(checksum_key.checksum_type(), -138);
        for bit in 0..128 {
            let mut damaged = out;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                checksum_key.verify(&parts, &damaged),
                Err(CryptoError::Integrity)
            );
        }
        // A shorter one is none, however right its bytes are.
        assert_eq!(
            checksum_key.verify(&parts, &out[..8]),
            Err(CryptoError::Integrity)
        );
    }
}

/// RFC 4757 2 for "foo" and MIT's `krb5_c_string_to_key` for the others: beyond
/// ASCII, beyond 16 bits, and nothing at all. A salt changes nothing.
#[test]
fn passwords_give_their_nt_hash() {
    for (password, expected) in [
        ("foo", "ac8e657f83df82beea5d43bdaf7800cc"),
        (
            "P\u{e4}\u{df}w\u{f6}rd\u{20ac}",
            "eca9fa017214ce06175eddd6f1d3dcde",
        ),
        ("\u{1F600}", "4b58a10cc20a4e7d808d218e1f80aabc"),
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
    ] {
        for salt in [&b""[..], b"EXAMPLE.TESTHTTPlocalhost"] {
            let key = string_to_key(RC4, password.as_bytes(), salt, None).unwrap();
            assert_eq!(key.expose(), hex(expected), "{password}");
            assert_eq!(key.etype(), RC4);
        }
    }
    let Err(error) = string_to_key(RC4, b"caf\xe9", b"", None) else {
        panic!("Latin-1 has no UTF-16");
    };
    assert_eq!(error, CryptoError::PasswordEncoding);
}

/// MIT's `krb5_c_prf`; its length is `krb5_c_prf_length`'s.
#[test]
fn the_prf_is_that_of_mit() {
    let hundred: Vec<u8> = (0..100).collect();
    for (input, expected) in [
        (&b""[..], "e0bf74b13f9caac2c5e644d9f0a4fca1fea6d673"),
        (b"test", "c1b2f2f6d32cf0286addcbee8ebfeacd2ec03560"),
        (&hundred, "232b4e148735f5d4df3d0d616806122b9dd30a06"),
    ] {
        assert_eq!(key(KEY).prf(input).expose(), hex(expected));
    }
}

#[test]
fn no_changed_bit_and_no_other_key_or_usage_opens() {
    let usage_key = key(KEY).usage_key(11);
    let sealed = usage_key.encrypt(b"nobody but alice", &mut |out| out.fill(7));
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            usage_key.decrypt_in_place(&mut damaged),
            Err(CryptoError::Integrity)
        );
        // What was decrypted is wiped; the tag was in the clear before.
        assert!(damaged[16..].iter().all(|&byte| byte == 0), "bit {bit}");
    }
    let others = [
        key(KEY).usage_key(2),
        key("f7d3a155af5e238a0b7a871a96ba2ab3").usage_key(11),
    ];
    for other in others {
        let opened = other.decrypt_in_place(&mut sealed.clone()).map(|_| ());
        assert_eq!(opened, Err(CryptoError::Integrity));
    }
    for length in 0..24 {
        let mut short = sealed[..length].to_vec();
        let (needed, found) = (24, length);
        assert_eq!(
            usage_key.decrypt_in_place(&mut short),
            Err(CryptoError::TooShort { needed, found })
        );
        assert_eq!(short, sealed[..length]);
        assert_eq!(key(KEY).borrowed().tag(&short).is_some(), length >= 16);
    }
}

/// Rule 7: no other of the old types, the one weakened for export included.
#[test]
fn it_is_the_only_one_of_the_old_types() {
    for etype in [1, 2, 3, 5, 7, 16, 24] {
        assert!(!is_implemented(EncryptionType(etype)), "etype {etype}");
        let made = Key::new(EncryptionType(etype), Secret::from(vec![0; 16]));
        assert!(made.is_err());
    }
    for length in [0, 5, 15, 17, 32] {
        assert!(Key::new(RC4, Secret::from(vec![0; length])).is_err());
    }
}
