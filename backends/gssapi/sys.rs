//! The GSS-API's C interface (RFC 2744 appendix A), from a library that is
//! opened at run time. The other `sys.rs` of this backend go through it.
//!
//! What holds for every call in all of them: a pointer that is handed over is
//! null where RFC 2744 allows it, or points at a local or at a handle that
//! outlives the call; a handle is used after it was checked for null, and
//! released once, by its owner's `Drop`; what the library allocates is copied
//! and given back.

#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::ManuallyDrop;
use core::ptr::{NonNull, null_mut};
use std::sync::Arc;

use libloading::Library;

use super::credentials::sys::Credential;
use super::names::sys::NameHandle;

/// An object identifier: its content octets (X.690 8.19).
pub(super) type Oid = [u8];

/// The structures of the header, which packs them to two bytes on Intel Macs.
macro_rules! abi {
    ($($(#[$doc:meta])* $sees:vis struct $name:ident { $($of:vis $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy)]
        #[cfg_attr(
            all(target_vendor = "apple", target_arch = "x86_64"),
            repr(C, packed(2))
        )]
        #[cfg_attr(not(all(target_vendor = "apple", target_arch = "x86_64")), repr(C))]
        $sees struct $name { $($of $field: $type,)* })*
    };
}

abi! {
    /// `gss_OID_desc`.
    pub(super) struct OidDesc {
        pub(super) length: u32,
        pub(super) elements: *const c_void,
    }
    /// `gss_OID_set_desc`.
    pub(super) struct OidSetDesc {
        count: usize,
        elements: *const OidDesc,
    }
    /// `gss_buffer_desc`.
    pub(super) struct Buffer {
        pub(super) length: usize,
        pub(super) value: *mut c_void,
    }
    /// `gss_buffer_set_desc`.
    pub(super) struct BufferSet {
        pub(super) count: usize,
        pub(super) elements: *const Buffer,
    }
    /// `gss_channel_bindings_struct` (RFC 2744 3.11).
    pub(super) struct Bindings {
        initiator_type: u32,
        initiator: Buffer,
        acceptor_type: u32,
        acceptor: Buffer,
        application_data: Buffer,
    }
}

/// `gss_key_value_element_desc` of MIT's `gssapi_ext.h`.
#[repr(C)]
pub(super) struct KeyValue {
    key: *const c_char,
    value: *const c_char,
}

#[repr(C)]
pub(super) struct KeyValueSet {
    count: u32,
    elements: *const KeyValue,
}

impl Buffer {
    pub(super) const EMPTY: Self = Self {
        length: 0,
        value: null_mut(),
    };

    /// A view of bytes that the library only reads.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            value: bytes.as_ptr().cast_mut().cast(),
        }
    }
}

impl Bindings {
    /// Without addresses: their types are 0, as TLS' bindings have them.
    pub(super) fn of(application_data: &[u8]) -> Self {
        Self {
            initiator_type: 0,
            initiator: Buffer::EMPTY,
            acceptor_type: 0,
            acceptor: Buffer::EMPTY,
            application_data: Buffer::of(application_data),
        }
    }
}

impl OidDesc {
    pub(super) fn of(oid: &'static Oid) -> Self {
        Self {
            length: u32::try_from(oid.len()).unwrap_or(0),
            elements: oid.as_ptr().cast(),
        }
    }
}

pub(super) type Handle = *mut c_void;

/// A symbol of a library. `T` must be the type of that function.
pub(super) fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: only the tables in this backend call this, each field with the
    // type that the header gives to that name.
    let found = unsafe { library.get::<T>(name.as_bytes()) };
    found
        .map(|symbol| *symbol)
        .map_err(|error| format!("it lacks {name}: {error}"))
}

