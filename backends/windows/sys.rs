//! The functions of secur32, through their table, and what they hand out:
//! credentials, contexts and buffers, each released once, by its own drop.

#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;
use std::sync::Arc;

use windows_sys::Win32::Security::Authentication::Identity::{
    SECBUFFER_CHANNEL_BINDINGS, SECBUFFER_CHANNEL_BINDINGS_RESULT, SECBUFFER_TOKEN,
    SECBUFFER_VERSION, SecBuffer, SecBufferDesc, SecPkgInfoW, SecurityFunctionTableW,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use zeroize::{Zeroize as _, Zeroizing};

use super::credentials::sys::Cred;
use super::status::Status;
use super::system::System;

/// The functions, each where the system has it, and what the system has
/// besides.
pub(super) struct Sspi {
    pub(super) table: Table,
    pub(super) system: Arc<dyn System>,
}

macro_rules! table {
    ($($function:ident: $kind:ident),* $(,)?) => {
        /// What is used of `SecurityFunctionTableW` (sspi.h).
        #[allow(non_snake_case)]
        pub(super) struct Table {
            $(pub(super) $function:
                windows_sys::Win32::Security::Authentication::Identity::$kind,)*
        }

        impl Table {
            /// From the system's table, or a test's.
            pub(super) fn new(table: &SecurityFunctionTableW) -> Self {
                Self { $($function: table.$function,)* }
            }
        }
    };
}

table! {
    AcquireCredentialsHandleW: ACQUIRE_CREDENTIALS_HANDLE_FN_W,
    FreeCredentialsHandle: FREE_CREDENTIALS_HANDLE_FN,
    AcceptSecurityContext: ACCEPT_SECURITY_CONTEXT_FN,
    CompleteAuthToken: COMPLETE_AUTH_TOKEN_FN,
    DeleteSecurityContext: DELETE_SECURITY_CONTEXT_FN,
    QueryContextAttributesW: QUERY_CONTEXT_ATTRIBUTES_FN_W,
    ImpersonateSecurityContext: IMPERSONATE_SECURITY_CONTEXT_FN,
    RevertSecurityContext: REVERT_SECURITY_CONTEXT_FN,
    MakeSignature: MAKE_SIGNATURE_FN,
    VerifySignature: VERIFY_SIGNATURE_FN,
    FreeContextBuffer: FREE_CONTEXT_BUFFER_FN,
    QuerySecurityPackageInfoW: QUERY_SECURITY_PACKAGE_INFO_FN_W,
    ExportSecurityContext: EXPORT_SECURITY_CONTEXT_FN,
    ImportSecurityContextW: IMPORT_SECURITY_CONTEXT_FN_W,
    QuerySecurityContextToken: QUERY_SECURITY_CONTEXT_TOKEN_FN,
    EncryptMessage: ENCRYPT_MESSAGE_FN,
    DecryptMessage: DECRYPT_MESSAGE_FN,
}

/// UTF-16 with its zero.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The longest string that is read from the system: twice what a name of
/// Windows' may have (UNICODE_STRING, 32 767 units).
const MAX_TEXT: usize = 1 << 16;

/// Reads UTF-16 up to its zero.
///
/// # Safety
///
/// `text` is null, or points to UTF-16 that ends with a zero.
unsafe fn text(text: *const u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let mut units = Vec::new();
    for index in 0..MAX_TEXT {
        // SAFETY: not behind the zero, where the loop ends.
        let unit = unsafe { text.add(index).read_unaligned() };
        if unit == 0 {
            break;
        }
        units.push(unit);
    }
    String::from_utf16(&units).ok()
}

/// Memory that a package allocated.
pub(super) struct Allocated {
    sspi: Arc<Sspi>,
    memory: *mut c_void,
}

impl Allocated {
    pub(super) fn new<T>(sspi: &Arc<Sspi>, memory: *mut T) -> Self {
        Self {
            sspi: Arc::clone(sspi),
            memory: memory.cast(),
        }
    }

    /// The UTF-16 in it.
    ///
    /// # Safety
    ///
    /// The package said that this is what it holds.
    pub(super) unsafe fn text(&self) -> Option<String> {
        // SAFETY: the caller's word.
        unsafe { text(self.memory.cast()) }
    }

    /// A copy of so many octets in it.
    ///
    /// # Safety
    ///
    /// The package said that it holds as many.
    pub(super) unsafe fn bytes(&self, length: usize) -> Zeroizing<Vec<u8>> {
        if self.memory.is_null() || length == 0 {
            return Zeroizing::default();
        }
        // SAFETY: the caller's word.
        let bytes = unsafe { core::slice::from_raw_parts(self.memory.cast::<u8>(), length) };
        Zeroizing::new(bytes.to_vec())
    }

    /// Wipes so many octets of it: a secret, before it is released.
    ///
    /// # Safety
    ///
    /// As for [`bytes`](Self::bytes).
    pub(super) unsafe fn wipe(&self, length: usize) {
        if self.memory.is_null() || length == 0 {
            return;
        }
        // SAFETY: the caller's word; nobody else has the memory.
        let bytes = unsafe { core::slice::from_raw_parts_mut(self.memory.cast::<u8>(), length) };
        bytes.zeroize();
    }
}

impl Drop for Allocated {
    fn drop(&mut self) {
        if let (false, Some(free)) = (self.memory.is_null(), self.sspi.table.FreeContextBuffer) {
            // SAFETY: the package allocated it, and nobody else has it.
            unsafe { free(self.memory) };
        }
    }
}

/// A package as it is installed.
pub(super) struct Package {
    pub(super) name: String,
    /// The longest token (`cbMaxToken`).
    pub(super) max_token: usize,
}

/// Reads and releases what a package says of itself.
///
/// # Safety
///
/// `info` is null, or came from the package.
pub(super) unsafe fn package(sspi: &Arc<Sspi>, info: *mut SecPkgInfoW) -> Option<Package> {
    let owned = Allocated::new(sspi, info);
    if owned.memory.is_null() {
        return None;
    }
    // SAFETY: not null, and `owned` keeps it for this long.
    let info = unsafe { info.read_unaligned() };
    // SAFETY: a string of the package's, in the same memory.
    let name = unsafe { text(info.Name) }?;
    let max_token = usize::try_from(info.cbMaxToken).ok()?;
    Some(Package { name, max_token })
}

impl Sspi {
    /// What is installed under a name (`QuerySecurityPackageInfo`).
    pub(super) fn find_package(self: &Arc<Self>, name: &str) -> Result<Package, Status> {
        let query = self.table.QuerySecurityPackageInfoW;
        let query = query.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut name, mut info) = (wide(name), ptr::null_mut());
        // SAFETY: a string with its zero, and a place for the answer.
        let status = unsafe { query(name.as_mut_ptr(), &raw mut info) };
        Status(status).ok()?;
        // SAFETY: the package's own answer.
        unsafe { package(self, info) }.ok_or(Status::INTERNAL_ERROR)
    }
}

