//! The server: connections, paths, answers. What is needed of this crate is the layer in
//! [`Server::router`], and in [`Server::serve`] the connection that each request is given.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::AcceptorConfig;
use gss_acceptor::http::tower::{
    Authenticated, Connection, Http11Required, NegotiateLayer, Refused, Verdict,
};
use gss_acceptor::testing::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client;
use crate::facts;
use crate::legs::{Legs, Watch};
use crate::page::{self, Site, Wants};
use crate::tls::Tls;

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 4096;
/// The longest head of a request over HTTP/2. A ticket from a directory with many groups takes
/// tens of kilobytes.
const MAX_HEAD: u32 = 128 << 10;
/// How long the head of a request may take to arrive, idle time before it included.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long requests may go on when the server is told to stop.
const STOP_TIME: Duration = Duration::from_secs(10);

pub struct Server {
    pub layer: NegotiateLayer,
    pub config: AcceptorConfig,
    /// The flags that it asks its clients for.
    pub asks: String,
    pub site: Site,
    /// Where it listens.
    pub local: SocketAddr,
    pub tls: Option<Tls>,
    /// The service of the realm in memory, where that is what it serves.
    pub embedded: Option<Service>,
    /// Where to keep what clients delegate.
    pub ccache: Option<PathBuf>,
    pub legs: Arc<Legs>,
}

impl Server {
    /// Serves until `stop`, and then until the last request has been answered.
    pub async fn run(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let app = self.router();
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let (mut connections, mut stop) = (JoinSet::new(), pin!(stop));
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (listener.accept().await, slot)
            };
            let (accepted, slot) = tokio::select! {
                next = next => next,
                () = &mut stop => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer)) => {
                    let serving =
                        Arc::clone(&self).serve(stream, peer, app.clone(), graceful.watcher());
                    connections.spawn(async move {
                        serving.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: they come back.
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        let _ = tokio::time::timeout(STOP_TIME, graceful.shutdown()).await;
        connections.shutdown().await;
        let open = self.config.half_open();
        eprintln!("stopped; {open} handshakes were half open");
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        app: Router,
        watcher: Watcher,
    ) {
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => {
                let connection = Connection::plain(Some(peer.ip()));
                self.speak(stream, connection, app, watcher).await;
            }
            Some(tls) => match tls.server.accept(stream, peer).await {
                Ok((stream, connection)) => self.speak(stream, connection, app, watcher).await,
                Err(error) => eprintln!("{peer}: no TLS: {error}"),
            },
        }
    }

    async fn speak<IO>(&self, stream: IO, connection: Connection, app: Router, watcher: Watcher)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD);
        let service = TowerToHyperService::new(Http11Required::new(connection.attach(app)));
        let served = http.serve_connection(TokioIo::new(stream), service);
        // What goes wrong here is the client's going away.
        let _ = watcher.watch(served.into_owned()).await;
        self.legs.forget(&connection);
    }

    fn router(self: &Arc<Self>) -> Router {
        let layer = self.layer.clone();
        let layer = layer.observe(Watch(Arc::clone(&self.legs)));
        let guarded = Router::new().route("/", get(front_page)).layer(layer);
        let mut router = Router::new().merge(guarded);
        if self.embedded.is_some() {
            router = router.route("/demo", get(demo)).route("/token", get(token));
        }
        router
            .fallback(async |headers: HeaderMap| {
                message(
                    StatusCode::NOT_FOUND,
                    "there is nothing here",
                    Wants::of(&headers),
                )
            })
            .layer(from_fn_with_state(Arc::clone(self), dress))
            .with_state(Arc::clone(self))
    }

    /// What the client calls this server, for commands that lead to it.
    fn url(&self, headers: &HeaderMap) -> String {
        // Into a command line goes only what cannot be anything else there.
        let plain = |host: &&str| {
            let ok = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            !host.is_empty() && host.len() < 256 && host.chars().all(ok)
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host
            .filter(plain)
            .map_or_else(|| self.local.to_string(), str::to_owned);
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}")
    }
}

/// The page that the layer guards.
async fn front_page(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    client: Authenticated,
    headers: HeaderMap,
    // Not looked at, but read: a client that is still sending must not lose the answer.
    _body: Bytes,
) -> Response {
    let context = client.context();
    let delegated = context.and_then(|context| context.delegated());
    if let (Some(path), Some(delegated)) = (&server.ccache, delegated) {
        match delegated.kerberos().map(|cache| cache.write(path)) {
            Some(Err(error)) => eprintln!("{error}"),
            _ => eprintln!("{delegated}"),
        }
    }
    let login = page::Login {
        peer: client.peer().to_string(),
        facts: facts::of(&client, &connection, &server.asks),
        groups: facts::groups(&client),
        expires: facts::expires(&client),
        legs: server.legs.of(&connection),
    };
    let kind = Wants::of(&headers);
    kind.respond(StatusCode::OK, page::welcome(&login, kind))
}

/// The built-in client comes in, over TCP, as a program that blocks.
async fn demo(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let (kind, url) = (Wants::of(&headers), server.url(&headers));
    let run = tokio::task::spawn_blocking(move || client::log_in(&server)).await;
    let run = run.unwrap_or_else(|error| Err(error.to_string()));
    kind.respond(StatusCode::OK, page::demo(&run, &url, kind))
}

async fn token(State(server): State<Arc<Server>>) -> Response {
    let token = server
        .embedded
        .as_ref()
        .map(|service| service.client(client::USER).token());
    match token {
        Some(Ok(token)) => STANDARD.encode(token).into_response(),
        Some(Err(error)) => message(
            StatusCode::INTERNAL_SERVER_ERROR,
            &error.to_string(),
            Wants::Text,
        ),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Gives the layer's answers a page, and every page the headers that it should have.
async fn dress(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let (kind, url) = (Wants::of(request.headers()), server.url(request.headers()));
    let mut response = next.run(request).await;
    if let Some(Refused(verdict)) = response.extensions().get().copied() {
        let text = refusal(&server, &url, verdict, kind);
        let page = kind.respond(response.status(), text);
        let (parts, body) = page.into_parts();
        *response.body_mut() = body;
        response.headers_mut().extend(parts.headers);
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, page::POLICY),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(server: &Server, url: &str, verdict: Verdict, kind: Wants) -> String {
    let message = |text| page::message("Not let in", text, kind);
    match verdict {
        Verdict::Malformed => {
            message("what your client sent is no token of Negotiate's or NTLM's; the log says more")
        }
        Verdict::Forbidden => message("you are known, and may not see this"),
        Verdict::Unavailable => message("this server cannot tell who you are; its log says why"),
        Verdict::Rejected => page::unauthorized(&server.site, url, true, kind),
        _ => page::unauthorized(&server.site, url, false, kind),
    }
}

fn message(status: StatusCode, text: &str, kind: Wants) -> Response {
    kind.respond(status, page::message(&status.to_string(), text, kind))
}
