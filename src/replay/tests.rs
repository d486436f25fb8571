use super::{MemoryReplayStore, ReplayEntry, ReplayPurpose, ReplayStore, ReplayVerdict};
use crate::reply::Reply;
use crate::time::from_unix_seconds;
use std::collections::HashSet;
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, SystemTime};

const NOON: i64 = 1_800_000_000;

fn at(seconds: i64) -> SystemTime {
    from_unix_seconds(NOON + seconds)
}

/// A tag like a MAC's: 12 bytes that follow no rule. Under some keys of the
/// store numbers in a row would all go to the same few shards.
fn tag(number: u64) -> [u8; 12] {
    let digest = ring::digest::digest(&ring::digest::SHA256, &number.to_be_bytes());
    *digest.as_ref().first_chunk().expect("32 bytes")
}

fn check(store: &MemoryReplayStore, number: u64, expires: i64, now: i64) -> ReplayVerdict {
    store
        .check(ReplayEntry::authenticator(
            &tag(number),
            at(expires),
            at(now),
        ))
        .wait()
}

macro_rules! assert_verdict {
    ($verdict:expr, $expected:pat) => {
        let verdict = $verdict;
        assert!(matches!(verdict, $expected), "{verdict:?}");
    };
}

#[test]
fn the_second_use_is_a_replay_and_another_tag_is_not() {
    let store = MemoryReplayStore::new();
    assert!(store.is_empty());
    assert_verdict!(check(&store, 1, 300, 0), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 2, 300, 0), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 1, 300, 0), ReplayVerdict::Replayed);
    assert_verdict!(check(&store, 1, 300, 299), ReplayVerdict::Replayed);
    assert_verdict!(check(&store, 2, 300, 300), ReplayVerdict::Replayed);
    assert_eq!(store.len(), 2);
}

/// A client may make a server expect any tag.
#[test]
fn what_is_prepared_for_is_neither_remembered_nor_forgotten() {
    let store: Arc<dyn ReplayStore> = Arc::new(MemoryReplayStore::new());
    let check = || {
        let entry = ReplayEntry::authenticator(&[7; 12], at(300), at(0));
        store.check(entry).wait()
    };
    let prepare = || store.prepare(ReplayPurpose::Authenticator, &[7; 12]);
    prepare();
    prepare();
    assert_verdict!(check(), ReplayVerdict::Fresh);
    prepare();
    assert_verdict!(check(), ReplayVerdict::Replayed);
    // Whatever its length.
    (0..64).for_each(|length| store.prepare(ReplayPurpose::Context, &[0; 64][..length]));
}

#[test]
fn tags_of_all_lengths_and_purposes_are_apart() {
    let store = MemoryReplayStore::new();
    let bytes = [0x5A; 40];
    for length in 0..=40 {
        let entry = ReplayEntry::authenticator(&bytes[..length], at(300), at(0));
        assert_verdict!(store.check(entry).wait(), ReplayVerdict::Fresh);
        assert_verdict!(store.check(entry).wait(), ReplayVerdict::Replayed);
        let entry = ReplayEntry::handshake(&bytes[..length], at(300), at(0));
        assert_verdict!(store.check(entry).wait(), ReplayVerdict::Fresh);
        assert_verdict!(store.check(entry).wait(), ReplayVerdict::Replayed);
    }
    assert_ne!(
        ReplayPurpose::Authenticator.name(),
        ReplayPurpose::Handshake.name()
    );
}

#[test]
fn tags_that_differ_in_one_byte_are_apart() {
    let store = MemoryReplayStore::new();
    for length in [1, 7, 8, 12, 16, 17, 20, 24, 25, 32] {
        let mut tag = vec![0; length];
        let check = |tag: &[u8]| {
            store
                .check(ReplayEntry::authenticator(tag, at(300), at(0)))
                .wait()
        };
        assert_verdict!(check(&tag), ReplayVerdict::Fresh);
        for place in 0..length {
            tag[place] = 1;
            assert_verdict!(check(&tag), ReplayVerdict::Fresh);
            assert_verdict!(check(&tag), ReplayVerdict::Replayed);
            tag[place] = 0;
        }
    }
}

