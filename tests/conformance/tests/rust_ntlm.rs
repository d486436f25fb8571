//! NTLM's suite on the rust backend.

use conformance::mount_ntlm;
use conformance::ntlm::NtlmMount;
use gss_acceptor::backends::{RustBackend, rust};
use gss_acceptor::{Keytab, Ntlm};

struct Rust;

impl NtlmMount for Rust {
    type Backend = RustBackend;

    fn ntlm(ntlm: Ntlm) -> RustBackend {
        rust(ntlm)
    }

    fn both(keytab: Keytab, ntlm: Ntlm) -> RustBackend {
        rust(keytab).and(ntlm)
    }
}

mount_ntlm!(Rust);

/// The suite once more, each context in another process.
mod moved {
    use super::*;

    struct Moved;

    impl NtlmMount for Moved {
        type Backend = RustBackend;
        const MOVED: bool = true;

        fn ntlm(ntlm: Ntlm) -> RustBackend {
            Rust::ntlm(ntlm)
        }

        fn both(keytab: Keytab, ntlm: Ntlm) -> RustBackend {
            Rust::both(keytab, ntlm)
        }
    }

    mount_ntlm!(Moved);
}
