//! Per-message tokens (RFC 4121 4.2), made and read from either side.

use crate::crypto::KitKey;

/// Which side a context is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client.
    Initiator,
    /// The server.
    Acceptor,
}

/// Flags octet of RFC 4121 4.2.2.
pub mod flag {
    /// SentByAcceptor.
    pub const ACCEPTOR: u8 = 1;
    /// Sealed.
    pub const SEALED: u8 = 2;
    /// AcceptorSubkey.
    pub const SUBKEY: u8 = 4;
}

/// One side of an established context.
#[derive(Clone, Debug)]
pub struct Messages {
    /// The key of the tokens.
    pub key: KitKey,
    /// This side.
    pub role: Role,
    /// Whether the acceptor asserted a subkey.
    pub acceptor_subkey: bool,
}

/// How to make one Wrap token.
#[derive(Clone, Debug)]
pub struct WrapSpec {
    /// SND_SEQ.
    pub seq: u64,
    /// Sealed, or integrity only.
    pub sealed: bool,
    /// EC of a sealed token: so many filler octets.
    pub ec: u16,
    /// RRC: the token is rotated by so many octets.
    pub rrc: u16,
    /// The whole flags octet, where it is to be another one.
    pub flags: Option<u8>,
    /// The filler octet (FF).
    pub filler: u8,
    /// The token id (05 04).
    pub id: [u8; 2],
    /// The EC that is written in the clear, where it is to differ.
    pub clear_ec: Option<u16>,
    /// The EC inside the encrypted copy of the header, where it is to differ.
    pub inner_ec: Option<u16>,
    /// Key usage, where it is to be another one.
    pub usage: Option<u32>,
}

impl WrapSpec {
    /// An ordinary token.
    pub fn new(seq: u64, sealed: bool) -> Self {
        Self {
            seq,
            sealed,
            ec: 0,
            rrc: 0,
            flags: None,
            filler: 0xff,
            id: [5, 4],
            clear_ec: None,
            inner_ec: None,
            usage: None,
        }
    }
}

/// How to make one MIC token.
#[derive(Clone, Debug)]
pub struct MicSpec {
    /// SND_SEQ.
    pub seq: u64,
    /// The whole flags octet, where it is to be another one.
    pub flags: Option<u8>,
    /// Octets 3 to 7 (FF).
    pub filler: [u8; 5],
    /// The token id (04 04).
    pub id: [u8; 2],
    /// Key usage, where it is to be another one.
    pub usage: Option<u32>,
}

impl MicSpec {
    /// An ordinary token.
    pub fn new(seq: u64) -> Self {
        Self {
            seq,
            flags: None,
            filler: [0xff; 5],
            id: [4, 4],
            usage: None,
        }
    }
}

/// What a Wrap token held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// The message.
    pub message: Vec<u8>,
    /// Whether it was sealed.
    pub sealed: bool,
    /// SND_SEQ.
    pub seq: u64,
}

fn header(id: [u8; 2], flags: u8, filler: u8, ec: u16, rrc: u16, seq: u64) -> [u8; 16] {
    let mut h = [0; 16];
    h[..2].copy_from_slice(&id);
    h[2] = flags;
    h[3] = filler;
    h[4..6].copy_from_slice(&ec.to_be_bytes());
    h[6..8].copy_from_slice(&rrc.to_be_bytes());
    h[8..].copy_from_slice(&seq.to_be_bytes());
    h
}

impl Messages {
    fn flags(&self, from: Role) -> u8 {
        let acceptor = if from == Role::Acceptor {
            flag::ACCEPTOR
        } else {
            0
        };
        acceptor
            | if self.acceptor_subkey {
                flag::SUBKEY
            } else {
                0
            }
    }

    fn peer(&self) -> Role {
        match self.role {
            Role::Initiator => Role::Acceptor,
            Role::Acceptor => Role::Initiator,
        }
    }

    /// The acceptor seals with 22 and signs with 23, the initiator with 24 and 25 (rule 23).
    fn usage(from: Role, mic: bool) -> u32 {
        22 + u32::from(mic) + if from == Role::Initiator { 2 } else { 0 }
    }

    /// A Wrap token for `message`.
    pub fn wrap(&self, message: &[u8], spec: &WrapSpec) -> Vec<u8> {
        let usage = spec.usage.unwrap_or(Self::usage(self.role, false));
        let sealed = if spec.sealed { flag::SEALED } else { 0 };
        let flags = spec.flags.unwrap_or(self.flags(self.role) | sealed);
        let head = |ec, rrc| header(spec.id, flags, spec.filler, ec, rrc, spec.seq);
        let (mut body, ec) = if spec.sealed {
            let mut plain = message.to_vec();
            plain.extend(std::iter::repeat_n(0, spec.ec.into()));
            plain.extend(head(spec.inner_ec.unwrap_or(spec.ec), 0));
            (self.key.encrypt(usage, &plain), spec.ec)
        } else {
            let sum = self.key.checksum(usage, &[message, &head(0, 0)].concat());
            ([message, &sum].concat(), sum.len() as u16)
        };
        let by = usize::from(spec.rrc) % body.len();
        body.rotate_right(by);
        [&head(spec.clear_ec.unwrap_or(ec), spec.rrc)[..], &body].concat()
    }

