//! On a table of functions that answers as Microsoft's documents say; what
//! Wine has is tested on Wine (`tests/interop`). Every test ends with all
//! handles and buffers given back, once.

mod statuses;
mod sys;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use windows_sys::Win32::Security::Authentication::Identity::{
    SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, SECPKG_ATTR_LIFESPAN, SECPKG_ATTR_NAMES,
    SECPKG_ATTR_NATIVE_NAMES, SECPKG_ATTR_NEGOTIATION_INFO, SECPKG_ATTR_PACKAGE_INFO,
    SECPKG_ATTR_SESSION_KEY, SECPKG_ATTR_SIZES, SECPKG_ATTR_STREAM_SIZES,
    SECPKG_ATTR_UNIQUE_BINDINGS, SECQOP_WRAP_NO_ENCRYPT, SecurityFunctionTableW,
};

use self::sys::{Acquired, Answer, Attribute, UNSUPPORTED, script, sspi, table};
use super::system::Kind;
use super::{Impersonation, WindowsBackend, WindowsContext, WindowsPackage};
use crate::backends::{Backend, ContextImporter as _};
use crate::error::Misuse;
use crate::{
    Acceptor, AcceptorConfig, BindingStatus, ChannelBindingPolicy, ChannelBindings, ConfigBuilder,
    Context, Credentials, DataRepresentation, Error, Evidence, ExpiredContexts, Expiry, Failure,
    Framing, Granted, Mechanism, MessagePart, Name, Principal, Protection, Rejection, Requirements,
    SequenceState, ServicePassword, Sid, Step, StepInput, WindowsStatus,
};

/// SEC_I_* of `AcceptSecurityContext` (General), "Return value".
const CONTINUE: u32 = 0x0009_0312;
const COMPLETE: u32 = 0x0009_0313;
const COMPLETE_AND_CONTINUE: u32 = 0x0009_0314;
/// The end of time in the packages' words.
const NEVER: i64 = 0x7FFF_FFFF_FFFF_FFFF;
/// A NegTokenInit's frame, as far as its identifier (RFC 4178 4.2).
const OFFER: [u8; 10] = [0x60, 8, 6, 6, 0x2B, 6, 1, 5, 5, 2];
/// RFC 4178 4.2.2: negState reject.
const REJECT: [u8; 9] = [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2];

fn backend_on(table: &SecurityFunctionTableW, credentials: Credentials) -> WindowsBackend {
    WindowsBackend {
        credentials,
        package: WindowsPackage::Negotiate,
        sspi: Ok(sspi(table)),
    }
}

fn backend() -> WindowsBackend {
    backend_on(&table(), Credentials::SystemDefault)
}

fn builder() -> ConfigBuilder {
    AcceptorConfig::builder(backend()).mechanisms(&[Mechanism::Kerberos])
}

/// What Windows tells of a Kerberos client, with the examples of the pages.
fn kerberos() {
    script(|script| {
        script.attributes.extend([
            (SECPKG_ATTR_NEGOTIATION_INFO, Attribute::Package("Kerberos")),
            (SECPKG_ATTR_NAMES, Attribute::Text(r"EXAMPLE\alice")),
            (
                SECPKG_ATTR_NATIVE_NAMES,
                Attribute::Texts("alice@EXAMPLE.TEST", "HTTP/web@EXAMPLE.TEST"),
            ),
            (SECPKG_ATTR_SIZES, Attribute::Bytes(vec![28, 60, 1])),
        ]);
    });
}

/// A leg that ends the handshake.
fn done(attributes: Granted) -> Answer {
    Answer {
        token: Some(b"ap-rep".to_vec()),
        attributes: attributes.bits(),
        expiry: NEVER,
        ..Answer::default()
    }
}

fn answer(answers: impl IntoIterator<Item = Answer>) {
    script(|script| script.answers.extend(answers));
}

fn established(config: &AcceptorConfig) -> Context {
    established_by(config, b"token")
}

/// The signature of MS-NLMP 2.2.1.
const NTLMSSP: &[u8] = b"NTLMSSP\0";

fn established_by(config: &AcceptorConfig, token: &[u8]) -> Context {
    match Acceptor::new(config).step(token) {
        Ok(Step::Established { context, .. }) => context,
        other => panic!("{other:?}"),
    }
}

fn fails(step: Result<Step, Failure>) -> Failure {
    step.expect_err("it must fail")
}

/// All given back, and something had been handed out.
fn settled() {
    assert!(script(|script| script.settled()) > 0);
}

/// The plain context of these tests.
fn context() -> Context {
    kerberos();
    answer([done(
        Granted::INTEGRITY | Granted::CONFIDENTIALITY | Granted::MUTUAL_AUTH,
    )]);
    established(&builder().build().unwrap())
}

fn native(context: &Context) -> &WindowsContext {
    context.as_any().downcast_ref().expect("the platform's own")
}

/// AcceptSecurityContext: the first call has no context, later ones have the
/// handle of the first; SECBUFFER_TOKEN in both lists; room of `cbMaxToken`.
#[test]
fn a_handshake_of_two_legs_keeps_its_context() {
    kerberos();
    let first = Answer {
        status: CONTINUE,
        token: Some(b"challenge".to_vec()),
        ..Answer::default()
    };
    answer([first, done(Granted::INTEGRITY)]);
    let config = builder().data_representation(DataRepresentation::Native);
    let config = config.build().unwrap();
    let mut acceptor = Acceptor::new(&config);
    match acceptor.step(&OFFER) {
        Ok(Step::Continue { token }) => assert_eq!(token, b"challenge"),
        other => panic!("{other:?}"),
    }
    match acceptor.step(b"second") {
        Ok(Step::Established { token, context }) => {
            assert_eq!(token.as_deref(), Some(&b"ap-rep"[..]));
            assert_eq!(context.framing(), Framing::Spnego);
            let alice = "alice@EXAMPLE.TEST".parse().unwrap();
            assert_eq!(context.peer(), &Name::Kerberos(alice));
            let target: Principal = "HTTP/web@EXAMPLE.TEST".parse().unwrap();
            assert_eq!(context.target(), Some(&target));
            assert_eq!(context.expiry(), Expiry::Never);
        }
        other => panic!("{other:?}"),
    }
    script(|script| {
        let seen: Vec<_> = script
            .seen
            .iter()
            .map(|leg| (&leg.token[..], leg.has_context, leg.room))
            .collect();
        assert_eq!(
            seen,
            [(&OFFER[..], false, 48_000), (b"second", true, 48_000)]
        );
        // SECURITY_NATIVE_DREP is 0x10.
        assert_eq!(script.seen[0].representation, 0x10);
        // "Negotiate", and NTLM excluded by PackageList; no user.
        let due = Acquired {
            package: "Negotiate".into(),
            packages: Some("!ntlm".into()),
            ..Acquired::default()
        };
        assert_eq!(script.acquired, [due]);
    });
    drop((acceptor, config));
    settled();
}

