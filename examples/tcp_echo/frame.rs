//! Frames: a length of 32 bits, big-endian, and that many bytes.

use std::io::{self, ErrorKind, Read, Write};

/// The longest frame. Nothing is allocated for one that says it is longer.
pub const MAX_FRAME: usize = 1 << 20;

/// Reads a frame; `None` when the peer has closed the connection between
/// frames.
pub fn read(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => stream.read_exact(&mut length[1..])?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        let text = format!("a frame of {length} bytes, and {MAX_FRAME} are the limit");
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

/// Writes a frame.
pub fn write(stream: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "the frame is too long"))?;
    let mut bytes = Vec::with_capacity(4 + frame.len());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame);
    stream.write_all(&bytes)
}
