//! NTLM inside SPNEGO, and beside Kerberos (rules 28 to 32).

use super::{NtlmMount, PLAIN, SEALING, config, problem, server};
use crate::bench::{Bench, REJECT, done, fails, goes_on, rejected, rejection, resp};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Clock, Failure, Framing, LogonProblem, Mechanism, Misuse,
    NtlmRejection, Protection, Rejection, Requirements, Step,
};
use kit::ap_req::oid;
use kit::ntlm::{Authenticate, Challenge, Mic, flags, negotiate};
use kit::spnego::{Hints, InitSpec, Resp, mech_types, state};
use std::sync::Arc;

/// A server that speaks both.
fn both<M: NtlmMount>() -> AcceptorConfig {
    let bench = Bench::new();
    AcceptorConfig::builder(M::both(bench.keytab(), server()))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .clock(Arc::clone(&bench.clock) as Arc<dyn Clock>)
        .build()
        .expect("builds")
}

struct Half {
    acceptor: Acceptor,
    reply: Resp,
    answer: Authenticate,
}

/// The first leg of a client that offers these, NTLM's token with it.
fn begin(config: &AcceptorConfig, offer: &[&[u8]], asked: u32) -> Half {
    let first = negotiate(asked);
    let mut acceptor = Acceptor::new(config);
    let token = InitSpec::new(offer, Some(first.clone())).token();
    let reply = resp(&goes_on(acceptor.step(&token)));
    let challenge = Challenge::read(reply.token.as_ref().expect("a token")).expect("a CHALLENGE");
    Half {
        acceptor,
        reply,
        answer: Authenticate::answer(&first, &challenge, "alice", ""),
    }
}

impl Half {
    fn send(mut self, mic: Option<Vec<u8>>) -> Result<Step, Failure> {
        let token = Some(self.answer.token());
        let response = Resp {
            token,
            mic,
            ..Resp::default()
        };
        self.acceptor.step(&response.encode())
    }
}

pub fn rule_28_raw_and_negotiated<M: NtlmMount>() {
    let config = both::<M>();
    let raw = super::enters(&config, SEALING, |_| {});
    assert_eq!(raw.context.framing(), Framing::Raw);
    let half = begin(&config, &[oid::NTLM], PLAIN);
    assert_eq!(half.reply.state, Some(state::INCOMPLETE));
    assert_eq!(half.reply.mech.as_deref(), Some(oid::NTLM));
    assert_eq!(half.reply.mic, None);
    let end = done(half.send(None));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!(
        (reply.state, reply.token, reply.mic),
        (Some(state::COMPLETED), None, None)
    );
    assert_eq!(end.context.framing(), Framing::Spnego);
    assert_eq!(end.context.mechanism(), Mechanism::Ntlm);
    // Kerberos goes on beside it.
    let bench = Bench::new();
    let end = done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
    assert_eq!(end.context.mechanism(), Mechanism::Kerberos);
}

pub fn rule_28_off_unless_enabled<M: NtlmMount>() {
    // Accounts alone do not enable it.
    let bench = Bench::new();
    let config = AcceptorConfig::builder(M::both(bench.keytab(), server()))
        .build()
        .expect("builds");
    assert_eq!(config.describe().mechanisms, [Mechanism::Kerberos]);
    let warned = config.describe().warnings;
    assert!(warned.iter().any(|w| w.contains("NTLM")), "{warned:?}");
    for token in [
        negotiate(SEALING),
        InitSpec::new(&[oid::NTLM], Some(negotiate(SEALING))).token(),
    ] {
        let failure = fails(Acceptor::new(&config).step(&token));
        let why = rejected(failure.error());
        assert!(matches!(why, Rejection::NoCommonMechanism { .. }), "{why}");
    }
    // And a server of NTLM alone takes no ticket.
    let ntlm = config_of_ntlm::<M>();
    let why = rejection(Acceptor::new(&ntlm).step(&bench.world.ap_req().token()));
    assert!(matches!(why, Rejection::NoCommonMechanism { .. }), "{why}");
}

fn config_of_ntlm<M: NtlmMount>() -> AcceptorConfig {
    config::<M>()
}

pub fn rule_28_hints_name_it<M: NtlmMount>() {
    let mut acceptor = Acceptor::new(&both::<M>());
    let hints = Hints::read(&goes_on(acceptor.step(&[]))).expect("hints");
    assert_eq!(hints.mechs, [oid::KRB5, oid::MS_KRB5, oid::NTLM]);
    // Then the negotiation proper.
    let token = InitSpec::new(&[oid::NTLM], Some(negotiate(PLAIN))).token();
    goes_on(acceptor.step(&token));
    let mut acceptor = Acceptor::new(&config::<M>());
    let hints = Hints::read(&goes_on(acceptor.step(&[]))).expect("hints");
    assert_eq!(hints.mechs, [oid::NTLM]);
}

