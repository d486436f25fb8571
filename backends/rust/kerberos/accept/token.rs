//! What an AP-REQ comes in.

use super::authenticator::Asked;
use super::malformed;
use crate::backends::rust::kerberos::codec::messages::KrbError;
use crate::backends::rust::kerberos::codec::{CodecError, gss};
use crate::error::{Error, Rejection};

pub(super) const UNKNOWN_TOKEN_ID: &str = "unknown token id";

/// A first token: framed, or the bare AP-REQ of DCE style (rule 1).
pub(super) struct Token<'a> {
    pub(super) ap_req: &'a [u8],
    style: Style,
    /// The OID for answers: the standard one, whichever of Kerberos' the
    /// client wrote (rule 29), but for user-to-user's.
    pub(super) oid: &'static [u8],
}

/// How the tokens of a handshake come, both ways.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Framed,
    /// DCE style.
    Bare,
}

/// What is around a token.
pub(super) enum Frame<'a> {
    /// Nothing.
    Bare(&'a [u8]),
    Framed(Result<gss::Framed<'a>, Box<CodecError>>),
}

impl<'a> Frame<'a> {
    pub(super) fn of(token: &'a [u8]) -> Self {
        match token.first() {
            // The tag of an AP-REQ, APPLICATION 14.
            Some(0x6E) => Self::Bare(token),
            _ => Self::Framed(gss::parse(token)),
        }
    }
}

impl<'a> Token<'a> {
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, Error> {
        Self::of(Frame::of(token))
    }

    pub(super) fn of(frame: Frame<'a>) -> Result<Self, Error> {
        let framed = match frame {
            Frame::Bare(token) => {
                return Ok(Self {
                    ap_req: token,
                    style: Style::Bare,
                    oid: gss::KRB5,
                });
            }
            Frame::Framed(framed) => framed.map_err(malformed)?,
        };
        let oid = match framed.oid {
            gss::KRB5 | gss::MS_KRB5 | gss::OLD_KRB5 => gss::KRB5,
            gss::KRB5_U2U => gss::KRB5_U2U,
            _ => return Err(Error::malformed("GSS token", "not one of Kerberos'", None)),
        };
        match framed.token_id {
            gss::token_id::AP_REQ => Ok(Self {
                ap_req: framed.body,
                style: Style::Framed,
                oid,
            }),
            gss::token_id::KRB_ERROR => {
                match KrbError::decode(framed.body) {
                    Ok(error) => {
                        let code = Some(error.error_code);
                        Err(Rejection::PeerFailed { code }.into())
                    }
                    // No token of a handshake begins like this.
                    Err(_) => Err(Error::malformed("GSS token", UNKNOWN_TOKEN_ID, None)),
                }
            }
            _ => Err(Error::malformed("GSS token", UNKNOWN_TOKEN_ID, None)),
        }
    }

    /// Rule 1: bare is DCE style's and nobody else's.
    pub(super) fn check_style(&self, asked: &Asked<'_>) -> Result<(), Error> {
        match (self.style, asked.style()) {
            (Style::Framed, Style::Framed) | (Style::Bare, Style::Bare) => Ok(()),
            (Style::Framed, Style::Bare) => Err(Error::malformed(
                "GSS token",
                "framed, and DCE style in the checksum",
                None,
            )),
            (Style::Bare, Style::Framed) => Err(Error::malformed(
                "AP-REQ",
                "bare, and not DCE style in the checksum",
                None,
            )),
        }
    }
}
