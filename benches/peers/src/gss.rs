//! The GSS-API's C interface (RFC 2744 appendix A) of whichever library is loaded, without
//! anything in between. The only unsafe code of this member.

mod keytab;

use libloading::Library;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

#[repr(C)]
struct Oid {
    length: u32,
    elements: *const c_void,
}

#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

/// What MIT calls a credential store.
#[repr(C)]
struct Store {
    count: u32,
    elements: *const [*const c_char; 2],
}

impl Buffer {
    fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            value: bytes.as_ptr().cast_mut().cast(),
        }
    }

    const EMPTY: Self = Self {
        length: 0,
        value: null_mut(),
    };
}

type Handle = *mut c_void;
type Accept = unsafe extern "C" fn(
    *mut u32,
    *mut Handle,
    Handle,
    *const Buffer,
    *const c_void,
    *mut Handle,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
    *mut Handle,
) -> u32;
type Init = unsafe extern "C" fn(
    *mut u32,
    Handle,
    *mut Handle,
    Handle,
    *const Oid,
    u32,
    u32,
    *const c_void,
    *const Buffer,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
) -> u32;
type Acquire = unsafe extern "C" fn(
    *mut u32,
    Handle,
    u32,
    *const c_void,
    c_int,
    *mut Handle,
    *mut *const c_void,
    *mut u32,
) -> u32;
type AcquireFrom = unsafe extern "C" fn(
    *mut u32,
    Handle,
    u32,
    *const c_void,
    c_int,
    *const Store,
    *mut Handle,
    *mut *const c_void,
    *mut u32,
) -> u32;
type Inquire = unsafe extern "C" fn(
    *mut u32,
    Handle,
    *mut Handle,
    *mut Handle,
    *mut u32,
    *mut *const Oid,
    *mut u32,
    *mut c_int,
    *mut c_int,
) -> u32;
type InquireOid = unsafe extern "C" fn(*mut u32, Handle, *const Oid, *mut Handle) -> u32;
type ExportName = unsafe extern "C" fn(*mut u32, Handle, *mut Buffer) -> u32;
type Import = unsafe extern "C" fn(*mut u32, *const Buffer, *const Oid, *mut Handle) -> u32;
type DisplayName = unsafe extern "C" fn(*mut u32, Handle, *mut Buffer, *mut *const Oid) -> u32;
type DisplayStatus =
    unsafe extern "C" fn(*mut u32, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32;
type ReleaseBuffer = unsafe extern "C" fn(*mut u32, *mut Buffer) -> u32;
type Release = unsafe extern "C" fn(*mut u32, *mut Handle) -> u32;
type Delete = unsafe extern "C" fn(*mut u32, *mut Handle, *mut Buffer) -> u32;
type Wrap = unsafe extern "C" fn(
    *mut u32,
    Handle,
    c_int,
    u32,
    *const Buffer,
    *mut c_int,
    *mut Buffer,
) -> u32;
type Unwrap =
    unsafe extern "C" fn(*mut u32, Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32) -> u32;

/// GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4.
const HOSTBASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
/// GSS_C_INQ_SSPI_SESSION_KEY, and Heimdal's GSS_KRB5_GET_SUBKEY_X.
const SESSION_KEY: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x05";
const HEIMDAL_SUBKEY: &[u8] = b"\x2a\x85\x70\x2b\x0d\x08";
const GSS_C_ACCEPT: c_int = 2;

/// GSS_C_MUTUAL_FLAG (RFC 2744).
pub const MUTUAL: u32 = 2;
/// GSS_C_REPLAY_FLAG.
pub const REPLAY: u32 = 4;
/// GSS_C_SEQUENCE_FLAG.
pub const SEQUENCE: u32 = 8;
/// GSS_C_CONF_FLAG.
pub const CONF: u32 = 16;
/// GSS_C_INTEG_FLAG.
pub const INTEG: u32 = 32;

/// Raw Kerberos, or SPNEGO around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Raw,
    Spnego,
}

/// Whether the client's name is made into text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Nothing,
    Name,
}

/// One library, loaded until the end.
pub struct Gss {
    accept: Accept,
    init: Init,
    acquire: Acquire,
    import: Import,
    display_name: DisplayName,
    display_status: DisplayStatus,
    release_buffer: ReleaseBuffer,
    release_name: Release,
    delete: Delete,
    wrap: Wrap,
    unwrap: Unwrap,
    acquire_from: Option<AcquireFrom>,
    inquire: Inquire,
    inquire_oid: InquireOid,
    export_name: ExportName,
    release_set: Release,
    library: Library,
}

