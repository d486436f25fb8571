//! Bytes of SMB2: little-endian, at fixed places, never read past their end
//! (MS-SMB2 2.2).

/// A message that is not what MS-SMB2 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// `length` bytes at `offset`.
pub fn part(bytes: &[u8], offset: usize, length: usize) -> Result<&[u8], Malformed> {
    let end = offset.checked_add(length).ok_or(Malformed)?;
    bytes.get(offset..end).ok_or(Malformed)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Malformed> {
    part(bytes, offset, N)?.try_into().map_err(|_| Malformed)
}

pub fn u16_at(bytes: &[u8], offset: usize) -> Result<u16, Malformed> {
    array(bytes, offset).map(u16::from_le_bytes)
}

pub fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, Malformed> {
    array(bytes, offset).map(u32::from_le_bytes)
}

pub fn u64_at(bytes: &[u8], offset: usize) -> Result<u64, Malformed> {
    array(bytes, offset).map(u64::from_le_bytes)
}

pub fn guid_at(bytes: &[u8], offset: usize) -> Result<[u8; 16], Malformed> {
    array(bytes, offset)
}

/// Two bytes each.
pub fn u16s(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes
        .chunks_exact(2)
        .map(|two| u16::from_le_bytes([two[0], two[1]]))
}

/// Appends, little-endian.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend(value);
        self
    }

    /// Zeros, until the length is a multiple of eight.
    pub fn pad8(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self
    }
}

/// A length that fits its field: whoever made it has seen to that.
pub fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

pub fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
