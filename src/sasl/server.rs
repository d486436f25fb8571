//! How a server lets clients in through SASL.

use core::fmt;
use std::sync::Arc;

use super::choice::MAX_SIZE;
use super::{SaslExchange, SaslMechanism, SecurityLayer};
use crate::{AcceptorConfig, Context, Error, Granted, Rejection, SaslRejection};

/// Whether the client may act as somebody.
type Authorize = dyn Fn(&Context, &str) -> bool + Send + Sync;

/// What a server offers through SASL. One for the life of the server; cheap
/// to clone.
#[derive(Clone)]
pub struct SaslServer {
    config: AcceptorConfig,
    layers: Vec<SecurityLayer>,
    max_receive: usize,
    authorize: Option<Arc<Authorize>>,
}

/// What a server takes at once, unless it is told.
const MAX_RECEIVE: usize = 1 << 20;

impl SaslServer {
    /// Accepts any layer, and messages of up to 1 MiB.
    #[must_use]
    pub fn new(config: &AcceptorConfig) -> Self {
        Self {
            config: config.clone(),
            layers: SecurityLayer::ALL.to_vec(),
            max_receive: MAX_RECEIVE,
            authorize: None,
        }
    }

    /// The security layers that a client may choose among. Over TLS have
    /// [`SecurityLayer::None`] alone, and without it the others alone, so that
    /// nobody takes over the connection of a client that is known.
    #[must_use]
    pub fn layers(mut self, layers: &[SecurityLayer]) -> Self {
        self.layers = layers.to_vec();
        self
    }

    /// The longest protected message to take from a client, in bytes and with
    /// its protection: 1 MiB unless set, and at most 16 MiB less one, since
    /// RFC 4752 has 24 bits to say it. With GSS-SPNEGO the client is not told.
    #[must_use]
    pub fn max_receive(mut self, bytes: usize) -> Self {
        self.max_receive = bytes.min(MAX_SIZE);
        self
    }

    /// Whether a client may act as the authorization identity that it names
    /// (RFC 4422 3.4.1), which is not empty. Unless set, only its own name is
    /// taken, as [`Context::peer`] displays it.
    #[must_use]
    pub fn authorize(
        mut self,
        allows: impl Fn(&Context, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.authorize = Some(Arc::new(allows));
        self
    }

    /// A handshake by this mechanism.
    #[must_use]
    pub fn begin(&self, mechanism: SaslMechanism) -> SaslExchange {
        SaslExchange::new(self.clone(), mechanism)
    }

    pub(super) fn config(&self) -> &AcceptorConfig {
        &self.config
    }

    pub(super) fn max(&self) -> usize {
        self.max_receive
    }

    /// The layers that are accepted and that this context can have. A layer
    /// without a sequence would let messages be dropped and repeated, so RFC
    /// 4752 3.1 has clients ask for it.
    pub(super) fn possible(&self, context: &Context) -> Result<Vec<SecurityLayer>, Error> {
        let granted = context.granted();
        let able = |layer: &SecurityLayer| match layer {
            SecurityLayer::None => true,
            SecurityLayer::Integrity => {
                granted.contains(Granted::INTEGRITY | Granted::SEQUENCE_DETECT)
            }
            SecurityLayer::Confidentiality => granted
                .contains(Granted::CONFIDENTIALITY | Granted::INTEGRITY | Granted::SEQUENCE_DETECT),
        };
        let layers: Vec<_> = self.layers.iter().copied().filter(able).collect();
        if layers.is_empty() {
            return Err(self.no_layer(context));
        }
        Ok(layers)
    }

    /// The layer that follows from the context's flags alone: what the client
    /// will use, whatever we would like better.
    pub(super) fn implied(&self, context: &Context) -> Result<SecurityLayer, Error> {
        let granted = context.granted();
        let layer = if granted.contains(Granted::CONFIDENTIALITY) {
            SecurityLayer::Confidentiality
        } else if granted.contains(Granted::INTEGRITY) {
            SecurityLayer::Integrity
        } else {
            SecurityLayer::None
        };
        if self.possible(context)?.contains(&layer) {
            Ok(layer)
        } else {
            Err(self.no_layer(context))
        }
    }

    fn no_layer(&self, context: &Context) -> Error {
        let names: Vec<String> = self.layers.iter().map(ToString::to_string).collect();
        Rejection::Sasl(SaslRejection::NoLayer {
            granted: context.granted().names(),
            accepted: names.join(", "),
        })
        .into()
    }

    pub(super) fn check_authorization(&self, context: &Context, name: &str) -> Result<(), Error> {
        let peer = context.peer().to_string();
        let allowed = match &self.authorize {
            Some(allows) => allows(context, name),
            None => name == peer,
        };
        if allowed {
            return Ok(());
        }
        Err(Rejection::Sasl(SaslRejection::NotAuthorized {
            peer,
            authorization_id: name.to_owned(),
        })
        .into())
    }
}

impl fmt::Debug for SaslServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslServer")
            .field("layers", &self.layers)
            .field("max_receive", &self.max_receive)
            .finish_non_exhaustive()
    }
}
