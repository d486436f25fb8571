//! # The broker's protocol, version 1
//!
//! Between an application and a broker on the same machine, over a Unix
//! stream socket: whoever can reach the socket is asked for its user id, and
//! nothing is encrypted. All numbers are big-endian.
//!
//! ## Frames
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of what follows: 5 to [`MAX_FRAME`] |
//! | 1 | what it is |
//! | 4 | number of the request, chosen by the application; the answer has it too |
//! | n | the body |
//!
//! Any number of requests may be under way; answers come in any order. A
//! frame that is too long or cannot be read ends the connection, and with it
//! the handshakes that were begun on it.
//!
//! | from the application | body | answer |
//! |---|---|---|
//! | 1 hello | `GSSBROKER`, highest version (2 bytes) | 129: version, what the broker can do |
//! | 2 configure | number (4), settings | 130: what an operator should know |
//! | 3 step | number of the configuration (4), of the handshake (8), 1 if it is the first; bindings, address; the token | 131 |
//! | 4 abandon | number of the handshake (8) | 132: what the client is to be told, if anything |
//!
//! The first request is a hello, and it comes once. 255 in place of any answer
//! is an error. A step's answer begins with 0 (the client's turn: its token,
//! the reason if it shall try once more), 1 (established: the token if there
//! is one, and the context as `context_data.rs` writes it) or 2 (failed: the
//! error, and what to tell the client).
//!
//! Numbers of configurations and handshakes are the application's, and belong
//! to the connection. A broker that does not know the version of a hello
//! answers with its own highest.

pub(crate) mod answers;
pub(crate) mod errors;
pub(crate) mod parts;
pub(crate) mod requests;

use std::io::{self, Read};

use zeroize::Zeroizing;

/// The version of the protocol.
pub(crate) const VERSION: u16 = 1;
/// The longest frame, without its length: a token, bindings and a context
/// with a PAC fit, with room.
pub(crate) const MAX_FRAME: usize = 512 << 10;
/// What each frame begins with, after its length.
pub(crate) const HEADER: usize = 5;
pub(crate) const MAGIC: &[u8; 9] = b"GSSBROKER";

/// What a frame is.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const CONFIGURE: u8 = 2;
    pub(crate) const STEP: u8 = 3;
    pub(crate) const ABANDON: u8 = 4;
    /// Added to a request's kind in its answer.
    pub(crate) const ANSWER: u8 = 128;
    pub(crate) const REFUSED: u8 = 255;
}

/// A frame without its length. It may hold keys of sessions.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) request: u32,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The frame as it goes out; `None` if it is too long.
pub(crate) fn frame(kind: u8, request: u32, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = body.len().checked_add(HEADER)?;
    if length > MAX_FRAME {
        return None;
    }
    // Sized beforehand: growing would leave keys behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + length));
    bytes.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&request.to_be_bytes());
    bytes.extend_from_slice(body);
    Some(bytes)
}

/// The length that a frame begins with, if it may have it.
pub(crate) fn length(bytes: [u8; 4]) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(bytes)).ok()?;
    (HEADER..=MAX_FRAME).contains(&length).then_some(length)
}

/// What follows the length; `None` if it is shorter than it must be.
pub(crate) fn open(bytes: &[u8]) -> Option<Frame> {
    let (&kind, rest) = bytes.split_first()?;
    let (request, body) = rest.split_first_chunk()?;
    Some(Frame {
        kind,
        request: u32::from_be_bytes(*request),
        body: Zeroizing::new(body.to_vec()),
    })
}

/// Reads a frame to its end.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Frame> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let length = length(head).ok_or(io::ErrorKind::InvalidData)?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    from.read_exact(&mut bytes)?;
    open(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests;
