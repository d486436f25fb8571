//! PROMPT_FOR_CREDS: the application is asked for credentials that the configuration does not
//! have, and for nothing else.

use crate::Mount;
use crate::bench::{Bench, done, fails, goes_on, rejection};
use crate::credentials::{entry, key, keytab, to};
use gss_acceptor::{
    Acceptor, AcceptorConfig, ConfigBuilder, CredentialHandle, Credentials, Failure, Misuse,
    PromptAnswer, Rejection, Reply, Requirements, ServicePassword, Step, StepInput, Unavailability,
    WantedCredentials,
};
use kit::ap_req::{ApReqSpec, oid};
use kit::crypto::KitKey;
use kit::spnego::InitSpec;
use kit::ticket::{NT_SRV_INST, Name};
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// Every question that was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<WantedCredentials>>>);

impl Asked {
    fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }

    fn last(&self) -> WantedCredentials {
        let all = self.0.lock().expect("no panic");
        all.last().expect("a question").clone()
    }

    /// A configuration that notes the questions and answers them.
    fn builder<M: Mount>(
        &self,
        bench: &Bench,
        answer: impl Fn(&WantedCredentials) -> PromptAnswer + Send + Sync + 'static,
    ) -> ConfigBuilder {
        let asked = self.clone();
        bench
            .builder::<M>()
            .prompt_for_credentials(move |wanted: WantedCredentials| {
                asked.0.lock().expect("no panic").push(wanted.clone());
                Reply::Now(answer(&wanted))
            })
    }
}

/// The keys of HTTP/tenant, which the configuration does not have.
fn tenant() -> Credentials {
    keytab(&[entry("HTTP", "tenant", 1, key("tenant"))]).into()
}

fn to_tenant(bench: &Bench) -> ApReqSpec {
    to(bench, "HTTP", "tenant", 1, key("tenant"))
}

fn step(config: &AcceptorConfig, spec: &ApReqSpec) -> Result<Step, Failure> {
    Acceptor::new(config).step(&spec.token())
}

fn target(step: Result<Step, Failure>) -> String {
    let context = done(step).context;
    context.target().expect("a target").to_string()
}

const TENANT: &str = "HTTP/tenant@EXAMPLE.TEST";

pub fn prompt_answers_serve_one_handshake<M: Mount>() {
    let bench = Bench::new();
    let asked = Asked::default();
    let config = asked.builder::<M>(&bench, |_| PromptAnswer::Credentials(tenant()));
    let config = config.build().expect("builds");
    assert!(config.may_block());
    let peer: IpAddr = "192.0.2.7".parse().expect("an address");
    let token = to_tenant(&bench).token();
    let input = StepInput::new(&token).peer_address(peer);
    assert_eq!(target(Acceptor::new(&config).step_with(input)), TENANT);
    let wanted = asked.last();
    assert_eq!(wanted.service.to_string(), TENANT);
    assert_eq!((wanted.kvno, wanted.etype.0), (Some(1), 18));
    assert_eq!(wanted.peer_address, Some(peer));
    // The next handshake asks again, and what it replays is a replay.
    assert_eq!(target(step(&config, &to_tenant(&bench))), TENANT);
    assert_eq!(asked.count(), 2);
    let reason = rejection(Acceptor::new(&config).step(&token));
    assert_eq!(reason, Rejection::Replay);
    assert_eq!(asked.count(), 3);
    // The configuration's own keys serve without a question.
    done(step(&config, &bench.world.ap_req()));
    assert_eq!(asked.count(), 3);
    // In SPNEGO too.
    let offer = InitSpec::new(&[oid::KRB5], Some(to_tenant(&bench).token())).token();
    assert_eq!(target(Acceptor::new(&config).step(&offer)), TENANT);
    assert_eq!(asked.count(), 4);
}

