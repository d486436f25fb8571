//! Handshakes and contexts that begin in one process and go on in another.

use crate::keys::keys_of;
use gss_acceptor::backends::{rust, rust_importer};
use gss_acceptor::testing::{
    ClientStep, Offer, Realm, TestClient, TestClientContext, TicketOptions,
};
use gss_acceptor::{
    AcceptorConfig, ContextImporter, Delegated, DelegationProblem, Granted, Mapped, MappedAcceptor,
    MappedStep, Protection, RedisReplayStore, Requirements, SealingKey,
};
use interop::Kdc;
use interop::libraries::GssPeer;
use interop::ntlm::{Library, Login, python};
use interop::peer::{Ask, Peer, Received, Sent};
use interop::python::{PYTHON, script};
use processes::broker::memory_holds;
use processes::node::{Node, hex, unhex};
use processes::process::PATIENCE;
use processes::redis::Redis;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY: &str = "100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// The goal for what travels, without a PAC.
const SMALL: usize = 512;

fn environment(kdc: &Kdc) -> Vec<(String, std::ffi::OsString)> {
    // A server's: no tickets, and no keytab but the one that it is given.
    let mut all = kdc.environment();
    all.retain(|(name, _)| !name.starts_with("KEYTAB") && name != "KRB5CCNAME");
    all.push(("KRB5_KTNAME".into(), "FILE:/nonexistent".into()));
    all.push(("KRB5CCNAME".into(), "MEMORY:none".into()));
    all
}

fn node(kdc: &Kdc, arguments: &[&str]) -> Node {
    let node = Node::try_start_in(arguments, None, &environment(kdc));
    node.unwrap_or_else(|why| panic!("{arguments:?}: {why}"))
}

/// The answer's words behind the one that is expected.
fn said(answer: &str, word: &str) -> String {
    let rest = answer.strip_prefix(word);
    let rest = rest.unwrap_or_else(|| panic!("not '{word}': {answer}"));
    rest.trim_start().to_owned()
}

fn send(stream: &mut TcpStream, frame: &[u8]) {
    let length = u32::try_from(frame.len()).expect("short").to_be_bytes();
    stream
        .write_all(&[&length, frame].concat())
        .expect("the client reads");
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("the client goes on");
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).expect("the client goes on");
    frame
}

/// What a server of `talk.py` does with one message and one MIC; the process does the cryptography.
fn serve_one(stream: &mut TcpStream, node: &mut Node, who: &str) {
    let answer = node.ask(&["unwrap", &hex(&receive(stream))]);
    let message = said(&answer, "InOrder");
    let (protection, data) = message
        .split_once(' ')
        .unwrap_or_else(|| panic!("{who}: {answer}"));
    send(stream, &unhex(&node.ask(&["wrap", protection, data])));
    let (data, mic) = (hex(&receive(stream)), hex(&receive(stream)));
    assert_eq!(node.ask(&["verify", &data, &mic]), "InOrder", "{who}");
    send(stream, &unhex(&node.ask(&["mic", &data])));
}

