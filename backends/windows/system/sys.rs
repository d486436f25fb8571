//! Windows itself: the import of secur32's table, clocks, handles, tokens.

#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;
use std::sync::{Arc, OnceLock};

use windows_sys::Win32::Foundation::{CloseHandle, FILETIME};
use windows_sys::Win32::Security::Authentication::Identity::InitSecurityInterfaceW;
use windows_sys::Win32::Security::{
    GetLengthSid, GetTokenInformation, PSID, SID_AND_ATTRIBUTES, TOKEN_GROUPS,
    TOKEN_INFORMATION_CLASS, TOKEN_USER, TokenGroups, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::LocalFileTimeToFileTime;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

use super::super::sys::{Sspi, Table, wide};
use super::{Kind, RawHandle, System};
use crate::error::Unavailability;

/// The system's table, which lives as long as the process.
pub(in super::super) fn open() -> Result<Arc<Sspi>, Unavailability> {
    static OPENED: OnceLock<Option<Arc<Sspi>>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| {
        // SAFETY: no arguments.
        let table = unsafe { InitSecurityInterfaceW() };
        // SAFETY: null, or a table that the system keeps.
        let table = unsafe { table.as_ref() }?;
        Some(Arc::new(Sspi {
            table: Table::new(table),
            system: Arc::new(Native { kind: kind() }),
        }))
    });
    opened.clone().ok_or_else(|| Unavailability::Platform {
        what: "secur32",
        text: "it gives no table of functions".into(),
    })
}

struct Native {
    kind: Kind,
}

/// A function of ntdll's.
fn ntdll(name: &core::ffi::CStr) -> Option<unsafe extern "system" fn() -> isize> {
    let module = wide("ntdll.dll");
    // SAFETY: a string with its zero.
    let module = unsafe { GetModuleHandleW(module.as_ptr()) };
    // SAFETY: the module is never unloaded; a string with its zero.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }
}

/// Wine says so by a function of its own; Windows' version is RtlGetVersion's,
/// which no compatibility setting changes.
fn kind() -> Kind {
    if ntdll(c"wine_get_version").is_some() {
        return Kind::Wine;
    }
    let mut version = OSVERSIONINFOW {
        dwOSVersionInfoSize: u32::try_from(size_of::<OSVERSIONINFOW>()).unwrap_or(0),
        ..OSVERSIONINFOW::default()
    };
    if let Some(function) = ntdll(c"RtlGetVersion") {
        // SAFETY: its documented signature.
        let function: unsafe extern "system" fn(*mut OSVERSIONINFOW) -> i32 =
            unsafe { core::mem::transmute(function) };
        // SAFETY: a place with its size in it.
        unsafe { function(&raw mut version) };
    }
    Kind::Windows {
        build: version.dwBuildNumber,
    }
}

/// What `GetTokenInformation` writes, aligned as its structures are.
fn information(token: RawHandle, class: TOKEN_INFORMATION_CLASS) -> Option<Vec<u64>> {
    let (token, mut length) = (handle(token), 0);
    // SAFETY: no room, so nothing is written but the length.
    unsafe { GetTokenInformation(token, class, ptr::null_mut(), 0, &raw mut length) };
    let mut room = vec![0_u64; usize::try_from(length).ok()?.div_ceil(8)];
    // SAFETY: as much room as it said.
    let done = unsafe {
        GetTokenInformation(
            token,
            class,
            room.as_mut_ptr().cast(),
            length,
            &raw mut length,
        )
    };
    (done != 0 && !room.is_empty()).then_some(room)
}

fn handle(raw: RawHandle) -> *mut c_void {
    ptr::with_exposed_provenance_mut(raw.0)
}

/// A copy of a SID that the system wrote.
fn sid(sid: PSID) -> Option<Vec<u8>> {
    if sid.is_null() {
        return None;
    }
    // SAFETY: not null, written by the system.
    let length = unsafe { GetLengthSid(sid) };
    let length = usize::try_from(length).ok()?;
    // SAFETY: as long as the system says.
    let bytes = unsafe { core::slice::from_raw_parts(sid.cast::<u8>(), length) };
    Some(bytes.to_vec())
}

impl System for Native {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn to_utc(&self, local: i64) -> Option<i64> {
        let [low, high] = [local & 0xFFFF_FFFF, local >> 32];
        let local = FILETIME {
            dwLowDateTime: u32::try_from(low).ok()?,
            dwHighDateTime: u32::try_from(high).ok()?,
        };
        let mut utc = FILETIME::default();
        // SAFETY: two places that live for the call.
        let done = unsafe { LocalFileTimeToFileTime(&raw const local, &raw mut utc) };
        let ticks = (i64::from(utc.dwHighDateTime) << 32) | i64::from(utc.dwLowDateTime);
        (done != 0).then_some(ticks)
    }

    fn close(&self, raw: RawHandle) {
        // SAFETY: the caller owns it.
        unsafe { CloseHandle(handle(raw)) };
    }

    fn user(&self, token: RawHandle) -> Option<Vec<u8>> {
        let room = information(token, TokenUser)?;
        // SAFETY: the class writes this structure, and it is aligned.
        let user = unsafe { room.as_ptr().cast::<TOKEN_USER>().read() };
        sid(user.User.Sid)
    }

    fn groups(&self, token: RawHandle) -> Option<Vec<(Vec<u8>, u32)>> {
        let room = information(token, TokenGroups)?;
        // SAFETY: the class writes this structure, and it is aligned.
        let count = unsafe { room.as_ptr().cast::<u32>().read() };
        let offset = core::mem::offset_of!(TOKEN_GROUPS, Groups);
        let fits = (room.len() * 8).checked_sub(offset)? / size_of::<SID_AND_ATTRIBUTES>();
        let count = usize::try_from(count).ok()?;
        if count > fits {
            return None;
        }
        // SAFETY: within what was written.
        let first = unsafe { room.as_ptr().byte_add(offset).cast::<SID_AND_ATTRIBUTES>() };
        let mut groups = Vec::with_capacity(count);
        for index in 0..count {
            // SAFETY: within what was written, as `count` has been checked.
            let group = unsafe { first.add(index).read() };
            groups.push((sid(group.Sid)?, group.Attributes));
        }
        Some(groups)
    }

    fn abort(&self) -> ! {
        std::process::abort()
    }
}
