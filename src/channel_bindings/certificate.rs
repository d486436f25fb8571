//! The hash function in a certificate's signature algorithm.
//!
//! Walked by hand: three nested elements and one identifier are needed, for
//! which `der` and `spki` (two more crates in every build, and a choice of
//! their versions for us to follow) would save some twenty lines. Nothing is
//! allocated and no element is entered twice, so work is linear in the walk's
//! few headers whatever the lengths claim.

use ring::digest;

use super::ChannelBindingsError;
use crate::mechanism::dotted;

type Hash = &'static digest::Algorithm;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
/// `hashAlgorithm [0]` of RSASSA-PSS-params (RFC 4055 section 3.1).
const CONTEXT_0: u8 = 0xA0;

/// The hash for `tls-server-end-point` (RFC 5929 section 4.1) by the outer
/// `signatureAlgorithm` of `Certificate ::= SEQUENCE { tbsCertificate,
/// signatureAlgorithm, signatureValue }` (RFC 5280 section 4.1).
pub(super) fn binding_hash(certificate: &[u8]) -> Result<Hash, ChannelBindingsError> {
    if certificate.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(ChannelBindingsError::CertificateIsPem);
    }
    let mut file = Reader(certificate);
    let mut fields = Reader(file.read(SEQUENCE).ok_or(malformed("the outer SEQUENCE"))?);
    if !file.0.is_empty() {
        return Err(malformed("the bytes after the certificate"));
    }
    fields.read(SEQUENCE).ok_or(malformed("tbsCertificate"))?;
    let mut algorithm = Reader(
        fields
            .read(SEQUENCE)
            .ok_or(malformed("signatureAlgorithm"))?,
    );
    fields.read(BIT_STRING).ok_or(malformed("signatureValue"))?;
    if !fields.0.is_empty() {
        return Err(malformed("the fields after signatureValue"));
    }
    let oid = algorithm
        .read(OBJECT_IDENTIFIER)
        .ok_or(malformed("signatureAlgorithm"))?;
    if oid == oid::RSASSA_PSS {
        return pss_hash(algorithm);
    }
    if let Some(name) = without_hash(oid) {
        return Err(ChannelBindingsError::NoHash { algorithm: name });
    }
    signature_hash(oid).ok_or_else(|| unsupported(oid))
}

/// RSASSA-PSS names its hash in the parameters; SHA-1 where it does not. The
/// hash of its mask generation does not count: OpenSSL and those who follow
/// it do not look there either.
fn pss_hash(mut algorithm: Reader<'_>) -> Result<Hash, ChannelBindingsError> {
    const WHAT: &str = "the RSASSA-PSS parameters";
    let mut parameters = Reader(algorithm.read(SEQUENCE).ok_or(malformed(WHAT))?);
    if parameters.0.first() != Some(&CONTEXT_0) {
        return Ok(&digest::SHA256);
    }
    let mut tagged = Reader(parameters.read(CONTEXT_0).ok_or(malformed(WHAT))?);
    let mut hash = Reader(tagged.read(SEQUENCE).ok_or(malformed(WHAT))?);
    let oid = hash.read(OBJECT_IDENTIFIER).ok_or(malformed(WHAT))?;
    match oid {
        oid::MD5 | oid::SHA1 | oid::SHA256 => Ok(&digest::SHA256),
        oid::SHA384 => Ok(&digest::SHA384),
        oid::SHA512 => Ok(&digest::SHA512),
        oid::SHA512_256 => Ok(&digest::SHA512_256),
        _ => Err(unsupported(oid)),
    }
}

