//! The built-in client: SMB 3.1.1 with a ticket of the realm in memory. It
//! checks the signature of what it is told.

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use gss_acceptor::testing::{ClientStep, Service, TestClientContext};

use crate::header::{FLAG_SIGNED, HEADER, Header, Status, command};
use crate::signing::{Algorithm, Derivation, Preauth, SigningKey};
use crate::wire::{Writer, len16, part, u16_at, u32_at, u64_at};
use crate::{listen, transport};

/// Logs in, connects to IPC$ and logs off.
pub fn talk(service: &Service, server: SocketAddr) -> Result<(), String> {
    println!("The built-in client logs in at {server}:\n");
    converse(service, server).map_err(|error| format!("the built-in client: {error}"))?;
    println!();
    Ok(())
}

struct Client {
    stream: TcpStream,
    preauth: Preauth,
    next: u64,
    session_id: u64,
    tree_id: u32,
    key: Option<SigningKey>,
}

fn converse(service: &Service, server: SocketAddr) -> Result<(), Box<dyn Error>> {
    let stream = listen::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut client = Client {
        stream,
        preauth: Preauth::new(),
        next: 0,
        session_id: 0,
        tree_id: 0,
        key: None,
    };
    client.negotiate()?;
    client.log_in(service)?;
    println!("  logged in; the last answer bears the session's signature");
    let path: Vec<u8> = "\\\\localhost\\IPC$"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let body = Writer::default().u16(9).u16(0).u16(72).u16(len16(&path));
    client.signed(command::TREE_CONNECT, &body.bytes(&path).0)?;
    println!("  connected to IPC$");
    client.signed(command::LOGOFF, &Writer::default().u16(4).u16(0).0)?;
    println!("  logged off");
    Ok(())
}

impl Client {
    /// Sends a request and reads the answer to it; both count for the hash.
    fn ask(&mut self, command: u16, body: &[u8]) -> Result<(Status, Vec<u8>), Box<dyn Error>> {
        let header = Header {
            credit_charge: 1,
            command,
            credits: 1,
            flags: 0,
            next: 0,
            message_id: self.next,
            tree_id: self.tree_id,
            session_id: self.session_id,
        };
        self.next += 1;
        let mut message = header.write(Status::SUCCESS, body);
        if let Some(key) = &self.key {
            key.sign(&mut message);
        }
        self.preauth.update(&message);
        transport::write(&mut self.stream, &message)?;
        let gone = "the server closed the connection";
        let answer = transport::read(&mut self.stream)?.ok_or(gone)?;
        let read = || Ok((Status(u32_at(&answer, 8)?), u64_at(&answer, 40)?));
        let malformed = |_: crate::wire::Malformed| "a malformed answer";
        let (status, session) = read().map_err(malformed)?;
        self.session_id = session;
        Ok((status, answer))
    }

    fn negotiate(&mut self) -> Result<(), Box<dyn Error>> {
        let preauth = Writer::default().u16(1).u16(0).u16(1).0;
        let signing = Writer::default().u16(1).u16(Algorithm::AesGmac.number()).0;
        let body = Writer::default()
            .u16(36)
            .u16(1)
            .u16(1)
            .u16(0)
            .u32(0)
            .bytes(&[0; 16])
            // The contexts begin behind 64 + 40 bytes.
            .u32(104)
            .u16(2)
            .u16(0)
            .u16(crate::negotiate::D311)
            .pad8()
            .u16(1)
            .u16(len16(&preauth))
            .u32(0)
            .bytes(&preauth)
            .pad8()
            .u16(8)
            .u16(len16(&signing))
            .u32(0)
            .bytes(&signing);
        let (status, answer) = self.ask(command::NEGOTIATE, &body.0)?;
        self.preauth.update(&answer);
        if status != Status::SUCCESS {
            return Err(format!("NEGOTIATE: {status:?}").into());
        }
        Ok(())
    }

    fn log_in(&mut self, service: &Service) -> Result<(), Box<dyn Error>> {
        let mut client = service.client("alice").initiate()?;
        let mut token = client.first_token().to_vec();
        loop {
            let body = Writer::default().u16(25).u16(0).u32(0).u32(0);
            let body = body.u16(88).u16(len16(&token)).u64(0).bytes(&token);
            let (status, answer) = self.ask(command::SESSION_SETUP, &body.0)?;
            let reply = reply(&answer).ok_or("an answer without its token")?;
            match status {
                Status::SUCCESS => {
                    return self.key_of(&client.finish(Some(reply))?, &answer);
                }
                Status::MORE_PROCESSING_REQUIRED => self.preauth.update(&answer),
                other => return Err(format!("SESSION_SETUP: {other:?}").into()),
            }
            match client.step(Some(reply))? {
                ClientStep::Continue {
                    token: next,
                    client: waiting,
                } => (token, client) = (next, waiting),
                ClientStep::Done { .. } => {
                    return Err("the server does not say that it is done".into());
                }
            }
        }
    }

    fn key_of(&mut self, context: &TestClientContext, answer: &[u8]) -> Result<(), Box<dyn Error>> {
        let derivation = Derivation::Preauth(self.preauth);
        let key = SigningKey::new(&context.session_key()?, Algorithm::AesGmac, &derivation);
        if !key.verify(answer) {
            return Err("the server's signature is not right".into());
        }
        self.key = Some(key);
        Ok(())
    }

    fn signed(&mut self, command: u16, body: &[u8]) -> Result<(), Box<dyn Error>> {
        let (status, answer) = self.ask(command, body)?;
        let flags = u32_at(&answer, 16).unwrap_or_default();
        let right = self.key.as_ref().is_some_and(|key| key.verify(&answer));
        if flags & FLAG_SIGNED == 0 || !right {
            return Err("an answer without a right signature".into());
        }
        if status != Status::SUCCESS {
            return Err(format!("command {command}: {status:?}").into());
        }
        self.tree_id = u32_at(&answer, 36).unwrap_or_default();
        Ok(())
    }
}

/// The token in an answer to SESSION_SETUP.
fn reply(answer: &[u8]) -> Option<&[u8]> {
    let body = answer.get(HEADER..)?;
    let place = usize::from(u16_at(body, 4).ok()?);
    part(answer, place, u16_at(body, 6).ok()?.into()).ok()
}
