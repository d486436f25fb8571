//! What other implementations wrote is read and written again; what is
//! broken is refused; nothing panics.

mod captures;
mod elements;
mod glances;
mod lists;

use super::authdata::{ad_type, walk};
use super::checksum::{GSS_CHECKSUM, GssChecksum, flags};
use super::cred::{EncKrbCredPart, KrbCred};
use super::der::{Element as _, Reader};
use super::gss::{self, token_id};
use super::messages::{ApRep, ApReq, Authenticator, EncApRepPart, EncTicketPart, KrbError, Ticket};
use super::parts::{EncryptedData, EncryptionKey, PrincipalName, TransitedEncoding, texts};
use super::wire::{Flags, KerberosTime, List, Number, Octets, Text};
use super::{CodecError, Decoded, Problem};
use crate::etype::EncryptionType;
use crate::hex::hex;
use crate::name::Principal;

fn ap_req() -> Vec<u8> {
    gss::parse(&hex(captures::AP_REQ_TOKEN))
        .unwrap()
        .body
        .to_vec()
}

fn ap_rep() -> Vec<u8> {
    gss::parse(&hex(captures::AP_REP_TOKEN))
        .unwrap()
        .body
        .to_vec()
}

/// It is in the clear.
fn enc_krb_cred_part() -> Vec<u8> {
    let message = hex(captures::KRB_CRED);
    let cred = KrbCred::decode(&message).unwrap();
    cred.enc_part.cipher.0.to_vec()
}

