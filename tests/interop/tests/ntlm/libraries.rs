//! Libraries: pyspnego, impacket, Samba's gensec, gss-ntlmssp, the `sspi` crate.

use gss_acceptor::accounts::{
    AccountAnswer, AccountName, AccountSource, Logon, MemoryAccounts, NtHash,
};
use gss_acceptor::{
    Ability, AcceptorConfig, Authorization, AuthorizationProblem, BindingStatus,
    ChannelBindingPolicy, ChannelBindings, ConfigBuilder, Context, Error, Evidence, Granted,
    LogonProblem, Mechanism, Ntlm, NtlmRejection, Protection, Rejection, Reply, Sid, backends,
};
use interop::ntlm::{Library, Login, Protect, SspiNtlm, python};
use interop::{Done, Peer, accept, accept_with, shake};

const UNICODE: &str = "Pä$$wörd€ ✓";

fn accounts() -> MemoryAccounts {
    let hash = NtHash::from_password;
    MemoryAccounts::new()
        .user("alice", hash("Password"))
        .domain_user("CORP", "bob", hash("Password"))
        .user("jürgen", hash(UNICODE))
        .user("empty", hash(""))
        .disabled("", "gone")
}

fn builder() -> ConfigBuilder {
    let ntlm = Ntlm::new(accounts())
        .computer("WEB")
        .domain("CORP")
        .dns_computer("web.corp.test")
        .dns_domain("corp.test");
    AcceptorConfig::builder(backends::rust(ntlm)).mechanisms(&[Mechanism::Ntlm])
}

fn config() -> AcceptorConfig {
    builder().build().expect("a plain configuration")
}

/// Every library that can, raw, and inside SPNEGO where it can.
fn peers(login: &Login) -> Vec<Box<dyn Peer>> {
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(SspiNtlm::new(login))];
    // python3-gssapi takes no empty password, impacket's passwords are Latin-1.
    let able = |library: &Library| match library {
        Library::GssNtlmssp => !login.password.is_empty(),
        Library::Impacket => login.password.is_ascii(),
        _ => true,
    };
    for library in Library::ALL.into_iter().filter(able) {
        for spnego in [false, true] {
            // impacket's functions are NTLM's alone.
            if !(spnego && library == Library::Impacket) {
                let login = Login {
                    spnego,
                    ..login.clone()
                };
                peers.push(Box::new(python(library, &login)));
            }
        }
    }
    peers
}

fn both_ways(context: &Context, peer: &mut dyn Peer, seals: bool) {
    let name = peer.name();
    let wrap = |data: &[u8]| {
        let protection = if seals {
            Protection::Confidentiality
        } else {
            Protection::Integrity
        };
        context.wrap(protection, data).expect("granted")
    };
    for data in [&b"x"[..], b"a message", &[7; 70_000]] {
        let token = peer
            .wrap(data, seals)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let got = context
            .unwrap(&token)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(got.data, data, "{name}");
        assert_eq!(got.protection == Protection::Confidentiality, seals);
        let got = peer
            .unwrap(&wrap(data))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(got.data, data, "{name}");
    }
    mics(context, peer);
}

fn mics(context: &Context, peer: &mut dyn Peer) {
    if peer.lacks().contains(&interop::peer::Lacks::Mic) {
        return;
    }
    let name = peer.name();
    let mic = peer
        .mic(b"beside")
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    context
        .verify(b"beside", &mic)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let mic = context.mic(b"beside").expect("granted");
    peer.verify(b"beside", &mic)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
}

#[test]
fn the_right_password_and_messages_both_ways() {
    let config = config();
    for mut peer in peers(&Login::new("alice", "", "Password")) {
        let Done { context, .. } = shake(&config, &mut *peer);
        let name = peer.name();
        assert_eq!(context.peer().to_string(), "alice", "{name}");
        let due = Granted::CONFIDENTIALITY | Granted::INTEGRITY;
        assert!(context.granted().contains(due), "{name}");
        both_ways(&context, &mut *peer, true);
    }
}

/// In a context that signs and does not seal, Samba wraps without sealing; pyspnego and
/// gss-ntlmssp seal whatever they wrap, so from them we take MICs.
#[test]
fn signed_messages_both_ways() {
    let config = config();
    for library in [Library::Pyspnego, Library::Samba, Library::GssNtlmssp] {
        for spnego in [false, true] {
            let login = Login {
                spnego,
                protect: Protect::Sign,
                ..Login::new("alice", "", "Password")
            };
            let mut peer = python(library, &login);
            let Done { context, .. } = shake(&config, &mut peer);
            assert!(context.granted().contains(Granted::INTEGRITY));
            assert!(!context.granted().contains(Granted::CONFIDENTIALITY));
            if library == Library::Samba {
                both_ways(&context, &mut peer, false);
            } else {
                mics(&context, &mut peer);
            }
        }
    }
}