macro_rules! functions {
    ($table:ident { $($field:ident = $name:literal ($($argument:ty),* $(,)?);)* }
     optional { $($maybe:ident = $its_name:literal ($($its:ty),* $(,)?);)* }) => {
        pub(in crate::backends::gssapi) struct $table {
            $(pub(in crate::backends::gssapi) $field: unsafe extern "C" fn($($argument),*) -> u32,)*
            $(pub(in crate::backends::gssapi) $maybe: Option<unsafe extern "C" fn($($its),*) -> u32>,)*
        }

        impl $table {
            pub(in crate::backends::gssapi) fn load(library: &libloading::Library) -> Result<Self, String> {
                Ok(Self {
                    $($field: $crate::backends::gssapi::sys::symbol(library, $name)?,)*
                    $($maybe: $crate::backends::gssapi::sys::symbol(library, $its_name).ok(),)*
                })
            }
        }
    };
}
pub(super) use functions;

functions! {
    Functions {
        accept = "gss_accept_sec_context" (*mut u32, *mut Handle, Handle, *const Buffer,
            *const Bindings, *mut Handle, *mut *const OidDesc, *mut Buffer, *mut u32, *mut u32,
            *mut Handle);
        acquire = "gss_acquire_cred" (*mut u32, Handle, u32, *const OidSetDesc, c_int,
            *mut Handle, *mut *const c_void, *mut u32);
        release_cred = "gss_release_cred" (*mut u32, *mut Handle);
        delete = "gss_delete_sec_context" (*mut u32, *mut Handle, *mut Buffer);
        release_buffer = "gss_release_buffer" (*mut u32, *mut Buffer);
        release_name = "gss_release_name" (*mut u32, *mut Handle);
        import_name = "gss_import_name" (*mut u32, *const Buffer, *const OidDesc, *mut Handle);
        indicate = "gss_indicate_mechs" (*mut u32, *mut *mut OidSetDesc);
        release_oids = "gss_release_oid_set" (*mut u32, *mut *mut OidSetDesc);
        export_name = "gss_export_name" (*mut u32, Handle, *mut Buffer);
        display_name = "gss_display_name" (*mut u32, Handle, *mut Buffer, *mut *const OidDesc);
        display_status = "gss_display_status" (*mut u32, u32, c_int, *const OidDesc, *mut u32,
            *mut Buffer);
        inquire = "gss_inquire_context" (*mut u32, Handle, *mut Handle, *mut Handle, *mut u32,
            *mut *const OidDesc, *mut u32, *mut c_int, *mut c_int);
        inquire_oid = "gss_inquire_sec_context_by_oid" (*mut u32, Handle, *const OidDesc,
            *mut *mut c_void);
        release_set = "gss_release_buffer_set" (*mut u32, *mut *mut c_void);
        export = "gss_export_sec_context" (*mut u32, *mut Handle, *mut Buffer);
        import = "gss_import_sec_context" (*mut u32, *const Buffer, *mut Handle);
    }
    optional {
        acquire_from = "gss_acquire_cred_from" (*mut u32, Handle, u32, *const OidSetDesc, c_int,
            *const KeyValueSet, *mut Handle, *mut *const c_void, *mut u32);
        neg_mechs = "gss_set_neg_mechs" (*mut u32, Handle, *const OidSetDesc);
        allowable_enctypes = "gss_krb5_set_allowable_enctypes" (*mut u32, Handle, u32,
            *const i32);
        register_identity = "gsskrb5_register_acceptor_identity" (*const c_char);
        authz_data = "gsskrb5_extract_authz_data_from_sec_context" (*mut u32, Handle, c_int,
            *mut Buffer);
        ticket_flags = "gss_krb5_get_tkt_flags" (*mut u32, Handle, *mut u32);
        name_attribute = "gss_get_name_attribute" (*mut u32, Handle, *const Buffer, *mut c_int,
            *mut c_int, *mut Buffer, *mut Buffer, *mut c_int);
        localname = "gss_localname" (*mut u32, Handle, *const OidDesc, *mut Buffer);
    }
}

const ACCEPT: c_int = 2; // GSS_C_ACCEPT
const INDEFINITE: u32 = u32::MAX; // GSS_C_INDEFINITE
const GSS_CODE: c_int = 1;
const MECH_CODE: c_int = 2;

/// Whose library it is: what the two do differently decides how they are
/// called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    Mit,
    Heimdal,
}