/// python3-gssapi talks over TCP to a server whose context goes from the process with the keytab to
/// one without, and from there to a third, between any two messages.
#[test]
fn a_client_does_not_notice_that_its_context_moves() {
    let kdc = Kdc::shared();
    let keytab = kdc.keytab("HTTP");
    let keys = keys_of(&std::fs::read(&keytab).expect("the KDC's keytab"));
    let keytab = keytab.to_str().expect("UTF-8");
    for backend in ["rust", "mit", "heimdal"] {
        for mech in ["krb5", "spnego"] {
            let who = format!("{backend}, {mech}");
            let mut server = node(kdc, &["keys", backend, keytab, KEY, "-"]);
            let mut apps = [(); 2].map(|()| node(kdc, &["app", backend, KEY, "-"]));
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener
                .local_addr()
                .expect("an address")
                .port()
                .to_string();
            let client = Command::new(PYTHON)
                .arg(script("talk.py"))
                .args(["127.0.0.1", &port, "HTTP@localhost", mech, "12"])
                .envs(kdc.alice().environment(kdc))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("Python");
            let (mut stream, _) = listener.accept().expect("the client comes");
            stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
            let answer = server.ask(&["step", &hex(&receive(&mut stream))]);
            send(&mut stream, &unhex(&said(&answer, "in")));
            for _ in 0..4 {
                serve_one(&mut stream, &mut server, &who);
            }
            let facts = server.ask(&["facts"]);
            assert!(facts.starts_with("alice@EXAMPLE.TEST "), "{who}: {facts}");
            let [first, second] = &mut apps;
            move_to(&mut server, first, &who);
            assert_eq!(first.ask(&["facts"]), facts, "{who}");
            for _ in 0..4 {
                serve_one(&mut stream, first, &who);
            }
            for key in &keys {
                if backend == "rust" {
                    assert!(
                        memory_holds(server.id(), key),
                        "{who}: the search finds nothing"
                    );
                }
                for app in [&*first, &*second] {
                    assert!(!memory_holds(app.id(), key), "{who}: it has the key");
                    assert!(
                        !memory_holds(app.id(), &key[..key.len() / 2]),
                        "{who}: half of it"
                    );
                }
            }
            move_to(first, second, &who);
            for _ in 0..4 {
                serve_one(&mut stream, second, &who);
            }
            let output = client.wait_with_output().expect("the client ends");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{who}: {errors}");
            assert_eq!(output.stdout, b"12 messages and MICs in order\n", "{who}");
        }
    }
}

/// Once, to whom it is meant for, in time, unchanged; everything else is refused and spoils nothing.
fn move_to(from: &mut Node, to: &mut Node, who: &str) {
    let sealed = from.ask(&["export", "app", "60000"]);
    println!("{who}: {} octets", sealed.len() / 2);
    let mut changed = unhex(&sealed);
    *changed.last_mut().expect("octets") ^= 1;
    assert_eq!(
        to.ask(&["import", &hex(&changed)]),
        "no Context Tampered",
        "{who}"
    );
    assert_eq!(
        to.ask(&["import", &sealed]),
        "in alice@EXAMPLE.TEST",
        "{who}"
    );
    assert_eq!(to.ask(&["import", &sealed]), "no Context Used", "{who}");
}

/// A context is for one process of those that share a store, and each refusal has its own reason.
#[test]
fn what_must_not_be_taken_up_is_not() {
    let kdc = Kdc::shared();
    let redis = Redis::start(&[]);
    settle(&redis);
    let keytab = kdc.keytab("HTTP");
    let arguments = [
        "keys",
        "rust",
        keytab.to_str().expect("UTF-8"),
        KEY,
        &redis.url(),
    ];
    let mut server = node(kdc, &arguments);
    let [mut one, mut two] = [(); 2].map(|()| node(kdc, &["app", "rust", KEY, &redis.url()]));
    let mut stranger = node(kdc, &["app", "rust", OTHER_KEY, &redis.url()]);
    let mut other_backend = node(kdc, &["app", "mit", KEY, &redis.url()]);
    let mut export = |audience: &str, milliseconds: &str| {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let first = peer.init(None).expect("MIT").token.expect("a token");
        said(&server.ask(&["step", &hex(&first)]), "in");
        server.ask(&["export", audience, milliseconds])
    };
    let sealed = export("app", "60000");
    assert_eq!(stranger.ask(&["import", &sealed]), "no Context OtherKey");
    let answer = other_backend.ask(&["import", &sealed]);
    assert!(answer.starts_with("no Context OtherBackend"), "{answer}");
    assert_eq!(one.ask(&["import", "00"]), "no Context NotSealed");
    assert_eq!(one.ask(&["import", &sealed]), "in alice@EXAMPLE.TEST");
    assert_eq!(two.ask(&["import", &sealed]), "no Context Used");
    let answer = one.ask(&["import", &export("another", "60000")]);
    assert!(answer.starts_with("no Context OtherAudience"), "{answer}");
    let short = export("app", "1");
    thread::sleep(Duration::from_millis(20));
    let answer = one.ask(&["import", &short]);
    assert!(answer.starts_with("no Context Expired"), "{answer}");
}

