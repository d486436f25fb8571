//! Signatures (MS-SMB2 3.1.4.1) and their keys (3.1.4.2).

use cmac::{Cmac, KeyInit as _, Mac as _};
use gss_acceptor::SessionKey;
use ring::{aead, digest, hmac};
use subtle::ConstantTimeEq as _;

use crate::header::{FLAG_RESPONSE, FLAG_SIGNED, SIGNATURE, command};
use crate::wire::{u16_at, u32_at};

/// How messages are signed, by the number of MS-SMB2 2.2.3.1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha256,
    AesCmac,
    AesGmac,
}

impl Algorithm {
    /// The best first.
    pub const ALL: [Self; 3] = [Self::AesGmac, Self::AesCmac, Self::HmacSha256];

    pub fn number(self) -> u16 {
        match self {
            Self::HmacSha256 => 0,
            Self::AesCmac => 1,
            Self::AesGmac => 2,
        }
    }
}

/// The hash over everything that was said before a session was there
/// (MS-SMB2 3.1.4.4.1), so that nobody has changed a word of it. SHA-512.
#[derive(Clone, Copy)]
pub struct Preauth([u8; 64]);

impl Preauth {
    pub fn new() -> Self {
        Self([0; 64])
    }

    pub fn update(&mut self, message: &[u8]) {
        let mut context = digest::Context::new(&digest::SHA512);
        context.update(&self.0);
        context.update(message);
        self.0.copy_from_slice(context.finish().as_ref());
    }
}

/// What the key of a session is derived with: the dialect decides.
#[derive(Clone, Copy)]
pub enum Derivation {
    /// 2.0.2 and 2.1 sign with the session key itself.
    None,
    /// 3.0 and 3.0.2.
    Fixed,
    /// 3.1.1 binds it to the handshake.
    Preauth(Preauth),
}

/// A session's key. Wiped when it is dropped.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    key: zeroize::Zeroizing<[u8; 16]>,
}

impl SigningKey {
    /// MS-SMB2 3.3.5.5.3: of the session key, the first 16 bytes.
    pub fn new(session: &SessionKey, algorithm: Algorithm, derivation: &Derivation) -> Self {
        let mut base = zeroize::Zeroizing::new([0; 16]);
        for (to, from) in base.iter_mut().zip(session.key.expose()) {
            *to = *from;
        }
        let key = match derivation {
            Derivation::None => base,
            Derivation::Fixed => derive(&base, b"SMB2AESCMAC\0", b"SmbSign\0"),
            Derivation::Preauth(hash) => derive(&base, b"SMBSigningKey\0", &hash.0),
        };
        Self { algorithm, key }
    }

    /// Signs a message in its place.
    pub fn sign(&self, message: &mut [u8]) {
        let Ok(flags) = u32_at(message, 16) else {
            return;
        };
        message[16..20].copy_from_slice(&(flags | FLAG_SIGNED).to_le_bytes());
        let signature = self.signature(message);
        message[SIGNATURE].copy_from_slice(&signature);
    }

    /// Whether a message bears this key's signature; compared in constant
    /// time.
    pub fn verify(&self, message: &[u8]) -> bool {
        let signature = self.signature(message);
        bool::from(signature.ct_eq(&message[SIGNATURE]))
    }

    /// Over the message with zeros in place of the signature.
    fn signature(&self, message: &[u8]) -> [u8; 16] {
        let (before, after) = (&message[..SIGNATURE.start], &message[SIGNATURE.end..]);
        let parts = [before, &[0; 16], after];
        match self.algorithm {
            Algorithm::HmacSha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.key);
                let mut context = hmac::Context::with_key(&key);
                parts.iter().for_each(|part| context.update(part));
                first16(context.sign().as_ref())
            }
            Algorithm::AesCmac => {
                let mut mac = Cmac::<aes::Aes128>::new(&(*self.key).into());
                parts.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().into()
            }
            Algorithm::AesGmac => self.gmac(&parts.concat()),
        }
    }

    /// The tag of AES-GCM over nothing, with the message beside it. The nonce
    /// (3.1.4.1): message id, then whose message it is and whether it is a
    /// CANCEL, so that none is used twice under a key.
    fn gmac(&self, message: &[u8]) -> [u8; 16] {
        let flags = u32_at(message, 16).unwrap_or_default();
        let cancel = u16_at(message, 12) == Ok(command::CANCEL);
        let role = (flags & FLAG_RESPONSE) | (u32::from(cancel) << 1);
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&message[24..32]);
        nonce[8..].copy_from_slice(&role.to_le_bytes());
        let tag = aead::UnboundKey::new(&aead::AES_128_GCM, &*self.key).and_then(|key| {
            aead::LessSafeKey::new(key).seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(message),
                &mut [],
            )
        });
        first16(tag.expect("16 bytes are a key of AES-128").as_ref())
    }
}

/// SP 800-108 in counter mode with HMAC-SHA256, 128 bits (MS-SMB2 3.1.4.2).
fn derive(key: &[u8; 16], label: &[u8], context: &[u8]) -> zeroize::Zeroizing<[u8; 16]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let input = [
        &1_u32.to_be_bytes(),
        label,
        &[0],
        context,
        &128_u32.to_be_bytes(),
    ];
    zeroize::Zeroizing::new(first16(hmac::sign(&key, &input.concat()).as_ref()))
}

fn first16(bytes: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    first
}