/// An open library. It stays loaded for the life of the process: it keeps
/// state of its own, and threads may still have destructors in it.
pub(super) struct Gss {
    pub(super) call: Functions,
    pub(super) messages: super::messages::sys::Functions,
    pub(super) krb5: Result<super::krb5::sys::Functions, String>,
    pub(super) delegation: Result<super::delegation::sys::Functions, String>,
    pub(super) flavour: Flavour,
    pub(super) file: String,
    _library: ManuallyDrop<Library>,
}

impl Gss {
    /// Opens a library.
    ///
    /// # Errors
    ///
    /// What the system says, or which symbol the library lacks.
    pub(super) fn open(file: &std::path::Path) -> Result<Self, String> {
        // SAFETY: the initialisers of the library run; it is the operator's
        // choice of a GSS-API library, and these have none that depend on
        // the state of this process. Symbols stay local to it (RTLD_LOCAL).
        let library = unsafe { Library::new(file) }.map_err(|error| error.to_string())?;
        let call = Functions::load(&library)?;
        let flavour = match call.register_identity {
            Some(_) => Flavour::Heimdal,
            None => Flavour::Mit,
        };
        Ok(Self {
            messages: super::messages::sys::Functions::load(&library)?,
            krb5: super::krb5::sys::Functions::load(&library),
            delegation: super::delegation::sys::Functions::load(&library),
            call,
            flavour,
            file: file.display().to_string(),
            _library: ManuallyDrop::new(library),
        })
    }

    /// Copies what the library wrote into `buffer`, and gives it back.
    pub(super) fn take(&self, mut buffer: Buffer) -> Vec<u8> {
        let copy = Self::view(buffer);
        if !buffer.value.is_null() {
            let mut minor = 0;
            // SAFETY: the library filled the buffer; it is released once.
            unsafe { (self.call.release_buffer)(&raw mut minor, &raw mut buffer) };
        }
        copy
    }

    /// As [`take`](Self::take), of a message. MIT's of an empty one has an
    /// address and no length, and its release passes over what has no length:
    /// a peer that sends nothing else would fill the memory.
    pub(super) fn take_message(&self, mut buffer: Buffer) -> Vec<u8> {
        if buffer.length > 0 || buffer.value.is_null() || self.flavour != Flavour::Mit {
            return self.take(buffer);
        }
        let mut minor = 0;
        buffer.length = 1;
        // SAFETY: the library allocated what is at the address, if only for
        // that; it is freed by its address, and nothing there is read.
        unsafe { (self.call.release_buffer)(&raw mut minor, &raw mut buffer) };
        Vec::new()
    }

    /// Copies what stays the library's.
    pub(super) fn view(buffer: Buffer) -> Vec<u8> {
        let (value, length) = (buffer.value.cast::<u8>().cast_const(), buffer.length);
        if value.is_null() || length == 0 {
            return Vec::new();
        }
        // SAFETY: the library says that `length` octets are at `value`.
        unsafe { core::slice::from_raw_parts(value, length) }.to_vec()
    }

    /// The text of a status, under the mechanism's object identifier.
    pub(super) fn text(&self, code: Code, mech: &'static Oid) -> String {
        let (code, kind) = match code {
            Code::Major(code) => (code, GSS_CODE),
            Code::Minor(code) => (code, MECH_CODE),
        };
        let mech = OidDesc::of(mech);
        let (mut minor, mut more, mut text) = (0, 0, String::new());
        // RFC 2744 5.11: one status may have several messages.
        for _ in 0..8 {
            let mut buffer = Buffer::EMPTY;
            // SAFETY: see the head of this file.
            let major = unsafe {
                (self.call.display_status)(
                    &raw mut minor,
                    code,
                    kind,
                    &raw const mech,
                    &raw mut more,
                    &raw mut buffer,
                )
            };
            let part = self.take(buffer);
            if major != 0 {
                break;
            }
            if !text.is_empty() {
                text.push_str("; ");
            }
            // MIT counts the NUL of some texts.
            let part = part.strip_suffix(&[0]).unwrap_or(&part);
            text.push_str(&String::from_utf8_lossy(part));
            if more == 0 {
                break;
            }
        }
        text
    }

