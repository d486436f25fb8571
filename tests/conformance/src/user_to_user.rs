//! Rule 13: user-to-user, with the server's own TGT out of a FILE credential cache.

use crate::Mount;
use crate::bench::{
    Bench, Done, NOW, REJECT, SKEW_RECOVERY, ap_rep, at, done, fails, goes_on, rejected, rejection,
    resp,
};
use crate::credentials::{EVERY, File, until, warns};
use gss_acceptor::{
    Acceptor, AcceptorConfig, CcacheProblem, Clock, ConfigBuilder, Credentials, EncryptionType,
    Error, Failure, Framing, Granted, KeytabProblem, Misuse, Protection, Rejection, Requirements,
    ServiceName, Step, StepInput, Unavailability, UserToUser,
};
use kit::ap_req::{ApReqSpec, Frame, gss, oid, option};
use kit::ccache;
use kit::client::{Answer, Initiator, KrbError};
use kit::crypto::{KitKey, RC4};
use kit::message::{MicSpec, WrapSpec};
use kit::spnego::{Hints, InitSpec, Resp, mech_types, state};
use kit::ticket::{NT_PRINCIPAL, NT_SRV_INST, Name, TicketSpec, flag};
use kit::user_to_user::{TgtRequest, tgt_reply};
use kit::world::REALM;
use std::sync::Arc;

/// What Windows offers when it comes user to user (MS-SPNG 3.2.5.2; a capture of CredSSP in
/// Microsoft's article on user-to-user has this list).
const WINDOWS: [&[u8]; 4] = [oid::MS_KRB5, oid::KRB5, oid::NEGOEX, oid::NTLM];

fn bob() -> Name {
    Name::new(NT_PRINCIPAL, &["bob"])
}

fn cache(tickets: &[TicketSpec]) -> Vec<u8> {
    ccache::file((REALM, &bob()), tickets)
}

fn own(tickets: &[TicketSpec]) -> UserToUser {
    UserToUser::from_bytes(cache(tickets)).expect("a cache")
}

/// A server that runs as bob, and has a keytab too.
fn builder<M: Mount>(bench: &Bench, own: UserToUser) -> ConfigBuilder {
    let backend = M::user_to_user(own, Some(bench.keytab()));
    AcceptorConfig::builder(backend).clock(Arc::clone(&bench.clock) as Arc<dyn Clock>)
}

/// One that has nothing but the TGT.
fn alone<M: Mount>(bench: &Bench, own: UserToUser) -> ConfigBuilder {
    AcceptorConfig::builder(M::user_to_user(own, None))
        .clock(Arc::clone(&bench.clock) as Arc<dyn Clock>)
}

fn telling(builder: ConfigBuilder) -> AcceptorConfig {
    let builder = builder.request(Requirements::EXTENDED_ERROR);
    builder.build().expect("builds")
}

/// A server, and the TGT it has.
fn server<M: Mount>(bench: &Bench) -> (AcceptorConfig, TicketSpec) {
    let tgt = bench.world.tgt("tgt");
    let own = own(std::slice::from_ref(&tgt));
    (telling(builder::<M>(bench, own)), tgt)
}

/// The same AP-REQ in the plain frame, as the `krb5` crate and MIT's sample client send it.
fn plain(mut spec: ApReqSpec) -> ApReqSpec {
    spec.frame = Frame::gss(oid::KRB5);
    spec
}

fn step(config: &AcceptorConfig, spec: &ApReqSpec) -> Result<Step, Failure> {
    Acceptor::new(config).step(&spec.token())
}

/// The client's reading of an AP-REP under the user-to-user OID.
fn reads(spec: &ApReqSpec, token: &[u8]) -> Initiator {
    let mut client = spec.initiator();
    match client.read_under(oid::KRB5_U2U, token) {
        Ok(Answer::ApRep(_)) => client,
        other => panic!("no AP-REP: {other:?}"),
    }
}

/// The KRB-ERROR that a client is told under an OID.
fn told(oid: &[u8], token: Option<&[u8]>) -> KrbError {
    let key = KitKey::new(18, vec![0; 32]);
    let mut client = Initiator::new(key, None, (0, 0), 0);
    match client.read_under(oid, token.expect("a KRB-ERROR")) {
        Ok(Answer::Error(error)) => error,
        other => panic!("no KRB-ERROR: {other:?}"),
    }
}