/// AcceptSecurityContext: SEC_I_COMPLETE_NEEDED, SEC_I_COMPLETE_AND_CONTINUE:
/// the server must call CompleteAuthToken before it sends the token.
#[test]
fn tokens_are_completed_where_the_package_says_so() {
    kerberos();
    let first = Answer {
        status: COMPLETE_AND_CONTINUE,
        token: Some(b"half".to_vec()),
        ..Answer::default()
    };
    let last = Answer {
        status: COMPLETE,
        ..done(Granted::INTEGRITY)
    };
    answer([first, last]);
    let config = builder().build().unwrap();
    let mut acceptor = Acceptor::new(&config);
    assert!(matches!(acceptor.step(b"a"), Ok(Step::Continue { .. })));
    assert!(matches!(acceptor.step(b"b"), Ok(Step::Established { .. })));
    script(|script| assert_eq!(script.completed, [b"half".to_vec(), b"ap-rep".to_vec()]));

    // One that cannot be completed is not sent, and nobody is let in.
    let last = Answer {
        status: COMPLETE,
        ..done(Granted::INTEGRITY)
    };
    answer([last]);
    script(|script| script.complete_status = 0x8009_0308);
    let failure = fails(Acceptor::new(&config).step(b"c"));
    assert!(matches!(failure.error(), Error::Malformed { .. }));
    assert_eq!(failure.token(), None);
    drop((acceptor, config));
    settled();
}

/// "The function failed" on the first call: no context, nothing to delete; on
/// a later one it is deleted.
#[test]
fn what_failed_is_given_back() {
    kerberos();
    let config = builder().build().unwrap();
    for no_context in [true, false] {
        answer([Answer {
            status: 0x8009_030C,
            no_context,
            ..Answer::default()
        }]);
        let failure = fails(Acceptor::new(&config).step(b"bad"));
        assert_eq!(failure.error().status(), WindowsStatus::SEC_E_LOGON_DENIED);
        // The package left the size of the room as it was: that is no token.
        assert_eq!(failure.token(), None);
    }
    let go_on = Answer {
        status: CONTINUE,
        token: Some(b"go on".to_vec()),
        ..Answer::default()
    };
    answer([
        go_on.clone(),
        Answer {
            status: 0x8009_0308,
            ..Answer::default()
        },
        go_on,
    ]);
    let mut acceptor = Acceptor::new(&config);
    assert!(acceptor.step(&OFFER).is_ok());
    let failure = fails(acceptor.step(b"worse"));
    assert_eq!(failure.token(), Some(&REJECT[..]));
    let mut given_up = Acceptor::new(&config);
    assert!(given_up.step(b"begin").is_ok());
    drop((acceptor, given_up, config));
    settled();
}

/// ASC_REQ_EXTENDED_ERROR: an error token may come with a failure, and only
/// then is it sent.
#[test]
fn error_tokens_are_sent_where_asked_for() {
    for (asked, due) in [(true, Some(&[0x60, 1][..])), (false, None)] {
        let config = if asked {
            builder().request(Requirements::EXTENDED_ERROR)
        } else {
            builder()
        };
        let config = config.build().unwrap();
        answer([Answer {
            status: 0x8009_0324,
            token: Some(vec![0x60, 1]),
            ..Answer::default()
        }]);
        let failure = fails(Acceptor::new(&config).step(b"late"));
        assert_eq!(failure.token(), due);
        let skew = failure.error().rejection();
        assert!(
            matches!(skew, Some(Rejection::ClockSkew { .. })),
            "{skew:?}"
        );
    }
    settled();
}

/// Every flag of ours that sspi.h has goes to the package as it is, and what
/// comes back is read, whatever was asked.
#[test]
fn flags_go_through_and_come_back() {
    kerberos();
    let left_out = Requirements::DATAGRAM
        | Requirements::ALLOCATE_MEMORY
        | Requirements::PROXY_BINDINGS
        | Requirements::PROMPT_FOR_CREDS
        | Requirements::USE_SUPPLIED_CREDS
        | Requirements::DELEGATE;
    let all = Requirements::all() - left_out;
    let granted = Granted::all() - Granted::DELEGATE - Granted::NULL_SESSION;
    let matched = |granted| Answer {
        bindings: 0x10,
        ..done(granted)
    };
    // DELEGATE is the system's word for a token that may delegate: no credentials come with it.
    let all_of_it = granted | Granted::DELEGATE;
    answer([matched(all_of_it), matched(Granted::INTEGRITY)]);
    let bindings = ChannelBindings::tls_unique(&[1; 12]).unwrap();
    let config = builder().request(all).build().unwrap();
    let input = StepInput::new(b"token").channel_bindings(&bindings);
    match Acceptor::new(&config).step_with(input) {
        Ok(Step::Established { context, .. }) => assert_eq!(context.granted(), granted),
        other => panic!("{other:?}"),
    }
    script(|script| assert_eq!(script.seen[0].requirements, all.asc_req()));
    // Asked for again, and not granted: it is not there.
    let input = StepInput::new(b"token").channel_bindings(&bindings);
    match Acceptor::new(&config).step_with(input) {
        Ok(Step::Established { context, .. }) => assert_eq!(context.granted(), Granted::INTEGRITY),
        other => panic!("{other:?}"),
    }
    drop(config);
    // Required and not granted: refused.
    answer([done(Granted::INTEGRITY)]);
    let config = builder()
        .require(Requirements::MUTUAL_AUTH)
        .build()
        .unwrap();
    let failure = fails(Acceptor::new(&config).step(b"token"));
    assert!(matches!(
        failure.error().rejection(),
        Some(Rejection::Requirement { missing, .. }) if *missing == Requirements::MUTUAL_AUTH
    ));
    drop(config);
    settled();
}

