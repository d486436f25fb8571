//! Wrap tokens around parts that stay where they lie (MS-KILE 3.4.5.4 to
//! 3.4.5.7): what RFC 4121 puts behind the data is rotated into the header, so
//! that the data keeps its place and length, and parts in between may be
//! signed alone (DCE RPC's header signing).
//!
//! The header part holds, for a sealed message,
//! `header | filler, header copy | tag | confounder`, where filler, copy and
//! confounder are encrypted; in the clear, `header | checksum`.

use zeroize::Zeroize as _;

use super::super::crypto::Scattered;
use super::header::{HEADER, Header};
use super::open::{checksum_count, copied_header};
use super::{Layout, MessageError, PerMessage, TokenKind};
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState};

/// The confounder, and the filler of DCE style: a block of AES each.
const BLOCK: usize = 16;

/// The filler's bytes. They are not looked at: MIT krb5 and Heimdal write
/// these.
const FILLER: u8 = 0xff;

impl PerMessage {
    /// The length of the header part.
    pub(super) fn parts_header(&self, seal: Protection) -> usize {
        match seal {
            Protection::Confidentiality => sealed_header(self.filler(), self.keys.mac_len()),
            Protection::Integrity => HEADER + self.keys.mac_len(),
        }
    }

    /// Protects the parts; the header part holds the token afterwards.
    ///
    /// # Errors
    /// [`MessageError::Parts`] and [`MessageError::NoRoom`]; no sequence
    /// number is spent on them.
    pub(crate) fn wrap_parts(
        &self,
        seal: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, MessageError> {
        with_header(parts, |room, parts| {
            let length = self.parts_header(seal);
            let token = room.get_mut(..length).ok_or(MessageError::NoRoom {
                header: length,
                trailer: 0,
            })?;
            match seal {
                Protection::Confidentiality => self.seal_parts(token, parts)?,
                Protection::Integrity => self.sign_parts(token, parts)?,
            }
            Ok(PartsUsed::new(length, 0))
        })
    }

    /// Takes the parts out of their protection, where they lie.
    ///
    /// # Errors
    /// Any [`MessageError`] but `NoRoom`. The data is wiped then, if it was
    /// sealed.
    pub(crate) fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), MessageError> {
        with_header(parts, |token, parts| {
            if parts.iter().any(is_padding) {
                return Err(MessageError::Parts("padding, of which AES has none"));
            }
            let (header, bytes, start) = self.open_header(token, TokenKind::Wrap)?;
            if start != HEADER {
                return Err(MessageError::Frame);
            }
            match header.seal {
                Protection::Confidentiality => self.open_sealed_parts(&header, token, parts)?,
                Protection::Integrity => self.open_signed_parts(&header, bytes, token, parts)?,
            }
            Ok((header.seal, self.note(&header)))
        })
    }

