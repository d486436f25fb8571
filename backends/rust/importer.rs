//! Contexts of this backend, taken up in a process without credentials.

use super::NAME;
use super::kerberos::context::KerberosContext;
use super::ntlm::context::NtlmContext;
use crate::backends::{ContextImporter, SecurityContext};
use crate::delegation::Delegated;
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
        restore(state, None)
            .ok_or_else(|| Error::malformed("exported context", "not of this version", None))
    }
}

/// A context, with what was delegated.
pub(super) fn restore(
    state: &[u8],
    delegated: Option<Delegated>,
) -> Option<Box<dyn SecurityContext>> {
    let mut reader = Reader::new(state);
    let context: Box<dyn SecurityContext> = match reader.u8()? {
        KERBEROS => Box::new(KerberosContext::restore(&mut reader)?.with_delegated(delegated)),
        // It delegates nothing.
        NTLM if delegated.is_none() => Box::new(NtlmContext::restore(&mut reader)?),
        _ => return None,
    };
    reader.finish()?;
    Some(context)
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
