//! Servers in processes of their own.

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
        cargo_build(&["-q", "-p", "processes", "--bin", "node"]);
        let mut command = Command::new(target_dir().join("node"));
        command
            .args(arguments)
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
        let mut line: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        line.push('\n');
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

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
