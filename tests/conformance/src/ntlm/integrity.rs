//! That nobody changed, stripped, replayed or relayed anything (rules 34, 35, 39, 40).

use super::{
    NtlmMount, PLAIN, SEALING, attempt, begin, begin_with, builder, config, enters, problem,
    reason, refused, server,
};
use crate::bench::{NOW, done, fails, goes_on, rejected, rejection};
use gss_acceptor::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy as Policy, ChannelBindings,
    Error, Limits, LogonProblem, Misuse, NtlmRejection, Rejection, Step, StepInput,
};
use kit::ntlm::{Authenticate, Mic, av, flags, negotiate, negotiate_with_names, utf16};
use std::collections::HashSet;
use std::time::Duration;

pub fn rule_34_a_mic_that_is_announced_is_owed<M: NtlmMount>() {
    let config = config::<M>();
    for asked in [SEALING, PLAIN] {
        let why = refused(&config, asked, |a| a.mic = Mic::Absent);
        assert_eq!(mic_missing(&why), Some(true));
        enters(&config, asked, |_| {});
    }
}

fn mic_missing(why: &NtlmRejection) -> Option<bool> {
    match why {
        NtlmRejection::Mic { missing, .. } => Some(*missing),
        _ => None,
    }
}

pub fn rule_34_a_stripped_mic<M: NtlmMount>() {
    let config = config::<M>();
    for asked in [SEALING, PLAIN] {
        let why = refused(&config, asked, |a| a.mic = Mic::Zero);
        assert_eq!(mic_missing(&why), Some(false));
        // The announcement is inside of the proof: taking it out spoils that.
        let half = begin(&config, asked);
        let answer = half.answer("alice", "");
        let mut token = answer.token();
        let announced = [6, 0, 4, 0, 2, 0, 0, 0];
        let at = token
            .windows(8)
            .position(|w| w == announced)
            .expect("announced");
        token[at + 4] = 0;
        token[72..88].fill(0);
        let mut acceptor = half.acceptor;
        let why = reason(&fails(acceptor.step(&token)));
        assert_eq!(problem(why), LogonProblem::WrongPassword);
    }
}

pub fn rule_34_altered_flags<M: NtlmMount>() {
    let config = config::<M>();
    // Taken out of the client's NEGOTIATE on the way: what it signs over is what it sent.
    for lost in [
        flags::SIGN,
        flags::SEAL,
        flags::KEY_EXCH,
        flags::KEY_128,
        flags::ESS,
        flags::SIGN | flags::SEAL,
    ] {
        let half = begin(&config, SEALING & !lost);
        let mut answer = half.answer("alice", "");
        answer.before[0] = negotiate(SEALING);
        let step = half.send(&answer);
        assert_eq!(mic_missing(&reason(&fails(step))), Some(false), "{lost:x}");
    }
    // Put into our CHALLENGE.
    let half = begin(&config, SEALING);
    let mut answer = half.answer("alice", "");
    answer.before[1][20] ^= 0x80;
    let step = half.send(&answer);
    assert_eq!(mic_missing(&reason(&fails(step))), Some(false));
    // Changed in the AUTHENTICATE.
    for bit in [0, 4, 5, 15, 19, 29, 30] {
        let half = begin(&config, SEALING);
        let mut token = half.answer("alice", "").token();
        token[60 + bit / 8] ^= 1 << (bit % 8);
        let mut acceptor = half.acceptor;
        assert!(acceptor.step(&token).is_err(), "bit {bit}");
    }
}

pub fn rule_34_altered_messages<M: NtlmMount>() {
    let config = config::<M>();
    for message in 0..2 {
        let half = begin_with(&config, negotiate_with_names(SEALING, "CORP", "LAPTOP"));
        let mut answer = half.answer("alice", "");
        let last = answer.before[message].len() - 1;
        answer.before[message][last] ^= 1;
        let step = half.send(&answer);
        assert_eq!(mic_missing(&reason(&fails(step))), Some(false), "{message}");
    }
    // Over the exact bytes: names and all.
    let half = begin_with(&config, negotiate_with_names(SEALING, "CORP", "LAPTOP"));
    let answer = half.answer("alice", "");
    done(half.send(&answer));
}

