//! One connection: bytes in, bytes out. Knows no sockets.

use gss_acceptor::StepInput;
use gss_acceptor::sasl::{
    SaslExchange, SaslMechanism, SaslServer, SaslSession, SaslStep, SecurityLayer,
};

use crate::ber::{self, Malformed, SEQUENCE};
use crate::ldap::{self, Request, ResultCode};

/// The longest request: a token of 64 KiB, and what is around it.
const MAX_REQUEST: usize = 0x1_4000;

/// The connection ends, and this is why.
#[derive(Debug)]
pub struct Close(pub String);

impl From<Malformed> for Close {
    fn from(_: Malformed) -> Self {
        Self("a message that is malformed".into())
    }
}

/// Who the client is.
enum Client {
    Unknown,
    /// In the middle of a bind.
    Binding(Box<SaslExchange>),
    Known(Box<SaslSession>),
}

pub struct Connection<'a> {
    sasl: &'a SaslServer,
    client: Client,
    /// What has come, as it came.
    wire: Vec<u8>,
    /// What has come, out of its protection.
    plain: Vec<u8>,
    log: &'a dyn Fn(&str),
}

impl<'a> Connection<'a> {
    pub fn new(sasl: &'a SaslServer, log: &'a dyn Fn(&str)) -> Self {
        Self {
            sasl,
            client: Client::Unknown,
            wire: Vec::new(),
            plain: Vec::new(),
            log,
        }
    }

    /// Takes what has come; gives what to send, if anything.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Close> {
        self.wire.extend_from_slice(bytes);
        let mut send = Vec::new();
        loop {
            if let Some(message) = self.next_message()? {
                send.extend(self.answer(&message)?);
            } else if !self.unprotect()? {
                return Ok(send);
            }
        }
    }

    /// Takes one protected message off the wire; whether there was one.
    fn unprotect(&mut self) -> Result<bool, Close> {
        let data = match &self.client {
            Client::Known(session) => session.decode(&mut self.wire),
            _ if self.wire.is_empty() => Ok(None),
            _ => Ok(Some(core::mem::take(&mut self.wire))),
        };
        let data = data.map_err(|error| Close(error.to_string()))?;
        self.plain.extend(data.iter().flatten());
        Ok(data.is_some())
    }

    fn next_message(&mut self) -> Result<Option<Vec<u8>>, Close> {
        if self.plain.first().is_some_and(|tag| *tag != SEQUENCE) {
            return Err(Malformed.into());
        }
        let Some((head, length)) = ber::header(&self.plain)? else {
            return Ok(None);
        };
        if length > MAX_REQUEST {
            return Err(Close(format!("a request of {length} bytes")));
        }
        if self.plain.len() < head + length {
            return Ok(None);
        }
        Ok(Some(self.plain.drain(..head + length).collect()))
    }

    fn answer(&mut self, message: &[u8]) -> Result<Vec<u8>, Close> {
        let (id, request) = ldap::read(message)?;
        let answer = match request {
            // Its answer goes out before there is a layer.
            Request::SaslBind(mechanism, response) => {
                return self.bind(id, mechanism, response.unwrap_or_default());
            }
            Request::OtherBind => {
                let text = "GSSAPI or GSS-SPNEGO";
                ldap::bound(id, ResultCode::AuthMethodNotSupported, text, None)
            }
            Request::Search { base, base_alone } => self.search(id, base, base_alone),
            Request::WhoAmI => {
                let who = self.known().map_or(String::new(), who);
                ldap::extended(id, ResultCode::Success, Some(&who))
            }
            Request::OtherExtended => ldap::extended(id, ResultCode::ProtocolError, None),
            Request::Abandon => Vec::new(),
            Request::Unbind => return Err(Close("unbound".into())),
            Request::Other(tag) => ldap::other(id, tag).ok_or(Malformed)?,
        };
        match self.known() {
            Some(session) => session.encode(&answer).map_err(|e| Close(e.to_string())),
            None => Ok(answer),
        }
    }

    fn known(&self) -> Option<&SaslSession> {
        match &self.client {
            Client::Known(session) => Some(session),
            _ => None,
        }
    }

    /// One response of a handshake (RFC 4513 5.2.1).
    fn bind(&mut self, id: u32, mechanism: &str, response: &[u8]) -> Result<Vec<u8>, Close> {
        let refused = |code, token: Option<&[u8]>| Ok(ldap::bound(id, code, "", token));
        let Some(mechanism) = SaslMechanism::from_name(mechanism) else {
            return refused(ResultCode::AuthMethodNotSupported, None);
        };
        let mut exchange = match core::mem::replace(&mut self.client, Client::Unknown) {
            Client::Binding(exchange) if exchange.mechanism() == mechanism => exchange,
            // Another mechanism gives the first one up.
            Client::Binding(_) | Client::Unknown => Box::new(self.sasl.begin(mechanism)),
            // A layer within a layer is not for here.
            Client::Known(_) => return Err(Close("a second bind".into())),
        };
        match exchange.step(StepInput::new(response)) {
            Ok(SaslStep::Challenge { token }) => {
                self.client = Client::Binding(exchange);
                refused(ResultCode::SaslBindInProgress, Some(&token))
            }
            Ok(SaslStep::Done { token, session }) => {
                if !(self.plain.is_empty() && self.wire.is_empty()) {
                    // Nobody knows whose it is: it came before the layer.
                    return Err(Close("requests behind a bind that is not answered".into()));
                }
                (self.log)(&format!("let in: {}", describe(&session)));
                self.client = Client::Known(Box::new(session));
                Ok(ldap::bound(id, ResultCode::Success, "", token.as_deref()))
            }
            Err(failure) => {
                (self.log)(&format!("not let in: {failure}"));
                refused(ResultCode::InvalidCredentials, failure.token())
            }
        }
    }

    /// The root, which everybody may see; and who the client is.
    fn search(&self, id: u32, base: &[u8], base_alone: bool) -> Vec<u8> {
        let done = |code, text: &str| ldap::search_done(id, code, text);
        let found = |name: &str, attributes: &[(&str, &[String])]| {
            [
                ldap::entry(id, name, attributes),
                done(ResultCode::Success, ""),
            ]
            .concat()
        };
        match (base, self.known()) {
            (b"", _) if base_alone => {
                let names = [SaslMechanism::Gssapi, SaslMechanism::GssSpnego];
                let names = names.map(|mechanism| mechanism.name().to_owned());
                let version = ["3".to_owned()];
                found(
                    "",
                    &[
                        ("supportedSASLMechanisms", &names),
                        ("supportedLDAPVersion", &version),
                    ],
                )
            }
            (_, None) => done(ResultCode::InsufficientAccessRights, "bind first"),
            (b"cn=me", Some(session)) => found(
                "cn=me",
                &[
                    ("cn", &[session.context().peer().to_string()]),
                    ("description", &[describe(session)]),
                ],
            ),
            // More than fits into one protected message.
            (b"cn=long", Some(_)) => found("cn=long", &[("description", &["x".repeat(200_000)])]),
            _ => done(ResultCode::NoSuchObject, "there is cn=me, and cn=long"),
        }
    }
}

