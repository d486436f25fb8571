//! The architecture as a test: who may import whom, how long files and
//! functions may be, where `unsafe` may stand. It reads the sources; the
//! rules are those of ARCHITECTURE.md.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use rules::Violation;
use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn library() -> Vec<Source> {
    Source::read_all(root(), &["src", "backends"])
}

fn report(violations: &[Violation]) {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(texts.is_empty(), "\n{}\n", texts.join("\n"));
}

/// Every rule on every file of the library.
#[test]
fn the_library_keeps_the_rules() {
    let sources = library();
    assert!(
        sources.len() > 50,
        "only {} files were found",
        sources.len()
    );
    let found: Vec<Violation> = sources
        .iter()
        .flat_map(|source| rules::ALL.iter().flat_map(move |rule| rule(source)))
        .collect();
    report(&found);
}

/// Tests, examples, benches and fuzz targets: only what holds everywhere.
#[test]
fn everything_else_is_finished() {
    let others = ["tests", "examples", "benches", "fuzz/fuzz_targets"];
    let sources = Source::read_all(root(), &others);
    assert!(
        sources
            .iter()
            .any(|source| source.path == "tests/architecture.rs")
    );
    let found: Vec<Violation> = sources.iter().flat_map(rules::unfinished).collect();
    report(&found);
}

/// The modules that lib.rs has, private ones too.
fn top_level_modules(lib: &Source) -> Vec<(String, bool)> {
    let modules = lib.code.iter().filter_map(|line| {
        let (public, module) = match line.strip_prefix("pub mod ") {
            Some(module) => (true, module),
            None => (false, line.strip_prefix("mod ")?),
        };
        Some((module.strip_suffix(';')?.to_owned(), public))
    });
    modules.collect()
}

