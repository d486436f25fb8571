//! Login sessions and passwords.

use std::time::{Duration, SystemTime};

use ::http::{HeaderValue, Request, Response, Version};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Site, assert_out, over, plain, request, text, verdict, with_header};
use crate::accounts::{MemoryAccounts, NtHash};
use crate::http::tower::{
    AccountPasswords, Connection, LoginSession, NegotiateLayer, PasswordAnswer, PasswordCheck,
    Verdict,
};
use crate::testing::{Realm, TicketOptions};
use crate::{AcceptorConfig, Reply, SealingKey, Secret, backends};

fn key() -> SealingKey {
    let bytes: Vec<u8> = (0..32).collect();
    SealingKey::from_bytes(&bytes).unwrap()
}

fn session(site: &str) -> LoginSession {
    LoginSession::new(key(), site).unwrap()
}

fn tls() -> Connection {
    Connection::tls(None, None)
}

/// Name and value of the cookie that a response sets, and the attributes behind them.
fn cookie(response: &Response<Body>) -> Option<(String, String)> {
    let value = response.headers().get("set-cookie")?.to_str().unwrap();
    let (pair, attributes) = value.split_once("; ").unwrap();
    Some((pair.to_owned(), attributes.to_owned()))
}

fn with_cookie(cookie: &str) -> Request<Body> {
    with_header(request(&tls(), None), "cookie", cookie)
}

async fn issued(site: &Site) -> String {
    let response = site.send(request(&tls(), Some(&site.token("alice")))).await;
    cookie(&response).expect("a cookie").0
}

#[::tokio::test]
async fn a_cookie_stands_for_a_login() {
    let site = Site::with(|builder| builder, |layer| layer.session(session("x")));
    let response = site.send(request(&tls(), Some(&site.token("alice")))).await;
    let (pair, attributes) = cookie(&response).unwrap();
    // RFC 6265bis 4.1.3.2: the prefix binds the cookie to this host and to TLS.
    assert!(pair.starts_with("__Host-login-x="), "{pair}");
    assert_eq!(
        attributes,
        "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900"
    );
    // On any connection, HTTP/2 too, beside other cookies.
    let among = format!("a=b; {pair}; __Host-login-y=z");
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let response = site.send(over(with_cookie(&among), version)).await;
        assert_eq!(response.headers()["cache-control"], "private");
        assert!(cookie(&response).is_none());
        assert_eq!(text(response).await, "alice@EXAMPLE.TEST");
    }
    // It is sealed: nobody reads who it is.
    let (_, value) = pair.split_once('=').unwrap();
    let sealed = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(value)
        .unwrap();
    assert!(!sealed.windows(5).any(|part| part == b"alice"));
    let forgets = session("x").forget();
    assert!(
        forgets
            .to_str()
            .unwrap()
            .starts_with("__Host-login-x=; Path=/")
    );
}

/// Cut, changed, another's, doubled, in the clear: no cookie at all.
#[::tokio::test]
async fn a_cookie_that_is_not_good_is_none() {
    let site = Site::with(|builder| builder, |layer| layer.session(session("x")));
    let good = issued(&site).await;
    let mut bad = vec![
        good.replace("login-x", "login-y"),
        format!("{good}; {good}"),
        format!("{good}="),
        "__Host-login-x=".into(),
        format!("__Host-login-x={}", "A".repeat(20_000)),
    ];
    let (name, value) = good.split_once('=').unwrap();
    bad.extend((0..value.len()).step_by(7).map(|at| {
        let mut changed = value.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        format!("{name}={}", String::from_utf8(changed).unwrap())
    }));
    bad.extend(
        (0..value.len())
            .step_by(11)
            .map(|at| format!("{name}={}", &value[..at])),
    );
    for other in ["y", "x"] {
        // Another site's under the same key, and this one's name under another key.
        let key = if other == "y" {
            key()
        } else {
            SealingKey::generate().unwrap()
        };
        let session = LoginSession::new(key, other).unwrap();
        let elsewhere = Site::with(|builder| builder, |layer| layer.session(session));
        let cookie = issued(&elsewhere).await;
        bad.push(cookie.replace("login-y", "login-x"));
    }
    for cookie in bad {
        let response = site.send(with_cookie(&cookie)).await;
        assert_eq!(verdict(&response), Some(Verdict::Asked), "{cookie}");
    }
    // Not without TLS, neither given nor taken.
    let open = with_header(request(&plain(), None), "cookie", &good);
    assert_eq!(site.send(open).await.status(), 401);
    let response = site
        .send(request(&plain(), Some(&site.token("alice"))))
        .await;
    assert!(cookie(&response).is_none());
    // Other credentials are another client's.
    let both = with_header(with_cookie(&good), "authorization", "Bearer x");
    assert_eq!(site.send(both).await.status(), 401);
    // A token comes first.
    let token = with_header(request(&tls(), Some(&site.token("bob"))), "cookie", &good);
    assert_eq!(text(site.send(token).await).await, "bob@EXAMPLE.TEST");
    assert_eq!(site.send(with_cookie(&good)).await.status(), 200);
}

