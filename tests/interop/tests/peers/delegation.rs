//! Rule 15 with real tickets: what clients delegate, used by MIT's own programs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gss_acceptor::http::{Challenges, Channel, Decision, Handshake};
use gss_acceptor::{
    AcceptorConfig, Context, CredentialCache, DelegationProblem, Granted, Rejection, Requirements,
    TicketFlags,
};
use interop::handshake::builder;
use interop::krb5_crate::Krb5Peer;
use interop::libraries::GssPeer;
use interop::process::{Server, run};
use interop::python::PythonPeer;
use interop::{Ask, Kdc, Peer, User, accept, flags, shake};

use crate::handshakes::{one_message_each, ways};

pub fn delegating(ask: Ask) -> Ask {
    let all = ask.flags | flags::DELEG;
    ask.flags(all)
}

/// What MIT's klist says of a cache.
fn klist(kdc: &Kdc, ccache: &Path) -> String {
    let user = User::with_cache(ccache.to_owned(), None);
    let output = run(Command::new("klist")
        .args(["-e", "-f"])
        .envs(user.environment(kdc))
        .env("TZ", "UTC"));
    String::from_utf8(output.stdout).expect("text")
}

/// Without the first line, which names the file.
fn listing(text: &str) -> &str {
    text.split_once('\n').expect("two lines").1
}

/// That the delegated credentials are alice's, and of use: MIT's kvno gets a service ticket from
/// the live KDC with them, and with nothing else.
pub fn used(kdc: &Kdc, context: &Context, who: &str) -> PathBuf {
    assert!(context.granted().contains(Granted::DELEGATE), "{who}");
    let cache = context.delegated().expect(who).kerberos().expect(who);
    let path = kdc.fresh("delegated");
    cache.write(&path).expect("written");
    of_use(kdc, &path, who);
    path
}

fn of_use(kdc: &Kdc, path: &Path, who: &str) {
    let mode = std::fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600, "{who}");
    let before = klist(kdc, path);
    assert!(
        before.contains("Default principal: alice@EXAMPLE.TEST"),
        "{who}: {before}"
    );
    assert!(
        before.contains("krbtgt/EXAMPLE.TEST@EXAMPLE.TEST"),
        "{who}: {before}"
    );
    assert!(!before.contains("host/localhost"), "{who}: {before}");
    kdc.kvno(
        &User::with_cache(path.to_owned(), None),
        "host/localhost@EXAMPLE.TEST",
    );
    let after = klist(kdc, path);
    assert!(
        after.contains("host/localhost@EXAMPLE.TEST"),
        "{who}: {after}"
    );
}

pub fn all_peers(kdc: &Kdc, user: &User, ask: &Ask) -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(GssPeer::mit(kdc, user, ask.clone())),
        Box::new(GssPeer::heimdal(kdc, &user.copy(kdc), ask.clone())),
        Box::new(PythonPeer::new(kdc, user, ask)),
    ]
}

#[test]
fn rule_15_what_mit_and_heimdal_delegate_is_of_use() {
    let kdc = Kdc::shared();
    let wish = builder(kdc, "HTTP").require(Requirements::DELEGATE);
    let config = wish.build().expect("builds");
    for ask in ways("HTTP@localhost").map(delegating) {
        for mut peer in all_peers(kdc, &kdc.alice(), &ask) {
            let done = shake(&config, peer.as_mut());
            let who = format!("{}, {ask:?}", peer.name());
            used(kdc, &done.context, &who);
            let tgt = done.context.delegated().and_then(|it| it.kerberos());
            let tgt = tgt.and_then(CredentialCache::ticket_granting_ticket);
            let tgt = tgt.expect(&who);
            assert!(tgt.flags.contains(TicketFlags::FORWARDED), "{who}");
            one_message_each(&done.context, peer.as_mut());
        }
    }
}

/// MIT and Heimdal read the cache as MIT's own, and delegate with it once more.
#[test]
fn rule_15_delegated_credentials_can_be_delegated() {
    let kdc = Kdc::shared();
    let wish = builder(kdc, "ALL").require(Requirements::DELEGATE);
    let config = wish.build().expect("builds");
    let ask = delegating(Ask::http().mutual());
    let mut first = GssPeer::mit(kdc, &kdc.alice(), ask);
    let done = shake(&config, &mut first);
    let path = used(kdc, &done.context, "the first server");
    let server = User::with_cache(path, None);
    let ask = delegating(Ask::of("host@localhost").mutual());
    for mut next in all_peers(kdc, &server, &ask) {
        let done = shake(&config, next.as_mut());
        assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
        let who = format!("the second server, {}", next.name());
        let path = kdc.fresh("delegated");
        let cache = done.context.delegated().expect(&who).kerberos();
        cache.expect(&who).write(&path).expect("written");
        of_use(kdc, &path, &who);
    }
}