/// What one call of `AcceptSecurityContext` came to.
pub(super) struct Accepted {
    pub(super) status: Status,
    pub(super) token: Vec<u8>,
    /// `ASC_RET_*`.
    pub(super) attributes: u32,
    /// As the package gives it: local time, in 100 ns since 1601.
    pub(super) expiry: i64,
    /// `SEC_CHANNEL_BINDINGS_RESULT_*`; none where the system has no such
    /// result.
    pub(super) bindings: u32,
}

/// What goes into one.
pub(super) struct Leg<'a> {
    pub(super) token: &'a [u8],
    /// `SEC_CHANNEL_BINDINGS` and what follows it.
    pub(super) bindings: Option<&'a [u8]>,
    /// `ASC_REQ_*`.
    pub(super) requirements: u32,
    /// `SECURITY_NATIVE_DREP` or `SECURITY_NETWORK_DREP`.
    pub(super) representation: u32,
    pub(super) output: Output,
}

/// Who allocates the reply.
#[derive(Clone, Copy)]
pub(super) enum Output {
    /// The caller: so many octets.
    Own(usize),
    /// The package (`ASC_REQ_ALLOCATE_MEMORY`).
    Package,
}

pub(super) fn buffer(kind: u32, bytes: &[u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: u32::try_from(bytes.len()).unwrap_or(0),
        BufferType: kind,
        pvBuffer: bytes.as_ptr().cast_mut().cast(),
    }
}

pub(super) fn buffer_mut(kind: u32, bytes: &mut [u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: u32::try_from(bytes.len()).unwrap_or(0),
        BufferType: kind,
        pvBuffer: bytes.as_mut_ptr().cast(),
    }
}

pub(super) fn list(buffers: &mut [SecBuffer]) -> SecBufferDesc {
    SecBufferDesc {
        ulVersion: SECBUFFER_VERSION,
        cBuffers: u32::try_from(buffers.len()).unwrap_or(0),
        pBuffers: buffers.as_mut_ptr(),
    }
}

/// How much of a buffer a call used; never more than there is.
pub(super) fn used(buffer: &SecBuffer, has: usize) -> usize {
    usize::try_from(buffer.cbBuffer).map_or(has, |used| used.min(has))
}

/// A context, from its first leg on.
pub(super) struct Ctx {
    pub(super) sspi: Arc<Sspi>,
    handle: Option<SecHandle>,
}

