//! gRPC: the layer in tonic's server, asked over HTTP/2 by a client that knows nothing of tonic.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tonic::body::Body;
use ::tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use ::tonic::server::{Grpc, NamedService, UnaryService};
use ::tonic::transport::Server;
use ::tonic::transport::server::TcpIncoming;
use ::tonic::{Request, Response, Status};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use gss_acceptor::http::tower::{Authenticated, NegotiateLayer};
use gss_acceptor::http::{Scheme, header_value};
use gss_acceptor::testing::Realm;
use gss_acceptor::{AcceptorConfig, backends};
use tower_service::Service;

/// Messages that are text, in place of generated ones.
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some).map_err(|_| Status::invalid_argument("text"))
    }
}

/// Says hello to who has come in.
#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "test.Greeter";
}

impl UnaryService<String> for Greeter {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        assert!(request.metadata().get("authorization").is_none());
        let client = request.extensions().get::<Authenticated>();
        let client = client
            .expect("the layer lets nobody else in")
            .peer()
            .clone();
        ready(Ok(Response::new(format!(
            "{}, {client}",
            request.into_inner()
        ))))
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let greeter = self.clone();
        Box::pin(async move { Ok(Grpc::new(Text).unary(greeter, request).await) })
    }
}

/// Status, `grpc-status`, and the message of an answer or the challenge.
async fn call(to: std::net::SocketAddr, token: Option<&[u8]>) -> (u16, String, String) {
    let stream = tokio::net::TcpStream::connect(to)
        .await
        .expect("it listens");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let driver = tokio::spawn(connection);
    let mut client = client.ready().await.expect("room for a request");
    let mut request = http::Request::post(format!("http://{to}/test.Greeter/Greet"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header(
            "authorization",
            header_value(Scheme::Negotiate, Some(token)),
        );
    }
    let request = request.body(()).expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("sent");
    // A message: not compressed, five octets long.
    let message = Bytes::from_static(b"\0\0\0\0\x05hello");
    body.send_data(message, true).expect("sent");
    let (head, mut body) = answer.await.expect("an answer").into_parts();
    let mut received = BytesMut::new();
    while let Some(data) = body.data().await {
        received.extend_from_slice(&data.expect("data"));
    }
    let trailers = body.trailers().await.expect("trailers").unwrap_or_default();
    driver.abort();
    let text = |headers: &http::HeaderMap, name: &str| {
        let value = headers.get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    let said = match head.status.as_u16() {
        200 => String::from_utf8_lossy(&received[5..]).into_owned(),
        _ => text(&head.headers, "www-authenticate"),
    };
    (head.status.as_u16(), text(&trailers, "grpc-status"), said)
}

#[test]
fn the_layer_guards_a_service_of_tonics() {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .expect("a service");
    let config = AcceptorConfig::builder(backends::rust(service.keytab()));
    let config = config.build().expect("a configuration");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async move {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address"));
        let incoming = incoming.expect("bound");
        let address = incoming.local_addr().expect("an address");
        let server = Server::builder()
            .layer(NegotiateLayer::new(&config))
            .add_service(Greeter)
            .serve_with_incoming(incoming);
        let server = tokio::spawn(server);
        // gRPC's own rule makes UNAUTHENTICATED of a 401.
        let nobody = call(address, None).await;
        assert_eq!(nobody, (401, String::new(), "Negotiate".to_owned()));
        let token = service.client("alice").token().expect("a token");
        let alice = call(address, Some(&token)).await;
        let greeting = "hello, alice@EXAMPLE.TEST".to_owned();
        assert_eq!(alice, (200, "0".to_owned(), greeting));
        // The same token again is nobody's.
        assert_eq!(call(address, Some(&token)).await.0, 401);
        server.abort();
    });
}
