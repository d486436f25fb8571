//! Expected values are MIT krb5's (krb5.conf(5), and what its library answers: `tests/interop`
//! asks it), or errors where it goes on in silence.

use super::{Krb5Conf, LocalNameRule, Substitution};
use crate::error::{Error, Krb5ConfProblem as P, Unavailability};
use crate::etype::EncryptionType;
use crate::{AcceptorConfig, Keytab, Misuse, backends};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn conf(text: &str) -> Krb5Conf {
    Krb5Conf::parse(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn problem(error: &Error) -> (Option<PathBuf>, Option<usize>, P) {
    match error.unavailability() {
        Some(Unavailability::Krb5Conf {
            origin,
            line,
            problem,
        }) => (origin.clone(), *line, problem.clone()),
        _ => panic!("{error}"),
    }
}

fn refused(text: &str) -> (usize, P) {
    let error = Krb5Conf::parse(text).expect_err(text);
    let (_, line, problem) = problem(&error);
    let line = line.expect("a line");
    assert!(
        error.to_string().contains(&format!("line {line}")),
        "{error}"
    );
    (line, problem)
}

/// A directory of its own, gone at the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("krb5-conf-{}-{n}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The realm that a text names, in every way to write it.
#[test]
fn relations_and_sections_in_every_form() {
    for text in [
        "[libdefaults]\ndefault_realm = R",
        "[libdefaults]\r\n\tdefault_realm\t=\tR \t\r\n",
        "# a\n; b\n\n[libdefaults]\n  # c\n  ; d\n default_realm = R\n",
        "[libdefaults]*\n default_realm* = R\n",
        "[libdefaults] \n default_realm = R\n default_realm = S\n",
        "[libdefaults]\n[realms]\n S = {\n  kdc = a\n }\n[libdefaults]\n default_realm = R\n",
        "[libdefaults]\n default_realm = \"R\"\n",
        "[realms]\n S =\n {\n  kdc = a\n }\n  [libdefaults]\n default_realm = R\n",
        "[realms]\n S = {\n  kdc = a\n }* and so on\n[libdefaults]\n default_realm = R\n",
        "\u{FEFF}[libdefaults]\n default_realm = R\n",
    ] {
        assert_eq!(conf(text).default_realm(), Some("R"), "{text}");
    }
    // A comment has a line of its own.
    let text = "[libdefaults]\n default_realm = R # ours\n";
    assert_eq!(conf(text).default_realm(), Some("R # ours"));
    let text = "[libdefaults]\n default_realm = \" a\\n\\t\\b\\\"\\\\\\x\"\n";
    assert_eq!(conf(text).default_realm(), Some(" a\n\t\u{8}\"\\x"));
    assert_eq!(conf(""), Krb5Conf::default());
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    for (text, line, problem) in [
        ("default_realm = R\n", 1, P::BeforeSection),
        // The first section of a file begins in the first column, or counts for nothing there.
        ("x\n [a]\n", 1, P::BeforeSection),
        ("[a\n", 1, P::Section),
        ("[a] x\n", 1, P::Section),
        ("[a] *\n", 1, P::Section),
        ("[]\n", 1, P::Section),
        ("[a]\nx\n", 2, P::Relation),
        ("[a]\n= y\n", 2, P::Relation),
        ("[a]\nx y = z\n", 2, P::Relation),
        ("[a]\n* = z\n", 2, P::Relation),
        ("[a]\nx*y = z\n", 2, P::Relation),
        ("[a]\nx = { y = z }\n", 2, P::InlineBrace),
        ("[a]\nx =\ny = z\n", 3, P::MissingBrace),
        ("[a]\nx =\n\n{\n", 3, P::MissingBrace),
        ("[a]\n}\n", 2, P::ExtraBrace),
        ("}\n", 1, P::ExtraBrace),
        ("[a]\nx = {\n y = z\n", 3, P::Unclosed),
        ("[a]\nx =\n", 2, P::Unclosed),
        ("[a]\nx = {\n[b]\n", 3, P::Unclosed),
        ("[a]\nx = \"y\n", 2, P::Quotes),
        ("[a]\nx = \"y\" z\n", 2, P::Quotes),
        ("[a]\nx = \"y\\\n", 2, P::Quotes),
        ("module /lib/x.so:y\n", 1, P::Module),
        ("include /etc/krb5.conf\n", 1, P::IncludeInText),
        ("[a]\nincludedir /etc/krb5.conf.d\n", 2, P::IncludeInText),
    ] {
        assert_eq!(refused(text), (line, problem), "{text}");
    }
    let deep = format!("[a]\n{}", "x = {\n".repeat(20));
    assert_eq!(refused(&deep), (17, P::TooDeep));
}

#[test]
fn clock_skew_is_a_number_of_seconds() {
    let of = |value: &str| format!("[libdefaults]\n clockskew = {value}\n");
    for (value, seconds) in [("0", 0), ("60", 60), ("86400", 86_400)] {
        assert_eq!(
            conf(&of(value)).clock_skew(),
            Some(Duration::from_secs(seconds))
        );
    }
    assert_eq!(conf("[libdefaults]\n").clock_skew(), None);
    for value in [
        "5m",
        "-1",
        "+1",
        "86401",
        "1.5",
        "\"\"",
        "99999999999999999999",
        "5 # s",
    ] {
        let (line, problem) = refused(&of(value));
        let expected = matches!(
            problem,
            P::Value {
                relation: "clockskew",
                ..
            }
        );
        assert!(line == 2 && expected, "{value}: {problem:?}");
    }
}

/// As `krb5_get_permitted_enctypes` gives them, less what is not accepted here.
#[test]
fn encryption_types_are_mits_less_the_weak() {
    let of = |value: &str| conf(&format!("[libdefaults]\n permitted_enctypes = {value}\n"));
    for (value, numbers) in [
        ("aes", &[18, 17, 20, 19][..]),
        ("DEFAULT", &[18, 17, 20, 19]),
        ("AES256-CTS aes128-sha2,aes", &[18, 19, 17, 20]),
        ("aes -aes256-cts", &[17, 20, 19]),
        ("+aes256-cts", &[18]),
        ("aes256-sha2 aes256-cts aes256-sha2", &[20, 18]),
        ("default -aes256-sha1 -rc4", &[17, 20, 19]),
        (
            "aes128-cts-hmac-sha1-96, aes256-cts-hmac-sha384-192",
            &[17, 20],
        ),
    ] {
        let conf = of(value);
        let etypes: Vec<i32> = conf
            .permitted_enctypes()
            .unwrap()
            .iter()
            .map(|e| e.0)
            .collect();
        assert_eq!(etypes, numbers, "{value}");
        assert_eq!(conf.notes(), &[] as &[String], "{value}");
    }
    assert_eq!(conf("[libdefaults]\n").permitted_enctypes(), None);
    // What is left out is told.
    let conf = of("aes256-cts rc4-hmac des3 camellia256-cts no-such");
    assert_eq!(conf.permitted_enctypes(), Some(&[EncryptionType(18)][..]));
    let notes = conf.notes().join("\n");
    for part in [
        "rc4-hmac",
        "insecure_rc4",
        "des3-cbc-sha1",
        "etype 26",
        "no-such",
    ] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
}

#[test]
fn what_is_not_taken_is_told() {
    let conf = conf(
        "[libdefaults]\n allow_weak_crypto = true\n ignore_acceptor_hostname = true\n \
         default_rcache_name = none:\n forwardable = true\n",
    );
    assert_eq!(conf.notes().len(), 3, "{:?}", conf.notes());
    for part in [
        "allow_weak_crypto = true",
        "insecure_rc4",
        "accept_service",
        "replay_store",
    ] {
        assert!(conf.notes().join("\n").contains(part), "{part}");
    }
    assert_eq!(conf.permitted_enctypes(), None);
}

/// Cut anywhere and with any byte of it altered, a text is read or refused.
#[test]
fn no_text_makes_it_panic() {
    let text = "[libdefaults]*\n clockskew = 5\n x* = \"a\\n\"\n[realms]\n R =\n{\n \
                auth_to_local = RULE:[2:$1;$2](^.*$)s/a/b/g s/c/d/\n }*\n[capaths]\n A = {\n B = .\n }\n";
    assert!(conf(text).clock_skew().is_some());
    for at in 0..text.len() {
        let _ = Krb5Conf::parse(&text[..at]);
        for byte in [
            b'[', b']', b'{', b'}', b'=', b'*', b'"', b'\\', b'\n', b' ', b'$', b'/', b'0',
        ] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = Krb5Conf::parse(&String::from_utf8(bytes).unwrap());
        }
    }
}

/// The example of krb5.conf(5), `[capaths]`.
#[test]
fn capaths_are_those_of_the_manual() {
    let conf = conf(
        "[capaths]\n\
         ANL.GOV = {\n TEST.ANL.GOV = .\n PNL.GOV = ES.NET\n NERSC.GOV = ES.NET\n ES.NET = .\n}\n\
         TEST.ANL.GOV = {\n ANL.GOV = .\n}\n\
         NERSC.GOV = {\n ANL.GOV = ES.NET\n}\n\
         PNL.GOV = {\n TEST.ANL.GOV = ES.NET\n TEST.ANL.GOV = ANL.GOV\n}\n\
         PNL.GOV = {\n ANL.GOV = ES.NET\n}\n",
    );
    let capaths = conf.capaths().expect("some");
    let between = |client: &str, server: &str| {
        let path = capaths.between(client.as_bytes(), server.as_bytes());
        path.map(|path| {
            path.iter()
                .map(|r| String::from_utf8(r.clone()).unwrap())
                .collect()
        })
    };
    for (client, server, path) in [
        ("ANL.GOV", "TEST.ANL.GOV", &[][..]),
        ("ANL.GOV", "PNL.GOV", &["ES.NET"]),
        ("PNL.GOV", "TEST.ANL.GOV", &["ES.NET", "ANL.GOV"]),
        ("PNL.GOV", "ANL.GOV", &["ES.NET"]),
    ] {
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        assert_eq!(between(client, server), Some(path), "{client} to {server}");
    }
    assert_eq!(between("TEST.ANL.GOV", "PNL.GOV"), None);
    assert!(Krb5Conf::parse("[realms]\n").unwrap().capaths().is_none());
}

/// The example of krb5.conf(5), `auth_to_local`.
#[test]
fn rules_for_local_names_are_read() {
    let conf = conf(
        "[realms]\n ATHENA.MIT.EDU = {\n\
         auth_to_local = RULE:[2:$1](johndoe)s/^.*$/guest/\n\
         auth_to_local = RULE:[2:$1;$2](^.*;admin$)s/;admin$//\n\
         auth_to_local = RULE:[2:$2](^.*;root)s/^.*$/root/\n\
         auth_to_local = DEFAULT\n auth_to_local = RULE:s/a/b/g s/@.*//\n auth_to_local = DB:/x\n\
         auth_to_local_names = {\n  john = jdoe\n  root/admin = root\n  john = other\n }\n }\n",
    );
    let rules = conf.auth_to_local("ATHENA.MIT.EDU");
    let template = |rule: &LocalNameRule| match rule {
        LocalNameRule::Template(template) => template.clone(),
        other => panic!("{other:?}"),
    };
    let substitution = |pattern: &str, replacement: &str, everywhere| Substitution {
        pattern: pattern.into(),
        replacement: replacement.into(),
        everywhere,
    };
    let second = template(&rules[1]);
    assert_eq!(second.selection, Some((2, "$1;$2".into())));
    assert_eq!(second.pattern.as_deref(), Some("^.*;admin$"));
    assert_eq!(second.substitutions, [substitution(";admin$", "", false)]);
    assert_eq!(
        template(&rules[0]).substitutions,
        [substitution("^.*$", "guest", false)]
    );
    assert_eq!(rules[3], LocalNameRule::Default);
    let fifth = template(&rules[4]);
    assert_eq!((fifth.selection, fifth.pattern), (None, None));
    let both = [substitution("a", "b", true), substitution("@.*", "", false)];
    assert_eq!(fifth.substitutions, both);
    let other = LocalNameRule::Other {
        kind: "DB".into(),
        text: "/x".into(),
    };
    assert_eq!((&rules[5], rules.len()), (&other, 6));
    let names = conf.auth_to_local_names("ATHENA.MIT.EDU");
    let due = [("john", "jdoe"), ("root/admin", "root")];
    let due: Vec<_> = due.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    assert_eq!(names, due);
    assert!(conf.auth_to_local("R").is_empty() && conf.auth_to_local_names("R").is_empty());
    for rule in [
        "RULE:[2:$1",
        "RULE:[x:$1]",
        "RULE:[:$1]",
        "RULE:[2$1]",
        "RULE:[1:$2]",
        "RULE:[1:$]",
        "RULE:[1:$1](a",
        "RULE:[1:$1](a)x",
        "RULE:[1:$1]s/a/b",
        "RULE:[1:$1]s/a",
        "RULE:s,a,b,",
    ] {
        let text = format!("[realms]\n R = {{\n auth_to_local = {rule}\n }}\n");
        let (line, problem) = refused(&text);
        assert!(
            line == 3 && matches!(problem, P::Value { .. }),
            "{rule}: {problem:?}"
        );
    }
}

#[test]
fn the_default_keytab_is_a_file() {
    let dir = Dir::new();
    let keytab = dir.write("keytab", "\u{5}\u{2}");
    let of = |name: &str| format!("[libdefaults]\n default_keytab_name = {name}\n");
    for prefix in ["", "FILE:", "WRFILE:"] {
        let conf = conf(&of(&format!("{prefix}{}", keytab.display())));
        assert_eq!(conf.default_keytab_path(), Some(keytab.as_path()));
        assert_eq!(
            conf.default_keytab().unwrap().unwrap().path(),
            Some(keytab.as_path())
        );
    }
    assert!(conf("[libdefaults]\n").default_keytab().unwrap().is_none());
    let missing = conf(&of("/nonexistent/keytab")).default_keytab();
    assert!(matches!(
        missing.unwrap_err().unavailability(),
        Some(Unavailability::Keytab { .. })
    ));
    for name in [
        "krb5.keytab",
        "MEMORY:x",
        "/etc/%{uid}.keytab",
        "FILE:x",
        "file:/etc/x",
    ] {
        assert_eq!(refused(&of(name)).0, 2, "{name}");
    }
}

#[test]
fn files_include_each_other() {
    let dir = Dir::new();
    let realm = |name: &str| format!("passed over\n[libdefaults]\n default_realm = {name}\n");
    let at = dir.0.display();
    for name in ["b.conf", "a", ".h.conf", "0~", "0.txt"] {
        dir.write(
            &format!("d/{name}"),
            &realm(name).replace("passed over\n", ""),
        );
    }
    let main = dir.write(
        "main",
        &format!("includedir {at}/d\n[libdefaults]\n default_realm = z\n"),
    );
    let conf = Krb5Conf::open(&main).unwrap();
    assert_eq!(conf.default_realm(), Some("a"));
    assert_eq!(
        conf.files(),
        [main, dir.0.join("d/a"), dir.0.join("d/b.conf")]
    );
    // Included amidst a section, a file has sections of its own.
    let one = dir.write("one", "[libdefaults]\n clockskew = 7\n");
    let main = dir.write(
        "amidst",
        &format!(
            "[realms]\n R = {{\ninclude {}\n kdc = a\n }}\n",
            one.display()
        ),
    );
    assert_eq!(
        Krb5Conf::open(main).unwrap().clock_skew(),
        Some(Duration::from_secs(7))
    );
    // What is wrong is in the file that has it.
    let bad = dir.write("bad", "[libdefaults]\n\n clockskew = 5m\n");
    let main = dir.write("outer", &format!("# 1\ninclude {}\n", bad.display()));
    let error = Krb5Conf::open(&main).unwrap_err();
    let (origin, line, _) = problem(&error);
    assert_eq!((origin, line), (Some(bad.clone()), Some(3)));
    assert!(
        error.to_string().contains(&bad.display().to_string()),
        "{error}"
    );
    for (text, line, due) in [
        (format!("\ninclude {at}/gone\n"), 2, None),
        (format!("includedir {at}/gone\n"), 1, None),
        ("include one\n".into(), 1, Some(P::RelativeInclude)),
        ("module x\n".into(), 1, Some(P::Module)),
    ] {
        let main = dir.write("main", &text);
        let (origin, found, problem) = problem(&Krb5Conf::open(&main).unwrap_err());
        assert_eq!((origin, found), (Some(main), Some(line)), "{text}");
        match due {
            Some(due) => assert_eq!(problem, due),
            None => assert!(matches!(problem, P::Include { .. }), "{problem:?}"),
        }
    }
    let circle = dir.0.join("circle");
    fs::write(&circle, format!("include {}\n", circle.display())).unwrap();
    let (_, line, found) = problem(&Krb5Conf::open(&circle).unwrap_err());
    assert_eq!((line, found), (Some(1), P::TooManyIncludes));
    let (origin, line, found) = problem(&Krb5Conf::open("/nonexistent/krb5.conf").unwrap_err());
    assert_eq!(origin.as_deref(), Some(Path::new("/nonexistent/krb5.conf")));
    assert_eq!((line, found), (None, P::Missing));
    let latin = dir.0.join("latin");
    fs::write(&latin, b"[libdefaults]\n default_realm = \xE9\n").unwrap();
    assert_eq!(problem(&Krb5Conf::open(&latin).unwrap_err()).2, P::NotText);
    let large = dir.write("large", &"#\n".repeat(1 << 20));
    assert_eq!(problem(&Krb5Conf::open(&large).unwrap_err()).2, P::TooLarge);
}

/// krb5.conf(5): what is final is not looked for in later files.
#[test]
fn what_is_final_ends_the_search() {
    let dir = Dir::new();
    let second = dir.write(
        "second",
        "[libdefaults]\n default_realm = S\n clockskew = 60\n[capaths]\n A = {\n  B = Y\n }\n",
    );
    let of = |first: &str| Krb5Conf::open_all(&[&dir.write("first", first), &second]).unwrap();
    let path = |conf: &Krb5Conf| {
        conf.capaths()
            .unwrap()
            .between(b"A", b"B")
            .unwrap()
            .to_vec()
    };
    let open = of("[libdefaults]\n default_realm = R\n[capaths]\n A = {\n  B = X\n }\n");
    assert_eq!(
        (open.default_realm(), open.clock_skew()),
        (Some("R"), Some(Duration::from_secs(60)))
    );
    assert_eq!(path(&open), [b"X", b"Y"]);
    assert_eq!(
        of("[libdefaults]*\n default_realm = R\n").clock_skew(),
        None
    );
    assert!(
        of("[libdefaults]\n default_realm* = R\n")
            .clock_skew()
            .is_some()
    );
    for text in [
        "[capaths]*\n A = {\n  B = X\n }\n",
        "[capaths]\n A* = {\n  B = X\n }\n",
        "[capaths]\n A = {\n  B = X\n }*\n",
        "[capaths]\n A = {\n  B* = X\n }\n",
    ] {
        assert_eq!(path(&of(text)), [b"X"], "{text}");
    }
}

/// HTTP/web@R, aes256-cts-hmac-sha1-96, kvno 1, as `ktutil` writes it.
fn keytab() -> Keytab {
    let mut entry = vec![0, 2, 0, 1, b'R', 0, 4];
    entry.extend_from_slice(b"HTTP");
    entry.extend_from_slice(&[0, 3]);
    entry.extend_from_slice(b"web");
    entry.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 18, 0, 32]);
    entry.extend_from_slice(&[7; 32]);
    let mut bytes = vec![5, 2];
    bytes.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_be_bytes());
    bytes.extend(entry);
    Keytab::from_bytes(bytes).unwrap()
}

