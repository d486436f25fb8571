//! Who gets in (rules 33, 36, 37).

use super::{
    NtlmMount, PLAIN, SEALING, accounts, attempt, begin, builder, config, enters, named, problem,
    reason, refused, server,
};
use crate::bench::{done, fails, rejected};
use gss_acceptor::accounts::{self as source, AccountAnswer, AccountName, MemoryAccounts, NtHash};
use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, Credentials, Granted, LogonProblem, Misuse, Name, Ntlm,
    NtlmRejection, Rejection, Reply, Requirements, Secret, StepInput, Unavailability,
};
use kit::ntlm::{Challenge, HASH, Mic, negotiate};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn peer(context: &Context) -> (String, String) {
    match context.peer() {
        Name::Ntlm { user, domain } => (user.clone(), domain.clone()),
        other => panic!("{other}"),
    }
}

fn names(user: &str, domain: &str) -> (String, String) {
    (user.into(), domain.into())
}

pub fn rule_33_the_right_password<M: NtlmMount>() {
    let config = config::<M>();
    for asked in [SEALING, PLAIN] {
        let end = enters(&config, asked, |_| {});
        assert_eq!(end.token, None);
        // The account's own name, however the client writes it.
        assert_eq!(peer(&end.context), names("Alice", ""));
        assert_eq!(end.context.mechanism(), gss_acceptor::Mechanism::Ntlm);
        assert_eq!(end.context.expiry(), gss_acceptor::Expiry::Never);
    }
}

pub fn rule_33_the_wrong_password<M: NtlmMount>() {
    let config = config::<M>();
    for asked in [SEALING, PLAIN] {
        for byte in 0..16 {
            let why = refused(&config, asked, |a| a.hash[byte] ^= 1);
            assert_eq!(problem(why), LogonProblem::WrongPassword);
        }
        // The proof alone decides, wherever the difference is.
        let why = refused(&config, asked, |a| a.nonce[7] ^= 1);
        assert_eq!(problem(why), LogonProblem::WrongPassword);
    }
}

pub fn rule_33_no_version_1_and_no_lm<M: NtlmMount>() {
    let config = config::<M>();
    for (nt, lm) in [(24, 24), (24, 0), (0, 24), (1, 0), (23, 24), (0, 2)] {
        for mic in [Mic::Right, Mic::Absent] {
            let why = refused(&config, PLAIN, |a| {
                a.nt_response = Some(vec![7; nt]);
                a.lm_response = vec![7; lm];
                a.mic = mic;
            });
            match &why {
                NtlmRejection::Version1 { user, .. } => assert_eq!(user, "alice"),
                other => panic!("{other}"),
            }
            assert!(why.to_string().contains("LmCompatibilityLevel"), "{why}");
        }
    }
}

pub fn rule_33_the_proof_comes_first<M: NtlmMount>() {
    // Everything else is wrong too, and what is said is that the password is.
    let config = config::<M>();
    for mic in [Mic::Right, Mic::Zero, Mic::Absent] {
        let why = refused(&config, SEALING, |a| {
            a.spoil_proof = 1;
            a.mic = mic;
            a.unset(kit::ntlm::av::TIMESTAMP);
            a.encrypted_key = Some(vec![1]);
        });
        assert_eq!(problem(why), LogonProblem::WrongPassword);
    }
    // A wrong proof and no word of a MIC.
    let why = refused(&config, PLAIN, |a| {
        a.spoil_proof = 0x80;
        a.without_mic();
    });
    assert_eq!(problem(why), LogonProblem::WrongPassword);
}

