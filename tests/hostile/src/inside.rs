//! Into the encrypted parts and back: what only the holder of the service's key can change.

use kit::crypto::KitKey;
use kit::der::Reader;
use kit::keytab::Entry;
use kit::ticket::Name;

use crate::tree::{self, Holds, Node, Place};

/// The ciphertexts' places below an AP-REQ (RFC 4120 5.5.1): tags, each the first of its list.
const TICKET: [u8; 7] = [0x30, 0xa3, 0x61, 0x30, 0xa3, 0x30, 0xa2];
const AUTHENTICATOR: [u8; 3] = [0x30, 0xa4, 0x30];

/// Key usages of RFC 4120 7.5.1.
const USAGE_TICKET: u32 = 2;
const USAGE_AUTHENTICATOR: u32 = 11;

/// An AP-REQ's plaintexts, and the keys that they were under.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The ticket's.
    pub ticket: Vec<u8>,
    /// The authenticator's.
    pub authenticator: Vec<u8>,
    /// The service's key.
    pub service: KitKey,
    /// Whose that is.
    pub owner: String,
    /// The ticket's session key.
    pub session: KitKey,
}

fn child(nodes: &[Node], tag: u8) -> Option<usize> {
    nodes.iter().position(|node| node.tag == Some(tag))
}

/// The place of the octets that these tags lead to from a place.
fn follow(nodes: &[Node], from: &[usize], tags: &[u8]) -> Option<Place> {
    let mut place = from.to_vec();
    let mut list = nodes;
    for step in from {
        list = list.get(*step)?.parts();
    }
    for tag in tags {
        let index = child(list, *tag)?;
        place.push(index);
        list = list.get(index)?.parts();
    }
    Some(place)
}

/// Where the AP-REQ is.
fn ap_req(nodes: &[Node]) -> Option<Place> {
    let mut all = nodes.to_vec();
    tree::places(nodes)
        .into_iter()
        .find(|place| tree::at(&mut all, place).is_some_and(|node| node.tag == Some(0x6e)))
}

fn cipher(nodes: &[Node], way: &[u8]) -> Option<(Place, Vec<u8>)> {
    let mut tags = way.to_vec();
    if way == AUTHENTICATOR {
        tags.push(0xa2);
    }
    tags.push(0x04);
    let place = follow(nodes, &ap_req(nodes)?, &tags)?;
    match &tree::at(&mut nodes.to_vec(), &place)?.holds {
        Holds::Octets(octets) => Some((place, octets.clone())),
        Holds::Parts(parts) => Some((place, tree::encode(parts))),
    }
}

/// The session key that a ticket's plaintext holds, if it holds one that can be used.
pub fn session_key(ticket: &[u8]) -> Option<KitKey> {
    let part = crate::decode::TicketPart::read(&tree::normal(ticket)).ok()?;
    let key = KitKey::new(i32::try_from(part.key.0).ok()?, part.key.1);
    let usable = krb5::Key::new(key.etype, key.bytes.clone()).is_ok()
        || (key.etype == kit::crypto::RC4 && key.bytes.len() == 16);
    usable.then_some(key)
}

/// The ciphertexts of ticket and authenticator of the AP-REQ in a token.
pub fn ciphers(nodes: &[Node]) -> Option<[Vec<u8>; 2]> {
    Some([cipher(nodes, &TICKET)?.1, cipher(nodes, &AUTHENTICATOR)?.1])
}

impl Inside {
    /// Opens the AP-REQ in a token with whichever key fits.
    pub fn open(nodes: &[Node], keys: &[Entry]) -> Option<Self> {
        let (_, sealed) = cipher(nodes, &TICKET)?;
        let (ticket, entry) = keys.iter().find_map(|entry| {
            let plain = entry.key.decrypt(USAGE_TICKET, &sealed).ok()?;
            Some((plain, entry))
        })?;
        let names: Vec<_> = (entry.name.parts.iter())
            .map(|part| String::from_utf8_lossy(part))
            .collect();
        let realm = String::from_utf8_lossy(&entry.realm);
        let session = session_key(&ticket)?;
        let (_, sealed) = cipher(nodes, &AUTHENTICATOR)?;
        let authenticator = session.decrypt(USAGE_AUTHENTICATOR, &sealed).ok()?;
        Some(Self {
            ticket,
            authenticator,
            service: entry.key.clone(),
            owner: format!("{}@{realm}", names.join("/")),
            session,
        })
    }

