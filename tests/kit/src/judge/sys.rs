//! The GSS-API's C interface (RFC 2744), from whichever library was loaded. The kit's only unsafe
//! code.

use super::Verdict;
use super::iov::{self, Part};
use libloading::Library;
use std::ffi::{c_int, c_void};
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

#[repr(C)]
struct Bindings {
    initiator_type: u32,
    initiator: Buffer,
    acceptor_type: u32,
    acceptor: Buffer,
    application_data: Buffer,
}

#[repr(C)]
struct IovBuffer {
    kind: u32,
    buffer: Buffer,
}

type Ctx = *mut c_void;
type Cred = *mut c_void;
type NameHandle = *mut c_void;
type Accept = unsafe extern "C" fn(
    *mut u32,
    *mut Ctx,
    Cred,
    *const Buffer,
    *const Bindings,
    *mut NameHandle,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
    *mut Cred,
) -> u32;
type Init = unsafe extern "C" fn(
    *mut u32,
    Cred,
    *mut Ctx,
    NameHandle,
    *const Oid,
    u32,
    u32,
    *const Bindings,
    *const Buffer,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
) -> u32;
type Acquire = unsafe extern "C" fn(
    *mut u32,
    NameHandle,
    u32,
    *const c_void,
    c_int,
    *mut Cred,
    *mut *const c_void,
    *mut u32,
) -> u32;
type Import = unsafe extern "C" fn(*mut u32, *const Buffer, *const Oid, *mut NameHandle) -> u32;
type DisplayName = unsafe extern "C" fn(*mut u32, NameHandle, *mut Buffer, *mut *const Oid) -> u32;
type DisplayStatus =
    unsafe extern "C" fn(*mut u32, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32;
type ReleaseBuffer = unsafe extern "C" fn(*mut u32, *mut Buffer) -> u32;
type Release = unsafe extern "C" fn(*mut u32, *mut *mut c_void) -> u32;
type Delete = unsafe extern "C" fn(*mut u32, *mut Ctx, *mut Buffer) -> u32;
type Wrap =
    unsafe extern "C" fn(*mut u32, Ctx, c_int, u32, *const Buffer, *mut c_int, *mut Buffer) -> u32;
type Unwrap =
    unsafe extern "C" fn(*mut u32, Ctx, *const Buffer, *mut Buffer, *mut c_int, *mut u32) -> u32;
type GetMic = unsafe extern "C" fn(*mut u32, Ctx, u32, *const Buffer, *mut Buffer) -> u32;
type VerifyMic = unsafe extern "C" fn(*mut u32, Ctx, *const Buffer, *const Buffer, *mut u32) -> u32;

type WrapIov =
    unsafe extern "C" fn(*mut u32, Ctx, c_int, u32, *mut c_int, *mut IovBuffer, c_int) -> u32;
type UnwrapIov =
    unsafe extern "C" fn(*mut u32, Ctx, *mut c_int, *mut u32, *mut IovBuffer, c_int) -> u32;

/// GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4.
const HOSTBASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
const GSS_C_ACCEPT: c_int = 2;
const INDEFINITE: u32 = u32::MAX;

fn buffer(bytes: &[u8]) -> Buffer {
    let value = bytes.as_ptr().cast_mut().cast();
    Buffer {
        length: bytes.len(),
        value,
    }
}

fn empty() -> Buffer {
    Buffer {
        length: 0,
        value: null_mut(),
    }
}

fn oid(bytes: &'static [u8]) -> Oid {
    Oid {
        length: bytes.len() as u32,
        elements: bytes.as_ptr().cast(),
    }
}

/// The functions of one library, which stays loaded as long as they live.
pub(super) struct Gss {
    accept: Accept,
    init: Init,
    acquire: Acquire,
    import: Import,
    display_name: DisplayName,
    display_status: DisplayStatus,
    release_buffer: ReleaseBuffer,
    release_name: Release,
    release_cred: Release,
    delete: Delete,
    wrap: Wrap,
    unwrap: Unwrap,
    get_mic: GetMic,
    verify_mic: VerifyMic,
    wrap_iov: WrapIov,
    unwrap_iov: UnwrapIov,
    _library: Library,
}

impl Gss {
    /// Loads the library and finds its functions.
    pub(super) fn load(soname: &str) -> Result<Self, libloading::Error> {
        // SAFETY: a GSS-API library's initialisers run at load; it is loaded once, before
        // any thread exists. Each symbol has the type that RFC 2744 appendix A gives it.
        unsafe {
            let library = Library::new(soname)?;
            Ok(Self {
                accept: *library.get(b"gss_accept_sec_context\0")?,
                init: *library.get(b"gss_init_sec_context\0")?,
                acquire: *library.get(b"gss_acquire_cred\0")?,
                import: *library.get(b"gss_import_name\0")?,
                display_name: *library.get(b"gss_display_name\0")?,
                display_status: *library.get(b"gss_display_status\0")?,
                release_buffer: *library.get(b"gss_release_buffer\0")?,
                release_name: *library.get(b"gss_release_name\0")?,
                release_cred: *library.get(b"gss_release_cred\0")?,
                delete: *library.get(b"gss_delete_sec_context\0")?,
                wrap: *library.get(b"gss_wrap\0")?,
                unwrap: *library.get(b"gss_unwrap\0")?,
                get_mic: *library.get(b"gss_get_mic\0")?,
                verify_mic: *library.get(b"gss_verify_mic\0")?,
                wrap_iov: *library.get(b"gss_wrap_iov\0")?,
                unwrap_iov: *library.get(b"gss_unwrap_iov\0")?,
                _library: library,
            })
        }
    }

    /// A context not yet begun.
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            gss: self,
            ctx: null_mut(),
            cred: null_mut(),
            target: null_mut(),
        }
    }

    /// Copies what the library allocated, and gives it back.
    fn take(&self, mut from: Buffer) -> Option<Vec<u8>> {
        if from.value.is_null() {
            return None;
        }
        let mut minor = 0;
        // SAFETY: the library filled `from`: `length` octets are at `value`; released once.
        unsafe {
            let bytes = std::slice::from_raw_parts(from.value.cast::<u8>(), from.length).to_vec();
            (self.release_buffer)(&mut minor, &mut from);
            Some(bytes)
        }
    }

    fn status(&self, code: u32, kind: c_int) -> String {
        let (mut minor, mut more, mut text) = (0, 0, empty());
        let mech = oid(KRB5);
        // SAFETY: all pointers are to locals that outlive the call.
        unsafe { (self.display_status)(&mut minor, code, kind, &mech, &mut more, &mut text) };
        String::from_utf8_lossy(&self.take(text).unwrap_or_default()).into_owned()
    }

    fn verdict(&self, major: u32, minor: u32, output: Buffer, ret_flags: u32) -> Verdict {
        let text = match major & 0xffff_0000 {
            0 => String::new(),
            _ => format!("{}: {}", self.status(major, 1), self.status(minor, 2)),
        };
        let output_token = self.take(output).filter(|t| !t.is_empty() || major == 0);
        Verdict {
            major,
            minor,
            text,
            output_token,
            ret_flags,
            ..Verdict::default()
        }
    }
}

