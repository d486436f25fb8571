//! The least of a DCE RPC server (C706, MS-RPCE): one interface, whose operation 0 answers its stub
//! in reverse. Its connections are authenticated by the acceptor; its PDUs are protected in parts,
//! where they lie.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, Granted, MessagePart, Protection, Step};

/// PDU types (C706 12.6.4).
mod ptype {
    pub const REQUEST: u8 = 0;
    pub const RESPONSE: u8 = 2;
    pub const FAULT: u8 = 3;
    pub const BIND: u8 = 11;
    pub const BIND_ACK: u8 = 12;
    pub const ALTER: u8 = 14;
    pub const ALTER_RESP: u8 = 15;
    pub const AUTH3: u8 = 16;
}

const FIRST_AND_LAST: u8 = 3;
const LAST: u8 = 2;
/// PFC_SUPPORT_HEADER_SIGN (MS-RPCE 2.2.2.3).
const HEADER_SIGN: u8 = 4;
const INTEGRITY: u8 = 5;
const PRIVACY: u8 = 6;
const HEADER: usize = 24;
const TRAILER: usize = 8;
/// What a verification trailer begins with.
const VERIFICATION: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];
/// The most stub in a fragment of ours.
const FRAGMENT: usize = 4000;

/// What a connection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The client.
    pub peer: String,
    /// What the context has.
    pub granted: Granted,
    /// Tokens that went to the acceptor.
    pub legs: usize,
    /// Authentication type and level.
    pub auth: (u8, u8),
    /// Whether headers are signed.
    pub header_signing: bool,
    /// Whether verification trailers came.
    pub verification: bool,
    /// Fragments of requests.
    pub fragments: usize,
}

/// A server of one connection.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    result: Receiver<Result<Served, String>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Awaits one connection.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start(config: &AcceptorConfig) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, result): (Sender<_>, _) = channel();
        let config = config.clone();
        let thread = std::thread::spawn(move || {
            let served = listener
                .accept()
                .map_err(|e| e.to_string())
                .and_then(|(stream, _)| Connection::new(stream, &config).serve());
            let _ = sender.send(served);
        });
        Self {
            address,
            result,
            thread: Some(thread),
        }
    }

    /// What the connection came to, once it is closed.
    ///
    /// # Errors
    /// What went wrong.
    pub fn served(mut self) -> Result<Served, String> {
        let wait = std::time::Duration::from_secs(60);
        let served = self.result.recv_timeout(wait).map_err(|e| e.to_string())?;
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| "the server panicked")?;
        }
        served
    }
}

struct Connection {
    stream: TcpStream,
    acceptor: Acceptor,
    context: Option<Context>,
    auth: (u8, u8, [u8; 4]),
    request: Vec<u8>,
    served: Served,
}

fn u16_at(pdu: &[u8], at: usize) -> usize {
    u16::from_le_bytes([pdu[at], pdu[at + 1]]).into()
}

impl Connection {
    fn new(stream: TcpStream, config: &AcceptorConfig) -> Self {
        Self {
            stream,
            acceptor: Acceptor::new(config),
            context: None,
            auth: (0, 0, [0; 4]),
            request: Vec::new(),
            served: Served::default(),
        }
    }

    fn serve(mut self) -> Result<Served, String> {
        while let Some(mut pdu) = self.read()? {
            match pdu[2] {
                ptype::BIND | ptype::ALTER | ptype::AUTH3 => self.bind(&pdu)?,
                ptype::REQUEST => self.request(&mut pdu)?,
                other => return Err(format!("a PDU of type {other}")),
            }
        }
        Ok(self.served)
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut pdu = vec![0; 16];
        if self.stream.read_exact(&mut pdu).is_err() {
            return Ok(None);
        }
        let length = u16_at(&pdu, 8);
        pdu.resize(length, 0);
        let rest = pdu.get_mut(16..).ok_or("a short PDU")?;
        self.stream.read_exact(rest).map_err(|e| e.to_string())?;
        Ok(Some(pdu))
    }

    /// A PDU's authentication: where its trailer begins, and its auth value.
    fn auth(pdu: &[u8]) -> Result<(usize, &[u8]), String> {
        let at = (pdu.len().checked_sub(u16_at(pdu, 10) + TRAILER)).ok_or("a long auth value")?;
        Ok((at, &pdu[at + TRAILER..]))
    }

