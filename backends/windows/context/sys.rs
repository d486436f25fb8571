//! What a package tells of an established context (`QueryContextAttributes`),
//! and what can be done in the client's name.

#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;
use std::sync::Arc;

use windows_sys::Win32::Security::Authentication::Identity::{
    SEC_CHANNEL_BINDINGS, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, SECPKG_ATTR_LIFESPAN,
    SECPKG_ATTR_NAMES, SECPKG_ATTR_NATIVE_NAMES, SECPKG_ATTR_NEGOTIATION_INFO,
    SECPKG_ATTR_PACKAGE_INFO, SECPKG_ATTR_SESSION_KEY, SECPKG_ATTR_SIZES, SECPKG_ATTR_STREAM_SIZES,
    SECPKG_ATTR_UNIQUE_BINDINGS, SECPKG_CONTEXT_EXPORT_DELETE_OLD, SecBuffer,
    SecPkgContext_Bindings, SecPkgContext_ClientSpecifiedTarget, SecPkgContext_Lifespan,
    SecPkgContext_NamesW, SecPkgContext_NativeNamesW, SecPkgContext_NegotiationInfoW,
    SecPkgContext_PackageInfoW, SecPkgContext_SessionKey, SecPkgContext_Sizes,
    SecPkgContext_StreamSizes,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use zeroize::Zeroizing;

use super::super::status::Status;
use super::super::sys::{Allocated, Ctx, Package, Sspi, package, wide};
use super::super::system::RawHandle;
use crate::secret::Secret;

/// What an attribute's number promises to write.
///
/// # Safety
///
/// `QueryContextAttributes` with `NUMBER` writes this type and no more
/// (sspi.h).
unsafe trait Attribute: Default {
    const NUMBER: u32;
}

macro_rules! attributes {
    ($($kind:ident = $number:ident),* $(,)?) => {
        $(
            // SAFETY: the pairs of QueryContextAttributes (General)'s table.
            unsafe impl Attribute for $kind {
                const NUMBER: u32 = $number;
            }
        )*
    };
}

attributes! {
    SecPkgContext_Sizes = SECPKG_ATTR_SIZES,
    SecPkgContext_StreamSizes = SECPKG_ATTR_STREAM_SIZES,
    SecPkgContext_NamesW = SECPKG_ATTR_NAMES,
    SecPkgContext_NativeNamesW = SECPKG_ATTR_NATIVE_NAMES,
    SecPkgContext_NegotiationInfoW = SECPKG_ATTR_NEGOTIATION_INFO,
    SecPkgContext_PackageInfoW = SECPKG_ATTR_PACKAGE_INFO,
    SecPkgContext_SessionKey = SECPKG_ATTR_SESSION_KEY,
    SecPkgContext_Lifespan = SECPKG_ATTR_LIFESPAN,
    SecPkgContext_ClientSpecifiedTarget = SECPKG_ATTR_CLIENT_SPECIFIED_TARGET,
    SecPkgContext_Bindings = SECPKG_ATTR_UNIQUE_BINDINGS,
}

/// The names of a mechanism's own: a Kerberos client's and its service's.
pub(in super::super) struct NativeNames {
    pub(in super::super) client: Option<String>,
    pub(in super::super) server: Option<String>,
}

impl Ctx {
    fn query<T: Attribute>(&self) -> Result<T, Status> {
        let query = self.sspi.table.QueryContextAttributesW;
        let query = query.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut answer) = (self.handle()?, T::default());
        let place = (&raw mut answer).cast();
        // SAFETY: the handle is live, and the place is what the number needs.
        Status(unsafe { query(&raw mut handle, T::NUMBER, place) }).ok()?;
        Ok(answer)
    }

    /// Reads and releases a string that the package allocated.
    fn take(&self, text: *mut u16) -> Option<String> {
        let owned = Allocated::new(&self.sspi, text);
        // SAFETY: all strings of these attributes end with a zero.
        unsafe { owned.text() }
    }

    pub(in super::super) fn sizes(&self) -> Result<SecPkgContext_Sizes, Status> {
        self.query()
    }

    pub(in super::super) fn stream_sizes(&self) -> Result<SecPkgContext_StreamSizes, Status> {
        self.query()
    }

    /// Begin and end, in local time.
    pub(in super::super) fn lifespan(&self) -> Result<(i64, i64), Status> {
        let answer: SecPkgContext_Lifespan = self.query()?;
        Ok((answer.tsStart, answer.tsExpiry))
    }

    /// The account, as Windows names it: `DOMAIN\user`.
    pub(in super::super) fn account(&self) -> Result<Option<String>, Status> {
        let answer: SecPkgContext_NamesW = self.query()?;
        Ok(self.take(answer.sUserName))
    }

    pub(in super::super) fn native_names(&self) -> Result<NativeNames, Status> {
        let answer: SecPkgContext_NativeNamesW = self.query()?;
        Ok(NativeNames {
            client: self.take(answer.sClientName),
            server: self.take(answer.sServerName),
        })
    }

    /// Where the client says that it wanted to go.
    pub(in super::super) fn client_target(&self) -> Result<Option<String>, Status> {
        let answer: SecPkgContext_ClientSpecifiedTarget = self.query()?;
        Ok(self.take(answer.sTargetName))
    }

    /// The package that the context is of: the one that was negotiated.
    pub(in super::super) fn package(&self) -> Result<Package, Status> {
        let info = match self.query::<SecPkgContext_NegotiationInfoW>() {
            Ok(answer) => answer.PackageInfo,
            Err(_) => self.query::<SecPkgContext_PackageInfoW>()?.PackageInfo,
        };
        // SAFETY: the package's own answer.
        unsafe { package(&self.sspi, info) }.ok_or(Status::INTERNAL_ERROR)
    }

    pub(in super::super) fn session_key(&self) -> Result<Secret, Status> {
        let answer: SecPkgContext_SessionKey = self.query()?;
        let owned = Allocated::new(&self.sspi, answer.SessionKey);
        let length = usize::try_from(answer.SessionKeyLength).unwrap_or(0);
        // SAFETY: the package said its length.
        let key = unsafe { owned.bytes(length) };
        // SAFETY: the same octets, which are the package's until released.
        unsafe { owned.wipe(length) };
        Ok(Secret::copy_from(&key))
    }

    /// `SECPKG_ATTR_UNIQUE_BINDINGS`: the application data of the bindings
    /// that the context itself gives.
    pub(in super::super) fn unique_bindings(&self) -> Result<Vec<u8>, Status> {
        let answer: SecPkgContext_Bindings = self.query()?;
        let owned = Allocated::new(&self.sspi, answer.Bindings);
        let length = usize::try_from(answer.BindingsLength).unwrap_or(0);
        // SAFETY: the package said its length.
        let all = unsafe { owned.bytes(length) };
        let (at, count) = (
            core::mem::offset_of!(SEC_CHANNEL_BINDINGS, dwApplicationDataOffset),
            core::mem::offset_of!(SEC_CHANNEL_BINDINGS, cbApplicationDataLength),
        );
        let field = |at: usize| {
            let bytes = all.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_ne_bytes(bytes)).ok()
        };
        let found = field(at)
            .zip(field(count))
            .and_then(|(start, length)| all.get(start..start.checked_add(length)?));
        found.map(<[u8]>::to_vec).ok_or(Status::INTERNAL_ERROR)
    }

    /// `ImpersonateSecurityContext`: from here on the thread is the client.
    pub(in super::super) fn impersonate(&self) -> Status {
        match (self.sspi.table.ImpersonateSecurityContext, self.handle()) {
            // SAFETY: the handle is live.
            (Some(call), Ok(mut handle)) => Status(unsafe { call(&raw mut handle) }),
            _ => Status::UNSUPPORTED_FUNCTION,
        }
    }

    /// `RevertSecurityContext`: the thread is itself again.
    pub(in super::super) fn revert(&self) -> Status {
        match (self.sspi.table.RevertSecurityContext, self.handle()) {
            // SAFETY: the handle is live.
            (Some(call), Ok(mut handle)) => Status(unsafe { call(&raw mut handle) }),
            _ => Status::UNSUPPORTED_FUNCTION,
        }
    }

    /// `QuerySecurityContextToken`: a handle that is the caller's to close.
    pub(in super::super) fn access_token(&self) -> Result<RawHandle, Status> {
        let query = self.sspi.table.QuerySecurityContextToken;
        let query = query.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut token) = (self.handle()?, ptr::null_mut::<c_void>());
        // SAFETY: the handle is live, and there is a place for the token.
        Status(unsafe { query(&raw mut handle, &raw mut token) }).ok()?;
        Ok(RawHandle(token.expose_provenance()))
    }

    /// `ExportSecurityContext`: the context is gone afterwards.
    pub(in super::super) fn export(mut self) -> Result<Zeroizing<Vec<u8>>, Status> {
        let export = self.sspi.table.ExportSecurityContext;
        let export = export.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut handle, mut packed) = (self.handle()?, SecBuffer::default());
        let mut token = ptr::null_mut();
        // SAFETY: the handle is live, and there is a place for the answer. No
        // token is asked for where the place of it is a null pointer, which
        // not all packages allow.
        let status = unsafe {
            export(
                &raw mut handle,
                SECPKG_CONTEXT_EXPORT_DELETE_OLD,
                &raw mut packed,
                &raw mut token,
            )
        };
        if !token.is_null() {
            self.sspi.system.close(RawHandle(token.expose_provenance()));
        }
        Status(status).ok()?;
        self.forget();
        let owned = Allocated::new(&self.sspi, packed.pvBuffer);
        let length = usize::try_from(packed.cbBuffer).unwrap_or(0);
        // SAFETY: the package said its length.
        let state = unsafe { owned.bytes(length) };
        // SAFETY: the same octets, which are the package's until released.
        unsafe { owned.wipe(length) };
        Ok(state)
    }

    /// `ImportSecurityContext`.
    pub(in super::super) fn import(
        sspi: &Arc<Sspi>,
        package: &str,
        state: &[u8],
    ) -> Result<Self, Status> {
        let import = sspi.table.ImportSecurityContextW;
        let import = import.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let (mut package, mut handle) = (wide(package), SecHandle::default());
        let mut copy = Zeroizing::new(state.to_vec());
        let mut packed = super::super::sys::buffer_mut(0, &mut copy);
        // SAFETY: strings and buffers live for the call.
        let status = unsafe {
            import(
                package.as_mut_ptr(),
                &raw mut packed,
                ptr::null_mut(),
                &raw mut handle,
            )
        };
        Status(status).ok()?;
        Ok(Self::of(sspi, handle))
    }
}
