//! Debian's redis-server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::packages;
use crate::stopped::until_stopped;

/// A server of one test's, ended with it.
pub struct Redis {
    child: Option<Child>,
    port: u16,
    dir: PathBuf,
    options: Vec<String>,
}

impl Redis {
    /// Starts one on a free port, with these lines of configuration.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        packages(&["redis-server"]);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gss-redis-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a temporary folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let options = options.iter().map(|&own| own.to_owned()).collect();
        let mut own = Self {
            child: None,
            port,
            dir,
            options,
        };
        own.restart();
        own
    }

    /// Starts it again, on the same port, in the same folder.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]);
        command
            .arg(&self.dir)
            .args(["--port", &self.port.to_string()]);
        command.args(&self.options).stdout(Stdio::null());
        self.child = Some(command.spawn().expect("redis-server"));
        for _ in 0..100 {
            let answer = self.says("PING");
            if answer.contains("PONG") || answer.contains("NOAUTH") {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not answer");
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
        &self.dir
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
