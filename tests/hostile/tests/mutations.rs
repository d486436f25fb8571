//! 200 000 changed tokens. `HOSTILE_SEED=n` makes another run, `HOSTILE_COUNT=n` a longer or
//! shorter one; `HOSTILE_FIRST=n HOSTILE_COUNT=1` makes mutant n of a run alone.

use std::collections::BTreeSet;

use hostile::corpus::Corpus;
use hostile::parent::Parent;
use hostile::parents;
use hostile::run::{Plan, Report, Run};
use hostile::sys::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SEED: u64 = 20_260_101;
/// Some edits change nothing: 200 000 are left.
const COUNT: u64 = 206_000;

/// What anybody on the way can change without being noticed, and why that changes nothing.
const UNPROTECTED: [(&str, &str); 22] = [
    ("a NegTokenResp's SEQUENCE", "rule 28 reads it without"),
    ("a question before the AP-REQ", "it is not about the client"),
    ("an unknown part of sname", EXTENSION),
    ("an unknown part of the AP-REQ", EXTENSION),
    ("an unknown part of the negotiation", EXTENSION),
    ("an unknown part of the ticket", EXTENSION),
    (
        "ap-options: MUTUAL-REQUIRED",
        "the flag in the authenticator decides (rule 13)",
    ),
    ("ap-options: bits without a meaning", "they are ignored"),
    ("ap-options: not 32 bits", "the rest is zero, as MIT has it"),
    ("integers that are written longer", "the value is the same"),
    ("lengths that are written longer", "the value is the same"),
    (
        "mechToken",
        "another mechanism's is dropped unread (rule 29)",
    ),
    (
        "mechTypes",
        "behind the choice; a MIC protects them where one is due (rule 30)",
    ),
    (
        "negHints or mechListMIC",
        "hints are for clients; a MIC is verified",
    ),
    ("reqFlags", "ignored (RFC 4178 4.2.1)"),
    ("sname", "any name is accepted: the key decides (rule 5)"),
    ("sname's type", "a hint (RFC 4120 6.2)"),
    ("the AP-REQ at once", "the step before it is not needed"),
    ("the frame's OID", "Kerberos has several (rule 1)"),
    (
        "the negotiation around it",
        "the context says that it is raw",
    ),
    (
        "the ticket's kvno",
        "a hint which key fits; the others are tried too (rule 4)",
    ),
    (
        "the ticket's realm",
        "any name is accepted: the key decides (rule 5)",
    ),
];
const EXTENSION: &str = "extensions are passed over (RFC 4120 1.5.1)";

/// More memory than a good handshake's, in octets, for any token here: the longest has 40 000.
const MEMORY: isize = 256 << 10;
/// How much dearer than a good handshake of its length a token may be.
const DEAR: f64 = 5.0;

fn kept() -> Vec<Parent> {
    let parents = parents::all(&Corpus::kept());
    parents.unwrap_or_else(|why| panic!("{why}"))
}

fn check(report: &Report) {
    println!(
        "{} mutants: {} refused, {} let in as their parents, {} as they say inside ({} not as their parents); {:?}",
        report.tried,
        report.refused,
        report.as_parents,
        report.inside,
        report.inside_other,
        report.took
    );
    for (field, (count, first)) in &report.outside {
        println!("  {count:6} {field} (first: {first})");
    }
    println!(
        "  {} octets more than the parent's at most",
        report.memory.0
    );
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
    let listed: BTreeSet<&str> = UNPROTECTED.into_iter().map(|(field, _)| field).collect();
    let found: BTreeSet<&str> = report.outside.keys().map(String::as_str).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "unprotected, and not listed: {new:?}");
    assert!(report.memory.0 < MEMORY, "memory: {:?}", report.memory);
}

/// Nobody comes in but as the token's maker says; nothing panics; memory stays as it is; nothing
/// is five times as dear as a good handshake of its length.
#[test]
fn mutants_come_in_as_their_parents_or_not_at_all() {
    let parents = kept();
    let plan = Plan::of(SEED, COUNT);
    println!("{} parents, {plan:?}", parents.len());
    let run = Run::new(&parents, plan);
    let report = run.go();
    check(&report);
    if (plan.seed, plan.first, plan.count) == (SEED, 0, COUNT) {
        assert!(report.tried >= 200_000, "{} mutants", report.tried);
    }
    let dear = run.measure(&report);
    for (ratio, index, what) in dear.iter().take(5) {
        println!("  {ratio:.2} times as dear: mutant {index} of {what}");
    }
    assert!(dear.iter().all(|(ratio, ..)| *ratio < DEAR), "{dear:#?}");
    // The first round fills what is made once for a thread or a key.
    let some = plan.count.min(2000);
    run.left_behind(some);
    assert_eq!(run.left_behind(some), 0, "octets that are still held");
}

/// Every bit flipped and every cut, of one token in each framing.
#[test]
fn every_bit_and_every_cut() {
    let parents = kept();
    let run = Run::new(&parents, Plan::of(SEED, COUNT));
    for name in [
        "mit-raw-mutual",
        "heimdal-spnego-oneway",
        "mit-raw-dce",
        "krb5-raw-mutual+second-choice",
    ] {
        let parent = parents.iter().find(|parent| parent.name == name);
        let report = run.each_bit_and_cut(parent.expect(name));
        println!("{name}");
        check(&report);
    }
}
