//! The server's side of SASL, as an outsider uses it: a client of the realm in memory does by hand
//! what RFC 4752 3.1 has a client do.

use gss_acceptor::sasl::{
    SaslExchange, SaslMechanism, SaslServer, SaslSession, SaslStep, SecurityLayer,
};
use gss_acceptor::testing::{ClientFlags, ClientStep, Offer, Realm, Service, TestClientContext};
use gss_acceptor::{
    AcceptorConfig, Error, Mechanism, Misuse, Protection, Rejection, SaslRejection, StepInput,
    backends,
};

const ALL: ClientFlags = ClientFlags::MUTUAL_AUTH
    .union(ClientFlags::SEQUENCE_DETECT)
    .union(ClientFlags::INTEGRITY)
    .union(ClientFlags::CONFIDENTIALITY);
/// What Cyrus SASL asks for where it wants no layer.
const NO_LAYER: ClientFlags = ClientFlags::MUTUAL_AUTH.union(ClientFlags::SEQUENCE_DETECT);

fn service() -> Service {
    Realm::new("EXAMPLE.TEST")
        .service("ldap/localhost")
        .unwrap()
}

fn server(service: &Service) -> SaslServer {
    let config = AcceptorConfig::builder(backends::rust(service.keytab()))
        .request(gss_acceptor::Requirements::MUTUAL_AUTH)
        .build()
        .unwrap();
    SaslServer::new(&config)
}

fn challenge(exchange: &mut SaslExchange, response: &[u8]) -> Vec<u8> {
    match exchange.step(StepInput::new(response)).unwrap() {
        SaslStep::Challenge { token } => token,
        SaslStep::Done { .. } => panic!("done too early"),
    }
}

fn done(exchange: &mut SaslExchange, response: &[u8]) -> SaslSession {
    match exchange.step(StepInput::new(response)).unwrap() {
        SaslStep::Done {
            token: None,
            session,
        } => session,
        other => panic!("{other:?}"),
    }
}

fn refused(exchange: &mut SaslExchange, response: &[u8]) -> Error {
    let error = exchange.step(StepInput::new(response)).unwrap_err();
    // Whatever it was, nothing of the handshake can be used again.
    let again = exchange.step(StepInput::new(response)).unwrap_err();
    assert!(matches!(again.error().misuse(), Some(Misuse::StepAfterEnd)));
    error.into_error()
}

fn sasl(error: &Error) -> &SaslRejection {
    match error.rejection() {
        Some(Rejection::Sasl(reason)) => reason,
        _ => panic!("{error}"),
    }
}

/// Up to the server's offer: the client's end, and what is offered.
fn offered(
    server: &SaslServer,
    service: &Service,
    flags: ClientFlags,
) -> (SaslExchange, TestClientContext, Vec<u8>) {
    let client = service
        .client("alice")
        .raw()
        .flags(flags)
        .initiate()
        .unwrap();
    let mut exchange = server.begin(SaslMechanism::Gssapi);
    let answer = challenge(&mut exchange, client.first_token());
    let (context, offer) = if flags.contains(ClientFlags::MUTUAL_AUTH) {
        // An AP-REP, after which the client has no more to say.
        let context = client.finish(Some(&answer)).unwrap();
        (context, challenge(&mut exchange, b""))
    } else {
        (client.finish(None).unwrap(), answer)
    };
    let offer = context.unwrap(&offer).unwrap();
    assert_eq!(offer.protection, Protection::Integrity);
    (exchange, context, offer.data)
}

fn choose(context: &TestClientContext, choice: &[u8]) -> Vec<u8> {
    context.wrap(Protection::Integrity, choice).unwrap()
}

/// A session with this layer whose client takes 64 KiB.
fn session(service: &Service, layer: SecurityLayer) -> (SaslSession, TestClientContext) {
    let (mut exchange, context, _) = offered(&server(service), service, ALL);
    let session = done(&mut exchange, &choose(&context, &[bit(layer), 1, 0, 0]));
    (session, context)
}

/// RFC 4752 3.3.
fn bit(layer: SecurityLayer) -> u8 {
    match layer {
        SecurityLayer::None => 1,
        SecurityLayer::Integrity => 2,
        SecurityLayer::Confidentiality => 4,
    }
}

fn framed(token: &[u8]) -> Vec<u8> {
    let length = u32::try_from(token.len()).unwrap().to_be_bytes();
    [&length, token].concat()
}

