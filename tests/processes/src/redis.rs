//! Debian's redis-server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::{Folder, PATIENCE, free_port, packages, within};
use crate::stopped::until_stopped;

/// A server of one test's, ended with it.
pub struct Redis {
    child: Option<Child>,
    port: u16,
    dir: Folder,
    options: Vec<String>,
}

impl Redis {
    /// Starts one on a free port, with these lines of configuration.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(options: &[&str]) -> Self {
        packages(&["redis-server"]);
        let mut own = Self {
            child: None,
            port: 0,
            dir: Folder::new("redis"),
            options: options.iter().map(|&own| own.to_owned()).collect(),
        };
        // Somebody else may have taken the port meanwhile.
        for _ in 0..5 {
            own.port = free_port();
            if own.try_start() {
                return own;
            }
        }
        panic!("redis-server ends at once: {:?}", own.options);
    }

    /// Starts it again, on the same port, in the same folder.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        assert!(self.try_start(), "redis-server ends at once");
    }

    /// Whether it has come up.
    fn try_start(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]);
        command
            .arg(self.dir.path())
            .args(["--port", &self.port.to_string()]);
        command.args(&self.options).stdout(Stdio::null());
        let child = self.child.insert(command.spawn().expect("redis-server"));
        let (process, mut ended) = (child.id(), false);
        let done = within(PATIENCE, || {
            let child = self.child.as_mut().expect("started");
            ended = child.try_wait().expect("a child").is_some();
            // The answer is this server's, and not that of another one at this port.
            let answer = self.says("INFO server");
            ended
                || answer.contains(&format!("process_id:{process}\r"))
                || answer.contains("NOAUTH")
        });
        assert!(done, "redis-server does not answer");
        !ended
    }

    /// Ends it as a power cut would.
    ///
    /// # Panics
    /// It is not there.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a server");
        child.kill().expect("ends");
        child.wait().expect("ended");
    }

    /// Sends its process a signal by name.
    ///
    /// # Panics
    /// It is not there.
    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("a server");
        let id = child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status();
        assert!(done.expect("kill").success());
        if name == "STOP" {
            until_stopped(child.id());
        }
    }

    /// What it answers to one command, with Redis' own client.
    ///
    /// # Panics
    /// There is no client.
    pub fn says(&self, command: &str) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(command.split(' '))
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
