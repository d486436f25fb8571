//! Whole NTLM handshakes (MS-NLMP 3.2.5).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::ntlm_handshake(input));
