//! Kerberos 5 (RFC 4120, RFC 4121, MS-KILE), the acceptor's side.

pub(crate) mod accept;
pub(crate) mod codec;
pub(crate) mod context;
pub(crate) mod crypto;
pub(crate) mod key_table;
pub(crate) mod keys;
pub(crate) mod per_message;
pub(crate) mod transited;