#[test]
fn without_protection_too() {
    let config = config();
    for library in [Library::Pyspnego, Library::Samba, Library::GssNtlmssp] {
        for spnego in [false, true] {
            let login = Login {
                spnego,
                protect: Protect::Nothing,
                ..Login::new("alice", "", "Password")
            };
            let mut peer = python(library, &login);
            let Done { context, .. } = shake(&config, &mut peer);
            assert_eq!(context.peer().to_string(), "alice");
        }
    }
}

#[test]
fn names_as_people_write_them() {
    let config = config();
    for (user, domain, password, who) in [
        ("bob", "CORP", "Password", "CORP\\bob"),
        ("BOB", "corp", "Password", "CORP\\bob"),
        ("alice", "ELSEWHERE", "Password", "alice"),
        ("jürgen", "", UNICODE, "jürgen"),
        ("JÜRGEN", "", UNICODE, "jürgen"),
        ("empty", "", "", "empty"),
        ("bob@corp", "", "Password", "CORP\\bob"),
    ] {
        for mut peer in peers(&Login::new(user, domain, password)) {
            let context = shake(&config, &mut *peer).context;
            assert_eq!(context.peer().to_string(), who, "{}", peer.name());
        }
    }
}

fn refused(error: &Error) -> LogonProblem {
    match error.rejection() {
        Some(Rejection::Ntlm(NtlmRejection::Logon { problem, .. })) => problem.clone(),
        _ => panic!("{error}"),
    }
}

#[test]
fn whoever_does_not_know_the_password_stays_out() {
    let config = config();
    for (user, password, due) in [
        ("alice", "password", LogonProblem::WrongPassword),
        ("alice", "", LogonProblem::WrongPassword),
        ("empty", "x", LogonProblem::WrongPassword),
        ("jürgen", "Password", LogonProblem::WrongPassword),
        ("nobody", "Password", LogonProblem::UnknownUser),
        ("gone", "Password", LogonProblem::Disabled),
    ] {
        for mut peer in peers(&Login::new(user, "", password)) {
            match accept(&config, &mut *peer) {
                Err(failure) => assert_eq!(refused(failure.error()), due, "{}", peer.name()),
                Ok(_) => panic!("{} lets {user} in", peer.name()),
            }
        }
    }
}

#[test]
fn channel_bindings_are_ours() {
    let data = b"tls-server-end-point:0123456789abcdef0123456789abcdef";
    let ours = ChannelBindings::tls_server_end_point_hash(&data[21..]).expect("32 bytes");
    let other = ChannelBindings::tls_server_end_point_hash(&[9; 32]).expect("32 bytes");
    let config = builder()
        .channel_bindings(ChannelBindingPolicy::Require)
        .build()
        .expect("a policy");
    for library in [Library::Pyspnego, Library::GssNtlmssp] {
        for spnego in [false, true] {
            let login = Login {
                spnego,
                bindings: data.to_vec(),
                ..Login::new("alice", "", "Password")
            };
            let done = accept_with(&config, &mut python(library, &login), Some(&ours));
            let context = done.expect("the same channel").context;
            assert_eq!(context.bound(), BindingStatus::Bound);
            let relayed = accept_with(&config, &mut python(library, &login), Some(&other));
            let error = relayed.expect_err("another channel").into_error();
            assert!(
                matches!(error.rejection(), Some(Rejection::BindingMismatch { .. })),
                "{library:?}: {error}"
            );
        }
    }
    let without = Login::new("alice", "", "Password");
    let failure = accept_with(&config, &mut python(Library::Samba, &without), Some(&ours));
    let error = failure.expect_err("no bindings").into_error();
    assert!(
        matches!(error.rejection(), Some(Rejection::BindingMissing { .. })),
        "{error}"
    );
}

