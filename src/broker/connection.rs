//! One application's connection: requests in, answers out.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Duration, MissedTickBehavior, interval, sleep, timeout};
use zeroize::Zeroizing;

use super::Shared;
use super::access::Services;
use super::configs::{Configured, refused};
use super::handshakes::Handshakes;
use crate::backends::broker_wire::answers::{Stepped, abandoned, configured, welcome};
use crate::backends::broker_wire::errors::write_error;
use crate::backends::broker_wire::requests::{
    StepRequest, read_abandon, read_configure, read_hello,
};
use crate::backends::broker_wire::{Frame, VERSION, frame, kind, length, open};
use crate::encoding::Writer;
use crate::error::{Error, Unavailability};
use crate::secret::Secret;

/// Connections of a user who may do nothing.
const STRANGERS: usize = 4;

/// What each user has of connections and half-done handshakes.
#[derive(Default)]
pub(super) struct Users(Arc<Mutex<HashMap<(u32, What), usize>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Connections,
    Configurations,
    HalfOpen,
}

/// One of them, until it is dropped.
pub(super) struct Slot {
    users: Arc<Mutex<HashMap<(u32, What), usize>>>,
    key: (u32, What),
}

impl Users {
    pub(super) fn take(&self, uid: u32, what: What, limit: usize) -> Option<Slot> {
        let mut counts = lock(&self.0);
        let count = counts.entry((uid, what)).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Slot {
            users: Arc::clone(&self.0),
            key: (uid, what),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = lock(&self.users);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections for ever.
pub(super) async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // The connection's end says all that there is to say.
                    let _ = connection(stream, shared).await;
                    drop(place);
                });
            }
            // Out of descriptors, most likely: others will be closed.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What the requests of a connection share.
struct Client {
    shared: Arc<Shared>,
    uid: u32,
    services: Services,
    handshakes: Handshakes,
    configurations: Mutex<HashMap<u32, (Arc<Configured>, Slot)>>,
}

async fn connection(stream: UnixStream, shared: Arc<Shared>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (mut reader, writer) = stream.into_split();
    let (answers, outgoing) = mpsc::channel(shared.limits.requests_per_connection);
    let time = shared.limits.frame_time;
    let writing = tokio::spawn(write_answers(writer, outgoing, time));
    let services = shared.access.of(uid).cloned();
    let limit = match services {
        Some(_) => shared.limits.connections_per_user,
        // They are told that they may not, a few at a time.
        None => STRANGERS.min(shared.limits.connections_per_user),
    };
    let slot = shared.users.take(uid, What::Connections, limit);
    let problem = match (services, &slot) {
        (Some(services), Some(_)) => {
            let client = Arc::new(Client {
                shared,
                uid,
                services,
                handshakes: Handshakes::default(),
                configurations: Mutex::default(),
            });
            serve(reader, client, answers.clone()).await?;
            None
        }
        (None, Some(_)) => {
            // The answer to what is asked first: whoever has not asked yet
            // would find the connection closed, and not the answer.
            let _ = timeout(time, read_frame(&mut reader, time)).await;
            Some(format!(
                "user {uid} may not use it; `allow` that user in its configuration"
            ))
        }
        (_, None) => Some(format!(
            "user {uid} has {limit} connections, as many as one may have"
        )),
    };
    if let Some(text) = problem {
        let _ = answers.send(refusal(0, &refused(text))).await;
    }
    drop(answers);
    let _ = writing.await;
    Ok(())
}

type Answers = mpsc::Sender<Zeroizing<Vec<u8>>>;

/// Reads requests until the connection ends, or breaks the protocol.
async fn serve(mut reader: OwnedReadHalf, client: Arc<Client>, answers: Answers) -> io::Result<()> {
    let limits = client.shared.limits;
    let under_way = Arc::new(Semaphore::new(limits.requests_per_connection));
    let first = timeout(
        limits.frame_time,
        read_frame(&mut reader, limits.frame_time),
    )
    .await??;
    let version = (first.kind == kind::HELLO)
        .then(|| read_hello(&first.body))
        .flatten()
        .ok_or(io::ErrorKind::InvalidData)?;
    let own = welcome(VERSION, &client.shared.offer);
    send(&answers, answer(kind::HELLO, first.request, &own)).await?;
    if version != VERSION {
        return Ok(());
    }
    let mut look = interval(limits.half_open_age / 4 + Duration::from_millis(50));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let Ok(place) = Arc::clone(&under_way).acquire_owned().await else {
            return Ok(());
        };
        let request = {
            let reading = read_frame(&mut reader, limits.frame_time);
            tokio::pin!(reading);
            loop {
                tokio::select! {
                    request = &mut reading => break request?,
                    () = answers.closed() => return Ok(()),
                    _ = look.tick() => client.handshakes.give_up_older(limits.half_open_age),
                }
            }
        };
        let (client, answers) = (Arc::clone(&client), answers.clone());
        tokio::spawn(async move {
            let number = request.request;
            let bytes = match client.answer(request).await {
                Ok((kind, body)) => answer(kind, number, &body),
                Err(error) => refusal(number, &error),
            };
            let _ = send(&answers, bytes).await;
            drop(place);
        });
    }
}

