//! AP-REP, its inside, KRB-ERROR (RFC 4120 5.5.2, 5.9.1).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::replies(input));
