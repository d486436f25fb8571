//! The suite on the rust backend.

use conformance::{Exception, Instead, Mount, mount};
use gss_acceptor::backends::{RustBackend, rust};
use gss_acceptor::{Keytab, Requirements};

struct Rust;

impl Mount for Rust {
    type Backend = RustBackend;
    const NAME: &'static str = "rust";

    fn backend(keytab: Keytab) -> RustBackend {
        rust(keytab)
    }

    fn exceptions() -> &'static [Exception] {
        const WHY: &str = "delegation is not taken yet, so DELEGATE cannot be required";
        &[
            Exception {
                case: "delegation_does_not_parse_but_required",
                instead: Instead::RefusedAtBuild,
                why: WHY,
            },
            Exception {
                case: "delegation_absent_but_required",
                instead: Instead::RefusedAtBuild,
                why: WHY,
            },
        ]
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY
            | Requirements::DELEGATE
            | Requirements::USE_SESSION_KEY
            | Requirements::USE_DCE_STYLE
            | Requirements::PROMPT_FOR_CREDS
    }
}

mount!(Rust);