/// What a client delegates leaves the process with the keys when that was said by name, and only
/// then; the result says which.
#[test]
fn delegated_credentials_go_along_by_name_alone() {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .expect("a service");
    let client = service.client("alice").delegate(TicketOptions::new());
    let key = SealingKey::generate().expect("a key");
    let importer = ContextImporter::new(key.clone(), "app").with(rust_importer());
    let builder = || {
        let builder = AcceptorConfig::builder(rust(service.keytab()));
        builder.request(Requirements::DELEGATE)
    };
    for (config, expected) in [
        (builder().mapped(), Mapped::WithoutDelegated),
        (builder().map_delegated(), Mapped::Whole),
    ] {
        let config = config.build().expect("builds");
        let client = client.initiate().expect("a client");
        let mut acceptor = MappedAcceptor::new(&config).expect("mapped");
        let step = acceptor.step(client.first_token()).expect("comes in");
        let MappedStep::Established { data, mapped, .. } = step else {
            panic!("one leg");
        };
        assert_eq!(mapped, expected);
        let along = expected == Mapped::Whole;
        assert_eq!(data.delegated().is_some(), along);
        let soon = SystemTime::now() + Duration::from_secs(60);
        let sealed = data.seal(&key, "app", soon).expect("seals");
        let context = importer.import(&sealed).expect("imports");
        assert_eq!(context.granted().contains(Granted::DELEGATE), along);
        let cache = context.delegated().and_then(Delegated::kerberos);
        let whose = cache.map(|cache| cache.client().to_string());
        assert_eq!(whose.as_deref(), along.then_some("alice@EXAMPLE.TEST"));
        let problem = context.delegation_problem();
        let left = matches!(problem, Some(DelegationProblem::LeftBehind));
        assert_eq!(left, !along, "{problem:?}");
    }
}

/// Redis is new, and so are the keys: nothing was used before.
fn settle(redis: &Redis) {
    let store = RedisReplayStore::options()
        .timeout(Duration::from_secs(30))
        .open(&redis.url())
        .expect("a store");
    store.insecure_assume_unused().expect("Redis answers");
}

/// The nodes of a cluster that a handshake goes about in, and some that are not of it.
struct Cluster {
    one: Node,
    two: Node,
    other_key: Node,
    other_config: Node,
    short: Node,
    app: Node,
}

impl Cluster {
    fn start(kdc: &Kdc, redis: &Redis, source: &str) -> Self {
        let url = redis.url();
        let start = |key, words: &[&str]| {
            let arguments = ["keys", "rust", source, key, &url, "suspendable"];
            node(kdc, &[&arguments, words].concat())
        };
        Self {
            one: start(KEY, &[]),
            two: start(KEY, &[]),
            other_key: start(OTHER_KEY, &[]),
            other_config: start(KEY, &["integrity"]),
            short: start(KEY, &["age=1"]),
            app: node(kdc, &["app", "rust", KEY, &url]),
        }
    }

