//! What a server gets that sets nothing, and what it gets when it shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use gss_acceptor::testing::Realm;
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, ConfigBuilder,
    Keytab, Rejection, ReplayEntry, ReplayPurpose, ReplayStore, ReplayVerdict, Reply, Step,
    StepInput, backends,
};

fn builder(keytab: Keytab) -> ConfigBuilder {
    AcceptorConfig::builder(backends::rust(keytab))
}

fn channel(byte: u8) -> ChannelBindings {
    ChannelBindings::tls_exporter(&[byte; 32]).unwrap()
}

/// What a step with these bindings comes to: bound or not, or why not.
fn through(
    config: &AcceptorConfig,
    token: &[u8],
    bindings: Option<&ChannelBindings>,
) -> Result<BindingStatus, Rejection> {
    let mut input = StepInput::new(token);
    if let Some(bindings) = bindings {
        input = input.channel_bindings(bindings);
    }
    match Acceptor::new(config).step_with(input) {
        Ok(Step::Established { context, .. }) => Ok(context.bound()),
        Ok(step) => panic!("{step:?}"),
        Err(failure) => Err(failure.error().rejection().expect("a rejection").clone()),
    }
}

/// Rule 17: bindings that a step gives are compared although no policy was
/// set, as `gss_accept_sec_context` does; one has to say `Ignore`.
#[test]
fn given_bindings_are_compared_by_default() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/web").unwrap();
    let config = builder(service.keytab()).build().unwrap();
    let bound = service.client("alice").channel_bindings(&channel(1));
    let token = || bound.token().unwrap();
    assert_eq!(
        through(&config, &token(), Some(&channel(1))),
        Ok(BindingStatus::Bound)
    );
    let relayed = through(&config, &token(), Some(&channel(2)));
    let null_address_type = false;
    assert_eq!(
        relayed,
        Err(Rejection::BindingMismatch { null_address_type })
    );
    assert_eq!(
        through(&config, &token(), None),
        Ok(BindingStatus::NotBound)
    );

    let unbound = service.client("alice").token().unwrap();
    assert_eq!(
        through(&config, &unbound, Some(&channel(1))),
        Ok(BindingStatus::NotBound)
    );
    let promised = service
        .client("alice")
        .promise_channel_bindings()
        .token()
        .unwrap();
    let missing = Err(Rejection::BindingMissing { promised: true });
    assert_eq!(through(&config, &promised, Some(&channel(1))), missing);

    let ignoring = builder(service.keytab()).channel_bindings(ChannelBindingPolicy::Ignore);
    let ignoring = ignoring.build().unwrap();
    assert_eq!(
        through(&ignoring, &token(), Some(&channel(2))),
        Ok(BindingStatus::NotBound)
    );
}

/// Rule 12: two configurations of one process that hold one key do not each
/// let a token in.
#[test]
fn configurations_of_a_process_share_the_replay_store() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/web").unwrap();
    let one = builder(service.keytab()).build().unwrap();
    let other = builder(service.keytab()).build().unwrap();
    let token = service.client("alice").token().unwrap();
    assert_eq!(through(&one, &token, None), Ok(BindingStatus::NotBound));
    assert_eq!(through(&other, &token, None), Err(Rejection::Replay));
}

/// A store that forgets at the moment when it may, as a database does.
#[derive(Default)]
struct Prompt(Mutex<HashMap<Vec<u8>, SystemTime>>);

impl ReplayStore for Prompt {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let mut used = self.0.lock().unwrap();
        used.retain(|_, expires| *expires >= entry.now);
        Reply::Now(match used.insert(entry.tag.to_vec(), entry.expires) {
            None => ReplayVerdict::Fresh,
            Some(_) => ReplayVerdict::Replayed,
        })
    }

    fn describe(&self) -> String {
        "for a test".into()
    }
}