/// Every good message, and whether its decoder takes some bytes.
type Case = (&'static str, Vec<u8>, fn(&[u8]) -> Decoded<()>);

fn cases() -> Vec<Case> {
    vec![
        ("frame", hex(captures::AP_REQ_TOKEN), |b| {
            gss::parse(b).map(drop)
        }),
        ("AP-REQ", ap_req(), |b| ApReq::decode(b).map(drop)),
        ("EncTicketPart", hex(captures::ENC_TICKET_PART), |b| {
            EncTicketPart::decode(b).map(drop)
        }),
        ("Authenticator", hex(captures::AUTHENTICATOR), |b| {
            Authenticator::decode(b).map(drop)
        }),
        ("AP-REP", ap_rep(), |b| ApRep::decode(b).map(drop)),
        ("EncAPRepPart", hex(captures::ENC_AP_REP_PART), |b| {
            EncApRepPart::decode(b).map(drop)
        }),
        ("KRB-ERROR", hex(captures::KRB_ERROR), |b| {
            KrbError::decode(b).map(drop)
        }),
        ("KRB-CRED", hex(captures::KRB_CRED), |b| {
            KrbCred::decode(b).map(drop)
        }),
        ("EncKrbCredPart", enc_krb_cred_part(), |b| {
            EncKrbCredPart::decode(b).map(drop)
        }),
    ]
}

/// Rule 1: the frame of RFC 2743 3.1.
#[test]
fn a_frame_is_taken_off_and_put_on() {
    let token = hex(captures::AP_REQ_TOKEN);
    let framed = gss::parse(&token).unwrap();
    assert_eq!((framed.oid, framed.token_id), (gss::KRB5, token_id::AP_REQ));
    assert_eq!(
        gss::frame_message(gss::KRB5, token_id::AP_REQ, framed.body),
        token
    );
    let reply = hex(captures::AP_REP_TOKEN);
    let framed = gss::parse(&reply).unwrap();
    assert_eq!(framed.token_id, token_id::AP_REP);
    assert_eq!(
        gss::frame_message(gss::KRB5, token_id::AP_REP, framed.body),
        reply
    );
}

/// Rule 1: lengths of more octets than needed pass, as in MIT krb5; an
/// indefinite one does not, nor does a token without room for its id.
#[test]
fn the_frames_length_is_definite_and_exact() {
    let good = [0x60, 0x05, 0x06, 0x01, 0x2A, 0x01, 0x00];
    assert_eq!(gss::parse(&good).unwrap().body, b"");
    for long in [
        vec![0x60, 0x81, 0x05, 0x06, 0x01, 0x2A, 0x01, 0x00],
        vec![
            0x60, 0x84, 0, 0, 0, 0x06, 0x06, 0x81, 0x01, 0x2A, 0x01, 0x00,
        ],
    ] {
        assert_eq!(gss::parse(&long).unwrap(), gss::parse(&good).unwrap());
    }
    for (bad, problem) in [
        (
            vec![0x60, 0x80, 0x06, 0x01, 0x2A, 0x01, 0x00, 0x00, 0x00],
            Problem::BadLength,
        ),
        (
            vec![0x60, 0x04, 0x06, 0x01, 0x2A, 0x01, 0x00],
            Problem::TrailingBytes,
        ),
        (vec![0x60, 0x04, 0x06, 0x01, 0x2A, 0x01], Problem::Truncated),
        (
            vec![0x60, 0x06, 0x06, 0x01, 0x2A, 0x01, 0x00],
            Problem::Truncated,
        ),
        (
            vec![0x61, 0x05, 0x06, 0x01, 0x2A, 0x01, 0x00],
            Problem::BadTag,
        ),
        (
            vec![0x60, 0x05, 0x04, 0x01, 0x2A, 0x01, 0x00],
            Problem::BadTag,
        ),
        (vec![], Problem::Truncated),
    ] {
        assert_eq!(gss::parse(&bad).unwrap_err().problem, problem, "{bad:02x?}");
    }
}

#[test]
fn an_ap_req_of_mit_is_read_and_written_again() {
    let bytes = ap_req();
    let request = ApReq::decode(&bytes).unwrap();
    assert_eq!(request.ap_options.0, ApReq::MUTUAL_REQUIRED);
    assert_eq!(request.ticket.realm.0, b"EXAMPLE.COM");
    let server = request.ticket.sname.in_realm(request.ticket.realm);
    assert_eq!(server, "HTTP/web.example.com@EXAMPLE.COM".parse().unwrap());
    assert!(request.ticket.sname.is(request.ticket.realm, &server));
    assert_eq!(
        request.ticket.enc_part.etype,
        EncryptionType::AES256_CTS_HMAC_SHA1_96
    );
    assert_eq!(request.ticket.enc_part.kvno, Some(2));
    assert_eq!(request.ticket.enc_part.cipher.0.len(), 0x166);
    assert_eq!(request.authenticator.kvno, None);
    assert_eq!(request.encode().unwrap(), bytes);
}

/// Expected values from the same bytes as impacket prints them.
#[test]
fn a_ticket_of_mit_is_read_and_written_again() {
    let bytes = hex(captures::ENC_TICKET_PART);
    let ticket = EncTicketPart::decode(&bytes).unwrap();
    assert_eq!(ticket.flags.0, 0x0009_0000);
    assert_eq!(ticket.key.keytype, EncryptionType::AES256_CTS_HMAC_SHA1_96);
    assert_eq!(&ticket.key.keyvalue.0[..4], [0x77, 0x74, 0x30, 0xF3]);
    assert_eq!(
        ticket.cname.in_realm(ticket.crealm),
        "alice@EXAMPLE.COM".parse().unwrap()
    );
    assert_eq!(
        (ticket.transited.tr_type, ticket.transited.contents.0),
        (1, b"".as_slice())
    );
    // date -u -d '2026-11-22 19:10:19' +%s
    assert_eq!(ticket.authtime.0, 1_795_374_619);
    assert_eq!(ticket.endtime.0 - ticket.authtime.0, 86_400);
    assert_eq!((ticket.starttime, ticket.renew_till), (None, None));
    let found: Vec<_> = walk(&ticket.authorization_data.unwrap())
        .map(Result::unwrap)
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].ad_type, found[0].data.len()),
        (ad_type::WIN2K_PAC, 144)
    );
    assert_eq!(ticket.encode().unwrap(), bytes);
    assert!(
        !format!("{ticket:?}").contains("119, 116, 48"),
        "the key is not printed"
    );
}

