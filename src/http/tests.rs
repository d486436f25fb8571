use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::header::begins;
use super::{
    Authorization, BadHeader, Challenge, Challenges, Channel, Decision, Handshake, Role, Scheme,
    header_value,
};
use crate::accounts::{MemoryAccounts, NtHash};
use crate::error::Rejection;
use crate::testing::{Realm, Service};
use crate::{AcceptorConfig, Mechanism, Ntlm, backends};

/// The CHALLENGE-less first message of MS-NLMP 4.2.2's flags, as Samba's `ntlm_auth` writes it.
const NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x05\x02\x08\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn kerberos() -> (Service, AcceptorConfig) {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .unwrap();
    let config = AcceptorConfig::builder(backends::rust(service.keytab()));
    (service, config.build().unwrap())
}

fn both() -> (Service, AcceptorConfig) {
    let service = Realm::new("EXAMPLE.TEST")
        .service("HTTP/localhost")
        .unwrap();
    let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("Password"));
    let backend = backends::rust(service.keytab()).and(Ntlm::new(accounts));
    let config = AcceptorConfig::builder(backend)
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .build()
        .unwrap();
    (service, config)
}

fn read(challenges: &Challenges, values: &[&str]) -> Result<Authorization, BadHeader> {
    challenges.read(values.iter().map(|value| value.as_bytes()))
}

#[allow(clippy::unnecessary_wraps)] // What it is compared with is one.
fn token(scheme: Scheme, token: &[u8]) -> Result<Authorization, BadHeader> {
    let token = token.to_vec();
    Ok(Authorization::Token { scheme, token })
}

/// RFC 9110 11.1: the scheme in any case; 11.2: the token is a token68.
#[test]
fn authorization_is_read() {
    let (_, config) = both();
    let all = Challenges::of(&config).schemes(&Scheme::ALL);
    assert_eq!(read(&all, &[]), Ok(Authorization::Absent));
    // RFC 4648 section 10: "foobar" is Zm9vYmFy, "foob" is Zm9vYg==.
    for value in [
        "Negotiate Zm9vYmFy",
        "negotiate  Zm9vYmFy ",
        "NEGOTIATE\tZm9vYmFy",
    ] {
        assert_eq!(
            read(&all, &[value]),
            token(Scheme::Negotiate, b"foobar"),
            "{value}"
        );
    }
    assert_eq!(
        read(&all, &["Negotiate Zm9vYg=="]),
        token(Scheme::Negotiate, b"foob")
    );
    let ntlm = format!("NTLM {}", STANDARD.encode(NEGOTIATE));
    assert_eq!(read(&all, &[&ntlm]), token(Scheme::Ntlm, NEGOTIATE));
    // RFC 4559 has a token in every one of them; nothing is asked for otherwise.
    for value in [
        "Negotiate",
        "Negotiate ",
        "Basic Zm9vYmFy",
        "Bearer x",
        "",
        "Negotiated Zm9v",
    ] {
        assert_eq!(read(&all, &[value]), Ok(Authorization::Foreign), "{value}");
    }
    for value in [
        "Negotiate Zm9vYg",
        "Negotiate Zm9v Zm9v",
        "Negotiate Zm9v,NTLM",
        "NTLM _-8=",
    ] {
        assert_eq!(read(&all, &[value]), Err(BadHeader::NotBase64), "{value}");
    }
    let twice = ["Negotiate Zm9vYmFy", "Negotiate Zm9vYmFy"];
    assert_eq!(read(&all, &twice), Err(BadHeader::Twice));
}

/// A label says which mechanism may come under it.
#[test]
fn a_token_comes_under_its_own_scheme() {
    let (service, config) = both();
    let all = Challenges::of(&config).schemes(&Scheme::ALL);
    let spnego = service.client("alice").token().unwrap();
    let raw = service.client("alice").raw().token().unwrap();
    for (scheme, bytes, good) in [
        (Scheme::Negotiate, &spnego[..], true),
        (Scheme::Negotiate, &raw, true),
        (Scheme::Negotiate, NEGOTIATE, true),
        (Scheme::Ntlm, NEGOTIATE, true),
        (Scheme::Ntlm, &raw, false),
        (Scheme::Ntlm, &spnego, false),
        (Scheme::Kerberos, &raw, true),
        (Scheme::Kerberos, &spnego, false),
        (Scheme::Kerberos, NEGOTIATE, false),
    ] {
        let due = if good {
            token(scheme, bytes)
        } else {
            Err(BadHeader::WrongScheme { scheme })
        };
        let value = header_value(scheme, Some(bytes));
        assert_eq!(read(&all, &[&value]), due, "{scheme:?}");
    }
    // What is not asked for is not taken.
    let without = Challenges::of(&config).schemes(&[Scheme::Negotiate]);
    let value = header_value(Scheme::Ntlm, Some(NEGOTIATE));
    assert_eq!(read(&without, &[&value]), Ok(Authorization::Foreign));
}

