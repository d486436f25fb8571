//! The policy, as far as a backend may know it.

use core::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::facts::Facts;

type Check = dyn Fn(&Facts) -> Result<(), Error> + Send + Sync;

/// The policy as a question: may this client come in?
#[derive(Clone)]
pub struct Judge(Arc<Check>);

impl Judge {
    /// A judge from the check itself. A backend's own tests make one.
    #[must_use]
    pub fn new(check: impl Fn(&Facts) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Asks it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self, facts: &Facts) -> Result<(), Error> {
        (self.0)(facts)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge(..)")
    }
}
