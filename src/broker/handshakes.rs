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

/// One while its step is under way.
struct Taken {
    acceptor: Acceptor,
    configured: Arc<Configured>,
    began: Instant,
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
    ) -> Result<Taken, Error> {
        let mut all = self.lock();
        let known = all.get_mut(&request.handshake);
        match (known, request.first) {
            (Some(_), true) => Err(refused("two handshakes with one number")),
            (None, false) => Err(Unavailability::Broker {
                text: "it does not know this handshake, which has ended or taken too long".into(),
            }
            .into()),
            (None, true) => {
                let began = Instant::now();
                let entry = Entry {
                    acceptor: None,
                    configured: Arc::clone(configured),
                    began,
                    _slot: slot()?,
                };
                all.insert(request.handshake, entry);
                Ok(Taken {
                    acceptor: Acceptor::new(&configured.config),
                    configured: Arc::clone(configured),
                    began,
                })
            }
            (Some(entry), false) => {
                let acceptor = entry.acceptor.take();
                let acceptor = acceptor.ok_or_else(|| refused("a step before the last one ended"));
                Ok(Taken {
                    acceptor: acceptor?,
                    configured: Arc::clone(&entry.configured),
                    began: entry.began,
                })
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
        let Taken {
            mut acceptor,
            configured,
            began,
        } = self.take(&request, configured, slot)?;
        let number = request.handshake;
        let outcome = if configured.config.may_block() {
            let run = move || {
                let outcome = run(&mut acceptor, &request);
                (acceptor, outcome)
            };
            let Ok((back, outcome)) = tokio::task::spawn_blocking(run).await else {
                self.remove(number, began);
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
        let taken = Taken {
            acceptor,
            configured,
            began,
        };
        Ok(self.settle(number, taken, outcome))
    }

    /// Another handshake may have the number by now.
    fn remove(&self, number: u64, began: Instant) {
        let mut all = self.lock();
        if all.get(&number).is_some_and(|entry| entry.began == began) {
            all.remove(&number);
        }
    }

    /// Keeps what goes on, and lets go of everything else.
    fn settle(&self, number: u64, own: Taken, outcome: Outcome) -> Stepped {
        let Taken {
            acceptor,
            configured,
            began,
        } = own;
        match outcome {
            Ok(Step::Continue { token }) => {
                let retry = acceptor.retry_reason().cloned();
                // Gone, if the application has given it up meanwhile; and it
                // never becomes the state of another that has its number now.
                let mut all = self.lock();
                let entry = all.get_mut(&number);
                if let Some(entry) = entry.filter(|entry| entry.began == began) {
                    entry.acceptor = Some(acceptor);
                }
                drop(all);
                Stepped::Continue { token, retry }
            }
            Ok(Step::Established { token, context }) => {
                self.remove(number, began);
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
                self.remove(number, began);
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

#[cfg(test)]
mod tests {
    use super::super::connection::{Users, What};
    use super::{Configured, Handshakes};
    use crate::acceptor::{Acceptor, Step};
    use crate::accounts::{MemoryAccounts, NtHash};
    use crate::backends::broker_wire::requests::StepRequest;
    use crate::backends::rust;
    use crate::config::AcceptorConfig;
    use crate::mechanism::Mechanism;
    use crate::ntlm::Ntlm;
    use std::sync::Arc;

    fn first() -> StepRequest {
        // NEGOTIATE, with the flags that a client must have (MS-NLMP 2.2.1.1).
        let flags = 0xE208_8297_u32.to_le_bytes();
        StepRequest {
            configuration: 1,
            handshake: 7,
            first: true,
            bindings: None,
            address: None,
            token: [b"NTLMSSP\0\x01\0\0\0", &flags[..]].concat(),
        }
    }

    /// An application gives a handshake up while its step is under way, and
    /// begins another with the same number.
    #[test]
    fn a_late_step_does_not_become_another_handshakes_state() {
        let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("Password"));
        let ntlm = Ntlm::new(accounts).computer("WEB").domain("CORP");
        let builder = AcceptorConfig::builder(rust(ntlm));
        let config = builder.mechanisms(&[Mechanism::Ntlm]).build().unwrap();
        let configured = Arc::new(Configured {
            config,
            delegated: false,
        });
        let users = Users::default();
        let slot = || Ok(users.take(0, What::HalfOpen, 2).expect("a place"));
        let handshakes = Handshakes::default();
        let take = || handshakes.take(&first(), &configured, slot).unwrap();
        let late = take();
        assert!(handshakes.abandon(7).is_none());
        let next = take();
        // Now the first one's step ends: the second one's place stays its own.
        let outcome = |acceptor: &mut Acceptor| Ok(acceptor.step(&first().token).unwrap());
        let mut late = late;
        let done = outcome(&mut late.acceptor);
        assert!(matches!(done, Ok(Step::Continue { .. })));
        let _ = handshakes.settle(7, late, done);
        assert!(handshakes.lock()[&7].acceptor.is_none());
        let mut next = next;
        let done = outcome(&mut next.acceptor);
        let _ = handshakes.settle(7, next, done);
        assert!(handshakes.lock()[&7].acceptor.is_some());
        // Nor does a late end take the second one away.
        let second = handshakes.lock()[&7].began;
        handshakes.remove(7, second - std::time::Duration::from_nanos(1));
        assert!(handshakes.lock().contains_key(&7));
    }
}
