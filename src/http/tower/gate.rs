//! Who comes in: one request after the other, before any body is read.

use std::sync::Arc;

use ::http::header::{AUTHORIZATION, PROXY_AUTHORIZATION, VIA};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::channel_bindings::ChannelBindings;
use crate::http::header::begins;
use crate::http::tower::connection::{Connection, Slot, Transport, Turn};
use crate::http::tower::layer::{Passwords, Scope, Settings};
use crate::http::tower::login::{Authenticated, Login, Via};
use crate::http::tower::observer::{Event, Verdict, Way, audit};
use crate::http::tower::password::{self, PasswordAnswer};
use crate::http::tower::proxy;
use crate::http::{Answer, Authorization, Channel, Decision, Role, Scheme};
use crate::mechanism::Mechanism;
use crate::secret::Secret;
use crate::time::Expiry;
use crate::tokio::AsyncAcceptor;

/// What becomes of a request.
pub(super) enum Admission {
    /// It goes on.
    Pass(Tail),
    /// It is answered here.
    Answer(Answer, Verdict),
}

/// What the response of a request that went on is given.
#[derive(Default)]
pub(super) struct Tail {
    /// With a response that is no error: the server's proof.
    pub(super) proof: Vec<(&'static str, String)>,
    /// Likewise: whether the next request needs a token again (MS-N2HT).
    pub(super) persistent: Option<bool>,
    /// Likewise: a session's cookie.
    pub(super) cookie: Option<HeaderValue>,
    /// Whether nothing in the request itself says that the response is for
    /// one client alone.
    pub(super) private: bool,
}

/// What an optional layer would ask for, for handlers that do want a name.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(super) struct Asked(Answer);

impl Asked {
    #[cfg(feature = "axum")]
    pub(super) fn response<B: Default>(&self) -> ::http::Response<B> {
        super::service::respond(self.0.clone(), Verdict::Asked)
    }
}

/// A request's place: which connection, and whether that is one client's.
pub(super) struct Seat {
    pub(super) connection: Option<Connection>,
    /// Whether state may be kept between this request and the next: the
    /// connection is known, and no proxy and no multiplexing is on it.
    stateful: bool,
    /// Whether nobody can read along: TLS, here or in the trusted proxy.
    secure: bool,
}

/// What proxies add. A connection whose requests have one of them may carry
/// those of several clients.
static FORWARDED: [HeaderName; 4] = [
    VIA,
    ::http::header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

impl Seat {
    fn of(settings: &Settings, parts: &Parts) -> Self {
        let connection = connection(parts);
        let alone = parts.version <= Version::HTTP_11;
        let direct = settings.trust_proxied_connections
            || !FORWARDED
                .iter()
                .any(|name| parts.headers.contains_key(name));
        let stateful = connection.is_some() && alone && direct;
        let tls = |connection: &Connection| connection.transport() == Transport::Tls;
        let secure = connection.as_ref().is_some_and(tls) || settings.bindings_header.is_some();
        Self {
            connection,
            stateful,
            secure,
        }
    }

    /// What is asked for here: passwords only where nobody can read along.
    fn ask(&self, settings: &Settings) -> Answer {
        match &settings.passwords {
            Some(passwords) if self.secure => passwords.challenges.ask(),
            _ => settings.challenges.ask(),
        }
    }

    /// The connection, where state may be kept on it.
    fn kept(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|_| self.stateful)
    }
}

#[cfg(not(feature = "axum"))]
fn connection(parts: &Parts) -> Option<Connection> {
    parts.extensions.get::<Connection>().cloned()
}

/// With axum's own server the connection is in its `ConnectInfo`.
#[cfg(feature = "axum")]
fn connection(parts: &Parts) -> Option<Connection> {
    use ::axum::extract::ConnectInfo;
    let own = parts.extensions.get::<Connection>();
    let axums = parts.extensions.get::<ConnectInfo<Connection>>();
    own.or(axums.map(|info| &info.0)).cloned()
}

/// [`Role::request_header`], ready to be looked up.
fn request_header(role: Role) -> HeaderName {
    match role {
        Role::Origin => AUTHORIZATION,
        Role::Proxy => PROXY_AUTHORIZATION,
    }
}

/// Admits a request. On [`Admission::Pass`] its extensions say who it is
/// from, and its token is gone from its headers.
pub(super) async fn admit(settings: &Settings, parts: &mut Parts) -> Admission {
    let seat = Seat::of(settings, parts);
    let name = request_header(settings.challenges.asks_as());
    let values = parts.headers.get_all(&name);
    let read = settings
        .challenges
        .read(values.iter().map(HeaderValue::as_bytes));
    match read {
        Ok(Authorization::Token { scheme, token }) => {
            // Nobody behind this layer may feed it again.
            parts.headers.remove(&name);
            let bindings = match settings.bindings(&seat, &parts.headers) {
                Ok(bindings) => bindings,
                Err(problem) => return refuse(settings, &seat, problem),
            };
            with_token(settings, &seat, parts, scheme, &token, bindings).await
        }
        Ok(Authorization::Absent) => without_token(settings, &seat, parts),
        Ok(Authorization::Foreign) => {
            // Credentials of another kind are another client's.
            seat.clear(settings);
            let given = password::read(&parts.headers, &name).filter(|_| seat.secure);
            match (&settings.passwords, given) {
                (Some(passwords), Some((user, password))) => {
                    parts.headers.remove(&name);
                    // In a place of its own: few requests have a password, and all would carry its room.
                    let given = (user, password);
                    Box::pin(with_password(settings, &seat, parts, passwords, given)).await
                }
                _ => anonymous(settings, &seat, parts),
            }
        }
        Err(problem) => {
            let answer = settings.challenges.bad(&problem);
            seat.clear(settings);
            seat.tell(
                settings,
                Verdict::Malformed,
                None,
                Some(problem.to_string()),
            );
            Admission::Answer(answer, Verdict::Malformed)
        }
    }
}

impl Seat {
    fn clear(&self, settings: &Settings) {
        if let Some(connection) = &self.connection {
            connection.clear(settings.id);
        }
    }

