//! The connection to the broker: made when it is needed, shared by all
//! handshakes of a configuration, made again after it has ended.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    self, AddressFamily, SockFlag, SockType, UnixAddr, getsockopt, socket, sockopt,
};
use nix::unistd::geteuid;

use super::accept::CONFIGURATION;
use super::wire::answers::{Offer, read_configured, read_welcome};
use super::wire::errors::read_error;
use super::wire::requests::{Wanted, configure, hello};
use super::wire::{self, Frame, VERSION, kind};
use crate::backends::BackendDescription;
use crate::encoding::Reader;
use crate::error::{Error, Unavailability};
use crate::reply::{Promise, Reply, promise};
use crate::secret::Secret;
use crate::time::monotonic;

/// Where the broker is, and who may run it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) run_by: Option<u32>,
    pub(super) timeout: Duration,
}

/// The answer, and the connection that it came over; an error if there is
/// none.
pub(super) type Answer = Result<(u64, Frame), Error>;

/// How many requests may wait to be sent.
const WAITING: usize = 4096;
/// How often it is looked at what has waited for too long.
const TICK: Duration = Duration::from_millis(200);

pub(super) fn unavailable(text: impl Into<String>) -> Error {
    Unavailability::Broker { text: text.into() }.into()
}

/// What is wrong with a broker that was there.
pub(super) fn gone(why: &str) -> Error {
    unavailable(format!(
        "{why}; this handshake is lost and the client must begin again, established contexts go on"
    ))
}

/// Asks on a connection of its own.
pub(super) fn ask_capabilities(place: &Place) -> Result<Offer, Error> {
    let mut stream = place.connect()?;
    greet(&mut stream)
}

impl Place {
    fn connect(&self) -> Result<UnixStream, Error> {
        let path = self.path.display();
        let stream = connect(&self.path).map_err(|error| {
            unavailable(format!(
                "none can be reached at {path} ({error}); start gss-acceptor-broker, and let this \
                 user open the socket"
            ))
        })?;
        let peer = getsockopt(&stream, sockopt::PeerCredentials)
            .map_err(|error| unavailable(format!("who runs it cannot be found out: {error}")))?;
        let trusted = [Some(0), Some(geteuid().as_raw()), self.run_by];
        if !trusted.contains(&Some(peer.uid())) {
            return Err(unavailable(format!(
                "the one at {path} is run by user {}, who is not trusted: whoever answers there \
                 says who a client is (`BrokerOptions::run_by`)",
                peer.uid()
            )));
        }
        let limit = Some(self.timeout);
        stream
            .set_read_timeout(limit)
            .and_then(|()| stream.set_write_timeout(limit))
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(stream)
    }

    /// A connection that is ready for tokens.
    fn open(&self, settings: &Secret) -> Result<(UnixStream, BackendDescription), Error> {
        let mut stream = self.connect()?;
        greet(&mut stream)?;
        let answer = exchange(&mut stream, kind::CONFIGURE, settings)?;
        let description = read_configured(&answer.body)
            .ok_or_else(|| unavailable("its answer cannot be read"))?;
        stream
            .set_read_timeout(None)
            .map_err(|error| unavailable(error.to_string()))?;
        Ok((stream, description))
    }
}

/// Connects without waiting: where too many wait to be let in, that is an
/// error.
fn connect(path: &Path) -> nix::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).map_err(|_| Errno::EIO)?;
    Ok(stream)
}

/// Says hello; gives what the broker can do.
fn greet(stream: &mut UnixStream) -> Result<Offer, Error> {
    let answer = exchange(stream, kind::HELLO, &hello())?;
    let (version, offer) =
        read_welcome(&answer.body).ok_or_else(|| unavailable("what answers there is no broker"))?;
    if version != VERSION {
        return Err(unavailable(format!(
            "it speaks version {version} of the protocol, and this program {VERSION}; update the \
             older one"
        )));
    }
    Ok(offer)
}

/// A request and its answer, while nothing else is under way.
fn exchange(stream: &mut UnixStream, kind: u8, body: &Secret) -> Result<Frame, Error> {
    let bytes = wire::frame(kind, 0, body.expose())
        .ok_or_else(|| unavailable("these settings are too long for it"))?;
    let lost = |error: std::io::Error| unavailable(format!("it does not answer ({error})"));
    stream.write_all(&bytes).map_err(lost)?;
    let frame = wire::read(stream).map_err(lost)?;
    answer_to(kind, frame)
}

