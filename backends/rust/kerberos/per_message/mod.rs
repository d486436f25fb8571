//! Per-message protection of an established Kerberos context: wrap, unwrap,
//! MIC (RFC 4121 4.2; [`rc4`] for the tokens of RFC 1964).
//!
//! One engine for both ends; [`Role`] says which one this is. Everything takes
//! `&self`: sending draws its numbers from an atomic counter, receiving notes
//! them in a window whose lock is never held while bytes are worked on, so
//! that both directions and many threads go on at once.

mod error;
mod frame;
mod header;
mod keys;
mod messages;
mod open;
mod parts;
mod rc4;
mod state;
mod window;

#[cfg(test)]
mod captures;
#[cfg(test)]
mod tests;

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub(crate) use error::MessageError;
pub(crate) use header::TokenKind;
pub(crate) use messages::Messages;
pub(crate) use window::Detection;

use super::crypto::Key;
use crate::message::{Protection, SequenceState, Unwrapped, UnwrappedInPlace};
use frame::Framed;
use header::{HEADER, Header};
use keys::Keys;
use open::{checksum_count, open_sealed, open_signed};
use window::SequenceWindow;

/// Which end of the context this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The client.
    Initiator,
    /// The server.
    Acceptor,
}

impl Role {
    const fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }
}

/// Whose the key of the context is (RFC 4121 2): tokens say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyOrigin {
    /// The subkey that the acceptor asserted in its AP-REP.
    AcceptorSubkey,
    /// The initiator's subkey, or the ticket's session key.
    Other,
}

/// How sealed tokens are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layout {
    /// By RRC (RFC 4121 4.2.5).
    Plain,
    /// As DCE RPC has it: by EC and RRC together, a block of filler among
    /// what is rotated (MS-KILE 3.4.5.4.1).
    Dce,
}

/// What the handshake agreed on.
pub(crate) struct Agreed {
    /// Which end this is.
    pub(crate) role: Role,
    /// The key that protects messages.
    pub(crate) key: Key,
    /// Whose it is.
    pub(crate) origin: KeyOrigin,
    /// The number of the first message we send; 32 bits in the AP exchange.
    pub(crate) first_sent: u32,
    /// The number of the first message the peer sends.
    pub(crate) first_received: u32,
    /// What is to be detected among messages received.
    pub(crate) detection: Detection,
    /// How sealed tokens are rotated.
    pub(crate) layout: Layout,
    /// Fills its argument with random bytes, for confounders.
    pub(crate) random: fn(&mut [u8]),
}

/// What a token adds to a message: `SECPKG_ATTR_SIZES` and
/// `SECPKG_ATTR_STREAM_SIZES`. All in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Room that `wrap_in_place` needs in front of the data (`cbHeader`).
    pub(crate) header: usize,
    /// Room that `wrap_in_place` needs behind the data (`cbTrailer`).
    pub(crate) trailer: usize,
    /// The length of the header part of a message in parts.
    pub(crate) parts_header: usize,
    /// The length of a MIC token (`cbMaxSignature`).
    pub(crate) max_signature: usize,
    /// Header and trailer of a sealed message together
    /// (`cbSecurityTrailer`).
    pub(crate) security_trailer: usize,
    /// The unit that messages are padded to (`cbBlockSize`): none.
    pub(crate) block_size: usize,
    /// The largest token of a handshake (`cbMaxToken`), before the
    /// configuration's own limit.
    pub(crate) max_token: usize,
}

/// Tickets with a thousand groups fit in.
const MAX_TOKEN: usize = 0x1_0000;

/// The per-message state of one established context.
pub(crate) struct PerMessage {
    role: Role,
    origin: KeyOrigin,
    keys: Keys,
    next_sent: AtomicU64,
    window: Mutex<SequenceWindow>,
    layout: Layout,
    random: fn(&mut [u8]),
}

impl PerMessage {
    /// Derives nothing yet: a context that never wraps pays for no key.
    #[inline]
    pub(crate) fn new(agreed: Agreed) -> Self {
        let Agreed {
            role,
            key,
            origin,
            first_sent,
            first_received,
            detection,
            layout,
            random,
        } = agreed;
        let window = SequenceWindow::new(detection, u64::from(first_received));
        Self {
            role,
            origin,
            keys: Keys::new(key, role),
            next_sent: AtomicU64::new(u64::from(first_sent)),
            window: Mutex::new(window),
            layout,
            random,
        }
    }

