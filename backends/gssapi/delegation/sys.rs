//! Delegated credentials of the library's, read out of it: a copy in a cache
//! of this process' memory, which is gone when it has been read. Nothing is
//! written to a disk.

#![allow(unsafe_code)]

use core::ffi::{CStr, c_char};
use core::ptr::{NonNull, null, null_mut};
use std::sync::Arc;

use super::super::credentials::sys::Credential;
use super::super::krb5::sys::Krb5;
use super::super::names;
use super::super::sys::{Flavour, Gss, Handle, is_error, symbol};
use crate::name::Principal;
use crate::secret::Secret;

type Copy = unsafe extern "C" fn(*mut u32, Handle, Handle) -> u32;
type NewUnique = unsafe extern "C" fn(Handle, *const c_char, *const c_char, *mut Handle) -> i32;
type Destroy = unsafe extern "C" fn(Handle, Handle) -> i32;
type Sequence = unsafe extern "C" fn(Handle, Handle, *mut Handle) -> i32;
type Next = unsafe extern "C" fn(Handle, Handle, *mut Handle, *mut Room) -> i32;
type FreeContents = unsafe extern "C" fn(Handle, *mut Room);
type Unparse = unsafe extern "C" fn(Handle, Handle, *mut *mut c_char) -> i32;
type FreeUnparsed = unsafe extern "C" fn(Handle, *mut c_char);

pub(in super::super) struct Functions {
    copy: Copy,
    new_unique: NewUnique,
    destroy: Destroy,
    start: Sequence,
    next: Next,
    end: Sequence,
    free_contents: FreeContents,
    unparse: Unparse,
    free_unparsed: FreeUnparsed,
}

impl Functions {
    pub(in super::super) fn load(library: &libloading::Library) -> Result<Self, String> {
        // Its credentials have a layout of their own, in no public header.
        if cfg!(target_vendor = "apple") {
            return Err("macOS' library does not give them out".into());
        }
        Ok(Self {
            copy: symbol(library, "gss_krb5_copy_ccache")?,
            new_unique: symbol(library, "krb5_cc_new_unique")?,
            destroy: symbol(library, "krb5_cc_destroy")?,
            start: symbol(library, "krb5_cc_start_seq_get")?,
            next: symbol(library, "krb5_cc_next_cred")?,
            end: symbol(library, "krb5_cc_end_seq_get")?,
            free_contents: symbol(library, "krb5_free_cred_contents")?,
            unparse: symbol(library, "krb5_unparse_name")?,
            free_unparsed: symbol(library, "krb5_free_unparsed_name")?,
        })
    }
}

/// Room for a `krb5_creds` of either library, and more.
#[repr(C, align(16))]
struct Room([u8; 512]);

/// `krb5_data` of MIT's `krb5.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MitData {
    magic: i32,
    length: u32,
    data: *const u8,
}

/// `krb5_address` and `krb5_authdata` of MIT's `krb5.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MitTyped {
    magic: i32,
    kind: i32,
    length: u32,
    contents: *const u8,
}

/// `krb5_creds` of MIT's `krb5.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MitCreds {
    magic: i32,
    client: Handle,
    server: Handle,
    key_magic: i32,
    enctype: i32,
    key_length: u32,
    key: *const u8,
    /// authtime, starttime, endtime, renew_till: seconds modulo 2^32.
    times: [u32; 4],
    is_skey: u32,
    flags: u32,
    addresses: *const *const MitTyped,
    ticket: MitData,
    second_ticket: MitData,
    authdata: *const *const MitTyped,
}

/// `heim_octet_string` of Heimdal's `asn1-common.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeimdalData {
    length: usize,
    data: *const u8,
}

/// `HostAddress` of Heimdal's `krb5_asn1.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeimdalTyped {
    kind: i32,
    contents: HeimdalData,
}

/// A list of them.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeimdalList {
    length: u32,
    elements: *const HeimdalTyped,
}

/// `krb5_creds` of Heimdal's `krb5.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeimdalCreds {
    client: Handle,
    server: Handle,
    keytype: i32,
    key: HeimdalData,
    times: [i64; 4],
    ticket: HeimdalData,
    second_ticket: HeimdalData,
    authdata: HeimdalList,
    addresses: HeimdalList,
    /// A structure of bits, the first of RFC 4120 the lowest.
    flags: u32,
}

