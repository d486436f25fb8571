//! The path of realms that a ticket took (RFC 4120 2.7, 3.3.3.2; rule 11).

use super::codec::parts::MAX_REALM;
use crate::realms::Capaths;

/// The only encoding that is defined: DOMAIN-X500-COMPRESS.
const DOMAIN_X500_COMPRESS: i32 = 1;
/// Real paths have a handful of realms; a longer one costs more than it says.
const MAX_REALMS: usize = 64;

/// Whether the path from `client` to `server` through the realms that the
/// ticket names is trusted; if not, the realms, as far as they can be read.
pub(crate) fn check(
    client: &[u8],
    server: &[u8],
    kind: i32,
    contents: &[u8],
    capaths: &Capaths,
) -> Result<(), Vec<String>> {
    if contents.is_empty() {
        return Ok(());
    }
    if kind != DOMAIN_X500_COMPRESS {
        return Err(vec![format!("an encoding of type {kind}")]);
    }
    let Some(realms) = expand(client, server, contents) else {
        return Err(vec![
            String::from_utf8_lossy(contents.get(..64).unwrap_or(contents)).into_owned(),
        ]);
    };
    let trusted = |realm: &[u8]| {
        realm == client
            || realm == server
            || match capaths.between(client, server) {
                Some(path) => path.iter().any(|own| own == realm),
                None => hierarchy(client, server).any(|own| own == realm),
            }
    };
    if realms.iter().all(|realm| trusted(realm)) {
        return Ok(());
    }
    Err(realms
        .iter()
        .map(|realm| String::from_utf8_lossy(realm).into_owned())
        .collect())
}

/// The realms between two in the hierarchy of their names: up from the one to
/// what both end in, and down to the other. Names that end in nothing common
/// have no path.
fn hierarchy<'a>(client: &'a [u8], server: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let common = ancestors(client).find(|up| ancestors(server).any(|other| other == *up));
    let up_to_common = move |realm| {
        ancestors(realm).take_while(move |up| common.is_some_and(|common| up.len() >= common.len()))
    };
    up_to_common(client).chain(up_to_common(server))
}

/// The realms that a null subfield stands for. `None` when its ends are not one
/// below the other: what lies between such is anybody's guess (RFC 4120
/// 3.3.3.2), and guessing nothing would trust it.
fn between(from: &[u8], to: &[u8]) -> Option<Vec<Vec<u8>>> {
    if from.len() > MAX_REALM || to.len() > MAX_REALM {
        return None;
    }
    let below = |lower: &[u8], upper: &[u8]| ancestors(lower).any(|up| up == upper);
    if !below(from, to) && !below(to, from) {
        return None;
    }
    Some(
        hierarchy(from, to)
            .map(<[u8]>::to_vec)
            .take(MAX_REALMS + 1)
            .collect(),
    )
}

/// A realm and what is left of its name when labels are taken off its front.
fn ancestors(realm: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::successors(Some(realm), |name| {
        let dot = name.iter().position(|&byte| byte == b'.')?;
        name.get(dot + 1..)
    })
    .filter(|name| !name.is_empty())
}

/// Reads the compressed list. `None` when it is malformed or too long.
fn expand(client: &[u8], server: &[u8], contents: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut realms: Vec<Vec<u8>> = Vec::new();
    // The realm before the one being read, in the sense of compression: the
    // client's to begin with.
    let mut previous: Vec<u8> = Vec::new();
    let mut gap_from: Option<Vec<u8>> = None;
    for (index, field) in fields(contents)?.into_iter().enumerate() {
        if field.is_empty() {
            // A null subfield: all realms between its neighbours; at the
            // front, between the client's realm and the first one.
            let from = if index == 0 { client } else { &previous };
            gap_from.get_or_insert_with(|| from.to_vec());
            continue;
        }
        let realm = uncompress(&field, &previous)?;
        if let Some(from) = gap_from.take() {
            realms.extend(between(&from, &realm)?);
        }
        previous.clone_from(&realm);
        realms.push(realm);
        if realms.len() > MAX_REALMS {
            return None;
        }
    }
    // At the end: all realms between the last one and the server's.
    if let Some(from) = gap_from {
        realms.extend(between(&from, server)?);
    }
    (realms.len() <= MAX_REALMS).then_some(realms)
}

/// One subfield in full (RFC 4120 3.3.3.2): `.` at the end means that the
/// previous realm follows, `/` at the front that it goes before, a space at
/// the front that neither is meant.
fn uncompress(field: &[u8], previous: &[u8]) -> Option<Vec<u8>> {
    let realm = match field {
        [b' ', rest @ ..] => rest.to_vec(),
        [b'/', ..] => [previous, field].concat(),
        [.., b'.'] => [field, previous].concat(),
        _ => field.to_vec(),
    };
    (!realm.is_empty() && realm.len() <= MAX_REALM).then_some(realm)
}

