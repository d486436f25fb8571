//! NTLM clients: Python libraries behind `py/ntlm.py`, and the `sspi` crate.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use gss_acceptor::SequenceState;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse,
    DataRepresentation, EncryptionFlags, Ntlm, SecurityBuffer, SecurityBufferRef, SecurityStatus,
    Sspi, SspiImpl, Username,
};

use crate::peer::{Lacks, Peer, Received, Sent};
use crate::process::{packages, root, run, target_dir};
use crate::python::{PYTHON, PythonPeer};

/// Who logs in, and how.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The domain name, or nothing.
    pub domain: String,
    /// The password.
    pub password: String,
    /// Inside SPNEGO.
    pub spnego: bool,
    /// What becomes of messages.
    pub protect: Protect,
    /// Application data of channel bindings.
    pub bindings: Vec<u8>,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protect {
    /// Sealing and signing.
    Seal,
    /// Signing.
    Sign,
    /// Nothing.
    Nothing,
}

/// A library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// pyspnego, from PyPI.
    Pyspnego,
    /// impacket.
    Impacket,
    /// Samba's gensec.
    Samba,
    /// MIT's library with gss-ntlmssp.
    GssNtlmssp,
}

impl Login {
    /// A raw login that seals messages.
    pub fn new(user: &str, domain: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            domain: domain.to_owned(),
            password: password.to_owned(),
            spnego: false,
            protect: Protect::Seal,
            bindings: Vec::new(),
        }
    }
}

/// A Python that has pyspnego, in an environment of this build's.
fn pyspnego() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        packages(&["python3-venv"]);
        let place = target_dir().join("pyspnego");
        let python = place.join("bin/python");
        let there = Command::new(&python)
            .args(["-c", "import spnego"])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            run(Command::new(PYTHON)
                .args(["-m", "venv", "--clear"])
                .arg(&place));
            run(Command::new(&python).args(["-m", "pip", "-q", "install", "pyspnego==0.12.*"]));
        }
        python
    })
    .clone()
}

/// What MIT's library is told: of gss-ntlmssp and of no other plugin, and of a realm, since it
/// reads a user's name as its other mechanisms would, too.
pub fn gss_ntlmssp() -> [(&'static str, PathBuf); 2] {
    static MADE: OnceLock<[(&str, PathBuf); 2]> = OnceLock::new();
    MADE.get_or_init(|| {
        packages(&["gss-ntlmssp"]);
        let file = |name: &str, text: &str| {
            // The same for every process, and never half of it.
            let path = target_dir().join(name);
            let fresh = target_dir().join(format!("{name}.{}", std::process::id()));
            std::fs::write(&fresh, text).expect("a file");
            std::fs::rename(fresh, &path).expect("its place");
            path
        };
        let plugin = "gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 \
             /usr/lib/x86_64-linux-gnu/gssntlmssp/gssntlmssp.so\n";
        let realm = "[libdefaults]\n default_realm = NOWHERE.TEST\n dns_lookup_kdc = false\n";
        [
            ("GSS_MECH_CONFIG", file("gss-ntlmssp.conf", plugin)),
            ("KRB5_CONFIG", file("gss-ntlmssp-krb5.conf", realm)),
        ]
    })
    .clone()
}

/// A client of a Python library.
///
/// # Panics
/// It does not start.
pub fn python(library: Library, login: &Login) -> PythonPeer {
    let (name, python) = match library {
        Library::Pyspnego => ("spnego", pyspnego()),
        Library::Impacket => {
            packages(&["python3", "python3-impacket"]);
            ("impacket", PYTHON.into())
        }
        Library::Samba => {
            packages(&["python3", "python3-samba"]);
            ("samba", PYTHON.into())
        }
        Library::GssNtlmssp => {
            packages(&["python3", "python3-gssapi", "gss-ntlmssp"]);
            ("gssapi", PYTHON.into())
        }
    };
    let bindings: String = login.bindings.iter().map(|b| format!("{b:02x}")).collect();
    let mut command = Command::new(python);
    command
        .arg(root().join("tests/interop/py/ntlm.py"))
        .args([name, &login.user, &login.domain, &login.password])
        .arg(if login.spnego { "spnego" } else { "raw" })
        .arg(match login.protect {
            Protect::Seal => "seal",
            Protect::Sign => "sign",
            Protect::Nothing => "none",
        })
        .arg(bindings)
        .envs(gss_ntlmssp())
        .env("KRB5CCNAME", "MEMORY:none")
        .env("LC_ALL", "C.UTF-8");
    PythonPeer::start(format!("{library:?}"), &mut command)
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Pyspnego,
        Self::Impacket,
        Self::Samba,
        Self::GssNtlmssp,
    ];
}

