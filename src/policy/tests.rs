use super::{Authorizing, Policy, check};
use crate::channel_bindings::ChannelBindingPolicy as P;
use crate::error::{AuthorizationProblem, DelegationProblem, Rejection};
use crate::facts::{
    AuthorizationFact, BindingFact as B, ClientTarget, DelegationFact, Facts, TargetSource,
};
use crate::mechanism::Mechanism;
use crate::name::{Name, Principal};
use crate::requirements::{Granted, Requirements};
use crate::time::Expiry;

fn policy() -> Policy {
    Policy {
        required: Requirements::empty(),
        permitted: Requirements::empty(),
        bindings: P::Ignore,
        services: Vec::new(),
        authorization: Authorizing::Optional,
    }
}

fn facts() -> Facts {
    let alice: Principal = "alice@R".parse().unwrap();
    let mut facts = Facts::new(Mechanism::Kerberos, Name::Kerberos(alice), Expiry::Never);
    facts.target = Some("HTTP/web@R".parse().unwrap());
    facts
}

/// Rule 17: every policy against every fact; true is let in.
#[test]
fn channel_bindings_every_policy_against_every_fact() {
    let mismatch = B::Mismatch {
        null_address_type: false,
    };
    let java = B::Mismatch {
        null_address_type: true,
    };
    let table = [
        (P::Ignore, [true; 7]),
        (P::WhenGiven, [true, true, false, false, false, true, true]),
        (P::WhenSent, [true, true, false, false, false, false, false]),
        (P::Require, [true, false, false, false, false, false, false]),
        (P::AnyPresent, [true, false, false, true, true, true, false]),
    ];
    let outcomes = [
        B::Bound,
        B::Absent,
        B::AbsentThoughPromised,
        mismatch,
        java,
        B::PresentNotCompared,
        B::Undisclosed,
    ];
    for (bindings, expected) in table {
        for (fact, let_in) in outcomes.into_iter().zip(expected) {
            let policy = Policy {
                bindings,
                ..policy()
            };
            let mut facts = facts();
            facts.bindings = fact;
            assert_eq!(
                check(&policy, &facts).is_ok(),
                let_in,
                "{bindings:?} {fact:?}"
            );
        }
    }
}

/// Every checked flag: required and absent rejects, naming it; present
/// passes; present but undisclosed rejects.
#[test]
fn every_checked_flag_is_enforced() {
    for flag in Requirements::CHECKED_AT_END.iter() {
        let policy = Policy {
            required: flag,
            ..policy()
        };
        let mut facts = facts();
        match check(&policy, &facts) {
            Err(Rejection::Requirement { missing, .. }) => assert!(missing.contains(flag)),
            other => panic!("{flag:?}: {other:?}"),
        }
        facts.granted = Granted::all();
        check(&policy, &facts).unwrap();
        facts.undisclosed.flags = flag;
        match check(&policy, &facts) {
            Err(Rejection::Requirement { undisclosed, .. }) => assert_eq!(undisclosed, flag),
            other => panic!("{flag:?}: {other:?}"),
        }
    }
}

/// REPLAY_DETECT and SEQUENCE_DETECT imply INTEGRITY.
#[test]
fn detection_without_integrity_is_not_enough() {
    let policy = Policy {
        required: Requirements::REPLAY_DETECT,
        ..policy()
    };
    let mut facts = facts();
    facts.granted = Granted::REPLAY_DETECT;
    assert!(check(&policy, &facts).is_err());
    facts.granted |= Granted::INTEGRITY;
    check(&policy, &facts).unwrap();
}

/// Rule 9: anonymity needs ALLOW_NULL_SESSION, required or requested.
#[test]
fn nobody_comes_in_without_allow_null_session() {
    let anonymous = Principal::new("R", &["WELLKNOWN", "ANONYMOUS"], Principal::NT_WELLKNOWN);
    for peer in [Name::Anonymous, Name::Kerberos(anonymous)] {
        let mut facts = facts();
        facts.peer = peer;
        assert_eq!(check(&policy(), &facts), Err(Rejection::Anonymous));
        let flag = Requirements::ALLOW_NULL_SESSION;
        let none = Requirements::empty();
        for (required, permitted) in [(none, flag), (flag, none), (flag, flag)] {
            let policy = Policy {
                required,
                permitted,
                ..policy()
            };
            check(&policy, &facts).unwrap();
        }
    }
}

