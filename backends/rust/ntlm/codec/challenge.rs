//! CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2).

use super::Flags;
use super::message::SIGNATURE;

/// The server's message.
pub(crate) struct Challenge<'a> {
    pub(crate) flags: Flags,
    pub(crate) nonce: [u8; 8],
    /// The name of the server or its domain, in the negotiated characters.
    pub(crate) target_name: &'a [u8],
    /// AV_PAIRs, always in UTF-16.
    pub(crate) target_info: &'a [u8],
}

/// The fixed part, with Version.
const HEADER: usize = 56;

/// VERSION (MS-NLMP 2.2.2.10) for those who look: a version that knows all of
/// this, no build, and NTLMSSP_REVISION_W2K3.
const VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];

impl Challenge<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.target_name.len() + self.target_info.len());
        out.extend_from_slice(SIGNATURE);
        out.extend_from_slice(&2_u32.to_le_bytes());
        put_place(&mut out, HEADER, self.target_name);
        out.extend_from_slice(&self.flags.bits().to_le_bytes());
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&[0; 8]);
        put_place(&mut out, HEADER + self.target_name.len(), self.target_info);
        if self.flags.contains(Flags::VERSION) {
            out.extend_from_slice(&VERSION);
        } else {
            out.extend_from_slice(&[0; 8]);
        }
        out.extend_from_slice(self.target_name);
        out.extend_from_slice(self.target_info);
        out
    }
}

/// Length, length again, and offset of a part. The names of a configuration
/// are bounded far below what 16 bits hold.
fn put_place(out: &mut Vec<u8>, offset: usize, part: &[u8]) {
    let length = u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&length);
    out.extend_from_slice(&u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
}
