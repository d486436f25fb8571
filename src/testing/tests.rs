//! Both ends against each other. That the tokens made here are those of
//! other implementations is for the interop tests to say.

mod dce;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    ClientError, ClientFlags, ClientStep, ConnectError, Offer, Realm, Service, SkewRetry,
    TicketOptions,
};
use crate::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, Clock,
    ConfigBuilder, DelegationProblem, EncryptionType, Expiry, Framing, Granted, PrfKey, Protection,
    Rejection, Requirements, SequenceState, Step, backends,
};

const MINUTE: Duration = Duration::from_secs(60);

/// 2030-01-01 12:00:00 UTC.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_893_499_200)
}

fn realm() -> (Realm, Service) {
    let realm = Realm::at("EXAMPLE.TEST", noon());
    let service = realm.service("HTTP/localhost").unwrap();
    (realm, service)
}

fn builder(realm: &Realm, service: &Service) -> ConfigBuilder {
    AcceptorConfig::builder(backends::rust(service.keytab())).clock(realm.clock())
}

fn config(realm: &Realm, service: &Service) -> AcceptorConfig {
    let errors = Requirements::EXTENDED_ERROR;
    builder(realm, service).request(errors).build().unwrap()
}

/// What the server says of a client that it does not let in.
fn rejection(result: Result<impl Sized, ConnectError>) -> Rejection {
    match result {
        Err(ConnectError::Server { failure, .. }) => {
            failure.error().rejection().expect("a rejection").clone()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

#[test]
fn both_ends_agree_for_every_encryption_type_framing_and_kind_of_authentication() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    for etype in EncryptionType::DEFAULT {
        for flags in [ClientFlags::default(), ClientFlags::BROWSER] {
            let client = service.client("alice").etype(etype).flags(flags);
            for (client, framing) in [
                (client.clone().raw(), Framing::Raw),
                (client.clone(), Framing::Spnego),
                (client.clone().spnego(Offer::Windows), Framing::Spnego),
                (client.clone().spnego(Offer::NtlmFirst), Framing::Spnego),
            ] {
                let (client, server) = client.connect(&config).unwrap();
                assert_eq!(server.peer().to_string(), "alice@EXAMPLE.TEST");
                assert_eq!(server.target(), Some(service.principal()));
                assert_eq!(server.framing(), framing);
                assert_eq!(server.expiry(), Expiry::At(noon() + 600 * MINUTE));
                assert_eq!(server.session_key().unwrap().etype, Some(etype));
                talk(&client, &server);
            }
        }
    }
}

/// Keys, messages in both directions, their sequence, and the PRF.
fn talk(client: &super::TestClientContext, server: &crate::Context) {
    let keys = (client.session_key(), server.session_key());
    assert_eq!(keys.0.unwrap(), keys.1.unwrap());
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        let there = client.wrap(protection, b"there").unwrap();
        let message = server.unwrap(&there).unwrap();
        assert_eq!(
            (
                message.data.as_slice(),
                message.protection,
                message.sequence
            ),
            (b"there".as_slice(), protection, SequenceState::InOrder)
        );
        let back = server.wrap(protection, b"back").unwrap();
        let message = client.unwrap(&back).unwrap();
        assert_eq!(
            (message.data.as_slice(), message.sequence),
            (b"back".as_slice(), SequenceState::InOrder)
        );
        let replayed = server.unwrap(&there).unwrap().sequence;
        let detects = client.flags().contains(ClientFlags::REPLAY_DETECT);
        assert_eq!(replayed == SequenceState::Duplicate, detects);
    }
    let mic = client.mic(b"data").unwrap();
    assert_eq!(
        server.verify(b"data", &mic).unwrap(),
        SequenceState::InOrder
    );
    let mic = server.mic(b"data").unwrap();
    assert_eq!(
        client.verify(b"data", &mic).unwrap(),
        SequenceState::InOrder
    );
    assert!(client.verify(b"date", &mic).is_err());
    for key in [PrfKey::Full, PrfKey::Partial] {
        let output = client.prf(key, b"label", 40).unwrap();
        assert_eq!(output, server.prf(key, b"label", 40).unwrap());
    }
}

#[test]
fn what_is_granted_is_what_was_asked_for() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    for (asked, granted) in [
        (
            ClientFlags::BROWSER,
            Granted::CONFIDENTIALITY | Granted::INTEGRITY,
        ),
        (
            ClientFlags::CURL,
            Granted::CONFIDENTIALITY
                | Granted::INTEGRITY
                | Granted::MUTUAL_AUTH
                | Granted::REPLAY_DETECT,
        ),
        (ClientFlags::empty(), Granted::empty()),
        (ClientFlags::IDENTIFY, Granted::IDENTIFY),
    ] {
        let (_, server) = service
            .client("alice")
            .flags(asked)
            .connect(&config)
            .unwrap();
        let own = Granted::EXTENDED_ERROR;
        assert_eq!(server.granted() - own, granted, "{}", asked.names());
    }
}

