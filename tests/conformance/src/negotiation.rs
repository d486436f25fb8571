//! Rules 28 to 32 beyond the first token.

use crate::Mount;
use crate::bench::{Bench, Done, REJECT, ap_rep, done, fails, goes_on, rejected, rejection, resp};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Error, Framing, Protection, Rejection, SequenceState,
};
use kit::ap_req::{ApReqSpec, gss, oid};
use kit::client::Initiator;
use kit::message::{MicSpec, WrapSpec};
use kit::spnego::{Hints, InitSpec, Resp, mech_types, state};

/// A list whose favourite is not ours, so that the MIC is owed.
const LIST: [&[u8]; 2] = [oid::NTLM, oid::KRB5];

fn offer(oids: &[&[u8]], token: Option<Vec<u8>>) -> Vec<u8> {
    InitSpec::new(oids, token).token()
}

fn answer(token: Option<Vec<u8>>, mic: Option<Vec<u8>>) -> Resp {
    Resp {
        token,
        mic,
        ..Resp::default()
    }
}

fn mic(client: &Initiator, over: &[u8]) -> Vec<u8> {
    client
        .messages()
        .mic(over, &MicSpec::new(client.seq.into()))
}

/// A negotiation in which the MIC is owed, up to its first reply.
fn requested(config: &AcceptorConfig) -> Acceptor {
    let mut acceptor = Acceptor::new(config);
    let reply = resp(&goes_on(
        acceptor.step(&offer(&LIST, Some(b"optimistic".to_vec()))),
    ));
    let due = Resp {
        state: Some(state::REQUEST_MIC),
        mech: Some(oid::KRB5.to_vec()),
        ..Resp::default()
    };
    assert_eq!(reply, due);
    acceptor
}

/// The same up to the reply with the AP-REP, which the client has read.
fn replied(config: &AcceptorConfig, spec: &ApReqSpec) -> (Acceptor, Initiator) {
    let mut acceptor = requested(config);
    let token = answer(Some(spec.token()), None).encode();
    let reply = resp(&goes_on(acceptor.step(&token)));
    assert_eq!((reply.state, &reply.mech), (Some(state::INCOMPLETE), &None));
    let mut client = spec.initiator();
    ap_rep(&mut client, &reply.token.expect("an AP-REP"));
    let own = reply.mic.expect("our MIC");
    let sequence = client.messages().verify(&own, &mech_types(&LIST));
    assert_eq!(sequence, Ok(client.acceptor_seq()));
    (acceptor, client)
}

fn is_mic(failure: &gss_acceptor::Failure, missing: bool) {
    let due = Rejection::MechListMic { missing };
    assert_eq!(rejected(failure.error()), due);
    assert_eq!(failure.token(), Some(&REJECT[..]));
}

pub fn rule_28_hints_then_negotiation<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    let hints = Hints::read(&goes_on(acceptor.step(b""))).expect("hints");
    assert_eq!(hints.mechs.first().map(Vec::as_slice), Some(oid::KRB5));
    let spec = bench.world.ap_req();
    let end = done(acceptor.step(&offer(&[oid::KRB5], Some(spec.token()))));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!(
        (reply.state, reply.mech.as_deref()),
        (Some(state::COMPLETED), Some(oid::KRB5))
    );
    ap_rep(&mut spec.initiator(), &reply.token.expect("an AP-REP"));
    // A client may also be done with hints and send the mechanism's own token.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(b""));
    let end = done(acceptor.step(&bench.world.ap_req().token()));
    assert_eq!(end.context.framing(), Framing::Raw);
}

pub fn rule_28_hints_once<M: Mount>() {
    let config = Bench::new().config::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(b""));
    let failure = fails(acceptor.step(b""));
    assert!(
        matches!(failure.error(), Error::Malformed { .. }),
        "{failure}"
    );
    assert_eq!(config.half_open(), 0);
}

pub fn rule_28_other_forms_of_continuation<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for form in [
        Resp::encode,
        Resp::encode_without_sequence,
        Resp::encode_framed,
    ] {
        let spec = bench.world.ap_req();
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&offer(&[oid::KRB5], None)));
        let end = done(acceptor.step(&form(&answer(Some(spec.token()), None))));
        let reply = resp(&end.token.expect("a reply"));
        assert_eq!((reply.state, &reply.mech), (Some(state::COMPLETED), &None));
        ap_rep(&mut spec.initiator(), &reply.token.expect("an AP-REP"));
        assert_eq!(end.context.framing(), Framing::Spnego);
    }
}

