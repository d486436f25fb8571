//! Messages in parts (MS-KILE 3.4.5.4).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::parts(input));
