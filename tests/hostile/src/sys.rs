//! An allocator that counts, for each thread, what is held and the most that was.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
pub struct Counting;

fn count(by: isize) {
    // A thread that ends may free after its counters are gone.
    let _ = HELD.try_with(|held| {
        let now = held.get() + by;
        held.set(now);
        let _ = MOST.try_with(|most| most.set(most.get().max(now)));
    });
}

fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: everything is the system allocator's; the counters are cells that never allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What `work` leaves held when all that it gave is dropped, and the most that it held meanwhile,
/// in octets. Zero for both unless [`Counting`] is the program's allocator.
pub fn counted<T>(work: impl FnOnce() -> T) -> (T, Held) {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    let out = work();
    let most = MOST.with(Cell::get) - before;
    let after = HELD.with(Cell::get) - before;
    (out, Held { most, after })
}

/// What [`counted`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The most at one time.
    pub most: isize,
    /// What was still held at the end.
    pub after: isize,
}
