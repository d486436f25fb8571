//! The header that every message begins with (MS-SMB2 2.2.1), and statuses.

use crate::wire::{Malformed, Writer, part, u16_at, u32_at, u64_at};

/// Bytes of the header.
pub const HEADER: usize = 64;
/// Where the signature is.
pub const SIGNATURE: core::ops::Range<usize> = 48..64;

/// From the server.
pub const FLAG_RESPONSE: u32 = 1;
/// Signed.
pub const FLAG_SIGNED: u32 = 8;

/// Commands of MS-SMB2 2.2.1.2.
pub mod command {
    pub const NEGOTIATE: u16 = 0;
    pub const SESSION_SETUP: u16 = 1;
    pub const LOGOFF: u16 = 2;
    pub const TREE_CONNECT: u16 = 3;
    pub const TREE_DISCONNECT: u16 = 4;
    pub const CREATE: u16 = 5;
    pub const IOCTL: u16 = 11;
    pub const CANCEL: u16 = 12;
    pub const ECHO: u16 = 13;
}

/// A status of MS-ERREF 2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    pub const SUCCESS: Self = Self(0);
    pub const INVALID_PARAMETER: Self = Self(0xC000_000D);
    pub const INVALID_DEVICE_REQUEST: Self = Self(0xC000_0010);
    pub const MORE_PROCESSING_REQUIRED: Self = Self(0xC000_0016);
    pub const ACCESS_DENIED: Self = Self(0xC000_0022);
    pub const OBJECT_NAME_NOT_FOUND: Self = Self(0xC000_0034);
    pub const NO_LOGON_SERVERS: Self = Self(0xC000_005E);
    pub const LOGON_FAILURE: Self = Self(0xC000_006D);
    pub const NOT_SUPPORTED: Self = Self(0xC000_00BB);
    pub const NETWORK_NAME_DELETED: Self = Self(0xC000_00C9);
    pub const BAD_NETWORK_NAME: Self = Self(0xC000_00CC);
    pub const REQUEST_NOT_ACCEPTED: Self = Self(0xC000_00D0);
    pub const TIME_DIFFERENCE_AT_DC: Self = Self(0xC000_0133);
    pub const FS_DRIVER_REQUIRED: Self = Self(0xC000_019C);
    pub const USER_SESSION_DELETED: Self = Self(0xC000_0203);
    pub const INSUFF_SERVER_RESOURCES: Self = Self(0xC000_0205);
    pub const NETWORK_SESSION_EXPIRED: Self = Self(0xC000_035C);
    pub const NO_PREAUTH_INTEGRITY_HASH_OVERLAP: Self = Self(0xC05D_0000);
}

/// What is read of a request's header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub credit_charge: u16,
    pub command: u16,
    pub credits: u16,
    pub flags: u32,
    pub next: u32,
    pub message_id: u64,
    pub tree_id: u32,
    pub session_id: u64,
}

impl Header {
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        part(message, 0, HEADER)?;
        if !message.starts_with(b"\xFESMB") || u16_at(message, 4)? != 64 {
            return Err(Malformed);
        }
        Ok(Self {
            credit_charge: u16_at(message, 6)?,
            command: u16_at(message, 12)?,
            credits: u16_at(message, 14)?,
            flags: u32_at(message, 16)?,
            next: u32_at(message, 20)?,
            message_id: u64_at(message, 24)?,
            tree_id: u32_at(message, 36)?,
            session_id: u64_at(message, 40)?,
        })
    }

    /// A message with this header and an empty signature.
    pub fn write(&self, status: Status, body: &[u8]) -> Vec<u8> {
        Writer::default()
            .bytes(b"\xFESMB")
            .u16(64)
            .u16(self.credit_charge)
            .u32(status.0)
            .u16(self.command)
            .u16(self.credits)
            .u32(self.flags)
            .u32(self.next)
            .u64(self.message_id)
            .u32(0)
            .u32(self.tree_id)
            .u64(self.session_id)
            .bytes(&[0; 16])
            .bytes(body)
            .0
    }
}

/// The body of an error (MS-SMB2 2.2.2): no data, one byte of padding.
pub fn error_body() -> Vec<u8> {
    Writer::default().u16(9).u16(0).u32(0).bytes(&[0]).0
}
