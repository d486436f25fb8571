//! NEGOTIATE (MS-SMB2 2.2.3, 3.3.5.4): dialect, how messages are signed, and
//! the server's word on which mechanisms it has.

use crate::header::Status;
use crate::signing::{Algorithm, Preauth};
use crate::wire::{Malformed, Writer, guid_at, len16, part, u16_at, u16s, u32_at};

/// Signing is enabled and required.
pub const SECURITY_MODE: u16 = 3;
/// The largest read, write or transaction.
const MAX_SIZE: u32 = 0x1_0000;
/// Read and write are not even there: no capability is.
pub const CAPABILITIES: u32 = 0;

const PREAUTH_INTEGRITY: u16 = 1;
const SIGNING_CAPABILITIES: u16 = 8;
const SHA512: u16 = 1;

/// The dialects that are spoken, the best first.
const DIALECTS: [u16; 5] = [D311, 0x0302, D300, 0x0210, D202];
pub const D202: u16 = 0x0202;
pub const D300: u16 = 0x0300;
pub const D311: u16 = 0x0311;
/// "Ask again in SMB2" (3.3.5.3.1).
const WILDCARD: u16 = 0x02FF;

/// What was agreed. Kept, since clients ask for it again under a signature.
pub struct Negotiated {
    pub dialect: u16,
    pub algorithm: Algorithm,
    pub preauth: Preauth,
    client: Claims,
}

/// What the client said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    capabilities: u32,
    guid: [u8; 16],
    security_mode: u16,
    /// Of the dialects, only what they lead to matters.
    dialect: Option<u16>,
}

/// Which sessions can be had.
pub struct Offer<'a> {
    pub server: [u8; 16],
    /// The token with which the server begins (NegTokenInit2).
    pub hints: &'a [u8],
    /// As Windows tells time.
    pub time: u64,
    pub salt: [u8; 32],
}

fn best(dialects: &[u8]) -> Option<u16> {
    DIALECTS
        .into_iter()
        .find(|ours| u16s(dialects).any(|theirs| theirs == *ours))
}

/// A request's body, without the header; `message` is all of it.
pub fn read(message: &[u8], body: &[u8]) -> Result<Result<Negotiated, Status>, Malformed> {
    if u16_at(body, 0)? != 36 {
        return Err(Malformed);
    }
    let count = usize::from(u16_at(body, 2)?);
    let dialects = part(body, 36, count * 2)?;
    let client = Claims {
        security_mode: u16_at(body, 4)?,
        capabilities: u32_at(body, 8)?,
        guid: guid_at(body, 12)?,
        dialect: best(dialects),
    };
    let Some(dialect) = client.dialect else {
        return Ok(Err(Status::NOT_SUPPORTED));
    };
    let mut algorithm = match dialect {
        ..D300 => Algorithm::HmacSha256,
        _ => Algorithm::AesCmac,
    };
    if dialect == D311 {
        let contexts = Contexts::read(message, u32_at(body, 28)?, u16_at(body, 32)?)?;
        if !contexts.sha512 {
            return Ok(Err(Status::NO_PREAUTH_INTEGRITY_HASH_OVERLAP));
        }
        algorithm = contexts.algorithm.unwrap_or(algorithm);
    }
    let preauth = Preauth::new();
    Ok(Ok(Negotiated {
        dialect,
        algorithm,
        preauth,
        client,
    }))
}

/// What is read of the negotiate contexts (2.2.3.1).
#[derive(Default)]
struct Contexts {
    sha512: bool,
    algorithm: Option<Algorithm>,
}

impl Contexts {
    fn read(message: &[u8], offset: u32, count: u16) -> Result<Self, Malformed> {
        let mut contexts = Self::default();
        let mut place = offset as usize;
        for _ in 0..count {
            let kind = u16_at(message, place)?;
            let length = usize::from(u16_at(message, place + 2)?);
            let data = part(message, place + 8, length)?;
            match kind {
                PREAUTH_INTEGRITY => {
                    let count = usize::from(u16_at(data, 0)?);
                    let hashes = part(data, 4, count * 2)?;
                    contexts.sha512 = u16s(hashes).any(|hash| hash == SHA512);
                }
                SIGNING_CAPABILITIES => {
                    let count = usize::from(u16_at(data, 0)?);
                    let theirs = part(data, 2, count * 2)?;
                    contexts.algorithm = Algorithm::ALL
                        .into_iter()
                        .find(|ours| u16s(theirs).any(|theirs| theirs == ours.number()));
                }
                _ => {}
            }
            place = (place + 8 + length).next_multiple_of(8);
        }
        Ok(contexts)
    }
}

