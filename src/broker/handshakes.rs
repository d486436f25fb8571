//! The half-done handshakes of one connection, and their steps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::configs::{Configured, refused};
use super::connection::Slot;
use crate::acceptor::{Acceptor, Failure, Step};
use crate::backends::broker_wire::answers::Stepped;
use crate::backends::broker_wire::requests::StepRequest;
use crate::channel_bindings::ChannelBindings;
use crate::error::{Error, Unavailability};
use crate::token::StepInput;

/// By the application's own numbers.
#[derive(Default)]
pub(super) struct Handshakes(Mutex<HashMap<u64, Entry>>);

struct Entry {
    /// `None` while a step is under way.
    acceptor: Option<Acceptor>,
    configured: Arc<Configured>,
    began: Instant,
    /// Its place among the user's.
    _slot: Slot,
}

impl Handshakes {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The acceptor for a step, and what it is configured with.
    fn take(
        &self,
        request: &StepRequest,
        configured: &Arc<Configured>,
        slot: impl FnOnce() -> Result<Slot, Error>,
    ) -> Result<(Acceptor, Arc<Configured>), Error> {
        let mut all = self.lock();
        let known = all.get_mut(&request.handshake);
        match (known, request.first) {
            (Some(_), true) => Err(refused("two handshakes with one number")),
            (None, false) => Err(Unavailability::Broker {
                text: "it does not know this handshake, which has ended or taken too long".into(),
            }
            .into()),
            (None, true) => {
                let entry = Entry {
                    acceptor: None,
                    configured: Arc::clone(configured),
                    began: Instant::now(),
                    _slot: slot()?,
                };
                all.insert(request.handshake, entry);
                let acceptor = Acceptor::new(&configured.config);
                Ok((acceptor, Arc::clone(configured)))
            }
            (Some(entry), false) => {
                let acceptor = entry.acceptor.take();
                let acceptor = acceptor.ok_or_else(|| refused("a step before the last one ended"));
                Ok((acceptor?, Arc::clone(&entry.configured)))
            }
        }
    }

    /// Runs one step.
    pub(super) async fn step(
        &self,
        request: StepRequest,
        configured: &Arc<Configured>,
        slot: impl FnOnce() -> Result<Slot, Error>,
    ) -> Result<Stepped, Error> {
        let (mut acceptor, configured) = self.take(&request, configured, slot)?;
        let number = request.handshake;
        let outcome = if configured.config.may_block() {
            let run = move || {
                let outcome = run(&mut acceptor, &request);
                (acceptor, outcome)
            };
            let Ok((back, outcome)) = tokio::task::spawn_blocking(run).await else {
                self.lock().remove(&number);
                let text = "the step was given up".into();
                return Err(Unavailability::Broker { text }.into());
            };
            acceptor = back;
            outcome
        } else {
            match input(&request, &mut None) {
                Ok(input) => acceptor.step_async(input).await.map_err(Into::into),
                Err(error) => Err((error, None)),
            }
        };
        Ok(self.settle(number, acceptor, &configured, outcome))
    }

    /// Keeps what goes on, and lets go of everything else.
    fn settle(
        &self,
        number: u64,
        acceptor: Acceptor,
        configured: &Configured,
        outcome: Outcome,
    ) -> Stepped {
        match outcome {
            Ok(Step::Continue { token }) => {
                let retry = acceptor.retry_reason().cloned();
                // Gone, if the application has given it up meanwhile.
                if let Some(entry) = self.lock().get_mut(&number) {
                    entry.acceptor = Some(acceptor);
                }
                Stepped::Continue { token, retry }
            }
            Ok(Step::Established { token, context }) => {
                self.lock().remove(&number);
                let data = if configured.delegated {
                    context.export_with_delegated()
                } else {
                    context.export()
                };
                match data {
                    Ok(data) => Stepped::Established {
                        token,
                        data: Box::new(data),
                    },
                    Err(error) => Stepped::Failed { error, token: None },
                }
            }
            Err((error, token)) => {
                self.lock().remove(&number);
                Stepped::Failed { error, token }
            }
        }
    }

    /// Gives one up; what its client is to be told, if anything.
    pub(super) fn abandon(&self, number: u64) -> Option<Vec<u8>> {
        let entry = self.lock().remove(&number)?;
        entry.acceptor?.abandon()
    }

    /// Gives up what has been half done for too long.
    pub(super) fn give_up_older(&self, than: Duration) {
        let now = Instant::now();
        let mut all = self.lock();
        let old = |entry: &mut Entry| now.duration_since(entry.began) > than;
        // Dropped after the lock: it may wipe much.
        let dropped: Vec<_> = all.extract_if(|_, entry| old(entry)).collect();
        drop(all);
        drop(dropped);
    }
}

type Outcome = Result<Step, (Error, Option<Vec<u8>>)>;

impl From<Failure> for (Error, Option<Vec<u8>>) {
    fn from(failure: Failure) -> Self {
        let token = failure.token().map(<[u8]>::to_vec);
        (failure.into_error(), token)
    }
}

fn run(acceptor: &mut Acceptor, request: &StepRequest) -> Outcome {
    let mut bindings = None;
    match input(request, &mut bindings) {
        Ok(input) => acceptor.step_with(input).map_err(Into::into),
        Err(error) => Err((error, None)),
    }
}

/// The input of a step, from what came over the socket.
fn input<'a>(
    request: &'a StepRequest,
    bindings: &'a mut Option<ChannelBindings>,
) -> Result<StepInput<'a>, Error> {
    let mut input = StepInput::new(&request.token);
    if let Some(data) = &request.bindings {
        let own = ChannelBindings::from_application_data(data)
            .map_err(|_| refused("channel bindings that are too long, or empty"))?;
        input = input.channel_bindings(bindings.insert(own));
    }
    if let Some(address) = request.address {
        input = input.peer_address(address);
    }
    Ok(input)
}
