//! Programs that know nothing of this crate: curl, MIT's gss-client, python3-gssapi.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use gss_acceptor::{BindingStatus, ChannelBindingPolicy, ChannelBindings, Protection};
use interop::gss_sample;
use interop::handshake::{builder, config};
use interop::process::{PATIENCE, Server, packages, run, within};
use interop::python::{PYTHON, PythonPeer, script};
use interop::{Ask, Kdc, Peer, User, accept_with, flags, shake};

use crate::handshakes::{one_message_each, ways};

struct Page {
    status: String,
    body: String,
    headers: String,
}

/// curl, with the tickets of `user`.
fn curl(kdc: &Kdc, user: &User, arguments: &[&str]) -> Page {
    packages(&["curl"]);
    let headers = kdc.fresh("headers");
    let output = run(Command::new("curl")
        .args(["-sS", "--max-time", "120", "-w", "\n%{http_code}", "-D"])
        .arg(&headers)
        .args(arguments)
        .envs(user.environment(kdc)));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    Page {
        status: status.to_owned(),
        body: body.to_owned(),
        headers: std::fs::read_to_string(headers).expect("headers"),
    }
}

const NEGOTIATE: [&str; 3] = ["--negotiate", "-u", ":"];

fn url(server: &Server) -> String {
    format!("http://localhost:{}/", server.address.port())
}

fn http_server(kdc: &Kdc) -> Server {
    Server::example(
        "http_server",
        &kdc.keytab("HTTP"),
        &[],
        kdc.fresh("http.log"),
    )
}

#[test]
fn curl_is_let_in_by_name() {
    let kdc = Kdc::shared();
    let server = http_server(kdc);
    let users = [
        (kdc.alice(), "alice@EXAMPLE.TEST"),
        (kdc.kinit("bob", "bob-pw"), "bob@EXAMPLE.TEST"),
        (kdc.kinit("jürgen", "juergen-pw"), "jürgen@EXAMPLE.TEST"),
    ];
    for (user, name) in users {
        let page = curl(kdc, &user, &[&NEGOTIATE[..], &[&url(&server)]].concat());
        assert_eq!(page.status, "200", "{}", page.body);
        assert!(page.body.contains(name), "{}", page.body);
        // The server proves itself: accept-complete with an AP-REP in the final answer.
        assert!(
            page.headers.contains("www-authenticate: Negotiate oY"),
            "{}",
            page.headers
        );
    }
}

#[test]
fn curl_without_a_ticket_gets_401() {
    let kdc = Kdc::shared();
    let server = http_server(kdc);
    let nobody = User::with_cache(kdc.fresh("empty"), None);
    for arguments in [&[][..], &NEGOTIATE[..]] {
        let page = curl(kdc, &nobody, &[arguments, &[&url(&server)]].concat());
        assert_eq!(page.status, "401", "{}", page.body);
        assert!(
            page.headers.contains("www-authenticate: Negotiate"),
            "{}",
            page.headers
        );
        assert!(!page.body.contains("alice"), "{}", page.body);
    }
}

/// The server's own words for what was wrong are in its log, not on the page.
#[test]
fn curl_with_a_ticket_for_another_service_gets_401() {
    let kdc = Kdc::shared();
    let service = ["--service", "host/localhost"];
    let log = kdc.fresh("http.log");
    let server = Server::example("http_server", &kdc.keytab("ALL"), &service, log);
    let page = curl(
        kdc,
        &kdc.alice(),
        &[&NEGOTIATE[..], &[&url(&server)]].concat(),
    );
    assert_eq!(page.status, "401", "{}", page.body);
    server.says("the ticket is for HTTP/localhost");
}

#[test]
fn curl_with_ntlm_gets_401_and_the_log_says_ntlm() {
    let kdc = Kdc::shared();
    let server = http_server(kdc);
    // MS-NLMP 2.2.1.1 in base64, after Negotiate as a browser without a ticket sends it.
    let raw = "Authorization: Negotiate TlRMTVNTUAABAAAABYIIogAAAAAAAAAAAAAAAAAAAAA=";
    let page = curl(kdc, &kdc.alice(), &["-H", raw, &url(&server)]);
    assert_eq!(page.status, "401", "{}", page.body);
    server.says("NTLM");
}

/// Two URLs over one connection, and two connections after each other.
#[test]
fn curl_keeps_its_connection() {
    let kdc = Kdc::shared();
    let server = http_server(kdc);
    let url = url(&server);
    let page = curl(
        kdc,
        &kdc.alice(),
        &[&NEGOTIATE[..], &["-v", &url, &url]].concat(),
    );
    assert_eq!(page.status, "200", "{}", page.body);
    let named = page.body.matches("alice@EXAMPLE.TEST").count();
    assert!(named >= 2, "{}", page.body);
    assert!(
        page.body.contains("\n200"),
        "the first page's status: {}",
        page.body
    );
}

