//! A client's connection, and what has been authenticated on it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};

use ::http::Request;
use ::tokio::time::Instant;
use tower_service::Service;

use crate::channel_bindings::ChannelBindings;
use crate::http::Scheme;
use crate::http::tower::login::Login;
use crate::tokio::Parked;

/// One client's connection. The server makes one when it accepts a
/// connection, and puts it into the extensions of **every** request that
/// comes over it: [`attach`](Self::attach) does that, and so does axum with
/// `into_make_service_with_connect_info::<Connection>()`.
///
/// What was authenticated on a connection is in here and nowhere else, so it
/// is gone when the last clone is. An address would be a bad name for a
/// connection: proxies have one for many clients, and it is used again.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    id: u64,
    transport: Transport,
    bindings: Option<ChannelBindings>,
    peer_address: Option<IpAddr>,
    /// One for each layer that has seen the connection: what one of them
    /// lets in is nothing to another.
    slots: Mutex<Vec<(u64, Slot)>>,
}

/// Whether others can read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// They can.
    Plain,
    /// TLS.
    Tls,
}

/// What has become of a connection's handshake.
#[derive(Default)]
pub(super) enum Slot {
    #[default]
    Idle,
    /// A step is under way, in the turn of this number.
    Stepping(u64),
    /// The client owes the next token.
    Awaiting { scheme: Scheme, parked: Parked },
    /// The connection's client is authenticated.
    In { login: Arc<Login>, since: Instant },
}

impl Connection {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(peer_address: Option<IpAddr>) -> Self {
        Self::new(Transport::Plain, peer_address, None)
    }

    /// A connection with TLS, and the bindings of its channel if they can be
    /// had. With the feature `tokio-rustls`, `ServerTls` makes it.
    #[must_use]
    pub fn tls(peer_address: Option<IpAddr>, bindings: Option<ChannelBindings>) -> Self {
        Self::new(Transport::Tls, peer_address, bindings)
    }

    fn new(
        transport: Transport,
        peer_address: Option<IpAddr>,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(Arc::new(Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            transport,
            bindings,
            // An IPv4 client of an IPv6 socket has its own address.
            peer_address: peer_address.map(|address| address.to_canonical()),
            slots: Mutex::new(Vec::new()),
        }))
    }

    /// A number that no other connection of this process has: for logs.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether it has TLS.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// Its TLS channel.
    #[must_use]
    pub fn bindings(&self) -> Option<&ChannelBindings> {
        self.0.bindings.as_ref()
    }

    /// The client's address.
    #[must_use]
    pub fn peer_address(&self) -> Option<IpAddr> {
        self.0.peer_address
    }

    /// `service` for the requests of this connection: each of them carries it.
    #[must_use]
    pub fn attach<S>(&self, service: S) -> WithConnection<S> {
        WithConnection {
            connection: self.clone(),
            service,
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<(u64, Slot)>> {
        // Slots are only ever replaced whole.
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces a layer's slot. What was in it is dropped by the caller, not
    /// under the lock.
    fn replace(&self, layer: u64, slot: Slot) -> Slot {
        let mut slots = self.slots();
        if let Some((_, old)) = slots.iter_mut().find(|(owner, _)| *owner == layer) {
            return core::mem::replace(old, slot);
        }
        slots.push((layer, slot));
        Slot::Idle
    }

    /// Ends whatever is there.
    pub(super) fn clear(&self, layer: u64) {
        drop(self.replace(layer, Slot::Idle));
    }

    /// Who is authenticated on it. Any other state ends: a request without a
    /// token is not the one that was awaited.
    pub(super) fn standing(&self, layer: u64) -> Option<(Arc<Login>, Instant)> {
        let mut slots = self.slots();
        let (_, slot) = slots.iter_mut().find(|(owner, _)| *owner == layer)?;
        if let Slot::In { login, since } = slot {
            return Some((Arc::clone(login), *since));
        }
        let ended = core::mem::take(slot);
        drop(slots);
        drop(ended);
        None
    }

    /// Begins a turn: takes what was there, and marks the slot.
    pub(super) fn begin(&self, layer: u64) -> (Turn, Slot) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let before = self.replace(layer, Slot::Stepping(number));
        let turn = Turn {
            connection: self.clone(),
            layer,
            number,
        };
        (turn, before)
    }
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.0.id)
            .field("transport", &self.0.transport)
            .field("bindings", &self.0.bindings)
            .field("peer_address", &self.0.peer_address)
            .finish_non_exhaustive()
    }
}

/// A step on a connection. If another request has used the connection
/// meanwhile, the turn is void: nothing of it is kept.
pub(super) struct Turn {
    connection: Connection,
    layer: u64,
    number: u64,
}

/// The turn was void.
pub(super) struct Void;

impl Turn {
    /// Ends the turn with a new state of the connection.
    pub(super) fn settle(self, slot: Slot) -> Result<(), Void> {
        self.put(slot)
    }

    fn put(&self, slot: Slot) -> Result<(), Void> {
        let mut slots = self.connection.slots();
        let own = slots.iter_mut().find(|(owner, state)| {
            *owner == self.layer && matches!(state, Slot::Stepping(n) if *n == self.number)
        });
        if let Some((_, state)) = own {
            *state = slot;
            return Ok(());
        }
        drop(slots);
        drop(slot);
        Err(Void)
    }
}

/// A turn that was given up leaves nothing.
impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.put(Slot::Idle);
    }
}

/// A service that knows which connection its requests come over.
#[derive(Clone, Debug)]
pub struct WithConnection<S> {
    connection: Connection,
    service: S,
}

impl<S, B> Service<Request<B>> for WithConnection<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(self.connection.clone());
        self.service.call(request)
    }
}
