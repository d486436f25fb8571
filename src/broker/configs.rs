//! The configurations that applications ask for, within what they may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Make;
use super::access::Services;
use crate::backends::broker_wire::requests::Wanted;
use crate::config::{AcceptorConfig, ConfigBuilder, Limits};
use crate::encoding::Writer;
use crate::error::{Error, Misuse};
use crate::mechanism::Mechanism;
use crate::requirements::Requirements;

/// How many configurations are kept that nobody uses just now.
const KEPT: usize = 64;

/// What a handshake is accepted with.
pub(super) struct Configured {
    pub(super) config: AcceptorConfig,
    /// Whether delegated credentials go along.
    pub(super) delegated: bool,
}

/// Applications that want the same share it.
pub(super) struct Configs {
    make: Arc<Make>,
    alias_limit: usize,
    known: Mutex<HashMap<Vec<u8>, Arc<Configured>>>,
}

impl Configs {
    pub(super) fn new(make: Arc<Make>, alias_limit: usize) -> Self {
        Self {
            make,
            alias_limit,
            known: Mutex::default(),
        }
    }

    /// The configuration for these wishes. Reads the credentials, unless
    /// somebody has the same.
    pub(super) fn get(
        &self,
        services: &Services,
        mut wanted: Wanted,
    ) -> Result<Arc<Configured>, Error> {
        wanted.services = services.narrow(&wanted.services).map_err(|name| {
            refused(format!(
                "this user may not accept {name}; `allow` it in the broker's configuration"
            ))
        })?;
        if matches!(services, Services::These(_)) && wanted.mechanisms.contains(&Mechanism::Ntlm) {
            return Err(refused(
                "NTLM proves no service, so a user who is limited to services cannot have it",
            ));
        }
        let mut writer = Writer::new();
        wanted.write(&mut writer);
        let key = writer.finish().expose().to_vec();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.get(&key) {
            return Ok(Arc::clone(own));
        }
        if known.len() >= KEPT {
            known.retain(|_, own| Arc::strong_count(own) > 1);
        }
        let delegated = (wanted.required | wanted.requested).contains(Requirements::DELEGATE);
        let config = self.builder(&wanted)?.build()?;
        let own = Arc::new(Configured { config, delegated });
        known.insert(key, Arc::clone(&own));
        Ok(own)
    }

    fn builder(&self, wanted: &Wanted) -> Result<ConfigBuilder, Error> {
        let aliases = usize::try_from(wanted.alias_limit).unwrap_or(usize::MAX);
        if aliases > self.alias_limit {
            return Err(refused(format!(
                "keys of {aliases} other principals are to be tried, and it permits {} \
                 (`alias_limit`)",
                self.alias_limit
            )));
        }
        let builder = (self.make)();
        let permitted = builder.permitted_etypes();
        let etypes: Vec<_> = wanted
            .etypes
            .iter()
            .copied()
            .filter(|etype| permitted.contains(etype))
            .collect();
        if etypes.is_empty() {
            return Err(refused(format!(
                "none of the encryption types is permitted; it permits {}",
                crate::error::list(&permitted)
            )));
        }
        let max_token = usize::try_from(wanted.max_token).unwrap_or(usize::MAX);
        let limits = Limits {
            max_token: max_token.min(Limits::default().max_token),
            // Users who want the same share the configuration. Their half-done
            // handshakes are counted apart (`half_open_per_user`), so that none
            // of them can take the places of the others.
            max_half_open: usize::MAX,
            ..Limits::default()
        };
        let builder = if etypes == permitted {
            builder
        } else {
            builder.only_etypes(&etypes)
        };
        let builder = wanted
            .services
            .iter()
            .cloned()
            .fold(builder, ConfigBuilder::accept_service);
        Ok(builder
            .mechanisms(&wanted.mechanisms)
            .require(wanted.required)
            .request(wanted.requested)
            .channel_bindings(wanted.bindings)
            .data_representation(wanted.representation)
            .alias_limit(aliases)
            .limits(limits))
    }
}

pub(super) fn refused(text: impl Into<String>) -> Error {
    Misuse::Broker { text: text.into() }.into()
}
