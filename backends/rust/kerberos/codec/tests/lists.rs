//! Authorization data, and the GSS checksum's body.

use super::super::authdata::{
    self, AuthElement, AuthorizationData, Found, Place, ad_type, encode_list, walk,
};
use super::super::checksum::{GssChecksum, flags};
use super::super::der::{Element, Reader};
use super::super::wire::{List, Octets};
use super::super::{CodecError, Problem};
use super::hex;
use crate::etype::EncryptionType;

fn element(ad_type: i32, data: &[u8]) -> AuthElement<'_> {
    AuthElement {
        ad_type,
        ad_data: Octets(data),
    }
}

/// Type, data and place of each element.
type Elements = Vec<(i32, Vec<u8>, Place)>;

fn found(list: &[u8]) -> Result<Elements, Box<CodecError>> {
    let list = AuthorizationData::read(&mut Reader::new("test", list))?;
    walk(&list)
        .map(|f| {
            f.map(
                |Found {
                     ad_type,
                     data,
                     place,
                 }| (ad_type, data.to_vec(), place),
            )
        })
        .collect()
}

/// RFC 4120 5.2.6.1: the containers' contents are given in their place.
#[test]
fn the_walk_goes_into_ad_if_relevant() {
    let inner = encode_list(&[element(128, b"pac"), element(143, b"opts")]).unwrap();
    let items = [
        element(512, b"a"),
        element(ad_type::IF_RELEVANT, &inner),
        element(4, b"b"),
    ];
    let expected = [
        (512, b"a".to_vec(), Place::Critical),
        (128, b"pac".to_vec(), Place::IfRelevant),
        (143, b"opts".to_vec(), Place::IfRelevant),
        (4, b"b".to_vec(), Place::Critical),
    ];
    assert_eq!(found(&encode_list(&items).unwrap()).unwrap(), expected);
    let given: Vec<_> = walk(&List::of(&items))
        .map(|f| f.unwrap().ad_type)
        .collect();
    assert_eq!(given, [512, 128, 143, 4]);
    assert_eq!(found(&[0x30, 0]).unwrap(), []);
}

/// `levels` of AD-IF-RELEVANT around one element.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(encode_list(&[element(99, b"x")]).unwrap(), |inner, _| {
        encode_list(&[element(ad_type::IF_RELEVANT, &inner)]).unwrap()
    })
}

#[test]
fn the_walk_is_bounded_in_depth_and_number() {
    for levels in 0..=4 {
        let place = if levels == 0 {
            Place::Critical
        } else {
            Place::IfRelevant
        };
        assert_eq!(
            found(&nested(levels)).unwrap(),
            [(99, b"x".to_vec(), place)]
        );
    }
    for levels in [5, 6, 500] {
        assert_eq!(
            found(&nested(levels)).unwrap_err().problem,
            Problem::TooDeep
        );
    }
    let many = vec![element(7, b""); 256];
    assert_eq!(found(&encode_list(&many).unwrap()).unwrap().len(), 256);
    let many = vec![element(7, b""); 257];
    assert_eq!(
        found(&encode_list(&many).unwrap()).unwrap_err().problem,
        Problem::TooMany
    );
    let empty = encode_list(&vec![element(1, &[0x30, 0]); 300]).unwrap();
    assert_eq!(found(&empty).unwrap_err().problem, Problem::TooMany);
}

#[test]
fn nothing_follows_an_error_of_the_walk() {
    for bad in [
        &b""[..],
        b"\x30",
        b"\x31\x00",
        b"\x30\x00\x00",
        b"\x30\x02\x30\x00",
    ] {
        let items = [element(ad_type::IF_RELEVANT, bad), element(7, b"")];
        let list = List::of(&items);
        let mut walk = walk(&list);
        assert!(walk.next().unwrap().is_err(), "{bad:02x?}");
        assert!(walk.next().is_none());
    }
}

/// Rule 17: exactly four bytes, little-endian.
#[test]
fn ap_options_are_four_bytes() {
    let bound = authdata::ap_options(&[0x00, 0x40, 0x00, 0x00]);
    assert_eq!(bound, Ok(authdata::AP_OPTIONS_CBT));
    let unverified = authdata::ap_options(&[0x00, 0xC0, 0x00, 0x00]).unwrap();
    assert_ne!(unverified & authdata::AP_OPTIONS_UNVERIFIED_TARGET, 0);
    for bad in [&[][..], &[0, 0x40, 0], &[0, 0x40, 0, 0, 0]] {
        let problem = Problem::BadValue {
            field: "KERB_AP_OPTIONS",
        };
        assert_eq!(authdata::ap_options(bad).unwrap_err().problem, problem);
    }
}

