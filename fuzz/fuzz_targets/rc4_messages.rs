//! Wrap and MIC tokens under RC4 (RFC 1964, RFC 4757 7), whole and in parts.

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::rc4_messages(input));