#[test]
fn an_authenticator_of_mit_is_read_and_written_again() {
    let bytes = hex(captures::AUTHENTICATOR);
    let authenticator = Authenticator::decode(&bytes).unwrap();
    assert_eq!(
        (authenticator.ctime.0, authenticator.cusec),
        (1_795_374_619, 623_858)
    );
    assert_eq!(authenticator.seq_number, Some(140_400_707));
    assert_eq!(authenticator.subkey.unwrap().keyvalue.0.len(), 32);
    let checksum = authenticator.cksum.unwrap();
    assert_eq!(checksum.cksumtype, GSS_CHECKSUM);
    let checksum = GssChecksum::parse(checksum.checksum.0).unwrap();
    assert_eq!(checksum.bindings, [0; 16]);
    assert_eq!(
        checksum.flags,
        0x100 | flags::MUTUAL | flags::CONF | flags::INTEG
    );
    assert_eq!(authenticator.encode().unwrap(), bytes);
}

#[test]
fn replies_of_mit_are_read_and_written_again() {
    let bytes = ap_rep();
    let reply = ApRep::decode(&bytes).unwrap();
    assert_eq!(ApRep::new(reply.enc_part).encode().unwrap(), bytes);
    let bytes = hex(captures::ENC_AP_REP_PART);
    let part = EncApRepPart::decode(&bytes).unwrap();
    assert_eq!((part.ctime.0, part.cusec), (1_795_374_619, 623_858));
    assert_eq!(part.seq_number, Some(0x394F_10F7));
    assert_eq!(part.encode().unwrap(), bytes);
}

/// Values as `openssl asn1parse` shows them.
#[test]
fn a_krb_cred_of_heimdal_is_read_and_written_again() {
    let bytes = hex(captures::KRB_CRED);
    let cred = KrbCred::decode(&bytes).unwrap();
    assert_eq!(cred.encode().unwrap(), bytes);
    assert_eq!(cred.enc_part.etype, EncryptionType(0));
    let tickets = cred.ticket_bytes().unwrap();
    let [(ticket, whole)] = tickets.as_slice() else {
        panic!("{tickets:?}");
    };
    let tgs: Principal = "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST".parse().unwrap();
    assert!(ticket.sname.is(ticket.realm, &tgs));
    assert_eq!(*whole, &bytes[26..476]);
    let plain = enc_krb_cred_part();
    let part = EncKrbCredPart::decode(&plain).unwrap();
    assert_eq!(part.encode().unwrap(), plain);
    assert_eq!(part.usec, Some(0x1_83BB));
    let info = part.ticket_info.iter().next().unwrap();
    let key = (info.key.keytype, info.key.keyvalue.0.len());
    assert_eq!(key, (EncryptionType(18), 32));
    let alice: Principal = "alice@EXAMPLE.TEST".parse().unwrap();
    assert!(info.pname.unwrap().is(info.prealm.unwrap(), &alice));
    assert!(info.sname.unwrap().is(info.srealm.unwrap(), &tgs));
    assert_eq!(info.flags, Some(Flags(0x60A9_0000)));
    for (time, text) in [
        (info.authtime, b"20261122225724Z"),
        (info.starttime, b"20261122225725Z"),
        (info.endtime, b"20261123085724Z"),
        (info.renew_till, b"20261123225724Z"),
    ] {
        assert_eq!(time, KerberosTime::from_text(text));
    }
    assert_eq!(info.caddr.unwrap().iter().count(), 0);
}

/// The bytes are impacket's; the e-data is rule 21's.
#[test]
fn a_krb_error_is_written_as_others_write_it() {
    let server = Principal::new("EXAMPLE.COM", &["HTTP", "web"], Principal::NT_SRV_HST);
    let components = texts(&server);
    let error = KrbError {
        pvno: Number,
        msg_type: Number,
        ctime: None,
        cusec: None,
        stime: KerberosTime(1_769_860_800),
        susec: 123_456,
        error_code: 37,
        crealm: None,
        cname: None,
        realm: Text(server.realm()),
        sname: PrincipalName {
            name_type: server.name_type(),
            name_string: List::of(&components),
        },
        e_text: None,
        e_data: Some(Octets(&[0x30, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x02])),
    };
    let bytes = error.encode().unwrap();
    assert_eq!(bytes, hex(captures::KRB_ERROR));
    let read = KrbError::decode(&bytes).unwrap();
    assert_eq!(
        (read.error_code, read.stime, read.susec),
        (37, error.stime, 123_456)
    );
    assert!(read.sname.is(read.realm, &server));
}

