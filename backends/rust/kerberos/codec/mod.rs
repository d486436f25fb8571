//! What Kerberos looks like on the wire: bytes in, slices of them out, and
//! back. Nothing here knows a key or the time.
//!
//! Everything is total and bounded: no input panics, and nothing is
//! allocated for a length before the bytes are there. Names are bytes (rule
//! 2), and Int32 where RFC 4120 says UInt32 is read modulo 2^32 (rule 3).

// As decoders give errors.
#![allow(clippy::unnecessary_box_returns)]

pub(crate) mod authdata;
pub(crate) mod checksum;
pub(crate) mod cred;
pub(crate) mod der;
pub(crate) mod encode;
pub(crate) mod gss;
pub(crate) mod messages;
pub(crate) mod parts;
pub(crate) mod tgt;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use core::fmt;

/// What a decoder gives. The error is boxed: it is four times as long as most
/// of what is decoded, and would be made room for at every element.
pub(crate) type Decoded<T> = Result<T, Box<CodecError>>;

/// Why bytes are not what they should be, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodecError {
    /// The message or structure that was being read.
    pub(crate) part: &'static str,
    /// What is wrong with it.
    pub(crate) problem: Problem,
    /// How many bytes into the input given to the decoder it was noticed.
    pub(crate) offset: Option<usize>,
}

impl CodecError {
    /// An error that has no place.
    #[cold]
    pub(crate) fn new(part: &'static str, problem: Problem) -> Box<Self> {
        Self::at(part, problem, None)
    }

    /// An error at this place.
    #[cold]
    pub(crate) fn at(part: &'static str, problem: Problem, offset: Option<usize>) -> Box<Self> {
        Box::new(Self {
            part,
            problem,
            offset,
        })
    }
}

/// What can be wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// They end too early, or a length says more than there is.
    Truncated,
    /// Something follows the end.
    TrailingBytes,
    /// Another element than the one that belongs here.
    BadTag,
    /// A length that cannot be: indefinite, or beyond what is allowed here.
    BadLength,
    /// Contents that do not follow the encoding rules.
    BadEncoding,
    /// Well encoded, and not a value that this field may have.
    BadValue {
        /// The field, as the specification calls it.
        field: &'static str,
    },
    /// More elements than are looked at.
    TooMany,
    /// More levels than are looked into.
    TooDeep,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.problem)?;
        match self.offset {
            Some(offset) => write!(f, " at byte {offset}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    /// What is wrong, without the field's name.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Truncated => "ends too early",
            Self::TrailingBytes => "bytes after the end",
            Self::BadTag => "unexpected element",
            Self::BadLength => "impossible length",
            Self::BadEncoding => "malformed encoding",
            Self::BadValue { .. } => "a value that it may not have",
            Self::TooMany => "too many elements",
            Self::TooDeep => "nested too deeply",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadValue { field } => write!(f, "bad value of {field}"),
            other => f.write_str(other.text()),
        }
    }
}

impl core::error::Error for CodecError {}
