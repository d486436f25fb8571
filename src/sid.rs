//! Security identifiers: who and which groups, as Active Directory names them
//! (MS-DTYP 2.4.2).

mod well_known;

use core::fmt;
use core::str::FromStr;

/// The most sub-authorities that an identifier has (MS-DTYP 2.4.2.2).
const MAX_PARTS: usize = 15;
/// The authority has 48 bits.
const MAX_AUTHORITY: u64 = (1 << 48) - 1;

/// A security identifier (SID): `S-1-5-21-1004336348-1177238915-682003330-512`.
///
/// Names of accounts and groups change, and one that was deleted may come
/// again; a SID does not. So authorise by SID. It is compared whole, is small
/// and `Copy`, and no operation on it allocates but [`to_bytes`](Self::to_bytes)
/// and printing.
///
/// ```
/// use gss_acceptor::Sid;
///
/// let admins: Sid = "S-1-5-21-1004336348-1177238915-682003330-512".parse()?;
/// assert_eq!(admins.rid(), 512);
/// assert_eq!(admins.well_known_name(), Some("Domain Admins"));
/// assert_eq!(Sid::ADMINISTRATORS.to_string(), "S-1-5-32-544");
/// # Ok::<(), gss_acceptor::SidError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: u64,
    /// What is not used is zero, so that equal identifiers are equal.
    parts: [u32; MAX_PARTS],
    count: u8,
}

/// Why something is no [`Sid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SidError {
    /// The text is not `S-1-authority-part-..`.
    #[error("a SID is written S-1-5-21-..: an authority, and 1 to 15 numbers below 2^32")]
    Text,
    /// The bytes are another revision's (MS-DTYP 2.4.2.2: 1).
    #[error("a SID of revision {0}, and 1 is the only one")]
    Revision(u8),
    /// The bytes are too few or too many, or there is no sub-authority, or
    /// there are more than 15.
    #[error("a SID has 1 to 15 sub-authorities and a length to match")]
    Length,
}

impl Sid {
    /// A SID from its authority, below 2^48, and 1 to 15 sub-authorities.
    ///
    /// # Errors
    ///
    /// [`SidError::Length`] for numbers or sizes beyond those.
    pub const fn new(authority: u64, sub_authorities: &[u32]) -> Result<Self, SidError> {
        let count = sub_authorities.len();
        if count == 0 || count > MAX_PARTS || authority > MAX_AUTHORITY {
            return Err(SidError::Length);
        }
        let mut parts = [0; MAX_PARTS];
        let mut index = 0;
        while index < count {
            parts[index] = sub_authorities[index];
            index += 1;
        }
        // At most 15.
        #[allow(clippy::cast_possible_truncation)]
        let count = count as u8;
        Ok(Self {
            authority,
            parts,
            count,
        })
    }

