//! Against what Samba's own decoder says of PACs and claims of Windows and
//! Samba (tests/data/pac).

use super::compression::{lznt1, xpress, xpress_huffman};
use super::{Pac, kind};
use crate::authorization::{
    Authorization, ClaimSource, ClaimValues, EncodedClaims, Evidence, GroupSource, PacRequest,
    PacSignatures, UpnOrigin,
};
use crate::error::AuthorizationProblem;
use crate::hex::hex;
use crate::sid::Sid;
use crate::time::unix_seconds;

const WINDOWS: &[u8] = include_bytes!("../../tests/data/pac/windows-2003.pac");
const ALICE: &[u8] = include_bytes!("../../tests/data/pac/alice.enc-part");
const BLOAT: &[u8] = include_bytes!("../../tests/data/pac/bloat.enc-part");

/// The PAC ends the decrypted ticket; its length is Samba's.
fn tail(part: &[u8], length: usize) -> &[u8] {
    &part[part.len() - length..]
}

fn read(pac: &[u8]) -> Result<Authorization, AuthorizationProblem> {
    Authorization::from_verified_pac(pac, Evidence::Pac(PacSignatures::server()))
}

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// What Samba's torture test says of it (source4/torture/auth/pac.c), and
/// `ndrdump krb5pac PAC_DATA`.
#[test]
fn rule_27_a_pac_of_windows_2003() {
    let all = read(WINDOWS).unwrap();
    assert_eq!(all.account.user, "W2003FINAL$");
    assert_eq!(all.account.domain, "WIN2K3THINK");
    let domain = "S-1-5-21-3048156945-3961193616-3706469200";
    let own = |rid: u32| sid(domain).with_rid(rid).unwrap();
    assert_eq!(all.user, Some(own(1005)));
    assert_eq!(all.primary_group, Some(own(516)));
    let groups: Vec<_> = all
        .groups
        .iter()
        .map(|group| (group.sid, group.source))
        .collect();
    let extra = (sid("S-1-5-9"), GroupSource::Extra);
    assert_eq!(groups, [(own(516), GroupSource::Account), extra]);
    assert!(all.is_member(&own(516)) && all.is_member(&own(1005)));
    assert_eq!(all.full_name, None);
    assert_eq!(all.account_control, 0x2100);
    assert_eq!(all.user_flags, 0x20);
    assert_eq!(all.times.logon.map(unix_seconds), Some(1_120_121_012));
    assert_eq!(all.times.kick_off, None);
    assert_eq!(all.times.password_must_change, None);
}

/// What pacdump (samba.dcerpc.krb5pac) printed of it.
#[test]
fn rule_27_a_pac_of_samba() {
    let all = read(tail(ALICE, 784)).unwrap();
    let domain = sid("S-1-5-21-2714491420-2365986262-1882729614");
    let own = |rid: u32| domain.with_rid(rid).unwrap();
    assert_eq!(all.user, Some(own(1103)));
    assert_eq!(all.primary_group, Some(own(513)));
    let groups: Vec<_> = all.groups.iter().map(|group| group.sid).collect();
    let expected = [513, 1116, 1118, 1117, 1120].map(own);
    let extra = Sid::AUTHENTICATION_AUTHORITY_ASSERTED_IDENTITY;
    assert_eq!(groups, [&expected[..], &[extra]].concat());
    let upn = all.upn.as_ref().unwrap();
    assert_eq!(upn.name, "alice@ad.test");
    assert_eq!(upn.origin, UpnOrigin::Explicit);
    assert_eq!(all.dns_domain.as_deref(), Some("AD.TEST"));
    assert!(!all.is_asserted_by_service());
}

/// 401 groups of one domain, numbered from 1122 on.
#[test]
fn rule_27_hundreds_of_groups() {
    let all = read(tail(BLOAT, 3952)).unwrap();
    let domain = sid("S-1-5-21-2714491420-2365986262-1882729614");
    assert_eq!(all.groups.len(), 402);
    for rid in 1122..1522 {
        assert!(all.is_member(&domain.with_rid(rid).unwrap()), "{rid}");
    }
    for rid in [1121, 1522, 512] {
        assert!(!all.is_member(&domain.with_rid(rid).unwrap()), "{rid}");
    }
}

