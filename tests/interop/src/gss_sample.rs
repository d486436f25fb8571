//! A server that speaks the framing of MIT's sample programs (`gss-client`, `gss-server`): a byte
//! of flags, a length of 32 bits, big-endian, and the token.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, Protection, SequenceState, Step};

const NOOP: u8 = 1;
const CONTEXT: u8 = 2;
const DATA: u8 = 4;
const MIC: u8 = 8;
const CONTEXT_NEXT: u8 = 16;
const WRAPPED: u8 = 32;
const ENCRYPTED: u8 = 64;
const SEND_MIC: u8 = 128;

fn receive(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut token = vec![0; length as usize];
    stream.read_exact(&mut token)?;
    Ok((head[0], token))
}

fn send(stream: &mut TcpStream, flags: u8, token: &[u8]) -> io::Result<()> {
    let length = u32::try_from(token.len()).expect("a token");
    let mut out = vec![flags];
    out.extend(length.to_be_bytes());
    out.extend(token);
    stream.write_all(&out)
}

/// What a client of `gss-client` did.
#[derive(Debug)]
pub struct Session {
    /// The established context.
    pub context: Context,
    /// Its messages, and how each was protected, if it was.
    pub messages: Vec<(Vec<u8>, Option<Protection>)>,
}

/// Serves one context and its messages.
///
/// # Errors
/// What went wrong, in words.
pub fn serve(config: &AcceptorConfig, mut stream: TcpStream) -> Result<Session, String> {
    let io = |error: io::Error| error.to_string();
    let (flags, _) = receive(&mut stream).map_err(io)?;
    if flags != NOOP | CONTEXT_NEXT {
        return Err(format!("flags {flags:#x} where a context is announced"));
    }
    let mut acceptor = Acceptor::new(config);
    let context = loop {
        let (flags, token) = receive(&mut stream).map_err(io)?;
        if flags != CONTEXT {
            return Err(format!("flags {flags:#x} where a context token is due"));
        }
        match acceptor
            .step(&token)
            .map_err(|failure| failure.to_string())?
        {
            Step::Continue { token } => send(&mut stream, CONTEXT, &token).map_err(io)?,
            Step::Established { token, context } => {
                if let Some(token) = token {
                    send(&mut stream, CONTEXT, &token).map_err(io)?;
                }
                break context;
            }
        }
    };
    let mut messages = Vec::new();
    loop {
        let (flags, token) = receive(&mut stream).map_err(io)?;
        if flags & NOOP != 0 {
            return Ok(Session { context, messages });
        }
        if flags & DATA == 0 {
            return Err(format!("flags {flags:#x} where data is due"));
        }
        let (data, protection) = if flags & WRAPPED != 0 {
            let message = context.unwrap(&token).map_err(|error| error.to_string())?;
            let sealed = message.protection == Protection::Confidentiality;
            if sealed != (flags & ENCRYPTED != 0) || message.sequence != SequenceState::InOrder {
                return Err(format!("flags {flags:#x} and {message:?}"));
            }
            (message.data, Some(message.protection))
        } else {
            (token, None)
        };
        if flags & SEND_MIC != 0 {
            let mic = context.mic(&data).map_err(|error| error.to_string())?;
            send(&mut stream, MIC, &mic).map_err(io)?;
        } else {
            send(&mut stream, NOOP, b"").map_err(io)?;
        }
        messages.push((data, protection));
    }
}