/// ASC_REQ_ALLOCATE_MEMORY: the package allocates, FreeContextBuffer frees.
#[test]
fn what_the_package_allocates_is_freed() {
    kerberos();
    let config = builder()
        .require(Requirements::ALLOCATE_MEMORY)
        .build()
        .unwrap();
    let failed = Answer {
        status: 0x8009_0308,
        token: Some(vec![0x60, 0]),
        ..Answer::default()
    };
    answer([
        done(Granted::INTEGRITY),
        failed,
        Answer {
            token: None,
            ..done(Granted::INTEGRITY)
        },
    ]);
    match Acceptor::new(&config).step(b"token") {
        Ok(Step::Established { token, .. }) => assert_eq!(token.unwrap(), b"ap-rep"),
        other => panic!("{other:?}"),
    }
    fails(Acceptor::new(&config).step(b"bad"));
    assert!(matches!(
        Acceptor::new(&config).step(b"silent"),
        Ok(Step::Established { token: None, .. })
    ));
    script(|script| assert!(script.seen.iter().all(|leg| leg.room == 0)));
    drop(config);
    settled();
}

/// SEC_CHANNEL_BINDINGS: eight fields of 32 bits, then the application data;
/// a buffer of its own on every leg. ASC_REQ_ALLOW_MISSING_BINDINGS and
/// ASC_REQ_PROXY_BINDINGS as "Supporting Extended Protection" has them.
#[test]
fn bindings_go_along_on_every_leg() {
    kerberos();
    let own = ChannelBindings::tls_server_end_point_hash(&[7; 32]).unwrap();
    let mut layout = vec![0; 24];
    layout.extend(53_u32.to_le_bytes());
    layout.extend(32_u32.to_le_bytes());
    layout.extend(b"tls-server-end-point:");
    layout.extend([7; 32]);
    for (policy, flags, given) in [
        (ChannelBindingPolicy::WhenGiven, 0x1000_0000, true),
        (ChannelBindingPolicy::WhenSent, 0x1000_0000, true),
        (ChannelBindingPolicy::Require, 0, true),
        (ChannelBindingPolicy::AnyPresent, 0x0400_0000, true),
        (ChannelBindingPolicy::Ignore, 0, false),
    ] {
        let matched = Answer {
            bindings: 0x10,
            ..done(Granted::INTEGRITY)
        };
        let first = Answer {
            status: CONTINUE,
            token: Some(b"more".to_vec()),
            ..Answer::default()
        };
        answer([first, matched]);
        let config = builder().channel_bindings(policy).build().unwrap();
        let mut acceptor = Acceptor::new(&config);
        for _ in 0..2 {
            let input = StepInput::new(b"token").channel_bindings(&own);
            assert!(acceptor.step_with(input).is_ok());
        }
        script(|script| {
            for leg in script.seen.drain(..) {
                assert_eq!(leg.bindings.as_ref(), given.then_some(&layout));
                assert_eq!(leg.asks_for_result, given);
                assert_eq!(leg.requirements & 0x1400_0000, flags, "{policy:?}");
            }
        });
    }
    settled();
}

/// "How do you interpret EPA audit results?": each result, and what the
/// policies make of it.
#[test]
fn results_of_bindings_are_told_apart() {
    use ChannelBindingPolicy::{AnyPresent, Require, WhenGiven, WhenSent};
    kerberos();
    let own = ChannelBindings::tls_unique(&[1; 12]).unwrap();
    let outcome = |policy, result| {
        answer([Answer {
            bindings: result,
            ..done(Granted::INTEGRITY)
        }]);
        let config = builder().channel_bindings(policy).build().unwrap();
        let input = StepInput::new(b"token").channel_bindings(&own);
        match Acceptor::new(&config).step_with(input) {
            Ok(Step::Established { context, .. }) => Ok(context.bound()),
            Ok(Step::Continue { .. }) => panic!("it goes on"),
            Err(failure) => Err(failure.error().rejection().cloned().unwrap()),
        }
    };
    let missing = |promised| Err(Rejection::BindingMissing { promised });
    for (policy, result, due) in [
        (Require, 0x10 | 1, Ok(BindingStatus::Bound)),
        (WhenSent, 0x10, Ok(BindingStatus::Bound)),
        // VALID_MISSING: ALLOW_MISSING_BINDINGS let it pass.
        (WhenSent, 0x40 | 2, Ok(BindingStatus::NotBound)),
        (Require, 0x40 | 2, missing(false)),
        // CLIENT_SUPPORT and ABSENT: it says that it binds, and did not.
        (WhenSent, 1 | 2 | 8, missing(true)),
        (
            WhenGiven,
            4 | 1,
            Err(Rejection::BindingMismatch {
                null_address_type: false,
            }),
        ),
        (AnyPresent, 0x20, Ok(BindingStatus::NotBound)),
        (Require, 0x20, Err(Rejection::BindingUndisclosed)),
        // No bit at all: the system does not tell.
        (WhenGiven, 0, Ok(BindingStatus::Unknown)),
        (WhenSent, 0, Err(Rejection::BindingUndisclosed)),
        (Require, 0, Err(Rejection::BindingUndisclosed)),
    ] {
        assert_eq!(outcome(policy, result), due, "{policy:?} {result:#x}");
    }
    settled();
}

/// Before Windows 11 24H2 nothing tells what became of bindings.
#[test]
fn older_systems_refuse_policies_that_need_to_know() {
    for kind in [Kind::Windows { build: 22_631 }, Kind::Wine] {
        script(|script| script.kind = kind);
        for policy in [
            ChannelBindingPolicy::WhenSent,
            ChannelBindingPolicy::Require,
            ChannelBindingPolicy::AnyPresent,
        ] {
            let built = builder().channel_bindings(policy).build();
            let error = built.expect_err("refused");
            assert!(
                matches!(error.misuse(), Some(Misuse::CannotBind { .. })),
                "{error}"
            );
        }
        kerberos();
        answer([done(Granted::INTEGRITY)]);
        let own = ChannelBindings::tls_unique(&[1; 12]).unwrap();
        let config = builder().build().unwrap();
        let input = StepInput::new(b"token").channel_bindings(&own);
        match Acceptor::new(&config).step_with(input) {
            Ok(Step::Established { context, .. }) => {
                assert_eq!(context.bound(), BindingStatus::Unknown);
            }
            other => panic!("{other:?}"),
        }
        script(|script| assert!(!script.seen.pop().unwrap().asks_for_result));
    }
    settled();
}