    /// Acquires a credential for accepting, with what MIT calls a credential
    /// store if there is one.
    pub(super) fn acquire(
        self: &Arc<Self>,
        name: &NameHandle<'_>,
        mechs: &[&'static Oid],
        store: &[(&CStr, &CStr)],
    ) -> Result<Credential, Status> {
        let oids: Vec<OidDesc> = mechs.iter().map(|oid| OidDesc::of(oid)).collect();
        let set = oid_set(&oids);
        let (mut minor, mut handle) = (0, null_mut());
        let pairs: Vec<KeyValue> = store.iter().map(KeyValue::of).collect();
        let store = KeyValueSet {
            count: u32::try_from(pairs.len()).unwrap_or(0),
            elements: pairs.as_ptr(),
        };
        let major = match self.call.acquire_from.filter(|_| store.count > 0) {
            // SAFETY: see the head of this file; a null name is any name.
            Some(acquire) => unsafe {
                acquire(
                    &raw mut minor,
                    name.as_ptr(),
                    INDEFINITE,
                    &raw const set,
                    ACCEPT,
                    &raw const store,
                    &raw mut handle,
                    null_mut(),
                    null_mut(),
                )
            },
            // SAFETY: as above.
            None => unsafe {
                (self.call.acquire)(
                    &raw mut minor,
                    name.as_ptr(),
                    INDEFINITE,
                    &raw const set,
                    ACCEPT,
                    &raw mut handle,
                    null_mut(),
                    null_mut(),
                )
            },
        };
        match NonNull::new(handle) {
            Some(handle) if !is_error(major) => Ok(Credential::new(self, handle)),
            _ => Err(self.status(major, minor)),
        }
    }

    /// Whether the library, or a plug-in that it finds, has this mechanism.
    pub(super) fn has_mechanism(&self, oid: &Oid) -> bool {
        let (mut minor, mut set): (_, *mut OidSetDesc) = (0, null_mut());
        // SAFETY: see the head of this file.
        unsafe { (self.call.indicate)(&raw mut minor, &raw mut set) };
        let Some(found) = NonNull::new(set) else {
            return false;
        };
        // SAFETY: the library made the set, and nobody else has it.
        let OidSetDesc { count, elements } = unsafe { found.read() };
        let has = (0..count.min(256)).any(|index| {
            // SAFETY: the set says that it has `count` elements there.
            let element = unsafe { elements.add(index).read() };
            let octets = element.elements.cast_mut();
            let length = element.length as usize;
            Self::view(Buffer {
                length,
                value: octets,
            }) == oid
        });
        // SAFETY: the set is released once.
        unsafe { (self.call.release_oids)(&raw mut minor, &raw mut set) };
        has
    }

    /// Sets the process' acceptor keytab (Heimdal); null text is not handed
    /// over, an empty name is the default keytab.
    pub(super) fn register_identity(&self, keytab: &CStr) -> bool {
        match self.call.register_identity {
            // SAFETY: the text ends in NUL and outlives the call, which
            // copies it.
            Some(register) => unsafe { register(keytab.as_ptr()) == 0 },
            None => false,
        }
    }

    pub(super) fn status(&self, major: u32, minor: u32) -> Status {
        Status {
            major,
            minor,
            major_text: self.text(Code::Major(major), super::oid::KRB5),
            minor_text: self.text(Code::Minor(minor), super::oid::KRB5),
        }
    }
}

impl KeyValue {
    fn of((key, value): &(&CStr, &CStr)) -> Self {
        Self {
            key: key.as_ptr(),
            value: value.as_ptr(),
        }
    }
}

pub(super) fn oid_set(oids: &[OidDesc]) -> OidSetDesc {
    OidSetDesc {
        count: oids.len(),
        elements: oids.as_ptr(),
    }
}

/// Whether a major status is an error (RFC 2744 3.9.1: calling or routine).
pub(super) fn is_error(major: u32) -> bool {
    major & 0xFFFF_0000 != 0
}

/// A status to be put in words.
#[derive(Clone, Copy)]
pub(super) enum Code {
    Major(u32),
    Minor(u32),
}

/// What a call came to, in numbers and words.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) major_text: String,
    pub(super) minor_text: String,
}
