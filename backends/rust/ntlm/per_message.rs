//! Messages under extended session security with key exchange (MS-NLMP
//! 3.4.4.2, 3.4.6): the only kind that is granted (rule 38).
//!
//! A token is sixteen bytes of signature and then the data, as `EncryptMessage`
//! lays them out. Nothing in it says whether the data is sealed: where sealing
//! was negotiated it always is.

mod state;

use core::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use rc4::{Rc4, StreamCipher as _};

use super::crypto::{self, Key, Sender, rc4};
use crate::message::{MessagePart, Protection};

pub(crate) use state::MAX_MOVED;

/// The length of a signature.
pub(crate) const SIGNATURE: usize = 16;
/// The version in it.
const VERSION: [u8; 4] = [1, 0, 0, 0];

/// Why a message cannot be protected, or was not what its sender wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageError {
    /// Shorter than a signature.
    TooShort,
    /// Not the next message of this sender's.
    Sequence,
    /// The signature does not fit.
    Integrity,
    /// A message before this one did not fit, and the cipher has lost its
    /// place; or all sequence numbers are used up.
    Ended,
    /// The parts are not one header of sixteen bytes and data.
    Parts,
    /// No room for the signature in front of the data.
    NoRoom,
}

/// Both directions of a context.
pub(crate) struct PerMessage {
    send: Mutex<Direction>,
    receive: Mutex<Direction>,
    protection: Protection,
}

impl PerMessage {
    /// The server's end.
    pub(crate) fn acceptor(exported: &Key, protection: Protection) -> Option<Self> {
        Self::new(exported, Sender::Server, Sender::Client, protection)
    }

    fn new(exported: &Key, own: Sender, peer: Sender, protection: Protection) -> Option<Self> {
        Some(Self {
            send: Mutex::new(Direction::new(exported, own)?),
            receive: Mutex::new(Direction::new(exported, peer)?),
            protection,
        })
    }

    /// How messages are protected, always.
    pub(crate) fn protection(&self) -> Protection {
        self.protection
    }

    pub(crate) fn wrap(&self, data: &[u8]) -> Result<Vec<u8>, MessageError> {
        let mut token = vec![0; SIGNATURE + data.len()];
        let (header, body) = token.split_at_mut(SIGNATURE);
        body.copy_from_slice(data);
        let signature = lock(&self.send).protect(self.protection, &mut [body], &[])?;
        header.copy_from_slice(&signature);
        Ok(token)
    }

    pub(crate) fn wrap_in_place(
        &self,
        buffer: &mut [u8],
        data: Range<usize>,
    ) -> Result<Range<usize>, MessageError> {
        let start = data.start.checked_sub(SIGNATURE);
        let start = start.ok_or(MessageError::NoRoom)?;
        let token = start..data.end;
        let bytes = buffer.get_mut(token.clone()).ok_or(MessageError::NoRoom)?;
        let (header, body) = bytes
            .split_at_mut_checked(SIGNATURE)
            .ok_or(MessageError::NoRoom)?;
        let signature = lock(&self.send).protect(self.protection, &mut [body], &[])?;
        header.copy_from_slice(&signature);
        Ok(token)
    }

    pub(crate) fn unwrap_in_place(&self, token: &mut [u8]) -> Result<Range<usize>, MessageError> {
        let length = token.len();
        let (signature, body) = token
            .split_first_chunk_mut()
            .ok_or(MessageError::TooShort)?;
        lock(&self.receive).open(self.protection, signature, &mut [body], &[])?;
        Ok(SIGNATURE..length)
    }

    pub(crate) fn mic(&self, data: &[u8]) -> Result<[u8; SIGNATURE], MessageError> {
        lock(&self.send).protect(Protection::Integrity, &mut [], &[data])
    }

    pub(crate) fn verify(&self, data: &[u8], mic: &[u8]) -> Result<(), MessageError> {
        let mic = mic.try_into().map_err(|_| MessageError::TooShort)?;
        lock(&self.receive).open(Protection::Integrity, mic, &mut [], &[data])
    }