fn malformed(failure: &Failure) -> &'static str {
    match failure.error() {
        Error::Malformed { problem, .. } => problem,
        other => panic!("not malformed: {other}"),
    }
}

pub fn rule_13_the_tgt_is_given_and_used<M: Mount>() {
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    for request in [
        TgtRequest::default(),
        TgtRequest::of(&bob(), REALM),
        TgtRequest {
            realm: Some(REALM.to_vec()),
            ..TgtRequest::default()
        },
        // The name type is a hint (RFC 4120 6.2).
        TgtRequest {
            name: Some(Name::new(NT_SRV_INST, &["bob"])),
            ..TgtRequest::default()
        },
    ] {
        let mut acceptor = Acceptor::new(&config);
        let reply = goes_on(acceptor.step(&request.token()));
        // Byte for byte, since the KDC will read it.
        assert_eq!(tgt_reply(&reply), Ok(tgt.encode()));
        assert_eq!(config.half_open(), 1);
        let spec = bench.world.user_to_user(&tgt);
        let Done { token, context } = done(acceptor.step(&spec.token()));
        let client = reads(&spec, &token.expect("an AP-REP"));
        assert!(context.granted().contains(Granted::USE_SESSION_KEY));
        assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
        let target = context.target().expect("a target").to_string();
        assert_eq!(target, "bob@EXAMPLE.TEST");
        assert_eq!(context.framing(), Framing::Raw);
        let messages = client.messages();
        let sent = messages.wrap(b"hello", &WrapSpec::new(client.seq.into(), true));
        assert_eq!(context.unwrap(&sent).expect("ours").data, b"hello");
        let answer = context.wrap(Protection::Confidentiality, b"hello to you");
        let answer = messages.unwrap(&answer.expect("wraps"));
        assert_eq!(answer.expect("the client's").message, b"hello to you");
    }
}

pub fn rule_13_without_asking_first<M: Mount>() {
    // A client may have the TGT from elsewhere; then its first token is the AP-REQ.
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let spec = bench.world.user_to_user(&tgt);
    let end = done(step(&config, &spec));
    reads(&spec, &end.token.expect("an AP-REP"));
    assert!(end.context.granted().contains(Granted::USE_SESSION_KEY));
    let spec = plain(bench.world.user_to_user(&tgt));
    let end = done(step(&config, &spec));
    ap_rep(&mut spec.initiator(), &end.token.expect("an AP-REP"));
    assert!(end.context.granted().contains(Granted::USE_SESSION_KEY));
    // An ordinary client of the same server has no part in it.
    let context = done(step(&config, &bench.world.ap_req())).context;
    assert!(!context.granted().contains(Granted::USE_SESSION_KEY));
    let target = context.target().expect("a target").to_string();
    assert_eq!(target, "HTTP/localhost@EXAMPLE.TEST");
}

pub fn rule_13_keys_are_not_mixed<M: Mount>() {
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    let own = own(std::slice::from_ref(&tgt));
    // Any name will do, so that nothing but the key can make the difference.
    let config = builder::<M>(&bench, own).accept_any_name();
    let config = config.build().expect("builds");
    // In a long-term key, with the option: the option decides.
    let spec = bench.ap_req(|a| a.options |= option::USE_SESSION_KEY);
    let reason = rejection(step(&config, &spec));
    assert!(matches!(reason, Rejection::OtherTgtKey { .. }), "{reason}");
    // In the TGT's session key, without it: by the TGT's name, and by one in the keytab.
    for name in [bob(), bench.world.ticket().sname] {
        let mut spec = plain(bench.world.user_to_user(&tgt));
        spec.options = option::MUTUAL_REQUIRED;
        spec.ticket.sname = name;
        let reason = rejection(step(&config, &spec));
        assert!(
            matches!(
                reason,
                Rejection::NoKey { .. } | Rejection::KeyMismatch { .. }
            ),
            "{reason}"
        );
    }
    // In the TGT's own key, the KDC's, which nobody but the KDC has.
    let mut spec = bench.world.user_to_user(&tgt);
    spec.ticket.service_key = tgt.service_key.clone();
    let reason = rejection(step(&config, &spec));
    assert!(matches!(reason, Rejection::OtherTgtKey { .. }), "{reason}");
}

