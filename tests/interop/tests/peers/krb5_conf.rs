//! One krb5.conf, read by MIT krb5 and by us: the same text means the same, and lets the same
//! clients in.

use gss_acceptor::{
    Acceptor, AcceptorConfig, Keytab, Krb5Conf, LocalNames, MemoryReplayStore, Name, Step,
    Unavailability, backends,
};
use interop::process::{Folder, judge_program};
use interop::python::{PYTHON, script};
use kit::ap_req::ApReqSpec;
use kit::judge::{Judge, Outcome};
use kit::ticket::flag;
use kit::world::World;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Files of one test, gone at its end.
struct Dir(Folder);

impl Dir {
    fn new(name: &str) -> Self {
        Self(Folder::new(name))
    }

    fn write(&self, name: &str, text: &str) -> String {
        self.0.write(name, text).display().to_string()
    }
}

/// KRB5_CONFIG_BADFORMAT.
const BAD_FORMAT: &str = "-1765328248";

/// Asks MIT's library; for each question the values, or the code of an error.
fn ask(questions: &[Vec<String>]) -> Vec<Result<Vec<String>, String>> {
    let mut child = Command::new(PYTHON)
        .arg(script("krb5_conf.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Debian's python3");
    let lines: Vec<String> = questions.iter().map(|parts| parts.join("\t")).collect();
    let mut to = child.stdin.take().expect("piped");
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || to.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    let text = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<_> = text
        .lines()
        .map(|line| {
            let mut parts = line.split('\t').map(ToOwned::to_owned);
            match parts.next().as_deref() {
                Some("ok") => Ok(parts.collect()),
                _ => Err(parts.collect()),
            }
        })
        .collect();
    assert_eq!(answers.len(), questions.len(), "one answer each:\n{text}");
    answers
}

fn question(what: &str, file: &str, rest: &[&str]) -> Vec<String> {
    let parts = [what, file].into_iter().chain(rest.iter().copied());
    parts.map(ToOwned::to_owned).collect()
}

/// Texts that both read: the first value of `default_realm` must be the same.
const SAME: [&str; 26] = [
    "[libdefaults]\ndefault_realm = R",
    "[libdefaults]\r\n\tdefault_realm\t=\tR \t\r\n",
    "# a\n; b\n\n[libdefaults]\n  # c\n  ; d\n default_realm = R\n",
    "[libdefaults]*\n default_realm* = R\n default_realm = S\n",
    "[libdefaults] \n default_realm = R\n default_realm = S\n",
    "[libdefaults]\n[realms]\n S = {\n kdc = a\n }\n[libdefaults]\n default_realm = R\n",
    "[libdefaults]\n default_realm = \"R\"\n",
    "[libdefaults]\n default_realm = \" a b \"\n",
    "[libdefaults]\n default_realm = \"a\\n\\t\\\\ \\x\\\"\"\n",
    "[libdefaults]\n default_realm = a\"b\n",
    "[libdefaults]\n default_realm = R # ours\n",
    "[libdefaults]\n default_realm = R ; ours\n",
    "[libdefaults]\n default_realm = a = b\n",
    "[libdefaults]\n default_realm=R\n",
    "[libdefaults]\n default_realm = R}\n",
    "[realms]\n S =\n {\n kdc = a\n }\n  [libdefaults]\n default_realm = R\n",
    "[realms]\n S = {  \n kdc = a\n } and so on\n[libdefaults]\n default_realm = R\n",
    "[realms]\n S = {\n kdc = a\n }*\n[libdefaults]\n default_realm = R\n",
    "[libdefaults]\n default_realm = {R\n",
    "[a]\n x = {\n y = {\n z = {\n }\n }\n }\n[libdefaults]\n default_realm = R\n",
    "[a]\n b c\n",
    "[a\n",
    "[a] x\n",
    "[a]\n}\n",
    "[a]\n b =\n c = d\n",
    "[a]\n b = {\n[c]\n",
];

#[test]
fn mit_reads_the_same_text() {
    let dir = Dir::new("profile");
    let plain = dir.write("plain", "passed\n");
    let more = dir.write("more", "[libdefaults]\n default_realm = included\n");
    for name in ["b.conf", "a_-1", ".h.conf", "0~", "0.txt", "0.conf.bak"] {
        dir.write(
            &format!("d/{name}"),
            &format!("[libdefaults]\n default_realm = {name}\n"),
        );
    }
    let in_dir = dir.0.path().join("d").display().to_string();
    let mut texts: Vec<String> = SAME.iter().map(ToString::to_string).collect();
    for text in [
        format!("include {more}\n[libdefaults]\n default_realm = R\n"),
        format!("[libdefaults]\n default_realm = R\ninclude\t{more}\n"),
        format!("[a]\n b = {{\ninclude {more}\n c = d\n }}\n"),
        format!("includedir {in_dir}\n[libdefaults]\n default_realm = R\n"),
        format!("include {plain}/not/there\n"),
        format!("includedir {plain}\n"),
        format!("[a]\n include {more}\n"),
    ] {
        texts.push(text);
    }
    let files: Vec<String> = (0..)
        .zip(&texts)
        .map(|(n, text)| dir.write(&format!("conf{n}"), text))
        .collect();
    let path = ["libdefaults", "default_realm"];
    let questions: Vec<_> = files
        .iter()
        .map(|file| question("values", file, &path))
        .collect();
    for ((file, text), theirs) in files.iter().zip(&texts).zip(ask(&questions)) {
        let theirs = theirs.ok().and_then(|values| values.into_iter().next());
        let ours = Krb5Conf::open(file);
        let ours = match &ours {
            Ok(conf) => conf.default_realm().map(|realm| {
                let realm = realm.replace('\t', "\\t");
                realm.replace('\n', "\\n")
            }),
            Err(error) => {
                let known = matches!(
                    error.unavailability(),
                    Some(Unavailability::Krb5Conf { .. })
                );
                assert!(known, "{error}");
                // A brace that begins a value is text there; here it is taken for a mistake.
                if text.contains("{R") {
                    assert_eq!(theirs.as_deref(), Some("{R"));
                    continue;
                }
                None
            }
        };
        assert_eq!(ours, theirs, "{text}");
    }
}

/// What MIT passes over in silence, or takes for something else, is refused.
#[test]
fn what_mit_passes_over_is_refused() {
    let dir = Dir::new("stricter");
    let texts = [
        // Not in a section: read by nobody.
        "default_realm = S\n[libdefaults]\n default_realm = R\n",
        // Ends inside of a subsection.
        "[libdefaults]\n default_realm = R\n[realms]\n S = {\n",
        // Behind a quoted value, or without the closing mark.
        "[libdefaults]\n default_realm = \"R\" S\n",
        "[libdefaults]\n default_realm = \"R\n",
        // A skew that is no number is the default there.
        "[libdefaults]\n default_realm = R\n clockskew = 5m\n",
    ];
    let files: Vec<String> = (0..)
        .zip(texts)
        .map(|(n, text)| dir.write(&format!("conf{n}"), text))
        .collect();
    let path = ["libdefaults", "default_realm"];
    let questions: Vec<_> = files
        .iter()
        .map(|file| question("values", file, &path))
        .collect();
    for (file, theirs) in files.iter().zip(ask(&questions)) {
        assert_eq!(theirs, Ok(vec!["R".to_owned()]));
        let error = Krb5Conf::open(file).expect_err("refused");
        assert!(error.to_string().contains("line"), "{error}");
    }
}

#[test]
fn mit_permits_the_same_encryption_types() {
    let dir = Dir::new("etypes");
    let values = [
        "DEFAULT",
        "default",
        "aes",
        "AES256-CTS aes128-sha2,aes",
        "DEFAULT -rc4 -des3",
        "aes -aes256-cts",
        "aes256-cts no-such",
        "+aes256-cts +aes128-cts",
        "aes256-sha2 aes256-cts aes256-sha2",
        "default -aes256-sha1",
        "aes128-cts-hmac-sha256-128,aes256-cts-hmac-sha384-192",
        "rc4-hmac",
        "des3 rc4 camellia",
        "aes -aes +rc4",
    ];
    let files: Vec<String> = (0..)
        .zip(values)
        .map(|(n, value)| {
            let text = format!("[libdefaults]\n permitted_enctypes = {value}\n");
            dir.write(&format!("conf{n}"), &text)
        })
        .collect();
    let questions: Vec<_> = files
        .iter()
        .map(|file| question("enctypes", file, &[]))
        .collect();
    for ((file, value), theirs) in files.iter().zip(values).zip(ask(&questions)) {
        let theirs = theirs.unwrap_or_else(|code| panic!("MIT refuses {value}: {code}"));
        // Neither RC4 nor 3DES nor Camellia comes from a file here.
        let aes = |number: &&String| ["17", "18", "19", "20"].contains(&number.as_str());
        let theirs: Vec<i32> = theirs
            .iter()
            .filter(aes)
            .map(|number| number.parse().expect("a number"))
            .collect();
        let conf = Krb5Conf::open(file).expect("reads");
        let ours: Vec<i32> = conf
            .permitted_enctypes()
            .expect("some")
            .iter()
            .map(|e| e.0)
            .collect();
        assert_eq!(ours, theirs, "{value}");
    }
}

/// A rule that we refuse is one that MIT calls a bad format, and the other way round.
#[test]
fn mit_reads_the_same_rules_for_local_names() {
    let dir = Dir::new("rules");
    let rules = [
        ("RULE:[1:$1]", "alice", Some("alice")),
        ("RULE:[1:$1@$0](^.*@R$)s/@.*//", "alice", Some("alice")),
        (
            "RULE:[2:$1;$2](^.*;admin$)s/;admin$//",
            "alice/admin",
            Some("alice"),
        ),
        (
            "RULE:[2:$2](^.*;root)s/^.*$/root/",
            "alice/x;root",
            Some("root"),
        ),
        ("RULE:[1:$1]s/a/b/ s/l/x/g", "allal", Some("bxxax")),
        ("RULE:[1:$1]s/l/x/gs/x/l/", "all", Some("alx")),
        ("RULE:[1:x$1y]", "alice", Some("xalicey")),
        ("RULE:s/@.*//", "alice", Some("alice")),
        ("RULE:(alice)s/ali/ma/", "alice", Some("mace")),
        ("DEFAULT", "alice", Some("alice")),
        ("RULE:[1:$1", "alice", None),
        ("RULE:[1$1]", "alice", None),
        ("RULE:[1:$2]", "alice", None),
        ("RULE:[x:$1]", "alice", None),
        ("RULE:[1:$1](a", "alice", None),
        ("RULE:[1:$1](alice)x", "alice", None),
        ("RULE:[1:$1]s/a/b", "alice", None),
        ("RULE:[1:$1]s/a", "alice", None),
        ("RULE:[1:$1]s,a,b,", "alice", None),
    ];
    let files: Vec<String> = (0..)
        .zip(rules)
        .map(|(n, (rule, ..))| {
            let text = format!(
                "[libdefaults]\n default_realm = R\n[realms]\n R = {{\n auth_to_local = {rule}\n }}\n"
            );
            dir.write(&format!("conf{n}"), &text)
        })
        .collect();
    let questions: Vec<_> = files
        .iter()
        .zip(rules)
        .map(|(file, (_, name, _))| question("localname", file, &[&format!("{name}@R")]))
        .collect();
    for ((file, (rule, _, local)), theirs) in files.iter().zip(rules).zip(ask(&questions)) {
        let due = local.map(|name| vec![name.to_owned()]);
        assert_eq!(theirs, due.ok_or(BAD_FORMAT.to_owned()), "{rule}");
        match local {
            Some(_) => assert_eq!(
                Krb5Conf::open(file)
                    .expect("reads")
                    .auth_to_local("R")
                    .len(),
                1
            ),
            None => drop(Krb5Conf::open(file).expect_err(rule)),
        }
    }
}

/// The same tokens, the same file: who is let in.
#[test]
fn mit_lets_the_same_clients_in() {
    judge_program();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let world = World::new(i64::try_from(now.as_secs()).expect("in this era"), 77);
    let skewed = |seconds: i64| {
        let mut spec = world.ap_req();
        spec.ctime -= seconds;
        spec
    };
    let typed = |etype: i32| world.with_etype(etype).ap_req();
    let through = |realms: &str| {
        let mut spec = world.ap_req();
        spec.ticket.crealm = b"A.B.EXAMPLE.TEST".to_vec();
        spec.ticket.transited = (1, realms.as_bytes().to_vec());
        spec.ticket.flags &= !flag::TRANSITED_POLICY_CHECKED;
        spec
    };
    let capaths = "[capaths]\n A.B.EXAMPLE.TEST = {\n  EXAMPLE.TEST = HUB.TEST\n  \
                   EXAMPLE.TEST = SECOND.TEST\n }\n";
    let direct = "[capaths]\n A.B.EXAMPLE.TEST = {\n  EXAMPLE.TEST = .\n }\n";
    use Outcome::{Accept, Reject};
    let cases: [(&str, ApReqSpec, Outcome); 17] = [
        ("", skewed(200), Accept),
        ("", skewed(400), Reject),
        (" clockskew = 100\n", skewed(200), Reject),
        (" clockskew = 600\n", skewed(400), Accept),
        (" clockskew = 600\n", skewed(-400), Accept),
        (" permitted_enctypes = aes256-cts\n", typed(18), Accept),
        (" permitted_enctypes = aes256-cts\n", typed(17), Reject),
        (" permitted_enctypes = aes\n", typed(20), Accept),
        (" permitted_enctypes = aes128-sha2\n", typed(19), Accept),
        (" permitted_enctypes = aes128-sha2\n", typed(18), Reject),
        ("", through("B.EXAMPLE.TEST"), Accept),
        ("", through("HUB.TEST"), Reject),
        (capaths, through("HUB.TEST"), Accept),
        (capaths, through("HUB.TEST,SECOND.TEST"), Accept),
        (capaths, through("B.EXAMPLE.TEST"), Reject),
        (direct, through(""), Accept),
        (direct, through("B.EXAMPLE.TEST"), Reject),
    ];
    let mut judge = Judge::mit().expect("a judge");
    let keytab = judge.keytab("keytab", &world.keytab()).expect("a file");
    for (number, (text, spec, due)) in cases.into_iter().enumerate() {
        let file = judge.configure(text).expect("a file");
        let verdict = judge
            .accept(&keytab, &spec.token(), None, None)
            .expect("a verdict");
        assert_eq!(verdict.outcome(), due, "{number}, MIT: {text}{verdict:?}");
        let conf = Krb5Conf::open(&file).unwrap_or_else(|error| panic!("{error}"));
        let ours =
            AcceptorConfig::builder(backends::rust(Keytab::open(&keytab).expect("a keytab")))
                .replay_store(Arc::new(MemoryReplayStore::new()))
                .krb5_conf(&conf)
                .build()
                .expect("builds");
        assert!(ours.describe().clock_skew >= Duration::from_secs(100));
        let step = Acceptor::new(&ours).step(&spec.token());
        match (due, &step) {
            (Accept, Ok(Step::Established { .. })) | (Reject, Err(_)) => {}
            _ => panic!("{number}: {text}{step:?}"),
        }
    }
}

/// Whole mappings and many names: what account MIT's krb5_aname_to_localname has for each, and we.
#[test]
fn mit_has_the_same_local_names() {
    let dir = Dir::new("aname");
    let mappings = [
        "",
        "auth_to_local = DEFAULT\n",
        "auth_to_local = RULE:[1:$1@$0](.*@OTHER)s/@.*//\n",
        "auth_to_local = RULE:[1:$1@$0](.*@OTHER)s/@OTHER/-o/\n auth_to_local = DEFAULT\n",
        "auth_to_local = RULE:[2:$1](^alice$|^bob$)\n auth_to_local = DEFAULT\n",
        "auth_to_local = RULE:[2:$1;$2](^.*;admin$)s/;admin$/.adm/\n auth_to_local = RULE:[1:$1]\n",
        "auth_to_local = RULE:[1:$1]s/[aeiou]/x/g s/x+/y/\n",
        "auth_to_local = RULE:[1:$1](a|al|alic*e?)s/al(i|ice)/z/\n",
        "auth_to_local = RULE:[3:$3$2$1]\n auth_to_local = RULE:[2:$2$1]\n auth_to_local = DEFAULT\n",
        "auth_to_local_names = {\n  alice = operator\n  alice/admin = root\n }\n auth_to_local = DEFAULT\n",
        "auth_to_local_names = {\n  bob = operator\n }\n auth_to_local = RULE:[1:$1]s/^b/B/\n",
        "auth_to_local = RULE:[1:$0.$1]s/\\.//\n",
    ];
    let names = [
        "alice@R",
        "bob@R",
        "alice/admin@R",
        "bob/admin@R",
        "carol/host@R",
        "a/b/c@R",
        "alice@OTHER",
        "bob/admin@OTHER",
        "al@R",
        "aaa@R",
        "xyz@R",
        "HTTP/web.r.test@R",
    ];
    let mut questions = Vec::new();
    let mut ours = Vec::new();
    for (number, mapping) in mappings.iter().enumerate() {
        let text = format!("[libdefaults]\n default_realm = R\n[realms]\n R = {{\n {mapping} }}\n");
        let file = dir.write(&format!("conf{number}"), &text);
        let conf = Krb5Conf::open(&file).unwrap_or_else(|error| panic!("{mapping}: {error}"));
        let local = LocalNames::from_krb5_conf(&conf, "R").expect(mapping);
        for name in names {
            questions.push(question("localname", &file, &[name]));
            let name = Name::Kerberos(name.parse().expect("a principal"));
            ours.push((mapping, local.map(&name).map(|it| it.to_string())));
        }
    }
    let (mut found, mut foreigners) = (0, 0);
    for ((theirs, (mapping, ours)), asked) in ask(&questions).into_iter().zip(ours).zip(&questions)
    {
        let theirs = match theirs {
            Ok(name) => name.into_iter().next(),
            Err(code) if NO_TRANSLATION.contains(&code.as_str()) => None,
            Err(code) => panic!("{mapping}: {asked:?}: {code}"),
        };
        // MIT looks at the name without its realm; here another realm's alice is not this one's.
        let foreign = mapping.contains("auth_to_local_names") && asked[2].ends_with("@OTHER");
        if foreign && ours.is_none() && theirs.as_deref() == Some("operator") {
            foreigners += 1;
            continue;
        }
        assert_eq!(ours, theirs, "{mapping}: {asked:?}");
        found += usize::from(theirs.is_some());
    }
    assert_eq!(foreigners, 1);
    assert!(
        (40..120).contains(&found),
        "{found} of {} have one",
        questions.len()
    );
}

/// KRB5_NO_LOCALNAME, KRB5_LNAME_NOTRANS.
const NO_TRANSLATION: [&str; 2] = ["-1765328227", "-1765328208"];
