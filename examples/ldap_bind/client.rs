//! The built-in client: GSSAPI with confidentiality (RFC 4752 3.1), one search,
//! and away.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use gss_acceptor::Protection;
use gss_acceptor::testing::{ClientFlags, Service, TestClientContext};

use crate::ber::{
    self, ENUMERATED, INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, element, number,
};
use crate::listen;

/// Logs in, looks at `cn=me`, and unbinds.
pub fn talk(service: &Service, server: SocketAddr) -> Result<(), String> {
    println!("The built-in client binds at {server}:\n");
    converse(service, server).map_err(|error| format!("the built-in client: {error}"))?;
    println!();
    Ok(())
}

fn converse(service: &Service, server: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut stream = listen::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let context = bind(service, &mut stream)?;
    println!("  bound; everything is sealed from here on");
    let search = [
        element(OCTET_STRING, b"cn=me"),
        number(ENUMERATED, 0),
        number(ENUMERATED, 0),
        number(INTEGER, 0),
        number(INTEGER, 0),
        vec![1, 1, 0],
        // (objectClass=*), every attribute.
        element(0x87, b"objectClass"),
        element(SEQUENCE, b""),
    ];
    let token = context.wrap(
        Protection::Confidentiality,
        &request(9, 0x63, &search.concat()),
    )?;
    let length = u32::try_from(token.len())?.to_be_bytes();
    stream.write_all(&[&length, &token[..]].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut token = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut token)?;
    let answer = context.unwrap(&token)?;
    let text = String::from_utf8_lossy(&answer.data).into_owned();
    if !text.contains("alice@") || answer.protection != Protection::Confidentiality {
        return Err("the server does not tell who the client is".into());
    }
    println!("  searched: the server knows alice");
    Ok(())
}

fn bind(service: &Service, stream: &mut TcpStream) -> Result<TestClientContext, Box<dyn Error>> {
    let flags = ClientFlags::MUTUAL_AUTH
        | ClientFlags::SEQUENCE_DETECT
        | ClientFlags::INTEGRITY
        | ClientFlags::CONFIDENTIALITY;
    let client = service.client("alice").raw().flags(flags).initiate()?;
    let (_, answer) = ask(stream, client.first_token())?;
    let context = client.finish(Some(&answer))?;
    println!("  the server proved itself");
    let (_, offer) = ask(stream, b"")?;
    let offer = context.unwrap(&offer)?.data;
    if offer.first().is_none_or(|layers| layers & 4 == 0) {
        return Err("the server offers no confidentiality".into());
    }
    let choice = context.wrap(Protection::Integrity, &[4, 1, 0, 0])?;
    match ask(stream, &choice)? {
        (0, _) => Ok(context),
        (code, _) => Err(format!("the server says {code}").into()),
    }
}

fn request(id: u32, tag: u8, contents: &[u8]) -> Vec<u8> {
    let fields = [number(INTEGER, id), element(tag, contents)];
    element(SEQUENCE, &fields.concat())
}

/// A response of SASL's; the code of the answer, and its token.
fn ask(stream: &mut TcpStream, response: &[u8]) -> Result<(u32, Vec<u8>), Box<dyn Error>> {
    let sasl = [
        element(OCTET_STRING, b"GSSAPI"),
        element(OCTET_STRING, response),
    ];
    let bind = [
        number(INTEGER, 3),
        element(OCTET_STRING, b""),
        element(0xA3, &sasl.concat()),
    ];
    stream.write_all(&request(1, 0x60, &bind.concat()))?;
    let (mut answer, mut byte) = (Vec::new(), [0]);
    let malformed = |_: Malformed| "a malformed answer";
    loop {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
        let header = ber::header(&answer).map_err(malformed)?;
        if header.is_some_and(|(head, length)| answer.len() == head + length) {
            break;
        }
    }
    let read = || {
        let mut message = Reader(Reader(&answer).expect(SEQUENCE)?);
        message.number(INTEGER)?;
        let mut result = Reader(message.expect(0x61)?);
        let code = result.number(ENUMERATED)?;
        result.expect(OCTET_STRING)?;
        result.expect(OCTET_STRING)?;
        let token = result.expect(0x87).unwrap_or_default();
        Ok((code, token.to_vec()))
    };
    Ok(read().map_err(malformed)?)
}
