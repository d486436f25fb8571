//! An AP-REQ as kit reads it, and what it then says: the second opinion on every token that is
//! let in.

use std::collections::BTreeMap;

use kit::ap_req::gss;
use kit::crypto::{AES_ETYPES, KitKey, md5};
use kit::der::Reader;
use kit::ticket::{AuthData, flag};

use crate::parent::Setting;

type Read<T> = Result<T, String>;

/// The numbered fields of a SEQUENCE, in order.
struct Fields<'a>(BTreeMap<u8, &'a [u8]>);

impl<'a> Fields<'a> {
    fn of(body: &'a [u8]) -> Read<Self> {
        let mut reader = Reader::new(body);
        let mut inner = Reader::new(reader.expect(0x30)?);
        reader.end()?;
        let mut out = BTreeMap::new();
        let mut last = None;
        while inner.peek().is_some() {
            let field = inner.any()?;
            let number = field.tag & 0x1f;
            if field.tag & 0xe0 != 0xa0 || last.is_some_and(|last| last >= number) {
                return Err(format!("field {:02x} after {last:?}", field.tag));
            }
            last = Some(number);
            out.insert(number, field.body);
        }
        Ok(Self(out))
    }

    fn under(tag: u8, message: &'a [u8]) -> Read<Self> {
        let mut outer = Reader::new(message);
        let body = outer.expect(tag)?;
        outer.end()?;
        Self::of(body)
    }

    fn opt(&self, n: u8) -> Option<&'a [u8]> {
        self.0.get(&n).copied()
    }

    fn get(&self, n: u8) -> Read<&'a [u8]> {
        self.opt(n).ok_or(format!("no field {n}"))
    }

    fn int(&self, n: u8) -> Read<i64> {
        only(self.get(n)?, Reader::int)
    }

    fn octets(&self, n: u8, tag: u8) -> Read<&'a [u8]> {
        only(self.get(n)?, |r| r.expect(tag))
    }

    fn time(&self, n: u8) -> Read<i64> {
        only(self.get(n)?, Reader::time)
    }
}

fn only<'a, T>(body: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Read<T>) -> Read<T> {
    let mut reader = Reader::new(body);
    let out = read(&mut reader)?;
    reader.end()?;
    Ok(out)
}

fn list<T>(body: &[u8], mut read: impl FnMut(&[u8]) -> Read<T>) -> Read<Vec<T>> {
    let mut reader = Reader::new(only(body, |r| r.expect(0x30))?);
    let mut out = Vec::new();
    while reader.peek().is_some() {
        out.push(read(reader.any()?.raw)?);
    }
    Ok(out)
}

fn name(body: &[u8]) -> Read<Vec<Vec<u8>>> {
    list(Fields::of(body)?.get(1)?, |part| {
        Ok(only(part, |r| r.expect(0x1b))?.to_vec())
    })
}

fn pair(body: &[u8]) -> Read<(i64, Vec<u8>)> {
    let fields = Fields::of(body)?;
    Ok((fields.int(0)?, fields.octets(1, 0x04)?.to_vec()))
}

/// The elements, and those in AD-IF-RELEVANT in its place (RFC 4120 5.2.6.1).
fn opened(elements: Vec<AuthData>) -> Read<Vec<AuthData>> {
    let mut out = Vec::new();
    for (kind, data) in elements {
        match kind {
            1 => out.extend(opened(list(&data, pair)?)?),
            _ => out.push((kind, data)),
        }
    }
    Ok(out)
}

/// Bits that are not there are zero, as MIT has it.
fn flags32(body: &[u8]) -> Read<u32> {
    let bits = only(body, |r| r.expect(0x03))?;
    let (unused, bits) = bits.split_first().ok_or("no bits")?;
    if *unused > 7 || (*unused > 0 && bits.is_empty()) {
        return Err(format!("{unused} unused bits"));
    }
    let first: [u8; 4] = std::array::from_fn(|n| bits.get(n).copied().unwrap_or(0));
    let used = (8 * bits.len() - usize::from(*unused)).min(32) as u32;
    Ok(u32::from_be_bytes(first) & u32::MAX.checked_shl(32 - used).unwrap_or(0))
}

