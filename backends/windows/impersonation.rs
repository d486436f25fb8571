//! Being the client, for as long as a guard lives.

use core::fmt;
use core::marker::PhantomData;

use super::status::Status;
use super::sys::Ctx;

/// While it lives, this thread is the client
/// ([`WindowsContext::start_impersonation`](super::WindowsContext::start_impersonation)).
/// Guards end in the reverse order of their beginning.
/// It cannot cross threads, for it is the thread that is impersonating.
#[must_use = "the thread is the client only as long as this lives"]
pub struct Impersonation<'a> {
    ctx: &'a Ctx,
    _of_this_thread: PhantomData<*const ()>,
}

impl<'a> Impersonation<'a> {
    pub(super) fn start(ctx: &'a Ctx) -> Result<Self, Status> {
        ctx.impersonate().ok()?;
        Ok(Self {
            ctx,
            _of_this_thread: PhantomData,
        })
    }
}

impl Drop for Impersonation<'_> {
    fn drop(&mut self) {
        if self.ctx.revert().ok().is_err() {
            // "The thread continues to run in the context of the client, which
            // is not appropriate. The process should shut down." (RevertToSelf)
            self.ctx.sspi.system.abort();
        }
    }
}

impl fmt::Debug for Impersonation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Impersonation(..)")
    }
}
