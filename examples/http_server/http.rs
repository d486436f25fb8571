//! As much of HTTP/1.1 (RFC 9112) as a server of small pages needs.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The longest head of a request. A Kerberos ticket from a directory with
/// many groups takes tens of kilobytes.
const MAX_HEAD: usize = 64 << 10;
/// The longest body of a request, which is read and not looked at.
const MAX_BODY: usize = 64 << 10;
const MAX_HEADERS: usize = 100;
/// How long a request may take to arrive, idle time before it included.
const REQUEST_TIME: Duration = Duration::from_secs(30);
const WRITE_TIME: Duration = Duration::from_secs(15);

/// What a request says, as far as it matters here.
pub struct Request {
    pub method: Method,
    /// The path, without what follows a question mark.
    pub path: String,
    pub authorization: Option<String>,
    pub host: Option<String>,
    pub wants: Wants,
    pub after: After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Other,
}

/// What the client can show to its user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Html,
    Text,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    KeepAlive,
    Close,
}

/// Why there is no request.
pub enum NoRequest {
    /// The client is gone, or says nothing: nobody to answer.
    Gone,
    /// It is not one that is served here.
    Bad {
        status: &'static str,
        why: &'static str,
    },
}

fn bad(status: &'static str, why: &'static str) -> NoRequest {
    NoRequest::Bad { status, why }
}

/// A connection, and what has arrived on it and not been used.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIME))?;
        stream.set_nodelay(true)?;
        let received = Vec::new();
        Ok(Self { stream, received })
    }

    /// Awaits the next request.
    pub fn request(&mut self) -> Result<Request, NoRequest> {
        let deadline = Instant::now() + REQUEST_TIME;
        let (request, body) = loop {
            if let Some((request, length, body)) = parse(&self.received)? {
                self.received.drain(..length);
                break (request, body);
            }
            if self.received.len() >= MAX_HEAD {
                return Err(bad(
                    "431 Request Header Fields Too Large",
                    "the head of the request has more than 64 KiB",
                ));
            }
            self.receive(deadline)?;
        };
        while self.received.len() < body {
            self.receive(deadline)?;
        }
        self.received.drain(..body);
        Ok(request)
    }

    fn receive(&mut self, deadline: Instant) -> Result<(), NoRequest> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut chunk = [0; 8 << 10];
        let late = || match self.received.is_empty() {
            true => NoRequest::Gone,
            false => bad("408 Request Timeout", "the request took too long to arrive"),
        };
        if left.is_zero() {
            return Err(late());
        }
        let timeout = self.stream.set_read_timeout(Some(left));
        match timeout.and_then(|()| self.stream.read(&mut chunk)) {
            Ok(0) => Err(NoRequest::Gone),
            Ok(length) => {
                self.received.extend_from_slice(&chunk[..length]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(()),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(late()),
                _ => Err(NoRequest::Gone),
            },
        }
    }

    /// Sends a response.
    pub fn respond(&mut self, response: &Response, to: Method, after: After) -> io::Result<()> {
        let mut bytes = response.head(after).into_bytes();
        if to != Method::Head {
            bytes.extend_from_slice(response.body.as_bytes());
        }
        self.stream.write_all(&bytes)
    }

    /// Closes in order. What the client is still sending is read, for a
    /// moment: to leave it unread would take our answer away from it.
    pub fn close(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let moment = Some(Duration::from_millis(500));
        if self.stream.set_read_timeout(moment).is_ok() {
            let mut sink = [0; 8 << 10];
            for _ in 0..16 {
                if !matches!(self.stream.read(&mut sink), Ok(1..)) {
                    break;
                }
            }
        }
    }
}

/// A request, the length of its head and that of its body; `None` while the
/// head is not all there.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(bad(
                "431 Request Header Fields Too Large",
                "too many headers",
            ));
        }
        Err(_) => return Err(bad("400 Bad Request", "not an HTTP request")),
    };
    if length > MAX_HEAD {
        return Err(bad(
            "431 Request Header Fields Too Large",
            "the head of the request has more than 64 KiB",
        ));
    }
    let headers = Headers(parsed.headers);
    if headers.all("transfer-encoding").next().is_some() {
        return Err(bad(
            "501 Not Implemented",
            "a chunked body is not taken here",
        ));
    }
    let body = match headers.only("content-length")? {
        None => 0,
        Some(text) => text
            .parse()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(|| bad("400 Bad Request", "the Content-Length is no number"))?,
    };
    if body > MAX_BODY {
        return Err(bad("413 Content Too Large", "the body is too long"));
    }
    let closes = |text: &str| {
        text.split(',')
            .any(|part| part.trim().eq_ignore_ascii_case("close"))
    };
    let request = Request {
        method: match parsed.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            _ => Method::Other,
        },
        path: path_of(parsed.path.unwrap_or("/")).to_owned(),
        authorization: headers.only("authorization")?.map(str::to_owned),
        host: headers.only("host")?.map(str::to_owned),
        wants: match headers.all("accept").any(|text| text.contains("text/html")) {
            true => Wants::Html,
            false => Wants::Text,
        },
        after: match parsed.version == Some(0) || headers.all("connection").any(closes) {
            true => After::Close,
            false => After::KeepAlive,
        },
    };
    Ok(Some((request, length, body)))
}

/// The path of a request's target, which may be a whole URL.
fn path_of(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    target.split('?').next().unwrap_or(target)
}

struct Headers<'h, 'b>(&'h [httparse::Header<'b>]);

impl<'h> Headers<'h, '_> {
    /// The values of a header that are text.
    fn all(&self, name: &str) -> impl Iterator<Item = &'h str> {
        self.0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .filter_map(|header| core::str::from_utf8(header.value).ok())
    }

    /// The value of a header that may be there once.
    fn only(&self, name: &str) -> Result<Option<&'h str>, NoRequest> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.map(str::trim)),
            _ => Err(bad("400 Bad Request", "a header is there twice")),
        }
    }
}

/// What is sent back.
pub struct Response {
    pub status: &'static str,
    /// The values of `WWW-Authenticate`.
    pub authenticate: Vec<String>,
    pub kind: Wants,
    pub body: String,
}

impl Response {
    fn head(&self, after: After) -> String {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        let mut header = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        for value in &self.authenticate {
            header("WWW-Authenticate", value);
        }
        if self.status.starts_with("405") {
            header("Allow", "GET, HEAD");
        }
        header(
            "Content-Type",
            match self.kind {
                Wants::Html => "text/html; charset=utf-8",
                Wants::Text => "text/plain; charset=utf-8",
            },
        );
        header("Content-Length", &self.body.len().to_string());
        header("Cache-Control", "no-store");
        header("X-Content-Type-Options", "nosniff");
        header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
        );
        header(
            "Connection",
            match after {
                After::KeepAlive => "keep-alive",
                After::Close => "close",
            },
        );
        head.push_str("\r\n");
        head
    }
}