pub fn rule_28_rejects_mean_the_end<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let open = || {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&offer(&[oid::KRB5], None)));
        acceptor
    };
    assert_eq!(
        rejection(open().step(&REJECT)),
        Rejection::PeerFailed { code: None }
    );
    for token in [
        &b""[..],
        b"garbage",
        &answer(None, None).encode(),
        &offer(&[oid::KRB5], Some(bench.world.ap_req().token())),
        &[
            &answer(Some(bench.world.ap_req().token()), None).encode()[..],
            &[0],
        ]
        .concat(),
    ] {
        let failure = fails(open().step(token));
        assert!(
            matches!(failure.error(), Error::Malformed { .. }),
            "{failure}"
        );
        assert_eq!(failure.token(), Some(&REJECT[..]));
    }
    assert_eq!(config.half_open(), 0);
}

pub fn rule_29_reply_repeats_the_listed_oid<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for (list, due) in [
        (&[oid::MS_KRB5, oid::KRB5, oid::NTLM][..], oid::MS_KRB5),
        (&[oid::KRB5, oid::MS_KRB5], oid::KRB5),
        (&[oid::NEGOEX, oid::MS_KRB5, oid::KRB5], oid::MS_KRB5),
        (&[oid::UNKNOWN, oid::KRB5, oid::MS_KRB5], oid::KRB5),
    ] {
        let mut acceptor = Acceptor::new(&config);
        let reply = resp(&goes_on(acceptor.step(&offer(list, None))));
        assert_eq!(reply.mech.as_deref(), Some(due));
        let first = list[0] == due;
        let asks = if first {
            state::INCOMPLETE
        } else {
            state::REQUEST_MIC
        };
        assert_eq!(reply.state, Some(asks));
        assert_eq!((reply.token, reply.mic), (None, None));
    }
}

pub fn rule_29_nothing_in_common<M: Mount>() {
    let bench = Bench::new();
    // EXTENDED_ERROR or not: the reject is SPNEGO's own.
    for config in [bench.config::<M>(), bench.telling::<M>()] {
        let token = offer(&[oid::NTLM, oid::NEGOEX, oid::IAKERB], None);
        let failure = fails(Acceptor::new(&config).step(&token));
        assert_eq!(failure.token(), Some(&REJECT[..]));
        let text = failure.error().to_string();
        for name in ["NTLM", "NegoEx", "1.3.6.1.5.2.5", "Kerberos"] {
            assert!(text.contains(name), "{name} in {text}");
        }
        let failure = fails(Acceptor::new(&config).step(&offer(&[oid::NTLM], None)));
        let text = failure.error().to_string();
        assert!(
            text.contains("the client sent NTLM where Kerberos is expected"),
            "{text}"
        );
    }
}

pub fn rule_30_request_mic_both_ways<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (mut acceptor, client) = replied(&config, &bench.world.ap_req());
    let token = answer(None, Some(mic(&client, &mech_types(&LIST)))).encode();
    let Done { token, context } = done(acceptor.step(&token));
    assert_eq!(token, None);
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
    assert_eq!(config.half_open(), 0);
}

pub fn rule_30_request_mic_without_mutual<M: Mount>() {
    // The client's AP-REQ is the last token of the mechanism: its MIC must be beside it.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.one_way();
    let own = mic(&spec.initiator(), &mech_types(&LIST));
    let end = done(requested(&config).step(&answer(Some(spec.token()), Some(own)).encode()));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!((reply.state, &reply.token), (Some(state::COMPLETED), &None));
    let client = spec.initiator();
    let sequence = client
        .messages()
        .verify(&reply.mic.expect("our MIC"), &mech_types(&LIST));
    assert_eq!(sequence, Ok(client.acceptor_seq()));
}

pub fn rule_30_request_mic_missing<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let token = answer(Some(bench.one_way().token()), None).encode();
    is_mic(&fails(requested(&config).step(&token)), true);
    let (mut acceptor, _) = replied(&config, &bench.world.ap_req());
    is_mic(&fails(acceptor.step(&answer(None, None).encode())), true);
    let (mut acceptor, _) = replied(&config, &bench.world.ap_req());
    let token = Resp {
        state: Some(state::COMPLETED),
        ..Resp::default()
    };
    is_mic(&fails(acceptor.step(&token.encode())), true);
}

