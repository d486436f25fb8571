//! A context as a handle of the library's, and the handshake on it.

#![allow(unsafe_code)]

use core::ffi::c_int;
use core::ptr::{NonNull, null, null_mut};
use std::sync::Arc;

use super::super::credentials::sys::Credential;
use super::super::names::sys::NameHandle;
use super::super::sys::{Bindings, Buffer, BufferSet, Gss, Handle, Oid, OidDesc, Status, is_error};
use super::NameAttribute;
use crate::secret::Secret;

/// A context; null until the library has made one.
pub(in super::super) struct Ctx {
    gss: Arc<Gss>,
    handle: Handle,
}

// SAFETY: a context may be used by any thread, by one at a time; all methods
// that change it take `&mut self`, and the backend has a lock around it.
unsafe impl Send for Ctx {}

/// What `gss_accept_sec_context` came to.
pub(in super::super) struct Accepted {
    pub(in super::super) major: u32,
    pub(in super::super) minor: u32,
    pub(in super::super) token: Vec<u8>,
    pub(in super::super) flags: u32,
    pub(in super::super) lifetime: u32,
    /// The exported name of the client, if that was asked for and the library
    /// is done.
    pub(in super::super) peer: Option<Vec<u8>>,
    pub(in super::super) mech: Vec<u8>,
    /// What was delegated, if that was asked for.
    pub(in super::super) delegated: Option<Credential>,
}

/// What `gss_accept_sec_context` is asked for besides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Wanted {
    /// The client's name, which costs less here than when it is asked for
    /// afterwards.
    pub(in super::super) peer: bool,
    /// What the client delegates.
    pub(in super::super) delegated: bool,
}

/// What `gss_inquire_context` is asked for: each name is made anew, in every
/// layer of the library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Asked {
    /// The client's name, exported.
    pub(in super::super) peer: bool,
    /// The same, displayed.
    pub(in super::super) text: bool,
    /// The server's own name: gss-ntlmssp has none that it could give out
    /// where the credential names no service.
    pub(in super::super) target: bool,
}

impl Asked {
    pub(in super::super) const NOTHING: Self = Self {
        peer: false,
        text: false,
        target: false,
    };
}

/// What `gss_inquire_context` tells.
pub(in super::super) struct Inquired {
    pub(in super::super) peer: Option<Vec<u8>>,
    pub(in super::super) peer_text: Option<Vec<u8>>,
    pub(in super::super) target: Option<Vec<u8>>,
    pub(in super::super) mech: Vec<u8>,
    pub(in super::super) lifetime: u32,
}

impl Ctx {
    /// A context not yet begun.
    pub(in super::super) fn new(gss: &Arc<Gss>) -> Self {
        Self {
            gss: Arc::clone(gss),
            handle: null_mut(),
        }
    }

    /// Takes up an exported context.
    pub(in super::super) fn import(gss: &Arc<Gss>, state: &[u8]) -> Result<Self, Status> {
        let (mut minor, mut ctx, state) = (0, Self::new(gss), Buffer::of(state));
        let import = gss.call.import;
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe { import(&raw mut minor, &raw const state, &raw mut ctx.handle) };
        if is_error(major) || ctx.handle.is_null() {
            return Err(gss.status(major, minor));
        }
        Ok(ctx)
    }

    pub(in super::super) fn gss(&self) -> &Arc<Gss> {
        &self.gss
    }

    /// The handle, if there is one: Heimdal follows null contexts.
    pub(in super::super) fn handle(&self) -> Option<Handle> {
        (!self.handle.is_null()).then_some(self.handle)
    }

