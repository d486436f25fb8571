//! HTTPS and HTTP/2: curl, requests-gssapi, requests-kerberos, Java, Chromium and Firefox against the example `http_server`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use gss_acceptor::http::tower::{KerberosPasswords, PasswordAnswer, PasswordCheck as _};
use gss_acceptor::http::{Scheme, header_value};
use gss_acceptor::testing::{Realm, TicketOptions};
use gss_acceptor::{Error, Keytab, Secret};
use interop::kdc::REALM;
use interop::process::{PATIENCE, Server, packages, root, run, within};
use interop::web::{chromium, firefox, python_web};
use interop::{Kdc, User};

/// The example with TLS, and where its certificate is.
fn https(kdc: &Kdc, more: &[&str]) -> (Server, PathBuf) {
    let pem = kdc.fresh("certificate.pem");
    let tls = ["--tls", "--tls-pem", pem.to_str().expect("UTF-8")];
    let arguments = [&tls, more].concat();
    let log = kdc.fresh("https.log");
    let server = Server::example("http_server", &kdc.keytab("HTTP"), &arguments, log);
    (server, pem)
}

fn url(server: &Server) -> String {
    format!("https://localhost:{}/", server.address.port())
}

/// Version, status, body.
fn curl(kdc: &Kdc, user: &User, pem: &PathBuf, arguments: &[&str]) -> (String, String) {
    packages(&["curl"]);
    let output = run(Command::new("curl")
        .args([
            "-sS",
            "--max-time",
            "120",
            "-w",
            "\n%{http_version} %{http_code}",
            "--cacert",
        ])
        .arg(pem)
        .args(arguments)
        .envs(user.environment(kdc)));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

#[test]
fn curl_over_https_http1_and_http2() {
    let kdc = Kdc::shared();
    let (server, pem) = https(kdc, &[]);
    let url = url(&server);
    let negotiate = ["--negotiate", "-u", ":"];
    for (version, shown) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for connection in [&[][..], &["-H", "Connection: close"]] {
            if version == "--http2" && !connection.is_empty() {
                continue;
            }
            let arguments = [&[version][..], connection, &negotiate, &[&url]].concat();
            let (status, body) = curl(kdc, &kdc.alice(), &pem, &arguments);
            assert_eq!(status, format!("{shown} 200"), "{body}\n{}", server.log());
            assert!(body.contains("alice@EXAMPLE.TEST"), "{body}");
        }
        // Nobody's request on the same connection afterwards is nobody's.
        let arguments = [
            &[version][..],
            &negotiate,
            &[&url, "--next", "-sS", version, "-k", &url],
        ];
        let (status, body) = curl(kdc, &kdc.alice(), &pem, &arguments.concat());
        assert_eq!(body.matches("You are").count(), 1, "{status} {body}");
    }
    // A body with the first leg: curl sends it again with the token.
    let file = kdc.fresh("body");
    std::fs::write(&file, vec![b'x'; 100_000]).expect("a file");
    let data = format!("@{}", file.display());
    for more in [&[][..], &["-H", "Expect:"]] {
        let body = ["--http1.1", "-X", "GET", "--data-binary", &data];
        let arguments = [&body[..], more, &negotiate, &[&url]].concat();
        let (status, page) = curl(kdc, &kdc.alice(), &pem, &arguments);
        assert_eq!(status, "1.1 200", "{page}\n{}", server.log());
    }
}

#[test]
fn requests_gssapi_and_requests_kerberos_come_in_bound() {
    let kdc = Kdc::shared();
    let (server, pem) = https(kdc, &["--require-binding"]);
    for library in ["gssapi", "kerberos"] {
        let mut client = python_web(library, &url(&server), &pem);
        let output = run(client.envs(kdc.alice().environment(kdc)));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            said.matches("200 You are alice@EXAMPLE.TEST.").count(),
            2,
            "{library}: {said}\n{}",
            server.log()
        );
        assert_eq!(
            said.matches("yes, to this server's certificate").count(),
            2,
            "{library}: {said}"
        );
    }
    // curl of this age sends none.
    let (status, _) = curl(
        kdc,
        &kdc.alice(),
        &pem,
        &["--negotiate", "-u", ":", &url(&server)],
    );
    assert!(status.ends_with(" 401"), "{status}");
    server.says("channel bindings");
}

