//! The run: so many mutants, each made from its number, judged, timed and weighed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::class::{Inner, differences};
use crate::corpus::hex;
use crate::decode::{self, Says};
use crate::inside::{Inside, ciphers, find_ap_req};
use crate::mutate;
use crate::parent::{Before, Change, Leg, Parent};
use crate::rng::Rng;
use crate::sys::counted;
use crate::talk::{Outcome, Ran};
use crate::tree;

/// A run to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// All mutants follow from it.
    pub seed: u64,
    /// The first of them.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Threads.
    pub threads: usize,
}

impl Plan {
    /// This many mutants, unless `HOSTILE_SEED`, `HOSTILE_FIRST`, `HOSTILE_COUNT` say otherwise.
    ///
    /// # Panics
    /// One of them is no number.
    pub fn of(seed: u64, count: u64) -> Self {
        let number = |name, otherwise| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|e| panic!("{name}: {e}")),
            Err(_) => otherwise,
        };
        Self {
            seed: number("HOSTILE_SEED", seed),
            first: number("HOSTILE_FIRST", 0),
            count: number("HOSTILE_COUNT", count),
            threads: std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(4),
        }
    }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Mutants tried; those that are another token than their parent's.
    pub tried: u64,
    /// Refused.
    pub refused: u64,
    /// The fields that differ in those let in as their parents: how often, and the first of them.
    pub outside: BTreeMap<String, (u64, u64)>,
    /// Let in as their parents.
    pub as_parents: u64,
    /// Let in with something else inside: what they say is what kit reads.
    pub inside: u64,
    /// Of those, the ones that say something else than the parent.
    pub inside_other: u64,
    /// What must not be, the first few.
    pub wrong: Vec<String>,
    /// The most memory that a step took, over what its parent's take; and by which mutant.
    pub memory: (isize, u64),
    /// What was still held after all mutants of a thread.
    pub kept: isize,
    /// The dearest, by how much dearer than their parents they seemed: to be measured again.
    pub dear: Vec<(f64, u64)>,
    /// How long it took.
    pub took: Duration,
}

/// So many are measured again.
const DEAR: usize = 60;

impl Report {
    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.refused += other.refused;
        self.as_parents += other.as_parents;
        self.inside += other.inside;
        self.inside_other += other.inside_other;
        self.wrong.extend(other.wrong);
        self.memory = self.memory.max(other.memory);
        self.kept = self.kept.max(other.kept);
        for (class, (count, first)) in other.outside {
            let known = self.outside.entry(class).or_insert((0, first));
            *known = (known.0 + count, known.1.min(first));
        }
        self.dear.extend(other.dear);
        self.trim();
    }

    fn trim(&mut self) {
        self.dear.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.dear.truncate(DEAR);
    }
}

/// A mutant, made from its number.
struct Mutant<'a> {
    parent: &'a Parent,
    leg: usize,
    made: Made,
    carries: Carries,
    how: &'static str,
}

enum Made {
    /// These octets in place of the leg, changed outside.
    Outside(Vec<u8>),
    /// The same, changed inside.
    Inside(Vec<u8>),
    /// A leg that depends on the acceptor's, changed as the numbers say.
    Later(Rng),
}

/// Whose ticket and authenticator a mutant has.
enum Carries {
    /// Its parent's, or none of any client's.
    Own,
    /// Others, and what kit reads in them.
    Others(Box<Inside>, Box<Says>),
    /// Others that kit cannot read.
    Unread(String),
}

impl Carries {
    fn read(token: &[u8], inside: Inside) -> Self {
        let says = find_ap_req(token)
            .and_then(|ap_req| decode::read(&ap_req, &inside.ticket, &inside.authenticator));
        match says {
            Ok(says) => Self::Others(Box::new(inside), Box::new(says)),
            Err(why) => Self::Unread(why),
        }
    }
}

fn says_checksum(parent: &Parent) -> Option<i64> {
    let checksum = parent.says.authenticator.checksum.as_ref();
    checksum.map(|(kind, _)| *kind)
}

