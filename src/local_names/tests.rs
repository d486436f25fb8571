use super::{LocalName, LocalNames};
use crate::name::{Name, Principal};

fn kerberos(text: &str) -> Name {
    Name::Kerberos(text.parse().unwrap())
}

fn mapped(names: &LocalNames, text: &str) -> Option<String> {
    names.map(&kerberos(text)).map(|name| name.to_string())
}

#[test]
fn a_local_name_breaks_nothing_that_it_is_written_into() {
    for good in ["alice", "üser", "a.b", "a-b_1", "host$", "alice@x"] {
        assert_eq!(LocalName::new(good).unwrap().as_str(), good);
    }
    let long = "a".repeat(256);
    for bad in [
        "", "-rf", "..", ".ssh", "a/b", "a:b", "a\nb", "a b", "a\0", "a\\b", "a,b", &long,
    ] {
        assert_eq!(LocalName::new(bad), None, "{bad:?}");
    }
}

#[test]
fn only_principals_of_the_realm_lose_it() {
    let names = LocalNames::strip_realm("R").or_strip_realm("S");
    assert_eq!(mapped(&names, "alice@R").as_deref(), Some("alice"));
    assert_eq!(mapped(&names, "alice@S").as_deref(), Some("alice"));
    for other in ["alice@T", "alice@r", "alice", "alice/admin@R", "a\\/b@R"] {
        assert_eq!(mapped(&names, other), None, "{other}");
    }
    assert_eq!(names.map(&Name::Anonymous), None);
    let bytes = Principal::new("R", &[b"\xFF"], 1);
    assert_eq!(names.map(&Name::Kerberos(bytes)), None);
    let anonymous = LocalNames::from_fn(|_| LocalName::new("nobody"));
    let name = Principal::new("R", &["WELLKNOWN", "ANONYMOUS"], 11);
    assert_eq!(anonymous.map(&Name::Kerberos(name)), None);
}

#[test]
fn the_first_way_that_has_a_name_gives_it() {
    let table = |name: &Name| match name.to_string().as_str() {
        "alice@R" => LocalName::new("al"),
        _ => None,
    };
    let names = LocalNames::from_fn(table).or_strip_realm("R");
    assert_eq!(mapped(&names, "alice@R").as_deref(), Some("al"));
    assert_eq!(mapped(&names, "bob@R").as_deref(), Some("bob"));
}

/// What MIT krb5 makes of the same rules, `tests/interop` asks it.
#[cfg(feature = "krb5-conf")]
mod rules {
    use super::mapped;
    use crate::error::Misuse;
    use crate::krb5_conf::Krb5Conf;
    use crate::local_names::LocalNames;

    fn conf(lines: &str) -> Krb5Conf {
        Krb5Conf::parse(&format!("[realms]\n R = {{\n{lines}\n }}\n")).unwrap()
    }

    /// krb5.conf(5): its own examples.
    #[test]
    fn the_manuals_rules() {
        let conf = conf(
            "auth_to_local = RULE:[2:$1](johndoe)s/^.*$/guest/\n\
             auth_to_local = RULE:[2:$1;$2](^.*;admin$)s/;admin$//\n\
             auth_to_local = RULE:[2:$2](^.*;root)s/^.*$/root/\n\
             auth_to_local = DEFAULT\n",
        );
        let names = LocalNames::from_krb5_conf(&conf, "R").unwrap();
        for (principal, due) in [
            ("johndoe/x@R", Some("guest")),
            ("alice/admin@R", Some("alice")),
            ("alice@R", Some("alice")),
            ("alice/other@R", None),
            ("alice@S", None),
        ] {
            assert_eq!(mapped(&names, principal).as_deref(), due, "{principal}");
        }
    }

    /// A name that a rule has made is not looked for further, and one that
    /// breaks what it is written into is none.
    #[test]
    fn the_first_rule_that_applies_decides() {
        let conf = conf("auth_to_local = RULE:[1:$1/$0]\nauth_to_local = DEFAULT\n");
        let names = LocalNames::from_krb5_conf(&conf, "R").unwrap();
        assert_eq!(mapped(&names, "alice@R"), None);
    }

