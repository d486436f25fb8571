//! The system's clock as this program and the libraries in it see it: each thread's own, which
//! a test turns; for a thread that has none, the moment at which everything happens.
//!
//! The libraries ask the C library, and find the functions of the program before those of the C
//! library. Nothing outside of this program changes.

use conformance::bench::{NOW, TurnClock};
use gss_acceptor::Clock;
use std::cell::RefCell;
use std::ffi::{c_int, c_long, c_void};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

thread_local! {
    static OWN: RefCell<Option<Arc<TurnClock>>> = const { RefCell::new(None) };
}

/// From here on this thread's time.
pub fn set(clock: &Arc<TurnClock>) {
    OWN.with(|own| *own.borrow_mut() = Some(Arc::clone(clock)));
}

fn now() -> i64 {
    let own = OWN.try_with(|own| own.try_borrow().ok()?.as_ref().map(|clock| clock.now()));
    match own {
        Ok(Some(time)) => {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(NOW)
        }
        _ => NOW,
    }
}

#[repr(C)]
pub struct Seconds {
    seconds: i64,
    parts: c_long,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;
const CLOCK_REALTIME: c_int = 0;
const CLOCK_REALTIME_COARSE: c_int = 5;

#[unsafe(no_mangle)]
pub extern "C" fn clock_gettime(clock: c_int, to: *mut Seconds) -> c_int {
    if ![CLOCK_REALTIME, CLOCK_REALTIME_COARSE].contains(&clock) {
        // SAFETY: the kernel's own call, with the caller's pointer.
        return unsafe { syscall(CLOCK_GETTIME, clock, to) } as c_int;
    }
    let (seconds, parts) = (now(), 0);
    // SAFETY: the caller gives a place for the answer.
    unsafe { to.write(Seconds { seconds, parts }) };
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn gettimeofday(to: *mut Seconds, _zone: *mut c_void) -> c_int {
    let (seconds, parts) = (now(), 0);
    // SAFETY: as above.
    unsafe { to.write(Seconds { seconds, parts }) };
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn time(to: *mut i64) -> i64 {
    let seconds = now();
    if !to.is_null() {
        // SAFETY: as above.
        unsafe { to.write(seconds) };
    }
    seconds
}