    /// `gss_accept_sec_context`.
    pub(in super::super) fn accept(
        &mut self,
        credential: &Credential,
        token: &[u8],
        application_data: Option<&[u8]>,
        wanted: Wanted,
    ) -> Accepted {
        let bindings = application_data.map(Bindings::of);
        let bindings = bindings.as_ref().map_or(null(), core::ptr::from_ref);
        let (mut minor, mut output, mut flags, mut lifetime) = (0, Buffer::EMPTY, 0, 0);
        let (input, mut delegated): (_, Handle) = (Buffer::of(token), null_mut());
        let (mut peer, mut mech): (Handle, *const OidDesc) = (null_mut(), null());
        let to_delegated = if wanted.delegated {
            &raw mut delegated
        } else {
            null_mut()
        };
        let to_peer = if wanted.peer {
            &raw mut peer
        } else {
            null_mut()
        };
        // SAFETY: see the head of ../sys.rs; the context is null or this
        // library's own; what is not asked for is null.
        let major = unsafe {
            (self.gss.call.accept)(
                &raw mut minor,
                &raw mut self.handle,
                credential.as_ptr(),
                &raw const input,
                bindings,
                to_peer,
                &raw mut mech,
                &raw mut output,
                &raw mut flags,
                &raw mut lifetime,
                to_delegated,
            )
        };
        let delegated = NonNull::new(delegated).map(|own| Credential::new(&self.gss, own));
        let peer = NameHandle::owned(&self.gss, peer);
        let complete = major == 0;
        Accepted {
            peer: complete.then(|| peer.exported()).flatten(),
            mech: octets(if complete { mech } else { null() }),
            delegated,
            major,
            minor,
            token: self.gss.take(output),
            flags,
            lifetime,
        }
    }

    /// `gss_inquire_context` of an established context.
    pub(in super::super) fn inquire(&self, asked: Asked) -> Result<Inquired, Status> {
        let Some(handle) = self.handle() else {
            return Err(self.gss.status(NO_CONTEXT, 0));
        };
        if asked != Asked::NOTHING {
            // MIT krb5 1.20 makes the names of a context that is over, says
            // that it is over, and hands them to nobody.
            self.inquire(Asked::NOTHING)?;
        }
        let (mut minor, mut peer, mut target, mut lifetime) = (0, null_mut(), null_mut(), 0);
        let (mut mech, mut flags, mut local, mut open): (*const OidDesc, u32, c_int, c_int) =
            (null(), 0, 0, 0);
        let to_target = if asked.target {
            &raw mut target
        } else {
            null_mut()
        };
        let to_peer = if asked.peer || asked.text {
            &raw mut peer
        } else {
            null_mut()
        };
        // SAFETY: see the head of ../sys.rs; what is not asked for is null.
        let major = unsafe {
            (self.gss.call.inquire)(
                &raw mut minor,
                handle,
                to_peer,
                to_target,
                &raw mut lifetime,
                &raw mut mech,
                &raw mut flags,
                &raw mut local,
                &raw mut open,
            )
        };
        let (peer, target) = (
            NameHandle::owned(&self.gss, peer),
            NameHandle::owned(&self.gss, target),
        );
        if is_error(major) {
            return Err(self.gss.status(major, minor));
        }
        Ok(Inquired {
            peer: asked.peer.then(|| peer.exported()).flatten(),
            peer_text: asked.text.then(|| peer.displayed()).flatten(),
            target: target.exported().or_else(|| target.displayed()),
            mech: octets(mech),
            lifetime,
        })
    }

    /// The local account of the client's, by the operator's mapping.
    pub(in super::super) fn local_name(&self) -> Option<Vec<u8>> {
        self.peer()?.local()
    }

    /// An attribute of the client's name.
    pub(in super::super) fn name_attribute(&self, name: &[u8]) -> Option<NameAttribute> {
        self.peer()?.attribute(name)
    }