pub fn rule_13_required<M: Mount>() {
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    let own = own(std::slice::from_ref(&tgt));
    let require = builder::<M>(&bench, own.clone()).require(Requirements::USE_SESSION_KEY);
    let config = telling(require);
    done(step(&config, &bench.world.user_to_user(&tgt)));
    let failure = fails(step(&config, &bench.world.ap_req()));
    assert_eq!(rejected(failure.error()), Rejection::UserToUserRequired);
    // KRB_AP_ERR_USER_TO_USER_REQUIRED (RFC 4120 7.5.9).
    assert_eq!(told(oid::KRB5, failure.token()).code, 69);
    // Requested, both may come in.
    let request = builder::<M>(&bench, own).request(Requirements::USE_SESSION_KEY);
    let config = telling(request);
    done(step(&config, &bench.world.user_to_user(&tgt)));
    done(step(&config, &bench.world.ap_req()));
}

pub fn rule_13_a_tgt_alone<M: Mount>() {
    // A program of a user's has no keytab.
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    let config = telling(alone::<M>(&bench, own(std::slice::from_ref(&tgt))));
    done(step(&config, &bench.world.user_to_user(&tgt)));
    let failure = fails(step(&config, &bench.world.ap_req()));
    assert_eq!(rejected(failure.error()), Rejection::UserToUserRequired);
    assert_eq!(told(oid::KRB5, failure.token()).code, 69);
}

pub fn rule_13_build_refuses_without_a_tgt<M: Mount>() {
    let bench = Bench::new();
    let build = |builder: ConfigBuilder| builder.require(Requirements::USE_SESSION_KEY).build();
    let error = build(bench.builder::<M>()).expect_err("no TGT");
    assert_eq!(error.misuse(), Some(&Misuse::TgtNotGiven), "{error}");
    assert!(error.to_string().contains("UserToUser"), "{error}");
    build(builder::<M>(&bench, own(&[bench.world.tgt("tgt")]))).expect("builds");
}

pub fn rule_13_other_names<M: Mount>() {
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let carol = Name::new(NT_PRINCIPAL, &["carol"]);
    for (request, text) in [
        (TgtRequest::of(&carol, REALM), "carol@EXAMPLE.TEST"),
        (TgtRequest::of(&bob(), b"OTHER.TEST"), "bob@OTHER.TEST"),
        (
            TgtRequest {
                name: Some(carol.clone()),
                ..TgtRequest::default()
            },
            "carol",
        ),
        (
            TgtRequest {
                realm: Some(b"OTHER.TEST".to_vec()),
                ..TgtRequest::default()
            },
            "@OTHER.TEST",
        ),
    ] {
        let failure = fails(Acceptor::new(&config).step(&request.token()));
        let reason = rejected(failure.error());
        assert!(matches!(reason, Rejection::OtherTgt { .. }), "{reason}");
        for part in [text, "bob@EXAMPLE.TEST"] {
            assert!(reason.to_string().contains(part), "{part} in {reason}");
        }
        // KRB_AP_ERR_NO_TGT, to a client that always waits for an answer.
        assert_eq!(told(oid::KRB5_U2U, failure.token()).code, 67);
    }
    // A ticket that the KDC would make for nobody but bob.
    for (realm, name) in [(REALM, carol), (b"OTHER.TEST", bob())] {
        let mut spec = bench.world.user_to_user(&tgt);
        (spec.ticket.realm, spec.ticket.sname) = (realm.to_vec(), name);
        let failure = fails(step(&config, &spec));
        let reason = rejected(failure.error());
        assert!(
            matches!(reason, Rejection::OtherTgtService { .. }),
            "{reason}"
        );
        assert_eq!(told(oid::KRB5_U2U, failure.token()).code, 35);
    }
}

pub fn rule_13_any_name<M: Mount>() {
    // Active Directory knows bob by service principal names too.
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    let own = own(std::slice::from_ref(&tgt));
    let config = builder::<M>(&bench, own).accept_any_name();
    let config = config.build().expect("builds");
    let name = Name::new(NT_SRV_INST, &["TERMSRV", "bob.example.test"]);
    let mut acceptor = Acceptor::new(&config);
    let request = TgtRequest::of(&name, b"EXAMPLE");
    let reply = goes_on(acceptor.step(&request.token()));
    assert_eq!(tgt_reply(&reply), Ok(tgt.encode()));
    let mut spec = bench.world.user_to_user(&tgt);
    spec.ticket.sname = name;
    let context = done(acceptor.step(&spec.token())).context;
    let target = context.target().expect("a target").to_string();
    assert_eq!(target, "bob@EXAMPLE.TEST");
}

