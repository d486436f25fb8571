//! An established NTLM context on its way to another process. Version 2:
//!
//! | what | |
//! |---|---|
//! | version | 1 byte |
//! | ExportedSessionKey | 16 bytes; missing for a client without a name |
//! | protection | missing without session security; 1 byte: 1 if it seals |
//! | directions | with a protection: what is sent, what is received (`per_message/state.rs`) |
//! | MIC announced | 1 byte |
//! | longest token | 4 bytes |
//! | authorization | 1 byte: whether the source of accounts said anything; then that, or why not |

use super::{MicAnnounced, NtlmContext};
use crate::accounts::AccountName;
use crate::authorization::{Authorization, Evidence, Group, GroupAttributes, GroupSource};
use crate::backends::rust::ntlm::crypto::Key;
use crate::backends::rust::ntlm::per_message::{MAX_MOVED, PerMessage};
use crate::context_data::{read_problem, write_problem};
use crate::encoding::{Reader, Writer};
use crate::error::{AuthorizationProblem, Error, Misuse};
use crate::sid::Sid;

const VERSION: u8 = 2;

impl NtlmContext {
    pub(crate) fn save(self, writer: &mut Writer) -> Result<(), Error> {
        let Self {
            messages,
            exported,
            announced,
            max_token,
            authorization,
        } = self;
        if messages.as_ref().is_some_and(|one| !one.can_move()) {
            return Err(too_far());
        }
        writer.u8(VERSION);
        writer.option(exported.as_ref(), |writer, key| writer.raw(key.expose()));
        writer.option(messages, |writer, messages| messages.save(writer));
        writer.flag(announced == MicAnnounced::Yes);
        writer.u32(u32::try_from(max_token).unwrap_or(u32::MAX));
        write_authorization(writer, &authorization);
        Ok(())
    }

    pub(crate) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.u8()? != VERSION {
            return None;
        }
        let exported = reader.option(|reader| reader.array().map(Key::new))?;
        let messages = reader.option(|reader| {
            // There are none without a key.
            PerMessage::restore(reader, exported.as_ref()?)
        })?;
        let announced = if reader.flag()? {
            MicAnnounced::Yes
        } else {
            MicAnnounced::No
        };
        let max_token = usize::try_from(reader.u32()?).ok()?;
        let authorization = read_authorization(reader)?;
        let context = Self::new(messages, exported, announced, max_token);
        Some(context.with_authorization(authorization))
    }
}

/// What a source of accounts tells; the rest of an [`Authorization`] is a
/// PAC's.
fn write_authorization(
    writer: &mut Writer,
    known: &Result<Box<Authorization>, AuthorizationProblem>,
) {
    writer.flag(known.is_ok());
    let known = match known {
        Ok(known) => known,
        Err(problem) => return write_problem(writer, problem),
    };
    writer.text(&known.account.user);
    writer.text(&known.account.domain);
    writer.text(&match &known.evidence {
        Evidence::AccountSource { description } => description.clone(),
        other => other.to_string(),
    });
    let sid = |writer: &mut Writer, sid: Sid| writer.short(&sid.to_bytes());
    writer.option(known.user, sid);
    writer.option(known.primary_group, sid);
    writer.option(known.full_name.as_deref(), Writer::text);
    writer.option(known.dns_domain.as_deref(), Writer::text);
    writer.u32(u32::try_from(known.groups.len()).unwrap_or(u32::MAX));
    for group in &known.groups {
        sid(writer, group.sid);
        writer.u32(group.attributes.bits());
    }
}

/// `None` is what no writer has written.
type Read = Option<Result<Box<Authorization>, AuthorizationProblem>>;

fn read_authorization(reader: &mut Reader<'_>) -> Read {
    if !reader.flag()? {
        return Some(Err(read_problem(reader)?));
    }
    let user = reader.text()?.to_owned();
    let domain = reader.text()?.to_owned();
    let description = reader.text()?.to_owned();
    let evidence = Evidence::AccountSource { description };
    let mut known = Authorization::new(evidence, AccountName { user, domain });
    let sid = |reader: &mut Reader<'_>| Sid::from_bytes(reader.short()?).ok();
    let text = |reader: &mut Reader<'_>| reader.text().map(ToOwned::to_owned);
    known.user = reader.option(sid)?;
    known.primary_group = reader.option(sid)?;
    known.full_name = reader.option(text)?;
    known.dns_domain = reader.option(text)?;
    for _ in 0..reader.u32()? {
        let sid = sid(reader)?;
        let attributes = GroupAttributes::from_bits_retain(reader.u32()?);
        let group = Group::new(sid, attributes, GroupSource::Undisclosed);
        known.groups.push(group);
    }
    Some(Ok(Box::new(known)))
}

fn too_far() -> Error {
    const { assert!(cfg!(any(fuzzing, test)) || MAX_MOVED == 1 << 30) };
    Misuse::Unsupported {
        backend: "rust",
        what: "exporting an NTLM context that has sealed more than a gigabyte",
    }
    .into()
}
