//! Exceptions, listed by their reason.

use conformance::{Exception, Instead};

/// Cases that one reason explains.
pub struct Group {
    pub why: &'static str,
    pub instead: Instead,
    pub cases: &'static [&'static str],
}

/// One by one, as the suite wants them.
pub fn exceptions(groups: &[Group]) -> Vec<Exception> {
    let each = |group: &Group| {
        let (why, instead) = (group.why, group.instead);
        group
            .cases
            .iter()
            .map(move |case| Exception { case, instead, why })
    };
    groups.iter().flat_map(each).collect()
}

/// Tests of the suite that a library cannot pass, with their reason.
pub fn tests(
    groups: &'static [(&'static str, &'static [&'static str])],
) -> Vec<(&'static str, &'static str)> {
    let each = |(why, tests): &'static (&'static str, &'static [&'static str])| {
        tests.iter().map(move |test| (*test, *why))
    };
    groups.iter().flat_map(each).collect()
}
