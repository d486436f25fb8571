//! Handshakes and contexts that leave the process: said here, and refused
//! here where a backend cannot.

use super::{ConfigBuilder, Mapping};
use crate::error::Misuse;
use crate::facts::{Capabilities, MechanismCapabilities};
use crate::mechanism::Mechanism;

impl ConfigBuilder {
    /// Handshakes may be suspended and go on in another process
    /// ([`Acceptor::suspend`](crate::Acceptor::suspend)). Refused by
    /// [`build`](Self::build) for a backend whose library cannot.
    ///
    /// All nodes need the same configuration and, so that a handshake goes on
    /// once, one [`replay_store`](Self::replay_store) that they share.
    pub fn suspendable(mut self) -> Self {
        self.suspendable = true;
        self
    }

    /// Contexts leave the process as soon as they are established
    /// ([`MappedAcceptor`](crate::MappedAcceptor)). Refused by
    /// [`build`](Self::build) for a backend that cannot.
    pub fn mapped(mut self) -> Self {
        if self.mapping == Mapping::No {
            self.mapping = Mapping::Yes;
        }
        self
    }

    /// As [`mapped`](Self::mapped), and what clients delegate goes along:
    /// whoever takes the context up can act in the client's name.
    pub fn map_delegated(mut self) -> Self {
        self.mapping = Mapping::WithDelegated;
        self
    }

    /// Whether every mechanism can what is asked.
    pub(super) fn check_mapping(
        &self,
        capabilities: &Capabilities,
        mechanisms: &[Mechanism],
    ) -> Result<(), Misuse> {
        let all = |can: fn(&MechanismCapabilities) -> bool| {
            let mut own = capabilities.mechanisms.iter();
            own.all(|own| can(own) || !mechanisms.contains(&own.mechanism))
        };
        let setting = if self.suspendable && !all(|own| own.suspend.can()) {
            "suspendable"
        } else if self.mapping != Mapping::No && !all(|own| own.export.can()) {
            "mapped"
        } else {
            return Ok(());
        };
        let backend = self.backend.name();
        Err(Misuse::CannotSet { backend, setting })
    }

    /// What an operator should know.
    pub(super) fn note_suspension(&self, notes: &mut Vec<String>) {
        if self.suspendable && self.replay.is_none() {
            notes.push(
                "handshakes may be suspended, and the replay store is this process's own: \
                 another node would not know which have been resumed (`replay_store`)"
                    .into(),
            );
        }
    }
}