    /// A MIC token for `message`.
    pub fn mic(&self, message: &[u8], spec: &MicSpec) -> Vec<u8> {
        let usage = spec.usage.unwrap_or(Self::usage(self.role, true));
        let flags = spec.flags.unwrap_or(self.flags(self.role));
        let mut h = header(spec.id, flags, 0, 0, 0, spec.seq);
        h[3..8].copy_from_slice(&spec.filler);
        let sum = self.key.checksum(usage, &[message, &h].concat());
        [&h[..], &sum].concat()
    }

    fn check_header(&self, token: &[u8], id: [u8; 2]) -> Result<([u8; 16], u64), String> {
        let h: [u8; 16] = *token.first_chunk().ok_or("shorter than a header")?;
        let sealed = h[2] & flag::SEALED;
        if h[..2] != id || h[3] != 0xff || h[2] & !sealed != self.flags(self.peer()) {
            return Err(format!("header {h:02x?}"));
        }
        let seq = u64::from_be_bytes(h[8..].try_into().expect("eight octets"));
        Ok((h, seq))
    }

    /// Opens the peer's Wrap token, strictly.
    pub fn unwrap(&self, token: &[u8]) -> Result<Unwrapped, String> {
        let (h, seq) = self.check_header(token, [5, 4])?;
        let sealed = h[2] & flag::SEALED != 0;
        let usage = Self::usage(self.peer(), false);
        let ec = usize::from(u16::from_be_bytes([h[4], h[5]]));
        let rrc = usize::from(u16::from_be_bytes([h[6], h[7]]));
        let mut body = token[16..].to_vec();
        if body.is_empty() {
            return Err("empty token".into());
        }
        let by = rrc % body.len();
        body.rotate_left(by);
        let mut head = h;
        head[6..8].fill(0);
        let message = if sealed {
            let plain = self.key.decrypt(usage, &body)?;
            let rest = plain.strip_suffix(&head).ok_or("header copy differs")?;
            rest[..rest.len().checked_sub(ec).ok_or("EC too large")?].to_vec()
        } else {
            if ec != self.key.checksum_len() || body.len() < ec {
                return Err(format!("EC {ec}"));
            }
            let (message, sum) = body.split_at(body.len() - ec);
            head[4..6].fill(0);
            if self.key.checksum(usage, &[message, &head].concat()) != sum {
                return Err("checksum differs".into());
            }
            message.to_vec()
        };
        Ok(Unwrapped {
            message,
            sealed,
            seq,
        })
    }

    /// Verifies the peer's MIC token, strictly; gives its sequence number.
    pub fn verify(&self, token: &[u8], message: &[u8]) -> Result<u64, String> {
        let (h, seq) = self.check_header(token, [4, 4])?;
        let usage = Self::usage(self.peer(), true);
        let sum = self.key.checksum(usage, &[message, &h].concat());
        if h[3..8] != [0xff; 5] || h[2] & flag::SEALED != 0 || sum != token[16..] {
            return Err("MIC differs".into());
        }
        Ok(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::AES_ETYPES;

    #[test]
    fn both_sides_understand_each_other() {
        for etype in AES_ETYPES {
            let a = Messages {
                key: KitKey::seeded(7, "m", etype),
                role: Role::Initiator,
                acceptor_subkey: true,
            };
            let b = Messages {
                role: Role::Acceptor,
                ..a.clone()
            };
            for (sealed, ec, rrc) in [(true, 0, 0), (true, 16, 28), (false, 0, 0), (false, 0, 12)] {
                let spec = WrapSpec {
                    ec,
                    rrc,
                    ..WrapSpec::new(9, sealed)
                };
                let got = b.unwrap(&a.wrap(b"hello", &spec)).unwrap();
                assert_eq!(
                    (&got.message[..], got.sealed, got.seq),
                    (&b"hello"[..], sealed, 9)
                );
                assert!(a.unwrap(&a.wrap(b"hello", &spec)).is_err(), "reflected");
            }
            let mic = b.mic(b"hello", &MicSpec::new(3));
            assert_eq!(a.verify(&mic, b"hello"), Ok(3));
            assert!(a.verify(&mic, b"hallo").is_err());
        }
    }
}