/// Parents, and one run over them.
pub struct Run<'a> {
    parents: &'a [Parent],
    plan: Plan,
    /// What is in every ciphertext of the parents'.
    tickets: HashMap<Vec<u8>, &'a Inside>,
    authenticators: HashMap<Vec<u8>, &'a Inside>,
}

fn change_outside(rng: &mut Rng, token: &mut Vec<u8>, other: &[u8]) -> &'static str {
    if rng.below(60) < 35 {
        return mutate::octets(rng, token, other);
    }
    let mut nodes = tree::parse(token);
    let how = mutate::part(rng, &mut nodes, &mut tree::parse(other));
    *token = tree::encode(&nodes);
    how
}

/// One edit mostly, sometimes a few.
fn edits(rng: &mut Rng) -> usize {
    if rng.once_in(4) { 2 + rng.below(3) } else { 1 }
}

impl<'a> Run<'a> {
    /// A run over these parents.
    pub fn new(parents: &'a [Parent], plan: Plan) -> Self {
        let (mut tickets, mut authenticators) = (HashMap::new(), HashMap::new());
        for parent in parents {
            if let Leg::Sent(token) = &parent.legs[parent.main]
                && let Some([ticket, authenticator]) = ciphers(&tree::parse(token))
            {
                tickets.insert(ticket, &parent.inside);
                authenticators.insert(authenticator, &parent.inside);
            }
        }
        Self {
            parents,
            plan,
            tickets,
            authenticators,
        }
    }

