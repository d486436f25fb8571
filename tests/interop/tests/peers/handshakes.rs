//! Handshakes of MIT's and Heimdal's clients: framings, etypes, flags, names.

use std::time::{Duration, SystemTime};

use gss_acceptor::{
    BindingStatus, EncryptionType, Expiry, Framing, Granted, Mechanism, Misuse, Protection,
    Rejection, Requirements,
};
use interop::handshake::{builder, config};
use interop::krb5_crate::Krb5Peer;
use interop::libraries::GssPeer;
use interop::{Ask, Kdc, Peer, User, accept, flags, heimdal, shake};

/// All four ways an ordinary client comes.
pub fn ways(target: &str) -> [Ask; 4] {
    [
        Ask::of(target),
        Ask::of(target).mutual(),
        Ask::of(target).spnego(),
        Ask::of(target).spnego().mutual(),
    ]
}

fn check_ordinary(kdc: &Kdc, peer: &mut dyn Peer, ask: &Ask) {
    let mutual = ask.flags & flags::MUTUAL != 0;
    let done = shake(&config(kdc, "ALL"), peer);
    let context = &done.context;
    let who = format!("{}, {ask:?}", peer.name());
    assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST", "{who}");
    assert_eq!(context.mechanism(), Mechanism::Kerberos, "{who}");
    let framing = if ask.spnego {
        Framing::Spnego
    } else {
        Framing::Raw
    };
    assert_eq!(context.framing(), framing, "{who}");
    assert_eq!(done.legs, 1, "{who}");
    // Rules 19 and 31: an AP-REP for mutual authentication; SPNEGO always answers.
    assert_eq!(done.reply.is_some(), mutual || ask.spnego, "{who}");
    let granted = context.granted();
    assert_eq!(granted.contains(Granted::MUTUAL_AUTH), mutual, "{who}");
    assert!(
        granted.contains(Granted::CONFIDENTIALITY | Granted::INTEGRITY),
        "{who}"
    );
    assert_eq!(context.bound(), BindingStatus::NotBound, "{who}");
    let target = ask.target.replace('@', "/") + "@EXAMPLE.TEST";
    assert_eq!(
        context.target().map(ToString::to_string),
        Some(target),
        "{who}"
    );
    // The KDC's max_life is 10 h; a ticket ends with its TGT.
    let Expiry::At(end) = context.expiry() else {
        panic!("{who}: no end")
    };
    let now = SystemTime::now();
    assert!(
        end > now && end < now + Duration::from_secs(10 * 3600 + 5),
        "{who}"
    );
    one_message_each(context, peer);
}

/// A sealed message each way.
pub fn one_message_each(context: &gss_acceptor::Context, peer: &mut dyn Peer) {
    let token = peer.wrap(b"from the client", true).expect("wrap");
    let message = context.unwrap(&token).expect("unwrap");
    assert_eq!(message.data, b"from the client");
    assert_eq!(message.protection, Protection::Confidentiality);
    let heimdal = peer.name() == "Heimdal";
    if heimdal && !context.granted().contains(Granted::MUTUAL_AUTH) {
        // Without an AP-REP Heimdal expects us to begin at 0, MIT at the client's own number: see
        // messages::without_mutual_authentication_we_number_as_mit_does.
        return;
    }
    let token = context.wrap(Protection::Confidentiality, b"from the server");
    let message = peer
        .unwrap(&token.expect("wrap"))
        .expect("the client unwraps");
    assert_eq!(
        (&message.data[..], message.sealed),
        (&b"from the server"[..], true)
    );
}

#[test]
fn mit_comes_in_raw_and_by_spnego_mutual_or_not() {
    let kdc = Kdc::shared();
    for ask in ways("HTTP@localhost") {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
        check_ordinary(kdc, &mut peer, &ask);
    }
}

