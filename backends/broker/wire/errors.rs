//! Errors that a broker found. A reason comes over with all its fields where
//! it has a number here; any other as its text and codes.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::parts::{
    intern, read_address, read_duration, read_etype, read_list, read_mechanism, read_principal,
    read_service, write_address, write_duration, write_etype, write_list, write_mechanism,
    write_principal, write_service,
};
use crate::encoding::{Reader, Writer};
use crate::error::{
    DelegationProblem, Elsewhere, Error, EtypeUse, GssMajor, KeyTried, Misuse, PlatformStatus,
    Rejection, Unavailability, WindowsStatus,
};
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::{Principal, ServiceName};
use crate::requirements::Requirements;

/// A field of a reason.
trait Field: Sized {
    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// `$kind`, written and read by these.
macro_rules! field {
    ($($kind:ty: |$writer:ident, $value:ident| $write:expr, $read:expr;)*) => {
        $(impl Field for $kind {
            fn write(&self, $writer: &mut Writer) {
                let $value = self;
                $write;
            }
            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $read(reader)
            }
        })*
    };
}

field! {
    bool: |w, v| w.flag(*v), Reader::flag;
    u32: |w, v| w.u32(*v), Reader::u32;
    i32: |w, v| w.i32(*v), Reader::i32;
    u64: |w, v| w.u64(*v), Reader::u64;
    usize: |w, v| w.u64(*v as u64), |r: &mut Reader<'_>| usize::try_from(r.u64()?).ok();
    String: |w, v| w.text(v), |r: &mut Reader<'_>| r.text().map(Into::into);
    &'static str: |w, v| w.text(v), |r: &mut Reader<'_>| r.text().map(intern);
    SystemTime: |w, v| w.time(*v), Reader::time;
    Duration: |w, v| write_duration(w, *v), read_duration;
    Principal: |w, v| write_principal(w, v), read_principal;
    ServiceName: |w, v| write_service(w, v), read_service;
    EncryptionType: |w, v| write_etype(w, *v), read_etype;
    Mechanism: |w, v| write_mechanism(w, *v), read_mechanism;
    IpAddr: |w, v| write_address(w, *v), read_address;
    Requirements: |w, v| w.u64(v.bits()),
        |r: &mut Reader<'_>| r.u64().map(Requirements::from_bits_truncate);
    DelegationProblem: |w, v| w.text(&v.to_string()),
        |r: &mut Reader<'_>| Some(Self::Reported { text: r.text()?.into() });
}

impl Field for EtypeUse {
    fn write(&self, writer: &mut Writer) {
        writer.u8(match self {
            Self::Ticket => 0,
            Self::SessionKey => 1,
            Self::Subkey => 2,
        });
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.u8()? {
            0 => Some(Self::Ticket),
            1 => Some(Self::SessionKey),
            2 => Some(Self::Subkey),
            _ => None,
        }
    }
}

impl Field for KeyTried {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Exact => writer.u8(0),
            Self::Versions(count) => {
                writer.u8(1);
                count.write(writer);
            }
            Self::Aliases(count) => {
                writer.u8(2);
                count.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.u8()? {
            0 => Some(Self::Exact),
            1 => Field::read(reader).map(Self::Versions),
            2 => Field::read(reader).map(Self::Aliases),
            _ => None,
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, writer: &mut Writer) {
        writer.option(self.as_ref(), |writer, value| value.write(writer));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.option(T::read)
    }
}

impl<T: Field> Field for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        write_list(writer, self, |writer, item| item.write(writer));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        read_list(reader, T::read)
    }
}

/// The reasons by number. A number is never given to another.
macro_rules! reasons {
    ($($number:literal $name:ident $({$($field:ident),*})?;)*) => {
        fn write_reason(writer: &mut Writer, reason: &Rejection) {
            match reason {
                $(Rejection::$name $({$($field),*})? => {
                    writer.u8($number);
                    $($($field.write(writer);)*)?
                })*
                other => {
                    writer.u8(0);
                    writer.text(&other.to_string());
                    let error = Error::from(other.clone());
                    writer.u32(error.status().0);
                    writer.u32(error.gss_major().0);
                }
            }
        }

        fn read_reason(reader: &mut Reader<'_>) -> Option<Rejection> {
            Some(match reader.u8()? {
                $($number => Rejection::$name $({$($field: Field::read(reader)?),*})?,)*
                0 => Elsewhere::new(
                    reader.text()?,
                    WindowsStatus(reader.u32()?),
                    GssMajor(reader.u32()?),
                )
                .into(),
                _ => return None,
            })
        }
    };
}

