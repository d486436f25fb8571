//! Rule 12 on a store that several servers share.

use gss_acceptor::testing::{ClientFlags, Realm, Service};
use gss_acceptor::{
    Acceptor, AcceptorConfig, MemoryReplayStore, RedisReplayOptions, RedisReplayStore, Rejection,
    ReplayEntry, ReplayStore, ReplayVerdict, Step, StepInput, backends,
};
use processes::node::Node;
use processes::process::{PATIENCE, within};
use processes::redis::Redis;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn service() -> Service {
    let realm = Realm::new("EXAMPLE.TEST");
    realm.service("HTTP/localhost").expect("a service")
}

fn token(service: &Service) -> Vec<u8> {
    let client = service.client("alice").raw().flags(ClientFlags::BROWSER);
    client.token().expect("a token")
}

fn keytab(redis: &Redis, service: &Service) -> PathBuf {
    let path = redis.dir().join("keytab");
    std::fs::write(&path, service.keytab_bytes()).expect("a keytab");
    path
}

fn node(redis: &Redis, keytab: &std::path::Path, skew: &str) -> Node {
    let keytab = keytab.to_str().expect("a path in UTF-8");
    Node::start(&["redis", &redis.url(), keytab, skew])
}

/// A Redis that has ended says so at once; one that is slow is only that.
fn patient() -> RedisReplayOptions {
    RedisReplayStore::options()
        .clock_difference(Duration::ZERO)
        .timeout(Duration::from_secs(30))
}

/// A store whose memory is taken for complete.
fn settled(redis: &Redis) -> Arc<RedisReplayStore> {
    let store = patient().open(&redis.url()).expect("a store");
    store.insecure_assume_unused().expect("Redis answers");
    Arc::new(store)
}

fn config(service: &Service, store: Arc<RedisReplayStore>) -> AcceptorConfig {
    AcceptorConfig::builder(backends::rust(service.keytab()))
        .replay_store(store)
        .build()
        .expect("a configuration")
}

/// Why a token is refused.
fn refused(config: &AcceptorConfig, token: &[u8]) -> String {
    match Acceptor::new(config).step(token) {
        Err(failure) => failure.to_string(),
        Ok(step) => panic!("not refused: {step:?}"),
    }
}

fn comes_in(config: &AcceptorConfig, token: &[u8]) -> bool {
    matches!(
        Acceptor::new(config).step(token),
        Ok(Step::Established { .. })
    )
}

#[test]
fn rule_12_of_two_processes_one_lets_a_token_in() {
    let redis = Redis::start(&[]);
    let service = service();
    let keytab = keytab(&redis, &service);
    settled(&redis);
    let mut first = node(&redis, &keytab, "300");
    let mut second = node(&redis, &keytab, "300");
    let mut let_in_by_first = 0;
    for n in 0..10_000 {
        let token = token(&service);
        first.say(&token);
        second.say(&token);
        let answers = [first.hear(), second.hear()];
        let let_in = answers.iter().filter(|answer| *answer == "in").count();
        assert_eq!(let_in, 1, "token {n}: {answers:?}");
        let replays = answers
            .iter()
            .filter(|answer| **answer == format!("rejected: {}", Rejection::Replay));
        assert_eq!(replays.count(), 1, "token {n}: {answers:?}");
        let_in_by_first += usize::from(answers[0] == "in");
    }
    // They did race.
    assert!((1..10_000).contains(&let_in_by_first), "{let_in_by_first}");
}