pub fn prompt_answers_of_every_kind<M: Mount>() {
    let bench = Bench::new();
    // A handle, acquired once from the configuration that asks.
    let handle: Arc<OnceLock<CredentialHandle>> = Arc::default();
    let given = Arc::clone(&handle);
    let config = Asked::default()
        .builder::<M>(&bench, move |_| {
            PromptAnswer::Handle(given.get().expect("acquired").clone())
        })
        .build()
        .expect("builds");
    let acquired = config.acquire(&tenant()).expect("acquires");
    handle.set(acquired).expect("once");
    assert_eq!(target(step(&config, &to_tenant(&bench))), TENANT);
    // A password: the keys are those that another implementation derives (RFC 3962 4).
    for etype in [17, 18] {
        let derived = krb5::Key::from_password(etype, "hunter2", b"EXAMPLE.TESTHTTPtenant", None);
        let derived = KitKey::new(etype, derived.expect("a key").bytes().to_vec());
        let config = Asked::default()
            .builder::<M>(&bench, |wanted| {
                let password = ServicePassword::new(wanted.service.clone(), "hunter2");
                PromptAnswer::Credentials(password.into())
            })
            .build()
            .expect("builds");
        let spec = to(&bench, "HTTP", "tenant", 5, derived);
        assert_eq!(target(step(&config, &spec)), TENANT);
    }
    // None: as if nobody had been asked.
    let config = Asked::default().builder::<M>(&bench, |_| PromptAnswer::None);
    let failure = fails(step(&config.build().expect("builds"), &to_tenant(&bench)));
    let unasked = fails(step(&bench.config::<M>(), &to_tenant(&bench)));
    assert_eq!(failure.error().rejection(), unasked.error().rejection());
    assert!(matches!(
        failure.error().rejection(),
        Some(Rejection::NoKey { .. })
    ));
    // Nobody knows: the server's fault, in the prompt's own words.
    let config = Asked::default().builder::<M>(&bench, |_| PromptAnswer::Unavailable {
        source: "the vault is sealed".into(),
    });
    let failure = fails(step(&config.build().expect("builds"), &to_tenant(&bench)));
    match failure.error().unavailability() {
        Some(Unavailability::CredentialPrompt { text }) => assert_eq!(text, "the vault is sealed"),
        _ => panic!("{failure}"),
    }
    // Another backend's handle, and credentials that nobody can use.
    let config = Asked::default().builder::<M>(&bench, |_| {
        PromptAnswer::Handle(CredentialHandle::new(Arc::new(1_u32)))
    });
    let failure = fails(step(&config.build().expect("builds"), &to_tenant(&bench)));
    assert_eq!(failure.error().misuse(), Some(&Misuse::ForeignCredentials));
    let config = Asked::default().builder::<M>(&bench, |_| {
        let old = entry("HTTP", "tenant", 1, KitKey::seeded(1, "x", 23));
        PromptAnswer::Credentials(keytab(&[old]).into())
    });
    let failure = fails(step(&config.build().expect("builds"), &to_tenant(&bench)));
    assert!(
        matches!(
            failure.error().unavailability(),
            Some(Unavailability::NoUsableKey { .. })
        ),
        "{failure}"
    );
}

pub fn prompt_is_asked_for_what_is_missing_alone<M: Mount>() {
    let bench = Bench::new();
    let asked = Asked::default();
    let config = asked
        .builder::<M>(&bench, |_| PromptAnswer::None)
        .accept_service("HTTP".parse().expect("a name"))
        .build()
        .expect("builds");
    let asks = |token: &[u8]| {
        let before = asked.count();
        fails(Acceptor::new(&config).step(token));
        asked.count() - before
    };
    // A principal, a version and a type that the keytab lacks.
    assert_eq!(asks(&to_tenant(&bench).token()), 1);
    assert_eq!(
        asks(&to(&bench, "HTTP", "localhost", 300, key("x")).token()),
        1
    );
    assert_eq!(asked.last().kvno, Some(300));
    let rest = entry("HTTP", "web", 1, key("x"));
    let only_18 = Asked::default();
    let builder = bench.builder_with::<M>(keytab(&[rest]));
    let noted = only_18.clone();
    let builder = builder.prompt_for_credentials(move |wanted: WantedCredentials| {
        noted.0.lock().expect("no panic").push(wanted);
        Reply::Now(PromptAnswer::None)
    });
    let spec = to(&bench, "HTTP", "web", 1, KitKey::seeded(9, "x", 17));
    let reason = rejection(step(&builder.build().expect("builds"), &spec));
    assert!(matches!(reason, Rejection::KeyEtype { .. }), "{reason}");
    assert_eq!(only_18.last().etype.0, 17);
    // A key that is there and is another one.
    assert_eq!(
        asks(&to(&bench, "HTTP", "localhost", 259, key("x")).token()),
        0
    );
    // What the configuration would not take anyway.
    let service = to(&bench, "host", "tenant", 1, key("tenant"));
    assert_eq!(asks(&service.token()), 0);
    let rc4 = to(&bench, "HTTP", "tenant", 1, KitKey::seeded(9, "x", 23));
    assert_eq!(asks(&rc4.token()), 0);
    // What is no AP-REQ: cut anywhere, or with an altered length.
    let token = to_tenant(&bench).token();
    for end in 0..token.len() {
        // An empty token is no failure: it asks for hints.
        if end > 0 {
            assert_eq!(asks(&token[..end]), 0, "cut at {end}");
        }
    }
    let mut longer = token.clone();
    longer.push(0);
    assert_eq!(asks(&longer), 0);
    // A ticket for ourselves that fails later on.
    let stale = bench.ap_req(|a| a.ctime -= 3600);
    assert_eq!(asks(&stale.token()), 0);
}

