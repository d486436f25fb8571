//! SPNEGO's tokens, and sniffing (RFC 4178 4.2, MS-SPNG 2.2.1).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::spnego(input));
