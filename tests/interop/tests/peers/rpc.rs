//! Samba's and impacket's RPC clients before a server that is the acceptor and its messages in
//! parts: DCE style, header signing, fragments.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gss_acceptor::{Granted, Requirements};
use interop::handshake::builder;
use interop::process::packages;
use interop::python::{PYTHON, script};
use interop::rpc::{Served, Server};
use interop::{Kdc, heimdal};

/// A script that calls operation 0 with what it is given.
struct Caller {
    child: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
}

impl Caller {
    /// Starts it; it must get a connection.
    fn new(command: &mut Command, server: Server) -> (Self, Server) {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's python3");
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let from = from.expect("piped");
        let mut caller = Self { child, to, from };
        match caller.answer() {
            Ok(connected) => assert_eq!(connected, b""),
            Err(error) => panic!("{error}; the server: {:?}", server.served()),
        }
        (caller, server)
    }

    fn answer(&mut self) -> Result<Vec<u8>, String> {
        let field = |from: &mut ChildStdout| {
            let mut length = [0; 4];
            from.read_exact(&mut length).expect("a length");
            u32::from_be_bytes(length)
        };
        let mut length = field(&mut self.from);
        let failed = length == u32::MAX;
        if failed {
            length = field(&mut self.from);
        }
        let mut data = vec![0; length as usize];
        self.from.read_exact(&mut data).expect("an answer");
        match failed {
            false => Ok(data),
            true => Err(String::from_utf8_lossy(&data).into_owned()),
        }
    }

    fn call(&mut self, stub: &[u8]) -> Result<Vec<u8>, String> {
        let to = self.to.as_mut().expect("not yet dropped");
        let length = u32::try_from(stub.len()).expect("short").to_be_bytes();
        to.write_all(&length).expect("the script reads");
        to.write_all(stub).expect("the script reads");
        self.answer()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

/// Calls with stubs of many lengths, whose answers are they in reverse.
fn talk(caller: &mut Caller, server: Server, who: &str, lengths: &[usize]) -> Served {
    for &length in lengths {
        let stub: Vec<u8> = (0..length).map(|i| (i * 7 + i / 251) as u8).collect();
        let answer = caller.call(&stub);
        let mut answer = answer.unwrap_or_else(|e| panic!("{who}, {length}: {e}"));
        answer.reverse();
        // Behind a stub may be what aligned a verification trailer.
        let padding = answer.split_off(length.min(answer.len()));
        assert!(answer == stub, "{who}, {length}: the answer differs");
        assert!(padding.len() < 4, "{who}, {length}: {padding:02x?}");
    }
    drop(caller.to.take());
    let _ = caller.child.wait();
    server.served().unwrap_or_else(|e| panic!("{who}: {e}"))
}

#[test]
fn samba_calls_with_header_signing() {
    packages(&["python3-samba"]);
    let kdc = Kdc::shared();
    let user = heimdal::alice(kdc);
    for (mechanism, legs) in [("krb5", 2), ("spnego", 2)] {
        for (protection, level) in [("seal", 6), ("sign", 5)] {
            let who = format!("Samba, {mechanism}, {protection}");
            let required = Requirements::USE_DCE_STYLE | Requirements::INTEGRITY;
            let config = builder(kdc, "HOST").require(required).build();
            let server = Server::start(&config.expect("builds"));
            let port = server.address.port();
            let target = "target_hostname=localhost";
            let binding =
                format!("ncacn_ip_tcp:127.0.0.1[{port},{target},{mechanism},{protection}]");
            let mut cache = std::ffi::OsString::from("FILE:");
            cache.push(user.ccache());
            let mut command = Command::new(PYTHON);
            command
                .arg(script("samba_rpc.py"))
                .arg(binding)
                .arg(cache)
                .envs(user.environment(kdc));
            let (mut caller, server) = Caller::new(&mut command, server);
            let lengths = [1, 15, 16, 17, 1000, 4000, 5800, 20_000, 100_000];
            let served = talk(&mut caller, server, &who, &lengths);
            assert_eq!(served.peer, "alice@EXAMPLE.TEST", "{who}");
            assert!(served.granted.contains(Granted::USED_DCE_STYLE), "{who}");
            assert_eq!((served.legs, served.auth.1), (legs, level), "{who}");
            assert!(served.header_signing, "{who}");
            assert!(served.fragments > lengths.len(), "{who}");
        }
    }
}

/// impacket's EC is the padding that its stub would need, and its headers are not signed.
#[test]
fn impacket_calls_sealed() {
    packages(&["python3-impacket"]);
    let kdc = Kdc::shared();
    let user = kdc.alice().copy(kdc);
    kdc.kvno(&user, "host/localhost");
    let config = builder(kdc, "HOST")
        .require(Requirements::USE_DCE_STYLE)
        .build();
    let server = Server::start(&config.expect("builds"));
    let mut command = Command::new(PYTHON);
    // impacket takes a path, without its type.
    command
        .arg(script("impacket_rpc.py"))
        .arg(server.address.port().to_string())
        .arg("6")
        .envs(user.environment(kdc))
        .env("KRB5CCNAME", user.ccache());
    let (mut caller, server) = Caller::new(&mut command, server);
    let lengths = [1, 15, 16, 17, 1000, 4000];
    let served = talk(&mut caller, server, "impacket", &lengths);
    assert_eq!(served.peer, "alice@EXAMPLE.TEST");
    assert!(served.granted.contains(Granted::USED_DCE_STYLE));
    assert_eq!((served.auth, served.header_signing), ((9, 6), false));
}
