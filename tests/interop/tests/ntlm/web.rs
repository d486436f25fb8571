//! NTLM over HTTP, where it is hard: many connections at once, clients that vanish or dawdle,
//! requests in a row without waiting, bodies, TLS with channel bindings, HTTP/2.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use gss_acceptor::http::{Challenge, Scheme, header_value};
use interop::Peer;
use interop::ntlm::{Login, SspiNtlm};
use interop::process::{PATIENCE, Server, packages, run, within};
use interop::web::{chromium, python_web};

use crate::programs::{Place, hex};

const USERS: usize = 10;

/// The example, with the accounts `user0` to `user9`, whose passwords are their names.
fn server(place: &Place, more: &[&str]) -> Server {
    let accounts = (0..USERS).map(|n| format!("user{n}:{}\n", hex(&format!("user{n}"))));
    let path = place.write("accounts", &accounts.collect::<String>());
    let ntlm = ["--ntlm", path.to_str().expect("UTF-8")];
    // Two servers of one test have two logs.
    let files = std::fs::read_dir(&place.0).expect("ours").count();
    let log = place.0.join(format!("log-{files}"));
    Server::start("http_server", &[&ntlm, more].concat(), log)
}

fn client(user: &str) -> SspiNtlm {
    SspiNtlm::new(&Login::new(user, "", user))
}

fn first(client: &mut SspiNtlm) -> Vec<u8> {
    client
        .init(None)
        .expect("a token")
        .token
        .expect("NEGOTIATE")
}

fn answer(client: &mut SspiNtlm, challenge: &[u8]) -> Vec<u8> {
    let answer = client.init(Some(challenge)).expect("a token");
    answer.token.expect("AUTHENTICATE")
}

fn request(token: Option<&[u8]>, more: &str) -> String {
    let token = token.map(|token| header_value(Scheme::Ntlm, Some(token)));
    let line = token.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    format!("GET / HTTP/1.1\r\nHost: x\r\n{line}{more}\r\n")
}

struct Http(BufReader<TcpStream>);

struct Answer {
    status: String,
    challenge: Option<Vec<u8>>,
    closes: bool,
    body: String,
}

impl Http {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).expect("the server");
        let time = Some(PATIENCE);
        stream.set_read_timeout(time).expect("a timeout");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    fn receive(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines.first().expect("a status line");
        let status = status.split(' ').nth(1).expect("a status").to_owned();
        let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
        let asked = lines
            .iter()
            .filter_map(|line| line.strip_prefix("www-authenticate: "));
        let challenges = Challenge::read(asked.map(str::as_bytes)).expect("challenges");
        let length = value("content-length: ").map_or(0, |text| text.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        Answer {
            status,
            challenge: challenges.into_iter().find_map(|challenge| challenge.token),
            closes: value("connection: ") == Some("close"),
            body: String::from_utf8(body).expect("text"),
        }
    }

    fn get(&mut self, token: Option<&[u8]>) -> Answer {
        self.send(&request(token, ""));
        self.receive()
    }

    /// Whether the server has closed the connection.
    fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }
}

/// Logs in over a connection.
fn log_in(http: &mut Http, user: &str) -> Answer {
    let mut client = client(user);
    let challenge = http
        .get(Some(&first(&mut client)))
        .challenge
        .expect("a CHALLENGE");
    http.get(Some(&answer(&mut client, &challenge)))
}

/// 1000 connections, all of them between their two legs at once; each ends as its own user, and
/// stays that. Then they are gone, and so is what the server held for them.
#[test]
fn a_thousand_connections_with_interleaved_legs() {
    const CONNECTIONS: usize = 1000;
    let place = Place::new("thousand");
    let mut server = server(&place, &[]);
    let user = |n: usize| format!("user{}", n % USERS);
    let before = at_work(&server);
    let clients: Vec<_> = (0..CONNECTIONS).map(|n| client(&user(n))).collect();
    let mut all: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let mut http = Http::connect(&server);
            http.send(&request(Some(&first(&mut client)), ""));
            (http, client)
        })
        .collect();
    let challenges: Vec<_> = all
        .iter_mut()
        .map(|(http, _)| http.receive().challenge.expect("a CHALLENGE"))
        .collect();
    // In another order than the first legs: 7 and 1000 have no common factor.
    for n in (0..CONNECTIONS).map(|n| n * 7 % CONNECTIONS) {
        let (http, client) = &mut all[n];
        http.send(&request(Some(&answer(client, &challenges[n])), ""));
    }
    for (n, (http, _)) in all.iter_mut().enumerate() {
        let page = http.receive();
        assert_eq!(page.status, "200", "{n}: {}", server.log());
        assert!(
            page.body.starts_with(&format!("You are {}.", user(n))),
            "{n}"
        );
    }
    for (n, (http, _)) in all.iter_mut().enumerate() {
        let page = http.get(None);
        assert!(
            page.body.starts_with(&format!("You are {}.", user(n))),
            "{n}"
        );
        assert!(
            page.body.contains("shown by     connection"),
            "{}",
            page.body
        );
    }
    drop(all);
    settles(&server, before);
    let status = server.stop();
    assert!(status.success(), "{status}");
    assert!(
        server
            .log()
            .contains("stopped; 0 handshakes were half open"),
        "{}",
        server.log()
    );
}

