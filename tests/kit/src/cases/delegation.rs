//! Rule 15: what a client delegates (RFC 4121 4.1.1, RFC 4120 5.8).
//!
//! Cases named `delegated_*` are judged by an acceptor that requires delegation. The same tokens
//! must come in, without credentials, where it is a wish or nobody asked (the conformance suite
//! sees to that).

use super::{Case, Forged, accept, ap, reject};
use crate::ap_req::{ApReqSpec, extension, gss};
use crate::cred::{CredSpec, forwarded_tgt, krb_cred};
use crate::crypto::KitKey;
use crate::ticket::{NT_PRINCIPAL, NT_SRV_HST, Name, TicketSpec, flag};
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [ignored(), good(), unreadable(), useless()].concat()
}

#[derive(Clone, Copy)]
enum Under {
    Session,
    Subkey,
    Nothing,
}

/// alice's forwarded TGT.
fn tgt(world: &World, of: &TicketSpec) -> TicketSpec {
    let tgs = world.key("krbtgt", world.etype);
    forwarded_tgt(of, tgs, world.tgt_session())
}

/// alice delegates; the credentials and the rest of the token with something changed.
fn send(
    world: &World,
    under: Under,
    change: impl FnOnce(&mut CredSpec),
    then: impl FnOnce(&mut ApReqSpec),
) -> Forged {
    ap(world, |a| {
        let key = match under {
            Under::Session => Some(a.ticket.session.clone()),
            Under::Subkey => a.subkey.clone(),
            Under::Nothing => None,
        };
        let mut cred = CredSpec::new(tgt(world, &a.ticket), key);
        change(&mut cred);
        a.gss().flags |= gss::DELEG;
        a.gss().deleg = Some(cred.encode());
        then(a);
    })
}

fn plain(world: &World, change: impl FnOnce(&mut CredSpec)) -> Forged {
    send(world, Under::Nothing, change, |_| ())
}

fn bad_credential(world: &World) -> Forged {
    send(
        world,
        Under::Nothing,
        |_| (),
        |a| a.gss().deleg = Some(vec![0x76; 64]),
    )
}

/// Nobody asks for credentials: what comes is dropped unread, if the checksum's own layout is right.
fn ignored() -> Vec<Case> {
    vec![
        accept(15, "delegation_under_session_key", |w| {
            send(w, Under::Session, |_| (), |_| ())
        }),
        accept(15, "delegation_under_subkey", |w| {
            send(w, Under::Subkey, |_| (), |_| ())
        }),
        accept(15, "delegation_in_the_clear", |w| plain(w, |_| ())),
        accept(15, "delegation_then_extension", |w| {
            send(
                w,
                Under::Nothing,
                |_| (),
                |a| a.gss().extensions = extension(77, b"x"),
            )
        }),
        accept(15, "delegation_does_not_parse", bad_credential),
        accept(15, "delegation_flag_without_field", |w| {
            ap(w, |a| a.gss().flags |= gss::DELEG)
        }),
        accept(15, "delegation_field_without_flag_is_an_extension", |w| {
            ap(w, |a| {
                // Type 0x0001_xxxx, and a length: what option id and length read as.
                a.gss().extensions = extension(0x0001_0004, b"data");
            })
        }),
        reject(15, "delegation_option_2", "BadLayout", |w| {
            send(w, Under::Nothing, |_| (), |a| a.gss().deleg_option = 2)
        }),
        reject(15, "delegation_length_beyond_the_end", "BadLayout", |w| {
            send(
                w,
                Under::Nothing,
                |_| (),
                |a| a.gss().deleg_len = Some(0xffff),
            )
        }),
        reject(15, "delegation_length_one_too_long", "BadLayout", |w| {
            send(
                w,
                Under::Nothing,
                |_| (),
                |a| {
                    let len = a.gss().deleg.as_ref().map_or(0, Vec::len);
                    a.gss().deleg_len = u16::try_from(len + 1).ok();
                },
            )
        }),
    ]
}

fn required(case: Case) -> Case {
    case.set(|s| s.delegate = true)
}

