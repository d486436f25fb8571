//! The frame of RFC 2743 3.1 and the AP-REQ in it.

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::gss_token(input));
