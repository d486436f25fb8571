//! What went over each connection, for the page, and what was decided, for the log.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gss_acceptor::http::tower::{Connection, Event, Observer, Verdict, Way};

use crate::token::{self, Leg};

/// The legs of the last handshake of each connection.
#[derive(Default)]
pub struct Legs(Mutex<HashMap<u64, Handshake>>);

#[derive(Default)]
struct Handshake {
    legs: Vec<Leg>,
    /// Whether the next token belongs to it.
    goes_on: bool,
}

impl Legs {
    fn all(&self) -> MutexGuard<'_, HashMap<u64, Handshake>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of(&self, connection: &Connection) -> Vec<Leg> {
        let all = self.all();
        let found = all.get(&connection.id());
        found
            .map(|handshake| handshake.legs.clone())
            .unwrap_or_default()
    }

    /// The connection is closed.
    pub fn forget(&self, connection: &Connection) {
        self.all().remove(&connection.id());
    }
}

/// Shared by the layer, which tells it, and the page, which asks.
pub struct Watch(pub std::sync::Arc<Legs>);

impl Observer for Watch {
    fn leg(&self, connection: Option<&Connection>, way: Way, token: &[u8]) {
        let Some(connection) = connection else { return };
        let mut all = self.0.all();
        let handshake = all.entry(connection.id()).or_default();
        let way = match way {
            Way::In => token::Way::ToServer,
            Way::Out => token::Way::ToClient,
        };
        if way == token::Way::ToServer && !handshake.goes_on {
            handshake.legs.clear();
        }
        handshake.legs.push(Leg::token(way, token));
    }

    fn decided(&self, event: &Event<'_>) {
        if let Some(connection) = event.connection
            && let Some(handshake) = self.0.all().get_mut(&connection.id())
        {
            handshake.goes_on = event.verdict == Verdict::Continued;
        }
        let from = event.connection.and_then(Connection::peer_address);
        let from = from.map_or_else(|| "a client".into(), |address| address.to_string());
        let reason = event.reason.as_deref();
        match (event.verdict, event.client, reason) {
            (Verdict::Authenticated, Some(client), _) => {
                eprintln!(
                    "{from}: let in: {} ({})",
                    client.peer(),
                    client.via().name()
                );
            }
            (Verdict::Continued, _, Some(why)) => eprintln!("{from}: asked to try again: {why}"),
            (Verdict::NeedsConnection, ..) => {
                eprintln!("{from}: this login needs HTTP/1.1 and a connection of its own");
            }
            (verdict, _, Some(why)) => eprintln!("{from}: not let in ({}): {why}", verdict.name()),
            _ => {}
        }
    }
}