/// The acceptor's credential: one for all handshakes, as a server has it.
pub struct Credential(Handle);

// SAFETY: both libraries lock their credentials (RFC 2744 leaves it to them).
unsafe impl Sync for Credential {}
// SAFETY: as above; no credential is bound to a thread.
unsafe impl Send for Credential {}

/// One end of a context.
pub struct Context<'g> {
    gss: &'g Gss,
    handle: Handle,
}

impl Gss {
    /// MIT krb5's.
    ///
    /// # Panics
    /// It is not installed.
    pub fn mit() -> Self {
        Self::load("libgssapi_krb5.so.2")
    }

    /// Heimdal's.
    ///
    /// # Panics
    /// It is not installed.
    pub fn heimdal() -> Self {
        Self::load("libgssapi.so.3")
    }

    fn load(soname: &str) -> Self {
        // SAFETY: the library's initialisers may run here, before other threads exist; each
        // symbol has the type that RFC 2744 appendix A gives it.
        unsafe {
            let library = Library::new(soname).unwrap_or_else(|e| panic!("{soname}: {e}"));
            macro_rules! symbol {
                ($name:literal) => {
                    *library.get($name).expect("a function of RFC 2744")
                };
            }
            Self {
                accept: symbol!(b"gss_accept_sec_context\0"),
                init: symbol!(b"gss_init_sec_context\0"),
                acquire: symbol!(b"gss_acquire_cred\0"),
                import: symbol!(b"gss_import_name\0"),
                display_name: symbol!(b"gss_display_name\0"),
                display_status: symbol!(b"gss_display_status\0"),
                release_buffer: symbol!(b"gss_release_buffer\0"),
                release_name: symbol!(b"gss_release_name\0"),
                delete: symbol!(b"gss_delete_sec_context\0"),
                wrap: symbol!(b"gss_wrap\0"),
                unwrap: symbol!(b"gss_unwrap\0"),
                acquire_from: library
                    .get(b"gss_acquire_cred_from\0")
                    .ok()
                    .map(|found| *found),
                inquire: symbol!(b"gss_inquire_context\0"),
                inquire_oid: symbol!(b"gss_inquire_sec_context_by_oid\0"),
                export_name: symbol!(b"gss_export_name\0"),
                release_set: symbol!(b"gss_release_buffer_set\0"),
                library,
            }
        }
    }

    fn check(&self, what: &str, major: u32, minor: u32) {
        if major & 0xffff_0000 != 0 {
            let text = |code, kind| {
                let (mut more, mut out) = (0, Buffer::EMPTY);
                // SAFETY: all pointers are to locals.
                unsafe {
                    (self.display_status)(&mut 0, code, kind, null(), &mut more, &mut out);
                }
                String::from_utf8_lossy(&self.take(out)).into_owned()
            };
            panic!("{what}: {}: {}", text(major, 1), text(minor, 2));
        }
    }

    fn take(&self, mut from: Buffer) -> Vec<u8> {
        if from.value.is_null() {
            return Vec::new();
        }
        // SAFETY: the library allocated it, `length` octets long; it is released once.
        unsafe {
            let bytes = std::slice::from_raw_parts(from.value.cast::<u8>(), from.length).to_vec();
            (self.release_buffer)(&mut 0, &mut from);
            bytes
        }
    }

    fn release(&self, mut buffer: Buffer) {
        // SAFETY: the library's own, or empty; released once.
        unsafe { (self.release_buffer)(&mut 0, &mut buffer) };
    }

    fn name(&self, name: &str) -> Handle {
        let (mut minor, mut handle) = (0, null_mut());
        let (text, kind) = (Buffer::of(name.as_bytes()), oid(HOSTBASED));
        // SAFETY: pointers to locals that outlive the call.
        let major = unsafe { (self.import)(&mut minor, &text, &kind, &mut handle) };
        self.check("gss_import_name", major, minor);
        handle
    }

