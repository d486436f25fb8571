//! Wrap tokens around parts that stay where they lie. The header part holds
//! everything up to the confounder. In DCE style the frame's length is that of
//! the header part alone and there is no padding, which the RPC packet has
//! itself (MS-KILE 3.4.5.4; so do MIT krb5 and Heimdal); otherwise frame and
//! padding are as in a whole token, and what is signed alone is not counted.

#[cfg(test)]
mod tests;

use super::super::parts::{wipe, with_header};
use super::{
    BODY, CONFOUNDER, Header, Layout, MAX_DATA, MAX_HEADER, MessageError, MessageSum, PADDING,
    Rc4Messages, TokenKind, frame, open,
};
use crate::message::{MessagePart, PartsUsed, Protection, SequenceState};

impl Rc4Messages {
    /// The length of the header part, at the most.
    pub(super) fn parts_header(&self) -> usize {
        match self.layout {
            Layout::Dce => header_part(0),
            Layout::Plain => MAX_HEADER,
        }
    }

    /// Protects the parts; the header part holds the token afterwards.
    ///
    /// # Errors
    /// [`MessageError::Parts`], [`MessageError::NoRoom`] and
    /// [`MessageError::TooLong`], on which no sequence number is spent;
    /// [`MessageError::Exhausted`].
    pub(crate) fn wrap_parts(
        &self,
        seal: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<PartsUsed, MessageError> {
        with_header(parts, |room, parts| {
            let padding = self.padding(parts, Room::AtLeast)?;
            let framed = self.framed(parts)?;
            let header = header_part(framed);
            let token = room.get_mut(..header).ok_or(MessageError::NoRoom {
                header,
                trailer: padding,
            })?;
            let number = self.next_number()?;
            let (front, confounder) = token.split_at_mut(header - CONFOUNDER);
            (self.random)(confounder);
            let fields = Header {
                kind: TokenKind::Wrap,
                seal,
            };
            for part in parts.iter_mut() {
                if let MessagePart::Padding(bytes) = part
                    && let Some(bytes) = bytes.get_mut(..padding)
                {
                    bytes.copy_from_slice(&PADDING[..padding]);
                }
            }
            let checksum = self.keys.finish(sum(fields, confounder, parts, padding));
            if seal == Protection::Confidentiality {
                self.apply(number, confounder, parts, padding);
            }
            let (front, body) = front.split_at_mut(header - CONFOUNDER - BODY);
            frame::write(front, BODY + CONFOUNDER + framed);
            body.copy_from_slice(&self.body(fields, number, checksum));
            Ok(PartsUsed::new(header, padding))
        })
    }

    /// Takes the parts out of their protection, where they lie.
    ///
    /// # Errors
    /// Any [`MessageError`] but `NoRoom` and `Exhausted`. The data is wiped
    /// then, if it was sealed.
    pub(crate) fn unwrap_parts(
        &self,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(Protection, SequenceState), MessageError> {
        with_header(parts, |token, parts| {
            let padding = self.padding(parts, Room::Exactly)?;
            let framed = self.framed(parts)?;
            let opened = open(token, framed, TokenKind::Wrap)?;
            let (number, direction) = self.number(&opened);
            let seal = opened.fields.seal;
            let confounder = token.get_mut(opened.content..).unwrap_or_default();
            if confounder.len() != CONFOUNDER {
                return Err(MessageError::Frame);
            }
            if seal == Protection::Confidentiality {
                self.apply(number, confounder, parts, padding);
            }
            let sum = sum(opened.fields, confounder, parts, padding);
            self.keys
                .verify(sum, opened.checksum, padded(parts, padding))
                .map_err(MessageError::from)
                .and_then(|()| self.check_direction(direction))
                .inspect_err(|_| {
                    if seal == Protection::Confidentiality {
                        wipe(parts);
                    }
                })?;
            Ok((seal, self.note(number)))
        })
    }

    /// How much padding there is: one byte, which needs a part of its own, or
    /// in DCE style none.
    fn padding(&self, parts: &[MessagePart<'_>], room: Room) -> Result<usize, MessageError> {
        let mut places = parts.iter().filter_map(|part| match part {
            MessagePart::Padding(bytes) => Some(bytes.len()),
            _ => None,
        });
        let due = match self.layout {
            Layout::Dce => 0,
            Layout::Plain => PADDING.len(),
        };
        let fits = |length: usize| match room {
            Room::AtLeast => length >= due,
            Room::Exactly => length == due,
        };
        match (places.next(), places.next()) {
            (None, _) if due == 0 => Ok(due),
            (Some(length), None) if fits(length) => Ok(due),
            _ if due == 0 => Err(MessageError::Parts("padding, of which DCE style has none")),
            _ => Err(MessageError::Parts(
                "not exactly one padding, which RC4 needs one byte of",
            )),
        }
    }

    /// How much of the parts the frame's length counts.
    fn framed(&self, parts: &[MessagePart<'_>]) -> Result<usize, MessageError> {
        let data = parts
            .iter()
            .map(|part| match part {
                MessagePart::Data(data) => data.len(),
                _ => 0,
            })
            .fold(0, usize::saturating_add);
        if data > MAX_DATA {
            return Err(MessageError::TooLong);
        }
        Ok(match self.layout {
            Layout::Dce => 0,
            Layout::Plain => data + PADDING.len(),
        })
    }

    /// Seals or opens confounder, data and padding, in their order.
    fn apply(
        &self,
        number: u32,
        confounder: &mut [u8],
        parts: &mut [MessagePart<'_>],
        padding: usize,
    ) {
        let mut stream = self.keys.seal(number);
        stream.apply(confounder);
        for part in parts {
            match part {
                MessagePart::Data(data) => stream.apply(data),
                MessagePart::Padding(bytes) => {
                    stream.apply(bytes.get_mut(..padding).unwrap_or_default());
                }
                _ => {}
            }
        }
    }
}

/// Whether a padding part may have more room than is used.
#[derive(Clone, Copy)]
enum Room {
    AtLeast,
    Exactly,
}

/// The checksum is over everything, in the order of the parts.
fn sum(fields: Header, confounder: &[u8], parts: &[MessagePart<'_>], padding: usize) -> MessageSum {
    let mut sum = MessageSum::new(fields.message_type());
    sum.update(&fields.to_bytes());
    sum.update(confounder);
    for part in parts {
        sum.update(match part {
            MessagePart::Data(data) => data,
            MessagePart::SignOnly(data) => data,
            MessagePart::Padding(bytes) => bytes.get(..padding).unwrap_or_default(),
            MessagePart::Header(_) => &[],
        });
    }
    sum
}

/// Whether the padding is what it must be; all of it is looked at.
fn padded(parts: &[MessagePart<'_>], padding: usize) -> subtle::Choice {
    use subtle::ConstantTimeEq as _;
    parts.iter().fold(1.into(), |so_far, part| match part {
        MessagePart::Padding(bytes) => so_far & bytes.ct_eq(&PADDING[..padding]),
        _ => so_far,
    })
}

/// The length of a header part whose frame counts this much besides.
const fn header_part(framed: usize) -> usize {
    frame::length(BODY + CONFOUNDER + framed) + BODY + CONFOUNDER
}
