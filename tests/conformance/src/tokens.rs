//! Every token that kit forges, by rule.

use crate::runner::{judge, outcome};
use crate::{Instead, Mount};
use kit::cases::{self, Case};
use kit::judge::Outcome;
use std::collections::BTreeSet;

/// Runs the cases of one rule; a failing one is named.
fn group<M: Mount>(rule: u8) {
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|c| c.rule == rule)
        .collect();
    assert!(!cases.is_empty(), "no cases for rule {rule}");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, judge::<M>(case).err()?)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of the {} tokens for rule {rule} fail:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

macro_rules! groups {
    ($($name:ident = $rule:literal),* $(,)?) => {
        $(
            /// The tokens of this rule.
            pub fn $name<M: Mount>() {
                group::<M>($rule);
            }
        )*

        /// A rule whose cases no test runs would go unnoticed.
        pub fn every_case_is_in_a_group<M: Mount>() {
            let run = BTreeSet::from([$($rule),*]);
            let has: BTreeSet<u8> = cases::all().iter().map(|case| case.rule).collect();
            assert_eq!(has, run);
        }
    };
}

groups! {
    rule_01_frames = 1,
    rule_02_names = 2,
    rule_03_versions_and_numbers = 3,
    rule_04_keys = 4,
    rule_05_targets = 5,
    rule_07_etypes = 7,
    rule_08_identity = 8,
    rule_09_tickets = 9,
    rule_10_clock = 10,
    rule_11_transited = 11,
    rule_12_replay = 12,
    rule_13_mutual = 13,
    rule_14_subkeys = 14,
    rule_15_gss_checksum = 15,
    rule_16_other_checksums = 16,
    rule_17_bindings = 17,
    rule_19_replies = 19,
    rule_21_errors = 21,
    rule_28_first_tokens = 28,
    rule_29_mechanisms = 29,
    rule_30_mic = 30,
    rule_31_first_reply = 31,
    rule_32_one_mechanism = 32,
}

/// Case by case: what this backend does, what MIT krb5 and Heimdal are recorded to do, and why
/// one of them differs. Printed with `--nocapture`.
pub fn the_table_explains_every_difference<M: Mount>() {
    let mut unexplained = Vec::new();
    println!(
        "{:>4}  {:<46} {:<9} {:<9} {:<9}",
        "rule",
        "case",
        M::NAME,
        "MIT",
        "Heimdal"
    );
    for case in cases::all() {
        let exception = M::exceptions().iter().find(|e| e.case == case.name);
        let ours = outcome::<M>(&case);
        let why = match exception {
            Some(exception) => exception.why,
            None => case.explain,
        };
        let (name, rule) = (case.name, case.rule);
        let row = |outcome: Option<Outcome>| outcome.map_or("refused".into(), |o| format!("{o:?}"));
        println!(
            "{rule:>4}  {name:<46} {:<9} {:<9} {:<9} {why}",
            row(ours),
            row(Some(case.mit)),
            row(Some(case.heimdal)),
        );
        let due = match exception.map(|e| e.instead) {
            None => Some(case.expect.outcome()),
            Some(Instead::RefusedAtBuild) => None,
            Some(Instead::Accept) => Some(Outcome::Accept),
            Some(Instead::Continue) => Some(Outcome::Continue),
            Some(Instead::Reject(_) | Instead::Refuse | Instead::Misuse) => Some(Outcome::Reject),
        };
        let differs = ours != Some(case.mit) || ours != Some(case.heimdal);
        if ours != due || (differs && why.is_empty()) {
            unexplained.push(name);
        }
    }
    assert!(unexplained.is_empty(), "not as recorded: {unexplained:?}");
}

/// An exception for a case that has gone says nothing.
pub fn exceptions_are_cases<M: Mount>() {
    let cases = cases::all();
    for exception in M::exceptions() {
        assert!(
            cases.iter().any(|case| case.name == exception.case),
            "{} is no case",
            exception.case
        );
        assert!(
            !exception.why.is_empty(),
            "{} needs a reason",
            exception.case
        );
    }
}