    /// Puts these plaintexts, encrypted anew, in the place of a token's own. The authenticator is
    /// under the session key of the ticket as it is now, where it has one.
    pub fn seal(&self, nodes: &mut Vec<Node>) -> Option<()> {
        let session = session_key(&self.ticket).unwrap_or_else(|| self.session.clone());
        for (way, key, usage, plain) in [
            (&TICKET[..], &self.service, USAGE_TICKET, &self.ticket),
            (
                &AUTHENTICATOR[..],
                &session,
                USAGE_AUTHENTICATOR,
                &self.authenticator,
            ),
        ] {
            let (place, _) = cipher(nodes, way)?;
            tree::at(nodes, &place)?.holds = Holds::Octets(key.encrypt(usage, plain));
        }
        Some(())
    }
}

/// The entries of a keytab file of version 2, without holes.
///
/// # Errors
/// It is none.
pub fn entries(file: &[u8]) -> Result<Vec<Entry>, &'static str> {
    let mut rest = file.strip_prefix(&[5, 2]).ok_or("not version 2")?;
    let mut out = Vec::new();
    while let Some((size, after)) = rest.split_first_chunk() {
        let size = u32::from_be_bytes(*size) as usize;
        let (body, after) = after.split_at_checked(size).ok_or("a cut entry")?;
        out.push(entry(body).ok_or("a bad entry")?);
        rest = after;
    }
    Ok(out)
}

fn entry(mut body: &[u8]) -> Option<Entry> {
    fn take<'a>(body: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = body.split_at_checked(count)?;
        *body = rest;
        Some(taken)
    }
    fn number(body: &mut &[u8], count: usize) -> Option<usize> {
        Some(
            take(body, count)?
                .iter()
                .fold(0, |n, b| n << 8 | usize::from(*b)),
        )
    }
    fn counted(body: &mut &[u8]) -> Option<Vec<u8>> {
        let count = number(body, 2)?;
        Some(take(body, count)?.to_vec())
    }
    let components = number(&mut body, 2)?;
    let realm = counted(&mut body)?;
    let parts: Option<Vec<_>> = (0..components).map(|_| counted(&mut body)).collect();
    let kind = number(&mut body, 4)?;
    number(&mut body, 4)?;
    let kvno8 = number(&mut body, 1)?;
    let etype = number(&mut body, 2)?;
    let key = KitKey::new(i32::try_from(etype).ok()?, counted(&mut body)?);
    let kvno = number(&mut body, 4).unwrap_or(kvno8);
    let name = Name::new(i64::try_from(kind).ok()?, &parts?);
    Some(Entry::new(name, &realm, u32::try_from(kvno).ok()?, key))
}

/// The AP-REQ in a token, read as strictly as kit reads but for lengths.
///
/// # Errors
/// There is none that can be read.
pub fn find_ap_req(token: &[u8]) -> Result<Vec<u8>, String> {
    find(&tree::normal(token)).map(<[u8]>::to_vec)
}

fn find(token: &[u8]) -> Result<&[u8], String> {
    let mut outer = Reader::new(token);
    let whole = outer.any()?;
    outer.end()?;
    let (mut body, mut inner) = (Reader::new(whole.body), Reader::new(whole.body));
    match whole.tag {
        0x6e => return Ok(whole.raw),
        0x60 => {
            if body.expect(0x06)? != kit::ap_req::oid::SPNEGO {
                return body.rest().strip_prefix(&[1, 0]).ok_or("no AP-REQ".into());
            }
            inner = Reader::new(body.expect(0xa0)?);
        }
        0xa1 => {}
        tag => return Err(format!("tag {tag:02x}")),
    }
    let mut fields = Reader::new(inner.expect(0x30)?);
    while fields.peek().is_some() {
        let field = fields.any()?;
        if field.tag == 0xa2 {
            return find(Reader::new(field.body).expect(0x04)?);
        }
    }
    Err("no mechanism token".into())
}