fn claims(text: &str) -> EncodedClaims {
    EncodedClaims::new(&hex(text.trim()))
}

fn decoded(text: &str) -> Vec<(String, ClaimValues)> {
    let all = super::claims::decode(claims(text).bytes()).unwrap();
    assert!(
        all.iter()
            .all(|claim| claim.source == ClaimSource::Attribute)
    );
    all.into_iter()
        .map(|claim| (claim.id, claim.values))
        .collect()
}

fn text(values: &[&str]) -> ClaimValues {
    ClaimValues::Text(values.iter().map(|&value| value.into()).collect())
}

/// Of Windows Server 2022, as Samba's ndrdump prints them
/// (source4/librpc/tests/uncompressed_claims.txt).
#[test]
fn rule_27_claims_of_windows() {
    let numbers = vec![655_369, 65543, 65542, 65536];
    assert_eq!(
        decoded(include_str!("../../tests/data/pac/claims-plain.hex")),
        [
            ("720fd3c3_9".into(), ClaimValues::Boolean(vec![true])),
            ("720fd3c3_7".into(), text(&["foo", "bar", "baz"])),
            ("720fd3c3_8".into(), ClaimValues::Unsigned(numbers)),
        ]
    );
}

/// The same with XPRESS and Huffman's code (compressed_claims.txt).
#[test]
fn rule_27_compressed_claims_of_windows() {
    let sentence = "A very long attribute value to ensure that this claim will be compressed. ";
    let long = sentence.repeat(50);
    let numbers = || ClaimValues::Unsigned(vec![655_369, 65543, 65542, 65536]);
    let values = [
        "A first value.",
        "A second value.",
        "A third value.",
        long.trim_end(),
    ];
    let names = [
        "DC=win22,DC=example,DC=com",
        "CN=Users,DC=win22,DC=example,DC=com",
        "CN=Computers,DC=win22,DC=example,DC=com",
    ];
    let all = decoded(include_str!("../../tests/data/pac/claims-compressed.hex"));
    assert_eq!(
        all[0],
        ("720fd3c3_4".into(), ClaimValues::Boolean(vec![true]))
    );
    assert_eq!(all[1], ("720fd3c3_0".into(), text(&values)));
    assert_eq!(all[2], ("720fd3c3_1".into(), text(&names)));
    assert_eq!(all[3], ("720fd3c3_2".into(), numbers()));
    assert_eq!(all[4], ("720fd3c3_3".into(), numbers()));
    assert_eq!(all.len(), 5);
}

/// Whatever of the claims is changed, it ends, and within its bound.
#[test]
fn changed_claims_are_refused_or_read() {
    for source in [
        include_str!("../../tests/data/pac/claims-plain.hex"),
        include_str!("../../tests/data/pac/claims-compressed.hex"),
    ] {
        let whole = hex(source.trim());
        for byte in 0..whole.len() {
            for value in [0, 0xFF, whole[byte] ^ 1, whole[byte] ^ 0x80] {
                let mut changed = whole.clone();
                changed[byte] = value;
                let _ = super::claims::decode(&changed);
            }
            let cut = super::claims::decode(&whole[..byte]);
            assert!(byte == 0 || cut.is_err(), "{byte}");
        }
    }
}

/// MS-XCA 3.2: the alphabet, and "abc" a hundred times.
#[test]
fn xpress_with_huffman_of_the_specification() {
    let table = |entries: &[(usize, u8)], rest: &str| {
        let mut bytes = vec![0; 256];
        for &(at, byte) in entries {
            bytes[at] = byte;
        }
        bytes.extend(hex(&rest.replace(' ', "")));
        bytes
    };
    let mut entries: Vec<(usize, u8)> = (0x31..0x3B).map(|at| (at, 0x55)).collect();
    entries.extend([
        (0x30, 0x50),
        (0x3B, 0x45),
        (0x3C, 0x44),
        (0x3D, 4),
        (0x80, 4),
    ]);
    let rest = "d8 52 3e d7 94 11 5b e9 19 5f f9 d6 7c df 8d 04 00 00 00 00";
    let alphabet = b"abcdefghijklmnopqrstuvwxyz";
    let input = table(&entries, rest);
    assert_eq!(xpress_huffman(&input, 26).as_deref(), Some(&alphabet[..]));
    let entries = [(0x30, 0x30), (0x31, 0x23), (0x80, 0x02), (0x8F, 0x20)];
    let input = table(&entries, "a8 dc 00 00 ff 26 01");
    let repeated = b"abc".repeat(100);
    assert_eq!(xpress_huffman(&input, 300), Some(repeated));
    // More or less than was announced is neither.
    assert_eq!(xpress_huffman(&input, 299), None);
    assert_eq!(xpress_huffman(&input, 1 << 20), None);
    // A code that leaves words without a symbol.
    let incomplete = table(&entries[..3], "a8 dc 00 00 ff 26 01");
    assert_eq!(xpress_huffman(&incomplete, 300), None);
}

