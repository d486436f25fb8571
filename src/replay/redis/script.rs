//! What Redis is asked, in one script, and what it says.

use core::fmt::Write as _;
use std::time::Duration;

use super::super::ReplayEntry;
use crate::random;

/// Redis runs a script as a whole: nothing comes between its commands.
///
/// `KEYS[1]` says since when this server remembers, `KEYS[2]` is the entry.
/// `ARGV`: the server's run id; how old the memory must be; the number of this
/// check, empty for none; how long the entry is kept. Times are milliseconds
/// of Redis' clock, of which differences alone are used.
///
/// The memory begins anew when the key is gone (first use, flush), is of
/// another run (restart, another server), or lies ahead (the clock was set
/// back, so what has expired is not known).
const SCRIPT: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local began = false
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then
  began = tonumber(redis.call('HGET', KEYS[1], 'began'))
end
if ARGV[3] == 'unused' then began = 0 end
if not began or began > now or ARGV[3] == 'unused' then
  began = began == 0 and 0 or now
  redis.call('HSET', KEYS[1], 'run', ARGV[1], 'began', string.format('%.0f', began))
end
if ARGV[3] == '' or ARGV[3] == 'unused' then return {0, 0} end
local age = now - began
if age < tonumber(ARGV[2]) then return {2, age} end
if redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return {0, 0} end
if redis.call('GET', KEYS[2]) == ARGV[3] then return {0, 0} end
return {1, 0}
";

/// One question.
#[derive(Clone)]
pub(super) struct Question {
    memory: String,
    entry: String,
    needed: Duration,
    number: String,
    keep: Duration,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Fresh,
    Replayed,
    Full,
    /// The memory is younger than it must be.
    Young {
        age: Duration,
        needed: Duration,
    },
}

impl Question {
    /// Is this the first use? The memory must be as old as `needed`; the
    /// entry is kept for `keep`. None if the system gives no random number.
    pub(super) fn check(
        prefix: &str,
        entry: &ReplayEntry<'_>,
        needed: Duration,
        keep: Duration,
    ) -> Option<Self> {
        // Of the system: after a fork, two processes with one number would
        // each take the other's entry for its own.
        let mut number = [0; 16];
        random::of_system(&mut number).then(|| Self {
            memory: memory_key(prefix),
            entry: entry_key(prefix, entry.purpose.name(), entry.tag),
            needed,
            number: hex(&number),
            keep,
        })
    }

    /// Begins a memory, if there is none.
    pub(super) fn begin(prefix: &str) -> Self {
        Self::about_memory(prefix, "")
    }

    /// Takes the memory for complete.
    pub(super) fn assume_unused(prefix: &str) -> Self {
        Self::about_memory(prefix, "unused")
    }

    fn about_memory(prefix: &str, what: &str) -> Self {
        Self {
            memory: memory_key(prefix),
            entry: entry_key(prefix, "none", b""),
            needed: Duration::ZERO,
            number: what.into(),
            keep: Duration::ZERO,
        }
    }

    /// The command, for the server of this run id.
    pub(super) fn command(&self, run: &str) -> redis::Cmd {
        let mut command = redis::cmd("EVAL");
        command
            .arg(SCRIPT)
            .arg(2)
            .arg(&self.memory)
            .arg(&self.entry)
            .arg(run)
            .arg(milliseconds(self.needed))
            .arg(&self.number)
            .arg(milliseconds(self.keep));
        command
    }

    /// What the script's answer means; anything unknown is no answer.
    pub(super) fn read(&self, answer: (i64, i64)) -> Result<Told, String> {
        match answer {
            (0, _) => Ok(Told::Fresh),
            (1, _) => Ok(Told::Replayed),
            (2, age) => Ok(Told::Young {
                age: Duration::from_millis(age.try_into().unwrap_or(0)),
                needed: self.needed,
            }),
            (other, _) => Err(format!(
                "Redis answers {other}, which means nothing; is another version of this script there?"
            )),
        }
    }
}

/// Rounded up: nothing is forgotten early, and PX takes no 0.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
        // What Redis adds to its own time must not overflow there.
        .min(1 << 52)
}

fn memory_key(prefix: &str) -> String {
    format!("{{{prefix}}}:since")
}

/// Purpose and tag, as 128 bits of a hash: two tags with one key would refuse
/// a client, never let one in.
fn entry_key(prefix: &str, purpose: &str, tag: &[u8]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(b"gss-acceptor replay 1\0");
    context.update(purpose.as_bytes());
    context.update(b"\0");
    context.update(tag);
    let digest = context.finish();
    let half = digest.as_ref().get(..16).unwrap_or_default();
    format!("{{{prefix}}}:{purpose}:{}", hex(half))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{Question, Told, entry_key, milliseconds};
    use std::time::Duration;

    /// The digests are `sha256sum`'s.
    #[test]
    fn keys_name_purpose_and_tag_by_hash() {
        assert_eq!(
            entry_key("p", "authenticator", b"tag"),
            "{p}:authenticator:9dca28ec7ec0d5a9433e57f868932326"
        );
        assert_eq!(
            entry_key("p", "handshake", b"tag"),
            "{p}:handshake:581b4c752964558ff3fccfd108bcfd4c"
        );
    }

    #[test]
    fn only_the_scripts_own_word_lets_anybody_in() {
        let question = Question::begin("p");
        assert_eq!(question.read((0, 0)), Ok(Told::Fresh));
        assert_eq!(question.read((1, 0)), Ok(Told::Replayed));
        assert!(matches!(question.read((2, 5)), Ok(Told::Young { .. })));
        for other in [3, -1, i64::MAX] {
            assert!(question.read((other, 0)).is_err());
        }
    }

    #[test]
    fn times_are_rounded_up_and_bounded() {
        assert_eq!(milliseconds(Duration::ZERO), 1);
        assert_eq!(milliseconds(Duration::from_micros(1500)), 2);
        assert_eq!(milliseconds(Duration::MAX), 1 << 52);
    }
}
