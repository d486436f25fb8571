//! RC4 with MIT krb5 and Heimdal: tickets and sessions of etype 23, messages of RFC 1964, and the
//! upgrade to AES (RFC 4537). The `krb5` and `sspi` crates have no RC4.

use gss_acceptor::{
    AcceptorConfig, Context, EncryptionType, EtypeUse, Protection, Rejection, SequenceState,
};
use interop::handshake::{accept, builder, config};
use interop::kdc::{User, read_env};
use interop::libraries::GssPeer;
use interop::{Ask, Kdc, Peer, heimdal, shake};

use crate::dce::both_ways;

const RC4: EncryptionType = EncryptionType::RC4_HMAC;
const AES: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;
const BOTH: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];
const SERVICES: [(&str, EncryptionType, EncryptionType); 3] = [
    ("k23s23", RC4, RC4),
    ("k18s23", AES, RC4),
    ("k23s18", RC4, AES),
];

/// alice, and whom she is: with MIT's tickets for all services, in the hands of MIT and of
/// Heimdal, who may use AES besides RC4, or RC4 alone.
struct Clients {
    any: [User; 2],
    rc4_alone: [User; 2],
}

impl Clients {
    fn new(kdc: &Kdc) -> Self {
        let env = read_env(&kdc.dir().join("env"));
        let mit = std::path::PathBuf::from(&env["KRB5_CONFIG_RC4"]);
        let alice = kdc.alice().copy(kdc).configured(mit.clone());
        for (service, ..) in SERVICES {
            kdc.kvno(&alice, &format!("HTTP/{service}.localhost"));
        }
        // Unpacks Heimdal and writes its configuration.
        heimdal::alice(kdc);
        let heimdal = kdc.dir().join("heimdal.conf");
        let alone = |from: &std::path::Path, setting: &str| {
            let text = std::fs::read_to_string(from).expect("a krb5.conf");
            let lines = text
                .lines()
                .filter(|line| !line.contains("permitted_enctypes"));
            let mut text: String = lines.map(|line| format!("{line}\n")).collect();
            text = text.replacen("[libdefaults]", &format!("[libdefaults]\n{setting}"), 1);
            let to = kdc.fresh("krb5-rc4-alone");
            std::fs::write(&to, text).expect("a file of the test's own");
            to
        };
        let mit_alone = alone(&mit, "permitted_enctypes = arcfour-hmac");
        let heimdal_alone = alone(&heimdal, "default_etypes = arcfour-hmac-md5");
        let at = |path| alice.configured(path);
        Self {
            rc4_alone: [at(mit_alone), at(heimdal_alone)],
            any: [alice.clone(), at(heimdal)],
        }
    }
}

fn peer(kdc: &Kdc, [mit, heimdal]: &[User; 2], library: usize, ask: Ask) -> GssPeer {
    match library {
        0 => GssPeer::mit(kdc, mit, ask),
        _ => GssPeer::heimdal(kdc, heimdal, ask),
    }
}

