//! Rules 3, 4, 5 and 7: versions, names and etypes of keys.

use super::{Case, Forged, Names, accept, ap, reject};
use crate::ap_req::{AP_OPTIONS_UNVERIFIED_TARGET, ApReqSpec, ad_ap_options, ad_client_target};
use crate::crypto::{AES128_SHA1, AES128_SHA2, AES256_SHA1, AES256_SHA2, DES, DES3, KitKey, RC4};
use crate::ticket::{NT_PRINCIPAL, NT_SRV_INST, Name, if_relevant};
use crate::world::{KVNO, OLD_KVNO, RODC_KVNO, World};

pub(super) fn cases() -> Vec<Case> {
    [
        versions(),
        sequence(),
        found(),
        not_found(),
        restricted(),
        etypes(),
        keys(),
    ]
    .concat()
}

fn kvno(world: &World, kvno: Option<i64>) -> Forged {
    ap(world, |a| a.ticket.kvno = kvno)
}

fn rodc(world: &World, kvno: i64) -> Forged {
    ap(world, |a| {
        a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP", "rodc.localhost"]);
        a.ticket.service_key = world.key("rodc", AES256_SHA1);
        a.ticket.kvno = Some(kvno);
    })
}

fn versions() -> Vec<Case> {
    vec![
        accept(3, "kvno_absent", |w| kvno(w, None)),
        accept(3, "kvno_zero", |w| kvno(w, Some(0))),
        accept(3, "kvno_low_octet_only", |w| {
            kvno(w, Some(i64::from(KVNO & 0xff)))
        }),
        accept(3, "kvno_minus_one", |w| kvno(w, Some(-1))),
        accept(3, "kvno_of_rodc_in_upper_half", |w| {
            kvno(w, Some(0x0007_0000 | i64::from(KVNO)))
        }),
        accept(3, "kvno_above_int32", |w| rodc(w, RODC_KVNO.into())),
        accept(3, "kvno_negative", |w| rodc(w, (RODC_KVNO as i32).into())),
        reject(3, "kvno_of_33_bits", "Malformed", |w| {
            kvno(w, Some(1 << 32 | i64::from(KVNO)))
        }),
    ]
}

fn sequence() -> Vec<Case> {
    vec![
        accept(3, "sequence_negative", |w| ap(w, |a| a.seq = Some(-5))),
        accept(3, "sequence_min", |w| {
            ap(w, |a| a.seq = Some(i32::MIN.into()))
        }),
        accept(3, "sequence_above_int32", |w| {
            ap(w, |a| a.seq = Some(0xffff_fffe))
        }),
        accept(3, "sequence_zero", |w| ap(w, |a| a.seq = Some(0))),
        accept(3, "sequence_absent", |w| ap(w, |a| a.seq = None)),
        reject(3, "sequence_of_33_bits", "Malformed", |w| {
            ap(w, |a| a.seq = Some(1 << 32))
        }),
    ]
}

fn service(spec: &mut ApReqSpec, parts: &[&str], key: KitKey, kvno: u32) {
    spec.ticket.sname = Name::new(NT_SRV_INST, parts);
    spec.ticket.service_key = key;
    spec.ticket.kvno = Some(kvno.into());
}

fn alias(world: &World) -> Forged {
    ap(world, |a| {
        a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP", "alias.localhost"])
    })
}

fn found() -> Vec<Case> {
    vec![
        accept(4, "key_old", |w| {
            ap(w, |a| {
                service(
                    a,
                    &["HTTP", "localhost"],
                    w.key("HTTP.old", w.etype),
                    OLD_KVNO,
                )
            })
        }),
        accept(4, "key_new_kvno_unknown", |w| kvno(w, Some(9999))),
        accept(4, "key_old_kvno_absent", |w| {
            ap(w, |a| {
                a.ticket.service_key = w.key("HTTP.old", w.etype);
                a.ticket.kvno = None;
            })
        }),
        accept(4, "key_of_other_service", |w| {
            ap(w, |a| {
                service(a, &["host", "localhost"], w.key("host", AES256_SHA1), 1)
            })
        }),
        accept(4, "name_type_differs", |w| {
            ap(w, |a| {
                a.ticket.sname = Name::new(NT_PRINCIPAL, &["HTTP", "localhost"])
            })
        }),
        accept(4, "name_is_an_alias_any_name", alias).names(Names::Any),
    ]
}

