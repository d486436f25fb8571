//! The broker as a process of its own, and what becomes of it.

use crate::keys::keys_of;
use gss_acceptor::backends::{BrokerOptions, broker, rust};
use gss_acceptor::broker::{Broker, BrokerLimits};
use gss_acceptor::testing::{ClientFlags, ClientStep, Offer, Realm, Service};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, Error, Misuse, Protection, Rejection, SequenceState, Step,
    Unavailability,
};
use processes::broker::{Daemon, memory_holds};
use processes::node::Node;
use processes::process::{Folder, PATIENCE, target_dir, within};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const NOBODY: u32 = 65534;

fn service() -> Service {
    let realm = Realm::new("EXAMPLE.TEST");
    realm.service("HTTP/localhost").expect("a service")
}

fn token(service: &Service) -> Vec<u8> {
    let client = service.client("alice").raw().flags(ClientFlags::BROWSER);
    client.token().expect("a token")
}

fn config(daemon: &Daemon) -> AcceptorConfig {
    let backend = broker(daemon.socket()).expect("a broker");
    AcceptorConfig::builder(backend).build().expect("builds")
}

fn context(config: &AcceptorConfig, token: &[u8]) -> (Option<Vec<u8>>, Context) {
    match Acceptor::new(config).step(token) {
        Ok(Step::Established { token, context }) => (token, context),
        other => panic!("not established: {other:?}"),
    }
}

fn failed(config: &AcceptorConfig, token: &[u8]) -> Error {
    match Acceptor::new(config).step(token) {
        Err(failure) => failure.into_error(),
        Ok(step) => panic!("not refused: {step:?}"),
    }
}

fn is_broker(error: &Error) -> bool {
    matches!(error.unavailability(), Some(Unavailability::Broker { .. }))
}

#[test]
fn contexts_go_on_without_the_broker() {
    let service = service();
    let mut daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let config = config(&daemon);
    assert!(config.may_block());
    let shown = config.describe().to_string();
    assert!(shown.contains("rust, in the broker at"), "{shown}");
    assert!(shown.contains("HTTP/localhost@EXAMPLE.TEST"), "{shown}");
    let client = service.client("alice").initiate().expect("a client");
    let (token, context) = context(&config, client.first_token());
    let client = client.finish(token.as_deref()).expect("mutual");
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
    let sealed = client
        .wrap(Protection::Confidentiality, b"one")
        .expect("wraps");
    assert_eq!(context.unwrap(&sealed).expect("unwraps").data, b"one");
    // A replay, which the broker remembers; and then it is gone.
    let replayed = self::token(&service);
    self::context(&config, &replayed);
    assert_eq!(
        failed(&config, &replayed).rejection(),
        Some(&Rejection::Replay)
    );
    daemon.kill();
    let sealed = client
        .wrap(Protection::Confidentiality, b"two")
        .expect("wraps");
    let opened = context.unwrap(&sealed).expect("unwraps");
    assert_eq!(
        (&opened.data[..], opened.sequence),
        (&b"two"[..], SequenceState::InOrder)
    );
    let back = context
        .wrap(Protection::Confidentiality, b"three")
        .expect("wraps");
    assert_eq!(client.unwrap(&back).expect("unwraps").data, b"three");
    // The connection that there was may end under a client; who connects anew
    // is told what to look at.
    let lost = failed(&config, &self::token(&service));
    assert!(is_broker(&lost), "{lost}");
    let error = failed(&config, &self::token(&service));
    assert!(is_broker(&error), "{error}");
    assert!(error.to_string().contains("gss-acceptor-broker"), "{error}");
    // The same configuration finds the next one.
    daemon.restart();
    self::context(&config, &self::token(&service));
}

#[test]
fn half_done_handshakes_fail_with_the_broker() {
    let service = service();
    let mut daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let config = config(&daemon);
    // The client prefers NTLM, so that three legs are needed.
    let begin = || {
        let client = service.client("alice").spnego(Offer::NtlmFirst);
        let client = client.initiate().expect("a client");
        let mut acceptor = Acceptor::new(&config);
        let Ok(Step::Continue { token }) = acceptor.step(client.first_token()) else {
            panic!("three legs");
        };
        let ClientStep::Continue { token, .. } = client.step(Some(&token)).expect("its turn")
        else {
            panic!("three legs");
        };
        (acceptor, token)
    };
    let (mut acceptor, token) = begin();
    assert!(matches!(
        acceptor.step(&token),
        Ok(Step::Established { .. } | Step::Continue { .. })
    ));
    let (mut one, token_of_one) = begin();
    let (mut two, token_of_two) = begin();
    daemon.kill();
    let error = one.step(&token_of_one).expect_err("gone").into_error();
    assert!(is_broker(&error), "{error}");
    daemon.restart();
    // Neither does the next broker take it for one of its own.
    self::context(&config, &self::token(&service));
    let error = two.step(&token_of_two).expect_err("gone").into_error();
    assert!(is_broker(&error), "{error}");
    assert!(
        error.to_string().contains("the client must begin again"),
        "{error}"
    );
}

