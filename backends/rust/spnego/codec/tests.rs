//! Tokens of other implementations, and what deviates from them.

mod captures;

use super::{
    HINT_NAME, NEGOEX, NTLMSSP, NegState, NegTokenInit, NegTokenResp, Oid, REJECT, SPNEGO, Sniffed,
    encode_hints, encode_init, encode_mech_types, sniff,
};
use crate::backends::rust::kerberos::codec::wire::Octets;
use crate::backends::rust::kerberos::codec::{Problem, gss};
use crate::hex::hex;

/// The DER of an element with short length.
fn der(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    [
        &[identifier, u8::try_from(contents.len()).unwrap()],
        contents.as_slice(),
    ]
    .concat()
}

#[test]
fn a_first_token_of_mit_is_read_and_written_again() {
    let token = hex(captures::SPNEGO_INIT);
    let init = NegTokenInit::decode(&token).unwrap();
    assert_eq!(init.mech_types.iter().collect::<Vec<_>>(), [Oid(gss::KRB5)]);
    assert_eq!(init.mech_types_der, hex("300b06092a864886f712010202"));
    assert_eq!(
        init.mech_types_der,
        encode_mech_types(&[Oid(gss::KRB5)]).unwrap()
    );
    let inner = init.mech_token.unwrap();
    assert_eq!(gss::parse(inner).unwrap().oid, gss::KRB5);
    assert_eq!(
        (init.req_flags, init.hint_name, init.mech_list_mic),
        (None, None, None)
    );
    assert_eq!(
        encode_init(&[Oid(gss::KRB5)], Some(inner), None).unwrap(),
        token
    );
}