/// AcceptSecurityContext: `ptsExpiry` is local time. 2025-06-15 15:06:40 UTC
/// in 100 ns since 1601 by `date`: (1750000000 + 11644473600) * 10^7.
#[test]
fn expiry_is_local_time_made_universal() {
    kerberos();
    let utc = (1_750_000_000 + 11_644_473_600) * 10_000_000_i64;
    for (bias, offset) in [(0, 0), (9 * 3600, 9 * 3600), (-8 * 3600, -8 * 3600)] {
        script(|script| script.bias = bias);
        answer([Answer {
            expiry: utc + offset * 10_000_000 + 12_345_678,
            ..done(Granted::INTEGRITY)
        }]);
        let config = builder().expired_contexts(ExpiredContexts::GoOn);
        let context = established(&config.build().unwrap());
        let due = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
        let due = due + Duration::from_nanos(1_234_567_800);
        assert_eq!(context.expiry(), Expiry::At(due));
        assert_eq!(
            context.expiry_precision(),
            crate::ExpiryPrecision::UpperBound
        );
    }
    // "Never", also after somebody has subtracted a bias from it.
    for never in [NEVER, NEVER - 14 * 3600 * 10_000_000] {
        answer([Answer {
            expiry: never,
            ..done(Granted::INTEGRITY)
        }]);
        assert_eq!(
            established(&builder().build().unwrap()).expiry(),
            Expiry::Never
        );
    }
    // What is no time lets nobody in.
    answer([Answer {
        expiry: -1,
        ..done(Granted::INTEGRITY)
    }]);
    let config = builder().build().unwrap();
    let failure = fails(Acceptor::new(&config).step(b"token"));
    assert!(failure.error().unavailability().is_some());
    drop(config);
    settled();
}

/// SecPkgContext_Lifespan; StreamSizes; Bindings: the pages' fields.
#[test]
fn attributes_are_read_and_released() {
    let mut unique = vec![0; 24];
    unique.extend(13_u32.to_le_bytes());
    unique.extend(32_u32.to_le_bytes());
    unique.extend(b"tls-unique:ab");
    let utc = (1_750_000_000 + 11_644_473_600) * 10_000_000_i64;
    script(|script| {
        script.attributes.extend([
            (SECPKG_ATTR_LIFESPAN, Attribute::Times(utc, NEVER)),
            (SECPKG_ATTR_STREAM_SIZES, Attribute::Bytes(Vec::new())),
            (SECPKG_ATTR_SESSION_KEY, Attribute::Bytes(vec![0xAB; 32])),
            (SECPKG_ATTR_UNIQUE_BINDINGS, Attribute::Bytes(unique)),
            (
                SECPKG_ATTR_CLIENT_SPECIFIED_TARGET,
                Attribute::Text("HTTP/web.example.test"),
            ),
        ]);
    });
    let context = context();
    let own = native(&context);
    assert_eq!(own.account_name().unwrap(), r"EXAMPLE\alice");
    let names = own.native_names().unwrap();
    assert_eq!(
        (&*names.0, &*names.1),
        ("alice@EXAMPLE.TEST", "HTTP/web@EXAMPLE.TEST")
    );
    assert_eq!(own.package_name().unwrap(), "Kerberos");
    let start = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
    assert_eq!(own.lifespan().unwrap(), (Expiry::At(start), Expiry::Never));
    let stream = own.stream_sizes().unwrap();
    assert_eq!((stream.header, stream.trailer, stream.buffers), (60, 0, 4));
    assert_eq!(own.unique_bindings().unwrap(), b"tls-unique:ab");
    assert_eq!(context.session_key().unwrap().key.expose(), [0xAB; 32]);
    let target = context.client_target().expect("the client's");
    assert_eq!(target.name, "HTTP/web.example.test");
    let sizes = context.sizes();
    assert_eq!(
        (sizes.max_signature, sizes.security_trailer, sizes.block),
        (28, 61, 1)
    );
    drop(context);
    settled();
}

/// A system that answers SEC_E_UNSUPPORTED_FUNCTION says so, and goes on.
#[test]
fn what_the_system_does_not_have_is_said() {
    script(|script| {
        let kerberos = Attribute::Package("Kerberos");
        script.attributes.insert(SECPKG_ATTR_PACKAGE_INFO, kerberos);
        script.impersonate_status = UNSUPPORTED;
        script.export_status = UNSUPPORTED;
    });
    answer([done(Granted::INTEGRITY)]);
    let context = established(&builder().build().unwrap());
    assert_eq!(context.peer(), &Name::Undisclosed);
    assert_eq!(context.target(), None);
    let own = native(&context);
    for error in [
        own.account_name().map(drop),
        own.native_names().map(drop),
        own.lifespan().map(drop),
        own.stream_sizes().map(drop),
        own.unique_bindings().map(drop),
        own.access_token().map(drop),
        own.impersonate(|| panic!("it must not run")),
        context.session_key().map(drop),
        context.prf(crate::PrfKey::Full, b"", 1).map(drop),
    ] {
        let error = error.unwrap_err();
        assert!(
            matches!(error.misuse(), Some(Misuse::Unsupported { .. })),
            "{error}"
        );
        assert_eq!(error.status(), WindowsStatus::SEC_E_UNSUPPORTED_FUNCTION);
    }
    assert!(context.authorization().is_err());
    drop(context);
    settled();
}

/// A mechanism that the system does not tell, or that is not enabled, lets
/// nobody in.
#[test]
fn the_negotiated_mechanism_must_be_enabled() {
    let config = builder().build().unwrap();
    for (package, reason) in [
        (Some("NTLM"), true),
        (Some("Negoextender"), true),
        (None, false),
    ] {
        script(|script| {
            script.attributes.clear();
            if let Some(package) = package {
                let package = Attribute::Package(package);
                script
                    .attributes
                    .insert(SECPKG_ATTR_NEGOTIATION_INFO, package);
            }
        });
        answer([done(Granted::INTEGRITY)]);
        let failure = fails(Acceptor::new(&config).step(&OFFER));
        assert_eq!(failure.token(), Some(&REJECT[..]));
        let found = failure.error().rejection();
        let found = matches!(found, Some(Rejection::NoCommonMechanism { .. }));
        assert_eq!(found, reason, "{}", failure.error());
    }
    // Raw NTLM does not even reach the system.
    let failure = fails(Acceptor::new(&config).step(b"NTLMSSP\0\x01"));
    assert!(matches!(
        failure.error().rejection(),
        Some(Rejection::NoCommonMechanism { .. })
    ));
    drop(config);
    settled();
}

