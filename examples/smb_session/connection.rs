//! One connection: a message in, a message out. Knows no sockets.

use std::collections::BTreeMap;

use gss_acceptor::{Acceptor, AcceptorConfig, Step};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::credits::Credits;
use crate::header::{FLAG_RESPONSE, FLAG_SIGNED, HEADER, Header, Status, command, error_body};
use crate::negotiate::{self, Negotiated, Offer};
use crate::session::{Established, Handshake, Next, Session};
use crate::signing::SigningKey;
use crate::wire::{Malformed, Writer, len16, len32, part, u16_at, u32_at};

/// How many sessions a connection may have.
const SESSIONS: usize = 16;
/// The one tree: IPC$.
const TREE: u32 = 1;

const FSCTL_DFS_GET_REFERRALS: u32 = 0x0006_0194;
const FSCTL_DFS_GET_REFERRALS_EX: u32 = 0x0006_01B0;
const FSCTL_VALIDATE_NEGOTIATE_INFO: u32 = 0x0014_0204;

/// What all connections share.
pub struct Server {
    config: AcceptorConfig,
    guid: [u8; 16],
}

impl Server {
    pub fn new(config: AcceptorConfig) -> Self {
        let guid = random();
        Self { config, guid }
    }
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the system has random bytes");
    bytes
}

/// The connection ends, and this is why.
#[derive(Debug)]
pub struct Close(pub &'static str);

impl From<Malformed> for Close {
    fn from(_: Malformed) -> Self {
        Self("a message that is malformed")
    }
}

/// A client's connection.
pub struct Connection<'a> {
    server: &'a Server,
    credits: Credits,
    negotiated: Option<Negotiated>,
    sessions: BTreeMap<u64, Session>,
    log: &'a dyn Fn(&str),
}

/// An answer before it has a header.
struct Answer {
    status: Status,
    body: Vec<u8>,
    session_id: u64,
    tree_id: u32,
    key: Option<SigningKey>,
}

impl<'a> Connection<'a> {
    pub fn new(server: &'a Server, log: &'a dyn Fn(&str)) -> Self {
        Self {
            server,
            credits: Credits::new(),
            negotiated: None,
            sessions: BTreeMap::new(),
            log,
        }
    }

    /// Takes a message; gives the answer, if it gets one.
    pub fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Close> {
        if message.starts_with(b"\xFFSMB") {
            return self.smb1(message).map(Some);
        }
        let header = Header::read(message)?;
        if header.flags & FLAG_RESPONSE != 0 || header.next != 0 {
            return Err(Close("an answer, or several requests in one message"));
        }
        if header.command == command::CANCEL {
            // Nothing here takes so long that it could be cancelled.
            return Ok(None);
        }
        if !self.credits.take(header.message_id, header.credit_charge) {
            return Err(Close("a message number that was used, or not granted"));
        }
        match header.command {
            command::NEGOTIATE => self.negotiate(&header, message),
            command::SESSION_SETUP => self.session_setup(&header, message),
            _ => {
                let answer = self.request(&header, message)?;
                Ok(self.send(&header, answer))
            }
        }
        .map(Some)
    }

    /// The header, and the signature.
    fn send(&mut self, request: &Header, answer: Answer) -> Vec<u8> {
        let header = Header {
            flags: FLAG_RESPONSE,
            credits: self.credits.grant(request.credits),
            session_id: answer.session_id,
            tree_id: answer.tree_id,
            ..*request
        };
        let mut message = header.write(answer.status, &answer.body);
        if let Some(key) = answer.key {
            key.sign(&mut message);
        }
        message
    }