/// A client that cannot delegate comes without a word; the service ticket tells why.
#[test]
fn rule_15_a_ticket_that_is_not_forwardable_is_said() {
    let kdc = Kdc::shared();
    let user = kdc.kinit_with(&["-F"], "alice", "alice-pw");
    let listed = klist(kdc, user.ccache());
    assert!(!listed.contains("Flags: F"), "{listed}");
    let required = builder(kdc, "HTTP").require(Requirements::DELEGATE);
    let required = required.build().expect("builds");
    let wish = builder(kdc, "HTTP").request(Requirements::DELEGATE);
    let wish = wish.build().expect("builds");
    let absent = |forwardable| DelegationProblem::Absent {
        forwardable,
        ok_as_delegate: false,
    };
    let ask = delegating(Ask::http());
    for mut peer in all_peers(kdc, &user, &ask) {
        let failure = accept(&required, peer.as_mut()).expect_err("rejected");
        let text = failure.to_string();
        assert!(text.contains("not forwardable"), "{}: {text}", peer.name());
        match failure.error().rejection() {
            Some(Rejection::Delegation { problem }) => assert_eq!(*problem, absent(false)),
            _ => panic!("{text}"),
        }
    }
    for mut peer in all_peers(kdc, &user, &ask) {
        let done = shake(&wish, peer.as_mut());
        assert!(done.context.delegated().is_none());
        assert_eq!(done.context.delegation_problem(), Some(&absent(false)));
    }
    // One that could, and was not told to.
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
    let done = shake(&wish, &mut peer);
    assert_eq!(done.context.delegation_problem(), Some(&absent(true)));
}

#[test]
fn rule_15_curl_delegates_to_a_web_server() {
    let kdc = Kdc::shared();
    let path = kdc.fresh("delegated-http");
    let option = path.to_str().expect("text");
    let server = Server::example(
        "http_server",
        &kdc.keytab("HTTP"),
        &["--delegation", option],
        kdc.fresh("http.log"),
    );
    interop::process::packages(&["curl"]);
    let get = |delegation: &str| {
        let url = format!("http://localhost:{}/", server.address.port());
        let output = run(Command::new("curl")
            .args(["-sS", "--max-time", "120", "--negotiate", "-u", ":"])
            .args(["--delegation", delegation, &url])
            .envs(kdc.alice().environment(kdc)));
        String::from_utf8(output.stdout).expect("text")
    };
    // The KDC does not say ok-as-delegate of this service.
    for delegation in ["none", "policy"] {
        let page = get(delegation);
        assert!(page.contains("You are alice@EXAMPLE.TEST"), "{page}");
        assert!(page.contains("the client delegated nothing"), "{page}");
        assert!(!path.exists());
    }
    let page = get("always");
    assert!(
        page.contains("credentials of alice@EXAMPLE.TEST: krbtgt/EXAMPLE.TEST"),
        "{page}"
    );
    of_use(kdc, &path, &server.log());
}

/// The file format: what MIT wrote, read, written, and shown by MIT the same.
#[test]
fn caches_are_mits() {
    let kdc = Kdc::shared();
    let user = kdc.kinit_with(&["-r", "2d"], "jürgen", "juergen-pw");
    for service in ["HTTP/localhost", "host/localhost"] {
        kdc.kvno(&user, service);
    }
    let cache = CredentialCache::open(user.ccache()).expect("a cache of kinit's");
    assert_eq!(cache.client().to_string(), "jürgen@EXAMPLE.TEST");
    assert_eq!(cache.credentials().len(), 3);
    let path = kdc.fresh("written");
    cache.write(&path).expect("written");
    let (theirs, ours) = (klist(kdc, user.ccache()), klist(kdc, &path));
    assert_eq!(listing(&ours), listing(&theirs));
    // Its keys are the right ones: the KDC takes them.
    let written = User::with_cache(path, None);
    kdc.kvno(&written, "HTTP/k17s18.localhost@EXAMPLE.TEST");
    // And of Heimdal's kinit.
    let theirs = interop::heimdal::alice(kdc);
    let cache = CredentialCache::open(theirs.ccache()).expect("a cache of Heimdal's");
    assert_eq!(cache.client().to_string(), "alice@EXAMPLE.TEST");
    assert!(cache.ticket_granting_ticket().is_some());
}

