//! Rule 20: DCE style, three legs raw and four inside SPNEGO.

use crate::Mount;
use crate::bench::{
    Bench, Done, NOW, REJECT, SKEW_RECOVERY, at, done, fails, goes_on, krb_error, rejected,
    rejection, resp,
};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, Error, Expiry, Failure, Framing, Granted, Limits,
    Protection, Rejection, Requirements, SequenceState, Step,
};
use kit::ap_req::{ApReqSpec, gss, oid};
use kit::client::Initiator;
use kit::crypto::AES_ETYPES;
use kit::dce::{self, Legs};
use kit::judge::Outcome;
use kit::message::{MicSpec, WrapSpec};
use kit::spnego::{InitSpec, Resp, mech_types, state};

/// A list whose favourite is not ours, so that the MIC is owed.
const LIST: [&[u8]; 2] = [oid::NTLM, oid::KRB5];

/// The first two legs: an acceptor that awaits the third, and the client that has read the second.
fn two_legs(config: &AcceptorConfig, spec: &ApReqSpec) -> (Acceptor, Initiator, Vec<u8>) {
    let mut acceptor = Acceptor::new(config);
    let reply = goes_on(acceptor.step(&spec.token()));
    let client = reads(spec, &reply);
    (acceptor, client, reply)
}

/// The client reads a bare AP-REP, which has a subkey whatever else (rule 14).
fn reads(spec: &ApReqSpec, reply: &[u8]) -> Initiator {
    let mut client = spec.initiator();
    let rep = client.read_ap_rep(reply).expect("a bare AP-REP");
    assert!(matches!(rep.seq, Some(1..0x4000_0000)), "{rep:?}");
    let subkey = rep.subkey.expect("a subkey");
    assert_ne!(Some(&subkey), client.subkey.as_ref());
    client
}

/// The whole handshake, raw.
fn established(config: &AcceptorConfig, spec: &ApReqSpec) -> (Context, Initiator) {
    let (mut acceptor, client, _) = two_legs(config, spec);
    let Done { token, context } = done(acceptor.step(&client.third_leg().token()));
    assert_eq!(token, None);
    (context, client)
}

fn resp_of(token: Option<Vec<u8>>, mic: Option<Vec<u8>>) -> Vec<u8> {
    Resp {
        token,
        mic,
        ..Resp::default()
    }
    .encode()
}

fn mic(client: &Initiator, over: &[u8]) -> Vec<u8> {
    client
        .messages()
        .mic(over, &MicSpec::new(client.seq.into()))
}

/// One message each way, `sent` having been sent each way before.
fn talk(context: &Context, client: &Initiator, sent: u64) {
    let messages = client.messages();
    for (n, protection) in [Protection::Confidentiality, Protection::Integrity]
        .into_iter()
        .enumerate()
    {
        let sealed = protection == Protection::Confidentiality;
        let n = n as u64 + sent;
        let token = context.wrap(protection, b"from the server").expect("wraps");
        let got = messages.unwrap(&token).expect("the client's own unwrap");
        assert_eq!(
            (&got.message[..], got.sealed, got.seq),
            (&b"from the server"[..], sealed, client.acceptor_seq() + n)
        );
        let token = messages.wrap(
            b"from the client",
            &WrapSpec::new(u64::from(client.seq) + n, sealed),
        );
        let got = context.unwrap(&token).expect("unwraps");
        assert_eq!(got.data, b"from the client");
        assert_eq!(
            (got.protection, got.sequence),
            (protection, SequenceState::InOrder)
        );
    }
}

pub fn rule_20_three_legs<M: Mount>() {
    for etype in AES_ETYPES {
        let bench = Bench::new();
        let world = bench.world.with_etype(etype);
        let config = bench.config::<M>();
        for (name, change, mit, _) in dce::FIRST_LEGS {
            assert_eq!(*mit, Outcome::Continue, "{name}");
            let mut spec = dce::ap_req(&world);
            change(&mut spec);
            let (mut acceptor, client, _) = two_legs(&config, &spec);
            assert_eq!(config.half_open(), 1);
            let end = done(acceptor.step(&client.third_leg().token()));
            assert_eq!((end.token, config.half_open()), (None, 0), "{name}");
            let context = end.context;
            // Mutual is implied, said or not; and what was is said.
            let due = Granted::MUTUAL_AUTH
                | Granted::REPLAY_DETECT
                | Granted::SEQUENCE_DETECT
                | Granted::CONFIDENTIALITY
                | Granted::INTEGRITY
                | Granted::USED_DCE_STYLE;
            assert_eq!(context.granted(), due, "{name}");
            assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
            assert_eq!(context.framing(), Framing::Raw);
            assert_eq!(context.expiry(), Expiry::At(at(NOW + 8 * 3600)));
            // Rules 14 and 25: the acceptor's subkey is the session key.
            let key = context.session_key().expect("a key");
            let subkey = client.acceptor_subkey().expect("a subkey");
            assert_eq!(key.key.expose(), subkey.bytes, "{name}");
            talk(&context, &client, 0);
        }
    }
}

