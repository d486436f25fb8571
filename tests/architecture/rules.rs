//! The rules of ARCHITECTURE.md, each a function of one source.

use crate::source::Source;

/// What is broken: where, which rule, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub text: String,
    pub remedy: &'static str,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            path,
            line,
            rule,
            text,
            remedy,
        } = self;
        write!(f, "{path}:{line}: {rule}: {text}; {remedy}")
    }
}

/// Import rule 1: what everybody may speak of.
pub const VOCABULARY: [&str; 30] = [
    "apart",
    "accounts",
    "ntlm",
    "error",
    "secret",
    "time",
    "mechanism",
    "name",
    "requirements",
    "facts",
    "reply",
    "replay",
    "token",
    "channel_bindings",
    "credentials",
    "files",
    "etype",
    "message",
    "realms",
    "random",
    "ccache",
    "delegation",
    "calendar",
    "sid",
    "pac",
    "authorization",
    "encoding",
    "keytab",
    "sealing",
    "context_data",
];

const MAX_FILE: usize = 500;
const MAX_FUNCTION: usize = 60;

/// The rules in the order of ARCHITECTURE.md.
pub const ALL: [fn(&Source) -> Vec<Violation>; 10] = [
    vocabulary,
    policy,
    backends,
    one_place_for_backends,
    outsiders,
    inside_rust,
    size_of_files,
    size_of_functions,
    unsafe_code,
    unfinished,
];

fn violation(
    source: &Source,
    line: usize,
    rule: &'static str,
    text: String,
    remedy: &'static str,
) -> Violation {
    let path = source.path.clone();
    Violation {
        path,
        line,
        rule,
        text,
        remedy,
    }
}

/// The module at the crate's root that a file belongs to.
fn root_module(source: &Source) -> String {
    source.module().get(1).cloned().unwrap_or_default()
}

/// The door for `fuzz/` reaches everything, and no other build has it.
fn is_fuzzing(source: &Source) -> bool {
    source.path.starts_with("backends/rust/fuzzing")
}

/// The imports that are not allowed, as violations of `rule`.
fn forbid(
    source: &Source,
    rule: &'static str,
    remedy: &'static str,
    allowed: impl Fn(&[&str]) -> bool,
) -> Vec<Violation> {
    let imports = source.imports().into_iter();
    imports
        .filter(|(_, path)| {
            let parts: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
            !parts.is_empty() && !allowed(&parts)
        })
        .map(|(line, path)| {
            violation(
                source,
                line,
                rule,
                format!("names {}", path.join("::")),
                remedy,
            )
        })
        .collect()
}

fn is_vocabulary(path: &[&str]) -> bool {
    path.first().is_some_and(|first| VOCABULARY.contains(first))
}

/// 1. Vocabulary imports only itself.
pub fn vocabulary(source: &Source) -> Vec<Violation> {
    if !VOCABULARY.contains(&root_module(source).as_str()) {
        return Vec::new();
    }
    forbid(
        source,
        "rule 1, vocabulary imports only vocabulary",
        "move what is needed into a vocabulary module, or this code out of one",
        is_vocabulary,
    )
}

/// 2. The policy is a pure function of vocabulary.
pub fn policy(source: &Source) -> Vec<Violation> {
    if root_module(source) != "policy" {
        return Vec::new();
    }
    forbid(
        source,
        "rule 2, policy imports only vocabulary",
        "let the backend report a fact, and decide on that",
        |path| is_vocabulary(path) || path[0] == "policy",
    )
}

/// A type or trait of the contract, by its capital letter.
fn is_item(name: Option<&&str>) -> bool {
    name.is_some_and(|name| name.starts_with(char::is_uppercase))
}

/// 3. A backend knows the contract and the vocabulary.
pub fn backends(source: &Source) -> Vec<Violation> {
    let module = source.module();
    if root_module(source) != "backends" || is_fuzzing(source) {
        return Vec::new();
    }
    let own = module.get(2).map_or("", String::as_str);
    forbid(
        source,
        "rule 3, a backend imports the contract, vocabulary and itself",
        "report a fact through the contract, or pass a value in Settings",
        |path| {
            is_vocabulary(path)
                || (path[0] == "backends"
                    && (own.is_empty()
                        || path.get(1) == Some(&own)
                        || is_item(path.get(1))
                        // What this build has of importers, as trait objects.
                        || path[1..] == ["importers"]))
        },
    )
}

/// 4. One place names concrete backends, and systems.
pub fn one_place_for_backends(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let library = source.path.starts_with("src/") || source.path.starts_with("backends/");
    if !library || source.path == "backends/mod.rs" {
        return found;
    }
    let system = [
        "cfg(unix",
        "cfg(not(unix",
        "cfg(windows",
        "cfg(not(windows",
        "cfg(target_",
        "cfg!(unix",
        "cfg!(windows",
    ];
    for (index, line) in source.text.iter().enumerate() {
        if source.test[index] {
            continue;
        }
        for backend in ["rust", "windows", "gssapi", "broker"] {
            if line.contains(&format!("feature = \"{backend}\"")) {
                found.push(violation(
                    source,
                    index + 1,
                    "rule 4, only backends/mod.rs has cfg for a backend",
                    format!("depends on the feature `{backend}`"),
                    "put the cfg where the backend is mounted",
                ));
            }
        }
        let here = source.path == "src/files.rs" || source.path.starts_with("backends/broker");
        if !here && system.iter().any(|cfg| line.contains(cfg)) {
            found.push(violation(
                source,
                index + 1,
                "rule 4, only src/files.rs has cfg for a system",
                line.trim().to_owned(),
                "put a function for it into src/files.rs",
            ));
        }
    }
    let root = root_module(source);
    if source.path.starts_with("src/") && root != "testing" {
        found.extend(forbid(
            source,
            "rule 4, only backends/mod.rs names a concrete backend",
            "go through the traits of the contract",
            |path| {
                path[0] != "backends"
                    || path.len() == 1
                    || is_item(path.get(1))
                    || (root == "broker" && path[1] == "broker_wire")
            },
        ));
    }
    found
}