    #[test]
    fn rules_that_mean_nothing_here_are_refused() {
        for rule in [
            "DB:/etc/names",
            "RULE:[1:$1](a**b\\1)",
            "RULE:[1:$1]s/[a/b/",
        ] {
            let conf = conf(&format!("auth_to_local = {rule}"));
            let error = LocalNames::from_krb5_conf(&conf, "R").unwrap_err();
            let misuse = error.misuse();
            assert!(
                matches!(misuse, Some(Misuse::LocalNameRule { .. })),
                "{rule}"
            );
        }
    }
}

/// What MIT krb5 1.20.1 answered (`krb5_aname_to_localname`), where R is the
/// default realm. It differs in one: a second component that is the default
/// realm's name is dropped by its DEFAULT; here such a principal has no name.
#[cfg(feature = "krb5-conf")]
#[test]
fn mit_krb5_maps_the_same() {
    use crate::krb5_conf::Krb5Conf;
    const NAMES: [&str; 11] = [
        "alice@R",
        "ab@R",
        "abab@R",
        "aaab@R",
        "bob42@R",
        "alice@OTHER",
        "alice/admin@R",
        "x/root@R",
        "john/x@OTHER",
        "b@R",
        "alice/R@OTHER",
    ];
    // A hyphen: no name.
    let rows = [
        ("[1:$1](a|ab)s/a|ab/x/", "- x - - bobby - - rootie - - -"),
        (
            "[1:$1]s/a|ab/x/",
            "xlice x xab xaab bobby xlice - rootie - b -",
        ),
        (
            "[1:$1]s/a|ab/x/g",
            "xlice x xx xxx bobby xlice - rootie - b -",
        ),
        (
            "[1:$1]s/^a/x/g",
            "xlice xb xbab xxxb bobby xlice - rootie - b -",
        ),
        (
            "[1:$1]s/b*/x/",
            "xalice xab xabab xaaab bobby xalice - rootie - x -",
        ),
        (
            "[1:$1](.*)s/[[:digit:]]+$//",
            "alice ab abab aaab bobby alice - rootie - b -",
        ),
        (
            "[1:$1@$0](.*@OTHER)s/@.*// & DEFAULT",
            "alice ab abab aaab bobby alice - rootie - b -",
        ),
        (
            "[1:$1@$0](@R)s/@.*// & DEFAULT",
            "alice ab abab aaab bobby - - rootie - b -",
        ),
        (
            "[2:$1;$2](^.*;admin$)s/;admin$// & [2:$2](root) & DEFAULT",
            "alice ab abab aaab bobby - alice rootie - b -",
        ),
        (
            "[2:$1-$2]",
            "- - - - bobby - alice-admin rootie john-x - alice-R",
        ),
        ("(alice)s/ali/ma/", "mace - - - bobby mace - rootie - - -"),
        (
            "[1:$1]([a-z]{2,4})",
            "- ab abab aaab bobby - - rootie - - -",
        ),
        ("[1:$1](al|alice)", "alice - - - bobby alice - rootie - - -"),
        (
            "[1:$1](ali) & DEFAULT",
            "alice ab abab aaab bobby - - rootie - b -",
        ),
        (
            "[1:$1]s/e$/E/s/E/ee/",
            "alicee ab abab aaab bobby alicee - rootie - b -",
        ),
        ("DEFAULT", "alice ab abab aaab bobby - - rootie - b -"),
        ("", "alice ab abab aaab bobby - - rootie - b -"),
    ];
    for (rules, due) in rows {
        let lines: String = rules
            .split(" & ")
            .filter(|rule| !rule.is_empty())
            .map(|rule| match rule {
                "DEFAULT" => "auth_to_local = DEFAULT\n".to_owned(),
                rule => format!("auth_to_local = RULE:{rule}\n"),
            })
            .collect();
        let text = format!(
            "[realms]\n R = {{\n{lines}auth_to_local_names = {{\n john = jdoe\n bob42 = bobby\n \
             x/root = rootie\n }}\n }}\n"
        );
        let conf = Krb5Conf::parse(&text).unwrap();
        let names = LocalNames::from_krb5_conf(&conf, "R").unwrap();
        let found = NAMES.map(|name| mapped(&names, name).unwrap_or("-".into()));
        assert_eq!(found.join(" "), due, "{rules}");
    }
    let dropped = LocalNames::from_krb5_conf(&Krb5Conf::default(), "R").unwrap();
    assert_eq!(mapped(&dropped, "alice/R@R"), None);
}