pub fn rule_30_request_mic_wrong<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let attempts: [fn(&Initiator) -> Vec<u8>; 5] = [
        // What an attacker who took NTLM out of the list would have made of it.
        |client| mic(client, &mech_types(&[oid::KRB5])),
        |client| mic(client, &mech_types(&[oid::KRB5, oid::NTLM])),
        |client| {
            let mut token = mic(client, &mech_types(&LIST));
            *token.last_mut().expect("octets") ^= 1;
            token
        },
        // Under the client's subkey, though ours was agreed.
        |client| {
            let mut before = client.clone();
            before.ap_rep = None;
            mic(&before, &mech_types(&LIST))
        },
        |_| vec![],
    ];
    for (index, attempt) in attempts.into_iter().enumerate() {
        let (mut acceptor, client) = replied(&config, &bench.world.ap_req());
        let failure = fails(acceptor.step(&answer(None, Some(attempt(&client))).encode()));
        let due = Rejection::MechListMic { missing: false };
        assert_eq!(rejected(failure.error()), due, "attempt {index}");
        assert_eq!(failure.token(), Some(&REJECT[..]));
    }
}

pub fn rule_30_request_mic_must_come_alone<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (mut acceptor, client) = replied(&config, &bench.world.ap_req());
    let own = mic(&client, &mech_types(&LIST));
    let token = answer(Some(bench.world.ap_req().token()), Some(own)).encode();
    let failure = fails(acceptor.step(&token));
    assert!(
        matches!(failure.error(), Error::Malformed { .. }),
        "{failure}"
    );
    assert_eq!(failure.token(), Some(&REJECT[..]));
}

pub fn rule_30_a_second_mic<M: Mount>() {
    // One before the mechanism is done cannot be keyed.
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let spec = bench.ap_req(|a| a.ctime -= 3600);
    let own = mic(&spec.initiator(), &mech_types(&LIST));
    let token = answer(Some(spec.token()), Some(own)).encode();
    is_mic(&fails(requested(&config).step(&token)), false);
    // One after the exchange of MICs is over is a step after the end.
    let (mut acceptor, client) = replied(&config, &bench.world.ap_req());
    let token = answer(None, Some(mic(&client, &mech_types(&LIST)))).encode();
    done(acceptor.step(&token));
    assert!(fails(acceptor.step(&token)).error().misuse().is_some());
}

pub fn rule_30_volunteered_mic_is_answered<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.one_way();
    let list = [oid::KRB5, oid::NTLM];
    let mut init = InitSpec::new(&list, Some(spec.token()));
    init.mic = Some(mic(&spec.initiator(), &mech_types(&list)));
    let end = done(Acceptor::new(&config).step(&init.token()));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!(reply.state, Some(state::COMPLETED));
    let own = reply.mic.expect("our MIC");
    let client = spec.initiator();
    assert!(client.messages().verify(&own, &mech_types(&list)).is_ok());
    // In NegTokenInit2 it is the fifth field.
    let spec = bench.one_way();
    let mut init = InitSpec::new(&list, Some(spec.token()));
    init.form = kit::spnego::Form::Init2;
    init.mic = Some(mic(&spec.initiator(), &mech_types(&list)));
    let end = done(Acceptor::new(&config).step(&init.token()));
    assert!(resp(&end.token.expect("a reply")).mic.is_some());
    // Without one none is sent.
    let end = done(Acceptor::new(&config).step(&offer(&list, Some(bench.one_way().token()))));
    assert_eq!(resp(&end.token.expect("a reply")).mic, None);
}

pub fn rule_30_volunteered_mic_is_checked<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.one_way();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer(&[oid::KRB5, oid::NTLM], None)));
    let own = mic(&spec.initiator(), &mech_types(&[oid::KRB5]));
    is_mic(
        &fails(acceptor.step(&answer(Some(spec.token()), Some(own)).encode())),
        false,
    );
}

