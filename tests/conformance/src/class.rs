//! What kit calls the reason of a rejection, in the crate's own types. One class, one variant:
//! a class that two errors would fit is told apart by the case.

use gss_acceptor::{DelegationProblem, Error, EtypeUse, Mechanism, Rejection};
use kit::cases::Case;

/// Why `error` is not what the class says, if it is not.
pub fn check(case: &Case, class: &str, error: &Error) -> Result<(), String> {
    let fits = match error {
        Error::Rejected { reason, .. } => rejected(case, class, reason),
        Error::Malformed { part, problem, .. } => malformed(class, part, problem),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{class} is due, not {error:?}"))
    }
}

fn malformed(class: &str, part: &str, problem: &str) -> bool {
    let version = ["pvno", "msg-type", "tkt-vno", "authenticator-vno"].contains(&part);
    let kind = problem == "unknown token id";
    match class {
        "BadVersion" => version,
        "MessageType" => kind,
        "BadLayout" => ["GSS checksum", "Lgth", "DlgOpt"].contains(&part),
        "Malformed" => !version && !kind,
        _ => false,
    }
}

fn rejected(case: &Case, class: &str, reason: &Rejection) -> bool {
    use Rejection as R;
    match (class, reason) {
        ("BadMechanism" | "NoMechanism", R::NoCommonMechanism { enabled, .. }) => {
            *enabled == [Mechanism::Kerberos]
        }
        ("NtlmNotEnabled", R::NoCommonMechanism { offered, .. }) => *offered == ["NTLM"],
        ("EtypeNotPermitted", R::EtypeNotPermitted { used_as, .. }) => {
            let due = match case.name.split('_').next() {
                Some("session") => EtypeUse::SessionKey,
                Some("subkey") => EtypeUse::Subkey,
                _ => EtypeUse::Ticket,
            };
            *used_as == due
        }
        ("BadIntegrity", R::Authenticator) => case.name.starts_with("authenticator"),
        ("BadIntegrity", R::KeyMismatch { .. }) => !case.name.starts_with("authenticator"),
        ("TargetName", R::ServiceNotAccepted { .. }) => !case.name.contains("client_target"),
        ("TargetName", R::ClientTarget { .. }) => case.name.contains("client_target"),
        ("ChannelBindingAbsent", R::BindingMissing { promised }) => {
            *promised == case.name.starts_with("cbt")
        }
        ("ChannelBindingMismatch", R::BindingMismatch { null_address_type }) => {
            *null_address_type == case.name.contains("jgss")
        }
        ("BadChecksum", R::Checksum { kind, expected }) => kind == expected,
        ("ChecksumType", R::Checksum { kind, expected }) => kind != expected,
        ("Delegation", R::Delegation { problem }) => delegation(case.name, problem),
        ("TokenTooLarge", R::LimitExceeded { what, .. }) => *what == "bytes a token",
        ("NoTgt", R::NoTgt)
        | ("NoKey", R::NoKey { .. })
        | ("KeyVersion", R::KeyVersion { .. })
        | ("NoEtype", R::KeyEtype { .. })
        | ("NotYetValid", R::TicketNotYetValid { .. })
        | ("Expired", R::TicketExpired { .. })
        | ("TicketInvalid", R::TicketInvalid)
        | ("Address", R::Address { .. })
        | ("AuthorizationData", R::AuthorizationData { .. })
        | ("Anonymous", R::Anonymous)
        | ("Transited", R::Transited { .. })
        | ("NameMismatch", R::ClientMismatch { .. })
        | ("ClockSkew", R::ClockSkew { .. })
        | ("Replay", R::Replay)
        | ("MicMismatch", R::MechListMic { missing: false }) => true,
        _ => false,
    }
}