#[test]
fn rule_12_a_restart_under_load_lets_no_replay_in() {
    /// Seconds: so long a token waits for the machine, and so long nobody is let in.
    const SKEW: u64 = 6;
    let mut redis = Redis::start(&[]);
    let service = service();
    let keytab = keytab(&redis, &service);
    settled(&redis);
    let mut nodes = [
        node(&redis, &keytab, &SKEW.to_string()),
        node(&redis, &keytab, &SKEW.to_string()),
    ];
    // Each token to both servers, and those of the last seconds once more after each.
    let began = Instant::now();
    let mut tokens: Vec<(Vec<u8>, usize, Instant)> = Vec::new();
    let mut reasons = std::collections::BTreeSet::new();
    let (mut killed, mut restarted, mut after) = (None, None, 0);
    let mut until_restart = 0;
    while after < 100 {
        assert!(began.elapsed() < Duration::from_secs(180), "{reasons:?}");
        if killed.is_none() && tokens.len() >= 200 {
            redis.kill();
            killed = Some(Instant::now());
            until_restart = tokens.len() + 20;
        }
        let gone = killed.is_some_and(|at| at.elapsed().as_millis() > 700);
        if restarted.is_none() && gone && tokens.len() >= until_restart {
            // Its memory begins no earlier.
            restarted = Some(Instant::now());
            redis.restart();
        }
        tokens.push((token(&service), 0, Instant::now()));
        let recent = tokens.len().saturating_sub(150);
        let old = recent + (tokens.len() * 7) % (tokens.len() - recent);
        for index in [tokens.len() - 1, old] {
            let (token, let_in, _) = &mut tokens[index];
            for node in &mut nodes {
                node.say(token);
            }
            for node in &mut nodes {
                let answer = node.hear();
                if answer == "in" {
                    *let_in += 1;
                    let settled = restarted.is_some_and(|at| at.elapsed().as_secs() >= SKEW);
                    after += usize::from(settled);
                } else {
                    let text = answer.split(" s ").next().unwrap_or_default();
                    let text = text.trim_end_matches(|c: char| c.is_ascii_digit());
                    reasons.insert(text.to_owned());
                }
            }
            assert!(*let_in <= 1, "token {index} was let in {let_in} times");
        }
    }
    let of_before = |at: Instant| tokens.iter().filter(move |own| own.2 < at);
    let killed = killed.expect("killed");
    assert!(
        of_before(killed).all(|own| own.1 == 1),
        "before, each came in"
    );
    // Nobody came in between: not without the server, not before its memory was old enough.
    let restarted = restarted.expect("restarted");
    let until = restarted + Duration::from_millis(SKEW * 1000 - 200);
    let between = |own: &&(Vec<u8>, usize, Instant)| own.2 >= killed && own.2 < until;
    assert!(tokens.iter().filter(between).count() > 10);
    assert!(tokens.iter().filter(between).all(|own| own.1 == 0));
    for said in ["Redis at 127.0.0.1", "Redis remembers since"] {
        assert!(reasons.iter().any(|own| own.contains(said)), "{reasons:?}");
    }
}

/// A snapshot has what was used before it, and not what was used after it.
#[test]
fn rule_12_a_restored_snapshot_is_no_memory() {
    let mut redis = Redis::start(&["--dbfilename", "snapshot.rdb"]);
    let service = service();
    let config = config(&service, settled(&redis));
    let (before, after) = (token(&service), token(&service));
    assert!(comes_in(&config, &before));
    assert!(redis.says("SAVE").contains("OK"));
    assert!(comes_in(&config, &after));
    redis.kill();
    let killed = Instant::now();
    redis.restart();
    assert!(redis.says("KEYS *").contains("since"), "it was restored");
    for token in [before, after] {
        let reason = refused(&config, &token);
        assert!(reason.contains("Redis remembers since"), "{reason}");
        let seconds = |before: &str| -> u64 {
            let (_, rest) = reason.split_once(before).expect(before);
            let (number, _) = rest.split_once(" s").expect("seconds");
            number.parse().expect("a number")
        };
        // The skew's 300 s from the restart on.
        let (since, another) = (seconds("since "), seconds("another "));
        assert!(since <= killed.elapsed().as_secs() + 1, "{reason}");
        assert!((300..=301).contains(&(since + another)), "{reason}");
    }
}

