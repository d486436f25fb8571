//! Whether it stays flat as the work grows: keys, remembered tokens, contexts, threads.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant, SystemTime};

use gss_acceptor::testing::{ClientFlags, Realm, Service};
use gss_acceptor::{
    Acceptor, AcceptorConfig, EncryptionType, Limits, MemoryReplayStore, ReplayEntry, ReplayStore,
    ReplayVerdict, Reply, Step, backends,
};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::timing::{Goal, Lane, alternate, median, ratio};

const ETYPE: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;

/// A realm with this many services, and the one in the middle.
pub fn services(count: usize) -> (Realm, Service) {
    let realm = Realm::new("EXAMPLE.TEST");
    let all: Vec<Service> = (0..count)
        .map(|n| {
            let name = format!("HTTP/host{n}.example.test");
            realm
                .service_with_keys(&name, 1, &[ETYPE])
                .expect("a service")
        })
        .collect();
    let middle = all[count / 2].clone();
    (realm, middle)
}

pub fn config(realm: &Realm, store: Arc<dyn ReplayStore>) -> AcceptorConfig {
    let mut limits = Limits::default();
    limits.max_half_open = 1 << 20;
    AcceptorConfig::builder(backends::rust(realm.keytab()))
        .replay_store(store)
        .limits(limits)
        .build()
        .expect("a configuration")
}

fn tokens(service: &Service, count: usize) -> Vec<Vec<u8>> {
    let client = service.client("alice").raw().flags(ClientFlags::BROWSER);
    (0..count)
        .map(|_| client.token().expect("a token"))
        .collect()
}

fn accept(config: &AcceptorConfig, token: &[u8]) {
    match Acceptor::new(config).step(token) {
        Ok(step @ Step::Established { .. }) => drop(black_box(step)),
        other => panic!("not established: {other:?}"),
    }
}

fn reject(config: &AcceptorConfig, token: &[u8]) {
    assert!(black_box(Acceptor::new(config).step(token)).is_err());
}

pub fn empty() -> Arc<MemoryReplayStore> {
    Arc::new(MemoryReplayStore::with_capacity(1 << 20))
}

/// How many tokens a store remembers that is in use.
pub const IN_USE: u64 = 100_000;

/// A store as a server has it that has let in some: each of its pages is there. A new one gets them from
/// the system when they are first needed, which takes a tenth of an accept or more from the first
/// hundred thousand tokens of a server's life.
pub fn in_use() -> Arc<MemoryReplayStore> {
    let store = Arc::new(MemoryReplayStore::new());
    let now = SystemTime::now();
    for entry in 0..IN_USE {
        let fresh = remember(&*store, entry, now, now + Duration::from_secs(600));
        assert!(fresh, "entry {entry}");
    }
    store
}

pub fn run() {
    half_open();
    keytab();
    replay();
    stalls();
    threads();
    memory();
}

/// 1 entry and 10 000, for a good token and for one that no key opens.
fn keytab() {
    const COUNT: usize = 8000;
    let ((small, one), (large, middle)) = (services(1), services(10_000));
    let (good_one, good_middle) = (tokens(&one, COUNT), tokens(&middle, COUNT));
    let spoil = |token: &Vec<u8>| {
        let mut token = token.clone();
        let half = token.len() / 2;
        token[half] ^= 1;
        token
    };
    let bogus_one: Vec<_> = good_one.iter().map(spoil).collect();
    let bogus_middle: Vec<_> = good_middle.iter().map(spoil).collect();
    let (small, large) = (config(&small, empty()), config(&large, empty()));
    let medians = alternate(
        COUNT,
        100,
        &[&good_one, &good_middle, &bogus_one, &bogus_middle],
        &mut [
            Lane::new("1 key", |n| accept(&small, &good_one[n])),
            Lane::new("10 000 keys", |n| accept(&large, &good_middle[n])),
            Lane::new("1 key, bogus", |n| reject(&small, &bogus_one[n])),
            Lane::new("10 000 keys, bogus", |n| reject(&large, &bogus_middle[n])),
        ],
    );
    medians.print("accept: by the size of the keytab");
    let times = |a, b| medians.of(a) / medians.of(b);
    ratio(
        "keytab-10000/1",
        times("10 000 keys", "1 key"),
        Goal::AtMost(1.05),
    );
    let bogus = times("10 000 keys, bogus", "1 key, bogus");
    ratio("keytab-10000/1-bogus", bogus, Goal::AtMost(1.05));
}