#[test]
fn heimdal_comes_in_raw_and_by_spnego_mutual_or_not() {
    let kdc = Kdc::shared();
    for ask in ways("HTTP@localhost") {
        let mut peer = GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask.clone());
        check_ordinary(kdc, &mut peer, &ask);
    }
}

/// The KDC forces ticket key and session key apart from each other: 16 combinations of the four
/// etypes, with each library, in all four ways: mutual has an acceptor's subkey.
fn every_etype(peer: impl Fn(Ask) -> GssPeer) {
    let kdc = Kdc::shared();
    for key in [17, 18, 19, 20] {
        for session in [17, 18, 19, 20] {
            let target = format!("HTTP@k{key}s{session}.localhost");
            for ask in ways(&target) {
                let mut peer = peer(ask.clone());
                let only = [EncryptionType(key), EncryptionType(session)];
                let strict = builder(kdc, "ETYPES").encryption_types(&only).build();
                let done = shake(&strict.expect("two etypes"), &mut peer);
                let context = &done.context;
                // Rule 25; the subkey's etype: rule 14.
                let agreed = context.session_key().expect("a key").etype;
                let agreed = agreed.expect("a Kerberos key").0;
                assert!(only.contains(&EncryptionType(agreed)), "{target}: {agreed}");
                one_message_each(context, &mut peer);
            }
        }
    }
}

#[test]
fn mit_comes_in_with_every_etype() {
    let kdc = Kdc::shared();
    every_etype(|ask| GssPeer::mit(kdc, &kdc.alice(), ask));
}

#[test]
fn heimdal_comes_in_with_every_etype() {
    let kdc = Kdc::shared();
    every_etype(|ask| GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask));
}

/// The ticket's etype is one thing and the session key's another: a list that lacks one of them
/// keeps the client out, and says which (rule 7).
#[test]
fn etypes_that_are_not_permitted_are_named() {
    let kdc = Kdc::shared();
    for (permitted, etype) in [(17, 18), (18, 17)] {
        let only = [EncryptionType(permitted)];
        let config = builder(kdc, "ETYPES").encryption_types(&only).build();
        let ask = Ask::of("HTTP@k17s18.localhost");
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let failure = accept(&config.expect("one etype"), &mut peer).expect_err("not permitted");
        match failure.error().rejection() {
            Some(Rejection::EtypeNotPermitted { etype: found, .. }) => {
                assert_eq!(*found, EncryptionType(etype), "{failure}");
            }
            _ => panic!("{failure}"),
        }
    }
}

/// Granted follows what the client asked for, flag by flag. MIT and Heimdal ask for CONF and INTEG
/// always; the `krb5` crate for what it is told.
#[test]
fn granted_flags_are_those_that_the_client_asked_for() {
    let kdc = Kdc::shared();
    let pairs = [
        (flags::MUTUAL, Granted::MUTUAL_AUTH),
        (flags::REPLAY, Granted::REPLAY_DETECT),
        (flags::SEQUENCE, Granted::SEQUENCE_DETECT),
        (flags::CONF, Granted::CONFIDENTIALITY),
        (flags::INTEG, Granted::INTEGRITY),
    ];
    let watched = pairs
        .iter()
        .fold(Granted::empty(), |all, pair| all | pair.1);
    let always = Granted::CONFIDENTIALITY | Granted::INTEGRITY;
    let config = config(kdc, "HTTP");
    let (mit, heimdal) = (kdc.alice(), heimdal::alice(kdc));
    for asked in 0..32 {
        let chosen = || {
            pairs
                .iter()
                .enumerate()
                .filter(|(i, _)| asked >> i & 1 == 1)
        };
        let ask = Ask::http().flags(chosen().fold(0, |all, (_, pair)| all | pair.0));
        let exact = chosen().fold(Granted::empty(), |all, (_, pair)| all | pair.1);
        let peers: [(Box<dyn Peer>, Granted); 3] = [
            (
                Box::new(GssPeer::mit(kdc, &mit, ask.clone())),
                exact | always,
            ),
            (
                Box::new(GssPeer::heimdal(kdc, &heimdal, ask.clone())),
                exact | always,
            ),
            (
                Box::new(Krb5Peer::new(kdc, "alice", "alice-pw", &ask)),
                exact,
            ),
        ];
        for (mut peer, expected) in peers {
            let granted = shake(&config, &mut *peer).context.granted();
            assert_eq!(granted & watched, expected, "{}, {ask:?}", peer.name());
        }
    }
}

