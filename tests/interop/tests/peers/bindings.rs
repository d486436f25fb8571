//! Channel bindings of real clients under every policy (rule 17).

use std::path::PathBuf;

use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, Rejection,
    Requirements, StepInput,
};
use interop::handshake::builder;
use interop::krb5_crate::Krb5Peer;
use interop::libraries::GssPeer;
use interop::process::judge_program;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Done, Kdc, Peer, accept_with, flags, heimdal};
use kit::judge::{Judge, Outcome};

const RIGHT: &[u8] = b"tls-server-end-point:the certificate that the client saw";
const WRONG: &[u8] = b"tls-server-end-point:another certificate";

fn policy(kdc: &Kdc, policy: ChannelBindingPolicy) -> AcceptorConfig {
    builder(kdc, "HTTP")
        .channel_bindings(policy)
        .build()
        .expect("a policy")
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Bound,
    NotBound,
    Missing,
    Promised,
    Mismatch,
}

fn outcome(config: &AcceptorConfig, peer: &mut dyn Peer) -> Verdict {
    let ours = ChannelBindings::from_application_data(RIGHT).expect("bindings");
    match accept_with(config, peer, Some(&ours)) {
        Ok(Done { context, .. }) => match context.bound() {
            BindingStatus::Bound => Verdict::Bound,
            BindingStatus::NotBound => Verdict::NotBound,
            other => panic!("{other:?}"),
        },
        Err(failure) => match failure.error().rejection() {
            Some(Rejection::BindingMissing { promised: false }) => Verdict::Missing,
            Some(Rejection::BindingMissing { promised: true }) => Verdict::Promised,
            Some(Rejection::BindingMismatch { null_address_type }) => {
                assert!(!null_address_type, "{failure}");
                Verdict::Mismatch
            }
            _ => panic!("{failure}"),
        },
    }
}

/// What each policy makes of bindings that are right, wrong and absent.
fn every_policy(peer: impl Fn(Ask) -> Box<dyn Peer>) {
    use ChannelBindingPolicy as P;
    use Verdict as V;
    let kdc = Kdc::shared();
    for (policy_is, right, wrong, absent) in [
        (P::Ignore, V::NotBound, V::NotBound, V::NotBound),
        (P::WhenSent, V::Bound, V::Mismatch, V::NotBound),
        (P::Require, V::Bound, V::Mismatch, V::Missing),
        (P::AnyPresent, V::NotBound, V::NotBound, V::Missing),
    ] {
        let config = policy(kdc, policy_is);
        for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
            let mut with = peer(ask.clone().bindings(RIGHT));
            // Ignore says nothing of bindings that it did not look at; AnyPresent compares none.
            let found = outcome(&config, &mut *with);
            let name = with.name();
            if policy_is == P::Require || policy_is == P::WhenSent {
                assert_eq!(found, right, "{name}, {policy_is:?}, right");
            } else {
                assert!(
                    found == V::Bound || found == V::NotBound,
                    "{name}, {policy_is:?}"
                );
            }
            let found = outcome(&config, &mut *peer(ask.clone().bindings(WRONG)));
            assert_eq!(found, wrong, "{name}, {policy_is:?}, wrong");
            let found = outcome(&config, &mut *peer(ask));
            assert_eq!(found, absent, "{name}, {policy_is:?}, absent");
        }
    }
}

#[test]
fn mit_under_every_policy() {
    let kdc = Kdc::shared();
    every_policy(|ask| Box::new(GssPeer::mit(kdc, &kdc.alice(), ask)));
}

#[test]
fn heimdal_under_every_policy() {
    let kdc = Kdc::shared();
    every_policy(|ask| Box::new(GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask)));
}

#[test]
fn the_krb5_crate_under_every_policy() {
    let kdc = Kdc::shared();
    every_policy(|ask| Box::new(Krb5Peer::new(kdc, "alice", "alice-pw", &ask)));
}

/// The `sspi` crate writes KERB_AP_OPTIONS in two bytes, where MS-KILE 3.2.5.8 and MIT's acceptor
/// have four: with bindings its token is malformed to both. Without bindings it is an ordinary one.
#[test]
fn the_sspi_crate_under_every_policy() {
    use ChannelBindingPolicy as P;
    let kdc = Kdc::shared();
    let peer = |ask| SspiPeer::new(kdc, "alice", "alice-pw", ask);
    for (policy_is, absent) in [
        (P::Ignore, Verdict::NotBound),
        (P::WhenSent, Verdict::NotBound),
        (P::Require, Verdict::Missing),
        (P::AnyPresent, Verdict::Missing),
    ] {
        let found = outcome(&policy(kdc, policy_is), &mut peer(Ask::http().mutual()));
        assert_eq!(found, absent, "{policy_is:?}");
    }
    let token = || {
        let sent = peer(Ask::http().mutual().bindings(RIGHT)).init(None);
        sent.expect("the KDC answers").token.expect("a token")
    };
    let config = policy(kdc, P::Require);
    let ours = ChannelBindings::from_application_data(RIGHT).expect("bindings");
    let token_of_ours = token();
    let input = StepInput::new(&token_of_ours).channel_bindings(&ours);
    let failure = Acceptor::new(&config)
        .step_with(input)
        .expect_err("two bytes");
    assert!(failure.to_string().contains("KERB_AP_OPTIONS"), "{failure}");
    judge_program();
    let mut judge = Judge::mit().expect("a judge");
    let verdict = judge.accept(&kdc.keytab("HTTP"), &token(), Some(RIGHT), None);
    let verdict = verdict.expect("a verdict");
    assert_eq!(verdict.outcome(), Outcome::Reject, "{verdict:?}");
}

