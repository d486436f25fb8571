//! Authorization data (RFC 4120 5.2.6): the PAC, and what a client adds to
//! its authenticator (MS-KILE, RFC 4537).

// As in `der`: what a glance is made of is in one place.
#![allow(clippy::inline_always)]

use super::der::{Cursor, Element, Glance, Reader, Tag, Usual, sequence};
use super::encode::{encode, encode_sequence};
use super::wire::{List, Octets};
use super::{CodecError, Decoded, Problem};
use crate::etype::EncryptionType;

/// A list of authorization data.
pub(crate) type AuthorizationData<'a> = List<'a, AuthElement<'a>>;

/// The registered types that mean something here.
pub(crate) mod ad_type {
    /// A list that may be ignored (RFC 4120 5.2.6.1).
    pub(crate) const IF_RELEVANT: i32 = 1;
    /// For the KDC to understand, and nobody else (RFC 4120 5.2.6.4).
    pub(crate) const MANDATORY_FOR_KDC: i32 = 8;
    /// A Windows PAC (MS-PAC 2.2.3).
    pub(crate) const WIN2K_PAC: i32 = 128;
    /// The encryption types a client can do (RFC 4537).
    pub(crate) const ETYPE_NEGOTIATION: i32 = 129;
    /// KERB_AP_OPTIONS (MS-KILE 3.2.5.8).
    pub(crate) const AP_OPTIONS: i32 = 143;
    /// The service name as the client's user gave it (MS-KILE 3.2.5.8).
    pub(crate) const CLIENT_TARGET: i32 = 144;
}

/// `KERB_AP_OPTIONS_CBT`: this client binds to its channel (rule 17).
pub(crate) const AP_OPTIONS_CBT: u32 = 0x4000;
/// The client's target name comes from a source that it does not trust.
pub(crate) const AP_OPTIONS_UNVERIFIED_TARGET: u32 = 0x8000;

const PART: &str = "AuthorizationData";
/// Levels of AD-IF-RELEVANT that are looked into. One is what is sent.
const MAX_DEPTH: usize = 4;
/// Elements that are looked at, over all levels.
const MAX_ELEMENTS: usize = 256;

/// One element of authorization data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthElement<'a> {
    pub(crate) ad_type: i32,
    pub(crate) ad_data: Octets<'a>,
}

encode_sequence!(AuthElement<'_>, { 0 => ad_type, 1 => ad_data });

sequence!(AuthElement<'a>, Usual::Long);

impl<'a> AuthElement<'a> {
    #[inline(always)]
    fn of<C: Cursor<'a>>(mut fields: C) -> Result<Self, C::Error> {
        let ad_type = fields.get(0)?;
        let ad_data = fields.get(1)?;
        fields.skip_extensions(1)?;
        Ok(Self { ad_type, ad_data })
    }

    /// Takes the first of a list's elements from its contents.
    #[inline(always)]
    fn take(contents: &mut &'a [u8]) -> Decoded<Self> {
        let mut glance = Glance::new(contents);
        if let Ok(element) = Self::read(&mut glance) {
            *contents = glance.rest();
            return Ok(element);
        }
        let mut reader = Reader::new("AD-IF-RELEVANT", contents);
        let element = Self::read(&mut reader).map_err(|mut error| {
            // It would be counted from this element.
            error.offset = None;
            error
        })?;
        *contents = reader.rest();
        Ok(element)
    }
}

/// The list in DER: what an AD-IF-RELEVANT element holds.
pub(crate) fn encode_list(items: &[AuthElement<'_>]) -> Decoded<Vec<u8>> {
    encode(PART, &List::of(items))
}

/// The list that an AD-IF-RELEVANT element holds.
pub(crate) fn inner(contents: &[u8]) -> Decoded<AuthorizationData<'_>> {
    let mut reader = Reader::new("AD-IF-RELEVANT", contents);
    let list = List::read(&mut reader)?;
    reader.finish()?;
    Ok(list)
}

/// Whether an element may be ignored by who does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the outermost level: unknown ones in a ticket are refused (RFC
    /// 4120 5.2.6).
    Critical,
    /// Inside AD-IF-RELEVANT.
    IfRelevant,
}

