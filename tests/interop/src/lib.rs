//! Real peers against the acceptor: MIT krb5, Heimdal, curl, and other crates, with tickets of a
//! real KDC. The fixture is here; the tests are in `tests/`.

pub mod gss_sample;
pub mod handshake;
pub mod heimdal;
pub mod kdc;
pub mod krb5_crate;
pub mod libgssapi_crate;
pub mod libraries;
pub mod ntlm;
pub mod peer;
pub mod process;
pub mod python;
pub mod rpc;
pub mod smb;
pub mod sspi_crate;
pub mod web;

pub use handshake::{Done, accept, accept_with, shake};
pub use kdc::{Kdc, User};
pub use peer::{Ask, Peer, Received, Sent, flags};
