//! Messages on an established context, in GSS-API's wire format: what
//! `EncryptMessage` gives in three buffers is one token there, TOKEN, DATA
//! and PADDING in this order ("SSPI/Kerberos Interoperability with GSSAPI").

pub(super) mod sys;

use windows_sys::Win32::Security::Authentication::Identity::SECQOP_WRAP_NO_ENCRYPT;
use zeroize::Zeroizing;

use super::NAME;
use super::status::{self, Status};
use super::sys::Ctx;
use super::system::Kind;
use crate::backends::InPlace;
use crate::error::{Error, Misuse};
use crate::mechanism::Mechanism;
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState, Sizes, Unwrapped};

/// A context and what its messages depend on.
#[derive(Clone, Copy)]
pub(super) struct Channel<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) mechanism: Mechanism,
    pub(super) seals: Seals,
    pub(super) style: Style,
    pub(super) max_token: usize,
}

/// Whether the handshake was DCE style, whose messages are laid out for RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Ordinary,
    Dce,
}

/// Whether the context has confidentiality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seals {
    Yes,
    No,
}

/// What the packages add to a message.
#[derive(Clone, Copy)]
struct Room {
    signature: usize,
    trailer: usize,
    block: usize,
}

/// NTLMSSP_MESSAGE_SIGNATURE (MS-NLMP 2.2.2.9).
const NTLM_SIGNATURE: usize = 16;
/// What AES adds at the most: header, confounder, the header's copy, checksum
/// (RFC 4121 4.2.4, RFC 8009 5). Wine says less than it needs.
const AES: usize = 16 + 16 + 16 + 24;
/// How often room is made anew for a package that wants more.
const ATTEMPTS: u32 = 3;

