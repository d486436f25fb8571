//! Rules 9 and 11: times, flags, addresses, authorization data, transited realms.

use super::{Case, Expect, Forged, accept, ap, case, reject};
use crate::ticket::{NT_PRINCIPAL, NT_WELLKNOWN, Name, TicketSpec, flag, if_relevant};
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [
        times(),
        addresses(),
        authorization(),
        anonymous(),
        transited(),
    ]
    .concat()
}

fn ticket(world: &World, change: impl FnOnce(&mut TicketSpec)) -> Forged {
    ap(world, |a| change(&mut a.ticket))
}

fn times() -> Vec<Case> {
    vec![
        reject(9, "starts_in_10_minutes", "NotYetValid", |w| {
            ticket(w, |t| t.starttime = Some(w.now + 600))
        }),
        accept(9, "starts_within_skew", |w| {
            ticket(w, |t| t.starttime = Some(w.now + 200))
        }),
        reject(
            9,
            "no_start_authenticated_in_10_minutes",
            "NotYetValid",
            |w| ticket(w, |t| (t.starttime, t.authtime) = (None, w.now + 600)),
        ),
        accept(9, "no_start", |w| ticket(w, |t| t.starttime = None)),
        reject(9, "ended_10_minutes_ago", "Expired", |w| {
            ticket(w, |t| {
                t.authtime = w.now - 7200;
                t.starttime = Some(w.now - 7200);
                t.endtime = w.now - 600;
            })
        }),
        accept(9, "ended_within_skew", |w| {
            ticket(w, |t| {
                t.authtime = w.now - 7200;
                t.starttime = Some(w.now - 7200);
                t.endtime = w.now - 200;
            })
        }),
        reject(9, "renewable_but_ended", "Expired", |w| {
            ticket(w, |t| {
                t.authtime = w.now - 7200;
                t.starttime = Some(w.now - 7200);
                t.endtime = w.now - 600;
                t.renew_till = Some(w.now + 86_400);
            })
        }),
        accept(9, "renewable", |w| {
            ticket(w, |t| t.renew_till = Some(w.now + 86_400))
        }),
        accept(9, "good_until_2100", |w| {
            ticket(w, |t| t.endtime = 4_102_444_800)
        }),
        reject(9, "flag_invalid", "TicketInvalid", |w| {
            ticket(w, |t| t.flags |= flag::INVALID)
        }),
        accept(9, "all_other_flags", |w| {
            ticket(w, |t| t.flags = !(flag::INVALID | flag::ANONYMOUS))
        }),
    ]
}

const INET: i64 = 2;
const NETBIOS: i64 = 20;

fn addressed(world: &World) -> Forged {
    ticket(world, |t| t.caddr = Some(vec![(INET, vec![192, 0, 2, 1])]))
}

fn addresses() -> Vec<Case> {
    vec![
        accept(9, "address_and_peer_unknown", addressed),
        accept(9, "address_is_the_peers", addressed).set(|s| s.peer_address = Some([192, 0, 2, 1])),
        reject(9, "address_is_not_the_peers", "Address", addressed)
            .set(|s| s.peer_address = Some([192, 0, 2, 2])),
        accept(9, "address_list_of_one_netbios_name", |w| {
            ticket(w, |t| {
                t.caddr = Some(vec![(NETBIOS, b"CLIENT         \0".to_vec())])
            })
        })
        .set(|s| s.peer_address = Some([192, 0, 2, 2])),
        accept(9, "address_list_empty", |w| {
            ticket(w, |t| t.caddr = Some(Vec::new()))
        })
        .set(|s| s.peer_address = Some([192, 0, 2, 2])),
    ]
}

/// A type that nobody knows.
const UNKNOWN: i64 = 4242;

