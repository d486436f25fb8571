//! The access token that the system made of the client's logon.

use core::fmt;
use std::sync::Arc;

use super::status::Status;
use super::sys::Ctx;
use super::system::{RawHandle, System};
use crate::sid::Sid;

/// The client's access token: what it may do on this system, and its groups.
/// The handle is a duplicate of one's own, closed when dropped; an
/// impersonation token as the client allowed it (identification,
/// impersonation or delegation).
pub struct AccessToken {
    system: Arc<dyn System>,
    handle: RawHandle,
}

impl AccessToken {
    pub(super) fn query(ctx: &Ctx) -> Result<Self, Status> {
        Ok(Self {
            handle: ctx.access_token()?,
            system: Arc::clone(&ctx.sspi.system),
        })
    }

    /// The handle's value, for functions of Windows' own. It is valid as long
    /// as this is.
    #[must_use]
    pub fn as_raw_handle(&self) -> *mut core::ffi::c_void {
        core::ptr::with_exposed_provenance_mut(self.handle.0)
    }

    /// The client's SID.
    #[must_use]
    pub fn user(&self) -> Option<Sid> {
        Sid::from_bytes(&self.system.user(self.handle)?).ok()
    }

    /// The SIDs of its groups, with their attributes (`SE_GROUP_*`).
    #[must_use]
    pub fn groups(&self) -> Option<Vec<(Sid, u32)>> {
        let groups = self.system.groups(self.handle)?;
        let read = |(bytes, attributes): (Vec<u8>, u32)| {
            Sid::from_bytes(&bytes).ok().map(|sid| (sid, attributes))
        };
        groups.into_iter().map(read).collect()
    }
}

impl Drop for AccessToken {
    fn drop(&mut self) {
        self.system.close(self.handle);
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}
