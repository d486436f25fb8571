//! What a trusted proxy in front says of its own TLS channel.

use ::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::channel_bindings::ChannelBindings;

/// The hash of a proxy's certificate, in base64 or in hexadecimal digits.
pub(super) fn bindings(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<ChannelBindings>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.as_bytes().trim_ascii(),
        (Some(_), Some(_)) => return Err("the proxy's header of channel bindings is there twice"),
    };
    let digits = hexadecimal(value).or_else(|| STANDARD.decode(value).ok());
    let hash = digits.ok_or("the proxy's header of channel bindings is no hash")?;
    let bindings = ChannelBindings::tls_server_end_point_hash(&hash);
    bindings
        .map(Some)
        .map_err(|_| "the proxy's header of channel bindings has the wrong length")
}

/// Digits in pairs, as many as a hash of RFC 5929 has. 64 of them are no
/// base64 of a hash: that would be 48 bytes, whose base64 has 64 letters too,
/// and a SHA-384 all of whose letters are digits does not come up.
fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    if !matches!(text.len(), 56 | 64 | 96 | 128) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    let pairs = text.chunks_exact(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}
