//! A forger of NTLM messages (MS-NLMP), with every field open to change, and the client's end of
//! an established context.

use crate::crypto::{Rc4Stream, md5, rc4_stream};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// NegotiateFlags (MS-NLMP 2.2.2.5).
pub mod flags {
    pub const UNICODE: u32 = 1;
    pub const OEM: u32 = 2;
    pub const REQUEST_TARGET: u32 = 4;
    pub const SIGN: u32 = 0x10;
    pub const SEAL: u32 = 0x20;
    pub const DATAGRAM: u32 = 0x40;
    pub const LM_KEY: u32 = 0x80;
    pub const NTLM: u32 = 0x200;
    pub const ANONYMOUS: u32 = 0x800;
    pub const ALWAYS_SIGN: u32 = 0x8000;
    pub const ESS: u32 = 0x8_0000;
    pub const IDENTIFY: u32 = 0x10_0000;
    pub const TARGET_INFO: u32 = 0x80_0000;
    pub const VERSION: u32 = 0x200_0000;
    pub const KEY_128: u32 = 0x2000_0000;
    pub const KEY_EXCH: u32 = 0x4000_0000;
    pub const KEY_56: u32 = 0x8000_0000;
    /// What Windows asks for when messages are to be sealed.
    pub const SEALING: u32 = UNICODE
        | REQUEST_TARGET
        | SIGN
        | SEAL
        | NTLM
        | ALWAYS_SIGN
        | ESS
        | TARGET_INFO
        | VERSION
        | KEY_128
        | KEY_EXCH
        | KEY_56;
    /// What a client asks for that protects no messages.
    pub const PLAIN: u32 = UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | ESS;
}

/// AvId (MS-NLMP 2.2.2.1).
pub mod av {
    pub const NB_COMPUTER: u16 = 1;
    pub const NB_DOMAIN: u16 = 2;
    pub const DNS_COMPUTER: u16 = 3;
    pub const DNS_DOMAIN: u16 = 4;
    pub const DNS_TREE: u16 = 5;
    pub const FLAGS: u16 = 6;
    pub const TIMESTAMP: u16 = 7;
    pub const SINGLE_HOST: u16 = 8;
    pub const TARGET_NAME: u16 = 9;
    pub const BINDINGS: u16 = 10;
}

/// The NT hash of "Password" (MS-NLMP 4.2.2.1.2), which is everybody's here.
pub const HASH: [u8; 16] = [
    0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52,
];

/// UTF-16, little-endian.
pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes any key length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// A NEGOTIATE of exactly these flags: the sixteen bytes that suffice.
pub fn negotiate(flags: u32) -> Vec<u8> {
    [b"NTLMSSP\0", &1u32.to_le_bytes()[..], &flags.to_le_bytes()].concat()
}

/// One with names and version, as Windows sends it.
pub fn negotiate_with_names(flags: u32, domain: &str, workstation: &str) -> Vec<u8> {
    let mut out = negotiate(flags | 0x3000);
    let place = |text: &str, offset: usize| {
        let length = u16::try_from(text.len()).expect("short").to_le_bytes();
        [
            &length[..],
            &length,
            &u32::try_from(offset).expect("short").to_le_bytes(),
        ]
        .concat()
    };
    out.extend(place(domain, 40 + workstation.len()));
    out.extend(place(workstation, 40));
    out.extend([10, 0, 0x61, 0x4a, 0, 0, 0, 15]);
    out.extend(workstation.as_bytes());
    out.extend(domain.as_bytes());
    out
}

/// A CHALLENGE, as read.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The message.
    pub bytes: Vec<u8>,
    /// Its flags.
    pub flags: u32,
    /// The server's eight bytes.
    pub nonce: [u8; 8],
    /// TargetName.
    pub target: Vec<u8>,
    /// The pairs of its TargetInfo, in order.
    pub pairs: Vec<(u16, Vec<u8>)>,
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn field(bytes: &[u8], at: usize) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let start = le32(bytes, at + 4)? as usize;
    Some(bytes.get(start..start + length)?.to_vec())
}

impl Challenge {
    /// Reads it, strictly.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"NTLMSSP\0\x02\0\0\0") {
            return None;
        }
        let info = field(bytes, 40)?;
        let (mut pairs, mut at) = (Vec::new(), 0);
        loop {
            let id = u16::from_le_bytes(info.get(at..at + 2)?.try_into().ok()?);
            let length = usize::from(u16::from_le_bytes(
                info.get(at + 2..at + 4)?.try_into().ok()?,
            ));
            let value = info.get(at + 4..at + 4 + length)?.to_vec();
            at += 4 + length;
            if id == 0 {
                break;
            }
            pairs.push((id, value));
        }
        if at != info.len() {
            return None;
        }
        Some(Self {
            bytes: bytes.to_vec(),
            flags: le32(bytes, 20)?,
            nonce: bytes.get(24..32)?.try_into().ok()?,
            target: field(bytes, 12)?,
            pairs,
        })
    }

    /// A pair's value.
    pub fn pair(&self, id: u16) -> Option<&[u8]> {
        let found = self.pairs.iter().find(|(own, _)| *own == id)?;
        Some(&found.1)
    }
}

