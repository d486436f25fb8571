//! Wrap and MIC tokens of an established context (RFC 4121 4.2).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::messages(input));
