//! RC4 (RFC 4757): nobody gets in by it unless `insecure_rc4` says so, and
//! nobody is led down to it (rules 7 and 14 of the protocol notes).

use gss_acceptor::testing::{
    ClientFlags, ConnectError, Realm, Service, TestClientContext, TicketOptions,
};
use gss_acceptor::{
    AcceptorConfig, ConfigBuilder, Context, EncryptionType, Error, EtypeUse, Misuse, Protection,
    Rejection, Requirements, SequenceState, ServicePassword, backends,
};

const RC4: EncryptionType = EncryptionType::RC4_HMAC;
const AES: EncryptionType = EncryptionType::AES256_CTS_HMAC_SHA1_96;
const AES128: EncryptionType = EncryptionType::AES128_CTS_HMAC_SHA1_96;
const BOTH: [EncryptionType; 2] = [AES, RC4];
/// What a client without mutual authentication asks for.
const ONE_WAY: ClientFlags = ClientFlags::INTEGRITY
    .union(ClientFlags::CONFIDENTIALITY)
    .union(ClientFlags::REPLAY_DETECT)
    .union(ClientFlags::SEQUENCE_DETECT);

fn service() -> (Realm, Service) {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service_with_keys("HTTP/web", 1, &BOTH).unwrap();
    (realm, service)
}

fn builder(realm: &Realm, service: &Service) -> ConfigBuilder {
    AcceptorConfig::builder(backends::rust(service.keytab())).clock(realm.clock())
}

fn misuse(builder: ConfigBuilder) -> Misuse {
    let error = builder.build().expect_err("refused");
    error.misuse().expect("a misuse").clone()
}

/// Messages in both directions, sealed, signed and beside a MIC.
fn talk(client: &TestClientContext, server: &Context) {
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        for length in [0, 1, 1000, 70_000] {
            let data = vec![7; length];
            let got = server
                .unwrap(&client.wrap(protection, &data).unwrap())
                .unwrap();
            assert_eq!((got.data, got.protection), (data.clone(), protection));
            assert_eq!(got.sequence, SequenceState::InOrder);
            let got = client
                .unwrap(&server.wrap(protection, &data).unwrap())
                .unwrap();
            assert_eq!((got.data, got.protection), (data, protection));
            assert_eq!(got.sequence, SequenceState::InOrder);
        }
    }
    let mic = server.mic(b"beside").unwrap();
    assert!(client.verify(b"beside", &mic).is_ok());
}

#[test]
fn a_list_of_types_does_not_enable_it() {
    let (realm, service) = service();
    for etypes in [&[RC4][..], &[AES, RC4], &[RC4, AES]] {
        let misuse = misuse(builder(&realm, &service).encryption_types(etypes));
        assert!(misuse.to_string().contains("insecure_rc4()"), "{misuse}");
        let setting = "insecure_rc4";
        assert_eq!(
            misuse,
            Misuse::InsecureEtype {
                etype: RC4,
                setting
            }
        );
    }
    // The other old types have no switch at all.
    for etype in [1, 2, 3, 16, 24].map(EncryptionType) {
        for builder in [
            builder(&realm, &service).encryption_types(&[AES, etype]),
            builder(&realm, &service)
                .insecure_rc4()
                .encryption_types(&[etype]),
        ] {
            assert_eq!(
                misuse(builder),
                Misuse::Etypes {
                    etypes: vec![etype]
                }
            );
        }
    }
    assert_eq!(
        misuse(
            builder(&realm, &service)
                .insecure_rc4()
                .encryption_types(&[])
        ),
        Misuse::Etypes { etypes: vec![] }
    );
}

#[test]
fn an_operator_is_warned() {
    let (realm, service) = service();
    let about = |builder: ConfigBuilder| {
        let description = builder.build().unwrap().describe();
        let warnings = description.warnings.join("\n");
        (description.etypes, warnings)
    };
    let (etypes, warnings) = about(builder(&realm, &service));
    assert_eq!(etypes, EncryptionType::DEFAULT);
    assert!(!warnings.contains("insecure_rc4"), "{warnings}");
    // That the key is there and not used is said too.
    assert!(warnings.contains("kvno 1 rc4-hmac"), "{warnings}");
    let (etypes, warnings) = about(builder(&realm, &service).insecure_rc4());
    assert_eq!(etypes[..4], EncryptionType::DEFAULT);
    assert_eq!(etypes[4..], [RC4]);
    assert!(warnings.contains("insecure_rc4"), "{warnings}");
}