#[test]
fn an_entry_holds_its_place_until_it_expires_and_not_longer() {
    let store = MemoryReplayStore::with_capacity(1);
    assert_verdict!(check(&store, 1, 300, 0), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 2, 600, 300), ReplayVerdict::Full);
    assert_verdict!(check(&store, 1, 300, 300), ReplayVerdict::Replayed);
    assert_verdict!(check(&store, 2, 600, 301), ReplayVerdict::Fresh);
    assert_eq!(store.len(), 1);
}

#[test]
fn parts_of_a_second_lengthen_and_never_shorten() {
    let store = MemoryReplayStore::with_capacity(1);
    let expires = at(300) + Duration::from_micros(1);
    let first = ReplayEntry::authenticator(b"first authenticator", expires, at(0));
    assert_verdict!(store.check(first).wait(), ReplayVerdict::Fresh);
    for now in [expires, at(300) + Duration::from_millis(999), at(301)] {
        let other = ReplayEntry::authenticator(b"other authenticator", at(900), now);
        assert_verdict!(store.check(other).wait(), ReplayVerdict::Full);
    }
    let other = ReplayEntry::authenticator(b"other authenticator", at(900), at(302));
    assert_verdict!(store.check(other).wait(), ReplayVerdict::Fresh);
}

#[test]
fn a_full_store_refuses_forgets_nothing_and_recovers() {
    let store = MemoryReplayStore::with_capacity(1000);
    assert_eq!(store.capacity(), 1000);
    for number in 0..1000 {
        let expires = if number < 10 { 100 } else { 300 };
        assert_verdict!(check(&store, number, expires, 0), ReplayVerdict::Fresh);
    }
    for number in 1000..2000 {
        assert_verdict!(check(&store, number, 300, 50), ReplayVerdict::Full);
    }
    for number in 0..1000 {
        assert_verdict!(check(&store, number, 100, 100), ReplayVerdict::Replayed);
    }
    for number in 1000..1010 {
        assert_verdict!(check(&store, number, 400, 101), ReplayVerdict::Fresh);
    }
    assert_verdict!(check(&store, 1010, 400, 101), ReplayVerdict::Full);
    for number in 2000..2990 {
        assert_verdict!(check(&store, number, 700, 301), ReplayVerdict::Fresh);
    }
    assert_verdict!(check(&store, 2990, 700, 301), ReplayVerdict::Full);
    assert_eq!(store.len(), 1000);
}

