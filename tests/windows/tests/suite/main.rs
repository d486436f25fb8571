//! The suite on Windows' own packages, as Wine has them.
#![cfg(windows)]

mod machine;
#[path = "../../../conformance/tests/gssapi/mit_tokens.rs"]
mod mit_tokens;
mod ntlm;
#[path = "../../../conformance/tests/gssapi/table.rs"]
mod table;
mod wine;
mod wine_tests;
mod wine_tokens;
