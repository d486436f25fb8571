//! Tokens captured now, from real clients and a KDC: the kept corpus must not age.

use hostile::capture::capture;
use hostile::corpus::Corpus;
use hostile::parents;
use hostile::run::{Plan, Run};

/// What the clients send today is changed as what is kept is. With `HOSTILE_KEEP=1` it becomes
/// what is kept.
#[test]
fn captured_now() {
    let corpus = capture(interop::Kdc::shared());
    if std::env::var_os("HOSTILE_KEEP").is_some() {
        std::fs::write(Corpus::path(), corpus.text()).expect("the corpus is written");
    }
    let names = |corpus: &Corpus| -> Vec<String> {
        corpus
            .tokens
            .iter()
            .map(|token| token.name.clone())
            .collect()
    };
    assert_eq!(
        names(&corpus),
        names(&Corpus::kept()),
        "the kept corpus is of other clients: HOSTILE_KEEP=1 makes it anew"
    );
    let parents = parents::captured(&corpus).unwrap_or_else(|why| panic!("{why}"));
    let plan = Plan::of(std::process::id().into(), 10_000);
    println!("{} parents, {plan:?}", parents.len());
    let report = Run::new(&parents, plan).go();
    assert!(
        report.wrong.is_empty(),
        "{}\nkeys: {}",
        report.wrong.join("\n"),
        corpus.text()
    );
}
