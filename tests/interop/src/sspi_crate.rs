//! The `sspi` crate as client: Kerberos by itself, and inside its Negotiate.

use std::io::{Read, Write};
use std::net::TcpStream;

use gss_acceptor::SequenceState;
use sspi::generator::NetworkRequest;
use sspi::network_client::NetworkClient;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, Kerberos, KerberosConfig, Negotiate, NegotiateConfig,
    SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi, SspiImpl, Username,
};

use crate::kdc::{Kdc, REALM};
use crate::peer::{Ask, Lacks, Peer, Received, Sent, flags};

/// The crate's generators ask for the network; this gives it, on loopback.
struct Loopback;

impl NetworkClient for Loopback {
    fn send(&self, request: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        let url = &request.url;
        let address = (url.host_str().unwrap_or_default(), url.port().unwrap_or(88));
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&request.data)?;
        let mut answer = vec![0; 4];
        stream.read_exact(&mut answer)?;
        let length = u32::from_be_bytes([answer[0], answer[1], answer[2], answer[3]]);
        answer.resize(4 + length as usize, 0);
        stream.read_exact(&mut answer[4..])?;
        Ok(answer)
    }
}

enum Package {
    Kerberos(Box<Kerberos>),
    Negotiate(Box<Negotiate>),
}

/// A context of the `sspi` crate's.
pub struct SspiPeer {
    package: Package,
    credentials: Option<CredentialsBuffers>,
    ask: Ask,
    user_to_user: bool,
}

impl SspiPeer {
    /// Prepares to log in as `user`; the KDC is asked on the first leg.
    ///
    /// # Panics
    /// The crate refuses the configuration.
    pub fn new(kdc: &Kdc, user: &str, password: &str, ask: Ask) -> Self {
        let url = format!("tcp://127.0.0.1:{}", kdc.port());
        let config = KerberosConfig::new_with_kdc_url(&url, "client".to_owned());
        let identity = AuthIdentity {
            username: Username::new(user, Some(REALM)).expect("a user name"),
            password: password.to_owned().into(),
        };
        let identity = Credentials::from(identity);
        let (package, credentials) = if ask.spnego {
            let only = Some("kerberos,!ntlm,!pku2u".to_owned());
            let config = NegotiateConfig::new(Box::new(config), only, "client".to_owned());
            let mut negotiate = Negotiate::new_client(config).expect("a package");
            let credentials = negotiate
                .acquire_credentials_handle()
                .with_credential_use(sspi::CredentialUse::Outbound)
                .with_auth_data(&identity)
                .execute(&mut negotiate)
                .expect("credentials");
            let package = Package::Negotiate(Box::new(negotiate));
            (package, credentials.credentials_handle)
        } else {
            let mut kerberos = Kerberos::new_client_from_config(config).expect("a package");
            let credentials = kerberos
                .acquire_credentials_handle()
                .with_credential_use(sspi::CredentialUse::Outbound)
                .with_auth_data(&identity)
                .execute(&mut kerberos)
                .expect("credentials");
            let package = Package::Kerberos(Box::new(kerberos));
            (package, credentials.credentials_handle)
        };
        Self {
            package,
            credentials,
            ask,
            user_to_user: false,
        }
    }

    /// Asks the acceptor for its TGT first (ISC_REQ_USE_SESSION_KEY).
    #[must_use]
    pub fn user_to_user(mut self) -> Self {
        self.user_to_user = true;
        self
    }

    fn requirements(&self) -> ClientRequestFlags {
        let mut all = ClientRequestFlags::ALLOCATE_MEMORY;
        all.set(ClientRequestFlags::USE_SESSION_KEY, self.user_to_user);
        for (gss, isc) in [
            (flags::MUTUAL, ClientRequestFlags::MUTUAL_AUTH),
            (flags::REPLAY, ClientRequestFlags::REPLAY_DETECT),
            (flags::SEQUENCE, ClientRequestFlags::SEQUENCE_DETECT),
            (flags::CONF, ClientRequestFlags::CONFIDENTIALITY),
            (flags::INTEG, ClientRequestFlags::INTEGRITY),
        ] {
            all.set(isc, self.ask.flags & gss != 0);
        }
        all
    }