#[test]
fn a_stronger_subkey_is_negotiated() {
    let (realm, service) = realm();
    let strong = EncryptionType::AES256_CTS_HMAC_SHA1_96;
    let client = service
        .client("alice")
        .etype(EncryptionType::AES128_CTS_HMAC_SHA1_96)
        .negotiate_etypes(&[strong]);
    let (client, server) = client.connect(&config(&realm, &service)).unwrap();
    assert_eq!(client.session_key().unwrap().etype, Some(strong));
    assert_eq!(client.session_key().unwrap(), server.session_key().unwrap());
}

#[test]
fn bad_tickets_are_refused_for_what_is_wrong_with_them() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let refused =
        |ticket: TicketOptions| rejection(service.client("alice").ticket(ticket).connect(&config));
    let new = TicketOptions::new;
    assert!(matches!(
        refused(new().expired()),
        Rejection::TicketExpired { end: Some(end), .. } if end == noon() - 60 * MINUTE
    ));
    assert_eq!(refused(new().invalid()), Rejection::TicketInvalid);
    assert_eq!(refused(new().anonymous()), Rejection::Anonymous);
    assert_eq!(
        refused(new().critical_authorization_data(-7, b"x")),
        Rejection::AuthorizationData { ad_type: -7 }
    );
    assert!(matches!(
        refused(new().session_etype(EncryptionType::AES128_CTS_HMAC_SHA1_96).not_yet_valid()),
        Rejection::TicketNotYetValid { start: Some(start), .. } if start == noon() + 60 * MINUTE
    ));
}

#[test]
fn odd_tickets_are_accepted() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let let_in = |name: &str, ticket: TicketOptions| {
        let client = service.client(name).ticket(ticket);
        client.connect(&config).unwrap().1
    };
    let new = TicketOptions::new;
    let_in("alice", new().without_kvno());
    // Rule 4: the keytab has another key of the type, and that opens.
    let_in("alice", new().kvno(7));
    let context = let_in("alice", new().authorization_data(128, b"a PAC"));
    assert_eq!(context.authorization_data(), [(128, b"a PAC".to_vec())]);
    let context = let_in("bob/admin@OTHER.TEST", new());
    assert_eq!(context.peer().to_string(), "bob/admin@OTHER.TEST");
}

#[test]
fn keys_rotate_and_are_replaced_behind_the_servers_back() {
    let (realm, service) = realm();
    let old = config(&realm, &service);
    assert_eq!(service.kvno(), 1);
    service.rotate_key();
    assert_eq!(service.kvno(), 2);
    assert!(matches!(
        rejection(service.client("alice").connect(&old)),
        Rejection::KeyVersion { kvno: 2, has, .. } if has == [1]
    ));
    let rotated = config(&realm, &service);
    service.client("alice").connect(&rotated).unwrap();
    service.replace_key();
    assert!(matches!(
        rejection(service.client("alice").connect(&rotated)),
        Rejection::KeyMismatch { kvno: Some(2), .. }
    ));
    service.forget_old_keys();
    let described = config(&realm, &service).describe();
    let kvnos: Vec<u32> = described.principals[0]
        .keys
        .iter()
        .map(|key| key.0)
        .collect();
    assert_eq!(kvnos, [2; 4]);
}