/// 5. `testing` and what is built on top use the crate as an outsider does.
pub fn outsiders(source: &Source) -> Vec<Violation> {
    let root = root_module(source);
    if !source.path.starts_with("src/")
        || !["testing", "http", "tokio", "sasl"].contains(&root.as_str())
    {
        return Vec::new();
    }
    let inside = |path: &[&str]| {
        root == "testing"
            && path.starts_with(&["backends", "rust"])
            && path.get(2..).is_some_and(|rest| {
                matches!(
                    rest,
                    [
                        "kerberos",
                        "codec" | "context" | "crypto" | "per_message",
                        ..
                    ] | ["spnego", "codec", ..]
                )
            })
    };
    forbid(
        source,
        "rule 5, testing and http use the public interface",
        "use what lib.rs exports; only testing may use the rust backend's codec and crypto besides",
        |path| {
            is_item(path.first())
                || path[0] == root
                || (["http", "tokio"].contains(&path[0]) && is_item(path.get(1)))
                || is_vocabulary(path)
                || (path[0] == "backends" && (is_item(path.get(1)) || path == ["backends", "rust"]))
                || path == ["backends"]
                || inside(path)
        },
    )
}

/// 6. In `rust/`, bytes and keys are apart.
pub fn inside_rust(source: &Source) -> Vec<Violation> {
    let Some(inner) = source.path.strip_prefix("backends/rust/") else {
        return Vec::new();
    };
    if is_fuzzing(source) {
        return Vec::new();
    }
    let module = source.module();
    let within = |name: &str| module.iter().any(|part| part == name);
    let names =
        |path: &[&str], part: &str| path.starts_with(&["backends", "rust"]) && path.contains(&part);
    if within("codec") {
        return forbid(
            source,
            "rule 6, a codec sees neither keys nor clock",
            "take or give plain values; only accept sees both sides",
            |path| {
                let keys = [
                    "crypto",
                    "keys",
                    "key_table",
                    "accept",
                    "context",
                    "per_message",
                    "transited",
                ];
                path[0] != "time"
                    && path[0] != "random"
                    && path[0] != "credentials"
                    && !keys.iter().any(|part| names(path, part))
            },
        );
    }
    if within("crypto") || within("per_message") || within("key_table") {
        return forbid(
            source,
            "rule 6, cryptography sees neither messages nor clock",
            "take bytes and give bytes; randomness comes in as an argument",
            |path| {
                let own = |part: &str| within(part) || !names(path, part);
                path[0] != "time"
                    && path[0] != "random"
                    && ["codec", "accept", "context", "keys"]
                        .iter()
                        .all(|part| own(part))
            },
        );
    }
    // Where the two meet, by design.
    let meeting = inner == "mod.rs"
        || inner.starts_with("kerberos/accept")
        || inner == "kerberos/context.rs"
        || inner.starts_with("ntlm/accept");
    let imports = source.imports();
    let uses = |part: &str| {
        imports.iter().find(|(_, path)| {
            let path: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
            names(&path, part)
        })
    };
    match (uses("codec"), uses("crypto")) {
        (Some(_), Some((line, _))) if !meeting => vec![violation(
            source,
            *line,
            "rule 6, only accept sees both bytes and keys",
            "imports codec and crypto".to_owned(),
            "split it, or let accept do it",
        )],
        _ => Vec::new(),
    }
}

/// Files stay short enough to be read at once.
pub fn size_of_files(source: &Source) -> Vec<Violation> {
    let library = source.path.starts_with("src/") || source.path.starts_with("backends/");
    if !library || source.length() <= MAX_FILE {
        return Vec::new();
    }
    let text = format!(
        "{} lines without tests, {MAX_FILE} at the most",
        source.length()
    );
    vec![violation(
        source,
        MAX_FILE,
        "size of files",
        text,
        "split it by what its parts do",
    )]
}

/// Functions too.
pub fn size_of_functions(source: &Source) -> Vec<Violation> {
    let library = source.path.starts_with("src/") || source.path.starts_with("backends/");
    let functions = source.functions().into_iter();
    functions
        .filter(|function| library && function.lines > MAX_FUNCTION)
        .map(|function| {
            let text = format!(
                "`{}` has {} lines, {MAX_FUNCTION} at the most",
                function.name, function.lines
            );
            violation(
                source,
                function.line,
                "size of functions",
                text,
                "split it by what its parts do",
            )
        })
        .collect()
}

/// `unsafe` is in the two sys.rs alone.
pub fn unsafe_code(source: &Source) -> Vec<Violation> {
    if source.path.ends_with("/sys.rs") {
        return Vec::new();
    }
    let lines = source.lines_with("unsafe");
    lines
        .map(|line| {
            violation(
                source,
                line,
                "unsafe code",
                "`unsafe` outside of sys.rs".to_owned(),
                "do it safely, or in a backend's sys.rs",
            )
        })
        .collect()
}

/// Nothing unfinished, nothing left over from a debugging session, and no
/// test that does not run.
pub fn unfinished(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for word in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
        found.extend(source.lines_with(word).map(|line| {
            violation(
                source,
                line,
                "unfinished code",
                format!("`{word}`"),
                "finish it, or leave it out",
            )
        }));
    }
    found
}
