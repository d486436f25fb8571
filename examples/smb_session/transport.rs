//! Direct TCP (MS-SMB2 2.1): a zero, a length of 24 bits, and the message.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::connection::{Connection, Server};

/// The longest message. A token of 64 KiB is far from it.
const MAX_MESSAGE: usize = 0x2_0000;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn read(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    match stream.read(&mut head[..1])? {
        0 => return Ok(None),
        _ => stream.read_exact(&mut head[1..])?,
    }
    let length = u32::from_be_bytes(head) as usize;
    if length > MAX_MESSAGE {
        let text = "a message that is too long, or none of SMB over TCP";
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message)?;
    Ok(Some(message))
}

pub fn write(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "the message is too long"))?;
    let mut bytes = Vec::with_capacity(4 + message.len());
    bytes.extend(length.to_be_bytes());
    bytes.extend(message);
    stream.write_all(&bytes)
}

/// Serves a client until it goes.
pub fn serve(server: &Server, mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    let log = |text: &str| eprintln!("{peer}: {text}");
    let mut connection = Connection::new(server, &log);
    while let Some(message) = read(&mut stream)? {
        match connection.take(&message) {
            Ok(Some(answer)) => write(&mut stream, &answer)?,
            Ok(None) => {}
            Err(close) => return Err(close.0.into()),
        }
    }
    Ok(())
}
