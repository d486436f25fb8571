//! The body of the 0x8003 checksum, in which a GSS-API client says what it
//! asks for (RFC 4121 4.1.1; rule 15).

use super::{CodecError, Decoded, Problem};

/// The checksum type of this body (RFC 4121 4.1.1).
pub(crate) const GSS_CHECKSUM: i32 = 0x8003;

/// The flags of RFC 4121 4.1.1.1, and those that Windows adds (RFC 4757 7.1).
pub(crate) mod flags {
    pub(crate) const DELEG: u32 = 0x01;
    pub(crate) const MUTUAL: u32 = 0x02;
    pub(crate) const REPLAY: u32 = 0x04;
    pub(crate) const SEQUENCE: u32 = 0x08;
    pub(crate) const CONF: u32 = 0x10;
    pub(crate) const INTEG: u32 = 0x20;
    pub(crate) const DCE_STYLE: u32 = 0x1000;
    pub(crate) const IDENTIFY: u32 = 0x2000;
    pub(crate) const EXTENDED_ERROR: u32 = 0x4000;
}

const PART: &str = "GSS checksum";
/// Lgth, Bnd and Flags.
const FIXED: usize = 24;
/// The length of Bnd, an MD5 digest; the only one that is defined.
const BINDINGS: u32 = 16;
/// KRB_CRED forwarded, the only DlgOpt.
const DELEGATION_OPTION: u16 = 1;

/// A client's flags, bindings and delegated credentials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GssChecksum<'a> {
    /// The digest of the client's channel bindings; all zero, it has none.
    pub(crate) bindings: [u8; 16],
    /// All of the client's flags, those without meaning too.
    pub(crate) flags: u32,
    /// A KRB-CRED, when the client delegates and it is there.
    pub(crate) delegation: Option<&'a [u8]>,
    #[cfg_attr(
        not(any(test, fuzzing)),
        expect(dead_code, reason = "none is known yet")
    )]
    extensions: &'a [u8],
}

impl<'a> GssChecksum<'a> {
    /// Reads the body of the checksum.
    pub(crate) fn parse(input: &'a [u8]) -> Decoded<Self> {
        let mut cursor = Cursor { input, offset: 0 };
        if input.len() < FIXED {
            return Err(CodecError::at(PART, Problem::Truncated, Some(input.len())));
        }
        if u32::from_le_bytes(cursor.array()?) != BINDINGS {
            return Err(cursor.error(Problem::BadValue { field: "Lgth" }));
        }
        let bindings = cursor.array()?;
        let flags = u32::from_le_bytes(cursor.array()?);
        let mut delegation = None;
        // Some clients set the flag and forward nothing.
        if flags & flags::DELEG != 0 && !cursor.rest().is_empty() {
            if u16::from_le_bytes(cursor.array()?) != DELEGATION_OPTION {
                return Err(cursor.error(Problem::BadValue { field: "DlgOpt" }));
            }
            let length = u16::from_le_bytes(cursor.array()?);
            delegation = Some(cursor.take(usize::from(length))?);
        }
        let extensions = cursor.rest();
        while !cursor.rest().is_empty() {
            cursor.extension()?;
        }
        Ok(Self {
            bindings,
            flags,
            delegation,
            extensions,
        })
    }

    /// The extensions (RFC 4121 4.1.1, Exts), type and data.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut cursor = Cursor {
            input: self.extensions,
            offset: 0,
        };
        core::iter::from_fn(move || cursor.extension().ok())
    }

    /// The body that says this.
    ///
    /// # Errors
    ///
    /// [`Problem::BadLength`] for a KRB-CRED above 65535 bytes or an
    /// extension above 4 GiB.
    #[cfg(any(test, fuzzing, feature = "testing"))]
    pub(crate) fn build(
        bindings: [u8; 16],
        flags: u32,
        delegation: Option<&[u8]>,
        extensions: &[(u32, &[u8])],
    ) -> Decoded<Vec<u8>> {
        let too_long = || CodecError::new(PART, Problem::BadLength);
        let mut body = Vec::with_capacity(FIXED);
        body.extend_from_slice(&BINDINGS.to_le_bytes());
        body.extend_from_slice(&bindings);
        body.extend_from_slice(&flags.to_le_bytes());
        if let Some(credentials) = delegation {
            let length = u16::try_from(credentials.len()).map_err(|_| too_long())?;
            body.extend_from_slice(&DELEGATION_OPTION.to_le_bytes());
            body.extend_from_slice(&length.to_le_bytes());
            body.extend_from_slice(credentials);
        }
        for (kind, data) in extensions {
            let length = u32::try_from(data.len()).map_err(|_| too_long())?;
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(data);
        }
        Ok(body)
    }
}

/// The bytes from a place on.
struct Cursor<'a> {
    input: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.offset..).unwrap_or_default()
    }

    fn error(&self, problem: Problem) -> Box<CodecError> {
        CodecError::at(PART, problem, Some(self.offset))
    }

    fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        let taken = self
            .rest()
            .get(..length)
            .ok_or_else(|| self.error(Problem::Truncated))?;
        self.offset += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let taken = self
            .rest()
            .first_chunk()
            .ok_or_else(|| self.error(Problem::Truncated))?;
        self.offset += N;
        Ok(*taken)
    }

    fn extension(&mut self) -> Decoded<(u32, &'a [u8])> {
        let kind = u32::from_be_bytes(self.array()?);
        let length = u32::from_be_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| self.error(Problem::BadLength))?;
        Ok((kind, self.take(length)?))
    }
}
