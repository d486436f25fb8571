//! The server: connections, paths, answers.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::AcceptorConfig;
use gss_acceptor::testing::Service;

use crate::http::{After, Connection, Method, NoRequest, Request, Response, Wants};
use crate::negotiate::{self, Answer, Negotiate};
use crate::page::{self, Site};
use crate::{client, listen};

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 64;

pub struct Server {
    pub config: AcceptorConfig,
    pub site: Site,
    /// Where it listens.
    pub local: SocketAddr,
    /// The service of the realm in memory, where that is what it serves.
    pub embedded: Option<Service>,
    /// Where to keep what clients delegate.
    pub ccache: Option<PathBuf>,
}

impl Server {
    /// Serves for ever.
    pub fn run(self: Arc<Self>, listener: &TcpListener) -> ! {
        listen::serve(listener, MAX_CONNECTIONS, busy, move |stream| {
            let peer = stream.peer_addr().ok();
            match Connection::new(stream) {
                Ok(connection) => self.serve(connection, peer),
                Err(error) => eprintln!("{}: {error}", name(peer)),
            }
        })
    }

    fn serve(&self, mut connection: Connection, peer: Option<SocketAddr>) {
        let mut handshake = Negotiate::default();
        loop {
            let (response, method, after) = match connection.request() {
                Ok(request) => {
                    let (response, after) = self.answer(&request, &mut handshake, peer);
                    (response, request.method, after)
                }
                Err(NoRequest::Gone) => return,
                Err(NoRequest::Bad { status, why }) => {
                    eprintln!("{}: {status}: {why}", name(peer));
                    let response = message(status, why, Wants::Text);
                    (response, Method::Get, After::Close)
                }
            };
            if connection.respond(&response, method, after).is_err() {
                return;
            }
            if after == After::Close {
                return connection.close();
            }
        }
    }

    fn answer(
        &self,
        request: &Request,
        handshake: &mut Negotiate,
        peer: Option<SocketAddr>,
    ) -> (Response, After) {
        let kind = request.wants;
        let response = match (request.method, request.path.as_str(), &self.embedded) {
            (Method::Other, ..) => message("405 Method Not Allowed", "only GET is served", kind),
            (_, "/", _) => return self.front_page(request, handshake, peer),
            (_, "/demo", Some(service)) => {
                let run = client::log_in(service, self.local);
                page("200 OK", kind, page::demo(&run, self.host(request), kind))
            }
            (_, "/token", Some(service)) => match service.client(client::USER).token() {
                Ok(token) => page("200 OK", Wants::Text, STANDARD.encode(token)),
                Err(error) => message("500 Internal Server Error", &error.to_string(), kind),
            },
            _ => message("404 Not Found", "there is nothing here", kind),
        };
        (response, request.after)
    }

    /// The page that Kerberos guards.
    fn front_page(
        &self,
        request: &Request,
        handshake: &mut Negotiate,
        peer: Option<SocketAddr>,
    ) -> (Response, After) {
        let kind = request.wants;
        let authorization = request.authorization.as_deref();
        let address = peer.as_ref().map(SocketAddr::ip).map(unmapped);
        let unauthorized = |authenticate: Vec<String>, refused| Response {
            authenticate,
            ..page(
                "401 Unauthorized",
                kind,
                page::unauthorized(&self.site, self.host(request), refused, kind),
            )
        };
        match handshake.step(&self.config, address, authorization) {
            Answer::Ask => (
                unauthorized(negotiate::offers(&self.config), false),
                request.after,
            ),
            Answer::GoOn {
                authenticate,
                retry,
            } => {
                if let Some(why) = retry {
                    eprintln!("{}: asked to try again: {why}", name(peer));
                }
                (unauthorized(vec![authenticate], false), request.after)
            }
            Answer::In {
                authenticate,
                login,
            } => {
                eprintln!("{}: let in: {}", name(peer), login.peer);
                if let (Some(path), Some(delegated)) = (&self.ccache, &login.delegated) {
                    match delegated.kerberos().map(|cache| cache.write(path)) {
                        Some(Err(error)) => eprintln!("{}: {error}", name(peer)),
                        _ => eprintln!("{}: {delegated}", name(peer)),
                    }
                }
                let response = Response {
                    authenticate: authenticate.into_iter().collect(),
                    ..page("200 OK", kind, page::welcome(&login, kind))
                };
                (response, request.after)
            }
            // The handshake is over, and so is the connection: what the
            // client has of it must not be taken for the next one's.
            Answer::Refused { authenticate, why } => {
                eprintln!("{}: not let in: {why}", name(peer));
                (unauthorized(vec![authenticate], true), After::Close)
            }
            Answer::Malformed => {
                let why = "the token is not base64";
                eprintln!("{}: {why}", name(peer));
                (message("400 Bad Request", why, kind), After::Close)
            }
        }
    }

    /// What the client calls this server, for commands that lead to it.
    fn host<'r>(&self, request: &'r Request) -> &'r str {
        // Into a command line goes only what cannot be anything else there.
        let plain = |host: &&str| {
            let ok = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            !host.is_empty() && host.len() < 256 && host.chars().all(ok)
        };
        request
            .host
            .as_deref()
            .filter(plain)
            .unwrap_or("localhost:8080")
    }
}

/// An IPv4 client of an IPv6 socket has its own address.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn name(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "a client".into(), |peer| peer.to_string())
}

fn page(status: &'static str, kind: Wants, body: String) -> Response {
    Response {
        status,
        authenticate: Vec::new(),
        kind,
        body,
    }
}

fn message(status: &'static str, text: &str, kind: Wants) -> Response {
    page(status, kind, page::message(status, text, kind))
}

/// One client too many.
fn busy(stream: TcpStream) {
    eprintln!(
        "{}: {MAX_CONNECTIONS} clients are being served already",
        name(stream.peer_addr().ok())
    );
    if let Ok(mut connection) = Connection::new(stream) {
        let text = "too many clients at once; try again";
        let response = message("503 Service Unavailable", text, Wants::Text);
        let _ = connection.respond(&response, Method::Get, After::Close);
    }
}
