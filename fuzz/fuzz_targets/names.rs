//! Names as text, and back.

#![no_main]

use gss_acceptor::{Principal, ServiceName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(principal) = text.parse::<Principal>() {
        let shown = principal.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert_eq!(shown.parse().ok(), Some(principal), "{shown}");
    }
    if let Ok(service) = text.parse::<ServiceName>() {
        let shown = service.to_string();
        assert_eq!(shown.parse().ok().as_ref(), Some(&service), "{shown}");
        let _ = service.covers_target(text);
    }
});
