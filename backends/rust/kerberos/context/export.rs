//! An established Kerberos context on its way to another process. Version 1:
//!
//! | what | |
//! |---|---|
//! | version | 1 byte |
//! | key | its type (4 bytes) and its bytes: the acceptor's subkey, or the client's key |
//! | the client's key | missing where it is the same |
//! | messages | `per_message/state.rs`: numbers, windows, layout |
//! | longest token | 4 bytes |
//! | authorization data | the ticket's, in DER |
//! | PAC | missing where none was verified, and then why; else 1 byte for each signature of the KDC's |
//!
//! The ticket's session key goes along only where it protects messages, and
//! the server's own key never: it is not in a context.

use super::{Kept, KerberosContext};
use crate::authorization::{PacSignatures, SignatureCheck};
use crate::backends::rust::kerberos::crypto::Key;
use crate::backends::rust::kerberos::per_message::Messages;
use crate::context_data::{read_problem, write_problem};
use crate::encoding::{Reader, Writer};
use crate::etype::EncryptionType;
use crate::random;
use crate::secret::Secret;

const VERSION: u8 = 1;

impl KerberosContext {
    /// All but what was delegated.
    pub(crate) fn save(self, writer: &mut Writer) {
        let Self {
            messages,
            partial,
            authorization_data,
            max_token,
            kept,
        } = self;
        let pac = kept.pac;
        writer.u8(VERSION);
        write_key(writer, messages.key());
        writer.option(partial.as_ref(), write_key);
        messages.save(writer);
        writer.u32(u32::try_from(max_token).unwrap_or(u32::MAX));
        writer.bytes(&authorization_data);
        writer.flag(pac.is_ok());
        match pac {
            Ok(signatures) => write_signatures(writer, signatures),
            Err(problem) => write_problem(writer, &problem),
        }
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.u8()? != VERSION {
            return None;
        }
        let full = read_key(reader)?;
        let partial = reader.option(read_key)?;
        let messages = Messages::restore(reader, full, random::fill)?;
        let max_token = usize::try_from(reader.u32()?).ok()?;
        let authorization_data = reader.bytes()?.into();
        let pac = if reader.flag()? {
            Ok(read_signatures(reader)?)
        } else {
            Err(read_problem(reader)?)
        };
        let kept = Kept {
            delegated: None,
            ticket: None,
            pac,
        };
        Some(Self::new(
            messages,
            partial,
            authorization_data,
            max_token,
            kept,
        ))
    }
}

/// What the process found that had the keys: here nobody could verify it.
fn write_signatures(writer: &mut Writer, signatures: PacSignatures) {
    for check in [signatures.kdc, signatures.ticket, signatures.full] {
        writer.u8(match check {
            SignatureCheck::NotChecked => 0,
            SignatureCheck::Absent => 1,
            SignatureCheck::Valid => 2,
        });
    }
}

fn read_signatures(reader: &mut Reader<'_>) -> Option<PacSignatures> {
    let mut signatures = PacSignatures::server();
    for check in [
        &mut signatures.kdc,
        &mut signatures.ticket,
        &mut signatures.full,
    ] {
        *check = match reader.u8()? {
            0 => SignatureCheck::NotChecked,
            1 => SignatureCheck::Absent,
            2 => SignatureCheck::Valid,
            _ => return None,
        };
    }
    Some(signatures)
}

pub(crate) fn write_key(writer: &mut Writer, key: &Key) {
    writer.i32(key.etype().0);
    writer.short(key.expose());
}

pub(crate) fn read_key(reader: &mut Reader<'_>) -> Option<Key> {
    let etype = EncryptionType(reader.i32()?);
    let secret = Secret::copy_from(reader.short()?);
    Key::new(etype, secret).ok()
}
