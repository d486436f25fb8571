//! Per-message tokens under an rc4-hmac key: those of RFC 1964 1.2, with the
//! algorithms of RFC 4757 7. All newer keys have the tokens of RFC 4121.
//!
//! A token is a frame of RFC 2743 3.1, eight bytes of header, the encrypted
//! sequence number, and eight bytes of checksum; in a Wrap token confounder,
//! message and one byte of padding follow, sealed or not.

mod parts;
mod state;
#[cfg(test)]
mod tests;

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::super::crypto::{Key, MessageKeys, MessageSum};
use super::frame::{self, Framed};
use super::window::SequenceWindow;
use super::{Agreed, Layout, MessageError, Role, Sizes, TokenKind, around};
use crate::message::{Protection, SequenceState, Unwrapped, UnwrappedInPlace};

/// From the token id to the end of the checksum.
const BODY: usize = 24;
/// Token id, algorithms, filler: what the checksum covers.
const HEADER: usize = 8;
const CONFOUNDER: usize = 8;
/// RC4 has no blocks, but RFC 1964 1.2.2.3 pads always: one byte, of value 1.
const PADDING: [u8; 1] = [1];

/// The longest room that a frame takes: with a length of four bytes.
const MAX_HEADER: usize = frame::MAX_LENGTH + BODY + CONFOUNDER;

/// The longest message: a frame's length has four bytes here.
const MAX_DATA: usize = u32::MAX as usize - 0x100;

/// `SGN_ALG` of HMAC-MD5 and `SEAL_ALG` of RC4 (RFC 4757 7.2, 7.3).
const SIGN_HMAC_MD5: [u8; 2] = [0x11, 0x00];
const SEAL_RC4: [u8; 2] = [0x10, 0x00];
const NONE: [u8; 2] = [0xFF; 2];

/// Numbers have 32 bits. None is used twice: what seals a message comes of its
/// number alone, and two with the same disclose each other.
const NUMBERS: u64 = 1 << 32;

/// The per-message state of one established context.
pub(crate) struct Rc4Messages {
    role: Role,
    key: Key,
    keys: Box<MessageKeys>,
    first_sent: u32,
    first_received: u32,
    /// How many tokens were made.
    sent: AtomicU64,
    /// Counts from the first number, so that it sees no number wrap.
    window: Mutex<SequenceWindow>,
    layout: Layout,
    random: fn(&mut [u8]),
}

