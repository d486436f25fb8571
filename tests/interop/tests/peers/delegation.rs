//! Rule 15 with real tickets: what clients delegate, used by MIT's own programs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gss_acceptor::{
    Context, CredentialCache, DelegationProblem, Granted, Rejection, Requirements, TicketFlags,
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
            .args(["-sS", "--max-time", "30", "--negotiate", "-u", ":"])
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