pub fn rule_34_every_bit_counts<M: NtlmMount>() {
    // Where a client computes a MIC, no bit of its AUTHENTICATE can be changed.
    let config = config::<M>();
    let length = {
        let half = begin(&config, SEALING);
        half.answer("alice", "").token().len()
    };
    for bit in 0..length * 8 {
        let half = begin(&config, SEALING);
        let mut token = half.answer("alice", "").token();
        assert_eq!(token.len(), length);
        token[bit / 8] ^= 1 << (bit % 8);
        let mut acceptor = half.acceptor;
        if let Ok(step) = acceptor.step(&token) {
            panic!("bit {bit} does not count: {step:?}");
        }
    }
}

pub fn rule_34_without_version<M: NtlmMount>() {
    let config = config::<M>();
    for version_flag in [true, false] {
        for asked in [SEALING, PLAIN] {
            for version in [true, false] {
                let end = attempt(&config, asked, |a| {
                    a.version = version;
                    if version_flag {
                        a.flags |= flags::VERSION;
                    } else {
                        a.flags &= !flags::VERSION;
                    }
                });
                done(end);
                let why = refused(&config, asked, |a| {
                    a.version = version;
                    a.mic = Mic::Zero;
                });
                assert_eq!(mic_missing(&why), Some(false));
            }
        }
    }
}

pub fn rule_34_clients_without_a_mic<M: NtlmMount>() {
    // curl and Java compute none, and say so by saying nothing.
    let config = config::<M>();
    enters(&config, PLAIN, Authenticate::without_mic);
    enters(&config, SEALING, Authenticate::without_mic);
    let strict = builder::<M>(server().require_mic())
        .0
        .build()
        .expect("builds");
    let why = refused(&strict, PLAIN, Authenticate::without_mic);
    assert_eq!(mic_missing(&why), Some(true));
    let why = refused(&strict, PLAIN, |a| {
        a.without_mic();
        a.mic = Mic::Zero;
    });
    assert_eq!(mic_missing(&why), Some(false));
    enters(&strict, PLAIN, |a| a.unset(av::FLAGS));
    enters(&strict, SEALING, |_| {});
}

/// How the client binds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Binds {
    Not,
    Zero,
    Right,
    Wrong,
    Java,
}

fn bound(
    config: &AcceptorConfig,
    own: Option<&ChannelBindings>,
    binds: Binds,
) -> Result<BindingStatus, Rejection> {
    let channel = ChannelBindings::tls_server_end_point_hash(&[7; 32]).expect("32 octets");
    let value = match binds {
        Binds::Not => None,
        Binds::Zero => Some([0; 16]),
        Binds::Right => Some(channel.gss_hash()),
        Binds::Wrong => Some([9; 16]),
        Binds::Java => Some(channel.gss_hash_null_addresses_255()),
    };
    let with = |token: &[u8], acceptor: &mut Acceptor| {
        let mut input = StepInput::new(token);
        if let Some(own) = own {
            input = input.channel_bindings(own);
        }
        acceptor.step_with(input)
    };
    let mut acceptor = Acceptor::new(config);
    let first = negotiate(SEALING);
    let token = goes_on(with(&first, &mut acceptor));
    let challenge = kit::ntlm::Challenge::read(&token).expect("a CHALLENGE");
    let mut answer = Authenticate::answer(&first, &challenge, "alice", "");
    if let Some(value) = value {
        answer.set(av::BINDINGS, value.to_vec());
    }
    match with(&answer.token(), &mut acceptor) {
        Ok(Step::Established { context, .. }) => Ok(context.bound()),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(rejected(failure.error())),
    }
}