/// A store that notes what it hears: to prepare for a tag, or to check it.
#[derive(Default)]
struct Notes(Mutex<Vec<(&'static str, ReplayPurpose, Vec<u8>)>>);

impl Notes {
    fn note(&self, call: &'static str, purpose: ReplayPurpose, tag: &[u8]) {
        self.0.lock().unwrap().push((call, purpose, tag.to_vec()));
    }
}

impl ReplayStore for Notes {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        self.note("check", entry.purpose, entry.tag);
        Reply::Now(ReplayVerdict::Fresh)
    }

    fn prepare(&self, purpose: ReplayPurpose, tag: &[u8]) {
        self.note("prepare", purpose, tag);
    }

    fn describe(&self) -> String {
        "notes".into()
    }
}

/// Of what a client has not shown a ticket for, a store hears nothing; of an
/// authenticator that does not open, no check.
#[test]
fn a_store_may_prepare_for_what_it_will_be_asked() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/web").unwrap();
    let heard = |token: &[u8]| {
        let notes = Arc::new(Notes::default());
        let shared: Arc<dyn ReplayStore> = Arc::<Notes>::clone(&notes);
        let config = builder(service.keytab())
            .replay_store(shared)
            .build()
            .unwrap();
        let verdict = through(&config, token, None);
        let heard = notes.0.lock().unwrap().clone();
        (verdict, heard)
    };
    let token = service.client("alice").raw().token().unwrap();
    // RFC 4120 5.5.1: the authenticator ends an AP-REQ, and its tag ends it
    // (RFC 3962 6: 12 octets).
    let tag = |token: &[u8]| token[token.len() - 12..].to_vec();
    let of = |call, token: &[u8]| (call, ReplayPurpose::Authenticator, tag(token));

    let (verdict, calls) = heard(&token);
    assert_eq!(verdict, Ok(BindingStatus::NotBound));
    assert_eq!(calls, [of("prepare", &token), of("check", &token)]);

    let mut spoiled = token.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    let (verdict, calls) = heard(&spoiled);
    assert_eq!(verdict, Err(Rejection::Authenticator));
    assert_eq!(calls, [of("prepare", &spoiled)]);

    let other = Realm::new("EXAMPLE.TEST").service("HTTP/web").unwrap();
    let (verdict, calls) = heard(&other.client("alice").raw().token().unwrap());
    assert!(verdict.is_err());
    assert_eq!(calls, []);
}

/// Rule 12: a token is remembered for as long as any of those who share the
/// store would take it.
#[test]
fn a_shared_store_remembers_for_the_longest_skew() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let realm = Realm::at("EXAMPLE.TEST", SystemTime::UNIX_EPOCH + minutes(30_000_000));
    let service = realm.service("HTTP/web").unwrap();
    let admitted_again = |replay_skew: Option<Duration>| {
        let store = Arc::new(Prompt::default());
        let sharing = |skew| {
            builder(service.keytab())
                .clock(realm.clock())
                .replay_store(store.clone())
                .clock_skew(skew)
        };
        let mut strict = sharing(minutes(1));
        if let Some(longest) = replay_skew {
            strict = strict.replay_skew(longest);
        }
        let strict = strict.build().unwrap();
        let lax = sharing(minutes(10)).build().unwrap();
        let token = service.client("alice").token().unwrap();
        assert!(through(&strict, &token, None).is_ok());
        realm.clock().advance(minutes(2));
        Acceptor::new(&lax).step(&token).is_ok()
    };
    assert!(!admitted_again(Some(minutes(10))));
    // Not so if it is told nothing: the setting is what makes the difference.
    assert!(admitted_again(None));
}

/// What a stranger writes is bounded: an offer that no client has.
#[test]
fn a_long_offer_is_malformed() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/web").unwrap();
    let config = builder(service.keytab()).build().unwrap();
    // NegTokenInit with a mechTypes of one object identifier of 5000 octets.
    let element = |tag: u8, contents: &[u8]| {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], contents].concat()
    };
    let list = element(0x30, &element(0x06, &[0x2A; 5000]));
    let init = element(0xA0, &element(0x30, &element(0xA0, &list)));
    let spnego = [0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
    let token = element(0x60, &[spnego.as_slice(), &init].concat());
    let failure = Acceptor::new(&config).step(&token).unwrap_err();
    assert!(failure.to_string().contains("more mechanisms"), "{failure}");
}
