//! Claims: what a directory says of a client besides its groups.

use core::fmt;

use crate::error::AuthorizationProblem;

/// Claims as they came (CLAIMS_SET_METADATA, MS-ADTS 2.2.18.2).
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedClaims(Box<[u8]>);

impl EncodedClaims {
    /// For backends: a buffer of a PAC (MS-PAC 2.11, 2.13).
    #[must_use]
    pub fn new(buffer: &[u8]) -> Self {
        Self(buffer.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EncodedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedClaims({} bytes)", self.0.len())
    }
}

/// One claim (CLAIM_ENTRY, MS-ADTS 2.2.18.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Its identifier in the directory: `ad://ext/department:88d0..`.
    pub id: String,
    /// Where the directory has it from.
    pub source: ClaimSource,
    /// What it says.
    pub values: ClaimValues,
}

/// Where a claim comes from (CLAIMS_SOURCE_TYPE, MS-ADTS 2.2.18.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimSource {
    /// An attribute of the account.
    Attribute,
    /// The certificate that it logged on with.
    Certificate,
    /// Another, by its number.
    Other(u16),
}

/// The values of a claim, which have one type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimValues {
    /// CLAIM_TYPE_INT64.
    Signed(Vec<i64>),
    /// CLAIM_TYPE_UINT64.
    Unsigned(Vec<u64>),
    /// CLAIM_TYPE_STRING.
    Text(Vec<String>),
    /// CLAIM_TYPE_BOOLEAN.
    Boolean(Vec<bool>),
}

impl Claim {
    pub(crate) fn new(id: String, source: ClaimSource, values: ClaimValues) -> Self {
        Self { id, source, values }
    }
}

impl EncodedClaims {
    /// Decompresses and reads them.
    pub(super) fn decode(&self) -> Result<Vec<Claim>, AuthorizationProblem> {
        Ok(crate::pac::claims::decode(&self.0)?)
    }
}