pub fn rule_33_domains_as_sent_then_none<M: NtlmMount>() {
    let config = config::<M>();
    for (user, domain, hashed, who) in [
        ("alice", "LAPTOP", "LAPTOP", Some(("Alice", ""))),
        ("alice", "LAPTOP", "", Some(("Alice", ""))),
        ("alice", "LAPTOP", "laptop", None),
        ("bob", "CORP", "CORP", Some(("bob", "CORP"))),
        ("bob", "corp", "corp", Some(("bob", "CORP"))),
        ("bob", "corp", "CORP", None),
        ("bob@corp", "", "", Some(("bob", "CORP"))),
        ("bob", "", "", Some(("bob", "CORP"))),
        ("bob", "", "CORP", None),
    ] {
        let half = begin(&config, PLAIN);
        let mut answer = half.answer(user, domain);
        answer.hashed_domain = Some(hashed.into());
        let step = half.send(&answer);
        match who {
            Some((user, domain)) => assert_eq!(peer(&done(step).context), names(user, domain)),
            None => assert_eq!(problem(reason(&fails(step))), LogonProblem::WrongPassword),
        }
    }
}

pub fn rule_33_upper_case_is_one_to_one<M: NtlmMount>() {
    let hash = || NtHash::from_bytes(HASH);
    let accounts = MemoryAccounts::new()
        .user("straße", hash())
        .user("ÿolanda", hash())
        .user("ωμέγα", hash());
    let config = builder::<M>(Ntlm::new(accounts)).0.build().expect("builds");
    for (user, hashed, good) in [
        ("straße", "STRAßE", true),
        ("straße", "STRASSE", false),
        ("Straße", "STRAßE", true),
        ("ÿolanda", "ŸOLANDA", true),
        ("ωμέγα", "ΩΜΈΓΑ", true),
        ("ωμέγα", "ωμέγα", false),
    ] {
        let half = begin(&config, SEALING);
        let mut answer = half.answer(user, "");
        answer.hashed_user = Some(hashed.into());
        let step = half.send(&answer);
        assert_eq!(step.is_ok(), good, "{user} hashed as {hashed}: {step:?}");
    }
}

pub fn rule_33_names_and_their_tricks<M: NtlmMount>() {
    let config = config::<M>();
    for user in [
        "alicе", // a Cyrillic letter
        "alice ",
        " alice",
        "alice\0",
        "alice\u{200B}",
        "ａlice",      // full width
        "al\u{131}ce", // dotless i
        "CORP\\alice",
        "alice@CORP",
        "",
    ] {
        let half = begin(&config, PLAIN);
        let answer = half.answer(user, "");
        let failure = fails(half.send(&answer));
        assert_eq!(
            problem(reason(&failure)),
            LogonProblem::UnknownUser,
            "{user:?}"
        );
        // Nothing that a client wrote forges a line of a log.
        let text = failure.to_string();
        assert!(!text.contains(['\0', '\u{200B}']), "{text}");
    }
}

