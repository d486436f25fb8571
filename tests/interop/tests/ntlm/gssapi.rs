//! The system's library on the server's side: MIT's with gss-ntlmssp, and a file of users.

use gss_acceptor::backends::{GssapiBackend, GssapiLibrary, gssapi};
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, ConfigBuilder,
    Context, ContextImporter, Credentials, Error, Failure, Framing, Granted, Keytab, Mechanism,
    MessagePart, Misuse, NtlmRejection, Protection, Rejection, Requirements, SealingKey, Step,
};
use interop::libraries::GssPeer;
use interop::ntlm::{Library, Login, Protect, SspiNtlm, python};
use interop::process::{Folder, packages};
use interop::{Ask, Kdc, Peer, accept, accept_with, shake};
use kit::ntlm::{Authenticate, Challenge, Mic, av, flags, negotiate_with_names};

/// SPNEGO's reject (RFC 4178 4.2.2).
const REJECT: [u8; 9] = [0xa1, 7, 0x30, 5, 0xa0, 3, 0x0a, 1, 2];

/// A file of users, gone when it is dropped.
struct Users(Folder);

impl Users {
    fn new(name: &str) -> Self {
        packages(&["gss-ntlmssp"]);
        let folder = Folder::new(name);
        let lines = "CORP:bob:Password\nHOME:alice:Password\nHOME:jürgen:Pä$$wörd€\n";
        folder.write("users", lines);
        Self(folder)
    }

    fn backend(&self, credentials: impl Into<Credentials>) -> GssapiBackend {
        gssapi(credentials)
            .library(GssapiLibrary::Mit)
            .ntlm_user_file(self.0.path().join("users"))
    }

    fn builder(&self) -> ConfigBuilder {
        AcceptorConfig::builder(self.backend(Credentials::SystemDefault))
            .mechanisms(&[Mechanism::Ntlm])
    }

    fn config(&self) -> AcceptorConfig {
        self.builder().build().expect("builds")
    }
}

/// Those that leave the LM response out, as MS-NLMP 3.1.5.1.2 has it for a CHALLENGE with a
/// timestamp.
const LIBRARIES: [Library; 3] = [Library::Pyspnego, Library::Samba, Library::GssNtlmssp];

fn both(login: &Login) -> [Login; 2] {
    [false, true].map(|spnego| Login {
        spnego,
        ..login.clone()
    })
}

fn reason(failure: &Failure) -> &Rejection {
    let reason = failure.error().rejection();
    reason.unwrap_or_else(|| panic!("{failure:?}"))
}

#[test]
fn ntlm_comes_in_through_the_library() {
    let users = Users::new("in");
    let config = users.config();
    for library in LIBRARIES {
        for login in both(&Login::new("bob", "CORP", "Password")) {
            let mut peer = python(library, &login);
            let who = format!("{library:?}, SPNEGO {}", login.spnego);
            let context = shake(&config, &mut peer).context;
            assert_eq!(context.peer().to_string(), "CORP\\bob", "{who}");
            assert_eq!(context.mechanism(), Mechanism::Ntlm, "{who}");
            let framing = match login.spnego {
                true => Framing::Spnego,
                false => Framing::Raw,
            };
            assert_eq!(context.framing(), framing, "{who}");
            let due = Granted::CONFIDENTIALITY | Granted::INTEGRITY;
            assert!(context.granted().contains(due), "{who}");
            assert!(!context.granted().contains(Granted::MUTUAL_AUTH), "{who}");
            assert_eq!(context.session_key().expect(&who).key.len(), 16, "{who}");
            for data in [&b"x"[..], b"a message", &[7; 70_000]] {
                let token = peer.wrap(data, true).expect(&who);
                assert_eq!(context.unwrap(&token).expect(&who).data, data, "{who}");
                let token = context.wrap(Protection::Confidentiality, data);
                let got = peer.unwrap(&token.expect(&who)).expect(&who);
                assert_eq!(got.data, data, "{who}");
            }
            in_parts(&context, &mut peer, &who);
            let mic = peer.mic(b"beside").expect(&who);
            context.verify(b"beside", &mic).expect(&who);
            let mic = context.mic(b"beside").expect(&who);
            peer.verify(b"beside", &mic).expect(&who);
        }
    }
    // This one sends an LMv2 response besides, which the mechanism would take for the proof.
    let mut sspi = SspiNtlm::new(&Login::new("bob", "CORP", "Password"));
    let failure = accept(&config, &mut sspi).expect_err("refused");
    assert!(failure.to_string().contains("LM response"), "{failure}");
    // Beyond ASCII it compares names by the locale, of which a Rust program sets none.
    let login = Login::new("jürgen", "HOME", "Pä$$wörd€");
    let failure = accept(&config, &mut python(Library::Pyspnego, &login)).expect_err("not found");
    assert!(matches!(
        reason(&failure),
        Rejection::Ntlm(NtlmRejection::Logon { .. })
    ));
    // Signing alone, and nothing at all.
    for (protect, granted) in [
        (Protect::Sign, Granted::INTEGRITY),
        (Protect::Nothing, Granted::empty()),
    ] {
        for login in both(&Login::new("alice", "HOME", "Password")) {
            let login = Login { protect, ..login };
            let context = shake(&config, &mut python(Library::Samba, &login)).context;
            assert_eq!(context.peer().to_string(), "HOME\\alice");
            let protection = Granted::INTEGRITY | Granted::CONFIDENTIALITY;
            let has = context.granted() & protection;
            assert!(has.contains(granted), "{protect:?}: {has:?}");
            assert!(!has.contains(Granted::CONFIDENTIALITY), "{protect:?}");
        }
    }
}

