//! Credentials as handles of the library's.

#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::NonNull;
use std::sync::Arc;

use super::super::sys::{Gss, Oid, OidDesc, Status, is_error, oid_set};

/// A credential for accepting.
pub(in super::super) struct Credential {
    gss: Arc<Gss>,
    handle: NonNull<c_void>,
}

// SAFETY: a credential is not bound to the thread that acquired it (RFC 2744
// leaves threads to the library, and both libraries lock it).
unsafe impl Send for Credential {}

impl Credential {
    pub(in super::super) fn new(gss: &Arc<Gss>, handle: NonNull<c_void>) -> Self {
        Self {
            gss: Arc::clone(gss),
            handle,
        }
    }

    /// For a call, which the credential outlives.
    pub(in super::super) fn as_ptr(&self) -> *mut c_void {
        self.handle.as_ptr()
    }

    /// Holds SPNEGO to these mechanisms. `None`: the library cannot.
    pub(in super::super) fn set_neg_mechs(
        &self,
        mechs: &[&'static Oid],
    ) -> Option<Result<(), Status>> {
        let set_mechs = self.gss.call.neg_mechs?;
        let oids: Vec<OidDesc> = mechs.iter().map(|oid| OidDesc::of(oid)).collect();
        let (mut minor, set) = (0, oid_set(&oids));
        // SAFETY: the credential is this library's.
        let major = unsafe { set_mechs(&raw mut minor, self.handle.as_ptr(), &raw const set) };
        Some(self.result(major, minor))
    }

    /// Permits these Kerberos encryption types alone. `None`: the library
    /// cannot.
    pub(in super::super) fn set_etypes(&self, etypes: &[i32]) -> Option<Result<(), Status>> {
        let set_etypes = self.gss.call.allowable_enctypes?;
        let (mut minor, count) = (0, u32::try_from(etypes.len()).unwrap_or(0));
        // SAFETY: the credential is this library's; `count` numbers are at
        // the pointer, which the call copies.
        let major =
            unsafe { set_etypes(&raw mut minor, self.handle.as_ptr(), count, etypes.as_ptr()) };
        Some(self.result(major, minor))
    }

    fn result(&self, major: u32, minor: u32) -> Result<(), Status> {
        if is_error(major) {
            Err(self.gss.status(major, minor))
        } else {
            Ok(())
        }
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        let (mut minor, mut handle) = (0, self.handle.as_ptr());
        // SAFETY: the handle is this library's, and released here alone.
        unsafe { (self.gss.call.release_cred)(&raw mut minor, &raw mut handle) };
    }
}
