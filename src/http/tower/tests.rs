//! The layer before a service, without a network: each rule of the module's documentation as an
//! attack on it.

mod audit;
mod channels;
mod logins;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ::axum::body::Body;
use ::axum::{Router, routing::get};
use ::http::{HeaderMap, Request, Response, StatusCode, Version};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{
    Authenticated, Connection, Event, NegotiateLayer, Observer, Refused, Validity, Verdict,
};
use crate::http::{Challenge, Challenges, Role, Scheme, header_value};
use crate::testing::{ClientFlags, ClientStep, Offer, Realm, Service as TestService, TestClient};
use crate::{
    AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, ConfigBuilder,
    ReplayEntry, ReplayStore, ReplayVerdict, Reply, backends,
};

struct Site {
    service: TestService,
    config: AcceptorConfig,
    layer: NegotiateLayer,
    /// How often the guarded service was called.
    calls: Arc<AtomicUsize>,
}

impl Site {
    fn new() -> Self {
        Self::with(|builder| builder, |layer| layer)
    }

    fn with(
        builder: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
        layer: impl FnOnce(NegotiateLayer) -> NegotiateLayer,
    ) -> Self {
        let service = Realm::new("EXAMPLE.TEST")
            .service("HTTP/localhost")
            .unwrap();
        let plain = AcceptorConfig::builder(backends::rust(service.keytab()));
        let config = builder(plain).build().unwrap();
        let layer = layer(NegotiateLayer::new(&config));
        let calls = Arc::default();
        Self {
            service,
            config,
            layer,
            calls,
        }
    }

    /// Handles a request, as a server would.
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let calls = Arc::clone(&self.calls);
        let inner = move |request: Request<Body>| {
            let calls = Arc::clone(&calls);
            async move {
                calls.fetch_add(1, Ordering::SeqCst);
                assert!(!request.headers().contains_key("authorization"));
                let client = request.extensions().get::<Authenticated>();
                let name = client.map_or("nobody".into(), |it| it.peer().to_string());
                let status = request.headers().get("x-status");
                let mut response = Response::new(Body::from(name));
                if let Some(status) = status {
                    *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).unwrap();
                }
                Ok::<_, Infallible>(response)
            }
        };
        let service = ServiceFn(inner);
        let mut service = self.layer.layer(service);
        service.call(request).await.unwrap()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// A client whose handshake takes two legs: it offers NTLM first (RFC 4178 5).
    fn two_legs(&self, name: &str) -> TestClient {
        let client = self.service.client(name).spnego(Offer::NtlmFirst);
        client.initiate().unwrap()
    }

    fn token(&self, name: &str) -> Vec<u8> {
        self.service.client(name).token().unwrap()
    }
}

#[derive(Clone)]
struct ServiceFn<F>(F);

impl<F, R> Service<Request<Body>> for ServiceFn<F>
where
    F: Fn(Request<Body>) -> R,
    R: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = R;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> R {
        (self.0)(request)
    }
}

fn plain() -> Connection {
    Connection::plain(None)
}

fn request(connection: &Connection, token: Option<&[u8]>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(connection.clone());
    if let Some(token) = token {
        let value = header_value(Scheme::Negotiate, Some(token));
        request
            .headers_mut()
            .insert("authorization", value.parse().unwrap());
    }
    request
}