pub fn rule_20_third_legs<M: Mount>() {
    let mut wrong = Vec::new();
    for etype in AES_ETYPES {
        let bench = Bench::new();
        let world = bench.world.with_etype(etype);
        let config = bench.telling::<M>();
        for case in dce::cases() {
            let spec = dce::ap_req(&world);
            let (mut acceptor, client, reply) = two_legs(&config, &spec);
            let token = (case.build)(&Legs {
                world: &world,
                spec: &spec,
                client: &client,
                reply: &reply,
            });
            let step = acceptor.step(&token);
            let seen = match &step {
                Ok(Step::Established { .. }) => None,
                Ok(_) => Some("goes on"),
                Err(failure) => Some(class(failure)),
            };
            if seen != case.expect {
                wrong.push(format!("{} ({etype}): {seen:?}", case.name));
            }
            // Rule 41, and rule 21: a client that has said its last word awaits no answer.
            let told = step.err().and_then(|f| f.token().map(<[u8]>::to_vec));
            assert_eq!(told, None, "{}", case.name);
            let after = fails(acceptor.step(&client.third_leg().token()));
            assert!(after.error().misuse().is_some(), "{}: {after}", case.name);
            assert_eq!(config.half_open(), 0, "{}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn class(failure: &Failure) -> &'static str {
    assert!(failure.to_string().len() > 20, "{failure}");
    match failure.error() {
        Error::Malformed { .. } => "Malformed",
        Error::Rejected { reason, .. } => match **reason {
            Rejection::ThirdLeg { .. } => "ThirdLeg",
            Rejection::PeerFailed { code: Some(41) } => "PeerFailed",
            _ => "another rejection",
        },
        _ => "no fault of the client's",
    }
}

pub fn rule_20_third_leg_of_another_handshake<M: Mount>() {
    // The same ticket and session key; the number is what differs.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (_, earlier) = established(&config, &dce::ap_req(&bench.world));
    let (mut one, first, _) = two_legs(&config, &dce::ap_req(&bench.world));
    let (mut two, second, _) = two_legs(&config, &dce::ap_req(&bench.world));
    assert_ne!(first.acceptor_seq(), second.acceptor_seq());
    for (acceptor, other) in [(&mut one, &second), (&mut two, &earlier)] {
        let reason = rejection(acceptor.step(&other.third_leg().token()));
        assert!(matches!(reason, Rejection::ThirdLeg { .. }), "{reason}");
    }
}

pub fn rule_20_the_first_leg_counts_once<M: Mount>() {
    // Rule 12: the slot is spent before the AP-REP, finished or not.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let token = dce::ap_req(&bench.world).token();
    drop(goes_on(Acceptor::new(&config).step(&token)));
    assert_eq!(config.half_open(), 0);
    let failure = fails(Acceptor::new(&config).step(&token));
    assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
    assert_eq!(failure.token(), None);
}

pub fn rule_20_required_requested_or_neither<M: Mount>() {
    let bench = Bench::new();
    let dce = Requirements::USE_DCE_STYLE;
    let required = bench.builder::<M>().require(dce).build().expect("builds");
    let requested = bench.builder::<M>().request(dce).build().expect("builds");
    let neither = bench.config::<M>();
    // A client that asks for it gets it, and the context says so.
    for config in [&required, &requested, &neither] {
        let (context, _) = established(config, &dce::ap_req(&bench.world));
        assert!(context.granted().contains(Granted::USED_DCE_STYLE));
    }
    // One that does not is let in where it is no condition, and the context does not say so.
    for config in [&requested, &neither] {
        let (context, _) = crate::bench::established(config, &bench.world.ap_req());
        assert!(!context.granted().contains(Granted::USED_DCE_STYLE));
    }
    let spec = bench.world.ap_req();
    let failure = fails(Acceptor::new(&required).step(&spec.token()));
    match rejected(failure.error()) {
        Rejection::Requirement { missing, .. } => assert_eq!(missing, dce),
        other => panic!("{other}"),
    }
    // It was not answered, and is not spent.
    assert_eq!(failure.token(), None);
    done(Acceptor::new(&neither).step(&spec.token()));
    let text = failure.to_string();
    assert!(text.contains("USE_DCE_STYLE"), "{text}");
}

pub fn rule_20_four_legs_in_spnego<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    for volunteers in [false, true] {
        let spec = dce::ap_req(&bench.world);
        let mut acceptor = Acceptor::new(&config);
        let list = [oid::KRB5, oid::NTLM];
        let offer = InitSpec::new(&list, Some(spec.token())).token();
        let reply = resp(&goes_on(acceptor.step(&offer)));
        assert_eq!(reply.state, Some(state::INCOMPLETE));
        assert_eq!(
            (reply.mech.as_deref(), &reply.mic),
            (Some(oid::KRB5), &None)
        );
        let client = reads(&spec, &reply.token.expect("an AP-REP"));
        // Rule 30: a MIC that comes with the last token is verified and answered.
        let own = volunteers.then(|| mic(&client, &mech_types(&list)));
        let last = resp_of(Some(client.third_leg().token()), own);
        let end = done(acceptor.step(&last));
        let reply = resp(&end.token.expect("the fourth leg"));
        assert_eq!(reply.state, Some(state::COMPLETED));
        assert_eq!((reply.mech, reply.token), (None, None));
        let answered = reply
            .mic
            .map(|mic| client.messages().verify(&mic, &mech_types(&list)));
        assert_eq!(answered, volunteers.then(|| Ok(client.acceptor_seq())));
        assert_eq!(end.context.framing(), Framing::Spnego);
        assert!(end.context.granted().contains(Granted::USED_DCE_STYLE));
        talk(&end.context, &client, u64::from(volunteers));
    }
}

/// A negotiation in which the MIC is owed, up to the AP-REP.
fn requested(config: &AcceptorConfig, spec: &ApReqSpec) -> (Acceptor, Initiator) {
    let mut acceptor = Acceptor::new(config);
    let offer = InitSpec::new(&LIST, Some(b"optimistic".to_vec())).token();
    let reply = resp(&goes_on(acceptor.step(&offer)));
    assert_eq!(reply.state, Some(state::REQUEST_MIC));
    let reply = resp(&goes_on(acceptor.step(&resp_of(Some(spec.token()), None))));
    // Our MIC is not due yet: the last token is the client's.
    assert_eq!((reply.state, &reply.mic), (Some(state::INCOMPLETE), &None));
    let client = reads(spec, &reply.token.expect("an AP-REP"));
    (acceptor, client)
}

pub fn rule_20_mic_comes_with_the_third_leg<M: Mount>() {
    let bench = Bench::new();
    let config = bench.config::<M>();
    let (mut acceptor, client) = requested(&config, &dce::ap_req(&bench.world));
    let list = mech_types(&LIST);
    let last = resp_of(Some(client.third_leg().token()), Some(mic(&client, &list)));
    let end = done(acceptor.step(&last));
    let reply = resp(&end.token.expect("the last leg"));
    assert_eq!((reply.state, reply.token), (Some(state::COMPLETED), None));
    let own = reply.mic.expect("our MIC");
    assert_eq!(
        client.messages().verify(&own, &list),
        Ok(client.acceptor_seq())
    );
    talk(&end.context, &client, 1);
    // Without it, under another list, or before the third leg: no context.
    type Spoil = fn(&Initiator) -> Vec<u8>;
    let spoilt: [(Spoil, bool); 3] = [
        (|c| resp_of(Some(c.third_leg().token()), None), true),
        (
            |c| {
                let other = mech_types(&[oid::KRB5]);
                resp_of(Some(c.third_leg().token()), Some(mic(c, &other)))
            },
            false,
        ),
        (
            |c| resp_of(Some(c.third_leg().token()), Some(b"garbage".to_vec())),
            false,
        ),
    ];
    for (spoil, missing) in spoilt {
        let (mut acceptor, client) = requested(&config, &dce::ap_req(&bench.world));
        let failure = fails(acceptor.step(&spoil(&client)));
        assert_eq!(
            rejected(failure.error()),
            Rejection::MechListMic { missing }
        );
        assert_eq!(failure.token(), Some(&REJECT[..]));
    }
    let (mut acceptor, client) = requested(&config, &dce::ap_req(&bench.world));
    let failure = fails(acceptor.step(&resp_of(None, Some(mic(&client, &list)))));
    assert!(matches!(failure.error(), Error::Malformed { .. }));
    assert_eq!(failure.token(), Some(&REJECT[..]));
    assert_eq!(config.half_open(), 0);
}

pub fn rule_20_third_legs_in_spnego<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    for case in dce::cases() {
        let spec = dce::ap_req(&bench.world);
        let mut acceptor = Acceptor::new(&config);
        let offer = InitSpec::new(&[oid::KRB5], Some(spec.token())).token();
        let reply = resp(&goes_on(acceptor.step(&offer)));
        let reply = reply.token.expect("an AP-REP");
        let client = reads(&spec, &reply);
        let token = (case.build)(&Legs {
            world: &bench.world,
            spec: &spec,
            client: &client,
            reply: &reply,
        });
        match (acceptor.step(&resp_of(Some(token), None)), case.expect) {
            (Ok(step), None) => {
                let end = done(Ok(step)).token.expect("the fourth leg");
                assert_eq!(resp(&end).state, Some(state::COMPLETED), "{}", case.name);
            }
            (Err(failure), Some(due)) => {
                assert_eq!(class(&failure), due, "{}: {failure}", case.name);
                assert_eq!(failure.token(), Some(&REJECT[..]), "{}", case.name);
            }
            (other, due) => panic!("{}: {due:?} is due, not {other:?}", case.name),
        }
    }
}

pub fn rule_20_the_skew_retry<M: Mount>() {
    // Rule 21, as MIT and Heimdal have it: a KRB-ERROR is framed in DCE style too.
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let mut acceptor = Acceptor::new(&config);
    let mut spec = dce::ap_req(&bench.world);
    spec.ctime -= 3600;
    let told = krb_error(&spec.initiator(), &goes_on(acceptor.step(&spec.token())));
    assert_eq!(
        (told.code, told.data.as_deref()),
        (37, Some(&SKEW_RECOVERY[..]))
    );
    let again = dce::ap_req(&bench.world);
    let client = reads(&again, &goes_on(acceptor.step(&again.token())));
    let end = done(acceptor.step(&client.third_leg().token()));
    talk(&end.context, &client, 0);
    // A client that came framed first may come bare then, if that is its style.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&bench.ap_req(|a| a.ctime -= 3600).token()));
    let client = reads(&again, &{
        let fresh = dce::ap_req(&bench.world);
        goes_on(acceptor.step(&fresh.token()))
    });
    done(acceptor.step(&client.third_leg().token()));
    // Other failures: the error, and the end.
    let mut stale = dce::ap_req(&bench.world);
    stale.ticket.service_key = bench.world.key("HTTP.new", 18);
    let failure = fails(Acceptor::new(&config).step(&stale.token()));
    let told = krb_error(&stale.initiator(), failure.token().expect("a KRB-ERROR"));
    assert_eq!(told.code, 31);
}

pub fn rule_20_limits_hold<M: Mount>() {
    let bench = Bench::new();
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        bench.builder::<M>().limits(limits).build().expect("builds")
    };
    let exceeded = |step| {
        let reason = rejection(step);
        assert!(
            matches!(reason, Rejection::LimitExceeded { .. }),
            "{reason}"
        );
    };
    let config = limits(|l| l.max_legs = 1);
    let (mut acceptor, client, _) = two_legs(&config, &dce::ap_req(&bench.world));
    exceeded(acceptor.step(&client.third_leg().token()));
    let config = limits(|_| ());
    let (mut acceptor, client, _) = two_legs(&config, &dce::ap_req(&bench.world));
    bench.clock.turn(3600);
    exceeded(acceptor.step(&client.third_leg().token()));
    assert_eq!(config.half_open(), 0);
}

pub fn rule_20_what_the_client_did_not_ask_for<M: Mount>() {
    // DCE style alone brings no message services.
    let bench = Bench::new();
    let config = bench.config::<M>();
    let mut spec = dce::ap_req(&bench.world);
    spec.gss().flags = gss::DCE;
    let (context, _) = established(&config, &spec);
    let due = Granted::MUTUAL_AUTH | Granted::USED_DCE_STYLE;
    assert_eq!(context.granted(), due);
    let error = context.wrap(Protection::Integrity, b"x").expect_err("none");
    assert!(error.misuse().is_some(), "{error}");
}