pub fn rule_35_bindings<M: NtlmMount>() {
    let own = ChannelBindings::tls_server_end_point_hash(&[7; 32]).expect("32 octets");
    for policy in [
        Policy::Ignore,
        Policy::WhenGiven,
        Policy::WhenSent,
        Policy::Require,
        Policy::AnyPresent,
    ] {
        let builder = builder::<M>(server()).0;
        let config = builder.channel_bindings(policy).build().expect("builds");
        for binds in [
            Binds::Not,
            Binds::Zero,
            Binds::Right,
            Binds::Wrong,
            Binds::Java,
        ] {
            let got = bound(&config, Some(&own), binds);
            let java = binds == Binds::Java;
            match (policy, binds) {
                (Policy::Ignore, Binds::Right) => assert!(got.is_ok()),
                (Policy::Ignore, _)
                | (Policy::WhenGiven | Policy::WhenSent, Binds::Not | Binds::Zero)
                | (Policy::AnyPresent, Binds::Wrong | Binds::Java) => {
                    assert_eq!(got, Ok(BindingStatus::NotBound));
                }
                (_, Binds::Right) => assert_eq!(got, Ok(BindingStatus::Bound)),
                (_, Binds::Not | Binds::Zero) => {
                    let missing = matches!(got, Err(Rejection::BindingMissing { .. }));
                    assert!(missing, "{policy:?} {binds:?}: {got:?}");
                }
                _ => assert_eq!(
                    got,
                    Err(Rejection::BindingMismatch {
                        null_address_type: java
                    })
                ),
            }
        }
    }
    // A relay's channel is another than the client's.
    let builder = builder::<M>(server()).0;
    let config = builder
        .channel_bindings(Policy::Require)
        .build()
        .expect("builds");
    let relay = ChannelBindings::tls_server_end_point_hash(&[8; 32]).expect("32 octets");
    assert!(bound(&config, Some(&relay), Binds::Right).is_err());
    // And a step without any is the server's mistake.
    let failure = fails(Acceptor::new(&config).step(&negotiate(SEALING)));
    assert!(matches!(
        failure.error().misuse(),
        Some(Misuse::BindingsNotGiven { .. })
    ));
}

pub fn rule_35_target_names<M: NtlmMount>() {
    let builder = builder::<M>(server()).0;
    let name = "HTTP/web.corp.test".parse().expect("a name");
    let config = builder.accept_service(name).build().expect("builds");
    for (target, untrusted, good) in [
        (Some("HTTP/web.corp.test"), false, true),
        (Some("http/WEB.corp.test"), false, true),
        (Some("cifs/web.corp.test"), false, false),
        (Some("HTTP/other.corp.test"), false, false),
        (Some("cifs/web.corp.test"), true, true),
        (Some(""), false, true),
        (None, false, true),
    ] {
        let step = attempt(&config, SEALING, |a| {
            if let Some(target) = target {
                a.set(av::TARGET_NAME, utf16(target));
            }
            if untrusted {
                a.set(av::FLAGS, 6u32.to_le_bytes().to_vec());
            }
        });
        match step {
            Ok(step) => {
                assert!(good, "{target:?}");
                let context = done(Ok(step)).context;
                let said = context.client_target().map(|target| target.name.clone());
                assert_eq!(said.as_deref(), target.filter(|name| !name.is_empty()));
            }
            Err(failure) => {
                assert!(!good, "{target:?}: {failure}");
                let why = rejected(failure.error());
                assert!(matches!(why, Rejection::ClientTarget { .. }), "{why}");
            }
        }
    }
}

pub fn rule_35_our_target_information_comes_back<M: NtlmMount>() {
    // A response for another server's names and our eight bytes has been relayed.
    let config = config::<M>();
    for id in [
        av::NB_COMPUTER,
        av::NB_DOMAIN,
        av::DNS_COMPUTER,
        av::DNS_DOMAIN,
        av::DNS_TREE,
        av::TIMESTAMP,
    ] {
        for mic in [true, false] {
            let why = refused(&config, SEALING, |a| {
                let value = if id == av::TIMESTAMP {
                    vec![1; 8]
                } else {
                    utf16("OTHER")
                };
                a.set(id, value);
                if !mic {
                    a.without_mic();
                }
            });
            assert!(
                matches!(why, NtlmRejection::TargetInfo { .. }),
                "{id}: {why}"
            );
            let why = refused(&config, SEALING, |a| {
                a.unset(id);
                if !mic {
                    a.without_mic();
                }
            });
            assert!(
                matches!(why, NtlmRejection::TargetInfo { .. }),
                "{id}: {why}"
            );
        }
    }
    // Order does not matter, and a client may add what it likes.
    enters(&config, SEALING, |a| {
        a.pairs.reverse();
        a.set(av::SINGLE_HOST, vec![1; 48]);
        a.set(0x1234, vec![2; 300]);
    });
}

