//! Rules 8, 10, 12, 13, 14, 19 and 21: whose authenticator, when, how often, and what is answered.

use super::{Case, Expect, Feed, Forged, Reply, accept, ap, case, reject};
use crate::ap_req::{Checksum, ad_etype_negotiation, gss, option};
use crate::crypto::{AES128_SHA1, AES128_SHA2, AES256_SHA1, AES256_SHA2};
use crate::ticket::{NT_ENTERPRISE, NT_PRINCIPAL, Name, if_relevant};
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [
        identity(),
        clock(),
        replay(),
        mutual(),
        negotiation(),
        replies(),
        errors(),
    ]
    .concat()
}

fn named(world: &World, parts: &[&str]) -> Forged {
    ap(world, |a| a.cname = Some(Name::new(NT_PRINCIPAL, parts)))
}

fn identity() -> Vec<Case> {
    vec![
        reject(8, "authenticator_other_client", "NameMismatch", |w| {
            named(w, &["bob"])
        }),
        reject(8, "authenticator_other_realm", "NameMismatch", |w| {
            ap(w, |a| a.crealm = Some(b"OTHER.TEST".to_vec()))
        }),
        reject(8, "authenticator_other_case", "NameMismatch", |w| {
            named(w, &["Alice"])
        }),
        reject(8, "authenticator_one_component_more", "NameMismatch", |w| {
            named(w, &["alice", "admin"])
        }),
        reject(8, "authenticator_components_joined", "NameMismatch", |w| {
            ap(w, |a| {
                a.ticket.cname = Name::new(NT_PRINCIPAL, &["alice", "admin"]);
                a.cname = Some(Name::new(NT_PRINCIPAL, &["alice/admin"]));
            })
        }),
        reject(8, "authenticator_empty_name", "NameMismatch", |w| {
            named(w, &[])
        }),
        accept(8, "authenticator_other_name_type", |w| {
            ap(w, |a| a.cname = Some(Name::new(NT_ENTERPRISE, &["alice"])))
        }),
    ]
}

fn clock() -> Vec<Case> {
    vec![
        accept(10, "clock_4_minutes_slow", |w| ap(w, |a| a.ctime -= 240)),
        accept(10, "clock_4_minutes_fast", |w| ap(w, |a| a.ctime += 240)),
        reject(10, "clock_6_minutes_slow", "ClockSkew", |w| {
            ap(w, |a| a.ctime -= 360)
        }),
        reject(10, "clock_6_minutes_fast", "ClockSkew", |w| {
            ap(w, |a| a.ctime += 360)
        }),
        reject(10, "clock_a_year_slow", "ClockSkew", |w| {
            ap(w, |a| a.ctime -= 31_536_000)
        }),
        reject(10, "clock_at_the_epoch", "ClockSkew", |w| {
            ap(w, |a| a.ctime = 0)
        }),
    ]
}

fn replay() -> Vec<Case> {
    vec![
        reject(12, "same_token_twice", "Replay", |w| w.ap_req().into())
            .set(|s| s.feed = Feed::Twice),
        accept(12, "same_time_encrypted_anew", |w| w.ap_req().into())
            .set(|s| s.feed = Feed::Rebuilt),
    ]
}

fn options(world: &World, options: u32, flags: u32) -> Forged {
    ap(world, |a| {
        a.options = options;
        a.gss().flags = flags;
    })
}

fn mutual() -> Vec<Case> {
    vec![
        accept(13, "mutual_by_flag_and_option", |w| w.ap_req().into()).reply(Reply::ApRep),
        accept(13, "mutual_by_flag_alone", |w| options(w, 0, gss::USUAL)).reply(Reply::ApRep),
        accept(13, "mutual_by_option_alone", |w| {
            options(w, option::MUTUAL_REQUIRED, gss::USUAL & !gss::MUTUAL)
        })
        .reply(Reply::Nothing),
        accept(13, "not_mutual", |w| {
            options(w, 0, gss::USUAL & !gss::MUTUAL)
        })
        .reply(Reply::Nothing),
        accept(13, "no_checksum_mutual_by_option", |w| {
            ap(w, |a| a.checksum = Checksum::None)
        })
        .reply(Reply::Nothing),
        accept(13, "keyed_checksum_mutual_by_option", |w| {
            ap(w, |a| {
                a.checksum = Checksum::Keyed {
                    usage: 10,
                    over: vec![],
                }
            })
        })
        .reply(Reply::ApRep),
        accept(13, "keyed_checksum_not_mutual", |w| {
            ap(w, |a| {
                a.options = 0;
                a.checksum = Checksum::Keyed {
                    usage: 10,
                    over: vec![],
                };
            })
        })
        .reply(Reply::Nothing),
        reject(13, "use_session_key", "NoTgt", |w| {
            options(
                w,
                option::USE_SESSION_KEY | option::MUTUAL_REQUIRED,
                gss::USUAL,
            )
        }),
        accept(13, "reserved_ap_option", |w| {
            options(w, 1 << 31 | 1, gss::USUAL)
        }),
    ]
}