pub fn rule_30_over_the_exact_octets<M: Mount>() {
    // A list whose length is not minimal is signed as it stands, not as we would write it.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.one_way();
    let canonical = mech_types(&[oid::KRB5]);
    let odd = [&[0x30, 0x81, canonical[1]][..], &canonical[2..]].concat();
    let with = |over: &[u8], spec: &ApReqSpec| {
        let mut init = InitSpec::new(&[oid::KRB5], Some(spec.token()));
        init.mech_types = Some(odd.clone());
        init.mic = Some(mic(&spec.initiator(), over));
        Acceptor::new(&config).step(&init.token())
    };
    let end = done(with(&odd, &spec));
    let own = resp(&end.token.expect("a reply")).mic.expect("our MIC");
    assert!(spec.initiator().messages().verify(&own, &odd).is_ok());
    is_mic(&fails(with(&canonical, &bench.one_way())), false);
}

pub fn rule_30_windows_2000_repeats_the_token<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.world.ap_req();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer(&[oid::KRB5], None)));
    let inner = spec.token();
    let token = answer(Some(inner.clone()), Some(inner)).encode();
    let reply = resp(&done(acceptor.step(&token)).token.expect("a reply"));
    assert_eq!((reply.state, reply.mic), (Some(state::COMPLETED), None));
    // It is no MIC: where one is owed, it is missing.
    let inner = bench.one_way().token();
    let token = answer(Some(inner.clone()), Some(inner)).encode();
    is_mic(&fails(requested(&config).step(&token)), true);
}

pub fn rule_30_without_integrity_none<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let spec = bench.ap_req(|a| a.gss().flags = gss::MUTUAL);
    let end = done(requested(&config).step(&answer(Some(spec.token()), None).encode()));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!((reply.state, &reply.mic), (Some(state::COMPLETED), &None));
    ap_rep(&mut spec.initiator(), &reply.token.expect("an AP-REP"));
}

pub fn rule_30_messages_go_on_after_the_mic<M: Mount>() {
    // The MICs have taken a number of each direction.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (mut acceptor, client) = replied(&config, &bench.world.ap_req());
    let list = mech_types(&LIST);
    let own = mic(&client, &list);
    let context = done(acceptor.step(&answer(None, Some(own.clone())).encode())).context;
    let state = context.verify(&list, &own).expect("authentic");
    assert_eq!(state, SequenceState::Duplicate);
    let next = u64::from(client.seq) + 1;
    let token = client.messages().wrap(b"x", &WrapSpec::new(next, true));
    let got = context.unwrap(&token).expect("unwraps");
    assert_eq!(got.sequence, SequenceState::InOrder);
    let token = context
        .wrap(Protection::Confidentiality, b"y")
        .expect("wraps");
    let got = client.messages().unwrap(&token).expect("unwraps");
    assert_eq!(got.seq, client.acceptor_seq() + 1);
}

pub fn rule_31_supported_mech_is_ours<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer(&[oid::KRB5], None)));
    let token = Resp {
        mech: Some(oid::KRB5.to_vec()),
        ..answer(Some(bench.world.ap_req().token()), None)
    };
    let failure = fails(acceptor.step(&token.encode()));
    assert!(
        failure.error().to_string().contains("supportedMech"),
        "{failure}"
    );
    assert_eq!(failure.token(), Some(&REJECT[..]));
}

pub fn rule_31_the_first_reply_is_always_sent<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let end =
        done(Acceptor::new(&config).step(&offer(&[oid::KRB5], Some(bench.one_way().token()))));
    let due = Resp {
        state: Some(state::COMPLETED),
        mech: Some(oid::KRB5.to_vec()),
        ..Resp::default()
    };
    assert_eq!(resp(&end.token.expect("a reply")), due);
    // Raw, a client that asks for no AP-REP gets nothing.
    assert_eq!(
        done(Acceptor::new(&config).step(&bench.one_way().token())).token,
        None
    );
}

pub fn rule_32_no_second_mechanism<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&offer(&[oid::KRB5, oid::MS_KRB5], None)));
    let stale = bench.ap_req(|a| a.ticket.service_key = bench.world.key("HTTP.new", 18));
    let failure = fails(acceptor.step(&answer(Some(stale.token()), None).encode()));
    assert_eq!(failure.token(), Some(&REJECT[..]));
    let good = answer(Some(bench.world.ap_req().token()), None).encode();
    assert!(fails(acceptor.step(&good)).error().misuse().is_some());
}
