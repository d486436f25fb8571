//! The TLS channel that an authentication is bound to.

mod certificate;
#[cfg(test)]
mod tests;

use core::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};

const TLS_SERVER_END_POINT: &[u8] = b"tls-server-end-point:";
const TLS_UNIQUE: &[u8] = b"tls-unique:";
const TLS_EXPORTER: &[u8] = b"tls-exporter:";

/// The address type of the RFC 4121 structure when there are no addresses.
const AF_UNSPEC: u32 = 0;
/// `GSS_C_AF_NULLADDR` (RFC 2744 section 3.11), which JGSS hashes instead.
const AF_NULL_ADDRESS: u32 = 255;

/// Ample for every registered kind, and small enough that every length field
/// downstream (32 bits, 16 bits in NTLM's) holds it.
const MAX_APPLICATION_DATA: usize = 16 * 1024;

/// What names the TLS channel under an authentication, so that a client
/// notices when somebody else's TLS connection carries its token (RFC 5056).
///
/// The client puts a hash of the same value, taken from its own end of the
/// connection, into its token; [`ChannelBindingPolicy`] says what becomes of a
/// client whose hash differs, or that sends none.
///
/// Most clients (browsers, curl, Windows) use `tls-server-end-point`, which
/// depends on the server's certificate alone: make it once and keep it, a
/// clone is cheap. Hashes are computed here, once.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBindings {
    application_data: Arc<[u8]>,
    gss_hash: [u8; 16],
    gss_hash_null_addresses_255: [u8; 16],
}

impl ChannelBindings {
    /// What tells one channel from another.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.application_data);
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    /// `tls-server-end-point` (RFC 5929 section 4) of the certificate that
    /// the server presents in TLS, in DER: the leaf, exactly as sent.
    ///
    /// The hash is that of the certificate's own signature algorithm, with
    /// MD5 and SHA-1 replaced by SHA-256 (section 4.1). For RSASSA-PSS it is
    /// the `hashAlgorithm` of its parameters.
    ///
    /// # Errors
    ///
    /// * [`CertificateIsPem`](ChannelBindingsError::CertificateIsPem),
    ///   [`CertificateMalformed`](ChannelBindingsError::CertificateMalformed):
    ///   these bytes are not one DER certificate.
    /// * [`NoHash`](ChannelBindingsError::NoHash): RFC 5929 leaves the binding
    ///   undefined for this signature (Ed25519, Ed448, ML-DSA). Use
    ///   [`tls_exporter`](Self::tls_exporter).
    /// * [`UnsupportedAlgorithm`](ChannelBindingsError::UnsupportedAlgorithm):
    ///   the hash is defined but not available here (SHA-224, SHA-3), or the
    ///   signature algorithm is unknown. Compute it elsewhere and use
    ///   [`tls_server_end_point_hash`](Self::tls_server_end_point_hash).
    pub fn tls_server_end_point(certificate_der: &[u8]) -> Result<Self, ChannelBindingsError> {
        let algorithm = certificate::binding_hash(certificate_der)?;
        let hash = ring::digest::digest(algorithm, certificate_der);
        Ok(Self::prefixed(TLS_SERVER_END_POINT, hash.as_ref()))
    }

    /// `tls-server-end-point` from a hash that somebody else computed, such as
    /// the TLS proxy that holds the certificate. `hash` is the bare hash: 28,
    /// 32, 48 or 64 bytes, no hex, without the prefix `tls-server-end-point:`
    /// (which is added here).
    ///
    /// # Errors
    ///
    /// [`WrongLength`](ChannelBindingsError::WrongLength) for any other length.
    pub fn tls_server_end_point_hash(hash: &[u8]) -> Result<Self, ChannelBindingsError> {
        let fits = matches!(hash.len(), 28 | 32 | 48 | 64);
        let expected = "28, 32, 48 or 64 (the bare hash, neither hex nor prefixed)";
        check_length(fits, "a tls-server-end-point hash", hash, expected)?;
        Ok(Self::prefixed(TLS_SERVER_END_POINT, hash))
    }

    /// `tls-unique` (RFC 5929 section 3): the `verify_data` of the first
    /// Finished message of the latest TLS handshake; 12 bytes with every
    /// usual cipher suite. A full handshake's first Finished is the client's,
    /// a resumed one's is the server's.
    ///
    /// For TLS 1.2 and older only, and there only with the extended master
    /// secret (RFC 7627). TLS 1.3 has no `tls-unique`: use
    /// [`tls_exporter`](Self::tls_exporter).
    ///
    /// # Errors
    ///
    /// [`WrongLength`](ChannelBindingsError::WrongLength) unless it is 12 to
    /// 64 bytes.
    pub fn tls_unique(finished: &[u8]) -> Result<Self, ChannelBindingsError> {
        let fits = (12..=64).contains(&finished.len());
        check_length(fits, "the Finished of tls-unique", finished, "12 to 64")?;
        Ok(Self::prefixed(TLS_UNIQUE, finished))
    }

