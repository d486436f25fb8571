//! The layer's own work, counted: requests that are at hand already, to the same application, without
//! sockets and without HTTP's parser.
//!
//! ```text
//! valgrind --tool=callgrind target/release/load --calls login 300
//! ```
//!
//! As many tokens are made each time, so that the difference of two runs is what the calls take.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use gss_acceptor::http::tower::Connection;
use gss_acceptor::http::{Scheme, header_value};
use gss_acceptor::testing::{ClientFlags, Realm};
use gss_acceptor::{AcceptorConfig, MemoryReplayStore, Requirements, backends};
use tower_service::Service as _;

use crate::server::application;

/// The most that is ever asked for.
const MOST: usize = 300;

pub fn call(what: &str, count: usize) {
    assert!(count <= MOST, "at most {MOST}");
    let path = match what {
        "login" => "/",
        "by-hand" => "/bare",
        "ignored" => "/open",
        other => panic!("no call {other}"),
    };
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/localhost").expect("a service");
    let config = AcceptorConfig::builder(backends::rust(service.keytab()))
        .request(Requirements::MUTUAL_AUTH)
        .replay_store(Arc::new(MemoryReplayStore::with_capacity(1 << 12)))
        .build()
        .expect("a configuration");
    let client = service
        .client("alice")
        .flags(ClientFlags::MUTUAL_AUTH | ClientFlags::BROWSER);
    let connection = Connection::plain(None);
    let requests: Vec<_> = (0..MOST)
        .map(|_| {
            let token = client.token().expect("a token");
            Request::get(path)
                .header("host", "localhost")
                .header("accept", "text/plain")
                .header(
                    "authorization",
                    header_value(Scheme::Negotiate, Some(&token)),
                )
                .extension(ConnectInfo(connection.clone()))
                .body(Body::empty())
                .expect("a request")
        })
        .collect();
    let mut application: Router = application(config);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        for request in requests.into_iter().take(count) {
            let response = application.call(request).await.expect("an answer");
            assert_eq!(response.status(), 200, "{response:?}");
        }
    });
}
