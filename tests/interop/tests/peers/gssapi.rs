//! The same clients, with the system's library on the server's side: MIT's and Heimdal's, both
//! open in this process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;

use gss_acceptor::backends::{GssapiContext, GssapiLibrary, gssapi};
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings,
    CredentialCache, DelegationProblem, Error, Expiry, ExpiryPrecision, Framing, Granted, Keytab,
    Misuse, Rejection, Requirements, Step, StepInput, TicketFlags, Unavailability,
};
use interop::handshake::accept_with;
use interop::krb5_crate::Krb5Peer;
use interop::libgssapi_crate::libgssapi;
use interop::libraries::GssPeer;
use interop::process::packages;
use interop::python::PythonPeer;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Kdc, Peer, accept, flags, heimdal, shake};

use crate::delegation::{all_peers, delegating, used};
use crate::handshakes::{one_message_each, ways};

const LIBRARIES: [GssapiLibrary; 2] = [GssapiLibrary::Mit, GssapiLibrary::Heimdal];

fn config(kdc: &Kdc, library: &GssapiLibrary) -> AcceptorConfig {
    let keytab = Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let backend = gssapi(keytab).library(library.clone());
    AcceptorConfig::builder(backend).build().expect("builds")
}

/// Two legs are what Heimdal's acceptor may take inside SPNEGO; everybody else ends in one.
fn check(config: &AcceptorConfig, peer: &mut dyn Peer, ask: &Ask) {
    let done = shake(config, peer);
    let who = format!("{}, {ask:?}", peer.name());
    let context = &done.context;
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{who}");
    let target = ask.target.replace('@', "/") + "@EXAMPLE.TEST";
    assert_eq!(
        context.target().map(ToString::to_string),
        Some(target),
        "{who}"
    );
    let framing = if ask.spnego {
        Framing::Spnego
    } else {
        Framing::Raw
    };
    assert_eq!(context.framing(), framing, "{who}");
    let mutual = ask.flags & flags::MUTUAL != 0;
    let granted = context.granted();
    assert_eq!(granted.contains(Granted::MUTUAL_AUTH), mutual, "{who}");
    assert!(matches!(context.expiry(), Expiry::At(_)), "{who}");
    assert_eq!(context.expiry_precision(), ExpiryPrecision::UpperBound);
    one_message_each(context, peer);
    let mic = context.mic(b"message").expect("signs");
    peer.verify(b"message", &mic).expect("verifies");
    let mic = peer.mic(b"message").expect("signs");
    context.verify(b"message", &mic).expect("verifies");
    let own = context.as_any().downcast_ref::<GssapiContext>();
    assert!(own.is_some(), "{who}: the library's context is at hand");
}

#[test]
fn libraries_come_in() {
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let config = config(kdc, library);
        for ask in ways("HTTP@localhost") {
            check(
                &config,
                &mut GssPeer::mit(kdc, &kdc.alice(), ask.clone()),
                &ask,
            );
            // Without an AP-REP the two libraries number the server's messages each in its way.
            if ask.flags & flags::MUTUAL != 0 || *library == GssapiLibrary::Mit {
                let user = heimdal::alice(kdc);
                check(
                    &config,
                    &mut GssPeer::heimdal(kdc, &user, ask.clone()),
                    &ask,
                );
            }
        }
    }
}

#[test]
fn other_clients_come_in() {
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let config = config(kdc, library);
        for ask in ways("HTTP@localhost") {
            let mut python = PythonPeer::new(kdc, &kdc.alice(), &ask);
            check(&config, &mut python, &ask);
            let mut krb5 = Krb5Peer::new(kdc, "alice", "alice-pw", &ask);
            let done = shake(&config, &mut krb5);
            assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
        }
        for ask in [
            Ask::http().mutual(),
            Ask::of("HTTP@k18s18.localhost").mutual().spnego(),
        ] {
            let mut sspi = SspiPeer::new(kdc, "alice", "alice-pw", ask.clone());
            let done = shake(&config, &mut sspi);
            assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
            one_message_each(&done.context, &mut sspi);
        }
    }
}