#[test]
fn rule_12_a_flush_is_noticed() {
    let redis = Redis::start(&[]);
    let service = service();
    let config = config(&service, settled(&redis));
    let token = token(&service);
    assert!(comes_in(&config, &token));
    assert_eq!(
        refused(&config, &token),
        format!("rejected: {}", Rejection::Replay)
    );
    assert!(redis.says("FLUSHALL").contains("OK"));
    let reason = refused(&config, &token);
    assert!(reason.contains("Redis remembers since"), "{reason}");
}

/// A memory that begins with this server refuses for the skew's time, and then no longer.
#[test]
fn rule_12_a_new_memory_refuses_for_the_skews_time() {
    let skew = Duration::from_secs(6);
    let redis = Redis::start(&[]);
    let service = service();
    let opened = Instant::now();
    let store = patient().open(&redis.url()).expect("a store");
    let config = AcceptorConfig::builder(backends::rust(service.keytab()))
        .clock_skew(skew)
        .replay_store(Arc::new(store))
        .build()
        .expect("a configuration");
    let early = token(&service);
    let reason = refused(&config, &early);
    assert!(reason.contains("Redis remembers since"), "{reason}");
    // A refused token spends no slot.
    assert!(!redis.says("KEYS *").contains("authenticator"));
    assert!(within(PATIENCE, || comes_in(&config, &token(&service))));
    assert!(opened.elapsed() >= skew, "{:?}", opened.elapsed());
}

/// Entries are kept until their time and the difference of clocks have passed, and no longer.
#[test]
fn rule_12_entries_expire() {
    let redis = Redis::start(&[]);
    let store = |difference| {
        let options = patient().clock_difference(Duration::from_secs(difference));
        let store = options.prefix(format!("own-{difference}"));
        let store = store.open(&redis.url()).expect("a store");
        store.insecure_assume_unused().expect("Redis answers");
        store
    };
    let entries = |of: &str| redis.says(&format!("KEYS {{{of}}}:authenticator:*"));
    let now = SystemTime::now();
    let entry = ReplayEntry::authenticator(b"tag of a token", now + Duration::from_secs(1), now);
    let (long, short) = (store(100), store(0));
    assert!(matches!(long.check(entry).wait(), ReplayVerdict::Fresh));
    let left = redis.says(&format!("PTTL {}", entries("own-100").trim()));
    let left: u64 = left.trim().parse().expect("milliseconds");
    assert!((70_000..=101_001).contains(&left), "{left} ms");
    let asked = Instant::now();
    assert!(matches!(short.check(entry).wait(), ReplayVerdict::Fresh));
    assert!(within(PATIENCE, || entries("own-0").trim().is_empty()));
    assert!(asked.elapsed() >= Duration::from_millis(990));
    // Its time has passed, the difference of the clocks has not.
    assert!(matches!(long.check(entry).wait(), ReplayVerdict::Replayed));
    // What Redis sees of a token is a hash.
    assert!(!redis.says("KEYS *").contains("tag of"));
}

#[test]
fn rule_12_without_redis_nobody_comes_in() {
    let redis = Redis::start(&[]);
    let url = redis.url();
    let service = service();
    let own = settled(&redis);
    assert!(own.may_block() && own.describe().contains("127.0.0.1"));
    let strict = config(&service, own);
    let local: Arc<dyn ReplayStore> = Arc::new(MemoryReplayStore::new());
    let lenient = patient().insecure_fall_back_to(local).open(&url);
    let lenient = config(&service, Arc::new(lenient.expect("a store")));
    assert!(lenient.describe().replay.contains("WITHOUT IT"));
    let taken = token(&service);
    assert!(comes_in(&lenient, &taken));
    drop(redis);
    let reason = refused(&strict, &token(&service));
    assert!(reason.contains("unavailable: the replay store"), "{reason}");
    assert!(reason.contains("Redis at 127.0.0.1"), "{reason}");
    // By the insecure name: in, once, and not what came in while Redis was there.
    let token = token(&service);
    assert!(comes_in(&lenient, &token));
    for replayed in [token, taken] {
        assert_eq!(
            refused(&lenient, &replayed),
            format!("rejected: {}", Rejection::Replay)
        );
    }
    let error = patient().open(&url).expect_err("not there");
    assert!(error.to_string().contains("Redis at 127.0.0.1"), "{error}");
}