fn negotiate(world: &World, etypes: &[i32]) -> Forged {
    ap(world, |a| {
        a.authdata = vec![if_relevant(&[ad_etype_negotiation(etypes)])]
    })
}

fn negotiation() -> Vec<Case> {
    vec![
        accept(14, "etypes_offered_include_own", |w| {
            negotiate(w, &[AES256_SHA2, AES256_SHA1])
        })
        .subkey(AES256_SHA1),
        accept(14, "etypes_offered_better", |w| {
            negotiate(&w.with_etype(AES128_SHA1), &[AES256_SHA1, AES128_SHA1])
        })
        .subkey(AES256_SHA1),
        accept(14, "etypes_offered_worse", |w| {
            negotiate(w, &[AES128_SHA1, AES128_SHA2])
        })
        .subkey(AES256_SHA1),
        accept(14, "etypes_offered_bare", |w| {
            let w = w.with_etype(AES128_SHA1);
            ap(&w, |a| {
                a.authdata = vec![ad_etype_negotiation(&[AES256_SHA1])]
            })
        })
        .subkey(AES256_SHA1),
        accept(14, "etypes_offered_unknown", |w| negotiate(w, &[99, 1])).subkey(AES256_SHA1),
        accept(14, "etypes_offered_none", |w| negotiate(w, &[])).subkey(AES256_SHA1),
        reject(14, "etypes_offered_garbage", "Malformed", |w| {
            ap(w, |a| {
                a.authdata = vec![if_relevant(&[(129, vec![0x30, 5, 1])])]
            })
        }),
        accept(14, "pac_in_authenticator_is_no_pac", |w| {
            ap(w, |a| a.authdata = vec![if_relevant(&[(128, vec![0; 8])])])
        }),
        accept(14, "no_subkey", |w| ap(w, |a| a.subkey = None)).subkey(AES256_SHA1),
    ]
}

fn replies() -> Vec<Case> {
    vec![
        accept(19, "reply_etype_17", |w| {
            w.with_etype(AES128_SHA1).ap_req().into()
        })
        .reply(Reply::ApRep)
        .subkey(AES128_SHA1),
        accept(19, "reply_etype_19", |w| {
            w.with_etype(AES128_SHA2).ap_req().into()
        })
        .reply(Reply::ApRep)
        .subkey(AES128_SHA2),
        accept(19, "reply_etype_20", |w| {
            w.with_etype(AES256_SHA2).ap_req().into()
        })
        .reply(Reply::ApRep)
        .subkey(AES256_SHA2),
        accept(19, "reply_echoes_cusec_zero", |w| ap(w, |a| a.cusec = 0)).reply(Reply::ApRep),
        accept(19, "reply_echoes_cusec_max", |w| {
            ap(w, |a| a.cusec = 999_999)
        })
        .reply(Reply::ApRep),
    ]
}

fn errors() -> Vec<Case> {
    let again = Expect::Continue;
    vec![
        case(21, "skew_told_to_the_client", again, |w| {
            ap(w, |a| a.ctime -= 3600)
        })
        .set(|s| s.extended_error = true),
        case(21, "skew_told_without_mutual", again, |w| {
            ap(w, |a| {
                a.options = 0;
                a.gss().flags &= !gss::MUTUAL;
                a.ctime += 3600;
            })
        })
        .set(|s| s.extended_error = true),
        case(21, "not_yet_valid_told_to_the_client", again, |w| {
            ap(w, |a| a.ticket.starttime = Some(w.now + 3600))
        })
        .set(|s| s.extended_error = true),
        reject(21, "expired_told_to_the_client", "Expired", |w| {
            ap(w, |a| {
                a.ticket.authtime = w.now - 7200;
                a.ticket.starttime = Some(w.now - 7200);
                a.ticket.endtime = w.now - 600;
            })
        })
        .set(|s| s.extended_error = true),
    ]
}