/// MS-XCA 3.1.
#[test]
fn plain_xpress_of_the_specification() {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz";
    let input = [&[0x3F, 0, 0, 0][..], alphabet].concat();
    assert_eq!(xpress(&input, 26).as_deref(), Some(&alphabet[..]));
    let input = hex("ffffff1f61626317000fff2601");
    assert_eq!(xpress(&input, 300), Some(b"abc".repeat(100)));
    assert_eq!(xpress(&input, 299), None);
    assert_eq!(xpress(&input, 301), None);
}

/// MS-XCA 3.3.
#[test]
fn lznt1_of_the_specification() {
    let input = "38b08846232000204720410010a24701a04520440008450150790 0c045200524
        138805b4024a44ef0358028c091601484500be009e00040118 9000";
    let input: String = input.split_whitespace().collect();
    let tune = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D \
        E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
    assert_eq!(tune.len(), 142);
    let output = lznt1(&hex(&input), 142).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), tune);
    assert_eq!(lznt1(&hex(&input), 141), None);
    assert_eq!(lznt1(&hex(&input), 143), None);
}

/// A PAC with these buffers.
fn build(buffers: &[(u32, &[u8])]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut table = [word(buffers.len()), [0; 4]].concat();
    let mut data = Vec::new();
    for (kind, buffer) in buffers {
        let at = 8 + 16 * buffers.len() + data.len();
        table.extend([kind.to_le_bytes(), word(buffer.len()), word(at), [0; 4]].concat());
        data.extend_from_slice(buffer);
        data.resize(data.len().next_multiple_of(8), 0);
    }
    table.extend(data);
    table
}

fn buffer(kind: u32) -> &'static [u8] {
    Pac::parse(tail(ALICE, 784)).unwrap().buffer(kind).unwrap()
}

/// MS-PAC 2.14, 2.15.
#[test]
fn rule_27_requestor_and_attributes() {
    let logon = buffer(kind::LOGON_INFO);
    let asker = sid("S-1-5-21-1-2-3-1103").to_bytes();
    let read = |flags: &[u8]| {
        read(&build(&[
            (kind::LOGON_INFO, logon),
            (kind::REQUESTOR, &asker),
            (kind::ATTRIBUTES, flags),
        ]))
    };
    for (flags, means) in [
        (1, PacRequest::AskedFor),
        (2, PacRequest::Implicit),
        (0, PacRequest::NotAskedFor),
    ] {
        let all = read(&[2, 0, 0, 0, flags, 0, 0, 0]).unwrap();
        assert_eq!(all.requestor, Some(sid("S-1-5-21-1-2-3-1103")));
        assert_eq!(all.pac_request, Some(means));
    }
    assert!(read(&[2, 0, 0, 0, 1]).is_err());
}

/// Tables that no KDC writes.
#[test]
fn broken_tables_are_refused() {
    let info = buffer(kind::CLIENT_INFO);
    let good = build(&[(10, info), (1, &[0; 8])]);
    assert!(Pac::parse(&good).is_ok());
    let mut broken: Vec<(&str, Vec<u8>)> = vec![("twice", build(&[(10, info), (10, info)]))];
    for (what, at, value) in [
        ("version", 4, 1),
        ("count", 0, 200),
        ("inside the table", 16, 8),
        ("not on 8 bytes", 32, good[32] + 4),
        ("over the other", 32, good[16]),
        ("too long", 12, 200),
        ("far away", 20, 1),
    ] {
        let mut bytes = good.clone();
        bytes[at] = value;
        broken.push((what, bytes));
    }
    for (what, bytes) in broken {
        assert!(Pac::parse(&bytes).is_err(), "{what}");
    }
    for length in 0..40 {
        assert!(Pac::parse(&good[..length]).is_err(), "{length}");
    }
    // 64 buffers at the most, here without any place of their own.
    let many: Vec<(u32, &[u8])> = (100..165).map(|kind| (kind, &[][..])).collect();
    assert!(Pac::parse(&build(&many)).is_err());
    assert!(Pac::parse(&build(&many[1..])).is_ok());
}

