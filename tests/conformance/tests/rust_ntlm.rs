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
