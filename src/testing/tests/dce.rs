//! DCE style, between both ends.

use super::{builder, config, realm, rejection};
use crate::testing::{ClientError, ClientFlags, ConnectError, Offer};
use crate::{
    Acceptor, EncryptionType, Granted, MessagePart, Misuse, Protection, Rejection, Requirements,
    SequenceState, Step,
};

const MINUTE: core::time::Duration = core::time::Duration::from_secs(60);

#[test]
fn both_ends_agree_in_dce_style_and_talk_in_parts() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    for etype in EncryptionType::DEFAULT {
        let client = service.client("alice").etype(etype);
        // The flag brings mutual authentication with it, also unsaid.
        let client = client
            .with(ClientFlags::DCE_STYLE)
            .without(ClientFlags::MUTUAL_AUTH);
        for client in [
            client.clone().raw(),
            client.clone(),
            client.clone().spnego(Offer::Windows),
            client.clone().spnego(Offer::NtlmFirst),
            client.clone().raw().clock_behind(30 * MINUTE),
            client.clone().clock_ahead(30 * MINUTE),
        ] {
            let (client, server) = client.connect(&config).unwrap();
            let due = Granted::USED_DCE_STYLE | Granted::MUTUAL_AUTH;
            assert!(server.granted().contains(due), "{server:?}");
            assert_eq!(client.session_key().unwrap(), server.session_key().unwrap());
            let sizes = server.sizes();
            assert_eq!(sizes, client.sizes());
            for (how, length) in [
                (Protection::Confidentiality, sizes.sealed_parts_header),
                (Protection::Integrity, sizes.integrity_parts_header),
            ] {
                let (mut header, mut data) = (vec![0; length], b"what it says".to_vec());
                let mut parts = [
                    MessagePart::SignOnly(b"PDU"),
                    MessagePart::Data(&mut data),
                    MessagePart::Header(&mut header),
                ];
                let used = server.wrap_parts(how, &mut parts).unwrap();
                assert_eq!((used.header, used.padding), (length, 0));
                let got = client.unwrap_parts(&mut parts).unwrap();
                assert_eq!(got, (how, SequenceState::InOrder));
                client.wrap_parts(how, &mut parts).unwrap();
                let got = server.unwrap_parts(&mut parts).unwrap();
                assert_eq!(got, (how, SequenceState::InOrder));
                assert_eq!(data, b"what it says");
            }
        }
    }
}

#[test]
fn what_is_wrong_with_parts_is_said_by_fault() {
    let (realm, service) = realm();
    let dce = service.client("alice").raw().with(ClientFlags::DCE_STYLE);
    let (client, server) = dce.connect(&config(&realm, &service)).unwrap();
    let how = Protection::Confidentiality;
    let needed = server.sizes().sealed_parts_header;
    let (mut short, mut data) = (vec![0; needed - 1], *b"data");
    let mut parts = [
        MessagePart::Header(&mut short),
        MessagePart::Data(&mut data),
    ];
    let error = server.wrap_parts(how, &mut parts).unwrap_err();
    let has = needed - 1;
    assert_eq!(
        error.misuse(),
        Some(&Misuse::BufferTooSmall { needed, has })
    );
    let error = server.wrap_parts(how, &mut parts[1..]).unwrap_err();
    assert!(
        matches!(error.misuse(), Some(Misuse::Parts { .. })),
        "{error}"
    );
    let mut header = vec![0; needed];
    parts[0] = MessagePart::Header(&mut header);
    client.wrap_parts(how, &mut parts).unwrap();
    if let MessagePart::Data(data) = &mut parts[1] {
        data[0] ^= 1;
    }
    let error = server.unwrap_parts(&mut parts).unwrap_err();
    let altered = Some(&Rejection::MessageAltered {
        problem: "the integrity check failed",
    });
    assert_eq!(error.rejection(), altered);
    assert_eq!(data, [0; 4], "wiped");
    // A client that asked for no sealing gets none.
    let dce = dce.without(ClientFlags::CONFIDENTIALITY);
    let (_, server) = dce.connect(&config(&realm, &service)).unwrap();
    let error = server.wrap_parts(how, &mut []).unwrap_err();
    assert!(
        matches!(error.misuse(), Some(Misuse::NotGranted { .. })),
        "{error}"
    );
}

#[test]
fn a_server_that_requires_dce_style_refuses_the_rest() {
    let (realm, service) = realm();
    let required = builder(&realm, &service).require(Requirements::USE_DCE_STYLE);
    let required = required.build().unwrap();
    for client in [service.client("alice").raw(), service.client("alice")] {
        match rejection(client.connect(&required)) {
            Rejection::Requirement { missing, .. } => {
                assert_eq!(missing, Requirements::USE_DCE_STYLE);
            }
            other => panic!("{other}"),
        }
        client
            .with(ClientFlags::DCE_STYLE)
            .connect(&required)
            .unwrap();
    }
}

/// The client's own checks: a framed AP-REP is none of DCE style's.
#[test]
fn the_client_takes_no_answer_of_the_other_style() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let ordinary = service.client("alice").raw();
    let answer = |client: &crate::testing::TestClient| match Acceptor::new(&config)
        .step(client.first_token())
        .unwrap()
    {
        Step::Continue { token } => token,
        Step::Established { token, .. } => token.unwrap(),
    };
    let framed = ordinary.initiate().unwrap();
    let framed_answer = answer(&framed);
    let bare = ordinary.with(ClientFlags::DCE_STYLE).initiate().unwrap();
    let bare_answer = answer(&bare);
    assert!(matches!(
        bare.step(Some(&framed_answer)),
        Err(ClientError::BadReply { .. })
    ));
    assert!(matches!(
        framed.step(Some(&bare_answer)),
        Err(ClientError::BadReply { .. })
    ));
}

/// A client whose server goes away after two legs has no server.
#[test]
fn two_legs_are_not_enough() {
    let (realm, service) = realm();
    let limits = crate::Limits {
        max_legs: 1,
        ..crate::Limits::default()
    };
    let config = builder(&realm, &service).limits(limits).build().unwrap();
    let dce = service.client("alice").raw().with(ClientFlags::DCE_STYLE);
    match dce.connect(&config) {
        Err(ConnectError::Server { failure, .. }) => {
            let reason = failure.error().rejection().unwrap();
            assert!(
                matches!(reason, Rejection::LimitExceeded { .. }),
                "{reason}"
            );
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}