/// What stands where the MIC belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mic {
    /// No room for it.
    Absent,
    /// Zeros.
    Zero,
    /// The right one.
    Right,
}

/// An AUTHENTICATE to forge.
#[derive(Clone, Debug)]
pub struct Authenticate {
    /// NegotiateFlags.
    pub flags: u32,
    /// The user name.
    pub user: String,
    /// The domain name.
    pub domain: String,
    /// The domain name in the response's hash, if it is another.
    pub hashed_domain: Option<String>,
    /// The user name in the response's hash, already in upper case, if it is another.
    pub hashed_user: Option<String>,
    /// The workstation.
    pub workstation: String,
    /// The NT hash.
    pub hash: [u8; 16],
    /// The pairs of the response.
    pub pairs: Vec<(u16, Vec<u8>)>,
    /// Instead of the whole NTLMv2 response.
    pub nt_response: Option<Vec<u8>>,
    /// The LM response.
    pub lm_response: Vec<u8>,
    /// Xored into the first byte of NTProofStr.
    pub spoil_proof: u8,
    /// The MIC.
    pub mic: Mic,
    /// Whether VERSION is there.
    pub version: bool,
    /// The session key that the client chooses, if it does.
    pub random_key: Option<[u8; 16]>,
    /// Instead of EncryptedRandomSessionKey.
    pub encrypted_key: Option<Vec<u8>>,
    /// The server's eight bytes that the response is for.
    pub nonce: [u8; 8],
    /// NEGOTIATE and CHALLENGE, for the MIC.
    pub before: [Vec<u8>; 2],
}

impl Authenticate {
    /// The answer of a client like Windows: a MIC, and a key exchange where messages are
    /// protected.
    pub fn answer(negotiate: &[u8], challenge: &Challenge, user: &str, domain: &str) -> Self {
        let asked = le32(negotiate, 12).expect("flags");
        let flags = asked & challenge.flags;
        let mut pairs = challenge.pairs.clone();
        pairs.push((av::FLAGS, 2u32.to_le_bytes().to_vec()));
        let exchanges = flags & flags::KEY_EXCH != 0 && flags & (flags::SIGN | flags::SEAL) != 0;
        Self {
            flags,
            user: user.into(),
            domain: domain.into(),
            hashed_domain: None,
            hashed_user: None,
            workstation: "LAPTOP".into(),
            hash: HASH,
            pairs,
            nt_response: None,
            lm_response: vec![0; 24],
            spoil_proof: 0,
            mic: Mic::Right,
            version: true,
            random_key: exchanges.then_some([0x55; 16]),
            encrypted_key: None,
            nonce: challenge.nonce,
            before: [negotiate.to_vec(), challenge.bytes.clone()],
        }
    }

    /// Replaces a pair, or adds it.
    pub fn set(&mut self, id: u16, value: Vec<u8>) {
        self.unset(id);
        self.pairs.push((id, value));
    }

    /// Takes a pair out.
    pub fn unset(&mut self, id: u16) {
        self.pairs.retain(|(own, _)| *own != id);
    }

    /// No MIC, and no word of one: curl, Java.
    pub fn without_mic(&mut self) {
        self.unset(av::FLAGS);
        self.mic = Mic::Absent;
    }

    fn response(&self) -> (Vec<u8>, [u8; 16]) {
        let user = self.hashed_user.clone().unwrap_or(self.user.to_uppercase());
        let domain = self.hashed_domain.as_ref().unwrap_or(&self.domain);
        let key = hmac(&self.hash, &[&utf16(&user), &utf16(domain)]);
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        let time = self.pairs.iter().find(|(id, _)| *id == av::TIMESTAMP);
        blob.extend(time.map_or(vec![0; 8], |(_, value)| value.clone()));
        blob.extend([0xaa; 8]);
        blob.extend([0; 4]);
        for (id, value) in &self.pairs {
            blob.extend(id.to_le_bytes());
            blob.extend(u16::try_from(value.len()).expect("short").to_le_bytes());
            blob.extend(value);
        }
        blob.extend([0; 8]);
        let mut proof = hmac(&key, &[&self.nonce, &blob]);
        let base = hmac(&key, &[&proof]);
        proof[0] ^= self.spoil_proof;
        ([&proof[..], &blob].concat(), base)
    }

    /// ExportedSessionKey.
    pub fn exported(&self) -> [u8; 16] {
        self.random_key.unwrap_or_else(|| self.response().1)
    }

    fn text(&self, text: &str) -> Vec<u8> {
        if self.flags & flags::UNICODE != 0 {
            utf16(text)
        } else {
            text.as_bytes().to_vec()
        }
    }