/// Threads and open files of a server that has served one client: it has started whatever it
/// starts.
fn at_work(server: &Server) -> (usize, usize) {
    assert_eq!(log_in(&mut Http::connect(server), "user0").status, "200");
    server.holds()
}

/// Threads and open files come down to what they were before anybody came, a few idle threads
/// of the runtime apart.
fn settles(server: &Server, before: (usize, usize)) {
    let settled = within(PATIENCE, || {
        let (threads, files) = server.holds();
        threads <= before.0 + 4 && files <= before.1 + 2
    });
    let holds = server.holds();
    assert!(settled, "{holds:?} threads and files; {before:?} before");
}

/// Clients that go away between the legs, in the middle of a head, and at once; one that sends a
/// byte at a time; and beside them one that just logs in.
#[test]
fn slow_and_vanishing_clients() {
    let place = Place::new("vanish");
    let mut server = server(&place, &[]);
    let before = at_work(&server);
    let mut slow = Http::connect(&server);
    let text = request(Some(&first(&mut client("user1"))), "");
    let (head, rest) = text.split_at(text.len() - 20);
    slow.send(head);
    for n in 0..200 {
        let mut http = Http::connect(&server);
        match n % 4 {
            0 => drop(http.get(Some(&first(&mut client("user0"))))),
            1 => http.send(&request(Some(&first(&mut client("user0"))), "")),
            2 => http.send("GET / HTTP/1.1\r\nAuthorization: NTLM TlRM"),
            _ => {}
        }
    }
    assert_eq!(log_in(&mut Http::connect(&server), "user2").status, "200");
    for byte in rest.chars() {
        slow.send(&byte.to_string());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(slow.receive().challenge.is_some());
    drop(slow);
    settles(&server, before);
    assert!(server.stop().success());
    assert!(
        server
            .log()
            .contains("stopped; 0 handshakes were half open"),
        "{}",
        server.log()
    );
}

/// Requests that follow each other without waiting for answers. Each is answered once, in order.
#[test]
fn requests_in_a_row_during_a_handshake() {
    let place = Place::new("pipeline");
    let server = server(&place, &[]);
    let mut client = client("user3");
    let negotiate = first(&mut client);
    // A request without a token right behind the first leg ends the handshake.
    let mut http = Http::connect(&server);
    http.send(&(request(Some(&negotiate), "") + &request(None, "")));
    let challenge = http.receive().challenge.expect("a CHALLENGE");
    let asked = http.receive();
    assert_eq!((asked.status.as_str(), asked.challenge), ("401", None));
    let late = http.get(Some(&answer(&mut client, &challenge)));
    assert!(
        ["400", "401"].contains(&late.status.as_str()),
        "{}",
        late.status
    );
    assert!(late.closes && http.is_closed());

    // Two users' first legs in a row: the second has begun anew, the first one's answer fails.
    let (mut one, mut two) = (super::web::client("user4"), super::web::client("user5"));
    let mut http = Http::connect(&server);
    http.send(&(request(Some(&first(&mut one)), "") + &request(Some(&first(&mut two)), "")));
    let ones = http.receive().challenge.expect("a CHALLENGE");
    let twos = http.receive().challenge.expect("a CHALLENGE");
    assert_ne!(ones, twos);
    let mixed = http.get(Some(&answer(&mut one, &ones)));
    assert_eq!(mixed.status, "401", "{}", mixed.body);
    assert!(mixed.closes && http.is_closed());

    // Behind the last leg: three requests of one client.
    let mut http = Http::connect(&server);
    let mut client = super::web::client("user6");
    let challenge = http
        .get(Some(&first(&mut client)))
        .challenge
        .expect("a CHALLENGE");
    let last = request(Some(&answer(&mut client, &challenge)), "");
    http.send(&(last + &request(None, "") + &request(None, "")));
    for _ in 0..3 {
        assert!(http.receive().body.starts_with("You are user6."));
    }
    // The token again, on its own connection: a new handshake that has no CHALLENGE.
    let again = http.get(Some(&answer_to_nobody()));
    assert_ne!(again.status, "200");
}

/// An AUTHENTICATE without anything in it.
fn answer_to_nobody() -> Vec<u8> {
    [&b"NTLMSSP\0\x03\0\0\0"[..], &[0; 52]].concat()
}

/// Two users through a proxy that has one connection to the server, and says so; and one that
/// does not say so, whose users send tokens.
#[test]
fn two_users_of_one_proxy_are_never_mixed_up() {
    let place = Place::new("proxy");
    let server = server(&place, &[]);
    let mut http = Http::connect(&server);
    let page = log_in(&mut http, "user7");
    assert!(page.body.starts_with("You are user7."), "{}", page.body);
    // The other user's request has been forwarded, and is not the first one's.
    http.send(&request(None, "Via: 1.1 proxy\r\n"));
    assert_eq!(http.receive().status, "401");
    // Nor does anything of the first one's remain.
    assert_eq!(http.get(None).status, "401");
    http.send(&request(
        Some(&first(&mut client("user8"))),
        "X-Forwarded-For: 192.0.2.1\r\n",
    ));
    let asked = http.receive();
    assert_eq!((asked.status.as_str(), asked.challenge), ("401", None));
    // Without a header that tells: each login is its own user's.
    for user in ["user8", "user9", "user8"] {
        let page = log_in(&mut http, user);
        assert!(
            page.body.starts_with(&format!("You are {user}.")),
            "{}",
            page.body
        );
    }
}

/// curl sends a body with each leg; over TLS it is NTLM on HTTP/1.1 whatever it is told.
#[test]
fn curl_with_a_body_and_over_tls() {
    packages(&["curl"]);
    let place = Place::new("body");
    let pem = place.0.join("pem");
    let tls = ["--tls", "--tls-pem", pem.to_str().expect("UTF-8")];
    let (plain, secure) = (server(&place, &[]), server(&place, &tls));
    let body = place.write("body", &"x".repeat(100_000));
    let data = format!("@{}", body.display());
    let http = format!("http://localhost:{}/", plain.address.port());
    let https = format!("https://localhost:{}/", secure.address.port());
    for (url, more) in [
        (&http, &["-X", "GET", "--data-binary", &data][..]),
        (
            &http,
            &["-X", "GET", "-H", "Expect:", "--data-binary", &data],
        ),
        (&https, &["-X", "GET", "--data-binary", &data]),
        (&https, &["--http2"]),
    ] {
        let output = run(Command::new("curl")
            .args(["-sS", "--max-time", "120", "--cacert"])
            .arg(&pem)
            .args(["--ntlm", "-u", "user1:user1", url])
            .args(more));
        let page = String::from_utf8_lossy(&output.stdout);
        assert!(
            page.starts_with("You are user1."),
            "{more:?}: {page}\n{}",
            secure.log()
        );
    }
    // A token of NTLM's over HTTP/2: the stream ends with HTTP_1_1_REQUIRED, and curl comes again
    // over HTTP/1.1, where it gets a CHALLENGE.
    let token = header_value(Scheme::Ntlm, Some(&first(&mut client("user1"))));
    let output = run(Command::new("curl")
        .args([
            "-sS",
            "--max-time",
            "120",
            "--http2",
            "-D",
            "-",
            "-o",
            "/dev/null",
            "--cacert",
        ])
        .arg(&pem)
        .args(["-H", &format!("Authorization: {token}"), &https]));
    let head = String::from_utf8_lossy(&output.stdout);
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    assert!(
        head.contains("www-authenticate: NTLM TlRMTVNTUAAC"),
        "{head}"
    );
    secure.says("needs HTTP/1.1");
}

/// requests-ntlm and Chromium bind their logins to the certificate that they see.
#[test]
fn clients_that_bind_come_in_where_binding_is_required() {
    let place = Place::new("bound");
    let pem = place.0.join("pem");
    let tls = [
        "--tls",
        "--tls-pem",
        pem.to_str().expect("UTF-8"),
        "--require-binding",
    ];
    let server = server(&place, &tls);
    let url = format!("https://localhost:{}/", server.address.port());
    let mut python = python_web("ntlm", &url, &pem);
    let output = run(python.args(["user2", "user2"]));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        said.matches("200 You are user2.").count(),
        2,
        "{said}\n{}",
        server.log()
    );
    assert!(said.contains("yes, to this server's certificate"), "{said}");

    let profile = place.0.join("profile");
    let with_password = url.replace("https://", "https://user3:user3@");
    let schemes = ["--auth-schemes=ntlm"];
    let output = chromium(&profile, &with_password, &schemes)
        .output()
        .expect("chromium");
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains("Authenticated") && page.contains("user3"),
        "{page}\n{}",
        server.log()
    );
    assert!(page.contains("yes, to this server"), "{page}");

    // curl's own NTLM sends none.
    let output = run(Command::new("curl")
        .args([
            "-sS",
            "--max-time",
            "120",
            "-w",
            "%{http_code}",
            "-o",
            "/dev/null",
            "--cacert",
        ])
        .arg(&pem)
        .args(["--ntlm", "-u", "user2:user2", &url]));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "401",
        "{}",
        server.log()
    );
}
