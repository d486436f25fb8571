//! Keys by etype number, so that a case can also name etypes that no rule permits.
//!
//! AES (17 to 20) is the `krb5` crate's; RC4 (23, RFC 4757) is written here. For any other etype
//! `encrypt` returns filler: such a token can only be judged by the etype it names.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

/// aes128-cts-hmac-sha1-96 (RFC 3962).
pub const AES128_SHA1: i32 = 17;
/// aes256-cts-hmac-sha1-96 (RFC 3962).
pub const AES256_SHA1: i32 = 18;
/// aes128-cts-hmac-sha256-128 (RFC 8009).
pub const AES128_SHA2: i32 = 19;
/// aes256-cts-hmac-sha384-192 (RFC 8009).
pub const AES256_SHA2: i32 = 20;
/// rc4-hmac (RFC 4757).
pub const RC4: i32 = 23;
/// des3-cbc-sha1-kd (RFC 3961).
pub const DES3: i32 = 16;
/// des-cbc-crc.
pub const DES: i32 = 1;
/// The etypes that rule 7 permits by default.
pub const AES_ETYPES: [i32; 4] = [AES256_SHA1, AES128_SHA1, AES256_SHA2, AES128_SHA2];

/// A key: etype and octets. Nothing checks that they fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitKey {
    /// The etype number.
    pub etype: i32,
    /// The key's octets.
    pub bytes: Vec<u8>,
}

/// Octets in a key of this etype.
pub fn key_len(etype: i32) -> usize {
    match etype {
        AES256_SHA1 | AES256_SHA2 => 32,
        DES3 => 24,
        1..=3 => 8,
        _ => 16,
    }
}

/// MD5.
pub fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|p| hash.update(p));
    hash.finalize().into()
}

pub(crate) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes any key length");
    parts.iter().for_each(|p| mac.update(p));
    mac.finalize().into_bytes().into()
}

pub(crate) fn rc4(key: &[u8], data: &mut [u8]) {
    rc4_stream(key).apply(data);
}

/// An RC4 stream that goes on where it was.
#[derive(Clone)]
pub struct Rc4Stream {
    state: [u8; 256],
    i: u8,
    j: u8,
}

/// The stream of a key, from its beginning.
pub fn rc4_stream(key: &[u8]) -> Rc4Stream {
    let mut state: [u8; 256] = std::array::from_fn(|i| i as u8);
    let mut j = 0u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
        state.swap(i, usize::from(j));
    }
    Rc4Stream { state, i: 0, j: 0 }
}

impl Rc4Stream {
    /// Enciphers, or deciphers, in place.
    pub fn apply(&mut self, data: &mut [u8]) {
        let s = &mut self.state;
        for byte in data {
            self.i = self.i.wrapping_add(1);
            self.j = self.j.wrapping_add(s[usize::from(self.i)]);
            s.swap(usize::from(self.i), usize::from(self.j));
            let at = s[usize::from(self.i)].wrapping_add(s[usize::from(self.j)]);
            *byte ^= s[usize::from(at)];
        }
    }
}

/// RFC 4757 3 with its erratum: the usages that Windows numbers otherwise.
fn rc4_usage(usage: u32) -> [u8; 4] {
    match usage {
        3 => 8u32,
        23 => 13,
        other => other,
    }
    .to_le_bytes()
}

/// Bytes that depend on seed, label and nothing else.
pub fn seeded(seed: u64, label: &str, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for block in 0u32.. {
        if out.len() >= len {
            break;
        }
        let parts: [&[u8]; 3] = [&seed.to_be_bytes(), label.as_bytes(), &block.to_be_bytes()];
        out.extend_from_slice(&md5(&parts));
    }
    out.truncate(len);
    out
}

impl KitKey {
    /// A key from its octets.
    pub fn new(etype: i32, bytes: Vec<u8>) -> Self {
        Self { etype, bytes }
    }