    /// The client's name.
    fn peer(&self) -> Option<NameHandle<'_>> {
        let handle = self.handle()?;
        // As in `inquire`.
        self.inquire(Asked::NOTHING).ok()?;
        let (mut minor, mut peer) = (0, null_mut());
        // SAFETY: see the head of ../sys.rs; what is not asked for is null.
        unsafe {
            (self.gss.call.inquire)(
                &raw mut minor,
                handle,
                &raw mut peer,
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
            )
        };
        Some(NameHandle::owned(&self.gss, peer))
    }

    /// `gss_inquire_sec_context_by_oid`: the values, which may be keys.
    pub(in super::super) fn inquire_oid(&self, oid: &'static Oid) -> Result<Vec<Secret>, Status> {
        let Some(handle) = self.handle() else {
            return Err(self.gss.status(NO_CONTEXT, 0));
        };
        let (mut minor, mut set, oid) = (0, null_mut(), OidDesc::of(oid));
        let inquire = self.gss.call.inquire_oid;
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe { inquire(&raw mut minor, handle, &raw const oid, &raw mut set) };
        let values = Self::values(set.cast());
        if !set.is_null() {
            let mut unused = 0;
            // SAFETY: the library made the set; it is released once.
            unsafe { (self.gss.call.release_set)(&raw mut unused, &raw mut set) };
        }
        if is_error(major) {
            return Err(self.gss.status(major, minor));
        }
        Ok(values)
    }

    fn values(set: *const BufferSet) -> Vec<Secret> {
        if set.is_null() {
            return Vec::new();
        }
        // SAFETY: the library made the set, and nobody else has it.
        let set = unsafe { *set };
        if set.elements.is_null() || set.count > 64 {
            return Vec::new();
        }
        let elements = set.elements;
        let values = (0..set.count).map(|index| {
            // SAFETY: the set says that it has `count` elements there.
            let buffer = unsafe { *elements.add(index) };
            Secret::from(Gss::view(buffer))
        });
        values.collect()
    }

    /// Authorization data of one type from the ticket.
    pub(in super::super) fn authorization_data(&self, ad_type: i32) -> Option<Vec<u8>> {
        let (handle, extract) = (self.handle()?, self.gss.call.authz_data?);
        let (mut minor, mut buffer) = (0, Buffer::EMPTY);
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe { extract(&raw mut minor, handle, ad_type, &raw mut buffer) };
        let data = self.gss.take(buffer);
        (!is_error(major) && !data.is_empty()).then_some(data)
    }

    /// The flags of the ticket, in the library's order of bits.
    pub(in super::super) fn ticket_flags(&self) -> Option<u32> {
        let (handle, flags) = (self.handle()?, self.gss.call.ticket_flags?);
        let (mut minor, mut bits) = (0, 0);
        // SAFETY: see the head of ../sys.rs.
        let major = unsafe { flags(&raw mut minor, handle, &raw mut bits) };
        (!is_error(major)).then_some(bits)
    }

    /// `gss_export_sec_context`, after which there is no context here.
    pub(in super::super) fn export(&mut self) -> Result<Secret, Status> {
        if self.handle().is_none() {
            return Err(self.gss.status(NO_CONTEXT, 0));
        }
        let (mut minor, mut buffer) = (0, Buffer::EMPTY);
        let export = self.gss.call.export;
        // SAFETY: the context is this library's; the call sets it to null.
        let major = unsafe { export(&raw mut minor, &raw mut self.handle, &raw mut buffer) };
        let state = Secret::from(self.gss.take(buffer));
        if is_error(major) {
            return Err(self.gss.status(major, minor));
        }
        Ok(state)
    }
}

impl Drop for Ctx {
    fn drop(&mut self) {
        if self.handle.is_null() {
            return;
        }
        let mut minor = 0;
        let delete = self.gss.call.delete;
        // SAFETY: the handle is this library's, and given up here alone.
        unsafe { delete(&raw mut minor, &raw mut self.handle, null_mut()) };
    }
}

/// GSS_S_NO_CONTEXT.
const NO_CONTEXT: u32 = 8 << 16;

/// The octets of an identifier that the library put out: static in it (RFC
/// 2744 5.13).
fn octets(oid: *const OidDesc) -> Vec<u8> {
    if oid.is_null() {
        return Vec::new();
    }
    // SAFETY: not null, and the library's own.
    let oid = unsafe { *oid };
    let (elements, length) = (oid.elements.cast::<u8>(), oid.length as usize);
    if elements.is_null() {
        return Vec::new();
    }
    // SAFETY: the library says that `length` octets are there.
    unsafe { core::slice::from_raw_parts(elements, length) }.to_vec()
}