pub fn rule_35_pairs_are_bounded<M: NtlmMount>() {
    let config = config::<M>();
    let malformed = |change: &dyn Fn(&mut Authenticate)| {
        let failure = fails(attempt(&config, SEALING, change));
        assert!(
            matches!(failure.error(), Error::Malformed { .. }),
            "{failure}"
        );
    };
    malformed(&|a| a.pairs.push((av::FLAGS, vec![2, 0, 0, 0])));
    malformed(&|a| a.pairs.push((av::NB_DOMAIN, utf16("CORP"))));
    malformed(&|a| a.set(av::FLAGS, vec![2]));
    malformed(&|a| a.set(av::BINDINGS, vec![1; 15]));
    malformed(&|a| a.set(av::TIMESTAMP, vec![1; 9]));
    malformed(&|a| a.pairs.extend(vec![(0x99, Vec::new()); 100]));
    // As long as a pair can be.
    enters(&config, SEALING, |a| {
        a.set(av::SINGLE_HOST, vec![1; 20_000])
    });
    // A length that lies about what is there: the last pair swallows the end of the list.
    malformed(&|a| {
        let mut blob = vec![0; 16];
        blob.extend([1, 1, 0, 0, 0, 0, 0, 0]);
        blob.extend([0; 20]);
        blob.extend([2, 0, 0xff, 0xff, 0x41]);
        a.nt_response = Some(blob);
    });
}

pub fn rule_35_our_challenge_is_complete<M: NtlmMount>() {
    let config = config::<M>();
    let challenge = begin(&config, SEALING).challenge;
    let ids: Vec<u16> = challenge.pairs.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [2, 1, 4, 3, 5, 7]);
    for (id, name) in [
        (av::NB_COMPUTER, "WEB"),
        (av::NB_DOMAIN, "CORP"),
        (av::DNS_COMPUTER, "web.corp.test"),
        (av::DNS_DOMAIN, "corp.test"),
        (av::DNS_TREE, "corp.test"),
    ] {
        assert_eq!(challenge.pair(id), Some(&utf16(name)[..]));
    }
    // FILETIME of the clock: seconds since 1601.
    let time = u64::try_from(NOW).expect("after 1970") + 11_644_473_600;
    let stamp = challenge.pair(av::TIMESTAMP).expect("a timestamp");
    assert_eq!(stamp, (time * 10_000_000).to_le_bytes());
    assert_eq!(challenge.target, utf16("CORP"));
    let due = flags::UNICODE
        | flags::REQUEST_TARGET
        | flags::TARGET_INFO
        | flags::NTLM
        | flags::ALWAYS_SIGN
        | flags::ESS
        | 0x1_0000;
    let plain = begin(&config, PLAIN).challenge;
    assert_eq!(plain.flags, due);
    let secure = flags::SIGN | flags::SEAL | flags::KEY_128 | flags::KEY_EXCH | flags::KEY_56;
    assert_eq!(challenge.flags, due | secure | flags::VERSION);
    assert_eq!(&challenge.bytes[32..40], [0; 8]);
}

pub fn rule_39_challenges_differ<M: NtlmMount>() {
    let config = config::<M>();
    let nonces: HashSet<[u8; 8]> = (0..2000)
        .map(|_| begin(&config, SEALING).challenge.nonce)
        .collect();
    assert_eq!(nonces.len(), 2000);
    // Every bit of them changes.
    for bit in 0..64 {
        let set = nonces
            .iter()
            .filter(|n| n[bit / 8] >> (bit % 8) & 1 == 1)
            .count();
        assert!((800..1200).contains(&set), "bit {bit}: {set}");
    }
}

pub fn rule_39_one_answer_for_one_challenge<M: NtlmMount>() {
    let config = config::<M>();
    for without in [false, true] {
        let half = begin(&config, PLAIN);
        let mut answer = half.answer("alice", "");
        if without {
            answer.without_mic();
        }
        let token = answer.token();
        let mut acceptor = half.acceptor;
        done(acceptor.step(&token));
        // In the same handshake.
        let failure = fails(acceptor.step(&token));
        assert!(matches!(
            failure.error().misuse(),
            Some(Misuse::StepAfterEnd)
        ));
        // In another.
        let mut other = begin(&config, PLAIN).acceptor;
        let why = reason(&fails(other.step(&token)));
        assert_eq!(problem(why), LogonProblem::WrongPassword);
        // A wrong answer uses the challenge up, too.
        let half = begin(&config, PLAIN);
        let mut answer = half.answer("alice", "");
        let good = answer.token();
        answer.spoil_proof = 1;
        let mut acceptor = half.acceptor;
        fails(acceptor.step(&answer.token()));
        let failure = fails(acceptor.step(&good));
        assert!(matches!(
            failure.error().misuse(),
            Some(Misuse::StepAfterEnd)
        ));
    }
}

