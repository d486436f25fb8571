use super::{Sid, SidError};

/// MS-DTYP 2.4.2.1 and 2.4.2.2: the layout; the bytes of BUILTIN\Administrators
/// as every security descriptor has them.
const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 0x20, 0, 0, 0, 0x20, 0x02, 0, 0];

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

#[test]
fn reads_and_writes_both_forms() {
    let read = Sid::from_bytes(&ADMINISTRATORS).unwrap();
    assert_eq!(read, Sid::ADMINISTRATORS);
    assert_eq!(read.to_string(), "S-1-5-32-544");
    assert_eq!(sid("S-1-5-32-544").to_bytes(), ADMINISTRATORS);
    // MS-DTYP 2.4.2.1: an authority of 2^32 and more is in hexadecimal.
    let wide = Sid::new(0x0001_0000_0000, &[7]).unwrap();
    assert_eq!(wide.to_string(), "S-1-0x000100000000-7");
    assert_eq!(sid("S-1-0x000100000000-7"), wide);
}

#[test]
fn what_is_no_sid_is_refused() {
    for text in [
        "",
        "S-1",
        "S-1-",
        "S-1-5",
        "S-1-5-",
        "S-2-5-32",
        "S-1-5-+32",
        "S-1-5--32",
        "S-1-5-4294967296",
        "S-1-281474976710656-1",
        "S-1-0x5-32",
        "S-1-5-32-544 ",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    ] {
        assert_eq!(text.parse::<Sid>(), Err(SidError::Text), "{text}");
    }
    let mut other = ADMINISTRATORS;
    other[0] = 2;
    assert_eq!(Sid::from_bytes(&other), Err(SidError::Revision(2)));
    for (count, length) in [(2, 15), (2, 17), (2, 12), (2, 20), (3, 16), (0, 8), (0, 16)] {
        let mut bytes = ADMINISTRATORS.to_vec();
        bytes[1] = count;
        bytes.resize(length, 0);
        assert_eq!(Sid::from_bytes(&bytes), Err(SidError::Length), "{length}");
    }
    let long = [&[1, 16, 0, 0, 0, 0, 0, 5][..], &[0; 64]].concat();
    assert_eq!(Sid::from_bytes(&long), Err(SidError::Length));
}

#[test]
fn a_domain_and_its_members() {
    let domain = sid("S-1-5-21-1-2-3");
    let admins = domain.with_rid(512).unwrap();
    assert_eq!(admins, sid("S-1-5-21-1-2-3-512"));
    assert_eq!((admins.rid(), admins.domain()), (512, Some(domain)));
    assert!(admins.is_in(&domain));
    assert!(!admins.is_in(&sid("S-1-5-21-1-2-4")));
    assert!(!domain.is_in(&domain));
    assert!(!sid("S-1-6-21-1-2-3-512").is_in(&domain));
    assert_eq!(Sid::EVERYONE.domain(), None);
    let longest = sid("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15");
    assert_eq!(longest.with_rid(1), None);
}

/// A shorter SID is not the longer one whose end is zeros.
#[test]
fn zeros_at_the_end_count() {
    assert_ne!(sid("S-1-5-21-0"), sid("S-1-5-21-0-0"));
    assert_ne!(sid("S-1-5-21"), sid("S-1-5-21-0"));
}

/// MS-DTYP 2.4.2.4.
#[test]
fn well_known_names() {
    for (text, name) in [
        ("S-1-1-0", Some("Everyone")),
        ("S-1-5-18", Some("Local System")),
        ("S-1-18-2", Some("Service asserted identity")),
        ("S-1-5-21-0-0-0-497", Some("Claims Valid")),
        ("S-1-5-21-7-8-9-513", Some("Domain Users")),
        ("S-1-5-21-7-8-9-1103", None),
        ("S-1-5-21-0-0-0-513", None),
        ("S-1-9-21-7-8-9-513", None),
        ("S-1-5-32-513", None),
    ] {
        assert_eq!(sid(text).well_known_name(), name, "{text}");
    }
}