fn answer_to(kind: u8, frame: Frame) -> Result<Frame, Error> {
    if frame.kind == kind | kind::ANSWER {
        return Ok(frame);
    }
    let refused = (frame.kind == kind::REFUSED)
        .then(|| read_error(&mut Reader::new(&frame.body)))
        .flatten();
    Err(refused.unwrap_or_else(|| unavailable("it answers something else")))
}

/// The way to the broker. The threads behind it end when it is dropped.
pub(super) struct Link {
    queue: SyncSender<Job>,
}

struct Job {
    kind: u8,
    body: Secret,
    /// The connection that it must go over.
    connection: Option<u64>,
    /// `None` for what needs no answer.
    answer: Option<Promise<Answer>>,
}

impl Link {
    /// Connects, so that a broker that refuses the settings is noticed.
    pub(super) fn start(
        place: Place,
        wanted: &Wanted,
    ) -> Result<(Self, BackendDescription), Error> {
        let settings = configure(CONFIGURATION, wanted);
        let (stream, description) = place.open(&settings)?;
        let (queue, jobs) = mpsc::sync_channel(WAITING);
        let mut sender = Sender {
            place,
            settings,
            open: None,
            connections: 0,
        };
        sender.take(stream)?;
        thread::Builder::new()
            .name("broker".into())
            .spawn(move || sender.run(&jobs))
            .map_err(|error| unavailable(error.to_string()))?;
        Ok((Self { queue }, description))
    }

    /// Asks, over this connection if one is named.
    pub(super) fn ask(&self, kind: u8, body: Secret, connection: Option<u64>) -> Reply<Answer> {
        let (answer, reply) = promise(|| Err(gone("the broker's answer was lost")));
        let answer = Some(answer);
        let job = Job {
            kind,
            body,
            connection,
            answer,
        };
        match self.queue.try_send(job) {
            Ok(()) => reply,
            Err(TrySendError::Full(_)) => {
                Reply::Now(Err(unavailable("too many requests are waiting for it")))
            }
            Err(TrySendError::Disconnected(_)) => {
                Reply::Now(Err(unavailable("the thread that asks it has ended")))
            }
        }
    }

    /// Says something that needs no answer, if it can be said.
    pub(super) fn tell(&self, kind: u8, body: Secret, connection: Option<u64>) {
        let _ = self.queue.try_send(Job {
            kind,
            body,
            connection,
            answer: None,
        });
    }
}

/// Sends what is asked. Has the connection.
struct Sender {
    place: Place,
    settings: Secret,
    open: Option<Open>,
    connections: u64,
}

struct Open {
    stream: UnixStream,
    waiting: Arc<Mutex<Waiting>>,
    connection: u64,
    requests: u32,
}

/// Who waits for an answer over one connection.
#[derive(Default)]
struct Waiting {
    by_request: HashMap<u32, Waiter>,
    ended: bool,
}

struct Waiter {
    kind: u8,
    until: Instant,
    answer: Promise<Answer>,
}