    fn bind(&mut self, pdu: &[u8]) -> Result<(), String> {
        let (at, token) = Self::auth(pdu)?;
        let mut reply = None;
        if !token.is_empty() {
            let id = [pdu[at + 4], pdu[at + 5], pdu[at + 6], pdu[at + 7]];
            self.auth = (pdu[at], pdu[at + 1], id);
            self.served.auth = (pdu[at], pdu[at + 1]);
            self.served.legs += 1;
            let step = self.acceptor.step(token).map_err(|e| e.to_string())?;
            reply = match step {
                Step::Continue { token } => Some(token),
                Step::Established { token, context } => {
                    self.served.peer = context.peer().to_string();
                    self.served.granted = context.granted();
                    self.context = Some(context);
                    token
                }
            };
        }
        let kind = match pdu[2] {
            ptype::BIND => ptype::BIND_ACK,
            ptype::ALTER => ptype::ALTER_RESP,
            _ if reply.is_none() => return Ok(()),
            _ => return Err("a reply to an auth3".into()),
        };
        let signs = pdu[3] & HEADER_SIGN;
        if kind == ptype::BIND_ACK {
            self.served.header_signing = signs != 0;
        }
        // Maximal fragments, association group, no secondary address, one result each.
        let contexts = usize::from(pdu[24]);
        let mut body = Vec::new();
        body.extend(5840_u16.to_le_bytes());
        body.extend(5840_u16.to_le_bytes());
        body.extend(1_u32.to_le_bytes());
        body.extend([0, 0, 0, 0]);
        body.extend([contexts as u8, 0, 0, 0]);
        let mut at = 28;
        for n in 0..contexts {
            // The first transfer syntax of the first context; others are refused, as features of
            // bind time are (MS-RPCE 3.3.1.5.3).
            let syntaxes = usize::from(pdu[at + 2]);
            let syntax = &pdu[at + 24..at + 44];
            if n == 0 {
                body.extend([0; 4]);
                body.extend(syntax);
            } else {
                body.extend([2, 0, 2, 0]);
                body.extend([0; 20]);
            }
            at += 24 + 20 * syntaxes;
        }
        self.send_bind(kind, FIRST_AND_LAST | signs, &pdu[12..16], &body, reply)
    }

    fn send_bind(
        &mut self,
        kind: u8,
        flags: u8,
        call: &[u8],
        body: &[u8],
        token: Option<Vec<u8>>,
    ) -> Result<(), String> {
        let token = token.unwrap_or_default();
        let trailer = if token.is_empty() { 0 } else { TRAILER };
        let length = 16 + body.len() + trailer + token.len();
        let mut pdu = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
        pdu.extend((length as u16).to_le_bytes());
        pdu.extend((token.len() as u16).to_le_bytes());
        pdu.extend(call);
        pdu.extend(body);
        if trailer > 0 {
            pdu.extend([self.auth.0, self.auth.1, 0, 0]);
            pdu.extend(self.auth.2);
            pdu.extend(token);
        }
        self.stream.write_all(&pdu).map_err(|e| e.to_string())
    }