pub fn rule_36_the_client_cannot_tell<M: NtlmMount>() {
    let config = config::<M>();
    let mut told = Vec::new();
    for (user, hash, due) in [
        ("alice", [0; 16], LogonProblem::WrongPassword),
        ("nobody", HASH, LogonProblem::UnknownUser),
        ("mallory", HASH, LogonProblem::Disabled),
        // The hash that stands in for nobody's opens nothing.
        ("nobody", [0; 16], LogonProblem::UnknownUser),
        ("mallory", [0; 16], LogonProblem::Disabled),
    ] {
        let half = begin(&config, SEALING);
        let mut answer = half.answer(user, "");
        answer.hash = hash;
        let failure = fails(half.send(&answer));
        assert_eq!(problem(reason(&failure)), due, "{user}");
        told.push((
            failure.token().map(<[u8]>::to_vec),
            failure.error().status(),
            failure.error().gss_major(),
        ));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

pub fn rule_36_nor_by_the_time<M: NtlmMount>() {
    let config = config::<M>();
    let time = |user: &str| {
        let half = begin(&config, SEALING);
        let mut answer = half.answer(user, "");
        answer.hash = [0; 16];
        let token = answer.token();
        let mut acceptor = half.acceptor;
        let start = Instant::now();
        let step = acceptor.step(&token);
        let took = start.elapsed();
        assert!(step.is_err());
        took
    };
    // The fastest of many, by turns: what remains when nothing else was in the way. A machine
    // that is busy gets more of them; a difference is there however many there are.
    let mut fastest = [Duration::MAX; 3];
    let alike = (0..5).any(|_| {
        for _ in 0..400 {
            for (fastest, user) in fastest.iter_mut().zip(["alice", "nobodys", "mallory"]) {
                *fastest = time(user).min(*fastest);
            }
        }
        let [known, unknown, disabled] = fastest;
        [(known, unknown), (known, disabled)]
            .iter()
            .all(|(one, two)| one.max(two) < &(*one.min(two) * 2))
    });
    assert!(alike, "known, unknown, disabled: {fastest:?}");
}

fn anonymous(config: &AcceptorConfig, lm: &[u8]) -> Result<Context, Rejection> {
    let half = begin(config, SEALING);
    let mut answer = half.answer("", "");
    answer.flags |= kit::ntlm::flags::ANONYMOUS;
    answer.nt_response = Some(Vec::new());
    answer.lm_response = lm.to_vec();
    answer.mic = Mic::Zero;
    match half.send(&answer) {
        Ok(step) => Ok(done(Ok(step)).context),
        Err(failure) => Err(rejected(failure.error())),
    }
}

pub fn rule_36_nobody_only_where_allowed<M: NtlmMount>() {
    for lm in [&[][..], &[0]] {
        assert_eq!(
            anonymous(&config::<M>(), lm).err(),
            Some(Rejection::Anonymous)
        );
    }
    let allowing = |flags| {
        let builder = builder::<M>(server()).0.require(flags);
        let builder = builder.request(Requirements::ALLOW_NULL_SESSION);
        builder.build().expect("builds")
    };
    for lm in [&[][..], &[0]] {
        let context = anonymous(&allowing(Requirements::empty()), lm).expect("let in");
        assert_eq!(*context.peer(), Name::Anonymous);
        assert!(context.granted().contains(Granted::NULL_SESSION));
    }
    // What is required is required of nobody too.
    let refused = anonymous(&allowing(Requirements::INTEGRITY), &[]);
    assert!(matches!(refused.err(), Some(Rejection::Requirement { .. })));
    // Any response at all is somebody's.
    let config = allowing(Requirements::empty());
    assert!(matches!(
        anonymous(&config, &[1]).err(),
        Some(Rejection::Ntlm(_))
    ));
    for lm in [vec![], vec![0]] {
        let half = begin(&config, SEALING);
        let mut answer = half.answer("", "");
        answer.lm_response = lm;
        let why = reason(&fails(half.send(&answer)));
        assert_eq!(problem(why), LogonProblem::UnknownUser);
    }
}

pub fn rule_36_nobody_protects_nothing<M: NtlmMount>() {
    let builder = builder::<M>(server()).0;
    let config = builder.request(Requirements::ALLOW_NULL_SESSION);
    let context = anonymous(&config.build().expect("builds"), &[0]).expect("let in");
    let protects = Granted::INTEGRITY | Granted::CONFIDENTIALITY | Granted::REPLAY_DETECT;
    assert!(!context.granted().intersects(protects));
    assert!(context.mic(b"x").is_err());
    // A key that everybody knows is none.
    assert!(context.session_key().is_err());
}

pub fn rule_37_a_source_is_asked_for_names_alone<M: NtlmMount>() {
    // Sources put what they are asked into queries, lines and C strings. One that would let
    // anybody in is not even asked for nobody, nor for what no account is called.
    for (user, domain, asked) in [
        ("alice", "CORP", true),
        ("", "", false),
        ("", "CORP", false),
        ("alice\0", "", false),
        ("alice\0b", "CORP", false),
        ("alice\nb", "", false),
        ("alice\u{7f}", "", false),
        ("alice", "CO\0RP", false),
        ("alice", "\r", false),
    ] {
        let count = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&count);
        let config = with_source::<M>(move |_| {
            *counter.lock().expect("no panic") += 1;
            Reply::Now(AccountAnswer::Account {
                name: alice(),
                hash: NtHash::from_bytes(HASH),
            })
        });
        let half = begin(&config, SEALING);
        let answer = half.answer(user, domain);
        let step = half.send(&answer);
        if asked {
            done(step);
        } else {
            let why = problem(reason(&fails(step)));
            assert_eq!(why, LogonProblem::UnknownUser, "{user:?} {domain:?}");
        }
        let count = *count.lock().expect("no panic");
        assert_eq!(count, u32::from(asked), "{user:?} {domain:?}");
    }
}

pub fn rule_36_an_empty_name_is_no_account<M: NtlmMount>() {
    let accounts = MemoryAccounts::new().user("", NtHash::from_bytes(HASH));
    let config = builder::<M>(Ntlm::new(accounts)).0.build().expect("builds");
    let half = begin(&config, PLAIN);
    let answer = half.answer("", "");
    assert_eq!(
        problem(reason(&fails(half.send(&answer)))),
        LogonProblem::UnknownUser
    );
}

fn with_source<M: NtlmMount>(
    answer: impl Fn(&source::Logon) -> Reply<AccountAnswer> + Send + Sync + 'static,
) -> AcceptorConfig {
    let ntlm = Ntlm::new(source::from_fn("a test", answer));
    builder::<M>(named(ntlm)).0.build().expect("builds")
}

fn alice() -> AccountName {
    AccountName {
        user: "Alice".into(),
        domain: String::new(),
    }
}

/// A future that another thread finishes.
fn later(answer: impl FnOnce() -> AccountAnswer + Send + 'static) -> Reply<AccountAnswer> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut started = Some((sender, answer));
    Reply::later(std::future::poll_fn(move |context| {
        if let Some((sender, answer)) = started.take() {
            let waker = context.waker().clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                sender.send(answer()).expect("received");
                waker.wake();
            });
        }
        receiver
            .try_recv()
            .map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    }))
}