impl Rc4Messages {
    /// The state for an rc4-hmac key; `None` for every other, whose tokens are
    /// those of [`PerMessage`](super::PerMessage).
    pub(crate) fn new(agreed: &Agreed) -> Option<Self> {
        Some(Self {
            role: agreed.role,
            keys: Box::new(agreed.key.rc4_message_keys()?),
            key: agreed.key.clone(),
            first_sent: agreed.first_sent,
            first_received: agreed.first_received,
            sent: AtomicU64::new(0),
            window: Mutex::new(SequenceWindow::new(agreed.detection, 0)),
            layout: agreed.layout,
            random: agreed.random,
        })
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The sizes of tokens, which do not depend on sealing. The header's is
    /// the longest: its length is that of the message's length.
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            header: MAX_HEADER,
            trailer: PADDING.len(),
            parts_header: self.parts_header(),
            max_signature: frame::length(BODY) + BODY,
            security_trailer: MAX_HEADER + PADDING.len(),
            block_size: 1,
            max_token: super::MAX_TOKEN,
        }
    }

    /// `GSS_Wrap` into a new vector.
    ///
    /// # Errors
    /// [`MessageError::Exhausted`], [`MessageError::TooLong`].
    pub(crate) fn wrap(&self, seal: Protection, data: &[u8]) -> Result<Vec<u8>, MessageError> {
        if data.len() > MAX_DATA {
            return Err(MessageError::TooLong);
        }
        let header = header_length(data.len());
        let end = header + data.len();
        let mut token = Vec::with_capacity(end + PADDING.len());
        token.resize(header, 0);
        token.extend_from_slice(data);
        token.resize(end + PADDING.len(), 0);
        self.wrap_in_place(seal, &mut token, header..end)?;
        Ok(token)
    }

    /// `GSS_Wrap` in the caller's buffer, around the message at `data`.
    /// Returns where in the buffer the token is.
    ///
    /// # Errors
    /// [`MessageError::NoRoom`], [`MessageError::Exhausted`],
    /// [`MessageError::TooLong`]; no number is spent on the first and last.
    pub(crate) fn wrap_in_place(
        &self,
        seal: Protection,
        buf: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, MessageError> {
        if data.len() > MAX_DATA {
            return Err(MessageError::TooLong);
        }
        let (header, trailer) = (header_length(data.len()), PADDING.len());
        let range = around(buf.len(), &data, header, trailer)
            .ok_or(MessageError::NoRoom { header, trailer })?;
        let number = self.next_number()?;
        let token = &mut buf[range.clone()];
        let (front, content) = token.split_at_mut(header - CONFOUNDER);
        (self.random)(&mut content[..CONFOUNDER]);
        let padding = content.len() - PADDING.len();
        content[padding..].copy_from_slice(&PADDING);

        let fields = Header {
            kind: TokenKind::Wrap,
            seal,
        };
        let mut sum = MessageSum::new(fields.message_type());
        sum.update(&fields.to_bytes());
        sum.update(content);
        let checksum = self.keys.finish(sum);
        if seal == Protection::Confidentiality {
            self.keys.seal(number).apply(content);
        }
        let (front, body) = front.split_at_mut(header - CONFOUNDER - BODY);
        frame::write(front, BODY + content.len());
        body.copy_from_slice(&self.body(fields, number, checksum));
        Ok(range)
    }

    /// `GSS_Unwrap` into a new vector.
    ///
    /// # Errors
    /// Any [`MessageError`] but `NoRoom` and `Exhausted`.
    pub(crate) fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, MessageError> {
        let opened = open(token, 0, TokenKind::Wrap)?;
        let mut data = token[opened.content..].to_vec();
        let (range, protection, sequence) = self.open_content(&opened, &mut data)?;
        data.truncate(range.end);
        data.drain(..range.start);
        Ok(Unwrapped {
            data,
            protection,
            sequence,
        })
    }

    /// `GSS_Unwrap` in the caller's buffer, which holds one token and nothing
    /// else. The message stays in it, at the range returned.
    ///
    /// # Errors
    /// As for [`unwrap`](Self::unwrap). What the buffer holds then is neither
    /// the token nor the message.
    pub(crate) fn unwrap_in_place(
        &self,
        token: &mut [u8],
    ) -> Result<UnwrappedInPlace, MessageError> {
        let opened = open(token, 0, TokenKind::Wrap)?;
        let at = opened.content;
        let (range, protection, sequence) = self.open_content(&opened, &mut token[at..])?;
        Ok(UnwrappedInPlace {
            data: range.start + at..range.end + at,
            protection,
            sequence,
        })
    }

    /// `GSS_GetMIC`.
    ///
    /// # Errors
    /// [`MessageError::Exhausted`].
    pub(crate) fn mic(&self, data: &[u8]) -> Result<Vec<u8>, MessageError> {
        let number = self.next_number()?;
        let fields = Header {
            kind: TokenKind::Mic,
            seal: Protection::Integrity,
        };
        let mut sum = MessageSum::new(fields.message_type());
        sum.update(&fields.to_bytes());
        sum.update(data);
        let checksum = self.keys.finish(sum);
        let front = frame::length(BODY);
        let mut token = vec![0; front + BODY];
        let (front, body) = token.split_at_mut(front);
        frame::write(front, BODY);
        body.copy_from_slice(&self.body(fields, number, checksum));
        Ok(token)
    }

    /// `GSS_VerifyMIC`.
    ///
    /// # Errors
    /// Any [`MessageError`] but those of sealing.
    pub(crate) fn verify(&self, data: &[u8], token: &[u8]) -> Result<SequenceState, MessageError> {
        let opened = open(token, 0, TokenKind::Mic)?;
        if opened.content != token.len() {
            return Err(MessageError::Frame);
        }
        let (number, direction) = self.number(&opened);
        let mut sum = MessageSum::new(opened.fields.message_type());
        sum.update(&opened.fields.to_bytes());
        sum.update(data);
        self.keys.verify(sum, opened.checksum, 1.into())?;
        self.check_direction(direction)?;
        Ok(self.note(number))
    }

    /// Opens what follows the checksum of a Wrap token, in place: where the
    /// message is, how it was protected, and its place in the sequence.
    fn open_content(
        &self,
        opened: &Opened,
        content: &mut [u8],
    ) -> Result<(Range<usize>, Protection, SequenceState), MessageError> {
        let found = BODY + content.len();
        let end = content
            .len()
            .checked_sub(PADDING.len())
            .filter(|end| *end >= CONFOUNDER)
            .ok_or(MessageError::TooShort {
                needed: BODY + CONFOUNDER + PADDING.len(),
                found,
            })?;
        let (number, direction) = self.number(opened);
        if opened.fields.seal == Protection::Confidentiality {
            self.keys.seal(number).apply(content);
        }
        let mut sum = MessageSum::new(opened.fields.message_type());
        sum.update(&opened.fields.to_bytes());
        sum.update(content);
        // Bad padding is a bad checksum: nobody learns which of them it was.
        let padded = content[end..].ct_eq(&PADDING);
        self.keys
            .verify(sum, opened.checksum, padded)
            .map_err(MessageError::from)
            .and_then(|()| self.check_direction(direction))
            .inspect_err(|_| content.zeroize())?;
        Ok((CONFOUNDER..end, opened.fields.seal, self.note(number)))
    }

    /// Header, encrypted number and checksum of a token of ours.
    fn body(&self, fields: Header, number: u32, checksum: [u8; 8]) -> [u8; BODY] {
        let mut hidden = [0; 8];
        hidden[..4].copy_from_slice(&number.to_be_bytes());
        hidden[4..].copy_from_slice(&direction_of(self.role));
        self.keys.sequence(checksum, &mut hidden);
        let mut body = [0; BODY];
        body[..HEADER].copy_from_slice(&fields.to_bytes());
        body[HEADER..HEADER + 8].copy_from_slice(&hidden);
        body[HEADER + 8..].copy_from_slice(&checksum);
        body
    }

    /// The number of a token, and its direction. Nothing vouches for either
    /// before the checksum is verified, and for the direction nothing after it.
    fn number(&self, opened: &Opened) -> (u32, [u8; 4]) {
        let mut shown = opened.sequence;
        self.keys.sequence(opened.checksum, &mut shown);
        let [a, b, c, d, direction @ ..] = shown;
        (u32::from_be_bytes([a, b, c, d]), direction)
    }

    /// Our own token sent back to us is none of the peer's (RFC 4757 7.2).
    fn check_direction(&self, direction: [u8; 4]) -> Result<(), MessageError> {
        if direction == direction_of(self.role.peer()) {
            Ok(())
        } else {
            Err(MessageError::Direction)
        }
    }

    /// The number of the next token; the only place that spends one.
    fn next_number(&self) -> Result<u32, MessageError> {
        self.sent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sent| {
                (sent < NUMBERS).then_some(sent + 1)
            })
            .ok()
            .and_then(|sent| u32::try_from(sent).ok())
            .map(|sent| self.first_sent.wrapping_add(sent))
            .ok_or(MessageError::Exhausted)
    }

    /// Notes the number of a token that is genuine.
    fn note(&self, number: u32) -> SequenceState {
        let relative = number.wrapping_sub(self.first_received);
        // Nothing in the window can be left half-done by a panic.
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.check(u64::from(relative))
    }
}

