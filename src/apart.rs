//! What threads read, kept from what others write.

use core::ops::Deref;

/// A value on cache lines of its own, two of them, since processors fetch them
/// in pairs. Whoever reads something that lies beside what another thread
/// writes waits for that thread, and an allocator puts things beside others as
/// it happens.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
