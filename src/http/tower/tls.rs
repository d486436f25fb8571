//! TLS by tokio-rustls: connections that know their channel.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};
use tokio_rustls::server::TlsStream;

use crate::channel_bindings::{ChannelBindings, ChannelBindingsError};
use crate::http::tower::connection::Connection;

/// Accepts TLS connections, and says what their clients bind to.
///
/// ```no_run
/// # async fn f(tls: std::sync::Arc<tokio_rustls::rustls::ServerConfig>, certificate: &[u8])
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use gss_acceptor::http::tower::ServerTls;
///
/// // The certificate that `tls` presents, in DER.
/// let tls = ServerTls::new(tls, certificate)?;
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// let (stream, peer) = listener.accept().await?;
/// let (stream, connection) = tls.accept(stream, peer).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
    bindings: Arc<Kind>,
}

type ByName = dyn Fn(Option<&str>) -> Option<ChannelBindings> + Send + Sync;

enum Kind {
    /// `tls-server-end-point` of the one certificate.
    EndPoint(ChannelBindings),
    /// `tls-exporter` of each connection.
    Exporter,
    /// As the application says, by the name that the client asked for.
    ByName(Box<ByName>),
}

/// How long a TLS handshake may take.
const TIME: Duration = Duration::from_secs(10);

impl ServerTls {
    /// For a server with one certificate: `certificate_der` is the leaf that
    /// `config` presents, whatever the client asks for.
    ///
    /// Clients bind to `tls-server-end-point`. Where RFC 5929 leaves that
    /// undefined (an Ed25519 certificate), `tls-exporter` is bound to.
    ///
    /// # Errors
    ///
    /// As [`ChannelBindings::tls_server_end_point`], but for
    /// [`NoHash`](ChannelBindingsError::NoHash).
    pub fn new(
        config: Arc<ServerConfig>,
        certificate_der: &[u8],
    ) -> Result<Self, ChannelBindingsError> {
        let kind = match ChannelBindings::tls_server_end_point(certificate_der) {
            Ok(bindings) => Kind::EndPoint(bindings),
            Err(ChannelBindingsError::NoHash { .. }) => Kind::Exporter,
            Err(error) => return Err(error),
        };
        Ok(Self::with(config, kind))
    }

    /// For clients that bind to `tls-exporter` (RFC 9266), whatever the
    /// certificate. Browsers, curl and Windows do not.
    #[must_use]
    pub fn exporter(config: Arc<ServerConfig>) -> Self {
        Self::with(config, Kind::Exporter)
    }

    /// For a server with several certificates: `bindings` says what a client
    /// binds to that asked for this server name (SNI). It must know which
    /// certificate `config` presents then.
    #[must_use]
    pub fn by_server_name(
        config: Arc<ServerConfig>,
        bindings: impl Fn(Option<&str>) -> Option<ChannelBindings> + Send + Sync + 'static,
    ) -> Self {
        Self::with(config, Kind::ByName(Box::new(bindings)))
    }

    fn with(config: Arc<ServerConfig>, kind: Kind) -> Self {
        Self {
            acceptor: TlsAcceptor::from(config),
            bindings: Arc::new(kind),
        }
    }

    /// The TLS handshake of a connection from `peer`.
    ///
    /// # Errors
    ///
    /// Whatever ends the TLS handshake; [`io::ErrorKind::TimedOut`] after ten
    /// seconds.
    pub async fn accept<IO>(
        &self,
        stream: IO,
        peer: SocketAddr,
    ) -> io::Result<(TlsStream<IO>, Connection)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = ::tokio::time::timeout(TIME, self.acceptor.accept(stream)).await;
        let stream = accepted.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
        })??;
        let bindings = self.bindings.of(stream.get_ref().1)?;
        Ok((stream, Connection::tls(Some(peer.ip()), bindings)))
    }
}

impl Kind {
    fn of(&self, tls: &ServerConnection) -> io::Result<Option<ChannelBindings>> {
        match self {
            Self::EndPoint(bindings) => Ok(Some(bindings.clone())),
            Self::ByName(bindings) => Ok(bindings(tls.server_name())),
            Self::Exporter => {
                // RFC 9266 section 2; rustls refuses TLS 1.2 without the
                // extended master secret by itself.
                let label = b"EXPORTER-Channel-Binding";
                let keying = tls
                    .export_keying_material([0; 32], label, Some(&[]))
                    .map_err(io::Error::other)?;
                let bindings = ChannelBindings::tls_exporter(&keying);
                bindings.map(Some).map_err(io::Error::other)
            }
        }
    }
}

impl core::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kind = match &*self.bindings {
            Kind::EndPoint(_) => "tls-server-end-point",
            Kind::Exporter => "tls-exporter",
            Kind::ByName(_) => "by server name",
        };
        f.debug_tuple("ServerTls").field(&kind).finish()
    }
}