    /// The default credential of an acceptor.
    pub fn credential(&self) -> Credential {
        let (mut minor, mut handle) = (0, null_mut());
        // SAFETY: pointers to locals that outlive the call.
        let major = unsafe {
            (self.acquire)(
                &mut minor,
                null_mut(),
                u32::MAX,
                null(),
                GSS_C_ACCEPT,
                &mut handle,
                null_mut(),
                null_mut(),
            )
        };
        self.check("gss_acquire_cred", major, minor);
        Credential(handle)
    }

    /// The credential of a keytab, without the library's replay cache.
    ///
    /// # Panics
    /// It is not MIT's library.
    pub fn credential_of(&self, keytab: &str) -> Credential {
        let text = |text: &str| CString::new(text).expect("no NUL");
        let [keytab_key, keytab] = ["keytab", keytab].map(text);
        let [rcache_key, none] = ["rcache", "none:"].map(text);
        let elements = [
            [keytab_key.as_ptr(), keytab.as_ptr()],
            [rcache_key.as_ptr(), none.as_ptr()],
        ];
        let store = Store {
            count: 2,
            elements: elements.as_ptr(),
        };
        let acquire = self.acquire_from.expect("gss_acquire_cred_from");
        let (mut minor, mut handle) = (0, null_mut());
        // SAFETY: pointers to locals that outlive the call.
        let major = unsafe {
            acquire(
                &mut minor,
                null_mut(),
                u32::MAX,
                null(),
                GSS_C_ACCEPT,
                &store,
                &mut handle,
                null_mut(),
                null_mut(),
            )
        };
        self.check("gss_acquire_cred_from", major, minor);
        Credential(handle)
    }

    /// Accepts, and asks for what our facade tells of a context: client and server by their
    /// exported names, mechanism, flags, lifetime, session key. The names' length.
    pub fn serve_facts(&self, credential: &Credential, token: &[u8]) -> usize {
        let (mut context, mut peer, reply) = self.accept(credential, token);
        let (mut minor, mut target, mut mech) = (0, null_mut(), null());
        let (mut lifetime, mut flags, mut set) = (0, 0, null_mut());
        let key = oid(match self.acquire_from {
            Some(_) => SESSION_KEY,
            None => HEIMDAL_SUBKEY,
        });
        // SAFETY: this library's context; pointers to locals; null is not asked for.
        let major = unsafe {
            (self.inquire)(
                &mut minor,
                context.handle,
                null_mut(),
                &mut target,
                &mut lifetime,
                &mut mech,
                &mut flags,
                null_mut(),
                null_mut(),
            )
        };
        self.check("gss_inquire_context", major, minor);
        let mut names = [Buffer::EMPTY, Buffer::EMPTY];
        // SAFETY: this library's names and context, each given back once.
        unsafe {
            for (name, text) in [peer, target].into_iter().zip(&mut names) {
                (self.export_name)(&mut minor, name, text);
            }
            (self.release_name)(&mut minor, &mut peer);
            (self.release_name)(&mut minor, &mut target);
            let major = (self.inquire_oid)(&mut minor, context.handle, &key, &mut set);
            self.check("the session key", major, minor);
            (self.release_set)(&mut minor, &mut set);
        }
        let length = names.iter().map(|name| name.length).sum();
        names.into_iter().for_each(|name| self.release(name));
        self.release(reply);
        context.end();
        length
    }

    /// A client's first token for `target`, and its half of the context.
    pub fn init(&self, target: &str, framing: Framing, flags: u32) -> (Context<'_>, Vec<u8>) {
        let name = self.name(target);
        let mut context = Context {
            gss: self,
            handle: null_mut(),
        };
        let token = context.init(name, framing, flags, &[]);
        let mut name = name;
        // SAFETY: imported above, released once.
        unsafe { (self.release_name)(&mut 0, &mut name) };
        (context, token)
    }

    /// What a server does for a client: accepts, may show its name, sends the reply, and ends the
    /// context. The length of the reply.
    pub fn serve(&self, credential: &Credential, token: &[u8], show: Show) -> usize {
        let (mut context, name, reply) = self.accept(credential, token);
        let (mut name, mut text) = (name, Buffer::EMPTY);
        // SAFETY: the library's own name and buffer, each released once.
        unsafe {
            if show == Show::Name {
                (self.display_name)(&mut 0, name, &mut text, null_mut());
            }
            (self.release_name)(&mut 0, &mut name);
        }
        self.release(text);
        let length = reply.length;
        self.release(reply);
        context.end();
        length
    }

