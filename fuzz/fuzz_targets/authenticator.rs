//! Authenticators (RFC 4120 5.5.1) and what a client puts into them.

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::authenticator(input));
