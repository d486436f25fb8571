//! Rule 17: channel bindings, right, wrong, absent and announced.

use super::{BINDINGS, Case, Forged, Policy, accept, ap, reject};
use crate::ap_req::{AP_OPTIONS_CBT, ApReqSpec, Checksum, ad_ap_options};
use crate::bindings::{hash, hash_jgss, hash_with};
use crate::ticket::{AuthData, if_relevant};
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [hashes(), policies(), announced(), options()].concat()
}

const MISMATCH: &str = "ChannelBindingMismatch";
const ABSENT: &str = "ChannelBindingAbsent";

fn bound(world: &World, hash: [u8; 16]) -> Forged {
    ap(world, |a| a.gss().bindings = hash)
}

fn right(world: &World) -> Forged {
    bound(world, hash(BINDINGS))
}

fn wrong(world: &World) -> Forged {
    bound(world, hash(b"tls-server-end-point:another certificate"))
}

fn unbound(world: &World) -> Forged {
    world.ap_req().into()
}

fn hashes() -> Vec<Case> {
    let sent = Policy::WhenSent;
    vec![
        accept(17, "bindings_right", right).policy(sent),
        reject(17, "bindings_wrong", MISMATCH, wrong).policy(sent),
        accept(17, "bindings_absent", unbound).policy(sent),
        reject(17, "bindings_of_jgss", MISMATCH, |w| {
            bound(w, hash_jgss(BINDINGS))
        })
        .policy(sent),
        reject(17, "bindings_with_addresses", MISMATCH, |w| {
            bound(
                w,
                hash_with(2, &[192, 0, 2, 1], 2, &[192, 0, 2, 2], BINDINGS),
            )
        })
        .policy(sent),
        reject(17, "bindings_one_bit_off", MISMATCH, |w| {
            let mut hash = hash(BINDINGS);
            hash[15] ^= 1;
            bound(w, hash)
        })
        .policy(sent),
        reject(17, "bindings_of_nothing", MISMATCH, |w| bound(w, hash(b""))).policy(sent),
    ]
}

fn policies() -> Vec<Case> {
    vec![
        accept(17, "ignore_bindings_wrong", wrong),
        accept(17, "require_bindings_right", right).policy(Policy::Require),
        reject(17, "require_bindings_wrong", MISMATCH, wrong).policy(Policy::Require),
        reject(17, "require_bindings_absent", ABSENT, unbound).policy(Policy::Require),
        reject(17, "require_no_checksum", ABSENT, |w| {
            ap(w, |a| a.checksum = Checksum::None)
        })
        .policy(Policy::Require),
        reject(17, "require_keyed_checksum", ABSENT, |w| {
            ap(w, |a| {
                a.checksum = Checksum::Keyed {
                    usage: 10,
                    over: vec![],
                }
            })
        })
        .policy(Policy::Require),
        accept(17, "when_sent_no_checksum", |w| {
            ap(w, |a| a.checksum = Checksum::None)
        })
        .policy(Policy::WhenSent),
        accept(17, "any_present_bindings_other", wrong).policy(Policy::AnyPresent),
        reject(17, "any_present_bindings_absent", ABSENT, unbound).policy(Policy::AnyPresent),
    ]
}

fn with(world: &World, hash: Option<[u8; 16]>, authdata: Vec<AuthData>) -> Forged {
    ap(world, |a: &mut ApReqSpec| {
        a.authdata = authdata;
        a.gss().bindings = hash.unwrap_or_default();
    })
}

fn cbt() -> AuthData {
    ad_ap_options(AP_OPTIONS_CBT)
}

fn announced() -> Vec<Case> {
    let sent = Policy::WhenSent;
    vec![
        accept(17, "cbt_and_right", |w| {
            with(w, Some(hash(BINDINGS)), vec![if_relevant(&[cbt()])])
        })
        .policy(sent),
        reject(17, "cbt_and_wrong", MISMATCH, |w| {
            with(w, Some(hash(b"other")), vec![if_relevant(&[cbt()])])
        })
        .policy(sent),
        reject(17, "cbt_and_absent", ABSENT, |w| {
            with(w, None, vec![if_relevant(&[cbt()])])
        })
        .policy(sent),
        reject(17, "cbt_bare_and_absent", ABSENT, |w| {
            with(w, None, vec![cbt()])
        })
        .policy(sent),
        accept(17, "cbt_and_absent_ignored", |w| {
            with(w, None, vec![if_relevant(&[cbt()])])
        }),
        accept(17, "cbt_in_the_ticket_and_absent", |w| {
            ap(w, |a| a.ticket.authdata = vec![if_relevant(&[cbt()])])
        })
        .policy(sent),
        reject(17, "cbt_no_checksum", ABSENT, |w| {
            ap(w, |a| {
                a.checksum = Checksum::None;
                a.authdata = vec![if_relevant(&[cbt()])];
            })
        })
        .policy(sent),
    ]
}

fn options() -> Vec<Case> {
    let sent = Policy::WhenSent;
    vec![
        accept(17, "ap_options_other_bit", |w| {
            with(w, None, vec![if_relevant(&[ad_ap_options(0x2000)])])
        })
        .policy(sent),
        accept(17, "ap_options_cbt_big_endian_is_another_bit", |w| {
            with(
                w,
                None,
                vec![if_relevant(&[ad_ap_options(AP_OPTIONS_CBT.swap_bytes())])],
            )
        })
        .policy(sent),
        reject(17, "ap_options_twice", "Malformed", |w| {
            with(w, Some(hash(BINDINGS)), vec![if_relevant(&[cbt(), cbt()])])
        })
        .policy(sent),
        reject(17, "ap_options_in_two_containers", "Malformed", |w| {
            let options = vec![if_relevant(&[cbt()]), if_relevant(&[cbt()])];
            with(w, Some(hash(BINDINGS)), options)
        })
        .policy(sent),
        reject(17, "ap_options_of_3_octets", "Malformed", |w| {
            with(
                w,
                Some(hash(BINDINGS)),
                vec![if_relevant(&[(143, vec![0, 0x40, 0])])],
            )
        })
        .policy(sent),
        reject(17, "ap_options_of_5_octets", "Malformed", |w| {
            with(
                w,
                Some(hash(BINDINGS)),
                vec![if_relevant(&[(143, vec![0, 0x40, 0, 0, 0])])],
            )
        })
        .policy(sent),
        reject(17, "ap_options_empty", "Malformed", |w| {
            with(w, Some(hash(BINDINGS)), vec![if_relevant(&[(143, vec![])])])
        })
        .policy(sent),
    ]
}