/// A client of the crate with that name: to each library, and to the rust backend.
#[test]
fn the_libgssapi_crate_comes_in() {
    let kdc = Kdc::shared();
    let mut configs: Vec<AcceptorConfig> = LIBRARIES
        .iter()
        .map(|library| config(kdc, library))
        .collect();
    configs.push(interop::handshake::config(kdc, "ALL"));
    for config in &configs {
        for ask in ways("HTTP@localhost") {
            let mut peer = libgssapi(kdc, &kdc.alice(), &ask);
            let context = shake(config, &mut peer).context;
            assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{ask:?}");
            let mutual = ask.flags & flags::MUTUAL != 0;
            assert_eq!(context.granted().contains(Granted::MUTUAL_AUTH), mutual);
            one_message_each(&context, &mut peer);
        }
        // A service that the keytab does not have.
        let mut peer = libgssapi(kdc, &kdc.alice(), &Ask::of("nobody@localhost"));
        peer.init(None).expect_err("the KDC knows no such service");
    }
}

/// Rule 17: MIT says whether a context is bound; Heimdal 7.8 compares, and does not say.
#[test]
fn bindings_are_compared() {
    let kdc = Kdc::shared();
    let data = b"tls-exporter:0123456789abcdef0123456789abcdef";
    let ours = ChannelBindings::tls_exporter(&data[13..]).expect("32 bytes");
    for library in &LIBRARIES {
        let config = config(kdc, library);
        let mut peer = PythonPeer::new(kdc, &kdc.alice(), &Ask::http().bindings(data));
        let done = accept_with(&config, &mut peer, Some(&ours)).expect("the same channel");
        let due = match library {
            GssapiLibrary::Mit => BindingStatus::Bound,
            _ => BindingStatus::Unknown,
        };
        assert_eq!(done.context.bound(), due);
        let ask = Ask::http().bindings(b"tls-exporter:another");
        let mut peer = PythonPeer::new(kdc, &kdc.alice(), &ask);
        let failure = accept_with(&config, &mut peer, Some(&ours)).expect_err("another channel");
        let reason = failure.error().rejection();
        assert!(
            matches!(reason, Some(Rejection::BindingMismatch { .. })),
            "{failure}"
        );
    }
    let keytab = Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let backend = gssapi(keytab).library(GssapiLibrary::Heimdal);
    let builder = AcceptorConfig::builder(backend).channel_bindings(ChannelBindingPolicy::Require);
    let error = builder.build().expect_err("refused");
    assert!(
        matches!(error.misuse(), Some(Misuse::CannotBind { .. })),
        "{error}"
    );
}

/// Rule 15: what clients delegate comes out of the library and is of use to MIT's own programs;
/// whoever did not ask for it has nothing of it.
#[test]
fn rule_15_delegated_credentials_come_out_of_the_library() {
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let keytab = Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
        let backend = gssapi(keytab).library(library.clone());
        let required = AcceptorConfig::builder(backend).require(Requirements::DELEGATE);
        let required = required.build().expect("builds");
        let nobody_asks = config(kdc, library);
        for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
            for mut peer in all_peers(kdc, &kdc.alice(), &delegating(ask.clone())) {
                let who = format!("{library:?}, {}, {ask:?}", peer.name());
                let done = shake(&required, peer.as_mut());
                used(kdc, &done.context, &who);
                let tgt = done.context.delegated().and_then(|it| it.kerberos());
                let tgt = tgt.and_then(CredentialCache::ticket_granting_ticket);
                let flags = tgt.expect(&who).flags;
                assert!(flags.contains(TicketFlags::FORWARDED), "{who}: {flags:?}");
                one_message_each(&done.context, peer.as_mut());
            }
            let mut peer = GssPeer::mit(kdc, &kdc.alice(), delegating(ask.clone()));
            let done = shake(&nobody_asks, &mut peer);
            assert!(done.context.delegated().is_none());
            assert!(!done.context.granted().contains(Granted::DELEGATE));
            let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
            let failure = accept(&required, &mut peer).expect_err("nothing delegated");
            let reason = failure.error().rejection();
            assert!(
                matches!(
                    reason,
                    Some(Rejection::Delegation {
                        problem: DelegationProblem::Absent {
                            forwardable: true,
                            ..
                        }
                    })
                ),
                "{failure}"
            );
        }
    }
}