    /// One call of InitializeSecurityContext.
    fn call(
        &mut self,
        input: &mut [SecurityBuffer],
        output: &mut [SecurityBuffer],
    ) -> sspi::Result<SecurityStatus> {
        let target = self.ask.target.replace('@', "/");
        let requirements = self.requirements();
        macro_rules! with {
            ($package:expr) => {{
                let mut builder = $package
                    .initialize_security_context()
                    .with_credentials_handle(&mut self.credentials)
                    .with_context_requirements(requirements)
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&target)
                    .with_input(input)
                    .with_output(output);
                $package
                    .initialize_security_context_impl(&mut builder)?
                    .resolve_with_client(&Loopback)?
                    .status
            }};
        }
        Ok(match &mut self.package {
            Package::Kerberos(package) => with!(package),
            Package::Negotiate(package) => with!(package),
        })
    }
}

/// SEC_CHANNEL_BINDINGS: 32 bytes of lengths and offsets, then the data.
fn sec_channel_bindings(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a few bytes");
    let fields = [0, 0, 0, 0, 0, 0, length, 32];
    let head = fields.iter().flat_map(|field: &u32| field.to_le_bytes());
    head.chain(data.iter().copied()).collect()
}

/// The crate reads sealed tokens in the rotation in which Windows sends them, RRC = 28. RFC 4121
/// 4.2.5 has any: the receiver, or anybody on the way, may rotate.
fn rotated(token: &[u8]) -> Vec<u8> {
    const RRC: u16 = 28;
    let (header, body) = token.split_at(16);
    let now = usize::from(u16::from_be_bytes([header[6], header[7]]));
    let (mut header, mut body) = (header.to_vec(), body.to_vec());
    let length = body.len();
    body.rotate_left(now % length);
    body.rotate_right(usize::from(RRC) % length);
    header[6..8].copy_from_slice(&RRC.to_be_bytes());
    [header, body].concat()
}

impl Peer for SspiPeer {
    fn name(&self) -> String {
        "the sspi crate".to_owned()
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let token = token.unwrap_or_default().to_vec();
        let mut input = vec![SecurityBuffer::new(token, BufferType::Token)];
        if let Some(data) = &self.ask.bindings {
            let bindings = sec_channel_bindings(data);
            input.push(SecurityBuffer::new(bindings, BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let status = self
            .call(&mut input, &mut output)
            .map_err(|e| e.to_string())?;
        let token = std::mem::take(&mut output[0].buffer);
        Ok(Sent {
            token: (!token.is_empty()).then_some(token),
            done: status == SecurityStatus::Ok,
        })
    }

    fn wrap(&mut self, data: &[u8], seal: bool) -> Result<Vec<u8>, String> {
        if !seal {
            return Err("sspi seals always".to_owned());
        }
        let mut trailer = vec![0; 1024];
        let mut data = data.to_vec();
        let mut message = [
            SecurityBufferRef::token_buf(&mut trailer),
            SecurityBufferRef::data_buf(&mut data),
        ];
        let none = EncryptionFlags::empty();
        match &mut self.package {
            Package::Kerberos(package) => package.encrypt_message(none, &mut message),
            Package::Negotiate(package) => package.encrypt_message(none, &mut message),
        }
        .map_err(|e| e.to_string())?;
        Ok([message[0].data(), message[1].data()].concat())
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let sealed = token.get(2).is_some_and(|flags| flags & 2 != 0);
        let mut token = if sealed {
            rotated(token)
        } else {
            token.to_vec()
        };
        let mut message = [
            SecurityBufferRef::stream_buf(&mut token),
            SecurityBufferRef::data_buf(&mut []),
        ];
        match &mut self.package {
            Package::Kerberos(package) => package.decrypt_message(&mut message),
            Package::Negotiate(package) => package.decrypt_message(&mut message),
        }
        .map_err(|e| e.to_string())?;
        Ok(Received {
            data: message[1].data().to_vec(),
            sealed,
            sequence: None,
        })
    }

    fn mic(&mut self, _data: &[u8]) -> Result<Vec<u8>, String> {
        Err("sspi makes no MICs of Kerberos".to_owned())
    }

    fn verify(&mut self, _data: &[u8], _mic: &[u8]) -> Result<Option<SequenceState>, String> {
        Err("sspi verifies no MICs of Kerberos".to_owned())
    }

    fn lacks(&self) -> &'static [Lacks] {
        &[Lacks::UnsealedWrap, Lacks::Mic, Lacks::Sequence]
    }
}
