//! Target information: AV_PAIRs (MS-NLMP 2.2.2.1).

use super::{CodecError, Decoded, Problem, bad, truncated};

/// Identifiers of AV_PAIRs.
pub(crate) mod id {
    pub(crate) const EOL: u16 = 0;
    pub(crate) const NB_COMPUTER: u16 = 1;
    pub(crate) const NB_DOMAIN: u16 = 2;
    pub(crate) const DNS_COMPUTER: u16 = 3;
    pub(crate) const DNS_DOMAIN: u16 = 4;
    pub(crate) const DNS_TREE: u16 = 5;
    pub(crate) const FLAGS: u16 = 6;
    pub(crate) const TIMESTAMP: u16 = 7;
    pub(crate) const TARGET_NAME: u16 = 9;
    pub(crate) const CHANNEL_BINDINGS: u16 = 10;
}

/// Bits of MsvAvFlags.
pub(crate) mod av_flags {
    /// The client computes a MIC.
    pub(crate) const MIC: u32 = 2;
    /// The target name is from a source that the client does not trust.
    pub(crate) const UNTRUSTED_TARGET: u32 = 4;
}

/// How many pairs are looked at: eleven kinds are known.
const MAX_PAIRS: usize = 64;

/// Target information that the server sends.
#[derive(Clone, Default)]
pub(crate) struct AvPairsBuilder(Vec<u8>);

impl AvPairsBuilder {
    /// With one more pair. Values are bounded by their makers; one that no
    /// length can tell is left out.
    pub(crate) fn pair(mut self, id: u16, value: &[u8]) -> Self {
        if let Ok(length) = u16::try_from(value.len()) {
            self.0.extend_from_slice(&id.to_le_bytes());
            self.0.extend_from_slice(&length.to_le_bytes());
            self.0.extend_from_slice(value);
        }
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.pair(id::EOL, &[]).0
    }
}

/// Target information as the client sends it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AvPairs<'a> {
    names: [Option<&'a [u8]>; 5],
    pub(crate) flags: u32,
    pub(crate) timestamp: Option<&'a [u8]>,
    pub(crate) target_name: Option<&'a [u8]>,
    pub(crate) channel_bindings: Option<[u8; 16]>,
}

const PART: &str = "target information";

impl<'a> AvPairs<'a> {
    /// Reads the pairs up to the end of the list; what is behind it is the
    /// response's padding. A known pair that comes twice is refused: which of
    /// the two counts would be the reader's guess.
    pub(crate) fn decode(bytes: &'a [u8]) -> Decoded<Self> {
        let mut pairs = Self::default();
        let mut seen = 0_u16;
        let mut offset = 0_usize;
        for _ in 0..MAX_PAIRS {
            let header: [u8; 4] = *bytes
                .get(offset..)
                .and_then(<[u8]>::first_chunk)
                .ok_or_else(|| truncated(PART, offset))?;
            let [id_low, id_high, length_low, length_high] = header;
            let id = u16::from_le_bytes([id_low, id_high]);
            let length = usize::from(u16::from_le_bytes([length_low, length_high]));
            if id == id::EOL {
                return Ok(pairs);
            }
            let start = offset + 4;
            let value = bytes
                .get(start..start + length)
                .ok_or_else(|| truncated(PART, offset))?;
            if id <= id::CHANNEL_BINDINGS {
                if seen & (1 << id) != 0 {
                    return Err(bad(PART, "AvId (twice)", offset));
                }
                seen |= 1 << id;
            }
            pairs.set(id, value, offset)?;
            offset = start + length;
        }
        Err(CodecError::at(PART, Problem::TooMany, Some(offset)))
    }

    fn set(&mut self, id: u16, value: &'a [u8], offset: usize) -> Decoded<()> {
        match id {
            id::NB_COMPUTER..=id::DNS_TREE => {
                if let Some(name) = self.names.get_mut(usize::from(id) - 1) {
                    *name = Some(value);
                }
            }
            id::FLAGS => {
                let value = value
                    .try_into()
                    .map_err(|_| bad(PART, "MsvAvFlags", offset))?;
                self.flags = u32::from_le_bytes(value);
            }
            id::TIMESTAMP if value.len() == 8 => self.timestamp = Some(value),
            id::TIMESTAMP => return Err(bad(PART, "MsvAvTimestamp", offset)),
            id::TARGET_NAME => self.target_name = Some(value),
            id::CHANNEL_BINDINGS => {
                let value = value
                    .try_into()
                    .map_err(|_| bad(PART, "MsvAvChannelBindings", offset))?;
                self.channel_bindings = Some(value);
            }
            _ => {}
        }
        Ok(())
    }

    /// One of the five names of the server's.
    pub(crate) fn name(&self, id: u16) -> Option<&'a [u8]> {
        let index = usize::from(id).checked_sub(1)?;
        self.names.get(index).copied().flatten()
    }
}
