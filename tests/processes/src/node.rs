//! Servers in processes of their own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::process::{cargo_build, target_dir};

/// One of them. It takes tokens, and says what it did with them.
pub struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Node {
    /// Starts one that is ready.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments, None).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Starts one, as this user.
    ///
    /// # Errors
    /// What it says instead of being ready.
    ///
    /// # Panics
    /// It does not start.
    pub fn try_start(arguments: &[&str], uid: Option<u32>) -> Result<Self, String> {
        Self::try_start_in(arguments, uid, &[])
    }

    /// The same with these variables.
    ///
    /// # Errors
    /// What it says instead of being ready.
    ///
    /// # Panics
    /// It does not start.
    pub fn try_start_in(
        arguments: &[&str],
        uid: Option<u32>,
        environment: &[(String, OsString)],
    ) -> Result<Self, String> {
        cargo_build(&["-q", "-p", "processes", "--bin", "node"]);
        let mut command = Command::new(target_dir().join("node"));
        command
            .args(arguments)
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().expect("node");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut own = Self {
            child,
            input,
            output,
        };
        match own.hear().as_str() {
            "ready" => Ok(own),
            other => Err(other.to_owned()),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives it a token.
    ///
    /// # Panics
    /// It has ended.
    pub fn say(&mut self, token: &[u8]) {
        self.say_line(&hex(token));
    }

    /// Asks in words; gives the answer.
    ///
    /// # Panics
    /// It has ended.
    pub fn ask(&mut self, words: &[&str]) -> String {
        self.say_line(&words.join(" "));
        self.hear()
    }

    fn say_line(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).expect("a node");
        self.input.flush().expect("a node");
    }

    /// `in`, or why not.
    ///
    /// # Panics
    /// It has ended.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a node");
        line.trim().to_owned()
    }
}

/// Digits, as nodes write octets.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Octets that a node has written.
///
/// # Panics
/// It has not.
pub fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16);
    let octet = |at| byte(at).unwrap_or_else(|_| panic!("{text}"));
    (0..text.len()).step_by(2).map(octet).collect()
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