#[test]
fn ten_thousand_handshakes_with_a_kill_in_the_middle() {
    const CONNECTIONS: usize = 64;
    const EACH: usize = 157;
    const LONG: Duration = Duration::from_secs(300);
    /// Handshakes of each that come after the kill, so that it is in their middle.
    const AFTER: usize = 20;
    let service = service();
    let stranger = self::service();
    let mut daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let configs: Vec<_> = (0..CONNECTIONS).map(|_| config(&daemon)).collect();
    let before = daemon.resident();
    let (done, let_in, lost) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let killed = AtomicBool::new(false);
    let began = Instant::now();
    thread::scope(|scope| {
        for config in &configs {
            scope.spawn(|| {
                for n in 0..EACH {
                    while n >= EACH - AFTER && !killed.load(Ordering::Relaxed) {
                        assert!(began.elapsed() < LONG, "no kill");
                        thread::sleep(Duration::from_millis(5));
                    }
                    // Every tenth is of a service with another key.
                    let good = n % 10 != 9;
                    // A client that is lost comes again, with a new token.
                    loop {
                        let token = token(if good { &service } else { &stranger });
                        match Acceptor::new(config).step(&token) {
                            Ok(Step::Established { context, .. }) => {
                                assert!(good && context.peer().to_string() == "alice@EXAMPLE.TEST");
                                let_in.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Ok(step) => panic!("{step:?}"),
                            Err(failure) if is_broker(failure.error()) => {
                                lost.fetch_add(1, Ordering::Relaxed);
                                assert!(began.elapsed() < LONG, "{failure}");
                                thread::sleep(Duration::from_millis(5));
                            }
                            Err(failure) => {
                                let reason = failure.error().rejection();
                                let key = matches!(reason, Some(Rejection::KeyMismatch { .. }));
                                assert!(!good && key, "{failure}");
                                break;
                            }
                        }
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while done.load(Ordering::Relaxed) < CONNECTIONS * EACH / 2 {
            assert!(began.elapsed() < LONG, "they do not come in");
            thread::sleep(Duration::from_millis(5));
        }
        daemon.kill();
        killed.store(true, Ordering::Relaxed);
        // Somebody comes while nobody is there.
        while lost.load(Ordering::Relaxed) == 0 {
            assert!(began.elapsed() < LONG, "nobody noticed");
            thread::sleep(Duration::from_millis(5));
        }
        daemon.restart();
    });
    let (let_in, lost) = (let_in.into_inner(), lost.into_inner());
    println!("{let_in} let in, {lost} lost, {:?}", began.elapsed());
    assert_eq!(let_in, CONNECTIONS * (EACH - EACH / 10), "{lost} lost");
    assert!(
        daemon.descriptors() >= CONNECTIONS / 2,
        "they are connected"
    );
    // Five thousand handshakes later it is as large as it was, but for what it remembers of each.
    let after = daemon.resident();
    println!("{before} and {after} bytes resident");
    assert!(after < before + (16 << 20), "{before} and {after} bytes");
    drop(configs);
    // What they held is given back.
    assert!(within(PATIENCE, || daemon.descriptors() < 20));
}

#[test]
fn who_stalls_is_cut_off_and_holds_nobody_up() {
    let service = service();
    let daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let config = config(&daemon);
    let hello = b"\0\0\0\x10\x01\0\0\0\x01GSSBROKER\0\x01";
    let stallers = || {
        // Half a frame; a hello and half a step; one who reads no answers.
        let mut half = daemon.connect();
        half.write_all(b"\0\0").expect("writes");
        let mut later = daemon.connect();
        later.write_all(hello).expect("writes");
        later.write_all(b"\0\0\xff\xff\x03").expect("writes");
        let mut deaf = daemon.connect();
        deaf.write_all(hello).expect("writes");
        deaf.set_write_timeout(Some(Duration::from_millis(200)))
            .expect("a limit");
        let request = b"\0\0\0\x0d\x04\0\0\0\x02\0\0\0\0\0\0\0\0".repeat(1000);
        while deaf.write_all(&request).is_ok() {}
        ([half, later], deaf)
    };
    // They are cut off after five seconds: who had to wait for that would wait each time. A
    // machine that stands still does so now and then.
    let not_held_up = (0..5).find_map(|_| {
        let stalling = stallers();
        let began = Instant::now();
        for _ in 0..50 {
            context(&config, &token(&service));
        }
        (began.elapsed() < Duration::from_secs(4)).then_some(stalling)
    });
    let (cut_off, mut deaf) = not_held_up.expect("they are held up");
    for mut stream in cut_off {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("cut off, not held");
    }
    // The one who reads nothing is let go too: its connection is not kept.
    let cut = within(
        PATIENCE,
        || matches!(deaf.write(b"\0"), Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe),
    );
    assert!(cut, "it is kept");
    context(&config, &token(&service));
}

/// A broker that hangs: each waits for the limit, and nobody for ever.
#[test]
fn waits_for_the_broker_are_bounded() {
    let service = service();
    let daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let limit = Duration::from_secs(4);
    let options = BrokerOptions::new(daemon.socket()).timeout(limit);
    let config = AcceptorConfig::builder(options.open().expect("a broker")).build();
    let config = config.expect("builds");
    context(&config, &token(&service));
    daemon.signal("STOP");
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let error = failed(&config, &token(&service));
                assert!(is_broker(&error), "{error}");
                assert!(error.to_string().contains("too long"), "{error}");
            });
        }
    });
    let took = began.elapsed();
    // Nor does a new connection wait for ever.
    let options = BrokerOptions::new(daemon.socket()).timeout(limit);
    let other = Instant::now();
    assert!(options.open().is_err());
    let other = other.elapsed();
    daemon.signal("CONT");
    // One after the other they would wait for twenty times the limit.
    assert!(took < limit * 8, "{took:?}");
    assert!(other < limit * 8, "{other:?}");
    // It has requests to answer that nobody waits for any more.
    assert!(within(PATIENCE, || {
        let step = Acceptor::new(&config).step(&token(&service));
        matches!(step, Ok(Step::Established { .. }))
    }));
}

#[test]
fn frames_that_are_none_end_the_connection_and_nothing_else() {
    let service = service();
    let daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let config = config(&daemon);
    let hello = &b"\0\0\0\x10\x01\0\0\0\x01GSSBROKER\0\x01"[..];
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\0\0\0\0",
        b"\0\0\0\x04\x01\0\0\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        // A step, a configure, an unknown kind before any hello.
        b"\0\0\0\x05\x03\0\0\0\x01",
        b"\0\0\0\x05\x02\0\0\0\x01",
        b"\0\0\0\x05\x63\0\0\0\x01",
        // A hello in other words.
        b"\0\0\0\x10\x01\0\0\0\x01GSSBROKES\0\x01",
    ] {
        let mut stream = daemon.connect();
        stream.write_all(bytes).expect("writes");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{bytes:02x?}: {rest:02x?}");
    }
    // After a hello, requests that cannot be read are refused one by one.
    for body in [
        &b"\x03\0\0\0\x07"[..],
        b"\x02\0\0\0\x07\xff\xff",
        b"\x04\0\0\0\x07\0",
        b"\x63\0\0\0\x07",
        b"\x01\0\0\0\x07GSSBROKER\0\x01",
    ] {
        let mut stream = daemon.connect();
        stream.write_all(hello).expect("writes");
        let length = u32::try_from(body.len()).expect("short").to_be_bytes();
        stream.write_all(&[&length, body].concat()).expect("writes");
        let mut read = || {
            let mut length = [0; 4];
            stream.read_exact(&mut length).expect("an answer");
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut frame).expect("an answer");
            frame
        };
        assert_eq!(read()[0], 129, "welcome");
        let answer = read();
        assert_eq!((answer[0], &answer[1..5]), (255, &b"\0\0\0\x07"[..]));
    }
    // A step of a handshake that nobody began, and one without a configuration.
    context(&config, &token(&service));
}

