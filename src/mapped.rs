//! Handshakes whose contexts leave the process as soon as they are
//! established.

use core::fmt;

use crate::acceptor::{Acceptor, Failure, Step};
use crate::config::{AcceptorConfig, Mapping};
use crate::context::Context;
use crate::context_data::ContextData;
use crate::error::{Error, Misuse};
use crate::sealing::SealingKey;
use crate::token::StepInput;

/// An [`Acceptor`] that ends in [`ContextData`] instead of a live [`Context`]:
/// for a process that has the server's keys and serves nobody
/// (`SpAcceptLsaModeContext`). The one that serves takes the context up with a
/// [`ContextImporter`](crate::ContextImporter).
pub struct MappedAcceptor {
    acceptor: Acceptor,
    mapping: Mapping,
}

/// What a step came to, if nothing failed.
#[derive(Debug)]
#[must_use]
pub enum MappedStep {
    /// Send the token; the client's answer goes into the next step.
    Continue {
        /// What to send.
        token: Vec<u8>,
    },
    /// The client is who it says. Send the token, if there is one.
    Established {
        /// What to send, if anything.
        token: Option<Vec<u8>>,
        /// The context, for another process.
        data: ContextData,
        /// How much of the context that is (`MappedContext`).
        mapped: Mapped,
    },
}

/// How much of a context goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mapped {
    /// All of it.
    Whole,
    /// All but the credentials that the client delegated, which are dropped
    /// here: [`ConfigBuilder::map_delegated`](crate::ConfigBuilder::map_delegated)
    /// was not said.
    WithoutDelegated,
}

impl MappedAcceptor {
    /// A handshake that awaits its first token.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotConfigured`] for a configuration without
    /// [`mapped`](crate::ConfigBuilder::mapped).
    pub fn new(config: &AcceptorConfig) -> Result<Self, Error> {
        Self::of(config, || Ok(Acceptor::new(config)))
    }

    /// Takes up a handshake that was suspended. See [`Acceptor::resume`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new) and [`Acceptor::resume`].
    pub fn resume(config: &AcceptorConfig, key: &SealingKey, sealed: &[u8]) -> Result<Self, Error> {
        Self::of(config, || Acceptor::resume(config, key, sealed))
    }

    fn of(
        config: &AcceptorConfig,
        acceptor: impl FnOnce() -> Result<Acceptor, Error>,
    ) -> Result<Self, Error> {
        let mapping = config.mapping();
        if mapping == Mapping::No {
            let setting = "mapped";
            return Err(Misuse::NotConfigured { setting }.into());
        }
        let acceptor = acceptor()?;
        Ok(Self { acceptor, mapping })
    }

    /// Takes the client's token. See [`Acceptor::step`].
    ///
    /// # Errors
    ///
    /// See [`step_with`](Self::step_with).
    pub fn step(&mut self, token: &[u8]) -> Result<MappedStep, Failure> {
        self.step_with(StepInput::new(token))
    }

    /// Takes the client's token and what the server knows besides. See
    /// [`Acceptor::step_with`].
    ///
    /// # Errors
    ///
    /// As for [`Acceptor::step_with`]; a context that cannot be exported.
    pub fn step_with(&mut self, input: StepInput<'_>) -> Result<MappedStep, Failure> {
        let step = self.acceptor.step_with(input)?;
        self.map(step)
    }

    /// As [`step_with`](Self::step_with), without blocking, on any runtime.
    ///
    /// # Errors
    ///
    /// See [`step_with`](Self::step_with).
    pub async fn step_async(&mut self, input: StepInput<'_>) -> Result<MappedStep, Failure> {
        let step = self.acceptor.step_async(input).await?;
        self.map(step)
    }

    /// See [`Acceptor::retry_reason`].
    #[must_use]
    pub fn retry_reason(&self) -> Option<&Error> {
        self.acceptor.retry_reason()
    }

    /// See [`Acceptor::suspend`].
    ///
    /// # Errors
    ///
    /// As for [`Acceptor::suspend`].
    pub fn suspend(self, key: &SealingKey) -> Result<Vec<u8>, Error> {
        self.acceptor.suspend(key)
    }

    fn map(&self, step: Step) -> Result<MappedStep, Failure> {
        match step {
            Step::Continue { token } => Ok(MappedStep::Continue { token }),
            Step::Established { token, context } => {
                let (data, mapped) = self.export(context)?;
                Ok(MappedStep::Established {
                    token,
                    data,
                    mapped,
                })
            }
        }
    }

    fn export(&self, context: Context) -> Result<(ContextData, Mapped), Error> {
        if self.mapping == Mapping::WithDelegated {
            return Ok((context.export_with_delegated()?, Mapped::Whole));
        }
        let mapped = if context.delegated().is_some() {
            Mapped::WithoutDelegated
        } else {
            Mapped::Whole
        };
        Ok((context.export()?, mapped))
    }
}

impl fmt::Debug for MappedAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MappedAcceptor")
            .field(&self.acceptor)
            .finish()
    }
}