fn taken(name: &'static str, build: fn(&World) -> Forged) -> Case {
    required(accept(15, name, build))
}

fn good() -> Vec<Case> {
    vec![
        taken("delegated_under_session_key", |w| {
            send(w, Under::Session, |_| (), |_| ())
        }),
        taken("delegated_under_subkey", |w| {
            send(w, Under::Subkey, |_| (), |_| ())
        }),
        taken("delegated_in_the_clear", |w| plain(w, |_| ())),
        taken("delegated_etype_17", |w| {
            send(&w.with_etype(17), Under::Subkey, |_| (), |_| ())
        }),
        taken("delegated_etype_19", |w| {
            send(&w.with_etype(19), Under::Session, |_| (), |_| ())
        }),
        taken("delegated_etype_20", |w| {
            send(&w.with_etype(20), Under::Subkey, |_| (), |_| ())
        }),
        taken("delegated_then_extensions", |w| {
            send(
                w,
                Under::Subkey,
                |_| (),
                |a| a.gss().extensions = [extension(77, b"x"), extension(78, b"")].concat(),
            )
        }),
        taken("delegated_not_forwardable", |w| {
            plain(w, |c| c.tickets[0].flags &= !flag::FORWARDABLE)
        }),
        taken("delegated_with_addresses", |w| {
            plain(w, |c| {
                c.tickets[0].caddr = Some(vec![(2, vec![192, 0, 2, 7])])
            })
        }),
        taken("delegated_begins_within_skew", |w| {
            plain(w, |c| {
                c.tickets[0].authtime = w.now + 200;
                c.tickets[0].starttime = Some(w.now + 200);
            })
        }),
        taken("delegated_two_tickets", |w| {
            plain(w, |c| c.tickets.push(another(w)))
        }),
    ]
}

/// alice's ticket for another service.
fn another(world: &World) -> TicketSpec {
    let mut ticket = world.ticket();
    ticket.sname = Name::new(NT_SRV_HST, &["cifs", "localhost"]);
    ticket.session = world.key("cifs-session", world.etype);
    ticket
}

fn broken(name: &'static str, build: fn(&World) -> Forged) -> Case {
    required(reject(15, name, "Delegation", build))
}

fn unreadable() -> Vec<Case> {
    vec![
        broken("delegation_does_not_parse_but_required", bad_credential),
        broken("delegated_nothing_at_all", |w| {
            send(
                w,
                Under::Nothing,
                |_| (),
                |a| a.gss().deleg = Some(Vec::new()),
            )
        }),
        broken("delegated_pvno_4", |w| plain(w, |c| c.over.pvno = Some(4))),
        broken("delegated_message_type_21", |w| {
            plain(w, |c| c.over.msg_type = Some(21))
        }),
        broken("delegated_with_octet_after", |w| {
            plain(w, |c| c.over.after = vec![0])
        }),
        broken("delegated_plain_with_octet_after", |w| {
            plain(w, |c| c.over.trailing = vec![0])
        }),
        broken("delegated_sealed_with_octet_after", |w| {
            send(w, Under::Subkey, |c| c.over.trailing = vec![0], |_| ())
        }),
        broken("delegated_plain_cut", |w| plain(w, |c| c.over.cut = 1)),
        broken("delegated_sealed_cut", |w| {
            send(w, Under::Subkey, |c| c.over.cut = 1, |_| ())
        }),
        broken("delegated_sealed_to_nothing", |w| {
            send(w, Under::Subkey, |c| c.over.cut = usize::MAX, |_| ())
        }),
        broken("delegated_usage_11", |w| {
            send(w, Under::Session, |c| c.over.usage = Some(11), |_| ())
        }),
        broken("delegated_under_service_key", |w| {
            plain(w, |c| c.key = Some(w.service_key(w.etype)))
        }),
        broken("delegated_under_strangers_key", |w| {
            plain(w, |c| c.key = Some(KitKey::seeded(9, "stranger", w.etype)))
        }),
        broken("delegated_sealed_as_another_etype", |w| {
            send(w, Under::Subkey, |c| c.over.etype = Some(17), |_| ())
        }),
        broken("delegated_sealed_as_plain", |w| {
            send(w, Under::Subkey, |c| c.over.etype = Some(0), |_| ())
        }),
        broken("delegated_plain_as_sealed", |w| {
            plain(w, |c| c.over.etype = Some(18))
        }),
        broken("delegated_nine_tickets", |w| {
            plain(w, |c| c.tickets = vec![c.tickets[0].clone(); 9])
        }),
    ]
}

