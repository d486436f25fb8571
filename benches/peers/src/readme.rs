//! The tables of README, from what the other tables print.

use std::io::BufRead as _;

/// A lane: the title of its table, its name, microseconds.
type Lane = (String, String, f64);

/// The lanes of an output, which is passed on.
fn lanes() -> Vec<Lane> {
    let (mut all, mut title) = (Vec::new(), String::new());
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        println!("{line}");
        let lane = line.strip_prefix("    ").and_then(|lane| {
            let (rest, _) = lane.split_once(" us")?;
            let (name, number) = rest.trim_end().rsplit_once(' ')?;
            Some((name.trim_end().to_owned(), number.parse().ok()?))
        });
        match lane {
            Some((name, number)) => all.push((title.clone(), name, number)),
            None => title = line,
        }
    }
    all
}

/// Three digits at the most, as nothing here is more exact.
fn digits(microseconds: f64) -> String {
    let digits = match microseconds {
        small if small < 1.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    format!("{microseconds:.digits$} µs")
}

struct Lanes(Vec<Lane>);

impl Lanes {
    fn of(&self, title: &str, name: &str) -> String {
        let found = self
            .0
            .iter()
            .find(|(table, lane, _)| table.starts_with(title) && lane == name);
        digits(found.unwrap_or_else(|| panic!("no {name} in {title}")).2)
    }

    /// What follows `before` in a title, up to a space or comma.
    fn number(&self, title: &str, before: &str) -> &str {
        let mut titles = self.0.iter().map(|(table, ..)| table);
        let found = titles.find(|table| table.starts_with(title));
        let rest = found.and_then(|table| table.split_once(before));
        let (_, rest) = rest.unwrap_or_else(|| panic!("no {before} in {title}"));
        rest.split([' ', ',']).next().unwrap_or_default()
    }

    fn row(&self, title: &str, names: &[&str]) -> String {
        let cell = |name: &&str| match *name {
            "" => String::new(),
            name => self.of(title, name),
        };
        let cells: Vec<_> = names.iter().map(cell).collect();
        cells.join(" | ")
    }
}

const RAW: &str = "accept: raw AP-REQ of ";
const PLAIN: &str = "accept: as Cargo builds by itself, raw AP-REQ of ";
const SPNEGO: &str = "accept: a domain's ticket inside SPNEGO, ";
const GROUPS: &str = "accept: a ticket with 401 groups";
const LARGE: &str = "messages of 64 KiB, AES-256-SHA1";
const SHA256: &str = "messages of 64 KiB, aes128-cts-hmac-sha256-128";
const SHA384: &str = "messages of 64 KiB, aes256-cts-hmac-sha384-192";
const SMALL: &str = "messages of 64 bytes, AES-256-SHA1";
const NTLM: &str = "NTLM:";
const FLOOR: &str = "the primitives alone";

fn text(lanes: &Lanes) -> String {
    let raw = [
        "gss-acceptor",
        "krb5 1.0",
        "MIT krb5, replay cache off",
        "Heimdal",
        FLOOR,
    ];
    let spnego = [
        "gss-acceptor",
        "",
        "MIT krb5",
        "Heimdal, no replay check",
        FLOOR,
    ];
    let message = |what: &str| {
        [
            format!("{what} in place"),
            format!("{what}, krb5 1.0"),
            format!("{what}, MIT krb5"),
            format!("{what}, Heimdal"),
        ]
    };
    let [wrap, unwrap] = ["wrap", "unwrap"].map(|what| {
        let names = message(what);
        lanes.row(LARGE, &names.each_ref().map(String::as_str))
    });
    let [cbc, hmac] = ["AES-256-CBC alone", "HMAC-SHA1 alone"].map(|name| lanes.of(LARGE, name));
    let small =
        ["wrap in place", "unwrap in place", "make a MIC"].map(|name| lanes.of(SMALL, name));
    let sha2 = [SHA256, SHA384]
        .map(|title| ["wrap in place", "the slower of the two"].map(|name| lanes.of(title, name)));
    let sha2 = sha2.as_flattened();
    let bytes = |title, before| lanes.number(title, before);
    format!(
        "| accept one token | here | `krb5` 1.0 | MIT krb5 1.20 | Heimdal 7.8 | the primitives alone |\n\
         |---|---|---|---|---|---|\n\
         | raw, {} bytes (MIT's replay cache off, the `krb5` crate's and ours on, with 100 000 entries each) | {} |\n\
         | the same, as Cargo builds for release by itself | {} |\n\
         | SPNEGO of {} bytes, mutual authentication, a PAC of {} bytes verified, replay cache, name shown \
         (Heimdal has no replay check) | {} |\n\n\
         | one message of 64 KiB (`-- wrap`) | here | `krb5` 1.0 | MIT krb5 | Heimdal | its slower primitive alone |\n\
         |---|---|---|---|---|---|\n\
         | wrap, sealed, in place | {wrap} | AES-CBC {cbc} |\n\
         | unwrap, in place | {unwrap} | HMAC {hmac} |\n\
         | MIC | {} | | | | HMAC {hmac} |\n\n\
         The same sealed under AES-128 with SHA-256: {} (its slower primitive {}), under AES-256 with SHA-384: {} ({}).\n\
         A message of 64 bytes: wrap {}, unwrap {}, MIC {}. An NTLM handshake: {}, its primitives {}. A ticket\n\
         whose PAC has 401 groups, verified, read and searched: {}, where MIT krb5 verifies it in {}\n\
         (`-- accept-pac`). ",
        bytes(RAW, RAW),
        lanes.row(RAW, &raw),
        lanes.row(PLAIN, &raw),
        bytes(SPNEGO, SPNEGO),
        bytes(SPNEGO, "a PAC of "),
        lanes.row(SPNEGO, &spnego),
        lanes.of(LARGE, "make a MIC"),
        sha2[0],
        sha2[1],
        sha2[2],
        sha2[3],
        small[0],
        small[1],
        small[2],
        lanes.of(NTLM, "gss-acceptor"),
        lanes.of(NTLM, FLOOR),
        lanes.of(GROUPS, "gss-acceptor, groups read"),
        lanes.of(GROUPS, "MIT krb5, verified alone"),
    )
}

/// Writes them, between the line that ends in a colon and what is said of the other tables.
pub fn run() {
    let lanes = Lanes(lanes());
    let path = interop::process::root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let begin = readme
        .find("| accept one token |")
        .expect("the first table");
    let end = "Nothing is allocated in place.";
    let end = begin + readme[begin..].find(end).expect("what follows");
    let new = [&readme[..begin], &text(&lanes), &readme[end..]].concat();
    std::fs::write(&path, new).expect("README.md");
}
