//! Rules 28 to 32: the first token of a negotiation.

use super::{Case, Expect, Forged, Reply, accept, case, reject};
use crate::ap_req::{ApReqSpec, Frame, gss, oid};
use crate::der::{self, Length};
use crate::message::MicSpec;
use crate::spnego::{Form, InitSpec, mech_types, neg_hints};
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [first(), fields(), broken(), order(), none(), mic(), ends()].concat()
}

const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2\
\0\0\0\0\x28\0\0\0\0\0\0\0\x28\0\0\0\x0a\0\x61\x4a\0\0\0\x0f";

/// Offers `oids` with this AP-REQ for the first.
fn offer(spec: &ApReqSpec, oids: &[&[u8]], change: impl FnOnce(&mut InitSpec)) -> Forged {
    let mut init = InitSpec::new(oids, Some(spec.token()));
    change(&mut init);
    let client = Some(spec.initiator());
    Forged {
        token: init.token(),
        client,
    }
}

fn krb5(world: &World, change: impl FnOnce(&mut InitSpec)) -> Forged {
    offer(&world.ap_req(), &[oid::KRB5], change)
}

/// Offers `oids` with these octets for the first.
fn other(oids: &[&[u8]], token: Option<&[u8]>) -> Forged {
    InitSpec::new(oids, token.map(<[u8]>::to_vec))
        .token()
        .into()
}

fn first() -> Vec<Case> {
    let more = Expect::Continue;
    vec![
        accept(28, "spnego_krb5", |w| krb5(w, |_| ())).reply(Reply::ApRep),
        case(28, "empty_token", more, |_| Vec::new().into()),
        case(28, "spnego_without_token", more, |_| {
            other(&[oid::KRB5], None)
        }),
        reject(28, "raw_ntlm", "NtlmNotEnabled", |_| {
            NTLM_NEGOTIATE.to_vec().into()
        }),
        reject(28, "ntlm_signature_cut", "Malformed", |_| {
            b"NTLMSSP".to_vec().into()
        }),
        reject(28, "spnego_response_first", "Malformed", |w| {
            krb5(w, |i| i.choice = 0xa1)
        }),
        reject(28, "spnego_unframed", "Malformed", |w| {
            krb5(w, |i| i.frame = Frame::bare())
        }),
    ]
}

fn req_flags(bits: u8) -> Option<Vec<u8>> {
    Some(der::tlv(0x03, &[0, bits]))
}

fn fields() -> Vec<Case> {
    vec![
        accept(28, "req_flags", |w| {
            krb5(w, |i| i.req_flags = req_flags(0x76))
        }),
        accept(28, "req_flags_seven_bits", |w| {
            krb5(w, |i| i.req_flags = Some(der::tlv(0x03, &[1, 0x76])))
        }),
        accept(28, "init2_without_hints", |w| {
            krb5(w, |i| i.form = Form::Init2)
        }),
        accept(28, "init2_with_hints", |w| {
            krb5(w, |i| {
                i.form = Form::Init2;
                i.neg_hints = Some(neg_hints());
            })
        }),
        accept(28, "init2_with_hints_and_req_flags", |w| {
            krb5(w, |i| {
                i.form = Form::Init2;
                i.neg_hints = Some(neg_hints());
                i.req_flags = req_flags(0x40);
            })
        }),
    ]
}

fn broken() -> Vec<Case> {
    vec![
        reject(28, "spnego_octet_after", "Malformed", |w| {
            krb5(w, |i| i.frame.after = vec![0])
        }),
        reject(28, "spnego_octet_inside_frame", "Malformed", |w| {
            krb5(w, |i| i.frame.inside = vec![0])
        }),
        reject(28, "spnego_cut", "Malformed", |w| {
            krb5(w, |i| i.frame.cut = 10)
        }),
        accept(28, "spnego_length_not_minimal", |w| {
            krb5(w, |i| i.frame.length = Length::Padded(1))
        }),
        reject(28, "spnego_no_mech_types", "Malformed", |w| {
            krb5(w, |i| i.mech_types = None)
        }),
        reject(28, "spnego_mech_types_empty", "NoMechanism", |_| {
            other(&[], None)
        }),
        reject(28, "spnego_mech_types_cut", "Malformed", |w| {
            krb5(w, |i| i.mech_types = Some(vec![0x30, 9, 6, 9, 1]))
        }),
        reject(28, "spnego_mech_types_are_octets", "Malformed", |w| {
            krb5(w, |i| i.mech_types = Some(der::octets(oid::KRB5)))
        }),
        reject(28, "spnego_frame_alone", "Malformed", |_| {
            crate::spnego::frame().wrap(b"").into()
        }),
        reject(28, "spnego_inner_token_bare", "Malformed", |w| {
            let mut spec = w.ap_req();
            spec.frame = Frame::bare();
            offer(&spec, &[oid::KRB5], |_| ())
        }),
        reject(28, "spnego_inner_token_garbage", "Malformed", |_| {
            other(&[oid::KRB5], Some(b"garbage"))
        }),
        reject(28, "spnego_inside_spnego", "Malformed", |w| {
            let inner = krb5(w, |_| ()).token;
            other(&[oid::KRB5], Some(&inner))
        }),
    ]
}