pub fn rule_37_a_source_that_answers_later<M: NtlmMount>() {
    let config = with_source::<M>(|_| {
        later(|| AccountAnswer::Account {
            name: alice(),
            hash: NtHash::from_bytes(HASH),
        })
    });
    assert!(config.may_block());
    assert_eq!(
        peer(&enters(&config, SEALING, |_| {}).context),
        names("Alice", "")
    );
    let why = refused(&config, SEALING, |a| a.hash[0] ^= 1);
    assert_eq!(problem(why), LogonProblem::WrongPassword);
    assert!(!self::config::<M>().may_block());
}

pub fn rule_37_a_source_that_cannot_tell<M: NtlmMount>() {
    let config = with_source::<M>(|_| {
        Reply::Now(AccountAnswer::Unavailable {
            text: "no\ndirectory".into(),
        })
    });
    let failure = fails(attempt(&config, SEALING, |_| {}));
    assert!(matches!(
        failure.error().unavailability(),
        Some(Unavailability::Accounts { .. })
    ));
    assert!(!failure.to_string().contains('\n'), "{failure}");
}

pub fn rule_37_a_directory_that_compares_itself<M: NtlmMount>() {
    // The directory gives the session base key, from which everything else follows: MIC and
    // messages are checked here all the same.
    let half_key = Arc::new(Mutex::new([0; 16]));
    let key = Arc::clone(&half_key);
    let config = with_source::<M>(move |_| {
        Reply::Now(AccountAnswer::Verified {
            name: alice(),
            session_base_key: Secret::copy_from(&*key.lock().expect("no panic")),
        })
    });
    let half = begin(&config, PLAIN);
    let answer = half.answer("alice", "");
    *half_key.lock().expect("no panic") = answer.exported();
    assert_eq!(peer(&done(half.send(&answer)).context), names("Alice", ""));
    let half = begin(&config, PLAIN);
    let answer = half.answer("alice", "");
    // Another key than the client's: the MIC does not fit.
    let why = reason(&fails(half.send(&answer)));
    assert_eq!(why.to_string(), wrong_mic());
}