/// Rule 1: what is cut off, or has something after it, is refused.
#[test]
fn truncated_and_trailing_bytes_are_refused() {
    for (name, bytes, decode) in cases() {
        decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
        assert_eq!(
            decode(&longer).unwrap_err().problem,
            Problem::TrailingBytes,
            "{name}"
        );
    }
}

#[test]
fn no_flipped_bit_panics() {
    for (_, bytes, decode) in cases() {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let _ = decode(&flipped);
            if let Ok(part) = EncTicketPart::decode(&flipped) {
                drop(format!("{part:?}"));
                part.authorization_data
                    .iter()
                    .for_each(|list| walk(list).for_each(drop));
            }
        }
    }
}

/// A length of nearly 4 GiB, at each place where one is: refused before
/// anything is taken for it.
#[test]
fn a_huge_claimed_length_is_refused() {
    for (name, bytes, decode) in cases() {
        for at in 1..bytes.len().min(80) {
            let mut huge = bytes[..at].to_vec();
            huge.extend_from_slice(&[0x84, 0xFF, 0xFF, 0xFF, 0xF0]);
            huge.extend_from_slice(&bytes[at..]);
            assert!(decode(&huge).is_err(), "{name} at {at}");
            huge[at] = 0xFE;
            assert!(decode(&huge).is_err(), "{name} at {at}");
        }
    }
}

/// An element with all its lengths in five octets.
fn widened(der: &[u8]) -> Vec<u8> {
    let Some((&identifier, rest)) = der.split_first() else {
        return Vec::new();
    };
    let (length, rest) = match rest[0] {
        short @ 0..0x80 => (usize::from(short), &rest[1..]),
        long => {
            let count = usize::from(long & 0x7F);
            let length = rest[1..=count]
                .iter()
                .fold(0, |n, b| n << 8 | usize::from(*b));
            (length, &rest[1 + count..])
        }
    };
    let (contents, after) = rest.split_at(length);
    let contents = if identifier & 0x20 == 0 {
        contents.to_vec()
    } else {
        widened(contents)
    };
    let mut wide = vec![identifier, 0x84];
    wide.extend_from_slice(&u32::try_from(contents.len()).unwrap().to_be_bytes());
    wide.extend_from_slice(&contents);
    wide.extend_from_slice(&widened(after));
    wide
}

