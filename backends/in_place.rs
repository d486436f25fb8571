//! Messages in place and in parts, as far as they are alike for all libraries
//! of the system's, which make a token where they like.

use core::ops::Range;

use zeroize::Zeroize as _;

use super::SecurityContext;
use crate::error::{Error, Misuse};
use crate::message::{MessagePart, Protection, UnwrappedInPlace};
use crate::secret::Secret;

/// What a token has before and behind its data at the most; and what is done
/// with messages where they lie.
#[derive(Clone, Copy)]
pub(crate) struct InPlace {
    pub(crate) header: usize,
    pub(crate) trailer: usize,
}

impl InPlace {
    /// Protects by way of a copy, and puts the token where its room is.
    pub(crate) fn wrap(
        self,
        context: &impl SecurityContext,
        protection: Protection,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        let (Self { header, trailer }, has) = (self, buffer.len());
        let room = || {
            let needed = data.len().saturating_add(header).saturating_add(trailer);
            Misuse::BufferTooSmall { needed, has }
        };
        let start = data.start.checked_sub(header).ok_or_else(room)?;
        let plain = buffer.get(data.clone()).ok_or_else(room)?;
        if has - data.end < trailer {
            return Err(room().into());
        }
        let token = context.wrap(protection, plain)?;
        let place = start..start.saturating_add(token.len());
        let target = buffer.get_mut(place.clone()).ok_or_else(room)?;
        target.copy_from_slice(&token);
        Ok(place)
    }

    /// Reverses it: the data is where the token began.
    pub(crate) fn unwrap(
        context: &impl SecurityContext,
        buffer: &mut [u8],
    ) -> Result<UnwrappedInPlace, Error> {
        let message = context.unwrap(buffer)?;
        let plain = Secret::from(message.data);
        let (place, fits) = (0..plain.len(), buffer.get_mut(..plain.len()));
        let target = fits.ok_or_else(|| Error::malformed("wrap token", "it grows", None))?;
        target.copy_from_slice(plain.expose());
        Ok(UnwrappedInPlace {
            data: place,
            protection: message.protection,
            sequence: message.sequence,
        })
    }

    /// The length of the header part, of which there must be one.
    pub(crate) fn header_room(parts: &[MessagePart<'_>]) -> Result<usize, Error> {
        let mut headers = parts.iter().filter_map(|part| match part {
            MessagePart::Header(bytes) => Some(bytes.len()),
            _ => None,
        });
        match (headers.next(), headers.next()) {
            (Some(length), None) => Ok(length),
            _ => Err(Misuse::Parts {
                problem: "one of them, and no more, must be the header",
            }
            .into()),
        }
    }

    /// What was decrypted before the check failed is nobody's.
    pub(crate) fn wipe(parts: &mut [MessagePart<'_>]) {
        for part in parts {
            if let MessagePart::Data(bytes) = part {
                bytes.zeroize();
            }
        }
    }
}