fn with_header(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

fn over(mut request: Request<Body>, version: Version) -> Request<Body> {
    *request.version_mut() = version;
    request
}

async fn text(response: Response<Body>) -> String {
    let body = ::axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all("www-authenticate").iter();
    Challenge::read(values.map(::http::HeaderValue::as_bytes)).unwrap()
}

fn verdict(response: &Response<Body>) -> Option<Verdict> {
    response
        .extensions()
        .get::<Refused>()
        .map(|refused| refused.0)
}

fn proof(response: &Response<Body>) -> Option<Vec<u8>> {
    let mut all = challenges(response.headers());
    assert!(all.len() <= 1, "{all:?}");
    all.pop()?.token
}

/// The first of two legs: the client's second token.
async fn first_leg(
    site: &Site,
    connection: &Connection,
    client: TestClient,
) -> (Vec<u8>, TestClient) {
    let response = site
        .send(request(connection, Some(client.first_token())))
        .await;
    assert_eq!(verdict(&response), Some(Verdict::Continued));
    assert_eq!(response.status(), 401);
    assert!(!response.headers().contains_key("connection"));
    let reply = proof(&response).expect("a token");
    match client.step(Some(&reply)).unwrap() {
        ClientStep::Continue { token, client } => (token, client),
        ClientStep::Done { .. } => panic!("done after one leg"),
    }
}

async fn assert_out(site: &Site, connection: &Connection, token: Option<&[u8]>, why: &str) {
    let before = site.calls();
    let response = site.send(request(connection, token)).await;
    assert!([400, 401].contains(&response.status().as_u16()), "{why}");
    assert_eq!(site.calls(), before, "{why}");
}

#[::tokio::test]
async fn nobody_is_asked_who_it_is() {
    let site = Site::new();
    let response = site.send(request(&plain(), None)).await;
    assert_eq!(
        (response.status(), verdict(&response)),
        (StatusCode::UNAUTHORIZED, Some(Verdict::Asked))
    );
    let asked = response
        .headers()
        .get_all("www-authenticate")
        .iter()
        .collect::<Vec<_>>();
    assert_eq!(asked, ["Negotiate"]);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!((site.calls(), text(response).await.as_str()), (0, ""));
}

#[::tokio::test]
async fn one_leg_lets_in_for_one_request_and_proves_the_server() {
    let site = Site::new();
    let connection = plain();
    let client = site.service.client("alice").initiate().unwrap();
    let response = site
        .send(request(&connection, Some(client.first_token())))
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["persistent-auth"], "false");
    client.finish(proof(&response).as_deref()).unwrap();
    assert_eq!(text(response).await, "alice@EXAMPLE.TEST");
    assert_out(&site, &connection, None, "Kerberos holds for its request").await;
}

/// Rule 41.
#[::tokio::test]
async fn rule_41_a_token_lets_in_once() {
    let site = Site::new();
    let token = site.token("alice");
    assert_eq!(
        site.send(request(&plain(), Some(&token))).await.status(),
        200
    );
    for connection in [plain(), plain()] {
        let response = site.send(request(&connection, Some(&token))).await;
        assert_eq!(verdict(&response), Some(Verdict::Rejected));
        assert_eq!(response.headers()["connection"], "close");
    }
    assert_eq!(site.calls(), 1);
}

#[::tokio::test]
async fn two_legs_are_one_connections() {
    let site = Site::new();
    let (connection, other) = (plain(), plain());
    let (mut token, mut client) = first_leg(&site, &connection, site.two_legs("alice")).await;
    assert_eq!(site.config.half_open(), 1);
    let response = loop {
        let response = site.send(request(&connection, Some(&token))).await;
        match client.step(proof(&response).as_deref()).unwrap() {
            ClientStep::Continue {
                token: next,
                client: waiting,
            } => (token, client) = (next, waiting),
            // The client's MIC over its offer (RFC 4178 5).
            ClientStep::Done {
                token: Some(last), ..
            } => break site.send(request(&connection, Some(&last))).await,
            ClientStep::Done { token: None, .. } => break response,
        }
        assert_eq!(verdict(&response), Some(Verdict::Continued));
    };
    assert_eq!(
        (response.status().as_u16(), site.config.half_open()),
        (200, 0)
    );
    assert_eq!(text(response).await, "alice@EXAMPLE.TEST");

    let (token, _) = first_leg(&site, &connection, site.two_legs("alice")).await;
    assert_out(
        &site,
        &other,
        Some(&token),
        "the second leg over another connection",
    )
    .await;
}

type Make = fn(&Connection) -> Request<Body>;

#[::tokio::test]
async fn whatever_comes_between_two_legs_ends_the_handshake() {
    let site = Site::new();
    let between: [(&str, Make); 5] = [
        ("nothing", |connection| request(connection, None)),
        ("basic", |connection| {
            with_header(request(connection, None), "authorization", "Basic YTpi")
        }),
        ("no base64", |connection| {
            with_header(request(connection, None), "authorization", "Negotiate ?")
        }),
        ("another scheme", |connection| {
            let value = header_value(Scheme::Kerberos, Some(b"\x60\0"));
            with_header(request(connection, None), "authorization", &value)
        }),
        ("a proxy's", |connection| {
            with_header(request(connection, None), "via", "1.1 proxy")
        }),
    ];
    for (what, between) in between {
        let connection = plain();
        let (token, _) = first_leg(&site, &connection, site.two_legs("alice")).await;
        let _ = site.send(between(&connection)).await;
        assert_eq!(site.config.half_open(), 0, "{what}");
        assert_out(&site, &connection, Some(&token), what).await;
    }
}

