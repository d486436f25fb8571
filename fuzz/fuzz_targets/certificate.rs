//! Certificates, of which the signature algorithm is read (RFC 5929 4.1).

#![no_main]

use gss_acceptor::ChannelBindings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(bindings) = ChannelBindings::tls_server_end_point(input) {
        let length = bindings.application_data().len() - b"tls-server-end-point:".len();
        assert!([32, 48, 64].contains(&length), "a hash of {length} bytes");
    }
});