pub fn rule_13_services<M: Mount>() {
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    let own = own(std::slice::from_ref(&tgt));
    let http: ServiceName = "HTTP/localhost".parse().expect("a name");
    let bob = ServiceName::Principal("bob@EXAMPLE.TEST".parse().expect("a principal"));
    let config = builder::<M>(&bench, own.clone()).accept_service(http.clone());
    let config = telling(config);
    done(step(&config, &bench.world.ap_req()));
    let reason = rejection(step(&config, &bench.world.user_to_user(&tgt)));
    match reason {
        Rejection::ServiceNotAccepted { service, .. } => {
            assert_eq!(service.to_string(), "bob@EXAMPLE.TEST");
        }
        other => panic!("{other}"),
    }
    let config = builder::<M>(&bench, own.clone()).accept_service(bob);
    let config = telling(config);
    done(step(&config, &bench.world.user_to_user(&tgt)));
    assert!(step(&config, &bench.world.ap_req()).is_err());
    // A configuration that can let nobody in is none.
    let error = alone::<M>(&bench, own).accept_service(http).build();
    let error = error.expect_err("nobody is accepted");
    match error.unavailability() {
        Some(Unavailability::NoUsableKey { has }) => {
            assert!(has.contains("the TGT of bob@EXAMPLE.TEST"), "{has}");
        }
        _ => panic!("{error}"),
    }
}

pub fn rule_13_a_tgt_that_has_ended<M: Mount>() {
    let bench = Bench::new();
    let mut tgt = bench.world.tgt("tgt");
    tgt.starttime = Some(NOW - 60);
    tgt.endtime = NOW + 100;
    let config = telling(builder::<M>(&bench, own(std::slice::from_ref(&tgt))));
    let ask = TgtRequest::default().token();
    let spec = || bench.world.user_to_user(&tgt);
    let refused = |failure: &Failure| {
        let error = failure.error();
        match error.unavailability() {
            Some(Unavailability::OwnTgt { client, end, .. }) => {
                let found = (client.to_string(), *end);
                assert_eq!(found, ("bob@EXAMPLE.TEST".to_owned(), at(NOW + 100)));
            }
            _ => panic!("{error}"),
        }
        assert_eq!(told(oid::KRB5_U2U, failure.token()).code, 67);
    };
    // To the last second.
    bench.clock.turn(99);
    let mut begun = Acceptor::new(&config);
    goes_on(begun.step(&ask));
    done(step(&config, &spec()));
    assert!(!warns(&config, "renew it"));
    bench.clock.turn(1);
    refused(&fails(Acceptor::new(&config).step(&ask)));
    refused(&fails(step(&config, &spec())));
    // Also for a client that asked in time.
    refused(&fails(begun.step(&spec().token())));
    assert!(warns(&config, "bob@EXAMPLE.TEST") && warns(&config, "renew it"));
    // The long-term key is none the worse for it.
    done(step(&config, &bench.world.ap_req()));
    // Not before it begins, and never if the KDC has not validated it.
    bench.clock.set(NOW);
    tgt.starttime = Some(NOW + 1);
    let config = telling(builder::<M>(&bench, own(std::slice::from_ref(&tgt))));
    assert!(step(&config, &bench.world.user_to_user(&tgt)).is_err());
    bench.clock.turn(1);
    done(step(&config, &bench.world.user_to_user(&tgt)));
    tgt.flags |= flag::INVALID;
    let config = telling(builder::<M>(&bench, own(std::slice::from_ref(&tgt))));
    let failure = fails(step(&config, &bench.world.user_to_user(&tgt)));
    assert!(failure.error().unavailability().is_some(), "{failure}");
}

pub fn rule_13_etypes<M: Mount>() {
    // Rule 7: the TGT's session key is what tickets are encrypted in.
    for etype in [17, 18, 19, 20] {
        let mut bench = Bench::new();
        bench.world = bench.world.with_etype(etype);
        let (config, tgt) = server::<M>(&bench);
        done(step(&config, &bench.world.user_to_user(&tgt)));
        // One in a key of another type is not tried.
        let mut spec = bench.world.user_to_user(&tgt);
        spec.ticket.over.etype = Some(if etype == 18 { 17 } else { 18 });
        let reason = rejection(step(&config, &spec));
        assert!(matches!(reason, Rejection::OtherTgtKey { .. }), "{reason}");
    }
    let bench = Bench::new();
    let refused = builder::<M>(&bench, own(&[bench.world.tgt("tgt")]))
        .encryption_types(&[EncryptionType(17)])
        .build()
        .expect_err("18 is not permitted");
    match refused.unavailability() {
        Some(Unavailability::Ccache { problem, .. }) => {
            assert_eq!(*problem, CcacheProblem::Etype(EncryptionType(18)));
        }
        _ => panic!("{refused}"),
    }
}