#[test]
fn the_builders_own_settings_win() {
    let conf = conf("[libdefaults]\n clockskew = 60\n permitted_enctypes = aes256-cts rc4\n");
    let builder = || AcceptorConfig::builder(backends::rust(keytab()));
    let description = builder().krb5_conf(&conf).build().unwrap().describe();
    assert_eq!(description.clock_skew, Duration::from_secs(60));
    assert_eq!(description.etypes, [EncryptionType(18)]);
    assert!(
        description
            .notes
            .iter()
            .any(|note| note.contains("rc4-hmac"))
    );
    assert!(
        description
            .to_string()
            .contains("note              krb5.conf: permitted")
    );
    let (skew, etypes) = (
        Duration::from_secs(5),
        [EncryptionType(18), EncryptionType(20)],
    );
    for own in [
        builder()
            .clock_skew(skew)
            .encryption_types(&etypes)
            .krb5_conf(&conf),
        builder()
            .krb5_conf(&conf)
            .clock_skew(skew)
            .encryption_types(&etypes),
    ] {
        let description = own.build().unwrap().describe();
        assert_eq!(
            (description.clock_skew, description.etypes),
            (skew, etypes.to_vec())
        );
    }
    // Without a file nothing is said of one.
    assert!(builder().build().unwrap().describe().notes.is_empty());
}

#[test]
fn a_file_enables_nothing_weak() {
    let of = |text: &str| {
        let conf = conf(&format!("[libdefaults]\n allow_weak_crypto = true\n{text}"));
        AcceptorConfig::builder(backends::rust(keytab()))
            .krb5_conf(&conf)
            .build()
    };
    for weak in ["rc4-hmac", "des3 rc4", "des-cbc-crc", "no-such", "-aes"] {
        let error = of(&format!(" permitted_enctypes = {weak}\n")).unwrap_err();
        assert!(
            matches!(error.misuse(), Some(Misuse::Etypes { .. })),
            "{weak}: {error}"
        );
    }
    let etypes = of("").unwrap().describe().etypes;
    assert_eq!(etypes, EncryptionType::DEFAULT);
}