/// A proxy puts two clients' requests on one connection, and does not say so.
#[::tokio::test]
async fn two_clients_on_one_connection_are_never_mixed_up() {
    let site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    let connection = plain();
    let (alices, _) = first_leg(&site, &connection, site.two_legs("alice")).await;
    let (bobs, _) = first_leg(&site, &connection, site.two_legs("bob")).await;
    // Alice's answer to her own challenge meets Bob's handshake.
    let response = site.send(request(&connection, Some(&alices))).await;
    let name = text(response).await;
    assert!(name.is_empty() || name == "alice@EXAMPLE.TEST", "{name}");
    assert_out(&site, &connection, Some(&bobs), "Bob's handshake is over").await;

    // One after the other: each token is its own client's.
    for name in ["alice", "bob", "alice"] {
        let response = site
            .send(request(&connection, Some(&site.token(name))))
            .await;
        assert_eq!(text(response).await, format!("{name}@EXAMPLE.TEST"));
    }
}

/// RFC 9110 11.7: a proxy asks with 407 and headers of its own. The `Authorization` of a request is
/// the origin server's matter: neither read nor removed.
#[::tokio::test]
async fn a_proxy_asks_with_headers_of_its_own() {
    let site = Site::with(
        |builder| builder.request(crate::Requirements::MUTUAL_AUTH),
        |layer| {
            let challenges = Challenges::of(layer.handshakes().config()).role(Role::Proxy);
            layer.challenges(challenges)
        },
    );
    let forwarded: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let seen = Arc::clone(&forwarded);
    let mut service = site.layer.layer(ServiceFn(move |request: Request<Body>| {
        seen.lock().unwrap().push(request.headers().clone());
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    let value = |token: &[u8]| header_value(Scheme::Negotiate, Some(token));
    let origins = value(&site.token("alice"));
    let asked = with_header(request(&plain(), None), "authorization", &origins);
    let response = service.call(asked).await.unwrap();
    assert_eq!(response.status(), 407);
    assert_eq!(response.headers()["proxy-authenticate"], "Negotiate");
    assert!(!response.headers().contains_key("www-authenticate"));
    assert_eq!(forwarded.lock().unwrap().len(), 0);

    let client = site.service.client("bob").flags(ClientFlags::CURL);
    let client = client.initiate().unwrap();
    let own = value(client.first_token());
    let both = with_header(request(&plain(), None), "authorization", &origins);
    let both = with_header(both, "proxy-authorization", &own);
    let response = service.call(both).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("www-authenticate"));
    let proof = response.headers().get_all("proxy-authenticate").iter();
    let proof = Challenge::read(proof.map(::http::HeaderValue::as_bytes)).unwrap();
    client.finish(proof[0].token.as_deref()).unwrap();
    let forwarded = forwarded.lock().unwrap();
    let [passed] = &forwarded[..] else {
        panic!("{} requests", forwarded.len());
    };
    assert!(!passed.contains_key("proxy-authorization"));
    assert_eq!(passed["authorization"], origins.as_str());
}

/// A proxy that says so: nothing is kept, and what was kept ends.
#[::tokio::test]
async fn what_came_through_a_proxy_is_on_its_own() {
    let site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    for name in ["via", "forwarded", "x-forwarded-for", "x-real-ip"] {
        let connection = plain();
        let first = request(&connection, Some(&site.token("alice")));
        assert_eq!(site.send(first).await.headers()["persistent-auth"], "true");
        let own = site.send(request(&connection, None)).await;
        assert_eq!(own.headers()["cache-control"], "private");
        assert_eq!(text(own).await, "alice@EXAMPLE.TEST");
        let others = site
            .send(with_header(request(&connection, None), name, "x"))
            .await;
        assert_eq!(others.status(), 401, "{name}");
        assert_out(&site, &connection, None, name).await;

        let proxied = with_header(request(&connection, Some(&site.token("bob"))), name, "x");
        let response = site.send(proxied).await;
        assert_eq!(response.headers()["persistent-auth"], "false");
        assert_eq!(text(response).await, "bob@EXAMPLE.TEST");
        assert_out(&site, &connection, None, name).await;

        let client = site.two_legs("alice");
        let two = with_header(request(&connection, Some(client.first_token())), name, "x");
        assert_eq!(
            verdict(&site.send(two).await),
            Some(Verdict::NeedsConnection)
        );
        assert_eq!(site.config.half_open(), 0);
    }
    let trusting = |layer: NegotiateLayer| {
        layer
            .kerberos(Validity::Connection)
            .insecure_trust_proxied_connections()
    };
    let site = Site::with(|builder| builder, trusting);
    let connection = plain();
    let first = with_header(request(&connection, Some(&site.token("alice"))), "via", "x");
    assert_eq!(site.send(first).await.status(), 200);
    let next = with_header(request(&connection, None), "via", "x");
    assert_eq!(text(site.send(next).await).await, "alice@EXAMPLE.TEST");
}

#[::tokio::test]
async fn a_new_token_on_an_authenticated_connection_starts_anew() {
    let site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    let connection = plain();
    site.send(request(&connection, Some(&site.token("alice"))))
        .await;
    let bobs = request(&connection, Some(&site.token("bob")));
    assert_eq!(text(site.send(bobs).await).await, "bob@EXAMPLE.TEST");
    let next = site.send(request(&connection, None)).await;
    assert_eq!(text(next).await, "bob@EXAMPLE.TEST");
    // Half-way through another handshake, nobody is anybody.
    let _ = first_leg(&site, &connection, site.two_legs("alice")).await;
    assert_out(&site, &connection, None, "neither bob nor alice").await;
}

#[::tokio::test]
async fn a_failure_clears_the_connection() {
    let site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    let used = site.token("alice");
    let connection = plain();
    site.send(request(&connection, Some(&used))).await;
    for bad in ["Negotiate ?", "Negotiate Zm9v", "Bearer x", "Basic YTpi"] {
        site.send(request(&connection, Some(&site.token("alice"))))
            .await;
        let own = site.send(request(&connection, None)).await;
        assert_eq!(own.status(), 200);
        let response = site
            .send(with_header(
                request(&connection, None),
                "authorization",
                bad,
            ))
            .await;
        assert!(response.status().is_client_error(), "{bad}");
        assert_out(&site, &connection, None, bad).await;
    }
    site.send(request(&connection, Some(&site.token("alice"))))
        .await;
    assert_out(&site, &connection, Some(&used), "a replay").await;
    assert_out(&site, &connection, None, "after a replay").await;
}

/// RFC 4559 section 5: the final token belongs to a success.
#[::tokio::test]
async fn the_proof_goes_with_success_alone() {
    let site = Site::new();
    for (status, given) in [
        ("200", true),
        ("204", true),
        ("302", true),
        ("400", false),
        ("401", false),
        ("403", false),
        ("404", false),
        ("500", false),
        ("503", false),
    ] {
        let request = request(&plain(), Some(&site.token("alice")));
        let response = site.send(with_header(request, "x-status", status)).await;
        assert_eq!(response.status().as_str(), status);
        assert_eq!(proof(&response).is_some(), given, "{status}");
        assert_eq!(
            response.headers().contains_key("persistent-auth"),
            given,
            "{status}"
        );
    }
}

/// HTTP/2 and HTTP/3: one leg works; more are answered with a challenge, and nothing is kept.
#[::tokio::test]
async fn without_a_connection_of_its_own_one_leg_is_all() {
    let site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let connection = plain();
        let one = over(request(&connection, Some(&site.token("alice"))), version);
        let response = site.send(one).await;
        assert_eq!(response.headers()["persistent-auth"], "false");
        assert_eq!(text(response).await, "alice@EXAMPLE.TEST");
        let next = site.send(over(request(&connection, None), version)).await;
        assert_eq!(next.status(), 401);

        let client = site.two_legs("alice");
        let two = over(request(&connection, Some(client.first_token())), version);
        let response = site.send(two).await;
        assert_eq!(verdict(&response), Some(Verdict::NeedsConnection));
        let due = Challenge {
            scheme: Scheme::Negotiate,
            token: None,
        };
        assert_eq!(challenges(response.headers()), [due]);
        assert!(!response.headers().contains_key("connection"));
        assert_eq!(site.config.half_open(), 0);
    }
    // A server that does not say which connection it is.
    let mut request = request(&plain(), Some(site.two_legs("alice").first_token()));
    request.extensions_mut().clear();
    let response = site.send(request).await;
    assert_eq!(verdict(&response), Some(Verdict::NeedsConnection));
}

/// What one layer lets in is nothing to another.
#[::tokio::test]
async fn two_layers_know_a_connection_apart() {
    let mut site = Site::with(
        |builder| builder,
        |layer| layer.kerberos(Validity::Connection),
    );
    let connection = plain();
    site.send(request(&connection, Some(&site.token("alice"))))
        .await;
    assert_eq!(site.send(request(&connection, None)).await.status(), 200);
    let first = site.layer.clone();
    site.layer = NegotiateLayer::new(&site.config).kerberos(Validity::Connection);
    assert_out(&site, &connection, None, "another layer").await;
    site.layer = first;
    assert_eq!(site.send(request(&connection, None)).await.status(), 200);
}

#[::tokio::test]
async fn a_login_ends_with_its_ticket_and_with_its_time() {
    let realm = Realm::at(
        "EXAMPLE.TEST",
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    );
    let service = realm.service("HTTP/localhost").unwrap();
    let mut site = Site::new();
    let builder = AcceptorConfig::builder(backends::rust(service.keytab())).clock(realm.clock());
    site.service = service;
    site.config = builder.build().unwrap();
    site.layer = NegotiateLayer::new(&site.config).kerberos(Validity::Connection);
    let connection = plain();
    assert_eq!(
        site.send(request(&connection, Some(&site.token("alice"))))
            .await
            .status(),
        200
    );
    assert_eq!(site.send(request(&connection, None)).await.status(), 200);
    realm.clock().advance(Duration::from_secs(48 * 3600));
    assert_out(&site, &connection, None, "after the ticket's end").await;

    let short = |layer: NegotiateLayer| {
        layer
            .kerberos(Validity::Connection)
            .connection_lifetime(Duration::ZERO)
    };
    let site = Site::with(|builder| builder, short);
    assert_eq!(
        site.send(request(&connection, Some(&site.token("alice"))))
            .await
            .status(),
        200
    );
    ::tokio::time::sleep(Duration::from_millis(2)).await;
    assert_out(&site, &connection, None, "after its time").await;
}

/// A request's body is read before the answer, or the connection is closed.
#[::tokio::test]
async fn the_body_of_a_refused_request_is_read_in_moderation() {
    let site = Site::with(|builder| builder, |layer| layer.drain(1000));
    for (length, closes) in [(0, false), (1000, false), (1001, true)] {
        for sized in [true, false] {
            let read = Arc::new(AtomicUsize::new(0));
            let client = site.two_legs("alice");
            let mut first = request(&plain(), Some(client.first_token()));
            *first.body_mut() = if sized {
                Body::from(vec![0; length])
            } else {
                Body::new(Chunks(length, Arc::clone(&read)))
            };
            let response = site.send(first).await;
            assert_eq!(verdict(&response), Some(Verdict::Continued));
            assert_eq!(
                response.headers().contains_key("connection"),
                closes,
                "{length} {sized}"
            );
            if !sized {
                let least = if closes { 1 } else { length };
                assert!(read.load(Ordering::SeqCst) >= least);
            }
        }
    }
}

/// A body of unknown length, in pieces.
struct Chunks(usize, Arc<AtomicUsize>);

impl http_body::Body for Chunks {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Infallible>>> {
        let piece = self.0.min(300);
        self.0 -= piece;
        self.1.fetch_add(piece, Ordering::SeqCst);
        let frame = http_body::Frame::data(vec![0; piece].into());
        std::task::Poll::Ready((piece > 0).then_some(Ok(frame)))
    }
}

#[::tokio::test]
async fn who_is_known_may_still_not() {
    let only_bob = |layer: NegotiateLayer| {
        layer.authorize(|client, parts| {
            client.realm() == Some(b"EXAMPLE.TEST")
                && parts.uri.path() == "/"
                && client.peer().to_string() == "bob@EXAMPLE.TEST"
        })
    };
    let site = Site::with(|builder| builder, only_bob);
    let response = site
        .send(request(&plain(), Some(&site.token("alice"))))
        .await;
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (403, Some(Verdict::Forbidden))
    );
    assert!(challenges(response.headers()).is_empty());
    assert_eq!(site.calls(), 0);
    let response = site.send(request(&plain(), Some(&site.token("bob")))).await;
    assert_eq!(response.status(), 200);
}