#[test]
fn users_may_do_what_they_are_allowed() {
    let service = service();
    let lines = format!("allow 0 *\nallow {NOBODY} host\n");
    let daemon = Daemon::start(&service.keytab_bytes(), &lines);
    let socket = daemon.socket();
    let socket = socket.to_str().expect("UTF-8");
    // Root for all; nobody for another service than the ticket's.
    context(&config(&daemon), &token(&service));
    let why = Node::try_start(&["broker", socket], Some(NOBODY)).err();
    let text = match why {
        Some(text) => text,
        None => {
            let mut node = Node::try_start(&["broker", socket], Some(NOBODY)).expect("ready");
            node.say(&token(&service));
            node.hear()
        }
    };
    assert!(
        text.contains("HTTP/localhost") || text.contains("no key"),
        "{text}"
    );
    // Somebody who is not named at all.
    let text = Node::try_start(&["broker", socket], Some(NOBODY - 1))
        .err()
        .expect("refused");
    assert!(text.contains("user 65533 may not use it"), "{text}");
    // And for a service of one's own, nobody comes in.
    let own = Daemon::start(&service.keytab_bytes(), &format!("allow {NOBODY} HTTP\n"));
    let socket = own.socket();
    let mut node =
        Node::try_start(&["broker", socket.to_str().expect("UTF-8")], Some(NOBODY)).expect("ready");
    node.say(&token(&service));
    assert_eq!(node.hear(), "in");
    let error = broker(own.socket()).err().expect("root is not named");
    assert!(
        error
            .misuse()
            .is_some_and(|it| matches!(it, Misuse::Broker { .. })),
        "{error}"
    );
}

