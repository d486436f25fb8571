//! Messages in parts (gss_wrap_iov of MIT's and Heimdal's `gssapi_ext.h`), as they travel to and
//! from the `judge` process.

/// GSS_IOV_BUFFER_TYPE_*; both libraries number them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// GSS_IOV_BUFFER_TYPE_DATA.
    Data = 1,
    /// GSS_IOV_BUFFER_TYPE_HEADER.
    Header = 2,
    /// GSS_IOV_BUFFER_TYPE_TRAILER.
    Trailer = 7,
    /// GSS_IOV_BUFFER_TYPE_PADDING.
    Padding = 9,
    /// GSS_IOV_BUFFER_TYPE_SIGN_ONLY.
    SignOnly = 11,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// Its octets; of a header before it is made, room.
    pub bytes: Vec<u8>,
}

impl Part {
    /// A part.
    pub fn new(kind: Kind, bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self { kind, bytes }
    }

    /// Room for any header.
    pub fn room() -> Self {
        Self::new(Kind::Header, &[0; 256])
    }
}

/// Parts as octets.
pub(super) fn write(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.push(part.kind as u8);
        out.extend((part.bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(&part.bytes);
    }
    out
}

/// Parts from octets.
pub(super) fn read(mut octets: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((&[kind, a, b, c, d], rest)) = octets.split_first_chunk() {
        let kind = match kind {
            1 => Kind::Data,
            2 => Kind::Header,
            7 => Kind::Trailer,
            9 => Kind::Padding,
            _ => Kind::SignOnly,
        };
        let (bytes, rest) = rest.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        parts.push(Part::new(kind, bytes));
        octets = rest;
    }
    parts
}
