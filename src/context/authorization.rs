//! What the client may do, as far as its directory says.

use super::Context;
use crate::authorization::Authorization;
use crate::error::AuthorizationProblem;
use crate::name::Name;

impl Context {
    /// What the client's directory says of it: account, SIDs, groups. From the
    /// PAC of an Active Directory's ticket (MS-PAC), or from where the backend
    /// has it; [`Authorization::evidence`] says what proves it. What could not
    /// be verified is not given out.
    ///
    /// It is read when it is first asked for: a server that never asks does not
    /// pay for it.
    ///
    /// ```no_run
    /// use gss_acceptor::{Context, Sid};
    ///
    /// fn may_write(context: &Context, editors: &Sid) -> bool {
    ///     match context.authorization() {
    ///         Ok(who) => who.is_member(editors),
    ///         Err(why) => {
    ///             eprintln!("{} has no groups: {why}", context.peer());
    ///             false
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Why there is none: [`AuthorizationProblem::Absent`] for a ticket
    /// without a PAC, and what was wrong with one that could not be verified.
    pub fn authorization(&self) -> Result<&Authorization, &AuthorizationProblem> {
        let known = self.authorization.get_or_init(|| match self.peer() {
            Name::Anonymous => Err(AuthorizationProblem::Anonymous),
            _ => self.inner.authorization().map(Box::new),
        });
        match known {
            Ok(authorization) => Ok(authorization),
            Err(problem) => Err(problem),
        }
    }
}
