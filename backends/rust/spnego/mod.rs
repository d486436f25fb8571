//! SPNEGO (RFC 4178, MS-SPNG), the acceptor's side.

pub(super) mod accept;
pub(crate) mod codec;