    /// The server speaks first (MS-SPNG 3.2.5.2): an acceptor that is given
    /// nothing says which mechanisms there are.
    fn offer<T>(&self, then: impl FnOnce(&Offer<'_>) -> T) -> Result<T, Close> {
        match Acceptor::new(&self.server.config).step(&[]) {
            Ok(Step::Continue { token }) => Ok(then(&Offer {
                server: self.server.guid,
                hints: &token,
                time: filetime(),
                salt: random(),
            })),
            _ => Err(Close("too many handshakes are half done")),
        }
    }

    fn smb1(&mut self, message: &[u8]) -> Result<Vec<u8>, Close> {
        const NEGOTIATE: u8 = 0x72;
        if message.get(4) != Some(&NEGOTIATE) || !self.credits.take(0, 1) {
            return Err(Close("SMB1"));
        }
        let answered = self.offer(|offer| offer.answer_smb1(message))?;
        let (body, negotiated) = answered.ok_or(Close("a client that speaks SMB1 alone"))?;
        self.negotiated = negotiated;
        let header = Header {
            credit_charge: 0,
            command: command::NEGOTIATE,
            credits: 1,
            flags: 0,
            next: 0,
            message_id: 0,
            tree_id: 0,
            session_id: 0,
        };
        Ok(self.send(&header, plain(Status::SUCCESS, body)))
    }

    fn negotiate(&mut self, header: &Header, message: &[u8]) -> Result<Vec<u8>, Close> {
        if self.negotiated.is_some() {
            return Err(Close("a second NEGOTIATE"));
        }
        let mut negotiated = match negotiate::read(message, &message[HEADER..])? {
            Ok(negotiated) => negotiated,
            Err(status) => return Ok(self.send(header, plain(status, error_body()))),
        };
        let body = self.offer(|offer| offer.answer(&negotiated))?;
        let answer = self.send(header, plain(Status::SUCCESS, body));
        negotiated.preauth.update(message);
        negotiated.preauth.update(&answer);
        self.negotiated = Some(negotiated);
        Ok(answer)
    }

    /// One token of a handshake.
    fn session_setup(&mut self, header: &Header, message: &[u8]) -> Result<Vec<u8>, Close> {
        const BINDING: u8 = 1;
        let body = &message[HEADER..];
        let flags = part(body, 2, 1)?[0];
        let place = usize::from(u16_at(body, 12)?);
        let token = part(message, place, u16_at(body, 14)?.into())?;
        if self.negotiated.is_none() {
            return Err(Close("a session before NEGOTIATE"));
        }
        let found = match header.session_id {
            // A session with several connections is not for here.
            _ if flags & BINDING != 0 => Err(Status::REQUEST_NOT_ACCEPTED),
            0 => self.new_session(),
            id => self.known_session(id, header, message),
        };
        let (id, handshake) = match found {
            Ok(found) => found,
            Err(status) => {
                let answer = Answer {
                    session_id: header.session_id,
                    ..plain(status, error_body())
                };
                return Ok(self.send(header, answer));
            }
        };
        Ok(self.handshake(header, id, handshake, message, token))
    }

    fn new_session(&self) -> Result<(u64, Box<Handshake>), Status> {
        let Some(negotiated) = &self.negotiated else {
            return Err(Status::USER_SESSION_DELETED);
        };
        if self.sessions.len() >= SESSIONS {
            return Err(Status::INSUFF_SERVER_RESOURCES);
        }
        let id = u64::from_le_bytes(random()) | 1;
        Ok((id, Handshake::new(&self.server.config, negotiated)))
    }

    /// Takes the session out: unless its step succeeds, it is gone.
    fn known_session(
        &mut self,
        id: u64,
        header: &Header,
        message: &[u8],
    ) -> Result<(u64, Box<Handshake>), Status> {
        let (Some(session), Some(negotiated)) = (self.sessions.remove(&id), &self.negotiated)
        else {
            return Err(Status::USER_SESSION_DELETED);
        };
        // Nobody else may end or renew an established session.
        if session
            .established()
            .is_some_and(|known| !signed(header, message, &known.key))
        {
            self.sessions.insert(id, session);
            return Err(Status::ACCESS_DENIED);
        }
        let handshake = match session {
            Session::Handshake(handshake) => handshake,
            Session::Established(session) => {
                Handshake::renew(&self.server.config, negotiated, session)
            }
        };
        Ok((id, handshake))
    }

    fn handshake(
        &mut self,
        header: &Header,
        id: u64,
        handshake: Box<Handshake>,
        message: &[u8],
        token: &[u8],
    ) -> Vec<u8> {
        let Some(negotiated) = &self.negotiated else {
            return self.send(header, plain(Status::USER_SESSION_DELETED, error_body()));
        };
        let answer = |status, token: &[u8], key| Answer {
            status,
            // The token begins behind 64 + 8 bytes.
            body: Writer::default()
                .u16(9)
                .u16(0)
                .u16(72)
                .u16(len16(token))
                .bytes(token)
                .0,
            session_id: id,
            tree_id: 0,
            key,
        };
        match handshake.step(negotiated, message, token) {
            Next::Continue {
                token,
                mut handshake,
            } => {
                let key = handshake.established().map(|known| known.key.clone());
                let answer = answer(Status::MORE_PROCESSING_REQUIRED, &token, key);
                let message = self.send(header, answer);
                handshake.answered(&message);
                self.sessions.insert(id, Session::Handshake(handshake));
                message
            }
            Next::Done { token, session } => {
                (self.log)(&let_in(negotiated, &session));
                let answer = answer(Status::SUCCESS, &token, Some(session.key.clone()));
                self.sessions.insert(id, Session::Established(session));
                self.send(header, answer)
            }
            Next::Failed { status, error } => {
                (self.log)(&format!("not let in: {error}"));
                let answer = Answer {
                    session_id: id,
                    ..plain(status, error_body())
                };
                self.send(header, answer)
            }
        }
    }

    /// Everything that needs a session.
    fn request(&mut self, header: &Header, message: &[u8]) -> Result<Answer, Close> {
        if self.negotiated.is_none() {
            return Err(Close("a request before NEGOTIATE"));
        }
        let found = self.sessions.get_mut(&header.session_id);
        let Some(Session::Established(session)) = found else {
            let answer = plain(Status::USER_SESSION_DELETED, error_body());
            return Ok(Answer {
                session_id: header.session_id,
                ..answer
            });
        };
        let key = session.key.clone();
        let done = if !signed(header, message, &key) {
            (self.log)("a request without a right signature");
            Err(Status::ACCESS_DENIED)
        } else if session.expired() && header.command != command::LOGOFF {
            Err(Status::NETWORK_SESSION_EXPIRED)
        } else {
            match (header.command, &self.negotiated) {
                (command::IOCTL, Some(negotiated)) => {
                    let body = &message[HEADER..];
                    ioctl(negotiated, &self.server.guid, session, message, body)?
                }
                (command::LOGOFF, _) => {
                    (self.log)(&format!("{} logs off", session.context.peer()));
                    self.sessions.remove(&header.session_id);
                    Ok((header.tree_id, four_bytes()))
                }
                _ => session_request(header, session, message)?,
            }
        };
        let (status, (tree_id, body)) = match done {
            Ok(answer) => (Status::SUCCESS, answer),
            Err(status) => (status, (header.tree_id, error_body())),
        };
        Ok(Answer {
            status,
            body,
            session_id: header.session_id,
            tree_id,
            key: Some(key),
        })
    }
}

/// The tree, and the body; or why not.
type Done = Result<(u32, Vec<u8>), Status>;

fn session_request(
    header: &Header,
    session: &mut Established,
    message: &[u8],
) -> Result<Done, Close> {
    let body = &message[HEADER..];
    let in_tree = session.tree && header.tree_id == TREE;
    Ok(match header.command {
        command::ECHO => Ok((header.tree_id, four_bytes())),
        command::TREE_CONNECT => {
            let place = usize::from(u16_at(body, 4)?);
            let path = part(message, place, u16_at(body, 6)?.into())?;
            tree_connect(session, path)
        }
        _ if !in_tree => Err(Status::NETWORK_NAME_DELETED),
        command::TREE_DISCONNECT => {
            session.tree = false;
            Ok((TREE, four_bytes()))
        }
        // There are no pipes behind IPC$.
        command::CREATE => Err(Status::OBJECT_NAME_NOT_FOUND),
        _ => Err(Status::NOT_SUPPORTED),
    })
}

/// MS-SMB2 2.2.9, 2.2.10.
fn tree_connect(session: &mut Established, path: &[u8]) -> Done {
    const PIPE: u16 = 2;
    const READ: u32 = 0x0012_0089;
    let path: Vec<u16> = crate::wire::u16s(path).collect();
    let path = String::from_utf16_lossy(&path);
    let share = path.rsplit('\\').next().unwrap_or_default();
    if !share.eq_ignore_ascii_case("IPC$") {
        return Err(Status::BAD_NETWORK_NAME);
    }
    session.tree = true;
    let body = Writer::default().u16(16).u16(PIPE).u32(0).u32(0).u32(READ);
    Ok((TREE, body.0))
}

/// MS-SMB2 2.2.31, 2.2.32.
fn ioctl(
    negotiated: &Negotiated,
    server: &[u8; 16],
    session: &Established,
    message: &[u8],
    body: &[u8],
) -> Result<Done, Close> {
    let code = u32_at(body, 4)?;
    let input = part(
        message,
        u32_at(body, 24)? as usize,
        u32_at(body, 28)? as usize,
    )?;
    if !session.tree {
        return Ok(Err(Status::NETWORK_NAME_DELETED));
    }
    Ok(match code {
        FSCTL_VALIDATE_NEGOTIATE_INFO => {
            let output = negotiated
                .validate(input, server)
                .ok_or(Close("a NEGOTIATE that was altered on the way"))?;
            let head = Writer::default().u16(49).u16(0).u32(code);
            let head = head.bytes(&[0xFF; 16]).u32(112).u32(0).u32(112);
            let head = head.u32(len32(&output)).u32(0).u32(0);
            Ok((TREE, head.bytes(&output).0))
        }
        FSCTL_DFS_GET_REFERRALS | FSCTL_DFS_GET_REFERRALS_EX => Err(Status::FS_DRIVER_REQUIRED),
        _ => Err(Status::INVALID_DEVICE_REQUEST),
    })
}

/// Every request of a session must be (3.3.5.2.4).
fn signed(header: &Header, message: &[u8], key: &SigningKey) -> bool {
    header.flags & FLAG_SIGNED != 0 && key.verify(message)
}

fn let_in(negotiated: &Negotiated, session: &Established) -> String {
    // 0x0302 is 3.0.2; 2.1 and 3.0 have no third digit.
    let [major, rest] = negotiated.dialect.to_be_bytes();
    let (minor, revision) = (rest >> 4, rest & 0xF);
    let dialect = match revision {
        0 => format!("{major}.{minor}"),
        _ => format!("{major}.{minor}.{revision}"),
    };
    format!(
        "let in: {} by {} until {}, SMB {dialect}, signed with {:?}",
        session.context.peer(),
        session.context.mechanism(),
        session.context.expiry(),
        negotiated.algorithm,
    )
}

fn plain(status: Status, body: Vec<u8>) -> Answer {
    Answer {
        status,
        body,
        session_id: 0,
        tree_id: 0,
        key: None,
    }
}

/// The body of answers that say nothing.
fn four_bytes() -> Vec<u8> {
    Writer::default().u16(4).u16(0).0
}

/// Tenths of a microsecond since 1601 (MS-DTYP 2.3.3).
fn filetime() -> u64 {
    const UNIX: u64 = 116_444_736_000_000_000;
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let tenths = since.unwrap_or_default().as_nanos() / 100;
    UNIX.saturating_add(u64::try_from(tenths).unwrap_or_default())
}
