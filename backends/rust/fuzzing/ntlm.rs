//! NTLM: its messages, and whole handshakes of a client that knows the
//! password and is damaged before or after it has used it.

use std::sync::OnceLock;

use super::super::ntlm::codec::Flags;
use super::super::ntlm::codec::authenticate::{Authenticate, Ntlm2Response};
use super::super::ntlm::codec::av_pairs::{AvPairs, AvPairsBuilder, id};
use super::super::ntlm::codec::negotiate::Negotiate;
use super::super::ntlm::codec::text::utf16;
use super::super::ntlm::crypto;
use crate::acceptor::{Acceptor, Step};
use crate::accounts::{MemoryAccounts, NtHash};
use crate::backends::rust;
use crate::config::AcceptorConfig;
use crate::context::Context;
use crate::mechanism::Mechanism;
use crate::name::Name;
use crate::ntlm::Ntlm;

const PASSWORD: &str = "Password";

/// NEGOTIATE, AUTHENTICATE, and what is inside of that.
pub fn ntlm_messages(input: &[u8]) {
    let negotiate = Negotiate::decode(input);
    let authenticate = Authenticate::decode(input);
    assert!(negotiate.is_err() || authenticate.is_err(), "one type each");
    if let Ok(message) = authenticate {
        let parts = [
            message.lm_response,
            message.nt_response,
            message.session_key,
        ];
        assert!(parts.iter().map(|part| part.len()).sum::<usize>() <= input.len());
        assert_eq!(
            String::from_utf16(&message.user.units).ok().as_ref(),
            Some(&message.user.text)
        );
        if let Some(mic) = &message.mic {
            assert!(mic.len() == 16 && mic.end <= input.len());
        }
        response(message.nt_response);
    }
    response(input);
    // A list that reads, written from what was read, reads the same.
    if let Ok(pairs) = AvPairs::decode(input) {
        let mut again = AvPairsBuilder::default();
        for name in id::NB_COMPUTER..=id::DNS_TREE {
            if let Some(value) = pairs.name(name) {
                again = again.pair(name, value);
            }
        }
        let again = again.finish();
        let again = AvPairs::decode(&again).expect("what was written can be read");
        for name in id::NB_COMPUTER..=id::DNS_TREE {
            assert_eq!(again.name(name), pairs.name(name));
        }
    }
}

fn response(input: &[u8]) {
    if let Ok(Some(response)) = Ntlm2Response::decode(input) {
        let length = response.proof.len() + response.client_challenge.len();
        assert_eq!(length, input.len());
    }
}

pub(super) fn config() -> &'static AcceptorConfig {
    static CONFIG: OnceLock<AcceptorConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let accounts = MemoryAccounts::new().user("alice", NtHash::from_password(PASSWORD));
        let ntlm = Ntlm::new(accounts).computer("WEB").domain("CORP");
        AcceptorConfig::builder(rust(ntlm))
            .mechanisms(&[Mechanism::Ntlm])
            .build()
            .expect("builds")
    })
}

/// A handshake: how the client answers, what it asks for, where its answer is
/// damaged, and its own AV_PAIRs or its whole AUTHENTICATE.
pub fn ntlm_handshake(input: &[u8]) {
    let Some((&[how, f0, f1, f2, f3, at0, at1, flip], rest)) = input.split_first_chunk() else {
        return;
    };
    let asked = u32::from_le_bytes([f0, f1, f2, f3]);
    let negotiate = [b"NTLMSSP\0\x01\0\0\0", &asked.to_le_bytes()[..]].concat();
    let mut acceptor = Acceptor::new(config());
    let Ok(Step::Continue { token: challenge }) = acceptor.step(&negotiate) else {
        return;
    };
    if how & 1 == 0 {
        // Who knows no password gets in with nothing at all.
        assert!(acceptor.step(rest).is_err());
        return;
    }
    let mut client = Client::new(&negotiate, &challenge, asked, how, rest);
    let mut token = client.token();
    let at = usize::from(u16::from_le_bytes([at0, at1])) % token.len();
    if let Some(byte) = token.get_mut(at) {
        *byte ^= flip;
    }
    match acceptor.step(&token) {
        Ok(Step::Established { context, .. }) => {
            let alice = matches!(context.peer(), Name::Ntlm { user, .. } if user == "alice");
            assert!(alice, "somebody else");
            assert!(client.knows, "without the password");
            assert!(flip == 0 || !client.protected, "byte {at} does not count");
        }
        Ok(Step::Continue { .. }) => panic!("a third leg"),
        Err(_) => {}
    }
}

/// A client made of this crate's own parts.
struct Client {
    flags: u32,
    blob: Vec<u8>,
    nonce: [u8; 8],
    /// NEGOTIATE and CHALLENGE.
    before: Vec<u8>,
    knows: bool,
    /// Whether it announces a MIC.
    protected: bool,
}

impl Client {
    fn new(negotiate: &[u8], challenge: &[u8], asked: u32, how: u8, pairs: &[u8]) -> Self {
        let offered = challenge.get(20..24).and_then(<[u8]>::first_chunk);
        let offered = u32::from_le_bytes(*offered.expect("flags"));
        let nonce = challenge.get(24..32).and_then(<[u8]>::first_chunk);
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend([0; 20]);
        if how & 2 == 0 {
            // The server's own, and a word of a MIC.
            let at = challenge.get(44..48).and_then(<[u8]>::first_chunk);
            let at = u32::from_le_bytes(*at.expect("a place")) as usize;
            let own = challenge
                .get(at..challenge.len() - 4)
                .expect("target information");
            blob.extend_from_slice(own);
            if how & 4 != 0 {
                blob.extend([6, 0, 4, 0, 2, 0, 0, 0]);
            }
        }
        blob.extend_from_slice(pairs.get(..pairs.len().min(4096)).unwrap_or_default());
        blob.extend([0; 8]);
        let announces = blob
            .get(28..)
            .is_some_and(|pairs| AvPairs::decode(pairs).is_ok_and(|pairs| pairs.flags & 2 != 0));
        Self {
            flags: if how & 8 == 0 { asked & offered } else { asked },
            blob,
            nonce: *nonce.expect("a challenge"),
            before: [negotiate, challenge].concat(),
            knows: how & 16 == 0,
            protected: announces,
        }
    }

