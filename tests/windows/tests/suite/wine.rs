//! Wine's secur32, with MIT krb5 behind it.

use crate::machine::OnMachine;
use crate::{table, wine_tests, wine_tokens};
use conformance::{Exception, Mount, mount};
use gss_acceptor::backends::windows;
use gss_acceptor::{Credentials, Keytab, Requirements};
use std::sync::LazyLock;

struct Wine;

impl Mount for Wine {
    type Backend = OnMachine;
    const NAME: &'static str = "windows";
    const OWN_WORDS: bool = false;
    const TELLS: bool = false;

    fn backend(keytab: Keytab) -> OnMachine {
        assert!(keytab.path().is_none(), "the machine has its own keytab");
        let inner = windows(Credentials::SystemDefault);
        OnMachine { keytab, inner }
    }

    fn exceptions() -> &'static [Exception] {
        static ALL: LazyLock<Vec<Exception>> = LazyLock::new(wine_tokens::exceptions);
        &ALL
    }

    fn cannot() -> &'static [(&'static str, &'static str)] {
        static ALL: LazyLock<Vec<(&str, &str)>> =
            LazyLock::new(|| table::tests(wine_tests::GROUPS));
        &ALL
    }

    fn refused() -> Requirements {
        Requirements::DELEGATE
            | Requirements::PROMPT_FOR_CREDS
            | Requirements::ALLOW_MISSING_BINDINGS
            | Requirements::PROXY_BINDINGS
    }
}

mount!(Wine);
