//! Contexts that leave the process, and those that come in.

use std::sync::{Arc, OnceLock};

use super::Context;
use crate::backends::SecurityContext;
use crate::context_data::ContextData;
use crate::delegation::Delegated;
use crate::error::{DelegationProblem, Error};
use crate::facts::{AuthorizationFact, DelegationFact, Facts};
use crate::requirements::Granted;
use crate::time::{Clock, ExpiredContexts};

impl Context {
    /// One that was established in another process, which asked the policy.
    pub(crate) fn imported(
        inner: Box<dyn SecurityContext>,
        facts: Box<Facts>,
        delegated: Option<Delegated>,
        clock: Option<Arc<dyn Clock>>,
        expired: ExpiredContexts,
    ) -> Self {
        Self {
            inner,
            facts,
            clock,
            expired,
            delegated: delegated.map(Box::new),
            authorization: OnceLock::new(),
        }
    }

    /// Takes the context out of this process (`gss_export_sec_context`,
    /// `ExportSecurityContext`), to go on in another with a
    /// [`ContextImporter`](crate::ContextImporter): with its keys and sequence
    /// numbers, and without the credentials that the client delegated. This
    /// one is gone, whatever comes of it.
    ///
    /// # Errors
    ///
    /// [`Misuse::Unsupported`](crate::Misuse::Unsupported) for a backend that cannot; an NTLM context that
    /// has sealed more than a gigabyte.
    pub fn export(self) -> Result<ContextData, Error> {
        self.leave(None)
    }

    /// As [`export`](Self::export), with the credentials that the client
    /// delegated, if it has: whoever takes the context up can then act in the
    /// client's name.
    ///
    /// # Errors
    ///
    /// As for [`export`](Self::export).
    pub fn export_with_delegated(self) -> Result<ContextData, Error> {
        let delegated = self.delegated().cloned();
        self.leave(delegated)
    }

    fn leave(mut self, delegated: Option<Delegated>) -> Result<ContextData, Error> {
        if delegated.is_none() && self.facts.granted.contains(Granted::DELEGATE) {
            self.facts.granted -= Granted::DELEGATE;
            let problem = Box::new(DelegationProblem::LeftBehind);
            self.facts.delegation = DelegationFact::Unusable(problem);
        }
        // A backend may leave open what nobody asked; where the context goes,
        // somebody may.
        if self.facts.authorization == AuthorizationFact::Unknown {
            let known = self.authorization().map(|_| ()).map_err(Clone::clone);
            self.facts.authorization = AuthorizationFact::of(&known);
        }
        let backend = self.inner.backend();
        let state = self.inner.export()?;
        Ok(ContextData::new(backend, self.facts, state)
            .after_its_end(self.expired)
            .with_delegated(delegated))
    }
}
