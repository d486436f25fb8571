//! Names as handles of the library's.

#![allow(unsafe_code)]

use core::ptr::{null, null_mut};

use super::super::context::NameAttribute;
use super::super::oid;
use super::super::sys::{Buffer, Gss, Handle, OidDesc, Status, is_error};

/// A name of the library's.
pub(in super::super) struct NameHandle<'g> {
    gss: &'g Gss,
    handle: Handle,
}

impl<'g> NameHandle<'g> {
    /// Any name.
    pub(in super::super) fn none(gss: &'g Gss) -> Self {
        Self::owned(gss, null_mut())
    }

    /// Imports a host-based name (RFC 2743 4.1).
    pub(in super::super) fn host_based(gss: &'g Gss, name: &str) -> Result<Self, Status> {
        let (mut minor, mut handle) = (0, null_mut());
        let (name, kind) = (Buffer::of(name.as_bytes()), OidDesc::of(oid::HOST_BASED));
        let import = gss.call.import_name;
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe {
            import(
                &raw mut minor,
                &raw const name,
                &raw const kind,
                &raw mut handle,
            )
        };
        let name = Self::owned(gss, handle);
        if is_error(major) {
            return Err(gss.status(major, minor));
        }
        Ok(name)
    }

    /// For a call, which the name outlives.
    pub(in super::super) fn as_ptr(&self) -> Handle {
        self.handle
    }

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

impl NameHandle<'_> {
    /// The first value of an attribute (RFC 6680 7.5).
    pub(in super::super) fn attribute(&self, name: &[u8]) -> Option<NameAttribute> {
        if self.handle.is_null() {
            return None;
        }
        let get = self.gss.call.name_attribute?;
        let (mut minor, mut authenticated, mut complete, mut more) = (0, 0, 0, -1);
        let (mut value, mut display) = (Buffer::EMPTY, Buffer::EMPTY);
        let name = Buffer::of(name);
        // SAFETY: the name is this library's and not null; -1 asks for the
        // first value.
        let major = unsafe {
            get(
                &raw mut minor,
                self.handle,
                &raw const name,
                &raw mut authenticated,
                &raw mut complete,
                &raw mut value,
                &raw mut display,
                &raw mut more,
            )
        };
        let value = self.gss.take(value);
        self.gss.take(display);
        (!is_error(major)).then_some(NameAttribute {
            value,
            authenticated: authenticated != 0,
        })
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