#[test]
fn each_layer_and_messages_both_ways() {
    let service = service();
    for (layer, protection) in [
        (SecurityLayer::None, None),
        (SecurityLayer::Integrity, Some(Protection::Integrity)),
        (
            SecurityLayer::Confidentiality,
            Some(Protection::Confidentiality),
        ),
    ] {
        let (session, context) = session(&service, layer);
        assert_eq!(session.layer(), layer);
        assert_eq!(session.context().peer().to_string(), "alice@EXAMPLE.TEST");
        assert_eq!(session.authorization_id(), None);
        let sent = session.encode(b"from the server").unwrap();
        let Some(protection) = protection else {
            assert_eq!(sent, b"from the server");
            let mut buffer = b"from the client".to_vec();
            assert_eq!(
                session.decode(&mut buffer).unwrap().unwrap(),
                b"from the client"
            );
            assert_eq!(session.decode(&mut buffer).unwrap(), None);
            continue;
        };
        let got = context.unwrap(&sent[4..]).unwrap();
        assert_eq!(
            sent[..4],
            u32::try_from(sent.len() - 4).unwrap().to_be_bytes()
        );
        assert_eq!(
            (got.data.as_slice(), got.protection),
            (&b"from the server"[..], protection)
        );
        // Byte by byte, two messages in a row.
        let one = framed(&context.wrap(protection, b"one").unwrap());
        let two = framed(&context.wrap(protection, b"two").unwrap());
        let (mut buffer, mut came) = (Vec::new(), Vec::new());
        for byte in [one, two].concat() {
            buffer.push(byte);
            came.extend(session.decode(&mut buffer).unwrap());
        }
        assert_eq!(came, [b"one".to_vec(), b"two".to_vec()]);
        assert!(buffer.is_empty());
    }
}

/// RFC 4752 3.2: what the context can have, and a size of 0 where it has no
/// layer.
#[test]
fn what_is_offered_follows_from_the_context() {
    let service = service();
    let all = server(&service);
    for (flags, due) in [
        (ALL, [7, 0x10, 0, 0]),
        (ALL - ClientFlags::CONFIDENTIALITY, [3, 0x10, 0, 0]),
        (ALL - ClientFlags::MUTUAL_AUTH, [7, 0x10, 0, 0]),
        (ALL - ClientFlags::SEQUENCE_DETECT, [1, 0, 0, 0]),
        (NO_LAYER, [1, 0, 0, 0]),
    ] {
        let (mut exchange, context, offer) = offered(&all, &service, flags);
        assert_eq!(offer, due, "{flags:?}");
        let session = done(&mut exchange, &choose(&context, &[1, 0, 0, 0]));
        assert_eq!(session.layer(), SecurityLayer::None);
    }
    let (.., offer) = offered(&all.clone().max_receive(0x1234), &service, ALL);
    assert_eq!(offer, [7, 0, 0x12, 0x34]);
    let strict = all.layers(&[SecurityLayer::Confidentiality]);
    let (.., offer) = offered(&strict, &service, ALL);
    assert_eq!(offer[0], 4);
    for flags in [NO_LAYER, ALL - ClientFlags::SEQUENCE_DETECT] {
        let client = service
            .client("alice")
            .raw()
            .flags(flags)
            .initiate()
            .unwrap();
        let error = refused(
            &mut strict.begin(SaslMechanism::Gssapi),
            client.first_token(),
        );
        assert!(
            matches!(sasl(&error), SaslRejection::NoLayer { .. }),
            "{error}"
        );
    }
}

#[test]
fn a_layer_that_was_not_offered() {
    let service = service();
    let strict =
        server(&service).layers(&[SecurityLayer::Integrity, SecurityLayer::Confidentiality]);
    for chosen in [0, 1, 3, 6, 7, 8, 0x82] {
        let (mut exchange, context, _) = offered(&strict, &service, ALL);
        let error = refused(&mut exchange, &choose(&context, &[chosen, 1, 0, 0]));
        let due = SaslRejection::Layer { chosen, offered: 6 };
        assert_eq!(*sasl(&error), due);
    }
}