reasons! {
    1 NoKey { service, available };
    2 KeyVersion { service, kvno, etype, has };
    3 KeyEtype { service, etype, has };
    4 KeyMismatch { service, kvno, etype, tried };
    5 Authenticator;
    6 EtypeNotPermitted { used_as, etype, permitted };
    7 ClientMismatch { ticket, authenticator };
    8 ClockSkew { client, server, skew };
    9 TicketExpired { end, now };
    10 TicketNotYetValid { start, now };
    11 TicketInvalid;
    12 Address { peer };
    13 AuthorizationData { ad_type };
    14 Transited { client, server_realm, transited };
    15 Replay;
    16 Checksum { kind, expected };
    17 NoTgt;
    18 OtherTgt { wanted, has };
    19 OtherTgtService { service, has };
    20 OtherTgtKey { service, etype, has };
    21 UserToUserRequired;
    22 ThirdLeg { problem };
    23 ServiceNotAccepted { service, accepted };
    24 ClientTarget { target, accepted };
    25 Anonymous;
    26 BindingMismatch { null_address_type };
    27 BindingMissing { promised };
    28 BindingUndisclosed;
    29 Requirement { missing, undisclosed };
    30 Delegation { problem };
    31 NoCommonMechanism { offered, enabled };
    32 MechListMic { missing };
    33 PeerFailed { code };
    34 LimitExceeded { what, limit };
}

fn write_cause(writer: &mut Writer, cause: &Unavailability) {
    match cause {
        Unavailability::ReplayStoreFull => writer.u8(1),
        Unavailability::ReplayStore { text } => {
            writer.u8(2);
            writer.text(text);
        }
        Unavailability::StartingUp { seconds } => {
            writer.u8(3);
            writer.u64(*seconds);
        }
        Unavailability::TooManyHandshakes { limit } => {
            writer.u8(4);
            limit.write(writer);
        }
        other => {
            writer.u8(0);
            writer.text(&other.to_string());
        }
    }
}

fn read_cause(reader: &mut Reader<'_>) -> Option<Unavailability> {
    Some(match reader.u8()? {
        0 => Unavailability::Broker {
            text: reader.text()?.into(),
        },
        1 => Unavailability::ReplayStoreFull,
        2 => Unavailability::ReplayStore {
            text: reader.text()?.into(),
        },
        3 => Unavailability::StartingUp {
            seconds: reader.u64()?,
        },
        4 => Unavailability::TooManyHandshakes {
            limit: Field::read(reader)?,
        },
        _ => return None,
    })
}

pub(crate) fn write_error(writer: &mut Writer, error: &Error) {
    match error {
        Error::Rejected { reason, .. } => {
            writer.u8(1);
            write_reason(writer, reason);
        }
        Error::Malformed {
            part,
            problem,
            offset,
            ..
        } => {
            writer.u8(2);
            part.write(writer);
            problem.write(writer);
            offset.write(writer);
        }
        Error::Unavailable { cause, .. } => {
            writer.u8(3);
            write_cause(writer, cause);
        }
        Error::Misuse { cause } => {
            writer.u8(4);
            writer.text(&cause.to_string());
        }
    }
    writer.option(error.platform(), |writer, status| {
        writer.text(status.origin());
        writer.text(status.text());
        status.windows().map(|own| own.0).write(writer);
        status.gss_major().map(|own| own.0).write(writer);
        writer.option(status.minor(), |writer, minor| {
            writer.raw(&minor.to_be_bytes());
        });
    });
}

pub(crate) fn read_error(reader: &mut Reader<'_>) -> Option<Error> {
    let error = match reader.u8()? {
        1 => read_reason(reader)?.into(),
        2 => {
            let (part, problem) = (Field::read(reader)?, Field::read(reader)?);
            Error::malformed(part, problem, Field::read(reader)?)
        }
        3 => read_cause(reader)?.into(),
        4 => Misuse::Broker {
            text: reader.text()?.into(),
        }
        .into(),
        _ => return None,
    };
    let platform = reader.option(read_platform)?;
    Some(match platform {
        Some(status) => error.with_platform(status),
        None => error,
    })
}

fn read_platform(reader: &mut Reader<'_>) -> Option<PlatformStatus> {
    let mut status = PlatformStatus::new(intern(reader.text()?), reader.text()?);
    let (windows, major): (Option<u32>, Option<u32>) = (Field::read(reader)?, Field::read(reader)?);
    let minor = reader.option(|reader| reader.array().map(i64::from_be_bytes))?;
    if let Some(own) = windows {
        status = status.with_windows(WindowsStatus(own));
    }
    if let Some(own) = major {
        status = status.with_gss(GssMajor(own), minor.unwrap_or_default());
    }
    Some(status)
}