#[test]
fn the_clients_target_is_utf_16() {
    let target = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    for text in [
        "",
        "HTTP/web.example.com@EXAMPLE.COM",
        "HTTP/münchen",
        "a\u{1F600}b",
    ] {
        assert_eq!(
            authdata::client_target(&target(text)).as_deref(),
            Some(text)
        );
    }
    for bad in [&b"H"[..], b"H\0T", b"\x00\xD8", b"\x00\xDC\x41\x00"] {
        assert_eq!(authdata::client_target(bad), None);
    }
}

/// RFC 4537 3; the list is `SEQUENCE { 20, 19, 18, 17, -133 }` by X.690.
#[test]
fn the_clients_etypes_are_a_sequence_of_integers() {
    let der = hex("30100201140201130201120201110202ff7b");
    let etypes = [20, 19, 18, 17, -133].map(EncryptionType);
    assert_eq!(authdata::encode_etype_list(&etypes).unwrap(), der);
    assert_eq!(
        authdata::etype_list(&der)
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        etypes
    );
    for bad in [
        "3003020114ff",
        "30020114",
        "3003040114",
        "300702050100000000",
        "",
        "30020200",
    ] {
        assert!(authdata::etype_list(&hex(bad)).is_err(), "{bad}");
    }
}

/// RFC 4121 4.1.1; the bytes are those of an authenticator of MIT krb5.
#[test]
fn the_checksum_is_read_and_built() {
    let bytes = hex("100000000000000000000000000000000000000032010000");
    let checksum = GssChecksum::parse(&bytes).unwrap();
    assert_eq!((checksum.bindings, checksum.flags), ([0; 16], 0x132));
    assert_eq!(
        (checksum.delegation, checksum.extensions().count()),
        (None, 0)
    );
    assert_eq!(
        GssChecksum::build([0; 16], 0x132, None, &[]).unwrap(),
        bytes
    );
}

#[test]
fn extensions_follow_with_or_without_delegation() {
    let extensions = [(0_u32, b"".as_slice()), (0x0102_0304, b"unknown")];
    for (asked, delegation) in [
        (flags::MUTUAL, None),
        (flags::DELEG, Some(b"".as_slice())),
        (flags::DELEG | flags::MUTUAL, Some(b"KRB-CRED")),
    ] {
        let bytes = GssChecksum::build([9; 16], asked, delegation, &extensions).unwrap();
        let read = GssChecksum::parse(&bytes).unwrap();
        assert_eq!((read.flags, read.delegation), (asked, delegation));
        assert_eq!(read.extensions().collect::<Vec<_>>(), extensions);
        let starts: Vec<usize> = (0..bytes.len())
            .filter(|&end| GssChecksum::parse(&bytes[..end]).is_ok())
            .collect();
        // Cut between its parts it is a shorter checksum; elsewhere broken.
        let delegated = delegation.map_or(24, |credentials| 28 + credentials.len());
        let mut allowed = vec![24, delegated, delegated + 8];
        allowed.dedup();
        assert_eq!(starts, allowed);
    }
}

/// The extensions' numbers are big-endian, all others little-endian.
#[test]
fn the_checksums_byte_orders_differ() {
    let extension = [(0x11_u32, b"ab".as_slice())];
    let bytes = GssChecksum::build([1; 16], flags::DELEG, Some(b"C"), &extension).unwrap();
    assert_eq!(bytes[..4], [16, 0, 0, 0]);
    assert_eq!(
        bytes[20..],
        [
            1, 0, 0, 0, 1, 0, 1, 0, b'C', 0, 0, 0, 0x11, 0, 0, 0, 2, b'a', b'b'
        ]
    );
}

#[test]
fn a_malformed_checksum_is_refused() {
    let parse = |bytes: &[u8]| GssChecksum::parse(bytes).map(drop).map_err(|e| e.problem);
    let good = GssChecksum::build([1; 16], flags::DELEG, Some(b"C"), &[]).unwrap();
    for end in (0..24).chain(25..good.len()) {
        assert_eq!(parse(&good[..end]), Err(Problem::Truncated), "{end}");
    }
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(
        parse(&with(0, 17)),
        Err(Problem::BadValue { field: "Lgth" })
    );
    assert_eq!(
        parse(&with(24, 2)),
        Err(Problem::BadValue { field: "DlgOpt" })
    );
    assert_eq!(parse(&with(27, 0xFF)), Err(Problem::Truncated));
    let huge = [good.as_slice(), &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]].concat();
    assert_eq!(parse(&huge), Err(Problem::Truncated));
    assert!(GssChecksum::build([0; 16], 1, Some(&[0; 65_536]), &[]).is_err());
}