fn not_found() -> Vec<Case> {
    vec![
        reject(4, "key_newer_than_keytab", "KeyVersion", |w| {
            ap(w, |a| {
                service(
                    a,
                    &["HTTP", "localhost"],
                    w.key("HTTP.new", w.etype),
                    KVNO + 1,
                )
            })
        }),
        reject(4, "key_old_kvno_new", "BadIntegrity", |w| {
            ap(w, |a| {
                service(a, &["HTTP", "localhost"], w.key("HTTP.old", w.etype), KVNO)
            })
        }),
        reject(4, "key_changed_same_kvno", "BadIntegrity", |w| {
            ap(w, |a| a.ticket.service_key = w.key("HTTP.new", w.etype))
        }),
        reject(4, "key_wrong_kvno_absent", "BadIntegrity", |w| {
            ap(w, |a| {
                a.ticket.service_key = w.key("HTTP.new", w.etype);
                a.ticket.kvno = None;
            })
        }),
        reject(4, "ticket_key_usage_3", "BadIntegrity", |w| {
            ap(w, |a| a.ticket.over.usage = Some(3))
        }),
        reject(4, "etype_not_in_keytab", "NoEtype", |w| {
            ap(w, |a| {
                service(a, &["host", "localhost"], w.key("host", AES128_SHA1), 1)
            })
        }),
        reject(4, "name_unknown_key_unknown", "NoKey", |w| {
            ap(w, |a| {
                service(a, &["ldap", "localhost"], w.key("ldap", w.etype), 1)
            })
        }),
        reject(4, "name_unknown_any_name_key_unknown", "NoKey", |w| {
            ap(w, |a| {
                service(a, &["ldap", "localhost"], w.key("ldap", w.etype), 1)
            })
        })
        .names(Names::Any),
        reject(4, "name_is_an_alias", "NoKey", alias),
        reject(4, "realm_is_another", "NoKey", |w| {
            ap(w, |a| a.ticket.realm = b"OTHER.TEST".to_vec())
        }),
        reject(4, "name_joined_into_one_component", "NoKey", |w| {
            ap(w, |a| {
                a.ticket.sname = Name::new(NT_SRV_INST, &["HTTP/localhost"])
            })
        }),
    ]
}

fn target(world: &World, target: &str, options: Option<u32>) -> Forged {
    ap(world, |a| {
        let mut inner = vec![ad_client_target(target)];
        inner.extend(options.map(ad_ap_options));
        a.authdata = vec![if_relevant(&inner)];
    })
}

fn restricted() -> Vec<Case> {
    let only = Names::Only("HTTP@localhost");
    vec![
        accept(5, "only_http_for_http", |w| w.ap_req().into()).names(only),
        reject(5, "only_http_for_host", "TargetName", |w| {
            ap(w, |a| {
                service(a, &["host", "localhost"], w.key("host", AES256_SHA1), 1)
            })
        })
        .names(only),
        accept(5, "only_http_client_target_same", |w| {
            target(w, "HTTP/localhost@EXAMPLE.TEST", None)
        })
        .names(only),
        accept(5, "only_http_client_target_without_realm", |w| {
            target(w, "HTTP/localhost", None)
        })
        .names(only),
        reject(5, "only_http_client_target_other", "TargetName", |w| {
            target(w, "cifs/localhost@EXAMPLE.TEST", None)
        })
        .names(only),
        accept(5, "only_http_client_target_other_unverified", |w| {
            target(
                w,
                "cifs/localhost@EXAMPLE.TEST",
                Some(AP_OPTIONS_UNVERIFIED_TARGET),
            )
        })
        .names(only),
        accept(5, "client_target_other_unrestricted", |w| {
            target(w, "cifs/localhost@EXAMPLE.TEST", None)
        }),
    ]
}

fn ticket_key(world: &World, etype: i32) -> Forged {
    ap(world, |a| a.ticket.service_key = world.service_key(etype))
}