    /// A SID from its binary form (MS-DTYP 2.4.2.2), which must be all of
    /// `bytes`.
    ///
    /// # Errors
    ///
    /// [`SidError`] for bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SidError> {
        let (head, rest) = bytes.split_first_chunk::<8>().ok_or(SidError::Length)?;
        let [revision, count, authority @ ..] = *head;
        if revision != 1 {
            return Err(SidError::Revision(revision));
        }
        let (chunks, []) = rest.as_chunks::<4>() else {
            return Err(SidError::Length);
        };
        let count = usize::from(count);
        if count == 0 || count > MAX_PARTS || count != chunks.len() {
            return Err(SidError::Length);
        }
        let mut parts = [0; MAX_PARTS];
        for (part, chunk) in parts.iter_mut().zip(chunks) {
            *part = u32::from_le_bytes(*chunk);
        }
        Self::new(
            authority
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
            parts.get(..count).unwrap_or_default(),
        )
    }

    /// Its binary form (MS-DTYP 2.4.2.2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 4 * self.sub_authorities().len());
        let [_, _, authority @ ..] = self.authority.to_be_bytes();
        bytes.extend_from_slice(&[1, self.count]);
        bytes.extend_from_slice(&authority);
        for part in self.sub_authorities() {
            bytes.extend_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    /// The identifier authority, such as 5 (NT AUTHORITY).
    #[must_use]
    pub const fn authority(&self) -> u64 {
        self.authority
    }

    /// The sub-authorities, the relative identifier last.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        self.parts
            .get(..usize::from(self.count))
            .unwrap_or_default()
    }

    /// The relative identifier: the last sub-authority, which names an
    /// account or group within its domain.
    #[must_use]
    pub fn rid(&self) -> u32 {
        self.sub_authorities().last().copied().unwrap_or_default()
    }

    /// The SID without its relative identifier: the domain's, for an account
    /// or group of one. `None` where nothing would be left.
    #[must_use]
    pub fn domain(&self) -> Option<Self> {
        let (_, domain) = self.sub_authorities().split_last()?;
        Self::new(self.authority, domain).ok()
    }

    /// The account or group of this domain with a relative identifier. `None`
    /// for a SID that has 15 sub-authorities already.
    #[must_use]
    pub fn with_rid(&self, rid: u32) -> Option<Self> {
        let mut longer = *self;
        *longer.parts.get_mut(usize::from(self.count))? = rid;
        longer.count += 1;
        Some(longer)
    }

    /// Whether this SID is `domain`'s own with one more number: an account or
    /// group in it.
    #[must_use]
    pub fn is_in(&self, domain: &Self) -> bool {
        self.authority == domain.authority
            && self
                .sub_authorities()
                .split_last()
                .is_some_and(|(_, own)| own == domain.sub_authorities())
    }

    /// Whether both differ in the relative identifier at the most.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.authority == other.authority
            && self.count == other.count
            && self.sub_authorities().split_last().map(|(_, rest)| rest)
                == other.sub_authorities().split_last().map(|(_, rest)| rest)
    }

    /// The same with another relative identifier.
    pub(crate) fn beside(&self, rid: u32) -> Self {
        let mut other = *self;
        let last = usize::from(self.count).checked_sub(1);
        if let Some(part) = last.and_then(|last| other.parts.get_mut(last)) {
            *part = rid;
        }
        other
    }
}

impl fmt::Display for Sid {
    /// As MS-DTYP 2.4.2.1 has it: the authority in decimal below 2^32, in
    /// twelve hexadecimal digits from there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority >> 32 == 0 {
            write!(f, "S-1-{}", self.authority)?;
        } else {
            write!(f, "S-1-0x{:012X}", self.authority)?;
        }
        for part in self.sub_authorities() {
            write!(f, "-{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sid {
    type Err = SidError;

    /// Reads what is displayed. Nothing is cut off or rounded: a number that
    /// does not fit is an error.
    fn from_str(text: &str) -> Result<Self, SidError> {
        let rest = text
            .strip_prefix("S-1-")
            .or_else(|| text.strip_prefix("s-1-"))
            .ok_or(SidError::Text)?;
        let mut numbers = rest.split('-');
        let authority = numbers.next().ok_or(SidError::Text)?;
        let authority = match authority.strip_prefix("0x") {
            Some(digits) if digits.len() == 12 => number(digits, 16)?,
            Some(_) => return Err(SidError::Text),
            None => number(authority, 10)?,
        };
        let mut parts = [0; MAX_PARTS];
        let mut count = 0;
        for digits in numbers {
            let part = u32::try_from(number(digits, 10)?).map_err(|_| SidError::Text)?;
            *parts.get_mut(count).ok_or(SidError::Text)? = part;
            count += 1;
        }
        let parts = parts.get(..count).unwrap_or_default();
        Self::new(authority, parts).map_err(|_| SidError::Text)
    }
}

/// Digits and nothing else: `u64::from_str_radix` takes a sign.
fn number(digits: &str, radix: u32) -> Result<u64, SidError> {
    if digits.is_empty()
        || !digits
            .bytes()
            .all(|digit| char::from(digit).is_digit(radix))
    {
        return Err(SidError::Text);
    }
    u64::from_str_radix(digits, radix).map_err(|_| SidError::Text)
}

#[cfg(test)]
mod tests;