/// Rule 7: ticket, session key and subkey, each by itself.
#[test]
fn each_key_needs_the_switch() {
    let (realm, service) = service();
    let without = builder(&realm, &service).build().unwrap();
    let with = builder(&realm, &service).insecure_rc4().build().unwrap();
    let rc4_alone = builder(&realm, &service)
        .encryption_types(&[RC4])
        .insecure_rc4()
        .build()
        .unwrap();
    for (ticket, session) in [(AES, AES), (AES, RC4), (RC4, AES), (RC4, RC4)] {
        let options = TicketOptions::new().etype(ticket).session_etype(session);
        for flags in [ClientFlags::default(), ONE_WAY] {
            for raw in [true, false] {
                let client = service.client("alice").ticket(options.clone()).flags(flags);
                let client = if raw { client.raw() } else { client };
                let (own, server) = client.connect(&with).unwrap();
                assert_eq!(server.peer().to_string(), "alice@EXAMPLE.TEST");
                assert_eq!(server.session_key().unwrap().etype, Some(session));
                assert_eq!(own.session_key().unwrap(), server.session_key().unwrap());
                talk(&own, &server);

                let refused = |config, etypes: &[EncryptionType]| {
                    let used_as = if etypes.contains(&ticket) {
                        EtypeUse::SessionKey
                    } else {
                        EtypeUse::Ticket
                    };
                    let error = client.connect(config).unwrap_err();
                    let ConnectError::Server { failure, .. } = &error else {
                        panic!("{error}");
                    };
                    match failure.error().rejection().cloned() {
                        Some(Rejection::EtypeNotPermitted { used_as: found, .. }) => {
                            assert_eq!(found, used_as);
                        }
                        _ => panic!("{error}"),
                    }
                };
                if (ticket, session) == (AES, AES) {
                    client.connect(&without).unwrap();
                } else {
                    refused(&without, &EncryptionType::DEFAULT);
                }
                if (ticket, session) == (RC4, RC4) {
                    client.connect(&rc4_alone).unwrap();
                } else {
                    refused(&rc4_alone, &[RC4]);
                }
            }
        }
    }
}

/// Rule 14, RFC 4537: up where both can, and never down.
#[test]
fn sessions_are_raised_to_aes_and_never_lowered() {
    let (realm, service) = service();
    let any = builder(&realm, &service).insecure_rc4().build().unwrap();
    // Whatever the order it was named in.
    let rc4_first = builder(&realm, &service)
        .encryption_types(&[RC4, AES128, AES])
        .insecure_rc4()
        .build()
        .unwrap();
    let mutual = ClientFlags::default();
    for (session, listed, flags, config, expected) in [
        (RC4, &[AES][..], mutual, &any, AES),
        (RC4, &[RC4, AES128, AES], mutual, &any, AES),
        (RC4, &[AES128, RC4], mutual, &any, AES128),
        (RC4, &[AES, AES128], mutual, &rc4_first, AES128),
        (RC4, &[RC4], mutual, &any, RC4),
        (
            RC4,
            &[EncryptionType(3), EncryptionType(16)],
            mutual,
            &any,
            RC4,
        ),
        // Nothing to raise it in: there is no answer.
        (RC4, &[AES], ONE_WAY, &any, RC4),
        (AES, &[RC4], mutual, &any, AES),
        (AES, &[RC4], mutual, &rc4_first, AES),
        (AES128, &[RC4], mutual, &rc4_first, AES128),
    ] {
        let ticket = TicketOptions::new().etype(RC4).session_etype(session);
        let client = service.client("alice").ticket(ticket).flags(flags);
        let (own, server) = client.negotiate_etypes(listed).connect(config).unwrap();
        let etype = server.session_key().unwrap().etype;
        assert_eq!(etype, Some(expected), "{session} and {listed:?}");
        assert_eq!(own.session_key().unwrap().etype, Some(expected));
        talk(&own, &server);
        // RFC 4121 4.4: no frame; RFC 1964 1.2: always one.
        let token = server.wrap(Protection::Integrity, b"x").unwrap();
        assert_eq!(token[0] == 0x60, expected == RC4);
    }
}

/// MD4("foo" in UTF-16), RFC 4757 2, is not there unless it may be used.
#[test]
fn the_nt_hash_of_a_password_is_derived_only_when_it_is_permitted() {
    let keys = |password: ServicePassword, insecure: bool| {
        let builder = AcceptorConfig::builder(backends::rust(password));
        let builder = if insecure {
            builder.insecure_rc4()
        } else {
            builder
        };
        let config = builder.encryption_types(&[AES]).build()?;
        let described = config.describe().principals;
        Ok::<_, Error>(
            described[0]
                .keys
                .iter()
                .map(|key| key.1)
                .collect::<Vec<_>>(),
        )
    };
    let password = || ServicePassword::new("HTTP/web@R".parse().unwrap(), "foo");
    assert_eq!(keys(password(), false).unwrap(), [AES]);
    assert_eq!(keys(password().etypes(&BOTH), false).unwrap(), [AES]);
    let mut both = keys(password(), true).unwrap();
    both.sort_unstable();
    assert_eq!(both, BOTH);
    assert_eq!(keys(password().etypes(&[AES]), true).unwrap(), [AES]);
    assert!(keys(password().etypes(&[RC4]), false).is_err());
    // What is not text has an AES key, and none of RC4.
    let bytes = || ServicePassword::new("HTTP/web@R".parse().unwrap(), b"caf\xe9");
    assert_eq!(keys(bytes(), false).unwrap(), [AES]);
    let error = keys(bytes(), true).unwrap_err();
    assert_eq!(
        error.misuse(),
        Some(&Misuse::PasswordEncoding { etype: RC4 })
    );
}

/// RC4's tokens do not say whether their number is right; that a peer asked
/// for nothing is not granted by it.
#[test]
fn what_was_not_granted_is_not_there_either() {
    let (realm, service) = service();
    let config = builder(&realm, &service)
        .insecure_rc4()
        .require(Requirements::MUTUAL_AUTH)
        .build()
        .unwrap();
    let client = service.client("alice").etype(RC4);
    assert!(client.clone().flags(ONE_WAY).connect(&config).is_err());
    let plain = client.flags(ClientFlags::MUTUAL_AUTH);
    let (_, server) = plain.connect(&config).unwrap();
    let error = server.wrap(Protection::Confidentiality, b"x").unwrap_err();
    assert!(
        matches!(error.misuse(), Some(Misuse::NotGranted { .. })),
        "{error}"
    );
}
