use super::{ChannelBindings, ChannelBindingsError};
use crate::hex::hex;

macro_rules! certificates {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../tests/data/certs/", $name)))),+]
    };
}

/// How they were made: `tests/data/certs/README.md`.
const CERTIFICATES: &[(&str, &[u8])] = certificates![
    "ecdsa-sha1.der",
    "ecdsa-sha256.der",
    "ecdsa-sha384.der",
    "ecdsa-sha512.der",
    "ed25519.der",
    "ed448.der",
    "rsa-md5.der",
    "rsa-pss-default.der",
    "rsa-pss-sha256.der",
    "rsa-pss-sha384.der",
    "rsa-sha1.der",
    "rsa-sha224.der",
    "rsa-sha256.der",
    "rsa-sha384.der",
    "rsa-sha512-256.der",
    "rsa-sha512.der",
];

/// By `openssl dgst`: file, hash, hex.
const HASHES: &str = include_str!("../../tests/data/certs/hashes.txt");

fn certificate(name: &str) -> &'static [u8] {
    CERTIFICATES
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap()
        .1
}

fn expected_hash(name: &str) -> Option<Vec<u8>> {
    let line = HASHES
        .lines()
        .find(|line| line.split(' ').next() == Some(name))?;
    Some(hex(line.split(' ').nth(2).unwrap()))
}

#[test]
fn the_end_point_hash_is_openssls_for_every_signature_algorithm() {
    let mut checked = 0;
    for (name, der) in CERTIFICATES {
        let Some(hash) = expected_hash(name) else {
            continue;
        };
        if *name == "rsa-sha224.der" {
            continue;
        }
        let bindings = ChannelBindings::tls_server_end_point(der).expect(name);
        let expected = [b"tls-server-end-point:", hash.as_slice()].concat();
        assert_eq!(bindings.application_data(), expected, "{name}");
        assert_eq!(
            bindings,
            ChannelBindings::tls_server_end_point_hash(&hash).unwrap()
        );
        checked += 1;
    }
    assert_eq!(checked, 13);
}

#[test]
fn a_signature_without_a_hash_is_refused_and_the_exporter_offered() {
    for (name, algorithm) in [("ed25519.der", "Ed25519"), ("ed448.der", "Ed448")] {
        assert_eq!(expected_hash(name), None);
        let error = ChannelBindings::tls_server_end_point(certificate(name)).unwrap_err();
        assert_eq!(error, ChannelBindingsError::NoHash { algorithm });
        assert!(error.to_string().contains("tls_exporter"), "{error}");
    }
}

#[test]
fn a_hash_that_is_not_at_hand_is_named_and_can_be_brought_along() {
    let name = "rsa-sha224.der";
    let error = ChannelBindings::tls_server_end_point(certificate(name)).unwrap_err();
    let algorithm = "1.2.840.113549.1.1.14".to_owned();
    assert_eq!(
        error,
        ChannelBindingsError::UnsupportedAlgorithm { algorithm }
    );
    assert!(
        error.to_string().contains("tls_server_end_point_hash"),
        "{error}"
    );
    ChannelBindings::tls_server_end_point_hash(&expected_hash(name).unwrap()).unwrap();
}

/// Every prefix of every certificate, and every certificate with a byte
/// behind it, is an error; a changed byte is one or is another hash.
#[test]
fn what_is_not_one_certificate_is_refused() {
    for (name, der) in CERTIFICATES {
        for end in 0..der.len() {
            let error = ChannelBindings::tls_server_end_point(&der[..end]).unwrap_err();
            let malformed = matches!(error, ChannelBindingsError::CertificateMalformed { .. });
            assert!(malformed, "{name} cut at {end}: {error}");
        }
        let longer = [*der, &[0]].concat();
        let error = ChannelBindings::tls_server_end_point(&longer).unwrap_err();
        let what = "the bytes after the certificate";
        assert_eq!(
            error,
            ChannelBindingsError::CertificateMalformed { what },
            "{name}"
        );
        let good = ChannelBindings::tls_server_end_point(der);
        for index in 0..der.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut changed = der.to_vec();
                changed[index] ^= flip;
                let bindings = ChannelBindings::tls_server_end_point(&changed);
                assert!(bindings.is_err() || bindings != good, "{name} at {index}");
            }
        }
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    for bad in [
        &[0x30, 0x80, 0, 0][..],
        &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x30, 0x85, 0, 0, 0, 0, 0],
        &[0x30, 0x00],
        &[0x31, 0x00],
        b"",
    ] {
        let error = ChannelBindings::tls_server_end_point(bad).unwrap_err();
        assert!(
            matches!(error, ChannelBindingsError::CertificateMalformed { .. }),
            "{bad:x?}"
        );
    }
}

#[test]
fn pem_is_told_from_rubbish() {
    let error = ChannelBindings::tls_server_end_point(b"\n-----BEGIN CERTIFICATE-----\nMIIB");
    assert_eq!(error, Err(ChannelBindingsError::CertificateIsPem));
}