impl Channel<'_> {
    fn kind(&self) -> Kind {
        self.ctx.sspi.system.kind()
    }

    fn room(&self) -> Result<Room, Status> {
        let sizes = self.ctx.sizes()?;
        let of = |size: u32| usize::try_from(size).unwrap_or(0);
        let least = match self.kind() {
            Kind::Wine => AES,
            Kind::Windows { .. } => 0,
        };
        Ok(Room {
            signature: of(sizes.cbMaxSignature).max(least),
            trailer: of(sizes.cbSecurityTrailer).max(least),
            block: of(sizes.cbBlockSize),
        })
    }

    /// Protects a message.
    pub(super) fn wrap(&self, protection: Protection, data: &[u8]) -> Result<Vec<u8>, Error> {
        let wrapped = match (self.mechanism, self.seals) {
            // Where NTLM does not seal, it signs, and the signature goes first.
            (Mechanism::Ntlm, Seals::No) => self.sign(data).map(|mut token| {
                token.extend_from_slice(data);
                token
            }),
            (Mechanism::Ntlm, Seals::Yes) => self.seal(0, data),
            _ => self.seal(quality(protection), data),
        };
        wrapped.map_err(|status| status::of_message("message", status))
    }

    /// Wine's messages in DCE style are for RPC's parts, which it takes one of.
    fn can_be_one_token(&self) -> Result<(), Status> {
        match (self.kind(), self.style) {
            (Kind::Wine, Style::Dce) => Err(Status::UNSUPPORTED_FUNCTION),
            _ => Ok(()),
        }
    }

    fn seal(&self, quality: u32, data: &[u8]) -> Result<Vec<u8>, Status> {
        self.can_be_one_token()?;
        let Room {
            mut trailer, block, ..
        } = self.room()?;
        let mut padding = vec![0; block];
        for _ in 0..ATTEMPTS {
            let mut token = vec![0; trailer];
            let mut copy = Zeroizing::new(data.to_vec());
            match self.ctx.seal(quality, &mut token, &mut copy, &mut padding) {
                Err(Status::BUFFER_TOO_SMALL) => trailer = trailer.max(64).saturating_mul(2),
                Err(status) => return Err(status),
                Ok((header, pad)) => {
                    let (header, pad) = (&token[..header], &padding[..pad]);
                    return Ok(match self.kind() {
                        Kind::Windows { .. } => [header, &copy, pad].concat(),
                        // The first octets of the token are where the data was.
                        Kind::Wine => [&copy, header].concat(),
                    });
                }
            }
        }
        Err(Status::BUFFER_TOO_SMALL)
    }

    /// Takes a message out of its token. What is out of sequence, the packages
    /// refuse: whatever comes out is in order, or the context watches none.
    pub(super) fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, Error> {
        let mut copy = Zeroizing::new(token.to_vec());
        let opened = match (self.mechanism, self.kind()) {
            (Mechanism::Ntlm, _) => self.open_ntlm(&mut copy),
            (_, Kind::Windows { .. }) => self.ctx.open_stream(&mut copy).map(|opened| {
                let data = copy.get(opened.data).unwrap_or_default().to_vec();
                (data, opened.quality)
            }),
            (_, Kind::Wine) => self.open_wine(&mut copy),
        };
        let (data, quality) = opened.map_err(|status| status::of_message("wrap token", status))?;
        Ok(Unwrapped {
            data,
            protection: protection(quality),
            sequence: SequenceState::InOrder,
        })
    }

    fn open_ntlm(&self, token: &mut [u8]) -> Result<(Vec<u8>, u32), Status> {
        let invalid = Status::INVALID_TOKEN;
        let (signature, data) = token.split_at_mut_checked(NTLM_SIGNATURE).ok_or(invalid)?;
        if self.seals == Seals::No {
            self.ctx.check(data, signature)?;
            return Ok((data.to_vec(), SECQOP_WRAP_NO_ENCRYPT));
        }
        self.ctx.open_pieces(signature, data)?;
        Ok((data.to_vec(), 0))
    }

    /// Wine wants to be told how long the data is.
    fn open_wine(&self, token: &mut [u8]) -> Result<(Vec<u8>, u32), Status> {
        self.can_be_one_token()?;
        let length = plain_length(token).ok_or(Status::INVALID_TOKEN)?;
        let header = token.first_chunk().copied().unwrap_or_default();
        let (data, rest) = token.split_at_mut(length);
        let quality = self.ctx.open_pieces(rest, data)?;
        if quality == 0 && is_too_long(data, header) {
            return Err(Status::UNSUPPORTED_FUNCTION);
        }
        Ok((data.to_vec(), quality))
    }

    /// A signature of its own.
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Status> {
        let mut room = self.room()?.signature;
        for _ in 0..ATTEMPTS {
            let mut token = vec![0; room];
            match self.ctx.sign(data, &mut token) {
                Err(Status::BUFFER_TOO_SMALL) => room = room.max(64).saturating_mul(2),
                Err(status) => return Err(status),
                Ok(used) => {
                    token.truncate(used);
                    return Ok(token);
                }
            }
        }
        Err(Status::BUFFER_TOO_SMALL)
    }

    pub(super) fn mic(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let token = self.sign(data);
        token.map_err(|status| status::of_message("MIC", status))
    }

    pub(super) fn verify(&self, data: &[u8], mic: &[u8]) -> Result<SequenceState, Error> {
        let checked = self.ctx.check(data, mic);
        checked.map_err(|status| status::of_message("MIC token", status))?;
        Ok(SequenceState::InOrder)
    }

    /// What `SECPKG_ATTR_SIZES` says; nothing where there is nothing.
    pub(super) fn sizes(&self) -> Sizes {
        let Ok(room) = self.room() else {
            return Sizes::new(self.max_token, 0, 1, (0, 0), (0, 0));
        };
        let around = (room.trailer, room.block);
        let sizes = Sizes::new(self.max_token, room.signature, room.block, around, around);
        match self.kind() {
            Kind::Windows { .. } => sizes.with_parts(room.trailer, room.trailer),
            Kind::Wine => sizes,
        }
    }

    /// Protects parts where they lie.
    pub(super) fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, Error> {
        let has = self.header_room(parts)?;
        let room = self.room();
        let needed = room
            .map_err(|status| status::of_message("message", status))?
            .trailer;
        if has < needed {
            return Err(Misuse::BufferTooSmall { needed, has }.into());
        }
        let sealed = self.ctx.seal_parts(quality(protection), parts);
        let (header, padding) = sealed.map_err(|status| status::of_message("message", status))?;
        Ok(PartsUsed::new(header, padding))
    }

    /// Reverses it.
    pub(super) fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), Error> {
        self.header_room(parts)?;
        match self.ctx.open_parts(parts) {
            Ok(quality) => Ok((protection(quality), SequenceState::InOrder)),
            Err(status) => {
                InPlace::wipe(parts);
                Err(status::of_message("message in parts", status))
            }
        }
    }

    /// The length of the header part, of which there must be one. Wine looks
    /// at the first data part alone, so it gets no messages in parts.
    fn header_room(&self, parts: &[MessagePart<'_>]) -> Result<usize, Error> {
        if self.kind() == Kind::Wine {
            let what = "messages in parts, by Wine";
            return Err(Misuse::Unsupported {
                backend: NAME,
                what,
            }
            .into());
        }
        InPlace::header_room(parts)
    }
}

