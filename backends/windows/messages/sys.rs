//! `MakeSignature`, `VerifySignature`, `EncryptMessage`, `DecryptMessage`.

#![allow(unsafe_code)]

use core::ops::Range;

use windows_sys::Win32::Security::Authentication::Identity::{
    SECBUFFER_DATA, SECBUFFER_EMPTY, SECBUFFER_PADDING, SECBUFFER_READONLY_WITH_CHECKSUM,
    SECBUFFER_STREAM, SECBUFFER_TOKEN, SecBuffer,
};

use super::super::status::Status;
use super::super::sys::{Ctx, buffer, buffer_mut, list, used};
use crate::message::MessagePart;

/// A message that was taken out of its token.
pub(in super::super) struct Opened {
    /// Where in the buffer it is.
    pub(in super::super) data: Range<usize>,
    /// The quality of protection: 0, or `SECQOP_WRAP_NO_ENCRYPT`.
    pub(in super::super) quality: u32,
}

impl Ctx {
    /// A signature of at most as many octets as `token` has; gives how many.
    pub(in super::super) fn sign(&self, data: &[u8], token: &mut [u8]) -> Result<usize, Status> {
        let sign = self.sspi.table.MakeSignature;
        let sign = sign.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, room) = (self.handle()?, token.len());
        // Token last: some packages look for the data first.
        let mut buffers = [
            buffer(SECBUFFER_DATA, data),
            buffer_mut(SECBUFFER_TOKEN, token),
        ];
        let mut all = list(&mut buffers);
        // SAFETY: the handle is live, buffers live for the call, data is read.
        Status(unsafe { sign(&raw mut handle, 0, &raw mut all, 0) }).ok()?;
        Ok(used(&buffers[1], room))
    }

    pub(in super::super) fn check(&self, data: &[u8], token: &[u8]) -> Result<(), Status> {
        let verify = self.sspi.table.VerifySignature;
        let verify = verify.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut quality) = (self.handle()?, 0);
        let mut buffers = [buffer(SECBUFFER_DATA, data), buffer(SECBUFFER_TOKEN, token)];
        let mut all = list(&mut buffers);
        // SAFETY: the handle is live, buffers live for the call and are read.
        Status(unsafe { verify(&raw mut handle, &raw mut all, 0, &raw mut quality) }).ok()
    }

    /// Seals or signs where the data lies; gives how much of the token's and
    /// of the padding's room is used.
    pub(in super::super) fn seal(
        &self,
        quality: u32,
        token: &mut [u8],
        data: &mut [u8],
        padding: &mut [u8],
    ) -> Result<(usize, usize), Status> {
        let room = (token.len(), padding.len());
        let mut buffers = [
            buffer_mut(SECBUFFER_TOKEN, token),
            buffer_mut(SECBUFFER_DATA, data),
            buffer_mut(SECBUFFER_PADDING, padding),
        ];
        self.encrypt(quality, &mut buffers)?;
        Ok((used(&buffers[0], room.0), used(&buffers[2], room.1)))
    }

    fn encrypt(&self, quality: u32, buffers: &mut [SecBuffer]) -> Result<(), Status> {
        let encrypt = self.sspi.table.EncryptMessage;
        let encrypt = encrypt.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut all) = (self.handle()?, list(buffers));
        // SAFETY: the handle is live, buffers live for the call.
        Status(unsafe { encrypt(&raw mut handle, quality, &raw mut all, 0) }).ok()
    }

    fn decrypt(&self, buffers: &mut [SecBuffer]) -> Result<u32, Status> {
        let decrypt = self.sspi.table.DecryptMessage;
        let decrypt = decrypt.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut all, mut quality) = (self.handle()?, list(buffers), 0);
        // SAFETY: the handle is live, buffers live for the call.
        Status(unsafe { decrypt(&raw mut handle, &raw mut all, 0, &raw mut quality) }).ok()?;
        Ok(quality)
    }

    /// Opens a token of one piece; the package says where the data is in it.
    pub(in super::super) fn open_stream(&self, token: &mut [u8]) -> Result<Opened, Status> {
        let start = token.as_ptr().addr();
        let length = token.len();
        let mut buffers = [
            buffer_mut(SECBUFFER_STREAM, token),
            SecBuffer {
                BufferType: SECBUFFER_DATA,
                ..SecBuffer::default()
            },
        ];
        let quality = self.decrypt(&mut buffers)?;
        let [_, data] = buffers;
        let count = usize::try_from(data.cbBuffer).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(Opened {
                data: 0..0,
                quality,
            });
        }
        // It must lie in the token: nothing else is ever read.
        let offset = data.pvBuffer.addr().checked_sub(start);
        let place = offset.and_then(|from| Some(from..from.checked_add(count)?));
        match place {
            Some(data) if data.end <= length => Ok(Opened { data, quality }),
            _ => Err(Status::INTERNAL_ERROR),
        }
    }

    /// Opens a message whose token and data are two pieces.
    pub(in super::super) fn open_pieces(
        &self,
        token: &mut [u8],
        data: &mut [u8],
    ) -> Result<u32, Status> {
        let mut buffers = [
            buffer_mut(SECBUFFER_TOKEN, token),
            buffer_mut(SECBUFFER_DATA, data),
        ];
        self.decrypt(&mut buffers)
    }

    /// Seals or signs parts where they lie; gives how much of the header's
    /// and of the padding's room is used.
    pub(in super::super) fn seal_parts(
        &self,
        quality: u32,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(usize, usize), Status> {
        let room = |kind: u32, buffers: &[SecBuffer]| {
            let mut of_kind = buffers.iter().filter(|own| own.BufferType == kind);
            of_kind.next().map_or(0, |own| used(own, usize::MAX))
        };
        let mut buffers = described(parts);
        let before = [SECBUFFER_TOKEN, SECBUFFER_PADDING].map(|kind| room(kind, &buffers));
        self.encrypt(quality, &mut buffers)?;
        let after = [SECBUFFER_TOKEN, SECBUFFER_PADDING].map(|kind| room(kind, &buffers));
        Ok((after[0].min(before[0]), after[1].min(before[1])))
    }

    /// The reverse.
    pub(in super::super) fn open_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<u32, Status> {
        self.decrypt(&mut described(parts))
    }
}

/// Parts as buffers. What is signed only is not written to.
fn described(parts: &mut [MessagePart<'_>]) -> Vec<SecBuffer> {
    let one = |part: &mut MessagePart<'_>| match part {
        MessagePart::Header(bytes) => buffer_mut(SECBUFFER_TOKEN, bytes),
        MessagePart::Data(bytes) => buffer_mut(SECBUFFER_DATA, bytes),
        MessagePart::SignOnly(bytes) => {
            buffer(SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, bytes)
        }
        MessagePart::Padding([]) => buffer(SECBUFFER_EMPTY, &[]),
        MessagePart::Padding(bytes) => buffer_mut(SECBUFFER_PADDING, bytes),
    };
    parts.iter_mut().map(one).collect()
}
