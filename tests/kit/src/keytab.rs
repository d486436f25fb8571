//! Writes keytab files of both versions, with every oddity that files in the field have.

use crate::crypto::KitKey;
use crate::ticket::Name;

/// One key of one principal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The principal's name.
    pub name: Name,
    /// The principal's realm.
    pub realm: Vec<u8>,
    /// When the entry was written, unix seconds.
    pub timestamp: u32,
    /// The 8-bit kvno that every entry has.
    pub kvno8: u8,
    /// The 32-bit kvno in the trailer; `None` leaves the trailer out.
    pub kvno32: Option<u32>,
    /// The key.
    pub key: KitKey,
    /// Octets after the last field of the entry (readers must skip them).
    pub extra: Vec<u8>,
}

impl Entry {
    /// An entry as `ktutil` writes it.
    pub fn new(name: Name, realm: &[u8], kvno: u32, key: KitKey) -> Self {
        Self {
            name,
            realm: realm.to_vec(),
            timestamp: 1_700_000_000,
            kvno8: kvno as u8,
            kvno32: Some(kvno),
            key,
            extra: Vec::new(),
        }
    }
}

/// What a keytab file is made of.
#[derive(Clone, Debug)]
pub enum Item {
    /// A key.
    Entry(Entry),
    /// A deleted entry: a negative size and that many octets.
    Hole(usize),
    /// Octets as they are.
    Raw(Vec<u8>),
}

/// Version of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `05 01`: integers in the order of the writing machine (little-endian here), the realm
    /// counted as a component, no name type.
    V1,
    /// `05 02`: big-endian.
    V2,
}

/// A keytab file with these items.
pub fn write(version: Version, items: &[Item]) -> Vec<u8> {
    let mut out = vec![5, if version == Version::V1 { 1 } else { 2 }];
    let be = version == Version::V2;
    for item in items {
        match item {
            Item::Raw(bytes) => out.extend_from_slice(bytes),
            Item::Hole(len) => {
                out.extend(u32_as(be, (*len as i32).wrapping_neg() as u32));
                out.extend(std::iter::repeat_n(0, *len));
            }
            Item::Entry(entry) => {
                let body = body(version, entry);
                out.extend(u32_as(be, body.len() as u32));
                out.extend(body);
            }
        }
    }
    out
}

/// A version 2 file with these entries and nothing odd.
pub fn simple(entries: &[Entry]) -> Vec<u8> {
    let items: Vec<Item> = entries.iter().cloned().map(Item::Entry).collect();
    write(Version::V2, &items)
}

/// The file cut `by` octets before its end.
pub fn truncated(mut file: Vec<u8>, by: usize) -> Vec<u8> {
    file.truncate(file.len().saturating_sub(by));
    file
}

fn u32_as(be: bool, v: u32) -> [u8; 4] {
    if be { v.to_be_bytes() } else { v.to_le_bytes() }
}

fn u16_as(be: bool, v: usize) -> [u8; 2] {
    let v = v as u16;
    if be { v.to_be_bytes() } else { v.to_le_bytes() }
}

fn body(version: Version, e: &Entry) -> Vec<u8> {
    let be = version == Version::V2;
    let mut out = Vec::new();
    let counted = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend(u16_as(be, bytes.len()));
        out.extend_from_slice(bytes);
    };
    out.extend(u16_as(be, e.name.parts.len() + usize::from(!be)));
    counted(&mut out, &e.realm);
    for part in &e.name.parts {
        counted(&mut out, part);
    }
    if be {
        out.extend(u32_as(be, e.name.kind as u32));
    }
    out.extend(u32_as(be, e.timestamp));
    out.push(e.kvno8);
    out.extend(u16_as(be, e.key.etype as usize));
    counted(&mut out, &e.key.bytes);
    if let Some(kvno) = e.kvno32 {
        out.extend(u32_as(be, kvno));
    }
    out.extend_from_slice(&e.extra);
    out
}