#[test]
fn another_services_ticket_is_refused_and_the_realms_keytab_has_both() {
    let (realm, service) = realm();
    let other = realm.service("imap@localhost").unwrap();
    assert_eq!(other.principal().to_string(), "imap/localhost@EXAMPLE.TEST");
    assert!(matches!(
        rejection(other.client("alice").connect(&config(&realm, &service))),
        Rejection::NoKey { service, .. } if &service == other.principal()
    ));
    let both = AcceptorConfig::builder(backends::rust(realm.keytab()))
        .clock(realm.clock())
        .build()
        .unwrap();
    for service in [&service, &other] {
        let (_, server) = service.client("alice").connect(&both).unwrap();
        assert_eq!(server.target(), Some(service.principal()));
    }
    let again = realm.service("HTTP/localhost").unwrap();
    assert_eq!(again.keytab_bytes(), service.keytab_bytes());
}

#[test]
fn a_service_has_the_keys_that_it_was_given() {
    let (realm, _) = realm();
    let etype = EncryptionType::AES128_CTS_HMAC_SHA256_128;
    let service = realm.service_with_keys("host/web", 300, &[etype]).unwrap();
    let config = config(&realm, &service);
    let described = config.describe();
    assert_eq!(described.principals[0].keys, [(300, etype)]);
    service.client("alice").connect(&config).unwrap();
    let none = service.client("alice").etype(EncryptionType(18)).token();
    assert!(matches!(
        none,
        Err(ClientError::NoKey {
            etype: EncryptionType(18)
        })
    ));
    for (name, etypes) in [
        ("", &[etype][..]),
        ("host/web", &[]),
        ("x", &[EncryptionType(24)]),
    ] {
        assert!(realm.service_with_keys(name, 1, etypes).is_err(), "{name}");
    }
}

#[test]
fn a_client_whose_clock_is_off_tries_once_more_by_the_servers() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    for client in [
        service.client("alice").clock_ahead(10 * MINUTE),
        service.client("alice").raw().clock_behind(10 * MINUTE),
    ] {
        let (client, server) = client.connect(&config).unwrap();
        talk(&client, &server);
    }
    // Without EXTENDED_ERROR nobody tells it.
    let silent = builder(&realm, &service).build().unwrap();
    let client = service.client("alice").clock_ahead(10 * MINUTE);
    assert!(matches!(
        rejection(client.connect(&silent)),
        Rejection::ClockSkew { client: Some(time), .. } if time == noon() + 10 * MINUTE
    ));
}

#[test]
fn a_client_reads_why_it_was_refused() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let expired = TicketOptions::new().expired();
    for client in [
        service.client("alice").ticket(expired.clone()),
        service.client("alice").ticket(expired).raw(),
    ] {
        let Err(ConnectError::Server { client, .. }) = client.connect(&config) else {
            panic!("let in");
        };
        let client = client.expect("an error token");
        let error = client.krb_error().expect("a KRB-ERROR");
        // RFC 4120 7.5.9: KRB_AP_ERR_TKT_EXPIRED.
        assert_eq!((error.code, error.retry), (32, SkewRetry::NotInvited));
        assert_eq!(error.server_time, noon());
        let text = client.to_string();
        assert!(text.contains("KRB_AP_ERR_TKT_EXPIRED"), "{text}");
        assert!(text.contains("2030-01-01 12:00:00 UTC"), "{text}");
    }
}

#[test]
fn a_token_counts_once() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let token = service.client("alice").token().unwrap();
    assert!(Acceptor::new(&config).step(&token).is_ok());
    let failure = Acceptor::new(&config).step(&token).unwrap_err();
    assert_eq!(failure.error().rejection(), Some(&Rejection::Replay));
}

