//! NTLMv2's cryptography (MS-NLMP 3.3.2, 3.4). Bytes in, bytes out.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::accounts::{NtHash, upcase};

/// A 128-bit key. Wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; 16]);

impl Key {
    pub(crate) fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

/// HMAC-MD5 over parts.
pub(crate) fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else {
        return [0; 16];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// NTOWFv2 (3.3.2): the user's upper case, unit by unit, and the domain as it
/// was sent (rule 33).
pub(crate) fn ntowf_v2(hash: &NtHash, user: &[u16], domain: &[u16]) -> Key {
    let bytes: Vec<u8> = upcase(user)
        .into_iter()
        .chain(domain.iter().copied())
        .flat_map(u16::to_le_bytes)
        .collect();
    Key(hmac_md5(hash.expose(), &[&bytes]))
}

/// NTProofStr (3.3.2).
pub(crate) fn nt_proof(key: &Key, server_challenge: [u8; 8], client_challenge: &[u8]) -> [u8; 16] {
    hmac_md5(&key.0, &[&server_challenge, client_challenge])
}

/// SessionBaseKey (3.3.2); with NTLMv2 the KeyExchangeKey too (3.4.5.1).
pub(crate) fn session_base_key(key: &Key, proof: &[u8; 16]) -> Key {
    Key(hmac_md5(&key.0, &[proof]))
}

/// The random session key that the client chose (3.1.5.1.2).
pub(crate) fn random_session_key(key_exchange_key: &Key, encrypted: &[u8; 16]) -> Key {
    let mut key = Key(*encrypted);
    if let Some(mut rc4) = rc4(&key_exchange_key.0) {
        rc4.apply_keystream(&mut key.0);
    }
    key
}

/// The MIC over the three messages, the last with its MIC as zeros
/// (3.1.5.1.2).
pub(crate) fn mic(key: &Key, messages: &[&[u8]]) -> [u8; 16] {
    hmac_md5(&key.0, messages)
}

/// Compares in constant time.
pub(crate) fn same(one: &[u8; 16], two: &[u8; 16]) -> bool {
    one.ct_eq(two).into()
}

/// A cipher; a key of any usual length makes one.
pub(crate) fn rc4(key: &[u8]) -> Option<Rc4> {
    use rc4::KeyInit as _;
    Rc4::new_from_slice(key).ok()
}

/// Who sends what a key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// SIGNKEY with extended session security (3.4.5.2).
pub(crate) fn sign_key(key: &Key, sender: Sender) -> Key {
    derive(
        key,
        match sender {
            Sender::Client => b"session key to client-to-server signing key magic constant\0",
            Sender::Server => b"session key to server-to-client signing key magic constant\0",
        },
    )
}

/// SEALKEY with extended session security and 128-bit keys (3.4.5.3).
pub(crate) fn seal_key(key: &Key, sender: Sender) -> Key {
    derive(
        key,
        match sender {
            Sender::Client => b"session key to client-to-server sealing key magic constant\0",
            Sender::Server => b"session key to server-to-client sealing key magic constant\0",
        },
    )
}

fn derive(key: &Key, constant: &[u8]) -> Key {
    let mut md5 = Md5::new();
    md5.update(key.0);
    md5.update(constant);
    Key(md5.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::{
        Key, Sender, nt_proof, ntowf_v2, random_session_key, rc4, seal_key, session_base_key,
        sign_key,
    };
    use crate::accounts::NtHash;
    use rc4::StreamCipher as _;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn key(text: &str) -> Key {
        Key::new(hex(text).try_into().unwrap())
    }

    /// The blob of MS-NLMP 4.2.4.1.3 (temp), whose parts are listed in 4.2.1
    /// and 4.2.4: time 0, client challenge aa.., NetBIOS domain and server.
    fn temp() -> Vec<u8> {
        hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000
             02000c0044006f006d00610069006e00
             01000c00530065007200760065007200
             0000000000000000")
    }

    /// MS-NLMP 4.2.4: user "User", domain "Domain", password "Password".
    #[test]
    fn published_values_of_ntlm_v2() {
        let hash = NtHash::from_password("Password");
        let ntowf = ntowf_v2(&hash, &utf16("User"), &utf16("Domain"));
        // 4.2.4.1.1
        assert_eq!(ntowf.expose(), &hex("0c868a403bfd7a93a3001ef22ef02e3f")[..]);
        let challenge = hex("0123456789abcdef").try_into().unwrap();
        let proof = nt_proof(&ntowf, challenge, &temp());
        // 4.2.4.2.2, the first sixteen bytes of the response
        assert_eq!(proof, hex("68cd0ab851e51c96aabc927bebef6a1c")[..]);
        let base = session_base_key(&ntowf, &proof);
        // 4.2.4.1.2
        assert_eq!(base.expose(), &hex("8de40ccadbc14a82f15cb0ad0de95ca3")[..]);
        // 4.2.4.2.3: the random session key is 55 sixteen times.
        let encrypted = hex("c5dad2544fc9799094ce1ce90bc9d03e").try_into().unwrap();
        let random = random_session_key(&base, &encrypted);
        assert_eq!(random.expose(), &[0x55; 16]);
    }

    /// MS-NLMP 4.2.4.4: keys of the client's direction.
    #[test]
    fn published_keys_of_messages() {
        let exported = key("55555555555555555555555555555555");
        let sign = sign_key(&exported, Sender::Client);
        assert_eq!(sign.expose(), &hex("4788dc861b4782f35d43fd98fe1a2d39")[..]);
        let seal = seal_key(&exported, Sender::Client);
        assert_eq!(seal.expose(), &hex("59f600973cc4960a25480a7c196e4c58")[..]);
        let server = seal_key(&exported, Sender::Server);
        assert_ne!(server.expose(), seal.expose());
        assert_ne!(
            server.expose(),
            sign_key(&exported, Sender::Server).expose()
        );
    }

    /// RFC 6229 2, 128-bit key 0102..10, offset 0.
    #[test]
    fn rc4_is_rc4() {
        let mut stream = [0; 16];
        let mut cipher = rc4(&hex("0102030405060708090a0b0c0d0e0f10")).unwrap();
        cipher.apply_keystream(&mut stream);
        assert_eq!(stream, hex("9ac7cc9a609d1ef7b2932899cde41b97")[..]);
    }

    /// Rule 33: the domain is not put into upper case, the user is, one
    /// character to one.
    #[test]
    fn only_the_user_is_put_into_upper_case() {
        let hash = NtHash::from_password("x");
        let key =
            |user: &str, domain: &str| *ntowf_v2(&hash, &utf16(user), &utf16(domain)).expose();
        assert_eq!(key("uSer", "Domain"), key("USER", "Domain"));
        assert_ne!(key("User", "Domain"), key("User", "DOMAIN"));
        assert_ne!(key("straße", ""), key("strasse", ""));
    }
}