pub fn rule_13_a_renewed_tgt_is_noticed<M: Mount>() {
    let bench = Bench::new();
    let (old, new) = (bench.world.tgt("old"), bench.world.tgt("new"));
    let file = File::new(&cache(std::slice::from_ref(&old)));
    let own = UserToUser::open(&file.0).expect("opens");
    let config = telling(builder::<M>(&bench, own.reload_every(EVERY)));
    let mut begun = Acceptor::new(&config);
    let reply = goes_on(begun.step(&TgtRequest::default().token()));
    assert_eq!(tgt_reply(&reply), Ok(old.encode()));
    file.replace(&cache(std::slice::from_ref(&new)));
    until("the new TGT", || {
        step(&config, &bench.world.user_to_user(&new)).is_ok()
    });
    let mut fresh = Acceptor::new(&config);
    let reply = goes_on(fresh.step(&TgtRequest::default().token()));
    assert_eq!(tgt_reply(&reply), Ok(new.encode()));
    // The ticket for the old one is of use to the client that was given that, and to nobody else.
    let failure = fails(fresh.step(&bench.world.user_to_user(&old).token()));
    let reason = rejected(failure.error());
    assert!(matches!(reason, Rejection::OtherTgtKey { .. }), "{reason}");
    assert_eq!(told(oid::KRB5_U2U, failure.token()).code, 31);
    done(begun.step(&bench.world.user_to_user(&old).token()));
    // A file that is no cache replaces nothing, and is told of.
    file.replace(b"\x05\x04");
    until("the trouble", || {
        warns(&config, "has changed and is not used")
    });
    done(step(&config, &bench.world.user_to_user(&new)));
    std::fs::remove_file(&file.0).expect("removes");
    until("the other trouble", || warns(&config, "no such file"));
    done(step(&config, &bench.world.user_to_user(&new)));
}

pub fn rule_13_caches_that_cannot_be_used<M: Mount>() {
    let problem = |error: &Error| match error.unavailability() {
        Some(Unavailability::Ccache { problem, .. }) => problem.clone(),
        _ => panic!("{error}"),
    };
    let bench = Bench::new();
    let tgt = bench.world.tgt("tgt");
    // Somebody else's, of another realm, a service's ticket: none is bob's TGT.
    let mut carols = tgt.clone();
    carols.cname = Name::new(NT_PRINCIPAL, &["carol"]);
    let mut foreign = tgt.clone();
    foreign.sname = Name::new(NT_SRV_INST, &["krbtgt", "OTHER.TEST"]);
    for tickets in [&[][..], &[carols], &[foreign], &[bench.world.ticket()]] {
        let error = UserToUser::from_bytes(cache(tickets)).expect_err("no TGT");
        assert_eq!(problem(&error), CcacheProblem::NoTgt);
    }
    let error = UserToUser::from_bytes(bench.world.keytab()).expect_err("a keytab");
    assert_eq!(problem(&error), CcacheProblem::Version(2));
    let error = UserToUser::open("/nonexistent/ccache").expect_err("no file");
    assert_eq!(problem(&error), CcacheProblem::Missing);
    // A cache is no keytab either.
    let error =
        gss_acceptor::Keytab::from_bytes(cache(std::slice::from_ref(&tgt))).expect_err("a cache");
    match error.unavailability() {
        Some(Unavailability::Keytab { problem, .. }) => {
            assert_eq!(*problem, KeytabProblem::Version(4));
        }
        _ => panic!("{error}"),
    }
    // Of several TGTs the one that lasts longest is used.
    let mut short = bench.world.tgt("short");
    short.endtime -= 60;
    let config = telling(alone::<M>(
        &bench,
        own(&[short.clone(), tgt.clone(), short]),
    ));
    done(step(&config, &bench.world.user_to_user(&tgt)));
}