/// A server that hangs: each waits for the limit, not for all those before it.
#[test]
fn rule_12_waits_are_bounded() {
    const CLIENTS: usize = 40;
    let limit = Duration::from_secs(5);
    let redis = Redis::start(&[]);
    let service = service();
    let store = patient().timeout(limit).open(&redis.url());
    let store = store.expect("a store");
    store.insecure_assume_unused().expect("Redis answers");
    let config = config(&service, Arc::new(store));
    assert!(comes_in(&config, &token(&service)));
    redis.signal("STOP");
    let began = Instant::now();
    let waiting: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (config, token) = (config.clone(), token(&service));
            thread::spawn(move || refused(&config, &token))
        })
        .collect();
    for thread in waiting {
        let reason = thread.join().expect("an answer");
        assert!(reason.contains("unavailable: the replay store"), "{reason}");
    }
    let took = began.elapsed();
    redis.signal("CONT");
    // Four connections: one after the other they would wait ten times the limit.
    assert!(took < limit * 7, "{took:?}");
    // And it goes on by itself.
    assert!(within(PATIENCE, || comes_in(&config, &token(&service))));
}

#[test]
fn rule_12_a_redis_that_drops_entries_is_refused() {
    let drops = ["--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"];
    let redis = Redis::start(&drops);
    let error = patient().open(&redis.url()).expect_err("it forgets");
    assert!(error.to_string().contains("allkeys-lru"), "{error}");
    // One that is full says so.
    let redis = Redis::start(&["--maxmemory-policy", "noeviction"]);
    let service = service();
    let config = config(&service, settled(&redis));
    assert!(comes_in(&config, &token(&service)));
    assert!(redis.says("CONFIG SET maxmemory 1").contains("OK"));
    let reason = refused(&config, &token(&service));
    assert!(reason.contains("the replay store is full"), "{reason}");
}

/// The error of an address that cannot be used does not repeat the password in it.
#[test]
fn a_password_is_not_repeated() {
    for url in [
        "redis://:hunter2@[::bad/0",
        "http://:hunter2@localhost/0",
        "redis://u:hunter2@127.0.0.1:1/0",
    ] {
        let error = patient().open(url).expect_err(url).to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let redis = Redis::start(&["--requirepass", "hunter2"]);
    let wrong = redis.url().replace("redis://", "redis://:hunter3@");
    let error = patient().open(&wrong).expect_err("wrong").to_string();
    assert!(!error.contains("hunter3"), "{error}");
    let right = redis.url().replace("redis://", "redis://:hunter2@");
    let store = patient().open(&right).expect("the password");
    assert!(!format!("{store:?} {}", store.describe()).contains("hunter2"));
}

/// The asynchronous caller awaits, on no runtime at all.
#[test]
fn rule_12_without_blocking() {
    let redis = Redis::start(&[]);
    let service = service();
    let config = config(&service, settled(&redis));
    let token = token(&service);
    let step = gss_acceptor::Reply::later(async move {
        let first = Acceptor::new(&config)
            .step_async(StepInput::new(&token))
            .await;
        let second = Acceptor::new(&config)
            .step_async(StepInput::new(&token))
            .await;
        (first, second)
    });
    let (first, second) = step.wait();
    assert!(matches!(first, Ok(Step::Established { .. })), "{first:?}");
    let failure = second.expect_err("a replay");
    assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
}