fn session(world: &World, etype: i32) -> Forged {
    ap(world, |a| a.ticket.session = world.key("session", etype))
}

fn subkey(world: &World, etype: i32) -> Forged {
    ap(world, |a| a.subkey = Some(world.key("subkey", etype)))
}

fn etypes() -> Vec<Case> {
    vec![
        accept(7, "etype_17", |w| w.with_etype(AES128_SHA1).ap_req().into()),
        accept(7, "etype_18", |w| w.with_etype(AES256_SHA1).ap_req().into()),
        accept(7, "etype_19", |w| w.with_etype(AES128_SHA2).ap_req().into()),
        accept(7, "etype_20", |w| w.with_etype(AES256_SHA2).ap_req().into()),
        accept(7, "etypes_mixed", |w| {
            ap(w, |a| {
                a.ticket.service_key = w.service_key(AES256_SHA2);
                a.ticket.session = w.key("session", AES128_SHA1);
                a.subkey = Some(w.key("subkey", AES128_SHA2));
            })
        }),
        reject(7, "ticket_rc4", "EtypeNotPermitted", |w| ticket_key(w, RC4)),
        reject(7, "ticket_des3", "EtypeNotPermitted", |w| {
            ticket_key(w, DES3)
        }),
        reject(7, "ticket_etype_99", "EtypeNotPermitted", |w| {
            ap(w, |a| a.ticket.over.etype = Some(99))
        }),
        reject(7, "ticket_etype_0", "EtypeNotPermitted", |w| {
            ap(w, |a| {
                a.ticket.over.cipher = Some(a.ticket.enc_part());
                a.ticket.over.etype = Some(0);
            })
        }),
        reject(7, "session_rc4", "EtypeNotPermitted", |w| session(w, RC4)),
        reject(7, "session_des3", "EtypeNotPermitted", |w| session(w, DES3)),
        reject(7, "session_des", "EtypeNotPermitted", |w| session(w, DES)),
        reject(7, "subkey_rc4", "EtypeNotPermitted", |w| subkey(w, RC4)),
        reject(7, "subkey_des3", "EtypeNotPermitted", |w| subkey(w, DES3)),
        reject(7, "subkey_des", "EtypeNotPermitted", |w| subkey(w, DES)),
        reject(7, "all_rc4", "EtypeNotPermitted", |w| {
            w.with_etype(RC4).ap_req().into()
        }),
    ]
}

fn keys() -> Vec<Case> {
    vec![
        reject(7, "session_key_too_short", "Malformed", |w| {
            ap(w, |a| {
                a.over.authenticator_key = Some(a.ticket.session.clone());
                a.ticket.session.bytes.truncate(16);
            })
        }),
        reject(7, "subkey_too_short", "Malformed", |w| {
            ap(w, |a| {
                a.subkey.iter_mut().for_each(|k| k.bytes.truncate(16))
            })
        }),
        reject(7, "subkey_empty", "Malformed", |w| {
            ap(w, |a| a.subkey.iter_mut().for_each(|k| k.bytes.clear()))
        }),
        reject(
            7,
            "authenticator_names_another_etype",
            "BadIntegrity",
            |w| ap(w, |a| a.over.etype = Some(AES128_SHA1.into())),
        ),
        reject(7, "authenticator_in_another_key", "BadIntegrity", |w| {
            ap(w, |a| {
                a.over.authenticator_key = Some(w.key("other", w.etype))
            })
        }),
        reject(7, "authenticator_in_the_service_key", "BadIntegrity", |w| {
            ap(w, |a| {
                a.over.authenticator_key = Some(a.ticket.service_key.clone())
            })
        }),
        reject(7, "authenticator_key_usage_7", "BadIntegrity", |w| {
            ap(w, |a| a.over.usage = Some(7))
        }),
        reject(
            7,
            "authenticator_shorter_than_its_tag",
            "BadIntegrity",
            |w| ap(w, |a| a.over.cipher = Some(vec![1; 20])),
        ),
        reject(7, "ticket_shorter_than_its_tag", "BadIntegrity", |w| {
            ap(w, |a| a.ticket.over.cipher = Some(vec![1; 20]))
        }),
    ]
}
