//! The body of the 0x8003 checksum (RFC 4121 4.1.1).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::gss_checksum(input));