/// A requirement that the client did not ask for keeps it out, by name, and nothing that it could
/// use is sent.
#[test]
fn what_is_required_and_not_asked_for_is_refused_by_name() {
    let kdc = Kdc::shared();
    for (required, left_out) in [
        (Requirements::MUTUAL_AUTH, flags::MUTUAL),
        (Requirements::REPLAY_DETECT, flags::REPLAY),
        (Requirements::SEQUENCE_DETECT, flags::SEQUENCE),
    ] {
        let config = builder(kdc, "HTTP")
            .require(required)
            .build()
            .expect("ordinary");
        let all = flags::USUAL | flags::MUTUAL;
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().flags(all));
        shake(&config, &mut peer);
        let ask = Ask::http().flags(all & !left_out);
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let failure = accept(&config, &mut peer).expect_err("not asked for");
        match failure.error().rejection() {
            Some(Rejection::Requirement { missing, .. }) => assert_eq!(*missing, required),
            _ => panic!("{failure}"),
        }
        assert!(failure.to_string().contains(&required.names()), "{failure}");
        assert_eq!(failure.token(), None);
    }
}

/// A protection that was not granted cannot be used.
#[test]
fn what_was_not_granted_cannot_be_used() {
    let kdc = Kdc::shared();
    let ask = Ask::http().flags(flags::INTEG);
    let mut peer = Krb5Peer::new(kdc, "alice", "alice-pw", &ask);
    let done = shake(&config(kdc, "HTTP"), &mut peer);
    let error = done
        .context
        .wrap(Protection::Confidentiality, b"x")
        .unwrap_err();
    assert!(
        matches!(error.misuse(), Some(Misuse::NotGranted { .. })),
        "{error}"
    );
    let token = done
        .context
        .wrap(Protection::Integrity, b"in the clear")
        .unwrap();
    assert_eq!(peer.unwrap(&token).unwrap().data, b"in the clear");
}

/// Rule 2: names are bytes; `/` and `@` inside a component are escaped for display alone.
#[test]
fn names_survive() {
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    let peers: [(User, &str, &[u8]); 2] = [
        (
            kdc.kinit("jürgen", "juergen-pw"),
            "jürgen@EXAMPLE.TEST",
            "jürgen".as_bytes(),
        ),
        (
            kdc.kinit_with(&["--no-request-pac"], r"sl\/ash\@at", "odd-pw"),
            r"sl\/ash\@at@EXAMPLE.TEST",
            b"sl/ash@at",
        ),
    ];
    for (user, shown, component) in peers {
        for ask in ways("HTTP@localhost") {
            let mut peer = GssPeer::mit(kdc, &user, ask);
            let done = shake(&config, &mut peer);
            let principal = done.context.peer().principal().expect("Kerberos").clone();
            assert_eq!(done.context.peer().to_string(), shown);
            assert_eq!(principal.components().collect::<Vec<_>>(), [component]);
            assert_eq!(principal.realm(), b"EXAMPLE.TEST");
        }
    }
}

/// Every client's AP-REP is fresh, and every handshake its own: many at once on one config.
#[test]
fn many_handshakes_share_one_config() {
    let kdc = Kdc::shared();
    let config = config(kdc, "HTTP");
    let alice = kdc.alice();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let ask = Ask::http().spnego().mutual();
                    let mut peer = GssPeer::mit(kdc, &alice, ask);
                    let done = shake(&config, &mut peer);
                    one_message_each(&done.context, &mut peer);
                }
            });
        }
    });
    assert_eq!(config.half_open(), 0);
}