fn order() -> Vec<Case> {
    let more = Expect::Continue;
    vec![
        accept(29, "windows_list", |w| {
            let list = [oid::MS_KRB5, oid::KRB5, oid::NEGOEX, oid::NTLM];
            offer(&w.ap_req(), &list, |_| ())
        })
        .reply(Reply::ApRep),
        accept(29, "ms_krb5_alone", |w| {
            offer(&w.ap_req(), &[oid::MS_KRB5], |_| ())
        }),
        accept(29, "ms_krb5_outside_and_inside", |w| {
            let mut spec = w.ap_req();
            spec.frame = Frame::gss(oid::MS_KRB5);
            offer(&spec, &[oid::MS_KRB5], |_| ())
        }),
        accept(29, "krb5_then_ntlm", |w| {
            offer(&w.ap_req(), &[oid::KRB5, oid::NTLM], |_| ())
        }),
        accept(29, "krb5_twice", |w| {
            offer(&w.ap_req(), &[oid::KRB5, oid::KRB5], |_| ())
        }),
        accept(29, "krb5_then_unknown", |w| {
            offer(&w.ap_req(), &[oid::KRB5, oid::UNKNOWN], |_| ())
        }),
        case(29, "unknown_then_krb5", more, |_| {
            other(&[oid::UNKNOWN, oid::KRB5], None)
        }),
        case(29, "unknown_then_krb5_with_token", more, |_| {
            other(
                &[oid::UNKNOWN, oid::KRB5],
                Some(b"for the unknown mechanism"),
            )
        }),
        case(29, "negoex_then_krb5", more, |_| {
            other(&[oid::NEGOEX, oid::KRB5], Some(b"NEGOEXTS\0\0\0\0"))
        }),
        case(29, "ntlm_then_krb5", more, |_| {
            other(&[oid::NTLM, oid::KRB5], Some(NTLM_NEGOTIATE))
        }),
        case(29, "fifty_unknown_then_krb5", more, |_| {
            let mut list = vec![oid::UNKNOWN; 50];
            list.push(oid::KRB5);
            other(&list, None)
        }),
    ]
}

fn none() -> Vec<Case> {
    vec![
        reject(29, "ntlm_alone", "NoMechanism", |_| {
            other(&[oid::NTLM], Some(NTLM_NEGOTIATE))
        }),
        reject(29, "unknown_alone", "NoMechanism", |_| {
            other(&[oid::UNKNOWN], None)
        }),
        reject(29, "spnego_offers_itself", "NoMechanism", |_| {
            other(&[oid::SPNEGO], None)
        }),
        reject(29, "ntlm_token_for_krb5", "NtlmNotEnabled", |_| {
            other(&[oid::KRB5, oid::NTLM], Some(NTLM_NEGOTIATE))
        }),
    ]
}

/// Not mutual, so that the client knows the key before any reply and can already sign.
fn signed(world: &World, list: &[&[u8]], over: &[u8]) -> Forged {
    let mut spec = world.ap_req();
    spec.options = 0;
    spec.gss().flags &= !gss::MUTUAL;
    let client = spec.initiator();
    let mic = client
        .messages()
        .mic(over, &MicSpec::new(client.seq.into()));
    offer(&spec, list, |i| i.mic = Some(mic))
}

fn mic() -> Vec<Case> {
    vec![
        accept(30, "mic_in_first_token", |w| {
            signed(w, &[oid::KRB5], &mech_types(&[oid::KRB5]))
        }),
        reject(
            30,
            "mic_in_first_token_over_another_list",
            "MicMismatch",
            |w| signed(w, &[oid::KRB5, oid::NTLM], &mech_types(&[oid::KRB5])),
        ),
        reject(30, "mic_in_first_token_garbage", "MicMismatch", |w| {
            let mut spec = w.ap_req();
            spec.options = 0;
            spec.gss().flags &= !gss::MUTUAL;
            offer(&spec, &[oid::KRB5], |i| i.mic = Some(vec![4; 28]))
        }),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        accept(31, "spnego_not_mutual", |w| {
            let mut spec = w.ap_req();
            spec.options = 0;
            spec.gss().flags &= !gss::MUTUAL;
            offer(&spec, &[oid::KRB5], |_| ())
        })
        .reply(Reply::Nothing),
        reject(32, "krb5_fails_ntlm_next", "BadIntegrity", |w| {
            let mut spec = w.ap_req();
            spec.ticket.service_key = w.key("HTTP.new", w.etype);
            offer(&spec, &[oid::KRB5, oid::NTLM], |_| ())
        }),
        reject(32, "krb5_fails_krb5_next", "BadIntegrity", |w| {
            let mut spec = w.ap_req();
            spec.ticket.service_key = w.key("HTTP.new", w.etype);
            offer(&spec, &[oid::MS_KRB5, oid::KRB5], |_| ())
        }),
    ]
}
