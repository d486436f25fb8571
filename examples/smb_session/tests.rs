//! What smbclient does not do by itself: sessions whose ticket has ended, and
//! clients that prove themselves once more (MS-SMB2 3.3.5.5.2).

use std::time::{Duration, SystemTime};

use gss_acceptor::testing::{ClientFlags, Realm, Service, TestClientContext, TicketOptions};
use gss_acceptor::{AcceptorConfig, backends};

use crate::connection::{Connection, Server};
use crate::header::{Header, Status, command};
use crate::signing::{Algorithm, Derivation, SigningKey};
use crate::wire::{Writer, len16, u32_at, u64_at};

struct Client<'a> {
    connection: Connection<'a>,
    next: u64,
    session_id: u64,
}

impl<'a> Client<'a> {
    /// SMB 2.0.2, whose key is the session key.
    fn new(server: &'a Server) -> Self {
        let mut client = Self {
            connection: Connection::new(server, &|_| {}),
            next: 0,
            session_id: 0,
        };
        let body = Writer::default().u16(36).u16(1).u16(1).u16(0).u32(0);
        let body = body.bytes(&[7; 16]).u64(0).u16(0x0202);
        assert_eq!(
            client.ask(command::NEGOTIATE, &body.0, None).0,
            Status::SUCCESS
        );
        client
    }

    fn ask(&mut self, command: u16, body: &[u8], key: Option<&SigningKey>) -> (Status, Vec<u8>) {
        let header = Header {
            credit_charge: 0,
            command,
            credits: 4,
            flags: 0,
            next: 0,
            message_id: self.next,
            tree_id: 0,
            session_id: self.session_id,
        };
        self.next += 1;
        let mut message = header.write(Status::SUCCESS, body);
        if let Some(key) = key {
            key.sign(&mut message);
        }
        let answer = self.connection.take(&message).unwrap().unwrap();
        (Status(u32_at(&answer, 8).unwrap()), answer)
    }

    fn set_up(&mut self, token: &[u8], key: Option<&SigningKey>) -> (Status, Vec<u8>) {
        let body = Writer::default().u16(25).u16(0).u32(0).u32(0);
        let body = body.u16(88).u16(len16(token)).u64(0).bytes(token);
        self.ask(command::SESSION_SETUP, &body.0, key)
    }

    fn echo(&mut self, key: &SigningKey) -> Status {
        let body = Writer::default().u16(4).u16(0);
        self.ask(command::ECHO, &body.0, Some(key)).0
    }
}

fn server(service: &Service) -> Server {
    let config = AcceptorConfig::builder(backends::rust(service.keytab()));
    Server::new(config.build().unwrap())
}

/// A token that nothing answers, and the context that it makes.
fn token(service: &Service, user: &str, ticket: TicketOptions) -> (Vec<u8>, TestClientContext) {
    let client = service.client(user).raw().flags(ClientFlags::INTEGRITY);
    let client = client.ticket(ticket).initiate().unwrap();
    (client.first_token().to_vec(), client.finish(None).unwrap())
}

fn log_in(client: &mut Client<'_>, service: &Service, ticket: TicketOptions) -> SigningKey {
    let (token, context) = token(service, "alice", ticket);
    let (status, answer) = client.set_up(&token, None);
    assert_eq!(status, Status::SUCCESS);
    client.session_id = u64_at(&answer, 40).unwrap();
    let session = context.session_key().unwrap();
    let key = SigningKey::new(&session, Algorithm::HmacSha256, &Derivation::None);
    assert!(key.verify(&answer));
    key
}

#[test]
fn a_session_whose_ticket_has_ended_is_renewed() {
    let service = Realm::new("R").service("cifs/files").unwrap();
    let server = server(&service);
    let mut client = Client::new(&server);
    // Accepted for the clocks' sake (RFC 4120 3.2.3), and of no use.
    let ended = SystemTime::now() - Duration::from_secs(60);
    let key = log_in(
        &mut client,
        &service,
        TicketOptions::new()
            .begins(ended - Duration::from_secs(3600))
            .ends(ended),
    );
    assert_eq!(client.echo(&key), Status::NETWORK_SESSION_EXPIRED);
    let (fresh, _) = token(&service, "alice", TicketOptions::new());
    assert_eq!(client.set_up(&fresh, Some(&key)).0, Status::SUCCESS);
    // The key stays what it was.
    assert_eq!(client.echo(&key), Status::SUCCESS);
}

#[test]
fn nobody_else_renews_or_ends_a_session() {
    let service = Realm::new("R").service("cifs/files").unwrap();
    let server = server(&service);
    let mut client = Client::new(&server);
    let key = log_in(&mut client, &service, TicketOptions::new());
    let (own, other) = (
        token(&service, "alice", TicketOptions::new()),
        token(&service, "bob", TicketOptions::new()),
    );
    let session = other.1.session_key().unwrap();
    let wrong = SigningKey::new(&session, Algorithm::HmacSha256, &Derivation::None);
    // Without the session's signature nothing happens to it.
    for (token, key) in [(&own.0, None), (&other.0, None), (&other.0, Some(&wrong))] {
        assert_eq!(client.set_up(token, key).0, Status::ACCESS_DENIED);
    }
    assert_eq!(client.echo(&wrong), Status::ACCESS_DENIED);
    let body = Writer::default().u16(4).u16(0).0;
    let (status, _) = client.ask(command::LOGOFF, &body, None);
    assert_eq!(status, Status::ACCESS_DENIED);
    assert_eq!(client.echo(&key), Status::SUCCESS);
    // With it, another user's proof ends it.
    assert_eq!(client.set_up(&other.0, Some(&key)).0, Status::ACCESS_DENIED);
    assert_eq!(client.echo(&key), Status::USER_SESSION_DELETED);
}