/// The subfields between commas, without the backslashes that quote.
fn fields(contents: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = vec![Vec::new()];
    let mut bytes = contents.iter();
    while let Some(&byte) = bytes.next() {
        let current = match byte {
            b',' => {
                all.push(Vec::new());
                if all.len() > MAX_REALMS {
                    return None;
                }
                continue;
            }
            b'\\' => *bytes.next()?,
            0 => return None,
            other => other,
        };
        all.last_mut()?.push(current);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::{check, expand};
    use crate::realms::Capaths;

    fn expanded(contents: &str) -> Option<Vec<String>> {
        let realms = expand(b"ATHENA.MIT.EDU", b"CS.WASHINGTON.EDU", contents.as_bytes())?;
        Some(
            realms
                .into_iter()
                .map(|realm| String::from_utf8(realm).unwrap())
                .collect(),
        )
    }

    /// The examples of RFC 4120 3.3.3.2.
    #[test]
    fn the_compression_of_rfc_4120() {
        assert_eq!(
            expanded("EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.").unwrap(),
            [
                "EDU",
                "MIT.EDU",
                "ATHENA.MIT.EDU",
                "WASHINGTON.EDU",
                "CS.WASHINGTON.EDU"
            ]
        );
        assert_eq!(
            expanded("/COM,/HP,/APOLLO, /COM/DEC").unwrap(),
            ["/COM", "/COM/HP", "/COM/HP/APOLLO", "/COM/DEC"]
        );
        assert_eq!(expanded("A\\,B").unwrap(), ["A,B"]);
    }

    /// What a null subfield between unrelated realms stands for cannot be
    /// known, and nothing is trusted by it.
    #[test]
    fn null_subfields_between_unrelated_realms_are_refused() {
        let capaths = Capaths::new();
        for contents in [",", ",B.ORG", "A.COM,,B.ORG", ",,"] {
            let checked = check(b"A.COM", b"B.ORG", 1, contents.as_bytes(), &capaths);
            assert!(checked.is_err(), "{contents}");
        }
    }

    /// A long client realm costs no more than its length.
    #[test]
    fn a_realm_of_many_labels_is_not_expanded() {
        let client = [b"a.".repeat(15_000), b"COM".to_vec()].concat();
        assert!(check(&client, b"X.COM", 1, b",COM", &Capaths::new()).is_err());
    }

    /// A null subfield stands for all realms between its neighbours.
    #[test]
    fn null_subfields_stand_for_what_lies_between() {
        let all = expanded(",EDU,").unwrap();
        for realm in ["ATHENA.MIT.EDU", "MIT.EDU", "EDU", "WASHINGTON.EDU"] {
            assert!(all.iter().any(|own| own == realm), "{realm} in {all:?}");
        }
    }

    #[test]
    fn the_hierarchy_is_trusted_and_nothing_beside_it() {
        let capaths = Capaths::new();
        let ok = |contents: &str| {
            check(b"A.X.COM", b"B.X.COM", 1, contents.as_bytes(), &capaths).is_ok()
        };
        assert!(ok(""));
        assert!(ok("X.COM"));
        assert!(!ok("COM"));
        assert!(!ok("EVIL.ORG"));
        assert!(!ok("X.COM,EVIL.ORG"));
        assert!(check(b"A.COM", b"B.ORG", 1, b"COM", &capaths).is_err());
    }

    #[test]
    fn capaths_replace_the_hierarchy() {
        let capaths = Capaths::new().path("A.X.COM", "B.X.COM", &["HUB.NET"]);
        assert!(check(b"A.X.COM", b"B.X.COM", 1, b"HUB.NET", &capaths).is_ok());
        assert!(check(b"A.X.COM", b"B.X.COM", 1, b"X.COM", &capaths).is_err());
        assert!(check(b"B.X.COM", b"A.X.COM", 1, b"HUB.NET", &capaths).is_err());
    }

    /// The ends of the path are on it, whatever capaths name between them.
    #[test]
    fn the_ends_are_trusted() {
        let capaths = Capaths::new().path("A.X.COM", "B.X.COM", &["HUB.NET"]);
        for contents in ["A.X.COM", "B.X.COM", "A.X.COM,HUB.NET,B.X.COM"] {
            let checked = check(b"A.X.COM", b"B.X.COM", 1, contents.as_bytes(), &capaths);
            assert_eq!(checked, Ok(()), "{contents}");
        }
    }

    /// What is longer than the limits is not read, and not read in part.
    #[test]
    fn the_limits_are_exact() {
        let long = |length: usize| [vec![b'a'; length - 4], b".COM".to_vec()].concat();
        for (length, read) in [(1024, true), (1025, false)] {
            let from = expand(&long(length), b"X.COM", b",COM");
            let to = expand(b"X.COM", &long(length), b"COM,");
            assert_eq!((from.is_some(), to.is_some()), (read, read), "{length}");
        }
        for (length, read) in [(1024, true), (1025, false)] {
            let realms = expand(b"X", b"Y", &long(length));
            assert_eq!(realms.is_some(), read, "{length}");
        }
        for (count, read) in [(64, true), (65, false)] {
            let list = vec!["A"; count].join(",");
            let realms = expand(b"X", b"Y", list.as_bytes());
            assert_eq!(realms.map(|all| all.len()), read.then_some(count));
        }
        let deep = [b"a.".repeat(100), b"COM".to_vec()].concat();
        assert_eq!(expand(&deep, b"X.COM", b",COM"), None);
    }

    #[test]
    fn other_encodings_and_nonsense_are_refused() {
        let capaths = Capaths::new();
        assert!(check(b"A", b"B", 0, b"", &capaths).is_ok());
        assert!(check(b"A", b"B", 0, b"A", &capaths).is_err());
        assert!(check(b"A", b"B", 1, b"A\\", &capaths).is_err());
        assert!(check(b"A", b"B", 1, b"A\0", &capaths).is_err());
        assert!(check(b"A", b"B", 1, "a.,".repeat(1000).as_bytes(), &capaths).is_err());
    }
}
