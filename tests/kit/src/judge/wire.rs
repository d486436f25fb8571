//! Requests and verdicts between the kit and the `judge` process: records of optional fields,
//! each with its length.

use super::Verdict;
use std::io::{self, Read, Write};

/// Accept a token, the first or a further one.
pub const ACCEPT: u8 = 1;
/// gss_wrap.
pub const WRAP: u8 = 2;
/// gss_unwrap.
pub const UNWRAP: u8 = 3;
/// gss_get_mic.
pub const MIC: u8 = 4;
/// gss_verify_mic.
pub const VERIFY: u8 = 5;
/// gss_delete_sec_context.
pub const FORGET: u8 = 6;
/// gss_init_sec_context, the first token or a further one.
pub const INIT: u8 = 7;
/// gss_wrap_iov.
pub const WRAP_IOV: u8 = 8;
/// gss_unwrap_iov.
pub const UNWRAP_IOV: u8 = 9;

/// A record: fields that may be absent.
pub type Fields = Vec<Option<Vec<u8>>>;

/// What the library is asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// One of the constants of this module.
    pub op: u8,
    /// The context; 0 begins one.
    pub handle: u32,
    /// Whether to seal; to `INIT` whether to negotiate with SPNEGO.
    pub seal: bool,
    /// To `INIT` req_flags.
    pub flags: u32,
    /// The token or message.
    pub data: Option<Vec<u8>>,
    /// The bindings' application data; to `VERIFY` the message.
    pub second: Option<Vec<u8>>,
    /// The acceptor's name, `service@host`; to `INIT` the target's.
    pub name: Option<Vec<u8>>,
}

impl Request {
    /// As a record.
    pub fn fields(&self) -> Fields {
        let mut head = vec![self.op, self.seal.into()];
        head.extend(self.handle.to_be_bytes());
        head.extend(self.flags.to_be_bytes());
        vec![
            Some(head),
            self.data.clone(),
            self.second.clone(),
            self.name.clone(),
        ]
    }

    /// From a record.
    pub fn read(mut fields: Fields) -> io::Result<Self> {
        let bad = || io::Error::from(io::ErrorKind::InvalidData);
        fields.resize(4, None);
        let head: [u8; 10] = fields[0]
            .take()
            .and_then(|h| h.try_into().ok())
            .ok_or_else(bad)?;
        Ok(Self {
            op: head[0],
            seal: head[1] != 0,
            handle: u32::from_be_bytes([head[2], head[3], head[4], head[5]]),
            flags: u32::from_be_bytes([head[6], head[7], head[8], head[9]]),
            data: fields[1].take(),
            second: fields[2].take(),
            name: fields[3].take(),
        })
    }
}

impl Verdict {
    /// As a record.
    pub fn fields(&self) -> Fields {
        let numbers = [
            self.major,
            self.minor,
            self.ret_flags,
            self.time,
            self.handle,
        ];
        vec![
            Some(numbers.iter().flat_map(|n| n.to_be_bytes()).collect()),
            Some(self.text.clone().into_bytes()),
            self.output_token.clone(),
            self.src_name.clone(),
            self.mech.clone(),
        ]
    }
}

/// A verdict from its record.
pub fn verdict(mut fields: Fields) -> io::Result<Verdict> {
    fields.resize(5, None);
    let numbers = fields[0].take().unwrap_or_default();
    if numbers.len() != 20 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let n = |i: usize| u32::from_be_bytes(numbers[4 * i..][..4].try_into().expect("four octets"));
    Ok(Verdict {
        major: n(0),
        minor: n(1),
        ret_flags: n(2),
        time: n(3),
        handle: n(4),
        text: String::from_utf8_lossy(&fields[1].take().unwrap_or_default()).into_owned(),
        output_token: fields[2].take(),
        src_name: fields[3].take(),
        mech: fields[4].take(),
    })
}

/// Writes one record.
pub fn write(to: &mut impl Write, fields: &Fields) -> io::Result<()> {
    let mut out = vec![fields.len() as u8];
    for field in fields {
        let len = field.as_ref().map_or(u32::MAX, |f| f.len() as u32);
        out.extend(len.to_be_bytes());
        out.extend(field.iter().flatten());
    }
    to.write_all(&out)?;
    to.flush()
}

/// Reads one record; `None` at the end of the input.
pub fn read(from: &mut impl Read) -> io::Result<Option<Fields>> {
    let mut count = [0];
    if from.read(&mut count)? == 0 {
        return Ok(None);
    }
    let mut fields = Fields::new();
    for _ in 0..count[0] {
        let mut len = [0; 4];
        from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len);
        fields.push(if len == u32::MAX {
            None
        } else {
            let mut bytes = vec![0; len as usize];
            from.read_exact(&mut bytes)?;
            Some(bytes)
        });
    }
    Ok(Some(fields))
}
