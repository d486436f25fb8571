//! Rules 1 and 2: frames, lengths, sizes, names.

use super::{Case, Forged, accept, ap, reject};
use crate::ap_req::{ApReqSpec, Frame, gss, oid};
use crate::der::Length;
use crate::ticket::{NT_ENTERPRISE, NT_PRINCIPAL, Name, if_relevant};
use crate::user_to_user::TgtRequest;
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [
        mechanisms(),
        ends(),
        lengths(),
        messages(),
        sizes(),
        names(),
    ]
    .concat()
}

fn frame(world: &World, change: impl FnOnce(&mut Frame)) -> Forged {
    ap(world, |a| change(&mut a.frame))
}

fn under(world: &World, oid: &[u8]) -> Forged {
    frame(world, |f| f.oid = Some(oid.to_vec()))
}

fn mechanisms() -> Vec<Case> {
    vec![
        accept(1, "frame_krb5", |w| w.ap_req().into()),
        accept(1, "frame_ms_krb5", |w| under(w, oid::MS_KRB5)),
        accept(1, "frame_old_krb5", |w| under(w, oid::OLD_KRB5)),
        reject(1, "frame_iakerb", "BadMechanism", |w| under(w, oid::IAKERB)),
        reject(1, "frame_unknown_oid", "BadMechanism", |w| {
            under(w, oid::UNKNOWN)
        }),
        reject(1, "frame_empty_oid", "Malformed", |w| under(w, b"")),
        reject(1, "frame_u2u_oid", "Malformed", |w| under(w, oid::KRB5_U2U)),
        reject(13, "frame_u2u_oid_and_use_session_key", "NoTgt", |w| {
            w.user_to_user(&w.tgt("tgt")).into()
        }),
        reject(13, "tgt_request", "NoTgt", |_| {
            TgtRequest::default().token().into()
        }),
        reject(13, "tgt_request_under_krb5", "MessageType", |_| {
            let mut request = TgtRequest::default();
            request.frame.oid = Some(oid::KRB5.to_vec());
            request.token().into()
        }),
        reject(1, "bare_without_dce", "Malformed", |w| {
            ap(w, |a| a.frame = Frame::bare())
        }),
        reject(1, "framed_with_dce", "Malformed", |w| {
            ap(w, |a| a.gss().flags |= gss::DCE)
        }),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        reject(1, "octet_after_frame", "Malformed", |w| {
            frame(w, |f| f.after = vec![0])
        }),
        reject(1, "second_token_after_frame", "Malformed", |w| {
            frame(w, |f| f.after = w.ap_req().token())
        }),
        reject(1, "octet_after_message", "Malformed", |w| {
            frame(w, |f| f.inside = vec![0])
        }),
        reject(1, "cut_by_one", "Malformed", |w| frame(w, |f| f.cut = 1)),
        reject(1, "cut_in_half", "Malformed", |w| frame(w, |f| f.cut = 300)),
        reject(1, "tag_alone", "Malformed", |_| vec![0x60].into()),
        reject(1, "empty_frame", "Malformed", |_| vec![0x60, 0].into()),
        reject(1, "oid_alone", "Malformed", |_| {
            let token_id = None;
            Frame {
                token_id,
                ..Frame::gss(oid::KRB5)
            }
            .wrap(b"")
            .into()
        }),
        reject(1, "half_a_token_id", "Malformed", |_| {
            let token_id = None;
            Frame {
                token_id,
                ..Frame::gss(oid::KRB5)
            }
            .wrap(&[1])
            .into()
        }),
        reject(1, "wrong_outer_tag", "Malformed", |w| {
            frame(w, |f| f.tag = 0x61)
        }),
        reject(1, "text", "Malformed", |_| {
            b"GET / HTTP/1.1\r\n\r\n".to_vec().into()
        }),
    ]
}

fn length(world: &World, length: Length) -> Forged {
    frame(world, |f| f.length = length)
}

fn lengths() -> Vec<Case> {
    vec![
        reject(1, "length_one_short", "Malformed", |w| {
            length(w, Length::Off(-1))
        }),
        reject(1, "length_one_long", "Malformed", |w| {
            length(w, Length::Off(1))
        }),
        accept(1, "length_not_minimal", |w| length(w, Length::Padded(1))),
        reject(1, "length_indefinite", "Malformed", |w| {
            length(w, Length::Indefinite)
        }),
        reject(1, "length_4_octets_of_ff", "Malformed", |w| {
            length(w, Length::Absurd(4))
        }),
        reject(1, "length_8_octets_of_ff", "Malformed", |w| {
            length(w, Length::Absurd(8))
        }),
        reject(1, "length_127_octets_of_ff", "Malformed", |w| {
            length(w, Length::Absurd(127))
        }),
        accept(1, "oid_length_not_minimal", |w| {
            frame(w, |f| f.oid_length = Length::Padded(0))
        }),
        accept(1, "ap_req_length_not_minimal", |w| {
            ap(w, |a| a.over.length = Length::Padded(1))
        }),
        reject(1, "ap_req_length_one_long", "Malformed", |w| {
            ap(w, |a| a.over.length = Length::Off(1))
        }),
        reject(1, "ap_req_length_indefinite", "Malformed", |w| {
            ap(w, |a| a.over.length = Length::Indefinite)
        }),
    ]
}

fn id(world: &World, id: [u8; 2]) -> Forged {
    frame(world, |f| f.token_id = Some(id))
}