impl Offer<'_> {
    /// The answer's body.
    pub fn answer(&self, negotiated: &Negotiated) -> Vec<u8> {
        let contexts = match negotiated.dialect {
            D311 => self.contexts(negotiated.algorithm),
            _ => Vec::new(),
        };
        let count = if contexts.is_empty() { 0 } else { 2 };
        self.body(negotiated.dialect, count, &contexts)
    }

    /// The answer to an SMB1 client that speaks SMB2 besides (3.3.5.3), if it
    /// does, and whether it asks again.
    pub fn answer_smb1(&self, message: &[u8]) -> Option<(Vec<u8>, Option<Negotiated>)> {
        // Dialects are texts, each after a byte 2 and before a zero.
        let has = |name: &[u8]| message.windows(name.len()).any(|window| window == name);
        if has(b"\x02SMB 2.???\0") {
            return Some((self.body(WILDCARD, 0, &[]), None));
        }
        let negotiated = has(b"\x02SMB 2.002\0").then(|| Negotiated {
            dialect: D202,
            algorithm: Algorithm::HmacSha256,
            preauth: Preauth::new(),
            client: Claims {
                capabilities: 0,
                guid: [0; 16],
                security_mode: 1,
                dialect: Some(D202),
            },
        })?;
        Some((self.body(D202, 0, &[]), Some(negotiated)))
    }

    fn body(&self, dialect: u16, count: u16, contexts: &[u8]) -> Vec<u8> {
        // Fixed fields end at 64 + 64, a multiple of eight.
        let place = (64 + 64 + self.hints.len()).next_multiple_of(8);
        let offset = if contexts.is_empty() { 0 } else { place };
        let body = Writer::default()
            .u16(65)
            .u16(SECURITY_MODE)
            .u16(dialect)
            .u16(count)
            .bytes(&self.server)
            .u32(CAPABILITIES)
            .u32(MAX_SIZE)
            .u32(MAX_SIZE)
            .u32(MAX_SIZE)
            .u64(self.time)
            .u64(0)
            .u16(128)
            .u16(len16(self.hints))
            .u32(u32::try_from(offset).unwrap_or_default())
            .bytes(self.hints);
        if contexts.is_empty() {
            body.0
        } else {
            body.pad8().bytes(contexts).0
        }
    }

    fn contexts(&self, algorithm: Algorithm) -> Vec<u8> {
        let preauth = Writer::default()
            .u16(1)
            .u16(len16(&self.salt))
            .u16(SHA512)
            .bytes(&self.salt)
            .0;
        let signing = Writer::default().u16(1).u16(algorithm.number()).0;
        let context = |kind, data: &[u8]| {
            let head = Writer::default().u16(kind).u16(len16(data)).u32(0);
            head.bytes(data)
        };
        context(PREAUTH_INTEGRITY, &preauth)
            .pad8()
            .bytes(&context(SIGNING_CAPABILITIES, &signing).0)
            .0
    }
}

impl Negotiated {
    /// FSCTL_VALIDATE_NEGOTIATE_INFO (3.3.5.15.12): what the client says under
    /// its signature that it had said, and the answer to it. `None`: somebody
    /// has changed it on the way, and the connection must end.
    pub fn validate(&self, input: &[u8], server: &[u8; 16]) -> Option<Vec<u8>> {
        let read = || {
            let count = usize::from(u16_at(input, 22)?);
            Ok::<_, Malformed>(Claims {
                capabilities: u32_at(input, 0)?,
                guid: guid_at(input, 4)?,
                security_mode: u16_at(input, 20)?,
                dialect: best(part(input, 24, count * 2)?),
            })
        };
        // 3.1.1 has the hash instead.
        let same = self.dialect != D311 && read() == Ok(self.client.clone());
        same.then(|| {
            Writer::default()
                .u32(CAPABILITIES)
                .bytes(server)
                .u16(SECURITY_MODE)
                .u16(self.dialect)
                .0
        })
    }
}
