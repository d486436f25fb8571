//! Constrained delegation in a live domain: the ticket that a client came in with is the evidence
//! with which the `krb5` crate gets another in its name (S4U2Proxy, MS-SFU).
//!
//! The domain is in a network namespace of its own: this test program runs itself there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, CredentialCache, DelegationProblem, Keytab,
    MemoryReplayStore, Step, TicketFlags, backends,
};
use interop::krb5_crate::Krb5Peer;
use interop::process::{run, support};
use interop::{Ask, Peer};
use krb5::{CCache, ClientError, Credentials, KdcClient, Principal};

/// Says to this program that it is in the namespace, and where the domain is.
const INSIDE: &str = "GSS_ACCEPTOR_INSIDE_AD";
const REALM: &str = "AD.TEST";
const WEB: &str = "HTTP/web.ad.test";
/// What svc-web may delegate to, and what it may not (ad_seed.py).
const BEHIND: &str = "HTTP/deleg.ad.test";
const ELSEWHERE: &str = "HTTP/aes128.ad.test";

/// The domain, in the process that is there.
pub fn domain_here() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// Runs [`inside`] where the domain can be reached, by the test of this name.
pub fn from_outside(directory: &Path, test: &str) {
    run(Command::new(support("ad.sh"))
        .arg(directory)
        .arg("exec")
        .arg(std::env::current_exe().expect("this program has a path"))
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, directory));
}

fn principal(name: &str) -> Principal {
    Principal::parse(&format!("{name}@{REALM}")).expect("a principal")
}

/// The domain's KDC, as its clients' krb5.conf has it.
fn kdc(directory: &Path) -> KdcClient {
    let conf = std::fs::read_to_string(directory.join("krb5.conf")).expect("the clients'");
    let address = conf
        .lines()
        .find_map(|line| line.trim().strip_prefix("kdc = "));
    KdcClient::new(REALM, [address.expect("a KDC").to_owned()])
}

fn config(directory: &Path, keeps: bool) -> AcceptorConfig {
    let keytab = Keytab::open(directory.join("services.keytab")).expect("a keytab");
    let mut backend = backends::rust(keytab);
    if keeps {
        backend = backend.keep_client_tickets();
    }
    AcceptorConfig::builder(backend)
        .replay_store(Arc::new(MemoryReplayStore::new()))
        .require_authorization()
        .build()
        .expect("a plain configuration")
}

/// The client's side is the `krb5` crate's, raw or in SPNEGO.
fn accept(config: &AcceptorConfig, ticket: &Credentials, spnego: bool) -> Context {
    let mut ask = Ask::http();
    ask.spnego = spnego;
    let sent = Krb5Peer::with_ticket(ticket, &ask).init(None);
    let token = sent.expect("a token").token.expect("a token");
    match Acceptor::new(config).step(&token).expect("accepted") {
        Step::Established { context, .. } => context,
        Step::Continue { .. } => panic!("one leg is all there is"),
    }
}

/// What a server does with it: the ticket in a cache, which the crate reads as MIT's programs do.
fn evidence(context: &Context) -> Credentials {
    let ticket = context.client_ticket().expect("kept").clone();
    let cache = CredentialCache::new(ticket.client.clone(), vec![ticket]);
    let bytes = cache.to_bytes().expect("a cache");
    let cache = CCache::decode(bytes.expose()).expect("the same cache");
    cache.credentials().next().expect("one ticket")
}

pub fn inside(directory: &Path, password: &str) {
    let client = kdc(directory).with_forwardable(true);
    let login = |client: &KdcClient, name: &str| {
        let name = principal(name);
        client.login_with_password(&name, password).expect("a TGT")
    };
    let service = login(&client, "svc-web");
    let alice = login(&client, "alice");
    let ticket = client
        .service_ticket(&alice, &principal(WEB))
        .expect("a ticket");
    let keeping = config(directory, true);
    for spnego in [false, true] {
        let first = accept(&keeping, &ticket, spnego);
        let own = first.client_ticket().expect("kept");
        assert_eq!(own.client.to_string(), "alice@AD.TEST");
        assert_eq!(own.server.to_string(), format!("{WEB}@{REALM}"));
        assert_eq!(own.session_key().expose(), ticket.session_key.bytes());
        assert_eq!(
            own.ticket, ticket.ticket,
            "byte for byte what the KDC issued"
        );
        assert_eq!(own.flags.bits(), ticket.flags);
        assert_eq!(own.check_evidence(), Ok(()));
        let proxied = client
            .s4u2proxy(&service, &evidence(&first), &principal(BEHIND))
            .expect("svc-web may go there");
        // The service behind sees alice, who came through svc-web.
        let second = accept(&config(directory, false), &proxied, spnego);
        assert_eq!(second.peer().to_string(), "alice@AD.TEST");
        let (before, behind) = (first.authorization(), second.authorization());
        let (before, behind) = (before.expect("verified"), behind.expect("verified"));
        assert!(before.user.is_some() && before.user == behind.user);
        assert_eq!(before.delegation, None);
        let through = behind.delegation.as_ref().expect("who it came through");
        assert_eq!(through.target, BEHIND);
        // As whom the evidence names the service (MS-PAC 2.9).
        assert_eq!(through.services, [format!("{WEB}@{REALM}")]);
        // Only where it was asked for.
        let dropped = second.client_ticket().expect_err("not kept");
        assert_eq!(dropped, DelegationProblem::TicketNotKept);
    }
    not_everywhere(&client, &service, &accept(&keeping, &ticket, false));
    let plain = kdc(directory).with_forwardable(false);
    let alice = login(&plain, "alice");
    let ticket = plain
        .service_ticket(&alice, &principal(WEB))
        .expect("a ticket");
    not_forwardable(&client, &service, &accept(&keeping, &ticket, false));
}

/// KDC_ERR_BADOPTION: what a KDC says to a service that asks for more than it may have.
fn refused(answer: Result<Credentials, ClientError>) {
    match answer {
        Err(ClientError::Kdc { code: 13, .. }) => {}
        other => panic!("{other:?}"),
    }
}

fn not_everywhere(client: &KdcClient, service: &Credentials, context: &Context) {
    refused(client.s4u2proxy(service, &evidence(context), &principal(ELSEWHERE)));
}

fn not_forwardable(client: &KdcClient, service: &Credentials, context: &Context) {
    let own = context.client_ticket().expect("kept");
    assert!(!own.flags.contains(TicketFlags::FORWARDABLE));
    let why = own.check_evidence().expect_err("not forwardable");
    assert!(matches!(why, DelegationProblem::NotForwardable { .. }));
    let text = why.to_string();
    for word in [WEB, "kinit -f", "NOT_DELEGATED"] {
        assert!(text.contains(word), "{text}");
    }
    refused(client.s4u2proxy(service, &evidence(context), &principal(BEHIND)));
}