/// Which other services the broker has keys of is told to nobody who may not use them.
#[test]
fn users_see_what_they_may_use() {
    let realm = Realm::new("EXAMPLE.TEST");
    for name in ["HTTP/localhost", "host/localhost"] {
        realm.service(name).expect("a service");
    }
    let other = Realm::new("EXAMPLE.TEST")
        .service("HTTP/other")
        .expect("a service");
    for (allow, sees_host) in [("allow 0 *\n", true), ("allow 0 HTTP\n", false)] {
        let daemon = Daemon::start(&realm.keytab_bytes(), allow);
        let shown = config(&daemon).describe().to_string();
        assert!(shown.contains("HTTP/localhost@EXAMPLE.TEST"), "{shown}");
        let host = shown.contains("host/localhost@EXAMPLE.TEST");
        assert_eq!(host, sees_host, "{shown}");
        // A ticket for a service of the same kind that there is no key of.
        let error = failed(&config(&daemon), &token(&other)).to_string();
        assert!(error.contains("HTTP/localhost@EXAMPLE.TEST"), "{error}");
        let host = error.contains("host/localhost@EXAMPLE.TEST");
        assert_eq!(host, sees_host, "{error}");
    }
}

/// Whoever answers on the socket says who a client is.
#[test]
fn a_broker_of_somebody_elses_is_not_trusted() {
    let service = service();
    let daemon = Daemon::start_as(&service.keytab_bytes(), "allow 0 *\n", Some(NOBODY));
    let error = broker(daemon.socket()).err().expect("not trusted");
    assert!(error.to_string().contains("run by user 65534"), "{error}");
    let trusted = BrokerOptions::new(daemon.socket()).run_by(NOBODY).open();
    let config = AcceptorConfig::builder(trusted.expect("said so")).build();
    context(&config.expect("builds"), &token(&service));
}

#[test]
fn the_broker_becomes_somebody_else() {
    let service = service();
    let lines = format!("allow 0 *\nuser {NOBODY}\ngroup {NOBODY}\n");
    let daemon = Daemon::start(&service.keytab_bytes(), &lines);
    // It began to listen as root, and that is what its clients see.
    context(&config(&daemon), &token(&service));
    for field in ["Uid:", "Gid:"] {
        let line = daemon.status(field);
        let all: Vec<&str> = line.split_whitespace().skip(1).collect();
        assert_eq!(all, ["65534"; 4], "{line}");
    }
    assert_eq!(
        daemon.status("CapEff:").split_whitespace().last(),
        Some("0000000000000000")
    );
    assert_eq!(
        daemon.status("Groups:").split_whitespace().skip(1).count(),
        1
    );
}

