//! The suite on the rust backend.

use conformance::bench::{
    Bench, NOW, REJECT, ap_rep, done, fails, goes_on, krb_error, rejected, rejection,
};
use conformance::credentials::to;
use conformance::{Mount, mount, runner};
use gss_acceptor::backends::{RustBackend, rust};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Clock, EncryptionType, Keytab, Rejection, Requirements,
    ServicePassword, UserToUser,
};
use kit::ap_req::{Frame, gss, oid};
use kit::client::{Answer, Initiator};
use kit::crypto::KitKey;
use kit::keytab::Entry;
use kit::spnego::{InitSpec, mech_types};
use kit::ticket::{NT_SRV_HST, Name, if_relevant};
use kit::user_to_user::TgtRequest;
use kit::world::REALM;
use std::sync::Arc;

struct Rust;

impl Mount for Rust {
    type Backend = RustBackend;
    const NAME: &'static str = "rust";

    fn backend(keytab: Keytab) -> RustBackend {
        rust(keytab)
    }

    fn user_to_user(own: UserToUser, keytab: Option<Keytab>) -> RustBackend {
        match keytab {
            None => rust(own),
            Some(keytab) => rust(keytab).and(own),
        }
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY
    }
}

mount!(Rust);

/// The suite once more, each handshake in another process after every leg, and each context
/// before it is used.
mod moved {
    use super::*;
    use conformance::moved::Moving;

    struct Moved;

    impl Mount for Moved {
        type Backend = Moving<RustBackend>;
        const NAME: &'static str = "rust";
        const MOVED: bool = true;

        fn backend(keytab: Keytab) -> Moving<RustBackend> {
            Moving(Rust::backend(keytab))
        }

        fn user_to_user(own: UserToUser, keytab: Option<Keytab>) -> Moving<RustBackend> {
            Moving(Rust::user_to_user(own, keytab))
        }

        fn cannot() -> &'static [(&'static str, &'static str)] {
            const SUPPLIED: &str = "a TGT that came with a step stays where it came";
            &[
                (
                    "rule_15_no_settings_for_a_cache",
                    "what was wrong with delegated credentials travels as words",
                ),
                (
                    "prompt_is_asked_once",
                    "keys that the prompt gave for one handshake stay in one process",
                ),
                ("rule_13_supplied_credentials", SUPPLIED),
                ("rule_07_a_tgt_acquired_elsewhere", SUPPLIED),
            ]
        }

        fn refused() -> Requirements {
            Rust::refused()
        }
    }

    mount!(Moved);

    #[test]
    fn rule_26_a_pac_in_dce_style() {
        super::rule_26_a_pac_in_dce_style::<Moved>();
    }
}

/// Credentials of several kinds at once are this backend's own.
#[test]
fn rule_04_password_and_second_keytab() {
    // The keys of a password are those that another implementation derives (RFC 3962 4).
    let bench = Bench::new();
    let password = ServicePassword::new("HTTP/pw@EXAMPLE.TEST".parse().expect("a name"), "hunter2");
    let backend = rust(password);
    let clock = Arc::clone(&bench.clock) as Arc<dyn Clock>;
    let config = AcceptorConfig::builder(backend.and(bench.keytab()))
        .clock(clock)
        .build()
        .expect("builds");
    for etype in [17, 18] {
        let derived = krb5::Key::from_password(etype, "hunter2", b"EXAMPLE.TESTHTTPpw", None);
        let bytes = derived.expect("a key").bytes().to_vec();
        // A password has no kvno: any will do.
        for kvno in [1, 7000] {
            let spec = to(
                &bench,
                "HTTP",
                "pw",
                kvno,
                KitKey::new(etype, bytes.clone()),
            );
            done(Acceptor::new(&config).step(&spec.token()));
        }
    }
    let spec = to(&bench, "HTTP", "pw", 1, KitKey::seeded(1, "another", 18));
    let reason = rejection(Acceptor::new(&config).step(&spec.token()));
    assert!(matches!(reason, Rejection::KeyMismatch { .. }), "{reason}");
    done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
}

/// Tokens on which the process of a library ends, so that no library has a verdict.
#[test]
fn rule_15_credentials_without_a_verdict() {
    let cases = kit::cases::delegation::unjudged();
    assert_eq!(cases.len(), 5);
    for case in cases {
        if let Err(error) = runner::judge::<Rust>(&case) {
            panic!("{}: {error}", case.name);
        }
    }
}