    /// A handshake whose every leg is another process's, and whose context is used in a third.
    fn run(&mut self, peer: &mut dyn Peer, name: &str) -> usize {
        let who = peer.name();
        let mut sent = peer
            .init(None)
            .unwrap_or_else(|error| panic!("{who}: {error}"));
        for legs in 1.. {
            let token = sent.token.unwrap_or_else(|| panic!("{who} has no token"));
            let answer = self.one.ask(&["step", &hex(&token)]);
            if let Some(token) = answer.strip_prefix("in") {
                let token = unhex(token.trim());
                if !token.is_empty() {
                    sent = peer
                        .init(Some(&token))
                        .unwrap_or_else(|e| panic!("{who}: {e}"));
                    assert!(sent.done && sent.token.is_none(), "{who}");
                }
                self.use_it(peer, name);
                return legs;
            }
            let token = unhex(&said(&answer, "go-on"));
            let sealed = self.one.ask(&["suspend"]);
            assert!(!sealed.starts_with("no"), "{who}: {sealed}");
            println!("{who}, leg {legs}: {} octets", sealed.len() / 2);
            assert_small(&sealed, &who);
            self.refuse(&sealed, legs == 1, &who);
            assert_eq!(self.two.ask(&["resume", &sealed]), "resumed", "{who}");
            assert_eq!(
                self.one.ask(&["resume", &sealed]),
                "no Handshake Used",
                "{who}"
            );
            // The one that resumed it takes the next token.
            std::mem::swap(&mut self.one, &mut self.two);
            sent = peer
                .init(Some(&token))
                .unwrap_or_else(|e| panic!("{who}: {e}"));
        }
        unreachable!("the loop ends by itself")
    }

    /// Who must not go on with it, for each reason; and none of them uses it up.
    fn refuse(&mut self, sealed: &str, wait: bool, who: &str) {
        let resume = ["resume", sealed];
        assert_eq!(
            self.other_key.ask(&resume),
            "no Handshake OtherKey",
            "{who}"
        );
        assert_eq!(
            self.other_config.ask(&resume),
            "no Handshake OtherConfig",
            "{who}"
        );
        assert_eq!(
            self.app.ask(&["import", sealed]),
            "no Context OtherKind",
            "{who}"
        );
        for at in [sealed.len() / 4, sealed.len() / 2 - 1] {
            let mut changed = unhex(sealed);
            changed[at] ^= 0x80;
            let answer = self.two.ask(&["resume", &hex(&changed)]);
            assert_eq!(answer, "no Handshake Tampered", "{who}, octet {at}");
        }
        let cut = self.two.ask(&["resume", &sealed[..40]]);
        assert_eq!(cut, "no Handshake NotSealed", "{who}");
        if wait {
            thread::sleep(Duration::from_millis(1100));
            let answer = self.short.ask(&resume);
            assert!(
                answer.starts_with("no Handshake Expired"),
                "{who}: {answer}"
            );
        }
    }

    fn use_it(&mut self, peer: &mut dyn Peer, name: &str) {
        let who = peer.name();
        let sealed = self.one.ask(&["export", "app", "60000"]);
        println!("{who}, the context: {} octets", sealed.len() / 2);
        assert_small(&sealed, &who);
        let answer = self.app.ask(&["import", &sealed]);
        assert_eq!(answer, format!("in {name}"), "{who}");
        let token = peer.wrap(b"to the app", true).expect(&who);
        let message = self.app.ask(&["unwrap", &hex(&token)]);
        assert_eq!(
            message,
            format!("InOrder sealed {}", hex(b"to the app")),
            "{who}"
        );
        let back = self.app.ask(&["wrap", "sealed", &hex(b"from the app")]);
        let received = peer.unwrap(&unhex(&back)).expect(&who);
        assert_eq!(received.data, b"from the app", "{who}");
    }
}

/// The KDC's tickets have a PAC, which goes along with what comes of one.
fn assert_small(sealed: &str, who: &str) {
    let limit = if who == "Mit" { 2 * SMALL } else { SMALL };
    let length = sealed.len() / 2;
    assert!(length < limit, "{who}: {length} octets");
}

