//! A handshake that awaits an AP-REQ, on its way to another process.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::prompt::Prompt;
use super::{AwaitApReq, Retry};
use crate::backends::rust::kerberos::keys::OwnTgt;
use crate::backends::rust::suspended::{
    self, Awaits, cannot, other_config, read_framing, write_framing,
};
use crate::backends::rust::{Held, Shared};
use crate::encoding::Reader;
use crate::error::Error;
use crate::secret::Secret;

impl AwaitApReq<'static> {
    pub(super) fn save(self) -> Result<Secret, Error> {
        let Self {
            shared: _,
            framing,
            retry,
            prompt,
            promised,
        } = self;
        if !matches!(prompt, Prompt::NotAsked) {
            return Err(cannot("its keys were given by the prompt for credentials"));
        }
        suspended::save(Awaits::ApReq, |writer| {
            write_framing(writer, framing);
            writer.flag(retry == Retry::Used);
            // Which TGT, and not its key: the others have it from their own
            // credentials.
            writer.option(promised, |writer, tgt| writer.raw(&name_of(&tgt)));
            Ok(())
        })
    }

    pub(in crate::backends::rust) fn restore(
        reader: &mut Reader<'_>,
        shared: &Arc<Shared>,
    ) -> Option<Result<Self, Error>> {
        let framing = read_framing(reader)?;
        let retry = if reader.flag()? {
            Retry::Used
        } else {
            Retry::Allowed
        };
        let promised = match reader.option(Reader::array::<32>)? {
            None => None,
            Some(name) => {
                let tgt = shared.keys.tgt();
                match tgt.filter(|tgt| bool::from(name_of(tgt).ct_eq(&name))) {
                    Some(tgt) => Some(tgt),
                    None => return Some(Err(other_config())),
                }
            }
        };
        Some(Ok(Self {
            shared: Held::Own(Arc::clone(shared)),
            framing,
            retry,
            prompt: Prompt::NotAsked,
            promised,
        }))
    }
}

/// What tells one TGT from another.
fn name_of(tgt: &OwnTgt) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(tgt.ticket()).into()
}
