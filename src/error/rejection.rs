//! Why a client is not let in.

mod status;
mod untold;

use core::fmt;
use std::time::{Duration, SystemTime};

use self::untold::Named;
use crate::error::{
    AuthorizationProblem, DelegationProblem, NtlmRejection, Printable, SaslRejection, Sealed,
    SealedProblem, list,
};
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::{Principal, ServiceName};
use crate::requirements::Requirements;
use crate::time::Utc;

/// Why the peer, or a message of it, was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No key for the service that the ticket is for (KRB_AP_ERR_NOKEY,
    /// KRB_AP_ERR_NOT_US).
    #[error(
        "the ticket is for {service}, and the keytab has no entry of that name (it has: {}); \
         add its key, or check which name the client uses",
        list(.available)
    )]
    NoKey {
        /// The name in the ticket.
        service: Principal,
        /// Some of the principals that the keytab has.
        available: Vec<Principal>,
    },
    /// The keytab has the service, but not this kvno
    /// (KRB_AP_ERR_BADKEYVER).
    #[error(
        "the ticket for {service} needs kvno {kvno} ({etype}), the keytab has kvno {}: the keytab \
         is older than the ticket, export it again; or the ticket is older, the client must get a \
         new one",
        list(.has)
    )]
    KeyVersion {
        /// The name in the ticket.
        service: Principal,
        /// The ticket's kvno.
        kvno: u32,
        /// The ticket's encryption type.
        etype: EncryptionType,
        /// The kvnos that the keytab has for the name.
        has: Vec<u32>,
    },
    /// The keytab has the service, but no key of this encryption type.
    #[error(
        "the ticket for {service} is encrypted with {etype}, the keytab has {} for it; export the \
         keytab with that type, or set the account's supported encryption types",
        list(.has)
    )]
    KeyEtype {
        /// The name in the ticket.
        service: Principal,
        /// The ticket's encryption type.
        etype: EncryptionType,
        /// The types that the keytab has for the name.
        has: Vec<EncryptionType>,
    },
    /// The key is there, but it does not open the ticket
    /// (KRB_AP_ERR_BAD_INTEGRITY).
    #[error(
        "the key of {service} (kvno {}, {etype}) does not open the ticket{}: the password was \
         changed without a new kvno, or the salt differs; export the keytab again",
        display_kvno(*.kvno), display_tried(.tried)
    )]
    KeyMismatch {
        /// The name in the ticket.
        service: Principal,
        /// The ticket's kvno, where it has one.
        kvno: Option<u32>,
        /// The ticket's encryption type.
        etype: EncryptionType,
        /// Which keys were tried.
        tried: KeyTried,
    },
    /// The authenticator does not open with the ticket's session key.
    #[error(
        "the authenticator is not encrypted in the ticket's session key: the client does not own the ticket"
    )]
    Authenticator,
    /// An encryption type that is not permitted.
    #[error(
        "{etype} of the {used_as} is not permitted (permitted: {}); enable AES for the account, \
         or permit the type by name",
        list(.permitted)
    )]
    EtypeNotPermitted {
        /// Where it was used.
        used_as: EtypeUse,
        /// The type.
        etype: EncryptionType,
        /// What is permitted.
        permitted: Vec<EncryptionType>,
    },
    /// The authenticator names another client than the ticket
    /// (KRB_AP_ERR_BADMATCH).
    #[error("the authenticator names {}, the ticket {}", Named(.authenticator), Named(.ticket))]
    ClientMismatch {
        /// The client of the ticket.
        ticket: Principal,
        /// The client that the authenticator names.
        authenticator: Principal,
    },
    /// The clocks are further apart than the skew (KRB_AP_ERR_SKEW).
    #[error(
        "the client's clock says {}, the server's {}; they may be {} s apart; \
         synchronise both with the KDC",
        display_time(*.client), Utc(*.server), .skew.as_secs()
    )]
    ClockSkew {
        /// The client's time, where it is known.
        client: Option<SystemTime>,
        /// The server's time.
        server: SystemTime,
        /// How far they may be apart.
        skew: Duration,
    },
    /// The ticket has ended (KRB_AP_ERR_TKT_EXPIRED).
    #[error("the ticket ended at {}, it is {}; the client must get a new one", display_time(*.end), Utc(*.now))]
    TicketExpired {
        /// When it ended, where that is known.
        end: Option<SystemTime>,
        /// The server's time.
        now: SystemTime,
    },
    /// The ticket has not begun (KRB_AP_ERR_TKT_NYV).
    #[error("the ticket begins at {}, it is {}; check the clocks of server and KDC", display_time(*.start), Utc(*.now))]
    TicketNotYetValid {
        /// When it begins, where that is known.
        start: Option<SystemTime>,
        /// The server's time.
        now: SystemTime,
    },
    /// The ticket is flagged INVALID (a postdated one that was never
    /// validated).
    #[error("the ticket is marked invalid; the client must have it validated by the KDC")]
    TicketInvalid,
    /// The ticket is for other addresses (KRB_AP_ERR_BADADDR).
    #[error("the ticket is for other addresses than {peer}")]
    Address {
        /// The peer's address.
        peer: std::net::IpAddr,
    },
    /// The ticket restricts its use in a way that is not understood (RFC 4120
    /// 5.2.6).
    #[error(
        "the ticket holds authorization data of type {ad_type}, which must be understood and is not"
    )]
    AuthorizationData {
        /// The type (ad-type).
        ad_type: i32,
    },
    /// The path of realms is not trusted (KRB_AP_PATH_NOT_ACCEPTED).
    #[error(
        "the ticket of {} went through {}, which is no trusted path to {}; \
         set `capaths`, or let the KDC check",
        Named(.client), Printable(&.transited.join(", ")), Printable(.server_realm)
    )]
    Transited {
        /// The client.
        client: Principal,
        /// The server's realm.
        server_realm: String,
        /// The realms that the ticket names.
        transited: Vec<String>,
    },
    /// The same authenticator was seen before (KRB_AP_ERR_REPEAT).
    #[error("this token was used before; the client must send a fresh one with every handshake")]
    Replay,
    /// The checksum of the authenticator is wrong (KRB_AP_ERR_MODIFIED), or of
    /// a type that proves nothing (KRB_AP_ERR_INAPP_CKSUM).
    #[error("{}", untold::checksum(*.kind, *.expected))]
    Checksum {
        /// The checksum type.
        kind: i32,
        /// The type that goes with the ticket's session key.
        expected: i32,
    },
    /// The client comes user to user, and this server has no TGT to do that
    /// with (KRB_AP_ERR_NO_TGT).
    #[error(
        "the client asks for user-to-user authentication, and this server has no TGT of its own; \
         give it one (`UserToUser`), or register a service principal name for it"
    )]
    NoTgt,
    /// The client asks for another TGT than the server's (KRB_AP_ERR_NO_TGT).
    #[error(
        "the client asks for the TGT of {wanted}, the server's is {has}'s; check which name the \
         client uses, or take any name (`accept_any_name`)"
    )]
    OtherTgt {
        /// Whose TGT the client asks for: a name, a realm, or both.
        wanted: Principal,
        /// Whose TGT the server has.
        has: Principal,
    },
    /// The ticket of user-to-user is for another name than that of the
    /// server's TGT (KRB_AP_ERR_NOT_US).
    #[error(
        "the user-to-user ticket is for {service}, the server's TGT is {has}'s; check which name \
         the client uses, or take any name (`accept_any_name`)"
    )]
    OtherTgtService {
        /// The name in the ticket.
        service: Principal,
        /// Whose TGT the server has.
        has: Principal,
    },
    /// The ticket of user-to-user is not encrypted in the session key of the
    /// server's TGT (KRB_AP_ERR_BAD_INTEGRITY).
    #[error(
        "the user-to-user ticket for {service} ({etype}) is not encrypted in the session key of \
         the server's TGT ({has}): it was made for an earlier TGT, the client must ask again"
    )]
    OtherTgtKey {
        /// The name in the ticket.
        service: Principal,
        /// The ticket's encryption type.
        etype: EncryptionType,
        /// The type of the TGT's session key.
        has: EncryptionType,
    },
    /// The ticket is in a long-term key, and must be user-to-user
    /// (KRB_AP_ERR_USER_TO_USER_REQUIRED).
    #[error(
        "the ticket is not for user-to-user authentication, which this server requires; the \
         client must ask for it (ISC_REQ_USE_SESSION_KEY)"
    )]
    UserToUserRequired,
    /// The third leg of DCE style does not prove that the client is there
    /// (MS-KILE 3.4.5.1).
    #[error(
        "the client's answer to the AP-REP (the third leg of DCE style) {problem}: \
         it may be another connection's, or a replay"
    )]
    ThirdLeg {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The ticket is for a service that is not accepted here.
    #[error("the ticket is for {service}; this configuration accepts {}", list(.accepted))]
    ServiceNotAccepted {
        /// The name in the ticket.
        service: Principal,
        /// What is accepted.
        accepted: Vec<ServiceName>,
    },
    /// The client meant to reach another service than those accepted.
    #[error(
        "the client meant to reach '{}', which is none of the accepted services ({}): \
         its login may have been relayed",
        Printable(.target), list(.accepted)
    )]
    ClientTarget {
        /// What the client's software says.
        target: String,
        /// What is accepted.
        accepted: Vec<ServiceName>,
    },
    /// The client has no name.
    #[error("the client is anonymous; ALLOW_NULL_SESSION would let it in")]
    Anonymous,
    /// The channel bindings are of another channel.
    #[error(
        "the client's channel bindings are not those of this channel: another TLS connection ends \
         between client and server{}",
        if *.null_address_type { " (or not: they fit with address type 255, as Java hashes null addresses)" } else { "" }
    )]
    BindingMismatch {
        /// They would fit with address type 255.
        null_address_type: bool,
    },
    /// The client sent no channel bindings.
    #[error(
        "the client sent no channel bindings{}",
        if *.promised { " although it says that it does: they were removed on the way" }
        else { ", and the policy requires them; its software must support them (extended protection)" }
    )]
    BindingMissing {
        /// The client says that it sends them.
        promised: bool,
    },
    /// What became of the channel bindings cannot be known.
    #[error(
        "the backend cannot tell whether the client's channel bindings match, and the policy requires them"
    )]
    BindingUndisclosed,
    /// The handshake lacks what was required.
    #[error(
        "{}{}",
        display_missing(*.missing),
        if .undisclosed.is_empty() { String::new() } else { format!(" (the backend cannot tell: {})", .undisclosed.names()) }
    )]
    Requirement {
        /// What is missing.
        missing: Requirements,
        /// What of it the backend cannot tell.
        undisclosed: Requirements,
    },
    /// Delegated credentials are required, and there are none of use.
    #[error("DELEGATE is required: {problem}")]
    Delegation {
        /// Why not.
        problem: DelegationProblem,
    },
    /// Account and groups of the client are required, and are not known.
    #[error("authorization is required: {problem}")]
    Authorization {
        /// Why not.
        problem: AuthorizationProblem,
    },
    /// The client offers no mechanism that is enabled.
    #[error(
        "the client offers {}, this configuration accepts {}{}",
        list(.offered), list(.enabled), hint_ntlm(.offered)
    )]
    NoCommonMechanism {
        /// What the client offers, by name or object identifier.
        offered: Vec<String>,
        /// What is enabled.
        enabled: Vec<Mechanism>,
    },
    /// The integrity check over the negotiated mechanisms is missing or
    /// wrong (RFC 4178 5): somebody may have changed the offer on the way.
    #[error("the client's check over the offered mechanisms (mechListMIC) is {}",
        if *.missing { "missing" } else { "wrong" })]
    MechListMic {
        /// There was none.
        missing: bool,
    },
    /// What NTLM knows besides.
    #[error(transparent)]
    Ntlm(#[from] NtlmRejection),
    /// What SASL knows besides.
    #[error(transparent)]
    Sasl(#[from] SaslRejection),
    /// What a broker found.
    #[error(transparent)]
    Elsewhere(#[from] super::Elsewhere),
    /// The platform's security package does not let the client in.
    #[error("the system's security package refuses the client: {problem}")]
    Platform {
        /// Why, as far as its status tells.
        problem: &'static str,
    },
    /// The client ended the handshake with an error of its own.
    #[error("the client ended the handshake{}", .code.map_or_else(String::new, |code| format!(" with Kerberos error {code}")))]
    PeerFailed {
        /// The Kerberos error code, where it sent one.
        code: Option<i32>,
    },
    /// A context or a handshake that another process sealed, and that is not
    /// taken up here.
    #[error("the sealed {what} is refused: {problem}")]
    Sealed {
        /// Which of them.
        what: Sealed,
        /// Why.
        problem: SealedProblem,
    },
    /// A handshake that takes too long, too many legs, or too many bytes.
    #[error("the handshake exceeds its limit of {limit} {what}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The context has ended.
    #[error("{}; the client must authenticate again", untold::ended(*.end))]
    ContextExpired {
        /// When it ended.
        end: SystemTime,
    },
    /// A message is not what its sender wrote, or of another context.
    #[error("the message was altered, or belongs to another context: {problem}")]
    MessageAltered {
        /// What does not fit.
        problem: &'static str,
    },
}

/// Where an encryption type was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EtypeUse {
    /// It encrypts the ticket.
    Ticket,
    /// It is the type of the ticket's session key.
    SessionKey,
    /// It is the type of the client's subkey.
    Subkey,
}

impl fmt::Display for EtypeUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticket => "ticket",
            Self::SessionKey => "session key",
            Self::Subkey => "client's subkey",
        })
    }
}