/// Spread as those of ciphertexts are, and no two alike (SplitMix64's last step, which is a
/// permutation): numbers in a row would crowd into few of a store's parts under some of its keys.
pub fn tag(entry: u64) -> [u8; 8] {
    let mut word = entry.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (word ^ (word >> 31)).to_be_bytes()
}

fn remember(store: &dyn ReplayStore, entry: u64, now: SystemTime, expires: SystemTime) -> bool {
    let tag = tag(entry);
    match store.check(ReplayEntry::authenticator(&tag, expires, now)) {
        Reply::Now(ReplayVerdict::Fresh) => true,
        Reply::Now(_) => false,
        _ => unreachable!("it is in memory"),
    }
}

/// 10 million live entries against none.
fn replay() {
    const ENTRIES: usize = 10_000_000;
    const COUNT: usize = 8000;
    let full = Arc::new(MemoryReplayStore::with_capacity(ENTRIES + ENTRIES / 4));
    let now = SystemTime::now();
    for entry in 0..ENTRIES as u64 {
        assert!(remember(&*full, entry, now, now + Duration::from_secs(600)));
    }
    let each = full.memory() as f64 / full.len() as f64;
    let (realm, service) = services(1);
    let first = tokens(&service, COUNT);
    let with_full = config(&realm, Arc::clone(&full) as Arc<dyn ReplayStore>);
    let with_empty = config(&realm, empty());
    let medians = alternate(
        COUNT,
        100,
        &[&first],
        &mut [
            Lane::new("empty", |n| accept(&with_empty, &first[n])),
            Lane::new("10 million entries", |n| accept(&with_full, &first[n])),
        ],
    );
    medians.print("accept: by what the replay store remembers");
    let times = medians.of("10 million entries") / medians.of("empty");
    ratio("replay-10M/empty", times, Goal::AtMost(1.3));
    ratio("replay-bytes-an-entry", each, Goal::AtMost(48.0));
}

/// Entries that expire all the time, at a steady million of them: no check waits for a sweep.
fn stalls() {
    const LIVE: u64 = 1_000_000;
    let store = MemoryReplayStore::with_capacity(2 * LIVE as usize);
    let start = SystemTime::now();
    let mut taken = Vec::with_capacity(2 * LIVE as usize);
    for entry in 0..3 * LIVE {
        // A thousand seconds of 1000 entries each are alive.
        let now = start + Duration::from_secs(entry / 1000);
        let began = Instant::now();
        assert!(remember(
            &store,
            entry,
            now,
            now + Duration::from_secs(1000)
        ));
        if entry >= LIVE {
            taken.push(began.elapsed().as_secs_f64());
        }
    }
    taken.sort_by(f64::total_cmp);
    let middle = taken[taken.len() / 2];
    let late = taken[taken.len() - taken.len() / 10_000];
    println!(
        "replay store at a steady million: median {:.0} ns, 99.99 of 100 within {:.0} ns",
        middle * 1e9,
        late * 1e9
    );
    // Of the accept that it is a part of.
    let accept = 2.5e-6;
    ratio(
        "replay-99.99%-of-accept",
        (accept + late) / accept,
        Goal::AtMost(10.0),
    );
}

/// Keeps this thread to one processor, the second that there is or the next: two that a scheduler moves
/// about have one between them now and then.
fn pin(thread: usize) {
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this).expect("this thread runs somewhere");
    let processors: Vec<_> = (0..CpuSet::count())
        .filter(|&one| all.is_set(one) == Ok(true))
        .collect();
    let mut own = CpuSet::new();
    own.set(processors[(thread + 1) % processors.len()])
        .expect("it is one of them");
    sched_setaffinity(this, &own).expect("it may run there");
}