    /// The sizes of tokens with or without encryption.
    pub(crate) fn sizes(&self, seal: Protection) -> Sizes {
        let mac = self.keys.mac_len();
        let (header, trailer) = self.room(seal);
        let (sealed_header, sealed_trailer) = self.room(Protection::Confidentiality);
        Sizes {
            header,
            trailer,
            parts_header: self.parts_header(seal),
            max_signature: HEADER + mac,
            security_trailer: sealed_header + sealed_trailer,
            block_size: 1,
            max_token: MAX_TOKEN,
        }
    }

    /// The largest message whose token has at most `max_token` bytes
    /// (`gss_wrap_size_limit`); 0 when even an empty one is longer.
    #[cfg(test)]
    pub(crate) fn max_message_size(&self, seal: Protection, max_token: usize) -> usize {
        let (header, trailer) = self.room(seal);
        max_token.saturating_sub(header + trailer)
    }

    /// `GSS_Wrap` into a new vector.
    pub(crate) fn wrap(&self, seal: Protection, data: &[u8]) -> Vec<u8> {
        let (header, trailer) = self.room(seal);
        let end = header + data.len();
        let mut token = Vec::with_capacity(end + trailer);
        token.resize(header, 0);
        token.extend_from_slice(data);
        token.resize(end + trailer, 0);
        self.wrap_in_place(seal, &mut token, header..end)
            .expect("room was made for header and trailer");
        token
    }