fn authorization() -> Vec<Case> {
    vec![
        reject(9, "authdata_unknown_in_ticket", "AuthorizationData", |w| {
            ticket(w, |t| t.authdata = vec![(UNKNOWN, vec![1])])
        }),
        accept(9, "authdata_unknown_in_if_relevant", |w| {
            ticket(w, |t| t.authdata = vec![if_relevant(&[(UNKNOWN, vec![1])])])
        }),
        accept(9, "authdata_unknown_in_nested_if_relevant", |w| {
            ticket(w, |t| {
                t.authdata = vec![if_relevant(&[if_relevant(&[(UNKNOWN, vec![1])])])];
            })
        }),
        reject(
            9,
            "authdata_unknown_beside_if_relevant",
            "AuthorizationData",
            |w| {
                ticket(w, |t| {
                    t.authdata = vec![if_relevant(&[(UNKNOWN, vec![])]), (UNKNOWN, vec![])]
                })
            },
        ),
        accept(9, "authdata_unknown_in_authenticator", |w| {
            ap(w, |a| a.authdata = vec![(UNKNOWN, vec![1])])
        }),
    ]
}

fn nobody(ticket: &mut TicketSpec) {
    ticket.flags |= flag::ANONYMOUS;
    ticket.cname = Name::new(NT_WELLKNOWN, &["WELLKNOWN", "ANONYMOUS"]);
    ticket.crealm = b"WELLKNOWN:ANONYMOUS".to_vec();
}

fn anonymous() -> Vec<Case> {
    let name = "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS";
    vec![
        reject(9, "anonymous", "Anonymous", |w| ticket(w, nobody)),
        accept(9, "anonymous_allowed", |w| ticket(w, nobody))
            .set(|s| s.null_session = true)
            .peer(name),
        reject(9, "anonymous_flag_alone", "Anonymous", |w| {
            ticket(w, |t| t.flags |= flag::ANONYMOUS)
        }),
        reject(9, "anonymous_name_alone", "Anonymous", |w| {
            ticket(w, |t| {
                nobody(t);
                t.flags &= !flag::ANONYMOUS;
            })
        }),
    ]
}

fn path(world: &World, from: &str, kind: i64, contents: &str, checked: bool) -> Forged {
    ticket(world, |t| {
        t.crealm = from.as_bytes().to_vec();
        t.cname = Name::new(NT_PRINCIPAL, &["alice"]);
        t.transited = (kind, contents.as_bytes().to_vec());
        if !checked {
            t.flags &= !flag::TRANSITED_POLICY_CHECKED;
        }
    })
}

fn transited() -> Vec<Case> {
    let far = "alice@A.B.EXAMPLE.TEST";
    let due = Expect::Accept;
    vec![
        case(11, "foreign_realm_direct", due, |w| {
            path(w, "OTHER.TEST", 1, "", false)
        })
        .peer("alice@OTHER.TEST"),
        case(11, "hierarchical_unchecked", due, |w| {
            path(w, "A.B.EXAMPLE.TEST", 1, "B.EXAMPLE.TEST", false)
        })
        .peer(far),
        case(11, "hierarchical_compressed_unchecked", due, |w| {
            path(w, "A.B.C.EXAMPLE.TEST", 1, "C.EXAMPLE.TEST,B.", false)
        })
        .peer("alice@A.B.C.EXAMPLE.TEST"),
        case(11, "not_hierarchical_checked_by_kdc", due, |w| {
            path(w, "OTHER.TEST", 1, "EVIL.TEST", true)
        })
        .peer("alice@OTHER.TEST"),
        reject(11, "not_hierarchical_unchecked", "Transited", |w| {
            path(w, "OTHER.TEST", 1, "EVIL.TEST", false)
        }),
        reject(11, "one_realm_too_many_unchecked", "Transited", |w| {
            path(w, "A.B.EXAMPLE.TEST", 1, "B.EXAMPLE.TEST,EVIL.TEST", false)
        }),
        reject(11, "own_realm_by_detour_unchecked", "Transited", |w| {
            path(w, "EXAMPLE.TEST", 1, "EVIL.TEST", false)
        }),
        reject(11, "transited_type_2_with_content", "Transited", |w| {
            path(w, "OTHER.TEST", 2, "EVIL.TEST", false)
        }),
        case(11, "transited_type_0_empty", due, |w| {
            path(w, "OTHER.TEST", 0, "", false)
        })
        .peer("alice@OTHER.TEST"),
    ]
}
