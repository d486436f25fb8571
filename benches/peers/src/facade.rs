//! What our facade adds to a library of the system's: against the library's own calls, as a server
//! in C makes them to know the same of its client.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use gss_acceptor::backends::GssapiLibrary;
use gss_acceptor::{AcceptorConfig, Keytab, MemoryReplayStore, backends};

use crate::accept::{ROUND, TARGET, TOKENS, accept, keytab, tokens};
use crate::floor;
use crate::gss::{CONF, Framing, Gss, INTEG, MUTUAL, REPLAY, SEQUENCE};
use crate::timing::{Goal, Lane, alternate, median, ratio};

const FLAGS: u32 = MUTUAL | REPLAY | SEQUENCE | CONF | INTEG;

fn config(library: GssapiLibrary) -> AcceptorConfig {
    let keytab = Keytab::open(keytab()).expect("a keytab");
    AcceptorConfig::builder(backends::gssapi(keytab).library(library))
        .replay_store(Arc::new(MemoryReplayStore::new()))
        .build()
        .expect("a configuration")
}

/// Accepts, and asks for what the library's own lane asks for.
fn serve(config: &AcceptorConfig, token: &[u8]) {
    let context = accept(config, token);
    black_box((context.peer(), context.target(), context.granted()));
    black_box((context.expiry(), context.bound()));
    black_box(context.session_key().expect("a key"));
}

/// One thread. MIT's own replay cache is off, as it is under the facade, whose store is on.
pub fn run() {
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let wrapped = tokens(&mit, Framing::Spnego, FLAGS);
    let bare = tokens(&mit, Framing::Raw, FLAGS);
    let mits = mit.credential_of(&format!("FILE:{}", keytab()));
    let heimdals = heimdal.credential();
    let (on_mit, on_heimdal) = (config(GssapiLibrary::Mit), config(GssapiLibrary::Heimdal));
    // Each its own store: a token that one has taken is another's all the same.
    let bare_on_mit = config(GssapiLibrary::Mit);
    let medians = alternate(
        TOKENS,
        ROUND,
        &[&wrapped, &bare],
        &mut [
            Lane::new("MIT krb5", |n| {
                black_box(mit.serve_facts(&mits, &wrapped[n]));
            }),
            Lane::new("MIT krb5 under gss-acceptor", |n| {
                serve(&on_mit, &wrapped[n])
            }),
            Lane::new("MIT krb5, raw", |n| {
                black_box(mit.serve_facts(&mits, &bare[n]));
            }),
            Lane::new("MIT krb5, raw, under gss-acceptor", |n| {
                serve(&bare_on_mit, &bare[n]);
            }),
            Lane::new("Heimdal", |n| {
                black_box(heimdal.serve_facts(&heimdals, &wrapped[n]));
            }),
            Lane::new("Heimdal under gss-acceptor", |n| {
                serve(&on_heimdal, &wrapped[n]);
            }),
        ],
    );
    medians.print("accept: a library alone and under the facade, the same facts asked for");
    for (name, lane) in [
        ("facade/mit-spnego", "MIT krb5"),
        ("facade/mit-raw", "MIT krb5, raw"),
        ("facade/heimdal-spnego", "Heimdal"),
    ] {
        let under = match lane {
            "MIT krb5, raw" => "MIT krb5, raw, under gss-acceptor".into(),
            lane => format!("{lane} under gss-acceptor"),
        };
        let times = medians.of(&under) / medians.of(lane);
        ratio(name, times, Goal::AtMost(1.03));
    }
}

/// One thread and two: under the facade, whose configuration all share; in the library alone with
/// a credential and a keytab for each thread, which is the best that it can do, and with one for
/// both; and in the primitives, which tell how much of a second processor there is to be had.
pub fn threads() {
    const COUNT: usize = 4000;
    const ROUNDS: usize = 7;
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let mits = ["one", "other"].map(|name| mit.credential_in_memory(&keytab(), name));
    let heimdals = [heimdal.credential(), heimdal.credential()];
    let shared = mit.credential_of(&format!("FILE:{}", keytab()));
    let (on_mit, on_heimdal) = (config(GssapiLibrary::Mit), config(GssapiLibrary::Heimdal));
    let lanes: [(&str, Work<'_>); 6] = [
        ("the primitives alone, 40 times", &|_, _| {
            let mut floor = floor::Accept::new([600, 150], 0, 112);
            (0..40).for_each(|_| floor.run());
        }),
        ("MIT krb5 under gss-acceptor", &|_, token| {
            serve(&on_mit, token);
        }),
        ("MIT krb5, a credential a thread", &|thread, token| {
            black_box(mit.serve_facts(&mits[thread], token));
        }),
        ("MIT krb5, one credential", &|_, token| {
            black_box(mit.serve_facts(&shared, token));
        }),
        ("Heimdal under gss-acceptor", &|_, token| {
            serve(&on_heimdal, token);
        }),
        ("Heimdal, a credential a thread", &|thread, token| {
            black_box(heimdal.serve_facts(&heimdals[thread], token));
        }),
    ];
    let mut rates = lanes.map(|_| [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        for ((_, work), rates) in lanes.iter().zip(&mut rates) {
            for (threads, rates) in [1, 2].into_iter().zip(rates) {
                rates.push(rate(&mit, threads, COUNT / 2, work));
            }
        }
    }
    println!("accepts a second by one thread, by two, and the second by the first");
    let rates = rates.map(|rates| rates.map(median));
    for ((name, _), [one, two]) in lanes.iter().zip(rates) {
        println!("    {name:<34} {one:>8.0} {two:>8.0} {:>6.2}", two / one);
    }
    // MIT's threads wait for each other in the library, whoever calls it (ARCHITECTURE.md): what
    // is ours must not add to that, which Heimdal's show, and which two of each kind show.
    let [floor, on_mit, mit, _, on_heimdal, heimdal] = rates;
    let scales = |[one, two]: [f64; 2]| two / one;
    ratio(
        "facade-threads/floor-threads",
        scales(on_heimdal) / scales(floor),
        Goal::AtLeast(0.85),
    );
    for (name, under, alone) in [
        ("facade-threads/mit-threads", on_mit, mit),
        ("facade-threads/heimdal-threads", on_heimdal, heimdal),
    ] {
        ratio(name, under[1] / alone[1], Goal::AtLeast(0.95));
    }
}

/// What a thread, told by its number, does with a token.
type Work<'a> = &'a (dyn Fn(usize, &[u8]) + Sync);

/// Accepts in a second.
fn rate(mit: &Gss, threads: usize, each: usize, work: Work<'_>) -> f64 {
    let fresh = || -> Vec<Vec<u8>> {
        let token = |_| mit.init(TARGET, Framing::Spnego, FLAGS).1;
        (0..each).map(token).collect()
    };
    let all: Vec<Vec<Vec<u8>>> = (0..threads).map(|_| fresh()).collect();
    let start = Barrier::new(threads + 1);
    let began = std::thread::scope(|scope| {
        for (thread, tokens) in all.iter().enumerate() {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                tokens.iter().for_each(|token| work(thread, token));
            });
        }
        start.wait();
        Instant::now()
    });
    (threads * each) as f64 / began.elapsed().as_secs_f64()
}
