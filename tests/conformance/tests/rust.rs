//! The suite on the rust backend.

use conformance::bench::{Bench, done, rejection};
use conformance::credentials::to;
use conformance::{Mount, mount, runner};
use gss_acceptor::backends::{RustBackend, rust};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Clock, Keytab, Rejection, Requirements, ServicePassword, UserToUser,
};
use kit::crypto::KitKey;
use std::sync::Arc;

struct Rust;

impl Mount for Rust {
    type Backend = RustBackend;
    const NAME: &'static str = "rust";

    fn backend(keytab: Keytab) -> RustBackend {
        rust(keytab)
    }

    fn user_to_user(own: UserToUser, keytab: Option<Keytab>) -> RustBackend {
        match keytab {
            None => rust(own),
            Some(keytab) => rust(keytab).and(own),
        }
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY
    }
}

mount!(Rust);

/// Credentials of several kinds at once are this backend's own.
#[test]
fn rule_04_password_and_second_keytab() {
    // The keys of a password are those that another implementation derives (RFC 3962 4).
    let bench = Bench::new();
    let password = ServicePassword::new("HTTP/pw@EXAMPLE.TEST".parse().expect("a name"), "hunter2");
    let backend = rust(password);
    let clock = Arc::clone(&bench.clock) as Arc<dyn Clock>;
    let config = AcceptorConfig::builder(backend.and(bench.keytab()))
        .clock(clock)
        .build()
        .expect("builds");
    for etype in [17, 18] {
        let derived = krb5::Key::from_password(etype, "hunter2", b"EXAMPLE.TESTHTTPpw", None);
        let bytes = derived.expect("a key").bytes().to_vec();
        // A password has no kvno: any will do.
        for kvno in [1, 7000] {
            let spec = to(
                &bench,
                "HTTP",
                "pw",
                kvno,
                KitKey::new(etype, bytes.clone()),
            );
            done(Acceptor::new(&config).step(&spec.token()));
        }
    }
    let spec = to(&bench, "HTTP", "pw", 1, KitKey::seeded(1, "another", 18));
    let reason = rejection(Acceptor::new(&config).step(&spec.token()));
    assert!(matches!(reason, Rejection::KeyMismatch { .. }), "{reason}");
    done(Acceptor::new(&config).step(&bench.world.ap_req().token()));
}

/// Tokens on which the process of a library ends, so that no library has a verdict.
#[test]
fn rule_15_credentials_without_a_verdict() {
    let cases = kit::cases::delegation::unjudged();
    assert_eq!(cases.len(), 5);
    for case in cases {
        if let Err(error) = runner::judge::<Rust>(&case) {
            panic!("{}: {error}", case.name);
        }
    }
}