pub fn rule_13_described<M: Mount>() {
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let description = config.describe();
    let own = description.tgt.clone().expect("a TGT");
    assert_eq!(own.client.to_string(), "bob@EXAMPLE.TEST");
    assert_eq!((own.etype, own.end), (EncryptionType(18), at(tgt.endtime)));
    let line = "own TGT           bob@EXAMPLE.TEST, aes256-cts-hmac-sha1-96, until \
                2025-06-15 23:06:40 UTC";
    let text = description.to_string();
    assert!(text.lines().any(|own| own == line), "{text}");
    assert!(bench.config::<M>().describe().tgt.is_none());
    world_readable::<M>(&bench, &tgt);
}

#[cfg(unix)]
fn world_readable<M: Mount>(bench: &Bench, tgt: &TicketSpec) {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new(&cache(std::slice::from_ref(tgt)));
    let config = || {
        telling(builder::<M>(
            bench,
            UserToUser::open(&file.0).expect("opens"),
        ))
    };
    assert!(!warns(&config(), "every user"));
    std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(0o644)).expect("sets it");
    let config = config();
    assert!(warns(&config, "every user") && warns(&config, "chmod 0600"));
}

#[cfg(not(unix))]
fn world_readable<M: Mount>(_: &Bench, _: &TicketSpec) {}

fn offer(oids: &[&[u8]], token: Vec<u8>) -> Vec<u8> {
    InitSpec::new(oids, Some(token)).token()
}

fn answer(token: Option<Vec<u8>>, mic: Option<Vec<u8>>) -> Vec<u8> {
    let fields = Resp {
        token,
        mic,
        ..Resp::default()
    };
    fields.encode()
}

/// A negotiation up to the reply with the AP-REP, in the four tokens that Windows exchanges.
fn negotiated(
    config: &AcceptorConfig,
    (bench, tgt): (&Bench, &TicketSpec),
    oids: &[&[u8]],
) -> (Acceptor, Initiator) {
    let mut acceptor = Acceptor::new(config);
    let request = TgtRequest::default().token();
    let reply = resp(&goes_on(acceptor.step(&offer(oids, request))));
    assert_eq!(reply.state, Some(state::INCOMPLETE));
    assert_eq!(reply.mech.as_deref(), Some(oids[0]));
    assert_eq!(tgt_reply(&reply.token.expect("a TGT")), Ok(tgt.encode()));
    let spec = bench.world.user_to_user(tgt);
    let reply = resp(&goes_on(acceptor.step(&answer(Some(spec.token()), None))));
    assert_eq!((reply.state, &reply.mech), (Some(state::INCOMPLETE), &None));
    let client = reads(&spec, &reply.token.expect("an AP-REP"));
    let own = reply.mic.expect("our MIC");
    let sequence = client.messages().verify(&own, &mech_types(oids));
    assert_eq!(sequence, Ok(client.acceptor_seq()));
    (acceptor, client)
}

fn mic(client: &Initiator, oids: &[&[u8]]) -> Vec<u8> {
    let list = mech_types(oids);
    client
        .messages()
        .mic(&list, &MicSpec::new(client.seq.into()))
}

pub fn rule_13_spnego_as_windows<M: Mount>() {
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let (mut acceptor, client) = negotiated(&config, (&bench, &tgt), &WINDOWS);
    let end = done(acceptor.step(&answer(None, Some(mic(&client, &WINDOWS)))));
    assert_eq!((end.token, end.context.framing()), (None, Framing::Spnego));
    assert!(end.context.granted().contains(Granted::USE_SESSION_KEY));
    // The client's MIC is not optional: the list is what it says it is about.
    let (mut acceptor, client) = negotiated(&config, (&bench, &tgt), &WINDOWS);
    let failure = fails(acceptor.step(&answer(None, Some(mic(&client, &[oid::KRB5])))));
    let reason = rejected(failure.error());
    assert_eq!(reason, Rejection::MechListMic { missing: false });
    let (mut acceptor, _) = negotiated(&config, (&bench, &tgt), &WINDOWS);
    let failure = fails(acceptor.step(&answer(None, None)));
    let reason = rejected(failure.error());
    assert_eq!(reason, Rejection::MechListMic { missing: true });
    assert_eq!(failure.token(), Some(&REJECT[..]));
    // A client that wants no AP-REP has said its last word.
    let mut spec = bench.world.user_to_user(&tgt);
    spec.options = option::USE_SESSION_KEY;
    spec.gss().flags &= !gss::MUTUAL;
    let end = done(Acceptor::new(&config).step(&offer(&WINDOWS, spec.token())));
    let reply = resp(&end.token.expect("a reply"));
    assert_eq!((reply.state, reply.token), (Some(state::COMPLETED), None));
}

