//! Which keys are tried, and in which order.

use super::{Key, KeyTable, PrincipalKeys};
use crate::etype::EncryptionType;
use crate::keytab::{Entry, KvnoWidth};
use crate::name::Principal;
use crate::secret::Secret;

const NONE: [u32; 0] = [];
const AES256: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;
const AES128: EncryptionType = EncryptionType::AES128_CTS_HMAC_SHA1_96;

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

fn kvnos<'a>(keys: impl Iterator<Item = &'a Key<()>>) -> Vec<u32> {
    keys.map(|key| key.kvno).collect()
}

fn find<'t>(table: &'t KeyTable<()>, name: &str) -> Option<PrincipalKeys<'t, ()>> {
    let principal: Principal = name.parse().unwrap();
    table.principal(principal.realm(), principal.components())
}

/// Rule 4: this kvno, else the others of that etype, the newest first.
#[test]
fn a_key_is_found_by_name_etype_and_kvno() {
    let entries = [
        entry("HTTP/web@R", 2, KvnoWidth::Full32, AES256, 10),
        entry("HTTP/web@R", 3, KvnoWidth::Full32, AES256, 20),
        entry("HTTP/web@R", 3, KvnoWidth::Full32, AES128, 20),
        entry("host/web@R", 9, KvnoWidth::Full32, AES256, 5),
        entry("HTTP/web@R", 1, KvnoWidth::Full32, AES256, 1),
    ];
    let table = KeyTable::build(&entries, |_| ());
    let web = find(&table, "HTTP/web@R").unwrap();
    assert_eq!(kvnos(web.exact(AES256, 2)), [2]);
    assert_eq!(kvnos(web.exact(AES128, 2)), NONE);
    assert_eq!(kvnos(web.exact(AES256, 9)), NONE);
    assert_eq!(kvnos(web.of_etype(AES256)), [3, 2, 1]);
    assert_eq!(kvnos(web.all()), [3, 3, 2, 1]);
    assert_eq!(kvnos(table.of_etype(AES256, 8)), [2, 3, 9, 1]);
    assert_eq!(kvnos(table.of_etype(AES256, 2)), [2, 3]);
    let host = table.of_etype(AES256, 8).nth(2).unwrap();
    assert_eq!(table.owner(host), Some(&"host/web@R".parse().unwrap()));
    let names: Vec<_> = table
        .principals()
        .map(|keys| keys.principal().unwrap().to_string())
        .collect();
    assert_eq!(
        (names, table.len()),
        (vec!["HTTP/web@R".into(), "host/web@R".into()], 5)
    );
    for other in [
        "HTTP/web@S",
        "HTTP/we/b@R",
        "HTTPweb@R",
        "HTTP@R",
        "http/web@R",
    ] {
        assert!(find(&table, other).is_none(), "{other}");
    }
}

/// A keytab of 8-bit kvnos and a ticket of an RODC, whose kvno has its
/// number above bit 16; an entry that holds all 32 bits must agree in all.
#[test]
fn eight_bits_match_only_where_no_more_are_held() {
    let ticket = 0x0001_0003;
    let low8 = [entry("a@R", 3, KvnoWidth::Low8, AES256, 1)];
    let table = KeyTable::build(&low8, |_| ());
    assert_eq!(
        kvnos(find(&table, "a@R").unwrap().exact(AES256, ticket)),
        [3]
    );
    let full = [entry("a@R", 3, KvnoWidth::Full32, AES256, 1)];
    let table = KeyTable::build(&full, |_| ());
    assert_eq!(
        kvnos(find(&table, "a@R").unwrap().exact(AES256, ticket)),
        NONE
    );
    let both = [
        low8[0].clone(),
        entry("a@R", ticket, KvnoWidth::Full32, AES256, 1),
    ];
    let table = KeyTable::build(&both, |_| ());
    assert_eq!(
        kvnos(find(&table, "a@R").unwrap().exact(AES256, ticket)),
        [ticket]
    );
}

/// MIT krb5's `more_recent`: 8-bit numbers that wrapped are the newer ones.
#[test]
fn newest_first_knows_of_numbers_that_wrapped() {
    let low8 = |kvno, timestamp| entry("a@R", kvno, KvnoWidth::Low8, AES256, timestamp);
    let order = |entries: &[Entry]| {
        let table = KeyTable::build(entries, |_| ());
        kvnos(find(&table, "a@R").unwrap().of_etype(AES256))
    };
    assert_eq!(
        order(&[low8(254, 10), low8(255, 20), low8(1, 30)]),
        [1, 255, 254]
    );
    assert_eq!(
        order(&[low8(254, 10), low8(255, 20), low8(1, 5)]),
        [255, 254, 1]
    );
    assert_eq!(
        order(&[low8(130, 30), low8(255, 20), low8(2, 20)]),
        [2, 255, 130]
    );
}

/// Rule 6: many entries, one lookup; the payload is what was made of each.
#[test]
fn the_payload_is_found_among_many() {
    let entries: Vec<Entry> = (0..5_000)
        .map(|n| {
            entry(
                &format!("HTTP/h{n}@R"),
                n % 7 + 1,
                KvnoWidth::Full32,
                AES256,
                n,
            )
        })
        .collect();
    let mut made = 0;
    let table = KeyTable::build(&entries, |entry| {
        made += 1;
        entry.timestamp
    });
    assert_eq!(made, 5_000);
    let principal: Principal = "HTTP/h4321@R".parse().unwrap();
    let keys = table
        .principal(principal.realm(), principal.components())
        .unwrap();
    let payloads: Vec<_> = keys
        .exact(AES256, 4321 % 7 + 1)
        .map(|key| key.payload)
        .collect();
    assert_eq!(payloads, [4321]);
}
