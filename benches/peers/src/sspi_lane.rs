//! The `sspi` crate as a server of one service. It keeps its replay cache in each context, so
//! that what it remembers is of no handshake but its own.

use std::hint::black_box;
use std::time::Duration;

use sspi::kerberos::ServerProperties;
use sspi::{
    BufferType, DataRepresentation, Kerberos, KerberosConfig, Secret, SecurityBuffer,
    SecurityStatus, ServerRequestFlags, Sspi, SspiImpl,
};

pub struct Server {
    config: KerberosConfig,
    properties: ServerProperties,
}

impl Server {
    /// With the key of HTTP/localhost out of a keytab.
    pub fn new(keytab: &[u8]) -> Self {
        // Etype 18 and its length stand before a key of AES-256 (MIT's keytab format, version 2).
        let place = keytab.windows(4).position(|four| four == [0, 18, 0, 32]);
        let start = place.expect("a key of AES-256") + 4;
        let key = keytab[start..start + 32].to_vec();
        let skew = Duration::from_secs(300);
        let names = ["HTTP", "localhost"];
        Self {
            config: KerberosConfig::new_with_kdc_url("tcp://127.0.0.1:9", "server".into()),
            properties: ServerProperties::new(&names, None, skew, Some(Secret::new(key)))
                .expect("properties"),
        }
    }

    pub fn serve(&self, token: &[u8]) {
        let mut server =
            Kerberos::new_server_from_config(self.config.clone(), self.properties.clone())
                .expect("a server");
        let mut credentials = None;
        let mut input = [SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let builder = server
            .accept_security_context()
            .with_credentials_handle(&mut credentials)
            .with_context_requirements(ServerRequestFlags::empty())
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut input)
            .with_output(&mut output);
        let accepted = server
            .accept_security_context_impl(builder)
            .and_then(|mut generator| generator.resolve_to_result())
            .expect("sspi accepts");
        assert_eq!(accepted.status, SecurityStatus::Ok);
        black_box((server, output));
    }
}