/// The mechanism has no call for messages in parts: they are the token, its header apart.
fn in_parts(context: &Context, peer: &mut dyn Peer, who: &str) {
    let header = context.sizes().sealed_parts_header;
    let sealed = Protection::Confidentiality;
    let (mut head, mut one, mut two) = (vec![0; header + 4], b"in ".to_vec(), b"parts".to_vec());
    // What is signed alone has no place in such a token; no number is spent on the refusal.
    let mut signed = [
        MessagePart::Header(&mut head),
        MessagePart::SignOnly(b"signed"),
        MessagePart::Data(&mut one),
    ];
    let refused = context.wrap_parts(sealed, &mut signed).expect_err(who);
    assert!(matches!(refused, Error::Misuse { .. }), "{who}: {refused}");
    let mut short = [
        MessagePart::Header(&mut [0; 3]),
        MessagePart::Data(&mut one),
    ];
    context.wrap_parts(sealed, &mut short).expect_err(who);

    let mut parts = [
        MessagePart::Header(&mut head),
        MessagePart::Data(&mut one),
        MessagePart::Data(&mut two),
    ];
    let used = context.wrap_parts(sealed, &mut parts).expect(who);
    assert_eq!(used.header, header, "{who}");
    assert_ne!(one, b"in ", "{who}");
    let token = [&head[..used.header], &one, &two].concat();
    assert_eq!(peer.unwrap(&token).expect(who).data, b"in parts", "{who}");

    let mut token = peer.wrap(b"to the server", true).expect(who);
    let (head, rest) = token.split_at_mut(header);
    let (one, two) = rest.split_at_mut(3);
    let mut parts = [
        MessagePart::Header(head),
        MessagePart::Data(one),
        MessagePart::Data(two),
    ];
    let (protection, _) = context.unwrap_parts(&mut parts).expect(who);
    assert_eq!(protection, sealed, "{who}");
    assert_eq!((&*one, &*two), (&b"to "[..], &b"the server"[..]), "{who}");
}

/// Rule 36: a wrong password and a user that is not there are told alike.
#[test]
fn rule_36_whoever_does_not_know_the_password_stays_out() {
    let users = Users::new("out");
    let config = users.config();
    for library in [Library::Samba, Library::GssNtlmssp] {
        for (user, password) in [("bob", "password"), ("nobody", "Password")] {
            for login in both(&Login::new(user, "CORP", password)) {
                let failure = accept(&config, &mut python(library, &login)).expect_err("out");
                let NtlmRejection::Logon { user: who, .. } = (match reason(&failure) {
                    Rejection::Ntlm(reason) => reason,
                    other => panic!("{other:?}"),
                }) else {
                    panic!("{failure:?}");
                };
                assert_eq!(who, user);
                assert!(failure.error().platform().is_some(), "the library's words");
                let due = login.spnego.then_some(&REJECT[..]);
                assert_eq!(failure.token(), due, "{library:?}");
            }
        }
    }
}

