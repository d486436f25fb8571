//! The MD5 of channel bindings that goes into the checksum (RFC 4121 4.1.1.2).

use crate::crypto::md5;

/// Bindings with null addresses (type 0), as every client sends for TLS.
pub fn hash(application_data: &[u8]) -> [u8; 16] {
    hash_with(0, b"", 0, b"", application_data)
}

/// Bindings as JGSS hashes them: address type 255 (GSS_C_AF_NULLADDR) for null addresses (rule 17).
pub fn hash_jgss(application_data: &[u8]) -> [u8; 16] {
    hash_with(255, b"", 255, b"", application_data)
}

/// All five fields of the structure of RFC 2744 3.11, integers little-endian.
pub fn hash_with(
    initiator_type: u32,
    initiator: &[u8],
    acceptor_type: u32,
    acceptor: &[u8],
    application_data: &[u8],
) -> [u8; 16] {
    let len = |b: &[u8]| (b.len() as u32).to_le_bytes();
    md5(&[
        &initiator_type.to_le_bytes(),
        &len(initiator),
        initiator,
        &acceptor_type.to_le_bytes(),
        &len(acceptor),
        acceptor,
        &len(application_data),
        application_data,
    ])
}