/// Rule 9: no library compares a client's address with the ticket's, so nobody may believe it did.
#[test]
fn rule_09_an_address_is_refused_and_not_dropped() {
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let config = config(kdc, library);
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let token = peer.init(None).expect("a token").token.expect("a token");
        let input = StepInput::new(&token).peer_address([127, 0, 0, 1].into());
        let failure = Acceptor::new(&config)
            .step_with(input)
            .expect_err("refused");
        assert!(
            matches!(failure.error().misuse(), Some(Misuse::Unsupported { .. })),
            "{failure}"
        );
        assert!(failure.to_string().contains("address"), "{failure}");
    }
}

/// Rule 12, between the libraries and the rust backend: one process, one store.
#[test]
fn a_token_counts_once_for_all_backends() {
    let kdc = Kdc::shared();
    for spnego in [false, true] {
        let ask = Ask::http().mutual();
        let ask = if spnego { ask.spnego() } else { ask };
        for etype in [18, 19, 20] {
            let ask = Ask {
                target: format!("HTTP@k{etype}s{etype}.localhost"),
                ..ask.clone()
            };
            let configs = [
                config(kdc, &GssapiLibrary::Mit),
                interop::handshake::config(kdc, "ALL"),
                config(kdc, &GssapiLibrary::Heimdal),
            ];
            for first in 0..configs.len() {
                let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
                let token = peer.init(None).expect("a token").token.expect("a token");
                let step = Acceptor::new(&configs[first]).step(&token);
                assert!(matches!(step, Ok(Step::Established { .. })), "{step:?}");
                for config in &configs {
                    let failure = Acceptor::new(config).step(&token).expect_err("a replay");
                    assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
                }
            }
        }
    }
}

/// What an operator reads when there is no library: which were looked for.
#[test]
fn a_library_that_is_not_there_is_unavailable() {
    let kdc = Kdc::shared();
    let keytab = Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let unavailable = |file: &str| {
        let library = GssapiLibrary::File(file.into());
        let backend = gssapi(keytab.clone()).library(library);
        let builder = AcceptorConfig::builder(backend).require(Requirements::INTEGRITY);
        let error = builder.build().expect_err("no such library");
        match error {
            Error::Unavailable { ref cause, .. } => assert!(
                matches!(**cause, Unavailability::Platform { .. }),
                "{error}"
            ),
            _ => panic!("{error}"),
        }
        error.to_string()
    };
    let text = unavailable("/nonexistent/libgssapi.so");
    assert!(text.contains("/nonexistent/libgssapi.so"), "{text}");
    // One that is a library, and not that one.
    let text = unavailable("libc.so.6");
    assert!(text.contains("gss_accept_sec_context"), "{text}");
    let rust = interop::handshake::config(kdc, "ALL");
    let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
    accept(&rust, &mut peer).expect("the rust backend needs none");
}

#[test]
fn curl_comes_in() {
    packages(&["curl"]);
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let config = config(kdc, library);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let server = std::thread::spawn(move || serve(&listener, &config));
        let page = Command::new("curl")
            .args(["-s", "-u", ":", "--negotiate"])
            .arg(format!("http://localhost:{port}/"))
            .envs(kdc.alice().environment(kdc))
            .output()
            .expect("curl runs");
        let text = String::from_utf8_lossy(&page.stdout).into_owned();
        assert_eq!(text, "alice@EXAMPLE.TEST", "{library:?}");
        server.join().expect("the server ends well");
    }
}

/// One request after the other, until one is let in.
fn serve(listener: &TcpListener, config: &AcceptorConfig) {
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
        loop {
            let mut token = None;
            let mut any = false;
            for line in lines.by_ref() {
                let line = line.expect("text");
                if line.is_empty() {
                    break;
                }
                any = true;
                token =
                    token.or_else(|| line.strip_prefix("Authorization: Negotiate ").map(decode));
            }
            if !any {
                break;
            }
            let answer = |status: &str, body: &str| {
                format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            };
            let Some(token) = token else {
                let text = "401 No\r\nWWW-Authenticate: Negotiate";
                stream
                    .write_all(answer(text, "").as_bytes())
                    .expect("writes");
                continue;
            };
            match Acceptor::new(config).step(&token) {
                Ok(Step::Established { context, .. }) => {
                    let who = context.peer().to_string();
                    stream
                        .write_all(answer("200 OK", &who).as_bytes())
                        .expect("writes");
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').bytes();
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        let value = DIGITS.iter().position(|own| *own == digit).expect("base64");
        bits = (bits << 6) | u32::try_from(value).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push((bits >> count) as u8);
        }
    }
    octets
}