/// An offer of this many octets, Kerberos first, with a token.
fn offer_of(bench: &Bench, octets: usize) -> Vec<u8> {
    let empty = mech_types(&[oid::KRB5]);
    // The outer length takes two octets more once it is long.
    let mut left = octets - empty.len() - 2;
    let mut others = Vec::new();
    while left > 0 {
        // Two for tag and length; no rest that is too short for them.
        let next = if left < 130 { left } else { 100 };
        others.push(vec![0x2a; next - 2]);
        left -= next;
    }
    let list: Vec<&[u8]> = std::iter::once(oid::KRB5)
        .chain(others.iter().map(Vec::as_slice))
        .collect();
    assert_eq!(mech_types(&list).len(), octets);
    InitSpec::new(&list, Some(bench.world.ap_req().token())).token()
}

/// What a half-open handshake keeps of the offer is bounded (rule 40).
#[test]
fn rule_29_an_offer_is_bounded() {
    let bench = Bench::new();
    let config = bench.config::<Rust>();
    done(Acceptor::new(&config).step(&offer_of(&bench, 4096)));
    for octets in [4097, 5000] {
        let failure = fails(Acceptor::new(&config).step(&offer_of(&bench, octets)));
        let text = failure.error().to_string();
        assert!(text.contains("more mechanisms than there can be"), "{text}");
        assert_eq!(failure.token(), Some(&REJECT[..]));
    }
}

/// RFC 4120 5.9.1: a KRB-ERROR names the service, also where the ticket had been opened.
#[test]
fn rule_21_a_replay_is_told_of_which_service() {
    let bench = Bench::new();
    let config = bench.telling::<Rust>();
    let spec = bench.world.ap_req();
    let token = spec.token();
    done(Acceptor::new(&config).step(&token));
    let failure = fails(Acceptor::new(&config).step(&token));
    let error = krb_error(&spec.initiator(), failure.token().expect("a KRB-ERROR"));
    // KRB_AP_ERR_REPEAT.
    assert_eq!((error.code, &error.realm[..]), (34, &b"EXAMPLE.TEST"[..]));
    assert_eq!(error.sname, [&b"HTTP"[..], b"localhost"]);
}

/// A service that is not accepted is refused as that, before anything is decrypted.
#[test]
fn rule_05_not_accepted_comes_before_the_key() {
    let bench = Bench::new();
    let http = "HTTP/localhost".parse().expect("a name");
    let config = bench.builder::<Rust>().accept_service(http).build();
    let spec = to(&bench, "host", "localhost", 1, KitKey::seeded(1, "no", 18));
    let reason = rejection(Acceptor::new(&config.expect("builds")).step(&spec.token()));
    assert!(
        matches!(reason, Rejection::ServiceNotAccepted { .. }),
        "{reason}"
    );
}

/// The encryption types that there are keys of are named once each, whatever versions they have.
#[test]
fn rule_04_etypes_are_named_once() {
    let bench = Bench::new();
    let name = Name::new(NT_SRV_HST, &["HTTP", "twice"]);
    let entry = |kvno| Entry::new(name.clone(), REALM, kvno, KitKey::seeded(1, "key", 18));
    let file = kit::keytab::simple(&[entry(1), entry(2), entry(3)]);
    let keytab = Keytab::from_bytes(file).expect("a keytab");
    let config = bench.builder_with::<Rust>(keytab).build().expect("builds");
    let spec = to(&bench, "HTTP", "twice", 3, KitKey::seeded(1, "key", 17));
    match rejection(Acceptor::new(&config).step(&spec.token())) {
        Rejection::KeyEtype { has, .. } => assert_eq!(has, [EncryptionType(18)]),
        other => panic!("{other}"),
    }
}

/// Rule 9: to the second, both ends of the ticket's time are in it.
#[test]
fn rule_09_times_at_the_edge() {
    let bench = Bench::new();
    let config = bench.config::<Rust>();
    for (off, let_in) in [(300, true), (301, false)] {
        let late = bench.ap_req(|a| a.ticket.starttime = Some(NOW + off));
        let over = bench.ap_req(|a| {
            (a.ticket.authtime, a.ticket.starttime) = (NOW - 7200, None);
            a.ticket.endtime = NOW - off;
        });
        for spec in [late, over] {
            let step = Acceptor::new(&config).step(&spec.token());
            assert_eq!(step.is_ok(), let_in, "{off}: {step:?}");
        }
    }
}

