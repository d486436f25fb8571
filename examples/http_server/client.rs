//! The built-in client: a real HTTP client over a real connection, with a
//! ticket from the realm in memory.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::testing::{ClientStep, Service};

use crate::listen;
use crate::negotiate::{Scheme, header};
use crate::page;
use crate::token::{Leg, Way};

/// Who it is.
pub const USER: &str = "alice";

/// How a login went, as the client saw it.
pub struct Run {
    /// The flags that it asked for.
    pub asked: String,
    pub legs: Vec<Leg>,
    /// What the server says of it.
    pub facts: Vec<(String, String)>,
}

/// Logs in at the server on this machine.
pub fn log_in(service: &Service, server: SocketAddr) -> Result<Run, String> {
    let mut http = Http::connect(server)?;
    let mut legs = vec![Leg::message(Way::ToServer, "GET /")];
    let first = http.get(server, None)?;
    if first.status != 401 || first.authenticate.as_deref() != Some("Negotiate") {
        return Err(format!(
            "a request without a token got {} and {:?}, not 401 and Negotiate",
            first.status, first.authenticate
        ));
    }
    legs.push(Leg::message(Way::ToClient, "401, asks for Negotiate"));

    let client = service.client(USER).initiate().map_err(text)?;
    let asked = client.asked().names();
    let mut token = client.first_token().to_vec();
    let mut waiting = client;
    loop {
        legs.push(Leg::token(Way::ToServer, &token));
        let answer = http.get(server, Some(&token))?;
        let reply = answer.token()?;
        legs.extend(reply.iter().map(|token| Leg::token(Way::ToClient, token)));
        // Here the client checks the server's proof.
        match waiting.step(reply.as_deref()).map_err(text)? {
            ClientStep::Continue {
                token: next,
                client,
            } => (token, waiting) = (next, client),
            ClientStep::Done { token: None, .. } if answer.status == 200 => {
                let facts = page::read_facts(&answer.body);
                return Ok(Run { asked, legs, facts });
            }
            ClientStep::Done { .. } => {
                return Err(format!(
                    "the server proved itself and answered {}: {}",
                    answer.status, answer.body
                ));
            }
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

struct Http(TcpStream);

struct Answer {
    status: u16,
    authenticate: Option<String>,
    body: String,
}

impl Answer {
    fn token(&self) -> Result<Option<Vec<u8>>, String> {
        self.authenticate
            .as_deref()
            .and_then(|value| value.strip_prefix("Negotiate "))
            .map(|token| STANDARD.decode(token).map_err(text))
            .transpose()
    }
}

/// The longest answer that the client reads.
const MAX_ANSWER: usize = 256 << 10;

impl Http {
    fn connect(server: SocketAddr) -> Result<Self, String> {
        let open = || {
            let stream = listen::connect(server)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.set_write_timeout(Some(Duration::from_secs(5)))?;
            Ok(stream)
        };
        open()
            .map(Self)
            .map_err(|error: std::io::Error| format!("cannot connect to {server}: {error}"))
    }

    fn get(&mut self, server: SocketAddr, token: Option<&[u8]>) -> Result<Answer, String> {
        let mut request = format!("GET / HTTP/1.1\r\nHost: {server}\r\nAccept: text/plain\r\n");
        if let Some(token) = token {
            let value = header(Scheme::Negotiate, Some(token));
            request.push_str(&format!("Authorization: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.0.write_all(request.as_bytes()).map_err(text)?;
        let mut received = Vec::new();
        loop {
            if let Some(answer) = parse(&received)? {
                return Ok(answer);
            }
            let mut chunk = [0; 8 << 10];
            match self.0.read(&mut chunk).map_err(text)? {
                0 => return Err("the server closed the connection in an answer".into()),
                length => received.extend_from_slice(&chunk[..length]),
            }
            if received.len() > MAX_ANSWER {
                return Err("the server's answer is too long".into());
            }
        }
    }
}

/// An answer, once it is all there.
fn parse(bytes: &[u8]) -> Result<Option<Answer>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(bytes).map_err(text)? else {
        return Ok(None);
    };
    let value = |name: &str| {
        let found = parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        core::str::from_utf8(found.value).ok()
    };
    let length: usize = value("content-length")
        .and_then(|text| text.parse().ok())
        .ok_or("the server's answer has no Content-Length")?;
    let Some(body) = bytes.get(head..).filter(|rest| rest.len() >= length) else {
        return Ok(None);
    };
    Ok(Some(Answer {
        status: parsed.code.unwrap_or(0),
        authenticate: value("www-authenticate").map(str::to_owned),
        body: String::from_utf8_lossy(&body[..length]).into_owned(),
    }))
}