/// One security context.
pub(super) struct Context<'g> {
    gss: &'g Gss,
    ctx: Ctx,
    cred: Cred,
    target: NameHandle,
}

/// The parts' own memory.
fn iov_buffers(parts: &mut [Part]) -> Vec<IovBuffer> {
    let one = |part: &mut Part| IovBuffer {
        kind: u32::from(part.kind as u8),
        buffer: Buffer {
            length: part.bytes.len(),
            value: part.bytes.as_mut_ptr().cast(),
        },
    };
    parts.iter_mut().map(one).collect()
}

/// The bindings of RFC 2744 3.11 without addresses.
fn bindings(application_data: Option<&[u8]>) -> Option<Bindings> {
    application_data.map(|data| Bindings {
        initiator_type: 0,
        initiator: empty(),
        acceptor_type: 0,
        acceptor: empty(),
        application_data: buffer(data),
    })
}

impl Context<'_> {
    /// Whether there is anything to go on with.
    pub(super) fn is_open(&self) -> bool {
        !self.ctx.is_null()
    }

    fn acquire(&mut self, name: &[u8]) -> Result<(), (u32, u32)> {
        let (mut minor, mut handle, mut cred) = (0, null_mut(), null_mut());
        let (text, kind) = (buffer(name), oid(HOSTBASED));
        // SAFETY: pointers to locals that outlive each call; the name is released here, the
        // credential in drop.
        let major = unsafe {
            let mut major = (self.gss.import)(&mut minor, &text, &kind, &mut handle);
            if major == 0 {
                let (mechs, rest, time) = (null(), null_mut(), null_mut());
                let acquire = self.gss.acquire;
                let of = INDEFINITE;
                major = acquire(
                    &mut minor,
                    handle,
                    of,
                    mechs,
                    GSS_C_ACCEPT,
                    &mut cred,
                    rest,
                    time,
                );
                (self.gss.release_name)(&mut 0, &mut handle);
            }
            major
        };
        self.cred = cred;
        if major == 0 {
            Ok(())
        } else {
            Err((major, minor))
        }
    }

    /// gss_accept_sec_context.
    pub(super) fn accept(
        &mut self,
        token: &[u8],
        application_data: Option<&[u8]>,
        name: Option<&[u8]>,
    ) -> Verdict {
        if let Some(Err((major, minor))) = name.map(|n| self.acquire(n)) {
            return self.gss.verdict(major, minor, empty(), 0);
        }
        let bindings = bindings(application_data);
        let bindings = bindings.as_ref().map_or(null(), |b| b as *const Bindings);
        let (mut minor, mut client, mut mech) = (0, null_mut(), null());
        let (mut output, mut flags, mut time) = (empty(), 0, 0);
        let input = buffer(token);
        // SAFETY: `ctx` and `cred` are null or this library's own; the rest are locals that
        // outlive the call; no delegated credential is asked for.
        let major = unsafe {
            (self.gss.accept)(
                &mut minor,
                &mut self.ctx,
                self.cred,
                &input,
                bindings,
                &mut client,
                &mut mech,
                &mut output,
                &mut flags,
                &mut time,
                null_mut(),
            )
        };
        let mut verdict = self.gss.verdict(major, minor, output, flags);
        verdict.time = time;
        verdict.src_name = self.name(client);
        if !mech.is_null() && major & 0xffff_0000 == 0 {
            // SAFETY: after success `mech` is a static OID of the library (RFC 2744 5.1).
            let bytes = unsafe {
                std::slice::from_raw_parts((*mech).elements.cast::<u8>(), (*mech).length as usize)
            };
            verdict.mech = Some(bytes.to_vec());
        }
        verdict
    }

    /// gss_init_sec_context, with the default credential. `token` is empty on the first leg, and
    /// `target` is read there alone.
    pub(super) fn init(
        &mut self,
        token: &[u8],
        target: &[u8],
        spnego: bool,
        flags: u32,
        application_data: Option<&[u8]>,
    ) -> Verdict {
        let mut minor = 0;
        if self.target.is_null() {
            let (text, kind) = (buffer(target), oid(HOSTBASED));
            // SAFETY: pointers to locals that outlive the call; the name is released in drop.
            let major = unsafe { (self.gss.import)(&mut minor, &text, &kind, &mut self.target) };
            if major != 0 {
                return self.gss.verdict(major, minor, empty(), 0);
            }
        }
        let bindings = bindings(application_data);
        let bindings = bindings.as_ref().map_or(null(), |b| b as *const Bindings);
        let (mut actual, mut output, mut granted, mut time) = (null(), empty(), 0, 0);
        let (input, mech) = (buffer(token), oid(if spnego { SPNEGO } else { KRB5 }));
        // SAFETY: `ctx` and `target` are null or this library's own; the rest are locals that
        // outlive the call; a null credential is the default one.
        let major = unsafe {
            (self.gss.init)(
                &mut minor,
                null_mut(),
                &mut self.ctx,
                self.target,
                &mech,
                flags,
                0,
                bindings,
                if token.is_empty() { null() } else { &input },
                &mut actual,
                &mut output,
                &mut granted,
                &mut time,
            )
        };
        let mut verdict = self.gss.verdict(major, minor, output, granted);
        verdict.time = time;
        verdict
    }

    fn name(&self, mut name: NameHandle) -> Option<Vec<u8>> {
        if name.is_null() {
            return None;
        }
        let (mut minor, mut text, mut kind) = (0, empty(), null());
        // SAFETY: `name` came from this library and is released once.
        unsafe {
            (self.gss.display_name)(&mut minor, name, &mut text, &mut kind);
            (self.gss.release_name)(&mut minor, &mut name);
        }
        self.gss.take(text)
    }

    /// gss_wrap.
    pub(super) fn wrap(&mut self, message: &[u8], seal: bool) -> Verdict {
        let (mut minor, mut sealed, mut output) = (0, 0, empty());
        let input = buffer(message);
        let (ctx, wrap) = (self.ctx, self.gss.wrap);
        // SAFETY: the context is this library's; the rest are locals that outlive the call.
        let major = unsafe {
            wrap(
                &mut minor,
                ctx,
                seal.into(),
                0,
                &input,
                &mut sealed,
                &mut output,
            )
        };
        self.gss.verdict(major, minor, output, sealed as u32)
    }

    /// gss_unwrap.
    pub(super) fn unwrap(&mut self, token: &[u8]) -> Verdict {
        let (mut minor, mut sealed, mut qop, mut output) = (0, 0, 0, empty());
        let input = buffer(token);
        let (ctx, unwrap) = (self.ctx, self.gss.unwrap);
        // SAFETY: as for `wrap`.
        let major = unsafe { unwrap(&mut minor, ctx, &input, &mut output, &mut sealed, &mut qop) };
        self.gss.verdict(major, minor, output, sealed as u32)
    }

    /// gss_get_mic.
    pub(super) fn mic(&mut self, message: &[u8]) -> Verdict {
        let (mut minor, mut output) = (0, empty());
        let input = buffer(message);
        // SAFETY: as for `wrap`.
        let major = unsafe { (self.gss.get_mic)(&mut minor, self.ctx, 0, &input, &mut output) };
        self.gss.verdict(major, minor, output, 0)
    }

    /// gss_verify_mic.
    pub(super) fn verify(&mut self, token: &[u8], message: &[u8]) -> Verdict {
        let (mut minor, mut qop) = (0, 0);
        let (message, token) = (buffer(message), buffer(token));
        let (ctx, verify) = (self.ctx, self.gss.verify_mic);
        // SAFETY: as for `wrap`.
        let major = unsafe { verify(&mut minor, ctx, &message, &token, &mut qop) };
        self.gss.verdict(major, minor, empty(), 0)
    }

    /// gss_wrap_iov; the parts, as they are afterwards, are the output.
    pub(super) fn wrap_iov(&mut self, mut parts: Vec<Part>, seal: bool) -> Verdict {
        let (mut minor, mut sealed) = (0, 0);
        let mut buffers = iov_buffers(&mut parts);
        let (ctx, wrap, count) = (self.ctx, self.gss.wrap_iov, buffers.len() as c_int);
        // SAFETY: the context is this library's; each buffer is a part's own memory, which the
        // library may write to within its length; none has a flag to allocate.
        let major = unsafe {
            wrap(
                &mut minor,
                ctx,
                seal.into(),
                0,
                &mut sealed,
                buffers.as_mut_ptr(),
                count,
            )
        };
        self.parts(major, minor, sealed, &buffers, parts)
    }

    /// gss_unwrap_iov.
    pub(super) fn unwrap_iov(&mut self, mut parts: Vec<Part>) -> Verdict {
        let (mut minor, mut sealed, mut qop) = (0, 0, 0);
        let mut buffers = iov_buffers(&mut parts);
        let (ctx, unwrap, count) = (self.ctx, self.gss.unwrap_iov, buffers.len() as c_int);
        // SAFETY: as for `wrap_iov`.
        let major = unsafe {
            unwrap(
                &mut minor,
                ctx,
                &mut sealed,
                &mut qop,
                buffers.as_mut_ptr(),
                count,
            )
        };
        self.parts(major, minor, sealed, &buffers, parts)
    }

    /// The lengths that the library left, and its verdict.
    fn parts(
        &self,
        major: u32,
        minor: u32,
        sealed: c_int,
        buffers: &[IovBuffer],
        mut parts: Vec<Part>,
    ) -> Verdict {
        for (part, buffer) in parts.iter_mut().zip(buffers) {
            part.bytes.truncate(buffer.buffer.length);
        }
        let mut verdict = self.gss.verdict(major, minor, empty(), sealed as u32);
        verdict.output_token = Some(iov::write(&parts));
        verdict
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: each handle is null or this library's own, and is released once.
        unsafe {
            if !self.ctx.is_null() {
                (self.gss.delete)(&mut minor, &mut self.ctx, null_mut());
            }
            if !self.cred.is_null() {
                (self.gss.release_cred)(&mut minor, &mut self.cred);
            }
            if !self.target.is_null() {
                (self.gss.release_name)(&mut minor, &mut self.target);
            }
        }
    }
}
