//! As much of HTTP/1.1 as `curl --negotiate` needs (RFC 9112, RFC 4559).

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest head of a request: tokens of Active Directory are long.
const MOST: u64 = 128 << 10;

pub struct Requests<'a> {
    reader: BufReader<&'a TcpStream>,
    writer: &'a TcpStream,
}

impl<'a> Requests<'a> {
    pub fn new(stream: &'a TcpStream) -> io::Result<Self> {
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        Ok(Self {
            reader: BufReader::new(stream),
            writer: stream,
        })
    }

    /// The token of the next request, if it has one; `None` when the client
    /// has no more requests.
    #[allow(clippy::option_option)]
    pub fn next(&mut self) -> io::Result<Option<Option<Vec<u8>>>> {
        let mut head = (&mut self.reader).take(MOST);
        let (mut token, mut lines) = (None, 0);
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return if lines == 0 {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::InvalidData.into())
                };
            }
            lines += 1;
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(Some(token));
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            // No request of this server's has a body.
            if name.eq_ignore_ascii_case("content-length")
                || name.eq_ignore_ascii_case("transfer-encoding")
            {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let scheme = value.trim().split_once(' ');
            if name.eq_ignore_ascii_case("authorization")
                && let Some((scheme, value)) = scheme
                && scheme.eq_ignore_ascii_case("negotiate")
            {
                let read = STANDARD.decode(value.trim());
                token = Some(read.map_err(|_| io::ErrorKind::InvalidData)?);
            }
        }
    }

    /// Answers, with a token for the client if there is one.
    pub fn reply(&mut self, status: u16, token: Option<&[u8]>, text: &str) -> io::Result<()> {
        let word = if status == 200 { "OK" } else { "Unauthorized" };
        let mut head = format!(
            "HTTP/1.1 {status} {word}\r\nContent-Length: {}\r\n",
            text.len()
        );
        if let Some(token) = token {
            let token = STANDARD.encode(token);
            head += format!("WWW-Authenticate: Negotiate {token}").trim_end();
            head += "\r\n";
        }
        head += "\r\n";
        self.writer.write_all((head + text).as_bytes())
    }
}