const _: () = assert!(size_of::<MitCreds>() <= 256 && size_of::<HeimdalCreds>() <= 256);

/// One of the delegated tickets.
pub(in super::super) struct Ticket {
    /// Whom the cache says that it is for.
    pub(in super::super) server: Option<Principal>,
    /// Whose it is, if the client said so.
    pub(in super::super) client: Option<Principal>,
    pub(in super::super) etype: i32,
    pub(in super::super) key: Secret,
    /// authtime, starttime, endtime, renew_till; 0 is none.
    pub(in super::super) times: [i64; 4],
    /// In the order of RFC 4120.
    pub(in super::super) flags: u32,
    pub(in super::super) addresses: Vec<(i32, Vec<u8>)>,
    pub(in super::super) octets: Vec<u8>,
}

/// More addresses than a host has.
const MAX_ADDRESSES: usize = 256;
/// Longer than any ticket.
const MAX_OCTETS: usize = 1 << 20;

/// A credential cache of this process' memory, destroyed when it is dropped.
struct MemoryCache {
    krb5: Krb5,
    gss: Arc<Gss>,
    handle: NonNull<core::ffi::c_void>,
}

/// The tickets of a delegated credential, `limit` of them at the most.
pub(in super::super) fn tickets(
    gss: &Arc<Gss>,
    credential: &Credential,
    limit: usize,
) -> Result<Vec<Ticket>, String> {
    let cache = MemoryCache::new(gss)?;
    cache.fill(credential)?;
    cache.read(limit)
}

impl MemoryCache {
    fn new(gss: &Arc<Gss>) -> Result<Self, String> {
        let call = gss.delegation.as_ref().map_err(Clone::clone)?;
        let (krb5, mut handle) = (Krb5::new(gss)?, null_mut());
        let (kind, context) = (c"MEMORY".as_ptr(), krb5.as_ptr());
        // SAFETY: the context is this library's, the name ends in NUL, no
        // hint is null.
        let code = unsafe { (call.new_unique)(context, kind, null(), &raw mut handle) };
        let handle = NonNull::new(handle).filter(|_| code == 0);
        Ok(Self {
            handle: handle.ok_or_else(|| format!("krb5_cc_new_unique fails with {code}"))?,
            gss: Arc::clone(gss),
            krb5,
        })
    }

    fn call(&self) -> Result<&Functions, String> {
        self.gss.delegation.as_ref().map_err(Clone::clone)
    }

    fn fill(&self, credential: &Credential) -> Result<(), String> {
        let (call, mut minor) = (self.call()?, 0);
        // SAFETY: the credential and the cache are this library's.
        let major =
            unsafe { (call.copy)(&raw mut minor, credential.as_ptr(), self.handle.as_ptr()) };
        if is_error(major) {
            let status = self.gss.status(major, minor);
            return Err(format!("{}: {}", status.major_text, status.minor_text));
        }
        Ok(())
    }

    fn read(&self, limit: usize) -> Result<Vec<Ticket>, String> {
        let (call, context, mut cursor) = (self.call()?, self.krb5.as_ptr(), null_mut());
        let cache = self.handle.as_ptr();
        // SAFETY: context and cache are this library's.
        let code = unsafe { (call.start)(context, cache, &raw mut cursor) };
        if code != 0 {
            return Err(format!("krb5_cc_start_seq_get fails with {code}"));
        }
        let mut found = Vec::new();
        while found.len() < limit {
            let mut room = Room([0; 512]);
            // SAFETY: the cursor is the cache's; there is room for a
            // `krb5_creds` of either library.
            if unsafe { (call.next)(context, cache, &raw mut cursor, &raw mut room) } != 0 {
                break;
            }
            found.push(match self.gss.flavour {
                Flavour::Mit => self.mit(call, &room),
                Flavour::Heimdal => self.heimdal(call, &room),
            });
            // SAFETY: the call before filled it; it wipes the key.
            unsafe { (call.free_contents)(context, &raw mut room) };
        }
        // SAFETY: the cursor is given up here.
        unsafe { (call.end)(context, cache, &raw mut cursor) };
        Ok(found)
    }

