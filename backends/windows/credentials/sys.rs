//! `AcquireCredentialsHandle`, and the identities that it takes.

#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;
use std::sync::Arc;

use windows_sys::Win32::Security::Authentication::Identity::{
    SEC_WINNT_AUTH_IDENTITY_EXW, SEC_WINNT_AUTH_IDENTITY_VERSION, SECPKG_CRED_INBOUND,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use windows_sys::Win32::System::Rpc::SEC_WINNT_AUTH_IDENTITY_W;
use zeroize::Zeroizing;

use super::super::status::Status;
use super::super::sys::{Sspi, wide};

/// Who the server is, where it is not the process' own identity, and which
/// packages `Negotiate` may use. Wiped when dropped.
#[derive(Default)]
pub(in super::super) struct Identity {
    pub(in super::super) account: Option<Account>,
    pub(in super::super) packages: Option<&'static str>,
}

/// An account, in UTF-16 without zeros.
pub(in super::super) struct Account {
    pub(in super::super) user: Zeroizing<Vec<u16>>,
    pub(in super::super) domain: Zeroizing<Vec<u16>>,
    pub(in super::super) password: Zeroizing<Vec<u16>>,
}

/// `SEC_WINNT_AUTH_IDENTITY_UNICODE`: the strings are UTF-16.
const UNICODE: u32 = 2;

/// Pointer and length of a string that may be missing. The system does not
/// write to it.
fn string(units: Option<&[u16]>) -> (*mut u16, u32) {
    match units {
        Some(units) => (
            units.as_ptr().cast_mut(),
            u32::try_from(units.len()).unwrap_or(0),
        ),
        None => (ptr::null_mut(), 0),
    }
}

impl Identity {
    fn extended(&self, packages: &[u16]) -> SEC_WINNT_AUTH_IDENTITY_EXW {
        let account = self.account.as_ref();
        let (user, user_length) = string(account.map(|own| &own.user[..]));
        let (domain, domain_length) = string(account.map(|own| &own.domain[..]));
        let (password, password_length) = string(account.map(|own| &own.password[..]));
        let list = (!packages.is_empty()).then_some(packages);
        let (list, list_length) = string(list);
        SEC_WINNT_AUTH_IDENTITY_EXW {
            Version: SEC_WINNT_AUTH_IDENTITY_VERSION,
            Length: u32::try_from(size_of::<SEC_WINNT_AUTH_IDENTITY_EXW>()).unwrap_or(0),
            User: user,
            UserLength: user_length,
            Domain: domain,
            DomainLength: domain_length,
            Password: password,
            PasswordLength: password_length,
            Flags: UNICODE,
            PackageList: list,
            PackageListLength: list_length,
        }
    }

    fn plain(&self) -> SEC_WINNT_AUTH_IDENTITY_W {
        let all = self.extended(&[]);
        SEC_WINNT_AUTH_IDENTITY_W {
            User: all.User,
            UserLength: all.UserLength,
            Domain: all.Domain,
            DomainLength: all.DomainLength,
            Password: all.Password,
            PasswordLength: all.PasswordLength,
            Flags: all.Flags,
        }
    }
}

/// Credentials, for any number of handshakes at once.
pub(in super::super) struct Cred {
    pub(in super::super) sspi: Arc<Sspi>,
    handle: SecHandle,
}

impl Cred {
    /// `AcquireCredentialsHandle`, inbound.
    pub(in super::super) fn acquire(
        sspi: &Arc<Sspi>,
        package: &str,
        identity: &Identity,
    ) -> Result<Self, Status> {
        let acquire = sspi.table.AcquireCredentialsHandleW;
        let acquire = acquire.ok_or(Status::UNSUPPORTED_FUNCTION)?;
        let mut package = wide(package);
        let (mut handle, mut expiry) = (SecHandle::default(), 0);
        let list: Vec<u16> = identity.packages.unwrap_or("").encode_utf16().collect();
        let (mut extended, mut plain) = (identity.extended(&list), identity.plain());
        let identity: *mut c_void = match identity {
            Identity {
                packages: Some(_), ..
            } => (&raw mut extended).cast(),
            Identity {
                account: Some(_), ..
            } => (&raw mut plain).cast(),
            Identity { .. } => ptr::null_mut(),
        };
        // SAFETY: strings and places live for the call; lengths are theirs.
        let status = unsafe {
            acquire(
                ptr::null_mut(),
                package.as_mut_ptr(),
                SECPKG_CRED_INBOUND,
                ptr::null_mut(),
                identity,
                None,
                ptr::null_mut(),
                &raw mut handle,
                &raw mut expiry,
            )
        };
        Status(status).ok()?;
        Ok(Self {
            sspi: Arc::clone(sspi),
            handle,
        })
    }
}

impl Cred {
    /// The handle, for a call that does not keep it.
    pub(in super::super) fn handle(&self) -> SecHandle {
        self.handle
    }
}

impl Drop for Cred {
    fn drop(&mut self) {
        if let Some(free) = self.sspi.table.FreeCredentialsHandle {
            // SAFETY: acquired, and freed nowhere else.
            unsafe { free(&raw mut self.handle) };
        }
    }
}