/// Who computes a MIC, by what they do: with `require_mic` the others stay out.
#[test]
fn who_computes_a_mic() {
    let ntlm = Ntlm::new(accounts()).require_mic();
    let strict = AcceptorConfig::builder(backends::rust(ntlm))
        .mechanisms(&[Mechanism::Ntlm])
        .build()
        .expect("builds");
    let login = Login::new("alice", "", "Password");
    let negotiated = Login {
        spnego: true,
        ..login.clone()
    };
    for library in [Library::Pyspnego, Library::Samba] {
        shake(&strict, &mut python(library, &login));
        shake(&strict, &mut python(library, &negotiated));
    }
    shake(&strict, &mut SspiNtlm::new(&login));
    // gss-ntlmssp makes one where SPNEGO asks for it, impacket never.
    shake(&strict, &mut python(Library::GssNtlmssp, &negotiated));
    for library in [Library::GssNtlmssp, Library::Impacket] {
        let failure = accept(&strict, &mut python(library, &login));
        let error = failure.expect_err("no MIC").into_error();
        let reason = error.rejection();
        let missing = matches!(reason, Some(Rejection::Ntlm(NtlmRejection::Mic { .. })));
        assert!(missing, "{library:?}: {error}");
    }
}

/// What the application says of its accounts is the client's, and nobody else's.
#[test]
fn accounts_in_memory_have_sids() {
    let sid = |rid: u32| -> Sid { format!("S-1-5-21-7-8-9-{rid}").parse().expect("a SID") };
    let accounts = accounts()
        .memberships("", "ALICE", sid(1001), [sid(513), sid(1200)])
        .memberships("", "nobody", sid(1002), [sid(512)]);
    let ntlm = Ntlm::new(accounts).computer("WEB");
    let builder = || AcceptorConfig::builder(backends::rust(ntlm.clone()));
    let required = builder()
        .mechanisms(&[Mechanism::Ntlm])
        .require_authorization();
    let required = required.build().expect("some accounts have groups");
    let context = shake(
        &required,
        &mut SspiNtlm::new(&Login::new("alice", "", "Password")),
    )
    .context;
    let who = context.authorization().expect("said");
    assert_eq!(who.user, Some(sid(1001)));
    assert!(who.is_member(&sid(513)) && who.is_member(&sid(1200)) && !who.is_member(&sid(512)));
    assert!(matches!(who.evidence, Evidence::AccountSource { .. }));
    // Of bob nothing was said.
    let bob = Login::new("bob", "CORP", "Password");
    let failure = accept(&required, &mut SspiNtlm::new(&bob)).expect_err("no groups");
    let rejection = failure.error().rejection();
    assert!(
        matches!(rejection, Some(Rejection::Authorization { .. })),
        "{failure}"
    );
    let plain = builder()
        .mechanisms(&[Mechanism::Ntlm])
        .build()
        .expect("plain");
    let context = shake(&plain, &mut SspiNtlm::new(&bob)).context;
    assert!(context.authorization().is_err());
    // Where nothing is said of anybody, to require it is refused at once.
    let silent = self::builder().require_authorization();
    silent.build().expect_err("no account has groups");
}

/// A source that confuses its accounts: bob's groups for whoever has logged on.
struct Confused(MemoryAccounts);

impl AccountSource for Confused {
    fn look_up(&self, logon: &Logon) -> Reply<AccountAnswer> {
        self.0.look_up(logon)
    }

    fn authorization(&self, _: &AccountName) -> Reply<Result<Authorization, AuthorizationProblem>> {
        let (user, domain) = ("bob".to_owned(), "CORP".to_owned());
        self.0.authorization(&AccountName { user, domain })
    }

    fn authorizes(&self) -> Ability {
        Ability::Can
    }

    fn describe(&self) -> String {
        "a confused source".to_owned()
    }
}

#[test]
fn groups_of_another_account_are_not_believed() {
    let sid = |text: &str| -> Sid { text.parse().expect("a SID") };
    let of_bob = accounts().memberships(
        "CORP",
        "bob",
        sid("S-1-5-21-7-8-9-1002"),
        [sid("S-1-5-21-7-8-9-512")],
    );
    let ntlm = Ntlm::new(Confused(of_bob)).computer("WEB");
    let config = AcceptorConfig::builder(backends::rust(ntlm)).mechanisms(&[Mechanism::Ntlm]);
    let config = config.build().expect("a plain configuration");
    for (user, domain, due) in [("bob", "CORP", true), ("alice", "", false)] {
        let login = Login::new(user, domain, "Password");
        let context = shake(&config, &mut SspiNtlm::new(&login)).context;
        assert_eq!(context.authorization().is_ok(), due, "{user}");
    }
}
