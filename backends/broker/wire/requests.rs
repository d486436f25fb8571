//! What an application asks.

use std::net::IpAddr;

use super::parts::{
    read_address, read_etype, read_list, read_mechanism, read_policy, read_service, write_address,
    write_etype, write_list, write_mechanism, write_policy, write_service,
};
use super::{MAGIC, VERSION};
use crate::backends::Settings;
use crate::channel_bindings::ChannelBindingPolicy;
use crate::encoding::{Reader, Writer};
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::requirements::{DataRepresentation, Requirements};
use crate::secret::Secret;

/// The body of a hello.
pub(crate) fn hello() -> Secret {
    let mut writer = Writer::new();
    writer.raw(MAGIC);
    writer.raw(&VERSION.to_be_bytes());
    writer.finish()
}

/// The highest version that the other side speaks.
pub(crate) fn read_hello(body: &[u8]) -> Option<u16> {
    let version = body.strip_prefix(MAGIC)?;
    version.try_into().ok().map(u16::from_be_bytes)
}

/// What of an application's settings a broker honours. Clock, skew, replay
/// store and paths of realms are the broker's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) mechanisms: Vec<Mechanism>,
    pub(crate) required: Requirements,
    pub(crate) requested: Requirements,
    pub(crate) bindings: ChannelBindingPolicy,
    pub(crate) services: Vec<ServiceName>,
    pub(crate) alias_limit: u32,
    pub(crate) etypes: Vec<EncryptionType>,
    pub(crate) representation: DataRepresentation,
    pub(crate) max_token: u32,
}

impl Wanted {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            mechanisms: settings.mechanisms.clone(),
            required: settings.required,
            requested: settings.requested,
            bindings: settings.channel_bindings,
            services: settings.services.clone(),
            alias_limit: u32::try_from(settings.alias_limit).unwrap_or(u32::MAX),
            etypes: settings.etypes.clone(),
            representation: settings.data_representation,
            max_token: u32::try_from(settings.max_token).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        write_list(writer, &self.mechanisms, |writer, mechanism| {
            write_mechanism(writer, *mechanism);
        });
        writer.u64(self.required.bits());
        writer.u64(self.requested.bits());
        write_policy(writer, self.bindings);
        write_list(writer, &self.services, write_service);
        writer.u32(self.alias_limit);
        write_list(writer, &self.etypes, |writer, etype| {
            write_etype(writer, *etype);
        });
        writer.flag(self.representation == DataRepresentation::Network);
        writer.u32(self.max_token);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            mechanisms: read_list(reader, read_mechanism)?,
            // A flag that this version does not know cannot be honoured.
            required: Requirements::from_bits(reader.u64()?)?,
            requested: Requirements::from_bits(reader.u64()?)?,
            bindings: read_policy(reader)?,
            services: read_list(reader, read_service)?,
            alias_limit: reader.u32()?,
            etypes: read_list(reader, read_etype)?,
            representation: if reader.flag()? {
                DataRepresentation::Network
            } else {
                DataRepresentation::Native
            },
            max_token: reader.u32()?,
        })
    }
}

/// The body of a configure.
pub(crate) fn configure(number: u32, wanted: &Wanted) -> Secret {
    let mut writer = Writer::new();
    writer.u32(number);
    wanted.write(&mut writer);
    writer.finish()
}

pub(crate) fn read_configure(body: &[u8]) -> Option<(u32, Wanted)> {
    let mut reader = Reader::new(body);
    let read = (reader.u32()?, Wanted::read(&mut reader)?);
    reader.finish()?;
    Some(read)
}

/// One leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepRequest {
    pub(crate) configuration: u32,
    pub(crate) handshake: u64,
    pub(crate) first: bool,
    pub(crate) bindings: Option<Vec<u8>>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) token: Vec<u8>,
}

impl StepRequest {
    pub(crate) fn write(&self) -> Secret {
        let mut writer = Writer::new();
        writer.u32(self.configuration);
        writer.u64(self.handshake);
        writer.flag(self.first);
        writer.option(self.bindings.as_deref(), Writer::bytes);
        writer.option(self.address, write_address);
        writer.bytes(&self.token);
        writer.finish()
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let own = Self {
            configuration: reader.u32()?,
            handshake: reader.u64()?,
            first: reader.flag()?,
            bindings: reader.option(|reader| reader.bytes().map(<[u8]>::to_vec))?,
            address: reader.option(read_address)?,
            token: reader.bytes()?.to_vec(),
        };
        reader.finish()?;
        Some(own)
    }
}

/// The body of an abandon.
pub(crate) fn read_abandon(body: &[u8]) -> Option<u64> {
    body.try_into().ok().map(u64::from_be_bytes)
}
