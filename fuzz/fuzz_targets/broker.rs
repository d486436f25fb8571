//! Frames of the broker's protocol, from either side.

#![no_main]

use gss_acceptor::backends::broker_fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| broker_fuzzing::frames(input));