/// Rule 5: the credentials' name, then the client's own word.
#[test]
fn services_are_held_to_the_list() {
    let restricted = Policy {
        services: vec!["HTTP/web".parse().unwrap()],
        ..policy()
    };
    let mut facts = facts();
    check(&restricted, &facts).unwrap();
    facts.target = Some("cifs/web@R".parse().unwrap());
    assert!(matches!(
        check(&restricted, &facts),
        Err(Rejection::ServiceNotAccepted { .. })
    ));
    facts.target = None;
    assert!(matches!(
        check(&restricted, &facts),
        Err(Rejection::ClientTarget { .. })
    ));

    // NTLM has no target of its own (rule 35): the client's word alone is held to the list.
    facts.mechanism = Mechanism::Ntlm;
    check(&restricted, &facts).unwrap();
    facts.mechanism = Mechanism::Kerberos;

    facts.target = Some("HTTP/web@R".parse().unwrap());
    for (name, source, let_in) in [
        ("http/WEB", TargetSource::Trusted, true),
        ("HTTP/other", TargetSource::Trusted, false),
        ("HTTP/other", TargetSource::Untrusted, true),
        ("", TargetSource::Trusted, true),
    ] {
        facts.client_target = Some(ClientTarget {
            name: name.into(),
            source,
        });
        assert_eq!(
            check(&restricted, &facts).is_ok(),
            let_in,
            "{name} {source:?}"
        );
        check(&policy(), &facts).unwrap();
    }
}

/// Of credentials alone that are missing the reason is told; what a backend
/// calls unusable is not granted, whatever flag it sets.
#[test]
fn delegation_says_why_not_and_fails_closed() {
    let mut wanting = policy();
    wanting.required = Requirements::DELEGATE;
    let mut facts = facts();
    let missing = |facts: &Facts| check(&wanting, facts).unwrap_err();
    assert!(matches!(missing(&facts), Rejection::Requirement { .. }));
    facts.granted = Granted::DELEGATE;
    assert_eq!(check(&wanting, &facts), Ok(()));
    facts.delegation = DelegationFact::Unusable(Box::new(DelegationProblem::NotSent));
    let problem = DelegationProblem::NotSent;
    assert_eq!(missing(&facts), Rejection::Delegation { problem });
    assert_eq!(check(&policy(), &facts), Ok(()));
    // With more that is missing, all of it is named.
    wanting.required |= Requirements::MUTUAL_AUTH;
    match check(&wanting, &facts).unwrap_err() {
        Rejection::Requirement { missing, .. } => assert_eq!(missing, wanting.required),
        other => panic!("{other}"),
    }
}

/// Rule 26: identity from the PAC is required, so a PAC that fails rejects;
/// else it is dropped. What a backend does not say is not enough.
#[test]
fn rule_26_authorization_is_required_or_not() {
    let mut policy = policy();
    let problem = AuthorizationProblem::Signature {
        signature: "server",
    };
    let unusable = AuthorizationFact::Unusable(Box::new(problem.clone()));
    for (fact, refused) in [
        (AuthorizationFact::Verified, None),
        (unusable, Some(problem)),
        (
            AuthorizationFact::Unknown,
            Some(AuthorizationProblem::Unsupported),
        ),
    ] {
        let mut facts = facts();
        facts.authorization = fact;
        policy.authorization = Authorizing::Optional;
        assert_eq!(check(&policy, &facts), Ok(()));
        policy.authorization = Authorizing::Required;
        let expected = match refused {
            None => Ok(()),
            Some(problem) => Err(Rejection::Authorization { problem }),
        };
        assert_eq!(check(&policy, &facts), expected);
    }
}