/// EncTicketPart (RFC 4120 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TicketPart {
    pub flags: u32,
    pub key: (i64, Vec<u8>),
    pub crealm: Vec<u8>,
    pub cname: Vec<Vec<u8>>,
    pub transited: (i64, Vec<u8>),
    pub authtime: i64,
    pub starttime: Option<i64>,
    pub endtime: i64,
    pub authdata: Vec<AuthData>,
    /// The same with AD-IF-RELEVANT opened.
    pub all_authdata: Vec<AuthData>,
}

impl TicketPart {
    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub fn read(plain: &[u8]) -> Read<Self> {
        let fields = Fields::under(0x63, plain)?;
        let authdata = fields.opt(10).map_or(Ok(Vec::new()), |b| list(b, pair))?;
        Ok(Self {
            all_authdata: opened(authdata.clone())?,
            authdata,
            flags: flags32(fields.get(0)?)?,
            key: pair(fields.get(1)?)?,
            crealm: fields.octets(2, 0x1b)?.to_vec(),
            cname: name(fields.get(3)?)?,
            transited: pair(fields.get(4)?)?,
            authtime: fields.time(5)?,
            starttime: fields.opt(6).map(|b| only(b, Reader::time)).transpose()?,
            endtime: fields.time(7)?,
        })
    }
}

/// Authenticator (RFC 4120 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Authenticator {
    pub version: i64,
    pub crealm: Vec<u8>,
    pub cname: Vec<Vec<u8>>,
    pub checksum: Option<(i64, Vec<u8>)>,
    pub cusec: i64,
    pub ctime: i64,
    pub subkey: Option<(i64, Vec<u8>)>,
    pub seq: Option<i64>,
    pub authdata: Vec<AuthData>,
}

impl Authenticator {
    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub fn read(plain: &[u8]) -> Read<Self> {
        let fields = Fields::under(0x62, plain)?;
        Ok(Self {
            version: fields.int(0)?,
            crealm: fields.octets(1, 0x1b)?.to_vec(),
            cname: name(fields.get(2)?)?,
            checksum: fields.opt(3).map(pair).transpose()?,
            cusec: fields.int(4)?,
            ctime: fields.time(5)?,
            subkey: fields.opt(6).map(pair).transpose()?,
            seq: fields.opt(7).map(|b| only(b, Reader::int)).transpose()?,
            authdata: fields.opt(8).map_or(Ok(Vec::new()), |b| list(b, pair))?,
        })
    }
}

/// What an AP-REQ says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    /// ap-options.
    pub options: u32,
    /// The ticket's inside.
    pub ticket: TicketPart,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// Flags of the 0x8003 checksum; those that another checksum, or none, stands for.
    pub gss_flags: u32,
    /// Whether an AP-REP is due.
    pub mutual: bool,
    /// The hash of the bindings, if any were sent.
    pub bindings: Option<[u8; 16]>,
}