    fn seal_parts(
        &self,
        token: &mut [u8],
        parts: &mut [MessagePart<'_>],
    ) -> Result<(), MessageError> {
        let filler = self.filler();
        let pieces = Pieces::of(token, filler, self.keys.mac_len());
        let Some(Pieces {
            front,
            end,
            tag,
            confounder,
        }) = pieces
        else {
            return Err(MessageError::Parts("a header part of another length"));
        };
        // RFC 4121 4.2.4: the encrypted copy has EC, and RRC zero.
        let mut fields = self.header(TokenKind::Wrap, Protection::Confidentiality, 0);
        fields.extra_count = count(filler);
        let (fill, copy) = end.split_at_mut(filler);
        fill.fill(FILLER);
        copy.copy_from_slice(&fields.to_bytes());
        // DCE rotates by EC too, whatever RRC says.
        fields.rotation = count(HEADER + tag.len());
        let message = Scattered::new(confounder, parts, end).ok_or(MessageError::Integrity)?;
        let mut random = self.random;
        self.keys
            .seal()
            .encrypt_scattered(message, tag, &mut random)?;
        front.copy_from_slice(&fields.to_bytes());
        Ok(())
    }

    fn sign_parts(
        &self,
        token: &mut [u8],
        parts: &mut [MessagePart<'_>],
    ) -> Result<(), MessageError> {
        let (front, checksum) = token.split_at_mut(HEADER);
        let mut fields = self.header(TokenKind::Wrap, Protection::Integrity, 0);
        self.keys
            .seal_checksum()
            .sign_parts(parts, &fields.to_bytes(), checksum)?;
        fields.extra_count = checksum_count(checksum.len());
        fields.rotation = fields.extra_count;
        front.copy_from_slice(&fields.to_bytes());
        Ok(())
    }

    /// MIT krb5 takes no rotation but this one; so nothing is moved here.
    fn open_sealed_parts(
        &self,
        header: &Header,
        token: &mut [u8],
        parts: &mut [MessagePart<'_>],
    ) -> Result<(), MessageError> {
        let (extra, mac) = (usize::from(header.extra_count), self.keys.mac_len());
        let due = match self.layout {
            Layout::Dce => HEADER + mac,
            Layout::Plain => HEADER + mac + extra,
        };
        if usize::from(header.rotation) != due {
            return Err(MessageError::Rotation {
                found: header.rotation,
            });
        }
        let found = header.extra_count;
        let Some(Pieces {
            front,
            end,
            tag,
            confounder,
        }) = Pieces::of(token, extra, mac)
        else {
            return Err(MessageError::ExtraCount { found });
        };
        let message = Scattered::new(confounder, parts, end).ok_or(MessageError::Integrity)?;
        self.keys.peer_seal().decrypt_scattered(message, tag)?;
        let copy = end.last_chunk().ok_or(MessageError::HeaderCopy)?;
        copied_header(header, front, copy).inspect_err(|_| wipe(parts))
    }

    fn open_signed_parts(
        &self,
        header: &Header,
        mut bytes: [u8; HEADER],
        token: &[u8],
        parts: &[MessagePart<'_>],
    ) -> Result<(), MessageError> {
        let key = self.keys.peer_seal_checksum();
        let (due, found) = (checksum_count(key.len()), header.extra_count);
        if found != due || token.len() != HEADER + key.len() {
            return Err(MessageError::ExtraCount { found });
        }
        if header.rotation != due {
            return Err(MessageError::Rotation {
                found: header.rotation,
            });
        }
        bytes[4..8].fill(0);
        key.verify_parts(parts, &bytes, &token[HEADER..])?;
        Ok(())
    }

    /// How much filler we send.
    fn filler(&self) -> usize {
        match self.layout {
            Layout::Dce => BLOCK,
            Layout::Plain => 0,
        }
    }
}

/// The header part of a sealed message, taken apart.
struct Pieces<'t> {
    front: &'t mut [u8; HEADER],
    /// Filler and header copy: the end of the plaintext.
    end: &'t mut [u8],
    tag: &'t mut [u8],
    /// The start of the plaintext.
    confounder: &'t mut [u8; BLOCK],
}

impl<'t> Pieces<'t> {
    /// `None` for a token of another length.
    fn of(token: &'t mut [u8], filler: usize, mac: usize) -> Option<Self> {
        if token.len() != sealed_header(filler, mac) {
            return None;
        }
        let (front, rest) = token.split_first_chunk_mut()?;
        let (rest, confounder) = rest.split_last_chunk_mut()?;
        let (end, tag) = rest.split_at_mut_checked(filler + HEADER)?;
        Some(Self {
            front,
            end,
            tag,
            confounder,
        })
    }
}

const fn sealed_header(filler: usize, mac: usize) -> usize {
    HEADER + filler + HEADER + mac + BLOCK
}

/// EC and RRC of a token that we send.
fn count(len: usize) -> u16 {
    u16::try_from(len).expect("a block, a header and a tag")
}

fn is_padding(part: &MessagePart<'_>) -> bool {
    matches!(part, MessagePart::Padding(bytes) if !bytes.is_empty())
}

pub(super) fn wipe(parts: &mut [MessagePart<'_>]) {
    for part in parts {
        if let MessagePart::Data(data) = part {
            data.zeroize();
        }
    }
}

/// Takes the one header part out from among the parts while there is work on
/// the others.
pub(super) fn with_header<'p, T>(
    parts: &mut [MessagePart<'p>],
    work: impl FnOnce(&mut [u8], &mut [MessagePart<'p>]) -> Result<T, MessageError>,
) -> Result<T, MessageError> {
    let is_header = |part: &&MessagePart<'_>| matches!(part, MessagePart::Header(_));
    if parts.iter().filter(is_header).count() != 1 {
        return Err(MessageError::Parts("not exactly one header"));
    }
    let mut header: &'p mut [u8] = &mut [];
    for part in parts.iter_mut() {
        if let MessagePart::Header(place) = part {
            header = core::mem::take(place);
        }
    }
    let done = work(header, parts);
    for part in parts {
        if let MessagePart::Header(place) = part {
            *place = core::mem::take(&mut header);
        }
    }
    done
}