#[::tokio::test]
async fn optional_is_for_who_sends_nothing() {
    let mut site = Site::with(|builder| builder, NegotiateLayer::optional);
    let response = site.send(request(&plain(), None)).await;
    assert_eq!(text(response).await, "nobody");
    let used = site.token("alice");
    let response = site.send(request(&plain(), Some(&used))).await;
    assert_eq!(text(response).await, "alice@EXAMPLE.TEST");
    assert_out(
        &site,
        &plain(),
        Some(&used),
        "a bad token is no anonymous request",
    )
    .await;
    site.layer = site.layer.clone();
    // A handler that wants a name asks for one; where nothing guards it, it says so.
    let handler = |client: Authenticated| async move { client.peer().to_string() };
    let nameless = |client: Option<Authenticated>| async move { client.is_none().to_string() };
    let router = Router::new()
        .route("/", get(handler))
        .route("/open", get(nameless));
    let mut guarded = router.clone().layer(site.layer.clone());
    let response = guarded.call(request(&plain(), None)).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Negotiate");
    let mut open = request(&plain(), None);
    *open.uri_mut() = "/open".parse().unwrap();
    assert_eq!(text(guarded.call(open).await.unwrap()).await, "true");
    let mut bare = router;
    let response = bare.call(request(&plain(), None)).await.unwrap();
    assert_eq!(response.status(), 500);
}

