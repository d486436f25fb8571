//! PAC_DEVICE_INFO (MS-PAC 2.12): SIDs of the device that a client is at.

use super::PacError;
use super::logon::{add, members, sids};
use super::ndr::Ndr;
use crate::authorization::{Device, Group, GroupSource};

pub(super) fn decode(buffer: &[u8]) -> Result<Device, PacError> {
    let mut ndr = Ndr::object("PAC_DEVICE_INFO", buffer)?;
    let (user, primary) = (ndr.u32()?, ndr.u32()?);
    let domain = ndr.pointer()?;
    let groups = (ndr.u32()?, ndr.pointer()?);
    let extra = (ndr.u32()?, ndr.pointer()?);
    let domains = (ndr.u32()?, ndr.pointer()?);
    let domain = ndr.sid_at(domain)?;
    let groups = members(&mut ndr, groups)?;
    let extra = sids(&mut ndr, extra)?;
    // DOMAIN_GROUP_MEMBERSHIP (MS-PAC 2.2.3).
    let domains = ndr.array_of(domains, 12, |ndr| {
        Ok((ndr.pointer()?, (ndr.u32()?, ndr.pointer()?)))
    })?;

    let rid = |rid| domain.and_then(|domain| domain.with_rid(rid));
    let mut device = Device {
        device: rid(user),
        primary_group: rid(primary),
        ..Device::default()
    };
    add(&mut device.groups, domain, &groups, GroupSource::Account)?;
    let extra = extra
        .into_iter()
        .map(|(sid, attributes)| Group::new(sid, attributes, GroupSource::Extra));
    device.groups.extend(extra);
    for (sid, list) in domains {
        let sid = ndr.sid_at(sid)?;
        let list = members(&mut ndr, list)?;
        add(&mut device.groups, sid, &list, GroupSource::Resource)?;
    }
    Ok(device)
}
