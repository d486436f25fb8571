//! Authorization data (RFC 4120 5.2.6), walked to its end.

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::authorization_data(input));