/// Every change of the logon info is read or refused, never more.
#[test]
fn changed_logon_info_never_panics() {
    for part in [WINDOWS, tail(ALICE, 784)] {
        for byte in 0..part.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut changed = part.to_vec();
                changed[byte] = value;
                let _ = read(&changed);
            }
        }
    }
}

/// Neither MS-PAC nor MS-KILE has the bytes of a PAC with resource groups (MS-PAC 2.5,
/// ResourceGroupIds): Samba's NDR wrote this one (tests/data/pac/build.py).
#[test]
fn rule_27_resource_groups() {
    let all = read(include_bytes!("../../tests/data/pac/resource-groups.pac")).unwrap();
    assert_eq!(all.account.user, "alice");
    assert_eq!(all.account.domain, "EXAMPLE");
    assert_eq!(all.full_name.as_deref(), Some("Alice Ω"));
    let domain = sid("S-1-5-21-1-2-3");
    assert_eq!(all.user, domain.with_rid(1103));
    let groups: Vec<_> = all
        .groups
        .iter()
        .map(|group| (group.sid.to_string(), group.attributes.bits(), group.source))
        .collect();
    let of = |sid: &str, attributes, source| (sid.to_owned(), attributes, source);
    assert_eq!(
        groups,
        [
            of("S-1-5-21-1-2-3-513", 7, GroupSource::Account),
            of("S-1-5-21-1-2-3-1105", 7, GroupSource::Account),
            of("S-1-18-1", 7, GroupSource::Extra),
            of("S-1-5-21-7-7-7-1200", 0x2000_0007, GroupSource::Extra),
            of("S-1-5-21-9-8-7-2001", 0x2000_0007, GroupSource::Resource),
            of("S-1-5-21-9-8-7-2002", 0x2000_0010, GroupSource::Resource),
        ]
    );
    assert!(all.is_member(&sid("S-1-5-21-9-8-7-2001")));
    // For denying only.
    let denies = sid("S-1-5-21-9-8-7-2002");
    assert!(!all.is_member(&denies) && all.is_denied_by(&denies));
    assert_eq!(all.times.logon.map(unix_seconds), Some(1_655_526_400));
}

/// PAC_DEVICE_INFO (MS-PAC 2.12), published nowhere either: impacket's NDR wrote it.
#[test]
fn rule_27_the_device() {
    let info = include_bytes!("../../tests/data/pac/device.info");
    let pac = build(&[
        (kind::LOGON_INFO, buffer(kind::LOGON_INFO)),
        (kind::DEVICE_INFO, info),
    ]);
    let all = read(&pac).unwrap();
    let device = all.device.as_ref().unwrap();
    let domain = sid("S-1-5-21-1-2-3");
    assert_eq!(device.device, domain.with_rid(1500));
    assert_eq!(device.primary_group, domain.with_rid(515));
    let groups = device.groups.iter();
    let groups: Vec<_> = groups
        .map(|group| (group.sid.to_string(), group.source))
        .collect();
    assert_eq!(
        groups,
        [
            ("S-1-5-21-1-2-3-515".to_owned(), GroupSource::Account),
            ("S-1-5-21-1-2-3-1501".to_owned(), GroupSource::Account),
            ("S-1-18-1".to_owned(), GroupSource::Extra),
            ("S-1-5-21-9-8-7-2003".to_owned(), GroupSource::Resource),
        ]
    );
    // Its groups are not the client's.
    assert!(!all.is_member(&sid("S-1-5-21-9-8-7-2003")));
    for length in 0..info.len() - 3 {
        let cut = build(&[
            (kind::LOGON_INFO, buffer(kind::LOGON_INFO)),
            (kind::DEVICE_INFO, &info[..length]),
        ]);
        assert!(read(&cut).is_err(), "{length}");
    }
}