    fn accept(&self, credential: &Credential, token: &[u8]) -> (Context<'_>, Handle, Buffer) {
        let (mut minor, mut name, mut mech) = (0, null_mut(), null());
        let (mut reply, mut flags, mut time) = (Buffer::EMPTY, 0, 0);
        let mut context = Context {
            gss: self,
            handle: null_mut(),
        };
        let input = Buffer::of(token);
        // SAFETY: a null context, this library's credential, pointers to locals.
        let major = unsafe {
            (self.accept)(
                &mut minor,
                &mut context.handle,
                credential.0,
                &input,
                null(),
                &mut name,
                &mut mech,
                &mut reply,
                &mut flags,
                &mut time,
                null_mut(),
            )
        };
        self.check("gss_accept_sec_context", major, minor);
        (context, name, reply)
    }

    /// Both ends of a context with mutual authentication, confidentiality and integrity.
    pub fn pair(&self, target: &str) -> (Context<'_>, Context<'_>) {
        let (mut client, token) = self.init(target, Framing::Raw, MUTUAL | CONF | INTEG);
        let (server, mut peer, reply) = self.accept(&self.credential(), &token);
        // SAFETY: the library's own, released once.
        unsafe { (self.release_name)(&mut 0, &mut peer) };
        let name = self.name(target);
        client.init(name, Framing::Raw, MUTUAL | CONF | INTEG, &self.take(reply));
        (client, server)
    }
}

fn oid(bytes: &'static [u8]) -> Oid {
    Oid {
        length: u32::try_from(bytes.len()).expect("a few octets"),
        elements: bytes.as_ptr().cast(),
    }
}

impl Context<'_> {
    fn init(&mut self, name: Handle, framing: Framing, flags: u32, input: &[u8]) -> Vec<u8> {
        let mech = oid(match framing {
            Framing::Raw => KRB5,
            Framing::Spnego => SPNEGO,
        });
        let (mut minor, mut output, input) = (0, Buffer::EMPTY, Buffer::of(input));
        // SAFETY: this library's context and name, pointers to locals that outlive the call.
        let major = unsafe {
            (self.gss.init)(
                &mut minor,
                null_mut(),
                &mut self.handle,
                name,
                &mech,
                flags,
                0,
                null(),
                &input,
                null_mut(),
                &mut output,
                null_mut(),
                null_mut(),
            )
        };
        self.gss.check("gss_init_sec_context", major, minor);
        self.gss.take(output)
    }

    /// gss_wrap with encryption; the length of the token.
    pub fn wrap(&self, data: &[u8]) -> usize {
        let token = self.wrapped(data);
        let length = token.length;
        self.gss.release(token);
        length
    }

    /// gss_wrap with encryption; the token.
    pub fn wrap_token(&self, data: &[u8]) -> Vec<u8> {
        let token = self.wrapped(data);
        self.gss.take(token)
    }

    fn wrapped(&self, data: &[u8]) -> Buffer {
        let (mut minor, mut sealed, mut token) = (0, 0, Buffer::EMPTY);
        let data = Buffer::of(data);
        // SAFETY: this library's context, pointers to locals that outlive the call.
        let major = unsafe {
            (self.gss.wrap)(
                &mut minor,
                self.handle,
                1,
                0,
                &data,
                &mut sealed,
                &mut token,
            )
        };
        self.gss.check("gss_wrap", major, minor);
        assert_eq!(sealed, 1, "gss_wrap has encrypted");
        token
    }

    /// gss_unwrap; the length of the message. Heimdal rotates the token where it lies, so that
    /// it cannot be opened again.
    pub fn unwrap(&self, token: &mut [u8]) -> usize {
        let (mut minor, mut sealed, mut state, mut data) = (0, 0, 0, Buffer::EMPTY);
        let token = Buffer::of(token);
        // SAFETY: this library's context, pointers to locals that outlive the call.
        let major = unsafe {
            (self.gss.unwrap)(
                &mut minor,
                self.handle,
                &token,
                &mut data,
                &mut sealed,
                &mut state,
            )
        };
        self.gss.check("gss_unwrap", major, minor);
        let length = data.length;
        self.gss.release(data);
        length
    }

    fn end(&mut self) {
        // SAFETY: this library's context or null; null afterwards.
        unsafe { (self.gss.delete)(&mut 0, &mut self.handle, null_mut()) };
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