#[::tokio::test]
async fn channel_bindings_are_the_connections_or_the_proxys() {
    let require = |builder: ConfigBuilder| builder.channel_bindings(ChannelBindingPolicy::Require);
    let site = Site::with(require, |layer| layer);
    let hash = [7; 32];
    let ours = ChannelBindings::tls_server_end_point_hash(&hash).unwrap();
    let bound = |bindings: &ChannelBindings| {
        site.service
            .client("alice")
            .channel_bindings(bindings)
            .token()
            .unwrap()
    };
    let tls = Connection::tls(None, Some(ours.clone()));
    assert_eq!(
        site.send(request(&tls, Some(&bound(&ours)))).await.status(),
        200
    );
    let other = ChannelBindings::tls_server_end_point_hash(&[8; 32]).unwrap();
    assert_out(&site, &tls, Some(&bound(&other)), "another channel").await;
    assert_out(&site, &tls, Some(&site.token("alice")), "not bound").await;
    // Without bindings of its own the server cannot tell: that is its fault.
    let response = site.send(request(&plain(), Some(&bound(&ours)))).await;
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (500, Some(Verdict::Unavailable))
    );

    let header = ::http::HeaderName::from_static("x-tls-hash");
    let behind = Site::with(require, |layer| layer.bindings_from_proxy(header));
    let digits = "07".repeat(32);
    let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for (values, status) in [
        (&[digits.as_str()][..], 200),
        (&[base64], 200),
        (&["08"], 400),
        (&["x"], 400),
        (&[&digits, &digits], 400),
        (&[&"08".repeat(32)], 401),
        (&[], 500),
    ] {
        let token = behind
            .service
            .client("alice")
            .channel_bindings(&ours)
            .token()
            .unwrap();
        let mut request = request(&plain(), Some(&token));
        for value in values {
            request = with_header(request, "x-tls-hash", value);
        }
        assert_eq!(
            behind.send(request).await.status().as_u16(),
            status,
            "{values:?}"
        );
    }
    // Nobody who has not asked for the header reads it.
    let request = with_header(
        request(&plain(), Some(&bound(&ours))),
        "x-tls-hash",
        &digits,
    );
    assert_eq!(site.send(request).await.status(), 500);
}

