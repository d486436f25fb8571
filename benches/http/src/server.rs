//! The layer in axum's own server, and the accept without any.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::http::tower::{Authenticated, Connection, NegotiateLayer};
use gss_acceptor::{Acceptor, AcceptorConfig, Keytab, Requirements, Step, backends};
use interop::process::run;

fn configure(keytab: &Path) -> AcceptorConfig {
    let keytab = Keytab::open(keytab).expect("a keytab");
    AcceptorConfig::builder(backends::rust(keytab))
        .request(Requirements::MUTUAL_AUTH)
        .build()
        .expect("a configuration")
}

/// `/` is for clients that are known, `/open` says the same to everybody, and `/bare` is an accept by
/// hand: in this server, with its caches as they are here, but without the layer.
pub fn application(config: AcceptorConfig) -> Router {
    let who = |client: Authenticated| async move { format!("You are {}\n", client.peer()) };
    let open = async || "You are alice@EXAMPLE.TEST\n".to_owned();
    Router::new()
        .route("/", get(who))
        .layer(NegotiateLayer::new(&config))
        .route("/bare", get(move |headers| bare(config, headers)))
        .route("/open", get(open))
}

pub fn serve(keytab: &Path, address: SocketAddr) {
    let application = application(configure(keytab));
    let service = application.into_make_service_with_connect_info::<Connection>();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await.expect("bound");
        axum::serve(listener, service).await.expect("served");
    });
}

async fn bare(config: AcceptorConfig, headers: HeaderMap) -> Result<String, StatusCode> {
    let value = headers
        .get("authorization")
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let token = value.as_bytes().strip_prefix(b"Negotiate ");
    let token = STANDARD.decode(token.ok_or(StatusCode::BAD_REQUEST)?);
    let token = token.map_err(|_| StatusCode::BAD_REQUEST)?;
    match Acceptor::new(&config).step(&token) {
        Ok(Step::Established { context, .. }) => Ok(format!("You are {}\n", context.peer())),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

/// Microseconds of processor for each accept of these tokens, with the client's name as text:
/// what a login must cost.
pub fn accept(keytab: &Path, tokens: &Path) {
    let config = configure(keytab);
    let text = std::fs::read_to_string(tokens).expect("tokens");
    let tokens = text
        .lines()
        .map(|line| STANDARD.decode(line).expect("base64"));
    let tokens: Vec<Vec<u8>> = tokens.collect();
    let before = own_time();
    for token in &tokens {
        match Acceptor::new(&config).step(token) {
            Ok(Step::Established { context, .. }) => {
                std::hint::black_box(context.peer().to_string());
            }
            other => panic!("{other:?}"),
        }
    }
    println!("{}", (own_time() - before) / 1e3 / tokens.len() as f64);
}

/// Nanoseconds of processor that this thread has used (proc(5), schedstat).
fn own_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("an account");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}

/// [`accept`] in a process of its own, on the servers' processor.
pub fn accept_elsewhere(keytab: &Path, tokens: &Path) -> f64 {
    let me = std::env::current_exe().expect("this program has a path");
    let output = run(Command::new("taskset")
        .args(["-c", "0"])
        .arg(me)
        .arg("--accept")
        .arg(keytab)
        .arg(tokens));
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().expect("a number")
}
