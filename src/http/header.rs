//! The headers, read and written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Rejection;

/// How a token is labelled in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// SPNEGO, or a mechanism's own token (RFC 4559).
    Negotiate,
    /// NTLM's own tokens (MS-NTHT).
    Ntlm,
    /// Kerberos' own tokens, as some Windows clients label them.
    Kerberos,
}

impl Scheme {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Negotiate, Self::Ntlm, Self::Kerberos];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Kerberos => "Kerberos",
        }
    }

    /// The scheme of that name, in whatever case (RFC 9110 11.1).
    fn of(name: &[u8]) -> Option<Self> {
        let is = |scheme: &Self| scheme.name().as_bytes().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is)
    }

    /// Whether a token may come under this label. A client that could send
    /// any mechanism under any label would get around what is offered.
    fn carries(self, token: &[u8]) -> bool {
        let ntlm = token.starts_with(NTLMSSP);
        match self {
            Self::Negotiate => true,
            Self::Ntlm => ntlm,
            // The frame of RFC 2743 3.1 with Kerberos' identifier in it.
            Self::Kerberos => token.first() == Some(&0x60) && !is_spnego(token),
        }
    }
}

const NTLMSSP: &[u8] = b"NTLMSSP\0";
/// 1.3.6.1.5.5.2, as it stands in the frame of a token.
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];

/// What follows SPNEGO's identifier in the frame of RFC 2743 3.1, if the token
/// is in one.
fn inside_spnego(token: &[u8]) -> Option<&[u8]> {
    let (&tag, rest) = token.split_first()?;
    let (&length, rest) = rest.split_first()?;
    // Only where it begins matters here; the acceptor reads lengths.
    let long = if length < 0x80 { 0 } else { length & 0x7F };
    let body = rest.get(usize::from(long)..)?;
    body.strip_prefix(SPNEGO).filter(|_| tag == 0x60)
}

fn is_spnego(token: &[u8]) -> bool {
    inside_spnego(token).is_some()
}

/// Whether a token begins a handshake and cannot go on with one: NTLM's
/// NEGOTIATE, SPNEGO's NegTokenInit. Who sends it starts anew.
pub(super) fn begins(token: &[u8]) -> bool {
    token.starts_with(b"NTLMSSP\0\x01\0\0\0")
        || inside_spnego(token).is_some_and(|inner| inner.first() == Some(&0xA0))
}

/// A value of `WWW-Authenticate`, `Authorization` and their `Proxy-` kin: the
/// scheme, and the token in base64 (RFC 4559 sections 4.1, 4.2).
#[must_use]
pub fn header_value(scheme: Scheme, token: Option<&[u8]>) -> String {
    let name = scheme.name();
    let Some(token) = token else {
        return name.into();
    };
    // In one allocation, which becomes the header's value.
    let length = base64::encoded_len(token.len(), true).unwrap_or_default();
    let mut value = String::with_capacity(name.len() + 1 + length);
    value.push_str(name);
    value.push(' ');
    STANDARD.encode_string(token, &mut value);
    value
}

/// What a request says of itself in `Authorization`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// Nothing.
    Absent,
    /// Something that is not read here: another scheme, or one of ours
    /// without a token.
    Foreign,
    /// A token.
    Token {
        /// Its label.
        scheme: Scheme,
        /// The bytes.
        token: Vec<u8>,
    },
}

/// The length alone: a token lets its bearer in until it has been used.
impl core::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Foreign => f.write_str("Foreign"),
            Self::Token { scheme, token } => write!(f, "Token({scheme:?}, {} bytes)", token.len()),
        }
    }
}

/// Why an `Authorization` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHeader {
    /// It is there more than once: which one counts, nobody can know.
    #[error("the request has more than one Authorization header")]
    Twice,
    /// The token is not base64.
    #[error("the token is not base64 (RFC 4559 section 4.2)")]
    NotBase64,
    /// The token is longer than the configuration permits.
    #[error("{}", Rejection::LimitExceeded { what: "bytes a token", limit: *.limit as u64 })]
    TooLong {
        /// How many bytes are permitted.
        limit: usize,
    },
    /// The token is of another mechanism than its label says.
    #[error("the token is not of the scheme {}", .scheme.name())]
    WrongScheme {
        /// The label.
        scheme: Scheme,
    },
}

/// Reads the values of `Authorization`; `max_token` in bytes.
pub(super) fn read<'v>(
    values: impl IntoIterator<Item = &'v [u8]>,
    max_token: usize,
) -> Result<Authorization, BadHeader> {
    let mut values = values.into_iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(Authorization::Absent),
        (Some(value), None) => value.trim_ascii(),
        (Some(_), Some(_)) => return Err(BadHeader::Twice),
    };
    let (name, text) = split(value);
    let Some(scheme) = Scheme::of(name) else {
        return Ok(Authorization::Foreign);
    };
    if text.is_empty() {
        return Ok(Authorization::Foreign);
    }
    let token = decode(text, max_token)?;
    if !scheme.carries(&token) {
        return Err(BadHeader::WrongScheme { scheme });
    }
    Ok(Authorization::Token { scheme, token })
}

/// The first word, and the rest without the blanks before it.
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let (name, rest) = value.split_at(end.unwrap_or(value.len()));
    (name, rest.trim_ascii())
}

fn decode(text: &[u8], max_token: usize) -> Result<Vec<u8>, BadHeader> {
    // Before anything is allocated for it (rule 1).
    if text.len() / 4 > max_token.div_ceil(3) {
        return Err(BadHeader::TooLong { limit: max_token });
    }
    let token = STANDARD.decode(text).map_err(|_| BadHeader::NotBase64)?;
    if token.len() > max_token {
        return Err(BadHeader::TooLong { limit: max_token });
    }
    Ok(token)
}

/// A challenge of ours in a `WWW-Authenticate`, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// Its scheme.
    pub scheme: Scheme,
    /// The server's token, if there is one.
    pub token: Option<Vec<u8>>,
}

impl Challenge {
    /// The challenges of these schemes in the values of `WWW-Authenticate`,
    /// in their order. A value may hold several, with others among them
    /// (RFC 9110 11.6.1).
    ///
    /// # Errors
    ///
    /// [`BadHeader::NotBase64`], [`BadHeader::TooLong`] (64 KiB).
    pub fn read<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Vec<Self>, BadHeader> {
        const MAX_TOKEN: usize = 64 << 10;
        let mut found = Vec::new();
        for part in values.into_iter().flat_map(parts) {
            let (name, text) = split(part.trim_ascii());
            let Some(scheme) = Scheme::of(name) else {
                continue;
            };
            let token = match text {
                [] => None,
                text => Some(decode(text, MAX_TOKEN)?),
            };
            found.push(Self { scheme, token });
        }
        Ok(found)
    }
}

/// What is between commas outside of quoted strings (RFC 9110 5.6.1, 5.6.4).
fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    })
}