pub fn rule_28_without_credentials_refused_at_build<M: NtlmMount>() {
    let both = [Mechanism::Kerberos, Mechanism::Ntlm];
    let refused = AcceptorConfig::builder(M::ntlm(server()))
        .mechanisms(&both)
        .build();
    let error = refused.expect_err("no keys");
    let mechanism = Mechanism::Kerberos;
    assert_eq!(error.misuse(), Some(&Misuse::NoCredentials { mechanism }));
    let too_long = server().computer("A-VERY-LONG-NAME");
    let refused = AcceptorConfig::builder(M::ntlm(too_long))
        .mechanisms(&both[1..])
        .build();
    let error = refused.expect_err("no name").to_string();
    assert!(error.contains("computer"), "{error}");
}

pub fn rule_30_mics_both_ways_and_messages_after<M: NtlmMount>() {
    let config = both::<M>();
    let offer = mech_types(&[oid::NTLM]);
    for asked in [SEALING, SEALING & !flags::SEAL] {
        let half = begin(&config, &[oid::NTLM], asked);
        let mut client = half.answer.messages();
        let own = client.mic(&offer);
        let end = done(half.send(Some(own)));
        let reply = resp(&end.token.expect("a reply"));
        assert_eq!(reply.state, Some(state::COMPLETED));
        assert!(client.verify(&offer, &reply.mic.expect("our MIC")));
        // MS-SPNG 3.3.5.1: the ciphers begin anew, the numbers go on.
        client.reset();
        let seals = asked & flags::SEAL != 0;
        for text in [&b"first"[..], b"second"] {
            let token = if seals {
                client.seal(text)
            } else {
                client.sign(text)
            };
            assert_eq!(end.context.unwrap(&token).expect("opens").data, text);
            let token = end
                .context
                .wrap(Protection::Integrity, text)
                .expect("wraps");
            if seals {
                assert_eq!(client.unseal(&token).as_deref(), Some(text));
            } else {
                assert!(client.verify(text, &token[..16]));
            }
        }
    }
}

fn mic_missing(failure: &Failure) -> Option<bool> {
    assert_eq!(failure.token(), Some(&REJECT[..]), "{failure}");
    match rejected(failure.error()) {
        Rejection::MechListMic { missing } => Some(missing),
        _ => None,
    }
}

pub fn rule_30_a_mic_is_owed<M: NtlmMount>() {
    // Who computes NTLM's MIC computes SPNEGO's.
    let config = both::<M>();
    let half = begin(&config, &[oid::NTLM], SEALING);
    assert_eq!(mic_missing(&fails(half.send(None))), Some(true));
    // Who computes neither owes neither.
    let mut half = begin(&config, &[oid::NTLM], SEALING);
    half.answer.without_mic();
    done(half.send(None));
}

pub fn rule_30_a_wrong_mic<M: NtlmMount>() {
    let config = both::<M>();
    for announce in [true, false] {
        let mut half = begin(&config, &[oid::NTLM], SEALING);
        if !announce {
            half.answer.without_mic();
        }
        let mut client = half.answer.messages();
        let mut own = client.mic(&mech_types(&[oid::NTLM]));
        own[5] ^= 1;
        assert_eq!(mic_missing(&fails(half.send(Some(own)))), Some(false));
    }
}

pub fn rule_30_a_stripped_offer<M: NtlmMount>() {
    // The client offered Kerberos first, and somebody took that out on the way.
    let config = both::<M>();
    let half = begin(&config, &[oid::NTLM], SEALING);
    let mut client = half.answer.messages();
    let own = client.mic(&mech_types(&[oid::KRB5, oid::NTLM]));
    assert_eq!(mic_missing(&fails(half.send(Some(own)))), Some(false));
}

