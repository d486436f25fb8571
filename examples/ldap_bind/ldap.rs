//! Messages of LDAP (RFC 4511): bind, search, "who am I?" (RFC 4532), unbind.

use crate::ber::{
    ENUMERATED, INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, SET, element, number,
};

const BIND: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const ABANDON: u8 = 0x50;
const EXTENDED: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// `[3]`, constructed: SASL among the ways to bind.
const SASL: u8 = 0xA3;
/// `[7]`: the server's token in an answer to a bind.
const SASL_CREDS: u8 = 0x87;
/// `[0]`, the name of an extended request, and `[11]`, the value of its answer.
const EXTENDED_NAME: u8 = 0x80;
const EXTENDED_VALUE: u8 = 0x8B;
const WHO_AM_I: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";

/// Of an answer (RFC 4511 4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ResultCode {
    Success = 0,
    ProtocolError = 2,
    AuthMethodNotSupported = 7,
    SaslBindInProgress = 14,
    NoSuchObject = 32,
    InvalidCredentials = 49,
    InsufficientAccessRights = 50,
    UnwillingToPerform = 53,
}

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// With SASL: the mechanism, and a response, if there is one.
    SaslBind(&'a str, Option<&'a [u8]>),
    /// With a password, or as nobody.
    OtherBind,
    Search {
        base: &'a [u8],
        base_alone: bool,
    },
    WhoAmI,
    OtherExtended,
    Abandon,
    Unbind,
    /// What there is no answer to here, but its kind.
    Other(u8),
}

/// A message: its number, and what is asked.
pub fn read(message: &[u8]) -> Result<(u32, Request<'_>), Malformed> {
    let mut fields = Reader(Reader(message).expect(SEQUENCE)?);
    let id = fields.number(INTEGER)?;
    let (tag, contents) = fields.any()?;
    let mut contents = Reader(contents);
    let request = match tag {
        BIND => bind(contents)?,
        UNBIND => Request::Unbind,
        ABANDON => Request::Abandon,
        SEARCH => Request::Search {
            base: contents.expect(OCTET_STRING)?,
            base_alone: contents.number(ENUMERATED)? == 0,
        },
        EXTENDED if contents.expect(EXTENDED_NAME)? == WHO_AM_I => Request::WhoAmI,
        EXTENDED => Request::OtherExtended,
        other => Request::Other(other),
    };
    Ok((id, request))
}

fn bind(mut contents: Reader<'_>) -> Result<Request<'_>, Malformed> {
    if contents.number(INTEGER)? != 3 {
        return Err(Malformed);
    }
    // The name counts for nothing: who it is, SASL says (RFC 4511 4.2).
    contents.expect(OCTET_STRING)?;
    if contents.peek() != Some(SASL) {
        return Ok(Request::OtherBind);
    }
    let mut sasl = Reader(contents.expect(SASL)?);
    let mechanism = sasl.expect(OCTET_STRING)?;
    let mechanism = core::str::from_utf8(mechanism).map_err(|_| Malformed)?;
    let response = match sasl.peek() {
        Some(_) => Some(sasl.expect(OCTET_STRING)?),
        None => None,
    };
    Ok(Request::SaslBind(mechanism, response))
}

fn message(id: u32, tag: u8, contents: &[u8]) -> Vec<u8> {
    let fields = [number(INTEGER, id), element(tag, contents)].concat();
    element(SEQUENCE, &fields)
}

fn result(code: ResultCode, text: &str) -> Vec<u8> {
    [
        number(ENUMERATED, code as u32),
        element(OCTET_STRING, b""),
        element(OCTET_STRING, text.as_bytes()),
    ]
    .concat()
}

/// The answer to a bind.
pub fn bound(id: u32, code: ResultCode, text: &str, token: Option<&[u8]>) -> Vec<u8> {
    let mut contents = result(code, text);
    contents.extend(token.iter().flat_map(|token| element(SASL_CREDS, token)));
    message(id, BIND_RESPONSE, &contents)
}

/// An entry that a search has found.
pub fn entry(id: u32, name: &str, attributes: &[(&str, &[String])]) -> Vec<u8> {
    let attribute = |(kind, values): &(&str, &[String])| {
        let values: Vec<u8> = values
            .iter()
            .flat_map(|value| element(OCTET_STRING, value.as_bytes()))
            .collect();
        let fields = [
            element(OCTET_STRING, kind.as_bytes()),
            element(SET, &values),
        ];
        element(SEQUENCE, &fields.concat())
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(attribute).collect();
    let fields = [
        element(OCTET_STRING, name.as_bytes()),
        element(SEQUENCE, &attributes),
    ];
    message(id, SEARCH_ENTRY, &fields.concat())
}

/// The end of a search.
pub fn search_done(id: u32, code: ResultCode, text: &str) -> Vec<u8> {
    message(id, SEARCH_DONE, &result(code, text))
}

/// The answer to an extended request.
pub fn extended(id: u32, code: ResultCode, value: Option<&str>) -> Vec<u8> {
    let mut contents = result(code, "");
    contents.extend(
        value
            .iter()
            .flat_map(|value| element(EXTENDED_VALUE, value.as_bytes())),
    );
    message(id, EXTENDED_RESPONSE, &contents)
}

/// The answer to a request that is not served. What has none, or is none of
/// RFC 4511, ends the connection.
pub fn other(id: u32, request: u8) -> Option<Vec<u8>> {
    // modify, add, delete, modify the name, compare
    let answer = match request {
        0x66 | 0x68 | 0x6C | 0x6E => request + 1,
        0x4A => 0x6B,
        _ => return None,
    };
    let text = "this server has nothing but who you are";
    Some(message(
        id,
        answer,
        &result(ResultCode::UnwillingToPerform, text),
    ))
}
