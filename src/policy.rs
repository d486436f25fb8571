//! Who is let in. The one place that decides, for every backend: a pure
//! function of what was required and what was found out.

use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::{AuthorizationProblem, DelegationProblem, Rejection};
use crate::facts::{AuthorizationFact, BindingFact, DelegationFact, Facts, TargetSource};
use crate::mechanism::Mechanism;
use crate::name::{Name, ServiceName};
use crate::requirements::Requirements;

/// What a finished handshake is held to.
#[derive(Clone, Debug)]
#[repr(align(128))] // As `Apart` is, and for the same reason.
pub(crate) struct Policy {
    /// What must be granted; flags that are not
    /// [`CHECKED_AT_END`](Requirements::CHECKED_AT_END) count as permissions.
    pub(crate) required: Requirements,
    /// What may happen (ALLOW_NULL_SESSION).
    pub(crate) permitted: Requirements,
    /// What channel bindings must be.
    pub(crate) bindings: ChannelBindingPolicy,
    /// Which services are accepted; all of the credentials' if empty.
    pub(crate) services: Vec<ServiceName>,
    /// Whether account and groups must be known.
    pub(crate) authorization: Authorizing,
}

/// Whether a client comes in without an authorization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Authorizing {
    #[default]
    Optional,
    Required,
}

/// Compares facts with the policy and fails closed: what is not known is not
/// enough where something was required.
pub(crate) fn check(policy: &Policy, facts: &Facts) -> Result<(), Rejection> {
    check_services(policy, facts)?;
    check_anonymity(policy, facts)?;
    check_bindings(policy.bindings, facts.bindings)?;
    check_authorization(policy.authorization, facts)?;
    check_flags(policy.required, facts)
}

/// Rule 26: what was not verified is not there.
fn check_authorization(policy: Authorizing, facts: &Facts) -> Result<(), Rejection> {
    let problem = match (policy, &facts.authorization) {
        (Authorizing::Optional, _) | (_, AuthorizationFact::Verified) => return Ok(()),
        (_, AuthorizationFact::Unusable(problem)) => AuthorizationProblem::clone(problem),
        (_, AuthorizationFact::Unknown) => AuthorizationProblem::Unsupported,
    };
    Err(Rejection::Authorization { problem })
}

/// Rule 5: the credentials' own name of the key that opened the ticket, and
/// the client's own word for where it meant to go.
fn check_services(policy: &Policy, facts: &Facts) -> Result<(), Rejection> {
    if policy.services.is_empty() {
        return Ok(());
    }
    match &facts.target {
        Some(target) if !policy.services.iter().any(|own| own.covers(target)) => {
            return Err(Rejection::ServiceNotAccepted {
                service: target.clone(),
                accepted: policy.services.clone(),
            });
        }
        // Kerberos always has a target; a backend that does not name it has
        // not shown that it is an accepted one.
        None if facts.mechanism == Mechanism::Kerberos => {
            return Err(Rejection::ClientTarget {
                target: String::new(),
                accepted: policy.services.clone(),
            });
        }
        _ => {}
    }
    match &facts.client_target {
        Some(meant)
            if meant.source == TargetSource::Trusted
                && !meant.name.is_empty()
                && !policy
                    .services
                    .iter()
                    .any(|own| own.covers_target(&meant.name)) =>
        {
            Err(Rejection::ClientTarget {
                target: meant.name.clone(),
                accepted: policy.services.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Rule 9: a client without a name only with ALLOW_NULL_SESSION.
fn check_anonymity(policy: &Policy, facts: &Facts) -> Result<(), Rejection> {
    let anonymous = match &facts.peer {
        Name::Anonymous => true,
        Name::Kerberos(principal) => principal.is_anonymous(),
        _ => false,
    };
    let permitted = policy.permitted | policy.required;
    if anonymous && !permitted.contains(Requirements::ALLOW_NULL_SESSION) {
        return Err(Rejection::Anonymous);
    }
    Ok(())
}

/// Rule 17, for all backends alike.
fn check_bindings(policy: ChannelBindingPolicy, fact: BindingFact) -> Result<(), Rejection> {
    use BindingFact as Fact;
    use ChannelBindingPolicy as Policy;
    match (policy, fact) {
        // Under `WhenGiven` a step may give none to compare; or the library
        // does not tell, and has compared what it was given.
        (Policy::Ignore, _)
        | (Policy::WhenGiven | Policy::WhenSent | Policy::Require, Fact::Bound)
        | (Policy::WhenGiven | Policy::WhenSent, Fact::Absent)
        | (Policy::WhenGiven, Fact::PresentNotCompared | Fact::NotCompared | Fact::Undisclosed)
        | (Policy::AnyPresent, Fact::Bound | Fact::Mismatch { .. } | Fact::PresentNotCompared) => {
            Ok(())
        }
        (_, Fact::Mismatch { null_address_type }) => {
            Err(Rejection::BindingMismatch { null_address_type })
        }
        (_, Fact::Absent) => Err(Rejection::BindingMissing { promised: false }),
        (_, Fact::AbsentThoughPromised) => Err(Rejection::BindingMissing { promised: true }),
        // Sent, and not compared: not shown to be right.
        (_, Fact::PresentNotCompared | Fact::NotCompared | Fact::Undisclosed) => {
            Err(Rejection::BindingUndisclosed)
        }
    }
}

fn check_flags(required: Requirements, facts: &Facts) -> Result<(), Rejection> {
    let wanted = required.with_implied() & Requirements::CHECKED_AT_END;
    // What the backend does not disclose does not count, even if a flag of
    // it is set by mistake.
    let mut met = facts.granted.meets() - facts.undisclosed.flags;
    if matches!(facts.delegation, DelegationFact::Unusable(_)) {
        met -= Requirements::DELEGATE;
    }
    let missing = wanted - met;
    if missing.is_empty() {
        return Ok(());
    }
    // Alone, it can say what is wrong with it.
    if missing == Requirements::DELEGATE
        && let DelegationFact::Unusable(problem) = &facts.delegation
    {
        let problem = DelegationProblem::clone(problem);
        return Err(Rejection::Delegation { problem });
    }
    Err(Rejection::Requirement {
        missing,
        undisclosed: missing & facts.undisclosed.flags,
    })
}

#[cfg(test)]
mod tests;
