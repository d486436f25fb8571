//! Names as handles of the library's.

#![allow(unsafe_code)]

use core::ptr::null;

use super::super::sys::{Buffer, Gss, Handle, is_error};

/// A name of the library's.
pub(in super::super) struct NameHandle<'g> {
    gss: &'g Gss,
    handle: Handle,
}

impl<'g> NameHandle<'g> {
    /// Takes over what a call put out; null is no name.
    pub(in super::super) fn owned(gss: &'g Gss, handle: Handle) -> Self {
        Self { gss, handle }
    }
}

impl NameHandle<'_> {
    /// The exported form (RFC 2743 3.2), which belongs to one mechanism.
    pub(in super::super) fn exported(&self) -> Option<Vec<u8>> {
        // Heimdal follows a null name.
        if self.handle.is_null() {
            return None;
        }
        let (mut minor, mut buffer) = (0, Buffer::EMPTY);
        let export = self.gss.call.export_name;
        // SAFETY: as above.
        let major = unsafe { export(&raw mut minor, self.handle, &raw mut buffer) };
        let bytes = self.gss.take(buffer);
        (!is_error(major) && !bytes.is_empty()).then_some(bytes)
    }

    /// The displayed form.
    pub(in super::super) fn displayed(&self) -> Option<Vec<u8>> {
        if self.handle.is_null() {
            return None;
        }
        let (mut minor, mut buffer, mut kind) = (0, Buffer::EMPTY, null());
        let display = self.gss.call.display_name;
        // SAFETY: the name is this library's and not null.
        let major = unsafe { display(&raw mut minor, self.handle, &raw mut buffer, &raw mut kind) };
        let bytes = self.gss.take(buffer);
        (!is_error(major)).then_some(bytes)
    }

    /// The local account that the operator's mapping gives to the name.
    pub(in super::super) fn local(&self) -> Option<Vec<u8>> {
        if self.handle.is_null() {
            return None;
        }
        let (mut minor, mut buffer) = (0, Buffer::EMPTY);
        let local = self.gss.call.localname?;
        // SAFETY: as above; a null mechanism is the name's own.
        let major = unsafe { local(&raw mut minor, self.handle, null(), &raw mut buffer) };
        let bytes = self.gss.take(buffer);
        (!is_error(major) && !bytes.is_empty()).then_some(bytes)
    }
}

impl Drop for NameHandle<'_> {
    fn drop(&mut self) {
        if self.handle.is_null() {
            return;
        }
        let mut minor = 0;
        // SAFETY: the handle is this library's, and released here alone.
        unsafe { (self.gss.call.release_name)(&raw mut minor, &raw mut self.handle) };
    }
}
