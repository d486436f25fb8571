//! A client with keys, whose messages are damaged at every layer, before
//! and after their encryption.

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = fuzzing::forged_handshake(input);
});