/// Names: what could be read in two ways is left as Windows writes it.
#[test]
fn names_are_read_where_they_are_unambiguous() {
    let named = |name: &str| Name::Native(name.to_owned());
    let principal = |name: &str| Name::Kerberos(name.parse().unwrap());
    for (client, account, due) in [
        (
            "alice@EXAMPLE.TEST",
            r"EXAMPLE\alice",
            principal("alice@EXAMPLE.TEST"),
        ),
        (
            "host/web@EXAMPLE.TEST",
            r"EXAMPLE\WEB$",
            principal("host/web@EXAMPLE.TEST"),
        ),
        (
            "alice@corp@EXAMPLE.TEST",
            r"EXAMPLE\alice",
            named(r"EXAMPLE\alice"),
        ),
        (r"a\b@EXAMPLE.TEST", r"EXAMPLE\a", named(r"EXAMPLE\a")),
        ("a/b/c@EXAMPLE.TEST", r"EXAMPLE\a", named(r"EXAMPLE\a")),
        ("alice", r"EXAMPLE\alice", named(r"EXAMPLE\alice")),
        (
            "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS",
            "",
            Name::Anonymous,
        ),
    ] {
        kerberos();
        script(|script| {
            let native = Attribute::Texts(client, "HTTP/web@EXAMPLE.TEST");
            script.attributes.insert(SECPKG_ATTR_NATIVE_NAMES, native);
            script
                .attributes
                .insert(SECPKG_ATTR_NAMES, Attribute::Text(account));
        });
        answer([done(Granted::INTEGRITY)]);
        let config = builder().request(Requirements::ALLOW_NULL_SESSION);
        let context = established(&config.build().unwrap());
        assert_eq!(context.peer(), &due);
    }
    settled();
}

/// NTLM has the account alone; a null session is one by the system's token
/// (S-1-5-7, "Well-known SIDs"), and is let in only where permitted.
#[test]
fn ntlm_names_and_null_sessions() {
    let ntlm = || {
        let backend = backend().package(WindowsPackage::Ntlm);
        AcceptorConfig::builder(backend).mechanisms(&[Mechanism::Ntlm])
    };
    script(|script| {
        script.attributes.extend([
            (SECPKG_ATTR_NEGOTIATION_INFO, Attribute::Package("NTLM")),
            (SECPKG_ATTR_NAMES, Attribute::Text(r"EXAMPLE\alice")),
        ]);
    });
    answer([done(Granted::INTEGRITY)]);
    let (user, domain) = ("alice".into(), "EXAMPLE".into());
    let context = established_by(&ntlm().build().unwrap(), NTLMSSP);
    assert_eq!(context.peer(), &Name::Ntlm { user, domain });
    assert_eq!(context.mechanism(), Mechanism::Ntlm);
    drop(context);
    script(|script| {
        assert_eq!(script.acquired[0].package, "NTLM");
        script.token_status = 0;
        script.user = Some(Sid::ANONYMOUS.to_bytes());
        let name = Attribute::Text(r"NT AUTHORITY\ANONYMOUS LOGON");
        script.attributes.insert(SECPKG_ATTR_NAMES, name);
    });
    answer([done(Granted::empty()), done(Granted::empty())]);
    let config = ntlm().build().unwrap();
    let failure = fails(Acceptor::new(&config).step(NTLMSSP));
    assert_eq!(failure.error().rejection(), Some(&Rejection::Anonymous));
    drop(config);
    let config = ntlm()
        .request(Requirements::ALLOW_NULL_SESSION)
        .build()
        .unwrap();
    let context = established_by(&config, NTLMSSP);
    assert_eq!(context.peer(), &Name::Anonymous);
    assert!(context.granted().contains(Granted::NULL_SESSION));
    drop((context, config));
    settled();
}

/// SEC_WINNT_AUTH_IDENTITY: user, domain, password, in UTF-16 with lengths.
#[test]
fn accounts_reach_the_system_as_they_are() {
    let principal = Principal::new("EXAMPLE.TEST", &["svc-wëb"], Principal::NT_PRINCIPAL);
    let password = ServicePassword::new(principal, "pässword");
    let credentials = Credentials::Password(password);
    let both = AcceptorConfig::builder(backend_on(&table(), credentials.clone()))
        .mechanisms(&Mechanism::ALL)
        .build()
        .unwrap();
    let due = Acquired {
        package: "Negotiate".into(),
        user: Some("svc-wëb".into()),
        domain: Some("EXAMPLE.TEST".into()),
        password: Some("pässword".into()),
        packages: None,
    };
    script(|script| assert_eq!(script.acquired.first(), Some(&due)));
    // With a step, and NTLM excluded: the extended form.
    kerberos();
    answer([done(Granted::INTEGRITY)]);
    let config = builder()
        .require(Requirements::USE_SUPPLIED_CREDS)
        .build()
        .unwrap();
    let handle = config.acquire(&credentials).unwrap();
    let input = StepInput::new(b"token").credentials(&handle);
    assert!(Acceptor::new(&config).step_with(input).is_ok());
    script(|script| {
        let list = Some("!ntlm".into());
        let due = Acquired {
            packages: list,
            ..due
        };
        assert_eq!(script.acquired.last(), Some(&due));
    });
    // Credentials that the system has no use for.
    let keytab = crate::Keytab::from_bytes(b"\x05\x02".to_vec()).unwrap();
    let error = config.acquire(&Credentials::Keytab(keytab)).unwrap_err();
    assert!(
        error.to_string().contains("the system keeps its own"),
        "{error}"
    );
    script(|script| script.acquire_status = 0x8009_030E);
    let error = builder().build().expect_err("no credentials");
    assert_eq!(error.status(), WindowsStatus::SEC_E_NO_CREDENTIALS);
    drop((both, config, handle));
    settled();
}

/// All handshakes share one credential handle.
#[test]
fn credentials_are_acquired_once() {
    kerberos();
    let config = builder().build().unwrap();
    for _ in 0..3 {
        answer([done(Granted::INTEGRITY)]);
        drop(established(&config));
    }
    script(|script| assert_eq!((script.acquired.len(), script.seen.len()), (1, 3)));
    drop(config);
    settled();
}

/// "SSPI/Kerberos Interoperability with GSSAPI": the wrapped message is the
/// token, the data and the padding, one after the other.
#[test]
fn messages_are_token_data_and_padding() {
    let context = context();
    let sealed = context
        .wrap(Protection::Confidentiality, b"message")
        .unwrap();
    let turned: Vec<u8> = b"message".iter().map(|byte| byte ^ 0x5A).collect();
    assert_eq!(sealed, [sys::HEADER, &turned, b"p"].concat());
    let signed = context.wrap(Protection::Integrity, b"message").unwrap();
    assert_eq!(signed, [sys::HEADER, b"message", b"p"].concat());
    script(|script| assert_eq!(script.qualities, [0, SECQOP_WRAP_NO_ENCRYPT]));
    let opened = context.unwrap(&sealed).unwrap();
    assert_eq!(opened.data, b"message");
    assert_eq!(opened.protection, Protection::Confidentiality);
    assert_eq!(opened.sequence, SequenceState::InOrder);
    let mut buffer = sealed.clone();
    let (data, ..) = context.unwrap_stream(&mut buffer).unwrap();
    assert_eq!(data, b"message");
    let mut room = vec![0; 60 + 7 + 1];
    room[60..67].copy_from_slice(b"message");
    let place = context.wrap_in_place(Protection::Confidentiality, &mut room, 60..67);
    assert_eq!(room[place.unwrap()], sealed);
    let mic = context.mic(b"message").unwrap();
    assert_eq!(
        context.verify(b"message", &mic).unwrap(),
        SequenceState::InOrder
    );
    let error = context.verify(b"another", &mic).unwrap_err();
    assert!(matches!(
        error.rejection(),
        Some(Rejection::MessageAltered { .. })
    ));
    drop(context);
    settled();
}