#[test]
fn ntlm_handshakes_go_from_process_to_process() {
    let kdc = Kdc::shared();
    let redis = Redis::start(&[]);
    settle(&redis);
    let mut cluster = Cluster::start(kdc, &redis, "bob:Password");
    // MS-NLMP 4.2.2.1.2: the hash of this password.
    let hash = unhex("a4f49c406510bdcab6824ee7c30fd852");
    for spnego in [false, true] {
        for library in [Library::GssNtlmssp, Library::Impacket] {
            let login = Login {
                spnego,
                ..Login::new("bob", "", "Password")
            };
            if spnego && library == Library::Impacket {
                continue;
            }
            // SPNEGO: the client's MIC comes with its AUTHENTICATE.
            assert_eq!(
                cluster.run(&mut python(library, &login), "bob"),
                2,
                "{library:?}"
            );
        }
    }
    assert!(
        memory_holds(cluster.one.id(), &hash),
        "the search finds nothing"
    );
    assert!(
        !memory_holds(cluster.app.id(), &hash),
        "the app has the hash"
    );
}

#[test]
fn dce_handshakes_go_from_process_to_process() {
    let kdc = Kdc::shared();
    let redis = Redis::start(&[]);
    settle(&redis);
    let keytab = kdc.keytab("HTTP");
    let mut cluster = Cluster::start(kdc, &redis, keytab.to_str().expect("UTF-8"));
    for (ask, legs) in [(Ask::http().dce(), 2), (Ask::http().dce().spnego(), 2)] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        assert_eq!(cluster.run(&mut peer, "alice@EXAMPLE.TEST"), legs);
    }
}

/// A client whose first choice is another mechanism: the choice is confirmed by MICs (RFC 4178 5),
/// and the client's comes after our last token.
#[test]
fn negotiations_with_a_mic_go_from_process_to_process() {
    let kdc = Kdc::shared();
    let redis = Redis::start(&[]);
    settle(&redis);
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .expect("a service");
    let keytab: PathBuf = redis.dir().join("keytab");
    std::fs::write(&keytab, service.keytab_bytes()).expect("a keytab");
    let mut cluster = Cluster::start(kdc, &redis, keytab.to_str().expect("UTF-8"));
    let client = service.client("alice").spnego(Offer::NtlmFirst);
    let mut peer = Tested::Waiting(client.initiate().expect("a client"));
    assert_eq!(cluster.run(&mut peer, "alice@EXAMPLE.TEST"), 3);
}

/// The client of a realm in memory.
enum Tested {
    Waiting(TestClient),
    Done(TestClientContext),
    Nothing,
}

impl Tested {
    fn context(&self) -> Result<&TestClientContext, String> {
        match self {
            Self::Done(context) => Ok(context),
            _ => Err("no context".into()),
        }
    }
}

impl Peer for Tested {
    fn name(&self) -> String {
        "NTLM first".into()
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let Self::Waiting(client) = std::mem::replace(self, Self::Nothing) else {
            return Err("it waits for nothing".into());
        };
        if token.is_none() {
            let token = Some(client.first_token().to_vec());
            *self = Self::Waiting(client);
            return Ok(Sent { token, done: false });
        }
        match client.step(token).map_err(|error| error.to_string())? {
            ClientStep::Continue { token, client } => {
                *self = Self::Waiting(client);
                let token = Some(token);
                Ok(Sent { token, done: false })
            }
            ClientStep::Done { token, context } => {
                *self = Self::Done(context);
                Ok(Sent { token, done: true })
            }
        }
    }

    fn wrap(&mut self, data: &[u8], _seal: bool) -> Result<Vec<u8>, String> {
        let wrapped = self.context()?.wrap(Protection::Confidentiality, data);
        wrapped.map_err(|error| error.to_string())
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let message = self
            .context()?
            .unwrap(token)
            .map_err(|error| error.to_string())?;
        Ok(Received {
            data: message.data,
            sealed: message.protection == Protection::Confidentiality,
            sequence: Some(message.sequence),
        })
    }

    fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        self.context()?.mic(data).map_err(|error| error.to_string())
    }

    fn verify(
        &mut self,
        data: &[u8],
        mic: &[u8],
    ) -> Result<Option<gss_acceptor::SequenceState>, String> {
        let verified = self.context()?.verify(data, mic);
        verified.map(Some).map_err(|error| error.to_string())
    }
}