/// What a token says besides its number.
#[derive(Clone, Copy)]
struct Header {
    kind: TokenKind,
    seal: Protection,
}

impl Header {
    /// Token id, `SGN_ALG`, `SEAL_ALG`, filler (RFC 1964 1.2.1, 1.2.2).
    fn to_bytes(self) -> [u8; HEADER] {
        let seal = match self.seal {
            Protection::Confidentiality => SEAL_RC4,
            Protection::Integrity => NONE,
        };
        let mut bytes = [0; HEADER];
        let fields = [token_id(self.kind), SIGN_HMAC_MD5, seal, NONE];
        bytes.copy_from_slice(fields.as_flattened());
        bytes
    }

    /// Reads a header: each of its bytes is given.
    fn parse(bytes: [u8; HEADER], kind: TokenKind) -> Result<Self, MessageError> {
        let [id, sign, sealing, filler] = pairs(bytes);
        let expected = token_id(kind);
        if id != expected {
            return Err(MessageError::TokenId {
                expected,
                found: id,
            });
        }
        if sign != SIGN_HMAC_MD5 {
            return Err(MessageError::Algorithm);
        }
        let seal = match sealing {
            SEAL_RC4 if kind == TokenKind::Wrap => Protection::Confidentiality,
            SEAL_RC4 => return Err(MessageError::SealedMic),
            NONE => Protection::Integrity,
            _ => return Err(MessageError::Algorithm),
        };
        if filler != NONE {
            return Err(MessageError::Filler);
        }
        Ok(Self { kind, seal })
    }