/// Rule 1 and MIT krb5's decoder: a length may take more octets than needed.
#[test]
fn lengths_that_are_not_minimal_pass() {
    for (name, bytes, decode) in cases().into_iter().skip(1) {
        decode(&widened(&bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let wide = widened(&ap_req());
    let request = ApReq::decode(&wide).unwrap();
    assert_eq!(request.encode().unwrap(), ap_req());
}

#[test]
fn an_indefinite_length_is_refused() {
    let mut bytes = ap_req();
    let open = [&[0x6E, 0x80][..], &bytes.split_off(4), &[0, 0]].concat();
    assert_eq!(
        ApReq::decode(&open).unwrap_err().problem,
        Problem::BadLength
    );
}

/// RFC 4120 1.5.1: a message is not declined because of an extension.
#[test]
fn an_unknown_field_at_the_end_is_passed_over() {
    let part = hex(captures::ENC_AP_REP_PART);
    // The outer lengths are 0x51 and 0x4F; a field [9] of 5 octets follows.
    let mut extended = part.clone();
    extended.extend_from_slice(&[0xA9, 0x03, 0x02, 0x01, 0x07]);
    (extended[1], extended[3]) = (0x56, 0x54);
    let read = EncApRepPart::decode(&extended).unwrap();
    assert_eq!(read.encode().unwrap(), part);
    // It must be an element, all the same.
    extended[part.len() + 1] = 0x04;
    assert_eq!(
        EncApRepPart::decode(&extended).unwrap_err().problem,
        Problem::Truncated
    );
}

/// RFC 4120 1.5.1 has extensions with tags of their own: a known field that
/// comes twice or late is none, and neither is an element that is no field.
#[test]
fn what_is_no_extension_is_refused() {
    let part = hex(captures::ENC_AP_REP_PART);
    // [3] is the last field; [31] needs a longer identifier.
    for field in [0xA0, 0xA2, 0xA3, 0x84, 0x02, 0x30, 0xE4, 0xBF] {
        let mut extended = part.clone();
        extended.extend_from_slice(&[field, 0x03, 0x02, 0x01, 0x07]);
        (extended[1], extended[3]) = (0x56, 0x54);
        let error = EncApRepPart::decode(&extended).unwrap_err();
        assert_eq!(error.problem, Problem::BadTag, "{field:02x}");
    }
    // Two extensions come in their order.
    for (numbers, taken) in [
        ([0xA9, 0xAA], true),
        ([0xAA, 0xA9], false),
        ([0xA9, 0xA9], false),
    ] {
        let mut extended = part.clone();
        for field in numbers {
            extended.extend_from_slice(&[field, 0x03, 0x02, 0x01, 0x07]);
        }
        (extended[1], extended[3]) = (0x5B, 0x59);
        assert_eq!(
            EncApRepPart::decode(&extended).is_ok(),
            taken,
            "{numbers:02x?}"
        );
    }
}

/// An explicit tag holds one element (X.690 8.14.3).
#[test]
fn a_field_with_a_second_element_is_refused() {
    let mut part = hex(captures::ENC_AP_REP_PART);
    let at = part.len() - 8;
    // The last field: [3], an INTEGER of four octets.
    assert_eq!(part[at..at + 4], [0xA3, 6, 2, 4]);
    part.extend_from_slice(&[2, 1, 7]);
    part[at + 1] += 3;
    (part[1], part[3]) = (part[1] + 3, part[3] + 3);
    let error = EncApRepPart::decode(&part).unwrap_err();
    assert_eq!(error.problem, Problem::TrailingBytes);
}

/// Nothing stands beside the SEQUENCE under a ticket's tag.
#[test]
fn a_ticket_with_a_second_element_is_refused() {
    let good = ApReq::decode(&ap_req()).map(|request| request.ticket.encode().unwrap());
    let mut ticket = good.unwrap();
    // APPLICATION 1, and a length of two octets after the first.
    assert_eq!(ticket[..2], [0x61, 0x82]);
    let length = u16::from_be_bytes([ticket[2], ticket[3]]) + 2;
    ticket[2..4].copy_from_slice(&length.to_be_bytes());
    ticket.extend_from_slice(&[0x30, 0]);
    let error = Ticket::decode(&ticket).unwrap_err();
    assert_eq!(
        (error.part, error.problem),
        ("Ticket", Problem::TrailingBytes)
    );
}

/// X.690 8.3.1: an INTEGER is primitive.
#[test]
fn a_constructed_integer_is_refused() {
    let mut request = ap_req();
    // The value of pvno, whose contents are at 12.
    assert_eq!(request[10..13], [2, 1, 5]);
    request[10] = 0x22;
    let error = ApReq::decode(&request).unwrap_err();
    assert_eq!(error.problem, Problem::BadTag);
}

/// An AP-REQ whose version, message type or application tag is another's.
#[test]
fn version_type_and_tag_are_checked() {
    let good = ap_req();
    for (at, field) in [(12, "pvno"), (17, "msg-type")] {
        let mut bytes = good.clone();
        bytes[at] += 1;
        let error = ApReq::decode(&bytes).unwrap_err();
        let problem = Problem::BadValue { field };
        assert_eq!(
            *error,
            CodecError {
                part: "AP-REQ",
                problem,
                offset: Some(at + 1)
            }
        );
    }
    let mut bytes = good;
    bytes[0] = 0x6F;
    assert_eq!(ApReq::decode(&bytes).unwrap_err().problem, Problem::BadTag);
    assert_eq!(ApRep::decode(&ap_req()).unwrap_err().offset, Some(0));
}

/// The EncryptedData with this kvno, as its DER is sent.
fn with_kvno(integer: &[u8]) -> Vec<u8> {
    let kvno = [
        &[0xA1, integer.len() as u8 + 2, 0x02, integer.len() as u8],
        integer,
    ]
    .concat();
    let data = [
        &[0xA0, 0x03, 0x02, 0x01, 0x12][..],
        &kvno,
        &[0xA2, 0x03, 0x04, 0x01, 0x00],
    ];
    let data = data.concat();
    let data = [
        &[0xA2, data.len() as u8 + 2, 0x30, data.len() as u8],
        data.as_slice(),
    ]
    .concat();
    let reply = [
        &[0xA0, 0x03, 0x02, 0x01, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x0F][..],
        &data,
    ];
    let reply = reply.concat();
    [
        &[0x6F, reply.len() as u8 + 2, 0x30, reply.len() as u8],
        reply.as_slice(),
    ]
    .concat()
}

/// Rule 3: modulo 2^32, whichever way the peer wrote the number.
#[test]
fn kvno_is_read_modulo_2_to_the_32() {
    for (integer, kvno) in [
        (&[0x02][..], 2),
        (&[0xFF], 0xFFFF_FFFF),
        (&[0x80, 0, 0, 0x03], 0x8000_0003),
        (&[0x00, 0x80, 0, 0, 0x03], 0x8000_0003),
        (&[0x00, 0x00, 0x00, 0x01], 1),
    ] {
        let bytes = with_kvno(integer);
        assert_eq!(ApRep::decode(&bytes).unwrap().enc_part.kvno, Some(kvno));
    }
    for integer in [
        &[][..],
        &[0x01, 0, 0, 0, 0],
        &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF],
        &[1; 40],
    ] {
        assert!(
            ApRep::decode(&with_kvno(integer)).is_err(),
            "{integer:02x?}"
        );
    }
}

/// Rule 3, for the sequence number: as -2 and as 4294967294.
#[test]
fn a_negative_sequence_number_is_a_large_one() {
    let part = EncApRepPart {
        ctime: KerberosTime(0),
        cusec: 0,
        subkey: None,
        seq_number: Some(0xFFFF_FFFE),
    };
    let bytes = part.encode().unwrap();
    assert!(bytes.ends_with(&[0xA3, 0x07, 0x02, 0x05, 0x00, 0xFF, 0xFF, 0xFF, 0xFE]));
    assert_eq!(
        EncApRepPart::decode(&bytes).unwrap().seq_number,
        Some(0xFFFF_FFFE)
    );
    let mut negative = bytes[..bytes.len() - 9].to_vec();
    negative.extend_from_slice(&[0xA3, 0x03, 0x02, 0x01, 0xFE]);
    (negative[1], negative[3]) = (negative[1] - 4, negative[3] - 4);
    assert_eq!(
        EncApRepPart::decode(&negative).unwrap().seq_number,
        Some(0xFFFF_FFFE)
    );
}

/// Rule 2: UTF-8, separators, NUL and bytes of no character set survive.
#[test]
fn names_are_bytes() {
    for components in [
        vec!["Müller".as_bytes()],
        vec![b"a/b@c\\d".as_slice(), b"\0", b"\xFF\xFE", b""],
        vec![],
    ] {
        let principal = Principal::new("RÉALM", &components, -7);
        let strings = texts(&principal);
        let ticket = Ticket {
            tkt_vno: Number,
            realm: Text(principal.realm()),
            sname: PrincipalName {
                name_type: -7,
                name_string: List::of(&strings),
            },
            enc_part: EncryptedData {
                etype: EncryptionType(-133),
                kvno: None,
                cipher: Octets(b"x"),
            },
        };
        let bytes = ticket.encode().unwrap();
        let read = Ticket::decode(&bytes).unwrap();
        assert_eq!(read.sname.in_realm(read.realm), principal);
        assert!(read.sname.same_components(&ticket.sname));
        assert_eq!(read.sname.name_type, -7);
        assert_eq!(read.enc_part.etype, EncryptionType(-133));
    }
}

/// Names are the same by their components and nothing else, whether they were
/// read or are to be sent: "a", "b" is not "ab", nor is it "a/b".
#[test]
fn names_are_the_same_by_their_components() {
    let names: [&[&[u8]]; 8] = [
        &[],
        &[b""],
        &[b"", b""],
        &[b"alice"],
        &[b"alicf"],
        &[b"a", b"b"],
        &[b"ab"],
        &[b"a/b"],
    ];
    let texts: Vec<Vec<Text<'_>>> = names
        .iter()
        .map(|name| name.iter().map(|part| Text(part)).collect())
        .collect();
    let given = |index: usize, name_type| PrincipalName {
        name_type,
        name_string: List::of(&texts[index]),
    };
    let sent: Vec<Vec<u8>> = (0..names.len())
        .map(|index| {
            let ticket = Ticket {
                tkt_vno: Number,
                realm: Text(b"R"),
                sname: given(index, 1),
                enc_part: EncryptedData {
                    etype: EncryptionType(18),
                    kvno: None,
                    cipher: Octets(b"x"),
                },
            };
            ticket.encode().unwrap()
        })
        .collect();
    let read = |index: usize| Ticket::decode(&sent[index]).unwrap().sname;
    for (one, name) in names.iter().enumerate() {
        for (other, second) in names.iter().enumerate() {
            let same = name == second;
            assert_eq!(read(one).same_components(&read(other)), same);
            assert_eq!(read(one).same_components(&given(other, 2)), same);
            assert_eq!(given(one, 1).same_components(&read(other)), same);
            assert_eq!(given(one, 1).same_components(&given(other, 2)), same);
        }
    }
}

/// RFC 4120 5.2.3: this form alone. Seconds from `date -u -d`.
#[test]
fn times_have_one_form() {
    for (text, seconds) in [
        ("19700101000000Z", 0),
        ("20000229235959Z", 951_868_799),
        ("19691231235959Z", -1),
        ("20380119031408Z", 2_147_483_648),
        ("99991231235959Z", 253_402_300_799),
        ("00000101000000Z", -62_167_219_200),
    ] {
        assert_eq!(
            KerberosTime::from_text(text.as_bytes()),
            Some(KerberosTime(seconds))
        );
        assert_eq!(KerberosTime(seconds).to_text(), text.as_bytes());
    }
    for text in [
        "20010229000000Z",
        "19000229000000Z",
        "20001301000000Z",
        "20000001000000Z",
        "20000100000000Z",
        "20000431000000Z",
        "20000101240000Z",
        "20000101006000Z",
        "20000101000060Z",
        "20000101000000",
        "20000101000000+",
        "20000101000000.5Z",
        "200001010000Z",
        "2000010100000 Z",
        "+2000101000000Z",
        "",
    ] {
        assert_eq!(KerberosTime::from_text(text.as_bytes()), None, "{text}");
    }
    assert_eq!(KerberosTime(i64::MAX).to_text(), *b"99991231235959Z");
    assert_eq!(KerberosTime(i64::MIN).to_text(), *b"00000101000000Z");
}

/// RFC 4120 5.2.4: 0 to 999999.
#[test]
fn microseconds_have_a_limit() {
    for (cusec, valid) in [
        (0, true),
        (999_999, true),
        (1_000_000, false),
        (u32::MAX, false),
    ] {
        let part = EncApRepPart {
            ctime: KerberosTime(0),
            cusec,
            subkey: None,
            seq_number: None,
        };
        let bytes = part.encode().unwrap();
        assert_eq!(EncApRepPart::decode(&bytes).is_ok(), valid, "{cusec}");
    }
}

/// RFC 4120 5.2.8, and shorter ones as MIT krb5 reads them.
#[test]
fn flags_may_be_shorter_or_longer_than_32_bits() {
    let ticket = |flags: &[u8]| {
        let key = EncryptionKey {
            keytype: EncryptionType(17),
            keyvalue: Octets(&[0; 16]),
        };
        let part = EncTicketPart {
            flags: Flags(0),
            key,
            crealm: Text(b"R"),
            cname: PrincipalName {
                name_type: 1,
                name_string: List::of(&[Text(b"a")]),
            },
            transited: TransitedEncoding {
                tr_type: 0,
                contents: Octets(b""),
            },
            authtime: KerberosTime(0),
            starttime: None,
            endtime: KerberosTime(0),
            renew_till: None,
            caddr: None,
            authorization_data: None,
        };
        let bytes = part.encode().unwrap();
        // 63 len 30 len a0 07 03 05 00 00 00 00 00 ...
        assert_eq!(bytes[4..8], [0xA0, 0x07, 0x03, 0x05]);
        let mut changed = vec![0xA0, flags.len() as u8 + 2, 0x03, flags.len() as u8];
        changed.extend_from_slice(flags);
        changed.extend_from_slice(&bytes[13..]);
        let mut whole = vec![0x63, changed.len() as u8 + 2, 0x30, changed.len() as u8];
        whole.extend_from_slice(&changed);
        EncTicketPart::decode(&whole).map(|part| part.flags.0)
    };
    assert_eq!(ticket(&[0, 0x00, 0x80, 0x00, 0x01]), Ok(0x0080_0001));
    assert_eq!(ticket(&[0, 0x40]), Ok(0x4000_0000));
    assert_eq!(ticket(&[4, 0xFF]), Ok(0xF000_0000));
    assert_eq!(ticket(&[0]), Ok(0));
    assert_eq!(ticket(&[0, 1, 2, 3, 4, 5]), Ok(0x0102_0304));
    assert_eq!(ticket(&[7, 1, 2, 3, 4, 0xFF]), Ok(0x0102_0304));
    for bad in [&[][..], &[8, 0, 0, 0, 0], &[1]] {
        assert!(ticket(bad).is_err(), "{bad:02x?}");
    }
}

#[test]
fn an_error_says_what_and_where_and_quotes_nothing() {
    let error = ApReq::decode(b"GET / HTTP/1.1").unwrap_err();
    assert_eq!(error.to_string(), "AP-REQ: unexpected element at byte 0");
    let problem = Problem::BadValue { field: "pvno" };
    let error = CodecError::new("AP-REQ", problem);
    assert_eq!(error.to_string(), "AP-REQ: bad value of pvno");
}

/// A bound on names: what a stranger writes makes no more work, and no longer
/// lines in a log, than that.
#[test]
fn a_name_of_too_many_components_or_bytes_is_refused() {
    let read = |components: &[Text<'_>]| {
        let name = PrincipalName {
            name_type: 1,
            name_string: List::of(components),
        };
        let der = super::encode::encode("PrincipalName", &name).unwrap();
        let read = PrincipalName::read(&mut Reader::new("PrincipalName", &der));
        read.map(|name| name.components().count())
    };
    assert_eq!(read(&[Text(b"a"); 32]), Ok(32));
    assert_eq!(
        read(&[Text(b"a"); 33]).unwrap_err().problem,
        Problem::TooMany
    );
    assert_eq!(read(&[Text(&[b'a'; 1000])]), Ok(1));
    assert_eq!(
        read(&[Text(&[b'a'; 1100])]).unwrap_err().problem,
        Problem::TooMany
    );
}

/// The same for a realm, in whichever message.
#[test]
fn a_realm_of_too_many_bytes_is_refused() {
    let bytes = ap_req();
    let good = ApReq::decode(&bytes).unwrap();
    for (length, passes) in [(0, true), (1024, true), (1025, false), (60_000, false)] {
        let realm = vec![b'A'; length];
        let ticket = Ticket {
            realm: Text(&realm),
            ..good.ticket
        };
        let changed = ApReq { ticket, ..good }.encode().unwrap();
        let read = ApReq::decode(&changed).map(|read| read.ticket.realm.0.len());
        match read {
            Ok(found) => assert!(passes && found == length, "{length}"),
            Err(error) => {
                assert!(!passes, "{length}");
                assert_eq!(error.problem, Problem::BadValue { field: "Realm" });
                assert_eq!(error.part, "Ticket");
            }
        }
    }
    let bytes = hex(captures::AUTHENTICATOR);
    let good = Authenticator::decode(&bytes).unwrap();
    let crealm = Text(&[b'A'; 1025]);
    let changed = Authenticator { crealm, ..good }.encode().unwrap();
    let error = Authenticator::decode(&changed).unwrap_err();
    assert_eq!(error.problem, Problem::BadValue { field: "Realm" });
}
