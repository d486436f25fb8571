//! Sealing what leaves a process: established contexts and half-done
//! handshakes.
//!
//! # Format, version 1
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `GSA` and `C` (a context), `H` (a handshake) or `L` (a login session's cookie) |
//! | 1 | the version |
//! | 8 | which key: a value derived from it |
//! | 24 | a random number, of this piece of data alone |
//! | n | the content, encrypted |
//! | 16 | the tag |
//!
//! Each piece is sealed by a key of its own: HKDF-SHA256 (RFC 5869) of the
//! [`SealingKey`] with the random number as salt, and with what is sealed as
//! info; AES-256-GCM (NIST SP 800-38D) with everything in front of the content
//! as additional data. A derived key seals one piece, so its nonce is zero and
//! no limit on the number of pieces binds: two random numbers of 24 bytes are
//! the same after 2^96 pieces. Nothing of the content is looked at before the
//! tag has been checked.

use core::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::error::{Error, Misuse, Rejection, Sealed, SealedProblem, Unavailability};
use crate::random;
use crate::secret::Secret;

/// The version of the format.
const VERSION: u8 = 1;
const MAGIC: &[u8; 3] = b"GSA";
/// The length of a key's identifier.
const ID: usize = 8;
/// The length of the random number.
const NUMBER: usize = 24;
const HEADER: usize = 4 + 1 + ID + NUMBER;
const TAG: usize = 16;
/// The longest content. Tickets, with all groups of a user, are below 64 KiB.
const MAX_CONTENT: usize = 1 << 20;

/// A key that seals contexts and handshakes on their way from one process to
/// another. All who exchange them share it; whoever has it can read session
/// keys, and can make contexts for whomever it likes. Keep it as a keytab is
/// kept.
///
/// To exchange the key, first let every process
/// [accept](Self::and_accept) the new one, then seal with the new one and
/// accept the old, then drop the old:
///
/// ```
/// # fn main() -> Result<(), gss_acceptor::Error> {
/// use gss_acceptor::SealingKey;
///
/// let (old, new) = (SealingKey::generate()?, SealingKey::generate()?);
/// let first = old.clone().and_accept(&new);
/// let second = new.clone().and_accept(&old);
/// # let _ = (first, second);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SealingKey {
    own: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: [u8; ID],
    secret: Secret,
}

impl SealingKey {
    /// The length of a key, in bytes.
    pub const LENGTH: usize = 32;

