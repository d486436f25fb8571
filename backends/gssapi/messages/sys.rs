//! Per-message calls (RFC 2744 5.10 and on), on an established context.

#![allow(unsafe_code)]

use core::ffi::c_int;
use core::marker::PhantomData;

use super::super::context::sys::Ctx;
use super::super::sys::{Buffer, Handle, Status, functions, is_error};

functions! {
    Functions {
        wrap = "gss_wrap" (*mut u32, Handle, c_int, u32, *const Buffer, *mut c_int, *mut Buffer);
        unwrap = "gss_unwrap" (*mut u32, Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32);
        get_mic = "gss_get_mic" (*mut u32, Handle, u32, *const Buffer, *mut Buffer);
        verify_mic = "gss_verify_mic" (*mut u32, Handle, *const Buffer, *const Buffer, *mut u32);
        size_limit = "gss_wrap_size_limit" (*mut u32, Handle, c_int, u32, u32, *mut u32);
        prf = "gss_pseudo_random" (*mut u32, Handle, c_int, *const Buffer, isize, *mut Buffer);
    }
    optional {
        wrap_iov = "gss_wrap_iov" (*mut u32, Handle, c_int, u32, *mut c_int, *mut Iov<'_>, c_int);
        unwrap_iov = "gss_unwrap_iov" (*mut u32, Handle, *mut c_int, *mut u32, *mut Iov<'_>, c_int);
        iov_length = "gss_wrap_iov_length" (*mut u32, Handle, c_int, u32, *mut c_int, *mut Iov<'_>,
            c_int);
    }
}

/// `gss_iov_buffer_desc` of `gssapi_ext.h`.
#[repr(C)]
pub(in super::super) struct Iov<'a> {
    kind: u32,
    buffer: Buffer,
    /// The memory is the caller's for as long as this lives.
    memory: PhantomData<&'a mut [u8]>,
}

/// The kinds of a part (`GSS_IOV_BUFFER_TYPE_*`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(in super::super) enum Part {
    Data = 1,
    Header = 2,
    Trailer = 7,
    Padding = 9,
    SignOnly = 11,
}

impl<'a> Iov<'a> {
    /// A part in the caller's memory, which the call may write to.
    pub(in super::super) fn of(part: Part, bytes: &'a mut [u8]) -> Self {
        let buffer = Buffer {
            length: bytes.len(),
            value: bytes.as_mut_ptr().cast(),
        };
        Self {
            kind: part as u32,
            buffer,
            memory: PhantomData,
        }
    }

    /// A part that is signed and only read.
    pub(in super::super) fn sign_only(bytes: &'a [u8]) -> Self {
        Self {
            kind: Part::SignOnly as u32,
            buffer: Buffer::of(bytes),
            memory: PhantomData,
        }
    }

    /// How long the call made it.
    pub(in super::super) fn length(&self) -> usize {
        self.buffer.length
    }
}

/// What came of a call that may say more than success.
pub(in super::super) struct Said<T> {
    pub(in super::super) value: T,
    /// GSS_S_DUPLICATE_TOKEN and its kin (RFC 2744 3.9.1).
    pub(in super::super) supplementary: u32,
}

impl Ctx {
    fn open(&self) -> Result<(&Functions, Handle), Status> {
        match self.handle() {
            Some(handle) => Ok((&self.gss().messages, handle)),
            None => Err(self.gss().status(8 << 16, 0)),
        }
    }

    fn said<T>(&self, major: u32, minor: u32, value: T) -> Result<Said<T>, Status> {
        if is_error(major) {
            return Err(self.gss().status(major, minor));
        }
        Ok(Said {
            value,
            supplementary: major & 0xFFFF,
        })
    }

    /// `gss_wrap`; whether it was sealed.
    pub(in super::super) fn wrap(
        &mut self,
        seal: bool,
        data: &[u8],
    ) -> Result<(Vec<u8>, bool), Status> {
        let (call, handle) = self.open()?;
        let (mut minor, mut sealed, mut output) = (0, 0, Buffer::EMPTY);
        let (data, seal) = (Buffer::of(data), c_int::from(seal));
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe {
            (call.wrap)(
                &raw mut minor,
                handle,
                seal,
                0,
                &raw const data,
                &raw mut sealed,
                &raw mut output,
            )
        };
        let token = self.gss().take(output);
        Ok((self.said(major, minor, token)?.value, sealed != 0))
    }

    /// `gss_unwrap`; the data, and whether it was sealed.
    pub(in super::super) fn unwrap(
        &mut self,
        token: &[u8],
    ) -> Result<Said<(Vec<u8>, bool)>, Status> {
        let (call, handle) = self.open()?;
        let (mut minor, mut sealed, mut qop, mut output) = (0, 0, 0, Buffer::EMPTY);
        let token = Buffer::of(token);
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe {
            (call.unwrap)(
                &raw mut minor,
                handle,
                &raw const token,
                &raw mut output,
                &raw mut sealed,
                &raw mut qop,
            )
        };
        let data = self.gss().take_message(output);
        self.said(major, minor, (data, sealed != 0))
    }

