//! A PAC and all of its buffers (MS-PAC).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::pac(input));