    /// `tls-exporter` (RFC 9266): 32 bytes of keying material exported from
    /// the TLS connection with the label `EXPORTER-Channel-Binding` and an
    /// empty context (present, zero bytes long). For TLS 1.3, and for TLS 1.2
    /// with the extended master secret.
    ///
    /// # Errors
    ///
    /// [`WrongLength`](ChannelBindingsError::WrongLength) unless it is 32
    /// bytes.
    pub fn tls_exporter(ekm: &[u8]) -> Result<Self, ChannelBindingsError> {
        check_length(
            ekm.len() == 32,
            "the keying material of tls-exporter",
            ekm,
            "32",
        )?;
        Ok(Self::prefixed(TLS_EXPORTER, ekm))
    }

    /// The whole `application_data` of the GSS-API structure (RFC 2744
    /// section 3.11), prefix and all: what another GSS-API or a proxy hands
    /// over, or a kind of binding that has no constructor here.
    ///
    /// # Errors
    ///
    /// [`WrongLength`](ChannelBindingsError::WrongLength) unless it is 1 to
    /// 16384 bytes. No data at all would bind to nothing: give the step no
    /// bindings then.
    pub fn from_application_data(application_data: &[u8]) -> Result<Self, ChannelBindingsError> {
        let fits = (1..=MAX_APPLICATION_DATA).contains(&application_data.len());
        check_length(fits, "the application data", application_data, "1 to 16384")?;
        Ok(Self::prefixed(b"", application_data))
    }

    fn prefixed(prefix: &[u8], data: &[u8]) -> Self {
        let application_data: Arc<[u8]> = [prefix, data].concat().into();
        Self {
            gss_hash: gss_hash(AF_UNSPEC, &application_data),
            gss_hash_null_addresses_255: gss_hash(AF_NULL_ADDRESS, &application_data),
            application_data,
        }
    }

    /// The application data: prefix and value (RFC 5056 section 2.1).
    #[must_use]
    pub fn application_data(&self) -> &[u8] {
        &self.application_data
    }

    /// The hash that a client's token carries (`Bnd`, RFC 4121 section
    /// 4.1.1.2; `MsvAvChannelBindings`, MS-NLMP section 2.2.2.1): MD5 of the
    /// structure of RFC 2744 section 3.11 with both address types 0 and both
    /// addresses empty.
    #[must_use]
    pub fn gss_hash(&self) -> [u8; 16] {
        self.gss_hash
    }

    /// The same with address type 255 (`GSS_C_AF_NULLADDR`), as Java's GSS-API
    /// has it when its caller names no addresses.
    ///
    /// It does **not** match [`gss_hash`](Self::gss_hash), and is not to be
    /// accepted in its place. It is here so that such a mismatch can be named
    /// for what it is.
    #[must_use]
    pub fn gss_hash_null_addresses_255(&self) -> [u8; 16] {
        self.gss_hash_null_addresses_255
    }

    /// The layout of Windows' `SEC_CHANNEL_BINDINGS` (`sspi.h`), as
    /// `AcceptSecurityContext` takes it in a `SECBUFFER_CHANNEL_BINDINGS`: a
    /// header of eight little-endian 32-bit fields (type, length and offset
    /// of the initiator's address and of the acceptor's, all 0; length and
    /// offset of the application data), then the application data.
    #[must_use]
    pub fn sec_channel_bindings(&self) -> Vec<u8> {
        const HEADER: u32 = 32;
        let mut layout = Vec::with_capacity(HEADER as usize + self.application_data.len());
        for field in [0, 0, 0, 0, 0, 0, length32(&self.application_data), HEADER] {
            layout.extend_from_slice(&field.to_le_bytes());
        }
        layout.extend_from_slice(&self.application_data);
        layout
    }

    fn kind(&self) -> &'static str {
        let known = [
            (TLS_SERVER_END_POINT, "tls-server-end-point"),
            (TLS_UNIQUE, "tls-unique"),
            (TLS_EXPORTER, "tls-exporter"),
        ];
        let found = known
            .iter()
            .find(|(prefix, _)| self.application_data.starts_with(prefix));
        found.map_or("application data", |(_, kind)| kind)
    }
}