/// Rule 42: ktadd gives the service a new key while the server runs. New tickets get in without a
/// restart, and tickets of the old key go on.
#[test]
fn the_keytab_is_rotated_while_the_server_runs() {
    let kdc = Kdc::shared();
    kdc.kadmin("addprinc -randkey HTTP/rotated.localhost");
    let keytab = kdc.fresh("keytab");
    let ktadd = format!("ktadd -k {} HTTP/rotated.localhost", keytab.display());
    kdc.kadmin(&ktadd);
    let server = Server::example("http_server", &keytab, &[], kdc.fresh("http.log"));
    let port = server.address.port();
    let url = format!("http://rotated.localhost:{port}/");
    let resolve = format!("rotated.localhost:{port}:127.0.0.1");
    let get = |user: &User| {
        let arguments = [&NEGOTIATE[..], &["--resolve", &resolve, &url]].concat();
        curl(kdc, user, &arguments)
    };
    let old = kdc.alice().copy(kdc);
    assert_eq!(get(&old).status, "200", "{}", server.log());
    kdc.kadmin(&ktadd);
    let new = kdc.kinit("bob", "bob-pw");
    let mut page = get(&new);
    // The file is looked at every five seconds.
    within(PATIENCE, || {
        if page.status != "200" {
            std::thread::sleep(Duration::from_millis(500));
            page = get(&new);
        }
        page.status == "200"
    });
    assert_eq!(page.status, "200", "{}", server.log());
    assert!(page.body.contains("bob@EXAMPLE.TEST"), "{}", page.body);
    assert_eq!(get(&old).status, "200", "{}", server.log());
}

/// MIT's sample client: contexts, messages sealed, signed and plain, and MICs that it verifies.
#[test]
fn gss_client_talks_to_a_server_of_a_few_lines() {
    use Protection::{Confidentiality, Integrity};
    packages(&["krb5-gss-samples"]);
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    let base: &[&str] = &["-mcount", "3"];
    for (options, protection, mics) in [
        (&[][..], Some(Confidentiality), true),
        (&["-nx"][..], Some(Integrity), true),
        (&["-nw"][..], None, true),
        (&["-nm"][..], Some(Confidentiality), false),
        (&["-nomutual"][..], Some(Confidentiality), true),
        (&["-seq"][..], Some(Confidentiality), true),
        (&["-noreplay"][..], Some(Confidentiality), true),
        (&["-spnego"][..], Some(Confidentiality), true),
        (&["-spnego", "-nomutual", "-nx"][..], Some(Integrity), true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener
            .local_addr()
            .expect("an address")
            .port()
            .to_string();
        let session = std::thread::scope(|scope| {
            let server = scope.spawn(|| gss_sample::serve(&config, listener.accept().unwrap().0));
            let output = run(Command::new("gss-client")
                .args(["-port", &port])
                .args(options)
                .args(base)
                .args(["127.0.0.1", "HTTP@localhost", "a message for the server"])
                .envs(kdc.alice().environment(kdc)));
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let verified = said.matches("Signature verified.").count();
            assert_eq!(verified, if mics { 3 } else { 0 }, "{options:?}: {said}");
            server.join().expect("the server")
        });
        let session = session.unwrap_or_else(|e| panic!("{options:?}: {e}"));
        assert_eq!(session.context.peer().to_string(), "alice@EXAMPLE.TEST");
        assert_eq!(session.messages.len(), 3, "{options:?}");
        for (data, found) in &session.messages {
            let text = String::from_utf8_lossy(data);
            assert!(text.starts_with("a message for the server"), "{text}");
            assert_eq!(*found, protection, "{options:?}");
        }
    }
}

#[test]
fn python_comes_in_and_talks() {
    let kdc = Kdc::shared();
    for ask in ways("HTTP@localhost") {
        let mut peer = PythonPeer::new(kdc, &kdc.alice(), &ask);
        let done = shake(&config(kdc, "HTTP"), &mut peer);
        assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
        one_message_each(&done.context, &mut peer);
        let mic = peer.mic(b"message").unwrap();
        done.context.verify(b"message", &mic).unwrap();
        let mic = done.context.mic(b"message").unwrap();
        peer.verify(b"message", &mic).unwrap();
        // A replay is an error of python3-gssapi's.
        let token = done.context.wrap(Protection::Integrity, b"once").unwrap();
        assert_eq!(peer.unwrap(&token).unwrap().data, b"once");
        peer.unwrap(&token).unwrap_err();
    }
}

#[test]
fn pythons_channel_bindings_are_ours() {
    let kdc = Kdc::shared();
    let config = builder(kdc, "HTTP").channel_bindings(ChannelBindingPolicy::Require);
    let config = config.build().expect("a policy");
    let data = b"tls-exporter:0123456789abcdef0123456789abcdef";
    let ours = ChannelBindings::tls_exporter(&data[13..]).expect("32 bytes");
    for ask in [Ask::http(), Ask::http().spnego().flags(flags::MUTUAL)] {
        let mut peer = PythonPeer::new(kdc, &kdc.alice(), &ask.clone().bindings(data));
        let done = accept_with(&config, &mut peer, Some(&ours)).expect("the same channel");
        assert_eq!(done.context.bound(), BindingStatus::Bound);
        let mut peer = PythonPeer::new(kdc, &kdc.alice(), &ask.bindings(b"tls-exporter:another"));
        accept_with(&config, &mut peer, Some(&ours)).expect_err("another channel");
    }
}

#[test]
fn python_talks_to_tcp_echo() {
    let kdc = Kdc::shared();
    let server = Server::example("tcp_echo", &kdc.keytab("HTTP"), &[], kdc.fresh("echo.log"));
    let output = run(Command::new(PYTHON)
        .arg(script("echo.py"))
        .arg(server.address.ip().to_string())
        .arg(server.address.port().to_string())
        .args(["HTTP@localhost", "20"])
        .envs(kdc.alice().environment(kdc)));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.lines().count(), 20, "{said}");
    assert!(said.contains("echo 19: "), "{said}");
    server.says("alice@EXAMPLE.TEST");
}
