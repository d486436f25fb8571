//! What messages are made of: names, keys, ciphertexts, checksums and
//! addresses (RFC 4120 5.2, 5.3).

// As in `der`: what a glance is made of is in one place.
#![allow(clippy::inline_always)]

use core::fmt;

use super::Problem;
use super::der::{Cursor, Tag, Usual, sequence};
use super::encode::encode_sequence;
use super::wire::{List, Octets, Text};
use crate::etype::EncryptionType;
use crate::name::Principal;

/// A name has one component or two, some have four. A bound, so that a stranger
/// cannot make work and log lines of a whole token's length with a name.
const MAX_COMPONENTS: usize = 32;
/// The same for the bytes of a name, its encoding included: several times what
/// a host's name can have.
const MAX_NAME: usize = 1024;
/// And for those of a realm.
pub(crate) const MAX_REALM: usize = 1024;

/// PrincipalName (RFC 4120 5.2.2), without its realm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrincipalName<'a> {
    pub(crate) name_type: i32,
    pub(crate) name_string: List<'a, Text<'a>>,
}

encode_sequence!(PrincipalName<'_>, { 0 => name_type, 1 => name_string });

impl<'a> PrincipalName<'a> {
    /// The components' bytes, in order.
    pub(crate) fn components(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.name_string.iter().map(|text| text.0)
    }

    /// The principal of this name in `realm`, copied.
    pub(crate) fn in_realm(&self, realm: Text<'_>) -> Principal {
        let mut components = self.components();
        // Two components are what nearly every name has.
        match (components.next(), components.next(), components.next()) {
            (Some(one), None, _) => Principal::new(realm.0, &[one], self.name_type),
            (Some(one), Some(two), None) => Principal::new(realm.0, &[one, two], self.name_type),
            _ => {
                let all: Vec<&[u8]> = self.components().collect();
                Principal::new(realm.0, &all, self.name_type)
            }
        }
    }

    /// Whether this name in `realm` is `principal`, byte for byte and
    /// whatever the name types (RFC 4120 6.2).
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is(&self, realm: Text<'_>, principal: &Principal) -> bool {
        realm.0 == principal.realm() && self.components().eq(principal.components())
    }

    /// Whether the components are the same, whatever the name types.
    pub(crate) fn same_components(&self, other: &PrincipalName<'_>) -> bool {
        let (own, others) = (self.name_string.contents(), other.name_string.contents());
        // As they nearly always are. What was not read has no contents.
        let alike = !own.is_empty() && own == others;
        alike || self.components().eq(other.components())
    }
}

/// The components of `principal`, for [`List::of`].
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) fn texts(principal: &Principal) -> Vec<Text<'_>> {
    principal.components().map(Text).collect()
}

impl<'a> PrincipalName<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let name_type = fields.get(0)?;
        let name_string: List<'a, Text<'a>> = fields.get(1)?;
        // A component has two octets at the least: few of them have too many.
        if name_string.contents().len() > 2 * MAX_COMPONENTS && is_too_long(&name_string) {
            return Err(fields.named("PrincipalName").error(Problem::TooMany));
        }
        fields.skip_extensions(1)?;
        Ok(Self {
            name_type,
            name_string,
        })
    }
}

sequence!(PrincipalName<'a>, Usual::Short);

#[cold]
fn is_too_long(components: &List<'_, Text<'_>>) -> bool {
    components.contents().len() > MAX_NAME
        || components.iter().take(MAX_COMPONENTS + 1).count() > MAX_COMPONENTS
}

/// A Realm (RFC 4120 5.2.2) as a component.
#[inline(always)]
pub(crate) fn realm<'a, C: Cursor<'a>>(cursor: &mut C, at: u8) -> Result<Text<'a>, C::Error> {
    cursor.primitive(at, Tag::GENERAL_STRING, Usual::Short, |octets| {
        if octets.len() > MAX_REALM {
            return Err(Problem::BadValue { field: "Realm" });
        }
        Ok(Text(octets))
    })
}

/// An OPTIONAL one.
#[inline(always)]
pub(crate) fn some_realm<'a, C: Cursor<'a>>(
    cursor: &mut C,
    at: u8,
) -> Result<Option<Text<'a>>, C::Error> {
    cursor.optional(at, |cursor| realm(cursor, at))
}

/// EncryptedData (RFC 4120 5.2.9).
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncryptedData<'a> {
    pub(crate) etype: EncryptionType,
    pub(crate) kvno: Option<u32>,
    pub(crate) cipher: Octets<'a>,
}

encode_sequence!(EncryptedData<'_>, { 0 => etype, 1 => kvno, 2 => cipher });

impl<'a> EncryptedData<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let etype = fields.get(0)?;
        let kvno = fields.maybe(1)?;
        let cipher = fields.primitive(2, Tag::OCTET_STRING, Usual::Long, |octets| {
            Ok(Octets(octets))
        })?;
        fields.skip_extensions(2)?;
        Ok(Self {
            etype,
            kvno,
            cipher,
        })
    }
}

sequence!(EncryptedData<'a>, Usual::Long);

/// EncryptionKey (RFC 4120 5.2.9): a secret that is the input's to wipe.
#[derive(Clone, Copy)]
pub(crate) struct EncryptionKey<'a> {
    pub(crate) keytype: EncryptionType,
    pub(crate) keyvalue: Octets<'a>,
}

encode_sequence!(EncryptionKey<'_>, { 0 => keytype, 1 => keyvalue });

impl fmt::Debug for EncryptionKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EncryptionKey({}, {} bytes)",
            self.keytype,
            self.keyvalue.0.len()
        )
    }
}

impl<'a> EncryptionKey<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let keytype = fields.get(0)?;
        let keyvalue = fields.get(1)?;
        fields.skip_extensions(1)?;
        Ok(Self { keytype, keyvalue })
    }
}

sequence!(EncryptionKey<'a>, Usual::Short);

/// Checksum (RFC 4120 5.2.9).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum<'a> {
    pub(crate) cksumtype: i32,
    pub(crate) checksum: Octets<'a>,
}

encode_sequence!(Checksum<'_>, { 0 => cksumtype, 1 => checksum });

impl<'a> Checksum<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let cksumtype = fields.get(0)?;
        let checksum = fields.get(1)?;
        fields.skip_extensions(1)?;
        Ok(Self {
            cksumtype,
            checksum,
        })
    }
}

sequence!(Checksum<'a>, Usual::Short);

/// HostAddress (RFC 4120 5.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostAddress<'a> {
    pub(crate) addr_type: i32,
    pub(crate) address: Octets<'a>,
}

encode_sequence!(HostAddress<'_>, { 0 => addr_type, 1 => address });

impl<'a> HostAddress<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let addr_type = fields.get(0)?;
        let address = fields.get(1)?;
        fields.skip_extensions(1)?;
        Ok(Self { addr_type, address })
    }
}

sequence!(HostAddress<'a>, Usual::Short);

/// TransitedEncoding (RFC 4120 5.3, 3.3.3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransitedEncoding<'a> {
    pub(crate) tr_type: i32,
    pub(crate) contents: Octets<'a>,
}

encode_sequence!(TransitedEncoding<'_>, { 0 => tr_type, 1 => contents });

impl<'a> TransitedEncoding<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let tr_type = fields.get(0)?;
        let contents = fields.get(1)?;
        fields.skip_extensions(1)?;
        Ok(Self { tr_type, contents })
    }
}

sequence!(TransitedEncoding<'a>, Usual::Short);
