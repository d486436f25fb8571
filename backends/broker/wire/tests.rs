//! The layout of frames, by the table in `mod.rs`; and what comes back of what
//! was written.

use super::answers::{Offer, Stepped, read_abandoned, read_welcome, welcome};
use super::errors::{read_error, write_error};
use super::requests::{StepRequest, Wanted, configure, hello, read_configure, read_hello};
use super::{MAX_FRAME, frame, length, open};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::encoding::{Reader, Writer};
use crate::error::{
    Error, EtypeUse, GssMajor, KeyTried, Misuse, PlatformStatus, Rejection, Sealed, SealedProblem,
    Unavailability,
};
use crate::etype::EncryptionType;
use crate::facts::{Ability, Capabilities, MechanismCapabilities};
use crate::mechanism::Mechanism;
use crate::requirements::{DataRepresentation, Requirements};
use crate::time::from_unix_seconds;
use std::time::Duration;

#[test]
fn frames_are_laid_out_as_the_table_says() {
    let bytes = frame(3, 0x0102_0304, b"body").unwrap();
    assert_eq!(*bytes, *b"\0\0\0\x09\x03\x01\x02\x03\x04body");
    let read = super::read(&mut bytes.as_slice()).unwrap();
    assert_eq!((read.kind, read.request), (3, 0x0102_0304));
    assert_eq!(*read.body, *b"body");
    assert_eq!(hello().expose(), b"GSSBROKER\0\x01");
}

#[test]
fn lengths_are_bounded() {
    assert_eq!(length(4_u32.to_be_bytes()), None);
    assert_eq!(length(5_u32.to_be_bytes()), Some(5));
    let most = u32::try_from(MAX_FRAME).unwrap();
    assert_eq!(length(most.to_be_bytes()), Some(MAX_FRAME));
    assert_eq!(length((most + 1).to_be_bytes()), None);
    assert_eq!(length([0xFF; 4]), None);
    assert!(frame(1, 0, &vec![0; MAX_FRAME]).is_none());
    assert!(open(&[1, 0, 0, 0]).is_none());
    // A frame that ends early is no frame.
    assert!(super::read(&mut &b"\0\0\0\x09\x03\0\0"[..]).is_err());
}

#[test]
fn requests_come_over_whole() {
    let wanted = Wanted {
        mechanisms: vec![Mechanism::Ntlm, Mechanism::Kerberos],
        required: Requirements::MUTUAL_AUTH,
        requested: Requirements::DELEGATE | Requirements::EXTENDED_ERROR,
        bindings: ChannelBindingPolicy::Require,
        services: ["HTTP", "HTTP/web", "host/a@R"]
            .map(|name| name.parse().unwrap())
            .to_vec(),
        alias_limit: 8,
        etypes: vec![EncryptionType(18), EncryptionType(17)],
        representation: DataRepresentation::Network,
        max_token: 65536,
    };
    let body = configure(7, &wanted);
    assert_eq!(read_configure(body.expose()), Some((7, wanted)));
    let step = StepRequest {
        configuration: 1,
        handshake: u64::MAX,
        first: true,
        bindings: Some(b"tls-unique:x".to_vec()),
        address: Some("2001:db8::1".parse().unwrap()),
        token: vec![0x60; 300],
    };
    let body = step.write();
    assert_eq!(StepRequest::read(body.expose()), Some(step));
    for cut in 0..body.len() {
        assert!(StepRequest::read(&body.expose()[..cut]).is_none(), "{cut}");
    }
    let longer = [body.expose(), b"\0"].concat();
    assert!(StepRequest::read(&longer).is_none());
    assert_eq!(read_hello(b"GSSBROKER\0\x02"), Some(2));
    assert_eq!(read_hello(b"GSSBROKER"), None);
    assert_eq!(read_hello(b"HTTP/1.1 200\0\x01"), None);
}