/// Rule 1: the limit holds before the token is decoded.
#[test]
fn rule_01_a_token_has_a_limit() {
    let (_, config) = kerberos();
    let challenges = Challenges::of(&config);
    let limit = config.limits().max_token;
    for (length, good) in [(limit, true), (limit + 1, false), (4 * limit, false)] {
        let value = header_value(Scheme::Negotiate, Some(&vec![0x60; length]));
        let read = read(&challenges, &[&value]);
        assert_eq!(read == Err(BadHeader::TooLong { limit }), !good, "{length}");
    }
}

#[test]
fn what_begins_a_handshake_is_told_from_what_goes_on() {
    let (service, _) = kerberos();
    assert!(begins(NEGOTIATE));
    assert!(begins(&service.client("alice").token().unwrap()));
    // A retry after a clock that was off is a whole AP-REQ (MS-KILE 3.4.5).
    assert!(!begins(&service.client("alice").raw().token().unwrap()));
    let answer: &[u8] = b"NTLMSSP\0\x03\0\0\0";
    let resp: &[u8] = &[0xA1, 0x07, 0x30, 0x05, 0xA0, 0x03, 0x0A, 0x01, 0x02];
    let framed = [&[0x60, 0x11, 6, 6, 0x2B, 6, 1, 5, 5, 2][..], resp].concat();
    for other in [answer, resp, &framed, b"", b"\x60", b"\x60\xFF\x01"] {
        assert!(!begins(other), "{other:02x?}");
    }
}

/// RFC 9110 11.6.1 and its example of two challenges in one value.
#[test]
fn challenges_are_read() {
    let rfc = br#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
    assert_eq!(Challenge::read([&rfc[..]]), Ok(vec![]));
    let challenge = |scheme, token: Option<&[u8]>| Challenge {
        scheme,
        token: token.map(<[u8]>::to_vec),
    };
    let values: [&[u8]; 3] = [
        br#"Basic realm="a, Negotiate, b", NTLM"#,
        b"negotiate Zm9vYg==, Kerberos",
        b"Negotiate",
    ];
    let due = vec![
        challenge(Scheme::Ntlm, None),
        challenge(Scheme::Negotiate, Some(b"foob")),
        challenge(Scheme::Kerberos, None),
        challenge(Scheme::Negotiate, None),
    ];
    assert_eq!(Challenge::read(values), Ok(due));
    assert_eq!(
        Challenge::read([&b"Negotiate ?"[..]]),
        Err(BadHeader::NotBase64)
    );
}

fn step(handshake: &mut Handshake, config: &AcceptorConfig, value: Option<&str>) -> Decision {
    let challenges = Challenges::of(config);
    let values = value.iter().map(|value| value.as_bytes());
    handshake.step(config, &challenges, values, Channel::default())
}

fn own(decision: &Decision) -> (u16, Vec<&str>, bool) {
    let answer = match decision {
        Decision::Ask(answer)
        | Decision::GoOn(answer)
        | Decision::Refused { answer, .. }
        | Decision::Malformed { answer, .. } => answer,
        Decision::Authenticated { .. } => panic!("let in"),
    };
    let values = answer.headers.iter().map(|(name, value)| {
        assert_eq!(*name, "WWW-Authenticate");
        value.as_str()
    });
    (answer.status, values.collect(), answer.close)
}

