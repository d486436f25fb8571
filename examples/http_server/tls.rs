//! A certificate for this run, and TLS with it.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gss_acceptor::ChannelBindings;
use gss_acceptor::http::tower::ServerTls;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The certificate, and both ends of TLS with it.
pub struct Tls {
    pub server: ServerTls,
    /// For the built-in client, which trusts this certificate alone.
    pub client: Arc<ClientConfig>,
    /// What clients bind to.
    pub bindings: ChannelBindings,
    certificate: CertificateDer<'static>,
}

impl Tls {
    /// Self-signed, for these names.
    pub fn new(names: Vec<String>) -> Result<Self, String> {
        let made = rcgen::generate_simple_self_signed(names).map_err(text)?;
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let mut server = builder
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .map_err(text)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).map_err(text)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            server: ServerTls::new(Arc::new(server), &certificate).map_err(text)?,
            client: Arc::new(client),
            bindings: ChannelBindings::tls_server_end_point(&certificate).map_err(text)?,
            certificate,
        })
    }

    /// Writes the certificate as text (RFC 7468).
    pub fn write_pem(&self, path: &Path) -> Result<(), String> {
        let base64 = STANDARD.encode(&self.certificate);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in base64.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        std::fs::write(path, pem).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