    /// `gss_get_mic`.
    pub(in super::super) fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, Status> {
        let (call, handle) = self.open()?;
        let (mut minor, mut output, data) = (0, Buffer::EMPTY, Buffer::of(data));
        // SAFETY: see the head of ../sys.rs.
        let major =
            unsafe { (call.get_mic)(&raw mut minor, handle, 0, &raw const data, &raw mut output) };
        let token = self.gss().take(output);
        Ok(self.said(major, minor, token)?.value)
    }

    /// `gss_verify_mic`.
    pub(in super::super) fn verify(&mut self, data: &[u8], mic: &[u8]) -> Result<Said<()>, Status> {
        let (call, handle) = self.open()?;
        let (mut minor, mut qop) = (0, 0);
        let (data, mic) = (Buffer::of(data), Buffer::of(mic));
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe {
            (call.verify_mic)(
                &raw mut minor,
                handle,
                &raw const data,
                &raw const mic,
                &raw mut qop,
            )
        };
        self.said(major, minor, ())
    }

    /// `gss_wrap_size_limit`: the longest data whose token has `token` bytes.
    pub(in super::super) fn size_limit(&self, seal: bool, token: u32) -> Option<u32> {
        let (call, handle) = self.open().ok()?;
        let (mut minor, mut limit, seal) = (0, 0, c_int::from(seal));
        // SAFETY: see the head of ../sys.rs.
        let major =
            unsafe { (call.size_limit)(&raw mut minor, handle, seal, 0, token, &raw mut limit) };
        (!is_error(major)).then_some(limit)
    }

    /// `gss_pseudo_random`; `key` is 0 for the full key, 1 for the partial.
    pub(in super::super) fn prf(
        &mut self,
        key: c_int,
        input: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, Status> {
        let (call, handle) = self.open()?;
        let (mut minor, mut output, input) = (0, Buffer::EMPTY, Buffer::of(input));
        let length = isize::try_from(length).unwrap_or(isize::MAX);
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe {
            (call.prf)(
                &raw mut minor,
                handle,
                key,
                &raw const input,
                length,
                &raw mut output,
            )
        };
        let bytes = self.gss().take(output);
        Ok(self.said(major, minor, bytes)?.value)
    }

    /// `gss_wrap_iov_length`: sets the lengths of the parts that the
    /// mechanism makes. `None`: the library has no such call.
    pub(in super::super) fn iov_length(
        &self,
        seal: bool,
        parts: &mut [Iov<'_>],
    ) -> Option<Result<(), Status>> {
        let (call, handle) = match self.open() {
            Ok(open) => open,
            Err(status) => return Some(Err(status)),
        };
        let length = call.iov_length?;
        let (mut minor, mut sealed, count) = (0, 0, count(parts));
        // SAFETY: `count` parts are there, of which the call writes the
        // lengths alone.
        let major = unsafe {
            length(
                &raw mut minor,
                handle,
                c_int::from(seal),
                0,
                &raw mut sealed,
                parts.as_mut_ptr(),
                count,
            )
        };
        Some(self.said(major, minor, ()).map(|said| said.value))
    }

    /// `gss_wrap_iov`: in the caller's memory. `None`: no such call.
    pub(in super::super) fn wrap_iov(
        &mut self,
        seal: bool,
        parts: &mut [Iov<'_>],
    ) -> Option<Result<bool, Status>> {
        let (call, handle) = match self.open() {
            Ok(open) => open,
            Err(status) => return Some(Err(status)),
        };
        let wrap = call.wrap_iov?;
        let (mut minor, mut sealed, count) = (0, 0, count(parts));
        // SAFETY: each of the `count` parts is the caller's memory, borrowed
        // for the call; no part asks the library to allocate.
        let major = unsafe {
            wrap(
                &raw mut minor,
                handle,
                c_int::from(seal),
                0,
                &raw mut sealed,
                parts.as_mut_ptr(),
                count,
            )
        };
        Some(self.said(major, minor, sealed != 0).map(|said| said.value))
    }

    /// `gss_unwrap_iov`, likewise.
    pub(in super::super) fn unwrap_iov(
        &mut self,
        parts: &mut [Iov<'_>],
    ) -> Option<Result<Said<bool>, Status>> {
        let (call, handle) = match self.open() {
            Ok(open) => open,
            Err(status) => return Some(Err(status)),
        };
        let unwrap = call.unwrap_iov?;
        let (mut minor, mut sealed, mut qop, count) = (0, 0, 0, count(parts));
        // SAFETY: as for `wrap_iov`.
        let major = unsafe {
            unwrap(
                &raw mut minor,
                handle,
                &raw mut sealed,
                &raw mut qop,
                parts.as_mut_ptr(),
                count,
            )
        };
        Some(self.said(major, minor, sealed != 0))
    }
}

fn count(parts: &[Iov<'_>]) -> c_int {
    c_int::try_from(parts.len()).unwrap_or(0)
}