/// EncryptMessage, MakeSignature: SEC_E_BUFFER_TOO_SMALL.
#[test]
fn buffers_grow_where_a_package_needs_more() {
    let context = context();
    script(|script| script.needs = 200);
    assert!(
        context
            .wrap(Protection::Confidentiality, b"message")
            .is_ok()
    );
    assert!(context.mic(b"message").is_ok());
    // Not for ever.
    script(|script| script.needs = 100_000);
    let error = context
        .wrap(Protection::Confidentiality, b"message")
        .unwrap_err();
    assert_eq!(error.status(), WindowsStatus::SEC_E_BUFFER_TOO_SMALL);
    drop(context);
    settled();
}

/// DecryptMessage: SEC_E_OUT_OF_SEQUENCE, SEC_E_MESSAGE_ALTERED; and data that
/// is not where it could be is never read.
#[test]
fn messages_that_are_refused() {
    let context = context();
    for (status, problem) in [(0x8009_0310, "out of sequence"), (0x8009_030F, "signature")] {
        script(|script| script.message_status = status);
        let error = context.unwrap(b"token").unwrap_err();
        assert_eq!(error.status(), WindowsStatus(status));
        assert!(error.to_string().contains(problem), "{error}");
        let error = context.verify(b"data", b"mic").unwrap_err();
        assert_eq!(error.status(), WindowsStatus(status));
        let mut data = *b"secret";
        let mut header = [0; 60];
        let mut parts = [
            MessagePart::Header(&mut header),
            MessagePart::Data(&mut data),
        ];
        assert!(context.unwrap_parts(&mut parts).is_err());
        assert_eq!(data, [0; 6]);
    }
    script(|script| {
        script.message_status = 0;
        script.data_elsewhere = true;
    });
    let token = [sys::HEADER, b"data", b"p"].concat();
    let error = context.unwrap(&token).unwrap_err();
    assert_eq!(error.status(), WindowsStatus::SEC_E_INTERNAL_ERROR);
    drop(context);
    settled();
}

/// EncryptMessage (Kerberos): SECBUFFER_TOKEN 2, SECBUFFER_DATA 1,
/// SECBUFFER_READONLY_WITH_CHECKSUM 0x10000000 on data, SECBUFFER_PADDING 9.
#[test]
fn parts_stay_where_they_are() {
    let context = context();
    let (mut header, mut data) = ([0; 60], *b"stub");
    let mut parts = [
        MessagePart::SignOnly(b"pdu header"),
        MessagePart::Data(&mut data),
        MessagePart::SignOnly(b"trailer"),
        MessagePart::Header(&mut header),
    ];
    let used = context
        .wrap_parts(Protection::Confidentiality, &mut parts)
        .unwrap();
    assert_eq!(used.header, sys::HEADER.len());
    script(|script| {
        assert_eq!(
            script.buffer_kinds.pop().unwrap(),
            [0x1000_0001, 1, 0x1000_0001, 2]
        );
    });
    let sealed: Vec<u8> = b"stub".iter().map(|byte| byte ^ 0x5A).collect();
    assert_eq!(data, sealed[..]);
    let mut small = [0; 10];
    let mut parts = [
        MessagePart::Header(&mut small),
        MessagePart::Data(&mut data),
    ];
    let error = context
        .wrap_parts(Protection::Confidentiality, &mut parts)
        .unwrap_err();
    assert!(matches!(
        error.misuse(),
        Some(Misuse::BufferTooSmall {
            needed: 60,
            has: 10
        })
    ));
    drop(context);
    settled();
}

/// MS-NLMP 3.4.4: the signature of 16 octets goes first.
#[test]
fn ntlm_messages_begin_with_their_signature() {
    script(|script| {
        script.attributes.extend([
            (SECPKG_ATTR_NEGOTIATION_INFO, Attribute::Package("NTLM")),
            (SECPKG_ATTR_NAMES, Attribute::Text(r"EXAMPLE\alice")),
            (SECPKG_ATTR_SIZES, Attribute::Bytes(vec![16, 16, 1])),
        ]);
    });
    let config = AcceptorConfig::builder(backend()).mechanisms(&[Mechanism::Ntlm]);
    let config = config.build().unwrap();
    answer([done(Granted::INTEGRITY | Granted::CONFIDENTIALITY)]);
    let context = established_by(&config, NTLMSSP);
    let turned: Vec<u8> = b"data".iter().map(|byte| byte ^ 0x5A).collect();
    let opened = context.unwrap(&[&[1; 16][..], &turned].concat()).unwrap();
    assert_eq!(opened.data, b"data");
    script(|script| assert_eq!(script.buffer_kinds.pop().unwrap(), [2, 1]));
    assert!(context.unwrap(&[1; 15]).is_err());
    drop(context);
    // Without confidentiality: MakeSignature, then the data as it is.
    answer([done(Granted::INTEGRITY)]);
    let context = established_by(&config, NTLMSSP);
    let signed = context.wrap(Protection::Integrity, b"data").unwrap();
    assert_eq!(signed, b"mic of datadata");
    let refused = context.wrap(Protection::Confidentiality, b"data");
    assert!(matches!(
        refused.unwrap_err().misuse(),
        Some(Misuse::NotGranted { .. })
    ));
    drop((context, config));
    settled();
}

/// ImpersonateSecurityContext, RevertSecurityContext: paired, also on panics.
#[test]
fn impersonation_ends_with_its_guard() {
    let context = context();
    let own = native(&context);
    let depth = || script(|script| script.impersonating);
    assert_eq!(own.impersonate(depth).unwrap(), 1);
    assert_eq!(depth(), 0);
    let guard = own.start_impersonation().unwrap();
    assert_eq!(depth(), 1);
    drop(guard);
    assert_eq!(depth(), 0);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        own.impersonate(|| panic!("in the client's name"))
    }));
    assert!(panicked.is_err());
    assert_eq!(depth(), 0);
    // SEC_E_NO_IMPERSONATION: nothing is run.
    script(|script| script.impersonate_status = 0x8009_030B);
    let error = own.impersonate(|| panic!("it must not run")).unwrap_err();
    assert_eq!(error.status(), WindowsStatus(0x8009_030B));
    assert_eq!(depth(), 0);
    drop(context);
    settled();
}

