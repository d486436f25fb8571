//! The state of a handshake is the broker's. Here is its number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Importers;
use super::context::BrokerContext;
use super::link::{Answer, Link, gone, unavailable};
use super::wire::answers::{Stepped, read_abandoned};
use super::wire::kind;
use super::wire::requests::StepRequest;
use crate::backends::{Exchange, Outcome};
use crate::context_data::ContextData;
use crate::error::Error;
use crate::reply::Reply;
use crate::secret::Secret;
use crate::token::StepInput;

/// The number of the one configuration of a connection.
pub(super) const CONFIGURATION: u32 = 1;

/// What the handshakes of a configuration share.
pub(super) struct Shared {
    link: Link,
    importers: Importers,
    next: AtomicU64,
}

impl Shared {
    pub(super) fn new(link: Link, importers: Importers) -> Self {
        Self {
            link,
            importers,
            next: AtomicU64::new(1),
        }
    }

    fn import(&self, data: ContextData) -> Result<Established, Error> {
        let importer = self
            .importers
            .iter()
            .find(|importer| importer.backend() == data.backend())
            .ok_or_else(|| {
                unavailable(format!(
                    "it runs the {} backend, whose contexts this process cannot take up \
                     (`BrokerOptions::importer`)",
                    data.backend()
                ))
            })?;
        let (facts, delegated, state) = data.into_parts();
        let backend = importer.backend();
        let inner = importer.import(state.expose())?;
        Ok((BrokerContext::new(backend, inner, delegated), facts))
    }
}

type Established = (BrokerContext, Box<crate::facts::Facts>);

/// Awaits the client's next token, or its first.
pub(super) struct AwaitToken(Place);

/// Where the handshake is at the broker. Dropped while it may be half done
/// there, it is given up there too.
struct Place {
    shared: Arc<Shared>,
    handshake: u64,
    /// The connection that it was begun on.
    connection: Option<u64>,
    half_done: bool,
}

impl AwaitToken {
    pub(super) fn first(shared: Arc<Shared>) -> Self {
        let handshake = shared.next.fetch_add(1, Ordering::Relaxed);
        Self(Place {
            shared,
            handshake,
            connection: None,
            half_done: false,
        })
    }
}

impl Exchange for AwaitToken {
    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let Self(mut place) = *self;
        let request = StepRequest {
            configuration: CONFIGURATION,
            handshake: place.handshake,
            first: place.connection.is_none(),
            bindings: input
                .channel_bindings
                .map(|bindings| bindings.application_data().to_vec()),
            address: input.peer_address,
            token: input.token.to_vec(),
        };
        let answer = place
            .shared
            .link
            .ask(kind::STEP, request.write(), place.connection);
        // If nobody waits for the answer, nobody goes on with it.
        place.half_done = true;
        answer.map(move |answer| place.go_on(answer))
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        let Self(mut place) = *self;
        place.half_done = false;
        let number = Secret::copy_from(&place.handshake.to_be_bytes());
        let connection = Some(place.connection?);
        let answer = place.shared.link.ask(kind::ABANDON, number, connection);
        let (_, frame) = answer.wait().ok()?;
        read_abandoned(&frame.body).flatten()
    }
}

impl Place {
    fn go_on(mut self, answer: Answer) -> Outcome {
        let (connection, frame) = match answer {
            Ok(answer) => answer,
            // It may have come too late: then it is given up there.
            Err(error) => return Outcome::fail(error),
        };
        self.half_done = false;
        match Stepped::read(&frame.body) {
            Some(Stepped::Continue { token, retry }) => {
                self.connection = Some(connection);
                self.half_done = true;
                Outcome::Continue {
                    token,
                    next: Box::new(AwaitToken(self)),
                    retry,
                }
            }
            Some(Stepped::Established { token, data }) => match self.shared.import(*data) {
                Ok((context, facts)) => Outcome::Established {
                    token,
                    context: Box::new(context),
                    facts,
                },
                Err(error) => Outcome::fail(error),
            },
            Some(Stepped::Failed { error, token }) => Outcome::Failed { error, token },
            None => Outcome::fail(gone("its answer cannot be read")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.half_done {
            let number = Secret::copy_from(&self.handshake.to_be_bytes());
            self.shared
                .link
                .tell(kind::ABANDON, number, self.connection);
        }
    }
}
