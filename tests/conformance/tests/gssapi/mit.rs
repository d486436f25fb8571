//! MIT krb5's library.

use crate::{clock, mit_tests, mit_tokens, table};
use conformance::bench::TurnClock;
use conformance::{Exception, Mount, mount};
use gss_acceptor::backends::{GssapiBackend, GssapiLibrary, gssapi};
use gss_acceptor::{ConfigBuilder, Keytab, MemoryReplayStore, Requirements};
use std::sync::{Arc, LazyLock};

struct Mit;

impl Mount for Mit {
    type Backend = GssapiBackend;
    const NAME: &'static str = "gssapi";
    const OWN_WORDS: bool = false;

    fn backend(keytab: Keytab) -> GssapiBackend {
        gssapi(keytab).library(GssapiLibrary::Mit)
    }

    fn clock(builder: ConfigBuilder, own: &Arc<TurnClock>) -> ConfigBuilder {
        clock::set(own);
        builder.replay_store(Arc::new(MemoryReplayStore::new()))
    }

    fn exceptions() -> &'static [Exception] {
        static ALL: LazyLock<Vec<Exception>> =
            LazyLock::new(|| table::exceptions(mit_tokens::GROUPS));
        &ALL
    }

    fn cannot() -> &'static [(&'static str, &'static str)] {
        static ALL: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| table::tests(mit_tests::GROUPS));
        &ALL
    }

    fn refused() -> Requirements {
        Requirements::WINDOWS_ONLY | Requirements::USE_SESSION_KEY | Requirements::PROMPT_FOR_CREDS
    }
}

mount!(Mit);
