//! The settings of a krb5.conf that mean something to an acceptor.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Krb5Conf;
use super::local_names::RealmNames;
use super::profile::{Located, Profiles, Relation};
use crate::error::{Krb5ConfProblem as Problem, Printable, list};
use crate::etype::EncryptionType;
use crate::realms::Capaths;

const LIBDEFAULTS: [&str; 1] = ["libdefaults"];

/// Reads them all.
pub(super) fn read(profiles: &Profiles) -> Result<Krb5Conf, Located> {
    let value = |name| profiles.value(&LIBDEFAULTS, name);
    let mut conf = Krb5Conf {
        clock_skew: value("clockskew").map(clock_skew).transpose()?,
        default_realm: value("default_realm").map(|found| found.value.to_owned()),
        default_keytab: value("default_keytab_name").map(keytab).transpose()?,
        capaths: capaths(profiles),
        names: names(profiles)?,
        ..Krb5Conf::default()
    };
    if let Some(found) = value("permitted_enctypes") {
        let list = EtypeList::parse(found.value);
        list.note(&mut conf.notes);
        conf.etypes = Some(list.accepted);
    }
    for (name, note) in NOT_TAKEN {
        if let Some(found) = value(name) {
            let value = Printable(found.value);
            conf.notes.push(format!("{name} = {value}: {note}"));
        }
    }
    Ok(conf)
}

/// What decides in MIT krb5 or Heimdal who is let in, and does not here.
const NOT_TAKEN: [(&str, &str); 7] = [
    (
        "allow_weak_crypto",
        "not taken; DES and 3DES are never accepted, RC4 by `insecure_rc4` alone",
    ),
    (
        "allow_rc4",
        "not taken; RC4 is accepted by `insecure_rc4` alone",
    ),
    ("allow_des3", "not taken; 3DES is never accepted"),
    (
        "ignore_acceptor_hostname",
        "not taken; `accept_service` and `accept_any_name` say which names are accepted",
    ),
    (
        "default_rcache_name",
        "not taken; `replay_store` says where tokens are remembered",
    ),
    (
        "kdc_timesync",
        "not taken; the server's clock is what counts",
    ),
    (
        "plugin_base_dir",
        "not taken; no library is loaded, so none decides on local names",
    ),
];

fn bad(found: Relation<'_>, relation: &'static str, expected: &'static str) -> Located {
    let value = found.value.to_owned();
    let problem = Problem::Value {
        relation,
        value,
        expected,
    };
    (found.place, problem)
}

/// Whole seconds, as MIT krb5 reads it; what that takes for the default is
/// refused here.
fn clock_skew(found: Relation<'_>) -> Result<Duration, Located> {
    let digits = !found.value.is_empty() && found.value.bytes().all(|b| b.is_ascii_digit());
    let seconds = found.value.parse::<u64>().ok();
    seconds
        .filter(|&seconds| digits && seconds <= MAX_SKEW)
        .map(Duration::from_secs)
        .ok_or_else(|| {
            let expected = "a number of seconds without a unit, a day (86400) at the most";
            bad(found, "clockskew", expected)
        })
}

const MAX_SKEW: u64 = 24 * 3600;

/// A keytab by its name in MIT krb5: a path, or one after `FILE:` or
/// `WRFILE:`.
fn keytab(found: Relation<'_>) -> Result<PathBuf, Located> {
    let name = found.value;
    let path = ["FILE:", "WRFILE:"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    // A path that is expanded or depends on where the server was started is
    // not followed.
    if Path::new(path).is_absolute() && !path.contains("%{") {
        return Ok(path.into());
    }
    let expected = "the absolute path of a file (FILE:/..), without %{..}";
    Err(bad(found, "default_keytab_name", expected))
}

/// `permitted_enctypes`, in words that blanks or commas divide.
#[derive(Default)]
struct EtypeList {
    accepted: Vec<EncryptionType>,
    refused: Vec<EncryptionType>,
    unknown: Vec<String>,
}

impl EtypeList {
    fn parse(value: &str) -> Self {
        let mut list = Self::default();
        let words = value.split(|c: char| c.is_ascii_whitespace() || c == ',');
        for word in words.filter(|word| !word.is_empty()) {
            let (removes, name) = match word.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, word.strip_prefix('+').unwrap_or(word)),
            };
            let Some(etypes) = etypes(&name.to_ascii_lowercase()) else {
                list.unknown.push(Printable(word).to_string());
                continue;
            };
            for &number in etypes {
                let etype = EncryptionType(number);
                let known = EncryptionType::DEFAULT.contains(&etype);
                let side = if known {
                    &mut list.accepted
                } else {
                    &mut list.refused
                };
                if removes {
                    side.retain(|own| *own != etype);
                } else if !side.contains(&etype) {
                    side.push(etype);
                }
            }
        }
        list
    }

    fn note(&self, notes: &mut Vec<String>) {
        let (weak, others): (Vec<EncryptionType>, _) = self
            .refused
            .iter()
            .partition(|etype| **etype == EncryptionType::RC4_HMAC);
        if !weak.is_empty() {
            notes.push(format!(
                "permitted_enctypes has {}, which the file does not enable; `insecure_rc4` does",
                list(&weak)
            ));
        }
        if !others.is_empty() {
            notes.push(format!(
                "permitted_enctypes has {}, which this crate does not accept",
                list(&others)
            ));
        }
        if !self.unknown.is_empty() {
            notes.push(format!(
                "permitted_enctypes has {}, which names no encryption type",
                self.unknown.join(", ")
            ));
        }
    }
}