    /// `GSS_Wrap` in the caller's buffer, around the message at `data`; the
    /// room in front of and behind it is that of [`sizes`](Self::sizes).
    /// Returns where in the buffer the token is.
    ///
    /// # Errors
    /// [`MessageError::NoRoom`]; no sequence number is spent on it.
    pub(crate) fn wrap_in_place(
        &self,
        seal: Protection,
        buf: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, MessageError> {
        let (header, trailer) = self.room(seal);
        let range = around(buf.len(), &data, header, trailer)
            .ok_or(MessageError::NoRoom { header, trailer })?;
        let token = &mut buf[range.clone()];
        // RFC 4121 4.2.4: for the computation EC and RRC are zero.
        let fields = self.header(TokenKind::Wrap, seal, 0);
        let plain_header = fields.to_bytes();
        match seal {
            Protection::Confidentiality => {
                // The copy goes behind the data; no filler, so EC is 0.
                let mac = self.keys.mac_len();
                let copy = token.len() - mac - HEADER;
                token[copy..copy + HEADER].copy_from_slice(&plain_header);
                token[..HEADER].copy_from_slice(&plain_header);
                let mut random = self.random;
                self.keys
                    .seal()
                    .encrypt_in_place(&mut token[HEADER..], &mut random)?;
            }
            Protection::Integrity => {
                let (body, checksum) = token.split_at_mut(header + data.len());
                let (front, message) = body.split_at_mut(HEADER);
                self.keys
                    .seal_checksum()
                    .sign(&[message, &plain_header], checksum)?;
                let extra_count = checksum_count(checksum.len());
                front.copy_from_slice(
                    &Header {
                        extra_count,
                        ..fields
                    }
                    .to_bytes(),
                );
            }
        }
        Ok(range)
    }

    /// `GSS_Unwrap` into a new vector.
    ///
    /// # Errors
    /// Any [`MessageError`] but `NoRoom`.
    pub(crate) fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, MessageError> {
        let (header, bytes, body) = self.open_header(token, TokenKind::Wrap)?;
        let mut data = token[body..].to_vec();
        let range = self.open_body(&header, &bytes, &mut data)?;
        data.truncate(range.end);
        data.drain(..range.start);
        let (protection, sequence) = (header.seal, self.note(&header));
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
    /// Any [`MessageError`] but `NoRoom`. What the buffer holds then is
    /// neither the token nor the message.
    pub(crate) fn unwrap_in_place(
        &self,
        token: &mut [u8],
    ) -> Result<UnwrappedInPlace, MessageError> {
        let (header, bytes, body) = self.open_header(token, TokenKind::Wrap)?;
        let range = self.open_body(&header, &bytes, &mut token[body..])?;
        Ok(UnwrappedInPlace {
            data: range.start + body..range.end + body,
            protection: header.seal,
            sequence: self.note(&header),
        })
    }

    /// `GSS_GetMIC`.
    pub(crate) fn mic(&self, data: &[u8]) -> Vec<u8> {
        let fields = self.header(TokenKind::Mic, Protection::Integrity, 0xffff);
        let header = fields.to_bytes();
        let mut token = Vec::with_capacity(HEADER + self.keys.mac_len());
        token.extend_from_slice(&header);
        token.resize(HEADER + self.keys.mac_len(), 0);
        self.keys
            .mic()
            .sign(&[data, &header], &mut token[HEADER..])
            .expect("room was made for the checksum");
        token
    }

    /// `GSS_VerifyMIC`.
    ///
    /// # Errors
    /// Any [`MessageError`] but those of encryption.
    pub(crate) fn verify(&self, data: &[u8], token: &[u8]) -> Result<SequenceState, MessageError> {
        let (header, bytes, checksum) = self.open_header(token, TokenKind::Mic)?;
        self.keys
            .peer_mic()
            .verify(&[data, &bytes], &token[checksum..])?;
        Ok(self.note(&header))
    }

    /// What goes in front of and behind a message (RFC 4121 4.2.4).
    fn room(&self, seal: Protection) -> (usize, usize) {
        let mac = self.keys.mac_len();
        match seal {
            Protection::Confidentiality => (HEADER + self.keys.confounder_len(), HEADER + mac),
            Protection::Integrity => (HEADER, mac),
        }
    }

    /// The header of the next token; the only place that spends a number.
    fn header(&self, kind: TokenKind, seal: Protection, counts: u16) -> Header {
        Header {
            kind,
            sender: self.role,
            seal,
            acceptor_subkey: self.origin == KeyOrigin::AcceptorSubkey,
            extra_count: counts,
            rotation: counts,
            // Numbers are all that is shared between senders.
            sequence: self.next_sent.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Reads the header of a token and holds it to what was agreed. Also
    /// returns its bytes, and where it ends.
    fn open_header(
        &self,
        token: &[u8],
        kind: TokenKind,
    ) -> Result<(Header, [u8; HEADER], usize), MessageError> {
        // RFC 4121 4.4 has none around these tokens, but some senders of the
        // older ones kept it.
        let start = match frame::parse(token, 0)? {
            Framed::Yes { at } => at,
            Framed::No => 0,
        };
        let bytes = *token[start..]
            .first_chunk::<HEADER>()
            .ok_or(MessageError::TooShort {
                needed: HEADER,
                found: token.len() - start,
            })?;
        let header = Header::parse(&bytes, kind)?;
        if header.sender != self.role.peer() {
            return Err(MessageError::Direction);
        }
        // MIT falls back to the other key here; a peer that has seen our
        // subkey has no reason to use another.
        if header.acceptor_subkey != (self.origin == KeyOrigin::AcceptorSubkey) {
            return Err(MessageError::AcceptorSubkey);
        }
        Ok((header, bytes, start + HEADER))
    }

    /// Opens what follows the header of a Wrap token, in place, and returns
    /// where in it the message is.
    fn open_body(
        &self,
        header: &Header,
        bytes: &[u8; HEADER],
        body: &mut [u8],
    ) -> Result<Range<usize>, MessageError> {
        // RFC 4121 4.2.5: RRC is any number and taken modulo the length.
        if let Some(by) = self.rotation(header).checked_rem(body.len()) {
            body.rotate_left(by);
        }
        match header.seal {
            Protection::Confidentiality => open_sealed(self.keys.peer_seal(), header, bytes, body),
            Protection::Integrity => {
                open_signed(self.keys.peer_seal_checksum(), header, bytes, body)
            }
        }
    }

    /// By how much what follows the header is rotated. Windows and Heimdal
    /// rotate a sealed DCE token by EC too; MIT does with a token that is
    /// rotated at all, and its `gss_wrap` rotates none.
    fn rotation(&self, header: &Header) -> usize {
        let rotation = usize::from(header.rotation);
        let extra = usize::from(header.extra_count);
        match (self.layout, header.seal) {
            (Layout::Dce, Protection::Confidentiality) if rotation > 0 => rotation + extra,
            _ => rotation,
        }
    }

    /// Notes the number of a token that is genuine.
    fn note(&self, header: &Header) -> SequenceState {
        // Nothing in the window can be left half-done by a panic.
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.check(header.sequence)
    }
}

/// The data's range with the room around it, if the buffer has that room.
fn around(len: usize, data: &Range<usize>, header: usize, trailer: usize) -> Option<Range<usize>> {
    let start = data.start.checked_sub(header)?;
    let end = data.end.checked_add(trailer)?;
    (data.start <= data.end && end <= len).then_some(start..end)
}