pub fn prompt_is_asked_once<M: Mount>() {
    let bench = Bench::new();
    let asked = Asked::default();
    // The answer does not help: its keys are another service's, or another version's.
    for entry in [
        entry("HTTP", "another", 1, key("tenant")),
        entry("HTTP", "tenant", 2, key("x")),
    ] {
        let answer = keytab(&[entry]);
        let config = asked
            .builder::<M>(&bench, move |_| {
                PromptAnswer::Credentials(answer.clone().into())
            })
            .build()
            .expect("builds");
        let before = asked.count();
        let reason = rejection(step(&config, &to_tenant(&bench)));
        assert!(
            matches!(
                reason,
                Rejection::NoKey { .. } | Rejection::KeyVersion { .. }
            ),
            "{reason}"
        );
        assert_eq!(asked.count(), before + 1);
    }
    // What it gave holds for the second try of a client whose clock is off (rule 21).
    let config = asked
        .builder::<M>(&bench, |_| PromptAnswer::Credentials(tenant()))
        .request(Requirements::EXTENDED_ERROR)
        .build()
        .expect("builds");
    let before = asked.count();
    let late = bench.ap_req(|a| {
        a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP", "tenant"]);
        (a.ticket.service_key, a.ticket.kvno) = (key("tenant"), Some(1));
        a.ctime -= 3600;
    });
    let open = || {
        let mut acceptor = Acceptor::new(&config);
        goes_on(acceptor.step(&late.token()));
        acceptor
    };
    let mut acceptor = open();
    assert_eq!(target(acceptor.step(&to_tenant(&bench).token())), TENANT);
    assert_eq!(asked.count(), before + 1);
    // Neither another question nor the configuration's keys.
    for spec in [
        to(&bench, "HTTP", "third", 1, key("third")),
        bench.world.ap_req(),
    ] {
        let before = asked.count();
        let reason = rejection(open().step(&spec.token()));
        assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
        assert_eq!(asked.count(), before + 1);
    }
}

/// Answers from another thread, after `then` has run there.
fn late_answer(then: impl FnOnce() + Send + 'static) -> Reply<PromptAnswer> {
    let answer: Arc<Mutex<Option<PromptAnswer>>> = Arc::default();
    let mut then = Some(then);
    Reply::later(std::future::poll_fn(move |context| {
        if let Some(then) = then.take() {
            let (waker, answer) = (context.waker().clone(), Arc::clone(&answer));
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                then();
                *answer.lock().expect("no panic") = Some(PromptAnswer::Credentials(tenant()));
                waker.wake();
            });
        }
        match answer.lock().expect("no panic").take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }))
}

pub fn prompt_may_answer_later<M: Mount>() {
    let bench = Bench::new();
    let builder = bench.builder::<M>();
    let config = builder
        .prompt_for_credentials(|_| late_answer(|| {}))
        .channel_bindings(gss_acceptor::ChannelBindingPolicy::Require)
        .build()
        .expect("builds");
    // Bindings and all of the step's input are still there when the answer comes.
    let bound = || {
        let mut spec = to_tenant(&bench);
        spec.gss().bindings = kit::bindings::hash(kit::cases::BINDINGS);
        spec.token()
    };
    let own = crate::bench::bindings();
    let token = bound();
    let input = StepInput::new(&token).channel_bindings(&own);
    assert_eq!(target(Acceptor::new(&config).step_with(input)), TENANT);
    let token = bound();
    let (shared, bindings) = (config.clone(), own.clone());
    let step = Reply::later(async move {
        let input = StepInput::new(&token).channel_bindings(&bindings);
        Acceptor::new(&shared).step_async(input).await
    });
    assert_eq!(target(step.wait()), TENANT);
    // Given up while it is asked: over.
    let token = bound();
    let mut acceptor = Acceptor::new(&config);
    {
        let input = StepInput::new(&token).channel_bindings(&own);
        let mut step = pin!(acceptor.step_async(input));
        let mut context = Context::from_waker(Waker::noop());
        assert!(step.as_mut().poll(&mut context).is_pending());
    }
    let input = StepInput::new(&token).channel_bindings(&own);
    let failure = fails(acceptor.step_with(input));
    assert_eq!(failure.error().misuse(), Some(&Misuse::StepAfterEnd));
    // Time that the answer takes is time that has passed (rule 10).
    let clock = Arc::clone(&bench.clock);
    let config = bench
        .builder::<M>()
        .prompt_for_credentials(move |_| {
            let clock = Arc::clone(&clock);
            late_answer(move || clock.turn(301))
        })
        .build()
        .expect("builds");
    let reason = rejection(Acceptor::new(&config).step(&to_tenant(&bench).token()));
    assert!(matches!(reason, Rejection::ClockSkew { .. }), "{reason}");
}