/// Rules 17 and 35.
#[test]
fn rule_35_bindings() {
    let users = Users::new("bindings");
    let data = b"tls-server-end-point:0123456789abcdef0123456789abcdef";
    let ours = ChannelBindings::tls_server_end_point_hash(&data[21..]).expect("32 bytes");
    let other = ChannelBindings::tls_server_end_point_hash(&[9; 32]).expect("32 bytes");
    let require = users
        .builder()
        .channel_bindings(ChannelBindingPolicy::Require)
        .build()
        .expect("builds");
    let when_sent = users
        .builder()
        .channel_bindings(ChannelBindingPolicy::WhenSent)
        .build()
        .expect("builds");
    for library in [Library::Pyspnego, Library::GssNtlmssp] {
        for without in both(&Login::new("bob", "CORP", "Password")) {
            let login = Login {
                bindings: data.to_vec(),
                ..without.clone()
            };
            for config in [&require, &when_sent] {
                let done = accept_with(config, &mut python(library, &login), Some(&ours));
                let context = done.expect("the same channel").context;
                assert_eq!(context.bound(), BindingStatus::Bound, "{library:?}");
                let relayed = accept_with(config, &mut python(library, &login), Some(&other));
                let failure = relayed.expect_err("another channel");
                assert!(
                    matches!(reason(&failure), Rejection::BindingMismatch { .. }),
                    "{failure:?}"
                );
            }
            let missing = accept_with(&require, &mut python(library, &without), Some(&ours));
            let failure = missing.expect_err("none");
            assert!(
                matches!(reason(&failure), Rejection::BindingMissing { .. }),
                "{failure:?}"
            );
            let done = accept_with(&when_sent, &mut python(library, &without), Some(&ours));
            let context = done.expect("none is enough").context;
            assert_eq!(context.bound(), BindingStatus::NotBound, "{library:?}");
        }
    }
}

/// The mechanism is installed, and takes part where it is enabled alone; Kerberos and it do not
/// disturb each other.
#[test]
fn rule_29_only_where_it_is_enabled() {
    let users = Users::new("enabled");
    let kdc = Kdc::shared();
    let keytab = || Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let kerberos = AcceptorConfig::builder(users.backend(keytab()));
    let kerberos = kerberos.build().expect("builds");
    let either = AcceptorConfig::builder(users.backend(keytab()))
        .mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm])
        .build()
        .expect("builds");
    for login in both(&Login::new("bob", "CORP", "Password")) {
        let library = Library::GssNtlmssp;
        let failure = accept(&kerberos, &mut python(library, &login)).expect_err("off");
        assert!(
            matches!(reason(&failure), Rejection::NoCommonMechanism { .. }),
            "{failure:?}"
        );
        let context = shake(&either, &mut python(library, &login)).context;
        assert_eq!(context.peer().to_string(), "CORP\\bob");
    }
    for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask.clone());
        let context = shake(&either, &mut peer).context;
        assert_eq!(context.peer().to_string(), "alice@EXAMPLE.TEST");
        // Where NTLM alone is enabled, a ticket is nothing.
        let ntlm = users.config();
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let failure = accept(&ntlm, &mut peer).expect_err("off");
        assert!(
            matches!(reason(&failure), Rejection::NoCommonMechanism { .. }),
            "{failure:?}"
        );
    }
    // It proves no server: mutual authentication leaves it out.
    let mutual = users.builder().require(Requirements::MUTUAL_AUTH);
    let error = mutual.build().expect_err("left out");
    assert!(error.misuse().is_some(), "{error}");
    // Heimdal's own NTLM is not offered.
    let heimdal = gssapi(Credentials::SystemDefault).library(GssapiLibrary::Heimdal);
    let heimdal = AcceptorConfig::builder(heimdal).mechanisms(&[Mechanism::Ntlm]);
    let error = heimdal.build().expect_err("not offered");
    assert!(
        matches!(
            error.misuse(),
            Some(Misuse::CannotHonour { .. } | Misuse::NoMechanism { .. })
        ),
        "{error:?}"
    );
}

/// The library reads no shorter one.
fn negotiate(asked: u32) -> Vec<u8> {
    negotiate_with_names(asked, "CORP", "LAPTOP")
}

fn attempt(
    config: &AcceptorConfig,
    asked: u32,
    change: impl FnOnce(&mut Authenticate),
) -> Result<Step, Failure> {
    let mut acceptor = Acceptor::new(config);
    let first = negotiate(asked);
    let Ok(Step::Continue { token }) = acceptor.step(&first) else {
        panic!("a CHALLENGE is due");
    };
    let challenge = Challenge::read(&token).expect("a CHALLENGE");
    let mut answer = Authenticate::answer(&first, &challenge, "bob", "CORP");
    // The library sends flags of its own.
    answer.set(av::FLAGS, 2u32.to_le_bytes().to_vec());
    change(&mut answer);
    acceptor.step(&answer.token())
}

type Change = fn(&mut Authenticate);