#[test]
fn java_comes_in_bound() {
    packages(&["default-jdk-headless"]);
    let kdc = Kdc::shared();
    let (server, pem) = https(kdc, &["--require-binding"]);
    let store = kdc.fresh("trust.p12");
    run(Command::new("keytool")
        .args([
            "-importcert",
            "-noprompt",
            "-storepass",
            "changeit",
            "-alias",
            "server",
            "-file",
        ])
        .arg(&pem)
        .arg("-keystore")
        .arg(&store));
    let user = kdc.alice();
    let login = kdc.fresh("login.conf");
    let cache = user.ccache().display();
    let text = format!(
        "com.sun.security.jgss.krb5.initiate {{ com.sun.security.auth.module.Krb5LoginModule \
         required useTicketCache=true doNotPrompt=true ticketCache=\"{cache}\"; }};\n"
    );
    std::fs::write(&login, text).expect("a file");
    let java = |cbt: &str| {
        let output = run(Command::new("java")
            .arg(format!("-Djavax.net.ssl.trustStore={}", store.display()))
            .args([
                "-Djavax.net.ssl.trustStorePassword=changeit",
                "-XX:TieredStopAtLevel=1",
            ])
            .arg(format!(
                "-Djava.security.krb5.conf={}",
                kdc.config().display()
            ))
            .arg(format!(
                "-Djava.security.auth.login.config={}",
                login.display()
            ))
            .arg("-Djavax.security.auth.useSubjectCredsOnly=false")
            .arg(format!("-Djdk.https.negotiate.cbt={cbt}"))
            .arg(root().join("tests/interop/py/Web.java"))
            .arg(url(&server)));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = java("always");
    assert_eq!(
        said.matches("200 You are alice@EXAMPLE.TEST.").count(),
        2,
        "{said}\n{}",
        server.log()
    );
    assert_eq!(
        said.matches("yes, to this server's certificate").count(),
        2,
        "{said}"
    );
    let said = java("never");
    assert_eq!(
        said.matches("refused: Authentication failure").count(),
        2,
        "{said}"
    );
}

/// With a ticket, over HTTP and HTTPS, HTTP/2 among it.
#[test]
fn chromium_with_a_ticket() {
    let kdc = Kdc::shared();
    let (tls, _) = https(kdc, &[]);
    let plain = Server::example(
        "http_server",
        &kdc.keytab("HTTP"),
        &[],
        kdc.fresh("http.log"),
    );
    let http = format!("http://localhost:{}/", plain.address.port());
    for (url, server) in [(url(&tls), &tls), (http, &plain)] {
        let profile = kdc.fresh("chromium");
        let allow = ["--auth-server-allowlist=localhost"];
        let get = || {
            let mut chromium = chromium(&profile, &url, &allow);
            let output = chromium.envs(kdc.alice().environment(kdc)).output();
            output.expect("chromium")
        };
        // The first challenge of its life makes a profile load the GSS-API library, at its next
        // start: the process that speaks to networks has been shut off by then.
        drop(get());
        let output = get();
        let page = String::from_utf8_lossy(&output.stdout);
        assert!(
            page.contains("Authenticated"),
            "{url}: {page}\n{}",
            server.log()
        );
        assert!(page.contains("alice"), "{page}");
        // The page's script has run: the time that is left counts down.
        let left = page.split("<time data-until=").nth(1).expect("a countdown");
        let shown = left.split(['>', '<']).nth(1).expect("a time");
        assert!(shown.split(':').count() == 3, "{shown}");
    }
}

/// With a ticket, over HTTP and HTTPS: one start of Firefox for both.
#[test]
fn firefox_with_a_ticket() {
    let kdc = Kdc::shared();
    let (tls, _) = https(kdc, &[]);
    let log = kdc.fresh("http.log");
    let plain = Server::example("http_server", &kdc.keytab("HTTP"), &[], log);
    let http = format!("http://localhost:{}/", plain.address.port());
    let mut firefox = firefox(&kdc.fresh("firefox"), &[&url(&tls), &http]);
    let output = run(firefox.envs(kdc.alice().environment(kdc)));
    let pages = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        pages.matches("alice@EXAMPLE.TEST\nAuthenticated").count(),
        2,
        "{pages}\n{}\n{}",
        tls.log(),
        plain.log()
    );
}