/// Rule 14: the first type of ours, whether it is the session key's or the subkey's.
#[test]
fn rule_14_the_session_keys_type_counts_too() {
    let bench = Bench::new();
    let config = bench.config::<Rust>();
    for (session, subkey) in [(18, 17), (17, 18)] {
        let spec = bench.ap_req(|a| {
            a.ticket.session = KitKey::seeded(1, "session", session);
            a.subkey = Some(KitKey::seeded(1, "subkey", subkey));
        });
        let token = done(Acceptor::new(&config).step(&spec.token())).token;
        let mut client = spec.initiator();
        ap_rep(&mut client, &token.expect("an AP-REP"));
        let own = client.acceptor_subkey().expect("a subkey");
        assert_eq!(own.etype, 18, "{session}, {subkey}");
    }
}

/// A KRB-ERROR about a TGT names the service that the client wanted it of (rule 13).
#[test]
fn rule_13_the_wanted_service_is_told() {
    let bench = Bench::new();
    let config = bench.telling::<Rust>();
    let wanted = Name::new(NT_SRV_HST, &["HTTP", "elsewhere"]);
    let request = TgtRequest::of(&wanted, REALM);
    let failure = fails(Acceptor::new(&config).step(&request.token()));
    let mut client = Initiator::new(KitKey::seeded(1, "none", 18), None, (0, 0), 0);
    match client.read_under(oid::KRB5_U2U, failure.token().expect("a KRB-ERROR")) {
        Ok(Answer::Error(error)) => {
            // KRB_AP_ERR_NO_TGT (RFC 4120 7.5.9).
            assert_eq!((error.code, &error.realm[..]), (67, REALM));
            assert_eq!(error.sname, [&b"HTTP"[..], b"elsewhere"]);
        }
        other => panic!("{other:?}"),
    }
}

/// Rules 20 and 26: in DCE style too an account that is required is the PAC's, and it is there after
/// the third leg. The PAC is one that Samba's KDC wrote for alice (tests/data/pac).
fn rule_26_a_pac_in_dce_style<M: Mount>() {
    const PART: &[u8] = include_bytes!("../../data/pac/alice.enc-part");
    const KEY: [u8; 32] = [
        0xa2, 0x45, 0xed, 0x2f, 0x20, 0x4d, 0x66, 0xde, 0xa7, 0x93, 0x3b, 0xfe, 0xf9, 0x92, 0x8a,
        0x39, 0xdc, 0x85, 0xda, 0x24, 0x14, 0x84, 0x3b, 0xbf, 0xc3, 0x0b, 0x66, 0xa1, 0x2d, 0xc1,
        0x46, 0x41,
    ];
    let bench = Bench::new();
    let (service, key) = (
        Name::new(NT_SRV_HST, &["HTTP", "web.ad.test"]),
        KitKey::new(18, KEY.to_vec()),
    );
    let entry = Entry::new(service.clone(), b"AD.TEST", 2, key.clone());
    let keytab = Keytab::from_bytes(kit::keytab::simple(&[entry])).expect("a keytab");
    let config = bench.builder_with::<M>(keytab).require_authorization();
    let config = config.build().expect("builds");
    let spec = |pac: Option<&[u8]>| {
        bench.ap_req(|a| {
            a.gss().flags |= gss::DCE;
            a.frame = Frame::bare();
            let ticket = &mut a.ticket;
            (ticket.realm, ticket.sname) = (b"AD.TEST".to_vec(), service.clone());
            (ticket.service_key, ticket.kvno) = (key.clone(), Some(2));
            // The PAC's (MS-PAC 2.7), in seconds since 1970.
            ticket.authtime = 1_795_399_108;
            ticket.authdata =
                pac.map_or(Vec::new(), |pac| vec![if_relevant(&[(128, pac.to_vec())])]);
        })
    };
    let pac = &PART[PART.len() - 784..];
    let spec_with = spec(Some(pac));
    let mut acceptor = Acceptor::new(&config);
    let reply = goes_on(acceptor.step(&spec_with.token()));
    let mut client = spec_with.initiator();
    client.read_ap_rep(&reply).expect("a bare AP-REP");
    let context = done(acceptor.step(&client.third_leg().token())).context;
    let who = context.authorization().expect("verified");
    assert_eq!(who.account.user, "alice");
    // Without a PAC there is no second leg.
    let failure = fails(Acceptor::new(&config).step(&spec(None).token()));
    match rejected(failure.error()) {
        Rejection::Authorization { .. } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn rule_26_a_pac_in_dce_style_here() {
    rule_26_a_pac_in_dce_style::<Rust>();
}
