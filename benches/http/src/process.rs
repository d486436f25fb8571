//! A server on the first processor, and what it has used of that.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ended when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// Starts a program that is told where to listen.
    ///
    /// # Panics
    /// It does not listen within 20 s.
    pub fn start(
        program: &Path,
        log: PathBuf,
        arguments: impl FnOnce(&mut Command, SocketAddr),
    ) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let output = std::fs::File::create(&log).expect("a log");
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program).stdin(Stdio::null());
        command.stdout(output.try_clone().expect("a second handle"));
        command.stderr(output);
        arguments(&mut command, address);
        let child = command.spawn().expect("taskset");
        let server = Self {
            child,
            address,
            log,
        };
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{} does not listen: {}", program.display(), server.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Seconds of processor, of the process and its children.
    pub fn cpu(&self) -> f64 {
        let mut all = vec![self.child.id()];
        let mut at = 0;
        while at < all.len() {
            let children = format!("/proc/{0}/task/{0}/children", all[at]);
            let children = std::fs::read_to_string(children).unwrap_or_default();
            all.extend(
                children
                    .split_whitespace()
                    .map_while(|pid| pid.parse::<u32>().ok()),
            );
            at += 1;
        }
        all.into_iter().map(of_process).sum()
    }
}

/// Its threads' accounts in nanoseconds (proc(5), schedstat). None of them ends between two
/// measurements: they are pools.
fn of_process(pid: u32) -> f64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0.0;
    };
    threads
        .flatten()
        .filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1e9
}

impl Drop for Process {
    fn drop(&mut self) {
        // Politely, or Apache's children stay.
        let told = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