pub fn rule_39_a_challenge_dies_with_age<M: NtlmMount>() {
    let (builder, clock) = builder::<M>(server());
    let mut limits = Limits::default();
    limits.max_age = Duration::from_secs(30);
    let config = builder.limits(limits).build().expect("builds");
    for (age, good) in [(30, true), (31, false)] {
        let half = begin(&config, SEALING);
        let answer = half.answer("alice", "");
        clock.turn(age);
        match half.send(&answer) {
            Ok(_) => assert!(good),
            Err(failure) => {
                assert!(!good, "{failure}");
                let why = rejected(failure.error());
                assert!(matches!(why, Rejection::LimitExceeded { .. }), "{why}");
            }
        }
    }
}

pub fn rule_39_messages_out_of_turn<M: NtlmMount>() {
    let config = config::<M>();
    let half = begin(&config, SEALING);
    let authenticate = half.answer("alice", "").token();
    let challenge = half.challenge.bytes.clone();
    let malformed = |mut acceptor: Acceptor, token: &[u8]| {
        let failure = fails(acceptor.step(token));
        assert!(
            matches!(failure.error(), Error::Malformed { .. }),
            "{failure}"
        );
        assert_eq!(failure.token(), None);
    };
    // First: an AUTHENTICATE, and a CHALLENGE (our own, reflected).
    malformed(Acceptor::new(&config), &authenticate);
    malformed(Acceptor::new(&config), &challenge);
    // Second: another NEGOTIATE, our CHALLENGE back, nothing, and an unknown type.
    let mut unknown = authenticate.clone();
    unknown[8] = 4;
    for token in [
        &negotiate(SEALING)[..],
        &challenge,
        &[],
        &unknown,
        b"NTLMSSP\0",
    ] {
        malformed(begin(&config, SEALING).acceptor, token);
    }
}

pub fn rule_40_a_negotiate_is_short<M: NtlmMount>() {
    let config = config::<M>();
    let mut token = negotiate(SEALING);
    token.resize(512, 0);
    goes_on(Acceptor::new(&config).step(&token));
    token.push(0);
    let failure = fails(Acceptor::new(&config).step(&token));
    assert!(
        matches!(failure.error(), Error::Malformed { .. }),
        "{failure}"
    );
}

pub fn rule_40_half_open_is_counted<M: NtlmMount>() {
    let builder = builder::<M>(server()).0;
    let mut limits = Limits::default();
    limits.max_half_open = 2;
    let config = builder.limits(limits).build().expect("builds");
    let one = begin(&config, SEALING);
    let two = begin(&config, SEALING);
    assert_eq!(config.half_open(), 2);
    let failure = fails(Acceptor::new(&config).step(&negotiate(SEALING)));
    assert!(failure.error().unavailability().is_some(), "{failure}");
    let answer = one.answer("alice", "");
    done(one.send(&answer));
    drop(two);
    assert_eq!(config.half_open(), 0);
}

pub fn rule_40_parts_lie_where_they_may<M: NtlmMount>() {
    let config = config::<M>();
    let fields = [12, 20, 28, 36, 44, 52];
    let malformed = |change: &dyn Fn(&mut Vec<u8>)| {
        let half = begin(&config, SEALING);
        let mut token = half.answer("alice", "CORP").token();
        change(&mut token);
        let mut acceptor = half.acceptor;
        let failure = fails(acceptor.step(&token));
        assert!(
            matches!(failure.error(), Error::Malformed { .. }),
            "{failure}"
        );
    };
    for field in fields {
        // Inside the header, behind the end, and far away.
        for offset in [0u32, 60, 0xffff, u32::MAX] {
            malformed(&|token| {
                token[field + 4..field + 8].copy_from_slice(&offset.to_le_bytes());
            });
        }
        malformed(&|token| token[field..field + 2].fill(0xff));
    }
    // One on the other.
    for (one, two) in [(28, 36), (12, 20), (44, 28), (36, 12)] {
        malformed(&|token| token.copy_within(two + 4..two + 8, one + 4));
    }
    let reason = rejection(attempt(&config, SEALING, |a| a.spoil_proof = 1));
    assert!(matches!(reason, Rejection::Ntlm(_)), "the good ones parse");
}