    /// Tells the log and the observer.
    fn tell(
        &self,
        settings: &Settings,
        verdict: Verdict,
        client: Option<&Authenticated>,
        reason: Option<String>,
    ) {
        let event = Event {
            verdict,
            connection: self.connection.as_ref(),
            client,
            reason,
        };
        audit(&event);
        if let Some(observer) = &settings.observer {
            observer.decided(&event);
        }
    }

    fn show(&self, settings: &Settings, way: Way, token: &[u8]) {
        if let Some(observer) = &settings.observer {
            observer.leg(self.connection.as_ref(), way, token);
        }
    }
}

/// A proxy's header that makes no sense.
fn refuse(settings: &Settings, seat: &Seat, problem: &'static str) -> Admission {
    seat.clear(settings);
    seat.tell(settings, Verdict::Malformed, None, Some(problem.into()));
    Admission::Answer(Answer::new(400).closing(), Verdict::Malformed)
}

fn without_token(settings: &Settings, seat: &Seat, parts: &mut Parts) -> Admission {
    let now = settings.handshakes.config().clock().now();
    let private = || Tail {
        private: true,
        ..Tail::default()
    };
    if let Some(connection) = seat.kept() {
        if let Some((login, since)) = connection.standing(settings.id) {
            if !login.is_over(now) && since.elapsed() <= settings.connection_lifetime {
                let client = Authenticated::new(login, Via::Connection);
                return pass(settings, seat, parts, client, private());
            }
            connection.clear(settings.id);
        }
    } else {
        // What is on a connection that turns out to be shared is nobody's.
        seat.clear(settings);
    }
    let session = settings.session.as_ref().filter(|_| seat.secure);
    match session.and_then(|session| session.open(&parts.headers, now)) {
        Some(login) => {
            let client = Authenticated::new(Arc::new(login), Via::Session);
            pass(settings, seat, parts, client, private())
        }
        None => anonymous(settings, seat, parts),
    }
}

fn anonymous(settings: &Settings, seat: &Seat, parts: &mut Parts) -> Admission {
    if settings.scope == Scope::Optional {
        parts.extensions.insert(Asked(seat.ask(settings)));
        seat.tell(settings, Verdict::Anonymous, None, None);
        return Admission::Pass(Tail::default());
    }
    seat.tell(settings, Verdict::Asked, None, None);
    Admission::Answer(seat.ask(settings), Verdict::Asked)
}

/// The handshake that a token belongs to, and the turn on its connection.
fn handshake(
    settings: &Settings,
    seat: &Seat,
    scheme: Scheme,
    token: &[u8],
) -> (AsyncAcceptor, Option<Turn>) {
    let fresh = || AsyncAcceptor::new(&settings.handshakes);
    let Some(connection) = seat.kept() else {
        seat.clear(settings);
        return (fresh(), None);
    };
    // Whatever was there ends here, unless this is the token that it awaits.
    let (turn, before) = connection.begin(settings.id);
    let awaited = match before {
        Slot::Awaiting {
            scheme: awaited,
            parked,
        } if awaited == scheme && !begins(token) => parked.take(),
        _ => None,
    };
    (awaited.unwrap_or_else(fresh), Some(turn))
}

async fn with_token(
    settings: &Settings,
    seat: &Seat,
    parts: &mut Parts,
    scheme: Scheme,
    token: &[u8],
    bindings: Option<ChannelBindings>,
) -> Admission {
    seat.show(settings, Way::In, token);
    let (mut acceptor, turn) = handshake(settings, seat, scheme, token);
    let channel = Channel {
        bindings: bindings.as_ref(),
        peer_address: seat
            .connection
            .as_ref()
            .filter(|_| settings.check_address)
            .and_then(Connection::peer_address),
    };
    let result = acceptor.step_with(channel.input(token)).await;
    seat.show_reply(settings, &result);
    match settings.challenges.decide(scheme, result) {
        Decision::Authenticated { context, headers } => {
            let login = Arc::new(Login::Context(context));
            let persistent = settings.keeps(login.mechanism());
            let kept = persistent && keep(turn, &login);
            let tail = Tail {
                proof: headers,
                persistent: Some(kept),
                ..Tail::default()
            };
            pass(
                settings,
                seat,
                parts,
                Authenticated::new(login, Via::Token),
                tail,
            )
        }
        Decision::GoOn(answer) => go_on(settings, seat, turn, scheme, acceptor, answer),
        Decision::Refused { answer, error } => {
            let verdict = match answer.status {
                401 | 407 => Verdict::Rejected,
                400 => Verdict::Malformed,
                _ => Verdict::Unavailable,
            };
            seat.tell(settings, verdict, None, Some(error.to_string()));
            Admission::Answer(answer, verdict)
        }
        Decision::Ask(answer) | Decision::Malformed { answer, .. } => {
            Admission::Answer(answer, Verdict::Asked)
        }
    }
}

impl Seat {
    fn show_reply(&self, settings: &Settings, result: &Result<crate::Step, crate::Failure>) {
        use crate::Step::{Continue, Established};
        let token = match result {
            Ok(Continue { token }) => Some(token.as_slice()),
            Ok(Established { token, .. }) => token.as_deref(),
            Err(failure) => failure.token(),
        };
        if let Some(token) = token {
            self.show(settings, Way::Out, token);
        }
    }
}

/// Whether the connection stands for the client from now on.
fn keep(turn: Option<Turn>, login: &Arc<Login>) -> bool {
    let slot = Slot::In {
        login: Arc::clone(login),
        since: ::tokio::time::Instant::now(),
    };
    turn.is_some_and(|turn| turn.settle(slot).is_ok())
}

/// A client that sends its password.
async fn with_password(
    settings: &Settings,
    seat: &Seat,
    parts: &mut Parts,
    passwords: &Passwords,
    (user, password): (String, Secret),
) -> Admission {
    let check = Arc::clone(&passwords.check);
    let answer = if check.may_block() {
        let ask = move || check.check(&user, &password).wait();
        settings.handshakes.blocking(ask).await
    } else {
        Ok(check.check(&user, &password).into_future().await)
    };
    let unavailable = |status, text| {
        seat.tell(settings, Verdict::Unavailable, None, Some(text));
        Admission::Answer(Answer::new(status), Verdict::Unavailable)
    };
    match answer {
        Ok(PasswordAnswer::Right(peer)) => {
            let login = Arc::new(Login::Other {
                peer,
                mechanism: None,
                expiry: Expiry::Never,
            });
            let tail = Tail::default();
            pass(
                settings,
                seat,
                parts,
                Authenticated::new(login, Via::Password),
                tail,
            )
        }
        Ok(PasswordAnswer::Wrong) => {
            seat.tell(
                settings,
                Verdict::Rejected,
                None,
                Some("wrong password".into()),
            );
            Admission::Answer(seat.ask(settings), Verdict::Rejected)
        }
        Ok(PasswordAnswer::Unavailable { text }) => unavailable(500, text),
        Err(error) => unavailable(503, error.to_string()),
    }
}

/// The next token must come over this connection, which must be one client's.
fn go_on(
    settings: &Settings,
    seat: &Seat,
    turn: Option<Turn>,
    scheme: Scheme,
    acceptor: AsyncAcceptor,
    answer: Answer,
) -> Admission {
    let reason = acceptor.retry_reason().map(ToString::to_string);
    let Some(turn) = turn else {
        seat.tell(settings, Verdict::NeedsConnection, None, reason);
        return Admission::Answer(seat.ask(settings), Verdict::NeedsConnection);
    };
    let parked = settings.handshakes.park(acceptor);
    if turn.settle(Slot::Awaiting { scheme, parked }).is_ok() {
        seat.tell(settings, Verdict::Continued, None, reason);
        return Admission::Answer(answer, Verdict::Continued);
    }
    let reason = "another request has come over the connection meanwhile";
    seat.tell(settings, Verdict::Rejected, None, Some(reason.into()));
    Admission::Answer(seat.ask(settings).closing(), Verdict::Rejected)
}

/// A known client: may it?
fn pass(
    settings: &Settings,
    seat: &Seat,
    parts: &mut Parts,
    client: Authenticated,
    mut tail: Tail,
) -> Admission {
    let denied = settings
        .authorize
        .as_ref()
        .is_some_and(|may| !may(&client, parts));
    if denied {
        seat.tell(settings, Verdict::Forbidden, Some(&client), None);
        return Admission::Answer(Answer::new(403), Verdict::Forbidden);
    }
    if let (Via::Token | Via::Password, true, Some(session)) =
        (client.via(), seat.secure, &settings.session)
    {
        let now = settings.handshakes.config().clock().now();
        tail.cookie = session.issue(client.login(), now);
    }
    seat.tell(settings, Verdict::Authenticated, Some(&client), None);
    parts.extensions.insert(client);
    Admission::Pass(tail)
}

impl Settings {
    /// Whether a mechanism's login holds for its connection.
    fn keeps(&self, mechanism: Option<Mechanism>) -> bool {
        match mechanism {
            Some(Mechanism::Kerberos) => self.kerberos.is_connection(),
            Some(Mechanism::Ntlm) => self.ntlm.is_connection(),
            None => false,
        }
    }

    /// The channel that a request came through: the connection's own, or what
    /// the trusted proxy in front says of its own.
    fn bindings(
        &self,
        seat: &Seat,
        headers: &HeaderMap,
    ) -> Result<Option<ChannelBindings>, &'static str> {
        let Some(name) = &self.bindings_header else {
            let own = seat.connection.as_ref().and_then(Connection::bindings);
            return Ok(own.cloned());
        };
        proxy::bindings(headers, name)
    }
}