/// Kind and length. Not the value: keying material of `tls-exporter` is not
/// for logs, and the hash goes with it.
impl fmt::Debug for ChannelBindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ChannelBindings({}, {} bytes)",
            self.kind(),
            self.application_data.len()
        )
    }
}

/// MD5 is what RFC 4121 prescribes. What the hash hides from is a second
/// preimage, which MD5 still resists.
fn gss_hash(address_type: u32, application_data: &[u8]) -> [u8; 16] {
    let mut md5 = Md5::new();
    for field in [address_type, 0, address_type, 0, length32(application_data)] {
        md5.update(field.to_le_bytes());
    }
    md5.update(application_data);
    md5.finalize().into()
}

/// Every constructor bounds the length far below this type's.
fn length32(application_data: &[u8]) -> u32 {
    u32::try_from(application_data.len()).unwrap_or(u32::MAX)
}

fn check_length(
    fits: bool,
    what: &'static str,
    bytes: &[u8],
    expected: &'static str,
) -> Result<(), ChannelBindingsError> {
    if fits {
        return Ok(());
    }
    Err(ChannelBindingsError::WrongLength {
        what,
        length: bytes.len(),
        expected,
    })
}

/// Why no channel bindings could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelBindingsError {
    /// The certificate is PEM text.
    #[error(
        "the certificate is in PEM; give its DER, the base64-decoded bytes between the BEGIN and END lines"
    )]
    CertificateIsPem,
    /// The bytes are no X.509 certificate (RFC 5280 section 4.1) in DER.
    #[error(
        "not one X.509 certificate in DER (unreadable: {what}); give the server's leaf certificate as TLS sends it, and nothing else"
    )]
    CertificateMalformed {
        /// The part that could not be read.
        what: &'static str,
    },
    /// The certificate's signature algorithm has no single hash function,
    /// so that `tls-server-end-point` is undefined (RFC 5929 section 4.1).
    #[error(
        "tls-server-end-point is undefined for a certificate signed with {algorithm} (RFC 5929 section 4.1); use ChannelBindings::tls_exporter (RFC 9266), or a certificate signed with RSA or ECDSA"
    )]
    NoHash {
        /// The signature algorithm.
        algorithm: &'static str,
    },
    /// The hash of the certificate's signature algorithm is not available
    /// here, or the algorithm is not known.
    #[error(
        "no hash at hand for a certificate signed with {algorithm}; if it is signed with a single hash function, hash its DER with that and use ChannelBindings::tls_server_end_point_hash, else use ChannelBindings::tls_exporter"
    )]
    UnsupportedAlgorithm {
        /// The algorithm's object identifier, dotted.
        algorithm: String,
    },
    /// A value of the wrong length.
    #[error("{what} is {length} bytes long, which must be {expected}")]
    WrongLength {
        /// Which value.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The lengths in bytes that it may have.
        expected: &'static str,
    },
}

/// What becomes of a client whose token is bound to another channel, or to
/// none. One policy for all backends; a backend that cannot enforce it
/// refuses it when the configuration is built.
///
/// A client that says it binds (`KERB_AP_OPTIONS_CBT`, MS-KILE section
/// 3.2.5.8) and then sends no bindings is rejected under every policy but
/// [`Ignore`](Self::Ignore), where the step gives the channel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelBindingPolicy {
    /// As [`WhenSent`](Self::WhenSent) in a step that gives the channel's
    /// bindings; a step may give none, and nothing is compared then. The
    /// default: a server without TLS has none to give, and bindings that are
    /// given are never passed over (as `gss_accept_sec_context` does it). A
    /// server with TLS that gives none can be relayed to.
    #[default]
    WhenGiven,
    /// Bindings are not looked at, even if a step gives them. A server with
    /// TLS can be relayed to under this policy.
    Ignore,
    /// A client that sends bindings must send the right ones; one that sends
    /// none is let in (`ASC_REQ_ALLOW_MISSING_BINDINGS`). Whether it was
    /// bound, the context says.
    WhenSent,
    /// The client must send the right bindings; one that sends none is
    /// rejected. The only policy that stops relaying altogether.
    Require,
    /// The client must send bindings, which are not compared
    /// (`ASC_REQ_PROXY_BINDINGS`): TLS ends in a trusted proxy in front of
    /// this server, whose certificate this server does not know. Where the
    /// proxy can tell its certificate's hash, prefer [`Require`](Self::Require)
    /// with [`ChannelBindings::tls_server_end_point_hash`].
    AnyPresent,
}
