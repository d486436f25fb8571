//! Where two tokens differ, in words.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree;

/// The fields of an AP-REQ (RFC 4120 5.5.1), below its tag.
const FIELDS: [(&str, &str); 15] = [
    ("30/a0/02", "pvno"),
    ("30/a1/02", "msg-type"),
    ("30/a2/03", "ap-options"),
    ("30/a3/61/30/a0/02", "tkt-vno"),
    ("30/a3/61/30/a1/1b", "the ticket's realm"),
    ("30/a3/61/30/a2/30/a0/02", "sname's type"),
    ("30/a3/61/30/a2/30/a1/30/1b", "sname"),
    ("30/a3/61/30/a3/30/a0/02", "the ticket's etype"),
    ("30/a3/61/30/a3/30/a1/02", "the ticket's kvno"),
    ("30/a3/61/30/a3/30/a2/04", "the ticket's ciphertext"),
    ("30/a4/30/a0/02", "the authenticator's etype"),
    ("30/a4/30/a1/02", "the authenticator's kvno"),
    ("30/a4/30/a2/04", "the authenticator's ciphertext"),
    ("30/a3/61/30/a3/30", "the ticket's EncryptedData"),
    ("30/a4/30", "the authenticator's EncryptedData"),
];

/// The fields around it.
const AROUND: [(&str, &str); 12] = [
    ("60/06", "the frame's OID"),
    ("60/raw", "the token id"),
    ("60/a0/30/a0/30/06", "mechTypes"),
    ("60/a0/30/a1/03", "reqFlags"),
    ("60/a0/30/a2/04/60/06", "the frame's OID"),
    ("60/a0/30/a2/04/60/raw", "the token id"),
    ("60/a0/30/a2/04", "mechToken"),
    ("a1/30/a2/04/60/06", "the frame's OID"),
    ("a1/30/a2/04/60/raw", "the token id"),
    ("a1/30/a2/04", "responseToken"),
    ("a1/30/a3/04", "mechListMIC"),
    ("a1/30/a0/0a", "negState"),
];

fn values(token: &[u8]) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut out: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (path, value) in tree::leaves(&tree::parse(token)) {
        // A NegTokenResp may come without its SEQUENCE (rule 28).
        let path = match path.strip_prefix("a1/a") {
            Some(rest) => format!("a1/30/a{rest}"),
            None => path,
        };
        out.entry(path).or_default().push(value);
    }
    out
}

/// What a path of tags is called.
fn field(path: &str) -> String {
    let (list, rest) = match path.rsplit_once("6e/") {
        Some((_, below)) => (&FIELDS[..], below),
        None => (&AROUND[..], path),
    };
    if let Some((_, name)) = list.iter().find(|(path, _)| *path == rest) {
        return (*name).to_owned();
    }
    // What is not a field of the message, by the message that it is in.
    let within = |part: &str| path.contains(part);
    let place = if within("6e/30/a3/61/30/a2/") {
        "sname"
    } else if within("6e/30/a3/") {
        "the ticket"
    } else if within("6e/") {
        "the AP-REQ"
    } else if let Some(rest) = path.strip_prefix("60/a0/30/a") {
        let names = [
            "mechTypes",
            "reqFlags",
            "mechToken",
            "negHints or mechListMIC",
            "mechListMIC",
        ];
        let number = rest.chars().next().and_then(|digit| digit.to_digit(16));
        let known = number.and_then(|n| names.get(n as usize));
        return (*known.unwrap_or(&"an unknown part of the negotiation")).to_owned();
    } else if path.starts_with("60/a0/30/") || path.starts_with("a1/30/") {
        return "an unknown part of the negotiation".to_owned();
    } else {
        return format!("octets at {path}");
    };
    format!("an unknown part of {place}")
}

/// What becomes of a token inside a negotiation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// It is read.
    Read,
    /// It is another mechanism's, and dropped.
    Dropped,
}

/// What differs.
pub fn differences(one: &[u8], other: &[u8], inner: Inner) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    if one != other && tree::normal(one) == tree::normal(other) {
        out.insert("lengths that are written longer".to_owned());
    }
    let same_octets = one == other;
    let (one, other) = (values(one), values(other));
    if !same_octets && one == other && out.is_empty() {
        out.insert("a NegTokenResp's SEQUENCE".to_owned());
    }
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for path in paths {
        let (a, b) = (one.get(path), other.get(path));
        if a == b {
            continue;
        }
        if inner == Inner::Dropped && path.starts_with("60/a0/30/a2") {
            out.insert("mechToken".to_owned());
            continue;
        }
        let name = field(path);
        if path.ends_with("/02") && a.is_some() && a.map(|v| minimal(v)) == b.map(|v| minimal(v)) {
            out.insert("integers that are written longer".to_owned());
            continue;
        }
        if name != "ap-options" {
            out.insert(name);
            continue;
        }
        out.insert(match (a.and_then(|v| bits(v)), b.and_then(|v| bits(v))) {
            (Some(a), Some(b)) if a ^ b == kit::ap_req::option::MUTUAL_REQUIRED => {
                "ap-options: MUTUAL-REQUIRED".to_owned()
            }
            (Some(a), Some(b)) if (a ^ b) & kit::ap_req::option::USE_SESSION_KEY == 0 => {
                "ap-options: bits without a meaning".to_owned()
            }
            (Some(_), Some(_)) => "ap-options: USE-SESSION-KEY".to_owned(),
            _ => "ap-options: not 32 bits".to_owned(),
        });
    }
    out
}

/// Integers without octets that say nothing.
fn minimal(values: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let shorter = |value: &Vec<u8>| {
        let mut rest = &value[..];
        while let [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = rest {
            rest = &rest[1..];
        }
        rest.to_vec()
    };
    values.iter().map(shorter).collect()
}

fn bits(values: &[Vec<u8>]) -> Option<u32> {
    match values {
        [one] => match one.as_slice() {
            [0, a, b, c, d] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => None,
        },
        _ => None,
    }
}
