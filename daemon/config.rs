//! The configuration file: a word and its value a line, `#` begins a comment.
//!
//! ```text
//! socket  /run/gss-acceptor/broker.sock    # where it listens; its directory must be there
//! mode    0660                             # of the socket; 0600 unless set
//! socket-group  www-data                   # of the socket
//! keytab  /etc/http.keytab                 # read before it becomes `user`; restart it after a change
//! backend rust                             # or mit, heimdal: the system's library (feature `gssapi`)
//! user    gss-broker                       # whom to become; without, it stays who it is
//! group   gss-broker                       # the user's own group unless set
//! allow   www-data  HTTP                   # who may use it, and for which services
//! allow   0         HTTP/web host/web      # by number; several services
//! allow   backup    *                      # every service of the keytab
//! clock-skew  300                          # seconds; 300 unless set
//! reject-before-start  yes                 # refuse what may have been used before it started
//! threads  2
//! ```
//!
//! The system's libraries have their clock skew from their krb5.conf: with them,
//! `clock-skew` and `reject-before-start` are errors. An application takes
//! their contexts up with the same library
//! (`BrokerOptions::importer(GssapiLibrary::Mit.importer()?)`).
//!
//! A word that is not known, a value that cannot be read and a word that comes
//! twice (but for `allow`) are errors: nothing is guessed.

use std::path::PathBuf;
use std::time::Duration;

use gss_acceptor::ServiceName;

#[derive(Debug)]
pub struct Config {
    pub socket: PathBuf,
    pub mode: u32,
    pub socket_group: Option<String>,
    pub keytab: PathBuf,
    pub backend: Backend,
    pub user: Option<String>,
    pub group: Option<String>,
    /// No services: all.
    pub allow: Vec<(String, Vec<ServiceName>)>,
    pub clock_skew: Option<Duration>,
    pub reject_before_start: bool,
    pub threads: Option<usize>,
}

/// Whose acceptor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Rust,
    Mit,
    Heimdal,
}

impl Config {
    pub fn read(text: &str) -> Result<Self, String> {
        let mut values: Vec<(&str, &str)> = Vec::new();
        let mut allow = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let problem = |what: &str| format!("line {}: {what}", index + 1);
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (word, value) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| problem("a word without a value"))?;
            if word == "allow" {
                allow.push(read_allow(value).map_err(|what| problem(&what))?);
            } else if !WORDS.contains(&word) {
                return Err(problem(&format!("'{word}' is not known")));
            } else if values.iter().any(|(own, _)| *own == word) {
                return Err(problem(&format!("'{word}' comes twice")));
            } else {
                values.push((word, value.trim()));
            }
        }
        let get = |word| {
            let found = values.iter().find(|(own, _)| *own == word);
            found.map(|(_, value)| (*value).to_owned())
        };
        let needed = |word| get(word).ok_or_else(|| format!("'{word}' is missing"));
        if allow.is_empty() {
            return Err("'allow' is missing: nobody could use it".into());
        }
        Ok(Self {
            socket: needed("socket")?.into(),
            mode: match get("mode") {
                Some(text) => read_mode(&text)?,
                None => 0o600,
            },
            socket_group: get("socket-group"),
            keytab: needed("keytab")?.into(),
            backend: match get("backend").as_deref() {
                None | Some("rust") => Backend::Rust,
                Some("mit") => Backend::Mit,
                Some("heimdal") => Backend::Heimdal,
                Some(_) => return Err("'backend' is rust, mit or heimdal".into()),
            },
            user: get("user"),
            group: get("group"),
            allow,
            clock_skew: number(get("clock-skew"), "clock-skew")?.map(Duration::from_secs),
            reject_before_start: match get("reject-before-start").as_deref() {
                None | Some("no") => false,
                Some("yes") => true,
                Some(_) => return Err("'reject-before-start' is yes or no".into()),
            },
            threads: number(get("threads"), "threads")?
                .map(|count| usize::try_from(count).unwrap_or(1).clamp(1, 256)),
        })
    }
}

const WORDS: [&str; 10] = [
    "socket",
    "mode",
    "socket-group",
    "keytab",
    "backend",
    "user",
    "group",
    "clock-skew",
    "reject-before-start",
    "threads",
];

fn read_allow(value: &str) -> Result<(String, Vec<ServiceName>), String> {
    let mut words = value.split_whitespace();
    let user = words.next().ok_or("a user is missing")?.to_owned();
    let services: Vec<&str> = words.collect();
    match services.as_slice() {
        [] => Err("services are missing; * is all".into()),
        ["*"] => Ok((user, Vec::new())),
        names => {
            let read = |name: &&str| {
                if name.contains('*') {
                    return Err(format!("'{name}' is no service; * alone is all"));
                }
                name.parse::<ServiceName>()
                    .map_err(|error| error.to_string())
            };
            let names: Result<Vec<ServiceName>, String> = names.iter().map(read).collect();
            Ok((user, names?))
        }
    }
}

/// Whoever may write to the socket may connect to it.
fn read_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(format!("'{text}' is no mode; 0660 is one")),
    }
}

fn number(text: Option<String>, word: &str) -> Result<Option<u64>, String> {
    let read = |text: String| {
        text.parse()
            .map_err(|_| format!("'{word}' is a number, not '{text}'"))
    };
    text.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::{Backend, Config};
    use std::time::Duration;

    const LEAST: &str = "socket /s\nkeytab /k\nallow www HTTP\n";

    #[test]
    fn what_is_written_is_read() {
        let text = "# all of it\nsocket /run/b.sock  # here\nmode 0660\nsocket-group www\n\
            keytab /etc/k\nuser gss\nallow www-data HTTP HTTP/web\nallow 0 *\nclock-skew 60\n\
            reject-before-start yes\nthreads 4\n";
        let config = Config::read(text).unwrap();
        assert_eq!(config.socket.to_str(), Some("/run/b.sock"));
        assert_eq!((config.mode, config.threads), (0o660, Some(4)));
        assert_eq!(config.user.as_deref(), Some("gss"));
        assert_eq!(config.clock_skew, Some(Duration::from_secs(60)));
        assert!(config.reject_before_start);
        assert_eq!(config.allow[0].0, "www-data");
        assert_eq!(config.allow[0].1.len(), 2);
        assert_eq!(config.allow[1], ("0".into(), vec![]));
        let config = Config::read(LEAST).unwrap();
        assert_eq!(config.mode, 0o600);
        assert_eq!(config.backend, Backend::Rust);
        let config = Config::read(&format!("{LEAST}backend mit\n")).unwrap();
        assert_eq!(config.backend, Backend::Mit);
    }

    #[test]
    fn nothing_is_guessed() {
        for more in [
            "keytabs /k",
            "socket /t",
            "mode 888",
            "mode rw",
            "backend gssapi",
            "user",
            "allow www",
            "allow www HTTP*",
            "allow www * HTTP",
            "clock-skew five",
            "reject-before-start true",
        ] {
            let text = format!("{LEAST}{more}\n");
            assert!(Config::read(&text).is_err(), "{more}");
        }
        for line in LEAST.lines() {
            let text = LEAST.replace(line, "");
            assert!(
                Config::read(&text).unwrap_err().contains("missing"),
                "{line}"
            );
        }
    }
}