/// Each configuration has its own table of keys, so a user has so many and no more.
#[test]
fn the_configurations_of_a_user_are_bounded() {
    let service = service();
    let keytab = service.keytab();
    let folder = Folder::new("configurations");
    let socket = folder.path().join("socket");
    let mut limits = BrokerLimits::default();
    limits.configurations_per_user = 2;
    let running = Broker::new(move || AcceptorConfig::builder(rust(keytab.clone())))
        .limits(limits)
        .allow(0, &[])
        .build()
        .expect("a broker")
        .serve(UnixListener::bind(&socket).expect("a socket"))
        .expect("serves");
    let build = |name: &str| {
        let builder = AcceptorConfig::builder(broker(&socket).expect("a broker"));
        builder
            .accept_service(name.parse().expect("a name"))
            .build()
    };
    let (one, two) = (
        build("HTTP").expect("one"),
        build("HTTP/localhost").expect("two"),
    );
    let error = build("HTTP/localhost@EXAMPLE.TEST").expect_err("three");
    assert!(
        error.to_string().contains("has 2 configurations"),
        "{error}"
    );
    // Those that there are serve on, and one that has gone leaves its place.
    context(&one, &token(&service));
    drop(two);
    let free = within(PATIENCE, || build("HTTP/localhost@EXAMPLE.TEST").is_ok());
    assert!(free, "the place is kept");
    drop(running);
}

/// The keys are in its memory: another process of the same user must not look at it.
#[test]
fn nobody_else_looks_into_the_broker() {
    let service = service();
    let daemon = Daemon::start_as(&service.keytab_bytes(), "allow 0 *\n", Some(NOBODY));
    let mut other = Command::new("sleep");
    let mut other = other
        .arg("60")
        .uid(NOBODY)
        .gid(NOBODY)
        .spawn()
        .expect("sleep");
    let may_read = |process: u32| {
        let mut head = Command::new("head");
        head.args(["-c", "1", &format!("/proc/{process}/maps")]);
        let output = head.uid(NOBODY).gid(NOBODY).output().expect("head");
        !output.stdout.is_empty()
    };
    let (of_other, of_broker) = (may_read(other.id()), may_read(daemon.id()));
    other.kill().expect("ends");
    other.wait().expect("ended");
    assert!(of_other, "nobody cannot even look at his own");
    assert!(!of_broker);
}

/// Whoever may write to the directory could put a socket of his own there, or a link.
#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let service = service();
    let daemon = Daemon::start(&service.keytab_bytes(), "allow 0 *\n");
    let folder = daemon.socket().with_file_name("shared");
    let config = daemon.socket().with_file_name("other");
    let text = format!(
        "socket {}/socket\nkeytab {}\nallow 0 *\n",
        folder.display(),
        daemon.socket().with_file_name("keytab").display()
    );
    std::fs::write(&config, text).expect("a configuration");
    std::fs::create_dir(&folder).expect("a folder");
    let refusal = |mode: u32, owner: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&folder, permissions).expect("permissions");
        std::os::unix::fs::chown(&folder, Some(owner), None).expect("root");
        let mut child = Command::new(target_dir().join("gss-acceptor-broker"))
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("gss-acceptor-broker");
        // One that serves would go on for ever.
        let ended = within(PATIENCE, || child.try_wait().expect("a child").is_some());
        let _ = child.kill();
        let output = child.wait_with_output().expect("ended");
        assert!(
            ended && !output.status.success(),
            "{mode:o} {owner}: it serves"
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (mode, owner) in [(0o777, 0), (0o775, 0), (0o755, NOBODY)] {
        let text = refusal(mode, owner);
        assert!(
            text.contains("could replace the socket"),
            "{mode:o} {owner}: {text}"
        );
        assert!(!folder.join("socket").exists());
    }
}

#[test]
fn the_application_has_no_byte_of_the_key() {
    let service = service();
    let keytab = service.keytab_bytes();
    let daemon = Daemon::start(&keytab, "allow 0 *\n");
    let socket = daemon.socket();
    let mut node = Node::start(&["broker", socket.to_str().expect("UTF-8")]);
    for _ in 0..100 {
        node.say(&token(&service));
        assert_eq!(node.hear(), "in");
    }
    // An entry of a keytab ends in its key and 32 bits of kvno: the keys are its last octets.
    let entries = keys_of(&keytab);
    assert!(!entries.is_empty());
    for key in entries {
        assert!(
            memory_holds(daemon.id(), &key),
            "the search finds what is there"
        );
        assert!(
            !memory_holds(node.id(), &key),
            "the application has the key"
        );
        // Nor half of it.
        let half = &key[..key.len() / 2];
        assert!(
            !memory_holds(node.id(), half),
            "the application has half the key"
        );
    }
}
