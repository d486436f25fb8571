//! The inside of tickets (RFC 4120 5.3).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::enc_ticket_part(input));