/// Rules 33 to 38: what a hostile client changes. Most of it is refused before the library sees
/// it; each of these would otherwise be the library's to decide.
#[test]
fn rule_33_what_is_forged_stays_out() {
    let users = Users::new("forged");
    let config = users.config();
    let good = attempt(&config, flags::SEALING, |_| ());
    assert!(matches!(good, Ok(Step::Established { .. })), "{good:?}");
    let forged: [(&str, Change); 19] = [
        ("wrong password", |a| a.hash[0] ^= 1),
        ("spoiled proof", |a| a.spoil_proof = 1),
        ("NTLMv1", |a| a.nt_response = Some(vec![7; 24])),
        ("no response", |a| a.nt_response = Some(Vec::new())),
        ("LM beside", |a| a.lm_response = vec![7; 24]),
        ("response cut", |a| {
            a.nt_response = Some([&[7; 16][..], &[1, 1, 0, 0]].concat());
        }),
        ("MIC of zeros", |a| a.mic = Mic::Zero),
        ("MIC announced, no room", |a| {
            a.mic = Mic::Absent;
            a.version = false;
        }),
        ("another computer", |a| a.set(av::NB_COMPUTER, vec![65, 0])),
        ("no computer", |a| a.unset(av::NB_COMPUTER)),
        ("no timestamp", |a| a.unset(av::TIMESTAMP)),
        ("bindings of 15 octets", |a| {
            a.set(av::BINDINGS, vec![1; 15])
        }),
        ("session key of 15 octets", |a| {
            a.encrypted_key = Some(vec![1; 15])
        }),
        ("no session key", |a| a.encrypted_key = Some(Vec::new())),
        ("nobody", |a| a.user = String::new()),
        ("a backslash in the user", |a| a.user = "x\\bob".into()),
        ("a backslash in the domain", |a| a.domain = "CORP\\x".into()),
        ("a NUL in the user", |a| a.user = "bob\0x".into()),
        ("a long name", |a| a.user = "b".repeat(1000)),
    ];
    for (what, change) in forged {
        match attempt(&config, flags::SEALING, change) {
            Err(failure) => {
                let error = failure.error();
                let refused = matches!(error, Error::Rejected { .. } | Error::Malformed { .. });
                assert!(refused, "{what}: {failure:?}");
                assert_eq!(failure.token(), None, "{what}");
            }
            Ok(step) => panic!("{what} comes in: {step:?}"),
        }
    }
    // Connectionless, and messages out of turn.
    let first = negotiate(flags::SEALING | flags::DATAGRAM);
    assert!(Acceptor::new(&config).step(&first).is_err());
    let challenge = Challenge {
        bytes: Vec::new(),
        flags: flags::SEALING,
        nonce: [0; 8],
        target: Vec::new(),
        pairs: Vec::new(),
    };
    let first = negotiate(flags::SEALING);
    let early = Authenticate::answer(&first, &challenge, "bob", "CORP").token();
    assert!(Acceptor::new(&config).step(&early).is_err());
    for cut in 0..early.len() {
        let mut acceptor = Acceptor::new(&config);
        let started = acceptor.step(&first);
        assert!(matches!(started, Ok(Step::Continue { .. })));
        assert!(acceptor.step(&early[..cut]).is_err(), "cut at {cut}");
    }
}

/// Rule 38: weak keys protect no messages, whatever the mechanism says.
#[test]
fn rule_38_nothing_weak() {
    let users = Users::new("weak");
    let config = users.config();
    for missing in [flags::KEY_128, flags::KEY_EXCH, flags::ESS] {
        match attempt(&config, flags::SEALING & !missing, |_| ()) {
            Ok(Step::Established { context, .. }) => {
                let protection = Granted::CONFIDENTIALITY | Granted::INTEGRITY;
                let granted = context.granted();
                assert!(!granted.intersects(protection), "{missing:#x}: {granted:?}");
                assert!(context.wrap(Protection::Integrity, b"x").is_err());
            }
            Ok(step) => panic!("{step:?}"),
            Err(failure) => assert!(failure.error().misuse().is_none(), "{failure:?}"),
        }
    }
}

/// A context of the mechanism's goes on where it was, after it has left the library.
#[test]
fn contexts_are_moved() {
    let users = Users::new("moved");
    let config = users.config();
    for login in both(&Login::new("bob", "CORP", "Password")) {
        let mut peer = python(Library::GssNtlmssp, &login);
        let context = shake(&config, &mut peer).context;
        let token = peer.wrap(b"before", true).expect("wraps");
        assert_eq!(context.unwrap(&token).expect("unwraps").data, b"before");
        let key: Vec<u8> = (0..32).collect();
        let key = SealingKey::from_bytes(&key).expect("a key");
        let importer = GssapiLibrary::Mit.importer().expect("the library");
        let importer = ContextImporter::new(key, "here").with(importer);
        let data = context.export().expect("exports");
        let context = importer.import_data(data).expect("imports");
        assert_eq!(context.peer().to_string(), "CORP\\bob");
        let token = peer.wrap(b"behind", true).expect("wraps");
        assert_eq!(context.unwrap(&token).expect("unwraps").data, b"behind");
        let token = context.wrap(Protection::Confidentiality, b"back");
        let got = peer.unwrap(&token.expect("wraps")).expect("unwraps");
        assert_eq!(got.data, b"back");
    }
}
