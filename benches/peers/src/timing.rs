//! Alternating rounds, medians of them, and the lines that say which goal is met.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

/// One contestant: its name, what is made ready before a round and not timed, and what it does for
/// item `n`.
pub struct Lane<'a> {
    pub name: &'static str,
    pub ready: Box<dyn FnMut() + 'a>,
    pub work: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Lane<'a> {
    pub fn new(name: &'static str, work: impl FnMut(usize) + 'a) -> Self {
        Self::prepared(name, || (), work)
    }

    pub fn prepared(
        name: &'static str,
        ready: impl FnMut() + 'a,
        work: impl FnMut(usize) + 'a,
    ) -> Self {
        let (ready, work) = (Box::new(ready), Box::new(work));
        Self { name, ready, work }
    }
}

/// Nanoseconds an item took in each lane: in the middle round, and in the fastest.
pub struct Medians(Vec<(&'static str, f64, f64)>);

impl Medians {
    /// Of lanes that were timed elsewhere.
    pub fn new(all: Vec<(&'static str, Vec<f64>)>) -> Self {
        let fastest = |rounds: &[f64]| rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let lanes = all.into_iter();
        Self(
            lanes
                .map(|(name, rounds)| (name, fastest(&rounds), rounds))
                .map(|(name, fastest, rounds)| (name, median(rounds), fastest))
                .collect(),
        )
    }

    /// That of one lane.
    ///
    /// # Panics
    /// There is no such lane.
    pub fn of(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(own, ..)| *own == name);
        found.unwrap_or_else(|| panic!("no lane {name}")).1
    }

    /// Prints all of them.
    pub fn print(&self, title: &str) {
        println!("{title}");
        for (name, nanoseconds, fastest) in &self.0 {
            println!(
                "    {name:<34} {:>12.3} us (fastest round {:.3})",
                nanoseconds / 1000.0,
                fastest / 1000.0
            );
        }
    }
}

/// Runs `items` items in every lane, `round` at a time, one lane after the other: what disturbs
/// the machine disturbs all of them alike. Each lane sees every item once, in order. A tenth of a
/// round is not timed: there a lane's code and data come back to the caches, which the others have
/// used since; and so do the round's `tokens`, which a server has just received.
pub fn alternate(
    items: usize,
    round: usize,
    tokens: &[&[Vec<u8>]],
    lanes: &mut [Lane<'_>],
) -> Medians {
    let mut taken: Vec<Vec<f64>> = lanes.iter().map(|_| Vec::new()).collect();
    let mut from = 0;
    while from + round <= items {
        for (lane, taken) in lanes.iter_mut().zip(&mut taken) {
            for token in tokens.iter().flat_map(|list| &list[from..from + round]) {
                black_box(token.iter().fold(0, |all, byte| all ^ byte));
            }
            (lane.ready)();
            let timed = from + round / 10;
            (from..timed).for_each(|item| (lane.work)(item));
            let began = Instant::now();
            (timed..from + round).for_each(|item| (lane.work)(item));
            taken.push(began.elapsed().as_secs_f64() * 1e9 / (round - round / 10) as f64);
        }
        from += round;
    }
    let names = lanes.iter().map(|lane| lane.name);
    Medians::new(names.zip(taken).collect())
}

/// The middle one.
///
/// # Panics
/// There is none.
pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Which way a ratio should go.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

thread_local! {
    static SHORT: Cell<u32> = const { Cell::new(0) };
}

/// `RATIO <name> <value> <goal> ok|short`, for whoever counts them.
pub fn ratio(name: &str, value: f64, goal: Goal) {
    let (met, goal) = match goal {
        Goal::AtLeast(goal) => (value >= goal, format!(">={goal}")),
        Goal::AtMost(goal) => (value <= goal, format!("<={goal}")),
    };
    if !met {
        SHORT.with(|short| short.set(short.get() + 1));
    }
    println!(
        "RATIO {name} {value:.3} {goal} {}",
        if met { "ok" } else { "short" }
    );
}

/// How many goals were missed.
pub fn short() -> u32 {
    SHORT.with(Cell::get)
}