/// Clicks through the pages of a realm in memory: who nobody is, the built-in client's login, once
/// more.
#[test]
fn firefox_clicks_through_the_pages() {
    let kdc = Kdc::shared();
    let server = Server::start("http_server", &[], kdc.fresh("http.log"));
    let start = format!("http://{}/", server.address);
    let steps = [start.as_str(), "click=a.button", "click=a.button"];
    let output = run(&mut firefox(&kdc.fresh("firefox"), &steps));
    let pages = String::from_utf8_lossy(&output.stdout);
    assert!(pages.starts_with("Who are you?\n"), "{pages}");
    let logins = pages.matches("\nSPNEGO offer, with a Kerberos AP-REQ\n");
    assert_eq!(logins.count(), 2, "{pages}\n{}", server.log());
    assert_eq!(pages.matches("A handshake\nJust now").count(), 2, "{pages}");
}

/// Told to stop, the server takes nobody in any more, answers who has asked already, and ends.
#[test]
fn a_request_under_way_is_answered_when_the_server_stops() {
    let kdc = Kdc::shared();
    let mut server = Server::start("http_server", &[], kdc.fresh("http.log"));
    let address = server.address;
    let connect = || {
        let stream = TcpStream::connect(address).expect("the server");
        let time = Some(PATIENCE);
        stream.set_read_timeout(time).expect("a timeout");
        stream
    };
    let mut answer = String::new();
    let mut stream = connect();
    stream
        .write_all(b"GET /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("sent");
    stream.read_to_string(&mut answer).expect("a token");
    let token = answer.rsplit("\r\n\r\n").next().expect("a body");
    let mut stream = connect();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Negotiate {token}\r\nExpect: 100-continue\r\n\
         Content-Length: 10\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    // The client is known, and the page waits for the body.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("100 Continue");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let status = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| server.stop());
        let listens_no_more = within(PATIENCE, || TcpStream::connect(address).is_err());
        assert!(listens_no_more, "{address}");
        stream.write_all(b"0123456789").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("You are alice@EXAMPLE.TEST."), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        stopping.join().expect("it ends")
    });
    assert!(status.success(), "{status}: {}", server.log());
}

