//! TLS for axum's own server.

use core::future::poll_fn;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::axum::extract::connect_info::Connected;
use ::axum::serve::{IncomingStream, Listener};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::server::TlsStream;

use crate::http::tower::connection::Connection;
use crate::http::tower::tls::ServerTls;

/// A listener for `axum::serve` whose connections have TLS, and know their
/// channel: logins over them are bound to it.
///
/// ```no_run
/// # async fn f(tls: gss_acceptor::http::tower::ServerTls, app: axum::Router)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use gss_acceptor::http::tower::{Connection, TlsListener};
///
/// let tcp = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// let app = app.into_make_service_with_connect_info::<Connection>();
/// axum::serve(TlsListener::new(tcp, tls), app).await?;
/// # Ok(()) }
/// ```
///
/// TLS handshakes go on beside each other, each for ten seconds at most: a
/// client that is slow holds up nobody. When there are too many
/// ([`max_handshakes`](Self::max_handshakes)) the oldest is given up. They end
/// with the listener.
#[derive(Debug)]
pub struct TlsListener {
    tcp: TcpListener,
    tls: ServerTls,
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, TlsPeer)>>,
    /// Those of [`Self::handshakes`] in the order in which they began, and
    /// some that have ended.
    order: VecDeque<AbortHandle>,
    most: usize,
}

/// The other end of a connection that a [`TlsListener`] has accepted.
#[derive(Clone, Debug)]
pub struct TlsPeer {
    address: SocketAddr,
    connection: Connection,
}

impl TlsPeer {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// A connection with TLS; or why the system gives none at all.
type Accepted = io::Result<(TlsStream<TcpStream>, TlsPeer)>;

impl TlsListener {
    /// TLS on the connections of `tcp`.
    #[must_use]
    pub fn new(tcp: TcpListener, tls: ServerTls) -> Self {
        Self {
            tcp,
            tls,
            handshakes: JoinSet::new(),
            order: VecDeque::new(),
            most: 1024,
        }
    }

    /// How many TLS handshakes go on at once; 1024 unless set, one at least.
    #[must_use]
    pub fn max_handshakes(mut self, most: usize) -> Self {
        self.most = most.max(1);
        self
    }

    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<Accepted> {
        loop {
            match self.tcp.poll_accept(context) {
                Poll::Ready(Ok((stream, peer))) => self.begin(stream, peer),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        loop {
            match self.handshakes.poll_join_next(context) {
                Poll::Ready(Some(Ok(Ok(accepted)))) => return Poll::Ready(Ok(accepted)),
                Poll::Ready(Some(Ok(Err(error)))) => {
                    ::tracing::debug!(%error, "a connection has no TLS");
                }
                // Given up.
                Poll::Ready(Some(Err(_))) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.order.len() >= self.most {
            self.order.retain(|one| !one.is_finished());
        }
        while self.order.len() >= self.most {
            // A stranger must not be able to hold every place.
            self.order.pop_front().as_ref().map(AbortHandle::abort);
        }
        let tls = self.tls.clone();
        // It is of no use to a login if small answers wait for each other.
        let _ = stream.set_nodelay(true);
        self.order.push_back(self.handshakes.spawn(async move {
            let (stream, connection) = tls.accept(stream, peer).await?;
            let address = peer;
            Ok((
                stream,
                TlsPeer {
                    address,
                    connection,
                },
            ))
        }));
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = TlsPeer;

    async fn accept(&mut self) -> (Self::Io, TlsPeer) {
        /// Out of file descriptors, most likely: they come back.
        const PAUSE: Duration = Duration::from_millis(100);
        loop {
            match poll_fn(|context| self.poll_connection(context)).await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    ::tracing::error!(%error, "cannot accept a connection");
                    ::tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<TlsPeer> {
        let address = self.tcp.local_addr()?;
        let connection = Connection::tls(None, None);
        Ok(TlsPeer {
            address,
            connection,
        })
    }
}

/// For `into_make_service_with_connect_info::<Connection>()`, over TLS.
impl Connected<IncomingStream<'_, TlsListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.remote_addr().connection.clone()
    }
}
