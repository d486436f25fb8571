//! The compressed list of realms (RFC 4120 3.3.3.2).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::transited(input));
