//! What a broker answers.

use super::errors::{read_error, write_error};
use super::parts::{
    intern, read_duration, read_etype, read_list, read_mechanism, read_policy, read_principal,
    write_duration, write_etype, write_list, write_mechanism, write_policy, write_principal,
};
use crate::backends::{BackendDescription, PrincipalDescription, TgtDescription};
use crate::context_data::ContextData;
use crate::encoding::{Reader, Writer};
use crate::error::Error;
use crate::facts::{Ability, Capabilities, MechanismCapabilities};
use crate::mechanism::Mechanism;
use crate::requirements::Requirements;
use crate::secret::Secret;

/// What can be had through a broker.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) capabilities: Capabilities,
    /// The mechanisms of whose clients account and groups can be told.
    pub(crate) authorizing: Vec<Mechanism>,
}

/// The answer to a hello.
pub(crate) fn welcome(version: u16, offer: &Offer) -> Secret {
    let Offer {
        capabilities,
        authorizing,
    } = offer;
    let mut writer = Writer::new();
    writer.raw(&version.to_be_bytes());
    // Without leaving the process, a context is of no use.
    let mechanisms = capabilities.mechanisms.iter();
    let mechanisms: Vec<_> = mechanisms.filter(|own| own.export.can()).collect();
    write_list(&mut writer, &mechanisms, |writer, own| {
        write_mechanism(writer, own.mechanism);
        writer.u64(own.flags.bits());
        write_list(writer, &own.binding_policies, |writer, policy| {
            write_policy(writer, *policy);
        });
        writer.flag(authorizing.contains(&own.mechanism));
    });
    writer.flag(capabilities.restrict_services.can());
    writer.flag(capabilities.choose_etypes.can());
    writer.finish()
}

/// Its version, and what can be had through it.
pub(crate) fn read_welcome(body: &[u8]) -> Option<(u16, Offer)> {
    let mut reader = Reader::new(body);
    let mut authorizing = Vec::new();
    let version = u16::from_be_bytes(reader.array()?);
    let mechanisms = read_list(&mut reader, |reader| {
        let own = MechanismCapabilities {
            mechanism: read_mechanism(reader)?,
            // What is not known here cannot be asked for either.
            flags: Requirements::from_bits_truncate(reader.u64()?) & CARRIED,
            binding_policies: read_list(reader, read_policy)?,
            export: Ability::Can,
            suspend: Ability::Cannot,
        };
        if reader.flag()? {
            authorizing.push(own.mechanism);
        }
        Some(own)
    })?;
    let able = |can| if can { Ability::Can } else { Ability::Cannot };
    let capabilities = Capabilities {
        mechanisms,
        may_block: true,
        injected_clock: Ability::Cannot,
        replay_store: Ability::Cannot,
        restrict_services: able(reader.flag()?),
        choose_etypes: able(reader.flag()?),
        choose_skew: Ability::Cannot,
    };
    reader.finish()?;
    let offer = Offer {
        capabilities,
        authorizing,
    };
    Some((version, offer))
}

/// Credentials stay with the broker, so none come from the application.
const CARRIED: Requirements = Requirements::all()
    .difference(Requirements::USE_SUPPLIED_CREDS)
    .difference(Requirements::PROMPT_FOR_CREDS);

/// The answer to a configure.
pub(crate) fn configured(own: &BackendDescription) -> Secret {
    let mut writer = Writer::new();
    writer.text(own.backend);
    writer.option(own.library.as_deref(), Writer::text);
    writer.option(own.clock_skew, write_duration);
    write_list(&mut writer, &own.principals, |writer, known| {
        write_principal(writer, &known.principal);
        write_list(writer, &known.keys, |writer, (kvno, etype)| {
            writer.u32(*kvno);
            write_etype(writer, *etype);
        });
    });
    writer.option(own.tgt.as_ref(), |writer, tgt| {
        write_principal(writer, &tgt.client);
        write_etype(writer, tgt.etype);
        writer.time(tgt.end);
    });
    write_list(&mut writer, &own.warnings, |writer, text| writer.text(text));
    writer.finish()
}

pub(crate) fn read_configured(body: &[u8]) -> Option<BackendDescription> {
    let mut reader = Reader::new(body);
    let own = BackendDescription {
        backend: intern(reader.text()?),
        library: reader.option(|reader| reader.text().map(Into::into))?,
        clock_skew: reader.option(read_duration)?,
        principals: read_list(&mut reader, |reader| {
            Some(PrincipalDescription {
                principal: read_principal(reader)?,
                keys: read_list(reader, |reader| Some((reader.u32()?, read_etype(reader)?)))?,
            })
        })?,
        tgt: reader.option(|reader| {
            Some(TgtDescription {
                client: read_principal(reader)?,
                etype: read_etype(reader)?,
                end: reader.time()?,
            })
        })?,
        warnings: read_list(&mut reader, |reader| reader.text().map(Into::into))?,
    };
    reader.finish()?;
    Some(own)
}

/// The answer to a step.
pub(crate) enum Stepped {
    Continue {
        token: Vec<u8>,
        retry: Option<Error>,
    },
    Established {
        token: Option<Vec<u8>>,
        data: Box<ContextData>,
    },
    Failed {
        error: Error,
        token: Option<Vec<u8>>,
    },
}

impl Stepped {
    /// # Errors
    ///
    /// Delegated credentials that cannot be written.
    pub(crate) fn write(&self) -> Result<Secret, Error> {
        let mut writer = Writer::new();
        match self {
            Self::Continue { token, retry } => {
                writer.u8(0);
                writer.bytes(token);
                writer.option(retry.as_ref(), write_error);
            }
            Self::Established { token, data } => {
                writer.u8(1);
                writer.option(token.as_deref(), Writer::bytes);
                writer.bytes(data.insecure_to_bytes()?.expose());
            }
            Self::Failed { error, token } => {
                writer.u8(2);
                write_error(&mut writer, error);
                writer.option(token.as_deref(), Writer::bytes);
            }
        }
        Ok(writer.finish())
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let own = match reader.u8()? {
            0 => Self::Continue {
                token: reader.bytes()?.to_vec(),
                retry: reader.option(read_error)?,
            },
            1 => Self::Established {
                token: optional_token(&mut reader)?,
                data: Box::new(ContextData::insecure_from_bytes(reader.bytes()?).ok()?),
            },
            2 => Self::Failed {
                error: read_error(&mut reader)?,
                token: optional_token(&mut reader)?,
            },
            _ => return None,
        };
        reader.finish()?;
        Some(own)
    }
}

/// `Some(None)` if there is none.
#[allow(clippy::option_option)]
fn optional_token(reader: &mut Reader<'_>) -> Option<Option<Vec<u8>>> {
    reader.option(|reader| reader.bytes().map(<[u8]>::to_vec))
}

/// The answer to an abandon.
pub(crate) fn abandoned(token: Option<&[u8]>) -> Secret {
    let mut writer = Writer::new();
    writer.option(token, Writer::bytes);
    writer.finish()
}

/// `Some(None)` if the client is to be told nothing.
#[allow(clippy::option_option)]
pub(crate) fn read_abandoned(body: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut reader = Reader::new(body);
    let token = optional_token(&mut reader)?;
    reader.finish()?;
    Some(token)
}