/// RevertToSelf: a process that cannot revert "should shut down".
#[test]
fn a_thread_that_stays_the_client_ends_the_process() {
    let context = context();
    script(|script| script.revert_status = 0x8009_0301);
    let own = native(&context);
    let ended = catch_unwind(AssertUnwindSafe(|| own.impersonate(|| ())));
    let words = ended.unwrap_err();
    assert_eq!(words.downcast_ref(), Some(&"the process is ended"));
    drop(context);
    settled();
}

/// The guard is the thread's own: it is not `Send`, or both of these would
/// apply and the call would not compile.
#[test]
fn the_guard_cannot_leave_its_thread() {
    trait Ambiguous<A> {
        fn is_not_send() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: ?Sized + Send> Ambiguous<u8> for T {}
    <Impersonation<'static> as Ambiguous<_>>::is_not_send();
}

/// QuerySecurityContextToken: the caller closes the handle; TokenUser and
/// TokenGroups of it, with SE_GROUP_ENABLED 4 and SE_GROUP_USE_FOR_DENY_ONLY
/// 0x10.
#[test]
fn groups_come_from_the_access_token() {
    let sid = |text: &str| text.parse::<Sid>().unwrap();
    let (alice, staff, denied) = (
        sid("S-1-5-21-1-2-3-1104"),
        sid("S-1-5-21-1-2-3-513"),
        sid("S-1-5-32-544"),
    );
    script(|script| {
        script.token_status = 0;
        script.user = Some(alice.to_bytes());
        script.groups = Some(vec![(staff.to_bytes(), 7), (denied.to_bytes(), 0x10)]);
    });
    let context = context();
    let known = context.authorization().unwrap();
    assert_eq!(known.evidence, Evidence::AccessToken);
    assert_eq!(
        (&*known.account.user, &*known.account.domain),
        ("alice", "EXAMPLE")
    );
    assert_eq!(known.user, Some(alice));
    assert!(known.is_member(&staff) && !known.is_member(&denied));
    assert!(known.is_denied_by(&denied));
    let token = native(&context).access_token().unwrap();
    assert_eq!(token.user(), Some(alice));
    assert!(!token.as_raw_handle().is_null());
    drop(token);
    let required = builder().require_authorization().build().unwrap();
    answer([done(Granted::INTEGRITY)]);
    drop(established(&required));
    // One group that cannot be read, and none are told.
    script(|script| script.groups = Some(vec![(vec![1, 2, 3], 7)]));
    assert_eq!(native(&context).access_token().unwrap().groups(), None);
    answer([done(Granted::INTEGRITY)]);
    let failure = fails(Acceptor::new(&required).step(b"token"));
    let reason = failure.error().rejection();
    assert!(
        matches!(reason, Some(Rejection::Authorization { .. })),
        "{reason:?}"
    );
    drop((context, required));
    settled();
}

/// Through the facade: sealed for another process, and taken up there by the backend's importer.
#[test]
fn a_context_moves_to_another_process() {
    use crate::{ContextImporter, SealingKey};
    kerberos();
    let config = builder().build().unwrap();
    answer([done(Granted::CONFIDENTIALITY | Granted::INTEGRITY)]);
    let context = established(&config);
    let (peer, granted) = (context.peer().clone(), context.granted());
    let bytes: Vec<u8> = (0..32).collect();
    let key = || SealingKey::from_bytes(&bytes).unwrap();
    let not_after = SystemTime::now() + Duration::from_secs(60);
    let data = context.export().unwrap();
    assert_eq!(data.backend(), "windows");
    let sealed = data.seal(&key(), "other", not_after).unwrap();
    let importer = ContextImporter::new(key(), "other").with(backend().importer(48_000).unwrap());
    let context = importer.import(&sealed).unwrap();
    script(|script| assert_eq!(script.imported, [("Kerberos".into(), b"packed".to_vec())]));
    assert_eq!((context.peer(), context.granted()), (&peer, granted));
    let token = context.wrap(Protection::Confidentiality, b"data").unwrap();
    assert_eq!(context.unwrap(&token).unwrap().data, b"data");
    // Once: a second context with the same sequence numbers is refused.
    assert!(importer.import(&sealed).is_err());
    drop((context, config));
    settled();
}

/// RFC 4178 4.2.2: the first answer names the mechanism. One that is not enabled is refused
/// there and then, and so is a context of another mechanism than the answer named.
#[test]
fn the_answers_mechanism_must_be_enabled() {
    const KRB5: &[u8] = b"\x06\x09\x2A\x86\x48\x86\xF7\x12\x01\x02\x02";
    const NTLM: &[u8] = b"\x06\x0A\x2B\x06\x01\x04\x01\x82\x37\x02\x02\x0A";
    const MS_KRB5: &[u8] = b"\x06\x09\x2A\x86\x48\x82\xF7\x12\x01\x02\x02";
    const USER_TO_USER: &[u8] = b"\x06\x0A\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x03";
    const OTHER: &[u8] = b"\x06\x03\x2A\x03\x04";
    // accept-incomplete, supportedMech, and a long response token.
    let resp = |oid: &[u8]| {
        let length = u8::try_from(oid.len()).unwrap();
        let mut fields = b"\xA0\x03\x0A\x01\x01\xA1".to_vec();
        fields.push(length);
        fields.extend(oid);
        fields.extend(b"\xA2\x81\x83\x04\x81\x80");
        fields.extend([0x5A; 128]);
        let count = u8::try_from(fields.len()).unwrap();
        [&[0xA1, 0x81, count + 3, 0x30, 0x81, count][..], &fields].concat()
    };
    let go_on = |oid| Answer {
        status: CONTINUE,
        token: Some(resp(oid)),
        ..Answer::default()
    };
    let mechanisms = |all: &[Mechanism]| builder().mechanisms(all).build().unwrap();
    for (enabled, oid, due) in [
        (&[Mechanism::Kerberos][..], KRB5, true),
        (&[Mechanism::Kerberos], MS_KRB5, true),
        (&[Mechanism::Kerberos], USER_TO_USER, true),
        (&[Mechanism::Kerberos], NTLM, false),
        (&[Mechanism::Ntlm], KRB5, false),
        (&[Mechanism::Kerberos, Mechanism::Ntlm], NTLM, true),
        (&[Mechanism::Kerberos, Mechanism::Ntlm], OTHER, false),
    ] {
        let config = mechanisms(enabled);
        answer([go_on(oid)]);
        let step = Acceptor::new(&config).step(&OFFER);
        assert_eq!(step.is_ok(), due, "{enabled:?} {oid:02x?}: {step:?}");
        if let Err(failure) = step {
            assert_eq!(failure.token(), Some(&REJECT[..]));
            let reason = failure.error().rejection();
            assert!(matches!(reason, Some(Rejection::NoCommonMechanism { .. })));
        }
    }
    // NTLM was answered, and the context says Kerberos.
    kerberos();
    let config = mechanisms(&[Mechanism::Kerberos, Mechanism::Ntlm]);
    answer([go_on(NTLM), done(Granted::INTEGRITY)]);
    let mut acceptor = Acceptor::new(&config);
    assert!(matches!(acceptor.step(&OFFER), Ok(Step::Continue { .. })));
    let failure = fails(acceptor.step(b"further"));
    assert!(matches!(
        failure.error().rejection(),
        Some(Rejection::NoCommonMechanism { .. })
    ));
    drop((acceptor, config));
    settled();
}

/// ExportSecurityContext with SECPKG_CONTEXT_EXPORT_DELETE_OLD: the buffer is
/// freed, the token closed, the context no longer deleted by us.
#[test]
fn contexts_are_exported_and_imported() {
    use crate::backends::SecurityContext;
    kerberos();
    let accepted = |kind: Granted| -> Box<dyn SecurityContext> {
        let sspi = sspi(&table());
        answer([done(kind)]);
        let nobody = super::credentials::sys::Identity::default();
        let cred = super::credentials::sys::Cred::acquire(&sspi, "Kerberos", &nobody);
        let mut ctx = super::sys::Ctx::new(&sspi);
        let leg = super::sys::Leg {
            token: b"token",
            bindings: None,
            requirements: 0,
            representation: 0,
            output: super::sys::Output::Own(100),
        };
        let Ok(cred) = cred else {
            panic!("credentials")
        };
        assert_eq!(ctx.accept(&cred, &leg).status.0, 0);
        let mut facts = crate::Facts::new(Mechanism::Kerberos, Name::Undisclosed, Expiry::Never);
        facts.granted = kind;
        Box::new(WindowsContext::new(ctx, &facts, 48_000))
    };
    let state = accepted(Granted::CONFIDENTIALITY).export().unwrap();
    let importer = backend().importer(48_000).unwrap();
    assert_eq!(importer.backend(), "windows");
    let taken_up = importer.import(state.expose()).unwrap();
    script(|script| assert_eq!(script.imported, [("Kerberos".into(), b"packed".to_vec())]));
    assert!(taken_up.wrap(Protection::Confidentiality, b"data").is_ok());
    for foreign in [
        &b""[..],
        b"\x01\x00\x01",
        b"\x02\x00\x01\x00packed",
        b"\x01\x02\x01\x00packed",
        b"\x01\x00\x01\x02packed",
    ] {
        assert!(matches!(
            importer.import(foreign),
            Err(Error::Malformed { .. })
        ));
    }
    // A package that cannot: the context is deleted as ever.
    script(|script| script.export_status = UNSUPPORTED);
    let error = accepted(Granted::empty()).export().unwrap_err();
    assert!(matches!(error.misuse(), Some(Misuse::Unsupported { .. })));
    drop(taken_up);
    settled();
}

/// A table that lacks a function (an older system) is not called there.
#[test]
fn a_function_that_is_missing_is_not_called() {
    let mut bare = SecurityFunctionTableW {
        ExportSecurityContext: None,
        ImpersonateSecurityContext: None,
        QuerySecurityContextToken: None,
        EncryptMessage: None,
        DecryptMessage: None,
        MakeSignature: None,
        VerifySignature: None,
        ..table()
    };
    kerberos();
    answer([done(Granted::INTEGRITY)]);
    let config = AcceptorConfig::builder(backend_on(&bare, Credentials::SystemDefault));
    let context = established(&config.build().unwrap());
    assert!(context.wrap(Protection::Integrity, b"").is_err());
    assert!(context.unwrap(b"").is_err());
    assert!(context.mic(b"").is_err());
    assert!(context.verify(b"", b"").is_err());
    assert!(native(&context).impersonate(|| ()).is_err());
    assert!(native(&context).access_token().is_err());
    drop(context);
    bare.AcceptSecurityContext = None;
    let config = AcceptorConfig::builder(backend_on(&bare, Credentials::SystemDefault));
    let failure = fails(Acceptor::new(&config.build().unwrap()).step(b"token"));
    assert!(failure.error().unavailability().is_some());
    bare.AcquireCredentialsHandleW = None;
    let config = AcceptorConfig::builder(backend_on(&bare, Credentials::SystemDefault));
    assert!(config.build().is_err());
    settled();
}

struct Stopped;

impl crate::Clock for Stopped {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

/// No function of sspi.h takes the client's address.
#[test]
fn addresses_are_not_passed_over() {
    let config = builder().build().unwrap();
    let input = StepInput::new(b"token").peer_address([127, 0, 0, 1].into());
    let failure = fails(Acceptor::new(&config).step_with(input));
    assert!(matches!(
        failure.error().misuse(),
        Some(Misuse::Unsupported { .. })
    ));
    drop(config);
    settled();
}

/// What the backend says of itself, and refuses.
#[test]
fn build_refuses_what_the_system_decides() {
    let flags = |backend: &WindowsBackend| backend.capabilities().mechanisms[0].flags;
    assert!(!flags(&backend()).intersects(Requirements::PROMPT_FOR_CREDS | Requirements::DELEGATE));
    assert!(flags(&backend()).contains(Requirements::WINDOWS_ONLY));
    for (config, setting) in [
        (builder().clock(std::sync::Arc::new(Stopped)), "clock"),
        (builder().clock_skew(Duration::from_secs(1)), "clock_skew"),
        (
            builder().encryption_types(&[crate::EncryptionType(18)]),
            "encryption_types",
        ),
        (builder().reject_before_start(), "reject_before_start"),
    ] {
        let error = config.build().expect_err("refused");
        assert!(error.to_string().contains(setting), "{error}");
    }
    let config = builder().build().unwrap();
    assert!(config.may_block());
    let text = config.describe().to_string();
    assert!(
        text.contains("secur32, Negotiate (Windows 26100)"),
        "{text}"
    );
    drop(config);
    settled();
}