    /// The key that this seed and label always give.
    pub fn seeded(seed: u64, label: &str, etype: i32) -> Self {
        let mut bytes = seeded(seed, &format!("{label}/{etype}"), key_len(etype));
        if matches!(etype, DES | DES3) {
            // Odd parity, or libraries refuse to load the key for a reason that is not the case's.
            for b in &mut bytes {
                let odd = (*b >> 1).count_ones() % 2 == 1;
                *b = (*b & 0xfe) | u8::from(!odd);
            }
        }
        Self { etype, bytes }
    }

    fn aes(&self) -> Option<krb5::Key> {
        krb5::Key::new(self.etype, self.bytes.clone()).ok()
    }

    /// RFC 3961 encrypt, with a random confounder.
    pub fn encrypt(&self, usage: u32, plain: &[u8]) -> Vec<u8> {
        if let Some(key) = self.aes() {
            return key.encrypt(usage, plain).expect("AES encrypts anything");
        }
        if self.etype != RC4 {
            return seeded(plain.len() as u64, "filler", plain.len() / 8 * 8 + 40);
        }
        let noise = krb5::Key::random(AES128_SHA1).expect("random key");
        let mut data = noise.bytes()[..8].to_vec();
        data.extend_from_slice(plain);
        let k1 = hmac_md5(&self.bytes, &[&rc4_usage(usage)]);
        let tag = hmac_md5(&k1, &[&data]);
        rc4(&hmac_md5(&k1, &[&tag]), &mut data);
        [&tag[..], &data].concat()
    }

    /// RFC 3961 decrypt.
    pub fn decrypt(&self, usage: u32, cipher: &[u8]) -> Result<Vec<u8>, String> {
        if let Some(key) = self.aes() {
            return key.decrypt(usage, cipher).map_err(|e| e.to_string());
        }
        if self.etype != RC4 || cipher.len() < 24 {
            return Err(format!("cannot decrypt etype {}", self.etype));
        }
        let (tag, data) = cipher.split_at(16);
        let mut data = data.to_vec();
        let k1 = hmac_md5(&self.bytes, &[&rc4_usage(usage)]);
        rc4(&hmac_md5(&k1, &[tag]), &mut data);
        if hmac_md5(&k1, &[&data]) != tag {
            return Err("integrity check failed".into());
        }
        Ok(data.split_off(8))
    }

    /// The checksum type that goes with the etype.
    pub fn checksum_type(&self) -> i64 {
        match self.etype {
            AES128_SHA1 => 15,
            AES256_SHA1 => 16,
            AES128_SHA2 => 19,
            AES256_SHA2 => 20,
            DES3 => 12,
            _ => -138,
        }
    }

    /// RFC 3961 get_mic.
    pub fn checksum(&self, usage: u32, message: &[u8]) -> Vec<u8> {
        if let Some(key) = self.aes() {
            return key.checksum(usage, message).expect("AES signs anything");
        }
        let signing = hmac_md5(&self.bytes, &[b"signaturekey\0"]);
        let inner = md5(&[&rc4_usage(usage), message]);
        hmac_md5(&signing, &[&inner]).to_vec()
    }

    /// Octets of a checksum.
    pub fn checksum_len(&self) -> usize {
        match self.etype {
            AES128_SHA1 | AES256_SHA1 => 12,
            AES256_SHA2 => 24,
            _ => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc4_hmac_round_trip_and_stream_vector() {
        let mut data = *b"Plaintext";
        rc4(b"Key", &mut data);
        assert_eq!(data, [0xbb, 0xf3, 0x16, 0xe8, 0xd9, 0x40, 0xaf, 0x0a, 0xd3]);
        let key = KitKey::seeded(1, "k", RC4);
        let sealed = key.encrypt(11, b"hello");
        assert_eq!(key.decrypt(11, &sealed).unwrap(), b"hello");
        assert!(key.decrypt(2, &sealed).is_err());
    }
}