#[test]
fn what_is_asked_for_follows_the_configuration_and_the_role() {
    let (_, kerberos) = kerberos();
    let (_, both) = both();
    let mut handshake = Handshake::default();
    let asked = step(&mut handshake, &kerberos, None);
    assert_eq!(own(&asked), (401, vec!["Negotiate"], false));
    let asked = step(&mut handshake, &both, Some("Basic YTpi"));
    assert_eq!(own(&asked), (401, vec!["Negotiate", "NTLM"], false));
    let proxy = Challenges::of(&kerberos)
        .role(Role::Proxy)
        .and("Basic realm=\"x\"")
        .ask();
    let due = [
        ("Proxy-Authenticate", "Negotiate"),
        ("Proxy-Authenticate", "Basic realm=\"x\""),
    ];
    assert_eq!(proxy.status, 407);
    assert_eq!(
        proxy.headers,
        due.map(|(name, value)| (name, value.to_owned()))
    );
    assert!(!proxy.close);
}

/// The final token is given apart, for a response that is a success (RFC 4559 section 5).
#[test]
fn a_client_comes_in_with_the_servers_proof() {
    let (service, config) = kerberos();
    let client = service.client("alice").initiate().unwrap();
    let value = header_value(Scheme::Negotiate, Some(client.first_token()));
    let decision = step(&mut Handshake::default(), &config, Some(&value));
    let Decision::Authenticated { context, headers } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
    let [(name, value)] = &headers[..] else {
        panic!("{headers:?}");
    };
    assert_eq!(*name, "WWW-Authenticate");
    let challenge = Challenge::read([value.as_bytes()]).unwrap().remove(0);
    assert_eq!(challenge.scheme, Scheme::Negotiate);
    // The client verifies the server's proof.
    client.finish(challenge.token.as_deref()).unwrap();
}

/// By fault: 401, 400.
#[test]
fn refusals_by_fault() {
    let (service, config) = both();
    let value = header_value(
        Scheme::Negotiate,
        Some(&service.client("alice").token().unwrap()),
    );
    let mut handshake = Handshake::default();
    let first = step(&mut handshake, &config, Some(&value));
    assert!(matches!(first, Decision::Authenticated { .. }), "{first:?}");
    let again = step(&mut handshake, &config, Some(&value));
    let (status, values, close) = own(&again);
    // RFC 4178: a reject, and what else might do.
    assert_eq!((status, values[1], close), (401, "NTLM", true));
    assert!(values[0].starts_with("Negotiate oQ"), "{values:?}");
    let Decision::Refused { error, .. } = again else {
        panic!()
    };
    assert!(
        matches!(error.rejection(), Some(Rejection::Replay)),
        "{error}"
    );

    let nonsense = step(&mut handshake, &config, Some("Negotiate Zm9vYg=="));
    assert_eq!(own(&nonsense), (400, vec![], true));
    let bad = step(&mut handshake, &config, Some("Negotiate ?"));
    assert!(matches!(bad, Decision::Malformed { .. }));
    assert_eq!(own(&bad), (400, vec![], true));
}

/// A request without a token ends a handshake; so does another scheme's, and a first token.
#[test]
fn whoever_walks_away_starts_from_the_beginning() {
    let (_, config) = both();
    let negotiate = header_value(Scheme::Ntlm, Some(NEGOTIATE));
    let labelled = header_value(Scheme::Negotiate, Some(NEGOTIATE));
    // NTLM's AUTHENTICATE, too short to be one: only who awaits it calls it malformed in its part.
    let answer = header_value(Scheme::Ntlm, Some(b"NTLMSSP\0\x03\0\0\0"));
    for (between, goes_on) in [
        (None, false),
        (Some("Basic YTpi"), false),
        (Some("NTLM ?"), false),
        (Some(labelled.as_str()), false),
        (Some(negotiate.as_str()), true),
    ] {
        let mut handshake = Handshake::default();
        let begun = step(&mut handshake, &config, Some(&negotiate));
        let (status, values, close) = own(&begun);
        assert_eq!((status, values.len(), close), (401, 1, false));
        assert!(values[0].starts_with("NTLM TlRMTVNTUAAC"), "{values:?}");
        assert_eq!(config.half_open(), 1);
        let _ = step(&mut handshake, &config, between);
        let open = config.half_open();
        let expected = usize::from(goes_on || between == Some(labelled.as_str()));
        assert_eq!(open, expected, "{between:?}");
        let end = step(&mut handshake, &config, Some(&answer));
        let Decision::Refused { error, .. } = end else {
            panic!("{end:?}")
        };
        assert_eq!(config.half_open(), 0);
        assert!(error.misuse().is_none(), "{error}");
    }
}