/// An element and where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// Its type.
    pub(crate) ad_type: i32,
    /// Its data.
    pub(crate) data: &'a [u8],
    /// Whether it stands inside AD-IF-RELEVANT.
    pub(crate) place: Place,
}

/// All elements of `list` and of the AD-IF-RELEVANT in it, in order; those
/// containers themselves are not given. After an error nothing follows.
#[inline]
pub(crate) fn walk<'a>(list: &AuthorizationData<'a>) -> Walk<'a> {
    Walk {
        outer: list.iter(),
        inner: [&[]; MAX_DEPTH],
        depth: 0,
        left: MAX_ELEMENTS,
    }
}

/// The elements of authorization data and what it contains.
pub(crate) struct Walk<'a> {
    outer: super::wire::Items<'a, AuthElement<'a>>,
    /// The AD-IF-RELEVANT lists being walked, the innermost last.
    inner: [&'a [u8]; MAX_DEPTH],
    depth: usize,
    left: usize,
}

impl<'a> Walk<'a> {
    /// The next element of the innermost list, containers included.
    #[inline]
    fn element(&mut self) -> Option<Decoded<(AuthElement<'a>, Place)>> {
        while let Some(level) = self.depth.checked_sub(1) {
            match self.inner.get_mut(level) {
                Some(left) if !left.is_empty() => {
                    return Some(AuthElement::take(left).map(|e| (e, Place::IfRelevant)));
                }
                _ => self.depth = level,
            }
        }
        self.outer
            .next()
            .map(|element| Ok((element, Place::Critical)))
    }

    #[inline]
    fn enter(&mut self, contents: &'a [u8]) -> Decoded<()> {
        let too_deep = || CodecError::new(PART, Problem::TooDeep);
        let place = self.inner.get_mut(self.depth).ok_or_else(too_deep)?;
        let mut glance = Glance::new(contents);
        *place = match (glance.sequence(), glance.finish()) {
            (Ok(list), Ok(())) => list.rest(),
            _ => Reader::new("AD-IF-RELEVANT", contents)
                .message(Tag::SEQUENCE)?
                .rest(),
        };
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn step(&mut self) -> Decoded<Option<Found<'a>>> {
        while let Some(element) = self.element() {
            let (AuthElement { ad_type, ad_data }, place) = element?;
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| CodecError::new(PART, Problem::TooMany))?;
            if ad_type != ad_type::IF_RELEVANT {
                return Ok(Some(Found {
                    ad_type,
                    data: ad_data.0,
                    place,
                }));
            }
            self.enter(ad_data.0)?;
        }
        Ok(None)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Decoded<Found<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            // Over, and to stay so.
            self.depth = 0;
            self.outer = List::of(&[]).iter();
        }
        step
    }
}

/// KERB_AP_OPTIONS: exactly four bytes, little-endian (rule 17).
pub(crate) fn ap_options(data: &[u8]) -> Decoded<u32> {
    let problem = Problem::BadValue {
        field: "KERB_AP_OPTIONS",
    };
    data.try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| CodecError::new(PART, problem))
}

/// The client's target name, UTF-16 in little-endian order. `None` when it
/// is not: what cannot be read covers no service name.
pub(crate) fn client_target(data: &[u8]) -> Option<String> {
    let (units, []) = data.as_chunks::<2>() else {
        return None;
    };
    char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
        .collect::<Result<String, _>>()
        .ok()
}

/// The encryption types of AD-ETYPE-NEGOTIATION, the client's favourite
/// first (RFC 4537 3).
pub(crate) fn etype_list(data: &[u8]) -> Decoded<List<'_, EncryptionType>> {
    let mut reader = Reader::new("EtypeList", data);
    let list = List::read(&mut reader)?;
    reader.finish()?;
    Ok(list)
}

/// The data of AD-ETYPE-NEGOTIATION.
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) fn encode_etype_list(etypes: &[EncryptionType]) -> Decoded<Vec<u8>> {
    encode("EtypeList", &List::of(etypes))
}
