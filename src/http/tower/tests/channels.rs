//! TLS as clients see it: what they bind to is computed at their end, and compared at ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ::tokio::net::{TcpListener, TcpStream};
use axum::{Router, routing::get};
use rcgen::KeyPair;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::ResolvesServerCertUsingSni;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::until;
use crate::http::tower::{Authenticated, Connection, NegotiateLayer, ServerTls, TlsListener};
use crate::http::{Scheme, header_value};
use crate::testing::{Realm, Service};
use crate::{AcceptorConfig, ChannelBindingPolicy, ChannelBindings, backends};

struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: made.cert.der().clone(),
            key: made.signing_key,
        }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    fn config(&self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let certificates = vec![self.certificate.clone()];
        Arc::new(builder.with_single_cert(certificates, self.key()).unwrap())
    }

    fn end_point(&self) -> ChannelBindings {
        ChannelBindings::tls_server_end_point(&self.certificate).unwrap()
    }
}

/// Two certificates, told apart by the name that a client asks for.
fn by_name(all: &[(&str, &Identity)]) -> Arc<ServerConfig> {
    let mut resolver = ResolvesServerCertUsingSni::new();
    for (name, identity) in all {
        let key = any_supported_type(&identity.key()).unwrap();
        let certified = CertifiedKey::new(vec![identity.certificate.clone()], key);
        resolver.add(name, certified).unwrap();
    }
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    Arc::new(builder.with_cert_resolver(Arc::new(resolver)))
}

/// axum's own server, which lets nobody in who is not bound to the channel.
struct Running {
    service: Service,
    address: SocketAddr,
    server: ::tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(tls: ServerTls, most: usize) -> Self {
        let service = Realm::new("EXAMPLE.TEST")
            .service("HTTP/localhost")
            .unwrap();
        let config = AcceptorConfig::builder(backends::rust(service.keytab()))
            .channel_bindings(ChannelBindingPolicy::Require)
            .build()
            .unwrap();
        let who = |client: Authenticated| async move { client.peer().to_string() };
        let app = Router::new()
            .route("/", get(who))
            .layer(NegotiateLayer::new(&config))
            .into_make_service_with_connect_info::<Connection>();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listener = TlsListener::new(tcp, tls).max_handshakes(most);
        let server = ::tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            service,
            address,
            server,
        }
    }

    /// A client that trusts `identity` alone, and asks for it by `name`.
    async fn connect(&self, identity: &Identity, name: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(identity.certificate.clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        connector.connect(name, stream).await.unwrap()
    }

    /// Status and page of a login that is bound to `bindings`.
    async fn log_in(&self, stream: &mut TlsStream<TcpStream>, to: &ChannelBindings) -> String {
        let client = self.service.client("alice").channel_bindings(to);
        let value = header_value(Scheme::Negotiate, Some(&client.token().unwrap()));
        let request = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap();
        let page = answer.rsplit("\r\n\r\n").next().unwrap();
        format!("{status} {page}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// RFC 9266 section 2, at the client's end.
fn exported(stream: &TlsStream<TcpStream>) -> ChannelBindings {
    let (_, tls) = stream.get_ref();
    let label = b"EXPORTER-Channel-Binding";
    let keying = tls
        .export_keying_material([0; 32], label, Some(&[]))
        .unwrap();
    ChannelBindings::tls_exporter(&keying).unwrap()
}

const ALICE: &str = "200 alice@EXAMPLE.TEST";

#[::tokio::test]
async fn a_login_is_bound_to_the_certificate() {
    let (own, other) = (Identity::new("localhost"), Identity::new("localhost"));
    let tls = ServerTls::new(own.config(), &own.certificate).unwrap();
    let server = Running::start(tls, 16).await;
    let mut stream = server.connect(&own, "localhost").await;
    assert_eq!(server.log_in(&mut stream, &own.end_point()).await, ALICE);
    // As it is when somebody in between has a certificate of his own.
    let mut stream = server.connect(&own, "localhost").await;
    let answer = server.log_in(&mut stream, &other.end_point()).await;
    assert!(answer.starts_with("401"), "{answer}");
}

#[::tokio::test]
async fn a_login_is_bound_to_its_own_connection() {
    let own = Identity::new("localhost");
    let server = Running::start(ServerTls::exporter(own.config()), 16).await;
    let mut one = server.connect(&own, "localhost").await;
    let mut two = server.connect(&own, "localhost").await;
    let (ones, twos) = (exported(&one), exported(&two));
    assert_eq!(server.log_in(&mut one, &ones).await, ALICE);
    // The same server, the same certificate, another connection.
    let answer = server.log_in(&mut two, &ones).await;
    assert!(answer.starts_with("401"), "{answer}");
    let mut three = server.connect(&own, "localhost").await;
    assert_ne!(exported(&three), twos);
    // The certificate is not what is bound to here.
    let answer = server.log_in(&mut three, &own.end_point()).await;
    assert!(answer.starts_with("401"), "{answer}");
}

#[::tokio::test]
async fn each_name_has_its_own_channel() {
    let (a, b) = (Identity::new("a.test"), Identity::new("b.test"));
    let (of_a, of_b) = (a.end_point(), b.end_point());
    let bindings = move |name: Option<&str>| match name {
        Some("a.test") => Some(of_a.clone()),
        Some("b.test") => Some(of_b.clone()),
        _ => None,
    };
    let config = by_name(&[("a.test", &a), ("b.test", &b)]);
    let server = Running::start(ServerTls::by_server_name(config, bindings), 16).await;
    for (identity, name, other) in [(&a, "a.test", &b), (&b, "b.test", &a)] {
        let mut stream = server.connect(identity, name).await;
        assert_eq!(
            server.log_in(&mut stream, &identity.end_point()).await,
            ALICE
        );
        let mut stream = server.connect(identity, name).await;
        let answer = server.log_in(&mut stream, &other.end_point()).await;
        assert!(answer.starts_with("401"), "{name}: {answer}");
    }
}

/// Clients that say nothing hold up nobody, and the oldest of them goes when there are too many.
#[::tokio::test]
async fn a_client_that_never_speaks_tls_holds_up_nobody() {
    let own = Identity::new("localhost");
    let tls = ServerTls::new(own.config(), &own.certificate).unwrap();
    let server = Running::start(tls, 8).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let began = Instant::now();
    let mut stream = server.connect(&own, "localhost").await;
    assert_eq!(server.log_in(&mut stream, &own.end_point()).await, ALICE);
    // A TLS handshake's own limit is ten seconds.
    assert!(began.elapsed() < Duration::from_secs(8));
    let end = ::tokio::time::timeout(Duration::from_secs(8), silent[0].read_u8()).await;
    assert!(end.expect("given up by now").is_err());
    // The last ones wait on.
    let last = silent.last_mut().unwrap();
    let waits = ::tokio::time::timeout(Duration::from_millis(100), last.read_u8()).await;
    assert!(waits.is_err());
    // Seven handshakes, and the server itself: the connection that was served has ended.
    let tasks = ::tokio::runtime::Handle::current().metrics();
    until(|| tasks.num_alive_tasks() == 8).await;
    // They end with the listener.
    drop(server);
    until(|| tasks.num_alive_tasks() == 0).await;
}