    /// The message.
    pub fn token(&self) -> Vec<u8> {
        let (response, base) = self.response();
        let mut header = 64 + if self.version { 8 } else { 0 };
        let mic_at = header;
        header += if self.mic == Mic::Absent { 0 } else { 16 };
        let encrypted = self.encrypted_key.clone().unwrap_or_else(|| {
            self.random_key.map_or(Vec::new(), |mut key| {
                rc4_stream(&base).apply(&mut key);
                key.to_vec()
            })
        });
        let parts = [
            self.lm_response.clone(),
            self.nt_response.clone().unwrap_or(response),
            self.text(&self.domain),
            self.text(&self.user),
            self.text(&self.workstation),
            encrypted,
        ];
        let mut out = [b"NTLMSSP\0", &3u32.to_le_bytes()[..]].concat();
        let mut offset = header;
        for part in &parts {
            let length = u16::try_from(part.len()).expect("short").to_le_bytes();
            out.extend([length, length].concat());
            out.extend(u32::try_from(offset).expect("short").to_le_bytes());
            offset += part.len();
        }
        out.extend(self.flags.to_le_bytes());
        out.resize(header, 0);
        if self.version {
            out[64..72].copy_from_slice(&[10, 0, 0x61, 0x4a, 0, 0, 0, 15]);
        }
        out.extend(parts.concat());
        if self.mic == Mic::Right {
            let [negotiate, challenge] = &self.before;
            let mic = hmac(&self.exported(), &[negotiate, challenge, &out]);
            out[mic_at..mic_at + 16].copy_from_slice(&mic);
        }
        out
    }

    /// The client's end of the context.
    pub fn messages(&self) -> Messages {
        Messages::new(&self.exported())
    }
}

/// The client's end of a context with extended session security, 128 bits and key exchange.
pub struct Messages {
    send: Direction,
    receive: Direction,
}

struct Direction {
    sign: [u8; 16],
    seal: [u8; 16],
    stream: Rc4Stream,
    number: u32,
}

impl Direction {
    fn new(key: &[u8; 16], way: &str) -> Self {
        let derive = |what: &str| {
            let text = format!("session key to {way} {what} key magic constant\0");
            md5(&[key, text.as_bytes()])
        };
        let seal = derive("sealing");
        Self {
            sign: derive("signing"),
            stream: rc4_stream(&seal),
            seal,
            number: 0,
        }
    }

    fn signature(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sum = hmac(&self.sign, &[&self.number.to_le_bytes(), plain])[..8].to_vec();
        self.stream.apply(&mut sum);
        let number = self.number.to_le_bytes();
        self.number += 1;
        [&[1, 0, 0, 0], &sum[..], &number].concat()
    }
}

impl Messages {
    fn new(key: &[u8; 16]) -> Self {
        Self {
            send: Direction::new(key, "client-to-server"),
            receive: Direction::new(key, "server-to-client"),
        }
    }

    /// A sealed message.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        self.send.stream.apply(&mut sealed);
        [self.send.signature(plain), sealed].concat()
    }

    /// A signed message.
    pub fn sign(&mut self, plain: &[u8]) -> Vec<u8> {
        [&self.mic(plain)[..], plain].concat()
    }

    /// A signature alone.
    pub fn mic(&mut self, plain: &[u8]) -> Vec<u8> {
        self.send.signature(plain)
    }

    /// Opens a sealed message of the server's.
    pub fn unseal(&mut self, token: &[u8]) -> Option<Vec<u8>> {
        let (signature, sealed) = token.split_at_checked(16)?;
        let mut plain = sealed.to_vec();
        self.receive.stream.apply(&mut plain);
        (self.receive.signature(&plain) == signature).then_some(plain)
    }

    /// Checks a signature of the server's.
    pub fn verify(&mut self, plain: &[u8], signature: &[u8]) -> bool {
        self.receive.signature(plain) == signature
    }

    /// MS-SPNG 3.3.5.1: after SPNEGO's MICs both ciphers begin anew.
    pub fn reset(&mut self) {
        for way in [&mut self.send, &mut self.receive] {
            way.stream = rc4_stream(&way.seal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len() / 2)
            .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    /// MS-NLMP 4.2.4: the forger answers the published CHALLENGE with the published AUTHENTICATE's
    /// proof, and seals the published message.
    #[test]
    fn published_values() {
        let challenge = hex(
            "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef
             00000000000000002400240044000000060070170000000f5300650072007600
             6500720002000c0044006f006d00610069006e0001000c005300650072007600
             6500720000000000",
        );
        let challenge = Challenge::read(&challenge).unwrap();
        assert_eq!(challenge.pair(av::NB_COMPUTER), Some(&utf16("Server")[..]));
        let negotiate = negotiate(flags::SEALING);
        let mut answer = Authenticate::answer(&negotiate, &challenge, "User", "Domain");
        answer.unset(av::FLAGS);
        let (response, _) = answer.response();
        assert_eq!(response[..16], hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert!(
            answer
                .token()
                .ends_with(&hex("c5dad2544fc9799094ce1ce90bc9d03e"))
        );
        let sealed = answer.messages().seal(&utf16("Plaintext"));
        let due = "010000007fb38ec5c55d497600000000 54e50165bf1936dc996020c1811b0f06fb5f";
        assert_eq!(sealed, hex(due));
    }
}
