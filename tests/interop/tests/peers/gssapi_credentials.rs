//! Credentials of the system's library: the one that it finds by itself, and one that threads
//! share.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;

use gss_acceptor::backends::{GssapiLibrary, gssapi};
use gss_acceptor::{Acceptor, AcceptorConfig, Credentials, Error, Step};
use interop::libraries::GssPeer;
use interop::{Ask, Kdc, Peer};

use crate::gssapi_contexts::{LIBRARIES, config, hex, unhex};
use crate::handshakes::one_message_each;

/// Says to the test that it is the other process, and which library it has.
const OTHER: &str = "GSS_ACCEPTOR_DEFAULT_CREDENTIAL";

/// `Credentials::SystemDefault`: the library finds its keytab by itself, here by the environment
/// of a process of its own, and nobody comes in with a ticket for what that keytab does not have.
#[test]
fn the_default_credential_is_what_the_library_finds() {
    if let Ok(library) = std::env::var(OTHER) {
        return with_the_default(&library);
    }
    let kdc = Kdc::shared();
    let token = |peer: &mut GssPeer| peer.init(None).expect("a token").token.expect("a token");
    let other_process = |library: &GssapiLibrary, keytab: &Path, tokens: &[Vec<u8>]| {
        let file = kdc.fresh("tokens");
        let lines: Vec<String> = tokens.iter().map(|token| hex(token)).collect();
        std::fs::write(&file, lines.join("\n")).expect("the KDC's folder");
        let mut cache = OsString::from("file2:");
        cache.push(kdc.fresh("rcache"));
        let output = Command::new(std::env::current_exe().expect("this program"))
            .arg("gssapi_credentials::the_default_credential_is_what_the_library_finds")
            .args(["--exact", "--nocapture"])
            .envs(kdc.environment())
            .env(OTHER, format!("{library:?}"))
            .env("KRB5_KTNAME", keytab)
            .env("KRB5CCNAME", "MEMORY:none")
            .env("KRB5RCACHENAME", cache)
            .env("TOKENS", file)
            .output()
            .expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{library:?}: {output:?}");
        let said = text.lines().filter_map(|line| line.strip_prefix("said: "));
        said.map(str::to_owned).collect::<Vec<_>>()
    };
    for library in &LIBRARIES {
        for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
            let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
            let target = "host@localhost".to_owned();
            let mut stranger = GssPeer::mit(kdc, &kdc.alice(), Ask { target, ..ask });
            let tokens = [token(&mut peer), token(&mut stranger)];
            let said = other_process(library, &kdc.keytab("HTTP"), &tokens);
            let [reply, rest @ ..] = &said[..] else {
                panic!("{library:?}: {said:?}")
            };
            let due = [
                "alice@EXAMPLE.TEST for HTTP/localhost@EXAMPLE.TEST",
                "Replay",
                "no",
            ];
            assert_eq!(rest, due, "{library:?}");
            let reply = unhex(reply);
            assert!(peer.init(Some(&reply)).expect("an AP-REP").done);
        }
        // No keytab is no configuration, or one that nobody comes in by.
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let none = kdc.fresh("no-keytab");
        let said = other_process(library, &none, &[token(&mut peer)]);
        assert_eq!(said, ["not built"], "{library:?}");
    }
}

fn with_the_default(library: &str) {
    let library = match library {
        "Mit" => GssapiLibrary::Mit,
        _ => GssapiLibrary::Heimdal,
    };
    let tokens = std::fs::read_to_string(std::env::var("TOKENS").expect("a file"));
    let tokens = tokens.expect("tokens");
    let tokens: Vec<Vec<u8>> = tokens.lines().map(unhex).collect();
    let backend = gssapi(Credentials::SystemDefault).library(library);
    let config = match AcceptorConfig::builder(backend).build() {
        Ok(config) => config,
        Err(Error::Unavailable { .. }) => return println!("\nsaid: not built"),
        Err(error) => panic!("{error}"),
    };
    match Acceptor::new(&config).step(&tokens[0]) {
        Ok(Step::Established { token, context }) => {
            println!("\nsaid: {}", hex(&token.expect("an AP-REP")));
            let target = context.target().expect("a service");
            println!("said: {} for {target}", context.peer());
        }
        other => panic!("{other:?}"),
    }
    let replayed = Acceptor::new(&config).step(&tokens[0]).expect_err("twice");
    println!(
        "said: {:?}",
        replayed.error().rejection().expect("rejected")
    );
    let failure = Acceptor::new(&config)
        .step(&tokens[1])
        .expect_err("not ours");
    // Heimdal inside of SPNEGO does not say why.
    let error = failure.error();
    assert!(
        matches!(error, Error::Rejected { .. } | Error::Malformed { .. }),
        "{error}"
    );
    println!("said: no");
}

/// One configuration and many threads: each has a handle of its own, and whom it has accepted.
#[test]
fn threads_share_a_configuration() {
    const THREADS: usize = 4;
    const EACH: usize = 40;
    let kdc = Kdc::shared();
    let users = [kdc.alice(), kdc.kinit("bob", "bob-pw")];
    let names = ["alice@EXAMPLE.TEST", "bob@EXAMPLE.TEST"];
    for library in &LIBRARIES {
        let config = config(kdc, library);
        let clients = |thread| {
            let client = |n: usize| {
                let who = (thread + n) % users.len();
                let ask = Ask::http().mutual().spnego();
                let mut peer = GssPeer::mit(kdc, &users[who], ask);
                let token = peer.init(None).expect("a token").token.expect("a token");
                (peer, token, names[who])
            };
            (0..EACH).map(client).collect::<Vec<_>>()
        };
        let all: Vec<_> = (0..THREADS).map(clients).collect();
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for clients in all {
                let (start, config) = (&start, &config);
                scope.spawn(move || {
                    start.wait();
                    for (mut peer, token, name) in clients {
                        let step = Acceptor::new(config).step(&token);
                        let Ok(Step::Established { token, context }) = step else {
                            panic!("{name}: {step:?}");
                        };
                        assert_eq!(context.peer().to_string(), name);
                        let token = token.expect("an AP-REP");
                        assert!(peer.init(Some(&token)).expect(name).done);
                        one_message_each(&context, &mut peer);
                    }
                });
            }
        });
    }
}
