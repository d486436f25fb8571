//! Contexts of this backend, taken up in a process without credentials.

use super::NAME;
use super::kerberos::context::KerberosContext;
use super::ntlm::context::NtlmContext;
use crate::backends::{ContextImporter, SecurityContext};
use crate::encoding::{Reader, Writer};
use crate::error::Error;
use crate::secret::Secret;

/// Takes up contexts that the rust backend has exported. See
/// [`rust_importer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RustImporter(());

/// What takes up contexts of the rust backend, for
/// [`ContextImporter::with`](crate::ContextImporter::with). It needs no
/// credentials.
#[must_use]
pub fn rust_importer() -> RustImporter {
    RustImporter(())
}

/// Which mechanism's a state is.
const KERBEROS: u8 = 1;
const NTLM: u8 = 2;

impl ContextImporter for RustImporter {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn import(&self, state: &[u8]) -> Result<Box<dyn SecurityContext>, Error> {
        let mut reader = Reader::new(state);
        restore(&mut reader)
            .and_then(|context| reader.finish().map(|()| context))
            .ok_or_else(|| Error::malformed("exported context", "not of this version", None))
    }
}

fn restore(reader: &mut Reader<'_>) -> Option<Box<dyn SecurityContext>> {
    Some(match reader.u8()? {
        KERBEROS => Box::new(KerberosContext::restore(reader)?),
        NTLM => Box::new(NtlmContext::restore(reader)?),
        _ => return None,
    })
}

pub(super) fn kerberos(context: KerberosContext) -> Secret {
    let mut writer = Writer::new();
    writer.u8(KERBEROS);
    context.save(&mut writer);
    writer.finish()
}

pub(super) fn ntlm(context: NtlmContext) -> Result<Secret, Error> {
    let mut writer = Writer::new();
    writer.u8(NTLM);
    context.save(&mut writer)?;
    Ok(writer.finish())
}
