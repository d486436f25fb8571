//! KERB-TGT-REQUEST and KERB-TGT-REPLY (draft-swift-win2k-krb-user2user 2).

#![no_main]

use gss_acceptor::backends::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| fuzzing::tgt_request(input));