    /// Opens a fragment of a request where it lies, and answers the last one.
    fn request(&mut self, pdu: &mut [u8]) -> Result<(), String> {
        let context = self.context.as_ref().ok_or("a request before the end")?;
        self.served.fragments += 1;
        let (flags, call) = (pdu[3], [pdu[12], pdu[13], pdu[14], pdu[15]]);
        let id = [pdu[20], pdu[21]];
        let (at, _) = Self::auth(pdu)?;
        let padding = usize::from(pdu[at + 2]);
        let opened = open(context, pdu, at, self.auth.1, self.served.header_signing);
        if let Err(error) = opened {
            self.fault(&call)?;
            return Err(error);
        }
        let stub = pdu.get(HEADER..at - padding).ok_or("too much padding")?;
        self.request.extend_from_slice(stub);
        if flags & LAST == 0 {
            return Ok(());
        }
        let mut answer = std::mem::take(&mut self.request);
        // The stub ends where a verification trailer begins (MS-RPCE 2.2.2.13).
        let mark = answer.windows(8).rposition(|w| w == VERIFICATION);
        answer.truncate(mark.unwrap_or(answer.len()));
        self.served.verification |= mark.is_some();
        answer.reverse();
        let count = answer.chunks(FRAGMENT).count().max(1);
        for n in 0..count {
            let stub = &answer[n * FRAGMENT..answer.len().min((n + 1) * FRAGMENT)];
            let mut flags = u8::from(n == 0);
            if n + 1 == count {
                flags |= LAST;
            }
            let context = self.context.as_ref().ok_or("no context")?;
            let head = [&call[..], &id].concat();
            let signs = self.served.header_signing;
            let pdu = seal(context, stub, flags, &head, self.auth, signs)?;
            self.stream.write_all(&pdu).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// RPC_S_SEC_PKG_ERROR (C706 12.6.4.7).
    fn fault(&mut self, call: &[u8]) -> Result<(), String> {
        let mut pdu = vec![
            5,
            0,
            ptype::FAULT,
            FIRST_AND_LAST,
            0x10,
            0,
            0,
            0,
            32,
            0,
            0,
            0,
        ];
        pdu.extend(call);
        pdu.extend([0; 8]);
        pdu.extend(1825_u32.to_le_bytes());
        pdu.extend([0; 4]);
        self.stream.write_all(&pdu).map_err(|e| e.to_string())
    }
}

/// Header, stub with padding, security trailer, auth value.
fn split(pdu: &mut [u8], at: usize) -> (&mut [u8], &mut [u8], &mut [u8], &mut [u8]) {
    let (head, rest) = pdu.split_at_mut(HEADER);
    let (stub, rest) = rest.split_at_mut(at - HEADER);
    let (trailer, auth) = rest.split_at_mut(TRAILER);
    (head, stub, trailer, auth)
}

/// Opens a PDU where it lies (MS-RPCE 3.3.1.5.2.2).
fn open(
    context: &Context,
    pdu: &mut [u8],
    at: usize,
    level: u8,
    header_signing: bool,
) -> Result<(), String> {
    if level == INTEGRITY {
        // The MIC travels beside what it covers.
        let (signed, mic) = pdu.split_at(at + TRAILER);
        let covered = match header_signing {
            true => signed,
            false => &signed[HEADER..at],
        };
        return context
            .verify(covered, mic)
            .map(drop)
            .map_err(|e| e.to_string());
    }
    assert_eq!(level, PRIVACY);
    let (head, stub, trailer, auth) = split(pdu, at);
    let (head, trailer): (&[u8], &[u8]) = match header_signing {
        true => (head, trailer),
        false => (&[], &[]),
    };
    let opened = context.unwrap_parts(&mut [
        MessagePart::SignOnly(head),
        MessagePart::Data(stub),
        MessagePart::SignOnly(trailer),
        MessagePart::Header(auth),
    ]);
    match opened.map_err(|e| e.to_string())? {
        (Protection::Confidentiality, gss_acceptor::SequenceState::InOrder) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// A fragment of a response, protected where it lies.
fn seal(
    context: &Context,
    stub: &[u8],
    flags: u8,
    head: &[u8],
    auth: (u8, u8, [u8; 4]),
    header_signing: bool,
) -> Result<Vec<u8>, String> {
    let padding = stub.len().next_multiple_of(16) - stub.len();
    let sizes = context.sizes();
    let value = match auth.1 {
        PRIVACY => sizes.sealed_parts_header,
        _ => sizes.max_signature,
    };
    let at = HEADER + stub.len() + padding;
    let length = at + TRAILER + value;
    let mut pdu = vec![5, 0, ptype::RESPONSE, flags, 0x10, 0, 0, 0];
    pdu.extend((length as u16).to_le_bytes());
    pdu.extend((value as u16).to_le_bytes());
    pdu.extend(&head[..4]);
    pdu.extend((stub.len() as u32).to_le_bytes());
    pdu.extend(&head[4..6]);
    pdu.extend([0, 0]);
    pdu.extend(stub);
    pdu.resize(at, 0);
    pdu.extend([auth.0, auth.1, padding as u8, 0]);
    pdu.extend(auth.2);
    if auth.1 == INTEGRITY {
        let covered = match header_signing {
            true => &pdu[..],
            false => &pdu[HEADER..at],
        };
        let mic = context.mic(covered).map_err(|e| e.to_string())?;
        pdu.extend(mic);
        return Ok(pdu);
    }
    pdu.resize(length, 0);
    let (head, stub, trailer, auth) = split(&mut pdu, at);
    let (head, trailer): (&[u8], &[u8]) = match header_signing {
        true => (head, trailer),
        false => (&[], &[]),
    };
    let used = context
        .wrap_parts(
            Protection::Confidentiality,
            &mut [
                MessagePart::SignOnly(head),
                MessagePart::Data(stub),
                MessagePart::SignOnly(trailer),
                MessagePart::Header(auth),
            ],
        )
        .map_err(|e| e.to_string())?;
    assert_eq!((used.header, used.padding), (value, 0));
    Ok(pdu)
}