pub fn rule_13_spnego_by_its_own_oid<M: Mount>() {
    // As FreeRDP offers it; and as our hints do, like those of Windows.
    const LIST: [&[u8]; 2] = [oid::KRB5_U2U, oid::KRB5];
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let hints = Hints::read(&goes_on(Acceptor::new(&config).step(b""))).expect("hints");
    assert_eq!(hints.mechs, [oid::KRB5, oid::MS_KRB5, oid::KRB5_U2U]);
    let (mut acceptor, client) = negotiated(&config, (&bench, &tgt), &LIST);
    let end = done(acceptor.step(&answer(None, Some(mic(&client, &LIST)))));
    assert!(end.context.granted().contains(Granted::USE_SESSION_KEY));
}

pub fn rule_13_spnego_without_a_tgt<M: Mount>() {
    let bench = Bench::new();
    let config = bench.telling::<M>();
    let request = TgtRequest::default().token();
    // Its OID is not ours then: the next one of the list is.
    let list: [&[u8]; 2] = [oid::KRB5_U2U, oid::KRB5];
    let first = offer(&list, request.clone());
    let reply = resp(&goes_on(Acceptor::new(&config).step(&first)));
    assert_eq!(reply.state, Some(state::REQUEST_MIC));
    assert_eq!(reply.mech.as_deref(), Some(oid::KRB5));
    assert_eq!(reply.token, None);
    // Windows writes Kerberos' OID and means user-to-user.
    let failure = fails(Acceptor::new(&config).step(&offer(&WINDOWS, request)));
    assert_eq!(rejected(failure.error()), Rejection::NoTgt);
    let reply = resp(failure.token().expect("a reject"));
    assert_eq!(reply.state, Some(state::REJECT));
    assert_eq!(told(oid::KRB5_U2U, reply.token.as_deref()).code, 67);
}

pub fn rule_13_order_of_tokens<M: Mount>() {
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let ask = TgtRequest::default().token();
    let begun = || {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&ask));
        acceptor
    };
    // Asked once, and no more.
    let failure = fails(begun().step(&ask));
    assert_eq!(malformed(&failure), "not the first token");
    // Who asked for it comes with it.
    let failure = fails(begun().step(&bench.world.ap_req().token()));
    assert!(malformed(&failure).contains("USE-SESSION-KEY"), "{failure}");
    done(begun().step(&plain(bench.world.user_to_user(&tgt)).token()));
    // Its frame says it too.
    let mut spec = bench.world.user_to_user(&tgt);
    spec.options = option::MUTUAL_REQUIRED;
    let failure = fails(step(&config, &spec));
    assert!(malformed(&failure).contains("USE-SESSION-KEY"), "{failure}");
    // Not after the retry for the clock.
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&bench.ap_req(|a| a.ctime -= 3600).token()));
    let failure = fails(acceptor.step(&ask));
    assert_eq!(malformed(&failure), "not the first token");
    // Nothing of it is left half open.
    assert_eq!(config.half_open(), 0);
    // A reply is nobody's request.
    let mut request = TgtRequest::default();
    request.frame.token_id = Some([4, 1]);
    let failure = fails(Acceptor::new(&config).step(&request.token()));
    assert_eq!(malformed(&failure), "unknown token id");
}

pub fn rule_13_malformed_requests<M: Mount>() {
    let bench = Bench::new();
    let (config, _) = server::<M>(&bench);
    let good = TgtRequest::of(&bob(), REALM);
    goes_on(Acceptor::new(&config).step(&good.token()));
    for change in [
        (|r| r.pvno = 4) as fn(&mut TgtRequest),
        |r| r.msg_type = 17,
        |r| r.frame.inside = vec![0],
        |r| r.frame.after = vec![0],
        |r| r.frame.cut = 1,
    ] {
        let mut request = good.clone();
        change(&mut request);
        let failure = fails(Acceptor::new(&config).step(&request.token()));
        malformed(&failure);
        assert_eq!(failure.token(), None, "{failure}");
    }
    // Every bit of it: refused, or answered with the TGT, which is what it is.
    let token = good.token();
    for bit in 0..token.len() * 8 {
        let mut flipped = token.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match Acceptor::new(&config).step(&flipped) {
            Ok(Step::Established { context, .. }) => panic!("bit {bit}: {context:?}"),
            Ok(Step::Continue { token }) => drop(tgt_reply(&token).expect("a TGT")),
            Err(_) => {}
        }
    }
}