/// The KDC's word counts once it has given a ticket that our own key opens.
#[test]
fn passwords_by_a_kerberos_exchange() {
    let kdc = Kdc::shared();
    let address = format!("127.0.0.1:{}", kdc.port());
    let passwords = |keytab, address: &str| {
        KerberosPasswords::new(REALM, [address], "HTTP/localhost", keytab).expect("a keytab")
    };
    let check = |passwords: &KerberosPasswords, user: &str, password: &str| {
        let password = Secret::copy_from(password.as_bytes());
        passwords.check(user, &password).wait()
    };
    let keytab = || Keytab::open(kdc.keytab("HTTP")).expect("a keytab");
    let own = passwords(keytab(), &address);
    // jürgen's KDC asks for no pre-authentication.
    for (user, password, name) in [
        ("alice", "alice-pw", "alice@EXAMPLE.TEST"),
        ("bob@EXAMPLE.TEST", "bob-pw", "bob@EXAMPLE.TEST"),
        ("jürgen", "juergen-pw", "jürgen@EXAMPLE.TEST"),
    ] {
        match check(&own, user, password) {
            PasswordAnswer::Right(peer) => assert_eq!(peer.to_string(), name),
            other => panic!("{user}: {other:?}"),
        }
    }
    for (user, password) in [
        ("alice", "bob-pw"),
        ("alice", ""),
        ("alice", "alice-pw\n"),
        ("jürgen", "wrong"),
        ("nobody", "alice-pw"),
        ("alice@OTHER.TEST", "alice-pw"),
        ("alice@", "alice-pw"),
        ("", "alice-pw"),
        ("@EXAMPLE.TEST", "alice-pw"),
        ("EXAMPLE.TEST\\alice", "alice-pw"),
        ("HTTP/localhost", "alice-pw"),
        ("alice\0", "alice-pw"),
    ] {
        let answer = check(&own, user, password);
        assert_eq!(answer, PasswordAnswer::Wrong, "{user:?} {password:?}");
    }
    // A KDC that knows alice's password and not our key is anybody's.
    let realm = Realm::new(REALM);
    let service = realm.service("HTTP/localhost").expect("a service");
    match check(&passwords(service.keytab(), &address), "alice", "alice-pw") {
        PasswordAnswer::Unavailable { text } => assert!(text.contains("not believed"), "{text}"),
        other => panic!("{other:?}"),
    }
    // Nobody answers.
    match check(&passwords(keytab(), "127.0.0.1:9"), "alice", "alice-pw") {
        PasswordAnswer::Unavailable { text } => assert!(text.contains("no KDC"), "{text}"),
        other => panic!("{other:?}"),
    }
    for service in ["HTTP", "HTTP/", "HTTP/localhost@EXAMPLE.TEST"] {
        let built = KerberosPasswords::new(REALM, [address.as_str()], service, keytab());
        assert!(matches!(built, Err(Error::Misuse { .. })), "{service}");
    }
    // The same through the example, over TLS; and over HTTP nobody is asked for a password.
    let (server, pem) = https(kdc, &["--basic", &address]);
    for (login, status, page) in [
        ("bob:bob-pw", "2 200", "You are bob@EXAMPLE.TEST."),
        ("bob:alice-pw", "2 401", "You were not let in"),
    ] {
        let arguments = ["--basic", "-u", login, &url(&server)];
        let (found, body) = curl(kdc, &kdc.alice(), &pem, &arguments);
        assert_eq!(found, status, "{login}: {body}\n{}", server.log());
        assert!(body.contains(page), "{body}");
    }
    let other = KerberosPasswords::new(REALM, [address.as_str()], "HTTP/other", keytab());
    assert!(matches!(other, Err(Error::Unavailable { .. })));
}

/// A user of 400 groups: some 12 KiB of authorization data, 16 KiB of header.
#[test]
fn a_header_of_16_kib() {
    let kdc = Kdc::shared();
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/localhost").expect("a service");
    let keytab = kdc.fresh("keytab");
    std::fs::write(&keytab, service.keytab_bytes()).expect("a file");
    let server = Server::example("http_server", &keytab, &[], kdc.fresh("http.log"));
    // AD-IF-RELEVANT is what a PAC comes in; the type is for experiments (RFC 4120 7.5.4).
    let groups = TicketOptions::new().authorization_data(-7, vec![0x5A; 12_000]);
    let token = service
        .client("carol")
        .ticket(groups)
        .token()
        .expect("a token");
    let value = header_value(Scheme::Negotiate, Some(&token));
    assert!(value.len() > 16 << 10, "{}", value.len());
    let mut stream = TcpStream::connect(server.address).expect("the server");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request =
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {value}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("You are carol@EXAMPLE.TEST."), "{answer}");
}