#[::tokio::test]
async fn a_cookie_ends_and_does_not_outlive_its_ticket() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let realm = Realm::at("EXAMPLE.TEST", start);
    let service = realm.service("HTTP/localhost").unwrap();
    let mut site = Site::new();
    let builder = AcceptorConfig::builder(backends::rust(service.keytab())).clock(realm.clock());
    site.config = builder.build().unwrap();
    site.service = service;
    site.layer =
        NegotiateLayer::new(&site.config).session(session("x").lifetime(Duration::from_secs(600)));
    let good = issued(&site).await;
    realm.clock().set(start + Duration::from_secs(590));
    assert_eq!(site.send(with_cookie(&good)).await.status(), 200);
    realm.clock().set(start + Duration::from_secs(601));
    assert_eq!(site.send(with_cookie(&good)).await.status(), 401);
    // A ticket with a minute left.
    let ends = realm.clock();
    let ends = crate::Clock::now(&*ends) + Duration::from_secs(60);
    let ticket = TicketOptions::new().ends(ends);
    let token = site.service.client("alice").ticket(ticket).token().unwrap();
    let response = site.send(request(&tls(), Some(&token))).await;
    let (_, attributes) = cookie(&response).unwrap();
    let seconds: u64 = attributes.rsplit('=').next().unwrap().parse().unwrap();
    assert!((50..=60).contains(&seconds), "{attributes}");
}

/// Given with success alone; and who may not come in may not with a cookie either.
#[::tokio::test]
async fn a_cookie_is_no_way_around_anything() {
    let site = Site::with(|builder| builder, |layer| layer.session(session("x")));
    for status in ["401", "403", "500"] {
        let failing = with_header(
            request(&tls(), Some(&site.token("alice"))),
            "x-status",
            status,
        );
        assert!(cookie(&site.send(failing).await).is_none(), "{status}");
    }
    let good = issued(&site).await;
    let nobody = |layer: NegotiateLayer| layer.session(session("x")).authorize(|_, _| false);
    let strict = Site::with(|builder| builder, nobody);
    assert_eq!(strict.send(with_cookie(&good)).await.status(), 403);
    let refused = strict
        .send(request(&tls(), Some(&strict.token("alice"))))
        .await;
    assert!(cookie(&refused).is_none());
    for name in ["", "a b", "a;b", "ä", &"x".repeat(65)] {
        LoginSession::new(key(), name).unwrap_err();
    }
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

fn passwords(layer: NegotiateLayer) -> NegotiateLayer {
    let accounts = MemoryAccounts::new()
        .user("alice", NtHash::from_password("Password"))
        .domain_user("CORP", "bob", NtHash::from_password("a:b"))
        .disabled("", "gone");
    layer
        .password_fallback("staff", AccountPasswords::new(accounts))
        .unwrap()
}

/// RFC 7617.
#[::tokio::test]
async fn passwords_are_for_tls_and_for_who_asks_for_them() {
    let site = Site::with(|builder| builder, passwords);
    let send = |connection: Connection, value: String| {
        site.send(with_header(
            request(&connection, None),
            "authorization",
            &value,
        ))
    };
    for (given, who) in [
        ("alice:Password", Some("alice")),
        ("ALICE:Password", Some("alice")),
        ("CORP\\bob:a:b", Some("CORP\\bob")),
        ("alice:password", None),
        ("alice:", None),
        (":Password", None),
        ("nobody:Password", None),
        ("gone:Password", None),
        ("gone:", None),
        ("alice", None),
        ("ali\nce:Password", None),
    ] {
        let response = send(tls(), basic(given)).await;
        match who {
            Some(who) => assert_eq!(text(response).await, who),
            None => assert_eq!(response.status(), 401, "{given}"),
        }
    }
    assert_out(&site, &tls(), None, "a password holds for its request").await;
    let asked = |response: Response<Body>| {
        let all = response.headers().get_all("www-authenticate").iter();
        all.map(|value: &HeaderValue| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let due = ["Negotiate", "Basic realm=\"staff\", charset=\"UTF-8\""];
    assert_eq!(asked(site.send(request(&tls(), None)).await), due);
    // In the clear nobody is asked for a password, and nobody's is taken.
    assert_eq!(
        asked(site.send(request(&plain(), None)).await),
        ["Negotiate"]
    );
    assert_eq!(send(plain(), basic("alice:Password")).await.status(), 401);
    // Nor by a layer that was not told to.
    let without = Site::new();
    let request = with_header(
        request(&tls(), None),
        "authorization",
        &basic("alice:Password"),
    );
    assert_eq!(without.send(request).await.status(), 401);
    for realm in ["a\"b", "a\\b", "a\nb", "ä"] {
        let layer = NegotiateLayer::new(&site.config);
        let nobody = AccountPasswords::new(MemoryAccounts::new());
        layer.password_fallback(realm, nobody).unwrap_err();
    }
}

struct Broken;

impl PasswordCheck for Broken {
    fn check(&self, _: &str, _: &Secret) -> Reply<PasswordAnswer> {
        Reply::later(async {
            PasswordAnswer::Unavailable {
                text: "the directory is down".into(),
            }
        })
    }
}

#[::tokio::test]
async fn a_check_that_cannot_tell_lets_nobody_in() {
    let layer = |layer: NegotiateLayer| layer.password_fallback("x", Broken).unwrap();
    let site = Site::with(|builder| builder, layer);
    let request = with_header(request(&tls(), None), "authorization", &basic("a:b"));
    let response = site.send(request).await;
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (500, Some(Verdict::Unavailable))
    );
    assert_eq!(site.calls(), 0);
}