/// What is wrong with delegated credentials, by the case that says so.
fn delegation(case: &str, problem: &DelegationProblem) -> bool {
    use DelegationProblem as P;
    match case {
        "delegation_absent_but_required" | "delegation_absent_without_checksum" => matches!(
            problem,
            P::Absent {
                forwardable: false,
                ok_as_delegate: false,
                ..
            }
        ),
        "delegated_field_without_flag" => matches!(problem, P::Absent { .. }),
        "delegation_absent_forwardable" => matches!(
            problem,
            P::Absent {
                forwardable: true,
                ok_as_delegate: false,
                ..
            }
        ),
        "delegation_absent_ok_as_delegate" => matches!(
            problem,
            P::Absent {
                forwardable: true,
                ok_as_delegate: true,
                ..
            }
        ),
        "delegation_flag_alone_but_required" => *problem == P::NotSent,
        "delegated_sealed_cut"
        | "delegated_sealed_to_nothing"
        | "delegated_usage_11"
        | "delegated_under_service_key"
        | "delegated_under_strangers_key"
        | "delegated_sealed_as_another_etype"
        | "delegated_plain_as_sealed" => matches!(problem, P::Undecipherable { .. }),
        "delegated_another_client"
        | "delegated_another_realm"
        | "delegated_second_ticket_of_another" => matches!(problem, P::ForeignClient { .. }),
        "delegated_expired" | "delegated_ends_now" => matches!(problem, P::Expired { .. }),
        "delegated_not_yet_valid" | "delegated_invalid" => {
            matches!(problem, P::NotYetValid { .. })
        }
        "delegated_no_ticket_granting_ticket" => *problem == P::NoTicketGrantingTicket,
        "delegated_key_of_31_octets" | "delegated_key_empty" => {
            matches!(problem, P::SessionKey { .. })
        }
        _ => matches!(problem, P::Malformed { .. }),
    }
}

/// What the text of an error must name, for the classes that an operator has to act on.
pub fn names(case: &Case, class: &str) -> &'static [&'static str] {
    match (class, case.name) {
        ("KeyVersion", _) => &["HTTP/localhost@EXAMPLE.TEST", "kvno 260", "259", "258"],
        ("NoEtype", _) => &[
            "host/localhost@EXAMPLE.TEST",
            "aes128-cts-hmac-sha1-96",
            "aes256-cts-hmac-sha1-96",
        ],
        ("NoKey", "name_is_an_alias") => &[
            "HTTP/alias.localhost@EXAMPLE.TEST",
            "HTTP/localhost@EXAMPLE.TEST",
        ],
        ("NoKey", "realm_is_another") => &["HTTP/localhost@OTHER.TEST"],
        ("NoKey", _) => &["HTTP/localhost@EXAMPLE.TEST", "keytab"],
        ("BadIntegrity", "key_changed_same_kvno") => &["HTTP/localhost@EXAMPLE.TEST", "kvno 259"],
        ("ClockSkew", "clock_6_minutes_slow") => {
            &["2025-06-15 15:00:40", "2025-06-15 15:06:40 UTC", "300 s"]
        }
        ("ClockSkew", _) => &["2025-06-15 15:06:40 UTC", "300 s"],
        ("NotYetValid", _) => &["2025-06-15 15:16:40 UTC", "2025-06-15 15:06:40 UTC"],
        ("Expired", _) => &["2025-06-15 14:56:40 UTC", "2025-06-15 15:06:40 UTC"],
        ("NameMismatch", "authenticator_other_client") => {
            &["alice@EXAMPLE.TEST", "bob@EXAMPLE.TEST"]
        }
        ("TargetName", "only_http_for_host") => &["host/localhost@EXAMPLE.TEST", "HTTP/localhost"],
        ("TargetName", _) => &["cifs/localhost@EXAMPLE.TEST", "HTTP/localhost"],
        ("Address", _) => &["192.0.2.2"],
        ("AuthorizationData", _) => &["4242"],
        ("Transited", "transited_type_2_with_content") => &["alice@OTHER.TEST", "type 2"],
        ("Transited", _) => &["EVIL.TEST", "capaths"],
        ("EtypeNotPermitted", "ticket_rc4") => &["rc4-hmac", "ticket"],
        ("EtypeNotPermitted", "session_rc4") => &["rc4-hmac", "session key"],
        ("EtypeNotPermitted", "subkey_des3") => &["des3-cbc-sha1", "subkey"],
        ("NtlmNotEnabled", _) => &["the client sent NTLM"],
        ("BadMechanism", "frame_iakerb") => &["1.3.6.1.5.2.5"],
        ("ChannelBindingMismatch", "bindings_of_jgss") => &["Java"],
        ("Delegation", "delegation_absent_but_required") => &["not forwardable", "kinit -f"],
        ("Delegation", "delegation_absent_forwardable") => &["--delegation always"],
        ("Delegation", "delegated_another_client") => &["alice@EXAMPLE.TEST", "bob@EXAMPLE.TEST"],
        ("Delegation", "delegated_another_realm") => &["alice@EXAMPLE.TEST", "alice@OTHER.TEST"],
        ("Delegation", "delegated_expired") => &[
            "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST",
            "2025-06-15 14:06:40 UTC",
            "2025-06-15 15:06:40 UTC",
        ],
        ("Delegation", _) => &["DELEGATE is required"],
        ("TokenTooLarge", _) => &["65536"],
        _ => &[],
    }
}