#[test]
fn credentials_are_never_to_come_from_the_application() {
    let own = Capabilities {
        mechanisms: vec![MechanismCapabilities {
            mechanism: Mechanism::Kerberos,
            flags: Requirements::all(),
            binding_policies: vec![ChannelBindingPolicy::Ignore],
            export: Ability::Can,
            suspend: Ability::Can,
        }],
        may_block: false,
        injected_clock: Ability::Can,
        replay_store: Ability::Can,
        restrict_services: Ability::Can,
        choose_etypes: Ability::Cannot,
        choose_skew: Ability::Can,
    };
    let own = Offer {
        capabilities: own,
        authorizing: vec![Mechanism::Kerberos],
    };
    let (version, offer) = read_welcome(welcome(1, &own).expose()).unwrap();
    assert_eq!(version, 1);
    assert_eq!(offer.authorizing, [Mechanism::Kerberos]);
    let there = offer.capabilities;
    let flags = there.mechanisms[0].flags;
    assert!(flags.contains(Requirements::DELEGATE | Requirements::MUTUAL_AUTH));
    assert!(!flags.intersects(Requirements::USE_SUPPLIED_CREDS | Requirements::PROMPT_FOR_CREDS));
    for ability in [there.injected_clock, there.replay_store, there.choose_skew] {
        assert_eq!(ability, Ability::Cannot);
    }
    assert_eq!(there.choose_etypes, Ability::Cannot);
    assert!(there.may_block);
}

fn over(error: &Error) -> Error {
    let mut writer = Writer::new();
    write_error(&mut writer, error);
    let body = writer.finish();
    for cut in 0..body.len() {
        assert!(read_error(&mut Reader::new(&body.expose()[..cut])).is_none());
    }
    let mut reader = Reader::new(body.expose());
    let back = read_error(&mut reader).unwrap();
    reader.finish().unwrap();
    back
}

#[test]
fn reasons_come_over_with_their_fields() {
    let at = from_unix_seconds;
    for reason in [
        Rejection::Replay,
        Rejection::Anonymous,
        Rejection::KeyVersion {
            service: "HTTP/web@R".parse().unwrap(),
            kvno: 7,
            etype: EncryptionType(18),
            has: vec![5, 6],
        },
        Rejection::KeyMismatch {
            service: "HTTP/web@R".parse().unwrap(),
            kvno: None,
            etype: EncryptionType(20),
            tried: KeyTried::Versions(3),
        },
        Rejection::EtypeNotPermitted {
            used_as: EtypeUse::Subkey,
            etype: EncryptionType(23),
            permitted: vec![],
        },
        Rejection::ClockSkew {
            client: Some(at(0)),
            server: at(3600),
            skew: Duration::from_secs(300),
        },
        Rejection::BindingMismatch {
            null_address_type: true,
        },
        Rejection::Requirement {
            missing: Requirements::MUTUAL_AUTH,
            undisclosed: Requirements::empty(),
        },
        Rejection::NoCommonMechanism {
            offered: vec!["NTLM".into()],
            enabled: vec![Mechanism::Kerberos],
        },
        Rejection::LimitExceeded {
            what: "legs",
            limit: 8,
        },
        Rejection::Address {
            peer: "192.0.2.1".parse().unwrap(),
        },
    ] {
        let error = Error::from(reason.clone());
        assert_eq!(over(&error).rejection(), Some(&reason));
    }
}

#[test]
fn what_has_no_number_comes_over_in_words() {
    let error = Error::from(Rejection::Sealed {
        what: Sealed::Context,
        problem: SealedProblem::Content,
    });
    let back = over(&error);
    assert!(matches!(back.rejection(), Some(Rejection::Elsewhere(_))));
    assert_eq!(back.to_string(), error.to_string());
    assert_eq!(back.status(), error.status());
    assert_eq!(back.gss_major(), error.gss_major());
    let error = Error::from(Misuse::StepAfterEnd);
    assert!(over(&error).misuse().is_some());
    let error = Error::from(Unavailability::Internal { operation: "it" });
    assert!(over(&error).to_string().contains("it failed"));
}

#[test]
fn the_platforms_words_come_over() {
    let status = PlatformStatus::new("gssapi", "no").with_gss(GssMajor::BAD_SIG, -5);
    let error = Error::malformed("AP-REQ", "trailing bytes", Some(12)).with_platform(status);
    let back = over(&error);
    assert_eq!(back.to_string(), error.to_string());
    assert_eq!(back.platform(), error.platform());
}

#[test]
fn answers_that_nobody_gives_are_refused() {
    assert!(Stepped::read(&[]).is_none());
    assert!(Stepped::read(&[3]).is_none());
    // Established without a context.
    assert!(Stepped::read(&[1, 0, 0, 0, 0, 0]).is_none());
    let mut body = Writer::new();
    body.u8(0);
    body.bytes(b"token");
    body.flag(false);
    let body = body.finish();
    assert!(matches!(
        Stepped::read(body.expose()),
        Some(Stepped::Continue { token, retry: None }) if token == b"token"
    ));
    assert!(Stepped::read(&[body.expose(), b"\0"].concat()).is_none());
    assert_eq!(read_abandoned(&[0]), Some(None));
    assert_eq!(read_abandoned(&[2]), None);
}