impl Sender {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut looked = monotonic();
        loop {
            match jobs.recv_timeout(TICK) {
                Ok(job) => {
                    if let Err(error) = self.send(job) {
                        // They would each wait as long for the same.
                        for job in jobs.try_iter().filter_map(|job| job.answer) {
                            job.fulfil(Err(error.clone()));
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = monotonic();
            if now.duration_since(looked) >= TICK {
                looked = now;
                if let Some(open) = &self.open {
                    open.give_up_late(now);
                }
            }
        }
    }

    /// # Errors
    ///
    /// There is no broker to connect to.
    fn send(&mut self, job: Job) -> Result<(), Error> {
        let Job {
            kind,
            body,
            connection,
            answer,
        } = job;
        let timeout = self.place.timeout;
        let ready = self.ready(connection, answer.is_some());
        let open = match (ready, answer) {
            (Ok(open), answer) => {
                open.requests = open.requests.wrapping_add(1);
                if let Some(answer) = answer {
                    let until = monotonic() + timeout;
                    open.wait(Waiter {
                        kind,
                        until,
                        answer,
                    });
                }
                open
            }
            (Err(error), answer) => {
                // Word of what was given up goes to a broker that is there,
                // or to none: it is nothing to whoever waits behind it.
                let Some(answer) = answer else { return Ok(()) };
                answer.fulfil(Err(error.clone()));
                // What is lost with one connection is not with the next.
                return if connection.is_none() {
                    Err(error)
                } else {
                    Ok(())
                };
            }
        };
        let Some(bytes) = wire::frame(kind, open.requests, body.expose()) else {
            open.fail(open.requests, unavailable("the token is too long for it"));
            return Ok(());
        };
        if open.stream.write_all(&bytes).is_err() {
            // Half a frame may be out. The reader fails all that wait.
            let _ = open.stream.shutdown(Shutdown::Both);
            self.open = None;
        }
        Ok(())
    }

    /// The connection, made again where it has ended and `connection` asks
    /// for none in particular.
    fn ready(&mut self, connection: Option<u64>, connect: bool) -> Result<&mut Open, Error> {
        if self.open.as_ref().is_some_and(Open::has_ended) {
            self.open = None;
        }
        let own = self.open.as_ref().map(|open| open.connection);
        if connection.is_some() && own != connection {
            return Err(gone("the broker has ended in the middle of this handshake"));
        }
        if own.is_none() {
            if !connect {
                return Err(gone("nothing is to be told"));
            }
            let (stream, _) = self.place.open(&self.settings)?;
            self.take(stream)?;
        }
        self.open.as_mut().ok_or_else(|| gone("no connection"))
    }

    fn take(&mut self, stream: UnixStream) -> Result<(), Error> {
        self.connections += 1;
        let open = Open {
            stream,
            waiting: Arc::default(),
            connection: self.connections,
            requests: 0,
        };
        let from = open.stream.try_clone();
        let from = from.map_err(|error| unavailable(error.to_string()))?;
        let (waiting, connection) = (Arc::clone(&open.waiting), open.connection);
        thread::Builder::new()
            .name("broker-answers".into())
            .spawn(move || receive(from, &waiting, connection))
            .map_err(|error| unavailable(error.to_string()))?;
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn has_ended(&self) -> bool {
        lock(&self.waiting).ended
    }

    fn wait(&self, waiter: Waiter) {
        let mut waiting = lock(&self.waiting);
        if waiting.ended {
            drop(waiting);
            waiter.answer.fulfil(Err(ended()));
        } else {
            waiting.by_request.insert(self.requests, waiter);
        }
    }

    fn fail(&self, request: u32, error: Error) {
        let waiter = lock(&self.waiting).by_request.remove(&request);
        if let Some(waiter) = waiter {
            waiter.answer.fulfil(Err(error));
        }
    }

    fn give_up_late(&self, now: Instant) {
        let mut waiting = lock(&self.waiting);
        let late: Vec<u32> = waiting
            .by_request
            .iter()
            .filter(|(_, waiter)| waiter.until <= now)
            .map(|(request, _)| *request)
            .collect();
        let late: Vec<Waiter> = late
            .iter()
            .filter_map(|request| waiting.by_request.remove(request))
            .collect();
        drop(waiting);
        for waiter in late {
            waiter
                .answer
                .fulfil(Err(gone("it takes too long to answer")));
        }
    }
}

impl Drop for Open {
    /// Ends the thread that reads, too.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn ended() -> Error {
    gone("the broker has ended before it answered")
}

/// Gives answers to those who wait for them, until the connection ends.
fn receive(mut from: UnixStream, waiting: &Mutex<Waiting>, connection: u64) {
    while let Ok(frame) = wire::read(&mut from) {
        let waiter = lock(waiting).by_request.remove(&frame.request);
        if let Some(waiter) = waiter {
            let answer = answer_to(waiter.kind, frame).map(|frame| (connection, frame));
            waiter.answer.fulfil(answer);
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let mut waiting = lock(waiting);
    waiting.ended = true;
    let left = core::mem::take(&mut waiting.by_request);
    drop(waiting);
    for (_, waiter) in left {
        waiter.answer.fulfil(Err(ended()));
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