#[test]
fn channel_bindings_are_compared() {
    let (realm, service) = realm();
    let here = ChannelBindings::tls_exporter(&[1; 32]).unwrap();
    let elsewhere = ChannelBindings::tls_exporter(&[2; 32]).unwrap();
    let config = builder(&realm, &service)
        .channel_bindings(ChannelBindingPolicy::WhenSent)
        .build()
        .unwrap();
    let client = service.client("alice");
    let bound = client.clone().channel_bindings(&here);
    let (_, server) = bound.connect_through(&config, &here).unwrap();
    assert_eq!(server.bound(), BindingStatus::Bound);
    let relayed = client.clone().channel_bindings(&elsewhere);
    assert_eq!(
        rejection(relayed.connect_through(&config, &here)),
        Rejection::BindingMismatch {
            null_address_type: false
        }
    );
    let (_, server) = client.connect_through(&config, &here).unwrap();
    assert_eq!(server.bound(), BindingStatus::NotBound);
    let stripped = client.promise_channel_bindings();
    assert_eq!(
        rejection(stripped.connect_through(&config, &here)),
        Rejection::BindingMissing { promised: true }
    );
}

#[test]
fn a_claimed_target_reaches_the_server() {
    let (realm, service) = realm();
    let client = service.client("alice").claims_target("HTTP/localhost");
    let (_, server) = client.connect(&config(&realm, &service)).unwrap();
    assert_eq!(server.client_target().unwrap().name, "HTTP/localhost");
}

#[test]
fn turning_the_clock_ends_contexts_and_tickets() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let ticket = TicketOptions::new().ends(noon() + 60 * MINUTE);
    let (_, server) = service
        .client("alice")
        .ticket(ticket)
        .connect(&config)
        .unwrap();
    assert!(server.wrap(Protection::Integrity, b"x").is_ok());
    realm.clock().advance(61 * MINUTE);
    let error = server.wrap(Protection::Integrity, b"x").unwrap_err();
    assert_eq!(
        error.rejection(),
        Some(&Rejection::ContextExpired {
            end: noon() + 60 * MINUTE
        })
    );
    realm.clock().turn_back(61 * MINUTE);
    assert_eq!(realm.clock().now(), noon());
    realm.clock().set(UNIX_EPOCH);
    assert_eq!(realm.clock().now(), UNIX_EPOCH);
}

#[test]
fn a_going_clock_needs_nothing_of_the_server() {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/localhost").unwrap();
    let config = AcceptorConfig::builder(backends::rust(service.keytab()))
        .build()
        .unwrap();
    service.client("alice").connect(&config).unwrap();
    realm.clock().advance(60 * MINUTE);
    assert!(matches!(
        rejection(service.client("alice").connect(&config)),
        Rejection::ClockSkew { .. } | Rejection::TicketNotYetValid { .. }
    ));
}

#[test]
fn a_client_holds_the_server_to_the_protocol() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let initiate = || service.client("alice").raw().initiate().unwrap();
    let answer = |token: &[u8]| match Acceptor::new(&config).step(token) {
        Ok(Step::Established { token, .. }) => token.expect("an AP-REP"),
        other => panic!("{other:?}"),
    };
    let (one, other) = (initiate(), initiate());
    let reply = answer(one.first_token());
    // Another session's AP-REP, an altered one, a cut one, and none.
    assert!(matches!(
        other.finish(Some(&reply)),
        Err(ClientError::BadReply { part: "AP-REP", .. })
    ));
    let mut altered = answer(initiate().first_token());
    *altered.last_mut().unwrap() ^= 1;
    for bad in [&altered[..], &reply[..reply.len() - 1], &[]] {
        assert!(matches!(
            initiate().finish(Some(bad)),
            Err(ClientError::BadReply { .. })
        ));
    }
    assert!(matches!(
        initiate().finish(None),
        Err(ClientError::NoReply { .. })
    ));
    one.finish(Some(&reply)).unwrap();
}