fn quality(protection: Protection) -> u32 {
    match protection {
        Protection::Confidentiality => 0,
        Protection::Integrity => SECQOP_WRAP_NO_ENCRYPT,
    }
}

/// Only what is said to be sealed is.
fn protection(quality: u32) -> Protection {
    match quality {
        0 => Protection::Confidentiality,
        _ => Protection::Integrity,
    }
}

/// Whether what was sealed ends with the beginning of the token's header, of which a copy without
/// RRC follows the data: under AES with SHA-2 the checksum is longer by 4 or 12 octets (RFC 8009
/// 5), and the data shorter. A message that ends so by itself is refused with the others.
fn is_too_long(data: &[u8], mut header: [u8; 16]) -> bool {
    header[6..8].fill(0);
    data.ends_with(&header[..4]) || data.ends_with(&header[..12])
}

/// The length of the data in a token of RFC 4121 4.2.6.2 under AES with SHA-1
/// (RFC 3962: 12 octets of checksum), which is what Windows' KDCs give out.
fn plain_length(token: &[u8]) -> Option<usize> {
    let header = token.first_chunk::<16>()?;
    let [5, 4, flags, 0xFF, ec_high, ec_low, ..] = *header else {
        return None;
    };
    let extra = usize::from(u16::from_be_bytes([ec_high, ec_low]));
    let around = match flags & 2 {
        0 => 16,
        _ => 16 + 16 + 16 + 12,
    };
    token.len().checked_sub(around)?.checked_sub(extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4121 4.2.4: what is sealed is data and header, the header without RRC. Under AES with
    /// SHA-2 the data is shorter by the checksum's 4 or 12 octets more (RFC 8009 5: 16 and 24).
    #[test]
    fn what_is_read_too_far_is_noticed() {
        let mut header = [5, 4, 6, 0xFF, 0, 0, 0, 28, 0, 0, 0, 0, 1, 2, 3, 4];
        let mut inside = header;
        inside[7] = 0;
        for extra in [4, 12] {
            let read = [b"message", &inside[..extra]].concat();
            assert!(is_too_long(&read, header), "{extra}");
            assert!(is_too_long(&inside[..extra], header), "{extra}");
        }
        assert!(!is_too_long(b"message", header));
        assert!(!is_too_long(b"", header));
        header[2] = 7;
        assert!(!is_too_long(&[b"message", &inside[..4]].concat(), header));
        // Lengths that the tokens have: header, confounder, data, header, 12 octets of checksum.
        let token = |length: usize| [&header[..], &vec![0; length - 16]].concat();
        assert_eq!(plain_length(&token(16 + 16 + 5 + 16 + 12)), Some(5));
        assert_eq!(plain_length(&token(16 + 16 + 16 + 12)), Some(0));
        assert_eq!(plain_length(&token(16 + 16 + 16 + 11)), None);
    }
}