    fn mit(&self, call: &Functions, room: &Room) -> Ticket {
        let creds: *const MitCreds = core::ptr::from_ref(room).cast();
        // SAFETY: MIT's library has filled it, and it is aligned to 16.
        let creds = unsafe { *creds };
        let addresses = pointed(creds.addresses);
        Ticket {
            server: self.name(call, creds.server),
            client: self.name(call, creds.client),
            etype: creds.enctype,
            key: Secret::from(octets(creds.key, creds.key_length as usize)),
            times: creds.times.map(i64::from),
            flags: creds.flags,
            addresses: addresses
                .into_iter()
                .map(|own| (own.kind, octets(own.contents, own.length as usize)))
                .collect(),
            octets: octets(creds.ticket.data, creds.ticket.length as usize),
        }
    }

    fn heimdal(&self, call: &Functions, room: &Room) -> Ticket {
        let creds: *const HeimdalCreds = core::ptr::from_ref(room).cast();
        // SAFETY: Heimdal's library has filled it, and it is aligned to 16.
        let creds = unsafe { *creds };
        let flags = if cfg!(target_endian = "little") {
            creds.flags.reverse_bits()
        } else {
            creds.flags
        };
        Ticket {
            server: self.name(call, creds.server),
            client: self.name(call, creds.client),
            etype: creds.keytype,
            key: Secret::from(octets(creds.key.data, creds.key.length)),
            times: creds.times,
            flags,
            addresses: listed(creds.addresses)
                .into_iter()
                .map(|own| (own.kind, octets(own.contents.data, own.contents.length)))
                .collect(),
            octets: octets(creds.ticket.data, creds.ticket.length),
        }
    }

    /// A principal, by way of its text, which has escapes.
    fn name(&self, call: &Functions, principal: Handle) -> Option<Principal> {
        if principal.is_null() {
            return None;
        }
        let (context, mut text) = (self.krb5.as_ptr(), null_mut());
        // SAFETY: the principal is this library's and not null.
        let code = unsafe { (call.unparse)(context, principal, &raw mut text) };
        if code != 0 || text.is_null() {
            return None;
        }
        // SAFETY: the call put out a text that ends in NUL.
        let name = names::unparsed(unsafe { CStr::from_ptr(text) }.to_bytes());
        // SAFETY: the text is the library's, and released once.
        unsafe { (call.free_unparsed)(context, text) };
        name
    }
}

impl Drop for MemoryCache {
    fn drop(&mut self) {
        if let Ok(call) = self.call() {
            // SAFETY: the cache is open, and destroyed here alone, before
            // the context.
            unsafe { (call.destroy)(self.krb5.as_ptr(), self.handle.as_ptr()) };
        }
    }
}

/// Copies what stays the library's.
fn octets(data: *const u8, length: usize) -> Vec<u8> {
    if data.is_null() || length == 0 || length > MAX_OCTETS {
        return Vec::new();
    }
    // SAFETY: the library says that `length` octets are there.
    unsafe { core::slice::from_raw_parts(data, length) }.to_vec()
}

/// What MIT's list of pointers points to, which ends in null.
fn pointed(list: *const *const MitTyped) -> Vec<MitTyped> {
    let mut all = Vec::new();
    while !list.is_null() && all.len() < MAX_ADDRESSES {
        // SAFETY: the list goes on until a null, which has not come yet.
        let next = unsafe { *list.add(all.len()) };
        if next.is_null() {
            break;
        }
        // SAFETY: not null, and the library's.
        all.push(unsafe { *next });
    }
    all
}

/// The elements of Heimdal's list.
fn listed(list: HeimdalList) -> Vec<HeimdalTyped> {
    if list.elements.is_null() {
        return Vec::new();
    }
    let count = (list.length as usize).min(MAX_ADDRESSES);
    // SAFETY: the library says that there are so many.
    unsafe { core::slice::from_raw_parts(list.elements, count) }.to_vec()
}
