//! UPN_DNS_INFO (MS-PAC 2.10): no NDR, but places and lengths in bytes.

use super::{PacError, utf16};
use crate::authorization::{Authorization, Upn, UpnOrigin};
use crate::sid::Sid;

const PART: &str = "UPN_DNS_INFO";
/// The account has no user principal name of its own.
const CONSTRUCTED: u32 = 1;
/// Account name and SID follow.
const EXTENDED: u32 = 2;

/// The text or SID whose length and place the `index`-th pair of words says.
fn at(buffer: &[u8], index: usize) -> Result<&[u8], PacError> {
    let fail = || PacError::new(PART, "something lies outside of it");
    let word = |index: usize| {
        let bytes = buffer.get(2 * index..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let length = word(index).ok_or_else(fail)?;
    let start = word(index + 1).ok_or_else(fail)?;
    buffer.get(start..start + length).ok_or_else(fail)
}

pub(super) fn decode(buffer: &[u8], all: &mut Authorization) -> Result<(), PacError> {
    let flags = buffer.get(8..).and_then(|rest| rest.first_chunk::<4>());
    let flags = flags.ok_or(PacError::new(PART, "it is cut off"))?;
    let flags = u32::from_le_bytes(*flags);
    let name = utf16(PART, at(buffer, 0)?)?;
    if !name.is_empty() {
        let origin = match flags & CONSTRUCTED {
            0 => UpnOrigin::Explicit,
            _ => UpnOrigin::Constructed,
        };
        all.upn = Some(Upn::new(name, origin));
    }
    let domain = utf16(PART, at(buffer, 2)?)?;
    all.dns_domain = Some(domain).filter(|domain| !domain.is_empty());
    if flags & EXTENDED == 0 {
        return Ok(());
    }
    let sid = Sid::from_bytes(at(buffer, 8)?).map_err(|_| PacError::new(PART, "not a SID"))?;
    // A PAC that says two things of its account says nothing.
    if all.user.is_some_and(|user| user != sid) {
        return Err(PacError::new(PART, "it is of another account"));
    }
    all.user = Some(sid);
    Ok(())
}