/// An AP-REQ with the plaintexts of its parts.
///
/// # Errors
/// What cannot be read.
pub fn read(ap_req: &[u8], ticket: &[u8], authenticator: &[u8]) -> Read<Says> {
    let [ticket, authenticator] = [ticket, authenticator].map(crate::tree::normal);
    let fields = Fields::under(0x6e, ap_req)?;
    if (fields.int(0)?, fields.int(1)?) != (5, 14) {
        return Err("not pvno 5, msg-type 14".into());
    }
    if Fields::under(0x61, fields.get(3)?)?.int(0)? != 5 {
        return Err("not tkt-vno 5".into());
    }
    let options = flags32(fields.get(2)?)?;
    let authenticator = Authenticator::read(&authenticator)?;
    let (gss_flags, mutual, bindings) = match &authenticator.checksum {
        None => (0, false, None),
        Some((0x8003, body)) => {
            let (head, rest) = body.split_first_chunk::<24>().ok_or("a short checksum")?;
            if head[..4] != [16, 0, 0, 0] {
                return Err("Lgth is not 16".into());
            }
            let hash: [u8; 16] = std::array::from_fn(|n| head[4 + n]);
            let flags = u32::from_le_bytes(std::array::from_fn(|n| head[20 + n]));
            if flags & gss::DELEG == 0 {
                extensions(rest)?;
            }
            let mutual = flags & (gss::MUTUAL | gss::DCE) != 0;
            (flags, mutual, (hash != [0; 16]).then_some(hash))
        }
        Some(_) => {
            let mutual = options & kit::ap_req::option::MUTUAL_REQUIRED != 0;
            (gss::REPLAY | gss::SEQUENCE, mutual, None)
        }
    };
    Ok(Says {
        options,
        ticket: TicketPart::read(&ticket)?,
        authenticator,
        gss_flags,
        mutual,
        bindings,
    })
}

fn extensions(mut rest: &[u8]) -> Read<()> {
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<8>().ok_or("a cut extension")?;
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        rest = after.get(length as usize..).ok_or("a cut extension")?;
    }
    Ok(())
}

/// The hash of bindings without addresses (RFC 4121 4.1.1.2).
pub fn bindings_hash(data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(data.len()).expect("short").to_le_bytes();
    md5(&[&[0; 16], &length, data])
}

impl Says {
    /// Why an acceptor whose clock stands at `now`, with the default skew, must refuse this.
    pub fn must_be_refused(&self, now: i64, setting: &Setting) -> Option<&'static str> {
        const SKEW: i64 = 300;
        let (ticket, client) = (&self.ticket, &self.authenticator);
        let permitted = |key: &(i64, Vec<u8>)| {
            AES_ETYPES.iter().any(|e| i64::from(*e) == key.0) || (setting.rc4 && key.0 == 23)
        };
        let start = ticket.starttime.unwrap_or(ticket.authtime);
        let other_checksum = match &client.checksum {
            Some((kind, sum)) if *kind != 0x8003 => {
                let key = KitKey::new(ticket.key.0 as i32, ticket.key.1.clone());
                *kind != key.checksum_type() || *sum != key.checksum(10, b"")
            }
            _ => false,
        };
        let unchecked = ticket.flags & flag::TRANSITED_POLICY_CHECKED == 0;
        let (kind, realms) = &ticket.transited;
        [
            (client.version != 5, "authenticator-vno"),
            (client.cname != ticket.cname, "another name"),
            (client.crealm != ticket.crealm, "another realm"),
            (ticket.flags & flag::INVALID != 0, "an invalid ticket"),
            (ticket.flags & flag::ANONYMOUS != 0, "nobody"),
            (start > now + SKEW, "not valid yet"),
            (ticket.endtime < now - SKEW, "expired"),
            ((client.ctime - now).abs() > SKEW, "clock skew"),
            (!permitted(&ticket.key), "the session key's type"),
            (
                client.subkey.as_ref().is_some_and(|k| !permitted(k)),
                "the subkey's type",
            ),
            (other_checksum, "the checksum"),
            (
                unchecked && *kind != 1 && !realms.is_empty(),
                "a transited type that nobody knows",
            ),
            (
                // AD-IF-RELEVANT, AD-MANDATORY-FOR-KDC, and the PAC are known (RFC 4120 5.2.6).
                ticket
                    .authdata
                    .iter()
                    .any(|(kind, _)| ![1, 8, 128].contains(kind)),
                "authorization data that nobody knows",
            ),
            (
                (setting.bindings.as_ref())
                    .is_some_and(|own| self.bindings != Some(bindings_hash(own))),
                "other channel bindings",
            ),
            (
                self.options & kit::ap_req::option::USE_SESSION_KEY != 0 && setting.tgt.is_none(),
                "user-to-user",
            ),
        ]
        .into_iter()
        .find_map(|(wrong, why)| wrong.then_some(why))
    }
}
