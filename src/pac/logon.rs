//! KERB_VALIDATION_INFO (MS-PAC 2.5): account, SIDs, groups.

use super::PacError;
use super::ndr::{Ndr, Pointer, Text};
use crate::accounts::AccountName;
use crate::authorization::{
    Authorization, Evidence, Group, GroupAttributes, GroupSource, Groups, LogonTimes,
};
use crate::sid::Sid;
use crate::time::from_file_time;

const PART: &str = "KERB_VALIDATION_INFO";
/// Flags that say that a list counts (MS-PAC 2.5, UserFlags D and H).
const EXTRA_SIDS: u32 = 0x20;
const RESOURCE_GROUPS: u32 = 0x200;

/// The fixed part, in order, without what is not used.
struct Fixed {
    times: LogonTimes,
    account: Text,
    full_name: Text,
    /// Logon script, profile path, home directory, home drive.
    unused: [Text; 4],
    user: u32,
    primary_group: u32,
    groups: (u32, Pointer),
    user_flags: u32,
    logon_server: Text,
    domain: Text,
    domain_sid: Pointer,
    account_control: u32,
    extra: (u32, Pointer),
    resource_domain: Pointer,
    resource: (u32, Pointer),
}

impl Fixed {
    fn read(ndr: &mut Ndr<'_>) -> Result<Self, PacError> {
        let mut time = || Ok(from_file_time(ndr.file_time()?));
        let times = LogonTimes {
            logon: time()?,
            logoff: time()?,
            kick_off: time()?,
            password_last_set: time()?,
            password_can_change: time()?,
            password_must_change: time()?,
        };
        let (account, full_name) = (ndr.text()?, ndr.text()?);
        let unused = [ndr.text()?, ndr.text()?, ndr.text()?, ndr.text()?];
        // How often it logged on, and how often in vain.
        ndr.skip(4)?;
        let (user, primary_group) = (ndr.u32()?, ndr.u32()?);
        let groups = (ndr.u32()?, ndr.pointer()?);
        let user_flags = ndr.u32()?;
        // A session key that is none in Kerberos (zeros).
        ndr.skip(16)?;
        let (logon_server, domain) = (ndr.text()?, ndr.text()?);
        let domain_sid = ndr.pointer()?;
        ndr.skip(8)?;
        let account_control = ndr.u32()?;
        // Sub-authentication, last logons, failed ones, reserved.
        ndr.skip(4 + 8 + 8 + 4 + 4)?;
        let extra = (ndr.u32()?, ndr.pointer()?);
        let resource_domain = ndr.pointer()?;
        let resource = (ndr.u32()?, ndr.pointer()?);
        Ok(Self {
            times,
            account,
            full_name,
            unused,
            user,
            primary_group,
            groups,
            user_flags,
            logon_server,
            domain,
            domain_sid,
            account_control,
            extra,
            resource_domain,
            resource,
        })
    }
}

/// Relative identifiers and what they are good for (MS-PAC 2.2.2).
type Members = Vec<(u32, GroupAttributes)>;

pub(super) fn members(ndr: &mut Ndr<'_>, list: (u32, Pointer)) -> Result<Members, PacError> {
    let attributes = GroupAttributes::from_bits_retain;
    let pairs = ndr.pairs(list)?;
    Ok(pairs.map(|(rid, bits)| (rid, attributes(bits))).collect())
}

/// KERB_SID_AND_ATTRIBUTES (MS-PAC 2.2.1): all pointers first, then all SIDs.
pub(super) fn sids(
    ndr: &mut Ndr<'_>,
    list: (u32, Pointer),
) -> Result<Vec<(Sid, GroupAttributes)>, PacError> {
    let entries = ndr.array_of(list, 8, |ndr| Ok((ndr.pointer()?, ndr.u32()?)))?;
    entries
        .into_iter()
        .map(|(pointer, attributes)| {
            let sid = ndr.sid_at(pointer)?;
            let sid = sid.ok_or_else(|| ndr.fail("a SID is missing"))?;
            Ok((sid, GroupAttributes::from_bits_retain(attributes)))
        })
        .collect()
}

/// Groups of one domain.
pub(super) fn add(
    groups: &mut Groups,
    domain: Option<Sid>,
    members: &[(u32, GroupAttributes)],
    source: GroupSource,
) -> Result<(), PacError> {
    if members.is_empty() {
        return Ok(());
    }
    domain
        .and_then(|domain| groups.extend_domain(domain, members, source))
        .ok_or(PacError::new(PART, "groups without their domain's SID"))
}

pub(super) fn decode(buffer: &[u8], evidence: Evidence) -> Result<Authorization, PacError> {
    let mut ndr = Ndr::object(PART, buffer)?;
    let fixed = Fixed::read(&mut ndr)?;
    // What the pointers lead to, in the pointers' order.
    let account = ndr.text_of(fixed.account)?;
    let full_name = ndr.text_of(fixed.full_name)?;
    for text in fixed.unused {
        ndr.text_of(text)?;
    }
    let groups = members(&mut ndr, fixed.groups)?;
    ndr.text_of(fixed.logon_server)?;
    let domain = ndr.text_of(fixed.domain)?;
    let domain_sid = ndr.sid_at(fixed.domain_sid)?;
    let extra = sids(&mut ndr, fixed.extra)?;
    let resource_domain = ndr.sid_at(fixed.resource_domain)?;
    let resource = members(&mut ndr, fixed.resource)?;

    let name = AccountName {
        user: account,
        domain,
    };
    let mut all = Authorization::new(evidence, name);
    all.full_name = Some(full_name).filter(|name| !name.is_empty());
    all.times = fixed.times;
    all.account_control = fixed.account_control;
    all.user_flags = fixed.user_flags;
    let rid = |rid| domain_sid.and_then(|domain: Sid| domain.with_rid(rid));
    all.primary_group = rid(fixed.primary_group);
    all.user = rid(fixed.user).filter(|_| fixed.user != 0);
    add(&mut all.groups, domain_sid, &groups, GroupSource::Account)?;
    if fixed.user_flags & EXTRA_SIDS != 0 {
        let mut extra = extra.into_iter();
        // MS-PAC 2.5: of an account of another authority, which has no
        // relative identifier, the SID comes first among the extra ones.
        if fixed.user == 0 {
            all.user = extra.next().map(|(sid, _)| sid);
        }
        let list = extra.map(|(sid, attributes)| Group::new(sid, attributes, GroupSource::Extra));
        all.groups.extend(list);
    }
    if fixed.user_flags & RESOURCE_GROUPS != 0 {
        let source = GroupSource::Resource;
        add(&mut all.groups, resource_domain, &resource, source)?;
    }
    Ok(all)
}
