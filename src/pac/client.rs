//! The buffers that say whose PAC it is, and why there is one.

use std::time::SystemTime;

use super::{PacError, utf16};
use crate::authorization::PacRequest;
use crate::time::from_file_time;

/// PAC_CLIENT_INFO (MS-PAC 2.7): what ties the PAC to its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo<'a> {
    /// When the client authenticated to the KDC: the ticket's authtime.
    pub authenticated: Option<SystemTime>,
    name: &'a [u8],
}

impl<'a> ClientInfo<'a> {
    pub(super) fn decode(buffer: &'a [u8]) -> Result<Self, PacError> {
        let fail = || PacError::new("PAC_CLIENT_INFO", "it is cut off");
        let (time, rest) = buffer.split_first_chunk::<8>().ok_or_else(fail)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(fail)?;
        let name = rest.get(..usize::from(u16::from_le_bytes(*length)));
        Ok(Self {
            authenticated: from_file_time(u64::from_le_bytes(*time)),
            name: name.ok_or_else(fail)?,
        })
    }

    /// The client's name without its realm, its components joined by slashes
    /// and nothing escaped.
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Malformed`](crate::AuthorizationProblem) for
    /// what is not UTF-16.
    pub fn name(&self) -> Result<String, crate::error::AuthorizationProblem> {
        Ok(utf16("PAC_CLIENT_INFO", self.name)?)
    }

    /// Whether the name is that of these components, byte for byte. Does not
    /// allocate.
    pub fn is_named<'n>(&self, components: impl Iterator<Item = &'n [u8]>) -> bool {
        let (units, []) = self.name.as_chunks::<2>() else {
            return false;
        };
        let mut rest = char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)));
        let mut matches = |expected: &[u8]| {
            let Ok(expected) = core::str::from_utf8(expected) else {
                return false;
            };
            let mut expected = expected.chars();
            expected.all(|character| rest.next() == Some(Ok(character)))
        };
        for (index, component) in components.enumerate() {
            if (index > 0 && !matches(b"/")) || !matches(component) {
                return false;
            }
        }
        rest.next().is_none()
    }
}

/// PAC_ATTRIBUTES_INFO (MS-PAC 2.14): how many bits, then words of them.
pub(super) fn attributes(buffer: &[u8]) -> Result<PacRequest, PacError> {
    let fail = || PacError::new("PAC_ATTRIBUTES_INFO", "it is cut off");
    let (bits, rest) = buffer.split_first_chunk::<4>().ok_or_else(fail)?;
    let flags = match u32::from_le_bytes(*bits) {
        0 => 0,
        _ => rest
            .first_chunk::<4>()
            .map(|flags| u32::from_le_bytes(*flags))
            .ok_or_else(fail)?,
    };
    Ok(match flags {
        flags if flags & 1 != 0 => PacRequest::AskedFor,
        flags if flags & 2 != 0 => PacRequest::Implicit,
        _ => PacRequest::NotAskedFor,
    })
}