/// The `sspi` crate's own NTLM.
pub struct SspiNtlm {
    package: Ntlm,
    credentials: Option<AuthIdentityBuffers>,
}

impl SspiNtlm {
    /// Prepares to log in, raw; the crate always asks for sealing.
    ///
    /// # Panics
    /// The crate refuses the name.
    pub fn new(login: &Login) -> Self {
        assert!(!login.spnego, "the crate's Negotiate wants a KDC first");
        let domain = Some(login.domain.as_str()).filter(|domain| !domain.is_empty());
        let identity = AuthIdentity {
            username: Username::new(&login.user, domain).expect("a user name"),
            password: login.password.clone().into(),
        };
        let mut package = Ntlm::new();
        let acquired = package
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(&identity)
            .execute(&mut package)
            .expect("credentials");
        if !login.bindings.is_empty() {
            package.set_channel_bindings(&login.bindings);
        }
        Self {
            package,
            credentials: acquired.credentials_handle,
        }
    }
}

impl Peer for SspiNtlm {
    fn name(&self) -> String {
        "the sspi crate".to_owned()
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let token = token.unwrap_or_default().to_vec();
        let mut input = [SecurityBuffer::new(token, BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = self
            .package
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(
                ClientRequestFlags::CONFIDENTIALITY | ClientRequestFlags::ALLOCATE_MEMORY,
            )
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/localhost")
            .with_input(&mut input)
            .with_output(&mut output);
        let status = self
            .package
            .initialize_security_context_impl(&mut builder)
            .and_then(|mut generator| generator.resolve_to_result())
            .map_err(|error| error.to_string())?
            .status;
        let token = std::mem::take(&mut output[0].buffer);
        Ok(Sent {
            token: (!token.is_empty()).then_some(token),
            done: status != SecurityStatus::ContinueNeeded,
        })
    }

    fn wrap(&mut self, data: &[u8], _seal: bool) -> Result<Vec<u8>, String> {
        let (mut token, mut data) = (vec![0; 16], data.to_vec());
        let mut message = [
            SecurityBufferRef::token_buf(&mut token),
            SecurityBufferRef::data_buf(&mut data),
        ];
        self.package
            .encrypt_message(EncryptionFlags::empty(), &mut message)
            .map_err(|error| error.to_string())?;
        Ok([message[0].data(), message[1].data()].concat())
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let (mut signature, mut data) = (token[..16].to_vec(), token[16..].to_vec());
        let mut message = [
            SecurityBufferRef::token_buf(&mut signature),
            SecurityBufferRef::data_buf(&mut data),
        ];
        self.package
            .decrypt_message(&mut message)
            .map_err(|error| error.to_string())?;
        Ok(Received {
            data: message[1].data().to_vec(),
            sealed: true,
            sequence: None,
        })
    }

    fn mic(&mut self, _data: &[u8]) -> Result<Vec<u8>, String> {
        Err("not asked for here".to_owned())
    }

    fn verify(&mut self, _data: &[u8], _mic: &[u8]) -> Result<Option<SequenceState>, String> {
        Err("not asked for here".to_owned())
    }

    fn lacks(&self) -> &'static [Lacks] {
        &[Lacks::UnsealedWrap, Lacks::Mic, Lacks::Sequence]
    }
}