/// The pure-Rust client: under the ticket's session key, and only when it is told to.
#[test]
fn rule_15_what_the_krb5_crate_delegates_is_of_use() {
    let kdc = Kdc::shared();
    let wish = builder(kdc, "HTTP").request(Requirements::DELEGATE);
    let config = wish.build().expect("builds");
    for ask in ways("HTTP@localhost") {
        let mut peer = Krb5Peer::delegating(kdc, "alice", "alice-pw", &ask);
        let done = shake(&config, &mut peer);
        used(kdc, &done.context, &format!("krb5, {ask:?}"));
    }
    let mut peer = Krb5Peer::new(kdc, "alice", "alice-pw", &Ask::http().mutual());
    let done = shake(&config, &mut peer);
    assert!(done.context.delegated().is_none());
    assert!(done.context.delegation_problem().is_some());
}

/// A server of ours that has nothing of its own to show: it fetches the page from the one behind it
/// as the client, with what the client has delegated and nothing else.
fn front(kdc: &'static Kdc, behind: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let wish = builder(kdc, "HTTP").request(Requirements::DELEGATE);
    let config = wish.build().expect("builds");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(kdc, &config, stream, behind);
        }
    });
    port
}

/// One connection, whose requests have no bodies.
fn serve(kdc: &'static Kdc, config: &AcceptorConfig, stream: TcpStream, behind: u16) {
    let challenges = Challenges::of(config);
    let mut handshake = Handshake::default();
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    loop {
        let head: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        if head.is_empty() {
            return;
        }
        let values = head.iter().filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization")
                .then_some(value.as_bytes())
        });
        let decision = handshake.step(config, &challenges, values, Channel::default());
        let (status, headers, body) = match decision {
            Decision::Authenticated { context, headers } => {
                (200, headers, fetch(kdc, &context, behind))
            }
            other => {
                let answer = other.into_answer().expect("an answer");
                (answer.status, answer.headers, String::new())
            }
        };
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// What the server behind says to the client of this context, or why it was not asked.
fn fetch(kdc: &Kdc, context: &Context, behind: u16) -> String {
    let Some(cache) = context.delegated().and_then(|it| it.kerberos()) else {
        return format!(
            "not fetched: {}",
            context.delegation_problem().expect("why not")
        );
    };
    let path = kdc.fresh("delegated-front");
    cache.write(&path).expect("written");
    let page = curl(kdc, &User::with_cache(path.clone(), None), "none", behind);
    std::fs::remove_file(path).expect("gone with the request");
    page
}

fn curl(kdc: &Kdc, user: &User, delegation: &str, port: u16) -> String {
    let output = run(Command::new("curl")
        .args(["-sS", "--max-time", "120", "--negotiate", "-u", ":"])
        .args([
            "--delegation",
            delegation,
            &format!("http://localhost:{port}/"),
        ])
        .envs(user.environment(kdc)));
    String::from_utf8(output.stdout).expect("text")
}

/// alice's browser asks one server, which asks another as alice.
#[test]
fn rule_15_a_server_goes_on_to_another_as_the_client() {
    let kdc = Kdc::shared();
    interop::process::packages(&["curl"]);
    let behind = Server::example(
        "http_server",
        &kdc.keytab("HTTP"),
        &[],
        kdc.fresh("behind.log"),
    );
    let port = front(kdc, behind.address.port());
    let page = curl(kdc, &kdc.alice(), "always", port);
    assert!(page.contains("You are alice@EXAMPLE.TEST"), "{page}");
    // A client that delegates nothing is told why the page is not there.
    let page = curl(kdc, &kdc.alice(), "none", port);
    assert!(page.contains("was not told to delegate"), "{page}");
    let fixed = kdc.kinit_with(&["-F"], "alice", "alice-pw");
    let page = curl(kdc, &fixed, "always", port);
    assert!(page.contains("not forwardable"), "{page}");
}
