//! The built-in client: a real HTTP client over a real connection, with a
//! ticket from the realm in memory.

use std::io::{Read, Write};
use std::time::Duration;

use gss_acceptor::http::{Challenge, Scheme, header_value};
use gss_acceptor::testing::ClientStep;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::listen;
use crate::page;
use crate::server::Server;
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
pub fn log_in(server: &Server) -> Result<Run, String> {
    let service = server.embedded.as_ref().ok_or("no realm in memory")?;
    let mut http = Http::connect(server)?;
    let mut legs = vec![Leg::message(Way::ToServer, "GET /")];
    let first = http.get(None)?;
    if first.status != 401 || first.authenticate.as_deref() != Some("Negotiate") {
        return Err(format!(
            "a request without a token got {} and {:?}, not 401 and Negotiate",
            first.status, first.authenticate
        ));
    }
    legs.push(Leg::message(Way::ToClient, "401, asks for Negotiate"));

    let mut client = service.client(USER);
    if let Some(tls) = &server.tls {
        client = client.channel_bindings(&tls.bindings);
    }
    let client = client.initiate().map_err(text)?;
    let asked = client.asked().names();
    let mut token = client.first_token().to_vec();
    let mut waiting = client;
    loop {
        legs.push(Leg::token(Way::ToServer, &token));
        let answer = http.get(Some(&token))?;
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

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

struct Http {
    stream: Box<dyn Stream>,
    host: String,
}

struct Answer {
    status: u16,
    authenticate: Option<String>,
    body: String,
}

impl Answer {
    fn token(&self) -> Result<Option<Vec<u8>>, String> {
        let value = self.authenticate.as_deref().map(str::as_bytes);
        let mut challenges = Challenge::read(value).map_err(text)?;
        Ok(challenges.pop().and_then(|challenge| challenge.token))
    }
}

/// The longest answer that the client reads.
const MAX_ANSWER: usize = 256 << 10;

impl Http {
    fn connect(server: &Server) -> Result<Self, String> {
        let open = || {
            let stream = listen::connect(server.local)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.set_write_timeout(Some(Duration::from_secs(5)))?;
            Ok(stream)
        };
        let local = server.local;
        let refused = |error: std::io::Error| format!("cannot connect to {local}: {error}");
        let stream = open().map_err(refused)?;
        let stream: Box<dyn Stream> = match &server.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = "localhost".try_into().map_err(text)?;
                let tls = ClientConnection::new(tls.client.clone(), name).map_err(text)?;
                Box::new(StreamOwned::new(tls, stream))
            }
        };
        let host = local.to_string();
        Ok(Self { stream, host })
    }

    fn get(&mut self, token: Option<&[u8]>) -> Result<Answer, String> {
        let host = &self.host;
        let mut request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\n");
        if let Some(token) = token {
            let value = header_value(Scheme::Negotiate, Some(token));
            request.push_str(&format!("Authorization: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.stream.write_all(request.as_bytes()).map_err(text)?;
        self.stream.flush().map_err(text)?;
        let mut received = Vec::new();
        loop {
            if let Some(answer) = parse(&received)? {
                return Ok(answer);
            }
            let mut chunk = [0; 8 << 10];
            match self.stream.read(&mut chunk).map_err(text)? {
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