fn permissive(kdc: &Kdc) -> AcceptorConfig {
    builder(kdc, "RC4").insecure_rc4().build().expect("builds")
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn in_order(state: Option<SequenceState>) -> bool {
    matches!(state, None | Some(SequenceState::InOrder))
}

/// Both ways, sealed and signed, and beside a MIC; then out of order.
fn talk(context: &Context, peer: &mut GssPeer, what: &str) {
    for length in [1, 7, 83, 84, 1000, 65_535, 1 << 20] {
        let data = pattern(length);
        for protection in BOTH {
            let sealed = protection == Protection::Confidentiality;
            let token = context.wrap(protection, &data).expect("wrap");
            let got = peer
                .unwrap(&token)
                .unwrap_or_else(|e| panic!("{what} {length}: {e}"));
            assert!(got.data == data && got.sealed == sealed, "{what} {length}");
            assert!(in_order(got.sequence), "{what} {length}");
            let token = peer.wrap(&data, sealed).expect("wrap");
            let got = context
                .unwrap(&token)
                .unwrap_or_else(|e| panic!("{what} {length}: {e}"));
            assert!(got.data == data, "{what} {length}");
            assert_eq!(
                (got.protection, got.sequence),
                (protection, SequenceState::InOrder)
            );
        }
        let mic = context.mic(&data).expect("mic");
        let state = peer
            .verify(&data, &mic)
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(in_order(state), "{what}");
        let mic = peer.mic(&data).expect("mic");
        assert_eq!(
            context.verify(&data, &mic).expect("genuine"),
            SequenceState::InOrder
        );
    }
    let tokens: Vec<_> = (0..3)
        .map(|_| peer.wrap(b"x", true).expect("wrap"))
        .collect();
    for (at, expected) in [
        (1, SequenceState::Gap),
        (0, SequenceState::Unsequenced),
        (0, SequenceState::Duplicate),
        (2, SequenceState::InOrder),
    ] {
        assert_eq!(
            context.unwrap(&tokens[at]).expect("genuine").sequence,
            expected,
            "{what}"
        );
    }
}

/// What is agreed on with whom: rules 7, 14 and 23.
#[test]
fn mit_and_heimdal_speak_rc4_and_are_raised_to_aes() {
    let kdc = Kdc::shared();
    let clients = Clients::new(kdc);
    let config = permissive(kdc);
    for library in [0, 1] {
        for (service, _, session) in SERVICES {
            for (alone, users) in [(false, &clients.any), (true, &clients.rc4_alone)] {
                if alone && session == AES {
                    continue;
                }
                for (mutual, spnego) in [(true, false), (true, true), (false, false)] {
                    // Heimdal's numbers without mutual authentication are tested with AES.
                    if library == 1 && !mutual {
                        continue;
                    }
                    let mut ask = Ask::of(&format!("HTTP@{service}.localhost"));
                    ask = if mutual { ask.mutual() } else { ask };
                    ask = if spnego { ask.spnego() } else { ask };
                    let mut peer = peer(kdc, users, library, ask);
                    let what = format!(
                        "{} {service} alone {alone} mutual {mutual} spnego {spnego}",
                        peer.name()
                    );
                    let done = shake(&config, &mut peer);
                    let expected = if session == AES || (mutual && !alone) {
                        AES
                    } else {
                        RC4
                    };
                    let etype = done.context.session_key().expect("a key").etype;
                    assert_eq!(etype, Some(expected), "{what}");
                    talk(&done.context, &mut peer, &what);
                }
            }
        }
    }
}

/// DCE style with RC4 alone on both sides: the acceptor's subkey stays RC4 (rule 14), messages go
/// whole and in parts with header signing (rules 20, 23, 24). MIT alone: Heimdal counts what is in
/// the data parts, and its whole tokens in DCE style are framed in a way of their own.
#[test]
fn dce_style_with_rc4_alone_whole_and_in_parts() {
    let kdc = Kdc::shared();
    let clients = Clients::new(kdc);
    let config = permissive(kdc);
    for spnego in [false, true] {
        let mut ask = Ask::of("HTTP@k23s23.localhost").dce();
        ask.spnego = spnego;
        let mut peer = peer(kdc, &clients.rc4_alone, 0, ask.clone());
        let what = format!("{} in DCE style, SPNEGO {spnego}", peer.name());
        let done = shake(&config, &mut peer);
        let etype = done.context.session_key().expect("a key").etype;
        assert_eq!(etype, Some(RC4), "{what}");
        both_ways(&done.context, &mut peer, &ask, &what);
        talk(&done.context, &mut peer, &what);
    }
}

/// The same tickets, where nobody said `insecure_rc4`.
#[test]
fn without_the_switch_their_tickets_are_refused() {
    let kdc = Kdc::shared();
    let clients = Clients::new(kdc);
    let mixed = builder(kdc, "RC4").build().expect("it has an AES key");
    for (service, ticket, _) in SERVICES {
        let ask = Ask::of(&format!("HTTP@{service}.localhost")).mutual();
        let mut peer = peer(kdc, &clients.any, 0, ask);
        let failure = accept(&mixed, &mut peer).expect_err("refused");
        let expected = if ticket == RC4 {
            EtypeUse::Ticket
        } else {
            EtypeUse::SessionKey
        };
        match failure.error().rejection() {
            Some(Rejection::EtypeNotPermitted { used_as, etype, .. }) => {
                assert_eq!((*used_as, *etype), (expected, RC4), "{service}");
            }
            _ => panic!("{service}: {failure}"),
        }
    }
    // And an ordinary one still comes in by the other keytab.
    let mut ordinary = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
    shake(&config(kdc, "HTTP"), &mut ordinary);
}
