//! Samba's smbclient against the example `smb_session`, and what can happen to messages between
//! the two.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::thread;

use crate::process::packages;

/// The server's name. smbclient refuses Kerberos to `localhost` by that name.
pub const HOST: &str = "files.localhost";

/// A configuration of smbclient's, in a folder of the caller's.
///
/// # Panics
/// The file cannot be written.
pub fn smb_conf(folder: &Path) -> PathBuf {
    let path = folder.join("smb.conf");
    let text = "[global]\nrealm = EXAMPLE.TEST\nworkgroup = LAPTOP\nnetbios name = LAPTOP\n\
                client signing = required\nclient ipc signing = required\n";
    std::fs::write(&path, text).expect("a file");
    path
}

/// smbclient to IPC$ of a server: to come, and to log off.
pub fn smbclient(config: &Path, server: SocketAddr) -> Command {
    static THERE: Once = Once::new();
    THERE.call_once(|| packages(&["smbclient"]));
    let mut command = Command::new("smbclient");
    command
        .arg(format!("//{HOST}/IPC$"))
        .arg(format!("--configfile={}", config.display()))
        .args(["--port", &server.port().to_string()])
        .args(["--ip-address", &server.ip().to_string()])
        .args(["--timeout", "60", "--command", "logoff"])
        .env("LC_ALL", "C.UTF-8")
        .env("KRB5CCNAME", "MEMORY:none");
    command
}

/// Whether it logged on and off, and what it said.
///
/// # Panics
/// It does not start.
pub fn logs_off(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("smbclient");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let done = output.status.success() && said.contains("logoff successful");
    (done, said)
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// smbclient's.
    Client,
    /// The server's.
    Server,
}

/// The command of an SMB2 message (MS-SMB2 2.2.1), if it is one.
pub fn command(message: &[u8]) -> Option<u16> {
    let smb2 = message.starts_with(b"\xFESMB");
    smb2.then(|| u16::from_le_bytes([message[12], message[13]]))
}

/// Somebody between the two, for one connection: what `alter` makes of a message goes on in its
/// place. Gives where to connect to.
///
/// # Panics
/// There is no port.
pub fn between(
    server: SocketAddr,
    alter: impl Fn(From, Vec<u8>) -> Vec<Vec<u8>> + Clone + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (client, _) = listener.accept().expect("smbclient");
        let server = TcpStream::connect(server).expect("the server");
        let to_client = (
            server.try_clone().expect("a second handle"),
            client.try_clone().expect("a second handle"),
        );
        let other = alter.clone();
        let back = thread::spawn(move || pass(to_client.0, to_client.1, From::Server, &other));
        pass(client, server, From::Client, &alter);
        let _ = back.join();
    });
    address
}

/// Until one of them closes.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    who: From,
    alter: &impl Fn(From, Vec<u8>) -> Vec<Vec<u8>>,
) {
    let mut head = [0; 4];
    while from.read_exact(&mut head).is_ok() {
        let mut message = vec![0; u32::from_be_bytes(head) as usize];
        if from.read_exact(&mut message).is_err() {
            break;
        }
        for message in alter(who, message) {
            let length = u32::try_from(message.len()).expect("short").to_be_bytes();
            if to.write_all(&[&length, &message[..]].concat()).is_err() {
                break;
            }
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
