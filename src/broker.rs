//! The broker: the acceptor in a process of its own, for others on the same
//! machine. `gss-acceptor-broker` is this with a configuration file; an
//! application may as well run it in a process of its own making.
//!
//! The other side is [`backends::broker`](crate::backends::broker()). Their
//! protocol is in `backends/broker/wire/mod.rs`.
//!
//! # What it guards
//!
//! The keys: whoever takes over an application has its clients' sessions, and
//! not the keytab. A user may be limited to services
//! ([`BrokerBuilder::allow`]). Whoever may use a service through the broker
//! can accept its clients, as if it had the keytab, for as long as it may: it
//! cannot take the key away, make tickets, or read what others have recorded.
//!
//! # What a client may cost
//!
//! Frames, requests under way, half-done handshakes and connections are
//! limited ([`BrokerLimits`]), each user's apart from the others'. A client
//! that stops in the middle of a frame, or does not read its answers, is cut
//! off; nobody else waits for it.

mod access;
mod configs;
mod connection;
mod handshakes;

use core::fmt;
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use crate::backends::broker_wire::answers::Offer;
use crate::config::{ConfigBuilder, Description};
use crate::error::Error;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use access::Access;
use configs::Configs;

type Make = dyn Fn() -> ConfigBuilder + Send + Sync;

/// What its clients may cost a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerLimits {
    /// Connections of all users together.
    pub connections: usize,
    /// Connections of one user.
    pub connections_per_user: usize,
    /// Half-done handshakes of one user.
    pub half_open_per_user: usize,
    /// How long a handshake may stay half done.
    pub half_open_age: Duration,
    /// Requests of one connection that are under way; further ones are not
    /// read.
    pub requests_per_connection: usize,
    /// Configurations of one connection. An application has one a connection.
    pub configurations_per_connection: usize,
    /// Configurations of all connections of one user: each different one has
    /// its own table of keys.
    pub configurations_per_user: usize,
    /// How long a frame may take from its first byte to its last, either way.
    pub frame_time: Duration,
    /// Keys of other principals that are tried on a ticket, where an
    /// application asks for that
    /// ([`alias_limit`](ConfigBuilder::alias_limit)).
    pub alias_limit: usize,
    /// Threads. Steps that may block have as many again, eight at the least.
    pub threads: usize,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_user: 256,
            half_open_per_user: 4096,
            half_open_age: Duration::from_secs(120),
            requests_per_connection: 64,
            configurations_per_connection: 16,
            configurations_per_user: 512,
            frame_time: Duration::from_secs(5),
            alias_limit: 0,
            threads: 2,
        }
    }
}

/// Makes a [`Broker`].
#[must_use]
pub struct BrokerBuilder {
    make: Arc<Make>,
    access: Access,
    limits: BrokerLimits,
}

/// A broker that is ready to serve.
pub struct Broker(Arc<Shared>);

struct Shared {
    configs: Configs,
    access: Access,
    limits: BrokerLimits,
    offer: Offer,
    description: Description,
    users: connection::Users,
}

impl Broker {
    /// A broker on the backend, clock, replay store and limits that `make`
    /// says: it is called for each kind of settings that applications ask for,
    /// which are added to it. Nobody may use it but those who are
    /// [allowed](BrokerBuilder::allow).
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::os::unix::net::UnixListener;
    /// use gss_acceptor::broker::Broker;
    /// use gss_acceptor::{AcceptorConfig, Keytab, backends};
    ///
    /// let keytab = Keytab::open("/etc/http.keytab")?;
    /// let running = Broker::new(move || AcceptorConfig::builder(backends::rust(keytab.clone())))
    ///     .allow(33, &["HTTP".parse()?])
    ///     .build()?
    ///     .serve(UnixListener::bind("/run/gss-acceptor/broker.sock")?)?;
    /// running.wait();
    /// # Ok(()) }
    /// ```
    #[allow(clippy::new_ret_no_self)]
    pub fn new(make: impl Fn() -> ConfigBuilder + Send + Sync + 'static) -> BrokerBuilder {
        BrokerBuilder {
            make: Arc::new(make),
            access: Access::default(),
            limits: BrokerLimits::default(),
        }
    }

    /// What an operator should know when it starts.
    #[must_use]
    pub fn describe(&self) -> &Description {
        &self.0.description
    }

    /// Serves, on threads of its own. Who may open the socket is a matter of
    /// its permissions; who may use what, of [`BrokerBuilder::allow`].
    ///
    /// # Errors
    ///
    /// The system gives no threads.
    pub fn serve(self, listener: UnixListener) -> io::Result<RunningBroker> {
        let threads = self.0.limits.threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads.max(8))
            .thread_name("broker")
            .enable_io()
            .enable_time()
            .build()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::UnixListener::from_std(listener)?
        };
        runtime.spawn(connection::accept(listener, self.0));
        Ok(RunningBroker {
            runtime: Some(runtime),
        })
    }
}

impl BrokerBuilder {
    /// Lets this user in, for these services; for all, if there are none. May
    /// be called for several users, and again for one.
    pub fn allow(mut self, uid: u32, services: &[ServiceName]) -> Self {
        self.access.allow(uid, services);
        self
    }

    /// What clients may cost.
    pub fn limits(mut self, limits: BrokerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the credentials once, so that what is wrong with them is noticed.
    ///
    /// # Errors
    ///
    /// As for [`ConfigBuilder::build`].
    pub fn build(self) -> Result<Broker, Error> {
        let builder = (self.make)();
        let offer = Offer {
            capabilities: builder.capabilities(),
            authorizing: Mechanism::ALL
                .into_iter()
                .filter(|mechanism| builder.authorizes(*mechanism).can())
                .collect(),
        };
        let description = builder.build()?.describe();
        Ok(Broker(Arc::new(Shared {
            configs: Configs::new(self.make, self.limits.alias_limit),
            access: self.access,
            limits: self.limits,
            offer,
            description,
            users: connection::Users::default(),
        })))
    }
}

/// A broker that serves, until this is dropped.
pub struct RunningBroker {
    runtime: Option<tokio::runtime::Runtime>,
}

impl RunningBroker {
    /// Serves for ever.
    pub fn wait(self) {
        loop {
            std::thread::park();
        }
    }
}

impl Drop for RunningBroker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A step that hangs in a library must not keep the process.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("access", &self.0.access)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerBuilder")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RunningBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningBroker")
    }
}
