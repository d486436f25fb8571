//! A client that is known, and the layer that protects what it says (RFC 4422
//! 3.7, RFC 4752 3.3).

use core::fmt;

use super::SecurityLayer;
use crate::{Context, Error, Protection, Rejection, SaslRejection, SequenceState};

/// Before a token goes its length: four bytes in network byte order.
const PREFIX: usize = 4;
/// The longest token to send, where the client has not said how long it may
/// be (GSS-SPNEGO): what Cyrus SASL takes unless it is told.
const MAX_SEND: usize = 1 << 16;

/// A client that has come in.
///
/// `Send + Sync` and full duplex like its [`Context`]: one thread may
/// [`encode`](Self::encode) while another [`decodes`](Self::decode).
pub struct SaslSession {
    context: Context,
    layer: SecurityLayer,
    authorization_id: Option<String>,
    max_send: usize,
    max_receive: usize,
}

impl SaslSession {
    pub(super) fn new(context: Context, layer: SecurityLayer, max_receive: usize) -> Self {
        Self {
            context,
            layer,
            authorization_id: None,
            max_send: MAX_SEND,
            max_receive,
        }
    }

    /// With what the client said of itself.
    pub(super) fn negotiated(
        mut self,
        max_send: usize,
        authorization_id: Option<String>,
    ) -> Result<Self, Error> {
        self.max_send = max_send;
        self.authorization_id = authorization_id;
        if self.protection().is_some() && self.room() == 0 {
            let size = max_send;
            return Err(Rejection::Sasl(SaslRejection::MaxSize { size }).into());
        }
        Ok(self)
    }

    /// Who the client is.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Takes the context out, for a session without a layer.
    #[must_use]
    pub fn into_context(self) -> Context {
        self.context
    }

    /// Whom the client acts as, if it asked to be somebody; that it may has
    /// been checked. Otherwise it acts as itself.
    #[must_use]
    pub fn authorization_id(&self) -> Option<&str> {
        self.authorization_id.as_deref()
    }

    /// What protects the connection from now on. Where it is
    /// [`SecurityLayer::None`], [`encode`](Self::encode) and
    /// [`decode`](Self::decode) change nothing.
    #[must_use]
    pub fn layer(&self) -> SecurityLayer {
        self.layer
    }

    /// What goes over the wire for these bytes: one or several protected
    /// messages, none of them longer than the client takes.
    ///
    /// # Errors
    ///
    /// As for [`Context::wrap`].
    pub fn encode(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let Some(protection) = self.protection() else {
            return Ok(data.to_vec());
        };
        let mut encoded = Vec::with_capacity(data.len() + 128);
        for part in data.chunks(self.room().max(1)) {
            let token = self.context.wrap(protection, part)?;
            if token.len() > self.max_send {
                let size = self.max_send;
                return Err(Rejection::Sasl(SaslRejection::MaxSize { size }).into());
            }
            let length = u32::try_from(token.len()).unwrap_or(u32::MAX);
            encoded.extend_from_slice(&length.to_be_bytes());
            encoded.extend_from_slice(&token);
        }
        Ok(encoded)
    }

    /// Takes the next message out of what has come over the wire, and gives
    /// what is in it; `None` if it has not come whole. Call it until then, and
    /// append what comes next to the same buffer.
    ///
    /// A length is looked at as soon as it is there, so a buffer need never
    /// hold more than one message and what came with its end.
    ///
    /// # Errors
    ///
    /// A message that is longer than agreed, not the next one, not protected
    /// as agreed, or altered: close the connection. No later message is taken
    /// then, since none of them is the next one.
    pub fn decode(&self, buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
        let Some(protection) = self.protection() else {
            return Ok((!buffer.is_empty()).then(|| core::mem::take(buffer)));
        };
        let Some(prefix) = buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > self.max_receive {
            return Err(Rejection::Sasl(SaslRejection::TooLong {
                length,
                limit: self.max_receive,
            })
            .into());
        }
        let Some(token) = buffer.get(PREFIX..PREFIX + length) else {
            return Ok(None);
        };
        let message = self.context.unwrap(token)?;
        if message.sequence != SequenceState::InOrder {
            let state = message.sequence;
            return Err(Rejection::Sasl(SaslRejection::OutOfSequence { state }).into());
        }
        if protection == Protection::Confidentiality && message.protection != protection {
            return Err(Rejection::Sasl(SaslRejection::NotEncrypted).into());
        }
        buffer.drain(..PREFIX + length);
        Ok(Some(message.data))
    }

    fn protection(&self) -> Option<Protection> {
        match self.layer {
            SecurityLayer::None => None,
            SecurityLayer::Integrity => Some(Protection::Integrity),
            SecurityLayer::Confidentiality => Some(Protection::Confidentiality),
        }
    }

    /// How many bytes fit into the longest message that the client takes.
    fn room(&self) -> usize {
        self.protection().map_or(usize::MAX, |protection| {
            self.context.sizes().max_data(protection, self.max_send)
        })
    }
}

impl fmt::Debug for SaslSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslSession")
            .field("context", &self.context)
            .field("layer", &self.layer)
            .field("authorization_id", &self.authorization_id)
            .finish_non_exhaustive()
    }
}