fn signature_hash(oid: &[u8]) -> Option<Hash> {
    match oid {
        oid::RSA_MD5
        | oid::RSA_SHA1
        | oid::OIW_RSA_SHA1
        | oid::RSA_SHA256
        | oid::ECDSA_SHA1
        | oid::ECDSA_SHA256
        | oid::DSA_SHA1
        | oid::DSA_SHA256 => Some(&digest::SHA256),
        oid::RSA_SHA384 | oid::ECDSA_SHA384 | oid::DSA_SHA384 => Some(&digest::SHA384),
        oid::RSA_SHA512 | oid::ECDSA_SHA512 | oid::DSA_SHA512 => Some(&digest::SHA512),
        oid::RSA_SHA512_256 => Some(&digest::SHA512_256),
        _ => None,
    }
}

/// The signature algorithms that sign the message itself.
fn without_hash(oid: &[u8]) -> Option<&'static str> {
    match oid {
        oid::ED25519 => Some("Ed25519"),
        oid::ED448 => Some("Ed448"),
        oid::ML_DSA_44 => Some("ML-DSA-44"),
        oid::ML_DSA_65 => Some("ML-DSA-65"),
        oid::ML_DSA_87 => Some("ML-DSA-87"),
        _ => None,
    }
}

fn malformed(what: &'static str) -> ChannelBindingsError {
    ChannelBindingsError::CertificateMalformed { what }
}

fn unsupported(oid: &[u8]) -> ChannelBindingsError {
    ChannelBindingsError::UnsupportedAlgorithm {
        algorithm: dotted(oid),
    }
}

/// What is left of an element's content.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag and a
    /// definite length that fits. (Lengths need not be minimal: the bytes
    /// are hashed as they are, and TLS has judged them.)
    fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7F => usize::from(first),
            0x81..=0x84 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
                rest = after;
                bytes
                    .iter()
                    .fold(0, |length, &byte| (length << 8) | usize::from(byte))
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        (found == tag).then_some(content)
    }
}

/// Contents of the object identifiers.
mod oid {
    macro_rules! oid {
        ($name:ident, $last:literal, [$($prefix:literal),+]) => {
            pub(super) const $name: &[u8] = &[$($prefix,)+ $last];
        };
    }

    macro_rules! under {
        ($prefix:tt $($name:ident = $last:literal;)+) => {
            $(oid! { $name, $last, $prefix })+
        };
    }

    // 1.2.840.113549.1.1 (PKCS #1, RFC 8017 appendix C)
    under! { [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]
        RSA_MD5 = 4;
        RSA_SHA1 = 5;
        RSASSA_PSS = 10;
        RSA_SHA256 = 11;
        RSA_SHA384 = 12;
        RSA_SHA512 = 13;
        RSA_SHA512_256 = 16;
    }
    // 1.3.14.3.2 (OIW: what Windows' makecert wrote for RSA with SHA-1)
    under! { [0x2B, 0x0E, 0x03, 0x02]
        SHA1 = 26;
        OIW_RSA_SHA1 = 29;
    }
    // 1.2.840.113549.2
    under! { [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02]
        MD5 = 5;
    }
    // 1.2.840.10045.4 (RFC 5758 section 3.2)
    under! { [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04]
        ECDSA_SHA1 = 1;
    }
    under! { [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03]
        ECDSA_SHA256 = 2;
        ECDSA_SHA384 = 3;
        ECDSA_SHA512 = 4;
    }
    // 1.2.840.10040.4 (RFC 3279 section 2.2.2)
    under! { [0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04]
        DSA_SHA1 = 3;
    }
    // 2.16.840.1.101.3.4.2 (NIST hashes)
    under! { [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02]
        SHA256 = 1;
        SHA384 = 2;
        SHA512 = 3;
        SHA512_256 = 6;
    }
    // 2.16.840.1.101.3.4.3 (NIST signatures)
    under! { [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03]
        DSA_SHA256 = 2;
        DSA_SHA384 = 3;
        DSA_SHA512 = 4;
        ML_DSA_44 = 17;
        ML_DSA_65 = 18;
        ML_DSA_87 = 19;
    }
    // 1.3.101 (RFC 8410)
    under! { [0x2B, 0x65]
        ED25519 = 112;
        ED448 = 113;
    }
}