    fn token(&mut self) -> Vec<u8> {
        let unicode = self.flags & Flags::UNICODE.bits() != 0;
        let text = |text: &str| if unicode { utf16(text) } else { text.into() };
        let password = if self.knows { PASSWORD } else { "other" };
        let user: Vec<u16> = "alice".encode_utf16().collect();
        let key = crypto::ntowf_v2(&NtHash::from_password(password), &user, &[]);
        let proof = crypto::nt_proof(&key, self.nonce, &self.blob);
        let base = crypto::session_base_key(&key, &proof);
        let encrypted = [0x5A; 16];
        let protects = Flags::SIGN.bits() | Flags::SEAL.bits();
        let exchanges = self.flags & protects != 0 && self.flags & Flags::KEY_EXCH.bits() != 0;
        let exported = if exchanges {
            crypto::random_session_key(&base, &encrypted)
        } else {
            base
        };
        let parts = [
            Vec::new(),
            [&proof[..], &self.blob].concat(),
            Vec::new(),
            text("alice"),
            text("LAPTOP"),
            if exchanges {
                encrypted.to_vec()
            } else {
                Vec::new()
            },
        ];
        let mut token = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut offset = 88_u32;
        for part in &parts {
            let length = u16::try_from(part.len()).expect("short");
            token.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
            token.extend(offset.to_le_bytes());
            offset += u32::from(length);
        }
        token.extend(self.flags.to_le_bytes());
        token.extend([0; 24]);
        token.extend(parts.concat());
        let mic = crypto::mic(&exported, &[&self.before, &token]);
        if let Some(place) = token.get_mut(72..88) {
            place.copy_from_slice(&mic);
        }
        token
    }
}

/// A context of the client that knows the password.
pub(super) fn established() -> Option<Context> {
    let sealing = 0xE288_8235_u32;
    let negotiate = [b"NTLMSSP\0\x01\0\0\0", &sealing.to_le_bytes()[..]].concat();
    let mut acceptor = Acceptor::new(config());
    let Ok(Step::Continue { token }) = acceptor.step(&negotiate) else {
        return None;
    };
    let token = Client::new(&negotiate, &token, sealing, 5, &[]).token();
    match acceptor.step(&token) {
        Ok(Step::Established { context, .. }) => Some(context),
        _ => None,
    }
}

/// Good input to begin with.
pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let sealing = 0xE288_8235_u32;
    let handshake = |how: u8, flags: u32, pairs: &[u8]| {
        [&[how][..], &flags.to_le_bytes(), &[0, 0, 0], pairs].concat()
    };
    let pairs = AvPairsBuilder::default().pair(id::TARGET_NAME, &utf16("HTTP/web"));
    let pairs = pairs.finish();
    let config = config();
    let negotiate = [b"NTLMSSP\0\x01\0\0\0", &sealing.to_le_bytes()[..]].concat();
    let Ok(Step::Continue { token }) = Acceptor::new(config).step(&negotiate) else {
        return Vec::new();
    };
    let authenticate = Client::new(&negotiate, &token, sealing, 5, &[]).token();
    vec![
        ("ntlm_messages", "negotiate", negotiate),
        ("ntlm_messages", "authenticate", authenticate.clone()),
        ("ntlm_messages", "pairs", pairs.clone()),
        ("ntlm_handshake", "sealing", handshake(5, sealing, &[])),
        ("ntlm_handshake", "without-mic", handshake(1, sealing, &[])),
        ("ntlm_handshake", "plain", handshake(5, 0x0088_8205, &[])),
        (
            "ntlm_handshake",
            "target-name",
            handshake(5, sealing, &pairs),
        ),
        ("ntlm_handshake", "own-pairs", handshake(3, sealing, &pairs)),
        (
            "ntlm_handshake",
            "wrong-password",
            handshake(21, sealing, &[]),
        ),
        (
            "ntlm_handshake",
            "raw",
            handshake(0, sealing, &authenticate),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{ntlm_handshake, ntlm_messages, seeds};

    /// The seeds, and each of them with one byte damaged in every place.
    #[test]
    fn seeds_and_their_neighbours_hold() {
        let seeds = seeds();
        assert_eq!(seeds.len(), 10);
        for (target, _, bytes) in seeds {
            let run = |input: &[u8]| match target {
                "ntlm_messages" => ntlm_messages(input),
                _ => ntlm_handshake(input),
            };
            run(&bytes);
            for at in 0..bytes.len() {
                run(&bytes[..at]);
                for change in [1, 0x80, 0xFF] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= change;
                    run(&damaged);
                }
            }
            // And the damage after the client has done its work.
            if target == "ntlm_handshake" {
                for place in 0..600_u16 {
                    let mut damaged = bytes.clone();
                    damaged[5..7].copy_from_slice(&place.to_le_bytes());
                    damaged[7] = 0x40;
                    run(&damaged);
                }
            }
        }
    }
}