pub fn rule_30_no_integrity_no_mic<M: NtlmMount>() {
    let bench = Bench::new();
    let config = AcceptorConfig::builder(M::both(bench.keytab(), server()))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .request(Requirements::ALLOW_NULL_SESSION)
        .build()
        .expect("builds");
    // A client that protects no messages, and one without a name.
    done(begin(&config, &[oid::NTLM], PLAIN).send(None));
    let mut half = begin(&config, &[oid::NTLM], SEALING);
    half.answer.user = String::new();
    half.answer.nt_response = Some(Vec::new());
    half.answer.lm_response = vec![0];
    half.answer.mic = Mic::Zero;
    let reply = resp(&done(half.send(None)).token.expect("a reply"));
    assert_eq!(reply.mic, None);
    // One is sent all the same: it can be nothing but the dummy signature of MS-NLMP 2.2.2.5
    // (ALWAYS_SIGN), which proves as much as none.
    let dummy = [&[1][..], &[0; 15]].concat();
    for wrong in [vec![1; 16], vec![0; 16], dummy[..15].to_vec()] {
        let half = begin(&config, &[oid::NTLM], PLAIN);
        assert_eq!(mic_missing(&fails(half.send(Some(wrong)))), Some(false));
    }
    let half = begin(&config, &[oid::NTLM], PLAIN);
    let end = done(half.send(Some(dummy.clone())));
    assert!(end.context.granted().is_empty());
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!(reply.mic.as_ref(), Some(&dummy));
    // Where there is integrity it is a wrong one.
    let half = begin(&config, &[oid::NTLM], SEALING);
    assert_eq!(mic_missing(&fails(half.send(Some(dummy)))), Some(false));
}

pub fn rule_30_chosen_and_not_first<M: NtlmMount>() {
    // The client would rather have NegoEx, which we do not: NTLM is chosen, and the MIC demanded
    // of a client that can make one, whether it announced one or not.
    let config = both::<M>();
    let list = [oid::NEGOEX, oid::NTLM];
    for (asked, announce, owes) in [
        (SEALING, true, true),
        (SEALING, false, true),
        (PLAIN, true, false),
    ] {
        for sends in [true, false] {
            let mut acceptor = Acceptor::new(&config);
            let token = InitSpec::new(&list, Some(b"NEGOEXTS".to_vec())).token();
            let reply = resp(&goes_on(acceptor.step(&token)));
            assert_eq!(reply.state, Some(state::REQUEST_MIC));
            assert_eq!(reply.mech.as_deref(), Some(oid::NTLM));
            assert_eq!(reply.token, None);
            let first = negotiate(asked);
            let token = Some(first.clone());
            let response = Resp {
                token,
                ..Resp::default()
            };
            let reply = resp(&goes_on(acceptor.step(&response.encode())));
            let challenge = Challenge::read(&reply.token.expect("a token")).expect("CHALLENGE");
            let mut answer = Authenticate::answer(&first, &challenge, "alice", "");
            if !announce {
                answer.without_mic();
            }
            let mut client = answer.messages();
            let mic = (sends && owes).then(|| client.mic(&mech_types(&list)));
            let token = Some(answer.token());
            let response = Resp {
                token,
                mic,
                ..Resp::default()
            };
            let step = acceptor.step(&response.encode());
            if sends || !owes {
                done(step);
            } else {
                assert_eq!(mic_missing(&fails(step)), Some(true));
            }
        }
    }
}

pub fn rule_32_what_the_policy_refuses_is_told<M: NtlmMount>() {
    let bench = Bench::new();
    let config = AcceptorConfig::builder(M::both(bench.keytab(), server()))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .require(Requirements::CONFIDENTIALITY)
        .build()
        .expect("builds");
    let failure = fails(begin(&config, &[oid::NTLM], PLAIN).send(None));
    assert_eq!(failure.token(), Some(&REJECT[..]), "{failure}");
    let mut half = begin(&config, &[oid::NTLM], SEALING);
    half.answer.user = String::new();
    half.answer.nt_response = Some(Vec::new());
    half.answer.lm_response = Vec::new();
    let failure = fails(half.send(None));
    assert_eq!(failure.token(), Some(&REJECT[..]), "{failure}");
    assert_eq!(rejected(failure.error()), Rejection::Anonymous);
}

pub fn rule_32_a_failed_logon_ends_it<M: NtlmMount>() {
    let config = both::<M>();
    let mut half = begin(&config, &[oid::NTLM], SEALING);
    half.answer.hash[0] ^= 1;
    let token = Some(half.answer.token());
    let response = Resp {
        token,
        ..Resp::default()
    };
    let failure = fails(half.acceptor.step(&response.encode()));
    assert_eq!(failure.token(), Some(&REJECT[..]));
    match rejected(failure.error()) {
        Rejection::Ntlm(reason @ NtlmRejection::Logon { .. }) => {
            assert_eq!(problem(reason), LogonProblem::WrongPassword);
        }
        other => panic!("{other}"),
    }
    let again = fails(half.acceptor.step(&response.encode()));
    assert!(matches!(again.error().misuse(), Some(Misuse::StepAfterEnd)));
    // NTLM under Kerberos' name, as Windows sends it without a ticket, is no way in.
    let token = InitSpec::new(&[oid::KRB5, oid::NTLM], Some(negotiate(SEALING))).token();
    let why = rejection(Acceptor::new(&config).step(&token));
    assert!(matches!(why, Rejection::NoCommonMechanism { .. }), "{why}");
}