/// As RFC 4513 5.2.1.8 writes it.
fn who(session: &SaslSession) -> String {
    match session.authorization_id() {
        Some(name) => name.to_owned(),
        None => format!("u:{}", session.context().peer()),
    }
}

fn describe(session: &SaslSession) -> String {
    let context = session.context();
    let layer = match session.layer() {
        SecurityLayer::None => "without a security layer",
        SecurityLayer::Integrity => "with integrity",
        SecurityLayer::Confidentiality => "with confidentiality",
    };
    format!(
        "{} by {} ({}) as {}, {layer}, until {}",
        context.peer(),
        context.mechanism(),
        context.framing(),
        who(session),
        context.expiry()
    )
}

#[cfg(test)]
mod tests {
    use gss_acceptor::sasl::SaslServer;
    use gss_acceptor::testing::{ClientFlags, Realm};
    use gss_acceptor::{AcceptorConfig, Protection, backends};

    use super::Connection;
    use crate::ber::{ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE, element, number};

    fn request(tag: u8, contents: &[Vec<u8>]) -> Vec<u8> {
        let fields = [number(INTEGER, 1), element(tag, &contents.concat())];
        element(SEQUENCE, &fields.concat())
    }

    fn bind(response: &[u8]) -> Vec<u8> {
        let sasl = [
            element(OCTET_STRING, b"GSSAPI"),
            element(OCTET_STRING, response),
        ];
        let name = element(OCTET_STRING, b"");
        request(
            0x60,
            &[number(INTEGER, 3), name, element(0xA3, &sasl.concat())],
        )
    }

    /// Whoever puts a request behind the last message of a bind would have it
    /// taken for the client's.
    #[test]
    fn what_comes_before_the_layer_is_not_the_clients() {
        let service = Realm::new("R").service("ldap/localhost").unwrap();
        let config = AcceptorConfig::builder(backends::rust(service.keytab()));
        let sasl = SaslServer::new(&config.build().unwrap());
        for injects in [false, true] {
            let mut connection = Connection::new(&sasl, &|_| {});
            let flags = ClientFlags::SEQUENCE_DETECT | ClientFlags::INTEGRITY;
            let client = service.client("alice").raw().flags(flags).initiate();
            let client = client.unwrap();
            let answer = connection.take(&bind(client.first_token())).unwrap();
            let mut message = Reader(Reader(&answer).expect(SEQUENCE).unwrap());
            message.number(INTEGER).unwrap();
            let mut result = Reader(message.expect(0x61).unwrap());
            assert_eq!(result.number(ENUMERATED), Ok(14), "saslBindInProgress");
            let context = client.finish(None).unwrap();
            let choice = context.wrap(Protection::Integrity, &[2, 1, 0, 0]).unwrap();
            let mut last = bind(&choice);
            if injects {
                // The beginning of anything.
                last.push(SEQUENCE);
            }
            let answer = connection.take(&last);
            assert_eq!(answer.is_err(), injects);
        }
    }
}
