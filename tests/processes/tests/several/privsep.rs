//! The keytab with a process of root's, the network with one of nobody's: examples/privsep with a
//! real KDC's tickets, and the broker on the system's libraries.

use crate::keys::keys_of;
use gss_acceptor::backends::{BrokerOptions, GssapiLibrary, broker, rust};
use gss_acceptor::{
    AcceptorConfig, ConfigBuilder, ContextImporter, Keytab, Protection, Requirements, SealingKey,
};
use interop::Kdc;
use interop::libraries::GssPeer;
use interop::peer::{Ask, Peer};
use interop::process::{Folder, example, free_port, packages};
use interop::shake;
use processes::broker::{Daemon, memory_holds};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

const NOBODY: u32 = 65534;

/// Ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn privsep(uid: Option<u32>, arguments: &[&str]) -> Running {
    let mut command = Command::new(example("privsep"));
    command.args(arguments).stdout(Stdio::piped());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let mut running = Running(command.spawn().expect("privsep"));
    let mut line = String::new();
    let output = running.0.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "listening\n", "{arguments:?}");
    running
}

fn set_mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("permissions");
}

/// Whether nobody can read it.
fn nobody_reads(path: &str) -> bool {
    let mut command = Command::new("cat");
    command.arg(path).uid(NOBODY).gid(NOBODY);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.expect("cat").success()
}

#[test]
fn curl_comes_in_through_a_server_that_is_nobody() {
    packages(&["curl"]);
    let kdc = Kdc::shared();
    let folder = Folder::new("privsep");
    let dir = folder.path();
    set_mode(dir, 0o711);
    let keytab = dir.join("keytab");
    std::fs::copy(kdc.keytab("HTTP"), &keytab).expect("the KDC's keytab");
    set_mode(&keytab, 0o600);
    let (keytab, socket) = (keytab.to_str().expect("UTF-8"), dir.join("socket"));
    let socket = socket.to_str().expect("UTF-8");
    assert!(!nobody_reads(keytab));
    let broker = privsep(None, &["broker", socket, keytab, "65534"]);
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let server = privsep(Some(NOBODY), &["serve", socket, &address.to_string()]);
    let url = format!("http://localhost:{}/", address.port());
    let curl = |more: &[&str]| {
        let output = Command::new("curl")
            .args([
                "-sS",
                "--max-time",
                "120",
                "-w",
                "%{http_code}",
                "--resolve",
            ])
            .arg(format!("localhost:{}:127.0.0.1", address.port()))
            .args(more)
            .arg(&url)
            .envs(kdc.alice().environment(kdc))
            .output()
            .expect("curl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let negotiate = ["--negotiate", "-u", ":"];
    assert_eq!(curl(&negotiate), "Hello, alice@EXAMPLE.TEST.\n200");
    assert_eq!(curl(&[]), "Who are you?\n401");
    let keys = keys_of(&std::fs::read(keytab).expect("root reads it"));
    assert!(!keys.is_empty());
    for key in &keys {
        assert!(memory_holds(broker.0.id(), key), "the search finds nothing");
        assert!(!memory_holds(server.0.id(), key), "the server has the key");
    }
    // Without the broker, nobody comes in.
    drop(broker);
    assert!(curl(&negotiate).ends_with("401"));
    drop(server);
}

/// What a ticket's PAC says, or what is wrong with it, is known on this side as it is there.
#[test]
fn the_pac_comes_through_the_broker() {
    let kdc = Kdc::shared();
    let keytab = std::fs::read(kdc.keytab("HTTP")).expect("the KDC's keytab");
    let daemon = Daemon::start(&keytab, "allow 0 HTTP\n");
    let own = rust(Keytab::from_bytes(keytab.clone()).expect("a keytab"));
    let own = AcceptorConfig::builder(own).build().expect("builds");
    let there = || AcceptorConfig::builder(broker(daemon.socket()).expect("a broker"));
    let authorization = |config: &AcceptorConfig| {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let context = shake(config, &mut peer).context;
        format!("{:?}", context.authorization())
    };
    let here = authorization(&own);
    assert!(!here.contains("Unsupported"), "{here}");
    assert_eq!(authorization(&there().build().expect("builds")), here);
    // So it may be required, and whoever comes in here comes in there.
    let own = rust(Keytab::from_bytes(keytab).expect("a keytab"));
    let comes_in = |builder: ConfigBuilder| {
        let strict = builder.require_authorization().build();
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let done = interop::accept(&strict.expect("it can tell"), &mut peer);
        done.map(|_| ()).map_err(|failure| failure.to_string())
    };
    let here = comes_in(AcceptorConfig::builder(own));
    assert_eq!(comes_in(there()), here);
    println!("{here:?}");
}

/// The broker runs a library of the system's; the application, which has the same library and no
/// keytab, goes on with its contexts, and so does a third process.
#[test]
fn the_broker_runs_the_systems_libraries() {
    let kdc = Kdc::shared();
    let keytab = std::fs::read(kdc.keytab("HTTP")).expect("the KDC's keytab");
    for (word, library) in [
        ("mit", GssapiLibrary::Mit),
        ("heimdal", GssapiLibrary::Heimdal),
    ] {
        let daemon = Daemon::start(&keytab, &format!("allow 0 HTTP\nbackend {word}\n"));
        let log = daemon.log();
        assert!(log.contains("gssapi"), "{log}");
        let importer = || library.importer().expect("the library");
        let options = BrokerOptions::new(daemon.socket()).importer(importer());
        let backend = options.open().expect("a broker");
        let config = AcceptorConfig::builder(backend)
            .require(Requirements::INTEGRITY)
            .build()
            .expect("builds");
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual().spnego());
        let context = shake(&config, &mut peer).context;
        assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{word}");
        let sealed = peer.wrap(b"one", true).expect(word);
        assert_eq!(context.unwrap(&sealed).expect(word).data, b"one");
        let key = SealingKey::generate().expect("a key");
        let soon = SystemTime::now() + Duration::from_secs(60);
        let data = context.export().expect(word);
        let data = data.seal(&key, "third", soon).expect(word);
        let third = ContextImporter::new(key, "third").with(importer());
        let context = third.import(&data).expect(word);
        let sealed = peer.wrap(b"two", true).expect(word);
        assert_eq!(context.unwrap(&sealed).expect(word).data, b"two");
        let back = context.wrap(Protection::Confidentiality, b"three");
        let back = peer.unwrap(&back.expect(word)).expect(word);
        assert_eq!(back.data, b"three", "{word}");
        // An application without the library is told what it lacks.
        let plain = BrokerOptions::new(daemon.socket())
            .open()
            .expect("a broker");
        let config = AcceptorConfig::builder(plain).build().expect("builds");
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let failure = interop::accept(&config, &mut peer).expect_err("no importer");
        let text = failure.to_string();
        assert!(text.contains("`BrokerOptions::importer`"), "{text}");
    }
}
