//! One connection, and what must be so of the server behind it.

use std::time::Duration;

use redis::{Client, Connection, ErrorKind, RedisError};

use super::script::{Question, Told};

/// Where the server is.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    timeout: Duration,
}

/// A connection to a server that was found to be fit.
pub(super) struct Open {
    connection: Connection,
    /// Which run of the server: it lasts as long as the connection does.
    run: String,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The connection had ended, as when the server was restarted: worth
    /// another.
    Ended(String),
    Failed(String),
}

impl Link {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, String> {
        // The address may hold a password: the error must not repeat it.
        let client = Client::open(url).map_err(|error| {
            format!(
                "its address cannot be used ({:?}); write redis://user:password@host:port/db",
                error.kind()
            )
        })?;
        Ok(Self { client, timeout })
    }

    /// Where it is, without the password.
    pub(super) fn place(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Connects, and looks at what server it is.
    pub(super) fn open(&self) -> Result<Open, String> {
        let place = self.place();
        let failed = |error: RedisError| format!("Redis at {place}: {error}");
        let mut connection = self
            .client
            .get_connection_with_timeout(self.timeout)
            .map_err(failed)?;
        let timeout = Some(self.timeout);
        connection.set_read_timeout(timeout).map_err(failed)?;
        connection.set_write_timeout(timeout).map_err(failed)?;
        let mut ask = |section: &str| {
            redis::cmd("INFO")
                .arg(section)
                .query::<String>(&mut connection)
                .map_err(failed)
        };
        let server = ask("server")?;
        let run = field(&server, "run_id")
            .ok_or_else(|| {
                format!("Redis at {place} does not tell its run_id (INFO server), so a restart would not be noticed")
            })?
            .to_owned();
        let memory = ask("memory")?;
        keeps_everything(&memory).map_err(|why| format!("Redis at {place} {why}"))?;
        Ok(Open { connection, run })
    }
}

impl Open {
    pub(super) fn ask(&mut self, question: &Question) -> Result<Told, NoAnswer> {
        let command = question.command(&self.run);
        match command.query::<(i64, i64)>(&mut self.connection) {
            Ok(answer) => question.read(answer).map_err(NoAnswer::Failed),
            Err(error) if error.code() == Some("OOM") => Ok(Told::Full),
            Err(error) if error.kind() == ErrorKind::Io && !error.is_timeout() => {
                Err(NoAnswer::Ended(error.to_string()))
            }
            Err(error) => Err(NoAnswer::Failed(format!("Redis: {error}"))),
        }
    }
}

/// The value of a line `name:value` of INFO.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(own, value)| (own == name).then(|| value.trim()))
        .filter(|value| !value.is_empty())
}

/// Whether the server never drops an entry before its time (INFO memory).
fn keeps_everything(info: &str) -> Result<(), String> {
    match (field(info, "maxmemory"), field(info, "maxmemory_policy")) {
        (Some("0"), _) | (_, Some("noeviction")) => Ok(()),
        (Some(_), Some(policy)) => Err(format!(
            "drops entries when it is full (maxmemory-policy {policy}), and what it has dropped \
             can be replayed; set it to noeviction"
        )),
        _ => Err("does not tell its maxmemory-policy (INFO memory)".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{field, keeps_everything};

    /// Lines as Redis 7.0 writes them.
    #[test]
    fn what_info_says_is_found() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:5bc1\r\ntcp_port:6379\r\n";
        assert_eq!(field(info, "run_id"), Some("5bc1"));
        assert_eq!(field(info, "run"), None);
        assert_eq!(field("run_id:\r\n", "run_id"), None);
    }

    #[test]
    fn a_server_that_drops_entries_is_refused() {
        let of = |bytes: &str, policy: &str| {
            keeps_everything(&format!(
                "maxmemory:{bytes}\r\nmaxmemory_human:1G\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert_eq!(of("0", "noeviction"), Ok(()));
        assert_eq!(of("0", "allkeys-lru"), Ok(()));
        assert_eq!(of("1048576", "noeviction"), Ok(()));
        for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
            assert!(of("1048576", policy).unwrap_err().contains("noeviction"));
        }
        assert!(keeps_everything("used_memory:1\r\n").is_err());
    }
}
