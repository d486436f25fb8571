//! The Kerberos library below the GSS-API: keytabs in memory, and how far it
//! lets clocks be apart. Its symbols are found through the GSS-API library,
//! which brings it.

#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null, null_mut};
use std::sync::Arc;

use super::super::sys::{Flavour, Gss, Handle, symbol};

type Init = unsafe extern "C" fn(*mut Handle) -> i32;
type Free = unsafe extern "C" fn(Handle);
type Resolve = unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> i32;
type Close = unsafe extern "C" fn(Handle, Handle) -> i32;
type AddEntry = unsafe extern "C" fn(Handle, Handle, *mut c_void) -> i32;
type ParseName = unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> i32;
type FreePrincipal = unsafe extern "C" fn(Handle, Handle);
type GetProfile = unsafe extern "C" fn(Handle, *mut Handle) -> i32;
type GetInteger = unsafe extern "C" fn(
    Handle,
    *const c_char,
    *const c_char,
    *const c_char,
    c_int,
    *mut c_int,
) -> i32;
type MaxSkew = unsafe extern "C" fn(Handle) -> i64;
/// `krb5_config_get_bool_default`: names up to a null one follow.
type GetBool = unsafe extern "C" fn(Handle, *const c_void, c_int, ...) -> c_int;

pub(in super::super) struct Functions {
    init: Init,
    free: Free,
    resolve: Resolve,
    close: Close,
    add: AddEntry,
    parse: ParseName,
    free_principal: FreePrincipal,
    /// MIT's.
    profile: Option<(GetProfile, GetInteger, Free)>,
    /// Heimdal's.
    max_skew: Option<MaxSkew>,
    get_bool: Option<GetBool>,
}

impl Functions {
    pub(in super::super) fn load(library: &libloading::Library) -> Result<Self, String> {
        let profile = || {
            Ok::<_, String>((
                symbol(library, "krb5_get_profile")?,
                symbol(library, "profile_get_integer")?,
                symbol(library, "profile_release")?,
            ))
        };
        Ok(Self {
            init: symbol(library, "krb5_init_context")?,
            free: symbol(library, "krb5_free_context")?,
            resolve: symbol(library, "krb5_kt_resolve")?,
            close: symbol(library, "krb5_kt_close")?,
            add: symbol(library, "krb5_kt_add_entry")?,
            parse: symbol(library, "krb5_parse_name")?,
            free_principal: symbol(library, "krb5_free_principal")?,
            profile: profile().ok(),
            max_skew: symbol(library, "krb5_get_max_time_skew").ok(),
            get_bool: symbol(library, "krb5_config_get_bool_default").ok(),
        })
    }
}

/// `krb5_keytab_entry` of MIT's `krb5.h`.
#[repr(C)]
struct MitEntry {
    magic: i32,
    principal: Handle,
    timestamp: i32,
    vno: u32,
    key_magic: i32,
    enctype: i32,
    length: u32,
    contents: *mut u8,
}

/// `krb5_keytab_entry` of Heimdal's `krb5.h`.
#[repr(C)]
struct HeimdalEntry {
    principal: Handle,
    vno: u32,
    key: HeimdalKey,
    timestamp: u32,
    flags: u32,
    aliases: Handle,
}

/// Its `krb5_keyblock`, which has the alignment of a pointer.
#[repr(C)]
struct HeimdalKey {
    keytype: i32,
    length: usize,
    data: *mut u8,
}

/// A key to be put into a keytab.
pub(in super::super) struct Key<'a> {
    /// The principal with MIT's escapes.
    pub(in super::super) principal: &'a CStr,
    pub(in super::super) kvno: u32,
    pub(in super::super) etype: i32,
    pub(in super::super) octets: &'a [u8],
    pub(in super::super) timestamp: u32,
}

/// A `krb5_context`, used by one thread at a time.
pub(in super::super) struct Krb5 {
    gss: Arc<Gss>,
    context: NonNull<c_void>,
}

// SAFETY: a `krb5_context` may be used by any thread, by one at a time; it is
// neither `Sync` nor cloned.
unsafe impl Send for Krb5 {}

impl Krb5 {
    /// Reads the operator's configuration.
    pub(in super::super) fn new(gss: &Arc<Gss>) -> Result<Self, String> {
        let (call, mut context) = (gss.krb5.as_ref().map_err(Clone::clone)?, null_mut());
        // SAFETY: the call fills a local.
        let code = unsafe { (call.init)(&raw mut context) };
        let context = NonNull::new(context).filter(|_| code == 0);
        let context = context.ok_or_else(|| format!("krb5_init_context fails with {code}"))?;
        Ok(Self {
            gss: Arc::clone(gss),
            context,
        })
    }

    fn call(&self) -> Option<&Functions> {
        self.gss.krb5.as_ref().ok()
    }

    /// For calls of this library's, which the context outlives.
    pub(in super::super) fn as_ptr(&self) -> Handle {
        self.context.as_ptr()
    }