    /// T of the checksum (RFC 4757 7.2, 7.3).
    const fn message_type(self) -> u32 {
        match self.kind {
            TokenKind::Mic => 15,
            TokenKind::Wrap => 13,
        }
    }
}

/// The four fields of a header.
fn pairs(bytes: [u8; HEADER]) -> [[u8; 2]; 4] {
    core::array::from_fn(|at| [bytes[2 * at], bytes[2 * at + 1]])
}

const fn token_id(kind: TokenKind) -> [u8; 2] {
    match kind {
        TokenKind::Mic => [0x01, 0x01],
        TokenKind::Wrap => [0x02, 0x01],
    }
}

/// Who sent a token: the bytes after the number.
const fn direction_of(sender: Role) -> [u8; 4] {
    match sender {
        Role::Initiator => [0; 4],
        Role::Acceptor => [0xFF; 4],
    }
}

/// A token up to its checksum, nothing of it verified.
struct Opened {
    fields: Header,
    sequence: [u8; 8],
    checksum: [u8; 8],
    /// Where in the token confounder and message begin.
    content: usize,
}

/// Reads a token; so many bytes that its frame counts are elsewhere.
fn open(token: &[u8], elsewhere: usize, kind: TokenKind) -> Result<Opened, MessageError> {
    let at = match frame::parse(token, elsewhere)? {
        Framed::Yes { at } => at,
        // RFC 1964 1.2: these are always framed.
        Framed::No => return Err(MessageError::Frame),
    };
    let inner = token.get(at..).unwrap_or_default();
    let too_short = MessageError::TooShort {
        needed: BODY,
        found: inner.len(),
    };
    let (header, rest) = inner.split_first_chunk().ok_or(too_short)?;
    let fields = Header::parse(*header, kind)?;
    let (sequence, rest) = rest.split_first_chunk().ok_or(too_short)?;
    let (checksum, _) = rest.split_first_chunk().ok_or(too_short)?;
    Ok(Opened {
        fields,
        sequence: *sequence,
        checksum: *checksum,
        content: at + BODY,
    })
}

/// What goes in front of a message of this length.
fn header_length(data: usize) -> usize {
    let content = CONFOUNDER + data.saturating_add(PADDING.len());
    frame::length(content.saturating_add(BODY)) + BODY + CONFOUNDER
}
