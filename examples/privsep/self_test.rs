//! Both processes and a client of a realm in memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::testing::{ClientFlags, Realm};

use crate::Failed;

const NOBODY: u32 = 65534;

/// Ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This program with other arguments, as this user, once it listens.
fn start(uid: Option<u32>, arguments: &[&str]) -> Result<Running, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdout(Stdio::piped());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let mut running = Running(command.spawn()?);
    let output = running.0.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    if line.trim() == "listening" {
        Ok(running)
    } else {
        Err(format!("{arguments:?} does not listen").into())
    }
}

pub fn run() -> Result<(), Failed> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Err("the self-test needs root, to become nobody".into());
    }
    let dir = std::env::temp_dir().join(format!("privsep-{}", std::process::id()));
    fs::create_dir(&dir)?;
    let result = in_folder(&dir);
    fs::remove_dir_all(&dir)?;
    result?;
    println!("self-test passed: the server let alice in, and cannot read the keytab");
    Ok(())
}

fn in_folder(dir: &Path) -> Result<(), Failed> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o711))?;
    let service = Realm::new("EXAMPLE.TEST").service("HTTP/localhost")?;
    let keytab = dir.join("keytab");
    fs::write(&keytab, service.keytab_bytes())?;
    fs::set_permissions(&keytab, fs::Permissions::from_mode(0o600))?;
    let socket = dir.join("socket");
    let (socket, keytab) = (
        socket.to_str().ok_or("a strange folder")?,
        keytab.to_str().ok_or("a strange folder")?,
    );
    let mut read = Command::new("cat");
    let read = read
        .arg(keytab)
        .uid(NOBODY)
        .gid(NOBODY)
        .stderr(Stdio::null());
    if read.output()?.status.success() {
        return Err("nobody can read the keytab".into());
    }
    let uid = NOBODY.to_string();
    let _broker = start(None, &["broker", socket, keytab, &uid])?;
    let free = TcpListener::bind("127.0.0.1:0")?;
    let address = free.local_addr()?.to_string();
    drop(free);
    let server = start(Some(NOBODY), &["serve", socket, &address])?;
    let status = fs::metadata(format!("/proc/{}", server.0.id()))?;
    if status.uid() != NOBODY {
        return Err("the server is not nobody".into());
    }
    let client = service.client("alice").flags(ClientFlags::BROWSER);
    let token = client.token()?;
    let answer = get(&address, &token)?;
    if !answer.starts_with("HTTP/1.1 200 ") || !answer.contains("Hello, alice@EXAMPLE.TEST.") {
        return Err(format!("alice is not let in: {answer}").into());
    }
    let answer = get(&address, &token)?;
    if !answer.starts_with("HTTP/1.1 401 ") {
        return Err(format!("a replay is let in: {answer}").into());
    }
    Ok(())
}

fn get(address: &str, token: &[u8]) -> Result<String, Failed> {
    let mut stream = TcpStream::connect(address)?;
    let token = STANDARD.encode(token);
    let head =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Negotiate {token}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