fn messages() -> Vec<Case> {
    vec![
        reject(1, "token_id_ap_rep", "MessageType", |w| id(w, [2, 0])),
        reject(1, "token_id_error", "MessageType", |w| id(w, [3, 0])),
        reject(1, "token_id_wrap", "MessageType", |w| id(w, [5, 4])),
        reject(1, "token_id_big_endian", "MessageType", |w| id(w, [0, 1])),
        reject(1, "token_id_missing", "MessageType", |w| {
            frame(w, |f| f.token_id = None)
        }),
        reject(1, "pvno_4", "BadVersion", |w| {
            ap(w, |a| a.over.pvno = Some(4))
        }),
        reject(1, "msg_type_15", "BadVersion", |w| {
            ap(w, |a| a.over.msg_type = Some(15))
        }),
        reject(1, "ticket_version_4", "BadVersion", |w| {
            ap(w, |a| a.ticket.over.vno = Some(4))
        }),
        reject(1, "authenticator_version_4", "BadVersion", |w| {
            ap(w, |a| a.over.authenticator_vno = Some(4))
        }),
        reject(1, "message_is_empty", "Malformed", |w| {
            ap(w, |a| a.over.whole = Some(Vec::new()))
        }),
        reject(1, "message_is_no_der", "Malformed", |w| {
            ap(w, |a| a.over.whole = Some(vec![0x6e; 300]))
        }),
        reject(1, "message_is_a_ticket", "Malformed", |w| {
            ap(w, |a| a.over.whole = Some(a.ticket.encode()))
        }),
        reject(1, "ticket_is_no_der", "Malformed", |w| {
            ap(w, |a| a.ticket.over.whole = Some(vec![0x61; 40]))
        }),
        reject(1, "ticket_part_is_no_der", "Malformed", |w| {
            ap(w, |a| a.ticket.over.enc_part = Some(vec![0x63; 40]))
        }),
        reject(1, "ticket_part_with_octet_after", "Malformed", |w| {
            ap(w, |a| a.ticket.over.enc_part_trailing = vec![0])
        }),
        reject(1, "authenticator_is_no_der", "Malformed", |w| {
            ap(w, |a| a.over.authenticator = Some(vec![0x62; 40]))
        }),
        reject(1, "authenticator_with_octet_after", "Malformed", |w| {
            ap(w, |a| a.over.authenticator_trailing = vec![0])
        }),
    ]
}

/// An AP-REQ whose ticket has `n` octets of authorization data that nobody needs to know.
fn heavy(world: &World, n: usize) -> ApReqSpec {
    let mut spec = world.ap_req();
    spec.ticket.authdata = vec![if_relevant(&[(-17, vec![7; n])])];
    spec
}

fn sizes() -> Vec<Case> {
    vec![
        accept(1, "ticket_of_4_kib", |w| heavy(w, 4 << 10).into()),
        accept(1, "ticket_of_60_kib", |w| heavy(w, 60 << 10).into()),
        reject(1, "ticket_of_70_kib", "TokenTooLarge", |w| {
            heavy(w, 70 << 10).into()
        }),
    ]
}

fn client(world: &World, kind: i64, parts: &[&[u8]]) -> Forged {
    ap(world, |a| a.ticket.cname = Name::new(kind, parts))
}

fn names() -> Vec<Case> {
    vec![
        accept(2, "client_utf8", |w| {
            client(w, NT_PRINCIPAL, &["jürgen".as_bytes()])
        })
        .peer("jürgen@EXAMPLE.TEST"),
        accept(2, "client_not_utf8", |w| {
            client(w, NT_PRINCIPAL, &[b"j\xfcrgen"])
        })
        .peer_octets(b"j\xfcrgen@EXAMPLE.TEST"),
        accept(2, "client_two_components", |w| {
            client(w, NT_PRINCIPAL, &[b"alice", b"admin"])
        })
        .peer("alice/admin@EXAMPLE.TEST"),
        accept(2, "client_slash_in_component", |w| {
            client(w, NT_PRINCIPAL, &[b"al/ice"])
        })
        .peer("al\\/ice@EXAMPLE.TEST"),
        accept(2, "client_at_in_component", |w| {
            client(w, NT_ENTERPRISE, &[b"alice@ad.test"])
        })
        .peer("alice\\@ad.test@EXAMPLE.TEST"),
        accept(2, "client_backslash", |w| {
            client(w, NT_PRINCIPAL, &[b"al\\ice"])
        })
        .peer("al\\\\ice@EXAMPLE.TEST"),
        accept(2, "client_newline_and_tab", |w| {
            client(w, NT_PRINCIPAL, &[b"al\nice\t"])
        })
        .peer("al\\nice\\t@EXAMPLE.TEST"),
        accept(2, "client_empty_component", |w| {
            client(w, NT_PRINCIPAL, &[b"alice", b""])
        })
        .peer("alice/@EXAMPLE.TEST"),
        accept(2, "client_machine_account", |w| {
            client(w, NT_PRINCIPAL, &[b"HOST1$"])
        })
        .peer("HOST1$@EXAMPLE.TEST"),
        accept(2, "client_nul_in_component", |w| {
            client(w, NT_PRINCIPAL, &[b"al\0ice"])
        })
        .peer("al\\0ice@EXAMPLE.TEST"),
        accept(2, "client_ten_components", |w| {
            client(w, NT_PRINCIPAL, &[&b"x"[..]; 10])
        })
        .peer("x/x/x/x/x/x/x/x/x/x@EXAMPLE.TEST"),
        accept(2, "client_realm_utf8", |w| {
            ap(w, |a| a.ticket.crealm = "MÜNCHEN.TEST".as_bytes().to_vec())
        })
        .peer("alice@MÜNCHEN.TEST"),
    ]
}
