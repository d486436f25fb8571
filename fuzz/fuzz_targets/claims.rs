//! Claims of a PAC, compressed or not (MS-ADTS 2.2.18, MS-XCA).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::claims(input));