/// A certificate's shell around this signature algorithm.
fn signed_with(algorithm: &[u8]) -> Vec<u8> {
    let inner = [
        &[0x30, 0x00, 0x30, u8::try_from(algorithm.len()).unwrap()],
        algorithm,
    ]
    .concat();
    let inner = [&inner[..], &[0x03, 0x01, 0x00]].concat();
    [&[0x30, u8::try_from(inner.len()).unwrap()], &inner[..]].concat()
}

#[test]
fn an_unknown_algorithm_is_named_by_its_identifier() {
    for (oid, text) in [
        (&[0x06, 0x03, 0x2A, 0x03, 0x04][..], "1.2.3.4"),
        (&[0x06, 0x03, 0x88, 0x37, 0x03], "2.999.3"),
        (&[0x06, 0x02, 0x2A, 0x83], "2a83"),
        (&[0x06, 0x00], ""),
        (
            &[
                0x06, 0x0B, 0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F,
            ],
            "2affffffffffffffffff7f",
        ),
    ] {
        let error = ChannelBindings::tls_server_end_point(&signed_with(oid)).unwrap_err();
        let algorithm = text.to_owned();
        assert_eq!(
            error,
            ChannelBindingsError::UnsupportedAlgorithm { algorithm }
        );
    }
}

#[test]
fn pss_without_parameters_is_malformed() {
    let pss = [
        0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A,
    ];
    let error = ChannelBindings::tls_server_end_point(&signed_with(&pss)).unwrap_err();
    let what = "the RSASSA-PSS parameters";
    assert_eq!(error, ChannelBindingsError::CertificateMalformed { what });
}

/// Expected hashes from two independent implementations that agree: `OpenJDK`
/// 17 (`InitialToken.computeChannelBinding`, with the `ChannelBinding` of its
/// TLS support for type 0 and with the public one for type 255), and Python:
/// `hashlib.md5(struct.pack("<IIIII", t, 0, t, 0, len(d)) + d)`.
#[test]
fn the_gss_hash_is_javas_and_pythons() {
    let bindings = ChannelBindings::tls_server_end_point(certificate("rsa-sha256.der")).unwrap();
    assert_eq!(
        bindings.gss_hash().to_vec(),
        hex("3a9899f5de77cc6b28ad45e9187ee5b9")
    );
    let java = bindings.gss_hash_null_addresses_255();
    assert_eq!(java.to_vec(), hex("dbe40a3d2ce76f0802f83a57dfdd2a5c"));
}

#[test]
fn every_kind_has_its_prefix_and_its_lengths() {
    let unique = ChannelBindings::tls_unique(&[7; 12]).unwrap();
    assert_eq!(
        unique.application_data(),
        b"tls-unique:\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"
    );
    let exporter = ChannelBindings::tls_exporter(&[9; 32]).unwrap();
    assert_eq!(
        exporter.application_data(),
        [&b"tls-exporter:"[..], &[9; 32]].concat()
    );
    let raw = ChannelBindings::from_application_data(exporter.application_data()).unwrap();
    assert_eq!(raw, exporter);

    let wrong = |result: Result<ChannelBindings, _>| {
        assert!(
            matches!(result, Err(ChannelBindingsError::WrongLength { .. })),
            "{result:?}"
        );
    };
    wrong(ChannelBindings::tls_unique(&[]));
    wrong(ChannelBindings::tls_unique(&[0; 65]));
    wrong(ChannelBindings::tls_exporter(&[0; 31]));
    wrong(ChannelBindings::tls_server_end_point_hash(&[0; 20]));
    let prefixed = [&b"tls-server-end-point:"[..], &[0; 32]].concat();
    wrong(ChannelBindings::tls_server_end_point_hash(&prefixed));
    wrong(ChannelBindings::from_application_data(&[]));
    wrong(ChannelBindings::from_application_data(&vec![0; 16385]));
}

/// `sspi.h`: eight fields of 32 bits, the last two length and offset.
#[test]
fn the_windows_layout_has_its_data_after_the_header() {
    let layout = ChannelBindings::from_application_data(b"tls-unique:abc").unwrap();
    let expected = [&[0; 24][..], &[14, 0, 0, 0, 32, 0, 0, 0], b"tls-unique:abc"].concat();
    assert_eq!(layout.sec_channel_bindings(), expected);
}

#[test]
fn debug_prints_kind_and_length_only() {
    let bindings = ChannelBindings::tls_exporter(&[0xAB; 32]).unwrap();
    assert_eq!(
        format!("{bindings:?}"),
        "ChannelBindings(tls-exporter, 45 bytes)"
    );
    let other = ChannelBindings::from_application_data(b"x").unwrap();
    assert_eq!(
        format!("{other:?}"),
        "ChannelBindings(application data, 1 bytes)"
    );
}
