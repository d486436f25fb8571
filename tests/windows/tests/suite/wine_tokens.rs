//! Forged tokens that Wine 8 does not treat as is due. Behind it is MIT krb5, whose exceptions
//! are its own too.

use crate::mit_tokens;
use crate::table::{self, Group};
use conformance::Exception;
use conformance::Instead::{self, Accept, Continue, Misuse, Refuse, RefusedAtBuild, Reject};
use kit::cases::{self, Case, Expect, Policy};

const GROUPS: &[Group] = &[
    Group {
        why: "MIT's negotiation takes Kerberos' own identifier alone, and there is no other way in",
        instead: Refuse,
        cases: &["frame_ms_krb5", "frame_old_krb5"],
    },
    Group {
        why: "MIT stops reading at the end of the inner element, and keeps the last of two fields",
        instead: Accept,
        cases: &["octet_after_message", "ap_req_authenticator_twice"],
    },
    Group {
        why: "Wine acquires a credential for all that the keytab has, so any of its keys will do",
        instead: Accept,
        cases: &[
            "name_is_an_alias",
            "realm_is_another",
            "name_joined_into_one_component",
        ],
    },
    Group {
        why: "Wine tells no names, and nobody comes in where the service's must be known",
        instead: Refuse,
        cases: &[
            "only_http_for_http",
            "only_http_client_target_same",
            "only_http_client_target_without_realm",
            "only_http_client_target_other_unverified",
        ],
    },
    Group {
        why: "Wine has no ASC_REQ_ALLOW_NULL_SESSION, and tells no names",
        instead: Accept,
        cases: &[
            "anonymous",
            "anonymous_allowed",
            "anonymous_flag_alone",
            "anonymous_name_alone",
        ],
    },
    Group {
        why: "Wine wants to be told how long a message is; under AES with SHA-2 it is another length",
        instead: Accept,
        cases: &["etype_19", "etype_20", "reply_etype_19", "reply_etype_20"],
    },
    Group {
        why: "MIT reads past USE-SESSION-KEY and looks for the key in its keytab",
        instead: Accept,
        cases: &["use_session_key"],
    },
    Group {
        why: "the system reads offers: what is none is told by a reject in a negotiation too",
        instead: Refuse,
        cases: &[
            "spnego_response_first",
            "spnego_octet_after",
            "spnego_cut",
            "spnego_no_mech_types",
            "spnego_mech_types_cut",
            "spnego_mech_types_are_octets",
            "spnego_frame_alone",
        ],
    },
    Group {
        why: "MIT stops reading at the end of the inner element",
        instead: Accept,
        cases: &["spnego_octet_inside_frame"],
    },
];

/// What MIT does by itself and not behind Wine: the service's name is asked for there, and the
/// end of a ticket is read from what is left of it.
const NOT_HERE: &[&str] = &["only_http_client_target_other", "good_until_2100"];

/// What the case is set up with is refused by `build()`: Windows gives a token to impersonate
/// with and no credentials, and Wine does not tell what became of bindings.
fn setting(case: &Case) -> Option<Exception> {
    let why = match (case.setting.delegate, case.setting.policy) {
        (true, _) => "Windows gives a token to impersonate with, and no credentials",
        (_, Policy::Ignore) => return None,
        _ => "Wine does not tell what became of bindings",
    };
    Some(Exception {
        case: case.name,
        instead: RefusedAtBuild,
        why,
    })
}

/// What MIT's exception comes to where no reason is told: none, if the client is to be refused.
fn instead(of_mit: &Exception, due: Expect) -> Option<Instead> {
    match (of_mit.instead, due) {
        (Reject(_) | Refuse, Expect::Reject(_)) => None,
        (Reject(_) | Refuse, _) => Some(Refuse),
        (Accept | Continue | Misuse | RefusedAtBuild, _) => Some(of_mit.instead),
    }
}

/// All of them.
pub fn exceptions() -> Vec<Exception> {
    let (own, of_mit) = (
        table::exceptions(GROUPS),
        table::exceptions(mit_tokens::GROUPS),
    );
    let one = |case: Case| {
        if let Some(exception) = setting(&case) {
            return Some(exception);
        }
        let named = |all: &[Exception]| all.iter().find(|e| e.case == case.name).copied();
        named(&own).or_else(|| {
            let of_mit = named(&of_mit).filter(|e| !NOT_HERE.contains(&e.case))?;
            let instead = instead(&of_mit, case.expect)?;
            Some(Exception { instead, ..of_mit })
        })
    };
    cases::all().into_iter().filter_map(one).collect()
}

/// An entry for a case that has gone says nothing.
#[test]
fn entries_are_cases() {
    let names: Vec<&str> = cases::all().iter().map(|case| case.name).collect();
    let listed = GROUPS.iter().flat_map(|group| group.cases).chain(NOT_HERE);
    for name in listed {
        assert!(names.contains(name), "{name} is no case");
    }
}