/// ARCHITECTURE.md names every file, README.md every public module.
#[test]
fn the_documents_name_what_there_is() {
    let sources = library();
    let lib = sources.iter().find(|source| source.path == "src/lib.rs");
    let modules = top_level_modules(lib.expect("src/lib.rs"));
    assert!(
        modules.len() > 15,
        "only {} modules were found",
        modules.len()
    );
    let read = |name: &str| fs::read_to_string(root().join(name)).expect(name);
    let (architecture, readme) = (read("ARCHITECTURE.md"), read("README.md"));
    let mut missing = Vec::new();
    for (module, public) in &modules {
        let file = format!("{module}.rs");
        let directory = format!("{module}/");
        if !architecture.contains(&file) && !architecture.contains(&directory) {
            missing.push(format!(
                "ARCHITECTURE.md does not name {file}: add it to the layout"
            ));
        }
        if *public && !readme.contains(&format!("`{module}`")) {
            missing.push(format!(
                "README.md does not name `{module}`: say what it is for"
            ));
        }
    }
    for source in sources
        .iter()
        .filter(|source| !source.test.iter().all(|test| *test))
    {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if !architecture.contains(name) {
            missing.push(format!(
                "ARCHITECTURE.md does not name {}: add it to the layout",
                source.path
            ));
        }
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

/// What ARCHITECTURE.md names is there.
#[test]
fn the_documents_name_nothing_else() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let sources = library();
    let layout = architecture
        .split("```")
        .find(|block| block.contains("lib.rs"))
        .expect("a layout");
    let files = layout
        .split_whitespace()
        .filter(|word| word.ends_with(".rs") && !word.contains('('));
    let gone: Vec<&str> = files
        .filter(|file| !sources.iter().any(|source| source.path.ends_with(file)))
        .filter(|file| !root().join(file).exists() && !root().join("tests").join(file).exists())
        .collect();
    assert!(
        gone.is_empty(),
        "ARCHITECTURE.md's layout names files that are not there: {gone:?}"
    );
}

/// The checks themselves: each bad snippet is noticed by the rule that it
/// breaks, at its line, and good ones are not.
mod checks {
    use super::rules;
    use super::source::Source;

    type Rule = fn(&Source) -> Vec<rules::Violation>;

    fn lines(rule: Rule, path: &str, content: &str) -> Vec<usize> {
        let found = rule(&Source::new(path, content));
        for violation in &found {
            assert!(violation.to_string().starts_with(path), "{violation}");
            assert!(!violation.remedy.is_empty() && !violation.rule.is_empty());
        }
        found.into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn vocabulary_that_imports_more_is_noticed() {
        let bad = "use crate::error::Error;\nuse crate::config::AcceptorConfig;\n";
        assert_eq!(lines(rules::vocabulary, "src/name.rs", bad), [2]);
        assert_eq!(lines(rules::vocabulary, "src/error/rejection.rs", bad), [2]);
        assert_eq!(lines(rules::vocabulary, "src/config.rs", bad), []);
        let inline = "fn f() -> u8 { crate::policy::answer() }\n";
        assert_eq!(lines(rules::vocabulary, "src/time.rs", inline), [1]);
        let nested =
            "use crate::{\n    error::Error,\n    context::{Context, BindingStatus},\n};\n";
        assert_eq!(lines(rules::vocabulary, "src/time.rs", nested), [1, 1]);
        let relative = "use super::super::acceptor::Step;\n";
        assert_eq!(
            lines(rules::vocabulary, "src/error/misuse.rs", relative),
            [1]
        );
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let good = "// use crate::config::X;\n/* use crate::config::X; */\nconst S: &str = \"crate::config::X\";\n#[cfg(test)]\nmod tests {\n    use crate::config::X;\n}\n";
        assert_eq!(lines(rules::vocabulary, "src/time.rs", good), []);
        // After the tests, code counts again.
        let bad = format!("{good}use crate::config::X;\n");
        assert_eq!(lines(rules::vocabulary, "src/time.rs", &bad), [8]);
    }

    #[test]
    fn a_policy_that_knows_a_backend_is_noticed() {
        let bad = "use crate::facts::Facts;\nuse crate::backends::Settings;\n";
        assert_eq!(lines(rules::policy, "src/policy.rs", bad), [2]);
    }

    #[test]
    fn a_backend_that_decides_is_noticed() {
        let path = "backends/rust/kerberos/accept.rs";
        for bad in [
            "use crate::policy;\n",
            "use crate::acceptor::Acceptor;\n",
            "use crate::config::Limits;\n",
            "use crate::context::Context;\n",
            "use crate::testing::Realm;\n",
            "use crate::backends::windows::accept;\n",
            "use super::super::super::gssapi::sys;\n",
        ] {
            assert_eq!(lines(rules::backends, path, bad), [1], "{bad}");
        }
        for good in [
            "use crate::backends::{Exchange, Outcome};\n",
            "use crate::backends::rust::Shared;\n",
            "use super::codec::gss;\n",
            "use crate::facts::Facts;\n",
        ] {
            assert_eq!(lines(rules::backends, path, good), [], "{good}");
        }
    }

    #[test]
    fn a_backend_named_elsewhere_is_noticed() {
        let rule = rules::one_place_for_backends;
        let cfg = "#[cfg(feature = \"rust\")]\nfn f() {}\n";
        assert_eq!(lines(rule, "src/config.rs", cfg), [1]);
        assert_eq!(lines(rule, "backends/mod.rs", cfg), []);
        let system = "#[cfg(unix)]\nfn f() {}\n";
        assert_eq!(lines(rule, "src/random.rs", system), [1]);
        assert_eq!(lines(rule, "src/files.rs", system), []);
        let named = "use crate::backends::rust::RustBackend;\n";
        assert_eq!(lines(rule, "src/acceptor.rs", named), [1]);
        let contract = "use crate::backends::Backend;\n";
        assert_eq!(lines(rule, "src/acceptor.rs", contract), []);
    }

    #[test]
    fn an_outsider_inside_is_noticed() {
        let rule = rules::outsiders;
        let path = "src/testing/realm.rs";
        for bad in [
            "use crate::config::HalfOpenSlot;\n",
            "use crate::backends::rust::kerberos::accept::AwaitApReq;\n",
        ] {
            assert_eq!(lines(rule, path, bad), [1], "{bad}");
        }
        let good = "use crate::Acceptor;\nuse crate::backends::rust::kerberos::crypto::Key;\n";
        assert_eq!(lines(rule, path, good), []);
        assert_eq!(lines(rule, "src/http/mod.rs", good), [2]);
    }

    #[test]
    fn a_codec_with_keys_or_a_clock_is_noticed() {
        let rule = rules::inside_rust;
        let codec = "backends/rust/kerberos/codec/messages.rs";
        for bad in [
            "use crate::time::Clock;\n",
            "use super::super::crypto::Key;\n",
            "use crate::backends::rust::kerberos::keys::KeySource;\n",
        ] {
            assert_eq!(lines(rule, codec, bad), [1], "{bad}");
        }
        let bad = "use super::super::codec::gss;\n";
        assert_eq!(
            lines(rule, "backends/rust/kerberos/crypto/key.rs", bad),
            [1]
        );
        let both = "use super::codec::gss;\nuse super::crypto::Key;\n";
        assert_eq!(lines(rule, "backends/rust/kerberos/status.rs", both), [2]);
        assert_eq!(lines(rule, "backends/rust/kerberos/accept.rs", both), []);
        let good = "use super::der::Reader;\nuse crate::etype::EncryptionType;\n";
        assert_eq!(lines(rule, codec, good), []);
    }

    #[test]
    fn what_is_too_long_is_noticed() {
        let body = "    x();\n".repeat(60);
        let long = format!("fn short() {{}}\n\npub(crate) fn long(a: [u8; 4]) {{\n{body}}}\n");
        assert_eq!(lines(rules::size_of_functions, "src/x.rs", &long), [3]);
        assert_eq!(lines(rules::size_of_functions, "tests/x.rs", &long), []);
        let fits = long.replacen("    x();\n", "", 2);
        assert_eq!(lines(rules::size_of_functions, "src/x.rs", &fits), []);
        let lines_of = |count: usize| "// x\n".repeat(count);
        assert_eq!(
            lines(rules::size_of_files, "src/x.rs", &lines_of(501)),
            [500]
        );
        assert_eq!(lines(rules::size_of_files, "src/x.rs", &lines_of(500)), []);
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        let with_tests = format!("{}{tests}", lines_of(500));
        assert_eq!(lines(rules::size_of_files, "src/x.rs", &with_tests), []);
    }

    #[test]
    fn unsafe_and_unfinished_code_is_noticed() {
        let bad = "#![forbid(unsafe_code)]\nfn f() { unsafe { g() } }\n// unsafe\n";
        assert_eq!(lines(rules::unsafe_code, "src/x.rs", bad), [2]);
        assert_eq!(
            lines(rules::unsafe_code, "backends/windows/sys.rs", bad),
            []
        );
        let bad = concat!(
            "fn f() { to",
            "do!() }\n#[ig",
            "nore]\nfn g() { db",
            "g!(1); }\n"
        );
        let mut found = lines(rules::unfinished, "tests/x.rs", bad);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
    }
}