/// One thread and two, on one configuration, for the same tokens: so the store grows as much in either.
pub fn threads() {
    const COUNT: usize = 20_000;
    const ROUNDS: usize = 31;
    let (realm, service) = services(1);
    // Each thread's tokens, and others before them, for its heap: what it has not got yet comes from the
    // system, whose locks are not what is measured.
    let work = [(); 2].map(|()| [COUNT / 10, COUNT].map(|count| tokens(&service, count)));
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (count, rates) in [1, 2].into_iter().zip(&mut rates) {
            // A store that has seen none of them.
            let config = config(&realm, in_use());
            let start = Barrier::new(count);
            let taken = std::thread::scope(|scope| {
                let threads: Vec<_> = work
                    .chunks(work.len() / count)
                    .enumerate()
                    .map(|(thread, work)| {
                        let (start, config) = (&start, &config);
                        let accept = |token: &Vec<u8>| accept(config, token);
                        scope.spawn(move || {
                            pin(thread);
                            work.iter()
                                .for_each(|[before, _]| before.iter().for_each(accept));
                            start.wait();
                            let began = Instant::now();
                            work.iter()
                                .for_each(|[_, tokens]| tokens.iter().for_each(accept));
                            began.elapsed().as_secs_f64()
                        })
                    })
                    .collect();
                let taken = threads.into_iter().map(|one| one.join().expect("it ends"));
                taken.fold(0.0, f64::max)
            });
            rates.push((work.len() * COUNT) as f64 / taken);
        }
    }
    let [one, two] = rates.map(median);
    println!("accepts a second: {one:.0} in one thread, {two:.0} in two");
    ratio("threads-2/1", two / one, Goal::AtLeast(1.9));
}

/// Resident bytes of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = text
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    pages * 4096
}

/// A million contexts.
fn memory() {
    const CONTEXTS: usize = 1_000_000;
    const BATCH: usize = 10_000;
    let (realm, service) = services(1);
    let store: Arc<dyn ReplayStore> = Arc::new(MemoryReplayStore::with_capacity(CONTEXTS * 2));
    let config = config(&realm, store);
    let mut contexts = Vec::with_capacity(CONTEXTS);
    let mut grown = 0;
    while contexts.len() < CONTEXTS {
        let tokens = tokens(&service, BATCH);
        let before = resident();
        for token in &tokens {
            match Acceptor::new(&config).step(token) {
                Ok(Step::Established { context, .. }) => contexts.push(context),
                other => panic!("not established: {other:?}"),
            }
        }
        grown += resident().saturating_sub(before);
    }
    let each = grown as f64 / CONTEXTS as f64;
    println!("{CONTEXTS} contexts: {each:.0} bytes each");
    ratio(
        "contexts-1M-GiB",
        grown as f64 / (1_u64 << 30) as f64,
        Goal::AtMost(1.0),
    );
}

/// Handshakes that wait for their client. Before anything else, which would leave memory to use
/// again.
fn half_open() {
    const HALF_OPEN: usize = 100_000;
    let (realm, service) = services(1);
    let store: Arc<dyn ReplayStore> = Arc::new(MemoryReplayStore::with_capacity(HALF_OPEN * 2));
    let config = config(&realm, store);
    let client = service.client("alice").with(ClientFlags::DCE_STYLE);
    let tokens: Vec<_> = (0..HALF_OPEN)
        .map(|_| client.token().expect("a token"))
        .collect();
    let before = resident();
    let waiting: Vec<Acceptor> = tokens
        .iter()
        .map(|token| {
            let mut acceptor = Acceptor::new(&config);
            match acceptor.step(token) {
                Ok(Step::Continue { .. }) => acceptor,
                other => panic!("does not go on: {other:?}"),
            }
        })
        .collect();
    let each = resident().saturating_sub(before) as f64 / HALF_OPEN as f64;
    println!(
        "{} half-open handshakes: {each:.0} bytes each",
        waiting.len()
    );
    ratio("half-open-bytes", each, Goal::AtMost(1024.0));
}