/// The types that a word stands for, by their registered names and those of
/// krb5.conf(5); `DEFAULT` is this crate's own list.
fn etypes(word: &str) -> Option<&'static [i32]> {
    Some(match word {
        "default" | "aes" => &[18, 17, 20, 19],
        "aes256-cts-hmac-sha1-96" | "aes256-cts" | "aes256-sha1" => &[18],
        "aes128-cts-hmac-sha1-96" | "aes128-cts" | "aes128-sha1" => &[17],
        "aes256-cts-hmac-sha384-192" | "aes256-sha2" => &[20],
        "aes128-cts-hmac-sha256-128" | "aes128-sha2" => &[19],
        "rc4" | "rc4-hmac" | "arcfour-hmac" | "arcfour-hmac-md5" => &[23],
        "rc4-hmac-exp" | "arcfour-hmac-exp" | "arcfour-hmac-md5-exp" => &[24],
        "des3" | "des3-cbc-sha1" | "des3-hmac-sha1" | "des3-cbc-sha1-kd" => &[16],
        "des3-cbc-raw" => &[6],
        "des" => &[3, 1],
        "des-cbc-crc" => &[1],
        "des-cbc-md4" => &[2],
        "des-cbc-md5" => &[3],
        "camellia" => &[26, 25],
        "camellia256-cts-cmac" | "camellia256-cts" => &[26],
        "camellia128-cts-cmac" | "camellia128-cts" => &[25],
        _ => return None,
    })
}

/// `[capaths]`: below the client's realm, for each server's realm the realms
/// between them, one a relation; `.` for none.
fn capaths(profiles: &Profiles) -> Option<Capaths> {
    let mut capaths: Option<Capaths> = None;
    for (client, _) in profiles.subsections(&["capaths"]) {
        let section = ["capaths", client];
        let mut servers: Vec<&str> = Vec::new();
        for relation in profiles.relations(&section) {
            if !servers.contains(&relation.name) {
                servers.push(relation.name);
            }
        }
        for server in servers {
            let values = profiles.values(&section, server).into_iter();
            let path: Vec<&str> = values
                .map(|found| found.value)
                .filter(|realm| *realm != ".")
                .collect();
            let known = capaths.unwrap_or_default();
            capaths = Some(known.path(client, server, &path));
        }
    }
    capaths
}

/// What each realm's section says of local names.
fn names(profiles: &Profiles) -> Result<Vec<(String, RealmNames)>, Located> {
    let mut all = Vec::new();
    for (realm, _) in profiles.subsections(&["realms"]) {
        let section = ["realms", realm];
        let mut names = RealmNames::default();
        for found in profiles.values(&section, "auth_to_local") {
            let rule = found
                .value
                .parse()
                .map_err(|expected| bad(found, "auth_to_local", expected))?;
            names.rules.push(rule);
        }
        let explicit = profiles.relations(&["realms", realm, "auth_to_local_names"]);
        for found in explicit {
            // The first of a name is the one that counts.
            if names.explicit.iter().all(|(name, _)| name != found.name) {
                let pair = (found.name.to_owned(), found.value.to_owned());
                names.explicit.push(pair);
            }
        }
        if names != RealmNames::default() {
            all.push((realm.to_owned(), names));
        }
    }
    Ok(all)
}