pub fn prompt_waits_are_bounded<M: Mount>() {
    // Rule 40: anybody can have the prompt asked, so who waits for it is counted as half open.
    let bench = Bench::new();
    let mut limits = gss_acceptor::Limits::default();
    limits.max_half_open = 2;
    let config = bench
        .builder::<M>()
        .prompt_for_credentials(|_| Reply::later(std::future::pending()))
        .limits(limits)
        .build()
        .expect("builds");
    let token = to_tenant(&bench).token();
    let mut context = Context::from_waker(Waker::noop());
    let (mut one, mut two) = (Acceptor::new(&config), Acceptor::new(&config));
    {
        let mut one = pin!(one.step_async(StepInput::new(&token)));
        let mut two = pin!(two.step_async(StepInput::new(&token)));
        assert!(one.as_mut().poll(&mut context).is_pending());
        assert!(two.as_mut().poll(&mut context).is_pending());
        assert_eq!(config.half_open(), 2);
        let failure = fails(Acceptor::new(&config).step(&token));
        assert_eq!(
            failure.error().unavailability(),
            Some(&Unavailability::TooManyHandshakes { limit: 2 })
        );
        // Who needs no answer gets in meanwhile.
        done(step(&config, &bench.world.ap_req()));
    }
    assert_eq!(config.half_open(), 0);
}

pub fn prompt_and_supplied_credentials<M: Mount>() {
    let bench = Bench::new();
    let asked = Asked::default();
    let config = asked
        .builder::<M>(&bench, |_| PromptAnswer::Credentials(tenant()))
        .request(Requirements::USE_SUPPLIED_CREDS)
        .build()
        .expect("builds");
    // Credentials that came with the step say whom the handshake may reach.
    let other = keytab(&[entry("HTTP", "other", 1, key("other"))]);
    let handle = config.acquire(&other.into()).expect("acquires");
    let token = to_tenant(&bench).token();
    let input = StepInput::new(&token).credentials(&handle);
    let reason = rejection(Acceptor::new(&config).step_with(input));
    assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
    assert_eq!(asked.count(), 0);
    // Without, the prompt is asked.
    assert_eq!(target(Acceptor::new(&config).step(&token)), TENANT);
    assert_eq!(asked.count(), 1);
    // Where they must come, there is never anybody to ask.
    let error = asked
        .builder::<M>(&bench, |_| PromptAnswer::None)
        .require(Requirements::USE_SUPPLIED_CREDS)
        .build()
        .expect_err("refused");
    let (first, second) = ("USE_SUPPLIED_CREDS", "PROMPT_FOR_CREDS");
    assert_eq!(error.misuse(), Some(&Misuse::Conflict { first, second }));
}

pub fn prompt_and_its_flag_belong_together<M: Mount>() {
    let bench = Bench::new();
    let flags = Requirements::PROMPT_FOR_CREDS;
    let setting = "prompt_for_credentials";
    // Required without a callback: refused. Wished for: nobody is asked.
    let error = bench.builder::<M>().require(flags).build();
    let error = error.expect_err("refused");
    assert_eq!(
        error.misuse(),
        Some(&Misuse::NeedsSetting { flags, setting })
    );
    let text = error.to_string();
    assert!(
        text.contains("PROMPT_FOR_CREDS") && text.contains(setting),
        "{text}"
    );
    let config = bench
        .builder::<M>()
        .request(flags)
        .build()
        .expect("a wish builds");
    let reason = rejection(step(&config, &to_tenant(&bench)));
    assert!(matches!(reason, Rejection::NoKey { .. }), "{reason}");
    // The callback alone means the flag, and says so.
    let answer = |_: &WantedCredentials| PromptAnswer::Credentials(tenant());
    let asked = Asked::default();
    let config = asked
        .builder::<M>(&bench, answer)
        .build()
        .expect("a callback builds");
    assert!(config.describe().requested.contains(flags));
    assert_eq!(target(step(&config, &to_tenant(&bench))), TENANT);
    let config = asked.builder::<M>(&bench, answer).require(flags).build();
    done(step(&config.expect("builds"), &to_tenant(&bench)));
    assert_eq!(asked.count(), 2);
}