#[test]
fn a_reply_of_mit_is_read_and_written_again() {
    let token = hex(captures::SPNEGO_RESP);
    let reply = NegTokenResp::decode(&token).unwrap();
    assert_eq!(reply.neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(reply.supported_mech, Some(Oid(gss::KRB5)));
    assert_eq!(reply.mech_list_mic, None);
    assert_eq!(reply.encode().unwrap(), token);
}

/// Rule 29: these bytes exactly.
#[test]
fn a_reject_has_nine_bytes() {
    let reject = NegTokenResp {
        neg_state: Some(NegState::Reject),
        ..NegTokenResp::default()
    };
    assert_eq!(reject.encode().unwrap(), REJECT);
    let all = [
        NegState::AcceptCompleted,
        NegState::AcceptIncomplete,
        NegState::Reject,
        NegState::RequestMic,
    ];
    for (number, state) in all.into_iter().enumerate() {
        let reply = NegTokenResp {
            neg_state: Some(state),
            ..NegTokenResp::default()
        };
        let bytes = reply.encode().unwrap();
        assert_eq!(usize::from(bytes[8]), number);
        assert_eq!(NegTokenResp::decode(&bytes).unwrap().neg_state, Some(state));
    }
    let mut unknown = REJECT;
    unknown[8] = 4;
    let problem = Problem::BadValue { field: "negState" };
    assert_eq!(NegTokenResp::decode(&unknown).unwrap_err().problem, problem);
}

/// MS-SPNG 3.2.5.2: what Windows sends first. The hint as X.690 encodes it.
#[test]
fn hints_are_a_neg_token_init_2() {
    let token = encode_hints(&[Oid(gss::MS_KRB5), Oid(gss::KRB5)]).unwrap();
    let init = NegTokenInit::decode(&token).unwrap();
    assert_eq!(init.hint_name, Some(HINT_NAME));
    assert_eq!(init.mech_list_mic, None);
    assert_eq!(init.mech_types.iter().count(), 2);
    let hint = hex(
        "a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265",
    );
    assert!(token.ends_with(&hint));
    assert_eq!(gss::unframe(&token).unwrap().0, SPNEGO);
}

/// Rule 28: reqFlags as Java sends them; the MIC under [3] as RFC 4178 has
/// it and under [4] as MS-SPNG has it after hints; without frame.
#[test]
fn all_forms_of_a_first_token_parse() {
    let mechanisms = der(0x30, &[&der(0x06, &[NEGOEX]), &der(0x06, &[NTLMSSP])]);
    let mechs = der(0xA0, &[&mechanisms]);
    let req_flags = der(0xA1, &[&[0x03, 0x02, 0x01, 0x76]]);
    let token = der(0xA2, &[&der(0x04, &[b"token"])]);
    let mic3 = der(0xA3, &[&der(0x04, &[b"mic"])]);
    let hints = der(0xA3, &[&der(0x30, &[&der(0xA0, &[&der(0x1B, &[b"h"])])])]);
    let hint_address = der(0xA1, &[&der(0x04, &[b"\x7F"])]);
    let both = der(0xA3, &[&der(0x30, &[&hint_address])]);
    let mic4 = der(0xA4, &[&der(0x04, &[b"mic"])]);
    for (fields, flags, mech_token, hint, mic) in [
        (vec![&mechs], false, false, false, false),
        (vec![&mechs, &token], false, true, false, false),
        (
            vec![&mechs, &req_flags, &token, &mic3],
            true,
            true,
            false,
            true,
        ),
        (vec![&mechs, &token, &hints], false, true, true, false),
        (vec![&mechs, &hints, &mic4], false, false, true, true),
        (vec![&mechs, &both, &mic4], false, false, false, true),
        (vec![&mechs, &mic4], false, false, false, true),
    ] {
        let fields: Vec<&[u8]> = fields.into_iter().map(Vec::as_slice).collect();
        let bare = der(0xA0, &[&der(0x30, &fields)]);
        for bytes in [bare.clone(), gss::frame(SPNEGO, &bare)] {
            let init = NegTokenInit::decode(&bytes).unwrap();
            assert_eq!(init.mech_types_der, mechanisms);
            assert_eq!(
                init.req_flags.map(|flags| flags.0),
                flags.then_some(0x7600_0000)
            );
            assert_eq!(init.mech_token, mech_token.then_some(b"token".as_slice()));
            assert_eq!(init.hint_name, hint.then_some(b"h".as_slice()));
            assert_eq!(init.mech_list_mic, mic.then_some(b"mic".as_slice()));
        }
    }
}

/// An explicit tag holds one element (X.690 8.14.3).
#[test]
fn an_offer_with_a_second_list_is_refused() {
    let list = der(0x30, &[&der(0x06, &[gss::KRB5])]);
    let offer = |lists: &[&[u8]]| der(0xA0, &[&der(0x30, &[&der(0xA0, lists)])]);
    assert!(NegTokenInit::decode(&offer(&[&list])).is_ok());
    let error = NegTokenInit::decode(&offer(&[&list, &list])).unwrap_err();
    assert_eq!(error.problem, Problem::TrailingBytes);
}

/// Rule 30: mechTypes as they were sent, lengths that are not minimal too.
#[test]
fn the_mechanisms_der_is_kept_as_sent() {
    let odd = [&[0x30, 0x82, 0x00, 0x0D][..], &[0x06, 0x81, 0x0A], NTLMSSP].concat();
    let token = der(0xA0, &[&der(0x30, &[&der(0xA0, &[&odd])])]);
    let init = NegTokenInit::decode(&token).unwrap();
    assert_eq!(init.mech_types_der, odd);
    assert_eq!(init.mech_types.iter().collect::<Vec<_>>(), [Oid(NTLMSSP)]);
}

/// Rule 28: a continuation in a frame, or without the SEQUENCE tag.
#[test]
fn all_forms_of_a_continuation_parse() {
    let token = der(0xA2, &[&der(0x04, &[b"token"])]);
    let mic = der(0xA3, &[&der(0x04, &[b"mic"])]);
    let usual = der(0xA1, &[&der(0x30, &[&token, &mic])]);
    let no_sequence = der(0xA1, &[&token, &mic]);
    for bytes in [
        gss::frame(SPNEGO, &usual),
        gss::frame(SPNEGO, &no_sequence),
        no_sequence,
        usual,
    ] {
        let response = NegTokenResp::decode(&bytes).unwrap();
        assert_eq!(response.response_token, Some(Octets(b"token")));
        assert_eq!(response.mech_list_mic, Some(Octets(b"mic")));
        assert_eq!((response.neg_state, response.supported_mech), (None, None));
    }
    let framed = gss::frame(gss::KRB5, &der(0xA1, &[&der(0x30, &[])]));
    let problem = Problem::BadValue { field: "thisMech" };
    assert_eq!(NegTokenResp::decode(&framed).unwrap_err().problem, problem);
    assert!(NegTokenResp::decode(&der(0xA1, &[&der(0x30, &[]), &mic])).is_err());
    NegTokenResp::decode(&[0xA1, 0x00]).unwrap();
}

#[test]
fn truncated_and_trailing_bytes_are_refused_and_no_flipped_bit_panics() {
    let init = hex(captures::SPNEGO_INIT);
    let resp = hex(captures::SPNEGO_RESP);
    let takes = |bytes: &[u8]| {
        drop(format!("{:?}", sniff(bytes)));
        (
            NegTokenInit::decode(bytes).is_ok(),
            NegTokenResp::decode(bytes).is_ok(),
        )
    };
    for good in [init, resp] {
        let longer: Vec<u8> = good.iter().copied().chain([0]).collect();
        assert_eq!(takes(&longer), (false, false));
        for end in 0..good.len() {
            assert_eq!(takes(&good[..end]), (false, false), "{end}");
        }
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            takes(&flipped);
        }
    }
}

/// Rule 28.
#[test]
fn the_first_bytes_tell_what_a_token_is() {
    assert_eq!(sniff(b""), Sniffed::Empty);
    assert_eq!(sniff(b"NTLMSSP\0\x01\0\0\0"), Sniffed::RawNtlm);
    assert_eq!(sniff(b"NTLMSSP"), Sniffed::Unknown);
    let token = hex(captures::SPNEGO_INIT);
    // A NegotiationToken's choice of a NegTokenInit is [0] (RFC 4178 4.2).
    assert!(matches!(
        sniff(&token),
        Sniffed::GssFramed(SPNEGO, inner) if inner.first() == Some(&0xA0) && token.ends_with(inner)
    ));
    assert_eq!(
        sniff(&gss::frame(gss::KRB5, b"\x01\0")),
        Sniffed::GssFramed(gss::KRB5, b"\x01\0")
    );
    assert_eq!(sniff(&[0x6E, 0x82]), Sniffed::BareApReq);
    assert_eq!(sniff(&[0xA0, 0x03]), Sniffed::BareNegTokenInit);
    assert_eq!(sniff(&REJECT), Sniffed::BareNegTokenResp);
    assert!(matches!(sniff(&[0x60, 0x80]), Sniffed::BadFrame(_)));
    assert!(matches!(sniff(&[0x60]), Sniffed::BadFrame(_)));
    assert_eq!(sniff(b"GET / HTTP/1.1"), Sniffed::Unknown);
}
