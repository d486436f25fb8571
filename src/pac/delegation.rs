//! S4U_DELEGATION_INFO (MS-PAC 2.9).

use super::PacError;
use super::ndr::Ndr;
use crate::authorization::DelegatedThrough;

pub(super) fn decode(buffer: &[u8]) -> Result<DelegatedThrough, PacError> {
    let mut ndr = Ndr::object("S4U_DELEGATION_INFO", buffer)?;
    let target = ndr.text()?;
    let list = (ndr.u32()?, ndr.pointer()?);
    let target = ndr.text_of(target)?;
    let services = ndr.array_of(list, 8, Ndr::text)?;
    let services = services.into_iter().map(|text| ndr.text_of(text));
    let services = services.collect::<Result<_, _>>()?;
    Ok(DelegatedThrough::new(target, services))
}
