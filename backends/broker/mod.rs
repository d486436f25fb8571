//! The acceptor in another process, which holds the keys: the Unix shape of
//! `SpAcceptLsaModeContext`. `wire/mod.rs` has the protocol.

#![forbid(unsafe_code)]

mod accept;
mod context;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod link;
pub(crate) mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::accept::{AwaitToken, Shared};
use self::link::{Link, Place};
use self::wire::answers::Offer;
use self::wire::requests::Wanted;
use super::{
    Backend, BackendDescription, ContextImporter, Exchange, PreparedBackend, Settings, importers,
};
use crate::error::{Error, Misuse};
use crate::facts::{Ability, Capabilities};
use crate::mechanism::Mechanism;
use crate::realms::Capaths;

const NAME: &str = "broker";

/// The acceptor of a broker. See [`broker()`].
pub struct BrokerBackend {
    place: Place,
    importers: Importers,
    offer: Offer,
}

/// How a broker is reached.
#[must_use]
pub struct BrokerOptions {
    place: Place,
    importers: Importers,
}

/// The acceptor of the broker (`gss-acceptor-broker`) that listens on this
/// Unix socket. It holds the keytab, and this process never sees a key of the
/// service's: it sends the clients' tokens and gets established contexts,
/// which it then uses by itself.
///
/// ```no_run
/// # fn main() -> Result<(), gss_acceptor::Error> {
/// use gss_acceptor::{AcceptorConfig, Requirements, backends};
///
/// let config = AcceptorConfig::builder(backends::broker("/run/gss-acceptor/broker.sock")?)
///     .require(Requirements::MUTUAL_AUTH)
///     .build()?;
/// # Ok(()) }
/// ```
///
/// What is required, channel bindings, services and encryption types are this
/// process's to say, within what the broker permits its user; the policy is
/// asked there, before a token is spent, and here again. Clock, clock skew,
/// replay store and paths of realms are the broker's: to set them here is
/// refused.
///
/// A step waits for the broker, no longer than
/// [`timeout`](BrokerOptions::timeout), and blocks no runtime
/// ([`step_async`](crate::Acceptor::step_async)). When the broker ends,
/// half-done handshakes fail with
/// [`Unavailability::Broker`](crate::Unavailability::Broker), established
/// contexts go on, and the next handshake finds the next broker.
///
/// # Errors
///
/// [`Unavailability::Broker`](crate::Unavailability::Broker): none listens
/// there, or it is run by somebody who may not be trusted.
pub fn broker(path: impl Into<PathBuf>) -> Result<BrokerBackend, Error> {
    BrokerOptions::new(path).open()
}

impl BrokerOptions {
    /// The broker at this socket.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place {
                path: path.into(),
                run_by: None,
                timeout: Duration::from_secs(10),
            },
            importers: importers(),
        }
    }

    /// Takes up contexts of another backend's too: those of a broker that runs
    /// the system's library need the library here as well
    /// (`GssapiBackend::importer`).
    pub fn importer(mut self, importer: impl ContextImporter + 'static) -> Self {
        self.importers.push(Box::new(importer));
        self
    }

    /// Trusts a broker that this user runs, besides root and this process's
    /// own user. Whoever answers on the socket says who a client is, so it is
    /// asked of the kernel who began to listen there (`SO_PEERCRED`).
    pub fn run_by(mut self, uid: u32) -> Self {
        self.place.run_by = Some(uid);
        self
    }

    /// How long an answer may take: 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.place.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Asks the broker what it can do.
    ///
    /// # Errors
    ///
    /// As for [`broker()`].
    pub fn open(self) -> Result<BrokerBackend, Error> {
        let offer = link::ask_capabilities(&self.place)?;
        Ok(BrokerBackend {
            place: self.place,
            importers: self.importers,
            offer,
        })
    }
}

impl core::fmt::Debug for BrokerOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("BrokerOptions").field(&self.place).finish()
    }
}

impl Backend for BrokerBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        self.offer.capabilities.clone()
    }

    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        if self.offer.authorizing.contains(&mechanism) {
            Ability::Can
        } else {
            Ability::Cannot
        }
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        if settings.capaths != Capaths::default() {
            let (backend, setting) = (NAME, "capaths");
            return Err(Misuse::CannotSet { backend, setting }.into());
        }
        let wanted = Wanted::of(&settings);
        let (link, description) = Link::start(self.place.clone(), &wanted)?;
        Ok(Box::new(Prepared {
            shared: Arc::new(Shared::new(link, self.importers)),
            description: describe(&self.place, description),
        }))
    }
}

/// The broker's own words, and that it is one.
fn describe(place: &Place, own: BackendDescription) -> BackendDescription {
    let library = own
        .library
        .map_or_else(String::new, |text| format!(" ({text})"));
    BackendDescription {
        backend: NAME,
        library: Some(format!(
            "{}{library}, in the broker at {}",
            own.backend,
            place.path.display()
        )),
        ..own
    }
}

struct Prepared {
    shared: Arc<Shared>,
    description: BackendDescription,
}

impl PreparedBackend for Prepared {
    fn describe(&self) -> BackendDescription {
        self.description.clone()
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(AwaitToken::first(Arc::clone(&self.shared)))
    }
}

type Importers = Vec<Box<dyn ContextImporter>>;
