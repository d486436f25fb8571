//! Values that requests and answers have in common.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::channel_bindings::ChannelBindingPolicy;
use crate::encoding::{Reader, Writer};
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::{Principal, ServiceName};

/// The most items of a list that is read.
const MAX_ITEMS: u32 = 4096;

pub(crate) fn write_list<T>(
    writer: &mut Writer,
    items: &[T],
    mut write: impl FnMut(&mut Writer, &T),
) {
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    writer.u32(count.min(MAX_ITEMS));
    for item in items.iter().take(MAX_ITEMS as usize) {
        write(writer, item);
    }
}

pub(crate) fn read_list<T>(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.u32().filter(|count| *count <= MAX_ITEMS)?;
    // Nothing is reserved for what somebody claims.
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read(reader)?);
    }
    Some(items)
}

pub(crate) fn write_principal(writer: &mut Writer, principal: &Principal) {
    writer.short(principal.realm());
    writer.i32(principal.name_type());
    let components: Vec<&[u8]> = principal.components().collect();
    write_list(writer, &components, |writer, part| writer.short(part));
}

pub(crate) fn read_principal(reader: &mut Reader<'_>) -> Option<Principal> {
    let realm = reader.short()?.to_vec();
    let name_type = reader.i32()?;
    let components = read_list(reader, |reader| reader.short().map(<[u8]>::to_vec))?;
    Some(Principal::new(realm, &components, name_type))
}

pub(crate) fn write_service(writer: &mut Writer, service: &ServiceName) {
    match service {
        ServiceName::Service(service) => {
            writer.u8(0);
            writer.short(service);
        }
        ServiceName::Host { service, host } => {
            writer.u8(1);
            writer.short(service);
            writer.short(host);
        }
        ServiceName::Principal(principal) => {
            writer.u8(2);
            write_principal(writer, principal);
        }
    }
}

pub(crate) fn read_service(reader: &mut Reader<'_>) -> Option<ServiceName> {
    Some(match reader.u8()? {
        0 => ServiceName::Service(reader.short()?.to_vec()),
        1 => ServiceName::Host {
            service: reader.short()?.to_vec(),
            host: reader.short()?.to_vec(),
        },
        2 => ServiceName::Principal(read_principal(reader)?),
        _ => return None,
    })
}

pub(crate) fn write_mechanism(writer: &mut Writer, mechanism: Mechanism) {
    writer.u8(match mechanism {
        Mechanism::Kerberos => 1,
        Mechanism::Ntlm => 2,
    });
}

pub(crate) fn read_mechanism(reader: &mut Reader<'_>) -> Option<Mechanism> {
    match reader.u8()? {
        1 => Some(Mechanism::Kerberos),
        2 => Some(Mechanism::Ntlm),
        _ => None,
    }
}

pub(crate) fn write_etype(writer: &mut Writer, etype: EncryptionType) {
    writer.i32(etype.0);
}

pub(crate) fn read_etype(reader: &mut Reader<'_>) -> Option<EncryptionType> {
    reader.i32().map(EncryptionType)
}

const POLICIES: [(u8, ChannelBindingPolicy); 5] = [
    (0, ChannelBindingPolicy::Ignore),
    (1, ChannelBindingPolicy::WhenGiven),
    (2, ChannelBindingPolicy::WhenSent),
    (3, ChannelBindingPolicy::Require),
    (4, ChannelBindingPolicy::AnyPresent),
];

/// A policy that the protocol has no number for goes out as one that no
/// reader takes.
pub(crate) fn write_policy(writer: &mut Writer, policy: ChannelBindingPolicy) {
    let number = POLICIES.iter().find(|(_, own)| *own == policy);
    writer.u8(number.map_or(u8::MAX, |(number, _)| *number));
}

pub(crate) fn read_policy(reader: &mut Reader<'_>) -> Option<ChannelBindingPolicy> {
    let number = reader.u8()?;
    let policy = POLICIES.iter().find(|(own, _)| *own == number);
    policy.map(|(_, policy)| *policy)
}

pub(crate) fn write_address(writer: &mut Writer, address: IpAddr) {
    match address {
        IpAddr::V4(address) => writer.short(&address.octets()),
        IpAddr::V6(address) => writer.short(&address.octets()),
    }
}

pub(crate) fn read_address(reader: &mut Reader<'_>) -> Option<IpAddr> {
    let bytes = reader.short()?;
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

pub(crate) fn write_duration(writer: &mut Writer, duration: Duration) {
    writer.u64(duration.as_secs());
}

pub(crate) fn read_duration(reader: &mut Reader<'_>) -> Option<Duration> {
    reader.u64().map(Duration::from_secs)
}

/// Text of the crate's own that came from the broker's crate, as one that
/// lives on. There are few of them; whoever sends more gets a word for it.
pub(crate) fn intern(text: &str) -> &'static str {
    const MOST: usize = 512;
    static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(own) = known.iter().find(|own| **own == text) {
        return own;
    }
    if known.len() >= MOST || text.len() > 256 {
        return "(see the broker)";
    }
    let own: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.push(own);
    own
}