#[test]
fn the_bound_of_many_parts_holds_and_the_asked_capacity_fits() {
    let asked = 100_000;
    let store = MemoryReplayStore::with_capacity(asked);
    assert!(store.capacity() >= asked && store.capacity() <= asked / 6 * 7 + 1536);
    let mut fresh = 0;
    for number in 0..200_000 {
        match check(&store, number, 300, 0) {
            ReplayVerdict::Fresh => fresh += 1,
            ReplayVerdict::Full => assert!(number >= asked as u64, "full at {number}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(fresh >= asked && fresh <= store.capacity());
    assert_eq!(store.len(), fresh);
    // And all of it is given back.
    for number in 300_000..300_000 + asked as u64 {
        assert_verdict!(check(&store, number, 700, 301), ReplayVerdict::Fresh);
    }
}

#[test]
fn an_entry_costs_less_than_48_bytes_and_an_empty_store_is_small() {
    assert!(MemoryReplayStore::new().memory() < 64 * 1024);
    assert_eq!(
        MemoryReplayStore::with_capacity(usize::MAX).capacity() >> 30,
        1
    );
    let store = MemoryReplayStore::with_capacity(100_000);
    for number in 0..100_000_u64 {
        assert_verdict!(check(&store, number, 300, 0), ReplayVerdict::Fresh);
        if number % 1000 == 999 && number > 2000 {
            let (memory, entries) = (store.memory(), store.len());
            assert!(
                memory < 48 * entries,
                "{memory} bytes for {entries} entries"
            );
        }
    }
    assert!(store.memory() < 27 * store.len());
}

#[test]
fn a_clock_that_goes_back_loses_nothing() {
    let store = MemoryReplayStore::with_capacity(100);
    assert_verdict!(check(&store, 1, 300, 0), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 2, 200, -100), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 1, 300, -100), ReplayVerdict::Replayed);
    assert_verdict!(check(&store, 1, 300, 300), ReplayVerdict::Replayed);
}

/// The clock jumps an hour ahead, entries are dropped as past, it comes back.
#[test]
fn what_a_wrong_clock_made_it_forget_is_refused() {
    let store = MemoryReplayStore::with_capacity(100);
    for number in 0..100 {
        assert_verdict!(check(&store, number, 300, 0), ReplayVerdict::Fresh);
    }
    for number in 100..200 {
        assert_verdict!(check(&store, number, 3900, 3600), ReplayVerdict::Fresh);
    }
    for number in 0..100 {
        let verdict = check(&store, number, 300, 1);
        assert!(
            matches!(verdict, ReplayVerdict::TooOld { forgotten } if forgotten == at(300)),
            "{verdict:?}"
        );
    }
    assert_verdict!(check(&store, 150, 3900, 3700), ReplayVerdict::Replayed);
}

#[test]
fn an_entry_already_past_is_refused() {
    let store = MemoryReplayStore::new();
    assert_verdict!(check(&store, 1, -1, 0), ReplayVerdict::TooOld { .. });
    assert_verdict!(check(&store, 1, 0, 0), ReplayVerdict::Fresh);
    let (before, after) = (from_unix_seconds(-5), from_unix_seconds(1 << 40));
    let entry = ReplayEntry::authenticator(b"before 1970", before, before);
    assert_verdict!(store.check(entry).wait(), ReplayVerdict::Fresh);
    let entry = ReplayEntry::authenticator(b"after 2106", after, after);
    assert_verdict!(store.check(entry).wait(), ReplayVerdict::Fresh);
    assert_verdict!(store.check(entry).wait(), ReplayVerdict::Replayed);
}

#[test]
fn a_later_expiry_of_the_same_tag_holds() {
    let store = MemoryReplayStore::with_capacity(1);
    assert_verdict!(check(&store, 1, 300, 0), ReplayVerdict::Fresh);
    assert_verdict!(check(&store, 1, 500, 0), ReplayVerdict::Replayed);
    assert_verdict!(check(&store, 2, 900, 500), ReplayVerdict::Full);
    assert_verdict!(check(&store, 2, 900, 501), ReplayVerdict::Fresh);
}

#[test]
fn of_racing_threads_one_alone_is_first() {
    const ROUNDS: u64 = 5000;
    let store = Arc::new(MemoryReplayStore::with_capacity(10_000));
    let barrier = Arc::new(Barrier::new(2));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let mut won = Vec::new();
                for number in 0..ROUNDS {
                    barrier.wait();
                    if matches!(check(&store, number, 300, 0), ReplayVerdict::Fresh) {
                        won.push(number);
                    }
                }
                won
            })
        })
        .collect();
    let won: Vec<u64> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(won.len() as u64, ROUNDS);
    assert_eq!(won.iter().collect::<HashSet<_>>().len() as u64, ROUNDS);
}

/// A store as a database would be: it answers later, and owns what it needs.
#[derive(Clone, Default)]
struct Elsewhere(Arc<Mutex<HashSet<Vec<u8>>>>);

impl ReplayStore for Elsewhere {
    fn check(&self, entry: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        let key = [entry.purpose.name().as_bytes(), b":", entry.tag].concat();
        let store = self.clone();
        Reply::later(async move {
            match store.0.lock() {
                Ok(mut known) => {
                    if known.insert(key) {
                        ReplayVerdict::Fresh
                    } else {
                        ReplayVerdict::Replayed
                    }
                }
                Err(error) => ReplayVerdict::Unavailable {
                    source: error.to_string().into(),
                },
            }
        })
    }

    fn describe(&self) -> String {
        "elsewhere".to_owned()
    }
}

#[test]
fn a_store_may_answer_later_and_be_shared() {
    let store: Arc<dyn ReplayStore> = Arc::new(Elsewhere::default());
    let other = Arc::clone(&store);
    let entry = ReplayEntry::authenticator(b"an integrity tag", at(300), at(0));
    assert_verdict!(store.check(entry).wait(), ReplayVerdict::Fresh);
    assert_verdict!(other.check(entry).wait(), ReplayVerdict::Replayed);
    assert!(store.may_block() && !MemoryReplayStore::new().may_block());
}

#[test]
fn it_says_what_it_is_and_prints_no_tags() {
    let store = MemoryReplayStore::with_capacity(1000);
    assert!(store.describe().contains("at most 1000 entries"));
    assert_eq!(
        format!("{store:?}"),
        "MemoryReplayStore(at most 1000 entries)"
    );
    let entry = ReplayEntry::authenticator(&[0xAB; 12], at(0), at(0));
    assert!(!format!("{entry:?}").contains("171"));
}