/// Neither what the system writes for "none" (`SecInvalidateHandle`) nor what
/// was there before the call.
fn is_handle(handle: &SecHandle) -> bool {
    let both = (handle.dwLower, handle.dwUpper);
    both != (0, 0) && both != (usize::MAX, usize::MAX)
}

impl Ctx {
    pub(super) fn new(sspi: &Arc<Sspi>) -> Self {
        Self {
            sspi: Arc::clone(sspi),
            handle: None,
        }
    }

    pub(super) fn of(sspi: &Arc<Sspi>, handle: SecHandle) -> Self {
        Self {
            sspi: Arc::clone(sspi),
            handle: is_handle(&handle).then_some(handle),
        }
    }

    /// The handle, for a call that does not keep it.
    pub(super) fn handle(&self) -> Result<SecHandle, Status> {
        self.handle.ok_or(Status::INVALID_HANDLE)
    }

    /// `AcceptSecurityContext`.
    pub(super) fn accept(&mut self, cred: &Cred, leg: &Leg<'_>) -> Accepted {
        let mut own = match leg.output {
            Output::Own(size) => vec![0; size],
            Output::Package => Vec::new(),
        };
        let mut result = [0; 4];
        let mut input = vec![buffer(SECBUFFER_TOKEN, leg.token)];
        let mut output = vec![buffer_mut(SECBUFFER_TOKEN, &mut own)];
        if let Output::Package = leg.output {
            output[0].pvBuffer = ptr::null_mut();
        }
        if let Some(bindings) = leg.bindings {
            input.push(buffer(SECBUFFER_CHANNEL_BINDINGS, bindings));
            if self.sspi.system.kind().tells_bindings() {
                output.push(buffer_mut(SECBUFFER_CHANNEL_BINDINGS_RESULT, &mut result));
            }
        }
        let (status, attributes, expiry) = self.call_accept(cred, leg, &mut input, &mut output);
        let given = output.first().copied().unwrap_or_default();
        let token = match leg.output {
            Output::Own(size) => {
                // A call that failed may have left the size as it was.
                let written = !status.is_error() || used(&given, size) < size;
                own.truncate(if written { used(&given, size) } else { 0 });
                own
            }
            Output::Package => {
                let allocated = Allocated::new(&self.sspi, given.pvBuffer);
                let length = usize::try_from(given.cbBuffer).unwrap_or(0);
                // SAFETY: the package allocated it and said its length.
                unsafe { allocated.bytes(length) }.to_vec()
            }
        };
        Accepted {
            status,
            token,
            attributes,
            expiry,
            bindings: u32::from_ne_bytes(result),
        }
    }

    fn call_accept(
        &mut self,
        cred: &Cred,
        leg: &Leg<'_>,
        input: &mut [SecBuffer],
        output: &mut [SecBuffer],
    ) -> (Status, u32, i64) {
        let Some(accept) = self.sspi.table.AcceptSecurityContext else {
            return (Status::UNSUPPORTED_FUNCTION, 0, 0);
        };
        let (mut cred, mut own) = (cred.handle(), self.handle);
        let mut new = self.handle.unwrap_or_default();
        let (mut attributes, mut expiry) = (0, 0);
        let (mut input, mut output) = (list(input), list(output));
        let before = own.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        // SAFETY: handles are live, buffers and places live for the call.
        let status = unsafe {
            accept(
                &raw mut cred,
                before,
                &raw mut input,
                leg.requirements,
                leg.representation,
                &raw mut new,
                &raw mut output,
                &raw mut attributes,
                &raw mut expiry,
            )
        };
        self.handle = is_handle(&new).then_some(new).or(self.handle);
        (Status(status), attributes, expiry)
    }

    /// `CompleteAuthToken`.
    pub(super) fn complete(&self, token: &mut [u8]) -> Status {
        let (Some(complete), Ok(mut handle)) = (self.sspi.table.CompleteAuthToken, self.handle())
        else {
            return Status::UNSUPPORTED_FUNCTION;
        };
        let mut buffers = [buffer_mut(SECBUFFER_TOKEN, token)];
        let mut list = list(&mut buffers);
        // SAFETY: the handle is live, the buffer lives for the call.
        Status(unsafe { complete(&raw mut handle, &raw mut list) })
    }

    /// Gives the handle away: it is no longer deleted.
    pub(super) fn forget(&mut self) {
        self.handle = None;
    }
}

impl Drop for Ctx {
    fn drop(&mut self) {
        if let (Some(mut handle), Some(delete)) =
            (self.handle.take(), self.sspi.table.DeleteSecurityContext)
        {
            // SAFETY: of this context, and deleted nowhere else.
            unsafe { delete(&raw mut handle) };
        }
    }
}
