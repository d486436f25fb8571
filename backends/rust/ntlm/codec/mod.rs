//! NTLM's three messages on the wire (MS-NLMP 2.2.1). Nothing here knows a
//! key or the time.
//!
//! Everything is total and bounded: each part is a slice of the input, whose
//! place is checked before it is taken, and nothing is allocated for what a
//! client claims.

// As decoders give errors.
#![allow(clippy::unnecessary_box_returns)]

pub(crate) mod authenticate;
pub(crate) mod av_pairs;
pub(crate) mod challenge;
pub(crate) mod message;
pub(crate) mod negotiate;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use bitflags::bitflags;

pub(crate) use crate::backends::rust::kerberos::codec::{CodecError, Decoded, Problem};

bitflags! {
    /// NegotiateFlags (MS-NLMP 2.2.2.5), by the names used there without
    /// their prefix.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Flags: u32 {
        const UNICODE = 0x0000_0001;
        const OEM = 0x0000_0002;
        const REQUEST_TARGET = 0x0000_0004;
        const SIGN = 0x0000_0010;
        const SEAL = 0x0000_0020;
        const DATAGRAM = 0x0000_0040;
        const LM_KEY = 0x0000_0080;
        const NTLM = 0x0000_0200;
        const ANONYMOUS = 0x0000_0800;
        const ALWAYS_SIGN = 0x0000_8000;
        const TARGET_TYPE_DOMAIN = 0x0001_0000;
        const TARGET_TYPE_SERVER = 0x0002_0000;
        const EXTENDED_SESSIONSECURITY = 0x0008_0000;
        const IDENTIFY = 0x0010_0000;
        const TARGET_INFO = 0x0080_0000;
        const VERSION = 0x0200_0000;
        const KEY_128 = 0x2000_0000;
        const KEY_EXCH = 0x4000_0000;
        const KEY_56 = 0x8000_0000;
        // Bits without a name here are kept as they came.
        const _ = !0;
    }
}

/// A value that a field may not have.
#[cold]
fn bad(part: &'static str, field: &'static str, offset: usize) -> Box<CodecError> {
    CodecError::at(part, Problem::BadValue { field }, Some(offset))
}

/// A part that ends before all of it was there.
#[cold]
fn truncated(part: &'static str, offset: usize) -> Box<CodecError> {
    CodecError::at(part, Problem::Truncated, Some(offset))
}