#[test]
fn finish_is_for_one_leg() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let client = service.client("alice").spnego(Offer::NtlmFirst);
    let client = client.initiate().unwrap();
    let Ok(Step::Continue { token }) = Acceptor::new(&config).step(client.first_token()) else {
        panic!("the server must ask for Kerberos' token");
    };
    assert!(matches!(
        client.finish(Some(&token)),
        Err(ClientError::NotFinished)
    ));
}

#[test]
fn a_reply_is_awaited_after_spnego_only_where_it_belongs() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let client = service.client("alice").flags(ClientFlags::BROWSER);
    let raw = client.clone().raw().initiate().unwrap();
    assert!(matches!(
        Acceptor::new(&config).step(raw.first_token()),
        Ok(Step::Established { token: None, .. })
    ));
    assert!(matches!(
        raw.step(None),
        Ok(ClientStep::Done { token: None, .. })
    ));
    let negotiating = client.initiate().unwrap();
    assert!(matches!(
        negotiating.step(None),
        Err(ClientError::NoReply { .. })
    ));
}

#[test]
fn nothing_here_prints_a_key() {
    let (realm, service) = realm();
    let config = config(&realm, &service);
    let (client, _) = service.client("alice").connect(&config).unwrap();
    let key = client.session_key().unwrap().key;
    let pending = service.client("alice").initiate().unwrap();
    let text = format!("{realm:?} {service:?} {client:?} {pending:?}");
    assert!(text.contains("HTTP/localhost") && text.contains("EXAMPLE.TEST"));
    assert!(!text.contains(&format!("{:?}", key.expose())));
}

#[test]
fn handles_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let (realm, service) = realm();
    shared(&realm);
    shared(&service);
    shared(&service.client("alice"));
    shared(&Arc::clone(&realm.clock()));
}

#[test]
fn a_client_delegates_to_a_server_that_asks_for_it() {
    let (realm, service) = realm();
    let wish = Requirements::DELEGATE;
    let asking = builder(&realm, &service).require(wish).build().unwrap();
    let generous = service.client("alice").delegate(TicketOptions::new());
    for client in [generous.clone(), generous.clone().raw()] {
        let (_, server) = client.connect(&asking).unwrap();
        let cache = server.delegated().unwrap().kerberos().unwrap();
        let tgt = cache.ticket_granting_ticket().unwrap();
        assert_eq!(tgt.end_time, noon() + 600 * MINUTE);
        assert!(tgt.is_valid_at(noon()));
    }
    let (_, server) = generous.connect(&config(&realm, &service)).unwrap();
    assert!(server.delegated().is_none() && server.delegation_problem().is_none());
}

#[test]
fn what_is_wrong_with_delegation_is_told() {
    let (realm, service) = realm();
    let wish = Requirements::DELEGATE;
    let asking = builder(&realm, &service).require(wish).build().unwrap();
    let alice = || service.client("alice");
    let problem = |client: super::ClientBuilder| match rejection(client.connect(&asking)) {
        Rejection::Delegation { problem } => problem,
        other => panic!("{other}"),
    };
    for forwardable in [false, true] {
        let ticket = TicketOptions::new();
        let ticket = if forwardable {
            ticket.forwardable()
        } else {
            ticket
        };
        let ok_as_delegate = false;
        assert_eq!(
            problem(alice().ticket(ticket)),
            DelegationProblem::Absent {
                forwardable,
                ok_as_delegate
            }
        );
    }
    let expired = alice().delegate(TicketOptions::new().expired());
    assert!(matches!(
        problem(expired),
        DelegationProblem::Expired { .. }
    ));
    let invalid = alice().delegate(TicketOptions::new().invalid());
    assert!(matches!(
        problem(invalid),
        DelegationProblem::NotYetValid { .. }
    ));
}