/// A replay store that answers when the test says so.
struct Held(Arc<Mutex<Vec<::tokio::sync::oneshot::Sender<()>>>>);

impl ReplayStore for Held {
    fn check(&self, _: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let (sender, receiver) = ::tokio::sync::oneshot::channel();
        self.0.lock().unwrap().push(sender);
        Reply::later(async move {
            let _ = receiver.await;
            ReplayVerdict::Fresh
        })
    }

    fn may_block(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        "held".into()
    }
}

type Waiting = Arc<Mutex<Vec<::tokio::sync::oneshot::Sender<()>>>>;

fn held() -> (Site, Waiting) {
    let waiting = Waiting::default();
    let store = Held(Arc::clone(&waiting));
    let site = Site::with(
        |builder| builder.replay_store(Arc::new(store)),
        |layer| layer.kerberos(Validity::Connection),
    );
    (site, waiting)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if what() {
            return;
        }
        ::tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it does not come to that");
}

/// A server that does not wait for the answer before it hands on the next request.
#[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_during_a_step_voids_what_the_step_would_keep() {
    let (site, waiting) = held();
    let site = Arc::new(site);
    let connection = plain();
    let token = site.token("alice");
    let (running, first) = (Arc::clone(&site), request(&connection, Some(&token)));
    let step = ::tokio::spawn(async move { running.send(first).await });
    until(|| waiting.lock().unwrap().len() == 1).await;
    assert_out(&site, &connection, None, "during the step").await;
    waiting
        .lock()
        .unwrap()
        .drain(..)
        .for_each(|it| it.send(()).unwrap());
    let response = step.await.unwrap();
    // Its own request is let in, and the connection stands for nobody.
    assert_eq!(response.headers()["persistent-auth"], "false");
    assert_eq!(text(response).await, "alice@EXAMPLE.TEST");
    assert_out(&site, &connection, None, "afterwards").await;
}

