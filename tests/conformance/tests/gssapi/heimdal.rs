//! Heimdal's library.

use crate::{clock, heimdal_tests, heimdal_tokens, table};
use conformance::bench::{Bench, TurnClock, established};
use conformance::{Exception, Mount, mount};
use gss_acceptor::backends::{GssapiBackend, GssapiLibrary, gssapi};
use gss_acceptor::{ConfigBuilder, Keytab, MemoryReplayStore, Requirements};
use kit::message::{MicSpec, WrapSpec};
use std::sync::{Arc, LazyLock};

struct Heimdal;

impl Mount for Heimdal {
    type Backend = GssapiBackend;
    const NAME: &'static str = "gssapi";
    const OWN_WORDS: bool = false;

    fn backend(keytab: Keytab) -> GssapiBackend {
        gssapi(keytab).library(GssapiLibrary::Heimdal)
    }

    fn clock(builder: ConfigBuilder, own: &Arc<TurnClock>) -> ConfigBuilder {
        clock::set(own);
        builder.replay_store(Arc::new(MemoryReplayStore::new()))
    }

    fn exceptions() -> &'static [Exception] {
        static ALL: LazyLock<Vec<Exception>> =
            LazyLock::new(|| table::exceptions(heimdal_tokens::GROUPS));
        &ALL
    }

    fn cannot() -> &'static [(&'static str, &'static str)] {
        static ALL: LazyLock<Vec<(&str, &str)>> =
            LazyLock::new(|| table::tests(heimdal_tests::GROUPS));
        &ALL
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY | Requirements::USE_SESSION_KEY | Requirements::PROMPT_FOR_CREDS
    }
}

mount!(Heimdal);

/// The library says duplicate, gap or old before it has looked at anything else: none of it may
/// pass for an authentic message.
#[test]
fn rule_23_out_of_sequence_is_not_authentic() {
    let bench = Bench::new();
    let config = bench.config::<Heimdal>();
    let (context, client) = established(&config, &bench.world.ap_req());
    let first = u64::from(client.seq);
    let forged = |seq: u64| {
        let mut mic = client.messages().mic(b"message", &MicSpec::new(seq));
        *mic.last_mut().expect("octets") ^= 1;
        mic
    };
    let good = client.messages().mic(b"message", &MicSpec::new(first));
    context.verify(b"message", &good).expect("the next one");
    for seq in [
        first,
        first + 1,
        first + 5,
        first.wrapping_sub(1),
        first + (1 << 40),
    ] {
        let verified = context.verify(b"message", &forged(seq));
        assert!(verified.is_err(), "{seq}: {verified:?}");
        let mut sealed = client
            .messages()
            .wrap(b"message", &WrapSpec::new(seq, true));
        *sealed.last_mut().expect("octets") ^= 1;
        let unwrapped = context.unwrap(&sealed);
        assert!(unwrapped.is_err(), "{seq}: {unwrapped:?}");
    }
}