impl Client {
    /// Answers one request; gives its kind with the answer.
    async fn answer(self: &Arc<Self>, request: Frame) -> Result<(u8, Secret), Error> {
        let unreadable = || refused("a request that cannot be read");
        let body = match request.kind {
            kind::CONFIGURE => {
                let (number, wanted) = read_configure(&request.body).ok_or_else(unreadable)?;
                let slot = self.place_for(number)?;
                let own = Arc::clone(self);
                // It reads the keytab.
                let made = tokio::task::spawn_blocking(move || {
                    own.shared.configs.get(&own.services, wanted)
                });
                let made = made.await.map_err(|_| lost())??;
                let mut description = made.config.backend_description();
                // Which others the broker has keys of is not this user's to know.
                let principals = &mut description.principals;
                principals.retain(|known| self.services.cover(&known.principal));
                self.keep(number, made, slot)?;
                configured(&description)
            }
            kind::STEP => {
                let step = StepRequest::read(&request.body).ok_or_else(unreadable)?;
                let configured = lock(&self.configurations)
                    .get(&step.configuration)
                    .map(|(configured, _)| Arc::clone(configured))
                    .ok_or_else(|| refused("a step without a configuration"))?;
                let limit = self.shared.limits.half_open_per_user;
                let slot = || {
                    let slot = self.shared.users.take(self.uid, What::HalfOpen, limit);
                    slot.ok_or_else(|| Unavailability::TooManyHandshakes { limit }.into())
                };
                let mut stepped = self.handshakes.step(step, &configured, slot).await?;
                if let Stepped::Failed { error, .. } = &mut stepped {
                    self.services.conceal(error);
                }
                stepped.write()?
            }
            kind::ABANDON => {
                let number = read_abandon(&request.body).ok_or_else(unreadable)?;
                abandoned(self.handshakes.abandon(number).as_deref())
            }
            _ => return Err(unreadable()),
        };
        Ok((request.kind, body))
    }

    /// A place for another configuration, before the work of making it.
    fn place_for(&self, number: u32) -> Result<Slot, Error> {
        self.check_room(number, &lock(&self.configurations))?;
        let (uid, limit) = (self.uid, self.shared.limits.configurations_per_user);
        let slot = self.shared.users.take(uid, What::Configurations, limit);
        slot.ok_or_else(|| {
            refused(format!(
                "user {uid} has {limit} configurations, as many as one may have"
            ))
        })
    }

    fn keep(&self, number: u32, made: Arc<Configured>, slot: Slot) -> Result<(), Error> {
        let mut all = lock(&self.configurations);
        self.check_room(number, &all)?;
        all.insert(number, (made, slot));
        Ok(())
    }

    fn check_room<T>(&self, number: u32, all: &HashMap<u32, T>) -> Result<(), Error> {
        let most = self.shared.limits.configurations_per_connection;
        if all.len() >= most && !all.contains_key(&number) {
            return Err(refused(format!("more than {most} configurations")));
        }
        Ok(())
    }
}

fn lost() -> Error {
    let text = "the request was given up".into();
    Unavailability::Broker { text }.into()
}

/// One frame: the first byte whenever it comes, the rest soon after.
async fn read_frame(reader: &mut OwnedReadHalf, within: Duration) -> io::Result<Frame> {
    let first = reader.read_u8().await?;
    let reading = async {
        let mut rest = [0; 3];
        reader.read_exact(&mut rest).await?;
        let [second, third, fourth] = rest;
        let length = length([first, second, third, fourth]).ok_or(io::ErrorKind::InvalidData)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        reader.read_exact(&mut bytes).await?;
        open(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    };
    timeout(within, reading).await?
}

async fn send(answers: &Answers, bytes: Zeroizing<Vec<u8>>) -> io::Result<()> {
    let sent = answers.send(bytes).await;
    sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Writes answers until there are no more, or nobody reads them.
async fn write_answers(
    mut writer: OwnedWriteHalf,
    mut outgoing: mpsc::Receiver<Zeroizing<Vec<u8>>>,
    within: Duration,
) {
    while let Some(bytes) = outgoing.recv().await {
        match timeout(within, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

fn answer(kind: u8, request: u32, body: &Secret) -> Zeroizing<Vec<u8>> {
    frame(kind | kind::ANSWER, request, body.expose())
        .unwrap_or_else(|| refusal(request, &refused("an answer that is too long")))
}

fn refusal(request: u32, error: &Error) -> Zeroizing<Vec<u8>> {
    let mut writer = Writer::new();
    write_error(&mut writer, error);
    frame(kind::REFUSED, request, writer.finish().expose()).unwrap_or_default()
}