/// Which keys were tried on a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyTried {
    /// The one with the ticket's kvno.
    Exact,
    /// All of the principal's keys of the type; the number.
    Versions(usize),
    /// Keys of other principals too, up to the configured bound; the number.
    Aliases(usize),
}

fn display_tried(tried: &KeyTried) -> String {
    match tried {
        KeyTried::Exact => String::new(),
        KeyTried::Versions(count) => format!(" ({count} of its keys tried)"),
        KeyTried::Aliases(count) => format!(" ({count} keys of other principals tried)"),
    }
}

fn display_kvno(kvno: Option<u32>) -> String {
    kvno.map_or_else(|| "not given".into(), |kvno| kvno.to_string())
}

fn display_time(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "another time".into(), |time| Utc(time).to_string())
}

fn display_missing(missing: Requirements) -> String {
    let (verb, object) = match missing.iter().count() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    format!(
        "{} {verb} required, and the handshake did not give {object}",
        missing.names()
    )
}

fn hint_ntlm(offered: &[String]) -> &'static str {
    if offered.len() == 1 && offered.iter().any(|name| name == "NTLM") {
        ": the client sent NTLM where Kerberos is expected; check that it reaches the server by a \
         name that has a service principal, and that it has a ticket"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::{EtypeUse, KeyTried, Rejection};
    use crate::error::{Error, GssMajor, WindowsStatus};
    use crate::etype::EncryptionType;
    use crate::mechanism::Mechanism;
    use crate::requirements::Requirements;
    use crate::time::from_unix_seconds;
    use std::time::Duration;

    #[test]
    fn a_wrong_kvno_names_both_sides() {
        let text = Rejection::KeyVersion {
            service: "HTTP/web@R".parse().unwrap(),
            kvno: 7,
            etype: EncryptionType(18),
            has: vec![5, 6],
        }
        .to_string();
        for part in [
            "HTTP/web@R",
            "kvno 7",
            "kvno 5, 6",
            "aes256-cts-hmac-sha1-96",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_skew_names_both_clocks() {
        let rejection = Rejection::ClockSkew {
            client: Some(from_unix_seconds(0)),
            server: from_unix_seconds(3600),
            skew: Duration::from_secs(300),
        };
        let text = rejection.to_string();
        for part in [
            "1970-01-01 00:00:00 UTC",
            "1970-01-01 01:00:00 UTC",
            "300 s",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(
            Error::from(rejection).status(),
            WindowsStatus::SEC_E_TIME_SKEW
        );
    }

    #[test]
    fn ntlm_where_kerberos_is_expected_is_said() {
        let text = Rejection::NoCommonMechanism {
            offered: vec!["NTLM".into()],
            enabled: vec![Mechanism::Kerberos],
        }
        .to_string();
        assert!(
            text.contains("the client sent NTLM where Kerberos is expected"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_requirement_reads_as_a_sentence() {
        let missing = Requirements::MUTUAL_AUTH | Requirements::INTEGRITY;
        let error = Error::from(Rejection::Requirement {
            missing,
            undisclosed: Requirements::empty(),
        });
        assert_eq!(
            error.to_string(),
            "rejected: MUTUAL_AUTH, INTEGRITY are required, and the handshake did not give them"
        );
        assert_eq!(error.status(), WindowsStatus::SEC_E_MUTUAL_AUTH_FAILED);
        assert_eq!(error.gss_major(), GssMajor::UNAUTHORIZED);
    }

    /// Realms and targets are text that somebody else wrote: no line of a log
    /// may come of them.
    #[test]
    fn what_others_wrote_forges_no_line() {
        let transited = Rejection::Transited {
            client: "a@B".parse().unwrap(),
            server_realm: "S\n".into(),
            transited: vec!["X\nrejected: nobody\r".into(), "\0".into()],
        };
        let target = Rejection::ClientTarget {
            target: "HTTP/web\n\u{1b}[2J".into(),
            accepted: vec![],
        };
        for text in [transited.to_string(), target.to_string()] {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        assert!(
            target.to_string().contains(r"'HTTP/web\n\u{1b}[2J'"),
            "{target}"
        );
    }

    #[test]
    fn the_four_key_errors_differ() {
        let service: crate::name::Principal = "HTTP/web@R".parse().unwrap();
        let etype = EncryptionType(18);
        let texts = [
            Rejection::NoKey {
                service: service.clone(),
                available: vec![],
            }
            .to_string(),
            Rejection::KeyVersion {
                service: service.clone(),
                kvno: 2,
                etype,
                has: vec![1],
            }
            .to_string(),
            Rejection::KeyEtype {
                service: service.clone(),
                etype,
                has: vec![EncryptionType(17)],
            }
            .to_string(),
            Rejection::KeyMismatch {
                service,
                kvno: Some(2),
                etype,
                tried: KeyTried::Exact,
            }
            .to_string(),
        ];
        for (index, text) in texts.iter().enumerate() {
            assert!(!texts[..index].contains(text));
        }
        assert_eq!(EtypeUse::Subkey.to_string(), "client's subkey");
    }
}