/// krb5.conf with `client_aware_channel_bindings = true`: MIT then says KERB_AP_OPTIONS_CBT.
fn aware(kdc: &Kdc) -> PathBuf {
    let text = std::fs::read_to_string(kdc.config()).expect("krb5.conf");
    let text = text.replacen(
        "[libdefaults]",
        "[libdefaults]\n    client_aware_channel_bindings = true",
        1,
    );
    let path = kdc.fresh("aware.conf");
    std::fs::write(&path, text).expect("a file");
    path
}

/// A client that says it binds and sends no bindings had them removed on the way: refused under
/// every policy that looks.
#[test]
fn a_promise_to_bind_is_held() {
    use ChannelBindingPolicy as P;
    use Verdict as V;
    let kdc = Kdc::shared();
    let alice = kdc.alice().configured(aware(kdc));
    for (policy_is, absent) in [
        (P::Ignore, V::NotBound),
        (P::WhenSent, V::Promised),
        (P::Require, V::Promised),
        (P::AnyPresent, V::Promised),
    ] {
        let config = policy(kdc, policy_is);
        for ask in [Ask::http().mutual(), Ask::http().spnego()] {
            let found = outcome(&config, &mut GssPeer::mit(kdc, &alice, ask.clone()));
            assert_eq!(found, absent, "{policy_is:?}");
            if policy_is == P::WhenSent || policy_is == P::Require {
                let ask = ask.bindings(RIGHT);
                let found = outcome(&config, &mut GssPeer::mit(kdc, &alice, ask));
                assert_eq!(found, V::Bound, "{policy_is:?}");
            }
        }
    }
}

/// The krb5 crate's own way to say it: GSS_C_CHANNEL_BOUND_FLAG (0x800).
#[test]
fn the_krb5_crates_promise_is_held() {
    let kdc = Kdc::shared();
    let config = policy(kdc, ChannelBindingPolicy::WhenSent);
    let ask = Ask::http().flags(flags::USUAL | flags::MUTUAL | 0x800);
    let mut peer = Krb5Peer::new(kdc, "alice", "alice-pw", &ask);
    assert_eq!(outcome(&config, &mut peer), Verdict::Promised);
}

/// The flags of `sspi.h` name policies.
#[test]
fn the_flags_of_sspi_h_are_policies() {
    let kdc = Kdc::shared();
    for (flag, absent) in [
        (Requirements::ALLOW_MISSING_BINDINGS, Verdict::NotBound),
        (Requirements::PROXY_BINDINGS, Verdict::Missing),
    ] {
        let config = builder(kdc, "HTTP")
            .require(flag)
            .build()
            .expect("a policy");
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        assert_eq!(outcome(&config, &mut peer), absent, "{}", flag.names());
    }
}

/// tls-server-end-point of a certificate on both sides: hashed by us from the DER, by MIT's client
/// from the hash that openssl made (`tests/data/certs/hashes.txt`).
#[test]
fn a_certificates_hash_is_the_clients() {
    let kdc = Kdc::shared();
    let certs = interop::process::root().join("tests/data/certs");
    let config = policy(kdc, ChannelBindingPolicy::Require);
    let hashes = std::fs::read_to_string(certs.join("hashes.txt")).expect("hashes.txt");
    let mut seen = 0;
    for line in hashes.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(hash)) = (words.next(), words.next_back()) else {
            continue;
        };
        let Some(hash) = unhex(hash) else { continue };
        let name = if name.ends_with(".der") {
            name.to_owned()
        } else {
            format!("{name}.der")
        };
        let der = std::fs::read(certs.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let ours = ChannelBindings::tls_server_end_point(&der).or_else(|_| {
            // SHA-224 and SHA-512/256 are not computed here; whoever has the hash may give it.
            assert!(
                name.contains("sha224") || name.contains("sha512-256"),
                "{name}"
            );
            ChannelBindings::tls_server_end_point_hash(&hash)
        });
        let ours = ours.unwrap_or_else(|e| panic!("{name}: {e}"));
        let data = [b"tls-server-end-point:", &hash[..]].concat();
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().bindings(&data));
        let done =
            accept_with(&config, &mut peer, Some(&ours)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(done.context.bound(), BindingStatus::Bound, "{name}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} certificates in hashes.txt");
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() < 40 || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok())
        .collect()
}
