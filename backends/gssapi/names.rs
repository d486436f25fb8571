//! Names as the library exports them (RFC 2743 3.2), whose parts are told
//! apart: a displayed name is for people.

pub(super) mod sys;

use super::oid;
use crate::name::{Name, Principal};

/// The principal in an exported Kerberos name (RFC 1964 2.1.3): `04 01`, the
/// mechanism, and the name with the escapes of `krb5_unparse_name`. After a
/// negotiation MIT writes SPNEGO for the mechanism, and the same behind it.
pub(super) fn principal(exported: &[u8]) -> Option<Principal> {
    let (mech, name) = split(exported)?;
    [oid::KRB5, oid::SPNEGO]
        .contains(&mech)
        .then(|| unparsed(name))?
}

/// The client's name, by the mechanism that authenticated it.
pub(super) fn peer(mech: &[u8], exported: Option<&[u8]>, displayed: Option<&[u8]>) -> Option<Name> {
    if mech == oid::NTLM {
        return ntlm(displayed?);
    }
    let principal = principal(exported?)?;
    Some(if principal.is_anonymous() {
        Name::Anonymous
    } else {
        Name::Kerberos(principal)
    })
}

/// `DOMAIN\user`, as gss-ntlmssp displays it; neither part holds a backslash
/// (MS-NLMP 2.2.1.3 has them apart, account names cannot have one).
fn ntlm(displayed: &[u8]) -> Option<Name> {
    // It counts the NUL at its end.
    let displayed = displayed.strip_suffix(&[0]).unwrap_or(displayed);
    let text = core::str::from_utf8(displayed).ok()?;
    let (domain, user) = text.split_once('\\').unwrap_or(("", text));
    if user.is_empty() {
        return Some(Name::Anonymous);
    }
    Some(Name::Ntlm {
        user: user.to_owned(),
        domain: domain.to_owned(),
    })
}

/// The mechanism's identifier and the mechanism's own form.
fn split(exported: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = exported.strip_prefix(&[4, 1])?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (mech, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let (header, mech) = mech.split_first_chunk::<2>()?;
    if header[0] != 6 || usize::from(header[1]) != mech.len() {
        return None;
    }
    let (length, name) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (name.len() == length).then_some((mech, name))
}

/// Reads a name that `krb5_unparse_name` wrote, byte by byte.
pub(super) fn unparsed(text: &[u8]) -> Option<Principal> {
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    let mut realm: Option<Vec<u8>> = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        let own = match byte {
            b'/' if realm.is_none() => {
                parts.push(Vec::new());
                continue;
            }
            b'@' if realm.is_none() => {
                realm = Some(Vec::new());
                continue;
            }
            // The library escapes one that is part of the realm.
            b'@' => return None,
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'b' => 8,
                b'0' => 0,
                other => other,
            },
            other => other,
        };
        match realm.as_mut() {
            Some(realm) => realm.push(own),
            None => parts.last_mut()?.push(own),
        }
    }
    let name_type = if parts.len() > 1 {
        Principal::NT_SRV_HST
    } else {
        Principal::NT_PRINCIPAL
    };
    Some(Principal::new(realm?, &parts, name_type))
}

/// Writes a name for `krb5_parse_name`.
pub(super) fn unparse(principal: &Principal) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, component) in principal.components().enumerate() {
        if index > 0 {
            text.push(b'/');
        }
        escape(component, &mut text);
    }
    text.push(b'@');
    escape(principal.realm(), &mut text);
    text
}

fn escape(part: &[u8], text: &mut Vec<u8>) {
    for &byte in part {
        match byte {
            b'/' | b'@' | b'\\' => text.extend([b'\\', byte]),
            b'\n' => text.extend(b"\\n"),
            b'\t' => text.extend(b"\\t"),
            8 => text.extend(b"\\b"),
            0 => text.extend(b"\\0"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{peer, principal, unparse, unparsed};
    use crate::backends::gssapi::oid;
    use crate::name::{Name, Principal};

    /// The layout of RFC 2743 3.2 with the mechanism of RFC 1964.
    fn exported(name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![4, 1, 0, 11, 6, 9];
        bytes.extend(oid::KRB5);
        bytes.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend(name);
        bytes
    }

    /// A component that holds the separators is not two components, and no
    /// realm.
    #[test]
    fn parts_are_told_apart() {
        let found = principal(&exported(br"alice\@OTHER\/x/y@EXAMPLE.TEST")).unwrap();
        let due = Principal::new("EXAMPLE.TEST", &["alice@OTHER/x", "y"], 1);
        assert_eq!(found, due);
        assert_eq!(unparse(&found), br"alice\@OTHER\/x/y@EXAMPLE.TEST");
        for name in [&br"alice@A@B"[..], b"alice", b"alice@R\\"] {
            assert!(principal(&exported(name)).is_none(), "{name:?}");
        }
    }

    #[test]
    fn octets_survive() {
        let odd = Principal::new(b"R\xff", &[b"a\0\n\t\x08\\ \xc3".as_slice(), b""], 1);
        assert_eq!(unparsed(&unparse(&odd)).unwrap(), odd);
    }

    #[test]
    fn what_is_not_exactly_an_exported_kerberos_name_is_none() {
        let good = exported(b"alice@R");
        assert!(principal(&good).is_some());
        for cut in 0..good.len() {
            assert!(principal(&good[..cut]).is_none(), "cut at {cut}");
        }
        let mut long = good.clone();
        long.push(0);
        assert!(principal(&long).is_none());
        let mut other = good;
        other[9] ^= 1;
        assert!(principal(&other).is_none());
    }

    #[test]
    fn ntlm_names_have_a_domain() {
        let name = peer(oid::NTLM, None, Some(br"DOMAIN\alice"));
        let (user, domain) = ("alice".into(), "DOMAIN".into());
        assert_eq!(name, Some(Name::Ntlm { user, domain }));
        let anonymous = exported(b"WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS");
        assert_eq!(
            peer(oid::KRB5, Some(&anonymous), None),
            Some(Name::Anonymous)
        );
    }
}
