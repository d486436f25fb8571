//! NTLM's messages (MS-NLMP 2.2.1).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::ntlm_messages(input));