    /// Parts where they lie: signed in their order, sealed where they are
    /// data and sealing is asked for (MS-RPCE 3.3.1.5.2.2).
    pub(crate) fn wrap_parts(
        &self,
        protection: Protection,
        parts: &mut [MessagePart<'_>],
    ) -> Result<(), MessageError> {
        let (header, mut rest) = split(parts)?;
        let signature = lock(&self.send).protect_parts(protection, &mut rest)?;
        header.copy_from_slice(&signature);
        Ok(())
    }

    pub(crate) fn unwrap_parts(&self, parts: &mut [MessagePart<'_>]) -> Result<(), MessageError> {
        let protection = self.protection;
        let (header, mut rest) = split(parts)?;
        lock(&self.receive).open_parts(protection, header, &mut rest)
    }

    /// MS-SPNG 3.3.5.1: after the mechListMIC of a direction its cipher
    /// begins anew, and its numbers go on.
    pub(crate) fn reset_send(&self) {
        lock(&self.send).reset();
    }

    /// As [`reset_send`](Self::reset_send), for what the client sends.
    pub(crate) fn reset_receive(&self) {
        lock(&self.receive).reset();
    }
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    direction.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is signed, and sealed if it is data.
enum Part<'a> {
    Data(&'a mut [u8]),
    SignOnly(&'a [u8]),
}

type Split<'a> = (&'a mut [u8; SIGNATURE], Vec<Part<'a>>);

/// One header, and the rest.
fn split<'a>(parts: &'a mut [MessagePart<'_>]) -> Result<Split<'a>, MessageError> {
    let mut header = None;
    let mut rest = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            MessagePart::Header(bytes) if header.is_none() => {
                header = Some(bytes.first_chunk_mut().ok_or(MessageError::NoRoom)?);
            }
            MessagePart::Header(_) => return Err(MessageError::Parts),
            MessagePart::Data(bytes) => rest.push(Part::Data(bytes)),
            MessagePart::SignOnly(bytes) => rest.push(Part::SignOnly(bytes)),
            // A stream cipher pads nothing.
            MessagePart::Padding(_) => {}
        }
    }
    Ok((header.ok_or(MessageError::Parts)?, rest))
}

/// The keys of one sender's, and where it stands.
struct Direction {
    sign: Key,
    seal: Key,
    cipher: Rc4,
    /// How much of the cipher's stream is used, in bytes.
    used: u64,
    sequence: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Ended,
}

impl Direction {
    fn new(exported: &Key, sender: Sender) -> Option<Self> {
        let seal = crypto::seal_key(exported, sender);
        Some(Self {
            sign: crypto::sign_key(exported, sender),
            cipher: rc4(seal.expose())?,
            used: 0,
            seal,
            sequence: 0,
            state: State::Good,
        })
    }

    fn reset(&mut self) {
        match rc4(self.seal.expose()) {
            Some(cipher) => {
                self.cipher = cipher;
                self.used = 0;
            }
            None => self.state = State::Ended,
        }
    }

    fn protect(
        &mut self,
        protection: Protection,
        data: &mut [&mut [u8]],
        sign_only: &[&[u8]],
    ) -> Result<[u8; SIGNATURE], MessageError> {
        self.protect_parts(protection, &mut parts(data, sign_only))
    }

    /// Seals after signing: the signature is over what the peer will read.
    fn protect_parts(
        &mut self,
        protection: Protection,
        parts: &mut [Part<'_>],
    ) -> Result<[u8; SIGNATURE], MessageError> {
        if self.state == State::Ended {
            return Err(MessageError::Ended);
        }
        let checksum = self.checksum(parts);
        if protection == Protection::Confidentiality {
            self.apply(parts);
        }
        let signature = self.signature(checksum);
        self.next();
        Ok(signature)
    }

    fn open(
        &mut self,
        protection: Protection,
        signature: &[u8; SIGNATURE],
        data: &mut [&mut [u8]],
        sign_only: &[&[u8]],
    ) -> Result<(), MessageError> {
        self.open_parts(protection, signature, &mut parts(data, sign_only))
    }

    fn open_parts(
        &mut self,
        protection: Protection,
        signature: &[u8; SIGNATURE],
        parts: &mut [Part<'_>],
    ) -> Result<(), MessageError> {
        if self.state == State::Ended {
            return Err(MessageError::Ended);
        }
        // Version and number are in the clear: a message that is not the
        // next one moves nothing.
        let number = self.sequence.to_le_bytes();
        if !signature.starts_with(&VERSION) || !signature.ends_with(&number) {
            return Err(MessageError::Sequence);
        }
        if protection == Protection::Confidentiality {
            self.apply(parts);
        }
        let checksum = self.checksum(parts);
        let expected = self.signature(checksum);
        if !crypto::same(&expected, signature) {
            self.state = State::Ended;
            // Nobody is to read what nobody has vouched for.
            for part in parts {
                if let Part::Data(data) = part {
                    data.fill(0);
                }
            }
            return Err(MessageError::Integrity);
        }
        self.next();
        Ok(())
    }

    /// The cipher over all data, in order.
    fn apply(&mut self, parts: &mut [Part<'_>]) {
        for part in parts {
            if let Part::Data(data) = part {
                self.cipher.apply_keystream(data);
                self.used = self.used.saturating_add(data.len() as u64);
            }
        }
    }

    /// HMAC-MD5 over the number and all parts, its first half.
    fn checksum(&self, parts: &[Part<'_>]) -> [u8; 8] {
        let mut first = [0; 8];
        if let Ok(mut mac) = Hmac::<Md5>::new_from_slice(self.sign.expose()) {
            mac.update(&self.sequence.to_le_bytes());
            for part in parts {
                match part {
                    Part::Data(bytes) => mac.update(bytes),
                    Part::SignOnly(bytes) => mac.update(bytes),
                }
            }
            let whole = mac.finalize().into_bytes();
            first
                .iter_mut()
                .zip(whole)
                .for_each(|(to, from)| *to = from);
        }
        first
    }

    /// The checksum enciphered, between version and number.
    fn signature(&mut self, mut checksum: [u8; 8]) -> [u8; SIGNATURE] {
        self.cipher.apply_keystream(&mut checksum);
        self.used = self.used.saturating_add(checksum.len() as u64);
        let mut signature = [0; SIGNATURE];
        let number = self.sequence.to_le_bytes();
        let bytes = VERSION.iter().chain(&checksum).chain(&number);
        signature
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        signature
    }

    fn next(&mut self) {
        match self.sequence.checked_add(1) {
            Some(next) => self.sequence = next,
            None => self.state = State::Ended,
        }
    }
}

fn parts<'a>(data: &'a mut [&mut [u8]], sign_only: &[&'a [u8]]) -> Vec<Part<'a>> {
    let data = data.iter_mut().map(|bytes| Part::Data(bytes));
    data.chain(sign_only.iter().map(|bytes| Part::SignOnly(bytes)))
        .collect()
}

#[cfg(test)]
mod tests;