#[test]
fn nobody_acts_as_another() {
    let service = service();
    let strict = server(&service);
    let lenient = server(&service).authorize(|context, name| {
        context.peer().to_string() == "alice@EXAMPLE.TEST" && name == "u:root"
    });
    let (own, root) = ("alice@EXAMPLE.TEST", "u:root");
    for (server, name, allowed) in [
        (&strict, own, true),
        (&strict, "alice", false),
        (&strict, "ALICE@EXAMPLE.TEST", false),
        (&strict, "bob@EXAMPLE.TEST", false),
        (&strict, root, false),
        (&lenient, root, true),
        (&lenient, own, false),
    ] {
        let (mut exchange, context, _) = offered(server, &service, ALL);
        let choice = choose(&context, &[&[4, 1, 0, 0], name.as_bytes()].concat());
        if allowed {
            assert_eq!(done(&mut exchange, &choice).authorization_id(), Some(name));
        } else {
            let error = refused(&mut exchange, &choice);
            assert!(
                matches!(sasl(&error), SaslRejection::NotAuthorized { .. }),
                "{error}"
            );
        }
    }
    for bad in [&b"alice\0"[..], b"\xFF", b"\0"] {
        let (mut exchange, context, _) = offered(&lenient, &service, ALL);
        let error = refused(
            &mut exchange,
            &choose(&context, &[b"\x04\x01\0\0", bad].concat()),
        );
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

/// The choice is what says which layer there is: nobody may change it.
#[test]
fn a_choice_that_is_altered() {
    let service = service();
    let (mut exchange, context, _) = offered(&server(&service), &service, ALL);
    let mut choice = choose(&context, &[4, 1, 0, 0]);
    // RFC 4121 4.2.6.2: 16 bytes of header, then the data in the clear.
    assert_eq!(choice[16], 4);
    choice[16] = 1;
    let error = refused(&mut exchange, &choice);
    let altered = matches!(error.rejection(), Some(Rejection::MessageAltered { .. }));
    assert!(altered, "{error}");
}

/// What a client says that it takes is what it is sent.
#[test]
fn messages_are_no_longer_than_the_client_takes() {
    let service = service();
    for layer in [SecurityLayer::Integrity, SecurityLayer::Confidentiality] {
        let (mut exchange, context, _) = offered(&server(&service), &service, ALL);
        let session = done(&mut exchange, &choose(&context, &[bit(layer), 0, 1, 0]));
        let data: Vec<u8> = (0..=255).cycle().take(2000).collect();
        let sent = session.encode(&data).unwrap();
        let (mut rest, mut got, mut count) = (&sent[..], Vec::new(), 0);
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u32::from_be_bytes(*length) as usize;
            assert!(length <= 256, "{length}");
            got.extend(context.unwrap(&after[..length]).unwrap().data);
            (rest, count) = (&after[length..], count + 1);
        }
        assert_eq!(got, data);
        assert!(count > 7, "{count}");
        // Too few for the header alone.
        let (mut exchange, context, _) = offered(&server(&service), &service, ALL);
        let error = refused(&mut exchange, &choose(&context, &[bit(layer), 0, 0, 20]));
        assert_eq!(*sasl(&error), SaslRejection::MaxSize { size: 20 });
    }
}

/// The length is enough to refuse a message, before any of it has come.
#[test]
fn messages_that_are_too_long_are_not_awaited() {
    let service = service();
    let (session, _) = session(&service, SecurityLayer::Integrity);
    let error = session
        .decode(&mut 0x10_0001_u32.to_be_bytes().to_vec())
        .unwrap_err();
    let (length, limit) = (0x10_0001, 0x10_0000);
    assert_eq!(*sasl(&error), SaslRejection::TooLong { length, limit });
    let waits = session.decode(&mut 0x10_0000_u32.to_be_bytes().to_vec());
    assert_eq!(waits.unwrap(), None);
}

#[test]
fn messages_repeated_dropped_moved_altered_or_in_the_clear() {
    let service = service();
    let (seal, sign) = (Protection::Confidentiality, Protection::Integrity);
    let take = |session: &SaslSession, token: &[u8]| session.decode(&mut framed(token));

    let (again, context) = session(&service, SecurityLayer::Confidentiality);
    let one = context.wrap(seal, b"one").unwrap();
    assert!(take(&again, &one).unwrap().is_some());
    let error = take(&again, &one).unwrap_err();
    assert!(
        matches!(sasl(&error), SaslRejection::OutOfSequence { .. }),
        "{error}"
    );

    let (gap, context) = session(&service, SecurityLayer::Integrity);
    let first = context.wrap(sign, b"one").unwrap();
    let second = context.wrap(sign, b"two").unwrap();
    for token in [&second, &first] {
        let error = take(&gap, token).unwrap_err();
        assert!(
            matches!(sasl(&error), SaslRejection::OutOfSequence { .. }),
            "{error}"
        );
    }

    let (altered, context) = session(&service, SecurityLayer::Integrity);
    let mut token = context.wrap(sign, b"one").unwrap();
    token[16] ^= 1;
    let error = take(&altered, &token).unwrap_err();
    assert!(
        matches!(error.rejection(), Some(Rejection::MessageAltered { .. })),
        "{error}"
    );
    // What comes after it does not heal the stream.
    assert!(take(&altered, &context.wrap(sign, b"two").unwrap()).is_err());

    let (clear, context) = session(&service, SecurityLayer::Confidentiality);
    let error = take(&clear, &context.wrap(sign, b"one").unwrap()).unwrap_err();
    assert_eq!(*sasl(&error), SaslRejection::NotEncrypted);
}

/// RFC 4422 3.3: without an initial response there is an empty challenge
/// first, once.
#[test]
fn a_client_that_waits_to_be_asked() {
    let service = service();
    for mechanism in [SaslMechanism::Gssapi, SaslMechanism::GssSpnego] {
        let mut exchange = server(&service).begin(mechanism);
        assert_eq!(challenge(&mut exchange, b""), b"");
        let error = refused(&mut exchange, b"");
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    let mut exchange = server(&service).begin(SaslMechanism::Gssapi);
    assert_eq!(challenge(&mut exchange, b""), b"");
    let client = service.client("alice").raw().flags(ALL).initiate().unwrap();
    let answer = challenge(&mut exchange, client.first_token());
    // Only an empty response gets the offer.
    let error = refused(&mut exchange, &answer);
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

/// RFC 4752 3: GSSAPI is Kerberos. A client that negotiates could be made to
/// take something weaker.
#[test]
fn gssapi_is_kerberos_alone() {
    let service = service();
    let client = service.client("alice").spnego(Offer::Kerberos).flags(ALL);
    let token = client.initiate().unwrap().first_token().to_vec();
    let error = refused(&mut server(&service).begin(SaslMechanism::Gssapi), &token);
    let negotiated = matches!(
        sasl(&error),
        SaslRejection::NotKerberos {
            mechanism: Mechanism::Kerberos,
            ..
        }
    );
    assert!(negotiated, "{error}");
}

/// MS-ADTS: no message negotiates a layer, the context's flags are it.
#[test]
fn gss_spnego_has_the_layer_that_the_flags_say() {
    let service = service();
    let all = server(&service);
    let begin = |server: &SaslServer, flags| {
        let client = service.client("alice").flags(flags).initiate().unwrap();
        let mut exchange = server.begin(SaslMechanism::GssSpnego);
        let step = exchange.step(StepInput::new(client.first_token()));
        (client, step)
    };
    for (flags, layer) in [
        (ALL, SecurityLayer::Confidentiality),
        (ALL - ClientFlags::CONFIDENTIALITY, SecurityLayer::Integrity),
        (NO_LAYER, SecurityLayer::None),
    ] {
        let (client, step) = begin(&all, flags);
        let SaslStep::Done {
            token: Some(token),
            session,
        } = step.unwrap()
        else {
            panic!("a reply and a session");
        };
        assert_eq!(session.layer(), layer);
        let Ok(ClientStep::Done { context, .. }) = client.step(Some(&token)) else {
            panic!("the client is done");
        };
        if layer != SecurityLayer::None {
            let sent = session.encode(b"sealed or signed").unwrap();
            assert_eq!(
                context.unwrap(&sent[4..]).unwrap().data,
                b"sealed or signed"
            );
        }
    }
    // The client will seal, and nothing here would unseal it; or it will not.
    for (layers, flags) in [
        (&[SecurityLayer::None][..], ALL),
        (&[SecurityLayer::Confidentiality], NO_LAYER),
        (&SecurityLayer::ALL, ALL - ClientFlags::SEQUENCE_DETECT),
    ] {
        let (_, step) = begin(&all.clone().layers(layers), flags);
        let error = step.unwrap_err().into_error();
        assert!(
            matches!(sasl(&error), SaslRejection::NoLayer { .. }),
            "{error}"
        );
    }
}

/// A failure carries what the mechanism says, for protocols that have a place
/// for it.
#[test]
fn a_client_that_is_not_let_in() {
    let (here, elsewhere) = (service(), Realm::new("OTHER.TEST"));
    let other = elsewhere.service("ldap/localhost").unwrap();
    let token = other
        .client("alice")
        .initiate()
        .unwrap()
        .first_token()
        .to_vec();
    let mut exchange = server(&here).begin(SaslMechanism::GssSpnego);
    let failure = exchange.step(StepInput::new(&token)).unwrap_err();
    // A NegTokenResp (RFC 4178 4.2.2) that rejects.
    assert_eq!(failure.token().unwrap()[0], 0xA1);
    assert!(matches!(failure.error(), Error::Rejected { .. }));
}

#[test]
fn names_of_mechanisms() {
    for mechanism in [SaslMechanism::Gssapi, SaslMechanism::GssSpnego] {
        assert_eq!(SaslMechanism::from_name(mechanism.name()), Some(mechanism));
    }
    assert_eq!(SaslMechanism::from_name("gssapi"), None);
    assert_eq!(SaslMechanism::from_name("PLAIN"), None);
}