    /// A token of some other parent's.
    fn other(&self, rng: &mut Rng) -> &'a [u8] {
        let parent = rng.pick(self.parents);
        rng.pick(&parent.legs).octets()
    }

    fn mutant(&self, index: u64) -> Mutant<'a> {
        let rng = &mut Rng::of(self.plan.seed, index);
        let parent = rng.pick(self.parents);
        if rng.below(100) < 60 {
            self.outside(rng, parent)
        } else {
            self.inside(rng, parent)
        }
    }

    fn outside(&self, rng: &mut Rng, parent: &'a Parent) -> Mutant<'a> {
        let leg = rng.below(parent.legs.len());
        let (how, made, carries) = match &parent.legs[leg] {
            Leg::Mic(_) | Leg::Third | Leg::ThirdInSpnego => {
                ("made late", Made::Later(rng.clone()), Carries::Own)
            }
            Leg::Sent(token) => {
                let mut token = token.clone();
                let mut how = "";
                for _ in 0..edits(rng) {
                    let other = self.other(rng);
                    how = change_outside(rng, &mut token, other);
                }
                let carries = self.carried(&token, parent);
                (how, Made::Outside(token), carries)
            }
        };
        Mutant {
            parent,
            leg,
            made,
            carries,
            how,
        }
    }

    /// Whose ticket and authenticator an outside mutant has: those of other parents come by
    /// splicing.
    fn carried(&self, token: &[u8], parent: &Parent) -> Carries {
        let Some([ticket, authenticator]) = ciphers(&tree::parse(token)) else {
            return Carries::Own;
        };
        let Leg::Sent(own) = &parent.legs[parent.main] else {
            return Carries::Own;
        };
        if ciphers(&tree::parse(own)).is_some_and(|own| own == [&ticket[..], &authenticator]) {
            return Carries::Own;
        }
        let known = (
            self.tickets.get(&ticket),
            self.authenticators.get(&authenticator),
        );
        let (Some(ticket), Some(authenticator)) = known else {
            return Carries::Own;
        };
        let inside = Inside {
            authenticator: authenticator.authenticator.clone(),
            ..(*ticket).clone()
        };
        Carries::read(token, inside)
    }

    fn inside(&self, rng: &mut Rng, parent: &'a Parent) -> Mutant<'a> {
        let mut inside = parent.inside.clone();
        let mut how = "";
        for _ in 0..edits(rng) {
            let other = &rng.pick(self.parents).inside;
            how = Self::change_inside(rng, &mut inside, other);
        }
        let Leg::Sent(token) = &parent.legs[parent.main] else {
            unreachable!("the AP-REQ was sent");
        };
        let mut nodes = tree::parse(token);
        inside.seal(&mut nodes).expect("it was opened");
        let token = tree::encode(&nodes);
        Mutant {
            parent,
            leg: parent.main,
            carries: Carries::read(&token, inside),
            made: Made::Inside(token),
            how,
        }
    }

    fn change_inside(rng: &mut Rng, inside: &mut Inside, other: &Inside) -> &'static str {
        let (plain, other) = if rng.once_in(2) {
            (&mut inside.ticket, &other.ticket)
        } else {
            (&mut inside.authenticator, &other.authenticator)
        };
        if rng.once_in(3) {
            return mutate::octets(rng, plain, other);
        }
        let mut nodes = tree::parse(plain);
        let how = mutate::part(rng, &mut nodes, &mut tree::parse(other));
        *plain = tree::encode(&nodes);
        how
    }

    /// Runs it; with `client`, the client is the one of these parts.
    fn send(&self, mutant: &Mutant<'_>, before: Before, client: Option<(&Says, &Inside)>) -> Ran {
        let parent = mutant.parent;
        let mut how: Box<dyn FnMut(Vec<u8>) -> Vec<u8>> = match &mutant.made {
            Made::Outside(token) | Made::Inside(token) => Box::new(move |_| token.clone()),
            Made::Later(rng) => {
                let mut rng = rng.clone();
                Box::new(move |mut token| {
                    let other = self.other(&mut rng);
                    change_outside(&mut rng, &mut token, other);
                    token
                })
            }
        };
        let change = Change {
            leg: mutant.leg,
            how: &mut how,
        };
        let (says, inside) = client.unwrap_or((&parent.says, &parent.inside));
        parent.run_as(before, Some(change), says, inside)
    }

    /// What is wrong with what became of a mutant.
    fn judge(
        &self,
        mutant: &Mutant<'_>,
        ran: &Ran,
        report: &mut Report,
        index: u64,
    ) -> Result<(), String> {
        let parent = mutant.parent;
        let own = match &ran.outcome {
            Outcome::Refused(_) | Outcome::Unfinished => {
                report.refused += 1;
                return Ok(());
            }
            Outcome::Broken(why) => return Err(why.clone()),
            // Whoever takes the negotiation off is told so: the context says that it is raw.
            Outcome::Accepted(Ok(facts)) if facts.same_but_for_framing(&parent.facts) => Ok(()),
            Outcome::Accepted(facts) => Err(format!("let in as {facts:?}, not {:?}", parent.facts)),
        };
        if ran.retried {
            report.refused += 1;
            return own;
        }
        let others = matches!(mutant.carries, Carries::Others(..)) && mutant.leg == parent.main;
        if own.is_ok()
            && !others
            && !matches!(mutant.made, Made::Inside(_))
            && self.came_in_as_its_parent(mutant, ran, report, index)?
        {
            return Ok(());
        }
        // Rule 13: without the checksum of RFC 4121, an option in the clear says whether an AP-REP
        // is due. Then the token is held to what it says.
        let by_option = matches!(says_checksum(parent), Some(kind) if kind != 0x8003);
        let read = match (&mutant.carries, &mutant.made) {
            (Carries::Own, Made::Outside(token)) if by_option && own.is_err() => {
                Some(Carries::read(token, parent.inside.clone()))
            }
            _ => None,
        };
        match read.as_ref().unwrap_or(&mutant.carries) {
            Carries::Own => own,
            Carries::Unread(why) => Err(format!("let in, and kit reads: {why}")),
            Carries::Others(inside, says) => {
                let ran = self.send(mutant, Before::Forgotten, Some((says, inside)));
                self.came_in_as_it_says(mutant, &ran, (says, inside), report)
            }
        }
    }

    /// Whether it is its parent's token that came in.
    fn came_in_as_its_parent(
        &self,
        mutant: &Mutant<'_>,
        ran: &Ran,
        report: &mut Report,
        index: u64,
    ) -> Result<bool, String> {
        // Nobody can use it once the client itself has.
        match self.send(mutant, Before::Seen, None).outcome {
            Outcome::Refused(why) if why.contains("used before") => {}
            // Another client's token that says the same.
            _ if matches!(mutant.carries, Carries::Others(..)) => return Ok(false),
            other => return Err(format!("after its parent: {other:?}")),
        }
        report.as_parents += 1;
        let parent = mutant.parent;
        let of = |token: &[u8]| ciphers(&tree::parse(token));
        let mut fields: BTreeSet<String> = match &parent.legs[parent.main] {
            // It has the AP-REQ before its time.
            Leg::Sent(main)
                if mutant.leg != parent.main
                    && of(&ran.changed).is_some_and(|own| Some(own) == of(main)) =>
            {
                // Out of its negotiation, or in another one, it is there in other places.
                ["the AP-REQ at once".to_owned()].into()
            }
            // Hints, a TGT, another try: the client asked for something else.
            _ if mutant.leg < parent.main && !parent.name.ends_with("+second-choice") => {
                ["a question before the AP-REQ".to_owned()].into()
            }
            _ if mutant.leg < parent.main => {
                differences(&ran.original, &ran.changed, Inner::Dropped)
            }
            _ => differences(&ran.original, &ran.changed, Inner::Read),
        };
        if ran
            .facts()
            .is_some_and(|facts| facts.spnego != parent.facts.spnego)
        {
            fields.insert("the negotiation around it".to_owned());
        }
        for field in fields {
            let first = report.outside.entry(field).or_insert((0, index));
            first.0 += 1;
        }
        Ok(true)
    }

    fn came_in_as_it_says(
        &self,
        mutant: &Mutant<'_>,
        ran: &Ran,
        (says, inside): (&Says, &Inside),
        report: &mut Report,
    ) -> Result<(), String> {
        let parent = mutant.parent;
        let facts = match &ran.outcome {
            Outcome::Accepted(Ok(facts)) => facts,
            other => return Err(format!("let in, and for the client {other:?}")),
        };
        if let Some(why) = says.must_be_refused(parent.now, &parent.setting) {
            return Err(format!("let in in spite of {why}"));
        }
        parent
            .agrees(facts, says, inside)
            .map_err(|what| format!("let in with another {what}: {facts:?}, {says:?}"))?;
        report.inside += 1;
        report.inside_other += u64::from(**facts != parent.facts);
        Ok(())
    }

    fn one(&self, index: u64, report: &mut Report) {
        let mutant = self.mutant(index);
        if let Made::Outside(token) | Made::Inside(token) = &mutant.made
            && matches!(&mutant.parent.legs[mutant.leg], Leg::Sent(own) if own == token)
        {
            // Some edits change nothing.
            return;
        }
        self.tried(index, &mutant, report);
    }

    fn tried(&self, index: u64, mutant: &Mutant<'_>, report: &mut Report) {
        let parent = mutant.parent;
        let told = |why: String| {
            let token = match &mutant.made {
                Made::Outside(token) | Made::Inside(token) => hex(token),
                Made::Later(_) => "made on the way".to_owned(),
            };
            format!(
                "mutant {index} of {}, leg {}, {}: {why}\n  {token}",
                parent.name, mutant.leg, mutant.how
            )
        };
        report.tried += 1;
        match catch_unwind(AssertUnwindSafe(|| {
            self.send(mutant, Before::Forgotten, None)
        })) {
            Err(_) => report.wrong.push(told("panic".into())),
            Ok(ran) => {
                let ratio = ran.cost.as_secs_f64() / parent.cost.as_secs_f64();
                report.dear.push((ratio, index));
                if report.dear.len() > 4 * DEAR {
                    report.trim();
                }
                report.memory = report.memory.max((ran.most - parent.memory, index));
                if let Err(why) = self.judge(mutant, &ran, report, index) {
                    let why: String = why.chars().take(2000).collect();
                    report.wrong.push(told(why));
                }
            }
        }
        report.wrong.truncate(20);
    }

    /// Makes the run.
    ///
    /// # Panics
    /// A thread fails.
    pub fn go(&self) -> Report {
        let end = self.plan.first + self.plan.count;
        self.threads(self.plan.first, end, |index, report| {
            self.one(index, report)
        })
    }

    /// Every bit of a parent's captured legs flipped, and each cut at every octet.
    pub fn each_bit_and_cut(&self, parent: &'a Parent) -> Report {
        let mut all = Report::default();
        for (leg, token) in parent.legs.iter().enumerate() {
            let Leg::Sent(token) = token else { continue };
            let bits = 8 * token.len() as u64;
            let one = |index: u64, report: &mut Report| {
                let mut changed = token.clone();
                if let Some(bit) = index.checked_sub(token.len() as u64) {
                    changed[bit as usize / 8] ^= 1 << (bit % 8);
                } else {
                    changed.truncate(index as usize);
                }
                let mutant = Mutant {
                    parent,
                    leg,
                    made: Made::Outside(changed),
                    carries: Carries::Own,
                    how: "a bit or a cut",
                };
                self.tried(index, &mutant, report);
            };
            all.add(self.threads(0, bits + token.len() as u64, one));
        }
        all
    }

    fn threads(&self, first: u64, end: u64, one: impl Fn(u64, &mut Report) + Sync) -> Report {
        let next = AtomicU64::new(first);
        let began = Instant::now();
        let mut report = Report::default();
        std::thread::scope(|scope| {
            let work = || {
                let mut own = Report::default();
                loop {
                    let from = next.fetch_add(200, Ordering::Relaxed);
                    if from >= end {
                        return own;
                    }
                    for index in from..end.min(from + 200) {
                        one(index, &mut own);
                    }
                }
            };
            let threads: Vec<_> = (0..self.plan.threads).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                report.add(thread.join().expect("a thread that ends"));
            }
        });
        report.took = began.elapsed();
        report
    }

    /// Measures the dearest again, each against its parent in turns, the least of many counting:
    /// what else the machine does can make a run slower, never faster. What was made longer is held
    /// to a good token of that length: decrypting is linear. Gives the ratios.
    ///
    /// # Panics
    /// There are no parents.
    pub fn measure(&self, report: &Report) -> Vec<(f64, u64, String)> {
        let longest = self.parents.iter().max_by_key(|parent| parent.length());
        let longest = longest.expect("parents");
        let cost = |parent: &Parent| parent.run(Before::Forgotten, None).cost;
        let mut out = Vec::new();
        for (_, index) in &report.dear {
            let mutant = self.mutant(*index);
            let [mut own, mut parents, mut long] = [Duration::MAX; 3];
            let mut length = 0;
            for _ in 0..30 {
                let ran = self.send(&mutant, Before::Forgotten, None);
                own = own.min(ran.cost);
                length = ran.changed.len();
                parents = parents.min(cost(mutant.parent));
                long = long.min(cost(longest));
            }
            let of_that_length = long.as_secs_f64() * length as f64 / longest.length() as f64;
            let ratio = own.as_secs_f64() / parents.as_secs_f64().max(of_that_length);
            let what = format!(
                "{} leg {}, {}: {own:?}, its parent {parents:?}, {length} octets, {} in {long:?}",
                mutant.parent.name,
                mutant.leg,
                mutant.how,
                longest.length()
            );
            out.push((ratio, *index, what));
        }
        out.sort_by(|a, b| b.0.total_cmp(&a.0));
        out
    }

    /// What some mutants leave behind in memory when they are over.
    pub fn left_behind(&self, count: u64) -> isize {
        let ((), held) = counted(|| {
            for index in self.plan.first..self.plan.first + count {
                let mutant = self.mutant(index);
                drop(catch_unwind(AssertUnwindSafe(|| {
                    self.send(&mutant, Before::Forgotten, None)
                })));
            }
        });
        held.after
    }
}