fn wrong_mic() -> String {
    "the check over NTLM's three messages (MIC) is wrong: somebody changed one of them on the way"
        .into()
}

pub fn rule_37_guests_are_nobody<M: NtlmMount>() {
    for key in [&[][..], &[0; 16], &[1; 8], &[1; 17]] {
        let config = with_source::<M>(move |_| {
            Reply::Now(AccountAnswer::Verified {
                name: alice(),
                session_base_key: Secret::copy_from(key),
            })
        });
        let why = refused(&config, PLAIN, kit::ntlm::Authenticate::without_mic);
        assert!(matches!(problem(why), LogonProblem::Directory(_)));
    }
}

pub fn rule_37_supplied_accounts<M: NtlmMount>() {
    let empty = Ntlm::new(MemoryAccounts::new());
    let builder = builder::<M>(empty).0;
    let config = builder
        .request(Requirements::USE_SUPPLIED_CREDS)
        .build()
        .expect("builds");
    let handle = config
        .acquire(&Credentials::from(Ntlm::new(accounts()).computer("OTHER")))
        .expect("accounts");
    let run = |supplied: bool| {
        let mut acceptor = Acceptor::new(&config);
        let first = negotiate(SEALING);
        let mut input = StepInput::new(&first);
        if supplied {
            input = input.credentials(&handle);
        }
        let token = crate::bench::goes_on(acceptor.step_with(input));
        let challenge = Challenge::read(&token).expect("a CHALLENGE");
        let answer = kit::ntlm::Authenticate::answer(&first, &challenge, "alice", "");
        (acceptor.step(&answer.token()), challenge)
    };
    let (step, challenge) = run(true);
    assert_eq!(peer(&done(step).context), names("Alice", ""));
    assert_eq!(
        challenge.pair(kit::ntlm::av::NB_COMPUTER),
        Some(&kit::ntlm::utf16("OTHER")[..])
    );
    let (step, _) = run(false);
    assert_eq!(problem(reason(&fails(step))), LogonProblem::UnknownUser);
    // A handle of another kind is not passed over.
    let keytab = crate::bench::Bench::new().keytab();
    if let Ok(keys) = config.acquire(&Credentials::from(keytab)) {
        let first = negotiate(SEALING);
        let step = Acceptor::new(&config).step_with(StepInput::new(&first).credentials(&keys));
        let failure = fails(step);
        assert!(matches!(
            failure.error().misuse(),
            Some(Misuse::ForeignCredentials)
        ));
    }
}

pub fn rule_37_the_source_sees_the_logon<M: NtlmMount>() {
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let config = with_source::<M>(move |logon| {
        *keep.lock().expect("no panic") = Some(logon.clone());
        Reply::Now(AccountAnswer::Refused(LogonProblem::UnknownUser))
    });
    let half = begin(&config, SEALING);
    let challenge = half.challenge.nonce;
    let mut answer = half.answer("alice", "CORP");
    answer.lm_response = vec![9; 24];
    let sent = [&[5; 16][..], &[1, 1], &[7; 26], &[0; 8]].concat();
    answer.nt_response = Some(sent.clone());
    fails(half.send(&answer));
    let logon = seen.lock().expect("no panic").take().expect("asked");
    assert_eq!(
        (logon.user(), logon.domain(), logon.workstation()),
        ("alice", "CORP", "LAPTOP")
    );
    assert_eq!(logon.challenge(), challenge);
    // The NTLMv2 response as it came, and nothing of the LM response: an LMv2 response would be
    // right whatever the target information beside it says.
    assert_eq!(logon.nt_response(), sent);
    assert!(!format!("{logon:?}").contains("response"));
}
