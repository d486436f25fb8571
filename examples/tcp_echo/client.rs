//! The built-in client.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use gss_acceptor::Protection;
use gss_acceptor::testing::{ClientStep, Service, TestClientContext};

use crate::{frame, listen};

/// Logs in, sends messages, and checks what comes back.
pub fn talk(service: &Service, server: SocketAddr) -> Result<(), String> {
    println!("The built-in client talks to {server}:\n");
    converse(service, server).map_err(|error| format!("the built-in client: {error}"))?;
    println!();
    Ok(())
}

fn converse(service: &Service, server: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut stream = listen::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let context = log_in(service, &mut stream)?;
    println!("  the server proved itself; both sides have a key\n");
    let long = vec![0x5A; 100_000];
    for (protection, message) in [
        (Protection::Confidentiality, b"a secret".as_slice()),
        (Protection::Integrity, b"no secret"),
        (Protection::Confidentiality, b""),
        (Protection::Confidentiality, &long),
    ] {
        let token = context.wrap(protection, message)?;
        frame::write(&mut stream, &token)?;
        let reply = frame::read(&mut stream)?.ok_or("the server closed the connection")?;
        let echo = context.unwrap(&reply)?;
        if echo.data != message || echo.protection != protection {
            return Err("what came back is not what was sent".into());
        }
        println!(
            "  {:>6} bytes, {:<6}  {:>6} on the wire, came back the same",
            message.len(),
            match protection {
                Protection::Confidentiality => "sealed",
                Protection::Integrity => "signed",
            },
            token.len()
        );
    }
    Ok(())
}

fn log_in(
    service: &Service,
    stream: &mut std::net::TcpStream,
) -> Result<TestClientContext, Box<dyn Error>> {
    let mut client = service.client("alice").initiate()?;
    println!("  asks for {}", client.asked().names());
    let mut token = client.first_token().to_vec();
    loop {
        println!("  client -> server  {:>6} bytes of handshake", token.len());
        frame::write(stream, &token)?;
        let reply = frame::read(stream)?.ok_or("the server closed the connection")?;
        println!("  server -> client  {:>6} bytes of handshake", reply.len());
        match client.step(Some(&reply))? {
            ClientStep::Continue {
                token: next,
                client: waiting,
            } => (token, client) = (next, waiting),
            ClientStep::Done {
                token: None,
                context,
            } => return Ok(context),
            ClientStep::Done {
                token: Some(last),
                context,
            } => {
                frame::write(stream, &last)?;
                return Ok(context);
            }
        }
    }
}