fn useless() -> Vec<Case> {
    vec![
        broken("delegation_absent_but_required", |w| w.ap_req().into()),
        broken("delegation_absent_forwardable", |w| {
            ap(w, |a| a.ticket.flags |= flag::FORWARDABLE)
        }),
        broken("delegation_absent_ok_as_delegate", |w| {
            ap(w, |a| {
                a.ticket.flags |= flag::FORWARDABLE | flag::OK_AS_DELEGATE
            })
        }),
        broken("delegation_absent_without_checksum", |w| {
            ap(w, |a| a.checksum = crate::ap_req::Checksum::None)
        }),
        broken("delegation_flag_alone_but_required", |w| {
            ap(w, |a| a.gss().flags |= gss::DELEG)
        }),
        broken("delegated_field_without_flag", |w| {
            ap(w, |a| {
                // What the client calls an extension is none of the KRB-CRED's.
                let cred = krb_cred(&tgt(w, &a.ticket), None);
                a.gss().extensions = extension(0x0001_0000, &cred);
            })
        }),
        broken("delegated_another_client", |w| {
            plain(w, |c| {
                c.tickets[0].cname = Name::new(NT_PRINCIPAL, &["bob"])
            })
        }),
        broken("delegated_another_realm", |w| {
            plain(w, |c| c.tickets[0].crealm = b"OTHER.TEST".to_vec())
        }),
        broken("delegated_second_ticket_of_another", |w| {
            plain(w, |c| {
                let mut second = another(w);
                second.cname = Name::new(NT_PRINCIPAL, &["bob"]);
                c.tickets.push(second);
            })
        }),
        broken("delegated_expired", |w| {
            plain(w, |c| c.tickets[0].endtime = w.now - 3600)
        }),
        broken("delegated_ends_now", |w| {
            plain(w, |c| c.tickets[0].endtime = w.now)
        }),
        broken("delegated_without_end", |w| {
            plain(w, |c| c.over.endless = true)
        }),
        broken("delegated_not_yet_valid", |w| {
            plain(w, |c| c.tickets[0].starttime = Some(w.now + 600))
        }),
        broken("delegated_invalid", |w| {
            plain(w, |c| c.tickets[0].flags |= flag::INVALID)
        }),
        broken("delegated_no_ticket_granting_ticket", |w| {
            plain(w, |c| c.tickets = vec![another(w)])
        }),
        broken("delegated_key_of_31_octets", |w| {
            plain(w, |c| c.over.session = Some(vec![7; 31]))
        }),
        broken("delegated_key_empty", |w| {
            plain(w, |c| c.over.session = Some(Vec::new()))
        }),
    ]
}

/// Tokens on which one of the libraries gives no verdict, since its process ends: not among
/// [`super::all`], so that no library in a test's own process is given them.
pub fn unjudged() -> Vec<Case> {
    vec![
        // RFC 4120 5.8.1: all but the key is optional; without the end nobody could use it.
        taken("delegated_without_names", |w| {
            plain(w, |c| c.over.client = Some(None))
        }),
        taken("delegated_sparsely", |w| plain(w, |c| c.over.sparse = true)),
        broken("delegated_no_ticket", |w| plain(w, |c| c.tickets.clear())),
        broken("delegated_more_keys_than_tickets", |w| {
            plain(w, |c| c.over.described = Some(2))
        }),
        broken("delegated_more_tickets_than_keys", |w| {
            plain(w, |c| {
                c.tickets.push(another(w));
                c.over.described = Some(1);
            })
        }),
    ]
}