pub fn rule_13_the_retry<M: Mount>() {
    // Rule 21, in the frame of the exchange; the TGT stays the one that was given.
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let mut acceptor = Acceptor::new(&config);
    goes_on(acceptor.step(&TgtRequest::default().token()));
    let mut late = bench.world.user_to_user(&tgt);
    late.ctime -= 3600;
    let reply = goes_on(acceptor.step(&late.token()));
    let error = told(oid::KRB5_U2U, Some(&reply));
    assert_eq!(
        (error.code, error.data.as_deref(), error.server_time.0),
        (37, Some(&SKEW_RECOVERY[..]), NOW)
    );
    done(acceptor.step(&bench.world.user_to_user(&tgt).token()));
}

pub fn rule_13_replays<M: Mount>() {
    // Rule 12 holds for it as for any other.
    let bench = Bench::new();
    let (config, tgt) = server::<M>(&bench);
    let token = bench.world.user_to_user(&tgt).token();
    done(Acceptor::new(&config).step(&token));
    let failure = fails(Acceptor::new(&config).step(&token));
    assert_eq!(rejected(failure.error()), Rejection::Replay);
    assert_eq!(told(oid::KRB5_U2U, failure.token()).code, 34);
}

pub fn rule_13_supplied_credentials<M: Mount>() {
    let bench = Bench::new();
    let (ours, theirs) = (bench.world.tgt("ours"), bench.world.tgt("theirs"));
    let config = builder::<M>(&bench, own(std::slice::from_ref(&ours)))
        .request(Requirements::USE_SUPPLIED_CREDS)
        .require(Requirements::USE_SESSION_KEY)
        .build()
        .expect("builds");
    let handle = config.acquire(&Credentials::from(own(std::slice::from_ref(&theirs))));
    let handle = handle.expect("acquires");
    let mut acceptor = Acceptor::new(&config);
    let ask = TgtRequest::default().token();
    let reply = goes_on(acceptor.step_with(StepInput::new(&ask).credentials(&handle)));
    assert_eq!(tgt_reply(&reply), Ok(theirs.encode()));
    done(acceptor.step(&bench.world.user_to_user(&theirs).token()));
    // They replace the configuration's.
    let token = bench.world.user_to_user(&ours).token();
    let failure =
        fails(Acceptor::new(&config).step_with(StepInput::new(&token).credentials(&handle)));
    let reason = rejected(failure.error());
    assert!(matches!(reason, Rejection::OtherTgtKey { .. }), "{reason}");
    // Those that cannot meet what is required are not taken.
    let error = config.acquire(&Credentials::from(bench.keytab()));
    let error = error.expect_err("no TGT");
    assert_eq!(error.misuse(), Some(&Misuse::TgtNotGiven), "{error}");
}

pub fn rule_07_a_tgt_acquired_elsewhere<M: Mount>() {
    // A handle may come from another configuration; what is permitted is said by the one that
    // the client comes to.
    let bench = Bench::new();
    let mut tgt = bench.world.tgt("tgt");
    tgt.session = KitKey::seeded(9, "tgt", RC4);
    let other = alone::<M>(&bench, own(std::slice::from_ref(&tgt))).insecure_rc4();
    let other = other.build().expect("builds");
    let handle = other.acquire(&Credentials::from(own(std::slice::from_ref(&tgt))));
    let handle = handle.expect("acquires");
    let server = |builder: ConfigBuilder| {
        let builder = builder.request(Requirements::USE_SUPPLIED_CREDS);
        builder.build().expect("builds")
    };
    let own = || own(&[bench.world.tgt("ours")]);
    let with = server(builder::<M>(&bench, own()).insecure_rc4());
    let without = server(builder::<M>(&bench, own()));
    let spec = || bench.world.user_to_user(&tgt).token();
    let step = |config: &AcceptorConfig, token: &[u8]| {
        Acceptor::new(config).step_with(StepInput::new(token).credentials(&handle))
    };
    goes_on(step(&with, &TgtRequest::default().token()));
    done(step(&with, &spec()));
    for token in [TgtRequest::default().token(), spec()] {
        let failure = fails(step(&without, &token));
        match failure.error().unavailability() {
            Some(Unavailability::Ccache { problem, .. }) => {
                assert_eq!(*problem, CcacheProblem::Etype(EncryptionType(RC4)));
            }
            _ => panic!("{failure}"),
        }
    }
}