#[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_leaves_nothing() {
    let (site, waiting) = held();
    let connection = plain();
    let token = site.token("alice");
    let step = site.send(request(&connection, Some(&token)));
    let gone = ::tokio::time::timeout(Duration::from_millis(50), step).await;
    gone.unwrap_err();
    assert_eq!(site.layer.handshakes().blocking_steps(), 1);
    // Its thread may have begun only now.
    until(|| waiting.lock().unwrap().len() == 1).await;
    waiting
        .lock()
        .unwrap()
        .drain(..)
        .for_each(|it| it.send(()).unwrap());
    until(|| site.layer.handshakes().blocking_steps() == 0).await;
    assert_out(&site, &connection, None, "nobody came in").await;
    assert_eq!((site.config.half_open(), site.calls()), (0, 0));
}

/// Verdict, connection, client, reason.
type Told = (Verdict, Option<u64>, Option<String>, Option<String>);

#[derive(Default)]
struct Seen(Mutex<Vec<Told>>);

impl Observer for Arc<Seen> {
    fn decided(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push((
            event.verdict,
            event.connection.map(Connection::id),
            event.client.map(|client| client.peer().to_string()),
            event.reason.clone(),
        ));
    }
}

#[::tokio::test]
async fn every_decision_is_told_once_and_without_secrets() {
    let seen = Arc::new(Seen::default());
    let site = Site::with(|builder| builder, |layer| layer.observe(Arc::clone(&seen)));
    let connection = plain();
    let token = site.token("alice");
    let sent = [None, Some(&token[..]), Some(&token[..]), Some(b"x")];
    for token in sent {
        site.send(request(&connection, token)).await;
    }
    let seen = seen.0.lock().unwrap();
    let verdicts: Vec<_> = seen.iter().map(|event| event.0).collect();
    let due = [
        Verdict::Asked,
        Verdict::Authenticated,
        Verdict::Rejected,
        Verdict::Malformed,
    ];
    assert_eq!(verdicts, due);
    assert!(seen.iter().all(|event| event.1 == Some(connection.id())));
    assert_eq!(seen[1].2.as_deref(), Some("alice@EXAMPLE.TEST"));
    let replay = seen[2].3.as_deref().unwrap();
    assert!(replay.contains("used before"), "{replay}");
    let text = header_value(Scheme::Negotiate, Some(&token));
    assert!(!format!("{seen:?}").contains(&text[10..50]));
}

/// The context is at hand behind the layer.
#[::tokio::test]
async fn a_handler_has_the_context() {
    let site = Site::new();
    let handler = |client: Authenticated| async move {
        assert_eq!(client.bound(), BindingStatus::NotBound);
        client.context().unwrap().session_key().unwrap();
        client.expiry().to_string()
    };
    let mut app = Router::new()
        .route("/", get(handler))
        .layer(site.layer.clone());
    let response = app
        .call(request(&plain(), Some(&site.token("alice"))))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}