    /// A key from its bytes, which must be random: the output of a generator,
    /// not a password.
    ///
    /// # Errors
    ///
    /// [`Misuse::SealingKey`] unless they are [`LENGTH`](Self::LENGTH) bytes
    /// that are not all the same.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let same = bytes.windows(2).all(|pair| pair.first() == pair.last());
        if bytes.len() != Self::LENGTH || same {
            let found = bytes.len();
            return Err(Misuse::SealingKey { found }.into());
        }
        Self::of(Secret::copy_from(bytes))
    }

    /// A new key, from the system's randomness.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Internal`] if the system gives none.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        if !random::of_system(&mut *bytes) {
            return Err(internal("drawing a sealing key"));
        }
        Self::of(Secret::copy_from(&*bytes))
    }

    fn of(secret: Secret) -> Result<Self, Error> {
        let mut id = [0; ID];
        derive(&secret, &[], b"gss-acceptor key id", &mut id)
            .ok_or_else(|| internal("deriving a key's identifier"))?;
        let own = Key { id, secret };
        Ok(Self {
            own,
            others: Vec::new(),
        })
    }

    /// Opens what `other` has sealed, too. What this key seals it goes on
    /// sealing alone.
    #[must_use]
    pub fn and_accept(mut self, other: &Self) -> Self {
        self.others.push(other.own.clone());
        self.others.extend(other.others.iter().cloned());
        self
    }

    /// The bytes of the key that seals, to give to another process.
    #[must_use]
    pub fn expose(&self) -> &Secret {
        &self.own.secret
    }

    /// Seals.
    pub(crate) fn seal(&self, what: Sealed, content: &Secret) -> Result<Vec<u8>, Error> {
        if content.len() > MAX_CONTENT {
            let setting = "sealed data";
            let problem = "a megabyte at the most";
            return Err(Misuse::OutOfRange { setting, problem }.into());
        }
        let mut number = [0; NUMBER];
        // Of the system: two processes after a fork must not seal two pieces
        // of data under one number, so under one key and nonce.
        if !random::of_system(&mut number) {
            return Err(internal("drawing a number for sealing"));
        }
        let mut sealed = Vec::with_capacity(HEADER + content.len() + TAG);
        sealed.extend_from_slice(MAGIC);
        sealed.push(letter(what));
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.own.id);
        sealed.extend_from_slice(&number);
        let header = sealed.clone();
        sealed.extend_from_slice(content.expose());
        let failed = || internal("sealing");
        let cipher = self.own.cipher(what, &number).ok_or_else(failed)?;
        let tag = cipher
            .seal_in_place_separate_tag(
                nonce(),
                Aad::from(&header),
                sealed.get_mut(HEADER..).unwrap_or_default(),
            )
            .map_err(|_| failed())?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens. Gives the random number too, which no other piece of sealed
    /// data has.
    pub(crate) fn open(&self, what: Sealed, sealed: &[u8]) -> Result<Opened, Error> {
        self.try_open(what, sealed)
            .map_err(|problem| Rejection::Sealed { what, problem }.into())
    }

    fn try_open(&self, what: Sealed, sealed: &[u8]) -> Result<Opened, SealedProblem> {
        let known = VERSION;
        let (header, content) = sealed
            .split_at_checked(HEADER)
            .filter(|(_, content)| content.len() >= TAG && content.len() <= MAX_CONTENT + TAG)
            .ok_or(SealedProblem::NotSealed)?;
        let parts = header
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_first_chunk())
            .ok_or(SealedProblem::NotSealed)?;
        let ([kind, found], rest) = parts;
        let kinds = [Sealed::Context, Sealed::Handshake, Sealed::Session].map(letter);
        if !kinds.contains(kind) {
            return Err(SealedProblem::NotSealed);
        }
        if *found != known {
            let found = *found;
            return Err(SealedProblem::Version { found, known });
        }
        if *kind != letter(what) {
            return Err(SealedProblem::OtherKind);
        }
        let (id, number) = rest
            .split_first_chunk::<ID>()
            .ok_or(SealedProblem::NotSealed)?;
        let number = <[u8; NUMBER]>::try_from(number).map_err(|_| SealedProblem::NotSealed)?;
        let key = core::iter::once(&self.own)
            .chain(&self.others)
            .find(|key| key.id == *id)
            .ok_or(SealedProblem::OtherKey)?;
        let cipher = key.cipher(what, &number).ok_or(SealedProblem::Tampered)?;
        let mut buffer = Zeroizing::new(content.to_vec());
        let plain = cipher
            .open_in_place(nonce(), Aad::from(header), &mut buffer)
            .map_err(|_| SealedProblem::Tampered)?;
        let content = Secret::copy_from(plain);
        Ok(Opened { content, number })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey(and {} more to open)", self.others.len())
    }
}

/// Sealed data that was opened, and belongs to who opened it.
pub(crate) struct Opened {
    pub(crate) content: Secret,
    pub(crate) number: [u8; NUMBER],
}

impl Key {
    /// The cipher of one piece of data.
    fn cipher(&self, what: Sealed, number: &[u8]) -> Option<LessSafeKey> {
        let info: &[u8] = match what {
            Sealed::Context => b"gss-acceptor context",
            Sealed::Handshake => b"gss-acceptor handshake",
            Sealed::Session => b"gss-acceptor login session",
        };
        let mut bytes = Zeroizing::new([0; 32]);
        derive(&self.secret, number, info, &mut *bytes)?;
        UnboundKey::new(&AES_256_GCM, &*bytes)
            .ok()
            .map(LessSafeKey::new)
    }
}

/// The one nonce of a key that seals once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(secret: &Secret, salt: &[u8], info: &[u8], out: &mut [u8]) -> Option<()> {
    let key = Salt::new(HKDF_SHA256, salt).extract(secret.expose());
    let info = [info];
    let derived = key.expand(&info, Length(out.len())).ok()?;
    derived.fill(out).ok()
}

fn letter(what: Sealed) -> u8 {
    match what {
        Sealed::Context => b'C',
        Sealed::Handshake => b'H',
        Sealed::Session => b'L',
    }
}

fn internal(operation: &'static str) -> Error {
    Unavailability::Internal { operation }.into()
}

#[cfg(test)]
mod tests;
