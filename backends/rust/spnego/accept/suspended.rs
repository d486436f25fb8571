//! Negotiations that go on in another process.

use std::sync::Arc;

use super::{AwaitMechListMic, AwaitToken, Done, Mic, Negotiation};
use crate::backends::rust::suspended::{self, Awaits, Whose, read_context, write_context};
use crate::backends::rust::{Shared, enabled};
use crate::encoding::{Reader, Writer};
use crate::error::Error;
use crate::mechanism::Mechanism;
use crate::secret::Secret;

impl AwaitToken {
    pub(super) fn save(self) -> Result<Secret, Error> {
        let Self {
            negotiation,
            exchange,
        } = self;
        suspended::save(Awaits::Token, |writer| {
            negotiation.save(writer);
            writer.bytes(exchange.suspend()?.expose());
            Ok(())
        })
    }

    pub(in crate::backends::rust) fn restore(
        reader: &mut Reader<'_>,
        shared: &Arc<Shared>,
    ) -> Option<Result<Self, Error>> {
        let negotiation = Negotiation::restore(reader, shared)?;
        let exchange = suspended::resume(shared, reader.bytes()?, Whose::Mechanism);
        Some(exchange.map(|exchange| Self {
            negotiation,
            exchange,
        }))
    }
}

impl AwaitMechListMic {
    pub(super) fn save(self) -> Result<Secret, Error> {
        let Done {
            negotiation,
            context,
            facts,
        } = self.0;
        suspended::save(Awaits::MechListMic, |writer| {
            negotiation.save(writer);
            write_context(writer, context, &facts)
        })
    }

    pub(in crate::backends::rust) fn restore(
        reader: &mut Reader<'_>,
        shared: &Arc<Shared>,
    ) -> Option<Self> {
        let negotiation = Negotiation::restore(reader, shared)?;
        let (context, facts) = read_context(reader)?;
        // The MIC is asked of the mechanism that made the context.
        (facts.mechanism == negotiation.mech.mechanism()).then_some(Self(Done {
            negotiation,
            context,
            facts,
        }))
    }
}

impl Negotiation<'static> {
    fn save(&self, writer: &mut Writer) {
        let Self {
            mech,
            mech_types,
            supported,
            mic,
        } = self;
        writer.flag(mech.mechanism() == Mechanism::Ntlm);
        writer.bytes(mech_types);
        writer.option(supported.as_deref(), Writer::short);
        writer.flag(*mic == Mic::Requested);
    }

    fn restore(reader: &mut Reader<'_>, shared: &Shared) -> Option<Self> {
        let mechanism = if reader.flag()? {
            Mechanism::Ntlm
        } else {
            Mechanism::Kerberos
        };
        let mech = enabled(shared).find(|mech| mech.mechanism() == mechanism)?;
        let mech_types = reader.bytes()?.to_vec().into();
        let supported = reader.option(Reader::short)?;
        let mic = if reader.flag()? {
            Mic::Requested
        } else {
            Mic::IfSent
        };
        Some(Self {
            mech,
            mech_types,
            supported: supported.map(|oid| oid.to_vec().into()),
            mic,
        })
    }
}
