//! Reading in a hurry what has the form that nearly everything has: lengths of
//! one octet to three, components that hold one element, nothing beside them.
//! Whatever else comes is a [`Reader`](super::Reader)'s.
//!
//! The next element is found by adding a length to a place, and that length is
//! read first: a message is a chain of them, each of which waits for the one
//! before. Where contents of a known length are nearly always what comes, they
//! are compared with that instead, and nothing has to wait.

// A glance lives in registers where all of its methods are in one place, and
// these are a few instructions each.
#![allow(clippy::inline_always)]

use super::super::Problem;
use super::{Cursor, Tag, Usual};

/// A place in a message, and the elements from there on.
pub(crate) struct Glance<'a> {
    rest: &'a [u8],
}

/// Not for a glance, whether right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unusual;

type Glanced<T> = Result<T, Unusual>;

/// What an element holds, and what comes after it.
type Split<'a> = Option<(&'a [u8], &'a [u8])>;

impl<'a> Glance<'a> {
    #[inline(always)]
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// An element within another, and nothing beside it.
    #[inline(always)]
    fn pair(&self, outer: Tag, inner: Tag, usual: Usual) -> Split<'a> {
        let found = match usual {
            Usual::Length(length) => self.pair_of(outer, inner, length),
            Usual::Short => self.short_pair(outer, inner),
            Usual::Long => self.long_pair(outer, inner),
        };
        match found {
            Some(found) => Some(found),
            None if is_short(inner, usual) => None,
            None => split(self.rest, any_pair(self.rest, outer, inner)?),
        }
    }

    /// With contents of this length.
    #[inline(always)]
    fn pair_of(&self, outer: Tag, inner: Tag, length: u8) -> Split<'a> {
        let (header, rest) = self.rest.split_first_chunk()?;
        if *header != [outer.0, length + 2, inner.0, length] {
            return None;
        }
        rest.split_at_checked(usize::from(length))
    }

    /// With lengths of one octet.
    #[inline(always)]
    fn short_pair(&self, outer: Tag, inner: Tag) -> Split<'a> {
        let ([first, around, second, length], rest) = self.rest.split_first_chunk()?;
        let tags = *first == outer.0 && *second == inner.0;
        if !tags || *length >= 0x80 - 2 || *around != *length + 2 {
            return None;
        }
        rest.split_at_checked(usize::from(*length))
    }

    /// With lengths of two octets after the first, or of one.
    #[inline(always)]
    fn long_pair(&self, outer: Tag, inner: Tag) -> Split<'a> {
        let header = self.rest.first_chunk::<8>()?;
        let (before, around, second, length) = match *header {
            [_, 0x82, high, low, second, 0x82, inner_high, inner_low] => {
                let around = u16::from_be_bytes([high, low]);
                let length = u16::from_be_bytes([inner_high, inner_low]);
                (8, around, second, length)
            }
            [_, 0x81, around, second, 0x81, length, ..] => {
                (6, around.into(), second, length.into())
            }
            _ => return None,
        };
        let tags = header.starts_with(&[outer.0]) && second == inner.0;
        if !tags || around.checked_sub(before / 2) != Some(length) {
            return None;
        }
        split(self.rest, (before, length))
    }

    #[inline(always)]
    fn element(&mut self, tag: Tag, may_be_long: bool) -> Glanced<&'a [u8]> {
        let found = match self.rest {
            [identifier, length @ ..0x80, rest @ ..] if *identifier == tag.0 => {
                rest.split_at_checked(usize::from(*length))
            }
            input if may_be_long => any_element(input, tag).and_then(|at| split(input, at)),
            _ => None,
        };
        let (contents, rest) = found.ok_or(Unusual)?;
        self.rest = rest;
        Ok(contents)
    }
}

impl<'a> Cursor<'a> for Glance<'a> {
    type Error = Unusual;

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline(always)]
    fn named(self, _part: &'static str) -> Self {
        self
    }

    #[inline(always)]
    fn error(&self, _problem: Problem) -> Unusual {
        Unusual
    }

    #[inline(always)]
    fn contents(&mut self, tag: Tag) -> Glanced<&'a [u8]> {
        self.element(tag, may_be_long(tag))
    }

    #[inline(always)]
    fn constructed(&mut self, tag: Tag) -> Glanced<Self> {
        self.element(tag, true).map(Self::new)
    }

    #[inline(always)]
    fn inside(&mut self, outer: Tag, inner: Tag, usual: Usual) -> Glanced<Self> {
        let (contents, rest) = self.pair(outer, inner, usual).ok_or(Unusual)?;
        self.rest = rest;
        Ok(Self::new(contents))
    }

    #[inline(always)]
    fn primitive<T>(
        &mut self,
        number: u8,
        tag: Tag,
        usual: Usual,
        value: impl Fn(&'a [u8]) -> Result<T, Problem>,
    ) -> Glanced<T> {
        let found = self.pair(Tag::context(number), tag, usual);
        let (contents, rest) = found.ok_or(Unusual)?;
        self.rest = rest;
        value(contents).map_err(|_| Unusual)
    }

    #[inline(always)]
    fn finish(self) -> Glanced<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Unusual)
        }
    }

    #[inline(always)]
    fn skip_extensions(self, _last: u8) -> Glanced<()> {
        self.finish()
    }
}

/// What can be long in what everybody sends.
#[inline(always)]
fn may_be_long(tag: Tag) -> bool {
    tag == Tag::SEQUENCE || tag == Tag::OCTET_STRING
}

/// What is never anything but short there: names, above all.
#[inline(always)]
fn is_short(tag: Tag, usual: Usual) -> bool {
    matches!(usual, Usual::Short) && !may_be_long(tag)
}

/// How many octets come before the contents, and how many are the contents: in
/// two registers, where two slices would be handed on through memory.
type Lengths = (u16, u16);

#[inline(always)]
fn split(input: &[u8], (before, length): Lengths) -> Split<'_> {
    let (_, contents) = input.split_at_checked(before.into())?;
    contents.split_at_checked(length.into())
}

/// An element within another, of whatever length a token can have.
#[inline(never)]
fn any_pair(input: &[u8], outer: Tag, inner: Tag) -> Option<Lengths> {
    let (before, around) = any_element(input, outer)?;
    let (_, within) = input.split_at_checked(before.into())?;
    let (header, length) = any_element(within, inner)?;
    (u32::from(around) == u32::from(header) + u32::from(length))
        .then_some((before + header, length))
}

#[inline(never)]
fn any_element(input: &[u8], tag: Tag) -> Option<Lengths> {
    (*input.first()? == tag.0)
        .then(|| length_at(input))
        .flatten()
}

/// The length of an element, in one octet or in two after the first.
#[inline(always)]
fn length_at(input: &[u8]) -> Option<Lengths> {
    match input {
        [_, 0x82, high, low, ..] => Some((4, u16::from_be_bytes([*high, *low]))),
        [_, 0x81, length, ..] => Some((3, u16::from(*length))),
        [_, length @ ..=0x7F, ..] => Some((2, u16::from(*length))),
        _ => None,
    }
}
