//! Which user may use which service.

use std::collections::BTreeMap;

use crate::error::{Error, Rejection};
use crate::name::{Principal, ServiceName};

/// Users by their number. One that is not here may do nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Access(BTreeMap<u32, Services>);

/// The services of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Services {
    All,
    These(Vec<ServiceName>),
}

impl Access {
    pub(super) fn allow(&mut self, uid: u32, services: &[ServiceName]) {
        let more = if services.is_empty() {
            Services::All
        } else {
            Services::These(services.to_vec())
        };
        match (self.0.get_mut(&uid), more) {
            (Some(Services::These(own)), Services::These(more)) => own.extend(more),
            (Some(Services::All), _) => {}
            (_, more) => {
                self.0.insert(uid, more);
            }
        }
    }

    pub(super) fn of(&self, uid: u32) -> Option<&Services> {
        self.0.get(&uid)
    }
}

impl Services {
    /// Whether this is the principal of one of them.
    pub(super) fn cover(&self, principal: &Principal) -> bool {
        match self {
            Self::All => true,
            Self::These(own) => own.iter().any(|service| service.covers(principal)),
        }
    }

    /// Leaves out of an error what the broker has keys of besides.
    pub(super) fn conceal(&self, error: &mut Error) {
        if let Error::Rejected { reason, .. } = error
            && let Rejection::NoKey { available, .. } = &mut **reason
        {
            available.retain(|principal| self.cover(principal));
        }
    }

    /// The services to accept where an application wants these (all that it
    /// may have, if none): empty for all of the keytab. `Err` has one that it
    /// may not.
    pub(super) fn narrow(&self, wanted: &[ServiceName]) -> Result<Vec<ServiceName>, ServiceName> {
        let Self::These(allowed) = self else {
            return Ok(wanted.to_vec());
        };
        if wanted.is_empty() {
            return Ok(allowed.clone());
        }
        let beyond = |name: &&ServiceName| !allowed.iter().any(|own| includes(own, name));
        match wanted.iter().find(beyond) {
            Some(name) => Err(name.clone()),
            None => Ok(wanted.to_vec()),
        }
    }
}

/// Whether every principal of `name` is one of `allowed`.
fn includes(allowed: &ServiceName, name: &ServiceName) -> bool {
    match name {
        ServiceName::Principal(principal) => allowed.covers(principal),
        ServiceName::Host { service, .. } => match allowed {
            ServiceName::Service(own) => own == service,
            other => other == name,
        },
        ServiceName::Service(_) => allowed == name,
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Services};
    use crate::name::ServiceName;

    fn names(texts: &[&str]) -> Vec<ServiceName> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn nobody_may_ask_for_more_than_was_allowed() {
        for (allowed, wanted, may) in [
            (["HTTP"], "HTTP", true),
            (["HTTP"], "HTTP/web", true),
            (["HTTP"], "HTTP/web@R", true),
            (["HTTP"], "host/web@R", false),
            (["HTTP/web"], "HTTP/web@R", true),
            (["HTTP/web"], "HTTP/web", true),
            (["HTTP/web"], "HTTP/other@R", false),
            // Wider than what is allowed.
            (["HTTP/web"], "HTTP", false),
            (["HTTP/web@R"], "HTTP/web", false),
            (["HTTP/web@R"], "HTTP/web@S", false),
        ] {
            let services = Services::These(names(&allowed));
            let narrowed = services.narrow(&names(&[wanted]));
            assert_eq!(narrowed.is_ok(), may, "{wanted} of {allowed:?}");
        }
        // No wish is all that one may have, and no more.
        let services = Services::These(names(&["HTTP", "host/a"]));
        assert_eq!(services.narrow(&[]), Ok(names(&["HTTP", "host/a"])));
    }

    #[test]
    fn a_user_who_is_not_named_may_nothing() {
        let mut access = Access::default();
        access.allow(33, &names(&["HTTP"]));
        access.allow(33, &names(&["host"]));
        access.allow(0, &[]);
        let both = Services::These(names(&["HTTP", "host"]));
        assert_eq!(access.of(33), Some(&both));
        assert_eq!(access.of(0), Some(&Services::All));
        assert_eq!(access.of(34), None);
    }
}
