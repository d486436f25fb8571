//! Whose acceptor the broker runs.

use gss_acceptor::{AcceptorConfig, ConfigBuilder, Keytab, backends};

use crate::config::Backend;

/// Whether this program has it.
#[cfg(feature = "gssapi")]
#[allow(clippy::unnecessary_wraps)]
pub fn check(_: Backend) -> Result<(), String> {
    Ok(())
}

#[cfg(not(feature = "gssapi"))]
pub fn check(backend: Backend) -> Result<(), String> {
    match backend {
        Backend::Rust => Ok(()),
        Backend::Mit | Backend::Heimdal => Err(
            "'backend' names a library of the system's, and this program was built without the \
             feature gssapi"
                .into(),
        ),
    }
}

#[cfg(feature = "gssapi")]
pub fn builder(backend: Backend, keytab: Keytab) -> ConfigBuilder {
    use backends::GssapiLibrary;
    let library = match backend {
        Backend::Rust => return AcceptorConfig::builder(backends::rust(keytab)),
        Backend::Mit => GssapiLibrary::Mit,
        Backend::Heimdal => GssapiLibrary::Heimdal,
    };
    AcceptorConfig::builder(backends::gssapi(keytab).library(library))
}

#[cfg(not(feature = "gssapi"))]
pub fn builder(_: Backend, keytab: Keytab) -> ConfigBuilder {
    AcceptorConfig::builder(backends::rust(keytab))
}