    /// How far the library lets clocks be apart, in seconds.
    pub(in super::super) fn clock_skew(&self) -> Option<u64> {
        let (call, context) = (self.call()?, self.context.as_ptr());
        if let Some(skew) = call.max_skew {
            // SAFETY: the context is this library's.
            return u64::try_from(unsafe { skew(context) }).ok();
        }
        let (get, integer, release) = call.profile?;
        let (mut profile, mut seconds) = (null_mut(), 0);
        // SAFETY: the call fills a local.
        if unsafe { get(context, &raw mut profile) } != 0 || profile.is_null() {
            return None;
        }
        let (section, name) = (c"libdefaults".as_ptr(), c"clockskew".as_ptr());
        // SAFETY: the profile is open; the texts end in NUL; the section has
        // no subsection. 300 is what the library has by default.
        let code = unsafe { integer(profile, section, name, null(), 300, &raw mut seconds) };
        // SAFETY: the profile is released once.
        unsafe { release(profile) };
        u64::try_from(seconds).ok().filter(|_| code == 0)
    }

    /// Whether Heimdal rejects clients whose PAC is not right, which it does
    /// unless its operator has it otherwise; `None` for other libraries.
    pub(in super::super) fn checks_pac(&self) -> Option<bool> {
        let (get, context) = (self.call()?.get_bool?, self.context.as_ptr());
        let (section, name) = (c"libdefaults".as_ptr(), c"check_pac".as_ptr());
        let end: *const c_char = null();
        // SAFETY: the context is this library's; null is its own
        // configuration; the names are texts that end in NUL, and a null one
        // ends them.
        Some(unsafe { get(context, null(), 1, section, name, end) } != 0)
    }

    /// A keytab of the process' memory: there for as long as what is given
    /// lives, or a credential that uses it.
    pub(in super::super) fn memory_keytab(
        self,
        name: &CStr,
        keys: &[Key<'_>],
    ) -> Result<MemoryKeytab, String> {
        let call = self.call().ok_or("no Kerberos library")?;
        let mut handle = null_mut();
        let context = self.context.as_ptr();
        // SAFETY: the context is this library's; the name ends in NUL.
        let code = unsafe { (call.resolve)(context, name.as_ptr(), &raw mut handle) };
        let handle = NonNull::new(handle).filter(|_| code == 0);
        let handle = handle.ok_or_else(|| format!("krb5_kt_resolve fails with {code}"))?;
        let keytab = MemoryKeytab { krb5: self, handle };
        for key in keys {
            keytab.add(key)?;
        }
        Ok(keytab)
    }
}

impl Drop for Krb5 {
    fn drop(&mut self) {
        if let Some(call) = self.call() {
            // SAFETY: the context is this library's, and freed here alone.
            unsafe { (call.free)(self.context.as_ptr()) };
        }
    }
}

/// A keytab in memory, held open.
pub(in super::super) struct MemoryKeytab {
    krb5: Krb5,
    handle: NonNull<c_void>,
}

// SAFETY: nothing is done with it but to close it, by its owner.
unsafe impl Sync for MemoryKeytab {}
// SAFETY: as for `Krb5`.
unsafe impl Send for MemoryKeytab {}

impl MemoryKeytab {
    fn add(&self, key: &Key<'_>) -> Result<(), String> {
        let call = self.krb5.call().ok_or("no Kerberos library")?;
        let (context, mut principal) = (self.krb5.context.as_ptr(), null_mut());
        // SAFETY: the context is this library's; the name ends in NUL.
        let code = unsafe { (call.parse)(context, key.principal.as_ptr(), &raw mut principal) };
        if code != 0 || principal.is_null() {
            return Err(format!("krb5_parse_name fails with {code}"));
        }
        let code = match self.krb5.gss.flavour {
            Flavour::Mit => self.add_to(call, &mut mit_entry(principal, key)),
            Flavour::Heimdal => self.add_to(call, &mut heimdal_entry(principal, key)),
        };
        // SAFETY: the principal is the library's; the keytab has a copy.
        unsafe { (call.free_principal)(context, principal) };
        if code != 0 {
            return Err(format!("krb5_kt_add_entry fails with {code}"));
        }
        Ok(())
    }

    fn add_to<E>(&self, call: &Functions, entry: &mut E) -> i32 {
        let (context, entry) = (self.krb5.context.as_ptr(), core::ptr::from_mut(entry));
        // SAFETY: the entry has the layout that this library's header gives
        // it, and all that it points to outlives the call, which copies it.
        unsafe { (call.add)(context, self.handle.as_ptr(), entry.cast()) }
    }
}

impl Drop for MemoryKeytab {
    fn drop(&mut self) {
        if let Some(call) = self.krb5.call() {
            // SAFETY: the keytab is open, and closed here alone, before the
            // context.
            unsafe { (call.close)(self.krb5.context.as_ptr(), self.handle.as_ptr()) };
        }
    }
}

fn mit_entry(principal: Handle, key: &Key<'_>) -> MitEntry {
    MitEntry {
        magic: 0,
        principal,
        timestamp: key.timestamp.cast_signed(),
        vno: key.kvno,
        key_magic: 0,
        enctype: key.etype,
        length: u32::try_from(key.octets.len()).unwrap_or(0),
        contents: key.octets.as_ptr().cast_mut(),
    }
}

fn heimdal_entry(principal: Handle, key: &Key<'_>) -> HeimdalEntry {
    HeimdalEntry {
        principal,
        vno: key.kvno,
        key: HeimdalKey {
            keytype: key.etype,
            length: key.octets.len(),
            data: key.octets.as_ptr().cast_mut(),
        },
        timestamp: key.timestamp,
        flags: 0,
        aliases: null_mut(),
    }
}
